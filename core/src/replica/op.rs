use crate::clock::Stamp;
use crate::id::TaskId;
use crate::replica::change::MalformedChange;
use crate::replica::{
    Date, MAX_ASSIGNEE, MAX_LABEL, MAX_NAME, MAX_NOTES, MAX_TITLE, ObjectId, Position, Priority, Status, VersionVector,
};

/// Sets one field of an object, or adds or removes one label of a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// The name of the room or of a device; at most [`MAX_NAME`] bytes.
    Name(Box<str>),
    /// What is to be done; at most [`MAX_TITLE`] bytes.
    Title(Box<str>),
    /// More about it; at most [`MAX_NOTES`] bytes.
    Notes(Box<str>),
    /// How far it is.
    Status(Status),
    /// How urgent it is.
    Priority(Priority),
    /// By when, if there is a day.
    Due(Option<Date>),
    /// Who does it, as text; empty for nobody; at most [`MAX_ASSIGNEE`] bytes.
    Assignee(Box<str>),
    /// Where it stands in the list.
    Position(Position),
    /// The task that it is a part of. (Boxed: it is rarely there, and an operation is as large as its largest kind.)
    Parent(Option<Box<TaskId>>),
    /// When it was made, in milliseconds since 1970; at most [`Stamp::MAX_MILLIS`].
    CreatedAt(u64),
    /// Deletes the task: whatever of it was written before counts no more.
    Deleted,
    /// Puts a label on the task.
    AddLabel(Box<LabelOp>),
    /// Takes a label off the task, as far as its author knew of additions.
    RemoveLabel(Box<LabelOp>),
}

/// A label, and what it was when it was added or removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelOp {
    /// The label; 1 to [`MAX_LABEL`] bytes.
    pub label: Box<str>,
    /// The changes to this label of this task that the author had seen, directly or as seen by those, without the
    /// author's own (which count as seen anyway). They are undone by this one. [`Replica::edit`] fills it in.
    ///
    /// [`Replica::edit`]: crate::replica::Replica::edit
    pub seen: VersionVector,
}

/// The register that an operation sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Name,
    Title,
    Notes,
    Status,
    Priority,
    Due,
    Assignee,
    Position,
    Parent,
    CreatedAt,
    Deleted,
}

impl Op {
    /// Puts a label on the task.
    pub fn add_label(label: impl Into<Box<str>>) -> Self {
        Self::AddLabel(Box::new(LabelOp { label: label.into(), seen: VersionVector::new() }))
    }

    /// Takes a label off the task.
    pub fn remove_label(label: impl Into<Box<str>>) -> Self {
        Self::RemoveLabel(Box::new(LabelOp { label: label.into(), seen: VersionVector::new() }))
    }

    /// Makes the task a part of another, or of none.
    pub fn parent(parent: Option<TaskId>) -> Self {
        Self::Parent(parent.map(Box::new))
    }

    /// The register that is set; `None` for a label.
    pub(crate) fn field(&self) -> Option<Field> {
        match self {
            Self::Name(_) => Some(Field::Name),
            Self::Title(_) => Some(Field::Title),
            Self::Notes(_) => Some(Field::Notes),
            Self::Status(_) => Some(Field::Status),
            Self::Priority(_) => Some(Field::Priority),
            Self::Due(_) => Some(Field::Due),
            Self::Assignee(_) => Some(Field::Assignee),
            Self::Position(_) => Some(Field::Position),
            Self::Parent(_) => Some(Field::Parent),
            Self::CreatedAt(_) => Some(Field::CreatedAt),
            Self::Deleted => Some(Field::Deleted),
            Self::AddLabel(_) | Self::RemoveLabel(_) => None,
        }
    }

    /// The label that is added or removed.
    pub(crate) fn label(&self) -> Option<&str> {
        match self {
            Self::AddLabel(op) | Self::RemoveLabel(op) => Some(&op.label),
            _ => None,
        }
    }

    /// Whether the object has such a field and the value is within its limits.
    pub(crate) fn check(&self, object: ObjectId) -> Result<(), MalformedChange> {
        let of_task = matches!(object, ObjectId::Task(_));
        if of_task == matches!(self, Self::Name(_)) {
            return Err(MalformedChange::ForeignField);
        }
        let at_most = |text: &str, what, max| {
            if text.len() <= max { Ok(()) } else { Err(MalformedChange::TooLong { what, max }) }
        };
        match self {
            Self::Name(text) => at_most(text, "name", MAX_NAME),
            Self::Title(text) => at_most(text, "title", MAX_TITLE),
            Self::Notes(text) => at_most(text, "notes", MAX_NOTES),
            Self::Assignee(text) => at_most(text, "assignee", MAX_ASSIGNEE),
            Self::AddLabel(op) | Self::RemoveLabel(op) if op.label.is_empty() => Err(MalformedChange::EmptyLabel),
            Self::AddLabel(op) | Self::RemoveLabel(op) => at_most(&op.label, "label", MAX_LABEL),
            Self::CreatedAt(millis) if *millis > Stamp::MAX_MILLIS => Err(MalformedChange::Stamp),
            Self::Status(_)
            | Self::Priority(_)
            | Self::Due(_)
            | Self::Position(_)
            | Self::Parent(_)
            | Self::CreatedAt(_)
            | Self::Deleted => Ok(()),
        }
    }
}
