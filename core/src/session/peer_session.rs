use std::collections::VecDeque;

use litemap::LiteMap;
use std::fmt;

use super::frame::{BODY_OVERHEAD, Frame};
use super::limits::{
    ALIVE_AFTER_MS, MAX_BODY_BYTES, MAX_BYTES_UNDERWAY, MAX_MESSAGE_BYTES, MAX_OPEN_STREAMS, MAX_PSKS,
    MAX_QUEUED_RESETS, MAX_UNREAD_BYTES, PING_AFTER_MS, PROBE_BUSY_MS, PROBE_MS, TIMED_OUT_AFTER_MS,
};
use super::noise::{Handshake, Peer, TAG_BYTES, Transport};
use super::stream::{Incoming, Outgoing, Stream};
use super::{
    CloseReason, CommandError, NewSessionError, RequestHead, ResetCode, ResponseHead, Run, SessionError, SessionEvent,
    StreamId, Violation,
};
use crate::id::{CertHash, RoomId};
use crate::key::{DeviceKey, DevicePublicKey, Psk};

/// Version of the handshake and of the frames after it.
pub const FORMAT_VERSION: u8 = 2;

/// Most bytes of a body in one message.
const MAX_PIECE_BYTES: usize = MAX_MESSAGE_BYTES - TAG_BYTES - BODY_OVERHEAD;

const REFUSED_SECRET: u8 = 1;
const REFUSED_VERSION: u8 = 2;

const CLOSE_GOODBYE: u8 = 0;
const CLOSE_VIOLATION: u8 = 1;
const CLOSE_TIMED_OUT: u8 = 2;
const CLOSE_NOT_NEEDED: u8 = 3;
const CLOSE_REPLACED: u8 = 4;

/// What a session is made of. `Debug` hides the keys.
#[derive(Clone)]
pub struct SessionConfig {
    /// The room whose member the peer must be.
    pub room: RoomId,
    /// What lets in, of which the peer must know one: 1 to [`MAX_PSKS`]. The first that both know is used, in the order
    /// of the side with the higher certificate hash.
    pub psks: Vec<Psk>,
    /// The hash of this side's DTLS certificate.
    pub local: CertHash,
    /// The hash of the certificate that the peer showed in DTLS.
    pub remote: CertHash,
    /// This device's key in the room.
    pub key: DeviceKey,
    /// This run of the page.
    pub run: Run,
    /// 32 fresh random bytes from the system; never used before, and used for nothing else.
    pub ephemeral: [u8; 32],
}

impl fmt::Debug for SessionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConfig")
            .field("room", &self.room)
            .field("local", &self.local)
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}

/// One end of an encrypted conversation with a peer, without IO.
///
/// Three things go in: messages from the channel ([`handle_message`](Self::handle_message)), the passing of time
/// ([`handle_timeout`](Self::handle_timeout)), and commands ([`request`](Self::request), [`respond`](Self::respond), …). Three
/// things come out: messages for the channel ([`poll_message`](Self::poll_message)), events
/// ([`poll_event`](Self::poll_event)), and the time at which it wants to be woken ([`poll_timeout`](Self::poll_timeout)).
///
/// **Mutate, then drain.** After anything goes in, poll events until there are none, then messages until there are none
/// or the channel's buffer is high (poll on when it is low again), then set the timer anew. Messages that are left in the
/// session cost nothing but memory of this side's own making; events that are left are the peer's bytes, and beyond
/// [`MAX_UNREAD_BYTES`] of them the session ends.
///
/// Times are milliseconds on any one clock.
pub struct PeerSession {
    phase: Phase,
    initiator: bool,
    /// This side's own key.
    local: DevicePublicKey,
    /// Messages that are encrypted already, or need not be.
    outbox: VecDeque<Vec<u8>>,
    ping_due: bool,
    pong_due: bool,
    resets: VecDeque<(StreamId, ResetCode)>,
    streams: LiteMap<StreamId, Stream>,
    /// Streams with something to send, each once. Whose turn it was goes to the end, so a new stream's first frame is sent
    /// before that of any newer one: the peer counts on ascending ids.
    turns: VecDeque<StreamId>,
    /// Id of the next stream that this side opens; none left at the end of the numbers.
    next_local: Option<u32>,
    /// Id of the last stream that the peer opened.
    last_remote: Option<u32>,
    events: VecDeque<SessionEvent>,
    /// Weight of `events`.
    unread: usize,
    /// Bytes of incoming bodies that have not ended.
    underway: usize,
    last_received_ms: u64,
    /// A ping was sent since the last message came.
    pinged: bool,
    /// When to tell a peer that speaks to us that we are here.
    alive_due_ms: Option<u64>,
}

