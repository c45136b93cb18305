//! A connection and what is spoken over it.

use futures::channel::oneshot;
use litemap::LiteMap;
use partyline_core::api::NOW_HEADER;
use partyline_core::id::{CertHash, DeviceId};
use partyline_core::session::{
    CloseReason, PeerSession, RequestHead, ResetCode, ResponseHead, Run, SessionEvent, StreamId,
};
use web_sys::{AbortController, AbortSignal};

use super::event::{Event, Events, Part, Reply, ReplyError};
use super::proxy::{Call, Relay};
use super::slot::Slot;
use crate::platform;

/// With fewer bytes than this in the session, the next part of a long answer is asked for.
const QUEUE_LOW: usize = 64 * 1024;

type ReplySender = oneshot::Sender<Result<Reply, ReplyError>>;

/// A request of ours that the peer has not answered in full.
#[derive(Debug)]
struct Asked {
    reply: ReplySender,
    status: u16,
    content_type: String,
    now_ms: Option<u64>,
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
    /// Who is there, and since when in Unix time, in milliseconds: for people, since that clock may jump.
    pub(super) peer: Option<(DeviceId, f64)>,
    /// When the peer proved membership, in milliseconds of the monotonic clock, which decisions are made by.
    pub(super) opened_ms: u64,
    /// The peer's page.
    pub(super) run: Option<Run>,
    /// A pull is under way; `true` if another is wanted after it.
    pub(super) pull: Option<bool>,
    /// How many pulls came to nothing since the last that did not.
    pub(super) vain: u32,
    /// When the next is due, if nothing asks for one before.
    pub(super) pull_at: Option<u64>,
    /// How far the peer's clock is ahead of ours, in milliseconds; less than 0 if it is behind.
    pub(super) ahead_ms: Option<i64>,
    asked: LiteMap<StreamId, Asked>,
    coming: LiteMap<StreamId, (RequestHead, Vec<u8>)>,
    /// Requests of pages of this browser, with the ways back of their answers.
    called: Vec<(StreamId, Relay)>,
    /// Requests of the peer that our service worker is answering, and how they are given up.
    handed_on: Vec<(StreamId, AbortController)>,
    /// Who has the next part of an answer ready when what is queued is sent.
    answering: Vec<oneshot::Sender<()>>,
}

