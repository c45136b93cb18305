use std::fmt;

use super::base64url;

/// What makes a browser a member of a room: 32 random bytes that no server ever sees.
///
/// Every key of the room follows from it, see [`key`](crate::key), and nothing is done with it directly. It has no
/// `Display`, and its `Debug` form tells nothing; [`to_base64url`](Self::to_base64url) is the one way to its text.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomSecret([u8; 32]);

/// The text is not a room's secret. (It is not quoted here, for it may be all but one.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a room's secret is 43 base64url characters")]
#[non_exhaustive]
pub struct ParseRoomSecretError;

impl RoomSecret {
    /// Takes 32 bytes: random ones for a new room, known ones for a known room.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes. Whoever holds them is a member of the room.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the form that [`to_base64url`](Self::to_base64url) writes.
    ///
    /// # Errors
    ///
    /// When the text is anything but that.
    pub fn parse(text: &str) -> Result<Self, ParseRoomSecretError> {
        base64url::decode(text).map(Self).ok_or(ParseRoomSecretError)
    }

    /// The secret as 43 base64url characters, as it stands in a room link.
    pub fn to_base64url(&self) -> String {
        base64url::encode(&self.0)
    }
}

impl fmt::Debug for RoomSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomSecret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_nothing_but_43_characters_without_spare_bits() {
        let text = RoomSecret::from_bytes([0; 32]).to_base64url();
        assert_eq!(text, "A".repeat(43));
        for text in [
            "",
            &text[1..],
            &format!("{text}A"),
            &format!("{text}="),
            &format!("{}B", &text[1..]),
            &format!("{}+", &text[1..]),
        ] {
            assert_eq!(RoomSecret::parse(text), Err(ParseRoomSecretError), "{text}");
        }
    }

    #[test]
    fn keeps_quiet_about_itself() {
        let secret = RoomSecret::from_bytes([0xab; 32]);
        assert_eq!(format!("{secret:?}"), "RoomSecret(redacted)");
    }

    proptest! {
        #[test]
        fn round_trips(bytes: [u8; 32]) {
            let secret = RoomSecret::from_bytes(bytes);
            prop_assert_eq!(secret.expose(), &bytes);
            prop_assert_eq!(RoomSecret::parse(&secret.to_base64url()), Ok(secret));
        }
    }
}
