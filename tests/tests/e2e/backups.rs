//! A browser's profile is put back from a backup, or copied.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::{self, Chromium};
use partyline_tests::{Browser, BrowserSetup, Play, RoomLink, RoomPage};
use serde_json::json;

/// Alice's browser goes back to what it was some edits ago. What others have of those comes back, what she writes from
/// then on arrives, and so does what was done meanwhile: nobody loses anything.
pub(crate) async fn restored(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alices = play.own_browser(kind, "Alice", BrowserSetup::default()).await?;
    let alice = RoomPage::make_room(&alices, &site, "Archive").await?;
    alice.add("Shelves").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    bob.wait_task("Shelves").await?;
    alice.wait_stored(&link, "Shelves").await?;
    alices.quit().await?;
    let backup = alices.back_up()?;

    alices.start_again().await?;
    let alice = RoomPage::open(&alices, &link.url).await?;
    alice.wait_connected(1).await?;
    alice.add("Boxes").await?;
    alice.edit("Shelves", &[("Title", "Tall shelves"), ("Notes", "Of oak")]).await?;
    bob.wait_task("Boxes").await?;
    bob.wait_details("Tall shelves", |details| details.notes == "Of oak").await?;
    alices.quit().await?;
    bob.toggle("Boxes").await?;
    bob.add("Labels").await?;

    alices.put_back(&backup)?;
    alices.start_again().await?;
    let alice = RoomPage::open(&alices, &link.url).await?;
    // The first edits of this life have the numbers of edits that Bob knows from the other one.
    alice.add("Ladder").await?;
    alice.add("Lamp").await?;
    for page in [&alice, &bob] {
        for title in ["Tall shelves", "Boxes", "Labels", "Ladder", "Lamp"] {
            page.wait_task(title).await?;
        }
        page.wait_done("Boxes", true).await?;
        page.wait_details("Tall shelves", |details| details.notes == "Of oak").await?;
    }
    alice.edit("Ladder", &[("Notes", "Three metres")]).await?;
    bob.wait_details("Ladder", |details| details.notes == "Three metres").await?;
    bob.edit("Lamp", &[("Notes", "Spare bulbs")]).await?;
    alice.wait_details("Lamp", |details| details.notes == "Spare bulbs").await?;
    bob.wait_tasks(&alice.tasks().await?).await
}

/// Two go back, one after the other, and what they do then is ticking and deleting; a third has it all.
pub(crate) async fn both_restored(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alices = play.own_browser(kind, "Alice", BrowserSetup::default()).await?;
    let bobs = play.own_browser(kind, "Bob", BrowserSetup::default()).await?;
    let alice = RoomPage::make_room(&alices, &site, "Two").await?;
    for title in ["Shelves", "Doors", "Floor"] {
        alice.add(title).await?;
    }
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.wait_tasks(&alice.tasks().await?).await?;
    let carol = RoomPage::open(&play.browser(Chromium, "Carol").await?, &link.url).await?;
    carol.wait_tasks(&alice.tasks().await?).await?;
    alices.quit().await?;
    bobs.quit().await?;
    let backups = (alices.back_up()?, bobs.back_up()?);
    alices.start_again().await?;
    bobs.start_again().await?;
    let alice = RoomPage::open(&alices, &link.url).await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    alice.wait_task("Shelves").await?;
    bob.wait_task("Doors").await?;
    alice.edit("Shelves", &[("Notes", "Alice's")]).await?;
    bob.edit("Doors", &[("Notes", "Bob's")]).await?;
    bob.add("Windows").await?;
    carol.wait_details("Shelves", |details| details.notes == "Alice's").await?;
    carol.wait_details("Doors", |details| details.notes == "Bob's").await?;
    carol.wait_task("Windows").await?;
    alices.quit().await?;
    bobs.quit().await?;
    alices.put_back(&backups.0)?;
    bobs.put_back(&backups.1)?;
    alices.start_again().await?;
    let alice = RoomPage::open(&alices, &link.url).await?;
    alice.wait_task("Floor").await?;
    alice.toggle("Doors").await?;
    alice.delete("Floor").await?;
    bobs.start_again().await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.wait_task("Shelves").await?;
    bob.toggle("Shelves").await?;
    for page in [&alice, &bob, &carol] {
        page.wait_done("Doors", true).await?;
        page.wait_done("Shelves", true).await?;
        page.wait_no_task("Floor").await?;
        page.wait_task("Windows").await?;
        page.wait_details("Shelves", |details| details.notes == "Alice's").await?;
        page.wait_details("Doors", |details| details.notes == "Bob's").await?;
    }
    bob.wait_tasks(&alice.tasks().await?).await?;
    carol.wait_tasks(&alice.tasks().await?).await
}

