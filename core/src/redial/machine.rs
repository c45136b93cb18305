use std::collections::VecDeque;

use litemap::LiteMap;

use crate::connect::{Contact, IceCredentials};
use crate::dial::{Jitter, SlotId, Way};
use crate::id::{CertHash, DeviceId};
use crate::key::MeetingKey;

/// So many devices are kept ready for, at most; those that are connected come first.
pub const MOST: usize = 12;

/// So many standbys wait for each of them: one that both dial from while both pages live, and one in reserve for a page
/// that was loaded again before it was told what there is instead of the one that it called last.
pub const AHEAD: usize = 2;

/// So many devices a page that shows another room is connected to, or calls, before it calls no more of them.
const BACKGROUND: usize = 2;
/// So many it keeps ready for, with one standby each.
const MOST_BACKGROUND: usize = 4;

/// How long a call, or a standby that was reached, may take until the peer has proved itself, in milliseconds.
const CALL: u64 = 6_000;
/// A page that ends tells its peers, and is still there to be called for a moment; it is the next one that should be
/// connected. That one calls at once.
const COURTESY: u64 = 1_500;
/// The wait after the first call that failed, doubled with each one.
const RETRY: u64 = 2_000;
/// Calls that fail one after the other before no more are made, until something changes. About ten minutes.
const PATIENCE: u32 = 10;
/// The longest wait between two calls.
const RETRY_MAX: u64 = 60_000;
/// The wait after a standby that failed.
const STANDBY_RETRY: u64 = 5_000;

/// What a [`Redial`] wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedialAction {
    /// Make a connection that is to wait for its peer, and tell [`Redial::handle_ready`].
    Make {
        /// The connection.
        slot: SlotId,
        /// Under these credentials, or those that the browser makes.
        credentials: Option<IceCredentials>,
    },
    /// Make a connection that calls at once, as the side that *answers* what the other's standby offered. ICE has it play
    /// the other part than the standby then: that of two which both believe to control gets nowhere in Firefox 153, whose
    /// agent does not change its part when it is told to (RFC 8445, section 7.2.5.1), only when it is called.
    Call {
        /// The connection.
        slot: SlotId,
        /// Under these credentials.
        credentials: IceCredentials,
        /// Whom.
        contact: Contact,
    },
    /// Close this connection and forget it. No [`Redial::handle_closed`] is expected for it.
    Drop(SlotId),
    /// Have this connection wait for its peer: set the remote description that follows, with no endpoint.
    Arm {
        /// The connection.
        slot: SlotId,
        /// Who will call.
        cert_hash: CertHash,
        /// With which credentials.
        credentials: IceCredentials,
    },
    /// Have this connection, which is armed, try the endpoints of the contact, for the first time or anew.
    Dial {
        /// The connection to dial with.
        slot: SlotId,
        /// Whom.
        contact: Contact,
    },
    /// Tell the peer at the end of this connection where it can call.
    Tell {
        /// The connection to the peer.
        over: SlotId,
        /// Our standbys, at most [`AHEAD`].
        contacts: Vec<Contact>,
    },
    /// Keep for the next run of the page where this device can be called, in the place of what was kept of it before.
    Keep {
        /// Which device.
        device: DeviceId,
        /// Its standbys, the one to call next first; none if it is not to be called.
        contacts: Vec<Contact>,
    },
}

/// A connection that waits for its peer to call.
#[derive(Debug)]
struct Standby {
    slot: SlotId,
    /// Once it has its endpoints.
    contact: Option<Contact>,
    armed: bool,
    /// The first one while there was a connection, so the other side knows it as the first as well: it may dial.
    dials: bool,
    /// Until when the session must be there: somebody reached it.
    reached: Option<u64>,
}

/// A call under way.
#[derive(Debug)]
struct Call {
    /// The connection that was made for it; none if the standby calls.
    slot: Option<SlotId>,
    deadline: u64,
}

/// Another device, connected or to be connected again.
#[derive(Debug)]
struct Pair {
    cert_hash: CertHash,
    /// The connection in use.
    link: Option<SlotId>,
    standbys: Vec<Standby>,
    standby_at: u64,
    /// Where its standbys wait for us, the one to call next first.
    theirs: Vec<Contact>,
    /// It was told since the connection in use, or the last one, opened.
    told: bool,
    call: Option<Call>,
    call_at: u64,
    failures: u32,
}

