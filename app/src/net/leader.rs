//! Which tab of this browser holds its connections.
//!
//! All tabs stand for the same Web Lock; the one that has it leads until it closes or crashes, and then the next in the
//! queue does. The leader holds the connections of all rooms of this device, and tells the others how things stand over a
//! `BroadcastChannel`. A room that no tab shows is held in the background ([`Crew`](partyline_core::crew::Crew)).
//!
//! A tab that is about to be frozen resigns, and stands again when it thaws. One that hangs keeps the lock; so a tab in
//! view asks the leader every now and then whether it is there, and takes the lock from one that does not answer. By that
//! question the leader knows, too, which room the tab shows.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use futures::channel::{mpsc, oneshot};
use futures::stream::StreamExt;
use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use js_sys::{Function, Object, Promise, Reflect};
use leptos::task::spawn_local;
use litemap::LiteMap;
use partyline_core::crew::Input;
use partyline_core::hand::HandStep;
use partyline_core::id::RoomId;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{AbortController, BroadcastChannel, MessageEvent};

use super::by_hand::{self, HandWish, Wanted};
use super::event::{Event, Events};
use super::room::{self, Membership};
use super::status::{Link, RoomStatus, StatusMessage};
use super::turns::Turns;
use crate::platform;

const CHANNEL: &str = "partyline-status";
const LOCK: &str = "partyline:connections";
/// How often a tab in view asks whether the leader is there, in milliseconds.
const ASK_MS: u32 = 500;
/// A look that comes so many milliseconds after the last one shows that the machine slept.
const LATE_MS: u64 = 3_000;
/// So many questions without an answer, and it is not.
const UNANSWERED: u8 = 2;
/// So many intervals after the last question of a tab the room that it shows counts as shown.
const SHOWN: u8 = 6;

/// What tabs tell each other.
#[derive(Debug, Serialize, Deserialize)]
struct TabMessage {
    /// What it is about; empty if it is about no room.
    room: String,
    says: Says,
}

#[derive(Debug, Serialize, Deserialize)]
enum Says {
    /// The leader: how the room stands.
    Status(StatusMessage),
    /// Another tab, to the leader: how do they all stand?
    TellStatus,
    /// Another tab, which shows this room, to the leader: are you there?
    AreYouThere,
    /// The leader.
    IAmHere,
    /// What the person wants in a tab that is not the leader.
    Wish(HandWish),
    /// The leader: it will see to that.
    WishTaken(HandWish),
    /// A tab that leads from now on.
    Leads,
}

// web-sys has Web Locks behind an unstable flag only; this is all that is needed of them.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = Object)]
    type LockingNavigator;
    #[wasm_bindgen(extends = Object)]
    type LockManager;

    #[wasm_bindgen(method, getter, js_name = locks)]
    fn locks(this: &LockingNavigator) -> Option<LockManager>;
    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, options: &Object, held: &Function) -> Result<Promise, JsValue>;
}

/// A tab's candidacy for holding this browser's connections. Dropping it resigns.
#[derive(Debug)]
pub(super) struct Candidacy {
    seat: Rc<Seat>,
    _listeners: Vec<EventListener>,
    _watch: Interval,
}

impl Drop for Candidacy {
    fn drop(&mut self) {
        self.seat.resign();
    }
}

impl Candidacy {
    /// This device is a member of this room, or has another key in it.
    pub(super) fn enter(&self, membership: Membership) {
        let seat = &self.seat;
        let room = membership.room;
        let device = membership.device;
        let mut rooms = seat.rooms.borrow_mut();
        let known = rooms.get_mut(&room).map(|place| {
            let before = std::mem::replace(&mut place.membership, membership.clone());
            (before.device, place.status.clone())
        });
        match known {
            None => {
                let status = RoomStatus::new(Link::Connecting);
                rooms.insert(room, Place { membership, status: status.clone(), wanted: Wanted::default() });
                drop(rooms);
                (seat.on_status)(room, status);
                seat.tell(Some(room), Says::TellStatus);
            }
            Some((before, status)) => {
                drop(rooms);
                // What was told before may have been told to nobody: the room is opened just now.
                (seat.on_status)(room, status);
                if before != device {
                    // Its loop is begun anew once it has said goodbye under the old key.
                    seat.dismiss(room);
                }
            }
        }
        seat.tend();
    }

