//! The ways out of the share dialog, and what a page says that has no network.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{Play, RoomPage};
use serde_json::json;

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
