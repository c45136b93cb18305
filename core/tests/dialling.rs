//! Devices find each other with nothing but a phone book: the dialling policy in virtual time.
//!
//! The world is as mean as the real one: a connection only comes about when each side was dialled from the other's
//! address while both were waiting, a knock is seen by some browsers only, and the phone book may be dead. And since all
//! connections of a device have the same ICE credentials, one that is taken already answers whoever dials it late: to
//! the caller it looks as if ICE had found a way, and that connection of the caller leads nowhere any more.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod timeline;

use std::collections::{BTreeMap, BTreeSet};

use partyline_core::dial::{Action, Activity, BookState, Dialler, DiallerConfig, SlotId};
use partyline_core::id::{Address, CertHash, Endpoint};

use timeline::{Next, Timeline};

/// How long a packet, or a request to the phone book, takes.
const LATENCY: u64 = 40;
/// How long a listing lasts.
const TTL: u64 = 120_000;
/// How long a dead connection goes unnoticed.
const KEEP_ALIVE: u64 = 8_000;

/// What is on its way.
#[derive(Debug)]
enum Delivery {
    SpareReady(SlotId, Endpoint),
    Knock(SlotId),
    Reached(SlotId),
    Open(SlotId, CertHash),
    Closed(SlotId),
    Registered(Vec<Endpoint>, bool),
    Peers(Option<Vec<Address>>),
}

#[derive(Debug, Default)]
struct Slot {
    endpoint: Option<Endpoint>,
    dialled: Option<(CertHash, BTreeSet<Endpoint>)>,
    connected: Option<(usize, SlotId)>,
    /// The connection that answered it and is not meant for it.
    led_astray: Option<(usize, SlotId)>,
}

struct Device {
    hash: CertHash,
    dialler: Dialler,
    slots: BTreeMap<SlotId, Slot>,
    alive: bool,
    /// Whether its browser shows a knock (Chromium does, Firefox does not).
    hears_knocks: bool,
    /// Whether it has another secret: its credentials fit nobody's.
    foreign: bool,
    polls: usize,
}

/// A listing: until when it stands, when it was made, and what it says.
struct Entry {
    until: u64,
    number: u64,
    address: Address,
}

struct World {
    time: Timeline<Delivery>,
    devices: Vec<Device>,
    next_port: u16,
    book: BTreeMap<CertHash, Entry>,
    listings: u64,
    book_alive: bool,
}

impl World {
    fn new() -> Self {
        Self {
            time: Timeline::default(),
            devices: Vec::new(),
            next_port: 1024,
            book: BTreeMap::new(),
            listings: 0,
            book_alive: true,
        }
    }

    fn arrive(&mut self, name: u32, hears_knocks: bool) -> usize {
        let index = self.devices.len();
        // Spread like a SHA-256, so that a pair's score says nothing about its names.
        let mut bytes = [0; 32];
        let mut state = (u64::from(name) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for byte in &mut bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = u8::try_from(state & 0xFF).unwrap();
        }
        let hash = CertHash::from_bytes(bytes);
        let dialler = Dialler::new(hash, DiallerConfig::default(), state, self.time.now);
        let slots = BTreeMap::new();
        self.devices.push(Device { hash, dialler, slots, alive: true, hears_knocks, foreign: false, polls: 0 });
        self.drain(index);
        index
    }

    /// The device is gone in an instant, as in a crash: nobody is told.
    fn crash(&mut self, index: usize) {
        self.devices[index].alive = false;
        let slots = std::mem::take(&mut self.devices[index].slots);
        for (peer, slot) in slots.into_values().filter_map(|slot| slot.connected) {
            self.time.send(KEEP_ALIVE, peer, Delivery::Closed(slot));
        }
    }

    /// It comes back with its kept certificate.
    fn come_back(&mut self, index: usize) {
        let device = &mut self.devices[index];
        device.alive = true;
        device.dialler = Dialler::new(device.hash, DiallerConfig::default(), 7, self.time.now);
        // Numbers of slots are per page: those of the page that crashed mean nothing now.
        self.time.forget(index);
        self.drain(index);
    }

