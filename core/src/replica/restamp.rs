//! Writes that were made under a wrong clock, and are made anew.
//!
//! A hybrid clock cannot take back a stamp: what was written under a clock that was 400 days ahead would win for 400 days.
//! So a write can be *replaced*: an object of a kind of its own names it, and where it is named, it is not merged, was not
//! merged, and does not wait to be, in whatever order the two arrive. What it said may be written anew, with another stamp;
//! or not, if somebody decided so. A name has number and stamp of the write, so nobody can replace what he has not seen. (A
//! member can overwrite all that he sees anyway, with a write that is later.)
//!
//! Where something is replaced that had been merged, what it had superseded is missing; those who held it back have it, and
//! a sync that finds the difference brings it.

use crate::clock::{Clock, EPOCH_MS, FOLLOW_MS, NOTICEABLE_MS, Stamp};
use crate::id::TaskId;
use crate::replica::object_state::ObjectState;
use crate::replica::op::Value;
use crate::replica::replaced::{Replaced, WrongClock, is_name};
use crate::replica::work::step;
use crate::replica::writes::Write;
use crate::replica::{Batch, Change, Dot, EditError, ObjectId, Op, Record, Replica};

/// Under a clock that is behind, what was written in these last milliseconds is made anew: a week. What is older was
/// written when the clock was right and read the same.
const BEHIND_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// What would come out as written longer ago than this was written under a clock that was off by something else: 30 days.
const LONG_AGO_MS: u64 = 30 * 24 * 60 * 60 * 1000;

impl Replica {
    /// Whether it is named as replaced.
    pub(crate) fn is_replaced(&self, change: &Change) -> bool {
        self.has_replaced && !is_name(change.object) && self.objects.contains_key(&Replaced::of(change).object())
    }

    /// Takes out what is replaced, if it is here.
    pub(crate) fn replace(&mut self, replaced: &Replaced) {
        self.has_replaced = true;
        let is_it = |object: &ObjectId, stamp: Stamp| stamp == replaced.stamp && !is_name(*object);
        let parts: Vec<(ObjectId, u64)> = self
            .writes
            .parts(replaced.dot)
            .filter(|write| is_it(&write.object, write.stamp()))
            .map(|write| (write.object, write.arrival))
            .collect();
        for (object, arrival) in parts {
            self.writes.purge(arrival);
            if self.let_go(arrival).is_none()
                && let Some(state) = self.objects.get_mut(&object)
            {
                state.remove(arrival, &mut self.writes);
                self.touch(object);
                self.forget_empty(object);
            }
        }
    }

    /// The task that looks different by what such an object says.
    pub(crate) fn replaced_task(&self, object: ObjectId) -> Option<TaskId> {
        let state = self.objects.get(&object).filter(|_| is_name(object))?;
        let mut task = None;
        for write in state.writes() {
            state.ops_of(write, &mut |op| task = task.or(Replaced::read_op(op).and_then(|replaced| replaced.task)));
        }
        task
    }

    /// How far this device's wall clock is ahead, in milliseconds (less than 0 if it is behind), if it was
    /// [heard](Self::hear_clock) to be wrong and was not put right since, as far as that can be told.
    pub fn clock_error(&self, now_ms: u64) -> Option<i64> {
        let WrongClock { ahead_ms, until, .. } = self.wrong?;
        // A clock that was put right has gone by what it was off.
        let half = until.saturating_add_signed((ahead_ms / 2).saturating_neg());
        let is_wrong_still = if ahead_ms > 0 { now_ms > half } else { now_ms < half };
        is_wrong_still.then_some(ahead_ms)
    }

    /// Takes in how far this device's wall clock is ahead of [what most say](crate::clock::judge), in milliseconds; less
    /// than 0 if it is behind. Returns what has to be stored, if anything does; it is done by then.
    ///
    /// If the clock is right, what was written while it was not is written anew: dated when it was made, as far as that is
    /// known, and now otherwise.
    ///
    /// # Errors
    ///
    /// If this device cannot write any more.
    pub fn hear_clock(&mut self, ahead_ms: i64, now_ms: u64) -> Result<Option<Record>, EditError> {
        let is_known = |wrong: WrongClock| wrong.is_heard && wrong.ahead_ms.abs_diff(ahead_ms) <= NOTICEABLE_MS;
        let is_news = if is_wrong(ahead_ms) {
            !self.wrong.is_some_and(is_known)
        } else {
            self.wrong.is_some()
                || self.has_to_restamp(now_ms)
                || self.clock.comes_back(now_ms) && !self.is_all_settled()
        };
        if is_news { self.clock_heard(ahead_ms, now_ms).map(Some) } else { Ok(None) }
    }

