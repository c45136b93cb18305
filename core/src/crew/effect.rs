use std::net::IpAddr;

use super::{Answer, CallId};
use crate::connect::sdp::RemoteAnswer;
use crate::connect::{Contact, IceCredentials};
use crate::dial::SlotId;
use crate::id::{DeviceId, Endpoint};
use crate::session::{CloseReason, RequestHead, ResponseHead, StreamId};

/// Everything that a [`Crew`](super::Crew) wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    // ---- A connection ----
    /// Make a connection and have it gather its endpoints. [`Described`](super::Input::Described) or
    /// [`NotMade`](super::Input::NotMade) follows.
    Make {
        /// The connection.
        slot: SlotId,
        /// Under these credentials, or those that the browser makes.
        credentials: Option<IceCredentials>,
    },
    /// Make a connection that dials at once as the side that offers, and is listed nowhere.
    Probe {
        /// The connection.
        slot: SlotId,
        /// Under these credentials.
        credentials: IceCredentials,
        /// Whom: what they would have answered.
        remote: RemoteAnswer,
    },
    /// Make a connection that dials at once as the side that answers.
    Call {
        /// The connection.
        slot: SlotId,
        /// Under these credentials.
        credentials: IceCredentials,
        /// Whom: what they would have offered.
        remote: RemoteAnswer,
    },
    /// Dial from a connection that was made: set its remote description.
    Dial {
        /// The connection.
        slot: SlotId,
        /// Whom.
        remote: RemoteAnswer,
    },
    /// Have a connection that was made wait for its peer to dial, for as long as it takes: set a remote description that has
    /// no candidates.
    Await {
        /// The connection.
        slot: SlotId,
        /// Whom.
        remote: RemoteAnswer,
    },
    /// Have a connection that dials or waits try these too, for the first time or anew.
    AddCandidates {
        /// The connection.
        slot: SlotId,
        /// Where.
        candidates: Vec<Endpoint>,
    },
    /// Send a message over the data channel. If its buffer is full after that, say so with [`Full`](super::Input::Full).
    Send {
        /// The connection.
        slot: SlotId,
        /// The message.
        message: Vec<u8>,
    },
    /// Close a connection, if it exists, and forget it.
    Close {
        /// The connection.
        slot: SlotId,
        /// How it came to its end.
        end: End,
    },

    // ---- The phone book ----
    /// List these endpoints, none to withdraw the listing, and tell [`Registered`](super::Input::Registered).
    Register(Vec<Endpoint>),
    /// Ask for all addresses, this device's own among them, and tell [`Listed`](super::Input::Listed).
    LookUp,
    /// Withdraw the listing in passing: nobody will be there for an answer.
    Withdraw,

    // ---- The own service worker ----
    /// Read which device this is and tell [`Asker`](super::Input::Asker).
    ReadAsker(SlotId),
    /// Read what to ask a peer first and tell [`Opening`](super::Input::Opening).
    ReadOpening(SlotId),
    /// Have a peer's answer to a sync merged and tell [`Merged`](super::Input::Merged).
    Merge {
        /// The connection that it came over.
        slot: SlotId,
        /// The peer.
        device: DeviceId,
        /// In whose name it was asked.
        asker: DeviceId,
        /// What it answered.
        answer: Answer,
    },
    /// Have a peer's request answered and tell [`Served`](super::Input::Served) or [`Serving`](super::Input::Serving).
    Serve {
        /// The connection that it came over.
        slot: SlotId,
        /// The request.
        stream: StreamId,
        /// The peer.
        device: DeviceId,
        /// Method, path and headers.
        head: RequestHead,
        /// The body.
        body: Vec<u8>,
    },
    /// Answer a peer that it may not ask for what it asked for, with [`Served`](super::Input::Served).
    Refuse {
        /// The connection that the request came over.
        slot: SlotId,
        /// The request.
        stream: StreamId,
    },
    /// The next piece of an answer is wanted.
    Continue {
        /// The connection to the peer.
        slot: SlotId,
        /// The request.
        stream: StreamId,
    },
    /// The answer to a peer's request is not wanted any more.
    GiveUp {
        /// The connection that it came over.
        slot: SlotId,
        /// The request.
        stream: StreamId,
    },
    /// Say by how much this device's clock is ahead of the others', in milliseconds; less than 0 if it is behind.
    TellClock(i64),
    /// Somebody else seems to have this device's key: take another one, unless that was done meanwhile.
    DoubtKey(Doubt),
    /// Somebody else seems to have this device's certificate, which is of no use to either then: take another one.
    DoubtCertificate,

    // ---- This device and who uses it ----
    /// Somebody is dialled in vain: find out whether the browser lets the page reach devices in its own network, and tell
    /// [`LocalNetwork`](super::Input::LocalNetwork), now and whenever it changes.
    TestLocalNetwork,
    /// Keep for the next run of the page where others can be called, the last one first.
    KeepContacts(Vec<(DeviceId, Vec<Contact>)>),
    /// Keep for the next run of the page where the phone book sees this device.
    KeepObserved(IpAddr),
    /// Pass on to a page of this browser what came of its call.
    Reply {
        /// The call.
        call: CallId,
        /// A part of the answer, or why there is none.
        reply: Reply,
    },
    /// A peer proved membership over this connection, which stays.
    Established {
        /// The connection.
        slot: SlotId,
        /// The peer.
        device: DeviceId,
    },
    /// [`Crew::status`](super::Crew::status) is another.
    StatusChanged,
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was given up here.
    GivenUp,
    /// It broke.
    Broken,
    /// Another one to the same device took its place.
    Replaced,
    /// What was spoken over it ended.
    Said(CloseReason),
}

/// Why this device's key is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Somebody proved to have it.
    Proved,
    /// A peer says that somebody has. It may lie.
    Said,
}

/// What a page's call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// No connection to that device is held here.
    NotHere,
    /// What the answer begins with.
    Head(ResponseHead),
    /// A piece of its body.
    Piece(Vec<u8>),
    /// That was all of the body.
    End,
    /// The rest will not come.
    Failed,
    /// Nothing is heard of the device any more.
    Silent,
}
