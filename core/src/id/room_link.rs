use std::fmt;

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

/// Why text is not a room link. Each `Display` is a sentence for the person who pasted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseRoomLinkError {
    /// Nothing but white space.
    #[error("Paste a room link first.")]
    Empty,
    /// Longer than [`RoomLink::MAX_CHARS`].
    #[error("This text is too long to be a room link.")]
    TooLong,
    /// An address with nothing after `#`, or no `#`.
    #[error("This address has no room in it: the part after “#” is missing.")]
    NoFragment,
    /// The id of a room without its secret.
    #[error("This link is incomplete: the part after the room's id is missing. Copy the whole link.")]
    Incomplete,
    /// What stands in the room's place is no room id.
    #[error("This is not a room link.")]
    MalformedRoom,
    /// What stands in the secret's place is no secret.
    #[error("This link is damaged: its last part is cut off or changed. Copy the whole link again.")]
    MalformedSecret,
}

impl RoomLink {
    /// Longest text that is looked at, in characters.
    pub const MAX_CHARS: usize = 2048;

    /// Reads a link as people paste it: a whole URL of any host, `#<room>.<secret>`, or `<room>.<secret>`, with white
    /// space around it.
    ///
    /// # Errors
    ///
    /// When the text is none of these; see [`ParseRoomLinkError`].
    pub fn parse(text: &str) -> Result<Self, ParseRoomLinkError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseRoomLinkError::Empty);
        }
        if text.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(ParseRoomLinkError::TooLong);
        }
        let fragment = match text.split_once('#') {
            Some((_, fragment)) => fragment,
            None if text.contains('/') => return Err(ParseRoomLinkError::NoFragment),
            None => text,
        };
        if fragment.is_empty() {
            return Err(ParseRoomLinkError::NoFragment);
        }
        let (room, secret) = fragment.split_once('.').unwrap_or((fragment, ""));
        let room = RoomId::parse(room).map_err(|_| ParseRoomLinkError::MalformedRoom)?;
        if secret.is_empty() {
            return Err(ParseRoomLinkError::Incomplete);
        }
        let secret = RoomSecret::parse(secret).map_err(|_| ParseRoomLinkError::MalformedSecret)?;
        Ok(Self { room, secret })
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

    #[test]
    fn is_read_however_it_is_pasted() {
        for text in [
            format!("https://tasks.example/#{ROOM}.{SECRET}"),
            format!("http://localhost:8787/#{ROOM}.{SECRET}"),
            format!("https://other.example/app/?x=1#{ROOM}.{SECRET}"),
            format!("#{ROOM}.{SECRET}"),
            format!("{ROOM}.{SECRET}"),
            format!(" \t\n{ROOM}.{SECRET}\r\n"),
        ] {
            let link = RoomLink::parse(&text).unwrap();
            assert_eq!(link.to_fragment(), format!("{ROOM}.{SECRET}"), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_it() {
        use ParseRoomLinkError::*;
        for (text, error) in [
            (String::new(), Empty),
            (" \n ".to_owned(), Empty),
            ("x".repeat(2049), TooLong),
            ("https://tasks.example/".to_owned(), NoFragment),
            ("https://tasks.example/#".to_owned(), NoFragment),
            ("#".to_owned(), NoFragment),
            (format!("https://tasks.example/#{ROOM}"), Incomplete),
            (ROOM.to_owned(), Incomplete),
            (format!("{ROOM}."), Incomplete),
            ("milk and bread".to_owned(), MalformedRoom),
            (format!("https://tasks.example/#{}.{SECRET}", ROOM.to_uppercase()), MalformedRoom),
            (format!("{ROOM}.{}", &SECRET[1..]), MalformedSecret),
            (format!("{ROOM}.{SECRET}.more"), MalformedSecret),
            (format!("{ROOM}.{SECRET}#more"), MalformedRoom),
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
        fn survives_any_text(text in "\\PC{0,300}|[#./a-f0-9-]{0,120}") {
            let _ = RoomLink::parse(&text);
        }
    }
}
