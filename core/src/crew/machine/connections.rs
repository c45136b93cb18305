//! Connections: from what the browser says of one to a peer that is known, and to its end.

use super::super::effect::{Doubt, Effect, End, Reply};
use super::super::link::{Link, LinkEvent, Peer};
use super::Crew;
use crate::connect::Contact;
use crate::connect::sdp::{LocalDescription, dial_candidates};
use crate::dial::{SlotId, Way};
use crate::hand::best_first;
use crate::id::Address;
use crate::key::Psk;
use crate::session::{CloseReason, PeerSession, SessionConfig};

/// How long a connection whose last words matter is kept after them, in milliseconds.
const FAREWELL: u64 = 1_000;

impl Crew {
    pub(super) fn described(&mut self, slot: SlotId, description: LocalDescription, now_ms: u64) {
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

    pub(super) fn open_session(&mut self, slot: SlotId, ephemeral: [u8; 32], now_ms: u64) {
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

    pub(super) fn set_full(&mut self, slot: SlotId, is_full: bool) {
        if let Some(link) = self.links.get_mut(&slot) {
            link.is_full = is_full;
        }
    }

    pub(super) fn drain_links(&mut self, now_ms: u64) -> bool {
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

    pub(super) fn close(&mut self, slot: SlotId, end: End, now_ms: u64) {
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
    pub(super) fn drop_link(&mut self, slot: SlotId, now_ms: u64) {
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
    pub(super) fn leave(&mut self) {
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

    pub(super) fn peers(&self) -> impl Iterator<Item = (SlotId, Peer)> {
        self.links.iter().filter_map(|(slot, link)| Some((*slot, link.peer?)))
    }

    pub(super) fn set_presence(&mut self, is_shown: bool, is_background: bool, now_ms: u64) {
        (self.is_shown, self.is_background) = (is_shown, is_background);
        self.dialler.handle_presence(is_shown, is_background, now_ms);
        self.mesh.handle_presence(is_shown, is_background, now_ms);
        self.redial.handle_background(is_background, now_ms);
    }

    /// Something may have changed while nobody looked: whoever is missing is called, and all others show that they are there.
    pub(super) fn wake(&mut self, now_ms: u64) {
        self.redial.handle_wake(now_ms);
        self.probe(now_ms);
    }

    pub(super) fn probe(&mut self, now_ms: u64) {
        for (_, link) in &mut self.links {
            let is_busy = link.is_full;
            if let Some(session) = &mut link.session {
                session.probe(is_busy, now_ms);
            }
        }
    }
}
