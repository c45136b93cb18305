//! The phone book dies for good, and nothing that matters changes.

use anyhow::{Result, ensure};
use partyline_tests::{Play, RoomPage};

use crate::Pair;

pub(crate) async fn edits(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Boat").await?;
    alice.add("Before").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_task("Before").await?;
    alice.wait_connected(1).await?;
    bob.wait_connected(1).await?;

    site.kill_phone_book().await?;
    alice.add("Without a phone book").await?;
    bob.wait_task("Without a phone book").await?;
    bob.edit("Before", &[("Title", "Afterwards")]).await?;
    alice.wait_task("Afterwards").await?;
    bob.toggle("Without a phone book").await?;
    alice.wait_done("Without a phone book", true).await?;

    alice.delete("Afterwards").await?;
    bob.wait_no_task("Afterwards").await?;
    alice.undo().await?;
    bob.wait_task("Afterwards").await?;
    for page in [&alice, &bob] {
        ensure!(page.status().await?.starts_with("Connected to 1 device"), "{:?}", page.status().await?);
    }

    // With the server dead the app still loads, tasks and all.
    let before = bob.tasks().await?;
    bob.reload().await?;
    bob.wait_tasks(&before).await?;
    bob.add("Written without a server").await?;
    bob.reload().await?;
    bob.wait_task("Written without a server").await?;
    // Whoever finds nobody is told what is missing.
    let told = |status: &String| status.contains("Phone book unreachable") || status.starts_with("Connected");
    bob.wait("the phone book missed", || bob.status(), told).await.map(drop)
}
