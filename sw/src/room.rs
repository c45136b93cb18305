//! A room in memory: a replica, and what of the store it reflects.

use std::cell::Cell;
use std::rc::Rc;

use partyline_core::id::TaskId;
use partyline_core::key::DeviceKey;
use partyline_core::replica::{
    Batch, Change, DecodeError, EditError, LoadError, ObjectId, Op, Placing, Position, Record, Replica, Spot,
};

use crate::problem::Failure;
use crate::store::{Durability, Head, Limits, Pages, Rewrite, RoomRecord, Stored};

/// How long a new key lasts at least before a member's word makes this device take another one, in
/// milliseconds. Whatever a member sends, a device is at rest for most of the time; and a backup
/// brings back the time of the last renewal too.
const RENEWAL_REST: u64 = 60 * 60 * 1000;

/// A room in memory.
#[derive(Debug)]
pub(crate) struct OpenRoom {
    /// The content.
    pub(crate) replica: Replica,
    /// The head in the store that the content is equal to, unless an edit is on its way there.
    pub(crate) head: Head,
    /// The name that the store lists the room under: its own, once that has come.
    pub(crate) name: String,
    /// When this device took its key, if that was not when it joined.
    renewed_at: u64,
    /// Where the last task stands, once somebody asked.
    last_position: Option<Option<Position>>,
    /// What the replica has and the store does not.
    group: Option<Group>,
}

/// Edits that are stored together: one transaction, whose cost hardly depends on how many they are.
#[derive(Debug)]
pub(crate) struct Group {
    /// All of them, in the order in which they were made.
    pub(crate) record: Record,
    /// How many.
    edits: usize,
    /// Bytes of the record, about.
    bytes: usize,
    /// The record in its binary form, as long as there is one edit in it.
    encoded: Option<Vec<u8>>,
    /// Set once it is stored. Those who have made the edits wait for that.
    pub(crate) is_stored: Rc<Cell<bool>>,
}

impl Group {
    /// The binary form of the record.
    pub(crate) fn encode(&mut self) -> Vec<u8> {
        self.encoded.take().unwrap_or_else(|| self.record.encode())
    }
}

impl OpenRoom {
    /// Puts a room together from its pages and log.
    ///
    /// If something of it cannot be decoded, the rest is used, and the second value says how to bring the store in line
    /// with it. See [`salvage`] for what that takes; it is then that a `spare` key is asked for,
    /// and the time.
    pub(crate) fn load(
        record: &RoomRecord,
        stored: &Stored,
        spare: &dyn Fn() -> (DeviceKey, u64),
        limits: &Limits,
    ) -> Result<(Self, Option<Rewrite>), Failure> {
        let open = |replica, renewed_at| {
            let name = record.name.clone();
            Self { replica, head: stored.head, name, renewed_at, last_position: None, group: None }
        };
        match whole(record, stored) {
            Ok(replica) => Ok((open(replica, record.renewed_at), None)),
            Err(LoadError::Page(other @ (DecodeError::NewerFormat | DecodeError::OlderFormat))) => {
                Err(Failure::unreadable_room(other))
            }
            // What is damaged besides must not cost it what can still be saved.
            Err(_) if is_older(stored) => Err(Failure::unreadable_room(DecodeError::OlderFormat)),
            Err(_) => {
                let (key, now) = spare();
                let (replica, rewrite) = salvage(stored, key, now, limits);
                Ok((open(replica, now), Some(Rewrite { renewed_at: Some(now), ..rewrite })))
            }
        }
    }

    /// Takes over what another worker wrote behind our head. `false` if that cannot be; the room must be read again.
    pub(crate) fn catch_up(&mut self, stored: &Stored) -> bool {
        // One that is lost would pass for one that says nothing, and its number be given again.
        if stored.head.log.checked_sub(self.head.log) != Some(stored.log.len() as u64) {
            return false;
        }
        for (_, record) in &stored.log {
            if replay(&mut self.replica, record).is_err() {
                return false;
            }
        }
        self.head = stored.head;
        if let Some(name) = self.replica.room_name() {
            name.clone_into(&mut self.name);
        }
        self.last_position = None;
        true
    }

    /// Notes that a record is stored.
    pub(crate) fn wrote(&mut self, head: Head, name: Option<&str>) {
        self.head = head;
        if let Some(name) = name {
            name.clone_into(&mut self.name);
        }
    }

