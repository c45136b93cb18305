//! How the devices of a world come together: a phone book, NATs, walls, and connections that open, are led astray and die.
//!
//! The real dialler, introductions, redial and sessions run on it, put together as the app's page does. What there is of
//! WebRTC is what the policies can notice: two connections open when each was dialled with the other's credentials and a
//! packet of one gets to the other, messages of one arrive in order or not at all, and nobody is told of a death.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;

use partyline_core::api::{RoomDocument, read};
use partyline_core::connect::sdp::dial_candidates;
use partyline_core::connect::{Contact, IceCredentials};
use partyline_core::dial::{Action, Dialler, DiallerConfig, Found, Side, SlotId, Unanswered, Way};
use partyline_core::id::{Address, CertHash, DeviceId, Endpoint, RoomSecret};
use partyline_core::key::{DeviceKey, MeetingKey, Psk};
use partyline_core::mesh::{Card, Mesh, MeshAction, decode_links, encode_links};
use partyline_core::redial::{Redial, RedialAction, decode_told, encode_told};
use partyline_core::session::{
    CloseReason, PeerSession, RequestHead, ResponseHead, Run, SessionConfig, SessionEvent, StreamId, peer_gate,
};
use partyline_sw::http::{Request, Response};
use tokio::sync::{Notify, oneshot};

use crate::runtime::Group;
use crate::world::{SECRET, World, has_gap, json, path, room};

/// How long a packet takes at least, and at most so much more, in milliseconds.
const LATENCY: u64 = 15;
const JITTER: u64 = 60;
/// How long a connection takes to be made.
const MAKING: u64 = 60;
/// How long a listing lasts.
const TTL: u64 = 120_000;
/// How long an answer may take where the connection lives: sessions notice sooner than this that it does not.
const PATIENCE: u64 = 90_000;
/// How long a page waits that got no answer of its service worker.
const RETRY: u64 = 200;
/// How often a page asks its peers whether it has all that they have.
const AGAIN: u64 = 60_000;
/// No page has so many connections or requests under way, nor keeps so many bytes for a peer.
const MOST_WIRES: usize = 64;
const MOST_ASKED: usize = 256;
const MOST_QUEUED: usize = 4 << 20;
/// What a page says to a peer's page, behind `/peer/v1/rooms/{room}`.
const LINKS: &str = "/links";
const INTRODUCTIONS: &str = "/introductions";
const STANDBY: &str = "/standby";
/// Where devices are. Of those in one place every packet gets to every other.
const SITES: usize = 4;

/// What is between a place and the rest of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nat {
    /// Nothing.
    Open,
    /// It keeps ports, and lets in who was spoken to (port-restricted, RFC 4787).
    Preserving,
    /// It takes another port for whoever is spoken to.
    Random,
}

/// What happens to a page.
enum Event {
    Ready(SlotId),
    Knock(SlotId),
    Reached(SlotId),
    Opened(SlotId),
    Arrived(SlotId),
    Closed(SlotId),
    Registered(Vec<Endpoint>, Result<IpAddr, Unanswered>),
    Peers(Result<Vec<Found>, Unanswered>),
    Moved,
    Due,
}

/// A connection of a page, from spare to peer.
struct Wire {
    contact: Contact,
    site: usize,
    port: u16,
    /// Whom it was dialled to, and where it looks for them.
    remote: Option<Contact>,
    /// It asks for a sign of life: it answers DTLS and never begins it.
    is_probe: bool,
    /// It answered, or was answered by, a connection that is not meant for it.
    is_astray: bool,
    end: Option<End>,
    /// What is on its way here.
    inbox: VecDeque<Vec<u8>>,
    session: Option<PeerSession>,
    peer: Option<(DeviceId, Run, u64)>,
    asked: BTreeMap<StreamId, (oneshot::Sender<Response>, u16, Vec<u8>)>,
    coming: BTreeMap<StreamId, (RequestHead, Vec<u8>)>,
}

/// The other end of an open connection.
#[derive(Clone, Copy)]
struct End {
    device: usize,
    group: Group,
    slot: SlotId,
}

struct Page {
    group: Group,
    device: DeviceId,
    /// What the worker handed over, from which the id follows.
    key: DeviceKey,
    run: Run,
    dialler: Dialler,
    mesh: Mesh,
    redial: Redial,
    wires: BTreeMap<SlotId, Wire>,
    is_observed: bool,
    /// Rings when a deadline may be another.
    bell: Rc<Notify>,
}

/// What stays when a page is closed.
struct Ground {
    hash: CertHash,
    site: usize,
    /// Chromium's connections show a knock, Firefox's do not.
    hears_knocks: bool,
    kept: Vec<(DeviceId, Vec<Contact>)>,
    page: Option<Page>,
}

/// Whom a device could call again at some time.
#[derive(Clone)]
pub(crate) struct Connections(Vec<(DeviceId, Vec<Contact>)>);

