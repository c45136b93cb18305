//! Measures what a user waits for, prints it as a table and keeps it as `bench.json`.
//!
//! Run by `cargo xtask bench`; with a number, only what an edit takes is measured, in so many rounds. Everything is on one machine, over loopback: what is measured is Partyline, not a network.
//! Nothing is asserted here, since what is fast depends on the machine.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{
    Browser, BrowserKind, BrowserSetup, Lab, RoomLink, RoomPage, Site, Tab, Tools, eventually, http_get,
};
use serde_json::{Value, json};

/// How many tasks there are in the room that is opened.
const TASKS: usize = 20;

/// How often opening a link and starting offline are measured.
const OPENINGS: usize = 10;

/// How often an edit is measured.
const EDITS: usize = 20;

fn main() -> Result<()> {
    let rounds = std::env::args().nth(1).map(|rounds| rounds.parse()).transpose()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let lab = Lab::new(Tools::from_env()?);
        match rounds {
            Some(rounds) => edits(&lab, rounds).await,
            None => bench(&lab).await,
        }
    })
}

/// What an edit takes, in rounds with browsers of their own each.
async fn edits(lab: &Lab, rounds: u8) -> Result<()> {
    for kind in [Chromium, Firefox] {
        let (mut visible, mut stored, mut sent) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (host, guest) = (start(lab, Chromium, "Alice").await?, start(lab, kind, "Bob").await?);
            let room = Room::make(lab, &host).await?;
            visible.extend(edit_to_visible(lab, &room, &guest).await?.printed().sorted);
            let [acknowledged, handed_over] = stored_and_sent(lab, &room, &guest).await?.map(Series::printed);
            stored.extend(acknowledged.sorted);
            sent.extend(handed_over.sorted);
            host.kill().await;
            guest.kill().await;
        }
        println!("all rounds:");
        for (what, values) in [(VISIBLE, visible), (STORED, stored), (SENT, sent)] {
            Series::new(what, kind, values).printed();
        }
    }
    Ok(())
}

const VISIBLE: &str = "edit to visible elsewhere";
const STORED: &str = "edit made to stored";
const SENT: &str = "edit made to sent, to";

async fn bench(lab: &Lab) -> Result<()> {
    let visit = first_visit(lab).await?;
    println!("first visit, after brotli         {:>9} bytes in {} files", visit.bytes, visit.files);

    let mut series = Vec::new();
    let host = start(lab, Chromium, "Alice").await?;
    for kind in [Chromium, Firefox] {
        let guest = start(lab, kind, "Bob").await?;
        series.push(link_to_synced(lab, &host, &guest).await?.printed());
        let room = Room::make(lab, &host).await?;
        series.push(edit_to_visible(lab, &room, &guest).await?.printed());
        series.extend(stored_and_sent(lab, &room, &guest).await?.map(Series::printed));
        room.page.tab().clone().close().await?;
        guest.kill().await;
    }
    host.kill().await;
    for kind in [Chromium, Firefox] {
        series.push(offline_start(lab, kind).await?.printed());
    }

    for (there, here) in [(Chromium, Chromium), (Chromium, Firefox), (Firefox, Chromium), (Firefox, Firefox)] {
        series.push(redialled(lab, there, here).await?.printed());
    }

    for (there, here) in [(Chromium, Chromium), (Chromium, Firefox)] {
        series.extend(by_code(lab, there, here).await?.map(Series::printed));
    }
    for (kind, end) in [(Chromium, End::Close), (Firefox, End::Close), (Chromium, End::Crash), (Chromium, End::Freeze)]
    {
        series.push(next_tab(lab, kind, end).await?.printed());
    }

    let mut costs = Vec::new();
    for devices in [2, 8] {
        costs.push(edit_cost(lab, devices).await?);
    }

    let file = lab.tools().out.join("bench.json");
    let report = json!({
        "firstVisitBytes": visit.bytes,
        "firstVisitFiles": visit.files,
        "newTask": costs,
        "milliseconds": series.iter().map(Series::to_json).collect::<Vec<_>>(),
    });
    std::fs::write(&file, serde_json::to_vec_pretty(&report)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("kept in {}", file.display());
    Ok(())
}

/// One measurement, repeated.
struct Series {
    what: String,
    sorted: Vec<f64>,
}

impl Series {
    fn new(what: &str, kind: BrowserKind, mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { what: format!("{what}, {kind:?}"), sorted: values }
    }

    fn at(&self, part: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1) as f64;
        // Between the two neighbours, so that the median of an even number is right.
        let (low, high) = ((last * part).floor(), (last * part).ceil());
        let value = |index: f64| self.sorted.get(index as usize).copied().unwrap_or(f64::NAN);
        f64::midpoint(value(low), value(high))
    }

    fn printed(self) -> Self {
        let (median, least, most) = (self.at(0.5), self.at(0.0), self.at(1.0));
        let (most_of_them, runs) = (self.at(0.95), self.sorted.len());
        println!("{:<44}{median:>6.0} ms, p95 {most_of_them:.0}, {least:.0} to {most:.0} ms in {runs} runs", self.what);
        self
    }

    fn to_json(&self) -> Value {
        json!({ "what": self.what, "median": self.at(0.5), "p95": self.at(0.95), "min": self.at(0.0), "max": self.at(1.0), "runs": self.sorted })
    }
}

