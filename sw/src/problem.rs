//! What can go wrong with a request, as RFC 9457 problem details.

use std::fmt::Display;
use std::ops::Deref;

use partyline_core::api::Problem;
use partyline_core::replica::DecodeError;

use crate::store::StoreError;

const UNREADABLE_ROOM: &str = "urn:partyline:unreadable-room";
/// The kind of problem that a room of format 1 is. Its tasks can be saved: the page has `static/older.js` do it.
pub const OLDER_ROOM: &str = "urn:partyline:older-room";

/// An answer other than success. Boxed, because it goes up through many functions as one of two results: as large as it is,
/// each of them would copy it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(Box<Refusal>);

/// What a [`Failure`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the caller gets to read.
    pub problem: Problem,
    /// The methods that the resource has, for 405.
    pub allow: Option<&'static str>,
}

impl Deref for Failure {
    type Target = Refusal;

    fn deref(&self) -> &Refusal {
        &self.0
    }
}

impl Failure {
    fn new(status: u16, kind: &str, title: &str, detail: &str) -> Self {
        let problem = Problem { kind: kind.to_owned(), title: title.to_owned(), status, detail: sentence(&detail) };
        Self(Box::new(Refusal { problem, allow: None }))
    }

    /// 400: the body or a parameter is not what it should be.
    pub fn malformed(detail: &str) -> Self {
        Self::new(400, "urn:partyline:malformed", "The request is malformed", detail)
    }

    /// 400: a field holds what it must not.
    pub fn invalid(detail: &str) -> Self {
        Self::new(400, "urn:partyline:invalid", "A field is not valid", detail)
    }

    /// 400: a room that is not here can only be joined with its secret.
    pub fn secret_needed() -> Self {
        let detail = "The room is not on this device yet. Its secret is needed to join it.";
        Self::new(400, "urn:partyline:secret-needed", "The secret is missing", detail)
    }

    /// 403: what a remote peer may not ask for.
    pub fn not_for_peers() -> Self {
        Self::new(403, "about:blank", "Forbidden", "Other devices may only read and sync the room that they share.")
    }

    /// 403: what a page shows, loads or sends without `fetch` is not answered.
    pub fn not_for_documents() -> Self {
        Self::new(403, "about:blank", "Forbidden", "Only Partyline's own pages may ask, by fetch.")
    }

    /// 404: no such route.
    pub fn no_route() -> Self {
        Self::new(404, "about:blank", "Not Found", "The peer API has no such path.")
    }

    /// 404: the room is not on this device.
    pub fn unknown_room() -> Self {
        Self::new(404, "urn:partyline:unknown-room", "The room is unknown", "The room is not on this device.")
    }

    /// 404: no such task.
    pub fn unknown_task() -> Self {
        Self::new(404, "urn:partyline:unknown-task", "The task is unknown", "The room has no task with this id.")
    }

    /// 404: no such section.
    pub fn unknown_section() -> Self {
        Self::new(
            404,
            "urn:partyline:unknown-section",
            "The section is unknown",
            "The room has no section with this id.",
        )
    }

    /// 409: a section with this id is there.
    pub fn section_exists() -> Self {
        let detail = "The room has a section with this id already.";
        Self::new(409, "urn:partyline:section-exists", "The section exists", detail)
    }

    /// 404: the task has no such comment.
    pub fn unknown_comment() -> Self {
        let detail = "The task has no comment with this id.";
        Self::new(404, "urn:partyline:unknown-comment", "The comment is unknown", detail)
    }

    /// 404: another device is not reachable from here.
    pub fn unknown_peer() -> Self {
        Self::new(404, "urn:partyline:unknown-peer", "The device is unknown", "No connection leads to this device.")
    }

    /// 502: the connection ended, or the device gave up, before it answered.
    pub fn peer_lost() -> Self {
        Self::new(502, "urn:partyline:peer-lost", "The device is gone", "The device was gone before it answered.")
    }

    /// 504: the device takes too long.
    pub fn peer_silent() -> Self {
        Self::new(504, "urn:partyline:peer-silent", "The device is silent", "The device did not answer in time.")
    }

    /// 405.
    pub fn method(allow: &'static str) -> Self {
        let detail = format!("This resource has: {allow}.");
        let mut failure = Self::new(405, "about:blank", "Method Not Allowed", &detail);
        failure.0.allow = Some(allow);
        failure
    }

    /// 409: the room is here, with another secret.
    pub fn other_secret() -> Self {
        let detail = "The room is on this device already, with another secret. Leave it first to join it anew.";
        Self::new(409, "urn:partyline:other-secret", "The secret differs", detail)
    }

    /// 409: a task with this id is there.
    pub fn task_exists() -> Self {
        let detail = "The room has a task with this id already.";
        Self::new(409, "urn:partyline:task-exists", "The task exists", detail)
    }

    /// 409: a comment of this id is there, deleted perhaps.
    pub fn comment_exists() -> Self {
        let detail = "The task has a comment with this id already.";
        Self::new(409, "urn:partyline:comment-exists", "The comment exists", detail)
    }

