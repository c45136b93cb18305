//! The phone book's contract, asked of a real workerd.
//!
//! `cargo xtask test` builds the worker and runs this. Most tests share one workerd, each with rooms of its own. A caller's IP address
//! is a header here; behind Cloudflare nobody else can set it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod client;
mod workerd;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use partyline_core::id::RoomId;
use serde_json::{Value, json};
use ureq::SendBody;

use client::{Client, Reply, hash, registration};
use workerd::{Workerd, fresh_folder};

const IP: &str = "203.0.113.7";
const ENDPOINT: &str = "10.0.0.1:5000";
const SDP: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:x\r\n";

/// The workerd that most tests share.
fn shared() -> &'static Workerd {
    static SHARED: OnceLock<Workerd> = OnceLock::new();
    SHARED.get_or_init(|| Workerd::start("shared", "120"))
}

fn client() -> Client {
    Client::of(shared())
}

// --- What each route answers ---

#[test]
fn health_says_what_this_is() {
    let reply = client().get("/health");
    assert_eq!((reply.status, reply.text.as_str()), (200, "IP discovery only"));
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
}

#[test]
fn a_new_room_is_a_random_uuid_and_never_the_same() {
    let client = client();
    let rooms: BTreeSet<String> = (0..20).map(|_| client.room()).collect();
    assert_eq!(rooms.len(), 20);
    for room in rooms {
        assert!(RoomId::parse(&room).is_ok(), "{room}");
        assert_eq!(client.peers(&room), Vec::<Value>::new());
    }
}

#[test]
fn a_listing_is_found_with_endpoints_of_every_kind() {
    let client = client();
    let (room, hash) = (client.room(), hash());
    let endpoints =
        ["192.168.1.7:51234", "[2001:db8::7]:51234", "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f.local:51234", "10.0.0.1:1"];
    let reply = client.register(IP, &registration(&room, &hash, &endpoints));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.json(), json!({"ttl": 120, "observedIp": IP}));
    assert_eq!(client.peers(&room), [json!({"ip": IP, "endpoints": endpoints, "certHash": hash})]);
}

#[test]
fn the_observed_ip_is_the_callers_in_its_shortest_form() {
    let client = client();
    for (seen, told) in
        [("203.0.113.9", "203.0.113.9"), ("2001:db8:0:0:0:0:0:9", "2001:db8::9"), ("::ffff:203.0.113.9", "203.0.113.9")]
    {
        let room = client.room();
        let reply = client.register(seen, &registration(&room, &hash(), &[ENDPOINT]));
        assert_eq!(reply.json()["observedIp"], told);
        assert_eq!(client.peers(&room)[0]["ip"], told);
    }
}

#[test]
fn nobody_but_cloudflare_says_where_a_caller_is() {
    let client = client();
    let headers =
        [("x-forwarded-for", "198.51.100.1"), ("x-real-ip", "198.51.100.1"), ("forwarded", "for=198.51.100.1")];
    let room = client.room();
    let body = registration(&room, &hash(), &[ENDPOINT]).to_string();
    let reply = client.send("POST", "/discovery/register", &headers, body);
    assert_eq!((reply.status, reply.error().as_str()), (500, "the caller's IP address is unknown here"));
    assert_eq!(client.peers(&room), Vec::<Value>::new());
}

#[test]
fn a_caller_is_not_told_about_itself() {
    let client = client();
    let (room, alice, bob) = (client.room(), hash(), hash());
    client.list(IP, &room, &alice, &[ENDPOINT]);
    client.list(IP, &room, &bob, &[ENDPOINT]);
    assert_eq!(certs(&client.peers_of(&room, &alice)), [bob.as_str()]);
    assert_eq!(certs(&client.peers_of(&room, &bob)), [alice.as_str()]);
    assert_eq!(client.peers(&room).len(), 2);
}

#[test]
fn registering_again_replaces_the_listing() {
    let client = client();
    let (room, hash) = (client.room(), hash());
    client.list(IP, &room, &hash, &[ENDPOINT]);
    client.list("198.51.100.1", &room, &hash, &["10.0.0.2:6000"]);
    assert_eq!(client.peers(&room), [json!({"ip": "198.51.100.1", "endpoints": ["10.0.0.2:6000"], "certHash": hash})]);
}

