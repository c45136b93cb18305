use super::noise::Peer;
use super::{CloseReason, RequestHead, ResetCode, ResponseHead, Run, StreamId};
use crate::id::DeviceId;

/// What a session has to tell.
///
/// A head is always followed by one or more `Body` events of the same stream, the last of them with `end`, unless a `Reset`
/// or the end of the session comes between. Nothing follows `Closed`, and it ends all streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// The peer proved that it knows a psk, and which device it is. Requests can be made from now on.
    Established {
        /// The peer's device: what follows from the key that it holds.
        device: DeviceId,
        /// Its page's run.
        run: Run,
        /// Which psk both know, as its position in [`SessionConfig::psks`](super::SessionConfig::psks) of this side.
        psk: usize,
    },
    /// The peer asks for something.
    Request {
        /// What to answer on.
        stream: StreamId,
        /// Method, path and headers.
        head: RequestHead,
    },
    /// The peer answers a request of ours.
    Response {
        /// The stream of our request.
        stream: StreamId,
        /// Status and headers.
        head: ResponseHead,
    },
    /// A piece of the body of the peer's request or response.
    Body {
        /// The stream whose head came before.
        stream: StreamId,
        /// The piece; may be empty when `end` is set.
        bytes: Vec<u8>,
        /// Whether it is the last.
        end: bool,
    },
    /// A stream is over before its time; nothing more comes on it and nothing can be sent.
    Reset {
        /// The stream.
        stream: StreamId,
        /// Why, in the words of the side that reset it.
        code: ResetCode,
    },
    /// The session is over.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

impl SessionEvent {
    pub(super) fn established(peer: Peer) -> Self {
        Self::Established { device: peer.key.device(), run: peer.run, psk: peer.psk }
    }

    /// Roughly what it takes in memory.
    pub(super) fn weight(&self) -> usize {
        const ITSELF: usize = 64;
        let headers = |headers: &[(String, String)]| -> usize {
            headers.iter().map(|(name, value)| ITSELF + name.len() + value.len()).sum()
        };
        ITSELF
            + match self {
                Self::Request { head, .. } => head.method.len() + head.path.len() + headers(&head.headers),
                Self::Response { head, .. } => headers(&head.headers),
                Self::Body { bytes, .. } => bytes.len(),
                Self::Established { .. } | Self::Reset { .. } | Self::Closed { .. } => 0,
            }
    }
}
