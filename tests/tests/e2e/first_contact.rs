//! Links and codes as people pass them on.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use partyline_tests::{BrowserKind, Play, RoomLink, RoomPage, Site, Tab, eventually};
use serde_json::json;
use thirtyfour::Key;

const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// A link to a room that nobody else is in; joining one needs nobody.
fn link(site: &Site, number: usize) -> Result<RoomLink> {
    RoomLink::parse(&format!("{}/#6f1c2d3e-4a5b-4c6d-8e7f-{number:012x}.{SECRET}", site.origin()))
}

/// Texts that somebody may type or paste, of which each has a link in it.
fn mangled(site: &Site) -> Result<Vec<(RoomLink, String)>> {
    let forms: [fn(&RoomLink) -> String; 13] = [
        |link| format!("Room #2: {}, see you there.", link.url),
        |link| format!("<{}>", link.url),
        |link| format!("[our list]({})", link.url),
        |link| format!("{}\u{200b}", link.url),
        |link| format!("{}&utm_source=mail", link.url),
        |link| link.url.replace('#', "%23"),
        |link| link.url.replace('#', "&#35;"),
        |link| link.url.replace(&link.room, &link.room.to_uppercase()),
        |link| link.url.replace("AAEC", "AAE%43"),
        |link| format!("<a href=3D\"{}\">", link.url.replace("AAEC", "=41AEC")),
        |link| format!("https://tracker.example/?url=https%3A%2F%2Fx.example%2F%23{}.{}&id=7", link.room, link.secret),
        // What a field for one line makes of line breaks.
        |link| link.url.replace("-4c6d", " -4c6d").replace("DA0O", "DA= 0O"),
        |link| format!("{0} {0}", link.url),
    ];
    forms
        .into_iter()
        .enumerate()
        .map(|(number, form)| link(site, number).map(|link| (link.clone(), form(&link))))
        .collect()
}

pub(crate) async fn pasted(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(kind, "Alice").await?;
    let tab = browser.open(&site.origin()).await?;
    for (link, text) in mangled(&site)? {
        join(&tab, &text).await?;
        leads_to(&tab, &link).await.with_context(|| text.clone())?;
    }

    // A mail of many lines, which a page cannot be made to paste: what comes of it is what the field makes of the text.
    let whole = link(&site, 100)?;
    let mail = format!("Hi,\n> {}\n> {}\nBest regards", &whole.url[..60], &whole.url[60..]);
    tab.click("button", "Join a room").await?;
    tab.wait_for("textbox", "Room link").await?;
    let paste = "const [field] = lookup('textbox', 'Room link');
        field.value = arguments[0].replaceAll('\\n', ' ');
        field.dispatchEvent(new Event('input', { bubbles: true }));
        return null;";
    tab.execute::<()>(paste, vec![json!(mail)]).await?;
    tab.click("button", "Join").await?;
    leads_to(&tab, &whole).await.context(mail)?;

    for (text, words) in [
        (site.origin(), "ask for the link again, or for a code"),
        (format!("{}/#{}", site.origin(), whole.room), "ask for the link again, or for a code"),
        (format!("{} and {}", whole.url, link(&site, 101)?.url), "links to different rooms"),
        (format!("{}/#i.AQAA", site.origin()), "This code is damaged"),
    ] {
        join(&tab, &text).await?;
        let said = "return [...document.querySelectorAll('dialog [role=alert]')].map(textOf).join(' ');";
        eventually(&format!("“{words}” for {text}"), Duration::from_secs(5), || async {
            let said: String = tab.execute(said, vec![]).await?;
            ensure!(said.contains(words), "it says “{said}”");
            Ok(())
        })
        .await?;
        tab.press("" + Key::Escape).await?;
        tab.wait_gone("dialog", "Join a room").await?;
    }
    Ok(())
}

