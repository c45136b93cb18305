use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6};

use uuid::Uuid;

use super::uuid_text;

/// Where a browser may be reached: a host and a UDP port, as in an ICE candidate.
///
/// It can name no loopback, unspecified, multicast, reserved or broadcast address: a listing must
/// not make other browsers send packets to themselves or to everybody. That holds for IPv6
/// addresses that carry such an IPv4 address too: mapped, compatible, translated (SIIT), NAT64,
/// 6to4, Teredo and ISATAP ones. Private and link-local addresses are allowed, since two browsers
/// on one network meet there.
///
/// The text form is `192.0.2.1:5000`, `[2001:db8::1]:5000` or `<uuid>.local:5000`; `Debug` hides
/// it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    host: EndpointHost,
    port: u16,
}

/// The host of an [`Endpoint`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointHost {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
    /// The mDNS name `<uuid>.local` that a browser gives in place of a local address
    /// (draft-ietf-mmusic-mdns-ice-candidates).
    Mdns(Uuid),
}

/// Why something is not an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseEndpointError {
    /// Longer than any endpoint is.
    #[error("an endpoint is at most {} characters long", Endpoint::MAX_CHARS)]
    TooLong,
    /// None of the three forms, or not as this module writes them.
    #[error("an endpoint is IPv4:port, [IPv6]:port or <uuid>.local:port, in its canonical form")]
    Malformed,
    /// Port 0.
    #[error("an endpoint's port is not 0")]
    ZeroPort,
    /// An address that leads back to the caller or to everybody.
    #[error("an endpoint is no loopback, unspecified, multicast or broadcast address")]
    Unreachable,
}

impl EndpointHost {
    /// Takes an IP address as it is.
    pub fn from_ip(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6(ip),
        }
    }

    /// Reads a host as it stands in an ICE candidate: IPv6 without brackets.
    ///
    /// # Errors
    ///
    /// [`ParseEndpointError::Malformed`] when it is none of the three kinds, or not in canonical
    /// form.
    pub fn parse(text: &str) -> Result<Self, ParseEndpointError> {
        let host = if let Some(name) = text.strip_suffix(".local") {
            Self::Mdns(uuid_text::parse_any(name).map_err(|_| ParseEndpointError::Malformed)?)
        } else {
            Self::from_ip(text.parse().map_err(|_| ParseEndpointError::Malformed)?)
        };
        if host.to_string() == text { Ok(host) } else { Err(ParseEndpointError::Malformed) }
    }

    fn leads_somewhere(self) -> bool {
        match self {
            Self::V4(ip) => is_unicast_v4(ip),
            Self::V6(ip) => {
                !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast())
                    && carried_v4(ip).into_iter().flatten().all(is_unicast_v4)
            }
            Self::Mdns(_) => true,
        }
    }
}

/// Whether an IPv4 address can be one host's on a network: neither 0.0.0.0/8 ("this network", which
/// some systems take for loopback), nor 127.0.0.0/8, nor 224.0.0.0/4 (multicast), nor 240.0.0.0/4
/// (class E, and the broadcast address).
fn is_unicast_v4(ip: Ipv4Addr) -> bool {
    let [first, ..] = ip.octets();
    !matches!(first, 0 | 127 | 224..)
}

/// The IPv4 addresses to which a translator or a tunnel would turn packets for an IPv6 address.
///
/// A translator whose prefix is its operator's own (RFC 6052, section 2.2) cannot be told from any
/// other network.
fn carried_v4(ip: Ipv6Addr) -> [Option<Ipv4Addr>; 4] {
    let bits = ip.to_bits();
    let last = last_v4(bits);
    match ip.segments() {
        // Mapped (::ffff:0:0/96) and, deprecated, compatible (::/96): RFC 4291, section 2.5.5.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        // SIIT's translated form (::ffff:0:0:0/96): RFC 2765, section 2.1.
        | [0, 0, 0, 0, 0xffff, 0, ..]
        // NAT64, the well-known prefix (64:ff9b::/96): RFC 6052, section 2.1.
        | [0x64, 0xff9b, 0, 0, 0, 0, ..] => [Some(last), None, None, None],
        [0x64, 0xff9b, 1, ..] => local_nat64(bits),
        // 6to4 (2002::/16): RFC 3056, section 2.
        [0x2002, ..] => [Some(last_v4(bits >> 80)), None, None, None],
        // Teredo (2001::/32), the server and the client, whose bits are inverted: RFC 4380, section
        // 4.
        [0x2001, 0, ..] => [Some(last_v4(bits >> 64)), Some(!last), None, None],
        // ISATAP, below any prefix: RFC 5214, section 6.1.
        [.., 0 | 0x200, 0x5efe, _, _] => [Some(last), None, None, None],
        _ => [None; 4],
    }
}

