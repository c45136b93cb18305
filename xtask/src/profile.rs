//! The two ways to build.

use std::process::Command;

/// How to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As it is published.
    Release,
    /// Quickly.
    Dev,
}

impl Profile {
    /// The folder below cargo's target folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Profile::Release => "release",
            Profile::Dev => "debug",
        }
    }

    /// Adds cargo's flag.
    pub(crate) fn apply(self, command: &mut Command) -> &mut Command {
        match self {
            Profile::Release => command.arg("--release"),
            Profile::Dev => command,
        }
    }
}
