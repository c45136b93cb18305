//! Two versions in one room, and what an older one left behind.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use partyline_tests::{BrowserKind, Play, RoomPage, eventually};
use serde_json::{Value, json};

use crate::Pair;
use crate::visit::{look_for_update, update_comes};

/// Alice and Carol have the next version, which has one more field, one more status and one more kind of object; Bob has
/// this one. The two never meet: what Alice writes, Carol has from Bob, who cannot show it, and who edits the same task.
pub(crate) async fn passed_through(play: Play, (next, this): Pair) -> Result<()> {
    let (here, alices, carols) =
        (play.site().await?, play.site_of_next_version().await?, play.site_of_next_version().await?);
    let alice = RoomPage::make_room(&play.browser(next, "Alice").await?, &alices, "Shipyard").await?;
    alice.add("Paint the hull").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(this, "Bob").await?, &link.at(&here)?.url).await?;
    bob.wait_task("Paint the hull").await?;
    // What was known before, too: this is no room without a status.
    bob.choose("Paint the hull", "Status", "Doing").await?;
    alice.wait_details("Paint the hull", |details| details.status == "Doing").await?;
    alice.choose("Paint the hull", "Status", "In review").await?;
    alice.edit("Paint the hull", &[("Estimate", "12"), ("Sign off", "Two coats")]).await?;

    // Of a status that it does not know, this version says what is true: the task is not done.
    bob.wait_details("Paint the hull", |details| details.status == "Open").await?;
    ensure!(!bob.tab().source().await?.contains("Two coats"), "this version shows what it does not know");
    bob.edit("Paint the hull", &[("Notes", "Red lead"), ("Assignee", "Bob")]).await?;
    bob.prioritise("Paint the hull", "High").await?;
    alice
        .wait_details("Paint the hull", |details| {
            (&*details.notes, &*details.priority, &*details.status) == ("Red lead", "High", "In review")
        })
        .await?;
    // The last that Alice writes, and the first that Bob has only on disk.
    alice.edit("Paint the hull", &[("Sign off", "And the keel")]).await?;
    wait_seen(&bob, &alice).await?;
    alice.tab().clone().close().await?;

    bob.reload().await?;
    bob.wait_details("Paint the hull", |details| details.notes == "Red lead" && details.status == "Open").await?;
    let carol = RoomPage::open(&play.browser(next, "Carol").await?, &link.at(&carols)?.url).await?;
    carol.wait_task("Paint the hull").await?;
    carol
        .wait_details("Paint the hull", |details| {
            (&*details.status, &*details.notes, &*details.assignee, &*details.priority)
                == ("In review", "Red lead", "Bob", "High")
        })
        .await?;
    carol.open_details("Paint the hull").await?;
    ensure!(carol.tab().value("textbox", "Estimate").await? == "12", "the new field is lost");
    let texts = "
        const [list] = lookup('list', 'Signed off');
        return [...list.children].map(remark => remark.textContent);";
    let remarks = || carol.tab().execute::<Vec<String>>(texts, vec![]);
    carol.wait("both remarks", remarks, |texts| *texts == ["Two coats", "And the keel"]).await?;
    carol.close_details().await?;

    // What this version does write over goes the other way just as well.
    bob.toggle("Paint the hull").await?;
    carol.wait_done("Paint the hull", true).await?;
    carol.choose("Paint the hull", "Status", "In review").await?;
    bob.wait_done("Paint the hull", false).await
}

/// Waits until `page` has all that `other` has.
async fn wait_seen(page: &RoomPage, other: &RoomPage) -> Result<()> {
    let vector = "
        const done = arguments[arguments.length - 1];
        fetch('/peer/v1/rooms').then(answer => answer.json())
            .then(({ rooms }) => fetch(`/peer/v1/rooms/${rooms[0].id}/vector`)).then(answer => answer.text())
            .then(done, error => done(String(error)));";
    let all: String = other.tab().execute_async(vector, vec![]).await?;
    page.wait("all that the other one has", || page.tab().execute_async::<String>(vector, vec![]), |has| *has == all)
        .await
        .map(drop)
}

