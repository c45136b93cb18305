//! The local endpoint answers this app's pages, and no page of anybody else.

use std::time::Duration;

use anyhow::{Result, ensure};
use partyline_tests::{BrowserKind, Play, RoomLink, RoomPage, Site, Tab, eventually};
use serde_json::{Value, json};

/// How soon a page that was sent somewhere is there.
const SOON: Duration = Duration::from_secs(15);

/// What a page of somebody else does to a room whose id it knows: each is a document that does it by itself.
fn attacks(target: &str, room: &str) -> Vec<(&'static str, String)> {
    let tasks = format!("{target}/peer/v1/rooms/{room}/tasks");
    let device = "00112233445566778899aabbccddeeff";
    let form = |action: &str, encoding: &str| {
        // In plain text a form's body is its names and values with `=` between them: JSON, if one writes it so.
        format!(
            "<form method=post enctype='{encoding}' action='{action}'>\
             <input name='{{\"title\":\"Planted\",\"notes\":\"' value='\"}}'></form>\
             <script>document.forms[0].submit()</script>"
        )
    };
    let goes = |url: &str| format!("<script>location.replace('{url}')</script>");
    vec![
        ("a plain form", form(&tasks, "text/plain")),
        ("a form as forms are", form(&tasks, "application/x-www-form-urlencoded")),
        ("a form with parts", form(&tasks, "multipart/form-data")),
        ("a form to what is no room", form(&format!("{target}/peer/v1/rooms/none/tasks"), "text/plain")),
        ("a form of changes", form(&format!("{target}/peer/v1/rooms/{room}/changes"), "text/plain")),
        ("a form to another device", form(&format!("{target}/peers/{device}/peer/v1/health"), "text/plain")),
        ("the tasks as an address", goes(&tasks)),
        ("the room as an address", goes(&format!("{target}/peer/v1/rooms/{room}"))),
        ("all rooms as an address", goes(&format!("{target}/peer/v1/rooms"))),
        ("another device as an address", goes(&format!("{target}/peers/{device}/peer/v1/rooms/{room}/tasks"))),
    ]
}

/// What a page of somebody else has its elements load and send, without going there itself.
fn loads(tasks: &str, title: &str) -> String {
    format!(
        "<iframe src='{tasks}'></iframe><link rel=prefetch href='{tasks}'><a href='#' ping='{tasks}'></a>\
         <script>document.links[0].click(); navigator.sendBeacon('{tasks}', '{{\"title\":\"{title}\"}}');</script>"
    )
}

/// All that such a page can read of it: of the frame, of how long an answer is, and of what its own script asks for.
const READ: &str = "
    const [path, done] = arguments;
    const read = [];
    const note = what => read.push(String(what));
    try {
        note(document.querySelector('iframe').contentWindow.document.documentElement.textContent);
    } catch (error) {
        note(error);
    }
    for (const { transferSize, encodedBodySize } of performance.getEntriesByName(path)) {
        note(`${transferSize + encodedBodySize} bytes`);
    }
    const ask = mode => fetch(path, { mode }).then(answer => answer.text()).then(note, note);
    Promise.all(['cors', 'no-cors'].map(ask)).then(() => done(read.join('; ')));";

/// The same inside a page: a frame that does it.
fn framed(path: &str) -> String {
    format!("<iframe src='{path}'></iframe>")
}

/// Whether the frame shows what came of it. Of its own origin's document it has an account, of none that came in its place.
const CAME: &str = "return document.querySelector('iframe')?.contentDocument === null;";

