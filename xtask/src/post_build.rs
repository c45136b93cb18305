//! What Trunk calls when it has built the app and page, before it moves them to `dist/`.
//!
//! It adds the service worker, makes wasm, JavaScript and CSS small, names each by its content, writes `sw.js` and
//! `_headers`, and measures a first visit against its budget.

use crate::build::{self, Profile};
use crate::dist::{self, HEADERS, SERVICE_WORKER, Served};
use crate::exec;
use crate::setup::{self, Tools};
use crate::wasm_file;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// All that a first visit fetches, in bytes after brotli.
const FIRST_VISIT_BUDGET: u64 = 350_000;

/// The most that one wasm may have after brotli: by the start of its name.
const WASM_BUDGETS: [(&str, u64); 2] = [("app", 230_000), ("sw", 110_000)];

/// What rustc and wasm-bindgen use of wasm; all of it is in every browser that has what the app needs otherwise.
const WASM_FEATURES: [&str; 7] = [
    "bulk-memory",
    "exception-handling",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];

/// Does it, in the folders that Trunk names in the environment.
pub(crate) fn run() -> Result<()> {
    let staging: PathBuf = std::env::var_os("TRUNK_STAGING_DIR")
        .context("post-build is Trunk's hook; what you want is probably `cargo xtask build`")?
        .into();
    let release = std::env::var("TRUNK_PROFILE").is_ok_and(|profile| profile == "release");
    let profile = if release { Profile::Release } else { Profile::Dev };
    PostBuild { tools: setup::tools_quietly()?, staging, profile }.run()
}

struct PostBuild {
    tools: Tools,
    staging: PathBuf,
    profile: Profile,
}

impl PostBuild {
    fn run(&self) -> Result<()> {
        let page_file = self.staging.join("index.html");
        let mut page = read_text(&page_file)?;
        let mut by_content = Vec::new();

        // What the page loads.
        for file in self.files_at_top()? {
            let name = file_name(&file);
            let Some((stem, extension)) = name.rsplit_once('.') else { continue };
            if name == SERVICE_WORKER || !["css", "js", "wasm"].contains(&extension) {
                continue;
            }
            let content = self.small(&file)?;
            let stem = stem.trim_start_matches("partyline-").trim_end_matches("_bg");
            let renamed = dist::name_by_content(stem, extension, &content);
            page = dist::rename_in_page(&page, &name, &renamed)?;
            std::fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
            self.write(&renamed, &content)?;
            by_content.push(renamed);
        }
        self.write("index.html", page.as_bytes())?;

        // The service worker.
        eprintln!("build  service worker");
        let [sw_js, sw_wasm] = self.service_worker()?;
        by_content.extend([sw_js.clone(), sw_wasm.clone()]);
        by_content.sort();
        let files = self.all_files()?;
        let template = read_text(&self.tools.workspace.path("static/sw.js"))?;
        self.write(SERVICE_WORKER, dist::service_worker(&template, &files, &sw_js, &sw_wasm)?.as_bytes())?;
        let template = read_text(&self.tools.workspace.path("static/_headers"))?;
        self.write(HEADERS, dist::headers(&template, &page, &by_content)?.as_bytes())?;

        if self.profile == Profile::Release { self.measure() } else { Ok(()) }
    }

    /// Compiles the service worker and its glue into the staging folder, and gives the two names.
    fn service_worker(&self) -> Result<[String; 2]> {
        let compiled = build::compile(&self.tools, self.profile, "partyline-sw", "partyline_sw")?;
        let out = self.tools.workspace.scratch("sw")?;
        let mut bindgen = self.tools.command(&self.tools.wasm_bindgen)?;
        // A service worker's script is a classic one: it must register its handlers before it awaits anything.
        bindgen
            .args(["--target", "no-modules", "--no-typescript", "--out-name", "sw", "--out-dir"])
            .arg(&out)
            .arg(&compiled);
        exec::output(&mut bindgen)?;
        let mut names = [String::new(), String::new()];
        for (name, (file, extension)) in names.iter_mut().zip([("sw.js", "js"), ("sw_bg.wasm", "wasm")]) {
            let content = self.small(&out.join(file))?;
            *name = dist::name_by_content("sw", extension, &content);
            self.write(name, &content)?;
        }
        Ok(names)
    }

    /// The content of a file, as small as our tools make it where that is wanted.
    fn small(&self, file: &Path) -> Result<Vec<u8>> {
        let content = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let is_wasm = file.extension() == Some(OsStr::new("wasm"));
        if is_wasm {
            check_imports(file, &content)?;
        }
        if self.profile == Profile::Dev {
            return Ok(content);
        }
        let (program, arguments) = if is_wasm {
            let features = WASM_FEATURES.map(|feature| format!("--enable-{feature}"));
            let level = ["-Oz", "--strip-producers", "--strip-target-features"].map(str::to_owned);
            ("wasm-opt", [features.as_slice(), &level].concat())
        } else {
            ("esbuild", ["--minify", "--charset=utf8", "--log-level=warning"].map(str::to_owned).to_vec())
        };
        self.kept(program, &arguments, file, &content)
    }

