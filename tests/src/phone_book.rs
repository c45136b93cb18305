use std::ffi::{OsStr, OsString};
use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::{Group, Tools, again_if_it_fails, eventually, http_get};

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
    ///
    /// A port that was free may be somebody else's by the time that workerd listens. Then wrangler ends, or sits there
    /// without listening; it is killed and started anew on another port.
    pub async fn start(tools: &Tools) -> Result<Self> {
        again_if_it_fails("the phone book", async || Self::start_once(tools).await).await
    }

    async fn start_once(tools: &Tools) -> Result<Self> {
        let state = tempfile::tempdir()?;
        let [port, inspector] = free_ports()?;
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
            // It would ask Cloudflare where this machine is, at each start.
            ("CLOUDFLARE_CF_FETCH_ENABLED", OsStr::new("false")),
            ("WRANGLER_LOG_PATH", state.path().as_os_str()),
        ];
        let log = tools.logs().join(format!("wrangler-{port}.log"));
        let mut group = Group::start(&tools.wrangler, arguments, &environment, tools.worker_config.parent(), &log)?;
        let answers = eventually("the phone book answers", Duration::from_secs(60), || {
            let has_ended = group.has_ended();
            async move {
                if has_ended {
                    return Ok(false);
                }
                let health = http_get(port, "/health").await?;
                ensure!(health.status == 200, "/health answers {}", health.status);
                Ok(true)
            }
        })
        .await
        .with_context(|| format!("see {}", log.display()))?;
        ensure!(answers, "wrangler ended before the phone book answered: see {}", log.display());
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
    free_ports().map(|[port]| port)
}

/// Different ports that nobody listens on now.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // All are held until the last is found, so that none is found twice.
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}