    fn drain(&mut self, index: usize) {
        while let Some(action) = self.devices[index].dialler.poll_action() {
            match action {
                Action::MakeSpare(slot) => {
                    self.next_port += 1;
                    let endpoint = format!("192.0.2.{}:{}", index + 1, self.next_port);
                    let endpoint = Endpoint::parse(&endpoint).unwrap();
                    let made = Slot { endpoint: Some(endpoint), ..Slot::default() };
                    self.devices[index].slots.insert(slot, made);
                    self.time.send(LATENCY, index, Delivery::SpareReady(slot, endpoint));
                }
                Action::Drop(slot) => {
                    let dropped = self.devices[index].slots.remove(&slot);
                    if let Some((peer, theirs)) = dropped.and_then(|slot| slot.connected) {
                        self.time.send(LATENCY, peer, Delivery::Closed(theirs));
                    }
                }
                Action::Dial { slot, address } | Action::AddEndpoints { slot, address } => {
                    self.dial(index, slot, &address);
                }
                Action::Register(endpoints) => self.register(index, endpoints),
                Action::Poll => self.poll(index),
                Action::ProbePeers => self.probe(index),
            }
        }
    }

    fn register(&mut self, index: usize, endpoints: Vec<Endpoint>) {
        if self.book_alive {
            let hash = self.devices[index].hash;
            let ip = "203.0.113.1".parse().unwrap();
            if endpoints.is_empty() {
                self.book.remove(&hash);
            } else {
                let address = Address::new(ip, endpoints.clone(), hash).unwrap();
                self.listings += 1;
                self.book.insert(hash, Entry { until: self.time.now + TTL, number: self.listings, address });
            }
        }
        self.time.send(LATENCY, index, Delivery::Registered(endpoints, self.book_alive));
    }

    fn poll(&mut self, index: usize) {
        self.devices[index].polls += 1;
        let (now, hash) = (self.time.now, self.devices[index].hash);
        self.book.retain(|_, entry| entry.until > now);
        let mut others: Vec<&Entry> = self.book.values().filter(|entry| entry.address.cert_hash != hash).collect();
        others.sort_by_key(|entry| std::cmp::Reverse(entry.number));
        let others = others.into_iter().map(|entry| entry.address.clone()).collect();
        let answer = self.book_alive.then_some(others);
        self.time.send(LATENCY, index, Delivery::Peers(answer));
    }

    /// A peer that does not answer a probe is given up after two seconds.
    fn probe(&mut self, index: usize) {
        let slots = self.devices[index].slots.iter();
        let dead: Vec<SlotId> = slots
            .filter(|(_, slot)| {
                slot.connected.is_some_and(|(peer, theirs)| !self.devices[peer].slots.contains_key(&theirs))
            })
            .map(|(id, _)| *id)
            .collect();
        for slot in dead {
            self.time.send(2_000, index, Delivery::Closed(slot));
        }
    }

    /// Two connections find each other when both dial, each where the other is: the way through two NATs.
    fn dial(&mut self, index: usize, slot: SlotId, address: &Address) {
        let hash = self.devices[index].hash;
        let Some(ours) = self.devices[index].slots.get_mut(&slot) else { return };
        let own = ours.endpoint.unwrap();
        let begins = ours.dialled.is_none();
        let dialled = ours.dialled.get_or_insert((address.cert_hash, BTreeSet::new()));
        dialled.1.extend(address.endpoints.iter().copied());
        let tried = dialled.1.clone();
        if ours.connected.is_some() || self.is_astray(index, slot) {
            return;
        }
        let other = self.devices.iter().position(|device| device.hash == address.cert_hash).unwrap();
        if begins {
            self.lead_astray(index, slot, other);
        }
        let slots = self.devices[other].slots.iter();
        let same_secret = self.devices[index].foreign == self.devices[other].foreign;
        let targets: Vec<(SlotId, bool, bool, bool)> = slots
            .filter(|(_, theirs)| theirs.endpoint.is_some_and(|endpoint| tried.contains(&endpoint)))
            .map(|(id, theirs)| {
                let back = theirs.dialled.as_ref();
                let mutual = same_secret && back.is_some_and(|(peer, tried)| *peer == hash && tried.contains(&own));
                let taken = theirs.connected.is_some() || self.is_astray(other, *id);
                let for_another = taken || back.is_some_and(|(peer, _)| *peer != hash);
                (*id, back.is_none(), mutual && !taken, same_secret && for_another)
            })
            .collect();
        for (theirs, waits, mutual, astray) in targets {
            if waits && self.devices[other].hears_knocks {
                self.time.send(LATENCY, other, Delivery::Knock(theirs));
            }
            if astray {
                self.devices[index].slots.get_mut(&slot).unwrap().led_astray = Some((other, theirs));
                self.time.send(LATENCY, index, Delivery::Reached(slot));
                return;
            }
            if mutual {
                self.devices[index].slots.get_mut(&slot).unwrap().connected = Some((other, theirs));
                self.devices[other].slots.get_mut(&theirs).unwrap().connected = Some((index, slot));
                self.time.send(LATENCY, index, Delivery::Open(slot, address.cert_hash));
                self.time.send(LATENCY, other, Delivery::Open(theirs, hash));
                return;
            }
        }
    }

