//! What is being typed outlives the page, and is nobody else's.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Firefox;
use partyline_tests::{Browser, BrowserKind, BrowserSetup, Play, RoomLink, RoomPage, Site, Tab, eventually};
use serde_json::json;
use thirtyfour::Key;

use crate::tabs::set_state;

/// How long a browser may take to have its storage on disk.
const ON_DISK: Duration = Duration::from_secs(30);

pub(crate) async fn reloaded(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Workshop").await?;
    let link = page.share_link().await?;
    let tab = page.tab();
    page.add("Saw").await?;
    wait_kept(tab, 0).await?;

    tab.fill("Add a task", "Sharpen the").await?;
    page.open_details("Saw").await?;
    tab.fill("Title", "Saw the").await?;
    tab.fill("Notes", "With the long blade,").await?;
    // The title was left for the notes, and so is saved.
    wait_kept(tab, 2).await?;
    ensure!(stored_notes(&page, &link).await?.is_empty(), "what was only typed is in the room");
    page.reload().await?;
    ensure!(tab.value("textbox", "Add a task").await? == "Sharpen the");
    page.open_details("Saw the").await?;
    let details = page.details().await?;
    // A browser may also take the page's end for leaving the field, which saves it.
    ensure!((&*details.title, &*details.notes) == ("Saw the", "With the long blade,"), "{details:?}");
    page.close_details().await?;
    page.wait("the notes in the room", || stored_notes(&page, &link), |notes| notes == "With the long blade,").await?;
    wait_kept(tab, 1).await?;
    tab.fill("Add a task", "Sharpen the blade").await?;
    tab.press("" + Key::Enter).await?;
    page.wait_task("Sharpen the blade").await?;
    wait_kept(tab, 0).await?;

    // So is a label, until it is added.
    page.open_details("Saw the").await?;
    tab.fill("Add a label", "Shar").await?;
    wait_kept(tab, 1).await?;
    page.reload().await?;
    page.open_details("Saw the").await?;
    ensure!(tab.value("textbox", "Add a label").await? == "Shar");
    tab.fill("Add a label", "Sharp").await?;
    tab.press("" + Key::Enter).await?;
    tab.wait_for("button", "Remove label Sharp").await?;
    wait_kept(tab, 0).await?;
    page.close_details().await?;

    // A room's name is kept until it is saved or given up.
    tab.click("button", "Room settings").await?;
    tab.fill("Room name", "Boat").await?;
    page.reload().await?;
    tab.click("button", "Room settings").await?;
    ensure!(tab.value("textbox", "Room name").await? == "Boat");
    page.close_dialog("Room settings").await?;
    wait_kept(tab, 0).await?;
    tab.click("button", "Room settings").await?;
    ensure!(tab.value("textbox", "Room name").await? == "Workshop");
    tab.fill("Room name", "Boat house").await?;
    tab.click("button", "Save").await?;
    tab.wait_for("heading", "Boat house").await?;
    wait_kept(tab, 0).await?;

    // Nothing remains of a room that was left.
    tab.fill("Add a task", "Paint the").await?;
    wait_kept(tab, 1).await?;
    tab.click("button", "Room settings").await?;
    tab.click("button", "Leave room").await?;
    tab.click("button", "Leave").await?;
    tab.wait_for("button", "Join a room").await?;
    let left = "return Object.entries(localStorage).flat().filter(text => /Paint|drafts/.test(text));";
    let left: Vec<String> = tab.execute(left, vec![]).await?;
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}

/// Somebody changes the field between the typing and the saving.
pub(crate) async fn changed_meanwhile(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Workshop").await?;
    let link = page.share_link().await?;
    let tab = page.tab();
    page.add("Saw 0").await?;
    let mut title = "Saw 0".to_owned();
    let rounds = [("Theirs", "Save mine"), ("Theirs again", "Discard mine"), ("", "Save mine")];
    for (number, (theirs, choice)) in rounds.into_iter().enumerate() {
        let mine = format!("Mine {number}");
        page.open_details(&title).await?;
        tab.fill("Notes", &mine).await?;
        page.reload().await?;
        title = format!("Saw {}", number + 1);
        set_notes(&page, &link, theirs, &title).await?;
        page.open_details(&title).await?;
        tab.wait_for("button", "Save mine").await?;
        let said: String = tab.execute("return document.querySelector('dialog').innerText;", vec![]).await?;
        let words = if theirs.is_empty() { "cleared this field" } else { theirs };
        ensure!(said.contains("Meanwhile somebody") && said.contains(words), "{said}");
        ensure!(tab.value("textbox", "Notes").await? == mine);
        // Closing decides nothing.
        page.close_details().await?;
        page.reload().await?;
        ensure!(stored_notes(&page, &link).await? == theirs, "closing has overwritten what somebody else wrote");
        page.open_details(&title).await?;
        tab.click("button", choice).await?;
        tab.wait_gone("button", "Save mine").await?;
        let chosen = if choice == "Save mine" { &mine } else { theirs };
        page.wait("the choice", || tab.value("textbox", "Notes"), |notes| notes == chosen).await?;
        page.close_details().await?;
        page.wait("it in the room", || stored_notes(&page, &link), |notes| notes == chosen).await?;
        wait_kept(tab, 0).await?;
    }

    // It comes while the person still types: the dialog stays open and says so.
    page.open_details(&title).await?;
    tab.fill("Notes", "Mine at last").await?;
    set_notes(&page, &link, "Theirs at last", "Saw 9").await?;
    tab.click("button", "Done").await?;
    tab.click("button", "Discard mine").await?;
    page.close_details().await?;
    ensure!(stored_notes(&page, &link).await? == "Theirs at last");
    wait_kept(tab, 0).await
}

