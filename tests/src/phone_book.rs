use std::ffi::{OsStr, OsString};
use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::{Group, Tools, eventually, http_get};

/// One workerd with the phone book and the app's files, under `wrangler dev`.
#[derive(Debug)]
pub struct PhoneBook {
    group: Group,
    port: u16,
    /// Where workerd may write; the phone book must not, but wrangler insists on a place.
    _state: TempDir,
}

impl PhoneBook {
    /// Starts it on a free port and waits until it answers.
    pub async fn start(tools: &Tools) -> Result<Self> {
        let state = tempfile::tempdir()?;
        let (port, inspector) = (free_port()?, free_port()?);
        let arguments: Vec<OsString> = [
            "dev".into(),
            "--config".into(),
            tools.worker_config.clone().into_os_string(),
            "--ip".into(),
            "127.0.0.1".into(),
            "--port".into(),
            port.to_string().into(),
            "--inspector-port".into(),
            inspector.to_string().into(),
            "--persist-to".into(),
            state.path().as_os_str().to_owned(),
            "--show-interactive-dev-session=false".into(),
            "--log-level=warn".into(),
        ]
        .into();
        let environment = [
            ("CI", OsStr::new("1")),
            ("WRANGLER_SEND_METRICS", OsStr::new("false")),
            ("WRANGLER_LOG_PATH", state.path().as_os_str()),
        ];
        let log = tools.logs().join(format!("wrangler-{port}.log"));
        let group = Group::start(&tools.wrangler, arguments, &environment, tools.worker_config.parent(), &log)?;
        eventually("the phone book answers", Duration::from_secs(90), || async {
            let health = http_get(port, "/health").await?;
            ensure!(health.status == 200, "/health answers {}", health.status);
            Ok(())
        })
        .await
        .with_context(|| format!("see {}", log.display()))?;
        Ok(Self { group, port, _state: state })
    }

    /// The port that workerd itself listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills wrangler and workerd for good.
    pub fn kill(&mut self) {
        self.group.kill();
    }
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}
