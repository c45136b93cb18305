//! Two devices connect by codes alone: the phone book is dead before they meet.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Browser, BrowserSetup, Camera, Play, RoomPage, Site, Tab, eventually};
use serde_json::json;

use crate::Pair;
use crate::screens::{SCREENS, capture};

/// How long a person takes to carry a code. Firefox gives up in half of that if nothing is done about it.
const CARRIED: Duration = Duration::from_secs(15);
/// How long reaching a device may take that does not wait any more.
const GIVES_UP: Duration = Duration::from_secs(60);

const DIALOG: &str = "Connect by code";

/// A site whose app these browsers have, and whose phone book is dead.
async fn dead_site(play: &Play, browsers: &[&Arc<Browser>]) -> Result<Arc<Site>> {
    let site = play.site_of_its_own().await?;
    for browser in browsers {
        let tab = browser.open(&site.origin()).await?;
        tab.wait_for("button", "New room").await?;
        tab.wait_kept().await?;
        tab.close().await?;
    }
    site.kill_phone_book().await?;
    Ok(site)
}

/// Waits until the dialog says this.
async fn says(tab: &Tab, words: &str) -> Result<()> {
    let text = "return document.querySelector('dialog[open]')?.innerText ?? 'no dialog'";
    eventually(&format!("the dialog says “{words}”"), GIVES_UP, || async {
        let said: String = tab.execute(text, vec![]).await?;
        ensure!(said.contains(words), "{} says “{said}”", tab.browser().name());
        Ok(())
    })
    .await
}

async fn connected(page: &RoomPage) -> Result<()> {
    says(page.tab(), "Connected. Changes go both ways now.").await?;
    page.tab().click("button", "Done").await?;
    page.tab().wait_gone("dialog", DIALOG).await
}

async fn both_ways(alice: &RoomPage, bob: &RoomPage) -> Result<()> {
    bob.wait_task("Flour").await?;
    alice.add("Yeast").await?;
    bob.wait_task("Yeast").await?;
    bob.add("Salt").await?;
    alice.wait_task("Salt").await?;
    bob.toggle("Flour").await?;
    alice.wait_done("Flour", true).await
}

pub(crate) async fn connect(play: Play, (first, second): Pair) -> Result<()> {
    let (alices, bobs) = (play.browser(first, "Alice").await?, play.browser(second, "Bob").await?);
    let site = dead_site(&play, &[&alices, &bobs]).await?;
    let alice = RoomPage::make_room(&alices, &site, "Bakery").await?;
    alice.add("Flour").await?;
    let invitation = alice.invite().await?;
    let (said, version) = alice.tab().qr_code().await?.read()?;
    ensure!(said == invitation && version <= 10, "version {version} says {said}");

    let bob = RoomPage::in_tab(bobs.open(&invitation).await?);
    let reply = bob.reply().await?;
    let (said, version) = bob.tab().qr_code().await?.read()?;
    ensure!(said == reply && version <= 10, "version {version} says {said}");
    ensure!(!bob.tab().url().await?.contains("#i."), "the invitation stays in the address bar");

    // A person walks over: what is waited for is that nothing happens meanwhile.
    tokio::time::sleep(CARRIED).await;
    alice.paste_reply(&reply).await?;
    connected(&alice).await?;
    connected(&bob).await?;
    both_ways(&alice, &bob).await?;
    alice.tab().click("button", "Devices").await?;
    says(alice.tab(), "Connected by code since").await?;
    alice.close_dialog("Devices").await?;
    for page in [&alice, &bob] {
        let history = page.history().await?;
        for words in ["dialled (by code)", "connected (by code)"] {
            ensure!(history.contains(words), "no “{words}” in {history}");
        }
    }
    Ok(())
}

/// Chromium can be started so, and may one day ship so: then this is the way in.
pub(crate) async fn refusing(play: Play) -> Result<()> {
    let setup = BrowserSetup { refuse_changed_credentials: true, ..BrowserSetup::default() };
    let alices = play.own_browser(Chromium, "Alice", setup.clone()).await?;
    let bobs = play.own_browser(Chromium, "Bob", setup).await?;
    let site = dead_site(&play, &[&alices, &bobs]).await?;
    let alice = RoomPage::make_room(&alices, &site, "Bakery").await?;
    alice.add("Flour").await?;
    let bob = RoomPage::in_tab(bobs.open(&alice.invite().await?).await?);
    alice.paste_reply(&bob.reply().await?).await?;
    connected(&alice).await?;
    connected(&bob).await?;
    both_ways(&alice, &bob).await
}

