//! Tabs of one browser share everything, the connections too.

use anyhow::Result;
use partyline_tests::{BrowserKind, Play, RoomPage};

pub(crate) async fn handover(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(kind, "Alice").await?;
    let first = RoomPage::make_room(&browser, &site, "Studio").await?;
    first.add("Paint").await?;
    let link = first.share_link().await?;
    let bob = RoomPage::open(&play.browser(BrowserKind::Chromium, "Bob").await?, &link.url).await?;
    bob.wait_task("Paint").await?;
    first.wait_connected(1).await?;

    // A second tab shows the same, at once and from then on, and its edits reach the first tab and the other browser.
    let second = RoomPage::open(&browser, &link.url).await?;
    second.wait_task("Paint").await?;
    second.wait_connected(1).await?;
    bob.add("Canvas").await?;
    second.wait_task("Canvas").await?;
    second.add("Brushes").await?;
    bob.wait_task("Brushes").await?;
    first.wait_task("Brushes").await?;
    first.toggle("Paint").await?;
    second.wait_done("Paint", true).await?;
    bob.wait_done("Paint", true).await?;

    // The first tab holds the connections. When it goes, the second takes over.
    first.tab().clone().close().await?;
    second.add("Turpentine").await?;
    bob.wait_task("Turpentine").await?;
    bob.delete("Canvas").await?;
    second.wait_no_task("Canvas").await?;
    second.wait_connected(1).await?;
    bob.wait_connected(1).await
}
