//! What a connection lives through, and how soon two that lost each other are together again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use partyline_tests::{Access, BrowserKind, Place, Play, RoomPage, Weather};
use tokio::time::{Instant, sleep_until};

use crate::cell::{cell, row, seconds};
use crate::crew::{Pair, connected, said};
use crate::{PAIRS, Row};

pub(crate) const HEAD: [&str; 4] = ["trouble", "browsers", "the phone book lives", "the phone book is dead"];

/// What befalls Bob's place; its first part is its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// 300 ms and 10 % loss at both places, from before the connection on.
    Storm,
    /// Nothing passes for 60 s.
    Partition,
    /// Router and host get other addresses.
    Move,
    /// What Bob sends is lost for 30 s, and what is sent to him arrives.
    Mute,
}

const TROUBLES: [(Trouble, &str); 4] = [
    (Trouble::Storm, "300 ms and 10 % loss at both ends"),
    (Trouble::Partition, "60 s without a network"),
    (Trouble::Move, "other addresses in mid-session"),
    (Trouble::Mute, "30 s in which one side is not heard"),
];

pub(crate) async fn rows(play: &Play, filter: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for (trouble, what) in TROUBLES {
        for (kinds, browsers) in PAIRS {
            let name = format!("weather: {what}, {browsers}");
            let alive = format!("{name}, alive");
            let alive = cell(play, filter, &alive, |play| live_through(play, trouble, kinds, false)).await;
            let dead = format!("{name}, dead");
            let dead = cell(play, filter, &dead, |play| live_through(play, trouble, kinds, true)).await;
            rows.extend(row(&[what, browsers], &[alive, dead]));
        }
    }
    rows
}

/// Alice and Bob, behind a NAT each, are connected; then there is trouble. From its end until each has what the other
/// wrote during it.
async fn live_through(
    play: Play,
    trouble: Trouble,
    kinds: (BrowserKind, BrowserKind),
    phone_book_dies: bool,
) -> Result<String> {
    let network = play.network(11).await?;
    let site = play.site_in(&network).await?;
    let (home, away) = (network.place("home", Access::Nat, 1)?, network.place("away", Access::Nat, 1)?);
    for place in [&home, &away] {
        place.host(0)?.visit(&site);
    }
    let alice = RoomPage::make_room(&play.browser_on(home.host(0)?, kinds.0, "Alice").await?, &site, "Lab").await?;
    let link = alice.share_link().await?;
    let bobs = play.browser_on(away.host(0)?, kinds.1, "Bob").await?;
    // The app is there already: what is measured is the connection, not the download.
    RoomPage::make_room(&bobs, &site, "Another").await?;
    let storm = if trouble == Trouble::Storm { Weather::STORM } else { Weather::default() };
    for place in [&home, &away] {
        place.set_weather(storm);
    }
    let opened = Instant::now();
    let bob = RoomPage::open(&bobs, &link.url).await?;
    let mut pair = Pair::new(alice, bob);
    let connected = match connected(pair.pages(), 1, opened).await? {
        Ok(time) => time,
        Err(said) => return Ok(format!("never connected: {said}")),
    };
    let titles = pair.write("before").await?;
    ensure!(pair.exchanged(&titles, opened).await.is_some(), "connected, and yet nothing arrives");
    if phone_book_dies {
        for page in pair.pages() {
            page.wait_known(&link).await?;
        }
        site.kill_phone_book().await?;
    }

    let (mut meanwhile, since, titles) = match trouble {
        Trouble::Storm => {
            let since = Instant::now();
            (format!("connected in {}; ", seconds(connected)), since, pair.write("in the storm").await?)
        }
        Trouble::Move => {
            let since = Instant::now();
            away.change_addresses()?;
            (String::new(), since, pair.write("elsewhere").await?)
        }
        Trouble::Partition => wait_out(&mut pair, &away, Weather::PARTITION, Duration::from_secs(60)).await?,
        Trouble::Mute => wait_out(&mut pair, &away, Weather::MUTE, Duration::from_secs(30)).await?,
    };
    let Some(time) = pair.exchanged(&titles, since).await else {
        return Ok(format!("{meanwhile}no: {}", said(pair.pages()).await?));
    };
    meanwhile += &format!("together after {}", seconds(time));
    pair.check().await?;
    Ok(meanwhile)
}

/// Both write while the trouble lasts. Gives what the app said at its end, that end, and what was written.
async fn wait_out(
    pair: &mut Pair,
    place: &Arc<Place>,
    weather: Weather,
    lasts: Duration,
) -> Result<(String, Instant, [String; 2])> {
    let end = Instant::now() + lasts;
    place.set_weather(weather);
    let titles = pair.write("meanwhile").await?;
    sleep_until(end).await;
    let said = said(pair.pages()).await?;
    place.set_weather(Weather::default());
    Ok((format!("meanwhile {said}; "), Instant::now(), titles))
}
