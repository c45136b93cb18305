//! Devices that were connected find each other again with the phone book dead for good.

use anyhow::Result;
use partyline_tests::{BrowserKind, BrowserSetup, Play, RoomPage};

use crate::Pair;

/// Each page is loaded again in turn, several times.
pub(crate) async fn reload(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Barge").await?;
    alice.add("Bilge pump").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_task("Bilge pump").await?;
    site.kill_phone_book().await?;
    for round in 1..=2 {
        for (here, there) in [(&alice, &bob), (&bob, &alice)] {
            let name = here.tab().browser().name();
            here.wait_known(&link).await?;
            here.reload().await?;
            here.wait_connected(1).await?;
            here.add(&format!("{name} is back, {round}")).await?;
            there.wait_task(&format!("{name} is back, {round}")).await?;
            there.wait_connected(1).await?;
            there.add(&format!("Welcome {name}, {round}")).await?;
            here.wait_task(&format!("Welcome {name}, {round}")).await?;
        }
    }
    Ok(())
}

/// A browser is killed, and comes back with what it kept.
pub(crate) async fn killed(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alice = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Tugboat").await?;
    alice.add("Towline").await?;
    let link = alice.share_link().await?;
    let bobs = play.own_browser(kind, "Bob", BrowserSetup::default()).await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.wait_task("Towline").await?;
    bob.wait_known(&link).await?;
    site.kill_phone_book().await?;
    bobs.kill().await;
    alice.add("Written meanwhile").await?;
    bobs.start_again().await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.wait_task("Written meanwhile").await?;
    bob.add("Fenders").await?;
    alice.wait_task("Fenders").await?;
    alice.wait_connected(1).await
}

/// The tab that holds the connections is closed, and the next one calls everybody.
pub(crate) async fn next_tab(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let browser = play.browser(kind, "Alice").await?;
    let first = RoomPage::make_room(&browser, &site, "Dinghy").await?;
    first.add("Oars").await?;
    let link = first.share_link().await?;
    let bob = RoomPage::open(&play.browser(BrowserKind::Chromium, "Bob").await?, &link.url).await?;
    bob.wait_task("Oars").await?;
    let second = RoomPage::open(&browser, &link.url).await?;
    second.wait_connected(1).await?;
    second.wait_known(&link).await?;
    site.kill_phone_book().await?;
    first.tab().clone().close().await?;
    second.add("Rowlocks").await?;
    bob.wait_task("Rowlocks").await?;
    bob.add("Bailer").await?;
    second.wait_task("Bailer").await?;
    second.wait_connected(1).await
}
