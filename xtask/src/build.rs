//! Building everything that is served: `dist/` by Trunk and [`crate::post_build`], `worker/build/` by worker-build.

use crate::dist::{PHONE_BOOK_V4, hex};
use crate::exec;
use crate::post_build::check_imports;
use crate::profile::Profile;
use crate::setup::Tools;
use crate::toolchain::Toolchain;
use crate::unchanged::Stamp;
use crate::versions::WASM_TARGET;
use crate::wrangler;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Builds the app with its service worker, and the phone book.
pub(crate) fn all(tools: &Tools, profile: Profile) -> Result<()> {
    all_with(tools, profile, None)
}

/// The same with this address of the phone book that has IPv4 only, whatever the environment says.
pub(crate) fn all_with(tools: &Tools, profile: Profile, phone_book_v4: Option<&str>) -> Result<()> {
    let start = Instant::now();
    app(tools, profile, phone_book_v4)?;
    worker(tools, profile)?;
    wrangler::write_configuration(tools)?;
    eprintln!("build  dist/ and worker/build/ are ready after {:.0?}", start.elapsed());
    Ok(())
}

/// Has Trunk build the app, unless all that it reads is as it was last time. Trunk calls `post-build` when it is done.
fn app(tools: &Tools, profile: Profile, phone_book_v4: Option<&str>) -> Result<()> {
    let (stamp, dist) = (app_stamp(tools, profile, phone_book_v4)?, tools.workspace.path("dist"));
    if stamp.holds(&dist) {
        eprintln!("build  app: nothing has changed");
        return Ok(());
    }
    eprintln!("build  app");
    let mut trunk = trunk(tools)?;
    if let Some(origin) = phone_book_v4 {
        trunk.env(PHONE_BOOK_V4, origin);
    }
    if profile == Profile::Release {
        Toolchain::build_std(&mut trunk);
    }
    exec::run(profile.apply(&mut trunk)).context("the app could not be built")?;
    stamp.keep(&dist)
}

/// What the app is built from.
const APP_READS: [&str; 9] =
    [".cargo", "Cargo.lock", "Cargo.toml", "Trunk.toml", "app", "core", "static", "sw/Cargo.toml", "sw/src"];

fn app_stamp(tools: &Tools, profile: Profile, phone_book_v4: Option<&str>) -> Result<Stamp> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let compiler = exec::output(tools.command("rustc")?.arg("-vV")).context("rustc cannot be asked what it is")?;
    let told = [
        profile.folder().to_owned(),
        phone_book_v4.map_or_else(|| variable(PHONE_BOOK_V4), str::to_owned),
        variable("RUSTFLAGS"),
        compiler,
        // These are named by their versions.
        format!("{:?} {:?} {:?}", tools.trunk, tools.wasm_bindgen, tools.npm("wasm-opt")),
        // What is done after Trunk.
        hash(&std::env::current_exe().context("our own program cannot be found")?)?,
    ];
    Stamp::of(tools.workspace.scratch("app")?.join("built"), tools.workspace.root(), &APP_READS, &told)
}

/// Has Trunk build the app that stands for the next version in tests: with the feature `next`, which does not compile in a
/// release.
pub(crate) fn next(tools: &Tools) -> Result<()> {
    eprintln!("build  app of the next version");
    let mut trunk = trunk(tools)?;
    trunk.args(["--features", "next", "--dist"]).arg(next_dist(tools));
    exec::run(Profile::Dev.apply(&mut trunk)).context("the app of the next version could not be built")
}

/// Where [`next`] puts it.
pub(crate) fn next_dist(tools: &Tools) -> PathBuf {
    tools.workspace.target().join("next-dist")
}

/// Trunk, about to build.
fn trunk(tools: &Tools) -> Result<Command> {
    let xtask = std::env::current_exe().context("our own program cannot be found")?;
    let mut trunk = tools.command(&tools.trunk)?;
    trunk
        .env("PARTYLINE_XTASK", &xtask)
        .env("TRUNK_SKIP_VERSION_CHECK", "true")
        // Trunk's errors say enough; where in Trunk they arose helps nobody here.
        .env("RUST_BACKTRACE", "0")
        .args(["--log", "warn", "build"]);
    Ok(trunk)
}

/// Has worker-build build the phone book, unless its wasm and the tools are the same as last time.
fn worker(tools: &Tools, profile: Profile) -> Result<()> {
    eprintln!("build  phone book");
    let folder = tools.workspace.path("worker");
    let compiled = compile_worker(tools, profile)?;
    let key = format!("{} {}", tools.worker_build.display(), hash(&compiled)?);
    let stamp = tools.workspace.scratch("worker")?.join("built");
    let built = folder.join("build/index_bg.wasm");
    if built.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|last| last == key) {
        return Ok(());
    }
    let mut worker_build = tools.command(&tools.worker_build)?;
    nameless(tools, &mut worker_build)
        .current_dir(&folder)
        .arg(if profile == Profile::Release { "--release" } else { "--dev" })
        .env("WASM_BINDGEN_BIN", &tools.wasm_bindgen)
        .env("WASM_OPT_BIN", tools.npm("wasm-opt"))
        .env("ESBUILD_BIN", tools.npm("esbuild"));
    exec::output(&mut worker_build).context("the phone book could not be built")?;
    let wasm = std::fs::read(&built).with_context(|| format!("worker-build left no {}", built.display()))?;
    check_imports(&built, &wasm)?;
    std::fs::write(&stamp, key).with_context(|| format!("{} cannot be written", stamp.display()))
}

/// Keeps the folders of this machine out of the phone book's panic messages. (The page's wasm has no such messages.)
fn nameless<'a>(tools: &Tools, command: &'a mut Command) -> &'a mut Command {
    // Sources of dependencies and of std are below these. Of two that fit, the later one counts.
    let of_variable = |name: &str| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folders = [
        (of_variable("HOME"), "home"),
        (of_variable("RUSTUP_HOME"), "rustup"),
        (of_variable("CARGO_HOME"), "cargo"),
        (Some(tools.workspace.root().to_owned()), "partyline"),
    ];
    let flags: Vec<String> = folders
        .into_iter()
        .filter_map(|(folder, name)| Some(format!("--remap-path-prefix={}={name}", folder?.display())))
        // Cargo splits the flags at spaces.
        .filter(|flag| !flag.contains(char::is_whitespace))
        .collect();
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags.join(" "))
}

/// Compiles the phone book to wasm and gives the file's path.
fn compile_worker(tools: &Tools, profile: Profile) -> Result<PathBuf> {
    let mut cargo = tools.command("cargo")?;
    nameless(tools, &mut cargo)
        // As worker-build does: the macros of wasm-bindgen read it, and the two must not undo each other's work.
        .env("WASM_BINDGEN_USE_JS_SYS", "1")
        .args(["build", "--package", "partyline-worker", "--lib", "--target", WASM_TARGET]);
    exec::run(profile.apply(&mut cargo)).context("the phone book could not be compiled")?;
    Ok(tools.workspace.target().join(WASM_TARGET).join(profile.folder()).join("partyline_worker.wasm"))
}

fn hash(file: &Path) -> Result<String> {
    let content = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(hex(&Sha256::digest(content), 64))
}
