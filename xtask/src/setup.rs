//! Finding the tools, and installing those that are missing.
//!
//! A tool is looked for in our own folder first, then on `PATH` at its exact version, and only then installed. Our folder
//! is `$PARTYLINE_TOOLS`, or `partyline/tools` in the user's cache: outside the work tree, so that a fresh clone finds
//! what an older one installed. Every installation is made beside its place and moved there when it is complete, so what
//! is there is whole.

use crate::exec;
use crate::node;
use crate::system::{Progress, apt_install};
use crate::toolchain::{self, Toolchain};
use crate::versions::{self, CargoTool, NpmPackage};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What building and running needs.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// Where things are in the work tree.
    pub(crate) workspace: Workspace,
    /// What compiles for the browser.
    pub(crate) toolchain: Toolchain,
    /// Trunk.
    pub(crate) trunk: PathBuf,
    /// The program of wasm-bindgen-cli.
    pub(crate) wasm_bindgen: PathBuf,
    /// worker-build.
    pub(crate) worker_build: PathBuf,
    /// Folder of the programs that npm installed.
    npm: PathBuf,
}

impl Tools {
    /// A program that npm installed.
    pub(crate) fn npm(&self, program: &str) -> PathBuf {
        self.npm.join("node_modules/.bin").join(program)
    }

    /// The test runner that comes with wasm-bindgen-cli.
    pub(crate) fn wasm_bindgen_test_runner(&self) -> PathBuf {
        self.wasm_bindgen.with_file_name("wasm-bindgen-test-runner")
    }

    /// A command at the top of the work tree that finds our tools first, and compiles wasm with the right toolchain.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command> {
        let mut command = exec::command(program);
        self.toolchain.apply(&mut command).current_dir(self.workspace.root()).env("PATH", self.path()?);
        Ok(command)
    }

    fn path(&self) -> Result<OsString> {
        let ours = [&self.trunk, &self.wasm_bindgen, &self.worker_build].into_iter().filter_map(|tool| tool.parent());
        let npm = self.npm.join("node_modules/.bin");
        let usual = std::env::var_os("PATH").unwrap_or_default();
        let folders = ours.map(Path::to_owned).chain([npm]).chain(std::env::split_paths(&usual));
        std::env::join_paths(folders).context("the folder of the tools has a name that cannot stand in PATH")
    }
}

/// What the tests need besides.
#[derive(Clone, Debug)]
pub(crate) struct Browsers {
    /// Chromium.
    pub(crate) chromium: PathBuf,
    /// What drives it.
    pub(crate) chromedriver: PathBuf,
    /// Firefox.
    pub(crate) firefox: PathBuf,
    /// What drives it.
    pub(crate) geckodriver: PathBuf,
    /// axe-core, one script.
    pub(crate) axe: PathBuf,
}

/// Finds or installs what building and running needs, with a line for each.
pub(crate) fn tools() -> Result<Tools> {
    find_tools(Progress::new(false))
}

/// The same without a word about what is present.
pub(crate) fn tools_quietly() -> Result<Tools> {
    find_tools(Progress::new(true))
}

fn find_tools(progress: Progress) -> Result<Tools> {
    let workspace = Workspace::find()?;
    node::check()?;
    let folder = tools_folder()?;
    let toolchain = toolchain::ensure(&progress)?;
    let bindgen_version = workspace.locked_version("wasm-bindgen")?;
    let bindgen = CargoTool { version: None, ..versions::WASM_BINDGEN };
    Ok(Tools {
        trunk: cargo_tool(&folder, versions::TRUNK, None, &progress)?,
        wasm_bindgen: cargo_tool(&folder, bindgen, Some(&bindgen_version), &progress)?,
        worker_build: cargo_tool(&folder, versions::WORKER_BUILD, None, &progress)?,
        npm: npm_packages(&folder, &versions::NPM, &progress)?,
        workspace,
        toolchain,
    })
}

