//! Connecting by hand as a play: two devices, and people who carry codes between them, slowly or wrongly.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use partyline_core::connect::{Contact, IceCredentials};
use partyline_core::dial::{SlotId, Way};
use partyline_core::hand::{Code, Hand, HandAction, HandStep, PATIENCE, QR_CHARS};
use partyline_core::id::{CertHash, Endpoint, RoomId, RoomLink, RoomSecret};

/// A device, and what its browser was told to do.
struct Device {
    name: u8,
    hand: Hand,
    dialled: Vec<(SlotId, Contact)>,
    armed: Vec<(SlotId, Contact)>,
    tried: Vec<Vec<Endpoint>>,
    dropped: Vec<SlotId>,
}

fn link(room: u8) -> RoomLink {
    RoomLink { room: RoomId::from_random_bytes([room; 16]), secret: RoomSecret::from_bytes([room; 32]) }
}

fn contact(name: u8) -> Contact {
    Contact {
        cert_hash: CertHash::from_bytes([name; 32]),
        credentials: IceCredentials::new("abcd", "0123456789abcdefghijklmn").unwrap(),
        endpoints: vec![Endpoint::parse(&format!("192.0.2.{name}:5000")).unwrap()],
    }
}

impl Device {
    fn new(name: u8, room: u8) -> Self {
        let hand = Hand::new(link(room), contact(name).cert_hash, QR_CHARS);
        Self { name, hand, dialled: vec![], armed: vec![], tried: vec![], dropped: vec![] }
    }

    /// Does what is wanted, with a browser that makes connections at once.
    fn settle(&mut self, now: u64) {
        while let Some(action) = self.hand.poll_action() {
            match action {
                HandAction::Make(slot) => self.hand.handle_ready(slot, contact(self.name), now),
                HandAction::Drop(slot) => self.dropped.push(slot),
                HandAction::Dial { slot, contact } => self.dialled.push((slot, contact)),
                HandAction::Arm { slot, contact } => self.armed.push((slot, contact)),
                HandAction::Try { endpoints, .. } => self.tried.push(endpoints),
            }
        }
    }

    fn invite(&mut self, anew: bool, tag: u32, now: u64) -> String {
        self.hand.handle_invite(anew, tag, now);
        self.settle(now);
        assert_eq!((self.hand.step(), self.hand.problem()), (HandStep::Invited, None));
        self.hand.code().to_owned()
    }

    /// Reads a code; the step and the sentence that follow.
    fn read(&mut self, code: &str, now: u64) -> (HandStep, &'static str) {
        match Code::parse(code).unwrap() {
            Code::Invitation(invitation) => self.hand.handle_invitation(invitation, now),
            Code::Reply(reply) => self.hand.handle_reply(reply, now),
        }
        self.settle(now);
        (self.hand.step(), self.hand.problem().unwrap_or(""))
    }

    fn answer(&mut self, code: &str, now: u64) -> String {
        assert_eq!(self.read(code, now), (HandStep::Replied, ""));
        self.hand.code().to_owned()
    }
}

/// The data channel between the two opens.
fn open(alice: &mut Device, bob: &mut Device) {
    let (from, to) = (alice.dialled.last().unwrap().0, bob.armed.last().unwrap().0);
    alice.hand.handle_open(from, contact(bob.name).cert_hash);
    bob.hand.handle_open(to, contact(alice.name).cert_hash);
    for device in [alice, bob] {
        device.settle(0);
        assert_eq!(device.hand.step(), HandStep::Connected);
        assert_eq!(device.hand.poll_timeout(), None);
        assert!(device.dropped.is_empty(), "the connection is not kept");
    }
}

