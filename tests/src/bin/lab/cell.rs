//! What stands in a cell of a table.

use std::time::Duration;

use anyhow::{Result, anyhow};
use partyline_tests::Play;

use crate::Row;

/// Begins a cell that tells of a failure.
pub(crate) const FAILED: &str = "FAILED";

/// A time as in the tables.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// When an experiment is given up. Far more than any needs: what takes long has deadlines of its own.
const GIVE_UP: Duration = Duration::from_secs(300);

/// Makes a cell by an experiment, and says how it went. A failure is told with what every browser showed. `None` for an
/// experiment that is not asked for.
pub(crate) async fn cell<F: Future<Output = Result<String>>>(
    play: &Play,
    filter: &str,
    name: &str,
    experiment: impl FnOnce(Play) -> F,
) -> Option<String> {
    if !name.contains(filter) {
        return None;
    }
    eprint!("{name}: ");
    let play = play.for_test(&name.replace(' ', "-"));
    let outcome = tokio::time::timeout(GIVE_UP, experiment(play.clone())).await;
    let outcome = outcome.unwrap_or_else(|_| Err(anyhow!("not over after {} s", GIVE_UP.as_secs())));
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
    Some(cell)
}

/// A row of what it is about and of cells, unless none of them is asked for.
pub(crate) fn row(about: &[&str], cells: &[Option<String>]) -> Option<Row> {
    cells.iter().any(Option::is_some).then(|| {
        let about = about.iter().map(|text| (*text).to_owned());
        about.chain(cells.iter().map(|cell| cell.clone().unwrap_or_default())).collect()
    })
}
