//! The app as a program that stays: first visit, offline start, update, and browsers that lack something.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{BrowserKind, BrowserSetup, Play, RoomPage, SeenRequest, Site, Tab, eventually, http_get};
use serde_json::json;

pub(crate) async fn first(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let tab = play.browser(kind, "Alice").await?.open(&site.origin()).await?;
    tab.execute::<()>("window.sameDocument = true; return null;", vec![]).await?;
    let overhear = "
        const real = window.fetch;
        window.fetch = async (request, ...rest) => {
            const answer = await real(request, ...rest);
            if (new URL(request.url ?? request, location.href).pathname === '/rooms') {
                window.given = (await answer.clone().json()).roomId;
            }
            return answer;
        };
        return null;";
    tab.execute::<()>(overhear, vec![]).await?;
    tab.click("button", "New room").await?;
    tab.fill("Room name", "First").await?;
    tab.click("button", "Create").await?;
    let page = RoomPage::wait_open(tab).await?;
    page.add("At once").await?;
    ensure!(same_document(page.tab()).await?, "the page was loaded twice");
    let asks = |request: &SeenRequest| request.method == "POST" && request.path == "/rooms";
    ensure!(site.proxy().requests().iter().any(asks), "the phone book was not asked for the room's id");
    let given: Option<String> = page.tab().execute("return window.given ?? null;", vec![]).await?;
    let room = page.share_link().await?.room;
    // On a busy machine the answer may be too late. Then the page has made the id itself.
    ensure!(given.as_ref().is_none_or(|given| *given == room), "the phone book gave {given:?}, and the room is {room}");
    for mark in ["partyline:shell", "partyline:list"] {
        page.tab().wait_mark(mark).await?;
    }
    page.reload().await?;
    page.wait_task("At once").await
}

pub(crate) async fn cold_start(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let browser = play.own_browser(kind, "Alice", BrowserSetup::default()).await?;
    let page = RoomPage::make_room(&browser, &site, "Cabin").await?;
    page.add("Firewood").await?;
    page.add("Matches").await?;
    let link = page.share_link().await?;
    page.toggle("Matches").await?;
    page.wait_stored(&link, "Matches").await?;
    let before = page.tasks().await?;

    // The battery is empty, and there is no network when it is charged again.
    browser.kill().await;
    site.kill_phone_book().await?;
    browser.start_again().await?;
    let page = RoomPage::open(&browser, &link.url).await?;
    page.wait_tasks(&before).await?;
    page.add("Candles").await?;
    page.wait_stored(&link, "Candles").await?;
    browser.kill().await;
    browser.start_again().await?;
    // From the start page, too: the room is listed there.
    let tab = browser.open(&site.origin()).await?;
    tab.click("link", "Cabin").await?;
    RoomPage::wait_open(tab).await?.wait_task("Candles").await
}

/// A dialog is opened before the code that it takes is there: it opens when that comes, and until then nothing is lost.
pub(crate) async fn before_the_rest(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let (path, code) = rest(&site).await?;
    site.proxy().replace(&path, "application/wasm", b"cut off".to_vec());
    let tab = play.own_browser(kind, "Alice", BrowserSetup::default()).await?.open(&site.origin()).await?;
    for _ in 0..2 {
        tab.click("button", "New room").await?;
        tab.wait_for("button", "Try again").await?;
        ensure!(!tab.shows("textbox", "Room name").await?, "there is a dialog without code for it");
        tab.click("button", "Dismiss").await?;
    }
    let kept = "const done = arguments[arguments.length - 1];
        caches.match(arguments[0]).then(kept => done(kept !== undefined));";
    ensure!(!tab.execute_async::<bool>(kept, vec![json!(path)]).await?, "what is broken is kept");

    tab.click("button", "New room").await?;
    tab.wait_for("button", "Try again").await?;
    site.proxy().replace(&path, "application/wasm", code);
    tab.click("button", "Try again").await?;
    tab.fill("Room name", "Late").await?;
    tab.click("button", "Create").await?;
    let page = RoomPage::wait_open(tab).await?;
    page.add("All there").await?;
    // From then on it works without a network.
    let look = || page.tab().execute_async::<bool>(kept, vec![json!(path)]);
    page.wait("the rest to be kept", look, |kept| *kept).await?;
    site.proxy().cut().await;
    page.reload().await?;
    page.wait_task("All there").await?;
    page.share_link().await.map(drop)
}

/// The code of a dialog is called and is not there, against all rules: the call loads it and goes on.
pub(crate) async fn called_too_early(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let (path, code) = rest(&site).await?;
    site.proxy().replace(&path, "application/wasm", b"cut off".to_vec());
    let tab = play.own_browser(kind, "Alice", BrowserSetup::default()).await?.open(&site.origin()).await?;
    tab.click("button", "New room").await?;
    tab.wait_for("button", "Try again").await?;
    site.proxy().replace(&path, "application/wasm", code);
    // The page believes that it is loaded.
    tab.execute::<()>("globalThis.partylineRest = async () => {}; return null;", vec![]).await?;
    tab.click("button", "Try again").await?;
    tab.fill("Room name", "At once").await?;
    tab.click("button", "Create").await?;
    RoomPage::wait_open(tab).await?.share_link().await.map(drop)
}

