//! The JSON documents of the peer API.
//!
//! These are the *wire* types: what `/peer/v1/…` says to pages, people and tools. They hold text where the domain holds
//! parsed values, and the service worker converts between the two at its edge; nothing else in this crate knows them.
//! Names are camelCase, ids are the text forms of [`id`](crate::id), and moments are RFC 3339 in UTC with milliseconds
//! (see [`format_timestamp`]).
//!
//! | document | route |
//! |---|---|
//! | [`Health`] | `GET /peer/v1/health` |
//! | [`Rooms`] | `GET /peer/v1/rooms` |
//! | [`NewRoom`] → [`RoomSummary`] | `PUT /peer/v1/rooms/{room}` |
//! | [`RoomDocument`] | `GET /peer/v1/rooms/{room}` |
//! | [`PROVED`] or nothing | `POST …/key`: the key of the device in [`ASKER_HEADER`] is somebody else's too |
//! | [`Devices`], [`NewDevice`] → [`DeviceDocument`] | `GET …/devices`, `PUT …/device` |
//! | a number | `PUT …/clock`: how far this device's clock is ahead of what most say, in milliseconds |
//! | nothing | `PUT …/held/{device}/{number}`, `DELETE …`: takes or drops a change that is held back |
//! | [`Tasks`], [`NewTask`] / [`TaskPatch`] → [`TaskDocument`] | `GET …/tasks`, `POST …/tasks`, `PATCH …/tasks/{id}` |
//! | [`Edits`] → [`Edited`] | `POST …/edits`: several [`NewTask`] and [`TaskPatch`] at once |
//! | [`Sections`], [`SectionPatch`] → [`SectionDocument`] | `GET …/sections`, `POST …/sections`, `PATCH …/sections/{id}` |
//! | [`Comments`], [`CommentPatch`] → [`CommentDocument`] | `GET …/tasks/{id}/comments`, `POST …`, `PATCH …/comments/{id}` |
//! | [`Vector`] | `GET …/vector` |
//! | CBOR | `GET …/sync`: with what to ask a peer |
//! | [`SyncDocument`] → [`SyncAnswerDocument`] | `POST …/sync` |
//! | CBOR → [`Merged`] | `POST …/changes` |
//! | [`Problem`] | every answer from 400 on |

mod comment;
mod edits;
mod read;
mod section;

use litemap::LiteMap;
use std::fmt;

pub use comment::{CommentDocument, CommentPatch, Comments, MAX_COMMENTS};
pub use edits::{Edited, Edits, MAX_EDITS, Refused, TaskEdit};
pub use read::read;
pub use section::{SectionDocument, SectionPatch, Sections};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::base64url;

/// Media type of the documents.
pub const JSON: &str = "application/json";
/// Media type of the binary forms of vector, sync and changes.
pub const CBOR: &str = "application/cbor";
/// Media type of an answer to a sync as CBOR, of which what stands behind the ids is deflated (RFC 1951).
pub const DEFLATED: &str = "application/x-partyline-deflate";
/// Media type of a [`TaskPatch`] (RFC 7396).
pub const MERGE_PATCH: &str = "application/merge-patch+json";
/// Media type of a [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";
/// Request header that names the device of the peer from which a page hands a request on.
pub const DEVICE_HEADER: &str = "partyline-device";

/// The header by which a page says in whose name it asked for what it hands on: the device's id.
pub const ASKER_HEADER: &str = "partyline-asker";
/// Body of `POST …/key` where somebody has proved to hold the key. Otherwise a member says so, who may
/// lie and is believed only now and then.
pub const PROVED: &[u8] = b"proved";
/// On answers to a sync and to changes: what the clock of the device that answers says, in milliseconds since 1970. Whose
/// clock is wrong shows in that, and not in what a device writes or passes on.
pub const NOW_HEADER: &str = "partyline-now";
/// On the answer to an edit: how far this device's clock is ahead, in milliseconds (less than 0 if it is behind), if it is
/// known to be so wrong that others do not take the edit as it is. It is kept, and dated anew when the clock is right.
pub const CLOCK_HEADER: &str = "partyline-clock";
/// Name of the `BroadcastChannel` on which the service worker tells every tab what changed.
pub const CHANNEL: &str = "partyline";

