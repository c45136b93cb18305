//! The peer API over storage in memory: what it answers, and what is left when storage fails or somebody else writes.
// Helpers of tests are not in functions that clippy takes for tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(not(target_arch = "wasm32"))]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use partyline_core::api::{Merged, Problem, TaskDocument, Tasks, Vector};
use partyline_core::id::{DeviceId, RoomId, RoomSecret, TaskId};
use partyline_core::key::DeviceKey;
use partyline_core::replica::{Batch, ObjectId, Op, Page, Replica, SyncAnswer, SyncRequest, VersionVector};
use partyline_sw::host::{Announcement, Host};
use partyline_sw::http::{Request, Response};
use partyline_sw::service::Service;
use partyline_sw::store::{Limits, MemoryStore, Outcome, Pages, Rewrite, RoomRecord, Store, StoreError};
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "service/clocks.rs"]
mod clocks;
#[path = "service/comments.rs"]
mod comments;
#[path = "service/documented.rs"]
mod documented;
#[path = "service/faulty.rs"]
mod faulty;
#[path = "service/groups.rs"]
mod groups;
#[path = "service/lives.rs"]
mod lives;
#[path = "service/pages.rs"]
mod pages;
#[path = "service/places.rs"]
mod places;
#[path = "service/sections.rs"]
mod sections;
#[path = "service/stored.rs"]
mod stored;
#[path = "service/unknown.rs"]
mod unknown;

const ROOM: &str = "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f";
const OTHER_ROOM: &str = "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d";
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const OTHER_SECRET: &str = "_____wQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: u64 = 1_790_000_000_000;

/// A clock that stands, randomness that counts, and an ear.
#[derive(Debug, Clone)]
struct TestHost {
    now: Rc<Cell<u64>>,
    random: Rc<Cell<u64>>,
    heard: Rc<RefCell<Vec<Announcement>>>,
}

impl Default for TestHost {
    fn default() -> Self {
        Self { now: Rc::new(Cell::new(NOW)), random: Rc::default(), heard: Rc::default() }
    }
}

impl Host for TestHost {
    fn now_ms(&self) -> u64 {
        self.now.get()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        self.random.set(self.random.get() + 1);
        let mut bytes = [0; N];
        let count = self.random.get().to_be_bytes();
        bytes[..8].copy_from_slice(&count);
        bytes
    }

    fn normalize(&self, text: &str) -> String {
        text.replace("e\u{301}", "\u{e9}")
    }

    fn announce(&self, announcement: Announcement) {
        self.heard.borrow_mut().push(announcement);
    }
}

/// A worker on some storage, and the tools to ask it.
struct Worker {
    service: Service<MemoryStore, TestHost>,
    store: MemoryStore,
    host: TestHost,
}

impl Worker {
    fn new() -> Self {
        Self::on(&MemoryStore::default(), &TestHost::default())
    }

    fn on(store: &MemoryStore, host: &TestHost) -> Self {
        Self { service: Service::new(store.clone(), host.clone()), store: store.clone(), host: host.clone() }
    }

    async fn with_room() -> Self {
        let worker = Self::new();
        let made = worker.send("PUT", "", json!({ "secret": SECRET, "name": "Kitchen" })).await;
        assert_eq!(made.status, 201, "{}", text(&made));
        worker
    }

    /// Another worker on the same storage, without memory: an old one's successor.
    fn successor(&self) -> Self {
        Self::on(&self.store, &self.host)
    }

    async fn ask(&self, request: Request) -> Response {
        let response = self.service.handle(&request).await;
        documented::check(&request, &response);
        response
    }

    async fn get(&self, part: &str) -> Response {
        self.ask(request("GET", part, Vec::new())).await
    }

    async fn send(&self, method: &str, part: &str, body: Value) -> Response {
        self.ask(request(method, part, body.to_string().into_bytes())).await
    }

    async fn add(&self, title: &str) -> TaskDocument {
        let response = self.send("POST", "/tasks", json!({ "title": title })).await;
        assert_eq!(response.status, 201, "{}", text(&response));
        document(&response)
    }

    async fn titles(&self) -> Vec<String> {
        let tasks: Tasks = document(&self.get("/tasks").await);
        tasks.tasks.into_iter().map(|task| task.title).collect()
    }

    async fn sync(&self, vector: &VersionVector) -> Vec<SyncAnswer> {
        let mut asked = SyncRequest { vector: vector.clone(), ..SyncRequest::default() };
        let mut answers = Vec::new();
        loop {
            let response = self.ask(cbor("/sync", asked.encode())).await;
            assert_eq!(response.header("content-type"), Some("application/cbor"), "{}", text(&response));
            let answer = SyncAnswer::decode(&response.body).unwrap();
            asked.cursor = answer.next;
            answers.push(answer);
            if asked.cursor.is_none() {
                return answers;
            }
        }
    }

    async fn vector(&self) -> VersionVector {
        let accept = Some("application/cbor".to_owned());
        VersionVector::decode(&self.ask(Request { accept, ..request("GET", "/vector", vec![]) }).await.body).unwrap()
    }

    /// Gets what the other has, as the page does it. Answers how many changes came, and how many bytes went both ways.
    async fn pull(&self, from: &Self) -> (usize, usize) {
        let asker = Some(self.device().await.to_string());
        let mut asked = SyncRequest::decode(&self.get("/sync").await.body).unwrap();
        let (mut came, mut bytes) = (0, 0);
        for _ in 0..64 {
            let answered = from.ask(cbor("/sync", asked.encode())).await;
            bytes += asked.encode().len() + answered.body.len();
            let answer = SyncAnswer::decode(&answered.body);
            let merged = self.ask(Request { asker: asker.clone(), ..cbor("/changes", answered.body.clone()) }).await;
            if merged.status == 409 {
                asked.in_full = true;
                continue;
            }
            assert_eq!(merged.status, 200, "{}", text(&merged));
            let progress = SyncAnswer::peek(&answered.body).unwrap().0;
            came += answer.map_or(1, |answer| answer.batch.changes.len());
            match (progress.next, Merged::from_cbor(&merged.body).unwrap().ask) {
                (Some(next), _) => asked.cursor = Some(next),
                (None, Some(ask)) => asked = SyncRequest::decode(&ask.0).unwrap(),
                (None, None) => return (came, bytes),
            }
        }
        panic!("a pull comes to an end");
    }

    /// Both get all that the other has, and then one more sync brings nothing.
    async fn exchange(&self, other: &Self) {
        for _ in 0..2 {
            self.pull(other).await;
            other.pull(self).await;
        }
        for (came, bytes) in [self.pull(other).await, other.pull(self).await] {
            assert!(came == 0 && bytes < 100, "{came} changes and {bytes} bytes at rest");
        }
        assert_eq!(self.titles().await, other.titles().await);
    }

    async fn device(&self) -> DeviceId {
        let room: Value = document(&self.get("").await);
        DeviceId::parse(room["device"].as_str().unwrap()).unwrap()
    }

    fn heard(&self) -> Vec<Announcement> {
        self.host.heard.take()
    }
}

fn request(method: &str, part: &str, body: Vec<u8>) -> Request {
    let path = if part.starts_with("/peer") { part.to_owned() } else { format!("/peer/v1/rooms/{ROOM}{part}") };
    Request { method: method.to_owned(), path, body, ..Request::default() }
}

