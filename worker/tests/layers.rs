//! Which module may import which, in every crate: no two files import each other, directly or around corners, and in the
//! app each layer knows only those below it.
//!
//! Read from the sources as text: `use` declarations and paths that begin with `crate`, `super` or a module's own child.
//! A re-export (`pub use child::Name`) hands a name on and counts as no import; whoever takes the name imports the file
//! that it comes from.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The crates in which no file may import itself around corners.
const CRATES: [&str; 5] = ["app", "core", "sw", "worker", "xtask"];

/// The layers of the app, from the top: what each may import besides itself.
const LAYERS: [(&str, &[&str]); 9] = [
    ("main", &["ui", "platform"]),
    ("ui", &["model", "shell", "platform", "day", "text"]),
    ("model", &["net", "api", "platform", "day", "text"]),
    ("net", &["api", "platform"]),
    ("api", &["platform"]),
    ("shell", &["platform"]),
    ("platform", &["day"]),
    ("day", &[]),
    ("text", &[]),
];

#[test]
fn no_file_imports_itself_around_corners() {
    for name in CRATES {
        let house = House::read(&workspace().join(name).join("src"));
        assert!(house.imports.values().any(|imports| !imports.is_empty()), "{name}: this reads the wrong folder");
        assert_eq!(house.circles(), Vec::<Vec<String>>::new(), "{name}");
    }
}

/// Nor do folders, each of which is a module of one purpose, by two files each way.
#[test]
fn no_folder_of_the_core_imports_itself_around_corners() {
    let house = House::read(&workspace().join("core/src")).by_folder();
    assert!(house.imports.len() > 5, "{:?}", house.imports.keys());
    assert_eq!(house.circles(), Vec::<Vec<String>>::new());
}

#[test]
fn the_app_imports_downwards_only() {
    let house = House::read(&workspace().join("app/src"));
    let mut seen = BTreeSet::new();
    for (file, imports) in &house.imports {
        let from = layer(file);
        let (_, below) = LAYERS.iter().find(|(layer, _)| *layer == from).unwrap_or_else(|| {
            panic!("{file} is in no layer: say in LAYERS what it may import");
        });
        seen.insert(from.to_owned());
        for import in imports {
            let to = layer(import);
            assert!(to == from || below.contains(&to), "{file} imports {import}: {from} must not know {to}");
        }
    }
    assert_eq!(seen.len(), LAYERS.len(), "{seen:?}");
}

/// Decisions about connections are taken alike at both ends, so they must not depend on a clock that jumps; and a browser
/// without random numbers must be told from one with them.
#[test]
fn clocks_and_random_bytes_of_the_page_come_through_one_door() {
    let sources = sources(&workspace().join("app/src"));
    for (what, allowed) in
        [("Date::now", "platform.rs"), (".now()", "platform.rs"), ("get_random_values", "platform.rs")]
    {
        let places: Vec<&String> =
            sources.iter().filter(|(_, source)| source.contains(what)).map(|(file, _)| file).collect();
        assert_eq!(places, [allowed], "{what}");
    }
    // Shown to people, or compared with what was kept before the page began: nothing else in there is of the wall clock.
    let wall: Vec<&str> = sources
        .iter()
        .filter(|(file, source)| file.starts_with("net/") && source.contains("unix_ms()"))
        .map(|(file, _)| file.as_str())
        .collect();
    assert_eq!(wall, ["net/certificate.rs", "net/kept.rs", "net/room.rs"]);
}

/// Who has no random bytes must not go on with others: a handshake or a secret would be known to everybody.
#[test]
fn nothing_is_made_up_where_there_are_no_random_bytes() {
    let mut uses = 0;
    for (file, source) in sources(&workspace().join("app/src")) {
        let text: String = source.split_whitespace().collect();
        for (at, call) in text.match_indices("random_bytes()") {
            let rest = &text[at + call.len()..];
            uses += 1;
            assert!(!rest.starts_with(".unwrap_or") && !rest.starts_with(".map_or"), "{file}");
        }
    }
    assert!(uses >= 5, "this reads the wrong folder");
}

