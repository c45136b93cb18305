use crate::id::DeviceId;

/// Names a change: the `seq`-th of a device, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// Who wrote.
    pub device: DeviceId,
    /// The how-manieth change of that device; from 1 to [`MAX_SEQ`](crate::replica::MAX_SEQ).
    pub seq: u64,
}
