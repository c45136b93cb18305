//! What a member with bad intentions may try: it knows the secret, so its frames decrypt.

use proptest::collection::vec;
use proptest::prelude::*;

use super::frame::Frame;
use super::limits::{MAX_BODY_BYTES, MAX_BYTES_UNDERWAY, MAX_OPEN_STREAMS, MAX_QUEUED_RESETS};
use super::*;
use crate::id::{CertHash, RoomId, RoomSecret};
use crate::key::{DeviceKey, Psk};

/// Alice, who is honest, and Mallory, whose frames are written by hand. Mallory is the Noise initiator.
struct Scene {
    alice: PeerSession,
    mallory: PeerSession,
}

impl Scene {
    fn new() -> Self {
        let room = RoomId::from_random_bytes([1; 16]);
        let config = |local: u8, remote: u8| SessionConfig {
            run: Run([7; 4]),
            room,
            psks: vec![Psk::of_room(&RoomSecret::from_bytes([2; 32]), room)],
            local: CertHash::from_bytes([local; 32]),
            remote: CertHash::from_bytes([remote; 32]),
            key: DeviceKey::from_random_bytes([local + 100; 32]),
            ephemeral: [local; 32],
        };
        let mut scene = Self {
            alice: PeerSession::new(config(9, 5), 0).unwrap(),
            mallory: PeerSession::new(config(5, 9), 0).unwrap(),
        };
        for _ in 0..3 {
            while let Some(message) = scene.mallory.poll_message() {
                scene.alice.handle_message(&message, 0).unwrap();
            }
            scene.drain();
        }
        assert!(scene.alice.is_established());
        while scene.alice.poll_event().is_some() {}
        scene
    }

    fn drain(&mut self) {
        while let Some(message) = self.alice.poll_message() {
            self.mallory.handle_message(&message, 0).unwrap();
        }
    }

    /// Mallory sends any bytes as a frame. Alice's events are drained.
    fn send_bytes(&mut self, plaintext: &[u8]) -> Result<Vec<SessionEvent>, SessionError> {
        let message = self.mallory.seal(plaintext);
        let result = self.alice.handle_message(&message, 0);
        let events = std::iter::from_fn(|| self.alice.poll_event()).collect();
        result.map(|()| events)
    }

    fn send(&mut self, frame: Frame<'_>) -> Result<Vec<SessionEvent>, SessionError> {
        self.send_bytes(&frame.encode())
    }

    fn open(&mut self, id: u32, end: bool) -> Result<Vec<SessionEvent>, SessionError> {
        let head = RequestHead::new("GET", "/").encode().unwrap();
        self.send(Frame::Request { stream: StreamId(id), end, head: &head })
    }

    fn body(&mut self, id: u32, bytes: &[u8], end: bool) -> Result<Vec<SessionEvent>, SessionError> {
        self.send(Frame::Body { stream: StreamId(id), end, bytes })
    }

    fn respond(&mut self, id: u32, end: bool) -> Result<Vec<SessionEvent>, SessionError> {
        let head = ResponseHead::new(200).encode().unwrap();
        self.send(Frame::Response { stream: StreamId(id), end, head: &head })
    }

    fn assert_ended_by<T: std::fmt::Debug>(&self, result: Result<T, SessionError>, error: impl Into<SessionError>) {
        let error = error.into();
        assert_eq!(result.unwrap_err(), error);
        assert_eq!(error.reason(), CloseReason::Protocol);
        assert!(self.alice.is_closed());
    }
}

/// Body pieces of the size that goes into one message.
const PIECE: &[u8] = &[0; 16_000];

#[test]
fn streams_are_opened_in_turn() {
    for ids in [&[1][..], &[0, 0], &[4, 2], &[0, 3]] {
        let mut scene = Scene::new();
        let (last, first) = ids.split_last().unwrap();
        for id in first {
            scene.open(*id, true).unwrap();
        }
        let result = scene.open(*last, true);
        scene.assert_ended_by(result, Violation::OutOfTurn);
    }
}

