use std::cell::Cell;

use crate::clock::Stamp;
use crate::id::{SectionId, TaskId};
use crate::replica::columns::{REMOVAL_WEIGHT, weight};
use crate::replica::digest::{Canonical, Hash};
use crate::replica::op::{Value, element_hash};
use crate::replica::work::step;
use crate::replica::writes::{Tally, Write, Writes};
use crate::replica::{
    Change, Field, MAX_ADDITIONS, MAX_ELEMENTS, MAX_LABEL, ObjectId, Op, Position, Priority, Removal, Status,
    TRASH_DAYS, Task,
};

/// What is kept of one object: the operations that nothing has superseded, each with the arrival number of its write.
///
/// **Invariant:** what is kept depends on the operations merged, never on their order. A register keeps the greatest of the
/// writes to it, an element of a set the greatest of what became of it, and the bounds on sets keep the greatest of those:
/// a value that was dropped had so many above it as are kept, and these only rise.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObjectState {
    /// Sorted by field; of one that both a person and a machine wrote, the person's comes first. A list is the smallest
    /// thing to hold the few fields that a task has.
    registers: Vec<Register>,
    /// Sorted by set, element and device.
    elements: Vec<Element>,
    /// Changes that are dated too far ahead and wait, in order of arrival.
    pub(crate) held: Vec<(u64, Box<Change>)>,
    /// The hash of it all but what waits, unless something is different since it was computed.
    hash: Cell<Option<Hash>>,
}

#[derive(Clone, Debug)]
struct Register {
    write: u64,
    /// The operation that set it, which says what field it is.
    value: Op,
}

/// What became of one device's additions of one element to a set.
///
/// The device's last addition supersedes its earlier ones, and a removal names the addition that it undoes. So there is one
/// value for each device and element: the last addition known of, and whether somebody who saw it has removed it. The
/// element is there while any device's addition of it is, so an addition that a remover had not seen stays.
#[derive(Clone, Debug)]
struct Element {
    write: u64,
    /// [`Field::set_number`].
    set: u16,
    hash: u64,
    /// The addition.
    of: Stamp,
    /// The element; `None` once it was removed, for its words do not stay.
    bytes: Option<Box<[u8]>>,
}

impl Element {
    fn key(&self) -> (u16, u64, crate::id::DeviceId) {
        (self.set, self.hash, self.of.device)
    }

    /// What a later value of the same key is greater in; and in what order values go where there are too many.
    fn rank(&self) -> (Stamp, bool, u16, u64) {
        (self.of, self.bytes.is_none(), self.set, self.hash)
    }

    /// What becomes of an element by an operation on a set.
    fn of(arrival: u64, stamp: Stamp, op: &Op) -> Option<Self> {
        let set = op.field().set_number();
        match op.value() {
            Value::Removal(Removal { element, of }) => {
                Some(Self { write: arrival, set, hash: *element, of: *of, bytes: None })
            }
            Value::Bytes(bytes) => {
                let hash = element_hash(bytes);
                Some(Self { write: arrival, set, hash, of: stamp, bytes: Some(bytes.into()) })
            }
            Value::Unit | Value::Number(_) => None,
        }
    }

    fn weight(&self) -> u64 {
        self.bytes.as_ref().map_or(REMOVAL_WEIGHT, |bytes| 2 + bytes.len()) as u64
    }

    fn op(&self) -> Op {
        let field = Field::of_set(self.set, self.bytes.is_some());
        match &self.bytes {
            Some(bytes) => Op::of(field, Value::Bytes(bytes)),
            None => Op::of(field, Value::Removal(&Removal { element: self.hash, of: self.of })),
        }
    }

    fn text(&self) -> Option<&str> {
        let bytes = self.bytes.as_ref().filter(|bytes| (1..=MAX_LABEL).contains(&bytes.len()))?;
        if self.set == Field::ADD_LABEL.set_number() { std::str::from_utf8(bytes).ok() } else { None }
    }
}

pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The day before which the values of what was deleted are dropped, counted from 1970.
pub(crate) fn trash_day(now_ms: u64) -> u64 {
    (now_ms / DAY_MS).saturating_sub(TRASH_DAYS)
}

