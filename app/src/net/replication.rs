//! The requests that keep two replicas alike, between a peer and our own service worker.

use futures::channel::oneshot;
use gloo_net::http::Response;
use js_sys::{Reflect, Uint8Array};
use partyline_core::api::{CBOR, DEVICE_HEADER, Merged, read};
use partyline_core::clock::Skew;
use partyline_core::dial::SlotId;
use partyline_core::id::{DeviceId, RoomId};
use partyline_core::replica::{SyncAnswer, SyncRequest};
use partyline_core::session::{RequestHead, ResponseHead, StreamId, peer_gate};
use partyline_sw::problem::Failure;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStreamDefaultReader};

use super::event::{Ask, Event, Events, Part};
use super::link::Reply;
use crate::api::{self, Answer};

/// Reads what our service worker answered to changes: whether something is missing before them, and has the room told of a
/// clock that is far ahead.
fn merged(events: &Events, answer: &Answer) -> bool {
    let Ok(Merged { gap, skew }) = read(&answer.body) else { return false };
    if let Some(skew) = skew
        && let Ok(device) = DeviceId::parse(&skew.device)
    {
        events.send(Event::Skewed(Skew { device, ahead_ms: skew.ahead_ms }));
    }
    gap
}

fn room_path(room: RoomId, what: &str) -> String {
    format!("/peer/v1/rooms/{room}/{what}")
}

/// The head of a request to a peer.
fn request_head(method: &str, path: String) -> RequestHead {
    let headers = vec![("content-type".to_owned(), CBOR.to_owned()), ("accept".to_owned(), CBOR.to_owned())];
    RequestHead { method: method.to_owned(), path, headers }
}

/// Sends a request to a peer and waits for its reply.
async fn ask(events: &Events, slot: SlotId, head: RequestHead, body: Vec<u8>) -> Option<Reply> {
    let (reply, answer) = oneshot::channel();
    events.send(Event::Ask(Box::new(Ask { slot, head, body, reply })));
    answer.await.ok()?.ok()
}

/// Gets everything that the peer has and we lack, chunk by chunk, each stored before the next is asked for.
///
/// The vector that comes with the last chunk is taken over only if all chunks before it were: one that is not stored
/// ends the pull.
pub(super) async fn pull(events: Events, slot: SlotId, room: RoomId, device: DeviceId) {
    let done = pull_all(&events, slot, room, device).await.is_some();
    events.send(Event::Pulled(slot, done));
}

async fn pull_all(events: &Events, slot: SlotId, room: RoomId, device: DeviceId) -> Option<()> {
    // In this order: should another replica take this one's place in between, the vector at the end is not meant for it.
    let asker = DeviceId::parse(&api::room(room).await.ok()?.device).ok();
    let vector = api::vector(room, None).await?;
    let mut cursor = None;
    loop {
        let request = SyncRequest { vector: vector.clone(), cursor };
        let head = request_head("POST", room_path(room, "sync"));
        let reply = ask(events, slot, head, request.encode()).await?;
        if reply.status != 200 {
            return None;
        }
        let mut answer = SyncAnswer::decode(&reply.body).ok()?;
        answer.batch.asker = asker;
        let vector_is_news = answer.batch.vector.as_ref().is_some_and(|theirs| !vector.dominates(theirs));
        if !answer.batch.changes.is_empty() || vector_is_news {
            store(events, room, device, &answer.batch.encode()).await?;
        }
        match answer.next {
            None => return Some(()),
            // A cursor that does not move would go round for ever.
            Some(next) if cursor.is_some_and(|cursor| next <= cursor) => return None,
            next => cursor = next,
        }
    }
}

/// Has our service worker merge and keep a batch.
async fn store(events: &Events, room: RoomId, device: DeviceId, batch: &[u8]) -> Option<()> {
    let device = device.to_string();
    let headers = [("Content-Type", CBOR), (DEVICE_HEADER, device.as_str())];
    let answer = api::call("POST", &room_path(room, "changes"), &headers, Some(batch)).await.ok()?;
    if answer.status != 200 {
        return None;
    }
    merged(events, &answer);
    Some(())
}

