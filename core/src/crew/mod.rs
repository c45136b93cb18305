//! One device's half of a crew: for one room, whom to connect to, what is said to them, and what is synced.
//!
//! [`Crew`] composes the policies of connections ([`dial`](crate::dial), [`mesh`](crate::mesh),
//! [`redial`](crate::redial), [`hand`](crate::hand)) with a [session](crate::session) for each connection and a
//! [`Pull`] for each peer. The policies know nothing of each other: what concerns more than one of them is decided here.
//! It is sans-IO, like them. A shell carries its effects out, in a browser or in a test.
//!
//! # Mutate, then drain
//!
//! 1. Something happens: the shell tells [`Crew::handle`] an [`Input`] and the time of a monotonic clock, in milliseconds.
//! 2. `Crew` brings every machine in it to that time, and drains all of them until none has anything more to do.
//! 3. The shell takes effects from [`Crew::poll_effect`] until there are none, and carries each out in this order. It may
//!    tell an input before it has taken them all; what came first stays first.
//! 4. It sets its one timer to [`Crew::poll_timeout`], in the place of the one before.
//! 5. If the timer fires first, it tells [`Input::TimedOut`].
//!
//! Some effects have an answer, which is an input of its own. No order of answers is expected, and for none of them is
//! anything else held up.
//!
//! # Who owns what
//!
//! | state | owner |
//! |---|---|
//! | whom to dial by the phone book, the spare, probes, what is listed | [`Dialler`](crate::dial::Dialler) |
//! | whom peers are connected to, introductions, who keeps the listing | [`Mesh`](crate::mesh::Mesh) |
//! | standbys, calls to those who were connected | [`Redial`](crate::redial::Redial) |
//! | codes that people carry | [`Hand`](crate::hand::Hand) |
//! | sessions, requests under way, who is at the other end | `Link`, one a connection |
//! | how far a sync is | [`Pull`], one a peer |
//! | which of two connections to one device stays, whom news goes to, what was kept and said, when to sync again | `Crew` |
//! | `RTCPeerConnection`s and their buffers, storage, the phone book's HTTP, the room's data, people | the shell |
//!
//! Random bytes come with the inputs that need them, so a shell that has none cannot tell those.
//!
//! # What follows from the composition
//!
//! - Whoever is no doorkeeper any more knows that before it registers: the dialler hears from the mesh who stands before
//!   this device, then acts.
//! - A failure of ICE is not the end of a connection that may still be called ([`Input::Failed`]); everything else is
//!   ([`Input::Closed`]).
//! - Of two connections to one run of a device both ends keep the same one
//!   ([`SlotId::outlasts`](crate::dial::SlotId::outlasts)). Its age is taken from the monotonic clock.
//! - What was heard last is said before a connection is closed. Where those words matter it is kept open for a moment.
//! - An input that comes long after the deadline shows that this device slept.

mod answer;
mod effect;
mod input;
mod link;
mod machine;
mod pull;
mod status;
mod trouble;

pub use answer::Answer;
pub use effect::{Doubt, Effect, End, Reply};
pub use input::{AnswerPart, CallId, Input, MakeError, PairingRequest};
pub use machine::{Crew, CrewConfig};
pub use pull::{Begun, Outcome, Pull, PullAction};
pub use status::{CrewStatus, Network, PairingStatus, PeerStatus, PhoneBook, Progress};
pub use trouble::{LocalNetwork, Obstacle, SyncTrouble};
