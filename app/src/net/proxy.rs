//! Requests of this browser's own pages to other devices: `/peers/{device}/peer/v1/…`.
//!
//! The service worker puts each to every tab. The one that holds a connection to the device sends it there, and passes
//! the answer back through the port that came with it, a piece for each time that it is asked for more
//! ([`Told`]); every other tab says that the device is not there.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_events::EventListener;
use js_sys::{Array, Uint8Array};
use leptos::task::spawn_local;
use partyline_core::id::DeviceId;
use partyline_core::session::{RequestHead, ResponseHead};
use partyline_sw::peers::Told;
use wasm_bindgen::JsCast;
use web_sys::{MessageEvent, MessagePort};

use crate::platform;

/// What takes the requests that come.
type Taker = Rc<dyn Fn(Rc<Call>)>;

thread_local! {
    /// The rooms whose connections this tab holds: one, and for a moment perhaps two.
    static HELD: RefCell<Vec<Taker>> = const { RefCell::new(Vec::new()) };
}

/// A request on its way to the room whose connection it takes. If no room takes it, the service worker is told.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) device: DeviceId,
    pub(super) head: RequestHead,
    pub(super) body: Vec<u8>,
    port: RefCell<Option<MessagePort>>,
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(port) = self.port.take() {
            tell(&port, &Told::NotHere);
        }
    }
}

/// Listens for requests of the service worker, for as long as the page lives.
pub(crate) fn listen() {
    let Some(container) = platform::service_worker() else { return };
    EventListener::new(&container, "message", |event| {
        let Some(call) = event.dyn_ref::<MessageEvent>().and_then(Call::read) else { return };
        let call = Rc::new(call);
        // Taken out of the cell first: whoever is called may begin or end holding a room.
        let held = HELD.with_borrow(Clone::clone);
        held.iter().for_each(|on_call| on_call(Rc::clone(&call)));
    })
    .forget();
}

/// Gives a room the requests that come, until the returned value is dropped.
pub(super) fn hold(on_call: impl Fn(Rc<Call>) + 'static) -> Held {
    let on_call: Taker = Rc::new(on_call);
    HELD.with_borrow_mut(|held| held.push(Rc::clone(&on_call)));
    Held(on_call)
}

/// See [`hold`].
pub(super) struct Held(Taker);

impl Drop for Held {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| held.retain(|taker| !Rc::ptr_eq(taker, &self.0)));
    }
}

impl Call {
    fn read(event: &MessageEvent) -> Option<Self> {
        let data: Array = event.data().dyn_into().ok()?;
        let port = event.ports().get(0).dyn_into().ok()?;
        let text = |at: u32| data.get(at).as_string();
        let mut head = RequestHead::new(text(1)?, text(2)?);
        for (at, name) in [(3, "accept"), (4, "content-type")] {
            head.headers.extend(text(at).map(|value| (name.to_owned(), value)));
        }
        let body: Uint8Array = data.get(5).dyn_into().ok()?;
        Some(Self {
            device: DeviceId::parse(&text(0)?).ok()?,
            head,
            body: body.to_vec(),
            port: RefCell::new(Some(port)),
        })
    }

    /// Takes the request over: from now on the service worker hears of it from the returned value. `on_cancel` is called
    /// when it does not want the answer any more.
    pub(super) fn take(&self, on_cancel: Box<dyn Fn()>) -> Option<Relay> {
        let port = self.port.take()?;
        let flow = Rc::new(RefCell::new(Flow {
            port,
            wanted: false,
            ended: false,
            over: false,
            bytes: Vec::new(),
            ear: None,
        }));
        let heard = {
            let flow = Rc::clone(&flow);
            move |event: &web_sys::Event| {
                let mut flow = flow.borrow_mut();
                if event.dyn_ref::<MessageEvent>().is_some_and(|event| event.data().is_truthy()) {
                    flow.wanted = true;
                    flow.pass();
                } else {
                    flow.end();
                    on_cancel();
                }
            }
        };
        let mut open = flow.borrow_mut();
        open.ear = Some(EventListener::new(&open.port, "message", heard));
        open.port.start();
        drop(open);
        Some(Relay(flow))
    }
}

/// The way back of an answer. Dropped before the end of the body, it tells the service worker that there is no more.
#[derive(Debug)]
pub(super) struct Relay(Rc<RefCell<Flow>>);

/// Lives until the service worker has it all, which may be after the connection ended.
#[derive(Debug)]
struct Flow {
    port: MessagePort,
    /// The service worker waits for a piece.
    wanted: bool,
    /// The device has sent the whole body.
    ended: bool,
    /// Nothing more is to be said.
    over: bool,
    /// What has come and was not asked for yet.
    bytes: Vec<u8>,
    /// Holds this very value: taken out at the end.
    ear: Option<EventListener>,
}

impl Relay {
    /// Passes the head on.
    pub(super) fn head(&self, head: &ResponseHead) {
        let content_type = head.header("content-type").unwrap_or_default().to_owned();
        tell(&self.0.borrow().port, &Told::Head { status: head.status, content_type });
    }

    /// Passes a piece on once it is asked for.
    pub(super) fn body(&self, bytes: &[u8], end: bool) {
        let mut flow = self.0.borrow_mut();
        flow.bytes.extend_from_slice(bytes);
        flow.ended |= end;
        flow.pass();
    }

    /// Nothing is heard of the device any more.
    pub(super) fn fall_silent(&self) {
        self.0.borrow_mut().fail(&Told::Silent);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.borrow_mut().fail(&Told::Failed);
    }
}

impl Flow {
    /// Answers what is asked for, if there is something: all that has come, or that it was all.
    fn pass(&mut self) {
        if !self.wanted || self.over {
            return;
        }
        if !self.bytes.is_empty() {
            tell(&self.port, &Told::Piece(std::mem::take(&mut self.bytes)));
            self.wanted = false;
        } else if self.ended {
            tell(&self.port, &Told::End);
            self.end();
        }
    }

    /// The rest will not come.
    fn fail(&mut self, how: &Told) {
        if !self.ended && !self.over {
            tell(&self.port, how);
            self.end();
        }
    }

    fn end(&mut self) {
        self.over = true;
        self.bytes = Vec::new();
        if let Some(ear) = self.ear.take() {
            // Not now: it may be what is just being called.
            spawn_local(async move { drop(ear) });
        }
    }
}

fn tell(port: &MessagePort, told: &Told) {
    // A service worker that is gone has nobody waiting.
    let _ = port.post_message(&told.to_js());
}
