//! A link to one task leads whoever is in the room there, and lets nobody in.

use anyhow::{Result, ensure};
use partyline_tests::{Play, RoomPage};

use crate::Pair;

/// So many tasks that the one in question is not on the page.
const MANY: usize = 400;

pub(crate) async fn lead_there(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Depot").await?;
    alice.add("Gate 3").await?;
    alice.toggle("Gate 3").await?;
    let room = alice.share_link().await?;
    alice.add_many(&room.room, MANY, 1).await?;
    let keep = "navigator.clipboard.writeText = async text => { window.copied = text; }; return null;";
    alice.tab().execute::<()>(keep, vec![]).await?;
    alice.tab().click("button", "Find").await?;
    alice.tab().fill("Find tasks", "Gate 3").await?;
    alice.wait_no_task("Task 0").await?;
    alice.tab().click("button", "More actions for Gate 3").await?;
    alice.tab().click("button", "Copy link to this task").await?;
    let copied = || alice.tab().execute::<Option<String>>("return window.copied;", vec![]);
    let link = alice.wait("the link", copied, Option::is_some).await?.unwrap_or_default();
    let start = format!("{}/#{}/", site.origin(), room.room);
    ensure!(link.starts_with(&start) && link.len() == start.len() + 36, "the link is {link}");
    alice.close_dialog("Actions").await?;

    // Nobody gets in by it.
    let bobs = play.browser(second, "Bob").await?;
    let stranger = bobs.open(&link).await?;
    stranger.wait_for("heading", "This link does not open a room").await?;
    let said: String = stranger.execute("return document.querySelector('[role=alert]').textContent;", vec![]).await?;
    ensure!(said.contains("ask somebody who is in it for the room link"), "it says {said}");

    let bob = RoomPage::open(&bobs, &room.url).await?;
    let size = "return document.querySelector('[data-task]')?.getAttribute('aria-setsize') ?? null;";
    let loaded = || bob.tab().execute::<Option<String>>(size, vec![]);
    bob.wait("the whole list", loaded, |size| size.as_deref() == Some("402")).await?;
    bob.tab().click("button", "Find").await?;
    bob.tab().fill("Find tasks", "Task 7").await?;
    bob.wait_no_task("Gate 3").await?;
    bob.tab().goto(&link).await?;
    leads_there(&bob).await?;
    let address = bob.tab().url().await?;
    ensure!(address == format!("{}/#{}", site.origin(), room.room), "the address is {address}");

    // A second time, in a text that is pasted.
    bob.tab().execute::<()>("scrollTo(0, 0); return null;", vec![]).await?;
    bob.tab().wait_still().await?;
    bob.tab().click("button", join_button(&bob).await?).await?;
    bob.tab().fill("Room link", &format!("Look at <{link}>, please")).await?;
    bob.tab().click("button", "Join").await?;
    leads_there(&bob).await?;

    // One that was deleted is not there.
    bob.delete("Gate 3").await?;
    bob.tab().goto(&link).await?;
    let notices = || bob.tab().execute::<String>("return document.body.innerText;", vec![]);
    bob.wait("that it is gone", notices, |text| text.contains("The task of this link is not here")).await.map(drop)
}

/// On narrow screens joining is in the dialog `Rooms`.
async fn join_button(page: &RoomPage) -> Result<&'static str> {
    if !page.tab().shows("button", "Join a room").await? {
        page.tab().click("button", "Rooms").await?;
    }
    Ok("Join a room")
}

/// Waits for the details of the task, and looks whether its row is in view behind them.
async fn leads_there(page: &RoomPage) -> Result<()> {
    page.wait_details_of("Gate 3").await?;
    page.close_details().await?;
    let script = "
        const row = [...document.querySelectorAll('[data-task]')].find(row => nameOf(row.querySelector('input')) === 'Gate 3');
        if (!row) return false;
        const { top, bottom } = row.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;";
    let in_view = || page.tab().execute::<bool>(script, vec![]);
    page.wait("its row", in_view, |in_view| *in_view).await.map(drop)
}
