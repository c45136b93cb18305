use crate::clock::Clock;
use crate::replica::gone::Fate;
use crate::replica::object_state::DAY_MS;
use crate::replica::runs::Runs;
use crate::replica::{Batch, Change, MAX_CHANGES, MalformedChange, ObjectId, Record, Replica, VersionVector};

/// What merging a batch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The changes that were news, just as they came: to be handed on.
    pub fresh: Vec<Change>,
    /// The objects that may look different now, in order.
    pub touched: Vec<ObjectId>,
    /// The batch's vector, if it counts here.
    pub vector: Option<VersionVector>,
    /// What its sender has besides, if the vector counts.
    pub ahead: Runs,
    /// Whether the version vector says more than before.
    pub advanced: bool,
    /// Whether something in the batch is ahead of the version vector: something before it is missing, and a sync will get
    /// it. In the midst of a sync that is so as a rule.
    pub gap: bool,
    /// Whether the time of something has come that was held back.
    pub released: bool,
    /// Whether a change, or only a number, came under this device's id that this device did not
    /// make: its storage was put back from a backup or copied, and another life of it has written,
    /// or a member lies. The device is to [go on under another id](Replica::go_on_as).
    pub has_namesake: bool,
}

impl Applied {
    /// Whether anything is different now, so that the batch belongs into the log. (The whole batch, vector included.)
    pub fn is_news(&self) -> bool {
        self.advanced || self.released || !self.fresh.is_empty()
    }
}

/// Why a batch was refused. Nothing of it was merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A change is over a limit or contradicts itself.
    #[error(transparent)]
    Malformed(#[from] MalformedChange),
    /// More than [`MAX_CHANGES`] changes at once.
    #[error("a batch can have at most {MAX_CHANGES} changes")]
    TooManyChanges,
}

impl Replica {
    /// Merges what another device sent. What is here already, in whatever order and however often it came, does nothing.
    ///
    /// A change that is dated too far ahead waits, and what waited is merged when its time has come.
    ///
    /// # Errors
    /// If anything in the batch is malformed, nothing of it is merged.
    pub fn apply(&mut self, batch: Batch, now_ms: u64) -> Result<Applied, ApplyError> {
        self.take(batch, now_ms, false)
    }

    /// Merges a record of this device's own log, which is judged by the clock when it was new.
    ///
    /// # Errors
    /// If anything in the batch is malformed, nothing of it is merged.
    pub fn replay(&mut self, record: Record) -> Result<Applied, ApplyError> {
        // What stands in the log was believed.
        let asker = Some(self.device);
        let applied = self.take(Batch { asker, ..record.batch }, record.now_ms, true)?;
        if let Some(ahead_ms) = record.clock {
            self.note_clock(ahead_ms, record.now_ms);
        }
        Ok(applied)
    }

    fn take(&mut self, batch: Batch, now_ms: u64, is_replay: bool) -> Result<Applied, ApplyError> {
        self.check(&batch)?;
        let released = self.pass_time(now_ms);
        let Batch { mut changes, vector, ahead, asker } = batch;
        let has_vector = vector.is_some();
        let vector = vector.filter(|_| asker.is_some_and(|asker| asker == self.device));
        let mut applied = Applied { released, ..Applied::default() };
        let mut dots = Vec::with_capacity(changes.len());
        let mut effective = Vec::with_capacity(changes.len());
        let gone = self.gone(&changes);
        let given = self.given();
        for change in &changes {
            let is_own = change.dot.device == self.device;
            let is_twin = is_own && self.writes.of_dot(change.dot).is_some_and(|own| own.stamp() != change.stamp);
            // Its own edits have been merged at once.
            let is_edit = is_replay && is_own && change.dot.seq > given;
            let has_effect = if is_edit || !Clock::is_far_ahead(&change.stamp, now_ms) {
                if is_edit {
                    self.note_return(now_ms);
                    self.clock.wrote(&change.stamp, now_ms);
                    self.note_edit(now_ms);
                } else {
                    self.clock.follow(&change.stamp);
                }
                self.merge(change.clone(), gone.binary_search(&change.object).is_ok())
            } else {
                !self.is_replaced(change) && self.hold(change)
            };
            if has_effect {
                applied.touched.push(change.object);
            }
            // What this device wrote itself has no effect when it comes back, unless it was in the
            // trash and dropped.
            let is_dropped = self.may_be_dropped(change) || self.is_settled(change, now_ms);
            let is_unknown = has_effect && !is_dropped;
            applied.has_namesake |= is_twin || is_own && (is_unknown || change.dot.seq > given);
            // After the merge, never before: the vector speaks only for what is here.
            let counted = change.complete && self.count(change.dot);
            applied.advanced |= counted;
            dots.push(change.dot);
            effective.push(has_effect || counted);
        }
        applied.touched.sort_unstable();
        applied.touched.dedup();
        self.drop_values_of(&applied.touched);
        self.bound_held();
        if let Some(vector) = &vector {
            // All that another life wrote may be overwritten by now, and its numbers are used.
            applied.has_namesake |= vector.get(self.device) > given;
            applied.advanced |= self.count_all(vector, &ahead);
            applied.ahead = ahead;
        }
        applied.gap = has_vector && vector.is_none() || dots.iter().any(|dot| !self.vector.includes(*dot));
        let mut effective = effective.into_iter();
        changes.retain(|_| effective.next() == Some(true));
        applied.fresh = changes;
        applied.vector = vector;
        Ok(applied)
    }

    /// Whether a change is one of those of which nothing may be left because its object was deleted.
    fn may_be_dropped(&self, change: &Change) -> bool {
        change.stamp.millis / DAY_MS < self.ever_dropped_before && self.has_life(change.object)
    }

    /// The objects of which values are dropped, and which none of the changes brings back, in order.
    fn gone(&self, changes: &[Change]) -> Vec<ObjectId> {
        let objects = changes.iter().map(|change| change.object);
        let mut gone: Vec<ObjectId> = objects.filter(|object| self.is_gone(*object)).collect();
        gone.sort_unstable();
        gone.dedup();
        if !gone.is_empty() {
            let brings_back = |change: &&Change| {
                let deletion = self.objects.get(&change.object).and_then(|state| state.deletion(&self.writes));
                change.revives() && deletion.is_some_and(|deletion| change.stamp > deletion)
            };
            let mut back: Vec<ObjectId> = changes.iter().filter(brings_back).map(|change| change.object).collect();
            back.sort_unstable();
            // A comment that goes with its task comes back with it, and not by itself.
            let mut fate = Fate::of(self.dropped_before);
            gone.retain(|object| match object.as_comment().map(ObjectId::tasks_of) {
                Some(tasks) if fate.goes(self, *object) => {
                    let at = back.partition_point(|object| object < tasks.start());
                    !back.get(at).is_some_and(|object| tasks.contains(object))
                }
                _ => back.binary_search(object).is_err(),
            });
        }
        gone
    }

    /// Everything that could make merging fail, before anything is merged.
    fn check(&self, batch: &Batch) -> Result<(), ApplyError> {
        if batch.changes.len() > MAX_CHANGES {
            return Err(ApplyError::TooManyChanges);
        }
        batch.changes.iter().try_for_each(Change::check)?;
        Ok(())
    }
}
