//! The requests that keep two replicas alike, between a peer and our own service worker.

use futures::channel::oneshot;
use gloo_net::http::Response;
use js_sys::{Reflect, Uint8Array};
use partyline_core::api::{ASKER_HEADER, CBOR, DEFLATED, DEVICE_HEADER, Merged, NOW_HEADER, read};
use partyline_core::dial::SlotId;
use partyline_core::id::{DeviceId, RoomId};
use partyline_core::replica::{SyncAnswer, SyncRequest};
use partyline_core::session::{RequestHead, ResponseHead, StreamId, peer_gate};
use partyline_sw::problem::Failure;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStreamDefaultReader};

use super::event::{Ask, Event, Events, Outcome, Part, Pull, Reply, ReplyError};
use crate::api::{self, Answer};

/// Reads what our service worker answered to changes, in either form: which one it has was up to the peer that sent them.
fn read_merged(answer: &Answer) -> Option<Merged> {
    if answer.content_type == CBOR { Merged::from_cbor(&answer.body) } else { read(&answer.body).ok() }
}

fn room_path(room: RoomId, what: &str) -> String {
    format!("/peer/v1/rooms/{room}/{what}")
}

/// The head of a request to a peer.
fn request_head(method: &str, path: String) -> RequestHead {
    let headers = vec![("content-type".to_owned(), CBOR.to_owned()), ("accept".to_owned(), CBOR.to_owned())];
    RequestHead { method: method.to_owned(), path, headers }
}

/// Sends a request to a peer, at once. What is returned resolves to its reply.
fn send(events: &Events, slot: SlotId, head: RequestHead, body: Vec<u8>) -> Awaited {
    let (reply, answer) = oneshot::channel();
    events.send(Event::Ask(Box::new(Ask { slot, head, body, reply })));
    answer
}

type Awaited = oneshot::Receiver<Result<Reply, ReplyError>>;

/// Sends a request to a peer and waits for its reply.
async fn ask(events: &Events, slot: SlotId, head: RequestHead, body: Vec<u8>) -> Option<Reply> {
    send(events, slot, head, body).await.ok()?.ok()
}

/// Questions in one pull, chunks apart. What they leave open is for the next one.
const MOST_QUESTIONS: u32 = 64;

/// Gets everything that the peer has and we lack, chunk by chunk, or goes on getting it. While a chunk is stored, the next
/// is on its way.
///
/// The vector that comes with the last chunk is taken over only if all chunks before it were: one that is not stored
/// ends the pull.
pub(super) async fn pull(events: Events, slot: SlotId, room: RoomId, device: DeviceId, begun: Option<Pull>) {
    let mut pull = begun;
    let outcome = pull_all(&events, slot, room, device, &mut pull).await.unwrap_or(Outcome::BrokenOff);
    // Only chunks are gone on with: whatever else is asked is about what this device had by then.
    let rest = pull.filter(|pull| outcome == Outcome::BrokenOff && pull.request.cursor.is_some()).map(Box::new);
    events.send(Event::Pulled(slot, rest, outcome));
}

