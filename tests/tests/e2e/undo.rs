//! What a person did is taken back and done again, by keys and by buttons, and only where nobody else changed it since.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{BrowserKind, Play, RoomPage, Tab};
use serde_json::json;
use thirtyfour::Key;

use crate::Pair;
use crate::screens::{SCREENS, capture};

async fn shop(play: &Play, kind: BrowserKind, titles: &[&str]) -> Result<RoomPage> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Shop").await?;
    for title in titles {
        page.add(title).await?;
    }
    Ok(page)
}

/// Presses a letter with Ctrl held, and Shift if it is a capital one, with the keyboard on a task's checkbox.
async fn press_on(page: &RoomPage, title: &str, letter: char) -> Result<()> {
    let focus = "lookup('checkbox', arguments[0])[0].focus(); return null;";
    page.tab().execute::<()>(focus, vec![json!(title)]).await?;
    press(page.tab(), letter).await
}

async fn press(tab: &Tab, letter: char) -> Result<()> {
    let shift = if letter.is_uppercase() { Key::Shift.value().to_string() } else { String::new() };
    tab.press(format!("{}{shift}{}", Key::Control.value(), letter.to_lowercase())).await
}

async fn wait_titles(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    page.wait("the list", || page.titles(), |titles| titles == wanted).await.map(drop)
}

/// Waits until a message says this.
async fn wait_told(page: &RoomPage, wanted: &str) -> Result<()> {
    let script = "return [...document.querySelectorAll('.notice > p')].map(told => told.textContent);";
    let told = || page.tab().execute::<Vec<String>>(script, vec![]);
    page.wait(wanted, told, |told| told.iter().any(|told| told == wanted)).await.map(drop)
}

/// Step by step, seen on the other device, and done again.
pub(crate) async fn step_by_step(play: Play, (first, second): Pair) -> Result<()> {
    let alice = shop(&play, first, &["Milk", "Bread", "Salt"]).await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_task("Salt").await?;

    alice.toggle("Milk").await?;
    alice.edit("Bread", &[("Title", "Rye bread")]).await?;
    alice.choose("Rye bread", "Priority", "High").await?;
    bob.wait_done("Milk", true).await?;
    bob.wait_details("Rye bread", |details| details.priority == "High").await?;
    press_on(&alice, "Salt", 'z').await?;
    wait_told(&alice, "Undone: Changed “Rye bread”").await?;
    bob.wait_details("Rye bread", |details| details.priority == "None").await?;
    // One waits for the other, however fast they are pressed.
    press_on(&alice, "Salt", 'z').await?;
    press(alice.tab(), 'z').await?;
    bob.wait_task("Bread").await?;
    bob.wait_done("Milk", false).await?;
    press_on(&alice, "Salt", 'Z').await?;
    bob.wait_done("Milk", true).await?;
    press(alice.tab(), 'y').await?;
    bob.wait_task("Rye bread").await?;
    // By the button, and then by the key what was done before.
    alice.tab().click("button", "Undo").await?;
    bob.wait_task("Bread").await?;
    press_on(&alice, "Salt", 'z').await?;
    bob.wait_done("Milk", false).await?;
    alice.delete("Salt").await?;
    alice.undo().await?;
    wait_titles(&bob, &["Milk", "Bread", "Salt"]).await?;
    alice.tab().click("button", "Redo").await?;
    wait_titles(&bob, &["Milk", "Bread"]).await?;
    press_on(&alice, "Milk", 'z').await?;
    wait_titles(&bob, &["Milk", "Bread", "Salt"]).await?;

    // What was added goes, and is back; with the keyboard in the field for the next one.
    alice.add("Tea").await?;
    bob.wait_task("Tea").await?;
    press(alice.tab(), 'z').await?;
    bob.wait_no_task("Tea").await?;
    press(alice.tab(), 'Z').await?;
    bob.wait_task("Tea").await?;
    // While something is typed there, that is the browser's to undo.
    alice.tab().press("Sug").await?;
    press(alice.tab(), 'z').await?;
    press(alice.tab(), 'z').await?;
    alice.tab().press("ar" + Key::Enter).await?;
    let sugar = |titles: &Vec<String>| titles.len() == 5 && titles.iter().any(|title| title.ends_with("ar"));
    alice.wait("what was typed", || alice.titles(), sugar).await?;
    press(alice.tab(), 'z').await?;
    wait_titles(&bob, &["Milk", "Bread", "Salt", "Tea"]).await?;

    // Moved, by the keyboard and into another task.
    let up = format!("{}{}", Key::Alt.value(), Key::Up.value());
    alice.tab().execute::<()>("lookup('checkbox', 'Salt')[0].focus(); return null;", vec![]).await?;
    alice.tab().press(up).await?;
    wait_titles(&bob, &["Milk", "Salt", "Bread", "Tea"]).await?;
    alice.tab().click("button", "More actions for Tea").await?;
    alice.tab().click("button", "Put under another task").await?;
    alice.tab().fill("Title of the other task", "Milk").await?;
    alice.tab().click("button", "Milk").await?;
    bob.tab().wait_for("button", "0/1 subtasks of Milk done").await?;
    alice.undo().await?;
    wait_titles(&bob, &["Milk", "Salt", "Bread", "Tea"]).await?;
    press_on(&alice, "Salt", 'z').await?;
    wait_titles(&bob, &["Milk", "Bread", "Salt", "Tea"]).await
}