pub(crate) async fn wrong_codes(play: Play) -> Result<()> {
    let (alices, bobs) = (play.browser(Chromium, "Alice").await?, play.browser(Chromium, "Bob").await?);
    let carols = play.browser(Firefox, "Carol").await?;
    let site = dead_site(&play, &[&alices, &bobs, &carols]).await?;
    let alice = RoomPage::make_room(&alices, &site, "Bakery").await?;
    alice.add("Flour").await?;
    let link = alice.share_link().await?;
    let first = alice.invite().await?;
    let mut found = capture(&play, alice.tab(), "by-hand-invitation", &SCREENS).await?;

    let damaged = first.get(..first.len() - 7).unwrap_or_default();
    let replaced = |text: &str| text.replacen("#i.", "#r.", 1);
    for (text, words) in [
        (first.as_str(), "This is an invitation."),
        (damaged, "This code is damaged"),
        (&replaced(&first), "This code is damaged"),
        (&link.url, "This is a link to a room."),
        ("flour and yeast", "This is no code of Partyline."),
    ] {
        alice.paste_reply(text).await?;
        says(alice.tab(), words).await?;
    }

    // Another room's reply, and the reply to an invitation that was replaced.
    let other = RoomPage::make_room(&bobs, &site, "Forge").await?;
    let foreign = other.invite().await?;
    let answer = RoomPage::in_tab(alices.open(&foreign).await?);
    let foreign_reply = answer.reply().await?;
    answer.close_dialog("Connect by code").await?;
    answer.tab().click("button", "Room settings").await?;
    answer.tab().click("button", "Leave room").await?;
    answer.tab().click("button", "Leave").await?;
    answer.tab().wait_gone("link", "Forge").await?;
    answer.tab().clone().close().await?;
    alice.paste_reply(&foreign_reply).await?;
    says(alice.tab(), "This code belongs to another room.").await?;

    let bob = RoomPage::in_tab(bobs.open(&first).await?);
    let late = bob.reply().await?;
    found.extend(capture(&play, bob.tab(), "by-hand-reply", &SCREENS).await?);
    alice.tab().click("button", "New invitation").await?;
    let second =
        alice.wait("another invitation", || alice.tab().value("textbox", "Invitation"), |link| *link != first).await?;
    alice.paste_reply(&late).await?;
    says(alice.tab(), "This reply is outdated").await?;

    bob.tab().goto("about:blank").await?;
    bob.tab().goto(&second).await?;
    let good = bob.reply().await?;
    alice.paste_reply(&good).await?;
    connected(&alice).await?;
    connected(&bob).await?;
    both_ways(&alice, &bob).await?;

    // Either code again.
    let again = RoomPage::in_tab(alices.open(&good).await?);
    says(again.tab(), "This code was used already.").await?;
    found.extend(capture(&play, again.tab(), "by-hand-failed", &SCREENS).await?);
    let again = RoomPage::in_tab(bobs.open(&second).await?);
    says(again.tab(), "This code was used already.").await?;
    // A reply whose sender has left the room, and one where its room is not.
    let gone = RoomPage::in_tab(bobs.open(&foreign_reply).await?);
    says(gone.tab(), "The other device cannot be reached.").await?;
    let carol = carols.open(&good).await?;
    carol.wait_for("heading", "This link does not open a room").await?;
    let text: String = carol.execute("return document.body.innerText", vec![]).await?;
    ensure!(text.contains("This is a reply to an invitation of another device."), "{text}");
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}

