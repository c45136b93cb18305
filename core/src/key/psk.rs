use std::fmt;

use super::Label;
use crate::id::{RoomId, RoomSecret};

/// A pre-shared key: who knows one that its peer knows too is let in.
///
/// It must be impossible to guess: 256 bits that follow from random ones, never from words. Its `Debug` form tells nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Psk([u8; 32]);

impl Psk {
    /// The psk among the members of a room.
    pub fn of_room(secret: &RoomSecret, room: RoomId) -> Self {
        Self(Label::NoisePsk.derive(secret.expose(), &[room.as_bytes()]))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Psk(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differs_by_secret_and_by_room_and_keeps_quiet_about_itself() {
        let psk = |secret: u8, room: u8| {
            Psk::of_room(&RoomSecret::from_bytes([secret; 32]), RoomId::from_random_bytes([room; 16]))
        };
        assert_eq!(psk(1, 1), psk(1, 1));
        assert_ne!(psk(1, 1), psk(1, 2));
        assert_ne!(psk(1, 1), psk(2, 1));
        assert_eq!(format!("{:?}", psk(1, 1)), "Psk(redacted)");
    }
}