impl ObjectState {
    /// Merges an operation of the open write `arrival`.
    pub(crate) fn merge(&mut self, arrival: u64, op: Op, writes: &mut dyn Tally) {
        step(1);
        self.hash.set(None);
        let field = op.field();
        if !field.is_set() {
            return self.merge_register(arrival, op, writes);
        }
        let Some(stamp) = writes.get(arrival).map(Write::stamp) else { return };
        if let Some(element) = Element::of(arrival, stamp, &op) {
            self.merge_element(element, writes);
        }
    }

    /// Whether all that the change says is here, or something that supersedes it.
    pub(crate) fn covers(&self, change: &Change, writes: &Writes) -> bool {
        step(change.ops.len() + self.registers.len());
        change.ops.iter().all(|op| {
            if op.field().is_set() {
                return Element::of(0, change.stamp, op).is_some_and(|new| {
                    let at = self.elements.binary_search_by_key(&new.key(), Element::key).ok();
                    let held = at.and_then(|at| self.elements.get(at));
                    held.is_some_and(|held| (new.rank(), &new.bytes) <= (held.rank(), &held.bytes))
                });
            }
            let at = self.registers.partition_point(|register| register.value.field() < op.field());
            let same = self.registers.iter().skip(at).take_while(|register| register.value.field() == op.field());
            same.filter_map(|register| Some((writes.get(register.write)?, register))).any(|(write, register)| {
                write.machine == change.machine && (change.stamp, op.value()) <= (write.stamp(), register.value.value())
            })
        })
    }

    /// Takes out what came with an earlier write of the same change and says the same.
    pub(crate) fn remove_same(&mut self, change: &Change, writes: &mut Writes) {
        self.hash.set(None);
        step(change.ops.len() * (1 + self.registers.len()));
        for op in &change.ops {
            let of_change = |write: u64, writes: &Writes| {
                writes.get(write).is_some_and(|write| (write.dot, write.stamp()) == (change.dot, change.stamp))
            };
            let same = |register: &Register| register.value == *op && of_change(register.write, writes);
            if let Some(at) = self.registers.iter().position(same) {
                let register = self.registers.remove(at);
                writes.drop(register.write, weight(&register.value) as u64);
            }
            let Some(element) = Element::of(0, change.stamp, op).filter(|_| op.field().is_set()) else { continue };
            if let Ok(at) = self.elements.binary_search_by_key(&element.key(), Element::key)
                && let Some(held) = self.elements.get(at)
                && (held.rank(), &held.bytes) == (element.rank(), &element.bytes)
                && of_change(held.write, writes)
            {
                let held = self.elements.remove(at);
                writes.drop(held.write, held.weight());
            }
        }
    }

    /// Takes out what came with a write.
    pub(crate) fn remove(&mut self, arrival: u64, writes: &mut Writes) {
        self.hash.set(None);
        step(self.registers.len() + self.elements.len());
        self.registers.retain(|register| {
            let stays = register.write != arrival;
            if !stays {
                writes.drop(arrival, weight(&register.value) as u64);
            }
            stays
        });
        self.elements.retain(|element| {
            let stays = element.write != arrival;
            if !stays {
                writes.drop(arrival, element.weight());
            }
            stays
        });
    }

    fn merge_register(&mut self, arrival: u64, value: Op, writes: &mut dyn Tally) {
        let Some(new) = writes.get(arrival) else { return };
        let (stamp, machine) = (new.stamp(), new.machine);
        let field = value.field();
        if machine && field == Field::LIFE && value != Op::Deleted {
            // No machine brings back, so neither does its word take the place of a deletion.
            return;
        }
        let mut at = self.registers.partition_point(|register| register.value.field() < field);
        while let Some(register) = self.registers.get_mut(at).filter(|register| register.value.field() == field) {
            let held = writes.get(register.write).map(|held| (held.machine, held.stamp()));
            match held {
                Some((by, held)) if by == machine => {
                    if (stamp, value.value()) > (held, register.value.value()) {
                        writes.keep(arrival, weight(&value) as u64);
                        let old = std::mem::replace(register, Register { write: arrival, value });
                        writes.drop(old.write, weight(&old.value) as u64);
                    }
                    return;
                }
                Some((true, _)) => break,
                _ => at += 1,
            }
        }
        writes.keep(arrival, weight(&value) as u64);
        if self.registers.capacity() == 0 {
            // Most tasks get no other fields than those that they were made with: no room is wasted.
            self.registers.reserve_exact(1);
        }
        step(self.registers.len() - at);
        self.registers.insert(at, Register { write: arrival, value });
    }