    fn clock_heard(&mut self, ahead_ms: i64, now_ms: u64) -> Result<Record, EditError> {
        let changes = if is_wrong(ahead_ms) { Vec::new() } else { self.restamp(now_ms)? };
        self.note_clock(ahead_ms, now_ms);
        Ok(Record { clock: Some(ahead_ms), ..Batch::live(changes).at(now_ms) })
    }

    /// Whether there is something to [see to](Self::tend).
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.has_due(now_ms) || self.has_dropped_early(now_ms) || self.was_behind(now_ms)
    }

    /// Merges what is held back and whose time has come. To be done before anything else if it [is due](Self::is_due): a
    /// clock that was behind and was put right writes anew first what it wrote, or that would lose to what had to wait.
    /// Returns what has to be stored.
    ///
    /// # Errors
    ///
    /// If this device cannot write any more.
    pub fn tend(&mut self, now_ms: u64) -> Result<Record, EditError> {
        if self.was_behind(now_ms) {
            return self.clock_heard(0, now_ms);
        }
        self.pass_time(now_ms);
        Ok(Batch::default().at(now_ms))
    }

    /// Whether the clock was behind, and has been put right as far as can be told.
    fn was_behind(&self, now_ms: u64) -> bool {
        self.wrong.is_some_and(|wrong| wrong.ahead_ms < 0) && self.clock_error(now_ms).is_none()
    }

    /// Notes that an edit is made at this time.
    pub(crate) fn note_edit(&mut self, now_ms: u64) {
        if now_ms < EPOCH_MS && self.wrong.is_none() {
            let ahead_ms = (now_ms as i64).saturating_sub(EPOCH_MS as i64);
            self.wrong = Some(WrongClock { ahead_ms, until: now_ms, is_heard: false });
        } else if self.clock_error(now_ms).is_some()
            && let Some(wrong) = &mut self.wrong
        {
            wrong.until = now_ms;
        }
    }

    /// Notes what was heard of the wall clock.
    pub(crate) fn note_clock(&mut self, ahead_ms: i64, now_ms: u64) {
        if is_wrong(ahead_ms) {
            self.wrong = Some(WrongClock { ahead_ms, until: now_ms, is_heard: true });
        } else {
            self.wrong = None;
            self.settled = self.given();
        }
    }

    /// Notes that the clock goes on from this time. If it was far ahead, others may have what this device wrote then, and
    /// what was overwritten here since.
    pub(crate) fn note_return(&mut self, now_ms: u64) {
        if self.clock.comes_back(now_ms) {
            self.settled = self.given();
        }
    }

    fn is_all_settled(&self) -> bool {
        self.settled == self.given()
    }

    /// Whether a change is one of this device's own that it has made anew since, or superseded before it did.
    pub(crate) fn is_settled(&self, change: &Change, now_ms: u64) -> bool {
        change.dot.device == self.device && change.dot.seq <= self.settled && Clock::is_far_ahead(&change.stamp, now_ms)
    }

    /// Whether anything of this device's own is dated too far ahead.
    fn has_to_restamp(&self, now_ms: u64) -> bool {
        let is_ahead = |write: &Write| Clock::is_far_ahead(&write.stamp(), now_ms) && self.is_of_this_life(write);
        let may_be = self.latest > now_ms.saturating_add(FOLLOW_MS) || !self.held.is_empty();
        may_be && self.writes.of_device(self.device).any(is_ahead)
    }

    /// Whether a write under this device's id is one that it has to answer for. What waits came from somebody else, and is
    /// either one that it has superseded, or one that another life of it has made.
    fn is_of_this_life(&self, write: &Write) -> bool {
        let waits = self.waiting(write).is_some();
        !is_name(write.object) && (!waits || write.dot.seq <= self.settled)
    }

    fn restamp(&mut self, now_ms: u64) -> Result<Vec<Change>, EditError> {
        let is_ahead = |stamp: &Stamp| Clock::is_far_ahead(stamp, now_ms);
        let is_right = |write: &Write| !is_ahead(&write.stamp());
        let behind = self.wrong.filter(|wrong| wrong.ahead_ms < 0);
        let is_behind = |stamp: &Stamp| {
            behind.is_some_and(|wrong| (wrong.until.saturating_sub(BEHIND_MS)..=wrong.until).contains(&stamp.millis))
        };
        let left = |write: &Write| {
            let mut ops = Vec::new();
            self.ops_of(write, &mut |op| ops.push(op.clone()));
            let Write { dot, object, machine, .. } = *write;
            let change = Change { dot, stamp: write.stamp(), object, complete: true, machine, ops };
            (change, self.waiting(write).is_some())
        };
        // In the order of their numbers, which is that in which they were made.
        let own: Vec<(Change, bool)> = self
            .writes
            .of_device(self.device)
            .filter(|write| is_ahead(&write.stamp()) || is_behind(&write.stamp()))
            .filter(|write| self.is_of_this_life(write))
            .map(left)
            .collect();
        self.note_return(now_ms);
        // Only now: what waited may supersede it.
        self.pass_time(now_ms);
        let heard = self.wrong.filter(|wrong| wrong.is_heard);
        let mut changes = Vec::new();
        for (change, waits) in own {
            let (dot, old) = (change.dot, change.stamp);
            if is_ahead(&old) {
                changes.extend(self.name_replaced(&change, now_ms)?);
            }
            // What waits of this device's own came back from somebody else, and was superseded here.
            if !waits {
                let then = heard.map(|wrong| old.millis.saturating_add_signed(wrong.ahead_ms.saturating_neg()));
                let is_known = |then: &u64| now_ms.checked_sub(*then).is_some_and(|ago| ago <= LONG_AGO_MS);
                let then = then.filter(|then| is_known(then) && is_ahead(&old) != is_behind(&old));
                let stamp = match then {
                    // It was off by something else before, where it was put on twice.
                    Some(millis) => {
                        let is_own = |write: &Write| write.dot.device == dot.device && write.dot.seq < dot.seq;
                        self.above(change.object, Stamp { millis, ..old }, &|write| is_own(write) && is_right(write))
                    }
                    // Others are a little ahead.
                    None => {
                        let tick = self.clock.tick(now_ms);
                        self.above(change.object, tick, &is_right)
                    }
                };
                changes.extend(self.write_anew(change, stamp, now_ms)?);
            }
        }
        Ok(changes)
    }

    /// Decides about a change that is held back: it is written anew by this device, and dated now, if `is_wanted`; otherwise
    /// it is never to be. Returns what has to be stored; nothing, if no such change is held back.
    ///
    /// # Errors
    ///
    /// If this device cannot write any more.
    pub fn settle(&mut self, dot: Dot, is_wanted: bool, now_ms: u64) -> Result<Vec<Change>, EditError> {
        self.pass_time(now_ms);
        self.note_return(now_ms);
        let parts: Vec<Change> = self.writes.parts(dot).filter_map(|write| self.waiting(write)).cloned().collect();
        let mut changes = Vec::new();
        for part in parts {
            changes.extend(self.name_replaced(&part, now_ms)?);
            if is_wanted {
                let tick = self.clock.tick(now_ms);
                let stamp = self.above(part.object, tick, &|_| true);
                changes.extend(self.write_anew(part, stamp, now_ms)?);
            }
        }
        Ok(changes)
    }

    /// Names a change as replaced.
    fn name_replaced(&mut self, change: &Change, now_ms: u64) -> Result<Option<Change>, EditError> {
        let replaced = Replaced::of(change);
        let name = Change { object: replaced.object(), machine: true, ops: vec![replaced.op()], ..change.clone() };
        let stamp = self.clock.tick(now_ms);
        self.write_anew(name, stamp, now_ms)
    }

    /// Writes what a change says under another number and stamp, as far as there is anything left to say.
    fn write_anew(&mut self, change: Change, stamp: Stamp, now_ms: u64) -> Result<Option<Change>, EditError> {
        let dot = self.next_dot()?;
        let old = change.stamp;
        let mut change = Change { dot, stamp: Stamp { device: self.device, ..stamp }, complete: true, ..change };
        // What was added and taken off again under a clock that was ahead would be taken off until then.
        change.ops.retain(|op| match op.value() {
            Value::Removal(removal) => !Clock::is_far_ahead(&removal.of, change.stamp.millis),
            _ => true,
        });
        if change.ops.is_empty() {
            return Ok(None);
        }
        for op in &mut change.ops {
            // As a rule it says the time of the change itself.
            if let Op::CreatedAt(millis) = op
                && millis.abs_diff(old.millis) < NOTICEABLE_MS
            {
                *millis = change.stamp.millis;
            }
        }
        self.clock.wrote(&change.stamp, now_ms);
        self.merge(change.clone(), true);
        self.count(dot);
        Ok(Some(change))
    }

    /// That stamp, or one above those writes about the object that count: whoever writes about it has seen them.
    pub(crate) fn above(&self, object: ObjectId, stamp: Stamp, counts: &dyn Fn(&Write) -> bool) -> Stamp {
        let arrivals = self.objects.get(&object).into_iter().flat_map(ObjectState::writes).inspect(|_| step(1));
        let writes = arrivals.filter_map(|arrival| self.writes.get(arrival)).filter(|write| counts(write));
        match writes.map(Write::stamp).max() {
            Some(latest) if latest >= stamp => Stamp { device: stamp.device, ..latest.next() },
            _ => stamp,
        }
    }
}

fn is_wrong(ahead_ms: i64) -> bool {
    ahead_ms.unsigned_abs() > FOLLOW_MS
}
