//! The tasks of a room that are deleted and can be restored. It is loaded with the dialog that shows them.

use std::collections::HashMap;

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::TaskDocument;
use partyline_core::id::TaskId;
use partyline_core::replica::Tree;

use super::pages::Pages;
use super::room::{Room, restoration};
use super::undo::{Want, want};
use crate::api::trash::deleted_tasks;
use crate::api::{ApiError, more_tasks};
use crate::{platform, text};

/// What was deleted within so many milliseconds of the task that it is in was deleted with it.
const TOGETHER_MS: f64 = 2_000.0;

/// A task that is deleted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Deleted {
    /// Which one.
    pub(crate) id: TaskId,
    /// Its title.
    pub(crate) title: String,
    /// When it was deleted, as the service says it.
    pub(crate) written: String,
    /// The tasks below it that were deleted with it, each before those below it.
    pub(crate) with: Vec<TaskId>,
}

/// What is deleted, the latest first. What went with another task is a part of that.
fn trash(tasks: &[TaskDocument], unix_ms: impl Fn(&str) -> f64) -> Vec<Deleted> {
    let places: HashMap<TaskId, usize> =
        tasks.iter().enumerate().filter_map(|(at, task)| Some((TaskId::parse(&task.id).ok()?, at))).collect();
    let find = |id: TaskId| places.get(&id).and_then(|at| tasks.get(*at));
    let went_with = |(id, _): (&TaskId, &usize)| {
        let task = find(*id)?;
        let parent = TaskId::parse(task.parent.as_deref()?).ok()?;
        let apart = unix_ms(&task.updated_at) - unix_ms(&find(parent)?.updated_at);
        (apart.abs() <= TOGETHER_MS).then_some((*id, parent))
    };
    let tree = Tree::of(places.iter().filter_map(went_with).collect(), |_| true);
    // Moments are written so that they sort by their text.
    let tops = places.keys().filter(|id| tree.parent(**id).is_none());
    let mut order: Vec<String> =
        tops.filter_map(|id| Some([find(*id)?.updated_at.as_str(), " ", &id.to_string()].concat())).collect();
    order.sort_unstable();
    let deleted = |line: &String| {
        let id = TaskId::parse(line.split_once(' ')?.1).ok()?;
        let task = find(id)?;
        Some(Deleted {
            id,
            title: task.title.clone(),
            written: task.updated_at.clone(),
            with: tree.below(id).into_iter().map(|(task, _)| task).collect(),
        })
    };
    order.iter().rev().filter_map(deleted).collect()
}

/// What is deleted in a room, as it is known here. A copyable handle.
#[derive(Clone, Copy)]
pub(crate) struct Trash {
    room: Room,
    /// The tasks, the latest first.
    pub(crate) tasks: RwSignal<Vec<Deleted>>,
    /// Whether they were read.
    pub(crate) is_read: RwSignal<bool>,
    /// Why something of it is not done.
    pub(crate) problem: RwSignal<Option<String>>,
    /// What was restored last, in words.
    pub(crate) done: RwSignal<Option<String>>,
    /// The number of that action.
    action: StoredValue<u64>,
    /// Which reading was begun last: an answer that a later one has overtaken is dropped.
    reading: StoredValue<u64>,
}

impl Trash {
    /// Nothing is known yet.
    pub(crate) fn new(room: Room) -> Self {
        Self {
            room,
            tasks: RwSignal::new(Vec::new()),
            is_read: RwSignal::new(false),
            problem: RwSignal::new(None),
            done: RwSignal::new(None),
            action: StoredValue::new(0),
            reading: StoredValue::new(0),
        }
    }

    /// Reads them.
    pub(crate) fn read(self) {
        let Some(number) = self.reading.try_update_value(|number| {
            *number += 1;
            *number
        }) else {
            return;
        };
        spawn_local(async move {
            let answer = deleted(self.room).await;
            if self.reading.try_get_value() != Some(number) {
                return;
            }
            match answer {
                Ok(tasks) => {
                    self.problem.set(None);
                    self.tasks.set(trash(&tasks, platform::unix_ms_of));
                    self.is_read.set(true);
                    // Whoever restores one of them writes to a task that the list knows of.
                    self.room.show(tasks, false);
                }
                Err(error) => self.problem.set(Some(text::not_read(&error.to_string()))),
            }
        });
    }

    /// Restores a task, and what was deleted with it.
    pub(crate) fn restore(self, task: Deleted) {
        spawn_local(async move {
            let all = std::iter::once(task.id).chain(task.with.iter().copied());
            let (action, failed) = self.room.act(all.map(restoration).collect()).await;
            // The dialog may be closed by now.
            if self.action.try_set_value(action).is_some() {
                return;
            }
            match failed.first() {
                Some((_, error)) => self.problem.set(Some(text::not_saved(error))),
                None => {
                    self.problem.set(None);
                    self.done.set(Some(text::restored(&task.title, task.with.len())));
                }
            }
            self.read();
        });
    }

    /// Takes back what was restored last.
    pub(crate) fn undo(self) {
        self.done.set(None);
        want(self.room, Want::Step(self.action.get_value()));
    }
}

/// Reads what is deleted, page by page.
async fn deleted(room: Room) -> Result<Vec<TaskDocument>, ApiError> {
    let mut pages = Pages::begin(deleted_tasks(room.id).await?);
    while let Some(next) = pages.next() {
        let page = more_tasks(room.id, next).await?;
        pages.add(page);
    }
    Ok(pages.finish().0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;

    fn id(number: u8) -> TaskId {
        TaskId::from_random_bytes([number; 16])
    }

    /// A task that was deleted in a second of a minute, and the task that it is in.
    fn deleted(number: u8, second: u8, parent: Option<u8>) -> TaskDocument {
        TaskDocument {
            id: id(number).to_string(),
            updated_at: format!("2026-11-22T08:00:{second:02}.000Z"),
            parent: parent.map(|parent| id(parent).to_string()),
            deleted: true,
            ..task(&number.to_string())
        }
    }

    /// The titles, with how many went with each.
    fn shown(tasks: Vec<TaskDocument>) -> Vec<(String, usize)> {
        let second = |moment: &str| moment.get(17..19).and_then(|second| second.parse::<f64>().ok()).unwrap() * 1e3;
        trash(&tasks, second).into_iter().map(|task| (task.title, task.with.len())).collect()
    }

    fn lines(lines: &[(&str, usize)]) -> Vec<(String, usize)> {
        lines.iter().map(|(title, with)| ((*title).to_owned(), *with)).collect()
    }

    #[test]
    fn the_latest_is_first() {
        let tasks = vec![deleted(1, 10, None), deleted(2, 30, None), deleted(3, 20, Some(9))];
        assert_eq!(shown(tasks), lines(&[("2", 0), ("3", 0), ("1", 0)]));
        assert_eq!(shown(Vec::new()), []);
    }

    #[test]
    fn what_was_deleted_with_a_task_is_a_part_of_it() {
        let tasks = vec![
            deleted(1, 30, None),
            deleted(2, 30, Some(1)),
            deleted(3, 29, Some(2)),
            // Before that, and by itself.
            deleted(4, 10, Some(1)),
            deleted(5, 10, Some(4)),
        ];
        assert_eq!(shown(tasks), lines(&[("1", 2), ("4", 1)]));
    }

    #[test]
    fn of_those_in_a_circle_one_has_all() {
        let tasks = vec![deleted(1, 30, Some(2)), deleted(2, 30, Some(1)), deleted(3, 30, Some(1))];
        assert_eq!(shown(tasks), lines(&[("1", 2)]));
    }
}
