//! Node.js: checked, never installed by us.

use crate::exec;
use crate::versions::NODE_MAJOR;
use anyhow::{Context, Result, bail};

/// Makes sure that Node.js and npm are here, and new enough.
pub(crate) fn check() -> Result<()> {
    let advice = format!("Install Node.js {NODE_MAJOR} or newer, with npm, from https://nodejs.org or your system");
    let said = exec::output(exec::command("node").arg("--version"))
        .with_context(|| format!("Node.js is missing; wrangler, wasm-opt and esbuild need it. {advice}"))?;
    match major(&said) {
        Some(found) if found >= NODE_MAJOR => {}
        _ => bail!("Node.js {} is too old: wrangler needs {NODE_MAJOR} or newer. {advice}", said.trim()),
    }
    if exec::find("npm").is_none() {
        bail!("Node.js is here but npm is not. {advice}");
    }
    Ok(())
}

/// The first number of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("20"), None);
    }
}
