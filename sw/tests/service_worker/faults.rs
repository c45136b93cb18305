//! Storage that is blocked, slow, or fails as a seed says.
//!
//! What is promised: an edit that was acknowledged is there; one that was refused has left no trace; one whose worker ended
//! before it answered is there whole or not at all.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use js_sys::{Array, Function, Promise, Reflect};
use partyline_core::api::{Problem, RoomSummary, Rooms, StorageState, TaskDocument, Tasks, Vector};
use partyline_core::id::{DeviceId, TaskId};
use partyline_core::replica::{Replica, SyncAnswer, SyncRequest};
use partyline_sw::browser::BrowserHost;
use partyline_sw::http::Response;
use partyline_sw::service::Service;
use partyline_sw::store::{IndexedStore, Limits};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use wasm_bindgen_test::{console_log, wasm_bindgen_test};
use web_sys::IdbDatabase;

use super::{
    BrowserService, SECRET, add, cbor, count, document, fresh_name, health, js, send, text, titles, worker,
    worker_with_room,
};

const BLOCKED: &str = "urn:partyline:storage-blocked";
const NEWER: &str = "urn:partyline:storage-newer";

/// Calls a function of `faults.js`.
fn fault(method: &str, arguments: &[JsValue]) -> JsValue {
    let global = js_sys::global();
    if !Reflect::has(&global, &"faults".into()).unwrap() {
        js(include_str!("faults.js"));
    }
    let faults = Reflect::get(&global, &"faults".into()).unwrap();
    let function: Function = Reflect::get(&faults, &method.into()).unwrap().unchecked_into();
    function.apply(&faults, &arguments.iter().collect::<Array>()).unwrap()
}

/// What it promised.
async fn kept(promised: JsValue) -> JsValue {
    JsFuture::from(Promise::resolve(&promised)).await.unwrap()
}

/// An event of the next opening of the database by a worker.
fn opening(name: &str, types: &[&str]) -> JsValue {
    let arguments: Vec<JsValue> = [name].iter().chain(types).map(|text| (*text).into()).collect();
    fault("opening", &arguments)
}

/// A connection that gives way to nobody.
async fn holder(name: &str) -> IdbDatabase {
    kept(fault("hold", &[name.into()])).await.unchecked_into()
}

fn let_go(free: &JsValue) {
    free.unchecked_ref::<Function>().call0(&JsValue::NULL).unwrap();
}

/// Many turns of the event loop: another database is made and read.
async fn turns() {
    worker_with_room(&fresh_name()).await;
}

/// Requests on their way, and their answers in the order in which they came.
#[derive(Default)]
struct Sent {
    answers: Rc<RefCell<Vec<(usize, Response)>>>,
    promises: Array,
}

impl Sent {
    fn send(&mut self, worker: &Rc<BrowserService>, method: &'static str, part: &str, body: &str) {
        let (worker, answers) = (Rc::clone(worker), Rc::clone(&self.answers));
        let (part, body, number) = (part.to_owned(), body.to_owned(), self.promises.length() as usize);
        self.promises.push(&future_to_promise(async move {
            let response = send(&worker, method, &part, &body).await;
            answers.borrow_mut().push((number, response));
            Ok(JsValue::UNDEFINED)
        }));
    }

