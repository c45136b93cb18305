//! Connects real browsers across NATs and through bad networks, and prints how that went as Markdown tables.
//!
//! Run by `cargo xtask lab`. An experiment has a row of its own in one of two tables: [`reach`] asks who gets through to
//! whom, and in which way; [`weather`] asks what a connection lives through. That two cannot connect is a result, not a
//! failure; that something is lost, or that two lists differ at the end, is a failure.

mod cell;
mod crew;
mod reach;
mod weather;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use partyline_tests::BrowserKind::{self, Chromium, Firefox};
use partyline_tests::{Lab, Network, Play, Tools};

/// Who meets whom, and the letters for it in the tables.
const PAIRS: [((BrowserKind, BrowserKind), &str); 3] = [
    ((Chromium, Chromium), "Chromium and Chromium"),
    ((Chromium, Firefox), "Chromium and Firefox"),
    ((Firefox, Firefox), "Firefox and Firefox"),
];

/// What lies between cells.
type Row = Vec<String>;

fn main() -> Result<ExitCode> {
    let filter = std::env::args().nth(1).unwrap_or_default();
    if let Some(why) = Network::missing() {
        println!("skipped: there can be no network lab here: {why}");
        return Ok(ExitCode::SUCCESS);
    }
    let tools = Tools::from_env()?;
    let file = tools.out.join("lab.md");
    let play = Play::new(Arc::new(Lab::new(tools)));
    let failed = tokio::runtime::Runtime::new()?.block_on(async {
        let mut report = String::new();
        let mut failed = table(&mut report, &reach::HEAD, reach::rows(&play, &filter).await);
        failed |= table(&mut report, &weather::HEAD, weather::rows(&play, &filter).await);
        println!("\n{report}");
        std::fs::write(&file, report).with_context(|| format!("cannot write {}", file.display()))?;
        println!("kept in {}", file.display());
        anyhow::Ok(failed)
    })?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Adds a table; returns whether any of its cells tells of a failure.
fn table(report: &mut String, head: &[&str], rows: Vec<Row>) -> bool {
    if rows.is_empty() {
        return false;
    }
    let _ = writeln!(report, "| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
    for row in &rows {
        let _ = writeln!(report, "| {} |", row.join(" | "));
    }
    report.push('\n');
    rows.iter().flatten().any(|cell| cell.starts_with(cell::FAILED))
}
