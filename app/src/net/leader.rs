//! Which tab of this browser holds a room's connections.
//!
//! All tabs stand for the same Web Lock; the one that has it leads until it closes or crashes, and then the next in the
//! queue does. The leader tells the others how things stand over a `BroadcastChannel`.
//!
//! A tab that is about to be frozen resigns, and stands again when it thaws. One that hangs keeps the lock; so a tab in
//! view asks the leader every now and then whether it is there, and takes the lock from one that does not answer.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use futures::channel::oneshot;
use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use js_sys::{Function, Object, Promise, Reflect};
use leptos::task::spawn_local;
use partyline_core::crew::Input;
use partyline_core::id::{RoomId, RoomSecret};
use partyline_core::key::DeviceKey;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{AbortController, BroadcastChannel, MessageEvent};

use super::by_hand::{self, HandWish, Wanted};
use super::event::{Event, Events};
use super::room::{self, Ending};
use super::status::{Link, RoomStatus, StatusMessage};
use crate::platform;

const CHANNEL: &str = "partyline-status";
/// How often a tab in view asks whether the leader is there, in milliseconds.
const ASK_MS: u32 = 500;
/// So many questions without an answer, and it is not.
const UNANSWERED: u8 = 2;

/// What tabs tell each other.
#[derive(Debug, Serialize, Deserialize)]
struct TabMessage {
    room: String,
    says: Says,
}

#[derive(Debug, Serialize, Deserialize)]
enum Says {
    /// The leader: how the room stands.
    Status(StatusMessage),
    /// Another tab, to the leader: how does it stand?
    TellStatus,
    /// Another tab, to the leader: are you there?
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

/// A tab's candidacy for a room. Dropping it resigns.
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
    /// Has the leader do this.
    pub(super) fn wish(&self, wish: HandWish) {
        let seat = &self.seat;
        seat.wanted.borrow_mut().want(wish.clone());
        match seat.leading() {
            Some(events) => seat.send_wish(&events),
            None => seat.tell(Says::Wish(wish)),
        }
    }
}

/// What this tab stands for.
struct Seat {
    room: RoomId,
    secret: RoomSecret,
    key: DeviceKey,
    channel: Option<BroadcastChannel>,
    on_status: Rc<dyn Fn(RoomStatus)>,
    /// None while it stands for nothing.
    term: RefCell<Option<Term>>,
    /// What the person wants by hand.
    wanted: RefCell<Wanted>,
    /// Questions to the leader.
    unanswered: Cell<u8>,
}

/// From standing for the lock until it is lost.
struct Term {
    events: Events,
    leading: bool,
    waiting: AbortController,
    /// Dropped, it ends the loop without a word.
    resign: oneshot::Sender<()>,
}

/// Stands for the room's lock; leads once it is granted.
pub(super) fn stand(room: RoomId, secret: RoomSecret, key: DeviceKey, on_status: Rc<dyn Fn(RoomStatus)>) -> Candidacy {
    let seat = Rc::new(Seat {
        room,
        secret,
        key,
        channel: BroadcastChannel::new(CHANNEL).ok(),
        on_status,
        term: RefCell::default(),
        wanted: RefCell::default(),
        unanswered: Cell::default(),
    });
    let mut listeners = Vec::new();
    if let Some(channel) = &seat.channel {
        let seat = Rc::clone(&seat);
        listeners.push(EventListener::new(channel, "message", move |event| {
            let data = event.dyn_ref::<MessageEvent>().map(MessageEvent::data).unwrap_or_default();
            if let Ok(message) = serde_wasm_bindgen::from_value::<TabMessage>(data)
                && message.room == seat.room.to_string()
            {
                seat.hear(message.says);
            }
        }));
    }
    if let Some(document) = web_sys::window().and_then(|window| window.document()) {
        // The page lifecycle, which Chromium has: <https://wicg.github.io/page-lifecycle/>.
        let (freezes, resumes, shown) = (Rc::clone(&seat), Rc::clone(&seat), Rc::clone(&seat));
        listeners.push(EventListener::new(&document, "freeze", move |_| freezes.resign()));
        // Whoever leads may have told how things stand in the meantime.
        listeners.push(EventListener::new(&document, "resume", move |_| {
            resumes.tell(Says::TellStatus);
            resumes.stand(false);
        }));
        listeners.push(EventListener::new(&document, "visibilitychange", move |_| {
            if platform::is_shown() {
                shown.tell(Says::TellStatus);
            }
        }));
    }
    (seat.on_status)(RoomStatus::new(Link::Connecting));
    seat.tell(Says::TellStatus);
    seat.stand(false);
    let watch = {
        let seat = Rc::clone(&seat);
        Interval::new(ASK_MS, move || seat.watch())
    };
    Candidacy { seat, _listeners: listeners, _watch: watch }
}

impl Seat {
    /// The loop's queue, if this tab leads.
    fn leading(&self) -> Option<Events> {
        self.term.borrow().as_ref().filter(|term| term.leading).map(|term| term.events.clone())
    }

