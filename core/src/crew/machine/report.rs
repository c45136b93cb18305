//! How things stand, as people are told.

use super::super::link::{Link, Peer};
use super::super::status::{CrewStatus, Network, PairingStatus, PeerStatus, PhoneBook, Progress};
use super::super::trouble::{Obstacle, SyncTroubles};
use super::Crew;
use crate::dial::{Activity, BookState, SlotId};

/// A pull that waits so many milliseconds for one answer is told of.
const PULL_STUCK: u64 = 90_000;
/// Progress of a sync with fewer changes is not shown: it is over in a blink.
const MANY: u64 = 500;

impl Crew {
    /// Whether nobody is connected, and somebody did not answer who may be there.
    pub(super) fn is_dialling_in_vain(&self) -> bool {
        let is_without_book = self.is_refused || self.dialler.book_state() == BookState::Unreachable;
        self.is_online
            && self.peers().next().is_none()
            && (self.dialler.has_missed_somebody()
                || self.hand.is_unreached()
                || (is_without_book && self.redial.has_missed_somebody()))
    }

    /// What would keep this device from being connected if it were not.
    fn obstacle(&self, now_ms: u64) -> Option<Obstacle> {
        let guard = self.local_network.obstacle().filter(|_| self.is_dialling_in_vain());
        self.making.obstacle().or(guard).or(match () {
            () if self.is_refused => None,
            () if self.dialler.is_without_address() => Some(Obstacle::NoAddress),
            () if self.dialler.is_turned_away() => Some(Obstacle::NotListed),
            // Whoever speaks a newer format is reached, and refuses.
            () if self.newer.is_any() => None,
            () if self.dialler.is_somebody_out_of_reach(now_ms) => Some(Obstacle::OutOfReach),
            () => None,
        })
    }

    /// The peers from which nothing comes, in the order of their connections.
    fn sync_troubles(&self, now_ms: u64) -> SyncTroubles {
        let of_link = |(slot, link): (&SlotId, &Link)| {
            let stuck = self.pulls.get(slot).filter(|running| running.since_ms + PULL_STUCK <= now_ms);
            let trouble = stuck.map(|running| running.pull.waits_for());
            let trouble = trouble.or_else(|| link.trouble.filter(|trouble| trouble.is_told(link.failures)))?;
            Some((link.peer?.device, trouble))
        };
        self.links.iter().filter_map(of_link).collect()
    }

    pub(super) fn status_at(&self, now_ms: u64) -> CrewStatus {
        let peer = |(slot, peer): (SlotId, Peer)| PeerStatus { slot, device: peer.device, since_ms: peer.since_ms };
        let mut peers: Vec<PeerStatus> = self.peers().map(peer).collect();
        peers.sort_by_key(|peer| peer.since_ms);
        let obstacle = self.obstacle(now_ms).filter(|_| peers.is_empty());
        let network = match self.dialler.activity() {
            _ if !peers.is_empty() => Network::Connected,
            Activity::Offline => Network::Offline,
            _ if obstacle.is_some_and(Obstacle::is_known) => Network::Alone,
            Activity::Connecting if !self.is_refused => Network::Connecting,
            Activity::Alone if self.redial.is_hopeful() => Network::Connecting,
            _ => Network::Alone,
        };
        let phone_book = match self.dialler.book_state() {
            _ if self.is_refused => PhoneBook::Off,
            BookState::Unknown => PhoneBook::Unknown,
            BookState::Reachable => PhoneBook::Reachable,
            BookState::Unreachable => PhoneBook::Unreachable,
        };
        let progress = self.pulls.values().map(|running| running.pull.progress()).find(|(_, of)| *of >= MANY);
        CrewStatus {
            network,
            peers,
            through: self.mesh.reached().into_iter().collect(),
            phone_book,
            clock: self.judge_clocks(now_ms),
            peer_clocks: self.peer_clocks().collect(),
            obstacle: obstacle.filter(|_| network == Network::Alone),
            sync_troubles: self.sync_troubles(now_ms),
            is_outdated: self.newer.is_any(),
            is_synced: self.is_synced,
            pairing: PairingStatus {
                step: self.hand.step(),
                code: self.hand.code().to_owned(),
                problem: self.hand.problem(),
            },
            progress: progress.map(|(got, of)| Progress { got, of }),
        }
    }
}
