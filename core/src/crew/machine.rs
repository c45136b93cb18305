use std::collections::VecDeque;
use std::net::IpAddr;

use litemap::LiteMap;

use super::effect::{Doubt, Effect, End, Reply};
use super::input::{AnswerPart, Input, MakeError, PairingRequest};
use super::link::{Link, LinkEvent, Peer};
use super::pull::{Begun, Outcome, Pull, PullAction};
use super::status::{CrewStatus, Network, PairingStatus, PeerStatus, PhoneBook, Progress};
use super::trouble::{LocalNetwork, Making, Newer, Obstacle, SyncTroubles};
use crate::api::{CBOR, DEFLATED};
use crate::clock::{Judgement, judge};
use crate::connect::sdp::{LocalDescription, RemoteAnswer, Setup, dial_candidates, setup_of_remote};
use crate::connect::{Contact, IceCredentials};
use crate::dial::{Action, Activity, BookState, Dialler, DiallerConfig, Found, Side, SlotId, Way};
use crate::hand::{Code, Hand, HandAction, best_first};
use crate::id::{Address, CertHash, DeviceId, Endpoint, RoomId, RoomLink, RoomSecret};
use crate::key::{DeviceKey, MeetingKey, Psk};
use crate::mesh::{Card, Mesh, MeshAction, decode_links, encode_links};
use crate::redial::{MOST, Redial, RedialAction, decode_told, encode_told};
use crate::session::{CloseReason, PeerSession, RequestHead, ResponseHead, Run, SessionConfig, StreamId, peer_gate};

/// Below `/peer/v1/rooms/{room}/`, answered by the crew itself: whom a peer is connected to, the cards of introductions,
/// and where a peer can be called again.
const LINKS: &str = "links";
const INTRODUCTIONS: &str = "introductions";
const STANDBY: &str = "standby";

/// How long a code waits for the phone book to say where it sees this device, in milliseconds.
const OUTSIDE: u64 = 2_000;
/// How long a connection whose last words matter is kept after them, in milliseconds.
const FAREWELL: u64 = 1_000;
/// An input that comes so many milliseconds after the deadline shows that the timer was stopped: this device slept.
const SLEPT: u64 = 3_000;
/// Longest wait of the timer, in milliseconds.
const WAIT_MAX: u64 = 60_000;
/// Delay before a failed pull is retried, in milliseconds, doubled each time up to [`PULL_AGAIN`]: a storage that takes
/// changes again is to have them soon.
const PULL_RETRY: u64 = 1_000;
/// Interval between successful pulls, in milliseconds: a service worker may end after it has kept an edit and before it has
/// told of it.
const PULL_AGAIN: u64 = 60_000;
/// The same in a room that is not on show.
const PULL_BACKGROUND: u64 = 300_000;
/// A pull that waits so many milliseconds for one answer is told of.
const PULL_STUCK: u64 = 90_000;
/// Progress of a sync with fewer changes is not shown: it is over in a blink.
const MANY: u64 = 500;

/// What a crew is made of.
#[derive(Clone, Debug)]
pub struct CrewConfig {
    /// The room.
    pub room: RoomId,
    /// Its secret.
    pub secret: RoomSecret,
    /// This device's key in the room.
    pub key: DeviceKey,
    /// The hash of its certificate.
    pub cert_hash: CertHash,
    /// This run of the page.
    pub run: Run,
    /// How this browser dials.
    pub dialler: DiallerConfig,
    /// As many characters as a code may have.
    pub most_code_chars: usize,
    /// What was [kept](Effect::KeepContacts) of those that this device knows.
    pub known: Vec<(DeviceId, Vec<Contact>)>,
    /// Where the phone book [saw](Effect::KeepObserved) this device last.
    pub observed: Option<IpAddr>,
    /// Whether the page is visible.
    pub is_shown: bool,
    /// Whether it shows another room.
    pub is_background: bool,
    /// Whether there is a network.
    pub is_online: bool,
    /// What retries are spread by. Random.
    pub seed: u64,
}

/// A pull under way.
#[derive(Debug)]
struct Running {
    device: DeviceId,
    pull: Pull,
    /// Since when it waits for an answer: it has asked for the first by the time anybody looks.
    since_ms: u64,
    /// Another one is wanted after it.
    again: bool,
}

/// A wish of a person that waits for the phone book to say where it sees this device. Without that address a code does not
/// lead through a NAT.
#[derive(Debug)]
struct Wish {
    request: PairingRequest,
    until: u64,
}

/// One device's half of a crew. See the [module](super), which has the rule by which it is driven.
#[derive(Debug)]
pub struct Crew {
    room: RoomId,
    secret: RoomSecret,
    key: DeviceKey,
    meeting_key: MeetingKey,
    cert_hash: CertHash,
    run: Run,
    dialler: Dialler,
    mesh: Mesh,
    redial: Redial,
    hand: Hand,
    links: LiteMap<SlotId, Link>,
    /// Connections that have said their last words, when they are closed, and why.
    leaving: Vec<(SlotId, u64, End)>,
    /// Connections that were closed when the page left, of which the policies do not know.
    left: Vec<SlotId>,
    /// By the connection that they began over, which may be gone.
    pulls: LiteMap<SlotId, Running>,
    /// Interrupted pulls, to resume.
    broken_off: LiteMap<DeviceId, Begun>,
    /// Whom this device can call again, the last one first, as it is kept.
    known: Vec<(DeviceId, Vec<Contact>)>,
    has_learnt: bool,
    /// Where the phone book sees this device, or saw it last: behind most NATs that address works with the ports that are
    /// known.
    observed: Option<IpAddr>,
    /// Whether the phone book has had the time to say so.
    has_asked_outside: bool,
    wish: Option<Wish>,
    is_shown: bool,
    is_background: bool,
    is_online: bool,
    /// The browser refuses credentials that it did not make: the phone book is of no use.
    is_refused: bool,
    has_doubted_certificate: bool,
    making: Making,
    local_network: LocalNetwork,
    has_tested_local_network: bool,
    newer: Newer,
    is_synced: bool,
    /// What the own service worker's clock and the server's said last, and when that was on the monotonic one.
    clock: Option<(u64, u64)>,
    server: Option<(u64, u64)>,
    effects: VecDeque<Effect>,
    status: CrewStatus,
    due_ms: u64,
}

