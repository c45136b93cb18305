//! The stage: devices by name, each with its replica, its clock and its disk.

use std::collections::BTreeMap;

use partyline_core::id::{DeviceId, TaskId};
use partyline_core::replica::{
    Applied, Batch, Change, Dot, EditError, Fold, LoadError, ObjectId, Op, Placing, Record, Replica, Spot, SyncAnswer,
    SyncRequest, Task, Verdict,
};

/// 2026-09-21, when all clocks begin.
pub(crate) const NOON: u64 = 1_790_000_000_000;

/// Everything that happens. Whatever goes from one device to another goes as bytes.
#[derive(Clone)]
pub(crate) struct Play {
    now: u64,
    devices: BTreeMap<&'static str, Device>,
    /// All changes ever made, as they were made.
    pub(crate) history: Vec<Change>,
}

#[derive(Clone)]
struct Device {
    replica: Replica,
    clock_error: i64,
    disk: Disk,
    log: Vec<Vec<u8>>,
    /// The furthest that its clock has been.
    latest: u64,
}

/// A manifest and the pages that it names.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    pub(crate) manifest: Vec<u8>,
    pub(crate) pages: BTreeMap<u64, Vec<u8>>,
}

impl Disk {
    pub(crate) fn of(replica: &Replica, max_bytes: usize) -> Self {
        let mut disk = Self::default();
        disk.fold(replica.to_pages(max_bytes));
        disk
    }

    pub(crate) fn fold(&mut self, fold: Fold) {
        for number in &fold.removed {
            assert!(self.pages.remove(number).is_some(), "only pages that are there are removed");
        }
        for page in fold.added {
            assert!(self.pages.insert(page.number, page.bytes).is_none(), "a number is given to one page");
        }
        self.manifest = fold.manifest;
        assert_eq!(fold.bytes, self.bytes());
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.pages.values().map(|page| page.len() as u64).sum()
    }

    pub(crate) fn load(&self) -> Result<Replica, LoadError> {
        Replica::from_pages(&self.manifest, self.pages.iter().map(|(number, page)| (*number, page)))
    }
}

/// A sync under way: what `to` asks `from` next.
#[derive(Clone, Debug)]
pub(crate) struct Sync {
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) request: SyncRequest,
    pub(crate) max_bytes: usize,
    salt: u64,
    questions: usize,
}

/// What a replica shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) room_name: Option<String>,
    pub(crate) devices: Vec<(DeviceId, String)>,
    pub(crate) tasks: Vec<Task>,
}

pub(crate) fn view(replica: &Replica) -> View {
    View {
        room_name: replica.room_name().map(String::from),
        devices: replica.devices().map(|(device, name)| (device, name.into())).collect(),
        tasks: replica.tasks_since(0),
    }
}

pub(crate) fn device(name: &str) -> DeviceId {
    let mut bytes = [b'.'; 16];
    for (byte, letter) in bytes.iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    DeviceId::from_bytes(bytes)
}

pub(crate) fn task(number: u8) -> TaskId {
    TaskId::from_random_bytes([number; 16])
}

pub(crate) fn milk() -> ObjectId {
    ObjectId::Task(task(1))
}

pub(crate) fn title(text: &str) -> Vec<Op> {
    vec![Op::Title(text.into())]
}

