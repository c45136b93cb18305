//! Tabs of one browser share everything, the connections too.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{BrowserKind, BrowserSetup, Play, RoomLink, RoomPage, Tab};
use serde_json::json;

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

/// The tab that holds the connections crashes.
pub(crate) async fn crash(play: Play) -> Result<()> {
    let Crew { first, second, bob, .. } = Crew::meet(&play).await?;
    // What crashes does not answer.
    let _ = first.tab().cdp("Page.crash", json!({})).await;
    takes_over(&second, &bob).await
}

/// The tab that holds the connections is frozen, and thaws when another has taken its place.
pub(crate) async fn freeze(play: Play) -> Result<()> {
    let Crew { first, second, bob, link } = Crew::meet(&play).await?;
    set_state(first.tab(), "frozen").await?;
    takes_over(&second, &bob).await?;
    set_state(first.tab(), "active").await?;
    first.wait_task("Rowing").await?;
    first.wait_connected(1).await?;
    bob.wait_connected(1).await?;
    // It is the next again.
    second.wait_known(&link).await?;
    second.tab().clone().close().await?;
    first.add("Sailing").await?;
    bob.wait_task("Sailing").await
}

/// What was on its way when a tab was frozen may never arrive: neither an announcement nor the answer to a read.
pub(crate) async fn thaw(play: Play) -> Result<()> {
    let Crew { first, second, bob, .. } = Crew::meet(&play).await?;
    let lose = "
        const real = window.fetch;
        window.fetch = (request, ...rest) => {
            if (window.lost || !String(request.url ?? request).includes('/tasks?since')) return real(request, ...rest);
            window.lost = true;
            return new Promise(() => {});
        };";
    first.tab().execute::<()>(lose, vec![]).await?;
    bob.add("Running").await?;
    first
        .wait("a read that is lost", || first.tab().execute("return window.lost === true;", vec![]), |lost| *lost)
        .await?;
    set_state(first.tab(), "frozen").await?;
    takes_over_with(&second, &bob, "Rowing").await?;
    set_state(first.tab(), "active").await?;
    first.wait_task("Running").await?;
    first.wait_task("Rowing").await?;
    first.wait_connected(1).await
}

/// What a person began before the tab was frozen comes to its end, or the person is told that it did not.
pub(crate) async fn finish(play: Play) -> Result<()> {
    let site = play.site().await?;
    let browser = play.own_browser(Chromium, "Alice", BrowserSetup::default()).await?;
    let tab = browser.open(&site.origin()).await?;
    tab.click("button", "New room").await?;
    tab.fill("Room name", "Club").await?;
    lose(&tab, "PUT", Lost::Request).await?;
    tab.click("button", "Create").await?;
    freeze_and_thaw(&tab).await?;
    let page = RoomPage::wait_open(tab.clone()).await?;

    tab.click("button", "Room settings").await?;
    tab.fill("Room name", "Rowing club").await?;
    lose(&tab, "PUT", Lost::Answer).await?;
    tab.click("button", "Save").await?;
    freeze_and_thaw(&tab).await?;
    // What it was is not known, so it is not done once more by itself: somebody may have changed it meanwhile.
    page.wait(
        "that it was not answered",
        || tab.execute("return document.querySelector('dialog').innerText;", vec![]),
        |text: &String| text.contains("does not answer"),
    )
    .await?;
    tab.click("button", "Save").await?;
    tab.wait_gone("dialog", "Room settings").await?;
    tab.wait_for("heading", "Rowing club").await?;

    page.add("Paint").await?;
    lose(&tab, "POST", Lost::Request).await?;
    page.toggle("Paint").await?;
    freeze_and_thaw(&tab).await?;
    tab.click("button", "Try again").await?;
    page.wait_done("Paint", true).await?;

    // A dialog that another one opens, in a page that was frozen.
    let link = page.share_link().await?;
    ensure!(!page.invite().await?.is_empty());
    page.close_dialog("Connect by code").await?;
    tab.click("button", "Room settings").await?;
    tab.click("button", "Leave room").await?;
    lose(&tab, "DELETE", Lost::Answer).await?;
    tab.click("button", "Leave").await?;
    freeze_and_thaw(&tab).await?;
    tab.click("button", "Join a room").await?;
    tab.fill("Room link", &link.url).await?;
    lose(&tab, "PUT", Lost::Request).await?;
    tab.click("button", "Join").await?;
    freeze_and_thaw(&tab).await?;
    tab.wait_for("textbox", "Add a task").await?;
    // All of it was this tab's, and nothing is left here of a room that was left.
    page.wait_tasks(&[]).await
}

/// What is lost of an exchange with the service worker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    Request,
    Answer,
}

/// Has the next request of this method never answered; of those that post, the next one with edits.
async fn lose(tab: &Tab, method: &str, what: Lost) -> Result<()> {
    let script = "
        const [method, isHeard] = arguments;
        const real = window.fetch;
        window.lost = false;
        window.fetch = (request, ...rest) => {
            const isAsked = request.method === method && (method !== 'POST' || request.url.endsWith('/edits'));
            if (!isAsked) return real(request, ...rest);
            window.fetch = real;
            const lose = () => {
                window.lost = true;
                return new Promise(() => {});
            };
            return isHeard ? real(request, ...rest).then(lose) : lose();
        };";
    tab.execute(script, vec![json!(method), json!(what == Lost::Answer)]).await
}

/// Freezes a tab that waits for what was lost, and thaws it.
async fn freeze_and_thaw(tab: &Tab) -> Result<()> {
    RoomPage::in_tab(tab.clone())
        .wait("an exchange that is lost", || tab.execute("return window.lost === true;", vec![]), |lost| *lost)
        .await?;
    set_state(tab, "frozen").await?;
    set_state(tab, "active").await
}

/// Has Chromium put a page into this state of its lifecycle.
pub(crate) async fn set_state(tab: &Tab, state: &str) -> Result<()> {
    tab.cdp("Page.setWebLifecycleState", json!({ "state": state })).await.map(drop)
}

/// Two tabs of one browser, of which the first holds the connections, a member who is connected, and no phone book.
struct Crew {
    first: RoomPage,
    second: RoomPage,
    bob: RoomPage,
    link: RoomLink,
}

impl Crew {
    async fn meet(play: &Play) -> Result<Self> {
        let site = play.site_of_its_own().await?;
        let browser = play.own_browser(Chromium, "Alice", BrowserSetup::default()).await?;
        let first = RoomPage::make_room(&browser, &site, "Club").await?;
        first.add("Swimming").await?;
        let link = first.share_link().await?;
        let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
        bob.wait_task("Swimming").await?;
        let second = RoomPage::open(&browser, &link.url).await?;
        second.wait_connected(1).await?;
        second.wait_known(&link).await?;
        site.kill_phone_book().await?;
        Ok(Self { first, second, bob, link })
    }
}

async fn takes_over(second: &RoomPage, bob: &RoomPage) -> Result<()> {
    bob.add("Running").await?;
    second.wait_task("Running").await?;
    takes_over_with(second, bob, "Rowing").await
}

async fn takes_over_with(second: &RoomPage, bob: &RoomPage, title: &str) -> Result<()> {
    second.add(title).await?;
    bob.wait_task(title).await?;
    second.wait_connected(1).await
}
