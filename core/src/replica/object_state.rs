use litemap::LiteMap;

use crate::clock::Stamp;
use crate::id::{DeviceId, TaskId};
use crate::replica::op::Field;
use crate::replica::writes::{Write, Writes};
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

/// What a deletion took with it.
pub(crate) type Content = Vec<Op>;

impl ObjectState {
    /// Merges an operation of the open write `arrival`. Answers whether it made a difference.
    ///
    /// **Invariant:** what is kept depends on the operations merged, not on their order. A deletion outlives whatever was
    /// written before it, however late that arrives; among labels it only ends the life of an operation, since the cover
    /// must not depend on stamps.
    pub(crate) fn merge(&mut self, arrival: u64, op: Op, writes: &mut Writes) -> bool {
        let Some(stamp) = writes.get(arrival).map(Write::stamp) else { return false };
        let is_outlived = self.deletion(writes).is_some_and(|deletion| stamp <= deletion);
        match op {
            Op::AddLabel(op) => self.merge_label(arrival, true, *op, is_outlived, writes),
            Op::RemoveLabel(op) => self.merge_label(arrival, false, *op, is_outlived, writes),
            op => !is_outlived && self.merge_register(arrival, stamp, op, writes),
        }
    }

    /// What merging a deletion with this stamp would take away, if something that was written after it remains.
    pub(crate) fn content_to_save(&self, deletion: Stamp, writes: &Writes) -> Option<Content> {
        if self.deletion(writes).is_some_and(|known| deletion <= known) {
            return None;
        }
        let is_outlived =
            |register: &&Register| writes.get(register.write).is_none_or(|write| write.stamp() <= deletion);
        let is_field = |register: &&Register| register.value != Op::Deleted;
        let entries = || self.labels.iter().flat_map(|state| &state.entries).filter(|entry| entry.living);
        let remains = self.registers.iter().filter(is_field).any(|register| !is_outlived(&register))
            || entries().any(|entry| entry.stamp > deletion);
        let taken: Vec<Op> =
            self.registers.iter().filter(is_field).filter(is_outlived).map(|register| register.value.clone()).collect();
        if !remains || !taken.iter().any(|op| matches!(op, Op::Title(_))) {
            return None;
        }
        let labels = self.labels.iter().filter(|state| state.present()).map(|state| Op::add_label(state.label.clone()));
        Some(taken.into_iter().chain(labels).collect())
    }

    /// Leaves of what was saved those fields that stand empty; nothing if the task is not in need of it.
    pub(crate) fn lacking(&self, mut content: Content) -> Content {
        if self.has(Field::Title) {
            return Vec::new();
        }
        content.retain(|op| match op.field() {
            Some(field) => !self.has(field),
            None => op.label().is_some_and(|label| !self.labels().any(|there| there == label)),
        });
        content
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.registers.is_empty() && self.labels.is_empty()
    }

    fn has(&self, field: Field) -> bool {
        self.registers.iter().any(|register| register.value.field() == Some(field))
    }

    fn deletion(&self, writes: &Writes) -> Option<Stamp> {
        let register = self.registers.last().filter(|register| register.value == Op::Deleted)?;
        writes.get(register.write).map(Write::stamp)
    }

    fn merge_register(&mut self, arrival: u64, stamp: Stamp, value: Op, writes: &mut Writes) -> bool {
        let Some(field) = value.field() else { return false };
        let stamp_of = |write: u64, writes: &Writes| writes.get(write).map(Write::stamp);
        writes.keep(arrival, &value);
        match self.registers.binary_search_by_key(&Some(field), |register| register.value.field()) {
            Err(at) => {
                if self.registers.capacity() == 0 {
                    // Most tasks get no other fields than those that they were made with: no room is wasted.
                    self.registers.reserve_exact(1);
                }
                self.registers.insert(at, Register { write: arrival, value });
            }
            Ok(at) => {
                let Some(register) = self.registers.get_mut(at) else { return false };
                if (Some(stamp), &value) <= (stamp_of(register.write, writes), &register.value) {
                    writes.drop(arrival, &value);
                    return false;
                }
                let old = std::mem::replace(register, Register { write: arrival, value });
                writes.drop(old.write, &old.value);
            }
        }
        if field == Field::Deleted {
            self.registers.retain(|register| {
                let stays =
                    register.value == Op::Deleted || stamp_of(register.write, writes).is_some_and(|at| at > stamp);
                if !stays {
                    writes.drop(register.write, &register.value);
                }
                stays
            });
            self.registers.shrink_to_fit();
            for state in &mut self.labels {
                state.outlive(stamp, writes);
            }
            self.labels.retain(|state| !state.entries.is_empty());
        }
        true
    }

