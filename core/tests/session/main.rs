//! Alice and Bob talk; now and then somebody else tries to. The same tests run natively and in a browser.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod stage;

use partyline_core::id::{CertHash, RoomId};
use partyline_core::session::limits::{
    MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_OPEN_STREAMS, PROBE_BUSY_MS, PROBE_MS, TIMED_OUT_AFTER_MS,
};
use partyline_core::session::{
    CloseReason, CommandError, FORMAT_VERSION, HeadError, MAX_MESSAGE_BYTES, NewSessionError, PeerSession, RequestHead,
    ResetCode, ResponseHead, Run, SessionError, SessionEvent,
};
use stage::{Stage, alices_config, bobs_config, key, psk};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

fn closed(reason: CloseReason) -> SessionEvent {
    SessionEvent::Closed { reason }
}

// ---- Meeting -------------------------------------------------------------------------------------------------------------

#[test]
fn two_members_meet() {
    let mut stage = Stage::new(alices_config(), bobs_config());
    stage.run();
    let met = |n| SessionEvent::Established { device: key(n).device(), run: Run([n; 4]), psk: 0 };
    assert_eq!(stage.alice.events(), [met(2)]);
    assert_eq!(stage.bob.events(), [met(1)]);
}

#[test]
fn nobody_meets_herself() {
    let mut config = alices_config();
    config.remote = config.local;
    assert_eq!(PeerSession::new(config, 0).err(), Some(NewSessionError::SameCertificate));
}

#[test]
fn a_stranger_with_another_secret_gets_nothing() {
    for (alice_knows, bob_knows) in [(8, 9), (9, 8)] {
        let (mut alice, mut bob) = (alices_config(), bobs_config());
        alice.psks = vec![psk(alice_knows)];
        bob.psks = vec![psk(bob_knows)];
        let mut stage = Stage::new(alice, bob);
        stage.run();
        assert_eq!(stage.alice.events(), [closed(CloseReason::WrongSecret)]);
        assert_eq!(stage.bob.events(), [closed(CloseReason::WrongSecret)]);
    }
}

#[test]
fn a_member_of_another_room_gets_nothing() {
    let mut bob = bobs_config();
    bob.room = RoomId::from_random_bytes([1; 16]);
    let mut stage = Stage::new(alices_config(), bob);
    stage.run();
    assert_eq!(stage.alice.events(), [closed(CloseReason::WrongSecret)]);
    assert_eq!(stage.bob.events(), [closed(CloseReason::WrongSecret)]);
}

/// Mallory answers Alice's dial and dials Bob, with certificates of her own, and hands every message on unchanged.
#[test]
fn a_man_in_the_middle_is_found_out() {
    let (alices, bobs) = ([1; 32], [2; 32]);
    // On both sides, and on one side only; with hashes that fit the parts of both in the handshake, and that do not.
    for (shown_to_alice, shown_to_bob) in
        [([3; 32], [3; 32]), ([3; 32], [0; 32]), ([0; 32], [3; 32]), (bobs, [0; 32]), ([3; 32], alices)]
    {
        let (mut alice, mut bob) = (alices_config(), bobs_config());
        alice.remote = CertHash::from_bytes(shown_to_alice);
        bob.remote = CertHash::from_bytes(shown_to_bob);
        let mut stage = Stage::new(alice, bob);
        stage.wait(10_000);
        let alice_heard = stage.alice.events();
        let bob_heard = stage.bob.events();
        assert!(matches!(alice_heard[..], [SessionEvent::Closed { .. }]), "{alice_heard:?}");
        assert!(matches!(bob_heard[..], [SessionEvent::Closed { .. }]), "{bob_heard:?}");
    }
}

#[test]
fn a_recorded_handshake_establishes_nothing() {
    let mut stage = Stage::new(alices_config(), bobs_config());
    stage.alice.speak();
    let first = stage.alice.said.pop_front().unwrap();
    stage.bob.hear(&first, 0);
    stage.bob.speak();
    let second = stage.bob.said.pop_front().unwrap();
    stage.alice.hear(&second, 0);
    stage.alice.speak();
    let third = stage.alice.said.pop_front().unwrap();
    // Years later, to a Bob with another ephemeral key.
    let mut bob = bobs_config();
    bob.ephemeral = [77; 32];
    let mut stage = Stage::new(alices_config(), bob);
    stage.bob.hear(&first, 0);
    stage.bob.speak();
    assert_eq!(stage.bob.said.len(), 1);
    assert_eq!(stage.bob.events(), []);
    assert!(!stage.bob.session.is_established());
    // Nor does what Alice said after it back then.
    stage.bob.hear(&third, 0);
    assert_eq!(stage.bob.events(), [closed(CloseReason::WrongSecret)]);
}

