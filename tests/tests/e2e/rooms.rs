//! Several rooms on one device, and links that are none.

use std::time::Duration;

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Play, RoomPage, eventually};

use crate::Pair;

/// A Firefox that has a room in the background asks the phone book every 30 s at first.
const NAMED: Duration = Duration::from_secs(60);

pub(crate) async fn several(play: Play) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(Chromium, "Alice").await?;
    let home = RoomPage::make_room(&browser, &site, "Home").await?;
    home.add("Curtains").await?;
    let home_link = home.share_link().await?;
    let work = RoomPage::make_room(&browser, &site, "Work").await?;
    work.add("Invoices").await?;
    ensure!(work.titles().await? == ["Invoices"], "a new room is not empty");
    ensure!(work.share_link().await?.room != home_link.room, "two rooms are one");
    let bob = RoomPage::open(&play.browser(Firefox, "Bob").await?, &home_link.url).await?;
    bob.wait_task("Curtains").await?;

    // Renamed for everybody.
    let tab = home.tab();
    tab.click("button", "Room settings").await?;
    tab.fill("Room name", "Beach house").await?;
    tab.click("button", "Save").await?;
    tab.wait_for("heading", "Beach house").await?;
    bob.tab().wait_for("heading", "Beach house").await?;
    work.tab().wait_for("link", "Beach house").await?;

    // The other room is one click away.
    tab.click("link", "Work").await?;
    home.wait_task("Invoices").await?;
    tab.click("link", "Beach house").await?;
    home.wait_task("Curtains").await?;

    // Left here, it goes on elsewhere, and the link leads back.
    tab.click("button", "Room settings").await?;
    tab.click("button", "Leave room").await?;
    tab.click("button", "Leave").await?;
    tab.wait_gone("link", "Beach house").await?;
    work.tab().wait_gone("link", "Beach house").await?;
    bob.wait_status("No other device connected").await?;
    bob.wait_task("Curtains").await?;
    let home = RoomPage::paste(&browser, &site, &home_link).await?;
    home.wait_task("Curtains").await?;
    home.wait_connected(1).await
}

/// One link brings all rooms to another device, which is a member of its own in each.
pub(crate) async fn all_on_another_device(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let laptop = play.browser(first, "Laptop").await?;
    let home = RoomPage::make_room(&laptop, &site, "Home").await?;
    home.add("Curtains").await?;
    let work = RoomPage::make_room(&laptop, &site, "Work").await?;
    work.add("Invoices").await?;
    work.tab().click("button", "My other device").await?;
    let link = work.tab().wait_for("textbox", "Link to all my rooms").await?;
    let url = link.prop("value").await?.unwrap_or_default();
    ensure!(url.starts_with(&format!("{}/#m.", site.origin())), "{url}");

    let phone = play.browser(second, "Phone").await?;
    let page = RoomPage::open(&phone, &url).await?;
    let tab = page.tab();
    // The names come with the rooms' contents, one of which nobody has on show.
    for name in ["Home", "Work"] {
        eventually("the name of a room", NAMED, || tab.find("link", name)).await?;
    }
    tab.click("link", "Home").await?;
    page.wait_task("Curtains").await?;
    tab.click("link", "Work").await?;
    page.wait_task("Invoices").await?;
    page.wait_connected(1).await?;
    ensure!(!tab.url().await?.contains("#m."), "the link stays in the address bar");

    // Two devices, none of them twice, and edits go both ways.
    page.add("Receipts").await?;
    work.close_dialog("My other device").await?;
    work.wait_task("Receipts").await?;
    work.wait_connected(1).await?;
    page.wait_connected(1).await?;
    // A second time it brings nothing new, and loses nothing.
    let again = RoomPage::open(&phone, &url).await?;
    again.wait_task("Curtains").await
}

pub(crate) async fn bad_links(play: Play) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(Chromium, "Alice").await?;
    let room = "0b9f6f39-1f5c-4c8e-9a52-6a3d9f1c2b4d";
    let secret = "A".repeat(43);
    let bad = [
        site.origin(),
        format!("{}/#{room}", site.origin()),
        format!("{}/#{room}.{}", site.origin(), "A".repeat(42)),
        format!("{}/#{}.{secret}", site.origin(), &room[1..]),
        "x".repeat(3000),
    ];
    let tab = browser.open(&site.origin()).await?;
    for link in bad {
        tab.click("button", "Join a room").await?;
        tab.fill("Room link", &link).await?;
        tab.click("button", "Join").await?;
        let alert = "const said = [...document.querySelectorAll('dialog [role=alert]')].map(textOf).join(' ').trim();
            if (!said) throw new Error('nothing said yet'); return said;";
        partyline_tests::eventually("what is wrong with the link", std::time::Duration::from_secs(5), || async {
            tab.execute::<String>(alert, vec![]).await
        })
        .await?;
        ensure!(tab.shows("textbox", "Room link").await?, "the dialog is gone");
        tab.reload().await?;
    }
    Ok(())
}
