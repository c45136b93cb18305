//! What set-up asks of the system: Debian's packages, root, and a line on the terminal.

use crate::exec;
use anyhow::{Context, Result, bail};
use std::process::Command;

/// Says what set-up is doing, one line a thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    quiet: bool,
}

impl Progress {
    /// `quiet`: says nothing of what is present.
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Something needed is here.
    pub(crate) fn present(&self, what: &str, purpose: &str) {
        if !self.quiet {
            eprintln!("setup  {what:<26} {purpose}: present");
        }
    }

    /// Something needed is missing and being installed; this is said even when quiet, as it takes a while.
    pub(crate) fn installing(&self, what: &str, purpose: &str, how: &str) {
        eprintln!("setup  {what:<26} {purpose}: installing {how}");
    }

    /// Something that can be done without cannot be had here; this is said even when quiet.
    pub(crate) fn unavailable(&self, what: &str, purpose: &str, why: &str) {
        eprintln!("setup  {what:<26} {purpose}: cannot be had here: {why}");
    }
}

/// Installs those of Debian's packages that are missing.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    if exec::find("apt-get").is_none() {
        bail!("this system has no apt to install {} with", packages.join(", "));
    }
    let installed = |package: &&str| {
        exec::output(exec::command("dpkg-query").args(["-W", "-f", "${Status}", package]))
            .is_ok_and(|status| status.trim() == "install ok installed")
    };
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    exec::output(&mut root_command(&["apt-get", "update", "-q"])?)?;
    let mut install = root_command(&["apt-get", "install", "-q", "-y", "--no-install-recommends"])?;
    exec::output(install.args(&missing)).map(drop)
}

/// A command run by root: us, or sudo where it asks no question.
pub(crate) fn root_command(words: &[&str]) -> Result<Command> {
    let is_root = exec::output(exec::command("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let sudo: &[&str] = if is_root {
        &[]
    } else if exec::succeeds(exec::command("sudo").args(["-n", "true"])) {
        &["sudo", "-n"]
    } else {
        bail!("`{}` needs root, and sudo is missing or asks for a password (try `sudo true` first)", words.join(" "));
    };
    // env, because sudo drops our variables.
    let mut all = sudo.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive"]).chain(words);
    let mut command = exec::command(all.next().context("no command")?);
    command.args(all);
    Ok(command)
}
