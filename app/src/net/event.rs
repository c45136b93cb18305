//! What can happen to a room's network.

use std::rc::Rc;

use futures::channel::{mpsc, oneshot};
use partyline_core::connect::sdp::LocalDescription;
use partyline_core::dial::{SlotId, Unanswered};
use partyline_core::id::{Address, DeviceId, Endpoint};
use partyline_core::replica::SyncRequest;
use partyline_core::session::{RequestHead, ResponseHead, StreamId};

use super::by_hand::HandWish;
use super::phone_book::Observed;
use super::proxy::Call;

/// What came of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The two have the same.
    Alike,
    /// All that the peer has was got, and yet the two have not the same: most likely the peer has still to get something.
    Apart,
    /// Not everything was got.
    BrokenOff,
}

/// Everything that the loop of a room reacts to.
#[derive(Debug)]
pub(super) enum Event {
    /// A new connection has its credentials and knows its endpoints.
    SpareReady(SlotId, Box<LocalDescription>),
    /// The spare could not be made.
    SpareFailed(SlotId, SpareError),
    /// A connectivity check reached a spare that nobody is dialled from.
    Knock(SlotId),
    /// ICE found a way.
    Reached(SlotId),
    /// DTLS is through: whoever answered has the certificate that was dialled.
    Secured(SlotId),
    /// The data channel is open.
    Open(SlotId),
    /// A message came over it.
    Message(SlotId, Vec<u8>),
    /// The buffer of some channel has room again.
    Drained,
    /// No way was found, or the one that was found is lost. A connection that waits may be called all the same.
    Failed(SlotId),
    /// The connection or its channel ended.
    Closed(SlotId),
    /// The phone book answered, or did not, to a listing of these endpoints.
    Registered(Vec<Endpoint>, Result<Observed, Unanswered>),
    /// The phone book gave the others' addresses, or did not answer.
    Peers(Result<Vec<Address>, Unanswered>),
    /// Our service worker stored something new; `from` is the peer that it came from.
    Changed { from: Option<DeviceId>, batch: Vec<u8> },
    /// A part of our service worker's answer to a peer's request.
    Answered(Box<Part>),
    /// A peer sent changes that others should have come before.
    Gap(SlotId),
    /// A page of this browser asks some device for something.
    Called(Rc<Call>),
    /// A request is to be sent to a peer.
    Ask(Box<Ask>),
    /// A pull of everything that a peer has and we lack got so many of so many changes.
    Pulling(SlotId, u64, u64),
    /// A pull came to its end: how far it is, should it go on, and what came of it.
    Pulled(SlotId, Option<Box<Pull>>, Outcome),
    /// A peer's clock said this, and then our service worker's that.
    Clocks(SlotId, u64, u64),
    /// The server's clock says this, in milliseconds since 1970.
    ServerClock(u64),
    /// The page was shown or hidden.
    Visible(bool),
    /// The network came or went.
    Online(bool),
    /// The device is in another network now.
    Moved,
    /// A deadline has come.
    Timer,
    /// The person, in whichever tab, wants something done by hand.
    Hand(HandWish),
    /// The phone book has not said in time where it sees us.
    OutsideUnknown,
    /// Some tab wants the report on the connections.
    ReportWanted,
    /// Another tab wants to know how things stand.
    TellStatus,
}

/// A request to a peer and where its reply goes.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) slot: SlotId,
    pub(super) head: RequestHead,
    pub(super) body: Vec<u8>,
    pub(super) reply: oneshot::Sender<Result<Reply, ReplyError>>,
}

/// What a peer answered to a request of ours.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: String,
    /// What the clock of the device says that answered, in milliseconds since 1970.
    pub(super) now_ms: Option<u64>,
    pub(super) body: Vec<u8>,
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyError {
    /// The connection ended first.
    Gone,
    /// The peer gave the request up.
    Reset,
}

/// Progress of a pull. An interrupted pull resumes when the peer reconnects.
#[derive(Clone, Debug)]
pub(super) struct Pull {
    /// From whom.
    pub(super) device: DeviceId,
    /// In whose name it was begun, if that is known: only then does the peer's vector count in the end.
    pub(super) asker: Option<String>,
    /// What to ask for next.
    pub(super) request: SyncRequest,
    /// How many changes there were to get.
    pub(super) total: u64,
}

/// A part of the answer to a peer's request.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) slot: SlotId,
    pub(super) stream: StreamId,
    /// What the answer begins with.
    pub(super) head: Option<ResponseHead>,
    /// A piece of the body; `None` if it breaks off.
    pub(super) piece: Option<Vec<u8>>,
    /// Whether it is the last.
    pub(super) end: bool,
    /// Resolves when the next is wanted; dropped if none is.
    pub(super) next: oneshot::Sender<()>,
}

/// Why a spare could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SpareError {
    /// The browser does not take credentials that it did not make.
    CredentialsRefused,
    /// Anything else; the text is the browser's.
    Other(String),
}

/// Where events go. They outlive the loop: sending to one that has ended does nothing.
#[derive(Clone, Debug)]
pub(super) struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    /// A queue: where to put events, and where to take them from.
    pub(super) fn queue() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded();
        (Self(sender), receiver)
    }

    /// Queues an event.
    pub(super) fn send(&self, event: Event) {
        let _ = self.0.unbounded_send(event);
    }

    /// Whether nobody takes events from the queue any more.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_closed()
    }

    /// Whether both lead to the same queue.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.0.same_receiver(&other.0)
    }
}
