use std::net::IpAddr;

use crate::id::{Address, CertHash, Endpoint};

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
    pub(super) failures: u32,
    /// When the poll that is under way was sent.
    pub(super) polling: Option<u64>,
    pub(super) registering: bool,
    /// What the book holds of us, as far as we know.
    pub(super) listed: Option<Vec<Endpoint>>,
    /// Since when.
    pub(super) listed_at: u64,
    /// Where the book saw us when it took that.
    pub(super) seen_at: Option<IpAddr>,
    pub(super) next_poll: u64,
    pub(super) next_register: u64,
    /// Whether a first answer about the others has come.
    pub(super) answered: bool,
}

impl Book {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            state: BookState::Unknown,
            failures: 0,
            polling: None,
            registering: false,
            listed: None,
            listed_at: 0,
            seen_at: None,
            next_poll: now_ms,
            next_register: now_ms,
            answered: false,
        }
    }

    pub(super) fn note(&mut self, answered: bool) {
        if answered {
            self.state = BookState::Reachable;
            self.failures = 0;
        } else {
            self.state = BookState::Unreachable;
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// Whether our listing should stand in the answer to a poll sent at `asked_at`, and does not. A listing under our
    /// certificate hash that somebody else made is none of ours.
    pub(super) fn has_lost_us(&self, local: &CertHash, addresses: &[Address], asked_at: u64) -> bool {
        let Some(listed) = &self.listed else { return false };
        let is_ours = |address: &Address| {
            address.cert_hash == *local
                && address.endpoints == *listed
                && self.seen_at.is_none_or(|seen_at| seen_at == address.ip)
        };
        !self.registering && self.listed_at <= asked_at && !addresses.iter().any(is_ours)
    }
}
