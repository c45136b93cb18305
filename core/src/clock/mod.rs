//! The hybrid logical clock.
//!
//! A write is stamped with a [`Stamp`]: wall-clock milliseconds, a counter, and the device as a last tie-break. The
//! [`Clock`] of a device gives out stamps that only ever rise, above everything the device has written *or seen*, so a
//! write always beats what its author was looking at, however wrong the clocks are. (Kulkarni et al., "Logical Physical
//! Clocks", 2014.)
//!
//! The wall clock itself is not here: the current time is an argument of every call that needs it.

mod hybrid;
mod skew;
mod stamp;

pub use hybrid::{Clock, ObserveStampError};
pub use skew::Skew;
pub use stamp::Stamp;