impl Link {
    /// A link that nobody is on yet.
    pub(super) fn new(slot: Slot) -> Self {
        Self {
            slot,
            remote: None,
            session: None,
            peer: None,
            opened_ms: 0,
            run: None,
            pull: None,
            vain: 0,
            pull_at: None,
            ahead_ms: None,
            asked: LiteMap::new(),
            coming: LiteMap::new(),
            called: Vec::new(),
            handed_on: Vec::new(),
            answering: Vec::new(),
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
                let (content_type, body) = (String::new(), Vec::new());
                self.asked.insert(stream, Asked { reply, status: 0, content_type, now_ms: None, body });
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

    /// Notes that our service worker is about to answer a request of the peer. The signal tells when the peer gives it up.
    pub(super) fn hand_on(&mut self, stream: StreamId) -> Option<AbortSignal> {
        let control = AbortController::new().ok()?;
        let signal = control.signal();
        self.handed_on.push((stream, control));
        Some(signal)
    }

    /// Gives up what is done for the peer on a stream, or on all.
    fn give_up(&mut self, stream: Option<StreamId>) {
        self.handed_on.retain(|(other, control)| {
            let is_other = stream.is_some_and(|stream| stream != *other);
            if !is_other {
                control.abort();
            }
            is_other
        });
    }

    /// Sends a part of an answer, the first with its head. The next is asked for when there is room for it, unless the
    /// peer gave the request up.
    pub(super) fn answer_part(&mut self, part: Part) {
        let Some(session) = &mut self.session else { return };
        let Part { stream, head, piece, end, next, .. } = part;
        if end {
            self.handed_on.retain(|(other, _)| *other != stream);
        }
        let begun = head.is_none_or(|head| session.respond_start(stream, &head).is_ok());
        if begun && piece.is_some_and(|piece| session.send_body(stream, piece, end).is_ok()) {
            self.answering.push(next);
        } else {
            // Longer than the peer would take, or broken off here. A stream that is over already is none to reset.
            let _ = session.reset(stream, ResetCode::FAILED);
        }
    }

    /// Sends a request of a page of this browser.
    pub(super) fn call(&mut self, call: &Call, events: &Events) {
        let Some(session) = &mut self.session else { return };
        let events = events.clone();
        // The loop sees that the answer is not wanted any more.
        let on_cancel = move || events.send(Event::Drained);
        let Some(relay) = call.take(Box::new(on_cancel)) else { return };
        // Dropped, the relay tells that it came to nothing.
        if let Ok(stream) = session.request(&call.head, call.body.clone()) {
            self.called.push((stream, relay));
        }
    }

    /// Ends the requests whose answers are not wanted any more.
    fn give_up_calls(&mut self) {
        let Some(session) = &mut self.session else { return };
        self.called.retain(|(stream, relay)| {
            if relay.is_over() {
                let _ = session.reset(*stream, ResetCode::CANCELLED);
            }
            !relay.is_over()
        });
    }

    fn called(&self, stream: StreamId) -> Option<&Relay> {
        self.called.iter().find(|(called, _)| *called == stream).map(|(_, relay)| relay)
    }

    /// Takes the session's events: replies go where they are awaited, the rest is returned.
    pub(super) fn drain(&mut self, now_ms: u64) -> Vec<LinkEvent> {
        self.give_up_calls();
        let mut events = Vec::new();
        while let Some(event) = self.session.as_mut().and_then(PeerSession::poll_event) {
            match event {
                SessionEvent::Established { device, run, .. } => {
                    self.peer = Some((device, platform::unix_ms()));
                    self.opened_ms = now_ms;
                    self.run = Some(run);
                    events.push(LinkEvent::Established(device, run));
                }
                SessionEvent::Request { stream, head } => {
                    self.coming.insert(stream, (head, Vec::new()));
                }
                SessionEvent::Response { stream, head } => {
                    if let Some(asked) = self.asked.get_mut(&stream) {
                        asked.status = head.status;
                        asked.now_ms = head.header(NOW_HEADER).and_then(|text| text.parse().ok());
                        head.header("content-type").unwrap_or_default().clone_into(&mut asked.content_type);
                    } else if let Some(relay) = self.called(stream) {
                        relay.head(&head);
                    }
                }
                SessionEvent::Body { stream, bytes, end } => self.take_body(stream, &bytes, end, &mut events),
                SessionEvent::Reset { stream, .. } => {
                    self.coming.remove(&stream);
                    self.called.retain(|(called, _)| *called != stream);
                    self.give_up(Some(stream));
                    if let Some(asked) = self.asked.remove(&stream) {
                        let _ = asked.reply.send(Err(ReplyError::Reset));
                    }
                }
                SessionEvent::Closed { reason } => {
                    if reason == CloseReason::TimedOut {
                        self.called.iter().for_each(|(_, relay)| relay.fall_silent());
                    }
                    events.push(LinkEvent::Closed(reason));
                }
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
                let Asked { reply, status, content_type, now_ms, body } = asked;
                let _ = reply.send(Ok(Reply { status, content_type, now_ms, body }));
            }
        } else if let Some(relay) = self.called(stream) {
            relay.body(bytes, end);
            if end {
                self.called.retain(|(called, _)| *called != stream);
            }
        }
    }

    /// Moves messages from the session to the channel, as many as its buffer takes; `false` if the channel is gone.
    pub(super) fn pump(&mut self) -> bool {
        while self.slot.has_room() {
            let Some(message) = self.session.as_mut().and_then(PeerSession::poll_message) else { break };
            if !self.slot.send(&message) {
                return false;
            }
        }
        if self.session.as_ref().is_none_or(|session| session.queued_bytes() < QUEUE_LOW) {
            for next in self.answering.drain(..) {
                let _ = next.send(());
            }
        }
        true
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.give_up(None);
        for (_, asked) in std::mem::take(&mut self.asked) {
            let _ = asked.reply.send(Err(ReplyError::Gone));
        }
    }
}