enum Phase {
    /// Waits for the other side's first handshake message.
    Handshake(Box<Handshake>),
    /// The responder, after its handshake message, waits for the initiator to say who it is.
    Answered(Box<Handshake>),
    Established(Box<Transport>),
    /// Between two of the above, never seen from outside.
    Moving,
    Closed,
}

impl PeerSession {
    /// Begins a session. The side with the lower certificate hash has a message to send at once.
    ///
    /// # Errors
    ///
    /// When both certificates are the same, or there are no psks or too many.
    pub fn new(config: SessionConfig, now_ms: u64) -> Result<Self, NewSessionError> {
        if config.local == config.remote {
            return Err(NewSessionError::SameCertificate);
        }
        let initiator = config.local < config.remote;
        if config.psks.is_empty() || config.psks.len() > MAX_PSKS {
            return Err(NewSessionError::Psks);
        }
        let mut handshake = Handshake::new(FORMAT_VERSION, &config, initiator).map_err(|_| NewSessionError::Noise)?;
        let mut outbox = VecDeque::new();
        if initiator {
            let noise = handshake.call().map_err(|_| NewSessionError::Noise)?;
            outbox.push_back(with_version(&noise));
        }
        Ok(Self {
            phase: Phase::Handshake(Box::new(handshake)),
            initiator,
            local: config.key.public(),
            outbox,
            ping_due: false,
            pong_due: false,
            resets: VecDeque::new(),
            streams: LiteMap::new(),
            turns: VecDeque::new(),
            next_local: Some(if initiator { 0 } else { 1 }),
            last_remote: None,
            events: VecDeque::new(),
            unread: 0,
            underway: 0,
            last_received_ms: now_ms,
            pinged: false,
            alive_due_ms: None,
        })
    }

    // ---- What comes in -----------------------------------------------------------------------------------------------

    /// Takes a message from the channel.
    ///
    /// # Errors
    ///
    /// What was wrong with it. The session is closed then, and says so in a [`SessionEvent::Closed`] too. Messages that
    /// come after the end are passed over in silence.
    pub fn handle_message(&mut self, message: &[u8], now_ms: u64) -> Result<(), SessionError> {
        let result = match &self.phase {
            Phase::Closed => return Ok(()),
            _ if message.len() > MAX_MESSAGE_BYTES => Err(SessionError::TooLong),
            Phase::Handshake(_) | Phase::Answered(_) => self.handle_handshake(message, now_ms),
            Phase::Established(_) | Phase::Moving => self.handle_encrypted(message, now_ms),
        };
        if let Err(error) = &result {
            self.end(error.reason());
        }
        result
    }

