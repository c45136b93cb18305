//! The list in the order that people give it, and what stays where it is while others change it.

use anyhow::{Result, ensure};
use partyline_tests::{BrowserKind, Play, RoomPage, Tab};
use serde_json::json;
use thirtyfour::Key;

use crate::Pair;

async fn wait_titles(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    page.wait("the order", || page.titles(), |titles| titles == wanted).await.map(drop)
}

/// Presses keys with the keyboard on a task's checkbox.
async fn press_on(tab: &Tab, title: &str, keys: &str) -> Result<()> {
    tab.execute::<()>("lookup('checkbox', arguments[0])[0].focus(); return null;", vec![json!(title)]).await?;
    tab.press(keys.to_owned()).await
}

async fn act(page: &RoomPage, title: &str, action: &str) -> Result<()> {
    page.tab().click("button", &format!("More actions for {title}")).await?;
    page.tab().click("button", action).await?;
    page.tab().wait_gone("dialog", "Actions").await
}

/// By keyboard, by menu and by pointer on one device, seen on the other; and the other way round.
pub(crate) async fn moved(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Set list").await?;
    for title in ["Intro", "Waltz", "Polka", "March"] {
        alice.add(title).await?;
    }
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    wait_titles(&bob, &["Intro", "Waltz", "Polka", "March"]).await?;

    // Two steps at once: the second begins where the first ended.
    let twice_up: String = [Key::Alt, Key::Up, Key::Up].map(|key| key.value()).iter().collect();
    press_on(alice.tab(), "March", &twice_up).await?;
    wait_titles(&alice, &["Intro", "March", "Waltz", "Polka"]).await?;
    let script = "
        const said = [...document.querySelectorAll('.for-ears[aria-live]')].map(region => region.textContent);
        return nameOf(document.activeElement) + '|' + said.join('');";
    let said = || alice.tab().execute::<String>(script, vec![]);
    alice.wait("the keyboard and the words", said, |said| said == "March|March: 2 of 4").await?;
    wait_titles(&bob, &["Intro", "March", "Waltz", "Polka"]).await?;

    act(&bob, "Intro", "Move to the bottom").await?;
    wait_titles(&alice, &["March", "Waltz", "Polka", "Intro"]).await?;
    act(&bob, "Polka", "Move up").await?;
    wait_titles(&alice, &["March", "Polka", "Waltz", "Intro"]).await?;

    let grip = alice.tab().find("button", "More actions for Intro").await?;
    let above = alice.tab().find("checkbox", "March").await?;
    alice.tab().drag(&grip, &above, 12).await?;
    wait_titles(&alice, &["Intro", "March", "Polka", "Waltz"]).await?;
    wait_titles(&bob, &["Intro", "March", "Polka", "Waltz"]).await?;

    // What was done with the order is kept.
    alice.reload().await?;
    wait_titles(&alice, &["Intro", "March", "Polka", "Waltz"]).await
}

/// The completed ones fold away, the others can be sorted, and this device remembers both.
pub(crate) async fn shown(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Kitchen").await?;
    for title in ["Pots", "Pans", "Lids"] {
        page.add(title).await?;
    }
    page.edit("Pans", &[("Due", "2031-01-02")]).await?;
    page.edit("Lids", &[("Due", "2030-12-31")]).await?;
    page.toggle("Pots").await?;
    let tab = page.tab();
    tab.click("button", "Done (1)").await?;
    wait_titles(&page, &["Pans", "Lids"]).await?;
    tab.click("button", "Find").await?;
    tab.click("button", "Filters and order").await?;
    choose(tab, "Sort by", "By due day").await?;
    wait_titles(&page, &["Lids", "Pans"]).await?;
    page.reload().await?;
    wait_titles(&page, &["Lids", "Pans"]).await?;
    // Sorted by something else there is no own order to move in.
    tab.click("button", "More actions for Pans").await?;
    tab.wait_for("button", "Delete Pans").await?;
    ensure!(!tab.shows("button", "Move up").await?, "a sorted list offers to move a task");
    page.close_dialog("Actions").await?;
    tab.click("button", "Done (1)").await?;
    wait_titles(&page, &["Lids", "Pans", "Pots"]).await?;
    page.delete("Pots").await?;
    page.undo().await?;
    page.wait_done("Pots", true).await
}

async fn choose(tab: &Tab, name: &str, text: &str) -> Result<()> {
    let script = "
        const [select] = lookup('combobox', arguments[0]);
        const option = [...select.options].find(option => option.text.trim() === arguments[1]);
        select.value = option.value;
        select.dispatchEvent(new Event('change', { bubbles: true }));
        return null;";
    tab.execute::<()>(script, vec![json!(name), json!(text)]).await
}

/// Several pasted lines are several tasks, which one undo takes back, on both devices.
pub(crate) async fn pasted(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Shopping").await?;
    alice.add("Milk").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_task("Milk").await?;
    let is_typed = paste(&alice, "- Tea\n- Bread\n\n- Jam\n").await?;
    ensure!(!is_typed, "the lines go into the field too");
    wait_titles(&bob, &["Milk", "Tea", "Bread", "Jam"]).await?;
    alice.undo().await?;
    wait_titles(&alice, &["Milk"]).await?;
    wait_titles(&bob, &["Milk"]).await?;
    let is_typed = paste(&alice, "One line").await?;
    ensure!(is_typed, "one line is no list");
    Ok(())
}

