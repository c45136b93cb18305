//! The hybrid logical clock.
