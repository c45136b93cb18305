use std::collections::VecDeque;
use std::net::IpAddr;

use litemap::LiteMap;

use super::book::{Book, LISTED};
use super::jitter::Jitter;
use super::listed::{Listed, Listing, MAX_CANDIDATES, MAX_PROBED, Proof};
use super::probes::{Probe, Probes, Stage};
use super::{Action, BookState, DiallerConfig, Found, Side, SlotId, Unanswered, Way};
use crate::id::{CertHash, Endpoint};

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

/// The one listed connection.
#[derive(Debug)]
enum Spare {
    /// There is none; make one not before this time.
    Absent { retry_at: u64 },
    /// Being made.
    Preparing { slot: SlotId, deadline: u64 },
    /// Waiting, with endpoints that others may dial.
    Waiting { slot: SlotId, endpoints: Vec<Endpoint>, knock: Option<Knock> },
    /// Dialling `peer`; its endpoints stay listed meanwhile.
    Dialling { slot: SlotId, endpoints: Vec<Endpoint>, dial: Dial },
}

/// A dial that is under way.
#[derive(Debug)]
struct Dial {
    peer: CertHash,
    deadline: u64,
    sign: Sign,
    /// Where it was dialled in the beginning.
    tried: Vec<Endpoint>,
    /// How many more endpoints it may be given.
    more: usize,
}

/// Somebody's connectivity check has reached the spare.
#[derive(Clone, Copy, Debug)]
struct Knock {
    at: u64,
    /// Whether those who were silent have been probed for it.
    is_looked_into: bool,
}

/// How far a dial has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// Nothing has shown yet that the peer is there.
    Blind,
    /// It has answered a probe, and not this connection.
    Proven,
    /// Something with the peer's credentials answers.
    Reached {
        /// Since when.
        at: u64,
    },
    /// It has the peer's certificate.
    Secured,
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
    /// The page shows another room.
    is_background: bool,
    /// Since when this device waits without a peer, or was last used by a person.
    waits_since: u64,
    next_slot: u32,
    spare: Spare,
    probes: Probes,
    /// When a silent listing may be probed again.
    reprobe_at: u64,
    blind: Blind,
    /// Who has shown a sign of life while a blind dial kept the spare: dialled before the new one is listed.
    hurry: Option<CertHash>,
    /// Somebody has knocked, and the book has not said since who that may be.
    knocked: bool,
    book: Book,
    /// Spares in a row that had no endpoints.
    unaddressed: u32,
    /// How often in a row our listing was missing from the book.
    losses: u32,
    listed: LiteMap<CertHash, Listed>,
    /// Signs of somebody else who has this device's certificate, one soon after the other, since a connection last opened;
    /// and when the last one was.
    doubles: u32,
    double_at: u64,
    /// Who is connected: over which connection, and since when.
    peers: LiteMap<CertHash, (SlotId, u64)>,
    /// Members of the crew who stand before us in keeping its listing.
    lower: usize,
    /// The other one who keeps it.
    other_keeper: Option<CertHash>,
    actions: VecDeque<Action>,
}

/// Dials of devices that no probe could prove to be there.
#[derive(Debug)]
struct Blind {
    /// So many more are allowed.
    left: u32,
    /// When there is one more.
    refill_at: u64,
    /// When the last one began; at first, when this device came.
    last_at: u64,
    /// Devices that have gone lately from the book without ever having answered, since somebody did.
    strangers: u32,
}

impl Blind {
    fn new(now_ms: u64) -> Self {
        Self { left: BLINDS, refill_at: now_ms + BLIND_REFILL, last_at: now_ms, strangers: 0 }
    }

    /// When there may be one.
    fn allowed_at(&self, is_among_strangers: bool) -> u64 {
        let at = if self.left > 0 { 0 } else { self.refill_at };
        if is_among_strangers { at.max(self.last_at + AMONG_STRANGERS) } else { at }
    }

    fn note_strangers(&mut self, more: u32) {
        self.strangers = self.strangers.saturating_add(more).min(MOST_STRANGERS);
    }

    /// Time has passed.
    fn advance(&mut self, now_ms: u64) {
        if now_ms >= self.refill_at {
            self.left = (self.left + 1).min(BLINDS);
            self.strangers = self.strangers.saturating_sub(1);
            self.refill_at = now_ms + BLIND_REFILL;
        }
    }
}

/// Misses of a listed device below which a person is told that we are connecting.
const PATIENCE: u32 = 2;
/// For how long somebody has to be listed whom no dial reaches until a person is told, in milliseconds.
const OUT_OF_REACH: u64 = 20_000;
/// How long a device waits to be dialled after it was led astray, from half of it to one and a half.
const WAIT: u64 = 5_000;
/// How long DTLS may take after ICE where it is doubtful who answered; longer for those who stalled.
const SOON: u64 = 700;
/// Most listings of others that are looked at: as many as a phone book has for a room.
const MAX_LISTINGS: usize = 64;
/// How long a probe has to be without an answer before its device is dialled all the same.
const QUIET: u64 = 250;
/// How often a listing is probed in a row where whoever is there may not answer, as the one tie-breaker or the other is the
/// greater one, and of how many listings.
const TOSSES: u32 = 4;
const FEW_LISTINGS: usize = 4;
/// How often a silent listing is probed again, one of them all.
const REPROBE: u64 = 60_000;
/// Blind dials that may be saved up, and when there is one more.
const BLINDS: u32 = 2;
const BLIND_REFILL: u64 = 20_000;
/// How long one is put off where so many are silent, and how many silent ones are remembered that have gone.
const AMONG_STRANGERS: u64 = 60_000;
const STRANGERS: u32 = 4;
const MOST_STRANGERS: u32 = 12;
/// The wait before the second call of a device is answered, doubled each time up to six times.
const ANSWER_BACKOFF: u64 = 30_000;
/// How long a listing may have stood from which somebody is called.
const JUST_LISTED: u64 = 2_000;
/// How often a device looks while it dials, and while it waits for somebody who was led astray, unless that was so often.
const POLL_MEETING: u64 = 600;
/// How often a doorkeeper looks while it dials somebody of whom there is no sign.
const POLL_CREW: u64 = 2_000;
const MANY: u32 = 8;
/// The wait before the third blind dial of a device, doubled each time up to five times.
const BLIND_BACKOFF: u64 = 30_000;
/// How long after a knock it must be clear whose it was before whoever is silent is asked once more, and how long before
/// the spare is made anew: a connection shows one knock only.
const KNOCK_UNCLEAR: u64 = 1_500;
const KNOCK_OVER: u64 = 8_000;
/// For how long a device that has just come looks as often as it can, and until when it looks ever less.
const FIRST: u64 = 15_000;
const SOME_MINUTES: u64 = 600_000;
const ONE_HOUR: u64 = 3_600_000;
/// A doorkeeper renews its listing when it is its turn, and by itself if it has no turn for so long.
const TURN_AT_MOST: u64 = 16_000;
/// Of so many callers each is likely enough to call us.
const FEW_CALLERS: usize = 2;
/// So many signs in a row of somebody else who has our certificate are no accident.
const DOUBLES: u32 = 4;
const SOON_AFTER: u64 = 60_000;
/// How long a hidden page keeps a blind dial up: almost as long as ICE goes on trying (15 s in Chromium).
const LONG_CALL: u64 = 14_000;
/// When it looks meanwhile: past the half, so that of two that call in turns one sees the other's new listing.
const LONG_LOOK: u64 = 9_000;
/// How long whoever dials somebody else takes to look, and to ask who is new.
const LOOKS: u64 = 1_500;

