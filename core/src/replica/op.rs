use crate::clock::Stamp;
use crate::id::{SectionId, TaskId};
use crate::replica::wire::{checksum, unzigzag, zigzag};
use crate::replica::{
    Date, MAX_ASSIGNEE, MAX_COMMENT, MAX_LABEL, MAX_NAME, MAX_NOTES, MAX_REASON, MAX_TITLE, MAX_VALUE, MalformedChange,
    ObjectId, Position, Priority, Status,
};

/// Sets one field of an object, or adds or removes one label of a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// The name of the room or of a device; at most [`MAX_NAME`] bytes.
    Name(Box<str>),
    /// What is to be done, at most [`MAX_TITLE`] bytes; of a section its name, at most [`MAX_NAME`] bytes.
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
    /// Why it is blocked, whether it is or not; at most [`MAX_REASON`] bytes.
    BlockedReason(Box<str>),
    /// Where it stands in the list.
    Position(Position),
    /// The task that it is a part of. (Boxed: it is rarely there, and an operation is as large as its largest kind.)
    Parent(Option<Box<TaskId>>),
    /// The section of the list in which it stands. It belongs to its place, and is no content. (Boxed as the parent is.)
    Section(Option<Box<SectionId>>),
    /// The task that a comment is on. (Boxed as the parent is.)
    On(Box<TaskId>),
    /// What a comment says; at most [`MAX_COMMENT`] bytes.
    Text(Box<str>),
    /// When it was made, in milliseconds since 1970; at most [`Stamp::MAX_MILLIS`].
    CreatedAt(u64),
    /// Deletes the task, section or comment. Its fields stay under the tombstone, in the trash.
    Deleted,
    /// Takes it back out of the trash. Sets the same field as [`Op::Deleted`].
    Alive,
    /// Says that a label was added or removed, and when: labels that were removed and forgotten tell no more.
    /// [`Replica::edit`] adds it.
    ///
    /// [`Replica::edit`]: crate::replica::Replica::edit
    Labelled,
    /// Puts a label on the task; 1 to [`MAX_LABEL`] bytes.
    AddLabel(Box<str>),
    /// Takes an addition of a label off the task.
    RemoveLabel(Box<Removal>),
    /// What a later version writes: a field that this one does not know, or a value that it does not know of a field that
    /// it does. It is kept, merged and passed on.
    Unknown(Box<Unknown>),
}

/// Undoes one addition to an add-wins set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Removal {
    /// The element's [hash](element_hash): of what was taken off, the words do not stay.
    pub element: u64,
    /// The addition, by its stamp. [`Replica::edit`] fills it in, and makes one removal of each addition that it sees.
    ///
    /// [`Replica::edit`]: crate::replica::Replica::edit
    pub of: Stamp,
}

/// A field as a later version writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// Its number.
    pub field: Field,
    /// What it holds, in the shape that the number says.
    pub value: UnknownValue,
}

/// A value that is passed on as it came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnknownValue {
    /// None.
    Unit,
    /// A number.
    Number(u64),
    /// At most [`MAX_VALUE`] bytes.
    Bytes(Box<[u8]>),
    /// Of a set: an addition that is undone.
    Removal(Removal),
}

/// The number of a field. It says all that is needed to merge the field without knowing what it is for:
///
/// - bits 0 and 1: the shape of its value: 0 none, 1 a number, 2 bytes, 3 the removal of an element;
/// - bit 2: 0 for a last-writer-wins register, 1 for an add-wins set, whose additions have shape 2 and removals shape 3;
/// - bit 3: whether a person's write to it brings back a task that was deleted before;
/// - the rest: an index below 128, so that an object cannot have more fields than can be gone
///   through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(u16);

/// The shape of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Unit,
    Number,
    Bytes,
    Removal,
}

