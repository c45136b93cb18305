//! The phone book: a Cloudflare Worker that tells the browsers of a room where to dial each other, and nothing else.
//!
//! | route | does | answers |
//! |---|---|---|
//! | `POST /rooms` | makes a UUID of version 4; stores nothing | `201 {"roomId":"…"}` |
//! | `POST /discovery/register` | lists an address under a room until its [`Ttl`] ends | `200 {"ttl":120,"observedIp":"203.0.113.7"}` |
//! | `GET /discovery/peers?roomId=…&certHash=…` | the room's other addresses, latest first | `200 {"peers":[{"ip":"…","endpoints":["…"],"certHash":"…"}]}` |
//! | `GET /health` | | `200`, text `IP discovery only` |
//!
//! Where there is a `GET` there is a `HEAD` (RFC 9110, section 9.1), everywhere an `OPTIONS`. Errors are
//! `{"error":"one line"}` and repeat nothing that the caller sent.
//!
//! # What it lacks on purpose
//!
//! It stores no task, no user and no state of the application; no offer, answer, candidate, credential or message passes
//! through it; it counts and logs nothing, and calls nobody. A listing has an IP address, at most 8 [`Endpoint`]s
//! and a [`CertHash`], each of which is parsed and written anew, so there is no field for anything else. Listings live in the
//! memory of one Durable Object a room and nowhere else: `tests/absent.rs` fails when the worker gains a storage API, a
//! queue, a WebSocket, a log or a binding, and `tests/contract.rs` looks for listings on the disk. Not even an object's name tells
//! the room's id ([`object_name`]).
//!
//! # How a request flows
//!
//! ```text
//! caller ──► shell::fetch ──► route() ──► Registration, PeersQuery ──┐
//!                                                                    │ RoomRequest
//! caller ◄── Answer ◄────────── Book ◄── shell::Room (one a room) ◄──┘
//! ```
//!
//! Everything but the module `shell` is pure: bytes and the time go in, an [`Answer`] or a [`Refusal`] comes out. So the rules are
//! tested natively, and `tests/contract.rs` asks the same of a real workerd.
//!
//! # How a listing ends
//!
//! A listing ends 120 s after it was registered, or when its browser withdraws it (`endpoints: []`). A room with listings keeps a timer
//! set, and for one reason more than tidiness: workerd drops an idle Durable Object after some 10 s, but not while a timer is pending (measured:
//! gone after 12 s without one, there after 75 s with one). Cloudflare may still drop it, by a deployment or after a minute or
//! two without a request. Members list themselves again every 45 s or so, so that heals by itself.
//!
//! # What a stranger can do here
//!
//! - **Without a room's id**, nothing but fill rooms of their own. A room id is 122 random bits.
//! - **With a room's id** (it is in the link, in front of the secret): read the room's addresses, and fill its 64 places, from one IP address only 16.
//! - **With a listing's `certHash` too**, which the addresses contain: replace or withdraw the listing. Replacing is not tied to an IP address
//!   because a phone changes its own between two registrations. All that this brings about is a dial that fails, until the
//!   browser lists itself again: who answers it needs the certificate behind the `certHash` for DTLS and the room's secret for the Noise handshake
//!   (`NNpsk0`, with both hashes in the prologue). The same holds for whoever runs this worker: it can refuse to
//!   help, but it can neither join a room nor read or change what is said in it.
//!
//! [`Endpoint`]: partyline_core::id::Endpoint
//! [`CertHash`]: partyline_core::id::CertHash

mod answer;
mod body;
mod book;
mod caller;
mod listing;
mod refusal;
mod room_request;
mod route;
mod shell;
mod ttl;

pub use answer::Answer;
pub use body::BoundedBody;
pub use book::Book;
pub use caller::observed_ip;
pub use listing::{PeersQuery, Registration};
pub use refusal::Refusal;
pub use room_request::{RoomRequest, object_name};
pub use route::{Call, Route, route};
pub use ttl::Ttl;
