use std::ops::RangeInclusive;

use crate::id::{CommentId, DeviceId, SectionId, TaskId};

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// The room itself: its name.
    Room,
    /// A device in the room: its name.
    Device(DeviceId),
    /// A task.
    Task(TaskId),
    /// A comment, a section, or something that a later version knows.
    Other(OtherObject),
}

/// An object of a kind that goes by its number. If this version does not know it, it is kept, merged and passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherObject {
    /// The number of its kind, from 3 on.
    pub(crate) kind: u16,
    /// Its id.
    pub(crate) id: [u8; 16],
}

/// The kind of the comments.
const COMMENT: u16 = 3;

impl OtherObject {
    /// An object of this kind; `None` if the kind is one that has a name of its own.
    pub fn new(kind: u16, id: [u8; 16]) -> Option<Self> {
        (kind > 2).then_some(Self { kind, id })
    }

    /// Its kind.
    pub fn kind(&self) -> u16 {
        self.kind
    }
}

/// The kind of the sections.
const SECTION: u16 = 4;

impl ObjectId {
    /// A comment.
    pub fn comment(id: CommentId) -> Self {
        Self::Other(OtherObject { kind: COMMENT, id: *id.as_bytes() })
    }

    /// The comment, if it is one.
    pub fn as_comment(self) -> Option<CommentId> {
        match self {
            Self::Other(OtherObject { kind: COMMENT, id }) => CommentId::from_bytes(id).ok(),
            _ => None,
        }
    }

    /// A section of the list.
    pub fn section(id: SectionId) -> Self {
        Self::Other(OtherObject { kind: SECTION, id: *id.as_bytes() })
    }

    /// The section, if it is one.
    pub fn as_section(self) -> Option<SectionId> {
        match self {
            Self::Other(OtherObject { kind: SECTION, id }) => SectionId::from_bytes(id).ok(),
            _ => None,
        }
    }

    /// All tasks that a comment may be on: one, unless somebody has made another that begins so.
    pub(crate) fn tasks_of(comment: CommentId) -> RangeInclusive<Self> {
        let end = |rest: u8| {
            let mut id = [rest; 16];
            id.iter_mut().zip(comment.task_part()).for_each(|(to, from)| *to = from);
            Self::Task(TaskId::from_random_bytes(id))
        };
        end(0)..=end(0xff)
    }

    /// All that may be comments.
    pub(crate) fn comments() -> RangeInclusive<Self> {
        let end = |byte| Self::Other(OtherObject { kind: COMMENT, id: [byte; 16] });
        end(0)..=end(0xff)
    }

    /// All that may be comments on a task.
    pub(crate) fn comments_on(task: TaskId) -> RangeInclusive<Self> {
        let end = |rest: u8| Self::Other(OtherObject { kind: COMMENT, id: CommentId::common(task, [rest; 16]) });
        end(0)..=end(0xff)
    }

    /// Bytes of a key.
    pub(crate) const KEY: usize = 2 + 16;

    /// Its kind and its id, in bytes that sort as objects do.
    pub(crate) fn to_key(self) -> [u8; Self::KEY] {
        let (kind, id) = match self {
            Self::Room => (0, [0; 16]),
            Self::Device(device) => (1, device.to_bytes()),
            Self::Task(task) => (2, *task.as_bytes()),
            Self::Other(other) => (other.kind, other.id),
        };
        let mut key = [0; Self::KEY];
        for (to, from) in key.iter_mut().zip(kind.to_be_bytes().into_iter().chain(id)) {
            *to = from;
        }
        key
    }
}
