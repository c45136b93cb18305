//! Subtasks: which there are is derived from what all tasks say.

use leptos::prelude::*;
use partyline_core::api::{TaskDocument, TaskStatus};
use partyline_core::id::TaskId;
use partyline_core::replica::{MAX_SUBTASK_LEVELS, Tree};

use super::find::words;
use super::listing::Listing;
use super::room::Room;
use crate::platform;

impl Listing {
    /// Whether any task is, or was, a subtask, now that these were read.
    pub(super) fn has_subtasks(self, read: &[TaskDocument]) -> bool {
        let has = |known: &mut bool| {
            *known = *known || read.iter().any(|task| task.parent.is_some());
            *known
        };
        self.nested.try_update_value(has) == Some(true)
    }
}

impl Room {
    /// Derives which task is a subtask of which. Those of one task are in the order of the list.
    pub(super) fn grow_tree(self) {
        let tree = self.with_tasks(|tasks| {
            let link = |(id, task): (&TaskId, &ArcRwSignal<TaskDocument>)| {
                task.with_untracked(|task| {
                    let parent = TaskId::parse(task.parent.as_deref()?).ok()?;
                    Some((task.position.clone(), *id, parent))
                })
            };
            let mut written: Vec<_> = tasks.iter().filter_map(link).collect();
            written.sort_unstable();
            let is_there = |id| tasks.get(&id).is_some_and(|task| task.with_untracked(|task| !task.deleted));
            Tree::of(written.into_iter().map(|(_, task, parent)| (task, parent)).collect(), is_there)
        });
        if self.listing().tree.with_untracked(|known| *known != tree) {
            self.listing().tree.set(tree);
        }
    }

    /// Of which task this one is a subtask.
    pub(crate) fn parent(self, id: TaskId) -> Option<TaskId> {
        self.listing().tree.with(|tree| tree.parent(id))
    }

    /// The subtasks of a task, without theirs.
    pub(crate) fn subtasks(self, id: TaskId) -> Vec<TaskId> {
        self.listing().tree.with(|tree| tree.children(id).collect())
    }

    /// All tasks below a task.
    pub(crate) fn below(self, id: TaskId) -> Vec<TaskId> {
        self.listing().tree.with(|tree| tree.below(id).into_iter().map(|(task, _)| task).collect())
    }

    /// How many of the tasks below a task are done, and how many there are.
    pub(crate) fn progress(self, id: TaskId) -> Option<(usize, usize)> {
        let below = self.below(id);
        let is_done =
            |id: &&TaskId| self.task(**id).is_some_and(|task| task.with(|task| task.status == TaskStatus::Done));
        (!below.is_empty()).then(|| (below.iter().filter(is_done).count(), below.len()))
    }

    /// Below how many tasks the list shows a task. What is found stands by itself.
    pub(crate) fn level(self, id: TaskId) -> usize {
        if self.is_finding() { 0 } else { self.listing().tree.with(|tree| tree.level(id)) }
    }

    /// The title of the task that one which is found is a subtask of, which may not be on the page.
    pub(crate) fn part_of(self, id: TaskId) -> Option<String> {
        let above = self.parent(id).filter(|_| self.is_finding()).and_then(|parent| self.task(parent))?;
        Some(above.with(|task| task.title.clone()))
    }

    /// Whether the subtasks of a task are folded away; `None` if it has none, or what is found is shown.
    pub(crate) fn is_closed(self, id: TaskId) -> Option<bool> {
        let has_any = !self.is_finding() && self.listing().tree.with(|tree| tree.children(id).next().is_some());
        has_any.then(|| self.listing().closed.with(|closed| closed.contains(&id)))
    }

    fn is_finding(self) -> bool {
        self.listing().query.with(|query| !query.is_empty())
    }

    /// Whether the task can have subtasks: it is not too far down.
    pub(crate) fn can_have_subtasks(self, id: TaskId) -> bool {
        self.listing().tree.with(|tree| tree.level(id) < MAX_SUBTASK_LEVELS)
    }

    /// Folds the subtasks of a task away or shows them, and remembers that.
    pub(crate) fn fold_subtasks(self, id: TaskId, is_closed: bool) {
        self.listing().closed.update(|closed| {
            if is_closed {
                closed.insert(id)
            } else {
                closed.remove(&id)
            };
        });
        self.listing().keep(self.id);
        self.arrange();
    }

