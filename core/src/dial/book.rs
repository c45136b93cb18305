use std::net::IpAddr;

use super::Found;
use crate::id::{CertHash, Endpoint};

/// The phone book did not do what it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unanswered {
    /// For how long it wants to be left alone, in milliseconds, if it said so (`Retry-After`).
    pub retry_after_ms: Option<u64>,
}

/// Maximum wait that is obeyed, in milliseconds: after so long a caller who was over the rate limit may ask again. A place
/// in a full room may be free long before the phone book can promise one.
const RETRY_AFTER_MAX: u64 = 60_000;

impl Unanswered {
    /// For how long to leave it alone, in milliseconds.
    pub(super) fn wait(self) -> u64 {
        self.retry_after_ms.unwrap_or_default().min(RETRY_AFTER_MAX)
    }
}

/// What is known of the phone book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookState {
    /// Not asked yet.
    Unknown,
    /// The last request was answered.
    Reachable,
    /// The last request was not.
    Unreachable,
}

/// Requests to the phone book: at most one of each kind is under way.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) state: BookState,
    /// Looks in a row that were not answered, and registrations that were not taken.
    pub(super) failures: u32,
    pub(super) refusals: u32,
    /// Whether the last registration was refused, and not only unanswered.
    pub(super) is_refused: bool,
    /// When the poll that is under way was sent.
    pub(super) polling: Option<u64>,
    pub(super) registering: bool,
    /// What the book holds of us, as far as we know.
    pub(super) listed: Option<Vec<Endpoint>>,
    /// Since when.
    pub(super) listed_at: u64,
    /// Where the book saw us when it took that.
    pub(super) seen_at: Option<IpAddr>,
    /// When the next look is due, if the phone book does not want to be left alone: see [`look_at`](Self::look_at).
    pub(super) next_poll: u64,
    /// When something happened last for which to look: an answer to what was asked before does not know of it.
    pub(super) wish_at: u64,
    /// When the next registration is due, likewise.
    pub(super) next_register: u64,
    /// Until when the phone book wants to be left alone altogether.
    pub(super) not_before: u64,
    /// Whether a first answer about the others has come.
    pub(super) answered: bool,
    /// Since when this device asks.
    begun: u64,
    /// What was registered lately, and when: it may stand in the book yet.
    ours: Vec<(Vec<Endpoint>, u64)>,
}

/// How long the phone book keeps a listing.
pub(super) const LISTED: u64 = 120_000;
/// How long a registration may be under way.
const LATE: u64 = 10_000;

impl Book {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            state: BookState::Unknown,
            failures: 0,
            refusals: 0,
            is_refused: false,
            polling: None,
            registering: false,
            listed: None,
            listed_at: 0,
            seen_at: None,
            next_poll: now_ms,
            wish_at: now_ms,
            next_register: now_ms,
            not_before: 0,
            answered: false,
            begun: now_ms,
            ours: Vec::new(),
        }
    }

    /// When to look.
    pub(super) fn look_at(&self) -> u64 {
        self.next_poll.max(self.not_before)
    }

    /// When to make or renew the listing.
    pub(super) fn register_at(&self) -> u64 {
        self.next_register.max(self.not_before)
    }

    /// Looks at once, or as soon as the look that is under way is over, or when the phone book wants to be asked again.
    pub(super) fn look(&mut self, now_ms: u64) {
        (self.next_poll, self.wish_at) = (now_ms, now_ms);
    }

    /// Whether a look that was sent then has been answered.
    pub(super) fn note(&mut self, answered: bool) {
        if answered {
            self.state = BookState::Reachable;
            self.failures = 0;
        } else {
            self.state = BookState::Unreachable;
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// Notes that these endpoints are being registered, so that they are known wherever and whenever they show.
    pub(super) fn register(&mut self, endpoints: &[Endpoint], now_ms: u64) {
        self.registering = true;
        self.ours.retain(|(known, at)| known != endpoints && at + LISTED + LATE > now_ms);
        self.ours.push((endpoints.to_vec(), now_ms));
    }

    /// Whether the answer to a look sent at `asked_at` is about the listing that we have made, if there is one.
    pub(super) fn knows_us(&self, asked_at: u64) -> bool {
        self.listed.is_some() && !self.registering && self.listed_at <= asked_at
    }

    /// Whether our listing should stand in the answer to a poll sent at `asked_at`, and does not. A listing under our
    /// certificate hash that somebody else made is none of ours.
    pub(super) fn has_lost_us(&self, local: &CertHash, found: &[Found], asked_at: u64) -> bool {
        let Some(listed) = &self.listed else { return false };
        let is_ours = |Found { address, .. }: &Found| {
            address.cert_hash == *local
                && address.endpoints == *listed
                && self.seen_at.is_none_or(|seen_at| seen_at == address.ip)
        };
        self.knows_us(asked_at) && !found.iter().any(is_ours)
    }

    /// Whether somebody else is listed under our certificate hash, by the answer to a look sent at `asked_at`: in the place
    /// of our listing, which `is_lost`, or when all that this device listed before it began to ask is gone.
    pub(super) fn shows_double(&self, local: &CertHash, found: &[Found], asked_at: u64, is_lost: bool) -> bool {
        let is_double = |Found { address, .. }: &Found| {
            let is_ours = |(ours, _): &(Vec<Endpoint>, u64)| ours.iter().any(|ours| address.endpoints.contains(ours));
            address.cert_hash == *local && !address.endpoints.is_empty() && !self.ours.iter().any(is_ours)
        };
        let is_old_gone = asked_at >= self.begun + LISTED + LATE;
        self.knows_us(asked_at) && (is_old_gone || is_lost) && found.iter().any(is_double)
    }
}
