use std::collections::VecDeque;

use litemap::LiteMap;

use super::jitter::Jitter;
use super::{Action, SlotId, Way};
use crate::id::{Address, CertHash, Endpoint};

/// The times that the policy works with, all in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiallerConfig {
    /// How often a visible device without a peer looks into the phone book.
    pub poll_alone: u64,
    /// How often a visible doorkeeper of a connected crew does.
    pub poll_doorkeeper: u64,
    /// How often a hidden one does, connected or not.
    pub poll_hidden: u64,
    /// How often a listing is renewed. Shorter than half the phone book's 120 s, so that one lost request costs nothing.
    pub relist: u64,
    /// How long a dial may take, and up to half as much again, until the connection's first sign of life. Longer than
    /// the other side's poll and the round trip to the phone book.
    pub dial: u64,
    /// How long DTLS may take once ICE has found a way; twice as long after three tries in which it was not enough, and
    /// four times after six. Short, because a connection of the other side that is taken by somebody else answers ICE
    /// just the same (all of a device's connections have the same credentials), and shorter than a poll, lest two devices
    /// wait for each other in step.
    pub dtls: u64,
    /// How long the rest may take (SCTP, Noise). Whoever is there has the right certificate by then.
    pub handshake: u64,
    /// How long gathering a spare's endpoints may take.
    pub gather: u64,
    /// The longest wait between two tries after failures, for the phone book and for a peer.
    pub backoff_max: u64,
}

impl Default for DiallerConfig {
    fn default() -> Self {
        Self {
            poll_alone: 3_000,
            poll_doorkeeper: 5_000,
            poll_hidden: 30_000,
            relist: 45_000,
            dial: 5_000,
            dtls: 2_000,
            handshake: 8_000,
            gather: 10_000,
            backoff_max: 30_000,
        }
    }
}

/// What is known of the phone book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookState {
    /// Not asked yet.
    Unknown,
    /// The last request was answered.
    Reachable,
    /// The last request was not.
    Unreachable,
}

/// What a dialler is doing, as a person would be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// The device has no network.
    Offline,
    /// Looking for the first time, or dialling somebody who has not failed to answer.
    Connecting,
    /// Nobody is there.
    Alone,
    /// At least one peer is connected.
    Connected,
}

/// The one connection that waits for a peer.
#[derive(Debug)]
enum Spare {
    /// There is none; make one not before this time.
    Absent { retry_at: u64 },
    /// Being made.
    Preparing { slot: SlotId, deadline: u64 },
    /// Waiting, with endpoints that others may dial.
    Waiting { slot: SlotId, endpoints: Vec<Endpoint> },
    /// Dialling `peer`; its endpoints stay listed meanwhile.
    Dialling { slot: SlotId, endpoints: Vec<Endpoint>, peer: CertHash, since: u64, deadline: u64, sign: Sign },
}

/// How far a dial has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// No sign of life.
    None,
    /// Something with the peer's credentials answers.
    Reached {
        /// Since when.
        at: u64,
    },
    /// It has the peer's certificate.
    Secured,
}

/// A listed device that is not this one.
#[derive(Debug)]
struct Listed {
    address: Address,
    /// Tries that ended without a connection since the listing last changed.
    failures: u32,
    /// Tries that ended without a connection since the last one that did not, however often it was listed meanwhile.
    misses: u32,
    /// Where it stands among those to be dialled: behind those with fewer misses, most of the time. If a miss always
    /// told, two devices could take turns for ever, each dialling the other while that dials a third. If a new listing
    /// wiped it out, somebody whose secret is wrong could keep a device busy by listing itself again and again.
    rank: u32,
    /// When its listing was seen to be new. `None` for one that was there when we came, and whose device may be gone:
    /// a page that crashed, or a phone that was put away, stays listed for a while.
    alive_at: Option<u64>,
    /// Not to be dialled before.
    not_before: u64,
    /// When this device first stood in the book.
    first_seen: u64,
    /// Dials that were answered and came no further, since the last that did.
    stalls: u32,
}

impl Listed {
    /// Whether its device showed so lately that it is listening that it surely still is.
    fn is_fresh(&self, now_ms: u64) -> bool {
        self.alive_at.is_some_and(|at| now_ms.saturating_sub(at) < FRESH)
    }
}

