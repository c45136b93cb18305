use partyline_core::id::RoomId;

use super::entry::{Entry, EntryError};

/// What the page's address asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Route {
    /// Nothing in particular.
    Home,
    /// A room that should be on this device.
    Room(RoomId),
    /// To join a room.
    Join(Entry),
    /// A link that cannot be read, and why.
    Unreadable(EntryError),
}

impl Route {
    /// Reads a path, with its slash, and a fragment, without its `#`. A link whose `#` was lost on its way stands in the path.
    pub(crate) fn of(path: &str, fragment: &str) -> Self {
        let is_own = matches!(path, "/" | "/index.html");
        if is_own && fragment.is_empty() {
            return Self::Home;
        }
        if let Ok(room) = RoomId::parse(fragment) {
            return Self::Room(room);
        }
        let found = if is_own { Entry::find(fragment) } else { Entry::find(&[path, "#", fragment].concat()) };
        found.map_or_else(Self::Unreadable, Self::Join)
    }
}

#[cfg(test)]
mod tests {
    use partyline_core::hand::ParseCodeError;
    use partyline_core::id::ParseRoomLinkError;

    use super::*;

    const ROOM: &str = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f";
    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn tells_a_room_from_an_invitation_to_one() {
        assert_eq!(Route::of("/", ""), Route::Home);
        assert_eq!(Route::of("/index.html", ""), Route::Home);
        assert_eq!(Route::of("/", ROOM), Route::Room(RoomId::parse(ROOM).unwrap()));
        for (path, fragment) in [
            ("/", format!("{ROOM}.{SECRET}")),
            ("/", format!("{}.{SECRET}&utm_source=mail", ROOM.to_uppercase())),
            ("/", format!("{ROOM}.{SECRET}%E2%80%8B")),
            (&*format!("/%23{ROOM}.{SECRET}"), String::new()),
            (&*format!("/{ROOM}.{SECRET}"), "more".to_owned()),
        ] {
            let route = Route::of(path, &fragment);
            let is_it =
                matches!(&route, Route::Join(Entry::Link(link)) if link.to_fragment() == format!("{ROOM}.{SECRET}"));
            assert!(is_it, "{path} {fragment}: {route:?}");
        }
    }

    #[test]
    fn what_is_damaged_is_not_taken_for_nothing() {
        use ParseRoomLinkError::{Incomplete, MalformedRoom, MalformedSecret, NoFragment};
        for (path, fragment, error) in [
            ("/", format!("{ROOM}."), Incomplete),
            ("/", format!("{ROOM}.abc"), MalformedSecret),
            ("/", "settings".to_owned(), MalformedRoom),
            ("/%23", String::new(), NoFragment),
            (&*format!("/%23{ROOM}"), String::new(), Incomplete),
        ] {
            assert_eq!(Route::of(path, &fragment), Route::Unreadable(error.into()), "{path} {fragment}");
        }
        for code in ["i.", "r.AAAA"] {
            assert_eq!(Route::of("/", code), Route::Unreadable(ParseCodeError::Damaged.into()), "{code}");
        }
    }
}
