//! What people are to see in the end, from what they wrote and when: the last write to each field, and of a task that was
//! deleted, whether anybody wrote to it since. It knows nothing of how replicas merge.

use std::collections::{BTreeMap, BTreeSet};

use partyline_core::clock::Stamp;
use partyline_core::id::DeviceId;
use partyline_core::replica::{Change, Field, ObjectId, Op, Replica, Status, Task, element_hash};

use crate::ledger::{Ledger, Registers, is_register, removal};

/// A write, and whether it is sure that everybody has it: what was lost with a disk, or is a lie, may have got to somebody.
type Said<'a> = (&'a Change, bool);

/// What people wrote about each thing.
pub(crate) struct Oracle<'a> {
    objects: BTreeMap<ObjectId, Vec<Said<'a>>>,
    /// Values under deletions may be dropped.
    is_trash_emptied: bool,
}

/// By which a task is deleted, and by which it is there: the last of each, and the last that is sure.
struct Life {
    deleted: Option<Stamp>,
    surely_deleted: Option<Stamp>,
    revived: Option<Stamp>,
    surely_revived: Option<Stamp>,
}

impl Life {
    fn of(said: &[Said<'_>]) -> Self {
        let last = |is_meant: fn(&Change) -> bool, sure: bool| {
            let meant = said.iter().filter(|(change, is_sure)| (*is_sure || !sure) && is_meant(change));
            meant.map(|(change, _)| change.stamp).max()
        };
        Self {
            deleted: last(deletes, false),
            surely_deleted: last(deletes, true),
            revived: last(revives, false),
            surely_revived: last(revives, true),
        }
    }

    /// Whether it is deleted, if that is certain.
    fn is_deleted(&self) -> Option<bool> {
        // Of two under one stamp, which only who lies makes, either may count.
        if self.surely_deleted.is_some() && self.surely_deleted > self.revived {
            return Some(true);
        }
        (self.deleted.is_none() || self.surely_revived > self.deleted).then_some(false)
    }
}

fn deletes(change: &Change) -> bool {
    change.ops.contains(&Op::Deleted)
}

/// A person wrote to the content, which is everything but place, parent and time of creation, or restored it.
pub(crate) fn revives(change: &Change) -> bool {
    let is_content = |op: &Op| match op {
        Op::Deleted | Op::Position(_) | Op::Parent(_) | Op::Section(_) | Op::On(_) => false,
        Op::CreatedAt(_) | Op::Name(_) => false,
        Op::AddLabel(_) | Op::RemoveLabel(_) => false,
        // The number of the field says so; and what is neither deleted nor alive is not deleted.
        Op::Unknown(unknown) => unknown.field.code() & 8 != 0 || unknown.field == Op::Deleted.field(),
        _ => true,
    };
    !change.machine && change.ops.iter().any(is_content)
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        let mut objects: BTreeMap<ObjectId, Vec<Said<'a>>> = BTreeMap::new();
        for said in ledger.writes() {
            objects.entry(said.0.object).or_default().push(said);
        }
        Self { objects, is_trash_emptied: ledger.is_trash_emptied }
    }

    /// What is wrong with what a device shows.
    pub(crate) fn judge(&self, name: &str, replica: &Replica) -> Vec<String> {
        let registers = Registers::of(replica);
        let waiting: BTreeSet<ObjectId> = replica.held().map(|change| change.object).collect();
        let mut wrong = Vec::new();
        for (object, said) in &self.objects {
            let life = Life::of(said);
            let dropped = life.deleted.filter(|_| self.is_trash_emptied);
            for field in fields(said) {
                let values = last(said, field);
                let is_dropped = |last: &(Stamp, Op)| {
                    // What does not bring the task back is dropped whenever it came.
                    dropped.is_some_and(|deletion| last.0 <= deletion || field.code() & 8 == 0)
                };
                let shown = registers.shown(*object, field);
                if values.iter().any(is_dropped) {
                    continue;
                }
                let may_be_nothing = !said.iter().any(|(change, is_sure)| *is_sure && has(change, field));
                if !(values.iter().any(|(_, value)| Some(value) == shown) || may_be_nothing && shown.is_none()) {
                    wrong.push(format!("{name} has {shown:?} in {object:?}, where {values:?} is"));
                }
            }
            if dropped.is_none() {
                wrong.extend(elements(said, *object, &registers).map(|line| format!("{name} {line}")));
            }
            // What waits is there, and not shown.
            let ObjectId::Task(id) = object else { continue };
            if waiting.contains(object) {
                continue;
            }
            let Some(task) = replica.task(*id) else {
                if said.iter().any(|(_, is_sure)| *is_sure) {
                    wrong.push(format!("{name} has nothing of {object:?}"));
                }
                continue;
            };
            if life.is_deleted().is_some_and(|is_deleted| is_deleted != task.deleted) {
                wrong.push(format!("{name} shows {object:?} as deleted: {}", task.deleted));
            }
            if let Some(line) = shown(&task, *object, &registers) {
                wrong.push(format!("{name} {line}"));
            }
        }
        wrong
    }
}

