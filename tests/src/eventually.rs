use std::future::Future;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep};

/// How often a probe is repeated. Short against anything a user would notice.
const PAUSE: Duration = Duration::from_millis(60);

/// Repeats `probe` until it succeeds, for at most `within`.
///
/// An error of the probe means "not yet". When time is up the last one is in the message: what was awaited, and what
/// was there instead.
pub async fn eventually<T, P, F>(what: &str, within: Duration, mut probe: P) -> Result<T>
where
    P: FnMut() -> F,
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + within;
    loop {
        // A probe that hangs (a browser that died in the middle of a command) must not outlive the deadline by much.
        let grace = deadline.max(Instant::now()) + Duration::from_secs(10);
        let complaint = match tokio::time::timeout_at(grace, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_) => anyhow!("the browser did not answer"),
        };
        if Instant::now() >= deadline {
            return Err(complaint.context(format!("{what}: not within {} s", within.as_secs_f32())));
        }
        sleep(PAUSE).await;
    }
}

/// How often a program is started before it is given up.
const STARTS: u32 = 3;

/// Starts a program, and starts it again if that fails.
pub(crate) async fn again_if_it_fails<T>(what: &str, start: impl AsyncFn() -> Result<T>) -> Result<T> {
    for _ in 1..STARTS {
        match start().await {
            Ok(started) => return Ok(started),
            Err(error) => eprintln!("{what} is started again: {error:#}"),
        }
    }
    start().await
}