/// State of the service worker and its storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Version of the application, as in `Cargo.toml`.
    pub version: String,
    /// Version of the binary format that this device writes.
    pub format: u8,
    /// Whether storage can be read and written.
    pub storage: StorageState,
    /// Stored records that could not be read and were set aside.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged: u32,
}

/// What the storage behind the peer API can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageState {
    /// Reads and writes work.
    Ready,
    /// The database cannot be opened: private browsing of some browsers, a full disk, a damaged profile.
    Unavailable,
}

/// The rooms kept on this device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rooms {
    /// In the order in which they were joined.
    pub rooms: Vec<RoomSummary>,
}

/// A room in the list of [`Rooms`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSummary {
    /// Room id, a UUID.
    pub id: String,
    /// The shared name; empty while nobody gave one or it has not arrived yet.
    pub name: String,
}

/// Body of `PUT /peer/v1/rooms/{room}`: makes, joins or renames a room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRoom {
    /// The room's secret; needed the first time, and must stay the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretText>,
    /// Gives the room this name, for all its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the room is joined: what to list it under on this device, and nowhere else, until its own name has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// A room as this device keeps it, its secrets included: a page needs them to connect. Answered to own pages only; no
/// peer may ask for it, see [`peer_gate`](crate::session::peer_gate).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomDocument {
    /// Room id, a UUID.
    pub id: String,
    /// The shared name; may be empty.
    pub name: String,
    /// The room's secret, as in the room link.
    pub secret: SecretText,
    /// This device's id in the room; it follows from the key.
    pub device: String,
    /// This device's private key in the room: whoever has it can pass for this device.
    pub key: SecretText,
    /// Whether it took that key less than an hour ago, in place of another one. It then takes no
    /// other one at a member's word.
    pub fresh: bool,
}

/// A secret in its text form (43 base64url characters). Its `Debug` form shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(pub String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// The devices that wrote their name into a room, and what there is to be said of clocks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// In the order of their ids.
    pub devices: Vec<DeviceDocument>,
    /// How far this device's clock is ahead, in milliseconds (less than 0 if it is behind); absent unless it is known to be
    /// wrong by more than a few hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<i64>,
    /// How many changes are held back because they are dated too far ahead.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waiting: u32,
    /// Those of them that are dated the soonest, at most [`MAX_LISTED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldDocument>,
    /// Stored records of the room that could not be read and were set aside.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged: u32,
}

/// Maximum changes in the list of those that are [held back](Devices::held).
pub const MAX_LISTED: usize = 100;

/// A change that is held back because it is dated too far ahead. It can be taken (`PUT …/held/{device}/{seq}`): then this
/// device writes the same, and dates it now; or dropped (`DELETE …`). Either way it is as if its device had never made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldDocument {
    /// The device that made it.
    pub device: String,
    /// Its number among the changes of that device.
    pub seq: u64,
    /// How far it is dated ahead, in milliseconds.
    pub ahead_ms: u64,
    /// The title of the task that it is about, as the change has it or as it is now; empty if it is about something else.
    pub title: String,
    /// What it writes, in the words of [`OpDocument::field`].
    pub fields: Vec<String>,
}

/// A device and the name it goes by in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDocument {
    /// Device id, 32 hexadecimal digits.
    pub id: String,
    /// "Firefox on Linux", or what the person made of it.
    pub name: String,
}

/// Body of `PUT …/device`: names this device in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// The name to go by.
    pub name: String,
}

