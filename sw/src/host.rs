//! What the service asks of the world: the time, randomness, and to tell the tabs.

use partyline_core::id::{DeviceId, RoomId};

/// The worker's surroundings. In the browser [`BrowserHost`](crate::browser::BrowserHost), in tests whatever they like.
pub trait Host {
    /// Unix time in milliseconds.
    fn now_ms(&self) -> u64;

    /// Unpredictable bytes.
    fn random<const N: usize>(&self) -> [u8; N];

    /// The text in Unicode's normal form C: what is written in two ways and means the same is the same. (The tables for it
    /// are the browser's.)
    fn normalize(&self, text: &str) -> String;

    /// Tells every tab.
    fn announce(&self, announcement: Announcement);
}

/// What tabs are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// Changes to a room are durable.
    Changed {
        /// The room.
        room: RoomId,
        /// The peer that they came from; `None` if they were made on this device.
        from: Option<DeviceId>,
        /// The changes that were news, as an encoded batch without vector.
        batch: Vec<u8>,
    },
    /// The list of rooms, or the name of one, is another.
    Rooms,
    /// This device has taken another key in a room, since its storage was put back from a backup,
    /// or copied.
    Renewed {
        /// The room.
        room: RoomId,
    },
}
