//! Measures our engine beside the libraries that people would pick instead, in one Chromium, in turns.
//!
//! Run by `cargo xtask bench --engines`. The measuring itself is JavaScript, in `tests/engines`; this serves it, decides on
//! the order and makes tables. Every round gives each library its turn, each time in another order, so that whatever else
//! the machine does hits all alike. So has the app as it is [`shipped`]. Convergence is asserted, speed is not.

mod awaited;
mod shipped;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use partyline_tests::{Browser, BrowserKind, BrowserSetup, Lab, Tools};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use awaited::awaited;
use shipped::Shipped;

/// Ours first, as a library and as it is shipped: the others are measured against it.
const LIBRARIES: [&str; 7] = ["partyline", SHIPPED, "yjs", "automerge", "loro", "tinybase", "pouchdb"];

/// The app, with its service worker.
const SHIPPED: &str = "shipped";

/// What no library can do better.
const FLOOR: &str = "floor";

/// What is asked of the page, and how the answer is told. Not all of it is asked of everybody.
const ROWS: [(&str, &str); 12] = [
    ("createMs", "create one by one, ms"),
    ("syncBytes", "full sync, bytes"),
    ("syncGzipBytes", "full sync, bytes after gzip"),
    ("syncMs", "full sync, ms"),
    ("mergeBytes", "divergent merge, bytes"),
    ("mergeGzipBytes", "divergent merge, bytes after gzip"),
    ("mergeMs", "divergent merge, ms"),
    ("editBytes", "one edit, bytes"),
    ("editMicros", "one edit, make and apply, µs"),
    ("documentBytes", "saved document, bytes"),
    ("saveMs", "save durably, ms"),
    ("reloadMs", "reload until all is readable, ms"),
];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().context("how many rounds?")?.parse()?;
    // Only these, to try something.
    let only: Vec<String> = arguments.collect();
    tokio::runtime::Runtime::new()?.block_on(bench(rounds, &only))
}

async fn bench(rounds: usize, only: &[String]) -> Result<()> {
    let known = |name: &String| LIBRARIES.contains(&name.as_str()) || name == FLOOR;
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        bail!("{unknown} is none of {}, {FLOOR}", LIBRARIES.join(", "));
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let folder = PathBuf::from(std::env::var_os("PARTYLINE_ENGINES").context("PARTYLINE_ENGINES is set by xtask")?);
    let port = serve(folder.clone()).await?;
    let tools = Tools::from_env()?;
    let out = tools.out.join("engines.json");
    let browser = Browser::start(BrowserKind::Chromium, "Engines", &tools, BrowserSetup::default()).await?;
    let shipped = Shipped::new(Lab::new(tools), &folder)?;
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut sizes: Value = serde_json::from_slice(&std::fs::read(folder.join("sizes.json"))?)?;
    let visit = std::env::var("PARTYLINE_FIRST_VISIT").context("PARTYLINE_FIRST_VISIT is set by xtask")?;
    let weighed = json!({ "brotli": visit.parse::<u64>()? });
    sizes.as_object_mut().context("the sizes are an object")?.insert(SHIPPED.to_owned(), weighed);
    for round in 0..rounds {
        let mut note = |library: &str, what: &str, value: f64| {
            all.entry(format!("{library} {what}")).or_default().push(value);
        };
        for turn in 0..LIBRARIES.len() {
            let library = LIBRARIES.get((turn + round) % LIBRARIES.len()).copied().unwrap_or_default();
            if !wanted(library) {
                continue;
            }
            eprintln!("round {} of {rounds}: {library}", round + 1);
            if library == SHIPPED {
                let (start, again) = shipped.start(&browser).await?;
                note(SHIPPED, "start", start);
                note(SHIPPED, "started again, ms", again);
                for count in [1_000, 10_000] {
                    for (key, value) in shipped.suite(&browser, count).await? {
                        let (_, what) = ROWS.iter().find(|(known, _)| *known == key).context("a row")?;
                        note(SHIPPED, &format!("{count} {what}"), value);
                    }
                }
                let (page, worker) = shipped.memory(&browser, 10_000).await?;
                note(SHIPPED, "memory", page + worker);
                note(SHIPPED, "memory of the page that shows 10,000 tasks, bytes", page);
                note(SHIPPED, "memory of the worker's wasm, bytes", worker);
                // It takes minutes, and is compared with nothing.
                if round == 0 {
                    for (what, value) in shipped.large(&browser).await? {
                        note(SHIPPED, &format!("in a room of 100,000 tasks: {what}"), value);
                    }
                }
                continue;
            }
            let start = measure(&browser, port, library, "start", 0).await?;
            note(library, "start", number(&start, "ms")?);
            for count in [1_000, 10_000] {
                let suite = measure(&browser, port, library, "suite", count).await?;
                for (key, what) in ROWS.into_iter().filter(|(key, _)| suite.get(key).is_some()) {
                    note(library, &format!("{count} {what}"), number(&suite, key)?);
                }
            }
            let memory = measure(&browser, port, library, "memory", 10_000).await?;
            note(library, "memory", number(&memory, "bytes")?);
        }
        if wanted(FLOOR) {
            let floor = measure(&browser, port, FLOOR, FLOOR, 10_000).await?;
            for (key, value) in floor.as_object().context("the floor is an object")? {
                note(FLOOR, key, value.as_f64().unwrap_or_default());
            }
        }
        // After each round, for whoever has not the time for all.
        println!("\nafter round {} of {rounds}:\n", round + 1);
        std::fs::write(
            &out,
            serde_json::to_vec_pretty(&json!({ "rounds": round + 1, "sizes": sizes, "values": all }))?,
        )?;
        print(&all, &sizes);
        println!("\nall values: {}", out.display());
    }
    browser.kill().await;
    Ok(())
}

