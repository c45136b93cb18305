//! What keeps a device from being connected or from having what the others have, as far as a person can do something
//! about it.

use crate::id::{CertHash, DeviceId};

/// Why nobody is connected, where that is not because nobody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The browser makes no connections between pages.
    NoConnections,
    /// It makes them, and they have no address: a setting, an extension, or a network that takes HTTP only.
    NoAddress,
    /// The phone book answers, and does not list this device.
    NotListed,
    /// Somebody else has been in the phone book for a while, and no connection to them comes about.
    OutOfReach,
    /// Somebody is dialled in vain, and the browser lets the page reach devices in its own network only once the person
    /// allows it.
    LocalNetworkGuarded,
    /// The same, and the person does not allow it.
    LocalNetworkRefused,
}

impl Obstacle {
    /// All there are, in the order in which they are numbered between tabs.
    pub const ALL: [Self; 6] = [
        Self::NoConnections,
        Self::NoAddress,
        Self::NotListed,
        Self::OutOfReach,
        Self::LocalNetworkGuarded,
        Self::LocalNetworkRefused,
    ];

    /// Whether codes do not connect either.
    #[must_use]
    pub fn is_of_all_ways(self) -> bool {
        matches!(self, Self::NoConnections | Self::NoAddress)
    }

    /// Whether it is told while somebody is dialled: it is known before that is over.
    pub(super) fn is_known(self) -> bool {
        !matches!(self, Self::NotListed | Self::OutOfReach)
    }
}

/// Whether the browser lets the page reach devices in its own network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocalNetwork {
    /// It does, as far as is known.
    #[default]
    Open,
    /// It does once the person allows it.
    Guarded,
    /// It does not, for the person does not allow it.
    Refused,
}

impl LocalNetwork {
    pub(super) fn obstacle(self) -> Option<Obstacle> {
        match self {
            Self::Open => None,
            Self::Guarded => Some(Obstacle::LocalNetworkGuarded),
            Self::Refused => Some(Obstacle::LocalNetworkRefused),
        }
    }
}

/// Why a sync with a connected peer came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncTrouble {
    /// This device has no space for what came.
    NoSpace,
    /// Its storage failed, or did not answer.
    NotKept,
    /// It cannot read what came.
    NotUnderstood,
    /// The peer refused, or did not answer.
    Refused,
}

impl SyncTrouble {
    /// All there are, in the order in which they are numbered between tabs.
    pub const ALL: [Self; 4] = [Self::NoSpace, Self::NotKept, Self::NotUnderstood, Self::Refused];

    /// What this device's own answer to changes of others means, if it is none that took them.
    pub(super) fn of_merge(status: u16) -> Self {
        match status {
            507 => Self::NoSpace,
            400..=499 => Self::NotUnderstood,
            _ => Self::NotKept,
        }
    }

    /// Whether a person is told after so many pulls in a row that failed. What passes by itself at the second attempt is no
    /// trouble.
    pub(super) fn is_told(self, failures: u32) -> bool {
        self == Self::NoSpace || failures > 1
    }
}

/// Connections in a row that were not made, or were made and have no address.
#[derive(Debug, Default)]
pub(super) struct Making {
    unmade: u32,
    unaddressed: u32,
}

/// One connection without an address may be due to a busy machine, and one that was not made to its limits.
const IN_A_ROW: u32 = 2;

impl Making {
    /// A connection knows its endpoints.
    pub(super) fn handle_described(&mut self, has_endpoints: bool) {
        self.unmade = 0;
        self.unaddressed = if has_endpoints { 0 } else { self.unaddressed.saturating_add(1) };
    }

    /// A connection could not be made, for no reason that is known.
    pub(super) fn handle_not_made(&mut self) {
        self.unmade = self.unmade.saturating_add(1);
    }

    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        match (self.unmade, self.unaddressed) {
            (IN_A_ROW.., _) => Some(Obstacle::NoConnections),
            (_, IN_A_ROW..) => Some(Obstacle::NoAddress),
            _ => None,
        }
    }
}

/// How long a refusal tells that somebody speaks a newer format, in milliseconds: while the phone book lists them, and
/// otherwise. Within the first they dial this device again, or it them.
const NEWER_LISTED: u64 = 300_000;
const NEWER_GONE: u64 = 20_000;

/// Members that refused this device for its format, by their certificates, and when.
#[derive(Debug, Default)]
pub(super) struct Newer(Vec<(CertHash, u64)>);

impl Newer {
    pub(super) fn handle_refusal(&mut self, peer: CertHash, now_ms: u64) {
        self.handle_established(peer);
        self.0.push((peer, now_ms));
    }

    /// The two speak the same now.
    pub(super) fn handle_established(&mut self, peer: CertHash) {
        self.0.retain(|(other, _)| *other != peer);
    }

    /// Forgets those of whom nothing has been heard for a while.
    pub(super) fn handle_timeout(&mut self, is_listed: impl Fn(&CertHash) -> bool, now_ms: u64) {
        self.0.retain(|(peer, at)| now_ms < at + if is_listed(peer) { NEWER_LISTED } else { NEWER_GONE });
    }

    pub(super) fn is_any(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Troubles by peer.
pub(super) type SyncTroubles = Vec<(DeviceId, SyncTrouble)>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_member_is_forgotten_when_nothing_is_heard_of_it_or_the_two_speak_the_same() {
        let (one, other) = (CertHash::from_bytes([1; 32]), CertHash::from_bytes([2; 32]));
        let mut newer = Newer::default();
        newer.handle_refusal(one, 0);
        newer.handle_refusal(other, 1_000);
        newer.handle_timeout(|peer| *peer == one, NEWER_GONE + 1_000);
        assert!(newer.is_any(), "one is listed");
        newer.handle_refusal(one, 100_000);
        newer.handle_timeout(|_| true, NEWER_LISTED + 99_999);
        assert!(newer.is_any(), "it refused this device again");
        newer.handle_timeout(|_| true, NEWER_LISTED + 100_000);
        assert!(!newer.is_any());
        newer.handle_refusal(one, 500_000);
        newer.handle_established(other);
        assert!(newer.is_any());
        newer.handle_established(one);
        assert!(!newer.is_any());
    }

    #[test]
    fn every_answer_to_changes_that_did_not_take_them_is_a_trouble() {
        for (status, trouble) in [
            (507, SyncTrouble::NoSpace),
            (400, SyncTrouble::NotUnderstood),
            (413, SyncTrouble::NotUnderstood),
            (422, SyncTrouble::NotUnderstood),
            (500, SyncTrouble::NotKept),
            (503, SyncTrouble::NotKept),
        ] {
            assert_eq!(SyncTrouble::of_merge(status), trouble, "{status}");
        }
    }
}
