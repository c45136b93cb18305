//! The domain of Partyline, without IO.

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
