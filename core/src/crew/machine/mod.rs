mod connections;
mod policies;
mod report;
mod syncs;
mod talk;

use std::collections::VecDeque;
use std::net::IpAddr;

use litemap::LiteMap;

use super::effect::{Effect, End, Reply};
use super::input::{AnswerPart, Input, MakeError, PairingRequest};
use super::link::Link;
use super::pull::{Begun, Pull};
use super::status::{CrewStatus, Network, PairingStatus, PhoneBook};
use super::trouble::{LocalNetwork, Making, Newer};
use crate::connect::Contact;
use crate::dial::{Dialler, DiallerConfig, Found, SlotId};
use crate::hand::Hand;
use crate::id::{Address, CertHash, DeviceId, RoomId, RoomLink, RoomSecret};
use crate::key::{DeviceKey, MeetingKey};
use crate::mesh::Mesh;
use crate::redial::Redial;
use crate::session::Run;

/// Below `/peer/v1/rooms/{room}/`, answered by the crew itself: whom a peer is connected to, the cards of introductions,
/// and where a peer can be called again.
const LINKS: &str = "links";
const INTRODUCTIONS: &str = "introductions";
const STANDBY: &str = "standby";

/// How long a code waits for the phone book to say where it sees this device, in milliseconds.
const OUTSIDE: u64 = 2_000;
/// An input that comes so many milliseconds after the deadline shows that the timer was stopped: this device slept.
const SLEPT: u64 = 3_000;
/// Longest wait of the timer, in milliseconds.
const WAIT_MAX: u64 = 60_000;

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
}
