//! The domain of Partyline, without IO.
