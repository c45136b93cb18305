//! A Rust that compiles for the browser.
//!
//! Where rustup can fetch the `wasm32-unknown-unknown` target, that is all there is to it. Where it cannot reach its
//! server, Debian helps: its `rustc-web` comes with the sources of its own standard library, which we build for wasm
//! once and put where that compiler looks; the whole is linked as the rustup toolchain `wasm`.
//!
//! What is published is compiled together with std ([`Toolchain::build_std`]), so the sources of std are part of it.

use crate::exec;
use crate::system::{self, Progress};
use crate::versions::{DEBIAN_RUST, WASM_TARGET};
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The rustup toolchain that the Debian fallback is linked as.
const LINKED: &str = "wasm";

/// How std and the page are compiled in a release: every browser loads both. Measured on the page's wasm, together: 381 kB
/// in brotli without, 338 kB with. A panic then has neither message nor place; nothing of ours panics (the lints see to
/// it), and what traps all the same is found with a development build.
///
/// LLVM's loop strength reduction and partial redundancy elimination stay away. What they save in time they pay for with
/// more variables and copies of code, 4.5 kB. Equal functions are merged by wasm-opt alone, after the app's wasm is split by
/// their names: LLVM would leave one name for functions of both parts.
const LEAN: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none \
    -Cllvm-args=-disable-lsr -Cllvm-args=-enable-pre=false -Cllvm-args=-enable-load-pre=false \
    -Zmerge-functions=disabled";

/// The toolchain that compiles for the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The one that everything else is compiled with.
    Usual,
    /// The linked one.
    Linked,
}

impl Toolchain {
    /// Makes a cargo, or something that calls cargo, use this toolchain.
    pub(crate) fn apply(self, command: &mut Command) -> &mut Command {
        match self {
            Toolchain::Usual => command,
            Toolchain::Linked => command.env("RUSTUP_TOOLCHAIN", LINKED),
        }
    }

    /// Makes a cargo, or something that calls cargo, compile std along with everything else, and all of it lean.
    ///
    /// To do so is unstable, hence the bootstrap variable.
    pub(crate) fn build_std(command: &mut Command) -> &mut Command {
        command
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
            .env("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size")
            // Added to those of `.cargo/config.toml`, where `RUSTFLAGS` would replace them.
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", LEAN)
    }

    fn rustc(self) -> Command {
        let mut rustc = exec::command("rustc");
        self.apply(&mut rustc);
        rustc
    }

    /// Whether it can compile, link and test for the target. It is tried, not looked up: a folder of the right name may
    /// be half installed or be of another compiler.
    fn works(self) -> bool {
        let tests = exec::output(self.rustc().args(["--target", WASM_TARGET, "--print", "target-libdir"]))
            .is_ok_and(|folder| has_library(Path::new(folder.trim()), "test"));
        tests && self.has_sources() && self.compiles().unwrap_or(false)
    }

    /// Whether the sources of std are where cargo looks for them.
    fn has_sources(self) -> bool {
        exec::output(self.rustc().args(["--print", "sysroot"]))
            .is_ok_and(|folder| Path::new(folder.trim()).join("lib/rustlib/src/rust/library/Cargo.lock").is_file())
    }

