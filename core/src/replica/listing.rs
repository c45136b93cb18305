use crate::id::TaskId;
use crate::replica::work::step;
use crate::replica::{ObjectId, Position, Replica, Task};

/// Which tasks of a room to list, and in what order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Those that are not deleted, by position and then id.
    Alive,
    /// Those in the trash, by position and then id: they are deleted, and something is left of
    /// them.
    Deleted,
    /// Those of which anything was written since the replica's [cursor](Replica::cursor) was this,
    /// deleted ones included, by id. All of them if it never was.
    Since(u64),
}

impl Replica {
    /// Returns at most `limit` of the tasks in a list, from behind the task `after`, which stood at
    /// that position; it need not stand there any more. Costs about as much as looking at each task
    /// once.
    pub fn list(&self, listing: Listing, after: Option<(&Position, TaskId)>, limit: usize) -> Vec<TaskId> {
        let unplaced = Position::default();
        let mut listed = match listing {
            Listing::Alive => self.listed(false, &unplaced),
            Listing::Deleted => self.listed(true, &unplaced),
            Listing::Since(cursor) => self.touched_since(cursor, &unplaced),
        };
        let after = after.map(|(position, task)| match listing {
            Listing::Alive | Listing::Deleted => (position, task),
            Listing::Since(_) => (&unplaced, task),
        });
        if let Some(after) = after {
            listed.retain(|task| *task > after);
        }
        if limit < listed.len() {
            listed.select_nth_unstable(limit);
            listed.truncate(limit);
        }
        listed.sort_unstable();
        listed.into_iter().map(|(_, task)| task).collect()
    }

    /// The tasks that are not deleted, by position and then id.
    pub fn tasks(&self) -> Vec<Task> {
        self.tasks_of(Listing::Alive)
    }

    /// What is in the trash: the tasks that are deleted and of which something is left, by position
    /// and then id.
    pub fn deleted_tasks(&self) -> Vec<Task> {
        self.tasks_of(Listing::Deleted)
    }

    /// The tasks of which anything was written since the replica's [cursor](Self::cursor) was
    /// `cursor`, deleted ones included, by id. All of them if it never was.
    pub fn tasks_since(&self, cursor: u64) -> Vec<Task> {
        self.tasks_of(Listing::Since(cursor))
    }

    fn tasks_of(&self, listing: Listing) -> Vec<Task> {
        self.list(listing, None, usize::MAX).into_iter().filter_map(|task| self.task(task)).collect()
    }

    /// The tasks of which anything was written, each once, all at one place: what counts is the id.
    fn touched_since<'a>(&'a self, cursor: u64, unplaced: &'a Position) -> Vec<(&'a Position, TaskId)> {
        let cursor = self.known_cursor(Some(cursor));
        let tasks = self.writes.since(cursor).filter_map(|write| match write.object {
            ObjectId::Task(task) => Some((unplaced, task)),
            other @ ObjectId::Other(_) => {
                self.replaced_task(other).or_else(|| self.commented_task(other)).map(|task| (unplaced, task))
            }
            ObjectId::Room | ObjectId::Device(_) => None,
        });
        let mut touched: Vec<_> = tasks.collect();
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// The tasks that are deleted, or those that are not, with their positions, in no order.
    pub(crate) fn listed<'a>(&'a self, is_deleted: bool, unplaced: &'a Position) -> Vec<(&'a Position, TaskId)> {
        step(self.objects.len());
        let tasks = self.objects.iter().filter_map(|(object, state)| match object {
            ObjectId::Task(task) => Some((state, *task)),
            ObjectId::Room | ObjectId::Device(_) | ObjectId::Other(_) => None,
        });
        let listed = tasks.filter(|(state, _)| {
            !state.is_empty()
                && state.deletion(&self.writes).is_some() == is_deleted
                && (!is_deleted || state.has_title(&self.writes))
        });
        listed.map(|(state, task)| (state.position(&self.writes).unwrap_or(unplaced), task)).collect()
    }
}
