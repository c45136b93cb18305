//! Storage that fails at every turn.

use partyline_sw::store::{Addition, Head, Stored};

use super::*;

/// What is wrong with it.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// Nothing can be read or written.
    Everything(StoreError),
    /// Nothing can be written.
    Writes(StoreError),
    /// Another worker always writes first.
    Behind,
}

/// Storage in memory with a fault.
#[derive(Debug)]
pub(super) struct Faulty {
    pub(super) store: MemoryStore,
    pub(super) fault: Fault,
}

impl Faulty {
    fn read<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match &self.fault {
            Fault::Everything(error) => Err(error.clone()),
            Fault::Writes(_) | Fault::Behind => result,
        }
    }

    /// A write that does not happen.
    fn write<T>(&self, behind: T) -> Result<T, StoreError> {
        match &self.fault {
            Fault::Everything(error) | Fault::Writes(error) => Err(error.clone()),
            Fault::Behind => Ok(behind),
        }
    }
}

impl Store for Faulty {
    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        self.read(self.store.rooms().await)
    }

    async fn room(&self, room: RoomId) -> Result<Option<RoomRecord>, StoreError> {
        self.read(self.store.room(room).await)
    }

    async fn create(&self, _record: &RoomRecord, _first: Option<&[u8]>) -> Result<bool, StoreError> {
        self.write(false)
    }

    async fn remove(&self, _room: RoomId) -> Result<bool, StoreError> {
        self.write(false)
    }

    async fn read(&self, room: RoomId, known: Option<Head>) -> Result<Option<Stored>, StoreError> {
        Faulty::read(self, self.store.read(room, known).await)
    }

    async fn append(&self, _room: RoomId, _on: Head, _addition: Addition<'_>) -> Result<Outcome, StoreError> {
        self.write(Outcome::Behind)
    }

    async fn rewrite(&self, _room: RoomId, _on: Head, _rewrite: &Rewrite) -> Result<Outcome, StoreError> {
        self.write(Outcome::Behind)
    }

    async fn damaged(&self) -> Result<u32, StoreError> {
        Faulty::read(self, self.store.damaged().await)
    }

    async fn damaged_in(&self, room: RoomId) -> Result<u32, StoreError> {
        Faulty::read(self, self.store.damaged_in(room).await)
    }
}
