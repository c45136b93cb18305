//! Storage in memory that counts what goes in and out.

use std::cell::Cell;
use std::rc::Rc;

use partyline_core::id::RoomId;
use partyline_core::replica::{Record, Replica};
use partyline_sw::store::{Addition, Head, MemoryStore, Outcome, Rewrite, RoomRecord, Store, StoreError, Stored};

/// Bytes of records and pages, since [`Counted::reset`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Read.
    pub(crate) read: usize,
    /// Written before an edit was acknowledged.
    pub(crate) appended: usize,
    /// Written when a log was folded into pages.
    pub(crate) rewritten: usize,
}

/// Rooms in memory. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    store: MemoryStore,
    counts: Rc<Cell<Counts>>,
    /// Bytes of the pages with their manifest, and of the log, that are there.
    pages: Rc<Cell<usize>>,
    log: Rc<Cell<usize>>,
}

impl Counted {
    pub(crate) fn reset(&self) {
        self.counts.take();
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// Bytes of pages and log.
    pub(crate) fn stored(&self) -> usize {
        self.pages.get() + self.log.get()
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    /// What a room takes if all of it is folded into pages.
    pub(crate) fn replica_bytes(&self, room: RoomId) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let record = runtime.block_on(self.store.room(room)).unwrap().unwrap();
        let stored = runtime.block_on(self.store.read(room, None)).unwrap().unwrap();
        let pages = stored.pages.unwrap();
        let mut replica = if pages.manifest.is_empty() {
            Replica::new(record.device().unwrap())
        } else {
            Replica::from_pages(&pages.manifest, pages.pages.iter().map(|page| (page.number, &page.bytes))).unwrap()
        };
        for (_, record) in &stored.log {
            replica.replay(Record::decode(record).unwrap()).unwrap();
        }
        let fold = replica.to_pages(256 << 10);
        fold.manifest.len() + fold.added.iter().map(|page| page.bytes.len()).sum::<usize>()
    }
}

impl Store for Counted {
    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        self.store.rooms().await
    }

    async fn room(&self, room: RoomId) -> Result<Option<RoomRecord>, StoreError> {
        self.store.room(room).await
    }

    async fn create(&self, record: &RoomRecord, first: Option<&[u8]>) -> Result<bool, StoreError> {
        self.log.set(self.log.get() + first.map_or(0, <[u8]>::len));
        self.store.create(record, first).await
    }

    async fn remove(&self, room: RoomId) -> Result<bool, StoreError> {
        self.store.remove(room).await
    }

    async fn read(&self, room: RoomId, known: Option<Head>) -> Result<Option<Stored>, StoreError> {
        let stored = self.store.read(room, known).await?;
        if let Some(stored) = &stored {
            let log: usize = stored.log.iter().map(|(_, record)| record.len()).sum();
            let pages = stored.pages.as_ref().map_or(0, |pages| {
                pages.manifest.len() + pages.pages.iter().map(|page| page.bytes.len()).sum::<usize>()
            });
            self.count(|counts| counts.read += log + pages);
        }
        Ok(stored)
    }

    async fn append(&self, room: RoomId, on: Head, addition: Addition<'_>) -> Result<Outcome, StoreError> {
        let outcome = self.store.append(room, on, addition).await?;
        if let Outcome::Written(_) = outcome {
            self.count(|counts| counts.appended += addition.record.len());
            self.log.set(self.log.get() + addition.record.len());
        }
        Ok(outcome)
    }

    async fn rewrite(&self, room: RoomId, on: Head, rewrite: &Rewrite) -> Result<Outcome, StoreError> {
        let outcome = self.store.rewrite(room, on, rewrite).await?;
        if let Outcome::Written(head) = outcome {
            let pages: usize = rewrite.fold.added.iter().map(|page| page.bytes.len()).sum();
            self.count(|counts| counts.rewritten += pages + rewrite.fold.manifest.len());
            self.log.set(0);
            self.pages.set(head.page_bytes as usize + rewrite.fold.manifest.len());
        }
        Ok(outcome)
    }

    async fn damaged(&self) -> Result<u32, StoreError> {
        self.store.damaged().await
    }

    async fn damaged_in(&self, room: RoomId) -> Result<u32, StoreError> {
        self.store.damaged_in(room).await
    }
}
