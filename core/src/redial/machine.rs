use std::collections::VecDeque;

use litemap::LiteMap;

use crate::connect::{Contact, IceCredentials};
use crate::dial::{Jitter, SlotId, Way};
use crate::id::{CertHash, DeviceId, RoomSecret};

/// So many devices are kept ready for, at most; those that are connected come first.
pub const MOST: usize = 12;

/// How long a call may take until the peer has proved itself, in milliseconds.
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
    /// Have this connection wait for its peer: set the remote description that follows from the contact, with no endpoint.
    Arm {
        /// The connection.
        slot: SlotId,
        /// Who will call.
        contact: Contact,
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
        /// Our standby.
        contact: Contact,
    },
    /// Keep for the next run of the page where this device can be called.
    Keep {
        /// Which device.
        device: DeviceId,
        /// Its standby.
        contact: Contact,
    },
}

/// A connection that waits for its peer to call.
#[derive(Debug)]
struct Standby {
    slot: SlotId,
    /// Once it has its endpoints.
    contact: Option<Contact>,
    armed: bool,
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
    standby: Option<Standby>,
    standby_at: u64,
    /// Where its standby waits for us.
    theirs: Option<Contact>,
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
    secret: RoomSecret,
    local: CertHash,
    /// The browser takes derived credentials.
    derives: bool,
    pairs: LiteMap<DeviceId, Pair>,
    next_slot: u32,
    jitter: Jitter,
    actions: VecDeque<RedialAction>,
}

