//! How much a first visit fetches, and how much it may.

use crate::dist::Served;
use crate::exec;
use crate::post_build::served_files;
use crate::setup::Tools;
use anyhow::{Context, Result, bail};

/// The most that a first visit may fetch, in bytes after brotli.
const FIRST_VISIT: u64 = 454_000;

/// The most that the rest of the app may have, which is loaded when the first screen is drawn, in bytes after brotli.
const REST: u64 = 137_000;

/// The most that the phone book's wasm may have, in bytes as they are: nobody downloads it.
const WORKER: u64 = 700_000;

/// Prints what a first visit fetches, and fails if that, or the phone book, is over its budget.
pub(crate) fn check(tools: &Tools) -> Result<()> {
    let files = weighed(tools, Served::is_of_first_visit)?;
    println!("\n{}", table(&files));
    let mut excess: Vec<String> = excess(&files).into_iter().collect();
    let rest = total(&weighed(tools, Served::is_rest)?);
    println!("  then the rest of the app: {rest}  of at most {REST}\n");
    if rest > REST {
        excess.push(format!("the rest of the app has {rest} bytes in brotli, more than its budget of {REST}"));
    }
    let worker = tools.workspace.path("worker/build/index_bg.wasm");
    let size = worker.metadata().with_context(|| format!("{} is missing", worker.display()))?.len();
    if size > WORKER {
        excess.push(format!("the phone book's wasm has {size} bytes, more than its budget of {WORKER}"));
    }
    if !excess.is_empty() {
        bail!("{}", excess.join("; "));
    }
    Ok(())
}

/// How many bytes a first visit fetches, in brotli.
pub(crate) fn first_visit(tools: &Tools) -> Result<u64> {
    Ok(total(&weighed(tools, Served::is_of_first_visit)?))
}

fn weighed(tools: &Tools, is_wanted: impl Fn(&Served) -> bool) -> Result<Vec<Weighed>> {
    let dist = tools.workspace.path("dist");
    let files: Vec<Served> = served_files(&dist)?.into_iter().filter(is_wanted).collect();
    let sizes = brotli(tools, &files)?;
    let weigh = |(file, brotli): (Served, u64)| Weighed { path: file.path, bytes: file.content.len(), brotli };
    Ok(files.into_iter().zip(sizes).map(weigh).collect())
}

/// A file and what it weighs.
#[derive(Debug)]
struct Weighed {
    path: String,
    bytes: usize,
    brotli: u64,
}

fn total(files: &[Weighed]) -> u64 {
    files.iter().map(|file| file.brotli).sum()
}

fn table(files: &[Weighed]) -> String {
    let row = |name: &str, bytes: &str, brotli: &str| format!("  {name:<36}{bytes:>12}{brotli:>12}");
    let mut rows = vec![row("first visit", "bytes", "in brotli")];
    rows.extend(files.iter().map(|file| row(&file.path, &file.bytes.to_string(), &file.brotli.to_string())));
    rows.push(format!("{}  of at most {FIRST_VISIT}", row("all", "", &total(files).to_string())));
    rows.join("\n")
}

/// That it is over its budget, in words.
fn excess(files: &[Weighed]) -> Option<String> {
    let total = total(files);
    (total > FIRST_VISIT)
        .then(|| format!("a first visit fetches {total} bytes in brotli, more than its budget of {FIRST_VISIT}"))
}

/// The size of each file in brotli, or as it is where that is smaller.
fn brotli(tools: &Tools, files: &[Served]) -> Result<Vec<u64>> {
    let script = "const fs = require('fs'), zlib = require('zlib');
        const size = (f) => { const b = fs.readFileSync(f); return Math.min(b.length, zlib.brotliCompressSync(b).length); };
        console.log(JSON.stringify(process.argv.slice(1).map(size)));";
    let dist = tools.workspace.path("dist");
    let mut node = tools.command("node")?;
    node.args(["-e", script, "--"]).args(files.iter().map(|file| dist.join(&file.path)));
    serde_json::from_str(&exec::output(&mut node)?).context("Node.js did not answer with the sizes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(path: &str, brotli: u64) -> Weighed {
        Weighed { path: path.into(), bytes: 1_000_000, brotli }
    }

    #[test]
    fn a_visit_at_its_budget_is_fine_and_one_byte_more_is_not() {
        let page = |brotli| [weighed("app-1.wasm", 200_000), weighed("photo.svg", brotli)];
        assert_eq!(excess(&page(FIRST_VISIT - 200_000)), None);
        assert!(excess(&page(FIRST_VISIT - 199_999)).unwrap().contains(&(FIRST_VISIT + 1).to_string()));
    }

    #[test]
    fn the_table_ends_with_the_sum() {
        let table = table(&[weighed("a", 1), weighed("b", 2)]);
        assert!(table.lines().last().unwrap().contains(" 3 "), "{table}");
    }
}
