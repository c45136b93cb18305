//! What is wrong is said while it is, in every tab, and no longer. `docs/STATES.md` has all that there is to say.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use partyline_tests::BrowserKind::{self, Chromium};
use partyline_tests::{BrowserSetup, Play, RoomLink, RoomPage, Site, Tab, eventually};
use serde_json::json;

use crate::clocks::{alerts, says, silent};

/// What the phone book wants to be left alone for, and a second dial of those who are silent, take a while.
const LATE: Duration = Duration::from_secs(150);

/// Has a page make connections by `window.makes`: none that has an address (`"none"`), only such as nobody reaches
/// (`"astray"`), or as usual (anything else).
const CONNECTIONS: &str = r"
    const page = RTCPeerConnection.prototype;
    const line = /(candidate:\S+ \d \S+ \d+ \S+) \d+/g;
    const astray = text => window.makes === 'astray' ? text.replace(line, '$1 9') : text;
    const local = Object.getOwnPropertyDescriptor(page, 'localDescription').get;
    Object.defineProperty(page, 'localDescription', {
        get() {
            const made = local.call(this);
            if (!made) return made;
            const sdp = window.makes === 'none' ? made.sdp.replace(/^a=candidate:.*\r\n/gm, '') : astray(made.sdp);
            return { type: made.type, sdp };
        },
    });
    const { setRemoteDescription, addIceCandidate } = page;
    page.setRemoteDescription = function ({ type, sdp }) {
        return setRemoteDescription.call(this, { type, sdp: astray(sdp) });
    };
    page.addIceCandidate = function (init) {
        return addIceCandidate.call(this, { candidate: astray(init.candidate), sdpMid: '0', sdpMLineIndex: 0 });
    };
    window.makes = arguments[0];
    return null;";

/// A browser that has no WebRTC.
const WITHOUT: &str = "delete window.RTCPeerConnection; delete window.RTCCertificate; return null;";

/// Nobody else is there, until somebody is.
pub(crate) async fn alone(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Quay").await?;
    alice.wait_status("No other device connected").await?;
    let link = alice.share_link().await?;
    devices_say(&alice, "Open this room on another device").await?;
    silent(&alice).await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    alice.wait_connected(1).await?;
    bob.wait_connected(1).await?;
    silent(&alice).await
}

/// A browser without WebRTC says so in both its tabs and where codes are shown, and keeps what is written. When the tab that
/// has none is closed, the other one connects.
pub(crate) async fn without(play: Play, kind: BrowserKind) -> Result<()> {
    let (site, bob, link) = bobs_room(&play).await?;
    let browser = play.browser(kind, "Alice").await?;
    let alice = join(&browser.open(&site.origin()).await?, &link, WITHOUT, "").await?;
    alice.wait_status("Cannot connect directly").await?;
    says(&alice, "This browser does not let pages connect directly. Allow WebRTC").await?;
    alice.add("Kept").await?;
    devices_say(&alice, "Allow WebRTC").await?;
    alice.tab().click("button", "Share").await?;
    alice.tab().click("button", "Connect by code").await?;
    let shown = || alice.tab().execute::<String>("return document.querySelector('dialog[open]').textContent;", vec![]);
    let is_said = |text: &String| text.contains("Allow WebRTC") && !text.contains("One moment");
    alice.wait("why there is no code", shown, is_said).await?;
    alice.close_dialog("Connect by code").await?;

    let second = join(&browser.open(&site.origin()).await?, &link, WITHOUT, "").await?;
    second.wait_status("Cannot connect directly").await?;
    says(&second, "Allow WebRTC").await?;

    // A tab in view takes over from one that is hidden and connected to nobody. This one can.
    let third = RoomPage::open(&browser, &link.url).await?;
    third.wait_connected(1).await?;
    silent(&third).await?;
    bob.wait_task("Kept").await
}

