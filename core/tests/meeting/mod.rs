//! Devices, browsers, NATs and a phone book, in virtual time.
//!
//! What connections do was measured with Chromium 156 and Firefox 153. A connection that waits answers the connectivity
//! checks of whoever has its ICE password, and so does one that dials somebody else or is taken: to the caller it looks as
//! if ICE had found a way. Chromium shows a check that comes in (a knock), once a connection. Two connections open when
//! each was dialled with the other's credentials and each takes the other for the way that was found; Firefox leaves a way
//! for a better one and for nothing else, Chromium leaves one that has gone dead. A probe that offers answers DTLS and
//! never begins it, so it opens only towards the lower certificate hash. A NAT lets in only whom it has sent to. Where both
//! control ICE, a check of the one with the greater tie-breaker is answered; of the other only if it is Chromium's, which
//! changes sides for being told.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use partyline_core::dial::{Action, Activity, Dialler, DiallerConfig, Found, Side, SlotId, Unanswered};
use partyline_core::id::{Address, CertHash, Endpoint};

use crate::timeline::{Next, Timeline};

/// How long a packet, or a request to the phone book, takes.
pub(crate) const LATENCY: u64 = 40;
/// How long a listing lasts.
const TTL: u64 = 120_000;
/// How long a phone book that nobody asks keeps its memory.
const IDLE: u64 = 10_000;
/// For how long Firefox goes on asking where it was told to, once a connection is open.
const CHECKS: u64 = 4_000;
/// How long a dead connection goes unnoticed.
const KEEP_ALIVE: u64 = 8_000;

/// What is on its way.
#[derive(Debug)]
pub(crate) enum Delivery {
    SpareReady(SlotId, Endpoint),
    Knock(SlotId),
    Reached(SlotId),
    /// These two have found each other and have come as far as opening.
    Opening(SlotId, (usize, SlotId)),
    Open(SlotId, CertHash),
    Closed(SlotId),
    Registered(Vec<Endpoint>, Result<(), Unanswered>),
    Peers(Result<Vec<Found>, Unanswered>),
    Moment,
}

#[derive(Debug)]
struct Slot {
    /// Where the world finds it.
    outside: Endpoint,
    is_probe: bool,
    /// Whether it controls ICE, as whoever offers does, and the tie-breaker.
    controls: bool,
    tie: u64,
    dialled: Option<(CertHash, Vec<Endpoint>)>,
    /// The connection that has answered it, and how good it is to this browser: the lower the better.
    way: Option<(usize, SlotId)>,
    way_rank: usize,
    opened_at: Option<u64>,
    is_opening: bool,
    is_knocked: bool,
}

pub(crate) struct Device {
    pub(crate) hash: CertHash,
    pub(crate) dialler: Dialler,
    slots: BTreeMap<SlotId, Slot>,
    pub(crate) alive: bool,
    /// Whether its browser shows a knock (Chromium does, Firefox does not).
    hears_knocks: bool,
    /// Whether it is behind a NAT of its own.
    has_nat: bool,
    /// Whether it has another secret: its credentials fit nobody's.
    pub(crate) foreign: bool,
    pub(crate) visible: bool,
    pub(crate) polls: usize,
    pub(crate) registrations: usize,
    /// Most probes that it had at once, and all that it ever made.
    pub(crate) most_probes: usize,
    pub(crate) probes: usize,
}

/// A listing: until when it stands, when it was made, and what it says.
struct Entry {
    until: u64,
    number: u64,
    found: Found,
}

/// Listings of somebody who does not know the room's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Falsehood {
    /// Devices that do not exist.
    Strangers,
    /// The same, other ones and elsewhere each time.
    EverNewStrangers,
    /// The same devices, elsewhere each time.
    MovingStrangers,
    /// Listings in the name of those who are listed.
    Copies,
    /// The same, elsewhere each time.
    MovingCopies,
}

