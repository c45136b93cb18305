//! What a session takes at most, from its peer and from its own side.

/// Bytes of a message on the channel: what every browser can send in one piece.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// Pre-shared keys of one side.
pub const MAX_PSKS: usize = 16;

/// Bytes of the payload of a handshake message. Today's is shorter: later versions may have more to say.
pub const MAX_HANDSHAKE_PAYLOAD_BYTES: usize = 256;

/// Bytes of a request's path with its query.
pub const MAX_PATH_BYTES: usize = 512;

/// Headers of a request or response.
pub const MAX_HEADERS: usize = 16;

/// Bytes of an encoded head.
pub const MAX_HEAD_BYTES: usize = 4 * 1024;

/// Bytes of the body of one request or response.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Streams that each side may have open at once.
pub const MAX_OPEN_STREAMS: usize = 64;

/// Bytes of all bodies that have begun to come in and not ended, taken together. A stream that would exceed it is reset
/// with [`ResetCode::TOO_LARGE`](super::ResetCode::TOO_LARGE): its sender could not know.
pub const MAX_BYTES_UNDERWAY: usize = 32 * 1024 * 1024;

/// Bytes of events that wait to be polled, each counted with a few bytes of its own.
pub const MAX_UNREAD_BYTES: usize = 4 * 1024 * 1024;

/// Resets that wait to be sent.
pub const MAX_QUEUED_RESETS: usize = 1024;

/// Milliseconds without a message from the peer until it is asked for one.
pub const PING_AFTER_MS: u64 = 3_000;

/// Milliseconds without a message from the peer until it is given up.
pub const TIMED_OUT_AFTER_MS: u64 = 8_000;

/// How long a peer has to answer a probe: as long as a person who looks at the page again may wait.
pub const PROBE_MS: u64 = 1_000;

/// The same while what was said before still waits to be sent, and the question behind it.
pub const PROBE_BUSY_MS: u64 = 3_000;

/// Milliseconds after which a side that only listens says that it is there. Behind a large body, a ping of the speaking
/// side could wait too long for its turn.
pub const ALIVE_AFTER_MS: u64 = 2_000;
