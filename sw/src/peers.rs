//! Requests to other devices: `/peers/{device}/peer/v1/…`.
//!
//! A worker has no connections; a tab has. So the request is put to all tabs of this browser, each with a port to answer
//! on. The one that holds a connection to the device sends it there and passes back what comes, a piece for each time
//! that it is asked for more; the others say that the device is not theirs. What the device may be asked for is decided
//! at its end ([`peer_gate`](partyline_core::session::peer_gate)).
//!
//! What comes from another device is data and never a document of this origin: only the media types that the peer API
//! has pass, the other headers are this worker's own, and a navigation is not answered at all.
//!
//! The message to the tabs is an array: device, method, path, accept, content type (the last two may be undefined), body.
//!
//! [`Call`] decides and runs natively; [`ask`] ties it to the browser.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use partyline_core::api::{CBOR, JSON, PROBLEM_JSON};
use partyline_core::id::DeviceId;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Client, MessageChannel, MessageEvent, MessagePort, ReadableStream};
use web_sys::{ReadableStreamDefaultController, ResponseInit};

use crate::http::{Request, Response};
use crate::problem::Failure;
use crate::route::{MAX_BATCH, MAX_PATH};
use crate::scope::{scope, write_head, write_response};

/// How long a device may take until it begins to answer.
const HEAD_MS: u32 = 10_000;
/// How long it may take for the next piece.
const STALL_MS: u32 = 30_000;

/// What a tab says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It has no connection to the device.
    NotHere,
    /// The device begins to answer.
    Head {
        /// The status, 200 to 599.
        status: u16,
        /// The `Content-Type`; empty if there is none.
        content_type: String,
    },
    /// The next piece of the body.
    Piece(Vec<u8>),
    /// That was all.
    End,
    /// The connection ended, or the device gave up.
    Failed,
    /// The connection ended because nothing was heard of the device any more.
    Silent,
}

/// What to do next about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Wait,
    /// Answer this, and that is the end.
    Refuse(Response),
    /// Answer with this head; the body follows.
    Begin(Response),
    /// Pass on a piece of the body.
    Pass(Vec<u8>),
    /// The body is complete.
    Close,
    /// The body breaks off.
    Break,
}

/// A request to another device, from asking the tabs to the last piece.
#[derive(Debug)]
pub struct Call(Phase);

#[derive(Debug)]
enum Phase {
    /// So many tabs have not said anything yet.
    Asking(usize),
    /// The head is there.
    Body,
    Over,
}

impl Call {
    /// A call that so many tabs are asked about.
    pub fn new(tabs: usize) -> Self {
        Self(Phase::Asking(tabs))
    }

    /// The first step, before any tab has said anything.
    pub fn begin(&mut self) -> Step {
        match self.0 {
            Phase::Asking(0) => self.refuse(Failure::unknown_peer()),
            _ => Step::Wait,
        }
    }

    /// A tab says something.
    pub fn hear(&mut self, told: Told) -> Step {
        match (&mut self.0, told) {
            (Phase::Asking(silent), Told::NotHere) => {
                *silent = silent.saturating_sub(1);
                self.begin()
            }
            (Phase::Asking(_), Told::Head { status, content_type }) => {
                self.0 = Phase::Body;
                Step::Begin(head(status, &content_type))
            }
            (Phase::Asking(_), Told::Silent) => self.refuse(Failure::peer_silent()),
            (Phase::Asking(_), _) => self.refuse(Failure::peer_lost()),
            (Phase::Body, Told::Piece(bytes)) => Step::Pass(bytes),
            (Phase::Body, Told::End) => self.end(Step::Close),
            (Phase::Body, _) => self.end(Step::Break),
            (Phase::Over, _) => Step::Wait,
        }
    }

    /// What was waited for did not come in time.
    pub fn time_out(&mut self) -> Step {
        match self.0 {
            Phase::Asking(_) => self.refuse(Failure::peer_silent()),
            Phase::Body => self.end(Step::Break),
            Phase::Over => Step::Wait,
        }
    }

    fn refuse(&mut self, failure: Failure) -> Step {
        self.end(Step::Refuse(failure.into()))
    }

    fn end(&mut self, step: Step) -> Step {
        self.0 = Phase::Over;
        step
    }
}

