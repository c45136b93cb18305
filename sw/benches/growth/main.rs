//! How costs grow with a room, with what was written in it, and with the devices that wrote: the real service over storage in
//! memory that counts bytes. Times are of this machine and of native code; what counts is how they change.
//!
//! Run by `cargo xtask bench --growth`. Prints tables, and with `--plots FOLDER` draws them. As a test it is a small one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::cast_precision_loss)]
#![allow(missing_docs, reason = "a program has none")]
#![cfg_attr(target_arch = "wasm32", no_main)]
#![cfg(not(target_arch = "wasm32"))]

mod counted;
mod plot;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use counted::{Counted, Counts};
use partyline_core::api::{CBOR, Merged, RoomDocument, read};
use partyline_core::id::{RoomId, TaskId};
use partyline_core::replica::{SyncAnswer, SyncRequest, VersionVector};
use partyline_sw::host::{Announcement, Host};
use partyline_sw::http::{Request, Response};
use partyline_sw::service::Service;
use plot::Plot;

const ROOM: &str = "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f";
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const GENESIS: u64 = 1_790_000_000_000;
const SIZES: [usize; 7] = [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000];
const CREWS: [usize; 6] = [2, 4, 8, 16, 32, 64];
/// How many tasks a crew has.
const TASKS: usize = 1_000;
/// How many edits are measured: so many of each task, for pages to be overwritten as often as they will be, and at least so many
/// in all, for a log to be folded a few times.
const EDITS_OF_EACH: usize = 10;
const EDITS: usize = 8_000;
/// How many syncs of one edit are measured.
const SYNCS: usize = 100;
const MILLION: usize = 1_000_000;
/// How often a room is opened, and synced in full: the median counts.
const OPENED: usize = 5;

/// A clock that never stands, and randomness that is none.
#[derive(Clone)]
struct Bench {
    now: Rc<Cell<u64>>,
    dice: Rc<Dice>,
}

impl Host for Bench {
    fn now_ms(&self) -> u64 {
        self.now.set(self.now.get() + 1);
        self.now.get()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        std::array::from_fn(|_| self.dice.below(256) as u8)
    }

    fn normalize(&self, text: &str) -> String {
        text.to_owned()
    }

    fn announce(&self, _: Announcement) {}
}

/// Xorshift64* (Vigna 2016).
struct Dice(Cell<u64>);

impl Dice {
    fn below(&self, bound: usize) -> usize {
        let mut dice = self.0.get();
        dice ^= dice >> 12;
        dice ^= dice << 25;
        dice ^= dice >> 27;
        self.0.set(dice);
        ((dice.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % bound as u64) as usize
    }

    fn name(&self) -> &'static str {
        ["Ada", "Ben", "Chloe", "Dmitri", "Esra", "Farid", "Greta", "Hiro"][self.below(8)]
    }

    /// A text of so many characters, out of some hundred words.
    fn text(&self, length: usize) -> String {
        const PARTS: [&str; 24] = [
            "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "we", "xi",
            "yo", "zu", "bra", "cle", "dri", "flo",
        ];
        let mut text = String::new();
        while text.len() < length {
            let word = self.below(700);
            text += PARTS[word % 24];
            text += PARTS[word / 24 % 24];
            text.push(' ');
        }
        text.truncate(length);
        text
    }
}

/// What a sync cost.
struct Pulled {
    /// Both ways.
    bytes: usize,
    /// Of the time, what the other took; microseconds.
    answering: f64,
}

/// A device: its worker, and its storage.
struct Device {
    service: Service<Counted, Bench>,
    store: Counted,
    host: Bench,
    runtime: tokio::runtime::Runtime,
}

fn path(part: &str) -> String {
    format!("/peer/v1/rooms/{ROOM}{part}")
}