fn cbor(part: &str, body: Vec<u8>) -> Request {
    let media = Some("application/cbor".to_owned());
    Request { content_type: media.clone(), accept: media, ..request("POST", part, body) }
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

fn document<T: serde::de::DeserializeOwned>(response: &Response) -> T {
    assert_eq!(response.header("content-type"), Some("application/json"), "{}", text(response));
    serde_json::from_slice(&response.body).unwrap()
}

#[track_caller]
fn problem(response: &Response, status: u16) -> Problem {
    assert_eq!(response.header("content-type"), Some("application/problem+json"), "{}", text(response));
    let problem: Problem = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((response.status, problem.status), (status, status), "{problem:?}");
    assert!(!problem.title.is_empty() && problem.detail.ends_with('.'), "{problem:?}");
    problem
}

fn room_id() -> RoomId {
    RoomId::parse(ROOM).unwrap()
}

/// Another device that writes tasks.
fn bob(titles: &[&str]) -> (Replica, Batch) {
    let mut bob = Replica::new(DeviceId::from_bytes(*b"bob's pc........"));
    let changes = titles
        .iter()
        .zip(0..)
        .map(|(title, number)| {
            let task = ObjectId::Task(TaskId::from_random_bytes([number; 16]));
            bob.edit(task, vec![Op::Title((*title).into())], NOW).unwrap()
        })
        .collect();
    (bob, Batch::live(changes))
}

mod rooms {
    use super::*;

    #[tokio::test]
    async fn a_room_is_made_listed_renamed_and_forgotten() {
        let worker = Worker::new();
        let made = worker.send("PUT", "", json!({ "secret": SECRET, "name": "Kitchen" })).await;
        assert_eq!(made.status, 201);
        assert_eq!(made.header("location"), Some(format!("/peer/v1/rooms/{ROOM}").as_str()));
        assert_eq!(document::<Value>(&made), json!({ "id": ROOM, "name": "Kitchen" }));
        let list = async || document::<Value>(&worker.get("/peer/v1/rooms").await);
        assert_eq!(list().await, json!({ "rooms": [{ "id": ROOM, "name": "Kitchen" }] }));
        assert_eq!(worker.heard(), [Announcement::Rooms]);

        let room: Value = document(&worker.get("").await);
        assert_eq!((&room["name"], &room["secret"]), (&json!("Kitchen"), &json!(SECRET)));
        let key = DeviceKey::parse(room["key"].as_str().unwrap()).unwrap();
        assert_eq!(room["device"], key.device().to_string(), "the id follows from the key");

        let renamed = worker.send("PUT", "", json!({ "name": "Home" })).await;
        assert_eq!((renamed.status, document::<Value>(&renamed)), (200, json!({ "id": ROOM, "name": "Home" })));
        assert_eq!(list().await, json!({ "rooms": [{ "id": ROOM, "name": "Home" }] }));
        assert!(matches!(worker.heard().as_slice(), [Announcement::Changed { from: None, .. }, Announcement::Rooms]));

        let forgotten = worker.ask(request("DELETE", "", Vec::new())).await;
        assert_eq!((forgotten.status, forgotten.body.len()), (204, 0));
        assert_eq!(list().await, json!({ "rooms": [] }));
        assert_eq!(worker.heard(), [Announcement::Rooms]);
        for part in ["", "/tasks", "/vector", "/devices"] {
            assert_eq!(problem(&worker.get(part).await, 404).kind, "urn:partyline:unknown-room", "{part}");
        }
    }

    /// What the other device of the same person calls the room stands in until the room's own name comes, and nobody else
    /// gets to see it.
    #[tokio::test]
    async fn an_alias_lasts_until_the_name_has_come() {
        let (alice, bob) = (Worker::with_room().await, Worker::new());
        let listed =
            async |worker: &Worker| document::<Value>(&worker.get("/peer/v1/rooms").await)["rooms"][0]["name"].clone();
        for (worker, alias, name) in [
            (Worker::new(), json!("a\nb"), ""),
            (Worker::new(), json!("x".repeat(129)), ""),
            (Worker::new(), json!(""), ""),
        ] {
            let joined = worker.send("PUT", "", json!({ "secret": SECRET, "alias": alias })).await;
            assert_eq!((joined.status, listed(&worker).await), (201, json!(name)), "{alias}");
        }
        let joined = bob.send("PUT", "", json!({ "secret": SECRET, "alias": "Küche" })).await;
        assert_eq!(document::<Value>(&joined), json!({ "id": ROOM, "name": "Küche" }));
        bob.add("Milk").await;
        assert_eq!(listed(&bob).await, "Küche");
        assert_eq!(listed(&bob.successor()).await, "Küche");
        // A room that is here already keeps its name.
        alice.send("PUT", "", json!({ "secret": SECRET, "alias": "Elsewhere" })).await;
        alice.pull(&bob).await;
        assert_eq!(listed(&alice).await, "Kitchen");
        bob.pull(&alice).await;
        assert_eq!(listed(&bob).await, "Kitchen");
    }

    #[tokio::test]
    async fn joining_needs_the_secret_and_always_the_same() {
        let worker = Worker::new();
        let without = worker.send("PUT", "", json!({ "name": "Kitchen" })).await;
        assert_eq!(problem(&without, 400).kind, "urn:partyline:secret-needed");
        assert_eq!(worker.send("PUT", "", json!({ "secret": SECRET })).await.status, 201);
        assert_eq!(worker.send("PUT", "", json!({ "secret": SECRET })).await.status, 200);
        assert_eq!(worker.ask(request("PUT", "", Vec::new())).await.status, 200);
        let other = worker.send("PUT", "", json!({ "secret": OTHER_SECRET })).await;
        assert_eq!(problem(&other, 409).kind, "urn:partyline:other-secret");
        problem(&worker.send("PUT", "", json!({ "secret": "short" })).await, 400);
    }

    #[tokio::test]
    async fn a_room_that_was_left_and_joined_again_begins_anew() {
        let worker = Worker::with_room().await;
        let old = worker.successor();
        worker.add("Buy milk").await;
        assert_eq!(old.titles().await, ["Buy milk"]);
        let known: Value = document(&worker.get("").await);
        worker.ask(request("DELETE", "", Vec::new())).await;
        worker.host.now.set(NOW + 1);
        worker.send("PUT", "", json!({ "secret": SECRET, "name": "Kitchen" })).await;
        assert_eq!(worker.titles().await, [""; 0]);
        assert_eq!(old.titles().await, [""; 0]);
        // Its numbers begin at 1 again, so it must not be the same device.
        let new: Value = document(&worker.get("").await);
        assert!(new["device"] != known["device"] && new["key"] != known["key"], "{new}");
    }

    #[tokio::test]
    async fn a_device_has_another_key_in_every_room() {
        let worker = Worker::with_room().await;
        let other = "/peer/v1/rooms/00000000-0000-4000-8000-000000000001";
        worker.send("PUT", other, json!({ "secret": OTHER_SECRET })).await;
        let (one, two): (Value, Value) = (document(&worker.get("").await), document(&worker.get(other).await));
        assert!(one["device"] != two["device"] && one["key"] != two["key"], "{one} {two}");
    }

    #[tokio::test]
    async fn devices_have_names() {
        let worker = Worker::with_room().await;
        let device = document::<Value>(&worker.get("").await)["device"].clone();
        let named = worker.send("PUT", "/device", json!({ "name": "Firefox on Linux" })).await;
        assert_eq!(document::<Value>(&named), json!({ "id": device, "name": "Firefox on Linux" }));
        let writes = worker.store.writes();
        worker.send("PUT", "/device", json!({ "name": "Firefox on Linux" })).await;
        assert_eq!(worker.store.writes(), writes, "the same name again is no write");
        let devices: Value = document(&worker.get("/devices").await);
        assert_eq!(devices, json!({ "devices": [{ "id": device, "name": "Firefox on Linux" }] }));
    }

    #[tokio::test]
    async fn more_rooms_than_fit_in_memory() {
        let worker = Worker::new();
        let ids: Vec<_> = (0..40_u8).map(|n| RoomId::from_random_bytes([n; 16])).collect();
        for id in &ids {
            let body = json!({ "secret": SECRET, "name": id.to_string() }).to_string().into_bytes();
            assert_eq!(worker.ask(request("PUT", &format!("/peer/v1/rooms/{id}"), body)).await.status, 201);
            let body = json!({ "title": id.to_string() }).to_string().into_bytes();
            assert_eq!(worker.ask(request("POST", &format!("/peer/v1/rooms/{id}/tasks"), body)).await.status, 201);
        }
        for id in &ids {
            let tasks: Tasks = document(&worker.get(&format!("/peer/v1/rooms/{id}/tasks")).await);
            assert_eq!(tasks.tasks.len(), 1);
            assert_eq!(tasks.tasks[0].title, id.to_string());
        }
    }
}

mod tasks {
    use super::*;

    #[tokio::test]
    async fn a_task_lives_and_is_brought_back() {
        let worker = Worker::with_room().await;
        worker.heard();
        let response = worker
            .send(
                "POST",
                "/tasks",
                json!({ "title": "Buy milk", "notes": "2 l", "status": "doing", "priority": 2, "due": "2026-12-24",
                        "assignee": "Ada", "labels": ["shop", "food"] }),
            )
            .await;
        assert_eq!(response.status, 201);
        let task: Value = document(&response);
        let id = task["id"].as_str().unwrap();
        assert_eq!(response.header("location"), Some(format!("/peer/v1/rooms/{ROOM}/tasks/{id}").as_str()));
        let mut names: Vec<_> = task.as_object().unwrap().keys().map(String::as_str).collect();
        // Whether serde_json keeps the order of a document is up to the features that other crates ask of it.
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "assignee",
                "createdAt",
                "deleted",
                "due",
                "id",
                "labels",
                "notes",
                "parent",
                "position",
                "priority",
                "status",
                "title",
                "updatedAt"
            ]
        );
        assert_eq!(task["labels"], json!(["food", "shop"]));
        assert_eq!(task["createdAt"], "2026-09-21T14:13:20.000Z");
        let heard = worker.heard();
        let [Announcement::Changed { room, from: None, batch }] = heard.as_slice() else { panic!("{heard:?}") };
        assert_eq!(*room, room_id());
        let mut peer = Replica::new(DeviceId::from_bytes(*b"the peer........"));
        assert_eq!(peer.apply(peer.decode(batch, Some(worker.device().await)).unwrap(), NOW).unwrap().fresh.len(), 1);

        let part = format!("/tasks/{id}");
        let patched = worker
            .send(
                "PATCH",
                &part,
                json!({ "status": "done", "due": null, "labels": ["food", "urgent"], "title": "Buy milk" }),
            )
            .await;
        let patched: Value = document(&patched);
        assert_eq!((&patched["status"], &patched["due"]), (&json!("done"), &Value::Null));
        assert_eq!(patched["labels"], json!(["food", "urgent"]));
        assert_eq!(patched["notes"], "2 l");
        let heard = worker.heard();
        let [Announcement::Changed { batch, .. }] = heard.as_slice() else { panic!("{heard:?}") };
        // Status, due and two labels, and that labels were written; the title stays as it is and is not written.
        assert_eq!(peer.decode(batch, Some(worker.device().await)).unwrap().changes[0].ops.len(), 5);

        assert_eq!(worker.send("DELETE", &part, Value::Null).await.status, 204);
        assert_eq!(worker.titles().await, [""; 0]);
        assert_eq!(document::<Value>(&worker.get(&part).await)["deleted"], true);
        assert_eq!(worker.send("DELETE", &part, Value::Null).await.status, 204);
        // It is in the trash with all that it had, and a deletion of it writes nothing.
        let trash: Tasks = document(&worker.get("/tasks?deleted=only").await);
        assert_eq!((trash.tasks.len(), trash.tasks[0].notes.as_str()), (1, "2 l"));
        let writes = worker.store.writes();
        for patch in [json!({ "deleted": true }), json!({ "deleted": true, "notes": "left over" }), json!({})] {
            let patched: Value = document(&worker.send("PATCH", &part, patch).await);
            assert_eq!((&patched["deleted"], &patched["notes"]), (&json!(true), &json!("2 l")));
        }
        assert_eq!(worker.store.writes(), writes);
        // Dragging it does not bring it back, restoring and writing to it does.
        let moved: Value = document(&worker.send("PATCH", &part, json!({ "position": "4080" })).await);
        assert_eq!(moved["deleted"], true);
        for patch in [json!({ "deleted": false }), json!({ "status": "doing" })] {
            let back: Value = document(&worker.send("PATCH", &part, patch).await);
            assert_eq!((&back["deleted"], &back["title"]), (&json!(false), &json!("Buy milk")));
            assert_eq!((&back["notes"], &back["labels"]), (&json!("2 l"), &json!(["food", "urgent"])));
            assert_eq!(worker.titles().await, ["Buy milk"]);
            worker.send("DELETE", &part, Value::Null).await;
        }
        // After a month nothing is left of it, so it takes a title to bring it back.
        worker.host.now.set(NOW + 32 * 24 * 60 * 60 * 1000);
        worker.add("Buy bread").await;
        assert_eq!(document::<Tasks>(&worker.get("/tasks?deleted=only").await).tasks, []);
        let refused = problem(&worker.send("PATCH", &part, json!({ "deleted": false })).await, 409);
        assert_eq!(refused.detail, "Nothing is left of the task. Give it a title to bring it back.");
        let back: Value = document(&worker.send("PATCH", &part, json!({ "title": "Buy milk" })).await);
        assert_eq!((&back["deleted"], &back["notes"]), (&json!(false), &json!("")));
    }

    #[tokio::test]
    async fn deleting_twice_does_not_bring_back_at_others() {
        let worker = Worker::with_room().await;
        let task = worker.add("Buy milk").await;
        let part = format!("/tasks/{}", task.id);
        let first = worker.sync(&VersionVector::new()).await.remove(0).batch;
        worker.heard();
        worker.send("DELETE", &part, Value::Null).await;
        worker.send("PATCH", &part, json!({ "notes": "left over", "deleted": true })).await;
        let heard = worker.heard();
        assert_eq!(heard.len(), 1, "the second time nothing is written");
        let mut peer = Replica::new(DeviceId::from_bytes(*b"the peer........"));
        peer.apply(first, NOW).unwrap();
        let Announcement::Changed { batch, .. } = &heard[0] else { panic!("{heard:?}") };
        peer.apply(peer.decode(batch, Some(worker.device().await)).unwrap(), NOW).unwrap();
        assert!(peer.tasks().is_empty());
    }

    #[tokio::test]
    async fn what_was_dropped_leaves_the_disk() {
        let worker = Worker::with_room().await;
        let task = worker.add("a confidential matter").await;
        worker.add("Buy bread").await;
        worker.send("DELETE", &format!("/tasks/{}", task.id), Value::Null).await;
        for number in 0..2_000 {
            worker.send("PUT", "", json!({ "name": format!("Room {number}") })).await;
        }
        worker.service.tidy().await;
        let is_there = async || {
            let stored = worker.store.read(room_id(), None).await.unwrap().unwrap();
            let pages = stored.pages.unwrap().pages.into_iter().map(|page| page.bytes);
            pages
                .chain(stored.log.into_iter().map(|(_, record)| record))
                .any(|bytes| bytes.windows(12).any(|part| part == b"confidential"))
        };
        assert!(is_there().await);
        worker.host.now.set(NOW + 32 * 24 * 60 * 60 * 1000);
        worker.add("Buy milk").await;
        worker.service.tidy().await;
        assert!(!is_there().await);
        assert_eq!(worker.successor().titles().await, ["Buy bread", "Buy milk"]);
    }

    #[tokio::test]
    async fn a_patch_is_a_json_merge_patch() {
        let worker = Worker::with_room().await;
        let task = worker.add("Buy milk").await;
        let part = format!("/tasks/{}", task.id);
        let full = json!({ "notes": "n", "assignee": "Ada", "labels": ["x"], "priority": 2, "status": "doing",
            "due": "2026-12-24" });
        worker.send("PATCH", &part, full).await;
        // What can be taken away is taken away by null.
        for (field, value) in [
            ("notes", json!("")),
            ("assignee", json!("")),
            ("labels", json!([])),
            ("priority", json!(0)),
            ("status", json!("open")),
            ("due", Value::Null),
            ("parent", Value::Null),
        ] {
            let patched: Value = document(&worker.send("PATCH", &part, json!({ field: null })).await);
            assert_eq!(patched[field], value, "{field}");
        }
        // What cannot, what is read only, of another type, or unknown, is refused with its name.
        let before: Value = document(&worker.get(&part).await);
        for patch in [
            json!({ "title": null }),
            json!({ "position": null }),
            json!({ "deleted": null }),
            json!({ "addLabels": null }),
            json!({ "id": "7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e" }),
            json!({ "createdAt": "2026-01-01T00:00:00.000Z" }),
            json!({ "updatedAt": 7 }),
            json!({ "title": 7 }),
            json!({ "labels": "x" }),
            json!({ "priority": 4 }),
            json!({ "status": "waiting" }),
            json!({ "titel": "x" }),
            json!({ "labels": [], "addLabels": ["x"] }),
            json!([]),
            json!("x"),
        ] {
            problem(&worker.send("PATCH", &part, patch.clone()).await, 400);
            assert_eq!(document::<Value>(&worker.get(&part).await), before, "{patch}");
        }
        // A document can be put back as it was read; its media type is that of the RFC, or JSON.
        let writes = worker.store.writes();
        for media in ["application/merge-patch+json", "application/json; charset=utf-8"] {
            let content_type = Some(media.to_owned());
            let whole = request("PATCH", &part, before.to_string().into_bytes());
            assert_eq!(worker.ask(Request { content_type, ..whole }).await.status, 200, "{media}");
        }
        let content_type = Some("application/merge-patch+json".to_owned());
        let posted = request("POST", "/tasks", br#"{"title":"x"}"#.to_vec());
        problem(&worker.ask(Request { content_type, ..posted }).await, 415);
        assert_eq!(worker.store.writes(), writes);
    }

    #[tokio::test]
    async fn labels_are_added_and_taken_off_one_by_one() {
        let worker = Worker::with_room().await;
        let task = worker.add("Buy milk").await;
        let part = format!("/tasks/{}", task.id);
        // Two quick clicks on the same sight, and a label that arrives in between.
        for label in ["shop", "urgent", "Bob's"] {
            worker.send("PATCH", &part, json!({ "addLabels": [label] })).await;
        }
        worker.send("PATCH", &part, json!({ "removeLabels": ["urgent", "not there"], "addLabels": ["food"] })).await;
        let patched: TaskDocument = document(&worker.get(&part).await);
        assert_eq!(patched.labels, ["Bob's", "food", "shop"]);
        let writes = worker.store.writes();
        worker.send("PATCH", &part, json!({ "addLabels": ["food"], "removeLabels": ["urgent"] })).await;
        assert_eq!(worker.store.writes(), writes, "what is so already is not written");
    }

    #[tokio::test]
    async fn a_write_can_be_made_to_depend_on_what_was_read() {
        let worker = Worker::with_room().await;
        let task = worker.add("Buy milk").await;
        let part = format!("/tasks/{}", task.id);
        let etag = async || worker.get(&part).await.header("etag").unwrap().to_owned();
        let seen = etag().await;
        assert_eq!(etag().await, seen);
        let patch = async |if_match: &str, notes: &str| {
            let body = json!({ "notes": notes }).to_string().into_bytes();
            worker.ask(Request { if_match: Some(if_match.to_owned()), ..request("PATCH", &part, body) }).await
        };
        let first = patch(&seen, "mine").await;
        assert_eq!((first.status, first.header("etag").map(str::to_owned)), (200, Some(etag().await)));
        let refused = problem(&patch(&seen, "yours").await, 412);
        assert_eq!(refused.kind, "urn:partyline:changed-meanwhile");
        let deletion = Request { if_match: Some(seen.clone()), ..request("DELETE", &part, Vec::new()) };
        problem(&worker.ask(deletion).await, 412);
        assert_eq!(document::<Value>(&worker.get(&part).await)["notes"], "mine");
        assert_eq!(patch("*", "any").await.status, 200);
        let tags = format!("{seen}, {}", etag().await);
        assert_eq!(patch(&tags, "either").await.status, 200);
    }

    #[tokio::test]
    async fn parents_are_there_and_make_no_circle() {
        let worker = Worker::with_room().await;
        let (a, b, c) = (worker.add("a").await.id, worker.add("b").await.id, worker.add("c").await.id);
        let put = async |task: &str, parent: Value| {
            worker.send("PATCH", &format!("/tasks/{task}"), json!({ "parent": parent })).await.status
        };
        assert_eq!((put(&a, json!(b)).await, put(&b, json!(c)).await), (200, 200));
        assert_eq!((put(&c, json!(a)).await, put(&a, json!(a)).await), (400, 400), "a circle of three, and of one");
        assert_eq!(put(&c, json!("7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e")).await, 400, "nobody has heard of it");
        worker.send("DELETE", &format!("/tasks/{c}"), Value::Null).await;
        assert_eq!(put(&a, json!(c)).await, 400, "deleted");
        let stray = json!({ "title": "d", "parent": "7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e" });
        problem(&worker.send("POST", "/tasks", stray).await, 400);
        assert_eq!(put(&a, Value::Null).await, 200);
    }

    #[tokio::test]
    async fn subtasks_are_two_levels_deep_at_most() {
        let worker = Worker::with_room().await;
        let mut ids = Vec::new();
        for title in ["a", "b", "c", "d", "e"] {
            ids.push(worker.add(title).await.id);
        }
        let put = async |task: usize, parent: usize| {
            let patch = json!({ "parent": ids[parent] });
            worker.send("PATCH", &format!("/tasks/{}", ids[task]), patch).await
        };
        assert_eq!((put(1, 0).await.status, put(2, 1).await.status), (200, 200));
        let deep = problem(&put(3, 2).await, 400);
        assert_eq!(deep.detail, "`parent`: a task can have 2 levels of subtasks at most.");
        // What has subtasks itself brings them along.
        assert_eq!((put(4, 3).await.status, put(3, 1).await.status, put(3, 0).await.status), (200, 400, 200));
        let new = json!({ "title": "f", "parent": ids[2] });
        problem(&worker.send("POST", "/tasks", new).await, 400);
    }

    #[tokio::test]
    async fn what_people_write_can_be_seen_and_stays_in_its_line() {
        let worker = Worker::with_room().await;
        let part = format!("/tasks/{}", worker.add("Buy milk").await.id);
        for text in ["\u{200b}", "\u{feff}", "\u{0}", "\u{2060}\u{200d}", "\u{202e}abc", "\u{ad}", "a\nb", "\u{3164}"] {
            problem(&worker.send("POST", "/tasks", json!({ "title": text })).await, 400);
            problem(&worker.send("PUT", "", json!({ "name": text })).await, 400);
            problem(&worker.send("PUT", "/device", json!({ "name": text })).await, 400);
            for patch in [json!({ "title": text }), json!({ "assignee": text }), json!({ "addLabels": [text] })] {
                problem(&worker.send("PATCH", &part, patch).await, 400);
            }
        }
        problem(&worker.send("PATCH", &part, json!({ "notes": "a\u{202e}b" })).await, 400);
        for title in ["שלום", "👩\u{200d}👧", "नी", "\u{200e}x"] {
            assert_eq!(worker.add(title).await.title, title);
        }
        let notes: Value = document(&worker.send("PATCH", &part, json!({ "notes": "a\n\tb" })).await);
        assert_eq!(notes["notes"], "a\n\tb");
        // Equal in either normal form is equal.
        worker.send("PATCH", &part, json!({ "addLabels": ["caf\u{e9}"] })).await;
        let both: Value = document(&worker.send("PATCH", &part, json!({ "addLabels": ["cafe\u{301}"] })).await);
        assert_eq!(both["labels"], json!(["caf\u{e9}"]));
        let none: Value = document(&worker.send("PATCH", &part, json!({ "removeLabels": ["cafe\u{301}"] })).await);
        assert_eq!(none["labels"], json!([]));
    }

    #[tokio::test]
    async fn a_page_hears_that_its_cursor_is_no_longer_good() {
        let worker = Worker::with_room().await;
        for number in 0..5 {
            worker.add(&format!("task {number}")).await;
        }
        let before: Tasks = document(&worker.get("/tasks").await);
        worker.store.tear_log(room_id(), 3, b"torn");
        let worker = worker.successor();
        for cursor in [before.cursor.as_str(), "0", "18446744073709551615"] {
            let stale = problem(&worker.get(&format!("/tasks?since={cursor}")).await, 410);
            assert_eq!(stale.kind, "urn:partyline:stale-cursor");
        }
        let after: Tasks = document(&worker.get("/tasks").await);
        assert_eq!(after.tasks.len(), 4);
        assert_eq!(document::<Tasks>(&worker.get(&format!("/tasks?since={}", after.cursor)).await).tasks, []);
    }

    #[tokio::test]
    async fn new_tasks_go_to_the_end() {
        let worker = Worker::with_room().await;
        for title in ["a", "b", "c"] {
            worker.add(title).await;
        }
        let worker = worker.successor();
        let (first, second): (TaskDocument, TaskDocument) = {
            let tasks: Tasks = document(&worker.get("/tasks").await);
            (tasks.tasks[0].clone(), tasks.tasks[1].clone())
        };
        assert!(first.position < second.position);
        worker.add("d").await;
        worker.send("PATCH", &format!("/tasks/{}", second.id), json!({ "position": first.position })).await;
        worker.add("e").await;
        let titles = worker.titles().await;
        assert_eq!(titles[2..], ["c", "d", "e"]);
    }

    #[tokio::test]
    async fn what_was_touched_since() {
        let worker = Worker::with_room().await;
        let milk = worker.add("Buy milk").await;
        worker.add("Buy bread").await;
        let all: Tasks = document(&worker.get("/tasks").await);
        assert_eq!(all.tasks.len(), 2);
        let since = async |worker: &Worker, cursor: &str| -> Tasks {
            document(&worker.get(&format!("/tasks?since={cursor}")).await)
        };
        assert_eq!(since(&worker, &all.cursor).await.tasks, []);
        worker.send("DELETE", &format!("/tasks/{}", milk.id), Value::Null).await;
        let touched = since(&worker, &all.cursor).await;
        assert_eq!(touched.tasks.len(), 1);
        assert!(touched.tasks[0].deleted && touched.tasks[0].id == milk.id);
        // A cursor outlives the worker.
        assert_eq!(since(&worker.successor(), &all.cursor).await, touched);
        assert_eq!(since(&worker.successor(), &touched.cursor).await.tasks, []);
    }

    #[tokio::test]
    async fn the_same_id_twice_is_one_task() {
        let worker = Worker::with_room().await;
        let id = TaskId::from_random_bytes([9; 16]).to_string();
        assert_eq!(worker.send("POST", "/tasks", json!({ "title": "a", "id": id })).await.status, 201);
        let again = worker.send("POST", "/tasks", json!({ "title": "a", "id": id })).await;
        assert_eq!(problem(&again, 409).kind, "urn:partyline:task-exists");
        assert_eq!(worker.titles().await, ["a"]);
    }

    #[tokio::test]
    async fn refusals_say_what_is_wrong() {
        let worker = Worker::with_room().await;
        let id = worker.add("a").await.id;
        let part = format!("/tasks/{id}");
        let before = worker.store.writes();
        for (body, detail) in [
            (json!({ "title": "x".repeat(2310) }), "The title is too long: 2,310 bytes; the limit is 1,024."),
            (json!({ "notes": "x".repeat(20_000) }), "The notes are too long: 20,000 bytes; the limit is 16,384."),
            (json!({ "title": "  " }), "A task needs a title."),
            (json!({ "priority": 4 }), "`priority` is 0 (none) to 3 (high), not 4."),
            (json!({ "due": "2026-02-30" }), "`due`: "),
            (json!({ "parent": id }), "`parent`: a task cannot be a part of itself."),
            (json!({ "parent": "nonsense" }), "`parent`: "),
            (json!({ "position": "nonsense" }), "`position`: "),
            (json!({ "labels": [""] }), "A label must not be empty."),
            (
                json!({ "status": "finished" }),
                "Unknown variant `finished`, expected one of `open`, `doing`, `blocked`, `done`",
            ),
            (json!({ "titel": "b" }), "Unknown field `titel`"),
            (json!({ "title": 1 }), "Invalid type: integer `1`, expected a string"),
        ] {
            let response = worker.send("PATCH", &part, body.clone()).await;
            let problem = problem(&response, 400);
            assert!(problem.detail.contains(detail), "{body} {problem:?}");
        }
        let missing = format!("/tasks/{}", TaskId::from_random_bytes([1; 16]));
        for method in ["GET", "PATCH", "DELETE"] {
            let response = worker.send(method, &missing, json!({})).await;
            assert_eq!(problem(&response, 404).kind, "urn:partyline:unknown-task");
        }
        problem(&worker.ask(request("PATCH", &part, b"{".to_vec())).await, 400);
        problem(&worker.ask(request("PATCH", &part, vec![b' '; (1 << 20) + 1])).await, 413);
        let xml = Request { content_type: Some("text/xml".to_owned()), ..request("PATCH", &part, b"{}".to_vec()) };
        problem(&worker.ask(xml).await, 415);
        let allow = worker.ask(request("PUT", &part, Vec::new())).await;
        problem(&allow, 405);
        assert_eq!(allow.header("allow"), Some("GET, PATCH, DELETE"));
        problem(
            &worker.ask(request("GET", "/peers/00112233445566778899aabbccddeeff/peer/v1/health", Vec::new())).await,
            404,
        );
        assert_eq!(worker.store.writes(), before);
        assert_eq!(worker.titles().await, ["a"]);
    }
}