/// A browser whose connections have no address says so, until they have.
pub(crate) async fn no_address(play: Play, kind: BrowserKind) -> Result<()> {
    let (site, bob, link) = bobs_room(&play).await?;
    let alice =
        join(&play.browser(kind, "Alice").await?.open(&site.origin()).await?, &link, CONNECTIONS, "none").await?;
    alice.wait_status_within("Cannot connect directly", Duration::from_secs(20)).await?;
    says(&alice, "This browser or network does not let pages connect directly.").await?;
    devices_say(&alice, "Switch off the VPN").await?;
    alice.add("Kept").await?;
    alice.tab().execute::<()>("window.makes = ''; return null;", vec![]).await?;
    alice.wait_status_within("Connected to 1 device", LATE).await?;
    silent(&alice).await?;
    bob.wait_task("Kept").await
}

/// The same by a browser's own setting, as extensions and companies make it.
pub(crate) async fn setting(play: Play, kind: BrowserKind) -> Result<()> {
    let (_site, _bob, link) = bobs_room(&play).await?;
    let setup = BrowserSetup { hides_addresses: true, ..BrowserSetup::default() };
    let alice = RoomPage::open(&play.own_browser(kind, "Alice", setup).await?, &link.url).await?;
    alice.wait_status_within("Cannot connect directly", Duration::from_secs(30)).await?;
    says(&alice, "This browser or network does not let pages connect directly.").await
}

/// The phone book has no place left for this network: whoever comes is told that nobody can find them, until it has.
pub(crate) async fn not_listed(play: Play, kind: BrowserKind) -> Result<()> {
    let (_site, bob, link) = bobs_room(&play).await?;
    let last = list(bob.tab(), &link, true).await?;
    ensure!(last == 429, "the phone book takes more than it has places for: {last}");
    let alice = RoomPage::open(&play.browser(kind, "Alice").await?, &link.url).await?;
    alice.wait_status("Cannot be found").await?;
    says(&alice, "This device cannot be found: the phone book does not take it.").await?;
    devices_say(&alice, "connect by code").await?;
    list(bob.tab(), &link, false).await?;
    alice.wait_status_within("Connected to 1 device", LATE).await?;
    silent(&alice).await
}

/// Two whose connections go astray, as where a proxy takes HTTP only, are told that somebody is there; until one is reached.
pub(crate) async fn out_of_reach(play: Play, kind: BrowserKind) -> Result<()> {
    let (site, bob, link) = bobs_room(&play).await?;
    let tab = play.browser(kind, "Alice").await?.open(&site.origin()).await?;
    let alice = join(&tab, &link, CONNECTIONS, "astray").await?;
    for page in [&alice, &bob] {
        eventually("that somebody is out of reach", LATE, || async {
            let text = alerts(page).await?;
            ensure!(text.contains("no connection to it comes about"), "{text:?}");
            Ok(())
        })
        .await?;
        let status = page.status().await?;
        ensure!(status.starts_with("No other device connected"), "{status:?}");
    }
    alice.tab().execute::<()>("window.makes = ''; return null;", vec![]).await?;
    for page in [&alice, &bob] {
        page.wait_status_within("Connected to 1 device", LATE).await?;
        silent(page).await?;
    }
    Ok(())
}

/// A device whose disk is full says that it does not keep what others write, and has it soon after there is space again.
pub(crate) async fn no_space(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let script = site.service_worker().await?;
    let full = "{
        let full = false;
        new BroadcastChannel('test-full').onmessage = ({ data }) => { full = data; };
        const begin = IDBDatabase.prototype.transaction;
        IDBDatabase.prototype.transaction = function (stores, mode, options) {
            if (full && mode === 'readwrite') throw new DOMException('It is full.', 'QuotaExceededError');
            return begin.call(this, stores, mode, options);
        };
    }\n";
    site.replace_service_worker([full, &script].concat());
    let alice = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Attic").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    bob.add("Lamp").await?;
    alice.wait_task("Lamp").await?;
    let fill = |is_full: bool| {
        let script = "new BroadcastChannel('test-full').postMessage(arguments[0]); return null;";
        alice.tab().execute::<()>(script, vec![json!(is_full)])
    };
    fill(true).await?;
    bob.add("Chest").await?;
    says(&alice, "Changes of others cannot be kept: this browser has no space left").await?;
    devices_say(&alice, "no space left").await?;
    let second = RoomPage::open(alice.tab().browser(), &link.url).await?;
    says(&second, "no space left").await?;
    silent(&bob).await?;
    fill(false).await?;
    over(&[&alice, &second], "Chest").await
}

