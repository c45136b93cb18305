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
    /// Reads a fragment, without its `#`.
    pub(crate) fn of(fragment: &str) -> Self {
        if fragment.is_empty() {
            return Self::Home;
        }
        if let Ok(room) = RoomId::parse(fragment) {
            return Self::Room(room);
        }
        Entry::find(fragment).map_or_else(Self::Unreadable, Self::Join)
    }
}

/// A link whose `#` was lost on its way stands in the path, with its slash: what is to stand behind the `#` in its place.
pub(crate) fn mended(path: &str, fragment: &str) -> Option<String> {
    if matches!(path, "" | "/" | "/index.html") {
        return None;
    }
    Some(if fragment.is_empty() { path.to_owned() } else { [path, "#", fragment].concat() })
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
        assert_eq!(Route::of(""), Route::Home);
        assert_eq!(Route::of(ROOM), Route::Room(RoomId::parse(ROOM).unwrap()));
        for fragment in [
            format!("{ROOM}.{SECRET}"),
            format!("{}.{SECRET}&utm_source=mail", ROOM.to_uppercase()),
            format!("{ROOM}.{SECRET}%E2%80%8B"),
            mended(&format!("/%23{ROOM}.{SECRET}"), "").unwrap(),
            mended(&format!("/{ROOM}.{SECRET}"), "more").unwrap(),
        ] {
            let route = Route::of(&fragment);
            let is_it =
                matches!(&route, Route::Join(Entry::Link(link)) if link.to_fragment() == format!("{ROOM}.{SECRET}"));
            assert!(is_it, "{fragment}: {route:?}");
        }
    }

    #[test]
    fn an_address_that_lost_its_hash_is_mended_and_no_other() {
        for path in ["/", "/index.html", ""] {
            assert_eq!(mended(path, ""), None, "{path}");
            assert_eq!(mended(path, ROOM), None, "{path}");
        }
        assert_eq!(mended("/%23", ""), Some("/%23".to_owned()));
        assert_eq!(mended("/%23m.AAAA", ""), Some("/%23m.AAAA".to_owned()));
        assert_eq!(mended("/a/b", "c"), Some("/a/b#c".to_owned()));
    }

    #[test]
    fn what_is_damaged_is_not_taken_for_nothing() {
        use ParseRoomLinkError::{Incomplete, MalformedRoom, MalformedSecret, NoFragment};
        for (fragment, error) in [
            (&*format!("{ROOM}."), Incomplete),
            (&*format!("{ROOM}.abc"), MalformedSecret),
            ("settings", MalformedRoom),
            ("/%23", NoFragment),
            (&*format!("/%23{ROOM}"), Incomplete),
        ] {
            assert_eq!(Route::of(fragment), Route::Unreadable(error.into()), "{fragment}");
        }
        for code in ["i.", "r.AAAA"] {
            assert_eq!(Route::of(code), Route::Unreadable(ParseCodeError::Damaged.into()), "{code}");
        }
    }
}
