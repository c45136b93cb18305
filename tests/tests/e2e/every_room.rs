//! All rooms of a device are alive, not the one on show alone.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{Play, RoomPage, Tab, eventually};
use serde_json::json;

use crate::Pair;

/// How many rooms a busy person is in.
const ROOMS: usize = 20;
/// Until two browsers have met in all of them: one begins every half second, and each looks for the other.
const ALL_MET: Duration = Duration::from_secs(90);
/// Connections of a page at most: 13 for each room in the background, and a few for the one on show.
const MOST_CONNECTIONS: usize = 280;

pub(crate) async fn edits_arrive_in_a_room_that_is_not_on_show(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let browser = play.browser(first, "Alice").await?;
    let alice = RoomPage::make_room(&browser, &site, "Van").await?;
    let van = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &van.url).await?;
    alice.wait_connected(1).await?;
    bob.wait_connected(1).await?;

    // Alice turns to another room, in the same tab. The first one stays connected, phone book or not.
    let tab = alice.tab();
    tab.click("button", "New room").await?;
    tab.fill("Room name", "Home").await?;
    tab.click("button", "Create").await?;
    tab.wait_for("heading", "Home").await?;
    site.kill_phone_book().await?;
    bob.add("Tyres").await?;
    bob.add("Oil").await?;
    tab.wait_for("link", "Van").await?;
    alice.wait("what is new in the other room", || news(tab), |news| news == &["2 new"]).await?;
    bob.wait_connected(1).await?;

    // Bob is gone, and what he wrote is there all the same.
    bob.tab().goto("about:blank").await?;
    tab.click("link", "Van").await?;
    alice.wait_task("Tyres").await?;
    alice.wait_task("Oil").await?;
    alice.wait("that it has been looked at", || news(tab), Vec::is_empty).await?;
    alice.reload().await?;
    ensure!(news(tab).await?.is_empty(), "what was looked at is new again");
    Ok(())
}

/// What the list of rooms says is new.
async fn news(tab: &Tab) -> Result<Vec<String>> {
    let script = "return [...document.querySelectorAll('.room-news')].map(one => one.textContent).filter(Boolean);";
    tab.execute(script, vec![]).await
}

pub(crate) async fn twenty_rooms(play: Play) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Room 0").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    let rooms: Vec<(String, String)> =
        (1..ROOMS).map(|n| (format!("0b9f6f39-1f5c-4c8e-9a52-{n:012}"), format!("{n:042}A"))).collect();
    for page in [&alice, &bob] {
        page.tab().cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": COUNT })).await?;
        page.reload().await?;
        keep(page.tab(), &rooms).await?;
    }
    alice.wait_connected(1).await?;

    // One writes in each of the rooms that neither shows, and the other has it.
    for (room, _) in &rooms {
        write(alice.tab(), room, &format!("Written in {room}")).await?;
    }
    for (room, _) in &rooms {
        let title = format!("Written in {room}");
        eventually("an edit in a room that nobody shows", ALL_MET, || async {
            let titles = titles(bob.tab(), room).await?;
            ensure!(titles.contains(&title), "{titles:?}");
            Ok(())
        })
        .await?;
    }
    // By now all are met: another edit is there at once, phone book or not.
    site.kill_phone_book().await?;
    for (room, _) in &rooms {
        write(bob.tab(), room, "And back").await?;
        let back = || titles(alice.tab(), room);
        alice.wait("an edit on its way back", back, |titles| titles.contains(&"And back".to_owned())).await?;
    }
    let badges = news(alice.tab()).await?;
    ensure!(badges.len() == ROOMS - 1 && badges.iter().all(|badge| badge.ends_with(" new")), "{badges:?}");
    for page in [&alice, &bob] {
        let (made, open) = page.tab().execute::<(usize, usize)>("return [made, open()];", vec![]).await?;
        eprintln!("{ROOMS} rooms: {made} connections made, {open} open");
        ensure!(open <= MOST_CONNECTIONS && made < 450, "{made} connections made, {open} open");
    }
    // Whoever shows one of them has it at once.
    let (eighth, _) = rooms.get(7).context("no such room")?;
    alice.tab().goto(&format!("{}/#{eighth}", site.origin())).await?;
    alice.wait_task("And back").await?;
    alice.wait_connected(1).await
}

/// Counts the connections that a page makes, and those that are not closed.
const COUNT: &str = "
    var made = 0;
    const all = new Set();
    const Native = RTCPeerConnection;
    RTCPeerConnection = class extends Native {
        constructor(...given) { super(...given); made += 1; all.add(this); }
        close() { all.delete(this); super.close(); }
    };
    var open = () => all.size;";

async fn keep(tab: &Tab, rooms: &[(String, String)]) -> Result<()> {
    let script = "
        const [rooms, done] = arguments;
        (async () => {
            for (const [room, secret] of rooms) {
                const answer = await fetch(`/peer/v1/rooms/${room}`, {
                    method: 'PUT', headers: { 'content-type': 'application/json' },
                    body: JSON.stringify({ secret, name: `Room ${Number(room.slice(-4))}` }),
                });
                if (!answer.ok) throw await answer.text();
            }
        })().then(() => done(''), error => done(String(error)));";
    let failure: String = tab.execute_async(script, vec![json!(rooms)]).await?;
    ensure!(failure.is_empty(), "{failure}");
    Ok(())
}

async fn write(tab: &Tab, room: &str, title: &str) -> Result<()> {
    let script = "
        const [room, title, done] = arguments;
        fetch(`/peer/v1/rooms/${room}/tasks`, { method: 'POST', body: JSON.stringify({ title }) })
            .then(async answer => done(answer.ok ? '' : await answer.text()), error => done(String(error)));";
    let failure: String = tab.execute_async(script, vec![json!(room), json!(title)]).await?;
    ensure!(failure.is_empty(), "{failure}");
    Ok(())
}

async fn titles(tab: &Tab, room: &str) -> Result<Vec<String>> {
    let script = "
        const [room, done] = arguments;
        fetch(`/peer/v1/rooms/${room}/tasks`).then(answer => answer.json())
            .then(({ tasks }) => done(tasks.map(task => task.title)), error => done([String(error)]));";
    tab.execute_async(script, vec![json!(room)]).await
}
