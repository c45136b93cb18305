//! What must never get into the phone book: a place to keep something, a way to pass something on,
//! or a record of who called.
//!
//! The lists here are of what is allowed. Whoever adds a dependency, a binding or a name of the
//! runtime's has to add it here too, and to think about it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use partyline_worker::Limiter;
use serde_json::Value;
use toml::Table;

/// What the worker is made of.
const DEPENDENCIES: [&str; 8] =
    ["futures-util", "partyline-core", "serde", "serde_json", "sha2", "thiserror", "uuid", "worker"];

/// What the crate `worker` is used for. Of these, [`OUT_OF_BOUNDS`] names the methods that are not.
const NAMES_OF_WORKER: [&str; 13] = [
    "Context",
    "Date",
    "DurableObject",
    "Env",
    "Headers",
    "Method",
    "Request",
    "RequestInit",
    "Response",
    "State",
    "durable_object",
    "event",
    "wasm_bindgen",
];

/// Beginnings and parts of names with which something could be kept, passed on or recorded, or be
/// made to wait.
const OUT_OF_BOUNDS: [&str; 38] = [
    "storage",
    "Storage",
    "alarm",
    "Alarm",
    "sql",
    "Sql",
    "websocket",
    "WebSocket",
    "web_socket",
    "Socket",
    ".connect(",
    ".kv(",
    "Kv",
    ".d1(",
    "D1",
    ".bucket(",
    "Bucket",
    ".queue(",
    "Queue",
    "nalytics",
    ".ai(",
    "Ai",
    "Cache",
    "Fetch",
    ".service(",
    "ecret",
    "yperdrive",
    "SendEmail",
    "console",
    "println",
    "js_sys",
    "web_sys",
    // Each keeps an object in memory, which is paid for by the second.
    "Delay",
    "Timeout",
    "Interval",
    "spawn_local",
    "thread_local",
    "static mut",
];

/// What `wrangler.toml` may say. Every binding that Cloudflare has, or will have, is another key.
const KEYS: [&str; 14] = [
    "assets",
    "build",
    "compatibility_date",
    "durable_objects",
    "logpush",
    "main",
    "migrations",
    "name",
    "observability",
    "preview_urls",
    "ratelimits",
    "send_metrics",
    "upload_source_maps",
    "workers_dev",
];

