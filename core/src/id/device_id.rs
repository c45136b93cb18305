use std::fmt;

/// A device in a room: 16 bytes that follow from its key there, [`DevicePublicKey::device`].
///
/// The same device has another key, and so another id, in every room: two rooms cannot tell that they share a member. The
/// order of ids breaks ties between simultaneous edits.
///
/// [`DevicePublicKey::device`]: crate::key::DevicePublicKey::device
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId([u8; 16]);

/// The text is not a device id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device id is 32 lower-case hexadecimal digits")]
#[non_exhaustive]
pub struct ParseDeviceIdError;

impl DeviceId {
    /// Takes the 16 bytes of a known device. A new one gets its id from its key.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Reads the form that `Display` writes: 32 lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// When the text is anything but that.
    pub fn parse(text: &str) -> Result<Self, ParseDeviceIdError> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(digit) {
            return Err(ParseDeviceIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| ParseDeviceIdError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceId({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_written_in_32_digits() {
        let device = DeviceId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xab, 0xcd, 0xef, 0xff]);
        assert_eq!(device.to_string(), "000102030405060708090a0babcdefff");
        assert_eq!(format!("{device:?}"), "DeviceId(000102030405060708090a0babcdefff)");
    }

    #[test]
    fn reads_nothing_else() {
        for text in [
            "",
            "000102030405060708090A0BABCDEFFF",
            "+00102030405060708090a0babcdefff",
            "000102030405060708090a0babcdeff",
            "000102030405060708090a0babcdefff0",
            "000102030405060708090a0babcdefg0",
            "00010203abcdefff",
            "ääääääääääääääää",
        ] {
            assert_eq!(DeviceId::parse(text), Err(ParseDeviceIdError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(bytes: [u8; 16]) {
            let device = DeviceId::from_bytes(bytes);
            prop_assert_eq!(device.to_bytes(), bytes);
            prop_assert_eq!(DeviceId::parse(&device.to_string()), Ok(device));
        }
    }
}
