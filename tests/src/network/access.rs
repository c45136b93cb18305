use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The two versions of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// How a place is connected to the Internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// IPv4 behind a NAT that keeps the ports where it can, and silently drops what comes from where nothing was sent to:
    /// most homes ("port restricted").
    Nat,
    /// The same with a random port for each destination: some offices and mobile networks ("symmetric").
    RandomNat,
    /// IPv6, without a NAT, behind a firewall that silently drops what comes from where nothing was sent to.
    Ipv6,
    /// Both of [`Access::Nat`] and [`Access::Ipv6`].
    Dual,
    /// Everything that comes is let in, to the place's first host: by a NAT for IPv4 that keeps the ports ("full cone"),
    /// and without one for IPv6.
    Open,
}

impl Access {
    /// In a few words, for a table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nat => "NAT",
            Self::RandomNat => "NAT with random ports",
            Self::Ipv6 => "IPv6 only",
            Self::Dual => "NAT, and IPv6",
            Self::Open => "open NAT",
        }
    }

    /// What its hosts have. Where it is both they call servers by the first, as browsers do.
    pub fn families(self) -> &'static [Family] {
        match self {
            Self::Nat | Self::RandomNat => &[Family::V4],
            Self::Ipv6 => &[Family::V6],
            Self::Dual | Self::Open => &[Family::V6, Family::V4],
        }
    }
}

impl Family {
    /// As an option of `ip`.
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::V4 => "-4",
            Self::V6 => "-6",
        }
    }

    /// The program that takes [`Family::rules`].
    pub(super) fn restore(self) -> &'static str {
        match self {
            Self::V4 => "iptables-restore",
            Self::V6 => "ip6tables-restore",
        }
    }

    /// Bits of a network's prefix.
    pub(super) fn prefix(self) -> u8 {
        match self {
            Self::V4 => 24,
            Self::V6 => 64,
        }
    }

    /// The address that `host` of place `place` has outside: its router, or the phone books. The networks are those set
    /// apart for benchmarks (RFC 2544) and documentation (RFC 3849).
    pub(super) fn outside(self, place: u8, host: u8) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::new(198, 18, place, host).into(),
            Self::V6 => Ipv6Addr::new(0x2001, 0xdb8, place.into(), 0, 0, 0, 0, host.into()).into(),
        }
    }

    /// The address of a host inside. IPv4 is the same everywhere, as it is in homes; of IPv6 each has its own.
    pub(super) fn inside(self, place: u8, host: u8) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::new(192, 168, 1, host).into(),
            Self::V6 => Ipv6Addr::new(0x2001, 0xdb8, place.into(), 1, 0, 0, 0, host.into()).into(),
        }
    }

    /// The rules of a router.
    pub(super) fn rules(self, access: Access, first_host: IpAddr) -> String {
        const ESTABLISHED: &str = "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT";
        let mut rules = String::new();
        if self == Self::V4 {
            let random = if access == Access::RandomNat { " --random-fully" } else { "" };
            rules += &format!("*nat\n-A POSTROUTING -o wan -j MASQUERADE{random}\n");
            if access == Access::Open {
                rules += &format!("-A PREROUTING -i wan -p udp -j DNAT --to-destination {first_host}\n");
            }
            rules += "COMMIT\n";
        }
        rules += &format!("*filter\n:FORWARD DROP\n-A FORWARD {ESTABLISHED}\n-A FORWARD -i lan -j ACCEPT\n");
        if access == Access::Open {
            rules += "-A FORWARD -i wan -p udp -j ACCEPT\n";
        }
        // Dropped in silence, as real routers do. One that answered would make the kernel's connection tracking
        // remember the caller's packet, and give the host's own packet to that caller another port.
        rules += &format!("-A INPUT -i wan {ESTABLISHED}\n-A INPUT -i wan -j DROP\nCOMMIT\n");
        rules
    }
}