/// Requests to the phone book: at most one of each kind is under way.
#[derive(Debug)]
struct Book {
    state: BookState,
    failures: u32,
    polling: bool,
    registering: bool,
    /// What the book holds of us, as far as we know.
    listed: Option<Vec<Endpoint>>,
    next_poll: u64,
    next_register: u64,
    /// Whether a first answer about the others has come.
    answered: bool,
}

/// The dialling policy of one room on one device. See the [module](super).
///
/// Mutate, then drain: after any `handle_*` call, call [`poll_action`](Self::poll_action) until it gives `None`, then
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Dialler {
    config: DiallerConfig,
    local: CertHash,
    jitter: Jitter,
    online: bool,
    visible: bool,
    next_slot: u32,
    spare: Spare,
    book: Book,
    listed: LiteMap<CertHash, Listed>,
    peers: LiteMap<CertHash, SlotId>,
    /// Members of the crew who stand before us in keeping its listing.
    lower: usize,
    actions: VecDeque<Action>,
}

/// Misses of a listed device below which a person is told that we are connecting.
const PATIENCE: u32 = 2;
/// How long a new listing counts as new.
const FRESH: u64 = 20_000;
/// How long a device waits to be dialled after it was led astray, from half of it to one and a half.
const WAIT: u64 = 5_000;
/// How long DTLS may take after ICE where it is doubtful who answered; longer for those who stalled.
const SOON: u64 = 700;
/// A dial that has lasted this long gives way to a device that has just come.
const GIVE_WAY: u64 = 2_500;

impl Dialler {
    /// A dialler for the device with this certificate, visible and online. `seed` spreads its retries.
    #[must_use]
    pub fn new(local: CertHash, config: DiallerConfig, seed: u64, now_ms: u64) -> Self {
        let mut dialler = Self {
            config,
            local,
            jitter: Jitter::new(seed),
            online: true,
            visible: true,
            next_slot: 0,
            spare: Spare::Absent { retry_at: now_ms },
            book: Book {
                state: BookState::Unknown,
                failures: 0,
                polling: false,
                registering: false,
                listed: None,
                next_poll: now_ms,
                next_register: now_ms,
                answered: false,
            },
            listed: LiteMap::new(),
            peers: LiteMap::new(),
            lower: 0,
            actions: VecDeque::new(),
        };
        dialler.advance(now_ms);
        dialler
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, in milliseconds of the same clock.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        debug_assert!(self.actions.is_empty(), "drain the actions before asking for the deadline");
        let spare = match &self.spare {
            Spare::Absent { retry_at } => self.wants_listing().then_some(*retry_at),
            Spare::Preparing { deadline, .. } | Spare::Dialling { deadline, .. } => Some(*deadline),
            Spare::Waiting { endpoints, .. } => self.may_dial_from(endpoints).then(|| self.next_dial_at()).flatten(),
        };
        let poll = (self.asks_book() && !self.book.polling).then_some(self.book.next_poll);
        let register =
            (self.online && self.register_wanted() && !self.book.registering).then_some(self.book.next_register);
        [spare, poll, register].into_iter().flatten().min()
    }

    /// What a person should be told.
    #[must_use]
    pub fn activity(&self) -> Activity {
        if !self.peers.is_empty() {
            return Activity::Connected;
        }
        if !self.online {
            return Activity::Offline;
        }
        let hopeful = match &self.spare {
            Spare::Dialling { peer, .. } => self.listed.get(peer).is_some_and(|listed| listed.misses < PATIENCE),
            // Without the phone book nobody can be dialled, however lately they stood in it.
            _ => self.book.failures < PATIENCE && self.listed.values().any(|listed| listed.misses < PATIENCE),
        };
        if hopeful || (!self.book.answered && self.book.failures == 0) { Activity::Connecting } else { Activity::Alone }
    }

    /// Whether the phone book answers.
    #[must_use]
    pub fn book_state(&self) -> BookState {
        self.book.state
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        self.advance(now_ms);
    }

    /// The spare asked for by [`Action::MakeSpare`] waits at these endpoints.
    pub fn handle_spare_ready(&mut self, slot: SlotId, endpoints: Vec<Endpoint>, now_ms: u64) {
        if matches!(&self.spare, Spare::Preparing { slot: wanted, .. } if *wanted == slot) {
            self.spare = Spare::Waiting { slot, endpoints };
            self.book.next_register = now_ms;
            self.advance(now_ms);
        } else {
            self.actions.push_back(Action::Drop(slot));
        }
    }