    fn handle_handshake(&mut self, message: &[u8], now_ms: u64) -> Result<(), SessionError> {
        let (&version, noise) = message.split_first().ok_or(SessionError::MalformedHandshake)?;
        if version > FORMAT_VERSION {
            self.outbox.push_back(with_version(&[REFUSED_VERSION]));
            return Err(SessionError::NewerVersion);
        }
        if version < FORMAT_VERSION {
            return Err(SessionError::MalformedHandshake);
        }
        if noise == [REFUSED_SECRET] {
            return Err(SessionError::WrongSecret);
        }
        match std::mem::replace(&mut self.phase, Phase::Moving) {
            Phase::Handshake(mut handshake) if self.initiator => {
                let (peer, reply) = handshake.confirm(noise).map_err(|error| self.refuse(error))?;
                self.outbox.push_back(with_version(&reply));
                self.establish(*handshake, peer, now_ms)
            }
            Phase::Handshake(mut handshake) => {
                let reply = handshake.answer(noise).map_err(|error| self.refuse(error))?;
                self.outbox.push_back(with_version(&reply));
                self.phase = Phase::Answered(handshake);
                self.heard(now_ms);
                Ok(())
            }
            Phase::Answered(mut handshake) => {
                // A refusal would be of no use: the peer takes all that comes for encrypted by now.
                let peer = handshake.conclude(noise)?;
                self.establish(*handshake, peer, now_ms)
            }
            phase => {
                self.phase = phase;
                Ok(())
            }
        }
    }

    /// Tells the peer of a handshake that failed on account of its secret.
    fn refuse(&mut self, error: SessionError) -> SessionError {
        if error == SessionError::WrongSecret {
            self.outbox.push_back(with_version(&[REFUSED_SECRET]));
        }
        error
    }

    fn establish(&mut self, handshake: Handshake, peer: Peer, now_ms: u64) -> Result<(), SessionError> {
        // Both sides find this out, the initiator's last message being on its way.
        if peer.key == self.local {
            return Err(SessionError::SameDevice);
        }
        let transport = handshake.finish().map_err(|_| SessionError::MalformedHandshake)?;
        self.phase = Phase::Established(Box::new(transport));
        self.heard(now_ms);
        self.tell(SessionEvent::established(peer));
        Ok(())
    }

    fn handle_encrypted(&mut self, message: &[u8], now_ms: u64) -> Result<(), SessionError> {
        let transport = self.transport().ok_or(SessionError::Undecryptable)?;
        let plaintext = transport.decrypt(message).map_err(|_| SessionError::Undecryptable)?;
        self.heard(now_ms);
        self.handle_frame(Frame::decode(&plaintext)?, now_ms)?;
        if self.unread > MAX_UNREAD_BYTES {
            return Err(SessionError::Undrained);
        }
        Ok(())
    }

    fn handle_frame(&mut self, frame: Frame<'_>, now_ms: u64) -> Result<(), SessionError> {
        match frame {
            Frame::Ping => self.pong_due = true,
            Frame::Pong => {}
            Frame::Close { code: CLOSE_NOT_NEEDED } => self.end(CloseReason::Parted),
            Frame::Close { code: CLOSE_REPLACED } => self.end(CloseReason::Replaced),
            Frame::Close { .. } => self.end(CloseReason::ByPeer),
            Frame::Request { stream, end, head } => {
                self.handle_request(stream, end, RequestHead::decode(head)?)?;
            }
            Frame::Response { stream, end, head } => {
                self.handle_response(stream, end, ResponseHead::decode(head)?)?;
            }
            Frame::Body { stream, end, bytes } => self.handle_body(stream, end, bytes)?,
            Frame::Reset { stream, code } => {
                self.check_opened(stream)?;
                if self.remove(stream) {
                    self.tell(SessionEvent::Reset { stream, code });
                }
            }
        }
        if matches!(frame, Frame::Request { .. } | Frame::Response { .. } | Frame::Body { .. })
            && self.alive_due_ms.is_none()
        {
            self.alive_due_ms = Some(now_ms.saturating_add(ALIVE_AFTER_MS));
        }
        Ok(())
    }

