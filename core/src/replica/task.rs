use crate::id::{SectionId, TaskId};
use crate::replica::{Date, Position, Priority, Status};

/// A task as it looks when everything merged so far is taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What is to be done.
    pub title: String,
    /// More about it.
    pub notes: String,
    /// How far it is.
    pub status: Status,
    /// How urgent it is.
    pub priority: Priority,
    /// By when.
    pub due: Option<Date>,
    /// Who does it; empty for nobody.
    pub assignee: String,
    /// Why it is blocked, or was when it last was; empty where nobody said so.
    pub blocked_reason: String,
    /// In alphabetical order.
    pub labels: Vec<String>,
    /// Where it stands in the list.
    pub position: Position,
    /// The task that it is a part of. It may be deleted or unknown, and several tasks may be parts of each other: whoever
    /// shows a tree has to cope.
    pub parent: Option<TaskId>,
    /// The section that it was last put into, which may be deleted or unknown: see [`shown_section`].
    ///
    /// [`shown_section`]: crate::replica::shown_section
    pub section: Option<SectionId>,
    /// When it was made, in milliseconds since 1970.
    pub created_at: u64,
    /// When it was last written, in milliseconds since 1970.
    pub updated_at: u64,
    /// Whether it is deleted: its deletion register says so, and nothing of it was written later.
    pub deleted: bool,
    /// How many comments on it there are.
    pub comments: u32,
    /// How many hours it takes; 0 if nobody knows.
    #[cfg(feature = "next")]
    pub estimate: u64,
}
