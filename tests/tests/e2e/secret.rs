//! What the secret keeps out, and who never hears it.

use std::time::Duration;

use anyhow::{Result, ensure};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Play, RoomPage, Site, eventually};

pub(crate) async fn wrong(play: Play) -> Result<()> {
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Vault").await?;
    alice.add("Gold").await?;
    let link = alice.share_link().await?;
    wait_polls(&site, 1).await?;

    // Mallory knows the room's id, as the phone book does, and guesses a secret. An origin of her own, with the same
    // phone book behind it, shows what her browser asks.
    let mallorys = play.site().await?;
    let wrong_link = link.with_wrong_secret().at(&mallorys)?;
    let mallory = RoomPage::open(&play.browser(Chromium, "Mallory").await?, &wrong_link.url).await?;
    mallory.add("Intruder").await?;

    // She is told Alice's address again and again, and it is of no use to her.
    for polls in 1..=4 {
        wait_polls(&mallorys, polls).await?;
        for page in [&alice, &mallory] {
            let status = page.status().await?;
            ensure!(!status.starts_with("Connected"), "{} says “{status}”", page.tab().browser().name());
        }
    }
    ensure!(mallory.titles().await? == ["Intruder"], "Mallory sees {:?}", mallory.titles().await?);
    ensure!(alice.titles().await? == ["Gold"], "Alice sees {:?}", alice.titles().await?);

    // It was the secret and nothing else: with the right one, Bob is in, and he sees no trace of Mallory.
    let bob = RoomPage::open(&play.browser(Firefox, "Bob").await?, &link.url).await?;
    bob.wait_connected(1).await?;
    bob.wait_task("Gold").await?;
    alice.wait_connected(1).await?;
    ensure!(bob.titles().await? == ["Gold"] && alice.titles().await? == ["Gold"], "Mallory's task got in");
    ensure!(mallory.titles().await? == ["Intruder"], "Mallory got something");
    Ok(())
}

pub(crate) async fn unseen(play: Play) -> Result<()> {
    const TITLES: [&str; 3] = ["Xylophone-7431", "Marmalade-9218", "Quicksilver-5507"];
    let site = play.site().await?;
    let alice = RoomPage::make_room(&play.browser(Chromium, "Alice").await?, &site, "Backgammon-6643").await?;
    alice.add(TITLES[0]).await?;
    let link = alice.share_link().await?;
    let bob = RoomPage::open(&play.browser(Firefox, "Bob").await?, &link.url).await?;
    bob.wait_task(TITLES[0]).await?;
    let carol = RoomPage::paste(&play.browser(Chromium, "Carol").await?, &site, &link).await?;
    carol.wait_task(TITLES[0]).await?;
    bob.add(TITLES[1]).await?;
    bob.edit(TITLES[1], &[("Notes", "Hippopotamus-1290"), ("Assignee", "Persimmon-3387")]).await?;
    carol.add(TITLES[2]).await?;
    alice.wait_task(TITLES[1]).await?;
    alice.wait_task(TITLES[2]).await?;
    bob.reload().await?;
    bob.wait_status("Connected to").await?;

    // The recorder works: the id of the room is what the phone book is asked about.
    ensure!(site.proxy().saw(link.room.as_bytes()), "the recorder missed the room id");
    for form in link.secret_forms()? {
        ensure!(!site.proxy().saw(&form), "the server saw the secret, as {:?}", String::from_utf8_lossy(&form));
    }
    let fragment = format!("{}.", link.room);
    ensure!(!site.proxy().saw(fragment.as_bytes()), "the server saw part of the link's fragment");
    for word in TITLES.iter().chain(&["Backgammon-6643", "Hippopotamus-1290", "Persimmon-3387"]) {
        ensure!(!site.proxy().saw(word.as_bytes()), "the server saw “{word}”");
    }
    // Nothing that only signalling or a relay would need passes by either.
    for word in ["ice-ufrag", "ice-pwd", "a=candidate", "a=fingerprint", "m=application", "/peer/v1"] {
        ensure!(!site.proxy().saw(word.as_bytes()), "the server saw “{word}”");
    }
    Ok(())
}

/// Waits until browsers have asked `site` for a room's addresses `count` more times than never.
async fn wait_polls(site: &Site, count: usize) -> Result<()> {
    eventually("a poll of the phone book", Duration::from_secs(45), || async {
        let requests = site.proxy().requests();
        let polls = requests.iter().filter(|request| request.path.starts_with("/discovery/peers")).count();
        ensure!(polls >= count, "{polls} of {count}");
        Ok(())
    })
    .await
}
