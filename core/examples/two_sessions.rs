//! Two sessions shake hands and sync one replica from the other, over messages in memory.
//!
//! `cargo run -p partyline-core --example two_sessions`

use std::error::Error;

use partyline_core::id::{CertHash, RoomId, RoomSecret, TaskId};
use partyline_core::key::{DeviceKey, Psk};
use partyline_core::replica::{ObjectId, Op, Replica, SyncRequest};
use partyline_core::session::{PeerSession, RequestHead, ResponseHead, Run, SessionConfig, SessionEvent};

/// One end: a session, and the events that it has told.
struct End {
    session: PeerSession,
    events: Vec<SessionEvent>,
}

impl End {
    /// The end of the device with this number. What is a repeated byte here is random in an application, and the certificate
    /// hashes are those that DTLS verified.
    fn new(local: u8, remote: u8) -> Result<Self, Box<dyn Error>> {
        let room = RoomId::from_random_bytes([9; 16]);
        let config = SessionConfig {
            room,
            psks: vec![Psk::of_room(&RoomSecret::from_bytes([8; 32]), room)],
            local: CertHash::from_bytes([local; 32]),
            remote: CertHash::from_bytes([remote; 32]),
            key: key(local),
            run: Run([local; 4]),
            ephemeral: [local + 100; 32],
        };
        Ok(Self { session: PeerSession::new(config, 0)?, events: Vec::new() })
    }
}

fn key(number: u8) -> DeviceKey {
    DeviceKey::from_random_bytes([number + 50; 32])
}

fn main() -> Result<(), Box<dyn Error>> {
    let now_ms = 1_790_000_000_000;
    let mut alices = Replica::new(key(1).device());
    let mut bobs = Replica::new(key(2).device());
    alices.edit(
        ObjectId::Task(TaskId::from_random_bytes([7; 16])),
        vec![Op::Title("Mend the sails".into())],
        now_ms,
    )?;

    let (mut alice, mut bob) = (End::new(1, 2)?, End::new(2, 1)?);
    println!("{} messages shake hands", exchange(&mut alice, &mut bob)?);
    for event in bob.events.drain(..).chain(alice.events.drain(..)) {
        println!("  {event:?}");
    }

    // Bob asks for what Alice has. A body may come in pieces, the last of them with `end`.
    let head = RequestHead::new("POST", "/sync");
    bob.session.request(&head, bobs.opening().encode())?;
    exchange(&mut alice, &mut bob)?;
    let (mut stream, mut question) = (None, Vec::new());
    for event in alice.events.drain(..) {
        match event {
            SessionEvent::Request { stream: asked, .. } => stream = Some(asked),
            SessionEvent::Body { bytes, .. } => question.extend(bytes),
            _ => {}
        }
    }

    let answer = alices.answer_encoded(&SyncRequest::decode(&question)?, 64 * 1024);
    let stream = stream.ok_or("no request came")?;
    alice.session.respond(stream, &ResponseHead::new(200), answer)?;
    println!("{} messages answer", exchange(&mut alice, &mut bob)?);
    let mut answer = Vec::new();
    for event in bob.events.drain(..) {
        if let SessionEvent::Body { bytes, .. } = event {
            answer.extend(bytes);
        }
    }

    let mut batch = bobs.decode_answer(&answer)?.batch;
    batch.asker = Some(bobs.device());
    bobs.apply(batch, now_ms)?;
    assert_eq!(bobs.tasks(), alices.tasks());
    println!("Bob has {} task", bobs.tasks().len());
    Ok(())
}

/// Carries messages both ways until nobody has anything to say. Returns how many.
fn exchange(alice: &mut End, bob: &mut End) -> Result<u32, Box<dyn Error>> {
    let mut count = 0;
    loop {
        let carried = carry(alice, bob)? + carry(bob, alice)?;
        if carried == 0 {
            return Ok(count);
        }
        count += carried;
    }
}

/// Carries what one end has to say to the other.
fn carry(from: &mut End, to: &mut End) -> Result<u32, Box<dyn Error>> {
    let mut count = 0;
    while let Some(message) = from.session.poll_message() {
        to.session.handle_message(&message, 0)?;
        count += 1;
    }
    // Mutate, then drain.
    while let Some(event) = to.session.poll_event() {
        to.events.push(event);
    }
    Ok(count)
}
