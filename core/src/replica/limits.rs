//! How large things may get. What is larger is refused, never cut short: a truncated value would differ from the one
//! that others hold.

/// Maximum bytes of the name of a room, a device or a section.
pub const MAX_NAME: usize = 128;
/// Maximum bytes of a task's title.
pub const MAX_TITLE: usize = 1024;
/// Maximum bytes of a task's notes.
pub const MAX_NOTES: usize = 16 * 1024;
/// Maximum bytes of an assignee.
pub const MAX_ASSIGNEE: usize = 128;
/// Maximum bytes of the reason why a task is blocked.
pub const MAX_REASON: usize = 256;
/// Maximum bytes of a comment.
pub const MAX_COMMENT: usize = 4 * 1024;
/// Maximum lines of a comment.
pub const MAX_COMMENT_LINES: usize = 200;
/// Maximum bytes of a label.
pub const MAX_LABEL: usize = 64;
/// Maximum labels that an edit may leave on a task. (Concurrent edits may add up to more.)
pub const MAX_LABELS: usize = 64;
/// Maximum elements of an object's sets that are kept, removed ones included. Of more, the latest are kept.
pub const MAX_ELEMENTS: usize = 256;
/// Maximum additions of one element, by as many devices, that are kept. Of more, the latest are kept.
pub const MAX_ADDITIONS: usize = 64;
/// Maximum bytes of a position.
pub const MAX_POSITION: usize = 64;
/// Maximum bytes of any value: what a later version may write and this one passes on.
pub const MAX_VALUE: usize = 64 * 1024;
/// Maximum operations in a change.
pub const MAX_OPS: usize = 256;
/// Maximum changes in a batch.
pub const MAX_CHANGES: usize = 65_536;
/// Maximum operations in a batch.
pub const MAX_BATCH_OPS: usize = 1 << 18;
/// Maximum devices in a version vector.
pub const MAX_DEVICES: usize = 4096;
/// The highest number of a change: exact in JavaScript, and out of reach of honest counting.
pub const MAX_SEQ: u64 = (1 << 53) - 1;
/// Maximum changes that are held back because they are dated too far ahead. Of more, those that are the furthest ahead are
/// refused.
pub const MAX_HELD: usize = 1 << 14;
/// Days that the values of a deleted task are kept.
pub const TRASH_DAYS: u64 = 30;
