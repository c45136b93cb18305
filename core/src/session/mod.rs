//! The encrypted channel to a peer and the HTTP spoken over it.
//!
//! A [`PeerSession`] is one end of a conversation over a reliable, ordered channel of messages (a WebRTC data channel). It
//! proves to the other end that it knows the room's secret and which device it is, demands the same proof, encrypts everything after that, and
//! carries requests and responses in both directions at once. It does no IO: messages, time and randomness come in as
//! arguments; messages, events and deadlines are polled out of it.
//!
//! [`peer_gate`] says which of a remote peer's requests may be handed on to the local service worker.
//!
//! # Handshake
//!
//! `Noise_XXpsk0_25519_ChaChaPoly_BLAKE2s` ([Noise], revision 34), in three messages. The side with the lower certificate
//! hash is the initiator.
//!
//! | input | value |
//! |---|---|
//! | static key | the [`DeviceKey`](crate::key::DeviceKey) of [`SessionConfig::key`] |
//! | psk | one of [`SessionConfig::psks`]; that of a room is [`Psk::of_room`](crate::key::Psk::of_room) |
//! | prologue | `partyline`, format version (1 byte), room id (16), initiator's certificate hash (32), responder's certificate hash (32) |
//! | ephemeral key | the 32 random bytes of [`SessionConfig::ephemeral`] |
//!
//! Each message has one byte in the clear before it, the format version, [`FORMAT_VERSION`]:
//!
//! | message | from | bytes | |
//! |---|---|---|---|
//! | 1 | initiator | 32 + 16 a psk | ephemeral public key, for each psk the tag of an empty payload |
//! | 2 | responder | 96 + payload | ephemeral public key (32), static public key (48 with its tag), payload, tag (16) |
//! | 3 | initiator | 64 + payload | static public key (48 with its tag), payload, tag (16) |
//!
//! A payload is the sender's [`Run`] (4 bytes) and up to [252 bytes](limits::MAX_HANDSHAKE_PAYLOAD_BYTES) that this version
//! passes over: later ones may have more to say. The initiator is established with the second message, the responder with
//! the third.
//!
//! A side that cannot go on answers with two bytes, the format version and a code (1: your message does not decrypt with
//! any psk of mine; 2: your version is newer than mine), and closes. Nobody has authenticated these, but whoever could
//! forge them could as well cut the channel.
//!
//! ## Several psks
//!
//! A side holds up to [`limits::MAX_PSKS`] psks: that of the room, and those of invitations. It does not know which of them
//! its peer has. So the first message is one Noise message for each, with the same ephemeral key: the key once, and the tag
//! that goes with each psk. The responder tries each of its psks on all tags and goes on with the first that fits; the
//! initiator finds by trying which one that was. That is at most 256 trials without a curve operation on one side, and 16
//! with two on the other. What does not fit is never told apart from anything else: a stranger sees one refusal, which
//! takes as long whatever the responder has. How many psks the initiator has can be seen; tags that stand for nothing are
//! allowed, so a later version can hide it. A psk has to be impossible to guess, see [`Psk`](crate::key::Psk).
//!
//! ## What it gives
//!
//! - *Membership.* Without a psk of the other side nobody gets past the first message, or has it answered.
//! - *Identity.* A peer's [`DeviceId`](crate::id::DeviceId) is not said by anybody: it follows from the static key that the
//!   peer proved to hold. Points of the curve are taken in one form only, and those that make every product zero are not
//!   taken, so an id has one key, and its holder proved it.
//! - *Secrecy of identity.* A static key is shown only to who has shown a psk: the responder's after the first message, the
//!   initiator's after the second. A recorded first message is answered, but nobody who lacks its ephemeral key can read
//!   that answer.
//! - *No man in the middle.* The certificate hashes in the prologue are those that DTLS verified. Somebody between the two,
//!   who must show certificates of his own, fails here although he passes every message on unchanged; so does somebody who
//!   returns a device's messages to itself.
//! - *No downgrade.* A side speaks one version, and its byte is in the prologue. There is nothing to negotiate; a later
//!   version that speaks several has to put all that it offers there.
//! - *Copies.* A peer that proves to hold this side's own key is a copy of this profile: [`CloseReason::SameDevice`], on
//!   both sides.
//!
//! What it does not give: among members, the author of a change that came through a third one. Changes are not signed, so a
//! member can make one in another's name and pass it on. What all end up with is the same all the same: convergence does
//! not depend on who wrote what.
//!
//! # Frames
//!
//! After the handshake each message is one Noise transport message of at most [`MAX_MESSAGE_BYTES`] with one frame in it.
//! Numbers are big-endian.
//!
//! | type | frame | fields |
//! |---|---|---|
//! | 0 | `Ping`: answer with `Pong` | |
//! | 1 | `Pong`: I am here | |
//! | 2 | `Request` opens a stream | stream (4), end (1), head (CBOR, the rest) |
//! | 3 | `Response` answers on it | stream (4), end (1), head (CBOR, the rest) |
//! | 4 | `Body` carries on either | stream (4), end (1), bytes (the rest) |
//! | 5 | `Reset` ends a stream at once | stream (4), code (4), see [`ResetCode`] |
//! | 6 | `Close` ends the session | code (1): 0 goodbye, 1 protocol violation, 2 timed out, 3 not needed, 4 replaced |
//!
//! `end` is 1 in the last frame that a side sends on a stream, else 0; a `Body` without bytes is allowed only with it. The
//! Noise initiator opens the even streams, the responder the odd ones, each in ascending order. Heads are CBOR maps; fields
//! with other numbers are skipped:
//!
//! | head | 0 | 1 | 2 |
//! |---|---|---|---|
//! | request | method (text) | path with query (text) | headers (array of arrays of two texts) |
//! | response | status (number) | headers (array of arrays of two texts) | |
//!
//! # Limits
//!
//! A peer that breaks the format or a limit loses the session with [`CloseReason::Protocol`]; see [`limits`]. Frames of a
//! stream that is over are passed over in silence, because they may have crossed a `Reset`.
//!
//! [Noise]: https://noiseprotocol.org/noise.html

mod close_reason;
mod error;
mod event;
mod frame;
mod gate;
#[cfg(test)]
mod golden;
mod head;
#[cfg(test)]
mod identity_tests;
pub mod limits;
mod noise;
mod peer_session;
mod reset_code;
mod run;
mod stream;
mod stream_id;
#[cfg(test)]
mod tests;

pub use close_reason::CloseReason;
pub use error::{CommandError, FrameError, NewSessionError, SessionError, Violation};
pub use event::SessionEvent;
pub use gate::{GateError, peer_gate};
pub use head::{HeadError, RequestHead, ResponseHead};
pub use limits::MAX_MESSAGE_BYTES;
pub use peer_session::{FORMAT_VERSION, PeerSession, SessionConfig};
pub use reset_code::ResetCode;
pub use run::Run;
pub use stream_id::StreamId;
