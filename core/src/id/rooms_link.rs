use std::fmt;

use sha2::{Digest, Sha256};

use super::base64url;
use super::readings::{MAX_BYTES, Taker, is_base64url, readings};
use super::{RoomId, RoomLink, RoomSecret};

/// Several rooms with their secrets: what another device of the same person takes to become a member of them all. Devices'
/// keys are not in it: each device has its own.
///
/// As a link it is `https://HOST/#m.<bytes in base64url>`: a version byte, 2; for each room its id in 16 bytes, its secret in
/// 32, the length of its name in one and the name in UTF-8; and the first 4 bytes of the SHA-256 hash of all that, so that a
/// link that was cut off is no link. Version 1 had no names.
///
/// The names are for people, until a room's content has come. Those that are long are cut, and there are none where the link
/// would be too long for a QR code with them.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomsLink(Vec<(RoomLink, String)>);

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
const VERSION: u8 = 2;
/// The version without names.
const NAMELESS: u8 = 1;
const ROOM_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
const CHECK_BYTES: usize = 4;
/// Longest name in a link, in bytes.
const NAME_BYTES: usize = 40;
/// Longest link that has names, in bytes before base64url. A QR code holds 2,953 characters: these, and the origin.
const NAMED_BYTES: usize = 2_100;
/// Breaks that may stand within a link.
const GAPS: usize = 256;

impl RoomsLink {
    /// Most rooms in a link.
    pub const MAX_ROOMS: usize = 200;

    /// A link to these rooms with these names, or to the first of them where they are too many.
    #[must_use]
    pub fn to(mut rooms: Vec<(RoomLink, String)>) -> Self {
        rooms.truncate(Self::MAX_ROOMS);
        for (_, name) in &mut rooms {
            name.truncate(name.floor_char_boundary(NAME_BYTES));
        }
        Self(rooms)
    }

    /// The rooms with their names, which may be empty: at least one room, each once, where the link was read.
    #[must_use]
    pub fn rooms(&self) -> &[(RoomLink, String)] {
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
        let room = ROOM_BYTES + SECRET_BYTES + 1 + NAME_BYTES;
        let most = (1 + Self::MAX_ROOMS * room + CHECK_BYTES).div_ceil(3) * 4;
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
        let (version, mut rest) = packed.split_first().ok_or(Damaged)?;
        if !matches!(*version, VERSION | NAMELESS) {
            return Err(Newer);
        }
        let mut rooms: Vec<(RoomLink, String)> = Vec::new();
        for _ in 0..Self::MAX_ROOMS {
            let room = take_room(&mut rest, *version).ok_or(Damaged)?;
            if rooms.iter().all(|(link, _)| link.room != room.0.room) {
                rooms.push(room);
            }
            if rest.is_empty() {
                return Ok(Self(rooms));
            }
        }
        Err(Damaged)
    }

    /// The link's fragment, without the `#`.
    #[must_use]
    pub fn to_fragment(&self) -> String {
        let packed = self.packed(true);
        let packed = if packed.len() > NAMED_BYTES { self.packed(false) } else { packed };
        [MARK, &base64url::write(&packed)].concat()
    }

    fn packed(&self, has_names: bool) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for (link, name) in &self.0 {
            let name = if has_names { name } else { "" };
            bytes.extend(link.room.as_bytes());
            bytes.extend(link.secret.expose());
            // It is no longer than NAME_BYTES.
            bytes.push(name.len() as u8);
            bytes.extend(name.as_bytes());
        }
        bytes.extend(check(&bytes));
        bytes
    }

    /// The link as a URL under an origin such as `https://tasks.example` (no slash at its end).
    #[must_use]
    pub fn to_url(&self, origin: &str) -> String {
        [origin, "/#", &self.to_fragment()].concat()
    }
}

