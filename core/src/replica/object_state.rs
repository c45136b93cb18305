use litemap::LiteMap;

use crate::clock::Stamp;
use crate::id::{DeviceId, TaskId};
use crate::replica::op::Field;
use crate::replica::writes::Writes;
use crate::replica::{Dot, LabelOp, Op, Position, Priority, Status, Task, VersionVector};

/// What is kept of one object: the operations that nothing has superseded, each with the arrival number of its write.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObjectState {
    /// Sorted by field. A list is the smallest thing to hold the few fields that a task has.
    registers: Vec<Register>,
    /// Sorted by label.
    labels: Vec<LabelState>,
}

#[derive(Clone, Debug)]
struct Register {
    write: u64,
    /// The operation that set it, which says what field it is.
    value: Op,
}

/// The operations on one label of one task.
///
/// What an operation has `seen`, it undoes, and so does an operation of a device all earlier ones of that device. Joined
/// over all operations ever merged, that is the *cover*: an operation whose dot is in the cover is dead. Both cover and
/// living operations depend only on what was merged, not on its order, whatever peers claim to have seen.
///
/// The cover is not stored. Among honest peers the living operations make it up: whoever undid an operation had also seen
/// what that one had seen. An operation that is dead but without which the cover would shrink is kept, and sent on.
#[derive(Clone, Debug)]
struct LabelState {
    label: Box<str>,
    entries: Vec<LabelEntry>,
}

#[derive(Clone, Debug)]
struct LabelEntry {
    write: u64,
    dot: Dot,
    stamp: Stamp,
    present: bool,
    living: bool,
    seen: VersionVector,
}

impl ObjectState {
    /// Merges an operation of the open write `arrival`. Answers whether it made a difference.
    pub(crate) fn merge(&mut self, arrival: u64, op: &Op, writes: &mut Writes) -> bool {
        match (op.field(), op) {
            (Some(field), value) => self.merge_register(arrival, field, value, writes),
            (None, Op::AddLabel(op)) => self.merge_label(arrival, true, op, writes),
            (None, Op::RemoveLabel(op)) => self.merge_label(arrival, false, op, writes),
            (None, _) => false,
        }
    }

    fn merge_register(&mut self, arrival: u64, field: Field, value: &Op, writes: &mut Writes) -> bool {
        match self.registers.binary_search_by_key(&Some(field), |register| register.value.field()) {
            Err(at) => {
                self.registers.reserve_exact(1);
                self.registers.insert(at, Register { write: arrival, value: value.clone() });
            }
            Ok(at) => {
                let Some(register) = self.registers.get_mut(at) else { return false };
                let stamp = |write| writes.get(write).map(|write| write.stamp());
                if (stamp(arrival), value) <= (stamp(register.write), &register.value) {
                    return false;
                }
                writes.drop(std::mem::replace(&mut register.write, arrival));
                register.value = value.clone();
            }
        }
        writes.keep(arrival);
        true
    }

    fn merge_label(&mut self, arrival: u64, present: bool, op: &LabelOp, writes: &mut Writes) -> bool {
        let Some(write) = writes.get(arrival) else { return false };
        let entry = LabelEntry {
            write: arrival,
            dot: write.dot,
            stamp: write.stamp(),
            present,
            living: true,
            seen: op.seen.clone(),
        };
        let at = match self.labels.binary_search_by(|state| state.label.cmp(&op.label)) {
            Ok(at) => at,
            Err(at) => {
                self.labels.reserve_exact(1);
                self.labels.insert(at, LabelState { label: op.label.clone(), entries: Vec::new() });
                at
            }
        };
        self.labels.get_mut(at).is_some_and(|state| state.merge(entry, writes))
    }

    /// The operations that came with the write.
    pub(crate) fn ops_of(&self, write: u64) -> Vec<Op> {
        let registers = self.registers.iter().filter(|register| register.write == write);
        let mut ops: Vec<Op> = registers.map(|register| register.value.clone()).collect();
        for state in &self.labels {
            for entry in state.entries.iter().filter(|entry| entry.write == write) {
                let op = Box::new(LabelOp { label: state.label.clone(), seen: entry.seen.clone() });
                ops.push(if entry.present { Op::AddLabel(op) } else { Op::RemoveLabel(op) });
            }
        }
        ops
    }

    /// What the next operation on the label by `device` has seen.
    pub(crate) fn seen(&self, label: &str, device: DeviceId) -> VersionVector {
        let Some(state) = self.labels.iter().find(|state| *state.label == *label) else { return VersionVector::new() };
        let mut seen = Cover::default();
        for entry in &state.entries {
            seen.add(entry);
            seen.raise(entry.dot.device, entry.dot.seq);
        }
        seen.0.into_iter().filter(|(seen, seq)| *seen != device && *seq > 0).collect()
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().filter(|state| state.present()).map(|state| &*state.label)
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.registers.iter().find_map(|register| match &register.value {
            Op::Name(name) => Some(&**name),
            _ => None,
        })
    }

