//! `fetch('/peers/<device>/…')` in one browser is answered by the other one's service worker, phone book or not.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{BrowserSetup, Play, RoomLink, RoomPage, eventually};
use serde::Deserialize;
use serde_json::json;

use crate::Pair;
use crate::tabs::set_state;

/// What a fetch came to.
#[derive(Debug, Deserialize)]
struct Fetched {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// Why the body broke off.
    broken: Option<String>,
}

impl Fetched {
    /// All of a list but its cursor: that is another one after the service worker was started again, which a browser may
    /// do at any time.
    fn list(&self) -> Result<serde_json::Map<String, serde_json::Value>> {
        let mut list: serde_json::Map<_, _> = serde_json::from_str(&self.body)?;
        list.remove("cursor").ok_or_else(|| anyhow!("no cursor: {}", self.body))?;
        Ok(list)
    }
}

/// Fetches `arguments[0]` with the options `arguments[1]` and reads the body.
const FETCH: &str = "
    const done = arguments[arguments.length - 1];
    (async () => {
        const answer = await fetch(arguments[0], arguments[1]);
        const got = { status: answer.status, headers: [...answer.headers], body: '', broken: null };
        const reader = answer.body.getReader();
        const text = new TextDecoder();
        try {
            for (let read; !(read = await reader.read()).done;)
                got.body += text.decode(read.value, { stream: true });
        } catch (error) {
            got.broken = String(error);
        }
        done(got);
    })().catch(error => done({ status: 0, headers: [], body: String(error), broken: null }));";

/// Requests that peers make of this page are answered with a body that begins and does not go on, in a dress that it must
/// not have elsewhere; `arguments[0]` says so, otherwise they are not answered at all.
const HOLD_UP: &str = "
    const begins = arguments[0];
    const original = window.fetch;
    window.givenUp = 0;
    window.fetch = (request, ...rest) => {
        if (!request.headers?.has('partyline-device')) return original.call(window, request, ...rest);
        if (!begins) return new Promise(() => {});
        const body = new ReadableStream({
            start: stream => {
                stream.enqueue(new TextEncoder().encode('begun'));
                request.signal.addEventListener('abort', () => {
                    window.givenUp += 1;
                    stream.error(request.signal.reason);
                });
            },
        });
        return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/html', 'x-secret': 'passed' } }));
    };
    return null;";

/// Gives up `arguments[1]` fetches of `arguments[0]`, in turns before the answer and in the middle of its body; tells how
/// many of them were still read from afterwards.
const GIVE_UP: &str = "
    const done = arguments[arguments.length - 1];
    (async () => {
        let survived = 0;
        for (let turn = 0; turn < arguments[1]; turn += 1) {
            const control = new AbortController();
            const answer = fetch(arguments[0], { signal: control.signal });
            try {
                if (turn % 2) {
                    const reader = (await answer).body.getReader();
                    await reader.read();
                    control.abort();
                    await reader.read();
                } else {
                    setTimeout(() => control.abort());
                    await (await answer).text();
                }
                survived += 1;
            } catch (error) {
                if (error.name !== 'AbortError') throw error;
            }
        }
        done(String(survived));
    })().catch(error => done(String(error)));";

async fn fetch(page: &RoomPage, path: &str, options: serde_json::Value) -> Result<Fetched> {
    page.tab().execute_async(FETCH, vec![json!(path), options]).await
}

async fn get(page: &RoomPage, path: &str) -> Result<Fetched> {
    fetch(page, path, json!({})).await
}

/// The id that the page's browser has in the room.
async fn device(page: &RoomPage, link: &RoomLink) -> Result<String> {
    let room: serde_json::Value =
        serde_json::from_str(&get(page, &format!("/peer/v1/rooms/{}", link.room)).await?.body)?;
    Ok(room.get("device").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned())
}

async fn expect(page: &RoomPage, path: &str, options: serde_json::Value, status: u16) -> Result<Fetched> {
    let fetched = fetch(page, path, options).await?;
    ensure!(fetched.status == status, "{path}: {fetched:?}");
    if status >= 400 {
        let problem: serde_json::Value = serde_json::from_str(&fetched.body)?;
        ensure!(problem.get("status") == Some(&json!(status)), "{path}: {fetched:?}");
    }
    Ok(fetched)
}

