use crate::id::{DeviceId, TaskId};

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// The room itself: its name.
    Room,
    /// A device in the room: its name.
    Device(DeviceId),
    /// A task.
    Task(TaskId),
}