mod merging {
    use super::*;

    #[tokio::test]
    async fn changes_of_a_peer_are_merged_announced_and_answered_once() {
        let worker = Worker::with_room().await;
        worker.heard();
        let (bob, batch) = bob(&["Buy milk", "Buy bread"]);
        let from_bob = || Request { device: Some(bob.device().to_string()), ..cbor("/changes", batch.encode()) };
        let merged = worker.ask(from_bob()).await;
        assert_eq!(Merged::from_cbor(&merged.body), Some(Merged::default()));
        let heard = worker.heard();
        let [Announcement::Changed { from: Some(device), batch: announced, .. }] = heard.as_slice() else {
            panic!("{heard:?}")
        };
        assert_eq!((*device, Batch::decode(announced).unwrap()), (bob.device(), batch.clone()));

        let writes = worker.store.writes();
        assert_eq!(Merged::from_cbor(&worker.ask(from_bob()).await.body), Some(Merged::default()));
        assert_eq!((worker.store.writes(), worker.heard().len()), (writes, 0), "known changes are no news");
        assert_eq!(worker.successor().titles().await.len(), 2);

        // The same in JSON.
        let answer = worker.sync(&VersionVector::new()).await.remove(0);
        let json = worker.send("POST", "/sync", json!({ "vector": {} })).await;
        let json: Value = document(&json);
        assert_eq!(json["batch"]["changes"].as_array().unwrap().len(), answer.batch.changes.len());
        let second = Worker::with_room().await;
        second.ask(cbor("/changes", answer.encode())).await;
        problem(&second.send("POST", "/changes", json["batch"].clone()).await, 415);
        let vector: Vector = document(&second.get("/vector").await);
        assert_eq!(vector.get(&bob.device().to_string()), Some(&2));
        let accept = Some("text/html, application/cbor;q=0.9".to_owned());
        let binary = second.ask(Request { accept, ..request("GET", "/vector", Vec::new()) }).await;
        assert_eq!(VersionVector::decode(&binary.body).unwrap().get(bob.device()), 2);
    }

