//! A browser that is killed at random moments while its page writes, as often as one likes.
//!
//! Run by `cargo xtask kills`.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Kills, Lab, Play, Tools};

fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut number = |what| numbers.next().with_context(|| format!("{what} is missing"))?.with_context(|| what);
    let (times, seed) = (usize::try_from(number("how often?")?)?, number("the seed")?);
    let runtime = tokio::runtime::Runtime::new()?;
    for browser in [Chromium, Firefox] {
        let play = Play::new(Arc::new(Lab::new(Tools::from_env()?))).for_test("kills");
        // A Firefox takes three times as long to start.
        let times = if browser == Firefox { times / 4 } else { times };
        let report = runtime.block_on(async {
            let outcome = Kills { browser, times, seed }.play(&play).await;
            let report = outcome.as_ref().ok().copied();
            play.clone().end(outcome.map(drop)).await?;
            play.close().await;
            anyhow::Ok(report)
        })?;
        println!("{browser:?}: {report:?}");
    }
    Ok(())
}
