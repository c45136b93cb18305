//! Storage as browsers have it: transactions take time, fail, and may be over without anybody having heard of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use partyline_core::id::{DeviceId, RoomId};
use partyline_core::replica::{LoadError, Page, Record, Replica};
use partyline_sw::store::{
    Addition, Durability, Head, Missing, Outcome, Pages, Rewrite, RoomRecord, Store, StoreError, Stored,
};

use crate::ledger::Ledger;
use crate::runtime::Runtime;

/// What is on the disk. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Disk {
    runtime: Runtime,
    kept: Rc<RefCell<BTreeMap<RoomId, Kept>>>,
    /// What is left when the power fails.
    synced: Rc<RefCell<BTreeMap<RoomId, Kept>>>,
    /// So many of the next transactions fail.
    failing: Rc<Cell<u32>>,
    owner: usize,
    ledger: Rc<RefCell<Ledger>>,
    /// Something is different since somebody looked.
    touched: Rc<Cell<bool>>,
    /// How much was set aside, and whether something of it has to be by now.
    damaged: Rc<Cell<u32>>,
    has_lost: Rc<Cell<bool>>,
    /// Whoever has this handle was never asked to write.
    only_reads: bool,
}

/// What became of a part of what was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It is not what it was.
    Torn,
    /// It is not there.
    Gone,
}

/// What was on a disk at some time.
#[derive(Clone)]
pub(crate) struct Content(BTreeMap<RoomId, Kept>);

#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) record: RoomRecord,
    /// What follows from the key in the record.
    pub(crate) device: DeviceId,
    pub(crate) head: Head,
    pub(crate) manifest: Vec<u8>,
    pub(crate) pages: BTreeMap<u64, Vec<u8>>,
    pub(crate) log: BTreeMap<u64, Vec<u8>>,
}

impl Kept {
    /// What a worker that opens the room has, were every byte as it was written.
    pub(crate) fn replica(&self) -> Result<Replica, LoadError> {
        let mut replica = if self.manifest.is_empty() && self.pages.is_empty() {
            Replica::new(self.device)
        } else {
            Replica::from_pages(&self.manifest, self.pages.iter().map(|(number, page)| (*number, page)))?
        };
        if self.log.len() != self.head.records as usize {
            return Err(LoadError::Mixed);
        }
        for record in self.log.values() {
            replica.replay(Record::decode(record)?).map_err(|_| LoadError::Damaged)?;
        }
        Ok(replica)
    }
}

impl Disk {
    pub(crate) fn new(runtime: Runtime, owner: usize, ledger: Rc<RefCell<Ledger>>) -> Self {
        Self {
            runtime,
            kept: Rc::default(),
            synced: Rc::default(),
            failing: Rc::default(),
            owner,
            ledger,
            touched: Rc::default(),
            damaged: Rc::default(),
            has_lost: Rc::default(),
            only_reads: false,
        }
    }

    /// Whether a room has something to see to at the time of this record.
    fn is_due(&self, room: RoomId, record: &[u8]) -> bool {
        let replica = self.kept(room).and_then(|kept| kept.replica().ok());
        let now_ms = Record::decode(record).map(|record| record.now_ms);
        replica.zip(now_ms.ok()).is_some_and(|(replica, now_ms)| replica.is_due(now_ms))
    }

    /// The same disk, for a worker that is only asked to read.
    pub(crate) fn reader(&self) -> Self {
        Self { only_reads: true, ..self.clone() }
    }

    /// Whether something that a person may have written was lost while no worker had it in memory.
    pub(crate) fn has_lost(&self) -> bool {
        self.has_lost.get()
    }

    /// The next `count` transactions fail.
    pub(crate) fn fail(&self, count: u32) {
        self.failing.set(count);
    }

    pub(crate) fn kept(&self, room: RoomId) -> Option<Kept> {
        self.kept.borrow().get(&room).cloned()
    }

    /// Whether something is different since this was asked before.
    pub(crate) fn was_touched(&self) -> bool {
        self.touched.take()
    }

    /// The power fails: what had not reached the disk is gone.
    pub(crate) fn lose_power(&self) {
        self.touched.set(true);
        self.kept.borrow_mut().clone_from(&self.synced.borrow());
    }

    /// All that is on it.
    pub(crate) fn content(&self) -> Content {
        Content(self.kept.borrow().clone())
    }

    /// It is now as it, or another one, was once.
    pub(crate) fn put_back(&self, content: &Content) {
        self.kept.borrow_mut().clone_from(&content.0);
        self.has_lost.set(false);
        for kept in content.0.values() {
            self.ledger.borrow_mut().is_device_of(kept.device, self.owner);
        }
        self.sync(Durability::Strict);
    }

