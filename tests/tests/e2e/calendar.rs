//! A due date is a day, not a moment: the same day for everybody, whatever their clocks say. What is today is where the
//! person is.

use std::sync::Arc;

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Browser, BrowserKind, BrowserSetup, Play, RoomPage, Tab};
use serde_json::json;

/// 14 hours ahead of UTC: nowhere does a day begin earlier.
const KIRITIMATI: &str = "Pacific/Kiritimati";
/// 8 hours behind in winter.
const LOS_ANGELES: &str = "America/Los_Angeles";
const BERLIN: &str = "Europe/Berlin";

/// What the list says of a due day, to who listens; and how it looks, if not like any other.
type Fact = (&'static str, &'static str);

/// On both sides of the date line, at the turn of the year.
pub(crate) async fn date_line(play: Play) -> Result<()> {
    // Two in the morning on New Year's Day, and four in the morning on New Year's Eve.
    const NOW: &str = "2026-12-31T12:00:00Z";
    let site = play.site().await?;
    let alice = RoomPage::make_room(&browser(&play, Chromium, "Alice", KIRITIMATI).await?, &site, "Atoll").await?;
    alice.add("Ferry").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&browser(&play, Firefox, "Bob", LOS_ANGELES).await?, &link.url).await?;
    bob.wait_task("Ferry").await?;
    be_in(alice.tab(), KIRITIMATI, NOW).await?;
    be_in(bob.tab(), LOS_ANGELES, NOW).await?;

    // By a button.
    alice.open_details("Ferry").await?;
    alice.tab().click("button", "Today").await?;
    alice.close_details().await?;
    both(&alice, ("Due Today", "soon"), &bob, ("Due Tomorrow", ""), "2027-01-01").await?;
    // By a word.
    bob.edit("Ferry", &[("Due", "today")]).await?;
    both(&alice, ("Overdue since Yesterday", "overdue"), &bob, ("Due Today", "soon"), "2026-12-31").await?;
    // By a date, which is this year's for one of them.
    alice.edit("Ferry", &[("Due", "2027-03-28")]).await?;
    both(&alice, ("Due Sun, Mar 28", ""), &bob, ("Due Mar 28, 2027", ""), "2027-03-28").await?;
    // By the calendar.
    bob.open_details("Ferry").await?;
    let pick = "const picker = document.querySelector('dialog input[type=date]');
        picker.value = '2027-01-02';
        picker.dispatchEvent(new Event('change', { bubbles: true }));
        return null;";
    bob.tab().execute::<()>(pick, vec![]).await?;
    bob.close_details().await?;
    both(&alice, ("Due Tomorrow", ""), &bob, ("Due Jan 2, 2027", ""), "2027-01-02").await?;

    // Bob's days of 23 and of 25 hours.
    is_a_day(&bob, LOS_ANGELES, "Ferry", ["2027-03-14", "2027-03-15"], ["2027-03-14T08:00Z", "2027-03-15T07:00Z"])
        .await?;
    is_a_day(&bob, LOS_ANGELES, "Ferry", ["2026-11-01", "2026-11-02"], ["2026-11-01T07:00Z", "2026-11-02T08:00Z"]).await
}

/// The days of 23 and of 25 hours in Berlin.
pub(crate) async fn clock_change(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&browser(&play, Chromium, "Alice", BERLIN).await?, &site, "Clockmaker").await?;
    page.add("Wind up").await?;
    is_a_day(&page, BERLIN, "Wind up", ["2027-03-28", "2027-03-29"], ["2027-03-27T23:00Z", "2027-03-28T22:00Z"])
        .await?;
    is_a_day(&page, BERLIN, "Wind up", ["2026-10-25", "2026-10-26"], ["2026-10-24T22:00Z", "2026-10-25T23:00Z"]).await
}

/// A device that travels, and one that stays up past midnight. Chromium only: no other changes its zone while it runs.
pub(crate) async fn travel(play: Play) -> Result<()> {
    let site = play.site().await?;
    let alice = play.browser(Chromium, "Alice").await?;
    let page = RoomPage::make_room(&alice, &site, "Suitcase").await?;
    let tab = page.tab();
    page.add("Passport").await?;
    page.edit("Passport", &[("Due", "2027-01-01")]).await?;
    for (zone, fact) in [
        (LOS_ANGELES, ("Due Tomorrow", "")),
        (BERLIN, ("Due Tomorrow", "")),
        (KIRITIMATI, ("Due Today", "soon")),
        (LOS_ANGELES, ("Due Tomorrow", "")),
    ] {
        be_in(tab, zone, "2026-12-31T12:00:00Z").await?;
        shows(&page, "Passport", fact).await?;
    }
    // Nobody looks up at midnight, and yet today is the new day, in the form and in the list.
    page.open_details("Passport").await?;
    set_clock(tab, "2027-01-02T08:00:00Z").await?;
    tab.click("button", "Today").await?;
    page.close_details().await?;
    shows(&page, "Passport", ("Due Today", "soon")).await?;
    ensure!(page.read("Passport").await?.due == "2027-01-02", "it is due on the day that is over");
    page.open_details("Passport").await?;
    set_clock(tab, "2027-01-03T08:00:00Z").await?;
    tab.fill("Due", "tomorrow").await?;
    page.close_details().await?;
    shows(&page, "Passport", ("Due Tomorrow", "")).await?;
    ensure!(page.read("Passport").await?.due == "2027-01-04", "it is due on the day that is over");
    Ok(())
}