/// The device that a path leads to, and the path there.
///
/// # Errors
///
/// 404 if it names no device or no path of the peer API, 414 if it is too long.
pub fn target(path: &str) -> Result<(DeviceId, &str), Failure> {
    let rest = path.strip_prefix("/peers/").ok_or_else(Failure::no_route)?;
    let (device, path) = rest.split_at(rest.find('/').ok_or_else(Failure::no_route)?);
    if path.len() > MAX_PATH {
        return Err(Failure::path_too_long());
    }
    if !path.starts_with("/peer/v1/") {
        return Err(Failure::no_route());
    }
    Ok((DeviceId::parse(device).map_err(|_| Failure::unknown_peer())?, path))
}

/// The head of the answer: of what the device says, the status and the content type, if it is one that the peer API has.
fn head(status: u16, content_type: &str) -> Response {
    let known = [JSON, CBOR, PROBLEM_JSON].into_iter().find(|known| *known == content_type);
    let content_type = known.unwrap_or("application/octet-stream").to_owned();
    let status = if (200..=599).contains(&status) { status } else { 502 };
    Response { status, headers: vec![("content-type", content_type)], body: Vec::new() }
}

/// Whether an answer of this status has no body, not even an empty one (Fetch, "null body status").
fn is_bodiless(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}

impl Told {
    /// As it goes over the port.
    pub fn to_js(&self) -> JsValue {
        match self {
            Self::NotHere => JsValue::NULL,
            Self::Head { status, content_type } => {
                Array::of2(&JsValue::from(*status), &JsValue::from_str(content_type)).into()
            }
            Self::Piece(bytes) => Uint8Array::from(bytes.as_slice()).into(),
            Self::End => JsValue::TRUE,
            Self::Failed => JsValue::FALSE,
            Self::Silent => JsValue::from(0),
        }
    }

    /// As it came over the port.
    fn from_js(data: JsValue) -> Self {
        if data.is_null() {
            return Self::NotHere;
        }
        if data.as_bool() == Some(true) {
            return Self::End;
        }
        if data.as_f64().is_some() {
            return Self::Silent;
        }
        match data.dyn_into::<Uint8Array>() {
            Ok(bytes) => Self::Piece(bytes.to_vec()),
            Err(data) => match data.dyn_into::<Array>() {
                Ok(head) => Self::Head {
                    status: head.get(0).as_f64().map_or(0, |status| status as u16),
                    content_type: head.get(1).as_string().unwrap_or_default(),
                },
                Err(_) => Self::Failed,
            },
        }
    }
}

/// A call in the browser.
struct Relay {
    call: Call,
    /// To the tabs; once one of them has the head, to that one.
    ports: Vec<MessagePort>,
    /// Takes the response.
    answered: Option<Function>,
    /// Takes the pieces.
    body: Option<ReadableStreamDefaultController>,
    timer: Option<Timeout>,
}

type Shared = Rc<RefCell<Relay>>;

/// Asks another device, over the tab that is connected to it.
///
/// # Errors
///
/// Only if the browser refuses what an answer is made of; every other failure is an answer.
pub(crate) async fn ask(request: Request, signal: &AbortSignal) -> Result<web_sys::Response, JsValue> {
    let (device, path) = match target(&request.path) {
        Ok(_) if request.body.len() > MAX_BATCH => return write_response(&Failure::too_large(MAX_BATCH).into()),
        Ok(target) => target,
        Err(failure) => return write_response(&failure.into()),
    };
    let tabs: Array = JsFuture::from(scope().clients().match_all()).await?.unchecked_into();
    let relay = Rc::new(RefCell::new(Relay {
        call: Call::new(tabs.length() as usize),
        ports: Vec::new(),
        answered: None,
        body: None,
        timer: None,
    }));
    let response = Promise::new(&mut |resolve, _| relay.borrow_mut().answered = Some(resolve));
    let message = Array::new();
    for text in [&device.to_string(), &request.method, path] {
        message.push(&JsValue::from_str(text));
    }
    for text in [request.accept, request.content_type] {
        message.push(&text.into());
    }
    message.push(&Uint8Array::from(request.body.as_slice()));
    for tab in tabs.iter() {
        let channel = MessageChannel::new()?;
        let port = channel.port1();
        let heard = {
            let (relay, port) = (Rc::clone(&relay), port.clone());
            Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
                let told = Told::from_js(event.data());
                if matches!(told, Told::Head { .. }) {
                    relay.borrow_mut().ports.retain(|other| *other == port);
                }
                let step = relay.borrow_mut().call.hear(told);
                take(&relay, step);
            })
        };
        port.set_onmessage(Some(heard.into_js_value().unchecked_ref()));
        relay.borrow_mut().ports.push(port);
        let tab: Client = tab.unchecked_into();
        tab.post_message_with_transfer(&message, &Array::of1(&channel.port2()))?;
    }
    let given_up = {
        let relay = Rc::clone(&relay);
        Closure::<dyn Fn()>::new(move || give_up(&relay))
    };
    signal.set_onabort(Some(given_up.into_js_value().unchecked_ref()));
    wait(&relay, HEAD_MS);
    let first = relay.borrow_mut().call.begin();
    take(&relay, first);
    Ok(JsFuture::from(response).await?.unchecked_into())
}

