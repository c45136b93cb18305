use uuid::{Uuid, Variant, Version};

/// Why text or bytes are not the id of a room or a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseIdError {
    /// Not 8-4-4-4-12 lower-case hexadecimal digits.
    #[error("an id is a hyphenated, lower-case UUID")]
    NotUuid,
    /// A UUID, but not a random one.
    #[error("an id is a UUID of version 4")]
    NotRandom,
}

/// Refuses UUIDs of any version but 4.
pub(super) fn check(uuid: Uuid) -> Result<Uuid, ParseIdError> {
    if uuid.get_version() == Some(Version::Random) && uuid.get_variant() == Variant::RFC4122 {
        Ok(uuid)
    } else {
        Err(ParseIdError::NotRandom)
    }
}

/// Reads the hyphenated, lower-case form of a UUID of any version, and none of the other forms that the `uuid` crate knows.
pub(super) fn parse_any(text: &str) -> Result<Uuid, ParseIdError> {
    let uuid = Uuid::try_parse(text).map_err(|_| ParseIdError::NotUuid)?;
    let mut canonical = Uuid::encode_buffer();
    if uuid.hyphenated().encode_lower(&mut canonical) != text {
        return Err(ParseIdError::NotUuid);
    }
    Ok(uuid)
}

/// Reads a UUID of version 4.
pub(super) fn parse(text: &str) -> Result<Uuid, ParseIdError> {
    check(parse_any(text)?)
}

/// Defines an id that is a UUID of version 4: a type of its own for each kind of thing, so that one is not taken for another.
macro_rules! random_id {
    ($(#[doc = $what:literal])* $name:ident) => {
        $(#[doc = $what])*
        ///
        /// Its order is that of its bytes, and of its text form too.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// Makes a new id of 16 random bytes, of which 6 bits give way to the UUID's version and variant.
            pub fn from_random_bytes(random: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(random).into_uuid())
            }

            /// Takes the 16 bytes of an id that was made before.
            ///
            /// # Errors
            ///
            /// [`ParseIdError::NotRandom`](crate::id::ParseIdError::NotRandom) when they are not a UUID of version 4.
            pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, $crate::id::ParseIdError> {
                $crate::id::uuid_text::check(uuid::Uuid::from_bytes(bytes)).map(Self)
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
            pub fn parse(text: &str) -> Result<Self, $crate::id::ParseIdError> {
                $crate::id::uuid_text::parse(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}
pub(super) use random_id;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ParseIdError;
    use crate::id::RoomId;

    #[test]
    fn reads_only_its_canonical_form() {
        let text = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f";
        assert_eq!(RoomId::parse(text).unwrap().to_string(), text);
        assert_eq!(RoomId::parse(&text.to_uppercase()), Err(ParseIdError::NotUuid));
        assert_eq!(RoomId::parse(&text.replace('-', "")), Err(ParseIdError::NotUuid));
        assert_eq!(RoomId::parse(&format!("{{{text}}}")), Err(ParseIdError::NotUuid));
        assert_eq!(RoomId::parse(&format!("urn:uuid:{text}")), Err(ParseIdError::NotUuid));
        assert_eq!(RoomId::parse(""), Err(ParseIdError::NotUuid));
    }

    #[test]
    fn is_of_version_4() {
        let time_based = "6f1c2d3e-4a5b-1c6d-8e7f-0a1b2c3d4e5f";
        let other_variant = "6f1c2d3e-4a5b-4c6d-0e7f-0a1b2c3d4e5f";
        assert_eq!(RoomId::parse(time_based), Err(ParseIdError::NotRandom));
        assert_eq!(RoomId::parse(other_variant), Err(ParseIdError::NotRandom));
        assert_eq!(RoomId::from_bytes([0; 16]), Err(ParseIdError::NotRandom));
    }

    proptest! {
        #[test]
        fn round_trips(random: [u8; 16]) {
            let id = RoomId::from_random_bytes(random);
            prop_assert_eq!(RoomId::parse(&id.to_string()), Ok(id));
            prop_assert_eq!(RoomId::from_bytes(*id.as_bytes()), Ok(id));
        }

        #[test]
        fn orders_as_its_text(a: [u8; 16], b: [u8; 16]) {
            let (a, b) = (RoomId::from_random_bytes(a), RoomId::from_random_bytes(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn whatever_is_read_is_written_alike(text in "\\PC{0,40}|[0-9a-fA-F-]{30,40}") {
            if let Ok(id) = RoomId::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
