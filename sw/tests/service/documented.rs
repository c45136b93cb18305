//! The peer API is what `docs/openapi/peer.json` says: every answer of these tests is held against it, and all that it
//! lists is answered.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use partyline_core::api::{DEFLATED, JSON, PROVED};
use partyline_openapi::{Document, Exchange};
use partyline_sw::boundary::{Provenance, admit};
use partyline_sw::http::STRICT_HEADERS;
use partyline_sw::peers;
use partyline_sw::problem::Failure;
use partyline_sw::route::Route;

use super::faulty::{Fault, Faulty};
use super::*;

static DOCUMENT: LazyLock<Document> =
    LazyLock::new(|| Document::parse(include_str!("../../../docs/openapi/peer.json")).unwrap());

const TASK: &str = "7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e";
const PEER: &str = "00112233445566778899aabbccddeeff";

/// Holds an answer against the document.
#[track_caller]
pub(super) fn check(request: &Request, response: &Response) {
    // The document is that of what is released.
    if cfg!(feature = "next") {
        return;
    }
    if let Err(deviation) = DOCUMENT.check(&exchange(request, response)) {
        panic!("{deviation}\n{}", text(response));
    }
}

fn exchange<'a>(request: &'a Request, response: &'a Response) -> Exchange<'a> {
    let sent = (request.content_type.as_deref().unwrap_or(JSON), request.body.as_slice());
    let headers = response.headers.iter().map(|(name, value)| (*name, value.as_str()));
    Exchange {
        method: &request.method,
        target: &request.path,
        sent: (!request.body.is_empty()).then_some(sent),
        status: response.status,
        // As they are added on the way to the page.
        headers: headers.chain(STRICT_HEADERS).collect(),
        body: &response.body,
    }
}

/// A request that an operation of the document understands.
fn understood(method: &str, path: &str) -> Request {
    let asked = path
        .replace("{room}", ROOM)
        .replace("{task}", TASK)
        .replace("{section}", TASK)
        .replace("{comment}", TASK)
        .replace("{device}", PEER)
        .replace("{seq}", "7");
    let body = match (method, path.rsplit('/').next().unwrap_or_default()) {
        ("PUT", "{room}") => json!({ "secret": SECRET, "name": "Home" }),
        ("PUT", "device") => json!({ "name": "Laptop" }),
        ("PUT", "clock") => json!(0),
        ("POST", "tasks") => json!({ "title": "Buy milk" }),
        ("POST", "edits") => json!({ "edits": [{ "add": { "title": "Buy milk" } }] }),
        ("POST", "sections") => json!({ "name": "Garden" }),
        ("POST", "comments") => json!({ "text": "Oat" }),
        ("PATCH", "{comment}") => json!({ "text": "Soy" }),
        ("PATCH", "{task}") => json!({ "notes": "2 l" }),
        ("PATCH", "{section}") => json!({ "name": "Yard" }),
        ("POST", "sync") => json!({ "vector": {} }),
        ("POST", "changes") => return cbor(&asked, Batch::default().encode()),
        _ => return request(method, &asked, Vec::new()),
    };
    request(method, &asked, body.to_string().into_bytes())
}

/// Asks every operation that lists this status for what brings it about.
async fn each(worker: &Worker, status: u16, change: impl Fn(Request) -> Request) {
    for (method, path) in DOCUMENT.operations_with(status) {
        let response = worker.ask(change(understood(method, path))).await;
        assert_eq!(response.status, status, "{method} {path}: {}", text(&response));
    }
}

/// The same of storage with a fault, and of a room that is damaged: what only reads has to write then.
async fn each_on(fault: Fault, status: u16) {
    for (method, path) in DOCUMENT.operations_with(status) {
        let worker = Worker::with_room().await;
        worker.store.tear_log(room_id(), 1, b"torn");
        let faulty = Faulty { store: worker.store, fault: fault.clone() };
        let request = understood(method, path);
        let response = Service::new(faulty, worker.host).handle(&request).await;
        check(&request, &response);
        assert_eq!(response.status, status, "{method} {path}: {}", text(&response));
    }
}

