//! Lines that say more than a title: typed or pasted on one device, and what they mean seen on another.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{Play, RoomPage};
use serde_json::json;
use thirtyfour::Key;

use crate::Pair;
use crate::own_order::paste;
use crate::screens::{SCREENS, capture};

/// What is understood of the line that is being typed.
async fn chips(page: &RoomPage) -> Result<Vec<String>> {
    page.tab().execute("return [...document.querySelectorAll('.add .label-chip bdi')].map(textOf);", vec![]).await
}

async fn wait_chips(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    page.wait("the chips", || chips(page), |chips| chips == wanted).await.map(drop)
}

/// The rows of the list, with their facts, and levels.
async fn rows(page: &RoomPage) -> Result<Vec<String>> {
    let script = "return [...document.querySelectorAll('.tasks > [data-task]')].map(row =>
        '· '.repeat((row.getAttribute('aria-level') ?? 1) - 1) + nameOf(row.querySelector('input'))
            + (row.querySelector('input').checked ? ' ✓' : ''));";
    page.tab().execute(script, vec![]).await
}

async fn wait_rows(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    page.wait("the rows", || rows(page), |rows| rows == wanted).await.map(drop)
}

/// The text of a task's row.
async fn wait_fact(page: &RoomPage, title: &str, facts: &[&str]) -> Result<()> {
    let script = "
        const [box] = lookup('checkbox', arguments[0]);
        return box ? box.closest('li').innerText : '';";
    let row = || page.tab().execute::<String>(script, vec![json!(title)]);
    page.wait("the facts", row, |row| facts.iter().all(|fact| row.contains(fact))).await.map(drop)
}

pub(crate) async fn both_ways(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Festival").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;

    // Understood as it is typed, and turned back into text by Esc and by a tap.
    alice.tab().fill("Add a task", "gate 3 today @Ana #van !2").await?;
    wait_chips(&alice, &["Due Today", "For Ana", "#van", "Medium priority"]).await?;
    alice.tab().press("" + Key::Escape).await?;
    wait_chips(&alice, &["Due Today", "For Ana", "#van"]).await?;
    alice.tab().click("button", "Keep “#van” as text").await?;
    wait_chips(&alice, &["Due Today", "For Ana"]).await?;
    let typed = alice.tab().value("textbox", "Add a task").await?;
    ensure!(typed == "gate 3 today @Ana \\#van \\!2", "the line is {typed}");
    // It is a draft all the while.
    alice.reload().await?;
    wait_chips(&alice, &["Due Today", "For Ana"]).await?;
    alice.tab().fill("Add a task", "gate 3 today @Ana #van !2").await?;
    wait_chips(&alice, &["Due Today", "For Ana", "#van", "Medium priority"]).await?;
    alice.tab().press("" + Key::Enter).await?;
    wait_fact(&bob, "gate 3", &["Today", "Ana", "van"]).await?;
    wait_chips(&alice, &[]).await?;

    // In the details days are words too.
    bob.open_details("gate 3").await?;
    let due = bob.tab().value("textbox", "Due").await?;
    ensure!(due == "Today", "it is due on {due}");
    bob.tab().fill("Due", "next week").await?;
    bob.close_details().await?;
    bob.open_details("gate 3").await?;
    let day = bob.details().await?.due;
    bob.tab().click("button", "No day").await?;
    bob.tab().click("button", "Next week").await?;
    bob.close_details().await?;
    alice.wait_details("gate 3", |details| details.due == day && day.len() == 10).await?;

    // A person of the room is known by any case.
    bob.tab().fill("Add a task", "rope @ana").await?;
    wait_chips(&bob, &["For Ana"]).await?;
    bob.tab().press("" + Key::Enter).await?;
    wait_fact(&alice, "rope", &["Ana"]).await?;

    // Lines are tasks, and what is indented is a subtask; all of it is one step to undo.
    let lines = "- Stage\n  - [ ] Lights #van\n    1. Lamp\n  - [x] Sound\nBar @Bo\n";
    ensure!(!paste(&alice, lines).await?, "the lines go into the field too");
    let outline = ["gate 3", "rope", "Stage", "· Lights", "· · Lamp", "· Sound ✓", "Bar"];
    wait_rows(&bob, &outline).await?;
    wait_fact(&bob, "Lights", &["van"]).await?;
    wait_fact(&bob, "Bar", &["Bo"]).await?;
    alice.undo().await?;
    wait_rows(&bob, &["gate 3", "rope"]).await?;

    // Whoever does not want it switches it off.
    alice.tab().click("button", "Room settings").await?;
    alice.tab().click("checkbox", "Quick-add on this device: gate 3 fri @Ana #van !2").await?;
    alice.close_dialog("Room settings").await?;
    alice.add("gate 4 fri @Ana").await?;
    bob.wait_task("gate 4 fri @Ana").await
}

/// What it looks like.
pub(crate) async fn looks(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Harbour festival").await?;
    for title in ["Book the crane for the big tent", "Cable ramps", "Radio check", "Water hose"] {
        page.add(title).await?;
    }
    let top = "return document.querySelector('.tasks').getBoundingClientRect().top;";
    let before: f64 = page.tab().execute(top, vec![]).await?;
    page.tab().fill("Add a task", "gate 3").await?;
    let after: f64 = page.tab().execute(top, vec![]).await?;
    ensure!((before - after).abs() < 0.5, "the list has moved from {before} to {after}");
    page.tab().fill("Add a task", "gate 3 tomorrow @\"Ana Maria\" #van !high").await?;
    wait_chips(&page, &["Due Tomorrow", "For Ana Maria", "#van", "High priority"]).await?;
    let mut found = capture(&play, page.tab(), "quick-add", &SCREENS).await?;
    page.tab().press("" + Key::Enter).await?;
    page.open_details("gate 3").await?;
    page.tab().execute::<()>("document.querySelector('#field-Due').scrollIntoView(); return null;", vec![]).await?;
    found.extend(capture(&play, page.tab(), "due", &SCREENS).await?);
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}
