//! What ever happened in a world, and what must therefore be true.

use std::collections::{BTreeMap, BTreeSet};

use partyline_core::clock::{Clock, Stamp};
use partyline_core::id::DeviceId;
use partyline_core::replica::{
    Change, Dot, Field, ObjectId, Op, Record, Removal, Replica, SyncRequest, UnknownValue, element_hash,
};

use crate::oracle::{element, revives};

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
    /// What each of those devices has written itself, in the life that it has now and in what it was put back to.
    lives: BTreeMap<usize, Life>,
    /// The last number and stamp that each device gave under an id, in the life that it has now.
    last: BTreeMap<(DeviceId, usize), (u64, Option<Stamp>)>,
    /// How many keys were taken on the word of a member that lies.
    renewals: usize,
    /// The latest that each device has on its disk, whoever wrote it.
    latest: BTreeMap<usize, Stamp>,
    /// The latest that was ever written or followed by each of them.
    peaks: BTreeMap<usize, Stamp>,
    by_mark: BTreeMap<String, Name>,
    /// The last deletion of each task by each device.
    deletions: BTreeMap<(usize, ObjectId), Name>,
    acknowledged: BTreeSet<Name>,
    /// Lost with damaged storage before anybody else had them.
    forgiven: BTreeSet<Name>,
    /// Written under a wrong clock, and written anew when it was right.
    replaced: BTreeSet<(Dot, Stamp)>,
    /// Overwritten by something that was replaced, where it did not have to wait.
    shaken: BTreeSet<Name>,
    /// Lost with damaged storage, and to be got from the others again by the end.
    returning: BTreeSet<Name>,
    /// What each device has had on its disk since storage was lost there: from then on it has it.
    held: BTreeMap<usize, BTreeSet<Name>>,
    /// How often storage was lost on each device.
    losses: BTreeMap<usize, usize>,
    /// A member lies.
    pub(crate) has_liar: bool,
    /// What devices were called, each under its id, when they took another key, and the ids that they gave up.
    retired: BTreeMap<usize, Vec<DeviceId>>,
    /// A clock was so far ahead that its device may have dropped what was deleted.
    pub(crate) is_trash_emptied: bool,
    /// What was found to be wrong.
    pub(crate) wrong: Vec<String>,
}

/// What is not one of the devices: from here on members of a later version, and the one that lies.
pub(crate) const NEWER: usize = 100;
pub(crate) const LIAR: usize = 200;

/// More keys than any device takes on the word of a member that lies, in a life of some minutes.
const MOST_RENEWALS: usize = 16;

/// How long a device keeps a key that it took, in milliseconds.
const REST: u64 = 60 * 60 * 1000;

/// A day, in milliseconds.
const DAY: u64 = 24 * REST;

/// What no two changes have in common, not even those that two lives of a device made at the very same time: those are
/// counted.
type Name = (Dot, Stamp, usize);

/// A device that has had more lives than one.
#[derive(Default)]
struct Life {
    /// What it knows to be its own, or has come too soon after it took another key.
    own: BTreeSet<Name>,
    /// How many keys it may have taken for that.
    renewals: usize,
}

/// A change, and the device of the world that made it.
struct Made {
    by: usize,
    /// All that it said. What was overwritten by what is replaced since is not in the change any more.
    said: Vec<Op>,
    change: Change,
}

impl Made {
    /// Nobody knows whether it ever got anywhere.
    fn is_a_lie(&self) -> bool {
        self.by >= LIAR
    }
}

/// A register of a replica, to be compared, and whether it is what a machine wrote.
type Key = (ObjectId, Field, bool);

/// The registers of a replica and what stands in them.
pub(crate) struct Registers {
    values: std::collections::HashMap<Key, (Stamp, Op)>,
    /// The elements of sets that are there, by whose additions.
    pub(crate) elements: BTreeMap<(ObjectId, Field, Op), BTreeSet<Stamp>>,
}

