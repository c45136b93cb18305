//! A session of two devices: what version 2 says on the wire. What is inside the encrypted messages is checked by the unit
//! tests of `core::session`, against the same file.

use std::collections::BTreeMap;
use std::ops::Range;

use partyline_core::id::{CertHash, RoomId, RoomSecret};
use partyline_core::key::{DeviceKey, Psk};
use partyline_core::session::limits::PROBE_MS;
use partyline_core::session::{
    CloseReason, PeerSession, RequestHead, ResetCode, ResponseHead, Run, SessionConfig, SessionError, SessionEvent,
    StreamId,
};

const SESSION_2: &str = include_str!("session-2.txt");

/// When a line of the story is said, in milliseconds.
fn time_of(line: usize) -> u64 {
    1_000_000 + 100 * line as u64
}

/// What somebody does before saying the next thing.
enum Act {
    /// Says what is due by itself: its part of the handshake, a pong, the rest of a body.
    Nothing,
    /// Method, path, body.
    Ask(&'static str, &'static str, &'static str),
    /// Begins the answer to the request that was heard last.
    Answer(u16),
    /// A piece of that answer's body, and whether it is the last.
    Give(&'static str, bool),
    /// Answers without a body.
    AnswerEmpty(u16),
    /// Ends the request that was made last.
    Cancel,
    Probe,
    Close,
}

/// Who says something, what leads to it, and what the other one hears.
const STORY: [(&str, Act, &str); 18] = [
    ("alice", Act::Nothing, ""),
    ("bob", Act::Nothing, "device 7fc1cdabc6721ca38662fed79968babe, run [2, 2, 2, 2]"),
    ("alice", Act::Nothing, "device 619b0041c379a0b8157e929a88857ff3, run [1, 1, 1, 1]"),
    ("alice", Act::Ask("POST", "/peer/v1/sync", "what I have"), "0: POST /peer/v1/sync text/plain"),
    ("alice", Act::Nothing, "0: “what I have” end"),
    ("bob", Act::Answer(200), "0: 200 text/plain"),
    ("bob", Act::Give("some of it, ", false), "0: “some of it, ”"),
    ("bob", Act::Give("more, ", false), "0: “more, ”"),
    ("bob", Act::Give("the rest", true), "0: “the rest” end"),
    ("bob", Act::Ask("GET", "/peer/v1/health", ""), "1: GET /peer/v1/health text/plain\n1: “” end"),
    ("alice", Act::AnswerEmpty(204), "1: 204 text/plain\n1: “” end"),
    ("alice", Act::Ask("GET", "/peer/v1/tasks?since=3", ""), "2: GET /peer/v1/tasks?since=3 text/plain\n2: “” end"),
    ("bob", Act::Answer(200), "2: 200 text/plain"),
    ("bob", Act::Give("too much", false), "2: “too much”"),
    ("alice", Act::Cancel, "2: reset 0"),
    ("alice", Act::Probe, ""),
    ("bob", Act::Nothing, ""),
    ("alice", Act::Close, "closed: ByPeer"),
];

fn golden() -> BTreeMap<&'static str, Vec<u8>> {
    crate::read(SESSION_2)
}

/// What was said in a line of the story.
fn said(golden: &BTreeMap<&'static str, Vec<u8>>, line: usize) -> Vec<u8> {
    golden[format!("{:02}-{}", line + 1, STORY[line].0).as_str()].clone()
}

fn config(who: &str) -> SessionConfig {
    let hash = |of: &str| CertHash::from_bytes([if of == "alice" { 5 } else { 9 }; 32]);
    let (other, number, key) = if who == "alice" {
        ("bob", 1, b"alice...........................")
    } else {
        ("alice", 2, b"bob.............................")
    };
    let room = RoomId::from_random_bytes([3; 16]);
    SessionConfig {
        room,
        psks: vec![Psk::of_room(&RoomSecret::from_bytes([4; 32]), room)],
        local: hash(who),
        remote: hash(other),
        key: DeviceKey::from_random_bytes(*key),
        run: Run([number; 4]),
        ephemeral: [number; 32],
    }
}

/// One side of the story. The other one is the record.
struct Actor {
    who: &'static str,
    session: PeerSession,
    /// Streams of the requests that were made.
    made: Vec<StreamId>,
    /// Streams of the requests that were heard.
    heard: Vec<StreamId>,
}

impl Actor {
    fn new(who: &'static str) -> Self {
        Self { who, session: PeerSession::new(config(who), time_of(0)).unwrap(), made: Vec::new(), heard: Vec::new() }
    }

