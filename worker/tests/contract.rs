//! The phone book in a real workerd.