    /// 409: other workers keep writing between our reading and our writing.
    pub fn contention() -> Self {
        let detail = "Another service worker is writing to the room. Nothing was changed; please try again.";
        Self::new(409, "urn:partyline:contention", "The room is busy", detail)
    }

    /// 409: the task was deleted so long ago that nothing of it is left.
    pub fn deleted_task() -> Self {
        let detail = "Nothing is left of the task. Give it a title to bring it back.";
        Self::new(409, "urn:partyline:deleted-task", "The task is deleted", detail)
    }

    /// 404: nothing of that number is held back.
    pub fn unknown_change() -> Self {
        let detail = "No change of this number is held back, or not any more.";
        Self::new(404, "urn:partyline:unknown-change", "The change is unknown", detail)
    }

    /// 409: by this device's clock, everybody else's changes may look like those of a wrong one.
    pub fn wrong_clock() -> Self {
        let detail = "The clock of this device is wrong. Set it right first.";
        Self::new(409, "urn:partyline:wrong-clock", "The clock is wrong", detail)
    }

    /// 409: an answer to a sync names a task by a change that is not here any more.
    pub fn unresolved() -> Self {
        Self::new(409, "urn:partyline:unresolved", "Unknown name of a task", "Ask again, in full.")
    }

    /// 410: a page asks for what changed since a moment that this replica does not know.
    pub fn stale_cursor() -> Self {
        let detail = "The cursor is not one of this room as it is kept now. Read all tasks again.";
        Self::new(410, "urn:partyline:stale-cursor", "The cursor is stale", detail)
    }

    /// 412: the task is not as the caller saw it.
    pub fn changed_meanwhile() -> Self {
        let detail = "The task was changed since it was read. Nothing was written; read it again.";
        Self::new(412, "urn:partyline:changed-meanwhile", "The task was changed", detail)
    }

    /// 413.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("The limit for this body is {} bytes.", grouped(limit as u64));
        Self::new(413, "about:blank", "Content Too Large", &detail)
    }

    /// 414.
    pub fn path_too_long() -> Self {
        Self::new(414, "about:blank", "URI Too Long", "The limit for path and query is 512 bytes.")
    }

    /// 415.
    pub fn media_type() -> Self {
        let detail = "JSON is understood by all but changes, CBOR by sync and changes.";
        Self::new(415, "about:blank", "Unsupported Media Type", detail)
    }

    /// 422: from a newer version of Partyline, or not from Partyline at all.
    pub fn undecodable(reason: &dyn Display) -> Self {
        Self::new(422, "urn:partyline:undecodable", "The data cannot be read", &reason.to_string())
    }

    /// 500: what is stored cannot be read by this version.
    pub fn unreadable_room(reason: DecodeError) -> Self {
        let kind = if reason == DecodeError::OlderFormat { OLDER_ROOM } else { UNREADABLE_ROOM };
        Self::new(500, kind, "The room cannot be read", &reason.to_string())
    }
}

impl Failure {
    /// Whether what is stored is sound, and only not for this version.
    pub(crate) fn is_unreadable_room(&self) -> bool {
        [UNREADABLE_ROOM, OLDER_ROOM].contains(&&*self.problem.kind)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Quota => Self::new(
                507,
                "urn:partyline:storage-full",
                "The storage is full",
                "The browser has no space left for Partyline. The change was not saved.",
            ),
            StoreError::Unavailable(reason) => Self::new(
                503,
                "urn:partyline:storage-unavailable",
                "The storage is not available",
                &format!("The browser does not open the database: {reason}"),
            ),
            StoreError::Blocked => Self::new(
                503,
                "urn:partyline:storage-blocked",
                "The storage is blocked",
                "Something else in this browser holds the database. Nothing was changed. Close other tabs of Partyline, \
                 and try again.",
            ),
            StoreError::Newer => Self::new(
                503,
                "urn:partyline:storage-newer",
                "The storage is that of a newer version",
                "A newer version of Partyline keeps the tasks now. Nothing was changed. Reload the page, and try again.",
            ),
            StoreError::Failed(reason) => Self::new(
                500,
                "urn:partyline:storage-failed",
                "The storage failed",
                &format!("Nothing was changed: {reason}"),
            ),
            StoreError::NoRoom => Self::unknown_room(),
        }
    }
}

/// An error's text as a sentence: `A task needs a title.` Some errors quote what they were given, which may be long.
pub(crate) fn sentence(error: &dyn Display) -> String {
    const MAX_CHARS: usize = 300;
    let mut text = error.to_string();
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    let mut letters = text.chars();
    // ASCII's case only, as what is written here is ours: Unicode's tables are 23 kB.
    let first = letters.next().map(|first| first.to_ascii_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// A number with commas: `2,310`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_sentences_of_bounded_length() {
        assert_eq!(sentence(&"a task needs a title"), "A task needs a title.");
        assert_eq!(sentence(&"No path."), "No path.");
        assert_eq!(sentence(&"`due`: no date"), "`due`: no date.");
        assert!(sentence(&"é".repeat(1 << 20)).len() < 700);
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (123_456, "123,456"), (2_310_000, "2,310,000")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
