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
    rename(&home, "Beach house").await?;
    let tab = home.tab();
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
    // Nobody has one of them on show.
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

/// The other device knows the rooms' names before it meets anybody, and what they are called now once it did.
pub(crate) async fn named_at_once(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let laptop = play.browser(first, "Laptop").await?;
    let home = RoomPage::make_room(&laptop, &site, "Home").await?;
    let work = RoomPage::make_room(&laptop, &site, "Büro 🗂").await?;
    let room = work.share_link().await?;
    work.tab().click("button", "My other device").await?;
    let link = work.tab().wait_for("textbox", "Link to all my rooms").await?;
    let url = link.prop("value").await?.unwrap_or_default();
    home.tab().clone().close().await?;
    work.tab().goto(&format!("{}/icon.svg", site.origin())).await?;

    let page = RoomPage::open(&play.browser(second, "Phone").await?, &url).await?;
    for name in ["Home", "Büro 🗂"] {
        eventually(name, Duration::from_secs(5), || page.tab().find("link", name)).await?;
    }
    // Something is written here, and the names stay.
    page.add("Lamp").await?;
    page.reload().await?;
    page.wait_task("Lamp").await?;
    for name in ["Home", "Büro 🗂"] {
        eventually(name, Duration::from_secs(5), || page.tab().find("link", name)).await?;
    }
    ensure!(page.titles().await? == ["Lamp"], "there was somebody");

    let work = RoomPage::open(&laptop, &room.url).await?;
    rename(&work, "Work").await?;
    eventually("the new name", NAMED, || page.tab().find("link", "Work")).await.map(drop)
}

async fn rename(page: &RoomPage, name: &str) -> Result<()> {
    page.tab().click("button", "Room settings").await?;
    page.tab().fill("Room name", name).await?;
    page.tab().click("button", "Save").await
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