/// Everything between the pages, and the pages.
pub(crate) struct Net {
    nats: [Nat; SITES],
    grounds: Vec<Ground>,
    /// Pairs of whom the first's packets do not get to the second.
    walls: BTreeSet<(usize, usize)>,
    book: BTreeMap<(CertHash, IpAddr), (u64, Address)>,
    book_is_alive: bool,
    ports: u16,
    /// Who is to get what whom has, once nobody looks at this any more.
    pulls: Vec<(usize, usize)>,
    wrong: Vec<String>,
}

fn secret() -> RoomSecret {
    RoomSecret::parse(SECRET).unwrap()
}

fn meeting_key() -> MeetingKey {
    MeetingKey::of(&secret())
}

fn endpoint(text: &str) -> Endpoint {
    Endpoint::parse(text).unwrap()
}

impl Wire {
    fn new(contact: Contact, site: usize, port: u16) -> Self {
        Self {
            contact,
            site,
            port,
            remote: None,
            is_probe: false,
            is_astray: false,
            end: None,
            inbox: VecDeque::new(),
            session: None,
            peer: None,
            asked: BTreeMap::new(),
            coming: BTreeMap::new(),
        }
    }

    fn knows(&self, endpoint: Endpoint) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.endpoints.contains(&endpoint))
    }

    /// Whether DTLS begins between the two: the lower certificate hash does that, unless it only probes.
    fn begins(&self, other: &Self) -> bool {
        let lower = if self.contact.cert_hash < other.contact.cert_hash { self } else { other };
        !lower.is_probe
    }

    /// Whether it was dialled to this connection of that device.
    fn means(&self, other: &Self) -> bool {
        self.remote.as_ref().is_some_and(|remote| {
            remote.cert_hash == other.contact.cert_hash && remote.credentials == other.contact.credentials
        })
    }
}

impl Net {
    pub(crate) fn new(world: &World, devices: usize) -> Self {
        let dice = &world.runtime;
        let nats =
            std::array::from_fn(|_| [Nat::Open, Nat::Preserving, Nat::Preserving, Nat::Random][dice.below(4) as usize]);
        let ground = |_| Ground {
            hash: CertHash::from_bytes(std::array::from_fn(|_| dice.below(256) as u8)),
            site: dice.below(SITES as u64) as usize,
            hears_knocks: dice.below(2) == 0,
            kept: Vec::new(),
            page: None,
        };
        Self {
            nats,
            grounds: (0..devices).map(ground).collect(),
            walls: BTreeSet::new(),
            book: BTreeMap::new(),
            book_is_alive: dice.below(8) > 0,
            ports: 1_024,
            pulls: Vec::new(),
            wrong: Vec::new(),
        }
    }

    fn page(&mut self, number: usize) -> Option<&mut Page> {
        self.grounds[number].page.as_mut()
    }

    fn wire(&self, end: End) -> Option<&Wire> {
        let page = self.grounds[end.device].page.as_ref().filter(|page| page.group == end.group)?;
        page.wires.get(&end.slot)
    }

    fn wire_mut(&mut self, end: End) -> Option<&mut Wire> {
        self.page(end.device).filter(|page| page.group == end.group)?.wires.get_mut(&end.slot)
    }

    /// By which address the world sees a place.
    fn observed(site: usize) -> String {
        format!("203.0.113.{}", site + 1)
    }

    fn host(&self, number: usize, site: usize, port: u16) -> Endpoint {
        match self.nats[site] {
            Nat::Open => endpoint(&format!("198.51.100.{}:{port}", number + 1)),
            _ => endpoint(&format!("10.0.{site}.{}:{port}", number + 1)),
        }
    }

    /// Where somebody elsewhere sees a connection, if that can be known before.
    fn outside(&self, number: usize, wire: &Wire) -> Option<Endpoint> {
        match self.nats[wire.site] {
            Nat::Open => Some(self.host(number, wire.site, wire.port)),
            Nat::Preserving => Some(endpoint(&format!("{}:{}", Self::observed(wire.site), wire.port))),
            Nat::Random => None,
        }
    }

    fn is_walled(&self, from: usize, to: usize) -> bool {
        self.walls.contains(&(from, to))
    }

    /// Whether a check of the first connection gets to the second.
    fn gets_through(&self, (from, one): (usize, &Wire), (to, other): (usize, &Wire)) -> bool {
        let is_there = |number: usize, wire: &Wire| self.grounds[number].site == wire.site;
        if self.is_walled(from, to) || !is_there(from, one) || !is_there(to, other) {
            return false;
        }
        if one.site == other.site && one.knows(self.host(to, other.site, other.port)) {
            return true;
        }
        let lets_in =
            self.nats[other.site] == Nat::Open || self.outside(from, one).is_some_and(|outside| other.knows(outside));
        lets_in && self.outside(to, other).is_some_and(|outside| one.knows(outside))
    }

