//! The client of this device's own endpoint: requests to `/peer/v1/…`, answered by the service worker.
//!
//! [`call`] carries bytes; the functions below it speak the JSON documents of [`partyline_core::api`]. A request is
//! refused with [`CallError::NoServiceWorker`] while no service worker controls the page. Without one it would travel to
//! the web server, and a room's secret or a task's text must never leave the browser that way.
//!
//! A request that is under way when the page is frozen may never be answered. So [`returned`] has each of them sent once
//! more that comes to the same when it is answered twice: what only reads, joining and leaving a room (404 the second
//! time), and adding tasks, which have their ids. To change something twice would be to change it later, over what
//! somebody else wrote meanwhile, so whoever wants that is told after a while that there was no answer.

pub(crate) mod talk;
pub(crate) mod trash;

use std::cell::RefCell;
use std::ops::Range;
use std::pin::pin;

use futures::channel::oneshot;
use futures::future::{Either, LocalBoxFuture, select};
use gloo_net::http::{Headers, Method, RequestBuilder, Response};
use gloo_timers::callback::Timeout;
use js_sys::Uint8Array;
use partyline_core::api::{
    ASKER_HEADER, CBOR, Devices, Edited, Edits, HeldDocument, JSON, MAX_EDITS, NOW_HEADER, NewDevice, NewRoom, PROVED,
    Problem, Refused, RoomDocument, RoomSummary, Rooms, SecretText, SectionPatch, TaskEdit, TaskPatch, Tasks,
    read as read_document,
};
use partyline_core::crew::Answer;
use partyline_core::id::{DeviceId, RoomId, RoomLink, SectionId, TaskId};
use partyline_core::replica::{SyncRequest, VersionVector};
use partyline_sw::problem::OLDER_ROOM;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use web_sys::AbortSignal;

use crate::platform;

/// Why a request got no answer at all.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CallError {
    /// No service worker controls this page, so nothing may be sent.
    #[error("The part of Partyline that keeps your tasks is not running. Reload the page.")]
    NoServiceWorker,
    /// The method or a header is not a legal one.
    #[error("The request could not be made: {0}")]
    Request(String),
    /// The service worker did not answer, or its answer broke off.
    #[error("The part of Partyline that keeps your tasks does not answer.")]
    NoAnswer(String),
}

/// Why a typed request did not do what it was for. `Display` is fit for the person who asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ApiError {
    /// No answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The service worker said no, and why.
    #[error("{}", spoken(.0))]
    Refused(Box<Problem>),
    /// The answer was not the document that it should be.
    #[error(
        "The part of Partyline that keeps your tasks gave an answer that this page does not understand. Reload the page."
    )]
    Unreadable(String),
}

impl ApiError {
    /// The status of a refusal.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::Call(_) | Self::Unreadable(_) => None,
        }
    }

    /// Whether the room is one that a test version kept.
    pub(crate) fn is_older_room(&self) -> bool {
        matches!(self, Self::Refused(problem) if problem.kind == OLDER_ROOM)
    }
}

/// The detail of a problem, or its title where it has none.
fn spoken(problem: &Problem) -> &str {
    if problem.detail.is_empty() { &problem.title } else { &problem.detail }
}

thread_local! {
    /// Tells each request under way that the page is back.
    static UNDER_WAY: RefCell<Vec<oneshot::Sender<()>>> = const { RefCell::new(Vec::new()) };
}

/// The most text in one request with several edits, in bytes, so that as JSON it is within what is taken.
const MAX_PORTION: usize = 128 << 10;
/// As much is reckoned for all fields of a task but title and notes, in bytes.
const SHORT_FIELDS: usize = 256;

/// So long a change has to be answered once the page is back, in milliseconds.
const LATE_MS: u32 = 5_000;

/// The page is back: it was frozen, hidden, or in the browser's page cache. What is under way is sent once more, or given up
/// after a while.
pub(crate) fn returned() {
    // Taken out of the cell first: whoever is told begins to wait again.
    for request in UNDER_WAY.take() {
        // One that was answered meanwhile does not listen any more.
        let _ = request.send(());
    }
}