#[test]
fn no_endpoints_withdraw_the_listing() {
    let client = client();
    let (room, alice, bob) = (client.room(), hash(), hash());
    client.list(IP, &room, &alice, &[ENDPOINT]);
    client.list(IP, &room, &bob, &[ENDPOINT]);
    let reply = client.register(IP, &registration(&room, &alice, &[]));
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json(), json!({"ttl": 0, "observedIp": IP}));
    assert_eq!(certs(&client.peers(&room)), [bob.as_str()]);
}

#[test]
fn another_room_is_never_visible() {
    let client = client();
    let (one, other, hash) = (client.room(), client.room(), hash());
    client.list(IP, &one, &hash, &[ENDPOINT]);
    assert_eq!(client.peers(&other), Vec::<Value>::new());
    // Withdrawing it there does nothing here.
    client.list(IP, &other, &hash, &[]);
    assert_eq!(client.peers(&one).len(), 1);
}

// --- Limits ---

#[test]
fn the_65th_listing_of_a_room_is_refused() {
    let client = client();
    let room = client.room();
    for n in 1..=64 {
        client.list(&format!("203.0.113.{n}"), &room, &hash(), &[ENDPOINT]);
    }
    let reply = client.register("203.0.113.65", &registration(&room, &hash(), &[ENDPOINT]));
    assert_eq!(reply.status, 429);
    assert_eq!(reply.error(), "the room has 64 listings already");
    let wait: u64 = reply.header("retry-after").parse().expect("seconds");
    assert!((1..=120).contains(&wait), "{wait}");
    assert_eq!(client.peers(&room).len(), 64);
}

#[test]
fn the_17th_listing_from_one_ip_is_refused() {
    let client = client();
    let room = client.room();
    for _ in 0..16 {
        client.list(IP, &room, &hash(), &[ENDPOINT]);
    }
    let seventeenth = registration(&room, &hash(), &[ENDPOINT]);
    let reply = client.register(IP, &seventeenth);
    assert_eq!(reply.status, 429);
    assert_eq!(reply.error(), "your address has 16 listings in this room already");
    // In its IPv6 disguise it is the same address,
    assert_eq!(client.register(&format!("::ffff:{IP}"), &seventeenth).status, 429);
    // and elsewhere there is room.
    assert_eq!(client.register("198.51.100.1", &seventeenth).status, 200);
    assert_eq!(client.peers(&room).len(), 17);
}

#[test]
fn a_body_over_1_kib_is_refused() {
    let client = client();
    let room = client.room();
    let mut body = registration(&room, &hash(), &[ENDPOINT]).to_string();
    body.push_str(&" ".repeat(1024 - body.len()));
    assert_eq!(client.register_text(IP, &body).status, 200);
    body.push(' ');
    let reply = client.register_text(IP, &body);
    assert_eq!((reply.status, reply.error().as_str()), (400, "the body is larger than 1024 bytes"));
    // The same without a length that gives it away.
    let headers = [("cf-connecting-ip", IP)];
    let chunked = SendBody::from_owned_reader(std::io::Cursor::new(body.into_bytes()));
    let reply = client.send("POST", "/discovery/register", &headers, chunked);
    assert_eq!((reply.status, reply.error().as_str()), (400, "the body is larger than 1024 bytes"));
}

