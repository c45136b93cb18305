use std::collections::BTreeMap;

use partyline_core::id::{Address, CertHash};

use crate::{Refusal, Ttl};

/// The listings of one room, in memory.
///
/// Time is an argument, in milliseconds of any clock. A listing exists until its end: [`peers`](Self::peers) and
/// [`register`](Self::register) do not see one that has ended, and [`expire`](Self::expire), called at [`next_end`](Self::next_end),
/// forgets it.
#[derive(Debug)]
pub struct Book {
    ttl: Ttl,
    /// By certificate, since a certificate has one listing. Few enough to be looked through.
    listings: BTreeMap<CertHash, Listing>,
}

#[derive(Debug)]
struct Listing {
    address: Address,
    ends_ms: u64,
}

impl Book {
    /// Most listings in a room.
    pub const MAX_LISTINGS: usize = 64;

    /// Most listings in a room from one IP address. It counts whole addresses, for IPv6 too: a crew at one table is behind one IPv4
    /// address, or has as many IPv6 addresses as it has devices.
    pub const MAX_LISTINGS_PER_IP: usize = 16;

    /// An empty book whose listings last `ttl`.
    pub fn new(ttl: Ttl) -> Self {
        Self { ttl, listings: BTreeMap::new() }
    }

    /// How long a listing lasts.
    pub fn ttl(&self) -> Ttl {
        self.ttl
    }

    /// Lists an address, in place of the one that the same certificate had.
    ///
    /// # Errors
    ///
    /// [`Refusal::RoomFull`] or [`Refusal::IpFull`]; then the book is as it was.
    pub fn register(&mut self, address: Address, now_ms: u64) -> Result<(), Refusal> {
        self.expire(now_ms);
        let others = || self.listings.values().filter(|other| other.address.cert_hash != address.cert_hash);
        if others().count() >= Self::MAX_LISTINGS {
            return Err(Refusal::RoomFull { retry_after_s: wait(others(), now_ms) });
        }
        let neighbours = || others().filter(|other| other.address.ip == address.ip);
        if neighbours().count() >= Self::MAX_LISTINGS_PER_IP {
            return Err(Refusal::IpFull { retry_after_s: wait(neighbours(), now_ms) });
        }
        let ends_ms = now_ms.saturating_add(self.ttl.millis());
        self.listings.insert(address.cert_hash, Listing { address, ends_ms });
        Ok(())
    }

    /// Forgets the listing of a certificate, if there is one.
    pub fn withdraw(&mut self, cert_hash: &CertHash) {
        self.listings.remove(cert_hash);
    }

    /// Forgets the listings that have ended.
    pub fn expire(&mut self, now_ms: u64) {
        self.listings.retain(|_, listing| listing.ends_ms > now_ms);
    }

    /// When the next listing ends; `None` when there is none.
    pub fn next_end(&self) -> Option<u64> {
        self.listings.values().map(|listing| listing.ends_ms).min()
    }

    /// Everybody's address but the caller's own, the latest first: of a device that was reloaded without a farewell, the address to
    /// dial comes before the one that is dead.
    pub fn peers(&self, caller: &CertHash, now_ms: u64) -> Vec<&Address> {
        let mut peers: Vec<&Listing> = self
            .listings
            .values()
            .filter(|listing| listing.ends_ms > now_ms && listing.address.cert_hash != *caller)
            .collect();
        peers.sort_by_key(|listing| std::cmp::Reverse(listing.ends_ms));
        peers.into_iter().map(|listing| &listing.address).collect()
    }

    /// How many listings there are from an IP address, ended ones included until they are forgotten.
    #[cfg(test)]
    fn count_from(&self, ip: std::net::IpAddr) -> usize {
        self.listings.values().filter(|listing| listing.address.ip == ip).count()
    }
}