/// A browser that is in `zone`, or will be once [`be_in`] is called.
async fn browser(play: &Play, kind: BrowserKind, name: &str, zone: &'static str) -> Result<Arc<Browser>> {
    match kind {
        Chromium => play.browser(kind, name).await,
        Firefox => play.own_browser(kind, name, BrowserSetup { zone: Some(zone), ..BrowserSetup::default() }).await,
    }
}

/// Sees that a task that is due on `day` is due from the first moment of that day to the last one, however many hours
/// there are between, and that each of two days is the other's tomorrow.
async fn is_a_day(
    page: &RoomPage,
    zone: &str,
    title: &str,
    [day, next]: [&str; 2],
    [begins, ends]: [&str; 2],
) -> Result<()> {
    let moment = async |of: &str, seconds: i64| {
        let script = "return new window.Date(Date.parse(arguments[0]) + 1000 * arguments[1]).toISOString();";
        page.tab().execute::<String>(script, vec![json!(of), json!(seconds)]).await
    };
    let set_for_tomorrow = async |now: &str, due: &str| {
        be_in(page.tab(), zone, now).await?;
        page.edit(title, &[("Due", "tomorrow")]).await?;
        shows(page, title, ("Due Tomorrow", "")).await?;
        let seen = page.read(title).await?.due;
        ensure!(seen == due, "the day after is {seen} at {now}, not {due}");
        anyhow::Ok(())
    };
    set_for_tomorrow(&moment(begins, -1800).await?, day).await?;
    for (of, seconds, fact) in [
        (begins, -1, ("Due Tomorrow", "")),
        (begins, 0, ("Due Today", "soon")),
        (begins, 2 * 3600 - 1, ("Due Today", "soon")),
        (begins, 3 * 3600, ("Due Today", "soon")),
        (ends, -1, ("Due Today", "soon")),
        (ends, 0, ("Overdue since Yesterday", "overdue")),
    ] {
        be_in(page.tab(), zone, &moment(of, seconds).await?).await?;
        shows(page, title, fact).await?;
    }
    set_for_tomorrow(&moment(begins, 1800).await?, next).await
}

/// Puts the page into a zone at a time, and has the person look at it.
async fn be_in(tab: &Tab, zone: &str, now: &str) -> Result<()> {
    if tab.browser().kind() == Chromium {
        tab.emulate_zone(zone).await?;
    }
    set_clock(tab, now).await?;
    let look = "window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
        return new window.Intl.DateTimeFormat().resolvedOptions().timeZone;";
    let there: String = tab.execute(look, vec![]).await?;
    ensure!(there == zone, "{} is in {there}", tab.browser().name());
    Ok(())
}

/// Stops the page's clock at this time. What is measured by `performance.now()`, as the connections are, goes on.
async fn set_clock(tab: &Tab, now: &str) -> Result<()> {
    let stop = "const now = Date.parse(arguments[0]); window.Date.now = () => now; return null;";
    tab.execute(stop, vec![json!(now)]).await
}

/// Waits until both lists say this of the task, and looks into both forms.
async fn both(alice: &RoomPage, hers: Fact, bob: &RoomPage, his: Fact, due: &str) -> Result<()> {
    for (page, fact) in [(alice, hers), (bob, his)] {
        shows(page, "Ferry", fact).await?;
        let seen = page.read("Ferry").await?.due;
        ensure!(seen == due, "{} sees {seen} in the form, not {due}", page.tab().browser().name());
    }
    Ok(())
}

/// Waits until the list says this of a task.
async fn shows(page: &RoomPage, title: &str, (words, style): Fact) -> Result<()> {
    let script = "
        const box = [...document.querySelectorAll('.task ' + ROLES.checkbox)].find(box => nameOf(box) === arguments[0]);
        const facts = [...(box?.closest('.task').querySelectorAll('.fact') ?? [])];
        return facts.map(fact => [
            textOf(fact).replace(/\\s+/g, ' ').trim(),
            [...fact.classList].filter(name => name !== 'fact').join(' '),
        ]);";
    let look = || page.tab().execute::<Vec<(String, String)>>(script, vec![json!(title)]);
    let wanted = [(words.to_owned(), style.to_owned())];
    page.wait(&format!("“{words}” for “{title}”"), look, |facts| *facts == wanted).await.map(drop)
}
