use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::sync::Mutex;

use crate::{PhoneBook, Proxy, eventually, http_get};

/// The app and its phone book at an origin of their own: what a test's browsers visit.
///
/// Storage and service workers belong to an origin, so two sites share nothing, even in the same browser.
#[derive(Debug)]
pub struct Site {
    proxy: Proxy,
    phone_book: Arc<Mutex<PhoneBook>>,
    upstream: u16,
    origin: String,
    /// Whether the phone book belongs to this site alone, so that it may be killed.
    own: bool,
}

impl Site {
    pub(crate) async fn open(phone_book: Arc<Mutex<PhoneBook>>, own: bool) -> Result<Self> {
        let upstream = phone_book.lock().await.port();
        let proxy = Proxy::start(upstream).await?;
        let origin = format!("http://localhost:{}", proxy.port());
        Ok(Self { proxy, phone_book, upstream, origin, own })
    }

    /// A site that is reached across a [`Network`](crate::Network) only, with a phone book of its own.
    pub(crate) fn far(phone_book: PhoneBook, proxy: Proxy, origin: String) -> Self {
        let upstream = phone_book.port();
        Self { proxy, phone_book: Arc::new(Mutex::new(phone_book)), upstream, origin, own: true }
    }

    /// The origin, without a slash at the end.
    pub fn origin(&self) -> String {
        self.origin.clone()
    }

    /// What stands in front of the server.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The port of workerd, for requests that are not a browser's.
    pub fn upstream(&self) -> u16 {
        self.upstream
    }

    /// The script of the service worker, as the server has it.
    pub async fn service_worker(&self) -> Result<String> {
        Ok(String::from_utf8(http_get(self.upstream, "/sw.js").await?.body)?)
    }

    /// Serves another one in its place.
    pub fn replace_service_worker(&self, script: String) {
        self.proxy.replace("/sw.js", "text/javascript", script.into_bytes());
    }

    /// Kills workerd and wrangler for good and makes sure that nobody answers any more.
    pub async fn kill_phone_book(&self) -> Result<()> {
        ensure!(self.own, "this phone book is shared: ask for a site with a phone book of its own");
        self.phone_book.lock().await.kill();
        self.proxy.cut().await;
        eventually("the phone book is dead", Duration::from_secs(5), || async {
            ensure!(http_get(self.upstream, "/health").await.is_err(), "it still answers");
            ensure!(http_get(self.proxy.port(), "/health").await.is_err(), "the proxy still answers");
            Ok(())
        })
        .await
    }
}
