//! `cargo xtask coverage`: how many lines of each crate the native tests run.
//!
//! rustc counts (`-C instrument-coverage`), and LLVM's tools tell what was counted. Only our own crates are compiled for
//! it, by way of `RUSTC_WORKSPACE_WRAPPER`, for which cargo keeps artefacts of their own: dependencies are those of every
//! other test. The wrapper is this program.

use crate::checks;
use crate::exec;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Tells this program that it is the wrapper.
const WRAPPER: &str = "PARTYLINE_COVERAGE_WRAPPER";

/// The component of a toolchain that LLVM's tools are in.
const COMPONENT: &str = "llvm-tools";

/// Runs the native tests but for the simulation, and prints the figures.
pub(crate) fn run() -> Result<()> {
    let workspace = Workspace::find()?;
    let tools = llvm_tools(&workspace)?;
    let counts = workspace.scratch("coverage")?;
    std::fs::remove_dir_all(&counts)?;
    let counts = workspace.scratch("coverage")?;
    // A copy: building the workspace builds this program anew, counting.
    let this = workspace.scratch("coverage-wrapper")?.join("xtask");
    std::fs::copy(std::env::current_exe().context("this program does not know where it is")?, &this)?;
    let cargo = || {
        let mut cargo = checks::native_test(&workspace, &[checks::SIMULATION]);
        cargo.env("RUSTC_WORKSPACE_WRAPPER", &this).env(WRAPPER, "1");
        // A file for each program and process; the tests of `setup` and others begin programs of their own.
        cargo.env("LLVM_PROFILE_FILE", counts.join("%m-%p.profraw"));
        cargo
    };
    let built = exec::output(cargo().args(["--no-run", "--message-format=json"]))?;
    exec::run(&mut cargo())?;
    let merged = counts.join("all.profdata");
    exec::run(
        exec::command(tools.join("llvm-profdata")).args(["merge", "--sparse", "--output"]).arg(&merged).arg(&counts),
    )?;
    let mut export = exec::command(tools.join("llvm-cov"));
    export.args(["export", "--format=lcov", "--instr-profile"]).arg(&merged);
    for program in programs(&built) {
        export.arg("--object").arg(program);
    }
    let lines = by_crate(&exec::output(&mut export)?, workspace.root());
    println!("\n{}", table(&lines));
    Ok(())
}

/// As cargo's wrapper, runs rustc with counting; `None` if this is no such call.
pub(crate) fn wrapped() -> Option<Result<()>> {
    std::env::var_os(WRAPPER)?;
    let mut arguments = std::env::args_os().skip(1);
    // Without a compiler in front it is a person who has set the variable.
    let compiler = arguments.next().filter(is_rustc)?;
    let mut rustc = std::process::Command::new(compiler);
    Some(exec::run(rustc.args(arguments).args(["-C", "instrument-coverage"])))
}

fn is_rustc(program: &OsString) -> bool {
    Path::new(program).file_stem().is_some_and(|name| name == "rustc")
}

/// The folder of LLVM's tools in the toolchain that compiles: their formats must be the compiler's.
fn llvm_tools(workspace: &Workspace) -> Result<PathBuf> {
    let rustc = |arguments: &[&str]| exec::output(exec::command("rustc").current_dir(workspace.root()).args(arguments));
    let sysroot = rustc(&["--print", "sysroot"])?;
    let version = rustc(&["--version", "--verbose"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let folder = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin");
    if !folder.join("llvm-cov").is_file() {
        let added =
            exec::output(exec::command("rustup").current_dir(workspace.root()).args(["component", "add", COMPONENT]));
        if let Err(error) = added {
            bail!("coverage takes {COMPONENT}, which rustup cannot bring here:\n{error:#}");
        }
    }
    Ok(folder)
}

/// The programs that cargo has built to be run, from its messages.
fn programs(messages: &str) -> Vec<String> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| Some(message.get("executable")?.as_str()?.to_owned())).collect()
}

/// Lines that can be run, and how many of them were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lines {
    all: u64,
    run: u64,
}

/// The lines of each crate below a folder, from a report in lcov's format. Tests are not counted as what they test.
fn by_crate(report: &str, root: &Path) -> BTreeMap<String, Lines> {
    let mut crates: BTreeMap<String, Lines> = BTreeMap::new();
    let mut file: Option<(String, u64)> = None;
    for line in report.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = crate_of(Path::new(path), root).map(|name| (name, tests_begin(Path::new(path))));
        }
        let Some((name, end)) = &file else { continue };
        let counted = line.strip_prefix("DA:").and_then(|line| line.split_once(','));
        let Some((Ok(number), Ok(times))) =
            counted.map(|(number, times)| (number.parse::<u64>(), times.parse::<u64>()))
        else {
            continue;
        };
        if number < *end {
            let lines = crates.entry(name.clone()).or_default();
            lines.all += 1;
            lines.run += u64::from(times > 0);
        }
    }
    crates
}

/// The folder of the crate whose sources a file belongs to; none for tests and for what is not ours.
fn crate_of(path: &Path, root: &Path) -> Option<String> {
    let place = path.strip_prefix(root).ok()?.to_str()?;
    let (folder, rest) = place.split_once("/src/")?;
    let is_test = |name: &str| rest.ends_with(name);
    (!["tests.rs", "fixture.rs", "golden.rs"].into_iter().any(is_test)).then(|| folder.to_owned())
}

/// The line where a file's tests begin.
fn tests_begin(path: &Path) -> u64 {
    let source = std::fs::read_to_string(path).unwrap_or_default();
    match source.split_once("\n#[cfg(test)]\nmod tests") {
        Some((code, _)) => code.lines().count() as u64 + 1,
        None => u64::MAX,
    }
}

fn table(crates: &BTreeMap<String, Lines>) -> String {
    let lines = crates.iter().map(|(name, lines)| {
        let percent = lines.run as f64 * 100.0 / lines.all.max(1) as f64;
        format!("{name:<16} {:>6} of {:>6} lines run {percent:>6.1} %", lines.run, lines.all)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_crate_and_tests_are_not() {
        let root = std::env::temp_dir().join(format!("partyline-coverage-{}", std::process::id()));
        std::fs::create_dir_all(root.join("core/src")).unwrap();
        std::fs::write(root.join("core/src/a.rs"), "fn a() {}\nfn b() {}\n\n#[cfg(test)]\nmod tests {\n}\n").unwrap();
        let at = |path: &str| root.join(path).to_str().unwrap().to_owned();
        let report = format!(
            "SF:{}\nDA:1,3\nDA:2,0\nDA:5,7\nend_of_record\nSF:{}\nDA:1,1\nSF:/elsewhere/src/b.rs\nDA:1,1\nSF:{}\nDA:9,0\n",
            at("core/src/a.rs"),
            at("sw/tests/service.rs"),
            at("app/scan/src/lib.rs")
        );
        let lines = by_crate(&report, &root);
        std::fs::remove_dir_all(&root).unwrap();
        let expected = [("app/scan", Lines { all: 1, run: 0 }), ("core", Lines { all: 2, run: 1 })];
        assert_eq!(lines, expected.map(|(name, lines)| (name.to_owned(), lines)).into());
        assert!(table(&lines).contains("core                  1 of      2 lines run   50.0 %"), "{}", table(&lines));
    }

    #[test]
    fn programs_are_found_in_cargos_messages() {
        let messages =
            "{\"reason\":\"compiler-artifact\",\"executable\":\"/target/a\"}\n{\"executable\":null}\nno JSON\n";
        assert_eq!(programs(messages), ["/target/a"]);
    }
}