    /// Adds what the replica has merged to what is to be stored. Tells when it is.
    pub(crate) fn enlist(&mut self, record: Record) -> Rc<Cell<bool>> {
        self.note_positions(&record.batch);
        let encoded = record.encode();
        let bytes = encoded.len();
        match &mut self.group {
            Some(group) => {
                group.record.now_ms = record.now_ms;
                group.record.batch.changes.extend(record.batch.changes);
                group.edits += 1;
                group.bytes += bytes;
                group.encoded = None;
                Rc::clone(&group.is_stored)
            }
            None => {
                let is_stored = Rc::default();
                let group = Group { record, edits: 1, bytes, encoded: Some(encoded), is_stored: Rc::clone(&is_stored) };
                self.group = Some(group);
                is_stored
            }
        }
    }

    /// Whether anything is to be stored.
    pub(crate) fn has_group(&self) -> bool {
        self.group.is_some()
    }

    /// Whether what waits for this to be set is still to be stored.
    pub(crate) fn is_in_group(&self, is_stored: &Rc<Cell<bool>>) -> bool {
        self.group.as_ref().is_some_and(|group| Rc::ptr_eq(&group.is_stored, is_stored))
    }

    /// Whether more than one has something to be stored.
    pub(crate) fn is_group_shared(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.edits > 1)
    }

    /// Whether so much is to be stored that no more should be added: a record is sent to others as it is, and a live edit is
    /// not to be stuck behind it.
    pub(crate) fn is_group_full(&self, limits: &Limits) -> bool {
        self.group.as_ref().is_some_and(|group| group.bytes >= limits.chunk)
    }

    /// Takes what is to be stored.
    pub(crate) fn take_group(&mut self) -> Option<Group> {
        self.group.take()
    }

    /// Notes where tasks stand by what the replica has merged.
    pub(crate) fn note_positions(&mut self, record: &Batch) {
        if record.changes.is_empty() || record.changes.iter().any(|change| change.machine) {
            // The last one may have moved over, forwards; or what had to wait stands behind it.
            self.last_position = None;
        }
        if let Some(last) = &mut self.last_position {
            for op in record.changes.iter().flat_map(|change| &change.ops) {
                if let Op::Position(position) = op
                    && last.as_ref().is_none_or(|last| last < position)
                {
                    *last = Some(position.clone());
                }
            }
        }
    }

    /// What puts a task there, if it is to go anywhere: its position, and others that move over.
    ///
    /// # Errors
    ///
    /// If the list does not have the task that it is to come after.
    pub(crate) fn place(&mut self, task: TaskId, spot: Option<Spot>) -> Result<Option<Placing>, Failure> {
        let unknown = || Failure::invalid("`after`: the list has no such task.");
        spot.map(|spot| self.placing(task, spot).ok_or_else(unknown)).transpose()
    }

    fn placing(&mut self, task: TaskId, spot: Spot) -> Option<Placing> {
        let Self { replica, last_position, .. } = self;
        if spot == Spot::Last {
            // Of the last task, or of one that was last until recently: not worth looking at all of
            // them.
            let last = last_position.get_or_insert_with(|| replica.last_position()).as_ref();
            if let Some(position) = Position::between(last, None, replica.device()) {
                return Some(Placing { position, moved: Vec::new() });
            }
        }
        replica.place(task, spot)
    }

    /// The log as pages.
    pub(crate) fn rewrite(&self, limits: &Limits) -> Rewrite {
        // What was there stays there until the pages are: there is nothing new in them.
        Rewrite { durability: Durability::Relaxed, ..Rewrite::of(self.replica.fold(limits.page)) }
    }

    /// Whether the last renewal is long enough ago.
    pub(crate) fn may_renew(&self, now_ms: u64) -> bool {
        !is_fresh(self.renewed_at, now_ms)
    }

    /// Goes on with another key, under the id that follows from it and with the name that the
    /// device has. The old id is retired: it gives its name up, in a change of its own, by which
    /// another life that goes on under it finds out of this one.
    ///
    /// # Errors
    ///
    /// If the name cannot be written.
    pub(crate) fn renew(&mut self, key: DeviceKey, now_ms: u64, limits: &Limits) -> Result<Rewrite, EditError> {
        let (old, new) = (self.replica.device(), key.device());
        let name = self.replica.devices().find(|(device, _)| *device == old).map(|(_, name)| name.to_owned());
        let call = |replica: &mut Replica, device, name: &str| {
            replica.edit(ObjectId::Device(device), vec![Op::Name(name.into())], now_ms)
        };
        if name.is_some() {
            call(&mut self.replica, old, "")?;
        }
        self.replica.go_on_as(new);
        if let Some(name) = name {
            call(&mut self.replica, new, &name)?;
        }
        self.renewed_at = now_ms;
        let fold = self.replica.fold(limits.page);
        Ok(Rewrite { key: Some(key), renewed_at: Some(now_ms), ..Rewrite::of(fold) })
    }

    /// A rewrite was carried out.
    pub(crate) fn rewrote(&mut self, head: Head, rewrite: Rewrite) {
        self.head = head;
        self.replica.folded(rewrite.fold);
    }
}