/// Takes a room with its name off the front of what is left.
fn take_room(rest: &mut &[u8], version: u8) -> Option<(RoomLink, String)> {
    let (id, after) = rest.split_first_chunk::<ROOM_BYTES>()?;
    let (secret, after) = after.split_first_chunk::<SECRET_BYTES>()?;
    let (name, after) = if version == NAMELESS {
        (&[][..], after)
    } else {
        let (length, after) = after.split_first()?;
        after.split_at_checked(usize::from(*length)).filter(|(name, _)| name.len() <= NAME_BYTES)?
    };
    *rest = after;
    let name = std::str::from_utf8(name).ok()?.to_owned();
    Some((RoomLink { room: RoomId::from_bytes(*id).ok()?, secret: RoomSecret::from_bytes(*secret) }, name))
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

    fn rooms(count: u8) -> Vec<(RoomLink, String)> {
        let link = |n| RoomLink { room: RoomId::from_random_bytes([n; 16]), secret: RoomSecret::from_bytes([n; 32]) };
        (0..count).map(|n| (link(n), format!("Room {n}"))).collect()
    }

    fn nameless(mut rooms: Vec<(RoomLink, String)>) -> Vec<(RoomLink, String)> {
        rooms.iter_mut().for_each(|(_, name)| name.clear());
        rooms
    }

    fn fragment_of(packed: &[u8]) -> String {
        [MARK, &base64url::write(&[packed, &check(packed)].concat())].concat()
    }

    /// A room as the version without names has it.
    fn bare(n: u8) -> Vec<u8> {
        [&RoomId::from_random_bytes([n; 16]).as_bytes()[..], &[n; 32]].concat()
    }

    #[test]
    fn is_found_however_it_is_pasted() {
        for count in [1, 2, 3, 20, 200] {
            let link = RoomsLink::to(rooms(count));
            let url = link.to_url("https://tasks.example");
            let broken: Vec<&str> = url.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
            let wanted = if count < 200 { rooms(count) } else { nameless(rooms(count)) };
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
                assert_eq!(RoomsLink::parse(&text).unwrap().rooms(), wanted, "{text}");
            }
        }
    }

    #[test]
    fn names_are_cut_and_make_no_link_too_long_for_a_qr_code() {
        for (name, kept) in [
            ("\u{1f6a2}".repeat(40), "\u{1f6a2}".repeat(10)),
            (["a", &"é".repeat(100)].concat(), ["a", &"é".repeat(19)].concat()),
            (String::new(), String::new()),
        ] {
            let named = vec![(rooms(1).remove(0).0, name)];
            let read = RoomsLink::parse(&RoomsLink::to(named).to_fragment()).unwrap();
            assert_eq!(read.rooms()[0].1, kept);
        }
        let long = |count| rooms(count).into_iter().map(|(link, _)| (link, "x".repeat(128))).collect::<Vec<_>>();
        for count in 1..=42 {
            let link = RoomsLink::to(long(count));
            let url = link.to_url(&["https://", &"t".repeat(100), ".example"].concat());
            // What a QR code of version 40 holds at level L (ISO/IEC 18004).
            assert!(url.len() <= 2_953, "{count} rooms: {}", url.len());
            let has_names = RoomsLink::parse(&url).unwrap().rooms().iter().all(|(_, name)| name.len() == NAME_BYTES);
            assert_eq!(has_names, count <= 23, "{count}");
        }
    }

    #[test]
    fn version_1_had_no_names() {
        let fragment = fragment_of(&[&[1][..], &bare(0), &bare(1)].concat());
        assert_eq!(RoomsLink::parse(&fragment).unwrap().rooms(), nameless(rooms(2)));
        assert_eq!(
            RoomsLink::parse(&fragment_of(&[&[1][..], &bare(0), &[0]].concat())),
            Err(ParseRoomsLinkError::Damaged)
        );
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
        assert_eq!(RoomsLink::parse(&fragment_of(&[3, 1, 2, 3, 4, 5, 6, 7, 8, 9])), Err(Newer));
        let named = |name: &[u8]| fragment_of(&[&[VERSION][..], &bare(0), name].concat());
        for name in [&b""[..], b"\x01", b"\x02a", b"\xffa", b"\x01\xff", b"\x01ab", &[&[41][..], &[b'a'; 41]].concat()]
        {
            assert_eq!(RoomsLink::parse(&named(name)), Err(Damaged), "{name:?}");
        }
        assert_eq!(RoomsLink::parse(&named(b"\x02ab")).unwrap().rooms()[0].1, "ab");
        let none = RoomsLink::to(Vec::new()).to_fragment();
        assert!(RoomsLink::parse(&none).is_err());
        let many: Vec<u8> = (0..=RoomsLink::MAX_ROOMS).flat_map(|_| [&bare(0)[..], &[0]].concat()).collect();
        assert_eq!(RoomsLink::parse(&fragment_of(&[&[VERSION][..], &many].concat())), Err(Damaged));
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

        #[test]
        fn survives_any_bytes_that_add_up(mut packed in proptest::collection::vec(any::<u8>(), 0..300), version in 0_u8..4) {
            packed.insert(0, version);
            if let Ok(link) = RoomsLink::parse(&fragment_of(&packed)) {
                prop_assert_eq!(RoomsLink::parse(&link.to_fragment()), Ok(link));
            }
        }
    }
}
