//! Partyline's own tool: `cargo xtask setup | build | run | check | test | coverage | deny | bench | lab | soak | sim | deploy`.
//!
//! One command takes a fresh machine to a running Partyline, so nothing here may assume more than Rust and Node.js:
//!
//! - [`setup`] finds the tools that the build needs, each pinned in [`versions`], and installs those that are missing
//!   into a folder of the user's cache. The wasm target is its hardest part and has a module of its own, [`toolchain`].
//! - [`build`] has Trunk build the app and page; Trunk then calls back into [`post_build`], which adds the service worker,
//!   names every file by its content and writes the precache list and the headers ([`dist`]). The phone book follows.
//!   [`budget`] weighs the result.
//! - [`wrangler`] starts the result in workerd, for a person ([`serve`]) and for the end-to-end tests ([`checks`]).
//!
//! [`sim`] is about none of this: it plays crews in virtual time, and checks that what it checks finds bugs.
//!
//! What can be got wrong without a computer noticing (the precache list, the headers, what a wasm imports, what the phone
//! book may depend on) is pure code with tests beside it.

mod budget;
mod build;
mod checks;
mod cli;
mod coverage;
mod deny;
mod deploy;
mod dist;
mod engines;
mod exec;
mod node;
mod post_build;
mod profile;
mod rest;
mod serve;
mod setup;
mod short_names;
mod sim;
mod system;
mod toolchain;
mod unchanged;
mod unused_classes;
mod versions;
mod wasm_code;
mod wasm_file;
mod wasm_layout;
mod wasm_split;
mod workspace;
mod wrangler;

use std::process::ExitCode;

fn main() -> ExitCode {
    match coverage::wrapped().unwrap_or_else(cli::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
