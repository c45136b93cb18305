//! What the worker's script, `static/sw.js`, answers by itself, because the wasm does not start.
//!
//! The script runs in Node, in a scope that has what it uses of a service worker's.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::process::Command;

use partyline_sw::http::STRICT_HEADERS;
use partyline_sw::problem::Failure;
use serde_json::{Value, json};

const SCRIPT: &str = include_str!("../../static/sw.js");

/// Stands in for the app, which waits for its wasm in vain. Who got as far as being answered by it would be told so.
const APP: &str = "export default async ({ module_or_path }) => { await module_or_path; };
const reached = () => { throw new Error('reached'); };
export { reached as activate, reached as answer, reached as install, reached as tidy };";

/// Defines the scope, runs the script and prints what it answers to each of the requests.
const SCOPE: &str = r#"
const handlers = {};
globalThis.self = globalThis;
globalThis.location = new URL("https://app.example/sw.js");
globalThis.caches = { match: async () => undefined };
globalThis.fetch = async () => { throw new Error("offline"); };
globalThis.addEventListener = (type, handler) => (handlers[type] = handler);
const [app, script, requests] = JSON.parse(process.argv[1]);
const module = (text) => "data:text/javascript," + encodeURIComponent(text);
await import(module(script.replace("__APP_JS__", module(app))));
const answers = [];
for (const [path, mode, destination, clientId] of requests) {
  const request = { url: location.origin + path, method: "POST", mode, destination };
  let answer;
  handlers.fetch({ request, clientId, respondWith: (given) => (answer = given), waitUntil() {} });
  answer = await answer;
  answers.push([answer.status, Object.fromEntries(answer.headers), await answer.json()]);
}
console.log(JSON.stringify(answers));
"#;

/// An answer: its status, its headers and its body.
type Answer = (u16, Value, Value);

/// The answers to requests of these modes and destinations, and from these clients.
fn answers(requests: &[(&str, &str, &str, &str)]) -> Vec<Answer> {
    let lists = ["__PRECACHE__", "__REST__", "__LATER__"];
    let script = lists.iter().fold(SCRIPT.to_owned(), |script, list| script.replace(list, "[]"));
    let arguments = serde_json::to_string(&(APP, script, requests)).unwrap();
    let run = Command::new("node").args(["--input-type=module", "--eval", SCOPE, "--", &arguments]).output();
    let output = run.expect("Node, which the build needs too");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn strict(headers: &Value) -> bool {
    STRICT_HEADERS.iter().all(|(name, value)| headers.get(name).and_then(Value::as_str) == Some(value))
}

#[test]
fn a_page_of_the_app_is_told_that_the_worker_did_not_start() {
    for (path, mode) in [("/peer/v1/rooms", "cors"), ("/peers/0/peer/v1/health", "same-origin")] {
        let [(status, headers, body)] = answers(&[(path, mode, "", "a-page")]).try_into().unwrap();
        assert_eq!((status, body["status"].as_u64()), (503, Some(503)));
        assert_eq!(body["type"], "urn:partyline:worker-failed");
        assert!(body["detail"].as_str().unwrap().contains("offline"), "{body}");
        assert!(strict(&headers), "{headers}");
        assert_eq!(headers["content-type"], "application/problem+json");
    }
}

#[test]
fn nobody_else_is_told_anything_though_the_worker_did_not_start() {
    let refused = [
        // A link, a form and a frame; then what elements load; then what no page asks for.
        ("/peer/v1/rooms", "navigate", "document", ""),
        ("/peer/v1/rooms", "navigate", "iframe", ""),
        ("/peers/0/peer/v1/health", "navigate", "", "a-page"),
        ("/peer/v1/rooms", "no-cors", "image", "a-page"),
        ("/peer/v1/rooms", "cors", "script", "a-page"),
        ("/peer/v1/rooms", "no-cors", "", "a-page"),
        ("/peer/v1/rooms", "cors", "", ""),
    ];
    let problem = Failure::not_for_documents().problem.clone();
    // The wasm says why, too, which the script spares every first visit.
    let expected = json!({ "type": problem.kind, "title": problem.title, "status": problem.status });
    for (request, (status, headers, body)) in refused.iter().zip(answers(&refused)) {
        assert_eq!((status, &body), (403, &expected), "{request:?}");
        assert!(strict(&headers), "{request:?}: {headers}");
    }
}
