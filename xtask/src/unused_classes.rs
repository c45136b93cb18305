//! Takes classes out of the script of a wasm that nobody makes an object of.
//!
//! Leptos brings `server_fn`, which brings `wasm-streams`, and that exports three classes to JavaScript. What a wasm exports
//! stays, with all that it needs: 3 kB in brotli of streams that this app has no use for.

use crate::wasm_file;
use anyhow::{Context, Result, bail};
use std::collections::HashSet;

const UNUSED: [&str; 3] = ["IntoUnderlyingByteSource", "IntoUnderlyingSink", "IntoUnderlyingSource"];

/// The script without them.
pub(crate) fn without(script: &str) -> Result<String> {
    let mut script = script.to_owned();
    for class in UNUSED {
        // As wasm-bindgen writes them.
        for (start, end) in [
            (format!("export class {class} {{\n"), "\n}\n"),
            (format!("if (Symbol.dispose) {class}."), ";\n"),
            (format!("const {class}Finalization ="), ";\n"),
        ] {
            let Some((before, rest)) = script.split_once(&start) else { continue };
            let (_, after) = rest.split_once(end).with_context(|| format!("{class} does not end"))?;
            script = format!("{before}{after}");
        }
        if words(&script).any(|word| word == class) {
            bail!("the script uses {class}");
        }
    }
    Ok(script)
}

/// The wasm of a script without those of its exports that the script does not name.
pub(crate) fn retain_named(wasm: &[u8], script: &str) -> Result<Vec<u8>> {
    let words: HashSet<&str> = words(script).collect();
    wasm_file::retain_exports(wasm, |name| words.contains(name))
}

fn words(script: &str) -> impl Iterator<Item = &str> {
    script.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "export class IntoUnderlyingSink {
    free() {
        wasm.intounderlyingsink_free(this.ptr);
    }
}
if (Symbol.dispose) IntoUnderlyingSink.prototype[Symbol.dispose] = IntoUnderlyingSink.prototype.free;
export function answer() { wasm.answer(); }
const IntoUnderlyingSinkFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.intounderlyingsink_free(ptr));
const other = 1;
";

    #[test]
    fn they_are_gone_and_everything_else_is_there() {
        let rest = "export function answer() { wasm.answer(); }\nconst other = 1;\n";
        assert_eq!(without(SCRIPT).unwrap(), rest);
        assert_eq!(without(rest).unwrap(), rest);
    }

    #[test]
    fn one_that_is_used_is_an_error() {
        assert!(without(&format!("{SCRIPT}new IntoUnderlyingSink();\n")).is_err());
    }

    #[test]
    fn the_wasm_keeps_what_the_script_names() {
        let wasm = |exports: &[u8]| [b"\0asm\x01\0\0\0", &[7, exports.len() as u8][..], exports].concat();
        let all = wasm(b"\x02\x06answer\x00\x01\x04free\x00\x02");
        assert_eq!(retain_named(&all, "wasm.answer();").unwrap(), wasm(b"\x01\x06answer\x00\x01"));
    }
}
