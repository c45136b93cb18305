use serde::{Deserialize, Serialize};

use super::{needed, present};

/// The sections of a room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sections {
    /// Those that are not deleted, in order.
    pub sections: Vec<SectionDocument>,
}

/// A section as read: a heading with tasks below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionDocument {
    /// Section id, a UUID.
    pub id: String,
    /// One line.
    pub name: String,
    /// Whether it was deleted. Its tasks never are with it: they are in no section until it is back.
    pub deleted: bool,
}

/// Body of `POST …/sections` and `PATCH …/sections/{id}`; the latter is a JSON Merge Patch (RFC 7396), in which what is absent
/// stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionPatch {
    /// The id to give to a new one; a random one otherwise. Posting the same id again is refused, so that a retry cannot make
    /// two. Not in a patch.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub id: Option<String>,
    /// See [`SectionDocument::name`]. A new one needs it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub name: Option<String>,
    /// The section that it comes right after; `Some(None)` for before all others. A new one is the last one otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub after: Option<Option<String>>,
    /// `true` deletes it, `false` restores it. Renaming a deleted one restores it too. Not of a new one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub deleted: Option<bool>,
}