    fn add(&mut self, worker: &Rc<BrowserService>, title: &str) {
        self.send(worker, "POST", "/tasks", &format!(r#"{{"title":"{title}"}}"#));
    }

    /// How many were answered so far.
    fn count(&self) -> usize {
        self.answers.borrow().len()
    }

    async fn all(self) -> Vec<(usize, Response)> {
        JsFuture::from(Promise::all(&self.promises)).await.unwrap();
        self.answers.take()
    }
}

fn statuses(answers: &[(usize, Response)]) -> Vec<(usize, u16)> {
    answers.iter().map(|(number, response)| (*number, response.status)).collect()
}

fn titles_in(response: &Response) -> Vec<String> {
    document::<Tasks>(response).tasks.into_iter().map(|task| task.title).collect()
}

#[track_caller]
fn refused(response: &Response, kind: &str) {
    let problem: Problem = document(response);
    assert_eq!((response.status, problem.status, problem.kind.as_str()), (503, 503, kind), "{}", problem.detail);
}

#[wasm_bindgen_test]
async fn a_worker_gives_way_to_a_newer_layout_and_says_so() {
    let name = fresh_name();
    let old = worker_with_room(&name).await;
    add(&old, "a").await;
    fault("layout", &[name.as_str().into(), 2.into()]);
    let event = opening(&name, &["blocked", "success"]);
    let new = worker(&name);
    assert_eq!(titles(&new).await, ["a"]);
    assert_eq!(kept(event).await, "success", "an idle connection is in nobody's way");
    fault("layout", &[name.as_str().into(), JsValue::UNDEFINED]);
    for (method, part, body) in [("GET", "/tasks", ""), ("POST", "/tasks", r#"{"title":"b"}"#)] {
        refused(&send(&old, method, part, body).await, NEWER);
    }
    assert_eq!(health(&old).await.storage, StorageState::Unavailable);
    add(&new, "c").await;
    assert_eq!(titles(&new).await, ["a", "c"]);
    // It goes on trying.
    kept(fault("heard", &[fault("remove", &[name.as_str().into()]), "success".into()])).await;
    assert_eq!(send(&old, "GET", "/tasks", "").await.status, 404);
}

#[wasm_bindgen_test]
async fn requests_wait_for_an_open_that_is_blocked() {
    let name = fresh_name();
    let old = worker_with_room(&name).await;
    add(&old, "0").await;
    let other_tab = holder(&name).await;
    fault("layout", &[name.as_str().into(), 2.into()]);
    let blocked = opening(&name, &["blocked"]);
    let new = worker(&name);
    let mut sent = Sent::default();
    for number in 1..=5 {
        sent.add(&new, &number.to_string());
    }
    sent.send(&new, "GET", "/tasks", "");
    sent.send(&new, "GET", "/peer/v1/rooms", "");
    kept(blocked).await;
    turns().await;
    assert_eq!(sent.count(), 0);
    assert_eq!(fault("asked", &[name.as_str().into()]), 1, "all wait for one opening");
    other_tab.close();
    let answers = sent.all().await;
    // The list of rooms is in no queue.
    let (rooms, mut answers): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(number, _)| *number == 6);
    assert_eq!(document::<Rooms>(&rooms[0].1).rooms.len(), 1);
    // Whoever reads stores what was written before, and may be answered before those who wrote it.
    answers.sort_unstable_by_key(|(number, _)| *number);
    assert_eq!(statuses(&answers), [(0, 201), (1, 201), (2, 201), (3, 201), (4, 201), (5, 200)]);
    assert_eq!(titles_in(&answers[5].1), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(titles(&worker(&name)).await, ["0", "1", "2", "3", "4", "5"]);
}

#[wasm_bindgen_test]
async fn an_open_that_stays_blocked_is_refused_in_time_and_goes_on() {
    let name = fresh_name();
    add(&*worker_with_room(&name).await, "a").await;
    let other_tab = holder(&name).await;
    fault("layout", &[name.as_str().into(), 2.into()]);
    let (blocked, opened) = (opening(&name, &["blocked"]), opening(&name, &["success"]));
    fault("holdTimers", &[]);
    let worker = worker(&name);
    let mut sent = Sent::default();
    for title in ["b", "c", "d"] {
        sent.add(&worker, title);
    }
    sent.send(&worker, "GET", "/tasks", "");
    sent.send(&worker, "PUT", "", &format!(r#"{{"secret":"{SECRET}","name":"Home"}}"#));
    sent.send(&worker, "DELETE", "", "");
    kept(blocked).await;
    turns().await;
    assert_eq!(sent.count(), 0);
    fault("endTimers", &[]);
    turns().await;
    assert_eq!(sent.count(), 6, "all have waited long enough");
    for (_, response) in sent.all().await {
        refused(&response, BLOCKED);
    }
    // Whoever comes now is not made to wait as long again.
    fault("holdTimers", &[]);
    let mut sent = Sent::default();
    sent.add(&worker, "e");
    sent.send(&worker, "GET", "/peer/v1/health", "");
    turns().await;
    assert_eq!(sent.count(), 2);
    fault("endTimers", &[]);
    for (number, response) in sent.all().await {
        match number {
            0 => refused(&response, BLOCKED),
            _ => assert!(text(&response).contains("unavailable"), "{}", text(&response)),
        }
    }
    other_tab.close();
    kept(opened).await;
    turns().await;
    add(&worker, "f").await;
    assert_eq!(titles(&worker).await, ["a", "f"]);
    assert_eq!(titles(&self::worker(&name)).await, ["a", "f"]);
    // And it gives way itself, although nobody waited for it when it was opened.
    fault("layout", &[name.as_str().into(), 3.into()]);
    let event = opening(&name, &["blocked", "success"]);
    assert_eq!(titles(&self::worker(&name)).await, ["a", "f"]);
    assert_eq!(kept(event).await, "success");
}

#[wasm_bindgen_test]
async fn a_deletion_that_another_tab_blocks_does_not_stop_the_worker_for_ever() {
    let name = fresh_name();
    let worker = worker_with_room(&name).await;
    add(&worker, "a").await;
    let other_tab = holder(&name).await;
    let request: JsValue = fault("remove", &[name.as_str().into()]);
    let deleted = fault("heard", &[request.clone(), "success".into()]);
    let blocked = fault("heard", &[request, "blocked".into(), "success".into()]);
    assert_eq!(kept(blocked).await, "blocked");
    // The database is as good as gone; a new one is in a queue behind the deletion, and there is no event that says so.
    fault("holdTimers", &[]);
    let opened = opening(&name, &["success"]);
    let mut sent = Sent::default();
    sent.send(&worker, "GET", "/tasks", "");
    sent.add(&worker, "b");
    turns().await;
    assert_eq!(sent.count(), 0, "the connection was given up");
    fault("endTimers", &[]);
    turns().await;
    assert_eq!(sent.count(), 2);
    for (_, response) in sent.all().await {
        refused(&response, BLOCKED);
    }
    other_tab.close();
    kept(deleted).await;
    kept(opened).await;
    turns().await;
    assert_eq!(send(&worker, "GET", "/tasks", "").await.status, 404);
    assert_eq!(send(&worker, "PUT", "", &format!(r#"{{"secret":"{SECRET}"}}"#)).await.status, 201);
    add(&worker, "c").await;
    assert_eq!(titles(&self::worker(&name)).await, ["c"]);
}

#[wasm_bindgen_test]
async fn slow_edits_are_acknowledged_in_order_and_not_before_they_are_complete() {
    const EDITS: usize = 30;
    const READ: usize = 10;
    let name = fresh_name();
    let worker = worker_with_room(&name).await;
    add(&worker, "first").await;
    let free = kept(fault("occupy", &[name.as_str().into()])).await;
    fault("holdCommits", &[name.as_str().into()]);
    let mut sent = Sent::default();
    for number in 0..EDITS {
        if number == READ {
            sent.send(&worker, "GET", "/tasks", "");
        }
        sent.add(&worker, &number.to_string());
    }
    turns().await;
    assert_eq!(sent.count(), 0, "somebody else is writing");
    let_go(&free);
    // The first one finds nothing that it could be stored with. Whoever reads stores what came before him, and then those that
    // came after are stored together.
    for answered in [0, 1, READ + 1] {
        let free = kept(fault("heldCommit", &[name.as_str().into()])).await;
        // All is written, and nothing of it kept yet.
        assert_eq!(sent.count(), answered);
        // What does not need the room is answered meanwhile.
        assert_eq!(health(&worker).await.storage, StorageState::Ready);
        let rooms: Rooms = document(&send(&worker, "GET", "/peer/v1/rooms", "").await);
        assert_eq!(rooms.rooms.len(), 1);
        assert_eq!(sent.count(), answered);
        let_go(&free);
    }
    let answers = sent.all().await;
    fault("freeCommits", &[name.as_str().into()]);
    let (read, edits): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(number, _)| *number == READ);
    let expected: Vec<_> = (0..=EDITS).filter(|number| *number != READ).map(|number| (number, 201)).collect();
    assert_eq!(statuses(&edits), expected);
    let all: Vec<_> = ["first".to_owned()].into_iter().chain((0..EDITS).map(|number| number.to_string())).collect();
    assert_eq!(titles_in(&read[0].1), all[..=READ]);
    assert_eq!(titles(&worker).await, all);
    assert_eq!(titles(&self::worker(&name)).await, all);
}

/// A worker that compacts early.
fn small_worker(name: &str) -> Rc<BrowserService> {
    let limits = Limits { log_records: 8, log_bytes: 64 << 10, page: 1 << 10, chunk: 4 << 10 };
    Rc::new(Service::with_limits(IndexedStore::new(name), BrowserHost::default(), limits))
}

#[wasm_bindgen_test]
async fn a_slow_compaction_loses_no_edit() {
    let name = fresh_name();
    drop(worker_with_room(&name).await);
    let old = small_worker(&name);
    for number in 0..10 {
        add(&old, &number.to_string()).await;
    }
    let new = small_worker(&name);
    assert_eq!(titles(&new).await.len(), 10);
    fault("holdCommits", &[name.as_str().into()]);
    let tidied = future_to_promise({
        let old = Rc::clone(&old);
        async move {
            old.tidy().await;
            Ok(JsValue::UNDEFINED)
        }
    });
    let free = kept(fault("heldCommit", &[name.as_str().into()])).await;
    let mut sent = Sent::default();
    for number in 10..20 {
        sent.add(if number % 2 == 0 { &old } else { &new }, &number.to_string());
    }
    sent.send(&new, "GET", "/tasks", "");
    turns().await;
    assert_eq!(sent.count(), 0);
    let_go(&free);
    fault("freeCommits", &[name.as_str().into()]);
    JsFuture::from(tidied).await.unwrap();
    let mut answers = sent.all().await;
    answers.sort_by_key(|(number, _)| *number);
    // Each is told if the other one came first too often.
    let mut expected: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    for (number, response) in &answers[..10] {
        match response.status {
            201 => expected.push((number + 10).to_string()),
            status => assert_eq!(status, 409, "{}", text(response)),
        }
    }
    assert!(titles_in(&answers[10].1).len() >= 10);
    assert!(count(&name, "pages").await > 1, "it was compacted");
    let restarted = small_worker(&name);
    for worker in [&old, &new, &restarted] {
        let mut titles = titles(worker).await;
        titles.sort_by_key(|title| title.parse::<u32>().unwrap());
        assert_eq!(titles, expected);
    }
    // The room's name and the tasks: each has its own number.
    let vector: Vector = document(&send(&restarted, "GET", "/vector", "").await);
    assert_eq!(vector.values().copied().collect::<Vec<_>>(), [expected.len() as u64 + 1]);
    assert_eq!(health(&restarted).await.damaged, 0);
}

#[wasm_bindgen_test]
async fn an_edit_on_its_way_is_kept_when_a_newer_worker_takes_over() {
    let name = fresh_name();
    let old = worker_with_room(&name).await;
    add(&old, "a").await;
    fault("holdCommits", &[name.as_str().into()]);
    let mut sent = Sent::default();
    sent.add(&old, "b");
    let free = kept(fault("heldCommit", &[name.as_str().into()])).await;
    let witness = kept(fault("witness", &[name.as_str().into()])).await;
    fault("layout", &[name.as_str().into(), 2.into()]);
    let new = worker(&name);
    sent.send(&new, "GET", "/tasks", "");
    kept(Reflect::get(&witness, &"asked".into()).unwrap()).await;
    fault("layout", &[name.as_str().into(), JsValue::UNDEFINED]);
    sent.add(&old, "c");
    turns().await;
    assert_eq!(sent.count(), 0);
    let_go(&free);
    fault("freeCommits", &[name.as_str().into()]);
    let mut answers = sent.all().await;
    answers.sort_by_key(|(number, _)| *number);
    assert_eq!(statuses(&answers), [(0, 201), (1, 200), (2, 503)]);
    assert_eq!(titles_in(&answers[1].1), ["a", "b"]);
    refused(&answers[2].1, NEWER);
    assert_eq!(titles(&new).await, ["a", "b"]);
}

/// Carries a worker's work out up to its so many'th step, and there ends the worker: where it stands (`at_once`), or when
/// what it waits for has come, before it knows.
async fn ended<T>(work: impl Future<Output = T>, steps: u32, at_once: bool) -> Option<T> {
    let mut work = Box::pin(work);
    let mut left = steps;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 && at_once => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The name of the room in the list of rooms, and as others get it.
async fn names(worker: &BrowserService) -> (String, String) {
    let rooms: Rooms = document(&send(worker, "GET", "/peer/v1/rooms", "").await);
    let RoomSummary { name, .. } = rooms.rooms.into_iter().next().unwrap();
    let answer = cbor(worker, "/sync", SyncRequest::default().encode()).await;
    let mut peer = Replica::new(DeviceId::from_bytes(*b"bob's pc........"));
    peer.apply(SyncAnswer::decode(&answer.body).unwrap().batch, js_sys::Date::now() as u64).unwrap();
    (name, peer.room_name().unwrap_or_default().to_owned())
}

#[wasm_bindgen_test]
async fn of_a_worker_that_is_replaced_an_edit_is_there_whole_or_not_at_all() {
    let database = fresh_name();
    drop(worker_with_room(&database).await);
    for at_once in [true, false] {
        let (mut before, mut outcomes) = ("Kitchen".to_owned(), [0, 0]);
        for steps in 1.. {
            let old = worker(&database);
            let after = format!("{at_once} {steps}");
            let body = format!(r#"{{"name":"{after}"}}"#);
            // What it renames are two records, and the head of the log.
            let response = ended(send(&old, "PUT", "", &body), steps, at_once).await;
            drop(old);
            let (listed, shared) = names(&worker(&database)).await;
            assert_eq!(listed, shared, "{steps}");
            if let Some(response) = response {
                assert_eq!((response.status, &listed), (200, &after));
                break;
            }
            let is_there = listed == after;
            assert!(is_there || listed == before, "{steps}: {listed}");
            outcomes[usize::from(is_there)] += 1;
            before = listed;
        }
        // Before the commit and after it.
        assert!(outcomes[0] > 1 && outcomes[1] > 0, "{outcomes:?}");
        send(&worker(&database), "PUT", "", r#"{"name":"Kitchen"}"#).await;
    }
}

/// What everything random follows from.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % most as u64) as usize
    }
}

/// An edit, and what the task then is: its title and its notes, or nothing.
struct Edit {
    task: TaskId,
    to: Option<String>,
}

impl Edit {
    /// A task that is new, changed or deleted. None of one batch are about the same one, as their order is not known.
    fn draw(dice: &mut Dice, number: usize, tasks: &BTreeMap<TaskId, String>, batch: &[Self]) -> Self {
        let mut there = tasks.keys().filter(|task| batch.iter().all(|edit| edit.task != **task));
        let free = there.clone().count();
        let kind = if free == 0 { 0 } else { dice.below(5) };
        let task = match kind {
            0 | 1 => TaskId::from_random_bytes(std::array::from_fn(|_| dice.below(256) as u8)),
            _ => *there.nth(dice.below(free)).unwrap(),
        };
        Self { task, to: (kind < 4).then(|| format!("task {number}")) }
    }

    async fn carry_out(&self, worker: &BrowserService, is_new: bool) -> Response {
        let (task, part) = (self.task, format!("/tasks/{}", self.task));
        match &self.to {
            Some(text) if is_new => {
                let body = format!(r#"{{"id":"{task}","title":"{text}","notes":"{text}"}}"#);
                send(worker, "POST", "/tasks", &body).await
            }
            Some(text) => send(worker, "PATCH", &part, &format!(r#"{{"title":"{text}","notes":"{text}"}}"#)).await,
            None => send(worker, "DELETE", &part, "").await,
        }
    }
}

/// All tasks, of which title and notes must be of the same edit.
async fn tasks(worker: &BrowserService, seed: u32) -> BTreeMap<TaskId, String> {
    let all: Tasks = document(&send(worker, "GET", "/tasks", "").await);
    let task = |TaskDocument { id, title, notes, .. }| {
        assert_eq!(title, notes, "seed {seed}: half an edit");
        (TaskId::parse(&id).unwrap(), title)
    };
    all.tasks.into_iter().filter(|task| !task.deleted).map(task).collect()
}

/// Carries these out at once. `None` for what was not answered before the worker ended.
async fn at_once<'a>(work: Vec<Pin<Box<dyn Future<Output = Response> + 'a>>>, steps: u32) -> Vec<Option<Response>> {
    let answers = RefCell::new(work.iter().map(|_| None).collect::<Vec<_>>());
    let mut work: Vec<_> = work.into_iter().map(Some).collect();
    let all = poll_fn(|context| {
        for (slot, answer) in work.iter_mut().zip(answers.borrow_mut().iter_mut()) {
            if let Some(Poll::Ready(response)) = slot.as_mut().map(|work| work.as_mut().poll(context)) {
                (*slot, *answer) = (None, Some(response));
            }
        }
        if work.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    });
    ended(all, steps, steps % 2 == 0).await;
    answers.take()
}

#[wasm_bindgen_test]
async fn what_was_acknowledged_is_there_and_what_was_refused_is_not_whatever_fails() {
    // `PARTYLINE_SEED` plays one again.
    let again = option_env!("PARTYLINE_SEED").map(|seed| seed.parse().unwrap());
    let fresh = (js_sys::Math::random() * f64::from(u32::MAX)) as u32;
    for seed in again.map_or(vec![1, fresh], |seed| vec![seed]) {
        console_log!("seed {seed}");
        play(seed).await;
    }
}

/// Edits by an old and a new worker over a database that fails as the seed says, with workers that end at any step.
async fn play(seed: u32) {
    const EDITS: usize = 300;
    let mut dice = Dice(seed.into());
    let name = fresh_name();
    let database = JsValue::from(name.as_str());
    drop(worker_with_room(&name).await);
    let (mut old, mut new) = (small_worker(&name), small_worker(&name));
    let mut there = BTreeMap::new();
    // Acknowledged, refused, unanswered and there, unanswered and not there.
    let (mut outcomes, mut edits, mut ends, mut changes) = ([0; 4], 0, 0, 1);
    while edits < EDITS {
        let mut batch: Vec<Edit> = Vec::new();
        for _ in 0..=dice.below(6) {
            batch.push(Edit::draw(&mut dice, edits, &there, &batch));
            edits += 1;
        }
        let is_ending = dice.below(3) == 0;
        let steps = if is_ending { 1 + dice.below(20) as u32 } else { u32::MAX };
        let is_tidying = dice.below(2) == 0;
        let by: Vec<_> = batch.iter().map(|_| if dice.below(4) == 0 { &old } else { &new }).collect();
        fault("plan", &[database.clone(), (dice.below(1 << 31) as u32).into()]);
        let mut work: Vec<Pin<Box<dyn Future<Output = Response>>>> = Vec::new();
        for (edit, worker) in batch.iter().zip(by) {
            work.push(Box::pin(edit.carry_out(worker, !there.contains_key(&edit.task))));
        }
        if is_tidying {
            work.push(Box::pin(async {
                new.tidy().await;
                Response::no_content()
            }));
        }
        let answers = at_once(work, steps).await;
        fault("calm", &[database.clone()]);

        let ended = answers.iter().any(Option::is_none);
        if ended || dice.below(10) == 0 {
            ends += 1;
            (old, new) = (if ended { small_worker(&name) } else { new }, small_worker(&name));
        }
        let found = tasks(&small_worker(&name), seed).await;
        for (edit, answer) in batch.into_iter().zip(answers) {
            let before = there.get(&edit.task).cloned();
            let now = found.get(&edit.task).cloned();
            let is_there = now == edit.to;
            let what = format!("seed {seed}: {:?} to {:?} is {now:?}", before, edit.to);
            let outcome = match &answer {
                Some(response) if response.status < 300 => {
                    assert!(is_there, "{what}, acknowledged");
                    0
                }
                Some(response) => {
                    assert!(matches!(response.status, 409 | 500 | 507), "{what}: {}", text(response));
                    assert_eq!(now, before, "{what}, refused: {}", text(response));
                    1
                }
                None => {
                    assert!(is_there || now == before, "{what}, unanswered");
                    if is_there { 2 } else { 3 }
                }
            };
            outcomes[outcome] += 1;
            changes += u64::from(is_there);
            match edit.to.filter(|_| is_there) {
                Some(text) => drop(there.insert(edit.task, text)),
                None if is_there => drop(there.remove(&edit.task)),
                None => {}
            }
        }
        for found in [found, tasks(&old, seed).await, tasks(&new, seed).await] {
            assert_eq!(found, there, "seed {seed}");
        }
    }
    let counts = fault("counts", &[database]).as_string().unwrap();
    console_log!("seed {seed}: {outcomes:?} {ends} {counts}");
    // What is drawn anew each time may lack something.
    if seed == 1 {
        for fate in ["before", "middle", "end", "quota", "slow"] {
            assert!(counts.contains(&format!("readwrite {fate}")), "{counts}");
        }
        assert!(outcomes[0] > 50 && outcomes[1] > 50 && outcomes[3] > 0, "{outcomes:?}");
    }
    // No failure was taken for damage, and no number was given twice or left out.
    let worker = worker(&name);
    let vector: Vector = document(&send(&worker, "GET", "/vector", "").await);
    assert_eq!(vector.values().copied().collect::<Vec<_>>(), [changes], "seed {seed}");
    assert_eq!(health(&worker).await.damaged, 0, "seed {seed}");
}
