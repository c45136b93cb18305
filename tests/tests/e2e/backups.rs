//! A browser's profile is put back from a backup.

use anyhow::Result;
use partyline_tests::{BrowserKind, BrowserSetup, Play, RoomPage};

/// Alice's browser goes back to what it was some edits ago. What others have of those comes back, what she writes from
/// then on arrives, and so does what was done meanwhile: nobody loses anything.
pub(crate) async fn restored(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alices = play.own_browser(kind, "Alice", BrowserSetup::default()).await?;
    let alice = RoomPage::make_room(&alices, &site, "Archive").await?;
    alice.add("Shelves").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(BrowserKind::Chromium, "Bob").await?, &link.url).await?;
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
