//! A browser dies while its page writes. The long version is `cargo xtask kills`.

use anyhow::{Result, ensure};
use partyline_tests::{BrowserKind, Kills, Play};

pub(crate) async fn short(play: Play, browser: BrowserKind) -> Result<()> {
    let times = if browser == BrowserKind::Firefox { 2 } else { 6 };
    let report = Kills { browser, times, seed: 4 }.play(&play).await?;
    println!("{report:?}");
    ensure!(report.acknowledged > 0, "nothing was written: {report:?}");
    Ok(())
}
