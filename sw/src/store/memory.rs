//! Storage in memory, for tests: clones share it as two workers share a database, and it fails when told to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use partyline_core::id::RoomId;
use partyline_core::replica::Page;

use super::{Addition, Head, Missing, Outcome, Pages, Rewrite, RoomRecord, Store, StoreError, Stored};

/// Rooms in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    shared: Rc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    rooms: RefCell<BTreeMap<RoomId, Kept>>,
    damaged: RefCell<BTreeMap<RoomId, u32>>,
    failures: RefCell<Vec<StoreError>>,
    reads: Cell<u32>,
    writes: Cell<u32>,
}

#[derive(Debug, Clone)]
struct Kept {
    record: RoomRecord,
    head: Head,
    manifest: Vec<u8>,
    pages: BTreeMap<u64, Vec<u8>>,
    log: BTreeMap<u64, Vec<u8>>,
}

impl MemoryStore {
    /// A copy, as of a browser's profile.
    pub fn copy(&self) -> Self {
        let copy = Self::default();
        copy.shared.rooms.borrow_mut().clone_from(&self.shared.rooms.borrow());
        copy
    }

    /// The next write fails with this error. Can be called several times for as many failures.
    pub fn fail_next_write(&self, error: StoreError) {
        self.shared.failures.borrow_mut().insert(0, error);
    }

    /// Changes the bytes of a log record, as a failing disk would.
    pub fn tear_log(&self, room: RoomId, number: u64, bytes: &[u8]) {
        if let Some(kept) = self.shared.rooms.borrow_mut().get_mut(&room) {
            kept.log.insert(number, bytes.to_vec());
        }
    }

    /// Loses a log record, as a failing disk would.
    pub fn lose_log(&self, room: RoomId, number: u64) {
        if let Some(kept) = self.shared.rooms.borrow_mut().get_mut(&room) {
            kept.log.remove(&number);
        }
    }

    /// Loses the first page.
    pub fn lose_page(&self, room: RoomId) {
        if let Some(kept) = self.shared.rooms.borrow_mut().get_mut(&room) {
            kept.pages.pop_first();
        }
    }

    /// Changes the bytes of the first page.
    pub fn tear_page(&self, room: RoomId, bytes: &[u8]) {
        if let Some(kept) = self.shared.rooms.borrow_mut().get_mut(&room)
            && let Some(page) = kept.pages.values_mut().next()
        {
            *page = bytes.to_vec();
        }
    }

    /// Puts a manifest and pages in the place of those of a room.
    pub fn put_pages(&self, room: RoomId, pages: Pages) {
        if let Some(kept) = self.shared.rooms.borrow_mut().get_mut(&room) {
            kept.manifest = pages.manifest;
            kept.pages = pages.pages.into_iter().map(|page| (page.number, page.bytes)).collect();
        }
    }

    /// The numbers of a room's pages.
    pub fn pages(&self, room: RoomId) -> Vec<u64> {
        self.shared.rooms.borrow().get(&room).map(|kept| kept.pages.keys().copied().collect()).unwrap_or_default()
    }

    /// The head of a room.
    pub fn head(&self, room: RoomId) -> Option<Head> {
        self.shared.rooms.borrow().get(&room).map(|kept| kept.head)
    }

    /// How many times pages were read.
    pub fn full_reads(&self) -> u32 {
        self.shared.reads.get()
    }

    /// How many writes took place.
    pub fn writes(&self) -> u32 {
        self.shared.writes.get()
    }

    fn write(&self) -> Result<(), StoreError> {
        match self.shared.failures.borrow_mut().pop() {
            Some(error) => Err(error),
            None => {
                self.shared.writes.set(self.shared.writes.get() + 1);
                Ok(())
            }
        }
    }
}

