//! A crew of devices that introduce each other, in virtual time.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
#![allow(dead_code, reason = "the bench needs less than the tests")]

use std::collections::{BTreeMap, BTreeSet};

use partyline_core::connect::{Contact, IceCredentials};
use partyline_core::dial::{SlotId, Way};
use partyline_core::id::{CertHash, DeviceId, Endpoint};
use partyline_core::mesh::{Card, Keeping, Mesh, MeshAction, Neighbour, decode_links, encode_links};

use crate::timeline::{Next, Timeline};

/// How long a message takes.
const LATENCY: u64 = 25;
/// How long a connection takes to open once both sides dial, and to be made.
const OPENING: u64 = 120;

pub(crate) enum Delivery {
    Ready(SlotId),
    Open(SlotId, usize),
    Closed(SlotId),
    Links(SlotId, Vec<u8>),
    Card(SlotId, Vec<u8>),
}

#[derive(Default)]
pub(crate) struct Slot {
    /// Whose connection with these credentials is dialled.
    dialled: Option<String>,
    open: Option<(usize, SlotId)>,
}

pub(crate) struct Device {
    pub(crate) me: Neighbour,
    pub(crate) mesh: Mesh,
    pub(crate) slots: BTreeMap<SlotId, Slot>,
    alive: bool,
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) time: Timeline<Delivery>,
    pub(crate) devices: Vec<Device>,
    /// Pairs that no connection gets through between.
    pub(crate) walls: BTreeSet<(usize, usize)>,
    pub(crate) cards: usize,
    /// Messages and bytes of lists of links and of cards.
    pub(crate) told: (usize, usize),
    /// The number of the last connection that was not an introduction's.
    met: u32,
}

fn ufrag(device: usize, slot: SlotId) -> String {
    format!("{device:04}{:?}{:06}", slot.way(), slot.number())
}

impl World {
    pub(crate) fn of(size: u8) -> Self {
        let mut world = Self::default();
        for name in 0..size {
            let me = Neighbour {
                device: DeviceId::from_bytes([name; 16]),
                // Not in the order of the devices.
                cert_hash: CertHash::from_bytes([name.wrapping_mul(91).wrapping_add(13); 32]),
                keeping: Keeping::default(),
            };
            let mesh = Mesh::new(me.device, me.cert_hash);
            world.devices.push(Device { me, mesh, slots: BTreeMap::new(), alive: true });
        }
        world
    }

    /// One whose members came one after the other, and have had time to introduce each other.
    pub(crate) fn settled(size: u8) -> Self {
        let mut world = Self::of(size);
        // Newcomers dial one of two doorkeepers, who are the only ones that the phone book shows.
        for newcomer in 1..size {
            world.connect(usize::from(newcomer % 2) * usize::from(newcomer > 1), newcomer.into());
            world.run_for(300);
        }
        world.run_for(120_000);
        world
    }

    /// Two are connected by other means: the phone book, or by hand.
    pub(crate) fn connect(&mut self, a: usize, b: usize) {
        self.met += 2;
        let (at_a, at_b) = (SlotId::new(Way::PhoneBook, self.met), SlotId::new(Way::PhoneBook, self.met + 1));
        self.devices[a].slots.insert(at_a, Slot { open: Some((b, at_b)), ..Slot::default() });
        self.devices[b].slots.insert(at_b, Slot { open: Some((a, at_a)), ..Slot::default() });
        self.opened(a, at_a, b);
        self.opened(b, at_b, a);
    }

    fn opened(&mut self, index: usize, slot: SlotId, other: usize) {
        let Neighbour { device, cert_hash, .. } = self.devices[other].me;
        self.devices[index].mesh.handle_open(slot, device, cert_hash, self.time.now);
        self.drain(index);
    }

    /// The browser turns out to refuse changed credentials.
    pub(crate) fn refuse(&mut self, index: usize) {
        self.devices[index].mesh.handle_refusal();
        self.drain(index);
    }

    pub(crate) fn show(&mut self, index: usize, visible: bool) {
        let now = self.time.now;
        self.devices[index].mesh.handle_presence(visible, false, now);
        self.drain(index);
    }

    pub(crate) fn crash(&mut self, index: usize) {
        self.devices[index].alive = false;
        for slot in std::mem::take(&mut self.devices[index].slots).into_values() {
            if let Some((other, theirs)) = slot.open {
                self.time.send(LATENCY, other, Delivery::Closed(theirs));
            }
        }
    }

