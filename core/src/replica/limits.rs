//! How large things may get. What is larger is refused, never cut short: a truncated value would differ from the one
//! that others hold.

/// Bytes of a room's or a device's name.
pub const MAX_NAME: usize = 128;
/// Bytes of a task's title.
pub const MAX_TITLE: usize = 1024;
/// Bytes of a task's notes.
pub const MAX_NOTES: usize = 16 * 1024;
/// Bytes of an assignee.
pub const MAX_ASSIGNEE: usize = 128;
/// Bytes of a label.
pub const MAX_LABEL: usize = 64;
/// Labels that an edit may leave on a task. (Concurrent edits may add up to more.)
pub const MAX_LABELS: usize = 64;
/// Bytes of a position.
pub const MAX_POSITION: usize = 256;
/// Operations in a change.
pub const MAX_OPS: usize = 256;
/// Changes in a batch.
pub const MAX_CHANGES: usize = 65_536;
/// Devices in a version vector.
pub const MAX_DEVICES: usize = 4096;
/// The highest number of a change: exact in JavaScript, and out of reach of honest counting.
pub const MAX_SEQ: u64 = (1 << 53) - 1;