/// Alice's profile is copied to another computer, and both go on, at the same time and with a third
/// member: none keeps another one out, and each has what the others write.
pub(crate) async fn copied(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let olds = play.own_browser(kind, "Alice's old laptop", BrowserSetup::default()).await?;
    let news = play.own_browser(kind, "Alice's new laptop", BrowserSetup::default()).await?;
    let old = RoomPage::make_room(&olds, &site, "Move").await?;
    old.add("Shelves").await?;
    let link = old.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    bob.wait_task("Shelves").await?;
    old.wait_stored(&link, "Shelves").await?;
    copy(&olds, &news).await?;

    olds.start_again().await?;
    let old = RoomPage::open(&olds, &link.url).await?;
    old.wait_connected(1).await?;
    news.start_again().await?;
    let new = RoomPage::open(&news, &link.url).await?;
    for page in [&old, &new, &bob] {
        page.wait_connected(2).await?;
    }
    // The same numbers, were they one device still.
    old.add("Written on the old laptop").await?;
    new.add("Written on the new laptop").await?;
    old.edit("Shelves", &[("Notes", "Of oak")]).await?;
    new.toggle("Shelves").await?;
    bob.add("Bob's").await?;
    for page in [&old, &new, &bob] {
        for title in ["Written on the old laptop", "Written on the new laptop", "Bob's"] {
            page.wait_task(title).await?;
        }
        page.wait_done("Shelves", true).await?;
        page.wait_details("Shelves", |details| details.notes == "Of oak").await?;
        page.wait_connected(2).await?;
    }
    old.wait_tasks(&new.tasks().await?).await?;
    bob.wait_tasks(&new.tasks().await?).await
}

/// The same with nobody else there. One at least is told that it is a copy, none twice, and both are called what the one was
/// called.
pub(crate) async fn copied_alone(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let olds = play.own_browser(kind, "Alice's old laptop", BrowserSetup::default()).await?;
    let news = play.own_browser(kind, "Alice's new laptop", BrowserSetup::default()).await?;
    let old = RoomPage::make_room(&olds, &site, "Move").await?;
    let link = old.share_link().await?;
    old.tab().execute_async::<String>(NAME, vec![json!(link.room), json!("Alice's laptop")]).await?;
    old.add("Shelves").await?;
    old.wait_stored(&link, "Shelves").await?;
    copy(&olds, &news).await?;

    olds.start_again().await?;
    let old = RoomPage::open(&olds, &link.url).await?;
    old.tab().execute::<()>(COUNT, vec![]).await?;
    news.start_again().await?;
    let new = RoomPage::open(&news, &link.url).await?;
    new.tab().execute::<()>(COUNT, vec![]).await?;
    old.add("Written on the old laptop").await?;
    new.add("Written on the new laptop").await?;
    for page in [&old, &new] {
        page.wait_connected(1).await?;
        for title in ["Shelves", "Written on the old laptop", "Written on the new laptop"] {
            page.wait_task(title).await?;
        }
    }
    old.wait_tasks(&new.tasks().await?).await?;
    for page in [&old, &new] {
        page.wait("two devices of one name", || names(page, &link), |names| *names == ["Alice's laptop"; 2]).await?;
    }
    let told = || async {
        let told = "return window.told;";
        Ok([old.tab().execute::<u32>(told, vec![]).await?, new.tab().execute::<u32>(told, vec![]).await?])
    };
    old.wait("that it is a copy, or the other one does", told, |told| told.contains(&1)).await?;
    ensure!(told().await?.iter().all(|told| *told <= 1), "one was told twice: {:?}", told().await?);
    Ok(())
}

/// Has a browser the profile of another one. Neither runs afterwards.
async fn copy(from: &Browser, to: &Browser) -> Result<()> {
    from.quit().await?;
    to.quit().await?;
    to.put_back(&from.back_up()?)
}

/// Gives this device a name in a room.
const NAME: &str = "
    const [room, name, done] = arguments;
    fetch(`/peer/v1/rooms/${room}/device`, { method: 'PUT', body: JSON.stringify({ name }),
        headers: { 'Content-Type': 'application/json' } }).then(answer => answer.text()).then(done, done);";

/// Counts in `told` how often the page says that it is a copy.
const COUNT: &str = "
    window.told = 0;
    new MutationObserver(records => {
        for (const { addedNodes } of records)
            for (const { textContent } of addedNodes)
                window.told += textContent.includes('put back from a backup, or copied');
    }).observe(document.querySelector('.notices'), { childList: true });
    return null;";

/// What the devices of the room are called.
async fn names(page: &RoomPage, link: &RoomLink) -> Result<Vec<String>> {
    let script = "
        const [room, done] = arguments;
        fetch(`/peer/v1/rooms/${room}/devices`).then(answer => answer.json())
            .then(({ devices }) => done(devices.map(({ name }) => name)), () => done([]));";
    page.tab().execute_async(script, vec![json!(link.room)]).await
}
