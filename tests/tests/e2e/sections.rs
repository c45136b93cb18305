//! Sections of the list: made on one device, seen and changed on another, and what becomes of them when both do different
//! things; and what else can be done with a task from its menu.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{BrowserKind, Details, Play, RoomPage, Tab};
use serde_json::json;
use thirtyfour::Key;

use crate::Pair;
use crate::screens::{SCREENS, capture};

/// The lines of the list, from top to bottom: `# Dairy (2)` for a heading, the title for a task.
async fn lines(page: &RoomPage) -> Result<Vec<String>> {
    let script = "return [...document.querySelectorAll('.tasks > li')].map(row => row.matches('[data-task]')
        ? nameOf(row.querySelector('input')) : '# ' + nameOf(row.querySelector('button')));";
    page.tab().execute(script, vec![]).await
}

async fn wait_lines(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    page.wait("the lines", || lines(page), |lines| lines == wanted).await.map(drop)
}

async fn act(page: &RoomPage, name: &str, action: &str) -> Result<()> {
    page.tab().click("button", &format!("More actions for {name}")).await?;
    page.tab().click("button", action).await
}

async fn move_to(page: &RoomPage, title: &str, section: &str) -> Result<()> {
    act(page, title, "Move to section").await?;
    page.tab().click("button", section).await?;
    page.tab().wait_gone("dialog", "Move to section").await
}

/// Makes a section by the settings of the room.
async fn add_section(page: &RoomPage, name: &str) -> Result<()> {
    page.tab().click("button", "Room settings").await?;
    page.tab().click("button", "Add a section").await?;
    name_section(page, name, "New section").await
}

async fn name_section(page: &RoomPage, name: &str, dialog: &str) -> Result<()> {
    page.tab().wait_for("dialog", dialog).await?;
    page.tab().fill("Section name", name).await?;
    page.tab().press("" + Key::Enter).await?;
    page.tab().wait_gone("dialog", dialog).await
}

async fn focus(tab: &Tab, role: &str, name: &str) -> Result<()> {
    let script = "lookup(arguments[0], arguments[1])[0].focus(); return null;";
    tab.execute::<()>(script, vec![json!(role), json!(name)]).await
}