/// A page of the tasks of a room, and where to go on reading from. Ask for more with `?limit=N`,
/// for fewer tasks a page than [`MAX_PAGE`] or as many as take 4 MiB.
///
/// All pages of one reading have one cursor: what changed while they were read, `?since=` that
/// cursor tells. So a task that moved meanwhile may be on two pages, of which the later one counts,
/// or on none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tasks {
    /// All tasks that are not deleted, or for `?deleted=only`, those that are deleted and can be
    /// restored, by position and then id; or, for `?since=CURSOR`, all that were touched after it,
    /// deleted ones included, by id.
    pub tasks: Vec<TaskDocument>,
    /// To be given as `since` once all pages are read. Opaque.
    pub cursor: String,
    /// To be given as `next` for the next page; absent on the last one. Opaque. As `cursor`, it is
    /// refused with 410 once the room is no longer the one that it was given out for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The sections of the room, all of them; on the first page, if there are any; for `?since=CURSOR`, if any of them was
    /// touched after it. So nobody sees a task before its section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sections: Option<Vec<SectionDocument>>,
}

/// Maximum tasks of a page of [`Tasks`].
pub const MAX_PAGE: usize = 10_000;

/// A task as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDocument {
    /// Task id, a UUID.
    pub id: String,
    /// One line.
    pub title: String,
    /// Any text.
    pub notes: String,
    /// How far it is.
    pub status: TaskStatus,
    /// 0 (none) to 3 (high).
    pub priority: u8,
    /// The day it is due, an RFC 3339 full-date.
    pub due: Option<String>,
    /// Who does it; empty when nobody is named.
    pub assignee: String,
    /// Why it is blocked, or was when it last was; empty, and absent, where nobody said so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub blocked_reason: String,
    /// In the order of their text.
    pub labels: Vec<String>,
    /// Where it stands in the list: tasks sort by this text, byte by byte, then by id. At most 128
    /// digits.
    pub position: String,
    /// The task it was last made a part of, which may be deleted by now: then it is a part of none.
    pub parent: Option<String>,
    /// The section it was last put into, which may be deleted by now: then it is in none. A subtask is where its parent is.
    /// Absent if it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When any field was last written.
    pub updated_at: String,
    /// Whether it was deleted. The rest stays as it was for 30 days; then nothing of it is left.
    pub deleted: bool,
    /// How many comments on it there are. Absent if there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub comments: u32,
    /// How many hours it takes; 0 if nobody knows.
    #[cfg(feature = "next")]
    pub estimate: u64,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    /// Not begun.
    #[default]
    Open,
    /// Somebody is at it.
    Doing,
    /// Waits for something else.
    Blocked,
    /// Complete.
    Done,
    /// Somebody else is to look at it.
    #[cfg(feature = "next")]
    Review,
}

/// Body of `POST …/tasks`. Only the title is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewTask {
    /// The id to give it; a random one otherwise. Posting the same id again is refused, so that a retry cannot make two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// See [`TaskDocument::title`].
    pub title: String,
    /// See [`TaskDocument::notes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// See [`TaskDocument::status`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TaskStatus>,
    /// See [`TaskDocument::priority`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// See [`TaskDocument::due`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// See [`TaskDocument::assignee`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// See [`TaskDocument::blocked_reason`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_reason: Option<String>,
    /// See [`TaskDocument::labels`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// See [`TaskDocument::position`]; after the last task otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// In the place of a position: the task that it comes right after; `Some(None)` for the front
    /// of the list.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub after: Option<Option<String>>,
    /// See [`TaskDocument::parent`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// See [`TaskDocument::section`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
}