    /// Something was written.
    fn sync(&self, durability: Durability) {
        self.touched.set(true);
        if durability == Durability::Strict {
            self.synced.borrow_mut().clone_from(&self.kept.borrow());
        }
    }

    /// Loses a log record or a page, if there is any; answers whether.
    fn lose(&self, room: RoomId) -> bool {
        let mut all = self.kept.borrow_mut();
        let Some(kept) = all.get_mut(&room) else { return false };
        let parts = kept.pages.len() + kept.log.len();
        if parts == 0 {
            return false;
        }
        let chosen = self.runtime.below(parts as u64) as usize;
        let page = kept.pages.keys().nth(chosen).copied();
        let record = kept.log.keys().nth(chosen.saturating_sub(kept.pages.len())).copied();
        match page {
            Some(number) => drop(kept.pages.remove(&number)),
            None => drop(record.map(|number| kept.log.remove(&number))),
        }
        true
    }

    /// Something that is on it gets lost, while a worker has it in memory or not. Answers whether anything was there.
    pub(crate) fn lose_part(&self, room: RoomId, loss: Loss, is_open: bool) -> bool {
        let was_whole = self.kept(room).is_some_and(|kept| kept.replica().is_ok());
        // Nobody wrote what is in a manifest.
        let (is_lost, is_written) = match loss {
            Loss::Torn => self.tear(room),
            Loss::Gone => (self.lose(room), true),
        };
        if is_lost {
            self.has_lost.set(self.has_lost.get() || was_whole && is_written && !is_open);
            self.sync(Durability::Strict);
        }
        is_lost
    }

    /// Damages one record, page or manifest, if there is any; answers whether, and whether it is not the manifest.
    fn tear(&self, room: RoomId) -> (bool, bool) {
        let mut all = self.kept.borrow_mut();
        let Some(kept) = all.get_mut(&room) else { return (false, false) };
        let manifest = usize::from(!kept.manifest.is_empty());
        let parts = manifest + kept.pages.len() + kept.log.len();
        let chosen = self.runtime.below(parts as u64) as usize;
        let is_written = chosen >= manifest;
        let manifest = Some(&mut kept.manifest).filter(|_| manifest == 1);
        let part = manifest.into_iter().chain(kept.pages.values_mut()).chain(kept.log.values_mut()).nth(chosen);
        let Some(part) = part else { return (false, false) };
        let at = self.runtime.below(part.len() as u64) as usize;
        if self.runtime.below(2) == 0 {
            part.truncate(at);
        } else if let Some(byte) = part.get_mut(at) {
            *byte ^= 1 << self.runtime.below(8);
        }
        (true, is_written)
    }

    /// A transaction begins: nobody knows how long it waits for others.
    async fn begin(&self) -> Result<(), StoreError> {
        self.runtime.sleep(self.runtime.below(4)).await;
        if self.failing.get() > 0 {
            self.failing.set(self.failing.get() - 1);
            let quota = self.runtime.below(2) == 0;
            return Err(if quota { StoreError::Quota } else { StoreError::Failed("aborted".to_owned()) });
        }
        Ok(())
    }

    /// It is over. Whoever is killed before it hears so does not know.
    async fn end(&self) {
        self.runtime.sleep(self.runtime.below(3)).await;
    }
}

