use super::{CloseReason, HeadError};

/// Why a session could not be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NewSessionError {
    /// Both certificates are the same: this side would talk to itself.
    #[error("a session needs two different certificates")]
    SameCertificate,
    /// No psk, or more than [`MAX_PSKS`](super::limits::MAX_PSKS).
    #[error("a session needs one to sixteen pre-shared keys")]
    Psks,
    /// The Noise library refused the parameters.
    #[error("the handshake could not be set up")]
    Noise,
}

/// What was wrong with a message. The session is closed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Longer than [`MAX_MESSAGE_BYTES`](super::MAX_MESSAGE_BYTES).
    #[error("the message is too long")]
    TooLong,
    /// Not of the form of a handshake message, or with a public key that nobody can have.
    #[error("the handshake message is malformed")]
    MalformedHandshake,
    /// A handshake message of a newer format.
    #[error("the peer speaks a newer version")]
    NewerVersion,
    /// A handshake message that does not decrypt, or the peer's word that ours did not.
    #[error("the handshake failed: another secret, or somebody in the middle")]
    WrongSecret,
    /// The peer proved to hold this side's own private key.
    #[error("the peer has this device's key")]
    SameDevice,
    /// A message after the handshake that does not decrypt.
    #[error("the message does not decrypt")]
    Undecryptable,
    /// A message that decrypts to something that is no frame.
    #[error("malformed frame")]
    Frame(#[from] FrameError),
    /// A frame with a malformed head.
    #[error("malformed head")]
    Head(#[from] HeadError),
    /// A frame that may not come now.
    #[error("protocol violation")]
    Violation(#[from] Violation),
    /// More events wait to be polled than [`MAX_UNREAD_BYTES`](super::limits::MAX_UNREAD_BYTES) allows: this side's mistake.
    #[error("the session's events are not polled")]
    Undrained,
}

impl SessionError {
    /// The reason with which the session is closed.
    pub fn reason(&self) -> CloseReason {
        match self {
            Self::NewerVersion => CloseReason::NewerVersion,
            Self::WrongSecret => CloseReason::WrongSecret,
            Self::SameDevice => CloseReason::SameDevice,
            Self::TooLong
            | Self::MalformedHandshake
            | Self::Undecryptable
            | Self::Frame(_)
            | Self::Head(_)
            | Self::Violation(_)
            | Self::Undrained => CloseReason::Protocol,
        }
    }
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// No bytes, or fewer than the frame's fields take.
    #[error("the frame is cut short")]
    CutShort,
    /// More bytes than the frame's fields take.
    #[error("the frame has bytes left over")]
    LeftOver,
    /// No such type.
    #[error("there is no frame of type {0}")]
    UnknownType(u8),
    /// `end` is neither 0 nor 1.
    #[error("{0} is no flag")]
    NoFlag(u8),
}

/// A frame that may not come now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A stream that was never opened.
    #[error("a frame of a stream that was never opened")]
    UnknownStream,
    /// A request on a stream of the other side's, or not after the last one.
    #[error("a stream opened out of turn")]
    OutOfTurn,
    /// More streams than [`MAX_OPEN_STREAMS`](super::limits::MAX_OPEN_STREAMS).
    #[error("too many open streams")]
    TooManyStreams,
    /// A response to the peer's own request, or a second one to ours.
    #[error("a response that nobody waits for")]
    UnexpectedResponse,
    /// A body before its head, after its end, or an empty piece that is not the end.
    #[error("a body out of place")]
    UnexpectedBody,
    /// A body longer than [`MAX_BODY_BYTES`](super::limits::MAX_BODY_BYTES).
    #[error("a body that is too long")]
    BodyTooLong,
    /// So many refused requests that their resets pile up.
    #[error("too many refused requests")]
    TooManyResets,
}

/// Why a session did not take a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The handshake is not complete, or the session is over.
    #[error("the session is not established")]
    NotEstablished,
    /// The stream is over (it may just have been reset by the peer), or never was.
    #[error("the stream is not open")]
    UnknownStream,
    /// A response to a request of our own, or a second one, or a body before the head.
    #[error("the stream is not at this point")]
    OutOfTurn,
    /// More streams than [`MAX_OPEN_STREAMS`](super::limits::MAX_OPEN_STREAMS).
    #[error("too many open streams")]
    TooManyStreams,
    /// A body longer than [`MAX_BODY_BYTES`](super::limits::MAX_BODY_BYTES).
    #[error("the body is too long")]
    BodyTooLong,
    /// A head that the peer would refuse.
    #[error("the head is not valid")]
    Head(#[from] HeadError),
}
