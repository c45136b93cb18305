//! The loop of the tab that holds a room's connections.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use futures::channel::{mpsc, oneshot};
use futures::future::{Either, select};
use futures::stream::StreamExt;
use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Reflect, Uint8Array};
use leptos::task::spawn_local;
use litemap::LiteMap;
use partyline_core::api::{CHANNEL, RoomDocument};
use partyline_core::clock::{Judgement, judge};
use partyline_core::connect::sdp::{LocalDescription, RemoteAnswer, Setup, dial_candidates, setup_of_remote};
use partyline_core::connect::{Contact, IceCredentials};
use partyline_core::dial::{Action, Activity, BookState, Dialler, DiallerConfig, Found, Side, SlotId, Way};
use partyline_core::hand::{Hand, HandAction, best_first};
use partyline_core::id::{Address, CertHash, DeviceId, Endpoint, RoomId, RoomLink, RoomSecret};
use partyline_core::key::{DeviceKey, MeetingKey, Psk};
use partyline_core::mesh::{Card, Mesh, MeshAction, decode_links, encode_links};
use partyline_core::redial::{MOST, Redial, RedialAction, decode_told, encode_told};
use partyline_core::session::{CloseReason, PeerSession, RequestHead, ResponseHead, Run, SessionConfig, StreamId};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, EventTarget, MessageEvent};

use super::by_hand::{self, HandStatus, HandWish};
use super::certificate::{self, Certificate};
use super::diagnostics::{self, End, Log};
use super::event::{Event, Events, Outcome, Pull, SpareError};
use super::link::{Link, LinkEvent};
use super::phone_book::Observed;
use super::slot::Slot;
use super::status::{Clocks, Link as Network, PeerStatus, PhoneBook, Progress, RoomStatus};
use super::{kept, phone_book, proxy, replication};
use crate::api;
use crate::platform::{is_firefox, is_online, is_shown, mark, monotonic_ms, random_bytes};

/// Below `/peer/v1/rooms/{room}/`, answered by the page: whom a peer is connected to, the cards of introductions,
/// and where a peer can be called again.
const LINKS: &str = "links";
const INTRODUCTIONS: &str = "introductions";
const STANDBY: &str = "standby";
/// So long a code waits for the phone book to say where it sees us, in milliseconds.
const OUTSIDE_MS: u32 = 2_000;
/// So long a connection whose last words matter is kept after them, in milliseconds.
const FAREWELL_MS: u32 = 1_000;
/// A timer that is so late was stopped: the page or the whole device slept.
const SLEPT_MS: u64 = 3_000;
/// The wait after a pull that came to nothing, or after which the two still have not the same, doubled each time up to
/// eight times.
const PULL_RETRY: u64 = 1_000;
/// The wait after one that did not: a service worker may end after it has kept an edit and before it has told of it.
const PULL_AGAIN: u64 = 60_000;

/// Who we are in which room.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) room: RoomId,
    pub(super) secret: RoomSecret,
    pub(super) key: DeviceKey,
    /// What follows from the key.
    pub(super) device: DeviceId,
}

/// How the loop came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// This tab does not lead any more, or cannot.
    Resigned,
    /// It is to begin anew, with another certificate.
    Renewed,
}

/// Holds the room's connections until `resigned` resolves: with a goodbye, or without one where another tab has taken over.
pub(super) async fn run(
    membership: Membership,
    publish: Rc<dyn Fn(RoomStatus)>,
    (events, mut queue): (Events, mpsc::UnboundedReceiver<Event>),
    mut resigned: oneshot::Receiver<()>,
) -> Ending {
    // Whoever resigns meanwhile says nothing more: another tab, or this page's next document, leads by then.
    let prepared = pin!(prepare(membership, events.clone(), Rc::clone(&publish)));
    let room = match select(&mut resigned, prepared).await {
        Either::Right((Some(room), _)) => room,
        Either::Right((None, _)) => {
            publish(RoomStatus { phone_book: PhoneBook::Off, ..RoomStatus::new(Network::Alone) });
            let _ = resigned.await;
            return Ending::Resigned;
        }
        Either::Left(_) => return Ending::Resigned,
    };
    let room = Rc::new(RefCell::new(room));
    let _listeners = listeners(&events, &room);
    let calls = events.clone();
    let _held = proxy::hold(move |call| calls.send(Event::Called(call)));
    let _questions = diagnostics::listen(&events, room.borrow().membership.room);
    room.borrow_mut().settle();
    loop {
        match select(queue.next(), &mut resigned).await {
            Either::Left((Some(event), _)) => {
                room.borrow_mut().handle(event);
                if room.borrow().has_taken_certificate() {
                    let id = room.borrow().membership.room;
                    if kept::forget_certificate(id).await {
                        room.borrow_mut().leave();
                        return Ending::Renewed;
                    }
                    // It was another one an hour ago, and stays for as long as this page does.
                    room.borrow_mut().certificate.is_kept = false;
                }
            }
            Either::Left((None, _)) | Either::Right((Err(_), _)) => return Ending::Resigned,
            Either::Right((Ok(()), _)) => {
                room.borrow_mut().leave();
                return Ending::Resigned;
            }
        }
    }
}