/// Resolves when the page is back.
fn back() -> oneshot::Receiver<()> {
    let (back, is_back) = oneshot::channel();
    UNDER_WAY.with_borrow_mut(|requests| {
        requests.retain(|other| !other.is_canceled());
        requests.push(back);
    });
    is_back
}

/// Makes a request, and makes it anew whenever the page is back before it was answered. The answer to the last one counts.
async fn until_answered<T, R: Future<Output = T>>(mut request: impl FnMut() -> R) -> T {
    loop {
        let is_back = back();
        if let Either::Left((answer, _)) = select(pin!(request()), is_back).await {
            return answer;
        }
    }
}

/// Makes a request once. If it was not answered when the page is back it has until `late` resolves; `None` then.
async fn once<T, L: Future>(request: impl Future<Output = T>, late: impl FnOnce() -> L) -> Option<T> {
    let is_back = back();
    match select(pin!(request), is_back).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right((_, request)) => match select(request, pin!(late())).await {
            Either::Left((answer, _)) => Some(answer),
            Either::Right(_) => None,
        },
    }
}

/// Whether a request comes to the same when it is answered twice, and in between somebody else is.
fn is_repeatable(method: &str, path: &str) -> bool {
    let is_room = path.matches('/').count() == 4;
    matches!(method, "GET" | "HEAD" | "POST") || (is_room && method == "DELETE")
}

/// Sends a request to the service worker and reads the whole answer.
///
/// `path` starts with `/peer/v1/`, or with `/peers/` and a device in front of that. An answer with an error status is an
/// [`Answer`], not a [`CallError`].
///
/// Boxed: whoever waits holds a pointer, and not a state machine of its own that contains this one.
pub(crate) fn call<'a>(
    method: &'a str,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: Option<&'a [u8]>,
) -> LocalBoxFuture<'a, Result<Answer, CallError>> {
    Box::pin(ask(method, path, headers, body, is_repeatable(method, path)))
}

/// [`call`], of which only an answer that did it is an answer.
fn accepted<'a>(
    method: &'a str,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: Option<&'a [u8]>,
) -> LocalBoxFuture<'a, Result<Answer, ApiError>> {
    Box::pin(async move { accept(call(method, path, headers, body).await?) })
}

/// The same, for a request that is known to come to the same when it is answered twice, or not to.
async fn ask(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
    is_repeatable: bool,
) -> Result<Answer, CallError> {
    let request = async || read(open(method, path, headers, body, None).await?).await;
    if is_repeatable {
        return until_answered(request).await;
    }
    let late = || {
        let (end, ended) = oneshot::channel::<()>();
        // The end of the sender is heard as well as what it sends.
        Timeout::new(LATE_MS, move || drop(end)).forget();
        ended
    };
    let answer = once(request(), late).await;
    answer.unwrap_or_else(|| Err(CallError::NoAnswer("the page was away".to_owned())))
}

/// Sends a request once and reads the head of the answer, unless the request is given up.
pub(crate) async fn open(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
    signal: Option<&AbortSignal>,
) -> Result<Response, CallError> {
    if !platform::is_controlled() {
        return Err(CallError::NoServiceWorker);
    }
    let method: Method = method.parse().map_err(|_| CallError::Request(format!("no such method: {method}")))?;
    let sent = Headers::new();
    for (name, value) in headers {
        sent.append(name, value);
    }
    let builder = RequestBuilder::new(path).method(method).headers(sent).abort_signal(signal);
    let request = match body {
        Some(bytes) => builder.body(JsValue::from(Uint8Array::from(bytes))),
        None => builder.build(),
    };
    let sent = request.map_err(|error| CallError::Request(error.to_string()))?.send().await;
    sent.map_err(|error| CallError::NoAnswer(error.to_string()))
}

/// Reads the rest of an answer.
pub(crate) async fn read(response: Response) -> Result<Answer, CallError> {
    let content_type = response.headers().get("content-type").unwrap_or_default();
    let body = response.binary().await.map_err(|error| CallError::NoAnswer(error.to_string()))?;
    let now_ms = response.headers().get(NOW_HEADER).and_then(|text| text.parse().ok());
    Ok(Answer { status: response.status(), content_type, now_ms, body })
}

