//! Fast hands: several tasks chosen and changed together, swipes, drags by finger, and the palette.

use anyhow::{Result, bail, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{BrowserKind, Play, RoomPage, Tab};
use serde_json::{Value, json};
use thirtyfour::Key;

use crate::Pair;
use crate::screens::{SCREENS, capture};

async fn wait_titles(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    page.wait("the order", || page.titles(), |titles| titles == wanted).await.map(drop)
}

async fn wait_chosen(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    let script = "
        return [...document.querySelectorAll('.task-title[aria-pressed=true]')]
            .map(button => nameOf(button).replace('Choose ', ''));";
    let chosen = || page.tab().execute::<Vec<String>>(script, vec![]);
    page.wait("what is chosen", chosen, |chosen| chosen == wanted).await.map(drop)
}

fn keys(keys: &[Key]) -> String {
    keys.iter().map(Key::value).collect()
}

/// Presses keys with the keyboard on a task's checkbox.
async fn press_on(tab: &Tab, title: &str, keys: String) -> Result<()> {
    tab.execute::<()>("lookup('checkbox', arguments[0])[0].focus(); return null;", vec![json!(title)]).await?;
    tab.press(keys).await
}

/// Clicks a row with a key held.
async fn click_with(tab: &Tab, title: &str, key: &str) -> Result<()> {
    let script = "
        const [row] = [...document.querySelectorAll('.task-title')].filter(row => row.textContent === arguments[0]);
        row.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, [arguments[1]]: true }));
        return null;";
    tab.execute::<()>(script, vec![json!(title), json!(key)]).await
}

async fn band(play: &Play, kind: BrowserKind, titles: &[&str]) -> Result<RoomPage> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Band").await?;
    for title in titles {
        page.add(title).await?;
    }
    Ok(page)
}

/// Chosen by mouse and by keyboard on one device, changed together, seen on the other, and taken back at once.
pub(crate) async fn together(play: Play, (first, second): Pair) -> Result<()> {
    let alice = band(&play, first, &["Amps", "Bass", "Cables", "Drums", "Echo"]).await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_task("Echo").await?;
    let tab = alice.tab();

    click_with(tab, "Amps", "ctrlKey").await?;
    wait_chosen(&alice, &["Amps"]).await?;
    click_with(tab, "Cables", "shiftKey").await?;
    wait_chosen(&alice, &["Amps", "Bass", "Cables"]).await?;
    // From now on a click chooses.
    tab.click("button", "Choose Bass").await?;
    wait_chosen(&alice, &["Amps", "Cables"]).await?;
    tab.click("button", "Change").await?;
    tab.click("button", "High").await?;
    bob.wait_details("Amps", |details| details.priority == "High").await?;
    bob.wait_details("Cables", |details| details.priority == "High").await?;
    tab.wait_gone("dialog", "Change chosen tasks").await?;
    wait_chosen(&alice, &["Amps", "Cables"]).await?;
    alice.undo().await?;
    bob.wait_details("Amps", |details| details.priority == "None").await?;
    bob.wait_details("Cables", |details| details.priority == "None").await?;

    // What somebody else deletes is chosen no more.
    bob.delete("Amps").await?;
    wait_chosen(&alice, &["Cables"]).await?;
    bob.undo().await?;
    alice.wait_task("Amps").await?;
    tab.press("" + Key::Escape).await?;
    tab.wait_gone("button", "Stop choosing").await?;

    press_on(tab, "Bass", keys(&[Key::Shift, Key::Down, Key::Down, Key::Up])).await?;
    wait_chosen(&alice, &["Bass", "Cables"]).await?;
    tab.click("button", "Move").await?;
    tab.click("button", "Move to the bottom").await?;
    wait_titles(&bob, &["Amps", "Drums", "Echo", "Bass", "Cables"]).await?;
    alice.undo().await?;
    wait_titles(&bob, &["Amps", "Bass", "Cables", "Drums", "Echo"]).await?;

    press_on(tab, "Amps", format!("{}a", keys(&[Key::Control]))).await?;
    wait_chosen(&alice, &["Amps", "Bass", "Cables", "Drums", "Echo"]).await?;
    tab.click("button", "Complete").await?;
    bob.wait_done("Echo", true).await?;
    bob.wait_done("Amps", true).await?;
    alice.undo().await?;
    bob.wait_done("Echo", false).await?;
    wait_titles(&bob, &["Amps", "Bass", "Cables", "Drums", "Echo"]).await?;

    // Dragging one of them moves all of them, in their order.
    click_with(tab, "Bass", "ctrlKey").await?;
    click_with(tab, "Echo", "ctrlKey").await?;
    wait_chosen(&alice, &["Bass", "Echo"]).await?;
    let grip = tab.find("button", "More actions for Echo").await?;
    let above = tab.find("checkbox", "Amps").await?;
    tab.drag(&grip, &above, 12).await?;
    wait_titles(&bob, &["Bass", "Echo", "Amps", "Cables", "Drums"]).await?;
    tab.click("button", "Delete").await?;
    wait_titles(&bob, &["Amps", "Cables", "Drums"]).await?;
    alice.undo().await?;
    wait_titles(&bob, &["Bass", "Echo", "Amps", "Cables", "Drums"]).await?;

    tab.click("button", "More actions for Echo").await?;
    tab.click("button", "Choose").await?;
    wait_chosen(&alice, &["Echo"]).await?;
    tab.click("button", "Move").await?;
    tab.fill("Title of the other task", "amps").await?;
    tab.click("button", "Amps").await?;
    bob.tab().wait_for("button", "0/1 subtasks of Amps done").await.map(drop)
}

