//! The command line.

use crate::checks::{Checks, Part};
use crate::{budget, build, checks, coverage, deny, deploy, post_build, profile, serve, setup, sim};
use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// Builds, runs and checks Partyline. Tools that are missing are installed on the way.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what is missing to build and run Partyline
    Setup {
        /// Also what the tests need: browsers and their drivers
        #[arg(long)]
        tests: bool,
    },
    /// Build the app, the service worker and the phone book into dist/ and worker/build/
    Build(Profile),
    /// Build, then serve the app and the phone book on one address
    Run {
        /// Port to listen on, at localhost
        #[arg(long, default_value_t = 8787)]
        port: u16,
        #[command(flatten)]
        profile: Profile,
    },
    /// Run what is quick: formatting, lints, documentation, and the tests outside a browser but for the simulation
    Check,
    /// Run every check and every test, in real browsers too
    Test {
        /// One part only; may be given more than once
        #[arg(long, value_enum)]
        only: Vec<Part>,
        /// Only tests whose name contains this
        #[arg(long)]
        filter: Option<String>,
        /// End to end with every Chromium refusing changed ICE credentials
        #[arg(long)]
        refusing: bool,
    },
    /// Run the tests outside a browser but for the simulation, and print how many lines of each crate they run
    Coverage,
    /// Check licences, duplicates and sources of all dependencies, and advisories where their database can be had
    Deny,
    /// Build, then measure first visit, sync and offline start in real browsers
    Bench {
        /// Instead, measure what keeps and merges tasks beside other libraries, so many times
        #[arg(long, value_name = "ROUNDS", num_args = 0..=1, default_missing_value = "7")]
        engines: Option<u8>,
        /// Of those, only these libraries: partyline, shipped, yjs and so on
        #[arg(long, value_name = "LIBRARY", num_args = 1.., requires = "engines")]
        only: Vec<String>,
        /// Instead, measure how costs grow with tasks and devices, and draw it into docs/growth
        #[arg(long, conflicts_with = "engines")]
        growth: bool,
        /// Instead, measure what an edit takes, in so many rounds
        #[arg(long, value_name = "ROUNDS", num_args = 0..=1, default_missing_value = "7", conflicts_with_all = ["engines", "growth"])]
        edits: Option<u8>,
    },
    /// Build, then connect real browsers across NATs and bad networks and print how that went (needs Linux and root)
    Lab {
        /// Only experiments whose name contains this
        #[arg(long)]
        filter: Option<String>,
    },
    /// Build, then have a crew of real browsers work, reload, leave and come back at random
    Soak {
        /// How many browsers
        #[arg(long, default_value_t = 4)]
        browsers: u8,
        /// How many minutes
        #[arg(long, default_value_t = 20)]
        minutes: u16,
        /// What everything random follows from
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Build, then kill a browser at random moments while its page writes, and look for what was acknowledged
    Kills {
        /// How often
        #[arg(long, default_value_t = 200)]
        times: u16,
        /// What the moments follow from
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Build, then make the pictures of the README
    Pictures,
    /// Have crews at random live in virtual time, and print the seeds that fail with the fewest steps that still do
    Sim {
        /// How many seeds
        #[arg(long, default_value_t = 100_000)]
        seeds: u64,
        /// The first of them
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Instead, put known bugs in, one after the other, and see whether each is found
        #[arg(long)]
        bugs: bool,
    },
    /// Build, then publish to Cloudflare with `wrangler deploy`
    Deploy {
        /// Do everything but publish; needs no account
        #[arg(long)]
        dry_run: bool,
    },
    /// What an editor shows: what does not compile, natively or for the browser, as cargo's messages in JSON
    #[command(hide = true)]
    Diagnostics,
    /// What Trunk calls after it has built the app
    #[command(hide = true)]
    PostBuild,
}

#[derive(Clone, Copy, Debug, Args)]
struct Profile {
    /// Without optimisation: quick to build, big and slow to run
    #[arg(long)]
    dev: bool,
}

/// Reads the command line and does what it says.
pub(crate) fn run() -> Result<()> {
    match Cli::parse().command {
        Command::Setup { tests } => {
            setup::tools()?;
            if tests {
                setup::browsers()?;
            }
            Ok(())
        }
        Command::Build(profile) => {
            let tools = setup::tools()?;
            build::all(&tools, profile.build())?;
            if profile.dev { Ok(()) } else { budget::check(&tools) }
        }
        Command::Run { port, profile } => serve::run(port, profile.build()),
        Command::Check => checks::quick(),
        Command::Test { only, filter, refusing } => checks::run(&Checks { only, filter, refusing }),
        Command::Coverage => coverage::run(),
        Command::Deny => deny::run(),
        Command::Bench { engines: Some(rounds), only, .. } => checks::engines(rounds, &only),
        Command::Bench { growth: true, .. } => checks::growth(),
        Command::Bench { edits: Some(rounds), .. } => checks::bench_edits(rounds),
        Command::Bench { .. } => checks::bench(),
        Command::Lab { filter } => checks::lab(filter.as_deref()),
        Command::Soak { browsers, minutes, seed } => checks::soak(browsers, minutes, seed),
        Command::Kills { times, seed } => checks::kills(times, seed),
        Command::Pictures => checks::pictures(),
        Command::Sim { seeds, bugs: true, .. } => sim::bugs(seeds),
        Command::Sim { seeds, from, .. } => sim::run(from, seeds),
        Command::Deploy { dry_run } => deploy::run(dry_run),
        Command::Diagnostics => checks::diagnostics(),
        Command::PostBuild => post_build::run(),
    }
}

impl Profile {
    fn build(self) -> profile::Profile {
        if self.dev { profile::Profile::Dev } else { profile::Profile::Release }
    }
}