/// What an address below NAT64's prefix for local use (64:ff9b:1::/48, RFC 8215) may carry.
///
/// Which prefix below it a network translates is not known, so these are all the readings of RFC
/// 6052, section 2.2, that the bits behind the IPv4 address allow.
fn local_nat64(bits: u128) -> [Option<Ipv4Addr>; 4] {
    // The octet at bits 64 to 71 belongs to no IPv4 address.
    let without_u = (bits >> 64 << 56) | (bits & ((1 << 56) - 1));
    let reading = |behind: u32| (without_u & ((1 << behind) - 1) == 0).then(|| last_v4(without_u >> behind));
    [Some(last_v4(bits)), reading(40), reading(32), reading(24)]
}

/// The IPv4 address in the last 32 bits.
fn last_v4(bits: u128) -> Ipv4Addr {
    let [.., a, b, c, d] = bits.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

/// Writes a host as it stands in an ICE candidate: IPv6 without brackets.
impl fmt::Display for EndpointHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(ip) => write!(f, "{ip}"),
            Self::V6(ip) => write!(f, "{ip}"),
            Self::Mdns(name) => write!(f, "{}.local", name.as_hyphenated()),
        }
    }
}

impl fmt::Debug for EndpointHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4(_) => "V4(redacted)",
            Self::V6(_) => "V6(redacted)",
            Self::Mdns(_) => "Mdns(redacted)",
        })
    }
}

impl Endpoint {
    /// Length of the longest endpoint's text: that of an IPv6 address that maps an IPv4 one, with
    /// brackets and port.
    pub const MAX_CHARS: usize = 54;

    /// Puts an endpoint together.
    ///
    /// # Errors
    ///
    /// When the port is 0 or the host leads back to the caller or to everybody.
    pub fn new(host: EndpointHost, port: u16) -> Result<Self, ParseEndpointError> {
        if port == 0 {
            return Err(ParseEndpointError::ZeroPort);
        }
        if !host.leads_somewhere() {
            return Err(ParseEndpointError::Unreachable);
        }
        Ok(Self { host, port })
    }

    /// The host.
    pub fn host(&self) -> EndpointHost {
        self.host
    }