/// Waits for what a tab says next.
fn wait(relay: &Shared, ms: u32) {
    let late = {
        let relay = Rc::clone(relay);
        Timeout::new(ms, move || {
            let step = relay.borrow_mut().call.time_out();
            relay.borrow().tell(false);
            take(&relay, step);
        })
    };
    relay.borrow_mut().timer = Some(late);
}

/// Nobody wants the answer any more.
fn give_up(relay: &Shared) {
    relay.borrow().tell(false);
    relay.borrow_mut().call.end(Step::Break);
    take(relay, Step::Break);
}

fn take(relay: &Shared, step: Step) {
    let response = match &step {
        Step::Wait => return,
        Step::Pass(bytes) => {
            let body = {
                let mut relay = relay.borrow_mut();
                relay.timer = None;
                relay.body.clone()
            };
            // Not while the relay is borrowed: the stream may ask for the next piece at once.
            if let Some(body) = body {
                let _ = body.enqueue_with_chunk(&Uint8Array::from(bytes.as_slice()));
            }
            return;
        }
        Step::Begin(head) => {
            relay.borrow_mut().timer = None;
            respond(relay, head)
        }
        Step::Refuse(response) => write_response(response),
        Step::Close | Step::Break => Ok(web_sys::Response::error()),
    };
    let answered = relay.borrow_mut().answered.take();
    if let Some(answered) = answered {
        let response = response.unwrap_or_else(|_| web_sys::Response::error());
        let _ = answered.call1(&JsValue::NULL, &response);
    }
    match &step {
        Step::Begin(head) if !is_bodiless(head.status) => return,
        Step::Begin(_) => relay.borrow().tell(false),
        _ => {}
    }
    let body = relay.borrow_mut().close();
    match body {
        Some(body) if step == Step::Close => drop(body.close()),
        Some(body) => body.error_with_e(&js_sys::TypeError::new("The device is gone")),
        None => {}
    }
}

/// Makes the response, whose body asks the tab for each piece.
fn respond(relay: &Shared, head: &Response) -> Result<web_sys::Response, JsValue> {
    let init: ResponseInit = write_head(head)?;
    if is_bodiless(head.status) {
        return web_sys::Response::new_with_opt_str_and_init(None, &init);
    }
    let pull = {
        let relay = Rc::clone(relay);
        Closure::<dyn Fn(ReadableStreamDefaultController)>::new(move |body| {
            relay.borrow_mut().body = Some(body);
            relay.borrow().tell(true);
            wait(&relay, STALL_MS);
        })
    };
    let cancel = {
        let relay = Rc::clone(relay);
        Closure::<dyn Fn()>::new(move || give_up(&relay))
    };
    let source = Object::new();
    Reflect::set(&source, &"pull".into(), &pull.into_js_value())?;
    Reflect::set(&source, &"cancel".into(), &cancel.into_js_value())?;
    let stream = ReadableStream::new_with_underlying_source(&source)?;
    web_sys::Response::new_with_opt_readable_stream_and_init(Some(&stream), &init)
}

impl Relay {
    /// Tells the tabs to go on, or to stop.
    fn tell(&self, go_on: bool) {
        for port in &self.ports {
            let _ = port.post_message(&JsValue::from_bool(go_on));
        }
    }

