use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::command::Command;
use thirtyfour::session::handle::SessionHandle;
use thirtyfour::{Capabilities, WebDriver, WindowHandle};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::courier::Courier;
use crate::network::{Door, ORIGIN_PORT};
use crate::phone_book::free_port;
use crate::{BrowserSetup, Camera, ColorScheme, Group, Host, Tab, Tools, again_if_it_fails, eventually};

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowserKind {
    /// Chromium, through chromedriver.
    Chromium,
    /// Firefox, through geckodriver.
    Firefox,
}

/// A browser process with a profile of its own.
///
/// The profile outlives the process: [`Browser::kill`] and [`Browser::start_again`] are a crash and the return from it.
/// Commands to one browser are sent one after another, whichever tab they are for.
#[derive(Debug)]
pub struct Browser {
    kind: BrowserKind,
    name: std::sync::Mutex<String>,
    tools: Tools,
    setup: BrowserSetup,
    /// Where it runs, if not here.
    host: Option<Arc<Host>>,
    profile: TempDir,
    running: Mutex<Option<Running>>,
    /// Lives as long as the test that has the browser.
    courier: std::sync::Mutex<Weak<Courier>>,
    starts: AtomicU32,
}

/// A driver that listens, without a browser.
struct Driver {
    group: Group,
    door: Option<Door>,
    port: u16,
}

/// What ends when the process is killed.
#[derive(Debug)]
pub(crate) struct Running {
    /// Dropped first: the driver and the browser die before the session's handle goes.
    group: Group,
    /// Through which the driver is reached that runs in another network.
    _door: Option<Door>,
    session: Arc<SessionHandle>,
    window: WindowHandle,
}

impl Browser {
    /// Starts a browser with a new profile. `name` is for logs and failure reports.
    pub async fn start(kind: BrowserKind, name: &str, tools: &Tools, setup: BrowserSetup) -> Result<Arc<Self>> {
        Self::start_on(None, kind, name, tools, setup).await
    }

    /// The same on a host of a [`Network`](crate::Network).
    pub async fn start_on(
        host: Option<&Arc<Host>>,
        kind: BrowserKind,
        name: &str,
        tools: &Tools,
        setup: BrowserSetup,
    ) -> Result<Arc<Self>> {
        let browser = Self {
            kind,
            name: std::sync::Mutex::new(name.to_owned()),
            tools: tools.clone(),
            setup,
            host: host.cloned(),
            profile: tempfile::Builder::new().prefix("partyline-profile-").tempdir()?,
            running: Mutex::new(None),
            courier: std::sync::Mutex::default(),
            starts: AtomicU32::new(0),
        };
        browser.start_again().await?;
        Ok(Arc::new(browser))
    }

    /// Which browser this is.
    pub fn kind(&self) -> BrowserKind {
        self.kind
    }

