//! The same service where it lives: in a service worker, over the browser's IndexedDB and caches.
// Helpers of tests are not in functions that clippy takes for tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_arch = "wasm32")]

#[path = "service_worker/faults.rs"]
mod faults;

use std::cell::Cell;
use std::rc::Rc;

use indexed_db_futures::database::Database;
use indexed_db_futures::prelude::*;
use indexed_db_futures::transaction::TransactionMode;
use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use partyline_core::api::{CBOR, DEFLATED, Health, Merged, Problem, StorageState, Tasks, Vector};
use partyline_core::id::{DeviceId, RoomId, RoomSecret, TaskId};
use partyline_core::key::DeviceKey;
use partyline_core::replica::{Batch, ObjectId, Op, Replica, SyncAnswer, SyncRequest};
use partyline_sw::browser::{self, BrowserHost};
use partyline_sw::deflate::{deflate, inflate};
use partyline_sw::http::{Request, Response, STRICT_HEADERS};
use partyline_sw::service::Service;
use partyline_sw::store::{Addition, Durability, Head, IndexedStore, Outcome, Rewrite, RoomRecord, Store, StoreError};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::ServiceWorkerGlobalScope;

wasm_bindgen_test_configure!(run_in_service_worker);

const ROOM: &str = "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f";
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

type BrowserService = Service<IndexedStore, BrowserHost>;

/// A name for a database that no other test uses.
fn fresh_name() -> String {
    format!("test-{}-{}", js_sys::Date::now(), js_sys::Math::random())
}

fn worker(database: &str) -> Rc<BrowserService> {
    Rc::new(Service::new(IndexedStore::new(database), BrowserHost::default()))
}