impl Registers {
    pub(crate) fn of(replica: &Replica) -> Self {
        let all = replica.answer(&SyncRequest::default(), usize::MAX).batch.changes;
        let (mut values, mut elements) = (std::collections::HashMap::new(), BTreeMap::new());
        let mut removals = BTreeSet::new();
        for Change { stamp, object, machine, ops, .. } in all {
            for op in ops {
                if is_register(&op) {
                    // What waits for its time is there beside what is shown until then.
                    let key = (object, op.field(), machine);
                    if values.get(&key).is_none_or(|(other, value)| (*other, value) < (stamp, &op)) {
                        values.insert(key, (stamp, op));
                    }
                } else if let Some(removal) = removal(&op) {
                    removals.insert((object, removal.element, removal.of));
                } else {
                    elements.entry((object, op.field(), op)).or_insert_with(BTreeSet::new).insert(stamp);
                }
            }
        }
        // Where one waits, what it takes out is still there.
        elements.retain(|(object, _, op), additions: &mut BTreeSet<Stamp>| {
            let hash = element(op).map(element_hash).unwrap_or_default();
            additions.retain(|of| !removals.contains(&(*object, hash, *of)));
            !additions.is_empty()
        });
        Self { values, elements }
    }

    /// What a register shows: of what a person and a machine wrote, the later.
    pub(crate) fn shown(&self, object: ObjectId, field: Field) -> Option<&Op> {
        let both = [false, true].map(|machine| self.values.get(&(object, field, machine)));
        both.into_iter().flatten().max_by_key(|(stamp, _)| *stamp).map(|(_, op)| op)
    }

    /// Whether all of the change is here, as far as it was not overwritten.
    fn account_for_all(&self, change: &Change) -> bool {
        change.ops.iter().all(|op| self.accounts_for(change, op))
    }

    /// The same, whatever was deleted: so it stays, also when the task comes back.
    fn hold_all(&self, change: &Change) -> bool {
        change.ops.iter().all(|op| self.holds(change, op))
    }

    /// Whether what it does to sets is here for sure: what was taken out of one leaves nothing to be seen.
    fn hold_sets(&self, change: &Change) -> bool {
        let is_here = |op: &Op| {
            let key = (change.object, op.field(), op.clone());
            removal(op).is_none() && self.elements.get(&key).is_some_and(|additions| additions.contains(&change.stamp))
        };
        change.ops.iter().filter(|op| !is_register(op)).all(is_here)
    }

    /// Whether any of the change itself is here: what another life did not write just so, at the very same time.
    fn show(&self, change: &Change, made: &BTreeMap<Name, Made>) -> bool {
        let Change { dot, object, stamp, machine, .. } = *change;
        let held = |op: &Op| self.values.get(&(object, op.field(), machine));
        let is_here = |op: &Op| held(op).is_some_and(|(held, value)| *held == stamp && value == op);
        let is_only_here = |op: &Op| {
            let all = made.range((dot, stamp, 0)..=(dot, stamp, usize::MAX));
            all.filter(|(_, made)| made.change.object == object && made.change.ops.contains(op)).count() == 1
        };
        change.ops.iter().any(|op| is_here(op) && is_only_here(op))
    }

    fn holds(&self, change: &Change, op: &Op) -> bool {
        let Change { object, stamp, machine, .. } = *change;
        !is_register(op)
            || self
                .values
                .get(&(object, op.field(), machine))
                .is_some_and(|(held, value)| (*held, value) >= (stamp, op))
    }

    /// Whether the operation is here, or one that beats it, or a deletion after it.
    fn accounts_for(&self, change: &Change, op: &Op) -> bool {
        let life = self.values.get(&(change.object, Op::Deleted.field(), false));
        let deletion = life.filter(|(_, life)| *life == Op::Deleted);
        self.holds(change, op) || deletion.is_some_and(|(deletion, _)| *deletion >= change.stamp)
    }
}

fn is_move(change: &Change) -> bool {
    matches!(change.ops[..], [Op::Position(_)])
}

