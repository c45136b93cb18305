use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context as _, Result};

use super::internet::{Internet, Uplink};
use super::{Access, Family, Host, Namespace, Weather};

/// A home, an office or a phone's network: a router, and hosts on the LAN behind it.
#[derive(Debug)]
pub struct Place {
    number: u8,
    access: Access,
    hosts: Vec<Arc<Host>>,
    router: Namespace,
    uplink: Arc<Uplink>,
    /// How often the addresses have changed.
    moves: AtomicU8,
}

impl Place {
    pub(super) fn make(internet: &Internet, name: &str, number: u8, access: Access, hosts: u8) -> Result<Self> {
        let router = Namespace::make(&format!("{name}-router"))?;
        let uplink = internet.attach(&router, number)?;
        router.set("ipv4/ip_forward", "1")?;
        router.set("ipv6/conf/all/forwarding", "1")?;
        // Without snooping every multicast reaches every port: mDNS works, as in a home.
        router.ip(&["link", "add", "lan", "type", "bridge", "mcast_snooping", "0"])?;
        router.ip(&["link", "set", "lan", "up"])?;
        router.ip(&["link", "set", "wan", "up"])?;
        let place = Self { number, access, hosts: Vec::new(), router, uplink, moves: AtomicU8::new(0) };
        for family in access.families() {
            let rules = family.rules(access, place.inside(*family, 0));
            place.router.feed(family.restore(), &rules).context("the router's rules")?;
            let lan = format!("{}/{}", place.gateway(*family), family.prefix());
            place.router.ip(&["addr", "add", &lan, "dev", "lan", "nodad"])?;
        }
        place.address_router()?;
        let hosts = (0..hosts).map(|index| place.make_host(name, index)).collect::<Result<_>>()?;
        Ok(Self { hosts, ..place })
    }

    fn make_host(&self, name: &str, index: u8) -> Result<Arc<Host>> {
        let namespace = Namespace::make(&format!("{name}-{index}"))?;
        let port = format!("port{index}");
        namespace.ip(&["link", "add", "eth0", "type", "veth", "peer", "name", &port, "netns", self.router.name()])?;
        self.router.ip(&["link", "set", &port, "master", "lan", "up"])?;
        namespace.ip(&["link", "set", "eth0", "up"])?;
        self.address_host(&namespace, index)?;
        Ok(Arc::new(Host::new(namespace, self.access)?))
    }

    /// How it is connected.
    pub fn access(&self) -> Access {
        self.access
    }

    /// One of its hosts, counted from 0.
    pub fn host(&self, index: usize) -> Result<&Arc<Host>> {
        self.hosts.get(index).with_context(|| format!("this place has {} hosts", self.hosts.len()))
    }

    /// From now on its line to the Internet is like this.
    pub fn set_weather(&self, weather: Weather) {
        self.uplink.set_weather(weather);
    }

    /// Gives the router and every host other addresses, as when a phone leaves the Wi-Fi for another network.
    pub fn change_addresses(&self) -> Result<()> {
        self.moves.fetch_add(1, Ordering::Relaxed);
        for (index, host) in (0..).zip(&self.hosts) {
            self.address_host(host.namespace(), index)?;
        }
        self.address_router()?;
        for host in &self.hosts {
            host.hang_up();
        }
        Ok(())
    }

    /// Pulls a host's plug, or puts it in again: the browser there finds itself offline, and online.
    pub fn plug(&self, index: u8, is_in: bool) -> Result<()> {
        let host = self.host(index.into())?.namespace();
        host.ip(&["link", "set", "eth0", if is_in { "up" } else { "down" }])?;
        if is_in { self.address_host(host, index) } else { Ok(()) }
    }

    fn address_router(&self) -> Result<()> {
        self.router.ip(&["addr", "flush", "dev", "wan", "scope", "global"])?;
        for family in self.access.families() {
            let outside = family.outside(self.number, 2 + self.moves.load(Ordering::Relaxed));
            self.router.ip(&["addr", "add", &outside.to_string(), "dev", "wan", "nodad"])?;
            self.router.ip(&[family.option(), "route", "replace", "default", "dev", "wan"])?;
        }
        Ok(())
    }

    fn address_host(&self, host: &Namespace, index: u8) -> Result<()> {
        host.ip(&["addr", "flush", "dev", "eth0", "scope", "global"])?;
        for family in self.access.families() {
            let own = format!("{}/{}", self.inside(*family, index), family.prefix());
            host.ip(&["addr", "add", &own, "dev", "eth0", "nodad"])?;
            let gateway = self.gateway(*family).to_string();
            host.ip(&[family.option(), "route", "replace", "default", "via", &gateway])?;
        }
        Ok(())
    }

    /// The address of a host inside, now.
    fn inside(&self, family: Family, index: u8) -> IpAddr {
        family.inside(self.number, 10 + 10 * self.moves.load(Ordering::Relaxed) + index)
    }

    fn gateway(&self, family: Family) -> IpAddr {
        family.inside(self.number, 1)
    }
}