/// In Chromium the processes of the pages are killed, as a phone does with one that was put away; in Firefox all of it.
pub(crate) async fn killed(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let browser = play.own_browser(kind, "Alice", BrowserSetup::default()).await?;
    let page = RoomPage::make_room(&browser, &site, "Workshop").await?;
    let link = page.share_link().await?;
    page.add("Saw").await?;
    page.tab().fill("Add a task", "Sharpen the").await?;
    page.open_details("Saw").await?;
    page.tab().fill("Notes", "With the long blade,").await?;
    wait_kept(page.tab(), 2).await?;
    if kind == Firefox {
        eventually("it is on disk", ON_DISK, || async {
            ensure!(browser.has_on_disk("With the long blade,")?, "not yet");
            Ok(())
        })
        .await?;
        browser.kill().await;
    } else {
        browser.kill_pages().await?;
        let _ = browser.quit().await;
    }
    typed_is_there(&browser, &site, &link).await
}

/// A page that is put away is frozen, which it may come back from, and then discarded: its process ends.
pub(crate) async fn discarded(play: Play) -> Result<()> {
    let site = play.site().await?;
    let browser = play.own_browser(BrowserKind::Chromium, "Alice", BrowserSetup::default()).await?;
    let page = RoomPage::make_room(&browser, &site, "Workshop").await?;
    let link = page.share_link().await?;
    let tab = page.tab();
    page.add("Saw").await?;
    tab.fill("Add a task", "Sharpen the").await?;
    page.open_details("Saw").await?;
    tab.fill("Notes", "With the long").await?;
    set_state(tab, "frozen").await?;
    set_state(tab, "active").await?;
    ensure!(page.details().await?.notes == "With the long");
    tab.fill("Notes", "With the long blade,").await?;
    set_state(tab, "frozen").await?;
    browser.kill_pages().await?;
    let _ = browser.quit().await;
    typed_is_there(&browser, &site, &link).await
}

/// Starts a browser again, where two texts were being typed, and looks for them.
async fn typed_is_there(browser: &Arc<Browser>, site: &Site, link: &RoomLink) -> Result<()> {
    browser.start_again().await?;
    let page = RoomPage::open(browser, &format!("{}/#{}", site.origin(), link.room)).await?;
    ensure!(page.tab().value("textbox", "Add a task").await? == "Sharpen the");
    page.open_details("Saw").await?;
    ensure!(page.tab().value("textbox", "Notes").await? == "With the long blade,");
    Ok(())
}

/// Waits until so many texts are kept.
async fn wait_kept(tab: &Tab, number: usize) -> Result<()> {
    let script = "return Object.keys(localStorage).filter(key => key.startsWith('partyline:drafts'))
        .flatMap(key => localStorage[key].split('\\u001e'));";
    eventually(&format!("{number} drafts"), Duration::from_secs(10), || async {
        let kept: Vec<String> = tab.execute(script, vec![]).await?;
        ensure!(kept.len() == number, "kept are {kept:?}");
        Ok(())
    })
    .await
}

/// The notes of the first task, as the service worker has them.
async fn stored_notes(page: &RoomPage, link: &RoomLink) -> Result<String> {
    let script = "const done = arguments[arguments.length - 1];
        fetch(`/peer/v1/rooms/${arguments[0]}/tasks`).then(answer => answer.json())
            .then(({ tasks }) => done(tasks[0].notes), error => done(String(error)));";
    page.tab().execute_async(script, vec![json!(link.room)]).await
}

/// Writes them as another tab does, with another title, and waits until the page knows.
async fn set_notes(page: &RoomPage, link: &RoomLink, notes: &str, title: &str) -> Result<()> {
    let script = "const [room, notes, title, done] = arguments;
        (async () => {
            const { tasks } = await (await fetch(`/peer/v1/rooms/${room}/tasks`)).json();
            const answer = await fetch(`/peer/v1/rooms/${room}/tasks/${tasks[0].id}`, {
                method: 'PATCH', body: JSON.stringify({ notes, title }),
            });
            done(answer.ok);
        })();";
    let arguments = vec![json!(link.room), json!(notes), json!(title)];
    ensure!(page.tab().execute_async::<bool>(script, arguments).await?, "not written");
    page.wait_task(title).await
}
