//! Crews as a shell drives them, in virtual time and with a network in which everything gets through.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod timeline;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use partyline_core::api::{CBOR, JSON, Merged};
use partyline_core::connect::sdp::{LocalDescription, RemoteAnswer};
use partyline_core::connect::{Contact, IceCredentials};
use partyline_core::crew::{
    Answer, AnswerPart, CallId, Crew, CrewConfig, Effect, End, Input, LocalNetwork, MakeError, Network, Obstacle,
    PairingRequest, PhoneBook, Reply, SyncTrouble,
};
use partyline_core::dial::{DiallerConfig, SlotId, Unanswered, Way};
use partyline_core::hand::{Code, HandStep, QR_CHARS};
use partyline_core::id::{Address, CertHash, DeviceId, Endpoint, RoomId, RoomSecret};
use partyline_core::key::{DeviceKey, MeetingKey};
use partyline_core::redial::MOST;
use partyline_core::replica::{SyncAnswer, SyncRequest, Verdict};
use partyline_core::session::{RequestHead, ResponseHead, Run, StreamId};

use timeline::{Next, Timeline};

/// How long anything takes.
const LATENCY: u64 = 10;
const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

enum Delivery {
    Told(Input),
    Arrived(SlotId),
    /// As much time as was to pass has.
    Passed,
}

/// A connection.
struct Wire {
    credentials: IceCredentials,
    remote: Option<RemoteAnswer>,
    far: Option<(usize, SlotId)>,
    inbox: VecDeque<Vec<u8>>,
}

struct Device {
    crew: Crew,
    config: CrewConfig,
    wires: BTreeMap<SlotId, Wire>,
    /// What its crew wanted, but for messages.
    wanted: Vec<Effect>,
    /// What it listed in the phone book.
    listed: Vec<Endpoint>,
    /// The browser takes no credentials but its own.
    refuses: bool,
    /// The browser makes no connection, none that has an address, or never says what it has.
    makes_none: bool,
    has_no_address: bool,
    gathers_for_ever: bool,
    /// Channels take this many messages until they are full, if there is a limit.
    takes: Option<usize>,
    /// How many chunks there are to get from it.
    chunks: u64,
    /// What its worker answers to changes: the first is used once, the last for ever.
    merged: VecDeque<Option<Answer>>,
    /// What it answers to a sync in place of what there is to get, if it is an error.
    sync_error: Option<u16>,
    /// What it was told of by its peers' pages.
    served: Vec<(SlotId, StreamId, RequestHead)>,
    /// Whether it answers them.
    serves: bool,
}

struct World {
    time: Timeline<Delivery>,
    devices: Vec<Device>,
    ports: u16,
    observed: Option<IpAddr>,
    /// The phone book lists nobody but these.
    turns_away: bool,
    listed: Vec<Address>,
}

fn room() -> RoomId {
    RoomId::parse("3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f").unwrap()
}

fn config(name: u8) -> CrewConfig {
    CrewConfig {
        room: room(),
        secret: RoomSecret::from_bytes([9; 32]),
        key: DeviceKey::from_random_bytes([name + 1; 32]),
        cert_hash: CertHash::from_bytes([name.wrapping_mul(91).wrapping_add(13); 32]),
        run: Run([name; 4]),
        dialler: DiallerConfig::default(),
        most_code_chars: QR_CHARS,
        known: Vec::new(),
        observed: None,
        is_shown: true,
        is_background: false,
        is_online: true,
        seed: name.into(),
    }
}

