//! The limits that callers are told of.

/// Maximum length of a request's body, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 1024;

/// Maximum number of listings in a room.
pub(crate) const MAX_LISTINGS: usize = 64;

/// Maximum number of listings in a room from one [`Network`](crate::Network).
///
/// Half of the room: no network can fill it, and thirty devices behind one address that open the
/// same link at once are all listed, as each of them has to be to be found. With 16 places it took
/// them more than twice as long to become one crew (`core/tests/dialling.rs`). Where two networks
/// have filled the room, a third one gets a place all the same
/// ([`Book::register`](crate::Book::register)), so that a smaller number would protect nobody.
pub(crate) const MAX_LISTINGS_PER_NETWORK: usize = MAX_LISTINGS / 2;