    /// Whether this device is a member of the room, as far as was told.
    pub(super) fn has(&self, room: RoomId) -> bool {
        self.seat.rooms.borrow().contains_key(&room)
    }

    /// This device is no member of any other room.
    pub(super) fn keep_only(&self, is_kept: impl Fn(RoomId) -> bool) {
        let gone: Vec<RoomId> = self.seat.rooms.borrow().keys().copied().filter(|room| !is_kept(*room)).collect();
        for room in gone {
            self.seat.rooms.borrow_mut().remove(&room);
            self.seat.dismiss(room);
        }
    }

    /// This tab shows this room, or none.
    pub(super) fn show(&self, room: Option<RoomId>) {
        self.seat.shown.set(room);
        if self.seat.is_leading() {
            self.seat.tend();
        } else if platform::is_shown() {
            self.seat.tell(room, Says::AreYouThere);
        }
    }

    /// Has the leader do this.
    pub(super) fn wish(&self, room: RoomId, wish: HandWish) {
        let seat = &self.seat;
        if let Some(place) = seat.rooms.borrow_mut().get_mut(&room) {
            place.wanted.want(wish.clone());
        }
        match seat.loop_of(room) {
            Some(events) => seat.send_wish(room, &events),
            None => seat.tell(Some(room), Says::Wish(wish)),
        }
    }
}

/// A room of this device.
struct Place {
    membership: Membership,
    /// How it stands, as was told last.
    status: RoomStatus,
    /// What the person wants by hand.
    wanted: Wanted,
}

/// What this tab stands for.
struct Seat {
    channel: Option<BroadcastChannel>,
    on_status: Rc<dyn Fn(RoomId, RoomStatus)>,
    rooms: RefCell<LiteMap<RoomId, Place>>,
    /// The room that this tab shows.
    shown: Cell<Option<RoomId>>,
    /// None while it stands for nothing.
    term: RefCell<Option<Term>>,
    /// Questions to the leader.
    unanswered: Cell<u8>,
    /// When it looked after its rooms last.
    watched_at: Cell<u64>,
}

/// From standing for the lock until it is lost.
struct Term {
    number: u64,
    waiting: AbortController,
    /// Dropped, it ends the term without a word.
    resign: oneshot::Sender<()>,
    /// There once it leads.
    lead: Option<Lead>,
}

/// What the tab that leads holds.
struct Lead {
    loops: LiteMap<RoomId, Loop>,
    /// Which rooms other tabs show, and for how many intervals that holds.
    elsewhere: LiteMap<RoomId, u8>,
    turns: Turns,
    /// Every loop has one: the lock is held until the last has said goodbye.
    alive: mpsc::UnboundedSender<()>,
}

/// A room whose connections are held.
struct Loop {
    events: Events,
    /// Taken once it is to end. Dropped, it ends the loop without a word.
    resign: Option<oneshot::Sender<()>>,
    is_background: bool,
    /// Somebody is connected, or is to be by hand.
    is_in_use: bool,
}

/// Stands for holding the connections.
pub(super) fn stand(on_status: Rc<dyn Fn(RoomId, RoomStatus)>) -> Candidacy {
    let seat = Rc::new(Seat {
        channel: BroadcastChannel::new(CHANNEL).ok(),
        on_status,
        rooms: RefCell::default(),
        shown: Cell::default(),
        term: RefCell::default(),
        unanswered: Cell::default(),
        watched_at: Cell::default(),
    });
    let mut listeners = Vec::new();
    if let Some(channel) = &seat.channel {
        let seat = Rc::clone(&seat);
        listeners.push(EventListener::new(channel, "message", move |event| {
            let data = event.dyn_ref::<MessageEvent>().map(MessageEvent::data).unwrap_or_default();
            if let Ok(message) = serde_wasm_bindgen::from_value::<TabMessage>(data) {
                seat.hear(RoomId::parse(&message.room).ok(), message.says);
            }
        }));
    }
    if let Some(document) = web_sys::window().and_then(|window| window.document()) {
        // The page lifecycle, which Chromium has: <https://wicg.github.io/page-lifecycle/>.
        let (freezes, resumes, shown) = (Rc::clone(&seat), Rc::clone(&seat), Rc::clone(&seat));
        listeners.push(EventListener::new(&document, "freeze", move |_| freezes.resign()));
        // Whoever leads may have told how things stand in the meantime.
        listeners.push(EventListener::new(&document, "resume", move |_| {
            resumes.tell(None, Says::TellStatus);
            resumes.stand(false);
        }));
        listeners.push(EventListener::new(&document, "visibilitychange", move |_| {
            if platform::is_shown() {
                shown.tell(None, Says::TellStatus);
            }
        }));
    }
    seat.stand(false);
    let watch = {
        let seat = Rc::clone(&seat);
        Interval::new(ASK_MS, move || seat.watch())
    };
    Candidacy { seat, _listeners: listeners, _watch: watch }
}