/// A device whose storage fails says that it does not keep what others write, and has it once it does not.
pub(crate) async fn not_kept(play: Play, kind: BrowserKind) -> Result<()> {
    let words = "Changes of others cannot be kept: the storage of this browser fails.";
    not_taken(play, kind, 500, words).await
}

/// A device that cannot read what another one has says whose that is, and has it once it can.
pub(crate) async fn not_understood(play: Play, kind: BrowserKind) -> Result<()> {
    not_taken(play, kind, 422, "cannot be read here. One of the two may run an older Partyline").await
}

/// Alice's service worker answers what others have changed with this status, and then as usual.
async fn not_taken(play: Play, kind: BrowserKind, status: u16, words: &str) -> Result<()> {
    let site = refusing_site(&play).await?;
    let alice = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Attic").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    bob.add("Lamp").await?;
    alice.wait_task("Lamp").await?;
    refuse(&alice, "/changes", status).await?;
    bob.add("Chest").await?;
    says(&alice, words).await?;
    devices_say(&alice, words).await?;
    let second = RoomPage::open(alice.tab().browser(), &link.url).await?;
    says(&second, words).await?;
    silent(&bob).await?;
    refuse(&alice, "/changes", 0).await?;
    over(&[&alice, &second], "Chest").await
}

/// A device whose peer does not hand over what it has says whose that is, and has it once the peer does.
pub(crate) async fn not_handed_over(play: Play, kind: BrowserKind) -> Result<()> {
    let site = refusing_site(&play).await?;
    let bob = RoomPage::make_room(&play.browser(Chromium, "Bob").await?, &site, "Attic").await?;
    bob.add("Chest").await?;
    refuse(&bob, "/sync", 500).await?;
    let link = bob.share_link().await?;
    let alice = RoomPage::open(&play.browser(kind, "Alice").await?, &link.url).await?;
    let words = "is connected and does not hand over its changes.";
    says(&alice, words).await?;
    devices_say(&alice, words).await?;
    let second = RoomPage::open(alice.tab().browser(), &link.url).await?;
    says(&second, words).await?;
    silent(&bob).await?;
    refuse(&bob, "/sync", 0).await?;
    over(&[&alice, &second], "Chest").await
}

/// Waits until pages show the task that was held up, and then say of nothing that it is wrong. A sync that failed is tried
/// again every minute.
async fn over(pages: &[&RoomPage], title: &str) -> Result<()> {
    for page in pages {
        eventually("what was held up", LATE, || async {
            let titles = page.titles().await?;
            ensure!(titles.iter().any(|there| there == title), "{titles:?}");
            Ok(())
        })
        .await?;
        silent(page).await?;
    }
    Ok(())
}

/// A site whose service workers refuse what [`refuse`] says.
async fn refusing_site(play: &Play) -> Result<std::sync::Arc<Site>> {
    let site = play.site().await?;
    let script = site.service_worker().await?;
    let refuses = "{
        let [end, status] = ['', 0];
        const channel = new BroadcastChannel('test-refuse');
        channel.onmessage = ({ data }) => {
            [end, status] = data;
            channel.postMessage('heard');
        };
        self.addEventListener('fetch', event => {
            if (!status || event.request.method !== 'POST' || !new URL(event.request.url).pathname.endsWith(end)) return;
            event.stopImmediatePropagation();
            const headers = { 'content-type': 'application/problem+json' };
            event.respondWith(new Response(JSON.stringify({ title: 'Refused', status }), { status, headers }));
        });
    }\n";
    site.replace_service_worker([refuses, &script].concat());
    Ok(site)
}

/// From now on the page's service worker answers each `POST` to a path that ends so with this status; 0 is as usual.
async fn refuse(page: &RoomPage, end: &str, status: u16) -> Result<()> {
    let script = "
        const [end, status, done] = arguments;
        const channel = new BroadcastChannel('test-refuse');
        channel.onmessage = () => { channel.close(); done(true); };
        channel.postMessage([end, status]);";
    let heard: bool = page.tab().execute_async(script, vec![json!(end), json!(status)]).await?;
    ensure!(heard, "the service worker does not listen");
    Ok(())
}