impl Dialler {
    /// Most candidates of one dial. RFC 8445 (section 19.5.1) asks for a bound: whoever lists addresses that are not his
    /// own has members send connectivity checks there.
    pub const MAX_CANDIDATES: usize = MAX_CANDIDATES;
    /// Most candidates of one probe. At the pace of 50 ms a check all are tried within its time.
    pub const MAX_PROBED: usize = MAX_PROBED;

    /// A dialler for the device with this certificate, visible and online. `seed` spreads its retries.
    #[must_use]
    pub fn new(local: CertHash, config: DiallerConfig, seed: u64, now_ms: u64) -> Self {
        let mut dialler = Self {
            config,
            local,
            jitter: Jitter::new(seed),
            online: true,
            visible: true,
            is_background: false,
            waits_since: now_ms,
            next_slot: 0,
            spare: Spare::Absent { retry_at: now_ms },
            probes: Probes::new(config.probe_refill, now_ms),
            reprobe_at: now_ms + REPROBE,
            blind: Blind::new(now_ms),
            hurry: None,
            knocked: false,
            book: Book::new(now_ms),
            unaddressed: 0,
            losses: 0,
            listed: LiteMap::new(),
            doubles: 0,
            double_at: now_ms,
            peers: LiteMap::new(),
            lower: 0,
            other_keeper: None,
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
            Spare::Preparing { deadline, .. } => Some(*deadline),
            Spare::Dialling { dial, .. } => Some(dial.deadline),
            Spare::Waiting { knock, .. } => {
                let knock = knock.map(|knock| knock.at + if knock.is_looked_into { KNOCK_OVER } else { KNOCK_UNCLEAR });
                let dial = self.is_found().then(|| self.next_dial_at()).flatten();
                [knock, dial].into_iter().flatten().min()
            }
        };
        let probe = self.probes.running.iter().map(|probe| probe.deadline).min();
        let more = [true, false].into_iter().filter_map(|is_vouched| self.next_probe_at(is_vouched)).min();
        let more = more.filter(|_| self.is_found());
        let poll = (self.asks_book() && self.book.polling.is_none()).then(|| self.book.look_at());
        let register =
            (self.online && self.register_wanted() && !self.book.registering).then(|| self.book.register_at());
        [spare, probe, more, poll, register].into_iter().flatten().min()
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
            Spare::Dialling { dial, .. } => self.listed.get(&dial.peer).is_some_and(|listed| listed.misses < PATIENCE),
            // Without the phone book nobody can be dialled, however lately they stood in it.
            _ => {
                let is_hopeful = |listed: &Listed| listed.misses < PATIENCE && !listed.is_silent();
                self.book.failures < PATIENCE && !self.is_turned_away() && self.listed.values().any(is_hopeful)
            }
        };
        if hopeful || (!self.book.answered && self.book.failures == 0) { Activity::Connecting } else { Activity::Alone }
    }

    /// Whether the phone book answers.
    #[must_use]
    pub fn book_state(&self) -> BookState {
        self.book.state
    }

    /// Whether two spares in a row had no endpoints, or none in time. (Firefox never gathers where datagrams have to take a
    /// proxy that there is not.)
    #[must_use]
    pub fn is_without_address(&self) -> bool {
        self.unaddressed >= PATIENCE
    }

    /// Whether the phone book answers and does not list this device, so that nobody can find it: it said so, or did not take
    /// the listing twice in a row.
    #[must_use]
    pub fn is_turned_away(&self) -> bool {
        let is_refused = self.book.is_refused || self.book.refusals >= PATIENCE;
        is_refused && self.book.state == BookState::Reachable && self.own_endpoints().is_some()
    }

    /// Whether somebody else has stood in the phone book for a while, was there meanwhile by all that can be seen, and was
    /// dialled in vain. Where a browser's requests go another way than its datagrams (a proxy or VPN that takes HTTP only),
    /// the phone book sees an address at which nobody can be dialled.
    #[must_use]
    pub fn is_somebody_out_of_reach(&self, now_ms: u64) -> bool {
        let is_out_of_reach = |(_, listed): (&CertHash, &Listed)| {
            let since = now_ms.saturating_sub(listed.since);
            let is_there = (listed.alive_at.is_some() && since >= OUT_OF_REACH) || since >= LISTED + OUT_OF_REACH;
            is_there && listed.is_vouched && (listed.misses >= PATIENCE || listed.is_silent())
        };
        self.peers.is_empty() && self.book.state == BookState::Reachable && self.others().any(is_out_of_reach)
    }

    /// Whether somebody stands in the phone book who was dialled in vain, for whatever reason.
    #[must_use]
    pub fn has_missed_somebody(&self) -> bool {
        self.others().any(|(_, listed)| listed.is_vouched && listed.misses > 0)
    }

    /// Whether the phone book lists a device with this certificate.
    #[must_use]
    pub fn is_listed(&self, peer: &CertHash) -> bool {
        self.listed.contains_key(peer)
    }

    /// Whether somebody else seems to have this device's certificate, which then is of no use to either: nobody is connected,
    /// and dial after dial is answered and comes no further, as if each peer were connected to the other one, or look after
    /// look shows a listing under our hash that is none of ours. Only while the phone book answers, by which others get to
    /// know another certificate.
    ///
    /// It is a guess: whoever knows the room's id can list whatever he likes.
    #[must_use]
    pub fn has_double(&self) -> bool {
        self.peers.is_empty() && self.doubles >= DOUBLES && self.book.failures == 0
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        self.advance(now_ms);
    }

    /// The spare asked for by [`Action::MakeSpare`] waits at these endpoints.
    pub fn handle_spare_ready(&mut self, slot: SlotId, endpoints: Vec<Endpoint>, now_ms: u64) {
        if !matches!(&self.spare, Spare::Preparing { slot: wanted, .. } if *wanted == slot) {
            self.actions.push_back(Action::Drop(slot));
        } else if endpoints.is_empty() {
            self.drop_unaddressed(slot, now_ms);
            self.advance(now_ms);
        } else {
            self.unaddressed = 0;
            self.spare = Spare::Waiting { slot, endpoints, knock: None };
            self.book.next_register = now_ms;
            self.advance(now_ms);
        }
    }

    /// Drops a spare that has no endpoints, or none in time: nobody could dial it. The next may have some, when a network has
    /// come or a VPN was switched off.
    fn drop_unaddressed(&mut self, slot: SlotId, now_ms: u64) {
        self.unaddressed = self.unaddressed.saturating_add(1);
        self.actions.push_back(Action::Drop(slot));
        self.spare = Spare::Absent { retry_at: now_ms + self.backoff(self.unaddressed) };
    }

    /// Somebody's connectivity check reached the spare, so a member is there: look up at once who that is.
    pub fn handle_knock(&mut self, slot: SlotId, now_ms: u64) {
        match &mut self.spare {
            Spare::Waiting { slot: waiting, knock, .. } if *waiting == slot => {
                *knock = Some(Knock { at: now_ms, is_looked_into: false });
                self.knocked = true;
            }
            _ => return,
        }
        for (_, listed) in self.listed.iter_mut() {
            listed.not_before = now_ms;
        }
        self.book.look(now_ms);
        let is_anybody_new = [true, false].into_iter().any(|is_vouched| self.next_probe(is_vouched, now_ms).is_some());
        if !is_anybody_new && self.proven(now_ms).is_none() && !self.peers.is_empty() {
            self.actions.push_back(Action::ProbePeers);
        }
        self.advance(now_ms);
    }

    /// The connection came up as far as ICE: something answers that has the credentials of the peer.
    pub fn handle_reached(&mut self, slot: SlotId, now_ms: u64) {
        if let Some(probe) = self.probes.of_slot(slot) {
            probe.reached(&self.local, self.config.dtls, now_ms);
            let (peer, ip) = (probe.peer, probe.ip);
            if let Some(listing) = self.listing_mut(&peer, ip)
                && matches!(listing.proof, Proof::Asked { .. })
            {
                listing.proof = Proof::Answering;
            }
        } else if let Spare::Dialling { slot: dialling, dial, .. } = &mut self.spare
            && *dialling == slot
            && matches!(dial.sign, Sign::Blind | Sign::Proven)
        {
            dial.sign = Sign::Reached { at: now_ms };
            let patience = |listed: &Listed| {
                let patience = self.config.dtls << (listed.stalls / 3).min(2);
                if listed.was_there { patience.max(self.config.poll_alone + SOON) } else { patience }
            };
            dial.deadline = now_ms + self.listed.get(&dial.peer).map_or(self.config.dtls, patience);
            if let Some(listed) = self.listed.get_mut(&dial.peer) {
                listed.has_answered = true;
            }
            if self.config.hears_knocks && self.visible && self.peers.is_empty() {
                self.book.next_poll = self.book.next_poll.min(now_ms + SOON);
            }
        }
        self.advance(now_ms);
    }

    /// The connection came up as far as DTLS, so it is the peer that answers: leave it the time for the rest.
    pub fn handle_secured(&mut self, slot: SlotId, now_ms: u64) {
        let patience = now_ms + self.config.handshake;
        if let Some(probe) = self.probes.of_slot(slot) {
            (probe.stage, probe.deadline) = (Stage::Secured, patience);
        } else if let Spare::Dialling { slot: dialling, dial, .. } = &mut self.spare
            && *dialling == slot
        {
            (dial.sign, dial.deadline) = (Sign::Secured, patience);
        }
    }

    /// The connection is open and its peer has proved membership.
    pub fn handle_open(&mut self, slot: SlotId, peer: CertHash, now_ms: u64) {
        if let Spare::Dialling { slot: dialling, dial, .. } = &self.spare
            && (*dialling == slot || dial.peer == peer)
        {
            // The other side may have taken one that outlasts this one.
            let is_coming = matches!(dial.sign, Sign::Reached { .. } | Sign::Secured) && dialling.outlasts(slot, 0);
            if !is_coming {
                if *dialling != slot {
                    // The two met in another way meanwhile.
                    self.actions.push_back(Action::Drop(*dialling));
                }
                self.spare = Spare::Absent { retry_at: now_ms };
            }
        }
        let was_probe = self.probes.take(slot).is_some();
        let is_coming = |probe: &Probe| probe.stage != Stage::Asking && probe.slot.outlasts(slot, 0);
        self.end_probes(|probe| probe.peer == peer && !is_coming(probe));
        if was_probe && let Spare::Waiting { slot: waiting, .. } = &self.spare {
            // The peer dials the spare still, and would leave this connection for it if that answered.
            self.actions.push_back(Action::Drop(*waiting));
            self.spare = Spare::Absent { retry_at: now_ms };
        }
        if let Some((older, _)) = self.peers.insert(peer, (slot, now_ms))
            && older != slot
        {
            self.actions.push_back(Action::Drop(older));
        }
        if let Some(listed) = self.listed.get_mut(&peer) {
            (listed.failures, listed.misses, listed.rank, listed.stalls) = (0, 0, 0, 0);
            (listed.answers, listed.is_owed, listed.has_answered) = (0, false, true);
        }
        (self.blind.left, self.blind.strangers, self.doubles) = (BLINDS, 0, 0);
        // A new spare has other endpoints: what the book lists of us is spent. Who else is there may have changed too.
        self.book.next_register = now_ms;
        self.book.look(now_ms);
        self.advance(now_ms);
    }

    /// A connection failed or ended: the spare, a dial, a probe or a peer.
    pub fn handle_closed(&mut self, slot: SlotId, now_ms: u64) {
        match &self.spare {
            Spare::Dialling { slot: dialling, dial, .. } if *dialling == slot => {
                let peer = dial.peer;
                self.fail_dial(peer, now_ms);
            }
            Spare::Waiting { slot: waiting, .. } if *waiting == slot => {
                self.spare = Spare::Absent { retry_at: now_ms };
            }
            Spare::Preparing { slot: preparing, .. } if *preparing == slot => {
                // Where no datagram may leave, ICE may fail before it has gathered anything.
                self.unaddressed = self.unaddressed.saturating_add(1);
                self.spare = Spare::Absent { retry_at: now_ms + self.config.poll_alone };
            }
            _ => {}
        }
        if let Some(probe) = self.probes.take(slot) {
            self.conclude(&probe, now_ms);
        }
        let before = self.peers.len();
        self.peers.retain(|_, (held, _)| *held != slot);
        if self.peers.len() < before {
            self.waits_since = now_ms;
            self.book.look(now_ms);
            for (_, listed) in self.listed.iter_mut() {
                listed.not_before = now_ms;
            }
        }
        self.advance(now_ms);
    }

    /// The answer to [`Action::Register`]: where the phone book saw us, if it said so, or that it did not take it.
    pub fn handle_registered(
        &mut self,
        endpoints: &[Endpoint],
        answer: Result<Option<IpAddr>, Unanswered>,
        now_ms: u64,
    ) {
        self.book.registering = false;
        match answer {
            Ok(seen_at) => self.note_listed(endpoints, seen_at, now_ms),
            Err(unanswered) => {
                self.book.refusals = self.book.refusals.saturating_add(1);
                self.book.is_refused = unanswered.retry_after_ms.is_some();
                // There may be no place in the room, or none for this network: that is no reason not to look.
                self.book.next_register = now_ms + self.backoff(self.book.refusals).max(unanswered.wait());
            }
        }
        self.advance(now_ms);
    }

    fn note_listed(&mut self, endpoints: &[Endpoint], seen_at: Option<IpAddr>, now_ms: u64) {
        self.book.note(true);
        (self.book.refusals, self.book.is_refused) = (0, false);
        let listed = (!endpoints.is_empty()).then(|| endpoints.to_vec());
        if listed.is_some() && self.book.listed != listed && self.proven(now_ms).is_none() {
            // Of two who come at the same moment, the one listed later finds the other at once.
            self.book.look(now_ms);
        }
        (self.book.listed, self.book.listed_at, self.book.seen_at) = (listed, now_ms, seen_at);
        let turns = if self.peers.is_empty() { 0 } else { TURN_AT_MOST };
        self.book.next_register = if self.register_wanted_now() { now_ms } else { now_ms + self.config.relist + turns };
    }

    /// The answer to [`Action::Poll`]: all listings, or that the phone book did not answer. Those under our own
    /// certificate hash are nobody to dial. If the listing that we made is not among them, it is made once more: the phone
    /// book keeps nothing but in memory.
    pub fn handle_peers(&mut self, answer: Result<Vec<Found>, Unanswered>, now_ms: u64) {
        let asked_at = self.book.polling.take().unwrap_or(now_ms);
        self.book.note(answer.is_ok());
        let mut found = match answer {
            Ok(found) => found,
            Err(unanswered) => {
                let jitter = self.jitter.below(unanswered.wait() / 4 + 1);
                self.book.not_before = self.book.not_before.max(now_ms + unanswered.wait() + jitter);
                self.book.next_poll = now_ms + self.backoff(self.book.failures);
                return self.advance(now_ms);
            }
        };
        let looked_before = std::mem::replace(&mut self.book.answered, true);
        let is_old = asked_at < self.book.wish_at;
        self.book.next_poll = if is_old { now_ms } else { self.next_look(now_ms) };
        self.note_own(&found, asked_at, now_ms);
        found.retain(|Found { address, .. }| address.cert_hash != self.local && !address.endpoints.is_empty());
        found.sort_by_key(|found| !found.is_vouched);
        found.truncate(MAX_LISTINGS);
        self.forget_gone(&found);
        if !is_old && std::mem::take(&mut self.knocked) {
            self.probes.grant(now_ms);
        }
        let (mut peer_relisted, mut came) = (false, Vec::new());
        for (place, Found { address, is_vouched }) in found.into_iter().enumerate() {
            let (peer, ip) = (address.cert_hash, address.ip);
            if !self.listed.contains_key(&peer) {
                came.push(peer);
            }
            let alive_at = looked_before.then_some(now_ms);
            let listed = self.listed.entry(peer).or_insert_with(|| Listed::new(is_vouched, alive_at, now_ms));
            let known = listed.listings.iter_mut().find(|listing| listing.address.ip == ip);
            match known {
                Some(known) if known.address == address => {
                    known.place = place;
                    continue;
                }
                Some(known) => *known = Listing::new(address, place),
                None => listed.listings.push(Listing::new(address, place)),
            }
            if came.contains(&peer) {
                continue;
            }
            (listed.alive_at, listed.moved_at, listed.was_there) = (Some(now_ms), Some(now_ms), false);
            listed.failures = 0;
            listed.not_before = now_ms;
            // A renewed listing is a sign of life: whoever lost a race for a spare comes round again.
            peer_relisted |= self.peers.contains_key(&peer);
            self.follow(peer, ip);
        }
        if peer_relisted {
            // Either it made a new spare, or it was reloaded and its end of our connection is gone.
            self.actions.push_back(Action::ProbePeers);
        }
        self.advance(now_ms);
    }

    /// The page became visible or hidden, or shows this room or another one.
    pub fn handle_presence(&mut self, is_visible: bool, is_background: bool, now_ms: u64) {
        let visible = is_visible && !is_background;
        if visible && !self.visible {
            self.begin_anew(now_ms);
        }
        (self.visible, self.is_background) = (visible, is_background);
        self.advance(now_ms);
    }

    /// The person does something on this device: whoever waits looks more often again.
    pub fn handle_use(&mut self, now_ms: u64) {
        if self.visible && self.peers.is_empty() && self.poll_interval(now_ms) > self.config.poll_alone {
            self.waits_since = now_ms;
            self.book.look(now_ms);
            self.advance(now_ms);
        }
    }

    /// The network went or came. When it comes, addresses may have changed: the spare is made anew.
    pub fn handle_online(&mut self, online: bool, now_ms: u64) {
        if online && !self.online {
            self.renew_spare(now_ms);
            self.begin_anew(now_ms);
            self.book.next_register = now_ms;
        }
        self.online = online;
        self.advance(now_ms);
    }

    /// A way to the others is open that was not: whoever was dialled in vain is dialled as if for the first time.
    pub fn handle_way_opened(&mut self, now_ms: u64) {
        self.end_probes(|probe| probe.stage == Stage::Asking);
        for (_, listed) in self.listed.iter_mut() {
            listed.forget_misses(now_ms);
        }
        if let Spare::Dialling { slot, dial, .. } = &self.spare
            && matches!(dial.sign, Sign::Blind | Sign::Proven)
        {
            self.actions.push_back(Action::Drop(*slot));
            self.spare = Spare::Absent { retry_at: now_ms };
        }
        self.begin_anew(now_ms);
        self.renew_spare(now_ms);
    }

    fn begin_anew(&mut self, now_ms: u64) {
        self.waits_since = now_ms;
        self.book.look(now_ms);
        self.book.failures = 0;
        self.probes.grant(now_ms);
        self.blind.left = BLINDS;
    }

    /// Makes the spare anew, as after a change of network.
    pub fn renew_spare(&mut self, now_ms: u64) {
        self.book.not_before = now_ms;
        if let Spare::Waiting { slot, .. } | Spare::Preparing { slot, .. } = &self.spare {
            self.actions.push_back(Action::Drop(*slot));
            self.spare = Spare::Absent { retry_at: now_ms };
        }
        self.advance(now_ms);
    }

    /// So many members stand before this device in keeping the crew's listing, as [`Mesh::lower`](crate::mesh::Mesh::lower)
    /// has it; and which of the others keeps it with this one.
    pub fn handle_keepers(&mut self, lower: usize, other: Option<CertHash>, now_ms: u64) {
        if (self.lower, self.other_keeper) != (lower, other) {
            (self.lower, self.other_keeper) = (lower, other);
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

    fn poll_interval(&self, now_ms: u64) -> u64 {
        let (first, last) = self.config.poll_background;
        match now_ms.saturating_sub(self.waits_since) {
            // Whoever is there and was not reached has to be met in the act of calling.
            _ if self.is_background && self.others().next().is_some() => first,
            waits if self.is_background => waits.clamp(first, last),
            _ if !self.visible => self.config.poll_hidden,
            _ if self.is_meeting(now_ms) => POLL_MEETING,
            ..FIRST => self.config.poll_first,
            FIRST..SOME_MINUTES => self.config.poll_alone,
            SOME_MINUTES..ONE_HOUR => self.config.poll_later,
            _ => self.config.crew_turn,
        }
    }

    /// Whether a blind dial keeps the spare.
    fn is_blind(&self) -> bool {
        matches!(&self.spare, Spare::Dialling { dial, .. } if dial.sign == Sign::Blind)
    }

    /// Whether this device dials somebody, or waits for somebody who was led astray to come back: what that does shows in
    /// its listing.
    fn is_meeting(&self, now_ms: u64) -> bool {
        let is_awaited =
            |listed: &Listed| listed.has_answered && listed.not_before > now_ms && listed.stalls + listed.misses < MANY;
        let is_doubtful = match &self.spare {
            Spare::Dialling { dial, .. } if self.config.hears_knocks => matches!(dial.sign, Sign::Reached { .. }),
            _ => self.others().any(|(_, listed)| is_awaited(listed)),
        };
        self.is_blind() || is_doubtful
    }

    /// How long a crew waits from look to look.
    fn crew_turn(&self) -> u64 {
        if self.visible { self.config.crew_turn } else { self.config.crew_turn_hidden }
    }

    /// When to look again. The two doorkeepers of a crew take turns: both know when the connection between them opened,
    /// and count from then.
    fn next_look(&mut self, now_ms: u64) -> u64 {
        if self.peers.is_empty() {
            let interval = self.poll_interval(now_ms);
            if self.visible || self.others().next().is_none() {
                return now_ms + interval;
            }
            // Two who look in step could each call just when the other has given up.
            return now_ms + interval * 3 / 4 + self.jitter.below(interval / 2);
        }
        if self.visible && self.is_blind() {
            return now_ms + POLL_CREW;
        }
        let turn = self.crew_turn();
        let Some(other) = self.other_keeper else { return now_ms + turn };
        let Some((_, since)) = self.peers.get(&other) else {
            // Not connected to each other: on the average it comes to the same.
            return now_ms + turn * 7 / 4 + self.jitter.below(turn / 2);
        };
        let first = since + if self.lower == 0 { 0 } else { turn };
        let past = now_ms.saturating_sub(first) / (2 * turn) + u64::from(now_ms >= first);
        first + past * 2 * turn
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

    /// Whether whoever looks finds the spare: only then can the other side answer a dial or a probe.
    fn is_found(&self) -> bool {
        self.online && self.own_endpoints().is_some() && self.own_endpoints() == self.book.listed.as_ref()
    }

    /// Whether this doorkeeper is listed only when somebody is there to be let in: where it shows no knock it has to look
    /// all the same, and a listing that nobody needs would be renewed besides.
    fn is_quiet(&self) -> bool {
        !self.config.hears_knocks && !self.peers.is_empty() && self.others().next().is_none()
    }

    /// Whether the book has to be told something other than what it holds.
    fn register_wanted_now(&self) -> bool {
        match self.own_endpoints() {
            Some(endpoints) => !self.is_quiet() && self.book.listed.as_ref() != Some(endpoints),
            // Between two spares the old listing may stand for the moment.
            None => !self.wants_listing() && self.book.listed.is_some(),
        }
    }

    fn register_wanted(&self) -> bool {
        self.register_wanted_now() || (!self.is_quiet() && self.own_endpoints().is_some())
    }

    /// Lists this device again if the book has lost its listing; ever more slowly if that is of no use.
    fn note_own(&mut self, found: &[Found], asked_at: u64, now_ms: u64) {
        let is_lost = self.book.has_lost_us(&self.local, found, asked_at);
        if self.book.shows_double(&self.local, found, asked_at, is_lost) {
            self.note_double(now_ms);
        }
        if is_lost {
            self.book.listed = None;
            self.book.next_register = if self.losses < 3 { now_ms } else { now_ms + self.backoff(self.losses) };
            self.losses += 1;
        } else if self.book.knows_us(asked_at) {
            self.losses = 0;
        }
    }

    /// The device being dialled has another listing, by itself or by somebody else: it dials from there, most likely us.
    /// Meeting it there is better than starting anew, which would move us in turn.
    fn follow(&mut self, peer: CertHash, ip: IpAddr) {
        let Some(listed) = self.listed.get(&peer) else { return };
        let listing = listed.listings.iter().find(|listing| listing.address.ip == ip);
        if let Spare::Dialling { slot, dial, .. } = &mut self.spare
            && dial.peer == peer
            && matches!(dial.sign, Sign::Blind | Sign::Proven)
            && let Some(listing) = listing
        {
            let mut candidates = listing.candidates();
            candidates.truncate((Self::MAX_PROBED / listed.listings.len().max(1)).max(1).min(dial.more));
            dial.more -= candidates.len();
            if !candidates.is_empty() {
                self.actions.push_back(Action::AddEndpoints { slot: *slot, candidates });
            }
        }
    }

    fn forget_gone(&mut self, found: &[Found]) {
        let mut strangers = 0;
        for (hash, listed) in self.listed.iter_mut() {
            let stays = |listing: &Listing| {
                found.iter().any(|Found { address, .. }| address.cert_hash == *hash && address.ip == listing.address.ip)
            };
            let may_be_stranger = listed.may_be_stranger();
            listed.listings.retain(stays);
            strangers += u32::from(may_be_stranger && listed.listings.is_empty());
        }
        self.listed.retain(|_, listed| !listed.listings.is_empty());
        self.blind.note_strangers(strangers);
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
            listed.blind_from =
                if misses < PATIENCE { 0 } else { now_ms + (BLIND_BACKOFF << (misses - PATIENCE).min(5)) };
            listed.doubt();
        }
        self.spare = Spare::Absent { retry_at: now_ms };
    }

    fn note_double(&mut self, now_ms: u64) {
        let is_soon = now_ms.saturating_sub(self.double_at) < SOON_AFTER;
        self.doubles = if is_soon { self.doubles.saturating_add(1) } else { 1 };
        self.double_at = now_ms;
    }

    /// A dial was answered, and by a connection that was not meant for it. The peer is there and busy, so nothing counts
    /// against it. Now one side has to wait to be dialled, or the two go on leading each other astray; as neither knows what
    /// the other does, it is left to chance.
    fn leave_wrong_way(&mut self, slot: SlotId, peer: CertHash, now_ms: u64) {
        self.note_double(now_ms);
        self.actions.push_back(Action::Drop(slot));
        self.spare = Spare::Absent { retry_at: now_ms };
        if let Some(listed) = self.listed.get_mut(&peer) {
            listed.stalls = listed.stalls.saturating_add(1);
            listed.alive_at = Some(now_ms);
            listed.doubt();
        }
        if self.jitter.below(2) == 0 {
            let until = now_ms + WAIT / 2 + self.jitter.below(WAIT);
            for (_, listed) in self.listed.iter_mut() {
                listed.not_before = listed.not_before.max(until);
            }
        }
    }

    /// Some wait longer than others, so that no crew turns in step.
    fn dial_deadline(&mut self, now_ms: u64) -> u64 {
        now_ms + self.config.dial + self.jitter.below(self.config.dial / 2)
    }

    /// Whom to dial first.
    fn order(&self, hash: &CertHash, listed: &Listed, now_ms: u64) -> (bool, u32, bool, [u8; 32]) {
        let fresh = listed.is_fresh(now_ms);
        // One miss is forgiven to whoever is surely there; more would let a stranger jump the queue for ever.
        let rank = listed.rank.saturating_sub(u32::from(fresh));
        (!listed.is_vouched, rank, !fresh, pair_score(&self.local, hash))
    }

    fn others(&self) -> impl Iterator<Item = (&CertHash, &Listed)> {
        self.listed.iter().filter(|(hash, _)| !self.peers.contains_key(hash))
    }

    /// The first of those who are there for sure; none while somebody who would come before may still prove to be. Whoever
    /// took the first that answers could go round in circles with two others.
    fn proven(&self, now_ms: u64) -> Option<CertHash> {
        let (first, listed) = self
            .others()
            .filter(|(_, listed)| listed.not_before <= now_ms && listed.is_proven())
            .min_by_key(|(hash, listed)| self.order(hash, listed, now_ms))?;
        let order = self.order(first, listed, now_ms);
        let is_awaited = |(hash, other): (&CertHash, &Listed)| {
            other.not_before <= now_ms
                && (other.is_answering() || other.asked_at().is_some_and(|at| now_ms < at + QUIET))
                && self.order(hash, other, now_ms) < order
        };
        (!self.others().any(is_awaited)).then_some(*first)
    }

    /// When a device may be dialled though no probe of it was answered: a NAT lets in only whom it has sent to, and it has
    /// not sent to the probe.
    fn blind_at(&self, listed: &Listed) -> Option<u64> {
        if listed.has_answered && !self.probes.has_some(listed.is_vouched) {
            return Some(listed.not_before);
        }
        if !listed.is_vouched {
            return None;
        }
        let quiet_at = listed.quiet_at(QUIET)?.max(listed.not_before);
        if listed.is_owed && !self.is_among_strangers() {
            return Some(quiet_at);
        }
        let call_at = quiet_at.max(listed.blind_from).max(self.blind.allowed_at(self.is_among_strangers()));
        let answer_at = quiet_at.max(listed.answer_from);
        Some(if self.may_answer(listed, answer_at) { call_at.min(answer_at) } else { call_at })
    }

    /// Whether a blind dial of this device would answer a call that it may be making.
    fn may_answer(&self, listed: &Listed, now_ms: u64) -> bool {
        listed.is_calling(now_ms) && listed.answer_from <= now_ms && !self.is_among_strangers()
    }

    /// When anybody may be dialled blindly: whoever has ever answered comes first, be it that we wait for it, or that it is
    /// being probed again. `None` until that shows.
    fn blind_from(&self) -> Option<u64> {
        let mut answered = self.others().map(|(_, listed)| listed).filter(|listed| listed.has_answered);
        answered.try_fold(0, |from, listed| listed.asked_at().is_none().then_some(from.max(listed.not_before)))
    }

    fn blind(&self, now_ms: u64) -> Option<CertHash> {
        if self.is_answering()
            || self.others().any(|(_, listed)| listed.is_proven())
            || self.blind_from().is_none_or(|at| now_ms < at)
        {
            return None;
        }
        self.others()
            .filter(|(_, listed)| !listed.is_proven())
            .filter(|(_, listed)| self.blind_at(listed).is_some_and(|at| at <= now_ms))
            .min_by_key(|(hash, listed)| self.order(hash, listed, now_ms))
            .map(|(hash, _)| *hash)
    }

    /// When to dial next, unless a probe has to end first.
    fn next_dial_at(&self) -> Option<u64> {
        if self.is_answering() {
            return None;
        }
        let settled_at = self.others().filter_map(|(_, listed)| listed.asked_at()).max().map_or(0, |at| at + QUIET);
        let blind_from = self.blind_from();
        let at = |listed: &Listed| {
            let at = if listed.is_proven() { listed.not_before } else { self.blind_at(listed)?.max(blind_from?) };
            Some(at.max(settled_at))
        };
        self.others().filter_map(|(_, listed)| at(listed)).min()
    }

    /// Whether a probe was answered that may still open.
    fn is_answering(&self) -> bool {
        self.others().any(|(_, listed)| listed.is_answering())
    }

    /// Whether so many devices that are vouched for have not answered at any of their addresses, or had not when they went,
    /// that they are hardly all behind NATs.
    fn is_among_strangers(&self) -> bool {
        let silent = self.others().filter(|(_, listed)| listed.may_be_stranger()).count();
        let silent = u32::try_from(silent).unwrap_or(u32::MAX);
        self.blind.strangers.saturating_add(silent) >= STRANGERS
    }

    /// When the next probe of a listing that is vouched for may begin, or of one that is not, unless another has to end
    /// first.
    fn next_probe_at(&self, is_vouched: bool) -> Option<u64> {
        let at = self.probes.next_at(is_vouched)?;
        let is_silent = |listing: &Listing| listing.proof == Proof::Silent;
        if self.next_probe(is_vouched, self.reprobe_at.saturating_sub(1)).is_some() {
            return Some(at);
        }
        let mut others = self.others().filter(|(_, listed)| listed.is_vouched == is_vouched);
        others.any(|(_, listed)| listed.listings.iter().any(is_silent)).then_some(at.max(self.reprobe_at))
    }

    /// Of the listings that are vouched for, or of those that are not, the one to be probed next: the first that was not
    /// yet, and now and then one that was.
    fn next_probe(&self, is_vouched: bool, now_ms: u64) -> Option<(CertHash, IpAddr)> {
        let rank = |listing: &Listing| match listing.proof {
            Proof::Unknown => Some((0, listing.place)),
            Proof::Silent if now_ms >= self.reprobe_at => Some((listing.silences, listing.place)),
            _ => None,
        };
        self.others()
            .filter(|(_, listed)| listed.is_vouched == is_vouched)
            .flat_map(|(hash, listed)| listed.listings.iter().map(move |listing| (hash, listing)))
            .filter_map(|(hash, listing)| Some((rank(listing)?, (*hash, listing.address.ip))))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, found)| found)
    }

    fn listing_mut(&mut self, peer: &CertHash, ip: IpAddr) -> Option<&mut Listing> {
        self.listed.get_mut(peer)?.listings.iter_mut().find(|listing| listing.address.ip == ip)
    }

    fn number(&mut self) -> u32 {
        self.next_slot += 1;
        self.next_slot - 1
    }

    fn begin_probes(&mut self, now_ms: u64) {
        self.begin_probes_of(true, now_ms);
        self.begin_probes_of(false, now_ms);
    }

    fn begin_probes_of(&mut self, is_vouched: bool, now_ms: u64) {
        while self.probes.may_begin(is_vouched)
            && let Some((peer, ip)) = self.next_probe(is_vouched, now_ms)
        {
            let tried = match &self.spare {
                Spare::Dialling { dial, .. } if dial.peer == peer => dial.tried.clone(),
                _ => Vec::new(),
            };
            let is_patient = self.tosses_again() && self.listed.get(&peer).is_some_and(|listed| listed.was_there);
            let sides = if tried.is_empty() { self.sides_of_probe(&peer, now_ms) } else { &[Side::Offering] };
            let Some(listing) = self.listing_mut(&peer, ip) else { return };
            let was_silent = listing.proof == Proof::Silent;
            let mut candidates = listing.candidates();
            candidates.retain(|candidate| !tried.contains(candidate));
            let is_worth_it = !candidates.is_empty();
            if is_worth_it {
                listing.proof = Proof::Asked { at: now_ms };
            } else {
                listing.note_silence();
            }
            if was_silent {
                self.reprobe_at = now_ms + REPROBE;
            }
            if !is_worth_it {
                continue;
            }
            let is_expected = self.is_next_of(&peer);
            for side in sides.iter().copied() {
                let slot = SlotId::probe(self.number(), self.local < peer);
                let patience = match side {
                    Side::Answering => self.config.answer,
                    Side::Offering if is_patient => self.config.probe_patient,
                    Side::Offering => self.config.probe,
                };
                let deadline = now_ms + patience;
                self.probes.begin(Probe {
                    slot,
                    peer,
                    ip,
                    since: now_ms,
                    deadline,
                    stage: Stage::Asking,
                    side,
                    is_expected,
                });
                self.actions.push_back(Action::Probe { slot, peer, candidates: candidates.clone(), side });
            }
        }
    }

    /// On which side of ICE a listing is probed, or on both at once.
    ///
    /// Whoever is dialling offers. If it is us that it dials, a probe that answers needs nobody to give in, and opens; if it
    /// is answered and does not open, somebody else is dialled. A connection that waits answers none but one that offers,
    /// where the browser that asks gives in or the tie-breakers happen to be right; but one that answers is a knock.
    fn sides_of_probe(&self, peer: &CertHash, now_ms: u64) -> &'static [Side] {
        let Some(listed) = self.listed.get(peer) else { return &[] };
        let is_calling = listed.is_calling(now_ms);
        let may_call_us = if self.config.settles_roles {
            is_calling && self.is_next_of(peer)
        } else {
            let callers = self.others().filter(|(_, listed)| listed.is_vouched && listed.is_calling(now_ms)).count();
            listed.is_vouched && (!is_calling || callers <= FEW_CALLERS)
        };
        if may_call_us { &[Side::Answering, Side::Offering] } else { &[Side::Offering] }
    }

    /// Whether silent listings are probed again at once, and given more time: they are few, and may be of somebody who is there.
    fn tosses_again(&self) -> bool {
        !self.config.settles_roles
            && self.others().map(|(_, listed)| listed.listings.len()).sum::<usize>() <= FEW_LISTINGS
    }

    /// Whether a device that calls is likely to call us: it begins with the one with which it has the lowest score.
    fn is_next_of(&self, peer: &CertHash) -> bool {
        let ours = pair_score(peer, &self.local);
        let mut others = self.listed.iter().filter(|(hash, listed)| *hash != peer && listed.is_vouched);
        others.all(|(hash, _)| ours < pair_score(peer, hash))
    }

    /// Ends the probes of which this holds.
    fn end_probes(&mut self, is_over: impl Fn(&Probe) -> bool) {
        let (actions, listed) = (&mut self.actions, &mut self.listed);
        self.probes.running.retain(|probe| {
            let ends = is_over(probe);
            if ends {
                actions.push_back(Action::Drop(probe.slot));
                let listings = listed.get_mut(&probe.peer).into_iter().flat_map(|listed| &mut listed.listings);
                for listing in
                    listings.filter(|listing| matches!(listing.proof, Proof::Asked { .. } | Proof::Answering))
                {
                    listing.proof = Proof::Unknown;
                }
            }
            !ends
        });
    }

    /// Notes what a probe has shown that is over.
    fn conclude(&mut self, probe: &Probe, now_ms: u64) {
        let dial_deadline = self.dial_deadline(now_ms);
        // The other one, if it has come as far, will tell.
        let tells = |other: &Probe| {
            (other.peer, other.ip) == (probe.peer, probe.ip)
                && (probe.stage == Stage::Asking || (other.side == Side::Answering && other.stage != Stage::Asking))
        };
        if self.probes.running.iter().any(tells) {
            return;
        }
        let is_tossed_again = self.tosses_again();
        let Some(listing) = self.listing_mut(&probe.peer, probe.ip) else { return };
        if probe.stage == Stage::Asking {
            if !listing.is_proven() {
                listing.note_silence();
                if is_tossed_again && listing.silences < TOSSES {
                    // Whether a check is answered is left to chance here, each time anew.
                    listing.proof = Proof::Unknown;
                }
                if let Some(listed) = self.listed.get_mut(&probe.peer) {
                    listed.was_silent = true;
                }
            }
            return;
        }
        let is_elsewhere = probe.side == Side::Answering || listing.is_elsewhere();
        (listing.proof, listing.silences) = (Proof::Answered { at: now_ms, is_elsewhere }, 0);
        if let Some(listed) = self.listed.get_mut(&probe.peer) {
            (listed.alive_at, listed.has_answered) = (Some(now_ms), true);
        }
        let Spare::Dialling { slot, dial, .. } = &mut self.spare else { return };
        let (slot, is_dialled) = (*slot, dial.peer == probe.peer);
        match dial.sign {
            Sign::Blind | Sign::Proven if is_dialled => (dial.sign, dial.deadline) = (Sign::Proven, dial_deadline),
            // Nobody has answered who is dialled, and this one has.
            Sign::Blind => {
                self.hurry = Some(probe.peer);
                self.actions.push_back(Action::Drop(slot));
                self.spare = Spare::Absent { retry_at: now_ms };
            }
            // It has moved, and what has answered us is its old connection, which was taken by somebody else. But the new
            // one's checks may come here before its listing does: that shows soon.
            Sign::Reached { at } if is_dialled && now_ms < at + SOON => dial.deadline = dial.deadline.min(at + SOON),
            Sign::Reached { .. } if is_dialled => self.leave_wrong_way(slot, probe.peer, now_ms),
            Sign::Proven | Sign::Reached { .. } | Sign::Secured => {}
        }
    }

    /// Brings everything to where it should be at `now_ms`. Every `handle_*` ends here.
    fn advance(&mut self, now_ms: u64) {
        self.probes.advance(now_ms);
        let listings = self.listed.iter_mut().flat_map(|(_, listed)| &mut listed.listings);
        listings.for_each(|listing| listing.expire(now_ms));
        self.end_what_is_over(now_ms);
        if matches!(&self.spare, Spare::Absent { retry_at } if *retry_at <= now_ms) && self.wants_listing() {
            let slot = SlotId::new(Way::PhoneBook, self.number());
            self.spare = Spare::Preparing { slot, deadline: now_ms + self.config.gather };
            self.actions.push_back(Action::MakeSpare(slot));
        }
        if self.is_found() {
            self.begin_probes(now_ms);
        }
        if self.online {
            self.dial(now_ms);
        }
        self.ask_book(now_ms);
    }

    fn end_what_is_over(&mut self, now_ms: u64) {
        while let Some(at) = self.probes.running.iter().position(|probe| probe.deadline <= now_ms) {
            let probe = self.probes.running.swap_remove(at);
            self.actions.push_back(Action::Drop(probe.slot));
            self.conclude(&probe, now_ms);
        }
        self.blind.advance(now_ms);
        let is_wanted = self.wants_listing();
        match &mut self.spare {
            Spare::Dialling { slot, dial, .. } if dial.deadline <= now_ms => {
                let (slot, peer) = (*slot, dial.peer);
                if matches!(dial.sign, Sign::Reached { .. }) {
                    self.leave_wrong_way(slot, peer, now_ms);
                } else {
                    self.actions.push_back(Action::Drop(slot));
                    self.fail_dial(peer, now_ms);
                }
            }
            Spare::Preparing { slot, deadline } if *deadline <= now_ms => {
                let slot = *slot;
                // It had the time of two.
                self.unaddressed = self.unaddressed.max(PATIENCE - 1);
                self.drop_unaddressed(slot, now_ms);
            }
            Spare::Waiting { slot, knock, .. } => {
                let for_ms = knock.map_or(0, |knock| now_ms - knock.at);
                if let Some(knock) = knock
                    && for_ms >= KNOCK_UNCLEAR
                    && !std::mem::replace(&mut knock.is_looked_into, true)
                {
                    let listings = self.listed.iter_mut().flat_map(|(_, listed)| &mut listed.listings);
                    for listing in listings.filter(|listing| listing.proof == Proof::Silent) {
                        listing.proof = Proof::Unknown;
                    }
                }
                if for_ms >= KNOCK_OVER || !is_wanted {
                    self.actions.push_back(Action::Drop(*slot));
                    self.spare = Spare::Absent { retry_at: now_ms };
                }
            }
            _ => {}
        }
        if !is_wanted {
            // But for those that are about to be a connection to somebody new.
            self.end_probes(|probe| probe.stage != Stage::Secured);
        }
    }

    fn dial(&mut self, now_ms: u64) {
        let Spare::Waiting { slot, endpoints, knock } = &self.spare else { return };
        let (slot, endpoints, is_knocked) = (*slot, endpoints.clone(), knock.is_some());
        let hurry = self.hurry.take();
        let (peer, sign) = match (self.proven(now_ms), self.blind(now_ms)) {
            (Some(proven), _) if self.is_found() || hurry == Some(proven) => (proven, Sign::Proven),
            (None, Some(blind)) if self.is_found() => (blind, Sign::Blind),
            _ => return,
        };
        let Some(listed) = self.listed.get(&peer) else { return };
        let (is_calling, answers) = (listed.is_calling(now_ms), self.may_answer(listed, now_ms));
        // It dials somebody else, and has found us silent while we waited.
        let is_elsewhere = sign == Sign::Proven && !self.config.hears_knocks && listed.is_elsewhere();
        let is_unseen = is_elsewhere || (sign == Sign::Blind && !is_calling && !is_knocked);
        if is_unseen && self.book.listed_at + JUST_LISTED <= now_ms {
            // A call: only a new listing shows it to the other side.
            self.actions.push_back(Action::Drop(slot));
            self.spare = Spare::Absent { retry_at: now_ms };
            return;
        }
        if sign == Sign::Blind || (self.visible && self.peers.is_empty() && !self.config.hears_knocks) {
            // The peer may be listed anew meanwhile.
            let wait = match (self.visible, self.peers.is_empty()) {
                (false, _) => LONG_LOOK,
                (true, true) => POLL_MEETING,
                (true, false) => POLL_CREW,
            };
            self.book.next_poll = self.book.next_poll.min(now_ms + wait);
        }
        let deadline = match sign {
            _ if is_elsewhere => now_ms + LOOKS,
            // Somebody who looks as seldom as this one has to see it in time.
            Sign::Blind if !self.visible => now_ms + LONG_CALL,
            _ => self.dial_deadline(now_ms),
        };
        let Some(listed) = self.listed.get_mut(&peer) else { return };
        if sign == Sign::Blind && !listed.has_answered {
            (self.blind.left, self.blind.last_at) = (self.blind.left.saturating_sub(1), now_ms);
            if answers {
                listed.answer_from = now_ms + (ANSWER_BACKOFF << listed.answers.min(6));
                listed.answers = listed.answers.saturating_add(1);
            }
        }
        (listed.moved_at, listed.is_owed) = (None, answers);
        // What answers there is taken; it will see that we are listed anew, and come.
        let candidates = if is_elsewhere { Vec::new() } else { listed.candidates() };
        let dial = Dial { peer, deadline, sign, tried: candidates.clone(), more: Self::MAX_CANDIDATES };
        self.actions.push_back(Action::Dial { slot, peer, candidates });
        self.spare = Spare::Dialling { slot, endpoints, dial };
    }

    fn ask_book(&mut self, now_ms: u64) {
        if self.is_quiet() && self.book.listed_at + LISTED <= now_ms {
            self.book.listed = None;
        }
        let mut looks = self.asks_book() && self.book.polling.is_none() && self.book.look_at() <= now_ms;
        let mut renews = self.book.register_at() <= now_ms;
        let is_due = self.book.listed_at + self.config.relist <= now_ms + self.crew_turn() / 2;
        if looks && !self.peers.is_empty() && is_due && self.book.refusals == 0 {
            // Its turn goes into the renewal. A device that no knock reaches has to look as well.
            renews = true;
            if self.config.hears_knocks && self.register_wanted() && !self.book.registering {
                looks = false;
                self.book.next_poll = self.next_look(now_ms);
            }
        }
        if self.online && !self.book.registering && self.register_wanted() && renews {
            let endpoints = self.own_endpoints().cloned().unwrap_or_default();
            self.book.register(&endpoints, now_ms);
            self.actions.push_back(Action::Register(endpoints));
        }
        // Looking comes after listing: whoever is found must be able to find us.
        if looks {
            self.book.polling = Some(now_ms);
            self.actions.push_back(Action::Poll);
        }
    }
}

/// A number that is the same from either end of a pair.
fn pair_score(one: &CertHash, other: &CertHash) -> [u8; 32] {
    let mut score = *one.as_bytes();
    for (byte, theirs) in score.iter_mut().zip(other.as_bytes()) {
        *byte ^= theirs;
    }
    score
}
