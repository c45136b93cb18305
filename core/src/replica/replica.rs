use std::collections::BTreeMap;

use crate::clock::{Clock, EPOCH_MS, FOLLOW_MS};
use crate::id::{DeviceId, TaskId};
use crate::replica::columns::{Name, PREFIX};
use crate::replica::digest::Buckets;
use crate::replica::held::Held;
use crate::replica::object_state::{ObjectState, trash_day};
use crate::replica::replaced::{Replaced, WrongClock};
use crate::replica::runs::Runs;
use crate::replica::writes::Writes;
use crate::replica::{Change, Dot, MAX_DEVICES, ObjectId, Position, Task, VersionVector};

/// How far above this device's own numbers one may be that others have of it.
const MAX_STEP: u64 = 1 << 20;

/// Bits of a cursor that name the replica. With those of 4 billion arrivals they are exact in JavaScript.
const CURSOR_BITS: u32 = 21;

/// One device's copy of a room.
///
/// ```
/// use partyline_core::id::{DeviceId, TaskId};
/// use partyline_core::replica::{Batch, ObjectId, Op, Replica, SyncRequest};
///
/// let now_ms = 1_790_000_000_000;
/// let mut alice = Replica::new(DeviceId::from_bytes(*b"alice..........."));
/// let mut bob = Replica::new(DeviceId::from_bytes(*b"bob............."));
///
/// // An edit is a change, to be stored and sent.
/// let milk = TaskId::from_random_bytes([7; 16]);
/// let change = alice.edit(ObjectId::Task(milk), vec![Op::Title("Buy milk".into())], now_ms).unwrap();
/// bob.apply(Batch::live(vec![change]), now_ms).unwrap();
/// assert_eq!(bob.tasks(), alice.tasks());
///
/// // What was missed is asked for.
/// alice.edit(ObjectId::Room, vec![Op::Name("Home".into())], now_ms).unwrap();
/// let mut next = Some(bob.opening());
/// while let Some(request) = next {
///     let answer = alice.answer(&request, 64 * 1024);
///     let batch = Batch { asker: Some(bob.device()), ..answer.batch.clone() };
///     let is_news = bob.apply(batch, now_ms).unwrap().is_news();
///     next = match answer.next {
///         Some(cursor) => Some(SyncRequest { cursor: Some(cursor), ..request }),
///         None => bob.following(&answer, is_news, 7),
///     };
/// }
/// assert_eq!(bob.room_name(), Some("Home"));
/// ```
///
/// **Order of storing:** the caller makes a change durable before it answers a peer, a page or a sync from a replica that
/// contains it. Numbers and cursors of changes that were forgotten again would be given out twice.
#[derive(Clone, Debug)]
pub struct Replica {
    pub(crate) device: DeviceId,
    /// The highest number that this device has used, as far as anybody told.
    pub(crate) seq: u64,
    pub(crate) vector: VersionVector,
    /// Complete changes that were merged before their predecessors. None is in `vector`, and none is the next of its
    /// device there.
    pub(crate) ahead: Runs,
    pub(crate) clock: Clock,
    pub(crate) objects: BTreeMap<ObjectId, ObjectState>,
    pub(crate) writes: Writes,
    /// The day before which values of what was deleted were dropped, counted from 1970.
    pub(crate) dropped_before: u64,
    /// The latest such day that ever was: a clock that was ahead may have dropped too much.
    pub(crate) ever_dropped_before: u64,
    pub(crate) buckets: Buckets,
    /// What waits because it is dated too far ahead.
    pub(crate) held: Held,
    /// Nothing that was merged is dated after this, in milliseconds since 1970.
    pub(crate) latest: u64,
    /// Whether something may be [replaced](crate::replica::replaced::Replaced).
    pub(crate) has_replaced: bool,
    /// How wrong this device's wall clock is, if it was known to be when that was last heard.
    pub(crate) wrong: Option<WrongClock>,
    /// This device's changes up to this number were made, or made anew, before its clock was last heard to be right.
    pub(crate) settled: u64,
    /// The number of the next page on disk.
    pub(crate) next_page: u64,
}

