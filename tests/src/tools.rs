use std::env;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Where the programs and built parts are that the suite needs. `cargo xtask test` makes them and says so in the
/// environment.
#[derive(Debug, Clone)]
pub struct Tools {
    /// `wrangler`, which runs workerd.
    pub wrangler: PathBuf,
    /// A wrangler configuration with the built worker and the built app, and no build step.
    pub worker_config: PathBuf,
    /// What is served of the next version: the app built with the feature `next`.
    pub next_dist: PathBuf,
    /// Chromium.
    pub chromium: PathBuf,
    /// `chromedriver` of the same version.
    pub chromedriver: PathBuf,
    /// Firefox.
    pub firefox: PathBuf,
    /// `geckodriver`.
    pub geckodriver: PathBuf,
    /// `axe.min.js`.
    pub axe: PathBuf,
    /// Where screenshots, logs and measurements are kept.
    pub out: PathBuf,
    /// Whether every Chromium refuses changed ICE credentials.
    pub refusing: bool,
}

impl Tools {
    /// Reads the environment.
    pub fn from_env() -> Result<Self> {
        let tools = Self {
            wrangler: path("PARTYLINE_WRANGLER")?,
            worker_config: path("PARTYLINE_WORKER_CONFIG")?,
            next_dist: path("PARTYLINE_NEXT_DIST")?,
            chromium: path("PARTYLINE_CHROMIUM")?,
            chromedriver: path("PARTYLINE_CHROMEDRIVER")?,
            firefox: path("PARTYLINE_FIREFOX")?,
            geckodriver: path("PARTYLINE_GECKODRIVER")?,
            axe: path("PARTYLINE_AXE")?,
            out: path("PARTYLINE_OUT")?,
            refusing: env::var_os("PARTYLINE_REFUSING").is_some(),
        };
        for folder in [tools.screenshots(), tools.failures(), tools.logs()] {
            std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(tools)
    }

    /// Where the screens of the app are kept.
    pub fn screenshots(&self) -> PathBuf {
        self.out.join("screens")
    }

    /// Where is kept what browsers showed when a test failed.
    pub fn failures(&self) -> PathBuf {
        self.out.join("failures")
    }

    /// Where the output of drivers and servers is kept.
    pub fn logs(&self) -> PathBuf {
        self.out.join("logs")
    }

    /// Whether this process runs as root, which Chromium's sandbox refuses. A file that we made tells it.
    pub fn is_root(temporary: &Path) -> bool {
        std::fs::metadata(temporary).is_ok_and(|metadata| metadata.uid() == 0)
    }
}

fn path(variable: &str) -> Result<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from).with_context(|| {
        format!("{variable} is not set: run these tests with `cargo xtask test`, which builds the app and finds the browsers")
    })
}