/// `GET /peer/v1/rooms`: the rooms kept on this device.
pub(crate) async fn rooms() -> Result<Vec<RoomSummary>, ApiError> {
    let Rooms { rooms } = get("/peer/v1/rooms").await?;
    Ok(rooms)
}

/// `PUT /peer/v1/rooms/{room}` with the secret: makes the room, or joins it. `name` is given to the room if present.
pub(crate) async fn keep_room(link: &RoomLink, name: Option<String>) -> Result<RoomSummary, ApiError> {
    keep(link, NewRoom { name, ..NewRoom::default() }).await
}

/// The same, and lists the room under an alias on this device until its name has come.
pub(crate) async fn keep_room_as(link: &RoomLink, alias: &str) -> Result<RoomSummary, ApiError> {
    keep(link, NewRoom { alias: Some(alias.to_owned()), ..NewRoom::default() }).await
}

async fn keep(link: &RoomLink, document: NewRoom) -> Result<RoomSummary, ApiError> {
    let document = NewRoom { secret: Some(SecretText(link.secret.to_base64url())), ..document };
    parse(&sent("PUT", &room_path(link.room, ""), &document, true).await?)
}

/// `PUT /peer/v1/rooms/{room}` with a name alone: renames the room for everybody in it.
pub(crate) async fn rename_room(room: RoomId, name: String) -> Result<RoomSummary, ApiError> {
    send("PUT", &room_path(room, ""), &NewRoom { name: Some(name), ..NewRoom::default() }).await
}

/// `GET /peer/v1/rooms/{room}`: a room with its secret and this device's id in it.
pub(crate) async fn room(room: RoomId) -> Result<RoomDocument, ApiError> {
    get(&room_path(room, "")).await
}

/// `DELETE /peer/v1/rooms/{room}`: forgets the room and its tasks on this device.
pub(crate) async fn leave_room(room: RoomId) -> Result<(), ApiError> {
    match accepted("DELETE", &room_path(room, ""), &[], None).await {
        // It was left by a request whose answer was lost, or in another tab.
        Err(ApiError::Refused(problem)) if problem.status == 404 => Ok(()),
        answer => answer.map(drop),
    }
}

/// `GET …/devices`: the devices that gave their name.
pub(crate) async fn devices(room: RoomId) -> Result<Devices, ApiError> {
    get(&room_path(room, "/devices")).await
}

/// `PUT …/clock`: how far this device's clock is ahead of what most say, in milliseconds.
pub(crate) async fn hear_clock(room: RoomId, ahead_ms: i64) -> Result<(), ApiError> {
    let number = ahead_ms.to_string();
    let headers = [("content-type", JSON)];
    accepted("PUT", &room_path(room, "/clock"), &headers, Some(number.as_bytes())).await.map(drop)
}

/// `PUT …/held/{device}/{number}`, or `DELETE …`: takes or drops a change that is held back.
pub(crate) async fn decide(room: RoomId, held: &HeldDocument, is_wanted: bool) -> Result<(), ApiError> {
    let method = if is_wanted { "PUT" } else { "DELETE" };
    let path = room_path(room, &format!("/held/{}/{}", held.device, held.seq));
    accepted(method, &path, &[], None).await.map(drop)
}

/// `PUT …/device`: names this device in the room.
pub(crate) async fn name_device(room: RoomId, name: String) -> Result<(), ApiError> {
    send_only("PUT", &room_path(room, "/device"), &NewDevice { name }).await.map(drop)
}

/// `POST …/key`: somebody else is said, or proved, to have this device's key.
pub(crate) async fn doubt_key(room: RoomId, device: DeviceId, proved: bool) -> Result<(), ApiError> {
    let device = device.to_string();
    let headers = [(ASKER_HEADER, device.as_str())];
    accepted("POST", &room_path(room, "/key"), &headers, Some(if proved { PROVED } else { &[] })).await.map(drop)
}

/// `GET …/vector`: what this device has of a room, or another device that is connected.
pub(crate) async fn vector(room: RoomId, device: Option<DeviceId>) -> Option<VersionVector> {
    let place = device.map(|device| format!("/peers/{device}")).unwrap_or_default();
    let path = place + &room_path(room, "/vector");
    let answer = call("GET", &path, &[("accept", CBOR)], None).await.ok()?;
    if answer.status == 200 { VersionVector::decode(&answer.body).ok() } else { None }
}

