//! Where rooms are kept: a log of change records and compacted pages for each.
//!
//! | object store | key | value |
//! |---|---|---|
//! | `rooms` | room | [`RoomRecord`] |
//! | `heads` | room | [`Head`] |
//! | `log` | room, number | a batch of changes, in its binary form |
//! | `pages` | room, number | a stretch of the compacted log; at −1 the manifest, which says what there is |
//! | `damaged` | room, store, number | what could not be decoded and was set aside |
//!
//! Every write names the [`Head`] that it builds on and happens only if that is still the head, in the same transaction.
//! So two workers (an old one that is finishing and its successor) can never both write on top of the same state: one of
//! them is told [`Outcome::Behind`], reads what it missed and tries again.

mod indexed;
#[cfg(not(target_arch = "wasm32"))]
mod memory;

use partyline_core::id::{DeviceId, RoomId, RoomSecret};
use partyline_core::key::DeviceKey;
use partyline_core::replica::{Fold, Page};

pub use indexed::{IndexedStore, lay_out};
#[cfg(not(target_arch = "wasm32"))]
pub use memory::MemoryStore;

/// What this device knows about a room besides its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRecord {
    /// The room.
    pub room: RoomId,
    /// Its secret.
    pub secret: RoomSecret,
    /// This device's private key in it; `None` in a record of before there were keys.
    pub key: Option<DeviceKey>,
    /// When it was made or joined, in Unix milliseconds.
    pub joined_at: u64,
    /// When this device last took a new key because somebody else wrote under its id, in Unix
    /// milliseconds; 0 if never.
    pub renewed_at: u64,
    /// A copy of the shared name, so that the list of rooms can be shown without reading them.
    pub name: String,
}

impl RoomRecord {
    /// This device's id in the room.
    pub fn device(&self) -> Option<DeviceId> {
        self.key.as_ref().map(DeviceKey::device)
    }
}

/// Where the log and the pages of a room end. Equal heads mean equal content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Head {
    /// Number of the last log record. Numbers are never used again, also not after a compaction.
    pub log: u64,
    /// How many log records there are.
    pub records: u32,
    /// How many bytes they take.
    pub log_bytes: u64,
    /// Counts compactions.
    pub generation: u64,
    /// How many bytes all pages take.
    pub page_bytes: u64,
}

impl Head {
    /// The head of a room without content. Rooms that were left and joined again never have equal heads, so that no
    /// worker takes what it remembers of the old one for the new one.
    pub fn of_new_room(joined_at: u64) -> Self {
        Self { generation: joined_at, ..Self::default() }
    }

    /// Whether the log has grown so much that folding it into the pages pays: opening a room must not cost much more
    /// than what is in it, nor may a small room drag a long log along, nor may every few edits write a page.
    pub fn is_compaction_due(&self, limits: &Limits) -> bool {
        let small = limits.log_bytes / 8;
        self.records >= limits.log_records || self.log_bytes >= (self.page_bytes / 2).clamp(small, limits.log_bytes)
    }

    /// The head after a record of this many bytes.
    #[must_use]
    pub fn appended(self, bytes: usize) -> Self {
        Self {
            log: self.log + 1,
            records: self.records.saturating_add(1),
            log_bytes: self.log_bytes + bytes as u64,
            ..self
        }
    }

    /// The head after the log was folded into pages.
    #[must_use]
    pub fn compacted(self, fold: &Fold) -> Self {
        Self { log: self.log, records: 0, log_bytes: 0, generation: self.generation + 1, page_bytes: fold.bytes }
    }
}

/// How large things may grow before something is done about it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Log records of a room, before they are folded into its pages.
    pub log_records: u32,
    /// Bytes of a room's log, before it is folded into pages; of a small room's log, an eighth of that.
    pub log_bytes: u64,
    /// Bytes of a page. Large enough that reading a room takes few requests, small enough that writing one anew costs
    /// little.
    pub page: usize,
    /// Bytes of a chunk of a sync answer: small enough that a live edit is not stuck behind it.
    pub chunk: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { log_records: 2_000, log_bytes: 128 << 10, page: 256 << 10, chunk: 64 << 10 }
    }
}

/// What a reader does not have yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The head that these records lead to.
    pub head: Head,
    /// The pages; `None` if the reader has them already and only log records are new.
    pub pages: Option<Pages>,
    /// Log records and their numbers, in order.
    pub log: Vec<(u64, Vec<u8>)>,
}

/// Manifest and pages of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    /// Says what pages there are; empty as long as there are none.
    pub manifest: Vec<u8>,
    /// The pages, by number.
    pub pages: Vec<Page>,
}