/// A finger on the page: down, along a path, and up if it ends.
async fn finger(tab: &Tab, path: &[(f64, f64)], lets_go: bool) -> Result<()> {
    for (number, (x, y)) in path.iter().enumerate() {
        let kind = if number == 0 { "touchStart" } else { "touchMove" };
        tab.cdp("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": [{ "x": x, "y": y }] })).await?;
    }
    if lets_go {
        tab.cdp("Input.dispatchTouchEvent", json!({ "type": "touchEnd", "touchPoints": [] })).await?;
    }
    Ok(())
}

/// A finger on a task's row, from its middle so far along. On a busy machine it may have rested before it moved, and then has
/// chosen the task: that is taken back, and it moves again.
async fn swipe(tab: &Tab, title: &str, path: &[(f64, f64)], lets_go: bool) -> Result<()> {
    for _ in 0..10 {
        let (x, y) = middle(tab, title, ".task-title").await?;
        let path: Vec<_> =
            std::iter::once(&(0.0, 0.0)).chain(path).map(|(right, down)| (x + right, y + down)).collect();
        finger(tab, &path, false).await?;
        // So that it throws nothing, which would go on scrolling when it has let go.
        tab.wait_still().await?;
        let has_rested = tab.shows("button", "Stop choosing").await?;
        if has_rested || lets_go {
            finger(tab, &[], true).await?;
        }
        if !has_rested {
            return Ok(());
        }
        tab.click("button", "Stop choosing").await?;
        tab.wait_gone("button", "Stop choosing").await?;
        tab.wait_still().await?;
    }
    bail!("the finger always rests")
}

/// The middle of what a selector finds in a task's row.
async fn middle(tab: &Tab, title: &str, selector: &str) -> Result<(f64, f64)> {
    let script = "
        const row = [...document.querySelectorAll('.tasks > li.task')]
            .find(row => row.querySelector('.task-title').textContent === arguments[0]);
        const { x, y, width, height } = row.querySelector(arguments[1]).getBoundingClientRect();
        return [x + width / 2, y + height / 2];";
    tab.execute(script, vec![json!(title), json!(selector)]).await
}

/// Scrolls to the top, and waits until the page stays there: what a finger has thrown goes on for a while.
async fn to_top(page: &RoomPage) -> Result<()> {
    let script = "
        const done = arguments[0], at = [];
        const look = () => {
            scrollTo({ top: 0, behavior: 'instant' });
            at.push(scrollY);
            at.length > 20 && at.slice(-20).every(top => top === 0) ? done(true) : requestAnimationFrame(look);
        };
        look();";
    page.tab().execute_async::<bool>(script, vec![]).await?;
    page.tab().wait_still().await
}