struct Visit {
    bytes: usize,
    files: usize,
}

/// What a browser fetches until the app works offline.
async fn first_visit(lab: &Lab) -> Result<Visit> {
    let site = lab.site().await?;
    let browser = start(lab, Chromium, "Visitor").await?;
    let tab = browser.open(&site.origin()).await?;
    tab.wait_for("button", "New room").await?;
    let installed = "const done = arguments[arguments.length - 1];
        navigator.serviceWorker.ready.then(() => done(true));";
    ensure!(tab.execute_async::<bool>(installed, vec![]).await?);
    browser.kill().await;
    let requests = site.proxy().requests().into_iter().filter(|request| request.method == "GET");
    let paths: BTreeSet<String> = requests.map(|request| request.path).collect();
    let mut visit = Visit { bytes: 0, files: 0 };
    for path in paths {
        let answer = http_get(site.upstream(), &path).await?;
        if answer.status == 200 {
            visit.bytes += compressed(&answer.body)?.min(answer.body.len());
            visit.files += 1;
        }
    }
    Ok(visit)
}

fn compressed(body: &[u8]) -> Result<usize> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 64 * 1024, 11, 22);
    writer.write_all(body)?;
    writer.flush()?;
    Ok(writer.into_inner().len())
}

/// A room with tasks in it, open in a browser.
struct Room {
    page: RoomPage,
    link: RoomLink,
    /// Open for as long as the page is.
    _site: Site,
}

impl Room {
    async fn make(lab: &Lab, host: &Arc<Browser>) -> Result<Self> {
        let site = lab.site().await?;
        let page = RoomPage::make_room(host, &site, "Bench").await?;
        for number in 1..=TASKS {
            page.add(&format!("Task {number}")).await?;
        }
        let link = page.share_link().await?;
        Ok(Self { page, link, _site: site })
    }
}

/// From opening the link in a browser that was never here to having all of the room.
///
/// Each time it is another room: a device that is gone may stand in the phone book for two minutes, and newcomers would
/// call it in vain.
async fn link_to_synced(lab: &Lab, host: &Arc<Browser>, guest: &Arc<Browser>) -> Result<Series> {
    let mut values = Vec::new();
    for _ in 0..OPENINGS {
        let room = Room::make(lab, host).await?;
        // An origin that this browser does not know: no service worker, no cache, no room.
        let site = lab.site().await?;
        let page = RoomPage::open(guest, &room.link.at(&site)?.url).await?;
        values.push(page.tab().wait_mark("partyline:synced").await?);
        page.wait_task(&format!("Task {TASKS}")).await?;
        page.tab().clone().close().await?;
        room.page.tab().clone().close().await?;
    }
    Ok(Series::new("link opened to synced", guest.kind(), values))
}

