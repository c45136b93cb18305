use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use anyhow::Result;
use tokio::sync::{Mutex, OnceCell};

use crate::{PhoneBook, Site, Tools};

/// The machine room of one test run: tools, and the phone book that tests share unless they mean to kill it.
#[derive(Debug)]
pub struct Lab {
    tools: Tools,
    shared: OnceCell<Arc<Mutex<PhoneBook>>>,
    origins: std::sync::Mutex<HashSet<String>>,
}

impl Lab {
    /// A lab with nothing running yet.
    pub fn new(tools: Tools) -> Self {
        Self { tools, shared: OnceCell::new(), origins: std::sync::Mutex::default() }
    }

    /// The programs in use.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// A new origin in front of the shared phone book. Rooms are random, so tests do not meet there.
    pub async fn site(&self) -> Result<Site> {
        let start = || async { anyhow::Ok(Arc::new(Mutex::new(PhoneBook::start(&self.tools).await?))) };
        let phone_book = self.shared.get_or_try_init(start).await?;
        self.unused(|| Site::open(Arc::clone(phone_book), false)).await
    }

    /// A new origin with a phone book of its own, which may be killed.
    pub async fn site_of_its_own(&self) -> Result<Site> {
        let phone_book = Arc::new(Mutex::new(PhoneBook::start(&self.tools).await?));
        self.unused(|| Site::open(Arc::clone(&phone_book), true)).await
    }

    /// The system may hand out a port again that a closed site had, and browsers would still have that site's storage.
    async fn unused<F: Future<Output = Result<Site>>>(&self, open: impl Fn() -> F) -> Result<Site> {
        loop {
            let site = open().await?;
            if self.origins.lock().unwrap_or_else(PoisonError::into_inner).insert(site.origin()) {
                return Ok(site);
            }
        }
    }
}
