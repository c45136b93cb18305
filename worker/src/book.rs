use std::collections::BTreeMap;
use std::net::IpAddr;

use partyline_core::id::{Address, CertHash};

use crate::{Network, Refusal, Ttl, limits};

/// The listings of one room, in memory.
///
/// A listing belongs to a certificate *and* to the [`Network`] that it was registered from: whoever
/// is elsewhere can neither replace nor withdraw it, only put another one of the same certificate
/// beside it. A certificate's hash is no secret, and the phone book cannot tell whose it is; the
/// browser that is dialled can.
///
/// Time is an argument, in milliseconds of any clock. A listing exists until its end; each access
/// forgets those that have ended, so nothing has to wake up for that.
#[derive(Debug)]
pub struct Book {
    ttl: Ttl,
    /// Few enough to be looked through.
    listings: BTreeMap<Owner, Listing>,
}

/// Who may replace and withdraw a listing.
type Owner = (CertHash, Network);

#[derive(Debug)]
struct Listing {
    address: Address,
    ends_ms: u64,
}

impl Book {
    /// Maximum number of listings in a room.
    pub const MAX_LISTINGS: usize = limits::MAX_LISTINGS;

    /// Maximum number of listings in a room from one [`Network`]: a crew at one table is behind
    /// one.
    pub const MAX_LISTINGS_PER_NETWORK: usize = limits::MAX_LISTINGS_PER_NETWORK;

    /// An empty book whose listings last `ttl`.
    pub fn new(ttl: Ttl) -> Self {
        Self { ttl, listings: BTreeMap::new() }
    }

    /// How long a listing lasts.
    pub fn ttl(&self) -> Ttl {
        self.ttl
    }

    /// Lists an address, in place of the one that the same owner had. Who is listed can always
    /// renew that, however full the room is.
    ///
    /// # Errors
    ///
    /// [`Refusal::RoomFull`] or [`Refusal::IpFull`]; then the book is as it was.
    pub fn register(&mut self, address: Address, now_ms: u64) -> Result<(), Refusal> {
        self.expire(now_ms);
        let owner = (address.cert_hash, Network::of(address.ip));
        let others = || self.listings.iter().filter(|(other, _)| **other != owner);
        if others().count() >= Self::MAX_LISTINGS {
            return Err(Refusal::RoomFull { retry_after_s: wait(others(), now_ms) });
        }
        let neighbours = || others().filter(|((_, network), _)| *network == owner.1);
        if neighbours().count() >= Self::MAX_LISTINGS_PER_NETWORK {
            return Err(Refusal::IpFull { retry_after_s: wait(neighbours(), now_ms) });
        }
        let ends_ms = now_ms.saturating_add(self.ttl.millis());
        self.listings.insert(owner, Listing { address, ends_ms });
        Ok(())
    }

    /// Forgets the listing that a certificate has from where this request came from, if there is
    /// one.
    pub fn withdraw(&mut self, cert_hash: CertHash, from: IpAddr) {
        self.listings.remove(&(cert_hash, Network::of(from)));
    }

    /// All addresses but those of the caller's own certificate, the latest first: of a device that
    /// was reloaded without a farewell, the address to dial comes before the one that is dead.
    pub fn peers(&mut self, caller: &CertHash, now_ms: u64) -> Vec<&Address> {
        self.expire(now_ms);
        let mut peers: Vec<&Listing> = self
            .listings
            .iter()
            .filter(|((cert_hash, _), _)| cert_hash != caller)
            .map(|(_, listing)| listing)
            .collect();
        peers.sort_by_key(|listing| std::cmp::Reverse(listing.ends_ms));
        peers.into_iter().map(|listing| &listing.address).collect()
    }

    /// Forgets the listings that have ended.
    fn expire(&mut self, now_ms: u64) {
        self.listings.retain(|_, listing| listing.ends_ms > now_ms);
    }
}

