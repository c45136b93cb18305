//! Subtasks: made on one device, seen and changed on another, and what becomes of them when both do different things.

use anyhow::{Context as _, Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{Play, RoomLink, RoomPage, Tab};
use serde_json::json;
use thirtyfour::Key;

use crate::Pair;
use crate::screens::{SCREENS, capture};

/// Titles and levels, from top to bottom: `Stage`, `· Lights`, `· · Lamp`.
async fn outline(page: &RoomPage) -> Result<Vec<String>> {
    let script = "return [...document.querySelectorAll('.tasks > [data-task]')].map(row =>
        '· '.repeat((row.getAttribute('aria-level') ?? 1) - 1) + nameOf(row.querySelector('input')));";
    page.tab().execute(script, vec![]).await
}

async fn wait_outline(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    page.wait("the outline", || outline(page), |lines| lines == wanted).await.map(drop)
}

/// Adds subtasks in the details of a task.
async fn add_subtasks(page: &RoomPage, title: &str, subtasks: &[&str]) -> Result<()> {
    page.open_details(title).await?;
    for subtask in subtasks {
        page.tab().fill("Add a subtask", subtask).await?;
        page.tab().press("" + Key::Enter).await?;
        page.tab().wait_for("checkbox", subtask).await?;
    }
    page.close_details().await
}

async fn act(page: &RoomPage, title: &str, action: &str) -> Result<()> {
    page.tab().click("button", &format!("More actions for {title}")).await?;
    page.tab().click("button", action).await
}

async fn put_under(page: &RoomPage, title: &str, parent: &str) -> Result<()> {
    act(page, title, "Put under another task").await?;
    page.tab().fill("Title of the other task", parent).await?;
    page.tab().click("button", parent).await?;
    page.tab().wait_gone("dialog", "Put under another task").await
}

async fn press_on(tab: &Tab, title: &str, keys: &[Key]) -> Result<()> {
    tab.execute::<()>("lookup('checkbox', arguments[0])[0].focus(); return null;", vec![json!(title)]).await?;
    tab.press(keys.iter().map(|key| key.value()).collect::<String>()).await
}

