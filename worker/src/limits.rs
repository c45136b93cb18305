//! The limits that callers are told of.

/// Maximum length of a request's body, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 1024;

/// Maximum number of listings in a room.
pub(crate) const MAX_LISTINGS: usize = 64;

/// Maximum number of listings in a room from one [`Network`](crate::Network).
pub(crate) const MAX_LISTINGS_PER_NETWORK: usize = 16;