impl Seat {
    fn is_leading(&self) -> bool {
        self.term.borrow().as_ref().is_some_and(|term| term.lead.is_some())
    }

    /// The room's loop, if this tab leads and holds it.
    fn loop_of(&self, room: RoomId) -> Option<Events> {
        self.with_lead(|lead| Some(lead.loops.get(&room)?.events.clone())).flatten()
    }

    fn with_lead<T>(&self, act: impl FnOnce(&mut Lead) -> T) -> Option<T> {
        self.term.borrow_mut().as_mut()?.lead.as_mut().map(act)
    }

    fn resign(&self) {
        if let Some(mut term) = self.term.take() {
            let loops = term.lead.as_mut().map(|lead| std::mem::take(&mut lead.loops)).unwrap_or_default();
            self.end(&term);
            for resign in loops.into_iter().filter_map(|(_, held)| held.resign) {
                let _ = resign.send(());
            }
            let _ = term.resign.send(());
        }
    }

    /// A term has ended, and with it what it did by hand.
    fn end(&self, term: &Term) {
        term.waiting.abort();
        if term.lead.is_some() {
            self.lose_wishes();
        }
    }

    fn lose_wishes(&self) {
        self.rooms.borrow_mut().iter_mut().for_each(|(_, place)| place.wanted.lost());
    }

    /// Has the room's loop say goodbye and end.
    fn dismiss(&self, room: RoomId) {
        let resign = self.with_lead(|lead| lead.loops.get_mut(&room)?.resign.take()).flatten();
        if let Some(resign) = resign {
            let _ = resign.send(());
        }
    }

    fn hear(self: &Rc<Self>, room: Option<RoomId>, says: Says) {
        if !self.is_leading() {
            match (says, room) {
                (Says::Status(status), Some(room)) => {
                    self.show_status(room, status.into());
                    // Whoever led when it was told may have resigned before hearing of it.
                    let untaken = self.rooms.borrow().get(&room).and_then(|place| place.wanted.untaken());
                    if let Some(wish) = untaken {
                        self.tell(Some(room), Says::Wish(wish));
                    }
                }
                (Says::WishTaken(taken), Some(room)) => {
                    if let Some(place) = self.rooms.borrow_mut().get_mut(&room) {
                        place.wanted.taken(&taken);
                    }
                }
                (Says::Leads, _) => self.lose_wishes(),
                (Says::IAmHere, _) => {}
                _ => return,
            }
            self.unanswered.set(0);
            return;
        }
        match (says, room) {
            (Says::Wish(wish), Some(room)) => {
                if let Some(events) = self.loop_of(room) {
                    pair(&events, &wish);
                    self.tell(Some(room), Says::WishTaken(wish));
                }
            }
            (Says::TellStatus, _) => {
                self.tell_loops(|| Event::TellStatus);
            }
            (Says::AreYouThere, room) => {
                let is_idle = self.with_lead(|lead| lead.loops.values().all(|held| !held.is_in_use));
                if is_idle == Some(true) && !platform::is_shown() {
                    // A hidden page's timers are late, and nothing is lost: the tab in view will do better.
                    self.resign();
                    return self.stand(false);
                }
                self.tell(None, Says::IAmHere);
                if let Some(room) = room {
                    self.with_lead(|lead| lead.elsewhere.insert(room, SHOWN));
                    self.tend();
                }
            }
            _ => {}
        }
    }

    fn show_status(&self, room: RoomId, status: RoomStatus) {
        if let Some(place) = self.rooms.borrow_mut().get_mut(&room) {
            place.wanted.is_at(status.hand.step);
            place.status = status.clone();
        }
        (self.on_status)(room, status);
    }

