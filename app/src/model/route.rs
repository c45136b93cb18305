use partyline_core::hand::Code;
use partyline_core::id::{ParseRoomLinkError, RoomId, RoomLink};

/// What the fragment of the page's address asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Route {
    /// Nothing in particular.
    Home,
    /// A room that should be on this device.
    Room(RoomId),
    /// To join a room.
    Join(RoomLink),
    /// A code of connecting by hand, readable or not.
    Code(String),
    /// A link that cannot be read, and why.
    Unreadable(ParseRoomLinkError),
}

impl Route {
    /// Reads a fragment, without its `#`.
    pub(crate) fn of(fragment: &str) -> Self {
        if fragment.is_empty() {
            return Self::Home;
        }
        if let Ok(room) = RoomId::parse(fragment) {
            return Self::Room(room);
        }
        if Code::is_meant_by(fragment) {
            return Self::Code(fragment.to_owned());
        }
        match RoomLink::parse(fragment) {
            Ok(link) => Self::Join(link),
            Err(error) => Self::Unreadable(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f";
    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn tells_a_room_from_an_invitation_to_one() {
        assert_eq!(Route::of(""), Route::Home);
        assert_eq!(Route::of(ROOM), Route::Room(RoomId::parse(ROOM).unwrap()));
        assert!(matches!(Route::of(&format!("{ROOM}.{SECRET}")), Route::Join(link) if link.room.to_string() == ROOM));
    }

    #[test]
    fn a_damaged_code_is_a_code_all_the_same() {
        for code in ["i.", "r.AAAA"] {
            assert_eq!(Route::of(code), Route::Code(code.to_owned()));
        }
    }

    #[test]
    fn a_damaged_link_is_not_taken_for_none() {
        assert_eq!(Route::of(&format!("{ROOM}.")), Route::Unreadable(ParseRoomLinkError::Incomplete));
        assert_eq!(Route::of(&format!("{ROOM}.abc")), Route::Unreadable(ParseRoomLinkError::MalformedSecret));
        assert_eq!(Route::of("settings"), Route::Unreadable(ParseRoomLinkError::MalformedRoom));
    }
}
