use litemap::LiteMap;

use super::{Answer, AnswerPart, CallId, Reply, SyncTrouble};
use crate::api::NOW_HEADER;
use crate::id::{CertHash, DeviceId};
use crate::session::{CloseReason, PeerSession, RequestHead, ResetCode, ResponseHead, Run, SessionEvent, StreamId};

/// With fewer bytes than this in the session, the next piece of a long answer is asked for.
const QUEUE_LOW: usize = 64 * 1024;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) device: DeviceId,
    /// Its page's run.
    pub(super) run: Run,
    /// When it proved membership, in milliseconds of the monotonic clock.
    pub(super) since_ms: u64,
}

/// What a link has for its crew after its session was drained.
#[derive(Debug)]
pub(super) enum LinkEvent {
    /// The peer proved membership.
    Established(Peer),
    /// A whole request of the peer.
    Request(StreamId, RequestHead, Vec<u8>),
    /// The answer to the last sync, or the news that there will be none.
    Synced(Option<Answer>),
    /// What came of a page's call.
    Replied(CallId, Reply),
    /// The peer does not want an answer any more.
    GivenUp(StreamId),
    /// The session is over.
    Closed(CloseReason),
}

/// A request of the peer that the own service worker answers.
#[derive(Debug)]
struct Served {
    stream: StreamId,
    /// It brought changes. If those were not kept, or others before them are missing, a sync is due.
    brings_changes: bool,
    /// The next piece is wanted when what is queued is sent.
    waits: bool,
}

/// A connection, from spare to peer, and what is spoken over it.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// The certificate that it was dialled to.
    pub(super) remote: Option<CertHash>,
    pub(super) session: Option<PeerSession>,
    pub(super) peer: Option<Peer>,
    /// How far the peer's clock is ahead of ours, in milliseconds; less than 0 if it is behind.
    pub(super) ahead_ms: Option<i64>,
    /// Consecutive pulls after which the two had not the same.
    pub(super) failures: u32,
    /// Why the last pull came to nothing, if it did.
    pub(super) trouble: Option<SyncTrouble>,
    /// When the next pull is due, if nothing asks for one before.
    pub(super) pull_at: Option<u64>,
    /// The channel's buffer takes no more for now.
    pub(super) is_full: bool,
    /// The last question of a sync, and as much of its answer as has come.
    syncing: Option<(StreamId, Answer)>,
    coming: LiteMap<StreamId, (RequestHead, Vec<u8>)>,
    calls: Vec<(StreamId, CallId)>,
    serving: Vec<Served>,
}

impl Link {
    /// A link to whoever has this certificate, if that is known already.
    pub(super) fn new(remote: Option<CertHash>) -> Self {
        Self { remote, ..Self::default() }
    }

    /// The session, once the peer has proved membership.
    fn established(&mut self) -> Option<&mut PeerSession> {
        self.session.as_mut().filter(|session| session.is_established())
    }

    /// Tells the peer something. That it did not take it is no loss: it asks for what it lacks.
    pub(super) fn tell(&mut self, head: &RequestHead, body: Vec<u8>) {
        if let Some(session) = self.established() {
            let _ = session.request(head, body);
        }
    }

    /// Asks the peer for what we lack. [`LinkEvent::Synced`] follows if this returns `true`.
    pub(super) fn sync(&mut self, head: &RequestHead, body: Vec<u8>) -> bool {
        let asked = self.established().and_then(|session| session.request(head, body).ok());
        self.syncing = asked.map(|stream| (stream, Answer::default()));
        asked.is_some()
    }

    /// Sends a page's call; whether it could be sent.
    pub(super) fn call(&mut self, call: CallId, head: &RequestHead, body: Vec<u8>) -> bool {
        let asked = self.established().and_then(|session| session.request(head, body).ok());
        self.calls.extend(asked.map(|stream| (stream, call)));
        asked.is_some()
    }

    /// A page does not want an answer any more.
    pub(super) fn give_up_call(&mut self, call: CallId) {
        for (stream, _) in self.calls.extract_if(.., |(_, other)| *other == call) {
            if let Some(session) = &mut self.session {
                let _ = session.reset(stream, ResetCode::CANCELLED);
            }
        }
    }

    /// Answers a request of the peer; one that it gave up meanwhile is left alone.
    pub(super) fn answer(&mut self, stream: StreamId, head: &ResponseHead, body: Vec<u8>) {
        if let Some(session) = &mut self.session {
            let _ = session.respond(stream, head, body);
        }
    }

    /// The own service worker is about to answer this.
    pub(super) fn serve(&mut self, stream: StreamId, brings_changes: bool) {
        self.serving.push(Served { stream, brings_changes, waits: false });
    }

    /// Takes the whole answer to a request of the peer. Returns whether a sync is due after it.
    pub(super) fn handle_served(&mut self, stream: StreamId, answer: Answer) -> bool {
        let served = self.serving.extract_if(.., |served| served.stream == stream).next();
        let Some(served) = served else { return false };
        let has_gap = || answer.status == 200 && answer.merged().is_some_and(|merged| merged.gap);
        let is_due = served.brings_changes && (answer.status >= 400 || has_gap());
        let mut head = ResponseHead::new(answer.status);
        if !answer.content_type.is_empty() {
            head.headers.push(("content-type".to_owned(), answer.content_type));
        }
        head.headers.extend(answer.now_ms.map(|now| (NOW_HEADER.to_owned(), now.to_string())));
        self.answer(stream, &head, answer.body);
        is_due
    }

