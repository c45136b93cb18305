//! What the four policies want is carried out here, and nowhere else: none of them knows of the others.

use super::super::effect::Effect;
use super::super::input::PairingRequest;
use super::super::link::Link;
use super::{Crew, INTRODUCTIONS, LINKS, STANDBY};
use crate::connect::sdp::{RemoteAnswer, Setup, setup_of_remote};
use crate::connect::{Contact, IceCredentials};
use crate::dial::{Action, Side, SlotId};
use crate::hand::{Code, HandAction};
use crate::id::{CertHash, DeviceId, Endpoint};
use crate::mesh::{MeshAction, encode_links};
use crate::redial::{MOST, RedialAction, encode_told};

impl Crew {
    /// Carries out what the dialler wants, once it knows who stands before this device: nobody who is no doorkeeper any more
    /// may register.
    pub(super) fn dial(&mut self, now_ms: u64) -> bool {
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
    pub(super) fn introduce(&mut self, now_ms: u64) -> bool {
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
    pub(super) fn redial(&mut self, now_ms: u64) -> bool {
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
    pub(super) fn pair_by_code(&mut self, now_ms: u64) -> bool {
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
    pub(super) fn look_outside(&mut self) {
        if self.is_refused {
            self.effects.push_back(Effect::Register(Vec::new()));
        }
    }

    /// Does what waited for the phone book to say where it sees this device.
    pub(super) fn grant_wish(&mut self, now_ms: u64) {
        self.has_asked_outside = true;
        if let Some(wish) = self.wish.take() {
            self.pair(wish.request, now_ms);
        }
    }

    pub(super) fn pair(&mut self, request: PairingRequest, now_ms: u64) {
        match request {
            PairingRequest::Invite { tag } => self.hand.handle_invite(false, tag, now_ms),
            PairingRequest::InviteAnew { tag } => self.hand.handle_invite(true, tag, now_ms),
            PairingRequest::Use(Code::Invitation(invitation)) => self.hand.handle_invitation(invitation, now_ms),
            PairingRequest::Use(Code::Reply(reply)) => self.hand.handle_reply(reply, now_ms),
        }
    }
}
