use std::fmt;
use std::net::IpAddr;

use super::{CertHash, Endpoint};

/// All that it takes to dial a browser: one listing of the phone book, as a caller gets it.
///
/// It is the same for every caller, like a libp2p `webrtc-direct` multiaddr. `Debug` hides where the browser is.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Where the phone book saw the browser's request come from.
    pub ip: IpAddr,
    /// What the browser itself said: at most [`MAX_ENDPOINTS`](Self::MAX_ENDPOINTS), as [`new`](Self::new) checks.
    pub endpoints: Vec<Endpoint>,
    /// The hash of the browser's DTLS certificate.
    pub cert_hash: CertHash,
}

/// Why something is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// More endpoints than [`Address::MAX_ENDPOINTS`].
    #[error("an address has at most {} endpoints", Address::MAX_ENDPOINTS)]
    TooManyEndpoints,
}

impl Address {
    /// Most endpoints that an address has.
    pub const MAX_ENDPOINTS: usize = 8;

    /// Puts an address together.
    ///
    /// # Errors
    ///
    /// When there are more than [`MAX_ENDPOINTS`](Self::MAX_ENDPOINTS) endpoints.
    pub fn new(ip: IpAddr, endpoints: Vec<Endpoint>, cert_hash: CertHash) -> Result<Self, AddressError> {
        if endpoints.len() > Self::MAX_ENDPOINTS {
            return Err(AddressError::TooManyEndpoints);
        }
        Ok(Self { ip, endpoints, cert_hash })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("cert_hash", &self.cert_hash).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_at_most_8_endpoints() {
        let ip = "192.0.2.1".parse().unwrap();
        let cert_hash = CertHash::from_bytes([1; 32]);
        let endpoints = |n: u16| (1..=n).map(|port| Endpoint::parse(&format!("10.0.0.1:{port}")).unwrap()).collect();
        assert!(Address::new(ip, endpoints(8), cert_hash).is_ok());
        assert_eq!(Address::new(ip, endpoints(9), cert_hash), Err(AddressError::TooManyEndpoints));
    }

    #[test]
    fn keeps_quiet_about_itself() {
        let address = Address::new("203.0.113.7".parse().unwrap(), Vec::new(), CertHash::from_bytes([0; 32])).unwrap();
        assert!(!format!("{address:?}").contains("203.0.113.7"));
    }
}
