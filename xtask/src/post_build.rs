//! What Trunk calls when it has built the app and page, before it moves them to `dist/`.
//!
//! It makes wasm, JavaScript and CSS small, names each by its content, and writes `sw.js` and `_headers`.

use crate::dist::{self, CAMERA, HEADERS, OLDER, REST, SCANNER, SERVICE_WORKER, Served};
use crate::exec;
use crate::profile::Profile;
use crate::rest;
use crate::setup::{self, Tools};
use crate::short_names;
use crate::unused_classes;
use crate::wasm_file;
use crate::wasm_layout;
use crate::wasm_split;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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

/// What is done to each wasm. The compiler has optimised for size already, and what makes the file smaller mostly makes it
/// compress worse: `-Oz` takes 8 % off its bytes and adds 2 % in brotli. Of all passes these help, in this order: 360 kB
/// become 350. (Trunk must not run `-O` before us, hence `data-wasm-opt` in `static/index.html`.)
const WASM_PASSES: [&str; 15] = [
    "--remove-unused-module-elements",
    "--duplicate-function-elimination",
    "--optimize-instructions",
    "--simplify-locals-nostructure",
    "--remove-unused-brs",
    "--code-folding",
    "--rse",
    "--vacuum",
    "--precompute",
    "--coalesce-locals",
    "--reorder-locals",
    // Instances of one generic function come to stand beside each other, from where `wasm_layout` goes on; mangled names put
    // them closer, hence `data-no-demangle`.
    "--reorder-functions-by-name",
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
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
        let (mut scan_js, mut scan_wasm) = (String::new(), String::new());

        for wasm in self.files_at_top()?.iter().filter(|file| is_wasm(file)) {
            check_imports(wasm, &read(wasm)?)?;
            if self.profile == Profile::Release {
                shorten_names(&self.tools, wasm)?;
            }
        }
        let mut by_content = Vec::new();
        if self.profile == Profile::Release {
            by_content.push(self.split()?);
        }

        // What the page loads, and what the scanner does.
        for file in self.files_at_top()? {
            let name = file_name(&file);
            let Some((stem, extension)) = name.rsplit_once('.') else { continue };
            if name == SERVICE_WORKER || name.starts_with(REST) || !["css", "js", "wasm"].contains(&extension) {
                continue;
            }
            let content = self.small(&file)?;
            let stem = stem.trim_start_matches("partyline-").trim_end_matches("_bg");
            let renamed = dist::name_by_content(stem, extension, &content);
            match (stem, extension) {
                ("scan", "js") => scan_js.clone_from(&renamed),
                ("scan", "wasm") => scan_wasm.clone_from(&renamed),
                _ => page = dist::rename_in_page(&page, &name, &renamed)?,
            }
            std::fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
            self.write(&renamed, &content)?;
            by_content.push(renamed);
        }
        let phone_book_v4 = std::env::var(dist::PHONE_BOOK_V4).unwrap_or_default();
        page = dist::name_phone_book(&page, &phone_book_v4)?;
        self.write("index.html", page.as_bytes())?;

        by_content.sort();
        let named = |extension| {
            let is_named = |name: &&String| {
                !name.starts_with("scan-")
                    && !name.starts_with(REST)
                    && Path::new(name).extension() == Some(OsStr::new(extension))
            };
            let named = by_content.iter().find(is_named);
            named.with_context(|| format!("Trunk left no .{extension} file, so the service worker would start nothing"))
        };
        for script in [SCANNER, OLDER] {
            let template = read_text(&self.tools.workspace.path(&format!("static/{script}")))?;
            self.write_small(script, &dist::scanner(&template, &scan_js, &scan_wasm).context(script)?)?;
        }
        self.write_small(CAMERA, &read_text(&self.tools.workspace.path("static/camera.js"))?)?;
        let files = served_files(&self.staging)?;
        let template = read_text(&self.tools.workspace.path("static/_headers"))?;
        let headers = dist::headers(&template, &page, &phone_book_v4, &by_content)?;
        self.write(HEADERS, headers.as_bytes())?;
        let template = read_text(&self.tools.workspace.path("static/sw.js"))?;
        let script = dist::service_worker(&template, &files, &headers, named("js")?, named("wasm")?)?;
        self.write_small(SERVICE_WORKER, &script)
    }

    /// Splits the app's wasm, and has its script load the rest. That is named by its content here, so that the script's own
    /// name follows from it.
    fn split(&self) -> Result<String> {
        let [script, wasm, rest] =
            ["partyline-app.js", "partyline-app_bg.wasm", "rest_bg.wasm"].map(|name| self.staging.join(name));
        let split = wasm_split::split(&read(&wasm)?, &rest::RULES).context("the app cannot be split")?;
        self.write(&file_name(&wasm), &split.first)?;
        self.write(&file_name(&rest), &split.rest)?;
        let content = self.small(&rest)?;
        std::fs::remove_file(&rest).with_context(|| format!("{} cannot be removed", rest.display()))?;
        let renamed = dist::name_by_content("rest", "wasm", &content);
        self.write(&renamed, &content)?;
        let template = read_text(&self.tools.workspace.path("static/rest.js"))?;
        let linked = rest::script(&read_text(&script)?, &template, &renamed, &split.table)?;
        self.write(&file_name(&script), linked.as_bytes())?;
        Ok(renamed)
    }

    /// The content of a file, as small as our tools make it where that is wanted.
    fn small(&self, file: &Path) -> Result<Vec<u8>> {
        let content = read(file)?;
        if self.profile == Profile::Dev {
            return Ok(content);
        }
        let (program, arguments) = if is_wasm(file) {
            ("wasm-opt", wasm_arguments())
        } else {
            ("esbuild", ["--minify", "--charset=utf8", "--log-level=warning"].map(str::to_owned).to_vec())
        };
        self.kept(program, &arguments, file, &content)
    }

    /// Runs a tool from one file to another, and arranges what comes of a wasm; or gives what was made of the same input
    /// before.
    fn kept(&self, program: &str, arguments: &[String], input: &Path, content: &[u8]) -> Result<Vec<u8>> {
        let tool = self.tools.npm(program);
        let mut key = Sha256::new();
        key.update(tool.to_string_lossy().as_bytes());
        key.update(arguments.join("\n"));
        key.update(wasm_layout::SOURCE);
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
            if is_wasm(input) {
                wasm_layout::arrange_file(&incoming)?;
            }
            std::fs::rename(&incoming, &kept).with_context(|| format!("{} cannot be written", kept.display()))?;
        }
        read(&kept)
    }

    fn files_at_top(&self) -> Result<Vec<PathBuf>> {
        let mut files: Vec<PathBuf> = entries(&self.staging)?.into_iter().filter(|path| path.is_file()).collect();
        files.sort();
        Ok(files)
    }

    fn write_small(&self, name: &str, script: &str) -> Result<()> {
        self.write(name, script.as_bytes())?;
        self.write(name, &self.small(&self.staging.join(name))?)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.staging.join(name);
        std::fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Takes out what a wasm and its script, which is beside it, offer each other for nothing, and gives the rest short names.
pub(crate) fn shorten_names(tools: &Tools, wasm: &Path) -> Result<()> {
    let script = wasm.with_file_name(file_name(wasm).replace("_bg.wasm", ".js"));
    let used = unused_classes::without(&read_text(&script)?)?;
    let cannot = |file: &Path| format!("{} cannot be written", file.display());
    std::fs::write(wasm, unused_classes::retain_named(&read(wasm)?, &used)?).with_context(|| cannot(wasm))?;
    let mut wasm_opt = tools.command(tools.npm("wasm-opt"))?;
    // The names of its own functions stay until they are put in order.
    wasm_opt.arg(wasm).args(wasm_features()).args([short_names::PASS, "--debuginfo", "--output"]).arg(wasm);
    let said = exec::output(&mut wasm_opt)?;
    let short = short_names::in_script(&used, &said)?;
    std::fs::write(&script, short).with_context(|| cannot(&script))
}

/// Every file in a folder and those below it, sorted by path.
pub(crate) fn served_files(folder: &Path) -> Result<Vec<Served>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for path in entries(&inner)? {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let content = read(&path)?;
            let relative = path.strip_prefix(folder).context("a file outside of the folder it is in")?;
            files.push(Served { path: relative.to_string_lossy().replace('\\', "/"), content });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
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

/// What a wasm is made small with.
pub(crate) fn wasm_arguments() -> Vec<String> {
    wasm_features().chain(WASM_PASSES.map(str::to_owned)).collect()
}

fn wasm_features() -> impl Iterator<Item = String> {
    WASM_FEATURES.into_iter().map(|feature| format!("--enable-{feature}"))
}

fn is_wasm(file: &Path) -> bool {
    file.extension() == Some(OsStr::new("wasm"))
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn read_text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
