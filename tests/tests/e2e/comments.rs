//! Comments on a task, and why it is blocked.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{Play, RoomPage};

use crate::Pair;
use crate::screens::{SCREENS, capture};

const HULL: &str = "Paint the hull";

/// What the comments say in the open details.
async fn said(page: &RoomPage) -> Result<Vec<String>> {
    let script = "const [list] = lookup('list', 'Comments');
        return [...list?.children ?? []].map(comment => comment.querySelector('.notes').textContent);";
    page.tab().execute(script, vec![]).await
}

async fn wait_said(page: &RoomPage, wanted: &[&str]) -> Result<()> {
    page.wait("the comments", || said(page), |texts| texts == wanted).await.map(drop)
}

async fn say(page: &RoomPage, words: &str) -> Result<()> {
    page.tab().fill("Add a comment", words).await?;
    page.tab().click("button", "Send").await?;
    page.wait("an empty field", || page.tab().value("textbox", "Add a comment"), String::is_empty).await.map(drop)
}

/// The facts below a task's title, as they are read out.
async fn wait_fact(page: &RoomPage, wanted: &str) -> Result<()> {
    let script = "return [...document.querySelectorAll('.tasks .fact')].map(fact => fact.textContent.trim());";
    let facts = || page.tab().execute::<Vec<String>>(script, vec![]);
    page.wait("the fact", facts, |facts| facts.iter().any(|fact| fact == wanted)).await.map(drop)
}

/// Written on one device, read and answered on the other, changed, deleted and brought back by who wrote it.
pub(crate) async fn both_ways(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Boat yard").await?;
    alice.add(HULL).await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_task(HULL).await?;

    // What is typed outlives a reload.
    alice.open_details(HULL).await?;
    alice.tab().fill("Add a comment", "Two coats, see https://paint.example/hull").await?;
    alice.reload().await?;
    alice.open_details(HULL).await?;
    let typed = alice.tab().value("textbox", "Add a comment").await?;
    ensure!(typed == "Two coats, see https://paint.example/hull", "{typed}");
    alice.tab().click("button", "Send").await?;
    wait_said(&alice, &["Two coats, see https://paint.example/hull"]).await?;

    wait_fact(&bob, "1 comment").await?;
    bob.open_details(HULL).await?;
    bob.tab().wait_for("link", "https://paint.example/hull").await?;
    ensure!(!bob.tab().shows("button", "Edit comment").await?, "what somebody else said can be changed");
    let by = "const about = lookup('list', 'Comments')[0].querySelector('.said-by');
        const time = about.querySelector('time');
        return [about.querySelector('bdi').textContent, time.textContent, String(Date.now() - Date.parse(time.dateTime) < 3.6e6)];";
    let [author, time, is_recent] = bob.tab().execute::<[String; 3]>(by, vec![]).await?;
    ensure!(!author.is_empty() && time.starts_with("Today ") && is_recent == "true", "{author} {time} {is_recent}");
    say(&bob, "On it").await?;
    wait_said(&alice, &["Two coats, see https://paint.example/hull", "On it"]).await?;

    let tab = alice.tab();
    tab.click("button", "Edit comment").await?;
    tab.fill("Edit comment", "Three coats").await?;
    tab.click("button", "Save").await?;
    wait_said(&bob, &["Three coats", "On it"]).await?;
    tab.click("button", "Delete comment").await?;
    wait_said(&bob, &["On it"]).await?;
    tab.click("button", "Undo").await?;
    for page in [&alice, &bob] {
        wait_said(page, &["Three coats", "On it"]).await?;
        page.close_details().await?;
    }
    wait_fact(&alice, "2 comments").await?;

    // Finding looks into them.
    tab.click("button", "Find").await?;
    tab.fill("Find tasks", "hull COATS").await?;
    tab.wait_for("checkbox", HULL).await?;
    let found = || tab.execute::<String>("return lookup('status', 'Found')[0].textContent;", vec![]);
    alice.wait("what is found", found, |found| found == "1 task found").await?;
    tab.fill("Find tasks", "hull varnish").await?;
    tab.wait_gone("checkbox", HULL).await?;
    tab.click("button", "Stop finding").await?;

    // A reason for being blocked is asked for then, and shown with it.
    ensure!(!tab.shows("textbox", "Why is it blocked").await?);
    bob.choose(HULL, "Status", "Blocked").await?;
    bob.edit(HULL, &[("Why is it blocked", "Waiting for the crane")]).await?;
    wait_fact(&alice, "Blocked: Waiting for the crane").await?;
    alice.edit(HULL, &[("Why is it blocked", "No paint")]).await?;
    wait_fact(&bob, "Blocked: No paint").await
}

/// What there is to see of it.
pub(crate) async fn looks(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Boat yard").await?;
    page.add("Rig the mast").await?;
    page.add(HULL).await?;
    let link = page.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    bob.wait_task(HULL).await?;
    bob.choose(HULL, "Status", "Blocked").await?;
    bob.edit(HULL, &[("Why is it blocked", "Waiting for the crane, which comes on Thursday")]).await?;
    bob.open_details(HULL).await?;
    say(&bob, "The **second** coat needs a day to dry: https://paint.example/drying").await?;
    page.open_details(HULL).await?;
    say(&page, "Then we start on Wednesday, as long as it does not rain. I bring:\n- brushes\n- tape").await?;
    wait_fact(&page, "2 comments").await?;
    let up = "document.querySelector('.task-modal .field-row').scrollIntoView(); return null;";
    page.tab().execute::<()>(up, vec![]).await?;
    let mut found = capture(&play, page.tab(), "blocked", &SCREENS).await?;
    let scroll = "document.querySelector('.comments').scrollIntoView(); return null;";
    page.tab().execute::<()>(scroll, vec![]).await?;
    found.extend(capture(&play, page.tab(), "comments", &SCREENS).await?);
    page.tab().click("button", "Edit comment").await?;
    page.tab().wait_for("textbox", "Edit comment").await?;
    found.extend(capture(&play, page.tab(), "comments-edited", &SCREENS).await?);
    page.tab().click("button", "Cancel").await?;
    page.tab().click("button", "Delete comment").await?;
    page.tab().wait_for("button", "Undo").await?;
    found.extend(capture(&play, page.tab(), "comments-deleted", &SCREENS).await?);
    page.tab().click("button", "Undo").await?;
    page.close_details().await?;
    found.extend(capture(&play, page.tab(), "comments-row", &SCREENS).await?);
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}
