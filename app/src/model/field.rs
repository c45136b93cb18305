use partyline_core::api::{TaskDocument, TaskPatch, TaskStatus};

use crate::day::Day;

/// A field of a task that the details show as one control. Its value travels as the control's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    /// One line.
    Title,
    /// Many lines.
    Notes,
    /// `open`, `doing`, `blocked` or `done`.
    Status,
    /// `0` to `3`.
    Priority,
    /// `2026-11-22` or nothing.
    Due,
    /// Who does it.
    Assignee,
    /// Why it is blocked.
    BlockedReason,
    /// How many hours it takes.
    #[cfg(feature = "next")]
    Estimate,
}

/// Why text cannot be the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FieldError {
    /// A task needs a title.
    #[error("A task needs a title.")]
    TitleMissing,
    /// Not a day.
    #[error("Write a day, like “tomorrow”, “fri”, “24 dec” or “in 3 days”.")]
    BadDay,
    /// Not one of the choices.
    #[error("This is not one of the choices.")]
    UnknownChoice,
}

impl Field {
    /// A name that stays, also in later versions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Notes => "notes",
            Self::Status => "status",
            Self::Priority => "priority",
            Self::Due => "due",
            Self::Assignee => "assignee",
            Self::BlockedReason => "blockedReason",
            #[cfg(feature = "next")]
            Self::Estimate => "estimate",
        }
    }

    /// The text that shows a task's value.
    pub(crate) fn text(self, task: &TaskDocument) -> String {
        match self {
            Self::Title => task.title.clone(),
            Self::Notes => task.notes.clone(),
            Self::Status => status_text(task.status).to_owned(),
            Self::Priority => task.priority.to_string(),
            Self::Due => task.due.clone().unwrap_or_default(),
            Self::Assignee => task.assignee.clone(),
            Self::BlockedReason => task.blocked_reason.clone(),
            #[cfg(feature = "next")]
            Self::Estimate => task.estimate.to_string(),
        }
    }

    /// The patch that makes `text` the task's value and touches nothing else; `None` when that is what `now` says already.
    pub(crate) fn patch(self, text: &str, now: &str) -> Result<Option<TaskPatch>, FieldError> {
        let patch = self.set(text)?;
        Ok(Some(patch).filter(|patch| self.set(now).as_ref() != Ok(patch)))
    }

    fn set(self, text: &str) -> Result<TaskPatch, FieldError> {
        let mut patch = TaskPatch::default();
        match self {
            Self::Title => {
                let title = one_line(text);
                if title.is_empty() {
                    return Err(FieldError::TitleMissing);
                }
                patch.title = Some(title);
            }
            Self::Notes => patch.notes = Some(text.to_owned()),
            Self::Status => {
                let status = STATUSES.iter().find(|(value, ..)| *value == text).ok_or(FieldError::UnknownChoice)?.1;
                patch.status = Some(status);
            }
            Self::Priority => {
                let priority = text.parse().ok().filter(|priority| *priority <= 3).ok_or(FieldError::UnknownChoice)?;
                patch.priority = Some(priority);
            }
            Self::Due => {
                patch.due = Some(match text.trim() {
                    "" => None,
                    text => Some(Day::parse(text).ok_or(FieldError::BadDay)?.to_string()),
                });
            }
            Self::Assignee => patch.assignee = Some(one_line(text)),
            Self::BlockedReason => patch.blocked_reason = Some(one_line(text)),
            #[cfg(feature = "next")]
            Self::Estimate => {
                patch.estimate = Some(text.trim().parse().map_err(|_| FieldError::UnknownChoice)?);
            }
        }
        Ok(patch)
    }
}

/// All fields.
pub(crate) const FIELDS: &[Field] = &[
    Field::Title,
    Field::Notes,
    Field::Status,
    Field::Priority,
    Field::Due,
    Field::Assignee,
    Field::BlockedReason,
    #[cfg(feature = "next")]
    Field::Estimate,
];

/// The statuses: value, meaning, and the words for it.
pub(crate) const STATUSES: &[(&str, TaskStatus, &str)] = &[
    ("open", TaskStatus::Open, "Open"),
    ("doing", TaskStatus::Doing, "Doing"),
    ("blocked", TaskStatus::Blocked, "Blocked"),
    ("done", TaskStatus::Done, "Done"),
    #[cfg(feature = "next")]
    ("review", TaskStatus::Review, "In review"),
];

/// The priorities: value and the word for it.
pub(crate) const PRIORITIES: [(&str, &str); 4] = [("0", "None"), ("1", "Low"), ("2", "Medium"), ("3", "High")];

/// The value that stands for a status.
pub(crate) fn status_text(status: TaskStatus) -> &'static str {
    STATUSES.iter().find(|(_, meaning, _)| *meaning == status).map_or("open", |(value, ..)| value)
}

/// The text without line breaks and without white space at its ends.
pub(crate) fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;

    fn patch(field: Field, text: &str) -> Result<Option<TaskPatch>, FieldError> {
        field.patch(text, &field.text(&task("Milk")))
    }

    #[test]
    fn a_value_that_is_there_already_is_not_written_again() {
        let task = task("Milk");
        for field in FIELDS {
            let text = field.text(&task);
            assert_eq!(field.patch(&text, &text), Ok(None), "{field:?}");
        }
        assert_eq!(patch(Field::Title, "  Milk "), Ok(None));
    }

    #[test]
    fn a_patch_holds_the_one_field_that_changed() {
        assert_eq!(
            patch(Field::Title, "Oat milk"),
            Ok(Some(TaskPatch { title: Some("Oat milk".into()), ..TaskPatch::default() }))
        );
        assert_eq!(patch(Field::Priority, "3"), Ok(Some(TaskPatch { priority: Some(3), ..TaskPatch::default() })));
        assert_eq!(
            patch(Field::Status, "done"),
            Ok(Some(TaskPatch { status: Some(TaskStatus::Done), ..TaskPatch::default() }))
        );
        assert_eq!(
            patch(Field::Notes, "two\nlines "),
            Ok(Some(TaskPatch { notes: Some("two\nlines ".into()), ..TaskPatch::default() }))
        );
    }

    #[test]
    fn a_due_day_is_set_and_taken_away() {
        let tomorrow = TaskPatch { due: Some(Some("2026-11-23".into())), ..TaskPatch::default() };
        assert_eq!(patch(Field::Due, " 2026-11-23"), Ok(Some(tomorrow)));
        let none = TaskPatch { due: Some(None), ..TaskPatch::default() };
        assert_eq!(Field::Due.patch(" ", "2026-11-23"), Ok(Some(none)));
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        assert_eq!(patch(Field::Title, "  "), Err(FieldError::TitleMissing));
        assert_eq!(patch(Field::Due, "soon"), Err(FieldError::BadDay));
        assert_eq!(patch(Field::Priority, "4"), Err(FieldError::UnknownChoice));
        assert_eq!(patch(Field::Status, "lost"), Err(FieldError::UnknownChoice));
    }
}
