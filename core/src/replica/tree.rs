use crate::id::TaskId;
use crate::replica::object_state::ObjectState;
use crate::replica::work::step;
use crate::replica::{ObjectId, Replica};

/// Maximum number of levels of subtasks below a task that an edit may make. Two edits at the same time can make more, which
/// are shown.
pub const MAX_SUBTASK_LEVELS: usize = 2;

/// Which task is a subtask of which.
///
/// It follows from what is written alone, so that all devices that have the same writes show the same:
/// - a task whose parent is not there (deleted, or not known yet) is a subtask of none, until the parent is back;
/// - where tasks are written to be parts of each other in a circle, the one with the lowest id is a subtask of none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Subtask and parent, by subtask.
    parents: Vec<(TaskId, TaskId)>,
    /// The same, by parent.
    children: Vec<(TaskId, TaskId)>,
}

impl Tree {
    /// The tree of tasks and the parents that are written for them. Subtasks of one parent stay in the order in which they
    /// are `written`. Costs about as much as sorting them.
    pub fn of(written: Vec<(TaskId, TaskId)>, is_there: impl Fn(TaskId) -> bool) -> Self {
        let mut children = written;
        children.retain(|(task, parent)| is_there(*task) && is_there(*parent));
        let mut parents = children.clone();
        parents.sort_unstable();
        parents.dedup_by_key(|(task, _)| *task);
        let tops = tops_of_circles(&parents);
        let is_top = |task: &TaskId| tops.binary_search(task).is_ok();
        parents.retain(|(task, _)| !is_top(task));
        children.retain(|(task, _)| !is_top(task));
        children.sort_by_key(|(_, parent)| *parent);
        Self { parents, children }
    }

    /// Whether no task has subtasks.
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// Of which task this one is a subtask.
    pub fn parent(&self, task: TaskId) -> Option<TaskId> {
        parent_in(&self.parents, task).and_then(|at| self.parents.get(at)).map(|(_, parent)| *parent)
    }

    /// The subtasks of a task, without theirs.
    pub fn children(&self, task: TaskId) -> impl Iterator<Item = TaskId> {
        let from = self.children.partition_point(|(_, parent)| *parent < task);
        self.children.iter().skip(from).take_while(move |(_, parent)| *parent == task).map(|(child, _)| *child)
    }

    /// All tasks below a task, each before its own subtasks, with how far below it they are.
    pub fn below(&self, task: TaskId) -> Vec<(TaskId, usize)> {
        self.shown_below(task, |_| false)
    }

    /// The same without what is below tasks that are folded.
    pub fn shown_below(&self, task: TaskId, is_folded: impl Fn(TaskId) -> bool) -> Vec<(TaskId, usize)> {
        let mut below = Vec::new();
        let mut left = vec![(task, 0)];
        while let Some((task, level)) = left.pop() {
            if level > 0 {
                below.push((task, level));
            }
            if !is_folded(task) {
                let from = left.len();
                left.extend(self.children(task).map(|child| (child, level + 1)));
                left.get_mut(from..).unwrap_or_default().reverse();
            }
        }
        below
    }

    /// How many tasks are above a task, one in the other.
    pub fn level(&self, task: TaskId) -> usize {
        std::iter::successors(self.parent(task), |above| self.parent(*above)).count()
    }

    /// Whether a task can become a subtask of another one: it is no part of itself then, and no subtask is too far down.
    pub fn takes(&self, task: TaskId, parent: TaskId) -> Result<(), NoSubtask> {
        let below = self.below(task);
        if task == parent || below.iter().any(|(part, _)| *part == parent) {
            return Err(NoSubtask::OwnPart);
        }
        let height = below.iter().map(|(_, level)| *level).max().unwrap_or(0);
        if self.level(parent) + 1 + height > MAX_SUBTASK_LEVELS { Err(NoSubtask::TooDeep) } else { Ok(()) }
    }
}

/// Why a task cannot be a subtask of another one. The texts are fit for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSubtask {
    /// It would be a part of itself.
    #[error("a task cannot be a part of its own parts")]
    OwnPart,
    /// There would be too many levels.
    #[error("a task can have {MAX_SUBTASK_LEVELS} levels of subtasks at most")]
    TooDeep,
}

/// Where a task stands in a list that is sorted by subtask.
fn parent_in(parents: &[(TaskId, TaskId)], task: TaskId) -> Option<usize> {
    parents.binary_search_by_key(&task, |(task, _)| *task).ok()
}

/// Of each circle the task with the lowest id. Each task is walked over twice at most.
fn tops_of_circles(parents: &[(TaskId, TaskId)]) -> Vec<TaskId> {
    let mut walked_in = vec![0_usize; parents.len()];
    let mut tops = Vec::new();
    let above = |at: usize| parents.get(at).and_then(|(_, parent)| parent_in(parents, *parent));
    for walk in 1..=parents.len() {
        let mut next = Some(walk - 1);
        while let Some(at) = next {
            step(1);
            match walked_in.get_mut(at) {
                Some(walked @ 0) => *walked = walk,
                Some(walked) if *walked == walk => {
                    let circle = std::iter::successors(above(at), |other| above(*other).filter(|_| *other != at));
                    tops.extend(circle.filter_map(|other| parents.get(other)).map(|(task, _)| *task).min());
                    break;
                }
                _ => break,
            }
            next = above(at);
        }
    }
    tops.sort_unstable();
    tops
}