    #[tokio::test]
    async fn a_gap_is_told_and_a_sync_closes_it() {
        let alice = Worker::with_room().await;
        let (bob, batch) = bob(&["a", "b", "c"]);
        let last = Batch::live(vec![batch.changes[2].clone()]);
        let told = alice.ask(cbor("/changes", last.encode())).await;
        assert_eq!(Merged::from_cbor(&told.body), Some(Merged { gap: true, ..Merged::default() }));
        let vector = VersionVector::decode(
            &alice
                .ask(Request { accept: Some("application/cbor".to_owned()), ..request("GET", "/vector", vec![]) })
                .await
                .body,
        )
        .unwrap();
        let answer = bob.answer(&SyncRequest { vector, ..SyncRequest::default() }, 64 << 10);
        assert_eq!(answer.next, None);
        let told = alice.ask(cbor("/changes", answer.batch.encode())).await;
        assert_eq!(Merged::from_cbor(&told.body), Some(Merged::default()));
        let vector: Vector = document(&alice.successor().get("/vector").await);
        assert_eq!(vector.get(&bob.device().to_string()), Some(&3));
    }

    #[tokio::test]
    async fn a_large_room_goes_over_in_chunks() {
        let alice = Worker::with_room().await;
        let titles: Vec<String> = (0..255).map(|n| format!("{n} {}", "x".repeat(900))).collect();
        let (_, batch) = bob(&titles.iter().map(String::as_str).collect::<Vec<_>>());
        alice.ask(cbor("/changes", batch.encode())).await;
        let answers = alice.sync(&VersionVector::new()).await;
        assert!(answers.len() >= 4, "{}", answers.len());
        let second = Worker::with_room().await;
        for answer in answers {
            assert!(answer.encode().len() <= 64 << 10);
            assert_eq!(second.ask(cbor("/changes", answer.batch.encode())).await.status, 200);
        }
        assert_eq!(second.titles().await, alice.titles().await);
    }

