//! The domain of Partyline, without IO.
//!
//! Partyline is a task list that browsers share directly. This crate has everything about it that can be said without a
//! browser: what a room holds and how two copies of it merge, who is a member, how one member dials another, and what the
//! two say. The page (`app`), the service worker (`sw`) and the phone book (`worker`) are shells around it.
//!
//! # What it lacks on purpose
//!
//! There is no clock, no randomness, no async, no thread, no storage, no network and no JavaScript in this crate. The current
//! time and random bytes are arguments; bytes, values and decisions are results. So all of it runs in native tests, in virtual
//! time and against hostile input, and the same code runs in a page, in a worker and on a server.
//!
//! Bytes from a peer are data: every decoder has limits on size and depth that hold before anything is allocated, and none
//! panics.
//!
//! # Two replicas meet
//!
//! A [`Replica`](replica::Replica) is one device's copy of a room. An edit is a value, to be stored and sent. What was missed
//! is asked for: each side *pulls* from the other, and a question and its answer are bytes.
//!
//! ```
//! use partyline_core::id::TaskId;
//! use partyline_core::key::DeviceKey;
//! use partyline_core::replica::{ObjectId, Op, Replica, Status, SyncRequest};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now_ms = 1_790_000_000_000;
//! // The bytes of a key are random; the device's id follows from it.
//! let mut alice = Replica::new(DeviceKey::from_random_bytes([1; 32]).device());
//! let mut bob = Replica::new(DeviceKey::from_random_bytes([2; 32]).device());
//!
//! // Alice makes a task while Bob is away.
//! let milk = ObjectId::Task(TaskId::from_random_bytes([7; 16]));
//! alice.edit(milk, vec![Op::Title("Buy milk".into())], now_ms)?;
//!
//! // Bob asks, Alice answers, Bob merges. `asker` is the replica that the vector in the answer was meant for.
//! let pull = |to: &mut Replica, from: &Replica| -> Result<(), Box<dyn std::error::Error>> {
//!     let mut next = Some(to.opening());
//!     while let Some(request) = next {
//!         let question = SyncRequest::decode(&request.encode())?;
//!         let answer = to.decode_answer(&from.answer_encoded(&question, 64 * 1024))?;
//!         let mut batch = answer.batch.clone();
//!         batch.asker = Some(to.device());
//!         let applied = to.apply(batch, now_ms)?;
//!         next = match answer.next {
//!             Some(cursor) => Some(SyncRequest { cursor: Some(cursor), ..request }),
//!             None => to.following(&answer, applied.is_news(), 42),
//!         };
//!     }
//!     Ok(())
//! };
//! pull(&mut bob, &alice)?;
//!
//! // Both edit offline: two fields, so both edits stay.
//! alice.edit(milk, vec![Op::Title("Buy oat milk".into())], now_ms + 1)?;
//! bob.edit(milk, vec![Op::Status(Status::Doing)], now_ms + 2)?;
//! pull(&mut alice, &bob)?;
//! pull(&mut bob, &alice)?;
//! assert_eq!(alice.tasks(), bob.tasks());
//! assert_eq!(alice.digest(0), bob.digest(0));
//! # Ok(())
//! # }
//! ```
//!
//! `examples/two_replicas.rs` does the same at more length; `examples/two_sessions.rs` puts the encrypted channel between.
//!
//! # How a change travels
//!
//! ```text
//! edit ─► replica::Change ─► session request ─► Noise, frames ─► data channel ─► session event ─► Replica::apply
//! ```
//!
//! 1. [`Replica::edit`](replica::Replica::edit) makes a [`Change`](replica::Change): the fields that one edit set, under one
//!    dot and one stamp of the hybrid clock. The shell stores it before it tells anybody.
//! 2. [`PeerSession`](session::PeerSession) carries it as a request: HTTP-like streams in frames, in Noise messages.
//! 3. At the other end [`peer_gate`](session::peer_gate) says what a peer may ask for, and
//!    [`Replica::apply`](replica::Replica::apply) merges. Order and repetition make no difference.
//! 4. What was lost is found by the next pull, which begins with a digest of all that is held.
//!
//! # How a connection comes about
//!
//! Four policies decide whom to connect to. Each is a state machine that knows connections by a [`SlotId`](dial::SlotId) only.
//!
//! | module | makes connections from | field's term |
//! |---|---|---|
//! | [`dial`] | addresses in the phone book | rendezvous, discovery |
//! | [`mesh`] | what a common peer carries | introduction |
//! | [`redial`] | what two members told each other before | reconnection |
//! | [`hand`] | two codes that people carry | pairing |
//!
//! **Mutate, then drain.** All of them, and [`PeerSession`](session::PeerSession), have one shape: `handle_*` takes what
//! happened and the time; then `poll_action` (of a session `poll_event`, then `poll_message`) is called until it returns
//! `None`; then one timer is set to `poll_timeout`, and `handle_timeout` called when it is due. `poll_timeout` of the policies
//! asserts in debug builds that the actions were drained.
//!
//! # The modules, from the ground up
//!
//! - [`id`]: every identifier, secret and address as a type of its own, with one parser and one text form. What would identify
//!   a person or open a room does not print itself.
//! - [`key`]: the key schedule: what follows from a room's secret and from a device's key.
//! - [`clock`]: hybrid logical clocks, and whose clock is wrong.
//! - [`replica`]: tasks as last-writer-wins registers and add-wins sets, version vectors, deltas, digests, and the binary form
//!   of all of them.
//! - [`connect`]: derived ICE credentials, and the few lines of SDP that are read and written.
//! - [`session`]: the Noise handshake, frames, and requests in both directions.
//! - [`dial`], [`mesh`], [`redial`], [`hand`]: the policies above.
//! - [`api`]: the JSON documents of the peer API, for the crates at the edge.
//!
//! The bytes are specified in `docs/PROTOCOL.md` and `docs/format.md`, and fixed by the files in `tests/golden` and
//! `tests/vectors`.

#[cfg(all(feature = "next", not(debug_assertions)))]
compile_error!("the feature `next` is for tests: what it writes is not part of any format, and must not be released");

pub mod api;
pub mod clock;
pub mod connect;
pub mod crew;
pub mod dial;
pub mod hand;
pub mod id;
pub mod key;
pub mod mesh;
pub mod redial;
pub mod replica;
pub mod session;
