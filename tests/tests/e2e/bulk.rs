//! A long list goes over a slow line that breaks: how far it is shows, it is gone on with where it stopped, and an edit
//! does not wait for it.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{Access, Play, RoomPage, Weather};
use serde_json::json;

/// How many tasks there are.
const TASKS: usize = 3_000;

/// How soon two are together again.
const TOGETHER: Duration = Duration::from_secs(45);

/// Notes what the status says of the sync, and when a task named Live is there.
const WATCH: &str = "
    window.seen = [];
    const look = () => {
        const text = [...document.querySelectorAll('[role=status]')].map(part => part.textContent).join(' ');
        const got = /Getting ([0-9,]+) of ([0-9,]+) changes/.exec(text);
        const live = document.body.textContent.includes('Live at once');
        const [now, of] = got ? got.slice(1).map(part => Number(part.replaceAll(',', ''))) : [0, 0];
        if (got && seen.at(-1)?.[0] !== now) seen.push([now, of, live]);
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
    look();";

/// What was noted: how many changes there were, of how many, and whether the task was there.
type Seen = Vec<(u64, u64, bool)>;

async fn seen(page: &RoomPage) -> Result<Seen> {
    page.tab().execute("return seen;", vec![]).await
}

pub(crate) async fn over_a_bad_line(play: Play) -> Result<()> {
    let network = play.network(3).await?;
    let (farm, barn) = (network.place("farm", Access::Nat, 1)?, network.place("barn", Access::Nat, 1)?);
    let site = play.site_in(&network).await?;
    for place in [&farm, &barn] {
        place.host(0)?.visit(&site);
    }
    let alice = play.browser_on(farm.host(0)?, Chromium, "Alice").await?;
    let alice = RoomPage::make_room(&alice, &site, "Warehouse").await?;
    let link = alice.share_link().await?;
    alice.add_many(&link.room, TASKS, 60).await?;
    let slow = Weather { delay: Duration::from_millis(150), ..Weather::default() };
    barn.set_weather(slow);
    let bob = RoomPage::open(&play.browser_on(barn.host(0)?, Chromium, "Bob").await?, &link.url).await?;
    bob.tab().execute::<()>(WATCH, vec![]).await?;
    let some = |seen: &Seen| seen.last().is_some_and(|(got, of, _)| got * 4 > *of);
    bob.wait("a quarter of it", || seen(&bob), some).await?;

    barn.set_weather(Weather::PARTITION);
    let lost = |status: &String| !status.starts_with("Connected");
    bob.wait("that nobody is there", || bob.status(), lost).await?;
    let before = seen(&bob).await?;
    barn.set_weather(slow);
    bob.wait_status_within("Connected to 1 device", TOGETHER).await?;
    // The first one: it is in view.
    alice.edit("Task 0", &[("Title", "Live at once")]).await?;
    bob.wait_task("Live at once").await?;
    let script = "
        const done = arguments[arguments.length - 1];
        fetch(`/peer/v1/rooms/${arguments[0]}/tasks`).then(answer => answer.json())
            .then(({ tasks }) => done(tasks.length), () => done(0));";
    let stored = || bob.tab().execute_async::<usize>(script, vec![json!(link.room)]);
    bob.wait("all of it", stored, |stored| *stored == TASKS).await?;
    // It is not got a second time.
    bob.edit("Live at once", &[("Title", "There")]).await?;
    alice.wait_task("There").await?;
    alice.edit("There", &[("Title", "And back")]).await?;
    bob.wait_task("And back").await?;

    let all = seen(&bob).await?;
    let after = all.get(before.len()..).unwrap_or_default();
    let (Some((got, of, _)), Some((more, rest, _))) = (before.last(), after.first()) else {
        bail!("there is no break in it: {all:?}")
    };
    // Either the same sync goes on, or one for the rest begins.
    ensure!(*of >= TASKS as u64 && rest - more + got <= of + 10, "it began anew: {all:?}");
    for part in [before.as_slice(), after] {
        ensure!(part.is_sorted_by_key(|(got, ..)| *got), "it goes back: {all:?}");
    }
    ensure!(after.iter().any(|(.., live)| *live), "the edit waited for the list: {all:?}");
    Ok(())
}
