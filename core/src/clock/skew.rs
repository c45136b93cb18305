use crate::id::DeviceId;

/// A device's clock is noticeably ahead of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// Whose writes carry the time.
    pub device: DeviceId,
    /// How far ahead, in milliseconds.
    pub ahead_ms: u64,
}
