//! Who gets through to whom, and in which way.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use partyline_tests::BrowserKind::{self, Chromium};
use partyline_tests::{Access, Family, Host, Network, Place, Play, RoomLink, RoomPage, Site};
use tokio::time::Instant;

use crate::cell::{cell, row, seconds};
use crate::crew::{Pair, connected, said};
use crate::{PAIRS, Row};

pub(crate) const HEAD: [&str; 8] = [
    "from",
    "to",
    "browsers",
    "through the phone book",
    "introduced by a third",
    "again after a reload, the phone book dead",
    "by code, the phone book dead from the start",
    "the same with a STUN server",
];

/// Where the two are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// At a place each.
    Apart(Access, Access),
    /// At one place, on its LAN. All they can see of each other there is mDNS names.
    Together,
}

const PLACES: [Where; 9] = [
    Where::Together,
    Where::Apart(Access::Nat, Access::Nat),
    Where::Apart(Access::Nat, Access::RandomNat),
    Where::Apart(Access::RandomNat, Access::RandomNat),
    Where::Apart(Access::RandomNat, Access::Open),
    Where::Apart(Access::Ipv6, Access::Ipv6),
    Where::Apart(Access::Dual, Access::Dual),
    Where::Apart(Access::Dual, Access::Nat),
    Where::Apart(Access::Ipv6, Access::Nat),
];

impl Where {
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Apart(one, other) => [one.as_str(), other.as_str()],
            Self::Together => ["one LAN", "the same LAN"],
        }
    }

    /// By which version of IP each calls the phone book: whoever has both by IPv6, as browsers do. Only of an open place
    /// the rest is asked: it calls by what the other has.
    fn families(self) -> [Family; 2] {
        let first = |access: Access| access.families().first().copied().unwrap_or(Family::V4);
        match self {
            Self::Apart(one, Access::Open) => [first(one); 2],
            Self::Apart(one, other) => [first(one), first(other)],
            Self::Together => [Family::V4; 2],
        }
    }
}

pub(crate) async fn rows(play: &Play, filter: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for place in PLACES {
        for (kinds, browsers) in PAIRS {
            let [from, to] = place.names();
            let name = format!("reach: {from} to {to}, {browsers}");
            let by_book = format!("{name}, through the phone book");
            let by_book = cell(play, filter, &by_book, |play| through_the_phone_book(play, place, kinds)).await;
            let introduced = format!("{name}, introduced");
            let introduced = cell(play, filter, &introduced, |play| introduced_by_a_third(play, place, kinds)).await;
            let again = format!("{name}, again");
            let again = cell(play, filter, &again, |play| again_after_a_reload(play, place, kinds)).await;
            let code = format!("{name}, by code");
            let hand = cell(play, filter, &code, |play| by_code(play, place, kinds, false)).await;
            let stun_name = format!("{code} with a STUN server");
            let stun = cell(play, filter, &stun_name, |play| by_code(play, place, kinds, true)).await;
            rows.extend(row(&[from, to, browsers], &[by_book, introduced, again, hand, stun]));
        }
    }
    rows
}

/// Carol's place, whom everybody reaches.
const THIRD: Access = Access::Open;

/// Where Alice, Bob and Carol are.
struct Stage {
    hosts: [Arc<Host>; 3],
    network: Arc<Network>,
}

impl Stage {
    async fn set(play: &Play, place: Where) -> Result<Self> {
        let network = play.network(7).await?;
        let host = |place: &Place, index| place.host(index).cloned();
        let third = network.place("third", THIRD, 1)?;
        let [one, other] = match place {
            Where::Apart(one, other) => {
                let (one, other) = (network.place("one", one, 1)?, network.place("other", other, 1)?);
                [host(&one, 0)?, host(&other, 0)?]
            }
            Where::Together => {
                let home = network.place("home", Access::Nat, 2)?;
                [host(&home, 0)?, host(&home, 1)?]
            }
        };
        Ok(Self { hosts: [one, other, host(&third, 0)?], network })
    }
}

/// Alice makes a room, Bob opens its link: from then until both are connected.
async fn through_the_phone_book(play: Play, place: Where, kinds: (BrowserKind, BrowserKind)) -> Result<String> {
    Ok(match meet(&play, place, kinds).await? {
        Ok((time, ..)) => seconds(time),
        Err(said) => format!("no: {said}"),
    })
}

/// The same; then the phone book dies, and Bob's page is loaded again: from then until both are connected.
async fn again_after_a_reload(play: Play, place: Where, kinds: (BrowserKind, BrowserKind)) -> Result<String> {
    let Ok((_, mut pair, site, link)) = meet(&play, place, kinds).await? else { return Ok("–".to_owned()) };
    pair.bob.wait_known(&link).await?;
    site.kill_phone_book().await?;
    let since = Instant::now();
    pair.bob.reload().await?;
    Ok(match connected(pair.pages(), 1, since).await? {
        Ok(time) => {
            let titles = pair.write("again").await?;
            ensure!(pair.exchanged(&titles, since).await.is_some(), "connected, and yet nothing arrives");
            pair.check().await?;
            seconds(time)
        }
        Err(said) => format!("no: {said}"),
    })
}

