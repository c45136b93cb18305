//! Whether a build would only make again what is there.

use crate::dist::hex;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// What a build read, and what it left.
pub(crate) struct Stamp {
    file: PathBuf,
    /// What all that it reads hashes to.
    read: String,
}

impl Stamp {
    /// Looks at all that a build reads: files and folders below `root`, and what it is told besides. `file` keeps what that was
    /// when [`Stamp::keep`] was last called.
    pub(crate) fn of(file: PathBuf, root: &Path, reads: &[&str], told: &[String]) -> Result<Self> {
        let mut hash = Sha256::new();
        for text in told {
            add(&mut hash, text.as_bytes());
        }
        for name in reads {
            add_tree(&mut hash, name, &root.join(name))?;
        }
        Ok(Self { file, read: hex(&hash.finalize(), 64) })
    }

    /// Whether the last build read the same, and what it left in `built` is as it left it.
    pub(crate) fn holds(&self, built: &Path) -> bool {
        let kept = std::fs::read_to_string(&self.file);
        built.is_dir() && kept.is_ok_and(|kept| self.text(built).is_ok_and(|text| text == kept))
    }

    /// Notes that a build has read this, and left what is in `built`.
    pub(crate) fn keep(&self, built: &Path) -> Result<()> {
        let text = self.text(built)?;
        std::fs::write(&self.file, text).with_context(|| format!("{} cannot be written", self.file.display()))
    }

    fn text(&self, built: &Path) -> Result<String> {
        let mut hash = Sha256::new();
        add_tree(&mut hash, "", built)?;
        Ok(format!("{} {}", self.read, hex(&hash.finalize(), 64)))
    }
}

/// Adds a file, or all that is in a folder, under its name. What is not there has a hash too.
fn add_tree(hash: &mut Sha256, name: &str, path: &Path) -> Result<()> {
    let cannot = || format!("{} cannot be read", path.display());
    add(hash, name.as_bytes());
    if path.is_dir() {
        let entries = std::fs::read_dir(path).with_context(cannot)?;
        let mut names: Vec<_> =
            entries.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>().with_context(cannot)?;
        names.sort_unstable();
        add(hash, &names.len().to_be_bytes());
        for name in names {
            add_tree(hash, &name.to_string_lossy(), &path.join(&name))?;
        }
    } else if path.exists() {
        add(hash, &std::fs::read(path).with_context(cannot)?);
    }
    Ok(())
}

/// With its length, so that what is divided otherwise is something else.
fn add(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("partyline-unchanged-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&folder);
            for part in ["src/deep", "dist"] {
                std::fs::create_dir_all(folder.join(part)).unwrap();
            }
            for file in ["src/a.rs", "src/deep/b.rs", "Cargo.lock", "dist/index.html"] {
                std::fs::write(folder.join(file), file).unwrap();
            }
            Self(folder)
        }

        fn stamp(&self, told: &str) -> Stamp {
            Stamp::of(self.0.join("stamp"), &self.0, &["src", "Cargo.lock", "missing"], &[told.to_owned()]).unwrap()
        }

        fn holds(&self) -> bool {
            self.stamp("release").holds(&self.0.join("dist"))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn it_holds_until_something_is_otherwise() {
        let folder = Folder::new("changes");
        assert!(!folder.holds(), "nothing was built yet");
        let keep = || folder.stamp("release").keep(&folder.0.join("dist")).unwrap();
        keep();
        assert!(folder.holds());
        assert!(!folder.stamp("debug").holds(&folder.0.join("dist")), "it is told something else");
        let at = |file: &str| folder.0.join(file);
        let changes: [(&str, &dyn Fn()); 6] = [
            ("a file", &|| std::fs::write(at("src/deep/b.rs"), "other").unwrap()),
            ("another file", &|| std::fs::write(at("src/c.rs"), "").unwrap()),
            ("a name", &|| std::fs::rename(at("src/c.rs"), at("src/d.rs")).unwrap()),
            ("no file", &|| std::fs::remove_file(at("src/a.rs")).unwrap()),
            ("what was missing", &|| std::fs::write(at("missing"), "").unwrap()),
            ("what was built", &|| std::fs::write(at("dist/index.html"), "").unwrap()),
        ];
        for (what, change) in changes {
            change();
            assert!(!folder.holds(), "{what}");
            keep();
            assert!(folder.holds(), "{what}");
        }
        std::fs::remove_dir_all(at("dist")).unwrap();
        assert!(!folder.holds(), "what was built is gone");
    }
}