/// What somebody else changed since stays, and the person reads so; what fails can be tried again.
pub(crate) async fn what_others_changed_stays(play: Play, (first, second): Pair) -> Result<()> {
    let alice = shop(&play, first, &["Gate 3", "Gate 4"]).await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_task("Gate 4").await?;

    alice.edit("Gate 3", &[("Due", "2031-07-01")]).await?;
    bob.wait_details("Gate 3", |details| details.due == "2031-07-01").await?;
    bob.edit("Gate 3", &[("Due", "2031-07-02")]).await?;
    alice.wait_details("Gate 3", |details| details.due == "2031-07-02").await?;
    press_on(&alice, "Gate 4", 'z').await?;
    wait_told(&alice, "Somebody changed the day of “Gate 3” meanwhile; that stays.").await?;
    alice.wait_details("Gate 3", |details| details.due == "2031-07-02").await?;

    // Nobody's work goes with what was added.
    alice.add("Gate 5").await?;
    bob.edit("Gate 5", &[("Notes", "The key is with Ana.")]).await?;
    alice.wait_details("Gate 5", |details| !details.notes.is_empty()).await?;
    press_on(&alice, "Gate 4", 'z').await?;
    wait_told(&alice, "Somebody changed “Gate 5” meanwhile; that stays.").await?;
    bob.wait_task("Gate 5").await?;

    alice.toggle("Gate 3").await?;
    bob.wait_done("Gate 3", true).await?;
    let fail = "
        const real = window.fetch;
        window.fetch = (request, ...rest) => {
            if (!String(request.url ?? request).endsWith('/edits')) return real(request, ...rest);
            window.fetch = real;
            return Promise.resolve(new Response('no', { status: 500 }));
        };
        return null;";
    alice.tab().execute::<()>(fail, vec![]).await?;
    press_on(&alice, "Gate 4", 'z').await?;
    alice.tab().click("button", "Try again").await?;
    bob.wait_done("Gate 3", false).await?;
    press_on(&alice, "Gate 4", 'Z').await?;
    bob.wait_done("Gate 3", true).await
}

/// The lines of the trash, the latest first: titles, and what went with them.
async fn trashed(page: &RoomPage) -> Result<Vec<String>> {
    let script = "
        return [...document.querySelectorAll('.trash li')].map(line => [
            line.querySelector('bdi').textContent, line.textContent.match(/with .* subtasks?/)?.[0]].filter(Boolean).join(' '));";
    page.tab().execute(script, vec![]).await
}

async fn wait_trashed(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    page.wait("the trash", || trashed(page), |lines| lines == wanted).await.map(drop)
}

/// Waits until the open trash says this.
async fn wait_said(page: &RoomPage, wanted: &str) -> Result<()> {
    let script = "return [...document.querySelectorAll('.trash [role=status]')].map(part => part.innerText).join(' ');";
    page.wait(wanted, || page.tab().execute::<String>(script, vec![]), |said| said.contains(wanted)).await.map(drop)
}

async fn open_trash(page: &RoomPage) -> Result<()> {
    page.tab().click("button", "Room settings").await?;
    page.tab().click("button", "Trash").await?;
    page.tab().wait_for("dialog", "Trash").await.map(drop)
}

