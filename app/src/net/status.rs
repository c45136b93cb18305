//! How a room's network stands, in the terms that a person is told.

use partyline_core::clock::{Judgement, NOTICEABLE_MS};
use partyline_core::crew::{self, CrewStatus, Network, Obstacle, SyncTrouble};
use partyline_core::dial::{SlotId, Way};
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
    /// What keeps this device from being connected, as far as is known.
    pub(crate) obstacle: Option<Obstacle>,
    /// Connected devices whose changes do not get here, and why.
    pub(crate) sync_troubles: Vec<(DeviceId, SyncTrouble)>,
    /// Whether everything that some device had was got.
    pub(crate) synced: bool,
    /// Whether somebody was met who speaks a newer format than this version does.
    pub(crate) outdated: bool,
    /// Whose clocks are wrong.
    pub(crate) clocks: Clocks,
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
            obstacle: None,
            sync_troubles: Vec::new(),
            synced: false,
            outdated: false,
            clocks: Clocks::default(),
            hand: HandStatus::idle(),
            getting: None,
        }
    }

    /// How things stand by what a crew says. `since` is when a connection opened, in milliseconds of Unix time.
    pub(super) fn of(status: &CrewStatus, since: impl Fn(SlotId) -> f64) -> Self {
        let peer = |peer: &crew::PeerStatus| PeerStatus {
            device: peer.device,
            since_ms: since(peer.slot),
            by_code: peer.slot.way() == Way::ByHand,
        };
        let peer_clocks = status.peer_clocks.iter().copied();
        Self {
            link: match status.network {
                Network::Offline => Link::Offline,
                Network::Connecting => Link::Connecting,
                Network::Alone => Link::Alone,
                Network::Connected => Link::Connected,
            },
            peers: status.peers.iter().map(peer).collect(),
            through: status.through.clone(),
            phone_book: match status.phone_book {
                crew::PhoneBook::Unknown => PhoneBook::Unknown,
                crew::PhoneBook::Reachable => PhoneBook::Reachable,
                crew::PhoneBook::Unreachable => PhoneBook::Unreachable,
                crew::PhoneBook::Off => PhoneBook::Off,
            },
            obstacle: status.obstacle,
            sync_troubles: status.sync_troubles.clone(),
            synced: status.is_synced,
            outdated: status.is_outdated,
            clocks: match status.clock {
                None => Clocks::default(),
                Some(Judgement::Ahead(own)) => Clocks::decided(own, peer_clocks),
                Some(Judgement::Undecided) => Clocks::undecided(peer_clocks),
            },
            hand: HandStatus::of(&status.pairing),
            getting: status.progress.map(|crew::Progress { got, of }| Progress { got, of }),
        }
    }

    /// All that are connected, over whomever.
    pub(crate) fn devices(&self) -> Vec<DeviceId> {
        let through = self.through.iter().map(|(device, _)| *device);
        self.peers.iter().map(|peer| peer.device).chain(through).collect()
    }
}

/// Whose clocks are wrong, and how far each is ahead, in milliseconds; less than 0 if it is behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Clocks {
    /// This device's, if it is.
    pub(crate) own: Option<i64>,
    /// Others'.
    pub(crate) others: Vec<(DeviceId, i64)>,
    /// It is not known who is right: others are ahead of this device so far.
    pub(crate) is_undecided: bool,
}

impl Clocks {
    /// This device's clock is so far ahead of the time, and others' are so far ahead of this one's.
    fn decided(own: i64, others: impl Iterator<Item = (DeviceId, i64)>) -> Self {
        let others = others.map(|(device, ahead)| (device, ahead.saturating_add(own)));
        let own = Some(own).filter(|own| is_noticeable(*own));
        Self { own, others: others.filter(|(_, ahead)| is_noticeable(*ahead)).collect(), is_undecided: false }
    }

    /// Others' clocks are so far ahead of this one's.
    fn undecided(others: impl Iterator<Item = (DeviceId, i64)>) -> Self {
        Self { is_undecided: true, ..Self::decided(0, others) }
    }
}

