//! What stands in a cell of a table.

use std::time::Duration;

use anyhow::Result;
use partyline_tests::Play;

/// Begins a cell that tells of a failure.
pub(crate) const FAILED: &str = "FAILED";

/// A time as in the tables.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// Makes a cell by an experiment, and says how it went. A failure is told with what every browser showed.
pub(crate) async fn cell<F: Future<Output = Result<String>>>(
    play: &Play,
    name: &str,
    experiment: impl FnOnce(Play) -> F,
) -> String {
    eprint!("{name}: ");
    let play = play.for_test(&name.replace(' ', "-"));
    let outcome = experiment(play.clone()).await;
    let (outcome, cell) = match outcome {
        Ok(cell) => (Ok(()), cell),
        Err(error) => {
            let cause = error.root_cause().to_string();
            (Err(error), format!("{FAILED}: {}", cause.lines().next().unwrap_or_default()))
        }
    };
    eprintln!("{cell}");
    if let Err(error) = play.end(outcome).await {
        eprintln!("{error:#}");
    }
    cell
}
