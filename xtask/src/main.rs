//! Builds, runs, tests and measures Partyline.
fn main() {}
