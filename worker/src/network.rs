use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What stands for one caller: its IPv4 address, or the /64 of its IPv6 address.
///
/// A /64 is the least that a site is given (RFC 6177), and a host may take as many addresses of it
/// as it likes (RFC 8981), so an IPv6 address alone tells nobody from anybody. Whoever is given
/// more than a /64 is several callers.
///
/// `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address.
    V6(u64),
}

impl Network {
    /// The network of an address. One that maps an IPv4 address (`::ffff:203.0.113.7`) is that IPv4
    /// address.
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Self::V6(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
        }
    }

    /// The first address of it, of which it is the network again.
    pub fn first_address(self) -> IpAddr {
        match self {
            Self::V4(ip) => ip.into(),
            Self::V6(prefix) => Ipv6Addr::from_bits(u128::from(prefix) << 64).into(),
        }
    }
}

/// `203.0.113.7` or `2001:db8:0:1::/64`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(_) => write!(f, "{}", self.first_address()),
            Self::V6(_) => write!(f, "{}/64", self.first_address()),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4(_) => "V4(redacted)",
            Self::V6(_) => "V6(redacted)",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(ip: &str) -> Network {
        Network::of(ip.parse().unwrap())
    }

    #[test]
    fn an_ipv6_caller_is_its_first_64_bits() {
        assert_eq!(network("2001:db8:0:1::7"), network("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:0:1::7"), network("2001:db8:0:2::7"));
        assert_eq!(network("2001:db8:0:1::7").to_string(), "2001:db8:0:1::/64");
    }

    #[test]
    fn an_ipv4_caller_is_its_whole_address_in_either_form() {
        assert_ne!(network("203.0.113.7"), network("203.0.113.8"));
        assert_eq!(network("203.0.113.7"), network("::ffff:203.0.113.7"));
        assert_eq!(network("203.0.113.7").to_string(), "203.0.113.7");
    }

    #[test]
    fn keeps_quiet_about_itself() {
        assert_eq!(format!("{:?} {:?}", network("203.0.113.7"), network("2001:db8::7")), "V4(redacted) V6(redacted)");
    }

    proptest! {
        #[test]
        fn its_first_address_is_in_it(ip: IpAddr) {
            let network = Network::of(ip);
            prop_assert_eq!(Network::of(network.first_address()), network);
        }
    }
}