/// Everything that the loop needs, of which the certificate can take a second or two to be made. `None` where there is no
/// certificate, or no random numbers, without which there is no handshake that keeps a secret.
async fn prepare(membership: Membership, events: Events, publish: Rc<dyn Fn(RoomStatus)>) -> Option<Room> {
    let meeting_key = MeetingKey::of(&membership.secret);
    let certificate = certificate::of_room(membership.room, &meeting_key).await.ok()?;
    let known = kept::contacts(membership.room).await;
    let observed = kept::observed(membership.room).await;
    let (seed, run) = (u64::from_le_bytes(random_bytes()?), Run(random_bytes()?));
    Some(Room { observed, ..Room::new(membership, certificate, known, (seed, run), events, publish) })
}

/// The state of the loop. Every change ends in [`settle`](Self::settle).
struct Room {
    membership: Membership,
    meeting_key: MeetingKey,
    certificate: Certificate,
    dialler: Dialler,
    mesh: Mesh,
    redial: Redial,
    hand: Hand,
    /// Whom this device can call again, the last one first, as it is kept.
    known: Vec<(DeviceId, Vec<Contact>)>,
    /// This run of the page.
    run: Run,
    /// Where the phone book sees us, or saw us last: behind most NATs that address works with the ports that we know.
    observed: Observed,
    /// Somebody was refused for speaking a newer format.
    outdated: bool,
    /// What our service worker's clock said last.
    now_ms: u64,
    /// The server's clock, and when that was on the monotonic one.
    server: Option<(u64, u64)>,
    links: LiteMap<SlotId, Link>,
    events: Events,
    publish: Rc<dyn Fn(RoomStatus)>,
    published: Option<RoomStatus>,
    /// The browser refuses credentials that it did not make: the phone book is of no use.
    refused: bool,
    /// Whether the phone book has had the time to say where it sees us.
    has_asked_outside: bool,
    /// What is wanted by hand as soon as it had: a code without that address does not lead through a NAT.
    wish: Option<HandWish>,
    timer: Option<(Timeout, u64)>,
    marked_connected: bool,
    marked_synced: bool,
    /// What is being got in a long sync: from which connection, how many changes so far, and of how many.
    getting: Option<(SlotId, u64, u64)>,
    /// Syncs that broke off, to be gone on with.
    broken_off: Vec<Pull>,
    log: Log,
}

impl Room {
    fn new(
        membership: Membership,
        certificate: Certificate,
        known: Vec<(DeviceId, Vec<Contact>)>,
        (seed, run): (u64, Run),
        events: Events,
        publish: Rc<dyn Fn(RoomStatus)>,
    ) -> Self {
        let now = monotonic_ms();
        // Firefox 153 does not show that a connection which waits is dialled: its ICE state stays `new`.
        let config = if is_firefox() { DiallerConfig::without_knocks() } else { DiallerConfig::default() };
        let mut dialler = Dialler::new(certificate.hash, config, seed, now);
        dialler.handle_online(is_online(), now);
        dialler.handle_visibility(is_shown(), now);
        let mut mesh = Mesh::new(membership.device, certificate.hash);
        mesh.handle_visibility(is_shown());
        let meeting_key = MeetingKey::of(&membership.secret);
        let redial = Redial::new(meeting_key.clone(), certificate.hash, known.clone(), seed, now);
        let link = RoomLink { room: membership.room, secret: membership.secret.clone() };
        Self {
            mesh,
            redial,
            hand: by_hand::policy(link, certificate.hash),
            known,
            run,
            observed: None,
            outdated: false,
            now_ms: 0,
            server: None,
            membership,
            meeting_key,
            certificate,
            dialler,
            links: LiteMap::new(),
            events,
            publish,
            published: None,
            refused: false,
            has_asked_outside: false,
            wish: None,
            timer: None,
            marked_connected: false,
            marked_synced: false,
            getting: None,
            broken_off: Vec::new(),
            log: Log::default(),
        }
    }

