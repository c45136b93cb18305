//! How IPv4 sees this device.
//!
//! A device that reaches the phone book over IPv6 is listed under its IPv6 address, where nobody calls who has IPv4 only. So
//! a deployment may name an address of the phone book that has IPv4 only; whoever asks there is told how it is seen. It
//! stands in the page, and in its policy, as `xtask` has put it there.

use std::cell::Cell;
use std::net::IpAddr;

use gloo_net::http::Request;

use crate::platform;

/// The name of the page's `meta` element that has the address.
const ADDRESS: &str = "phone-book-v4";
/// How long an answer may take, in milliseconds: the first endpoints wait for it.
const TIMEOUT_MS: u32 = 1_000;
/// How long an answer is good, in milliseconds.
const GOOD_MS: u64 = 60_000;

thread_local! {
    /// When it was asked last, and what was answered.
    static SEEN: Cell<Option<(u64, Option<IpAddr>)>> = const { Cell::new(None) };
}

/// How IPv4 saw this device last.
pub(super) fn seen() -> Option<IpAddr> {
    SEEN.get()?.1
}

/// Asks, if there is somebody to ask and the last answer is old.
pub(super) async fn ask() {
    let now = platform::monotonic_ms();
    let Some(origin) = platform::meta(ADDRESS).filter(|_| SEEN.get().is_none_or(|(at, _)| at + GOOD_MS <= now)) else {
        return;
    };
    // Until there is an answer the last one counts, and nobody asks again.
    SEEN.set(Some((now, seen())));
    SEEN.set(Some((now, answer(&origin).await)));
}

async fn answer(origin: &str) -> Option<IpAddr> {
    let signal = web_sys::AbortSignal::timeout_with_u32(TIMEOUT_MS);
    let answer = Request::get(&[origin, "/health"].concat()).abort_signal(Some(&signal)).send().await.ok()?;
    answer.headers().get("observed-ip")?.parse().ok().filter(IpAddr::is_ipv4)
}
