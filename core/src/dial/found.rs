use crate::id::Address;

/// A listing of the phone book, as whoever knows the room sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is listed.
    pub address: Address,
    /// Whether its certificate hash is one that members take
    /// ([`MeetingKey::vouches_for`](crate::key::MeetingKey::vouches_for)).
    pub is_vouched: bool,
}
