//! Measures what a user waits for.
fn main() {}