impl Device {
    fn new(seed: u64) -> Self {
        let host = Bench { now: Rc::new(Cell::new(GENESIS)), dice: Rc::new(Dice(Cell::new(seed))) };
        let store = Counted::default();
        let device = Self::over(store, host);
        device.json("PUT", "", &format!(r#"{{"secret":"{SECRET}"}}"#));
        device
    }

    fn over(store: Counted, host: Bench) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { service: Service::new(store.clone(), host.clone()), store, host, runtime }
    }

    /// The same device with a worker that has just started.
    fn restarted(&self) -> Self {
        Self::over(self.store.clone(), self.host.clone())
    }

    fn ask(&self, request: &Request) -> Response {
        let answer = self.runtime.block_on(self.service.handle(request));
        assert!(answer.status < 300, "{} {}: {answer:?}", request.method, request.path);
        answer
    }

    /// Folds the log into pages, if that is due.
    fn tidy(&self) {
        self.runtime.block_on(self.service.tidy());
    }

    fn json(&self, method: &str, part: &str, body: &str) -> Response {
        self.ask(&Request { method: method.into(), path: path(part), body: body.into(), ..Request::default() })
    }

    fn cbor(&self, method: &str, part: &str, body: Vec<u8>) -> Vec<u8> {
        let media = Some(CBOR.to_owned());
        let (accept, content_type) = (media.clone(), media);
        self.ask(&Request { method: method.into(), path: path(part), body, accept, content_type, ..Request::default() })
            .body
    }

    fn add(&self, index: usize) {
        let dice = &self.host.dice;
        let body = format!(
            r#"{{"id":"{}","title":"{}","notes":"{}","status":"{}","priority":{},"due":"2026-12-{:02}","assignee":"{}"}}"#,
            task(index),
            dice.text(40),
            dice.text(80),
            ["open", "doing", "done"][dice.below(3)],
            dice.below(4),
            1 + dice.below(28),
            dice.name()
        );
        self.json("POST", "/tasks", &body);
    }

    fn fill(&self, count: usize) {
        for index in 0..count {
            self.add(index);
            self.tidy();
        }
    }

    /// One short edit of one of so many tasks.
    fn edit(&self, count: usize) {
        let dice = &self.host.dice;
        let body = match dice.below(3) {
            0 => format!(r#"{{"status":"{}"}}"#, ["open", "doing", "done"][dice.below(3)]),
            1 => format!(r#"{{"priority":{}}}"#, dice.below(4)),
            _ => format!(r#"{{"due":"2027-01-{:02}"}}"#, 1 + dice.below(28)),
        };
        self.json("PATCH", &format!("/tasks/{}", task(dice.below(count))), &body);
    }

    /// One edit of one of so many tasks, of whichever field.
    fn edit_any(&self, count: usize) {
        let dice = &self.host.dice;
        let body = match dice.below(4) {
            0 => format!(r#"{{"title":"{}"}}"#, dice.text(40)),
            1 => format!(r#"{{"notes":"{}"}}"#, dice.text(80)),
            2 => format!(r#"{{"assignee":"{}"}}"#, dice.name()),
            _ => return self.edit(count),
        };
        self.json("PATCH", &format!("/tasks/{}", task(dice.below(count))), &body);
    }

    /// Gets what the other has, and keeps it.
    fn pull(&self, from: &Self) -> Pulled {
        let room: RoomDocument = read(&self.json("GET", "", "").body).unwrap();
        let mut request = SyncRequest::decode(&self.cbor("GET", "/sync", Vec::new())).unwrap();
        let mut pulled = Pulled { bytes: 0, answering: 0.0 };
        loop {
            let asked = request.encode();
            let (micros, answer) = timed(|| from.cbor("POST", "/sync", asked.clone()));
            pulled.bytes += asked.len() + answer.len();
            pulled.answering += micros;
            let (progress, _) = SyncAnswer::peek(&answer).unwrap();
            let media = Some(CBOR.to_owned());
            let merged = self.ask(&Request {
                method: "POST".into(),
                path: path("/changes"),
                body: answer,
                accept: media.clone(),
                content_type: media,
                asker: Some(room.device.clone()),
                ..Request::default()
            });
            self.tidy();
            match (progress.next, Merged::from_cbor(&merged.body).and_then(|merged| merged.ask)) {
                (Some(next), _) => request.cursor = Some(next),
                (None, Some(ask)) => request = SyncRequest::decode(&ask.0).unwrap(),
                (None, None) => return pulled,
            }
        }
    }

    fn vector(&self) -> Vec<u8> {
        self.cbor("GET", "/vector", Vec::new())
    }
}

/// Random to look at, as UUIDs are, and the same for the same index.
fn task(index: usize) -> TaskId {
    let dice = Dice(Cell::new((index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1));
    TaskId::from_random_bytes(std::array::from_fn(|_| dice.below(256) as u8))
}

fn timed<T>(body: impl FnOnce() -> T) -> (f64, T) {
    let begin = Instant::now();
    let result = body();
    (begin.elapsed().as_secs_f64() * 1_000_000.0, result)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What one room costs; times in microseconds.
struct Row {
    size: usize,
    /// After the edits; and what all of it would take in new pages.
    stored: usize,
    fresh: usize,
    open: f64,
    open_read: usize,
    /// The first new task after opening, and one after that.
    first_add: f64,
    add: f64,
    edit: f64,
    edit_written: f64,
    folded: f64,
    folding: f64,
    longest_fold: f64,
    sync: f64,
    sync_bytes: f64,
    full: f64,
    full_answering: f64,
    full_bytes: usize,
    vector: usize,
    idle_bytes: usize,
}

fn measure(size: usize, tasks: usize, alice: &Device, edits: usize) -> Row {
    let (mut full, mut full_answering, mut full_bytes) = (Vec::new(), Vec::new(), 0);
    for seed in 0..OPENED as u64 {
        let (micros, pulled) = timed(|| Device::new(1_000 + seed).pull(alice));
        full.push(micros);
        full_answering.push(pulled.answering);
        full_bytes = pulled.bytes;
    }

    let (mut opened, mut first_added, mut added, mut open_read) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for round in 0..OPENED {
        let again = alice.restarted();
        alice.store.reset();
        opened.push(timed(|| again.json("GET", "/tasks", "")).0);
        open_read = open_read.max(alice.store.counts().read);
        let index = tasks + 2 * round;
        first_added.push(timed(|| again.add(index)).0);
        added.push(timed(|| again.add(index + 1)).0);
        // The room is as large as before.
        for index in [index, index + 1] {
            again.json("DELETE", &format!("/tasks/{}", task(index)), "");
        }
    }

    alice.store.reset();
    let (mut edited, mut folding, mut longest_fold) = (Vec::new(), 0.0, 0.0_f64);
    for _ in 0..edits {
        edited.push(timed(|| alice.edit(tasks)).0);
        let micros = timed(|| alice.tidy()).0;
        folding += micros;
        longest_fold = longest_fold.max(micros);
    }
    let Counts { appended, rewritten, .. } = alice.store.counts();

    let bob = Device::new(2);
    bob.pull(alice);
    let idle_bytes = bob.pull(alice).bytes;
    let (mut synced, mut sync_bytes) = (Vec::new(), 0);
    for _ in 0..SYNCS {
        alice.edit(tasks);
        let (micros, pulled) = timed(|| bob.pull(alice));
        synced.push(micros);
        sync_bytes += pulled.bytes;
    }
    let count = edits as f64;
    Row {
        size,
        stored: alice.store.stored(),
        fresh: alice.store.replica_bytes(RoomId::parse(ROOM).unwrap()),
        open: median(opened),
        open_read,
        first_add: median(first_added),
        add: median(added),
        edit: median(edited),
        edit_written: appended as f64 / count,
        folded: rewritten as f64 / count,
        folding: folding / count,
        longest_fold,
        sync_bytes: sync_bytes as f64 / SYNCS as f64,
        sync: median(synced),
        full: median(full),
        full_answering: median(full_answering),
        full_bytes,
        vector: alice.vector().len(),
        idle_bytes,
    }
}

/// A room of [`TASKS`] in which so many devices wrote, each its share, one after the other; the first of them.
fn crew(devices: usize) -> Device {
    let alice = Device::new(1);
    for number in 0..devices {
        let other = Device::new(100 + number as u64);
        let writer = if number == 0 { &alice } else { &other };
        if number > 0 {
            other.pull(&alice);
        }
        for index in (number..TASKS).step_by(devices) {
            writer.add(index);
            writer.tidy();
        }
        if number > 0 {
            alice.pull(&other);
        }
    }
    alice.edit(TASKS);
    let vector = VersionVector::decode(&alice.vector()).unwrap();
    assert_eq!(vector.len(), devices);
    alice
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    println!("\n| {} |", head.join(" | "));
    println!("|{}", "---:|".repeat(head.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

/// Thousands apart, and as many digits as mean something.
fn told(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn tell(first: &str, rows: &[Row]) {
    let kilo = |bytes: usize| told(bytes as f64 / 1_000.0);
    let milli = |micros: f64| told(micros / 1_000.0);
    table(
        &[
            first,
            "open, ms",
            "… kB read",
            "first new task, µs",
            "the next, µs",
            "edit, µs",
            "… bytes written",
            "… and folded later",
            "folding, µs an edit",
            "longest fold, ms",
            "stored then, kB",
            "in new pages, kB",
        ],
        rows.iter().map(|row| {
            vec![
                told(row.size as f64).replace(".0", ""),
                milli(row.open),
                kilo(row.open_read),
                told(row.first_add),
                told(row.add),
                told(row.edit),
                told(row.edit_written),
                told(row.folded),
                told(row.folding),
                milli(row.longest_fold),
                kilo(row.stored),
                kilo(row.fresh),
            ]
        }),
    );
    table(
        &[
            first,
            "sync of one edit, µs",
            "… bytes",
            "full sync, ms",
            "… of it answering, ms",
            "… kB",
            "vector, bytes",
            "idle sync, bytes",
        ],
        rows.iter().map(|row| {
            vec![
                told(row.size as f64).replace(".0", ""),
                told(row.sync),
                told(row.sync_bytes),
                milli(row.full),
                milli(row.full_answering),
                kilo(row.full_bytes),
                row.vector.to_string(),
                row.idle_bytes.to_string(),
            ]
        }),
    );
}

fn draw(folder: &Path, name: &str, first: &str, rows: &[Row]) {
    let line = |value: fn(&Row) -> f64| rows.iter().map(|row| (row.size as f64, value(row))).collect::<Vec<_>>();
    let time = Plot {
        title: format!("Time by {first}"),
        across: first.to_owned(),
        up: "µs".to_owned(),
        lines: vec![
            ("open", line(|row| row.open)),
            ("full sync", line(|row| row.full)),
            ("first new task", line(|row| row.first_add)),
            ("sync of one edit", line(|row| row.sync)),
            ("edit", line(|row| row.edit)),
        ],
    };
    let bytes = Plot {
        title: format!("Bytes by {first}"),
        across: first.to_owned(),
        up: "bytes".to_owned(),
        lines: vec![
            ("stored", line(|row| row.stored as f64)),
            ("full sync", line(|row| row.full_bytes as f64)),
            ("written for an edit", line(|row| row.edit_written + row.folded)),
            ("sync of one edit", line(|row| row.sync_bytes)),
            ("version vector", line(|row| row.vector as f64)),
        ],
    };
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(format!("{name}-time.svg")), time.svg()).unwrap();
    std::fs::write(folder.join(format!("{name}-bytes.svg")), bytes.svg()).unwrap();
}

/// Very many edits of few tasks: what is left of them.
fn edit_for_ever(edits: usize) {
    let alice = Device::new(5);
    alice.fill(TASKS);
    let before = alice.store.stored();
    let mut most = 0;
    let (micros, ()) = timed(|| {
        for _ in 0..edits {
            alice.edit_any(TASKS);
            alice.tidy();
            most = most.max(alice.store.stored());
        }
    });
    let copy = Device::new(6);
    copy.pull(&alice);
    let fresh = copy.store.replica_bytes(RoomId::parse(ROOM).unwrap());
    let (end, kilo) = (alice.store.stored(), |bytes: usize| told(bytes as f64 / 1_000.0));
    println!(
        "\n{} edits on {} tasks took {:.1} s. Stored: {} kB before, {} kB at the most, {} kB at the end; a fresh copy folded into \
         pages takes {} kB: {:.2} times at the end, {:.2} at the most.",
        told(edits as f64),
        told(TASKS as f64),
        micros / 1_000_000.0,
        kilo(before),
        kilo(most),
        kilo(end),
        kilo(fresh),
        end as f64 / fresh as f64,
        most as f64 / fresh as f64
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // What cargo says to a benchmark; it does not when it runs one as a test.
    let is_quick = !arguments.iter().any(|argument| argument == "--bench");
    let at = arguments.iter().position(|argument| argument == "--plots");
    let folder = at.and_then(|at| arguments.get(at + 1)).map(PathBuf::from);
    let edits = |tasks: usize| if is_quick { 50 } else { EDITS.max(EDITS_OF_EACH * tasks) };

    let sizes = SIZES.iter().take(if is_quick { 2 } else { SIZES.len() });
    let rooms: Vec<Row> = sizes
        .map(|size| {
            let alice = Device::new(1);
            let (micros, ()) = timed(|| alice.fill(*size));
            eprintln!("{size} tasks made in {:.1} s, {:.1} µs each", micros / 1_000_000.0, micros / *size as f64);
            measure(*size, *size, &alice, edits(*size))
        })
        .collect();
    tell("tasks", &rooms);

    let crews = CREWS.iter().take(if is_quick { 2 } else { CREWS.len() });
    let crews: Vec<Row> = crews.map(|devices| measure(*devices, TASKS, &crew(*devices), edits(TASKS))).collect();
    tell("devices", &crews);

    edit_for_ever(if is_quick { 1_000 } else { MILLION });
    if let Some(folder) = folder {
        draw(&folder, "tasks", "tasks", &rooms);
        draw(&folder, "devices", "devices", &crews);
    }
}
