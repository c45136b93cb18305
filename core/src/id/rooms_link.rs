use std::fmt;

use sha2::{Digest, Sha256};

use super::base64url;
use super::readings::{MAX_BYTES, Taker, is_base64url, readings};
use super::{RoomId, RoomLink, RoomSecret};

/// Several rooms with their secrets: what another device of the same person takes to become a member of them all. Devices'
/// keys are not in it: each device has its own.
///
/// As a link it is `https://HOST/#m.<bytes in base64url>`: a version byte, 1; for each room its id in 16 bytes and its secret
/// in 32; and the first 4 bytes of the SHA-256 hash of all that, so that a link that was cut off is no link.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomsLink(Vec<RoomLink>);

/// Why text is no link to several rooms. Each `Display` is a sentence for the person who pasted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseRoomsLinkError {
    /// Nothing in it looks like one.
    #[error("This is not a link to rooms.")]
    NoLink,
    /// Something is missing or changed.
    #[error("This link is damaged: a part of it is missing or changed. Copy the whole link again.")]
    Damaged,
    /// A later version made it.
    #[error("This link was made by a newer version of Partyline. Update the app on this device.")]
    Newer,
}

/// How the fragment begins.
const MARK: &str = "m.";
const VERSION: u8 = 1;
const ROOM_BYTES: usize = 16;
const BYTES: usize = ROOM_BYTES + 32;
const CHECK_BYTES: usize = 4;
/// Breaks that may stand within a link.
const GAPS: usize = 256;

impl RoomsLink {
    /// Most rooms in a link.
    pub const MAX_ROOMS: usize = 200;

    /// A link to these rooms, or to the first of them where they are too many.
    #[must_use]
    pub fn to(mut rooms: Vec<RoomLink>) -> Self {
        rooms.truncate(Self::MAX_ROOMS);
        Self(rooms)
    }

    /// The rooms: at least one, each once, where the link was read.
    #[must_use]
    pub fn rooms(&self) -> &[RoomLink] {
        &self.0
    }

    /// Finds the link in a text that people paste, whatever is around it, and however it was encoded, wrapped or broken on
    /// its way.
    ///
    /// # Errors
    ///
    /// When there is none that is whole; see [`ParseRoomsLinkError`].
    pub fn parse(text: &str) -> Result<Self, ParseRoomsLinkError> {
        let mut error = ParseRoomsLinkError::NoLink;
        if text.len() > MAX_BYTES {
            return Err(error);
        }
        for reading in readings(text) {
            for (at, _) in reading.match_indices(MARK) {
                // Not within a word or an address.
                let is_first = reading.get(..at).is_none_or(|before| !before.ends_with(is_within));
                let rest = reading.get(at + MARK.len()..).unwrap_or_default();
                match Self::read(rest.as_bytes()).filter(|_| is_first) {
                    Some(Ok(link)) => return Ok(link),
                    Some(Err(damage)) => error = damage,
                    None => {}
                }
            }
        }
        Err(error)
    }

    /// Reads what stands behind the mark. `None` if that is too little to mean to be a link.
    fn read(text: &[u8]) -> Option<Result<Self, ParseRoomsLinkError>> {
        let mut taker = Taker::new(text, GAPS);
        let most = (1 + Self::MAX_ROOMS * BYTES + CHECK_BYTES).div_ceil(3) * 4;
        let chars: String = (0..most).map_while(|_| taker.take(is_base64url)).collect();
        (chars.len() >= ROOM_BYTES).then(|| Self::unpack(&chars))
    }