    fn merge_element(&mut self, new: Element, writes: &mut dyn Tally) {
        match self.elements.binary_search_by_key(&new.key(), Element::key) {
            Ok(at) => {
                let Some(held) = self.elements.get_mut(at) else { return };
                if (new.rank(), &new.bytes) <= (held.rank(), &held.bytes) {
                    return;
                }
                writes.keep(new.write, new.weight());
                let old = std::mem::replace(held, new);
                writes.drop(old.write, old.weight());
            }
            Err(at) => {
                step(self.elements.len());
                let alike = self.elements.iter().filter(|held| (held.set, held.hash) == (new.set, new.hash)).count();
                let is_full = alike >= MAX_ADDITIONS || self.elements.len() >= MAX_ELEMENTS;
                writes.keep(new.write, new.weight());
                let (set, hash) = (new.set, new.hash);
                self.elements.reserve_exact(usize::from(!is_full));
                self.elements.insert(at, new);
                if is_full {
                    let among_alike = alike >= MAX_ADDITIONS;
                    let candidates = self
                        .elements
                        .iter()
                        .enumerate()
                        .filter(|(_, element)| !among_alike || (element.set, element.hash) == (set, hash));
                    if let Some((least, _)) = candidates.min_by_key(|(_, element)| element.rank()) {
                        let least = self.elements.remove(least);
                        writes.drop(least.write, least.weight());
                    }
                }
            }
        }
    }

    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.registers.is_empty() && self.elements.is_empty()
    }

    /// What of it waits and came so.
    pub(crate) fn held(&self, arrival: u64) -> Option<&Change> {
        let at = self.held.binary_search_by_key(&arrival, |(other, _)| *other).ok()?;
        self.held.get(at).map(|(_, change)| &**change)
    }

    /// The last deletion, and the last write that brings back what was deleted before it: one to the content, by a person.
    fn life(&self, writes: &Writes) -> (Option<Stamp>, Option<Stamp>) {
        step(self.registers.len());
        let (mut deleted, mut revived) = (None, None);
        for register in &self.registers {
            let Some(write) = writes.get(register.write) else { continue };
            let stamp = Some(write.stamp());
            match &register.value {
                Op::Deleted => deleted = deleted.max(stamp),
                value if !write.machine && (value.field().is_content() || value.field() == Field::LIFE) => {
                    revived = revived.max(stamp);
                }
                _ => {}
            }
        }
        (deleted, revived)
    }

    /// The deletion, if the object is deleted: nobody has written to its content since. Hence whether it is does not depend
    /// on the order in which writes arrive, and no device ever writes to bring back what another one deleted.
    pub(crate) fn deletion(&self, writes: &Writes) -> Option<Stamp> {
        let (deleted, revived) = self.life(writes);
        deleted.filter(|deletion| revived.is_none_or(|revival| revival <= *deletion))
    }

    /// Whether the object was deleted before that day, so that its values are dropped.
    pub(crate) fn is_gone(&self, day: u64, writes: &Writes) -> bool {
        self.deletion(writes).is_some_and(|deletion| deletion.millis / DAY_MS < day)
    }

    /// Drops all that is kept but one field.
    pub(crate) fn drop_but(&mut self, field: Option<Field>, writes: &mut Writes) {
        self.hash.set(None);
        self.registers.retain(|register| {
            let stays = Some(register.value.field()) == field;
            if !stays {
                writes.purge(register.write);
                writes.drop(register.write, weight(&register.value) as u64);
            }
            stays
        });
        for element in std::mem::take(&mut self.elements) {
            writes.purge(element.write);
            writes.drop(element.write, element.weight());
        }
        self.registers.shrink_to_fit();
    }

    /// The writes of which something is kept, some more than once.
    pub(crate) fn writes(&self) -> impl Iterator<Item = u64> {
        let registers = self.registers.iter().map(|register| register.write);
        registers.chain(self.elements.iter().map(|element| element.write))
    }

    /// The hash of the object's key and of what is kept of it. If it is gone by that day, that is the deletion.
    pub(crate) fn hash(&self, object: ObjectId, day: u64, writes: &Writes) -> Hash {
        let is_gone = self.is_gone(day, writes);
        if !is_gone && let Some(hash) = self.hash.get() {
            return hash;
        }
        step(self.registers.len() + self.elements.len());
        let mut out = Canonical::default();
        out.fixed(&object.to_key());
        let mut last = None;
        let mut stamp = |out: &mut Canonical, stamp: Stamp| {
            // Most of an object is written at once.
            let is_same = last.replace(stamp) == Some(stamp);
            out.number(u64::from(is_same));
            if !is_same {
                out.number(stamp.millis);
                out.number(stamp.counter.into());
                out.fixed(&stamp.device.to_bytes());
            }
        };
        for register in &self.registers {
            let field = register.value.field();
            let Some(write) = writes.get(register.write).filter(|_| !is_gone || field == Field::LIFE) else { continue };
            out.number(field.code().into());
            out.number(u64::from(write.machine));
            stamp(&mut out, write.stamp());
            match register.value.value() {
                Value::Number(number) => out.number(number),
                Value::Bytes(bytes) => out.bytes(bytes),
                Value::Unit | Value::Removal(_) => {}
            }
        }
        for element in self.elements.iter().filter(|_| !is_gone) {
            out.number(Field::of_set(element.set, element.bytes.is_some()).code().into());
            stamp(&mut out, element.of);
            match &element.bytes {
                Some(bytes) => out.bytes(bytes),
                None => out.fixed(&element.hash.to_be_bytes()),
            }
        }
        let hash = out.hash();
        if !is_gone {
            self.hash.set(Some(hash));
        }
        hash
    }

    /// The writes of its deletion, some more than once.
    pub(crate) fn deletions(&self) -> impl Iterator<Item = u64> {
        self.registers.iter().filter(|register| register.value.field() == Field::LIFE).map(|register| register.write)
    }

    /// Calls `each` with the operations that came with the write, and answers how many there are.
    pub(crate) fn ops_of(&self, write: u64, each: &mut dyn FnMut(&Op)) -> usize {
        step(self.registers.len() + self.elements.len());
        let mut count = 0;
        for register in self.registers.iter().filter(|register| register.write == write) {
            each(&register.value);
            count += 1;
        }
        for element in self.elements.iter().filter(|element| element.write == write) {
            each(&element.op());
            count += 1;
        }
        count
    }

    /// The write that made the task, by which others can name it: it stays for as long as the task.
    pub(crate) fn made_by(&self) -> Option<u64> {
        let register = self.registers.iter().find(|register| matches!(register.value, Op::CreatedAt(_)));
        register.map(|register| register.write)
    }

    /// The additions of a label that are there.
    pub(crate) fn additions(&self, element: u64) -> impl Iterator<Item = Stamp> {
        let set = Field::ADD_LABEL.set_number();
        let there = move |held: &&Element| held.set == set && held.hash == element && held.bytes.is_some();
        self.elements.iter().filter(there).map(|held| held.of)
    }

    /// The labels that are about to be dropped because there are too many others, old and removed ones included. Whoever
    /// sees them and edits labels adds them once more.
    pub(crate) fn fading_labels(&self) -> Vec<&str> {
        const ROOM: usize = MAX_ELEMENTS / 4;
        let mut ranks: Vec<_> = self.elements.iter().map(Element::rank).collect();
        ranks.sort_unstable();
        let Some(safe) = ranks.len().checked_sub(MAX_ELEMENTS - ROOM).and_then(|at| ranks.get(at)) else {
            return Vec::new();
        };
        let mut labels: Vec<&str> = Vec::new();
        for group in self.elements.chunk_by(|a, b| (a.set, a.hash) == (b.set, b.hash)) {
            let mut there = group.iter().filter(|element| element.bytes.is_some()).peekable();
            let text = there.peek().and_then(|element| element.text());
            if there.all(|element| element.rank() < *safe) {
                labels.extend(text);
            }
        }
        labels
    }

    pub(crate) fn labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = self.elements.iter().filter_map(Element::text).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// The registers as they are shown: of two writes to one field, by a person and by a machine, the later.
    fn shown<'a>(&'a self, writes: &'a Writes) -> impl Iterator<Item = &'a Register> {
        let stamp = |register: &Register| writes.get(register.write).map(Write::stamp);
        self.registers.chunk_by(|a, b| a.value.field() == b.value.field()).filter_map(move |both| match both {
            [register] => Some(register),
            both => both.iter().max_by_key(|register| stamp(register)),
        })
    }

    /// The value that a field shows, and when it was written.
    pub(crate) fn shown_of<'a>(&'a self, field: Field, writes: &'a Writes) -> Option<(Stamp, &'a Op)> {
        let register = self.shown(writes).find(|register| register.value.field() == field)?;
        Some((writes.get(register.write)?.stamp(), &register.value))
    }

    pub(crate) fn name<'a>(&'a self, writes: &'a Writes) -> Option<&'a str> {
        self.shown(writes).find_map(|register| match &register.value {
            Op::Name(name) => Some(&**name),
            _ => None,
        })
    }

    /// The name that waits, if one does.
    pub(crate) fn held_name(&self) -> Option<&str> {
        let mut last: Option<(Stamp, &str)> = None;
        for (_, change) in &self.held {
            for op in &change.ops {
                if let Op::Name(name) = op {
                    last = last.max(Some((change.stamp, name)));
                }
            }
        }
        last.map(|(_, name)| name)
    }

    /// Where a task stands, or stood before it was deleted, if anything says so.
    pub(crate) fn position<'a>(&'a self, writes: &'a Writes) -> Option<&'a Position> {
        self.shown(writes).find_map(|register| match &register.value {
            Op::Position(position) => Some(position),
            _ => None,
        })
    }

    /// The task that a task is written to be a part of.
    pub(crate) fn parent(&self, writes: &Writes) -> Option<TaskId> {
        self.shown(writes).find_map(|register| match &register.value {
            Op::Parent(parent) => parent.as_deref().copied(),
            _ => None,
        })
    }

    /// The section that a task is written to stand in.
    pub(crate) fn section(&self, writes: &Writes) -> Option<SectionId> {
        self.shown(writes).find_map(|register| match &register.value {
            Op::Section(section) => section.as_deref().copied(),
            _ => None,
        })
    }

    /// What a task or a section is called.
    pub(crate) fn title<'a>(&'a self, writes: &'a Writes) -> Option<&'a str> {
        self.shown(writes).find_map(|register| match &register.value {
            Op::Title(title) if !title.is_empty() => Some(&**title),
            _ => None,
        })
    }

    pub(crate) fn has_title(&self, writes: &Writes) -> bool {
        self.title(writes).is_some()
    }

    /// When that was written; if nothing says where it stands, something before that.
    pub(crate) fn placed(&self, writes: &Writes) -> Option<Stamp> {
        let placed = self.shown(writes).find(|register| register.value.field() == Field::POSITION);
        placed.or(self.registers.first()).and_then(|register| writes.get(register.write)).map(Write::stamp)
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
            blocked_reason: String::new(),
            labels: self.labels().into_iter().map(String::from).collect(),
            position: Position::default(),
            parent: None,
            section: None,
            created_at: 0,
            updated_at: 0,
            deleted: self.deletion(writes).is_some(),
            comments: 0,
            #[cfg(feature = "next")]
            estimate: self.number(Field::ESTIMATE, writes).unwrap_or(0),
        };
        let mut created_at = None;
        for register in self.shown(writes) {
            match &register.value {
                Op::Title(text) => task.title = text.as_ref().into(),
                Op::Notes(text) => task.notes = text.as_ref().into(),
                Op::Status(status) => task.status = *status,
                Op::Priority(priority) => task.priority = *priority,
                Op::Due(due) => task.due = *due,
                Op::Assignee(text) => task.assignee = text.as_ref().into(),
                Op::BlockedReason(text) => task.blocked_reason = text.as_ref().into(),
                Op::Position(position) => task.position = position.clone(),
                Op::Parent(parent) => task.parent = parent.as_deref().copied(),
                Op::Section(section) => task.section = section.as_deref().copied(),
                Op::CreatedAt(millis) => created_at = Some(*millis),
                // A status that a later version knows is shown as open, and likewise the rest.
                Op::Deleted
                | Op::Alive
                | Op::Labelled
                | Op::Name(_)
                | Op::On(_)
                | Op::Text(_)
                | Op::AddLabel(_)
                | Op::RemoveLabel(_)
                | Op::Unknown(_) => {}
            }
        }
        let times =
            || self.registers.iter().filter_map(|register| writes.get(register.write)).map(|write| write.millis);
        task.updated_at = times().max().unwrap_or(0);
        // Unknown as long as only a part of the task is here.
        task.created_at = created_at.or_else(|| times().min()).unwrap_or(0);
        task
    }
}
