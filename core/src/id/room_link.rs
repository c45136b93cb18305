use std::fmt;

use super::base64url::CHARS_OF_32_BYTES;
use super::readings::{MAX_BYTES, Taker, is_base64url, readings};
use super::{RoomId, RoomSecret};

/// A room and its secret: all it takes to become a member.
///
/// As a link it is `https://HOST/#<room>.<secret>`. It stands in the fragment, which browsers never send to a server.
///
/// ```
/// use partyline_core::id::RoomLink;
///
/// let text = "https://tasks.example/#6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// let link = RoomLink::parse(text)?;
/// assert_eq!(link.to_url("https://tasks.example"), text);
/// # Ok::<(), partyline_core::id::ParseRoomLinkError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RoomLink {
    /// Which room.
    pub room: RoomId,
    /// The room's secret.
    pub secret: RoomSecret,
}

/// Why text is not a room link, in the order of how much of one was there. Each `Display` is a sentence for the person who
/// pasted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum ParseRoomLinkError {
    /// Nothing but white space.
    #[error("Paste a room link first.")]
    Empty,
    /// Longer than [`RoomLink::MAX_BYTES`].
    #[error("This text is too long to look for a room link in it.")]
    TooLong,
    /// An address with nothing after `#`, or no `#`.
    #[error("This link has lost its part after “#”, which leads into the room: ask for the link again, or for a code.")]
    NoFragment,
    /// What stands in the room's place is no room id.
    #[error("This is not a room link.")]
    MalformedRoom,
    /// The id of a room without its secret.
    #[error("This link has lost its last part, the room's secret: ask for the link again, or for a code.")]
    Incomplete,
    /// What stands in the secret's place is no secret.
    #[error("This link is damaged, its last part is cut off or changed: ask for the link again, or for a code.")]
    MalformedSecret,
    /// Links to different rooms.
    #[error("This text has links to different rooms in it. Paste the one that you want.")]
    Several,
}

/// What stands at one place of a text: a link, or why it is none.
type Found = Result<RoomLink, ParseRoomLinkError>;

impl RoomLink {
    /// Longest text that is looked at, in bytes.
    pub const MAX_BYTES: usize = MAX_BYTES;
    /// Breaks that may stand within a link. More within the secret would take words that follow a cut link for the rest of it.
    const GAPS: (usize, usize) = (4, 2);

    /// Finds the link in a text that people paste: `<room>.<secret>` as it stands in the fragment of a URL, whatever is
    /// around it, and however mail programs, link trackers and messengers have encoded, wrapped or broken it. The id may be
    /// in capitals. The same link may be there more than once.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one; see [`ParseRoomLinkError`].
    pub fn parse(text: &str) -> Result<Self, ParseRoomLinkError> {
        if text.len() > Self::MAX_BYTES {
            return Err(ParseRoomLinkError::TooLong);
        }
        let readings = readings(text);
        let mut found = None::<Self>;
        let mut missed = None;
        for result in readings.iter().flat_map(|reading| Self::all_in(reading)) {
            match (result, &found) {
                (Ok(link), Some(other)) if link != *other => return Err(ParseRoomLinkError::Several),
                (Ok(link), _) => found = Some(link),
                (Err(error), _) => missed = missed.max(Some(error)),
            }
        }
        found.ok_or_else(|| missed.unwrap_or_else(|| Self::why_none(readings.first().map_or("", |plain| plain.trim()))))
    }

    /// All in a text that begins like a link.
    fn all_in(text: &str) -> impl Iterator<Item = Found> {
        (0..text.len()).filter_map(|at| Self::read(text.as_bytes().get(at..)?))
    }

    /// Reads a link at the front of a text: as many characters as a link has, and a few breaks, whatever follows. `None`
    /// where no id of a room stands.
    fn read(text: &[u8]) -> Option<Found> {
        let mut taker = Taker::new(text, 0);
        let Ok(room) = RoomId::parse(&taker.take_uuid(Self::GAPS.0)?) else {
            return Some(Err(ParseRoomLinkError::MalformedRoom));
        };
        if taker.take(|byte| byte == b'.').is_none() {
            return Some(Err(ParseRoomLinkError::Incomplete));
        }
        taker.gaps = Self::GAPS.1;
        let secret: String = (0..CHARS_OF_32_BYTES).map_while(|_| taker.take(is_base64url)).collect();
        // Over a break, a cut secret may have been filled up with the next words.
        let is_in_doubt = taker.gaps < Self::GAPS.1 && taker.peek().is_some_and(|next| next.is_ascii_alphanumeric());
        Some(match RoomSecret::parse(&secret) {
            Ok(secret) if !is_in_doubt => Ok(Self { room, secret }),
            _ if secret.is_empty() => Err(ParseRoomLinkError::Incomplete),
            _ => Err(ParseRoomLinkError::MalformedSecret),
        })
    }