#[test]
fn two_codes_make_a_connection_however_slowly_they_are_carried() {
    let (mut alice, mut bob) = (Device::new(1, 9), Device::new(2, 9));
    let invitation = alice.invite(false, 7, 0);
    let reply = bob.answer(&invitation, PATIENCE / 2);
    assert!(alice.dialled.is_empty(), "Alice does not know yet whom to dial");
    assert_eq!(alice.read(&reply, PATIENCE - 1), (HandStep::Connecting, ""));
    assert_eq!(alice.dialled[0].1, contact(2));
    assert_eq!(bob.armed[0].1.credentials, contact(1).credentials);
    open(&mut alice, &mut bob);
}

#[test]
fn who_waits_keeps_its_own_door_open_and_is_not_put_off_by_failures() {
    let (mut alice, mut bob) = (Device::new(1, 9), Device::new(2, 9));
    let reply = bob.answer(&alice.invite(false, 7, 0), 0);
    let mut now = 0;
    while now < 60_000 {
        let next = bob.hand.poll_timeout().unwrap();
        assert!(next > now && next - now <= 5_000, "a NAT would close in {} ms", next - now);
        now = next;
        bob.hand.handle_timeout(now);
        bob.settle(now);
    }
    assert_eq!(bob.tried, vec![contact(1).endpoints; 12]);
    let (invited, armed) = (SlotId::new(Way::ByHand, 0), bob.armed[0].0);
    assert!(alice.hand.is_patient(invited) && bob.hand.is_patient(armed));
    alice.read(&reply, now);
    assert!(!alice.hand.is_patient(invited), "who dials wants to know");
}

#[test]
fn a_code_is_good_once() {
    let (mut alice, mut bob, mut carol) = (Device::new(1, 9), Device::new(2, 9), Device::new(3, 9));
    let invitation = alice.invite(false, 7, 0);
    let (reply, second) = (bob.answer(&invitation, 0), carol.answer(&invitation, 0));
    alice.read(&reply, 0);
    open(&mut alice, &mut bob);
    let told = [alice.read(&reply, 0), alice.read(&second, 0), bob.read(&invitation, 0)];
    for (step, why) in told {
        assert_eq!(step, HandStep::Failed);
        assert!(why.starts_with("This code was used already"), "{why}");
    }
}

#[test]
fn a_code_of_another_room_or_invitation_or_of_the_device_itself_is_told_and_harms_nothing() {
    let (mut alice, mut bob, mut carol) = (Device::new(1, 9), Device::new(2, 9), Device::new(3, 9));
    let (mut zoe, mut yann) = (Device::new(4, 8), Device::new(5, 8));
    let invitation = alice.invite(false, 7, 0);
    let foreign = zoe.invite(false, 7, 0);
    for (code, words) in [
        (yann.answer(&foreign, 0), "another room"),
        (foreign.clone(), "another room"),
        (bob.answer(&carol.invite(false, 8, 0), 0), "another invitation"),
        (invitation.clone(), "This device made this invitation"),
    ] {
        let (step, why) = alice.read(&code, 0);
        assert_eq!(step, HandStep::Invited);
        assert!(why.contains(words), "{why}");
        assert_eq!(alice.hand.code(), invitation);
    }
    assert_eq!(alice.read(&bob.answer(&invitation, 0), 0), (HandStep::Connecting, ""));
}

#[test]
fn an_invitation_stays_open_until_a_new_one_is_wanted() {
    let (mut alice, mut bob) = (Device::new(1, 9), Device::new(2, 9));
    let invitation = alice.invite(false, 7, 0);
    assert_eq!(alice.invite(false, 8, 1_000), invitation);
    let late = bob.answer(&invitation, 0);
    let newer = alice.invite(true, 9, 2_000);
    assert_ne!(newer, invitation);
    assert_eq!(alice.dropped.len(), 1);
    let (step, why) = alice.read(&late, 3_000);
    assert_eq!((step, alice.hand.code()), (HandStep::Invited, newer.as_str()));
    assert!(why.contains("outdated"), "{why}");
    // Bob answers the newer one in the same way, and his first connection is given up.
    alice.read(&bob.answer(&newer, 3_000), 4_000);
    assert_eq!(bob.dropped.len(), 1);
    assert_eq!(alice.hand.step(), HandStep::Connecting);
}