/// `GET …/sync`: with what to ask a peer for what is missing here.
pub(crate) async fn opening(room: RoomId) -> Option<SyncRequest> {
    let answer = call("GET", &room_path(room, "/sync"), &[("accept", CBOR)], None).await.ok()?;
    if answer.status == 200 { SyncRequest::decode(&answer.body).ok() } else { None }
}

/// `GET …/tasks`: the first page of every task, or with `since` of those touched after that cursor,
/// deleted ones included.
pub(crate) async fn tasks(room: RoomId, since: Option<&str>) -> Result<Tasks, ApiError> {
    let query = since.map(|cursor| format!("?since={cursor}")).unwrap_or_default();
    get(&room_path(room, &format!("/tasks{query}"))).await
}

/// `GET …/tasks`: the next page.
pub(crate) async fn more_tasks(room: RoomId, next: &str) -> Result<Tasks, ApiError> {
    get(&room_path(room, &format!("/tasks?next={next}"))).await
}

/// `POST …/edits`: adds and changes tasks, one after the other; gives those that could not be, by their numbers.
///
/// As few requests as it takes, each of which is made durable at once.
pub(crate) async fn edit_tasks(room: RoomId, mut edits: Vec<TaskEdit>) -> Vec<(usize, ApiError)> {
    let path = room_path(room, "/edits");
    // Adding comes to the same when it is answered twice.
    let is_repeatable = edits.iter().all(|edit| matches!(edit, TaskEdit::Add(_)));
    let (mut failed, mut first) = (Vec::new(), 0);
    while !edits.is_empty() {
        let rest = edits.split_off(portion(&edits));
        let next = first + edits.len();
        let body = serde_json::to_vec(&Edits { edits });
        let answer = send_body("POST", &path, body, is_repeatable).await;
        failed.extend(refused(answer, first..next));
        (edits, first) = (rest, next);
    }
    failed
}

/// Those of the edits with these numbers that were not made.
fn refused(answer: Result<Answer, ApiError>, edits: Range<usize>) -> Vec<(usize, ApiError)> {
    match answer.and_then(|answer| parse::<Edited>(&answer)) {
        Ok(Edited { refused }) => refused
            .into_iter()
            .map(|Refused { edit, problem }| (edits.start + edit, ApiError::Refused(Box::new(problem))))
            .collect(),
        Err(error) => edits.map(|edit| (edit, error.clone())).collect(),
    }
}

/// The same of patches and the tasks that they are for.
pub(crate) async fn patch_tasks(room: RoomId, patches: &[(TaskId, TaskPatch)]) -> Vec<(usize, ApiError)> {
    let named = |(task, patch): &(TaskId, TaskPatch)| TaskPatch { id: Some(task.to_string()), ..patch.clone() };
    edit_tasks(room, patches.iter().map(|patch| TaskEdit::Patch(Box::new(named(patch)))).collect()).await
}

/// How many of these edits one request has: as many as are allowed, and so many as have so much text, about.
fn portion(edits: &[TaskEdit]) -> usize {
    let mut bytes = 0;
    let fits = |edit: &&TaskEdit| {
        let (title, notes) = match edit {
            TaskEdit::Add(task) => (Some(&task.title), &task.notes),
            TaskEdit::Patch(patch) => (patch.title.as_ref(), &patch.notes),
        };
        bytes += title.map_or(0, String::len) + notes.as_ref().map_or(0, String::len) + SHORT_FIELDS;
        bytes <= MAX_PORTION
    };
    edits.iter().take(MAX_EDITS).take_while(fits).count().max(1)
}

/// `POST …/sections`: makes a section.
pub(crate) async fn add_section(room: RoomId, section: &SectionPatch) -> Result<(), ApiError> {
    send_only("POST", &room_path(room, "/sections"), section).await.map(drop)
}

/// `PATCH …/sections/{id}`.
pub(crate) async fn edit_section(room: RoomId, section: SectionId, patch: &SectionPatch) -> Result<(), ApiError> {
    send_only("PATCH", &room_path(room, &format!("/sections/{section}")), patch).await.map(drop)
}