/// What is the same for all operations that list it.
async fn refusals() {
    let worker = Worker::with_room().await;
    each(&worker, 400, |request| Request { path: format!("{}?x", request.path), ..request }).await;
    each(&worker, 414, |request| Request { path: format!("{}?{}", request.path, "x".repeat(600)), ..request }).await;
    each(&worker, 404, |request| Request { path: request.path.replace(ROOM, "nonsense"), ..request }).await;
    each(&worker, 415, |request| Request { content_type: Some("text/xml".to_owned()), ..request }).await;
    each(&worker, 413, |request| Request { body: vec![b' '; (16 << 20) + 1], ..request }).await;
    for (method, path) in DOCUMENT.operations() {
        let by_page = understood(method, path);
        let by_peer = Request { device: Some(PEER.to_owned()), ..by_page.clone() };
        let is_for_peers = Route::find(method, &by_page.path).unwrap().is_for_peers();
        assert_eq!(worker.ask(by_peer).await.status == 403, !is_for_peers, "{method} {path}");
        let by_element = admit(Provenance { mode: "no-cors", destination: "image", client: "a page" });
        check(&by_page, &by_element.unwrap_err().into());
    }
    problem(
        &worker.ask(Request { device: Some(PEER.to_owned()), ..request("GET", "/tasks?deleted=only", vec![]) }).await,
        403,
    );
    // Neither a path nor a method that there is.
    for (method, path, status) in [
        ("GET", "/peer/v2/health", 404),
        ("GET", "/peer/v1/rooms/nonsense/what", 404),
        ("POST", "/peer/v1/health", 405),
        ("POST", "/peer/v1/rooms/nonsense", 404),
        ("POST", "/tasks/nonsense", 404),
        ("POST", "/held/nobody/7", 404),
    ] {
        problem(&worker.ask(request(method, path, Vec::new())).await, status);
    }
    for (method, path) in [("GET", "/peer/v2/"), ("POST", "/peer/v1/rooms/")] {
        problem(&worker.ask(request(method, &format!("{path}{}", "x".repeat(600)), Vec::new())).await, 414);
    }
    each_on(Fault::Behind, 409).await;
    each_on(Fault::Writes(StoreError::Quota), 507).await;
    each_on(Fault::Everything(StoreError::Failed("the disk is gone".to_owned())), 500).await;
    for error in [StoreError::Unavailable("private browsing".to_owned()), StoreError::Blocked, StoreError::Newer] {
        each_on(Fault::Everything(error), 503).await;
    }
}

/// What only some other devices, and those on the way to them, answer.
async fn on_the_way() {
    let worker = Worker::with_room().await;
    let to = |path: &str| request("GET", &format!("/peers/{PEER}{path}"), Vec::new());
    problem(&worker.ask(to("/peer/v1/health")).await, 404);
    let health = to("/peer/v1/health");
    for failure in [
        Failure::not_for_peers(),
        Failure::too_large(16 << 20),
        Failure::peer_lost(),
        Failure::peer_silent(),
        Failure::path_too_long(),
    ] {
        check(&health, &failure.into());
    }
    let elsewhere = to("/peer/v2/health");
    check(&elsewhere, &peers::target(&elsewhere.path).unwrap_err().into());
    // The other device's own answer is as it is here.
    check(&health, &worker.get("/peer/v1/health").await);
}

/// Rooms of versions that this one does not read.
async fn unreadable_rooms() {
    for (record, kind) in [
        (&[1, 1, 2, 3, 0x4c, 0x7a, 0x8a, 0xa4], "urn:partyline:older-room"),
        (&[3, 1, 2, 3, 0xf8, 0xf1, 0x97, 0x36], "urn:partyline:unreadable-room"),
    ] {
        let worker = Worker::new();
        let secret = RoomSecret::parse(SECRET).unwrap();
        let (name, joined_at) = ("Kitchen".to_owned(), NOW);
        let kept = RoomRecord { room: room_id(), secret, key: None, joined_at, renewed_at: 0, name };
        worker.store.create(&kept, Some(record)).await.unwrap();
        for (method, path) in DOCUMENT.operations_with(500).filter(|(_, path)| path.contains("{room}")) {
            if (method, path) != ("DELETE", "/peer/v1/rooms/{room}") {
                assert_eq!(problem(&worker.ask(understood(method, path)).await, 500).kind, kind, "{method} {path}");
            }
        }
    }
}