    fn merge_label(
        &mut self,
        arrival: u64,
        present: bool,
        op: LabelOp,
        is_outlived: bool,
        writes: &mut Writes,
    ) -> bool {
        let Some(write) = writes.get(arrival) else { return false };
        let entry = LabelEntry {
            write: arrival,
            dot: write.dot,
            stamp: write.stamp(),
            present,
            living: !is_outlived,
            seen: op.seen,
        };
        let at = match self.labels.binary_search_by(|state| state.label.cmp(&op.label)) {
            Ok(at) => at,
            Err(at) => {
                self.labels.reserve_exact(1);
                self.labels.insert(at, LabelState { label: op.label, entries: Vec::new() });
                at
            }
        };
        let merged = self.labels.get_mut(at).is_some_and(|state| state.merge(entry, writes));
        if self.labels.get(at).is_some_and(|state| state.entries.is_empty()) {
            self.labels.remove(at);
        }
        merged
    }

    /// Calls `each` with the operations that came with the write, and answers how many there are.
    pub(crate) fn ops_of(&self, write: u64, each: &mut dyn FnMut(&Op)) -> usize {
        let mut count = 0;
        for register in self.registers.iter().filter(|register| register.write == write) {
            each(&register.value);
            count += 1;
        }
        // In the order of the binary form: first what was added.
        for present in [true, false] {
            for state in &self.labels {
                for entry in state.entries.iter().filter(|entry| entry.write == write && entry.present == present) {
                    each(&entry.op(&state.label));
                    count += 1;
                }
            }
        }
        count
    }

    /// The write that made the task, by which others can name it: it stays for as long as the task.
    pub(crate) fn made_by(&self) -> Option<u64> {
        let register = self.registers.iter().find(|register| matches!(register.value, Op::CreatedAt(_)));
        register.map(|register| register.write)
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

    /// Where a task stands, unless it is deleted or nothing says so.
    pub(crate) fn position(&self) -> Option<&Position> {
        let mut position = None;
        for register in &self.registers {
            match &register.value {
                Op::Position(held) => position = Some(held),
                Op::Deleted if !self.has(Field::Title) => return None,
                _ => {}
            }
        }
        position
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
                // Something may have been written after it: with a title, the task is back.
                Op::Deleted => task.deleted = !self.has(Field::Title),
                Op::Name(_) | Op::AddLabel(_) | Op::RemoveLabel(_) => {}
            }
            stamps.extend(stamp);
        }
        let latest = stamps.iter().max();
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
        new.living &= !covered(new.dot) && !self.entries.iter().any(|entry| beats(entry, &new));
        if !new.living && known.contains(&own) {
            return false;
        }
        for entry in &mut self.entries {
            entry.living &= !covered(entry.dot) && !beats(&new, entry);
        }
        writes.keep(new.write, &new.op(&self.label));
        self.entries.push(new);
        self.shed(writes);
        true
    }

    /// The task was deleted: what was added before counts no more.
    fn outlive(&mut self, deletion: Stamp, writes: &mut Writes) {
        for entry in &mut self.entries {
            entry.living &= entry.stamp > deletion;
        }
        self.shed(writes);
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
                writes.drop(entry.write, &entry.op(&self.label));
            }
        }
        self.entries.shrink_to_fit();
    }
}

impl LabelEntry {
    fn op(&self, label: &str) -> Op {
        let op = Box::new(LabelOp { label: label.into(), seen: self.seen.clone() });
        if self.present { Op::AddLabel(op) } else { Op::RemoveLabel(op) }
    }

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