impl Crew {
    /// A device that has just come, and is connected to nobody.
    #[must_use]
    pub fn new(config: CrewConfig, now_ms: u64) -> Self {
        let CrewConfig { room, secret, key, cert_hash, run, dialler, most_code_chars, known, observed, .. } = config;
        let CrewConfig { is_shown, is_background, is_online, seed, .. } = config;
        let meeting_key = MeetingKey::of(&secret);
        let link = RoomLink { room, secret: secret.clone() };
        let hand = Hand::new(link, cert_hash, most_code_chars);
        let status = CrewStatus {
            network: Network::Connecting,
            peers: Vec::new(),
            through: Vec::new(),
            phone_book: PhoneBook::Unknown,
            clock: None,
            peer_clocks: Vec::new(),
            obstacle: None,
            sync_troubles: Vec::new(),
            is_outdated: false,
            is_synced: false,
            pairing: PairingStatus { step: hand.step(), code: String::new(), problem: None },
            progress: None,
        };
        let mut crew = Self {
            dialler: Dialler::new(cert_hash, dialler, seed, now_ms),
            mesh: Mesh::new(key.device(), cert_hash),
            redial: Redial::new(meeting_key.clone(), cert_hash, known.clone(), seed, now_ms),
            hand,
            room,
            secret,
            key,
            meeting_key,
            cert_hash,
            run,
            links: LiteMap::new(),
            leaving: Vec::new(),
            left: Vec::new(),
            pulls: LiteMap::new(),
            broken_off: LiteMap::new(),
            known,
            has_learnt: false,
            observed,
            has_asked_outside: false,
            wish: None,
            is_shown,
            is_background,
            is_online,
            is_refused: false,
            has_doubted_certificate: false,
            making: Making::default(),
            local_network: LocalNetwork::default(),
            has_tested_local_network: false,
            newer: Newer::default(),
            is_synced: false,
            clock: None,
            server: None,
            effects: VecDeque::new(),
            status,
            due_ms: now_ms,
        };
        crew.dialler.handle_online(is_online, now_ms);
        crew.set_presence(is_shown, is_background, now_ms);
        crew.settle(now_ms);
        crew
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> &CrewStatus {
        &self.status
    }

    /// The connection to a peer.
    #[must_use]
    pub fn link_to(&self, device: DeviceId) -> Option<SlotId> {
        self.peers().find(|(_, peer)| peer.device == device).map(|(slot, _)| slot)
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if let Some(effect) = self.effects.pop_front() {
            return Some(effect);
        }
        let said = self.links.iter_mut().find_map(|(slot, link)| Some((*slot, link.poll_message()?)));
        if let Some((slot, message)) = said {
            return Some(Effect::Send { slot, message });
        }
        let wanted = self.links.iter_mut().find_map(|(slot, link)| Some((*slot, link.poll_wanted()?)));
        wanted.map(|(slot, stream)| Effect::Continue { slot, stream })
    }

    /// When to tell [`Input::TimedOut`], in milliseconds of the same clock.
    #[must_use]
    pub fn poll_timeout(&self) -> u64 {
        debug_assert!(self.effects.is_empty(), "drain the effects before asking for the deadline");
        self.due_ms
    }

    /// Something happened.
    pub fn handle(&mut self, input: Input, now_ms: u64) {
        // The page is on its way. Its last words are not held back, and that it is hidden then does not bring it back.
        match input {
            Input::Full(_) if !self.left.is_empty() => return,
            Input::Hidden if !self.left.is_empty() => return self.set_presence(false, self.is_background, now_ms),
            _ => {}
        }
        for slot in std::mem::take(&mut self.left) {
            self.close(slot, End::Broken, now_ms);
        }
        if now_ms > self.due_ms + SLEPT {
            self.wake(now_ms);
        }
        match input {
            Input::Described { slot, description } => self.described(slot, *description, now_ms),
            Input::NotMade { slot, error } => {
                if error != MakeError::CredentialsRefused {
                    self.making.handle_not_made();
                }
                self.close(slot, End::Broken, now_ms);
                if error == MakeError::CredentialsRefused && !std::mem::replace(&mut self.is_refused, true) {
                    self.redial.handle_refusal(now_ms);
                    self.mesh.handle_refusal();
                    self.look_outside();
                }
            }
            Input::Knocked(slot) => self.dialler.handle_knock(slot, now_ms),
            Input::Reached(slot) => {
                self.dialler.handle_reached(slot, now_ms);
                self.redial.handle_reached(slot, now_ms);
            }
            Input::Secured(slot) => self.dialler.handle_secured(slot, now_ms),
            Input::Opened { slot, ephemeral } => self.open_session(slot, ephemeral, now_ms),
            Input::Message { slot, message } => {
                let session = self.links.get_mut(&slot).and_then(|link| link.session.as_mut());
                // What is wrong with the message comes out as the session's `Closed`.
                if let Some(session) = session {
                    let _ = session.handle_message(&message, now_ms);
                }
            }
            Input::Full(slot) => self.set_full(slot, true),
            Input::Drained(slot) => self.set_full(slot, false),
            Input::Failed(slot) if self.redial.is_patient(slot) || self.hand.is_patient(slot) => {}
            Input::Failed(slot) | Input::Closed(slot) => self.close(slot, End::Broken, now_ms),
            Input::Registered { endpoints, taken } => {
                if let Ok(Some(ip)) = taken
                    && self.observed.replace(ip) != Some(ip)
                {
                    self.effects.push_back(Effect::KeepObserved(ip));
                }
                self.dialler.handle_registered(&endpoints, taken, now_ms);
                self.grant_wish(now_ms);
            }
            Input::Listed(answer) => {
                let found =
                    |address: Address| Found { is_vouched: self.meeting_key.vouches_for(&address.cert_hash), address };
                let answer = answer.map(|addresses| addresses.into_iter().map(found).collect());
                self.dialler.handle_peers(answer, now_ms);
            }
            Input::ServerClock(theirs) => self.server = Some((theirs, now_ms)),
            Input::Changed { from, batch } => {
                if from.is_none() {
                    self.dialler.handle_use(now_ms);
                }
                self.pass_on(from, &batch);
            }
            Input::Asker { slot, asker } => self.with_pull(slot, |pull| pull.handle_asker(asker)),
            Input::Opening { slot, opening } => self.with_pull(slot, |pull| pull.handle_opening(opening)),
            Input::Merged { slot, answer } => self.with_pull(slot, |pull| pull.handle_merged(answer)),
            Input::Served { slot, stream, answer } => {
                let is_due = self.links.get_mut(&slot).is_some_and(|link| link.handle_served(stream, answer));
                if is_due {
                    self.pull(slot);
                }
            }
            Input::Serving { slot, stream, part } => {
                let is_end = matches!(part, AnswerPart::End | AnswerPart::BrokenOff);
                let goes_on = self.links.get_mut(&slot).is_some_and(|link| link.handle_part(stream, part));
                if !is_end && !goes_on {
                    self.effects.push_back(Effect::GiveUp { slot, stream });
                }
            }
            Input::Shown => {
                self.set_presence(true, self.is_background, now_ms);
                self.wake(now_ms);
            }
            Input::Hidden => self.set_presence(false, self.is_background, now_ms),
            Input::Foreground if self.is_background => {
                self.set_presence(self.is_shown, false, now_ms);
                self.wake(now_ms);
                self.links.keys().copied().collect::<Vec<_>>().into_iter().for_each(|slot| self.pull(slot));
            }
            Input::Background if !self.is_background => self.set_presence(self.is_shown, true, now_ms),
            Input::Foreground | Input::Background => {}
            Input::Online => {
                self.is_online = true;
                self.has_tested_local_network = false;
                self.dialler.handle_online(true, now_ms);
                self.look_outside();
                self.redial.handle_network(now_ms);
                self.wake(now_ms);
            }
            Input::Offline => {
                self.is_online = false;
                self.dialler.handle_online(false, now_ms);
            }
            Input::Moved => {
                self.has_tested_local_network = false;
                self.look_outside();
                self.dialler.renew_spare(now_ms);
                self.redial.handle_network(now_ms);
                self.wake(now_ms);
            }
            Input::LocalNetwork(state) => {
                let before = std::mem::replace(&mut self.local_network, state);
                if before != LocalNetwork::Open && state == LocalNetwork::Open {
                    self.dialler.handle_way_opened(now_ms);
                    self.redial.handle_wake(now_ms);
                }
            }
            Input::Pair(request) if self.observed.is_none() && !self.has_asked_outside && self.is_online => {
                let until = self.wish.take().map_or(now_ms + OUTSIDE, |wish| wish.until);
                self.wish = Some(Wish { request, until });
            }
            Input::Pair(request) => self.pair(request, now_ms),
            Input::Called { call, device, head, body } => {
                let link = self.link_to(device).and_then(|slot| self.links.get_mut(&slot));
                let reply = match link {
                    None => Some(Reply::NotHere),
                    Some(link) => (!link.call(call, &head, body)).then_some(Reply::Failed),
                };
                self.effects.extend(reply.map(|reply| Effect::Reply { call, reply }));
            }
            Input::CallGivenUp(call) => self.links.iter_mut().for_each(|(_, link)| link.give_up_call(call)),
            Input::Left => return self.leave(),
            Input::TimedOut => {}
        }
        self.settle(now_ms);
    }

    /// Brings every machine to `now_ms`, and drains all of them until none has anything more to do.
    fn settle(&mut self, now_ms: u64) {
        self.dialler.handle_timeout(now_ms);
        self.mesh.handle_timeout(now_ms);
        self.hand.handle_timeout(now_ms);
        self.redial.handle_timeout(now_ms);
        self.newer.handle_timeout(|peer| self.dialler.is_listed(peer), now_ms);
        let mut due = Vec::new();
        for (slot, link) in &mut self.links {
            if let Some(session) = &mut link.session {
                session.handle_timeout(now_ms);
            }
            if link.pull_at.is_some_and(|at| at <= now_ms) {
                due.push(*slot);
            }
        }
        due.into_iter().for_each(|slot| self.pull(slot));
        for (slot, _, end) in self.leaving.extract_if(.., |(_, until, _)| *until <= now_ms) {
            self.effects.push_back(Effect::Close { slot, end });
        }
        if self.wish.as_ref().is_some_and(|wish| wish.until <= now_ms) {
            self.grant_wish(now_ms);
        }
        loop {
            let is_busy = [
                self.drain_links(now_ms),
                self.drain_pulls(now_ms),
                self.dial(now_ms),
                self.introduce(now_ms),
                self.redial(now_ms),
                self.pair_by_code(now_ms),
            ];
            if is_busy == [false; 6] {
                break;
            }
        }
        if std::mem::take(&mut self.has_learnt) {
            self.effects.push_back(Effect::KeepContacts(self.known.clone()));
        }
        if self.dialler.has_double() && !std::mem::replace(&mut self.has_doubted_certificate, true) {
            self.effects.push_back(Effect::DoubtCertificate);
        }
        if self.is_dialling_in_vain() && !std::mem::replace(&mut self.has_tested_local_network, true) {
            self.effects.push_back(Effect::TestLocalNetwork);
        }
        self.due_ms = self.deadline().map_or(now_ms + WAIT_MAX, |due| due.clamp(now_ms + 1, now_ms + WAIT_MAX));
        let status = self.status_at(now_ms);
        if self.status != status {
            self.status = status;
            self.effects.push_back(Effect::StatusChanged);
        }
    }

    fn deadline(&self) -> Option<u64> {
        let sessions = self.links.values().filter_map(|link| link.session.as_ref()?.poll_timeout());
        let pulls = self.links.values().filter_map(|link| link.pull_at);
        let leaving = self.leaving.iter().map(|(_, until, _)| *until);
        let policies = [
            self.dialler.poll_timeout().filter(|_| !self.is_refused),
            self.mesh.poll_timeout(),
            self.redial.poll_timeout(),
            self.hand.poll_timeout(),
            self.wish.as_ref().map(|wish| wish.until),
        ];
        sessions.chain(pulls).chain(leaving).chain(policies.into_iter().flatten()).min()
    }

    // ---- Connections -------------------------------------------------------------------------------------------------

    fn described(&mut self, slot: SlotId, description: LocalDescription, now_ms: u64) {
        let LocalDescription { credentials, cert_hash, endpoints } = description;
        self.making.handle_described(!endpoints.is_empty());
        let seen = self.observed.and_then(|ip| Address::new(ip, endpoints.clone(), cert_hash).ok());
        let outside = |endpoints| seen.map_or(endpoints, |address| dial_candidates(&address));
        let contact = |endpoints| Contact { cert_hash, credentials, endpoints };
        match slot.way() {
            Way::PhoneBook => self.dialler.handle_spare_ready(slot, endpoints, now_ms),
            Way::Introduction => self.mesh.handle_ready(slot, contact(outside(endpoints)), now_ms),
            Way::Redial => self.redial.handle_ready(slot, contact(outside(endpoints)), now_ms),
            Way::ByHand => self.hand.handle_ready(slot, contact(best_first(&endpoints, self.observed)), now_ms),
        }
    }

    fn open_session(&mut self, slot: SlotId, ephemeral: [u8; 32], now_ms: u64) {
        let Some(link) = self.links.get_mut(&slot) else { return };
        let Some(remote) = link.remote else { return };
        let config = SessionConfig {
            room: self.room,
            psks: vec![Psk::of_room(&self.secret, self.room)],
            local: self.cert_hash,
            remote,
            key: self.key.clone(),
            run: self.run,
            ephemeral,
        };
        match PeerSession::new(config, now_ms) {
            Ok(session) => {
                link.session = Some(session);
                self.dialler.handle_secured(slot, now_ms);
            }
            Err(_) => self.close(slot, End::GivenUp, now_ms),
        }
    }

    fn set_full(&mut self, slot: SlotId, is_full: bool) {
        if let Some(link) = self.links.get_mut(&slot) {
            link.is_full = is_full;
        }
    }

    fn drain_links(&mut self, now_ms: u64) -> bool {
        let mut happened = Vec::new();
        for (slot, link) in &mut self.links {
            happened.extend(link.drain(now_ms).into_iter().map(|event| (*slot, event)));
        }
        let any = !happened.is_empty();
        for (slot, event) in happened {
            match event {
                LinkEvent::Established(peer) => self.established(slot, peer, now_ms),
                LinkEvent::Request(stream, head, body) => self.request(slot, stream, head, body, now_ms),
                LinkEvent::Synced(answer) => self.with_pull(slot, |pull| pull.handle_reply(answer)),
                LinkEvent::Replied(call, reply) => self.effects.push_back(Effect::Reply { call, reply }),
                LinkEvent::GivenUp(stream) => self.effects.push_back(Effect::GiveUp { slot, stream }),
                LinkEvent::Closed(reason) => self.session_closed(slot, reason, now_ms),
            }
        }
        any
    }

    fn session_closed(&mut self, slot: SlotId, reason: CloseReason, now_ms: u64) {
        match reason {
            CloseReason::NewerVersion => {
                if let Some(remote) = self.links.get(&slot).and_then(|link| link.remote) {
                    self.newer.handle_refusal(remote, now_ms);
                }
            }
            CloseReason::Parted => self.redial.handle_parted(slot),
            CloseReason::SameDevice => self.effects.push_back(Effect::DoubtKey(Doubt::Proved)),
            CloseReason::Replaced => self.effects.push_back(Effect::DoubtKey(Doubt::Said)),
            _ => {}
        }
        self.say_last_words(slot);
        if reason == CloseReason::SameDevice {
            // The other copy is to find out as well.
            self.close_later(slot, End::Said(reason), now_ms);
        } else {
            self.close(slot, End::Said(reason), now_ms);
        }
        if reason == CloseReason::TimedOut {
            // This device may be in another network, which no browser tells reliably.
            self.dialler.renew_spare(now_ms);
            self.redial.handle_wake(now_ms);
        }
    }

    fn established(&mut self, slot: SlotId, peer: Peer, now_ms: u64) {
        let Some(remote) = self.links.get(&slot).and_then(|link| link.remote) else { return };
        self.newer.handle_established(remote);
        let (mut stays, mut older) = (false, Vec::new());
        for (id, link) in self.links.iter().filter(|(id, _)| **id != slot) {
            let Some(other) = link.peer else { continue };
            if other.device == peer.device {
                stays |= other.run == peer.run && id.outlasts(slot, now_ms.saturating_sub(other.since_ms));
                older.push(*id);
            } else if link.remote == Some(remote) {
                older.push(*id);
            }
        }
        if stays {
            // Whoever was called by codes is connected, by whichever connection.
            if let Some(kept) = older.first() {
                self.hand.handle_open(*kept, remote);
            }
            // Both sides must keep the same one, in whichever order they opened.
            return self.close(slot, End::Replaced, now_ms);
        }
        for id in older {
            // Should the page that this one seems to have followed be alive, one is a copy of the other.
            let before = self.links.get_mut(&id).filter(|link| link.peer.is_some_and(|other| other.run != peer.run));
            if let Some(session) = before.and_then(|link| link.session.as_mut()) {
                session.replace();
            }
            // A connection that is closed at once takes with it what it was just given to send.
            self.say_last_words(id);
            self.close_later(id, End::Replaced, now_ms);
        }
        // First, so that nobody registers who is no doorkeeper any more.
        self.mesh.handle_open(slot, peer.device, remote, now_ms);
        self.dialler.handle_keepers(self.mesh.lower(), self.mesh.other_keeper(), now_ms);
        self.dialler.handle_open(slot, remote, now_ms);
        self.redial.handle_open(slot, peer.device, remote, now_ms);
        self.hand.handle_open(slot, remote);
        self.effects.push_back(Effect::Established { slot, device: peer.device });
        self.pull(slot);
    }

    fn say_last_words(&mut self, slot: SlotId) {
        let Some(link) = self.links.get_mut(&slot) else { return };
        while let Some(message) = link.last_words() {
            self.effects.push_back(Effect::Send { slot, message });
        }
    }

    fn close(&mut self, slot: SlotId, end: End, now_ms: u64) {
        let leaving = self.leaving.extract_if(.., |(other, ..)| *other == slot).next();
        let end = leaving.map_or(end, |(_, _, end)| end);
        self.effects.push_back(Effect::Close { slot, end });
        self.forget(slot, end, now_ms);
    }

    /// The same, once what was said last has had the time to arrive.
    fn close_later(&mut self, slot: SlotId, end: End, now_ms: u64) {
        self.leaving.push((slot, now_ms + FAREWELL, end));
        self.forget(slot, end, now_ms);
    }

    /// Tells all policies that a connection is gone, and whoever waits for an answer over it.
    fn forget(&mut self, slot: SlotId, end: End, now_ms: u64) {
        let link = self.links.remove(&slot);
        self.dialler.handle_closed(slot, now_ms);
        self.mesh.handle_closed(slot, now_ms);
        self.redial.handle_closed(slot, now_ms);
        self.hand.handle_closed(slot);
        let was_peer = link.as_ref().is_some_and(|link| link.peer.is_some());
        self.abandon(slot, link, end);
        if was_peer {
            // It may have been about to send what the others counted on it to send.
            for slot in self.links.keys().copied().collect::<Vec<_>>() {
                self.pull(slot);
            }
        }
    }

    /// Closes a connection that a policy gave up.
    fn drop_link(&mut self, slot: SlotId, now_ms: u64) {
        if self.links.get(&slot).is_some_and(|link| link.peer.is_some()) {
            return self.close(slot, End::GivenUp, now_ms);
        }
        let link = self.links.remove(&slot);
        self.effects.push_back(Effect::Close { slot, end: End::GivenUp });
        self.hand.handle_closed(slot);
        self.abandon(slot, link, End::GivenUp);
    }

    fn abandon(&mut self, slot: SlotId, link: Option<Link>, end: End) {
        let Some(link) = link else { return };
        let (calls, streams) = link.into_unanswered();
        let is_silent = end == End::Said(CloseReason::TimedOut);
        for call in calls {
            let reply = if is_silent { Reply::Silent } else { Reply::Failed };
            self.effects.push_back(Effect::Reply { call, reply });
        }
        self.effects.extend(streams.into_iter().map(|stream| Effect::GiveUp { slot, stream }));
        self.with_pull(slot, |pull| pull.handle_reply(None));
    }

    /// Says goodbye: to the phone book, and to each peer, so that no peer keeps dialling or waiting for this device.
    fn leave(&mut self) {
        self.effects.push_back(Effect::Withdraw);
        for slot in self.links.keys().copied().collect::<Vec<_>>() {
            if let Some(session) = self.links.get_mut(&slot).and_then(|link| link.session.as_mut()) {
                session.close();
            }
            self.say_last_words(slot);
            self.effects.push_back(Effect::Close { slot, end: End::GivenUp });
            self.left.push(slot);
        }
        let leaving = self.leaving.drain(..).map(|(slot, _, end)| Effect::Close { slot, end });
        self.effects.extend(leaving);
    }

    fn peers(&self) -> impl Iterator<Item = (SlotId, Peer)> {
        self.links.iter().filter_map(|(slot, link)| Some((*slot, link.peer?)))
    }

    fn set_presence(&mut self, is_shown: bool, is_background: bool, now_ms: u64) {
        (self.is_shown, self.is_background) = (is_shown, is_background);
        self.dialler.handle_presence(is_shown, is_background, now_ms);
        self.mesh.handle_presence(is_shown, is_background, now_ms);
        self.redial.handle_background(is_background, now_ms);
    }

    /// Something may have changed while nobody looked: whoever is missing is called, and all others show that they are there.
    fn wake(&mut self, now_ms: u64) {
        self.redial.handle_wake(now_ms);
        self.probe(now_ms);
    }

    fn probe(&mut self, now_ms: u64) {
        for (_, link) in &mut self.links {
            let is_busy = link.is_full;
            if let Some(session) = &mut link.session {
                session.probe(is_busy, now_ms);
            }
        }
    }

    // ---- What is said ------------------------------------------------------------------------------------------------

    fn path(&self, what: &str) -> String {
        format!("/peer/v1/rooms/{}/{what}", self.room)
    }

    /// The head of a request to a peer, without what answer it wants.
    fn head(&self, what: &str) -> RequestHead {
        let headers = vec![("content-type".to_owned(), CBOR.to_owned())];
        RequestHead { headers, ..RequestHead::new("POST", self.path(what)) }
    }

    /// Tells a peer something that only its crew is concerned with. Whether it arrives shows in what the peer does.
    fn tell(&mut self, slot: SlotId, what: &str, body: Vec<u8>) {
        let mut head = self.head(what);
        head.headers.push(("accept".to_owned(), CBOR.to_owned()));
        if let Some(link) = self.links.get_mut(&slot) {
            link.tell(&head, body);
        }
    }

    /// Passes news on to every peer but the one that it came from and those whom that one tells itself.
    fn pass_on(&mut self, from: Option<DeviceId>, batch: &[u8]) {
        let head = self.head("changes");
        let is_told = |device| from.is_some_and(|from| from == device || self.mesh.is_told_by(from, device));
        for (_, link) in &mut self.links {
            if link.peer.is_some_and(|peer| !is_told(peer.device)) {
                link.tell(&head, batch.to_vec());
            }
        }
    }

    /// Answers a peer's request: what concerns connections here, all else through the own service worker.
    fn request(&mut self, slot: SlotId, stream: StreamId, head: RequestHead, body: Vec<u8>, now_ms: u64) {
        let is_told = |what: &str| head.method == "POST" && head.path == self.path(what);
        let is_understood = if is_told(LINKS) {
            decode_links(&body).map(|links| self.mesh.handle_links(slot, links, now_ms)).is_ok()
        } else if is_told(INTRODUCTIONS) {
            Card::decode(&body).map(|card| self.mesh.handle_card(slot, card, now_ms)).is_ok()
        } else if is_told(STANDBY) {
            decode_told(&body).map(|contacts| self.redial.handle_told(slot, contacts, now_ms)).is_ok()
        } else {
            return self.serve(slot, stream, head, body);
        };
        if let Some(link) = self.links.get_mut(&slot) {
            link.answer(stream, &ResponseHead::new(if is_understood { 204 } else { 400 }), Vec::new());
        }
    }

    fn serve(&mut self, slot: SlotId, stream: StreamId, head: RequestHead, body: Vec<u8>) {
        let is_allowed = peer_gate(self.room, &head.method, &head.path).is_ok();
        let brings_changes = is_allowed && head.path == self.path("changes");
        let Some(link) = self.links.get_mut(&slot) else { return };
        let Some(Peer { device, .. }) = link.peer else { return };
        link.serve(stream, brings_changes);
        self.effects.push_back(if is_allowed {
            Effect::Serve { slot, stream, device, head, body }
        } else {
            Effect::Refuse { slot, stream }
        });
    }

    // ---- Syncs -------------------------------------------------------------------------------------------------------

    /// Gets what the peer has and this device lacks; once more afterwards if it was asked for meanwhile.
    fn pull(&mut self, slot: SlotId) {
        let Some(link) = self.links.get_mut(&slot) else { return };
        let Some(Peer { device, .. }) = link.peer else { return };
        link.pull_at = None;
        if let Some(running) = self.pulls.get_mut(&slot) {
            running.again = true;
            return;
        }
        // One over a connection that is gone has an answer to keep yet. Once it has, this one goes on with it.
        if self.pulls.iter().any(|(other, running)| running.device == device && !self.links.contains_key(other)) {
            return;
        }
        let pull = Pull::new(self.broken_off.remove(&device));
        self.pulls.insert(slot, Running { device, pull, since_ms: 0, again: false });
    }

    fn with_pull(&mut self, slot: SlotId, handle: impl FnOnce(&mut Pull)) {
        if let Some(running) = self.pulls.get_mut(&slot) {
            handle(&mut running.pull);
        }
    }

    fn drain_pulls(&mut self, now_ms: u64) -> bool {
        let mut any = false;
        while let Some((slot, action)) =
            self.pulls.iter_mut().find_map(|(slot, running)| Some((*slot, running.pull.poll_action()?)))
        {
            any = true;
            if let Some(running) = self.pulls.get_mut(&slot) {
                running.since_ms = now_ms;
            }
            match action {
                PullAction::ReadAsker => self.effects.push_back(Effect::ReadAsker(slot)),
                PullAction::ReadOpening => self.effects.push_back(Effect::ReadOpening(slot)),
                PullAction::Ask(request) => {
                    let mut head = self.head("sync");
                    head.headers.extend([CBOR, DEFLATED].map(|media| ("accept".to_owned(), media.to_owned())));
                    let link = self.links.get_mut(&slot);
                    if !link.is_some_and(|link| link.sync(&head, request.encode())) {
                        self.with_pull(slot, |pull| pull.handle_reply(None));
                    }
                }
                PullAction::Merge { asker, answer } => {
                    if let Some(Running { device, .. }) = self.pulls.get(&slot) {
                        let device = *device;
                        self.effects.push_back(Effect::Merge { slot, device, asker, answer });
                    }
                }
                PullAction::Compare { theirs, ours } => self.compare_clocks(slot, theirs, ours, now_ms),
                PullAction::End(outcome) => self.pulled(slot, outcome, now_ms),
            }
        }
        any
    }

    fn pulled(&mut self, slot: SlotId, outcome: Outcome, now_ms: u64) {
        let Some(Running { device, pull, again, .. }) = self.pulls.remove(&slot) else { return };
        let trouble = pull.trouble();
        if let Some(begun) = pull.into_begun().filter(|_| outcome == Outcome::BrokenOff) {
            self.broken_off.insert(device, begun);
        }
        self.is_synced |= outcome != Outcome::BrokenOff;
        let Some(link) = self.links.get_mut(&slot) else {
            if let Some(slot) = self.link_to(device) {
                self.pull(slot);
            }
            return;
        };
        let retry = (PULL_RETRY << link.failures.min(8)).min(PULL_AGAIN);
        link.trouble = trouble;
        let wait = match outcome {
            Outcome::Alike if self.is_background => PULL_BACKGROUND,
            Outcome::Alike => PULL_AGAIN,
            // Storage that fails may be mended: nobody else would ask for what was not kept.
            Outcome::Apart | Outcome::BrokenOff => retry,
        };
        link.failures = if outcome == Outcome::Alike { 0 } else { link.failures + 1 };
        link.pull_at = Some(now_ms + wait);
        if again {
            self.pull(slot);
        }
    }

    fn compare_clocks(&mut self, slot: SlotId, theirs: u64, ours: u64, now_ms: u64) {
        self.clock = Some((ours, now_ms));
        if let Some(link) = self.links.get_mut(&slot) {
            link.ahead_ms = Some(theirs as i64).and_then(|theirs| theirs.checked_sub(ours as i64));
        }
        if let Some(Judgement::Ahead(ahead_ms)) = self.judge_clocks(now_ms) {
            self.effects.push_back(Effect::TellClock(ahead_ms));
        }
    }

    /// How far the clocks of the peers are ahead of ours.
    fn peer_clocks(&self) -> impl Iterator<Item = (DeviceId, i64)> {
        self.links.values().filter_map(|link| Some((link.peer?.device, link.ahead_ms?)))
    }

    /// What comes of comparing all clocks that are known: the server's is one of them, and has no more to say than others.
    fn judge_clocks(&self, now_ms: u64) -> Option<Judgement> {
        let by_now = |(said, at): (u64, u64)| said.saturating_add(now_ms.saturating_sub(at));
        let ours = by_now(self.clock?);
        let server = self.server.map(|server| (by_now(server) as i64).saturating_sub(ours as i64));
        let others: Vec<i64> = self.peer_clocks().map(|(_, ahead_ms)| ahead_ms).chain(server).collect();
        Some(judge(ours, &others))
    }

    // ---- What the policies want --------------------------------------------------------------------------------------

    /// Carries out what the dialler wants, once it knows who stands before this device: nobody who is no doorkeeper any more
    /// may register.
    fn dial(&mut self, now_ms: u64) -> bool {
        self.dialler.handle_keepers(self.mesh.lower(), self.mesh.other_keeper(), now_ms);
        let mut any = false;
        while let Some(action) = self.dialler.poll_action() {
            any = true;
            let own = || IceCredentials::derive(&self.meeting_key, &self.cert_hash);
            match action {
                Action::Drop(slot) => self.drop_link(slot, now_ms),
                // Without derived credentials none of the rest leads anywhere.
                _ if self.is_refused => {}
                Action::MakeSpare(slot) => {
                    let credentials = Some(own());
                    self.make(slot, credentials);
                }
                Action::Dial { slot, peer, candidates } => {
                    let remote = self.remote(self.listed(peer, candidates));
                    self.set_remote(slot, remote);
                }
                Action::AddEndpoints { slot, candidates } => self.add_candidates(slot, candidates),
                Action::Probe { slot, peer, candidates, side } => {
                    let (credentials, remote) = (own(), self.remote(self.listed(peer, candidates)));
                    self.links.insert(slot, Link::new(Some(peer)));
                    self.effects.push_back(match side {
                        Side::Answering => Effect::Call { slot, credentials, remote },
                        Side::Offering => {
                            // Of the two ends of DTLS the one that waits, always.
                            let remote = RemoteAnswer { setup: Setup::Active, ..remote };
                            Effect::Probe { slot, credentials, remote }
                        }
                    });
                }
                Action::Register(endpoints) => self.effects.push_back(Effect::Register(endpoints)),
                Action::Poll => self.effects.push_back(Effect::LookUp),
                Action::ProbePeers => self.probe(now_ms),
            }
        }
        any
    }

    /// Carries out what introductions want.
    fn introduce(&mut self, now_ms: u64) -> bool {
        let mut any = false;
        while let Some(action) = self.mesh.poll_action() {
            any = true;
            match action {
                MeshAction::Make(slot) => self.make(slot, None),
                MeshAction::Drop(slot) => self.drop_link(slot, now_ms),
                MeshAction::Part(slot) => {
                    if let Some(session) = self.links.get_mut(&slot).and_then(|link| link.session.as_mut()) {
                        session.part();
                    }
                }
                MeshAction::Dial { slot, contact } => {
                    let remote = self.remote(contact);
                    self.set_remote(slot, remote);
                }
                MeshAction::Tell { slot, links } => self.tell(slot, LINKS, encode_links(&links)),
                MeshAction::Send { slot, card } => self.tell(slot, INTRODUCTIONS, card.encode()),
            }
        }
        any
    }

    /// Carries out what redialling wants.
    fn redial(&mut self, now_ms: u64) -> bool {
        let mut any = false;
        while let Some(action) = self.redial.poll_action() {
            any = true;
            match action {
                RedialAction::Make { slot, credentials } => self.make(slot, credentials),
                RedialAction::Drop(slot) => self.drop_link(slot, now_ms),
                RedialAction::Arm { slot, cert_hash, credentials } => {
                    let remote = self.remote(Contact { cert_hash, credentials, endpoints: Vec::new() });
                    self.set_remote(slot, remote);
                }
                RedialAction::Dial { slot, contact } => self.add_candidates(slot, contact.endpoints),
                RedialAction::Call { slot, credentials, contact } => {
                    let remote = self.remote(contact);
                    self.links.insert(slot, Link::new(Some(remote.cert_hash)));
                    self.effects.push_back(Effect::Call { slot, credentials, remote });
                }
                RedialAction::Tell { over, contacts } => self.tell(over, STANDBY, encode_told(&contacts)),
                RedialAction::Keep { device, contacts } => self.keep(device, contacts),
            }
        }
        any
    }

    /// Carries out what connecting by codes wants.
    fn pair_by_code(&mut self, now_ms: u64) -> bool {
        let mut any = false;
        while let Some(action) = self.hand.poll_action() {
            any = true;
            match action {
                HandAction::Make(slot) => self.make(slot, None),
                HandAction::Drop(slot) => self.drop_link(slot, now_ms),
                HandAction::Dial { slot, contact } => {
                    let remote = RemoteAnswer { setup: Setup::Passive, ..self.remote(contact) };
                    self.set_remote(slot, remote);
                }
                HandAction::Arm { slot, contact } => {
                    let contact = Contact { endpoints: Vec::new(), ..contact };
                    let remote = RemoteAnswer { setup: Setup::Active, ..self.remote(contact) };
                    self.set_remote(slot, remote);
                }
                HandAction::Try { slot, endpoints } => self.add_candidates(slot, endpoints),
            }
        }
        any
    }

    /// All that it takes to dial a device that is listed.
    fn listed(&self, cert_hash: CertHash, endpoints: Vec<Endpoint>) -> Contact {
        Contact { cert_hash, credentials: IceCredentials::derive(&self.meeting_key, &cert_hash), endpoints }
    }

    /// The answer in the name of whoever is dialled.
    fn remote(&self, contact: Contact) -> RemoteAnswer {
        let Contact { cert_hash, credentials, endpoints } = contact;
        let setup = setup_of_remote(&self.cert_hash, &cert_hash);
        RemoteAnswer { credentials, cert_hash, setup, candidates: endpoints }
    }

    fn make(&mut self, slot: SlotId, credentials: Option<IceCredentials>) {
        self.links.insert(slot, Link::new(None));
        self.effects.push_back(Effect::Make { slot, credentials });
    }

    /// Has a connection dial, or wait for its peer if there is nowhere to dial.
    fn set_remote(&mut self, slot: SlotId, remote: RemoteAnswer) {
        let Some(link) = self.links.get_mut(&slot) else { return };
        link.remote = Some(remote.cert_hash);
        self.effects.push_back(if remote.candidates.is_empty() {
            Effect::Await { slot, remote }
        } else {
            Effect::Dial { slot, remote }
        });
    }

    fn add_candidates(&mut self, slot: SlotId, candidates: Vec<Endpoint>) {
        if self.links.contains_key(&slot) {
            self.effects.push_back(Effect::AddCandidates { slot, candidates });
        }
    }

    /// Notes where a device can be called again: those that are here, or were here last, come first.
    fn keep(&mut self, device: DeviceId, contacts: Vec<Contact>) {
        let is_here = self.link_to(device).is_some();
        let at = self.known.iter().position(|(other, _)| *other == device && !is_here).unwrap_or_default();
        self.known.retain(|(other, _)| *other != device);
        if !contacts.is_empty() {
            self.known.insert(at, (device, contacts));
        }
        self.known.truncate(MOST);
        self.has_learnt = true;
    }

    /// Where the phone book is of no other use, it can still say by which address it sees this device: codes need it to get
    /// across NATs. What is withdrawn for that is a listing that nobody could call any more.
    fn look_outside(&mut self) {
        if self.is_refused {
            self.effects.push_back(Effect::Register(Vec::new()));
        }
    }

    /// Does what waited for the phone book to say where it sees this device.
    fn grant_wish(&mut self, now_ms: u64) {
        self.has_asked_outside = true;
        if let Some(wish) = self.wish.take() {
            self.pair(wish.request, now_ms);
        }
    }

    fn pair(&mut self, request: PairingRequest, now_ms: u64) {
        match request {
            PairingRequest::Invite { tag } => self.hand.handle_invite(false, tag, now_ms),
            PairingRequest::InviteAnew { tag } => self.hand.handle_invite(true, tag, now_ms),
            PairingRequest::Use(Code::Invitation(invitation)) => self.hand.handle_invitation(invitation, now_ms),
            PairingRequest::Use(Code::Reply(reply)) => self.hand.handle_reply(reply, now_ms),
        }
    }

    /// Whether nobody is connected, and somebody did not answer who may be there.
    fn is_dialling_in_vain(&self) -> bool {
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

    fn status_at(&self, now_ms: u64) -> CrewStatus {
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
