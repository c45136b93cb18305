use std::ops::RangeInclusive;

use crate::clock::Stamp;
use crate::id::{CommentId, DeviceId, TaskId};
use crate::replica::object_state::ObjectState;
use crate::replica::work::step;
use crate::replica::writes::Writes;
use crate::replica::{Field, ObjectId, Op, Replica};

/// What somebody has said about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its id.
    pub id: CommentId,
    /// The task that it is on.
    pub task: TaskId,
    /// What it says; any number of lines.
    pub text: String,
    /// The device that made it. Members could write in the name of others: it is shown, and nothing depends on it.
    pub author: DeviceId,
    /// When it was made, in milliseconds since 1970.
    pub made_at: u64,
    /// When its text was last changed, in milliseconds since 1970, if it was.
    pub edited_at: Option<u64>,
    /// Whether it is deleted: as for tasks, it is unless a person has written to its text since.
    pub deleted: bool,
}

impl Replica {
    /// A comment, deleted or not, if it is here.
    pub fn comment(&self, id: CommentId) -> Option<Comment> {
        let state = self.objects.get(&ObjectId::comment(id))?;
        state.comment(id, &self.writes).map(|(_, comment)| comment)
    }

    /// The comments on a task that are not deleted, in the order in which they were made. Costs what these are, and not
    /// what the room holds.
    pub fn comments(&self, task: TaskId) -> Vec<Comment> {
        in_order(self.shown(ObjectId::comments_on(task)).filter(|(_, comment)| comment.task == task).collect())
    }

    /// The comments on all tasks that are not deleted, in that order.
    pub fn all_comments(&self) -> Vec<Comment> {
        in_order(self.shown(ObjectId::comments()).filter(|(_, comment)| comment.id.is_on(comment.task)).collect())
    }

    /// How many these are.
    pub(crate) fn comment_count(&self, task: TaskId) -> u32 {
        self.states(ObjectId::comments_on(task)).filter(|(_, state)| state.is_on(task, &self.writes)).count() as u32
    }

    /// The task that an object is a comment on.
    pub(crate) fn commented_task(&self, object: ObjectId) -> Option<TaskId> {
        object.as_comment()?;
        self.objects.get(&object)?.on(&self.writes).map(|(_, task)| task)
    }

    fn shown(&self, objects: RangeInclusive<ObjectId>) -> impl Iterator<Item = (Stamp, Comment)> {
        let comments = self.states(objects).filter_map(|(id, state)| state.comment(id, &self.writes));
        comments.filter(|(_, comment)| !comment.deleted)
    }

    fn states(&self, objects: RangeInclusive<ObjectId>) -> impl Iterator<Item = (CommentId, &ObjectState)> {
        self.objects.range(objects).filter_map(|(object, state)| {
            step(1);
            Some((object.as_comment()?, state))
        })
    }
}

fn in_order(mut comments: Vec<(Stamp, Comment)>) -> Vec<Comment> {
    comments.sort_unstable_by_key(|(made, comment)| (*made, comment.id));
    comments.into_iter().map(|(_, comment)| comment).collect()
}

impl ObjectState {
    /// The task that a comment is on, and the stamp under which it was made.
    fn on(&self, writes: &Writes) -> Option<(Stamp, TaskId)> {
        match self.shown_of(Field::ON, writes)? {
            (stamp, Op::On(task)) => Some((stamp, **task)),
            _ => None,
        }
    }

    /// Whether there is a comment on the task to be shown.
    fn is_on(&self, task: TaskId, writes: &Writes) -> bool {
        self.on(writes).is_some_and(|(_, on)| on == task)
            && matches!(self.shown_of(Field::TEXT, writes), Some((_, Op::Text(_))))
            && self.deletion(writes).is_none()
    }

    /// The comment that it is, unless a part of it is not here yet, and the stamp under which it was made.
    fn comment(&self, id: CommentId, writes: &Writes) -> Option<(Stamp, Comment)> {
        let (made, task) = self.on(writes)?;
        let (written, Op::Text(text)) = self.shown_of(Field::TEXT, writes)? else { return None };
        let comment = Comment {
            id,
            task,
            text: text.as_ref().into(),
            author: made.device,
            made_at: made.millis,
            edited_at: (written != made).then_some(written.millis),
            deleted: self.deletion(writes).is_some(),
        };
        Some((made, comment))
    }
}