/// Body of `PATCH …/tasks/{id}`: a JSON Merge Patch (RFC 7396). What is absent stays as it is.
///
/// `null` takes a field away: then it is as in a new task. `title`, `position` and `deleted` cannot be taken away. What only
/// the service sets (`id`, `createdAt`, `updatedAt`) may be there as it is, so that a document can be put back, and not
/// otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskPatch {
    /// See [`TaskDocument::id`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub id: Option<String>,
    /// See [`TaskDocument::title`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub title: Option<String>,
    /// See [`TaskDocument::notes`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "reset")]
    pub notes: Option<String>,
    /// See [`TaskDocument::status`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "reset")]
    pub status: Option<TaskStatus>,
    /// See [`TaskDocument::priority`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "reset")]
    pub priority: Option<u8>,
    /// See [`TaskDocument::due`]; `Some(None)` for no day.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub due: Option<Option<String>>,
    /// See [`TaskDocument::assignee`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "reset")]
    pub assignee: Option<String>,
    /// See [`TaskDocument::blocked_reason`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "reset")]
    pub blocked_reason: Option<String>,
    /// The labels it shall have; those not named are taken off. For tools that read before they write, with `If-Match`: who
    /// knows which label it is about names that one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "reset")]
    pub labels: Option<Vec<String>>,
    /// Labels to put on it, whatever others are there.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub add_labels: Option<Vec<String>>,
    /// Labels to take off it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub remove_labels: Option<Vec<String>>,
    /// See [`TaskDocument::position`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub position: Option<String>,
    /// See [`NewTask::after`]. The service finds a position there, and moves a neighbour over where
    /// there is no room.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub after: Option<Option<String>>,
    /// See [`TaskDocument::parent`]; `Some(None)` for none. It must be a task that is there and no part of this one, and no
    /// task may be more than two levels down.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub parent: Option<Option<String>>,
    /// See [`TaskDocument::section`]; `Some(None)` for none. It must be a section that is there.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub section: Option<Option<String>>,
    /// See [`TaskDocument::created_at`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub created_at: Option<String>,
    /// See [`TaskDocument::updated_at`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub updated_at: Option<String>,
    /// `true` deletes it, `false` restores it. Writing to a deleted task restores it too, whichever field but its place.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub deleted: Option<bool>,
    /// See [`TaskDocument::comments`]. It may be there, so that a document can be put back, and says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub comments: Option<u32>,
    /// See [`TaskDocument::estimate`].
    #[cfg(feature = "next")]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "reset")]
    pub estimate: Option<u64>,
}

impl TaskPatch {
    /// Takes over what another patch writes.
    pub fn merge(&mut self, later: Self) {
        let both = |earlier: &mut Option<Vec<String>>, later: Option<Vec<String>>| {
            *earlier = match (earlier.take(), later) {
                (Some(earlier), Some(later)) => Some([earlier, later].concat()),
                (earlier, later) => later.or(earlier),
            };
        };
        self.title = later.title.or(self.title.take());
        self.notes = later.notes.or(self.notes.take());
        self.status = later.status.or(self.status.take());
        self.priority = later.priority.or(self.priority.take());
        self.due = later.due.or(self.due.take());
        self.assignee = later.assignee.or(self.assignee.take());
        self.blocked_reason = later.blocked_reason.or(self.blocked_reason.take());
        self.labels = later.labels.or(self.labels.take());
        both(&mut self.add_labels, later.add_labels);
        both(&mut self.remove_labels, later.remove_labels);
        if later.position.is_some() || later.after.is_some() {
            (self.position, self.after) = (later.position, later.after);
        }
        self.parent = later.parent.or(self.parent.take());
        self.section = later.section.or(self.section.take());
        self.deleted = later.deleted.or(self.deleted.take());
        #[cfg(feature = "next")]
        {
            self.estimate = later.estimate.or(self.estimate.take());
        }
    }
}

/// Says that a task was found well done; also the body of `POST …/signoffs`.
#[cfg(feature = "next")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOffDocument {
    /// Which task.
    pub task: String,
    /// Who signed it off, and how it was found.
    pub remark: String,
}

/// Answer to `GET …/signoffs`.
#[cfg(feature = "next")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOffs {
    /// All of the room, of one task in the order in which they were made.
    pub sign_offs: Vec<SignOffDocument>,
}

/// A version vector: device id to the number of its last change.
pub type Vector = LiteMap<String, u64>;

/// Body of `POST …/sync`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncDocument {
    /// What the caller has.
    pub vector: Vector,
    /// `next` of the answer to go on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
}

