//! Finding in all rooms of a device, and filters that are kept under a name.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{BrowserKind, Play, RoomPage, Tab};
use serde_json::json;
use thirtyfour::Key;

use crate::screens::{SCREENS, capture};

/// Two rooms, the second one on show.
async fn two_rooms(play: &Play, kind: BrowserKind) -> Result<RoomPage> {
    let site = play.site().await?;
    let browser = play.browser(kind, "Alice").await?;
    let first = RoomPage::make_room(&browser, &site, "Harbour").await?;
    for title in ["Café chairs", "Cash box"] {
        first.add(title).await?;
    }
    let page = RoomPage::make_room(&browser, &site, "Garage").await?;
    for title in ["CAFE sign", "Oil filter", "Old cafe table"] {
        page.add(title).await?;
    }
    page.toggle("CAFE sign").await?;
    page.wait_done("CAFE sign", true).await?;
    Ok(page)
}

/// What the dialog shows: the rooms, each with its tasks in order.
async fn found(tab: &Tab) -> Result<Vec<(String, Vec<String>)>> {
    let script = "
        return [...document.querySelectorAll('.found-in')].map(room => [
            room.querySelector('h3').textContent, [...room.querySelectorAll('li')].map(line => line.textContent)]);";
    tab.execute(script, vec![]).await
}

async fn wait_found(page: &RoomPage, wanted: &[(&str, &[&str])]) -> Result<()> {
    let is_wanted = |found: &Vec<(String, Vec<String>)>| {
        found.len() == wanted.len()
            && found.iter().zip(wanted).all(|((room, tasks), (name, titles))| room == name && tasks == titles)
    };
    page.wait("what was found", || found(page.tab()), is_wanted).await.map(drop)
}

/// Words are found in both rooms, whatever the case and the accents; a tap shows the task in its room.
pub(crate) async fn rooms(play: Play, kind: BrowserKind) -> Result<()> {
    let page = two_rooms(&play, kind).await?;
    let tab = page.tab();
    tab.click("button", "Find").await?;
    tab.fill("Find tasks", "cafe").await?;
    tab.click("button", "Find in all rooms").await?;
    tab.wait_for("textbox", "Find in all rooms").await?;
    let all: &[(&str, &[&str])] = &[("Harbour", &["Café chairs"]), ("Garage", &["Old cafe table", "CAFE sign"])];
    // In which order the rooms are is theirs.
    let both = |found: &Vec<(String, Vec<String>)>| {
        all.iter().all(|(name, titles)| found.iter().any(|(room, tasks)| room == name && tasks == titles))
    };
    page.wait("both rooms", || found(tab), both).await?;
    tab.fill("Find in all rooms", "cafe sign").await?;
    wait_found(&page, &[("Garage", &["CAFE sign"])]).await?;
    tab.fill("Find in all rooms", "no such thing").await?;
    wait_found(&page, &[]).await?;
    tab.fill("Find in all rooms", "chairs CAFÉ").await?;
    wait_found(&page, &[("Harbour", &["Café chairs"])]).await?;
    tab.click("button", "Open Café chairs").await?;
    page.wait_details_of("Café chairs").await?;
    page.close_details().await?;
    tab.wait_for("heading", "Harbour").await?;

    // By the keyboard alone, from the palette, in the room on show.
    tab.execute::<()>("lookup('checkbox', 'Cash box')[0].focus(); return null;", vec![]).await?;
    tab.press(format!("{}k", Key::Control.value())).await?;
    tab.wait_for("combobox", "Go to or do").await?;
    tab.press("all rooms").await?;
    tab.press("" + Key::Enter).await?;
    tab.wait_for("textbox", "Find in all rooms").await?;
    tab.press("box").await?;
    wait_found(&page, &[("Harbour", &["Cash box"])]).await?;
    tab.press(Key::Tab + Key::Enter).await?;
    page.wait_details_of("Cash box").await?;
    page.close_details().await?;

    // What is read of one room fails.
    let script = "
        const [name] = arguments, fetch = window.fetch;
        const room = [...document.querySelectorAll('.sidebar a')].find(link => link.textContent.includes(name)).hash.slice(1);
        window.fetch = (...asked) => String(asked[0]?.url ?? asked[0]).includes(`${room}/tasks`)
            ? Promise.resolve(new Response('no', { status: 500 })) : fetch(...asked);
        return null;";
    tab.execute::<()>(script, vec![json!("Garage")]).await?;
    tab.click("button", "Find").await?;
    tab.fill("Find tasks", "cash").await?;
    tab.click("button", "Find in all rooms").await?;
    let said = "return document.querySelector('.found-in .problem')?.textContent ?? '';";
    let problem = || tab.execute::<String>(said, vec![]);
    page.wait("what is wrong", problem, |said| said.starts_with("This room cannot be read.")).await?;
    tab.wait_for("button", "Open Cash box").await.map(drop)
}

