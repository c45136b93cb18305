//! The domain of Partyline, without IO.

#[cfg(all(feature = "next", not(debug_assertions)))]
compile_error!("the feature `next` is for tests: what it writes is not part of any format, and must not be released");

pub mod api;
pub mod clock;
pub mod connect;
pub mod dial;
pub mod hand;
pub mod id;
pub mod key;
pub mod mesh;
pub mod redial;
pub mod replica;
pub mod session;