#[test]
fn what_nobody_comes_for_is_given_up() {
    let (mut alice, mut bob) = (Device::new(1, 9), Device::new(2, 9));
    let reply = bob.answer(&alice.invite(false, 7, 0), 0);
    for device in [&mut alice, &mut bob] {
        device.hand.handle_timeout(PATIENCE);
        device.settle(PATIENCE);
        assert_eq!((device.hand.step(), device.hand.poll_timeout()), (HandStep::Failed, None));
        assert_eq!(device.dropped.len(), 1);
    }
    let (step, why) = alice.read(&reply, PATIENCE);
    assert!(step == HandStep::Failed && why.contains("outdated"), "{why}");
    // As after a reload, too.
    let (step, why) = Device::new(1, 9).read(&reply, PATIENCE);
    assert!(step == HandStep::Failed && why.contains("outdated"), "{why}");
}

#[test]
fn a_reply_of_somebody_who_is_gone_leads_nowhere_and_says_so() {
    let (mut alice, mut bob) = (Device::new(1, 9), Device::new(2, 9));
    let reply = bob.answer(&alice.invite(false, 7, 0), 0);
    alice.read(&reply, 0);
    let deadline = alice.hand.poll_timeout().unwrap();
    alice.hand.handle_timeout(deadline);
    alice.settle(deadline);
    assert_eq!(alice.hand.step(), HandStep::Failed);
    assert!(alice.hand.problem().unwrap().starts_with("The other device cannot be reached"));

    // The browser may know it earlier.
    let reply = bob.answer(&alice.invite(false, 8, 0), 0);
    alice.read(&reply, 0);
    alice.hand.handle_closed(alice.dialled.last().unwrap().0);
    assert_eq!(alice.hand.step(), HandStep::Failed);
    alice.invite(false, 9, 0);
}

#[test]
fn who_finds_the_other_in_another_way_needs_no_codes_any_more() {
    let (mut alice, mut bob) = (Device::new(1, 9), Device::new(2, 9));
    let reply = bob.answer(&alice.invite(false, 7, 0), 0);
    let other = SlotId::new(Way::PhoneBook, 0);
    bob.hand.handle_open(other, contact(1).cert_hash);
    bob.settle(0);
    assert_eq!((bob.hand.step(), bob.dropped.len()), (HandStep::Connected, 1));
    alice.hand.handle_open(other, contact(2).cert_hash);
    alice.read(&reply, 0);
    assert_eq!((alice.hand.step(), alice.dialled.len()), (HandStep::Connecting, 1));
    alice.hand.handle_closed(alice.dialled[0].0);
    alice.settle(0);
    assert_eq!(alice.hand.step(), HandStep::Connected);
}

#[test]
fn a_page_that_is_gone_without_a_word_does_not_pass_for_the_one_that_replies() {
    let (mut alice, mut bob) = (Device::new(1, 9), Device::new(2, 9));
    let former = SlotId::new(Way::PhoneBook, 0);
    alice.hand.handle_open(former, contact(2).cert_hash);
    let reply = bob.answer(&alice.invite(false, 7, 0), 0);
    alice.read(&reply, 0);
    assert_eq!(alice.hand.step(), HandStep::Connecting);
    // The end of the former connection is noticed, and nobody answers where the reply says.
    alice.hand.handle_closed(former);
    let due = alice.hand.poll_timeout().unwrap();
    alice.hand.handle_timeout(due);
    alice.settle(due);
    assert_eq!(alice.hand.step(), HandStep::Failed);

    let reply = bob.answer(&alice.invite(false, 8, due), due);
    alice.hand.handle_open(former, contact(2).cert_hash);
    alice.read(&reply, due);
    let slot = alice.dialled.last().unwrap().0;
    alice.hand.handle_open(slot, contact(2).cert_hash);
    alice.settle(due);
    assert_eq!(alice.hand.step(), HandStep::Connected);
    assert!(!alice.dropped.contains(&slot));
}
