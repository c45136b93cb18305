//! More than two.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Play, RoomPage};

/// How long a device may take that lost a race for another's spare, perhaps more than once.
const ROUNDS: Duration = Duration::from_secs(60);

pub(crate) async fn third(play: Play) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Crew").await?;
    alice.add("From Alice").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Firefox, "Bob").await?, &link.url).await?;
    bob.wait_task("From Alice").await?;
    bob.add("From Bob").await?;
    alice.wait_task("From Bob").await?;

    // Carol pastes the link instead of opening it.
    let carol = RoomPage::paste(&play.browser(Chromium, "Carol").await?, &site, &link).await?;
    carol.wait_task("From Alice").await?;
    carol.wait_task("From Bob").await?;
    carol.add("From Carol").await?;
    alice.wait_task("From Carol").await?;
    bob.wait_task("From Carol").await?;
    // Who is connected to whom is a matter of time: two that dial third ones at the same moment try again.
    for page in [&alice, &bob, &carol] {
        page.wait_status_within("Connected to 2 devices", ROUNDS).await?;
    }
    let list = alice.tasks().await?;
    bob.wait_tasks(&list).await?;
    carol.wait_tasks(&list).await
}

pub(crate) async fn two_callers(play: Play) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Door").await?;
    alice.add("Welcome").await?;
    let link = alice.share_link().await?;
    let (bobs, carols) = (play.browser(Chromium, "Bob").await?, play.browser(Firefox, "Carol").await?);

    // Both dial the one spare that Alice lists.
    let (bob, carol) = tokio::try_join!(RoomPage::open(&bobs, &link.url), RoomPage::open(&carols, &link.url))?;
    // One of them finds the spare taken and dials again, in rounds of several seconds.
    for page in [&bob, &carol] {
        page.wait_status_within("Connected to", ROUNDS).await?;
        page.wait_task("Welcome").await?;
    }
    for page in [&alice, &bob, &carol] {
        page.wait_status_within("Connected to 2 devices", ROUNDS).await?;
    }
    bob.add("Bob is here").await?;
    carol.add("Carol is here").await?;
    for page in [&alice, &bob, &carol] {
        page.wait_task("Bob is here").await?;
        page.wait_task("Carol is here").await?;
    }
    Ok(())
}

/// Only two of a crew are in the phone book, so whoever comes later meets the others by way of those two.
pub(crate) async fn introductions(play: Play) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Band").await?;
    alice.add("Drums").await?;
    let link = alice.share_link().await?;
    let mut crew = vec![alice];
    for (kind, name) in [(Firefox, "Bob"), (Chromium, "Carol"), (Firefox, "Dave"), (Chromium, "Erin")] {
        let page = RoomPage::open(&play.browser(kind, name).await?, &link.url).await?;
        page.wait_task("Drums").await?;
        crew.push(page);
        for page in &crew {
            page.wait_status_within(&format!("Connected to {} device", crew.len() - 1), ROUNDS).await?;
        }
    }
    // What the phone book did it need not do again.
    site.kill_phone_book().await?;
    for (page, title) in crew.iter().zip(["Guitar", "Bass", "Keys", "Voice", "Horn"]) {
        page.add(title).await?;
    }
    let [alice, ..] = crew.as_slice() else { bail!("nobody is there") };
    alice.tab().click("button", "Devices").await?;
    alice.tab().wait_for("dialog", "Devices").await?;
    let shown: String = alice.tab().execute("return document.querySelector('.devices').innerText", vec![]).await?;
    let ways = ["Connected directly since", "Connected by code since"].map(|words| shown.matches(words).count());
    ensure!(ways[0] + ways[1] == 4 && (ways[1] == 0 || play.tools().refusing), "Alice is told: {shown}");
    alice.close_dialog("Devices").await?;
    let list = ["Drums", "Guitar", "Bass", "Keys", "Voice", "Horn"];
    for page in &crew {
        for title in list {
            page.wait_task(title).await?;
        }
    }
    Ok(())
}
