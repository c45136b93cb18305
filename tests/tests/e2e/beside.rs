//! On a laptop a task's details stand beside the list, and both are used.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{BrowserKind, BrowserSetup, Play, RoomPage, Tab};
use serde_json::json;
use thirtyfour::Key;

use crate::Pair;
use crate::screens::{Size, capture};

const LAPTOP: (u32, u32) = (1280, 800);
const PHONE: (u32, u32) = (390, 844);

/// From the narrowest window that has the details beside the list on.
const WIDE_SCREENS: [Size; 3] = [("narrowest", 1200, 768), ("laptop", 1280, 800), ("desktop", 1680, 1050)];

/// Waits until the details are beside the list, or over it.
async fn wait_beside(page: &RoomPage, beside: bool) -> Result<()> {
    let modal = || page.tab().execute::<bool>("return !!document.querySelector('.task-modal:modal');", vec![]);
    page.tab().wait_for("dialog", "Task").await?;
    page.wait("where the details are", modal, |modal| *modal != beside).await.map(drop)
}

/// Waits until this is the one row that is marked.
async fn wait_current(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    let script = "return [...document.querySelectorAll('[aria-current=true]')].map(row => row.textContent);";
    let current = || page.tab().execute::<Vec<String>>(script, vec![]);
    page.wait("which row is marked", current, |current| current == wanted).await.map(drop)
}

/// Waits until the element with this accessible name has the keyboard.
async fn wait_keyboard(page: &RoomPage, wanted: &str) -> Result<()> {
    let script = "return nameOf(document.activeElement);";
    let held = || page.tab().execute::<String>(script, vec![]);
    page.wait("what has the keyboard", held, |held| held == wanted).await.map(drop)
}

async fn focus(tab: &Tab, role: &str, name: &str) -> Result<()> {
    let script = "lookup(arguments[0], arguments[1])[0].focus(); return null;";
    tab.execute::<()>(script, vec![json!(role), json!(name)]).await
}