    fn compiles(self) -> Result<bool> {
        let folder = std::env::temp_dir().join(format!("partyline-probe-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut rustc = self
            .rustc()
            .args([
                "--target",
                WASM_TARGET,
                "--edition",
                "2024",
                "--crate-type",
                "cdylib",
                "--crate-name",
                "probe",
                "-o",
            ])
            .arg(folder.join("probe.wasm"))
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut input) = rustc.stdin.take() {
            input.write_all(b"pub fn probe() -> Vec<u8> { Vec::new() }")?;
        }
        let compiles = rustc.wait()?.success();
        std::fs::remove_dir_all(&folder)?;
        Ok(compiles)
    }
}

fn has_library(folder: &Path, name: &str) -> bool {
    let prefix = format!("lib{name}-");
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
}

/// Finds a toolchain for the browser, or makes one.
pub(crate) fn ensure(progress: &Progress) -> Result<Toolchain> {
    let purpose = "compiles Rust for the browser";
    for toolchain in [Toolchain::Usual, Toolchain::Linked] {
        if toolchain.works() {
            progress.present(WASM_TARGET, purpose);
            return Ok(toolchain);
        }
    }
    if exec::find("rustup").is_none() {
        bail!(
            "Rust here cannot compile for {WASM_TARGET}, and there is no rustup to add it.\n\
             Install rustup (https://rustup.rs), or the package of your system with Rust's standard library for \
             {WASM_TARGET}, and try again."
        );
    }
    progress.installing(WASM_TARGET, purpose, "with rustup");
    let by_rustup = exec::output(exec::command("rustup").args(["target", "add", WASM_TARGET]))
        .and_then(|_| exec::output(exec::command("rustup").args(["component", "add", "rust-src"])));
    if by_rustup.is_ok() && Toolchain::Usual.works() {
        return Ok(Toolchain::Usual);
    }
    progress.installing(WASM_TARGET, purpose, "from Debian's sources, as rustup could not (about 2 minutes)");
    from_debian().with_context(|| {
        let rustup = by_rustup.err().map_or_else(
            || format!("`rustup target add {WASM_TARGET}` and `rustup component add rust-src` succeeded, yet nothing compiles"),
            |e| e.to_string(),
        );
        format!(
            "no way to compile for {WASM_TARGET} was found.\n\
             Tried first: {rustup}\n\
             Tried next, Debian's packages {}; why that failed is said below.\n\
             Either will do: a connection to https://static.rust-lang.org, or Debian with root or sudo",
            DEBIAN_RUST.join(", ")
        )
    })?;
    if !Toolchain::Linked.works() {
        bail!("the toolchain `{LINKED}` was built from Debian's sources but does not compile for {WASM_TARGET}");
    }
    Ok(Toolchain::Linked)
}

/// Builds the standard library with Debian's compiler and links the two as a toolchain.
fn from_debian() -> Result<()> {
    system::apt_install(&DEBIAN_RUST)?;
    exec::output(exec::command("rustup").args(["toolchain", "link", LINKED, "/usr"]))?;
    let sysroot = exec::output(Toolchain::Linked.rustc().args(["--print", "sysroot"]))?;
    let rustlib = Path::new(sysroot.trim()).join("lib/rustlib");
    let about = exec::output(Toolchain::Linked.rustc().arg("-vV"))?;

    // The linker that the target asks for by name.
    let linkers = rustlib.join(host(&about)?).join("bin");
    as_root(["mkdir", "-p"], &[&linkers])?;
    as_root(["ln", "-sf"], &[Path::new("/usr/bin/lld"), &linkers.join("rust-lld")])?;

    // The libraries appear in one move, so that an interruption leaves either none or all of them.
    let built = build_std()?;
    let target = rustlib.join(WASM_TARGET);
    let incoming = target.join("lib.incoming");
    as_root(["rm", "-rf"], &[&incoming, &target.join("lib")])?;
    as_root(["mkdir", "-p"], &[&incoming])?;
    let libraries: Vec<&Path> = built.libraries.iter().map(PathBuf::as_path).collect();
    as_root(["cp", "--target-directory"], &[&[incoming.as_path()], libraries.as_slice()].concat())?;
    as_root(["mv", "-T"], &[&incoming, &target.join("lib")])?;
    std::fs::remove_dir_all(&built.folder).context("the folder that the standard library was built in stays behind")
}

struct BuiltStd {
    folder: PathBuf,
    libraries: Vec<PathBuf>,
}

/// Has cargo build std for wasm as the dependency of an empty crate.
fn build_std() -> Result<BuiltStd> {
    let folder = std::env::temp_dir().join(format!("partyline-std-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("src"))?;
    std::fs::write(folder.join("src/lib.rs"), "")?;
    std::fs::write(
        folder.join("Cargo.toml"),
        "[package]\nname = \"seed\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [profile.release]\npanic = \"abort\"\n\n[workspace]\n",
    )?;
    let mut cargo = exec::command("cargo");
    // Bitcode, so that our own crates can be linked with it across crates. `build-std` is unstable, hence the bootstrap.
    Toolchain::Linked
        .apply(&mut cargo)
        .current_dir(&folder)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .args(["build", "--release", "--target", WASM_TARGET, "-Zbuild-std=std,panic_abort,test"]);
    exec::output(&mut cargo)?;
    let built = folder.join("target").join(WASM_TARGET).join("release/deps");
    let mut libraries = Vec::new();
    for entry in std::fs::read_dir(&built).with_context(|| format!("{} cannot be read", built.display()))? {
        let path = entry?.path();
        let ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libseed"));
        if !ours && path.extension().is_some_and(|extension| extension == "rlib") {
            libraries.push(path);
        }
    }
    Ok(BuiltStd { folder, libraries })
}

/// The host's name in what `rustc -vV` says.
fn host(verbose_version: &str) -> Result<&str> {
    verbose_version.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")
}

fn as_root<const N: usize>(words: [&str; N], paths: &[&Path]) -> Result<()> {
    let mut command = system::root_command(&words)?;
    exec::output(command.args(paths)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_host_of_a_compiler() {
        let said =
            "rustc 1.96.0 (ac68faa20 2026-05-25)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.96.0\n";
        assert_eq!(host(said).unwrap(), "x86_64-unknown-linux-gnu");
    }

    #[test]
    fn only_the_fallback_asks_for_another_toolchain() {
        let chosen = |toolchain: Toolchain| {
            let mut command = Command::new("cargo");
            toolchain.apply(&mut command);
            command.get_envs().any(|(name, value)| name == "RUSTUP_TOOLCHAIN" && value.is_some())
        };
        assert!(!chosen(Toolchain::Usual));
        assert!(chosen(Toolchain::Linked));
    }
}