    /// What a connection that was dialled finds: the one that waits for it, one that is taken, or nobody yet.
    fn check(&mut self, world: &World, number: usize, slot: SlotId) {
        let Some(group) = self.page(number).map(|page| page.group) else { return };
        let own = End { device: number, group, slot };
        for device in (0..self.grounds.len()).filter(|device| *device != number) {
            let Some(page) = &self.grounds[device].page else { continue };
            let ends: Vec<End> = page.wires.keys().map(|slot| End { device, group: page.group, slot: *slot }).collect();
            for other in ends {
                let (Some(one), Some(two)) = (self.wire(own), self.wire(other)) else { return };
                if one.end.is_some() || one.is_astray {
                    return;
                }
                if !one.means(two) {
                    continue;
                }
                let (there, back) =
                    (self.gets_through((number, one), (device, two)), self.gets_through((device, two), (number, one)));
                let is_free = two.end.is_none() && !two.is_astray;
                // Whoever waits answers as well; to one that dials that says no more than the rest would.
                let is_answered = there && one.is_probe && (two.remote.is_none() || !one.begins(two));
                if is_answered {
                    self.post(world, number, LATENCY, Event::Reached(slot));
                }
                let (Some(one), Some(two)) = (self.wire(own), self.wire(other)) else { return };
                if is_free && two.means(one) && !one.begins(two) {
                    continue;
                }
                if is_free && two.means(one) {
                    let is_open = !self.is_walled(number, device) && !self.is_walled(device, number);
                    if (there || back) && is_open {
                        return self.open(world, own, other);
                    }
                } else if there && is_free && two.remote.is_none() {
                    if self.grounds[device].hears_knocks {
                        self.post(world, device, LATENCY, Event::Knock(other.slot));
                    }
                } else if there && (two.end.is_some() || two.remote.is_some()) {
                    if let Some(wire) = self.wire_mut(own) {
                        wire.is_astray = true;
                    }
                    return self.post(world, number, LATENCY, Event::Reached(slot));
                }
            }
        }
    }

    fn open(&mut self, world: &World, one: End, other: End) {
        for (own, end) in [(one, other), (other, one)] {
            if let Some(wire) = self.wire_mut(own) {
                wire.end = Some(end);
            }
            self.post(world, own.device, 2 * LATENCY, Event::Reached(own.slot));
            self.post(world, own.device, 4 * LATENCY + world.runtime.below(JITTER), Event::Opened(own.slot));
        }
    }

    /// Has this happen to a page, if it is there by then.
    fn post(&mut self, world: &World, number: usize, delay: u64, event: Event) {
        let Some(group) = self.page(number).map(|page| page.group) else { return };
        let later = world.clone();
        world.runtime.spawn(group, async move {
            later.runtime.sleep(delay).await;
            later.happen(number, event);
        });
    }

    fn make(&mut self, world: &World, number: usize, slot: SlotId, credentials: Option<IceCredentials>) {
        self.insert(number, slot, credentials);
        self.post(world, number, MAKING, Event::Ready(slot));
    }

    /// What it takes to dial a device under the credentials that follow from its certificate.
    fn contact(cert_hash: CertHash, endpoints: Vec<Endpoint>) -> Contact {
        Contact { cert_hash, credentials: IceCredentials::derive(&meeting_key(), &cert_hash), endpoints }
    }

    fn insert(&mut self, number: usize, slot: SlotId, credentials: Option<IceCredentials>) {
        self.ports += 1;
        let (port, site, hash) = (self.ports, self.grounds[number].site, self.grounds[number].hash);
        let made = || IceCredentials::new(format!("made{port}"), "0123456789abcdefghijkl").unwrap();
        let credentials = credentials.unwrap_or_else(made);
        let contact = Contact { cert_hash: hash, credentials, endpoints: vec![self.host(number, site, port)] };
        if let Some(page) = self.page(number) {
            page.wires.insert(slot, Wire::new(contact, site, port));
        }
    }

    fn dial(&mut self, world: &World, number: usize, slot: SlotId, contact: Contact) {
        let Some(wire) = self.page(number).and_then(|page| page.wires.get_mut(&slot)) else { return };
        match &mut wire.remote {
            Some(remote) => remote.endpoints.extend(contact.endpoints),
            None => wire.remote = Some(contact),
        }
        self.check(world, number, slot);
    }

    /// Closes a connection. The other end hears of it if a packet gets there now.
    fn remove(&mut self, world: &World, number: usize, slot: SlotId) -> Option<Wire> {
        let wire = self.page(number)?.wires.remove(&slot)?;
        if let Some(end) = wire.end
            && !self.is_walled(number, end.device)
            && self.wire(end).is_some()
            && self.grounds[number].site == wire.site
        {
            self.post(world, end.device, LATENCY + JITTER, Event::Closed(end.slot));
        }
        Some(wire)
    }

    fn close(&mut self, world: &World, number: usize, slot: SlotId) {
        let was_peer = self.remove(world, number, slot).is_some_and(|wire| wire.peer.is_some());
        let now = world.runtime.now();
        let Some(page) = self.page(number) else { return };
        page.dialler.handle_closed(slot, now);
        page.mesh.handle_closed(slot, now);
        page.redial.handle_closed(slot, now);
        if was_peer {
            let peers: Vec<DeviceId> = page.wires.values().filter_map(|wire| Some(wire.peer?.0)).collect();
            self.pulls.extend(peers.into_iter().filter_map(|peer| Some((number, world.number_of(peer)?))));
        }
    }