    /// Has this tab, which leads, do what the person wants by hand.
    fn send_wish(&self, room: RoomId, events: &Events) {
        let mut rooms = self.rooms.borrow_mut();
        let Some(place) = rooms.get_mut(&room) else { return };
        if let Some(wish) = place.wanted.untaken() {
            place.wanted.taken(&wish);
            pair(events, &wish);
        }
    }

    fn tell(&self, room: Option<RoomId>, says: Says) {
        let message = TabMessage { room: room.map(|room| room.to_string()).unwrap_or_default(), says };
        if let Some(channel) = &self.channel
            && let Ok(message) = serde_wasm_bindgen::to_value(&message)
        {
            let _ = channel.post_message(&message);
        }
    }

    /// Asks whether the leader is there; takes its place if it has not answered. The leader looks after its rooms.
    ///
    /// Questions are counted, and not the time: a page that was itself stopped must not take that for silence.
    fn watch(self: &Rc<Self>) {
        if self.is_leading() {
            self.unanswered.set(0);
            self.with_lead(Lead::pass);
            self.tend();
            self.wake();
        } else if !platform::is_shown() {
            self.unanswered.set(0);
        } else if self.unanswered.get() < UNANSWERED {
            self.unanswered.set(self.unanswered.get() + 1);
            self.tell(self.shown.get(), Says::AreYouThere);
        } else {
            self.unanswered.set(0);
            self.stand(true);
        }
    }

    /// Has every room look at the clock after sleep, in which its timer stood still.
    fn wake(&self) {
        let now = platform::monotonic_ms();
        if self.watched_at.replace(now) + LATE_MS < now {
            self.tell_loops(|| Event::Told(Input::TimedOut));
        }
    }

    fn tell_loops(&self, event: impl Fn() -> Event) {
        self.with_lead(|lead| lead.loops.values().for_each(|held| held.events.send(event())));
    }

    /// Begins and ends the loops of rooms, if this tab leads, and tells each whether it is on show. Of those in the
    /// background one begins at a time: whoever opens a room is not to wait for the others.
    fn tend(self: &Rc<Self>) {
        let rooms: Vec<RoomId> = self.rooms.borrow().keys().copied().collect();
        let shown = self.shown.get();
        let Some((begun, rest)) = self.with_lead(|lead| lead.tend(&rooms, shown)) else { return };
        for resign in rest {
            let _ = resign.send(());
        }
        for (room, is_background) in begun {
            self.begin(room, is_background);
        }
    }

    /// Begins a room's loop.
    fn begin(self: &Rc<Self>, room: RoomId, is_background: bool) {
        let Some(membership) = self.rooms.borrow().get(&room).map(|place| place.membership.clone()) else { return };
        let (events, queue) = Events::queue();
        let (resign, resigned) = oneshot::channel();
        let held = Loop { events: events.clone(), resign: Some(resign), is_background, is_in_use: false };
        let alive = self.with_lead(|lead| {
            lead.loops.insert(room, held);
            lead.alive.clone()
        });
        let publish: Rc<dyn Fn(RoomStatus)> = {
            let seat = Rc::clone(self);
            Rc::new(move |status: RoomStatus| {
                let is_in_use =
                    !status.peers.is_empty() || !matches!(status.hand.step, HandStep::Idle | HandStep::Failed);
                seat.with_lead(|lead| lead.loops.get_mut(&room).map(|held| held.is_in_use = is_in_use));
                seat.tell(Some(room), Says::Status(StatusMessage::from(&status)));
                seat.show_status(room, status);
            })
        };
        self.send_wish(room, &events);
        let seat = Rc::clone(self);
        spawn_local(async move {
            room::run(membership, is_background, publish, (events.clone(), queue), resigned).await;
            // It takes another certificate or key, or its turn is over.
            let is_ours = |lead: &mut Lead| lead.loops.get(&room).is_some_and(|held| held.events.is_same(&events));
            if seat.with_lead(is_ours) == Some(true) {
                seat.with_lead(|lead| lead.loops.remove(&room));
                seat.tend();
            }
            drop(alive);
        });
    }

