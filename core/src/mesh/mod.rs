//! Members that are connected introduce those that are not.
//!
//! Whoever has come into a room by one connection needs no phone book to find the others: each member tells its peers
//! whom it is connected to ([`encode_links`]), and two that share a peer have it carry a [`Card`] each way, with all that
//! is needed to dial: certificate hash, endpoints, and the ICE credentials of a connection that is made for this one pair.
//! The introducer can neither read nor join what they then say to each other: DTLS checks both certificates, and the Noise
//! handshake binds them.
//!
//! The credentials are those that the browser made itself. So this works in a browser that refuses changed ones, and no
//! third member can reach a connection that is not meant for it.
//!
//! [`Mesh`] is the policy, sans-IO: `handle_*` methods take what happened and the time, [`Mesh::poll_action`] gives what is
//! to be done, [`Mesh::poll_timeout`] says when to call [`Mesh::handle_timeout`].
//!
//! Both travel as requests between the two pages, which answer them themselves, since a service worker holds no
//! connections: `POST /peer/v1/rooms/{room}/links` and `POST /peer/v1/rooms/{room}/introductions`, with `204` or, for what
//! cannot be read, `400`.
//!
//! # Who connects to whom
//!
//! Up to [`FULL`] others, everybody connects to everybody. Of a pair, the one with the lower certificate hash begins. A
//! device that has [`FULL`] links begins no more and turns callers away, unless a caller has fewer than [`FEW`]: up to
//! [`MOST`] of those are let in, so that nobody hangs by one thread.
//!
//! Whoever has another room on show is in the [background](Keeping::Background) in this one: [`BACKGROUND`] links do, so
//! that many rooms can live in one page. It seeks no more, gives those up that are reached through two others, and lets in
//! whoever has fewer. Others seek it only while they have no more than that themselves.
//!
//! # Who keeps the crew's listing
//!
//! Two members stand in the phone book for all, the doorkeepers ([`Mesh::lower`]): the visible ones with the lowest
//! certificate hashes, the only visible one, or two of the others where no page is visible. A hidden page is late or stopped,
//! and whoever comes then would wait for it.
//!
//! # What crosses which link
//!
//! A change is handed on to every peer that the peer it came from is not itself connected to
//! ([`Mesh::is_told_by`]), so in a full mesh it crosses each link at most once.

mod card;
mod machine;

pub use card::{Card, DecodeCardError, Keeping, Neighbour, decode_links, encode_links};
pub use machine::{BACKGROUND, FEW, FULL, MOST, Mesh, MeshAction};
