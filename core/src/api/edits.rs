use serde::{Deserialize, Serialize};

use super::{NewTask, Problem, TaskPatch};

/// Most edits in one [`Edits`].
pub const MAX_EDITS: usize = 1_000;

/// Body of `POST …/edits`: edits of tasks, made one after the other. Those that are not refused are stored together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edits {
    /// At most [`MAX_EDITS`].
    pub edits: Vec<TaskEdit>,
}

/// One of [`Edits`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TaskEdit {
    /// Adds a task. One that is there already, by its id, is left as it is: the request was sent before.
    Add(Box<NewTask>),
    /// Changes the task that the patch names.
    Patch(Box<TaskPatch>),
}

/// What became of [`Edits`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// Those that were not made. All others were, or had been before.
    pub refused: Vec<Refused>,
}

/// An edit that was not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Which of the edits, from 0 on.
    pub edit: usize,
    /// Why.
    pub problem: Problem,
}