/// Finds or installs what the tests need besides.
pub(crate) fn browsers() -> Result<Browsers> {
    let progress = Progress::new(false);
    let folder = tools_folder()?;
    let axe = npm_packages(&folder, &versions::NPM_FOR_TESTS, &progress)?;
    network_lab(&progress);
    Ok(Browsers {
        chromium: browser(
            "PARTYLINE_CHROMIUM",
            &["chromium", "chromium-browser", "google-chrome"],
            "chromium",
            &progress,
        )?,
        chromedriver: browser("PARTYLINE_CHROMEDRIVER", &["chromedriver"], "chromium-driver", &progress)?,
        firefox: browser("PARTYLINE_FIREFOX", &["firefox-esr", "firefox"], "firefox-esr", &progress)?,
        geckodriver: match std::env::var_os("PARTYLINE_GECKODRIVER") {
            Some(path) => path.into(),
            None => cargo_tool(&folder, versions::GECKODRIVER, None, &progress)?,
        },
        axe: axe.join("node_modules/axe-core/axe.min.js"),
    })
}

/// The programs that put NATs between browsers, and Debian's packages that bring them.
const NETWORK_LAB: [(&str, &str); 2] = [("ip", "iproute2"), ("iptables-restore", "iptables")];

/// Finds or installs what the tests across NATs need. Where that cannot be had, those tests are left out and counted at
/// the end: all others can run.
fn network_lab(progress: &Progress) {
    let purpose = "puts NATs between browsers";
    if !cfg!(target_os = "linux") {
        return progress.unavailable("network lab", purpose, "it takes network namespaces, which only Linux has");
    }
    for (program, package) in NETWORK_LAB {
        if exec::find(program).is_some() {
            progress.present(package, purpose);
            continue;
        }
        progress.installing(package, purpose, "with apt");
        if let Err(error) = apt_install(&[package]) {
            progress.unavailable(package, purpose, &format!("{error:#}"));
        }
    }
}

/// Finds or installs the libraries that ours is measured beside.
pub(crate) fn libraries() -> Result<PathBuf> {
    npm_packages(&tools_folder()?, &versions::NPM_FOR_ENGINES, &Progress::new(false))
}

/// Finds or builds a tool that one command alone needs.
pub(crate) fn tool(tool: CargoTool) -> Result<PathBuf> {
    cargo_tool(&tools_folder()?, tool, None, &Progress::new(true))
}

/// Where our tools are kept.
fn tools_folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("PARTYLINE_TOOLS")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("partyline/tools")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/partyline/tools")))
        .context("there is no folder to keep tools in: set PARTYLINE_TOOLS, XDG_CACHE_HOME or HOME")?;
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("the tools are kept in {}, which cannot be made", folder.display()))?;
    Ok(folder)
}