    #[tokio::test]
    async fn a_newer_format_is_named() {
        let worker = Worker::with_room().await;
        let (_, batch) = bob(&["a"]);
        let mut bytes = batch.encode();
        bytes[0] += 1;
        let refused = problem(&worker.ask(cbor("/changes", bytes)).await, 422);
        assert_eq!(refused.detail, "This comes from a newer Partyline; update this one.");
    }

    #[tokio::test]
    async fn a_peer_reaches_nothing_else() {
        let worker = Worker::with_room().await;
        let device = Some("00112233445566778899aabbccddeeff".to_owned());
        let room: Value = document(&worker.get("").await);
        let secrets = ["key", "secret"].map(|name| room[name].as_str().unwrap().to_owned());
        for (method, part) in [
            ("GET", ""),
            ("PUT", ""),
            ("DELETE", ""),
            ("GET", "/peer/v1/rooms"),
            ("PUT", "/device"),
            ("POST", "/tasks"),
        ] {
            let request = Request { device: device.clone(), ..request(method, part, b"{}".to_vec()) };
            let refused = worker.ask(request).await;
            problem(&refused, 403);
            let said = String::from_utf8(refused.body).unwrap();
            assert!(!secrets.iter().any(|secret| said.contains(secret)), "{method} {part}: {said}");
        }
        let request = Request { device: Some("nonsense".to_owned()), ..request("GET", "/vector", Vec::new()) };
        problem(&worker.ask(request).await, 400);
        assert_eq!(worker.get("").await.status, 200);
    }
}

