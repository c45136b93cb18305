use std::fmt;

use super::Label;
use crate::id::RoomSecret;

/// What the addresses of a room follow from: who has it can compute how any member is dialled.
///
/// It lets nobody in: that takes a [`Psk`](super::Psk). Its `Debug` form tells nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct MeetingKey([u8; 32]);

impl MeetingKey {
    /// The meeting key of the room with this secret.
    pub fn of(secret: &RoomSecret) -> Self {
        Self(Label::MeetingKey.derive(secret.expose(), &[]))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MeetingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeetingKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_not_the_secret_and_keeps_quiet_about_itself() {
        let secret = RoomSecret::from_bytes([7; 32]);
        let key = MeetingKey::of(&secret);
        assert_ne!(key.expose(), secret.expose());
        assert_ne!(key, MeetingKey::of(&RoomSecret::from_bytes([8; 32])));
        assert_eq!(format!("{key:?}"), "MeetingKey(redacted)");
    }
}
