//! A crew that does at random what crews do.

use std::time::Duration;

use anyhow::Result;
use partyline_tests::BrowserKind::{Chromium, Firefox};
use partyline_tests::{Play, Soak};

/// The seed of the short one. `cargo xtask soak` takes any.
const SEED: u64 = 20;

pub(crate) async fn short(play: Play) -> Result<()> {
    let soak = Soak { browsers: vec![Chromium, Chromium, Firefox], lasts: Duration::from_secs(40), seed: SEED };
    let report = soak.play(&play).await?;
    println!("{report:?}");
    Ok(())
}