mod rest {
    use super::*;

    /// Two that are in the same room.
    async fn two() -> (Worker, Worker) {
        let (alice, bob) = (Worker::with_room().await, Worker::new());
        bob.host.random.set(1 << 32);
        assert_eq!(bob.send("PUT", "", json!({ "secret": SECRET })).await.status, 201);
        (alice, bob)
    }

    #[tokio::test]
    async fn after_damage_a_sync_comes_to_rest() {
        let (alice, bob) = two().await;
        for number in 0..300 {
            alice.add(&format!("task {number}")).await;
        }
        alice.store.tear_log(room_id(), 5, b"torn");
        let alice = alice.successor();
        assert_eq!(alice.titles().await.len(), 299);
        alice.exchange(&bob).await;
        alice.add("after").await;
        assert_eq!(bob.pull(&alice).await.0, 1);
    }

    #[tokio::test]
    async fn after_damage_of_what_was_new_a_sync_comes_to_rest() {
        let (alice, bob) = two().await;
        for number in 0..50 {
            alice.add(&format!("task {number}")).await;
        }
        bob.pull(&alice).await;
        for number in 50..100 {
            alice.add(&format!("task {number}")).await;
        }
        alice.store.tear_log(room_id(), 60, b"torn");
        alice.successor().exchange(&bob).await;
    }

    #[tokio::test]
    async fn a_vector_that_was_not_asked_for_is_not_believed() {
        let (alice, bob) = two().await;
        let task = bob.add("Bob's").await;
        let bobs = bob.device().await;
        let claims: VersionVector = [(bobs, 1000), (alice.device().await, (1 << 53) - 1)].into_iter().collect();
        let mut lie = Replica::new(DeviceId::from_bytes(*b"mallory.........")).answer(&SyncRequest::default(), 1000);
        lie.batch.vector = Some(claims);
        for asker in [None, Some("00112233445566778899aabbccddeeff".to_owned())] {
            let pushed = Request { asker, device: Some(bobs.to_string()), ..cbor("/changes", lie.encode()) };
            let merged = Merged::from_cbor(&alice.ask(pushed).await.body).unwrap();
            assert_eq!(merged, Merged { gap: true, ..Merged::default() });
        }
        assert_eq!(alice.vector().await.get(bobs), 0);
        // One that was asked for is believed, and it hides nothing. Only of its own numbers this device
        // knows better: it goes on under an id that nobody can have used.
        let before = alice.device().await;
        let asker = Some(before.to_string());
        alice.ask(Request { asker, ..cbor("/changes", lie.encode()) }).await;
        assert_eq!(alice.vector().await.get(bobs), 0);
        assert_ne!(alice.device().await, before);
        let asker = Some(alice.device().await.to_string());
        alice.ask(Request { asker, ..cbor("/changes", lie.encode()) }).await;
        assert_eq!(alice.vector().await.get(bobs), 1000);
        assert_eq!(alice.add("Alice's").await.title, "Alice's");
        alice.exchange(&bob).await;
        assert!(alice.titles().await.contains(&task.title));
    }

    #[tokio::test]
    async fn a_database_that_was_put_back_loses_nothing() {
        let (alice, bob) = two().await;
        alice.add("before").await;
        let backup = alice.store.copy();
        alice.add("after the backup").await;
        alice.exchange(&bob).await;
        let restored = Worker::on(&backup, &alice.host);
        restored.add("after it was put back").await;
        restored.exchange(&bob).await;
        assert_eq!(bob.titles().await.len(), 3);
    }

    #[tokio::test]
    async fn two_copies_of_a_database_lose_nothing_by_each_other() {
        let (laptop, carol) = two().await;
        laptop.add("before").await;
        let copy = Worker::on(&laptop.store.copy(), &laptop.host);
        laptop.add("on the old laptop").await;
        copy.add("on the new laptop").await;
        for _ in 0..2 {
            laptop.exchange(&carol).await;
            copy.exchange(&carol).await;
        }
        laptop.exchange(&carol).await;
        assert_eq!(carol.titles().await.len(), 3);
    }
}

mod storage {
    use super::*;

    #[tokio::test]
    async fn a_failed_write_leaves_no_trace() {
        let worker = Worker::with_room().await;
        worker.add("kept").await;
        let vector: Vector = document(&worker.get("/vector").await);
        worker.heard();
        worker.store.fail_next_write(StoreError::Quota);
        let refused = worker.send("POST", "/tasks", json!({ "title": "lost" })).await;
        assert_eq!(problem(&refused, 507).kind, "urn:partyline:storage-full");
        worker.store.fail_next_write(StoreError::Failed("the disk is gone".to_owned()));
        let refused = worker.send("POST", "/tasks", json!({ "title": "lost" })).await;
        assert!(problem(&refused, 500).detail.contains("the disk is gone"));
        assert_eq!(worker.heard(), []);
        assert_eq!(worker.titles().await, ["kept"]);
        assert_eq!(document::<Vector>(&worker.get("/vector").await), vector);
        worker.add("after").await;
        assert_eq!(worker.successor().titles().await, ["kept", "after"]);
    }

    #[tokio::test]
    async fn two_workers_never_write_on_top_of_the_same_state() {
        let old = Worker::with_room().await;
        let new = old.successor();
        old.add("a").await;
        new.add("b").await;
        // Both have the room in memory now, and each is behind after the other's write.
        for (number, worker) in [&old, &new, &new, &old, &old, &new].into_iter().enumerate() {
            worker.add(&number.to_string()).await;
        }
        let titles = old.titles().await;
        assert_eq!(titles, ["a", "b", "0", "1", "2", "3", "4", "5"]);
        assert_eq!(new.titles().await, titles);
        assert_eq!(old.successor().titles().await, titles);
        // One room name and eight tasks, all numbered by the one device that both are.
        let vector: Vector = document(&new.get("/vector").await);
        assert_eq!(vector.values().copied().collect::<Vec<_>>(), [9]);
    }

    #[tokio::test]
    async fn decisions_are_made_on_what_is_stored() {
        let old = Worker::with_room().await;
        let task = old.add("a").await;
        let new = old.successor();
        new.send("DELETE", &format!("/tasks/{}", task.id), Value::Null).await;
        // The old worker's memory says that the task is there, and that there is no other.
        let back: TaskDocument =
            document(&old.send("PATCH", &format!("/tasks/{}", task.id), json!({ "title": "back" })).await);
        assert!(!back.deleted);
        let id = TaskId::from_random_bytes([9; 16]).to_string();
        new.send("POST", "/tasks", json!({ "title": "b", "id": id })).await;
        assert_eq!(old.send("PATCH", &format!("/tasks/{id}"), json!({ "title": "c" })).await.status, 200);
        problem(&old.send("POST", "/tasks", json!({ "title": "d", "id": id })).await, 409);
        new.ask(request("DELETE", "", Vec::new())).await;
        problem(&old.send("POST", "/tasks", json!({ "title": "e" })).await, 404);
    }

    #[tokio::test]
    async fn requests_for_one_room_are_queued() {
        let worker = Worker::with_room().await;
        let titles: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        let local = tokio::task::LocalSet::new();
        let worker = Rc::new(worker);
        local
            .run_until(async {
                let tasks: Vec<_> = titles
                    .iter()
                    .map(|title| {
                        let (worker, title) = (Rc::clone(&worker), title.clone());
                        tokio::task::spawn_local(async move { worker.add(&title).await })
                    })
                    .collect();
                for task in tasks {
                    task.await.unwrap();
                }
            })
            .await;
        assert_eq!(worker.titles().await, titles);
        assert_eq!(worker.successor().titles().await, titles);
    }