/// From the Enter key in one browser to the task in the other's page.
async fn edit_to_visible(lab: &Lab, room: &Room, guest: &Arc<Browser>) -> Result<Series> {
    let site = lab.site().await?;
    let page = RoomPage::open(guest, &room.link.at(&site)?.url).await?;
    page.wait_connected(1).await?;
    room.page.wait_connected(1).await?;
    // Both clocks are this machine's. Firefox and Chromium round theirs to 1 ms at worst.
    let press = "addEventListener('keydown', event => {
            if (event.key === 'Enter') window.pressed = performance.timeOrigin + performance.now();
        }, { capture: true }); return null;";
    room.page.tab().execute::<()>(press, vec![]).await?;
    let mut values = Vec::new();
    for number in 1..=EDITS {
        let title = format!("{:?} sees {number}", guest.kind());
        let watch = "const title = arguments[0];
            document.body.dataset.seen = '';
            const look = () => {
                if (![...document.querySelectorAll(ROLES.checkbox)].some(box => nameOf(box) === title)) return;
                observer.disconnect();
                document.body.dataset.seen = performance.timeOrigin + performance.now();
            };
            const observer = new MutationObserver(look);
            observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
            return null;";
        page.tab().execute::<()>(watch, vec![json!(title)]).await?;
        room.page.add(&title).await?;
        let seen = eventually("the task", Duration::from_secs(10), || async {
            let seen = "return parseFloat(document.body.dataset.seen) || null;";
            page.tab().execute::<Option<f64>>(seen, vec![]).await?.context("not seen yet")
        })
        .await?;
        let pressed: f64 = room.page.tab().execute("return window.pressed;", vec![]).await?;
        values.push(seen - pressed);
    }
    page.tab().clone().close().await?;
    Ok(Series::new(VISIBLE, guest.kind(), values))
}

/// From asking for an edit until it is acknowledged, which is when it is stored, and until it is handed to the channel:
/// whoever is told of an edit may send it before its own page reads the answer.
async fn stored_and_sent(lab: &Lab, room: &Room, guest: &Arc<Browser>) -> Result<[Series; 2]> {
    let site = lab.site().await?;
    let page = RoomPage::open(guest, &room.link.at(&site)?.url).await?;
    page.wait_connected(1).await?;
    room.page.wait_connected(1).await?;
    let edit = "
        const [room, title, done] = arguments;
        const channel = RTCDataChannel.prototype;
        const send = channel.send;
        const asked = performance.now();
        let [stored, sent] = [0, 0];
        const end = () => {
            if (!stored || !sent) return;
            channel.send = send;
            done([stored - asked, sent - asked]);
        };
        channel.send = function (...message) {
            sent ||= performance.now();
            end();
            return send.apply(this, message);
        };
        fetch(`/peer/v1/rooms/${room}/tasks`, { method: 'POST', body: JSON.stringify({ title }) })
            .then(() => { stored = performance.now(); end(); });";
    let (mut stored, mut sent) = (Vec::new(), Vec::new());
    for number in 1..=EDITS {
        let title = format!("{:?} is sent {number}", guest.kind());
        let arguments = vec![json!(room.link.room), json!(title)];
        let [acknowledged, handed_over]: [f64; 2] = room.page.tab().execute_async(edit, arguments).await?;
        stored.push(acknowledged);
        sent.push(handed_over);
        page.wait_task(&title).await?;
    }
    page.tab().clone().close().await?;
    Ok([Series::new(STORED, guest.kind(), stored), Series::new(SENT, guest.kind(), sent)])
}

/// From opening the app in a browser that was just started, with no server, to the list of tasks.
async fn offline_start(lab: &Lab, kind: BrowserKind) -> Result<Series> {
    let site = lab.site_of_its_own().await?;
    let browser = start(lab, kind, "Alice").await?;
    let page = RoomPage::make_room(&browser, &site, "Bench").await?;
    for number in 1..=TASKS {
        page.add(&format!("Task {number}")).await?;
    }
    let link = page.share_link().await?;
    page.wait_stored(&link, &format!("Task {TASKS}")).await?;
    browser.quit().await?;
    site.kill_phone_book().await?;
    let mut values = Vec::new();
    for _ in 0..OPENINGS {
        browser.start_again().await?;
        let page = RoomPage::open(&browser, &link.url).await?;
        values.push(page.tab().wait_mark("partyline:list").await?);
        page.wait_task(&format!("Task {TASKS}")).await?;
        browser.quit().await?;
    }
    Ok(Series::new("offline start to list", kind, values))
}