    fn drain(&mut self, index: usize) {
        while let Some(action) = self.devices[index].mesh.poll_action() {
            match action {
                MeshAction::Tell { slot, links } => {
                    if let Some((other, theirs)) = self.devices[index].slots.get(&slot).and_then(|slot| slot.open) {
                        let links = self.tell(encode_links(&links));
                        self.time.send(LATENCY, other, Delivery::Links(theirs, links));
                    }
                }
                MeshAction::Make(slot) => {
                    self.devices[index].slots.insert(slot, Slot::default());
                    self.time.send(OPENING, index, Delivery::Ready(slot));
                }
                MeshAction::Drop(slot) => {
                    if let Some((other, theirs)) = self.devices[index].slots.remove(&slot).and_then(|slot| slot.open) {
                        self.time.send(LATENCY, other, Delivery::Closed(theirs));
                    }
                }
                MeshAction::Part(slot) => {
                    if let Some((other, theirs)) = self.devices[index].slots.remove(&slot).and_then(|slot| slot.open) {
                        self.time.send(LATENCY, other, Delivery::Closed(theirs));
                    }
                    let now = self.time.now;
                    self.devices[index].mesh.handle_closed(slot, now);
                }
                MeshAction::Send { slot, card } => {
                    self.cards += 1;
                    if let Some((other, theirs)) = self.devices[index].slots.get(&slot).and_then(|slot| slot.open) {
                        let card = self.tell(card.encode());
                        self.time.send(LATENCY, other, Delivery::Card(theirs, card));
                    }
                }
                MeshAction::Dial { slot, contact } => self.dial(index, slot, &contact),
            }
        }
    }

    fn tell(&mut self, what: Vec<u8>) -> Vec<u8> {
        self.told.0 += 1;
        self.told.1 += what.len();
        what
    }

    fn dial(&mut self, index: usize, slot: SlotId, contact: &Contact) {
        let Some(ours) = self.devices[index].slots.get_mut(&slot) else { return };
        ours.dialled = Some(contact.credentials.ufrag().to_owned());
        let own = ufrag(index, slot);
        let other = self.devices.iter().position(|device| device.me.cert_hash == contact.cert_hash).unwrap();
        if self.walls.contains(&(index.min(other), index.max(other))) {
            return;
        }
        let back = self.devices[other].slots.iter().find(|(id, theirs)| {
            ufrag(other, **id) == contact.credentials.ufrag() && theirs.dialled.as_deref() == Some(own.as_str())
        });
        if let Some(theirs) = back.map(|(id, _)| *id) {
            self.time.send(OPENING, index, Delivery::Open(slot, other));
            self.time.send(OPENING, other, Delivery::Open(theirs, index));
            self.devices[index].slots.get_mut(&slot).unwrap().open = Some((other, theirs));
            self.devices[other].slots.get_mut(&theirs).unwrap().open = Some((index, slot));
        }
    }

    fn step(&mut self) {
        let devices = self.devices.iter().enumerate().filter(|(_, device)| device.alive);
        let deadlines = devices.filter_map(|(index, device)| Some((device.mesh.poll_timeout()?, index)));
        match self.time.next(deadlines) {
            Some(Next::Delivery(to, delivery)) => self.deliver(to, delivery),
            Some(Next::Deadline(index)) => {
                self.devices[index].mesh.handle_timeout(self.time.now);
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
        match delivery {
            Delivery::Ready(slot) => {
                let contact = Contact {
                    cert_hash: device.me.cert_hash,
                    credentials: IceCredentials::new(ufrag(to, slot), "0123456789abcdefghijkl").unwrap(),
                    endpoints: vec![Endpoint::parse("192.0.2.1:5000").unwrap()],
                };
                device.mesh.handle_ready(slot, contact, now);
            }
            Delivery::Open(slot, other) => {
                if device.slots.contains_key(&slot) {
                    return self.opened(to, slot, other);
                }
            }
            Delivery::Closed(slot) => {
                device.slots.remove(&slot);
                device.mesh.handle_closed(slot, now);
            }
            Delivery::Links(slot, links) => device.mesh.handle_links(slot, decode_links(&links).unwrap(), now),
            Delivery::Card(slot, card) => device.mesh.handle_card(slot, Card::decode(&card).unwrap(), now),
        }
        self.drain(to);
    }

    pub(crate) fn run_for(&mut self, time: u64) {
        let until = self.time.now + time;
        let mut steps = 0u64;
        while self.time.now < until {
            self.step();
            steps += 1;
            assert!(steps < 100 * time, "the world turns without time passing");
        }
    }

    pub(crate) fn peers(&self, index: usize) -> BTreeSet<usize> {
        self.devices[index].slots.values().filter_map(|slot| slot.open.map(|(other, _)| other)).collect()
    }

    pub(crate) fn is_full_mesh(&self) -> bool {
        let alive: Vec<usize> = (0..self.devices.len()).filter(|index| self.devices[*index].alive).collect();
        alive.iter().all(|index| self.peers(*index).len() == alive.len() - 1)
    }

    /// Everybody whom news from `origin` reaches, and how often a link carries it. Each hands it on to those that the
    /// one it came from does not reach itself.
    pub(crate) fn spread(&self, origin: usize) -> (BTreeSet<usize>, usize) {
        let mut reached = BTreeSet::from([origin]);
        let mut sent = 0;
        let mut fresh: Vec<(usize, Option<usize>)> = vec![(origin, None)];
        while let Some((index, from)) = fresh.pop() {
            for peer in self.peers(index) {
                let mesh = &self.devices[index].mesh;
                let device = |other: usize| self.devices[other].me.device;
                let told = from.is_some_and(|from| peer == from || mesh.is_told_by(device(from), device(peer)));
                if !told {
                    sent += 1;
                    if reached.insert(peer) {
                        fresh.push((peer, Some(index)));
                    }
                }
            }
        }
        (reached, sent)
    }
}