    /// Lets go of everything, so that nothing holds anything any more. What is left to be ended is the body.
    fn close(&mut self) -> Option<ReadableStreamDefaultController> {
        for port in self.ports.drain(..) {
            port.set_onmessage(None);
            port.close();
        }
        self.timer = None;
        self.body.take()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEVICE: &str = "00112233445566778899aabbccddeeff";

    fn begun() -> Told {
        Told::Head { status: 200, content_type: JSON.to_owned() }
    }

    fn refused(step: Step) -> u16 {
        match step {
            Step::Refuse(response) => {
                assert_eq!(response.header("content-type"), Some(PROBLEM_JSON));
                response.status
            }
            other => panic!("{other:?}"),
        }
    }

    fn status_of(path: &str) -> Result<(), u16> {
        target(path).map(drop).map_err(|failure| failure.problem.status)
    }

    #[test]
    fn a_path_leads_to_a_device() {
        let path = format!("/peers/{DEVICE}/peer/v1/rooms/x/tasks?since=1");
        let device = DeviceId::parse(DEVICE).unwrap();
        assert_eq!(target(&path).unwrap(), (device, "/peer/v1/rooms/x/tasks?since=1"));
        for path in [
            "/peers",
            "/peers/",
            "/peers/00112233445566778899aabbccddeeff",
            "/peers//peer/v1/health",
            "/peer/v1/health",
        ] {
            assert_eq!(status_of(path), Err(404), "{path}");
        }
        for rest in [
            "",
            "/",
            "/peer/v2/health",
            "/peers/00112233445566778899aabbccddeeff/peer/v1/health",
            "/rooms",
            "peer/v1/health",
        ] {
            assert_eq!(status_of(&format!("/peers/{DEVICE}{rest}")), Err(404), "{rest}");
        }
        assert_eq!(status_of("/peers/00112233AABBCCDD/peer/v1/health"), Err(404));
        let long = |length: usize| format!("/peers/{DEVICE}/peer/v1/{}", "a".repeat(length - 9));
        assert_eq!(status_of(&long(MAX_PATH)), Ok(()));
        assert_eq!(status_of(&long(MAX_PATH + 1)), Err(414));
    }

    #[test]
    fn an_answer_comes_in_pieces() {
        let mut call = Call::new(2);
        assert_eq!(call.begin(), Step::Wait);
        assert_eq!(call.hear(Told::NotHere), Step::Wait);
        assert!(matches!(call.hear(begun()), Step::Begin(head) if head.status == 200));
        assert_eq!(call.hear(Told::Piece(vec![1, 2])), Step::Pass(vec![1, 2]));
        assert_eq!(call.hear(Told::Piece(vec![3])), Step::Pass(vec![3]));
        assert_eq!(call.hear(Told::End), Step::Close);
        for late in [begun(), Told::Piece(vec![4]), Told::End, Told::Failed, Told::NotHere] {
            assert_eq!(call.hear(late), Step::Wait);
        }
        assert_eq!(call.time_out(), Step::Wait);
    }

    #[test]
    fn a_device_that_no_tab_is_connected_to_is_unknown() {
        assert_eq!(refused(Call::new(0).begin()), 404);
        let mut call = Call::new(2);
        assert_eq!(call.hear(Told::NotHere), Step::Wait);
        assert_eq!(refused(call.hear(Told::NotHere)), 404);
    }

    #[test]
    fn silence_and_loss_are_told_apart() {
        assert_eq!(refused(Call::new(1).time_out()), 504);
        assert_eq!(refused(Call::new(1).hear(Told::Silent)), 504);
        assert_eq!(refused(Call::new(1).hear(Told::Failed)), 502);
        // Once the head is passed on, all that is left is to break off.
        for end in [Told::Failed, Told::Silent, Told::NotHere, begun()] {
            let mut call = Call::new(1);
            call.hear(begun());
            assert_eq!(call.hear(end), Step::Break);
        }
        let mut call = Call::new(1);
        call.hear(begun());
        assert_eq!(call.time_out(), Step::Break);
    }

    #[test]
    fn an_answer_is_no_document_of_this_origin() {
        for (content_type, passed) in [
            (JSON, JSON),
            (CBOR, CBOR),
            (PROBLEM_JSON, PROBLEM_JSON),
            ("", "application/octet-stream"),
            ("text/html", "application/octet-stream"),
            ("application/json; charset=utf-7", "application/octet-stream"),
            ("text/javascript", "application/octet-stream"),
        ] {
            let head = head(200, content_type);
            assert_eq!(head.header("content-type"), Some(passed));
            assert_eq!(head.headers.len(), 1);
        }
        assert_eq!([0, 101, 200, 599, 600].map(|status| head(status, JSON).status), [502, 502, 200, 599, 502]);
    }

    proptest! {
        #[test]
        fn any_path_is_survived(path in "(/peers/)?(00112233445566778899aabbccddeeff)?\\PC{0,60}") {
            if let Ok((_, path)) = target(&path) {
                prop_assert!(path.starts_with("/peer/v1/"));
            }
        }
    }
}
