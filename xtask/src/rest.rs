//! The rest of the app: what the first screen does not need, and the page loads when that is drawn.

use crate::wasm_split::{LOADER, Rules};
use anyhow::{Context, Result, bail};

/// The modules of `app` whose functions are in the rest, and no other module's name is one of these: so they are found in
/// mangled names, where the modules around them may be abbreviated.
const MODULES: [&str; 42] = [
    "bulk",
    "by_hand_dialog",
    "choice",
    "choosing",
    "comment_list",
    "copies",
    "copy_task_link",
    "day_words",
    "devices_dialog",
    "dialogs",
    "drag",
    "everywhere",
    "everywhere_dialog",
    "filter_chips",
    "find_bar",
    "gestures",
    "kept_filters",
    "markdown",
    "modal",
    "other_device_dialog",
    "palette",
    "pasted",
    "quick_add",
    "quick_chips",
    "room_dialogs",
    "section_dialogs",
    "section_edits",
    "share_dialog",
    "shifts",
    "subtask_editor",
    "swipe",
    "talk",
    "task_actions",
    "task_dialog",
    "task_edits",
    "task_panel",
    "task_place",
    "to_room",
    "trash",
    "trash_dialog",
    "undo",
    "undo_keys",
];

/// The functions of the rest that the first part calls: module and name.
const ENTRIES: [[&str; 2]; 12] = [
    ["bulk", "drop_chosen"],
    ["choosing", "hands"],
    ["dialogs", "show"],
    ["find_bar", "bar"],
    ["find_bar", "clear"],
    ["find_bar", "find"],
    ["find_bar", "toggle"],
    ["quick_chips", "chips"],
    ["quick_chips", "keep_last"],
    ["quick_chips", "paste"],
    ["quick_chips", "task"],
    ["shifts", "shift"],
];

/// What the app is split by.
pub(crate) const RULES: Rules = Rules { is_later, is_entry };

fn is_entry(name: &str) -> bool {
    ENTRIES.iter().any(|path| name.ends_with(&path.map(mangled).concat()))
}

fn mangled(name: &str) -> String {
    format!("{}{name}", name.len())
}

/// Whether a function of this mangled name is in the rest: of one of its modules, or generic in something of one.
///
/// <https://doc.rust-lang.org/rustc/symbol-mangling/v0.html>: a name has its length before it.
fn is_later(name: &str) -> bool {
    MODULES.iter().any(|module| is_within(name, &mangled(module)))
}

/// Whether a name has a part. A digit before it would be of another part's length.
fn is_within(name: &str, part: &str) -> bool {
    let mut before = name.match_indices(part).filter_map(|(at, _)| name.get(..at));
    before.any(|before| !before.ends_with(|last: char| last.is_ascii_digit()))
}

/// The app's script, which loads the rest as `template` says.
pub(crate) fn script(script: &str, template: &str, wasm: &str, table: &str) -> Result<String> {
    let template = template.replace("__REST_WASM__", &format!("/{wasm}")).replace("__TABLE__", table);
    if template.contains("__REST_WASM__") || template.contains("__TABLE__") {
        bail!("static/rest.js has words that are not filled in");
    }
    // As wasm-bindgen writes it, after `short_names`.
    let imports = "\"a\": import0,\n";
    let (before, after) = script.split_once(imports).context("the app's script gives its wasm no imports")?;
    Ok(format!("{before}{imports}\"{LOADER}\": {{ {LOADER} }},\n{after}\n{template}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_of_the_rest_by_its_module_or_by_what_it_is_generic_in() {
        assert!(is_later("_RNvMNtNtCs1_13partyline_app2ui5modalNtB2_11ModalHandle3new"));
        assert!(is_later(
            "_RNCINvMNtCs2_5graph4memoINtB5_4MemobE3newNCNvNtNtCs1_13partyline_app2ui11task_dialog4open0E0"
        ));
        for name in
            ["_RNvNtCs1_13partyline_app2ui6listen", "_RNvNtCs1_3x15modal", "_RNvNtCs1_13partyline_app15modal_of_others"]
        {
            assert!(!is_later(name), "{name}");
        }
    }

    #[test]
    fn the_first_part_calls_what_is_an_entry() {
        assert!(is_entry("_RNvNtNtCs1_13partyline_app2ui7dialogs4show"));
        assert!(!is_entry("_RNvNtNtCs1_13partyline_app2ui7dialogs5shows"));
        assert!(!is_entry("_RNCNvNtNtCs1_13partyline_app2ui7dialogs4show0Ba_"));
    }

    #[test]
    fn the_script_gives_its_wasm_what_loads_the_rest() {
        let template = "const REST = \"__REST_WASM__\"; wasm[\"__TABLE__\"]; function load() {}";
        let script = script("return {\n\"a\": import0,\n};\n", template, "rest-1.wasm", "$10").unwrap();
        let all = "return {\n\"a\": import0,\n\"load\": { load },\n};\n\n\
                   const REST = \"/rest-1.wasm\"; wasm[\"$10\"]; function load() {}";
        assert_eq!(script, all);
        assert!(super::script("nothing", template, "rest-1.wasm", "t").is_err());
    }
}
