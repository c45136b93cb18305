use partyline_core::id::{SectionId, TaskId};

/// To where a task is moved in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Before the one above it.
    Up,
    /// Behind the one below it.
    Down,
    /// Before all others.
    Top,
    /// Behind all others.
    Bottom,
    /// Before this one.
    Before(TaskId),
    /// Behind all others of a section, or of those that are in none.
    Into(Option<SectionId>),
}

impl Step {
    /// Behind which task it goes by [`place`](Self::place); `None` as well if it stands there already.
    pub(crate) fn after(self, task: TaskId, open: &[TaskId], shown: &[TaskId]) -> Option<Option<TaskId>> {
        let now = open.iter().take_while(|id| **id != task).last().copied();
        self.place(task, open, shown).filter(|after| *after != now)
    }

    /// Behind which task that is, or `Some(None)` before all others; `None` if the task cannot go there.
    ///
    /// `open` are the open tasks in their own order, and `shown` those of them that the person sees: what is filtered out is
    /// stepped over.
    pub(crate) fn place(self, task: TaskId, open: &[TaskId], shown: &[TaskId]) -> Option<Option<TaskId>> {
        let above =
            |other: TaskId| open.iter().take_while(|id| **id != other).filter(|id| **id != task).last().copied();
        let at = || shown.iter().position(|id| *id == task);
        Some(match self {
            Self::Up => above(*shown.get(at()?.checked_sub(1)?)?),
            Self::Down => Some(*shown.get(at()? + 1)?),
            Self::Top => None,
            Self::Bottom | Self::Into(_) => open.iter().rfind(|id| **id != task).copied(),
            Self::Before(other) => above(open.iter().find(|id| **id == other).copied()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> TaskId {
        TaskId::from_random_bytes([number; 16])
    }

    fn ids(numbers: &[u8]) -> Vec<TaskId> {
        numbers.iter().map(|number| id(*number)).collect()
    }

    #[test]
    fn a_step_says_behind_which_task() {
        let open = ids(&[1, 2, 3, 4]);
        let to = |task, step: Step| step.after(id(task), &open, &open);
        assert_eq!(to(3, Step::Up), Some(Some(id(1))));
        assert_eq!(to(2, Step::Up), Some(None));
        assert_eq!(to(2, Step::Down), Some(Some(id(3))));
        assert_eq!(to(3, Step::Top), Some(None));
        assert_eq!(to(1, Step::Bottom), Some(Some(id(4))));
        assert_eq!(to(1, Step::Before(id(4))), Some(Some(id(3))));
        assert_eq!(to(4, Step::Before(id(1))), Some(None));
    }

    #[test]
    fn what_stands_there_already_does_not_move() {
        let open = ids(&[1, 2, 3]);
        let to = |task, step: Step| step.after(id(task), &open, &open);
        for (task, step) in [
            (1, Step::Up),
            (1, Step::Top),
            (3, Step::Down),
            (3, Step::Bottom),
            (1, Step::Before(id(2))),
            (2, Step::Before(id(2))),
            (9, Step::Up),
            (1, Step::Before(id(9))),
        ] {
            assert_eq!(to(task, step), None, "{task} {step:?}");
        }
    }

    #[test]
    fn what_is_not_shown_is_stepped_over() {
        let (open, shown) = (ids(&[1, 2, 3, 4, 5]), ids(&[1, 4, 5]));
        assert_eq!(Step::Up.after(id(4), &open, &shown), Some(None));
        assert_eq!(Step::Up.after(id(5), &open, &shown), Some(Some(id(3))));
        assert_eq!(Step::Down.after(id(1), &open, &shown), Some(Some(id(4))));
    }
}
