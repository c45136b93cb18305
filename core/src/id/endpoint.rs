use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6};

use uuid::Uuid;

use super::uuid_text;

/// Where a browser may be reached: a host and a UDP port, as in an ICE candidate.
///
/// It can name no loopback, unspecified, multicast or broadcast address, in no disguise: a listing must not make other
/// browsers send packets to themselves or to everybody.
///
/// The text form is `192.0.2.1:5000`, `[2001:db8::1]:5000` or `<uuid>.local:5000`; `Debug` hides it.
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
    /// The mDNS name `<uuid>.local` that a browser gives in place of a local address (draft-ietf-mmusic-mdns-ice-candidates).
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
    /// [`ParseEndpointError::Malformed`] when it is none of the three kinds, or not in canonical form.
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
            Self::V4(ip) => !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast()),
            Self::V6(ip) => {
                // ::ffff:127.0.0.1 is 127.0.0.1 in disguise, and so is the long forgotten ::127.0.0.1.
                let disguised = ip.to_ipv4().filter(|_| !ip.is_loopback() && !ip.is_unspecified());
                !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast())
                    && disguised.is_none_or(|ip| Self::V4(ip).leads_somewhere())
            }
            Self::Mdns(_) => true,
        }
    }
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
    /// Length of the longest endpoint's text: that of an IPv6 address that maps an IPv4 one, with brackets and port.
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
        ] {
            assert_eq!(Endpoint::parse(text), Err(ParseEndpointError::Unreachable), "{text}");
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