    /// From now on a connection answers everybody: those who are dialling it, and are not who it dials, take that for theirs.
    fn lead_astray(&mut self, index: usize, slot: SlotId, dialled: usize) {
        let (hash, foreign) = (self.devices[index].hash, self.devices[index].foreign);
        let endpoint = self.devices[index].slots[&slot].endpoint.unwrap();
        for caller in (0..self.devices.len()).filter(|caller| *caller != dialled && *caller != index) {
            if self.devices[caller].foreign != foreign {
                continue;
            }
            let mut astray = Vec::new();
            for (id, theirs) in &mut self.devices[caller].slots {
                let tries =
                    theirs.dialled.as_ref().is_some_and(|(peer, tried)| *peer == hash && tried.contains(&endpoint));
                if tries && theirs.connected.is_none() && theirs.led_astray.is_none() {
                    theirs.led_astray = Some((index, slot));
                    astray.push(*id);
                }
            }
            for id in astray {
                self.time.send(LATENCY, caller, Delivery::Reached(id));
            }
        }
    }

    /// Chromium leaves a way that has gone dead for another; Firefox stays with the first one.
    fn is_astray(&self, index: usize, slot: SlotId) -> bool {
        let device = &self.devices[index];
        let astray = device.slots.get(&slot).and_then(|slot| slot.led_astray);
        astray.is_some_and(|(other, theirs)| !device.hears_knocks || self.devices[other].slots.contains_key(&theirs))
    }

    /// One thing happens: the next delivery, or the next deadline of a device.
    fn step(&mut self) {
        let devices = self.devices.iter().enumerate().filter(|(_, device)| device.alive);
        let deadlines = devices.filter_map(|(index, device)| Some((device.dialler.poll_timeout()?, index)));
        match self.time.next(deadlines) {
            Some(Next::Delivery(to, delivery)) => self.deliver(to, delivery),
            Some(Next::Deadline(index)) => {
                self.devices[index].dialler.handle_timeout(self.time.now);
                self.drain(index);
            }
            None => {}
        }
    }

    fn deliver(&mut self, to: usize, delivery: Delivery) {
        let now = self.time.now;
        let device = &mut self.devices[to];
        if !device.alive {
            return;
        }
        let dialler = &mut device.dialler;
        match delivery {
            Delivery::SpareReady(slot, endpoint) => dialler.handle_spare_ready(slot, vec![endpoint], now),
            Delivery::Knock(slot) => dialler.handle_knock(slot, now),
            Delivery::Reached(slot) => dialler.handle_reached(slot, now),
            Delivery::Open(slot, peer) => {
                if device.slots.contains_key(&slot) {
                    dialler.handle_reached(slot, now);
                    dialler.handle_secured(slot, now);
                    let lower = self.lower(to);
                    let dialler = &mut self.devices[to].dialler;
                    dialler.handle_lower(lower, now);
                    dialler.handle_open(slot, peer, now);
                }
            }
            Delivery::Closed(slot) => {
                device.slots.remove(&slot);
                let lower = self.lower(to);
                let dialler = &mut self.devices[to].dialler;
                dialler.handle_lower(lower, now);
                dialler.handle_closed(slot, now);
            }
            Delivery::Registered(endpoints, taken) => dialler.handle_registered(&endpoints, taken, now),
            Delivery::Peers(answer) => dialler.handle_peers(answer, now),
        }
        self.drain(to);
    }

    fn run_until(&mut self, limit: u64, mut done: impl FnMut(&Self) -> bool) -> bool {
        let until = self.time.now + limit;
        let mut steps = 0u64;
        while self.time.now < until {
            if done(self) {
                return true;
            }
            self.step();
            steps += 1;
            assert!(steps < 100 * limit, "the world turns without time passing");
        }
        done(self)
    }