/// What the page does with its crew in an order that no type holds: its loop has no native tests.
#[test]
fn the_page_drives_its_crew_in_the_right_order() {
    let sources = sources(&workspace().join("app/src"));
    let room = &sources["net/room.rs"];
    // All effects are carried out before the deadline is asked for, and nobody else asks for it.
    ordered(body(room, "settle"), &["poll_effect()", "self.carry_out(", "poll_timeout()", "self.timer ="]);
    assert_eq!(room.matches("poll_timeout()").count(), 1);
    assert_eq!(room.matches("self.timer =").count(), 1, "there is one timer");
    // Whoever tells the crew something drains it, but for a channel that is full, of which it hears in between.
    for place in ["tell", "leave"] {
        let drain = if place == "tell" { "self.settle(" } else { "self.crew.poll_effect()" };
        ordered(body(room, place), &["self.crew.handle(", drain]);
    }
    assert_eq!(room.matches("self.crew.handle(").count(), 3);
    assert!(body(room, "send").contains("self.crew.handle(Input::Full("));
    // What decides is the crew's alone.
    for (file, source) in sources.iter().filter(|(file, _)| file.starts_with("net/")) {
        for machine in ["Dialler::new", "Mesh::new", "Redial::new", "Hand::new", "PeerSession", "Pull::new"] {
            assert!(!source.contains(machine), "{file} has a {machine} of its own");
        }
    }
}

/// What the crew does with its machines in an order that no type holds.
#[test]
fn the_crew_drives_its_machines_in_the_right_order() {
    let sources = sources(&workspace().join("core/src"));
    let crew = |part: &str| &sources[&format!("crew/machine/{part}.rs")];
    // All are drained before any is asked for its deadline.
    ordered(body(crew("mod"), "settle"), &["loop {", "self.redial(", "break", "self.deadline()"]);
    let asked = sources.iter().filter(|(file, _)| file.starts_with("crew/"));
    assert_eq!(asked.map(|(_, source)| source.matches("self.deadline()").count()).sum::<usize>(), 1);
    // Who is no doorkeeper any more knows that before it registers.
    ordered(body(crew("policies"), "dial"), &["dialler.handle_keepers(", "dialler.poll_action()"]);
    ordered(
        body(crew("connections"), "established"),
        &["mesh.handle_open(", "dialler.handle_keepers(", "dialler.handle_open("],
    );
}

/// Holds that a function does these things in this order.
fn ordered(body: &str, steps: &[&str]) {
    let places: Vec<usize> =
        steps.iter().map(|step| body.find(step).unwrap_or_else(|| panic!("no `{step}` in it:\n{body}"))).collect();
    assert!(places.is_sorted(), "not in this order: {steps:?}\n{body}");
}

/// What a function of a source does, from its name to the brace that ends it.
fn body<'a>(source: &'a str, name: &str) -> &'a str {
    let start = source.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("there is no function `{name}`"));
    let rest = &source[start..];
    let mut depth = 0;
    let end = rest.find(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == '}' && depth == 0
    });
    &rest[..end.unwrap_or(rest.len())]
}

// --- That these checks find what they look for ---

fn house(files: &[(&str, &str)]) -> House {
    House::of(files.iter().map(|(file, source)| ((*file).to_owned(), stripped(source))).collect())
}

#[test]
fn a_circle_is_found_also_through_a_re_export() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use b::{Bread, Butter};"),
        ("a.rs", "use crate::Butter;"),
        ("b.rs", "fn b() -> crate::a::A { todo!() }"),
    ];
    assert_eq!(house(&files).circles(), [["a.rs", "b.rs"]]);
    let one_way = [files[0], files[1], ("b.rs", "// use crate::a::A;\nstruct Butter;")];
    assert!(house(&one_way).circles().is_empty());
}

#[test]
fn a_folder_and_what_is_in_it_can_be_a_circle() {
    let files = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod child; pub struct A; fn new() -> A { child::make() }"),
        ("a/child.rs", "use super::A;"),
    ];
    assert_eq!(house(&files).circles(), [["a/child.rs", "a/mod.rs"]]);
    let handed_on = [files[0], ("a/mod.rs", "mod child; pub use child::make;"), ("a/child.rs", "use std::fmt;")];
    assert!(house(&handed_on).circles().is_empty());
}

