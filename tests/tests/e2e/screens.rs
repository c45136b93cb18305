//! Every screen: a picture of it on a phone and a laptop, light and dark, and whether everybody can use it.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{BrowserKind, ColorScheme, Play, RoomPage, Tab, violations};

pub(crate) type Size = (&'static str, u32, u32);

pub(crate) const SCREENS: [Size; 2] = [("phone", 390, 844), ("laptop", 1280, 800)];
const SCHEMES: [ColorScheme; 2] = [ColorScheme::Light, ColorScheme::Dark];

pub(crate) async fn all(play: Play) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(Chromium, "Alice").await?;
    let tab = browser.open(&site.origin()).await?;
    tab.wait_for("button", "New room").await?;
    let mut found = Vec::new();
    found.extend(capture(&play, &tab, "home-empty", &SCREENS).await?);
    tab.click("button", "Join a room").await?;
    tab.wait_for("textbox", "Room link").await?;
    found.extend(capture(&play, &tab, "join", &SCREENS).await?);

    tab.reload().await?;
    tab.click("button", "New room").await?;
    tab.wait_for("textbox", "Room name").await?;
    found.extend(capture(&play, &tab, "new-room", &SCREENS).await?);
    let tab = browser.open(&format!("{}/#nonsense", site.origin())).await?;
    tab.wait_for("heading", "This link does not open a room").await?;
    found.extend(capture(&play, &tab, "bad-link", &SCREENS).await?);

    let page = RoomPage::make_room(&browser, &site, "Summer camp").await?;
    found.extend(capture(&play, page.tab(), "room-empty", &SCREENS).await?);
    for title in
        ["Tents for twelve", "Call the ferry about the trailer and ask for the early boat", "First aid kit", "Guitar"]
    {
        page.add(title).await?;
    }
    page.toggle("Guitar").await?;
    let details = [("Notes", "Check the poles first."), ("Assignee", "Ines"), ("Due", "2031-07-01")];
    page.edit("Tents for twelve", &details).await?;
    page.prioritise("Tents for twelve", "High").await?;
    let link = page.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    bob.wait_connected(1).await?;
    page.wait_connected(1).await?;
    found.extend(capture(&play, page.tab(), "room", &SCREENS).await?);
    page.open_details("Tents for twelve").await?;
    found.extend(capture(&play, page.tab(), "task", &SCREENS).await?);
    page.close_details().await?;
    page.tab().click("button", "More actions for Tents for twelve").await?;
    page.tab().wait_for("dialog", "Actions").await?;
    found.extend(capture(&play, page.tab(), "actions", &SCREENS).await?);
    page.close_dialog("Actions").await?;
    page.tab().click("button", "Find").await?;
    page.tab().click("button", "Filters and order").await?;
    page.tab().fill("Find tasks", "the").await?;
    found.extend(capture(&play, page.tab(), "find", &SCREENS).await?);
    page.tab().fill("Find tasks", "no such thing").await?;
    page.tab().wait_for("button", "Show all tasks").await?;
    found.extend(capture(&play, page.tab(), "nothing-found", &SCREENS).await?);
    page.tab().click("button", "Stop finding").await?;
    page.tab().click("button", "Share").await?;
    page.tab().wait_for("img", "QR code").await?;
    found.extend(capture(&play, page.tab(), "share", &SCREENS).await?);
    page.close_dialog("Share this room").await?;
    page.tab().click("button", "Devices").await?;
    page.tab().wait_for("list", "Other devices").await?;
    found.extend(capture(&play, page.tab(), "devices", &SCREENS).await?);
    page.tab().execute::<()>("document.querySelector('.report').scrollIntoView(); return null;", vec![]).await?;
    found.extend(capture(&play, page.tab(), "diagnostics", &SCREENS).await?);
    page.close_dialog("Devices").await?;
    page.tab().click("button", "Room settings").await?;
    page.tab().wait_for("button", "Leave room").await?;
    found.extend(capture(&play, page.tab(), "settings", &SCREENS).await?);
    page.tab().click("button", "Leave room").await?;
    page.tab().wait_for("dialog", "Leave this room?").await?;
    found.extend(capture(&play, page.tab(), "leave", &SCREENS).await?);
    page.close_dialog("Leave this room?").await?;
    page.delete("Guitar").await?;
    page.tab().wait_for("button", "Undo").await?;
    found.extend(capture(&play, page.tab(), "deleted", &SCREENS).await?);

    // On a laptop the rooms stand beside the tasks; a phone has a dialog for them.
    RoomPage::make_room(&browser, &site, "Garage").await?;
    page.tab().emulate_screen(390, 844).await?;
    page.tab().click("button", "Rooms").await?;
    page.tab().wait_for("link", "Garage").await?;
    found.extend(capture(&play, page.tab(), "rooms", SCREENS.get(..1).unwrap_or_default()).await?);
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}

