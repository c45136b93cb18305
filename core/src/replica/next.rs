//! What the version after this one has besides: one more field of a task, one more status and one more kind of object.
//!
//! A build with the feature `next` stands for that version in tests, which show that what it writes passes through a build
//! without it. Its numbers are the last that there are, so that no real one takes them.

use crate::clock::Stamp;
use crate::id::TaskId;
use crate::replica::object_state::ObjectState;
use crate::replica::op::{Shape, Value};
use crate::replica::writes::Writes;
use crate::replica::{Change, EditError, Field, ObjectId, Op, OtherObject, Replica};

/// The kind of a comment.
const COMMENT: u16 = u16::MAX;

impl Field {
    /// How many hours a task takes.
    pub(crate) const ESTIMATE: Self = Self::new(127, Shape::Number).content();
    /// What a comment says.
    const TEXT: Self = Self::new(127, Shape::Bytes).content();
    /// The task that a comment is on.
    const TASK: Self = Self::new(126, Shape::Bytes);
}

/// A remark on a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// On which task.
    pub task: TaskId,
    /// What it says.
    pub text: String,
}

impl Op {
    /// Says how many hours the task takes.
    pub fn estimate(hours: u64) -> Self {
        Self::of(Field::ESTIMATE, Value::Number(hours))
    }
}

impl Replica {
    /// Adds a comment with this id.
    ///
    /// # Errors
    /// As [`Replica::edit`].
    pub fn comment(&mut self, id: [u8; 16], comment: &Comment, now_ms: u64) -> Result<Change, EditError> {
        let ops = vec![
            Op::of(Field::TASK, Value::Bytes(comment.task.as_bytes())),
            Op::of(Field::TEXT, Value::Bytes(comment.text.as_bytes())),
        ];
        self.edit(ObjectId::Other(OtherObject { kind: COMMENT, id }), ops, now_ms)
    }

    /// All comments, in the order in which they were made.
    pub fn comments(&self) -> Vec<Comment> {
        let comments = self.objects.iter().filter(|(object, _)| is_comment(object));
        let mut comments: Vec<(Stamp, Comment)> =
            comments.filter_map(|(_, state)| state.comment(&self.writes)).collect();
        comments.sort_by_key(|(made, _)| *made);
        comments.into_iter().map(|(_, comment)| comment).collect()
    }
}

fn is_comment(object: &ObjectId) -> bool {
    matches!(object, ObjectId::Other(other) if other.kind == COMMENT)
}

impl ObjectState {
    pub(crate) fn number(&self, field: Field, writes: &Writes) -> Option<u64> {
        match self.shown_of(field, writes)?.1.value() {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The comment that it is, and when it was written.
    fn comment(&self, writes: &Writes) -> Option<(Stamp, Comment)> {
        let (stamp, text) = self.shown_of(Field::TEXT, writes)?;
        let (_, task) = self.shown_of(Field::TASK, writes)?;
        let (Value::Bytes(text), Value::Bytes(task)) = (text.value(), task.value()) else { return None };
        let task = TaskId::from_bytes(task.try_into().ok()?).ok()?;
        Some((stamp, Comment { task, text: String::from_utf8_lossy(text).into_owned() }))
    }
}