async fn pull_all(
    events: &Events,
    slot: SlotId,
    room: RoomId,
    device: DeviceId,
    state: &mut Option<Pull>,
) -> Option<Outcome> {
    // In this order: should another replica take this one's place in between, the vector at the end is not meant for it.
    // In nobody's name no difference would be followed.
    let asker = Some(api::room(room).await.ok()?.device);
    if state.as_ref().is_none_or(|pull| pull.asker != asker) {
        let request = api::opening(room).await?;
        *state = Some(Pull { device, asker, request, total: 0 });
    }
    let pull = state.as_mut()?;
    let send = |request: &SyncRequest| {
        let mut head = request_head("POST", room_path(room, "sync"));
        head.headers.push(("accept".to_owned(), DEFLATED.to_owned()));
        send(events, slot, head, request.encode())
    };
    let mut next = Some(send(&pull.request));
    let (mut questions, mut outcome) = (0, Outcome::Alike);
    while let Some(awaited) = next {
        let reply = awaited.await.ok()?.ok()?;
        if reply.status != 200 {
            return None;
        }
        let (progress, _) = SyncAnswer::peek(&reply.body).ok()?;
        pull.total = pull.total.max(progress.left);
        events.send(Event::Pulling(slot, pull.total - progress.left, pull.total));
        // A cursor that does not move would go round for ever.
        if progress.next.is_some_and(|next| pull.request.cursor.is_some_and(|cursor| next <= cursor)) {
            return None;
        }
        let following = SyncRequest { cursor: progress.next, ..pull.request.clone() };
        next = progress.next.is_some().then(|| send(&following));
        let stored = store(room, device, pull.asker.as_deref(), &reply).await?;
        match stored.status {
            200 if progress.next.is_some() => pull.request = following,
            // Our service worker says what to ask after that, until the two have the same.
            200 => {
                questions += 1;
                if let (Some(theirs), Some(ours)) = (reply.now_ms, stored.now_ms) {
                    events.send(Event::Clocks(slot, theirs, ours));
                }
                let merged = read_merged(&stored).unwrap_or_default();
                outcome = if merged.gap || merged.ask.is_some() { Outcome::Apart } else { Outcome::Alike };
                let ask = merged.ask.filter(|_| questions < MOST_QUESTIONS);
                if let Some(ask) = ask {
                    pull.request = SyncRequest::decode(&ask.0).ok()?;
                    next = Some(send(&pull.request));
                }
            }
            // A task is known by another name here than it was when the sync began.
            409 if !pull.request.in_full => {
                pull.request.in_full = true;
                next = Some(send(&pull.request));
            }
            _ => return None,
        }
    }
    Some(outcome)
}

/// Has our service worker merge and keep an answer to a sync.
async fn store(room: RoomId, device: DeviceId, asker: Option<&str>, reply: &Reply) -> Option<Answer> {
    let device = device.to_string();
    let mut headers = vec![("Content-Type", reply.content_type.as_str()), (DEVICE_HEADER, device.as_str())];
    headers.extend(asker.map(|asker| (ASKER_HEADER, asker)));
    let answer = api::call("POST", &room_path(room, "changes"), &headers, Some(&reply.body)).await.ok()?;
    Some(answer)
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
        Answer { status: response.status, content_type, now_ms: None, body: response.body }
    };
    let answer = match peer_gate(room, &asked.method, &asked.path) {
        Ok(()) => {
            let device = device.to_string();
            let mut headers = vec![(DEVICE_HEADER, device.as_str())];
            // Several of a name are one, separated by commas.
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
    // What could not be kept is asked for again.
    let has_gap = |answer: &Answer| read_merged(answer).unwrap_or_default().gap;
    let is_missing = |answer: &Answer| answer.status >= 500 || answer.status == 200 && has_gap(answer);
    if asked.path.ends_with("/changes") && is_missing(&answer) {
        events.send(Event::Gap(slot));
    }
    let (next, _) = oneshot::channel();
    let mut head = response_head(answer.status, answer.content_type);
    head.headers.extend(answer.now_ms.map(|now| (NOW_HEADER.to_owned(), now.to_string())));
    let head = Some(head);
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

#[cfg(test)]
mod tests {
    use partyline_core::api::JSON;

    use super::*;

    fn answer(content_type: &str, body: &[u8]) -> Answer {
        Answer { status: 200, content_type: content_type.to_owned(), now_ms: None, body: body.to_vec() }
    }

    /// A peer that sends changes may want the answer as CBOR. What is missing here is no less missing then.
    #[test]
    fn a_gap_is_noticed_in_whatever_form_the_peer_wants_the_answer() {
        let merged = Merged { gap: true, ..Merged::default() };
        for answer in [answer(CBOR, &merged.to_cbor()), answer(JSON, br#"{"gap":true}"#)] {
            assert_eq!(read_merged(&answer), Some(merged.clone()), "{answer:?}");
        }
        for answer in [answer(CBOR, b"nonsense"), answer(JSON, b"nonsense"), answer("", b"")] {
            assert_eq!(read_merged(&answer), None, "{answer:?}");
        }
    }
}