/// One task after the other, by mouse and by keyboard: what is typed is saved, and seen on the other device.
pub(crate) async fn both_ways(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Band").await?;
    for title in ["Amps", "Bass", "Cables", "Drums"] {
        alice.add(title).await?;
    }
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_task("Drums").await?;
    let tab = alice.tab();

    // The list goes on beside them.
    alice.open_details("Amps").await?;
    wait_beside(&alice, true).await?;
    wait_current(&alice, &["Amps"]).await?;
    alice.toggle("Drums").await?;
    bob.wait_done("Drums", true).await?;
    alice.wait_details_of("Amps").await?;
    tab.fill("Title", "Amps and stands").await?;
    tab.click("button", "Open Bass").await?;
    alice.wait_details_of("Bass").await?;
    bob.wait_task("Amps and stands").await?;
    wait_current(&alice, &["Bass"]).await?;

    // What cannot be saved is not left.
    tab.fill("Due", "some day").await?;
    tab.click("button", "Open Cables").await?;
    wait_keyboard(&alice, "Due").await?;
    alice.wait_details_of("Bass").await?;
    ensure!(tab.value("textbox", "Due").await? == "some day");
    let said = "return document.querySelector('#problem-Due').textContent;";
    ensure!(!tab.execute::<String>(said, vec![]).await?.is_empty(), "nothing says why the details stay");
    tab.fill("Due", "tomorrow").await?;
    tab.click("button", "Open Cables").await?;
    alice.wait_details_of("Cables").await?;
    bob.wait_details("Bass", |details| !details.due.is_empty()).await?;

    // By keyboard.
    tab.press("" + Key::Escape).await?;
    tab.wait_gone("dialog", "Task").await?;
    wait_keyboard(&alice, "Open Cables").await?;
    wait_current(&alice, &[]).await?;
    tab.press("e").await?;
    alice.wait_details_of("Cables").await?;
    wait_keyboard(&alice, "Close").await?;
    tab.press(Key::Shift + Key::Tab).await?;
    wait_keyboard(&alice, "Open Cables").await?;
    tab.press("" + Key::Up).await?;
    wait_keyboard(&alice, "Open Bass").await?;
    tab.press("x").await?;
    bob.wait_done("Bass", true).await?;
    alice.wait_details_of("Cables").await?;
    alice.toggle("Bass").await?;
    bob.wait_done("Bass", false).await?;
    focus(tab, "button", "Open Bass").await?;
    tab.press("e").await?;
    alice.wait_details_of("Bass").await?;
    wait_keyboard(&alice, "Close").await?;
    // Letters are for what has the keyboard.
    tab.press("x").await?;
    // The row that is shown takes the keyboard to its details, and Esc in the list ends them.
    focus(tab, "button", "Open Bass").await?;
    tab.press("" + Key::Enter).await?;
    wait_keyboard(&alice, "Close").await?;
    bob.wait_done("Bass", false).await?;
    focus(tab, "button", "Open Cables").await?;
    tab.press("" + Key::Escape).await?;
    tab.wait_gone("dialog", "Task").await?;
    wait_keyboard(&alice, "Open Cables").await?;

    // Another dialog is over both, and the details are there after it.
    alice.open_details("Cables").await?;
    tab.fill("Notes", "Ten metres").await?;
    tab.press(Key::Control + "k").await?;
    tab.wait_for("combobox", "Go to or do").await?;
    tab.press("" + Key::Escape).await?;
    tab.wait_gone("combobox", "Go to or do").await?;
    alice.wait_details_of("Cables").await?;
    wait_keyboard(&alice, "Notes").await?;
    tab.click("button", "More actions for Bass").await?;
    tab.click("button", "Open").await?;
    alice.wait_details_of("Bass").await?;
    bob.wait_details("Cables", |details| details.notes == "Ten metres").await?;

    // Somebody else deletes what is shown.
    bob.delete("Bass").await?;
    tab.click("button", "Bring it back").await?;
    bob.wait_task("Bass").await?;
    wait_current(&alice, &["Bass"]).await?;

    // They go with their room, and what was typed is saved.
    tab.fill("Title", "Bass, the small one").await?;
    tab.click("button", "New room").await?;
    tab.fill("Room name", "Garage").await?;
    tab.click("button", "Create").await?;
    tab.wait_for("heading", "Garage").await?;
    tab.wait_gone("dialog", "Task").await?;
    bob.wait_task("Bass, the small one").await
}

/// The window gets narrow and wide again: nothing that was typed is lost, and the keyboard stays where it is.
pub(crate) async fn resized(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let browser = play.own_browser(kind, "Alice", BrowserSetup::default()).await?;
    let page = RoomPage::make_room(&browser, &site, "Band").await?;
    page.add("Amps").await?;
    page.add("Bass").await?;
    let tab = page.tab();
    tab.resize(LAPTOP).await?;
    page.open_details("Amps").await?;
    wait_beside(&page, true).await?;
    tab.fill("Add a comment", "Both of").await?;
    tab.fill("Notes", "Ask Ines for").await?;

    tab.resize(PHONE).await?;
    wait_beside(&page, false).await?;
    wait_keyboard(&page, "Notes").await?;
    ensure!(!tab.shows("button", "Open Bass").await?, "what is covered can be reached");
    tab.press(" the long").await?;

    tab.resize(LAPTOP).await?;
    wait_beside(&page, true).await?;
    wait_keyboard(&page, "Notes").await?;
    tab.press(" ones").await?;
    ensure!(tab.value("textbox", "Notes").await? == "Ask Ines for the long ones");
    ensure!(tab.value("textbox", "Add a comment").await? == "Both of");
    // From the list into the details, as they cover it.
    focus(tab, "button", "Open Bass").await?;
    tab.resize(PHONE).await?;
    wait_beside(&page, false).await?;
    wait_keyboard(&page, "Close").await?;
    tab.press("" + Key::Escape).await?;
    tab.wait_gone("dialog", "Task").await?;
    page.wait_details("Amps", |details| details.notes == "Ask Ines for the long ones").await?;

    // One dialog after the other on a narrow screen, with another one over them in between.
    tab.resize(LAPTOP).await?;
    page.open_details("Bass").await?;
    tab.click("button", "Share").await?;
    tab.wait_for("dialog", "Share this room").await?;
    tab.resize(PHONE).await?;
    page.close_dialog("Share this room").await?;
    wait_beside(&page, false).await?;
    page.wait_details_of("Bass").await?;
    page.close_details().await?;
    wait_keyboard(&page, "Share").await
}

