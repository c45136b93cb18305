//! `cargo xtask check`, `cargo xtask test` and `cargo xtask bench`.
//!
//! Every check runs, also after one has failed, and the failed ones are named once more at the end. What the test
//! runners print goes through untouched.

use crate::build;
use crate::profile::Profile;
use crate::setup::{self, Browsers, Tools};
use crate::versions::WASM_TARGET;
use crate::workspace::Workspace;
use crate::{budget, engines, exec, wrangler};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A part of `cargo xtask test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Formatting, lints, and the tests that run outside a browser
    Native,
    /// Tests compiled to wasm, in Chromium and Firefox
    Wasm,
    /// The phone book in workerd, and whole browsers against it
    E2e,
}

/// What to check.
#[derive(Debug)]
pub(crate) struct Checks {
    /// These parts, or all.
    pub(crate) only: Vec<Part>,
    /// Tests whose name contains this, or all.
    pub(crate) filter: Option<String>,
    /// Every Chromium of the end-to-end tests refuses changed ICE credentials.
    pub(crate) refusing: bool,
}

/// The crates whose code runs in a browser, and that may have tests that do.
const BROWSER_CRATES: [&str; 3] = ["core", "sw", "app"];

/// Runs the checks and says how they went.
pub(crate) fn run(checks: &Checks) -> Result<()> {
    let wants = |part| checks.only.is_empty() || checks.only.contains(&part);
    let filter = checks.filter.as_deref();
    let mut report = Report::default();
    // A browser that is missing is found out now, and not after minutes of building.
    let tools = setup::tools()?;
    let browsers = if wants(Part::Wasm) || wants(Part::E2e) { Some(setup::browsers()?) } else { None };
    if wants(Part::Native) {
        native(&tools, filter, &mut report);
    }
    if let Some(browsers) = &browsers {
        if wants(Part::Wasm) {
            in_browsers(&tools, browsers, filter, &mut report)?;
        }
        if wants(Part::E2e) {
            end_to_end(&tools, browsers, checks, &mut report)?;
        }
    }
    report.finish()
}

/// Runs what takes seconds where little has changed: for between two edits. It needs nothing but a compiler.
pub(crate) fn quick() -> Result<()> {
    let workspace = Workspace::find()?;
    let mut report = Report::default();
    formatting_and_lints(&workspace, &mut report);
    report.check("documentation", || {
        let mut doc = cargo(&workspace, "doc");
        doc.args(["--all-features", "--no-deps", "--document-private-items"]);
        // What is private is documented too, and may be linked to.
        exec::run(doc.env("RUSTDOCFLAGS", "--deny warnings --allow rustdoc::private_intra_doc_links"))
    });
    report.check("native tests", || native_tests(&workspace, &[SIMULATION], None));
    report.finish()
}

/// The packages that are compiled to wasm.
const WASM_PACKAGES: [&str; 5] =
    ["partyline-app", "partyline-core", "partyline-scan", "partyline-sw", "partyline-worker"];

/// Checks the whole workspace natively, and what is compiled to wasm for that target, and prints cargo's messages.
pub(crate) fn diagnostics() -> Result<()> {
    let workspace = Workspace::find()?;
    let mut native = cargo(&workspace, "check");
    native.args(["--all-features", "--all-targets", "--keep-going", "--message-format=json"]);
    let mut wasm = exec::command("cargo");
    wasm.current_dir(workspace.root()).args([
        "check",
        "--target",
        WASM_TARGET,
        "--keep-going",
        "--message-format=json",
    ]);
    wasm.args(WASM_PACKAGES.iter().flat_map(|package| ["--package", package]));
    // One that fails has said so in its messages, and the other one has more to say.
    let native = exec::run(&mut native);
    exec::run(&mut wasm).and(native)
}

/// Builds and measures.
pub(crate) fn bench() -> Result<()> {
    measure("bench", &[])?;
    native_bench("partyline-core", "crew", &[])
}

/// Builds, and measures what an edit takes.
pub(crate) fn bench_edits(rounds: u8) -> Result<()> {
    measure("bench", &[rounds.to_string()])
}

/// Measures how costs grow, and draws it.
pub(crate) fn growth() -> Result<()> {
    let folder = Workspace::find()?.path("docs/growth");
    native_bench("partyline-sw", "growth", &["--plots", &folder.to_string_lossy()])
}

/// Runs a benchmark that needs no browser.
fn native_bench(package: &str, bench: &str, arguments: &[&str]) -> Result<()> {
    let mut cargo = exec::command("cargo");
    cargo.current_dir(Workspace::find()?.root());
    cargo.args(["bench", "--locked", "--profile", "native", "--package", package, "--bench", bench, "--"]);
    exec::run(cargo.args(arguments))
}

/// Measures our engine beside other libraries; of all these, or of some.
pub(crate) fn engines(rounds: u8, only: &[String]) -> Result<()> {
    let tools = setup::tools()?;
    let browsers = setup::browsers()?;
    build::all(&tools, Profile::Release)?;
    let folder = engines::build(&tools)?;
    let mut cargo = exec::command("cargo");
    cargo.current_dir(tools.workspace.root());
    cargo.args(["run", "--locked", "--package", "partyline-tests", "--bin", "engines", "--", &rounds.to_string()]);
    cargo.args(only);
    let visit = budget::first_visit(&tools)?.to_string();
    let told = tell(&mut cargo, &tools, &browsers)?.env("PARTYLINE_ENGINES", folder);
    exec::run(told.env("PARTYLINE_FIRST_VISIT", visit))
}

/// Builds and connects browsers across NATs and bad networks.
pub(crate) fn lab(filter: Option<&str>) -> Result<()> {
    measure_with("lab", filter.map(str::to_owned).as_slice(), Some(LAB_PHONE_BOOK_V4))
}

/// Builds and has a crew of browsers go on for a while.
pub(crate) fn soak(browsers: u8, minutes: u16, seed: u64) -> Result<()> {
    measure("soak", &[browsers.to_string(), minutes.to_string(), seed.to_string()])
}

/// Builds and kills browsers while they write.
pub(crate) fn kills(times: u16, seed: u64) -> Result<()> {
    measure("kills", &[times.to_string(), seed.to_string()])
}

/// Builds and takes pictures.
pub(crate) fn pictures() -> Result<()> {
    measure("pictures", &[Workspace::find()?.path("static/docs").display().to_string()])
}

/// Where the first phone book of a lab is reached by IPv4, see `tests/src/network`.
const LAB_PHONE_BOOK_V4: &str = "http://198.18.0.2:8001";

/// Builds and runs one of the programs beside the tests.
fn measure(program: &str, arguments: &[String]) -> Result<()> {
    measure_with(program, arguments, None)
}

/// The same with this address of the phone book that has IPv4 only.
fn measure_with(program: &str, arguments: &[String], phone_book_v4: Option<&str>) -> Result<()> {
    let tools = setup::tools()?;
    let browsers = setup::browsers()?;
    build::all_with(&tools, Profile::Release, phone_book_v4)?;
    let mut cargo = exec::command("cargo");
    cargo.current_dir(tools.workspace.root());
    cargo.args(["run", "--locked", "--package", "partyline-tests", "--bin", program, "--"]).args(arguments);
    exec::run(tell(&mut cargo, &tools, &browsers)?)
}

/// The test targets that need more than a compiler: `cargo test --test NAME`.
const PHONE_BOOK_TESTS: &str = "contract";
const END_TO_END_TESTS: &str = "e2e";

/// The test target that plays crews in virtual time, which takes as long as one likes.
pub(crate) const SIMULATION: &str = "simulation";

/// The groups of tests for which it makes least difference whether Chromium refuses changed credentials. `--refusing` runs
/// them too.
const SAME_IF_REFUSED: [&str; 34] = [
    "apart::",
    "backups::",
    "beside::",
    "boundary::",
    "bulk::",
    "by_hand::",
    "calendar::",
    "clocks::",
    "comments::",
    "diagnostics::",
    "drafts::",
    "drops::",
    "finding::",
    "first_contact::",
    "hands::",
    "kills::",
    "long_list::",
    "notes::",
    "own_order::",
    "peers::",
    "phone_book_gone::",
    "quick_add::",
    "rooms::",
    "screens::",
    "secret::",
    "sections::",
    "share::",
    "sharing::",
    "soak::",
    "subtasks::",
    "task_links::",
    "undo::",
    "versions::",
    "visit::",
];

/// Cargo over the whole workspace. Always with all packages and the same features, also where one would do: cargo then
/// builds the dependencies once, and not once for each set of packages.
fn cargo(workspace: &Workspace, subcommand: &str) -> Command {
    let mut cargo = exec::command("cargo");
    cargo.current_dir(workspace.root()).args([subcommand, "--workspace"]);
    cargo
}

/// `cargo test` over the whole workspace, of what is released: without the feature `next`.
fn cargo_test(workspace: &Workspace) -> Command {
    let mut test = cargo(workspace, "test");
    test.args(["--features", "partyline-worker/contract"]);
    test
}

/// Formatting, lints, and the tests of all crates that need no browser and no workerd.
fn native(tools: &Tools, filter: Option<&str>, report: &mut Report) {
    if filter.is_none() {
        formatting_and_lints(&tools.workspace, report);
    }
    report.check("native tests", || native_tests(&tools.workspace, &[], filter));
    // Of core only, which is the crate with an interface to show examples of. For `--doc` cargo leaves out what the tests
    // depend on, so with the whole workspace it would build most dependencies once more.
    report.check("examples in documentation", || {
        let mut test = exec::command("cargo");
        test.current_dir(tools.workspace.root()).args(["test", "--package", "partyline-core", "--doc"]).args(filter);
        exec::run(&mut test)
    });
}

fn formatting_and_lints(workspace: &Workspace, report: &mut Report) {
    report.check("formatting", || {
        let mut cargo = exec::command("cargo");
        exec::run(cargo.current_dir(workspace.root()).args(["fmt", "--all", "--check"]))
    });
    report.check("lints", || {
        let mut clippy = cargo(workspace, "clippy");
        exec::run(clippy.args(["--all-features", "--all-targets", "--", "--deny", "warnings"]))
    });
}

/// The tests of all crates that need no browser and no workerd, but for the targets of these names.
fn native_tests(workspace: &Workspace, without: &[&str], filter: Option<&str>) -> Result<()> {
    exec::run(native_test(workspace, without).arg("--no-fail-fast").args(filter))
}

/// `cargo test` of these.
pub(crate) fn native_test(workspace: &Workspace, without: &[&str]) -> Command {
    let mut test = cargo_test(workspace);
    test.args(["--lib", "--bins"]);
    for name in workspace.test_files() {
        if ![PHONE_BOOK_TESTS, END_TO_END_TESTS].contains(&name.as_str()) && !without.contains(&name.as_str()) {
            test.args(["--test", name]);
        }
    }
    test
}

/// The tests compiled to wasm, in Chromium and in Firefox.
fn in_browsers(tools: &Tools, browsers: &Browsers, filter: Option<&str>, report: &mut Report) -> Result<()> {
    let suites = browser_suites(tools.workspace.root())?;
    if suites.is_empty() {
        report.skip("tests in browsers", "no file of tests uses wasm_bindgen_test");
    }
    let chromium = json!({ "goog:chromeOptions": {
        "binary": browsers.chromium,
        // The runner adds what headless and root need.
        "args": ["disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-sync"],
    } });
    let firefox = json!({ "moz:firefoxOptions": { "binary": browsers.firefox } });
    for (browser, driver, program, capabilities) in [
        ("Chromium", "CHROMEDRIVER", &browsers.chromedriver, chromium),
        ("Firefox", "GECKODRIVER", &browsers.geckodriver, firefox),
    ] {
        report.check(&format!("tests in {browser}"), || {
            let file = tools.workspace.scratch("webdriver")?.join(format!("{driver}.json"));
            std::fs::write(&file, capabilities.to_string())
                .with_context(|| format!("{} cannot be written", file.display()))?;
            let mut cargo = tools.command("cargo")?;
            cargo.args(["test", "--no-fail-fast", "--target", WASM_TARGET]);
            for suite in &suites {
                cargo.args(["--package", &suite.package, "--test", &suite.name]);
            }
            cargo
                .args(filter)
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", tools.wasm_bindgen_test_runner())
                .env(driver, program)
                .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", &file)
                .env("WASM_BINDGEN_TEST_TIMEOUT", "480");
            exec::run(&mut cargo)
        });
    }
    Ok(())
}

/// A file of tests that run in a browser.
#[derive(Debug, PartialEq, Eq)]
struct Suite {
    package: String,
    name: String,
}

/// The tests of the browser's crates that use `wasm_bindgen_test`. Found, not listed, so that none is forgotten.
fn browser_suites(root: &Path) -> Result<Vec<Suite>> {
    let mut suites = Vec::new();
    for name in BROWSER_CRATES {
        let Ok(entries) = std::fs::read_dir(root.join(name).join("tests")) else { continue };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            // A test is a file, or a folder with a main.rs.
            let main = if path.is_dir() { path.join("main.rs") } else { path.clone() };
            let is_test = main.is_file() && main.extension().is_some_and(|extension| extension == "rs");
            if is_test
                && std::fs::read_to_string(&main)?.contains("wasm_bindgen_test")
                && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            {
                suites.push(Suite { package: format!("partyline-{name}"), name: stem.to_owned() });
            }
        }
    }
    Ok(suites)
}

/// The phone book in workerd, and browsers with the whole of Partyline.
fn end_to_end(tools: &Tools, browsers: &Browsers, checks: &Checks, report: &mut Report) -> Result<()> {
    report.check("build", || build::all(tools, Profile::Release));
    if report.last_failed() {
        // Whatever was built before would be tested instead.
        report.skip("phone book in workerd", "there is nothing to test");
        report.skip("end to end", "there is nothing to test");
        return Ok(());
    }
    report.check("build of the next version", || build::next(tools));
    if report.last_failed() {
        // Nor would the one that was built before be the next one.
        let _ = std::fs::remove_dir_all(build::next_dist(tools));
    }
    report.check("bytes of a first visit", || budget::check(tools));
    let not_run = tools.workspace.scratch("e2e")?.join("not-run.txt");
    // No such file: there is nothing to tell.
    let take_not_run = || {
        let lines = std::fs::read_to_string(&not_run).unwrap_or_default();
        let _ = std::fs::remove_file(&not_run);
        lines
    };
    take_not_run();
    let test = |target: &str, refusing: bool, skipped: &[&str]| {
        let mut cargo = cargo_test(&tools.workspace);
        cargo.args(["--no-fail-fast", "--test", target]).args(checks.filter.as_deref()).arg("--");
        cargo.args(skipped.iter().flat_map(|name| ["--skip", name]));
        if refusing {
            cargo.env("PARTYLINE_REFUSING", "1");
        }
        exec::run(tell(&mut cargo, tools, browsers)?.env("PARTYLINE_NOT_RUN", &not_run))
    };
    report.check("phone book in workerd", || test(PHONE_BOOK_TESTS, false, &[]));
    report.check("end to end", || test(END_TO_END_TESTS, checks.refusing, &[]));
    report.not_run(if checks.refusing { IF_REFUSED } else { ON_THIS_MACHINE }, &take_not_run());
    if checks.filter.is_none() && !checks.refusing {
        report.check("end to end, changed credentials refused", || test(END_TO_END_TESTS, true, &SAME_IF_REFUSED));
        report.not_run(IF_REFUSED, &take_not_run());
    }
    Ok(())
}

/// Where tests were not run, as the summary says it.
const ON_THIS_MACHINE: &str = "on this machine";
const IF_REFUSED: &str = "where changed credentials are refused";
/// Why whole groups of tests were skipped there.
const WHY_SKIPPED: &str = "it makes least difference to them, and --refusing runs them too";

/// Tells the tests where everything is.
fn tell<'a>(command: &'a mut Command, tools: &Tools, browsers: &Browsers) -> Result<&'a mut Command> {
    let out = match std::env::var_os("PARTYLINE_OUT") {
        Some(folder) => folder.into(),
        None => tools.workspace.target().join("e2e"),
    };
    Ok(command
        .env("PARTYLINE_WRANGLER", tools.npm("wrangler"))
        .env("PARTYLINE_WORKER_CONFIG", wrangler::configuration(tools)?)
        .env("PARTYLINE_WORKER_DIR", tools.workspace.path("worker"))
        .env("PARTYLINE_DIST", tools.workspace.path("dist"))
        .env("PARTYLINE_NEXT_DIST", build::next_dist(tools))
        .env("PARTYLINE_CHROMIUM", &browsers.chromium)
        .env("PARTYLINE_CHROMEDRIVER", &browsers.chromedriver)
        .env("PARTYLINE_FIREFOX", &browsers.firefox)
        .env("PARTYLINE_GECKODRIVER", &browsers.geckodriver)
        .env("PARTYLINE_AXE", &browsers.axe)
        .env("PARTYLINE_OUT", out))
}

/// How the checks went.
#[derive(Debug, Default)]
struct Report {
    done: Vec<Done>,
    /// Tests that were meant to run and did not: where, and each with the reason.
    left_out: Vec<(&'static str, Vec<String>)>,
    /// Tests that were not meant to run: where, and their names.
    skipped: Vec<(&'static str, Vec<String>)>,
}

#[derive(Debug)]
struct Done {
    name: String,
    problem: Option<String>,
    took: Duration,
}

impl Report {
    /// Runs one check, and goes on whatever comes of it.
    fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        eprintln!("\ncheck  {name}");
        let start = Instant::now();
        let problem = check().err().map(|error| format!("{error:#}"));
        if let Some(problem) = &problem {
            eprintln!("check  {name} failed: {problem}");
        }
        self.done.push(Done { name: name.to_owned(), problem, took: start.elapsed() });
    }

    /// Counts a check as failed without running it.
    fn skip(&mut self, name: &str, why: &str) {
        self.check(name, || bail!("not run: {why}"));
    }

    /// Notes what a suite wrote of its tests that were not run. Those that were meant to run are counted and named beneath
    /// the summary; what was left out elsewhere for the same reason is not counted twice. Of those that were skipped on
    /// purpose a line is enough.
    fn not_run(&mut self, place: &'static str, lines: &str) {
        let told = |kind: &str| -> Vec<String> {
            lines.lines().filter_map(|line| line.strip_prefix(kind)).map(str::to_owned).collect()
        };
        let is_new = |line: &String| !self.left_out.iter().any(|(_, known)| known.contains(line));
        let left_out: Vec<String> = told("left out: ").into_iter().filter(is_new).collect();
        if !left_out.is_empty() {
            self.left_out.push((place, left_out));
        }
        let skipped = told("skipped: ");
        if !skipped.is_empty() {
            self.skipped.push((place, skipped));
        }
    }

    fn last_failed(&self) -> bool {
        self.done.last().is_some_and(|done| done.problem.is_some())
    }

    /// Prints the summary; an error if anything failed.
    fn finish(self) -> Result<()> {
        println!("\n{}", self.summary());
        let failed = self.done.iter().filter(|done| done.problem.is_some()).count();
        if failed > 0 {
            bail!("{failed} of {} checks failed", self.done.len());
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let lines = self.done.iter().map(|done| {
            let result = if done.problem.is_some() { "FAILED" } else { "ok" };
            format!("{:<44} {result:<6} {:>5} s", done.name, done.took.as_secs())
        });
        let mut summary = lines.collect::<Vec<_>>().join("\n");
        for (place, tests) in &self.left_out {
            summary.push_str(&format!("\n\nNOT RUN {place}: {}\n  {}", count(tests), tests.join("\n  ")));
        }
        for (place, tests) in &self.skipped {
            // The first part of a test's name is its group.
            let groups: BTreeSet<&str> = tests.iter().filter_map(|test| test.split("::").next()).collect();
            let groups = groups.into_iter().collect::<Vec<_>>().join(", ");
            let count = count(tests);
            summary.push_str(&format!("\n\nSKIPPED on purpose {place}: {count} of {groups}: {WHY_SKIPPED}"));
        }
        summary
    }
}

fn count(tests: &[String]) -> String {
    if tests.len() == 1 { "1 test".to_owned() } else { format!("{} tests", tests.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stops_nothing_and_is_not_forgotten() {
        let mut report = Report::default();
        report.check("first", || bail!("broken"));
        assert!(report.last_failed());
        report.check("second", || Ok(()));
        assert!(!report.last_failed());
        let summary = report.summary();
        assert!(summary.contains("first") && summary.contains("FAILED") && summary.contains("second"), "{summary}");
        assert!(report.finish().is_err());
    }

    #[test]
    fn what_could_not_be_run_is_counted_and_named_at_the_end() {
        let mut report = Report::default();
        report.check("only", || Ok(()));
        report.not_run(ON_THIS_MACHINE, "");
        assert!(!report.summary().contains("NOT RUN"), "{}", report.summary());
        report.not_run(ON_THIS_MACHINE, "left out: network::a: no root\nleft out: bulk::b: no root\n");
        let end = "\n\nNOT RUN on this machine: 2 tests\n  network::a: no root\n  bulk::b: no root";
        assert!(report.summary().ends_with(end), "{}", report.summary());
        // Those that another part leaves out are counted by themselves, and none twice.
        report.not_run(IF_REFUSED, "left out: network::a: no root\nleft out: crew::c: not in the phone book\n");
        let more = "\n\nNOT RUN where changed credentials are refused: 1 test\n  crew::c: not in the phone book";
        assert!(report.summary().ends_with(&format!("{end}{more}")), "{}", report.summary());
        assert!(report.finish().is_ok());
    }

    #[test]
    fn what_was_skipped_on_purpose_is_told_in_a_line() {
        let mut report = Report::default();
        report.check("only", || Ok(()));
        report.not_run(
            IF_REFUSED,
            "left out: crew::c: why\nskipped: soak::b\nskipped: bulk::a\nskipped: bulk::c::firefox\n",
        );
        let summary = report.summary();
        let line = "SKIPPED on purpose where changed credentials are refused: 3 tests of bulk, soak: ";
        let told: Vec<&str> = summary.lines().filter(|line| line.starts_with("SKIPPED")).collect();
        assert!(matches!(&told[..], [only] if only.starts_with(line) && only.ends_with(WHY_SKIPPED)), "{summary}");
        assert!(
            summary.contains("NOT RUN where changed credentials are refused: 1 test\n  crew::c: why\n"),
            "{summary}"
        );
        assert!(report.finish().is_ok());
    }

    #[test]
    fn no_failure_is_a_success() {
        let mut report = Report::default();
        report.check("only", || Ok(()));
        assert!(report.finish().is_ok());
    }

    #[test]
    fn the_files_of_browser_tests_are_found() {
        let root = std::env::temp_dir().join(format!("partyline-suites-{}", std::process::id()));
        let tests = root.join("sw/tests");
        std::fs::create_dir_all(&tests).unwrap();
        std::fs::write(tests.join("answers.rs"), "use wasm_bindgen_test::*;").unwrap();
        std::fs::write(tests.join("native.rs"), "#[test] fn x() {}").unwrap();
        std::fs::create_dir_all(root.join("core/tests/session")).unwrap();
        std::fs::write(root.join("core/tests/session/main.rs"), "use wasm_bindgen_test::*;").unwrap();
        std::fs::create_dir_all(root.join("core/tests/vectors")).unwrap();
        let suites = browser_suites(&root).unwrap();
        std::fs::remove_dir_all(root).unwrap();
        let suite = |package: &str, name: &str| Suite { package: package.into(), name: name.into() };
        assert_eq!(suites, [suite("partyline-core", "session"), suite("partyline-sw", "answers")]);
    }
}
