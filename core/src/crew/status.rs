use super::{Obstacle, SyncTrouble};
use crate::clock::Judgement;
use crate::dial::SlotId;
use crate::hand::HandStep;
use crate::id::DeviceId;

/// How things stand, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrewStatus {
    /// The network in a word.
    pub network: Network,
    /// Who is connected, the longest first.
    pub peers: Vec<PeerStatus>,
    /// Who is reached by way of a peer only, and which peer.
    pub through: Vec<(DeviceId, DeviceId)>,
    /// The phone book.
    pub phone_book: PhoneBook,
    /// What comes of comparing all clocks that are known; `None` while nothing is.
    pub clock: Option<Judgement>,
    /// By how much the peers' clocks are ahead of this device's, in milliseconds; less than 0 if they are behind.
    pub peer_clocks: Vec<(DeviceId, i64)>,
    /// What keeps this device from being connected; `None` while it is, or while nobody else is there.
    pub obstacle: Option<Obstacle>,
    /// Connected peers whose changes do not get here, and why.
    pub sync_troubles: Vec<(DeviceId, SyncTrouble)>,
    /// Somebody who speaks a newer format refused this device lately.
    pub is_outdated: bool,
    /// Everything that some peer had was got.
    pub is_synced: bool,
    /// Connecting by codes.
    pub pairing: PairingStatus,
    /// A sync that is long, if one is under way.
    pub progress: Option<Progress>,
}

/// The network in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneBook {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// The connection.
    pub slot: SlotId,
    /// Which device.
    pub device: DeviceId,
    /// Since when, in milliseconds of the monotonic clock.
    pub since_ms: u64,
}

/// How far connecting by codes is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingStatus {
    /// The whole in a word.
    pub step: HandStep,
    /// The code to be shown, a link's fragment; empty when there is none.
    pub code: String,
    /// What is wrong, as a sentence.
    pub problem: Option<&'static str>,
}

/// How far a long sync is, in changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many have come.
    pub got: u64,
    /// Of how many.
    pub of: u64,
}