#[test]
fn ids_may_be_left_out() {
    let mut scene = Scene::new();
    scene.open(0, true).unwrap();
    scene.open(100, true).unwrap();
    scene.open(u32::MAX - 1, true).unwrap();
    // An id that was left out counts as a stream that is over.
    assert_eq!(scene.body(50, b"x", true), Ok(vec![]));
}

#[test]
fn streams_that_never_were_have_no_frames() {
    let reset = Frame::Reset { stream: StreamId(0), code: ResetCode::CANCELLED };
    let mut scene = Scene::new();
    let result = scene.send(reset);
    scene.assert_ended_by(result, Violation::UnknownStream);
    let mut scene = Scene::new();
    let result = scene.body(0, b"x", true);
    scene.assert_ended_by(result, Violation::UnknownStream);
    let mut scene = Scene::new();
    let result = scene.body(1, b"x", true);
    scene.assert_ended_by(result, Violation::UnknownStream);
    let mut scene = Scene::new();
    let result = scene.respond(1, true);
    scene.assert_ended_by(result, Violation::UnknownStream);
}

#[test]
fn open_streams_are_limited() {
    let mut scene = Scene::new();
    for n in 0..MAX_OPEN_STREAMS as u32 {
        scene.open(2 * n, true).unwrap();
    }
    let result = scene.open(1000, true);
    scene.assert_ended_by(result, Violation::TooManyStreams);
}

#[test]
fn an_answered_stream_counts_no_more() {
    let mut scene = Scene::new();
    for n in 0..3 * MAX_OPEN_STREAMS as u32 {
        scene.open(2 * n, true).unwrap();
        scene.alice.respond(StreamId(2 * n), &ResponseHead::new(204), Vec::new()).unwrap();
        while scene.alice.poll_message().is_some() {}
    }
}

#[test]
fn responses_are_those_that_somebody_waits_for() {
    // To her own request.
    let mut scene = Scene::new();
    scene.open(0, true).unwrap();
    let result = scene.respond(0, true);
    scene.assert_ended_by(result, Violation::UnexpectedResponse);
    // Twice.
    let mut scene = Scene::new();
    scene.alice.request(&RequestHead::new("GET", "/"), Vec::new()).unwrap();
    scene.drain();
    scene.respond(1, false).unwrap();
    let result = scene.respond(1, false);
    scene.assert_ended_by(result, Violation::UnexpectedResponse);
    // Before the request was sent.
    let mut scene = Scene::new();
    scene.alice.request(&RequestHead::new("GET", "/"), Vec::new()).unwrap();
    let result = scene.respond(1, false);
    scene.assert_ended_by(result, Violation::UnexpectedResponse);
}

#[test]
fn bodies_stand_between_head_and_end() {
    // Before the response's head.
    let mut scene = Scene::new();
    scene.alice.request(&RequestHead::new("GET", "/"), Vec::new()).unwrap();
    scene.drain();
    let result = scene.body(1, b"x", true);
    scene.assert_ended_by(result, Violation::UnexpectedBody);
    // After the end.
    let mut scene = Scene::new();
    scene.open(0, true).unwrap();
    let result = scene.body(0, b"x", true);
    scene.assert_ended_by(result, Violation::UnexpectedBody);
    // Nothing, again and again.
    let mut scene = Scene::new();
    scene.open(0, false).unwrap();
    let result = scene.body(0, b"", false);
    scene.assert_ended_by(result, Violation::UnexpectedBody);
}

#[test]
fn a_body_is_limited() {
    let mut scene = Scene::new();
    scene.open(0, false).unwrap();
    for _ in 0..MAX_BODY_BYTES / PIECE.len() {
        scene.body(0, PIECE, false).unwrap();
    }
    let result = scene.body(0, PIECE, false);
    scene.assert_ended_by(result, Violation::BodyTooLong);
}

