//! Two people work on one list without hearing of each other, the same fields included.

use anyhow::{Result, ensure};
use partyline_tests::{Play, RoomPage};

use crate::Pair;

/// Each works while the other's page is closed and the phone book cannot be reached. They take turns, so that for one
/// field Bob has the last word and for another Alice has: who reconnects first must not matter.
pub(crate) async fn converge(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let (alices, bobs) = (play.browser(first, "Alice").await?, play.browser(second, "Bob").await?);
    let alice = RoomPage::make_room(&alices, &site, "Garden").await?;
    for title in ["Seeds", "Hose", "Rake", "Fence"] {
        alice.add(title).await?;
    }
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.wait_tasks(&alice.tasks().await?).await?;

    site.proxy().cut().await;
    leave(bob).await?;
    alice.edit("Seeds", &[("Title", "Seeds, says Alice"), ("Notes", "Alice, early")]).await?; // 1, 2
    alice.add("Alice 1").await?;
    alice.add("Alice 2").await?;
    alice.toggle("Hose").await?; // 5
    alice.wait_stored(&link, "Alice 2").await?;
    leave(alice).await?;

    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.edit("Seeds", &[("Title", "Seeds, says Bob"), ("Notes", "Bob")]).await?; // 1, 2
    for title in ["Bob 1", "Bob 2", "Bob 3"] {
        bob.add(title).await?;
    }
    bob.toggle("Rake").await?; // 6
    bob.delete("Fence").await?; // 7
    bob.edit("Hose", &[("Assignee", "Bob")]).await?; // 8
    bob.toggle("Bob 1").await?; // 9
    bob.add("Bob 4").await?; // 10
    bob.wait_stored(&link, "Bob 4").await?;
    leave(bob).await?;

    let alice = RoomPage::open(&alices, &link.url).await?;
    alice.wait_task("Seeds, says Alice").await?;
    alice.edit("Seeds, says Alice", &[("Notes", "Alice, late")]).await?; // 6
    alice.edit("Fence", &[("Notes", "Paint it")]).await?; // 7: later than Bob's deletion, which it undoes
    alice.delete("Alice 1").await?; // 8
    alice.toggle("Alice 2").await?; // 9
    alice.add("Alice 3").await?; // 10
    alice.wait_stored(&link, "Alice 3").await?;

    site.proxy().mend().await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.wait_connected(1).await?;
    alice.wait_connected(1).await?;
    for page in [&alice, &bob] {
        for title in
            ["Seeds, says Bob", "Fence", "Alice 2", "Alice 3", "Bob 1", "Bob 2", "Bob 3", "Bob 4", "Hose", "Rake"]
        {
            page.wait_task(title).await?;
        }
        for gone in ["Seeds", "Seeds, says Alice", "Alice 1"] {
            page.wait_no_task(gone).await?;
        }
        for (title, done) in [("Hose", true), ("Rake", true), ("Bob 1", true), ("Alice 2", true), ("Alice 3", false)] {
            page.wait_done(title, done).await?;
        }
        page.wait_details("Seeds, says Bob", |details| details.notes == "Alice, late").await?;
        page.wait_details("Hose", |details| details.assignee == "Bob").await?;
        page.wait_details("Fence", |details| details.notes == "Paint it").await?;
    }
    // Not only the same tasks: the same list.
    let list = alice.tasks().await?;
    ensure!(list.len() == 10, "{list:?}");
    bob.wait_tasks(&list).await
}

/// Closes the page, which must not be the browser's last tab.
async fn leave(page: RoomPage) -> Result<()> {
    page.tab().clone().close().await
}