pub(crate) async fn answered(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alice = RoomPage::make_room(&play.browser(first, "Alice").await?, &site, "Library").await?;
    alice.add("Ünïcode, and a “quote”").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(second, "Bob").await?, &link.url).await?;
    bob.wait_connected(1).await?;
    alice.wait_connected(1).await?;
    site.kill_phone_book().await?;

    // Status, headers and body are those of Alice's service worker, as far as they may pass.
    let (room, id) = (&link.room, device(&alice, &link).await?);
    let tasks = format!("/peers/{id}/peer/v1/rooms/{room}/tasks");
    let remote = expect(&bob, &tasks, json!({}), 200).await?;
    let local = get(&alice, &format!("/peer/v1/rooms/{room}/tasks")).await?;
    ensure!(remote.list()? == local.list()? && remote.body.contains("Ünïcode"), "{remote:?} instead of {local:?}");
    let mut headers = remote.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>();
    headers.sort();
    let expected = [
        "cache-control: no-store",
        "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
        "content-type: application/json",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
    ];
    ensure!(headers == expected, "{headers:?}");
    let vector = format!("/peers/{id}/peer/v1/rooms/{room}/vector");
    let vector = expect(&bob, &vector, json!({ "headers": { "accept": "application/cbor" } }), 200).await?;
    ensure!(vector.headers.contains(&("content-type".to_owned(), "application/cbor".to_owned())), "{vector:?}");
    expect(&bob, &format!("/peers/{id}/peer/v1/health"), json!({}), 200).await?;

    // The list of devices asks in the same way.
    wait_devices(&bob, "Has everything you have").await?;

    // What is not there, and what is not allowed.
    let other = "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f";
    expect(&bob, &format!("/peers/{id}/peer/v1/rooms/{other}/tasks"), json!({}), 403).await?;
    expect(&bob, &format!("/peers/{id}/peer/v1/rooms/{room}"), json!({}), 403).await?;
    expect(&bob, &tasks, json!({ "method": "POST", "body": r#"{"title":"Forced"}"# }), 403).await?;
    expect(&bob, &format!("/peers/00112233445566778899aabbccddeeff/peer/v1/rooms/{room}/tasks"), json!({}), 404)
        .await?;
    expect(&bob, &format!("/peers/{id}/elsewhere"), json!({}), 404).await?;
    let own = device(&bob, &link).await?;
    expect(&bob, &format!("/peers/{own}/peer/v1/health"), json!({}), 404).await?;

    // A long answer comes whole, and one that nobody wants any more ends: more of them than may be under way at once.
    alice.add_many(room, 200, 1_000).await?;
    let long = expect(&bob, &tasks, json!({}), 200).await?;
    let local = get(&alice, &format!("/peer/v1/rooms/{room}/tasks")).await?;
    ensure!(long.body.len() > 1_000_000, "{} bytes", long.body.len());
    ensure!(long.list()? == local.list()? && long.broken.is_none(), "not what Alice has: {:?}", long.broken);
    let given_up: String = bob.tab().execute_async(GIVE_UP, vec![json!(tasks), json!(80)]).await?;
    ensure!(given_up == "0", "{given_up}");
    ensure!(expect(&bob, &tasks, json!({}), 200).await?.list()? == local.list()?);

    // A body is read as it comes: the beginning of one that does not go on. Giving up reaches the other end.
    alice.tab().execute::<()>(HOLD_UP, vec![json!(true)]).await?;
    let held: String = bob.tab().execute_async(GIVE_UP, vec![json!(tasks), json!(2)]).await?;
    ensure!(held == "0", "{held}");
    eventually("Alice's end gives up too", Duration::from_secs(10), || async {
        let given_up: u32 = alice.tab().execute("return window.givenUp;", vec![]).await?;
        ensure!(given_up > 0, "not given up");
        Ok(())
    })
    .await?;
    alice.wait_connected(1).await?;

    // A connection that ends in the middle breaks the body off.
    let begin = "
        const done = arguments[arguments.length - 1];
        fetch(arguments[0]).then(async answer => {
            const reader = answer.body.getReader();
            await reader.read();
            window.rest = reader.read().then(() => 'went on', error => error.name);
            done([...answer.headers].map(([name, value]) => `${name}: ${value}`));
        }, error => done([String(error)]));";
    let headers: Vec<String> = bob.tab().execute_async(begin, vec![json!(tasks)]).await?;
    ensure!(
        headers.contains(&"content-type: application/octet-stream".to_owned()) && headers.len() == 7,
        "{headers:?}"
    );
    alice.tab().goto("about:blank").await?;
    let rest = "window.rest.then(arguments[arguments.length - 1]);";
    let rest: String = bob.tab().execute_async(rest, vec![]).await?;
    ensure!(rest == "TypeError", "{rest}");
    bob.wait_status("No other device").await?;
    expect(&bob, &tasks, json!({}), 404).await.map(drop)
}

/// Waits until the list of devices has these words.
async fn wait_devices(page: &RoomPage, words: &str) -> Result<()> {
    page.tab().click("button", "Devices").await?;
    page.tab().wait_for("dialog", "Devices").await?;
    let shown =
        async || page.tab().execute::<String>("return document.querySelector('.devices').innerText", vec![]).await;
    page.wait(words, shown, |shown| shown.contains(words)).await?;
    page.close_dialog("Devices").await
}

/// A device whose page has no answer, one whose page is frozen and says so, and one that is gone without a word.
pub(crate) async fn silent(play: Play) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alices = play.own_browser(Chromium, "Alice", BrowserSetup::default()).await?;
    let alice = RoomPage::make_room(&alices, &site, "Ice").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    bob.wait_connected(1).await?;
    alice.wait_connected(1).await?;
    site.kill_phone_book().await?;
    let health = format!("/peers/{}/peer/v1/health", device(&alice, &link).await?);
    expect(&bob, &health, json!({}), 200).await?;

    alice.tab().execute::<()>(HOLD_UP, vec![json!(false)]).await?;
    let asked = Instant::now();
    expect(&bob, &health, json!({}), 504).await?;
    let waited = asked.elapsed();
    ensure!(waited > Duration::from_secs(9) && waited < Duration::from_secs(15), "after {waited:?}");
    bob.wait_connected(1).await?;

    set_state(alice.tab(), "frozen").await?;
    bob.wait_status("No other device").await?;
    expect(&bob, &health, json!({}), 404).await?;
    set_state(alice.tab(), "active").await?;
    bob.wait_connected(1).await?;

    alices.kill().await;
    expect(&bob, &health, json!({}), 504).await?;
    // How long she is gone is known after a reload, too.
    bob.reload().await?;
    wait_devices(&bob, "Last seen today").await
}
