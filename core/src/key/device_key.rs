use std::fmt;
use std::hint::black_box;

use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};

use super::DevicePublicKey;
use crate::id::{DeviceId, base64url};

/// The private key of a device in a room: an X25519 key, made when the device joins and used in no other room.
///
/// Whoever holds it is that device. It has no `Display`, and its `Debug` form tells nothing;
/// [`to_base64url`](Self::to_base64url) is the one way to its text. Its bytes are overwritten when it is dropped; that is
/// a courtesy and no promise, for what was moved or written elsewhere is not found again.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceKey([u8; 32]);

/// The text is not a device's private key. (It is not quoted here, for it may be all but one.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device's private key is 43 base64url characters")]
#[non_exhaustive]
pub struct ParseDeviceKeyError;

impl DeviceKey {
    /// Makes a key of 32 unpredictable bytes. Any are a valid key.
    pub fn from_random_bytes(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads the form that [`to_base64url`](Self::to_base64url) writes.
    ///
    /// # Errors
    ///
    /// When the text is anything but that.
    pub fn parse(text: &str) -> Result<Self, ParseDeviceKeyError> {
        base64url::decode(text).map(Self).ok_or(ParseDeviceKeyError)
    }

    /// The key as 43 base64url characters, as it is stored.
    pub fn to_base64url(&self) -> String {
        base64url::encode(&self.0)
    }

    /// The 32 bytes. Whoever holds them can be taken for the device.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public half, which peers come to know.
    pub fn public(&self) -> DevicePublicKey {
        let mut public = [0; 32];
        let curve = DefaultResolver.resolve_dh(&DHChoice::Curve25519).map(|mut curve| {
            curve.set(&self.0);
            public.copy_from_slice(curve.pubkey());
        });
        // A feature of the library that this crate turns on. A key of zeros would be worse than any panic.
        assert!(curve.is_some(), "the library has the curve");
        DevicePublicKey::of_private(public)
    }

    /// The id of the device whose key this is.
    pub fn device(&self) -> DeviceId {
        self.public().device()
    }
}

impl Drop for DeviceKey {
    fn drop(&mut self) {
        self.0.fill(0);
        // Nobody reads it again, so without this the compiler may leave the line above out.
        black_box(&self.0);
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_quiet_about_itself() {
        let key = DeviceKey::from_random_bytes([0xab; 32]);
        assert_eq!(format!("{key:?}"), "DeviceKey(redacted)");
    }

    #[test]
    fn reads_nothing_but_43_characters_without_spare_bits() {
        let text = DeviceKey::from_random_bytes([0; 32]).to_base64url();
        for text in ["", &text[1..], &format!("{text}A"), &format!("{}B", &text[1..]), &format!("{}+", &text[1..])] {
            assert_eq!(DeviceKey::parse(text), Err(ParseDeviceKeyError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(bytes: [u8; 32]) {
            let key = DeviceKey::from_random_bytes(bytes);
            prop_assert_eq!(key.expose(), &bytes);
            prop_assert_eq!(DeviceKey::parse(&key.to_base64url()), Ok(key));
        }

        /// What is taken from peers takes every key that is made.
        #[test]
        fn any_bytes_have_a_public_key_that_peers_take(bytes: [u8; 32]) {
            let public = DeviceKey::from_random_bytes(bytes).public();
            prop_assert_eq!(DevicePublicKey::from_bytes(*public.as_bytes()), Ok(public));
        }

        #[test]
        fn another_key_is_another_device(bytes: [u8; 32], other: [u8; 32]) {
            let (one, other) = (DeviceKey::from_random_bytes(bytes), DeviceKey::from_random_bytes(other));
            prop_assert_eq!(one.public() == other.public(), one.device() == other.device());
            prop_assert!(one == other || one.device() != other.device());
        }
    }
}
