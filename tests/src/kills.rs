use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{Browser, BrowserKind, BrowserSetup, Play, RoomLink, RoomPage, Site};

/// A browser that is killed again and again while its page writes.
#[derive(Debug, Clone, Copy)]
pub struct Kills {
    /// Which browser.
    pub browser: BrowserKind,
    /// How often.
    pub times: usize,
    /// What the moments follow from.
    pub seed: u64,
}

/// What [`Kills`] went through.
#[derive(Debug, Clone, Copy, Default)]
pub struct KillsReport {
    /// Times that the whole browser was killed.
    pub browsers: usize,
    /// Times that the processes of its pages and its service worker were.
    pub pages: usize,
    /// Edits that were acknowledged, and are all there.
    pub acknowledged: usize,
    /// Edits that are there, although the kill came before anybody heard so.
    pub unheard: usize,
}

/// Adds tasks, several at a time, one after the other in each lane, and tells the server of each that is acknowledged: it
/// outlives the browser.
const STREAM: &str = "
    const [room, round] = arguments;
    let number = 0;
    const lane = async () => {
        for (;;) {
            const title = `${round}-${number++}`;
            const answer = await fetch(`/peer/v1/rooms/${room}/tasks`, { method: 'POST', body: JSON.stringify({ title }) });
            if (answer.ok) fetch(`/health?acknowledged=${title}`);
        }
    };
    for (let lanes = 0; lanes < 3; lanes += 1) lane();
    return null;";

/// All titles on the disk.
const STORED: &str = "
    const done = arguments[arguments.length - 1];
    fetch(`/peer/v1/rooms/${arguments[0]}/tasks`).then(answer => answer.json())
        .then(({ tasks }) => done(tasks.map(task => task.title)), error => done([String(error)]));";

impl Kills {
    /// Plays it: after each kill, every edit that was acknowledged before it is there.
    pub async fn play(self, play: &Play) -> Result<KillsReport> {
        let site = play.site_of_its_own().await?;
        let browser = play.own_browser(self.browser, "Alice", BrowserSetup::default()).await?;
        let room = RoomPage::make_room(&browser, &site, "Workshop").await?;
        let link = room.share_link().await?;
        let mut page = room;
        let mut report = KillsReport::default();
        let mut dice = self.seed | 1;
        for round in 0..self.times {
            page.tab().execute::<()>(STREAM, vec![json!(link.room), json!(round)]).await?;
            // xorshift64 (Marsaglia 2003).
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            // The moment is what is random here; there is nothing to wait for.
            tokio::time::sleep(Duration::from_millis(20 + (dice >> 11) % 700)).await;
            let whole = self.browser == BrowserKind::Firefox || dice >> 60 & 1 == 0;
            if whole {
                browser.kill().await;
                browser.start_again().await?;
                report.browsers += 1;
            } else {
                browser.kill_pages().await?;
                report.pages += 1;
                // A driver does nothing more with a browser whose tab in front has crashed, but end it as a user would.
                let _ = browser.quit().await;
                browser.start_again().await?;
            }
            page = Self::check(&browser, &site, &link, &mut report).await?;
        }
        Ok(report)
    }

    async fn check(
        browser: &std::sync::Arc<Browser>,
        site: &Site,
        link: &RoomLink,
        report: &mut KillsReport,
    ) -> Result<RoomPage> {
        let acknowledged: BTreeSet<String> = site
            .proxy()
            .requests()
            .into_iter()
            .filter_map(|request| Some(request.path.strip_prefix("/health?acknowledged=")?.to_owned()))
            .collect();
        // Not the room itself, whose list is long by now: the page only has to have a service worker.
        let tab = browser.open(&format!("{}/#{}", site.origin(), link.room)).await?;
        let stored = || tab.execute_async::<Vec<String>>(STORED, vec![json!(link.room)]);
        let page = RoomPage::in_tab(tab.clone());
        let there = page.wait("tasks", stored, |titles| !titles.iter().any(|title| title.contains("Error"))).await?;
        let there: BTreeSet<String> = there.into_iter().collect();
        let lost: Vec<&String> = acknowledged.difference(&there).collect();
        ensure!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        report.unheard = there.difference(&acknowledged).count();
        report.acknowledged = acknowledged.len();
        Ok(page)
    }
}
