use std::fmt;

/// A device in a room: 8 random bytes, chosen by a browser profile when it joins the room.
///
/// The same browser has another id in every room, so two rooms cannot tell that they share a member. The order of ids
/// breaks ties between simultaneous edits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId([u8; 8]);

/// The text is not a device id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device id is 16 lower-case hexadecimal digits")]
#[non_exhaustive]
pub struct ParseDeviceIdError;

impl DeviceId {
    /// Takes 8 bytes: random ones for a new device, known ones for a known device.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The 8 bytes.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0
    }

    /// Reads the form that `Display` writes: 16 lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// When the text is anything but that.
    pub fn parse(text: &str) -> Result<Self, ParseDeviceIdError> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 16 || !text.bytes().all(digit) {
            return Err(ParseDeviceIdError);
        }
        let number = u64::from_str_radix(text, 16).map_err(|_| ParseDeviceIdError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
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
    fn is_written_in_16_digits() {
        let device = DeviceId::from_bytes([0, 1, 2, 3, 0xab, 0xcd, 0xef, 0xff]);
        assert_eq!(device.to_string(), "00010203abcdefff");
        assert_eq!(format!("{device:?}"), "DeviceId(00010203abcdefff)");
    }

    #[test]
    fn reads_nothing_else() {
        for text in [
            "",
            "00010203ABCDEFFF",
            "+0010203abcdefff",
            "00010203abcdeff",
            "00010203abcdefff0",
            "00010203abcdefg0",
            "ääääääää",
        ] {
            assert_eq!(DeviceId::parse(text), Err(ParseDeviceIdError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(bytes: [u8; 8]) {
            let device = DeviceId::from_bytes(bytes);
            prop_assert_eq!(device.to_bytes(), bytes);
            prop_assert_eq!(DeviceId::parse(&device.to_string()), Ok(device));
        }
    }
}
