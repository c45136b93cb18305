use std::collections::{HashSet, VecDeque};

use leptos::prelude::*;
use partyline_core::id::{RoomId, TaskId};
use partyline_core::replica::Tree;

use super::find::{Index, Query};
use super::group::{Grouping, Headings};
use super::moves::Step;
use super::order::Sorting;
use crate::platform;

/// How a room's list is shown on this device, and what is looked for in it. A copyable handle.
#[derive(Clone, Copy)]
pub(crate) struct Listing {
    /// By what the open tasks are sorted.
    pub(crate) sorting: RwSignal<Sorting>,
    /// Whether the completed ones are folded away.
    pub(crate) folded: RwSignal<bool>,
    /// How many tasks are below the line that folds the completed ones.
    pub(crate) completed: RwSignal<usize>,
    /// Which task is a subtask of which.
    pub(crate) tree: RwSignal<Tree>,
    /// The tasks whose subtasks are folded away.
    pub(crate) closed: RwSignal<HashSet<TaskId>>,
    /// The headings, and which sections there are.
    pub(crate) headings: RwSignal<Headings>,
    /// Whether the field for finding is there.
    pub(crate) finding: RwSignal<bool>,
    /// What is looked for.
    pub(crate) query: RwSignal<Query>,
    /// How many tasks were found.
    pub(crate) found: RwSignal<usize>,
    /// How many tasks there are in all, open and done.
    pub(crate) counts: RwSignal<(usize, usize)>,
    /// The task that was moved last from this page, and where it stands now: its place, from 1, among so many.
    pub(crate) moved: RwSignal<Option<(TaskId, usize, usize)>>,
    /// The tasks that are chosen, to be changed together.
    pub(crate) chosen: RwSignal<HashSet<TaskId>>,
    /// From where to where the range goes that grows and shrinks while they are.
    pub(crate) range: (RwSignal<Option<TaskId>>, RwSignal<Option<TaskId>>),
    /// How often the filters were changed that this device keeps for the room.
    pub(crate) filters_changed: RwSignal<usize>,
    pub(super) index: StoredValue<Index>,
    /// Whether any task says that it is a part of another one.
    pub(super) nested: StoredValue<bool>,
    /// Moves that are not done yet, and whether one is under way.
    pub(super) moves: StoredValue<(VecDeque<(TaskId, Step)>, bool)>,
}

/// One line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// A task.
    Task(TaskId),
    /// A heading, by its key.
    Head(u64),
    /// What folds the completed tasks away, above the first of them.
    Done,
}

impl Row {
    /// The task, if it is one.
    pub(crate) fn task(self) -> Option<TaskId> {
        match self {
            Self::Task(id) => Some(id),
            Self::Head(_) | Self::Done => None,
        }
    }

    /// What tells it from the other lines.
    pub(crate) fn key(self) -> String {
        match self {
            Self::Task(id) => id.to_string(),
            Self::Head(key) => key.to_string(),
            Self::Done => "done".to_owned(),
        }
    }
}

impl Listing {
    /// Own order, and nothing is looked for.
    pub(crate) fn new() -> Self {
        Self {
            sorting: RwSignal::new(Sorting::Own),
            folded: RwSignal::new(false),
            completed: RwSignal::new(0),
            tree: RwSignal::new(Tree::default()),
            closed: RwSignal::new(HashSet::new()),
            headings: RwSignal::new(Headings::default()),
            finding: RwSignal::new(false),
            query: RwSignal::new(Query::default()),
            found: RwSignal::new(0),
            counts: RwSignal::new((0, 0)),
            moved: RwSignal::new(None),
            chosen: RwSignal::new(HashSet::new()),
            range: (RwSignal::new(None), RwSignal::new(None)),
            filters_changed: RwSignal::new(0),
            index: StoredValue::new(Index::default()),
            nested: StoredValue::new(false),
            moves: StoredValue::new((VecDeque::new(), false)),
        }
    }

    /// What this device remembers of the room's list.
    pub(super) fn recall(self, room: RoomId) {
        if let Some(text) = platform::remembered(&listing_key(room)) {
            let mut words = text.split(' ');
            self.sorting.set(Sorting::parse(words.next().unwrap_or_default()));
            self.folded.set(words.clone().any(|word| word == FOLDED));
            let grouping = words.clone().find_map(|word| word.strip_prefix(GROUPED)).unwrap_or_default();
            let shut = words.clone().filter_map(|word| word.strip_prefix(SHUT)?.parse().ok()).collect();
            self.headings.update(|headings| {
                headings.grouping = Grouping::parse(grouping);
                headings.shut = shut;
            });
            self.closed.set(words.filter_map(|word| TaskId::parse(word).ok()).collect());
        }
    }

    /// Has this device remember it.
    pub(super) fn keep(self, room: RoomId) {
        let mut words = vec![self.sorting.get_untracked().word().to_owned()];
        words.extend(self.folded.get_untracked().then(|| FOLDED.to_owned()));
        self.headings.with_untracked(|Headings { grouping, heads, shut, .. }| {
            words.extend((*grouping != Grouping::Section).then(|| format!("{GROUPED}{}", grouping.word())));
            let is_head = |key: &&u64| heads.iter().any(|head| head.key == **key);
            words.extend(shut.iter().filter(is_head).map(|key| format!("{SHUT}{key}")));
        });
        let is_parent = |task: &&TaskId| self.tree.with_untracked(|tree| tree.children(**task).next().is_some());
        self.closed.with_untracked(|closed| words.extend(closed.iter().filter(is_parent).map(TaskId::to_string)));
        platform::remember(&listing_key(room), &words.join(" "));
    }
}

/// Stands for the completed tasks being folded away.
const FOLDED: &str = "folded";
/// Stands before the word for what the headings are.
const GROUPED: &str = "by:";
/// Stands before the key of a heading below which all is folded away.
const SHUT: &str = "shut:";

/// Under this key the browser keeps how a room's list is shown.
pub(crate) fn listing_key(room: RoomId) -> String {
    format!("partyline:listing:{room}")
}

/// Under this key it keeps filters of the room under names.
pub(crate) fn filters_key(room: RoomId) -> String {
    format!("partyline:filters:{room}")
}