    /// What the tests call it.
    pub fn name(&self) -> String {
        self.name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it refuses changed ICE credentials.
    pub(crate) fn refuses(&self) -> bool {
        self.kind == BrowserKind::Chromium && (self.setup.refuse_changed_credentials || self.tools.refusing)
    }

    /// Who carries codes for it, where that has to be.
    pub(crate) fn courier(&self) -> Option<Arc<Courier>> {
        self.courier.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    pub(crate) fn set_courier(&self, courier: &Arc<Courier>) {
        *self.courier.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(courier);
    }

    pub(crate) fn rename(&self, name: &str) {
        name.clone_into(&mut self.name.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Starts the browser on the profile it had.
    pub async fn start_again(&self) -> Result<()> {
        let mut running = self.running.lock().await;
        drop(running.take());
        let log = self.log_path(self.starts.fetch_add(1, Ordering::Relaxed) + 1);
        let started = async {
            let Driver { group, door, port } = self.start_driver(&log).await?;
            let url = format!("http://127.0.0.1:{port}");
            // A browser gives a service worker that does not start a minute, and then loads the page without it.
            let driver = WebDriver::builder(url, self.capabilities()?)
                .request_timeout(Duration::from_secs(100))
                .connect()
                .await
                .context("the browser does not start")?;
            let session = Arc::clone(driver.handle());
            // The group ends the session; without this, dropping the handle would block on a driver that may be dead.
            driver.leak().map_err(|_| anyhow!("the session is over"))?;
            session.set_script_timeout(Duration::from_secs(30)).await?;
            let window = session.window().await?;
            anyhow::Ok(Running { group, _door: door, session, window })
        };
        *running = Some(started.await.with_context(|| format!("{}, see {}", self.name(), log.display()))?);
        Ok(())
    }

    /// Starts the driver on a free port; anew, if somebody else takes that port before it does.
    async fn start_driver(&self, log: &Path) -> Result<Driver> {
        again_if_it_fails("the driver", async || self.start_driver_once(log).await).await
    }

    async fn start_driver_once(&self, log: &Path) -> Result<Driver> {
        let port = free_port()?;
        let (driver, arguments, environment) = match self.kind {
            BrowserKind::Chromium => (&self.tools.chromedriver, vec![format!("--port={port}")], vec![]),
            BrowserKind::Firefox => {
                let arguments =
                    vec!["--port".to_owned(), port.to_string(), "--host".to_owned(), "127.0.0.1".to_owned()];
                let arguments = [arguments, vec!["--marionette-port".to_owned(), free_port()?.to_string()]].concat();
                let zone = self.setup.zone.map(|zone| ("TZ", OsStr::new(zone)));
                let environment = [("MOZ_CRASHREPORTER_DISABLE", OsStr::new("1"))].into_iter().chain(zone).collect();
                (&self.tools.geckodriver, arguments, environment)
            }
        };
        let arguments = arguments.into_iter().map(OsString::from);
        let (group, door) = match &self.host {
            None => (Group::start(driver, arguments, &environment, None, log)?, None),
            Some(host) => {
                let inside = ["netns".into(), "exec".into(), host.namespace().name().into(), driver.into()];
                let arguments = inside.into_iter().chain(arguments);
                (Group::start(Path::new("ip"), arguments, &environment, None, log)?, Some(host.reach(port)?))
            }
        };
        eventually("the driver listens", Duration::from_secs(15), || async {
            // Not only a connection, which a door takes whether or not anybody is behind it. No driver ends a
            // connection by itself, so the first byte of an answer has to do.
            let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
            let ask = format!("GET /status HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
            stream.write_all(ask.as_bytes()).await?;
            ensure!(stream.read(&mut [0]).await? == 1, "no answer");
            Ok(())
        })
        .await?;
        Ok(Driver { group, door, port })
    }

    /// Kills the browser at once (SIGKILL), as a crash or an empty battery does.
    pub async fn kill(&self) {
        if let Some(mut running) = self.running.lock().await.take() {
            running.group.kill();
        }
    }

    /// Kills the processes of all its pages and workers (SIGKILL), in Chromium; the browser itself goes on.
    pub async fn kill_pages(&self) -> Result<()> {
        let killed = self.running().await?.group.kill_those_with("--type=renderer")?;
        anyhow::ensure!(killed > 0, "{} has no process for pages", self.name());
        Ok(())
    }

    /// Closes the browser as a user does.
    pub async fn quit(&self) -> Result<()> {
        if let Some(running) = self.running.lock().await.take() {
            running.session.cmd(Command::DeleteSession).await?;
        }
        Ok(())
    }

    /// Whether some file of the profile has this text in it, in UTF-8: what the browser would still know if it were killed.
    pub fn has_on_disk(&self, text: &str) -> Result<bool> {
        has_in_folder(self.profile.path(), text.as_bytes())
    }

    /// Copies the profile of a browser that does not run.
    pub fn back_up(&self) -> Result<TempDir> {
        let backup = tempfile::Builder::new().prefix("partyline-backup-").tempdir()?;
        copy_folder(self.profile.path(), backup.path())?;
        Ok(backup)
    }

    /// Makes the profile of a browser that does not run what it was.
    pub fn put_back(&self, backup: &TempDir) -> Result<()> {
        for entry in std::fs::read_dir(self.profile.path())? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        copy_folder(backup.path(), self.profile.path())
    }

    /// The tab that is in front.
    pub async fn tab(self: &Arc<Self>) -> Result<Tab> {
        let window = self.running().await?.window.clone();
        Ok(Tab::new(Arc::clone(self), window))
    }

    /// Opens another, empty tab and brings it to the front.
    pub async fn new_tab(self: &Arc<Self>) -> Result<Tab> {
        let mut running = self.running().await?;
        let window = running.session.new_tab().await?;
        running.switch_to(&window).await?;
        drop(running);
        let tab = Tab::new(Arc::clone(self), window);
        self.apply_scheme(&tab).await?;
        Ok(tab)
    }

    /// Opens `url` in a new tab.
    pub async fn open(self: &Arc<Self>, url: &str) -> Result<Tab> {
        let tab = self.new_tab().await?;
        tab.goto(url).await?;
        Ok(tab)
    }

    /// Every open tab.
    pub async fn tabs(self: &Arc<Self>) -> Result<Vec<Tab>> {
        let windows = self.running().await?.session.windows().await?;
        Ok(windows.into_iter().map(|window| Tab::new(Arc::clone(self), window)).collect())
    }

    /// Closes every tab and leaves an empty one, so that the next test finds nothing of this one.
    pub async fn clear(self: &Arc<Self>) -> Result<()> {
        let old = self.tabs().await?;
        self.new_tab().await?;
        for tab in old {
            tab.close().await?;
        }
        Ok(())
    }

    /// What pages wrote to the console since the last call, newest last; for Firefox the tail of its log.
    pub async fn console(&self) -> Result<Vec<String>> {
        match self.kind {
            BrowserKind::Chromium => {
                let entries = self.running().await?.session.get_log("browser").await?;
                Ok(entries.into_iter().map(|entry| format!("{:?} {}", entry.level, entry.message)).collect())
            }
            BrowserKind::Firefox => {
                let log = std::fs::read(self.log_path(self.starts.load(Ordering::Relaxed)))?;
                let log = String::from_utf8_lossy(&log);
                let lines = log.lines().filter(|line| line.starts_with("console.") || line.contains("JavaScript "));
                Ok(lines.map(str::to_owned).collect())
            }
        }
    }

    pub(crate) async fn running(&self) -> Result<MappedMutexGuard<'_, Running>> {
        MutexGuard::try_map(self.running.lock().await, Option::as_mut)
            .map_err(|_| anyhow!("{} is not running", self.name()))
    }

    /// Chromium takes the colour scheme for each tab anew; Firefox has it in its profile.
    async fn apply_scheme(&self, tab: &Tab) -> Result<()> {
        if self.kind == BrowserKind::Chromium && self.setup.scheme == ColorScheme::Dark {
            tab.emulate_scheme(self.setup.scheme).await?;
        }
        Ok(())
    }

    fn log_path(&self, start: u32) -> std::path::PathBuf {
        let profile = self.profile.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.tools.logs().join(format!("{profile}-{start}.log"))
    }

    fn capabilities(&self) -> Result<Capabilities> {
        let capabilities = match self.kind {
            BrowserKind::Chromium => self.chromium_capabilities(),
            BrowserKind::Firefox => self.firefox_capabilities(),
        };
        let Value::Object(map) = capabilities else { anyhow::bail!("capabilities are an object") };
        Ok(Capabilities::from(map))
    }

    fn chromium_capabilities(&self) -> Value {
        let mut arguments = vec![
            "--headless".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--no-first-run".to_owned(),
            "--lang=en-US".to_owned(),
            "--window-size=1280,900".to_owned(),
            format!("--user-data-dir={}", self.profile.path().display()),
        ];
        if Tools::is_root(self.profile.path()) {
            arguments.push("--no-sandbox".to_owned());
        }
        if self.refuses() {
            arguments.push("--force-fieldtrials=WebRTC-NoSdpMangleUfrag/Enabled/".to_owned());
        }
        if let Some(name) = self.setup.user_agent {
            arguments.push(format!("--user-agent={name}"));
        }
        if self.setup.guards_local_network {
            arguments.push("--enable-features=LocalNetworkAccessChecksWebRTC".to_owned());
            arguments.push(format!("--ip-address-space-overrides=127.0.0.1:{ORIGIN_PORT}=public"));
        }
        match &self.setup.camera {
            None => {}
            Some(Camera::Refused) => {
                arguments.push("--use-fake-device-for-media-stream".to_owned());
                arguments.push("--deny-permission-prompts".to_owned());
            }
            Some(Camera::Sees(file)) => {
                arguments.push("--use-fake-device-for-media-stream".to_owned());
                arguments.push("--use-fake-ui-for-media-stream".to_owned());
                arguments.push(format!("--use-file-for-fake-video-capture={}", file.display()));
            }
        }
        json!({
            "browserName": "chrome",
            "goog:chromeOptions": {
                "binary": self.tools.chromium,
                "args": arguments,
                // Not a search engine's page: where there is no Internet, the first tab would wait for it.
                "prefs": {
                    "webrtc.ip_handling_policy":
                        if self.setup.hides_addresses { "disable_non_proxied_udp" } else { "default" },
                    // 1 allows cookies and whatever else a site keeps, 2 blocks it.
                    "profile.default_content_setting_values.cookies": if self.setup.keeps_nothing { 2 } else { 1 },
                    "session.restore_on_startup": 4,
                    "session.startup_urls": ["about:blank"],
                    "download.default_directory": self.downloads(),
                },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
        })
    }

    /// Where it puts files that a page has it save.
    fn downloads(&self) -> PathBuf {
        self.profile.path().join("downloads")
    }

    /// Waits until it has saved a file of this name, and gives its content.
    pub async fn saved(&self, name: &str) -> Result<String> {
        let file = self.downloads().join(name);
        eventually(&format!("{name} is saved"), Duration::from_secs(20), || async {
            let text = std::fs::read_to_string(&file)?;
            // Chromium and Firefox first write another one; Firefox holds the place with an empty one.
            ensure!(!text.is_empty(), "it is empty");
            Ok(text)
        })
        .await
    }

    fn firefox_capabilities(&self) -> Value {
        let scheme = match self.setup.scheme {
            ColorScheme::Dark => 0,
            ColorScheme::Light => 1,
        };
        let usual = json!({
            "layout.css.prefers-color-scheme.content-override": scheme,
            "dom.serviceWorkers.enabled": !self.setup.without_service_workers,
            "media.peerconnection.ice.proxy_only": self.setup.hides_addresses,
            "devtools.console.stdout.content": true,
            "network.captive-portal-service.enabled": false,
            "network.connectivity-service.enabled": false,
            "datareporting.policy.dataSubmissionEnabled": false,
            // 2 is the folder that the next line names.
            "browser.download.folderList": 2,
            "browser.download.dir": self.downloads(),
        });
        let name = self.setup.user_agent.map(|name| ("general.useragent.override", json!(name)));
        // 2 blocks cookies and whatever else a site keeps.
        let nothing = self.setup.keeps_nothing.then(|| ("network.cookie.cookieBehavior", json!(2)));
        let mut prefs = usual.as_object().cloned().unwrap_or_default();
        prefs.extend(name.into_iter().chain(nothing).map(|(name, value)| (name.to_owned(), value)));
        json!({
            "browserName": "firefox",
            "moz:firefoxOptions": {
                "binary": self.tools.firefox,
                "args": ["-headless", "-profile", self.profile.path()],
                "prefs": prefs,
            },
        })
    }
}

impl Running {
    /// Directs the commands that follow to `window`, which also brings it to the front.
    pub(crate) async fn switch_to(&mut self, window: &WindowHandle) -> Result<()> {
        if self.window != *window {
            self.session.switch_to_window(window.clone()).await?;
            self.window = window.clone();
        }
        Ok(())
    }

    pub(crate) fn session(&self) -> &Arc<SessionHandle> {
        &self.session
    }

    /// Closes the current window and continues with `next`.
    pub(crate) async fn close_window(&mut self, next: Option<WindowHandle>) -> Result<()> {
        self.session.close_window().await?;
        if let Some(next) = next {
            self.session.switch_to_window(next.clone()).await?;
            self.window = next;
        }
        Ok(())
    }
}

fn has_in_folder(folder: &Path, text: &[u8]) -> Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        let (kind, path) = entry.and_then(|entry| Ok((entry.file_type()?, entry.path())))?;
        let found = if kind.is_dir() {
            has_in_folder(&path, text)?
        } else {
            // A file of a browser that runs may be gone by now.
            kind.is_file() && std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text))
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to)?;
        }
        // A lock of a browser that runs is a link; a copy has no use for it.
    }
    Ok(())
}