fn ok(gap: bool) -> Answer {
    let body = format!(r#"{{"gap":{gap}}}"#).into_bytes();
    Answer { status: 200, content_type: JSON.to_owned(), now_ms: Some(1_790_000_000_000), body }
}

fn path(what: &str) -> String {
    format!("/peer/v1/rooms/{}/{what}", room())
}

impl World {
    fn of(size: u8) -> Self {
        let mut world = Self {
            time: Timeline::default(),
            devices: Vec::new(),
            ports: 1_024,
            observed: None,
            turns_away: false,
            listed: Vec::new(),
        };
        for name in 0..size {
            let config = config(name);
            world.devices.push(Device {
                crew: Crew::new(config.clone(), 0),
                config,
                wires: BTreeMap::new(),
                wanted: Vec::new(),
                listed: Vec::new(),
                refuses: false,
                makes_none: false,
                has_no_address: false,
                gathers_for_ever: false,
                takes: None,
                chunks: 1,
                merged: VecDeque::from([Some(ok(false))]),
                sync_error: None,
                served: Vec::new(),
                serves: true,
            });
        }
        (0..world.devices.len()).for_each(|number| world.drain(number));
        world
    }

    /// Two that connected by codes, and have got to know all of each other.
    fn pair() -> Self {
        let mut world = Self::of(2);
        world.connect(ALICE, BOB);
        world.run_for(2_000);
        world
    }

    fn id(&self, number: usize) -> DeviceId {
        self.devices[number].config.key.device()
    }

    fn tell(&mut self, number: usize, input: Input) {
        self.devices[number].crew.handle(input, self.time.now);
        self.drain(number);
    }

    fn code(&self, number: usize) -> Code {
        Code::parse(&self.devices[number].crew.status().pairing.code).unwrap()
    }

    /// Two people carry codes from one screen to the other.
    fn connect(&mut self, one: usize, other: usize) {
        self.tell(one, Input::Pair(PairingRequest::InviteAnew { tag: self.ports.into() }));
        self.run_for(3_000);
        let invitation = self.code(one);
        self.tell(other, Input::Pair(PairingRequest::Use(invitation)));
        self.run_for(3_000);
        let reply = self.code(other);
        self.tell(one, Input::Pair(PairingRequest::Use(reply)));
        self.run_for(1_000);
        assert_eq!(self.devices[one].crew.status().pairing.step, HandStep::Connected);
    }

    fn link(&self, number: usize, other: usize) -> Option<SlotId> {
        self.devices[number].crew.link_to(self.id(other))
    }

    fn drain(&mut self, number: usize) {
        while let Some(effect) = self.devices[number].crew.poll_effect() {
            if !matches!(effect, Effect::Send { .. }) {
                self.devices[number].wanted.push(effect.clone());
            }
            self.carry_out(number, effect);
        }
    }

    fn later(&mut self, number: usize, input: Input) {
        self.time.send(LATENCY, number, Delivery::Told(input));
    }

    fn insert(&mut self, number: usize, slot: SlotId, credentials: Option<IceCredentials>) -> Contact {
        self.ports += 1;
        let made = || IceCredentials::new(format!("made{}", self.ports), "0123456789abcdefghijkl").unwrap();
        let credentials = credentials.unwrap_or_else(made);
        let wire = Wire { credentials: credentials.clone(), remote: None, far: None, inbox: VecDeque::new() };
        self.devices[number].wires.insert(slot, wire);
        let endpoints = vec![Endpoint::parse(&format!("192.0.2.7:{}", self.ports)).unwrap()];
        Contact { cert_hash: self.devices[number].config.cert_hash, credentials, endpoints }
    }

    fn set_remote(&mut self, number: usize, slot: SlotId, remote: RemoteAnswer) {
        self.devices[number].wires.get_mut(&slot).unwrap().remote = Some(remote);
    }

    /// A connection dials: it opens if the one that it means was given this one's credentials.
    fn dial(&mut self, number: usize, slot: SlotId) {
        let own = self.devices[number].config.cert_hash;
        let Some(Wire { credentials, remote: Some(remote), far: None, .. }) = self.devices[number].wires.get(&slot)
        else {
            return;
        };
        let is_there = |device: &Device| device.config.cert_hash == remote.cert_hash;
        let Some(other) = self.devices.iter().position(is_there) else { return };
        let is_it = |wire: &Wire| {
            let back = wire.remote.as_ref();
            let means = back.is_some_and(|back| back.cert_hash == own && back.credentials == *credentials);
            wire.far.is_none() && wire.credentials == remote.credentials && means
        };
        let Some(theirs) = self.devices[other].wires.iter().find(|(_, wire)| is_it(wire)).map(|(slot, _)| *slot) else {
            return;
        };
        for (number, slot, far) in [(number, slot, (other, theirs)), (other, theirs, (number, slot))] {
            self.devices[number].wires.get_mut(&slot).unwrap().far = Some(far);
            let ephemeral = [number as u8 + 1; 32];
            for input in [Input::Reached(slot), Input::Secured(slot), Input::Opened { slot, ephemeral }] {
                self.later(number, input);
            }
        }
    }

    fn carry_out(&mut self, number: usize, effect: Effect) {
        let refuses = self.devices[number].refuses;
        match effect {
            Effect::Make { slot, credentials } => {
                if refuses && credentials.is_some() {
                    return self.later(number, Input::NotMade { slot, error: MakeError::CredentialsRefused });
                }
                if self.devices[number].gathers_for_ever {
                    return;
                }
                if self.devices[number].makes_none {
                    return self.later(number, Input::NotMade { slot, error: MakeError::Other("none".to_owned()) });
                }
                let Contact { cert_hash, credentials, mut endpoints } = self.insert(number, slot, credentials);
                endpoints.retain(|_| !self.devices[number].has_no_address);
                let description = Box::new(LocalDescription { credentials, cert_hash, endpoints });
                self.later(number, Input::Described { slot, description });
            }
            Effect::Probe { slot, credentials, remote } | Effect::Call { slot, credentials, remote } => {
                self.insert(number, slot, Some(credentials));
                self.set_remote(number, slot, remote);
                self.dial(number, slot);
            }
            Effect::Dial { slot, remote } => {
                self.set_remote(number, slot, remote);
                self.dial(number, slot);
            }
            Effect::Await { slot, remote } => self.set_remote(number, slot, remote),
            Effect::AddCandidates { slot, .. } => self.dial(number, slot),
            Effect::Send { slot, message } => {
                let Some((other, theirs)) = self.devices[number].wires.get(&slot).and_then(|wire| wire.far) else {
                    return;
                };
                if let Some(wire) = self.devices[other].wires.get_mut(&theirs) {
                    wire.inbox.push_back(message);
                    self.time.send(LATENCY, other, Delivery::Arrived(theirs));
                }
                if let Some(takes) = &mut self.devices[number].takes {
                    *takes = takes.saturating_sub(1);
                    if *takes == 0 {
                        self.devices[number].crew.handle(Input::Full(slot), self.time.now);
                    }
                }
            }
            Effect::Close { slot, .. } => {
                let wire = self.devices[number].wires.remove(&slot);
                if let Some((other, theirs)) = wire.and_then(|wire| wire.far)
                    && self.devices[other].wires.contains_key(&theirs)
                {
                    self.time.send(2 * LATENCY, other, Delivery::Told(Input::Closed(theirs)));
                }
            }
            Effect::Register(endpoints) => {
                let unanswered = Unanswered { retry_after_ms: Some(60_000) };
                let taken = if self.turns_away { Err(unanswered) } else { Ok(self.observed) };
                if taken.is_ok() {
                    self.devices[number].listed.clone_from(&endpoints);
                }
                self.later(number, Input::Registered { endpoints, taken });
            }
            Effect::LookUp => {
                // Itself, and whoever is said to be there.
                let ip = self.observed.unwrap_or(IpAddr::from([192, 0, 2, 7]));
                let Device { listed, config, .. } = &self.devices[number];
                let own = Address::new(ip, listed.clone(), config.cert_hash).ok();
                let found = own.into_iter().chain(self.listed.clone()).collect();
                self.later(number, Input::Listed(Ok(found)));
            }
            Effect::ReadAsker(slot) => {
                let asker = Some(self.id(number));
                self.later(number, Input::Asker { slot, asker });
            }
            Effect::ReadOpening(slot) => {
                self.later(number, Input::Opening { slot, opening: Some(SyncRequest::default()) });
            }
            Effect::Merge { slot, .. } => {
                let merged = &mut self.devices[number].merged;
                let answer = if merged.len() > 1 { merged.pop_front().unwrap() } else { merged[0].clone() };
                self.later(number, Input::Merged { slot, answer });
            }
            Effect::Serve { slot, stream, head, body, .. } => {
                if self.devices[number].serves {
                    let answer = self.serve(number, &head, &body);
                    self.later(number, Input::Served { slot, stream, answer });
                }
                self.devices[number].served.push((slot, stream, head));
            }
            _ => {}
        }
    }

    fn serve(&mut self, number: usize, head: &RequestHead, body: &[u8]) -> Answer {
        if head.path == path("sync") {
            if let Some(status) = self.devices[number].sync_error {
                return Answer { status, ..Answer::default() };
            }
            let cursor = SyncRequest::decode(body).unwrap().cursor.unwrap_or_default() + 1;
            let (next, left) = (Some(cursor).filter(|cursor| *cursor < self.devices[number].chunks), 1_000 - cursor);
            let verdict = next.is_none().then_some(Verdict::Same);
            let body = SyncAnswer { next, left, verdict, ..SyncAnswer::default() }.encode();
            return Answer { status: 200, body, ..ok(false) };
        }
        let merged = &mut self.devices[number].merged;
        let answer = if merged.len() > 1 { merged.pop_front().unwrap() } else { merged[0].clone() };
        answer.unwrap_or_else(|| Answer { status: 502, ..Answer::default() })
    }

    fn run_for(&mut self, time: u64) {
        let until = self.time.now + time;
        self.time.send(time, ALICE, Delivery::Passed);
        let mut steps = 0u64;
        while self.time.now < until {
            steps += 1;
            assert!(steps < 20 * time + 10_000, "the world turns without time passing");
            let due = self.devices.iter().enumerate().map(|(number, device)| (device.crew.poll_timeout(), number));
            match self.time.next(due) {
                Some(Next::Delivery(to, Delivery::Told(input))) => self.tell(to, input),
                Some(Next::Delivery(to, Delivery::Arrived(slot))) => {
                    let message = self.devices[to].wires.get_mut(&slot).and_then(|wire| wire.inbox.pop_front());
                    if let Some(message) = message {
                        self.tell(to, Input::Message { slot, message });
                    }
                }
                Some(Next::Deadline(number)) => self.tell(number, Input::TimedOut),
                Some(Next::Delivery(_, Delivery::Passed)) | None => {}
            }
        }
    }

    /// What a crew wanted since it was looked at last.
    fn wanted(&mut self, number: usize) -> Vec<Effect> {
        std::mem::take(&mut self.devices[number].wanted)
    }

    /// The page of a device is loaded again, with what it had kept. Nobody is told.
    fn reload(&mut self, number: usize, run: u8) {
        self.time.forget(number);
        let device = &mut self.devices[number];
        device.wires.clear();
        let kept = |effect: &Effect| match effect {
            Effect::KeepContacts(known) => Some(known.clone()),
            _ => None,
        };
        device.config.known = device.wanted.iter().rev().find_map(kept).unwrap_or_default();
        device.wanted.clear();
        device.config.run = Run([run; 4]);
        device.crew = Crew::new(device.config.clone(), self.time.now);
        self.drain(number);
    }
}

fn has(effects: &[Effect], is_it: impl Fn(&Effect) -> bool) -> bool {
    effects.iter().any(is_it)
}

fn closed(effects: &[Effect], slot: SlotId) -> Option<End> {
    effects.iter().find_map(|effect| match effect {
        Effect::Close { slot: other, end } if *other == slot => Some(*end),
        _ => None,
    })
}

#[test]
fn codes_connect_two_who_then_have_the_same() {
    let mut world = World::pair();
    for (number, other) in [(ALICE, BOB), (BOB, ALICE)] {
        let slot = world.link(number, other).unwrap();
        assert_eq!(slot.way(), Way::ByHand);
        let status = world.devices[number].crew.status();
        assert_eq!((status.network, status.is_synced, status.peers.len()), (Network::Connected, true, 1));
        assert!(has(&world.wanted(number), |effect| matches!(effect, Effect::KeepContacts(_))), "each is kept");
    }
}

#[test]
fn of_two_connections_both_ends_keep_the_newer_one_if_the_other_is_not_as_new() {
    let mut world = World::pair();
    world.run_for(6_000);
    let (alices, bobs) = (world.link(ALICE, BOB).unwrap(), world.link(BOB, ALICE).unwrap());
    let _ = (world.wanted(ALICE), world.wanted(BOB));
    world.connect(ALICE, BOB);
    world.run_for(2_000);
    let link = world.link(ALICE, BOB).unwrap();
    assert_ne!(link, alices);
    assert_eq!(world.devices[ALICE].wires[&link].far, Some((BOB, world.link(BOB, ALICE).unwrap())));
    assert_eq!(closed(&world.wanted(ALICE), alices), Some(End::Replaced));
    assert_eq!(closed(&world.wanted(BOB), bobs), Some(End::Replaced));
}

#[test]
fn those_who_know_one_member_come_to_know_all() {
    let mut world = World::of(3);
    world.connect(ALICE, BOB);
    world.connect(BOB, CAROL);
    world.run_for(5_000);
    assert_eq!(world.link(ALICE, CAROL).map(SlotId::way), Some(Way::Introduction));
    assert_eq!(world.link(CAROL, ALICE).map(SlotId::way), Some(Way::Introduction));
}

#[test]
fn a_page_that_is_loaded_again_is_connected_without_a_phone_book() {
    let mut world = World::pair();
    let before = world.link(BOB, ALICE).unwrap();
    world.reload(ALICE, 99);
    world.run_for(1_000);
    let after = world.link(BOB, ALICE).unwrap();
    assert_eq!(after.way(), Way::Redial);
    // What there was before is closed a moment later: its last words may matter.
    world.run_for(2_000);
    assert_eq!(closed(&world.wanted(BOB), before), Some(End::Replaced));
}

#[test]
fn where_a_browser_refuses_credentials_codes_go_on_working() {
    let mut world = World::of(2);
    world.devices[ALICE].refuses = true;
    world.observed = Some("203.0.113.7".parse().unwrap());
    world.reload(ALICE, 5);
    world.run_for(100);
    let wanted = world.wanted(ALICE);
    assert_eq!(world.devices[ALICE].crew.status().phone_book, PhoneBook::Off);
    assert!(has(&wanted, |effect| *effect == Effect::Register(Vec::new())), "it asks where it is seen");
    assert!(has(&wanted, |effect| matches!(effect, Effect::KeepObserved(_))));
    world.connect(ALICE, BOB);
    assert!(world.link(ALICE, BOB).is_some());
    assert!(!has(&world.wanted(ALICE), |effect| matches!(effect, Effect::LookUp | Effect::Probe { .. })));
}

#[test]
fn a_code_waits_a_moment_for_the_address_that_leads_through_a_nat() {
    let mut world = World::of(1);
    // Nobody answers.
    world.time.forget(ALICE);
    world.tell(ALICE, Input::Pair(PairingRequest::Invite { tag: 1 }));
    let step = |world: &World| world.devices[ALICE].crew.status().pairing.step;
    assert_eq!(step(&world), HandStep::Idle);
    world.tell(ALICE, Input::Registered { endpoints: Vec::new(), taken: Ok(Some("203.0.113.7".parse().unwrap())) });
    assert_eq!(step(&world), HandStep::Making);
    world.run_for(100);
    let Code::Invitation(invitation) = world.code(ALICE) else { panic!("no invitation") };
    let outside = |endpoint: &Endpoint| endpoint.to_string().starts_with("203.0.113.7:");
    assert!(invitation.contact.endpoints.iter().any(outside), "{:?}", invitation.contact);

    let mut world = World::of(1);
    world.time.forget(ALICE);
    world.tell(ALICE, Input::Pair(PairingRequest::Invite { tag: 1 }));
    world.run_for(1_900);
    assert_eq!(step(&world), HandStep::Idle);
    world.run_for(200);
    assert_eq!(step(&world), HandStep::Invited, "it is not waited for any longer");
}

#[test]
fn a_failure_of_ice_ends_nothing_that_may_still_be_called() {
    let mut world = World::pair();
    let standby = world.devices[ALICE].wires.keys().find(|slot| slot.way() == Way::Redial).copied().unwrap();
    let _ = world.wanted(ALICE);
    world.tell(ALICE, Input::Failed(standby));
    assert_eq!(closed(&world.wanted(ALICE), standby), None);
    world.tell(ALICE, Input::Closed(standby));
    assert_eq!(closed(&world.wanted(ALICE), standby), Some(End::Broken));
    let link = world.link(ALICE, BOB).unwrap();
    world.tell(ALICE, Input::Failed(link));
    assert_eq!(closed(&world.wanted(ALICE), link), Some(End::Broken), "one that was open is lost");
}

/// Whom a crew had kept last.
fn kept(effects: &[Effect]) -> Vec<DeviceId> {
    let known = effects.iter().rev().find_map(|effect| match effect {
        Effect::KeepContacts(known) => Some(known),
        _ => None,
    });
    known.unwrap().iter().map(|(device, _)| *device).collect()
}

#[test]
fn whoever_was_here_last_is_kept_first_and_those_who_do_not_answer_stay_where_they_are() {
    let absent = |name: u8| {
        let contact = |number: u8| Contact {
            cert_hash: CertHash::from_bytes([name; 32]),
            credentials: IceCredentials::new(format!("gone{name}{number}"), "0123456789abcdefghijkl").unwrap(),
            endpoints: vec![Endpoint::parse("192.0.2.9:9").unwrap()],
        };
        (DeviceId::from_bytes([name; 16]), vec![contact(1), contact(2)])
    };
    let mut world = World::of(2);
    let known: Vec<_> = (150..150 + MOST as u8).map(absent).collect();
    let ids: Vec<DeviceId> = known.iter().map(|(device, _)| *device).collect();
    world.devices[ALICE].config.known = known;
    world.devices[ALICE].crew = Crew::new(world.devices[ALICE].config.clone(), 0);
    world.drain(ALICE);
    assert_eq!(kept(&world.wanted(ALICE)), ids, "each is called, and with that its standbys change places");
    world.connect(ALICE, BOB);
    world.run_for(1_000);
    let now = kept(&world.wanted(ALICE));
    assert_eq!(now, [&[world_id(BOB)], &ids[..MOST - 1]].concat());
}

#[test]
fn a_page_that_slept_asks_everybody_for_a_sign_of_life() {
    // The late timer need not come first.
    for first in [Input::TimedOut, Input::ServerClock(1)] {
        let mut world = World::pair();
        let link = world.link(ALICE, BOB).unwrap();
        let due = world.devices[ALICE].crew.poll_timeout();
        // Bob is gone; a page that wakes up in time learns that only after a while.
        world.devices[BOB].wires.clear();
        world.time.forget(BOB);
        world.time.now = due + 4_000;
        world.tell(ALICE, first.clone());
        let mut waited = 0;
        while world.link(ALICE, BOB) == Some(link) {
            world.devices[BOB].wires.clear();
            world.run_for(100);
            waited += 100;
            assert!(waited < 3_000, "it does not notice: {first:?}");
        }
    }
}

#[test]
fn whoever_leaves_says_so_and_begins_anew_if_it_comes_back() {
    let mut world = World::pair();
    let (alices, bobs) = (world.link(ALICE, BOB).unwrap(), world.link(BOB, ALICE).unwrap());
    let _ = (world.wanted(ALICE), world.wanted(BOB));
    world.tell(ALICE, Input::Left);
    let wanted = world.wanted(ALICE);
    assert!(has(&wanted, |effect| *effect == Effect::Withdraw));
    assert!(closed(&wanted, alices).is_some());
    assert!(!has(&wanted, |effect| matches!(effect, Effect::Make { .. } | Effect::Call { .. })), "{wanted:?}");
    let until = world.time.now + 100;
    while world.time.now < until {
        match world.time.next(std::iter::empty()) {
            Some(Next::Delivery(BOB, Delivery::Arrived(slot))) => {
                let message = world.devices[BOB].wires.get_mut(&slot).and_then(|wire| wire.inbox.pop_front());
                message.into_iter().for_each(|message| world.tell(BOB, Input::Message { slot, message }));
            }
            Some(Next::Delivery(BOB, Delivery::Told(input))) => world.tell(BOB, input),
            _ => {}
        }
    }
    assert!(matches!(closed(&world.wanted(BOB), bobs), Some(End::Said(_))), "the goodbye came before the end");
    // Browsers hide a page after they have told it to go.
    world.tell(ALICE, Input::Hidden);
    assert_eq!(world.wanted(ALICE), []);
    world.tell(ALICE, Input::Shown);
    assert!(has(&world.wanted(ALICE), |effect| matches!(effect, Effect::Make { .. } | Effect::Call { .. })));
}

/// The goodbye is said whatever the channel's buffer takes, and that it is full then brings nobody back.
#[test]
fn a_full_channel_keeps_nobody_from_leaving() {
    let mut world = World::pair();
    let _ = world.wanted(ALICE);
    world.devices[ALICE].takes = Some(1);
    world.tell(ALICE, Input::Left);
    assert_eq!(world.devices[ALICE].takes, Some(0), "it was full");
    let wanted = world.wanted(ALICE);
    assert!(!has(&wanted, |effect| matches!(effect, Effect::Make { .. } | Effect::Call { .. })), "{wanted:?}");
}

#[test]
fn a_page_that_begins_without_a_network_says_so() {
    for is_online in [true, false] {
        let crew = Crew::new(CrewConfig { is_online, ..config(1) }, 0);
        let network = if is_online { Network::Connecting } else { Network::Offline };
        assert_eq!(crew.status().network, network);
    }
}

#[test]
fn what_was_not_kept_or_is_missing_is_asked_for_whatever_form_the_answer_has() {
    let cbor = Answer { content_type: CBOR.to_owned(), body: Merged { gap: true, ask: None }.to_cbor(), ..ok(true) };
    for (answer, is_due) in [(ok(false), false), (ok(true), true), (cbor, true)] {
        let mut world = World::pair();
        world.devices[BOB].merged.push_front(Some(answer));
        let _ = world.wanted(BOB);
        world.tell(ALICE, Input::Changed { from: None, batch: vec![1, 2, 3] });
        world.run_for(200);
        assert_eq!(has(&world.wanted(BOB), |effect| matches!(effect, Effect::ReadAsker(_))), is_due);
    }
    // A worker that did not answer at all.
    let mut world = World::pair();
    world.devices[BOB].merged.push_front(None);
    let _ = world.wanted(BOB);
    world.tell(ALICE, Input::Changed { from: None, batch: vec![1, 2, 3] });
    world.run_for(200);
    assert!(has(&world.wanted(BOB), |effect| matches!(effect, Effect::ReadAsker(_))));
}

#[test]
fn a_pull_that_breaks_off_goes_on_over_the_next_connection() {
    let mut world = World::pair();
    world.devices[ALICE].chunks = 50;
    let _ = world.wanted(BOB);
    // A gap has Bob pull, and Alice's page is loaded again in the middle of it.
    world.devices[BOB].merged.push_front(Some(ok(true)));
    world.tell(ALICE, Input::Changed { from: None, batch: vec![1] });
    world.run_for(400);
    assert!(world.devices[BOB].crew.status().progress.is_some(), "it is under way");
    world.reload(ALICE, 77);
    world.devices[ALICE].served.clear();
    world.run_for(3_000);
    let wanted = world.wanted(BOB);
    let openings = wanted.iter().filter(|effect| matches!(effect, Effect::ReadOpening(_))).count();
    assert_eq!(openings, 1, "it does not begin anew");
    let merges = wanted.iter().filter(|effect| matches!(effect, Effect::Merge { .. })).count();
    assert_eq!(merges, 50, "no chunk is got twice");
    assert!(world.devices[BOB].crew.status().progress.is_none());
}

#[test]
fn a_full_channel_is_given_nothing_more_until_it_has_room() {
    let mut world = World::pair();
    let (alices, bobs) = (world.link(ALICE, BOB).unwrap(), world.link(BOB, ALICE).unwrap());
    world.devices[ALICE].takes = Some(2);
    for _ in 0..4 {
        world.tell(ALICE, Input::Changed { from: None, batch: vec![0; 70_000] });
    }
    assert_eq!(world.devices[BOB].wires[&bobs].inbox.len(), 2);
    world.devices[ALICE].takes = None;
    world.tell(ALICE, Input::Drained(alices));
    assert!(world.devices[BOB].wires[&bobs].inbox.len() > 4);
}

#[test]
fn a_page_hears_what_came_of_its_call() {
    let mut world = World::pair();
    let call = |number| Input::Called {
        call: CallId(number),
        device: world_id(BOB),
        head: RequestHead::new("GET", path("vector")),
        body: Vec::new(),
    };
    let replies = |world: &mut World| -> Vec<(u64, Reply)> {
        let of = |effect| match effect {
            Effect::Reply { call, reply } => Some((call.0, reply)),
            _ => None,
        };
        world.wanted(ALICE).into_iter().filter_map(of).collect()
    };
    world.tell(ALICE, call(1));
    world.run_for(200);
    let got = replies(&mut world);
    assert!(matches!(&got[..], [(1, Reply::Head(_)), (1, Reply::Piece(_)), (1, Reply::End)]), "{got:?}");
    // Bob is told that an answer is not wanted any more.
    world.devices[BOB].serves = false;
    world.tell(ALICE, call(2));
    world.run_for(100);
    let _ = world.wanted(BOB);
    world.tell(ALICE, Input::CallGivenUp(CallId(2)));
    world.run_for(100);
    assert!(has(&world.wanted(BOB), |effect| matches!(effect, Effect::GiveUp { .. })));
    // The connection ends before the answer.
    world.tell(ALICE, call(3));
    world.run_for(50);
    let link = world.link(ALICE, BOB).unwrap();
    world.tell(ALICE, Input::Closed(link));
    assert_eq!(replies(&mut world), [(3, Reply::Failed)]);
    world.tell(ALICE, call(4));
    assert_eq!(replies(&mut world), [(4, Reply::NotHere)]);
}

fn world_id(number: usize) -> DeviceId {
    config(number as u8).key.device()
}

#[test]
fn a_long_answer_is_passed_on_as_it_is_taken() {
    let mut world = World::pair();
    world.devices[BOB].serves = false;
    let head = RequestHead::new("GET", path("tasks"));
    world.tell(ALICE, Input::Called { call: CallId(1), device: world_id(BOB), head, body: Vec::new() });
    world.run_for(100);
    let (slot, stream, _) = world.devices[BOB].served.last().cloned().unwrap();
    let _ = world.wanted(BOB);
    let part = |part| Input::Serving { slot, stream, part };
    world.devices[BOB].takes = Some(1);
    world.tell(BOB, part(AnswerPart::Head(ResponseHead::new(200))));
    world.tell(BOB, part(AnswerPart::Piece(vec![0; 200_000])));
    let is_wanted = |effect: &Effect| matches!(effect, Effect::Continue { .. });
    assert!(!has(&world.wanted(BOB), is_wanted), "what there is has not left");
    world.devices[BOB].takes = None;
    world.tell(BOB, Input::Drained(slot));
    assert!(has(&world.wanted(BOB), is_wanted));
    world.tell(BOB, part(AnswerPart::End));
    world.run_for(200);
    assert!(has(&world.wanted(ALICE), |effect| matches!(effect, Effect::Reply { reply: Reply::End, .. })));
    // No more is wanted of one that is over.
    world.tell(BOB, part(AnswerPart::Piece(vec![0])));
    assert!(has(&world.wanted(BOB), |effect| matches!(effect, Effect::GiveUp { .. })));
}

#[test]
fn a_peer_gets_nothing_but_what_syncing_takes() {
    let mut world = World::pair();
    let head = RequestHead::new("GET", "/peer/v1/rooms");
    world.tell(ALICE, Input::Called { call: CallId(1), device: world_id(BOB), head, body: Vec::new() });
    world.run_for(100);
    let wanted = world.wanted(BOB);
    let refused = wanted.iter().find_map(|effect| match effect {
        Effect::Refuse { slot, stream } => Some((*slot, *stream)),
        _ => None,
    });
    let (slot, stream) = refused.unwrap();
    assert!(!has(&wanted, |effect| matches!(effect, Effect::Serve { head, .. } if head.path == "/peer/v1/rooms")));
    world.tell(BOB, Input::Served { slot, stream, answer: Answer { status: 403, ..Answer::default() } });
    world.run_for(100);
    let is_403 =
        |effect: &Effect| matches!(effect, Effect::Reply { reply: Reply::Head(head), .. } if head.status == 403);
    assert!(has(&world.wanted(ALICE), is_403));
}

#[test]
fn news_goes_to_everybody_who_has_it_not_from_somebody_else() {
    let mut world = World::of(3);
    world.connect(ALICE, BOB);
    world.connect(BOB, CAROL);
    world.run_for(5_000);
    let pushes = |world: &mut World, number: usize| {
        let served = std::mem::take(&mut world.devices[number].served);
        served.iter().filter(|(_, _, head)| head.path == path("changes")).count()
    };
    for number in ALICE..=CAROL {
        pushes(&mut world, number);
    }
    world.tell(ALICE, Input::Changed { from: None, batch: vec![1] });
    world.run_for(100);
    assert_eq!([BOB, CAROL].map(|number| pushes(&mut world, number)), [1, 1]);
    // Both have it from Alice, who is connected to both.
    let from = Some(world_id(ALICE));
    world.tell(BOB, Input::Changed { from, batch: vec![1] });
    world.run_for(100);
    assert_eq!([ALICE, CAROL].map(|number| pushes(&mut world, number)), [0, 0]);
}

/// Everybody in a crew of eight shows another room.
fn crowd() -> World {
    let mut world = World::of(8);
    for number in 1..8 {
        world.connect(ALICE, number);
    }
    world.run_for(20_000);
    world
}

fn links(world: &World, number: usize) -> usize {
    world.devices[number].crew.status().peers.len()
}

/// Whom news of a device reaches, by whatever way.
fn reached(world: &World, from: usize) -> usize {
    let (mut found, mut at) = (vec![from], 0);
    while at < found.len() {
        let next = found[at];
        let more = (0..world.devices.len()).filter(|other| world.link(next, *other).is_some());
        let more: Vec<usize> = more.filter(|other| !found.contains(other)).collect();
        found.extend(more);
        at += 1;
    }
    found.len()
}

#[test]
fn a_room_that_is_not_on_show_keeps_two_connections_and_is_whole_again_when_it_is_shown() {
    let mut world = crowd();
    assert_eq!(links(&world, ALICE), 7);
    for number in 0..8 {
        world.tell(number, Input::Background);
    }
    world.run_for(120_000);
    for number in 0..8 {
        let count = links(&world, number);
        assert!((1..=4).contains(&count), "{number} has {count} links");
        // Two connections, four others that it is ready for, and what is being made at this moment.
        let wires = world.devices[number].wires.len();
        assert!(wires <= 13, "{number} has {wires} connections");
    }
    let all: usize = (0..8).map(|number| links(&world, number)).sum();
    assert!(all < 8 * 4, "{all} ends of links");
    assert_eq!(reached(&world, ALICE), 8);
    // News goes round, over others.
    world.tell(ALICE, Input::Foreground);
    world.run_for(60_000);
    assert!(links(&world, ALICE) >= 2);
    for number in 1..8 {
        world.tell(number, Input::Foreground);
    }
    world.run_for(60_000);
    assert_eq!((0..8).map(|number| links(&world, number)).collect::<Vec<_>>(), vec![7; 8]);
}

#[test]
fn whoever_shows_a_room_asks_for_what_it_may_have_missed() {
    let mut world = World::pair();
    world.tell(ALICE, Input::Background);
    world.run_for(70_000);
    world.wanted(ALICE);
    world.run_for(120_000);
    assert!(!has(&world.wanted(ALICE), |effect| matches!(effect, Effect::ReadAsker(_))), "it need not ask so often");
    world.tell(ALICE, Input::Foreground);
    assert!(has(&world.wanted(ALICE), |effect| matches!(effect, Effect::ReadAsker(_))));
    world.tell(ALICE, Input::Foreground);
    assert!(!has(&world.wanted(ALICE), |effect| matches!(effect, Effect::ReadAsker(_))), "it was told that already");
}

#[test]
fn a_room_that_is_not_on_show_asks_the_phone_book_ever_more_rarely() {
    let mut world = World::of(1);
    world.tell(ALICE, Input::Background);
    world.run_for(2_000);
    let looks = |world: &mut World, ms: u64| {
        let mut looks = 0;
        for _ in 0..ms / 1_000 {
            world.run_for(1_000);
            looks += world.wanted(ALICE).iter().filter(|effect| matches!(effect, Effect::LookUp)).count();
        }
        looks
    };
    world.wanted(ALICE);
    let first = looks(&mut world, 600_000);
    let later = looks(&mut world, 3_600_000);
    assert!((4..=20).contains(&first), "{first} in the first ten minutes");
    assert!((11..=13).contains(&later), "{later} in the hour after");
    world.tell(ALICE, Input::Foreground);
    assert!(has(&world.wanted(ALICE), |effect| matches!(effect, Effect::LookUp)));
}

/// How Alice's network stands, and what is in the way.
fn standing(world: &World) -> (Network, Option<Obstacle>) {
    let status = world.devices[ALICE].crew.status();
    (status.network, status.obstacle)
}

#[test]
fn a_browser_without_connections_or_addresses_says_so_until_it_has_some() {
    type Set = fn(&mut Device, bool);
    let cases: [(Set, Obstacle); 3] = [
        (|device, is_so| device.makes_none = is_so, Obstacle::NoConnections),
        (|device, is_so| device.has_no_address = is_so, Obstacle::NoAddress),
        (|device, is_so| device.gathers_for_ever = is_so, Obstacle::NoAddress),
    ];
    for (set, obstacle) in cases {
        let mut world = World::of(1);
        set(&mut world.devices[ALICE], true);
        world.reload(ALICE, 5);
        world.run_for(25_000);
        assert_eq!(standing(&world), (Network::Alone, Some(obstacle)));
        world.tell(ALICE, Input::Offline);
        assert_eq!(standing(&world), (Network::Offline, None));
        world.tell(ALICE, Input::Online);
        world.run_for(25_000);
        assert_eq!(standing(&world), (Network::Alone, Some(obstacle)));
        set(&mut world.devices[ALICE], false);
        world.run_for(60_000);
        assert_eq!(standing(&world), (Network::Alone, None));
    }
}

#[test]
fn whoever_is_not_listed_cannot_be_found_until_they_are() {
    let mut world = World::of(1);
    world.turns_away = true;
    // A page that is there, and would be dialled by whoever is listed.
    world.listed = vec![somebody()];
    world.reload(ALICE, 5);
    world.run_for(5_000);
    assert_eq!(standing(&world), (Network::Alone, Some(Obstacle::NotListed)));
    world.listed.clear();
    world.turns_away = false;
    world.run_for(80_000);
    assert_eq!(standing(&world), (Network::Alone, None));
}

/// The listing of a member whom no dial reaches.
fn somebody() -> Address {
    let meeting_key = MeetingKey::of(&RoomSecret::from_bytes([9; 32]));
    let hashes = (0..u16::MAX).map(|n| {
        let [high, low] = n.to_be_bytes();
        CertHash::from_bytes([[high, low]; 16].concat().try_into().unwrap())
    });
    let hash = { hashes }.find(|hash| meeting_key.vouches_for(hash)).unwrap();
    Address::new("198.51.100.77".parse().unwrap(), vec![Endpoint::parse("10.0.0.9:5000").unwrap()], hash).unwrap()
}

#[test]
fn somebody_whom_no_dial_reaches_is_told_apart_from_nobody() {
    let mut world = World::of(1);
    world.run_for(5_000);
    assert_eq!(standing(&world), (Network::Alone, None), "nobody is there");
    world.listed = vec![somebody()];
    world.run_for(90_000);
    assert_eq!(standing(&world), (Network::Alone, Some(Obstacle::OutOfReach)));
    world.listed.clear();
    world.run_for(10_000);
    assert_eq!(standing(&world), (Network::Alone, None));
}

#[test]
fn a_guarded_local_network_is_told_of_while_somebody_is_dialled_in_vain() {
    let is_test = |effect: &Effect| *effect == Effect::TestLocalNetwork;
    let mut world = World::of(1);
    world.reload(ALICE, 5);
    world.run_for(20_000);
    assert!(!has(&world.wanted(ALICE), is_test), "nobody is there");
    world.listed = vec![somebody()];
    world.run_for(30_000);
    assert_eq!(world.wanted(ALICE).into_iter().filter(is_test).count(), 1);
    for (state, obstacle) in [
        (LocalNetwork::Guarded, Obstacle::LocalNetworkGuarded),
        (LocalNetwork::Refused, Obstacle::LocalNetworkRefused),
        (LocalNetwork::Guarded, Obstacle::LocalNetworkGuarded),
    ] {
        world.tell(ALICE, Input::LocalNetwork(state));
        assert_eq!(standing(&world), (Network::Alone, Some(obstacle)));
        world.run_for(200_000);
        assert_eq!(standing(&world), (Network::Alone, Some(obstacle)), "whatever is tried meanwhile");
    }
    let _ = world.wanted(ALICE);
    world.tell(ALICE, Input::LocalNetwork(LocalNetwork::Open));
    world.run_for(1_000);
    assert_eq!(standing(&world).1, None);
    let wanted = world.wanted(ALICE);
    assert!(has(&wanted, |effect| matches!(effect, Effect::Probe { .. } | Effect::Dial { .. })), "{wanted:?}");
    world.tell(ALICE, Input::LocalNetwork(LocalNetwork::Guarded));
    world.run_for(30_000);
    assert_eq!(standing(&world), (Network::Alone, Some(Obstacle::LocalNetworkGuarded)));
    world.listed.clear();
    world.run_for(10_000);
    assert_eq!(standing(&world), (Network::Alone, None), "nobody is there any more");
}

fn failed(status: u16) -> Option<Answer> {
    Some(Answer { status, ..Answer::default() })
}

#[test]
fn changes_of_others_that_are_not_kept_are_told_of_until_they_are() {
    for (answer, trouble) in [
        (failed(507), SyncTrouble::NoSpace),
        (failed(500), SyncTrouble::NotKept),
        (failed(422), SyncTrouble::NotUnderstood),
        (None, SyncTrouble::NotKept),
    ] {
        let mut world = World::pair();
        let alice = world.id(ALICE);
        assert!(world.devices[BOB].crew.status().sync_troubles.is_empty());
        world.devices[BOB].merged = VecDeque::from([answer]);
        world.tell(ALICE, Input::Changed { from: None, batch: vec![1] });
        world.run_for(10_000);
        assert_eq!(world.devices[BOB].crew.status().sync_troubles, [(alice, trouble)]);
        assert!(world.devices[ALICE].crew.status().sync_troubles.is_empty(), "it is Bob's");
        world.run_for(600_000);
        world.devices[BOB].merged = VecDeque::from([Some(ok(false))]);
        world.run_for(61_000);
        assert!(world.devices[BOB].crew.status().sync_troubles.is_empty(), "it asks once a minute");
    }
}

#[test]
fn a_peer_that_refuses_a_sync_is_told_of_until_it_answers() {
    for status in [404, 422, 500, 507] {
        let mut world = World::pair();
        world.devices[ALICE].sync_error = Some(status);
        world.run_for(90_000);
        assert_eq!(world.devices[BOB].crew.status().sync_troubles, [(world.id(ALICE), SyncTrouble::Refused)]);
        world.devices[ALICE].sync_error = None;
        world.run_for(61_000);
        assert!(world.devices[BOB].crew.status().sync_troubles.is_empty());
    }
}

#[test]
fn a_peer_that_never_answers_a_sync_is_told_of() {
    let mut world = World::pair();
    world.devices[ALICE].serves = false;
    world.run_for(250_000);
    assert_eq!(world.devices[BOB].crew.status().sync_troubles, [(world.id(ALICE), SyncTrouble::Refused)]);
}