async fn worker_with_room(database: &str) -> Rc<BrowserService> {
    let worker = worker(database);
    let made = send(&worker, "PUT", "", &format!(r#"{{"secret":"{SECRET}","name":"Kitchen"}}"#)).await;
    assert_eq!(made.status, 201, "{}", text(&made));
    worker
}

async fn send(worker: &BrowserService, method: &str, part: &str, body: &str) -> Response {
    let path = if part.starts_with("/peer") { part.to_owned() } else { format!("/peer/v1/rooms/{ROOM}{part}") };
    let request = Request { method: method.to_owned(), path, body: body.into(), ..Request::default() };
    worker.handle(&request).await
}

async fn cbor(worker: &BrowserService, part: &str, body: Vec<u8>) -> Response {
    let media = Some("application/cbor".to_owned());
    let path = format!("/peer/v1/rooms/{ROOM}{part}");
    let (accept, content_type) = (media.clone(), media);
    worker
        .handle(&Request {
            method: "POST".to_owned(),
            path,
            accept,
            content_type,
            body,
            device: None,
            asker: None,
            if_match: None,
        })
        .await
}

async fn add(worker: &BrowserService, title: &str) {
    let response = send(worker, "POST", "/tasks", &format!(r#"{{"title":"{title}"}}"#)).await;
    assert_eq!(response.status, 201, "{}", text(&response));
}

async fn titles(worker: &BrowserService) -> Vec<String> {
    let response = send(worker, "GET", "/tasks", "").await;
    let tasks: Tasks = document(&response);
    tasks.tasks.into_iter().map(|task| task.title).collect()
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

fn document<T: serde::de::DeserializeOwned>(response: &Response) -> T {
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("{error}: {}", text(response)))
}

async fn health(worker: &BrowserService) -> Health {
    document(&send(worker, "GET", "/peer/v1/health", "").await)
}

fn room_id() -> RoomId {
    RoomId::parse(ROOM).unwrap()
}

fn record() -> RoomRecord {
    RoomRecord {
        room: room_id(),
        secret: RoomSecret::parse(SECRET).unwrap(),
        key: Some(DeviceKey::from_random_bytes(*b"the key of a device.............")),
        joined_at: 7,
        renewed_at: 0,
        name: "Kitchen".to_owned(),
    }
}

async fn count(database: &str, store: &str) -> u32 {
    let database = Database::open(database).await.unwrap();
    let transaction = database.transaction(store).with_mode(TransactionMode::Readonly).build().unwrap();
    let count = transaction.object_store(store).unwrap().count().primitive().unwrap().await.unwrap();
    drop(transaction);
    database.close();
    count
}

/// Replaces the bytes of a log record, or removes it.
async fn tear(database: &str, number: f64, bytes: Option<&[u8]>) {
    let database = Database::open(database).await.unwrap();
    let transaction = database.transaction("log").with_mode(TransactionMode::Readwrite).build().unwrap();
    {
        let store = transaction.object_store("log").unwrap();
        let key = JsValue::from(Array::of2(&ROOM.into(), &number.into()));
        match bytes {
            Some(bytes) => {
                let value = JsValue::from(Uint8Array::from(bytes));
                store.put(value).with_key(key).without_key_type().primitive().unwrap().await.unwrap();
            }
            None => store.delete(key).primitive().unwrap().await.unwrap(),
        }
    }
    transaction.commit().await.unwrap();
    database.close();
}

/// Runs JavaScript; for putting faults into the browser's own classes.
fn js(code: &str) {
    Function::new_no_args(code).call0(&JsValue::NULL).unwrap();
}

fn scope() -> ServiceWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

#[wasm_bindgen_test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let name = fresh_name();
    let worker = worker_with_room(&name).await;
    for title in ["a", "b", "c"] {
        add(&worker, title).await;
    }
    let vector: Vector = document(&send(&worker, "GET", "/vector", "").await);
    drop(worker);
    let worker = self::worker(&name);
    assert_eq!(titles(&worker).await, ["a", "b", "c"]);
    assert_eq!(document::<Vector>(&send(&worker, "GET", "/vector", "").await), vector);
    add(&worker, "d").await;
    assert_eq!(titles(&self::worker(&name)).await, ["a", "b", "c", "d"]);
    let rooms = send(&worker, "GET", "/peer/v1/rooms", "").await;
    assert_eq!(text(&rooms), format!(r#"{{"rooms":[{{"id":"{ROOM}","name":"Kitchen"}}]}}"#));
    assert_eq!(health(&worker).await.storage, StorageState::Ready);
}

#[wasm_bindgen_test]
async fn every_write_asks_for_strict_durability() {
    js("self.modes = []; self.begin = IDBDatabase.prototype.transaction;
        IDBDatabase.prototype.transaction = function (stores, mode, options) {
            if (mode === 'readwrite') self.modes.push(options?.durability ?? 'none');
            return self.begin.call(this, stores, mode, options);
        };");
    let worker = worker_with_room(&fresh_name()).await;
    add(&worker, "a").await;
    send(&worker, "PUT", "", r#"{"name":"Home"}"#).await;
    send(&worker, "DELETE", "", "").await;
    js("IDBDatabase.prototype.transaction = self.begin;");
    let modes: Array = Reflect::get(&js_sys::global(), &"modes".into()).unwrap().unchecked_into();
    let modes: Vec<_> = modes.iter().filter_map(|mode| mode.as_string()).collect();
    assert_eq!(modes, ["strict"; 4]);
}

#[wasm_bindgen_test]
async fn compaction_folds_the_log_into_pages() {
    let name = fresh_name();
    let worker = worker_with_room(&name).await;
    for number in 0..140 {
        let body = format!(r#"{{"title":"{number}","notes":"{}"}}"#, "x".repeat(1000));
        assert_eq!(send(&worker, "POST", "/tasks", &body).await.status, 201);
    }
    let before = titles(&worker).await;
    assert_eq!((count(&name, "log").await, count(&name, "pages").await), (141, 0));
    worker.tidy().await;
    // One page, and the manifest that names it.
    assert_eq!((count(&name, "log").await, count(&name, "pages").await), (0, 2));
    assert_eq!(titles(&self::worker(&name)).await, before);
    add(&worker, "after").await;
    assert_eq!(count(&name, "log").await, 1);
    assert_eq!(titles(&self::worker(&name)).await.len(), 141);
    send(&worker, "DELETE", "", "").await;
    for store in ["rooms", "heads", "log", "pages", "damaged"] {
        assert_eq!(count(&name, store).await, 0, "{store}");
    }
}

fn addition<'a>(record: &'a [u8], name: Option<&'a str>) -> Addition<'a> {
    Addition { record, name, durability: Durability::Strict }
}

#[wasm_bindgen_test]
async fn a_write_on_another_head_does_not_happen() {
    let name = fresh_name();
    let (one, two) = (IndexedStore::new(&name), IndexedStore::new(&name));
    assert_eq!(one.append(room_id(), Head::default(), addition(b"x", None)).await, Err(StoreError::NoRoom));
    assert_eq!(one.create(&record(), Some(b"first")).await, Ok(true));
    assert_eq!(two.create(&record(), None).await, Ok(false));
    assert_eq!(two.rooms().await, Ok(vec![record()]));
    let stored = two.read(room_id(), None).await.unwrap().unwrap();
    assert_eq!(stored.log, [(1, b"first".to_vec())]);
    let Ok(Outcome::Written(head)) = one.append(room_id(), stored.head, addition(b"second", Some("Home"))).await else {
        panic!("the head was current")
    };
    assert_eq!(two.append(room_id(), stored.head, addition(b"other", None)).await, Ok(Outcome::Behind));
    let empty = Rewrite::of(Replica::new(DeviceId::from_bytes(*b"another ........")).to_pages(1));
    assert_eq!(two.rewrite(room_id(), stored.head, &empty).await, Ok(Outcome::Behind));
    assert_eq!(two.room(room_id()).await.unwrap().map(|record| record.name), Some("Home".to_owned()));
    let missed = two.read(room_id(), Some(stored.head)).await.unwrap().unwrap();
    assert_eq!((missed.head, missed.pages, missed.log), (head, None, vec![(2, b"second".to_vec())]));
    assert_eq!(two.read(room_id(), Some(head)).await, Ok(None));

    let other = DeviceKey::from_random_bytes(*b"another key of the same device..");
    let device = other.device();
    let mut replica = Replica::new(device);
    for task in [1, 2] {
        let task = ObjectId::Task(TaskId::from_random_bytes([task; 16]));
        replica.edit(task, vec![Op::Title("a".into())], 0).unwrap();
    }
    let fold = replica.to_pages(1);
    let (pages, bytes) = (fold.added.clone(), fold.bytes);
    assert_eq!(pages.len(), 2);
    let rewrite = Rewrite { anew: true, damaged_log: vec![1], key: Some(other), ..Rewrite::of(fold.clone()) };
    let Ok(Outcome::Written(compacted)) = two.rewrite(room_id(), head, &rewrite).await else {
        panic!("the head was current")
    };
    assert_eq!((compacted.page_bytes, compacted.records), (bytes, 0));
    let all = one.read(room_id(), Some(head)).await.unwrap().unwrap();
    let kept = all.pages.unwrap();
    assert_eq!((&kept.pages, &kept.manifest, all.log), (&pages, &rewrite.fold.manifest, vec![]));

    // The next fold takes one page's place and leaves the other alone.
    replica.folded(fold);
    replica.edit(ObjectId::Task(TaskId::from_random_bytes([2; 16])), vec![Op::Title("b".into())], 0).unwrap();
    let next = replica.fold(1);
    assert_eq!((next.removed.as_slice(), next.added.len()), ([1].as_slice(), 1));
    let folded = Rewrite::of(next.clone());
    assert!(matches!(two.rewrite(room_id(), compacted, &folded).await, Ok(Outcome::Written(_))));
    let kept = one.read(room_id(), None).await.unwrap().unwrap().pages.unwrap();
    assert_eq!(kept.pages, [pages[0].clone(), next.added[0].clone()]);
    let loaded = Replica::from_pages(&kept.manifest, kept.pages.iter().map(|page| (page.number, &page.bytes)));
    assert_eq!(loaded.unwrap().tasks(), replica.tasks());
    assert_eq!((one.damaged().await, one.room(room_id()).await.unwrap().unwrap().device()), (Ok(1), Some(device)));
    assert_eq!((one.remove(room_id()).await, two.remove(room_id()).await), (Ok(true), Ok(false)));
    assert_eq!(one.read(room_id(), None).await, Err(StoreError::NoRoom));
}

#[wasm_bindgen_test]
async fn an_old_and_a_new_worker_write_at_once() {
    let name = fresh_name();
    let old = worker_with_room(&name).await;
    let new = worker(&name);
    let refused = Rc::new(Cell::new(0));
    let writing: Array = (0..40)
        .map(|number| {
            let worker = Rc::clone(if number % 2 == 0 { &old } else { &new });
            let refused = Rc::clone(&refused);
            future_to_promise(async move {
                loop {
                    let response = send(&worker, "POST", "/tasks", &format!(r#"{{"title":"{number}"}}"#)).await;
                    match response.status {
                        201 => return Ok(JsValue::UNDEFINED),
                        409 => refused.set(refused.get() + 1),
                        _ => panic!("{}", text(&response)),
                    }
                }
            })
        })
        .collect();
    JsFuture::from(Promise::all(&writing)).await.unwrap();
    let mut all = titles(&old).await;
    assert_eq!(titles(&new).await, all);
    assert_eq!(titles(&worker(&name)).await, all);
    all.sort_by_key(|title| title.parse::<u32>().unwrap());
    assert_eq!(all, (0..40).map(|number| number.to_string()).collect::<Vec<_>>());
    // The room's name and 40 tasks, no number given twice.
    let vector: Vector = document(&send(&new, "GET", "/vector", "").await);
    assert_eq!(vector.values().copied().collect::<Vec<_>>(), [41]);
    assert!(refused.get() < 40, "{}", refused.get());
}

#[wasm_bindgen_test]
async fn a_full_disk_and_an_aborted_transaction_leave_no_trace() {
    let name = fresh_name();
    let worker = worker_with_room(&name).await;
    add(&worker, "kept").await;
    for (break_it, mend_it, status) in [
        (
            "self.put = IDBObjectStore.prototype.put;
             IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError') };",
            "IDBObjectStore.prototype.put = self.put;",
            507,
        ),
        (
            "self.commit = IDBTransaction.prototype.commit;
             IDBTransaction.prototype.commit = function () { this.abort() };",
            "IDBTransaction.prototype.commit = self.commit;",
            500,
        ),
    ] {
        js(break_it);
        let response = send(&worker, "POST", "/tasks", r#"{"title":"lost"}"#).await;
        js(mend_it);
        assert_eq!((response.status, document::<Problem>(&response).status), (status, status), "{}", text(&response));
        assert_eq!(titles(&worker).await, ["kept"]);
    }
    add(&worker, "after").await;
    assert_eq!(titles(&self::worker(&name)).await, ["kept", "after"]);
}

#[wasm_bindgen_test]
async fn a_database_that_goes_away_is_opened_again() {
    let name = fresh_name();
    let worker = worker_with_room(&name).await;
    add(&worker, "a").await;
    // What "clear site data" does. The open connection must give way, or this would wait for ever.
    Database::delete_by_name(&name).unwrap().await.unwrap();
    assert_eq!(send(&worker, "GET", "/tasks", "").await.status, 404);
    assert_eq!(send(&worker, "PUT", "", &format!(r#"{{"secret":"{SECRET}"}}"#)).await.status, 201);
    assert_eq!(titles(&worker).await, [""; 0]);
}

#[wasm_bindgen_test]
async fn a_damaged_record_is_set_aside() {
    for bytes in [Some(&[1, 0x82, 0xff][..]), Some(&[]), None] {
        let name = fresh_name();
        let worker = worker_with_room(&name).await;
        for title in ["a", "b", "c"] {
            add(&worker, title).await;
        }
        tear(&name, 3.0, bytes).await;
        let worker = self::worker(&name);
        assert_eq!(titles(&worker).await, ["a", "c"]);
        // What is gone is told like what cannot be read.
        assert_eq!((health(&worker).await.damaged, count(&name, "damaged").await), (1, 1));
        assert_eq!(IndexedStore::new(&name).damaged_in(room_id()).await, Ok(1));
        add(&worker, "d").await;
        assert_eq!(titles(&self::worker(&name)).await, ["a", "c", "d"]);
    }
}

#[wasm_bindgen_test]
async fn peers_speak_cbor() {
    let worker = worker_with_room(&fresh_name()).await;
    let mut bob = Replica::new(DeviceId::from_bytes(*b"bob's pc........"));
    let task = ObjectId::Task(TaskId::from_random_bytes([7; 16]));
    let now = js_sys::Date::now() as u64;
    let change = bob.edit(task, vec![Op::Title("Buy milk".into())], now).unwrap();
    let merged = cbor(&worker, "/changes", Batch::live(vec![change]).encode()).await;
    assert_eq!(Merged::from_cbor(&merged.body), Some(Merged::default()));
    let asked = SyncRequest { vector: bob.vector().clone(), ..SyncRequest::default() };
    let answer = SyncAnswer::decode(&cbor(&worker, "/sync", asked.encode()).await.body).unwrap();
    bob.apply(answer.batch, now).unwrap();
    assert_eq!(bob.room_name(), Some("Kitchen"));
    let asked = SyncRequest::default();
    let answer = SyncAnswer::decode(&cbor(&worker, "/sync", asked.encode()).await.body).unwrap();
    assert_eq!(answer.batch.changes.len(), 2);
    for garbage in [&b""[..], b"\x01", b"\x01\xff", b"{}", &[1; 1000], b"\x03newer"] {
        for part in ["/sync", "/changes"] {
            let refused = cbor(&worker, part, garbage.to_vec()).await;
            assert_eq!((refused.status, document::<Problem>(&refused).status), (422, 422));
        }
    }
    assert_eq!(titles(&worker).await, ["Buy milk"]);
}

fn browser_request(method: &str, path: &str, body: Option<&str>) -> web_sys::Request {
    let init = web_sys::RequestInit::new();
    init.set_method(method);
    if let Some(body) = body {
        init.set_body(&body.into());
    }
    web_sys::Request::new_with_str_and_init(path, &init).unwrap()
}

async fn answered(method: &str, path: &str, body: Option<&str>) -> (u16, Option<String>, String) {
    let response = browser::answer(browser_request(method, path, body), "a-page".to_owned()).await.unwrap();
    let text = JsFuture::from(response.text().unwrap()).await.unwrap().as_string().unwrap();
    for (name, value) in STRICT_HEADERS {
        assert_eq!(response.headers().get(name).unwrap().as_deref(), Some(value));
    }
    (response.status(), response.headers().get("content-type").unwrap(), text)
}

#[wasm_bindgen_test]
async fn real_requests_get_real_responses_and_tabs_are_told() {
    let room = "/peer/v1/rooms/7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e";
    let json = Some("application/json".to_owned());
    let problem = Some("application/problem+json".to_owned());
    answered("DELETE", room, None).await;
    // A channel does not hear itself, but it hears another object of the same name, also in the same worker.
    let heard = Array::new();
    let channel = web_sys::BroadcastChannel::new("partyline").unwrap();
    let (sink, told) = (heard.clone(), Rc::new(Cell::new(None::<Function>)));
    let listener = Closure::<dyn FnMut(JsValue)>::new({
        let told = Rc::clone(&told);
        move |event: JsValue| {
            sink.push(&Reflect::get(&event, &"data".into()).unwrap());
            if sink.length() == 3
                && let Some(told) = told.take()
            {
                told.call0(&JsValue::NULL).unwrap();
            }
        }
    });
    channel.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    let all_heard = Promise::new(&mut |resolve, _| told.set(Some(resolve)));

    let (status, media, _) = answered("PUT", room, Some(&format!(r#"{{"secret":"{SECRET}","name":"Küche"}}"#))).await;
    assert_eq!((status, media), (201, json.clone()));
    let (status, _, text) = answered("POST", &format!("{room}/tasks"), Some(r#"{"title":"Brot 🥖"}"#)).await;
    assert_eq!(status, 201, "{text}");
    let (_, _, text) = answered("GET", room, None).await;
    let device = text.split_once(r#""device":""#).and_then(|(_, rest)| rest.get(..32)).unwrap().to_owned();
    let (status, media, text) = answered("GET", &format!("{room}/tasks"), None).await;
    assert_eq!((status, media), (200, json));
    assert!(text.contains("Brot 🥖"), "{text}");
    assert_eq!(answered("DELETE", room, None).await, (204, None, String::new()));
    browser::tidy().await;

    JsFuture::from(all_heard).await.unwrap();
    let field = |index: u32, name: &str| Reflect::get(&heard.get(index), &name.into()).unwrap();
    assert_eq!(field(0, "type"), "rooms");
    assert_eq!((field(1, "type"), field(1, "from")), ("changed".into(), JsValue::NULL));
    assert!(room.ends_with(&field(1, "room").as_string().unwrap()));
    let bytes = field(1, "batch").unchecked_into::<Uint8Array>().to_vec();
    let peer = Replica::new(DeviceId::from_bytes(*b"the peer........"));
    let batch = peer.decode(&bytes, Some(DeviceId::parse(&device).unwrap())).unwrap();
    assert_eq!((batch.changes.len(), batch.vector), (1, None));
    assert_eq!(field(2, "type"), "rooms");
    channel.close();

    for (method, path, status) in [
        ("GET", room, 404),
        ("GET", "/peer/v1/nonsense", 404),
        ("GET", "/peers/nobody/peer/v1/health", 404),
        ("POST", "/peer/v1/rooms", 405),
        ("PUT", room, 400),
    ] {
        let body = (method != "GET").then_some("{");
        let (got, media, text) = answered(method, path, body).await;
        assert_eq!((got, media), (status, problem.clone()), "{method} {path} {text}");
    }
}

async fn digest(url: &str) -> String {
    let response: web_sys::Response = JsFuture::from(scope().fetch_with_str(url)).await.unwrap().unchecked_into();
    let body = JsFuture::from(response.array_buffer().unwrap()).await.unwrap();
    let subtle = scope().crypto().unwrap().subtle();
    let digest = subtle.digest_with_str_and_buffer_source("SHA-256", &body.unchecked_into()).unwrap();
    let digest = Uint8Array::new(&JsFuture::from(digest).await.unwrap()).to_vec();
    let binary: String = digest.into_iter().map(char::from).collect();
    format!("sha256-{}", scope().btoa(&binary).unwrap())
}

fn file(url: &str, hash: &str) -> JsValue {
    let file = Object::new();
    Reflect::set(&file, &"url".into(), &url.into()).unwrap();
    Reflect::set(&file, &"hash".into(), &hash.into()).unwrap();
    file.into()
}

async fn kept(cache: &str, url: &str) -> Option<web_sys::Response> {
    let caches = scope().caches().unwrap();
    if !JsFuture::from(caches.has(cache)).await.unwrap().is_truthy() {
        return None;
    }
    let cache: web_sys::Cache = JsFuture::from(caches.open(cache)).await.unwrap().unchecked_into();
    JsFuture::from(cache.match_with_str(url)).await.unwrap().dyn_into().ok()
}

async fn install(name: &str, url: &str, hash: &str, headers: &str) -> Result<(), JsValue> {
    browser::install(name.to_owned(), Array::of1(&file(url, hash)), headers.to_owned()).await
}

#[wasm_bindgen_test]
async fn a_shell_is_complete_or_not_installed() {
    let (url, hash) = ("/", digest("/").await);
    install("partyline-shell-1", url, &hash, "1").await.unwrap();
    let first = kept("partyline-shell-1", url).await.unwrap();
    assert_eq!((first.status(), first.redirected()), (200, false));
    assert!(first.headers().get("content-type").unwrap().unwrap().contains("html"));

    let wrong = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (url, hash) in [(url, wrong), ("/there-is-no-such-file", hash.as_str())] {
        let failed = install("partyline-shell-2", url, hash, "1").await;
        let error = failed.unwrap_err().unchecked_into::<js_sys::Error>();
        assert!(String::from(error.message()).starts_with(url), "{:?}", error.message());
        assert!(kept("partyline-shell-2", url).await.is_none());
    }

    // What did not change is taken from the version before, without asking the network.
    js("self.realFetch = self.fetch; self.fetch = () => Promise.reject(new TypeError('offline'));");
    let other_headers = install("partyline-shell-2", url, &hash, "2").await;
    let reused = install("partyline-shell-3", url, &hash, "1").await;
    js("self.fetch = self.realFetch;");
    reused.unwrap();
    // Unless it came with other headers than the server sends now.
    assert!(other_headers.is_err(), "the headers of the version before are kept");
    browser::activate("partyline-shell-3".to_owned()).await.unwrap();
    assert!(kept("partyline-shell-3", url).await.is_some());
    assert!(kept("partyline-shell-1", url).await.is_none());
    browser::activate("none".to_owned()).await.unwrap();
}

#[wasm_bindgen_test]
async fn answers_to_a_sync_are_deflated_on_their_way() {
    // What the worker's script gives the wasm, as it stands there.
    let script = include_str!("../../static/sw.js");
    let begin = script.find("self.partylineStream = ").unwrap();
    js(&script[begin..begin + script[begin..].find("\n};\n").unwrap() + 3]);

    let worker = worker_with_room(&fresh_name()).await;
    for number in 0..60 {
        let body = format!(r#"{{"title":"The task number {number}","notes":"{}"}}"#, "much the same ".repeat(5));
        assert_eq!(send(&worker, "POST", "/tasks", &body).await.status, 201);
    }
    let plain = cbor(&worker, "/sync", SyncRequest::default().encode()).await;
    let mut request = Request { accept: Some(CBOR.to_owned()), ..Request::default() };
    let mut response = plain.clone();
    deflate(&request, &mut response).await;
    assert_eq!(response, plain, "only for those who can read it");
    request.accept = Some(format!("{CBOR}, {DEFLATED}"));
    deflate(&request, &mut response).await;
    assert_eq!(response.header("content-type"), Some(DEFLATED));
    assert!(response.body.len() * 2 < plain.body.len(), "{} of {}", response.body.len(), plain.body.len());
    assert_eq!(SyncAnswer::peek(&response.body), SyncAnswer::peek(&plain.body));

    let sent = |body: Vec<u8>| Request { content_type: Some(DEFLATED.to_owned()), body, ..Request::default() };
    let mut received = sent(response.body.clone());
    inflate(&mut received).await.unwrap();
    assert_eq!((received.content_type.as_deref(), &received.body), (Some(CBOR), &plain.body));
    // Cut short, changed, no answer at all, and one that would be too long.
    let (_, split) = SyncAnswer::peek(&response.body).unwrap();
    let cut = response.body[..response.body.len() - 9].to_vec();
    let mut changed = response.body.clone();
    changed[split] ^= 0xff;
    let zeros = Uint8Array::new_with_length(17 << 20);
    js("self.deflated = (bytes) => partylineStream('CompressionStream', bytes, Infinity);");
    let deflated: Function = Reflect::get(&js_sys::global(), &"deflated".into()).unwrap().unchecked_into();
    let long: Promise = deflated.call1(&JsValue::NULL, &zeros).unwrap().unchecked_into();
    let long = JsFuture::from(long);
    let long = [&response.body[..split], &Uint8Array::new(&long.await.unwrap()).to_vec()].concat();
    for body in [cut, changed, vec![], b"no answer".to_vec(), long] {
        assert!(inflate(&mut sent(body)).await.is_err());
    }
}