impl Replica {
    /// An empty replica of a device that has never written.
    pub fn new(device: DeviceId) -> Self {
        Self {
            device,
            seq: 0,
            vector: VersionVector::new(),
            ahead: Runs::default(),
            clock: Clock::new(device),
            objects: BTreeMap::new(),
            writes: Writes::default(),
            dropped_before: 0,
            ever_dropped_before: 0,
            buckets: Buckets::default(),
            held: Held::default(),
            latest: 0,
            has_replaced: false,
            wrong: None,
            settled: 0,
            next_page: 0,
        }
    }

    /// Whose replica it is.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Lets the device go on under another id, under which nobody has written: that of a new key.
    /// What is here stays, each change under the id and number that it was made with, and a sync
    /// finds it by what it says, whatever the numbers are.
    ///
    /// Nothing is written again under the new id. An addition to a set that is there twice would
    /// outlast the removal of the one that the remover saw, so a label that was taken off would
    /// come back.
    pub fn go_on_as(&mut self, device: DeviceId) {
        self.clock = Clock::resume(device, self.clock.last());
        self.device = device;
        self.seq = 0;
        self.settled = 0;
    }

    /// What it has.
    pub fn vector(&self) -> &VersionVector {
        &self.vector
    }

    /// The room's name, if anybody gave it one.
    pub fn room_name(&self) -> Option<&str> {
        self.objects.get(&ObjectId::Room).and_then(|room| room.name(&self.writes))
    }