/// Made, filled, folded, renamed, ordered and deleted on one device, seen on the other; and the other way round.
pub(crate) async fn both_ways(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Groceries").await?;
    alice.add("Bags").await?;
    add_section(&alice, "Dairy").await?;
    // New tasks go to what was made last, and say so.
    alice.tab().wait_for("button", "Stop adding to Dairy").await?;
    for title in ["Milk", "Butter"] {
        alice.add(title).await?;
    }
    wait_lines(&alice, &["Bags", "# Dairy (2)", "Milk", "Butter"]).await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    wait_lines(&bob, &["Bags", "# Dairy (2)", "Milk", "Butter"]).await?;
    bob.wait_connected(1).await?;

    act(&bob, "Dairy", "Add a section").await?;
    name_section(&bob, "Fruit", "New section").await?;
    wait_lines(&alice, &["Bags", "# Dairy (2)", "Milk", "Butter", "# Fruit (0)"]).await?;
    bob.add("Plums").await?;
    bob.tab().click("button", "Stop adding to Fruit").await?;
    bob.add("Receipt").await?;
    wait_lines(&alice, &["Bags", "Receipt", "# Dairy (2)", "Milk", "Butter", "# Fruit (1)", "Plums"]).await?;

    // Moved by the menu, by the keyboard within a section, and by the pointer into another one.
    move_to(&alice, "Bags", "Fruit").await?;
    wait_lines(&bob, &["Receipt", "# Dairy (2)", "Milk", "Butter", "# Fruit (2)", "Plums", "Bags"]).await?;
    focus(bob.tab(), "checkbox", "Bags").await?;
    bob.tab().press(Key::Alt + Key::Up).await?;
    wait_lines(&alice, &["Receipt", "# Dairy (2)", "Milk", "Butter", "# Fruit (2)", "Bags", "Plums"]).await?;
    let grip = alice.tab().find("button", "More actions for Plums").await?;
    let above = alice.tab().find("checkbox", "Butter").await?;
    alice.tab().drag(&grip, &above, 12).await?;
    wait_lines(&bob, &["Receipt", "# Dairy (3)", "Milk", "Plums", "Butter", "# Fruit (1)", "Bags"]).await?;
    move_to(&bob, "Plums", "No section").await?;
    wait_lines(&alice, &["Receipt", "Plums", "# Dairy (2)", "Milk", "Butter", "# Fruit (1)", "Bags"]).await?;

    // Folded here, and after a reload, and not there.
    alice.tab().click("button", "Dairy (2)").await?;
    let folded = ["Receipt", "Plums", "# Dairy (2)", "# Fruit (1)", "Bags"];
    wait_lines(&alice, &folded).await?;
    alice.reload().await?;
    wait_lines(&alice, &folded).await?;
    wait_lines(&bob, &["Receipt", "Plums", "# Dairy (2)", "Milk", "Butter", "# Fruit (1)", "Bags"]).await?;
    alice.tab().click("button", "Add to Dairy").await?;
    alice.add("Cheese").await?;
    wait_lines(&bob, &["Receipt", "Plums", "# Dairy (3)", "Milk", "Butter", "Cheese", "# Fruit (1)", "Bags"]).await?;

    act(&bob, "Fruit", "Rename").await?;
    name_section(&bob, "Fruit and veg", "Rename section").await?;
    act(&alice, "Fruit and veg", "Move up").await?;
    let last = ["Receipt", "Plums", "# Fruit and veg (1)", "Bags", "# Dairy (3)", "Milk", "Butter", "Cheese"];
    for page in [&alice, &bob] {
        wait_lines(page, &last).await?;
    }

    // Deleted, no task is; and `Undo` brings it back with all that was in it.
    act(&bob, "Dairy", "Delete Dairy").await?;
    let without = ["Receipt", "Milk", "Butter", "Plums", "Cheese", "# Fruit and veg (1)", "Bags"];
    alice.wait("no dairy", || lines(&alice), |lines| !lines.iter().any(|line| line.contains("Dairy"))).await?;
    let mut left = lines(&alice).await?;
    let mut wanted = without.map(str::to_owned).to_vec();
    left.sort_unstable();
    wanted.sort_unstable();
    ensure!(left == wanted, "a task is lost: {left:?}");
    bob.undo().await?;
    for page in [&alice, &bob] {
        wait_lines(page, &last).await?;
    }

    // Sorted otherwise they are not there; grouped by something else, that is.
    let tab = alice.tab();
    tab.click("button", "Find").await?;
    tab.click("button", "Filters and order").await?;
    choose(tab, "Sort by", "By due day").await?;
    alice.wait("no sections", || lines(&alice), |lines| !lines.iter().any(|line| line.starts_with('#'))).await?;
    choose(tab, "Group by", "By priority").await?;
    alice
        .wait("one group", || lines(&alice), |lines| lines.first().is_some_and(|line| line == "# No priority (6)"))
        .await?;
    bob.prioritise("Milk", "High").await?;
    let is_on_top = |lines: &Vec<String>| lines.starts_with(&["# High priority (1)".to_owned(), "Milk".to_owned()]);
    alice.wait("what is urgent on top", || lines(&alice), is_on_top).await.map(drop)
}

async fn choose(tab: &Tab, name: &str, text: &str) -> Result<()> {
    let script = "
        const select = lookup('combobox', arguments[0])[0];
        select.value = [...select.options].find(option => option.text === arguments[1]).value;
        select.dispatchEvent(new Event('change', { bubbles: true }));
        return null;";
    tab.execute::<()>(script, vec![json!(name), json!(text)]).await
}

