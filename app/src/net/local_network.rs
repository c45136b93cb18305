//! Whether this browser lets the page connect to devices in its own network.
//!
//! Chromium has a switch, off in version 156, with which a page of a public site reaches an address of the local network only
//! once the person allows it (`LocalNetworkAccessChecksWebRTC`; <https://chromestatus.com/feature/5065884686876672>). It
//! raises no error: a candidate that is such an address, or a name of one, makes no pair. The permission is there whether or
//! not the switch is on, so it is tried out, and only when somebody is dialled in vain.
//!
//! Whatever is such a candidate has the browser ask, which it does again and again if it is closed without an answer, and
//! takes for a refusal then. So the page gives it none of them as long as they are of no use; the person has it asked
//! ([`ask`]). Others can call this device all the same.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr};

use gloo_events::EventListener;
use js_sys::{Map, Object, Reflect};
use leptos::task::spawn_local;
use partyline_core::connect::IceCredentials;
use partyline_core::connect::sdp::{RemoteAnswer, Setup};
use partyline_core::crew::{Effect, Input, LocalNetwork};
use partyline_core::dial::{SlotId, Way};
use partyline_core::id::{CertHash, Endpoint, EndpointHost};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::EventTarget;

use super::event::Events;
use super::slot::Slot;
use crate::platform;

/// A link-local address that no host takes (RFC 3927, section 2.1), and the IPv4 dummy address (RFC 7600), which is of no
/// local network: no packet arrives at either.
const LOCAL: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);
/// Browsers dial no lower ones.
const PORT: u16 = 5_004;
/// How long a browser may take to pair candidates, in milliseconds. Where it is free to it does at once.
const PAIRING_MS: i32 = 1_000;

thread_local! {
    /// The browser guards the local network, whatever the person has allowed.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
    /// How it stands.
    static STATE: Cell<LocalNetwork> = const { Cell::new(LocalNetwork::Open) };
    /// What has the browser ask: once it is closed the browser may ask for nothing.
    static ASKING: RefCell<Option<Slot>> = const { RefCell::new(None) };
}

/// Finds out how it stands, and has a room told of it if it is guarded: now, and whenever that changes.
pub(super) fn test(events: Events) {
    // Firefox 153 has the permission, and asks for it for HTTP only.
    if platform::is_firefox() {
        return;
    }
    spawn_local(async move {
        let Some(permission) = query().await else { return };
        if state(&permission) == LocalNetwork::Open || !(IS_GUARDED.get() || is_guarded().await) {
            return;
        }
        IS_GUARDED.set(true);
        let target: EventTarget = permission.clone().unchecked_into();
        let tell = move || {
            STATE.set(state(&permission));
            events.tell(Input::LocalNetwork(STATE.get()));
        };
        tell();
        // For as long as there is this page, which holds the room for about as long.
        EventListener::new(&target, "change", move |_| tell()).forget();
    });
}

/// Has the browser ask the person.
pub(crate) fn ask() {
    ASKING.with(|asking| asking.replace(dial().ok()));
}

/// Leaves out what the browser does not let the page dial.
pub(super) fn hold_back(effect: &mut Effect) {
    let candidates = match effect {
        Effect::Probe { remote, .. } | Effect::Call { remote, .. } | Effect::Dial { remote, .. } => {
            &mut remote.candidates
        }
        Effect::AddCandidates { candidates, .. } => candidates,
        _ => return,
    };
    if STATE.get() != LocalNetwork::Open {
        candidates.retain(|candidate| !is_local(&candidate.host()));
    }
}

/// Whether it is, or is a name of, what Chromium 156 counts to the local network.
fn is_local(host: &EndpointHost) -> bool {
    match host {
        EndpointHost::Mdns(_) => true,
        EndpointHost::V4(ip) => ip.is_private() || ip.is_link_local() || matches!(ip.octets(), [100, 64..=127, ..]),
        EndpointHost::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// What the permission allows, where it is asked for.
fn state(permission: &JsValue) -> LocalNetwork {
    match platform::text_entry(permission, "state").as_deref() {
        Some("prompt") => LocalNetwork::Guarded,
        Some("denied") => LocalNetwork::Refused,
        _ => LocalNetwork::Open,
    }
}

/// The permission, an object that lives on.
async fn query() -> Option<JsValue> {
    let descriptor = Object::new();
    Reflect::set(&descriptor, &"name".into(), &"local-network".into()).ok()?;
    let asked = web_sys::window()?.navigator().permissions().ok()?.query(&descriptor).ok()?;
    JsFuture::from(asked).await.ok()
}

/// Whether the browser pairs the one candidate and not the other. That one has no pair proves nothing: there may be no IPv4.
async fn is_guarded() -> bool {
    let Ok(slot) = dial() else { return false };
    let _ = JsFuture::from(platform::after_ms(PAIRING_MS, &JsValue::UNDEFINED)).await;
    let Ok(report) = JsFuture::from(slot.statistics()).await else { return false };
    let (mut pairs_local, mut pairs_outside) = (false, false);
    report.unchecked_into::<Map>().for_each(&mut |entry, _| {
        let address = platform::text_entry(&entry, "address").and_then(|address| address.parse::<IpAddr>().ok());
        pairs_local |= address == Some(LOCAL.into());
        pairs_outside |= address == Some(OUTSIDE.into());
    });
    pairs_outside && !pairs_local
}

/// Dials both addresses.
fn dial() -> Result<Slot, JsValue> {
    let endpoint = |ip| Endpoint::new(EndpointHost::V4(ip), PORT).ok();
    let nobody = RemoteAnswer {
        credentials: IceCredentials::new("nobody", "nobodyAnswersWithThisOne").map_err(|_| JsValue::NULL)?,
        cert_hash: CertHash::from_bytes([0; 32]),
        setup: Setup::Passive,
        candidates: [LOCAL, OUTSIDE].into_iter().filter_map(endpoint).collect(),
    };
    Slot::probe(SlotId::new(Way::PhoneBook, 0), None, None, &nobody, &Events::queue().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_local_is_what_chromium_takes_for_it() {
        let is_local = |text: &str| is_local(&Endpoint::parse(text).unwrap().host());
        for text in [
            "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f.local:5004",
            "10.1.2.3:5004",
            "172.31.0.1:5004",
            "192.168.0.7:5004",
            "169.254.0.1:5004",
            "100.64.0.8:5004",
            "[fd12::8]:5004",
        ] {
            assert!(is_local(text), "{text}");
        }
        for text in ["203.0.113.7:5004", "192.0.0.8:5004", "100.128.0.1:5004", "[2001:db8::1]:5004"] {
            assert!(!is_local(text), "{text}");
        }
    }
}
