//! The ways out of the share dialog, and what a page says that has no network, or a peer whose clock is wrong.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Play, RoomPage};
use serde_json::json;

use crate::screens::{SCREENS, capture};

/// A share sheet in the place of the system's, which no test can look into.
const SHARE_SHEET: &str = "navigator.share = (data) => { window.shared = data; return Promise.resolve(); };";

pub(crate) async fn copied_and_sent(play: Play) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(Chromium, "Alice").await?;
    let alice = RoomPage::make_room(&browser, &site, "Kitchen").await?;
    let link = alice.share_link().await?;
    let tab = alice.tab();
    tab.cdp("Page.enable", json!({})).await?;
    tab.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": SHARE_SHEET })).await?;
    let permissions =
        json!({ "origin": site.origin(), "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    tab.cdp("Browser.grantPermissions", permissions).await?;
    alice.reload().await?;

    tab.click("button", "Share").await?;
    tab.wait_for("dialog", "Share this room").await?;
    tab.click("button", "Copy link").await?;
    alice
        .wait(
            "“Copied”",
            async || Ok(tab.execute::<String>("return document.querySelector('.said').textContent", vec![]).await?),
            |said| said == "Copied",
        )
        .await?;
    let read = "navigator.clipboard.readText().then(arguments[0], (error) => arguments[0](String(error)))";
    let copied: String = tab.execute_async(read, vec![]).await?;
    ensure!(copied == link.url, "the clipboard has something else");

    tab.click("button", "Send link").await?;
    let shared = "const wait = () => window.shared ? arguments[0](window.shared) : requestAnimationFrame(wait); wait()";
    let shared: serde_json::Value = tab.execute_async(shared, vec![]).await?;
    ensure!(shared == json!({ "title": "Kitchen", "url": link.url }), "the share sheet was given {shared}");
    Ok(())
}

pub(crate) async fn offline(play: Play) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Cellar").await?;
    alice.wait_status("No other device connected").await?;
    alice.tab().emulate_offline(true).await?;
    alice.wait_status("Offline. Your changes are kept.").await?;
    alice.add("Potatoes").await?;
    alice.tab().emulate_offline(false).await?;
    alice.wait_status("No other device connected").await?;
    alice.wait_task("Potatoes").await
}

pub(crate) async fn skewed(play: Play) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Workshop").await?;
    alice.add("Saw").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Firefox, "Bob").await?, &link.url).await?;
    bob.wait_task("Saw").await?;

    // Bob's service worker is given what a third device wrote whose clock is ten minutes and some ahead.
    // It is a change as peers send it, in columns: one (twice), by the only device, its first, then; one operation, a name,
    // of a device; of three letters.
    let early = "const [room, done] = arguments;
        const leb = (n) => (n < 128 ? [n] : [128 + (n % 128), ...leb(Math.floor(n / 128))]);
        const device = [...new Array(15).fill(0), 255];
        const then = leb(2 * (Date.now() + 630000));
        const columns = [2, 0, 0, ...then, 0, 2, 1, 3, ...new TextEncoder().encode('Van')];
        const body = new Uint8Array([2, 0x82, 0x58, 32, ...device, ...device, 0x40 + columns.length, ...columns]);
        fetch(`/peer/v1/rooms/${room}/changes`, { method: 'POST', headers: { 'content-type': 'application/cbor' }, body })
            .then((answer) => done(answer.status), (error) => done(String(error)));";
    let status: serde_json::Value = bob.tab().execute_async(early, vec![json!(link.room)]).await?;
    ensure!(status == 200, "Bob's service worker says {status}");
    let text = "return document.querySelector('.skew')?.textContent ?? ''";
    let shown = async || alice.tab().execute::<String>(text, vec![]).await;
    let good = |text: &String| text.starts_with("The clock of “Van” is 10 minutes ahead.");
    alice.wait("whose clock is wrong", shown, good).await?;
    let found = capture(&play, alice.tab(), "skew", &SCREENS).await?;
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}