fn is_noticeable(ahead_ms: i64) -> bool {
    ahead_ms.unsigned_abs() > NOTICEABLE_MS
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

/// A [`RoomStatus`] on its way to another tab.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StatusMessage {
    link: Link,
    peers: Vec<(String, f64, bool)>,
    through: Vec<(String, String)>,
    phone_book: PhoneBook,
    /// What is wrong, each with the device that it is about, if it is about one. (Texts, because each type that serde knows
    /// costs every first visit some hundred bytes.)
    troubles: Vec<(String, String)>,
    synced: bool,
    outdated: bool,
    /// This device's clock, and those of others, in numbers that JavaScript has; the last says whether the others are only
    /// ahead of this one.
    clocks: (Option<f64>, Vec<(String, f64, bool)>),
    hand: String,
    /// What has come and of how many, both zero outside a long sync.
    getting: (f64, f64),
}

impl From<&RoomStatus> for StatusMessage {
    fn from(status: &RoomStatus) -> Self {
        let peers = status.peers.iter().map(|peer| (peer.device.to_string(), peer.since_ms, peer.by_code)).collect();
        let through = status.through.iter().map(|(device, via)| (device.to_string(), via.to_string())).collect();
        let Clocks { own, others, is_undecided } = &status.clocks;
        let others = others.iter().map(|(device, ahead)| (device.to_string(), *ahead as f64, *is_undecided)).collect();
        let clocks = (own.map(|own| own as f64), others);
        let getting = status.getting.map_or((0.0, 0.0), |getting| (getting.got as f64, getting.of as f64));
        let (link, phone_book, hand) = (status.link, status.phone_book, status.hand.to_text());
        let RoomStatus { synced, outdated, .. } = *status;
        Self { link, peers, through, phone_book, troubles: troubles(status), synced, clocks, outdated, hand, getting }
    }
}

fn troubles(status: &RoomStatus) -> Vec<(String, String)> {
    let obstacle = status.obstacle.map(|obstacle| (String::new(), number_of(&Obstacle::ALL, obstacle)));
    let of_devices = status.sync_troubles.iter();
    let of_devices = of_devices.map(|(device, trouble)| (device.to_string(), number_of(&SyncTrouble::ALL, *trouble)));
    obstacle.into_iter().chain(of_devices).collect()
}

/// Something's place among all of its kind, as a digit.
fn number_of<T: PartialEq>(all: &[T], one: T) -> String {
    (b'0'..).zip(all).find(|(_, other)| **other == one).map(|(digit, _)| char::from(digit).into()).unwrap_or_default()
}

/// What has this place among all of its kind.
fn at<T: Copy>(all: &[T], digit: &str) -> Option<T> {
    all.get(digit.chars().next()?.to_digit(10)? as usize).copied()
}