    #[tokio::test]
    async fn compaction_keeps_everything_and_can_fail() {
        let worker = Worker::with_room().await;
        worker.host.now.set(NOW + 1);
        for number in 0..160 {
            worker.send("POST", "/tasks", json!({ "title": number.to_string(), "notes": "x".repeat(1000) })).await;
        }
        let (titles, vector) = (worker.titles().await, text(&worker.get("/vector").await));
        let cursor = document::<Tasks>(&worker.get("/tasks").await).cursor;
        let before = worker.store.head(room_id()).unwrap();
        assert!(before.is_compaction_due(&Limits::default()), "{before:?}");

        worker.store.fail_next_write(StoreError::Quota);
        worker.service.tidy().await;
        assert_eq!(worker.store.head(room_id()), Some(before));
        assert_eq!(worker.titles().await, titles);

        worker.add("one more").await;
        worker.service.tidy().await;
        let after = worker.store.head(room_id()).unwrap();
        assert_eq!((after.records, after.log_bytes, after.generation), (0, 0, before.generation + 1));
        assert!(after.page_bytes > 0 && !after.is_compaction_due(&Limits::default()), "{after:?}");
        let successor = worker.successor();
        assert_eq!(successor.titles().await.len(), titles.len() + 1);
        assert_ne!(text(&successor.get("/vector").await), vector);
        let touched: Tasks = document(&successor.get(&format!("/tasks?since={cursor}")).await);
        assert_eq!(touched.tasks.len(), 1, "cursors outlive a compaction");
        successor.add("and another").await;
        assert_eq!(worker.titles().await.last().map(String::as_str), Some("and another"));
    }

    #[tokio::test]
    async fn overwritten_values_take_no_space_for_long() {
        let worker = Worker::with_room().await;
        let id = worker.add("a").await.id;
        for number in 0..3000 {
            let notes = format!("{number} {}", "x".repeat(200));
            worker.send("PATCH", &format!("/tasks/{id}"), json!({ "notes": notes })).await;
            worker.service.tidy().await;
        }
        let head = worker.store.head(room_id()).unwrap();
        assert!(head.page_bytes < 2_000 && head.log_bytes <= 129 << 10, "{head:?}");
    }

    #[tokio::test]
    async fn a_damaged_log_record_does_not_take_the_room_with_it() {
        let worker = Worker::with_room().await;
        for title in ["a", "b", "c"] {
            worker.add(title).await;
        }
        let (bob, batch) = bob(&["Bob's"]);
        let answer = bob.answer(&SyncRequest::default(), 64 << 10);
        assert_eq!(answer.batch.changes, batch.changes);
        let asker = Some(worker.device().await.to_string());
        worker.ask(Request { asker, ..cbor("/changes", answer.encode()) }).await;
        let everything = worker.sync(&VersionVector::new()).await.remove(0);
        let device = document::<Value>(&worker.get("").await)["device"].clone();
        let before: Vector = document(&worker.get("/vector").await);
        // Record 1 is the name, 3 is "b".
        worker.store.tear_log(room_id(), 3, &[1, 0x82, 0x40, 0xff]);

        let worker = worker.successor();
        let titles = worker.titles().await;
        assert!(
            titles.contains(&"a".to_owned())
                && titles.contains(&"c".to_owned())
                && titles.contains(&"Bob's".to_owned())
        );
        assert_eq!(document::<Value>(&worker.get("/peer/v1/health").await)["damaged"], 1);
        // It claims nothing that is lost, so it gets it back; and its old numbers are not given again.
        let vector: Vector = document(&worker.get("/vector").await);
        let had = |vector: &Vector| *vector.get(device.as_str().unwrap()).unwrap();
        assert!(had(&vector) < had(&before));
        assert_ne!(document::<Value>(&worker.get("").await)["device"], device);
        worker.add("d").await;
        let vector_bytes = worker
            .ask(Request { accept: Some("application/cbor".to_owned()), ..request("GET", "/vector", vec![]) })
            .await
            .body;
        let mut peer = Replica::new(DeviceId::from_bytes(*b"the peer........"));
        peer.apply(Batch { asker: Some(peer.device()), ..everything.batch }, NOW).unwrap();
        let vector = VersionVector::decode(&vector_bytes).unwrap();
        let missing = peer.answer(&SyncRequest { vector, ..SyncRequest::default() }, 64 << 10);
        worker.ask(cbor("/changes", missing.batch.encode())).await;
        let mut titles = worker.successor().titles().await;
        titles.sort();
        assert_eq!(titles, ["Bob's", "a", "b", "c", "d"]);
    }

    #[tokio::test]
    async fn a_damaged_page_does_not_take_the_room_with_it() {
        let worker = Worker::with_room().await;
        for number in 0..700 {
            worker.send("POST", "/tasks", json!({ "title": number.to_string(), "notes": "x".repeat(1000) })).await;
            worker.service.tidy().await;
        }
        let pages = worker.store.pages(room_id()).len();
        assert!(pages >= 2, "{pages}");
        worker.store.tear_page(room_id(), b"");
        let worker = worker.successor();
        let titles = worker.titles().await;
        assert!(titles.len() > 300 && titles.len() < 700, "{}", titles.len());
        assert_eq!(document::<Value>(&worker.get("/peer/v1/health").await)["damaged"], 1);
        worker.add("after").await;
        assert_eq!(worker.successor().titles().await.len(), titles.len() + 1);
    }