#[test]
fn the_worker_is_made_of_these_crates() {
    let metadata = metadata();
    let worker = node(&metadata, "partyline-worker");
    let direct: BTreeSet<&str> = worker["deps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|dependency| dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null()))
        .map(|dependency| package_name(&metadata, dependency["pkg"].as_str().unwrap()))
        .collect();
    assert_eq!(direct, BTreeSet::from(DEPENDENCIES));
}

#[test]
fn the_crate_worker_has_no_feature_switched_on() {
    // They are d1, queue, http, axum, timezone and more as they come.
    assert_eq!(node(&metadata(), "worker")["features"], Value::Array(Vec::new()));
}

#[test]
fn the_sources_use_nothing_else_of_the_runtime() {
    let allowed = BTreeSet::from(NAMES_OF_WORKER);
    let sources = sources();
    assert!(sources.keys().any(|path| path.ends_with("src/shell.rs")), "this reads the wrong folder");
    for (path, source) in sources {
        for name in names_of_worker(&source) {
            assert!(allowed.contains(name.as_str()), "{}: worker::{name}", path.display());
        }
        assert_eq!(out_of_bounds(&source), Vec::<&str>::new(), "{}", path.display());
    }
}

#[test]
fn the_configuration_binds_rooms_and_a_limit_and_nothing_else() {
    let text = std::fs::read_to_string(folder().join("wrangler.toml")).expect("wrangler.toml");
    assert_eq!(faults(&text), Vec::<String>::new());
}

// --- That these checks find what they look for ---

#[test]
fn a_name_that_is_out_of_bounds_is_found() {
    for (source, found) in [
        ("let s = self.state.storage();", "storage"),
        ("state.storage().set_alarm(1)", "alarm"),
        ("env.kv(\"TASKS\")?", ".kv("),
        ("env.d1(\"DB\")?", ".d1("),
        ("env.bucket(\"FILES\")?", ".bucket("),
        ("env.queue(\"JOBS\")?", ".queue("),
        ("env.analytics_engine(\"X\")", "nalytics"),
        ("let pair = WebSocketPair::new()?;", "WebSocket"),
        ("state.accept_web_socket(&ws)", "web_socket"),
        ("Fetch::Url(url).send()", "Fetch"),
        ("Delay::from(Duration::from_secs(120)).await", "Delay"),
        ("spawn_local(async {})", "spawn_local"),
        ("console_log!(\"{ip}\")", "console"),
    ] {
        assert!(out_of_bounds(source).contains(&found), "{source}");
    }
    assert!(out_of_bounds("// no storage API\nlet a = 1; // nor a WebSocket").is_empty());
}

#[test]
fn a_name_of_worker_is_found_however_it_is_written() {
    let source = "use worker::{Env, kv::KvStore};\nuse worker::Router;\nfn a(_: worker::Bucket) {}\nuse worker::*;";
    let names = names_of_worker(source);
    for name in ["Env", "kv", "KvStore", "Router", "Bucket", "*"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
}

#[test]
fn a_binding_is_found_in_the_configuration() {
    let good = std::fs::read_to_string(folder().join("wrangler.toml")).expect("wrangler.toml");
    for more in [
        "[[kv_namespaces]]\nbinding = \"KV\"\nid = \"1\"",
        "[[d1_databases]]\nbinding = \"DB\"\ndatabase_id = \"1\"",
        "[[r2_buckets]]\nbinding = \"FILES\"\nbucket_name = \"files\"",
        "[[queues.producers]]\nbinding = \"JOBS\"\nqueue = \"jobs\"",
        "[[analytics_engine_datasets]]\nbinding = \"CALLS\"",
        "[ai]\nbinding = \"AI\"",
        "[[services]]\nbinding = \"OTHER\"\nservice = \"other\"",
        "[[tail_consumers]]\nservice = \"tail\"",
        "[vars]\nLISTING_TTL_S = \"60\"",
        "[env.staging]\nname = \"staging\"",
        "[[migrations]]\ntag = \"v2\"\nnew_classes = [\"Archive\"]",
        "[[durable_objects.bindings]]\nname = \"ARCHIVE\"\nclass_name = \"Archive\"",
        "[[ratelimits]]\nname = \"ROOMS_OF_CALLERS\"\nnamespace_id = \"2\"\nsimple = { limit = 1, period = 10 }",
        "[[unsafe.bindings]]\nname = \"X\"\ntype = \"ratelimit\"",
    ] {
        assert!(!faults(&format!("{good}\n{more}\n")).is_empty(), "{more}");
    }
    for (good_line, bad_line) in [
        ("logpush = false", "logpush = true"),
        ("send_metrics = false", "send_metrics = true"),
        ("limit = 6000", "limit = 6001"),
        ("name = \"CALLERS\"", "name = \"ROOMS\""),
        ("not_found_handling = \"single-page-application\"\n", ""),
        ("run_worker_first = [", "run_worker_first = [\"/*\", "),
        ("[observability]\nenabled = false", "[observability]\nenabled = true"),
        ("[observability.logs]\nenabled = false", "[observability.logs]\nenabled = true"),
        ("[observability.traces]\nenabled = false", "[observability.traces]\nenabled = true"),
    ] {
        let bad = good.replace(good_line, bad_line);
        assert_ne!(bad, good, "{good_line} is not in wrangler.toml");
        assert!(!faults(&bad).is_empty(), "{bad_line}");
    }
}

// --- Looking ---

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What Cargo resolves for the platform that the worker is built for.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--filter-platform", "wasm32-unknown-unknown"])
        .current_dir(folder())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn node<'a>(metadata: &'a Value, name: &str) -> &'a Value {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    nodes
        .iter()
        .find(|node| package_name(metadata, node["id"].as_str().unwrap()) == name)
        .unwrap_or_else(|| panic!("no package {name}"))
}

