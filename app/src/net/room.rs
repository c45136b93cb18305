//! The loop of the tab that holds a room's connections.
//!
//! It decides nothing: what happens becomes an input of the [`Crew`], whose effects are carried out here and in the modules
//! beside this one.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use futures::channel::{mpsc, oneshot};
use futures::future::{Either, join, select};
use futures::stream::StreamExt;
use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Reflect, Uint8Array};
use leptos::task::spawn_local;
use litemap::LiteMap;
use partyline_core::api::{CHANNEL, RoomDocument};
use partyline_core::crew::{AnswerPart, CallId, Crew, CrewConfig, Doubt, Effect, Input, MakeError, Reply};
use partyline_core::dial::{DiallerConfig, SlotId};
use partyline_core::id::{DeviceId, Endpoint, RoomId, RoomSecret};
use partyline_core::key::{DeviceKey, MeetingKey};
use partyline_core::session::{Run, StreamId};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, EventTarget, MessageEvent};

use super::certificate::{self, Certificate};
use super::diagnostics::{self, Log};
use super::event::{Event, Events};
use super::proxy::{Call, Relay};
use super::serve::{self, Serving};
use super::slot::Slot;
use super::status::RoomStatus;
use super::{by_hand, kept, local_network, phone_book, phone_book_v4, proxy, unable};
use crate::api;
use crate::platform::{self, is_firefox, is_online, is_shown, mark, monotonic_ms, random_bytes, unix_ms};

/// Who we are in which room.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) room: RoomId,
    pub(crate) secret: RoomSecret,
    pub(crate) key: DeviceKey,
    /// What follows from the key.
    pub(crate) device: DeviceId,
}

/// Holds the room's connections until `resigned` resolves: with a goodbye, or without one where another tab has taken over.
/// It ends before that if it is to begin anew, with another certificate.
pub(super) async fn run(
    membership: Membership,
    is_background: bool,
    publish: Rc<dyn Fn(RoomStatus)>,
    (events, mut queue): (Events, mpsc::UnboundedReceiver<Event>),
    mut resigned: oneshot::Receiver<()>,
) {
    // Whoever resigns meanwhile says nothing more: another tab, or this page's next document, leads by then.
    let prepared = pin!(prepare(membership, is_background, events.clone(), Rc::clone(&publish)));
    let room = match select(&mut resigned, prepared).await {
        Either::Right((Some(room), _)) => room,
        Either::Right((None, _)) => {
            return unable::run(publish, queue, resigned).await;
        }
        Either::Left(_) => return,
    };
    let room = Rc::new(RefCell::new(room));
    let _listeners = listeners(&events, &room);
    let calls = events.clone();
    let _held = proxy::hold(move |call| calls.send(Event::Called(call)));
    let _questions = diagnostics::listen(&events, room.borrow().membership.room);
    room.borrow_mut().begin();
    loop {
        match select(queue.next(), &mut resigned).await {
            Either::Left((Some(event), _)) => {
                room.borrow_mut().handle(event);
                let is_taken = std::mem::take(&mut room.borrow_mut().is_certificate_taken);
                let id = room.borrow().membership.room;
                // One that was another one an hour ago stays for as long as this page does.
                if is_taken && kept::forget_certificate(id).await {
                    room.borrow_mut().leave();
                    return;
                }
            }
            Either::Left((None, _)) | Either::Right((Err(_), _)) => return,
            Either::Right((Ok(()), _)) => return room.borrow_mut().leave(),
        }
    }
}

/// Everything that the loop needs, of which the certificate can take a second or two to be made. `None` where there is no
/// certificate, or no random numbers, without which there is no handshake that keeps a secret.
async fn prepare(
    membership: Membership,
    is_background: bool,
    events: Events,
    publish: Rc<dyn Fn(RoomStatus)>,
) -> Option<Room> {
    let meeting_key = MeetingKey::of(&membership.secret);
    let (certificate, ()) = join(certificate::of_room(membership.room, &meeting_key), phone_book_v4::ask()).await;
    let certificate = certificate.ok()?;
    let config = CrewConfig {
        room: membership.room,
        secret: membership.secret.clone(),
        key: membership.key.clone(),
        cert_hash: certificate.hash,
        run: Run(random_bytes()?),
        // Firefox 153 does not show that a connection which waits is dialled: its ICE state stays `new`.
        dialler: if is_firefox() { DiallerConfig::without_knocks() } else { DiallerConfig::default() },
        most_code_chars: by_hand::most_code_chars(),
        known: kept::contacts(membership.room).await,
        observed: kept::observed(membership.room).await,
        is_shown: is_shown(),
        is_background,
        is_online: is_online(),
        seed: u64::from_le_bytes(random_bytes()?),
    };
    Some(Room {
        crew: Crew::new(config, monotonic_ms()),
        membership,
        certificate,
        is_certificate_taken: false,
        connections: LiteMap::new(),
        serving: LiteMap::new(),
        calls: LiteMap::new(),
        next_call: 0,
        events,
        publish,
        published: None,
        timer: None,
        has_connected: false,
        has_synced: false,
        log: Log::default(),
    })
}