#[test]
fn a_newer_version_is_named() {
    let mut stage = Stage::new(alices_config(), bobs_config());
    stage.alice.speak();
    let mut hello = stage.alice.said.pop_front().unwrap();
    hello[0] = FORMAT_VERSION + 1;
    assert_eq!(stage.bob.session.handle_message(&hello, 0), Err(SessionError::NewerVersion));
    stage.bob.listen();
    assert_eq!(stage.bob.events(), [closed(CloseReason::NewerVersion)]);
    assert_eq!(CloseReason::NewerVersion.to_string(), "The other device runs a newer Partyline; update this one");
}

#[test]
fn garbage_in_place_of_a_handshake_ends_it() {
    let long = vec![FORMAT_VERSION; MAX_MESSAGE_BYTES + 1];
    let random = [&[FORMAT_VERSION], [0xa5; 112].as_slice()].concat();
    for (garbage, error) in [
        (&[][..], SessionError::MalformedHandshake),
        (&[0], SessionError::MalformedHandshake),
        (&[FORMAT_VERSION], SessionError::MalformedHandshake),
        (&[FORMAT_VERSION, 9], SessionError::MalformedHandshake),
        (&random[..68], SessionError::MalformedHandshake),
        (&[FORMAT_VERSION; 66], SessionError::MalformedHandshake),
        (&long[..], SessionError::TooLong),
        (&random[..], SessionError::WrongSecret),
    ] {
        let mut stage = Stage::new(alices_config(), bobs_config());
        for actor in [&mut stage.alice, &mut stage.bob] {
            assert_eq!(actor.session.handle_message(garbage, 0), Err(error), "{garbage:?}");
            actor.listen();
            assert_eq!(actor.events(), [closed(error.reason())]);
        }
    }
}

#[test]
fn every_bit_of_a_handshake_counts() {
    for bit in 0..49 * 8 {
        let mut stage = Stage::new(alices_config(), bobs_config());
        stage.alice.speak();
        let mut hello = stage.alice.said.pop_front().unwrap();
        hello[bit / 8] ^= 1 << (bit % 8);
        assert!(stage.bob.session.handle_message(&hello, 0).is_err(), "bit {bit}");
    }
}

// ---- Asking and answering ------------------------------------------------------------------------------------------------

#[test]
fn each_asks_the_other() {
    let mut stage = Stage::established();
    let to_bob = stage.alice.get("/from/alice");
    let to_alice = stage.bob.post("/from/bob", b"how are you?".to_vec());
    stage.run();

    let (stream, head) = stage.bob.request();
    assert_eq!((stream, head), (to_bob, RequestHead::new("GET", "/from/alice")));
    let heard = stage.alice.events();
    assert_eq!(
        heard,
        [
            SessionEvent::Request { stream: to_alice, head: RequestHead::new("POST", "/from/bob") },
            SessionEvent::Body { stream: to_alice, bytes: b"how are you?".to_vec(), end: true },
        ]
    );

    stage.bob.ok(to_bob, b"hello Alice".to_vec());
    stage.alice.ok(to_alice, b"fine".to_vec());
    stage.run();
    assert_eq!(stage.alice.answer(to_bob), Some((200, b"hello Alice".to_vec())));
    assert_eq!(stage.bob.answer(to_alice), Some((200, b"fine".to_vec())));
}

#[test]
fn heads_arrive_as_they_were_sent() {
    let mut stage = Stage::established();
    let mut asked = RequestHead::new("POST", "/peer/v1/rooms/x/sync?since=1");
    asked.headers.push(("Accept".into(), "application/cbor".into()));
    let stream = stage.alice.session.request(&asked, Vec::new()).unwrap();
    stage.run();
    assert_eq!(stage.bob.request(), (stream, asked));
    let mut answered = ResponseHead::new(404);
    answered.headers.push(("Content-Type".into(), "application/problem+json".into()));
    stage.bob.session.respond(stream, &answered, Vec::new()).unwrap();
    stage.run();
    assert_eq!(
        stage.alice.events(),
        [
            SessionEvent::Response { stream, head: answered },
            SessionEvent::Body { stream, bytes: Vec::new(), end: true },
        ]
    );
}

