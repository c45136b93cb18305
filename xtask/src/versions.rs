//! The one table of pinned versions.

/// A tool that `cargo install` builds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CargoTool {
    /// The package at crates.io.
    pub(crate) package: &'static str,
    /// The program that it installs and that we look for.
    pub(crate) program: &'static str,
    /// The exact version, or none where Cargo.lock decides.
    pub(crate) version: Option<&'static str>,
    /// What it is for, shown while it is installed.
    pub(crate) purpose: &'static str,
    /// Minutes that the installation took on two cores.
    pub(crate) minutes: u8,
}

/// Builds the app and its page.
pub(crate) const TRUNK: CargoTool = CargoTool {
    package: "trunk",
    program: "trunk",
    version: Some("0.21.14"),
    purpose: "builds the app and its page",
    minutes: 6,
};

/// Writes the JavaScript beside each wasm. It must match the `wasm-bindgen` of Cargo.lock to the digit.
pub(crate) const WASM_BINDGEN: CargoTool = CargoTool {
    package: "wasm-bindgen-cli",
    program: "wasm-bindgen",
    version: None,
    purpose: "joins wasm and JavaScript, and runs tests in browsers",
    minutes: 2,
};

/// Builds the phone book. 0.8.7 knows wasm-bindgen up to 0.2.129.
pub(crate) const WORKER_BUILD: CargoTool = CargoTool {
    package: "worker-build",
    program: "worker-build",
    version: Some("0.8.7"),
    purpose: "builds the phone book for Cloudflare",
    minutes: 3,
};

/// Drives Firefox in tests.
pub(crate) const GECKODRIVER: CargoTool = CargoTool {
    package: "geckodriver",
    program: "geckodriver",
    version: Some("0.37.1"),
    purpose: "drives Firefox in tests",
    minutes: 2,
};

/// Reads `deny.toml`.
pub(crate) const CARGO_DENY: CargoTool = CargoTool {
    package: "cargo-deny",
    program: "cargo-deny",
    version: Some("0.20.2"),
    purpose: "checks licences and duplicates of dependencies",
    minutes: 2,
};

/// A package that npm installs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NpmPackage {
    /// Its name at npm.
    pub(crate) name: &'static str,
    /// The exact version.
    pub(crate) version: &'static str,
    /// What it is for, shown while it is installed.
    pub(crate) purpose: &'static str,
}

/// What building and running needs from npm.
pub(crate) const NPM: [NpmPackage; 3] = [
    // The newest that runs on Node.js 20.
    NpmPackage { name: "wrangler", version: "4.86.0", purpose: "runs the phone book here, and publishes it" },
    NpmPackage { name: "binaryen", version: "132.0.0", purpose: "has wasm-opt, which makes wasm small" },
    NpmPackage { name: "esbuild", version: "0.28.2", purpose: "makes JavaScript and CSS small" },
];

/// What the tests need from npm as well.
pub(crate) const NPM_FOR_TESTS: [NpmPackage; 1] =
    [NpmPackage { name: "axe-core", version: "4.14.1", purpose: "finds barriers on every screen" }];

/// The libraries that people would pick instead of our engine, which is measured beside them; and what bundles them.
pub(crate) const NPM_FOR_ENGINES: [NpmPackage; 7] = [
    NpmPackage { name: "esbuild", version: "0.28.2", purpose: "bundles the libraries" },
    NpmPackage { name: "yjs", version: "13.6.33", purpose: "is measured beside our engine" },
    NpmPackage { name: "y-indexeddb", version: "9.0.12", purpose: "keeps what Yjs has" },
    NpmPackage { name: "@automerge/automerge", version: "3.5.0", purpose: "is measured beside our engine" },
    NpmPackage { name: "loro-crdt", version: "1.17.1", purpose: "is measured beside our engine" },
    NpmPackage { name: "tinybase", version: "10.0.1", purpose: "is measured beside our engine" },
    NpmPackage { name: "pouchdb", version: "9.0.0", purpose: "is measured beside our engine" },
];

/// The oldest Node.js that [`NPM`] runs on.
pub(crate) const NODE_MAJOR: u32 = 20;

/// The target of all three wasm crates.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages that the standard library for [`WASM_TARGET`] can be built from.
pub(crate) const DEBIAN_RUST: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_exact() {
        let cargo =
            [TRUNK, WASM_BINDGEN, WORKER_BUILD, GECKODRIVER, CARGO_DENY].into_iter().filter_map(|tool| tool.version);
        let npm = NPM.into_iter().chain(NPM_FOR_TESTS).chain(NPM_FOR_ENGINES).map(|package| package.version);
        for version in cargo.chain(npm) {
            let numbers = version.split('.').filter(|part| part.parse::<u64>().is_ok()).count();
            assert_eq!(numbers, 3, "{version} leaves a choice");
        }
    }

    #[test]
    fn trunks_own_configuration_asks_for_the_same_version() {
        let configuration = include_str!("../../Trunk.toml");
        let version = TRUNK.version.unwrap();
        assert!(configuration.contains(&format!("trunk-version = \"={version}\"")));
    }
}