#[test]
fn bodies_underway_are_limited_together() {
    let mut scene = Scene::new();
    for id in [0, 2, 4, 6] {
        scene.open(id, false).unwrap();
    }
    let pieces = MAX_BYTES_UNDERWAY / PIECE.len();
    for n in 0..pieces {
        scene.body([0, 2, 4][n % 3], PIECE, false).unwrap();
    }
    let reset = SessionEvent::Reset { stream: StreamId(6), code: ResetCode::TOO_LARGE };
    let last = MAX_BYTES_UNDERWAY - pieces * PIECE.len() + 1;
    assert_eq!(scene.body(6, &PIECE[..last], false), Ok(vec![reset.clone()]));
    // Her next piece crosses the reset, and is passed over.
    assert_eq!(scene.body(6, PIECE, true), Ok(vec![]));
    // Streams that end make room, and so do streams that are reset.
    let third = pieces / 3;
    scene.body(0, b"x", true).unwrap();
    scene.open(8, false).unwrap();
    for _ in 0..third {
        let events = scene.body(8, PIECE, false).unwrap();
        assert!(matches!(events[..], [SessionEvent::Body { .. }]), "{events:?}");
    }
    scene.send(Frame::Reset { stream: StreamId(2), code: ResetCode::CANCELLED }).unwrap();
    scene.open(10, false).unwrap();
    for _ in 0..third {
        let events = scene.body(10, PIECE, false).unwrap();
        assert!(matches!(events[..], [SessionEvent::Body { .. }]), "{events:?}");
    }
}

#[test]
fn refused_requests_do_not_pile_up() {
    let mut scene = Scene::new();
    for n in 0..=MAX_QUEUED_RESETS as u32 {
        scene.open(2 * n, true).unwrap();
        scene.alice.reset(StreamId(2 * n), ResetCode::REFUSED).unwrap();
    }
    assert_eq!(scene.alice.poll_event(), Some(SessionEvent::Closed { reason: CloseReason::Protocol }));
}

#[test]
fn events_that_nobody_polls_end_the_session() {
    let mut scene = Scene::new();
    scene.open(0, false).unwrap();
    let frame = Frame::Body { stream: StreamId(0), end: false, bytes: PIECE }.encode();
    let taken = (0..1000).take_while(|_| {
        let message = scene.mallory.seal(&frame);
        scene.alice.handle_message(&message, 0).is_ok()
    });
    assert_eq!(taken.count(), limits::MAX_UNREAD_BYTES / (PIECE.len() + 64));
    assert!(scene.alice.is_closed());
}

#[test]
fn pings_do_not_pile_up() {
    let mut scene = Scene::new();
    for _ in 0..1000 {
        scene.send(Frame::Ping).unwrap();
    }
    assert!(scene.alice.poll_message().is_some());
    assert_eq!(scene.alice.poll_message(), None);
}

#[test]
fn heads_are_checked() {
    let mut scene = Scene::new();
    let result = scene.send(Frame::Request { stream: StreamId(0), end: true, head: b"GET /" });
    scene.assert_ended_by(result, HeadError::Malformed);
}