#[test]
fn an_answer_can_be_streamed() {
    let mut stage = Stage::established();
    let stream = stage.alice.get("/slow");
    stage.run();
    stage.bob.session.respond_start(stream, &ResponseHead::new(200)).unwrap();
    for piece in ["one ", "two ", "three"] {
        stage.bob.session.send_body(stream, piece.into(), false).unwrap();
        stage.run();
        assert_eq!(stage.alice.answer(stream), None);
    }
    stage.bob.session.send_body(stream, Vec::new(), true).unwrap();
    stage.run();
    assert_eq!(stage.alice.answer(stream), Some((200, b"one two three".to_vec())));
}

#[test]
fn a_question_can_be_streamed_and_answered_early() {
    let mut stage = Stage::established();
    let stream = stage.alice.session.request_start(&RequestHead::new("POST", "/large")).unwrap();
    stage.run();
    stage.bob.session.respond(stream, &ResponseHead::new(413), Vec::new()).unwrap();
    stage.run();
    assert_eq!(stage.alice.answer(stream), Some((413, Vec::new())));
    stage.alice.session.send_body(stream, b"anyway".to_vec(), true).unwrap();
    stage.run();
    assert_eq!(stage.bob.events().pop(), Some(SessionEvent::Body { stream, bytes: b"anyway".to_vec(), end: true }));
}

#[test]
fn a_large_body_arrives_whole() {
    let body: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut stage = Stage::established();
    let stream = stage.alice.get("/large");
    stage.run();
    stage.bob.ok(stream, body.clone());
    assert_eq!(stage.bob.session.queued_bytes(), body.len());
    stage.run();
    assert_eq!(stage.bob.session.queued_bytes(), 0);
    assert_eq!(stage.alice.answer(stream), Some((200, body)));
}

#[test]
fn a_small_exchange_does_not_wait_for_a_large_one() {
    let mut stage = Stage::established();
    let large = stage.alice.get("/large");
    stage.run();
    stage.bob.ok(large, vec![0; 1_000_000]);
    // The channel takes a few messages; then Alice asks for something small.
    for _ in 0..3 {
        let message = stage.bob.session.poll_message().unwrap();
        stage.alice.hear(&message, 0);
    }
    let small = stage.alice.get("/small");
    stage.alice.speak();
    let question = stage.alice.said.pop_back().unwrap();
    stage.bob.hear(&question, 0);
    stage.bob.ok(small, b"here".to_vec());
    // Head and body of the small one, and a piece of the large one before each.
    for _ in 0..4 {
        let message = stage.bob.session.poll_message().unwrap();
        stage.alice.hear(&message, 0);
    }
    assert_eq!(stage.alice.answer(small), Some((200, b"here".to_vec())));
    assert_eq!(stage.alice.answer(large), None);
}

#[test]
fn many_exchanges_at_once_do_not_mix() {
    let mut stage = Stage::established();
    let streams: Vec<_> = (0..MAX_OPEN_STREAMS).map(|n| stage.alice.get(&format!("/{n}"))).collect();
    assert_eq!(
        stage.alice.session.request(&RequestHead::new("GET", "/more"), Vec::new()),
        Err(CommandError::TooManyStreams)
    );
    stage.run();
    for event in stage.bob.events() {
        if let SessionEvent::Request { stream, head } = event {
            stage.bob.ok(stream, head.path.repeat(10_000).into_bytes());
        }
    }
    stage.run();
    for (n, stream) in streams.into_iter().enumerate() {
        let body = format!("/{n}").repeat(10_000).into_bytes();
        assert_eq!(stage.alice.answer(stream), Some((200, body)));
    }
    stage.alice.get("/more");
}

#[test]
fn nothing_is_said_before_the_other_is_known() {
    let stage = Stage::new(alices_config(), bobs_config());
    for mut actor in [stage.alice, stage.bob] {
        let head = RequestHead::new("GET", "/");
        assert_eq!(actor.session.request(&head, Vec::new()), Err(CommandError::NotEstablished));
    }
}