    /// Plays some lines: says what is on record and hears what it means.
    fn live_through(&mut self, lines: Range<usize>, golden: &BTreeMap<&'static str, Vec<u8>>) {
        for line in lines {
            let (who, act, heard) = &STORY[line];
            let now_ms = time_of(line);
            if *who == self.who {
                self.act(act, now_ms);
                let spoken = self.session.poll_message().unwrap_or_else(|| panic!("silent in line {line}"));
                assert_eq!(hex(&spoken), hex(&said(golden, line)), "line {line}");
            } else {
                self.session.handle_message(&said(golden, line), now_ms).unwrap();
                assert_eq!(self.words(), *heard, "line {line}");
            }
        }
    }

    fn act(&mut self, act: &Act, now_ms: u64) {
        let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        let session = &mut self.session;
        let answered = self.heard.last().copied();
        match *act {
            Act::Nothing => {}
            Act::Ask(method, path, body) => {
                let head = RequestHead { headers, ..RequestHead::new(method, path) };
                self.made.push(session.request(&head, body.into()).unwrap());
            }
            Act::Answer(status) => {
                session.respond_start(answered.unwrap(), &ResponseHead { status, headers }).unwrap();
            }
            Act::Give(piece, end) => session.send_body(answered.unwrap(), piece.into(), end).unwrap(),
            Act::AnswerEmpty(status) => {
                session.respond(answered.unwrap(), &ResponseHead { status, headers }, Vec::new()).unwrap();
            }
            Act::Cancel => session.reset(*self.made.last().unwrap(), ResetCode::CANCELLED).unwrap(),
            Act::Probe => session.probe(false, now_ms),
            Act::Close => session.close(),
        }
    }

