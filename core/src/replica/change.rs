use crate::clock::Stamp;
use crate::replica::{Dot, Field, MAX_OPS, MAX_SEQ, MalformedChange, ObjectId, Op};

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