/// One deletes a section while the other puts a task into it, neither hearing of the other: both ways round.
pub(crate) async fn apart(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let (alices, bobs) = (play.browser(first, "Alice").await?, play.browser(second, "Bob").await?);
    let alice = RoomPage::make_room(&alices, &site, "Move house").await?;
    for title in ["Van", "Boxes"] {
        alice.add(title).await?;
    }
    for name in ["Kitchen", "Cellar"] {
        add_section(&alice, name).await?;
        alice.add(&format!("Sweep {name}")).await?;
    }
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    let all = ["Van", "Boxes", "# Kitchen (1)", "Sweep Kitchen", "# Cellar (1)", "Sweep Cellar"];
    wait_lines(&bob, &all).await?;
    bob.wait_connected(1).await?;

    site.proxy().cut().await;
    bob.tab().clone().close().await?;
    act(&alice, "Kitchen", "Delete Kitchen").await?;
    move_to(&alice, "Boxes", "Cellar").await?;
    wait_lines(&alice, &["Van", "Sweep Kitchen", "# Cellar (2)", "Sweep Cellar", "Boxes"]).await?;
    alice.wait_stored(&link, "Boxes").await?;
    alice.tab().clone().close().await?;

    let bob = RoomPage::open(&bobs, &link.url).await?;
    move_to(&bob, "Van", "Kitchen").await?;
    wait_lines(&bob, &["Boxes", "# Kitchen (2)", "Sweep Kitchen", "Van", "# Cellar (1)", "Sweep Cellar"]).await?;
    act(&bob, "Cellar", "Delete Cellar").await?;
    wait_lines(&bob, &["Boxes", "Sweep Cellar", "# Kitchen (2)", "Sweep Kitchen", "Van"]).await?;

    site.proxy().mend().await?;
    let alice = RoomPage::open(&alices, &link.url).await?;
    bob.wait_connected(1).await?;
    // Both sections are gone, and no task is.
    for page in [&alice, &bob] {
        let is_whole = |lines: &Vec<String>| {
            lines.len() == 4
                && ["Van", "Boxes", "Sweep Kitchen", "Sweep Cellar"]
                    .iter()
                    .all(|title| lines.contains(&(*title).to_owned()))
        };
        page.wait("all tasks and no section", || lines(page), is_whole).await?;
    }
    // The one that is brought back has what was put into it meanwhile.
    let kitchen = restored(&alice, &link.room).await?;
    ensure!(kitchen == 200, "restoring was answered {kitchen}");
    for page in [&alice, &bob] {
        let is_back = |lines: &Vec<String>| {
            lines.ends_with(&["# Kitchen (2)".to_owned(), "Sweep Kitchen".to_owned(), "Van".to_owned()])
        };
        page.wait("the kitchen with the van", || lines(page), is_back).await?;
    }
    Ok(())
}

/// Restores the section that `Van` was put into, by the local endpoint of the first page.
async fn restored(page: &RoomPage, room: &str) -> Result<u16> {
    let script = "
        const [room, done] = arguments;
        const at = path => `/peer/v1/rooms/${room}${path}`;
        fetch(at('/tasks')).then(answer => answer.json())
            .then(({ tasks }) => tasks.find(({ title }) => title === 'Van').section)
            .then(section => fetch(at(`/sections/${section}`), { method: 'PATCH', body: JSON.stringify({ deleted: false }) }))
            .then(answer => done(answer.status), () => done(0));";
    page.tab().execute_async(script, vec![json!(room)]).await
}