    fn handle(&mut self, event: Event) {
        let now = monotonic_ms();
        self.log.note(&event, now);
        match event {
            Event::SpareReady(slot, description) => {
                if slot.way() == Way::PhoneBook {
                    self.dialler.handle_spare_ready(slot, description.endpoints, now);
                } else if slot.way() == Way::ByHand {
                    let LocalDescription { credentials, cert_hash, endpoints } = *description;
                    let endpoints = best_first(&endpoints, self.observed);
                    self.hand.handle_ready(slot, Contact { cert_hash, credentials, endpoints }, now);
                } else {
                    let contact = self.contact(*description);
                    match slot.way() {
                        Way::Introduction => self.mesh.handle_ready(slot, contact, now),
                        _ => self.redial.handle_ready(slot, contact, now),
                    }
                }
            }
            Event::SpareFailed(slot, error) => {
                self.close(slot, End::Broken, now);
                if error == SpareError::CredentialsRefused && !std::mem::replace(&mut self.refused, true) {
                    self.redial.handle_refusal(now);
                    self.mesh.handle_refusal();
                    self.look_outside();
                }
            }
            Event::Knock(slot) => self.dialler.handle_knock(slot, now),
            Event::Reached(slot) => {
                self.dialler.handle_reached(slot, now);
                self.redial.handle_reached(slot, now);
            }
            Event::Secured(slot) => self.dialler.handle_secured(slot, now),
            Event::Open(slot) => self.open_session(slot, now),
            Event::Message(slot, message) => {
                let session = self.links.get_mut(&slot).and_then(|link| link.session.as_mut());
                // What is wrong with the message comes out as the session's `Closed`.
                if let Some(session) = session {
                    let _ = session.handle_message(&message, now);
                }
            }
            Event::Failed(slot) if self.redial.is_patient(slot) || self.hand.is_patient(slot) => {}
            Event::Failed(slot) | Event::Closed(slot) => self.close(slot, End::Broken, now),
            Event::Registered(endpoints, taken) => {
                if let Ok(Some(ip)) = taken
                    && self.observed.replace(ip) != Some(ip)
                {
                    spawn_local(kept::keep_observed(self.membership.room, ip));
                }
                self.dialler.handle_registered(&endpoints, taken, now);
                self.grant_wish(now);
            }
            Event::Peers(answer) => {
                let found =
                    |address: Address| Found { is_vouched: self.meeting_key.vouches_for(&address.cert_hash), address };
                let answer = answer.map(|addresses| addresses.into_iter().map(found).collect());
                self.dialler.handle_peers(answer, now);
            }
            Event::Changed { from, batch } => {
                if from.is_none() {
                    self.dialler.handle_use(now);
                }
                self.pass_on(from, &batch);
            }
            Event::Answered(part) => {
                // Dropping the part tells whoever reads the answer that the link is gone.
                if let Some(link) = self.links.get_mut(&part.slot) {
                    link.answer_part(*part);
                }
            }
            Event::Gap(slot) => self.pull(slot),
            Event::Called(call) => {
                let is_it = |link: &&mut Link| link.peer.is_some_and(|(device, _)| device == call.device);
                if let Some(link) = self.links.iter_mut().map(|(_, link)| link).find(is_it) {
                    link.call(&call, &self.events);
                }
            }
            Event::Ask(ask) => {
                // Dropping the sender tells whoever waits that the link is gone.
                if let Some(link) = self.links.get_mut(&ask.slot) {
                    link.ask(ask.head, ask.body, ask.reply);
                }
            }
            Event::Pulling(slot, got, of) => {
                // What is over in a blink is not worth a word.
                const MANY: u64 = 500;
                self.getting = Some((slot, got, of)).filter(|_| of >= MANY);
            }
            Event::Pulled(slot, pull, outcome) => self.pulled(slot, pull, outcome),
            Event::Clocks(slot, theirs, ours) => {
                self.now_ms = ours;
                if let Some(link) = self.links.get_mut(&slot) {
                    link.ahead_ms = Some(theirs as i64).and_then(|theirs| theirs.checked_sub(ours as i64));
                }
                if let Judgement::Ahead(ahead_ms) = self.judge_clocks(now) {
                    let room = self.membership.room;
                    spawn_local(async move {
                        // It is said again after the next sync.
                        let _ = api::hear_clock(room, ahead_ms).await;
                    });
                }
            }
            Event::ServerClock(theirs) => self.server = Some((theirs, now)),
            Event::Visible(visible) => {
                self.dialler.handle_visibility(visible, now);
                self.mesh.handle_visibility(visible);
                if visible {
                    self.wake(now);
                }
            }
            Event::Online(online) => {
                self.dialler.handle_online(online, now);
                if online {
                    self.look_outside();
                    self.redial.handle_network(now);
                    self.wake(now);
                }
            }
            Event::Moved => {
                self.look_outside();
                self.dialler.renew_spare(now);
                self.redial.handle_network(now);
                self.wake(now);
            }
            Event::Timer => {
                if self.timer.take().is_some_and(|(_, due)| now > due + SLEPT_MS) {
                    self.wake(now);
                }
            }
            Event::Drained => {}
            Event::Hand(wish) if self.observed.is_none() && !self.has_asked_outside && is_online() => {
                self.wish = Some(wish);
                let events = self.events.clone();
                Timeout::new(OUTSIDE_MS, move || events.send(Event::OutsideUnknown)).forget();
            }
            Event::Hand(wish) => by_hand::handle(&mut self.hand, &wish, now),
            Event::OutsideUnknown => self.grant_wish(now),
            Event::TellStatus => self.published = None,
            Event::ReportWanted => {
                let peer = |(slot, link): (&SlotId, &Link)| {
                    link.peer.map(|_| (slot.way(), link.opened_ms, link.slot.statistics()))
                };
                let peers = self.links.iter().filter_map(peer).collect();
                diagnostics::answer(self.membership.room, &self.log, peers, now);
            }
        }
        self.settle();
    }

    /// Does by hand what waited for the phone book to say where it sees us.
    fn grant_wish(&mut self, now: u64) {
        self.has_asked_outside = true;
        if let Some(wish) = self.wish.take() {
            by_hand::handle(&mut self.hand, &wish, now);
        }
    }

    /// Drains all machines until none has anything more to do, then sets the timer and tells the status.
    fn settle(&mut self) {
        let now = monotonic_ms();
        self.dialler.handle_timeout(now);
        self.mesh.handle_timeout(now);
        self.hand.handle_timeout(now);
        self.redial.handle_timeout(now);
        let mut due = Vec::new();
        for (slot, link) in &mut self.links {
            if let Some(session) = &mut link.session {
                session.handle_timeout(now);
            }
            if link.pull_at.is_some_and(|at| at <= now) {
                due.push(*slot);
            }
        }
        for slot in due {
            self.pull(slot);
        }
        loop {
            let drained = self.drain_links(now);
            let acted = self.act(now);
            let introduced = self.introduce();
            let redialled = self.redial();
            let by_hand = self.act_by_hand();
            if !drained && !acted && !introduced && !redialled && !by_hand {
                break;
            }
        }
        self.set_timer(now);
        self.tell();
    }