    fn handle(&mut self, world: &World, number: usize, event: Event) {
        let now = world.runtime.now();
        let Ground { site, page: Some(page), .. } = &mut self.grounds[number] else { return };
        match event {
            Event::Ready(slot) => {
                let Some(wire) = page.wires.get(&slot) else { return };
                let mut contact = wire.contact.clone();
                if slot.way() == Way::PhoneBook {
                    return page.dialler.handle_spare_ready(slot, contact.endpoints, now);
                }
                if page.is_observed {
                    let ip = Self::observed(wire.site).parse().unwrap();
                    contact.endpoints =
                        dial_candidates(&Address::new(ip, contact.endpoints, contact.cert_hash).unwrap());
                }
                match slot.way() {
                    Way::Introduction => page.mesh.handle_ready(slot, contact, now),
                    _ => page.redial.handle_ready(slot, contact, now),
                }
            }
            Event::Knock(slot) => page.dialler.handle_knock(slot, now),
            Event::Reached(slot) => {
                page.dialler.handle_reached(slot, now);
                page.redial.handle_reached(slot, now);
            }
            Event::Opened(slot) => {
                let Some(wire) = page.wires.get_mut(&slot) else { return };
                let remote = wire.remote.as_ref().unwrap().cert_hash;
                let config = SessionConfig {
                    room: room(),
                    psks: vec![Psk::of_room(&secret(), room())],
                    local: wire.contact.cert_hash,
                    remote,
                    key: page.key.clone(),
                    run: page.run,
                    ephemeral: std::array::from_fn(|_| world.runtime.below(256) as u8),
                };
                wire.session = Some(PeerSession::new(config, now).unwrap());
                page.dialler.handle_secured(slot, now);
            }
            Event::Arrived(slot) => {
                let from = page.wires.get(&slot).and_then(|wire| wire.end).map(|end| end.device);
                if from.is_none_or(|from| self.walls.contains(&(from, number))) {
                    return;
                }
                let Some(wire) = page.wires.get_mut(&slot) else { return };
                if wire.site == *site
                    && let Some(session) = &mut wire.session
                    && let Some(message) = wire.inbox.pop_front()
                {
                    let _ = session.handle_message(&message, now);
                }
            }
            Event::Closed(slot) if page.redial.is_patient(slot) => {}
            Event::Closed(slot) => self.close(world, number, slot),
            Event::Registered(endpoints, seen_at) => {
                page.is_observed |= seen_at.is_ok();
                page.dialler.handle_registered(&endpoints, seen_at.map(Some), now);
            }
            Event::Peers(answer) => page.dialler.handle_peers(answer, now),
            Event::Moved => {
                page.dialler.renew_spare(now);
                page.redial.handle_network(now);
                page.redial.handle_wake(now);
                page.wires.values_mut().filter_map(|wire| wire.session.as_mut()).for_each(|session| session.probe(now));
            }
            Event::Due => {}
        }
    }

    /// Drains all machines of a page until none has anything more to do.
    fn settle(&mut self, world: &World, number: usize) {
        let now = world.runtime.now();
        let Some(page) = self.page(number) else { return };
        page.dialler.handle_timeout(now);
        page.mesh.handle_timeout(now);
        page.redial.handle_timeout(now);
        for session in page.wires.values_mut().filter_map(|wire| wire.session.as_mut()) {
            session.handle_timeout(now);
        }
        loop {
            let mut any = self.drain_sessions(world, number);
            if self.page(number).is_none() {
                return;
            }
            any |= self.dial_by_book(world, number);
            any |= self.introduce(world, number);
            any |= self.redial(world, number);
            if !any {
                break;
            }
        }
        let Some(page) = self.page(number) else { return };
        page.bell.notify_one();
        let asked: usize = page.wires.values().map(|wire| wire.asked.len() + wire.coming.len()).sum();
        let queued: usize =
            page.wires.values().map(|wire| wire.session.as_ref().map_or(0, PeerSession::queued_bytes)).sum();
        if page.wires.len() > MOST_WIRES || asked > MOST_ASKED || queued > MOST_QUEUED {
            let wires = page.wires.len();
            self.wrong.push(format!("a page has {wires} connections, {asked} requests and {queued} bytes under way"));
        }
    }

    fn deadline(&mut self, number: usize) -> Option<u64> {
        let page = self.page(number)?;
        let sessions = page.wires.values().filter_map(|wire| wire.session.as_ref()?.poll_timeout());
        let others = [page.dialler.poll_timeout(), page.mesh.poll_timeout(), page.redial.poll_timeout()];
        sessions.chain(others.into_iter().flatten()).min()
    }

    fn drain_sessions(&mut self, world: &World, number: usize) -> bool {
        let Some(page) = self.page(number) else { return false };
        let (mut heard, mut said) = (Vec::new(), Vec::new());
        for (slot, wire) in &mut page.wires {
            let Some(session) = &mut wire.session else { continue };
            while let Some(event) = session.poll_event() {
                heard.push((*slot, event));
            }
            while let Some(message) = session.poll_message() {
                said.push((wire.end, message));
            }
        }
        let any = !heard.is_empty();
        for (end, message) in said {
            if let Some(end) = end
                && let Some(wire) = self.wire_mut(end)
            {
                wire.inbox.push_back(message);
                self.post(world, end.device, LATENCY + world.runtime.below(JITTER), Event::Arrived(end.slot));
            }
        }
        for (slot, event) in heard {
            self.hear(world, number, slot, event);
        }
        any
    }