/// From the beginning of a reload to being connected again, with the phone book dead.
async fn redialled(lab: &Lab, there: BrowserKind, here: BrowserKind) -> Result<Series> {
    let site = lab.site_of_its_own().await?;
    let (host, guest) = (start(lab, there, "Alice").await?, start(lab, here, "Bob").await?);
    let page = RoomPage::make_room(&host, &site, "Bench").await?;
    let link = page.share_link().await?;
    let page = RoomPage::open(&guest, &link.url).await?;
    page.wait_connected(1).await?;
    page.wait_known(&link).await?;
    site.kill_phone_book().await?;
    let mut values = Vec::new();
    for _ in 0..OPENINGS {
        page.reload().await?;
        values.push(page.tab().wait_mark("partyline:connected").await?);
        page.wait_connected(1).await?;
    }
    host.kill().await;
    guest.kill().await;
    Ok(Series::new(&format!("reloaded to connected to {there:?}"), here, values))
}

/// With the phone book dead. From pasting the reply to being connected; and from there to being connected to a third one
/// whom the first knows.
async fn by_code(lab: &Lab, there: BrowserKind, here: BrowserKind) -> Result<[Series; 2]> {
    let site = lab.site_of_its_own().await?;
    let mut browsers = Vec::new();
    for (kind, name) in [(there, "Alice"), (here, "Bob"), (Chromium, "Carol")] {
        let browser = start(lab, kind, name).await?;
        browser.open(&site.origin()).await?.wait_for("button", "New room").await?;
        browsers.push(browser);
    }
    let [alices, bobs, carols] = browsers.as_slice() else { bail!("three browsers") };
    site.kill_phone_book().await?;
    let (mut connected, mut introduced) = (Vec::new(), Vec::new());
    for _ in 0..OPENINGS {
        let alice = RoomPage::make_room(alices, &site, "Bench").await?;
        let carol = carry_codes(&alice, carols).await?;
        carol.wait_connected(1).await?;
        alice.tab().click("button", "Done").await?;
        let bob = carry_codes(&alice, bobs).await?;
        let pressed = eventually("Alice's key", Duration::from_secs(5), || time(alice.tab(), PRESSED)).await?;
        let first = bob.tab().wait_mark("partyline:connected").await?;
        let first: f64 = bob.tab().execute("return performance.timeOrigin + arguments[0];", vec![json!(first)]).await?;
        let second = eventually("both others", Duration::from_secs(30), || time(bob.tab(), SEES_TWO)).await?;
        connected.push(first - pressed);
        introduced.push(second - first);
        for page in [alice, bob, carol] {
            page.tab().clone().close().await?;
        }
    }
    for browser in &browsers {
        browser.kill().await;
    }
    let series = |what: &str, values| Series::new(&format!("{what} {there:?}"), here, values);
    Ok([series("reply read to connected to", connected), series("then introduced to Chromium by", introduced)])
}

/// When the codes were handed in: where the time of [`by_code`] begins.
const PRESSED: &str = "window.pressed";
/// When the page was connected to two.
const SEES_TWO: &str = "window.seesTwo";

/// A time that the page noted, in Unix milliseconds.
async fn time(tab: &Tab, name: &str) -> Result<f64> {
    tab.execute::<Option<f64>>(&format!("return {name} ?? null;"), vec![]).await?.context("not yet")
}

/// Has `guest` join by codes: invitation and reply.
async fn carry_codes(host: &RoomPage, guest: &Arc<Browser>) -> Result<RoomPage> {
    let watch = "
        const now = () => performance.timeOrigin + performance.now();
        addEventListener('submit', () => { window.pressed = now(); }, { capture: true });
        const look = () => {
            if (document.body.innerText.includes('Connected to 2 devices')) window.seesTwo ??= now();
        };
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
        return null;";
    host.tab().execute::<()>(watch, vec![]).await?;
    let page = RoomPage::in_tab(guest.open(&host.invite().await?).await?);
    let reply = page.reply().await?;
    page.tab().execute::<()>(watch, vec![]).await?;
    host.paste_reply(&reply).await?;
    Ok(page)
}