/// A record on disk is damaged: that is said until another device has brought back what it has, and not after a reload.
pub(crate) async fn damaged(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let browser = play.own_browser(kind, "Alice", BrowserSetup::default()).await?;
    let alice = RoomPage::make_room(&browser, &site, "Attic").await?;
    let link = alice.share_link().await?;
    let bobs = play.browser(Chromium, "Bob").await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.add("Lamp").await?;
    alice.wait_task("Lamp").await?;
    alice.add("Chest").await?;
    bob.wait_task("Chest").await?;
    bob.tab().goto("about:blank").await?;
    let damage = "
        const [room, done] = arguments;
        const opening = indexedDB.open('partyline');
        opening.onerror = () => done(String(opening.error));
        opening.onsuccess = () => {
            const database = opening.result;
            const transaction = database.transaction('log', 'readwrite');
            const log = transaction.objectStore('log');
            const keys = log.getAllKeys(IDBKeyRange.bound([room, 0], [room, []]));
            keys.onsuccess = () => log.put(new Uint8Array([1, 2, 3]), keys.result.at(-1));
            transaction.oncomplete = () => { database.close(); done(''); };
            transaction.onabort = () => done(String(transaction.error));
        };";
    let failure: String = alice.tab().execute_async(damage, vec![json!(link.room)]).await?;
    ensure!(failure.is_empty(), "{failure}");
    browser.kill().await;
    browser.start_again().await?;
    let alice = RoomPage::open(&browser, &link.url).await?;
    says(&alice, "A part of what was stored here is damaged.").await?;
    devices_say(&alice, "is damaged").await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    for title in ["Lamp", "Chest"] {
        alice.wait_task(title).await?;
    }
    silent(&alice).await?;
    bob.tab().goto("about:blank").await?;
    alice.reload().await?;
    alice.wait_task("Chest").await?;
    alice.wait_status("No other device connected").await?;
    silent(&alice).await
}

/// Bob, in Chromium and in a room of his own.
async fn bobs_room(play: &Play) -> Result<(std::sync::Arc<Site>, RoomPage, RoomLink)> {
    let site = play.site().await?;
    let bob = RoomPage::make_room(&play.browser(Chromium, "Bob").await?, &site, "Quay").await?;
    let link = bob.share_link().await?;
    Ok((site, bob, link))
}

/// Joins a room in a page that shows none yet, once it has run `script`.
async fn join(tab: &Tab, link: &RoomLink, script: &str, argument: &str) -> Result<RoomPage> {
    tab.wait_for("button", "Join a room").await?;
    tab.execute::<()>(script, vec![json!(argument)]).await?;
    tab.click("button", "Join a room").await?;
    tab.fill("Room link", &link.url).await?;
    tab.click("button", "Join").await?;
    RoomPage::wait_open(tab.clone()).await
}

/// Opens the dialog `Devices`, waits until it says this, and closes it.
pub(crate) async fn devices_say(page: &RoomPage, words: &str) -> Result<()> {
    page.tab().click("button", "Devices").await?;
    let text = "return document.querySelector('dialog[open]')?.textContent ?? '';";
    let shown = || page.tab().execute::<String>(text, vec![]);
    page.wait(words, shown, |text| text.contains(words)).await?;
    page.close_dialog("Devices").await
}

/// Lists as many strangers in a room as the phone book takes from one network, or withdraws them. The status of the last
/// answer.
async fn list(tab: &Tab, link: &RoomLink, is_listed: bool) -> Result<u16> {
    let script = "
        const [roomId, isListed, done] = arguments;
        (async () => {
            let last = 0;
            for (let n = 0; n < 17 && last !== 429; n++) {
                const certHash = String.fromCharCode(65 + n) + 'A'.repeat(42);
                const body = JSON.stringify({ roomId, endpoints: isListed ? ['10.0.0.1:5000'] : [], certHash });
                const headers = { 'content-type': 'application/json' };
                last = (await fetch('/discovery/register', { method: 'POST', headers, body })).status;
            }
            done(last);
        })().catch(() => done(0));";
    tab.execute_async(script, vec![json!(link.room), json!(is_listed)]).await.context("the phone book does not answer")
}