    /// What to say of a text without any room's id in it.
    fn why_none(text: &str) -> ParseRoomLinkError {
        match text.split_once('#') {
            _ if text.is_empty() => ParseRoomLinkError::Empty,
            Some((_, "")) => ParseRoomLinkError::NoFragment,
            None if text.contains('/') => ParseRoomLinkError::NoFragment,
            _ => ParseRoomLinkError::MalformedRoom,
        }
    }

    /// The link's fragment, `<room>.<secret>`, without the `#`.
    pub fn to_fragment(&self) -> String {
        format!("{}.{}", self.room, self.secret.to_base64url())
    }

    /// The link as a URL under an origin such as `https://tasks.example` (no slash at its end).
    pub fn to_url(&self, origin: &str) -> String {
        format!("{origin}/#{}", self.to_fragment())
    }
}

impl fmt::Debug for RoomLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomLink(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOM: &str = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f";
    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    /// Texts with the one link in them.
    fn mangled() -> Vec<String> {
        let link = format!("https://tasks.example/#{ROOM}.{SECRET}");
        let encoded = format!("https%3A%2F%2Ftasks.example%2F%23{ROOM}.{SECRET}");
        let all_encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let (secret_start, secret_end) = SECRET.split_at(17);
        let (room_start, room_end) = ROOM.split_at(14);
        vec![
            // Whole, with any host or none.
            link.clone(),
            format!("http://localhost:8787/#{ROOM}.{SECRET}"),
            format!("https://other.example/app/?x=1#{ROOM}.{SECRET}"),
            format!("#{ROOM}.{SECRET}"),
            format!("{ROOM}.{SECRET}"),
            format!(" \t\n{ROOM}.{SECRET}\r\n"),
            // With something around it.
            format!("{link}."),
            format!("{link}, and"),
            format!("<{link}>"),
            format!("\"{link}\""),
            format!("„{link}“"),
            format!("({link})!"),
            format!("[our list]({link})"),
            format!("[{link}]({link})"),
            format!("**{link}**"),
            format!("_{link}_"),
            format!("Room #2: {link}"),
            format!("Come in:\n{link}\nBest regards, Ann"),
            format!("{link}&utm_source=mail"),
            format!("{link}?utm_source=mail"),
            format!("{link}:~:text=milk"),
            format!("{link}.more"),
            format!("{link}#more"),
            format!("<a href=\"{link}\">{link}</a>"),
            format!("{link}Best regards"),
            // With what is not seen.
            format!("\u{200b}{link}\u{200b}"),
            format!("\u{2068}{link}\u{2069}"),
            format!("\u{feff}{link}\u{a0}"),
            format!("{room_start}\u{ad}{room_end}.{secret_start}\u{200b}{secret_end}"),
            format!("{room_start}&shy;{room_end}.{secret_start}<wbr>{secret_end}"),
            // In pieces.
            format!("https://tasks.example/#{room_start}\n{room_end}.{secret_start}\r\n{secret_end}"),
            format!("https://tasks.example/#{ROOM}.\n{SECRET}\nBest regards"),
            format!("> https://tasks.example/#{room_start}\n> {room_end}.{secret_start}\n> {secret_end}\n> Ann"),
            format!(">> {ROOM}.{secret_start}\n>> {secret_end}"),
            format!("{ROOM}.{secret_start} {secret_end}"),
            format!("{ROOM}.{secret_start}\u{a0}{secret_end}"),
            // Quoted-printable.
            format!("{room_start}=\n{room_end}.{secret_start}=\r\n{secret_end}"),
            format!("{ROOM}.{secret_start}= {secret_end}"),
            format!("<a href=3D\"{link}\">"),
            format!("https://tasks.example/=23{}=2E{SECRET}", ROOM.replace('-', "=2D")),
            format!("?a=3D{}", link.replace('A', "=41")),
            // HTML.
            link.replace('#', "&#35;"),
            link.replace('#', "&#x23;").replace('.', "&#46;"),
            link.replace('.', "&period;").replace('-', "&hyphen;"),
            link.replace('.', "&amp;#46;"),
            // Percent-encoded, once and more often.
            link.replace('#', "%23"),
            link.replacen("AAEC", "AAE%43", 1),
            all_encoded(&link),
            all_encoded(&all_encoded(&link)),
            format!("https://tracker.example/?url={encoded}&id=7"),
            format!("https://tracker.example/?url={}", encoded.replace('%', "%25").replace('-', "%252D")),
            format!(
                "https://other.example/?u=https%3A%2F%2Ftracker.example%2F%3Furl%3D{}",
                encoded.replace('%', "%25")
            ),
            // As Proofpoint, Outlook and office software have it.
            format!(
                "https://urldefense.proofpoint.com/v2/url?u=https-3A__tasks.example_-23{}.{SECRET}&d=DwMF",
                ROOM.replace('-', "-2D")
            ),
            format!("https://urldefense.com/v3/__https://tasks.example/*{ROOM}.{SECRET}__;Iw!!abc"),
            format!("https://eur01.safelinks.protection.outlook.com/?url={encoded}&data=05%7C01&reserved=0"),
            link.replace('-', "\u{2011}"),
            link.replace('-', "\u{2013}"),
            // In capitals, or with its `#` gone.
            format!("https://tasks.example/#{}.{SECRET}", ROOM.to_uppercase()),
            format!("https://tasks.example/{ROOM}.{SECRET}"),
            // Beside ids of other things, and more than once.
            format!("https://tracker.example/0b9f6f39-1f5c-4c8e-9a52-6a3d9f1c2b4d?to={encoded}"),
            format!("{link}\n{link}\n{encoded}"),
        ]
    }

    #[test]
    fn is_found_however_it_is_pasted() {
        for text in mangled() {
            let link = RoomLink::parse(&text).map(|link| link.to_fragment());
            assert_eq!(link, Ok(format!("{ROOM}.{SECRET}")), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_it() {
        use ParseRoomLinkError::*;
        let other = "0b9f6f39-1f5c-4c8e-9a52-6a3d9f1c2b4d";
        for (text, error) in [
            (String::new(), Empty),
            (" \n \u{200b}".to_owned(), Empty),
            ("x".repeat(RoomLink::MAX_BYTES + 1), TooLong),
            ("https://tasks.example/".to_owned(), NoFragment),
            ("https://tasks.example".to_owned(), NoFragment),
            ("Come to https://tasks.example/ soon".to_owned(), NoFragment),
            ("https://tasks.example/#".to_owned(), NoFragment),
            ("https://tasks.example/%23".to_owned(), NoFragment),
            ("#".to_owned(), NoFragment),
            (format!("https://tasks.example/#{ROOM}"), Incomplete),
            (ROOM.to_owned(), Incomplete),
            (format!("{ROOM}."), Incomplete),
            (format!("https://tracker.example/?url=https%3A%2F%2Ftasks.example%2F%23{ROOM}&x=1"), Incomplete),
            ("milk and bread".to_owned(), MalformedRoom),
            (format!("https://tasks.example/#{}.{SECRET}", &ROOM[1..]), MalformedRoom),
            (format!("{}.{SECRET}", ROOM.replace("-4c", "-1c")), MalformedRoom),
            (format!("{ROOM}.{}", &SECRET[1..]), MalformedSecret),
            (format!("{ROOM}.{}", &SECRET[..42]), MalformedSecret),
            (format!("{ROOM}.{} and bread", &SECRET[..42]), MalformedSecret),
            (format!("{ROOM}.{}\nBest regards, Ann", &SECRET[..30]), MalformedSecret),
            (format!("{ROOM}.{}9", &SECRET[..42]), MalformedSecret),
            (format!("{ROOM}.{SECRET} {other}.{SECRET}"), Several),
            (format!("{ROOM}.{SECRET} {ROOM}.{}", "A".repeat(43)), Several),
            (format!("#{ROOM}.{SECRET} and ?url=%23{other}.{SECRET}"), Several),
        ] {
            assert_eq!(RoomLink::parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn keeps_quiet_about_itself() {
        let link = RoomLink::parse(&format!("{ROOM}.{SECRET}")).unwrap();
        assert_eq!(format!("{link:?}"), "RoomLink(redacted)");
    }

    proptest! {
        #[test]
        fn round_trips(room: [u8; 16], secret: [u8; 32]) {
            let link = RoomLink { room: RoomId::from_random_bytes(room), secret: RoomSecret::from_bytes(secret) };
            prop_assert_eq!(RoomLink::parse(&link.to_fragment()), Ok(link.clone()));
            prop_assert_eq!(RoomLink::parse(&link.to_url("https://tasks.example")), Ok(link));
        }

        #[test]
        fn is_found_in_any_text(before in "\\PC{0,80}[ /#]", after in "([^a-zA-Z0-9]\\PC{0,80})?", secret: [u8; 32]) {
            let link = RoomLink { room: RoomId::parse(ROOM).unwrap(), secret: RoomSecret::from_bytes(secret) };
            let text = format!("{before}{}{after}", link.to_fragment());
            prop_assert_eq!(RoomLink::parse(&text), Ok(link));
        }

        #[test]
        fn survives_any_text(text in "\\PC{0,300}|([#./%&;=> \n]|[a-f0-9-]|6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f\\.?){0,120}") {
            let _ = RoomLink::parse(&text);
        }

        #[test]
        fn looks_at_a_bounded_part_of_a_text(text in "[0-9a-f]{8}(-[0-9a-f]{4}){3}[-0-9a-f .=>]{0,400}") {
            // What follows the longest form of a link, with all its breaks, changes nothing.
            let longest = 36 + 1 + 43 + 16 * (RoomLink::GAPS.0 + RoomLink::GAPS.1) + 16;
            let cut = text.get(..longest).unwrap_or(&text);
            prop_assert_eq!(RoomLink::read(text.as_bytes()), RoomLink::read(cut.as_bytes()));
        }
    }
}