impl Store for MemoryStore {
    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        let mut rooms: Vec<_> = self.shared.rooms.borrow().values().map(|kept| kept.record.clone()).collect();
        rooms.sort_by_key(|record| (record.joined_at, record.room));
        Ok(rooms)
    }

    async fn room(&self, room: RoomId) -> Result<Option<RoomRecord>, StoreError> {
        Ok(self.shared.rooms.borrow().get(&room).map(|kept| kept.record.clone()))
    }

    async fn create(&self, record: &RoomRecord, first: Option<&[u8]>) -> Result<bool, StoreError> {
        let mut rooms = self.shared.rooms.borrow_mut();
        if rooms.contains_key(&record.room) {
            return Ok(false);
        }
        self.write()?;
        let mut kept = Kept {
            record: record.clone(),
            head: Head::of_new_room(record.joined_at),
            manifest: Vec::new(),
            pages: BTreeMap::new(),
            log: BTreeMap::new(),
        };
        if let Some(first) = first {
            kept.head = kept.head.appended(first.len());
            kept.log.insert(kept.head.log, first.to_vec());
        }
        rooms.insert(record.room, kept);
        Ok(true)
    }

    async fn remove(&self, room: RoomId) -> Result<bool, StoreError> {
        if !self.shared.rooms.borrow().contains_key(&room) {
            return Ok(false);
        }
        self.write()?;
        Ok(self.shared.rooms.borrow_mut().remove(&room).is_some())
    }

    async fn read(&self, room: RoomId, known: Option<Head>) -> Result<Option<Stored>, StoreError> {
        let rooms = self.shared.rooms.borrow();
        let kept = rooms.get(&room).ok_or(StoreError::NoRoom)?;
        let (pages, from) = match Missing::between(known, kept.head) {
            Missing::Nothing => return Ok(None),
            Missing::Log(from) => (None, from),
            Missing::All => {
                self.shared.reads.set(self.shared.reads.get() + 1);
                let pages = kept.pages.iter().map(|(number, bytes)| Page { number: *number, bytes: bytes.clone() });
                (Some(Pages { manifest: kept.manifest.clone(), pages: pages.collect() }), 0)
            }
        };
        let log = kept.log.range(from..).map(|(number, bytes)| (*number, bytes.clone())).collect();
        Ok(Some(Stored { head: kept.head, pages, log }))
    }

    async fn append(&self, room: RoomId, on: Head, addition: Addition<'_>) -> Result<Outcome, StoreError> {
        let mut rooms = self.shared.rooms.borrow_mut();
        let kept = rooms.get_mut(&room).ok_or(StoreError::NoRoom)?;
        if kept.head != on {
            return Ok(Outcome::Behind);
        }
        self.write()?;
        kept.head = on.appended(addition.record.len());
        kept.log.insert(kept.head.log, addition.record.to_vec());
        if let Some(name) = addition.name {
            name.clone_into(&mut kept.record.name);
        }
        Ok(Outcome::Written(kept.head))
    }

    async fn rewrite(&self, room: RoomId, on: Head, rewrite: &Rewrite) -> Result<Outcome, StoreError> {
        let mut rooms = self.shared.rooms.borrow_mut();
        let kept = rooms.get_mut(&room).ok_or(StoreError::NoRoom)?;
        if kept.head != on {
            return Ok(Outcome::Behind);
        }
        self.write()?;
        let damaged = rewrite.damaged_log.len() + rewrite.damaged_pages.len();
        let mut of_rooms = self.shared.damaged.borrow_mut();
        let of_room = of_rooms.entry(room).or_default();
        *of_room = of_room.saturating_add(u32::try_from(damaged).unwrap_or(u32::MAX));
        kept.head = on.compacted(&rewrite.fold);
        kept.pages.retain(|number, _| !rewrite.anew && !rewrite.fold.removed.contains(number));
        kept.pages.extend(rewrite.fold.added.iter().map(|page| (page.number, page.bytes.clone())));
        kept.manifest.clone_from(&rewrite.fold.manifest);
        kept.log.clear();
        if rewrite.key.is_some() {
            kept.record.key.clone_from(&rewrite.key);
        }
        if let Some(renewed_at) = rewrite.renewed_at {
            kept.record.renewed_at = renewed_at;
        }
        Ok(Outcome::Written(kept.head))
    }

    async fn damaged(&self) -> Result<u32, StoreError> {
        Ok(self.shared.damaged.borrow().values().sum())
    }

    async fn damaged_in(&self, room: RoomId) -> Result<u32, StoreError> {
        Ok(self.shared.damaged.borrow().get(&room).copied().unwrap_or_default())
    }
}