/// Filters that combine are kept under a name, survive a reload, and are renamed and deleted with `Undo`.
pub(crate) async fn kept(play: Play, kind: BrowserKind) -> Result<()> {
    let page = two_rooms(&play, kind).await?;
    let tab = page.tab();
    page.edit("Oil filter", &[("Assignee", "Ana")]).await?;
    page.prioritise("Oil filter", "High").await?;
    page.edit("Old cafe table", &[("Assignee", "Ana")]).await?;
    tab.click("button", "Find").await?;
    tab.click("button", "Filters and order").await?;
    filter(tab, "Filter by person", "Ana").await?;
    filter(tab, "Filter by priority", "High").await?;
    wait_titles(&page, &["Oil filter"]).await?;
    tab.click("button", "Keep filters").await?;
    tab.wait_for("textbox", "Name of the filters").await?;
    ensure!(tab.value("textbox", "Name of the filters").await? == "Ana, High priority");
    tab.fill("Name of the filters", "Urgent").await?;
    tab.click("button", "Save").await?;
    tab.wait_for("button", "Urgent").await?;
    tab.click("button", "Keep filters").await?;
    tab.fill("Name of the filters", "Urgent").await?;
    tab.click("button", "Save").await?;
    let said = "return document.querySelector('#form-problem')?.textContent ?? '';";
    let problem = || tab.execute::<String>(said, vec![]);
    page.wait("the name is taken", problem, |said| said == "Other filters have this name.").await?;
    page.close_dialog("Keep filters").await?;

    page.reload().await?;
    tab.click("button", "Find").await?;
    tab.click("button", "Urgent").await?;
    wait_titles(&page, &["Oil filter"]).await?;
    tab.click("button", "Filters and order").await?;
    let chosen = "return lookup('combobox', 'Filter by person')[0].selectedOptions[0].text;";
    ensure!(tab.execute::<String>(chosen, vec![]).await? == "Ana");
    tab.click("button", "Urgent").await?;
    wait_titles(&page, &["Oil filter", "Old cafe table", "CAFE sign"]).await?;

    tab.click("button", "More actions for Urgent").await?;
    tab.click("button", "Rename").await?;
    tab.fill("Name of the filters", "Ana's").await?;
    tab.click("button", "Save").await?;
    tab.wait_for("button", "Ana's").await?;
    page.undo().await?;
    tab.wait_for("button", "Urgent").await?;
    tab.click("button", "More actions for Urgent").await?;
    tab.click("button", "Delete Urgent").await?;
    tab.wait_gone("button", "Urgent").await?;
    page.undo().await?;
    tab.wait_for("button", "Urgent").await.map(drop)
}

async fn wait_titles(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    page.wait("the list", || page.titles(), |titles| titles == wanted).await.map(drop)
}

async fn filter(tab: &Tab, name: &str, option: &str) -> Result<()> {
    let script = "
        const [select] = lookup('combobox', arguments[0]);
        select.value = [...select.options].find(option => option.text === arguments[1]).value;
        select.dispatchEvent(new Event('change', { bubbles: true }));
        return null;";
    tab.execute::<()>(script, vec![json!(name), json!(option)]).await
}

/// A picture of each state, and whether everybody can use it.
pub(crate) async fn looks(play: Play) -> Result<()> {
    let page = two_rooms(&play, Chromium).await?;
    let tab = page.tab();
    tab.click("button", "Find").await?;
    tab.click("button", "Filters and order").await?;
    for name in ["Table", "Done", "What has to be gone by the evening", "Oil"] {
        tab.fill("Find tasks", name).await?;
        filter(tab, "Filter by status", "Open").await?;
        tab.click("button", "Keep filters").await?;
        tab.fill("Name of the filters", name).await?;
        tab.click("button", "Save").await?;
        tab.wait_for("button", name).await?;
    }
    let mut found = capture(&play, tab, "kept-filters", &SCREENS).await?;
    tab.click("button", "More actions for Table").await?;
    tab.wait_for("button", "Delete Table").await?;
    found.extend(capture(&play, tab, "kept-filters-actions", &SCREENS).await?);
    page.close_dialog("Kept filters").await?;
    tab.fill("Find tasks", "a").await?;
    tab.click("button", "Find in all rooms").await?;
    tab.wait_for("button", "Open Cash box").await?;
    found.extend(capture(&play, tab, "everywhere", &SCREENS).await?);
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}
