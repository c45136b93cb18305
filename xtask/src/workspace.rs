//! Where things are in this work tree.

use crate::exec;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The work tree and cargo's target folder.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    test_files: Vec<String>,
}

impl Workspace {
    /// Finds the work tree from the current folder upwards.
    pub(crate) fn find() -> Result<Workspace> {
        let here = std::env::current_dir().context("the current folder cannot be read")?;
        let Some(root) = here.ancestors().find(|folder| folder.join("Trunk.toml").is_file()) else {
            bail!("{} is not inside Partyline's work tree (no Trunk.toml there or above)", here.display());
        };
        let metadata = exec::output(
            exec::command("cargo").args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root),
        )?;
        let metadata: Value = serde_json::from_str(&metadata).context("`cargo metadata` did not answer in JSON")?;
        let target = metadata
            .get("target_directory")
            .and_then(Value::as_str)
            .context("`cargo metadata` names no target folder")?;
        Ok(Workspace { root: root.to_owned(), target: target.into(), test_files: test_files(&metadata) })
    }

    /// The top folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path given from the top folder.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Cargo's target folder.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The names of all test targets, as in `cargo test --test NAME`.
    pub(crate) fn test_files(&self) -> &[String] {
        &self.test_files
    }

    /// A folder of ours below the target folder, made if missing.
    pub(crate) fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.target.join("partyline").join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(folder)
    }

    /// The version of `package` in Cargo.lock.
    pub(crate) fn locked_version(&self, package: &str) -> Result<String> {
        let path = self.path("Cargo.lock");
        let lock = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        locked_version(&lock, package)
            .with_context(|| format!("{} names no version of {package}", path.display()))
            .map(str::to_owned)
    }
}

/// The names of the test targets in what `cargo metadata` says.
fn test_files(metadata: &Value) -> Vec<String> {
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let targets = list(metadata, "packages").into_iter().flat_map(|package| list(&package, "targets"));
    let mut names: Vec<String> = targets
        .filter(|target| list(target, "kind").iter().any(|kind| kind == "test"))
        .filter_map(|target| target.get("name")?.as_str().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The version of the first package of this name in the text of a Cargo.lock.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.next()?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.79\"\n\n\
                        [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.129\"\n";

    #[test]
    fn reads_the_version_of_exactly_the_named_package() {
        assert_eq!(locked_version(LOCK, "wasm-bindgen"), Some("0.2.129"));
    }

    #[test]
    fn lists_test_targets_and_no_others() {
        let metadata = serde_json::json!({ "packages": [
            { "targets": [{ "kind": ["lib"], "name": "a" }, { "kind": ["test"], "name": "contract" }] },
            { "targets": [{ "kind": ["bin"], "name": "b" }, { "kind": ["test"], "name": "codecs" }] },
        ] });
        assert_eq!(test_files(&metadata), ["codecs", "contract"]);
    }

    #[test]
    fn knows_no_version_of_a_package_that_is_not_locked() {
        assert_eq!(locked_version(LOCK, "wasm"), None);
    }
}