/// Whether a write took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is durable, and this is the head now.
    Written(Head),
    /// Another worker wrote meanwhile. Nothing was changed.
    Behind,
}

/// When a write counts as done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once it has reached the disk: whatever ends, it is there.
    #[default]
    Strict,
    /// Once the operating system has it. Should the power fail, it and all that came after it may not have happened; so
    /// it is for what says nothing new. The next strict write makes it last too.
    Relaxed,
}

/// What is added to a room's log.
#[derive(Debug, Clone, Copy)]
pub struct Addition<'a> {
    /// The log record.
    pub record: &'a [u8],
    /// The room's name, if it changes.
    pub name: Option<&'a str>,
    /// When it is done.
    pub durability: Durability,
}

/// The log becomes pages.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// What becomes of the pages. All log records are removed.
    pub fold: Fold,
    /// Whether all pages that are there are removed, and not only those that the fold names.
    pub anew: bool,
    /// Keep the log records with these numbers for a later inspection.
    pub damaged_log: Vec<u64>,
    /// Keep the pages with these numbers for a later inspection.
    pub damaged_pages: Vec<u64>,
    /// Gives this device another key, and with it another id, in the room.
    pub key: Option<DeviceKey>,
    /// Notes that the key was renewed at this time, in Unix milliseconds.
    pub renewed_at: Option<u64>,
    /// When it is done.
    pub durability: Durability,
}

impl Rewrite {
    /// A rewrite that keeps all that is there.
    pub fn of(fold: Fold) -> Self {
        Self {
            fold,
            anew: false,
            damaged_log: Vec::new(),
            damaged_pages: Vec::new(),
            key: None,
            renewed_at: None,
            durability: Durability::Strict,
        }
    }
}

/// Why storage did not do what it was asked to. The write did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The browser has no space left, or grants no more.
    #[error("the storage is full")]
    Quota,
    /// The database cannot be opened.
    #[error("the database cannot be opened: {0}")]
    Unavailable(String),
    /// The database is not open yet: somebody is deleting it or changing its layout, or waits to, because somebody else
    /// does not let go of it.
    #[error("the database is taking too long to open")]
    Blocked,
    /// A later version of the application has changed the layout.
    #[error("the database is that of a later version")]
    Newer,
    /// A request or the transaction failed.
    #[error("the storage failed: {0}")]
    Failed(String),
    /// The room is not, or no longer, kept here.
    #[error("the room is not kept here")]
    NoRoom,
}

/// Durable storage of rooms. When a method that writes returns, what it wrote survives the end of the worker and of the
/// browser, and unless it asked for less, that of the machine.
// One thread, one implementation at a time: nobody needs `Send` futures or trait objects.
#[allow(async_fn_in_trait)]
pub trait Store {
    /// All rooms, in the order in which they were joined.
    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError>;

    /// One room.
    async fn room(&self, room: RoomId) -> Result<Option<RoomRecord>, StoreError>;

    /// Adds a room with its first log record, if it has one. `false` if the room is there already; it stays as it is.
    async fn create(&self, record: &RoomRecord, first: Option<&[u8]>) -> Result<bool, StoreError>;

    /// Removes a room and all that belongs to it. `false` if it was not there.
    async fn remove(&self, room: RoomId) -> Result<bool, StoreError>;

    /// What a reader who is at `known` lacks. `None` if that is nothing.
    async fn read(&self, room: RoomId, known: Option<Head>) -> Result<Option<Stored>, StoreError>;

    /// Adds a log record behind `on`, and takes over the room's name if it changes.
    async fn append(&self, room: RoomId, on: Head, addition: Addition<'_>) -> Result<Outcome, StoreError>;

    /// Turns the log into pages, in one transaction: killed at any moment, the room is either as before or as
    /// after.
    async fn rewrite(&self, room: RoomId, on: Head, rewrite: &Rewrite) -> Result<Outcome, StoreError>;

    /// How many damaged records were set aside so far, over all rooms.
    async fn damaged(&self) -> Result<u32, StoreError>;

    /// How many of them were this room's.
    async fn damaged_in(&self, room: RoomId) -> Result<u32, StoreError>;
}

/// What a reader at `known` has to read to be at `head`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing.
    Nothing,
    /// Log records from this number on.
    Log(u64),
    /// Everything.
    All,
}

impl Missing {
    /// What lies between the two.
    pub fn between(known: Option<Head>, head: Head) -> Self {
        match known {
            Some(known) if known == head => Self::Nothing,
            // A head that is ahead of the stored one is from a room that was left and joined again.
            Some(known) if known.generation == head.generation && known.log < head.log => Self::Log(known.log + 1),
            _ => Self::All,
        }
    }
}