/// Finds or builds one of the tools at crates.io, and gives the path of its program.
fn cargo_tool(folder: &Path, tool: CargoTool, locked: Option<&str>, progress: &Progress) -> Result<PathBuf> {
    let version = tool.version.or(locked).context("a tool without a version")?;
    let name = format!("{} {version}", tool.package);
    let home = folder.join(format!("{}-{version}", tool.package));
    let program = home.join("bin").join(tool.program);
    if program.is_file() {
        progress.present(&name, tool.purpose);
        return Ok(program);
    }
    if let Some(found) = exec::find(tool.program).filter(|found| says_version(found, version)) {
        progress.present(&name, tool.purpose);
        return Ok(found);
    }
    progress.installing(&name, tool.purpose, &format!("with cargo (about {} minutes)", tool.minutes));
    let incoming = Incoming::beside(&home)?;
    let install = |locked: bool| {
        let mut cargo = exec::command("cargo");
        cargo
            .current_dir(folder)
            .args(["install", tool.package, "--version", &format!("={version}"), "--root"])
            .arg(incoming.path())
            // A tool that runs for seconds need not be built for minutes.
            .envs([("CARGO_PROFILE_RELEASE_LTO", "off"), ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")])
            .envs([("CARGO_PROFILE_RELEASE_DEBUG", "0"), ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")]);
        if locked {
            cargo.arg("--locked");
        }
        exec::output(&mut cargo)
    };
    // A published lock file may name a dependency that its registry no longer serves.
    if let Err(locked) = install(true)
        && let Err(unlocked) = install(false)
    {
        bail!(
            "{name} could not be installed. cargo needs crates.io and a C compiler for it.\n\
             Tried first: {locked}\nTried next, with newer dependencies: {unlocked}"
        );
    }
    incoming.complete()?;
    Ok(program)
}

fn says_version(program: &Path, version: &str) -> bool {
    exec::output(exec::command(program).arg("--version"))
        .is_ok_and(|said| said.split_whitespace().any(|word| word == version))
}

/// Finds or installs a set of packages from npm, and gives the folder that `node_modules` is in.
fn npm_packages(folder: &Path, packages: &[NpmPackage], progress: &Progress) -> Result<PathBuf> {
    let home = folder.join(npm_folder(packages));
    if home.is_dir() {
        for package in packages {
            progress.present(&format!("{} {}", package.name, package.version), package.purpose);
        }
        return Ok(home);
    }
    for package in packages {
        progress.installing(&format!("{} {}", package.name, package.version), package.purpose, "with npm");
    }
    let incoming = Incoming::beside(&home)?;
    std::fs::write(incoming.path().join("package.json"), "{ \"private\": true }\n")?;
    let mut npm = exec::command("npm");
    npm.current_dir(incoming.path()).args(["install", "--save-exact", "--no-audit", "--no-fund", "--loglevel=error"]);
    npm.args(packages.iter().map(|package| format!("{}@{}", package.name, package.version)));
    exec::output(&mut npm).context("packages from npm could not be installed; npm needs https://registry.npmjs.org")?;
    incoming.complete()?;
    Ok(home)
}

/// A folder name that changes with the list.
fn npm_folder(packages: &[NpmPackage]) -> String {
    let mut hash = Sha256::new();
    for package in packages {
        hash.update(format!("{}@{}\n", package.name, package.version));
    }
    format!("npm-{}", crate::dist::hex(&hash.finalize(), 10))
}

/// A folder that is filled out of sight and then moved to its place.
#[derive(Debug)]
struct Incoming {
    path: PathBuf,
    home: PathBuf,
}

impl Incoming {
    fn beside(home: &Path) -> Result<Incoming> {
        let name = home.file_name().unwrap_or_default().to_string_lossy();
        let path = home.with_file_name(format!(".incoming-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Incoming { path, home: home.to_owned() })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to its place. A folder there holds no program that we found, so it is what is left of a broken one.
    fn complete(&self) -> Result<()> {
        if self.home.exists() {
            std::fs::remove_dir_all(&self.home)
                .with_context(|| format!("{} is in the way and cannot be removed", self.home.display()))?;
        }
        std::fs::rename(&self.path, &self.home)
            .with_context(|| format!("{} could not be moved to {}", self.path.display(), self.home.display()))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // After `complete` there is nothing left to remove; before it, this is what an error leaves behind.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Finds a browser or its driver, or installs it where there is apt.
fn browser(variable: &str, programs: &[&str], package: &str, progress: &Progress) -> Result<PathBuf> {
    let purpose = "tests run in it";
    if let Some(path) = std::env::var_os(variable).map(PathBuf::from) {
        if !path.is_file() {
            bail!("{variable} is {}, which is no file", path.display());
        }
        progress.present(package, purpose);
        return Ok(path);
    }
    let find = || programs.iter().find_map(|program| exec::find(program));
    if let Some(path) = find() {
        progress.present(package, purpose);
        return Ok(path);
    }
    progress.installing(package, purpose, "with apt");
    apt_install(&[package]).with_context(|| format!("install {package} by hand, or set {variable} to its path"))?;
    find().with_context(|| format!("apt installed {package}, yet none of {} is on PATH", programs.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("partyline-setup-test-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn an_interrupted_installation_does_not_look_installed() {
        let folder = scratch("interrupted");
        let home = folder.join("tool-1.0.0");
        {
            let incoming = Incoming::beside(&home).unwrap();
            std::fs::write(incoming.path().join("half"), "").unwrap();
            assert!(!home.exists());
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing stays behind");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_complete_installation_replaces_what_is_left_of_a_broken_one() {
        let folder = scratch("complete");
        let home = folder.join("tool-1.0.0");
        std::fs::create_dir_all(home.join("remains")).unwrap();
        let incoming = Incoming::beside(&home).unwrap();
        std::fs::write(incoming.path().join("whole"), "").unwrap();
        incoming.complete().unwrap();
        drop(incoming);
        assert!(home.join("whole").is_file() && !home.join("remains").exists());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn another_version_from_npm_is_kept_in_another_folder() {
        let package = |version| NpmPackage { name: "wrangler", version, purpose: "" };
        assert_ne!(npm_folder(&[package("4.86.0")]), npm_folder(&[package("4.87.0")]));
        assert_eq!(npm_folder(&[package("4.86.0")]), npm_folder(&[package("4.86.0")]));
    }
}
