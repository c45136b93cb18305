//! Makes the pictures of the README: a room on a laptop and on a phone, and two browsers side by side.
//!
//! Run by `cargo xtask pictures`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{ColorScheme, Film, Lab, Play, RoomPage, Still, Tools};
use thirtyfour::Key;

/// The screens, in CSS pixels.
const LAPTOP: (u32, u32) = (1280, 800);
const PHONE: (u32, u32) = (390, 844);
/// Those of the film. Narrow enough to be without the bars that are scrolled by.
const LEFT: (u32, u32) = (590, 600);
const RIGHT: (u32, u32) = (390, 600);
/// Between them, in pixels.
const GAP: usize = 16;

/// How long a picture of the film stays: to be read, after something happened, and while somebody types.
const LONG: Duration = Duration::from_millis(1_800);
const SHORT: Duration = Duration::from_millis(700);
const TYPING: Duration = Duration::from_millis(220);

/// What is to be done in the room, from top to bottom: title, and what is known of it.
const TASKS: [(&str, &[(&str, &str)]); 9] = [
    ("Book the crane for the big tent", &[("Assignee", "Ines"), ("Due", "tomorrow")]),
    ("Generator: oil, filter, spare fuse", &[("Assignee", "Bo"), ("Due", "today")]),
    ("Pick up the beer benches", &[]),
    ("Fire extinguishers", &[("Assignee", "Ines")]),
    ("Ask the harbour master which mooring is free", &[]),
    ("Radio check", &[("Due", "today")]),
    ("Signs for the toilets", &[]),
    ("First aid tent", &[("Assignee", "Mara")]),
    ("Cash box", &[]),
];

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).context("where the pictures go is missing")?);
    let play = Play::new(Arc::new(Lab::new(Tools::from_env()?))).for_test("pictures");
    tokio::runtime::Runtime::new()?.block_on(async {
        let outcome = pictures(&play, &folder).await;
        play.clone().end(outcome).await?;
        play.close().await;
        Ok(())
    })
}

async fn pictures(play: &Play, folder: &Path) -> Result<()> {
    let site = play.site().await?;
    let ines = RoomPage::make_room(&play.browser(Chromium, "Ines").await?, &site, "Harbour fest").await?;
    for (title, details) in TASKS {
        ines.add(title).await?;
        if !details.is_empty() {
            ines.edit(title, details).await?;
        }
    }
    ines.prioritise("Book the crane for the big tent", "High").await?;
    ines.toggle("Cash box").await?;
    let link = ines.share_link().await?;
    let bo = RoomPage::open(&play.browser(Chromium, "Bo").await?, &link.url).await?;
    bo.wait_task("Pick up the beer benches").await?;
    for page in [&ines, &bo] {
        page.wait_connected(1).await?;
    }
    bo.tab().emulate_scheme(ColorScheme::Dark).await?;
    show(&ines, LAPTOP, &folder.join("room-laptop.png")).await?;
    show(&bo, PHONE, &folder.join("room-phone.png")).await?;
    film(play, &ines, &bo).await?.write(&folder.join("two-browsers.png"))
}

async fn show(page: &RoomPage, (width, height): (u32, u32), file: &Path) -> Result<()> {
    let tab = page.tab();
    tab.emulate_screen(width, height).await?;
    tab.execute::<()>("scrollTo(0, 0); document.activeElement?.blur(); return null;", vec![]).await?;
    tab.wait_still().await?;
    tab.screenshot(file).await
}

/// What one of them does is there on the other's screen.
async fn film(play: &Play, ines: &RoomPage, bo: &RoomPage) -> Result<Film> {
    let mut shooting = Shooting { play, pages: [ines, bo], film: Film::default() };
    for (page, (width, height)) in shooting.pages.into_iter().zip([LEFT, RIGHT]) {
        page.tab().emulate_screen(width, height).await?;
    }
    shooting.shoot(LONG).await?;
    let title = "Cable ramps for gate 3";
    ines.tab().click("textbox", "Add a task").await?;
    for part in ["Cable ", "ramps ", "for ", "gate 3"] {
        ines.tab().press(part).await?;
        shooting.shoot(TYPING).await?;
    }
    ines.tab().press("" + Key::Enter).await?;
    bo.wait_task(title).await?;
    shooting.shoot(LONG).await?;
    for done in ["Radio check", "Pick up the beer benches"] {
        bo.toggle(done).await?;
        ines.wait_done(done, true).await?;
        shooting.shoot(SHORT).await?;
    }
    bo.tab().click("button", "More actions for First aid tent").await?;
    shooting.shoot(SHORT).await?;
    bo.tab().click("button", "Move to the top").await?;
    let first = |titles: &Vec<String>| titles.first().is_some_and(|title| title == "First aid tent");
    for page in shooting.pages {
        page.wait("it at the top", || page.titles(), first).await?;
    }
    shooting.shoot(LONG).await?;
    Ok(shooting.film)
}

struct Shooting<'a> {
    play: &'a Play,
    pages: [&'a RoomPage; 2],
    film: Film,
}

impl Shooting<'_> {
    /// Takes a picture of both.
    async fn shoot(&mut self, stays: Duration) -> Result<()> {
        let file = self.play.tools().screenshots().join("film.png");
        let mut stills = Vec::new();
        for page in self.pages {
            page.tab().execute::<()>("scrollTo(0, 0); return null;", vec![]).await?;
            page.tab().wait_still().await?;
            page.tab().screenshot(&file).await?;
            stills.push(Still::read(&file)?);
        }
        std::fs::remove_file(&file)?;
        let [left, right] = stills.as_slice() else { anyhow::bail!("two pages") };
        self.film.push(left.beside(right, GAP)?, stays)
    }
}