/// A task is duplicated with its subtasks; it moves to another room of the device, comes back, and a copy goes there.
pub(crate) async fn copies(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Workshop").await?;
    page.add("Paint the boat").await?;
    page.add("Sweep").await?;
    page.edit("Paint the boat", &[("Notes", "Two coats"), ("Assignee", "Ines")]).await?;
    page.open_details("Paint the boat").await?;
    page.tab().fill("Add a subtask", "Sand it").await?;
    page.tab().press("" + Key::Enter).await?;
    page.tab().wait_for("checkbox", "Sand it").await?;
    page.close_details().await?;
    act(&page, "Paint the boat", "Duplicate").await?;
    wait_lines(&page, &["Paint the boat", "Sand it", "Paint the boat", "Sand it", "Sweep"]).await?;
    page.undo().await?;
    let all = ["Paint the boat", "Sand it", "Sweep"];
    wait_lines(&page, &all).await?;

    let tab = page.tab();
    tab.click("button", "New room").await?;
    tab.fill("Room name", "Harbour").await?;
    tab.click("button", "Create").await?;
    tab.wait_for("heading", "Harbour").await?;
    go_to(&page, "Workshop").await?;
    wait_lines(&page, &all).await?;
    act(&page, "Paint the boat", "Move to another room").await?;
    tab.click("button", "Harbour").await?;
    wait_lines(&page, &["Sweep"]).await?;
    page.undo().await?;
    wait_lines(&page, &all).await?;
    go_to(&page, "Harbour").await?;
    wait_lines(&page, &[]).await?;
    go_to(&page, "Workshop").await?;
    wait_lines(&page, &all).await?;
    act(&page, "Paint the boat", "Copy to another room").await?;
    tab.click("button", "Harbour").await?;
    tab.wait_for("button", "Undo").await?;
    wait_lines(&page, &all).await?;
    go_to(&page, "Harbour").await?;
    wait_lines(&page, &["Paint the boat", "Sand it"]).await?;
    let is_whole = |details: &Details| details.notes == "Two coats" && details.assignee == "Ines";
    page.wait_details("Paint the boat", is_whole).await
}

/// Shows another room, by the list of rooms at the side.
async fn go_to(page: &RoomPage, name: &str) -> Result<()> {
    page.tab().click("link", name).await?;
    page.tab().wait_for("heading", name).await.map(drop)
}

/// What there is to see of it.
pub(crate) async fn looks(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Harbour festival").await?;
    for title in ["Ask the harbour master for the key", "Print the plan"] {
        page.add(title).await?;
    }
    for (name, titles) in [
        ("Before the gates open", &["Fence", "First aid tent", "Signs to the car park and to the tram"][..]),
        ("Stage", &["Lights", "Sound check"]),
        ("Take down", &["Brooms"]),
    ] {
        add_section(&page, name).await?;
        for title in titles {
            page.add(title).await?;
        }
    }
    page.edit("Sound check", &[("Due", "tomorrow"), ("Assignee", "Ines")]).await?;
    page.toggle("Fence").await?;
    let mut found = capture(&play, page.tab(), "sections", &SCREENS).await?;
    page.tab().click("button", "Stop adding to Take down").await?;
    page.tab().click("button", "Take down (1)").await?;
    found.extend(capture(&play, page.tab(), "sections-folded", &SCREENS).await?);
    page.tab().click("button", "More actions for Stage").await?;
    page.tab().wait_for("dialog", "Section").await?;
    found.extend(capture(&play, page.tab(), "section-actions", &SCREENS).await?);
    page.tab().click("button", "Rename").await?;
    page.tab().wait_for("dialog", "Rename section").await?;
    found.extend(capture(&play, page.tab(), "section-name", &SCREENS).await?);
    page.close_dialog("Rename section").await?;
    act(&page, "Lights", "Move to section").await?;
    page.tab().wait_for("dialog", "Move to section").await?;
    found.extend(capture(&play, page.tab(), "to-section", &SCREENS).await?);
    page.close_dialog("Move to section").await?;
    page.tab().click("button", "More actions for Lights").await?;
    page.tab().wait_for("dialog", "Actions").await?;
    found.extend(capture(&play, page.tab(), "actions-section", &SCREENS).await?);
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}
