//! Where the rules meet Cloudflare: the `fetch` handler, and the Durable Object that holds a room's
//! listings in its memory.
//!
//! Nothing is logged here, and no error of the platform reaches a caller. There are no statics:
//! several rooms may share one isolate, and with it one wasm memory.

use std::cell::RefCell;
use std::net::IpAddr;

use futures_util::StreamExt;
use partyline_core::id::RoomId;
// The macros of `worker` expand to paths that begin with this name.
use worker::wasm_bindgen;
use worker::{
    Context, Date, DurableObject, Env, Headers, Method, Request, RequestInit, Response, State, durable_object, event,
};

use crate::{
    Answer, Book, BoundedBody, Call, LIMITER_OBJECT, Limiter, Network, PeersQuery, Refusal, Registration, RoomRequest,
    Route, Ttl, check_post, object_name, observed_ip, route,
};

/// The Durable Object namespace's name in `wrangler.toml`.
const ROOMS: &str = "ROOMS";

/// The rate limiter's name in `wrangler.toml`.
const CALLERS: &str = "CALLERS";

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
        Err(refusal) => match Route::of_path(&request.path()) {
            Some(route) => Answer::from(refusal).read_on(route),
            None => refusal.into(),
        },
    };
    to_response(if method == "HEAD" { answer.without_body() } else { answer })
}

enum Reply {
    Made(Answer),
    OfRoom(Response),
}

async fn answer(request: &mut Request, method: &str, env: &Env) -> Result<Reply, Refusal> {
    // Text is enough here. Parsed with the crate `url`, this would be most of the wasm (its tables
    // for host names).
    let (path, url) = (request.path(), request.inner().url());
    let query = url.split_once('?').map(|(_, query)| query);
    let (room, room_request) = match route(method, &path, query)? {
        Call::Health => return Ok(Reply::Made(Answer::health(caller(request).ok()))),
        Call::Options(route) => return Ok(Reply::Made(Answer::options(route))),
        Call::MakeRoom => {
            let random = uuid::Uuid::new_v4().into_bytes();
            return Ok(Reply::Made(Answer::room(RoomId::from_random_bytes(random))));
        }
        Call::Register => {
            check_post(header(request, "content-type").as_deref(), header(request, "sec-fetch-site").as_deref())?;
            let ip = caller(request)?;
            let registration = Registration::parse(&read_body(request).await?)?;
            admit(env, ip).await?;
            (registration.room(), RoomRequest::Register(registration.seen_from(ip)?))
        }
        Call::Peers => {
            let query = PeersQuery::parse(query.unwrap_or_default())?;
            // Cloudflare always says where a request comes from. Elsewhere this can be read, if not
            // written to, without that.
            if let Ok(ip) = caller(request) {
                admit(env, ip).await?;
            }
            (query.room, RoomRequest::Peers(query.cert_hash))
        }
    };
    let response = ask(env, &object_name(room), &room_request).await?;
    Ok(Reply::OfRoom(response))
}

fn caller(request: &Request) -> Result<IpAddr, Refusal> {
    observed_ip(header(request, "cf-connecting-ip").as_deref(), header(request, "cf-connecting-ipv6").as_deref())
}

/// Refuses a caller that makes too many requests, before an object is bothered with them.
///
/// Cloudflare's rate limiter counts them by the caller's network alone; it is not told which room
/// is asked for. Where it is missing or fails, as in workerd by itself, an object that does nothing
/// else counts in its memory.
async fn admit(env: &Env, ip: IpAddr) -> Result<(), Refusal> {
    let network = Network::of(ip);
    let outcome = match env.rate_limiter(CALLERS) {
        Ok(limiter) => limiter.limit(network.to_string()).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(outcome) if outcome.success => Ok(()),
        // When it will be different is not told.
        Ok(_) => Err(Refusal::TooManyRequests { retry_after_s: Limiter::PERIOD_S }),
        Err(_) => {
            let response = ask(env, LIMITER_OBJECT, &RoomRequest::Admit(network)).await?;
            if response.status_code() == 204 {
                return Ok(());
            }
            let retry_after = response.headers().get("retry-after").ok().flatten().and_then(|text| text.parse().ok());
            Err(retry_after.map_or(Refusal::Unavailable, |retry_after_s| Refusal::TooManyRequests { retry_after_s }))
        }
    }
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

/// Asks the object of this name.
async fn ask(env: &Env, object: &str, request: &RoomRequest) -> Result<Response, Refusal> {
    let json = request.to_json()?;
    send(env, object, &json).await.map_err(|_| Refusal::Unavailable)
}

async fn send(env: &Env, object: &str, json: &str) -> worker::Result<Response> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(json.into()));
    // The host is of no importance: the object is addressed by its name.
    let request = Request::new_with_init("https://room/", &init)?;
    env.durable_object(ROOMS)?.get_by_name(object)?.fetch_with_request(request).await
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

/// The object of one room, with its [`Book`]; or the one that stands in for the rate limiter, with
/// its [`Limiter`].
///
/// No timer is ever set here. A pending one would keep the object in memory, and be paid for by the
/// second; so listings that have ended are forgotten at the next request, or with the object.
#[durable_object(fetch)]
pub struct Room {
    book: RefCell<Book>,
    limiter: RefCell<Limiter>,
}

impl DurableObject for Room {
    fn new(_state: State, env: Env) -> Self {
        let ttl = Ttl::from_variable(env.var("LISTING_TTL_S").ok().map(|text| text.to_string()).as_deref());
        Self { book: RefCell::new(Book::new(ttl)), limiter: RefCell::default() }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let text = request.text().await?;
        // From here on nothing is awaited, so requests do not see each other's half-done work, and
        // no borrow can meet another.
        let outcome = RoomRequest::from_json(&text).and_then(|request| {
            request.answer(&mut self.book.borrow_mut(), &mut self.limiter.borrow_mut(), Date::now().as_millis())
        });
        to_response(outcome.unwrap_or_else(Answer::from))
    }
}
