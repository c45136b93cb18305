//! Where a task's details are: beside the list in a wide window, over it in a narrow one.

use partyline_core::id::TaskId;

use super::app::Dialog;

/// A window in which the list keeps enough room beside the details, as a media query.
pub(crate) const WIDE: &str = "(min-width: 75rem)";

/// Whether the details are over the list, and keep the keyboard. Not below another dialog: the upper one has it.
pub(crate) fn is_over(is_wide: bool, dialog: Option<Dialog>) -> bool {
    !is_wide && matches!(dialog, None | Some(Dialog::Task(_)))
}

/// What comes of it that somebody wants to see a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Its details are there: the keyboard goes to them.
    Enter,
    /// They take the place of another task's, or of none.
    Show,
    /// The details of another task stay, as they hold what cannot be saved.
    Stay,
}

/// What comes of it that `asked` is to be seen while `shown` is. `may_leave` saves what was typed there.
pub(crate) fn turn(shown: Option<TaskId>, asked: TaskId, may_leave: impl FnOnce() -> bool) -> Turn {
    match shown {
        Some(shown) if shown == asked => Turn::Enter,
        Some(_) if !may_leave() => Turn::Stay,
        _ => Turn::Show,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u8) -> TaskId {
        TaskId::from_random_bytes([number; 16])
    }

    #[test]
    fn details_are_over_the_list_only_in_a_narrow_window() {
        assert!(is_over(false, None));
        assert!(!is_over(true, None));
    }

    #[test]
    fn details_stay_where_they_are_while_another_task_is_asked_for() {
        assert!(is_over(false, Some(Dialog::Task(task(1)))));
        assert!(!is_over(true, Some(Dialog::Task(task(1)))));
    }

    #[test]
    fn details_come_over_no_other_dialog_when_the_window_gets_narrow() {
        assert!(!is_over(false, Some(Dialog::Palette)));
        assert!(!is_over(true, Some(Dialog::Palette)));
    }

    #[test]
    fn the_task_that_is_shown_is_not_left_for_itself() {
        let turn = turn(Some(task(1)), task(1), || panic!("nothing is left"));
        assert_eq!(turn, Turn::Enter);
    }

    #[test]
    fn another_task_is_shown_unless_something_cannot_be_saved() {
        assert_eq!(turn(None, task(1), || panic!("nothing is left")), Turn::Show);
        assert_eq!(turn(Some(task(1)), task(2), || true), Turn::Show);
        assert_eq!(turn(Some(task(1)), task(2), || false), Turn::Stay);
    }
}