#[test]
#[should_panic(expected = "not in this order")]
fn a_step_that_comes_too_early_is_found() {
    let source = "fn act(&mut self) {\nif true { self.open(); }\nself.tell();\n}\nfn open(&self) {}\n";
    ordered(body(source, "act"), &["tell()", "open()"]);
}

#[test]
fn what_only_tests_import_does_not_count() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B;\n#[cfg(test)]\nmod tests { use crate::a::A; }"),
        ("b.rs", "struct B;\n#[cfg(test)]\nmod tests { use crate::a::A; }"),
    ];
    assert!(house(&files).circles().is_empty());
}

// --- Looking ---

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// The first part of a file's place: `net` of `net/room.rs`.
fn layer(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or(file)
}

/// The sources below a folder, by their places in it, without comments and tests.
fn sources(folder: &Path) -> BTreeMap<String, String> {
    fn read(root: &Path, folder: &Path, sources: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                read(root, &path, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let place = path.strip_prefix(root).expect("below it").to_string_lossy().replace('\\', "/");
                let source = std::fs::read_to_string(&path).expect("a file of text");
                // A file of tests alone has its `#[cfg(test)]` where it is declared.
                if !place.ends_with("tests.rs") && !place.ends_with("fixture.rs") && !place.ends_with("golden.rs") {
                    sources.insert(place, stripped(&source));
                }
            }
        }
    }
    let mut sources = BTreeMap::new();
    read(folder, folder, &mut sources);
    sources
}