/// A connection of this page, from spare to peer.
struct Connection {
    slot: Slot,
    /// Since when its peer is there in Unix time, in milliseconds: for people, since that clock may jump.
    since_ms: f64,
}

/// The crew, and what is carried out for it.
struct Room {
    membership: Membership,
    certificate: Certificate,
    /// Somebody else seems to have this device's certificate, one that an earlier page made: the browser's profile was
    /// copied, and the two keep each other out.
    is_certificate_taken: bool,
    crew: Crew,
    connections: LiteMap<SlotId, Connection>,
    /// Requests of peers that our service worker is answering.
    serving: LiteMap<(SlotId, StreamId), Serving>,
    /// Requests of pages of this browser, with the ways back of their answers.
    calls: LiteMap<CallId, Relay>,
    next_call: u64,
    events: Events,
    publish: Rc<dyn Fn(RoomStatus)>,
    published: Option<RoomStatus>,
    timer: Option<Timeout>,
    has_connected: bool,
    has_synced: bool,
    log: Log,
}

impl Room {
    fn begin(&mut self) {
        self.settle(monotonic_ms());
        self.publish();
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Told(input) => self.tell(input),
            Event::Called(call) => self.call(&call),
            Event::TellStatus => {
                self.published = None;
                self.publish();
            }
            Event::ReportWanted => self.report(),
        }
    }

    /// Tells the crew something, and does what it wants then.
    fn tell(&mut self, input: Input) {
        let now = monotonic_ms();
        self.log.note(&input, now);
        match &input {
            Input::Opened { slot, .. } => {
                if let Some(connection) = self.connections.get(slot) {
                    connection.slot.opened();
                }
            }
            Input::Served { slot, stream, .. }
            | Input::Serving { slot, stream, part: AnswerPart::End | AnswerPart::BrokenOff } => {
                self.serving.remove(&(*slot, *stream));
            }
            Input::CallGivenUp(call) => drop(self.calls.remove(call)),
            _ => {}
        }
        self.crew.handle(input, now);
        self.settle(now);
    }

    /// Carries out what the crew wants, until there is nothing more, then sets the timer.
    fn settle(&mut self, now: u64) {
        while let Some(effect) = self.crew.poll_effect() {
            self.carry_out(effect, now);
        }
        let (due, events) = (self.crew.poll_timeout(), self.events.clone());
        let wait = u32::try_from(due.saturating_sub(monotonic_ms())).unwrap_or(u32::MAX);
        self.timer = Some(Timeout::new(wait.max(1), move || events.tell(Input::TimedOut)));
    }

    fn carry_out(&mut self, mut effect: Effect, now: u64) {
        let (room, events) = (self.membership.room, self.events.clone());
        self.log.note_effect(&effect, now);
        local_network::hold_back(&mut effect);
        match effect {
            Effect::Make { slot, credentials } => {
                self.insert(slot, Slot::make(slot, &self.certificate, credentials, &events));
            }
            Effect::Probe { slot, credentials, remote } => {
                self.insert(slot, Slot::probe(slot, Some(&self.certificate), Some(credentials), &remote, &events));
            }
            Effect::Call { slot, credentials, remote } => {
                self.insert(slot, Slot::call(slot, &self.certificate, credentials, &remote, &events));
            }
            Effect::Dial { slot, remote } => self.with(slot, |made| made.dial(slot, &remote, &events)),
            Effect::Await { slot, remote } => self.with(slot, |made| made.arm(slot, remote, &events)),
            Effect::AddCandidates { slot, candidates } => self.with(slot, |made| made.add_candidates(&candidates)),
            Effect::Send { slot, message } => self.send(slot, &message, now),
            Effect::Close { slot, .. } => drop(self.connections.remove(&slot)),

            Effect::Register(endpoints) => self.register(endpoints),
            Effect::LookUp => self.ask(async move { Input::Listed(phone_book::peers(room).await) }),
            Effect::Withdraw => phone_book::withdraw_in_passing(room, &self.certificate.hash),

            Effect::ReadAsker(slot) => self.ask(async move { Input::Asker { slot, asker: serve::asker(room).await } }),
            Effect::ReadOpening(slot) => {
                self.ask(async move { Input::Opening { slot, opening: api::opening(room).await } });
            }
            Effect::Merge { slot, device, asker, answer } => self.ask(async move {
                let answer = serve::merge(room, device, asker, &answer).await;
                Input::Merged { slot, answer }
            }),
            Effect::Serve { slot, stream, device, head, body } => {
                let serving = Serving::begin((slot, stream), device, head, body, &events);
                self.serving.insert((slot, stream), serving);
            }
            Effect::Refuse { slot, stream } => events.tell(Input::Served { slot, stream, answer: serve::refused() }),
            Effect::Continue { slot, stream } => {
                if let Some(serving) = self.serving.get(&(slot, stream)) {
                    serving.go_on();
                }
            }
            Effect::GiveUp { slot, stream } => drop(self.serving.remove(&(slot, stream))),
            Effect::TellClock(ahead_ms) => spawn_local(async move {
                // It is said again after the next sync.
                let _ = api::hear_clock(room, ahead_ms).await;
            }),
            Effect::DoubtKey(doubt) => self.doubt_key(doubt),
            Effect::DoubtCertificate => self.is_certificate_taken = self.certificate.is_kept,

            Effect::TestLocalNetwork => local_network::test(events),
            Effect::KeepContacts(contacts) => spawn_local(kept::keep_contacts(room, contacts)),
            Effect::KeepObserved(ip) => spawn_local(kept::keep_observed(room, ip)),
            Effect::Reply { call, reply } => self.reply(call, reply),
            Effect::Established { slot, .. } => {
                if let Some(connection) = self.connections.get_mut(&slot) {
                    connection.since_ms = unix_ms();
                }
                if !std::mem::replace(&mut self.has_connected, true) {
                    mark("partyline:connected");
                }
            }
            Effect::StatusChanged => self.publish(),
        }
    }

    /// Does something with the connection, if it is there.
    fn with(&self, slot: SlotId, act: impl FnOnce(&Slot)) {
        if let Some(connection) = self.connections.get(&slot) {
            act(&connection.slot);
        }
    }

    fn insert(&mut self, slot: SlotId, made: Result<Slot, JsValue>) {
        match made {
            Ok(made) => drop(self.connections.insert(slot, Connection { slot: made, since_ms: 0.0 })),
            Err(error) => {
                let error = MakeError::Other(platform::text_entry(&error, "name").unwrap_or_default());
                self.events.tell(Input::NotMade { slot, error });
            }
        }
    }

    fn send(&mut self, slot: SlotId, message: &[u8], now: u64) {
        let Some(Connection { slot: channel, .. }) = self.connections.get(&slot) else { return };
        if !channel.send(message) {
            self.events.tell(Input::Closed(slot));
        } else if !channel.has_room() {
            // Now, not in its turn: until it hears of it the crew gives more and more.
            self.crew.handle(Input::Full(slot), now);
        }
    }

    /// Asks somebody something, whose answer the crew is told.
    fn ask(&self, question: impl Future<Output = Input> + 'static) {
        let events = self.events.clone();
        spawn_local(async move { events.tell(question.await) });
    }

    /// Lists these endpoints in the phone book.
    fn register(&self, endpoints: Vec<Endpoint>) {
        let (room, local, events) = (self.membership.room, self.certificate.hash, self.events.clone());
        self.ask(async move {
            let taken = phone_book::register(room, local, &endpoints).await.map(|(observed, date)| {
                if let Some(date) = date {
                    events.tell(Input::ServerClock(date));
                }
                observed
            });
            Input::Registered { endpoints, taken }
        });
    }

    /// Somebody else has this device's key, as was proved or is said by a peer that they took this one's place with: the
    /// browser's profile was copied. With another key, and another certificate where they share that too, both can stay.
    fn doubt_key(&self, doubt: Doubt) {
        let (room, device, events) = (self.membership.room, self.membership.device, self.events.clone());
        let is_proved = doubt == Doubt::Proved;
        spawn_local(async move {
            // A tab that hung may hear it of the one that took its place meanwhile, as its loop is
            // ending. And a peer may lie: then the certificate goes no more often than the key.
            let is_it = |room: RoomDocument| room.device == device.to_string() && (is_proved || !room.fresh);
            if !api::room(room).await.is_ok_and(is_it) || events.is_over() {
                return;
            }
            if !is_proved {
                kept::forget_certificate(room).await;
            }
            // Should it fail, the two meet again.
            let _ = api::doubt_key(room, device, is_proved).await;
        });
    }

    /// A page of this browser asks a device for something. If that is not here, somebody else has the call.
    fn call(&mut self, call: &Call) {
        if self.crew.link_to(call.device).is_none() {
            return;
        }
        let (id, events) = (CallId(self.next_call), self.events.clone());
        let Some(relay) = call.take(Box::new(move || events.tell(Input::CallGivenUp(id)))) else { return };
        self.next_call += 1;
        self.calls.insert(id, relay);
        self.tell(Input::Called { call: id, device: call.device, head: call.head.clone(), body: call.body.clone() });
    }

    fn reply(&mut self, call: CallId, reply: Reply) {
        let Some(relay) = self.calls.get(&call) else { return };
        match reply {
            Reply::Head(head) => return relay.head(&head),
            Reply::Piece(bytes) => return relay.body(&bytes, false),
            Reply::End => relay.body(&[], true),
            Reply::Silent => relay.fall_silent(),
            // Dropped before the end of the body, it says that there is no more.
            Reply::Failed | Reply::NotHere => {}
        }
        self.calls.remove(&call);
    }

    /// Tells all tabs how things stand, if that is news.
    fn publish(&mut self) {
        let status = self.crew.status();
        if status.is_synced && !std::mem::replace(&mut self.has_synced, true) {
            mark("partyline:synced");
        }
        let since = |slot| self.connections.get(&slot).map_or(0.0, |connection| connection.since_ms);
        let status = RoomStatus::of(status, since);
        if self.published.as_ref() != Some(&status) {
            self.published = Some(status.clone());
            (self.publish)(status);
        }
    }

    /// Answers a tab that wants the report on the connections.
    fn report(&self) {
        let peers = self.crew.status().peers.iter().filter_map(|peer| {
            let statistics = self.connections.get(&peer.slot)?.slot.statistics();
            Some((peer.slot.way(), peer.since_ms, statistics))
        });
        diagnostics::answer(self.membership.room, &self.log, peers.collect(), monotonic_ms());
    }

    /// Says goodbye. A page that comes back from the browser's page cache finds its loop alive, and begins anew when it is
    /// shown.
    fn leave(&mut self) {
        let now = monotonic_ms();
        self.crew.handle(Input::Left, now);
        while let Some(effect) = self.crew.poll_effect() {
            // A connection that is dropped is closed in a later turn, and there may be none.
            if let Effect::Close { slot, .. } = effect {
                self.with(slot, Slot::close);
            }
            self.carry_out(effect, now);
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
            listeners.push(EventListener::new(&window, name, move |_| {
                events.tell(if online { Input::Online } else { Input::Offline })
            }));
        }
        // Chromium only, and on phones: from the wireless network into the mobile one, with no moment without a network.
        let network = Reflect::get(&window.navigator(), &"connection".into()).ok();
        if let Some(network) = network.and_then(|network| network.dyn_into::<EventTarget>().ok()) {
            let (events, kind) = (events.clone(), RefCell::new(network_kind(&network)));
            listeners.push(EventListener::new(&network.clone(), "change", move |_| {
                let now = network_kind(&network);
                if kind.replace(now.clone()) != now {
                    events.tell(Input::Moved);
                }
            }));
        }
        if let Some(document) = window.document() {
            let events = events.clone();
            listeners.push(EventListener::new(&document, "visibilitychange", move |_| {
                events.tell(if is_shown() { Input::Shown } else { Input::Hidden });
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
                events.tell(changed);
            }
        }));
    }
    listeners
}

/// Reads the service worker's `changed` announcement for a room.
fn announcement(data: &JsValue, room: &str) -> Option<Input> {
    let field = |name: &str| Reflect::get(data, &name.into()).ok();
    if field("type")?.as_string()? != "changed" || field("room")?.as_string()? != room {
        return None;
    }
    let batch = field("batch")?.dyn_into::<Uint8Array>().ok()?.to_vec();
    let from = field("from")?.as_string().and_then(|device| DeviceId::parse(&device).ok());
    (!batch.is_empty()).then_some(Input::Changed { from, batch })
}