    fn drain_links(&mut self, now: u64) -> bool {
        let mut happened = Vec::new();
        for (slot, link) in &mut self.links {
            happened.extend(link.drain(now).into_iter().map(|event| (*slot, event)));
            if !link.pump() {
                happened.push((*slot, LinkEvent::Closed(CloseReason::Local)));
            }
        }
        let any = !happened.is_empty();
        for (slot, event) in happened {
            match event {
                LinkEvent::Established(device, run) => self.established(slot, device, run, now),
                LinkEvent::Request(stream, head, body) => {
                    self.request(slot, stream, head, body, now);
                }
                LinkEvent::Closed(reason) => {
                    self.outdated |= reason == CloseReason::NewerVersion;
                    if reason == CloseReason::Parted {
                        self.redial.handle_parted(slot);
                    }
                    if matches!(reason, CloseReason::SameDevice | CloseReason::Replaced) {
                        self.doubt_key(reason == CloseReason::SameDevice);
                    }
                    let link = self.take_out(slot, End::Said(reason), now);
                    if reason == CloseReason::SameDevice {
                        // The other copy is to find out as well.
                        Timeout::new(FAREWELL_MS, move || drop(link)).forget();
                    }
                    if reason == CloseReason::TimedOut {
                        // This device may be in another network, which no browser tells reliably.
                        self.dialler.renew_spare(now);
                        self.redial.handle_wake(now);
                    }
                }
            }
        }
        any
    }

    /// Whether somebody else seems to have this device's certificate, one that an earlier page made: the browser's profile
    /// was copied, and the two keep each other out.
    fn has_taken_certificate(&self) -> bool {
        self.certificate.is_kept && self.dialler.has_double()
    }

    /// Somebody else has this device's key, as was proved or is said by a peer that they took this
    /// one's place with: the browser's profile was copied. With another key, and another
    /// certificate where they share that too, both can stay.
    fn doubt_key(&self, proved: bool) {
        let (room, device, events) = (self.membership.room, self.membership.device, self.events.clone());
        spawn_local(async move {
            // A tab that hung may hear it of the one that took its place meanwhile, as its loop is
            // ending. And a peer may lie: then the certificate goes no more often than the key.
            let is_it = |room: RoomDocument| room.device == device.to_string() && (proved || !room.fresh);
            if !api::room(room).await.is_ok_and(is_it) || events.is_over() {
                return;
            }
            if !proved {
                kept::forget_certificate(room).await;
            }
            // Should it fail, the two meet again.
            let _ = api::doubt_key(room, device, proved).await;
        });
    }

    /// Answers a peer's request: what concerns connections here, all else through our service worker.
    fn request(&mut self, slot: SlotId, stream: StreamId, head: RequestHead, body: Vec<u8>, now: u64) {
        let room = self.membership.room;
        let understood = if replication::is_told(&head, room, LINKS) {
            decode_links(&body).map(|links| self.mesh.handle_links(slot, links, now)).is_ok()
        } else if replication::is_told(&head, room, INTRODUCTIONS) {
            Card::decode(&body).map(|card| self.mesh.handle_card(slot, card, now)).is_ok()
        } else if replication::is_told(&head, room, STANDBY) {
            decode_told(&body).map(|contacts| self.redial.handle_told(slot, contacts, now)).is_ok()
        } else {
            if let Some(link) = self.links.get_mut(&slot)
                && let Some((device, _)) = link.peer
            {
                let signal = link.hand_on(stream);
                let request = replication::Request { slot, stream, device, head, body, signal };
                spawn_local(replication::hand_on(self.events.clone(), room, request));
            }
            return;
        };
        let status = if understood { 204 } else { 400 };
        if let Some(link) = self.links.get_mut(&slot) {
            link.answer(stream, ResponseHead { status, headers: Vec::new() }, Vec::new());
        }
    }

    /// Carries out what introductions want.
    fn introduce(&mut self) -> bool {
        let mut any = false;
        while let Some(action) = self.mesh.poll_action() {
            any = true;
            let (room, events) = (self.membership.room, self.events.clone());
            match action {
                MeshAction::Make(slot) => self.make(slot, None),
                MeshAction::Drop(slot) => {
                    self.drop_link(slot);
                }
                MeshAction::Part(slot) => {
                    if let Some(session) = self.links.get_mut(&slot).and_then(|link| link.session.as_mut()) {
                        session.part();
                    }
                }
                MeshAction::Dial { slot, contact } => self.dial(slot, contact),
                MeshAction::Tell { slot, links } => {
                    spawn_local(replication::tell(events, slot, room, LINKS, encode_links(&links)));
                }
                MeshAction::Send { slot, card } => {
                    spawn_local(replication::tell(events, slot, room, INTRODUCTIONS, card.encode()));
                }
            }
        }
        any
    }

