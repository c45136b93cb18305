//! What is dropped 30 days after a deletion: the values of what was deleted, and the comments on it.
//!
//! A comment is in the trash with its task, whatever is written to it there, and back with it. Once the task's values are
//! dropped, nothing is kept of the comments: they are not compared, and what comes of them has no effect.

use crate::replica::object_state::ObjectState;
use crate::replica::work::step;
use crate::replica::writes::Writes;
use crate::replica::{Change, Field, ObjectId, Op, Replica};

/// Which comments go with their tasks, if that is asked in the order of the objects: each task is looked at once.
pub(crate) struct Fate {
    /// The day before which the task was deleted, counted from 1970.
    day: u64,
    last: Option<([u8; 8], bool)>,
}

impl Fate {
    pub(crate) fn of(day: u64) -> Self {
        Self { day, last: None }
    }

    /// Whether an object is a comment and goes with its task.
    pub(crate) fn goes(&mut self, replica: &Replica, object: ObjectId) -> bool {
        let Some(comment) = object.as_comment() else { return false };
        match self.last {
            Some((task, goes)) if task == comment.task_part() => goes,
            _ => {
                let goes = replica.task_of(object).is_some_and(|task| replica.is_gone_for_all(task, self.day));
                self.last = Some((comment.task_part(), goes));
                goes
            }
        }
    }
}

impl Replica {
    /// The task that begins as a comment does: the first, should somebody have made another one.
    fn task_of(&self, object: ObjectId) -> Option<&ObjectState> {
        step(1);
        self.objects.range(ObjectId::tasks_of(object.as_comment()?)).next().map(|(_, state)| state)
    }

    /// Whether a task was deleted before that day, what waits included: others may have merged that.
    fn is_gone_for_all(&self, task: &ObjectState, day: u64) -> bool {
        step(task.held.len());
        let decides = |change: &Change| change.revives() || change.ops.contains(&Op::Deleted);
        task.is_gone(day, &self.writes) && !task.held.iter().any(|(_, change)| decides(change))
    }

    /// Whether the values of an object are dropped.
    pub(crate) fn is_gone(&self, object: ObjectId) -> bool {
        let is_deleted = |state: &ObjectState| state.is_gone(self.dropped_before, &self.writes);
        self.objects.get(&object).is_some_and(is_deleted) || self.goes_with_task(object)
    }

    /// Whether an object is a comment on a task whose values are dropped.
    pub(crate) fn goes_with_task(&self, object: ObjectId) -> bool {
        Fate::of(self.dropped_before).goes(self, object)
    }

    /// Whether an object was ever deleted or brought back, or the task that it is on.
    pub(crate) fn has_life(&self, object: ObjectId) -> bool {
        let has_life = |state: &ObjectState| state.deletions().next().is_some();
        self.objects.get(&object).is_some_and(has_life) || self.task_of(object).is_some_and(has_life)
    }

    /// What is compared of an object is different, and with a task whether its comments are compared.
    pub(crate) fn touch(&self, object: ObjectId) {
        self.buckets.touch(object);
        if let ObjectId::Task(task) = object
            && let Some((comment, _)) = self.objects.range(ObjectId::comments_on(task)).next()
        {
            self.buckets.touch(*comment);
        }
    }

    /// Drops the values of all that was deleted so long ago. The tombstones stay, but not those of comments.
    pub(crate) fn drop_all_values(&mut self) {
        let day = self.dropped_before;
        let mut fate = Fate::of(day);
        let is_gone = |(object, state): &(&ObjectId, &ObjectState)| {
            state.held.is_empty() && (state.is_gone(day, &self.writes) || fate.goes(self, **object))
        };
        let gone: Vec<ObjectId> = self.objects.iter().filter(is_gone).map(|(object, _)| *object).collect();
        self.drop_values_among(&gone);
    }

    /// Drops the values of those of the objects that were deleted so long ago, and of the comments on them. After a batch,
    /// not after each change: what brings an object back may come behind what it brings back.
    pub(crate) fn drop_values_of(&mut self, objects: &[ObjectId]) {
        self.drop_values_among(objects);
        for object in objects {
            if let ObjectId::Task(task) = object
                && self.is_gone(*object)
            {
                let comments = self.objects.range(ObjectId::comments_on(*task)).map(|(comment, _)| *comment);
                let comments: Vec<ObjectId> = comments.collect();
                self.drop_values_among(&comments);
            }
        }
    }

    fn drop_values_among(&mut self, objects: &[ObjectId]) {
        let mut fate = Fate::of(self.dropped_before);
        for object in objects {
            let goes = fate.goes(self, *object);
            self.touch(*object);
            if let Some(state) = self.objects.get_mut(object).filter(|state| state.held.is_empty()) {
                state.drop_values_if(goes, self.dropped_before, &mut self.writes);
                self.forget_empty(*object);
            }
        }
    }
}

impl ObjectState {
    /// Drops everything if it goes with what it is on, and otherwise the values if it was deleted before that day.
    pub(crate) fn drop_values_if(&mut self, goes: bool, day: u64, writes: &mut Writes) {
        if goes {
            self.drop_but(None, writes);
        } else if self.is_gone(day, writes) {
            self.drop_but(Some(Field::LIFE), writes);
        }
    }
}
