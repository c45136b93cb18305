//! Tasks are moved in their list. The first part of the page's wasm calls [`shift`] when the rest is there.

use std::collections::HashSet;

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::TaskPatch;
use partyline_core::id::TaskId;

use super::moves::Step;
use super::room::Room;

/// Moves a task. Of several steps each begins where the one before ended.
#[inline(never)]
pub(crate) fn shift(room: Room, id: TaskId, step: Step) {
    let is_busy = room.listing().moves.try_update_value(|(moves, is_busy)| {
        moves.push_back((id, step));
        std::mem::replace(is_busy, true)
    });
    if is_busy == Some(false) {
        spawn_local(async move {
            let next = || room.listing().moves.try_update_value(|(moves, _)| moves.pop_front()).flatten();
            while let Some((id, step)) = next() {
                room.shift_once(id, step).await;
            }
            let _ = room.listing().moves.try_update_value(|(_, is_busy)| *is_busy = false);
        });
    }
}

impl Room {
    /// Whether the task can be moved: it is among the open ones, and the list is in its own order. Subtasks always are.
    pub(crate) fn can_move(self, id: TaskId) -> bool {
        self.parent(id).is_some() || self.has_own_order() && self.beside(id).contains(&id)
    }

    /// Among which tasks a task is moved, as they stand: the subtasks of the same one, or those that are subtasks of none and
    /// not among the completed.
    pub(crate) fn beside(self, id: TaskId) -> Vec<TaskId> {
        match self.parent(id) {
            Some(parent) => self.listing().tree.with_untracked(|tree| tree.children(parent).collect()),
            None => self.tops().0,
        }
    }

    async fn shift_once(self, id: TaskId, step: Step) {
        if !self.can_move(id) {
            return;
        }
        let own = self.section(id);
        let section = match step {
            Step::Before(other) => self.section(other),
            Step::Into(section) => section,
            _ => own,
        };
        let mut open = self.beside(id);
        open.retain(|task| *task == id || self.section(*task) == section);
        let are_open: HashSet<TaskId> = open.iter().copied().collect();
        let shown: Vec<TaskId> = self.order.with_untracked(|order| {
            order.rows.iter().filter_map(|row| row.task()).filter(|task| are_open.contains(task)).collect()
        });
        let patch = if section == own {
            let Some(after) = step.after(id, &open, &shown) else { return };
            TaskPatch { after: Some(after.map(|after| after.to_string())), ..TaskPatch::default() }
        } else {
            // A section without tasks takes it wherever it stands.
            let after = step.place(id, &open, &shown).filter(|after| after.is_some() || open.len() > 1);
            TaskPatch {
                after: after.map(|after| after.map(|after| after.to_string())),
                section: Some(section.map(|section| section.to_string())),
                ..TaskPatch::default()
            }
        };
        match self.edit(id, patch.clone()).await {
            Ok(_) => {
                let mut open = self.beside(id);
                open.retain(|task| self.section(*task) == section);
                let place = open.iter().position(|task| *task == id).map_or(0, |place| place + 1);
                self.listing().moved.set(Some((id, place, open.len())));
            }
            Err(error) => self.edit_failed(id, patch, &error),
        }
    }
}