    /// Carries out what redialling wants.
    fn redial(&mut self) -> bool {
        let (mut any, mut learnt) = (false, false);
        while let Some(action) = self.redial.poll_action() {
            any = true;
            let (room, events) = (self.membership.room, self.events.clone());
            match action {
                RedialAction::Make { slot, credentials } => self.make(slot, credentials),
                RedialAction::Drop(slot) => {
                    self.drop_link(slot);
                }
                RedialAction::Arm { slot, cert_hash, credentials } => {
                    let answer = self.answer(Contact { cert_hash, credentials, endpoints: Vec::new() });
                    if let Some(link) = self.links.get_mut(&slot) {
                        link.remote = Some(answer.cert_hash);
                        link.slot.arm(slot, answer, &events);
                    }
                }
                RedialAction::Dial { slot, contact } => {
                    if let Some(link) = self.links.get(&slot) {
                        self.log.dialled(slot, monotonic_ms());
                        link.slot.add_candidates(&contact.endpoints);
                    }
                }
                RedialAction::Call { slot, credentials, contact } => {
                    self.log.dialled(slot, monotonic_ms());
                    let answer = self.answer(contact);
                    let called = Slot::call(slot, &self.certificate, credentials, &answer, &events);
                    self.insert(slot, called, Some(answer.cert_hash));
                }
                RedialAction::Tell { over, contacts } => {
                    spawn_local(replication::tell(events, over, room, STANDBY, encode_told(&contacts)));
                }
                RedialAction::Keep { device, contacts } => {
                    let is_here = self.links.values().any(|link| link.peer.is_some_and(|(other, _)| other == device));
                    let at = self.known.iter().position(|(other, _)| *other == device && !is_here).unwrap_or_default();
                    self.known.retain(|(other, _)| *other != device);
                    if !contacts.is_empty() {
                        self.known.insert(at, (device, contacts));
                    }
                    self.known.truncate(MOST);
                    learnt = true;
                }
            }
        }
        if learnt {
            spawn_local(kept::keep_contacts(self.membership.room, self.known.clone()));
        }
        any
    }

    /// Carries out what connecting by hand wants.
    fn act_by_hand(&mut self) -> bool {
        let mut any = false;
        while let Some(action) = self.hand.poll_action() {
            any = true;
            match action {
                HandAction::Make(slot) => self.make(slot, None),
                HandAction::Drop(slot) => {
                    self.links.remove(&slot);
                }
                HandAction::Dial { slot, contact } => {
                    let answer = RemoteAnswer { setup: Setup::Passive, ..self.answer(contact) };
                    self.log.dialled(slot, monotonic_ms());
                    if let Some(link) = self.links.get_mut(&slot) {
                        link.remote = Some(answer.cert_hash);
                        link.slot.dial(slot, &answer, &self.events);
                    }
                }
                HandAction::Arm { slot, contact } => {
                    let answer = RemoteAnswer { setup: Setup::Active, ..self.answer(contact) };
                    self.log.dialled(slot, monotonic_ms());
                    if let Some(link) = self.links.get_mut(&slot) {
                        link.remote = Some(answer.cert_hash);
                        link.slot.arm(slot, answer, &self.events);
                    }
                }
                HandAction::Try { slot, endpoints } => {
                    if let Some(link) = self.links.get(&slot) {
                        link.slot.add_candidates(&endpoints);
                    }
                }
            }
        }
        any
    }

    /// Something may have changed while nobody looked: whoever is missing is called, and all others show that they are there.
    fn wake(&mut self, now: u64) {
        self.redial.handle_wake(now);
        self.probe(now);
    }

    fn probe(&mut self, now: u64) {
        for link in self.links.iter_mut().map(|(_, link)| link) {
            if let Some(session) = &mut link.session {
                session.probe(now);
            }
        }
    }

    /// All that it takes to dial a connection that waits here.
    fn contact(&self, description: LocalDescription) -> Contact {
        let LocalDescription { credentials, cert_hash, endpoints } = description;
        let seen = self.observed.and_then(|ip| Address::new(ip, endpoints.clone(), cert_hash).ok());
        let endpoints = seen.map_or(endpoints, |address| dial_candidates(&address));
        Contact { cert_hash, credentials, endpoints }
    }

    /// The answer in the name of whoever is dialled.
    fn answer(&self, contact: Contact) -> RemoteAnswer {
        let Contact { cert_hash, credentials, endpoints } = contact;
        let setup = setup_of_remote(&self.certificate.hash, &cert_hash);
        RemoteAnswer { credentials, cert_hash, setup, candidates: endpoints }
    }

    /// Carries out what the dialler wants, once it knows who stands before us: nobody who is no doorkeeper any more may
    /// register.
    fn act(&mut self, now: u64) -> bool {
        self.dialler.handle_keepers(self.mesh.lower(), self.mesh.other_keeper(), now);
        let mut any = false;
        while let Some(action) = self.dialler.poll_action() {
            any = true;
            if self.refused {
                continue;
            }
            let (room, local) = (self.membership.room, self.certificate.hash);
            let events = self.events.clone();
            match action {
                Action::MakeSpare(slot) => {
                    let credentials = IceCredentials::derive(&self.meeting_key, &local);
                    self.make(slot, Some(credentials));
                }
                Action::Drop(slot) => {
                    self.drop_link(slot);
                }
                Action::Dial { slot, peer, candidates } => self.dial(slot, self.listed(peer, candidates)),
                Action::AddEndpoints { slot, candidates } => {
                    if let Some(link) = self.links.get(&slot) {
                        link.slot.add_candidates(&candidates);
                    }
                }
                Action::Probe { slot, peer, candidates, side } => {
                    let remote = self.answer(self.listed(peer, candidates));
                    let credentials = IceCredentials::derive(&self.meeting_key, &local);
                    let made = match side {
                        Side::Answering => Slot::call(slot, &self.certificate, credentials, &remote, &events),
                        Side::Offering => {
                            // Of the two ends of DTLS the one that waits, always.
                            let remote = RemoteAnswer { setup: Setup::Active, ..remote };
                            Slot::probe(slot, &self.certificate, credentials, &remote, &events)
                        }
                    };
                    self.insert(slot, made, Some(peer));
                }
                Action::Register(endpoints) => self.register(endpoints),
                Action::Poll => spawn_local(async move {
                    events.send(Event::Peers(phone_book::peers(room).await));
                }),
                Action::ProbePeers => self.probe(now),
            }
        }
        any
    }