/// The path and content of the file with the code that is loaded after the first screen.
async fn rest(site: &Site) -> Result<(String, Vec<u8>)> {
    let script = site.service_worker().await?;
    let (_, name) = script.split_once("/rest-").context("the service worker knows no rest")?;
    let (name, _) = name.split_once(".wasm").context("the rest is no wasm")?;
    let path = format!("/rest-{name}.wasm");
    let code = http_get(site.upstream(), &path).await?.body;
    Ok((path, code))
}

/// Shift and reload goes around the service worker, which must take the page over all the same.
pub(crate) async fn hard_reload(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Dock").await?;
    page.add("Keel").await?;
    page.tab().hard_reload().await?;
    page.wait_task("Keel").await?;
    page.add("Mast").await?;
    page.reload().await?;
    page.wait_task("Keel").await?;
    page.wait_task("Mast").await
}

/// A browser stops a service worker whenever it likes.
pub(crate) async fn stopped(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Quay").await?;
    let link = page.share_link().await?;
    page.tab().cdp("ServiceWorker.enable", json!({})).await?;
    for title in ["Crane", "Crates", "Forklift"] {
        page.tab().cdp("ServiceWorker.stopAllWorkers", json!({})).await?;
        page.add(title).await?;
        page.wait_stored(&link, title).await?;
    }
    page.tab().cdp("ServiceWorker.stopAllWorkers", json!({})).await?;
    page.reload().await?;
    let all = |titles: &Vec<String>| *titles == ["Crane", "Crates", "Forklift"];
    page.wait("all three", || page.titles(), all).await.map(drop)
}

pub(crate) async fn update(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Shipyard").await?;
    page.add("Hull").await?;
    page.tab().execute::<()>("window.sameDocument = true; return null;", vec![]).await?;
    page.tab().fill("Add a task", "Half a tho").await?;

    // The next version is served: the same files under another version's name.
    serve_next(&site, |script| script).await?;
    look_for_update(page.tab()).await?;

    // It is offered, and nothing happens to what somebody is typing.
    page.tab().wait_for("button", "Update").await?;
    ensure!(page.tab().value("textbox", "Add a task").await? == "Half a tho", "the words typed are gone");
    ensure!(same_document(page.tab()).await?, "the page was reloaded unasked");

    // Asked for, it comes.
    update_comes(&page).await?;
    page.wait_task("Hull").await?;
    page.tab().wait_gone("button", "Update").await?;
    let caches = "const done = arguments[arguments.length - 1]; caches.keys().then(done);";
    let names = || page.tab().execute_async::<Vec<String>>(caches, vec![]);
    let shells = |names: &[String]| names.iter().filter(|name| name.starts_with("partyline-shell-")).count();
    let names = page.wait("one cache", names, |names| shells(names) == 1).await?;
    ensure!(names.iter().any(|name| name.starts_with("partyline-shell-next-")), "{names:?}");
    Ok(())
}

/// Serves a next version: the script of the service worker with another cache's name, and whatever else is changed in it.
async fn serve_next(site: &Site, change: impl FnOnce(String) -> String) -> Result<()> {
    let script = site.service_worker().await?;
    ensure!(script.contains("partyline-shell-"), "sw.js names its cache differently");
    let next = change(script.replace("partyline-shell-", "partyline-shell-next-"));
    site.replace_service_worker(next);
    Ok(())
}

/// Has the browser look for a new version now, and not within a day.
pub(crate) async fn look_for_update(tab: &Tab) -> Result<()> {
    let look = "const done = arguments[arguments.length - 1];
        navigator.serviceWorker.getRegistration().then(found => found.update()).then(() => done(null), error => done(String(error)));";
    let error: Option<String> = tab.execute_async(look, vec![]).await?;
    ensure!(error.is_none(), "{error:?}");
    Ok(())
}

/// Presses the button and waits for the page of the new version.
pub(crate) async fn update_comes(page: &RoomPage) -> Result<()> {
    page.tab().click("button", "Update").await?;
    eventually("the new version", Duration::from_secs(20), || async {
        ensure!(!same_document(page.tab()).await?, "the old page is still there");
        Ok(())
    })
    .await?;
    RoomPage::wait_open(page.tab().clone()).await.map(drop)
}

