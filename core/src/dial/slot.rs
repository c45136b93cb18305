/// One `RTCPeerConnection` of this device: numbered by whoever asked for it, never used twice.
///
/// Ordered by way, then by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    way: Way,
    number: u32,
}

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
    /// From what the two agreed on while they were connected last.
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

    /// Its number among those of its way.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }
}