    /// All that it takes to dial a device that is listed.
    fn listed(&self, cert_hash: CertHash, endpoints: Vec<Endpoint>) -> Contact {
        let credentials = IceCredentials::derive(&self.meeting_key, &cert_hash);
        Contact { cert_hash, credentials, endpoints }
    }

    /// Lists these endpoints in the phone book.
    fn register(&self, endpoints: Vec<Endpoint>) {
        let (room, local, events) = (self.membership.room, self.certificate.hash, self.events.clone());
        spawn_local(async move {
            let taken = phone_book::register(room, local, &endpoints).await.map(|(observed, date)| {
                if let Some(date) = date {
                    events.send(Event::ServerClock(date));
                }
                observed
            });
            events.send(Event::Registered(endpoints, taken));
        });
    }

    /// Where the phone book is of no other use, it can still say by which address it sees us: codes need it to get across
    /// NATs. What is withdrawn for that is a listing that nobody could call any more.
    fn look_outside(&self) {
        if self.refused {
            self.register(Vec::new());
        }
    }

    /// Makes a connection that waits under these credentials, or those that the browser makes.
    fn make(&mut self, slot: SlotId, credentials: Option<IceCredentials>) {
        self.insert(slot, Slot::make(slot, &self.certificate, credentials, &self.events), None);
    }

    fn insert(&mut self, slot: SlotId, made: Result<Slot, JsValue>, remote: Option<CertHash>) {
        match made {
            Ok(made) => {
                let mut link = Link::new(made);
                link.remote = remote;
                self.links.insert(slot, link);
            }
            Err(_) => self.events.send(Event::Closed(slot)),
        }
    }

    fn dial(&mut self, slot: SlotId, contact: Contact) {
        let answer = self.answer(contact);
        let Some(link) = self.links.get_mut(&slot) else { return };
        self.log.dialled(slot, monotonic_ms());
        link.remote = Some(answer.cert_hash);
        if answer.candidates.is_empty() {
            return link.slot.arm(slot, answer, &self.events);
        }
        link.slot.dial(slot, &answer, &self.events);
    }

    fn open_session(&mut self, slot: SlotId, now: u64) {
        let Membership { room, secret, key, .. } = &self.membership;
        let Some(link) = self.links.get_mut(&slot) else { return };
        let Some(remote) = link.remote else { return };
        let Some(ephemeral) = random_bytes() else { return self.close(slot, End::GivenUp, now) };
        let config = SessionConfig {
            room: *room,
            psks: vec![Psk::of_room(secret, *room)],
            local: self.certificate.hash,
            remote,
            key: key.clone(),
            run: self.run,
            ephemeral,
        };
        match PeerSession::new(config, now) {
            Ok(session) => {
                link.session = Some(session);
                link.slot.opened();
                self.dialler.handle_secured(slot, now);
            }
            Err(_) => self.close(slot, End::GivenUp, now),
        }
    }

    fn established(&mut self, slot: SlotId, device: DeviceId, run: Run, now: u64) {
        let remote: Option<CertHash> = self.links.get(&slot).and_then(|link| link.remote);
        let Some(remote) = remote else { return };
        let (mut stays, mut older) = (false, Vec::new());
        for (id, link) in self.links.iter().filter(|(id, _)| **id != slot) {
            let Some((other, _)) = link.peer else { continue };
            if other == device {
                stays |= link.run == Some(run) && id.outlasts(slot, now.saturating_sub(link.opened_ms));
                older.push(*id);
            } else if link.remote == Some(remote) {
                older.push(*id);
            }
        }
        if stays {
            // Whoever was called by hand is connected, by whichever connection.
            if let Some(kept) = older.first() {
                self.hand.handle_open(*kept, remote);
            }
            // Both sides must keep the same one, in whichever order they opened.
            self.close(slot, End::Replaced, now);
            return;
        }
        for id in older {
            // Should the page that this one seems to have followed be alive, one is a copy of the
            // other.
            if let Some(link) = self.links.get_mut(&id).filter(|link| link.run != Some(run))
                && let Some(session) = &mut link.session
            {
                session.replace();
                link.pump();
            }
            // A connection that is closed at once takes with it what it was just given to send.
            let link = self.take_out(id, End::Replaced, now);
            Timeout::new(FAREWELL_MS, move || drop(link)).forget();
        }
        // First, so that nobody registers who is no doorkeeper any more.
        self.mesh.handle_open(slot, device, remote, now);
        self.dialler.handle_keepers(self.mesh.lower(), self.mesh.other_keeper(), now);
        self.dialler.handle_open(slot, remote, now);
        self.redial.handle_open(slot, device, remote, now);
        self.hand.handle_open(slot, remote);
        self.log.opened(slot, now);
        if !std::mem::replace(&mut self.marked_connected, true) {
            mark("partyline:connected");
        }
        self.pull(slot);
    }

