//! Which tab of this browser holds a room's connections.
//!
//! All tabs stand for the same Web Lock; the one that has it leads until it closes, and then the next in the queue
//! does. The leader tells the others how things stand over a `BroadcastChannel`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;
use gloo_events::EventListener;
use js_sys::{Function, Object, Promise, Reflect};
use partyline_core::id::{DeviceId, RoomId, RoomSecret};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{future_to_promise, spawn_local};
use web_sys::{AbortController, BroadcastChannel, MessageEvent};

use super::by_hand::HandWish;
use super::event::{Event, Events};
use super::room;
use super::status::{Link, RoomStatus, StatusMessage};

const CHANNEL: &str = "partyline-status";

/// What tabs tell each other.
#[derive(Debug, Serialize, Deserialize)]
struct TabMessage {
    room: String,
    /// How the room stands, from its leader; without it, the question to the leader.
    status: Option<StatusMessage>,
    /// What the person wants in a tab that is not the leader.
    wish: Option<HandWish>,
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
    waiting: AbortController,
    resign: Option<oneshot::Sender<()>>,
    wishes: Wishes,
    _listener: Option<EventListener>,
}

impl Drop for Candidacy {
    fn drop(&mut self) {
        self.waiting.abort();
        if let Some(resign) = self.resign.take() {
            let _ = resign.send(());
        }
    }
}

/// The way of a wish to the leader.
#[derive(Clone, Debug)]
struct Wishes {
    room: RoomId,
    channel: Option<BroadcastChannel>,
    events: Events,
    leading: Rc<Cell<bool>>,
    /// What was wanted before anybody was known to lead: it may be this tab.
    pending: Rc<RefCell<Option<HandWish>>>,
}

impl Wishes {
    fn send(&self, wish: HandWish) {
        if self.leading.get() {
            self.events.send(Event::Hand(wish));
            return;
        }
        self.pending.replace(Some(wish.clone()));
        tell(self.channel.as_ref(), self.room, None, Some(wish));
    }

    /// This tab leads from now on.
    fn lead(&self) {
        self.leading.set(true);
        if let Some(wish) = self.pending.take() {
            self.events.send(Event::Hand(wish));
        }
    }
}

impl Candidacy {
    /// Has the leader do this.
    pub(super) fn wish(&self, wish: HandWish) {
        self.wishes.send(wish);
    }
}

/// Stands for the room's lock; leads once it is granted.
pub(super) fn stand(
    room: RoomId,
    secret: RoomSecret,
    device: DeviceId,
    on_status: Rc<dyn Fn(RoomStatus)>,
) -> Candidacy {
    let (resign, resigned) = oneshot::channel();
    let (events, queue) = Events::queue();
    let channel = BroadcastChannel::new(CHANNEL).ok();
    let wishes = Wishes {
        room,
        channel: channel.clone(),
        events: events.clone(),
        leading: Rc::default(),
        pending: Rc::default(),
    };
    let listener = channel.as_ref().map(|channel| listen(channel, &wishes, &on_status));
    on_status(RoomStatus::new(Link::Connecting));
    tell(channel.as_ref(), room, None, None);

    // Where an AbortController cannot be had there are no Web Locks either.
    let waiting = AbortController::new().unwrap_or_else(|_| JsValue::UNDEFINED.unchecked_into());
    let lead = {
        let publish: Rc<dyn Fn(RoomStatus)> = Rc::new(move |status: RoomStatus| {
            tell(channel.as_ref(), room, Some(&status), None);
            on_status(status);
        });
        let wishes = wishes.clone();
        async move {
            wishes.lead();
            room::run(room::Membership { room, secret, device }, publish, (events, queue), resigned).await;
        }
    };
    request_lock(room, &waiting, lead);
    Candidacy { waiting, resign: Some(resign), wishes, _listener: listener }
}

/// Runs `lead` once the room's lock is ours, and keeps the lock for as long as it runs.
fn request_lock(room: RoomId, waiting: &AbortController, lead: impl Future<Output = ()> + 'static) {
    let locks = web_sys::window().and_then(|window| window.navigator().unchecked_into::<LockingNavigator>().locks());
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
    let options = Object::new();
    let _ = Reflect::set(&options, &"signal".into(), &waiting.signal());
    if let Ok(request) = locks.request(&format!("partyline:room:{room}"), &options, held.unchecked_ref()) {
        spawn_local(async move {
            // Resigning while still in the queue rejects the request: that is its end, and no error.
            let _ = wasm_bindgen_futures::JsFuture::from(request).await;
        });
    }
}

fn listen(channel: &BroadcastChannel, wishes: &Wishes, on_status: &Rc<dyn Fn(RoomStatus)>) -> EventListener {
    let (wishes, on_status) = (wishes.clone(), on_status.clone());
    EventListener::new(channel, "message", move |event| {
        let data = event.dyn_ref::<MessageEvent>().map(MessageEvent::data).unwrap_or_default();
        let Ok(message) = serde_wasm_bindgen::from_value::<TabMessage>(data) else { return };
        if message.room != wishes.room.to_string() {
            return;
        }
        let leading = wishes.leading.get();
        match (message.status, message.wish) {
            (Some(status), _) if !leading => {
                // Whoever leads has heard what was wanted.
                wishes.pending.take();
                on_status(status.into());
            }
            (None, Some(wish)) if leading => wishes.events.send(Event::Hand(wish)),
            (None, None) if leading => wishes.events.send(Event::TellStatus),
            _ => {}
        }
    })
}

fn tell(channel: Option<&BroadcastChannel>, room: RoomId, status: Option<&RoomStatus>, wish: Option<HandWish>) {
    let message = TabMessage { room: room.to_string(), status: status.map(StatusMessage::from), wish };
    if let Some(channel) = channel
        && let Ok(message) = serde_wasm_bindgen::to_value(&message)
    {
        let _ = channel.post_message(&message);
    }
}
