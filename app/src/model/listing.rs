use std::collections::VecDeque;

use leptos::prelude::*;
use partyline_core::id::{RoomId, TaskId};

use super::find::{Index, Query};
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
    pub(super) index: StoredValue<Index>,
    /// Moves that are not done yet, and whether one is under way.
    pub(super) moves: StoredValue<(VecDeque<(TaskId, Step)>, bool)>,
}

/// One line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// A task.
    Task(TaskId),
    /// What folds the completed tasks away, above the first of them.
    Done,
}

impl Row {
    /// The task, if it is one.
    pub(crate) fn task(self) -> Option<TaskId> {
        match self {
            Self::Task(id) => Some(id),
            Self::Done => None,
        }
    }

    /// What tells it from the other lines.
    pub(crate) fn key(self) -> String {
        self.task().map_or_else(|| "done".to_owned(), |id| id.to_string())
    }
}

impl Listing {
    /// Own order, and nothing is looked for.
    pub(crate) fn new() -> Self {
        Self {
            sorting: RwSignal::new(Sorting::Own),
            folded: RwSignal::new(false),
            finding: RwSignal::new(false),
            query: RwSignal::new(Query::default()),
            found: RwSignal::new(0),
            counts: RwSignal::new((0, 0)),
            moved: RwSignal::new(None),
            index: StoredValue::new(Index::default()),
            moves: StoredValue::new((VecDeque::new(), false)),
        }
    }

    /// What this device remembers of the room's list.
    pub(super) fn recall(self, room: RoomId) {
        if let Some(text) = platform::remembered(&listing_key(room)) {
            let (sorting, folded) = text.split_once(' ').unwrap_or((&text, ""));
            self.sorting.set(Sorting::parse(sorting));
            self.folded.set(folded == "folded");
        }
    }

    /// Has this device remember it.
    pub(super) fn keep(self, room: RoomId) {
        let folded = if self.folded.get_untracked() { "folded" } else { "" };
        platform::remember(&listing_key(room), &format!("{} {folded}", self.sorting.get_untracked().word()));
    }
}

/// Under this key the browser keeps how a room's list is shown.
pub(crate) fn listing_key(room: RoomId) -> String {
    format!("partyline:listing:{room}")
}