    fn hear(&mut self, world: &World, number: usize, slot: SlotId, event: SessionEvent) {
        let Some(page) = self.page(number) else { return };
        let Some(wire) = page.wires.get_mut(&slot) else { return };
        match event {
            SessionEvent::Established { device, run, .. } => self.established(world, number, slot, device, run),
            SessionEvent::Request { stream, head } => {
                wire.coming.insert(stream, (head, Vec::new()));
            }
            SessionEvent::Response { stream, head } => {
                if let Some((_, status, _)) = wire.asked.get_mut(&stream) {
                    *status = head.status;
                }
            }
            SessionEvent::Body { stream, bytes, end } => {
                if let Some((_, body)) = wire.coming.get_mut(&stream) {
                    body.extend(bytes);
                    if end && let Some((head, body)) = wire.coming.remove(&stream) {
                        self.request(world, number, slot, stream, head, body);
                    }
                } else if let Some((_, _, body)) = wire.asked.get_mut(&stream) {
                    body.extend(bytes);
                    if end && let Some((sender, status, body)) = wire.asked.remove(&stream) {
                        let _ = sender.send(Response { status, headers: Vec::new(), body });
                    }
                }
            }
            SessionEvent::Reset { stream, .. } => {
                wire.coming.remove(&stream);
                wire.asked.remove(&stream);
            }
            SessionEvent::Closed { reason } => {
                let now = world.runtime.now();
                if matches!(reason, CloseReason::SameDevice | CloseReason::WrongSecret | CloseReason::Protocol) {
                    self.wrong.push(format!("members part with: {reason}"));
                }
                let Some(page) = self.page(number) else { return };
                if reason == CloseReason::Parted {
                    page.redial.handle_parted(slot);
                }
                self.close(world, number, slot);
                let Some(page) = self.page(number) else { return };
                if reason == CloseReason::TimedOut {
                    page.dialler.renew_spare(now);
                    page.redial.handle_wake(now);
                }
            }
        }
    }

    fn established(&mut self, world: &World, number: usize, slot: SlotId, device: DeviceId, run: Run) {
        let now = world.runtime.now();
        let Some(page) = self.page(number) else { return };
        let Some(wire) = page.wires.get_mut(&slot) else { return };
        let remote = wire.remote.as_ref().unwrap().cert_hash;
        if device == page.device {
            self.wrong.push("a device is connected to itself".to_owned());
            return;
        }
        wire.peer = Some((device, run, now));
        let (mut stays, mut older) = (false, Vec::new());
        for (id, wire) in page.wires.iter().filter(|(id, _)| **id != slot) {
            if let Some((other, its, since)) = wire.peer
                && other == device
            {
                stays |= its == run && id.outlasts(slot, now - since);
                older.push(*id);
            }
        }
        if stays {
            return self.close(world, number, slot);
        }
        for id in older {
            self.close(world, number, id);
        }
        let Some(page) = self.page(number) else { return };
        page.mesh.handle_open(slot, device, remote, now);
        page.dialler.handle_keepers(page.mesh.lower(), page.mesh.other_keeper(), now);
        page.dialler.handle_open(slot, remote, now);
        page.redial.handle_open(slot, device, remote, now);
        self.pulls.extend(world.number_of(device).map(|other| (number, other)));
    }

    /// Answers a peer's request: what concerns connections here, all else through the service worker.
    fn request(
        &mut self,
        world: &World,
        number: usize,
        slot: SlotId,
        stream: StreamId,
        head: RequestHead,
        body: Vec<u8>,
    ) {
        let now = world.runtime.now();
        let Some(page) = self.page(number) else { return };
        let told = |what: &str| head.method == "POST" && head.path == path(what);
        let understood = if told(LINKS) {
            decode_links(&body).map(|links| page.mesh.handle_links(slot, links, now)).is_ok()
        } else if told(INTRODUCTIONS) {
            Card::decode(&body).map(|card| page.mesh.handle_card(slot, card, now)).is_ok()
        } else if told(STANDBY) {
            decode_told(&body).map(|contacts| page.redial.handle_told(slot, contacts, now)).is_ok()
        } else {
            let Some((device, ..)) = page.wires.get(&slot).and_then(|wire| wire.peer) else { return };
            let later = world.clone();
            return world.runtime.spawn(page.group, async move {
                later.answer(number, slot, stream, device, head, body).await;
            });
        };
        if !understood {
            self.wrong.push(format!("{} cannot be read by a page", head.path));
        }
        self.respond(number, slot, stream, if understood { 204 } else { 400 }, Vec::new());
    }

    fn respond(&mut self, number: usize, slot: SlotId, stream: StreamId, status: u16, body: Vec<u8>) {
        let session = self.page(number).and_then(|page| page.wires.get_mut(&slot)?.session.as_mut());
        if let Some(session) = session {
            let _ = session.respond(stream, &ResponseHead::new(status), body);
        }
    }

