use serde::{Deserialize, Serialize};

use super::needed;

/// Maximum comments of an answer; of more, the latest are in it.
pub const MAX_COMMENTS: usize = 10_000;

/// Answer to `GET …/tasks/{id}/comments`, and to `GET …/comments` for all tasks of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comments {
    /// Those that are not deleted, in the order in which they were made; the last [`MAX_COMMENTS`] of them.
    pub comments: Vec<CommentDocument>,
}

/// A comment as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommentDocument {
    /// Comment id, a UUID that begins as that of its task does.
    pub id: String,
    /// The id of the task that it is on.
    pub task: String,
    /// Any number of lines.
    pub text: String,
    /// The id of the device that made it. Members can write in the name of others.
    pub author: String,
    /// When it was made.
    pub made_at: String,
    /// When its text was last changed; `null` if it is as it was made.
    pub edited_at: Option<String>,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// Body of `POST …/tasks/{id}/comments` and `PATCH …/tasks/{id}/comments/{id}`; the latter is a JSON Merge Patch (RFC 7396), in
/// which what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommentPatch {
    /// The id to give to a new one, which begins as the task's does; a random one otherwise. Posting the same id again is
    /// refused, so that a retry cannot make two. Not in a patch.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub id: Option<String>,
    /// See [`CommentDocument::text`]. A new one needs it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub text: Option<String>,
    /// `true` deletes it, `false` restores it. Writing to its text restores it too. Not of a new one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "needed")]
    pub deleted: Option<bool>,
}