    /// Somebody's connectivity check reached the spare: look up at once who that is.
    pub fn handle_knock(&mut self, slot: SlotId, now_ms: u64) {
        if !matches!(&self.spare, Spare::Waiting { slot: waiting, .. } if *waiting == slot) {
            return;
        }
        for listed in self.listed.iter_mut().map(|(_, listed)| listed) {
            listed.not_before = now_ms;
        }
        self.book.next_poll = now_ms;
        if self.dialable(now_ms).is_none() && !self.peers.is_empty() {
            self.actions.push_back(Action::ProbePeers);
        }
        self.advance(now_ms);
    }

    /// The dialled connection came up as far as ICE: something answers that has the credentials of the peer.
    pub fn handle_reached(&mut self, slot: SlotId, now_ms: u64) {
        if let Spare::Dialling { slot: dialling, deadline, sign, peer, .. } = &mut self.spare
            && *dialling == slot
            && *sign == Sign::None
        {
            *sign = Sign::Reached { at: now_ms };
            let stalls = self.listed.get(peer).map_or(0, |listed| listed.stalls);
            *deadline = now_ms + (self.config.dtls << (stalls / 3).min(2));
        }
    }

    /// The dialled connection came up as far as DTLS, so it is the peer that answers: leave it the time for the rest.
    pub fn handle_secured(&mut self, slot: SlotId, now_ms: u64) {
        if let Spare::Dialling { slot: dialling, deadline, sign, .. } = &mut self.spare
            && *dialling == slot
        {
            *sign = Sign::Secured;
            *deadline = now_ms + self.config.handshake;
        }
    }

    /// The dialled connection is open and its peer has proved membership.
    pub fn handle_open(&mut self, slot: SlotId, peer: CertHash, now_ms: u64) {
        if let Spare::Dialling { slot: dialling, peer: dialled, .. } = &self.spare
            && (*dialling == slot || *dialled == peer)
        {
            if *dialling != slot {
                // Somebody introduced the two meanwhile.
                self.actions.push_back(Action::Drop(*dialling));
            }
            self.spare = Spare::Absent { retry_at: now_ms };
        }
        if let Some(older) = self.peers.insert(peer, slot)
            && older != slot
        {
            self.actions.push_back(Action::Drop(older));
        }
        if let Some(listed) = self.listed.get_mut(&peer) {
            (listed.failures, listed.misses, listed.rank, listed.stalls) = (0, 0, 0, 0);
        }
        // A new spare has other endpoints: what the book lists of us is spent. Who else is there may have changed too.
        self.book.next_register = now_ms;
        self.book.next_poll = now_ms;
        self.advance(now_ms);
    }

    /// A connection failed or ended: the spare, a dial or a peer.
    pub fn handle_closed(&mut self, slot: SlotId, now_ms: u64) {
        match &self.spare {
            Spare::Dialling { slot: dialling, peer, .. } if *dialling == slot => {
                let peer = *peer;
                self.fail_dial(peer, now_ms);
            }
            Spare::Waiting { slot: waiting, .. } if *waiting == slot => {
                self.spare = Spare::Absent { retry_at: now_ms };
            }
            Spare::Preparing { slot: preparing, .. } if *preparing == slot => {
                self.spare = Spare::Absent { retry_at: now_ms + self.config.poll_alone };
            }
            _ => {}
        }
        let before = self.peers.len();
        self.peers.retain(|_, held| *held != slot);
        if self.peers.len() < before {
            self.book.next_poll = now_ms;
            for listed in self.listed.iter_mut().map(|(_, listed)| listed) {
                listed.not_before = now_ms;
            }
        }
        self.advance(now_ms);
    }

    /// The answer to [`Action::Register`]: whether the phone book took it.
    pub fn handle_registered(&mut self, endpoints: &[Endpoint], taken: bool, now_ms: u64) {
        self.book.registering = false;
        self.note_book(taken);
        if taken {
            let listed = (!endpoints.is_empty()).then(|| endpoints.to_vec());
            if listed.is_some() && self.book.listed != listed && self.dialable(now_ms).is_none() {
                // Of two who come at the same moment, the one listed later finds the other at once.
                self.book.next_poll = now_ms;
            }
            self.book.listed = listed;
            self.book.next_register = if self.register_wanted_now() { now_ms } else { now_ms + self.config.relist };
        } else {
            self.book.next_register = now_ms + self.backoff(self.book.failures);
        }
        self.advance(now_ms);
    }