    /// Gives up a connection that nothing came of.
    fn drop_link(&mut self, slot: SlotId) {
        self.log.ended(slot, End::GivenUp, monotonic_ms());
        self.links.remove(&slot);
        self.hand.handle_closed(slot);
    }

    fn close(&mut self, slot: SlotId, end: End, now: u64) {
        drop(self.take_out(slot, end, now));
    }

    /// The same, and gives back the link, which is closed when it is dropped.
    fn take_out(&mut self, slot: SlotId, end: End, now: u64) -> Option<Link> {
        self.log.ended(slot, end, now);
        let link = self.links.remove(&slot);
        self.dialler.handle_closed(slot, now);
        self.mesh.handle_closed(slot, now);
        self.redial.handle_closed(slot, now);
        self.hand.handle_closed(slot);
        if link.as_ref().is_some_and(|link| link.peer.is_some()) {
            // It may have been about to send what the others counted on it to send.
            for slot in self.links.keys().copied().collect::<Vec<_>>() {
                self.pull(slot);
            }
        }
        link
    }

    /// Gets what the peer has and we lack; once more afterwards if it was asked for meanwhile.
    fn pull(&mut self, slot: SlotId) {
        let Some(link) = self.links.get_mut(&slot) else { return };
        let Some((device, _)) = link.peer else { return };
        if link.pull.is_some() {
            link.pull = Some(true);
            return;
        }
        link.pull = Some(false);
        link.pull_at = None;
        let at = self.broken_off.iter().position(|pull| pull.device == device);
        let begun = at.map(|at| self.broken_off.swap_remove(at));
        spawn_local(replication::pull(self.events.clone(), slot, self.membership.room, device, begun));
    }

    fn pulled(&mut self, slot: SlotId, pull: Option<Box<Pull>>, outcome: Outcome) {
        if self.getting.is_some_and(|(getting, ..)| getting == slot) {
            self.getting = None;
        }
        if let Some(pull) = pull {
            // Another connection to the same device may have begun anew with what is stored since.
            self.broken_off.retain(|other| other.device != pull.device);
            let is_peer = |link: &Link| link.peer.is_some_and(|(device, _)| device == pull.device);
            if !self.links.iter().any(|(id, link)| *id != slot && is_peer(link) && link.pull.is_some()) {
                self.broken_off.push(*pull);
            }
        }
        let Some(link) = self.links.get_mut(&slot) else { return };
        let again = link.pull.take() == Some(true);
        let retry = PULL_RETRY << link.vain.min(8);
        let wait = match outcome {
            Outcome::Alike => PULL_AGAIN,
            Outcome::Apart => retry.min(PULL_AGAIN),
            // Storage that fails may be mended: nobody else would ask for what was not kept.
            Outcome::BrokenOff => retry,
        };
        link.vain = if outcome == Outcome::Alike { 0 } else { link.vain + 1 };
        link.pull_at = Some(monotonic_ms() + wait);
        if outcome != Outcome::BrokenOff && !std::mem::replace(&mut self.marked_synced, true) {
            mark("partyline:synced");
        }
        if again {
            self.pull(slot);
        }
    }

    /// Passes news on to every peer but the one that it came from and those whom that one tells itself.
    fn pass_on(&mut self, from: Option<DeviceId>, batch: &[u8]) {
        for (slot, link) in &self.links {
            let is_told = |device| from.is_some_and(|from| from == device || self.mesh.is_told_by(from, device));
            if link.peer.is_some_and(|(device, _)| !is_told(device)) {
                let (events, room) = (self.events.clone(), self.membership.room);
                spawn_local(replication::push(events, *slot, room, batch.to_vec()));
            }
        }
    }

    fn set_timer(&mut self, now: u64) {
        let sessions = self.links.values().filter_map(|link| link.session.as_ref()?.poll_timeout());
        let pulls = self.links.values().filter_map(|link| link.pull_at);
        let dialler = if self.refused { None } else { self.dialler.poll_timeout() };
        let others =
            [self.mesh.poll_timeout(), self.redial.poll_timeout(), self.hand.poll_timeout()].into_iter().flatten();
        self.timer = sessions.chain(pulls).chain(dialler).chain(others).min().map(|deadline| {
            let events = self.events.clone();
            let wait = u32::try_from(deadline.saturating_sub(now)).unwrap_or(u32::MAX).clamp(1, 60_000);
            (Timeout::new(wait, move || events.send(Event::Timer)), now + u64::from(wait))
        });
    }