/// Answer to a [`SyncDocument`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SyncAnswerDocument {
    /// A part of what the caller lacks.
    pub batch: BatchDocument,
    /// Cursor for the next part; absent when this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// How many changes are to come, those of this part included.
    pub left: u64,
}

/// Changes as they travel, for people to look at. Only their binary form is taken: reading this one would be another 5 kB
/// of wasm on every first visit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BatchDocument {
    /// In the order in which they are to be applied.
    pub changes: Vec<ChangeDocument>,
    /// With these changes the receiver has everything that this vector says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vector>,
}

/// One change: a few fields of one object, written at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeDocument {
    /// The device that made it.
    pub device: String,
    /// Its number among the changes of that device, from 1 on.
    pub seq: u64,
    /// When it was made, in Unix milliseconds of the hybrid logical clock.
    pub millis: u64,
    /// Tells apart what happened in the same millisecond.
    #[serde(skip_serializing_if = "is_zero")]
    pub counter: u32,
    /// What it is about: `room`, or the id of a task, a section or a device.
    pub object: String,
    /// `false` if some of what the edit did was overwritten since and is left out.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub complete: bool,
    /// What it does.
    pub ops: Vec<OpDocument>,
}

/// One write, such as `{"field":"title","value":"Buy milk"}`. All values are text: it is a form for people who look at what
/// peers exchange, and one form for all is a fifth of the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpDocument {
    /// `name`, `title`, `notes`, `status`, `priority`, `due`, `assignee`, `position`, `parent`, `section`, `createdAt` (Unix time in
    /// milliseconds), `deleted`, `labelled`, `addLabel`, `removeLabel` (by the hash of the label), or `unknown` (a field of
    /// a later version, by its number).
    pub field: String,
    /// What it is set to, in the words of a [`TaskDocument`]; absent for `labelled`, and for no `due`, `parent` or `section`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Answer to `POST …/changes`.
///
/// Its CBOR form, with [`minicbor`], is a map from 0 to `gap` and from 1 to `ask`; what a later version adds comes after
/// those.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, minicbor::Encode)]
#[cbor(map)]
pub struct Merged {
    /// A sync is due: a change arrived out of sequence, and something before it is missing; or a sync is over, and the two
    /// still have not the same, since the peer lacks something itself.
    #[n(0)]
    pub gap: bool,
    /// After an answer to a sync that this device asked for: what to ask the same peer next.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Base64>,
}

/// Bytes; in JSON base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode)]
#[cbor(transparent)]
pub struct Base64(#[cbor(with = "minicbor::bytes")] pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::write(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        base64url::read(&text).map(Self).ok_or_else(|| serde::de::Error::custom("base64url is expected"))
    }
}

impl Merged {
    /// The CBOR form.
    pub fn to_cbor(&self) -> Vec<u8> {
        // Writing to memory cannot fail.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// Reads the CBOR form; `None` if it is something else.
    // Not derived: to skip a field that is not known, in front of one that is, takes a reader of all of CBOR, 2 kB in brotli.
    pub fn from_cbor(bytes: &[u8]) -> Option<Self> {
        let mut input = minicbor::Decoder::new(bytes);
        let (mut gap, mut ask) = (None, None);
        for _ in 0..input.map().ok()?? {
            match input.u32().ok()? {
                0 => gap = Some(input.bool().ok()?),
                1 => ask = Some(Base64(input.bytes().ok()?.to_vec())),
                _ => break,
            }
        }
        Some(Self { gap: gap?, ask })
    }
}

/// An error, as problem details (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which problem: `about:blank` when the status says it all, or `urn:partyline:…`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words, always the same for one `kind`.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, fit for a person.
    pub detail: String,
}

