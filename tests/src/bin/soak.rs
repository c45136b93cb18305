//! A crew of real browsers that works, reloads, leaves and comes back at random, for as long as one likes.
//!
//! Run by `cargo xtask soak`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Lab, Play, Soak, Tools};

fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut number = |what| numbers.next().with_context(|| format!("{what} is missing"))?.with_context(|| what);
    let (browsers, minutes, seed) = (number("how many browsers")?, number("how many minutes")?, number("the seed")?);
    // Mostly Chromium: a Firefox takes twice the memory.
    let browsers = (0..browsers).map(|n| if n % 4 == 3 { Firefox } else { Chromium }).collect();
    let soak = Soak { browsers, lasts: Duration::from_secs(60 * minutes), seed };
    let play = Play::new(Arc::new(Lab::new(Tools::from_env()?))).for_test("soak");
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(async {
        let outcome = soak.play(&play).await;
        let report = outcome.as_ref().ok().copied();
        play.clone().end(outcome.map(drop)).await?;
        play.close().await;
        anyhow::Ok(report)
    })?;
    println!("{outcome:?}");
    Ok(())
}
