//! Clocks that are wrong, and put right.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::{self, Chromium, Firefox};
use partyline_tests::{Play, RoomPage, Site};

use crate::screens::{SCREENS, capture};
use crate::visit::{look_for_update, update_comes};

const DAY_MS: i64 = 86_400_000;

/// A clock that is 400 days ahead keeps nothing from anybody, and nobody follows it. All read whose it is; somebody takes
/// one of its changes; and when it is right, the rest arrives.
pub(crate) async fn ahead(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    // And a little, for what is under way.
    wind(&site, 400 * DAY_MS + 20_000).await?;
    let alice = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Attic").await?;
    alice.add("Lamp").await?;
    let link = alice.share_link().await?;
    wind(&site, 0).await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    // Of two nobody can tell.
    says(&alice, "400 days behind, compared with this device’s. One of the two is wrong").await?;
    says(&bob, "400 days ahead, compared with this device’s. One of the two is wrong").await?;
    let carol = RoomPage::open(&play.browser(Firefox, "Carol").await?, &link.url).await?;
    says(&alice, "This device’s clock is wrong: it is 400 days ahead.").await?;
    for page in [&bob, &carol] {
        says(page, "is wrong: it is 400 days ahead. What is written there waits").await?;
        says(page, "dated too far ahead").await?;
        page.wait("that no healthy clock is accused", || alerts(page), |text| text.matches("is wrong").count() == 1)
            .await?;
    }
    bob.add("Chairs").await?;
    alice.add("Rug").await?;
    for page in [&alice, &carol] {
        page.wait_task("Chairs").await?;
    }
    let mut found = capture(&play, bob.tab(), "clock", &SCREENS).await?;

    // A person need not wait for it.
    for page in [&bob, &carol] {
        page.tab().click("button", "Devices").await?;
        page.tab().wait_for("list", "Waiting changes").await?;
    }
    found.extend(capture(&play, bob.tab(), "waiting", &SCREENS).await?);
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    bob.close_dialog("Devices").await?;
    carol.tab().click("button", "Use: Changes “Lamp”").await?;
    carol.tab().wait_gone("button", "Use: Changes “Lamp”").await?;
    carol.close_dialog("Devices").await?;
    for page in [&bob, &carol] {
        page.wait_task("Lamp").await?;
    }
    let titles = bob.titles().await?;
    ensure!(!titles.iter().any(|title| title == "Rug"), "what is dated ahead shows: {titles:?}");

    put_right(&alice).await?;
    for page in [&alice, &bob, &carol] {
        page.wait_task("Rug").await?;
        silent(page).await?;
    }
    alice.add("Curtains").await?;
    bob.wait_task("Curtains").await?;
    bob.edit("Rug", &[("Notes", "Red")]).await?;
    for page in [&alice, &carol] {
        page.wait_details("Rug", |details| details.notes == "Red").await?;
        page.wait_tasks(&bob.tasks().await?).await?;
    }
    Ok(())
}

/// A clock that stands at 1970, as one does whose battery was empty: both read so, and when it is right each has what the
/// other wrote, and what was written last counts.
pub(crate) async fn behind(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Workshop").await?;
    alice.add("Saw").await?;
    let link = alice.share_link().await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    wind(&site, DAY_MS - i64::try_from(now)?).await?;
    let bob = RoomPage::open(&play.browser(kind, "Bob").await?, &link.url).await?;
    says(&bob, "This device’s clock is wrong: it is 56 years behind.").await?;
    says(&alice, "is wrong: it is 56 years behind. What you write waits there").await?;
    bob.add("Hammer").await?;
    alice.wait_task("Hammer").await?;
    alice.edit("Hammer", &[("Notes", "Alice’s")]).await?;
    bob.edit("Hammer", &[("Notes", "Bob’s, later")]).await?;
    alice.edit("Saw", &[("Notes", "Sharp")]).await?;
    let titles = bob.titles().await?;
    ensure!(titles == ["Hammer"], "{titles:?}");

    wind(&site, 0).await?;
    put_right(&bob).await?;
    bob.wait_details("Saw", |details| details.notes == "Sharp").await?;
    for page in [&alice, &bob] {
        page.wait_details("Hammer", |details| details.notes == "Bob’s, later").await?;
        silent(page).await?;
    }
    bob.wait_tasks(&alice.tasks().await?).await
}

/// From now on serves service workers whose clock is so far ahead, in milliseconds.
async fn wind(site: &Site, ms: i64) -> Result<()> {
    let script = site.service_worker().await?;
    let wound = match ms {
        0 => script,
        _ => format!("{{ const now = Date.now; Date.now = () => now() + {ms}; }}\n{script}")
            .replace("partyline-shell-", "partyline-shell-wound-"),
    };
    site.replace_service_worker(wound);
    Ok(())
}

/// Takes the service worker that is served now.
async fn put_right(page: &RoomPage) -> Result<()> {
    page.tab().execute::<()>("window.sameDocument = true; return null;", vec![]).await?;
    look_for_update(page.tab()).await?;
    page.tab().wait_for("button", "Update").await?;
    update_comes(page).await
}

/// What a page says that is wrong.
pub(crate) async fn alerts(page: &RoomPage) -> Result<String> {
    let text = "return Array.from(document.querySelectorAll('.skew'), (line) => line.textContent).join('\\n');";
    page.tab().execute(text, vec![]).await
}

/// Waits until a page says this of what is wrong.
pub(crate) async fn says(page: &RoomPage, words: &str) -> Result<()> {
    page.wait(words, || alerts(page), |text: &String| text.contains(words)).await.map(drop)
}

/// Waits until a page says of nothing that it is wrong.
pub(crate) async fn silent(page: &RoomPage) -> Result<()> {
    page.wait("that nothing is wrong", || alerts(page), String::is_empty).await.map(drop)
}
