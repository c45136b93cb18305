//! Two sessions, the wire between them, and a clock.

use std::collections::VecDeque;

use partyline_core::id::{CertHash, RoomId, RoomSecret};
use partyline_core::key::{DeviceKey, Psk};
use partyline_core::session::{
    MAX_MESSAGE_BYTES, PeerSession, RequestHead, ResetCode, ResponseHead, Run, SessionConfig, SessionEvent, StreamId,
};

/// Alice's certificate hash is lower: she is the Noise initiator and opens the even streams.
pub(crate) fn alices_config() -> SessionConfig {
    config(1, 2)
}

pub(crate) fn bobs_config() -> SessionConfig {
    config(2, 1)
}

pub(crate) fn room() -> RoomId {
    RoomId::from_random_bytes([7; 16])
}

pub(crate) fn psk(secret: u8) -> Psk {
    Psk::of_room(&RoomSecret::from_bytes([secret; 32]), room())
}

pub(crate) fn key(number: u8) -> DeviceKey {
    DeviceKey::from_random_bytes([number + 100; 32])
}

fn config(local: u8, remote: u8) -> SessionConfig {
    SessionConfig {
        room: room(),
        psks: vec![psk(8)],
        local: CertHash::from_bytes([local; 32]),
        remote: CertHash::from_bytes([remote; 32]),
        key: key(local),
        run: Run([local; 4]),
        ephemeral: [local; 32],
    }
}

/// One side, with what it has heard and what it has said that is still underway.
pub(crate) struct Actor {
    pub(crate) session: PeerSession,
    pub(crate) heard: Vec<SessionEvent>,
    pub(crate) said: VecDeque<Vec<u8>>,
}

impl Actor {
    fn new(config: SessionConfig) -> Self {
        Self { session: PeerSession::new(config, 0).unwrap(), heard: Vec::new(), said: VecDeque::new() }
    }

    /// What the actor heard since it was last asked.
    pub(crate) fn events(&mut self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.heard)
    }

    /// The request that the actor heard last.
    pub(crate) fn request(&mut self) -> (StreamId, RequestHead) {
        let heard = self.events();
        heard
            .iter()
            .find_map(|event| match event {
                SessionEvent::Request { stream, head } => Some((*stream, head.clone())),
                _ => None,
            })
            .unwrap_or_else(|| panic!("no request in {heard:?}"))
    }

    /// Status and body of the answer that the actor heard to its request, whole or `None`.
    pub(crate) fn answer(&self, to: StreamId) -> Option<(u16, Vec<u8>)> {
        let (mut status, mut body) = (None, Vec::new());
        for event in &self.heard {
            match event {
                SessionEvent::Response { stream, head } if *stream == to => {
                    status = Some(head.status);
                }
                SessionEvent::Body { stream, bytes, end } if *stream == to => {
                    body.extend(bytes);
                    if *end {
                        return Some((status?, body));
                    }
                }
                _ => {}
            }
        }
        None
    }

    pub(crate) fn get(&mut self, path: &str) -> StreamId {
        self.session.request(&RequestHead::new("GET", path), Vec::new()).unwrap()
    }

    pub(crate) fn post(&mut self, path: &str, body: Vec<u8>) -> StreamId {
        self.session.request(&RequestHead::new("POST", path), body).unwrap()
    }

    pub(crate) fn ok(&mut self, stream: StreamId, body: Vec<u8>) {
        self.session.respond(stream, &ResponseHead::new(200), body).unwrap();
    }

    pub(crate) fn reset(&mut self, stream: StreamId) {
        self.session.reset(stream, ResetCode::CANCELLED).unwrap();
    }

    /// Puts everything that the session wants to say on the wire.
    pub(crate) fn speak(&mut self) {
        while let Some(message) = self.session.poll_message() {
            assert!(message.len() <= MAX_MESSAGE_BYTES);
            self.said.push_back(message);
        }
    }

    /// Hears one message.
    pub(crate) fn hear(&mut self, message: &[u8], now_ms: u64) {
        // What was wrong is told by an event too.
        let _ = self.session.handle_message(message, now_ms);
        self.listen();
    }

    pub(crate) fn listen(&mut self) {
        self.heard.extend(std::iter::from_fn(|| self.session.poll_event()));
    }
}

pub(crate) struct Stage {
    pub(crate) alice: Actor,
    pub(crate) bob: Actor,
    pub(crate) now_ms: u64,
    /// Whether nothing arrives any more.
    pub(crate) wire_is_cut: bool,
    /// Messages that arrived.
    pub(crate) delivered: usize,
}

impl Stage {
    pub(crate) fn new(alice: SessionConfig, bob: SessionConfig) -> Self {
        Self { alice: Actor::new(alice), bob: Actor::new(bob), now_ms: 0, wire_is_cut: false, delivered: 0 }
    }

    /// Alice and Bob, introduced to each other.
    pub(crate) fn established() -> Self {
        let mut stage = Self::new(alices_config(), bobs_config());
        stage.run();
        assert!(stage.alice.session.is_established() && stage.bob.session.is_established());
        stage.alice.heard.clear();
        stage.bob.heard.clear();
        stage
    }

    /// Delivers messages until both have nothing more to say.
    pub(crate) fn run(&mut self) {
        while self.step() {}
    }

    /// Delivers one message of each; whether there was one.
    pub(crate) fn step(&mut self) -> bool {
        self.alice.listen();
        self.bob.listen();
        self.alice.speak();
        self.bob.speak();
        let to_bob = self.alice.said.pop_front();
        let to_alice = self.bob.said.pop_front();
        let any = to_bob.is_some() || to_alice.is_some();
        if self.wire_is_cut {
            return any;
        }
        if let Some(message) = to_bob {
            self.bob.hear(&message, self.now_ms);
            self.delivered += 1;
        }
        if let Some(message) = to_alice {
            self.alice.hear(&message, self.now_ms);
            self.delivered += 1;
        }
        any
    }

    /// Lets time pass, waking each session when it wants to be woken, and delivering what they say.
    pub(crate) fn wait(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms;
        self.run();
        loop {
            let next_ms = [&self.alice, &self.bob].into_iter().filter_map(|actor| actor.session.poll_timeout()).min();
            match next_ms {
                Some(next_ms) if next_ms <= until_ms => {
                    assert!(next_ms > self.now_ms, "a deadline that has passed is not set again");
                    self.now_ms = next_ms;
                }
                _ => break,
            }
            for actor in [&mut self.alice, &mut self.bob] {
                if actor.session.poll_timeout().is_some_and(|at_ms| at_ms <= self.now_ms) {
                    actor.session.handle_timeout(self.now_ms);
                }
            }
            self.run();
        }
        self.now_ms = until_ms;
    }
}