    fn status(&self) -> RoomStatus {
        let mut peers: Vec<PeerStatus> = self
            .links
            .iter()
            .filter_map(|(slot, link)| {
                let (device, since_ms) = link.peer?;
                Some(PeerStatus { device, since_ms, by_code: slot.way() == Way::ByHand })
            })
            .collect();
        peers.sort_by(|a, b| a.since_ms.total_cmp(&b.since_ms));
        let link = match self.dialler.activity() {
            _ if !peers.is_empty() => Network::Connected,
            Activity::Offline => Network::Offline,
            Activity::Connecting if !self.refused => Network::Connecting,
            Activity::Alone if self.redial.is_hopeful() => Network::Connecting,
            _ => Network::Alone,
        };
        let phone_book = match self.dialler.book_state() {
            _ if self.refused => PhoneBook::Off,
            BookState::Unknown => PhoneBook::Unknown,
            BookState::Reachable => PhoneBook::Reachable,
            BookState::Unreachable => PhoneBook::Unreachable,
        };
        let through = self.mesh.reached().into_iter().collect();
        let getting = self.getting.map(|(_, got, of)| Progress { got, of });
        let clocks = self.clocks(monotonic_ms());
        let hand = HandStatus::of(&self.hand);
        RoomStatus { link, peers, through, phone_book, clocks, outdated: self.outdated, hand, getting }
    }

    /// How far the clocks of the peers are ahead of ours.
    fn peer_clocks(&self) -> impl Iterator<Item = (DeviceId, i64)> {
        self.links.values().filter_map(|link| Some((link.peer?.0, link.ahead_ms?)))
    }

    /// What comes of comparing all clocks that are known: the server's is one of them, and has no more to say than others.
    fn judge_clocks(&self, now: u64) -> Judgement {
        let server = self.server.map(|(theirs, then)| {
            let theirs = theirs.saturating_add(now.saturating_sub(then));
            (theirs as i64).saturating_sub(self.now_ms as i64)
        });
        let others: Vec<i64> = self.peer_clocks().map(|(_, ahead_ms)| ahead_ms).chain(server).collect();
        judge(self.now_ms, &others)
    }

    fn clocks(&self, now: u64) -> Clocks {
        match self.judge_clocks(now) {
            _ if self.now_ms == 0 => Clocks::default(),
            Judgement::Ahead(own) => Clocks::decided(own, self.peer_clocks()),
            Judgement::Undecided => Clocks::undecided(self.peer_clocks()),
        }
    }

    fn tell(&mut self) {
        let status = self.status();
        if self.published.as_ref() != Some(&status) {
            self.published = Some(status.clone());
            (self.publish)(status);
        }
    }

    /// Says goodbye: to the phone book, and to each peer, so that nobody dials or waits in vain.
    fn leave(&mut self) {
        phone_book::withdraw_in_passing(self.membership.room, &self.certificate.hash);
        for link in self.links.iter_mut().map(|(_, link)| link) {
            if let Some(session) = &mut link.session {
                session.close();
                link.pump();
            }
        }
        // A page that comes back from the browser's page cache finds its loop alive: it begins anew from these.
        for (slot, link) in std::mem::take(&mut self.links) {
            link.slot.close();
            self.events.send(Event::Closed(slot));
        }
    }
}

fn network_kind(network: &EventTarget) -> Option<String> {
    Reflect::get(network, &"type".into()).ok()?.as_string()
}

/// What the page and the service worker tell the loop. They end with the returned listeners.
fn listeners(events: &Events, room: &Rc<RefCell<Room>>) -> Vec<EventListener> {
    let mut listeners = Vec::new();
    if let Some(window) = web_sys::window() {
        for (name, online) in [("online", true), ("offline", false)] {
            let events = events.clone();
            listeners.push(EventListener::new(&window, name, move |_| events.send(Event::Online(online))));
        }
        // Chromium only, and on phones: from the wireless network into the mobile one, with no moment without a network.
        let network = Reflect::get(&window.navigator(), &"connection".into()).ok();
        if let Some(network) = network.and_then(|network| network.dyn_into::<EventTarget>().ok()) {
            let (events, kind) = (events.clone(), RefCell::new(network_kind(&network)));
            listeners.push(EventListener::new(&network.clone(), "change", move |_| {
                let now = network_kind(&network);
                if kind.replace(now.clone()) != now {
                    events.send(Event::Moved);
                }
            }));
        }
        if let Some(document) = window.document() {
            let events = events.clone();
            listeners.push(EventListener::new(&document, "visibilitychange", move |_| {
                events.send(Event::Visible(is_shown()));
            }));
        }
        let leaving = Rc::clone(room);
        listeners.push(EventListener::new(&window, "pagehide", move |_| {
            // There is no later turn of the loop: it has to happen now. A handler that is running already will not
            // be interrupted by this event, so the borrow is free.
            if let Ok(mut room) = leaving.try_borrow_mut() {
                room.leave();
            }
        }));
    }
    if let Ok(channel) = BroadcastChannel::new(CHANNEL) {
        let events = events.clone();
        let id = room.borrow().membership.room.to_string();
        listeners.push(EventListener::new(&channel, "message", move |event| {
            let data = event.dyn_ref::<MessageEvent>().map(MessageEvent::data).unwrap_or_default();
            if let Some(changed) = announcement(&data, &id) {
                events.send(changed);
            }
        }));
    }
    listeners
}

/// Reads the service worker's `changed` announcement for a room.
fn announcement(data: &JsValue, room: &str) -> Option<Event> {
    let field = |name: &str| Reflect::get(data, &name.into()).ok();
    if field("type")?.as_string()? != "changed" || field("room")?.as_string()? != room {
        return None;
    }
    let batch = field("batch")?.dyn_into::<Uint8Array>().ok()?.to_vec();
    let from = field("from")?.as_string().and_then(|device| DeviceId::parse(&device).ok());
    (!batch.is_empty()).then_some(Event::Changed { from, batch })
}
