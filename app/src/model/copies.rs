//! Copies of a task with all that is below it, beside it or in another room. It is loaded with the dialogs that make them.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::{NewTask, TaskDocument, TaskEdit, TaskStatus};
use partyline_core::id::{RoomId, TaskId};

use super::bulk::write;
use super::room::{Room, deletion, restoration};
use crate::api::{self, ApiError};
use crate::platform;
use crate::text;

impl Room {
    /// Makes a copy of a task and of all that is below it, open and right behind the task, and offers to undo that.
    pub(crate) fn duplicate(self, id: TaskId) {
        let title = self.title(id);
        spawn_local(async move {
            match self.copy(id, self.id).await {
                Ok(made) => {
                    let action = self.begin(None);
                    let _ = self.read().await;
                    for task in made {
                        self.note_added(action, task);
                    }
                    self.tell_done(text::duplicated(&title), action);
                }
                Err(error) => self.notices().fail(text::copy_failed(&title, &error), None),
            }
        });
    }

    /// Puts a copy of a task and of all that is below it into another room, and deletes them here if they move; offers to
    /// undo all of it. If the other room does not take them, nothing is deleted.
    pub(crate) fn send_to(self, id: TaskId, (room, name): (RoomId, String), is_move: bool) {
        let title = self.title(id);
        let tasks: Vec<TaskId> = std::iter::once(id).chain(self.below(id)).collect();
        spawn_local(async move {
            let made = match self.copy(id, room).await {
                Ok(made) => made,
                Err(error) => {
                    let failed = if is_move { text::move_failed } else { text::copy_failed };
                    return self.notices().fail(failed(&title, &error), None);
                }
            };
            let gone: Vec<_> = tasks.into_iter().rev().filter(|_| is_move).map(deletion).collect();
            let (action, _) = write(self, gone, text::delete_failed).await;
            let words = if is_move { text::moved_to } else { text::copied_to }(&title, &name);
            let copies = made.clone();
            let undo = move || spawn_local(take_away(room, copies.clone()));
            let redo = move || spawn_local(bring_back(room, made.clone()));
            self.note_besides(action, words.clone(), (Arc::new(undo), Arc::new(redo)));
            self.tell_done(words, action);
        });
    }

    /// Copies a task and all that is below it into a room; gives the copies, each before its own subtasks. If one of them
    /// cannot be made, none stays.
    async fn copy(self, id: TaskId, room: RoomId) -> Result<Vec<TaskId>, ApiError> {
        let is_beside = room == self.id;
        let tasks: Vec<TaskId> = std::iter::once(id).chain(self.below(id)).collect();
        let mut made: Vec<(TaskId, TaskId)> = Vec::new();
        let mut edits = Vec::new();
        for task in tasks {
            let document = self.task(task).map(|task| task.get_untracked());
            let (Some(document), Some(bytes)) = (document, platform::random_bytes()) else { continue };
            let copy = TaskId::from_random_bytes(bytes);
            let above = self.listing().tree.with_untracked(|tree| tree.parent(task));
            let parent = made.iter().find(|(original, _)| Some(*original) == above).map(|(_, copy)| *copy);
            // A copy beside a subtask is a subtask of the same task.
            let parent = parent.or(above.filter(|_| is_beside));
            let after = (is_beside && task == id).then_some(task);
            let section = self.section(task).filter(|_| is_beside);
            let new = NewTask {
                after: after.map(|after| Some(after.to_string())),
                parent: parent.map(|parent| parent.to_string()),
                section: section.map(|section| section.to_string()),
                ..copy_of(document, copy, is_beside)
            };
            edits.push(TaskEdit::Add(Box::new(new)));
            made.push((task, copy));
        }
        let failed = api::edit_tasks(room, edits).await.into_iter().next();
        let made = made.into_iter().map(|(_, copy)| copy).collect();
        match failed {
            Some((_, error)) => {
                take_away(room, made).await;
                Err(error)
            }
            None => Ok(made),
        }
    }
}

/// Deletes copies, the lowest first.
async fn take_away(room: RoomId, copies: Vec<TaskId>) {
    // Somebody else may have deleted them.
    let _ = api::patch_tasks(room, &copies.into_iter().rev().map(deletion).collect::<Vec<_>>()).await;
}

/// Brings copies back that were deleted.
async fn bring_back(room: RoomId, copies: Vec<TaskId>) {
    let _ = api::patch_tasks(room, &copies.into_iter().map(restoration).collect::<Vec<_>>()).await;
}

/// What makes a copy of a task, but for where it stands. A copy beside a task is open.
fn copy_of(task: TaskDocument, id: TaskId, is_beside: bool) -> NewTask {
    NewTask {
        id: Some(id.to_string()),
        title: task.title,
        notes: Some(task.notes),
        status: Some(if is_beside { TaskStatus::Open } else { task.status }),
        priority: Some(task.priority),
        due: task.due,
        assignee: Some(task.assignee),
        blocked_reason: Some(task.blocked_reason).filter(|_| !is_beside),
        labels: Some(task.labels),
        ..NewTask::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;

    #[test]
    fn a_copy_has_what_the_task_says() {
        let id = TaskId::from_random_bytes([1; 16]);
        let task = TaskDocument {
            notes: "2 l".to_owned(),
            status: TaskStatus::Done,
            priority: 2,
            due: Some("2026-12-01".to_owned()),
            assignee: "Ana".to_owned(),
            blocked_reason: "No shop".to_owned(),
            labels: vec!["shop".to_owned()],
            ..task("Milk")
        };
        let copy = copy_of(task.clone(), id, false);
        assert_eq!(
            (copy.title.as_str(), copy.notes.as_deref(), copy.status),
            ("Milk", Some("2 l"), Some(TaskStatus::Done))
        );
        assert_eq!((copy.priority, copy.due, copy.assignee.as_deref()), (Some(2), task.due.clone(), Some("Ana")));
        assert_eq!(copy.blocked_reason.as_deref(), Some("No shop"));
        assert_eq!((copy.id, copy.labels), (Some(id.to_string()), Some(task.labels.clone())));
        let beside = copy_of(task, id, true);
        assert_eq!((beside.status, beside.blocked_reason), (Some(TaskStatus::Open), None));
    }
}
