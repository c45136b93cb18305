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