    fn run_for(&mut self, time: u64) {
        self.run_until(time, |_| false);
    }

    fn peers(&self, index: usize) -> BTreeSet<usize> {
        self.devices[index].slots.values().filter_map(|slot| slot.connected.map(|(peer, _)| peer)).collect()
    }

    /// How many peers stand before this device in keeping the listing.
    fn lower(&self, index: usize) -> usize {
        let own = self.devices[index].hash;
        self.peers(index).into_iter().filter(|peer| self.devices[*peer].hash < own).count()
    }

    fn connected(&self, a: usize, b: usize) -> bool {
        self.peers(a).contains(&b) && self.peers(b).contains(&a)
    }

    /// Whether news from anybody reaches everybody who is alive.
    fn one_crew(&self) -> bool {
        let alive: Vec<usize> = (0..self.devices.len()).filter(|index| self.devices[*index].alive).collect();
        let mut reached = BTreeSet::from([alive[0]]);
        let mut frontier = vec![alive[0]];
        while let Some(index) = frontier.pop() {
            for peer in self.peers(index) {
                if self.devices[peer].alive && reached.insert(peer) {
                    frontier.push(peer);
                }
            }
        }
        reached.len() == alive.len()
    }

    fn activity(&self, index: usize) -> Activity {
        self.devices[index].dialler.activity()
    }

    fn tell(&mut self, index: usize, what: impl FnOnce(&mut Dialler, u64)) {
        what(&mut self.devices[index].dialler, self.time.now);
        self.drain(index);
    }
}

#[test]
fn a_second_device_finds_the_first_within_a_second_when_it_knocks() {
    let mut world = World::new();
    let alice = world.arrive(1, true);
    world.run_for(20_000);
    assert_eq!(world.activity(alice), Activity::Alone);
    let bob = world.arrive(2, true);
    assert_eq!(world.activity(bob), Activity::Connecting);
    assert!(world.run_until(1_000, |world| world.connected(alice, bob)));
    world.run_for(100);
    assert_eq!(world.activity(alice), Activity::Connected);
    assert_eq!(world.activity(bob), Activity::Connected);
}

#[test]
fn without_a_knock_it_takes_no_more_than_a_poll() {
    let mut world = World::new();
    let alice = world.arrive(1, false);
    world.run_for(20_500);
    let bob = world.arrive(2, false);
    assert!(world.run_until(3_500, |world| world.connected(alice, bob)));
}

#[test]
fn any_number_arriving_at_once_become_one_crew() {
    for size in [2, 3, 4, 5, 8, 12] {
        for seed in 0..8u32 {
            let mut world = World::new();
            for index in 0..size {
                let name = seed.wrapping_mul(31).wrapping_add(index);
                world.arrive(name, (index + seed) % 3 != 0);
            }
            let met = world.run_until(120_000, World::one_crew);
            assert!(met, "{size} devices, seed {seed}");
        }
    }
}

#[test]
fn a_dead_listing_holds_nobody_up_for_long() {
    for seed in 0..20u32 {
        let mut world = World::new();
        let ghost = world.arrive(seed * 3, true);
        world.run_for(5_000);
        world.crash(ghost);
        let alice = world.arrive(seed * 3 + 1, true);
        world.run_for(u64::from(seed) * 400);
        let bob = world.arrive(seed * 3 + 2, seed % 2 == 0);
        assert!(world.run_until(30_000, |world| world.connected(alice, bob)), "seed {seed}");
    }
}

#[test]
fn a_crowd_of_dead_listings_holds_nobody_up_either() {
    for seed in 0..20u32 {
        let mut world = World::new();
        let alice = world.arrive(seed * 7, true);
        world.run_for(3_000);
        for name in 1..5 {
            let ghost = world.arrive(seed * 7 + name, false);
            world.run_for(u64::from(seed) * 300);
            world.crash(ghost);
        }
        world.run_for(10_000);
        let bob = world.arrive(seed * 7 + 5, seed % 2 == 0);
        assert!(world.run_until(45_000, |world| world.connected(alice, bob)), "seed {seed}");
    }
}

