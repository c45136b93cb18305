//! The hybrid logical clock.
//!
//! A write is stamped with a [`Stamp`]: wall-clock milliseconds, a counter, and the device as a last tie-break. The
//! [`Clock`] of a device gives out stamps that rise, above everything the device has written *or followed*, so a
//! write always beats what its author was looking at, however wrong the clocks are. (Kulkarni et al., "Logical Physical
//! Clocks", 2014.) No clock is followed for more than [`FOLLOW_MS`]: one that is wrong would otherwise be everybody's.
//!
//! Whose clock is wrong shows in what the devices say that the time is, and not in the stamps of what they write, which
//! may be somebody else's: see [`judge()`].
//!
//! The wall clock itself is not here: the current time is an argument of every call that needs it.

mod hybrid;
mod judge;
mod stamp;

pub use hybrid::{Clock, EPOCH_MS, FOLLOW_MS};
pub use judge::{Judgement, NOTICEABLE_MS, judge};
pub use stamp::Stamp;
