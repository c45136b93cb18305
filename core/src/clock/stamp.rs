use crate::id::DeviceId;

/// When a write was made, in an order that all devices agree on.
///
/// Stamps compare by `millis`, then `counter`, then `device`: no two writes of an honest room have equal stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Milliseconds since 1970 as the writer's hybrid clock had them; at most [`Stamp::MAX_MILLIS`].
    pub millis: u64,
    /// Tells apart the writes of one millisecond.
    pub counter: u32,
    /// Who wrote.
    pub device: DeviceId,
}

impl Stamp {
    /// The last millisecond of the year 9999. No clock goes further, so counting on from there cannot overflow.
    pub const MAX_MILLIS: u64 = 253_402_300_799_999;

    /// The stamp after this one, by the same device.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        match self.counter.checked_add(1) {
            Some(counter) => Self { counter, ..self },
            None => Self { millis: self.millis.saturating_add(1), counter: 0, ..self },
        }
    }
}
