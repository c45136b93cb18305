//! The replicated room: tasks, merging, version vectors and deltas.
