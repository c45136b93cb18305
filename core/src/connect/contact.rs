use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use uuid::Uuid;

use super::IceCredentials;
use crate::id::{Address, CertHash, Endpoint, EndpointHost};

/// All that is needed to dial one connection.
///
/// Unlike an [`Address`] it names ICE credentials, so it is for whoever is to dial and for nobody else. `Debug` tells no
/// endpoint and no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// The hash of the certificate that it will show.
    pub cert_hash: CertHash,
    /// Its ICE credentials.
    pub credentials: IceCredentials,
    /// Where it waits, best first: at most [`MAX_ENDPOINTS`](Self::MAX_ENDPOINTS).
    pub endpoints: Vec<Endpoint>,
}

/// The bytes are no contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a contact that cannot be read")]
#[non_exhaustive]
pub struct UnpackContactError;

/// What stands before the 4 or 16 bytes of a host.
const V4: u8 = 4;
const V6: u8 = 6;
const MDNS: u8 = 1;

/// What stands in the place of a text's length, which is never below 4, for the two forms in which Firefox makes its
/// credentials: hexadecimal digits.
const HEX_8: u8 = 1;
const HEX_32: u8 = 2;

impl Contact {
    /// Those of an address, and each of its ports at the IP address that the phone book saw.
    pub const MAX_ENDPOINTS: usize = 2 * Address::MAX_ENDPOINTS;

    /// The contact in as few bytes as it takes: 32 of the hash, fragment and password with a byte of length before each
    /// (or 1 or 2 for 8 or 32 hexadecimal digits, and the bytes that these stand for),
    /// the number of endpoints in a byte, and for each a byte for the kind of host (4 and 6 for IP addresses, 1 for a name
    /// of mDNS), its 4 or 16 bytes, and the port, highest byte first.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Vec::from(*self.cert_hash.as_bytes());
        for text in [self.credentials.ufrag(), self.credentials.pwd()] {
            pack_text(text, &mut out);
        }
        let endpoints = self.endpoints.iter().take(Self::MAX_ENDPOINTS);
        out.push(u8::try_from(endpoints.len()).unwrap_or(u8::MAX));
        for endpoint in endpoints {
            match endpoint.host() {
                EndpointHost::V4(ip) => {
                    out.push(V4);
                    out.extend(ip.octets());
                }
                EndpointHost::V6(ip) => {
                    out.push(V6);
                    out.extend(ip.octets());
                }
                EndpointHost::Mdns(name) => {
                    out.push(MDNS);
                    out.extend(name.as_bytes());
                }
            }
            out.extend(endpoint.port().to_be_bytes());
        }
        out
    }

    /// Reads a contact from the front of `bytes`, and moves them on to what follows it.
    ///
    /// # Errors
    ///
    /// If what stands there is anything but what [`pack`](Self::pack) writes.
    pub fn unpack(bytes: &mut &[u8]) -> Result<Self, UnpackContactError> {
        Self::take(bytes).ok_or(UnpackContactError)
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let cert_hash = CertHash::from_bytes(*bytes.split_off(..32)?.first_chunk()?);
        let credentials = IceCredentials::new(take_text(bytes)?, take_text(bytes)?).ok()?;
        let count = usize::from(*bytes.split_off_first()?);
        if count > Self::MAX_ENDPOINTS {
            return None;
        }
        let mut endpoints = Vec::new();
        for _ in 0..count {
            let kind = *bytes.split_off_first()?;
            let host = bytes.split_off(..if kind == V4 { 4 } else { 16 })?;
            let host = match kind {
                V4 => EndpointHost::V4(Ipv4Addr::from(*host.first_chunk::<4>()?)),
                V6 => EndpointHost::V6(Ipv6Addr::from(*host.first_chunk::<16>()?)),
                MDNS => EndpointHost::Mdns(Uuid::from_bytes(*host.first_chunk()?)),
                _ => return None,
            };
            let port = u16::from_be_bytes(*bytes.split_off(..2)?.first_chunk()?);
            endpoints.push(Endpoint::new(host, port).ok()?);
        }
        Some(Self { cert_hash, credentials, endpoints })
    }
}

fn pack_text(text: &str, out: &mut Vec<u8>) {
    let hex = |form: u8| {
        let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
        Some((form, digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()))
    };
    let short: Option<(u8, Vec<u8>)> = match text.len() {
        8 => hex(HEX_8),
        32 => hex(HEX_32),
        _ => None,
    };
    // RFC 8839 has up to 256 characters; no browser makes more than 32.
    let text = text.as_bytes().get(..255).unwrap_or(text.as_bytes());
    let (length, bytes) = short
        .as_ref()
        .map_or_else(|| (u8::try_from(text.len()).unwrap_or(u8::MAX), text), |(form, bytes)| (*form, bytes.as_slice()));
    out.push(length);
    out.extend(bytes);
}

fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let length = *bytes.split_off_first()?;
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|digit| char::from_digit(digit.into(), 16))
            .collect()
    };
    Some(match length {
        HEX_8 => hex(bytes.split_off(..4)?),
        HEX_32 => hex(bytes.split_off(..16)?),
        length => std::str::from_utf8(bytes.split_off(..usize::from(length))?).ok()?.to_owned(),
    })
}

/// A hexadecimal digit of the form that is written back.
fn digit(char: u8) -> Option<u8> {
    match char {
        b'0'..=b'9' => Some(char - b'0'),
        b'a'..=b'f' => Some(char - b'a' + 10),
        _ => None,
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cert_hash, credentials, endpoints } = self;
        f.debug_struct("Contact")
            .field("cert_hash", cert_hash)
            .field("credentials", credentials)
            .field("endpoints", &endpoints.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contact() -> impl Strategy<Value = Contact> {
        let host = prop_oneof![
            any::<Ipv4Addr>().prop_map(EndpointHost::V4),
            any::<Ipv6Addr>().prop_map(EndpointHost::V6),
            any::<[u8; 16]>().prop_map(|bytes| EndpointHost::Mdns(Uuid::from_bytes(bytes))),
        ];
        let endpoint = (host, any::<u16>()).prop_filter_map("dialable", |(host, port)| Endpoint::new(host, port).ok());
        let endpoints = proptest::collection::vec(endpoint, 0..=Contact::MAX_ENDPOINTS);
        let ufrag = prop_oneof!["[a-zA-Z0-9+/]{4,255}", "[a-f0-9]{8}", "[a-f0-9]{32}"];
        let pwd = prop_oneof![
            "[a-zA-Z0-9+/]{22,255}",
            "[a-zA-Z0-9+/]{24}",
            "[a-f0-9]{24}",
            "[a-fA-F0-9]{32}",
            "[a-f0-9]{32}"
        ];
        (any::<[u8; 32]>(), ufrag, pwd, endpoints).prop_map(|(hash, ufrag, pwd, endpoints)| Contact {
            cert_hash: CertHash::from_bytes(hash),
            credentials: IceCredentials::new(ufrag, pwd).unwrap(),
            endpoints,
        })
    }

    #[test]
    fn takes_little_room() {
        let endpoints = ["6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f.local:1024", "192.0.2.7:1024"];
        let length = |ufrag, pwd| {
            let credentials = IceCredentials::new(ufrag, pwd).unwrap();
            let endpoints = endpoints.map(|text| Endpoint::parse(text).unwrap()).into();
            Contact { cert_hash: CertHash::from_bytes([3; 32]), credentials, endpoints }.pack().len()
        };
        // As Chromium, as Firefox, and as nobody makes them.
        assert_eq!(length("abCd", "0123456789abcdefghijkl+/"), 32 + 5 + 25 + 1 + 19 + 7);
        assert_eq!(length("0123abcd", "0123456789abcdef0123456789abcdef"), 32 + 5 + 17 + 1 + 19 + 7);
        assert_eq!(length("0123ABCD", "0123456789ABCDEF0123456789ABCDEF"), 32 + 9 + 33 + 1 + 19 + 7);
    }

    proptest! {
        #[test]
        fn comes_out_as_it_went_in(contact in contact(), rest: Vec<u8>) {
            let bytes = [contact.pack(), rest.clone()].concat();
            let mut left = bytes.as_slice();
            prop_assert_eq!(Contact::unpack(&mut left), Ok(contact));
            prop_assert_eq!(left, rest);
        }

        #[test]
        fn what_is_cut_off_is_an_error(contact in contact(), keep in 0.0..1.0) {
            let bytes = contact.pack();
            let keep = (bytes.len() as f64 * keep) as usize;
            prop_assert_eq!(Contact::unpack(&mut &bytes[..keep]), Err(UnpackContactError));
        }

        #[test]
        fn garbage_is_an_error_or_a_contact_and_no_panic(bytes: Vec<u8>, contact in contact(), at: prop::sample::Index, byte: u8) {
            let _ = Contact::unpack(&mut bytes.as_slice());
            let mut bytes = contact.pack();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = Contact::unpack(&mut bytes.as_slice());
        }
    }
}
