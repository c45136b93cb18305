use crate::clock::{Clock, ObserveStampError, Skew};
use crate::replica::object_state::Content;
use crate::replica::{
    Batch, Change, MAX_CHANGES, MAX_DEVICES, MalformedChange, ObjectId, Op, Replica, TooManyDevices, VersionVector,
};

/// What merging a batch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The changes that were news, just as they came: to be handed on.
    pub fresh: Vec<Change>,
    /// What this replica wrote itself: a task was deleted by somebody who did not know of a later change to it, and is
    /// brought back with all that it had. To be stored, and sent to everybody, the sender included.
    pub restored: Vec<Change>,
    /// The objects that may look different now, in order.
    pub touched: Vec<ObjectId>,
    /// The batch's vector, if it counts here.
    pub vector: Option<VersionVector>,
    /// Whether the version vector says more than before.
    pub advanced: bool,
    /// Whether something in the batch is ahead of the version vector: something before it is missing, and a sync will get
    /// it. In the midst of a sync that is so as a rule.
    pub gap: bool,
    /// The clock that is furthest ahead among those in the batch, if any is noticeably.
    pub skew: Option<Skew>,
}

impl Applied {
    /// Whether anything is different now, so that the batch belongs into the log. (The whole batch, vector included.)
    pub fn is_news(&self) -> bool {
        self.advanced || !self.fresh.is_empty()
    }
}

/// Why a batch was refused. Nothing of it was merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A change is dated more than a year ahead.
    #[error(transparent)]
    Clock(#[from] ObserveStampError),
    /// A change is over a limit or contradicts itself.
    #[error(transparent)]
    Malformed(#[from] MalformedChange),
    /// More than [`MAX_CHANGES`] changes at once.
    #[error("a batch can have at most {MAX_CHANGES} changes")]
    TooManyChanges,
    /// More than [`MAX_DEVICES`] devices would have written in the room.
    #[error(transparent)]
    TooManyDevices(#[from] TooManyDevices),
}

impl Replica {
    /// Merges what another device sent. What is here already, in whatever order and however often it came, does nothing.
    ///
    /// # Errors
    /// If anything in the batch is malformed or dated more than a year ahead, nothing of it is merged.
    pub fn apply(&mut self, batch: Batch, now_ms: u64) -> Result<Applied, ApplyError> {
        let mut skew: Option<Skew> = None;
        for change in &batch.changes {
            let ahead = Clock::check(&change.stamp, now_ms)?;
            skew = skew.into_iter().chain(ahead).max_by_key(|skew| skew.ahead_ms);
        }
        let mut saved = Vec::new();
        let mut applied = self.take(batch, Some(&mut saved))?;
        applied.skew = skew;
        for (object, content) in saved {
            let lacking = self.objects.get(&object).map(|state| state.lacking(content)).unwrap_or_default();
            // Where this device cannot write, another one will.
            if !lacking.is_empty()
                && let Ok(change) = self.edit(object, lacking, now_ms)
            {
                applied.restored.push(change);
            }
        }
        Ok(applied)
    }

    /// Merges a record of this device's own log, which was judged by the clock when it was new.
    ///
    /// # Errors
    /// If anything in the batch is malformed, nothing of it is merged.
    pub fn replay(&mut self, batch: Batch) -> Result<Applied, ApplyError> {
        self.take(batch, None)
    }

    /// Merges a batch. What deletions take away although something later remains goes to `saved`.
    fn take(&mut self, batch: Batch, mut saved: Option<&mut Vec<(ObjectId, Content)>>) -> Result<Applied, ApplyError> {
        self.check(&batch)?;
        let Batch { mut changes, vector, asker } = batch;
        let has_vector = vector.is_some();
        let vector = vector.filter(|_| asker.is_none_or(|asker| asker == self.device));
        let mut applied = Applied::default();
        let mut dots = Vec::with_capacity(changes.len());
        let mut effective = Vec::with_capacity(changes.len());
        for change in &changes {
            self.clock.follow(&change.stamp);
            if let Some(saved) = &mut saved
                && change.ops.contains(&Op::Deleted)
                && let Some(state) = self.objects.get(&change.object)
                && let Some(content) = state.content_to_save(change.stamp, &self.writes)
            {
                saved.push((change.object, content));
            }
            let has_effect = self.merge(change.clone());
            if has_effect {
                applied.touched.push(change.object);
            }
            // After the merge, never before: the vector speaks only for what is here.
            let counted = change.complete && self.count(change.dot)?;
            applied.advanced |= counted;
            dots.push(change.dot);
            effective.push(has_effect || counted);
        }
        applied.touched.sort_unstable();
        applied.touched.dedup();
        if let Some(vector) = &vector {
            applied.advanced |= self.count_all(vector)?;
        }
        applied.gap = has_vector && vector.is_none() || dots.iter().any(|dot| !self.vector.includes(*dot));
        let mut effective = effective.into_iter();
        changes.retain(|_| effective.next() == Some(true));
        applied.fresh = changes;
        applied.vector = vector;
        Ok(applied)
    }

    /// Everything that could make merging fail, before anything is merged.
    fn check(&self, batch: &Batch) -> Result<(), ApplyError> {
        if batch.changes.len() > MAX_CHANGES {
            return Err(ApplyError::TooManyChanges);
        }
        batch.changes.iter().try_for_each(Change::check)?;
        let writers = batch.changes.iter().map(|change| change.dot.device);
        let known = batch.vector.iter().flat_map(|vector| vector.iter()).map(|(device, _)| device);
        let mut new: Vec<_> = writers.chain(known).filter(|device| self.vector.get(*device) == 0).collect();
        new.sort_unstable();
        new.dedup();
        if self.vector.len() + new.len() > MAX_DEVICES { Err(TooManyDevices.into()) } else { Ok(()) }
    }
}
