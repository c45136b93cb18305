//! What a room's list shows: sorted, with the completed ones folded away or not, and only what is looked for.

use leptos::prelude::*;
use partyline_core::id::TaskId;

use super::find::{Query, words};
use super::group::{Grouping, Part, fact};
use super::listing::Row;
use super::order::{OrderKey, Place, Sorting, replace};
use super::room::Room;
use crate::day::Day;
use crate::platform;

impl Room {
    /// The parts of the list by what is known of the tasks, which stay in their order within each.
    pub(super) fn fact_parts(self, open: Vec<TaskId>, sorting: Sorting) -> Vec<Part> {
        let today = if sorting == Sorting::Due { platform::today() } else { Day::default() };
        let mut parts: Vec<(String, Part)> = Vec::new();
        for id in open {
            let Some(task) = self.task(id) else { continue };
            let (key, words) = task.with_untracked(|task| fact(sorting, task, today));
            match parts.binary_search_by(|(known, _)| known.cmp(&key)) {
                Ok(at) => parts.get_mut(at).map(|(_, part)| part.tasks.push(id)),
                Err(at) => {
                    let mut part = Part::new(&format!("{}:{key}", Grouping::By(sorting).word()), words, None);
                    part.tasks.push(id);
                    parts.insert(at, (key, part));
                    None
                }
            };
        }
        parts.into_iter().map(|(_, part)| part).collect()
    }

    /// Has other headings in the list, and remembers that.
    pub(crate) fn group(self, grouping: Grouping) {
        self.listing().headings.update(|headings| headings.grouping = grouping);
        self.listing().keep(self.id);
        self.arrange();
    }

    /// Lays the list out anew after what it shows has changed.
    pub(super) fn arrange(self) {
        let listing = self.listing();
        let query = listing.query.get_untracked();
        let is_all = query.is_empty();
        let folded = is_all && listing.folded.get_untracked();
        let words = words(&query.words, platform::fold);
        let today = if query.due.is_some() { platform::today() } else { Day::default() };
        let (rows, completed) = if is_all {
            self.all_rows(folded)
        } else {
            let is_found = |id: &TaskId| self.is_found(*id, &query, &words, today);
            let found = |places: &[Place]| places.iter().map(|(_, id)| *id).filter(is_found).map(Row::Task).collect();
            (self.with_places(found), 0)
        };
        let found = rows.len();
        let counts = self.with_places(|places| {
            let open = places.partition_point(|(key, _)| !key.is_done());
            (open, places.len() - open)
        });
        if listing.completed.get_untracked() != completed {
            listing.completed.set(completed);
        }
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

    /// All lines of the list, and how many tasks are completed with all that is below them.
    fn all_rows(self, folded: bool) -> (Vec<Row>, usize) {
        let listing = self.listing();
        let (open, done) = self.tops();
        listing.tree.with_untracked(|tree| {
            listing.closed.with_untracked(|closed| {
                let mut rows = Vec::with_capacity(open.len() + done.len() + 1);
                let parts = self.parts(open);
                let shut = listing.headings.with_untracked(|headings| headings.shut.clone());
                let put = |rows: &mut Vec<Row>, top: &TaskId| {
                    rows.push(Row::Task(*top));
                    let below = tree.shown_below(*top, |task| closed.contains(&task));
                    rows.extend(below.into_iter().map(|(task, _)| Row::Task(task)));
                };
                for Part { head, tasks } in &parts {
                    rows.extend(head.as_ref().map(|head| Row::Head(head.key)));
                    if head.as_ref().is_none_or(|head| !shut.contains(&head.key)) {
                        tasks.iter().for_each(|top| put(&mut rows, top));
                    }
                }
                if !done.is_empty() {
                    rows.push(Row::Done);
                }
                if !folded {
                    done.iter().for_each(|top| put(&mut rows, top));
                }
                (rows, done.iter().map(|top| 1 + tree.below(*top).len()).sum())
            })
        })
    }

    /// The tasks that are subtasks of none: those that are open or have something open below them, and those that are
    /// completed with all that is below them. So nothing that is open is ever folded away among the completed.
    pub(super) fn tops(self) -> (Vec<TaskId>, Vec<TaskId>) {
        let sorting = self.listing().sorting.get_untracked();
        let ids = |places: &[Place]| places.iter().map(|(_, id)| *id).collect::<Vec<_>>();
        self.listing().tree.with_untracked(|tree| {
            self.with_places(|places| {
                let (open, done) = places.split_at(places.partition_point(|(key, _)| !key.is_done()));
                if tree.is_empty() {
                    return (ids(open), ids(done));
                }
                let is_top = |place: &&Place| tree.parent(place.1).is_none();
                let (late, done): (Vec<TaskId>, Vec<TaskId>) =
                    done.iter().filter(is_top).map(|(_, id)| *id).partition(|id| !self.open_below(*id).is_empty());
                if late.is_empty() {
                    return (open.iter().filter(is_top).map(|(_, id)| *id).collect(), done);
                }
                let mut open: Vec<Place> = open.iter().filter(is_top).cloned().collect();
                let key =
                    |id: TaskId| Some((self.task(id)?.with_untracked(|task| OrderKey::of_open(task, sorting)), id));
                replace(&mut open, Vec::new(), late.into_iter().filter_map(key).collect());
                (ids(&open), done)
            })
        })
    }

    fn is_found(self, id: TaskId, query: &Query, words: &[String], today: Day) -> bool {
        self.task(id).is_some_and(|task| {
            task.with_untracked(|task| {
                let has = |index: &mut super::find::Index| index.has(id, task, words, platform::fold);
                query.fits(task, today) && self.listing().index.try_update_value(has) == Some(true)
            })
        })
    }

    /// Has the list show a task, whatever is folded or looked for, and brings it into view. `false` if it is not there.
    pub(crate) fn reveal(self, id: TaskId) -> bool {
        if self.task(id).is_none_or(|task| task.with_untracked(|task| task.deleted)) {
            return false;
        }
        let listing = self.listing();
        untrack(|| {
            let above: Vec<TaskId> = std::iter::successors(self.parent(id), |above| self.parent(*above)).collect();
            listing.closed.update(|closed| closed.retain(|task| !above.contains(task)));
            let top = *above.last().unwrap_or(&id);
            let part = self.parts(self.tops().0).into_iter().find(|part| part.tasks.contains(&top));
            if let Some(head) = part.and_then(|part| part.head) {
                listing.headings.update(|headings| headings.shut.retain(|key| *key != head.key));
            }
            listing.folded.set(listing.folded.get() && !self.tops().1.contains(above.last().unwrap_or(&id)));
        });
        self.stop_finding();
        self.added.set(Some(id));
        true
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
}
