use crate::clock::{Skew, Stamp};
use crate::id::DeviceId;

/// More than this ahead of us is worth telling the user.
const NOTICEABLE_MS: u64 = 2 * 60 * 1000;
/// More than this ahead of us is no clock error but a malformed change.
const REFUSED_MS: u64 = 365 * 24 * 60 * 60 * 1000;

/// Gives out a device's stamps.
///
/// **Invariant:** each stamp is above every stamp given out or observed before it, whatever the wall clock does. The
/// clock follows the wall clock when that is ahead, and counts on its own when the wall clock stands still or jumps back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    device: DeviceId,
    millis: u64,
    counter: u32,
}

/// Why a stamp was refused. The clock is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ObserveStampError {
    /// The stamp is more than a year ahead of the local wall clock: following it would spoil every later stamp here.
    #[error("a change of device {} is dated more than a year ahead", .0.device)]
    FarAhead(Skew),
}

impl Clock {
    /// The clock of a device that has not written or seen anything.
    pub fn new(device: DeviceId) -> Self {
        Self { device, millis: 0, counter: 0 }
    }

    /// A clock that goes on from `last`, the highest stamp given out or observed before.
    pub fn resume(device: DeviceId, last: Stamp) -> Self {
        Self { device, millis: last.millis, counter: last.counter }
    }

    /// The highest stamp so far, in the form that [`Clock::resume`] takes.
    pub fn last(&self) -> Stamp {
        Stamp { millis: self.millis, counter: self.counter, device: self.device }
    }

    /// The stamp for a new write; strictly above all before it.
    pub fn tick(&mut self, now_ms: u64) -> Stamp {
        let now_ms = now_ms.min(Stamp::MAX_MILLIS);
        if now_ms > self.millis {
            self.millis = now_ms;
            self.counter = 0;
        } else if let Some(counter) = self.counter.checked_add(1) {
            self.counter = counter;
        } else {
            self.millis = self.millis.saturating_add(1);
            self.counter = 0;
        }
        self.last()
    }

    /// Moves the clock up to a stamp that was seen.
    ///
    /// Answers how far ahead the stamp's device is, if that is more than two minutes.
    ///
    /// # Errors
    /// If the stamp is more than a year ahead; the clock then stays where it was.
    pub fn observe(&mut self, stamp: &Stamp, now_ms: u64) -> Result<Option<Skew>, ObserveStampError> {
        let skew = Self::check(stamp, now_ms)?;
        self.follow(stamp);
        Ok(skew)
    }

    /// What [`Clock::observe`] would answer, without moving any clock.
    pub(crate) fn check(stamp: &Stamp, now_ms: u64) -> Result<Option<Skew>, ObserveStampError> {
        let skew = Skew { device: stamp.device, ahead_ms: stamp.millis.saturating_sub(now_ms) };
        match skew.ahead_ms {
            ahead if ahead > REFUSED_MS => Err(ObserveStampError::FarAhead(skew)),
            ahead if ahead > NOTICEABLE_MS => Ok(Some(skew)),
            _ => Ok(None),
        }
    }

    /// Moves the clock up to a stamp without judging it: for what this device itself accepted earlier.
    pub(crate) fn follow(&mut self, stamp: &Stamp) {
        if (stamp.millis, stamp.counter) > (self.millis, self.counter) {
            self.millis = stamp.millis;
            self.counter = stamp.counter;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    fn device(n: u8) -> DeviceId {
        DeviceId::from_bytes([n; 16])
    }

    fn stamp(millis: u64, counter: u32) -> Stamp {
        Stamp { millis, counter, device: device(2) }
    }

    #[test]
    fn follows_the_wall_clock() {
        let mut clock = Clock::new(device(1));
        assert_eq!(clock.tick(NOW), Stamp { millis: NOW, counter: 0, device: device(1) });
        assert_eq!(clock.tick(NOW + 5), Stamp { millis: NOW + 5, counter: 0, device: device(1) });
    }

    #[test]
    fn rises_when_the_wall_clock_stands_still_or_jumps_back() {
        let mut clock = Clock::new(device(1));
        let mut last = clock.tick(NOW);
        for now in [NOW, NOW - 86_400_000, 0, NOW, NOW - 1] {
            let next = clock.tick(now);
            assert!(next > last);
            last = next;
        }
    }

    #[test]
    fn rises_when_the_counter_is_used_up_and_at_the_end_of_time() {
        let mut clock = Clock::resume(device(1), stamp(NOW, u32::MAX));
        assert_eq!(clock.tick(NOW), Stamp { millis: NOW + 1, counter: 0, device: device(1) });
        let mut clock = Clock::resume(device(1), stamp(Stamp::MAX_MILLIS, u32::MAX));
        let first = clock.tick(u64::MAX);
        assert!(first > stamp(Stamp::MAX_MILLIS, u32::MAX));
        assert!(clock.tick(u64::MAX) > first);
    }

    #[test]
    fn a_tick_is_above_what_was_observed() {
        let mut clock = Clock::new(device(1));
        let seen = stamp(NOW + 1000, 7);
        assert_eq!(clock.observe(&seen, NOW), Ok(None));
        assert!(clock.tick(NOW) > seen);
        let earlier = clock.last();
        assert_eq!(clock.observe(&stamp(NOW, 9), NOW), Ok(None));
        assert_eq!(clock.last(), earlier);
    }

    #[test]
    fn two_minutes_are_told_and_a_year_is_refused() {
        let mut clock = Clock::new(device(1));
        assert_eq!(clock.observe(&stamp(NOW + NOTICEABLE_MS, 0), NOW), Ok(None));
        let ahead_ms = NOTICEABLE_MS + 1;
        let told = Skew { device: device(2), ahead_ms };
        assert_eq!(clock.observe(&stamp(NOW + ahead_ms, 0), NOW), Ok(Some(told)));
        assert!(clock.observe(&stamp(NOW + REFUSED_MS, 0), NOW).is_ok());

        let before = clock.clone();
        let ahead_ms = REFUSED_MS + 1;
        let far = ObserveStampError::FarAhead(Skew { device: device(2), ahead_ms });
        assert_eq!(clock.observe(&stamp(NOW + ahead_ms, 0), NOW), Err(far));
        assert_eq!(clock, before);
    }
}