/// A finger swipes, rests, scrolls and drags, and does nothing else.
pub(crate) async fn touched(play: Play) -> Result<()> {
    let titles: Vec<String> = (1..=30).map(|number| format!("Crate {number}")).collect();
    let page = band(&play, Chromium, &titles.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let tab = page.tab();
    tab.emulate_screen(390, 844).await?;
    tab.cdp("Emulation.setTouchEmulationEnabled", json!({ "enabled": true, "maxTouchPoints": 1 })).await?;
    to_top(&page).await?;

    // Not far enough: nothing comes of it.
    let word = || tab.execute::<Option<String>>(SWIPED, vec![]);
    swipe(tab, "Crate 3", &[(30.0, 0.0), (60.0, 0.0)], false).await?;
    page.wait("what the row says", word, |word| word.as_deref() == Some("Complete")).await?;
    finger(tab, &[], true).await?;
    page.wait("the row where it was", word, Option::is_none).await?;
    page.wait_done("Crate 3", false).await?;
    ensure!(!tab.shows("dialog", "Task").await?, "what is left of a swipe opens the task");

    swipe(tab, "Crate 3", &[(60.0, 0.0), (120.0, 0.0)], true).await?;
    page.wait_done("Crate 3", true).await?;
    page.undo().await?;
    page.wait_done("Crate 3", false).await?;
    tab.wait_still().await?;

    swipe(tab, "Crate 4", &[(-60.0, 0.0), (-120.0, 0.0)], true).await?;
    tab.click("button", "Due tomorrow").await?;
    tab.wait_gone("dialog", "Actions").await?;
    page.wait_details("Crate 4", |details| !details.due.is_empty()).await?;

    // Up and down it scrolls, and neither swipes nor opens.
    swipe(tab, "Crate 9", &[(0.0, -40.0), (40.0, -120.0), (120.0, -200.0)], true).await?;
    let top = || tab.execute::<f64>("return scrollY;", vec![]);
    page.wait("the page to scroll", top, |top| *top > 50.0).await?;
    page.wait_done("Crate 9", false).await?;
    to_top(&page).await?;
    // What is left of the swing.
    tab.wait_still().await?;

    // By the grip it drags.
    let (x, from) = middle(tab, "Crate 6", ".task-more").await?;
    let (_, to) = middle(tab, "Crate 5", ".task-more").await?;
    finger(tab, &[(x, from), (x, from - 10.0), (x, to), (x, to - 12.0)], true).await?;
    let order = || page.titles();
    let is_moved = |titles: &Vec<String>| titles.get(4).map(String::as_str) == Some("Crate 6");
    page.wait("the crate to be moved", order, is_moved).await?;
    tab.wait_still().await?;

    // It rests, and then each tap chooses.
    to_top(&page).await?;
    tab.wait_still().await?;
    let at = middle(tab, "Crate 1", ".task-title").await?;
    finger(tab, &[at], false).await?;
    wait_chosen(&page, &["Crate 1"]).await?;
    finger(tab, &[], true).await?;
    wait_chosen(&page, &["Crate 1"]).await?;
    finger(tab, &[middle(tab, "Crate 2", ".task-title").await?], true).await?;
    wait_chosen(&page, &["Crate 1", "Crate 2"]).await?;
    let covered = "
        scrollTo({ top: document.body.scrollHeight, behavior: 'instant' });
        const last = [...document.querySelectorAll('.tasks > li')].pop().getBoundingClientRect();
        return last.bottom > document.querySelector('.chosen-bar').getBoundingClientRect().top;";
    ensure!(!tab.execute::<bool>(covered, vec![]).await?, "the bar lies over the last row");
    tab.click("button", "Complete").await?;
    page.wait_done("Crate 1", true).await?;
    page.wait_done("Crate 2", true).await
}

/// The word on the row that is swiped.
const SWIPED: &str = "return document.querySelector('[data-word]')?.dataset.word ?? null;";

/// One field finds commands, rooms and tasks, and the input method's Enter does nothing.
pub(crate) async fn palette(play: Play, kind: BrowserKind) -> Result<()> {
    let page = band(&play, kind, &["Amps", "Bass", "Café crates"]).await?;
    let tab = page.tab();
    let open = async || {
        press_on(tab, "Amps", format!("{}k", keys(&[Key::Control]))).await?;
        tab.wait_for("combobox", "Go to or do").await
    };
    open().await?;
    tab.press("settings").await?;
    let offered = "
        const field = lookup('combobox', 'Go to or do')[0];
        const active = document.getElementById(field.getAttribute('aria-activedescendant'));
        return document.activeElement === field && active?.ariaSelected === 'true' ? active.textContent : '';";
    let active = || tab.execute::<String>(offered, vec![]);
    page.wait("the command", active, |line| line == "Room settings").await?;
    tab.press("" + Key::Enter).await?;
    tab.wait_for("textbox", "Room name").await?;
    tab.press("" + Key::Escape).await?;
    tab.wait_gone("textbox", "Room name").await?;

    open().await?;
    tab.press("crates CAFE").await?;
    page.wait("the task", active, |line| line == "Café crates").await?;
    compose(tab, "Go to or do").await?;
    page.wait("the task still", active, |line| line == "Café crates").await?;
    tab.press("" + Key::Enter).await?;
    page.wait_details_of("Café crates").await?;
    page.close_details().await?;

    open().await?;
    tab.press(format!("room{}", keys(&[Key::Down, Key::Down, Key::Up]))).await?;
    page.wait("the second line", active, |line| line == "New room").await?;
    tab.press("" + Key::Escape).await?;
    tab.wait_gone("combobox", "Go to or do").await?;

    press_on(tab, "Bass", "?".to_owned()).await?;
    tab.wait_for("dialog", "Keys").await?;
    page.close_dialog("Keys").await?;

    tab.execute::<()>("lookup('textbox', 'Add a task')[0].focus(); return null;", vec![]).await?;
    tab.press("Half a word").await?;
    compose(tab, "Add a task").await?;
    wait_titles(&page, &["Amps", "Bass", "Café crates"]).await?;
    tab.press("" + Key::Enter).await?;
    page.wait_task("Half a word").await
}

/// The Enter by which an input method ends a word.
async fn compose(tab: &Tab, name: &str) -> Result<()> {
    let script = "
        const [field] = [...lookup('textbox', arguments[0]), ...lookup('combobox', arguments[0])];
        const init = { key: 'Enter', isComposing: true, bubbles: true, cancelable: true };
        return field.dispatchEvent(new KeyboardEvent('keydown', init));";
    let is_left: bool = tab.execute(script, vec![Value::from(name)]).await?;
    ensure!(is_left, "the input method's Enter is taken from it");
    Ok(())
}

/// How it looks and reads.
pub(crate) async fn looks(play: Play) -> Result<()> {
    let page = band(&play, Chromium, &["Amps and stands", "Bass", "Café crates", "Drums", "Echo"]).await?;
    let tab = page.tab();
    let mut found = Vec::new();
    click_with(tab, "Bass", "ctrlKey").await?;
    click_with(tab, "Drums", "shiftKey").await?;
    wait_chosen(&page, &["Bass", "Café crates", "Drums"]).await?;
    found.extend(capture(&play, tab, "chosen", &SCREENS).await?);
    tab.click("button", "Change").await?;
    tab.wait_for("dialog", "Change chosen tasks").await?;
    found.extend(capture(&play, tab, "change-chosen", &SCREENS).await?);
    page.close_dialog("Change chosen tasks").await?;
    tab.click("button", "Move").await?;
    tab.wait_for("dialog", "Move chosen tasks").await?;
    found.extend(capture(&play, tab, "move-chosen", &SCREENS).await?);
    page.close_dialog("Move chosen tasks").await?;
    press_on(tab, "Bass", format!("{}k", keys(&[Key::Control]))).await?;
    tab.wait_for("combobox", "Go to or do").await?;
    found.extend(capture(&play, tab, "palette", &SCREENS).await?);
    page.close_dialog("Go to or do").await?;
    press_on(tab, "Bass", "?".to_owned()).await?;
    tab.wait_for("dialog", "Keys").await?;
    found.extend(capture(&play, tab, "keys", &SCREENS).await?);
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}