/// In the address bar of a browser that has the app: the service worker answers, so no server sees what was in the path.
pub(crate) async fn opened(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(kind, "Alice").await?;
    let tab = browser.open(&site.origin()).await?;
    tab.wait_for("button", "Join a room").await?;
    let forms: [fn(&RoomLink) -> String; 3] = [
        |link| link.url.replace('#', "%23"),
        |link| link.url.replace(&link.room, &link.room.to_uppercase()) + "&utm_source=mail",
        |link| link.url.clone() + "%E2%80%8B",
    ];
    for (number, form) in forms.into_iter().enumerate() {
        let link = link(&site, 200 + number)?;
        tab.goto(&form(&link)).await?;
        leads_to(&tab, &link).await.with_context(|| form(&link))?;
        let address = tab.url().await?;
        ensure!(address == format!("{}/#{}", site.origin(), link.room), "the address is {address}");
    }
    let seen = site.proxy().requests().into_iter().find(|request| request.path.contains(SECRET));
    ensure!(seen.is_none(), "a server was asked for {seen:?}");

    tab.goto(&format!("{}/%23", site.origin())).await?;
    tab.wait_for("heading", "This link does not open a room").await?;
    tab.click("button", "Go to my rooms").await?;
    tab.wait_for("textbox", "Add a task").await.map(drop)
}

/// The same on a device that does not have the app. What was in the path has reached the web server once; it is the app that
/// answers, and from then on the secret is where no server sees it.
pub(crate) async fn opened_first(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site().await?;
    let link = link(&site, 300)?;
    let tab = play.browser(kind, "Alice").await?.open(&link.url.replace('#', "%23")).await?;
    leads_to(&tab, &link).await?;
    let said = "return document.body.innerText;";
    let shown = eventually("what became of the link", Duration::from_secs(5), || async {
        let said: String = tab.execute(said, vec![]).await?;
        ensure!(said.contains("had lost its “#”"), "it says {said}");
        Ok(said)
    })
    .await?;
    ensure!(!shown.contains(SECRET), "the secret is on show");
    let address = tab.url().await?;
    ensure!(address == format!("{}/#{}", site.origin(), link.room), "the address is {address}");
    let seen = || site.proxy().requests().into_iter().filter(|request| request.path.contains(SECRET)).count();
    ensure!(seen() == 1, "{} requests had the secret in their path", seen());
    tab.reload().await?;
    leads_to(&tab, &link).await?;
    ensure!(seen() == 1, "and then {}", seen());
    Ok(())
}

/// Without a phone book, so that nothing but the codes connects.
pub(crate) async fn code(play: Play, kind: BrowserKind) -> Result<()> {
    let site = play.site_of_its_own().await?;
    let alices = play.browser(BrowserKind::Chromium, "Alice").await?;
    let tab = play.browser(kind, "Bob").await?.open(&site.origin()).await?;
    tab.wait_for("button", "Join a room").await?;
    tab.wait_kept().await?;
    alices.open(&site.origin()).await?.wait_kept().await?;
    site.kill_phone_book().await?;
    let alice = RoomPage::make_room(&alices, &site, "Bakery").await?;
    let invitation = alice.invite().await?;
    let text = format!("Scan it, i.e. open https://tracker.example/?to={}&id=7", invitation.replace('#', "%23"));
    join(&tab, &text).await?;
    let bob = RoomPage::in_tab(tab);
    alice.paste_reply(&format!("Here you are: <{}>.", bob.reply().await?)).await?;
    bob.wait_connected(1).await?;
    alice.wait_connected(1).await
}

async fn join(tab: &Tab, text: &str) -> Result<()> {
    tab.click("button", "Join a room").await?;
    tab.fill("Room link", text).await?;
    tab.press("" + Key::Enter).await
}

async fn leads_to(tab: &Tab, link: &RoomLink) -> Result<()> {
    eventually("the room", Duration::from_secs(15), || async {
        let address = tab.url().await?;
        ensure!(address.ends_with(&link.room), "the address is {address}");
        Ok(())
    })
    .await?;
    let page = RoomPage::wait_open(tab.clone()).await?;
    tab.click("button", "Share").await?;
    // Which is known once the service worker has said so.
    let shown = page.wait("its link", || tab.value("textbox", "Room link"), |shown| shown.contains('#')).await?;
    page.close_dialog("Share this room").await?;
    ensure!(shown == link.url, "it led to {shown}");
    Ok(())
}
