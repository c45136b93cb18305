//! How a room's network stands, in the terms that a person is told.

use partyline_core::clock::Skew;
use partyline_core::id::DeviceId;
use serde::{Deserialize, Serialize};

use super::by_hand::HandStatus;

/// How a room's network stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RoomStatus {
    /// The whole in a word.
    pub(crate) link: Link,
    /// Who is connected, the longest connected first.
    pub(crate) peers: Vec<PeerStatus>,
    /// Who is reached by way of a peer only: who, and which peer.
    pub(crate) through: Vec<(DeviceId, DeviceId)>,
    /// Whether strangers can be found.
    pub(crate) phone_book: PhoneBook,
    /// A device whose clock was found to be far ahead of this one's.
    pub(crate) skew: Option<Skew>,
    /// Whether somebody was met who speaks a newer format than this version does.
    pub(crate) outdated: bool,
    /// How far connecting by hand is.
    pub(crate) hand: HandStatus,
    /// In a long sync, how far it is.
    pub(crate) getting: Option<Progress>,
}

impl RoomStatus {
    /// Nobody is connected, and nothing is known yet.
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            peers: Vec::new(),
            through: Vec::new(),
            phone_book: PhoneBook::Unknown,
            skew: None,
            outdated: false,
            hand: HandStatus::idle(),
            getting: None,
        }
    }

    /// All that are connected, over whomever.
    pub(crate) fn devices(&self) -> Vec<DeviceId> {
        let through = self.through.iter().map(|(device, _)| *device);
        self.peers.iter().map(|peer| peer.device).chain(through).collect()
    }
}

/// How far a long sync is, in changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// How many have come.
    pub(crate) got: u64,
    /// Of how many.
    pub(crate) of: u64,
}

/// The network in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Link {
    /// The device has no network.
    Offline,
    /// Somebody is being dialled, or it is not known yet whether anybody is there.
    Connecting,
    /// Nobody else is there.
    Alone,
    /// At least one peer is connected.
    Connected,
}

/// The phone book, as far as this device can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PhoneBook {
    /// Not asked yet.
    Unknown,
    /// It answers.
    Reachable,
    /// It does not.
    Unreachable,
    /// Of no use here: this browser refuses changed ICE credentials.
    Off,
}

/// One connected peer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PeerStatus {
    /// Which device.
    pub(crate) device: DeviceId,
    /// Since when, in milliseconds of Unix time.
    pub(crate) since_ms: f64,
    /// It was connected by codes that people carried.
    pub(crate) by_code: bool,
}

/// A device, and how long it is connected, or how far ahead it is, in a number that JavaScript has, unlike `u64`; and
/// whether it is connected by hand.
type Entry = (String, f64, bool);

/// A [`RoomStatus`] on its way to another tab.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StatusMessage {
    link: Link,
    peers: Vec<(String, f64, bool)>,
    through: Vec<(String, String)>,
    phone_book: PhoneBook,
    skew: Option<Entry>,
    outdated: bool,
    hand: String,
    /// What has come and of how many, both zero outside a long sync.
    getting: (f64, f64),
}

impl From<&RoomStatus> for StatusMessage {
    fn from(status: &RoomStatus) -> Self {
        let peers = status.peers.iter().map(|peer| (peer.device.to_string(), peer.since_ms, peer.by_code)).collect();
        let through = status.through.iter().map(|(device, via)| (device.to_string(), via.to_string())).collect();
        let skew = status.skew.map(|skew| (skew.device.to_string(), skew.ahead_ms as f64, false));
        let getting = status.getting.map_or((0.0, 0.0), |getting| (getting.got as f64, getting.of as f64));
        let (link, phone_book, hand) = (status.link, status.phone_book, status.hand.to_text());
        Self { link, peers, through, phone_book, skew, outdated: status.outdated, hand, getting }
    }
}

impl From<StatusMessage> for RoomStatus {
    fn from(message: StatusMessage) -> Self {
        let peer = |(device, since_ms, by_code): (String, f64, bool)| {
            DeviceId::parse(&device).ok().map(|device| PeerStatus { device, since_ms, by_code })
        };
        let through =
            |(device, via): (String, String)| Some((DeviceId::parse(&device).ok()?, DeviceId::parse(&via).ok()?));
        Self {
            link: message.link,
            peers: message.peers.into_iter().filter_map(peer).collect(),
            through: message.through.into_iter().filter_map(through).collect(),
            phone_book: message.phone_book,
            skew: message.skew.and_then(|(device, ahead_ms, _)| {
                Some(Skew { device: DeviceId::parse(&device).ok()?, ahead_ms: ahead_ms as u64 })
            }),
            outdated: message.outdated,
            hand: HandStatus::of_text(&message.hand).unwrap_or_else(HandStatus::idle),
            getting: match message.getting {
                (_, 0.0) => None,
                (got, of) => Some(Progress { got: got as u64, of: of as u64 }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use partyline_core::hand::HandStep;

    use super::*;

    #[test]
    fn a_status_survives_the_way_to_another_tab() {
        let status = RoomStatus {
            link: Link::Connected,
            peers: vec![PeerStatus { device: DeviceId::from_bytes([7; 16]), since_ms: 12.5, by_code: true }],
            through: vec![(DeviceId::from_bytes([8; 16]), DeviceId::from_bytes([7; 16]))],
            phone_book: PhoneBook::Unreachable,
            skew: Some(Skew { device: DeviceId::from_bytes([9; 16]), ahead_ms: 300_000 }),
            outdated: true,
            hand: HandStatus { step: HandStep::Failed, code: "i.AAAA".to_owned(), problem: "It did not.".to_owned() },
            getting: Some(Progress { got: 1_200, of: 10_000 }),
        };
        let message = serde_json::to_string(&StatusMessage::from(&status)).unwrap();
        let message: StatusMessage = serde_json::from_str(&message).unwrap();
        assert_eq!(RoomStatus::from(message), status);
        let idle = RoomStatus { getting: None, ..status };
        assert_eq!(RoomStatus::from(StatusMessage::from(&idle)), idle);
    }
}