    /// The port; never 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    ///
    /// When the text is anything but that, or names a host that no endpoint may have.
    pub fn parse(text: &str) -> Result<Self, ParseEndpointError> {
        if text.len() > Self::MAX_CHARS {
            return Err(ParseEndpointError::TooLong);
        }
        let (host, port) = text.rsplit_once(':').ok_or(ParseEndpointError::Malformed)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) => match EndpointHost::parse(v6)? {
                host @ EndpointHost::V6(_) => host,
                _ => return Err(ParseEndpointError::Malformed),
            },
            None => match EndpointHost::parse(host)? {
                EndpointHost::V6(_) => return Err(ParseEndpointError::Malformed),
                host => host,
            },
        };
        let number: u16 = port.parse().map_err(|_| ParseEndpointError::Malformed)?;
        // "+5", "05"
        if number.to_string() != port {
            return Err(ParseEndpointError::Malformed);
        }
        Self::new(host, number)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            EndpointHost::V6(ip) => write!(f, "{}", SocketAddrV6::new(ip, self.port, 0, 0)),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({:?})", self.host)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_three_forms() {
        for text in [
            "192.168.1.7:51234",
            "10.0.0.1:1",
            "[2001:db8::1]:65535",
            "[fe80::1]:5000",
            "[::ffff:192.0.2.1]:5000",
            "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f.local:5000",
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_other_forms() {
        for text in [
            "",
            ":",
            "192.168.1.7",
            "192.168.1.7:",
            "192.168.1.7:+5",
            "192.168.1.7:05",
            "192.168.1.7:65536",
            " 192.168.1.7:5",
            "192.168.01.7:5",
            "[192.168.1.7]:5",
            "2001:db8::1:5000",
            "[2001:DB8::1]:5000",
            "[2001:db8:0:0::1]:5000",
            "[fe80::1%eth0]:5000",
            "6F1C2D3E-4A5B-4C6D-8E7F-0A1B2C3D4E5F.local:5000",
            "[6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f.local]:5000",
            "6f1c2d3e4a5b4c6d8e7f0a1b2c3d4e5f.local:5000",
            "printer.local:5000",
            "tasks.example:443",
        ] {
            assert_eq!(Endpoint::parse(text), Err(ParseEndpointError::Malformed), "{text}");
        }
        assert_eq!(Endpoint::parse(&"1".repeat(55)), Err(ParseEndpointError::TooLong));
        assert_eq!(Endpoint::parse("192.168.1.7:0"), Err(ParseEndpointError::ZeroPort));
    }

    #[test]
    fn refuses_hosts_that_lead_back_or_to_everybody() {
        for text in [
            "127.0.0.1:5",
            "127.8.9.10:5",
            "0.0.0.0:5",
            "224.0.0.251:5",
            "239.255.255.255:5",
            "255.255.255.255:5",
            "[::]:5",
            "[::1]:5",
            "[ff02::fb]:5",
            "[::ffff:127.0.0.1]:5",
            "[::ffff:0.0.0.0]:5",
            "[::ffff:224.0.0.1]:5",
            "[::ffff:255.255.255.255]:5",
            "[::7f00:1]:5",
            "0.1.2.3:5",
            "240.0.0.1:5",
            "[64:ff9b::7f00:1]:5",
            "[64:ff9b::e000:fb]:5",
            "[64:ff9b::ffff:ffff]:5",
            "[64:ff9b:1::7f00:1]:5",
            "[2002:7f00:1::]:5",
            "[2002:e000:fb::1]:5",
            "[::ffff:0:7f00:1]:5",
            "[2001::80ff:fffe]:5",
            "[2001:0:7f00:1::f7f7:f7f7]:5",
            "[fe80::5efe:7f00:1]:5",
            "[2001:db8::200:5efe:e000:1]:5",
        ] {
            assert_eq!(Endpoint::parse(text), Err(ParseEndpointError::Unreachable), "{text}");
        }
    }

    #[test]
    fn takes_hosts_of_every_network_that_may_have_some() {
        for text in [
            "[64:ff9b::808:808]:5000",
            "[2001:db8::1]:5000",
            "[2002:808:808::1]:5000",
            "[fe80::1]:5000",
            "[fd00::1]:5000",
            "169.254.1.1:5000",
            "223.255.255.255:5000",
            "1.0.0.0:5000",
            // Next to the prefixes that carry an IPv4 address.
            "[64:ff9a::7f00:1]:5000",
            "[64:ff9b:0:1::7f00:1]:5000",
            "[64:ff9b:2::7f00:1]:5000",
            "[2001:1::80ff:fffe]:5000",
            "[2003:7f00:1::]:5000",
            "[::fffe:0:7f00:1]:5000",
            "[2001:db8::100:5efe:7f00:1]:5000",
        ] {
            assert_eq!(Endpoint::parse(text).map(|endpoint| endpoint.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn keeps_quiet_about_itself() {
        let endpoint = Endpoint::parse("192.168.1.7:51234").unwrap();
        assert_eq!(format!("{endpoint:?}"), "Endpoint(V4(redacted))");
    }

    #[test]
    fn the_longest_one_is_still_read() {
        let longest = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535";
        assert!(longest.len() <= Endpoint::MAX_CHARS);
        assert_eq!(Endpoint::parse(longest).unwrap().to_string(), longest);
    }

    /// The IPv6 addresses in which an IPv4 address can be hidden, each as its RFC writes it.
    fn disguises(v4: Ipv4Addr, prefix: u64, filler: u32) -> Vec<Ipv6Addr> {
        let v4 = u128::from(v4.to_bits());
        let (high, filler) = (u128::from(prefix) << 64, u128::from(filler));
        [
            0xffff << 32 | v4,
            v4,
            0xffff << 48 | v4,
            0x0064_ff9b << 96 | v4,
            0x0064_ff9b_0001 << 80 | v4,
            0x2002 << 112 | v4 << 80 | filler,
            // Server 192.0.2.1, and the client behind it.
            0x2001_0000_c000_0201 << 64 | filler << 32 | !v4 & 0xffff_ffff,
            high | 0x5efe << 32 | v4,
            high | 0x0200_5efe << 32 | v4,
        ]
        .map(Ipv6Addr::from_bits)
        .into()
    }

    /// Forms of which it is only asked that they hide nothing: they can be read in other ways too.
    fn ambiguous_disguises(v4: Ipv4Addr, filler: u32) -> Vec<Ipv6Addr> {
        let (v4, filler) = (u128::from(v4.to_bits()), u128::from(filler));
        // Below 64:ff9b:1::/48, with so many bits of the IPv4 address behind the octet that is left
        // out.
        let local = |bits: u32| 0x0064_ff9b_0001 << 80 | v4 >> bits << 64 | (v4 & ((1 << bits) - 1)) << (56 - bits);
        // The server of a Teredo address.
        [0x2001_0000 << 96 | v4 << 64 | filler, local(16), local(24), local(32)].map(Ipv6Addr::from_bits).into()
    }

    fn refuses(host: impl Into<IpAddr>) -> bool {
        Endpoint::new(EndpointHost::from_ip(host.into()), 5) == Err(ParseEndpointError::Unreachable)
    }

    /// Any IPv4 address, with as many that no endpoint may have.
    fn any_v4() -> impl Strategy<Value = Ipv4Addr> {
        let special = (prop_oneof![Just(0u8), Just(127), 224u8..], any::<[u8; 3]>());
        prop_oneof![
            any::<u32>().prop_map(Ipv4Addr::from_bits),
            special.prop_map(|(first, [b, c, d])| Ipv4Addr::new(first, b, c, d)),
        ]
    }

    fn host() -> impl Strategy<Value = EndpointHost> {
        prop_oneof![
            any::<u32>().prop_map(|bits| EndpointHost::V4(Ipv4Addr::from_bits(bits))),
            any::<u128>().prop_map(|bits| EndpointHost::V6(Ipv6Addr::from_bits(bits))),
            any::<u32>().prop_map(|bits| EndpointHost::V6(Ipv4Addr::from_bits(bits).to_ipv6_mapped())),
            any::<u128>().prop_map(|bits| EndpointHost::Mdns(Uuid::from_u128(bits))),
        ]
    }

    proptest! {
        #[test]
        fn what_is_refused_plain_is_refused_in_every_disguise_and_nothing_else_is(
            v4 in any_v4(),
            prefix in 0x2001_0db8_0000_0000u64..=0x2001_0db8_ffff_ffff,
            filler: u32,
        ) {
            // Behind 64:ff9b:1::/48 that is read in more than one way.
            prop_assume!(v4.to_bits() & 0x00ff_ffff != 0);
            let refused = refuses(v4);
            let expected = v4.is_loopback() || v4.is_multicast() || v4.octets()[0] == 0 || v4.octets()[0] >= 240;
            prop_assert_eq!(refused, expected);
            for disguise in disguises(v4, prefix, filler) {
                prop_assert_eq!(refuses(disguise), refused, "{} as {}", v4, disguise);
            }
            for disguise in ambiguous_disguises(v4, filler) {
                prop_assert!(!refused || refuses(disguise), "{} as {}", v4, disguise);
            }
        }

        #[test]
        fn round_trips(host in host(), port: u16) {
            if let Ok(endpoint) = Endpoint::new(host, port) {
                let text = endpoint.to_string();
                prop_assert!(text.len() <= Endpoint::MAX_CHARS);
                prop_assert_eq!(Endpoint::parse(&text), Ok(endpoint));
                prop_assert_eq!(EndpointHost::parse(&host.to_string()), Ok(host));
            }
        }

        #[test]
        fn whatever_is_read_is_written_alike(text in "\\PC{0,60}|[0-9a-f:.\\[\\]]{0,50}|[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}:[0-9]{1,5}") {
            if let Ok(endpoint) = Endpoint::parse(&text) {
                prop_assert_eq!(endpoint.to_string(), text);
            }
        }
    }
}
