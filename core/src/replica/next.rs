//! What the version after this one has besides: one more field of a task, one more status and one more kind of object,
//! which says that somebody has signed a task off.
//!
//! A build with the feature `next` stands for that version in tests, which show that what it writes passes through a build
//! without it. Its numbers are the last that there are, so that no real one takes them.

use crate::clock::Stamp;
use crate::id::TaskId;
use crate::replica::object_state::ObjectState;
use crate::replica::op::{Shape, Value};
use crate::replica::writes::Writes;
use crate::replica::{Change, EditError, Field, ObjectId, Op, OtherObject, Replica};

/// The kind of what signs a task off.
const SIGN_OFF: u16 = u16::MAX;

impl Field {
    /// How many hours a task takes.
    pub(crate) const ESTIMATE: Self = Self::new(127, Shape::Number).content();
    /// Who signed it off, and how it was found.
    const REMARK: Self = Self::new(127, Shape::Bytes).content();
    /// The task that is signed off.
    const SIGNED: Self = Self::new(126, Shape::Bytes);
}

/// Says that a task was looked at and found well done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOff {
    /// Which task.
    pub task: TaskId,
    /// Who signed it off, and how it was found.
    pub remark: String,
}

impl Op {
    /// Says how many hours the task takes.
    pub fn estimate(hours: u64) -> Self {
        Self::of(Field::ESTIMATE, Value::Number(hours))
    }
}

impl Replica {
    /// Signs a task off, under this id.
    ///
    /// # Errors
    /// As [`Replica::edit`].
    pub fn sign_off(&mut self, id: [u8; 16], sign_off: &SignOff, now_ms: u64) -> Result<Change, EditError> {
        let ops = vec![
            Op::of(Field::SIGNED, Value::Bytes(sign_off.task.as_bytes())),
            Op::of(Field::REMARK, Value::Bytes(sign_off.remark.as_bytes())),
        ];
        self.edit(ObjectId::Other(OtherObject { kind: SIGN_OFF, id }), ops, now_ms)
    }

    /// All of them, in the order in which they were made.
    pub fn sign_offs(&self) -> Vec<SignOff> {
        let made = self.objects.iter().filter(|(object, _)| is_sign_off(object));
        let mut made: Vec<(Stamp, SignOff)> = made.filter_map(|(_, state)| state.sign_off(&self.writes)).collect();
        made.sort_by_key(|(stamp, _)| *stamp);
        made.into_iter().map(|(_, sign_off)| sign_off).collect()
    }
}

fn is_sign_off(object: &ObjectId) -> bool {
    matches!(object, ObjectId::Other(other) if other.kind == SIGN_OFF)
}

impl ObjectState {
    pub(crate) fn number(&self, field: Field, writes: &Writes) -> Option<u64> {
        match self.shown_of(field, writes)?.1.value() {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The sign-off that it is, and when it was written.
    fn sign_off(&self, writes: &Writes) -> Option<(Stamp, SignOff)> {
        let (stamp, remark) = self.shown_of(Field::REMARK, writes)?;
        let (_, task) = self.shown_of(Field::SIGNED, writes)?;
        let (Value::Bytes(remark), Value::Bytes(task)) = (remark.value(), task.value()) else { return None };
        let task = TaskId::from_bytes(task.try_into().ok()?).ok()?;
        Some((stamp, SignOff { task, remark: String::from_utf8_lossy(remark).into_owned() }))
    }
}