    fn resign(&self) {
        if let Some(term) = self.term.take() {
            self.end(&term);
            let _ = term.resign.send(());
        }
    }

    /// A term has ended, and with it what it did by hand.
    fn end(&self, term: &Term) {
        term.waiting.abort();
        if term.leading {
            self.wanted.borrow_mut().lost();
        }
    }

    fn hear(&self, says: Says) {
        let Some(events) = self.leading() else {
            match says {
                Says::Status(status) => {
                    self.show(status.into());
                    // Whoever led when it was told may have resigned before hearing of it.
                    let untaken = self.wanted.borrow().untaken();
                    if let Some(wish) = untaken {
                        self.tell(Says::Wish(wish));
                    }
                }
                Says::WishTaken(taken) => self.wanted.borrow_mut().taken(&taken),
                Says::Leads => self.wanted.borrow_mut().lost(),
                Says::IAmHere => {}
                Says::TellStatus | Says::AreYouThere | Says::Wish(_) => return,
            }
            self.unanswered.set(0);
            return;
        };
        match says {
            Says::Wish(wish) => {
                pair(&events, &wish);
                self.tell(Says::WishTaken(wish));
            }
            Says::TellStatus => events.send(Event::TellStatus),
            Says::AreYouThere => self.tell(Says::IAmHere),
            Says::Status(_) | Says::IAmHere | Says::WishTaken(_) | Says::Leads => {}
        }
    }

    fn show(&self, status: RoomStatus) {
        self.wanted.borrow_mut().is_at(status.hand.step);
        (self.on_status)(status);
    }

    /// Has this tab, which leads, do what the person wants by hand.
    fn send_wish(&self, events: &Events) {
        let mut wanted = self.wanted.borrow_mut();
        if let Some(wish) = wanted.untaken() {
            wanted.taken(&wish);
            pair(events, &wish);
        }
    }

    fn tell(&self, says: Says) {
        let message = TabMessage { room: self.room.to_string(), says };
        if let Some(channel) = &self.channel
            && let Ok(message) = serde_wasm_bindgen::to_value(&message)
        {
            let _ = channel.post_message(&message);
        }
    }

    /// Asks whether the leader is there; takes its place if it has not answered.
    ///
    /// Questions are counted, and not the time: a page that was itself stopped must not take that for silence.
    fn watch(self: &Rc<Self>) {
        if self.leading().is_some() || !platform::is_shown() {
            self.unanswered.set(0);
        } else if self.unanswered.get() < UNANSWERED {
            self.unanswered.set(self.unanswered.get() + 1);
            self.tell(Says::AreYouThere);
        } else {
            self.unanswered.set(0);
            self.stand(true);
        }
    }

    /// Begins a term: asks for the lock, or takes it from whoever has it.
    fn stand(self: &Rc<Self>, takes: bool) {
        let (resign, resigned) = oneshot::channel();
        let (events, queue) = Events::queue();
        // Where an AbortController cannot be had there are no Web Locks either.
        let waiting = AbortController::new().unwrap_or_else(|_| JsValue::UNDEFINED.unchecked_into());
        let options = Object::new();
        let (option, value) = if takes { ("steal", JsValue::TRUE) } else { ("signal", waiting.signal().into()) };
        let _ = Reflect::set(&options, &option.into(), &value);
        let term = Term { events: events.clone(), leading: false, waiting, resign };
        if let Some(before) = self.term.replace(Some(term)) {
            self.end(&before);
        }
        let lead = {
            let (seat, events) = (Rc::clone(self), events.clone());
            async move {
                if let Some(term) = seat.term.borrow_mut().as_mut().filter(|term| term.events.is_same(&events)) {
                    term.leading = true;
                }
                // Whoever had taken it led before.
                seat.wanted.borrow_mut().lost();
                seat.send_wish(&events);
                seat.tell(Says::Leads);
                let (key, device) = (seat.key.clone(), seat.key.device());
                let membership = room::Membership { room: seat.room, secret: seat.secret.clone(), key, device };
                let publisher = Rc::clone(&seat);
                let publish: Rc<dyn Fn(RoomStatus)> = Rc::new(move |status: RoomStatus| {
                    publisher.tell(Says::Status(StatusMessage::from(&status)));
                    publisher.show(status);
                });
                let ending = room::run(membership, publish, (events.clone(), queue), resigned).await;
                if ending == Ending::Renewed && seat.leading().is_some_and(|leading| leading.is_same(&events)) {
                    seat.stand(false);
                }
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
        let Ok(request) = locks.request(&format!("partyline:room:{}", self.room), &options, held.unchecked_ref())
        else {
            return;
        };
        let seat = Rc::clone(self);
        spawn_local(async move {
            // Resigning while still in the queue rejects the request as well: that is its end, and no error.
            let is_over = wasm_bindgen_futures::JsFuture::from(request).await.is_err();
            if is_over && seat.leading().is_some_and(|leading| leading.is_same(&events)) {
                // Another tab took the lock, as this one was silent.
                seat.stand(false);
            }
        });
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
        f.debug_struct("Seat").field("room", &self.room).finish_non_exhaustive()
    }
}
