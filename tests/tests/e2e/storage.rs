//! Connections to the database that are dead, and one that never opens.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{BrowserKind, Play, RoomPage};
use serde_json::json;

/// A connection dies without an event that says so, as on a phone in the background: what is written next, or once more, is
/// kept.
pub(crate) async fn dead(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let script = site.service_worker().await?;
    let mortal = "{
        let error = '';
        const open = new Set(), dead = new Set();
        const channel = new BroadcastChannel('test-dead');
        channel.onmessage = ({ data }) => {
            error = data;
            open.forEach(database => dead.add(database));
            channel.postMessage(dead.size);
        };
        const begin = IDBDatabase.prototype.transaction;
        IDBDatabase.prototype.transaction = function (...rest) {
            open.add(this);
            if (dead.has(this)) throw new DOMException('The database connection is closing.', error);
            return begin.apply(this, rest);
        };
    }\n";
    site.replace_service_worker([mortal, &script].concat());
    let page = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Attic").await?;
    let link = page.share_link().await?;
    page.add("Lamp").await?;
    for error in ["InvalidStateError", "UnknownError"] {
        let write = "const [room, error, done] = arguments;
            const add = async () => {
                const body = JSON.stringify({ title: error });
                return (await fetch(`/peer/v1/rooms/${room}/tasks`, { method: 'POST', body })).status;
            };
            const channel = new BroadcastChannel('test-dead');
            channel.onmessage = async ({ data }) => {
                channel.close();
                done([data, await add(), await add()]);
            };
            channel.postMessage(error);";
        let [dead, first, second]: [u16; 3] =
            page.tab().execute_async(write, vec![json!(link.room), json!(error)]).await?;
        ensure!(dead > 0, "no connection was open");
        ensure!([first, second].contains(&201), "{error}: {first}, {second}");
        page.wait_task(error).await?;
    }
    Ok(())
}

/// Somebody deletes what the page keeps and waits for a tab that does not let go, so that it cannot be opened: the page goes
/// on without.
pub(crate) async fn blocked(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(kind, "Alice").await?;
    let alice = RoomPage::make_room(&browser, &site, "Attic").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    for page in [&alice, &bob] {
        page.wait_connected(1).await?;
    }
    // A page that is not the app.
    let holder = browser.open(&format!("{}/icon.svg", site.origin())).await?;
    let block = "const done = arguments[arguments.length - 1];
        const opening = indexedDB.open('partyline-page');
        opening.onerror = () => done(String(opening.error));
        opening.onsuccess = () => {
            window.held = opening.result;
            const deleting = indexedDB.deleteDatabase('partyline-page');
            deleting.onblocked = () => done('blocked');
            deleting.onsuccess = () => done('deleted');
        };";
    let state: String = holder.execute_async(block, vec![]).await?;
    ensure!(state == "blocked", "{state}");
    alice.reload().await?;
    alice.add("Lamp").await?;
    alice.wait_connected(1).await?;
    bob.wait_task("Lamp").await
}