    /// Tells a peer's page something; that it answers is enough.
    fn tell(&mut self, number: usize, slot: SlotId, what: &str, body: Vec<u8>) {
        let session = self.page(number).and_then(|page| page.wires.get_mut(&slot)?.session.as_mut());
        if let Some(session) = session {
            let _ = session.request(&RequestHead::new("POST", path(what)), body);
        }
    }

    fn dial_by_book(&mut self, world: &World, number: usize) -> bool {
        let (mut any, local, now) = (false, self.grounds[number].hash, world.runtime.now());
        if let Some(page) = self.page(number) {
            page.dialler.handle_keepers(page.mesh.lower(), page.mesh.other_keeper(), now);
        }
        while let Some(action) = self.page(number).and_then(|page| page.dialler.poll_action()) {
            any = true;
            match action {
                Action::MakeSpare(slot) => {
                    self.make(world, number, slot, Some(IceCredentials::derive(&meeting_key(), &local)));
                }
                Action::Drop(slot) => drop(self.remove(world, number, slot)),
                Action::Dial { slot, peer, candidates } => {
                    self.dial(world, number, slot, Self::contact(peer, candidates));
                }
                Action::AddEndpoints { slot, candidates } => {
                    let wire = self.page(number).and_then(|page| page.wires.get_mut(&slot));
                    if let Some(remote) = wire.and_then(|wire| wire.remote.as_mut()) {
                        remote.endpoints.extend(candidates);
                        self.check(world, number, slot);
                    }
                }
                Action::Probe { slot, peer, candidates, side } => {
                    self.insert(number, slot, Some(IceCredentials::derive(&meeting_key(), &local)));
                    if let Some(wire) = self.page(number).and_then(|page| page.wires.get_mut(&slot)) {
                        wire.is_probe = side == Side::Offering;
                    }
                    self.dial(world, number, slot, Self::contact(peer, candidates));
                }
                Action::Register(endpoints) => {
                    // A listing belongs to its certificate and to the network that it came from.
                    let ip: IpAddr = Self::observed(self.grounds[number].site).parse().unwrap();
                    if self.book_is_alive {
                        self.book.remove(&(local, ip));
                        if !endpoints.is_empty() {
                            let address = Address::new(ip, endpoints.clone(), local).unwrap();
                            self.book.insert((local, ip), (now + TTL, address));
                        }
                    }
                    let seen_at = if self.book_is_alive { Ok(ip) } else { Err(Unanswered::default()) };
                    self.post(world, number, 2 * LATENCY, Event::Registered(endpoints, seen_at));
                }
                Action::Poll => {
                    self.book.retain(|_, (until, _)| *until > now);
                    let mut listed: Vec<&(u64, Address)> = self.book.values().collect();
                    listed.sort_by_key(|(until, _)| std::cmp::Reverse(*until));
                    let found = |(_, address): &(u64, Address)| Found { address: address.clone(), is_vouched: true };
                    let listed = listed.into_iter().map(found).collect();
                    let answer = if self.book_is_alive { Ok(listed) } else { Err(Unanswered::default()) };
                    self.post(world, number, 2 * LATENCY, Event::Peers(answer));
                }
                Action::ProbePeers => {
                    let Some(page) = self.page(number) else { return false };
                    page.wires
                        .values_mut()
                        .filter_map(|wire| wire.session.as_mut())
                        .for_each(|session| session.probe(now));
                }
            }
        }
        any
    }

    fn introduce(&mut self, world: &World, number: usize) -> bool {
        let mut any = false;
        while let Some(action) = self.page(number).and_then(|page| page.mesh.poll_action()) {
            any = true;
            match action {
                MeshAction::Make(slot) => self.make(world, number, slot, None),
                MeshAction::Drop(slot) => drop(self.remove(world, number, slot)),
                MeshAction::Part(slot) => {
                    let session = self.page(number).and_then(|page| page.wires.get_mut(&slot)?.session.as_mut());
                    session.into_iter().for_each(PeerSession::part);
                }
                MeshAction::Dial { slot, contact } => self.dial(world, number, slot, contact),
                MeshAction::Tell { slot, links } => self.tell(number, slot, LINKS, encode_links(&links)),
                MeshAction::Send { slot, card } => self.tell(number, slot, INTRODUCTIONS, card.encode()),
            }
        }
        any
    }

    fn redial(&mut self, world: &World, number: usize) -> bool {
        let mut any = false;
        while let Some(action) = self.page(number).and_then(|page| page.redial.poll_action()) {
            any = true;
            match action {
                RedialAction::Make { slot, credentials } => self.make(world, number, slot, credentials),
                RedialAction::Call { slot, credentials, contact } => {
                    self.make(world, number, slot, Some(credentials));
                    self.dial(world, number, slot, contact);
                }
                RedialAction::Drop(slot) => drop(self.remove(world, number, slot)),
                RedialAction::Arm { slot, cert_hash, credentials } => {
                    self.dial(world, number, slot, Contact { cert_hash, credentials, endpoints: Vec::new() });
                }
                RedialAction::Dial { slot, contact } => self.dial(world, number, slot, contact),
                RedialAction::Tell { over, contacts } => self.tell(number, over, STANDBY, encode_told(&contacts)),
                RedialAction::Keep { device, contacts } => {
                    let kept = &mut self.grounds[number].kept;
                    kept.retain(|(other, _)| *other != device);
                    if !contacts.is_empty() {
                        kept.insert(0, (device, contacts));
                    }
                }
            }
        }
        any
    }