#[test]
fn commands_out_of_turn_are_refused() {
    let mut stage = Stage::established();
    let ok = ResponseHead::new(200);
    let stream = stage.alice.get("/");
    stage.run();
    // Whoever asks does not answer.
    assert_eq!(stage.alice.session.respond(stream, &ok, Vec::new()), Err(CommandError::OutOfTurn));
    // No body before its head, nothing after its end, no second answer.
    assert_eq!(stage.bob.session.send_body(stream, Vec::new(), true), Err(CommandError::OutOfTurn));
    stage.bob.ok(stream, Vec::new());
    assert_eq!(stage.bob.session.send_body(stream, Vec::new(), true), Err(CommandError::OutOfTurn));
    assert_eq!(stage.bob.session.respond(stream, &ok, Vec::new()), Err(CommandError::OutOfTurn));
    // Once it is over, there is no such stream.
    stage.run();
    assert_eq!(stage.bob.session.respond(stream, &ok, Vec::new()), Err(CommandError::UnknownStream));
    assert_eq!(stage.alice.session.reset(stream, ResetCode::CANCELLED), Err(CommandError::UnknownStream));
}

#[test]
fn what_the_other_would_refuse_is_not_sent() {
    let mut stage = Stage::established();
    let too_long = vec![0; MAX_BODY_BYTES + 1];
    let mut head = RequestHead::new("GET", "/");
    assert_eq!(stage.alice.session.request(&head, too_long), Err(CommandError::BodyTooLong));
    head.headers.push(("x".into(), "y".repeat(MAX_HEAD_BYTES)));
    assert_eq!(stage.alice.session.request(&head, Vec::new()), Err(CommandError::Head(HeadError::TooLong)));
    stage.run();
    assert_eq!(stage.bob.events(), []);
    // And neither took a stream.
    for _ in 0..MAX_OPEN_STREAMS {
        stage.alice.get("/");
    }
}

// ---- Stopping ------------------------------------------------------------------------------------------------------------

#[test]
fn who_asked_may_stop_listening() {
    let mut stage = Stage::established();
    let stream = stage.alice.get("/large");
    stage.run();
    stage.bob.ok(stream, vec![0; 1_000_000]);
    for _ in 0..5 {
        let message = stage.bob.session.poll_message().unwrap();
        stage.alice.hear(&message, 0);
    }
    stage.alice.events();
    stage.alice.reset(stream);
    let reset = stage.alice.session.poll_message().unwrap();
    // What crosses the reset is passed over.
    let crossing = stage.bob.session.poll_message().unwrap();
    stage.alice.hear(&crossing, 0);
    stage.bob.hear(&reset, 0);
    stage.run();
    assert_eq!(stage.alice.events(), []);
    assert_eq!(stage.bob.events().pop(), Some(SessionEvent::Reset { stream, code: ResetCode::CANCELLED }));
    assert_eq!(stage.bob.session.queued_bytes(), 0);
    assert_eq!(stage.bob.session.send_body(stream, Vec::new(), true), Err(CommandError::UnknownStream));
    // The session goes on.
    let next = stage.alice.get("/next");
    stage.run();
    stage.bob.ok(next, b"here".to_vec());
    stage.run();
    assert_eq!(stage.alice.answer(next), Some((200, b"here".to_vec())));
}

#[test]
fn who_is_asked_may_refuse() {
    let mut stage = Stage::established();
    let stream = stage.alice.post("/secrets", vec![0; 100_000]);
    stage.run();
    stage.bob.events();
    stage.bob.session.reset(stream, ResetCode::REFUSED).unwrap();
    stage.run();
    assert_eq!(stage.alice.events(), [SessionEvent::Reset { stream, code: ResetCode::REFUSED }]);
    assert_eq!(stage.bob.events(), []);
}

#[test]
fn a_question_that_was_never_sent_leaves_no_trace() {
    let mut stage = Stage::established();
    let stream = stage.alice.get("/never-mind");
    stage.alice.reset(stream);
    let next = stage.alice.get("/next");
    stage.run();
    assert_eq!(stage.bob.request(), (next, RequestHead::new("GET", "/next")));
    assert!(stage.bob.session.is_established());
}