    fn handle_request(&mut self, stream: StreamId, end: bool, head: RequestHead) -> Result<(), SessionError> {
        if self.is_local(stream) || self.last_remote.is_some_and(|last| stream.0 <= last) {
            return Err(Violation::OutOfTurn.into());
        }
        // Counts agree on both sides as far as it matters: the peer learns of a stream's end after us, and opens another
        // only then.
        if self.open_streams(false) >= MAX_OPEN_STREAMS {
            return Err(Violation::TooManyStreams.into());
        }
        self.last_remote = Some(stream.0);
        self.streams
            .insert(stream, Stream { ours: false, incoming: Incoming::after_head(end), outgoing: Outgoing::default() });
        self.tell(SessionEvent::Request { stream, head });
        if end {
            self.tell(SessionEvent::Body { stream, bytes: Vec::new(), end });
        }
        Ok(())
    }

    fn handle_response(&mut self, stream: StreamId, end: bool, head: ResponseHead) -> Result<(), SessionError> {
        if !self.is_local(stream) {
            return Err(Violation::UnexpectedResponse.into());
        }
        self.check_opened(stream)?;
        let Some(open) = self.streams.get_mut(&stream) else {
            return Ok(());
        };
        if open.incoming != Incoming::AwaitsHead || !open.outgoing.is_head_sent() {
            return Err(Violation::UnexpectedResponse.into());
        }
        open.incoming = Incoming::after_head(end);
        self.tell(SessionEvent::Response { stream, head });
        if end {
            self.tell(SessionEvent::Body { stream, bytes: Vec::new(), end });
            self.remove_if_over(stream);
        }
        Ok(())
    }

    fn handle_body(&mut self, stream: StreamId, end: bool, bytes: &[u8]) -> Result<(), SessionError> {
        self.check_opened(stream)?;
        let Some(open) = self.streams.get_mut(&stream) else {
            return Ok(());
        };
        let Incoming::Body { received } = &mut open.incoming else {
            return Err(Violation::UnexpectedBody.into());
        };
        if bytes.is_empty() && !end {
            return Err(Violation::UnexpectedBody.into());
        }
        if bytes.len() > MAX_BODY_BYTES - *received {
            return Err(Violation::BodyTooLong.into());
        }
        *received += bytes.len();
        self.underway += bytes.len();
        if self.underway > MAX_BYTES_UNDERWAY {
            let code = ResetCode::TOO_LARGE;
            self.remove(stream);
            self.queue_reset(stream, code)?;
            self.tell(SessionEvent::Reset { stream, code });
            return Ok(());
        }
        if end {
            self.underway -= *received;
            open.incoming = Incoming::Ended;
        }
        self.tell(SessionEvent::Body { stream, bytes: bytes.to_vec(), end });
        self.remove_if_over(stream);
        Ok(())
    }

