//! A network of our own: sites behind NATs, an Internet between them, and bad weather.
//!
//! A [`Network`] is made of Linux network namespaces. Every [`Place`] has a router with the NAT or firewall of a home, and
//! [`Host`]s behind it in which browsers run; the phone book has a place too. What lies between the routers is in this
//! process: each router's uplink is a TUN device whose packets we read, delay, lose and deliver ([`Weather`]). So it
//! needs no queueing discipline that a kernel may lack, and it ends with us, however we end.
//!
//! A browser must not find a way around the NATs, so a namespace has no interface but the one to its router. Tests
//! reach in through sockets instead: a thread enters the namespace, makes a socket and hands it out. That is how
//! WebDriver gets in, and how the app gets an origin: `http://localhost` in each host, a secure context in every browser,
//! is carried across the network to the phone book's place, which sees the address that the NAT has outside.
//!
//! Without root, or without `ip` and `iptables`, there is no network; [`Network::missing`] says why.

mod access;
mod door;
mod host;
mod internet;
mod namespace;
mod place;
mod stun;
mod weather;

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use access::{Access, Family};
use anyhow::{Context as _, Result};
pub(crate) use door::Door;
pub use host::Host;
pub use place::Place;
pub use weather::Weather;

use crate::{PhoneBook, Proxy, Site, Tools};
use internet::Internet;
pub(crate) use namespace::Namespace;
use stun::StunServer;

/// The port of the app's origin in each host.
pub(crate) const ORIGIN_PORT: u16 = 8080;

/// The place of the phone books, and their host in it.
const LIBRARY: (u8, u8) = (0, 2);

/// Namespaces with an Internet between them.
#[derive(Debug)]
pub struct Network {
    internet: Internet,
    /// Where the phone books are.
    library: Arc<Namespace>,
    sites: AtomicU16,
    stun: Mutex<Option<StunServer>>,
    /// As long as the network is there, so are they: a report on a failure must not find them gone.
    places: Mutex<Vec<Arc<Place>>>,
}

impl Network {
    /// Why there can be no network on this machine, if so.
    pub fn missing() -> Option<String> {
        namespace::missing().err().map(|error| format!("{error:#}"))
    }

    /// An Internet with nobody in it but the phone books' place. `seed` is for the packets that get lost.
    pub fn start(seed: u64) -> Result<Self> {
        namespace::sweep()?;
        let internet = Internet::new(seed);
        let library = Arc::new(Namespace::make("library")?);
        let (place, host) = LIBRARY;
        internet.attach(&library, place)?;
        library.ip(&["link", "set", "wan", "up"])?;
        for family in [Family::V4, Family::V6] {
            library.ip(&["addr", "add", &family.outside(place, host).to_string(), "dev", "wan", "nodad"])?;
            library.ip(&[family.option(), "route", "add", "default", "dev", "wan"])?;
        }
        Ok(Self { internet, library, sites: AtomicU16::new(0), stun: Mutex::default(), places: Mutex::default() })
    }

    /// A place with this access and so many hosts.
    pub fn place(&self, name: &str, access: Access, hosts: u8) -> Result<Arc<Place>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let number = u8::try_from(places.len() + 1).context("no more places")?;
        let place = Arc::new(Place::make(&self.internet, name, number, access, hosts)?);
        places.push(Arc::clone(&place));
        Ok(place)
    }

    /// Starts a STUN server in the phone books' place, and gives the URI under which everybody reaches it by IPv4 (RFC 7064).
    pub fn start_stun(&self) -> Result<String> {
        let socket = self.library.enter(|| Ok(UdpSocket::bind((Ipv6Addr::UNSPECIFIED, stun::PORT))?))?;
        *self.stun.lock().unwrap_or_else(PoisonError::into_inner) = Some(StunServer::start(socket)?);
        let (place, host) = LIBRARY;
        Ok(format!("stun:{}:{}", Family::V4.outside(place, host), stun::PORT))
    }

    /// The app with a phone book of its own in the phone books' place. A host gets there by [`Host::visit`].
    pub async fn site(&self, tools: &Tools) -> Result<Site> {
        let phone_book = PhoneBook::start(tools).await?;
        let port = self.sites.fetch_add(1, Ordering::Relaxed) + 8001;
        let library = Arc::clone(&self.library);
        // Of both families: a socket of IPv6 takes IPv4 too.
        let everywhere = SocketAddr::from(([0_u16; 8], port));
        let bind = move || library.enter(|| Ok(std::net::TcpListener::bind(everywhere)?));
        let proxy = Proxy::at(bind, phone_book.port())?;
        Ok(Site::far(phone_book, proxy, format!("http://localhost:{ORIGIN_PORT}")))
    }
}

#[cfg(test)]
mod tests;