/// Whether a key that was taken at this time is to last for now. A clock that was put back keeps no
/// device from taking another one for longer.
pub(crate) fn is_fresh(renewed_at: u64, now_ms: u64) -> bool {
    now_ms.checked_sub(renewed_at).is_some_and(|passed| passed < RENEWAL_REST)
}

fn whole(record: &RoomRecord, stored: &Stored) -> Result<Replica, LoadError> {
    let own = record.device();
    let mut replica = match (&stored.pages, own) {
        (Some(pages), _) if !pages.manifest.is_empty() || !pages.pages.is_empty() => load(pages)?,
        (_, Some(own)) => Replica::new(own),
        // Of before devices had keys: there is one to be made, unless it is of a format that is not read any more.
        (_, None) => {
            let unread = stored.log.iter().find_map(|(_, bytes)| Record::decode(bytes).err());
            return Err(unread.map_or(LoadError::Mixed, LoadError::from));
        }
    };
    if stored.log.len() != stored.head.records as usize {
        return Err(LoadError::Mixed);
    }
    for (_, bytes) in &stored.log {
        replay(&mut replica, bytes)?;
    }
    // Nobody writes under an id whose key it does not have.
    if own == Some(replica.device()) { Ok(replica) } else { Err(LoadError::Mixed) }
}

/// Whether anything of it is of a format that is not read any more.
fn is_older(stored: &Stored) -> bool {
    let mut pages = stored.pages.iter().flat_map(|pages| &pages.pages);
    pages.any(|page| Replica::changes_of_page(&page.bytes) == Err(DecodeError::OlderFormat.into()))
        || stored.log.iter().any(|(_, record)| Record::decode(record) == Err(DecodeError::OlderFormat))
}

fn load(pages: &Pages) -> Result<Replica, LoadError> {
    Replica::from_pages(&pages.manifest, pages.pages.iter().map(|page| (page.number, &page.bytes)))
}

fn replay(replica: &mut Replica, record: &[u8]) -> Result<(), LoadError> {
    replica.replay(Record::decode(record)?).map(drop).map_err(|_| LoadError::Damaged)
}

/// Puts together what can still be decoded.
///
/// A room that lost a part must not claim to have it, or nobody would ever send it again. So no version vector that was
/// stored is believed: the replica begins with an empty one, which then grows only by changes that are really there, and
/// the next sync brings back what other devices have. And since the lost part may hold this device's own last numbers,
/// which must never be given twice, the device goes on with a new key, and so under a new id.
fn salvage(stored: &Stored, spare: DeviceKey, now_ms: u64, limits: &Limits) -> (Replica, Rewrite) {
    let mut replica = Replica::new(spare.device());
    let (mut damaged_pages, mut damaged_log) = lost(stored);
    for page in stored.pages.iter().flat_map(|pages| &pages.pages) {
        match Replica::changes_of_page(&page.bytes) {
            Ok(changes) => merge(&mut replica, changes, now_ms),
            Err(_) => damaged_pages.push(page.number),
        }
    }
    for (number, bytes) in &stored.log {
        match Record::decode(bytes) {
            Ok(record) => merge(&mut replica, record.batch.changes, now_ms),
            Err(_) => damaged_log.push(*number),
        }
    }
    let whole = Rewrite::of(replica.to_pages(limits.page));
    (replica, Rewrite { anew: true, key: Some(spare), damaged_pages, damaged_log, ..whole })
}

/// The numbers of the pages and log records that should be there and are not.
fn lost(stored: &Stored) -> (Vec<u64>, Vec<u64>) {
    /// No log grows so long, whatever its head says.
    const MOST: u64 = 1 << 16;
    let (last, records) = (stored.head.log, u64::from(stored.head.records).min(MOST));
    let log = (last.saturating_sub(records)..last).map(|before| before + 1).collect();
    let log = not_among(log, stored.log.iter().map(|(number, _)| *number).collect());
    let pages = stored.pages.as_ref().map(|stored| {
        let named = Replica::pages_named(&stored.manifest).unwrap_or_default();
        not_among(named, stored.pages.iter().map(|page| page.number).collect())
    });
    (pages.unwrap_or_default(), log)
}

fn not_among(mut numbers: Vec<u64>, mut there: Vec<u64>) -> Vec<u64> {
    there.sort_unstable();
    numbers.retain(|number| there.binary_search(number).is_err());
    numbers
}

fn merge(replica: &mut Replica, changes: Vec<Change>, now_ms: u64) {
    // Changes that were decoded are within their limits; if the device limit is what stops them, there is nothing to be
    // done for the rest.
    let _ = replica.replay(Batch::live(changes).at(now_ms));
}
