//! The JSON documents of the peer API.