/// Made on one device, ticked, moved and put elsewhere on the other, and the other way round.
pub(crate) async fn both_ways(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Festival").await?;
    alice.add("Stage").await?;
    alice.add("Bar").await?;
    add_subtasks(&alice, "Stage", &["Lights", "Sound"]).await?;
    add_subtasks(&alice, "Lights", &["Lamp"]).await?;
    wait_outline(&alice, &["Stage", "· Lights", "· · Lamp", "· Sound", "Bar"]).await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    wait_outline(&bob, &["Stage", "· Lights", "· · Lamp", "· Sound", "Bar"]).await?;

    // A subtask of a subtask has none.
    bob.open_details("Lamp").await?;
    ensure!(!bob.tab().shows("textbox", "Add a subtask").await?, "a third level is offered");
    bob.tab().click("button", "Part of Lights").await?;
    bob.wait_details_of("Lights").await?;
    bob.tab().click("button", "Part of Stage").await?;
    bob.wait_details_of("Stage").await?;
    // Ticked in the details, and in the list.
    bob.tab().click("checkbox", "Sound").await?;
    bob.close_details().await?;
    alice.tab().wait_for("button", "1/3 subtasks of Stage done").await?;
    wait_outline(&alice, &["Stage", "· Lights", "· · Lamp", "· Sound", "Bar"]).await?;
    alice.toggle("Lamp").await?;
    bob.tab().wait_for("button", "2/3 subtasks of Stage done").await?;

    // Folded here, and after a reload, and not there.
    alice.tab().click("button", "2/3 subtasks of Stage done").await?;
    wait_outline(&alice, &["Stage", "Bar"]).await?;
    alice.reload().await?;
    wait_outline(&alice, &["Stage", "Bar"]).await?;
    press_on(alice.tab(), "Stage", &[Key::Right]).await?;
    wait_outline(&alice, &["Stage", "· Lights", "· · Lamp", "· Sound", "Bar"]).await?;

    // They go with their parent, and keep an order of their own.
    press_on(alice.tab(), "Bar", &[Key::Alt, Key::Up]).await?;
    wait_outline(&bob, &["Bar", "Stage", "· Lights", "· · Lamp", "· Sound"]).await?;
    press_on(bob.tab(), "Sound", &[Key::Alt, Key::Up]).await?;
    wait_outline(&alice, &["Bar", "Stage", "· Sound", "· Lights", "· · Lamp"]).await?;
    let grip = alice.tab().find("button", "More actions for Lights").await?;
    let above = alice.tab().find("checkbox", "Sound").await?;
    alice.tab().drag(&grip, &above, 12).await?;
    wait_outline(&bob, &["Bar", "Stage", "· Lights", "· · Lamp", "· Sound"]).await?;

    put_under(&bob, "Bar", "Stage").await?;
    wait_outline(&alice, &["Stage", "· Lights", "· · Lamp", "· Sound", "· Bar"]).await?;
    act(&alice, "Lights", "Make it a task of its own").await?;
    wait_outline(&bob, &["Stage", "· Sound", "· Bar", "Lights", "· Lamp"]).await?;

    // Found by itself, with the task that it is a part of.
    bob.tab().click("button", "Find").await?;
    bob.tab().fill("Find tasks", "bar").await?;
    wait_outline(&bob, &["Bar"]).await?;
    let facts = || bob.tab().execute::<String>("return document.querySelector('.tasks .facts-row').innerText;", vec![]);
    bob.wait("what it is a part of", facts, |facts| facts.contains("Part of Stage")).await?;
    bob.tab().click("button", "Stop finding").await?;

    // A task is completed with all that is in it, which is one step to undo.
    alice.toggle("Stage").await?;
    bob.wait_done("Bar", true).await?;
    bob.tab().wait_for("button", "Done (3)").await?;
    wait_outline(&bob, &["Lights", "· Lamp", "Stage", "· Sound", "· Bar"]).await?;
    alice.undo().await?;
    bob.wait_done("Bar", false).await?;
    bob.wait_done("Stage", false).await?;
    bob.wait_done("Sound", true).await?;
    // What is open is never folded away with what is done.
    alice.toggle("Stage").await?;
    bob.wait_done("Bar", true).await?;
    bob.toggle("Bar").await?;
    wait_outline(&alice, &["Stage", "· Sound", "· Bar", "Lights", "· Lamp"]).await?;

    // The one to be undone is the deletion.
    alice.tab().wait_gone("button", "Undo").await?;
    act(&alice, "Stage", "Delete with 2 subtasks").await?;
    wait_outline(&bob, &["Lights", "· Lamp"]).await?;
    alice.undo().await?;
    wait_outline(&bob, &["Stage", "· Sound", "· Bar", "Lights", "· Lamp"]).await
}

/// A parent is deleted while somebody else works on what is in it; and two tasks are put under each other.
pub(crate) async fn apart(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let (alices, bobs) = (play.browser(first, "Alice").await?, play.browser(second, "Bob").await?);
    let alice = RoomPage::make_room(&alices, &site, "Garden").await?;
    for title in ["Shed", "Fence", "Gate"] {
        alice.add(title).await?;
    }
    add_subtasks(&alice, "Shed", &["Roof", "Door"]).await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    wait_outline(&bob, &["Shed", "· Roof", "· Door", "Fence", "Gate"]).await?;

    site.proxy().cut().await;
    leave(bob).await?;
    alice.delete("Shed").await?;
    wait_outline(&alice, &["Fence", "Gate", "Roof", "Door"]).await?;
    put_under(&alice, "Fence", "Gate").await?;
    wait_outline(&alice, &["Gate", "· Fence", "Roof", "Door"]).await?;
    alice.wait_stored(&link, "Fence").await?;
    leave(alice).await?;

    let bob = RoomPage::open(&bobs, &link.url).await?;
    add_subtasks(&bob, "Shed", &["Window"]).await?;
    bob.edit("Door", &[("Title", "Door, oak")]).await?;
    put_under(&bob, "Gate", "Fence").await?;
    wait_outline(&bob, &["Shed", "· Roof", "· Door, oak", "· Window", "Fence", "· Gate"]).await?;

    site.proxy().mend().await?;
    let alice = RoomPage::open(&alices, &link.url).await?;
    bob.wait_connected(1).await?;
    // Nothing is lost, and both show the same: the circle is cut at the lower id.
    let lowest = lower_of(&alice, &link, "Fence", "Gate").await?;
    let rest = ["Roof", "Door, oak", "Window"];
    let circle = if lowest == "Fence" { ["Fence", "· Gate"] } else { ["Gate", "· Fence"] };
    for page in [&alice, &bob] {
        for title in rest.into_iter().chain(["Fence", "Gate"]) {
            page.wait_task(title).await?;
        }
        page.wait_no_task("Shed").await?;
        wait_outline(page, &[circle.as_slice(), rest.as_slice()].concat()).await?;
    }
    // The parent comes back, and what is in it with it.
    let shed = trashed(&alice, &link, "Shed").await?;
    let restored: u16 = alice.tab().execute_async(PATCH, vec![json!(link.room), json!(shed)]).await?;
    ensure!(restored == 200, "restoring was answered {restored}");
    for page in [&alice, &bob] {
        let inside = ["Shed", "· Roof", "· Door, oak", "· Window"];
        wait_outline(page, &[inside.as_slice(), circle.as_slice()].concat()).await?;
    }
    Ok(())
}