/// A moment as RFC 3339 text in UTC with milliseconds: `2026-11-22T08:32:00.000Z`.
///
/// # Examples
///
/// ```
/// use partyline_core::api::format_timestamp;
///
/// assert_eq!(format_timestamp(951_782_400_123), "2000-02-29T00:00:00.123Z");
/// ```
pub fn format_timestamp(unix_ms: u64) -> String {
    // RFC 3339 has four digits for the year; the domain refuses stamps that far ahead long before.
    const LAST: u64 = 253_402_300_799_999;
    let unix_ms = unix_ms.min(LAST);
    let (seconds, ms) = (unix_ms / 1000, unix_ms % 1000);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days, for days from 1970 on.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Keeps `null` apart from absent: the field was there, whatever it holds.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Takes `null` for what a new task has.
fn reset<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(|value| Some(value.unwrap_or_default()))
}

/// Refuses `null`: without such a field there is no task.
fn needed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    match Option::<T>::deserialize(deserializer)? {
        None => Err(serde::de::Error::custom("null: this field cannot be taken away")),
        value => Ok(value),
    }
}

// serde's `skip_serializing_if` passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_tells_null_from_absent() {
        let absent: TaskPatch = read(br#"{"title":"a"}"#).unwrap();
        assert_eq!(absent.due, None);
        let taken_away: TaskPatch = read(br#"{"due":null,"parent":null}"#).unwrap();
        assert_eq!(taken_away.due, Some(None));
        assert_eq!(taken_away.parent, Some(None));
        let given: TaskPatch = read(br#"{"due":"2026-12-24"}"#).unwrap();
        assert_eq!(given.due, Some(Some("2026-12-24".to_owned())));
        assert_eq!(serde_json::to_string(&taken_away).unwrap(), r#"{"due":null,"parent":null}"#);
        assert_eq!(serde_json::to_string(&TaskPatch::default()).unwrap(), "{}");
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = read::<TaskPatch>(br#"{"titel":"a"}"#).unwrap_err().to_string();
        assert!(error.contains("unknown field `titel`"), "{error}");
    }

    #[test]
    fn an_array_is_no_document_nor_a_part_of_one() {
        let labels = read::<NewTask>(br#"{"title":"a","labels":["x"]}"#).unwrap().labels;
        assert_eq!(labels, Some(vec!["x".to_owned()]));
        assert!(read::<SyncDocument>(br#"{"vector":{"a":1}}"#).is_ok());
        assert!(read::<SyncDocument>(br#"{"vector":["a",1]}"#).is_err());
        assert!(read::<SyncDocument>(br#"[{"a":1}]"#).is_err());
        assert!(read::<NewTask>(br#"["a"]"#).is_err());
        assert!(read::<NewTask>(br#"{"title":"a"} and more"#).is_err());
    }

    #[test]
    fn a_secret_stays_out_of_debug_output() {
        let room = NewRoom { secret: Some(SecretText("s3cret".to_owned())), ..NewRoom::default() };
        assert!(!format!("{room:?}").contains("s3cret"));
        assert_eq!(serde_json::to_string(&room).unwrap(), r#"{"secret":"s3cret"}"#);
    }

    #[test]
    fn merged_survives_cbor() {
        for ask in [None, Some(Base64(vec![2, 0xff, 0]))] {
            let merged = Merged { gap: ask.is_some(), ask };
            assert_eq!(read::<Merged>(&serde_json::to_vec(&merged).unwrap()).unwrap(), merged);
            assert_eq!(Merged::from_cbor(&merged.to_cbor()), Some(merged));
        }
        assert_eq!(Merged::from_cbor(b"nonsense"), None);
        // Without `gap`; cut off; with a field of a later version.
        assert_eq!(Merged::from_cbor(&[0xa1, 1, 0x41, 9]), None);
        assert_eq!(Merged::from_cbor(&[0xa2, 0, 0xf5]), None);
        let later = Merged { gap: true, ask: Some(Base64(vec![9])) };
        assert_eq!(Merged::from_cbor(&[0xa3, 0, 0xf5, 1, 0x41, 9, 2, 0x9f, 0xff]), Some(later));
    }

    #[test]
    fn timestamps_of_known_moments() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(format_timestamp(ms), text);
        }
    }
}