impl From<StatusMessage> for RoomStatus {
    fn from(message: StatusMessage) -> Self {
        let peer = |(device, since_ms, by_code): (String, f64, bool)| {
            DeviceId::parse(&device).ok().map(|device| PeerStatus { device, since_ms, by_code })
        };
        let through =
            |(device, via): (String, String)| Some((DeviceId::parse(&device).ok()?, DeviceId::parse(&via).ok()?));
        let (own, others) = message.clocks;
        let clocks = Clocks {
            own: own.map(|own| own as i64),
            is_undecided: others.iter().any(|(.., is_undecided)| *is_undecided),
            others: others
                .into_iter()
                .filter_map(|(device, ahead, _)| Some((DeviceId::parse(&device).ok()?, ahead as i64)))
                .collect(),
        };
        Self {
            link: message.link,
            peers: message.peers.into_iter().filter_map(peer).collect(),
            through: message.through.into_iter().filter_map(through).collect(),
            phone_book: message.phone_book,
            obstacle: message
                .troubles
                .iter()
                .find(|(device, _)| device.is_empty())
                .and_then(|(_, digit)| at(&Obstacle::ALL, digit)),
            sync_troubles: (message.troubles.iter())
                .filter_map(|(device, digit)| Some((DeviceId::parse(device).ok()?, at(&SyncTrouble::ALL, digit)?)))
                .collect(),
            synced: message.synced,
            outdated: message.outdated,
            clocks,
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
    use partyline_core::crew::PairingStatus;
    use partyline_core::hand::HandStep;

    use super::*;

    #[test]
    fn whose_clock_is_wrong_is_said_of_those_only() {
        let device = |n: u8| DeviceId::from_bytes([n; 16]);
        let others = [(device(1), 5_000), (device(2), -600_000)];
        let of_others = vec![(device(2), -600_000)];
        assert_eq!(Clocks::decided(0, others.into_iter()), Clocks { others: of_others.clone(), ..Clocks::default() });
        let undecided = Clocks { others: of_others, is_undecided: true, own: None };
        assert_eq!(Clocks::undecided(others.into_iter()), undecided);
        // Ours is ten minutes behind all but one, which is where ours is.
        let others = [(device(1), 600_000), (device(2), 600_000), (device(3), 0)];
        let decided = Clocks::decided(-600_000, others.into_iter());
        assert_eq!(decided, Clocks { own: Some(-600_000), others: vec![(device(3), -600_000)], is_undecided: false });
    }

    #[test]
    fn people_are_told_what_the_crew_says() {
        let device = |n: u8| DeviceId::from_bytes([n; 16]);
        let slots = [SlotId::new(Way::PhoneBook, 4), SlotId::new(Way::ByHand, 2)];
        let peer = |n: u8, slot| crew::PeerStatus { slot, device: device(n), since_ms: 3 };
        let pairing =
            PairingStatus { step: HandStep::Invited, code: "i.AAAA".to_owned(), problem: Some("It did not.") };
        let told = CrewStatus {
            network: Network::Connected,
            peers: vec![peer(1, slots[0]), peer(2, slots[1])],
            through: vec![(device(3), device(1))],
            phone_book: crew::PhoneBook::Off,
            clock: Some(Judgement::Ahead(-600_000)),
            peer_clocks: vec![(device(1), 600_000), (device(2), 0)],
            obstacle: Some(Obstacle::NotListed),
            sync_troubles: vec![(device(2), SyncTrouble::NoSpace)],
            is_outdated: true,
            is_synced: true,
            pairing,
            progress: Some(crew::Progress { got: 7, of: 900 }),
        };
        let since = |slot: SlotId| f64::from(slot.number());
        let expected = RoomStatus {
            link: Link::Connected,
            peers: vec![
                PeerStatus { device: device(1), since_ms: 4.0, by_code: false },
                PeerStatus { device: device(2), since_ms: 2.0, by_code: true },
            ],
            through: vec![(device(3), device(1))],
            phone_book: PhoneBook::Off,
            obstacle: Some(Obstacle::NotListed),
            sync_troubles: vec![(device(2), SyncTrouble::NoSpace)],
            synced: true,
            outdated: true,
            clocks: Clocks { own: Some(-600_000), others: vec![(device(2), -600_000)], is_undecided: false },
            hand: HandStatus { step: HandStep::Invited, code: "i.AAAA".to_owned(), problem: "It did not.".to_owned() },
            getting: Some(Progress { got: 7, of: 900 }),
        };
        assert_eq!(RoomStatus::of(&told, since), expected);
        let unknown = CrewStatus { clock: None, ..told.clone() };
        assert_eq!(RoomStatus::of(&unknown, since).clocks, Clocks::default());
        let undecided = CrewStatus { clock: Some(Judgement::Undecided), ..told };
        assert!(RoomStatus::of(&undecided, since).clocks.is_undecided);
    }

    #[test]
    fn a_status_survives_the_way_to_another_tab() {
        let status = RoomStatus {
            link: Link::Connected,
            peers: vec![PeerStatus { device: DeviceId::from_bytes([7; 16]), since_ms: 12.5, by_code: true }],
            through: vec![(DeviceId::from_bytes([8; 16]), DeviceId::from_bytes([7; 16]))],
            phone_book: PhoneBook::Unreachable,
            obstacle: Some(Obstacle::OutOfReach),
            sync_troubles: SyncTrouble::ALL.map(|trouble| (DeviceId::from_bytes([7; 16]), trouble)).to_vec(),
            synced: true,
            outdated: true,
            clocks: Clocks {
                own: Some(-300_000),
                others: vec![(DeviceId::from_bytes([9; 16]), 300_000)],
                is_undecided: true,
            },
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
