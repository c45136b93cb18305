use partyline_core::hand::{Code, ParseCodeError};
use partyline_core::id::{ParseRoomLinkError, ParseRoomsLinkError, RoomLink, RoomsLink, TaskLink};

/// What leads into a room.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// Its link.
    Link(RoomLink),
    /// A code of connecting by hand.
    Code(Code),
    /// A link to all rooms of another device of the same person.
    Rooms(RoomsLink),
    /// A link to a task of a room that is here already.
    Task(TaskLink),
}

/// Why a text does not let into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntryError {
    /// There is no link in it that can be read.
    #[error(transparent)]
    Link(#[from] ParseRoomLinkError),
    /// There is a code in it, and it cannot be read.
    #[error(transparent)]
    Code(#[from] ParseCodeError),
    /// There is a link to several rooms in it, and it cannot be read.
    #[error(transparent)]
    Rooms(#[from] ParseRoomsLinkError),
}

impl Entry {
    /// Finds a code or a link in a text that was pasted or stands in the address bar. A code goes first: it does what a link
    /// does, and connects.
    pub(crate) fn find(text: &str) -> Result<Self, EntryError> {
        let rooms = RoomsLink::parse(text);
        if let Ok(rooms) = rooms {
            return Ok(Self::Rooms(rooms));
        }
        let link = RoomLink::parse(text);
        // What lets in goes before what leads to a task of a room that is here.
        let is_sure = matches!(link, Ok(_) | Err(ParseRoomLinkError::Several));
        if let Some(task) = TaskLink::find(text).filter(|_| !is_sure) {
            return Ok(Self::Task(task));
        }
        match (Code::parse(text), link) {
            (Ok(code), _) => Ok(Self::Code(code)),
            (Err(_), Ok(link)) => Ok(Self::Link(link)),
            (Err(ParseCodeError::Empty | ParseCodeError::TooLong | ParseCodeError::NoCode), Err(error)) => {
                Err(match rooms {
                    Err(damage) if damage != ParseRoomsLinkError::NoLink => damage.into(),
                    _ => error.into(),
                })
            }
            (Err(error), Err(_)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn the_error_is_of_what_was_meant() {
        for (text, error) in [
            ("", EntryError::Link(ParseRoomLinkError::Empty)),
            ("milk", EntryError::Link(ParseRoomLinkError::MalformedRoom)),
            ("https://tasks.example/", EntryError::Link(ParseRoomLinkError::NoFragment)),
            ("https://tasks.example/#i.AQAA", EntryError::Code(ParseCodeError::Damaged)),
        ] {
            assert_eq!(Entry::find(text), Err(error), "{text}");
        }
        let task = format!("https://tasks.example/#{}/7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e", &LINK[..36]);
        assert!(matches!(Entry::find(&task), Ok(Entry::Task(_))));
        assert!(matches!(Entry::find(&format!("{task} in #{LINK}")), Ok(Entry::Link(_))));
        // A damaged code beside a whole link is not in the way.
        assert!(matches!(Entry::find(&format!("#i.AQAA or #{LINK}")), Ok(Entry::Link(_))));
    }
}
