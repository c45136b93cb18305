//! The phone book.
