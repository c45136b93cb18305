//! Which of very many rooms are held at a time.
//!
//! A room in the background has two connections and one standby for each, keeps ready for two more devices, and has one
//! connection that waits or dials: seven as a rule, thirteen at most. [`MOST`] of them, and one that is on show, stay far
//! below the 500 connections beyond which Chromium makes no more for a page.

use partyline_core::id::RoomId;

/// So many rooms are held at once.
const MOST: usize = 24;
/// Of more rooms than that so many give way to others at the end of each turn.
const STEP: usize = 8;
/// How long a turn is, in intervals of half a second: five minutes.
const TURN: u32 = 600;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns {
    passed: u32,
    turn: usize,
}

impl Turns {
    /// An interval has passed.
    pub(super) fn pass(&mut self) {
        self.passed += 1;
        if self.passed >= TURN {
            (self.passed, self.turn) = (0, self.turn.wrapping_add(1));
        }
    }

    /// The rooms to be held: those that are on show, and as many others in turn as there may be.
    pub(super) fn alive(&self, rooms: &[RoomId], is_shown: impl Fn(&RoomId) -> bool) -> Vec<RoomId> {
        let (mut alive, others): (Vec<RoomId>, Vec<RoomId>) = rooms.iter().partition(|room| is_shown(room));
        let first = self.turn.wrapping_mul(STEP) % others.len().max(1);
        let fits = MOST.saturating_sub(alive.len()).min(others.len());
        alive.extend(others.iter().cycle().skip(if fits < others.len() { first } else { 0 }).take(fits));
        alive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(count: u8) -> Vec<RoomId> {
        (0..count).map(|n| RoomId::from_random_bytes([n; 16])).collect()
    }

    #[test]
    fn all_rooms_are_held_where_they_are_few() {
        let (rooms, mut turns) = (rooms(24), Turns::default());
        for _ in 0..3 * TURN {
            let mut alive = turns.alive(&rooms, |room| *room == rooms[20]);
            assert_eq!(alive.first(), Some(&rooms[20]));
            alive.sort_unstable();
            let mut all = rooms.clone();
            all.sort_unstable();
            assert_eq!(alive, all);
            turns.pass();
        }
        assert_eq!(turns.alive(&[], |_| true), []);
    }

    #[test]
    fn of_many_rooms_each_has_its_turn_and_what_is_on_show_stays() {
        for count in [25, 60, 200] {
            let (rooms, mut turns) = (rooms(count), Turns::default());
            let mut had = Vec::new();
            // One turn more than it takes to go round.
            for _ in 0..=usize::from(count).div_ceil(STEP) {
                let alive = turns.alive(&rooms, |room| *room == rooms[7]);
                assert_eq!((alive.len(), alive[0]), (MOST, rooms[7]));
                let mut once = alive.clone();
                once.sort_unstable();
                once.dedup();
                assert_eq!(once.len(), MOST, "none is held twice");
                had.extend(alive);
                (0..TURN).for_each(|_| turns.pass());
            }
            assert!(rooms.iter().all(|room| had.contains(room)), "{count}");
        }
    }
}
