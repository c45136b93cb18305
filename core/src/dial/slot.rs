/// One `RTCPeerConnection` of this device: numbered by whoever asked for it, never used twice.
///
/// Ordered by way, then by precedence, then by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    way: Way,
    precedence: Precedence,
    number: u32,
}

/// Which of two connections of one way stays. One that a probe made has a probe at one end only; the one that stays is
/// the one that has it at the end with the lower certificate hash, so both ends see the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Precedence {
    /// A probe of the end with the greater certificate hash.
    Low,
    /// No probe.
    Even,
    /// A probe of the end with the lower certificate hash.
    High,
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
        Self { way, precedence: Precedence::Even, number }
    }

    /// The probe of this number, made by the end with the lower certificate hash or by the other one.
    #[must_use]
    pub(super) const fn probe(number: u32, is_lower: bool) -> Self {
        let precedence = if is_lower { Precedence::High } else { Precedence::Low };
        Self { way: Way::PhoneBook, precedence, number }
    }

    /// How it comes about.
    #[must_use]
    pub const fn way(self) -> Way {
        self.way
    }

    /// Of two connections to the same run of the same device: whether this one, open for `age_ms`, stays although `newer`
    /// has opened as well.
    ///
    /// It does if the two came about at the same time and its way is the greater one, or of two probes it is the one of the
    /// lower certificate hash. Otherwise whoever made the newer one had found this one to be dead.
    #[must_use]
    pub fn outlasts(self, newer: SlotId, age_ms: u64) -> bool {
        (self.way, self.precedence) > (newer.way, newer.precedence) && age_ms < SAME_TIME_MS
    }

    /// Its number among those of its way.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_keep_the_same_of_two_connections_that_probes_made() {
        // One of a probe of the lower end to the other's spare, and one the other way round, as each end has them.
        let [at_lower, at_other] = [true, false].map(|is_lower| {
            let (probe, spare) = (SlotId::probe(2, is_lower), SlotId::new(Way::PhoneBook, 1));
            if is_lower { [probe, spare] } else { [spare, probe] }
        });
        for [of_lower, of_other] in [at_lower, at_other] {
            assert!(of_lower.outlasts(of_other, 0));
            assert!(!of_other.outlasts(of_lower, 0));
            assert!(!of_lower.outlasts(of_other, SAME_TIME_MS));
        }
        let introduced = SlotId::new(Way::Introduction, 3);
        assert!(introduced.outlasts(SlotId::probe(2, true), 0));
        assert!(!SlotId::probe(2, true).outlasts(introduced, 0));
    }
}