    /// The answer to [`Action::Poll`]: the other addresses, or `None` when the phone book did not answer.
    pub fn handle_peers(&mut self, addresses: Option<Vec<Address>>, now_ms: u64) {
        self.book.polling = false;
        self.note_book(addresses.is_some());
        let Some(addresses) = addresses else {
            self.book.next_poll = now_ms + self.backoff(self.book.failures);
            self.advance(now_ms);
            return;
        };
        let looked_before = std::mem::replace(&mut self.book.answered, true);
        self.book.next_poll = now_ms + self.poll_interval();
        let (mut peer_relisted, mut moved) = (false, None);
        self.listed.retain(|hash, _| addresses.iter().any(|address| address.cert_hash == *hash));
        for address in addresses {
            if address.cert_hash == self.local || address.endpoints.is_empty() {
                continue;
            }
            let listed = self.listed.entry(address.cert_hash).or_insert_with(|| Listed {
                address: address.clone(),
                failures: 0,
                misses: 0,
                rank: 0,
                alive_at: looked_before.then_some(now_ms),
                not_before: now_ms,
                first_seen: now_ms,
                stalls: 0,
            });
            if listed.address != address {
                listed.alive_at = Some(now_ms);
                // A renewed listing is a sign of life: whoever lost a race for a spare comes round again.
                peer_relisted |= self.peers.contains_key(&address.cert_hash);
                if let Spare::Dialling { slot, peer, deadline, sign, .. } = &mut self.spare
                    && *peer == address.cert_hash
                {
                    match sign {
                        // It dials from its new endpoints, most likely us: meet it there instead of starting anew,
                        // which would move us in turn.
                        Sign::None => {
                            *deadline = now_ms + self.config.dial;
                            self.actions.push_back(Action::AddEndpoints { slot: *slot, address: address.clone() });
                        }
                        // The new connection's checks may come here before its listing does: that shows soon.
                        Sign::Reached { at } if now_ms < *at + SOON => {
                            *deadline = (*deadline).min(*at + (SOON << (listed.stalls / 3).min(2)));
                        }
                        Sign::Reached { .. } => moved = Some((*slot, *peer)),
                        Sign::Secured => {}
                    }
                }
                listed.address = address;
                listed.failures = 0;
                listed.not_before = now_ms;
            }
        }
        if peer_relisted {
            // Either it made a new spare, or it was reloaded and its end of our connection is gone.
            self.actions.push_back(Action::ProbePeers);
        }
        if let Some((slot, peer)) = moved {
            // What answered us was its old connection, and that was taken by somebody else.
            self.leave_wrong_way(slot, peer, now_ms);
        }
        self.give_way(now_ms);
        self.advance(now_ms);
    }

    /// The page became visible or hidden.
    pub fn handle_visibility(&mut self, visible: bool, now_ms: u64) {
        if visible && !self.visible {
            self.book.next_poll = now_ms;
            self.book.failures = 0;
        }
        self.visible = visible;
        self.advance(now_ms);
    }

    /// The network went or came. When it comes, addresses may have changed: the spare is made anew.
    pub fn handle_online(&mut self, online: bool, now_ms: u64) {
        if online && !self.online {
            self.renew_spare(now_ms);
            self.book.next_poll = now_ms;
            self.book.next_register = now_ms;
            self.book.failures = 0;
        }
        self.online = online;
        self.advance(now_ms);
    }

    /// Makes the spare anew, as after a change of network.
    pub fn renew_spare(&mut self, now_ms: u64) {
        if let Spare::Waiting { slot, .. } | Spare::Preparing { slot, .. } = &self.spare {
            self.actions.push_back(Action::Drop(*slot));
            self.spare = Spare::Absent { retry_at: now_ms };
        }
        self.advance(now_ms);
    }