    /// The open tasks below a task.
    pub(super) fn open_below(self, id: TaskId) -> Vec<TaskId> {
        let below = self.listing().tree.with_untracked(|tree| tree.below(id));
        let open = below.into_iter().map(|(task, _)| task);
        let is_open = |id: &TaskId| {
            self.task(*id).is_some_and(|task| task.with_untracked(|task| task.status != TaskStatus::Done))
        };
        open.filter(is_open).collect()
    }

    /// The title of each task that is not deleted, in the order of the list.
    pub(crate) fn titles(self) -> Vec<(TaskId, String)> {
        self.with_places(|places| places.iter().map(|(_, task)| (*task, self.title(*task))).collect())
    }

    /// The first of the open tasks that all of these can be put under and that have these words in their title, as they stand in
    /// the list.
    pub(crate) fn possible_parents(self, tasks: &[TaskId], typed: &str, most: usize) -> Vec<(TaskId, String)> {
        let words = words(typed, platform::fold);
        self.listing().tree.with_untracked(|tree| {
            self.with_places(|places| {
                let open = places.iter().take_while(|(key, _)| !key.is_done()).map(|(_, task)| *task);
                let takes = |parent: &TaskId| {
                    tasks.iter().all(|task| tree.parent(*task) != Some(*parent) && tree.takes(*task, *parent).is_ok())
                };
                let possible = open.filter(takes);
                let named = possible.map(|task| (task, self.title(task)));
                let is_found = |(_, title): &(TaskId, String)| {
                    let title = platform::fold(title);
                    words.iter().all(|word| title.contains(word.as_str()))
                };
                named.filter(is_found).take(most).collect()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use leptos::reactive::owner::Owner;
    use partyline_core::id::RoomId;
    use proptest::prelude::*;

    use super::*;
    use crate::model::fixture::task;
    use crate::model::listing::Row;
    use crate::model::notice::Notices;

    fn id(number: u8) -> TaskId {
        TaskId::from_random_bytes([number; 16])
    }

    /// A task that stands where its number says.
    fn numbered(number: u8, parent: Option<u8>, done: bool) -> TaskDocument {
        TaskDocument {
            id: id(number).to_string(),
            position: format!("{:02x}80", 0x40 + number),
            parent: parent.map(|parent| id(parent).to_string()),
            status: if done { TaskStatus::Done } else { TaskStatus::Open },
            // All were completed in the same moment, so that their ids decide.
            ..task(&number.to_string())
        }
    }

    fn room() -> Room {
        Room::new(RoomId::from_random_bytes([7; 16]), String::new(), Notices::new())
    }

    fn lines(room: Room) -> Vec<String> {
        let line = |row: &Row| match row {
            Row::Done | Row::Head(_) => "done".to_owned(),
            Row::Task(id) => format!("{}{}", "·".repeat(room.level(*id)), room.title(*id)),
        };
        untrack(|| room.order.with_untracked(|order| order.rows.iter().map(line).collect()))
    }

    #[test]
    fn a_parent_that_comes_back_has_its_subtasks_again() {
        let owner = Owner::new();
        owner.set();
        let room = room();
        let deleted = |task: TaskDocument| TaskDocument { deleted: true, ..task };
        room.show(vec![numbered(1, None, false), numbered(2, Some(1), false), numbered(3, Some(2), true)], true);
        assert_eq!(lines(room), ["1", "·2", "··3"]);
        assert_eq!(untrack(|| room.progress(id(1))), Some((1, 2)));
        room.show(vec![deleted(numbered(1, None, false))], false);
        assert_eq!(lines(room), ["2", "·3"]);
        // A device that has never read the parent shows the same.
        let other = Room::new(RoomId::from_random_bytes([8; 16]), String::new(), Notices::new());
        other.show(vec![numbered(2, Some(1), false), numbered(3, Some(2), true)], true);
        assert_eq!(lines(other), ["2", "·3"]);
        other.show(vec![numbered(1, None, false)], false);
        room.show(vec![numbered(1, None, false)], false);
        assert_eq!((lines(room), lines(other)), (vec!["1".into(), "·2".into(), "··3".into()], lines(room)));
    }

    #[test]
    fn what_is_found_stands_by_itself_and_says_what_it_is_a_part_of() {
        let owner = Owner::new();
        owner.set();
        let room = room();
        room.show(vec![numbered(1, None, false), numbered(2, Some(1), false)], true);
        room.listing().closed.set(HashSet::from([id(1)]));
        room.find(|query| query.status = Some(TaskStatus::Open));
        assert_eq!(lines(room), ["1", "2"]);
        assert_eq!(untrack(|| room.part_of(id(2))), Some("1".to_owned()));
        room.find(|query| query.status = None);
        assert_eq!(lines(room), ["1"], "its subtasks are folded away");
    }

    #[test]
    fn a_subtask_is_moved_among_its_own() {
        let owner = Owner::new();
        owner.set();
        let room = room();
        let parents = [None, Some(0), None, Some(0), Some(3)];
        let all = (0..5).zip(parents).map(|(number, parent)| numbered(number, parent, number == 3)).collect();
        room.show(all, true);
        let beside = |number| untrack(|| room.beside(id(number)));
        assert_eq!(beside(3), [id(1), id(3)]);
        assert_eq!(beside(4), [id(4)]);
        assert_eq!(beside(0), [id(0), id(2)]);
        assert!(untrack(|| room.can_move(id(3))), "done, and in its place");
    }

    /// The lines, said simply: whoever is below nobody, each followed by what is below it.
    fn oracle(tasks: &[(Option<u8>, bool, bool)], closed: &HashSet<u8>, folded: bool) -> Vec<String> {
        let number = |at: usize| u8::try_from(at).unwrap();
        let is_there = |at: u8| tasks.get(usize::from(at)).is_some_and(|(.., deleted)| !deleted);
        let written = |at: u8| tasks[usize::from(at)].0.filter(|parent| is_there(*parent));
        let parent = |at: u8| {
            let (mut path, mut next) = (vec![at], written(at));
            while let Some(above) = next.filter(|above| !path.contains(above)) {
                path.push(above);
                next = written(above);
            }
            let is_round = next == Some(at) && id(at) == path.iter().map(|other| id(*other)).min().unwrap();
            written(at).filter(|_| !is_round)
        };
        let all: Vec<u8> = (0..tasks.len()).map(number).filter(|at| is_there(*at)).collect();
        let children = |at: u8| all.iter().copied().filter(move |child| parent(*child) == Some(at)).collect::<Vec<_>>();
        fn put(lines: &mut Vec<String>, at: u8, level: usize, below: &dyn Fn(u8) -> Vec<u8>) {
            lines.push(format!("{}{at}", "·".repeat(level)));
            below(at).into_iter().for_each(|child| put(lines, child, level + 1, below));
        }
        fn is_open(at: u8, tasks: &[(Option<u8>, bool, bool)], children: &dyn Fn(u8) -> Vec<u8>) -> bool {
            !tasks[usize::from(at)].1 || children(at).into_iter().any(|child| is_open(child, tasks, children))
        }
        let shown = |at: u8| if closed.contains(&at) { Vec::new() } else { children(at) };
        let tops = all.iter().copied().filter(|at| parent(*at).is_none());
        let (open, mut done): (Vec<u8>, Vec<u8>) = tops.partition(|at| is_open(*at, tasks, &children));
        let mut lines = Vec::new();
        open.into_iter().for_each(|at| put(&mut lines, at, 0, &shown));
        if !done.is_empty() {
            lines.push("done".to_owned());
            done.sort_by_key(|at| id(*at));
            done.into_iter().filter(|_| !folded).for_each(|at| put(&mut lines, at, 0, &shown));
        }
        lines
    }

    proptest! {
        #[test]
        fn any_tasks_in_any_order_make_the_same_list(
            tasks in proptest::collection::vec((proptest::option::of(0_u8..14), any::<bool>(), proptest::bool::weighted(0.2)), 1..14),
            closed in proptest::collection::hash_set(0_u8..14, 0..4),
            folded: bool,
            order in Just((0_u8..14).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let owner = Owner::new();
            owner.set();
            let room = room();
            room.listing().closed.set(closed.iter().map(|at| id(*at)).collect());
            room.listing().folded.set(folded);
            let document = |at: u8| {
                let (parent, done, deleted) = *tasks.get(usize::from(at))?;
                Some(TaskDocument { deleted, ..numbered(at, parent, done) })
            };
            let documents: Vec<_> = order.iter().filter_map(|at| document(*at)).collect();
            // First alive, without parents; then as they are, a few at a time.
            let plain = |task: &TaskDocument| TaskDocument { deleted: false, parent: None, ..task.clone() };
            room.show(documents.iter().map(plain).collect(), true);
            documents.chunks(3).for_each(|some| room.show(some.to_vec(), false));
            prop_assert_eq!(lines(room), oracle(&tasks, &closed, folded));
        }
    }
}