fn package_name<'a>(metadata: &'a Value, id: &str) -> &'a str {
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["id"] == id).expect("a package of this id");
    package["name"].as_str().unwrap()
}

fn sources() -> BTreeMap<PathBuf, String> {
    fn read(folder: &Path, sources: &mut BTreeMap<PathBuf, String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                read(&path, sources);
            } else {
                let source = std::fs::read_to_string(&path).expect("a file of text");
                sources.insert(path, source);
            }
        }
    }
    let mut sources = BTreeMap::new();
    read(&folder().join("src"), &mut sources);
    sources
}

/// The source without its comments. No string here has two slashes but the address of a room's
/// object, and what stands behind it on its line is of no interest.
fn code(source: &str) -> String {
    source.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect::<Vec<_>>().join("\n")
}

fn out_of_bounds(source: &str) -> Vec<&'static str> {
    let code = code(source);
    OUT_OF_BOUNDS.into_iter().filter(|name| code.contains(name)).collect()
}

/// Every name that follows `worker::`, in braces or not.
fn names_of_worker(source: &str) -> BTreeSet<String> {
    let code = code(source);
    let mut names = BTreeSet::new();
    for (at, path) in code.match_indices("worker::") {
        // Not `partyline_worker::`.
        if code[..at].ends_with('_') {
            continue;
        }
        let rest = &code[at + path.len()..];
        let end = rest
            .find(|c: char| if rest.starts_with('{') { c == ';' } else { !(c.is_alphanumeric() || "_:*".contains(c)) });
        let words = rest[..end.unwrap_or(rest.len())].split(|c: char| !(c.is_alphanumeric() || "_*".contains(c)));
        names.extend(words.filter(|word| !word.is_empty() && *word != "Result").map(str::to_owned));
    }
    names
}

/// What is wrong with a `wrangler.toml`.
fn faults(text: &str) -> Vec<String> {
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return vec![error.to_string()],
    };
    let mut faults: Vec<String> =
        table.keys().filter(|key| !KEYS.contains(&key.as_str())).map(|key| format!("{key} is not allowed")).collect();
    let mut expect = |what: &str, found: Option<&toml::Value>, expected: toml::Value| {
        if found != Some(&expected) {
            faults.push(format!("{what} is {found:?}"));
        }
    };
    let observability = table.get("observability");
    let enabled = |section: Option<&str>| {
        let part = section.map_or(observability, |section| observability?.get(section));
        part?.get("enabled")
    };
    expect("logpush", table.get("logpush"), false.into());
    expect("send_metrics", table.get("send_metrics"), false.into());
    expect("upload_source_maps", table.get("upload_source_maps"), false.into());
    expect("observability.enabled", enabled(None), false.into());
    expect("observability.logs.enabled", enabled(Some("logs")), false.into());
    expect("observability.traces.enabled", enabled(Some("traces")), false.into());
    let of = |text: &str| -> toml::Value { text.parse::<Table>().expect("TOML").into() };
    expect(
        "durable_objects",
        table.get("durable_objects"),
        of("bindings = [{ name = \"ROOMS\", class_name = \"Room\" }]"),
    );
    expect(
        "migrations",
        table.get("migrations"),
        toml::Value::Array(vec![of("tag = \"v1\"\nnew_sqlite_classes = [\"Room\"]")]),
    );
    let callers = format!(
        "name = \"CALLERS\"\nnamespace_id = \"75278963\"\nsimple = {{ limit = {}, period = {} }}",
        Limiter::REQUESTS,
        Limiter::PERIOD_S
    );
    expect("ratelimits", table.get("ratelimits"), toml::Value::Array(vec![of(&callers)]));
    let assets = "directory = \"../dist\"\nnot_found_handling = \"single-page-application\"\n\
                  run_worker_first = [\"/rooms\", \"/discovery/*\", \"/health\"]";
    expect("assets", table.get("assets"), of(assets));
    faults
}
