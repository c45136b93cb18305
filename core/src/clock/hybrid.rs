use crate::clock::Stamp;
use crate::id::DeviceId;

/// How far ahead of the wall clock a stamp may be, in milliseconds, to be taken as it is and followed: 15 hours.
///
/// (Kulkarni et al. bound a hybrid clock in the same way.) What is dated further ahead waits. A wrong time zone puts a
/// clock off by 14 hours at most (UTC+14 is as far as zones go, UTC−12 the other way), and an hour for summer time; it
/// is the commonest mistake, and it is to keep nobody's changes from anybody. A clock that is further off has lost its
/// battery or was set to another day. Whatever else this let in, all clocks of a room would count on from there, and
/// who edits offline with a right clock would lose to each of them for as long.
pub const FOLLOW_MS: u64 = 15 * 60 * 60 * 1000;

/// 2026-09-01, in milliseconds since 1970. This format was not written before: a wall clock that says so is behind, as
/// those are whose battery was empty, and nothing is to be judged by it.
pub const EPOCH_MS: u64 = 1_788_220_800_000;

/// Gives out a device's stamps.
///
/// **Invariant:** each stamp is above every stamp given out or followed before it, as long as the wall clock does not go
/// back by more than [`FOLLOW_MS`]. The clock follows the wall clock when that is ahead, and counts on its own when it
/// stands still or jumps back. Where the wall clock was far ahead and was put right, the hybrid clock comes back with it:
/// who gives a stamp then looks to it that it is above what it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    device: DeviceId,
    millis: u64,
    counter: u32,
}

impl Clock {
    /// The clock of a device that has not written or seen anything.
    pub fn new(device: DeviceId) -> Self {
        Self { device, millis: 0, counter: 0 }
    }

    /// A clock that goes on from `last`, the highest stamp given out or followed before.
    pub fn resume(device: DeviceId, last: Stamp) -> Self {
        Self { device, millis: last.millis, counter: last.counter }
    }

    /// The highest stamp so far, in the form that [`Clock::resume`] takes.
    pub fn last(&self) -> Stamp {
        Stamp { millis: self.millis, counter: self.counter, device: self.device }
    }

    /// Whether a stamp is so far ahead of the wall clock that it is not to be followed.
    pub fn is_far_ahead(stamp: &Stamp, now_ms: u64) -> bool {
        stamp.millis > now_ms.saturating_add(FOLLOW_MS)
    }

    /// The stamp for a new write.
    pub fn tick(&mut self, now_ms: u64) -> Stamp {
        let now_ms = now_ms.min(Stamp::MAX_MILLIS);
        if now_ms > self.millis || self.comes_back(now_ms) {
            self.millis = now_ms;
            self.counter = 0;
        } else {
            let Stamp { millis, counter, .. } = self.last().next();
            (self.millis, self.counter) = (millis, counter);
        }
        self.last()
    }

    /// Moves the clock up to a stamp that was seen.
    pub fn follow(&mut self, stamp: &Stamp) {
        if (stamp.millis, stamp.counter) > (self.millis, self.counter) {
            (self.millis, self.counter) = (stamp.millis, stamp.counter);
        }
    }

    /// Goes on from a stamp that this device gave a write at that time of the wall clock.
    pub(crate) fn wrote(&mut self, stamp: &Stamp, now_ms: u64) {
        if self.comes_back(now_ms) {
            (self.millis, self.counter) = (now_ms, 0);
        }
        self.follow(stamp);
    }

    /// Whether the wall clock was far ahead and was put right. An empty battery is no reason to come back.
    pub(crate) fn comes_back(&self, now_ms: u64) -> bool {
        now_ms >= EPOCH_MS && Self::is_far_ahead(&self.last(), now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;
    const DAY: u64 = 86_400_000;

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
        for now in [NOW, NOW - FOLLOW_MS, 0, NOW, NOW - 1, EPOCH_MS - 1] {
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
    fn a_tick_is_above_what_was_followed() {
        let mut clock = Clock::new(device(1));
        let seen = stamp(NOW + 1000, 7);
        clock.follow(&seen);
        assert!(clock.tick(NOW) > seen);
        let earlier = clock.last();
        clock.follow(&stamp(NOW, 9));
        assert_eq!(clock.last(), earlier);
    }

    #[test]
    fn comes_back_from_far_ahead_with_the_wall_clock_and_not_before() {
        let mut clock = Clock::new(device(1));
        clock.tick(NOW + FOLLOW_MS);
        assert_eq!(clock.tick(NOW).millis, NOW + FOLLOW_MS);
        clock.tick(NOW + FOLLOW_MS + 1);
        assert_eq!(clock.tick(NOW), Stamp { millis: NOW, counter: 0, device: device(1) });
        clock.tick(NOW + 400 * DAY);
        assert_eq!(clock.tick(7), Stamp { millis: NOW + 400 * DAY, counter: 1, device: device(1) });
        // Told what it gave out, another one comes back as well.
        let mut other = Clock::resume(device(1), stamp(NOW + 400 * DAY, 1));
        other.wrote(&stamp(NOW, 0), NOW);
        assert_eq!((other.last().millis, other.last().counter), (NOW, 0));
    }
}
