use std::net::{IpAddr, Ipv6Addr};

use crate::Refusal;

/// Where a request came from, as Cloudflare says in `CF-Connecting-IP` (which overwrites what a
/// caller puts there).
///
/// An IPv4 address in the form of an IPv6 one (`::ffff:203.0.113.7`) is taken for the IPv4 address
/// that it is: other browsers dial it, and one host must not count as two. One of class E
/// (240.0.0.0/4) is no host's: Cloudflare makes it of an IPv6 address where "Pseudo IPv4" is set to
/// overwrite headers, and keeps the true one in `CF-Connecting-IPv6`.
///
/// # Errors
///
/// When the header is missing or no IP address: then this does not run behind Cloudflare, and
/// whatever else might name the caller could be written by the caller.
pub fn observed_ip(cf_connecting_ip: Option<&str>, cf_connecting_ipv6: Option<&str>) -> Result<IpAddr, Refusal> {
    let ip: IpAddr = cf_connecting_ip.and_then(|text| text.parse().ok()).ok_or(Refusal::CallerUnknown)?;
    match ip.to_canonical() {
        IpAddr::V4(pseudo) if pseudo.octets()[0] >= 240 => {
            let ip: Ipv6Addr = cf_connecting_ipv6.and_then(|text| text.parse().ok()).ok_or(Refusal::CallerUnknown)?;
            Ok(ip.to_canonical())
        }
        ip => Ok(ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_both_families_and_unwraps_mapped_ones() {
        for (header, ip) in
            [("203.0.113.7", "203.0.113.7"), ("2001:db8::1", "2001:db8::1"), ("::ffff:203.0.113.7", "203.0.113.7")]
        {
            assert_eq!(observed_ip(Some(header), None).unwrap().to_string(), ip);
        }
    }

    #[test]
    fn guesses_nothing() {
        for header in [None, Some(""), Some("203.0.113.7, 198.51.100.1"), Some("203.0.113.7:80"), Some("somewhere")] {
            assert_eq!(observed_ip(header, Some("2001:db8::1")), Err(Refusal::CallerUnknown));
        }
    }

    #[test]
    fn a_pseudo_ipv4_address_is_nobodys() {
        let ip = |other| observed_ip(Some("240.16.0.1"), other).map(|ip| ip.to_string());
        assert_eq!(ip(Some("2001:db8::7")), Ok("2001:db8::7".to_owned()));
        for other in [None, Some(""), Some("203.0.113.7")] {
            assert_eq!(ip(other), Err(Refusal::CallerUnknown), "{other:?}");
        }
        // Where it is not overwritten, the other header is anybody's.
        let ip = observed_ip(Some("203.0.113.7"), Some("2001:db8::7")).unwrap();
        assert_eq!(ip.to_string(), "203.0.113.7");
    }
}