/// The dialog in a tab that does not hold the connections, and the reply opened as a link in one more.
pub(crate) async fn tabs(play: Play) -> Result<()> {
    let (alices, bobs) = (play.browser(Chromium, "Alice").await?, play.browser(Firefox, "Bob").await?);
    let site = dead_site(&play, &[&alices, &bobs]).await?;
    let first = RoomPage::make_room(&alices, &site, "Bakery").await?;
    first.add("Flour").await?;
    let link = first.share_link().await?;
    let second = RoomPage::open(&alices, &link.url).await?;
    let invitation = second.invite().await?;

    // Bob pastes it where room links go.
    let tab = bobs.open(&site.origin()).await?;
    tab.click("button", "Join a room").await?;
    tab.fill("Room link", &invitation).await?;
    tab.click("button", "Join").await?;
    let bob = RoomPage::in_tab(tab);
    let reply = bob.reply().await?;

    let third = RoomPage::in_tab(alices.open(&reply).await?);
    connected(&third).await?;
    connected(&second).await?;
    connected(&bob).await?;
    both_ways(&third, &bob).await?;
    first.wait_task("Salt").await?;
    for page in [&first, &second, &third] {
        page.wait_connected(1).await?;
    }
    Ok(())
}

pub(crate) async fn camera(play: Play) -> Result<()> {
    let films = tempfile::tempdir()?;
    let (alice_sees, bob_sees) = (films.path().join("alice.y4m"), films.path().join("bob.y4m"));
    let setup = |film| BrowserSetup { camera: Some(Camera::Sees(film)), ..BrowserSetup::default() };
    let alices = play.own_browser(Chromium, "Alice", setup(alice_sees.clone())).await?;
    let bobs = play.own_browser(Chromium, "Bob", setup(bob_sees.clone())).await?;
    let site = play.site_of_its_own().await?;
    for browser in [&alices, &bobs] {
        let tab = browser.open(&site.origin()).await?;
        tab.wait_for("button", "New room").await?;
        // What a first visit goes without is kept when the app is opened again.
        ensure!(!has_reader(&tab).await?, "the reader of codes is fetched at the first visit");
        tab.reload().await?;
        eventually("the reader of codes is kept", GIVES_UP, || async {
            ensure!(has_reader(&tab).await?, "it is not");
            Ok(())
        })
        .await?;
        tab.wait_kept().await?;
        tab.close().await?;
    }
    site.kill_phone_book().await?;

    let alice = RoomPage::make_room(&alices, &site, "Bakery").await?;
    alice.add("Flour").await?;
    alice.invite().await?;
    alice.tab().qr_code().await?.film(&bob_sees)?;
    let tab = bobs.open(&site.origin()).await?;
    tab.click("button", "Join a room").await?;
    tab.click("button", "Scan a code").await?;
    let bob = RoomPage::in_tab(tab);
    bob.reply().await?;
    bob.tab().qr_code().await?.film(&alice_sees)?;
    alice.tab().click("button", "Scan the reply").await?;
    connected(&alice).await?;
    connected(&bob).await?;
    both_ways(&alice, &bob).await
}

async fn has_reader(tab: &Tab) -> Result<bool> {
    let script = "const done = arguments[arguments.length - 1];
        caches.keys().then(names => Promise.all(names.map(name => caches.open(name).then(cache => cache.keys()))))
            .then(kept => done(kept.flat().filter(({ url }) => /scan-.*(js|wasm)$/.test(url)).length === 2));";
    tab.execute_async(script, vec![json!(null)]).await
}

pub(crate) async fn no_camera(play: Play) -> Result<()> {
    let setup = BrowserSetup { camera: Some(Camera::Refused), ..BrowserSetup::default() };
    let refusing = play.own_browser(Chromium, "Alice", setup).await?;
    let without = play.browser(Firefox, "Bob").await?;
    let site = dead_site(&play, &[&refusing, &without]).await?;
    let page = RoomPage::make_room(&refusing, &site, "Bakery").await?;
    page.add("Flour").await?;
    let invitation = page.invite().await?;
    page.tab().click("button", "Scan the reply").await?;
    says(page.tab(), "The browser does not let the page use the camera. Paste the link instead.").await?;
    let found = capture(&play, page.tab(), "by-hand-refused", &SCREENS).await?;

    let tab = without.open(&site.origin()).await?;
    tab.click("button", "Join a room").await?;
    tab.click("button", "Scan a code").await?;
    says(&tab, "No camera can be used here. Paste the link instead.").await?;
    tab.fill("Room link", &invitation).await?;
    tab.click("button", "Join").await?;
    let bob = RoomPage::in_tab(tab);
    page.paste_reply(&bob.reply().await?).await?;
    connected(&page).await?;
    connected(&bob).await?;
    both_ways(&page, &bob).await?;
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}