async fn add_subtask(page: &RoomPage, title: &str, subtask: &str) -> Result<()> {
    page.open_details(title).await?;
    page.tab().fill("Add a subtask", subtask).await?;
    page.tab().press("" + Key::Enter).await?;
    page.tab().wait_for("checkbox", subtask).await?;
    page.close_details().await
}

/// Deleted on one device and restored on the other, with what was deleted with it.
pub(crate) async fn trash(play: Play, (first, second): Pair) -> Result<()> {
    let alice = shop(&play, first, &["Stage", "Bar"]).await?;
    add_subtask(&alice, "Stage", "Lights").await?;
    add_subtask(&alice, "Stage", "Sound").await?;
    let link = alice.share_link().await?;
    let bobs = play.browser(second, "Bob").await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    wait_titles(&bob, &["Stage", "Lights", "Sound", "Bar"]).await?;
    open_trash(&bob).await?;
    wait_said(&bob, "Nothing is deleted here.").await?;
    bob.close_dialog("Trash").await?;

    alice.delete("Bar").await?;
    alice.tab().click("button", "More actions for Stage").await?;
    alice.tab().click("button", "Delete with 2 subtasks").await?;
    wait_titles(&bob, &[]).await?;
    // A page that has never seen them.
    bob.reload().await?;
    open_trash(&bob).await?;
    wait_trashed(&bob, &["Stage with 2 subtasks", "Bar"]).await?;
    bob.tab().click("button", "Restore Stage").await?;
    wait_trashed(&bob, &["Bar"]).await?;
    wait_titles(&alice, &["Stage", "Lights", "Sound"]).await?;
    wait_said(&bob, "Restored “Stage” and 2 subtasks").await?;
    bob.tab().click("button", "Undo").await?;
    wait_titles(&alice, &[]).await?;
    wait_trashed(&bob, &["Stage with 2 subtasks", "Bar"]).await?;
    // What the other one restores leaves the list by itself.
    press(alice.tab(), 'z').await?;
    wait_titles(&alice, &["Stage", "Lights", "Sound"]).await?;
    wait_trashed(&bob, &["Bar"]).await?;
    bob.tab().click("button", "Restore Bar").await?;
    wait_trashed(&bob, &[]).await?;
    bob.close_dialog("Trash").await?;
    wait_titles(&alice, &["Stage", "Lights", "Sound", "Bar"]).await
}

/// What there is to see of it.
pub(crate) async fn looks(play: Play) -> Result<()> {
    let page = shop(&play, Chromium, &["Milk", "Bread", "Salt and pepper for the whole of the kitchen tent"]).await?;
    let mut found = Vec::new();
    page.toggle("Salt and pepper for the whole of the kitchen tent").await?;
    press_on(&page, "Milk", 'z').await?;
    page.tab().wait_for("button", "Redo").await?;
    found.extend(capture(&play, page.tab(), "undone", &SCREENS).await?);
    open_trash(&page).await?;
    wait_said(&page, "Nothing is deleted here.").await?;
    found.extend(capture(&play, page.tab(), "trash-empty", &SCREENS).await?);
    page.close_dialog("Trash").await?;
    add_subtask(&page, "Bread", "Rye").await?;
    page.delete("Salt and pepper for the whole of the kitchen tent").await?;
    page.delete("Milk").await?;
    page.tab().click("button", "More actions for Bread").await?;
    page.tab().click("button", "Delete with 1 subtask").await?;
    page.wait_no_task("Rye").await?;
    page.tab().click("button", "Room settings").await?;
    page.tab().wait_for("button", "Trash").await?;
    found.extend(capture(&play, page.tab(), "settings-ways", &SCREENS).await?);
    page.tab().click("button", "Trash").await?;
    wait_trashed(&page, &["Bread with 1 subtask", "Milk", "Salt and pepper for the whole of the kitchen tent"]).await?;
    found.extend(capture(&play, page.tab(), "trash", &SCREENS).await?);
    page.tab().click("button", "Restore Milk").await?;
    wait_said(&page, "Restored “Milk”").await?;
    found.extend(capture(&play, page.tab(), "trash-restored", &SCREENS).await?);
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}
