use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{Browser, BrowserKind, Play, RoomLink, RoomPage, TaskLine, eventually};

/// How long a crew may take to be one again when everybody is back.
const PATIENCE: Duration = Duration::from_secs(120);

/// A crew that works, reloads, leaves and comes back at random.
#[derive(Debug, Clone)]
pub struct Soak {
    /// Which browsers take part.
    pub browsers: Vec<BrowserKind>,
    /// How long it goes on.
    pub lasts: Duration,
    /// What everything random follows from. The browsers' own timing does not.
    pub seed: u64,
}

/// What a [`Soak`] went through.
#[derive(Debug, Clone, Copy, Default)]
pub struct SoakReport {
    /// Edits that were acknowledged.
    pub edits: usize,
    /// Pages that were loaded again.
    pub reloads: usize,
    /// Times that somebody was away.
    pub absences: usize,
    /// How long it took at the end until everybody had the same, in milliseconds.
    pub settled_ms: u128,
}

/// xorshift64 (Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % bound.max(1) as u64).unwrap_or_default()
    }
}

/// One of the crew; no page while away.
struct Member {
    browser: std::sync::Arc<Browser>,
    page: Option<RoomPage>,
}

impl Soak {
    /// Plays it. Half-way through, the phone book dies for good; the first of the crew stays, so that somebody is there to
    /// come back to.
    ///
    /// # Errors
    ///
    /// When an edit that was acknowledged is missing anywhere at the end, or two lists differ.
    pub async fn play(&self, play: &Play) -> Result<SoakReport> {
        let mut dice = Dice(self.seed | 1);
        let mut report = SoakReport::default();
        let site = play.site_of_its_own().await?;
        let (mut crew, mut link) = (Vec::<Member>::new(), None::<RoomLink>);
        for (number, kind) in self.browsers.iter().enumerate() {
            let browser = play.browser(*kind, &format!("Member {number}")).await?;
            let page = match &link {
                Some(link) => RoomPage::open(&browser, &link.url).await?,
                None => RoomPage::make_room(&browser, &site, "Soak").await?,
            };
            if link.is_none() {
                link = Some(page.share_link().await?);
            }
            crew.push(Member { browser, page: Some(page) });
        }
        let link = link.context("a crew has at least one member")?;
        for page in crew.iter().filter_map(|member| member.page.as_ref()) {
            page.wait_status_within(&format!("Connected to {}", crew.len() - 1), PATIENCE).await?;
            page.wait_known(&link).await?;
        }

        let (mut titles, begin, mut book_lives) = (BTreeSet::new(), Instant::now(), true);
        while begin.elapsed() < self.lasts {
            if book_lives && begin.elapsed() > self.lasts / 2 {
                site.kill_phone_book().await?;
                book_lives = false;
            }
            let who = dice.below(crew.len());
            let away = crew.iter().filter(|member| member.page.is_none()).count();
            let deed = dice.below(12);
            let Some(member) = crew.get_mut(who) else { continue };
            match (&member.page, deed) {
                (None, _) => {
                    let page = RoomPage::open(&member.browser, &link.url).await?;
                    let before = page.known(&link).await?;
                    page.wait_status_within("Connected", PATIENCE).await?;
                    let known = || page.known(&link);
                    page.wait("where the others can be called next", known, |known| *known != before).await?;
                    member.page = Some(page);
                }
                (Some(page), 0..=7) => {
                    let title = format!("{who}-{}", report.edits);
                    store(page, &link, &title).await?;
                    titles.insert(title);
                    report.edits += 1;
                }
                // Not the first, and one at a time: whoever loses everybody else without a phone book comes back to nobody.
                (Some(page), 8 | 9) if who != 0 => {
                    let before = page.known(&link).await?;
                    page.reload().await?;
                    page.wait_status_within("Connected", PATIENCE).await?;
                    // Whom it has called must have had the time to say where it can be called next.
                    let known = || page.known(&link);
                    page.wait("where the others can be called next", known, |known| *known != before).await?;
                    report.reloads += 1;
                }
                (Some(page), _) if who != 0 && away == 0 => {
                    let title = format!("{who}-{} and gone", report.edits);
                    store(page, &link, &title).await?;
                    titles.insert(title);
                    report.edits += 1;
                    page.tab().clone().close().await?;
                    member.page = None;
                    report.absences += 1;
                }
                (Some(page), _) => {
                    let line = page.tasks().await?;
                    if let Some(TaskLine { title, .. }) = line.get(dice.below(line.len())) {
                        // It may be moved from under the pointer by what comes in: then it was not clicked.
                        let _ = page.tab().click("checkbox", title).await;
                    }
                }
            }
        }

        for member in &mut crew {
            if member.page.is_none() {
                member.page = Some(RoomPage::open(&member.browser, &link.url).await?);
            }
        }
        let over = Instant::now();
        let pages: Vec<&RoomPage> = crew.iter().filter_map(|member| member.page.as_ref()).collect();
        eventually("everybody has everything", PATIENCE, || async {
            let first = stored(pages.first().context("a crew")?, &link).await?;
            for page in &pages {
                let held = stored(page, &link).await?;
                let missing = titles.iter().filter(|title| !held.iter().any(|(held, _)| held == *title)).count();
                let name = page.tab().browser().name();
                ensure!(missing == 0, "{name} lacks {missing} of {} acknowledged tasks", titles.len());
                ensure!(held == first, "{name} has another list than the first");
            }
            Ok(())
        })
        .await?;
        report.settled_ms = over.elapsed().as_millis();
        Ok(report)
    }
}

/// Makes a task through the peer API. It has been acknowledged when this returns.
async fn store(page: &RoomPage, link: &RoomLink, title: &str) -> Result<()> {
    let script = "
        const done = arguments[arguments.length - 1];
        const headers = { 'content-type': 'application/json' };
        const request = { method: 'POST', headers, body: JSON.stringify({ title: arguments[1] }) };
        fetch(`/peer/v1/rooms/${arguments[0]}/tasks`, request).then(answer => done(answer.status), () => done(0));";
    let status: u16 = page.tab().execute_async(script, vec![json!(link.room), json!(title)]).await?;
    ensure!(status == 201, "{} answered {status} to a new task", page.tab().browser().name());
    Ok(())
}

/// What the service worker has: each title, and whether it is done.
async fn stored(page: &RoomPage, link: &RoomLink) -> Result<Vec<(String, bool)>> {
    let script = "
        const done = arguments[arguments.length - 1];
        fetch(`/peer/v1/rooms/${arguments[0]}/tasks`).then(answer => answer.json()).then(
            ({ tasks }) => done(tasks.map(task => [task.title, task.status === 'done'])), () => done([]));";
    let mut held: Vec<(String, bool)> = page.tab().execute_async(script, vec![json!(link.room)]).await?;
    held.sort();
    Ok(held)
}
