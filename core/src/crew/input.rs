use std::net::IpAddr;

use super::{Answer, LocalNetwork};
use crate::connect::sdp::LocalDescription;
use crate::dial::{SlotId, Unanswered};
use crate::hand::Code;
use crate::id::{Address, DeviceId, Endpoint};
use crate::replica::SyncRequest;
use crate::session::{RequestHead, ResponseHead, StreamId};

/// Everything that a [`Crew`](super::Crew) reacts to.
#[derive(Clone, Debug)]
pub enum Input {
    // ---- A connection ----
    /// A connection that was to be [made](super::Effect::Make) has its credentials and knows its endpoints.
    Described {
        /// The connection.
        slot: SlotId,
        /// What others dial it with.
        description: Box<LocalDescription>,
    },
    /// A connection could not be made.
    NotMade {
        /// The connection.
        slot: SlotId,
        /// Why.
        error: MakeError,
    },
    /// A connectivity check reached a connection that nobody is dialled from.
    Knocked(SlotId),
    /// ICE found a way.
    Reached(SlotId),
    /// DTLS is through: whoever answered has the certificate that was dialled.
    Secured(SlotId),
    /// The data channel is open.
    Opened {
        /// The connection.
        slot: SlotId,
        /// Fresh random bytes from the system, used for nothing else.
        ephemeral: [u8; 32],
    },
    /// A message came over it.
    Message {
        /// The connection.
        slot: SlotId,
        /// Its bytes.
        message: Vec<u8>,
    },
    /// The channel's buffer takes no more for now.
    Full(SlotId),
    /// The channel's buffer has room again.
    Drained(SlotId),
    /// ICE found no way, or lost the one that it had found. A connection that waits may be called all the same.
    Failed(SlotId),
    /// The connection or its channel ended.
    Closed(SlotId),

    // ---- The phone book ----
    /// It took a listing of these endpoints, or did not.
    Registered {
        /// The endpoints that were to be listed.
        endpoints: Vec<Endpoint>,
        /// By which address it sees this device, as far as it knows.
        taken: Result<Option<IpAddr>, Unanswered>,
    },
    /// It gave the addresses of the room, or did not answer.
    Listed(Result<Vec<Address>, Unanswered>),
    /// The server's clock says this, in milliseconds since 1970.
    ServerClock(u64),

    // ---- The own service worker ----
    /// It stored something new.
    Changed {
        /// The peer that it came from, if it did.
        from: Option<DeviceId>,
        /// The changes, as they are sent.
        batch: Vec<u8>,
    },
    /// Which device this is, for a pull; `None` if that could not be read.
    Asker {
        /// The connection that is pulled from.
        slot: SlotId,
        /// This device.
        asker: Option<DeviceId>,
    },
    /// What to ask a peer first; `None` if that could not be read.
    Opening {
        /// The connection that is pulled from.
        slot: SlotId,
        /// The question.
        opening: Option<SyncRequest>,
    },
    /// It merged what a peer had answered; `None` if it did not answer.
    Merged {
        /// The connection that is pulled from.
        slot: SlotId,
        /// Its answer.
        answer: Option<Answer>,
    },
    /// Its whole answer to a request of a peer.
    Served {
        /// The connection to the peer.
        slot: SlotId,
        /// The peer's request.
        stream: StreamId,
        /// The answer.
        answer: Answer,
    },
    /// A part of its answer to a request of a peer.
    Serving {
        /// The connection to the peer.
        slot: SlotId,
        /// The peer's request.
        stream: StreamId,
        /// The part.
        part: AnswerPart,
    },

    // ---- This device and who uses it ----
    /// The page is visible.
    Shown,
    /// It is not.
    Hidden,
    /// It shows this room.
    Foreground,
    /// It shows another one: two connections do, and the phone book is asked rarely.
    Background,
    /// There is a network.
    Online,
    /// There is none.
    Offline,
    /// The device is in another network now.
    Moved,
    /// Whether the browser lets the page reach devices in its own network, or that this has changed.
    LocalNetwork(LocalNetwork),
    /// The person wants to connect by codes.
    Pair(PairingRequest),
    /// A page of this browser asks some device for something.
    Called {
        /// The call.
        call: CallId,
        /// Whom.
        device: DeviceId,
        /// For what.
        head: RequestHead,
        /// The body of the request.
        body: Vec<u8>,
    },
    /// It does not want the answer any more.
    CallGivenUp(CallId),
    /// The page goes: goodbyes are said now, since nobody will be there for anything else. Should it live on all the same,
    /// the next input begins anew with no connection, unless it is [`Full`](Self::Full) or [`Hidden`](Self::Hidden).
    Left,
    /// The deadline has come.
    TimedOut,
}

/// Why a connection could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MakeError {
    /// The browser does not take credentials that it did not make.
    CredentialsRefused,
    /// Anything else; the text is the browser's.
    Other(String),
}

/// A part of the answer to a peer's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerPart {
    /// What it begins with.
    Head(ResponseHead),
    /// A piece of the body. [`Effect::Continue`](super::Effect::Continue) follows when the next is wanted.
    Piece(Vec<u8>),
    /// All of the body was given.
    End,
    /// The rest will not come.
    BrokenOff,
}

/// What a person who connects by codes wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairingRequest {
    /// An invitation: the one that is open, or a first one.
    Invite {
        /// Random.
        tag: u32,
    },
    /// Another invitation. The one that is open is void.
    InviteAnew {
        /// Random.
        tag: u32,
    },
    /// To use a code that the other device shows.
    Use(Code),
}

/// A request of a page of this browser to another device, numbered by the shell and never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);