    /// Takes a part of the answer to a request of the peer. Returns `false` if no other part is wanted: it was the last, or
    /// the peer gave the request up, or the answer is longer than the peer would take.
    pub(super) fn handle_part(&mut self, stream: StreamId, part: AnswerPart) -> bool {
        let Some(served) = self.serving.iter_mut().find(|served| served.stream == stream) else { return false };
        let Some(session) = &mut self.session else { return false };
        let (taken, goes_on) = match part {
            AnswerPart::Head(head) => (session.respond_start(stream, &head).is_ok(), true),
            AnswerPart::Piece(piece) => {
                served.waits = true;
                (session.send_body(stream, piece, false).is_ok(), true)
            }
            AnswerPart::End => (session.send_body(stream, Vec::new(), true).is_ok(), false),
            AnswerPart::BrokenOff => (false, false),
        };
        if !taken {
            // A stream that is over already is none to reset.
            let _ = session.reset(stream, ResetCode::FAILED);
        }
        if !(taken && goes_on) {
            self.serving.retain(|served| served.stream != stream);
        }
        taken && goes_on
    }

    /// Takes the session's events, and gives those that the crew is concerned with.
    pub(super) fn drain(&mut self, now_ms: u64) -> Vec<LinkEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.session.as_mut().and_then(PeerSession::poll_event) {
            self.handle_event(event, now_ms, &mut events);
        }
        events
    }

    fn handle_event(&mut self, event: SessionEvent, now_ms: u64, events: &mut Vec<LinkEvent>) {
        match event {
            SessionEvent::Established { device, run, .. } => {
                let peer = Peer { device, run, since_ms: now_ms };
                self.peer = Some(peer);
                events.push(LinkEvent::Established(peer));
            }
            SessionEvent::Request { stream, head } => {
                self.coming.insert(stream, (head, Vec::new()));
            }
            SessionEvent::Response { stream, head } => {
                if let Some((_, answer)) = self.syncing.as_mut().filter(|(asked, _)| *asked == stream) {
                    answer.status = head.status;
                    answer.now_ms = head.header(NOW_HEADER).and_then(|text| text.parse().ok());
                    head.header("content-type").unwrap_or_default().clone_into(&mut answer.content_type);
                } else if let Some(call) = self.called(stream) {
                    events.push(LinkEvent::Replied(call, Reply::Head(head)));
                }
            }
            SessionEvent::Body { stream, bytes, end } => self.take_body(stream, bytes, end, events),
            SessionEvent::Reset { stream, .. } => {
                self.coming.remove(&stream);
                if self.syncing.take_if(|(asked, _)| *asked == stream).is_some() {
                    events.push(LinkEvent::Synced(None));
                }
                let calls = self.calls.extract_if(.., |(called, _)| *called == stream);
                events.extend(calls.map(|(_, call)| LinkEvent::Replied(call, Reply::Failed)));
                let served = self.serving.extract_if(.., |served| served.stream == stream);
                events.extend(served.map(|served| LinkEvent::GivenUp(served.stream)));
            }
            SessionEvent::Closed { reason } => events.push(LinkEvent::Closed(reason)),
        }
    }

    fn take_body(&mut self, stream: StreamId, bytes: Vec<u8>, end: bool, events: &mut Vec<LinkEvent>) {
        if let Some((_, body)) = self.coming.get_mut(&stream) {
            body.extend_from_slice(&bytes);
            if end && let Some((head, body)) = self.coming.remove(&stream) {
                events.push(LinkEvent::Request(stream, head, body));
            }
        } else if let Some((_, answer)) = self.syncing.as_mut().filter(|(asked, _)| *asked == stream) {
            answer.body.extend_from_slice(&bytes);
            if end {
                events.extend(self.syncing.take().map(|(_, answer)| LinkEvent::Synced(Some(answer))));
            }
        } else if let Some(call) = self.called(stream) {
            if !bytes.is_empty() {
                events.push(LinkEvent::Replied(call, Reply::Piece(bytes)));
            }
            if end {
                self.calls.retain(|(called, _)| *called != stream);
                events.push(LinkEvent::Replied(call, Reply::End));
            }
        }
    }

    fn called(&self, stream: StreamId) -> Option<CallId> {
        self.calls.iter().find(|(called, _)| *called == stream).map(|(_, call)| *call)
    }

    /// The next message for the channel, if its buffer takes one.
    pub(super) fn poll_message(&mut self) -> Option<Vec<u8>> {
        if self.is_full { None } else { self.last_words() }
    }

    /// The next message for the channel, whatever its buffer takes.
    pub(super) fn last_words(&mut self) -> Option<Vec<u8>> {
        self.session.as_mut()?.poll_message()
    }

    /// An answer of which the next piece is wanted.
    pub(super) fn poll_wanted(&mut self) -> Option<StreamId> {
        let served = self.serving.iter_mut().find(|served| served.waits)?;
        if self.session.as_ref().is_some_and(|session| session.queued_bytes() >= QUEUE_LOW) {
            return None;
        }
        served.waits = false;
        Some(served.stream)
    }

    /// What others have to hear when the connection is gone: pages whose calls come to nothing, and the requests of the peer
    /// that need no answer any more.
    pub(super) fn into_unanswered(self) -> (Vec<CallId>, Vec<StreamId>) {
        let calls = self.calls.into_iter().map(|(_, call)| call).collect();
        (calls, self.serving.into_iter().map(|served| served.stream).collect())
    }
}
