use std::net::IpAddr;

use crate::Refusal;

/// Where a request came from, as Cloudflare says in `CF-Connecting-IP` (which overwrites what a caller puts there).
///
/// An IPv4 address in the form of an IPv6 one (`::ffff:203.0.113.7`) is taken for the IPv4 address that it is: other browsers dial
/// it, and one host must not count as two.
///
/// # Errors
///
/// When the header is missing or no IP address: then this does not run behind Cloudflare, and whatever else might name the caller
/// could be written by the caller.
pub fn observed_ip(cf_connecting_ip: Option<&str>) -> Result<IpAddr, Refusal> {
    let ip: IpAddr = cf_connecting_ip.and_then(|text| text.parse().ok()).ok_or(Refusal::CallerUnknown)?;
    Ok(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_both_families_and_unwraps_mapped_ones() {
        for (header, ip) in
            [("203.0.113.7", "203.0.113.7"), ("2001:db8::1", "2001:db8::1"), ("::ffff:203.0.113.7", "203.0.113.7")]
        {
            assert_eq!(observed_ip(Some(header)).unwrap().to_string(), ip);
        }
    }

    #[test]
    fn guesses_nothing() {
        for header in [None, Some(""), Some("203.0.113.7, 198.51.100.1"), Some("203.0.113.7:80"), Some("somewhere")] {
            assert_eq!(observed_ip(header), Err(Refusal::CallerUnknown));
        }
    }
}
