//! Browsers that vanish without a word.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::Chromium;
use partyline_tests::{BrowserKind, BrowserSetup, Play, RoomPage, eventually, http_get};
use serde_json::json;

use crate::Pair;

/// How soon a lost connection must be noticed, with a second for the look at the page.
const NOTICED: Duration = Duration::from_secs(11);

pub(crate) async fn noticed(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Ferry").await?;
    alice.add("Ropes").await?;
    let link = alice.share_link().await?;
    let bobs = play.own_browser(kind, "Bob", BrowserSetup::default()).await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.wait_task("Ropes").await?;
    bob.add("Anchor").await?;
    alice.wait_task("Anchor").await?;
    alice.wait_connected(1).await?;

    bobs.kill().await;
    eventually("the loss is noticed", NOTICED, || async {
        let status = alice.status().await?;
        ensure!(!status.starts_with("Connected"), "Alice says “{status}”");
        Ok(())
    })
    .await?;
    alice.add("Written meanwhile").await?;

    // Bob's browser comes back with what he had, and finds Alice again by itself.
    bobs.start_again().await?;
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.wait_task("Anchor").await?;
    bob.wait_task("Written meanwhile").await?;
    alice.wait_connected(1).await?;
    bob.wait_connected(1).await?;
    bob.toggle("Ropes").await?;
    alice.wait_done("Ropes", true).await?;
    alice.toggle("Anchor").await?;
    bob.wait_done("Anchor", true).await
}

/// A tab that is closed takes its listing with it, so that nobody calls it in vain. Not in Firefox: its page is closed with
/// the process that it and the service worker are in, and now and then nothing is sent any more.
pub(crate) async fn withdrawn(play: Play) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Lifeboat").await?;
    let link = alice.share_link().await?;
    let nobody = "A".repeat(43);
    let path = format!("/discovery/peers?roomId={}&certHash={nobody}", link.room);
    let (path, site) = (&path, &site);
    let listed = |wanted: usize| async move {
        let answer = http_get(site.upstream(), path).await?;
        let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let peers = body.get("peers").and_then(|peers| peers.as_array()).map(Vec::len);
        ensure!(peers == Some(wanted), "{body}");
        Ok(())
    };
    eventually("the room is listed", Duration::from_secs(20), || listed(1)).await?;
    alice.tab().clone().close().await?;
    eventually("nobody is listed", Duration::from_secs(20), || listed(0)).await
}

pub(crate) async fn stale(play: Play) -> Result<()> {
    let site = play.site().await?;
    let daves = play.own_browser(Chromium, "Dave", BrowserSetup::default()).await?;
    let dave = RoomPage::make_room(&daves, &site, "Ghost ship").await?;
    dave.add("Lantern").await?;
    let link = dave.share_link().await?;
    let alice = RoomPage::open(&play.browser(Chromium, "Alice").await?, &link.url).await?;
    alice.wait_task("Lantern").await?;
    alice.wait_connected(1).await?;

    // Dave stays in the phone book until his listing's time is up, but nobody answers there any more.
    let bobs = play.browser(BrowserKind::Firefox, "Bob").await?;
    daves.kill().await;
    let since = Instant::now();
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.wait_connected(1).await?;
    println!("in {:.1} s after the other one was killed", since.elapsed().as_secs_f32());
    bob.wait_task("Lantern").await?;
    alice.wait_connected(1).await?;
    bob.add("Compass").await?;
    alice.wait_task("Compass").await
}

/// Withdraws all listings of the room `arguments[0]` and says how many there were.
const EVICT: &str = "
    const [room, done] = arguments;
    (async () => {
        const nobody = 'A'.repeat(43);
        const answer = await (await fetch(`/discovery/peers?roomId=${room}&certHash=${nobody}`)).json();
        for (const { certHash } of answer.peers)
            await fetch('/discovery/register', {
                method: 'POST',
                headers: { 'content-type': 'application/json' },
                body: JSON.stringify({ roomId: room, endpoints: [], certHash }),
            });
        done(answer.peers.length);
    })().catch(() => done(0));";

/// The phone book loses a crew's listings, as when it is restarted. Whoever opens the link then comes in all the same.
pub(crate) async fn evicted(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(kind, "Alice").await?, &site, "Regatta").await?;
    alice.add("Buoys").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Chromium, "Bob").await?, &link.url).await?;
    bob.wait_task("Buoys").await?;
    alice.wait_connected(1).await?;
    bob.wait_connected(1).await?;
    let lost: usize = bob.tab().execute_async(EVICT, vec![json!(link.room)]).await?;
    ensure!(lost > 0, "nobody was listed");

    let carols = play.browser(Chromium, "Carol").await?;
    let since = Instant::now();
    let carol = RoomPage::open(&carols, &link.url).await?;
    carol.wait_task("Buoys").await?;
    println!("in again {:.1} s after an eviction", since.elapsed().as_secs_f32());
    carol.wait_connected(2).await?;
    carol.add("Flags").await?;
    alice.wait_task("Flags").await?;
    bob.wait_task("Flags").await
}

/// Lists in the room `arguments[0]`, from 12 networks elsewhere: devices that do not exist, as many as the phone book takes
/// from each, and whoever is listed there already. Says how many listings there are then.
const LIE: &str = "
    const [room, done] = arguments;
    (async () => {
        const nobody = 'A'.repeat(43);
        const listed = async () =>
            (await (await fetch(`/discovery/peers?roomId=${room}&certHash=${nobody}`)).json()).peers;
        const true_ones = (await listed()).map(({ certHash }) => certHash);
        const made_up = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))
            .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
        for (let network = 1; network <= 12; network += 1) {
            const ip = `198.51.100.${network}`;
            for (const certHash of [...true_ones, made_up(), made_up(), made_up()])
                await fetch('/discovery/register', {
                    method: 'POST',
                    headers: { 'content-type': 'application/json', 'cf-connecting-ip': ip },
                    body: JSON.stringify({ roomId: room, endpoints: [`${ip}:5000`], certHash }),
                });
        }
        done([true_ones.length, (await listed()).length]);
    })().catch(error => done(String(error)));";

/// The phone book is full of devices that do not exist, and of the name of one that was killed and of those that are there,
/// with addresses of nobody's. A hash that a member has or had passes for a member's.
pub(crate) async fn false_listings(play: Play, (first, second): Pair) -> Result<()> {
    let site = play.site().await?;
    let daves = play.own_browser(Chromium, "Dave", BrowserSetup::default()).await?;
    let dave = RoomPage::make_room(&daves, &site, "Fog").await?;
    dave.add("Horn").await?;
    let link = dave.share_link().await?;
    let alice = RoomPage::open(&play.browser(first, "Alice").await?, &link.url).await?;
    alice.wait_task("Horn").await?;
    alice.wait_connected(1).await?;
    let [named, listed]: [usize; 2] = alice.tab().execute_async(LIE, vec![json!(link.room)]).await?;
    ensure!(named > 0 && listed >= 12 * 3 + named, "{named} were listed, then {listed}");
    daves.kill().await;

    let bobs = play.browser(second, "Bob").await?;
    let since = Instant::now();
    let bob = RoomPage::open(&bobs, &link.url).await?;
    bob.wait_task("Horn").await?;
    println!("in after {:.1} s, with {listed} listings", since.elapsed().as_secs_f32());
    bob.wait_connected(1).await?;
    alice.wait_connected(1).await?;
    bob.add("Bell").await?;
    alice.wait_task("Bell").await
}
