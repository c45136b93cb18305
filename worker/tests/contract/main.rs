//! The phone book's contract, asked of a real workerd.
//!
//! `cargo xtask test` builds the worker and runs this. Most tests share one workerd, each with
//! rooms of its own. A caller's IP address is a header here; behind Cloudflare nobody else can set
//! it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod client;
mod documented;
mod workerd;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use partyline_core::id::RoomId;
use partyline_worker::Limiter;
use serde_json::{Value, json};
use ureq::SendBody;

use client::{Client, Reply, hash, registration};
use workerd::{Workerd, fresh_folder};

const IP: &str = "203.0.113.7";
const ENDPOINT: &str = "10.0.0.1:5000";
const JSON: (&str, &str) = ("content-type", "application/json");
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
    // Any page may read it, which is how a page learns how another version of IP sees it.
    let reply = client().send("GET", "/health", &[("cf-connecting-ip", IP)], ());
    assert_eq!(reply.header("observed-ip"), IP);
    assert_eq!(reply.header("access-control-expose-headers"), "observed-ip");
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
    let reply = client.send("POST", "/discovery/register", &[&headers[..], &[JSON]].concat(), body);
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
fn registering_again_from_the_same_network_replaces_the_listing() {
    let client = client();
    for (first, then) in [(IP, IP), ("2001:db8:0:7::1", "2001:db8:0:7:aaaa::2"), ("::ffff:203.0.113.7", IP)] {
        let (room, hash) = (client.room(), hash());
        client.list(first, &room, &hash, &[ENDPOINT]);
        client.list(then, &room, &hash, &["10.0.0.2:6000"]);
        assert_eq!(client.peers(&room), [json!({"ip": then, "endpoints": ["10.0.0.2:6000"], "certHash": hash})]);
    }
}

