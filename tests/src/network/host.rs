use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::door::Door;
use super::{Access, Family, LIBRARY, Namespace, ORIGIN_PORT};
use crate::Site;

/// A machine at a [`Place`](super::Place), where a browser can run.
#[derive(Debug)]
pub struct Host {
    /// Dropped before the namespace goes.
    origin: Door,
    namespace: Arc<Namespace>,
    access: Access,
}

impl Host {
    pub(super) fn new(namespace: Namespace, access: Access) -> Result<Self> {
        let namespace = Arc::new(namespace);
        let listener = namespace.enter(|| Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, ORIGIN_PORT))?))?;
        let origin = Door::open(listener, Arc::clone(&namespace))?;
        Ok(Self { origin, namespace, access })
    }

    /// From now on the app's origin leads to this site.
    pub fn visit(&self, site: &Site) {
        self.visit_by(site, self.access.families().first().copied().unwrap_or(Family::V4));
    }

    /// The same by one version of IP.
    pub fn visit_by(&self, site: &Site, family: Family) {
        let (place, host) = LIBRARY;
        self.origin.lead_to(Some(SocketAddr::new(family.outside(place, host), site.proxy().port())));
    }

    /// From now on the app's origin leads nowhere: for this host alone, the phone book is dead.
    pub fn lose_phone_book(&self) {
        self.origin.lead_to(None);
    }

    /// The connections to the phone book end, as those from an address do that a device has no more.
    pub(super) fn hang_up(&self) {
        self.origin.hang_up();
    }

    /// Lets this process reach a port on the host's loopback at the same port on our own.
    pub(crate) fn reach(&self, port: u16) -> Result<Door> {
        // The same, since geckodriver compares the port in the Host header with its own.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).context("the port is taken")?;
        let door = Door::open(listener, Arc::clone(&self.namespace))?;
        door.lead_to(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
        Ok(door)
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}
