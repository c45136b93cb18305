//! What our own service worker is asked: for a peer, and to keep what a peer has answered.

use std::cell::OnceCell;
use std::rc::Rc;

use gloo_net::http::Response;
use js_sys::{Reflect, Uint8Array};
use leptos::task::spawn_local;
use partyline_core::api::{ASKER_HEADER, DEVICE_HEADER};
use partyline_core::crew::{Answer, AnswerPart, Input};
use partyline_core::dial::SlotId;
use partyline_core::id::{DeviceId, RoomId};
use partyline_core::session::{RequestHead, ResponseHead, StreamId};
use partyline_sw::problem::Failure;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader};

use super::event::Events;
use crate::api::{self, CallError};

/// Which device this is in the room.
pub(super) async fn asker(room: RoomId) -> Option<DeviceId> {
    DeviceId::parse(&api::room(room).await.ok()?.device).ok()
}

/// Has what a peer answered to a sync merged and kept.
pub(super) async fn merge(room: RoomId, device: DeviceId, asker: DeviceId, answer: &Answer) -> Option<Answer> {
    let (device, asker) = (device.to_string(), asker.to_string());
    let headers =
        [("Content-Type", answer.content_type.as_str()), (DEVICE_HEADER, device.as_str()), (ASKER_HEADER, &asker)];
    api::call("POST", &format!("/peer/v1/rooms/{room}/changes"), &headers, Some(&answer.body)).await.ok()
}

/// The answer to a peer that asks for what it may not.
pub(super) fn refused() -> Answer {
    answer_of(Failure::not_for_peers())
}

fn answer_of(failure: Failure) -> Answer {
    let response = partyline_sw::http::Response::from(failure);
    let content_type = response.header("content-type").unwrap_or_default().to_owned();
    Answer { status: response.status, content_type, now_ms: None, body: response.body }
}

/// A request of a peer that is being answered. Dropping it gives it up, if it is not answered yet.
#[derive(Debug)]
pub(super) struct Serving {
    answering: Answering,
    control: Option<AbortController>,
}

impl Serving {
    /// Has a request answered.
    pub(super) fn begin(
        (slot, stream): (SlotId, StreamId),
        device: DeviceId,
        head: RequestHead,
        body: Vec<u8>,
        events: &Events,
    ) -> Self {
        let answering = Answering { slot, stream, events: events.clone(), reader: Rc::default() };
        let control = AbortController::new().ok();
        let (task, signal) = (answering.clone(), control.as_ref().map(AbortController::signal));
        spawn_local(async move {
            let device = device.to_string();
            let mut headers = vec![(DEVICE_HEADER, device.as_str())];
            // Several of a name are one, separated by commas.
            for (name, value) in &head.headers {
                if name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("accept") {
                    headers.push((name, value));
                }
            }
            let is_get = head.method == "GET";
            let body = (!is_get).then_some(body.as_slice());
            match api::open(&head.method, &head.path, &headers, body, signal.as_ref()).await {
                // The one answer that may be long: as it comes.
                Ok(response) if is_get => task.begin(&response).await,
                Ok(response) => task.answer(api::read(response).await),
                Err(error) => task.answer(Err(error)),
            }
        });
        Self { answering, control }
    }

    /// Tells the next piece of the answer.
    pub(super) fn go_on(&self) {
        let task = self.answering.clone();
        spawn_local(async move { task.go_on().await });
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(control) = &self.control {
            control.abort();
        }
    }
}

/// The way of an answer to whoever asked.
#[derive(Clone, Debug)]
struct Answering {
    slot: SlotId,
    stream: StreamId,
    events: Events,
    /// Of a body that is passed on in pieces.
    reader: Rc<OnceCell<ReadableStreamDefaultReader>>,
}

impl Answering {
    fn answer(&self, answer: Result<Answer, CallError>) {
        let answer = answer.unwrap_or_else(|_| answer_of(Failure::peer_lost()));
        self.events.tell(Input::Served { slot: self.slot, stream: self.stream, answer });
    }

    fn tell(&self, part: AnswerPart) {
        self.events.tell(Input::Serving { slot: self.slot, stream: self.stream, part });
    }

    async fn begin(&self, response: &Response) {
        let mut head = ResponseHead::new(response.status());
        head.headers.extend(response.headers().get("content-type").map(|value| ("content-type".to_owned(), value)));
        if let Some(body) = response.body() {
            let _ = self.reader.set(body.get_reader().unchecked_into());
        }
        self.tell(AnswerPart::Head(head));
        self.go_on().await;
    }

    async fn go_on(&self) {
        // A status without a body has no reader.
        let Some(reader) = self.reader.get() else { return self.tell(AnswerPart::End) };
        let Ok(read) = JsFuture::from(reader.read()).await else { return self.tell(AnswerPart::BrokenOff) };
        let field = |name: &str| Reflect::get(&read, &name.into()).unwrap_or_default();
        if field("done").is_truthy() {
            return self.tell(AnswerPart::End);
        }
        let bytes = field("value").dyn_into::<Uint8Array>().map(|bytes| bytes.to_vec());
        self.tell(AnswerPart::Piece(bytes.unwrap_or_default()));
    }
}