    /// A room as it was kept before devices had keys.
    fn room_without_a_key() -> RoomRecord {
        RoomRecord {
            room: room_id(),
            secret: RoomSecret::parse(SECRET).unwrap(),
            key: None,
            joined_at: NOW,
            renewed_at: 0,
            name: "Kitchen".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_room_of_before_there_were_keys_gets_one() {
        let worker = Worker::new();
        let mut replica = Replica::new(DeviceId::from_bytes(*b"a random id....."));
        let change = replica.edit(ObjectId::Room, vec![Op::Name("Kitchen".into())], NOW).unwrap();
        let record = room_without_a_key();
        worker.store.create(&record, Some(&Batch::live(vec![change]).at(NOW).encode())).await.unwrap();
        let room: Value = document(&worker.get("").await);
        let key = DeviceKey::parse(room["key"].as_str().unwrap()).unwrap();
        assert_eq!((&room["name"], &room["device"]), (&json!("Kitchen"), &json!(key.device().to_string())));
        worker.add("Buy milk").await;
        let worker = worker.successor();
        assert_eq!(document::<Value>(&worker.get("").await)["key"], room["key"]);
        let vector: Vector = document(&worker.get("/vector").await);
        assert_eq!(vector.get(&key.device().to_string()), Some(&1));
        assert_eq!(vector.get(&replica.device().to_string()), Some(&1));
    }

    #[tokio::test]
    async fn a_room_of_before_there_were_keys_and_of_a_format_that_is_not_read_is_left_alone() {
        let worker = Worker::new();
        let record = room_without_a_key();
        worker.store.create(&record, Some(&[1, 1, 2, 3, 0x4c, 0x7a, 0x8a, 0xa4])).await.unwrap();
        let head = worker.store.head(room_id());
        for part in ["", "/tasks"] {
            assert_eq!(problem(&worker.get(part).await, 500).kind, "urn:partyline:older-room", "{part}");
        }
        assert_eq!(document::<Value>(&worker.get("/peer/v1/rooms").await)["rooms"][0]["name"], "Kitchen");
        assert_eq!(worker.store.head(room_id()), head);
        assert_eq!(worker.ask(request("DELETE", "", Vec::new())).await.status, 204);
    }

    /// As the last version left it that wrote format 1: pages, and a log that goes on from there.
    #[tokio::test]
    async fn a_room_of_format_1_is_left_alone_also_where_it_is_damaged() {
        let part = |name: &str| -> Vec<u8> {
            let file = include_str!("../../app/scan/tests/format-1.txt");
            let hex = file.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let pages = |damaged: Option<&str>| {
            let part = |name: &str| {
                let mut bytes = part(name);
                if damaged == Some(name) {
                    bytes[20] ^= 1;
                }
                bytes
            };
            let page = |number| Page { number, bytes: part(&format!("page-{number}")) };
            Pages { manifest: part("manifest"), pages: (0..4).map(page).collect() }
        };
        for damaged in [None, Some("manifest"), Some("page-0"), Some("page-3")] {
            let worker = Worker::new();
            worker.store.create(&room_without_a_key(), Some(&part("record"))).await.unwrap();
            worker.store.put_pages(room_id(), pages(damaged));
            let stored = worker.store.read(room_id(), None).await.unwrap();
            for (method, part) in
                [("GET", ""), ("GET", "/tasks"), ("POST", "/tasks"), ("GET", "/sync"), ("PUT", "/device")]
            {
                let body = json!({ "title": "Buy bread", "name": "Laptop" });
                let body = if method == "GET" { Vec::new() } else { body.to_string().into_bytes() };
                let answer = worker.ask(request(method, part, body)).await;
                assert!(answer.status >= 400, "{method} {part} {damaged:?}");
            }
            let told = problem(&worker.get("/tasks").await, 500);
            assert_eq!(told.kind, "urn:partyline:older-room", "{damaged:?}");
            assert!(told.detail.contains("save its tasks"), "{}", told.detail);
            assert_eq!(worker.store.read(room_id(), None).await.unwrap(), stored, "{damaged:?}");
            // The room beside it is as any other.
            let other = format!("/peer/v1/rooms/{OTHER_ROOM}");
            let made = worker.ask(request("PUT", &other, json!({ "secret": SECRET }).to_string().into_bytes())).await;
            assert_eq!(made.status, 201);
            assert_eq!(worker.get(&format!("{other}/tasks")).await.status, 200);
            assert_eq!(worker.ask(request("DELETE", "", Vec::new())).await.status, 204);
        }
    }

    /// A replica writes only under the id whose key the page can show.
    #[tokio::test]
    async fn content_under_another_id_than_that_of_the_key_gets_a_new_key() {
        let worker = Worker::with_room().await;
        worker.add("Buy milk").await;
        let room: Value = document(&worker.get("").await);
        let other = DeviceKey::from_random_bytes([9; 32]);
        let fold = Replica::new(DeviceId::from_bytes(*b"another device..")).to_pages(1 << 10);
        let head = worker.store.head(room_id()).unwrap();
        let mixed = Rewrite { key: Some(other.clone()), anew: true, ..Rewrite::of(fold) };
        assert!(matches!(worker.store.rewrite(room_id(), head, &mixed).await, Ok(Outcome::Written(_))));
        let now: Value = document(&worker.successor().get("").await);
        assert!(![&room["key"], &json!(other.to_base64url())].contains(&&now["key"]), "{now}");
    }

    #[tokio::test]
    async fn a_room_of_a_newer_version_is_left_alone() {
        let worker = Worker::with_room().await;
        let head = worker.store.head(room_id());
        worker.store.tear_log(room_id(), 1, &[3, 1, 2, 3, 0xf8, 0xf1, 0x97, 0x36]);
        let worker = worker.successor();
        let refused = problem(&worker.get("/tasks").await, 500);
        assert_eq!(refused.detail, "This comes from a newer Partyline; update this one.");
        problem(&worker.send("POST", "/tasks", json!({ "title": "a" })).await, 500);
        assert_eq!(worker.store.head(room_id()), head);
    }

    #[tokio::test]
    async fn a_room_of_a_test_version_is_left_alone_and_can_be_left() {
        let worker = Worker::with_room().await;
        worker.store.tear_log(room_id(), 1, &[1, 1, 2, 3, 0x4c, 0x7a, 0x8a, 0xa4]);
        let worker = worker.successor();
        let refused = problem(&worker.get("/tasks").await, 500);
        assert!(refused.detail.starts_with("This room was kept by a test version of Partyline"), "{}", refused.detail);
        assert_eq!(document::<Value>(&worker.get("/peer/v1/health").await).get("damaged"), None);
        assert_eq!(worker.send("DELETE", "", Value::Null).await.status, 204);
        assert_eq!(worker.send("PUT", "", json!({ "secret": SECRET })).await.status, 201);
        worker.add("afresh").await;
    }

    #[tokio::test]
    async fn a_room_in_memory_is_read_once() {
        let worker = Worker::with_room().await;
        for number in 0..20 {
            worker.add(&number.to_string()).await;
            worker.titles().await;
        }
        assert_eq!(worker.store.full_reads(), 1);
    }

    #[tokio::test]
    async fn health_is_told() {
        let worker = Worker::new();
        let health: Value = document(&worker.get("/peer/v1/health").await);
        assert_eq!(health, json!({ "version": env!("CARGO_PKG_VERSION"), "format": 2, "storage": "ready" }));
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_body_is_answered_and_other_rooms_are_untouched(
        method in prop::sample::select(vec!["PUT", "POST", "PATCH", "DELETE", "GET"]),
        part in prop::sample::select(vec!["", "/device", "/tasks", "/sync", "/changes", "/vector", "/tasks/9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d"]),
        is_cbor in any::<bool>(),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "\\PC{0,80}".prop_map(String::into_bytes),
            r#"\{"(title|vector|changes|name|secret)":(\[\{?\}?\]|"\PC{0,9}"|\{\}|null|[0-9]{1,30})\}"#.prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..60).prop_map(|mut bytes| { bytes.insert(0, 1); bytes }),
        ],
    ) {
        run(async {
            let worker = Worker::with_room().await;
            let other = format!("/peer/v1/rooms/{OTHER_ROOM}");
            worker.ask(request("PUT", &other, json!({ "secret": SECRET, "name": "Other" }).to_string().into_bytes())).await;
            let before = worker.get(&other).await;
            let media = is_cbor.then(|| "application/cbor".to_owned());
            let response = worker.ask(Request { content_type: media.clone(), accept: media, ..request(method, part, body) }).await;
            assert!(response.status < 500, "{}", text(&response));
            if response.status >= 400 {
                problem(&response, response.status);
            }
            assert_eq!(worker.get(&other).await, before);
            assert_eq!(worker.successor().get("").await, worker.get("").await);
        });
    }

    #[test]
    fn a_mangled_batch_is_refused_or_merged_but_never_half(position in 0_usize..400, flip in 1_u8..=255) {
        run(async {
            let worker = Worker::with_room().await;
            let (_, batch) = bob(&["a", "b", "c"]);
            let mut bytes = batch.encode();
            let position = position % bytes.len();
            bytes[position] ^= flip;
            let before = worker.titles().await;
            let response = worker.ask(cbor("/changes", bytes)).await;
            assert!(response.status < 500, "{}", text(&response));
            if response.status >= 400 {
                assert_eq!(worker.titles().await, before);
            }
            assert_eq!(worker.successor().titles().await, worker.titles().await);
        });
    }
}

#[test]
fn the_json_of_a_batch_holds_what_the_binary_form_holds() {
    run(async {
        let worker = Worker::with_room().await;
        let parent = worker.add("parent").await;
        let task = worker.add("a").await;
        let part = format!("/tasks/{}", task.id);
        for patch in [
            json!({ "labels": ["x", "y"], "parent": parent.id, "due": "2026-12-24", "priority": 3, "assignee": "Ada" }),
            json!({ "labels": ["y"], "notes": "n", "status": "blocked" }),
            json!({ "deleted": true }),
        ] {
            assert_eq!(worker.send("PATCH", &part, patch).await.status, 200);
        }
        worker.send("PUT", "/device", json!({ "name": "Here" })).await;
        let json: Value = document(&worker.send("POST", "/sync", json!({ "vector": {} })).await);
        let binary = worker.sync(&VersionVector::new()).await.remove(0);
        let changes = json["batch"]["changes"].as_array().unwrap();
        for (json, binary) in changes.iter().zip(&binary.batch.changes) {
            assert_eq!(json["device"], binary.dot.device.to_string());
            assert_eq!((&json["seq"], &json["millis"]), (&json!(binary.dot.seq), &json!(binary.stamp.millis)));
            assert_eq!(json["ops"].as_array().unwrap().len(), binary.ops.len());
        }
        let fields: Vec<_> = changes.iter().flat_map(|change| change["ops"].as_array().unwrap()).collect();
        for op in [
            json!({ "field": "name", "value": "Kitchen" }),
            json!({ "field": "title", "value": "parent" }),
            json!({ "field": "name", "value": "Here" }),
            json!({ "field": "deleted", "value": "true" }),
        ] {
            assert!(fields.contains(&&op), "{op} in {fields:?}");
        }
        let copy = Worker::new();
        copy.host.random.set(1 << 32);
        copy.send("PUT", "", json!({ "secret": SECRET })).await;
        let asker = Some(copy.device().await.to_string());
        assert_eq!(copy.ask(Request { asker, ..cbor("/changes", binary.encode()) }).await.status, 200);
        assert_eq!(copy.sync(&VersionVector::new()).await, worker.sync(&VersionVector::new()).await);
        assert_eq!(text(&copy.get("/devices").await), text(&worker.get("/devices").await));
    });
}