/// Alice's version has another format: all that she says begins with a higher number. Bob is told so; and what he has goes
/// on, with Carol as well, who has his version.
pub(crate) async fn refused(play: Play, (newer, this): Pair) -> Result<()> {
    let site = play.site().await?;
    let bob = RoomPage::make_room(&play.browser(this, "Bob").await?, &site, "Quay").await?;
    bob.add("Crane").await?;
    let link = bob.share_link().await?;
    let tab = play.browser(newer, "Alice").await?.open(&site.origin()).await?;
    tab.wait_for("button", "Join a room").await?;
    let one_higher = "
        const send = RTCDataChannel.prototype.send;
        RTCDataChannel.prototype.send = function (message) {
            const bytes = new Uint8Array(message.buffer ?? message, message.byteOffset ?? 0, message.byteLength).slice();
            bytes[0] += 1;
            return send.call(this, bytes);
        };
        return null;";
    tab.execute::<()>(one_higher, vec![]).await?;
    tab.click("button", "Join a room").await?;
    tab.fill("Room link", &link.url).await?;
    tab.click("button", "Join").await?;
    let alice = RoomPage::in_tab(tab);
    let alerts = "return [...document.querySelectorAll('[role=alert]')].map(alert => alert.textContent);";
    let said = || bob.tab().execute::<Vec<String>>(alerts, vec![]);
    let is_told =
        |alerts: &Vec<String>| alerts.iter().any(|alert| alert.contains("runs a newer Partyline; update this one"));
    bob.wait("that it is to be updated", said, is_told).await?;
    ensure!(alice.titles().await?.is_empty(), "the refused device got tasks");
    bob.toggle("Crane").await?;
    let carol = RoomPage::open(&play.browser(this, "Carol").await?, &link.url).await?;
    carol.wait_done("Crane", true).await?;
    ensure!(alice.titles().await?.is_empty(), "the refused device got tasks");

    // The newer one goes: its listing may stand for two minutes.
    alice.tab().clone().close().await?;
    let is_over = |alerts: &Vec<String>| alerts.iter().all(|alert| !alert.contains("runs a newer Partyline"));
    eventually("that nobody is newer any more", Duration::from_secs(160), || async {
        let alerts = said().await?;
        ensure!(is_over(&alerts), "{alerts:?}");
        Ok(())
    })
    .await
}

/// Alice lets the next version in with one tab; the other one stays as it is, and the service worker is the next version's.
/// Both are connected, say so, and have the same; the one that stays is offered to follow, and does.
pub(crate) async fn side_by_side(play: Play, kind: BrowserKind) -> Result<()> {
    let (site, bobs) = (play.site().await?, play.site().await?);
    let alices = play.browser(kind, "Alice").await?;
    let staying = RoomPage::make_room(&alices, &site, "Shipyard").await?;
    staying.add("Hull").await?;
    let link = staying.share_link().await?;
    let updated = RoomPage::open(&alices, &link.url).await?;
    let bob = RoomPage::open(&play.browser(BrowserKind::Chromium, "Bob").await?, &link.at(&bobs)?.url).await?;
    let all = [&staying, &updated, &bob];
    for page in all {
        page.wait_connected(1).await?;
        page.tab().execute::<()>("window.sameDocument = true; return null;", vec![]).await?;
    }
    play.release_next_version(&site)?;
    look_for_update(updated.tab()).await?;
    update_comes(&updated).await?;

    for (page, title) in all.into_iter().zip(["Mast", "Keel", "Sail"]) {
        page.wait_connected(1).await?;
        page.add(title).await?;
        for other in all {
            other.wait_task(title).await?;
        }
    }
    // Of a status that it does not know, the old page says what is true, and takes nothing away.
    updated.choose("Hull", "Status", "In review").await?;
    updated.edit("Hull", &[("Sign off", "Two coats")]).await?;
    staying.edit("Hull", &[("Notes", "Red lead")]).await?;
    staying.wait_details("Hull", |details| details.status == "Open").await?;
    updated.wait_details("Hull", |details| details.status == "In review" && details.notes == "Red lead").await?;
    bob.wait_details("Hull", |details| details.notes == "Red lead").await?;

    update_comes(&staying).await?;
    staying.wait_details("Hull", |details| details.status == "In review" && details.notes == "Red lead").await?;
    for page in all {
        page.wait_connected(1).await?;
    }
    bob.toggle("Keel").await?;
    updated.wait_done("Keel", true).await?;
    staying.wait_done("Keel", true).await
}