/// How a tab comes to its end.
#[derive(Debug, Clone, Copy)]
enum End {
    Close,
    Crash,
    Freeze,
}

/// From the end of the tab that holds the connections to the next one being connected again, with the phone book dead.
async fn next_tab(lab: &Lab, kind: BrowserKind, end: End) -> Result<Series> {
    let site = lab.site_of_its_own().await?;
    let (host, guest) = (start(lab, Chromium, "Alice").await?, start(lab, kind, "Bob").await?);
    let alice = RoomPage::make_room(&host, &site, "Bench").await?;
    let link = alice.share_link().await?;
    let mut first = RoomPage::open(&guest, &link.url).await?;
    first.wait_connected(1).await?;
    site.kill_phone_book().await?;
    let mut values = Vec::new();
    for _ in 0..OPENINGS {
        let second = RoomPage::open(&guest, &link.url).await?;
        second.wait_connected(1).await?;
        second.wait_known(&link).await?;
        // The page that goes tells when, if it can, and the next one has the mark once it has the connections.
        let tell = "localStorage.gone = performance.timeOrigin + performance.now();
            addEventListener('pagehide', () => localStorage.gone = performance.timeOrigin + performance.now());
            return null;";
        first.tab().execute::<()>(tell, vec![]).await?;
        match end {
            End::Close => first.tab().clone().close().await?,
            // What crashes does not answer.
            End::Crash => drop(first.tab().cdp("Page.crash", json!({})).await),
            End::Freeze => drop(first.tab().cdp("Page.setWebLifecycleState", json!({ "state": "frozen" })).await?),
        }
        let connected = second.tab().wait_mark("partyline:connected").await?;
        let since = "return performance.timeOrigin + arguments[0] - localStorage.gone;";
        values.push(second.tab().execute(since, vec![json!(connected)]).await?);
        second.wait_connected(1).await?;
        first = second;
    }
    host.kill().await;
    guest.kill().await;
    Ok(Series::new(&format!("next tab after {end:?}"), kind, values))
}

/// What all members of a crew together send for one new task, over their data channels.
async fn edit_cost(lab: &Lab, devices: usize) -> Result<Value> {
    let site = lab.site_of_its_own().await?;
    let mut browsers = vec![start(lab, Chromium, "Member 1").await?];
    let first = RoomPage::make_room(browsers.first().context("a browser")?, &site, "Bench").await?;
    let link = first.share_link().await?;
    let mut pages = vec![first];
    for number in 2..=devices {
        let browser = start(lab, Chromium, &format!("Member {number}")).await?;
        pages.push(RoomPage::open(&browser, &link.url).await?);
        browsers.push(browser);
    }
    for page in &pages {
        page.wait_connected(devices - 1).await?;
        let count = "
            const sent = window.sent = { messages: 0, bytes: 0 };
            const { send } = RTCDataChannel.prototype;
            RTCDataChannel.prototype.send = function (data) {
                sent.messages += 1;
                sent.bytes += data.byteLength;
                return send.call(this, data);
            };
            return null;";
        page.tab().execute::<()>(count, vec![]).await?;
    }
    let (first, others) = pages.split_first().context("a page")?;
    for number in 1..=EDITS {
        let title = format!("Forty characters are a usual title, so {number}");
        first.add(&title).await?;
        for page in others {
            page.wait_task(&title).await?;
        }
    }
    let (mut messages, mut bytes) = (0.0, 0.0);
    for page in &pages {
        let sent: [f64; 2] = page.tab().execute("return [window.sent.messages, window.sent.bytes];", vec![]).await?;
        messages += sent[0] / EDITS as f64;
        bytes += sent[1] / EDITS as f64;
    }
    println!("a new task among {devices} devices            {messages:>6.1} messages, {bytes:.0} bytes");
    for browser in browsers {
        browser.kill().await;
    }
    Ok(json!({ "devices": devices, "messages": messages, "bytes": bytes }))
}

async fn start(lab: &Lab, kind: BrowserKind, name: &str) -> Result<Arc<Browser>> {
    Browser::start(kind, name, lab.tools(), BrowserSetup::default()).await
}
