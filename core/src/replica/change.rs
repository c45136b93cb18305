use crate::clock::Stamp;
use crate::replica::{Dot, Field, MAX_OPS, MAX_SEQ, ObjectId, Op};

/// One edit: some fields of one object, set at once. The unit that is numbered, stamped, sent and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub dot: Dot,
    /// When it was made. `stamp.device` is `dot.device`.
    pub stamp: Stamp,
    /// What it is about.
    pub object: ObjectId,
    /// Whether these are all operations of the edit. In an answer to a sync, those that were overwritten are left out.
    /// Only a complete change may be counted in a version vector by itself.
    pub complete: bool,
    /// Whether no person made it. It never brings back what was deleted, and a person's value stays beside its own, so
    /// that what the person wrote still does.
    pub machine: bool,
    /// What it does; 1 to [`MAX_OPS`] operations, of each register one. The binary form has them in the order of their
    /// fields.
    pub ops: Vec<Op>,
}

/// Why a change cannot be one of an honest device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedChange {
    /// It does nothing.
    #[error("a change must set something")]
    Empty,
    /// It has more than [`MAX_OPS`] operations.
    #[error("a change may set at most {MAX_OPS} things")]
    TooManyOps,
    /// It sets a register twice.
    #[error("a change may set a field once")]
    Repeated,
    /// It sets a field that the object does not have.
    #[error("a room and a device have a name only, and a task has none")]
    ForeignField,
    /// A text is over its limit.
    #[error("the {what} is too long: the limit is {max} bytes")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// The limit in bytes.
        max: usize,
    },
    /// A label without text.
    #[error("a label must not be empty")]
    EmptyLabel,
    /// The change's number is 0 or over [`MAX_SEQ`].
    #[error("a change is numbered from 1 to {MAX_SEQ}")]
    Seq,
    /// The stamp is another device's, or a time is after the year 9999.
    #[error("a change is stamped by its device, before the year 10000")]
    Stamp,
}

impl Change {
    /// Whether it brings back a task that was deleted before: a person wrote to its content, or restored it.
    pub(crate) fn revives(&self) -> bool {
        let counts = |op: &Op| op.field().is_content() || op.field() == Field::LIFE && *op != Op::Deleted;
        !self.machine && self.ops.iter().any(counts)
    }

    pub(crate) fn check(&self) -> Result<(), MalformedChange> {
        if self.dot.seq == 0 || self.dot.seq > MAX_SEQ {
            return Err(MalformedChange::Seq);
        }
        if self.stamp.device != self.dot.device || self.stamp.millis > Stamp::MAX_MILLIS {
            return Err(MalformedChange::Stamp);
        }
        match self.ops.len() {
            0 => return Err(MalformedChange::Empty),
            1..=MAX_OPS => {}
            _ => return Err(MalformedChange::TooManyOps),
        }
        let mut registers: Vec<u16> =
            self.ops.iter().map(Op::field).filter(|field| !field.is_set()).map(|field| field.code()).collect();
        registers.sort_unstable();
        if registers.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(MalformedChange::Repeated);
        }
        self.ops.iter().try_for_each(Op::check)
    }
}
