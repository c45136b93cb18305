//! `cargo xtask deploy`.

use crate::build;
use crate::profile::Profile;
use crate::{budget, exec, setup, wrangler};
use anyhow::{Context, Result};

/// Builds and publishes, or does all but publish.
pub(crate) fn run(dry_run: bool) -> Result<()> {
    let tools = setup::tools()?;
    build::all(&tools, Profile::Release)?;
    budget::check(&tools)?;
    let words: &[&str] = if dry_run { &["deploy", "--dry-run"] } else { &["deploy"] };
    exec::run(&mut wrangler::command(&tools, words)?)
        .context("wrangler could not publish; `wrangler login` or CLOUDFLARE_API_TOKEN gives it access to an account")
}
