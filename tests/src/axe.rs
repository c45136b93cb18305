use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::Tab;

/// Something that axe-core found wrong.
#[derive(Debug, Clone, Deserialize)]
pub struct Violation {
    /// The rule, such as `color-contrast`.
    pub id: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: Option<String>,
    /// What the rule wants.
    pub help: String,
    /// The markup concerned.
    pub nodes: Vec<String>,
}

/// The serious and critical violations that axe-core finds in what the tab shows.
pub async fn violations(tab: &Tab, axe: &std::path::Path) -> Result<Vec<Violation>> {
    let source = std::fs::read_to_string(axe).with_context(|| format!("cannot read {}", axe.display()))?;
    // Loaded and run in one script: what a script defines is not there for the next one in every browser.
    let script = format!(
        "{source}
        const done = arguments[arguments.length - 1];
        const tell = ({{ id, impact, help, nodes }}) =>
          ({{ id, impact, help, nodes: nodes.map(node => node.html + ' ' + (node.failureSummary ?? '')) }});
        window.axe.run(document, {{ resultTypes: ['violations'] }})
          .then(result => done({{ Ok: result.violations.map(tell) }}), error => done({{ Err: String(error) }}));"
    );
    let answer: Result<Vec<Violation>, String> = tab.execute_async(&script, vec![]).await?;
    let mut violations = answer.map_err(anyhow::Error::msg).context("axe-core fails")?;
    violations.retain(|violation| matches!(violation.impact.as_deref(), Some("serious" | "critical")));
    Ok(violations)
}
