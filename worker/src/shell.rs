//! Where the rules meet Cloudflare: the `fetch` handler, and the Durable Object that holds a room's listings in its memory.
//!
//! Nothing is logged here, and no error of the platform reaches a caller. There are no statics: several rooms may share one isolate,
//! and with it one wasm memory.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use partyline_core::id::RoomId;
use worker::wasm_bindgen_futures::spawn_local;
// The macros of `worker` expand to paths that begin with this name.
use worker::wasm_bindgen;
use worker::{
    Context, Date, Delay, DurableObject, Env, Headers, Method, Request, RequestInit, Response, State, durable_object,
    event,
};

use crate::{
    Answer, Book, BoundedBody, Call, PeersQuery, Refusal, Registration, RoomRequest, Ttl, object_name, observed_ip,
    route,
};

/// The Durable Object namespace's name in `wrangler.toml`.
const ROOMS: &str = "ROOMS";

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    // Not `request.method()`, which takes every method that it does not know for GET.
    let method = request.inner().method();
    let answer = match answer(&mut request, &method, &env).await {
        Ok(Reply::Made(answer)) => answer,
        // An answer of the room's object has all its headers already.
        Ok(Reply::OfRoom(response)) if method != "HEAD" => return Ok(response),
        Ok(Reply::OfRoom(response)) => {
            return Ok(Response::builder()
                .with_status(response.status_code())
                .with_headers(response.headers().clone())
                .empty());
        }
        Err(refusal) => refusal.into(),
    };
    to_response(if method == "HEAD" { answer.without_body() } else { answer })
}

enum Reply {
    Made(Answer),
    OfRoom(Response),
}

async fn answer(request: &mut Request, method: &str, env: &Env) -> Result<Reply, Refusal> {
    // Text is enough here. Parsed with the crate `url`, this would be most of the wasm (its tables for host names).
    let (path, url) = (request.path(), request.inner().url());
    let query = url.split_once('?').map(|(_, query)| query);
    let (room, room_request) = match route(method, &path, query)? {
        Call::Health => return Ok(Reply::Made(Answer::health())),
        Call::Options(route) => return Ok(Reply::Made(Answer::options(route))),
        Call::MakeRoom => {
            let random = uuid::Uuid::new_v4().into_bytes();
            return Ok(Reply::Made(Answer::room(RoomId::from_random_bytes(random))));
        }
        Call::Register => {
            let ip = observed_ip(header(request, "cf-connecting-ip").as_deref())?;
            let registration = Registration::parse(&read_body(request).await?)?;
            (registration.room(), RoomRequest::Register(registration.seen_from(ip)?))
        }
        Call::Peers => {
            let query = PeersQuery::parse(query.unwrap_or_default())?;
            (query.room, RoomRequest::Peers(query.cert_hash))
        }
    };
    let json = room_request.to_json()?;
    ask_room(env, room, &json).await.map(Reply::OfRoom).map_err(|_| Refusal::Unavailable)
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}

async fn read_body(request: &mut Request) -> Result<Vec<u8>, Refusal> {
    let mut body = BoundedBody::announced(header(request, "content-length").as_deref())?;
    if request.inner().body().is_some() {
        let mut pieces = request.stream().map_err(|_| Refusal::BodyUnreadable)?;
        while let Some(piece) = pieces.next().await {
            // To return is to drop the stream, which cancels it: nothing more is read.
            body.push(&piece.map_err(|_| Refusal::BodyUnreadable)?)?;
        }
    }
    Ok(body.into_bytes())
}

async fn ask_room(env: &Env, room: RoomId, json: &str) -> worker::Result<Response> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(json.into()));
    // The host is of no importance: the object is addressed by its name.
    let request = Request::new_with_init("https://room/", &init)?;
    env.durable_object(ROOMS)?.get_by_name(&object_name(room))?.fetch_with_request(request).await
}

fn to_response(answer: Answer) -> worker::Result<Response> {
    let headers = Headers::new();
    for (name, value) in answer.headers() {
        headers.set(name, value)?;
    }
    let response = Response::builder().with_status(answer.status()).with_headers(headers);
    Ok(match answer.body() {
        Some(body) => response.fixed(body.as_bytes().to_vec()),
        None => response.empty(),
    })
}

/// The object of one room: a [`Book`] and a timer that empties it.
#[durable_object(fetch)]
pub struct Room {
    book: Rc<RefCell<Book>>,
    /// Whether a timer is pending.
    awake: Rc<Cell<bool>>,
}

impl DurableObject for Room {
    fn new(_state: State, env: Env) -> Self {
        let ttl = Ttl::from_variable(env.var("LISTING_TTL_S").ok().map(|text| text.to_string()).as_deref());
        Self { book: Rc::new(RefCell::new(Book::new(ttl))), awake: Rc::default() }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let text = request.text().await?;
        // From here on nothing is awaited, so requests do not see each other's half-done work, and the borrow cannot meet another.
        let outcome = RoomRequest::from_json(&text)
            .and_then(|request| request.answer(&mut self.book.borrow_mut(), Date::now().as_millis()));
        self.stay_awake();
        to_response(outcome.unwrap_or_else(Answer::from))
    }
}

impl Room {
    /// Sees to it that a timer is pending as long as there are listings: to forget each at its end, and because workerd
    /// drops an object within seconds that has nothing to wait for. Not an alarm, which is kept in the object's storage.
    fn stay_awake(&self) {
        if self.awake.replace(true) {
            return;
        }
        let (book, awake) = (Rc::clone(&self.book), Rc::clone(&self.awake));
        spawn_local(async move {
            loop {
                let now_ms = Date::now().as_millis();
                book.borrow_mut().expire(now_ms);
                let Some(ends_ms) = book.borrow().next_end() else {
                    break;
                };
                // At least 1 ms: a timer that fires early must not turn this into a busy loop.
                Delay::from(Duration::from_millis(ends_ms.saturating_sub(now_ms).max(1))).await;
            }
            awake.set(false);
        });
    }
}
