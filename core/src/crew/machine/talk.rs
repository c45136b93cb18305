//! What the devices of a crew say to each other by themselves, and which requests of a peer are answered by whom.

use super::super::effect::Effect;
use super::super::link::Peer;
use super::{Crew, INTRODUCTIONS, LINKS, STANDBY};
use crate::api::CBOR;
use crate::dial::SlotId;
use crate::id::DeviceId;
use crate::mesh::{Card, decode_links};
use crate::redial::decode_told;
use crate::session::{RequestHead, ResponseHead, StreamId, peer_gate};

impl Crew {
    fn path(&self, what: &str) -> String {
        format!("/peer/v1/rooms/{}/{what}", self.room)
    }

    /// The head of a request to a peer, without what answer it wants.
    pub(super) fn head(&self, what: &str) -> RequestHead {
        let headers = vec![("content-type".to_owned(), CBOR.to_owned())];
        RequestHead { headers, ..RequestHead::new("POST", self.path(what)) }
    }

    /// Tells a peer something that only its crew is concerned with. Whether it arrives shows in what the peer does.
    pub(super) fn tell(&mut self, slot: SlotId, what: &str, body: Vec<u8>) {
        let mut head = self.head(what);
        head.headers.push(("accept".to_owned(), CBOR.to_owned()));
        if let Some(link) = self.links.get_mut(&slot) {
            link.tell(&head, body);
        }
    }

    /// Passes news on to every peer but the one that it came from and those whom that one tells itself.
    pub(super) fn pass_on(&mut self, from: Option<DeviceId>, batch: &[u8]) {
        let head = self.head("changes");
        let is_told = |device| from.is_some_and(|from| from == device || self.mesh.is_told_by(from, device));
        for (_, link) in &mut self.links {
            if link.peer.is_some_and(|peer| !is_told(peer.device)) {
                link.tell(&head, batch.to_vec());
            }
        }
    }

    /// Answers a peer's request: what concerns connections here, all else through the own service worker.
    pub(super) fn request(&mut self, slot: SlotId, stream: StreamId, head: RequestHead, body: Vec<u8>, now_ms: u64) {
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
}
