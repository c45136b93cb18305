//! Notes as they are meant: links that can be tapped, and a text field as soon as somebody writes.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{Play, RoomPage};
use serde_json::json;

use crate::Pair;
use crate::screens::{SCREENS, capture};

/// Lines of notes, each a line that is typed.
const NOTES: &str = "# Friday\n\
    **Bring** the [map of the camp](https://camp.example/map), or look at http://camp.example/b.\n\n\
    - [x] poles\n\
    - [ ] pegs, *the long ones*\n  - of steel\n\n\
    ```\nls -l\n```\n\
    <img src=x onerror=alert(1)> [no](javascript:alert(1))";

/// Written on one device, read and written further on the other.
pub(crate) async fn shown(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Camp").await?;
    alice.add("Tents").await?;
    let link = alice.share_link().await?;
    alice.open_details("Tents").await?;
    // Without notes the field is there at once.
    alice.tab().fill("Notes", "later").await?;
    alice.close_details().await?;
    write(&alice, &link.room, NOTES).await?;

    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_details("Tents", |details| details.notes == NOTES).await?;
    bob.open_details("Tents").await?;
    let tab = bob.tab();
    tab.wait_for("link", "map of the camp").await?;
    tab.wait_for("img", "Done:").await?;
    let script = "
        const notes = document.querySelector('.notes');
        const tags = [...notes.querySelectorAll('*')].map(element => element.localName).join(' ');
        const links = [...notes.querySelectorAll('a')].map(link => [link.getAttribute('href'), link.target, link.rel].join(' '));
        const at = element => {
            element.scrollIntoView({ block: 'center' });
            const { left, top, height } = element.getBoundingClientRect();
            return document.elementFromPoint(left + 8, top + height / 2).localName;
        };
        return [tags, ...links, at(notes.querySelector('a')), at(notes.querySelector('pre')), notes.lastElementChild.textContent];";
    let seen: Vec<String> = tab.execute(script, vec![]).await?;
    let wanted = [
        "p strong p strong a a ul li span li span em ul li pre code p",
        "https://camp.example/map _blank noopener noreferrer",
        "http://camp.example/b _blank noopener noreferrer",
        "a",
        "textarea",
        "<img src=x onerror=alert(1)> [no](javascript:alert(1))",
    ];
    ensure!(seen == wanted, "{seen:?}");

    // A tap makes them the field, and what is written there is shown on the other device.
    tab.fill("Notes", "Only **one** left").await?;
    tab.wait_gone("link", "map of the camp").await?;
    bob.close_details().await?;
    alice.open_details("Tents").await?;
    let bold = || {
        alice.tab().execute::<Option<String>>("return document.querySelector('.notes strong')?.textContent;", vec![])
    };
    alice.wait("the notes", bold, |bold| bold.as_deref() == Some("one")).await?;
    // The keyboard makes them the field, too.
    let focus =
        "lookup('textbox', 'Notes')[0].focus(); return getComputedStyle(document.querySelector('.notes')).display;";
    alice.tab().execute::<String>(focus, vec![]).await?;
    let display =
        || alice.tab().execute::<String>("return getComputedStyle(document.querySelector('.notes')).display;", vec![]);
    alice.wait("the field", display, |display| display == "none").await?;
    alice.close_details().await
}

/// What there is to see of it.
pub(crate) async fn looks(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Camp").await?;
    page.add("Tents").await?;
    let link = page.share_link().await?;
    write(&page, &link.room, NOTES).await?;
    page.wait_details("Tents", |details| details.notes == NOTES).await?;
    page.open_details("Tents").await?;
    page.tab().execute::<()>("document.querySelector('.notes').scrollIntoView(); return null;", vec![]).await?;
    let found = capture(&play, page.tab(), "notes", &SCREENS).await?;
    ensure!(found.is_empty(), "axe-core finds:\n{}", found.join("\n"));
    Ok(())
}

/// Writes the notes of the first task by the local endpoint: as if they were pasted.
async fn write(page: &RoomPage, room: &str, notes: &str) -> Result<()> {
    let script = "
        const [room, notes, done] = arguments;
        const url = `/peer/v1/rooms/${room}/tasks`;
        fetch(url).then(answer => answer.json())
            .then(({ tasks }) => fetch(`${url}/${tasks[0].id}`, { method: 'PATCH', body: JSON.stringify({ notes }) }))
            .then(answer => done(answer.status), () => done(0));";
    let status: u16 = page.tab().execute_async(script, vec![json!(room), json!(notes)]).await?;
    ensure!(status == 200, "writing the notes was answered {status}");
    Ok(())
}
