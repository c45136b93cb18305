//! How the devices of a world come together: a phone book, NATs, walls, and connections that open, are led astray and die.
//!
//! Each page drives the very [`Crew`] that the app's does, and carries its effects out. What there is of WebRTC is what that
//! can notice: two connections open when each was dialled with the other's credentials and a packet of one gets to the
//! other, messages of one arrive in order or not at all, and nobody is told of a death.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;

use partyline_core::api::{Merged, NOW_HEADER, RoomDocument, read};
use partyline_core::connect::sdp::{LocalDescription, RemoteAnswer, Setup};
use partyline_core::connect::{Contact, IceCredentials};
use partyline_core::crew::{Answer, Crew, CrewConfig, Effect, End, Input, MakeError, PairingRequest};
use partyline_core::dial::{DiallerConfig, SlotId, Unanswered};
use partyline_core::hand::{Code, HandStep, QR_CHARS};
use partyline_core::id::{Address, CertHash, DeviceId, Endpoint, RoomSecret};
use partyline_core::key::{DeviceKey, MeetingKey};
use partyline_core::replica::{SyncAnswer, SyncRequest};
use partyline_core::session::{CloseReason, RequestHead, Run, StreamId};
use partyline_sw::http::{Request, Response};
use tokio::sync::Notify;

use crate::ledger::Registers;
use crate::runtime::{Group, Runtime};
use crate::world::{MOST_QUESTIONS, SECRET, World, cbor, json, room};

/// How long a packet takes at least, and at most so much more, in milliseconds.
const LATENCY: u64 = 15;
const JITTER: u64 = 60;
/// How long a connection takes to be made.
const MAKING: u64 = 60;
/// How long a listing lasts.
const TTL: u64 = 120_000;
/// How long ICE goes on trying.
const TRYING: u64 = 15_000;
/// How long a page waits that got no answer of its service worker.
const RETRY: u64 = 200;
/// No page has so many connections or requests to its worker under way, nor so much on its way to it over one connection.
const MOST_WIRES: usize = 64;
const MOST_ASKED: usize = 256;
const MOST_QUEUED: usize = 4 << 20;
/// With so many messages on its way a channel is full, and with so many it has room again.
const FULL: usize = 6;
const LOW: usize = 2;
/// How long people look at a screen for a code, and how long until others help those who cannot find anybody.
const PATIENCE: u64 = 8_000;
const HELP: u64 = 20_000;
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
    /// It is told something.
    Told(Input),
    /// Its page shows this room, or another one: as it is when the device hears of it.
    Turned,
    /// A connection has its endpoints.
    Ready(SlotId),
    /// A channel is open.
    Opened(SlotId),
    /// A message is there.
    Arrived(SlotId),
    /// ICE gives up, if nothing has come of it.
    Tried(SlotId),
}

/// A connection of a page, from spare to peer.
struct Wire {
    contact: Contact,
    site: usize,
    port: u16,
    /// Whom it was dialled to, and where it looks for them.
    remote: Option<RemoteAnswer>,
    /// It asks for a sign of life.
    is_probe: bool,
    /// It answered, or was answered by, a connection that is not meant for it.
    is_astray: bool,
    end: Option<Far>,
    /// What is on its way here.
    inbox: VecDeque<Vec<u8>>,
}

/// The other end of an open connection.
#[derive(Clone, Copy)]
struct Far {
    device: usize,
    group: Group,
    slot: SlotId,
}

struct Page {
    group: Group,
    device: DeviceId,
    crew: Crew,
    wires: BTreeMap<SlotId, Wire>,
    /// Pulls under way, by the connection.
    pulls: BTreeMap<SlotId, Meeting>,
    /// Requests to the worker that are not answered.
    asked: usize,
    /// Rings when the deadline may be another.
    bell: Rc<Notify>,
}

/// What is known of a pull when it begins.
struct Meeting {
    peer: usize,
    had: Option<Registers>,
    losses: (usize, usize),
    questions: usize,
}

