//! The phone book is what `docs/openapi/phone-book.json` says: every answer of these tests is held against it, and all
//! that it lists is answered.

use std::sync::LazyLock;

use partyline_openapi::{Document, Exchange};

use crate::client::Reply;

static DOCUMENT: LazyLock<Document> =
    LazyLock::new(|| Document::parse(include_str!("../../../docs/openapi/phone-book.json")).unwrap());

/// Holds an answer against the document.
#[track_caller]
pub(crate) fn check(method: &str, target: &str, sent: Option<(&str, &[u8])>, reply: &Reply) {
    let headers = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let exchange = Exchange {
        method,
        target,
        sent,
        status: reply.status,
        headers: headers.collect(),
        body: reply.text.as_bytes(),
    };
    if let Err(deviation) = DOCUMENT.check(&exchange) {
        panic!("{deviation}\n{reply:?}");
    }
}

/// Documented, and not answered in the tests that are played below.
const LEFT_OUT: [&str; 3] = [
    // The room's object would have to fail.
    "→ 503",
    // Thousands of requests at once, from threads of their own: `flood` in `main.rs`.
    "peers → 429",
    "\"too many requests from your address\"",
];

#[test]
fn all_that_is_documented_is_answered() {
    let reached = DOCUMENT.reached_by(|| {
        crate::health_says_what_this_is();
        crate::a_listing_is_found_with_endpoints_of_every_kind();
        crate::nobody_but_cloudflare_says_where_a_caller_is();
        crate::a_registration_says_that_it_is_json();
        crate::a_page_of_another_origin_cannot_use_its_visitors_addresses();
        crate::the_65th_listing_of_a_room_is_refused();
        crate::the_17th_listing_from_one_network_is_refused();
        crate::unknown_fields_are_refused();
        crate::a_query_is_exactly_two_fields();
        crate::a_preflight_is_answered_for_each_route_and_allows_what_can_be_got();
        crate::other_methods_are_told_which_are_allowed();
        crate::what_can_be_got_has_a_head();
        crate::there_is_nothing_else();
        let headers = [("cf-connecting-ip", crate::IP)];
        assert_eq!(crate::client().send("HEAD", "/health", &headers, ()).status, 200);
        assert_eq!(crate::client().send("HEAD", "/health?task=milk", &headers, ()).status, 400);
    });
    DOCUMENT.assert_reached(&reached, &LEFT_OUT);
}

/// Whatever is changed in a right answer, it is refused.
#[test]
fn a_wrong_answer_is_noticed() {
    let right = || crate::client().send("POST", "/rooms", &[], ());
    let with = |name: &str, value: &str| {
        let mut reply = right();
        reply.headers.insert(name.to_owned(), value.to_owned());
        reply
    };
    let mut kept_by_caches = right();
    kept_by_caches.headers.remove("cache-control");
    let more = right().text.replace('}', r#","task":"milk"}"#);
    for (what, wrong) in [
        ("another status", Reply { status: 200, ..right() }),
        ("one field more", Reply { text: more, ..right() }),
        ("no field", Reply { text: "{}".to_owned(), ..right() }),
        ("no id", Reply { text: r#"{"roomId":"milk"}"#.to_owned(), ..right() }),
        ("another content type", with("content-type", "text/html")),
        ("one header more", with("set-cookie", "who=alice")),
        ("for any page", with("access-control-allow-origin", "*")),
        ("another cache", with("cache-control", "public")),
        ("no word for caches", kept_by_caches),
    ] {
        let checked = std::panic::catch_unwind(|| check("POST", "/rooms", None, &wrong));
        assert!(checked.is_err(), "{what}");
    }
    check("POST", "/rooms", None, &right());
}
