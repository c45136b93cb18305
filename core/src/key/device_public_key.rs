use std::fmt;

use super::Label;
use crate::id::DeviceId;

/// The public key of a device in a room. A peer shows that it holds the private half in the handshake of a session.
///
/// [`DeviceId`]s follow from it, so nobody has an id without its key. Points of the curve are taken in one form only (RFC
/// 7748 would have `u` and `u` + 2^255 - 19 be the same point), so one key has one id. Two keys of one id would be a
/// collision of 128 bits: nobody finds a second key to an id that is there; whoever does the 2^64 steps it takes to make
/// two that are alike gets what two devices with the same key would be.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DevicePublicKey([u8; 32]);

/// The bytes are not the canonical form of a point's coordinate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key is a number below 2^255 - 19")]
#[non_exhaustive]
pub struct InvalidPublicKey;

impl DevicePublicKey {
    /// Takes the bytes that a peer showed.
    ///
    /// # Errors
    ///
    /// When they stand for a number of 2^255 - 19 or more (little-endian): nobody who goes by RFC 7748 makes such a key.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, InvalidPublicKey> {
        let [lowest, middle @ .., highest] = &bytes;
        let is_below = match highest {
            0x80.. => false,
            0x7f => *lowest < 0xed || middle.iter().any(|byte| *byte != 0xff),
            _ => true,
        };
        if is_below { Ok(Self(bytes)) } else { Err(InvalidPublicKey) }
    }

    /// Takes what the curve made of a private key.
    pub(super) fn of_private(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id of the device whose key this is.
    pub fn device(&self) -> DeviceId {
        DeviceId::from_bytes(Label::DeviceId.derive(&self.0, &[]))
    }
}

impl fmt::Debug for DevicePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DevicePublicKey(of {})", self.device())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2^255 - 19 and what follows, little-endian.
    fn prime_and(more: u8) -> [u8; 32] {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xed + more, 0x7f);
        bytes
    }

    #[test]
    fn a_point_has_one_form() {
        for more in 0..19 {
            assert_eq!(DevicePublicKey::from_bytes(prime_and(more)), Err(InvalidPublicKey), "{more}");
        }
        let mut last = prime_and(0);
        last[0] -= 1;
        assert!(DevicePublicKey::from_bytes(last).is_ok());
        for byte in 1..31 {
            let mut smaller = prime_and(7);
            smaller[byte] = 0xfe;
            assert!(DevicePublicKey::from_bytes(smaller).is_ok(), "{byte}");
        }
    }

    proptest! {
        #[test]
        fn numbers_of_256_bits_are_refused(mut bytes: [u8; 32]) {
            bytes[31] |= 0x80;
            prop_assert_eq!(DevicePublicKey::from_bytes(bytes), Err(InvalidPublicKey));
        }

        #[test]
        fn what_is_taken_keeps_its_bytes_and_has_an_id_of_its_own(bytes: [u8; 32], other: [u8; 32]) {
            let keys = [bytes, other].map(|mut bytes| {
                bytes[31] &= 0x3f;
                DevicePublicKey::from_bytes(bytes).unwrap()
            });
            prop_assert_eq!(keys[0].as_bytes()[..31].to_vec(), bytes[..31].to_vec());
            prop_assert_eq!(keys[0] == keys[1], keys[0].device() == keys[1].device());
        }
    }
}
