//! Two who share a room, and everything that they wrote.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use partyline_tests::{RoomPage, eventually};
use tokio::time::Instant;

/// How long a connection may take before we say that it does not come about. The app goes on trying.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until both are connected to `count` others; the time since `since`, or what the two say instead.
pub(crate) async fn connected(pages: [&RoomPage; 2], count: usize, since: Instant) -> Result<Result<Duration, String>> {
    let wanted = format!("Connected to {count} device");
    let all = || async {
        for page in pages {
            let status = page.status().await?;
            ensure!(status.starts_with(&wanted), "{status}");
        }
        Ok(())
    };
    match eventually("connected", PATIENCE, all).await {
        Ok(()) => Ok(Ok(since.elapsed())),
        Err(_) => Ok(Err(said(pages).await?)),
    }
}

/// What the app tells the two.
pub(crate) async fn said(pages: [&RoomPage; 2]) -> Result<String> {
    let (one, other) = (pages[0].status().await?, pages[1].status().await?);
    Ok(if one == other { format!("“{one}”") } else { format!("“{one}” / “{other}”") })
}

/// Two pages of one room and the titles that were written in either.
pub(crate) struct Pair {
    pub(crate) alice: RoomPage,
    pub(crate) bob: RoomPage,
    written: Vec<String>,
}

impl Pair {
    pub(crate) fn new(alice: RoomPage, bob: RoomPage) -> Self {
        Self { alice, bob, written: Vec::new() }
    }

    pub(crate) fn pages(&self) -> [&RoomPage; 2] {
        [&self.alice, &self.bob]
    }

    /// Each writes a task. Returns the titles: Alice's and Bob's.
    pub(crate) async fn write(&mut self, what: &str) -> Result<[String; 2]> {
        let titles = [format!("Alice, {what}"), format!("Bob, {what}")];
        for (page, title) in [&self.alice, &self.bob].into_iter().zip(&titles) {
            page.add(title).await?;
            self.written.push(title.clone());
        }
        Ok(titles)
    }

    /// Waits until each has what the other wrote last; `None` if that takes too long.
    pub(crate) async fn exchanged(&self, titles: &[String; 2], since: Instant) -> Option<Duration> {
        let [alices, bobs] = titles;
        let both = || async {
            ensure!(self.bob.titles().await?.contains(alices), "Bob lacks {alices}");
            ensure!(self.alice.titles().await?.contains(bobs), "Alice lacks {bobs}");
            Ok(())
        };
        eventually("exchanged", PATIENCE, both).await.ok().map(|()| since.elapsed())
    }

    /// Fails unless both have the same list with everything in it that was ever written.
    pub(crate) async fn check(&self) -> Result<()> {
        eventually("the same list", Duration::from_secs(20), || async {
            let (alices, bobs) = (self.alice.tasks().await?, self.bob.tasks().await?);
            ensure!(alices == bobs, "the lists differ: {alices:?} and {bobs:?}");
            Ok(())
        })
        .await?;
        let titles = self.alice.titles().await?;
        let lost = self.written.iter().find(|title| !titles.contains(title));
        lost.map_or(Ok(()), |title| Err(anyhow::anyhow!("lost: {title}"))).context("something was lost")
    }
}