/// What stays when a page is closed.
struct Ground {
    hash: CertHash,
    site: usize,
    /// Chromium's connections show a knock, Firefox's do not.
    hears_knocks: bool,
    /// Its browser takes no ICE credentials but those that it makes.
    refuses: bool,
    is_online: bool,
    /// Its page shows another room.
    is_away: bool,
    /// Until then nothing happens to its page.
    sleeps_until: u64,
    kept: Vec<(DeviceId, Vec<Contact>)>,
    /// Where the phone book saw it last.
    observed: Option<IpAddr>,
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
    /// When somebody was helped last.
    helped_at: u64,
    ports: u16,
    wrong: Vec<String>,
}

fn secret() -> RoomSecret {
    RoomSecret::parse(SECRET).unwrap()
}

/// The hash of a certificate that members take for one of theirs.
fn cert_hash(dice: &Runtime) -> CertHash {
    let key = MeetingKey::of(&secret());
    let any = || CertHash::from_bytes(std::array::from_fn(|_| dice.below(256) as u8));
    std::iter::repeat_with(any).find(|hash| key.vouches_for(hash)).unwrap()
}

/// What a page tells of what its worker answered.
fn answer(response: Response) -> Answer {
    let header = |name: &str| response.header(name).map(str::to_owned);
    Answer {
        status: response.status,
        content_type: header("content-type").unwrap_or_default(),
        now_ms: header(NOW_HEADER).and_then(|text| text.parse().ok()),
        body: response.body,
    }
}

fn endpoint(text: &str) -> Endpoint {
    Endpoint::parse(text).unwrap()
}

impl Wire {
    fn new(contact: Contact, site: usize, port: u16) -> Self {
        Self { contact, site, port, remote: None, is_probe: false, is_astray: false, end: None, inbox: VecDeque::new() }
    }

    fn knows(&self, endpoint: Endpoint) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.candidates.contains(&endpoint))
    }

    /// Whether DTLS begins between the two: one of them has to take the other for the server.
    fn begins(&self, other: &Self) -> bool {
        let is_client = |wire: &Self| wire.remote.as_ref().is_some_and(|remote| remote.setup == Setup::Passive);
        is_client(self) || is_client(other)
    }

    /// Whether it was dialled to this connection of that device.
    fn means(&self, other: &Self) -> bool {
        self.remote.as_ref().is_some_and(|remote| {
            remote.cert_hash == other.contact.cert_hash && remote.credentials == other.contact.credentials
        })
    }
}

impl Net {
    /// Those of `refusing` have browsers that refuse credentials, a bit each.
    pub(crate) fn new(world: &World, devices: usize, refusing: u8) -> Self {
        let dice = &world.runtime;
        let nats =
            std::array::from_fn(|_| [Nat::Open, Nat::Preserving, Nat::Preserving, Nat::Random][dice.below(4) as usize]);
        let ground = |number: usize| Ground {
            hash: cert_hash(dice),
            site: dice.below(SITES as u64) as usize,
            hears_knocks: dice.below(2) == 0,
            refuses: refusing >> number & 1 == 1,
            is_online: true,
            is_away: false,
            sleeps_until: 0,
            kept: Vec::new(),
            observed: None,
            page: None,
        };
        Self {
            nats,
            grounds: (0..devices).map(ground).collect(),
            walls: BTreeSet::new(),
            book: BTreeMap::new(),
            book_is_alive: dice.below(8) > 0,
            helped_at: 0,
            ports: 1_024,
            wrong: Vec::new(),
        }
    }

    fn page(&mut self, number: usize) -> Option<&mut Page> {
        self.grounds[number].page.as_mut()
    }

    fn wire(&self, end: Far) -> Option<&Wire> {
        let page = self.grounds[end.device].page.as_ref().filter(|page| page.group == end.group)?;
        page.wires.get(&end.slot)
    }