#[test]
fn who_parts_says_that_it_is_for_good() {
    let mut stage = Stage::established();
    stage.alice.session.part();
    stage.run();
    assert_eq!(stage.alice.events(), [closed(CloseReason::Parted)]);
    assert_eq!(stage.bob.events(), [closed(CloseReason::Parted)]);
}

#[test]
fn a_goodbye_is_heard() {
    let mut stage = Stage::established();
    let stream = stage.alice.get("/unanswered");
    stage.run();
    stage.bob.events();
    stage.alice.session.close();
    stage.alice.session.close();
    stage.run();
    assert_eq!(stage.alice.events(), [closed(CloseReason::Local)]);
    assert_eq!(stage.bob.events(), [closed(CloseReason::ByPeer)]);
    assert_eq!(stage.bob.session.poll_timeout(), None);
    assert_eq!(
        stage.bob.session.respond(stream, &ResponseHead::new(200), Vec::new()),
        Err(CommandError::NotEstablished)
    );
    // After the end all is silence.
    assert_eq!(stage.bob.session.handle_message(b"anything", 0), Ok(()));
    stage.wait(60_000);
    assert_eq!((stage.alice.events(), stage.bob.events()), (vec![], vec![]));
}

// ---- Losing each other ---------------------------------------------------------------------------------------------------

#[test]
fn a_lost_peer_is_noticed_after_8_seconds() {
    let mut stage = Stage::established();
    stage.wire_is_cut = true;
    stage.wait(7_999);
    assert_eq!((stage.alice.events(), stage.bob.events()), (vec![], vec![]));
    stage.wait(1);
    assert_eq!(stage.alice.events(), [closed(CloseReason::TimedOut)]);
    assert_eq!(stage.bob.events(), [closed(CloseReason::TimedOut)]);
}

#[test]
fn a_handshake_that_nobody_answers_times_out() {
    let mut stage = Stage::new(alices_config(), bobs_config());
    stage.wire_is_cut = true;
    stage.wait(TIMED_OUT_AFTER_MS);
    assert_eq!(stage.alice.events(), [closed(CloseReason::TimedOut)]);
    assert_eq!(stage.bob.events(), [closed(CloseReason::TimedOut)]);
}

#[test]
fn two_who_have_nothing_to_say_stay_together() {
    let mut stage = Stage::established();
    let before = stage.delivered;
    stage.wait(3_600_000);
    assert!(stage.alice.session.is_established() && stage.bob.session.is_established());
    // A ping and a pong in three seconds, or both pings at the same moment.
    let messages = stage.delivered - before;
    assert!((2_000..=4_800).contains(&messages), "{messages}");
}

#[test]
fn a_short_silence_is_forgiven() {
    let mut stage = Stage::established();
    for _ in 0..10 {
        stage.wire_is_cut = true;
        stage.wait(2_900);
        stage.wire_is_cut = false;
        stage.wait(3_100);
    }
    assert!(stage.alice.session.is_established() && stage.bob.session.is_established());
}

#[test]
fn a_probe_finds_out_sooner() {
    let mut stage = Stage::established();
    stage.wait(60_000);
    // Bob is there.
    stage.alice.session.probe(false, stage.now_ms);
    stage.wait(60_000);
    assert_eq!((stage.alice.events(), stage.bob.events()), (vec![], vec![]));
    // Bob is gone. Asking again does not put the end off.
    stage.wire_is_cut = true;
    stage.alice.session.probe(false, stage.now_ms);
    stage.wait(PROBE_MS - 1);
    assert_eq!(stage.alice.events(), []);
    stage.alice.session.probe(false, stage.now_ms);
    stage.wait(1);
    assert_eq!(stage.alice.events(), [closed(CloseReason::TimedOut)]);
}

#[test]
fn a_probe_behind_much_else_has_more_time() {
    let mut stage = Stage::established();
    stage.wait(60_000);
    stage.wire_is_cut = true;
    stage.alice.session.probe(true, stage.now_ms);
    stage.wait(PROBE_BUSY_MS - 1);
    assert_eq!(stage.alice.events(), []);
    stage.wait(1);
    assert_eq!(stage.alice.events(), [closed(CloseReason::TimedOut)]);
}