/// Everything that can be in a task, and all that can be wrong with one.
async fn tasks() {
    let worker = Worker::with_room().await;
    let parent = worker.add("parent").await.id;
    let whole = json!({ "id": TASK, "title": "Buy milk", "notes": "2 l", "status": "doing", "priority": 2,
        "due": "2026-12-24", "assignee": "Ada", "blockedReason": "Shop is closed", "labels": ["shop"], "position": "4080",
        "parent": parent });
    assert_eq!(worker.send("POST", "/tasks", whole.clone()).await.status, 201);
    problem(&worker.send("POST", "/tasks", whole).await, 409);
    worker.send("POST", "/tasks", json!({ "title": "first", "after": null })).await;
    let content_type = Some("text/plain".to_owned());
    worker.ask(Request { content_type, ..request("POST", "/tasks", br#"{"title":"last"}"#.to_vec()) }).await;
    let part = format!("/tasks/{TASK}");
    let read: Value = document(&worker.get(&part).await);
    let as_it_is = json!({ "id": read["id"], "createdAt": read["createdAt"], "updatedAt": read["updatedAt"],
        "comments": 0 });
    for patch in [
        as_it_is,
        json!({ "title": "Milk", "notes": null, "status": "blocked", "blockedReason": "No money", "priority": 3, "due": null, "assignee": "" }),
        json!({ "labels": ["shop", "food"], "position": "c080", "parent": null }),
        json!({ "addLabels": ["urgent"], "removeLabels": ["food"], "after": parent, "status": "done" }),
        json!({ "deleted": true }),
        json!({ "deleted": false, "status": "open" }),
    ] {
        let patched = worker.send("PATCH", &part, patch).await;
        assert_eq!(patched.status, 200, "{}", text(&patched));
    }
    for content_type in ["application/merge-patch+json", "text/plain"] {
        let patch = request("PATCH", &part, br#"{"notes":"2 l"}"#.to_vec());
        worker.ask(Request { content_type: Some(content_type.to_owned()), ..patch }).await;
    }
    for method in ["PATCH", "DELETE"] {
        let seen = Request { if_match: Some("\"another\"".to_owned()), ..request(method, &part, b"{}".to_vec()) };
        problem(&worker.ask(seen).await, 412);
        problem(&worker.send(method, &format!("/tasks/{OTHER_ROOM}"), json!({})).await, 404);
    }
    problem(&worker.get(&format!("/tasks/{OTHER_ROOM}")).await, 404);
    for (method, part) in [("POST", "/tasks"), ("PATCH", part.as_str())] {
        problem(&worker.send(method, part, json!({ "title": "" })).await, 400);
    }
    worker.send("POST", "/sync", json!({ "vector": {} })).await;
    // A page at a time, and what changed since.
    let first: Tasks = document(&worker.get("/tasks?limit=1").await);
    worker.get(&format!("/tasks?next={}&limit=1", first.next.unwrap())).await;
    worker.get(&format!("/tasks?since={}", first.cursor)).await;
    problem(&worker.get("/tasks?since=18446744073709551615").await, 410);
    assert_eq!(worker.send("DELETE", &part, Value::Null).await.status, 204);
    assert_eq!(worker.get("/tasks?deleted=only").await.status, 200);
    worker.host.now.set(NOW + 32 * 24 * 60 * 60 * 1000);
    worker.add("a month later").await;
    problem(&worker.send("PATCH", &part, json!({ "deleted": false })).await, 409);
}

/// Several edits at once, some of which are refused.
async fn edits() {
    let worker = Worker::with_room().await;
    let edits = json!([
        { "add": { "id": TASK, "title": "Paint" } },
        { "patch": { "id": TASK, "notes": "white" } },
        { "patch": { "id": OTHER_ROOM, "notes": "nowhere" } },
    ]);
    let body = json!({ "edits": edits }).to_string().into_bytes();
    let content_type = Some("text/plain".to_owned());
    worker.ask(Request { content_type, ..request("POST", "/edits", body.clone()) }).await;
    worker.ask(request("POST", "/edits", body)).await;
    problem(&worker.send("POST", "/edits", json!({ "edits": vec![json!({ "patch": {} }); 1_001] })).await, 400);
    let day = 24 * 60 * 60 * 1000;
    worker.host.now.set(NOW - 300 * day);
    worker.ask(request("PUT", "/clock", (-300 * day as i64).to_string().into_bytes())).await;
    worker.send("POST", "/edits", json!({ "edits": [{ "add": { "title": "Early" } }] })).await;
}

/// Everything that can be in a section, and all that can be wrong with one.
async fn sections() {
    let worker = Worker::with_room().await;
    let whole = json!({ "id": TASK, "name": "Garden", "after": null });
    assert_eq!(worker.send("POST", "/sections", whole.clone()).await.status, 201);
    problem(&worker.send("POST", "/sections", whole).await, 409);
    let content_type = Some("text/plain".to_owned());
    worker.ask(Request { content_type, ..request("POST", "/sections", br#"{"name":"Kitchen"}"#.to_vec()) }).await;
    let part = format!("/sections/{TASK}");
    let task: Value = document(&worker.send("POST", "/tasks", json!({ "title": "Weed", "section": TASK })).await);
    for section in [Value::Null, json!(TASK)] {
        let patch = json!({ "section": section });
        worker.send("PATCH", &format!("/tasks/{}", task["id"].as_str().unwrap()), patch).await;
    }
    worker.send("POST", "/sync", json!({ "vector": {} })).await;
    for (method, part) in [("POST", "/sections"), ("PATCH", part.as_str())] {
        problem(&worker.send(method, part, json!({ "name": "" })).await, 400);
    }
    for patch in [json!({ "name": "Yard" }), json!({ "after": null }), json!({ "deleted": true })] {
        assert_eq!(worker.send("PATCH", &part, patch).await.status, 200);
    }
    for content_type in ["application/merge-patch+json", "text/plain"] {
        let patch = request("PATCH", &part, br#"{"deleted":false}"#.to_vec());
        worker.ask(Request { content_type: Some(content_type.to_owned()), ..patch }).await;
    }
    worker.get("/sections").await;
    worker.get("/tasks").await;
    assert_eq!(worker.send("DELETE", &part, Value::Null).await.status, 204);
    for method in ["PATCH", "DELETE"] {
        problem(&worker.send(method, &format!("/sections/{OTHER_ROOM}"), json!({})).await, 404);
    }
    // A clock that is wrong is told at every turn.
    let day = 24 * 60 * 60 * 1000;
    worker.host.now.set(NOW - 300 * day);
    worker.ask(request("PUT", "/clock", (-300 * day as i64).to_string().into_bytes())).await;
    let made: Value = document(&worker.send("POST", "/sections", json!({ "name": "Cellar" })).await);
    let part = format!("/sections/{}", made["id"].as_str().unwrap());
    worker.send("PATCH", &part, json!({ "name": "Attic" })).await;
    worker.send("DELETE", &part, Value::Null).await;
}

/// Comments, and all that can be wrong with one.
async fn comments() {
    let worker = Worker::with_room().await;
    let task = worker.add("Hull").await.id;
    let part = format!("/tasks/{task}/comments");
    let made: Value = document(&worker.send("POST", &part, json!({ "text": "Two coats" })).await);
    let one = format!("{part}/{}", made["id"].as_str().unwrap());
    let again = json!({ "id": made["id"], "text": made["text"] });
    problem(&worker.send("POST", &part, again).await, 409);
    let other_id = format!("{}-8000-00000000abcd", &task[..18]);
    assert_eq!(worker.send("POST", &part, json!({ "id": other_id, "text": "Oil" })).await.status, 201);
    assert_eq!(worker.get(&format!("/tasks/{task}")).await.status, 200);
    worker.send("POST", "/sync", json!({ "vector": {} })).await;
    for deleted in [true, false] {
        assert_eq!(worker.send("PATCH", &one, json!({ "deleted": deleted })).await.status, 200);
    }
    for read in ["/comments", &part] {
        assert_eq!(worker.get(read).await.status, 200);
    }
    for content_type in ["application/json", "application/merge-patch+json", "text/plain"] {
        let patch = request("PATCH", &one, br#"{"text":"Three"}"#.to_vec());
        assert_eq!(worker.ask(Request { content_type: Some(content_type.to_owned()), ..patch }).await.status, 200);
    }
    let content_type = Some("text/plain".to_owned());
    worker.ask(Request { content_type, ..request("POST", &part, br#"{"text":"a"}"#.to_vec()) }).await;
    problem(&worker.send("PATCH", &format!("{part}/{OTHER_ROOM}"), json!({})).await, 404);
    for method in ["GET", "POST"] {
        problem(&worker.send(method, &format!("/tasks/{OTHER_ROOM}/comments"), json!({ "text": "a" })).await, 404);
    }
    problem(&worker.send("POST", &part, json!({ "text": "" })).await, 400);
    problem(&worker.send("PATCH", &one, json!({ "text": "" })).await, 400);
    // The clock is known to be wrong, which is told at every turn.
    worker.host.now.set(NOW - 300 * 24 * 60 * 60 * 1000);
    let behind = (-300_i64 * 24 * 60 * 60 * 1000).to_string().into_bytes();
    worker.ask(request("PUT", "/clock", behind)).await;
    worker.send("POST", &part, json!({ "text": "b" })).await;
    worker.send("PATCH", &one, json!({ "text": "c" })).await;
}

/// Rooms, devices and their clocks.
async fn rooms_and_devices() {
    let worker = Worker::new();
    problem(&worker.send("PUT", "", json!({ "name": "Kitchen" })).await, 400);
    problem(&worker.send("PUT", "", json!({ "secret": "short" })).await, 400);
    let text_plain = Some("text/plain".to_owned());
    let made =
        request("PUT", "", json!({ "secret": SECRET, "name": "Kitchen", "alias": "Cook" }).to_string().into_bytes());
    worker.ask(Request { content_type: text_plain.clone(), ..made }).await;
    problem(&worker.send("PUT", "", json!({ "secret": OTHER_SECRET })).await, 409);
    worker.send("PUT", "", json!({ "secret": SECRET, "alias": "Cook" })).await;
    worker.get("/peer/v1/rooms").await;
    worker.get("").await;
    problem(&worker.send("PUT", "/device", json!({ "name": "a\nb" })).await, 400);
    let named = request("PUT", "/device", br#"{"name":"Laptop"}"#.to_vec());
    worker.ask(Request { content_type: text_plain.clone(), ..named }).await;
    let asker = Some(worker.device().await.to_string());
    let content_type = text_plain.clone();
    worker.ask(Request { asker, content_type, ..request("POST", "/key", PROVED.to_vec()) }).await;
    // A change that is dated far ahead waits; and a clock that is wrong is told at every turn.
    let day = 24 * 60 * 60 * 1000;
    let ahead = (1..=3).map(|number| {
        let mut replica = Replica::new(DeviceId::from_bytes([number; 16]));
        let task = ObjectId::Task(TaskId::from_random_bytes([number; 16]));
        replica.edit(task, vec![Op::Title("Early".into())], NOW + 400 * day).unwrap()
    });
    worker.ask(cbor("/changes", Batch::live(ahead.collect()).encode())).await;
    let held = |number: u8| format!("/held/{}/1", DeviceId::from_bytes([number; 16]));
    assert_eq!(worker.get("/devices").await.status, 200);
    worker.ask(request("PUT", &held(1), Vec::new())).await;
    worker.ask(request("DELETE", &held(2), Vec::new())).await;
    for method in ["PUT", "DELETE"] {
        problem(&worker.ask(request(method, &held(1), Vec::new())).await, 404);
    }
    worker.host.now.set(NOW - 300 * day);
    let behind = (-300 * day as i64).to_string().into_bytes();
    worker.ask(request("PUT", "/clock", behind.clone())).await;
    worker.ask(Request { content_type: text_plain, ..request("PUT", "/clock", behind) }).await;
    for method in ["PUT", "DELETE"] {
        problem(&worker.ask(request(method, &held(3), Vec::new())).await, 409);
    }
    worker.get("/devices").await;
    worker.send("PUT", "", json!({ "name": "Home" })).await;
    worker.send("PUT", "/device", json!({ "name": "Phone" })).await;
    let task = worker.add("Buy milk").await;
    worker.send("PATCH", &format!("/tasks/{}", task.id), json!({ "notes": "2 l" })).await;
    worker.send("DELETE", &format!("/tasks/{}", task.id), Value::Null).await;
    worker.ask(cbor("/changes", bob(&["Bob's"]).1.encode())).await;
    // Damage is counted.
    worker.store.tear_log(room_id(), 2, b"torn");
    let worker = worker.successor();
    worker.get("/tasks").await;
    worker.get("/devices").await;
    worker.get("/peer/v1/health").await;
    let broken = Faulty { store: worker.store.clone(), fault: Fault::Everything(StoreError::Blocked) };
    let health = request("GET", "/peer/v1/health", Vec::new());
    check(&health, &Service::new(broken, worker.host.clone()).handle(&health).await);
    worker.send("DELETE", "", Value::Null).await;
}

/// What peers ask, as people see it too.
async fn syncs() {
    let worker = Worker::with_room().await;
    let (bob, batch) = bob(&["a", "b", "c"]);
    let as_json = |request: Request| Request { accept: None, ..request };
    let (first, last) = (batch.changes[0].clone(), batch.changes[2].clone());
    worker.ask(as_json(cbor("/changes", Batch::live(vec![last]).encode()))).await;
    worker.ask(cbor("/changes", Batch::live(vec![first]).encode())).await;
    let answer = bob.answer(&SyncRequest::default(), 64 << 10);
    worker.ask(cbor("/changes", answer.encode())).await;
    for body in [Vec::new(), vec![9; 9]] {
        problem(&worker.ask(cbor("/changes", body.clone())).await, 422);
        problem(&worker.ask(cbor("/sync", body)).await, 422);
    }
    worker.get("/vector").await;
    worker.ask(Request { accept: Some("application/cbor".to_owned()), ..request("GET", "/vector", Vec::new()) }).await;
    let opening = worker.get("/sync").await;
    worker.ask(cbor("/sync", opening.body)).await;
    problem(&worker.send("POST", "/sync", json!({ "vector": { "nobody": 1 } })).await, 400);
    let content_type = Some("text/plain".to_owned());
    worker.ask(Request { content_type, ..request("POST", "/sync", br#"{"vector":{}}"#.to_vec()) }).await;
    in_parts(&worker).await;
    after_damage().await;
    by_unknown_names(&worker).await;
}

/// More than goes into one answer.
async fn in_parts(worker: &Worker) {
    for _ in 0..9 {
        worker.send("POST", "/tasks", json!({ "title": "Buy milk", "notes": "x".repeat(16_000) })).await;
    }
    let first: Value = document(&worker.send("POST", "/sync", json!({ "vector": {} })).await);
    let rest = json!({ "vector": {}, "cursor": first["next"] });
    assert_eq!(worker.send("POST", "/sync", rest).await.status, 200);
}

/// What is lost without a trace in the version vector is asked for in a second round.
async fn after_damage() {
    let (alice, bob) = (Worker::with_room().await, Worker::new());
    bob.host.random.set(1 << 32);
    bob.send("PUT", "", json!({ "secret": SECRET })).await;
    for number in 0..20 {
        alice.add(&format!("task {number}")).await;
    }
    bob.pull(&alice).await;
    alice.store.tear_log(room_id(), 5, b"torn");
    let alice = alice.successor();
    let asker = Some(alice.device().await.to_string());
    let asked = alice.get("/sync").await.body;
    let answer = bob.ask(cbor("/sync", asked)).await.body;
    let merged = alice.ask(Request { asker, accept: None, ..cbor("/changes", answer) }).await;
    assert!(document::<Merged>(&merged).ask.is_some(), "{}", text(&merged));
}

/// An answer for somebody who has the tasks already does without their ids.
async fn by_unknown_names(worker: &Worker) {
    let task = worker.add("Buy milk").await;
    let known = worker.vector().await;
    worker.send("PATCH", &format!("/tasks/{}", task.id), json!({ "notes": "2 l" })).await;
    let asked = SyncRequest { vector: known, ..SyncRequest::default() };
    let answer = worker.ask(cbor("/sync", asked.encode())).await.body;
    problem(&Worker::with_room().await.ask(cbor("/changes", answer)).await, 409);
}

/// Documented, and not answered by what runs natively.
const LEFT_OUT: [&str; 1] = [
    // The browser compresses: `sw/tests/service_worker.rs` has it.
    DEFLATED,
];

#[test]
fn all_that_is_documented_is_answered() {
    let reached = DOCUMENT.reached_by(|| {
        run(async {
            refusals().await;
            on_the_way().await;
            unreadable_rooms().await;
            tasks().await;
            edits().await;
            sections().await;
            comments().await;
            rooms_and_devices().await;
            syncs().await;
        });
        the_json_of_a_batch_holds_what_the_binary_form_holds();
    });
    DOCUMENT.assert_reached(&reached, &LEFT_OUT);
}

/// Every word of the routes is tried in every place of a path, with every method.
#[test]
fn every_route_is_documented() {
    let source = include_str!("../../src/route.rs").split("#[cfg(test)]\nmod tests").next().unwrap();
    let is_word =
        |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let words: BTreeSet<&str> = source.split('"').skip(1).step_by(2).filter(is_word).collect();
    assert!(words.contains("tasks") && words.contains("PATCH"), "these are not the words of the routes: {words:?}");
    let ids = [ROOM, TASK, PEER, "7"];
    let segments: Vec<&str> = words.iter().copied().chain(ids).collect();
    let mut paths = Vec::new();
    for one in &segments {
        paths.push(format!("/peer/v1/{one}"));
        for two in &segments {
            paths.push(format!("/peer/v1/{one}/{two}"));
            paths.push(format!("/peer/v1/rooms/{ROOM}/{one}/{two}"));
        }
        paths.push(format!("/peer/v1/rooms/{ROOM}/{one}"));
        paths.push(format!("/peer/v1/rooms/{ROOM}/{one}/{PEER}/7"));
        paths.push(format!("/peer/v1/rooms/{ROOM}/{one}/{TASK}/{one}"));
    }
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let mut found = BTreeSet::new();
    for path in &paths {
        for method in methods {
            if let Ok(route) = Route::find(method, path) {
                assert!(DOCUMENT.knows(method, path), "{method} {path} is {route:?}, which the document does not list");
                found.insert(format!("{route:?}"));
            }
        }
    }
    let listed = DOCUMENT.operations().count();
    assert!(found.len() >= listed, "{found:?}");
    for (method, path) in DOCUMENT.operations() {
        assert!(Route::find(method, &understood(method, path).path).is_ok(), "there is no {method} {path}");
    }
}

#[test]
fn the_headers_of_every_answer_are_those_that_are_documented() {
    assert_eq!(DOCUMENT.constant_headers().collect::<BTreeSet<_>>(), BTreeSet::from(STRICT_HEADERS));
}

/// Whatever is changed in a right answer, it is refused.
#[test]
fn a_wrong_answer_is_noticed() {
    run(async {
        let worker = Worker::with_room().await;
        let asked = request("POST", "/tasks", br#"{"title":"Buy milk"}"#.to_vec());
        let right = worker.ask(asked.clone()).await;
        let whole: Value = document(&right);
        let body = |change: &dyn Fn(&mut Value)| {
            let mut body = whole.clone();
            change(&mut body);
            Response { body: body.to_string().into_bytes(), ..right.clone() }
        };
        let without = |name: &str| {
            let headers = right.headers.iter().filter(|(other, _)| *other != name).cloned().collect();
            Response { headers, ..right.clone() }
        };
        for (what, wrong) in [
            ("another status", Response { status: 202, ..right.clone() }),
            ("another status of other operations", Response { status: 200, ..right.clone() }),
            ("one field more", body(&|body| body["estimate"] = json!(1))),
            ("one field less", body(&|body| drop(body.as_object_mut().unwrap().remove("due")))),
            ("another type", body(&|body| body["priority"] = json!("2"))),
            ("another word", body(&|body| body["status"] = json!("waiting"))),
            ("no JSON", Response { body: b"{".to_vec(), ..right.clone() }),
            ("no content type", without("content-type")),
            ("no location", without("location")),
            ("one header more", right.clone().with_header("x-more", "1".to_owned())),
            ("another content type", without("content-type").with_header("content-type", "text/html".to_owned())),
        ] {
            assert!(DOCUMENT.check(&exchange(&asked, &wrong)).is_err(), "{what}");
        }
        let taken = Request { body: br#"{"title":"Buy milk","estimate":1}"#.to_vec(), ..asked.clone() };
        for (what, wrong) in [
            ("a request that is not documented and was taken", taken),
            ("another method", Request { method: "PUT".to_owned(), ..asked.clone() }),
            ("another path", Request { path: "/peer/v1/elsewhere".to_owned(), ..asked.clone() }),
            ("a query", Request { path: format!("{}?limit=1", asked.path), ..asked.clone() }),
        ] {
            assert!(DOCUMENT.check(&exchange(&wrong, &right)).is_err(), "{what}");
        }
        assert_eq!(DOCUMENT.check(&exchange(&asked, &right)), Ok(()));
    });
}