    /// Takes note of the time. To be called when [`poll_timeout`](Self::poll_timeout) has passed; other times do no harm.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        // A clock that was put back must not keep a lost peer for as long.
        self.last_received_ms = self.last_received_ms.min(now_ms);
        let silent_ms = now_ms - self.last_received_ms;
        if silent_ms >= TIMED_OUT_AFTER_MS {
            self.end(CloseReason::TimedOut);
            return;
        }
        if silent_ms >= PING_AFTER_MS && !self.pinged && self.transport().is_some() {
            self.pinged = true;
            self.ping_due = true;
        }
        if self.alive_due_ms.is_some_and(|due_ms| due_ms <= now_ms) {
            self.alive_due_ms = None;
            self.pong_due = true;
        }
    }

    // ---- What goes out -----------------------------------------------------------------------------------------------

    /// The next message for the channel, of at most [`MAX_MESSAGE_BYTES`].
    ///
    /// After the session closed there may be some left, the last of which tells the peer.
    pub fn poll_message(&mut self) -> Option<Vec<u8>> {
        if let Some(message) = self.outbox.pop_front() {
            return Some(message);
        }
        self.transport()?;
        let frame = self.next_frame()?;
        self.alive_due_ms = None;
        match self.transport()?.encrypt(&frame) {
            Ok(message) => Some(message),
            // Only after 2^64 messages.
            Err(_) => {
                self.end(CloseReason::Local);
                None
            }
        }
    }

    fn next_frame(&mut self) -> Option<Vec<u8>> {
        if std::mem::take(&mut self.pong_due) {
            return Some(Frame::Pong.encode());
        }
        if std::mem::take(&mut self.ping_due) {
            return Some(Frame::Ping.encode());
        }
        if let Some((stream, code)) = self.resets.pop_front() {
            return Some(Frame::Reset { stream, code }.encode());
        }
        while let Some(stream) = self.turns.pop_front() {
            let Some(open) = self.streams.get_mut(&stream) else {
                continue;
            };
            let Some(frame) = open.outgoing.next(stream, open.ours, MAX_PIECE_BYTES) else {
                continue;
            };
            if open.outgoing.is_ready() {
                self.turns.push_back(stream);
            }
            self.remove_if_over(stream);
            return Some(frame);
        }
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        let event = self.events.pop_front()?;
        self.unread -= event.weight();
        Some(event)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` after the end.
    pub fn poll_timeout(&self) -> Option<u64> {
        let silence_ms = match self.phase {
            Phase::Closed => return None,
            Phase::Established(_) if !self.pinged => PING_AFTER_MS,
            _ => TIMED_OUT_AFTER_MS,
        };
        let silence_ends_ms = self.last_received_ms.saturating_add(silence_ms);
        Some(self.alive_due_ms.map_or(silence_ends_ms, |due_ms| due_ms.min(silence_ends_ms)))
    }

    /// Bytes of bodies that wait to be polled as messages. Who streams a large body gives the next piece when this is low.
    pub fn queued_bytes(&self) -> usize {
        self.streams.values().map(|stream| stream.outgoing.queued()).sum()
    }

    // ---- Commands ----------------------------------------------------------------------------------------------------

    /// Asks the peer for something, with a whole body.
    ///
    /// # Errors
    ///
    /// When the session is not established, too many requests are open, or the head or the body is not valid.
    pub fn request(&mut self, head: &RequestHead, body: Vec<u8>) -> Result<StreamId, CommandError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(CommandError::BodyTooLong);
        }
        let stream = self.request_start(head)?;
        self.send_body(stream, body, true)?;
        Ok(stream)
    }

    /// Asks the peer for something; the body follows with [`send_body`](Self::send_body).
    ///
    /// # Errors
    ///
    /// When the session is not established, too many requests are open, or the head is not valid.
    pub fn request_start(&mut self, head: &RequestHead) -> Result<StreamId, CommandError> {
        self.check_established()?;
        let head = head.encode()?;
        if self.open_streams(true) >= MAX_OPEN_STREAMS {
            return Err(CommandError::TooManyStreams);
        }
        let id = self.next_local.ok_or(CommandError::TooManyStreams)?;
        self.next_local = id.checked_add(2);
        let stream = StreamId(id);
        let mut outgoing = Outgoing::default();
        outgoing.begin(head)?;
        let opened = Stream { ours: true, incoming: Incoming::AwaitsHead, outgoing };
        self.streams.insert(stream, opened);
        self.take_turns(stream);
        Ok(stream)
    }

    /// Answers a request of the peer, with a whole body.
    ///
    /// # Errors
    ///
    /// When there is no such stream (any more), it was answered before, or the head or the body is not valid.
    pub fn respond(&mut self, stream: StreamId, head: &ResponseHead, body: Vec<u8>) -> Result<(), CommandError> {
        if body.len() > MAX_BODY_BYTES {
            return Err(CommandError::BodyTooLong);
        }
        self.respond_start(stream, head)?;
        self.send_body(stream, body, true)
    }

    /// Answers a request of the peer; the body follows with [`send_body`](Self::send_body).
    ///
    /// # Errors
    ///
    /// When there is no such stream (any more), it was answered before, or the head is not valid.
    pub fn respond_start(&mut self, stream: StreamId, head: &ResponseHead) -> Result<(), CommandError> {
        self.check_established()?;
        let open = self.streams.get_mut(&stream).ok_or(CommandError::UnknownStream)?;
        if open.ours {
            return Err(CommandError::OutOfTurn);
        }
        open.outgoing.begin(head.encode()?)?;
        self.take_turns(stream);
        Ok(())
    }

    /// Gives a piece of the body of a request or response that was started. The pieces may be of any size; how they are cut
    /// is not preserved.
    ///
    /// # Errors
    ///
    /// When there is no such stream (any more), its head was not given or its end was, or the body gets too long.
    pub fn send_body(&mut self, stream: StreamId, bytes: Vec<u8>, end: bool) -> Result<(), CommandError> {
        self.check_established()?;
        let open = self.streams.get_mut(&stream).ok_or(CommandError::UnknownStream)?;
        open.outgoing.push(bytes, end)?;
        self.take_turns(stream);
        Ok(())
    }

    /// Ends a stream before its time, on both sides. No event tells of it on this one.
    ///
    /// # Errors
    ///
    /// When there is no such stream (any more).
    pub fn reset(&mut self, stream: StreamId, code: ResetCode) -> Result<(), CommandError> {
        self.check_established()?;
        let open = self.streams.get(&stream).ok_or(CommandError::UnknownStream)?;
        // Of a request that never left, the peer needs not hear.
        let known_to_peer = !open.ours || open.outgoing.is_head_sent();
        self.remove(stream);
        if known_to_peer && self.queue_reset(stream, code).is_err() {
            self.end(CloseReason::Protocol);
        }
        Ok(())
    }

    /// Asks the peer for a sign of life now: unless it gives one within [`PROBE_MS`], or [`PROBE_BUSY_MS`] while the channel
    /// `is_busy`, the session ends. For when there is reason to think that it is gone.
    pub fn probe(&mut self, is_busy: bool, now_ms: u64) {
        if self.is_established() {
            self.pinged = true;
            self.ping_due = true;
            let patience = if is_busy { PROBE_BUSY_MS } else { PROBE_MS };
            let as_if_silent_since = now_ms.saturating_sub(TIMED_OUT_AFTER_MS - patience);
            self.last_received_ms = self.last_received_ms.min(as_if_silent_since);
        }
    }

    /// Ends the session and tells the peer.
    pub fn close(&mut self) {
        self.end(CloseReason::Local);
    }

    /// Ends the session and tells the peer that it need not be made again: both reach each other through others.
    pub fn part(&mut self) {
        self.say_close(CLOSE_NOT_NEEDED);
        self.end(CloseReason::Parted);
    }

    /// Ends the session, since somebody else has proved to be the same device, and tells the peer.
    /// A page that was loaded again does so too, and then nobody is left to hear it.
    pub fn replace(&mut self) {
        self.say_close(CLOSE_REPLACED);
        self.end(CloseReason::Replaced);
    }

    /// Whether the peer proved itself and the session is not over.
    pub fn is_established(&self) -> bool {
        matches!(self.phase, Phase::Established(_))
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    // ---- Within ------------------------------------------------------------------------------------------------------

    fn transport(&mut self) -> Option<&mut Transport> {
        match &mut self.phase {
            Phase::Established(transport) => Some(transport),
            Phase::Handshake(_) | Phase::Answered(_) | Phase::Moving | Phase::Closed => None,
        }
    }

    fn heard(&mut self, now_ms: u64) {
        self.last_received_ms = now_ms;
        self.pinged = false;
    }

    fn tell(&mut self, event: SessionEvent) {
        self.unread += event.weight();
        self.events.push_back(event);
    }

    /// Ends the session, once.
    fn end(&mut self, reason: CloseReason) {
        if self.is_closed() {
            return;
        }
        let code = match reason {
            CloseReason::Local => Some(CLOSE_GOODBYE),
            CloseReason::Protocol => Some(CLOSE_VIOLATION),
            CloseReason::TimedOut => Some(CLOSE_TIMED_OUT),
            CloseReason::ByPeer
            | CloseReason::Parted
            | CloseReason::WrongSecret
            | CloseReason::SameDevice
            | CloseReason::Replaced
            | CloseReason::NewerVersion => None,
        };
        if let Some(code) = code {
            self.say_close(code);
        }
        self.phase = Phase::Closed;
        self.ping_due = false;
        self.pong_due = false;
        self.alive_due_ms = None;
        self.underway = 0;
        self.streams.clear();
        self.turns.clear();
        self.resets.clear();
        self.tell(SessionEvent::Closed { reason });
    }

    fn say_close(&mut self, code: u8) {
        if let Some(transport) = self.transport()
            && let Ok(message) = transport.encrypt(&Frame::Close { code }.encode())
        {
            self.outbox.push_back(message);
        }
    }

    fn check_established(&self) -> Result<(), CommandError> {
        if self.is_established() { Ok(()) } else { Err(CommandError::NotEstablished) }
    }

    /// Whether streams with this id are opened by this side.
    fn is_local(&self, stream: StreamId) -> bool {
        stream.0.is_multiple_of(2) == self.initiator
    }

    /// Refuses streams that were never opened. Those that are over pass.
    fn check_opened(&self, stream: StreamId) -> Result<(), Violation> {
        let opened = if self.is_local(stream) {
            self.next_local.is_none_or(|next| stream.0 < next)
        } else {
            self.last_remote.is_some_and(|last| stream.0 <= last)
        };
        if opened { Ok(()) } else { Err(Violation::UnknownStream) }
    }

    fn open_streams(&self, ours: bool) -> usize {
        self.streams.values().filter(|stream| stream.ours == ours).count()
    }

    /// Lets a stream take part in the round, if it has something to send.
    fn take_turns(&mut self, stream: StreamId) {
        let ready = self.streams.get(&stream).is_some_and(|open| open.outgoing.is_ready());
        if ready && !self.turns.contains(&stream) {
            self.turns.push_back(stream);
        }
    }

    fn queue_reset(&mut self, stream: StreamId, code: ResetCode) -> Result<(), Violation> {
        if self.resets.len() >= MAX_QUEUED_RESETS {
            return Err(Violation::TooManyResets);
        }
        self.resets.push_back((stream, code));
        Ok(())
    }

    /// Forgets a stream; whether there was one.
    fn remove(&mut self, stream: StreamId) -> bool {
        let Some(removed) = self.streams.remove(&stream) else {
            return false;
        };
        self.underway -= removed.incoming.underway();
        self.turns.retain(|other| *other != stream);
        true
    }

    fn remove_if_over(&mut self, stream: StreamId) {
        let is_over =
            self.streams.get(&stream).is_some_and(|open| open.incoming == Incoming::Ended && open.outgoing.is_sent());
        if is_over {
            self.remove(stream);
        }
    }

    /// Encrypts any bytes in place of a frame, as a peer with bad intentions would.
    #[cfg(test)]
    pub(super) fn seal(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.transport().unwrap().encrypt(plaintext).unwrap()
    }
}

impl fmt::Debug for PeerSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match &self.phase {
            Phase::Handshake(_) => "Handshake",
            Phase::Answered(_) => "Answered",
            Phase::Established(_) => "Established",
            Phase::Moving => "Moving",
            Phase::Closed => "Closed",
        };
        f.debug_struct("PeerSession")
            .field("phase", &format_args!("{phase}"))
            .field("initiator", &self.initiator)
            .field("streams", &self.streams.len())
            .finish_non_exhaustive()
    }
}

fn with_version(rest: &[u8]) -> Vec<u8> {
    [&[FORMAT_VERSION], rest].concat()
}