fn number(of: &Value, key: &str) -> Result<f64> {
    of.get(key).and_then(Value::as_f64).with_context(|| format!("{key} is missing in {of}"))
}

/// Measures one thing in a new page.
async fn measure(
    browser: &std::sync::Arc<Browser>,
    port: u16,
    library: &str,
    what: &str,
    count: usize,
) -> Result<Value> {
    let tab = browser.open(&format!("http://localhost:{port}/")).await?;
    let measured = awaited(&tab, "measure", vec![json!(library), json!(what), json!(count)]).await;
    tab.close().await?;
    measured.with_context(|| format!("{library}, {what}, {count}"))
}

/// Median, least and most.
fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = |at: usize| values.get(at).copied().unwrap_or(f64::NAN);
    (at(values.len() / 2), at(0), at(values.len().saturating_sub(1)))
}

fn told(value: f64) -> String {
    match value {
        value if value >= 1_000_000.0 => format!("{:.2} M", value / 1_000_000.0),
        value if value >= 10_000.0 => format!("{:.1} k", value / 1_000.0),
        value if value >= 100.0 => format!("{value:.0}"),
        value => format!("{value:.1}"),
    }
}

fn print(all: &BTreeMap<String, Vec<f64>>, sizes: &Value) {
    let cell = |key: String| {
        all.get(&key).map_or_else(String::new, |values| {
            let (median, least, most) = spread(values);
            format!("{} ({}–{})", told(median), told(least), told(most))
        })
    };
    println!("| | {} |", LIBRARIES.join(" | "));
    println!("|---|{}", "---|".repeat(LIBRARIES.len()));
    let size = LIBRARIES
        .map(|library| told(sizes.pointer(&format!("/{library}/brotli")).and_then(Value::as_f64).unwrap_or(f64::NAN)));
    println!("| bundle, bytes in brotli | {} |", size.join(" | "));
    println!("| start, ms | {} |", LIBRARIES.map(|library| cell(format!("{library} start"))).join(" | "));
    for count in [1_000, 10_000] {
        for (_, what) in ROWS {
            let cells = LIBRARIES.map(|library| cell(format!("{library} {count} {what}")));
            println!("| {count} tasks: {what} | {} |", cells.join(" | "));
        }
    }
    println!(
        "| 10000 tasks: memory, bytes | {} |",
        LIBRARIES.map(|library| cell(format!("{library} memory"))).join(" | ")
    );
    let block = |title: &str, library: &str, skipped: &dyn Fn(&str) -> bool| {
        println!("\n{title}");
        for (key, values) in all.iter().filter_map(|(key, values)| Some((key.strip_prefix(library)?, values))) {
            let (median, least, most) = spread(values);
            if !skipped(key.trim_start()) {
                println!("|{key} | {} ({}–{}) |", told(median), told(least), told(most));
            }
        }
    };
    println!(
        "\n{SHIPPED}: each change is on the disk before it is answered and the next one made, save is a full sync from \
         memory, chunk by chunk, reload and start again begin with the service worker stopped, and a sync is one between \
         two browsers, all that passes their data channels counted, a page showing the list at both ends. The bundle is a \
         first visit, app and all; start is its installation. The others do not wait for the disk but to save."
    );
    block("As shipped, besides:", SHIPPED, &|key| {
        !["memory of", "started", "in a room"].iter().any(|start| key.starts_with(start))
    });
    block("The floor, 10,000 tasks:", FLOOR, &|_| false);
}

/// Serves the files of a folder, isolated from other origins: only then does a page learn how much memory it takes.
async fn serve(folder: PathBuf) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let folder = folder.clone();
            tokio::spawn(async move { answer(stream, &folder).await });
        }
    });
    Ok(port)
}

async fn answer(mut stream: TcpStream, folder: &Path) -> Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        ensure!(request.len() < 1 << 14 && stream.read_buf(&mut request).await? > 0, "no request");
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
    let name = if path.is_empty() { "index.html" } else { path.split('?').next().unwrap_or(path) };
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html",
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    };
    let content = if name.contains("..") { None } else { std::fs::read(folder.join(name)).ok() };
    let (status, content) = content.map_or(("404 Not Found", Vec::new()), |content| ("200 OK", content));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCross-Origin-Opener-Policy: same-origin\r\n\
         Cross-Origin-Embedder-Policy: require-corp\r\nConnection: close\r\n\r\n",
        content.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&content).await?;
    Ok(stream.shutdown().await?)
}