    /// What was heard since the last time, an event a line.
    fn words(&mut self) -> String {
        let events: Vec<SessionEvent> = std::iter::from_fn(|| self.session.poll_event()).collect();
        let of_type = |headers: &[(String, String)]| match headers {
            [(name, value)] if name == "content-type" => value.clone(),
            others => panic!("{others:?}"),
        };
        let words = |event: &SessionEvent| match event {
            SessionEvent::Established { device, run, .. } => format!("device {device}, run {:?}", run.0),
            SessionEvent::Request { stream, head } => {
                self.heard.push(*stream);
                format!("{stream}: {} {} {}", head.method, head.path, of_type(&head.headers))
            }
            SessionEvent::Response { stream, head } => format!("{stream}: {} {}", head.status, of_type(&head.headers)),
            SessionEvent::Body { stream, bytes, end } => {
                let text = std::str::from_utf8(bytes).unwrap();
                format!("{stream}: “{text}”{}", if *end { " end" } else { "" })
            }
            SessionEvent::Reset { stream, code } => format!("{stream}: reset {}", code.0),
            SessionEvent::Closed { reason } => format!("closed: {reason:?}"),
        };
        events.iter().map(words).collect::<Vec<_>>().join("\n")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Damaged copies of a message: a bit turned here and there, cut short, and with a byte too many.
fn damaged(message: &[u8]) -> Vec<Vec<u8>> {
    let turned = (0..message.len()).step_by(5).chain([message.len() - 1]).flat_map(|at| {
        [0x01, 0x80].map(|bit| {
            let mut copy = message.to_vec();
            copy[at] ^= bit;
            copy
        })
    });
    let cut = [0, 1, message.len() / 2, message.len() - 1].map(|length| message[..length].to_vec());
    turned.chain(cut).chain([[message, &[0]].concat()]).collect()
}

/// Whoever meets a device of version 2 understands it, and says the same bytes to it as a device of version 2 would.
#[test]
fn each_side_of_a_recorded_session_hears_and_says_the_same() {
    let golden = golden();
    for who in ["alice", "bob"] {
        let mut actor = Actor::new(who);
        let last = STORY.len() - 1;
        actor.live_through(0..last, &golden);
        assert!(actor.session.is_established());
        actor.live_through(last..STORY.len(), &golden);
        assert!(actor.session.is_closed());
        assert_eq!(actor.session.poll_message(), None);
    }
    let messages = golden.keys().filter(|name| name.ends_with("-alice") || name.ends_with("-bob"));
    assert_eq!(messages.count(), STORY.len());
}

#[test]
fn a_recorded_pong_answers_the_probe() {
    let golden = golden();
    let probe = STORY.iter().position(|(_, act, _)| matches!(act, Act::Probe)).unwrap();
    let end_ms = time_of(probe) + PROBE_MS;
    for (lines, dead) in [(probe + 1, true), (probe + 2, false)] {
        let mut alice = Actor::new("alice");
        alice.live_through(0..lines, &golden);
        alice.session.handle_timeout(end_ms);
        assert_eq!(alice.words(), if dead { "closed: TimedOut" } else { "" });
    }
}

#[test]
fn a_damaged_copy_of_any_message_ends_the_session() {
    let golden = golden();
    for (line, (who, ..)) in STORY.iter().enumerate() {
        for copy in damaged(&said(&golden, line)) {
            let mut listener = Actor::new(if *who == "alice" { "bob" } else { "alice" });
            listener.live_through(0..line, &golden);
            let error = listener.session.handle_message(&copy, 0).expect_err(&hex(&copy));
            assert_eq!(listener.words(), format!("closed: {:?}", error.reason()));
            // What comes after it is heard by nobody.
            assert_eq!(listener.session.handle_message(&said(&golden, line), 0), Ok(()));
            assert_eq!(listener.words(), "");
        }
    }
}

#[test]
fn a_message_that_is_lost_or_comes_twice_ends_the_session() {
    let golden = golden();
    // Of the encrypted ones, those that the same one says in a row.
    for line in (4..STORY.len()).filter(|line| STORY[line - 1].0 == STORY[*line].0) {
        let listener = if STORY[line].0 == "alice" { "bob" } else { "alice" };
        for (known, next) in [(line - 1, line), (line, line - 1)] {
            let mut listener = Actor::new(listener);
            listener.live_through(0..known, &golden);
            let heard = listener.session.handle_message(&said(&golden, next), 0);
            assert_eq!(heard, Err(SessionError::Undecryptable), "line {line}");
        }
    }
}

#[test]
fn refusals_of_version_2_are_said_and_understood() {
    let golden = golden();
    let psk = Psk::of_room(&RoomSecret::from_bytes([7; 32]), config("bob").room);
    let mut stranger = PeerSession::new(SessionConfig { psks: vec![psk], ..config("bob") }, 0).unwrap();
    assert_eq!(stranger.handle_message(&said(&golden, 0), 0), Err(SessionError::WrongSecret));
    assert_eq!(stranger.poll_message().as_ref(), Some(&golden["refused-secret"]));

    let mut alice = Actor::new("alice");
    alice.live_through(0..1, &golden);
    assert_eq!(alice.session.handle_message(&golden["refused-secret"], 0), Err(SessionError::WrongSecret));
    assert_eq!(alice.words(), format!("closed: {:?}", CloseReason::WrongSecret));

    let mut newer = said(&golden, 0);
    newer[0] += 1;
    let mut bob = Actor::new("bob");
    assert_eq!(bob.session.handle_message(&newer, 0), Err(SessionError::NewerVersion));
    assert_eq!(bob.session.poll_message().as_ref(), Some(&golden["refused-version"]));
}
