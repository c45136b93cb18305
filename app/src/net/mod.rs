//! The connections of this page: finding the other devices of a room and talking to them.

use partyline_core::id::{DeviceId, RoomId, RoomSecret};

/// Whether this page reaches other devices of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// The browser has no network.
    Offline,
    /// The first attempts are under way.
    Connecting,
    /// Nobody else is there.
    Alone,
    /// At least one device is connected.
    Connected,
}

/// What is known of the phone book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PhoneBook {
    /// Not asked yet.
    Unknown,
    /// It answered last time.
    Reachable,
    /// It did not answer last time.
    Unreachable,
    /// This browser refuses changed ICE credentials, so addresses from the phone book are of no use to it.
    Off,
}

/// A device that is connected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PeerStatus {
    /// Which device.
    pub(crate) device: DeviceId,
    /// Since when, as `Date.now()` counts.
    pub(crate) since_ms: f64,
}

/// The state of a room's connections.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RoomStatus {
    /// In one word.
    pub(crate) link: Link,
    /// The connected devices; not empty exactly when `link` is [`Link::Connected`].
    pub(crate) peers: Vec<PeerStatus>,
    /// What is known of the phone book.
    pub(crate) phone_book: PhoneBook,
}

/// A room's network. Dropping it leaves.
#[derive(Debug)]
pub(crate) struct NetHandle;

/// Joins a room's network and reports its state at once and whenever it changes.
pub(crate) fn join(
    _room: RoomId,
    _secret: RoomSecret,
    _device: DeviceId,
    on_status: impl Fn(RoomStatus) + 'static,
) -> NetHandle {
    let online = web_sys::window().is_none_or(|window| window.navigator().on_line());
    let link = if online { Link::Alone } else { Link::Offline };
    on_status(RoomStatus { link, peers: Vec::new(), phone_book: PhoneBook::Unknown });
    NetHandle
}