/// Tells a peer what is new here. That it did not take it is no loss: it asks for what it lacks when it next can.
pub(super) async fn push(events: Events, slot: SlotId, room: RoomId, batch: Vec<u8>) {
    let mut head = request_head("POST", room_path(room, "changes"));
    head.headers.retain(|(name, _)| name != "accept");
    let _ = ask(&events, slot, head, batch).await;
}

/// Tells a peer something that only its page is concerned with. Whether it arrives shows in what the peer does.
pub(super) async fn tell(events: Events, slot: SlotId, room: RoomId, what: &'static str, body: Vec<u8>) {
    let _ = ask(&events, slot, request_head("POST", room_path(room, what)), body).await;
}

/// Whether a request is one that [`tell`] makes.
pub(super) fn is_told(head: &RequestHead, room: RoomId, what: &str) -> bool {
    head.method == "POST" && head.path == room_path(room, what)
}

/// A request of a peer, to be answered.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) slot: SlotId,
    pub(super) stream: StreamId,
    pub(super) device: DeviceId,
    pub(super) head: RequestHead,
    pub(super) body: Vec<u8>,
    /// Tells when the peer gives it up.
    pub(super) signal: Option<AbortSignal>,
}

/// Hands a peer's request on to our own service worker, if it is one that the room's members may make.
pub(super) async fn hand_on(events: Events, room: RoomId, request: Request) {
    let Request { slot, stream, device, head: asked, body, signal } = request;
    let refused = |failure: Failure| {
        let response = partyline_sw::http::Response::from(failure);
        let content_type = response.header("content-type").unwrap_or_default().to_owned();
        Answer { status: response.status, content_type, body: response.body }
    };
    let answer = match peer_gate(room, &asked.method, &asked.path) {
        Ok(()) => {
            let device = device.to_string();
            let mut headers = vec![(DEVICE_HEADER, device.as_str())];
            for (name, value) in &asked.headers {
                if name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("accept") {
                    headers.push((name, value));
                }
            }
            let body = (asked.method != "GET").then_some(body.as_slice());
            match api::open(&asked.method, &asked.path, &headers, body, signal.as_ref()).await {
                // The one answer that may be long: as it comes.
                Ok(response) if asked.method == "GET" => return pass(&events, slot, stream, &response).await,
                Ok(response) => api::read(response).await,
                Err(error) => Err(error),
            }
            .unwrap_or_else(|_| refused(Failure::peer_lost()))
        }
        Err(_) => refused(Failure::not_for_peers()),
    };
    if answer.status == 200 && asked.path.ends_with("/changes") && merged(&events, &answer) {
        events.send(Event::Gap(slot));
    }
    let (next, _) = oneshot::channel();
    let head = Some(response_head(answer.status, answer.content_type));
    events.send(Event::Answered(Box::new(Part { slot, stream, head, piece: Some(answer.body), end: true, next })));
}

/// Passes on an answer of our own service worker, a piece when the one before is on its way.
async fn pass(events: &Events, slot: SlotId, stream: StreamId, response: &Response) {
    let content_type = response.headers().get("content-type").unwrap_or_default();
    let mut head = Some(response_head(response.status(), content_type));
    let reader = response.body().map(|body| body.get_reader().unchecked_into::<ReadableStreamDefaultReader>());
    loop {
        let (piece, end) = match &reader {
            Some(reader) => match JsFuture::from(reader.read()).await {
                Ok(read) => {
                    let field = |name: &str| Reflect::get(&read, &name.into()).unwrap_or_default();
                    let bytes = field("value").dyn_into::<Uint8Array>().map(|bytes| bytes.to_vec());
                    (Some(bytes.unwrap_or_default()), field("done").is_truthy())
                }
                Err(_) => (None, true),
            },
            None => (Some(Vec::new()), true),
        };
        let (next, wanted) = oneshot::channel();
        events.send(Event::Answered(Box::new(Part { slot, stream, head: head.take(), piece, end, next })));
        // Whoever gives it up ends the fetch as well.
        if end || wanted.await.is_err() {
            return;
        }
    }
}

fn response_head(status: u16, content_type: String) -> ResponseHead {
    let headers = match content_type {
        content_type if content_type.is_empty() => Vec::new(),
        content_type => vec![("content-type".to_owned(), content_type)],
    };
    ResponseHead { status, headers }
}