#[test]
fn a_body_without_an_end_is_not_waited_for() {
    let workerd = Workerd::start("endless", "120");
    let authority = workerd.authority();
    let mut stream = TcpStream::connect(&authority).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(
        stream,
        "POST /discovery/register HTTP/1.1\r\nHost: {authority}\r\nCF-Connecting-IP: {IP}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    )
    .unwrap();
    for _ in 0..3 {
        write!(stream, "200\r\n{}\r\n", "x".repeat(0x200)).unwrap();
    }
    // The chunk that would end the body is never sent.
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("an answer");
    assert_eq!(std::str::from_utf8(&head), Ok("HTTP/1.1 400"));
}

#[test]
fn five_hundred_registrations_at_once_are_all_listed() {
    let client = client();
    let rooms: Vec<String> = (0..10).map(|_| client.room()).collect();
    let outcomes = all_at_once(500, |n| {
        let ip = format!("203.0.113.{}", n / 10);
        client.register(&ip, &registration(&rooms[n % 10], &hash(), &[ENDPOINT])).status
    });
    assert_eq!(outcomes, [200; 500]);
    for room in rooms {
        let hashes: BTreeSet<String> = certs(&client.peers(&room)).into_iter().map(str::to_owned).collect();
        assert_eq!(hashes.len(), 50);
    }
}

#[test]
fn five_hundred_registrations_at_once_do_not_overfill_a_room() {
    let client = client();
    let room = client.room();
    let mut outcomes = BTreeMap::new();
    for reply in all_at_once(500, |n| {
        let ip = format!("203.0.{}.{}", n / 250, n % 250);
        client.register(&ip, &registration(&room, &hash(), &[ENDPOINT]))
    }) {
        *outcomes.entry((reply.status, reply.text.contains("64 listings"))).or_insert(0) += 1;
    }
    assert_eq!(outcomes, BTreeMap::from([((200, false), 64), ((429, true), 436)]));
    assert_eq!(client.peers(&room).len(), 64);
}

// --- What is no address is not kept ---

#[test]
fn unknown_fields_are_refused() {
    let client = client();
    let room = client.room();
    for field in ["sdp", "task", "title", "message", "offer", "iceUfrag", "ip", "ttl", "RoomId"] {
        let mut body = registration(&room, &hash(), &[ENDPOINT]);
        body[field] = json!("x");
        refused(&client.register(IP, &body), field);
    }
    assert_eq!(client.peers(&room), Vec::<Value>::new());
}

#[test]
fn sdp_and_task_text_are_refused_in_every_field() {
    let client = client();
    let room = client.room();
    let good = || registration(&room, &hash(), &[ENDPOINT]);
    for text in [SDP, "buy milk", "candidate:1 1 udp 2122260223 10.0.0.1 5000 typ host", r#"{"title":"buy milk"}"#] {
        for field in ["roomId", "certHash"] {
            let mut body = good();
            body[field] = json!(text);
            refused(&client.register(IP, &body), text);
        }
        for endpoints in [json!([text]), json!([ENDPOINT, text]), json!(text), json!({"0": text}), json!([[text]])] {
            let mut body = good();
            body["endpoints"] = endpoints;
            refused(&client.register(IP, &body), text);
        }
        refused(&client.register_text(IP, text), text);
        refused(&client.register_text(IP, &format!("{}{text}", good())), text);
    }
    refused(&client.register(IP, &json!([room, [ENDPOINT], hash()])), "an array");
    refused(&client.register_text(IP, ""), "nothing");
    assert_eq!(client.peers(&room), Vec::<Value>::new());
}

#[test]
fn endpoints_that_lead_back_or_to_everybody_are_refused() {
    let client = client();
    let room = client.room();
    for endpoint in [
        "127.0.0.1:5000",
        "127.1.2.3:5000",
        "0.0.0.0:5000",
        "224.0.0.251:5000",
        "239.1.2.3:5000",
        "255.255.255.255:5000",
        "[::]:5000",
        "[::1]:5000",
        "[ff02::fb]:5000",
        "[::ffff:127.0.0.1]:5000",
        "[::ffff:0.0.0.0]:5000",
        "[::ffff:224.0.0.251]:5000",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1",
        "2001:db8::1:5000",
        "localhost:5000",
        "printer.local:5000",
        "example.com:443",
    ] {
        let reply = client.register(IP, &registration(&room, &hash(), &[ENDPOINT, endpoint]));
        refused(&reply, endpoint);
        assert!(reply.error().starts_with("endpoints: "), "{reply:?}");
    }
    let nine: Vec<String> = (1..=9).map(|port| format!("10.0.0.1:{port}")).collect();
    let nine: Vec<&str> = nine.iter().map(String::as_str).collect();
    refused(&client.register(IP, &registration(&room, &hash(), &nine)), "nine endpoints");
    client.list(IP, &room, &hash(), &nine[..8]);
    assert_eq!(client.peers(&room).len(), 1);
}

#[test]
fn a_query_is_exactly_two_fields() {
    let client = client();
    let (room, hash) = (client.room(), hash());
    for query in [
        String::new(),
        format!("?roomId={room}"),
        format!("?certHash={hash}"),
        format!("?roomId={room}&certHash={hash}&task=milk"),
        format!("?roomId={room}&roomId={room}&certHash={hash}"),
        format!("?roomId=milk&certHash={hash}"),
        format!("?roomId={room}&certHash=milk"),
        format!("?roomId={}&certHash={hash}", room.to_uppercase()),
    ] {
        refused(&client.get(&format!("/discovery/peers{query}")), &query);
    }
    refused(&client.get("/health?task=milk"), "a query for /health");
    refused(&client.send("POST", "/rooms?task=milk", &[], ()), "a query for /rooms");
    refused(&client.send("POST", "/discovery/register?task=milk", &[], ()), "a query for /discovery/register");
}

// --- HTTP ---

#[test]
fn every_answer_may_be_read_by_any_page_and_kept_by_nobody() {
    let client = client();
    let headers = [("origin", "https://elsewhere.example")];
    for (method, target) in [
        ("GET", "/health"),
        ("POST", "/rooms"),
        ("POST", "/discovery/register"),
        ("GET", "/discovery/peers"),
        ("GET", "/nothing"),
        ("PUT", "/rooms"),
        ("OPTIONS", "/rooms"),
    ] {
        let reply = client.send(method, target, &headers, ());
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{method} {target}");
        assert_eq!(reply.header("cache-control"), "no-store", "{method} {target}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{method} {target}");
        assert_eq!(reply.header("set-cookie"), "", "{method} {target}");
    }
}

#[test]
fn a_preflight_is_answered_for_each_route() {
    let headers = [
        ("origin", "https://elsewhere.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    for (route, methods) in [
        ("/rooms", "POST, OPTIONS"),
        ("/discovery/register", "POST, OPTIONS"),
        ("/discovery/peers", "GET, HEAD, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
    ] {
        let reply = client().send("OPTIONS", route, &headers, ());
        assert_eq!((reply.status, reply.text.as_str()), (204, ""), "{route}");
        assert_eq!(reply.header("access-control-allow-methods"), methods, "{route}");
        assert_eq!(reply.header("access-control-allow-headers"), "content-type", "{route}");
        assert_eq!(reply.header("allow"), methods, "{route}");
    }
}

#[test]
fn other_methods_are_told_which_are_allowed() {
    let client = client();
    for (method, route, allow) in [
        ("GET", "/rooms", "POST, OPTIONS"),
        ("GET", "/discovery/register", "POST, OPTIONS"),
        ("POST", "/discovery/peers", "GET, HEAD, OPTIONS"),
        ("DELETE", "/health", "GET, HEAD, OPTIONS"),
        ("PUT", "/discovery/register", "POST, OPTIONS"),
        // One that the runtime's own types do not know.
        ("PROPFIND", "/health", "GET, HEAD, OPTIONS"),
    ] {
        let reply = client.send(method, route, &[], ());
        assert_eq!((reply.status, reply.header("allow")), (405, allow), "{method} {route}");
        assert_eq!(reply.error(), "this method is not allowed here");
    }
}

#[test]
fn what_can_be_got_has_a_head() {
    let client = client();
    let (room, hash) = (client.room(), hash());
    for target in ["/health".to_owned(), format!("/discovery/peers?roomId={room}&certHash={hash}")] {
        let (head, get) = (client.send("HEAD", &target, &[], ()), client.get(&target));
        assert_eq!((head.status, head.text.as_str()), (200, ""));
        assert_eq!(head.header("content-type"), get.header("content-type"));
    }
    assert_eq!(client.send("HEAD", "/discovery/peers", &[], ()).status, 400);
    assert_eq!(client.send("HEAD", "/rooms", &[], ()).status, 405);
}

#[test]
fn there_is_nothing_else() {
    let client = client();
    let room = client.room();
    for path in [
        "/discovery".to_owned(),
        "/discovery/".to_owned(),
        "/discovery/register/".to_owned(),
        "/health/".to_owned(),
        "/rooms/".to_owned(),
        format!("/rooms/{room}"),
        "/Rooms".to_owned(),
        "/signal".to_owned(),
        "/tasks".to_owned(),
        "/peer/v1/health".to_owned(),
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let reply = client.send(method, &path, &[], ());
            assert_eq!(reply.status, 404, "{method} {path}");
            assert_eq!(reply.text, r#"{"error":"not found"}"#, "{method} {path}");
        }
    }
}

// --- How a listing ends ---

#[test]
fn a_listing_ends_by_itself() {
    let workerd = Workerd::start("ttl", "3");
    let client = Client::of(&workerd);
    let (room, kept) = (client.room(), hash());
    let start = Instant::now();
    let reply = client.register(IP, &registration(&room, &hash(), &[ENDPOINT]));
    assert_eq!(reply.json()["ttl"], 3);
    client.list(IP, &room, &kept, &[ENDPOINT]);
    while client.peers(&room).len() == 2 {
        assert!(start.elapsed() < Duration::from_secs(30), "a listing of 3 s is still there");
        client.list(IP, &room, &kept, &[ENDPOINT]);
    }
    assert!(start.elapsed() >= Duration::from_secs(3), "a listing of 3 s was gone after {:?}", start.elapsed());
    assert_eq!(certs(&client.peers(&room)), [kept.as_str()], "who registers again stays");
}

#[test]
fn the_time_to_live_cannot_be_lengthened() {
    let workerd = Workerd::start("long", "86400");
    let client = Client::of(&workerd);
    let reply = client.register(IP, &registration(&client.room(), &hash(), &[ENDPOINT]));
    assert_eq!(reply.json()["ttl"], 120);
}

/// Without a pending timer workerd forgets an idle object within some 12 s, and the listing with it. To ask for it meanwhile would keep
/// it in memory, so there is nothing to wait for but the time.
#[test]
fn a_live_listing_outlasts_20_seconds_of_silence() {
    let client = client();
    let (room, hash) = (client.room(), hash());
    client.list(IP, &room, &hash, &[ENDPOINT]);
    thread::sleep(Duration::from_secs(20));
    assert_eq!(certs(&client.peers(&room)), [hash.as_str()]);
}

/// With wrangler's own configuration, which gives workerd a disk to write to.
#[test]
fn nothing_is_on_the_disk_and_nothing_survives_a_restart() {
    let state = fresh_folder("state");
    let workerd = Workerd::with_wrangler(&state);
    let client = Client::of(&workerd);
    let (room, hash) = (client.room(), hash());
    let address = json!({"ip": "198.51.100.77", "endpoints": ["10.77.66.55:5432"], "certHash": hash});
    client.list("198.51.100.77", &room, &hash, &["10.77.66.55:5432"]);
    assert_eq!(client.peers(&room), [address]);
    // The four routes come before the app's files, and what is neither gets the worker's answer.
    assert_eq!(client.get("/health").text, "IP discovery only");
    assert_eq!(client.get("/nothing").text, r#"{"error":"not found"}"#);

    let mut files = 0;
    visit(&state, &mut |path| {
        files += 1;
        let bytes = std::fs::read(path).unwrap_or_default();
        for secret in [room.as_str(), hash.as_str(), "198.51.100.77", "10.77.66.55"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    });
    assert!(files > 0, "workerd writes nowhere that this looks at");

    drop(workerd);
    let workerd = Workerd::with_wrangler(&state);
    assert_eq!(Client::of(&workerd).peers(&room), Vec::<Value>::new());
}

/// No log of who called: whatever a caller does, workerd prints nothing.
#[test]
fn nothing_is_logged() {
    let workerd = Workerd::start("log", "120");
    let client = Client::of(&workerd);
    let (room, hash) = (client.room(), hash());
    client.list(IP, &room, &hash, &[ENDPOINT]);
    assert_eq!(client.peers(&room).len(), 1);
    refused(&client.register_text(IP, SDP), "SDP");
    assert_eq!(client.get("/nothing").status, 404);
    assert_eq!(workerd.end(), Vec::<String>::new());
}

/// What wasm-bindgen wrote for the worker to reach JavaScript with names every function that it can call.
#[test]
fn the_built_worker_has_no_way_to_storage() {
    let glue = std::fs::read_to_string(workerd::main_module()).expect("the built worker");
    assert!(glue.contains("getByName"), "this is not the worker's glue");
    for name in
        ["storage", "Alarm", "acceptWebSocket", "WebSocketPair", "caches", "writeDataPoint", "sendBatch", "prepare("]
    {
        assert!(!glue.contains(name), "the worker can reach {name}");
    }
}

fn refused(reply: &Reply, what: &str) {
    assert_eq!(reply.status, 400, "{what}");
    let reason = reply.error();
    for sent in ["milk", "v=0", "ufrag", "candidate"] {
        assert!(!reason.contains(sent), "what was sent is repeated: {reason}");
    }
}

fn certs(peers: &[Value]) -> Vec<&str> {
    peers.iter().map(|peer| peer["certHash"].as_str().expect("certHash")).collect()
}

/// Runs this often on threads that wait for each other before they begin.
fn all_at_once<T: Send>(count: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(count);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|n| {
                let (barrier, run) = (&barrier, &run);
                scope.spawn(move || {
                    barrier.wait();
                    run(n)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

fn visit(folder: &Path, file: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { visit(&path, file) } else { file(&path) }
    }
}