#[test]
fn registering_the_same_certificate_elsewhere_is_another_listing_beside_it() {
    let client = client();
    let (room, hash) = (client.room(), hash());
    let places = [IP, "203.0.113.8", "2001:db8:0:7::1", "2001:db8:0:8::1"];
    for ip in places {
        client.list(ip, &room, &hash, &[ENDPOINT]);
    }
    let found: BTreeSet<String> =
        client.peers(&room).iter().map(|peer| peer["ip"].as_str().expect("ip").to_owned()).collect();
    assert_eq!(found, BTreeSet::from(places.map(str::to_owned)));
    // It may be the caller's own device, listed before it moved: none of them is for the caller.
    assert_eq!(client.peers_of(&room, &hash), Vec::<Value>::new());
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
fn nobody_elsewhere_withdraws_a_listing() {
    let client = client();
    let (room, alice, bob) = (client.room(), hash(), hash());
    client.list(IP, &room, &alice, &[ENDPOINT]);
    client.list("2001:db8:0:7::1", &room, &bob, &[ENDPOINT]);
    for elsewhere in ["203.0.113.8", "2001:db8:0:8::1"] {
        for hash in [&alice, &bob] {
            let reply = client.register(elsewhere, &registration(&room, hash, &[]));
            assert_eq!((reply.status, reply.json()), (200, json!({"ttl": 0, "observedIp": elsewhere})));
        }
    }
    assert_eq!(client.peers(&room).len(), 2);
    // From the same /64 it may.
    client.register("2001:db8:0:7::99", &registration(&room, &bob, &[]));
    assert_eq!(certs(&client.peers(&room)), [alice.as_str()]);
}

#[test]
fn who_has_no_listing_learns_where_it_was_seen_all_the_same() {
    let client = client();
    let room = client.room();
    let reply = client.register(IP, &registration(&room, &hash(), &[]));
    assert_eq!((reply.status, reply.json()), (200, json!({"ttl": 0, "observedIp": IP})));
    assert_eq!(client.peers(&room), Vec::<Value>::new());
}

#[test]
fn a_pseudo_ipv4_address_is_nobodys() {
    let client = client();
    let (room, body) = (client.room(), |room: &str| registration(room, &hash(), &[ENDPOINT]).to_string());
    let reply = client.register_with("240.16.0.1", &[JSON, ("cf-connecting-ipv6", "2001:db8::7")], body(&room));
    assert_eq!((reply.status, reply.json()["observedIp"].as_str()), (200, Some("2001:db8::7")));
    assert_eq!(client.register_with("240.16.0.1", &[JSON], body(&room)).status, 500);
    assert_eq!(client.peers(&room).len(), 1);
}

// --- Whose pages may register ---

#[test]
fn a_registration_says_that_it_is_json() {
    let client = client();
    let room = client.room();
    let body = || registration(&room, &hash(), &[ENDPOINT]).to_string();
    for content_type in [
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "application/cbor",
    ] {
        let reply = client.register_with(IP, &[("content-type", content_type)], body());
        assert_eq!((reply.status, reply.error().as_str()), (415, "the content type must be application/json"));
    }
    // A blob without a type, as `navigator.sendBeacon` may send it.
    assert_eq!(client.register_with(IP, &[], body().as_bytes()).status, 415);
    assert_eq!(client.peers(&room), Vec::<Value>::new());
    for content_type in ["application/json", "Application/JSON; charset=UTF-8"] {
        assert_eq!(client.register_with(IP, &[("content-type", content_type)], body()).status, 200, "{content_type}");
    }
}

#[test]
fn a_page_of_another_origin_cannot_use_its_visitors_addresses() {
    let client = client();
    let room = client.room();
    let body = || registration(&room, &hash(), &[ENDPOINT]).to_string();
    for site in ["cross-site", "same-site"] {
        let reply = client.register_with(IP, &[JSON, ("sec-fetch-site", site)], body());
        assert_eq!((reply.status, reply.error().as_str()), (403, "a page of another origin may not register"));
    }
    assert_eq!(client.peers(&room), Vec::<Value>::new());
    assert_eq!(client.register_with(IP, &[JSON, ("sec-fetch-site", "same-origin")], body()).status, 200);
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
fn the_17th_listing_from_one_network_is_refused() {
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
fn a_64_of_ipv6_addresses_is_one_caller() {
    let client = client();
    let room = client.room();
    let mut outcomes = BTreeMap::new();
    for n in 0..64 {
        // Four addresses, and sixteen certificates behind each.
        let reply = client.register(&format!("2001:db8:0:7::{}", n % 4), &registration(&room, &hash(), &[ENDPOINT]));
        *outcomes.entry(reply.status).or_insert(0) += 1;
    }
    assert_eq!(outcomes, BTreeMap::from([(200, 16), (429, 48)]));
    assert_eq!(client.register("2001:db8:0:8::1", &registration(&room, &hash(), &[ENDPOINT])).status, 200);
}

#[test]
fn who_is_listed_in_a_full_room_can_renew_that() {
    let client = client();
    let (room, alice) = (client.room(), hash());
    client.list("203.0.113.1", &room, &alice, &[ENDPOINT]);
    for n in 2..=64 {
        client.list(&format!("203.0.113.{n}"), &room, &hash(), &[ENDPOINT]);
    }
    client.list("203.0.113.1", &room, &alice, &["10.0.0.2:6000"]);
    // Nobody gets a second place for the same certificate either.
    assert_eq!(client.register("203.0.113.65", &registration(&room, &alice, &[ENDPOINT])).status, 429);
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
    let chunked = SendBody::from_owned_reader(std::io::Cursor::new(body.into_bytes()));
    let reply = client.register_with(IP, &[JSON], chunked);
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
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
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
        "0.1.2.3:5000",
        "240.0.0.1:5000",
        "[64:ff9b::7f00:1]:5000",
        "[64:ff9b::e000:fb]:5000",
        "[64:ff9b::ffff:ffff]:5000",
        "[64:ff9b:1::7f00:1]:5000",
        "[2002:7f00:1::]:5000",
        "[2002:e000:fb::1]:5000",
        "[::ffff:0:7f00:1]:5000",
        "[2001::80ff:fffe]:5000",
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
    client.list(IP, &room, &hash(), &["[64:ff9b::808:808]:5000", "[2001:db8::1]:5000"]);
    assert_eq!(client.peers(&room).len(), 2);
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
fn what_can_be_got_may_be_read_by_any_page_and_nothing_is_kept() {
    let client = client();
    let headers = [("origin", "https://elsewhere.example"), ("cf-connecting-ip", IP), JSON];
    let (room, hash) = (client.room(), hash());
    let peers = format!("/discovery/peers?roomId={room}&certHash={hash}");
    let body = registration(&room, &hash, &[ENDPOINT]).to_string();
    for (method, target, body, status, origin) in [
        ("GET", "/health", "", 200, "*"),
        ("GET", peers.as_str(), "", 200, "*"),
        ("HEAD", peers.as_str(), "", 200, "*"),
        ("GET", "/discovery/peers", "", 400, "*"),
        ("PUT", "/health", "", 405, "*"),
        ("OPTIONS", "/health", "", 204, "*"),
        ("POST", "/rooms", "", 201, ""),
        ("POST", "/discovery/register", body.as_str(), 200, ""),
        ("POST", "/discovery/register", "{}", 400, ""),
        ("GET", "/discovery/register", "", 405, ""),
        ("OPTIONS", "/discovery/register", "", 204, ""),
        ("GET", "/nothing", "", 404, ""),
    ] {
        let reply = client.send(method, target, &headers, body);
        assert_eq!(reply.status, status, "{method} {target}");
        assert_eq!(reply.header("access-control-allow-origin"), origin, "{method} {target}");
        assert_eq!(reply.header("cache-control"), "no-store", "{method} {target}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{method} {target}");
        assert_eq!(reply.header("set-cookie"), "", "{method} {target}");
    }
}

#[test]
fn a_preflight_is_answered_for_each_route_and_allows_what_can_be_got() {
    let headers = [
        ("origin", "https://elsewhere.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    for (route, methods, allowed) in [
        ("/rooms", "POST, OPTIONS", false),
        ("/discovery/register", "POST, OPTIONS", false),
        ("/discovery/peers", "GET, HEAD, OPTIONS", true),
        ("/health", "GET, HEAD, OPTIONS", true),
    ] {
        let reply = client().send("OPTIONS", route, &headers, ());
        assert_eq!((reply.status, reply.text.as_str()), (204, ""), "{route}");
        assert_eq!(reply.header("allow"), methods, "{route}");
        assert_eq!(reply.header("access-control-allow-methods"), if allowed { methods } else { "" }, "{route}");
        assert_eq!(reply.header("access-control-allow-headers"), if allowed { "content-type" } else { "" }, "{route}");
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
        // A link whose `#` was written as a tracker does: what it says is not said again.
        format!("/%23{room}.{}", "s".repeat(43)),
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

/// An object that can be dropped while it waits costs nothing while it waits, and one with a
/// pending timer cannot be. To ask for the listing meanwhile would keep the object in memory, so
/// there is nothing to wait for but the time.
#[test]
fn nothing_keeps_an_idle_rooms_object_in_memory() {
    let client = client();
    let (room, hash) = (client.room(), hash());
    for seconds in [12, 16, 24] {
        client.list(IP, &room, &hash, &[ENDPOINT]);
        assert_eq!(client.peers(&room).len(), 1);
        thread::sleep(Duration::from_secs(seconds));
        if client.peers(&room).is_empty() {
            return;
        }
    }
    panic!("a listing is there after 24 s without a request: something keeps its object in memory");
}

/// Requests every 8 s, as a connected crew makes them, keep the listings: an object is dropped
/// after 10 s without one.
#[test]
fn a_request_every_8_seconds_keeps_the_listings() {
    let client = client();
    let (room, hash) = (client.room(), hash());
    client.list(IP, &room, &hash, &[ENDPOINT]);
    for _ in 0..3 {
        thread::sleep(Duration::from_secs(8));
        assert_eq!(certs(&client.peers(&room)), [hash.as_str()]);
    }
}

// --- How often one caller may ask ---

#[test]
fn a_flood_from_one_network_is_refused_and_nobody_else() {
    let workerd = Workerd::start("flood", "120");
    flood(&Client::of(&workerd), usize::try_from(Limiter::REQUESTS).expect("a small number"));
}

/// The rate limiter that `wrangler dev` makes of `wrangler.toml`; with a lower limit, which also
/// tells it from ours.
#[test]
fn the_platforms_rate_limiter_does_the_same() {
    let folder = fresh_folder("limited");
    let text = std::fs::read_to_string(workerd::config()).expect("the configuration");
    let lower = text.replace(&format!("limit = {}", Limiter::REQUESTS), "limit = 50");
    assert_ne!(text, lower, "wrangler.toml has another limit");
    let config = folder.join("wrangler.toml");
    std::fs::write(&config, lower).expect("a file");
    let workerd = Workerd::with_wrangler(&config, &folder.join("state"));
    flood(&Client::of(&workerd), 50);
}

/// Asks until it is refused, from many addresses of one /64, and for more than one room.
fn flood(client: &Client, limit: usize) {
    let (room, other) = (client.room(), client.room());
    let ask = |n: usize| {
        let (ip, room) = (format!("2001:db8:0:7::{:x}", n % 0xffff), if n.is_multiple_of(2) { &room } else { &other });
        let target = format!("/discovery/peers?roomId={room}&certHash={}", hash());
        client.send("GET", &target, &[("cf-connecting-ip", &ip)], ()).status
    };
    let next = AtomicUsize::new(0);
    let refused = AtomicUsize::new(0);
    // What flows into the bucket meanwhile, or a new minute, gives a little more than the limit.
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while refused.load(Ordering::Relaxed) == 0 {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    assert!(n < 3 * limit, "nothing was refused");
                    match ask(n) {
                        200 => {}
                        429 => _ = refused.fetch_add(1, Ordering::Relaxed),
                        status => panic!("{status}"),
                    }
                }
            });
        }
    });
    assert!(next.load(Ordering::Relaxed) > limit, "refused after {next:?} requests");
    let reply = client.register("2001:db8:0:7::1", &registration(&room, &hash(), &[ENDPOINT]));
    // A place in the bucket may have got free meanwhile.
    if reply.status != 200 {
        assert_eq!((reply.status, reply.error().as_str()), (429, "too many requests from your address"));
        let wait: u64 = reply.header("retry-after").parse().expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
    }
    // The next /64, an IPv4 address, and what bothers no room, are not touched.
    client.list("2001:db8:0:8::1", &room, &hash(), &[ENDPOINT]);
    client.list(IP, &other, &hash(), &[ENDPOINT]);
    assert_eq!(client.send("GET", "/health", &[("cf-connecting-ip", "2001:db8:0:7::1")], ()).status, 200);
}

#[test]
fn thirty_devices_with_three_rooms_each_behind_one_address_are_not_touched() {
    let workerd = Workerd::start("crowd", "120");
    let client = Client::of(&workerd);
    // Everybody loads the app at once, and finds nobody in it: thirty requests for each room.
    let outcomes = all_at_once(30, |_| {
        (0..3)
            .flat_map(|_| {
                let (room, hash) = (client.room(), hash());
                let target = format!("/discovery/peers?roomId={room}&certHash={hash}");
                let mut statuses = BTreeSet::new();
                for _ in 0..15 {
                    statuses.insert(client.register(IP, &registration(&room, &hash, &[ENDPOINT])).status);
                    statuses.insert(client.send("GET", &target, &[("cf-connecting-ip", IP)], ()).status);
                }
                statuses
            })
            .collect::<BTreeSet<_>>()
    });
    assert_eq!(outcomes, vec![BTreeSet::from([200]); 30]);
}

/// With wrangler's own configuration, which gives workerd a disk to write to.
#[test]
fn nothing_is_on_the_disk_and_nothing_survives_a_restart() {
    let state = fresh_folder("state");
    let workerd = Workerd::with_wrangler(&workerd::config(), &state);
    let client = Client::of(&workerd);
    let (room, hash) = (client.room(), hash());
    let address = json!({"ip": "198.51.100.77", "endpoints": ["10.77.66.55:5432"], "certHash": hash});
    client.list("198.51.100.77", &room, &hash, &["10.77.66.55:5432"]);
    assert_eq!(client.peers(&room), [address]);
    // The four routes come before the app's files, and what is neither is the app's to read: it may be a link whose # was
    // mangled, with the room's secret in it, and then the worker does not see it.
    assert_eq!(client.get("/health").text, "IP discovery only");
    assert_eq!(client.get("/discovery/nothing").text, r#"{"error":"not found"}"#);
    let page = client.file("/");
    assert!(page.text.contains("<title>Partyline</title>"), "{page:?}");
    assert_eq!(client.file("/%23room=nothing").text, page.text);

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
    let workerd = Workerd::with_wrangler(&workerd::config(), &state);
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

/// What wasm-bindgen wrote for the worker to reach JavaScript with names every function that it can
/// call.
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
