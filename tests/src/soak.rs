use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{
    Access, Browser, BrowserKind, Network, Place, Play, RoomLink, RoomPage, Site, TaskLine, Weather, eventually,
};

/// How long a crew may take to be one again when everybody is back.
const PATIENCE: Duration = Duration::from_secs(120);

/// The longest time, in seconds, that somebody is cut off at a stretch. Connections end after about ten.
const TROUBLE: usize = 20;

/// A crew that works, reloads, leaves and comes back at random. Where there can be a [`Network`] each member has a place of
/// its own in one, which is cut off from the others at random or unplugged.
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
    /// Times that nothing passed between somebody and the others.
    pub partitions: usize,
    /// Times that somebody's device was offline.
    pub offline: usize,
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
    browser: Arc<Browser>,
    page: Option<RoomPage>,
    place: Option<Arc<Place>>,
}

impl Member {
    async fn join(play: &Play, ground: &Ground, number: usize, kind: BrowserKind) -> Result<Self> {
        let name = format!("Member {number}");
        let (browser, place) = match &ground.network {
            Some(network) => {
                let place = network.place(&format!("soak{number}"), Access::Open, 1)?;
                place.host(0)?.visit(&ground.site);
                (play.browser_on(place.host(0)?, kind, &name).await?, Some(place))
            }
            None => (play.browser(kind, &name).await?, None),
        };
        Ok(Self { browser, page: None, place })
    }
}

/// Where the crew is.
struct Ground {
    site: Arc<Site>,
    network: Option<Arc<Network>>,
}

impl Ground {
    async fn choose(play: &Play, seed: u64) -> Result<Self> {
        if let Some(why) = Network::missing() {
            println!("nobody is cut off, since there can be no network lab here: {why}");
            return Ok(Self { site: play.site_of_its_own().await?, network: None });
        }
        let network = play.network(seed).await?;
        Ok(Self { site: play.site_in(&network).await?, network: Some(network) })
    }
}

/// Somebody is cut off.
struct Trouble {
    who: usize,
    until: Instant,
    unplugged: bool,
}

impl Trouble {
    fn set(&self, place: &Place, is_on: bool) -> Result<()> {
        if self.unplugged {
            return place.plug(0, !is_on);
        }
        place.set_weather(if is_on { Weather::PARTITION } else { Weather::default() });
        Ok(())
    }
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
        let ground = Ground::choose(play, self.seed).await?;
        let (mut crew, mut link) = (Vec::<Member>::new(), None::<RoomLink>);
        for (number, kind) in self.browsers.iter().enumerate() {
            let mut member = Member::join(play, &ground, number, *kind).await?;
            let page = match &link {
                Some(link) => RoomPage::open(&member.browser, &link.url).await?,
                None => RoomPage::make_room(&member.browser, &ground.site, "Soak").await?,
            };
            if link.is_none() {
                link = Some(page.share_link().await?);
            }
            member.page = Some(page);
            crew.push(member);
        }
        let link = link.context("a crew has at least one member")?;
        for page in crew.iter().filter_map(|member| member.page.as_ref()) {
            page.wait_status_within(&format!("Connected to {}", crew.len() - 1), PATIENCE).await?;
            page.wait_known(&link).await?;
        }

        let (mut titles, begin, mut book_lives) = (BTreeSet::new(), Instant::now(), true);
        let mut trouble = None::<Trouble>;
        while begin.elapsed() < self.lasts {
            if book_lives && begin.elapsed() > self.lasts / 2 {
                ground.site.kill_phone_book().await?;
                book_lives = false;
            }
            if let Some(over) = trouble.take_if(|trouble| trouble.until <= Instant::now())
                && let Some(place) = crew.get(over.who).and_then(|member| member.place.as_ref())
            {
                over.set(place, false)?;
            }
            let who = dice.below(crew.len());
            let away = crew.iter().filter(|member| member.page.is_none()).count();
            let deed = dice.below(14);
            let cut_off = trouble.as_ref().map(|trouble| trouble.who);
            let Some(member) = crew.get_mut(who) else { continue };
            match (&member.page, deed) {
                (None, _) if cut_off == Some(who) => {}
                // One at a time, or two who are alone would have to find each other from new places.
                (_, 12 | 13) if cut_off.is_none() && away == 0 => {
                    if let Some(place) = &member.place {
                        let until = Instant::now() + Duration::from_secs(1 + dice.below(TROUBLE) as u64);
                        let begun = Trouble { who, until, unplugged: deed == 13 };
                        begun.set(place, true)?;
                        *(if begun.unplugged { &mut report.offline } else { &mut report.partitions }) += 1;
                        trouble = Some(begun);
                    }
                }
                (None, _) => {
                    let page = RoomPage::open(&member.browser, &link.url).await?;
                    page.wait_status_within("Connected", PATIENCE).await?;
                    member.page = Some(page);
                }
                (Some(page), 0..=7) => {
                    let title = format!("{who}-{}", report.edits);
                    store(page, &link, &title).await?;
                    titles.insert(title);
                    report.edits += 1;
                }
                // Not the first, and one at a time: whoever loses everybody else without a phone book comes back to nobody.
                (Some(page), 8 | 9) if who != 0 && cut_off.is_none() => {
                    page.reload().await?;
                    page.wait_status_within("Connected", PATIENCE).await?;
                    report.reloads += 1;
                }
                (Some(page), 10) if who != 0 && away == 0 && cut_off.is_none() => {
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

        if let Some(trouble) = trouble
            && let Some(place) = crew.get(trouble.who).and_then(|member| member.place.as_ref())
        {
            trouble.set(place, false)?;
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
