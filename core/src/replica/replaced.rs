use sha2::{Digest as _, Sha256};

use crate::clock::Stamp;
use crate::id::{DeviceId, TaskId};
use crate::replica::columns::{Input, put};
use crate::replica::{Change, Dot, Field, ObjectId, Op, OtherObject, Unknown, UnknownValue};

/// The kind of the objects that name what is replaced. Those of content are counted from 3 on.
const KIND: u16 = 127;

/// A write that is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) dot: Dot,
    pub(crate) stamp: Stamp,
    /// The task that it is about, if it is one.
    pub(crate) task: Option<TaskId>,
}

/// What was heard of this device's wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongClock {
    /// How far it is ahead, in milliseconds; less than 0 if it is behind.
    pub(crate) ahead_ms: i64,
    /// The last time that it showed since.
    pub(crate) until: u64,
    /// Whether others said so. Otherwise it is behind by that much at least.
    pub(crate) is_heard: bool,
}

impl Replaced {
    pub(crate) fn of(change: &Change) -> Self {
        let task = match change.object {
            ObjectId::Task(task) => Some(task),
            _ => None,
        };
        Self { dot: change.dot, stamp: change.stamp, task }
    }

    /// The object that names it.
    pub(crate) fn object(&self) -> ObjectId {
        let mut hash = Sha256::new();
        hash.update(self.dot.device.to_bytes());
        for number in [self.dot.seq, self.stamp.millis, self.stamp.counter.into()] {
            hash.update(number.to_be_bytes());
        }
        let hash: [u8; 32] = hash.finalize().into();
        ObjectId::Other(OtherObject { kind: KIND, id: hash.first_chunk().copied().unwrap_or_default() })
    }

    /// `device ‖ number ‖ milliseconds ‖ counter ‖ task`, the numbers in LEB128.
    pub(crate) fn op(&self) -> Op {
        let mut bytes = self.dot.device.to_bytes().to_vec();
        for number in [self.dot.seq, self.stamp.millis, self.stamp.counter.into()] {
            put(&mut bytes, number);
        }
        bytes.extend(self.task.iter().flat_map(|task| task.as_bytes()));
        Op::Unknown(Box::new(Unknown { field: Field::REPLACED, value: UnknownValue::Bytes(bytes.into()) }))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let device = DeviceId::from_bytes(*input.chunk().ok()?);
        let mut number = || input.number().ok();
        let (seq, millis, counter) = (number()?, number()?, u32::try_from(number()?).ok()?);
        let task = if input.0.is_empty() { None } else { Some(TaskId::from_bytes(*input.chunk().ok()?).ok()?) };
        let dot = Dot { device, seq };
        Some(Self { dot, stamp: Stamp { millis, counter, device }, task })
    }

    /// What a write to such an object names; a later version may say more there.
    pub(crate) fn read_op(op: &Op) -> Option<Self> {
        match op {
            Op::Unknown(unknown) if unknown.field == Field::REPLACED => match &unknown.value {
                UnknownValue::Bytes(bytes) => Self::read(bytes),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a change says to be replaced, if it is such a one.
    pub(crate) fn named_in(change: &Change) -> Option<Self> {
        if !is_name(change.object) {
            return None;
        }
        change.ops.iter().find_map(Self::read_op).filter(|replaced| replaced.object() == change.object)
    }
}

/// Whether objects of that kind name what is replaced.
pub(crate) fn is_name(object: ObjectId) -> bool {
    matches!(object, ObjectId::Other(OtherObject { kind: KIND, .. }))
}