#[test]
fn what_decrypts_to_no_frame_ends_the_session() {
    for plaintext in [&[][..], &[7], &[0, 0], &[4, 0, 0]] {
        let mut scene = Scene::new();
        let error = Frame::decode(plaintext).unwrap_err();
        let result = scene.send_bytes(plaintext);
        scene.assert_ended_by(result, error);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Request { id: u32, end: bool },
    Response { id: u32, end: bool },
    Body { id: u32, length: usize, end: bool },
    Reset { id: u32 },
    Ping,
    AliceAsks,
    AliceAnswers { id: u32, length: usize },
    AliceResets { id: u32 },
    Wait { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0_u32..12;
    prop_oneof![
        1 => vec(any::<u8>(), 0..30).prop_map(Step::Bytes),
        6 => (id.clone(), any::<bool>()).prop_map(|(id, end)| Step::Request { id, end }),
        6 => (id.clone(), any::<bool>()).prop_map(|(id, end)| Step::Response { id, end }),
        6 => (id.clone(), 0_usize..3, any::<bool>())
            .prop_map(|(id, length, end)| Step::Body { id, length, end }),
        2 => id.clone().prop_map(|id| Step::Reset { id }),
        1 => Just(Step::Ping),
        6 => Just(Step::AliceAsks),
        6 => (id.clone(), 0_usize..40_000).prop_map(|(id, length)| Step::AliceAnswers { id, length }),
        2 => id.prop_map(|id| Step::AliceResets { id }),
        1 => (0_u64..4000).prop_map(|ms| Step::Wait { ms }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever a member sends, and whenever, the other side gives well-formed events or ends the session, once.
    #[test]
    fn any_sequence_of_frames_is_survived(steps in vec(step(), 0..40)) {
        let mut scene = Scene::new();
        let mut now_ms = 0;
        let mut closed = 0;
        let mut in_body = std::collections::BTreeSet::new();
        for step in steps {
            let sent = match step {
                Step::Bytes(bytes) => Some(bytes),
                Step::Request { id, end } => {
                    let head = RequestHead::new("GET", "/").encode().unwrap();
                    Some(Frame::Request { stream: StreamId(id), end, head: &head }.encode())
                }
                Step::Response { id, end } => {
                    let head = ResponseHead::new(200).encode().unwrap();
                    Some(Frame::Response { stream: StreamId(id), end, head: &head }.encode())
                }
                Step::Body { id, length, end } => {
                    Some(Frame::Body { stream: StreamId(id), end, bytes: &PIECE[..length] }.encode())
                }
                Step::Reset { id } => {
                    Some(Frame::Reset { stream: StreamId(id), code: ResetCode(7) }.encode())
                }
                Step::Ping => Some(Frame::Ping.encode()),
                Step::AliceAsks => {
                    let _ = scene.alice.request(&RequestHead::new("GET", "/"), vec![0; 10]);
                    None
                }
                Step::AliceAnswers { id, length } => {
                    let head = ResponseHead::new(200);
                    let _ = scene.alice.respond(StreamId(id), &head, vec![0; length]);
                    None
                }
                Step::AliceResets { id } => {
                    if scene.alice.reset(StreamId(id), ResetCode::CANCELLED).is_ok() {
                        in_body.remove(&StreamId(id));
                    }
                    None
                }
                Step::Wait { ms } => {
                    now_ms += ms;
                    scene.alice.handle_timeout(now_ms);
                    None
                }
            };
            if let Some(plaintext) = sent {
                let message = scene.mallory.seal(&plaintext);
                let was_closed = scene.alice.is_closed();
                let result = scene.alice.handle_message(&message, now_ms);
                prop_assert!(result.is_ok() || (!was_closed && scene.alice.is_closed()));
            }
            while let Some(event) = scene.alice.poll_event() {
                prop_assert_eq!(closed, 0, "nothing follows the end");
                match event {
                    SessionEvent::Request { stream, .. } | SessionEvent::Response { stream, .. } => {
                        prop_assert!(in_body.insert(stream));
                    }
                    SessionEvent::Body { stream, bytes, end } => {
                        prop_assert!(in_body.contains(&stream));
                        prop_assert!(end || !bytes.is_empty());
                        if end {
                            in_body.remove(&stream);
                        }
                    }
                    SessionEvent::Reset { stream, .. } => {
                        in_body.remove(&stream);
                    }
                    SessionEvent::Closed { .. } => closed += 1,
                    SessionEvent::Established { .. } => prop_assert!(false, "once is enough"),
                }
            }
            while let Some(message) = scene.alice.poll_message() {
                prop_assert!(message.len() <= MAX_MESSAGE_BYTES);
            }
            prop_assert_eq!(scene.alice.is_closed(), closed == 1);
            prop_assert_eq!(scene.alice.poll_timeout().is_none(), closed == 1);
        }
    }
}
