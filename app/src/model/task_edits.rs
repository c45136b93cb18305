//! What people do with one task and what is below it. It is loaded with the dialogs that do it.

use leptos::task::spawn_local;
use partyline_core::api::TaskPatch;
use partyline_core::id::TaskId;

use super::bulk::write;
use super::room::{Room, deletion};
use crate::text;

impl Room {
    /// Deletes a task and offers to undo that.
    pub(crate) fn delete(self, id: TaskId) {
        let words = text::deleted(&self.title(id), self.below(id).len());
        self.delete_all(vec![id], words);
    }

    /// Deletes a task and all that is below it, and offers to undo that.
    pub(crate) fn delete_with_subtasks(self, id: TaskId) {
        // What is lowest goes first, so that nothing turns up at the top in between.
        let mut tasks = self.below(id);
        tasks.reverse();
        let words = text::deleted_with(&self.title(id), tasks.len());
        tasks.push(id);
        self.delete_all(tasks, words);
    }

    fn delete_all(self, tasks: Vec<TaskId>, words: String) {
        spawn_local(async move {
            let deletions = tasks.into_iter().map(deletion).collect();
            let (number, written) = write(self, deletions, text::delete_failed).await;
            if written > 0 {
                self.tell_done(words, number);
            }
        });
    }

    /// Makes a task the last subtask of another one, and offers to undo that.
    pub(crate) fn put_under(self, id: TaskId, parent: TaskId) {
        let last = self.subtasks(parent).into_iter().rfind(|task| *task != id);
        let after = last.map(|last| Some(last.to_string()));
        self.put(id, TaskPatch { parent: Some(Some(parent.to_string())), after, ..TaskPatch::default() });
    }

    /// Makes a subtask a task of its own, right after the one that it was in, and offers to undo that.
    pub(crate) fn make_own(self, id: TaskId) {
        let top = std::iter::successors(self.parent(id), |above| self.parent(*above)).last();
        let after = top.map(|top| Some(top.to_string()));
        self.put(id, TaskPatch { parent: Some(None), after, ..TaskPatch::default() });
    }

    fn put(self, id: TaskId, patch: TaskPatch) {
        spawn_local(async move {
            match self.edit(id, patch.clone()).await {
                Ok(number) => self.tell_done(text::of_task("Moved", &self.title(id)), number),
                Err(error) => self.edit_failed(id, patch, &error),
            }
        });
    }
}
