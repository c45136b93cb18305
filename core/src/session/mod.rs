//! The encrypted channel to a peer and the HTTP spoken over it.
//!
//! A [`PeerSession`] is one end of a conversation over a reliable, ordered channel of messages (a WebRTC data channel). It
//! proves to the other end that it knows the room's secret, demands the same proof, encrypts everything after that, and
//! carries requests and responses in both directions at once. It does no IO: messages, time and randomness come in as
//! arguments; messages, events and deadlines are polled out of it.
//!
//! [`peer_gate`] says which of a remote peer's requests may be handed on to the local service worker.
//!
//! # Handshake
//!
//! `Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s` ([Noise], revision 34). The side with the lower certificate hash is the initiator.
//!
//! | input | value |
//! |---|---|
//! | psk | HKDF-SHA-256: key material = room secret, salt = `partyline/1`, info = `noise-psk` and the 16 bytes of the room id |
//! | prologue | `partyline/1`, room id (16 bytes), initiator's certificate hash (32), responder's certificate hash (32) |
//! | ephemeral key | the 32 random bytes of [`SessionConfig::ephemeral`] |
//! | payload of both messages | the sender's device id (16 bytes), its [`Run`] (4) |
//!
//! Each of the two messages has one byte in the clear before it:
//!
//! | bytes | |
//! |---|---|
//! | 1 | format version, [`FORMAT_VERSION`] |
//! | 60 | Noise: ephemeral public key (32), payload (12), tag (16) |
//!
//! A side that cannot go on answers with two bytes, the format version and a code (1: your first message does not decrypt
//! with my secret; 2: your version is newer than mine), and closes. Nobody has authenticated these, but whoever could forge
//! them could as well cut the channel.
//!
//! The certificate hashes in the prologue are those that DTLS verified. So a man in the middle, who must show certificates
//! of his own, fails here although he passes every message on unchanged. The initiator's first frame is a `Ping`: only with
//! it does the responder know that the handshake was no recording, and becomes established.
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
//! | 6 | `Close` ends the session | code (1): 0 goodbye, 1 protocol violation, 2 timed out, 3 not needed |
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