    /// Runs a tool from one file to another, or gives what it made of the same input before.
    fn kept(&self, program: &str, arguments: &[String], input: &Path, content: &[u8]) -> Result<Vec<u8>> {
        let tool = self.tools.npm(program);
        let mut key = Sha256::new();
        key.update(tool.to_string_lossy().as_bytes());
        key.update(arguments.join("\n"));
        key.update(content);
        let extension = input.extension().unwrap_or_default().to_string_lossy();
        let kept =
            self.tools.workspace.scratch("small")?.join(dist::hex(&key.finalize(), 32)).with_extension(&*extension);
        if !kept.is_file() {
            let incoming = kept.with_extension(format!("incoming.{extension}"));
            let output = if program == "esbuild" { "--outfile=" } else { "--output=" };
            let mut command = self.tools.command(tool)?;
            command.arg(input).args(arguments).arg(format!("{output}{}", incoming.display()));
            exec::output(&mut command)?;
            std::fs::rename(&incoming, &kept).with_context(|| format!("{} cannot be written", kept.display()))?;
        }
        std::fs::read(&kept).with_context(|| format!("{} cannot be read", kept.display()))
    }

    /// Prints what a first visit fetches and fails if that is too much.
    fn measure(&self) -> Result<()> {
        let files: Vec<Served> = self.all_files()?.into_iter().filter(|file| file.path != HEADERS).collect();
        let sizes = self.brotli(&files)?;
        eprintln!("\n  first visit{:>38}{:>12}", "bytes", "in brotli");
        let mut total = 0;
        let mut too_big = Vec::new();
        for (file, size) in files.iter().zip(sizes) {
            eprintln!("  {:<36}{:>13}{:>12}", file.path, file.content.len(), size);
            total += size;
            for (stem, budget) in WASM_BUDGETS {
                if file.path.starts_with(stem) && file.path.ends_with(".wasm") && size > budget {
                    too_big.push(format!("{} has {size} bytes in brotli, more than its budget of {budget}", file.path));
                }
            }
        }
        eprintln!("  {:<36}{:>25}  of at most {FIRST_VISIT_BUDGET}\n", "all", total);
        if total > FIRST_VISIT_BUDGET {
            too_big.push(format!(
                "a first visit fetches {total} bytes in brotli, more than its budget of {FIRST_VISIT_BUDGET}"
            ));
        }
        if !too_big.is_empty() {
            bail!("{}", too_big.join("; "));
        }
        Ok(())
    }

    /// The size of each file in brotli, or as it is where that is smaller.
    fn brotli(&self, files: &[Served]) -> Result<Vec<u64>> {
        let script = "const fs = require('fs'), zlib = require('zlib');
            const size = (f) => { const b = fs.readFileSync(f); return Math.min(b.length, zlib.brotliCompressSync(b).length); };
            console.log(JSON.stringify(process.argv.slice(1).map(size)));";
        let mut node = self.tools.command("node")?;
        node.args(["-e", script, "--"]).args(files.iter().map(|file| self.staging.join(&file.path)));
        serde_json::from_str(&exec::output(&mut node)?).context("Node.js did not answer with the sizes")
    }

    fn files_at_top(&self) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = entries(&self.staging)?.into_iter().filter(|path| path.is_file()).collect();
        files.sort();
        Ok(files)
    }

    fn all_files(&self) -> Result<Vec<Served>> {
        let mut files = Vec::new();
        let mut folders = vec![self.staging.clone()];
        while let Some(folder) = folders.pop() {
            for path in entries(&folder)? {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let content = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
                let relative = path.strip_prefix(&self.staging).context("a file outside of the folder it is in")?;
                files.push(Served { path: relative.to_string_lossy().replace('\\', "/"), content });
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.staging.join(name);
        std::fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Fails if a wasm wants something from `env`, which nothing gives it in a browser or in workerd.
pub(crate) fn check_imports(file: &Path, wasm: &[u8]) -> Result<()> {
    let modules = wasm_file::imported_modules(wasm).with_context(|| format!("{} cannot be read", file.display()))?;
    if modules.iter().any(|module| module == "env") {
        bail!(
            "{} imports from `env`: some dependency calls a C function or the operating system, and would fail when the \
             file is loaded",
            file.display()
        );
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("{} cannot be read", folder.display());
    let entries = std::fs::read_dir(folder).with_context(cannot)?;
    entries.map(|entry| entry.map(|entry| entry.path()).with_context(cannot)).collect()
}

fn read_text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
