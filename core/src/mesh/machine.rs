use std::collections::VecDeque;

use litemap::LiteMap;

use super::{Card, Keeping, Neighbour};
use crate::connect::Contact;
use crate::dial::{SlotId, Way};
use crate::id::{CertHash, DeviceId};

/// Up to so many links a device has one to everybody: a crew of eight is a full mesh.
pub const FULL: usize = 7;
/// A device with fewer links than this is let in by those that have [`FULL`].
pub const FEW: usize = 3;
/// A device with more links than this, as those have whom newcomers find in the phone book, gives some up.
pub const MOST: usize = 12;
/// So many links a device has whose page shows another room.
pub const BACKGROUND: usize = 2;

/// How long it takes between two that it gives up, in milliseconds: the others must have told what they have then.
const PART: u64 = 3_000;

/// How long an introduction may take, from the first card to the open connection, in milliseconds.
const PATIENCE: u64 = 12_000;
/// How long a pair that failed waits, doubled with each failure up to six times.
const RETRY: u64 = 4_000;

/// What a [`Mesh`] wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeshAction {
    /// Tell this peer whom we are connected to.
    Tell {
        /// The connection to the peer.
        slot: SlotId,
        /// Everybody but the peer itself; this device too if it is not [visible](Keeping::Visible).
        links: Vec<Neighbour>,
    },
    /// Make a connection with the browser's own credentials and tell [`Mesh::handle_ready`].
    Make(SlotId),
    /// Close this connection and forget it. No [`Mesh::handle_closed`] is expected for it.
    Drop(SlotId),
    /// End this connection, and tell the peer that it is not to be made again: both reach each other through others.
    Part(SlotId),
    /// Send a card over this connection: to whom it is for, or to who introduces the two.
    Send {
        /// The connection to the peer that carries it.
        slot: SlotId,
        /// The card.
        card: Card,
    },
    /// Dial: set the remote description that follows from the contact.
    Dial {
        /// The connection to dial with.
        slot: SlotId,
        /// Whom.
        contact: Contact,
    },
}

/// A connected member.
#[derive(Debug)]
struct Peer {
    slot: SlotId,
    cert_hash: CertHash,
    keeping: Keeping,
    links: Vec<Neighbour>,
}

/// An introduction under way.
#[derive(Debug)]
struct Attempt {
    slot: SlotId,
    /// Who introduces us.
    via: DeviceId,
    deadline: u64,
    /// The other's card, when it came first.
    answers: Option<Contact>,
    dialled: bool,
}

/// What is remembered of a pair that failed.
#[derive(Debug)]
struct Failed {
    times: u32,
    not_before: u64,
}

/// The policy of introductions of one device in one room. See the [module](super).
///
/// Mutate, then drain: after any `handle_*` call, call [`poll_action`](Self::poll_action) until it gives `None`, then
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Mesh {
    local: Neighbour,
    /// The page shows another room.
    is_background: bool,
    peers: LiteMap<DeviceId, Peer>,
    attempts: LiteMap<DeviceId, Attempt>,
    failed: LiteMap<DeviceId, Failed>,
    /// When the next link may be given up.
    parts_at: u64,
    next_slot: u32,
    actions: VecDeque<MeshAction>,
}

