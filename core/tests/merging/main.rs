//! How replicas merge, as plays with named devices, and as properties of anything that can happen to them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "these are tests")]

mod clocks;
mod codecs;
mod comments;
mod deletion;
mod healing;
mod labels;
mod limits;
mod pages;
mod play;
mod positions;
mod properties;
mod registers;
mod scale;
mod sections;
mod strategies;
mod sync;