    /// So many members can be called, are peers or connected to one, and have a lower certificate hash than ours.
    pub fn handle_lower(&mut self, count: usize, now_ms: u64) {
        if std::mem::replace(&mut self.lower, count) != count {
            self.advance(now_ms);
        }
    }

    /// Whether this device keeps a listing: it has no peer, or fewer than two members stand before it.
    #[must_use]
    pub fn wants_listing(&self) -> bool {
        self.peers.is_empty() || self.lower < 2
    }

    fn asks_book(&self) -> bool {
        self.online && self.wants_listing()
    }

    fn poll_interval(&self) -> u64 {
        match (self.visible, self.peers.is_empty()) {
            (false, _) => self.config.poll_hidden,
            (true, true) => self.config.poll_alone,
            (true, false) => self.config.poll_doorkeeper,
        }
    }

    /// What should stand in the book: `None` means nothing.
    fn own_endpoints(&self) -> Option<&Vec<Endpoint>> {
        match &self.spare {
            Spare::Waiting { endpoints, .. } | Spare::Dialling { endpoints, .. } if self.wants_listing() => {
                Some(endpoints).filter(|endpoints| !endpoints.is_empty())
            }
            _ => None,
        }
    }

    /// Whether the book has to be told something other than what it holds.
    fn register_wanted_now(&self) -> bool {
        match self.own_endpoints() {
            Some(endpoints) => self.book.listed.as_ref() != Some(endpoints),
            // Between two spares the old listing may stand for the moment.
            None => !self.wants_listing() && self.book.listed.is_some(),
        }
    }

    fn register_wanted(&self) -> bool {
        self.register_wanted_now() || self.own_endpoints().is_some()
    }

    fn note_book(&mut self, answered: bool) {
        if answered {
            self.book.state = BookState::Reachable;
            self.book.failures = 0;
        } else {
            self.book.state = BookState::Unreachable;
            self.book.failures = self.book.failures.saturating_add(1);
        }
    }

    /// Exponential, from one poll interval up, with a quarter of jitter so that a crew does not call in step.
    fn backoff(&mut self, failures: u32) -> u64 {
        let base = self.config.poll_alone << failures.saturating_sub(1).min(6);
        let base = base.min(self.config.backoff_max);
        base - base / 8 + self.jitter.below(base / 4)
    }

    fn fail_dial(&mut self, peer: CertHash, now_ms: u64) {
        let failures = self.listed.get(&peer).map_or(0, |listed| listed.failures);
        let wait = self.backoff(failures.saturating_add(1));
        let misses = self.listed.get(&peer).map_or(0, |listed| listed.misses).saturating_add(1);
        let forgotten = self.jitter.below(u64::from(misses) + 1) == 0;
        if let Some(listed) = self.listed.get_mut(&peer) {
            listed.failures = failures.saturating_add(1);
            listed.misses = misses;
            listed.rank = if forgotten { 0 } else { misses };
            // The first retry comes at once: most often the other side was busy with somebody else.
            listed.not_before = if failures == 0 { now_ms } else { now_ms + wait };
        }
        self.spare = Spare::Absent { retry_at: now_ms };
    }

    /// A dial was answered, and by a connection that was not meant for it. The peer is there and busy, so nothing counts
    /// against it. Now one side has to wait to be dialled, or the two go on leading each other astray; as neither knows what
    /// the other does, it is left to chance.
    fn leave_wrong_way(&mut self, slot: SlotId, peer: CertHash, now_ms: u64) {
        self.actions.push_back(Action::Drop(slot));
        self.spare = Spare::Absent { retry_at: now_ms };
        if let Some(listed) = self.listed.get_mut(&peer) {
            listed.stalls = listed.stalls.saturating_add(1);
            listed.alive_at = Some(now_ms);
        }
        if self.jitter.below(2) == 0 {
            let until = now_ms + WAIT / 2 + self.jitter.below(WAIT);
            for (_, listed) in self.listed.iter_mut() {
                listed.not_before = listed.not_before.max(until);
            }
        }
    }

    /// A dial without an answer ends early for a device that came after it began: that one is surely there.
    fn give_way(&mut self, now_ms: u64) {
        let Spare::Dialling { slot, peer, since, sign: Sign::None, .. } = &self.spare else {
            return;
        };
        let (slot, peer, since) = (*slot, *peer, *since);
        let fresh = self
            .listed
            .iter()
            .any(|(hash, listed)| *hash != peer && listed.first_seen > since && !self.peers.contains_key(hash));
        if fresh && now_ms.saturating_sub(since) >= GIVE_WAY {
            self.actions.push_back(Action::Drop(slot));
            self.fail_dial(peer, now_ms);
        }
    }

