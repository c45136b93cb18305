//! One room in two browsers.

use anyhow::{Result, ensure};
use partyline_tests::{Play, RoomPage};

use crate::Pair;

pub(crate) async fn both_ways(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Kitchen").await?;
    alice.add("Milk").await?;
    alice.add("Bread").await?;
    let link = alice.share_link().await?;
    ensure!(link.url.starts_with(&site.origin()), "the link leads elsewhere");

    // Whoever opens the link is in the room and sees what is there, its name too.
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_task("Milk").await?;
    bob.wait_task("Bread").await?;
    bob.tab().wait_for("heading", "Kitchen").await?;
    alice.wait_connected(1).await?;
    bob.wait_connected(1).await?;
    ensure!(bob.share_link().await? == link, "Bob's link is not Alice's");

    // Each kind of edit, each way.
    bob.add("Eggs").await?;
    alice.wait_task("Eggs").await?;
    alice.edit("Milk", &[("Title", "Oat milk")]).await?;
    bob.wait_task("Oat milk").await?;
    bob.wait_no_task("Milk").await?;
    bob.edit("Oat milk", &[("Title", "Two oat milks")]).await?;
    alice.wait_task("Two oat milks").await?;

    bob.toggle("Bread").await?;
    alice.wait_done("Bread", true).await?;
    alice.toggle("Bread").await?;
    bob.wait_done("Bread", false).await?;

    alice.delete("Eggs").await?;
    bob.wait_no_task("Eggs").await?;
    alice.undo().await?;
    alice.wait_task("Eggs").await?;
    bob.wait_task("Eggs").await?;
    bob.delete("Eggs").await?;
    alice.wait_no_task("Eggs").await?;
    bob.undo().await?;
    alice.wait_task("Eggs").await?;

    bob.edit("Bread", &[("Notes", "Dark rye,\nsliced"), ("Assignee", "Alice"), ("Due", "2031-12-24")]).await?;
    bob.prioritise("Bread", "High").await?;
    alice
        .wait_details("Bread", |details| {
            details.notes == "Dark rye,\nsliced"
                && details.assignee == "Alice"
                && details.due == "2031-12-24"
                && details.priority == "High"
        })
        .await?;
    alice.edit("Bread", &[("Assignee", "Bob"), ("Due", "")]).await?;
    bob.wait_details("Bread", |details| details.assignee == "Bob" && details.due.is_empty()).await?;

    bob.wait_tasks(&alice.tasks().await?).await
}
