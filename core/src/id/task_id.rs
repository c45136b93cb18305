use std::fmt;

use uuid::{Builder, Uuid};

use super::uuid_text::{self, ParseIdError};

/// A task's id: a UUID of version 4.
///
/// Its order is that of its bytes, and of its text form too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(Uuid);

impl TaskId {
    /// Makes a new id of 16 random bytes, of which 6 bits give way to the UUID's version and variant.
    pub fn from_random_bytes(random: [u8; 16]) -> Self {
        Self(Builder::from_random_bytes(random).into_uuid())
    }

    /// Takes the 16 bytes of an id that was made before.
    ///
    /// # Errors
    ///
    /// [`ParseIdError::NotRandom`] when they are not a UUID of version 4.
    pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, ParseIdError> {
        uuid_text::check(Uuid::from_bytes(bytes)).map(Self)
    }

    /// The 16 bytes, in network order.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads the form that `Display` writes: hyphenated, lower case.
    ///
    /// # Errors
    ///
    /// When the text is anything but that, or is no UUID of version 4.
    pub fn parse(text: &str) -> Result<Self, ParseIdError> {
        uuid_text::parse(text).map(Self)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_hyphenated(), f)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_only_its_canonical_form() {
        let text = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f";
        assert_eq!(TaskId::parse(text).unwrap().to_string(), text);
        assert_eq!(TaskId::parse(&text.to_uppercase()), Err(ParseIdError::NotUuid));
        assert_eq!(TaskId::parse(&text.replace('-', "")), Err(ParseIdError::NotUuid));
        assert_eq!(TaskId::parse(&format!("{{{text}}}")), Err(ParseIdError::NotUuid));
        assert_eq!(TaskId::parse(&format!("urn:uuid:{text}")), Err(ParseIdError::NotUuid));
        assert_eq!(TaskId::parse(""), Err(ParseIdError::NotUuid));
    }

    #[test]
    fn is_of_version_4() {
        let time_based = "6f1c2d3e-4a5b-1c6d-8e7f-0a1b2c3d4e5f";
        let other_variant = "6f1c2d3e-4a5b-4c6d-0e7f-0a1b2c3d4e5f";
        assert_eq!(TaskId::parse(time_based), Err(ParseIdError::NotRandom));
        assert_eq!(TaskId::parse(other_variant), Err(ParseIdError::NotRandom));
        assert_eq!(TaskId::from_bytes([0; 16]), Err(ParseIdError::NotRandom));
    }

    proptest! {
        #[test]
        fn round_trips(random: [u8; 16]) {
            let id = TaskId::from_random_bytes(random);
            prop_assert_eq!(TaskId::parse(&id.to_string()), Ok(id));
            prop_assert_eq!(TaskId::from_bytes(*id.as_bytes()), Ok(id));
        }

        #[test]
        fn orders_as_its_text(a: [u8; 16], b: [u8; 16]) {
            let (a, b) = (TaskId::from_random_bytes(a), TaskId::from_random_bytes(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn whatever_is_read_is_written_alike(text in "\\PC{0,40}|[0-9a-fA-F-]{30,40}") {
            if let Ok(id) = TaskId::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