pub(crate) struct World {
    pub(crate) time: Timeline<Delivery>,
    pub(crate) devices: Vec<Device>,
    next_port: u16,
    book: BTreeMap<(CertHash, IpAddr), Entry>,
    listings: u64,
    pub(crate) book_alive: bool,
    /// Whether the phone book forgets all when nobody has asked it for a while.
    pub(crate) is_forgetful: bool,
    /// Whether the hashes that somebody makes up happen to vouch for him.
    pub(crate) is_lucky: bool,
    /// How many listings the phone book has a place for.
    pub(crate) places: usize,
    /// Until when the phone book refuses everybody, and says so.
    pub(crate) refuses_until: u64,
    asked_at: u64,
    /// Who has taken what happened for a sign of another device with its certificate.
    pub(crate) took_for_copies: BTreeSet<usize>,
    falsehood: Option<(Falsehood, u32, u64, u64)>,
    dice: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            time: Timeline::default(),
            devices: Vec::new(),
            next_port: 1024,
            book: BTreeMap::new(),
            listings: 0,
            book_alive: true,
            is_forgetful: false,
            is_lucky: false,
            places: usize::MAX,
            refuses_until: 0,
            asked_at: 0,
            took_for_copies: BTreeSet::new(),
            falsehood: None,
            dice: 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// Spread like a SHA-256, so that a pair's score says nothing about its names.
    fn hash(mut state: u64) -> CertHash {
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = u8::try_from(state & 0xFF).unwrap();
        }
        CertHash::from_bytes(bytes)
    }

    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.dice >> 33
    }

    fn config(hears_knocks: bool) -> DiallerConfig {
        if hears_knocks { DiallerConfig::default() } else { DiallerConfig::without_knocks() }
    }

    pub(crate) fn arrive(&mut self, name: u32, hears_knocks: bool) -> usize {
        self.arrive_behind(name, hears_knocks, false)
    }

    pub(crate) fn arrive_behind(&mut self, name: u32, hears_knocks: bool, has_nat: bool) -> usize {
        let index = self.devices.len();
        let state = (u64::from(name) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let hash = Self::hash(state);
        let dialler = Dialler::new(hash, Self::config(hears_knocks), state, self.time.now);
        self.devices.push(Device {
            hash,
            dialler,
            slots: BTreeMap::new(),
            alive: true,
            hears_knocks,
            has_nat,
            foreign: false,
            visible: true,
            polls: 0,
            registrations: 0,
            most_probes: 0,
            probes: 0,
        });
        self.drain(index);
        index
    }

    /// The device is gone in an instant, as in a crash: nobody is told.
    pub(crate) fn crash(&mut self, index: usize) {
        self.devices[index].alive = false;
        for (peer, theirs) in self.partners(index) {
            self.time.send(KEEP_ALIVE, peer, Delivery::Closed(theirs));
        }
        self.devices[index].slots.clear();
    }

    /// It comes back with its kept certificate.
    pub(crate) fn come_back(&mut self, index: usize) {
        let device = &mut self.devices[index];
        device.alive = true;
        device.dialler = Dialler::new(device.hash, Self::config(device.hears_knocks), 7, self.time.now);
        // Numbers of slots are per page: those of the page that crashed mean nothing now.
        self.time.forget(index);
        self.drain(index);
    }

    fn partners(&self, index: usize) -> Vec<(usize, SlotId)> {
        self.devices[index].slots.values().filter(|slot| slot.opened_at.is_some()).filter_map(|slot| slot.way).collect()
    }

    fn observed(index: usize) -> IpAddr {
        format!("203.0.113.{}", index + 1).parse().unwrap()
    }

    fn make(&mut self, index: usize, slot: SlotId, is_probe: bool) -> Endpoint {
        self.next_port = self.next_port.checked_add(1).unwrap_or(1_024);
        let (port, has_nat) = (self.next_port, self.devices[index].has_nat);
        let host =
            if has_nat { format!("10.0.0.{}:{port}", index + 1) } else { format!("192.0.2.{}:{port}", index + 1) };
        let outside = if has_nat { format!("{}:{port}", Self::observed(index)) } else { host.clone() };
        let (host, outside) = (Endpoint::parse(&host).unwrap(), Endpoint::parse(&outside).unwrap());
        let tie = u64::from(slot.number() + 1)
            .wrapping_add(u64::from(self.devices[index].hash.as_bytes()[0]) << 8)
            .wrapping_mul(0xD6E8_FEB8_6659_FD93)
            .rotate_left(29)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let made = Slot {
            outside,
            is_probe,
            controls: true,
            tie,
            dialled: None,
            way: None,
            way_rank: 0,
            opened_at: None,
            is_opening: false,
            is_knocked: false,
        };
        self.devices[index].slots.insert(slot, made);
        host
    }

    fn drain(&mut self, index: usize) {
        self.act(index);
        if self.devices[index].dialler.has_double() {
            self.took_for_copies.insert(index);
        }
        // Whom it is connected to may be another matter now.
        self.tell_keepers(index);
        self.act(index);
        self.find_ways();
    }

    fn act(&mut self, index: usize) {
        while let Some(action) = self.devices[index].dialler.poll_action() {
            match action {
                Action::MakeSpare(slot) => {
                    let host = self.make(index, slot, false);
                    self.time.send(LATENCY, index, Delivery::SpareReady(slot, host));
                }
                Action::Drop(slot) => {
                    let dropped = self.devices[index].slots.remove(&slot);
                    if let Some((peer, theirs)) =
                        dropped.filter(|slot| slot.opened_at.is_some()).and_then(|slot| slot.way)
                    {
                        self.time.send(LATENCY, peer, Delivery::Closed(theirs));
                    }
                }
                Action::Probe { slot, peer, candidates, side } => {
                    assert!(candidates.len() <= Dialler::MAX_PROBED);
                    self.make(index, slot, true);
                    self.devices[index].slots.get_mut(&slot).unwrap().controls = side == Side::Offering;
                    self.dial(index, slot, peer, candidates);
                    let device = &mut self.devices[index];
                    device.probes += 1;
                    let running =
                        device.slots.values().filter(|slot| slot.is_probe && slot.opened_at.is_none()).count();
                    device.most_probes = device.most_probes.max(running);
                }
                Action::Dial { slot, peer, candidates } => {
                    assert!(candidates.len() <= Dialler::MAX_CANDIDATES);
                    self.dial(index, slot, peer, candidates);
                }
                Action::AddEndpoints { slot, candidates } => {
                    if let Some((peer, known)) =
                        self.devices[index].slots.get(&slot).and_then(|slot| slot.dialled.clone())
                    {
                        assert!(known.len() + candidates.len() <= 2 * Dialler::MAX_CANDIDATES);
                        self.dial(index, slot, peer, candidates);
                    }
                }
                Action::Register(endpoints) => self.register(index, endpoints),
                Action::Poll => self.poll(index),
                Action::ProbePeers => self.probe(index),
            }
        }
    }

    fn dial(&mut self, index: usize, slot: SlotId, peer: CertHash, candidates: Vec<Endpoint>) {
        if let Some(slot) = self.devices[index].slots.get_mut(&slot) {
            slot.dialled.get_or_insert((peer, Vec::new())).1.extend(candidates);
        }
    }

    /// Somebody asks the phone book, if it answers.
    fn ask(&mut self) -> Result<(), Unanswered> {
        let now = self.time.now;
        if !self.book_alive {
            return Err(Unanswered::default());
        }
        if now < self.refuses_until {
            return Err(Unanswered { retry_after_ms: Some(self.refuses_until - now) });
        }
        if self.is_forgetful && now > self.asked_at + IDLE {
            self.forget_listings();
        }
        self.asked_at = now;
        self.book.retain(|_, entry| entry.until > now);
        Ok(())
    }

    fn list(&mut self, address: Address, is_vouched: bool) {
        self.listings += 1;
        let place = (address.cert_hash, address.ip);
        let found = Found { address, is_vouched };
        self.book.insert(place, Entry { until: self.time.now + TTL, number: self.listings, found });
    }

    /// The phone book begins anew.
    pub(crate) fn forget_listings(&mut self) {
        self.book.clear();
    }

    pub(crate) fn listed(&self) -> usize {
        self.book.len()
    }

    fn register(&mut self, index: usize, endpoints: Vec<Endpoint>) {
        self.devices[index].registrations += 1;
        let outcome = self.ask().and_then(|()| self.take(index, &endpoints));
        self.time.send(LATENCY, index, Delivery::Registered(endpoints, outcome));
    }

    fn take(&mut self, index: usize, endpoints: &[Endpoint]) -> Result<(), Unanswered> {
        let owner = (self.devices[index].hash, Self::observed(index));
        if endpoints.is_empty() {
            self.book.remove(&owner);
        } else if self.book.len() < self.places || self.book.contains_key(&owner) {
            let is_member = !self.devices[index].foreign;
            self.list(Address::new(owner.1, endpoints.to_vec(), owner.0).unwrap(), is_member);
        } else {
            let first = self.book.values().map(|entry| entry.until).min().unwrap_or(self.time.now + TTL);
            return Err(Unanswered { retry_after_ms: Some(first - self.time.now) });
        }
        Ok(())
    }

    fn poll(&mut self, index: usize) {
        self.devices[index].polls += 1;
        // To somebody with another secret other hashes vouch.
        let is_foreign = self.devices[index].foreign;
        let knows = |found: &Found| found.is_vouched != is_foreign;
        let found = |entry: &Entry| Found { is_vouched: knows(&entry.found), ..entry.found.clone() };
        let answer = self.ask().map(|()| {
            let mut all: Vec<&Entry> = self.book.values().collect();
            all.sort_by_key(|entry| std::cmp::Reverse(entry.number));
            all.into_iter().map(found).collect()
        });
        self.time.send(LATENCY, index, Delivery::Peers(answer));
    }

    /// Somebody lists what is false, and goes on listing it.
    pub(crate) fn lie(&mut self, falsehood: Falsehood, count: u32) {
        self.falsehood = Some((falsehood, count, 0, self.time.now));
        self.tell_lies();
    }

    /// Each lie is told again after a time, in which a part of them is each second.
    fn tell_lies(&mut self) {
        let Some((falsehood, count, told, at)) = self.falsehood else { return };
        if at > self.time.now {
            return;
        }
        let is_moving =
            matches!(falsehood, Falsehood::EverNewStrangers | Falsehood::MovingStrangers | Falsehood::MovingCopies);
        // At first all of them, then each once in 3 s.
        let (share, wait) = if told == 0 { (count, 1_000) } else { (count.div_ceil(3), 1_000) };
        let named: Vec<CertHash> = self.devices.iter().map(|device| device.hash).collect();
        for number in told..told + u64::from(share) {
            let place = number % u64::from(count);
            let ip: IpAddr = format!("198.51.{}.{}", 100 + place / 200, 1 + place % 200).parse().unwrap();
            let hash = match falsehood {
                Falsehood::Strangers | Falsehood::MovingStrangers => {
                    Self::hash((place + 77).wrapping_mul(0xD6E8_FEB8_6659_FD93) | 1)
                }
                Falsehood::EverNewStrangers => {
                    // The one before is withdrawn.
                    self.book.retain(|(_, listed), _| *listed != ip);
                    Self::hash(self.roll().wrapping_mul(0xD6E8_FEB8_6659_FD93) | 1)
                }
                Falsehood::Copies | Falsehood::MovingCopies => match named.get(number as usize % named.len().max(1)) {
                    Some(hash) => *hash,
                    None => continue,
                },
            };
            let endpoints = (0..8u16).map(|n| {
                let port = if is_moving { 2_000 + n + u16::try_from(number * 8 % 50_000).unwrap() } else { 2_000 + n };
                Endpoint::parse(&format!("{ip}:{port}")).unwrap()
            });
            let is_vouched = self.is_lucky || matches!(falsehood, Falsehood::Copies | Falsehood::MovingCopies);
            self.list(Address::new(ip, endpoints.collect(), hash).unwrap(), is_vouched);
        }
        let told = told + u64::from(share);
        self.falsehood = Some((falsehood, count, told, self.time.now + wait));
        self.time.send(wait, 0, Delivery::Moment);
    }

    /// A peer that does not answer a probe is given up after two seconds.
    fn probe(&mut self, index: usize) {
        let is_dead = |slot: &Slot| {
            let way = slot.way.filter(|_| slot.opened_at.is_some());
            way.is_some_and(|(peer, theirs)| !self.devices[peer].slots.contains_key(&theirs))
        };
        let slots = self.devices[index].slots.iter();
        let dead: Vec<SlotId> = slots.filter(|(_, slot)| is_dead(slot)).map(|(id, _)| *id).collect();
        for slot in dead {
            self.time.send(2_000, index, Delivery::Closed(slot));
        }
    }

    /// Whether a check of the first connection gets to the second.
    fn gets_through(&self, from: &Slot, (device, to): (usize, &Slot)) -> bool {
        let tries = |slot: &Slot, endpoint: &Endpoint| {
            slot.dialled.as_ref().is_some_and(|(_, candidates)| candidates.contains(endpoint))
        };
        tries(from, &to.outside) && (!self.devices[device].has_nat || tries(to, &from.outside))
    }

    fn is_meant(&self, slot: &Slot, index: usize) -> bool {
        slot.dialled.as_ref().is_some_and(|(peer, _)| *peer == self.devices[index].hash)
    }

    /// Every connection that was dialled and has no way yet looks for one.
    fn find_ways(&mut self) {
        let all = |world: &Self| -> Vec<(usize, SlotId)> {
            let devices = world.devices.iter().enumerate().filter(|(_, device)| device.alive);
            devices.flat_map(|(index, device)| device.slots.keys().map(move |slot| (index, *slot))).collect()
        };
        let slots = all(self);
        for (index, id) in &slots {
            self.find_way(*index, *id);
        }
        for (index, id) in slots {
            self.open(index, id);
        }
    }

    fn find_way(&mut self, index: usize, id: SlotId) {
        let slot = &self.devices[index].slots[&id];
        let Some((peer, candidates)) = &slot.dialled else { return };
        let Some(other) = self.devices.iter().position(|device| device.hash == *peer && device.alive) else { return };
        if self.devices[index].foreign != self.devices[other].foreign {
            return;
        }
        let (us, them) = (&self.devices[index], &self.devices[other]);
        // Where both control, the one with the smaller tie-breaker gives in when it is asked. When it asks and is told so, only
        // Chromium does.
        let is_answered = |from: &Slot, browser: &Device, to: &Slot| {
            !(from.controls && to.controls) || browser.hears_knocks || from.tie > to.tie
        };
        // To Chromium one that has called is better than all that was listed; Firefox tries those at once.
        let rank = |theirs: &Slot| candidates.iter().position(|candidate| *candidate == theirs.outside);
        let rank = |theirs: &Slot| rank(theirs).map_or(if us.hears_knocks { 0 } else { usize::MAX }, |rank| rank + 1);
        let mut ways: Vec<(usize, SlotId)> = Vec::new();
        let mut knocked = Vec::new();
        for (theirs_id, theirs) in &them.slots {
            let reaches = self.gets_through(slot, (other, theirs)) && is_answered(slot, us, theirs);
            let is_reached = self.is_meant(theirs, index)
                && self.gets_through(theirs, (index, slot))
                && is_answered(theirs, them, slot);
            if reaches && theirs.dialled.is_none() && them.hears_knocks && !theirs.is_knocked {
                knocked.push(*theirs_id);
            }
            // Whoever waits nominates nobody, which the controlled side waits for.
            let is_nominated = slot.controls || theirs.dialled.is_some();
            let is_silent = theirs.dialled.is_none() && !them.hears_knocks;
            if (reaches && is_nominated && !is_silent) || is_reached {
                ways.push((rank(theirs), *theirs_id));
            }
        }
        ways.sort_unstable();
        let is_alive = slot.way.is_some_and(|(peer, theirs)| self.devices[peer].slots.contains_key(&theirs));
        let is_best = |rank: &usize| *rank >= slot.way_rank;
        let stays = slot.way.is_some()
            && if us.hears_knocks {
                is_alive || slot.opened_at.is_some()
            } else {
                let is_settled = slot.opened_at.is_some_and(|at| self.time.now > at + CHECKS);
                is_settled || ways.first().is_none_or(|(rank, _)| is_best(rank))
            };
        let (first, was_open) = (slot.way.is_none(), slot.opened_at.is_some());
        for theirs in knocked {
            self.devices[other].slots.get_mut(&theirs).unwrap().is_knocked = true;
            self.time.send(LATENCY, other, Delivery::Knock(theirs));
        }
        if let Some((rank, way)) = ways.first()
            && !stays
        {
            if was_open {
                // It is deaf from now on.
                self.time.send(KEEP_ALIVE, index, Delivery::Closed(id));
                self.devices[index].slots.get_mut(&id).unwrap().way_rank = 0;
                return;
            }
            let slot = self.devices[index].slots.get_mut(&id).unwrap();
            (slot.way, slot.way_rank) = (Some((other, *way)), *rank);
            if first {
                self.time.send(LATENCY, index, Delivery::Reached(id));
            }
        }
    }

    /// Whether this connection and the one that has answered it can open, and are not open yet.
    fn is_opening(&self, index: usize, id: SlotId) -> Option<(usize, SlotId)> {
        let slot = self.devices[index].slots.get(&id)?;
        let (other, theirs_id) = slot.way.filter(|_| slot.opened_at.is_none())?;
        let theirs = self.devices[other].slots.get(&theirs_id)?;
        let (ours_hash, theirs_hash) = (self.devices[index].hash, self.devices[other].hash);
        let only_answers = |slot: &Slot| slot.is_probe && slot.controls;
        let begins =
            (only_answers(slot) && theirs_hash > ours_hash) || (only_answers(theirs) && ours_hash > theirs_hash);
        let is_mutual = theirs.way == Some((index, id)) && self.is_meant(theirs, index) && self.is_meant(slot, other);
        let opens = is_mutual && theirs.opened_at.is_none() && !begins && !(slot.is_probe && theirs.is_probe);
        opens.then_some((other, theirs_id))
    }

    fn open(&mut self, index: usize, id: SlotId) {
        if let Some((other, theirs)) = self.is_opening(index, id)
            && index < other
            && !std::mem::replace(&mut self.devices[index].slots.get_mut(&id).unwrap().is_opening, true)
        {
            self.time.send(LATENCY, index, Delivery::Opening(id, (other, theirs)));
        }
    }

    /// What was about to open does, unless one of the two has given up meanwhile.
    fn opened(&mut self, index: usize, id: SlotId, theirs: (usize, SlotId)) {
        if let Some(slot) = self.devices[index].slots.get_mut(&id) {
            slot.is_opening = false;
        }
        if self.is_opening(index, id) != Some(theirs) {
            return self.open(index, id);
        }
        let (ours_hash, theirs_hash) = (self.devices[index].hash, self.devices[theirs.0].hash);
        for (device, id, peer) in [(index, id, theirs_hash), (theirs.0, theirs.1, ours_hash)] {
            self.devices[device].slots.get_mut(&id).unwrap().opened_at = Some(self.time.now);
            self.time.send(0, device, Delivery::Open(id, peer));
        }
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
        if matches!(delivery, Delivery::Moment) {
            return self.tell_lies();
        }
        if let Delivery::Opening(slot, theirs) = delivery {
            return self.opened(to, slot, theirs);
        }
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
                    let outlasts = |id: &SlotId, other: &Slot| {
                        let age = other.opened_at.map(|at| now.saturating_sub(at));
                        let is_of_pair =
                            other.way.map(|(other, _)| other) == device.slots[&slot].way.map(|(other, _)| other);
                        *id != slot && is_of_pair && age.is_some_and(|age| id.outlasts(slot, age))
                    };
                    if device.slots.iter().any(|(id, other)| outlasts(id, other)) {
                        // As whoever holds the sessions does.
                        let dropped = device.slots.remove(&slot);
                        if let Some((peer, theirs)) = dropped.and_then(|slot| slot.way) {
                            self.time.send(LATENCY, peer, Delivery::Closed(theirs));
                        }
                        device.dialler.handle_closed(slot, now);
                        return self.drain(to);
                    }
                    dialler.handle_reached(slot, now);
                    dialler.handle_secured(slot, now);
                    self.tell_keepers(to);
                    self.devices[to].dialler.handle_open(slot, peer, now);
                }
            }
            Delivery::Closed(slot) => {
                device.slots.remove(&slot);
                self.tell_keepers(to);
                self.devices[to].dialler.handle_closed(slot, now);
            }
            Delivery::Registered(endpoints, outcome) => {
                dialler.handle_registered(&endpoints, outcome.map(|()| Some(Self::observed(to))), now);
            }
            Delivery::Peers(answer) => dialler.handle_peers(answer, now),
            Delivery::Opening(..) | Delivery::Moment => {}
        }
        self.drain(to);
    }

    fn tell_keepers(&mut self, index: usize) {
        let (lower, now) = (self.lower(index), self.time.now);
        let is_hidden = !self.devices[index].visible;
        let others = self.peers(index).into_iter().map(|peer| &self.devices[peer]);
        let others = others.filter(|other| other.visible || is_hidden);
        let other = others.map(|other| (!other.visible, other.hash)).min().map(|(_, hash)| hash);
        self.devices[index].dialler.handle_keepers(lower, other, now);
    }

    pub(crate) fn run_until(&mut self, limit: u64, mut done: impl FnMut(&Self) -> bool) -> bool {
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

    pub(crate) fn run_for(&mut self, time: u64) {
        self.run_until(time, |_| false);
    }

    /// The same, and stops there also if the next thing to happen is later.
    pub(crate) fn run_exactly(&mut self, time: u64) {
        self.time.send(time, 0, Delivery::Moment);
        self.run_for(time);
    }

    pub(crate) fn peers(&self, index: usize) -> BTreeSet<usize> {
        self.partners(index).into_iter().map(|(peer, _)| peer).collect()
    }

    /// How many peers stand before this device in keeping the listing; before a hidden one a visible one counts twice.
    pub(crate) fn lower(&self, index: usize) -> usize {
        let rank = |index: usize| (!self.devices[index].visible, self.devices[index].hash);
        let before: Vec<usize> = self.peers(index).into_iter().filter(|peer| rank(*peer) < rank(index)).collect();
        let is_outdone = !self.devices[index].visible && before.iter().any(|peer| self.devices[*peer].visible);
        before.len() + usize::from(is_outdone)
    }

    pub(crate) fn connected(&self, a: usize, b: usize) -> bool {
        self.peers(a).contains(&b) && self.peers(b).contains(&a)
    }

    /// Whether news from anybody reaches everybody who is alive.
    pub(crate) fn one_crew(&self) -> bool {
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

    pub(crate) fn activity(&self, index: usize) -> Activity {
        self.devices[index].dialler.activity()
    }

    pub(crate) fn tell(&mut self, index: usize, what: impl FnOnce(&mut Dialler, u64)) {
        what(&mut self.devices[index].dialler, self.time.now);
        self.drain(index);
    }

    pub(crate) fn show(&mut self, index: usize, visible: bool) {
        self.devices[index].visible = visible;
        self.tell(index, |dialler, now| dialler.handle_presence(visible, false, now));
        for peer in self.peers(index) {
            self.drain(peer);
        }
    }

    /// Requests of a device to the phone book since this was asked last.
    pub(crate) fn requests(&mut self, index: usize) -> usize {
        let device = &mut self.devices[index];
        std::mem::take(&mut device.polls) + std::mem::take(&mut device.registrations)
    }
}