/// A room with many tasks, as it is used: how many of them are in view on a phone.
pub(crate) async fn busy(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Harbour festival").await?;
    let titles = [
        "Book the crane for the big tent",
        "Generator: oil, filter, spare fuse",
        "Pick up the beer benches",
        "Fire extinguishers",
        "Ask the harbour master which of the two moorings is free on Friday, and whether the ferry can land behind it",
        "Cable ramps for gate 3",
        "Radio check",
        "Signs for the toilets",
        "First aid tent",
        "Coffee",
        "Power for the stage",
        "Water hose",
        "Volunteers' list",
        "Cash box",
        "Tape",
        "Lanterns",
        "Rubbish bags",
        "Rain covers",
        "Bunting",
        "Ice",
    ];
    for title in titles {
        page.add(title).await?;
    }
    let details = [("Notes", "Ask for the long one."), ("Assignee", "Ines"), ("Due", "tomorrow")];
    page.edit("Book the crane for the big tent", &details).await?;
    page.prioritise("Book the crane for the big tent", "High").await?;
    page.edit("Cable ramps for gate 3", &[("Assignee", "Bo"), ("Due", "2031-07-04")]).await?;
    page.choose("Radio check", "Status", "Blocked").await?;
    page.edit("Coffee", &[("Due", "today")]).await?;
    for title in ["Tape", "Ice", "Cash box"] {
        page.toggle(title).await?;
    }
    let mut found = capture(&play, page.tab(), "busy", &SCREENS).await?;
    page.tab().emulate_screen(390, 844).await?;
    page.tab().execute::<()>("scrollTo(0, 0); return null;", vec![]).await?;
    let script = "
        const top = document.querySelector('.add').getBoundingClientRect().top;
        return [...document.querySelectorAll('[data-task]')].map(row => row.getBoundingClientRect())
            .filter(row => row.bottom <= top).map(row => row.height);";
    let rows: Vec<f64> = page.tab().execute(script, vec![]).await?;
    // One of them is a title of three lines.
    ensure!(rows.len() >= 13 && rows.iter().all(|height| *height >= 44.0), "the rows in view: {rows:?}");
    page.open_details(
        "Ask the harbour master which of the two moorings is free on Friday, and whether the ferry can land behind it",
    )
    .await?;
    let cut = "const title = document.querySelector('#field-Title'); return title.scrollHeight - title.clientHeight;";
    page.tab().wait_still().await?;
    let hidden: f64 = page.tab().execute(cut, vec![]).await?;
    ensure!(hidden <= 1.0, "{hidden} pixels of a long title are hidden in its own details");
    found.extend(capture(&play, page.tab(), "task-long", &SCREENS).await?);
    page.close_details().await?;
    page.tab().click("button", "Done (3)").await?;
    found.extend(capture(&play, page.tab(), "folded", &SCREENS).await?);
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}