/// Bob sends so much over so slow a line that his own pings would come too late for their answers.
#[test]
fn who_only_listens_says_that_it_is_there() {
    let mut stage = Stage::established();
    let stream = stage.alice.get("/large");
    stage.run();
    stage.bob.ok(stream, vec![0; 1_000_000]);
    let mut spoken = 0;
    for second in 1..=20 {
        let now_ms = second * 1_000;
        let message = stage.bob.session.poll_message().unwrap();
        stage.alice.hear(&message, now_ms);
        stage.alice.session.handle_timeout(now_ms);
        while let Some(message) = stage.alice.session.poll_message() {
            spoken += 1;
            stage.bob.hear(&message, now_ms);
        }
        stage.bob.session.handle_timeout(now_ms);
        assert!(stage.bob.session.is_established());
    }
    assert!((6..=10).contains(&spoken), "{spoken}");
}

#[test]
fn a_clock_that_is_put_back_does_no_harm() {
    let mut stage = Stage::established();
    stage.wait(1_000_000);
    stage.alice.session.handle_timeout(5_000);
    assert!(stage.alice.session.poll_timeout().unwrap() <= 5_000 + TIMED_OUT_AFTER_MS);
    stage.alice.session.handle_timeout(5_000 + TIMED_OUT_AFTER_MS);
    stage.alice.listen();
    assert_eq!(stage.alice.events(), [closed(CloseReason::TimedOut)]);
}

// ---- Tampering -----------------------------------------------------------------------------------------------------------

#[test]
fn a_message_is_taken_once_in_order_and_whole() {
    type Tamper = fn(&[Vec<u8>; 2]) -> Vec<u8>;
    let tampered: [Tamper; 6] = [
        |messages| messages[1].clone(),
        |messages| messages[0][1..].to_vec(),
        |messages| messages[0][..messages[0].len() - 1].to_vec(),
        |messages| {
            let mut changed = messages[0].clone();
            changed[0] ^= 1;
            changed
        },
        |_| Vec::new(),
        |_| vec![0; 15],
    ];
    for tamper in tampered {
        let mut stage = Stage::established();
        stage.alice.get("/one");
        stage.alice.get("/two");
        stage.alice.speak();
        let messages: Vec<Vec<u8>> = stage.alice.said.drain(..).collect();
        let message = tamper(&messages.try_into().unwrap());
        assert_eq!(stage.bob.session.handle_message(&message, 0), Err(SessionError::Undecryptable));
        stage.bob.listen();
        assert_eq!(stage.bob.events(), [closed(CloseReason::Protocol)]);
    }
    let mut stage = Stage::established();
    stage.alice.get("/one");
    stage.alice.speak();
    let message = stage.alice.said.pop_front().unwrap();
    stage.bob.session.handle_message(&message, 0).unwrap();
    assert_eq!(stage.bob.session.handle_message(&message, 0), Err(SessionError::Undecryptable));
    let long = vec![0; MAX_MESSAGE_BYTES + 1];
    assert_eq!(stage.alice.session.handle_message(&long, 0), Err(SessionError::TooLong));
}

#[test]
fn a_violation_is_told_to_who_committed_it() {
    let mut stage = Stage::established();
    stage.bob.hear(b"not even encrypted", 0);
    stage.run();
    assert_eq!(stage.bob.events(), [closed(CloseReason::Protocol)]);
    assert_eq!(stage.alice.events(), [closed(CloseReason::ByPeer)]);
}

#[test]
fn nothing_secret_is_on_the_wire_or_in_a_log() {
    let mut stage = Stage::established();
    stage.alice.post("/peer/v1/rooms/x/changes", b"buy milk and bread".to_vec());
    stage.alice.speak();
    for message in &stage.alice.said {
        assert!(!message.windows(4).any(|bytes| bytes == b"milk" || bytes == b"room"));
    }
    let log = format!("{:?} {:?}", alices_config(), stage.alice.session);
    assert!(!log.contains("8, 8") && !log.contains("1, 1, 1"), "{log}");
}

#[test]
fn who_has_met_another_one_with_the_key_says_so() {
    let mut stage = Stage::established();
    stage.alice.session.replace();
    stage.run();
    assert_eq!(stage.alice.events(), [closed(CloseReason::Replaced)]);
    assert_eq!(stage.bob.events(), [closed(CloseReason::Replaced)]);
}
