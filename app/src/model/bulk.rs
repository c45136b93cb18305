//! Several tasks are changed together, and one undo takes that back. The page's wasm loads this later.

use std::collections::HashSet;

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::{TaskDocument, TaskPatch, TaskStatus};
use partyline_core::id::TaskId;

use super::choice::{Choice, choice, choose, shown};
use super::drafts;
use super::moves::Step;
use super::room::{Room, Write};
use crate::api::ApiError;
use crate::day::Day;
use crate::text;

/// What becomes of several tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// They are completed, with what is open below them.
    Complete,
    /// They are open again.
    Reopen,
    /// They are given to a person, or to nobody.
    Assign(String),
    /// They are due on a day, or on none.
    Due(Option<Day>),
    /// How urgent they are.
    Priority(u8),
    /// They have one more label.
    Label(String),
    /// They stand elsewhere, in the order in which they stood.
    Move(Step),
    /// They are the last subtasks of a task.
    Under(TaskId),
    /// They are deleted.
    Delete,
}

impl Change {
    /// What is written to a task, if that changes it; of moves nothing, for which it takes the others.
    fn patch(&self, task: &TaskDocument) -> Option<TaskPatch> {
        let none = TaskPatch::default;
        let status = |status| TaskPatch { status: Some(status), ..none() };
        match self {
            Self::Complete => (task.status != TaskStatus::Done).then(|| status(TaskStatus::Done)),
            Self::Reopen => (task.status == TaskStatus::Done).then(|| status(TaskStatus::Open)),
            Self::Assign(name) => {
                (task.assignee != *name).then(|| TaskPatch { assignee: Some(name.clone()), ..none() })
            }
            Self::Due(day) => {
                let day = day.map(|day| day.to_string());
                (task.due != day).then(|| TaskPatch { due: Some(day), ..none() })
            }
            Self::Priority(priority) => {
                (task.priority != *priority).then(|| TaskPatch { priority: Some(*priority), ..none() })
            }
            Self::Label(label) => {
                (!task.labels.contains(label)).then(|| TaskPatch { add_labels: Some(vec![label.clone()]), ..none() })
            }
            Self::Delete => (!task.deleted).then(|| TaskPatch { deleted: Some(true), ..none() }),
            Self::Move(_) | Self::Under(_) => None,
        }
    }

    /// What was done, for the person.
    fn words(&self, number: usize) -> String {
        let verb = match self {
            Self::Complete => "Completed",
            Self::Reopen => "Reopened",
            Self::Move(_) | Self::Under(_) => "Moved",
            Self::Delete => "Deleted",
            Self::Assign(_) | Self::Due(_) | Self::Priority(_) | Self::Label(_) => "Changed",
        };
        text::bulk_done(verb, number)
    }
}

/// What puts tasks one after the other where a step leads, among those that stand beside them.
fn moves(tasks: &[TaskId], step: Step, beside: &[TaskId]) -> Vec<Write> {
    let is_left = |task: &&TaskId| !tasks.contains(task);
    let mut after = match step {
        Step::Bottom | Step::Into(_) => beside.iter().rfind(is_left).copied(),
        Step::Before(other) => beside.iter().take_while(|task| **task != other).filter(is_left).last().copied(),
        Step::Top | Step::Up | Step::Down => None,
    };
    let follow = |task: &TaskId| {
        let after = after.replace(*task).map(|after| after.to_string());
        (*task, TaskPatch { after: Some(after), ..TaskPatch::default() })
    };
    tasks.iter().map(follow).collect()
}

/// The chosen tasks, as they stand in the list.
pub(crate) fn chosen(room: Room) -> Vec<TaskId> {
    let choice = choice(room);
    let mut tasks = shown(room);
    tasks.retain(|task| choice.has(*task));
    tasks
}

/// Nothing is chosen any more.
pub(crate) fn end(room: Room) {
    choose(room, |choice| *choice = Choice::default());
}

/// Moves what is chosen together with a task of it that was dragged to where a step leads.
#[inline(never)]
pub(crate) fn drop_chosen(room: Room, dragged: TaskId, step: Step) {
    let beside = room.beside(dragged);
    let mut tasks = chosen(room);
    tasks.retain(|task| beside.contains(task));
    change(room, &tasks, Change::Move(step));
}

/// Of tasks those that are in none of the others, which take them along.
pub(crate) fn roots(room: Room, tasks: &[TaskId]) -> Vec<TaskId> {
    let is_taken_along = |task: TaskId| {
        let mut above = room.parent(task);
        while let Some(task) = above {
            if tasks.contains(&task) {
                return true;
            }
            above = room.parent(task);
        }
        false
    };
    let mut roots = tasks.to_vec();
    roots.retain(|task| !untrack(|| is_taken_along(*task)));
    roots
}

/// Changes tasks, which are in the order of the list, and offers to undo that.
pub(crate) fn change(room: Room, tasks: &[TaskId], change: Change) {
    let writes = untrack(|| writes(room, tasks, &change));
    if writes.is_empty() {
        return;
    }
    spawn_local(async move {
        let (number, written) = write(room, writes, text::edit_failed).await;
        if written > 0 {
            room.tell_done(change.words(written), number);
        }
    });
}