    /// The devices that have named themselves, with their names, in the order of their ids. One
    /// whose name is empty is retired: it is not in the list, and what it wrote or writes counts.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceId, &str)> {
        self.objects.iter().filter_map(|(object, state)| match object {
            ObjectId::Device(device) => {
                // Whose clock is ahead is told by a name that waits, if by no other.
                state
                    .name(&self.writes)
                    .or_else(|| state.held_name())
                    .filter(|name| !name.is_empty())
                    .map(|name| (*device, name))
            }
            ObjectId::Room | ObjectId::Task(_) | ObjectId::Other(_) => None,
        })
    }

    /// A task, deleted or not, if anything of it is here.
    pub fn task(&self, id: TaskId) -> Option<Task> {
        let state = self.objects.get(&ObjectId::Task(id)).filter(|state| !state.is_empty());
        state.map(|state| Task { comments: self.comment_count(id), ..state.task(id, &self.writes) })
    }

    /// Where the last of the tasks stands.
    pub fn last_position(&self) -> Option<Position> {
        let is_task = |object: &ObjectId| matches!(object, ObjectId::Task(_));
        let states = self.objects.iter().filter(|(object, _)| is_task(object)).map(|(_, state)| state);
        let alive = states.filter(|state| state.deletion(&self.writes).is_none());
        alive.filter_map(|state| state.position(&self.writes)).max().cloned()
    }

    /// Whether this replica has given out the cursor.
    pub fn is_cursor(&self, cursor: u64) -> bool {
        cursor & ((1 << CURSOR_BITS) - 1) == self.cursor_tag() && cursor >> CURSOR_BITS <= self.writes.last_arrival()
    }

    /// The number of the last change that had an effect here, for [`Replica::tasks_since`]. Local to this replica.
    pub fn cursor(&self) -> u64 {
        self.cursor_at(self.writes.last_arrival())
    }

    /// The change that made a task, by which it can be named.
    pub(crate) fn maker(&self, object: ObjectId) -> Option<Dot> {
        let ObjectId::Task(_) = object else { return None };
        let made_by = self.objects.get(&object)?.made_by()?;
        let dot = self.writes.get(made_by)?.dot;
        // Should there be two changes under one number, it does not name anything.
        self.resolve(Name::Dot(dot)).filter(|named| *named == object).map(|_| dot)
    }

    /// Whether anything is kept of the object but what the changes say that `is_news` names.
    pub(crate) fn is_written_besides(&self, object: ObjectId, is_news: &dyn Fn(Dot) -> bool) -> bool {
        let is_other = |write: u64| self.writes.get(write).is_some_and(|write| !is_news(write.dot));
        self.objects.get(&object).is_some_and(|state| state.writes().any(is_other))
    }

    /// A name of a task in a change by `author`, for whoever knows the task: by its maker if that is the author, whose id
    /// is there anyway, and otherwise by the beginning of its id.
    pub(crate) fn short_name(&self, object: ObjectId, author: DeviceId) -> Option<Name> {
        let ObjectId::Task(task) = object else { return None };
        if let Some(dot) = self.maker(object).filter(|dot| dot.device == author) {
            return Some(Name::Dot(dot));
        }
        let name = Name::Prefix(*task.as_bytes().first_chunk::<PREFIX>()?);
        self.resolve(name).filter(|named| *named == object).map(|_| name)
    }

    /// The task that a short name stands for here.
    pub(crate) fn resolve(&self, name: Name) -> Option<ObjectId> {
        match name {
            Name::Dot(dot) => self.writes.of_dot(dot).map(|write| write.object),
            Name::Prefix(prefix) => {
                let end = |rest: u8| {
                    let mut id = [rest; 16];
                    id.iter_mut().zip(prefix).for_each(|(to, from)| *to = from);
                    ObjectId::Task(TaskId::from_random_bytes(id))
                };
                let mut named = self.objects.range(end(0)..=end(0xff)).map(|(object, _)| *object);
                let first = named.next();
                if named.next().is_none() { first } else { None }
            }
        }
    }

    /// Merges one checked change into the state. Answers whether it had an effect there; the vector is another matter.
    /// What is about an object whose values are dropped has none unless the object lives again: if that is already known not
    /// to be so, it says `is_gone`.
    pub(crate) fn merge(&mut self, change: Change, is_gone: bool) -> bool {
        // Numbers that were given before storage was put back are not given again. Those that nobody can have given are a
        // lie, and would use up all there are.
        if change.dot.device == self.device && change.dot.seq <= self.seq + MAX_STEP {
            self.seq = self.seq.max(change.dot.seq);
        }
        if self.is_replaced(&change) {
            return false;
        }
        let replaced = Replaced::named_in(&change);
        self.touch(change.object);
        let goes = is_gone && self.goes_with_task(change.object);
        self.latest = self.latest.max(change.stamp.millis);
        let arrival = self.writes.open(&change);
        let state = self.objects.entry(change.object).or_default();
        let ops = change.ops.len();
        for op in change.ops {
            state.merge(arrival, op, &mut self.writes);
        }
        // What waits may bring it back, and then with all that it had.
        if is_gone && state.held.is_empty() {
            state.drop_values_if(goes, self.dropped_before, &mut self.writes);
        }
        let has_effect = self.writes.close(ops);
        if !has_effect {
            self.forget_empty(change.object);
        }
        if let Some(replaced) = replaced {
            self.replace(&replaced);
        }
        has_effect
    }

    /// Drops the values of what was deleted more than 30 days ago, by the stamp of its deletion. The tombstones stay.
    ///
    /// A clock that is known to be ahead drops nothing; and where one was that is put right, what it dropped too early
    /// comes back from others.
    pub(crate) fn drop_values(&mut self, now_ms: u64) {
        let day = trash_day(now_ms);
        if self.has_dropped_early(now_ms) {
            self.dropped_before = day;
        }
        let is_ahead = self.wrong.is_some_and(|wrong| wrong.ahead_ms > 0);
        if day > self.dropped_before && !is_ahead {
            self.dropped_before = day;
            self.ever_dropped_before = self.ever_dropped_before.max(day);
            self.drop_all_values();
        }
    }

    /// Whether values were dropped under a clock that was ahead and is put right.
    pub(crate) fn has_dropped_early(&self, now_ms: u64) -> bool {
        now_ms >= EPOCH_MS && trash_day(now_ms.saturating_add(FOLLOW_MS)) < self.dropped_before
    }

    /// The last number that this device has given.
    pub(crate) fn given(&self) -> u64 {
        self.seq.max(self.vector.get(self.device))
    }

    /// Counts a merged change in the vector, now or when its turn comes. Answers whether anything was learned by it.
    pub(crate) fn count(&mut self, dot: Dot) -> bool {
        let has = self.vector.get(dot.device);
        if dot.seq <= has {
            return false;
        }
        if dot.seq > has + 1 {
            return self.ahead.insert(dot);
        }
        self.raise(dot.device, dot.seq)
    }

    /// Includes what a sender has, after everything that it sent. Answers whether anything was learned by it.
    ///
    /// Nobody knows better than this device how many numbers it has given: more than that cannot be true.
    pub(crate) fn count_all(&mut self, vector: &VersionVector, ahead: &Runs) -> bool {
        let mut learned = false;
        for (device, seq) in vector.iter() {
            let is_true = device != self.device || seq <= self.seq;
            if is_true && seq > self.vector.get(device) {
                learned |= self.raise(device, seq);
            }
        }
        for (device, first, last) in ahead.iter() {
            let has = self.vector.get(device);
            let is_true = device != self.device || last <= self.seq;
            if is_true && last > has {
                learned |= if first <= has + 1 {
                    self.raise(device, last)
                } else {
                    self.ahead.insert_run(device, first, last)
                };
            }
        }
        learned
    }

    /// Raises the number of a device, and counts its changes whose turn has come. The table is bounded by what is kept: of
    /// more devices than it can name, one of which nothing is kept gives way, and where there is none, the changes of the
    /// new one are not counted. They are merged like all others, and a sync that finds a difference goes over them again.
    fn raise(&mut self, device: DeviceId, seq: u64) -> bool {
        /// How many devices are looked at for one to give way: whose place it is does not matter,
        /// and each newcomer looks.
        const LOOK: usize = 64;
        if !self.vector.has_room_for(device) {
            let is_kept = |other: &DeviceId| *other == self.device || self.writes.has_device(*other);
            // From anywhere on, but from the same place when the log is merged again.
            let [first, second, ..] = device.to_bytes();
            let from = usize::from(u16::from_be_bytes([first, second])) % (MAX_DEVICES - LOOK);
            let others = self.vector.iter().map(|(other, _)| other).skip(from).take(LOOK);
            let claimed = others.into_iter().find(|other| !is_kept(other)).filter(|_| is_kept(&device));
            let Some(claimed) = claimed else { return false };
            self.vector.remove(claimed);
        }
        let seq = self.ahead.catch_up(device, seq);
        self.vector.raise(device, seq)
    }

    /// A cursor names the replica that gave it out: arrival numbers of another one, which took this device's place or was
    /// in it before, would pass something over.
    pub(crate) fn cursor_at(&self, arrival: u64) -> u64 {
        arrival << CURSOR_BITS | self.cursor_tag()
    }

    fn cursor_tag(&self) -> u64 {
        let device = u128::from_be_bytes(self.device.to_bytes());
        (device ^ device >> 64) as u64 & ((1 << CURSOR_BITS) - 1)
    }

    /// The arrival number that a cursor stands for; 0 if it is not one of this replica.
    pub(crate) fn known_cursor(&self, cursor: Option<u64>) -> u64 {
        cursor.filter(|cursor| self.is_cursor(*cursor)).map_or(0, |cursor| cursor >> CURSOR_BITS)
    }
}