/// Keeps the pictures of one screen and gives what axe-core finds on it.
pub(crate) async fn capture(play: &Play, tab: &Tab, name: &str, sizes: &[Size]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (screen, width, height) in sizes {
        tab.emulate_screen(*width, *height).await?;
        for scheme in SCHEMES {
            tab.emulate_scheme(scheme).await?;
            tab.wait_still().await?;
            let kept = format!("{name}-{screen}-{}", scheme.as_str());
            tab.screenshot(&play.tools().screenshots().join(format!("{kept}.png"))).await?;
            let wide = "return document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth;";
            ensure!(tab.execute::<i64>(wide, vec![]).await? <= 0, "{kept} has to be scrolled sideways");
            for violation in violations(tab, &play.tools().axe).await? {
                found.push(format!("{kept}: {} ({}) {:#?}", violation.id, violation.help, violation.nodes));
            }
        }
    }
    Ok(found)
}

/// The names that people with a screen reader, and these tests, rely on: as the browser itself computes them.
pub(crate) async fn names(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(kind, "Alice").await?;
    let tab = browser.open(&site.origin()).await?;
    check(&tab, &[("button", "New room"), ("button", "Join a room")]).await?;
    tab.click("button", "Join a room").await?;
    check(&tab, &[("textbox", "Room link"), ("button", "Join")]).await?;
    tab.reload().await?;
    tab.click("button", "New room").await?;
    check(&tab, &[("textbox", "Room name"), ("button", "Create")]).await?;
    tab.fill("Room name", "Names").await?;
    tab.click("button", "Create").await?;

    let page = RoomPage::wait_open(tab).await?;
    page.add("Milk").await?;
    let tab = page.tab();
    check(tab, &[("button", "Share"), ("textbox", "Add a task"), ("list", "Tasks"), ("status", "Connection")]).await?;
    check(tab, &[("checkbox", "Milk"), ("button", "Open Milk")]).await?;
    check(tab, &[("button", "More actions for Milk"), ("button", "Find")]).await?;
    tab.click("button", "More actions for Milk").await?;
    check(tab, &[("dialog", "Actions"), ("button", "Open"), ("button", "Delete Milk")]).await?;
    check(tab, &[("button", "Move up"), ("button", "Move to the bottom")]).await?;
    page.close_dialog("Actions").await?;
    tab.click("button", "Find").await?;
    check(tab, &[("textbox", "Find tasks"), ("button", "Filters and order"), ("status", "Found")]).await?;
    tab.click("button", "Filters and order").await?;
    check(tab, &[("combobox", "Sort by"), ("combobox", "Filter by person")]).await?;
    tab.click("button", "Stop finding").await?;
    page.open_details("Milk").await?;
    check(tab, &[("dialog", "Task"), ("textbox", "Title"), ("textbox", "Notes"), ("textbox", "Assignee")]).await?;
    check(tab, &[("textbox", "Due"), ("combobox", "Priority"), ("button", "Done"), ("button", "Delete Milk")]).await?;
    page.close_details().await?;
    tab.click("button", "Share").await?;
    check(tab, &[("dialog", "Share this room"), ("textbox", "Room link"), ("button", "Copy link"), ("img", "QR code")])
        .await?;
    let link = tab.find("textbox", "Room link").await?;
    ensure!(link.prop("readOnly").await?.as_deref() == Some("true"), "the room link can be changed");
    Ok(())
}

async fn check(tab: &Tab, controls: &[(&str, &str)]) -> Result<()> {
    for (role, name) in controls {
        let element = tab.wait_for(role, name).await?;
        let (computed_role, computed_name) = tab.computed(&element).await?;
        // ARIA 1.3 calls it "image"; Chromium does so already.
        let computed_role = computed_role.replace("image", "img");
        ensure!(
            (computed_role.as_str(), computed_name.as_str()) == (*role, *name),
            "{role} “{name}” is {computed_role} “{computed_name}”"
        );
    }
    Ok(())
}
