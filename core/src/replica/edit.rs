use crate::replica::{
    Change, Dot, MAX_DEVICES, MAX_LABELS, MAX_SEQ, MalformedChange, ObjectId, Op, Replica, TooManyDevices,
};

/// Why an edit was refused. The replica is as it was. The texts are fit for a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// A title of nothing but white space.
    #[error("a task needs a title")]
    BlankTitle,
    /// The task would have more than [`MAX_LABELS`] labels.
    #[error("a task can have at most {MAX_LABELS} labels")]
    TooManyLabels,
    /// The task would be a part of itself.
    #[error("a task cannot be a part of itself")]
    OwnParent,
    /// A value is over its limit, or a field is not one of the object's.
    #[error(transparent)]
    Malformed(#[from] MalformedChange),
    /// [`MAX_DEVICES`] devices have written in this room before this one.
    #[error(transparent)]
    TooManyDevices(#[from] TooManyDevices),
    /// The device's numbers are used up: by a peer that claimed so, for no device can get there by counting. The way on
    /// is a new device id.
    #[error("this device cannot write in this room any more; leave the room and join it again")]
    OutOfNumbers,
}

impl Replica {
    /// Makes a change and merges it. Of several operations that set the same field or label, the last one counts; what
    /// operations on labels have [seen](crate::replica::LabelOp::seen) is filled in. A deletion takes all others with it.
    ///
    /// # Errors
    /// If a value is over its limit, or would make the task senseless; see [`EditError`].
    pub fn edit(&mut self, object: ObjectId, ops: Vec<Op>, now_ms: u64) -> Result<Change, EditError> {
        let ops = last_of_each(ops);
        for op in &ops {
            op.check(object)?;
            match (op, object) {
                (Op::Title(title), _) if title.trim().is_empty() => return Err(EditError::BlankTitle),
                (Op::Parent(Some(parent)), ObjectId::Task(task)) if **parent == task => {
                    return Err(EditError::OwnParent);
                }
                _ => {}
            }
        }
        self.check_labels(object, &ops)?;

        let seq = self.seq.max(self.vector.get(self.device)) + 1;
        if seq > MAX_SEQ {
            return Err(EditError::OutOfNumbers);
        }
        if self.vector.get(self.device) == 0 && self.vector.len() >= MAX_DEVICES {
            return Err(TooManyDevices.into());
        }
        let mut clock = self.clock.clone();
        let mut change =
            Change { dot: Dot { device: self.device, seq }, stamp: clock.tick(now_ms), object, complete: true, ops };
        if let Some(state) = self.objects.get(&object) {
            for op in &mut change.ops {
                if let Op::AddLabel(op) | Op::RemoveLabel(op) = op {
                    op.seen = state.seen(&op.label, self.device);
                }
            }
        }
        change.check()?;

        self.clock = clock;
        let effective = self.merge(change.clone());
        debug_assert!(effective, "a new stamp is above all that were merged");
        self.count(change.dot)?;
        Ok(change)
    }

    fn check_labels(&self, object: ObjectId, ops: &[Op]) -> Result<(), EditError> {
        if !ops.iter().any(|op| matches!(op, Op::AddLabel(_))) {
            return Ok(());
        }
        let mut labels: Vec<&str> = match self.objects.get(&object) {
            Some(state) => state.labels().collect(),
            None => Vec::new(),
        };
        for op in ops {
            match op {
                Op::AddLabel(op) if !labels.contains(&&*op.label) => labels.push(&op.label),
                Op::RemoveLabel(op) => labels.retain(|label| *label != &*op.label),
                _ => {}
            }
        }
        if labels.len() > MAX_LABELS { Err(EditError::TooManyLabels) } else { Ok(()) }
    }
}

fn last_of_each(mut ops: Vec<Op>) -> Vec<Op> {
    if ops.contains(&Op::Deleted) {
        ops.retain(|op| *op == Op::Deleted);
    }
    let mut kept: Vec<Op> = Vec::with_capacity(ops.len());
    for op in ops {
        let same = |other: &Op| (other.field(), other.label()) == (op.field(), op.label());
        match kept.iter_mut().find(|other| same(other)) {
            Some(other) => *other = op,
            None => kept.push(op),
        }
    }
    kept
}