/// Seconds, at least 1, until the first of these ends.
fn wait<'a>(listings: impl Iterator<Item = (&'a Owner, &'a Listing)>, now_ms: u64) -> u64 {
    let ends_ms = listings.map(|(_, listing)| listing.ends_ms).min().unwrap_or(now_ms);
    ends_ms.saturating_sub(now_ms).div_ceil(1000).max(1)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

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

    /// Host `host` of the `/64` with this number.
    fn ip6(prefix: u8, host: u8) -> IpAddr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, prefix.into(), 0, 0, 0, host.into()).into()
    }

    fn at(cert: u8, ip: IpAddr, port: u16) -> Address {
        Address::new(ip, vec![Endpoint::parse(&format!("10.0.0.1:{port}")).unwrap()], hash(cert)).unwrap()
    }

    fn address(cert: u8, from: u8, port: u16) -> Address {
        at(cert, ip(from), port)
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
    fn registering_again_from_the_same_network_replaces_the_listing() {
        let mut book = book();
        book.register(address(1, 1, 5), 0).unwrap();
        book.register(address(1, 1, 6), 1).unwrap();
        assert_eq!(book.peers(&hash(9), 2), [&address(1, 1, 6)]);
        // An IPv6 host changes its address and stays in its /64.
        book.register(at(2, ip6(1, 1), 5), 3).unwrap();
        book.register(at(2, ip6(1, 2), 6), 4).unwrap();
        assert_eq!(book.peers(&hash(9), 5), [&at(2, ip6(1, 2), 6), &address(1, 1, 6)]);
    }

    #[test]
    fn nobody_elsewhere_replaces_a_listing() {
        let mut book = book();
        book.register(address(1, 1, 5), 0).unwrap();
        book.register(address(1, 2, 6), 1).unwrap();
        book.register(at(1, ip6(1, 1), 7), 2).unwrap();
        book.register(at(1, ip6(2, 1), 8), 3).unwrap();
        let all = [&at(1, ip6(2, 1), 8), &at(1, ip6(1, 1), 7), &address(1, 2, 6), &address(1, 1, 5)];
        assert_eq!(book.peers(&hash(9), 4), all);
        // They are all the caller's own as far as the phone book can tell.
        assert!(book.peers(&hash(1), 4).is_empty());
    }

    #[test]
    fn nobody_elsewhere_withdraws_a_listing() {
        let mut book = book();
        book.register(address(1, 1, 5), 0).unwrap();
        book.register(at(2, ip6(1, 1), 5), 0).unwrap();
        book.withdraw(hash(1), ip(2));
        book.withdraw(hash(1), ip6(1, 1));
        book.withdraw(hash(2), ip6(2, 1));
        assert_eq!(book.peers(&hash(9), 1).len(), 2);
        book.withdraw(hash(2), ip6(1, 200));
        assert_eq!(certs(&book.peers(&hash(9), 1)), [hash(1)]);
    }

    #[test]
    fn a_listing_ends_after_its_time_and_not_before() {
        let mut book = book();
        book.register(address(1, 1, 5), 1000).unwrap();
        assert_eq!(book.peers(&hash(9), 1000 + TTL - 1).len(), 1);
        assert!(book.peers(&hash(9), 1000 + TTL).is_empty());
        assert!(book.listings.is_empty());
    }

    #[test]
    fn registering_again_begins_anew() {
        let mut book = book();
        book.register(address(1, 1, 5), 0).unwrap();
        book.register(address(1, 1, 5), 50_000).unwrap();
        assert_eq!(book.peers(&hash(9), TTL).len(), 1);
        assert_eq!(book.peers(&hash(9), 50_000 + TTL - 1).len(), 1);
        assert!(book.peers(&hash(9), 50_000 + TTL).is_empty());
    }

    #[test]
    fn a_withdrawn_listing_is_gone() {
        let mut book = book();
        book.register(address(1, 1, 5), 0).unwrap();
        book.register(address(2, 1, 5), 0).unwrap();
        book.withdraw(hash(1), ip(1));
        book.withdraw(hash(7), ip(1));
        assert_eq!(certs(&book.peers(&hash(9), 1)), [hash(2)]);
    }

    #[test]
    fn the_65th_listing_waits_for_a_place() {
        let mut book = book();
        for n in 0..64 {
            book.register(address(n, n, 5), u64::from(n) * 1000).unwrap();
        }
        assert_eq!(book.register(address(64, 64, 5), 64_000), Err(Refusal::RoomFull { retry_after_s: 56 }));
        // Nor is there a place for another listing of somebody who has one.
        assert_eq!(book.register(address(0, 64, 5), 64_000), Err(Refusal::RoomFull { retry_after_s: 56 }));
        // Who is in the book may stay in it,
        book.register(address(0, 0, 6), 64_000).unwrap();
        // and who leaves it makes room.
        book.withdraw(hash(1), ip(1));
        book.register(address(64, 64, 5), 64_000).unwrap();
        // So does who ends.
        assert_eq!(book.register(address(65, 65, 5), 2000 + TTL - 1), Err(Refusal::RoomFull { retry_after_s: 1 }));
        book.register(address(65, 65, 5), 2000 + TTL).unwrap();
    }

    #[test]
    fn the_17th_from_one_network_waits_for_a_place() {
        let mut book = book();
        for n in 0..16 {
            book.register(address(n, 1, 5), 0).unwrap();
            book.register(at(n, ip6(1, n), 5), 0).unwrap();
        }
        assert_eq!(book.register(address(16, 1, 5), 0), Err(Refusal::IpFull { retry_after_s: 120 }));
        assert_eq!(book.register(at(16, ip6(1, 16), 5), 0), Err(Refusal::IpFull { retry_after_s: 120 }));
        book.register(address(16, 2, 5), 0).unwrap();
        book.register(at(16, ip6(2, 16), 5), 0).unwrap();
        // Those who are in it may renew what they have.
        book.register(address(3, 1, 6), 1).unwrap();
        book.register(at(3, ip6(1, 99), 6), 1).unwrap();
        assert_eq!(book.peers(&hash(99), 1).len(), 34);
    }

    #[test]
    fn a_flooder_with_one_network_leaves_three_quarters_of_the_room() {
        let mut book = book();
        // Every certificate, every address of one /64, over and over.
        for n in 0..=255 {
            let _ = book.register(at(n, ip6(1, n), 5), u64::from(n));
        }
        assert_eq!(book.peers(&hash(255), 300).len(), 16);
        // A flooder with four has all of it, but nobody's place who was there before.
        book.register(address(1, 1, 5), 300).unwrap();
        for n in 0..=255 {
            let _ = book.register(at(n, ip6(2 + n / 64, n), 5), 400);
        }
        assert_eq!(book.peers(&hash(255), 500).len(), 64);
        assert_eq!(book.register(address(2, 2, 5), 500), Err(Refusal::RoomFull { retry_after_s: 120 }));
        book.register(address(1, 1, 5), 500).unwrap();
    }

    #[derive(Clone, Debug)]
    enum Step {
        Register { cert: u8, from: IpAddr },
        Withdraw { cert: u8, from: IpAddr },
        Wait { ms: u64 },
    }

    fn place() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            (0u8..4).prop_map(ip),
            (0u8..4).prop_map(|n| IpAddr::V6(Ipv4Addr::new(203, 0, 113, n).to_ipv6_mapped())),
            (0u8..4, any::<u8>()).prop_map(|(prefix, host)| ip6(prefix, host)),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0u8..30, place()).prop_map(|(cert, from)| Step::Register { cert, from }),
            1 => (0u8..30, place()).prop_map(|(cert, from)| Step::Withdraw { cert, from }),
            1 => (0u64..40_000).prop_map(|ms| Step::Wait { ms }),
        ]
    }

    /// In other words than the code: an IPv4 address in either form, or the first four groups of an
    /// IPv6 address.
    fn network(ip: IpAddr) -> String {
        match ip {
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => v4.to_string(),
                None => format!("{:?}", &v6.segments()[..4]),
            },
            IpAddr::V4(v4) => v4.to_string(),
        }
    }

    proptest! {
        /// Against the plainest possible model: a list of everything that was ever registered.
        #[test]
        fn holds_what_its_owner_registered_last_and_has_not_ended(steps in prop::collection::vec(step(), 0..200)) {
            let mut book = book();
            let mut model: Vec<(u8, String, u64, Address)> = Vec::new();
            let (mut now, mut port) = (0, 1);
            for step in steps {
                match step {
                    Step::Register { cert, from } => {
                        port += 1;
                        let network = network(from);
                        let others = || model.iter().filter(|(other, at, ..)| (*other, at) != (cert, &network));
                        let room_left = others().count() < Book::MAX_LISTINGS;
                        let network_left =
                            others().filter(|(_, at, ..)| *at == network).count() < Book::MAX_LISTINGS_PER_NETWORK;
                        let outcome = book.register(at(cert, from, port), now);
                        prop_assert_eq!(outcome.is_ok(), room_left && network_left);
                        if outcome.is_ok() {
                            model.retain(|(other, at, ..)| (*other, at) != (cert, &network));
                            model.push((cert, network, now + TTL, at(cert, from, port)));
                        }
                    }
                    Step::Withdraw { cert, from } => {
                        book.withdraw(hash(cert), from);
                        model.retain(|(other, at, ..)| (*other, at) != (cert, &network(from)));
                    }
                    Step::Wait { ms } => {
                        now += ms;
                        model.retain(|(.., ends, _)| *ends > now);
                    }
                }
                let caller = 7;
                let key = |address: &Address| (address.cert_hash, address.ip, address.endpoints.clone());
                let mut listed: Vec<_> = book.peers(&hash(caller), now).into_iter().map(key).collect();
                listed.sort();
                let mut expected: Vec<_> =
                    model.iter().filter(|(cert, ..)| *cert != caller).map(|(.., address)| key(address)).collect();
                expected.sort();
                prop_assert_eq!(listed, expected);
                prop_assert!(book.listings.len() <= Book::MAX_LISTINGS);
            }
        }
    }
}
