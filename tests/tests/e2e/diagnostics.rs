//! The report that somebody may show to whomever helps.

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Browser, Play, RoomPage};
use serde_json::json;

pub(crate) async fn report(play: Play) -> Result<()> {
    let site = play.site().await?;
    let browser = play.browser(Chromium, "Alice").await?;
    let alice = RoomPage::make_room(&browser, &site, "Secret society").await?;
    alice.add("Bury the treasure").await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Firefox, "Bob").await?, &link.url).await?;
    bob.wait_task("Bury the treasure").await?;
    alice.wait_connected(1).await?;
    bob.wait_connected(1).await?;
    let names: String = "
        const done = arguments[arguments.length - 1];
        const get = part => fetch(`/peer/v1/rooms/${arguments[0]}${part}`).then(answer => answer.json());
        Promise.all([get(''), get('/devices')]).then(([room, { devices }]) =>
            done([room.device, ...devices.flatMap(({ id, name }) => [id, name])]), error => done([String(error)]));"
        .to_owned();
    let mut private: Vec<String> = alice.tab().execute_async(&names, vec![json!(link.room)]).await?;
    ensure!(private.len() == 5, "{private:?}");
    private.extend([link.room.clone(), link.secret.clone()]);
    private
        .extend(["Secret society", "Bury", "localhost", "127.0.0.1", ".local", "certHash", "urn:"].map(str::to_owned));

    // Any tab gets it, also one that does not hold the connections, in each browser.
    let second = second_tab(&browser, &link.url).await?;
    let (way, book) = match play.tools().refusing {
        true => ("(by code)", "Phone book: "),
        false => ("(by phone book)", "Phone book: reachable"),
    };
    for page in [&alice, &second, &bob] {
        // A browser's statistics do not always know the pair of candidates at once.
        let report =
            page.wait("which candidates are in use", || read(page), |report| report.contains(", host to ")).await?;
        for words in ["Peer: by ", ", host to ", "Own endpoints: ", "Dials: ", "Last events:", way] {
            ensure!(report.contains(words), "no “{words}” in\n{report}");
        }
        for words in ["Tasks: 1\n", "Devices: 2\n", book, "Service worker: in control"] {
            ensure!(report.contains(words), "no “{words}” in\n{report}");
        }
        // What the browser calls itself has numbers like an address, and the words of a default name.
        let (_, others) = report.split_once("\nNetwork: ").unwrap_or_default();
        for words in &private {
            ensure!(!others.contains(words.as_str()), "“{words}” is in\n{report}");
        }
        let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        for word in others.split_whitespace() {
            let dotted = word.split('.').filter(is_number).count();
            let coloned = word.split(':').filter(is_number).count();
            let dashed = word.split('-').filter(is_number).count();
            ensure!(dotted < 4 && coloned < 2 && dashed < 4 && word.len() < 22, "“{word}” is in\n{report}");
        }
    }
    Ok(())
}

async fn second_tab(browser: &std::sync::Arc<Browser>, url: &str) -> Result<RoomPage> {
    let page = RoomPage::open(browser, url).await?;
    page.wait_connected(1).await?;
    Ok(page)
}

async fn read(page: &RoomPage) -> Result<String> {
    let tab = page.tab();
    tab.click("button", "Devices").await?;
    tab.wait_for("dialog", "Devices").await?;
    tab.wait_for("button", "Copy report").await?;
    let shown = || tab.execute::<String>("return document.querySelector('.report').textContent", vec![]);
    let report = page.wait("the report", shown, |report| report.contains("Last events:")).await?;
    page.close_dialog("Devices").await?;
    Ok(report)
}
