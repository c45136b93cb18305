use std::sync::Arc;

use anyhow::Result;
use tokio::sync::Mutex;

use crate::courier::Courier;
use crate::{Browser, BrowserKind, BrowserSetup, Host, Lab, Network, RoomPage, Site, Tools};

/// What one test has: sites, and browsers lent from a pool that outlives it.
///
/// A browser process is reused by the next test, with all its tabs closed; since every test visits an origin of its own,
/// nothing else is shared. A test that kills a browser, or needs an empty profile, asks for [`Play::own_browser`].
#[derive(Debug, Clone)]
pub struct Play {
    lab: Arc<Lab>,
    pool: Arc<Mutex<Vec<Arc<Browser>>>>,
    lent: Arc<Mutex<Vec<Lent>>>,
    /// Open until the browsers are taken back: what they show must not be what closing the site did.
    sites: Arc<Mutex<Vec<Arc<Site>>>>,
    networks: Arc<Mutex<Vec<Arc<Network>>>>,
    /// Where browsers refuse changed credentials.
    courier: Option<Arc<Courier>>,
    name: String,
}

#[derive(Debug)]
struct Lent {
    browser: Arc<Browser>,
    own: bool,
}

impl Play {
    /// The first play in a lab.
    pub fn new(lab: Arc<Lab>) -> Self {
        Self::with_pool(lab, Arc::default(), String::new())
    }

    /// A play for the test `name`, with the same lab and pool.
    pub fn for_test(&self, name: &str) -> Self {
        Self::with_pool(Arc::clone(&self.lab), Arc::clone(&self.pool), name.to_owned())
    }

    fn with_pool(lab: Arc<Lab>, pool: Arc<Mutex<Vec<Arc<Browser>>>>, name: String) -> Self {
        let courier = lab.tools().refusing.then(Arc::default);
        Self { lab, pool, lent: Arc::default(), sites: Arc::default(), networks: Arc::default(), courier, name }
    }

    /// The programs in use.
    pub fn tools(&self) -> &Tools {
        self.lab.tools()
    }

    /// A new origin in front of the shared phone book.
    pub async fn site(&self) -> Result<Arc<Site>> {
        self.keep(self.lab.site().await?).await
    }

    /// A new origin in front of the shared phone book, where the next version is served.
    pub async fn site_of_next_version(&self) -> Result<Arc<Site>> {
        let site = self.site().await?;
        self.release_next_version(&site)?;
        Ok(site)
    }

    /// From now on serves the next version there.
    pub fn release_next_version(&self, site: &Site) -> Result<()> {
        site.proxy().serve(&self.tools().next_dist)
    }

    /// A new origin with a phone book that may be killed.
    pub async fn site_of_its_own(&self) -> Result<Arc<Site>> {
        self.keep(self.lab.site_of_its_own().await?).await
    }

    /// A network of this test's own. `seed` is for the packets that get lost.
    pub async fn network(&self, seed: u64) -> Result<Arc<Network>> {
        let network = Arc::new(Network::start(seed)?);
        self.networks.lock().await.push(Arc::clone(&network));
        Ok(network)
    }

    /// An origin with a phone book that may be killed, for the hosts of a network.
    pub async fn site_in(&self, network: &Network) -> Result<Arc<Site>> {
        self.keep(network.site(self.tools()).await?).await
    }

    async fn keep(&self, site: Site) -> Result<Arc<Site>> {
        let site = Arc::new(site);
        self.sites.lock().await.push(Arc::clone(&site));
        Ok(site)
    }

    /// A browser for the person `name`.
    pub async fn browser(&self, kind: BrowserKind, name: &str) -> Result<Arc<Browser>> {
        let idle = {
            let mut pool = self.pool.lock().await;
            pool.iter().position(|browser| browser.kind() == kind).map(|at| pool.swap_remove(at))
        };
        let browser = match idle {
            Some(browser) => browser,
            None => Browser::start(kind, name, self.tools(), BrowserSetup::default()).await?,
        };
        browser.rename(name);
        Ok(self.lend(browser, false).await)
    }

    /// A browser that this test alone uses, with a new profile.
    pub async fn own_browser(&self, kind: BrowserKind, name: &str, setup: BrowserSetup) -> Result<Arc<Browser>> {
        Ok(self.lend(Browser::start(kind, name, self.tools(), setup).await?, true).await)
    }

    /// A browser with a new profile on a host of a network.
    pub async fn browser_on(&self, host: &Arc<Host>, kind: BrowserKind, name: &str) -> Result<Arc<Browser>> {
        self.own_browser_on(host, kind, name, BrowserSetup::default()).await
    }

    /// The same, set up in another way.
    pub async fn own_browser_on(
        &self,
        host: &Arc<Host>,
        kind: BrowserKind,
        name: &str,
        setup: BrowserSetup,
    ) -> Result<Arc<Browser>> {
        Ok(self.lend(Browser::start_on(Some(host), kind, name, self.tools(), setup).await?, true).await)
    }

    async fn lend(&self, browser: Arc<Browser>, own: bool) -> Arc<Browser> {
        if let Some(courier) = &self.courier {
            browser.set_courier(courier);
        }
        self.lent.lock().await.push(Lent { browser: Arc::clone(&browser), own });
        browser
    }

    /// Ends the test: takes the browsers back and, if it failed, adds to the error what each of them showed.
    pub async fn end(self, outcome: Result<()>) -> Result<()> {
        let report = match &outcome {
            Ok(()) => None,
            Err(_) => Some(self.report().await),
        };
        for Lent { browser, own } in self.lent.lock().await.drain(..) {
            // After a failure nothing is known about a browser: it is not used again.
            if own || outcome.is_err() || browser.clear().await.is_err() {
                browser.kill().await;
            } else {
                self.pool.lock().await.push(browser);
            }
        }
        match (outcome, report) {
            (Err(error), Some(report)) => Err(error.context(report)),
            (outcome, _) => outcome,
        }
    }

    /// Closes the browsers that wait for the next test.
    pub async fn close(&self) {
        for browser in self.pool.lock().await.drain(..) {
            browser.kill().await;
        }
    }

    async fn report(&self) -> String {
        let mut report = String::new();
        for Lent { browser, .. } in self.lent.lock().await.iter() {
            report += &format!("--- {} ({:?})\n", browser.name(), browser.kind());
            for (number, tab) in browser.tabs().await.unwrap_or_default().into_iter().enumerate() {
                let file = format!("{}-{}-{number}.png", self.name.replace("::", "-"), browser.name());
                let picture = self.tools().failures().join(file);
                let kept = match tab.screenshot(&picture).await {
                    Ok(()) => picture.display().to_string(),
                    Err(error) => format!("no picture: {error:#}"),
                };
                // The fragment of the address is a secret; which page it is can be told without it.
                let url = tab.url().await.unwrap_or_default();
                let url = url.split('#').next().unwrap_or_default().to_owned();
                let page = RoomPage::in_tab(tab);
                let status = match page.status().await {
                    Ok(status) => status,
                    Err(error) => format!("{error:#}"),
                };
                report += &format!("tab {number}: {url}\n  status: {status}\n  picture: {kept}\n");
                let history = page.history().await.unwrap_or_default();
                for line in history.lines() {
                    report += &format!("  history: {line}\n");
                }
            }
            let console = browser.console().await.unwrap_or_default();
            for line in console.iter().skip(console.len().saturating_sub(25)) {
                report += &format!("  console: {line}\n");
            }
        }
        report
    }
}
