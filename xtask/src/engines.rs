//! `cargo xtask bench --engines`: what keeps and merges tasks here, beside the libraries that do the same.

use crate::exec;
use crate::post_build;
use crate::profile::Profile;
use crate::setup::{self, Tools};
use crate::toolchain::Toolchain;
use crate::versions::WASM_TARGET;
use crate::wasm_layout;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Builds everything that is measured into one folder, and gives it.
pub(crate) fn build(tools: &Tools) -> Result<PathBuf> {
    let libraries = setup::libraries()?;
    let folder = tools.workspace.scratch("engines")?;
    engine(tools, &folder)?;
    let mut node = tools.command("node")?;
    node.arg(tools.workspace.path("tests/engines/bundle.mjs")).args([
        "--modules",
        &libraries.join("node_modules").to_string_lossy(),
        &folder.to_string_lossy(),
    ]);
    exec::run(&mut node).context("the libraries could not be bundled")?;
    Ok(folder)
}

/// Compiles our own engine, as the app is compiled, and makes it as small.
fn engine(tools: &Tools, folder: &Path) -> Result<()> {
    eprintln!("build  engine");
    let mut cargo = tools.command("cargo")?;
    cargo.args(["build", "--locked", "--package", "partyline-engine", "--target", WASM_TARGET]);
    Toolchain::build_std(&mut cargo);
    exec::run(Profile::Release.apply(&mut cargo)).context("the engine could not be compiled")?;
    let compiled = tools.workspace.target().join(WASM_TARGET).join("release/partyline_engine.wasm");
    let mut bindgen = tools.command(&tools.wasm_bindgen)?;
    // Mangled names, by which functions are put in order.
    bindgen
        .args(["--no-demangle", "--target", "web", "--no-typescript", "--out-name", "engine", "--out-dir"])
        .arg(folder)
        .arg(compiled);
    exec::output(&mut bindgen)?;
    let wasm = folder.join("engine_bg.wasm");
    post_build::shorten_names(tools, &wasm)?;
    let mut wasm_opt = tools.command(tools.npm("wasm-opt"))?;
    wasm_opt.arg(&wasm).args(post_build::wasm_arguments()).arg("--output").arg(&wasm);
    exec::output(&mut wasm_opt)?;
    wasm_layout::arrange_file(&wasm)
}