    /// The connection to a peer.
    fn wire_of(&mut self, number: usize, peer: DeviceId) -> Option<&mut Wire> {
        self.page(number)?.wires.values_mut().find(|wire| wire.peer.is_some_and(|(device, ..)| device == peer))
    }

    /// A wall is gone, or somebody is somewhere else: what waits arrives, and what was dialled is tried again.
    fn try_again(&mut self, world: &World) {
        for number in 0..self.grounds.len() {
            let Some(page) = &self.grounds[number].page else { continue };
            let wires: Vec<(SlotId, usize)> = page.wires.iter().map(|(slot, wire)| (*slot, wire.inbox.len())).collect();
            for (slot, waiting) in wires {
                for _ in 0..waiting {
                    self.post(world, number, LATENCY, Event::Arrived(slot));
                }
                self.check(world, number, slot);
            }
        }
    }
}

impl World {
    /// Something happens to a page.
    fn happen(&self, number: usize, event: Event) {
        let Some(net) = &self.net else { return };
        let pulls = {
            let mut net = net.borrow_mut();
            net.handle(self, number, event);
            net.settle(self, number);
            std::mem::take(&mut net.pulls)
        };
        for (to, from) in pulls {
            self.pull_soon(to, from);
        }
    }

    fn number_of(&self, device: DeviceId) -> Option<usize> {
        let id = device.to_string();
        self.devices().iter().position(|device| device.id() == id)
    }

    fn peer_id(&self, number: usize) -> Option<DeviceId> {
        DeviceId::parse(&self.device(number).id()).ok()
    }

    /// A page is opened, with what the one before it has kept.
    pub(crate) fn open_net(&self, number: usize, group: Group) {
        if self.net.is_none() {
            return;
        }
        let world = self.clone();
        self.runtime.spawn(group, async move {
            // The worker says who this is: whoever lost its storage is somebody else. It may be killed before it answers.
            loop {
                let answer = world.ask(number, json("GET", "", String::new())).await;
                let document = answer.filter(|answer| answer.status == 200);
                let document = document.and_then(|answer| read::<RoomDocument>(&answer.body).ok());
                if let Some(key) = document.and_then(|document| DeviceKey::parse(&document.key.0).ok()) {
                    return world.run_page(number, group, key).await;
                }
                world.runtime.sleep(RETRY).await;
            }
        });
    }

    async fn run_page(&self, number: usize, group: Group, key: DeviceKey) {
        let Some(net) = &self.net else { return };
        let device = key.device();
        let bell = Rc::new(Notify::new());
        {
            let mut net = net.borrow_mut();
            let ground = &mut net.grounds[number];
            let (now, seed) = (self.runtime.now(), self.runtime.below(u64::MAX));
            let config = if ground.hears_knocks { DiallerConfig::default() } else { DiallerConfig::without_knocks() };
            ground.page = Some(Page {
                group,
                device,
                key,
                run: Run(std::array::from_fn(|_| self.runtime.below(256) as u8)),
                dialler: Dialler::new(ground.hash, config, seed, now),
                mesh: Mesh::new(device, ground.hash),
                redial: Redial::new(meeting_key(), ground.hash, ground.kept.clone(), seed, now),
                wires: BTreeMap::new(),
                is_observed: false,
                bell: Rc::clone(&bell),
            });
        }
        self.happen(number, Event::Due);
        let again = self.clone();
        self.runtime.spawn(group, async move {
            loop {
                again.runtime.sleep(AGAIN).await;
                (0..again.devices().len()).for_each(|other| again.pull_soon(number, other));
            }
        });
        loop {
            let due = net.borrow_mut().deadline(number);
            let wait = due.map_or(60_000, |due| due.saturating_sub(self.runtime.now()).max(1));
            if self.runtime.within(wait, bell.notified()).await.is_none() {
                self.happen(number, Event::Due);
            }
        }
    }

    /// A page is gone. Some browsers end its connections, others only stop answering.
    pub(crate) fn close_net(&self, number: usize) {
        let Some(net) = &self.net else { return };
        let mut net = net.borrow_mut();
        let Some(page) = net.grounds[number].page.take() else { return };
        for end in page.wires.values().filter_map(|wire| wire.end) {
            if self.runtime.below(2) == 0 && !net.is_walled(number, end.device) && net.wire(end).is_some() {
                net.post(self, end.device, LATENCY + JITTER, Event::Closed(end.slot));
            }
        }
    }

    /// What the page of a device has kept of its connections.
    pub(crate) fn connections(&self, number: usize) -> Option<Connections> {
        Some(Connections(self.net.as_ref()?.borrow().grounds[number].kept.clone()))
    }

