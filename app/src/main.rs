//! The user interface and the connections.
fn main() {}