/// The policy of redialling of one device in one room. See the [module](super).
///
/// Mutate, then drain: after any `handle_*` call, call [`poll_action`](Self::poll_action) until it gives `None`, then
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Redial {
    key: MeetingKey,
    local: CertHash,
    /// The browser takes derived credentials.
    derives: bool,
    /// The page shows another room.
    is_background: bool,
    pairs: LiteMap<DeviceId, Pair>,
    next_slot: u32,
    jitter: Jitter,
    actions: VecDeque<RedialAction>,
}

impl Redial {
    /// A device that has just come, with what it [kept](RedialAction::Keep) of those it knows; it calls them at once.
    pub fn new(key: MeetingKey, local: CertHash, kept: Vec<(DeviceId, Vec<Contact>)>, seed: u64, now_ms: u64) -> Self {
        let mut redial = Self {
            key,
            local,
            derives: true,
            is_background: false,
            pairs: LiteMap::new(),
            next_slot: 0,
            jitter: Jitter::new(seed),
            actions: VecDeque::new(),
        };
        for (device, theirs) in kept {
            if let Some(cert_hash) = theirs.first().map(|contact| contact.cert_hash)
                && cert_hash != local
                && redial.pairs.len() < MOST
            {
                redial.pairs.insert(device, Pair { theirs, ..Pair::new(cert_hash, now_ms) });
            }
        }
        redial.advance(now_ms);
        redial
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<RedialAction> {
        self.actions.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, in milliseconds of the same clock.
    pub fn poll_timeout(&self) -> Option<u64> {
        debug_assert!(self.actions.is_empty(), "drain the actions before asking for the deadline");
        let (ahead, calls) = (self.ahead(), !self.is_background || self.busy() < BACKGROUND);
        self.pairs.values().filter_map(|pair| pair.due(self.derives, ahead, calls)).min()
    }

    /// So many standbys each pair has.
    fn ahead(&self) -> usize {
        if self.derives && !self.is_background { AHEAD } else { 1 }
    }

    /// How many are connected or being called.
    fn busy(&self) -> usize {
        self.pairs.values().filter(|pair| pair.link.is_some() || pair.call.is_some()).count()
    }

    /// Whether somebody is being called who has not failed to answer.
    pub fn is_hopeful(&self) -> bool {
        self.pairs.values().any(|pair| pair.link.is_none() && !pair.theirs.is_empty() && pair.failures == 0)
    }

    /// Whether somebody was called in vain.
    pub fn has_missed_somebody(&self) -> bool {
        self.pairs.values().any(|pair| pair.link.is_none() && pair.failures > 0)
    }

    /// Whether this connection waits, or dials, and a failure of ICE is not its end: it may be called at any time.
    pub fn is_patient(&self, slot: SlotId) -> bool {
        let waits = |standby: &Standby| standby.slot == slot && standby.reached.is_none();
        self.pairs.values().any(|pair| pair.standbys.iter().any(waits))
    }

    /// Time has passed. May be called at any time; what is not due is left alone.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        let late = |call: &Call| call.deadline <= now_ms;
        let late = self.pairs.iter().filter(|(_, pair)| pair.call.as_ref().is_some_and(late));
        for device in late.map(|(device, _)| *device).collect::<Vec<_>>() {
            self.give_up(device, now_ms);
        }
        for (_, pair) in self.pairs.iter_mut() {
            // Whoever reached it is gone: what is half spoken cannot be begun anew.
            let late = |standby: &mut Standby| standby.reached.is_some_and(|until| until <= now_ms);
            let stuck = pair.standbys.extract_if(.., late);
            self.actions.extend(stuck.map(|standby| RedialAction::Drop(standby.slot)));
        }
        self.advance(now_ms);
    }

    /// ICE found a way for this connection.
    pub fn handle_reached(&mut self, slot: SlotId, now_ms: u64) {
        let standbys = self.pairs.iter_mut().flat_map(|(_, pair)| &mut pair.standbys);
        for standby in standbys.filter(|standby| standby.slot == slot) {
            standby.reached.get_or_insert(now_ms + CALL);
        }
    }

    /// The page shows this room or another one. For one that is not on show few connections are kept, and few made.
    pub fn handle_background(&mut self, is_background: bool, now_ms: u64) {
        self.is_background = is_background;
        if is_background {
            let mut absent: Vec<(u32, DeviceId)> = self
                .pairs
                .iter()
                .filter(|(_, pair)| pair.link.is_none() && !pair.standbys.is_empty())
                .map(|(device, pair)| (pair.failures, *device))
                .collect();
            absent.sort_unstable();
            for (_, device) in absent.into_iter().skip(MOST_BACKGROUND.saturating_sub(self.busy())) {
                self.remove(device);
            }
        }
        self.advance(now_ms);
    }

    /// The browser refuses credentials that it did not make.
    pub fn handle_refusal(&mut self, now_ms: u64) {
        self.derives = false;
        for (_, pair) in self.pairs.iter_mut() {
            self.actions.extend(pair.call.take().and_then(|call| call.slot).map(RedialAction::Drop));
            pair.standbys.retain(|standby| standby.contact.is_some());
            pair.standby_at = now_ms;
        }
        self.advance(now_ms);
    }

    /// The page was shown, the network came, or a connection was lost: whoever is missing is called at once.
    pub fn handle_wake(&mut self, now_ms: u64) {
        for (_, pair) in self.pairs.iter_mut().filter(|(_, pair)| pair.link.is_none()) {
            (pair.failures, pair.call_at) = (0, now_ms);
        }
        self.advance(now_ms);
    }

    /// The network came or is another one: nobody reaches us where we waited.
    pub fn handle_network(&mut self, now_ms: u64) {
        for (_, pair) in self.pairs.iter_mut() {
            // Of a browser's own credentials there are no others.
            if self.derives || pair.link.is_some() {
                self.actions.extend(pair.standbys.drain(..).map(|standby| RedialAction::Drop(standby.slot)));
                pair.standby_at = now_ms;
            }
        }
        self.handle_wake(now_ms);
    }

    /// A connection is open, however it came about, and this member is at its other end.
    pub fn handle_open(&mut self, slot: SlotId, device: DeviceId, cert_hash: CertHash, now_ms: u64) {
        if self.pairs.get(&device).is_some_and(|pair| pair.cert_hash != cert_hash) {
            // What was agreed with another certificate is void.
            self.remove(device);
        }
        // One certificate is one device: it has another id since it took another key, and is where
        // it was.
        let before = self.pairs.iter().find(|(other, pair)| **other != device && pair.cert_hash == cert_hash);
        if let Some(before) = before.map(|(before, _)| *before) {
            self.actions.push_back(RedialAction::Keep { device: before, contacts: Vec::new() });
            if !self.pairs.contains_key(&device)
                && let Some(pair) = self.pairs.remove(&before)
            {
                let contacts = pair.theirs.clone();
                self.pairs.insert(device, pair);
                self.actions.push_back(RedialAction::Keep { device, contacts });
            } else if let Some(pair) = self.pairs.get_mut(&before) {
                pair.standbys.retain(|standby| standby.slot != slot);
                pair.call = pair.call.take().filter(|call| call.slot != Some(slot));
                self.remove(before);
            }
        }
        let most = if self.is_background { MOST_BACKGROUND } else { MOST };
        if !self.pairs.contains_key(&device) && self.pairs.len() >= most {
            let absent = self.pairs.iter().filter(|(_, pair)| pair.link.is_none());
            let Some(device) = absent.max_by_key(|(_, pair)| pair.failures).map(|(device, _)| *device) else { return };
            self.remove(device);
        }
        let pair = self.pairs.entry(device).or_insert_with(|| Pair::new(cert_hash, now_ms));
        pair.link = Some(slot);
        (pair.failures, pair.told) = (0, false);
        pair.standbys.retain(|standby| standby.slot != slot);
        let call = pair.call.take().and_then(|call| call.slot).filter(|call| *call != slot);
        self.actions.extend(call.map(RedialAction::Drop));
        // It may have lost what it was told before, or called one of them.
        self.actions.extend(pair.tell());
        self.advance(now_ms);
    }

    /// A connection ended or failed. Where it is known that nobody ended it, [`handle_wake`](Self::handle_wake) is to follow.
    pub fn handle_closed(&mut self, slot: SlotId, now_ms: u64) {
        let mut failed = None;
        for (device, pair) in self.pairs.iter_mut() {
            if pair.link == Some(slot) {
                pair.link = None;
                pair.call_at = now_ms + COURTESY;
            }
            if pair.standbys.extract_if(.., |standby| standby.slot == slot).count() > 0 {
                pair.standby_at = now_ms + STANDBY_RETRY;
            }
            if pair.call.as_ref().is_some_and(|call| call.slot == Some(slot)) {
                failed = Some(*device);
            }
        }
        if let Some(device) = failed {
            self.give_up(device, now_ms);
        }
        self.advance(now_ms);
    }

    /// Both ends gave this connection up, as they reach each other through others: it is not to be made again.
    pub fn handle_parted(&mut self, slot: SlotId) {
        if let Some((device, _)) = self.pairs.iter().find(|(_, pair)| pair.link == Some(slot)) {
            let device = *device;
            self.remove(device);
            self.actions.push_back(RedialAction::Keep { device, contacts: Vec::new() });
        }
    }

    /// A connection that was asked for has its endpoints.
    pub fn handle_ready(&mut self, slot: SlotId, contact: Contact, now_ms: u64) {
        let pair = self.pairs.iter_mut().find_map(|(_, pair)| {
            pair.standbys.iter_mut().find(|standby| standby.slot == slot)?.contact = Some(contact.clone());
            Some(pair)
        });
        self.actions.extend(pair.map_or(Some(RedialAction::Drop(slot)), |pair| pair.tell()));
        self.advance(now_ms);
    }

    /// The peer at the end of this connection told where it can be called.
    pub fn handle_told(&mut self, link: SlotId, contacts: Vec<Contact>, now_ms: u64) {
        let Some(first) = contacts.first() else { return };
        let Some((device, pair)) = self.pairs.iter_mut().find(|(_, pair)| pair.link == Some(link)) else { return };
        if contacts.iter().any(|contact| contact.cert_hash != pair.cert_hash) {
            return;
        }
        pair.told = true;
        let expected = || IceCredentials::derive_for(&self.key, &pair.cert_hash, &self.local);
        if pair.theirs.first().map_or_else(expected, |theirs| theirs.credentials.clone()) != first.credentials {
            // They wait for somebody who will not come.
            let armed = pair.standbys.extract_if(.., |standby| standby.armed);
            self.actions.extend(armed.map(|standby| RedialAction::Drop(standby.slot)));
        }
        if pair.theirs != contacts {
            pair.theirs.clone_from(&contacts);
            self.actions.push_back(RedialAction::Keep { device: *device, contacts });
        }
        self.advance(now_ms);
    }

    fn give_up(&mut self, device: DeviceId, now_ms: u64) {
        let Some(pair) = self.pairs.get_mut(&device) else { return };
        let called = pair.call.take().and_then(|call| call.slot);
        // It may have called one that is spent: the other is called at once.
        let has_other = called.is_some() && pair.failures == 0 && pair.theirs.len() > 1;
        self.actions.extend(called.map(RedialAction::Drop));
        let wait = if has_other { 0 } else { (RETRY << pair.failures.min(6)).min(RETRY_MAX) };
        pair.failures += 1;
        pair.call_at = now_ms + wait - wait / 8 + self.jitter.below(wait / 4);
    }

    fn remove(&mut self, device: DeviceId) {
        if let Some(pair) = self.pairs.remove(&device) {
            let standbys = pair.standbys.into_iter().map(|standby| standby.slot);
            let call = pair.call.and_then(|call| call.slot);
            self.actions.extend(standbys.chain(call).map(RedialAction::Drop));
        }
    }

    /// Brings everything to where it should be at `now_ms`. Nearly every `handle_*` ends here.
    fn advance(&mut self, now_ms: u64) {
        let (ahead, mut busy) = (self.ahead(), self.busy());
        let Self { key, local, derives, is_background, next_slot, actions, .. } = self;
        let mut slot = || {
            *next_slot += 1;
            SlotId::new(Way::Redial, *next_slot)
        };
        for (device, pair) in self.pairs.iter_mut() {
            let peer = pair.cert_hash;
            let own = || derives.then(|| IceCredentials::derive_for(key, local, &peer));
            if pair.link.is_some() && pair.lacks(ahead) && pair.standby_at <= now_ms {
                let slot = slot();
                pair.standbys.push(Standby { slot, contact: None, armed: false, dials: false, reached: None });
                actions.push_back(RedialAction::Make { slot, credentials: own() });
            }
            if let Some(first) = pair.standbys.first_mut().filter(|_| pair.link.is_some()) {
                first.dials = true;
            }
            let derived = || IceCredentials::derive_for(key, &peer, local);
            // Whoever has not told anything yet will call as one that derives, if it is gone before it has.
            let told = pair.theirs.first().map(|contact| &contact.credentials);
            let both_derive = || *derives && told.is_none_or(|told| *told == derived());
            // Credentials that a browser made are others with each connection: those that we have may be spent.
            for standby in pair.standbys.iter_mut().filter(|standby| standby.contact.is_some() && !standby.armed) {
                if both_derive() || (pair.told && standby.dials) {
                    standby.armed = true;
                    let credentials = told.cloned().unwrap_or_else(derived);
                    actions.push_back(RedialAction::Arm { slot: standby.slot, cert_hash: peer, credentials });
                }
            }
            if !pair.may_call() || pair.call_at > now_ms || (*is_background && busy >= BACKGROUND) {
                continue;
            }
            let Some(contact) = pair.theirs.first().cloned() else { continue };
            if let Some(&Standby { slot, reached, .. }) = pair.dialler(*derives) {
                if reached.is_none() {
                    busy += 1;
                    pair.call = Some(Call { slot: None, deadline: now_ms + CALL });
                    actions.push_back(RedialAction::Dial { slot, contact });
                }
            } else if let Some(credentials) = own() {
                let slot = slot();
                busy += 1;
                pair.call = Some(Call { slot: Some(slot), deadline: now_ms + CALL });
                actions.push_back(RedialAction::Call { slot, credentials, contact });
                if pair.standbys.is_empty() {
                    // Once it is reached it waits for nobody else, whatever becomes of this page.
                    pair.theirs.rotate_left(1);
                    actions.push_back(RedialAction::Keep { device: *device, contacts: pair.theirs.clone() });
                }
            }
        }
        let strangers = self.pairs.iter().filter(|(_, pair)| pair.link.is_none() && pair.has_nothing());
        for device in strangers.map(|(device, _)| *device).collect::<Vec<_>>() {
            self.remove(device);
        }
    }
}

impl Pair {
    fn new(cert_hash: CertHash, now_ms: u64) -> Self {
        Self {
            cert_hash,
            link: None,
            standbys: Vec::new(),
            standby_at: now_ms,
            theirs: Vec::new(),
            told: false,
            call: None,
            call_at: now_ms,
            failures: 0,
        }
    }

