//! The phone book: a Cloudflare Worker that tells the browsers of a room where to dial each other,
//! and nothing else.
//!
//! | route | does | answers |
//! |---|---|---|
//! | `POST /rooms` | makes a UUID of version 4; stores nothing | `201 {"roomId":"…"}` |
//! | `POST /discovery/register` | lists an address under a room until its [`Ttl`] ends | `200 {"ttl":120,"observedIp":"203.0.113.7"}` |
//! | `GET /discovery/peers?roomId=…&certHash=…` | the room's other addresses, latest first | `200 {"peers":[{"ip":"…","endpoints":["…"],"certHash":"…"}]}` |
//! | `GET /health` | | `200`, text `IP discovery only`; a header `observed-ip: 203.0.113.7` |
//!
//! Where there is a `GET` there is a `HEAD` (RFC 9110, section 9.1), everywhere an `OPTIONS`.
//! Errors are `{"error":"one line"}` and repeat nothing that the caller sent.
//!
//! `POST /discovery/register` takes `{"roomId":"…","endpoints":["…"],"certHash":"…"}` with the
//! content type `application/json`, or answers `415`. With `"endpoints":[]` it withdraws the
//! listing; it answers `200 {"ttl":0,"observedIp":"…"}` also where there is none, so a device can
//! ask where it is seen without being listed. A browser that says (`Sec-Fetch-Site`) that a page of
//! another origin is at work gets `403`, and a preflight for either `POST` allows other origins
//! nothing. What a `GET` answers, any page may read.
//!
//! `GET /discovery/peers` leaves out every listing of the `certHash` that is asked with. So a
//! device that asks with its own sees the others, and one that asks with a hash that nobody has
//! sees its own listing as well, if it is still there.
//!
//! # What it lacks on purpose
//!
//! It stores no task, no user and no state of the application; no offer, answer, candidate,
//! credential or message passes through it; it keeps and logs nothing of who called, and calls
//! nobody. A listing has an IP address, at most 8 [`Endpoint`]s and a [`CertHash`], each of which
//! is parsed and written anew, so there is no field for anything else. Listings live in the memory
//! of one Durable Object a room and nowhere else: `tests/absent.rs` fails when the worker gains a
//! storage API, a queue, a WebSocket, a timer, a log or a binding, and `tests/contract` looks for
//! listings on the disk. Not even an object's name tells the room's id ([`object_name`]). What is
//! counted, and forgotten within minutes, is how often each [`Network`] asks, whatever room it asks
//! for ([`Limiter`]).
//!
//! # How a request flows
//!
//! ```text
//! caller ──► shell::fetch ──► route(), check_post() ──► Registration, PeersQuery ──┐
//!                                                                                  ▼
//!                                                                             rate limit
//!                                                                                  │ RoomRequest
//! caller ◄── Answer ◄───────────────── Book ◄── shell::Room (one a room) ◄─────────┘
//! ```
//!
//! Everything but the module `shell` is pure: bytes and the time go in, an [`Answer`] or a
//! [`Refusal`] comes out. So the rules are tested natively, and `tests/contract` asks the same of a
//! real workerd.
//!
//! # How a listing ends
//!
//! A listing ends 120 s after it was registered, or when its owner withdraws it. Nothing wakes up
//! for that: the next request to the room does not see it any more.
//!
//! It ends earlier with the room's object. An object that nobody asks for 10 s is dropped (measured
//! in workerd: within 12 s), and one with a pending timer is not, but is paid for by the second
//! until then. So there is no timer, and an idle object costs nothing. While anybody in the room
//! asks every 8 s the listings stay; otherwise, and after a deployment, whoever asks next finds an
//! empty room, and the devices that ask list themselves again. `docs/phone-book-cost.md` has what
//! that costs.
//!
//! # What a stranger can do here
//!
//! - **Without a room's id**, nothing but fill rooms of their own, as often as the rate limit lets
//!   one network. A room id is 122 random bits.
//! - **With a room's id** (it is in the link, in front of the secret): read the room's addresses,
//!   and take places in it: 16 from each [`Network`] (an IPv4 address, or an IPv6 /64), so all 64
//!   from four. Then a device that was not listed before cannot be until a place is free. One that
//!   is listed keeps its place as long as it renews it in time, and the devices that have met do
//!   not need the phone book.
//! - **With a listing's `certHash` too**, which the addresses contain: put false listings of the
//!   same certificate beside the true one, from other networks. Nobody can replace or withdraw a
//!   listing but from the network that it came from: a neighbour behind the same IPv4 address or in
//!   the same /64 can, and nobody else. A false listing makes others dial an address where nobody
//!   answers, beside the true one: who answers needs the certificate behind the `certHash` for DTLS
//!   and the room's secret for the Noise handshake (`XXpsk0`, with both hashes in the prologue).
//!   The same holds for whoever runs this worker: it can refuse to help, but as long as the app
//!   that it serves is the honest one, it can neither join a room nor read or change what is said
//!   in it.
//! - **With a web page that others visit**, register nothing from their addresses. It can have them
//!   ask for the peers of a room that it knows, which tells it nothing that it could not ask for
//!   itself, and uses up their rate limit.
//! - **With many requests**, run up what this costs: each is one of the free plan's 100,000 a day,
//!   refused or not. The rate limit keeps them from the rooms' objects, where they would cost more;
//!   `docs/phone-book-cost.md` has a row for it.
//!
//! [`Endpoint`]: partyline_core::id::Endpoint
//! [`CertHash`]: partyline_core::id::CertHash

mod answer;
mod body;
mod book;
mod call;
mod caller;
mod limiter;
mod limits;
mod listing;
mod network;
mod post;
mod refusal;
mod room_request;
mod route;
mod shell;
mod ttl;

pub use answer::Answer;
pub use body::BoundedBody;
pub use book::Book;
pub use call::{Call, route};
pub use caller::observed_ip;
pub use limiter::Limiter;
pub use listing::{PeersQuery, Registration};
pub use network::Network;
pub use post::check_post;
pub use refusal::Refusal;
pub use room_request::{LIMITER_OBJECT, RoomRequest, object_name};
pub use route::Route;
pub use ttl::Ttl;
