//! What ever happened in a world, and what must therefore be true.

use std::collections::{BTreeMap, BTreeSet};

use partyline_core::clock::Stamp;
use partyline_core::id::DeviceId;
use partyline_core::replica::{Change, Dot, Field, ObjectId, Op, Record, Replica, SyncRequest};

/// Every change that was ever durable anywhere, and which of them somebody was told of.
#[derive(Default)]
pub(crate) struct Ledger {
    made: BTreeMap<Dot, Change>,
    /// Which device of the world an id belongs to: a new one is taken after damage.
    owners: BTreeMap<DeviceId, usize>,
    last_stamp: BTreeMap<DeviceId, Stamp>,
    /// The latest that each device has on its disk, whoever wrote it.
    latest: BTreeMap<usize, Stamp>,
    by_mark: BTreeMap<String, Dot>,
    /// The last deletion of each task by each device.
    deletions: BTreeMap<(usize, ObjectId), Dot>,
    acknowledged: BTreeSet<Dot>,
    /// Lost with damaged storage before anybody else had them.
    forgiven: BTreeSet<Dot>,
    /// Lost with damaged storage, and to be got from the others again by the end.
    returning: BTreeSet<Dot>,
    /// A clock was so far ahead that its device may have dropped what was deleted.
    pub(crate) is_trash_emptied: bool,
    /// What was found to be wrong.
    pub(crate) wrong: Vec<String>,
}

/// A register of a replica, to be compared, and whether it is what a machine wrote.
type Key = (ObjectId, Field, bool);

/// The registers of a replica and what stands in them.
pub(crate) struct Registers(std::collections::HashMap<Key, (Stamp, Op)>);

impl Registers {
    pub(crate) fn of(replica: &Replica) -> Self {
        let all = replica.answer(&SyncRequest::default(), usize::MAX).batch.changes;
        let mut registers = std::collections::HashMap::new();
        for Change { stamp, object, machine, ops, .. } in all {
            for op in ops.into_iter().filter(is_register) {
                registers.insert((object, op.field(), machine), (stamp, op));
            }
        }
        Self(registers)
    }

    /// Whether the operation is here, or one that beats it, or a deletion after it.
    fn accounts_for(&self, change: &Change, op: &Op) -> bool {
        let Change { object, stamp, machine, .. } = *change;
        let deletion = self.0.get(&(object, Op::Deleted.field(), false)).filter(|(_, life)| *life == Op::Deleted);
        !is_register(op)
            || deletion.is_some_and(|(deletion, _)| *deletion >= stamp)
            || self.0.get(&(object, op.field(), machine)).is_some_and(|(held, value)| (*held, value) >= (stamp, op))
    }
}

fn is_move(change: &Change) -> bool {
    matches!(change.ops[..], [Op::Position(_)])
}

fn is_register(op: &Op) -> bool {
    !matches!(op, Op::AddLabel(_) | Op::RemoveLabel(_))
}

impl Ledger {
    /// From now on this id is that device's.
    pub(crate) fn is_device_of(&mut self, id: DeviceId, owner: usize) {
        self.owners.insert(id, owner);
    }

    /// A record has become durable on a device.
    pub(crate) fn stored(&mut self, owner: usize, record: &[u8]) {
        let Ok(Record { batch, .. }) = Record::decode(record) else {
            return self.wrong.push("a record was written that cannot be read".to_owned());
        };
        for mut change in batch.changes {
            // What comes back from others has lost the order in which it was written.
            change.ops.sort();
            let latest = self.latest.get(&owner).copied();
            // What moves over for another task has the time of the place that it had.
            let is_dated_before = change.machine && is_move(&change);
            self.latest.insert(owner, latest.map_or(change.stamp, |latest| latest.max(change.stamp)));
            if self.owners.get(&change.dot.device) != Some(&owner) {
                continue;
            }
            let is_new = !is_dated_before && !self.made.contains_key(&change.dot);
            if is_new && latest.is_some_and(|latest| change.stamp <= latest) {
                self.wrong.push(format!("{:?} is not later than all that its device had seen", change.dot));
            }
            match self.made.get(&change.dot) {
                Some(known) if change.complete && (known.ops != change.ops || known.stamp != change.stamp) => {
                    self.wrong.push(format!("number {:?} was given twice", change.dot));
                }
                Some(_) => {}
                None => self.make(change),
            }
        }
    }

    fn make(&mut self, change: Change) {
        if !(change.machine && is_move(&change)) {
            let last = self.last_stamp.insert(change.dot.device, change.stamp);
            if last.is_some_and(|last| change.stamp <= last) {
                self.wrong.push(format!("the clock of {:?} ran backwards to {:?}", change.dot.device, change.stamp));
            }
        }
        for op in &change.ops {
            if let Op::Notes(mark) = op {
                self.by_mark.insert(mark.to_string(), change.dot);
            }
            if let (Op::Deleted, Some(owner)) = (op, self.owners.get(&change.dot.device)) {
                self.deletions.insert((*owner, change.object), change.dot);
            }
        }
        self.made.insert(change.dot, change);
    }

    /// Somebody was told that the edit with this mark is kept.
    pub(crate) fn acknowledge(&mut self, mark: &str) {
        match self.by_mark.get(mark) {
            Some(dot) => {
                self.acknowledged.insert(*dot);
            }
            None => self.wrong.push(format!("{mark} was acknowledged and is nowhere")),
        }
    }

    /// Somebody was told that a task is deleted; by whom, one cannot tell.
    pub(crate) fn acknowledge_deletion(&mut self, owner: usize, task: ObjectId) {
        self.acknowledged.extend(self.deletions.get(&(owner, task)));
    }

    /// A device's storage is damaged. What none of the others has may be lost.
    pub(crate) fn damaged(&mut self, owner: usize, others: &[Replica]) {
        self.latest.remove(&owner);
        let elsewhere = |dot: &Dot| others.iter().any(|other| other.vector().includes(*dot));
        self.forgiven.extend(self.made.keys().filter(|dot| !elsewhere(dot)).copied());
        let own = |dot: &&Dot| self.owners.get(&dot.device) == Some(&owner);
        self.returning.extend(self.made.keys().filter(own).copied());
    }

    /// What is on a device's disk includes all that its user was told is kept, and all that its vector claims.
    pub(crate) fn check(&mut self, name: &str, owner: usize, replica: &Replica, everything: bool) {
        let registers = Registers::of(replica);
        for (dot, change) in &self.made {
            if self.forgiven.contains(dot) {
                continue;
            }
            let is_trash = |other: &Change| {
                other.object == change.object && other.ops.contains(&Op::Deleted) && other.stamp >= change.stamp
            };
            if self.is_trash_emptied && self.made.values().any(is_trash) {
                continue;
            }
            let own = self.owners.get(&dot.device) == Some(&owner) && !self.returning.contains(dot);
            let promised = self.acknowledged.contains(dot) && (own || everything);
            let claimed = replica.vector().includes(*dot);
            if promised || claimed {
                for op in &change.ops {
                    if !registers.accounts_for(change, op) {
                        let why = if claimed { "claims" } else { "has lost" };
                        self.wrong.push(format!("{name} {why} {op:?} of {dot:?}, which is not there"));
                    }
                }
            }
        }
    }

    /// How many edits were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }
}
