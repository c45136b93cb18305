//! What ever happened in a world, and what must therefore be true.

use std::collections::{BTreeMap, BTreeSet};

use partyline_core::clock::Stamp;
use partyline_core::id::DeviceId;
use partyline_core::replica::{Change, Dot, Field, ObjectId, Op, Record, Replica, SyncRequest};

/// Every change that was ever durable anywhere, and which of them somebody was told of.
#[derive(Default)]
pub(crate) struct Ledger {
    made: BTreeMap<Name, Made>,
    /// Which devices of the world an id belongs to: a new one is taken after damage, and copies
    /// share one at first.
    owners: BTreeMap<DeviceId, BTreeSet<usize>>,
    /// The ids of devices that have more lives than one: their numbers may be given twice, and
    /// their clocks run backwards.
    relived: BTreeSet<DeviceId>,
    /// Those devices.
    relivers: BTreeSet<usize>,
    last_stamp: BTreeMap<DeviceId, Stamp>,
    /// The latest that each device has on its disk, whoever wrote it.
    latest: BTreeMap<usize, Stamp>,
    by_mark: BTreeMap<String, Name>,
    /// The last deletion of each task by each device.
    deletions: BTreeMap<(usize, ObjectId), Name>,
    acknowledged: BTreeSet<Name>,
    /// Lost with damaged storage before anybody else had them.
    forgiven: BTreeSet<Name>,
    /// Lost with damaged storage, and to be got from the others again by the end.
    returning: BTreeSet<Name>,
    /// A clock was so far ahead that its device may have dropped what was deleted.
    pub(crate) is_trash_emptied: bool,
    /// What was found to be wrong.
    pub(crate) wrong: Vec<String>,
}

/// What no two changes have in common, not even those of two lives of a device.
type Name = (Dot, Stamp);

/// A change, and the device of the world that made it.
struct Made {
    by: usize,
    change: Change,
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

    /// Whether all of the change is here, as far as it was not overwritten.
    fn account_for_all(&self, change: &Change) -> bool {
        change.ops.iter().all(|op| self.accounts_for(change, op))
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
        self.owners.entry(id).or_default().insert(owner);
    }

    /// From now on there may be two that write under this id.
    pub(crate) fn relives(&mut self, id: DeviceId, owner: usize) {
        self.relived.insert(id);
        self.relivers.insert(owner);
    }

    /// A device has taken another key since somebody else writes under its id.
    pub(crate) fn renewed(&mut self, owner: usize) {
        if !self.relivers.contains(&owner) {
            self.wrong.push(format!("device {owner} took another key for nothing"));
        }
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
            if self.owners.get(&change.dot.device).is_none_or(|owners| !owners.contains(&owner)) {
                continue;
            }
            let name = (change.dot, change.stamp);
            let has_one_life = !self.relived.contains(&change.dot.device);
            let is_new = !is_dated_before && !self.made.contains_key(&name);
            if is_new && has_one_life && latest.is_some_and(|latest| change.stamp <= latest) {
                self.wrong.push(format!("{:?} is not later than all that its device had seen", change.dot));
            }
            let least = Stamp { millis: 0, counter: 0, device: change.dot.device };
            let mut same = self.made.range((change.dot, least)..).take_while(|((dot, _), _)| *dot == change.dot);
            let is_other = |(known, made): (&Name, &Made)| *known != name || made.change.ops != change.ops;
            if has_one_life && change.complete && same.any(is_other) {
                self.wrong.push(format!("number {:?} was given twice", change.dot));
            }
            match self.made.get(&name) {
                None => self.make(owner, change),
                // Two lives wrote at the very same time, and one of the two writes wins.
                Some(made) if !has_one_life && made.change.ops != change.ops => {
                    self.forgiven.insert(name);
                    let marks =
                        change.ops.iter().filter_map(|op| if let Op::Notes(mark) = op { Some(mark) } else { None });
                    self.by_mark.extend(marks.map(|mark| (mark.to_string(), name)));
                }
                Some(_) => {}
            }
        }
    }

    fn make(&mut self, by: usize, change: Change) {
        let name = (change.dot, change.stamp);
        if !(change.machine && is_move(&change)) {
            let last = self.last_stamp.insert(change.dot.device, change.stamp);
            let has_one_life = !self.relived.contains(&change.dot.device);
            if has_one_life && last.is_some_and(|last| change.stamp <= last) {
                self.wrong.push(format!("the clock of {:?} ran backwards to {:?}", change.dot.device, change.stamp));
            }
        }
        for op in &change.ops {
            if let Op::Notes(mark) = op {
                self.by_mark.insert(mark.to_string(), name);
            }
            if *op == Op::Deleted {
                self.deletions.insert((by, change.object), name);
            }
        }
        self.made.insert(name, Made { by, change });
    }

    /// Somebody was told that the edit with this mark is kept.
    pub(crate) fn acknowledge(&mut self, mark: &str) {
        match self.by_mark.get(mark) {
            Some(name) => {
                self.acknowledged.insert(*name);
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
        self.lost(owner, others, None);
    }

    /// A device's storage is as it was once. What has come since and none of the others has is
    /// lost.
    pub(crate) fn went_back(&mut self, owner: usize, others: &[Replica], left: &Replica) {
        self.relives(left.device(), owner);
        self.lost(owner, others, Some(left));
    }

    fn lost(&mut self, owner: usize, others: &[Replica], left: Option<&Replica>) {
        self.latest.remove(&owner);
        let others: Vec<Registers> = others.iter().map(Registers::of).collect();
        let left = left.map(Registers::of);
        let is_left = |change: &Change| left.as_ref().is_some_and(|left| left.account_for_all(change));
        let elsewhere = |change: &Change| others.iter().any(|other| other.account_for_all(change));
        for (name, Made { by, change }) in &self.made {
            if !is_left(change) {
                self.forgiven.extend((!elsewhere(change)).then_some(*name));
                self.returning.extend((*by == owner).then_some(*name));
            }
        }
    }

    /// What is on a device's disk includes all that its user was told is kept, and all that its vector claims.
    pub(crate) fn check(&mut self, name: &str, owner: usize, replica: &Replica, everything: bool) {
        let registers = Registers::of(replica);
        for (id, Made { by, change }) in &self.made {
            if self.forgiven.contains(id) {
                continue;
            }
            let is_trash = |other: &Change| {
                other.object == change.object && other.ops.contains(&Op::Deleted) && other.stamp >= change.stamp
            };
            if self.is_trash_emptied && self.made.values().any(|made| is_trash(&made.change)) {
                continue;
            }
            let (dot, _) = id;
            let own = *by == owner && !self.returning.contains(id);
            let promised = self.acknowledged.contains(id) && (own || everything);
            // Of two lives that gave one number a vector says nothing, nor of what either has overwritten,
            // until what they hold is compared.
            let claimed = replica.vector().includes(*dot) && (self.relived.is_empty() || everything);
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