/// Alice and Bob, connected through the phone book, and how long that took; or what the app says.
async fn meet(
    play: &Play,
    place: Where,
    kinds: (BrowserKind, BrowserKind),
) -> Result<Result<(Duration, Pair, Arc<Site>, RoomLink), String>> {
    let Stage { hosts: [one, other, _], network } = Stage::set(play, place).await?;
    let site = play.site_in(&network).await?;
    let [ones, others] = place.families();
    one.visit_by(&site, ones);
    other.visit_by(&site, others);
    let alice = RoomPage::make_room(&play.browser_on(&one, kinds.0, "Alice").await?, &site, "Lab").await?;
    let bobs = play.browser_on(&other, kinds.1, "Bob").await?;
    let link = alice.share_link().await?;
    let opened = Instant::now();
    let bob = RoomPage::open(&bobs, &link.url).await?;
    let mut pair = Pair::new(alice, bob);
    match connected(pair.pages(), 1, opened).await? {
        Ok(time) => {
            let titles = pair.write("connected").await?;
            ensure!(pair.exchanged(&titles, opened).await.is_some(), "connected, and yet nothing arrives");
            pair.check().await?;
            Ok(Ok((time, pair, site, link)))
        }
        Err(said) => Ok(Err(said)),
    }
}

/// Alice and Carol are connected; then the phone book knows Carol only. Bob finds her, and she introduces the two: from
/// Bob's connection to her until he has one to Alice.
async fn introduced_by_a_third(play: Play, place: Where, kinds: (BrowserKind, BrowserKind)) -> Result<String> {
    let Stage { hosts: [one, other, third], network } = Stage::set(&play, place).await?;
    let (first, second) = (play.site_in(&network).await?, play.site_in(&network).await?);
    let [ones, others] = place.families();
    one.visit_by(&first, ones);
    third.visit_by(&first, ones);
    let alice = RoomPage::make_room(&play.browser_on(&one, kinds.0, "Alice").await?, &first, "Lab").await?;
    let link = alice.share_link().await?;
    let carol = RoomPage::open(&play.browser_on(&third, Chromium, "Carol").await?, &link.url).await?;
    if let Err(said) = connected([&alice, &carol], 1, Instant::now()).await? {
        return Ok(format!("no: the third and the first are not connected: {said}"));
    }

    one.lose_phone_book();
    third.visit_by(&second, others);
    other.visit_by(&second, others);
    let bob = RoomPage::open(&play.browser_on(&other, kinds.1, "Bob").await?, &link.url).await?;
    let started = bob.wait_status_within("Connected to", Duration::from_secs(90)).await;
    if started.is_err() {
        return Ok(format!("no: the third and the second are not connected: {}", said([&carol, &bob]).await?));
    }
    let outcome = connected([&alice, &bob], 2, Instant::now()).await?;
    let mut pair = Pair::new(alice, bob);
    let started = Instant::now();
    let titles = pair.write("in a crew").await?;
    let exchanged = pair.exchanged(&titles, started).await;
    ensure!(exchanged.is_some(), "Carol is connected to both, and yet nothing arrives");
    pair.check().await?;
    Ok(match outcome {
        Ok(time) => seconds(time),
        Err(said) => format!("no: {said}; changes go through the third"),
    })
}

/// Nobody has ever asked the phone book. Alice invites Bob by a code: from when she has his reply until both are connected.
async fn by_code(play: Play, place: Where, kinds: (BrowserKind, BrowserKind), with_stun: bool) -> Result<String> {
    let Stage { hosts: [one, other, _], network } = Stage::set(&play, place).await?;
    let site = play.site_in(&network).await?;
    let stun = if with_stun { Some(network.start_stun()?) } else { None };
    let mut browsers = Vec::new();
    for ((host, kind), name) in [(&one, kinds.0), (&other, kinds.1)].into_iter().zip(["Alice", "Bob"]) {
        host.visit(&site);
        let browser = play.browser_on(host, kind, name).await?;
        browser.open(&site.origin()).await?.wait_for("button", "New room").await?;
        browsers.push(browser);
    }
    let [alices, bobs] = browsers.as_slice() else { bail!("two browsers") };
    site.kill_phone_book().await?;
    let alice = RoomPage::make_room(alices, &site, "Lab").await?;
    if let Some(stun) = stun {
        alice.use_stun(&stun).await?;
        RoomPage::make_room(bobs, &site, "Bob's").await?.use_stun(&stun).await?;
    }
    alice.add("by code").await?;
    let bob = RoomPage::in_tab(bobs.open(&alice.invite().await?).await?);
    alice.paste_reply(&bob.reply().await?).await?;
    let since = Instant::now();
    Ok(match connected([&alice, &bob], 1, since).await? {
        Ok(time) => {
            bob.wait_task("by code").await?;
            seconds(time)
        }
        Err(_) => {
            let words = "return document.querySelector('dialog[open] [role=alert]')?.innerText ?? ''";
            let shown = async || alice.tab().execute::<String>(words, vec![]).await;
            let said = alice.wait("why not", shown, |words| !words.is_empty()).await?;
            format!("no: “{said}”")
        }
    })
}