    /// Begins a term: asks for the lock, or takes it from whoever has it.
    fn stand(self: &Rc<Self>, takes: bool) {
        let (resign, resigned) = oneshot::channel();
        // Where an AbortController cannot be had there are no Web Locks either.
        let waiting = AbortController::new().unwrap_or_else(|_| JsValue::UNDEFINED.unchecked_into());
        let options = Object::new();
        let (option, value) = if takes { ("steal", JsValue::TRUE) } else { ("signal", waiting.signal().into()) };
        let _ = Reflect::set(&options, &option.into(), &value);
        let number = self.term.borrow().as_ref().map_or(0, |term| term.number + 1);
        if let Some(before) = self.term.replace(Some(Term { number, waiting, resign, lead: None })) {
            self.end(&before);
        }
        let lead = {
            let seat = Rc::clone(self);
            async move {
                let (alive, mut ended) = mpsc::unbounded();
                if let Some(term) = seat.term.borrow_mut().as_mut().filter(|term| term.number == number) {
                    let (loops, elsewhere, turns) = (LiteMap::new(), LiteMap::new(), Turns::default());
                    term.lead = Some(Lead { loops, elsewhere, turns, alive });
                } else {
                    return;
                }
                // Whoever had taken it led before.
                seat.lose_wishes();
                seat.tell(None, Says::Leads);
                seat.tend();
                let _ = resigned.await;
                // The lock is free once the last loop has said goodbye.
                while ended.next().await.is_some() {}
            }
        };
        let locks =
            web_sys::window().and_then(|window| window.navigator().unchecked_into::<LockingNavigator>().locks());
        let Some(locks) = locks else {
            // Every browser with service workers has them; without, this tab acts as if it were alone.
            spawn_local(lead);
            return;
        };
        let held = Closure::once_into_js(move |_lock: JsValue| {
            future_to_promise(async move {
                lead.await;
                Ok(JsValue::UNDEFINED)
            })
        });
        let Ok(request) = locks.request(LOCK, &options, held.unchecked_ref()) else {
            return;
        };
        let seat = Rc::clone(self);
        spawn_local(async move {
            // Resigning while still in the queue rejects the request as well: that is its end, and no error.
            let is_over = wasm_bindgen_futures::JsFuture::from(request).await.is_err();
            let leads = seat.term.borrow().as_ref().is_some_and(|term| term.number == number && term.lead.is_some());
            if is_over && leads {
                // Another tab took the lock, as this one was silent.
                seat.stand(false);
            }
        });
    }
}

/// Rooms to begin, each in the background or not.
type Begun = Vec<(RoomId, bool)>;

impl Lead {
    /// An interval has passed.
    fn pass(&mut self) {
        self.elsewhere.iter_mut().for_each(|(_, left)| *left = left.saturating_sub(1));
        self.elsewhere.retain(|_, left| *left > 0);
        self.turns.pass();
    }

    /// Which loops are to begin, and which are to end, given all rooms and the one that this tab shows.
    fn tend(&mut self, rooms: &[RoomId], shown: Option<RoomId>) -> (Begun, Vec<oneshot::Sender<()>>) {
        let Self { loops, elsewhere, turns, .. } = self;
        let is_shown = |room: &RoomId| shown == Some(*room) || elsewhere.contains_key(room);
        let alive = turns.alive(rooms, is_shown);
        let mut ended = Vec::new();
        for (room, held) in loops.iter_mut() {
            if !alive.contains(room) {
                ended.extend(held.resign.take());
            }
            let is_background = !is_shown(room);
            if std::mem::replace(&mut held.is_background, is_background) != is_background {
                held.events.tell(if is_background { Input::Background } else { Input::Foreground });
            }
        }
        let missing = |room: &&RoomId| !loops.contains_key(*room);
        let mut begun: Begun = alive.iter().filter(missing).map(|room| (*room, !is_shown(room))).collect();
        begun.sort_by_key(|(_, is_background)| *is_background);
        let shown = begun.iter().filter(|(_, is_background)| !is_background).count();
        begun.truncate(shown.max(1));
        (begun, ended)
    }
}

/// Has the loop do what a person wants by hand.
fn pair(events: &Events, wish: &str) {
    if let Some(request) = by_hand::request(wish) {
        events.tell(Input::Pair(request));
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").finish_non_exhaustive()
    }
}