/// A value in the form in which it is compared, hashed and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value<'a> {
    Unit,
    Number(u64),
    Bytes(&'a [u8]),
    Removal(&'a Removal),
}

impl Field {
    pub(crate) const NAME: Self = Self::new(0, Shape::Bytes);
    pub(crate) const POSITION: Self = Self::new(1, Shape::Bytes);
    pub(crate) const PARENT: Self = Self::new(2, Shape::Bytes);
    pub(crate) const REPLACED: Self = Self::new(3, Shape::Bytes);
    pub(crate) const SECTION: Self = Self::new(12, Shape::Bytes);
    pub(crate) const ON: Self = Self::new(4, Shape::Bytes);
    pub(crate) const CREATED_AT: Self = Self::new(0, Shape::Number);
    pub(crate) const LIFE: Self = Self::new(1, Shape::Number);
    pub(crate) const TITLE: Self = Self::new(0, Shape::Bytes).content();
    pub(crate) const NOTES: Self = Self::new(1, Shape::Bytes).content();
    pub(crate) const ASSIGNEE: Self = Self::new(2, Shape::Bytes).content();
    pub(crate) const BLOCKED_REASON: Self = Self::new(3, Shape::Bytes).content();
    pub(crate) const TEXT: Self = Self::new(4, Shape::Bytes).content();
    pub(crate) const STATUS: Self = Self::new(0, Shape::Number).content();
    pub(crate) const PRIORITY: Self = Self::new(1, Shape::Number).content();
    pub(crate) const DUE: Self = Self::new(2, Shape::Number).content();
    pub(crate) const LABELLED: Self = Self::new(0, Shape::Unit).content();
    pub(crate) const ADD_LABEL: Self = Self::new(0, Shape::Bytes).set();
    pub(crate) const REMOVE_LABEL: Self = Self::new(0, Shape::Removal).set();

    const SET: u16 = 4;
    const CONTENT: u16 = 8;

    pub(super) const fn new(index: u16, shape: Shape) -> Self {
        let shape = match shape {
            Shape::Unit => 0,
            Shape::Number => 1,
            Shape::Bytes => 2,
            Shape::Removal => 3,
        };
        Self(index << 4 | shape)
    }

    const fn set(self) -> Self {
        Self(self.0 | Self::SET)
    }

    pub(super) const fn content(self) -> Self {
        Self(self.0 | Self::CONTENT)
    }

    /// A field by its number; `None` if there can be none: sets are added to and removed from, and registers are not.
    pub fn from_code(code: u64) -> Option<Self> {
        const END: u16 = 128 << 4;
        let field = Self(u16::try_from(code).ok().filter(|code| *code < END)?);
        let fits = match field.shape() {
            Shape::Unit | Shape::Number => !field.is_set(),
            Shape::Bytes => true,
            Shape::Removal => field.is_set(),
        };
        fits.then_some(field)
    }

    /// Its number.
    pub fn code(self) -> u16 {
        self.0
    }

    pub(crate) fn shape(self) -> Shape {
        match self.0 & 3 {
            0 => Shape::Unit,
            1 => Shape::Number,
            2 => Shape::Bytes,
            _ => Shape::Removal,
        }
    }

    /// Whether it is an add-wins set, and not a register.
    pub(crate) fn is_set(self) -> bool {
        self.0 & Self::SET != 0
    }

    /// Whether a person's write to it brings back a task.
    pub(crate) fn is_content(self) -> bool {
        self.0 & Self::CONTENT != 0
    }

    /// What additions to a set and removals from it share.
    pub(crate) fn set_number(self) -> u16 {
        self.0 & !3
    }

    /// The addition to, or the removal from, the set with this number.
    pub(crate) fn of_set(number: u16, is_addition: bool) -> Self {
        Self(number | if is_addition { 2 } else { 3 })
    }
}

/// What names an element of a set once it was removed: FNV-1a of its bytes. Two elements of one hash that one device adds
/// are removed together; nobody else's are.
pub fn element_hash(element: &[u8]) -> u64 {
    checksum(element)
}

impl Op {
    /// Puts a label on the task.
    pub fn add_label(label: impl Into<Box<str>>) -> Self {
        Self::AddLabel(label.into())
    }

    /// Takes a label off the task: all additions of it that [`Replica::edit`](crate::replica::Replica::edit) sees.
    pub fn remove_label(label: impl AsRef<str>) -> Self {
        let of = Stamp { millis: 0, counter: 0, device: crate::id::DeviceId::from_bytes([0; 16]) };
        Self::RemoveLabel(Box::new(Removal { element: element_hash(label.as_ref().as_bytes()), of }))
    }

    /// Makes the task a part of another, or of none.
    pub fn parent(parent: Option<TaskId>) -> Self {
        Self::Parent(parent.map(Box::new))
    }

    /// Puts the task into a section, or into none.
    pub fn section(section: Option<SectionId>) -> Self {
        Self::Section(section.map(Box::new))
    }

    /// The field that is written.
    pub fn field(&self) -> Field {
        match self {
            Self::Name(_) => Field::NAME,
            Self::Title(_) => Field::TITLE,
            Self::Notes(_) => Field::NOTES,
            Self::Status(_) => Field::STATUS,
            Self::Priority(_) => Field::PRIORITY,
            Self::Due(_) => Field::DUE,
            Self::Assignee(_) => Field::ASSIGNEE,
            Self::BlockedReason(_) => Field::BLOCKED_REASON,
            Self::On(_) => Field::ON,
            Self::Text(_) => Field::TEXT,
            Self::Position(_) => Field::POSITION,
            Self::Parent(_) => Field::PARENT,
            Self::Section(_) => Field::SECTION,
            Self::CreatedAt(_) => Field::CREATED_AT,
            Self::Deleted | Self::Alive => Field::LIFE,
            Self::Labelled => Field::LABELLED,
            Self::AddLabel(_) => Field::ADD_LABEL,
            Self::RemoveLabel(_) => Field::REMOVE_LABEL,
            Self::Unknown(unknown) => unknown.field,
        }
    }

    /// What it writes. Two values under one stamp are told apart by it, so it must not depend on what a version knows.
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Name(text)
            | Self::Title(text)
            | Self::Notes(text)
            | Self::Assignee(text)
            | Self::BlockedReason(text)
            | Self::Text(text)
            | Self::AddLabel(text) => Value::Bytes(text.as_bytes()),
            Self::On(task) => Value::Bytes(task.as_bytes()),
            Self::Status(status) => Value::Number(status.to_code().into()),
            Self::Priority(priority) => Value::Number(priority.get().into()),
            Self::Due(due) => Value::Number(due.map_or(0, |date| zigzag(date.to_code() as u64) + 1)),
            Self::Position(position) => Value::Bytes(position.as_bytes()),
            Self::Parent(parent) => Value::Bytes(parent.as_deref().map_or(&[], |task| task.as_bytes().as_slice())),
            Self::Section(section) => Value::Bytes(section.as_deref().map_or(&[], |id| id.as_bytes().as_slice())),
            Self::CreatedAt(millis) => Value::Number(*millis),
            Self::Deleted => Value::Number(0),
            Self::Alive => Value::Number(1),
            Self::Labelled => Value::Unit,
            Self::RemoveLabel(removal) => Value::Removal(removal),
            Self::Unknown(unknown) => match &unknown.value {
                UnknownValue::Unit => Value::Unit,
                UnknownValue::Number(number) => Value::Number(*number),
                UnknownValue::Bytes(bytes) => Value::Bytes(bytes),
                UnknownValue::Removal(removal) => Value::Removal(removal),
            },
        }
    }

    /// The operation that writes this value to this field, as far as this version knows the two.
    pub(crate) fn of(field: Field, value: Value<'_>) -> Self {
        Self::known(field, value).unwrap_or_else(|| {
            let value = match value {
                Value::Unit => UnknownValue::Unit,
                Value::Number(number) => UnknownValue::Number(number),
                Value::Bytes(bytes) => UnknownValue::Bytes(bytes.into()),
                Value::Removal(removal) => UnknownValue::Removal(*removal),
            };
            Self::Unknown(Box::new(Unknown { field, value }))
        })
    }

    fn known(field: Field, value: Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Bytes(bytes) => {
                if field == Field::POSITION {
                    return Position::from_bytes(bytes.into()).map(Self::Position);
                }
                if field == Field::PARENT {
                    return match <[u8; 16]>::try_from(bytes) {
                        Ok(bytes) => Some(Self::parent(Some(TaskId::from_bytes(bytes).ok()?))),
                        Err(_) => bytes.is_empty().then_some(Self::Parent(None)),
                    };
                }
                if field == Field::SECTION {
                    return match <[u8; 16]>::try_from(bytes) {
                        Ok(bytes) => Some(Self::section(Some(SectionId::from_bytes(bytes).ok()?))),
                        Err(_) => bytes.is_empty().then_some(Self::Section(None)),
                    };
                }
                if field == Field::ON {
                    let task = TaskId::from_bytes(bytes.try_into().ok()?).ok()?;
                    return Some(Self::On(Box::new(task)));
                }
                let text = || std::str::from_utf8(bytes).ok().map(Box::from);
                match field {
                    Field::NAME => Self::Name(text()?),
                    Field::TITLE => Self::Title(text()?),
                    Field::NOTES => Self::Notes(text()?),
                    Field::ASSIGNEE => Self::Assignee(text()?),
                    Field::BLOCKED_REASON => Self::BlockedReason(text()?),
                    Field::TEXT => Self::Text(text()?),
                    Field::ADD_LABEL if (1..=MAX_LABEL).contains(&bytes.len()) => Self::AddLabel(text()?),
                    _ => return None,
                }
            }
            Value::Number(number) => match field {
                Field::STATUS => Self::Status(Status::from_code(number)?),
                Field::PRIORITY => Self::Priority(u8::try_from(number).ok().and_then(Priority::new)?),
                Field::DUE => match number.checked_sub(1) {
                    None => Self::Due(None),
                    Some(code) => Self::Due(Some(Date::from_code(unzigzag(code) as i64)?)),
                },
                Field::CREATED_AT if number <= Stamp::MAX_MILLIS => Self::CreatedAt(number),
                Field::LIFE if number == 0 => Self::Deleted,
                Field::LIFE if number == 1 => Self::Alive,
                _ => return None,
            },
            Value::Unit if field == Field::LABELLED => Self::Labelled,
            Value::Removal(removal) if field == Field::REMOVE_LABEL => Self::RemoveLabel(Box::new(*removal)),
            _ => return None,
        })
    }

    /// Whether it is within the limits of what any version may write.
    pub(crate) fn check(&self) -> Result<(), MalformedChange> {
        match self.value() {
            Value::Bytes(bytes) if bytes.len() > MAX_VALUE => {
                Err(MalformedChange::TooLong { what: "value", max: MAX_VALUE })
            }
            Value::Removal(removal) if removal.of.millis > Stamp::MAX_MILLIS => Err(MalformedChange::Stamp),
            _ => Ok(()),
        }
    }

    /// Whether the object has such a field and the value is within the limits of this version.
    pub(crate) fn check_edit(&self, object: ObjectId) -> Result<(), MalformedChange> {
        let of_task = matches!(object, ObjectId::Task(_));
        let of_section = object.as_section().is_some();
        let of_comment = object.as_comment().is_some();
        let is_foreign = match self {
            Self::Name(_) => of_task || of_section || of_comment,
            Self::On(_) | Self::Text(_) => !of_comment,
            Self::Deleted | Self::Alive => !of_task && !of_section && !of_comment,
            Self::Title(_) | Self::Position(_) | Self::CreatedAt(_) => !of_task && !of_section,
            Self::Unknown(_) => false,
            _ => !of_task,
        };
        if is_foreign {
            return Err(MalformedChange::ForeignField);
        }
        let at_most = |text: &str, what, max| {
            if text.len() <= max { Ok(()) } else { Err(MalformedChange::TooLong { what, max }) }
        };
        match self {
            Self::Name(text) => at_most(text, "name", MAX_NAME),
            Self::Title(text) if of_section => at_most(text, "name", MAX_NAME),
            Self::Title(text) => at_most(text, "title", MAX_TITLE),
            Self::Notes(text) => at_most(text, "notes", MAX_NOTES),
            Self::Assignee(text) => at_most(text, "assignee", MAX_ASSIGNEE),
            Self::BlockedReason(text) => at_most(text, "reason", MAX_REASON),
            Self::Text(text) => at_most(text, "comment", MAX_COMMENT),
            Self::AddLabel(label) if label.is_empty() => Err(MalformedChange::EmptyLabel),
            Self::AddLabel(label) => at_most(label, "label", MAX_LABEL),
            Self::CreatedAt(millis) if *millis > Stamp::MAX_MILLIS => Err(MalformedChange::Stamp),
            _ => self.check(),
        }
    }
}