/// The write that a change names as replaced.
fn replaced_by(change: &Change) -> Option<(Dot, Stamp)> {
    let ObjectId::Other(object) = change.object else { return None };
    if object.kind() != 127 {
        return None;
    }
    let bytes = change.ops.iter().find_map(|op| match op {
        Op::Unknown(unknown) => match &unknown.value {
            UnknownValue::Bytes(bytes) => Some(bytes),
            _ => None,
        },
        _ => None,
    })?;
    let (device, mut rest) = bytes.split_first_chunk()?;
    let mut number = || {
        let (mut number, mut shift) = (0, 0);
        loop {
            let (byte, tail) = rest.split_first()?;
            rest = tail;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
    };
    let device = DeviceId::from_bytes(*device);
    let (seq, millis, counter) = (number()?, number()?, number()? as u32);
    Some((Dot { device, seq }, Stamp { millis, counter, device }))
}

/// Whether it sets a register, and not an element of a set: the number of its field says so.
pub(crate) fn is_register(op: &Op) -> bool {
    op.field().code() & 4 == 0
}

/// What is taken out of a set.
pub(crate) fn removal(op: &Op) -> Option<Removal> {
    match op {
        Op::RemoveLabel(removal) => Some(**removal),
        Op::Unknown(unknown) => match unknown.value {
            UnknownValue::Removal(removal) => Some(removal),
            _ => None,
        },
        _ => None,
    }
}

impl Ledger {
    /// From now on this id is that device's.
    pub(crate) fn is_device_of(&mut self, id: DeviceId, owner: usize) {
        self.owners.entry(id).or_default().insert(owner);
    }

    /// A device has another life, beginning with what it has now: from now on there may be two that write under its id.
    pub(crate) fn relives(&mut self, owner: usize, replica: &Replica) {
        self.relived.insert(replica.device());
        let registers = Registers::of(replica);
        let made = self.made.iter().filter(|(_, Made { change, .. })| registers.account_for_all(change));
        let life = self.lives.entry(owner).or_default();
        life.own = made.map(|(name, _)| *name).collect();
        life.renewals += 1;
        self.last.retain(|(_, other), _| *other != owner);
        if let Some(latest) = registers.values.values().map(|(stamp, _)| *stamp).max() {
            self.latest.insert(owner, latest);
        }
    }

    /// A device that was called something has taken another key since somebody else writes under its id, or says so.
    pub(crate) fn renewed(&mut self, owner: usize, old: Option<DeviceId>) {
        let retired = self.retired.entry(owner).or_default();
        retired.extend(old);
        if self.has_liar {
            self.renewals += 1;
            if self.renewals > MOST_RENEWALS {
                self.wrong.push(format!("device {owner} takes one key after the other"));
            }
            return;
        }
        match self.lives.get_mut(&owner).filter(|life| life.renewals > 0) {
            Some(life) => life.renewals -= 1,
            None => self.wrong.push(format!("device {owner} took another key for nothing")),
        }
    }

    /// A record has become durable on a device, which last took another key when it says.
    pub(crate) fn stored(&mut self, owner: usize, record: &[u8], renewed_at: u64) {
        let Ok(Record { batch, now_ms, clock }) = Record::decode(record) else {
            return self.wrong.push("a record was written that cannot be read".to_owned());
        };
        let rests = now_ms.checked_sub(renewed_at).is_some_and(|passed| passed < REST);
        for mut change in batch.changes {
            // What comes back from others has lost the order in which it was written.
            change.ops.sort();
            // No clock follows what is dated far ahead, and one that was there comes back.
            let is_far_ahead = |stamp: &Stamp| Clock::is_far_ahead(stamp, now_ms);
            let latest = self.latest.get(&owner).copied().filter(|latest| !is_far_ahead(latest));
            let peak = self.peaks.entry(owner).or_insert(change.stamp);
            *peak = (*peak).max(change.stamp);
            // What moves over for another task has the time of the place that it had.
            let is_dated_before = change.machine && is_move(&change);
            if !is_far_ahead(&change.stamp) {
                self.latest.insert(owner, latest.map_or(change.stamp, |latest| latest.max(change.stamp)));
            }
            if self.owners.get(&change.dot.device).is_none_or(|owners| !owners.contains(&owner)) {
                continue;
            }
            let Change { dot, stamp, .. } = change;
            let is_echo = |made: &Made| match change.complete && !self.has_liar {
                true => made.said == change.ops,
                false => change.ops.iter().all(|op| made.said.contains(op)),
            };
            let same: Vec<&Made> =
                self.made.range((dot, stamp, 0)..=(dot, stamp, usize::MAX)).map(|(_, made)| made).collect();
            if let Some(at) = same.iter().position(|made| is_echo(made)) {
                // It takes no other key so soon, for a member may lie.
                if let Some(life) = self.lives.get_mut(&owner).filter(|_| rests) {
                    life.own.insert((dot, stamp, at));
                }
                continue;
            }
            let name = (dot, stamp, same.len());
            if let Some(replaced) = replaced_by(&change) {
                self.replaces(replaced, now_ms);
            }
            // One that comes back forgets what it followed meanwhile, and dates anew what it wrote.
            let came_back = clock.is_some() || self.peaks.get(&owner).is_some_and(is_far_ahead);
            if !is_dated_before && !came_back && latest.is_some_and(|latest| stamp <= latest) {
                self.wrong.push(format!("{dot:?} is not later than all that its device had seen"));
            }
            let least = Stamp { millis: 0, counter: 0, device: dot.device };
            let mut given = self.made.range((dot, least, 0)..).take_while(|((other, ..), _)| *other == dot);
            let is_given = given.any(|(_, made)| !made.is_a_lie());
            if is_given && !self.relived.contains(&dot.device) {
                self.wrong.push(format!("number {dot:?} was given twice"));
            }
            self.make(owner, name, change, came_back, now_ms);
        }
    }

    /// A write is replaced, and with it what its device had overwritten by it. What others had written under a clock that
    /// was as wrong is there where it had to wait, and overwritten elsewhere.
    fn replaces(&mut self, (dot, stamp): (Dot, Stamp), now_ms: u64) {
        self.replaced.insert((dot, stamp));
        let Some(Made { change, said, .. }) = self.made.get(&(dot, stamp, 0)) else { return };
        let (object, machine, ops) = (change.object, change.machine, said.clone());
        let is_overwritten = |op: &Op, of: Stamp| {
            let is_taken_out = |by: &Op| {
                let hash = element(op).map(element_hash);
                removal(by).is_some_and(|removal| removal.of == of && Some(removal.element) == hash)
            };
            ops.iter().any(|by| is_register(op) && by.field() == op.field() || is_taken_out(by))
        };
        for (name, Made { change, .. }) in &mut self.made {
            if (change.object, change.machine) != (object, machine) || change.stamp >= stamp {
                continue;
            }
            // So it is between two lives of a device, and with what was written just now: of two clocks one is behind.
            let is_far_ahead = Clock::is_far_ahead(&change.stamp, now_ms);
            if change.dot.device != dot.device || self.relived.contains(&dot.device) || !is_far_ahead {
                let is_any = change.ops.iter().any(|op| is_overwritten(op, change.stamp));
                self.shaken.extend(is_any.then_some(*name));
                continue;
            }
            let of = change.stamp;
            change.ops.retain(|op| !is_overwritten(op, of));
            if change.ops.is_empty() {
                self.replaced.insert((change.dot, of));
            }
        }
    }

    fn make(&mut self, by: usize, name: Name, change: Change, came_back: bool, now_ms: u64) {
        let (dot, stamp, _) = name;
        let (last_seq, last_stamp) = self.last.get(&(dot.device, by)).copied().unwrap_or_default();
        let own_stamp = (!(change.machine && is_move(&change))).then_some(stamp);
        if dot.seq <= last_seq {
            self.wrong.push(format!("number {dot:?} was given after {last_seq}"));
        }
        // A clock that was far ahead comes back when it is put right, but for what is above what it replaces.
        let came_back = came_back || last_stamp.is_some_and(|last| Clock::is_far_ahead(&last, now_ms));
        if own_stamp.is_some() && own_stamp <= last_stamp && !came_back {
            self.wrong.push(format!("the clock of {:?} ran backwards to {stamp:?}", dot.device));
        }
        self.last.insert((dot.device, by), (dot.seq, own_stamp.or(last_stamp)));
        for op in &change.ops {
            if let Op::Notes(mark) = op {
                let old = self.by_mark.insert(mark.to_string(), name);
                let is_kept = |old: &Name| self.is_replaced(old) && self.acknowledged.contains(old);
                if old.as_ref().is_some_and(is_kept) {
                    self.acknowledged.insert(name);
                }
            }
            if *op == Op::Deleted {
                self.deletions.insert((by, change.object), name);
            }
        }
        if let Some(life) = self.lives.get_mut(&by) {
            life.own.insert(name);
        }
        self.made.insert(name, Made { by, said: change.ops.clone(), change });
    }

    /// Somebody who is none of the devices writes something.
    pub(crate) fn wrote(&mut self, by: usize, mut change: Change) {
        change.ops.sort();
        let (dot, stamp) = (change.dot, change.stamp);
        let same: Vec<&Made> =
            self.made.range((dot, stamp, 0)..=(dot, stamp, usize::MAX)).map(|(_, made)| made).collect();
        let is_it = |made: &Made| {
            let Change { object, complete, machine, .. } = made.change;
            (object, complete, machine) == (change.object, change.complete, change.machine) && made.said == change.ops
        };
        if same.iter().any(|made| is_it(made)) {
            return;
        }
        let name = (dot, stamp, same.len());
        if by < LIAR {
            self.acknowledged.insert(name);
        }
        self.made.insert(name, Made { by, said: change.ops.clone(), change });
    }

    /// A device that takes another key says under which id it is called what it was: in pages, not in its log.
    pub(crate) fn renamed(&mut self, owner: usize, replica: &Replica, now_ms: u64) {
        let mut changes = replica.answer(&SyncRequest::default(), usize::MAX).batch.changes;
        changes.retain(|Change { dot, stamp, object, .. }| {
            let is_own = self.owners.get(&dot.device).is_some_and(|owners| owners.contains(&owner));
            let is_made = self.made.contains_key(&(*dot, *stamp, 0));
            is_own && !is_made && matches!(object, ObjectId::Device(_))
        });
        changes.sort_by_key(|change| change.stamp);
        for change in changes {
            let latest = self.latest.get(&owner).copied();
            self.latest.insert(owner, latest.map_or(change.stamp, |latest| latest.max(change.stamp)));
            self.make(owner, (change.dot, change.stamp, 0), change, false, now_ms);
        }
    }

    /// What was ever written, and whether it is sure that it is everybody's in the end.
    pub(crate) fn writes(&self) -> impl Iterator<Item = (&Change, bool)> {
        let made = self.made.iter().filter(|(name, _)| !self.is_replaced(name));
        let may_be_nowhere = |name| self.forgiven.contains(name) || self.shaken.contains(name);
        made.map(move |(name, made)| (&made.change, !made.is_a_lie() && !may_be_nowhere(name)))
    }

    /// The ids that a device has given up, since its storage was lost the last time.
    pub(crate) fn retired(&self, owner: usize) -> &[DeviceId] {
        self.retired.get(&owner).map(Vec::as_slice).unwrap_or_default()
    }

    /// Somebody was told that the edit with this mark, which said all this, is kept.
    pub(crate) fn acknowledge(&mut self, mark: &str, said: &[Op]) {
        match self.by_mark.get(mark) {
            Some(name) => {
                let says = |op: &Op| self.made.get(name).is_some_and(|made| made.said.contains(op));
                if !said.iter().all(says) {
                    self.wrong.push(format!("{mark} was acknowledged and says something else"));
                }
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
        self.lost(owner, others, Some(left));
        self.relives(owner, left);
    }

    fn lost(&mut self, owner: usize, others: &[Replica], left: Option<&Replica>) {
        self.latest.remove(&owner);
        self.retired.remove(&owner);
        self.held.remove(&owner);
        *self.losses.entry(owner).or_default() += 1;
        let others: Vec<Registers> = others.iter().map(Registers::of).collect();
        let left = left.map(Registers::of);
        let is_left = |change: &Change| left.as_ref().is_some_and(|left| left.hold_all(change));
        let surely_has = |replica: &Registers, change: &Change| replica.hold_all(change) && replica.hold_sets(change);
        let is_sure = |change: &Change| others.iter().chain(&left).any(|replica| surely_has(replica, change));
        for (name, Made { by, change, .. }) in &self.made {
            self.forgiven.extend((!is_sure(change)).then_some(*name));
            if !is_left(change) {
                self.returning.extend((*by == owner).then_some(*name));
            }
        }
    }

    /// How often storage was lost on a device.
    pub(crate) fn losses(&self, owner: usize) -> usize {
        self.losses.get(&owner).copied().unwrap_or_default()
    }

    /// Whether its values may have been dropped: 30 days after a deletion, as a clock that was far ahead had it.
    fn is_trash(&self, change: &Change) -> bool {
        let deletes = |other: &Change| {
            // What does not bring the task back is dropped whenever it came.
            let is_before = other.stamp >= change.stamp || !revives(change);
            other.object == change.object && other.ops.contains(&Op::Deleted) && is_before
        };
        self.is_trash_emptied && self.made.values().any(|made| deletes(&made.change))
    }

    /// Whether something was written anew under another stamp.
    fn is_replaced(&self, (dot, stamp, _): &Name) -> bool {
        self.replaced.contains(&(*dot, *stamp))
    }

    /// The same, or whether it was overwritten by what was.
    fn may_be_gone(&self, name: &Name) -> bool {
        self.is_replaced(name) || self.shaken.contains(name)
    }

    /// A device has got all that another one had when they met.
    pub(crate) fn met(&mut self, name: &str, replica: &Replica, other: &str, theirs: &Registers) {
        let registers = Registers::of(replica);
        let lacks = |change: &Change| theirs.hold_all(change) && !registers.account_for_all(change);
        let is_lacking = |made: &Made| !made.is_a_lie() && lacks(&made.change) && !self.is_trash(&made.change);
        let lacking = self.made.iter().filter(|(name, made)| is_lacking(made) && !self.may_be_gone(name));
        let lacking: Vec<String> =
            lacking.map(|(id, _)| format!("{name} has met {other}, and lacks {:?} of it", id.0)).collect();
        self.wrong.extend(lacking);
    }

    /// What is on a device's disk includes all that its user was told is kept, and all that its vector claims, and all
    /// that was on it before.
    pub(crate) fn check(&mut self, name: &str, owner: usize, replica: &Replica, everything: bool) {
        let registers = Registers::of(replica);
        let mut held = self.held.remove(&owner).unwrap_or_default();
        let (mut wrong, mut back) = (Vec::new(), Vec::new());
        for (id, made) in &self.made {
            let (Made { by, change, .. }, (dot, ..)) = (made, id);
            if self.may_be_gone(id) {
                continue;
            }
            let is_held = registers.hold_all(change);
            // One that has another life takes another key before it has anything of that.
            let is_own = |life: &Life| change.dot.device != replica.device() || life.own.contains(id);
            // What is older than what is dropped could be its own, which came back.
            let is_old = change.stamp.millis / DAY < replica.opening().day;
            if !is_old && !self.lives.get(&owner).is_none_or(is_own) && registers.show(change, &self.made) {
                wrong.push(format!("{name} has {dot:?} of another life under its own id"));
            }
            if is_held && !made.is_a_lie() {
                held.insert(*id);
                back.push(*id);
            } else if held.contains(id) && !self.is_trash(change) {
                wrong.push(format!("{name} had {dot:?}, which is not there any more"));
            }
            if self.forgiven.contains(id) || self.is_trash(change) {
                continue;
            }
            let own = *by == owner && !self.returning.contains(id);
            let promised = self.acknowledged.contains(id) && (own || everything);
            // Of two lives that gave one number a vector says nothing, nor of what either has overwritten,
            // until what they hold is compared.
            let is_believed = everything || self.relived.is_empty() && !self.has_liar;
            let claimed = replica.vector().includes(*dot) && is_believed && !made.is_a_lie();
            if promised || claimed {
                for op in &change.ops {
                    if !registers.accounts_for(change, op) {
                        let why = if claimed { "claims" } else { "has lost" };
                        wrong.push(format!("{name} {why} {op:?} of {dot:?}, which is not there"));
                    }
                }
            }
        }
        for id in back {
            if self.made.get(&id).is_some_and(|made| made.by == owner) {
                self.returning.remove(&id);
            }
        }
        self.held.insert(owner, held);
        self.wrong.extend(wrong);
    }

    /// How many edits were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }
}