/// From another site (`127.0.0.1` is not `localhost`) and from another origin of the same site, in front and framed.
pub(crate) async fn foreign(play: Play, kind: BrowserKind) -> Result<()> {
    let (site, theirs) = (play.site().await?, play.site().await?);
    let browser = play.browser(kind, "Alice").await?;
    let alice = RoomPage::make_room(&browser, &site, "Garden").await?;
    alice.add("Water the roses").await?;
    let link = alice.share_link().await?;
    let before = tasks(&alice, &link).await?;

    let attacks = attacks(&site.origin(), &link.room);
    for (at, (_, document)) in attacks.iter().enumerate() {
        theirs.proxy().replace(&format!("/attack-{at}"), "text/html", document.clone().into_bytes());
        theirs.proxy().replace(&format!("/framed-{at}"), "text/html", framed(&format!("/attack-{at}")).into_bytes());
    }
    let another_site = theirs.origin().replace("localhost", "127.0.0.1");
    ensure!(another_site != theirs.origin(), "{another_site}");
    for origin in [another_site, theirs.origin()] {
        for (at, (what, _)) in attacks.iter().enumerate() {
            let what = format!("{what}, from {origin}");
            let tab = browser.open(&format!("{origin}/attack-{at}")).await?;
            forbidden(&tab, &site, &link, &what).await?;
            tab.close().await?;
            let tab = browser.open(&format!("{origin}/framed-{at}")).await?;
            eventually(&format!("{what}, framed"), SOON, || async {
                ensure!(tab.execute::<bool>(CAME, vec![]).await?, "the frame shows its own document");
                Ok(())
            })
            .await?;
            tab.close().await?;
        }
        let (url, title) = (format!("{}/peer/v1/rooms/{}/tasks", site.origin(), link.room), format!("From {origin}"));
        theirs.proxy().replace("/loads", "text/html", loads(&url, &title).into_bytes());
        let tab = browser.open(&format!("{origin}/loads")).await?;
        // The beacon is the last of them. It goes to the server, as no worker of ours has a part in that page.
        eventually(&format!("the frame and the beacon, from {origin}"), SOON, || async {
            ensure!(tab.execute::<bool>(CAME, vec![]).await?, "the frame shows its own document");
            ensure!(site.proxy().saw(title.as_bytes()), "the beacon was not sent");
            Ok(())
        })
        .await?;
        let read: String = tab.execute_async(READ, vec![json!(url)]).await?;
        for secret in [&link.secret, &"Water the roses".to_owned(), &"Garden".to_owned()] {
            ensure!(!read.contains(secret.as_str()), "read from {origin}: {read}");
        }
        tab.close().await?;
    }
    ensure!(tasks(&alice, &link).await? == before, "something was planted: {:?}", tasks(&alice, &link).await?);
    ensure!(alice.titles().await? == ["Water the roses"], "{:?}", alice.titles().await?);
    Ok(())
}

/// Pages of this very origin, too, and what somebody types into the address bar.
pub(crate) async fn own(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(kind, "Alice").await?;
    let alice = RoomPage::make_room(&browser, &site, "Garden").await?;
    alice.add("Water the roses").await?;
    let link = alice.share_link().await?;
    let room = format!("/peer/v1/rooms/{}", link.room);
    for path in [room.clone(), format!("{room}/tasks"), "/peer/v1/rooms".to_owned(), "/peer/v1/health".to_owned()] {
        let tab = browser.open(&format!("{}{path}", site.origin())).await?;
        forbidden(&tab, &site, &link, &path).await?;
        tab.close().await?;
    }
    // What an element loads has no answer either: an image, a script, a style sheet. Nor is a beacon taken.
    let loads = "
        const [path, done] = arguments;
        navigator.sendBeacon(path, '{\"title\":\"Planted\"}');
        const load = (name, attributes) => new Promise(end => {
            const element = Object.assign(document.createElement(name), attributes);
            element.onload = () => end(`${name} loaded`);
            element.onerror = () => end(`${name} failed`);
            document.body.append(element);
        });
        Promise.all([
            load('img', { src: path }),
            load('script', { src: path, type: 'module' }),
            load('link', { href: path, rel: 'stylesheet' }),
            fetch(path, { mode: 'no-cors' }).then(answer => `no-cors ${answer.status}`),
            fetch(path, { mode: 'same-origin' }).then(answer => `same-origin ${answer.status}`),
            fetch(path).then(async answer => `fetch ${answer.status} ${[...answer.headers.keys()].sort().join(' ')}`),
        ]).then(done, error => done([String(error)]));";
    let said: Vec<String> = alice.tab().execute_async(loads, vec![json!(format!("{room}/tasks"))]).await?;
    let expected = [
        "img failed",
        "script failed",
        "link failed",
        "no-cors 403",
        "same-origin 200",
        "fetch 200 cache-control content-security-policy content-type cross-origin-opener-policy \
         cross-origin-resource-policy referrer-policy x-content-type-options",
    ];
    ensure!(said == expected, "{said:#?}");
    alice.add("Prune them").await?;
    let titles = alice.titles().await?;
    ensure!(titles == ["Water the roses", "Prune them"], "{titles:?}");
    Ok(())
}

/// Waits until a tab shows the refusal, and nothing of the room.
async fn forbidden(tab: &Tab, site: &Site, link: &RoomLink, what: &str) -> Result<()> {
    eventually(what, SOON, || async {
        let (url, text) = (tab.url().await?, tab.source().await?);
        ensure!(url.starts_with(&site.origin()), "it is at {url} still");
        ensure!(text.contains("Forbidden") && text.contains("403"), "it shows “{text}”");
        for secret in [&link.secret, &"Water the roses".to_owned(), &"Garden".to_owned()] {
            ensure!(!text.contains(secret.as_str()), "it shows “{text}”");
        }
        Ok(())
    })
    .await
}

/// The room's tasks, as the service worker has them.
async fn tasks(page: &RoomPage, link: &RoomLink) -> Result<Value> {
    let read = "const [path, done] = arguments; fetch(path).then(answer => answer.json()).then(({ tasks }) => done(tasks), error => done(String(error)));";
    page.tab().execute_async(read, vec![json!(format!("/peer/v1/rooms/{}/tasks", link.room))]).await
}
