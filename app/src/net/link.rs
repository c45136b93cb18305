//! A connection and what is spoken over it.

use futures::channel::oneshot;
use litemap::LiteMap;
use partyline_core::id::{CertHash, DeviceId};
use partyline_core::session::{CloseReason, PeerSession, RequestHead, ResponseHead, Run, SessionEvent, StreamId};

use super::slot::Slot;

/// What a peer answered to a request of ours.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
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

type ReplySender = oneshot::Sender<Result<Reply, ReplyError>>;

/// A request of ours that the peer has not answered in full.
#[derive(Debug)]
struct Asked {
    reply: ReplySender,
    status: u16,
    body: Vec<u8>,
}

/// What a link has for its room after its session was drained.
#[derive(Debug)]
pub(super) enum LinkEvent {
    /// The peer proved membership.
    Established(DeviceId, Run),
    /// A whole request of the peer.
    Request(StreamId, RequestHead, Vec<u8>),
    /// The session is over.
    Closed(CloseReason),
}

/// A connection, from spare to peer.
pub(super) struct Link {
    pub(super) slot: Slot,
    /// Whom it was dialled to.
    pub(super) remote: Option<CertHash>,
    pub(super) session: Option<PeerSession>,
    /// Who is there, and since when (Unix time in milliseconds).
    pub(super) peer: Option<(DeviceId, f64)>,
    /// The peer's page.
    pub(super) run: Option<Run>,
    /// A pull is under way; `true` if another is wanted after it.
    pub(super) pull: Option<bool>,
    asked: LiteMap<StreamId, Asked>,
    coming: LiteMap<StreamId, (RequestHead, Vec<u8>)>,
}

impl Link {
    /// A link that nobody is on yet.
    pub(super) fn new(slot: Slot) -> Self {
        Self {
            slot,
            remote: None,
            session: None,
            peer: None,
            run: None,
            pull: None,
            asked: LiteMap::new(),
            coming: LiteMap::new(),
        }
    }

    /// Sends a request. The reply goes to `reply`, [`ReplyError::Gone`] if the link ends first.
    pub(super) fn ask(&mut self, head: RequestHead, body: Vec<u8>, reply: ReplySender) {
        let sent = match &mut self.session {
            Some(session) if self.peer.is_some() => session.request(&head, body).ok(),
            _ => None,
        };
        match sent {
            Some(stream) => {
                self.asked.insert(stream, Asked { reply, status: 0, body: Vec::new() });
            }
            None => {
                let _ = reply.send(Err(ReplyError::Gone));
            }
        }
    }

    /// Answers a request of the peer; one that it gave up meanwhile is left alone.
    pub(super) fn answer(&mut self, stream: StreamId, head: ResponseHead, body: Vec<u8>) {
        if let Some(session) = &mut self.session {
            let _ = session.respond(stream, &head, body);
        }
    }

    /// Takes the session's events: replies go where they are awaited, the rest is returned.
    pub(super) fn drain(&mut self) -> Vec<LinkEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.session.as_mut().and_then(PeerSession::poll_event) {
            match event {
                SessionEvent::Established { device, run } => {
                    self.peer = Some((device, js_sys::Date::now()));
                    self.run = Some(run);
                    events.push(LinkEvent::Established(device, run));
                }
                SessionEvent::Request { stream, head } => {
                    self.coming.insert(stream, (head, Vec::new()));
                }
                SessionEvent::Response { stream, head } => {
                    if let Some(asked) = self.asked.get_mut(&stream) {
                        asked.status = head.status;
                    }
                }
                SessionEvent::Body { stream, bytes, end } => self.take_body(stream, &bytes, end, &mut events),
                SessionEvent::Reset { stream, .. } => {
                    self.coming.remove(&stream);
                    if let Some(asked) = self.asked.remove(&stream) {
                        let _ = asked.reply.send(Err(ReplyError::Reset));
                    }
                }
                SessionEvent::Closed { reason } => events.push(LinkEvent::Closed(reason)),
            }
        }
        events
    }

    fn take_body(&mut self, stream: StreamId, bytes: &[u8], end: bool, events: &mut Vec<LinkEvent>) {
        if let Some((_, body)) = self.coming.get_mut(&stream) {
            body.extend_from_slice(bytes);
            if end && let Some((head, body)) = self.coming.remove(&stream) {
                events.push(LinkEvent::Request(stream, head, body));
            }
        } else if let Some(asked) = self.asked.get_mut(&stream) {
            asked.body.extend_from_slice(bytes);
            if end && let Some(asked) = self.asked.remove(&stream) {
                let _ = asked.reply.send(Ok(Reply { status: asked.status, body: asked.body }));
            }
        }
    }

    /// Moves messages from the session to the channel, as many as its buffer takes; `false` if the channel is gone.
    pub(super) fn pump(&mut self) -> bool {
        while self.slot.has_room() {
            let Some(message) = self.session.as_mut().and_then(PeerSession::poll_message) else {
                return true;
            };
            if !self.slot.send(&message) {
                return false;
            }
        }
        true
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for (_, asked) in std::mem::take(&mut self.asked) {
            let _ = asked.reply.send(Err(ReplyError::Gone));
        }
    }
}
