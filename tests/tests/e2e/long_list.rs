//! A list of thousands: what is in view is on the page, and the rest is as far away as it would be.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::{self, Chromium};
use partyline_tests::{Play, RoomPage, Tab};
use serde_json::json;

/// How many tasks there are.
const TASKS: usize = 900;

/// How many rows are on the page at most.
const ROWS: usize = 300;

/// Has the page know in which order the tasks stand: those that are added at once come as they come.
const ORDER: &str = "
    const done = arguments[arguments.length - 1];
    const text = (a, b) => a < b ? -1 : Number(a > b);
    fetch(`/peer/v1/rooms/${arguments[0]}/tasks`).then(answer => answer.json()).then(({ tasks }) => {
        tasks.sort((a, b) => text(a.position, b.position) || text(a.id, b.id));
        window.places = new Map(tasks.map((task, place) => [task.id, place]));
        done(tasks.length);
    }, error => done(String(error)));";

/// The row in the middle of the view: which it says it is, of how many, and which its task is, from 0.
type Seen = Option<(usize, usize, usize)>;

async fn seen(tab: &Tab) -> Result<Seen> {
    let script = "
        const row = document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest('[data-task]');
        const place = window.places.get(row?.dataset.task);
        return row && [...['aria-posinset', 'aria-setsize'].map(name => Number(row.getAttribute(name))), place];";
    tab.execute(script, vec![]).await
}

/// Waits until such a row is in the middle, which says what it is.
async fn wait_seen(page: &RoomPage, what: &str, good: impl Fn(usize) -> bool) -> Result<()> {
    let good = |seen: &Seen| seen.is_some_and(|(place, of, task)| of == TASKS && place == task + 1 && good(task));
    page.wait(what, || seen(page.tab()), good).await?;
    let rows = page.titles().await?.len();
    ensure!(rows <= ROWS, "{rows} rows are on the page");
    Ok(())
}

pub(crate) async fn scrolled(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Warehouse").await?;
    let link = page.share_link().await?;
    page.add_many(&link.room, TASKS, 3).await?;
    let tab = page.tab();
    let known: usize = tab.execute_async(ORDER, vec![json!(link.room)]).await?;
    ensure!(known == TASKS, "{known} tasks were added");
    wait_seen(&page, "the beginning", |task| task < 30).await?;
    let jump = |share: f64| {
        let script = "scrollTo({ top: arguments[0] * document.documentElement.scrollHeight, behavior: 'instant' });";
        tab.execute::<()>(script, vec![json!(share)])
    };
    jump(0.5).await?;
    wait_seen(&page, "the middle", |task| task.abs_diff(TASKS / 2) < TASKS / 10).await?;
    jump(1.0).await?;
    wait_seen(&page, "the end", |task| TASKS - task < 30).await?;

    // Screen by screen, no row is left out: each begins where the one before ended.
    jump(0.0).await?;
    wait_seen(&page, "the beginning again", |task| task < 30).await?;
    let script = "
        const done = arguments[arguments.length - 1];
        const frame = () => new Promise(requestAnimationFrame);
        const inView = () => [...document.querySelectorAll('[data-task]')].filter(row => {
            const { top, bottom } = row.getBoundingClientRect();
            return bottom > 0 && top < innerHeight;
        }).map(row => window.places.get(row.dataset.task));
        (async () => {
            const views = [inView()];
            while (views.at(-1).at(-1) < arguments[0] && views.length < 500) {
                scrollBy({ top: innerHeight * 0.75, behavior: 'instant' });
                await frame();
                await frame();
                views.push(inView());
            }
            return views.map(view => [view[0] ?? null, view.at(-1) ?? null, view.length]);
        })().then(done, error => done(String(error)));";
    let views: Vec<(Option<usize>, Option<usize>, usize)> = tab.execute_async(script, vec![json!(TASKS - 1)]).await?;
    let mut last = 0;
    for (from, to, many) in &views {
        let (Some(from), Some(to)) = (from, to) else { anyhow::bail!("nothing is in view: {views:?}") };
        ensure!(to - from + 1 == *many && *from <= last + 1 && *to >= last, "not one after the other: {views:?}");
        last = *to;
    }
    ensure!(last == TASKS - 1, "the end is not reached: {views:?}");

    // What is added goes to the end, and is brought into view.
    jump(0.0).await?;
    wait_seen(&page, "the beginning", |task| task < 30).await?;
    page.add("One more").await?;
    let script = "
        const row = [...document.querySelectorAll('[data-task]')].find(row => row.textContent.includes('One more'));
        const { top, bottom } = row?.getBoundingClientRect() ?? {};
        return top >= 0 && bottom <= innerHeight && Number(row.getAttribute('aria-posinset'));";
    let place = || tab.execute::<serde_json::Value>(script, vec![]);
    page.wait("what was added", place, |place| *place == json!(TASKS + 1)).await?;

    // The keyboard goes on from row to row, and stays in the list when a row goes away.
    page.toggle("Task 890").await?;
    page.wait_done("Task 890", true).await?;
    page.delete("Task 880").await?;
    page.wait_no_task("Task 880").await?;
    let focused = "return !!document.activeElement.closest('[data-task]');";
    page.wait("a row with the keyboard", || tab.execute::<bool>(focused, vec![]), |focused| *focused).await?;
    Ok(())
}

/// A page whose cursor is refused each time it reads what is new reads all of the list, and its rows follow.
pub(crate) async fn refused(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Stale").await?;
    for title in ["Paint", "Canvas", "Brushes"] {
        alice.add(title).await?;
    }
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    bob.wait_tasks(&alice.tasks().await?).await?;
    let script = "
        const real = window.fetch;
        window.stale = 0;
        window.fetch = (request, ...rest) => {
            const url = String(request.url ?? request);
            if (!url.includes('/tasks?since=')) return real(request, ...rest);
            window.stale += 1;
            return real(new Request(url.replace(/since=\\d+/, 'since=1'), request), ...rest);
        };";
    alice.tab().execute::<()>(script, vec![]).await?;
    bob.toggle("Paint").await?;
    alice.wait_done("Paint", true).await?;
    bob.delete("Canvas").await?;
    alice.wait_no_task("Canvas").await?;
    bob.edit("Brushes", &[("Title", "Broad brushes")]).await?;
    alice.wait_task("Broad brushes").await?;
    bob.toggle("Paint").await?;
    alice.wait_done("Paint", false).await?;
    let stale: u32 = alice.tab().execute("return window.stale;", vec![]).await?;
    ensure!(stale >= 4, "{stale}");
    alice.wait_tasks(&bob.tasks().await?).await
}
