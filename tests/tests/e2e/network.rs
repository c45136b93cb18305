//! Across NATs, in namespaces of Linux. The whole of it is `cargo xtask lab`; here is what must never break.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Access, Play, RoomPage, Weather};
use tokio::time::{Instant, sleep_until};

/// How long nothing passes. Longer than it takes to notice, so that the connection is lost and made anew.
const PARTITION: Duration = Duration::from_secs(20);

/// How soon two are together again: everybody looks for others every few seconds.
const TOGETHER: Duration = Duration::from_secs(45);

pub(crate) async fn two_homes(play: Play) -> Result<()> {
    let network = play.network(1).await?;
    let (farm, barn) = (network.place("farm", Access::Nat, 1)?, network.place("barn", Access::Nat, 1)?);
    let site = play.site_in(&network).await?;
    for place in [&farm, &barn] {
        place.host(0)?.visit(&site);
    }
    let alice = play.browser_on(farm.host(0)?, Chromium, "Alice").await?;
    let alice = RoomPage::make_room(&alice, &site, "Harvest").await?;
    alice.add("Apples").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser_on(barn.host(0)?, Firefox, "Bob").await?, &link.url).await?;
    bob.wait_task("Apples").await?;
    bob.add("Pears").await?;
    alice.wait_task("Pears").await?;

    let end = Instant::now() + PARTITION;
    barn.set_weather(Weather::PARTITION);
    alice.add("Written by Alice meanwhile").await?;
    bob.add("Written by Bob meanwhile").await?;
    for page in [&alice, &bob] {
        let lost = |status: &String| !status.starts_with("Connected");
        page.wait("that nobody is there", || page.status(), lost).await?;
    }
    sleep_until(end).await;
    barn.set_weather(Weather::default());
    for page in [&alice, &bob] {
        page.wait_status_within("Connected to 1 device", TOGETHER).await?;
    }
    alice.wait_task("Written by Bob meanwhile").await?;
    bob.wait_task("Written by Alice meanwhile").await?;

    site.kill_phone_book().await?;
    alice.add("Plums").await?;
    bob.wait_task("Plums").await?;
    bob.toggle("Apples").await?;
    alice.wait_done("Apples", true).await?;
    let list = alice.tasks().await?;
    ensure!(list.len() == 5, "{list:?}");
    bob.wait_tasks(&list).await
}

/// Two homes, and no phone book from the start. Of what is outside its NAT each knows what a STUN server says.
pub(crate) async fn stun(play: Play) -> Result<()> {
    let network = play.network(2).await?;
    let places = [network.place("farm", Access::Nat, 1)?, network.place("barn", Access::Nat, 1)?];
    let site = play.site_in(&network).await?;
    let stun = network.start_stun()?;
    let mut browsers = Vec::new();
    for ((place, kind), name) in places.iter().zip([Chromium, Firefox]).zip(["Alice", "Bob"]) {
        place.host(0)?.visit(&site);
        let browser = play.browser_on(place.host(0)?, kind, name).await?;
        browser.open(&site.origin()).await?.wait_kept().await?;
        browsers.push(browser);
    }
    let [alices, bobs] = browsers.as_slice() else { bail!("two browsers") };
    site.kill_phone_book().await?;
    let alice = RoomPage::make_room(alices, &site, "Harvest").await?;
    alice.use_stun(&stun).await?;
    alice.add("Apples").await?;
    RoomPage::make_room(bobs, &site, "Bob's").await?.use_stun(&stun).await?;
    let bob = RoomPage::in_tab(bobs.open(&alice.invite().await?).await?);
    alice.paste_reply(&bob.reply().await?).await?;
    bob.wait_task("Apples").await?;
    bob.tab().click("button", "Done").await?;
    bob.toggle("Apples").await?;
    alice.wait_done("Apples", true).await
}
