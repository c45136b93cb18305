//! Changes that are dated further ahead than a clock is followed wait, each by itself.
//!
//! They are neither shown nor do they win, but are kept like all others: on disk, in what others are sent, and in the
//! digest, which is of what is here with all of it merged. So devices are equal that hold the same, whichever of it each
//! has merged by its own clock; what shows only because something else waits is no part of the digest. When the time has
//! come they are merged. As that is no different from having merged them before, it does not matter when each device does.

use crate::clock::{Clock, FOLLOW_MS};
use crate::replica::columns::weight;
use crate::replica::digest::Hash;
use crate::replica::object_state::ObjectState;
use crate::replica::work::step;
use crate::replica::writes::{Dry, Write};
use crate::replica::{Change, MAX_HELD, ObjectId, Op, Replica};

impl Replica {
    /// What is held back: dated so far ahead that it has to wait, or its writer has to put a clock right, or
    /// [somebody decides](Replica::settle). What is dated the earliest comes first.
    pub fn held(&self) -> impl ExactSizeIterator<Item = &Change> {
        let held: Vec<&Change> =
            self.held.arrivals().filter_map(|arrival| self.waiting(self.writes.get(arrival)?)).collect();
        held.into_iter()
    }

    /// The change, if it is one that waits.
    pub(crate) fn waiting(&self, write: &Write) -> Option<&Change> {
        if self.held.is_empty() {
            return None;
        }
        self.objects.get(&write.object)?.held(write.arrival)
    }

    /// Whether the time of something that is held back has come.
    pub(crate) fn has_due(&self, now_ms: u64) -> bool {
        self.held.earliest().is_some_and(|earliest| earliest <= now_ms.saturating_add(FOLLOW_MS))
    }

    /// Does what is due by then: merges what was held back, and drops what was deleted long ago. Answers whether anything was
    /// merged.
    pub(crate) fn pass_time(&mut self, now_ms: u64) -> bool {
        let released = self.release(now_ms);
        self.drop_values(now_ms);
        released
    }

    /// Merges what is held back and whose time has come. Answers whether there was any. A record at the same time does so
    /// again, whatever is in it.
    pub(crate) fn release(&mut self, now_ms: u64) -> bool {
        if !self.has_due(now_ms) {
            return false;
        }
        let is_due =
            |arrival: &u64| self.writes.get(*arrival).is_some_and(|write| !Clock::is_far_ahead(&write.stamp(), now_ms));
        let due = self.held.arrivals().take_while(is_due).collect();
        let mut objects = Vec::new();
        for change in self.take_out(due) {
            self.clock.follow(&change.stamp);
            objects.push(change.object);
            self.merge(change, false);
        }
        self.drop_values_of(&objects);
        !objects.is_empty()
    }

    /// Takes these out of those that are held back, object by object.
    fn take_out(&mut self, mut arrivals: Vec<u64>) -> Vec<Change> {
        arrivals.sort_unstable();
        let mut objects: Vec<ObjectId> =
            arrivals.iter().filter_map(|arrival| Some(self.writes.get(*arrival)?.object)).collect();
        objects.sort_unstable();
        objects.dedup();
        let mut out = Vec::with_capacity(arrivals.len());
        for object in objects {
            let held = self.objects.get_mut(&object).map(|state| std::mem::take(&mut state.held));
            let mut rest = Vec::new();
            for (arrival, change) in held.into_iter().flatten() {
                step(1);
                if arrivals.binary_search(&arrival).is_ok() {
                    self.forget(arrival, &change);
                    out.push(*change);
                } else {
                    rest.push((arrival, change));
                }
            }
            if let Some(state) = self.objects.get_mut(&object) {
                state.held = rest;
            }
            self.forget_empty(object);
        }
        out
    }

    /// Nothing that waits is under this arrival any more.
    fn forget(&mut self, arrival: u64, change: &Change) {
        self.held.remove(change.stamp.millis, arrival);
        for op in &change.ops {
            self.writes.drop(arrival, weight(op) as u64);
        }
        self.touch(change.object);
    }

    /// Holds a change back. Answers whether it is news.
    pub(crate) fn hold(&mut self, change: &Change) -> bool {
        // Operations come in the order of their fields.
        let has_all = |held: &Change| {
            let mut ops = held.ops.iter();
            change.ops.iter().all(|op| ops.any(|held| held == op))
        };
        let is_here = |write: &Write| {
            let held = self.waiting(write);
            held.is_some_and(|held| (held.stamp, held.object) == (change.stamp, change.object) && has_all(held))
        };
        // It may have been merged under a clock that was ahead.
        let is_merged = || {
            change.stamp.millis <= self.latest
                && self.objects.get(&change.object).is_some_and(|state| state.covers(change, &self.writes))
        };
        if self.writes.parts(change.dot).any(is_here) || is_merged() {
            return false;
        }
        self.put_back(change.clone());
        true
    }

    /// The same of what is loaded.
    pub(crate) fn put_back(&mut self, change: Change) {
        let arrival = self.writes.open(&change);
        for op in &change.ops {
            self.writes.keep(arrival, weight(op) as u64);
        }
        self.writes.close(change.ops.len());
        self.touch(change.object);
        self.held.insert(change.stamp.millis, arrival);
        self.objects.entry(change.object).or_default().held.push((arrival, Box::new(change)));
    }

    /// Takes a change out of those that are held back.
    pub(crate) fn let_go(&mut self, arrival: u64) -> Option<Change> {
        let object = self.writes.get(arrival)?.object;
        let held = &mut self.objects.get_mut(&object)?.held;
        let at = held.binary_search_by_key(&arrival, |(other, _)| *other).ok()?;
        step(held.len() - at);
        let (_, change) = held.remove(at);
        self.forget(arrival, &change);
        self.forget_empty(object);
        Some(*change)
    }

    /// No object is kept of which nothing is.
    pub(crate) fn forget_empty(&mut self, object: ObjectId) {
        if self.objects.get(&object).is_some_and(|state| state.is_empty() && state.held.is_empty()) {
            self.objects.remove(&object);
        }
    }

    /// Of more than [`MAX_HELD`], refuses those that are dated furthest ahead, whoever sent them in whatever order. When
    /// there is room again, a sync finds them once more.
    pub(crate) fn bound_held(&mut self) {
        if self.held.len() > MAX_HELD {
            let rest = self.held.arrivals().skip(MAX_HELD).collect();
            self.take_out(rest);
        }
    }

    /// The hash of an object with all that waits merged.
    pub(crate) fn hash_of(&self, object: ObjectId, state: &ObjectState, day: u64) -> Hash {
        if state.held.is_empty() {
            return state.hash(object, day, &self.writes);
        }
        let mut all = state.clone();
        for (arrival, change) in std::mem::take(&mut all.held) {
            for op in change.ops {
                all.merge(arrival, op, &mut Dry(&self.writes));
            }
        }
        all.hash(object, day, &self.writes)
    }

    /// Calls `each` with what is left of a change, and answers how many operations that are.
    pub(crate) fn ops_of(&self, write: &Write, each: &mut dyn FnMut(&Op)) -> usize {
        match self.waiting(write) {
            Some(change) => {
                change.ops.iter().for_each(each);
                change.ops.len()
            }
            None => self.objects.get(&write.object).map_or(0, |state| state.ops_of(write.arrival, each)),
        }
    }
}