#[test]
fn somebody_with_a_wrong_secret_keeps_nobody_apart() {
    for seed in 0..40u32 {
        let mut world = World::new();
        let alice = world.arrive(seed * 3, true);
        let mallory = world.arrive(seed * 3 + 1, true);
        world.devices[mallory].foreign = true;
        world.run_for(10_000 + u64::from(seed) * 400);
        let bob = world.arrive(seed * 3 + 2, seed % 2 == 0);
        assert!(world.run_until(45_000, |world| world.connected(alice, bob)), "seed {seed}");
        world.run_for(1_000);
        assert!(world.peers(mallory).is_empty());
    }
}

#[test]
fn a_device_that_comes_back_is_dialled_again() {
    for knocks in [true, false] {
        let mut world = World::new();
        let alice = world.arrive(1, knocks);
        let bob = world.arrive(2, knocks);
        assert!(world.run_until(10_000, |world| world.connected(alice, bob)));
        world.run_for(10_000);
        world.crash(bob);
        world.run_for(500);
        world.come_back(bob);
        assert!(world.run_until(15_000, |world| world.connected(alice, bob)), "knocks: {knocks}");
    }
}

#[test]
fn only_two_of_a_crew_ask_the_phone_book() {
    let mut world = World::new();
    let crew: Vec<usize> = (0..6).map(|name| world.arrive(name, true)).collect();
    assert!(world.run_until(60_000, World::one_crew));
    world.run_for(60_000);
    for index in &crew {
        world.devices[*index].polls = 0;
    }
    world.run_for(120_000);
    let asking = crew.iter().filter(|index| world.devices[**index].polls > 0).count();
    for index in &crew {
        let before = world.lower(*index);
        let asks = world.devices[*index].polls > 0;
        assert_eq!(asks, before < 2, "device {index} with {before} before it");
    }
    assert_eq!(world.book.len(), asking, "only those who ask are listed");
}

#[test]
fn without_the_phone_book_connections_last_and_nobody_calls_often() {
    let mut world = World::new();
    let alice = world.arrive(1, true);
    let bob = world.arrive(2, true);
    assert!(world.run_until(10_000, |world| world.connected(alice, bob)));
    world.book_alive = false;
    world.run_for(30_000);
    assert!(world.connected(alice, bob));
    assert_eq!(world.devices[alice].dialler.book_state(), BookState::Unreachable);
    world.devices[alice].polls = 0;
    world.run_for(600_000);
    assert!(world.connected(alice, bob));
    assert!(world.devices[alice].polls < 30, "{} polls in ten minutes", world.devices[alice].polls);
}

#[test]
fn when_the_phone_book_comes_back_the_waiting_meet() {
    let mut world = World::new();
    world.book_alive = false;
    let alice = world.arrive(1, true);
    let bob = world.arrive(2, true);
    world.run_for(60_000);
    assert_eq!(world.activity(alice), Activity::Alone);
    world.book_alive = true;
    assert!(world.run_until(60_000, |world| world.connected(alice, bob)));
}

#[test]
fn an_offline_device_makes_no_request() {
    let mut world = World::new();
    let alice = world.arrive(1, true);
    world.run_for(10_000);
    world.tell(alice, |dialler, now| dialler.handle_online(false, now));
    world.devices[alice].polls = 0;
    world.run_for(60_000);
    assert_eq!(world.devices[alice].polls, 0);
    assert_eq!(world.activity(alice), Activity::Offline);
    let bob = world.arrive(2, true);
    world.tell(alice, |dialler, now| dialler.handle_online(true, now));
    assert!(world.run_until(10_000, |world| world.connected(alice, bob)));
}

#[test]
fn a_hidden_device_looks_rarely() {
    let mut world = World::new();
    let alice = world.arrive(1, true);
    world.tell(alice, |dialler, now| dialler.handle_visibility(false, now));
    world.run_for(5_000);
    world.devices[alice].polls = 0;
    world.run_for(300_000);
    assert!(world.devices[alice].polls <= 10, "{} polls", world.devices[alice].polls);
}

#[test]
fn two_who_call_a_third_at_once_both_come_in() {
    for seed in 0..150u32 {
        for browsers in 0..3u32 {
            let mut world = World::new();
            let name = 1_000 + 16 * seed;
            world.arrive(name, browsers != 1);
            world.run_for(5_000 + u64::from(seed) * 37);
            for caller in 1..3 {
                world.arrive(name + caller, browsers == 0 || (browsers == 2 && caller == 2));
                world.run_for(u64::from(seed % 7) * 30);
            }
            assert!(world.run_until(30_000, World::one_crew), "seed {seed}, browsers {browsers}");
        }
    }
}
