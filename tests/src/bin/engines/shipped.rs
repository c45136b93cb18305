//! The app as it is shipped: built, served, with its service worker, and between two browsers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use partyline_tests::{Browser, BrowserKind, BrowserSetup, Lab, RoomLink, RoomPage, Site, Tab, eventually};
use serde_json::{Value, json};

use crate::awaited::awaited;
use crate::number;

/// Put before the service worker's script where its memory is measured.
const WATCHED: &str = include_str!("../../../engines/watched.js");

/// Counts what a page sends to others, from its beginning on.
const COUNT: &str = "
    window.sent = 0;
    const { send } = RTCDataChannel.prototype;
    RTCDataChannel.prototype.send = function (data) {
        window.sent += data.byteLength;
        return send.call(this, data);
    };";

/// The app, and what is put into its pages.
pub(crate) struct Shipped {
    lab: Lab,
    script: String,
}

/// A value, and what it is called in the table.
type Values = Vec<(&'static str, f64)>;

impl Shipped {
    /// The app as it was built, with the script of a folder.
    pub(crate) fn new(lab: Lab, folder: &Path) -> Result<Self> {
        let script = std::fs::read_to_string(folder.join("shipped.js")).context("shipped.js is bundled by xtask")?;
        Ok(Self { lab, script })
    }

    /// Milliseconds from registering the service worker to its first answer, all of it fetched; and from a request to the
    /// answer where it is installed and has to be started.
    pub(crate) async fn start(&self, browser: &Arc<Browser>) -> Result<(f64, f64)> {
        let site = self.lab.site().await?;
        // A page of this origin without the app, which would register the worker itself.
        let tab = browser.open(&format!("{}/health", site.origin())).await?;
        let first = self.ask(&tab, "start", vec![]).await?;
        stop_workers(&tab).await?;
        let again = self.ask(&tab, "again", vec![]).await?;
        tab.close().await?;
        Ok((number(&first, "ms")?, number(&again, "ms")?))
    }

    /// What can be measured of a list of so many tasks, in the words of the other libraries.
    pub(crate) async fn suite(&self, browser: &Arc<Browser>, count: usize) -> Result<Values> {
        let site = self.lab.site().await?;
        let tab = app(browser, &site).await?;
        let link = self.room(&tab, &site).await?;
        let room = json!(link.room);
        let create = self.ask(&tab, "create", vec![room.clone(), json!(count)]).await?;
        let edit = self.ask(&tab, "edit", vec![room.clone(), json!(count)]).await?;
        let save = self.ask(&tab, "save", vec![room.clone(), json!(count)]).await?;
        stop_workers(&tab).await?;
        let reload = self.ask(&tab, "reload", vec![room, json!(count)]).await?;
        tab.close().await?;
        let (sync_ms, sync_bytes) = self.sync(browser, &site, &link, count).await?;
        Ok(vec![
            ("createMs", number(&create, "ms")?),
            ("syncBytes", sync_bytes),
            ("syncMs", sync_ms),
            ("editMicros", number(&edit, "micros")?),
            ("saveMs", number(&save, "ms")?),
            ("reloadMs", number(&reload, "ms")?),
        ])
    }

    /// A second browser that has the app opens the link: milliseconds from being connected to having all on its disk, and
    /// the bytes of both on their data channels until then.
    async fn sync(&self, host: &Arc<Browser>, site: &Site, link: &RoomLink, count: usize) -> Result<(f64, f64)> {
        let guest = Browser::start(BrowserKind::Chromium, "Bob", self.lab.tools(), BrowserSetup::default()).await?;
        let alice = counting(host, &link.url).await?;
        RoomPage::wait_open(alice.clone()).await?;
        app(&guest, site).await?.close().await?;
        let bob = counting(&guest, &link.url).await?;
        let within = Duration::from_secs(30) + Duration::from_millis(2) * u32::try_from(count)?;
        let synced = eventually("a full sync", within, || async {
            bob.mark("partyline:synced").await?.context("it is not done")
        })
        .await?;
        let connected = bob.wait_mark("partyline:connected").await?;
        let mut bytes = 0.0;
        for tab in [&alice, &bob] {
            bytes += tab.execute::<f64>("return window.sent;", vec![]).await?;
        }
        self.ask(&bob, "reload", vec![json!(link.room), json!(count)]).await?;
        guest.kill().await;
        alice.close().await?;
        Ok((synced - connected, bytes))
    }

    /// What a room of 100,000 tasks takes. The page is opened while the service worker does not run; the guest has the app.
    pub(crate) async fn large(&self, browser: &Arc<Browser>) -> Result<Values> {
        const COUNT: usize = 100_000;
        let site = self.lab.site().await?;
        let script = partyline_tests::http_get(site.upstream(), "/sw.js").await?.body;
        site.proxy().replace("/sw.js", "text/javascript", [WATCHED.as_bytes(), &script].concat());
        let tab = app(browser, &site).await?;
        let link = self.room(&tab, &site).await?;
        self.ask(&tab, "fill", vec![json!(link.room), json!(COUNT)]).await?;
        let edit = self.ask(&tab, "edit", vec![json!(link.room), json!(COUNT)]).await?;
        stop_workers(&tab).await?;
        tab.close().await?;
        let (page, worker) = self.memory_in(browser, &link).await?;
        let tab = browser.open("about:blank").await?;
        tab.goto(&link.url).await?;
        let opened = tab.wait_mark("partyline:list").await?;
        let shown = self.ask(&tab, "shown", vec![json!(link.room)]).await?;
        stop_workers(&tab).await?;
        tab.close().await?;
        let (sync_ms, sync_bytes) = self.sync(browser, &site, &link, COUNT).await?;
        Ok(vec![
            ("opening it until the list is there, ms", opened),
            ("one edit, ms", number(&edit, "micros")? / 1_000.0),
            ("one edit until the list shows it, ms", number(&shown, "ms")?),
            ("full sync, ms", sync_ms),
            ("full sync, bytes", sync_bytes),
            ("memory of the page, bytes", page),
            ("memory of the worker's wasm, bytes", worker),
        ])
    }

    /// How many bytes so many tasks add to a page that shows them, its wasm with it, and to the wasm of the worker.
    pub(crate) async fn memory(&self, browser: &Arc<Browser>, count: usize) -> Result<(f64, f64)> {
        let site = self.lab.site().await?;
        let script = partyline_tests::http_get(site.upstream(), "/sw.js").await?.body;
        site.proxy().replace("/sw.js", "text/javascript", [WATCHED.as_bytes(), &script].concat());
        let tab = app(browser, &site).await?;
        let empty = self.room(&tab, &site).await?;
        let before = self.memory_in(browser, &empty).await?;
        let link = self.room(&tab, &site).await?;
        self.ask(&tab, "fill", vec![json!(link.room), json!(count)]).await?;
        // What counts is the list, not how it was filled.
        stop_workers(&tab).await?;
        tab.close().await?;
        let after = self.memory_in(browser, &link).await?;
        Ok((after.0 - before.0, after.1 - before.1))
    }

    async fn memory_in(&self, browser: &Arc<Browser>, link: &RoomLink) -> Result<(f64, f64)> {
        let tab = browser.open(&link.url).await?;
        tab.wait_mark("partyline:list").await?;
        let worker = self.ask(&tab, "memory", vec![]).await?;
        tab.cdp("HeapProfiler.collectGarbage", json!({})).await?;
        let heap = tab.cdp("Runtime.getHeapUsage", json!({})).await?;
        // The browser does not count what belongs to wasm.
        let kind = tab.cdp("Runtime.evaluate", json!({ "expression": "WebAssembly.Memory.prototype" })).await?;
        let kind = kind.pointer("/result/objectId").context("an object")?;
        let all = tab.cdp("Runtime.queryObjects", json!({ "prototypeObjectId": kind })).await?;
        let sum = json!({
            "objectId": all.pointer("/objects/objectId").context("a list")?,
            "functionDeclaration": "function () { return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0); }",
            "returnByValue": true,
        });
        let wasm = tab.cdp("Runtime.callFunctionOn", sum).await?;
        let mut page = wasm.pointer("/result/value").and_then(Value::as_f64).context("a sum")?;
        for part in ["usedSize", "embedderHeapUsedSize", "backingStorageSize"] {
            page += number(&heap, part)?;
        }
        tab.close().await?;
        Ok((page, number(&worker, "bytes")?))
    }

    async fn room(&self, tab: &Tab, site: &Site) -> Result<RoomLink> {
        let room = self.ask(tab, "room", vec![]).await?;
        let text = |key| room.get(key).and_then(Value::as_str).context("a room has an id and a secret");
        RoomLink::parse(&format!("{}/#{}.{}", site.origin(), text("id")?, text("secret")?))
    }

    async fn ask(&self, tab: &Tab, what: &str, rest: Vec<Value>) -> Result<Value> {
        if !tab.execute::<bool>("return 'shipped' in window;", vec![]).await? {
            tab.execute::<()>(&format!("{}; return null;", self.script), vec![]).await?;
        }
        let arguments = [vec![json!(what)], rest].concat();
        awaited(tab, "shipped", arguments).await.with_context(|| format!("as shipped, {what}"))
    }
}

/// The app without a room, with its service worker installed.
async fn app(browser: &Arc<Browser>, site: &Site) -> Result<Tab> {
    let tab = browser.open(&site.origin()).await?;
    tab.wait_for("button", "New room").await?;
    let controlled = "return navigator.serviceWorker.controller !== null;";
    ensure!(tab.execute::<bool>(controlled, vec![]).await?, "the app has started without a service worker");
    Ok(tab)
}

/// Opens an address in a page that counts what it sends.
async fn counting(browser: &Arc<Browser>, url: &str) -> Result<Tab> {
    let tab = browser.new_tab().await?;
    tab.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": COUNT })).await?;
    tab.goto(url).await?;
    Ok(tab)
}

/// Ends all service workers, as the browser does with those that are idle.
async fn stop_workers(tab: &Tab) -> Result<()> {
    tab.cdp("ServiceWorker.enable", json!({})).await?;
    tab.cdp("ServiceWorker.stopAllWorkers", json!({})).await.map(drop)
}