impl Mesh {
    /// A device without peers.
    pub fn new(device: DeviceId, cert_hash: CertHash) -> Self {
        Self {
            local: Neighbour { device, cert_hash, keeping: Keeping::default() },
            is_background: false,
            peers: LiteMap::new(),
            attempts: LiteMap::new(),
            failed: LiteMap::new(),
            parts_at: 0,
            next_slot: 0,
            actions: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<MeshAction> {
        self.actions.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, in milliseconds of the same clock.
    pub fn poll_timeout(&self) -> Option<u64> {
        debug_assert!(self.actions.is_empty(), "drain the actions before asking for the deadline");
        let attempts = self.attempts.values().map(|attempt| attempt.deadline);
        let has_room = self.has_room();
        let failed = self.candidates().filter_map(|(link, _)| Some(self.failed.get(&link.device)?.not_before));
        let parts = self.superfluous().map(|_| self.parts_at);
        attempts.chain(failed.filter(|_| has_room)).chain(parts).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        let late = self.attempts.iter().filter(|(_, attempt)| attempt.deadline <= now_ms);
        for device in late.map(|(device, _)| *device).collect::<Vec<_>>() {
            self.give_up(device, now_ms);
        }
        if self.parts_at <= now_ms
            && let Some(slot) = self.superfluous()
        {
            self.parts_at = now_ms + PART;
            self.actions.push_back(MeshAction::Part(slot));
        }
        self.seek(now_ms);
    }

    /// A connection is open, however it came about, and this member is at its other end.
    pub fn handle_open(&mut self, slot: SlotId, device: DeviceId, cert_hash: CertHash, now_ms: u64) {
        if let Some(attempt) = self.attempts.remove(&device)
            && attempt.slot != slot
        {
            self.actions.push_back(MeshAction::Drop(attempt.slot));
        }
        self.failed.remove(&device);
        self.parts_at = now_ms + PART;
        // Those who introduce are told by `tell`; what this peer is connected to it tells us.
        self.peers.insert(device, Peer { slot, cert_hash, keeping: Keeping::default(), links: Vec::new() });
        self.tell();
        self.seek(now_ms);
    }

    /// A connection ended or failed.
    pub fn handle_closed(&mut self, slot: SlotId, now_ms: u64) {
        let attempted = self.attempts.iter().find(|(_, attempt)| attempt.slot == slot).map(|(device, _)| *device);
        if let Some(device) = attempted {
            self.attempts.remove(&device);
            self.note_failure(device, now_ms);
        }
        let before = self.peers.len();
        self.peers.retain(|_, peer| peer.slot != slot);
        if self.peers.len() < before {
            self.tell();
        }
        self.seek(now_ms);
    }

    /// The peer at the end of this connection told whom it is connected to.
    pub fn handle_links(&mut self, slot: SlotId, links: Vec<Neighbour>, now_ms: u64) {
        if let Some((device, peer)) = self.peers.iter_mut().find(|(_, peer)| peer.slot == slot) {
            let own = links.iter().find(|link| link.device == *device);
            let keeping = own.map_or(Keeping::default(), |link| link.keeping);
            peer.links = links;
            peer.links.retain(|link| link.device != *device);
            if std::mem::replace(&mut peer.keeping, keeping) != keeping {
                self.tell();
            }
        }
        self.seek(now_ms);
    }

    /// The browser refuses credentials that it did not make, so nobody can call this device by what the phone book says.
    pub fn handle_refusal(&mut self) {
        self.local.keeping = Keeping::Unlisted;
        self.tell();
    }

    /// The page became visible or hidden, or shows this room or another one.
    pub fn handle_presence(&mut self, is_visible: bool, is_background: bool, now_ms: u64) {
        let keeping = match (is_background, is_visible) {
            (true, _) => Keeping::Background,
            (false, true) => Keeping::Visible,
            (false, false) => Keeping::Hidden,
        };
        if self.local.keeping != Keeping::Unlisted && std::mem::replace(&mut self.local.keeping, keeping) != keeping {
            self.tell();
        }
        if std::mem::replace(&mut self.is_background, is_background) != is_background {
            // A whole crew may do so at once: two that give up a link in the same moment each count on the other's.
            self.parts_at = now_ms + PART + 16 * u64::from(self.local.cert_hash.as_bytes()[0]);
            self.seek(now_ms);
        }
    }

    /// A connection that was asked for waits to be dialled.
    pub fn handle_ready(&mut self, slot: SlotId, contact: Contact, now_ms: u64) {
        let links = u8::try_from(self.peers.len()).unwrap_or(u8::MAX);
        let Some((device, attempt)) = self.attempts.iter_mut().find(|(_, attempt)| attempt.slot == slot) else {
            self.actions.push_back(MeshAction::Drop(slot));
            return;
        };
        let device = *device;
        let Some(via) = self.peers.get(&attempt.via) else {
            return self.give_up(device, now_ms);
        };
        let card = Card { from: self.local.device, to: device, is_reply: attempt.answers.is_some(), links, contact };
        self.actions.push_back(MeshAction::Send { slot: via.slot, card });
        if let Some(contact) = attempt.answers.take() {
            attempt.dialled = true;
            self.actions.push_back(MeshAction::Dial { slot, contact });
        }
    }

    /// A card came over this connection: for us, or to be carried on.
    pub fn handle_card(&mut self, slot: SlotId, card: Card, now_ms: u64) {
        let Some((via, _)) = self.peers.iter().find(|(_, peer)| peer.slot == slot) else { return };
        let via = *via;
        if card.to != self.local.device {
            // A peer is introduced, nobody else: a card is carried once and goes round no corner.
            if card.from == via
                && let Some(to) = self.peers.get(&card.to)
            {
                self.actions.push_back(MeshAction::Send { slot: to.slot, card });
            }
            return;
        }
        if card.from == self.local.device || self.peers.contains_key(&card.from) {
            return;
        }
        if card.is_reply {
            if let Some(attempt) = self.attempts.get_mut(&card.from)
                && !attempt.dialled
            {
                attempt.dialled = true;
                self.actions.push_back(MeshAction::Dial { slot: attempt.slot, contact: card.contact });
            }
            return;
        }
        let links = self.peers.len();
        let (most, few) = if self.is_background { (2 * BACKGROUND, BACKGROUND) } else { (MOST, FEW) };
        if links >= most || (links >= self.full() && usize::from(card.links) >= few) {
            return;
        }
        if let Some(own) = self.attempts.get(&card.from) {
            // Both began: the card of the lower one counts.
            if self.local.cert_hash < card.contact.cert_hash {
                return;
            }
            self.actions.push_back(MeshAction::Drop(own.slot));
        }
        self.begin(card.from, via, Some(card.contact), now_ms);
    }

    /// Whether `from`, by its own account, is connected to `to` and so tells it the news itself.
    pub fn is_told_by(&self, from: DeviceId, to: DeviceId) -> bool {
        self.peers.get(&from).is_some_and(|peer| peer.links.iter().any(|link| link.device == to))
    }

    /// Those who are reached by way of a peer only: who, and which peer.
    pub fn reached(&self) -> LiteMap<DeviceId, DeviceId> {
        let mut reached = LiteMap::new();
        for (via, peer) in &self.peers {
            for link in &peer.links {
                if link.device != self.local.device && !self.peers.contains_key(&link.device) {
                    let _ = reached.try_insert(link.device, *via);
                }
            }
        }
        reached
    }

    /// How many of those who are connected, or reached by way of a peer, stand before this device in keeping the crew's
    /// listing: they keep it better, or as well with a lower certificate hash. Before any other page one visible page
    /// stands for two, since it keeps the listing alone.
    pub fn lower(&self) -> usize {
        let rank = |link: &Neighbour| (link.keeping.rank(), link.cert_hash);
        let before = self.keepers().filter(|link| rank(link) < rank(&self.local));
        let mut before: Vec<(DeviceId, u8)> = before.map(|link| (link.device, link.keeping.rank())).collect();
        before.sort_unstable();
        before.dedup_by_key(|(device, _)| *device);
        let is_outdone = before.iter().any(|(_, rank)| *rank < self.local.keeping.rank());
        before.len() + usize::from(is_outdone)
    }

    /// Of those who keep the crew's listing as well as this device or better the first. Where this device is a
    /// doorkeeper, that is the other one.
    pub fn other_keeper(&self) -> Option<CertHash> {
        let others = self.keepers().filter(|link| link.keeping.rank() <= self.local.keeping.rank());
        others.map(|link| (link.keeping.rank(), link.cert_hash)).min().map(|(_, cert_hash)| cert_hash)
    }

    /// Those besides this device who can keep the crew's listing.
    fn keepers(&self) -> impl Iterator<Item = Neighbour> {
        self.others().filter(|link| link.keeping != Keeping::Unlisted)
    }

    /// Those who are connected, and those who are reached by way of a peer, the latter once a way.
    fn others(&self) -> impl Iterator<Item = Neighbour> {
        let beyond = self.peers.values().flat_map(|peer| &peer.links).copied();
        let is_beyond = |link: &Neighbour| link.device != self.local.device && !self.peers.contains_key(&link.device);
        self.neighbours().chain(beyond.filter(is_beyond))
    }

    /// Those who are connected.
    fn neighbours(&self) -> impl Iterator<Item = Neighbour> {
        let neighbour = |(device, peer): (&DeviceId, &Peer)| {
            let Peer { cert_hash, keeping, .. } = *peer;
            Neighbour { device: *device, cert_hash, keeping }
        };
        self.peers.iter().map(neighbour)
    }

    /// Of more links than there should be the one that is missed least: whoever is there has enough others, most of all,
    /// and is reached through two of them.
    fn superfluous(&self) -> Option<SlotId> {
        let (most, enough) = if self.is_background { (BACKGROUND, BACKGROUND) } else { (MOST, FULL) };
        if self.peers.len() <= most {
            return None;
        }
        let is_spared = |(device, peer): &(&DeviceId, &Peer)| {
            let ways = peer.links.iter().filter(|link| self.is_told_by(link.device, **device)).count();
            peer.links.len() >= enough && ways >= 2
        };
        let spared = self.peers.iter().filter(is_spared);
        spared.max_by_key(|(_, peer)| peer.links.len()).map(|(_, peer)| peer.slot)
    }

    /// Those whom some peer is connected to and we are not, and which peer that is.
    fn candidates(&self) -> impl Iterator<Item = (Neighbour, DeviceId)> {
        self.peers
            .iter()
            .flat_map(|(via, peer)| peer.links.iter().map(|link| (*link, *via)))
            .filter(|(link, _)| link.device != self.local.device && link.cert_hash != self.local.cert_hash)
            .filter(|(link, _)| !self.peers.contains_key(&link.device) && !self.attempts.contains_key(&link.device))
            .filter(|(link, _)| self.begins_with(link))
    }

    /// Whether it is for this device to begin. Of a pair the lower one does; a device with few links does not wait for the
    /// others, nor does whoever needs one of two of which the other has another room on show.
    fn begins_with(&self, link: &Neighbour) -> bool {
        if link.keeping == Keeping::Background && self.peers.len() + self.attempts.len() >= BACKGROUND {
            return false;
        }
        let is_any = self.is_background || link.keeping == Keeping::Background;
        is_any || self.local.cert_hash < link.cert_hash || self.has_few()
    }

    fn full(&self) -> usize {
        if self.is_background { BACKGROUND } else { FULL }
    }

    fn has_room(&self) -> bool {
        self.peers.len() + self.attempts.len() < self.full()
    }

    fn has_few(&self) -> bool {
        self.peers.len() < FEW && self.peers.values().any(|peer| peer.links.len() >= FULL)
    }

    /// Begins the introductions that are wanted and possible.
    fn seek(&mut self, now_ms: u64) {
        while self.has_room() {
            let due = |device: &DeviceId| self.failed.get(device).is_none_or(|failed| failed.not_before <= now_ms);
            let Some((link, via)) = self.candidates().find(|(link, _)| due(&link.device)) else { return };
            self.begin(link.device, via, None, now_ms);
        }
    }

    fn begin(&mut self, device: DeviceId, via: DeviceId, answers: Option<Contact>, now_ms: u64) {
        let slot = SlotId::new(Way::Introduction, self.next_slot);
        self.next_slot += 1;
        self.attempts.insert(device, Attempt { slot, via, deadline: now_ms + PATIENCE, answers, dialled: false });
        self.actions.push_back(MeshAction::Make(slot));
    }

    fn give_up(&mut self, device: DeviceId, now_ms: u64) {
        if let Some(attempt) = self.attempts.remove(&device) {
            self.actions.push_back(MeshAction::Drop(attempt.slot));
            self.note_failure(device, now_ms);
        }
    }

    fn note_failure(&mut self, device: DeviceId, now_ms: u64) {
        let times = self.failed.get(&device).map_or(0, |failed| failed.times);
        self.failed.insert(device, Failed { times: times + 1, not_before: now_ms + (RETRY << times.min(6)) });
        // Only of members that somebody is connected to: a room's past does not pile up here.
        let peers = &self.peers;
        self.failed.retain(|device, _| peers.values().any(|peer| peer.links.iter().any(|link| link.device == *device)));
    }

    fn tell(&mut self) {
        let own = Some(self.local).filter(|local| local.keeping != Keeping::default());
        let neighbours: Vec<Neighbour> = self.neighbours().chain(own).collect();
        for (device, peer) in &self.peers {
            let links = neighbours.iter().filter(|link| link.device != *device).copied().collect();
            self.actions.push_back(MeshAction::Tell { slot: peer.slot, links });
        }
    }
}