    /// That is now as it was once.
    pub(crate) fn put_back_connections(&self, number: usize, connections: &Connections) {
        if let Some(net) = &self.net {
            net.borrow_mut().grounds[number].kept.clone_from(&connections.0);
        }
    }

    /// Packets get from one to the other again, or not any more.
    pub(crate) fn wall(&self, net: &RefCell<Net>, from: usize, to: usize, is_there: bool) {
        let mut net = net.borrow_mut();
        if is_there {
            net.walls.insert((from, to));
        } else if net.walls.remove(&(from, to)) {
            net.try_again(self);
        }
    }

    /// Somebody goes elsewhere: the connections that are open lead nowhere any more.
    pub(crate) fn travel(&self, number: usize, site: usize) {
        if let Some(net) = &self.net {
            net.borrow_mut().grounds[number].site = site % SITES;
            self.happen(number, Event::Moved);
        }
    }

    pub(crate) fn phone_book(&self, is_alive: bool) {
        if let Some(net) = &self.net {
            net.borrow_mut().book_is_alive = is_alive;
        }
    }

    /// All trouble ends: no walls, NATs that let connections through, a phone book that answers.
    pub(crate) fn peace(&self, net: &RefCell<Net>) {
        let mut net = net.borrow_mut();
        net.walls.clear();
        net.nats = [Nat::Preserving; SITES];
        net.book_is_alive = true;
        net.try_again(self);
    }

    /// Whether everybody is connected to everybody.
    pub(crate) fn is_mesh(&self, net: &RefCell<Net>) -> bool {
        let count = net.borrow().grounds.len();
        (0..count).all(|one| (0..count).all(|other| one == other || self.is_connected(net, one, other)))
    }

    pub(crate) fn is_connected(&self, net: &RefCell<Net>, one: usize, other: usize) -> bool {
        self.peer_id(other).is_some_and(|peer| net.borrow_mut().wire_of(one, peer).is_some())
    }

    /// Whom a page tells what is new: every peer but the one that it came from and those whom that one tells itself.
    pub(crate) fn audience(&self, net: &RefCell<Net>, number: usize, from: Option<DeviceId>) -> Vec<usize> {
        let mut net = net.borrow_mut();
        let Some(page) = net.page(number) else { return Vec::new() };
        let is_told = |device| from.is_some_and(|from| from == device || page.mesh.is_told_by(from, device));
        let peers = page.wires.values().filter_map(|wire| Some(wire.peer?.0));
        peers.filter(|peer| !is_told(*peer)).filter_map(|peer| self.number_of(peer)).collect()
    }

    /// A request to a peer over the session with it. `None` if that ends before the answer.
    pub(crate) async fn ask_over(
        &self,
        net: &RefCell<Net>,
        from: usize,
        to: usize,
        request: Request,
    ) -> Option<Response> {
        let Request { method, path, body, accept, content_type, .. } = request;
        let headers = [("accept", accept), ("content-type", content_type)];
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let (sender, answer) = oneshot::channel();
        let peer = self.peer_id(to)?;
        let sent = {
            let mut net = net.borrow_mut();
            let wire = net.wire_of(from, peer)?;
            wire.session.as_mut()?.request(&RequestHead { method, path, headers }, body).map(|stream| {
                wire.asked.insert(stream, (sender, 0, Vec::new()));
            })
        };
        sent.ok()?;
        self.happen(from, Event::Due);
        let answer = self.runtime.within(PATIENCE, answer).await;
        if answer.is_none() {
            net.borrow_mut().wrong.push("a request over a session that lives was never answered".to_owned());
        }
        answer?.ok()
    }

    /// Hands a peer's request on to the own service worker.
    async fn answer(
        &self,
        number: usize,
        slot: SlotId,
        stream: StreamId,
        peer: DeviceId,
        head: RequestHead,
        body: Vec<u8>,
    ) {
        let header = |name: &str| head.header(name).map(str::to_owned);
        let request = Request {
            accept: header("accept"),
            content_type: header("content-type"),
            device: Some(peer.to_string()),
            method: head.method.clone(),
            path: head.path.clone(),
            body,
            ..Request::default()
        };
        let answer = match peer_gate(room(), &head.method, &head.path) {
            Ok(()) => self.ask(number, request).await,
            Err(_) => None,
        };
        if head.path.ends_with("/changes")
            && answer.as_ref().is_none_or(|answer| answer.status >= 500 || has_gap(answer))
            && let Some(other) = self.number_of(peer)
        {
            self.pull_soon(number, other);
        }
        let (status, body) = answer.map_or((502, Vec::new()), |answer| (answer.status, answer.body));
        if let Some(net) = &self.net {
            net.borrow_mut().respond(number, slot, stream, status, body);
        }
        self.happen(number, Event::Due);
    }

    /// What was found to be wrong with connections.
    pub(crate) fn wrong_with_net(&self) -> Vec<String> {
        self.net.as_ref().map(|net| std::mem::take(&mut net.borrow_mut().wrong)).unwrap_or_default()
    }
}