/// Pastes a text where tasks are added. Whether it is left to the browser, which types it.
pub(crate) async fn paste(page: &RoomPage, text: &str) -> Result<bool> {
    let script = "
        const [field] = lookup('textbox', 'Add a task');
        const [data] = arguments;
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', data);
        // Firefox takes the text itself.
        const given = navigator.userAgent.includes('Firefox') ? { dataType: 'text/plain', data } : { clipboardData };
        return field.dispatchEvent(new ClipboardEvent('paste', { ...given, bubbles: true, cancelable: true }));";
    page.tab().execute(script, vec![json!(text)]).await
}

/// What is found, by words and by filters, and how it is taken back.
pub(crate) async fn found(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Stage").await?;
    for title in ["Café crates", "Cables", "Curtain"] {
        alice.add(title).await?;
    }
    alice.edit("Cables", &[("Notes", "behind the café"), ("Assignee", "Ana")]).await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_task("Cables").await?;
    let tab = bob.tab();
    bob.wait_details("Cables", |details| details.assignee == "Ana").await?;

    press_on(tab, "Curtain", "/").await?;
    tab.fill("Find tasks", "CAFE").await?;
    wait_titles(&bob, &["Café crates", "Cables"]).await?;
    let count = || tab.execute::<String>("return lookup('status', 'Found')[0].textContent;", vec![]);
    bob.wait("the count", count, |count| count == "2 tasks found").await?;
    tab.click("button", "Filters and order").await?;
    choose(tab, "Filter by person", "Ana").await?;
    wait_titles(&bob, &["Cables"]).await?;
    // What others do shows at once if it fits.
    alice.edit("Curtain", &[("Title", "Curtain, café side"), ("Assignee", "Ana")]).await?;
    wait_titles(&bob, &["Cables", "Curtain, café side"]).await?;
    bob.toggle("Cables").await?;
    alice.wait_done("Cables", true).await?;
    tab.fill("Find tasks", "cafe curtains").await?;
    wait_titles(&bob, &[]).await?;
    tab.wait_for("button", "Show all tasks").await?;
    tab.press("" + Key::Escape).await?;
    wait_titles(&bob, &["Café crates", "Curtain, café side", "Cables"]).await?;
    tab.press("" + Key::Escape).await?;
    tab.wait_gone("textbox", "Find tasks").await
}

/// The first row in view keeps its pixel while another device adds, moves and deletes above and below it.
pub(crate) async fn steady(play: Play, (first, second): Pair) -> Result<()> {
    const TASKS: usize = 500;
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Depot").await?;
    let link = alice.share_link().await?;
    alice.add_many(&link.room, TASKS, 3).await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    let loaded = || bob.tab().execute::<Option<String>>(SETSIZE, vec![]);
    bob.wait("the whole list", loaded, |size| size.as_deref() == Some("500")).await?;
    bob.tab().execute::<()>("scrollTo({ top: 44 * 250 + 17, behavior: 'instant' }); return null;", vec![]).await?;
    bob.tab().wait_still().await?;
    let (row, top): (String, f64) = bob.tab().execute(FIRST_IN_VIEW, vec![]).await?;

    let titles = bob.titles().await?;
    let (before, after) = (titles.len() / 4, titles.len() - 5);
    for number in 0..5 {
        let id = |place: usize| titles.get(place + number).cloned().unwrap_or_default();
        for (title, patch) in [
            (id(before), json!({ "after": null })),
            (id(after), json!({ "after": null })),
            (id(before + 20), json!({ "notes": "edited" })),
            (id(before + 10), json!({ "deleted": true })),
        ] {
            alice.tab().execute_async::<u16>(PATCH, vec![json!(link.room), json!(title), patch]).await?;
        }
    }
    alice.add("The last one").await?;
    bob.wait("all of it", loaded, |size| size.as_deref() == Some("496")).await?;
    bob.tab().wait_still().await?;
    let now: f64 = bob
        .tab()
        .execute(
            "return document.querySelector(`[data-task='${arguments[0]}']`).getBoundingClientRect().top;",
            vec![json!(row)],
        )
        .await?;
    ensure!((now - top).abs() < 1.5, "the first row in view went from {top} to {now}");
    Ok(())
}

const SETSIZE: &str = "return document.querySelector('[data-task]')?.getAttribute('aria-setsize') ?? null;";

/// The first row whose upper edge is below what covers the list, and where that edge is.
const FIRST_IN_VIEW: &str = "
    const head = document.querySelector('.add').getBoundingClientRect();
    const covered = head.top < innerHeight / 2 ? head.bottom : document.querySelector('.room-head').getBoundingClientRect().bottom;
    const row = [...document.querySelectorAll('[data-task]')].find(row => row.getBoundingClientRect().top >= covered);
    return [row.dataset.task, row.getBoundingClientRect().top];";

/// Changes the task with a title by the local endpoint.
const PATCH: &str = "
    const [room, title, patch, done] = arguments;
    const url = `/peer/v1/rooms/${room}/tasks`;
    (async () => {
        const tasks = [];
        for (let next = ''; next !== null;) {
            const page = await (await fetch(url + next)).json();
            tasks.push(...page.tasks);
            next = page.next ? `?next=${page.next}` : null;
        }
        const { id } = tasks.find(task => task.title === title);
        const answer = patch.deleted
            ? await fetch(`${url}/${id}`, { method: 'DELETE' })
            : await fetch(`${url}/${id}`, { method: 'PATCH', body: JSON.stringify(patch) });
        return answer.status;
    })().then(done, error => done(String(error)));";
