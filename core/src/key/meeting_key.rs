use std::fmt;

use super::Label;
use crate::id::{CertHash, RoomSecret};

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

    /// Whether a certificate hash vouches for its device: of all that there are it is one in [`ODDS`](Self::ODDS), and
    /// only members can tell which, so they take certificates that do.
    ///
    /// Whoever does not know the key and lists what he likes hits one by chance, and finds out by being dialled for longer
    /// than others, at some 256 tries a hit. He can list a hash again that a member once had.
    pub fn vouches_for(&self, cert_hash: &CertHash) -> bool {
        Label::Voucher.derive(&self.0, &[cert_hash.as_bytes()]) == [0]
    }

    /// How many certificates have to be made for one whose hash vouches for its device, on the average.
    pub const ODDS: usize = 256;

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

    #[test]
    fn one_hash_in_so_many_vouches_and_another_key_has_others() {
        let key = |secret| MeetingKey::of(&RoomSecret::from_bytes([secret; 32]));
        let hash = |number: u32| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            CertHash::from_bytes(bytes)
        };
        let (ours, theirs) = (key(7), key(8));
        let vouched: Vec<CertHash> = (0..16_384).map(hash).filter(|hash| ours.vouches_for(hash)).collect();
        let expected = 16_384 / MeetingKey::ODDS;
        assert!((expected / 2..=expected * 2).contains(&vouched.len()), "{} of 16,384", vouched.len());
        let both = vouched.iter().filter(|hash| theirs.vouches_for(hash)).count();
        assert!(both <= 4, "{both} of {} vouch under another key too", vouched.len());
    }
}