/// `DELETE …/sections/{id}`.
pub(crate) async fn delete_section(room: RoomId, section: SectionId) -> Result<(), ApiError> {
    accepted("DELETE", &room_path(room, &format!("/sections/{section}")), &[], None).await.map(drop)
}

/// `GET …/signoffs`.
#[cfg(feature = "next")]
pub(crate) async fn sign_offs(room: RoomId) -> Result<Vec<partyline_core::api::SignOffDocument>, ApiError> {
    let partyline_core::api::SignOffs { sign_offs } = get(&room_path(room, "/signoffs")).await?;
    Ok(sign_offs)
}

/// `POST …/signoffs`.
#[cfg(feature = "next")]
pub(crate) async fn sign_off(room: RoomId, document: &partyline_core::api::SignOffDocument) -> Result<(), ApiError> {
    send_only("POST", &room_path(room, "/signoffs"), document).await.map(drop)
}

fn room_path(room: RoomId, rest: &str) -> String {
    format!("/peer/v1/rooms/{room}{rest}")
}

async fn get<T: DeserializeOwned>(path: &str) -> Result<T, ApiError> {
    parse(&accepted("GET", path, &[("accept", JSON)], None).await?)
}

async fn send<T: DeserializeOwned>(method: &str, path: &str, document: &impl Serialize) -> Result<T, ApiError> {
    parse(&send_only(method, path, document).await?)
}

fn send_only<'a>(
    method: &'a str,
    path: &'a str,
    document: &impl Serialize,
) -> LocalBoxFuture<'a, Result<Answer, ApiError>> {
    sent(method, path, document, is_repeatable(method, path))
}

/// [`accepted`], of a document. What is not generic is compiled once.
fn sent<'a>(
    method: &'a str,
    path: &'a str,
    document: &impl Serialize,
    is_repeatable: bool,
) -> LocalBoxFuture<'a, Result<Answer, ApiError>> {
    send_body(method, path, serde_json::to_vec(document), is_repeatable)
}

fn send_body<'a>(
    method: &'a str,
    path: &'a str,
    body: serde_json::Result<Vec<u8>>,
    is_repeatable: bool,
) -> LocalBoxFuture<'a, Result<Answer, ApiError>> {
    Box::pin(async move {
        let body = body.map_err(|error| CallError::Request(error.to_string()))?;
        accept(ask(method, path, &[("accept", JSON), ("content-type", JSON)], Some(&body), is_repeatable).await?)
    })
}

/// Tells an answer that did it from one that says no.
fn accept(answer: Answer) -> Result<Answer, ApiError> {
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    let status = answer.status;
    let problem = read_document(&answer.body).unwrap_or_else(|_| Problem {
        kind: "about:blank".to_owned(),
        title: format!("The part of Partyline that keeps your tasks failed (status {status})."),
        status,
        detail: String::new(),
    });
    Err(ApiError::Refused(Box::new(problem)))
}

fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T, ApiError> {
    read_document(&answer.body).map_err(|error| ApiError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use partyline_core::api::NewTask;

    use super::*;

    /// Requests that are made and not answered yet.
    #[derive(Default)]
    struct Requests(RefCell<Vec<oneshot::Sender<u8>>>);

    impl Requests {
        async fn make(&self) -> u8 {
            let (answer, answered) = oneshot::channel();
            self.0.borrow_mut().push(answer);
            answered.await.unwrap()
        }

        fn made(&self) -> usize {
            self.0.borrow().len()
        }

        fn answer(&self, which: usize, answer: u8) -> Result<(), u8> {
            self.0.borrow_mut().remove(which).send(answer)
        }
    }

    #[test]
    fn a_request_has_so_many_edits_and_so_much_text() {
        let adds = |count: usize, notes: usize| -> Vec<TaskEdit> {
            let task = NewTask { notes: Some("x".repeat(notes)), ..NewTask::default() };
            (0..count).map(|_| TaskEdit::Add(Box::new(task.clone()))).collect()
        };
        assert_eq!(portion(&adds(3, 100)), 3);
        assert_eq!(portion(&adds(1_000, 0)), 512);
        assert_eq!(portion(&adds(20, 16_000)), 8);
        // One that is too large is refused by who takes it.
        assert_eq!(portion(&adds(2, 1 << 20)), 1);
        let patch = TaskPatch { notes: Some("x".repeat(70_000)), ..TaskPatch::default() };
        assert_eq!(portion(&[TaskEdit::Patch(Box::new(patch.clone())), TaskEdit::Patch(Box::new(patch))]), 1);
    }

    #[test]
    fn a_request_that_is_never_answered_is_made_anew_when_the_page_is_back() {
        let requests = Requests::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut asked = pin!(until_answered(|| requests.make()));
        assert_eq!(asked.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(requests.made(), 1);
        // Nothing is made anew while the page is there.
        assert_eq!(asked.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(requests.made(), 1);
        for back in 2..4 {
            returned();
            assert_eq!(asked.as_mut().poll(&mut context), Poll::Pending);
            assert_eq!(requests.made(), back);
        }
        // Nobody listens to those before any more.
        assert_eq!((requests.answer(0, 1), requests.answer(0, 2)), (Err(1), Err(2)));
        assert_eq!(requests.answer(0, 3), Ok(()));
        assert_eq!(asked.as_mut().poll(&mut context), Poll::Ready(3));
    }

    #[test]
    fn a_change_is_made_once_and_given_up_if_it_is_not_answered() {
        let requests = Requests::default();
        let mut context = Context::from_waker(Waker::noop());
        let (end, ended) = oneshot::channel::<()>();
        let mut asked = pin!(once(requests.make(), || ended));
        for _ in 0..3 {
            assert_eq!(asked.as_mut().poll(&mut context), Poll::Pending);
            returned();
        }
        assert_eq!(requests.made(), 1);
        end.send(()).unwrap();
        assert_eq!(asked.as_mut().poll(&mut context), Poll::Ready(None));

        let mut answered = pin!(once(requests.make(), std::future::pending::<()>));
        assert_eq!(answered.as_mut().poll(&mut context), Poll::Pending);
        returned();
        assert_eq!(answered.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(requests.answer(1, 7), Ok(()));
        assert_eq!(answered.as_mut().poll(&mut context), Poll::Ready(Some(7)));
    }

    #[test]
    fn what_changes_something_is_not_asked_twice() {
        let room = "/peer/v1/rooms/1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b";
        for (method, below, is) in [
            ("GET", "", true),
            ("GET", "/tasks?since=1", true),
            ("POST", "/tasks", true),
            ("DELETE", "", true),
            ("PUT", "", false),
            ("PUT", "/device", false),
            ("PATCH", "/tasks/1", false),
            ("DELETE", "/tasks/1", false),
        ] {
            assert_eq!(is_repeatable(method, &format!("{room}{below}")), is, "{method} {below}");
        }
    }

    #[test]
    fn requests_that_are_over_are_forgotten() {
        let mut context = Context::from_waker(Waker::noop());
        let waiting = || UNDER_WAY.with_borrow(Vec::len);
        for _ in 0..100 {
            assert_eq!(pin!(until_answered(async || 7)).poll(&mut context), Poll::Ready(7));
            assert!(waiting() <= 1);
        }
        {
            let mut given_up = pin!(until_answered(std::future::pending::<u8>));
            assert_eq!(given_up.as_mut().poll(&mut context), Poll::Pending);
        }
        returned();
        assert_eq!(waiting(), 0);
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, content_type: String::new(), now_ms: None, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_refusal_speaks_in_the_words_of_the_service_worker() {
        let body = r#"{"type":"about:blank","title":"Conflict","status":409,"detail":"Another secret is kept."}"#;
        let error = accept(answer(409, body)).unwrap_err();
        assert_eq!(error.to_string(), "Another secret is kept.");
        assert_eq!(error.status(), Some(409));
    }

    #[test]
    fn a_refusal_without_words_still_says_something() {
        let error = accept(answer(500, "<html>")).unwrap_err();
        assert_eq!(error.to_string(), "The part of Partyline that keeps your tasks failed (status 500).");
    }

    #[test]
    fn an_answer_of_another_kind_is_not_taken_for_a_document() {
        let read: Result<Tasks, _> = parse(&answer(200, "<html>"));
        assert!(matches!(read, Err(ApiError::Unreadable(_))));
    }
}