    fn wire_mut(&mut self, end: Far) -> Option<&mut Wire> {
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
        let is_online = |number: usize| self.grounds[number].is_online;
        self.walls.contains(&(from, to)) || !is_online(from) || !is_online(to)
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
        let own = Far { device: number, group, slot };
        for device in (0..self.grounds.len()).filter(|device| *device != number) {
            let Some(page) = &self.grounds[device].page else { continue };
            let ends: Vec<Far> = page.wires.keys().map(|slot| Far { device, group: page.group, slot: *slot }).collect();
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
                    self.post(world, number, LATENCY, Event::Told(Input::Reached(slot)));
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
                        self.post(world, device, LATENCY, Event::Told(Input::Knocked(other.slot)));
                    }
                } else if there && (two.end.is_some() || two.remote.is_some()) {
                    if let Some(wire) = self.wire_mut(own) {
                        wire.is_astray = true;
                    }
                    return self.post(world, number, LATENCY, Event::Told(Input::Reached(slot)));
                }
            }
        }
    }

    fn open(&mut self, world: &World, one: Far, other: Far) {
        for (own, end) in [(one, other), (other, one)] {
            if let Some(wire) = self.wire_mut(own) {
                wire.end = Some(end);
            }
            self.post(world, own.device, 2 * LATENCY, Event::Told(Input::Reached(own.slot)));
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

    /// A connection dials: checks go on for a while, and come back if anything changes.
    fn dial(&mut self, world: &World, number: usize, slot: SlotId, remote: RemoteAnswer) {
        if let Some(wire) = self.page(number).and_then(|page| page.wires.get_mut(&slot)) {
            wire.remote = Some(remote);
            self.try_now(world, number, slot);
        }
    }

    fn try_now(&mut self, world: &World, number: usize, slot: SlotId) {
        self.post(world, number, TRYING, Event::Tried(slot));
        self.check(world, number, slot);
    }

    /// Closes a connection. The other end hears of it if a packet gets there now.
    fn remove(&mut self, world: &World, number: usize, slot: SlotId) {
        let Some(wire) = self.page(number).and_then(|page| page.wires.remove(&slot)) else { return };
        if let Some(end) = wire.end
            && !self.is_walled(number, end.device)
            && self.wire(end).is_some()
            && self.grounds[number].site == wire.site
        {
            self.post(world, end.device, LATENCY + JITTER, Event::Told(Input::Closed(end.slot)));
        }
    }

    /// Has this happen once the page is awake.
    fn postpone(&mut self, world: &World, number: usize, event: Event) {
        let wait = self.grounds[number].sleeps_until.saturating_sub(world.runtime.now());
        self.post(world, number, wait, event);
    }

    /// What a page is told of this.
    fn input(&mut self, world: &World, number: usize, event: Event) -> Option<Input> {
        match event {
            Event::Told(input) => Some(input),
            Event::Turned => Some(if self.grounds[number].is_away { Input::Background } else { Input::Foreground }),
            Event::Ready(slot) => {
                let Contact { cert_hash, credentials, endpoints } =
                    self.page(number)?.wires.get(&slot)?.contact.clone();
                let description = Box::new(LocalDescription { credentials, cert_hash, endpoints });
                Some(Input::Described { slot, description })
            }
            Event::Opened(slot) => {
                let ephemeral = std::array::from_fn(|_| world.runtime.below(256) as u8);
                self.page(number)?.wires.get(&slot).map(|_| Input::Opened { slot, ephemeral })
            }
            Event::Arrived(slot) => {
                let far = self.page(number)?.wires.get(&slot)?.end?;
                if self.is_walled(far.device, number) {
                    return None;
                }
                let site = self.grounds[number].site;
                let wire = self.page(number)?.wires.get_mut(&slot).filter(|wire| wire.site == site)?;
                let message = wire.inbox.pop_front()?;
                if wire.inbox.len() == LOW && self.wire(far).is_some() {
                    self.post(world, far.device, LATENCY, Event::Told(Input::Drained(far.slot)));
                }
                Some(Input::Message { slot, message })
            }
            Event::Tried(slot) => {
                let wire = self.page(number)?.wires.get(&slot)?;
                (wire.end.is_none() && !wire.is_astray).then_some(Input::Failed(slot))
            }
        }
    }

    /// Carries out what a page's crew wants.
    fn settle(&mut self, world: &World, number: usize) {
        while let Some(effect) = self.page(number).and_then(|page| page.crew.poll_effect()) {
            self.carry_out(world, number, effect);
        }
        let Some(page) = self.page(number) else { return };
        page.bell.notify_one();
        let (wires, asked) = (page.wires.len(), page.asked);
        let queued = |wire: &Wire| wire.inbox.iter().map(Vec::len).sum::<usize>();
        if wires > MOST_WIRES || asked > MOST_ASKED || page.wires.values().any(|wire| queued(wire) > MOST_QUEUED) {
            self.wrong.push(format!("a page has {wires} connections and {asked} requests under way"));
        }
    }

    fn carry_out(&mut self, world: &World, number: usize, effect: Effect) {
        match effect {
            Effect::Make { slot, credentials: Some(_) } | Effect::Probe { slot, .. } | Effect::Call { slot, .. }
                if self.grounds[number].refuses =>
            {
                let error = MakeError::CredentialsRefused;
                self.post(world, number, MAKING, Event::Told(Input::NotMade { slot, error }));
            }
            Effect::Make { slot, credentials } => {
                self.insert(number, slot, credentials);
                self.post(world, number, MAKING, Event::Ready(slot));
            }
            Effect::Probe { slot, credentials, remote } => {
                self.insert(number, slot, Some(credentials));
                if let Some(wire) = self.page(number).and_then(|page| page.wires.get_mut(&slot)) {
                    wire.is_probe = true;
                }
                self.dial(world, number, slot, remote);
            }
            Effect::Call { slot, credentials, remote } => {
                self.insert(number, slot, Some(credentials));
                self.dial(world, number, slot, remote);
            }
            Effect::Dial { slot, remote } => self.dial(world, number, slot, remote),
            Effect::Await { slot, remote } => {
                if let Some(wire) = self.page(number).and_then(|page| page.wires.get_mut(&slot)) {
                    wire.remote = Some(remote);
                    self.check(world, number, slot);
                }
            }
            Effect::AddCandidates { slot, candidates } => {
                let wire = self.page(number).and_then(|page| page.wires.get_mut(&slot));
                if let Some(remote) = wire.and_then(|wire| wire.remote.as_mut()) {
                    remote.candidates.extend(candidates);
                    self.try_now(world, number, slot);
                }
            }
            Effect::Send { slot, message } => self.send(world, number, slot, message),
            Effect::Close { slot, end } => {
                if let End::Said(
                    reason @ (CloseReason::SameDevice | CloseReason::WrongSecret | CloseReason::Protocol),
                ) = end
                {
                    self.wrong.push(format!("members part with: {reason}"));
                }
                self.remove(world, number, slot);
            }
            Effect::Register(endpoints) => self.register(world, number, endpoints),
            Effect::LookUp => self.look_up(world, number),
            Effect::Withdraw => {
                let hash = self.grounds[number].hash;
                self.book.retain(|(other, _), _| *other != hash);
            }
            Effect::ReadAsker(slot) => {
                self.note_pull(world, number, slot);
                let asked = json("GET", "", String::new());
                self.ask(world, number, asked, move |answer| {
                    let document = answer.and_then(|answer| read::<RoomDocument>(&answer.body).ok());
                    let asker = document.and_then(|document| DeviceId::parse(&document.device).ok());
                    Input::Asker { slot, asker }
                });
            }
            Effect::ReadOpening(slot) => {
                let mut asked = cbor("/sync", Vec::new(), None);
                "GET".clone_into(&mut asked.method);
                self.ask(world, number, asked, move |answer| {
                    let answer = answer.filter(|answer| answer.status == 200);
                    Input::Opening { slot, opening: answer.and_then(|answer| SyncRequest::decode(&answer.body).ok()) }
                });
            }
            Effect::Merge { slot, device, asker, answer } => self.merge(world, number, slot, device, asker, answer),
            Effect::Serve { slot, stream, device, head, body } => {
                self.serve(world, number, (slot, stream), device, &head, body);
            }
            Effect::KeepContacts(contacts) => self.grounds[number].kept = contacts,
            Effect::KeepObserved(ip) => self.grounds[number].observed = Some(ip),
            Effect::Refuse { .. } => self.wrong.push("a page asks for what it may not".to_owned()),
            Effect::DoubtKey(_) => self.wrong.push("a key is in doubt that nobody else has".to_owned()),
            Effect::Established { device, .. } => {
                if self.page(number).is_some_and(|page| page.device == device) {
                    self.wrong.push("a device is connected to itself".to_owned());
                }
            }
            // A certificate is doubted on a guess. No browser guards its network. There are no calls, no long
            // answers and nobody who looks at it.
            Effect::DoubtCertificate
            | Effect::TestLocalNetwork
            | Effect::TellClock(_)
            | Effect::Reply { .. }
            | Effect::Continue { .. }
            | Effect::GiveUp { .. }
            | Effect::StatusChanged => {}
        }
    }

    fn send(&mut self, world: &World, number: usize, slot: SlotId, message: Vec<u8>) {
        let far = self.page(number).and_then(|page| page.wires.get(&slot)?.end);
        if let Some(far) = far
            && let Some(wire) = self.wire_mut(far)
        {
            wire.inbox.push_back(message);
            let is_full = wire.inbox.len() > FULL;
            self.post(world, far.device, LATENCY + world.runtime.below(JITTER), Event::Arrived(far.slot));
            if is_full && let Some(page) = self.page(number) {
                page.crew.handle(Input::Full(slot), world.runtime.now());
            }
        }
    }

    fn register(&mut self, world: &World, number: usize, endpoints: Vec<Endpoint>) {
        // A listing belongs to its certificate and to the network that it came from.
        let ip: IpAddr = Self::observed(self.grounds[number].site).parse().unwrap();
        let local = self.grounds[number].hash;
        let is_there = self.book_is_alive && self.grounds[number].is_online;
        if is_there {
            self.book.remove(&(local, ip));
            if !endpoints.is_empty() {
                let address = Address::new(ip, endpoints.clone(), local).unwrap();
                self.book.insert((local, ip), (world.runtime.now() + TTL, address));
            }
        }
        let taken = if is_there { Ok(Some(ip)) } else { Err(Unanswered::default()) };
        self.post(world, number, 2 * LATENCY, Event::Told(Input::Registered { endpoints, taken }));
    }

    fn look_up(&mut self, world: &World, number: usize) {
        let now = world.runtime.now();
        self.book.retain(|_, (until, _)| *until > now);
        let mut listed: Vec<&(u64, Address)> = self.book.values().collect();
        listed.sort_by_key(|(until, _)| std::cmp::Reverse(*until));
        let listed = listed.into_iter().map(|(_, address)| address.clone()).collect();
        let is_there = self.book_is_alive && self.grounds[number].is_online;
        let answer = if is_there { Ok(listed) } else { Err(Unanswered::default()) };
        self.post(world, number, 2 * LATENCY, Event::Told(Input::Listed(answer)));
    }

    /// A page asks its own worker, and is told what comes of that.
    fn ask(
        &mut self,
        world: &World,
        number: usize,
        request: Request,
        told: impl FnOnce(Option<Response>) -> Input + 'static,
    ) {
        let Some(page) = self.page(number) else { return };
        page.asked += 1;
        let (group, later) = (page.group, world.clone());
        world.runtime.spawn(group, async move {
            let answer = later.ask(number, request).await;
            if let Some(page) = later.net.as_ref().unwrap().borrow_mut().page(number) {
                page.asked -= 1;
            }
            later.happen(number, Event::Told(told(answer)));
        });
    }

    fn note_pull(&mut self, world: &World, number: usize, slot: SlotId) {
        let Some(page) = self.page(number) else { return };
        let status = page.crew.status();
        let peer = status.peers.iter().find(|peer| peer.slot == slot).map(|peer| peer.device);
        let Some(peer) = peer.and_then(|peer| world.number_of(peer)) else {
            page.pulls.remove(&slot);
            return;
        };
        let had = world.replica_of(peer).map(|had| Registers::of(&had));
        page.pulls.insert(slot, Meeting { peer, had, losses: world.losses(number, peer), questions: 0 });
    }

    fn merge(&mut self, world: &World, number: usize, slot: SlotId, device: DeviceId, asker: DeviceId, answer: Answer) {
        let is_last = SyncAnswer::peek(&answer.body).is_ok_and(|(progress, _)| progress.next.is_none());
        let request = Request {
            // Pages read JSON.
            accept: None,
            content_type: Some(answer.content_type),
            asker: Some(asker.to_string()),
            ..cbor("/changes", answer.body, Some(device.to_string()))
        };
        let later = world.clone();
        self.ask(world, number, request, move |merged| {
            let answer = merged.map(crate::net::answer);
            if is_last && let Some(answer) = &answer {
                later.merged_last(number, slot, answer);
            }
            Input::Merged { slot, answer }
        });
    }

    fn serve(
        &mut self,
        world: &World,
        number: usize,
        (slot, stream): (SlotId, StreamId),
        device: DeviceId,
        head: &RequestHead,
        body: Vec<u8>,
    ) {
        let header = |name: &str| {
            let named = head.headers.iter().filter(|(other, _)| other == name);
            let values: Vec<&str> = named.map(|(_, value)| value.as_str()).collect();
            (!values.is_empty()).then(|| values.join(", "))
        };
        let request = Request {
            accept: header("accept"),
            content_type: header("content-type"),
            device: Some(device.to_string()),
            method: head.method.clone(),
            path: head.path.clone(),
            body,
            ..Request::default()
        };
        self.ask(world, number, request, move |answer| {
            let lost = || Answer { status: 502, ..Answer::default() };
            Input::Served { slot, stream, answer: answer.map_or_else(lost, crate::net::answer) }
        });
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
        let mut net = net.borrow_mut();
        if net.grounds[number].sleeps_until > self.runtime.now() {
            return net.postpone(self, number, event);
        }
        let Some(input) = net.input(self, number, event) else { return };
        if let Some(page) = net.page(number) {
            page.crew.handle(input, self.runtime.now());
            net.settle(self, number);
        }
    }

    /// A worker has something new, which its page hears of.
    pub(crate) fn changed(&self, number: usize, from: Option<DeviceId>, batch: Vec<u8>) {
        self.happen(number, Event::Told(Input::Changed { from, batch }));
    }

    /// A page has merged all that it was answered to a question.
    fn merged_last(&self, number: usize, slot: SlotId, answer: &Answer) {
        let Some(merged) = read::<Merged>(&answer.body).ok().filter(|_| answer.status == 200) else { return };
        let mut net = self.net.as_ref().unwrap().borrow_mut();
        let Some(meeting) = net.page(number).and_then(|page| page.pulls.get_mut(&slot)) else { return };
        meeting.questions += 1;
        let (is_over, has_all) = (merged.ask.is_none(), !merged.gap && merged.ask.is_none());
        let is_endless = meeting.questions >= MOST_QUESTIONS && !is_over;
        if has_all
            && self.losses(number, meeting.peer) == meeting.losses
            && let (Some(had), Some(has)) = (&meeting.had, self.replica_of(number))
        {
            self.note_meeting(number, &has, meeting.peer, had);
        }
        if is_endless {
            net.wrong.push("a pull never ends".to_owned());
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
            let config = CrewConfig {
                room: room(),
                secret: secret(),
                key,
                cert_hash: ground.hash,
                run: Run(std::array::from_fn(|_| self.runtime.below(256) as u8)),
                dialler: config,
                most_code_chars: QR_CHARS,
                known: ground.kept.clone(),
                observed: ground.observed,
                is_shown: true,
                is_background: ground.is_away,
                is_online: true,
                seed,
            };
            ground.page = Some(Page {
                group,
                device,
                crew: Crew::new(config, now),
                wires: BTreeMap::new(),
                pulls: BTreeMap::new(),
                asked: 0,
                bell: Rc::clone(&bell),
            });
            net.settle(self, number);
        }
        loop {
            let sleeps_until = net.borrow().grounds[number].sleeps_until;
            let Some(due) = net.borrow_mut().page(number).map(|page| page.crew.poll_timeout()) else { return };
            let wait = due.max(sleeps_until).saturating_sub(self.runtime.now());
            if self.runtime.within(wait, bell.notified()).await.is_none() {
                self.happen(number, Event::Told(Input::TimedOut));
            }
        }
    }

    /// A page is gone. Some say goodbye; of the others some browsers end the connections, and some only stop answering.
    pub(crate) fn close_net(&self, number: usize) {
        let Some(net) = &self.net else { return };
        let mut net = net.borrow_mut();
        let says_goodbye = self.runtime.below(2) == 0;
        if let Some(page) = net.page(number).filter(|_| says_goodbye) {
            page.crew.handle(Input::Left, self.runtime.now());
            net.settle(self, number);
        }
        let Some(page) = net.grounds[number].page.take() else { return };
        for end in page.wires.values().filter_map(|wire| wire.end) {
            if self.runtime.below(2) == 0 && !net.is_walled(number, end.device) && net.wire(end).is_some() {
                net.post(self, end.device, LATENCY + JITTER, Event::Told(Input::Closed(end.slot)));
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
            self.happen(number, Event::Told(Input::Moved));
        }
    }

    /// A page is shown or hidden.
    pub(crate) fn show(&self, number: usize, is_visible: bool) {
        self.happen(number, Event::Told(if is_visible { Input::Shown } else { Input::Hidden }));
    }

    /// A page shows another room, or this one again.
    pub(crate) fn turn(&self, number: usize, is_away: bool) {
        let Some(net) = &self.net else { return };
        net.borrow_mut().grounds[number].is_away = is_away;
        self.happen(number, Event::Turned);
    }

    pub(crate) fn is_anybody_away(&self, net: &RefCell<Net>) -> bool {
        net.borrow().grounds.iter().any(|ground| ground.is_away)
    }

    /// A device has a network, or none.
    pub(crate) fn network(&self, number: usize, is_there: bool) {
        let Some(net) = &self.net else { return };
        net.borrow_mut().grounds[number].is_online = is_there;
        if is_there {
            net.borrow_mut().try_again(self);
        }
        self.happen(number, Event::Told(if is_there { Input::Online } else { Input::Offline }));
    }

    /// A device sleeps for a while, and its page with it.
    pub(crate) fn nap(&self, number: usize, millis: u64) {
        if let Some(net) = &self.net {
            let until = self.runtime.now() + millis;
            let mut net = net.borrow_mut();
            let ground = &mut net.grounds[number];
            ground.sleeps_until = ground.sleeps_until.max(until);
        }
    }

    /// People carry codes from one screen to another.
    pub(crate) fn pair(&self, one: usize, other: usize) {
        let world = self.clone();
        self.runtime.spawn(0, async move {
            let _ = world.carry_codes(one, other).await;
        });
    }

    async fn carry_codes(&self, one: usize, other: usize) -> Option<()> {
        let want = |number, request| self.happen(number, Event::Told(Input::Pair(request)));
        want(one, PairingRequest::InviteAnew { tag: self.runtime.below(u32::MAX.into()) as u32 });
        let invitation = self.code(one, HandStep::Invited).await?;
        want(other, PairingRequest::Use(invitation));
        let reply = self.code(other, HandStep::Replied).await?;
        want(one, PairingRequest::Use(reply));
        Some(())
    }

    /// The code that a page shows, once it does.
    async fn code(&self, number: usize, step: HandStep) -> Option<Code> {
        let until = self.runtime.now() + PATIENCE;
        while self.runtime.now() < until {
            self.runtime.sleep(100).await;
            let mut net = self.net.as_ref()?.borrow_mut();
            let shown = &net.page(number)?.crew.status().pairing;
            if shown.step == step {
                return Code::parse(&shown.code).ok();
            }
        }
        None
    }

    /// Whoever the phone book is of no use to, and who is not connected to somebody, is connected by codes.
    pub(crate) fn help(&self, net: &RefCell<Net>) {
        let count = net.borrow().grounds.len();
        let is_due = self.runtime.now() >= net.borrow().helped_at + HELP;
        let pairs = (0..count).flat_map(|one| (0..count).map(move |other| (one, other)));
        let is_stuck = |(one, other): &(usize, usize)| {
            one != other && net.borrow().grounds[*one].refuses && !self.is_connected(net, *one, *other)
        };
        let stuck: Vec<(usize, usize)> = pairs.filter(is_stuck).collect();
        if is_due && !stuck.is_empty() {
            net.borrow_mut().helped_at = self.runtime.now();
            let (one, other) = stuck[self.runtime.below(stuck.len() as u64) as usize];
            self.pair(one, other);
        }
    }

    pub(crate) fn phone_book(&self, is_alive: bool) {
        if let Some(net) = &self.net {
            net.borrow_mut().book_is_alive = is_alive;
        }
    }

    /// All trouble ends, but that some pages may show other rooms: no walls, NATs that let connections through, a phone book that answers.
    pub(crate) fn peace(&self, net: &RefCell<Net>) {
        let mut net = net.borrow_mut();
        net.walls.clear();
        net.nats = [Nat::Preserving; SITES];
        net.book_is_alive = true;
        net.grounds.iter_mut().for_each(|ground| ground.is_online = true);
        net.try_again(self);
        let count = net.grounds.len();
        drop(net);
        // Whoever sleeps hears of it later, after what happened meanwhile.
        for number in 0..count {
            self.happen(number, Event::Told(Input::Online));
            self.happen(number, Event::Told(Input::Shown));
        }
        if self.runtime.below(3) != 0 {
            (0..count).for_each(|number| self.turn(number, false));
        }
    }

    /// Whether everybody is connected to everybody; to whoever shows another room over as many others as it takes. Whoever is no doorkeeper does not ask the phone book where it is seen, so
    /// it may not know how it is reached through its NAT: then it is enough that both reach a third.
    pub(crate) fn is_mesh(&self, net: &RefCell<Net>) -> bool {
        let count = net.borrow().grounds.len();
        let is_hidden = |number: usize| {
            let ground = &net.borrow().grounds[number];
            ground.observed.is_none_or(|ip| ip.to_string() != Net::observed(ground.site))
        };
        let is_reached = |one: usize, other: usize| {
            self.is_connected(net, one, other)
                || ((is_hidden(one) || is_hidden(other)) && self.is_reached_through(net, one, other))
        };
        if !self.is_anybody_away(net) {
            return (0..count).all(|one| (0..count).all(|other| one == other || is_reached(one, other)));
        }
        let (mut reached, mut at) = (vec![0], 0);
        while let Some(one) = reached.get(at).copied() {
            let is_new = |other: &usize| !reached.contains(other) && self.is_connected(net, one, *other);
            let found: Vec<usize> = (0..count).filter(is_new).collect();
            reached.extend(found);
            at += 1;
        }
        reached.len() == count
    }

    fn is_reached_through(&self, net: &RefCell<Net>, one: usize, other: usize) -> bool {
        self.peer_id(other).is_some_and(|peer| {
            let mut net = net.borrow_mut();
            net.page(one).is_some_and(|page| page.crew.status().through.iter().any(|(device, _)| *device == peer))
        })
    }

    pub(crate) fn is_connected(&self, net: &RefCell<Net>, one: usize, other: usize) -> bool {
        self.peer_id(other)
            .is_some_and(|peer| net.borrow_mut().page(one).is_some_and(|page| page.crew.link_to(peer).is_some()))
    }

    /// What was found to be wrong with connections.
    pub(crate) fn wrong_with_net(&self) -> Vec<String> {
        self.net.as_ref().map(|net| std::mem::take(&mut net.borrow_mut().wrong)).unwrap_or_default()
    }
}
