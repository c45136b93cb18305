use crate::replica::{MAX_OPS, MAX_SEQ};

/// Why a change cannot be one of an honest device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedChange {
    /// It does nothing.
    #[error("a change must set something")]
    Empty,
    /// It has more than [`MAX_OPS`] operations.
    #[error("a change may set at most {MAX_OPS} things")]
    TooManyOps,
    /// It sets a register twice.
    #[error("a change may set a field once")]
    Repeated,
    /// It sets a field that the object does not have.
    #[error("a room and a device have a name only, and a task has none")]
    ForeignField,
    /// A text is over its limit.
    #[error("the {what} is too long: the limit is {max} bytes")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// The limit in bytes.
        max: usize,
    },
    /// A label without text.
    #[error("a label must not be empty")]
    EmptyLabel,
    /// The change's number is 0 or over [`MAX_SEQ`].
    #[error("a change is numbered from 1 to {MAX_SEQ}")]
    Seq,
    /// The stamp is another device's, or a time is after the year 9999.
    #[error("a change is stamped by its device, before the year 10000")]
    Stamp,
}