/// The row that is opened keeps its pixel, though lines break elsewhere now; and so it does when the details are closed.
pub(crate) async fn steady(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Depot").await?;
    let link = page.share_link().await?;
    let script = "
        const [room, done] = arguments;
        const words = 'which of the two moorings is free on Friday and whether the ferry can land behind it or not';
        const add = n => fetch(`/peer/v1/rooms/${room}/tasks`, {
            method: 'POST', body: JSON.stringify({ title: `Task ${n}: ${words}` }),
        });
        Promise.all(Array.from({ length: 60 }, (_, n) => add(n))).then(() => done(true), () => done(false));";
    ensure!(page.tab().execute_async::<bool>(script, vec![json!(link.room)]).await?);
    let count = || async { Ok(page.titles().await?.len()) };
    page.wait("all tasks", count, |count| *count == 60).await?;
    let tab = page.tab();
    tab.execute::<()>("scrollTo({ top: 1500, behavior: 'instant' }); return null;", vec![]).await?;
    tab.wait_still().await?;
    let pick = "
        const row = [...document.querySelectorAll('[data-task]')].find(row => row.getBoundingClientRect().top > 400);
        row.querySelector('.task-title').click();
        return [row.dataset.task, row.getBoundingClientRect().top, row.offsetWidth];";
    let (row, top, width): (String, f64, f64) = tab.execute(pick, vec![]).await?;
    let place = "
        const row = document.querySelector(`[data-task='${arguments[0]}']`);
        return [row.getBoundingClientRect().top, row.offsetWidth];";
    let now = || tab.execute::<(f64, f64)>(place, vec![json!(row)]);
    wait_beside(&page, true).await?;
    tab.wait_still().await?;
    let (beside, narrow) = now().await?;
    ensure!((beside - top).abs() < 1.5, "the row went from {top} to {beside}");
    ensure!(narrow < width, "the list is as wide as before, {width}");
    page.close_details().await?;
    tab.wait_still().await?;
    let (after, _) = now().await?;
    ensure!((after - top).abs() < 1.5, "the row went from {top} to {after}");
    Ok(())
}

/// How it looks and reads.
pub(crate) async fn looks(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Harbour festival").await?;
    for title in [
        "Book the crane for the big tent",
        "Generator: oil, filter, spare fuse",
        "Ask the harbour master which of the two moorings is free on Friday, and whether the ferry can land behind it",
        "Fire extinguishers",
        "Radio check",
        "Signs for the toilets",
        "Coffee",
    ] {
        page.add(title).await?;
    }
    let crane = "Book the crane for the big tent";
    let details = [("Notes", "Ask for the **long** one."), ("Assignee", "Ines"), ("Due", "tomorrow")];
    page.edit(crane, &details).await?;
    page.prioritise(crane, "High").await?;
    page.edit("Fire extinguishers", &[("Assignee", "Bo"), ("Due", "today")]).await?;
    page.choose("Radio check", "Status", "Blocked").await?;
    page.toggle("Coffee").await?;
    page.open_details(crane).await?;
    wait_current(&page, &[crane]).await?;
    let tab = page.tab();
    let mut found = capture(&play, tab, "beside", &WIDE_SCREENS).await?;
    tab.click("button", "More actions for Radio check").await?;
    tab.click("button", "Choose").await?;
    tab.wait_for("region", "Chosen tasks").await?;
    found.extend(capture(&play, tab, "beside-chosen", &WIDE_SCREENS).await?);
    tab.click("button", "Stop choosing").await?;
    tab.click("button", "Find").await?;
    tab.click("button", "Filters and order").await?;
    found.extend(capture(&play, tab, "beside-find", &WIDE_SCREENS).await?);
    page.delete("Signs for the toilets").await?;
    found.extend(capture(&play, tab, "beside-notice", &WIDE_SCREENS).await?);
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}