/// What a change writes to which tasks.
fn writes(room: Room, tasks: &[TaskId], change: &Change) -> Vec<Write> {
    match change {
        Change::Move(step) => {
            let mut left = tasks.to_vec();
            left.retain(|task| room.can_move(*task));
            let mut all = Vec::new();
            // Those of one parent move among themselves, and stay in their section unless the step leads into one.
            while let Some(first) = left.first().copied() {
                let mut beside = room.beside(first);
                let (section, leads_there) = match step {
                    Step::Before(other) => (room.section(*other), true),
                    Step::Into(section) => (*section, true),
                    _ => (room.section(first), false),
                };
                let mut group = left.clone();
                group.retain(|task| beside.contains(task) && (leads_there || room.section(*task) == section));
                beside.retain(|task| group.contains(task) || room.section(*task) == section);
                left.retain(|task| *task != first && !group.contains(task));
                all.extend(moves(&group, *step, &beside).into_iter().map(|(task, mut patch)| {
                    patch.section = (room.section(task) != section).then(|| section.map(|section| section.to_string()));
                    (task, patch)
                }));
            }
            all
        }
        Change::Under(parent) => {
            let roots = roots(room, tasks);
            let mut writes = moves(&roots, Step::Bottom, &room.subtasks(*parent));
            for (_, patch) in &mut writes {
                patch.parent = Some(Some(parent.to_string()));
                patch.after = patch.after.take().filter(Option::is_some);
            }
            writes
        }
        _ => {
            let mut all = tasks.to_vec();
            match change {
                Change::Complete => {
                    for task in tasks {
                        all.extend(room.below(*task));
                    }
                }
                // What is lowest goes first, so that nothing turns up at the top in between.
                Change::Delete => all.reverse(),
                _ => {}
            }
            let (mut seen, mut writes) = (HashSet::new(), Vec::new());
            for id in all {
                if seen.insert(id)
                    && let Some(task) = room.task(id)
                    && let Some(patch) = task.with_untracked(|task| change.patch(task))
                {
                    writes.push((id, patch));
                }
            }
            writes
        }
    }
}

/// Writes all of it together, and tells of what failed. The number of the action, and how much was written.
pub(super) async fn write(room: Room, writes: Vec<Write>, words: fn(&str, &ApiError) -> String) -> (u64, usize) {
    let mut written: Vec<(TaskId, bool)> =
        writes.iter().map(|(task, patch)| (*task, patch.deleted == Some(true))).collect();
    let (number, failed) = room.act(writes).await;
    written.retain(|(task, _)| failed.iter().all(|((failed, _), _)| failed != task));
    for (task, _) in written.iter().filter(|(_, is_deleted)| *is_deleted) {
        drafts::drop_task(room.id, *task);
    }
    room.tell_failed(failed, words);
    (number, written.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;

    fn id(number: u8) -> TaskId {
        TaskId::from_random_bytes([number; 16])
    }

    fn ids(numbers: &[u8]) -> Vec<TaskId> {
        numbers.iter().map(|number| id(*number)).collect()
    }

    /// The list after moves were made one after the other.
    fn moved(tasks: &[u8], step: Step, beside: &[u8]) -> Vec<TaskId> {
        let mut list = ids(beside);
        for (task, patch) in moves(&ids(tasks), step, &ids(beside)) {
            list.retain(|other| *other != task);
            let after = patch.after.unwrap().map(|after| TaskId::parse(&after).unwrap());
            let place = after.map_or(0, |after| list.iter().position(|other| *other == after).unwrap() + 1);
            list.insert(place, task);
        }
        list
    }

    #[test]
    fn several_keep_their_order_wherever_they_go() {
        let all = [1, 2, 3, 4, 5];
        assert_eq!(moved(&[2, 4], Step::Top, &all), ids(&[2, 4, 1, 3, 5]));
        assert_eq!(moved(&[2, 4], Step::Bottom, &all), ids(&[1, 3, 5, 2, 4]));
        assert_eq!(moved(&[4, 5], Step::Before(id(2)), &all), ids(&[1, 4, 5, 2, 3]));
        // Before one of themselves: they come together there.
        assert_eq!(moved(&[1, 3, 5], Step::Before(id(3)), &all), ids(&[2, 1, 3, 5, 4]));
        assert_eq!(moved(&all, Step::Bottom, &all), ids(&all));
    }

    #[test]
    fn what_is_so_already_is_not_written() {
        let done = TaskDocument { status: TaskStatus::Done, ..task("Paint") };
        assert_eq!(Change::Complete.patch(&done), None);
        assert_eq!(Change::Reopen.patch(&task("Paint")), None);
        assert_eq!(Change::Due(None).patch(&task("Paint")), None);
        let labelled = TaskDocument { labels: vec!["van".to_owned()], ..task("Paint") };
        assert_eq!(Change::Label("van".to_owned()).patch(&labelled), None);
        assert_eq!(
            Change::Assign("Ana".to_owned()).patch(&done).and_then(|patch| patch.assignee).as_deref(),
            Some("Ana")
        );
    }
}
