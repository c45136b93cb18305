//! What a room's list shows: sorted, with the completed ones folded away or not, and only what is looked for.

use std::collections::HashSet;

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::TaskPatch;
use partyline_core::id::TaskId;

use super::find::{Query, words};
use super::listing::Row;
use super::moves::Step;
use super::order::{OrderKey, Sorting};
use super::room::Room;
use crate::day::Day;
use crate::platform;

impl Room {
    /// Lays the list out anew after what it shows has changed.
    pub(super) fn arrange(self) {
        let listing = self.listing();
        let query = listing.query.get_untracked();
        let is_all = query.is_empty();
        let folded = is_all && listing.folded.get_untracked();
        let words = words(&query.words, platform::fold);
        let today = if query.due.is_some() { platform::today() } else { Day::default() };
        let (rows, counts, found) = self.with_places(|places| {
            let open = places.partition_point(|(key, _)| !key.is_done());
            let (mut rows, mut found) = (Vec::with_capacity(places.len() + 1), 0);
            for (number, (_, id)) in places.iter().enumerate() {
                if number == open && is_all {
                    rows.push(Row::Done);
                }
                if number >= open && folded {
                    break;
                }
                if is_all || self.is_found(*id, &query, &words, today) {
                    rows.push(Row::Task(*id));
                    found += 1;
                }
            }
            (rows, (open, places.len() - open), found)
        });
        if listing.counts.get_untracked() != counts {
            listing.counts.set(counts);
        }
        if listing.found.get_untracked() != found {
            listing.found.set(found);
        }
        if self.order.with_untracked(|order| order.rows != rows) {
            self.order.update(|order| {
                order.window = order.window.resized(rows.len());
                order.rows = rows;
            });
        }
    }

    fn is_found(self, id: TaskId, query: &Query, words: &[String], today: Day) -> bool {
        self.task(id).is_some_and(|task| {
            task.with_untracked(|task| {
                let has = |index: &mut super::find::Index| index.has(id, task, words, platform::fold);
                query.fits(task, today) && self.listing().index.try_update_value(has) == Some(true)
            })
        })
    }

    /// Looks for something else.
    pub(crate) fn find(self, change: impl FnOnce(&mut Query)) {
        self.listing().query.update(change);
        self.arrange();
    }

    /// Shows all tasks again, and takes the field for finding away.
    pub(crate) fn stop_finding(self) {
        self.listing().finding.set(false);
        self.find(|query| *query = Query::default());
    }

    /// Sorts the open tasks by something else, and remembers that.
    pub(crate) fn sort(self, sorting: Sorting) {
        self.listing().sorting.set(sorting);
        self.listing().keep(self.id);
        self.sort_anew();
    }

    /// What this device remembers of how the list is shown.
    pub(super) fn recall_listing(self) {
        self.listing().recall(self.id);
        self.sort_anew();
    }

    fn sort_anew(self) {
        let sorting = self.listing().sorting.get_untracked();
        self.change_places(|places| {
            for (key, id) in places.iter_mut() {
                if let Some(task) = self.task(*id) {
                    *key = task.with_untracked(|task| OrderKey::of(task, sorting));
                }
            }
            places.sort_unstable();
        });
        self.arrange();
    }

    /// Folds the completed tasks away or shows them, and remembers that.
    pub(crate) fn fold_done(self, folded: bool) {
        self.listing().folded.set(folded);
        self.listing().keep(self.id);
        self.arrange();
    }

    /// Whether the task can be moved: it is open, and the list is in its own order.
    pub(crate) fn can_move(self, id: TaskId) -> bool {
        self.listing().sorting.get_untracked() == Sorting::Own && self.open_tasks().contains(&id)
    }

    /// The open tasks, as they are sorted.
    fn open_tasks(self) -> Vec<TaskId> {
        self.with_places(|places| places.iter().take_while(|(key, _)| !key.is_done()).map(|(_, id)| *id).collect())
    }

    /// Moves a task. Of several steps each begins where the one before ended.
    pub(crate) fn shift(self, id: TaskId, step: Step) {
        let is_busy = self.listing().moves.try_update_value(|(moves, is_busy)| {
            moves.push_back((id, step));
            std::mem::replace(is_busy, true)
        });
        if is_busy == Some(false) {
            spawn_local(async move {
                let next = || self.listing().moves.try_update_value(|(moves, _)| moves.pop_front()).flatten();
                while let Some((id, step)) = next() {
                    self.shift_once(id, step).await;
                }
                let _ = self.listing().moves.try_update_value(|(_, is_busy)| *is_busy = false);
            });
        }
    }

    async fn shift_once(self, id: TaskId, step: Step) {
        if !self.can_move(id) {
            return;
        }
        let open = self.open_tasks();
        let are_open: HashSet<TaskId> = open.iter().copied().collect();
        let shown: Vec<TaskId> = self.order.with_untracked(|order| {
            order.rows.iter().filter_map(|row| row.task()).filter(|task| are_open.contains(task)).collect()
        });
        let Some(after) = step.after(id, &open, &shown) else { return };
        let patch = TaskPatch { after: Some(after.map(|after| after.to_string())), ..TaskPatch::default() };
        match self.edit(id, patch.clone()).await {
            Ok(()) => {
                let open = self.open_tasks();
                let place = open.iter().position(|task| *task == id).map_or(0, |place| place + 1);
                self.listing().moved.set(Some((id, place, open.len())));
            }
            Err(error) => self.edit_failed(id, patch, &error),
        }
    }
}