/// A source without line comments and without the tests at its end.
fn stripped(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = source.lines().map(|line| match line.trim_start() {
        line if line.starts_with("//") => "",
        line => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The files of a crate and what each imports of the others.
struct House {
    sources: BTreeMap<String, String>,
    imports: BTreeMap<String, BTreeSet<String>>,
}

impl House {
    fn read(folder: &Path) -> Self {
        Self::of(sources(folder))
    }

    fn of(sources: BTreeMap<String, String>) -> Self {
        let mut house = Self { sources, imports: BTreeMap::new() };
        let imports = house.sources.keys().map(|file| (file.clone(), house.imports_of(file))).collect();
        house.imports = imports;
        house
    }

    /// The file of a module, named by its path from the crate's root.
    fn file_of(&self, module: &[String]) -> Option<String> {
        let place = module.join("/");
        let candidates = match module {
            [] => vec!["lib.rs".to_owned(), "main.rs".to_owned()],
            _ => vec![format!("{place}.rs"), format!("{place}/mod.rs")],
        };
        candidates.into_iter().find(|file| self.sources.contains_key(file))
    }

    fn imports_of(&self, file: &str) -> BTreeSet<String> {
        let module = module_of(file);
        let source = &self.sources[file];
        let mut imports = BTreeSet::new();
        for (public, path) in uses(source) {
            // A child's name that is handed on is no import of the child.
            let own_child = path
                .first()
                .is_some_and(|first| self.file_of(&[&module[..], std::slice::from_ref(first)].concat()).is_some());
            if !(public && own_child) {
                imports.extend(self.resolve(&module, &path, 0));
            }
        }
        for path in inline_paths(source) {
            imports.extend(self.resolve(&module, &path, 0));
        }
        imports.remove(file);
        imports
    }

    /// The file that a path leads to, if it leads to one of this crate.
    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<String> {
        // Re-exports of re-exports: no crate here has as many.
        if depth > 8 {
            return None;
        }
        let mut module = from.to_vec();
        let mut rest = path;
        match path.first().map(String::as_str)? {
            "crate" => (module, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|first| first == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                self.file_of(&[&module[..], &[child.to_owned()]].concat())?;
            }
        }
        while let Some(next) = rest.first() {
            let inside = [&module[..], std::slice::from_ref(next)].concat();
            if self.file_of(&inside).is_some() {
                (module, rest) = (inside, &rest[1..]);
                continue;
            }
            // Not a module: a name that is defined in this file, or that it hands on.
            let file = self.file_of(&module)?;
            return self.handed_on(&module, &file, next, depth).or(Some(file));
        }
        self.file_of(&module)
    }

    /// The file that a name comes from which a module's file takes from elsewhere, by its name or with a star.
    fn handed_on(&self, module: &[String], file: &str, name: &String, depth: usize) -> Option<String> {
        let uses = uses(&self.sources[file]);
        if let Some((_, path)) = uses.iter().find(|(_, path)| path.last() == Some(name)) {
            return self.resolve(module, path, depth + 1);
        }
        let stars = uses.iter().filter(|(_, path)| path.last().is_some_and(|last| last == "*"));
        let files = stars.filter_map(|(_, path)| self.resolve(module, &path[..path.len() - 1], depth + 1));
        let defines = |file: &String| {
            self.sources[file].split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
        };
        files.into_iter().find(defines)
    }

    /// The same with one room a folder.
    fn by_folder(self) -> Self {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (file, imported) in self.imports {
            let from = layer(&file).to_owned();
            let to = imported.iter().map(|file| layer(file).to_owned()).filter(|to| *to != from).collect::<Vec<_>>();
            imports.entry(from).or_default().extend(to);
        }
        Self { sources: self.sources, imports }
    }

    /// Groups of files each of which imports, around corners, every other.
    fn circles(&self) -> Vec<Vec<String>> {
        let reach: BTreeMap<&String, BTreeSet<&String>> =
            self.imports.keys().map(|file| (file, self.reached(file))).collect();
        let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
        for (file, reached) in &reach {
            if reached.contains(*file) {
                let circle =
                    reached.iter().filter(|other| reach[**other].contains(*file)).map(|other| (**other).clone());
                circles.insert(circle.collect());
            }
        }
        circles.into_iter().collect()
    }

    fn reached(&self, file: &String) -> BTreeSet<&String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![file];
        while let Some(next) = open.pop() {
            for import in self.imports.get(next).into_iter().flatten() {
                if reached.insert(import) {
                    open.push(import);
                }
            }
        }
        reached
    }
}

/// `["net", "room"]` of `net/room.rs`, and `["net"]` of `net/mod.rs`.
fn module_of(file: &str) -> Vec<String> {
    let place = file.trim_end_matches(".rs");
    let place = place.strip_suffix("/mod").unwrap_or(place);
    if ["lib", "main"].contains(&place) { Vec::new() } else { place.split('/').map(str::to_owned).collect() }
}

/// Where the `use` declarations stand, from the word itself to the semicolon.
fn use_statements(source: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("use ") {
        let before = source[..at].trim_end();
        let starts = before.is_empty() || before.ends_with([';', '}', '{', ']', ')']) || before.ends_with("pub");
        if let Some(end) = source[at..].find(';').filter(|_| starts) {
            found.push((at, at + end));
        }
    }
    found
}

/// The paths of all `use` declarations, braces written out, and whether each hands its name on.
fn uses(source: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    for (start, end) in use_statements(source) {
        let before = source[..start].trim_end();
        let public = before.ends_with("pub") || before.ends_with(')');
        let tree = source[start + "use ".len()..end].split_whitespace().collect::<Vec<_>>().join(" ");
        spread(&tree, &[], public, &mut found);
    }
    found
}

/// Writes `a::{b, c::d}` out.
fn spread(tree: &str, before: &[String], public: bool, found: &mut Vec<(bool, Vec<String>)>) {
    let tree = tree.trim();
    let words = |text: &str| -> Vec<String> {
        let text = text.split(" as ").next().unwrap_or_default();
        text.split("::").map(str::trim).filter(|word| !word.is_empty() && *word != "self").map(str::to_owned).collect()
    };
    let Some((head, rest)) = tree.split_once('{') else {
        let keeps_self = tree.starts_with("self::");
        let own = if keeps_self { vec!["self".to_owned()] } else { Vec::new() };
        found.push((public, [before, &own, &words(tree)].concat()));
        return;
    };
    let before = [before, &words(head)].concat();
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in inside.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                spread(&inside[start..at], &before, public, found);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inside[start..].trim().is_empty() {
        spread(&inside[start..], &before, public, found);
    }
}

/// Paths in the code itself: `crate::a::b` and `child::name`.
fn inline_paths(source: &str) -> Vec<Vec<String>> {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let mut rest = source.to_owned();
    for (start, end) in use_statements(source).into_iter().rev() {
        rest.replace_range(start..end, "");
    }
    let words = rest.split(|letter: char| !is_word(letter));
    let paths = words.filter(|word| word.contains("::") && !word.starts_with(':'));
    paths.map(|path| path.split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect()).collect()
}