/// What there is to see of it.
pub(crate) async fn looks(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Harbour festival").await?;
    for title in ["Stage for the big band and the choir", "Bar", "First aid tent", "Coffee"] {
        page.add(title).await?;
    }
    let parts = ["Lights", "Sound check at four, with the monitors and the spare desk", "Cables"];
    add_subtasks(&page, "Stage for the big band and the choir", &parts).await?;
    add_subtasks(&page, "Lights", &["Lamp for the mixing desk", "Dimmer"]).await?;
    page.edit("Lights", &[("Due", "tomorrow"), ("Assignee", "Ines")]).await?;
    page.toggle("Dimmer").await?;
    page.toggle("Cables").await?;
    let mut found = capture(&play, page.tab(), "subtasks", &SCREENS).await?;
    page.open_details("Stage for the big band and the choir").await?;
    found.extend(capture(&play, page.tab(), "task-subtasks", &SCREENS).await?);
    page.tab().click("button", "Open Lights").await?;
    page.wait_details_of("Lights").await?;
    found.extend(capture(&play, page.tab(), "subtask", &SCREENS).await?);
    page.close_details().await?;
    act(&page, "Lights", "Put under another task").await?;
    found.extend(capture(&play, page.tab(), "put-under", &SCREENS).await?);
    page.close_dialog("Put under another task").await?;
    page.tab().click("button", "More actions for Lights").await?;
    page.tab().wait_for("dialog", "Actions").await?;
    found.extend(capture(&play, page.tab(), "actions-subtask", &SCREENS).await?);
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}

/// Closes the page, which must not be the browser's last tab.
async fn leave(page: RoomPage) -> Result<()> {
    page.tab().clone().close().await
}

/// Which of two tasks has the lower id.
async fn lower_of(page: &RoomPage, link: &RoomLink, one: &str, other: &str) -> Result<String> {
    let tasks = tasks(page, link, "").await?;
    let lower = tasks.into_iter().filter(|(_, title)| title == one || title == other).min();
    lower.map(|(_, title)| title).context("neither is there")
}

/// The id of a deleted task.
async fn trashed(page: &RoomPage, link: &RoomLink, title: &str) -> Result<String> {
    let tasks = tasks(page, link, "?deleted=only").await?;
    tasks.into_iter().find(|(_, known)| known == title).map(|(id, _)| id).context("it is not in the trash")
}

/// Ids and titles, by the local endpoint.
async fn tasks(page: &RoomPage, link: &RoomLink, query: &str) -> Result<Vec<(String, String)>> {
    let script = "
        const [room, query, done] = arguments;
        fetch(`/peer/v1/rooms/${room}/tasks${query}`).then(answer => answer.json())
            .then(({ tasks }) => done(tasks.map(({ id, title }) => [id, title])), error => done([[String(error), '']]));";
    page.tab().execute_async(script, vec![json!(link.room), json!(query)]).await
}

/// Restores a task.
const PATCH: &str = "
    const [room, id, done] = arguments;
    fetch(`/peer/v1/rooms/${room}/tasks/${id}`, { method: 'PATCH', body: JSON.stringify({ deleted: false }) })
        .then(answer => done(answer.status), () => done(0));";
