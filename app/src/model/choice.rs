//! Which tasks are chosen, to be changed together. The page's wasm loads this later.

use std::collections::HashSet;

use leptos::prelude::*;
use partyline_core::id::TaskId;

use super::room::Room;

/// The tasks of the list that are chosen, to be changed together. Whoever chooses one begins; nothing is left to choose
/// when none is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    tasks: HashSet<TaskId>,
    /// From where to where a range goes that grows and shrinks.
    range: Option<(TaskId, TaskId)>,
}

impl Choice {
    /// Whether nothing is being chosen.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// How many are chosen.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether a task is chosen.
    pub(crate) fn has(&self, task: TaskId) -> bool {
        self.tasks.contains(&task)
    }

    /// Chooses a task, or gives it up. A range begins there.
    pub(crate) fn toggle(&mut self, task: TaskId) {
        if !self.tasks.remove(&task) {
            self.tasks.insert(task);
        }
        self.range = Some((task, task));
    }

    /// Chooses all between where the range began and this task, in place of what the range held before.
    pub(crate) fn reach(&mut self, task: TaskId, shown: &[TaskId]) {
        let (from, to) = self.range.unwrap_or((task, task));
        for task in between(from, to, shown) {
            self.tasks.remove(task);
        }
        let reached = between(from, task, shown);
        // Where the range began is not shown any more.
        let from = if reached.is_empty() { task } else { from };
        self.tasks.extend(reached);
        self.tasks.insert(task);
        self.range = Some((from, task));
    }

    /// Chooses these.
    pub(crate) fn take(&mut self, shown: &[TaskId]) {
        self.tasks = shown.iter().copied().collect();
        self.range = shown.first().copied().zip(shown.last().copied());
    }

    /// Gives up what the list does not show any more.
    pub(crate) fn keep(&mut self, shown: &[TaskId]) {
        self.tasks.retain(|task| shown.contains(task));
    }
}

/// The tasks from one to another one, in either direction, both included; none if one of them is not shown.
fn between(from: TaskId, to: TaskId, shown: &[TaskId]) -> &[TaskId] {
    let place = |task| shown.iter().position(|other| *other == task);
    let ends = place(from).zip(place(to)).map(|(from, to)| (from.min(to), from.max(to)));
    ends.and_then(|(first, last)| shown.get(first..=last)).unwrap_or_default()
}

/// The tasks that the list shows, from top to bottom.
pub(crate) fn shown(room: Room) -> Vec<TaskId> {
    room.order.with_untracked(|order| {
        let mut tasks = Vec::new();
        for row in &order.rows {
            tasks.extend(row.task());
        }
        tasks
    })
}

/// What is chosen in a room.
pub(crate) fn choice(room: Room) -> Choice {
    let (from, to) = room.listing().range;
    Choice { tasks: room.listing().chosen.get_untracked(), range: from.get_untracked().zip(to.get_untracked()) }
}

/// Changes what is chosen in a room.
pub(crate) fn choose(room: Room, change: impl FnOnce(&mut Choice)) {
    let old = choice(room);
    let mut new = old.clone();
    change(&mut new);
    let (from, to) = room.listing().range;
    from.set(new.range.map(|(from, _)| from));
    to.set(new.range.map(|(_, to)| to));
    if new.tasks != old.tasks {
        room.listing().chosen.set(new.tasks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u8]) -> Vec<TaskId> {
        numbers.iter().map(|number| TaskId::from_random_bytes([*number; 16])).collect()
    }

    fn id(number: u8) -> TaskId {
        TaskId::from_random_bytes([number; 16])
    }

    fn chosen(choice: &Choice, shown: &[TaskId]) -> Vec<TaskId> {
        shown.iter().copied().filter(|task| choice.has(*task)).collect()
    }

    #[test]
    fn a_task_is_chosen_and_given_up() {
        let mut choice = Choice::default();
        choice.toggle(id(1));
        choice.toggle(id(3));
        assert_eq!((choice.len(), choice.has(id(1)), choice.has(id(2))), (2, true, false));
        choice.toggle(id(1));
        choice.toggle(id(3));
        assert!(choice.is_empty());
    }

    #[test]
    fn a_range_grows_and_shrinks_and_leaves_the_others() {
        let shown = ids(&[1, 2, 3, 4, 5, 6]);
        let mut choice = Choice::default();
        choice.toggle(id(6));
        choice.toggle(id(3));
        choice.reach(id(5), &shown);
        assert_eq!(chosen(&choice, &shown), ids(&[3, 4, 5, 6]));
        choice.reach(id(4), &shown);
        assert_eq!(chosen(&choice, &shown), ids(&[3, 4, 6]));
        choice.reach(id(1), &shown);
        assert_eq!(chosen(&choice, &shown), ids(&[1, 2, 3, 6]));
    }

    #[test]
    fn a_range_with_no_beginning_begins_where_it_goes() {
        let shown = ids(&[1, 2, 3]);
        let mut choice = Choice::default();
        choice.reach(id(2), &shown);
        assert_eq!(chosen(&choice, &shown), ids(&[2]));
        choice.reach(id(3), &shown);
        assert_eq!(chosen(&choice, &shown), ids(&[2, 3]));
        // Where it began was deleted.
        let shown = ids(&[1, 3]);
        choice.keep(&shown);
        choice.reach(id(1), &shown);
        choice.reach(id(3), &shown);
        assert_eq!(chosen(&choice, &shown), ids(&[1, 3]));
    }

    #[test]
    fn what_is_not_shown_any_more_is_not_chosen() {
        let mut choice = Choice::default();
        choice.take(&ids(&[1, 2, 3]));
        choice.keep(&ids(&[3, 2, 1, 4]));
        assert_eq!(choice.len(), 3);
        choice.keep(&ids(&[2, 4]));
        assert_eq!((choice.len(), choice.has(id(2))), (1, true));
        choice.keep(&[]);
        assert!(choice.is_empty());
    }
}