impl Play {
    pub(crate) fn with<const N: usize>(names: [&'static str; N]) -> Self {
        let devices = names.map(|name| {
            let replica = Replica::new(device(name));
            let disk = Disk::of(&replica, 1000);
            (name, Device { replica, clock_error: 0, disk, log: Vec::new(), latest: 0 })
        });
        Self { now: NOON, devices: devices.into(), history: Vec::new() }
    }

    pub(crate) fn replica(&self, name: &str) -> &Replica {
        &self.devices[name].replica
    }

    /// The task 1 as the device sees it.
    pub(crate) fn milk(&self, name: &str) -> Task {
        self.replica(name).task(task(1)).unwrap()
    }

    pub(crate) fn later(&mut self, ms: u64) {
        self.now += ms;
    }

    /// Sets a device's clock wrong, by so many milliseconds.
    pub(crate) fn clock_error(&mut self, name: &str, ms: i64) {
        self.devices.get_mut(name).unwrap().clock_error = ms;
    }

    pub(crate) fn now(&self, name: &str) -> u64 {
        self.now.saturating_add_signed(self.devices[name].clock_error)
    }

    /// An edit, a millisecond after whatever was before.
    pub(crate) fn edit(&mut self, name: &str, object: ObjectId, ops: Vec<Op>) -> Change {
        self.try_edit(name, object, ops).unwrap()
    }

    /// What no person asked for.
    pub(crate) fn edit_by_machine(&mut self, name: &str, object: ObjectId, ops: Vec<Op>) -> Change {
        self.edited(name, |replica, now| replica.edit_by_machine(object, ops, now)).unwrap()
    }

    pub(crate) fn try_edit(&mut self, name: &str, object: ObjectId, ops: Vec<Op>) -> Result<Change, EditError> {
        self.edited(name, |replica, now| replica.edit(object, ops, now))
    }

    fn edited(
        &mut self,
        name: &str,
        edit: impl FnOnce(&mut Replica, u64) -> Result<Change, EditError>,
    ) -> Result<Change, EditError> {
        self.now += 1;
        let now = self.now(name);
        let device = self.devices.get_mut(name).unwrap();
        device.latest = device.latest.max(now);
        let mut change = edit(&mut device.replica, now)?;
        // As everybody else reads it.
        change.ops.sort_by_key(Op::field);
        device.log.push(Batch::live(vec![change.clone()]).at(now).encode());
        self.history.push(change.clone());
        Ok(change)
    }

    /// A device puts a task in its place, and writes what else there is to be written about it.
    /// Returns the edit, and what has to move for it.
    pub(crate) fn place(&mut self, name: &str, task: TaskId, spot: Spot, ops: Vec<Op>) -> Vec<Change> {
        self.now += 1;
        let now = self.now(name);
        let device = self.devices.get_mut(name).unwrap();
        device.latest = device.latest.max(now);
        let Placing { position, moved } = device.replica.place(task, spot).unwrap();
        let ops = ops.into_iter().chain([Op::Position(position)]).collect();
        let mut changes = vec![device.replica.edit(ObjectId::Task(task), ops, now).unwrap()];
        changes.extend(device.replica.make_room(&moved));
        assert_eq!(changes.len(), 1 + moved.len());
        changes.iter_mut().for_each(|change| change.ops.sort_by_key(Op::field));
        device.log.push(Batch::live(changes.clone()).at(now).encode());
        self.history.extend(changes.clone());
        changes
    }

    /// A device hears how far its clock is ahead of what most say. Returns what it writes anew.
    pub(crate) fn hear_clock(&mut self, name: &str, ahead_ms: i64) -> Vec<Change> {
        let now = self.now(name);
        let device = self.devices.get_mut(name).unwrap();
        let Some(record) = device.replica.hear_clock(ahead_ms, now).unwrap() else { return Vec::new() };
        self.written(name, record)
    }

    /// A device sees to what is due. Returns what it writes anew.
    pub(crate) fn tend(&mut self, name: &str) -> Vec<Change> {
        let now = self.now(name);
        let replica = &mut self.devices.get_mut(name).unwrap().replica;
        assert!(replica.is_due(now));
        let record = replica.tend(now).unwrap();
        assert!(!replica.is_due(now));
        self.written(name, record)
    }

    /// Somebody decides about a change that is held back.
    pub(crate) fn settle(&mut self, name: &str, dot: Dot, is_wanted: bool) -> Vec<Change> {
        self.now += 1;
        let now = self.now(name);
        let changes = self.devices.get_mut(name).unwrap().replica.settle(dot, is_wanted, now).unwrap();
        self.written(name, Batch::live(changes).at(now))
    }

    fn written(&mut self, name: &str, mut record: Record) -> Vec<Change> {
        let device = self.devices.get_mut(name).unwrap();
        device.latest = device.latest.max(record.now_ms);
        record.batch.changes.iter_mut().for_each(|change| change.ops.sort_by_key(Op::field));
        device.log.push(record.encode());
        self.history.extend(record.batch.changes.clone());
        record.batch.changes
    }

    /// A live change arrives.
    pub(crate) fn deliver(&mut self, change: &Change, to: &str) -> Applied {
        self.apply(to, Batch::live(vec![change.clone()]))
    }

    pub(crate) fn apply(&mut self, to: &str, batch: Batch) -> Applied {
        let bytes = batch.clone().at(0).encode();
        let received = Batch { asker: batch.asker, ..Record::decode(&bytes).unwrap().batch };
        assert_eq!(received, batch);
        let now = self.now(to);
        let device = self.devices.get_mut(to).unwrap();
        device.latest = device.latest.max(now);
        let applied = device.replica.apply(received, now).unwrap();
        if applied.is_news() {
            let record = Batch { vector: applied.vector.clone(), ahead: applied.ahead.clone(), asker: None, ..batch };
            device.log.push(record.at(now).encode());
        }
        applied
    }

    /// `to` begins to ask `from` for what it lacks.
    pub(crate) fn begin_sync(&self, to: &'static str, from: &'static str, max_bytes: usize) -> Sync {
        Sync { from, to, request: self.replica(to).asking(), max_bytes, salt: self.now, questions: 0 }
    }

    /// The next chunk. Answers whether there are more.
    pub(crate) fn chunk(&mut self, sync: &mut Sync) -> bool {
        let request = SyncRequest::decode(&sync.request.encode()).unwrap();
        let bytes = self.replica(sync.from).answer_encoded(&request, sync.max_bytes);
        let (progress, _) = SyncAnswer::peek(&bytes).unwrap();
        let Ok(answer) = self.replica(sync.to).decode_answer(&bytes) else {
            assert!(!request.in_full, "what is named in full can be read");
            sync.request.in_full = true;
            return true;
        };
        let batch = &answer.batch;
        let is_bounded = bytes.len() <= sync.max_bytes || batch.changes.len() <= 1 || answer.ranges.is_some();
        assert!(is_bounded, "a chunk keeps its bound");
        assert!(progress.next.is_none() || !batch.changes.is_empty(), "a chunk makes progress");
        assert_eq!(self.replica(sync.from).answer(&request, sync.max_bytes), answer);
        sync.request.cursor = progress.next;
        let asker = Some(self.replica(sync.to).device());
        let applied = self.apply(sync.to, Batch { asker, ..batch.clone() });
        if progress.next.is_some() {
            return true;
        }
        match self.replica(sync.to).following(&answer, applied.is_news(), sync.salt) {
            Some(next) => {
                sync.request = next;
                sync.questions += 1;
                assert!(sync.questions < 64, "a sync comes to an end");
                true
            }
            None => false,
        }
    }

    /// `to` gets all that it lacks of what `from` has.
    pub(crate) fn sync(&mut self, to: &'static str, from: &'static str) {
        let mut sync = self.begin_sync(to, from, 64 * 1024);
        while self.chunk(&mut sync) {}
    }

    /// What one more sync would cost, both ways, if it brings nothing.
    pub(crate) fn at_rest(&self, to: &str, from: &str) -> Option<usize> {
        let request = self.replica(to).opening();
        let asked = request.encode();
        let answer = self.replica(from).answer_encoded(&SyncRequest::decode(&asked).unwrap(), 64 * 1024);
        let verdict = SyncAnswer::decode(&answer).unwrap().verdict;
        (verdict == Some(Verdict::Same)).then_some(asked.len() + answer.len())
    }

    /// These devices exchange all they have, and are equal afterwards; and one more sync brings nothing.
    pub(crate) fn meet<const N: usize>(&mut self, names: [&'static str; N]) {
        // They have dropped the same values by now, and the time of all has come, also of what those wrote who are gone.
        let latest = self.devices.keys().map(|name| self.devices[name].latest.max(self.now(name))).max();
        let latest = latest.unwrap_or_default();
        self.wait_for(&names, latest);
        for _ in 0..2 {
            for to in names {
                for from in names {
                    self.sync(to, from);
                }
            }
        }
        // And what had to wait is merged.
        self.wait_for(&names, latest);
        for name in names {
            assert_eq!(view(self.replica(name)), view(self.replica(names[0])), "{name} and {}", names[0]);
            for other in names.into_iter().filter(|other| *other != name && !self.replica(name).vector().is_empty()) {
                let bytes = self.at_rest(name, other);
                assert!(bytes.is_some_and(|bytes| bytes < 100), "{name} asks {other} again: {bytes:?}");
            }
        }
    }

    fn wait_for(&mut self, names: &[&'static str], latest: u64) {
        for name in names {
            let device = self.devices.get_mut(name).unwrap();
            device.latest = latest;
            if device.replica.apply(Batch::default(), latest).unwrap().is_news() {
                device.log.push(Batch::default().at(latest).encode());
            }
        }
    }

    /// The device's process ends and another begins, from what is on disk.
    pub(crate) fn restart(&mut self, name: &'static str) {
        // Values that were dropped meanwhile are dropped again, and what was released is.
        let latest = self.devices[name].latest;
        self.wait_for(&[name], latest);
        let device = self.devices.get_mut(name).unwrap();
        let mut replica = device.disk.load().unwrap();
        for record in &device.log {
            replica.replay(Record::decode(record).unwrap()).unwrap();
        }
        replica.apply(Batch::default(), device.latest).unwrap();
        assert_same_state(&replica, &device.replica);
        device.replica = replica;
    }

    /// The device's log is rolled up into pages.
    pub(crate) fn compact(&mut self, name: &str, max_bytes: usize) {
        let device = self.devices.get_mut(name).unwrap();
        let fold = device.replica.fold(max_bytes);
        device.disk.fold(fold.clone());
        device.replica.folded(fold);
        device.log.clear();
    }

    /// What the device's version vector claims is accounted for: merging all of it once more makes no difference.
    pub(crate) fn assert_honest(&self, name: &str) {
        let replica = self.replica(name);
        let claimed: Vec<Change> =
            self.history.iter().filter(|change| replica.vector().includes(change.dot)).cloned().collect();
        let claims: u64 = replica.vector().iter().map(|(_, seq)| seq).sum();
        assert_eq!(claimed.len() as u64, claims, "{name} claims changes that nobody made");
        // What supersedes it may have to wait.
        let mut replica = replica.clone();
        replica.apply(Batch::default(), NOON + 300_000_000).unwrap();
        let applied = replica.replay(Batch::live(claimed).at(NOON)).unwrap();
        assert!(applied.touched.is_empty(), "{name} claims what it does not have: {:?}", applied.fresh);
    }
}

/// Equal in all that can be told from outside.
pub(crate) fn assert_same_state(a: &Replica, b: &Replica) {
    assert_eq!(view(a), view(b));
    assert_eq!(a.vector(), b.vector());
    assert_eq!(a.cursor(), b.cursor());
    assert_eq!(a.device(), b.device());
    let (a, b) = (Disk::of(a, 1000), Disk::of(b, 1000));
    assert_eq!((a.manifest, a.pages), (b.manifest, b.pages));
}
