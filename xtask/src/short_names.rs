//! Short names for what a wasm and its script call each other by.
//!
//! wasm-bindgen's names are unique in any program: a function that the script gives is `__wbg_getItem_a7cc1d4f9f2b0a6e`, a
//! closure has its mangled path. They stand in both files, and their digits do not compress: they were 10 kB in brotli of
//! a first visit. wasm-opt renames them in the wasm and says how; the script follows here.

use anyhow::{Context, Result, bail};
use std::collections::HashMap;

/// Has wasm-opt rename them and print what it did.
pub(crate) const PASS: &str = "--minify-imports-and-exports-and-modules";

/// The script of a wasm after the wasm's names were changed as [`PASS`] said.
pub(crate) fn in_script(script: &str, said: &str) -> Result<String> {
    let said: HashMap<String, Vec<Vec<String>>> =
        serde_json::from_str(said).context("wasm-opt did not say in JSON what it renamed")?;
    let mut script = script.to_owned();
    let (mut imports, mut exports) = (HashMap::new(), HashMap::new());
    for renamed in said.values().flatten() {
        match renamed.as_slice() {
            [module, old, new] => {
                // All modules are one afterwards.
                script = script.replace(&format!("\"{module}\":"), "\"a\":");
                imports.insert(old.as_bytes(), new.as_bytes());
            }
            [old, new] => {
                exports.insert(old.as_bytes(), new.as_bytes());
            }
            _ => bail!("wasm-opt renamed {renamed:?}, which is neither an import nor an export"),
        }
    }

    let is_of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    let mut short = Vec::with_capacity(script.len());
    for piece in script.as_bytes().chunk_by(|a, b| is_of_word(*a) == is_of_word(*b)) {
        let renamed = if short.ends_with(b"wasm.") { exports.get(piece).copied() } else { imports.remove(piece) };
        short.extend_from_slice(renamed.unwrap_or(piece));
    }
    if let Some(lost) = imports.keys().next() {
        bail!("the script does not give {}, which the wasm imports", String::from_utf8_lossy(lost));
    }
    String::from_utf8(short).context("a script that is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = r#"{
        "imports": [["./app_bg.js", "__wbg_open_1f", "b"], ["./app_bg.js", "__wbg_open_2e", "c"]],
        "exports": [["invoke", "d"], ["invoke_2", "e"], ["main", "f"]]
    }"#;

    #[test]
    fn the_script_gives_and_takes_by_the_new_names() {
        let script = "export function invoke(a) { wasm.invoke_2(a); wasm.invoke(a); }
            const import0 = { __wbg_open_1f: function(a) {}, __wbg_open_2e: function(a) {} };
            return { \"./app_bg.js\": import0 }; // …";
        let short = "export function invoke(a) { wasm.e(a); wasm.d(a); }
            const import0 = { b: function(a) {}, c: function(a) {} };
            return { \"a\": import0 }; // …";
        assert_eq!(in_script(script, SAID).unwrap(), short);
    }

    #[test]
    fn a_script_that_lacks_what_the_wasm_imports_is_refused() {
        let error = in_script("const import0 = { __wbg_open_1f: function(a) {} };", SAID).unwrap_err().to_string();
        assert!(error.contains("__wbg_open_2e"), "{error}");
        assert!(in_script("", "renamed nothing").is_err());
    }
}
