//! The requests that keep two replicas alike, between a peer and our own service worker.

use futures::channel::oneshot;
use partyline_core::api::{DEVICE_HEADER, Merged};
use partyline_core::clock::Skew;
use partyline_core::dial::SlotId;
use partyline_core::id::{DeviceId, RoomId};
use partyline_core::replica::{SyncAnswer, SyncRequest, VersionVector};
use partyline_core::session::{RequestHead, StreamId, peer_gate};

use super::event::{Ask, Event, Events};
use super::link::Reply;
use crate::api::{self, Answer};

const CBOR: &str = "application/cbor";

/// Reads what our service worker answered to changes: whether something is missing before them, and has the room told of a
/// clock that is far ahead.
fn merged(events: &Events, answer: &Answer) -> bool {
    let Ok(Merged { gap, skew }) = serde_json::from_slice(&answer.body) else { return false };
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
    let path = room_path(room, "vector");
    let answer = api::call("GET", &path, &[("Accept", CBOR)], None).await.ok()?;
    if answer.status != 200 {
        return None;
    }
    let vector = VersionVector::decode(&answer.body).ok()?;
    let mut cursor = None;
    loop {
        let request = SyncRequest { vector: vector.clone(), cursor };
        let head = request_head("POST", room_path(room, "sync"));
        let reply = ask(events, slot, head, request.encode()).await?;
        if reply.status != 200 {
            return None;
        }
        let answer = SyncAnswer::decode(&reply.body).ok()?;
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

/// Hands a peer's request on to our own service worker, if it is one that the room's members may make.
pub(super) async fn hand_on(
    events: Events,
    slot: SlotId,
    stream: StreamId,
    room: RoomId,
    device: DeviceId,
    head: RequestHead,
    body: Vec<u8>,
) {
    let mut wants_pull = false;
    let answer = match peer_gate(room, &head.method, &head.path) {
        Ok(()) => {
            let device = device.to_string();
            let mut headers = vec![(DEVICE_HEADER, device.as_str())];
            for (name, value) in &head.headers {
                if name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("accept") {
                    headers.push((name, value));
                }
            }
            let body = (head.method != "GET").then_some(body.as_slice());
            let answer = api::call(&head.method, &head.path, &headers, body).await;
            let answer = answer.unwrap_or_else(|_| empty(503));
            if answer.status == 200 && head.path.ends_with("/changes") {
                wants_pull = merged(&events, &answer);
            }
            answer
        }
        Err(refused) => empty(refused.status),
    };
    events.send(Event::Answered { slot, stream, wants_pull, answer });
}

fn empty(status: u16) -> Answer {
    Answer { status, content_type: String::new(), body: Vec::new() }
}
