//! The encrypted channel to a peer and the HTTP spoken over it.
