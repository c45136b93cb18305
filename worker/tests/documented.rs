//! The routes of the phone book are those of `docs/openapi/phone-book.json`. What they answer is held against it in
//! `tests/contract`.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which fail by panicking")]

use std::collections::BTreeSet;

use partyline_openapi::Document;
use partyline_worker::route;

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];

/// Every path that the sources name is tried with every method.
#[test]
fn every_route_is_documented() {
    let document = Document::parse(include_str!("../../docs/openapi/phone-book.json")).unwrap();
    let source = include_str!("../src/route.rs");
    let paths: BTreeSet<&str> = source.split('"').skip(1).step_by(2).filter(|text| text.starts_with('/')).collect();
    let of_sources: BTreeSet<_> = METHODS
        .iter()
        .flat_map(|method| paths.iter().map(move |path| (*method, *path)))
        .filter(|(method, path)| route(method, path, None).is_ok())
        .collect();
    assert_eq!(of_sources, document.operations().collect());
}