/// Seconds, at least 1, until the first of these ends.
fn wait<'a>(listings: impl Iterator<Item = &'a Listing>, now_ms: u64) -> u64 {
    let ends_ms = listings.map(|listing| listing.ends_ms).min().unwrap_or(now_ms);
    ends_ms.saturating_sub(now_ms).div_ceil(1000).max(1)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use partyline_core::id::Endpoint;
    use proptest::prelude::*;

    use super::*;

    const TTL: u64 = 120_000;

    fn hash(n: u8) -> CertHash {
        CertHash::from_bytes([n; 32])
    }

    fn ip(n: u8) -> IpAddr {
        Ipv4Addr::new(203, 0, 113, n).into()
    }

    fn address(cert: u8, from: u8, port: u16) -> Address {
        Address::new(ip(from), vec![Endpoint::parse(&format!("10.0.0.1:{port}")).unwrap()], hash(cert)).unwrap()
    }

    fn book() -> Book {
        Book::new(Ttl::MAX)
    }

    fn certs(peers: &[&Address]) -> Vec<CertHash> {
        peers.iter().map(|peer| peer.cert_hash).collect()
    }

    #[test]
    fn tells_everybody_about_the_others_latest_first() {
        let mut book = book();
        book.register(address(1, 1, 5), 0).unwrap();
        book.register(address(2, 2, 5), 10).unwrap();
        book.register(address(3, 3, 5), 20).unwrap();
        assert_eq!(certs(&book.peers(&hash(2), 30)), [hash(3), hash(1)]);
        assert_eq!(certs(&book.peers(&hash(9), 30)), [hash(3), hash(2), hash(1)]);
    }

    #[test]
    fn a_certificate_has_one_listing() {
        let mut book = book();
        book.register(address(1, 1, 5), 0).unwrap();
        book.register(address(1, 2, 6), 1).unwrap();
        assert_eq!(book.peers(&hash(9), 2), [&address(1, 2, 6)]);
    }

    #[test]
    fn a_listing_ends_after_its_time_and_not_before() {
        let mut book = book();
        book.register(address(1, 1, 5), 1000).unwrap();
        assert_eq!(book.next_end(), Some(1000 + TTL));
        book.expire(1000 + TTL - 1);
        assert_eq!(book.peers(&hash(9), 1000 + TTL - 1).len(), 1);
        assert!(book.peers(&hash(9), 1000 + TTL).is_empty());
        book.expire(1000 + TTL);
        assert_eq!(book.next_end(), None);
    }

    #[test]
    fn registering_again_begins_anew() {
        let mut book = book();
        book.register(address(1, 1, 5), 0).unwrap();
        book.register(address(1, 1, 5), 50_000).unwrap();
        assert_eq!(book.peers(&hash(9), TTL).len(), 1);
        assert_eq!(book.next_end(), Some(50_000 + TTL));
    }

    #[test]
    fn a_withdrawn_listing_is_gone() {
        let mut book = book();
        book.register(address(1, 1, 5), 0).unwrap();
        book.register(address(2, 1, 5), 0).unwrap();
        book.withdraw(&hash(1));
        book.withdraw(&hash(7));
        assert_eq!(certs(&book.peers(&hash(9), 1)), [hash(2)]);
    }

    #[test]
    fn the_65th_listing_waits_for_a_place() {
        let mut book = book();
        for n in 0..64 {
            book.register(address(n, n, 5), u64::from(n) * 1000).unwrap();
        }
        assert_eq!(book.register(address(64, 64, 5), 64_000), Err(Refusal::RoomFull { retry_after_s: 56 }));
        // Who is in the book may stay in it,
        book.register(address(0, 0, 6), 64_000).unwrap();
        // and who leaves it makes room.
        book.withdraw(&hash(1));
        book.register(address(64, 64, 5), 64_000).unwrap();
        // So does who ends.
        assert_eq!(book.register(address(65, 65, 5), 2000 + TTL - 1), Err(Refusal::RoomFull { retry_after_s: 1 }));
        book.register(address(65, 65, 5), 2000 + TTL).unwrap();
    }

    #[test]
    fn the_17th_from_one_ip_waits_for_a_place() {
        let mut book = book();
        for n in 0..16 {
            book.register(address(n, 1, 5), 0).unwrap();
        }
        assert_eq!(book.register(address(16, 1, 5), 0), Err(Refusal::IpFull { retry_after_s: 120 }));
        book.register(address(16, 2, 5), 0).unwrap();
        // Moving to the crowded address is refused as well, and the old listing stays.
        assert!(book.register(address(16, 1, 5), 1).is_err());
        assert_eq!(book.peers(&hash(0), 1).iter().filter(|peer| peer.ip == ip(2)).count(), 1);
        book.register(address(3, 1, 6), 1).unwrap();
    }

    #[derive(Clone, Debug)]
    enum Step {
        Register { cert: u8, from: u8 },
        Withdraw { cert: u8 },
        Wait { ms: u64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0u8..90, 0u8..8).prop_map(|(cert, from)| Step::Register { cert, from }),
            1 => (0u8..90).prop_map(|cert| Step::Withdraw { cert }),
            1 => (0u64..40_000).prop_map(|ms| Step::Wait { ms }),
        ]
    }

    proptest! {
        /// Against the plainest possible model: a list of everything that was ever registered.
        #[test]
        fn holds_what_was_registered_last_and_has_not_ended(steps in prop::collection::vec(step(), 0..200)) {
            let mut book = book();
            let mut model: Vec<(u8, u8, u64)> = Vec::new();
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Register { cert, from } => {
                        let room_left = model.iter().filter(|(other, ..)| *other != cert).count() < Book::MAX_LISTINGS;
                        let ip_left = model.iter().filter(|(other, ip, _)| *other != cert && *ip == from).count() < Book::MAX_LISTINGS_PER_IP;
                        let outcome = book.register(address(cert, from, 5), now);
                        prop_assert_eq!(outcome.is_ok(), room_left && ip_left);
                        if outcome.is_ok() {
                            model.retain(|(other, ..)| *other != cert);
                            model.push((cert, from, now + TTL));
                        }
                    }
                    Step::Withdraw { cert } => {
                        book.withdraw(&hash(cert));
                        model.retain(|(other, ..)| *other != cert);
                    }
                    Step::Wait { ms } => {
                        now += ms;
                        model.retain(|(.., ends)| *ends > now);
                    }
                }
                let mut listed = certs(&book.peers(&hash(255), now));
                listed.sort();
                let mut expected: Vec<CertHash> = model.iter().map(|(cert, ..)| hash(*cert)).collect();
                expected.sort();
                prop_assert_eq!(listed, expected);
            }
            book.expire(now);
            prop_assert_eq!(book.next_end(), model.iter().map(|(.., ends)| *ends).min());
            for from in 0..8 {
                prop_assert!(book.count_from(ip(from)) <= Book::MAX_LISTINGS_PER_IP);
            }
        }
    }
}