impl Replica {
    /// Which of the tasks that are not deleted is a subtask of which.
    pub fn tree(&self) -> Tree {
        let alive = |state: &ObjectState| !state.is_empty() && state.deletion(&self.writes).is_none();
        let written = self.objects.iter().filter_map(|(object, state)| match object {
            ObjectId::Task(task) if alive(state) => Some((*task, state.parent(&self.writes)?)),
            _ => None,
        });
        let written: Vec<_> = written.collect();
        Tree::of(written, |task| self.objects.get(&ObjectId::Task(task)).is_some_and(alive))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> TaskId {
        TaskId::from_random_bytes([number; 16])
    }

    fn tree(written: &[(u8, u8)]) -> Tree {
        Tree::of(written.iter().map(|(task, parent)| (id(*task), id(*parent))).collect(), |task| task != id(99))
    }

    #[test]
    fn subtasks_are_below_their_parent() {
        let tree = tree(&[(3, 1), (2, 1), (4, 3), (5, 99)]);
        assert_eq!(tree.children(id(1)).collect::<Vec<_>>(), [id(3), id(2)]);
        assert_eq!(tree.below(id(1)), [(id(3), 1), (id(4), 2), (id(2), 1)]);
        assert_eq!(tree.shown_below(id(1), |task| task == id(3)), [(id(3), 1), (id(2), 1)]);
        assert_eq!([1, 2, 3, 4, 5].map(|task| tree.level(id(task))), [0, 1, 1, 2, 0]);
        assert_eq!(tree.parent(id(5)), None, "its parent is not there");
    }

    #[test]
    fn circles_are_cut_at_the_lowest_id() {
        let two = tree(&[(1, 2), (2, 1)]);
        assert_eq!((two.parent(id(1)), two.parent(id(2))), (None, Some(id(1))));
        let own = tree(&[(1, 1)]);
        assert!(own.is_empty());
        // One that hangs on a circle stays where it is.
        let hanging = tree(&[(4, 2), (2, 3), (3, 1), (1, 2)]);
        assert_eq!([1, 2, 3, 4].map(|task| hanging.parent(id(task))), [None, Some(id(3)), Some(id(1)), Some(id(2))]);
    }

    #[test]
    fn what_would_be_too_deep_or_round_is_refused() {
        let tree = tree(&[(2, 1), (3, 2), (5, 4)]);
        assert_eq!(tree.takes(id(9), id(2)), Ok(()));
        assert_eq!(tree.takes(id(9), id(3)), Err(NoSubtask::TooDeep));
        assert_eq!(tree.takes(id(4), id(2)), Err(NoSubtask::TooDeep));
        assert_eq!(tree.takes(id(4), id(9)), Ok(()));
        assert_eq!(tree.takes(id(1), id(3)), Err(NoSubtask::OwnPart));
        assert_eq!(tree.takes(id(1), id(1)), Err(NoSubtask::OwnPart));
    }

    /// The same, said simply: each task walks up until it is at the top, or meets itself.
    fn oracle(written: &HashMap<u8, u8>, there: &[u8]) -> HashMap<u8, u8> {
        let up = |task: u8| written.get(&task).copied().filter(|parent| there.contains(parent));
        let is_cut = |task: u8| {
            let mut circle = Vec::new();
            let mut at = up(task);
            while let Some(other) = at.filter(|other| !circle.contains(other)) {
                circle.push(other);
                at = up(other);
            }
            circle.contains(&task) && id(task) == circle.iter().map(|other| id(*other)).min().unwrap()
        };
        there.iter().filter(|task| !is_cut(**task)).filter_map(|task| Some((*task, up(*task)?))).collect()
    }

    proptest! {
        #[test]
        fn any_writes_make_one_tree(
            written in proptest::collection::hash_map(0_u8..24, 0_u8..24, 0..24),
            there in proptest::collection::btree_set(0_u8..24, 0..24),
        ) {
            let there: Vec<u8> = there.into_iter().collect();
            let links = |order: &mut dyn Iterator<Item = (&u8, &u8)>| {
                order.map(|(task, parent)| (id(*task), id(*parent))).collect::<Vec<_>>()
            };
            let is_there = |task: TaskId| there.iter().any(|number| id(*number) == task);
            let tree = Tree::of(links(&mut written.iter()), is_there);
            let wanted = oracle(&written, &there);
            for task in 0..24 {
                prop_assert_eq!(tree.parent(id(task)), wanted.get(&task).copied().map(id), "{}", task);
            }
            // Every task is below exactly one that is a subtask of none.
            let tops = there.iter().filter(|task| tree.parent(id(**task)).is_none());
            let mut all: Vec<TaskId> =
                tops.flat_map(|top| [id(*top)].into_iter().chain(tree.below(id(*top)).into_iter().map(|(task, _)| task))).collect();
            all.sort_unstable();
            let mut wanted: Vec<TaskId> = there.iter().map(|task| id(*task)).collect();
            wanted.sort_unstable();
            prop_assert_eq!(all, wanted);
            // Whoever tells it, in whichever order.
            let mut sorted: Vec<(&u8, &u8)> = written.iter().collect();
            sorted.sort_unstable();
            let again = Tree::of(links(&mut sorted.into_iter()), is_there);
            prop_assert_eq!(again.parents, tree.parents);
        }
    }
}
