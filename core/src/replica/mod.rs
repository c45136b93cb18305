//! The replicated room: tasks, merging, version vectors and deltas.
//!
//! A [`Replica`] is one device's copy of a room. It takes edits ([`Replica::edit`]) and what other devices wrote
//! ([`Replica::apply`]), answers what another replica lacks ([`Replica::answer`]), and shows the room as [`Task`]s. It
//! stores nothing and sends nothing: a [`Change`] or [`Batch`] comes out as a value and goes wherever the caller likes,
//! in any order, twice or not at all. Two replicas that have exchanged all they have are equal.
//!
//! # How things merge
//!
//! - A room, a device, a task and a section are *objects*; an object is a set of fields, each a last-writer-wins register. The write
//!   with the higher [`Stamp`](crate::clock::Stamp) wins; should a misbehaving peer send two values under one stamp, the
//!   greater value wins, so that the outcome still does not depend on the order of arrival.
//! - Labels are an add-wins set. Removing one names the additions that its author had seen, and undoes only those. An
//!   addition that the remover had not seen stays.
//! - Whether a task is deleted is computed: it is unless a person has written to its content since the last deletion. So
//!   it does not depend on the order in which writes arrive, no device writes to bring back what another one deleted, and
//!   each field shows the last write to it. Its place is not content, nor does anything count that a machine wrote. The
//!   fields of a deleted task stay under its tombstone, in the trash, for [`TRASH_DAYS`] days by the stamp of the deletion.
//! - A section of the list is an object of its own, with a title for its name and a place; it is deleted and comes back as
//!   tasks do. The section of a task belongs to the task's place. In which section a task is [shown](shown_section) follows
//!   from what is written alone: no write to a section touches its tasks.
//! - A *comment* is an object of its own: the task that it is on, what it says, and whether it is deleted, which is computed
//!   as for tasks. Its id begins as its task's does, so the comments on a task lie together and are found without an index.
//!   Its author is the device whose change made it: that of the stamp of the field that names its task, which no edit of
//!   its text writes. It is in the trash and back with its task, and nothing is kept of it once the task's fields are dropped.
//! - What a later version writes (fields, values and kinds of objects that this one does not know) is kept, merged and
//!   passed on: the [number of a field](Field) says how it merges.
//! - A [`Change`] is the unit that travels: the fields of one object that one edit set, under one [`Dot`] and one stamp.
//!
//! # What a version vector promises
//!
//! **Invariant:** if a replica's [`VersionVector`] includes a dot, then each operation of that change is either in the
//! replica's state or has been superseded by an operation that is in its state. It is what makes a delta of "everything
//! above your vector" complete, and it fails as soon as a vector gets ahead of the state by a single change: the change
//! would never be asked for again. Hence:
//!
//! - A change moves the vector only if it is the next of its device, and only if it is [complete](Change::complete). Sync
//!   answers leave out operations that were overwritten at the sender; the operation that overwrote them may be in a later
//!   chunk, and until that is here, the vector must not speak for either. A complete change that arrives ahead of its
//!   turn is remembered, and counted once its predecessors are.
//! - A sender's vector comes only with the last chunk of its answer. By then the receiver has every surviving operation
//!   of the sender's state above the vector it asked with, and by the sender's own invariant that accounts for everything
//!   that the sender's vector includes. A sync that breaks off leaves values but no claim: they are asked for again, from
//!   whoever has them.
//! - The vector speaks for chunks that the asking replica has merged. One that has taken its place meanwhile does not
//!   believe it, nor does anybody believe one that was not asked for ([`Batch::asker`]).
//! - Chunks follow the sender's order of *arrival*, and a register overwritten while a sync is under way gets a later
//!   arrival number than anything sent before. So it is in a later chunk, although the value it replaced was never sent.
//!
//! # What it does not promise
//!
//! A vector is the fast way, and never the truth: devices are put back from backups and copied, members lie, and there are
//! mistakes. So a sync begins and ends with a [digest](Replica::digest) of what is held, and where that differs although
//! nothing is missing by the vectors, the two are compared by ranges of objects ([`Replica::following`]): nothing that
//! anybody claims can hold back or hide a write for good. Who wrote what is not protected among members; that all end up
//! with the same is.
//!
//! # Wrong clocks
//!
//! A change that is dated further ahead than [a clock is followed](crate::clock::FOLLOW_MS) waits, by itself, and no clock
//! follows it. It is stored, sent and counted like all others, and the digest is of what is held with all of it merged: so
//! it makes no difference when each device merges it. A device whose clock was wrong writes anew what it wrote meanwhile, and
//! names what that replaces; a person may take or drop what somebody else's clock has made ([`Replica::settle`]). What is
//! replaced never comes alive.
//!
//! # Cost
//!
//! Overwritten operations are dropped, and with its last operation a change leaves the index: a room costs what is
//! visible, not its history. Changes are indexed by device and number and by order of arrival, so answering a peer costs
//! what the peer lacks.

mod apply;
mod batch;
mod change;
mod columns;
mod comment;
mod comparison;
mod date;
mod digest;
mod dot;
mod edit;
mod exchange;
mod gone;
mod held;
mod limits;
mod listing;
mod live;
mod malformed_change;
#[cfg(feature = "next")]
mod next;
mod object_id;
mod object_state;
mod op;
mod pages;
mod place;
mod position;
mod priority;
mod ranges;
mod replaced;
#[expect(clippy::module_inception, reason = "the type that the module is about")]
mod replica;
mod restamp;
mod runs;
mod sections;
mod status;
mod sync;
mod task;
mod tree;
mod version_vector;
mod waiting;
mod wire;
mod work;
mod writes;

pub use apply::{Applied, ApplyError};
pub use batch::{Batch, Record};
pub use change::Change;
pub use comment::Comment;
pub use date::{Date, ParseDateError};
pub use digest::Digest;
pub use dot::Dot;
pub use edit::EditError;
pub use limits::*;
pub use listing::Listing;
pub use malformed_change::MalformedChange;
#[cfg(feature = "next")]
pub use next::SignOff;
pub use object_id::{ObjectId, OtherObject};
pub use op::{Field, Op, Removal, Unknown, UnknownValue, element_hash};
pub use pages::{Fold, LoadError, Page};
pub use place::{Placing, Spot};
pub use position::{ParsePositionError, Position};
pub use priority::Priority;
pub use ranges::{RangeAnswer, RangeRequest};
pub use replica::Replica;
pub use runs::Runs;
pub use sections::{Section, shown_section};
pub use status::Status;
pub use sync::{End, SyncAnswer, SyncProgress, SyncRequest, Verdict};
pub use task::Task;
pub use tree::{MAX_SUBTASK_LEVELS, NoSubtask, Tree};
pub use version_vector::VersionVector;
pub use wire::{DecodeError, FORMAT_VERSION};