/// A release may change nothing but what the server sends with the files, such as a stricter policy.
pub(crate) async fn headers_alone(play: Play) -> Result<()> {
    let site = play.site().await?;
    let page = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Shipyard").await?;
    page.add("Hull").await?;
    page.tab().execute::<()>("window.sameDocument = true; return null;", vec![]).await?;
    let kept = "
        const done = arguments[arguments.length - 1];
        caches.match('/').then(kept => done(['partyline-headers', 'x-release'].map(name => kept.headers.get(name))));";
    let [headers, release]: [Option<String>; 2] = page.tab().execute_async(kept, vec![]).await?;
    let headers = headers.context("a kept file does not say what headers it came with")?;
    ensure!(release.is_none(), "{release:?}");

    serve_next(&site, |script| script.replace(&headers, "0badc0de")).await?;
    let document = http_get(site.upstream(), "/").await?.body;
    site.proxy().replace_with("/", &[("Content-Type", "text/html"), ("X-Release", "next")], document);
    look_for_update(page.tab()).await?;
    page.tab().wait_for("button", "Update").await?;
    update_comes(&page).await?;
    page.wait_task("Hull").await?;
    let kept: [Option<String>; 2] = page.tab().execute_async(kept, vec![]).await?;
    ensure!(kept == [Some("0badc0de".to_owned()), Some("next".to_owned())], "{kept:?}");
    Ok(())
}

pub(crate) async fn no_service_workers(play: Play) -> Result<()> {
    let site = play.site().await?;
    let setup = BrowserSetup { without_service_workers: true, ..BrowserSetup::default() };
    let tab = play.own_browser(Firefox, "Alice", setup).await?.open(&site.origin()).await?;
    eventually("a page that says what is missing", Duration::from_secs(15), || async {
        let text = tab.execute::<String>("return document.body.innerText;", vec![]).await?;
        ensure!(text.to_lowercase().contains("service worker"), "it says: {text}");
        ensure!(!tab.shows("button", "New room").await?, "it offers a room that it cannot keep");
        Ok(())
    })
    .await
}

/// What a browser is advised in which the app cannot run is for that browser, and its version.
pub(crate) async fn unable(play: Play, kind: BrowserKind) -> Result<()> {
    let (old, takes) = match kind {
        Chromium => (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0.0.0 Safari/537.36",
            "It takes Chrome or Edge 91 or later",
        ),
        Firefox => {
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "It takes Firefox 147 or later")
        }
    };
    let usual = BrowserSetup::default();
    for (setup, has_script, words) in [
        // A script that is a module is no script to it.
        (BrowserSetup { user_agent: Some(old), ..usual.clone() }, false, takes),
        (usual.clone(), false, "Check that this device has a network"),
        (BrowserSetup { keeps_nothing: true, ..usual }, true, "Allow this site to store data"),
    ] {
        let site = play.site().await?;
        if !has_script {
            site.proxy().replace("/sw.js", "text/javascript", b"this is no script".to_vec());
        }
        let tab = play.own_browser(kind, "Alice", setup).await?.open(&site.origin()).await?;
        eventually(words, Duration::from_secs(20), || async {
            let text = tab.execute::<String>("return document.body.innerText;", vec![]).await?;
            ensure!(text.contains(words), "it says: {text}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// A version that is being installed while pages are opened is offered in each of them.
pub(crate) async fn installing(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(kind, "Alice").await?;
    let first = RoomPage::make_room(&browser, &site, "Shipyard").await?;
    let link = first.share_link().await?;
    let slow = "self.addEventListener('install', event => event.waitUntil(new Promise(resolve => {
        new BroadcastChannel('test-install').onmessage = resolve;
    })));\n";
    serve_next(&site, |script| [slow, &script].concat()).await?;
    look_for_update(first.tab()).await?;
    first.reload().await?;
    let second = RoomPage::open(&browser, &link.url).await?;
    let installs = "const done = arguments[arguments.length - 1];
        navigator.serviceWorker.getRegistration().then(found => done(!!found.installing && !found.waiting));";
    ensure!(second.tab().execute_async::<bool>(installs, vec![]).await?, "the version is not being installed");
    second.tab().execute::<()>("new BroadcastChannel('test-install').postMessage(''); return null;", vec![]).await?;
    for page in [&first, &second] {
        page.tab().wait_for("button", "Update").await?;
    }
    Ok(())
}

pub(crate) async fn refusal(play: Play) -> Result<()> {
    let site = play.site().await?;
    let setup = BrowserSetup { refuse_changed_credentials: true, ..BrowserSetup::default() };
    let browser = play.own_browser(Chromium, "Alice", setup).await?;
    let page = RoomPage::make_room(&browser, &site, "Island").await?;
    page.add("Still works").await?;
    page.wait("the refusal", || page.status(), |status| status.contains("cannot use the phone book")).await?;
    page.reload().await?;
    page.wait_task("Still works").await
}

async fn same_document(tab: &Tab) -> Result<bool> {
    let answer = tab.execute::<Option<bool>>("return window.sameDocument ?? null;", vec![json!(null)]).await;
    Ok(answer.context("the page does not answer")?.unwrap_or(false))
}
