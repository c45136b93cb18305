/// One `RTCPeerConnection` of this device: numbered by whoever asked for it, never used twice.
///
/// Ordered by way, then by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    way: Way,
    number: u32,
}

/// Two connections of one pair that open within this time came about in two ways at once.
const SAME_TIME_MS: u64 = 5_000;

/// How a connection comes about.
///
/// A pair that gets two at once keeps the one of the greater way. Both ends see the same two ways, in whichever order the
/// connections open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// By an address from the phone book.
    PhoneBook,
    /// A common peer carried what both need ([`mesh`](crate::mesh)).
    Introduction,
    /// By what the two told each other while they were connected last ([`redial`](crate::redial)).
    Redial,
    /// By codes that people carried from one screen to the other.
    ByHand,
}

impl SlotId {
    /// The connection of this way and number.
    #[must_use]
    pub const fn new(way: Way, number: u32) -> Self {
        Self { way, number }
    }

    /// How it comes about.
    #[must_use]
    pub const fn way(self) -> Way {
        self.way
    }

    /// Of two connections to the same run of the same device: whether this one, open for `age_ms`, stays although `newer`
    /// has opened as well.
    ///
    /// It does if the two came about at the same time and its way is the greater one. Otherwise whoever made the newer one
    /// had found this one to be dead.
    #[must_use]
    pub fn outlasts(self, newer: SlotId, age_ms: u64) -> bool {
        self.way > newer.way && age_ms < SAME_TIME_MS
    }

    /// Its number among those of its way.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }
}