impl Redial {
    /// A device that has just come, with what it [kept](RedialAction::Keep) of those it knows; it calls them at once.
    pub fn new(secret: RoomSecret, local: CertHash, kept: Vec<(DeviceId, Contact)>, seed: u64, now_ms: u64) -> Self {
        let mut redial = Self {
            secret,
            local,
            derives: true,
            pairs: LiteMap::new(),
            next_slot: 0,
            jitter: Jitter::new(seed),
            actions: VecDeque::new(),
        };
        for (device, contact) in kept {
            if contact.cert_hash != local && redial.pairs.len() < MOST {
                let pair = Pair { theirs: Some(contact.clone()), ..Pair::new(contact.cert_hash, now_ms) };
                redial.pairs.insert(device, pair);
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
        self.pairs.values().filter_map(|pair| pair.due(self.derives)).min()
    }

    /// Whether somebody is being called who has not failed to answer.
    pub fn is_hopeful(&self) -> bool {
        self.pairs.values().any(|pair| pair.link.is_none() && pair.theirs.is_some() && pair.failures == 0)
    }

    /// Whether this connection waits, or calls, and a failure of ICE is not its end: it may be called at any time.
    pub fn is_patient(&self, slot: SlotId) -> bool {
        self.pairs.values().any(|pair| pair.standby.as_ref().is_some_and(|standby| standby.slot == slot))
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        let late = |call: &Call| call.deadline <= now_ms;
        let late = self.pairs.iter().filter(|(_, pair)| pair.call.as_ref().is_some_and(late));
        for device in late.map(|(device, _)| *device).collect::<Vec<_>>() {
            self.give_up(device, now_ms);
        }
        self.advance(now_ms);
    }

    /// The browser refuses credentials that it did not make.
    pub fn handle_refusal(&mut self, now_ms: u64) {
        self.derives = false;
        for (_, pair) in self.pairs.iter_mut() {
            self.actions.extend(pair.call.take().and_then(|call| call.slot).map(RedialAction::Drop));
            if pair.standby.take_if(|standby| standby.contact.is_none()).is_some() {
                pair.standby_at = now_ms;
            }
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
                self.actions.extend(pair.standby.take().map(|standby| RedialAction::Drop(standby.slot)));
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
        if !self.pairs.contains_key(&device) && self.pairs.len() >= MOST {
            let absent = self.pairs.iter().filter(|(_, pair)| pair.link.is_none());
            let Some(device) = absent.max_by_key(|(_, pair)| pair.failures).map(|(device, _)| *device) else { return };
            self.remove(device);
        }
        let pair = self.pairs.entry(device).or_insert_with(|| Pair::new(cert_hash, now_ms));
        pair.link = Some(slot);
        (pair.failures, pair.told) = (0, false);
        pair.standby.take_if(|standby| standby.slot == slot);
        let call = pair.call.take().and_then(|call| call.slot).filter(|call| *call != slot);
        self.actions.extend(call.map(RedialAction::Drop));
        // It may have lost what it was told before.
        if let Some(contact) = pair.standby.as_ref().and_then(|standby| standby.contact.clone()) {
            self.actions.push_back(RedialAction::Tell { over: slot, contact });
        }
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
            if pair.standby.take_if(|standby| standby.slot == slot).is_some() {
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

    /// A connection that was asked for has its endpoints.
    pub fn handle_ready(&mut self, slot: SlotId, contact: Contact, now_ms: u64) {
        let waits = |pair: &Pair| pair.standby.as_ref().is_some_and(|standby| standby.slot == slot);
        let Some((_, pair)) = self.pairs.iter_mut().find(|(_, pair)| waits(pair)) else {
            self.actions.push_back(RedialAction::Drop(slot));
            return;
        };
        if let Some(standby) = &mut pair.standby {
            standby.contact = Some(contact.clone());
        }
        if let Some(over) = pair.link {
            self.actions.push_back(RedialAction::Tell { over, contact });
        }
        self.advance(now_ms);
    }

    /// The peer at the end of this connection told where it can be called.
    pub fn handle_told(&mut self, link: SlotId, contact: Contact, now_ms: u64) {
        let told = |pair: &Pair| pair.link == Some(link) && pair.cert_hash == contact.cert_hash;
        let Some((device, pair)) = self.pairs.iter_mut().find(|(_, pair)| told(pair)) else { return };
        pair.told = true;
        let moved = pair.theirs.as_ref().is_some_and(|theirs| theirs.credentials != contact.credentials);
        if let Some(standby) = pair.standby.take_if(|standby| moved && standby.armed) {
            // It waits for somebody who will not come.
            self.actions.push_back(RedialAction::Drop(standby.slot));
        }
        if pair.theirs.as_ref() != Some(&contact) {
            pair.theirs = Some(contact.clone());
            self.actions.push_back(RedialAction::Keep { device: *device, contact });
        }
        self.advance(now_ms);
    }

    fn give_up(&mut self, device: DeviceId, now_ms: u64) {
        let Some(pair) = self.pairs.get_mut(&device) else { return };
        self.actions.extend(pair.call.take().and_then(|call| call.slot).map(RedialAction::Drop));
        let wait = (RETRY << pair.failures.min(6)).min(RETRY_MAX);
        pair.failures += 1;
        pair.call_at = now_ms + wait - wait / 8 + self.jitter.below(wait / 4);
    }

    fn remove(&mut self, device: DeviceId) {
        if let Some(pair) = self.pairs.remove(&device) {
            let slots = [pair.standby.map(|standby| standby.slot), pair.call.and_then(|call| call.slot)];
            self.actions.extend(slots.into_iter().flatten().map(RedialAction::Drop));
        }
    }

    /// Brings everything to where it should be at `now_ms`. Nearly every `handle_*` ends here.
    fn advance(&mut self, now_ms: u64) {
        let Self { secret, local, derives, next_slot, actions, .. } = self;
        let mut slot = || {
            *next_slot += 1;
            SlotId::new(Way::Redial, *next_slot)
        };
        for pair in self.pairs.iter_mut().map(|(_, pair)| pair) {
            let peer = pair.cert_hash;
            let own = || derives.then(|| IceCredentials::derive_for(secret, local, &peer));
            if pair.link.is_some() && pair.standby.is_none() && pair.standby_at <= now_ms {
                let slot = slot();
                pair.standby = Some(Standby { slot, contact: None, armed: false });
                actions.push_back(RedialAction::Make { slot, credentials: own() });
            }
            let Some(theirs) = &pair.theirs else { continue };
            let both_derive = || *derives && theirs.credentials == IceCredentials::derive_for(secret, &peer, local);
            let arms = |standby: &&mut Standby| standby.contact.is_some() && !standby.armed;
            // Credentials that a browser made are others with each connection: those that we have may be spent.
            if let Some(standby) = pair.standby.as_mut().filter(arms).filter(|_| pair.told || both_derive()) {
                standby.armed = true;
                actions.push_back(RedialAction::Arm { slot: standby.slot, contact: theirs.clone() });
            }
            if !pair.may_call() || pair.call_at > now_ms {
                continue;
            }
            let contact = theirs.clone();
            if let Some(standby) = pair.standby.as_ref().filter(|standby| standby.armed) {
                pair.call = Some(Call { slot: None, deadline: now_ms + CALL });
                actions.push_back(RedialAction::Dial { slot: standby.slot, contact });
            } else if let Some(credentials) = own() {
                let slot = slot();
                pair.call = Some(Call { slot: Some(slot), deadline: now_ms + CALL });
                actions.push_back(RedialAction::Call { slot, credentials, contact });
            }
        }
        let strangers = self.pairs.iter().filter(|(_, pair)| pair.link.is_none() && pair.theirs.is_none());
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
            standby: None,
            standby_at: now_ms,
            theirs: None,
            told: false,
            call: None,
            call_at: now_ms,
            failures: 0,
        }
    }

    fn may_call(&self) -> bool {
        self.link.is_none() && self.call.is_none() && self.failures < PATIENCE
    }

    /// When there is something to do.
    fn due(&self, derives: bool) -> Option<u64> {
        let waits = self.standby.as_ref().is_some_and(|standby| standby.armed);
        let call = match &self.call {
            Some(call) => Some(call.deadline),
            None => (self.may_call() && self.theirs.is_some() && (derives || waits)).then_some(self.call_at),
        };
        let standby = (self.link.is_some() && self.standby.is_none()).then_some(self.standby_at);
        call.into_iter().chain(standby).min()
    }
}