/// The registers that anybody wrote. That of deletion is looked at by itself.
fn fields(said: &[Said<'_>]) -> BTreeSet<Field> {
    let ops = said.iter().flat_map(|(change, _)| &change.ops);
    ops.filter(|op| is_register(op) && op.field() != Op::Deleted.field()).map(Op::field).collect()
}

fn has(change: &Change, field: Field) -> bool {
    change.ops.iter().any(|op| op.field() == field)
}

/// What a field may have: the last that was surely written to it, or anything later that may have been.
fn last(said: &[Said<'_>], field: Field) -> Vec<(Stamp, Op)> {
    let writes = said.iter().flat_map(|(change, is_sure)| {
        let ops = change.ops.iter().filter(move |op| op.field() == field);
        ops.map(move |op| ((change.stamp, op.clone()), *is_sure))
    });
    let writes: Vec<_> = writes.collect();
    let sure = writes.iter().filter(|(_, is_sure)| *is_sure).map(|(write, _)| write).max().cloned();
    let later = writes.iter().filter(|(write, is_sure)| !is_sure && sure.as_ref().is_none_or(|sure| write > sure));
    let mut values: Vec<_> = later.map(|(write, _)| write.clone()).collect();
    values.extend(sure);
    values
}

/// An element is there if the last addition of it by any device was taken out by nobody who saw that one.
fn elements(said: &[Said<'_>], object: ObjectId, registers: &Registers) -> impl Iterator<Item = String> {
    let mut additions: BTreeMap<(Field, Op, DeviceId), Stamp> = BTreeMap::new();
    let mut removals = BTreeSet::new();
    let mut is_sure = true;
    for (change, is_certain) in said {
        for op in change.ops.iter().filter(|op| !is_register(op)) {
            is_sure &= is_certain;
            match removal(op) {
                Some(removal) => drop(removals.insert((op.field().code() & !3, removal.element, removal.of))),
                None => {
                    let last = additions.entry((op.field(), op.clone(), change.stamp.device)).or_insert(change.stamp);
                    *last = change.stamp.max(*last);
                }
            }
        }
    }
    let there = additions.iter().filter(|((field, op, _), stamp)| {
        let hash = element(op).map(element_hash).unwrap_or_default();
        !removals.contains(&(field.code() & !3, hash, **stamp))
    });
    let expected: BTreeSet<(Field, Op)> = there.map(|((field, op, _), _)| (*field, op.clone())).collect();
    let held = registers.elements.keys().filter(|(other, ..)| *other == object);
    let held: BTreeSet<(Field, Op)> = held.map(|(_, field, op)| (*field, op.clone())).collect();
    let differs = is_sure && expected != held;
    differs.then(|| format!("has {held:?} in the sets of {object:?}, where {expected:?} are")).into_iter()
}

pub(crate) fn element(op: &Op) -> Option<&[u8]> {
    match op {
        Op::AddLabel(label) => Some(label.as_bytes()),
        Op::Unknown(unknown) => match &unknown.value {
            partyline_core::replica::UnknownValue::Bytes(bytes) => Some(bytes),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a task is shown with other values than are there.
fn shown(task: &Task, object: ObjectId, registers: &Registers) -> Option<String> {
    let text = |op: fn(Box<str>) -> Op, text: &str| {
        let op = op(text.into());
        // What is no text is not shown.
        let there = registers.shown(object, op.field()).filter(|op| !matches!(op, Op::Unknown(_)));
        (there != Some(&op) && !(there.is_none() && text.is_empty())).then(|| format!("shows {text:?} for {there:?}"))
    };
    let status = || {
        let field = Op::Status(Status::Open).field();
        let there = match registers.shown(object, field) {
            Some(Op::Status(status)) => *status,
            // One that nobody here knows, or none.
            _ => Status::Open,
        };
        (there != task.status).then(|| format!("shows {:?} for {there:?}", task.status))
    };
    let position = || {
        let op = Op::Position(task.position.clone());
        let there = registers.shown(object, op.field());
        let is_another = |there: &Op| *there != op && !matches!(there, Op::Unknown(_));
        there.is_some_and(is_another).then(|| format!("shows {op:?} for {there:?}"))
    };
    text(Op::Title, &task.title).or_else(|| text(Op::Notes, &task.notes)).or_else(status).or_else(position)
}