    /// Some wait longer than others, so that no crew turns in step.
    fn dial_deadline(&mut self, now_ms: u64) -> u64 {
        now_ms + self.config.dial + self.jitter.below(self.config.dial / 2)
    }

    /// The same number from either end of a pair.
    fn pair_score(&self, other: &CertHash) -> [u8; 32] {
        let mut score = *self.local.as_bytes();
        for (byte, theirs) in score.iter_mut().zip(other.as_bytes()) {
            *byte ^= theirs;
        }
        score
    }

    fn dialable(&self, now_ms: u64) -> Option<CertHash> {
        self.listed
            .iter()
            .filter(|(hash, listed)| !self.peers.contains_key(hash) && listed.not_before <= now_ms)
            .min_by_key(|(hash, listed)| {
                let fresh = listed.is_fresh(now_ms);
                // One miss is forgiven to whoever is surely there; more would let a stranger jump the queue for ever.
                (listed.rank.saturating_sub(u32::from(fresh)), !fresh, self.pair_score(hash))
            })
            .map(|(hash, _)| *hash)
    }

    /// The other side must be able to find the very endpoints that we dial from.
    fn may_dial_from(&self, endpoints: &Vec<Endpoint>) -> bool {
        self.online && self.book.listed.as_ref() == Some(endpoints)
    }

    fn next_dial_at(&self) -> Option<u64> {
        self.listed.iter().filter(|(hash, _)| !self.peers.contains_key(hash)).map(|(_, listed)| listed.not_before).min()
    }

    /// Brings everything to where it should be at `now_ms`. Every `handle_*` ends here.
    fn advance(&mut self, now_ms: u64) {
        match &self.spare {
            Spare::Dialling { slot, peer, deadline, sign, .. } if *deadline <= now_ms => {
                let (slot, peer, sign) = (*slot, *peer, *sign);
                if matches!(sign, Sign::Reached { .. }) {
                    self.leave_wrong_way(slot, peer, now_ms);
                } else {
                    self.actions.push_back(Action::Drop(slot));
                    self.fail_dial(peer, now_ms);
                }
            }
            Spare::Preparing { slot, deadline } if *deadline <= now_ms => {
                self.actions.push_back(Action::Drop(*slot));
                self.spare = Spare::Absent { retry_at: now_ms + self.config.poll_alone };
            }
            Spare::Waiting { slot, .. } if !self.wants_listing() => {
                self.actions.push_back(Action::Drop(*slot));
                self.spare = Spare::Absent { retry_at: now_ms };
            }
            _ => {}
        }
        if matches!(&self.spare, Spare::Absent { retry_at } if *retry_at <= now_ms) && self.wants_listing() {
            let slot = SlotId::new(Way::PhoneBook, self.next_slot);
            self.next_slot += 1;
            self.spare = Spare::Preparing { slot, deadline: now_ms + self.config.gather };
            self.actions.push_back(Action::MakeSpare(slot));
        }
        if let Spare::Waiting { slot, endpoints } = &self.spare
            && self.may_dial_from(endpoints)
            && let Some(peer) = self.dialable(now_ms)
            && let Some(listed) = self.listed.get(&peer)
        {
            let (slot, endpoints) = (*slot, endpoints.clone());
            self.actions.push_back(Action::Dial { slot, address: listed.address.clone() });
            let deadline = self.dial_deadline(now_ms);
            self.spare = Spare::Dialling { slot, endpoints, peer, since: now_ms, deadline, sign: Sign::None };
        }
        if self.online && !self.book.registering && self.register_wanted() && (self.book.next_register <= now_ms) {
            let endpoints = self.own_endpoints().cloned().unwrap_or_default();
            self.book.registering = true;
            self.actions.push_back(Action::Register(endpoints));
        }
        // Looking comes after listing: whoever is found must be able to find us.
        if self.asks_book() && !self.book.polling && self.book.next_poll <= now_ms {
            self.book.polling = true;
            self.actions.push_back(Action::Poll);
        }
    }
}
