//! `cargo xtask test` and `cargo xtask bench`.

use crate::cli::Part;
use anyhow::Result;

/// What to check.
#[derive(Debug)]
pub(crate) struct Checks {
    /// These parts, or all.
    pub(crate) only: Vec<Part>,
    /// Tests whose name contains this, or all.
    pub(crate) filter: Option<String>,
}

pub(crate) fn run(_checks: &Checks) -> Result<()> {
    Ok(())
}

pub(crate) fn bench() -> Result<()> {
    Ok(())
}
