//! The user interface and the connections.

mod api;
mod net;

fn main() {}