impl Store for Disk {
    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        self.begin().await?;
        Ok(self.kept.borrow().values().map(|kept| kept.record.clone()).collect())
    }

    async fn room(&self, room: RoomId) -> Result<Option<RoomRecord>, StoreError> {
        self.begin().await?;
        let found = self.kept.borrow().get(&room).map(|kept| kept.record.clone());
        self.end().await;
        Ok(found)
    }

    async fn create(&self, record: &RoomRecord, first: Option<&[u8]>) -> Result<bool, StoreError> {
        self.begin().await?;
        {
            let mut all = self.kept.borrow_mut();
            if all.contains_key(&record.room) {
                return Ok(false);
            }
            let mut head = Head::of_new_room(record.joined_at);
            let mut log = BTreeMap::new();
            let mut ledger = self.ledger.borrow_mut();
            let device = record.device().unwrap();
            ledger.is_device_of(device, self.owner);
            if let Some(first) = first {
                head = head.appended(first.len());
                log.insert(head.log, first.to_vec());
                ledger.stored(self.owner, first, record.renewed_at);
            }
            all.insert(
                record.room,
                Kept { record: record.clone(), device, head, manifest: Vec::new(), pages: BTreeMap::new(), log },
            );
        }
        self.sync(Durability::Strict);
        self.end().await;
        Ok(true)
    }

    async fn remove(&self, room: RoomId) -> Result<bool, StoreError> {
        self.begin().await?;
        let removed = self.kept.borrow_mut().remove(&room).is_some();
        self.sync(Durability::Strict);
        self.end().await;
        Ok(removed)
    }

    async fn read(&self, room: RoomId, known: Option<Head>) -> Result<Option<Stored>, StoreError> {
        self.begin().await?;
        let stored = {
            let all = self.kept.borrow();
            let kept = all.get(&room).ok_or(StoreError::NoRoom)?;
            let (pages, from) = match Missing::between(known, kept.head) {
                Missing::Nothing => return Ok(None),
                Missing::Log(from) => (None, from),
                Missing::All => {
                    let pages = kept.pages.iter().map(|(number, bytes)| Page { number: *number, bytes: bytes.clone() });
                    (Some(Pages { manifest: kept.manifest.clone(), pages: pages.collect() }), 0)
                }
            };
            let log = kept.log.range(from..).map(|(number, bytes)| (*number, bytes.clone())).collect();
            Stored { head: kept.head, pages, log }
        };
        self.end().await;
        Ok(Some(stored))
    }

    async fn append(&self, room: RoomId, on: Head, addition: Addition<'_>) -> Result<Outcome, StoreError> {
        let Addition { record, name, durability } = addition;
        // But what had to wait is merged by whoever looks when its time has come.
        if self.only_reads && !self.is_due(room, record) {
            self.ledger.borrow_mut().wrong.push("a worker that only reads has written".to_owned());
        }
        self.begin().await?;
        let outcome = {
            let mut all = self.kept.borrow_mut();
            let kept = all.get_mut(&room).ok_or(StoreError::NoRoom)?;
            if kept.head == on {
                kept.head = on.appended(record.len());
                kept.log.insert(kept.head.log, record.to_vec());
                if let Some(name) = name {
                    name.clone_into(&mut kept.record.name);
                }
                self.ledger.borrow_mut().stored(self.owner, record, kept.record.renewed_at);
                Outcome::Written(kept.head)
            } else {
                Outcome::Behind
            }
        };
        self.sync(durability);
        self.end().await;
        Ok(outcome)
    }

    async fn rewrite(&self, room: RoomId, on: Head, rewrite: &Rewrite) -> Result<Outcome, StoreError> {
        self.begin().await?;
        let outcome = {
            let mut all = self.kept.borrow_mut();
            let kept = all.get_mut(&room).ok_or(StoreError::NoRoom)?;
            if kept.head == on {
                let before = self.only_reads.then(|| kept.replica().ok()).flatten();
                let set_aside = rewrite.damaged_log.len() + rewrite.damaged_pages.len();
                self.damaged.set(self.damaged.get() + set_aside as u32);
                kept.head = on.compacted(&rewrite.fold);
                kept.pages.retain(|number, _| !rewrite.anew && !rewrite.fold.removed.contains(number));
                for page in &rewrite.fold.added {
                    if kept.pages.insert(page.number, page.bytes.clone()).is_some() {
                        self.ledger.borrow_mut().wrong.push(format!("page {} was given twice", page.number));
                    }
                }
                kept.manifest.clone_from(&rewrite.fold.manifest);
                kept.log.clear();
                if let Some(key) = &rewrite.key {
                    kept.record.key = Some(key.clone());
                    kept.record.renewed_at = rewrite.renewed_at.unwrap_or(kept.record.renewed_at);
                    let device = key.device();
                    kept.device = device;
                    self.ledger.borrow_mut().is_device_of(device, self.owner);
                    if let Ok(replica) = kept.replica() {
                        self.ledger.borrow_mut().renamed(self.owner, &replica, kept.record.renewed_at);
                    }
                }
                let says_nothing_new = |before: Replica| {
                    kept.replica().is_ok_and(|after| {
                        let day = after.opening().day;
                        (before.digest(day), before.vector()) == (after.digest(day), after.vector())
                    })
                };
                // It may fold what is there, and put together what is left.
                if !before.is_none_or(says_nothing_new) {
                    self.ledger
                        .borrow_mut()
                        .wrong
                        .push("a worker that only reads has rewritten what is there".to_owned());
                }
                Outcome::Written(kept.head)
            } else {
                Outcome::Behind
            }
        };
        self.sync(rewrite.durability);
        self.end().await;
        Ok(outcome)
    }

    async fn damaged(&self) -> Result<u32, StoreError> {
        Ok(self.damaged.get())
    }

    async fn damaged_in(&self, _room: RoomId) -> Result<u32, StoreError> {
        Ok(self.damaged.get())
    }
}