/// What format 1 kept on disk, which no released version wrote.
const FORMAT_1: &str = include_str!("../../../app/scan/tests/format-1.txt");

/// A device kept a room with a test version. This one does not read it, says so, and saves its tasks as a file, also with no
/// network; the other room goes on.
pub(crate) async fn saved(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let browser = play.browser(kind, "Alice").await?;
    let page = RoomPage::make_room(&browser, &site, "Attic").await?;
    page.add("Lamp").await?;
    let attic = page.share_link().await?;
    let cellar = "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f";
    let plant = "
        const [room, parts, done] = arguments;
        const bytes = hex => Uint8Array.from(hex.match(/../g), digits => parseInt(digits, 16));
        const opening = indexedDB.open('partyline');
        opening.onerror = () => done(String(opening.error));
        opening.onsuccess = () => {
            const database = opening.result;
            const transaction = database.transaction(['rooms', 'heads', 'log', 'pages'], 'readwrite');
            const put = (store, value, key) => transaction.objectStore(store).put(value, key);
            put('rooms', { secret: 'A'.repeat(43), device: '616c6963652e2e2e', joinedAt: 1, name: 'Cellar' }, room);
            put('heads', { log: 1, records: 1, logBytes: 100, generation: 1, pageBytes: 600 }, room);
            for (const [name, hex] of parts) {
                if (name === 'record') put('log', bytes(hex), [room, 1]);
                else put('pages', bytes(hex), [room, name === 'manifest' ? -1 : Number(name.slice(5))]);
            }
            transaction.oncomplete = () => { database.close(); done(''); };
            transaction.onerror = transaction.onabort = () => done(String(transaction.error));
        };";
    let parts: Vec<(&str, &str)> =
        FORMAT_1.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect();
    ensure!(parts.len() == 6, "{} parts", parts.len());
    let failure: String = page.tab().execute_async(plant, vec![json!(cellar), json!(parts)]).await?;
    ensure!(failure.is_empty(), "the room cannot be planted: {failure}");

    // Opened for the second time, the app keeps what few visits need.
    page.reload().await?;
    let kept = "
        const done = arguments[arguments.length - 1];
        caches.keys().then(names => Promise.all(names.map(name => caches.open(name).then(cache => cache.keys()))))
            .then(files => done(files.flat().filter(({ url }) => /\\/(older|scan-)/.test(url)).length === 3));";
    page.wait("what few visits need, kept", || page.tab().execute_async::<bool>(kept, vec![]), |kept| *kept).await?;
    site.kill_phone_book().await?;
    page.tab().click("link", "Cellar").await?;
    let sentence = "return document.querySelector('.room-body .problem')?.textContent ?? '';";
    let said = || page.tab().execute::<String>(sentence, vec![]);
    page.wait("why", said, |said| said.contains("kept by a test version of Partyline")).await?;
    page.wait("that it is not connecting", || page.status(), |status| status == "Not connected").await?;
    page.tab().click("button", "Save the tasks").await?;
    let file: Value = serde_json::from_str(&browser.saved("partyline-tasks.json").await?)?;
    let tasks = file.get("tasks").and_then(Value::as_array).context("no list of tasks")?;
    let fields = |field: &str| -> Vec<&Value> { tasks.iter().filter_map(|task| task.get(field)).collect() };
    ensure!(fields("title") == ["Shopping", "Buy milk"], "{file}");
    ensure!(fields("status") == ["open", "doing"], "{file}");
    ensure!(fields("labels") == [&json!([]), &json!(["shop"])], "{file}");
    ensure!(fields("createdAt") == ["2026-09-21T14:13:20.000Z"; 2], "{file}");
    ensure!(file.get("partsThatCouldNotBeRead") == Some(&json!(0)), "{file}");

    // Nothing of it was touched, and it can be left as any other. The one beside it works.
    page.tab().click("link", "Attic").await?;
    page.wait_task("Lamp").await?;
    page.add("Chest").await?;
    page.wait_stored(&attic, "Chest").await?;
    page.tab().click("link", "Cellar").await?;
    page.wait("why", said, |said| said.contains("kept by a test version of Partyline")).await?;
    page.tab().click("button", "Room settings").await?;
    page.tab().click("button", "Leave room").await?;
    page.tab().click("button", "Leave").await?;
    page.tab().wait_gone("link", "Cellar").await?;
    page.wait_task("Chest").await
}