    fn unpack(chars: &str) -> Result<Self, ParseRoomsLinkError> {
        use ParseRoomsLinkError::{Damaged, Newer};
        let bytes = base64url::read(chars).ok_or(Damaged)?;
        let (packed, sum) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(Damaged)?;
        if *sum != check(packed) {
            return Err(Damaged);
        }
        let (version, rooms) = packed.split_first().ok_or(Damaged)?;
        if *version != VERSION {
            return Err(Newer);
        }
        let (rooms, rest) = rooms.as_chunks::<BYTES>();
        if rooms.is_empty() || !rest.is_empty() {
            return Err(Damaged);
        }
        let mut links: Vec<RoomLink> = Vec::new();
        for room in rooms {
            let (id, secret) = room.split_first_chunk::<ROOM_BYTES>().ok_or(Damaged)?;
            let secret = RoomSecret::from_bytes(secret.try_into().map_err(|_| Damaged)?);
            let room = RoomId::from_bytes(*id).map_err(|_| Damaged)?;
            if links.iter().all(|link| link.room != room) {
                links.push(RoomLink { room, secret });
            }
        }
        Ok(Self(links))
    }

    /// The link's fragment, without the `#`.
    #[must_use]
    pub fn to_fragment(&self) -> String {
        let mut bytes = vec![VERSION];
        for RoomLink { room, secret } in &self.0 {
            bytes.extend(room.as_bytes());
            bytes.extend(secret.expose());
        }
        bytes.extend(check(&bytes));
        [MARK, &base64url::write(&bytes)].concat()
    }

    /// The link as a URL under an origin such as `https://tasks.example` (no slash at its end).
    #[must_use]
    pub fn to_url(&self, origin: &str) -> String {
        [origin, "/#", &self.to_fragment()].concat()
    }
}

fn is_within(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.')
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(bytes));
    [a, b, c, d]
}

impl fmt::Debug for RoomsLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomsLink(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rooms(count: u8) -> Vec<RoomLink> {
        let link = |n| RoomLink { room: RoomId::from_random_bytes([n; 16]), secret: RoomSecret::from_bytes([n; 32]) };
        (0..count).map(link).collect()
    }

    #[test]
    fn is_found_however_it_is_pasted() {
        for count in [1, 2, 3, 20, 200] {
            let link = RoomsLink::to(rooms(count));
            let url = link.to_url("https://tasks.example");
            let broken: Vec<&str> = url.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
            for text in [
                url.clone(),
                link.to_fragment(),
                format!("my rooms: <{url}>, from the phone"),
                url.replace('#', "%23"),
                broken.join("=\r\n"),
                format!(
                    "https://tracker.example/?to={}",
                    url.replace(':', "%3A").replace('/', "%2F").replace('#', "%23")
                ),
            ] {
                assert_eq!(RoomsLink::parse(&text).unwrap().rooms(), rooms(count), "{text}");
            }
        }
    }

    #[test]
    fn what_is_damaged_is_no_link() {
        use ParseRoomsLinkError::{Damaged, Newer, NoLink};
        let fragment = RoomsLink::to(rooms(3)).to_fragment();
        for cut in 20..fragment.len() {
            assert_eq!(RoomsLink::parse(&fragment[..cut]), Err(Damaged), "{cut}");
        }
        for text in ["", "m.", "a.m. at nine", "the gym.https://example.org", &"m.A".repeat(40_000)] {
            assert_eq!(RoomsLink::parse(text), Err(NoLink), "{}", &text[..text.len().min(40)]);
        }
        let mut newer = vec![2, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        newer.extend(check(&newer));
        assert_eq!(RoomsLink::parse(&[MARK, &base64url::write(&newer)].concat()), Err(Newer));
        let none = RoomsLink::to(Vec::new()).to_fragment();
        assert!(RoomsLink::parse(&none).is_err());
    }

    #[test]
    fn a_room_is_in_it_once_and_too_many_are_not() {
        let twice = [rooms(2), rooms(2)].concat();
        assert_eq!(RoomsLink::parse(&RoomsLink::to(twice).to_fragment()).unwrap().rooms(), rooms(2));
        let many = [rooms(200), rooms(200)].concat();
        assert_eq!(RoomsLink::to(many).rooms().len(), RoomsLink::MAX_ROOMS);
        assert_eq!(format!("{:?}", RoomsLink::to(rooms(1))), "RoomsLink(redacted)");
    }

    proptest! {
        #[test]
        fn survives_any_text(text in "\\PC{0,300}|(m\\.|[#=%A-Za-z0-9_-]){0,300}") {
            let _ = RoomsLink::parse(&text);
        }
    }
}
