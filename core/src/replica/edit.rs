use crate::replica::object_state::ObjectState;
use crate::replica::{Change, Dot, MAX_LABELS, MAX_SEQ, MalformedChange, ObjectId, Op, Removal, Replica, element_hash};

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
    /// The device's numbers are used up: by a peer that claimed so, for no device can get there by counting. The way on
    /// is a new device id.
    #[error("this device cannot write in this room any more; leave the room and join it again")]
    OutOfNumbers,
}

impl Replica {
    /// Makes a change and merges it. Of several operations that set the same field or label, the last one counts; taking a
    /// label off is made one removal of each addition of it that is here. A deletion takes all others with it.
    ///
    /// # Errors
    /// If a value is over its limit, or would make the task senseless; see [`EditError`].
    pub fn edit(&mut self, object: ObjectId, ops: Vec<Op>, now_ms: u64) -> Result<Change, EditError> {
        self.edit_by(false, object, ops, now_ms)
    }

    /// The same for what no person asked for: see [`Change::machine`].
    ///
    /// # Errors
    /// As [`Replica::edit`].
    pub fn edit_by_machine(&mut self, object: ObjectId, ops: Vec<Op>, now_ms: u64) -> Result<Change, EditError> {
        self.edit_by(true, object, ops, now_ms)
    }

    fn edit_by(&mut self, machine: bool, object: ObjectId, ops: Vec<Op>, now_ms: u64) -> Result<Change, EditError> {
        let ops = last_of_each(ops);
        for op in &ops {
            op.check_edit(object)?;
            match (op, object) {
                (Op::Title(title), _) if title.trim().is_empty() => return Err(EditError::BlankTitle),
                (Op::Parent(Some(parent)), ObjectId::Task(task)) if **parent == task => {
                    return Err(EditError::OwnParent);
                }
                _ => {}
            }
        }
        let ops = self.with_labels(object, ops)?;

        let dot = self.next_dot()?;
        let stamp = self.clock.clone().tick(now_ms);
        let change = Change { dot, stamp, object, complete: true, machine, ops };
        change.check()?;

        self.release(now_ms);
        // A clock that came back is not to lose to what it wrote before.
        let stamp = self.above(object, stamp, &|_| true);
        let change = Change { stamp, ..change };
        self.drop_values(now_ms);
        self.note_return(now_ms);
        self.clock.wrote(&stamp, now_ms);
        self.note_edit(now_ms);
        self.merge(change.clone(), true);
        self.count(change.dot);
        Ok(change)
    }

    /// The name of this device's next change.
    pub(crate) fn next_dot(&self) -> Result<Dot, EditError> {
        let seq = self.given() + 1;
        if seq > MAX_SEQ { Err(EditError::OutOfNumbers) } else { Ok(Dot { device: self.device, seq }) }
    }

    /// Says of each label that is taken off which additions that undoes, and that labels were written. Labels that would be
    /// dropped for the many that came and went since are added once more.
    fn with_labels(&self, object: ObjectId, ops: Vec<Op>) -> Result<Vec<Op>, EditError> {
        let is_about_labels = |op: &Op| matches!(op, Op::AddLabel(_) | Op::RemoveLabel(_));
        if !ops.iter().any(is_about_labels) {
            return Ok(ops);
        }
        let state = self.objects.get(&object);
        let mut labels: Vec<&str> = state.map(ObjectState::labels).unwrap_or_default();
        let undone = |element: u64| {
            state.into_iter().flat_map(move |state| state.additions(element)).map(move |of| Removal { element, of })
        };
        let mut all: Vec<Removal> = Vec::new();
        for op in &ops {
            match op {
                // The new addition takes the place of those that are there.
                Op::AddLabel(label) => {
                    if !labels.contains(&&**label) {
                        labels.push(label);
                    }
                    all.extend(
                        undone(element_hash(label.as_bytes())).filter(|removal| removal.of.device != self.device),
                    );
                }
                Op::RemoveLabel(removal) => {
                    labels.retain(|label| element_hash(label.as_bytes()) != removal.element);
                    all.extend(undone(removal.element));
                }
                _ => {}
            }
        }
        let mut all: Vec<Op> = all.into_iter().map(|removal| Op::RemoveLabel(Box::new(removal))).collect();
        if labels.len() > MAX_LABELS && ops.iter().any(|op| matches!(op, Op::AddLabel(_))) {
            return Err(EditError::TooManyLabels);
        }
        let fading = state.map(ObjectState::fading_labels).unwrap_or_default();
        let is_added = |label: &str| ops.iter().any(|op| matches!(op, Op::AddLabel(added) if **added == *label));
        all.extend(fading.into_iter().filter(|label| labels.contains(label) && !is_added(label)).map(Op::add_label));
        all.extend(ops.into_iter().filter(|op| !matches!(op, Op::RemoveLabel(_))));
        all.push(Op::Labelled);
        Ok(all)
    }
}

fn last_of_each(mut ops: Vec<Op>) -> Vec<Op> {
    if ops.contains(&Op::Deleted) {
        ops.retain(|op| *op == Op::Deleted);
    }
    // Adding and taking off one label are about the same.
    let key = |op: &Op| match op {
        Op::AddLabel(label) => (op.field().set_number(), Some(element_hash(label.as_bytes()))),
        Op::RemoveLabel(removal) => (op.field().set_number(), Some(removal.element)),
        op => (op.field().code(), None),
    };
    let same = |a: &Op, b: &Op| key(a) == key(b);
    let mut kept: Vec<Op> = Vec::with_capacity(ops.len());
    for op in ops {
        match kept.iter_mut().find(|other| same(other, &op)) {
            Some(other) => *other = op,
            None => kept.push(op),
        }
    }
    kept
}
