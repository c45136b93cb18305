//! Chromium's coming switch: pages of public sites reach devices in their own network only if the person allows it.
//!
//! A headless browser asks nobody: it takes a question for refused. `Browser.setPermission` holds the answer where a person
//! would have put it, or has nobody asked yet.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use partyline_tests::BrowserKind::{self, Chromium, Firefox};
use partyline_tests::{Access, Browser, BrowserSetup, Play, RoomPage, Site, Tab, eventually};
use serde_json::json;

use crate::clocks::{alerts, says, silent};
use crate::truth::devices_say;

/// What is asked for, and what is to be done where it was refused.
const ASKS: &str = "The browser lets this page find them only if you allow it.";
const REFUSED: &str = "The browser does not let this page find other devices in your network.";
const BUTTON: &str = "Find devices in this network";

/// As long as two who look every few seconds need to find each other, and some more.
const SOON: Duration = Duration::from_secs(90);

/// Whose browser asks first, and what it was told.
type Guard = Option<&'static str>;

/// Nobody has been asked yet: both are told, in every tab, and one who allows it is enough.
pub(crate) async fn asked(play: Play) -> Result<()> {
    let home = Home::of(&play, &[(Chromium, Some("prompt")), (Chromium, Some("prompt"))]).await?;
    let [alices, bobs] = home.browsers.as_slice() else { bail!("two browsers") };
    let alice = RoomPage::make_room(alices, &home.site, "Hall").await?;
    alice.wait_status("No other device connected").await?;
    silent(&alice).await?;
    alice.add("Lamp").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(bobs, &link.url).await?;
    for page in [&alice, &bob] {
        says(page, ASKS).await?;
        page.wait_status("No other device connected").await?;
        page.tab().wait_for("button", BUTTON).await?;
        devices_say(page, ASKS).await?;
    }
    let second = RoomPage::open(alices, &link.url).await?;
    says(&second, ASKS).await?;
    bob.add("Chair").await?;

    decide(alice.tab(), &home.site, "granted").await?;
    for page in [&alice, &bob, &second] {
        page.wait_status_within("Connected to 1 device", SOON).await?;
        silent(page).await?;
        ensure!(!page.tab().shows("button", BUTTON).await?, "the button is still there");
    }
    alice.wait_task("Chair").await?;
    bob.wait_task("Lamp").await
}

/// The button has the browser ask, and only that. What was refused is told, until it is allowed.
pub(crate) async fn prompted(play: Play) -> Result<()> {
    let home = Home::of(&play, &[(Chromium, Some("prompt")), (Chromium, Some("denied"))]).await?;
    let [alices, bobs] = home.browsers.as_slice() else { bail!("two browsers") };
    let alice = RoomPage::make_room(alices, &home.site, "Hall").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(bobs, &link.url).await?;
    says(&alice, ASKS).await?;
    says(&bob, REFUSED).await?;
    devices_say(&bob, REFUSED).await?;
    ensure!(!bob.tab().shows("button", BUTTON).await?, "nobody is asked any more");

    // From here on whoever asks gets an answer, and nobody does by himself, however often Bob is dialled.
    alice.tab().cdp("Browser.resetPermissions", json!({})).await?;
    let count = "
        const { setRemoteDescription } = RTCPeerConnection.prototype;
        window.dials = 0;
        RTCPeerConnection.prototype.setRemoteDescription = function (...rest) {
            window.dials += 1;
            return setRemoteDescription.apply(this, rest);
        };
        return null;";
    alice.tab().execute::<()>(count, vec![]).await?;
    eventually("three more dials", SOON, || async {
        let dials: u32 = alice.tab().execute("return window.dials;", vec![]).await?;
        ensure!(dials >= 3, "{dials} dials");
        Ok(())
    })
    .await?;
    says(&alice, ASKS).await?;
    alice.tab().click("button", BUTTON).await?;
    says(&alice, REFUSED).await?;
    ensure!(!alerts(&alice).await?.contains(ASKS), "it still asks");

    decide(bob.tab(), &home.site, "granted").await?;
    for page in [&alice, &bob] {
        page.wait_status_within("Connected to 1 device", SOON).await?;
        silent(page).await?;
    }
    Ok(())
}

/// Two who refuse are called by a third, whose browser does not ask, and get each other's changes through it.
pub(crate) async fn called(play: Play) -> Result<()> {
    let home = Home::of(&play, &[(Chromium, Some("denied")), (Chromium, Some("prompt")), (Firefox, None)]).await?;
    let [alices, bobs, carols] = home.browsers.as_slice() else { bail!("three browsers") };
    let alice = RoomPage::make_room(alices, &home.site, "Hall").await?;
    alice.add("Lamp").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(bobs, &link.url).await?;
    says(&alice, REFUSED).await?;
    says(&bob, ASKS).await?;
    bob.add("Chair").await?;
    let carol = RoomPage::open(carols, &link.url).await?;
    carol.wait_status_within("Connected to 2 devices", SOON).await?;
    for page in [&alice, &bob] {
        page.wait_status_within("Connected to 1 device", SOON).await?;
        silent(page).await?;
    }
    alice.wait_task("Chair").await?;
    bob.wait_task("Lamp").await
}

/// No phone book, and codes: it is enough that one of the two may call, be it the one that invites or the other.
pub(crate) async fn by_code(play: Play) -> Result<()> {
    let home = Home::of(&play, &[(Chromium, Some("denied")), (Firefox, None)]).await?;
    let [alices, bobs] = home.browsers.as_slice() else { bail!("two browsers") };
    for browser in [alices, bobs] {
        browser.open(&home.site.origin()).await?.wait_kept().await?;
    }
    home.site.kill_phone_book().await?;
    for (inviting, invited, name) in [(alices, bobs, "Hall"), (bobs, alices, "Barn")] {
        let first = RoomPage::make_room(inviting, &home.site, name).await?;
        first.add("Lamp").await?;
        let second = RoomPage::in_tab(invited.open(&first.invite().await?).await?);
        first.paste_reply(&second.reply().await?).await?;
        second.wait_task("Lamp").await?;
        for page in [&first, &second] {
            page.wait_status("Connected to 1 device").await?;
            page.tab().click("button", "Done").await?;
        }
    }
    Ok(())
}

/// A Wi-Fi with a browser each for so many people.
struct Home {
    site: Arc<Site>,
    browsers: Vec<Arc<Browser>>,
}

impl Home {
    async fn of(play: &Play, people: &[(BrowserKind, Guard)]) -> Result<Self> {
        let network = play.network(5).await?;
        let place = network.place("home", Access::Nat, u8::try_from(people.len())?)?;
        let site = play.site_in(&network).await?;
        let mut browsers = Vec::new();
        for ((index, (kind, guard)), name) in people.iter().enumerate().zip(["Alice", "Bob", "Carol"]) {
            let host = place.host(index)?;
            host.visit(&site);
            let setup = BrowserSetup { guards_local_network: guard.is_some(), ..BrowserSetup::default() };
            let browser = play.own_browser_on(host, *kind, name, setup).await?;
            if let Some(answer) = guard {
                decide(&browser.tab().await?, &site, answer).await?;
            }
            browsers.push(browser);
        }
        Ok(Self { site, browsers })
    }
}

/// Decides in the person's place: `granted`, `denied`, or `prompt`, which is not to have decided.
async fn decide(tab: &Tab, site: &Site, answer: &str) -> Result<()> {
    let permission = json!({ "name": "local-network" });
    let decision = json!({ "permission": permission, "setting": answer, "origin": site.origin() });
    tab.cdp("Browser.setPermission", decision).await.map(drop)
}
