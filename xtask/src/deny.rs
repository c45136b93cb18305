//! `cargo xtask deny`: what stands in Cargo.lock, held against `deny.toml`.

use crate::exec;
use crate::setup;
use crate::versions;
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Checks licences, bans, duplicates and sources; and advisories, where their database can be had.
pub(crate) fn run() -> Result<()> {
    let workspace = Workspace::find()?;
    let program = setup::tool(versions::CARGO_DENY)?;
    exec::run(deny(&program, &workspace).args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    // The database is a Git repository at GitHub, which not every machine reaches.
    if let Err(error) = exec::output(deny(&program, &workspace).args(["fetch", "db"])) {
        eprintln!("advisories NOT CHECKED: their database cannot be had.\n{error:#}");
        return Ok(());
    }
    exec::run(deny(&program, &workspace).args(["check", "--disable-fetch", "advisories"]))
}

fn deny(program: &Path, workspace: &Workspace) -> Command {
    let mut command = exec::command(program);
    command.current_dir(workspace.root()).arg("--locked");
    command
}