    fn may_call(&self) -> bool {
        self.link.is_none() && self.call.is_none() && self.failures < PATIENCE
    }

    /// Neither can call the other.
    fn has_nothing(&self) -> bool {
        self.theirs.is_empty() && self.standbys.iter().all(|standby| standby.contact.is_none())
    }

    /// The standby to dial from now. Every second time it is a new connection that calls: a device may be in another
    /// network and not know it, and then nothing gets through from where its standbys wait.
    fn dialler(&self, derives: bool) -> Option<&Standby> {
        let standby = self.standbys.iter().find(|standby| standby.dials && standby.armed);
        standby.filter(|_| !derives || self.failures.is_multiple_of(2))
    }

    /// Whether another standby is to be made: one after the other, so that the first is there soon. Who cannot say in
    /// advance which credentials it will call with has no use for one in reserve.
    fn lacks(&self, ahead: usize) -> bool {
        self.standbys.len() < ahead && self.standbys.iter().all(|standby| standby.contact.is_some())
    }

    /// What the peer is told: the standbys that it can call.
    fn tell(&self) -> Option<RedialAction> {
        let contacts: Vec<Contact> = self.standbys.iter().filter_map(|standby| standby.contact.clone()).collect();
        let over = self.link.filter(|_| !contacts.is_empty())?;
        Some(RedialAction::Tell { over, contacts })
    }

    /// When there is something to do.
    fn due(&self, derives: bool, ahead: usize, calls: bool) -> Option<u64> {
        let can_call =
            !self.theirs.is_empty() && self.dialler(derives).map_or(derives, |standby| standby.reached.is_none());
        let call = match &self.call {
            Some(call) => Some(call.deadline),
            None => (calls && self.may_call() && can_call).then_some(self.call_at),
        };
        let standby = (self.link.is_some() && self.lacks(ahead)).then_some(self.standby_at);
        let reached = self.standbys.iter().filter_map(|standby| standby.reached);
        reached.chain(call).chain(standby).min()
    }
}
