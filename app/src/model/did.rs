//! What a person did in a room, as far as it takes to take it back. Kept in memory, for as long as the page is there.
//!
//! Taking back is [`undo`](super::undo), which is loaded later; this is what it needs to have been noted by then.

use std::sync::Arc;

use futures::channel::oneshot;
use partyline_core::api::{TaskDocument, TaskPatch};

/// Maximum number of actions that are kept of a room.
const MOST: usize = 50;

/// What was written to one task.
#[derive(Clone)]
pub(crate) struct Written {
    /// How the task was before.
    pub(crate) before: TaskDocument,
    /// Which fields of it were written.
    pub(crate) patch: TaskPatch,
    /// How it was right after.
    pub(crate) after: TaskDocument,
}

/// Something that is done besides, by a function.
pub(crate) type Act = Arc<dyn Fn() + Send + Sync>;

/// One action.
pub(crate) struct Did {
    /// Which one: later ones have higher numbers, in whichever room.
    pub(crate) number: u64,
    /// What it wrote: all of it once it is not under way any more.
    pub(crate) tasks: Vec<Written>,
    /// What takes back what it did besides, and what does that again.
    pub(crate) besides: Option<(Act, Act)>,
    /// What it was, in words, if that is known.
    pub(crate) words: String,
    /// Ends when it is written, well or not.
    pub(crate) under_way: Option<oneshot::Receiver<()>>,
}

/// The actions of a person in a room.
#[derive(Default)]
pub(crate) struct History {
    /// What can be taken back.
    pub(crate) done: Vec<Did>,
    /// What took something back, and can be taken back itself; the latest last.
    pub(crate) undone: Vec<Did>,
}

impl History {
    /// Begins the action of a number. What was taken back before can be done again no more.
    pub(crate) fn begin(&mut self, number: u64, under_way: Option<oneshot::Receiver<()>>) {
        self.undone.clear();
        if self.done.len() == MOST {
            self.done.remove(0);
        }
        self.done.push(Did { number, tasks: Vec::new(), besides: None, words: String::new(), under_way });
    }

    /// The action of a number, unless it is taken back or too long ago.
    pub(crate) fn find(&mut self, number: u64) -> Option<&mut Did> {
        self.done.iter_mut().find(|did| did.number == number)
    }
}