    pub(crate) fn task(&self, id: TaskId, writes: &Writes) -> Task {
        let mut task = Task {
            id,
            title: String::new(),
            notes: String::new(),
            status: Status::default(),
            priority: Priority::default(),
            due: None,
            assignee: String::new(),
            labels: self.labels().map(String::from).collect(),
            position: Position::default(),
            parent: None,
            created_at: 0,
            updated_at: 0,
            deleted: false,
        };
        // Only living operations on labels count: which of the others are kept depends on the order of arrival.
        let label_entries = self.labels.iter().flat_map(|state| &state.entries).filter(|entry| entry.living);
        let mut stamps: Vec<Stamp> = label_entries.map(|entry| entry.stamp).collect();
        let mut deletion = None;
        let mut created_at = None;
        for register in &self.registers {
            let stamp = writes.get(register.write).map(|write| write.stamp());
            match &register.value {
                Op::Title(text) => task.title = text.as_ref().into(),
                Op::Notes(text) => task.notes = text.as_ref().into(),
                Op::Status(status) => task.status = *status,
                Op::Priority(priority) => task.priority = *priority,
                Op::Due(due) => task.due = *due,
                Op::Assignee(text) => task.assignee = text.as_ref().into(),
                Op::Position(position) => task.position = position.clone(),
                Op::Parent(parent) => task.parent = parent.as_deref().copied(),
                Op::CreatedAt(millis) => created_at = Some(*millis),
                Op::Deleted(true) => deletion = stamp,
                Op::Deleted(false) | Op::Name(_) | Op::AddLabel(_) | Op::RemoveLabel(_) => {}
            }
            stamps.extend(stamp);
        }
        let latest = stamps.iter().max();
        task.deleted = deletion.is_some() && deletion.as_ref() == latest;
        task.updated_at = latest.map_or(0, |stamp| stamp.millis);
        // Unknown as long as only a part of the task is here.
        task.created_at = created_at.or_else(|| stamps.iter().map(|stamp| stamp.millis).min()).unwrap_or(0);
        task
    }
}

impl LabelState {
    fn present(&self) -> bool {
        self.entries.iter().any(|entry| entry.living && entry.present)
    }

    /// Takes an operation in if it is living or makes the cover larger. Whatever was taken in and dropped later is
    /// neither any more, as the cover only grows: so what comes again does nothing.
    fn merge(&mut self, mut new: LabelEntry, writes: &mut Writes) -> bool {
        if self.entries.iter().any(|entry| entry.content() == new.content()) {
            return false;
        }
        let known = Cover::of(&self.entries);
        let mut own = Cover::default();
        own.add(&new);
        let covered = |dot| known.includes(dot) || own.includes(dot);
        // One dot, several contents: somebody misbehaves. The greatest content counts.
        let beats = |a: &LabelEntry, b: &LabelEntry| a.dot == b.dot && a.content() > b.content();
        new.living = !covered(new.dot) && !self.entries.iter().any(|entry| beats(entry, &new));
        if !new.living && known.contains(&own) {
            return false;
        }
        for entry in &mut self.entries {
            entry.living &= !covered(entry.dot) && !beats(&new, entry);
        }
        writes.keep(new.write);
        self.entries.push(new);
        self.shed(writes);
        true
    }

    /// Drops the dead entries without which the cover is the same.
    fn shed(&mut self, writes: &mut Writes) {
        let mut at = 0;
        while let Some(entry) = self.entries.get(at) {
            let needed = entry.living || {
                let others = self.entries.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other);
                let cover = Cover::of(others);
                let mut own = Cover::default();
                own.add(entry);
                !cover.contains(&own)
            };
            if needed {
                at += 1;
            } else {
                let entry = self.entries.remove(at);
                writes.drop(entry.write);
            }
        }
        self.entries.shrink_to_fit();
    }
}

impl LabelEntry {
    fn content(&self) -> (Dot, Stamp, bool, &VersionVector) {
        (self.dot, self.stamp, self.present, &self.seen)
    }
}

/// A version vector without a bound on its devices: joining must not depend on which came first.
#[derive(Default)]
struct Cover(LiteMap<DeviceId, u64>);

impl Cover {
    fn of<'a>(entries: impl IntoIterator<Item = &'a LabelEntry>) -> Self {
        let mut cover = Self::default();
        for entry in entries {
            cover.add(entry);
        }
        cover
    }

    /// What the entry undoes: what it has seen, and what its device did before.
    fn add(&mut self, entry: &LabelEntry) {
        for (device, seq) in entry.seen.iter() {
            self.raise(device, seq);
        }
        self.raise(entry.dot.device, entry.dot.seq.saturating_sub(1));
    }

    fn raise(&mut self, device: DeviceId, seq: u64) {
        let had = self.0.entry(device).or_default();
        *had = seq.max(*had);
    }

    fn get(&self, device: DeviceId) -> u64 {
        self.0.get(&device).copied().unwrap_or(0)
    }

    fn includes(&self, dot: Dot) -> bool {
        dot.seq <= self.get(dot.device)
    }

    fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|(device, seq)| *seq <= self.get(*device))
    }
}
