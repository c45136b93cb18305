use anyhow::{Result, ensure};
use partyline_tests::Tab;
use serde_json::Value;

/// What a page's function resolves to, however long that takes.
pub(crate) async fn awaited(tab: &Tab, function: &str, arguments: Vec<Value>) -> Result<Value> {
    // A driver waits for a script for a while only, and some take longer.
    const WAIT: &str = "
        const done = arguments[arguments.length - 1];
        Promise.race([measuring, new Promise(later => setTimeout(later, 15_000, null))]).then(done);";
    let begin = format!(
        "window.measuring = {function}(...arguments)
            .catch(error => ({{ failed: `${{error}} ${{error?.stack ?? ''}}` }}));
        return null;"
    );
    tab.execute::<()>(&begin, arguments).await?;
    let mut measured = Value::Null;
    while measured.is_null() {
        measured = match tab.execute_async(WAIT, vec![]).await {
            // The page was too busy to say that it is.
            Err(error) if error.to_string().contains("script timeout") => Value::Null,
            told => told?,
        };
    }
    ensure!(measured.get("failed").is_none(), "{measured}");
    Ok(measured)
}
