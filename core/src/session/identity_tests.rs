//! Who may pass for whom: what strangers, members and copies may try in the handshake.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};

use super::limits::{MAX_HANDSHAKE_PAYLOAD_BYTES, MAX_PSKS};
use super::noise::{Handshake, Suite, params, prologue};
use super::*;
use crate::id::{CertHash, RoomId, RoomSecret};
use crate::key::{DeviceKey, DevicePublicKey, Psk};

/// Her certificate hash is lower than Bob's, so she is the initiator.
const ALICE: u8 = 5;
const BOB: u8 = 9;

fn room() -> RoomId {
    RoomId::from_random_bytes([1; 16])
}

fn psk(number: u8) -> Psk {
    Psk::of_room(&RoomSecret::from_bytes([number; 32]), room())
}

fn key(number: u8) -> DeviceKey {
    DeviceKey::from_random_bytes([number; 32])
}

/// Of somebody who has this certificate, and everything else after it.
fn config(local: u8, remote: u8) -> SessionConfig {
    SessionConfig {
        room: room(),
        psks: vec![psk(0)],
        local: CertHash::from_bytes([local; 32]),
        remote: CertHash::from_bytes([remote; 32]),
        key: key(local),
        run: Run([local; 4]),
        ephemeral: [local + 100; 32],
    }
}

fn alice() -> SessionConfig {
    config(ALICE, BOB)
}

fn bob() -> SessionConfig {
    config(BOB, ALICE)
}

fn begin(config: SessionConfig) -> PeerSession {
    PeerSession::new(config, 0).unwrap()
}

fn said(session: &mut PeerSession) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| session.poll_message()).collect()
}

fn heard(session: &mut PeerSession) -> Vec<SessionEvent> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

/// What both hear, everything being delivered.
fn meet(one: SessionConfig, other: SessionConfig) -> [Vec<SessionEvent>; 2] {
    let (mut one, mut other) = (begin(one), begin(other));
    for _ in 0..4 {
        for message in said(&mut one) {
            let _ = other.handle_message(&message, 0);
        }
        for message in said(&mut other) {
            let _ = one.handle_message(&message, 0);
        }
    }
    [heard(&mut one), heard(&mut other)]
}

/// The three messages that two members say to each other.
fn messages(alice: SessionConfig, bob: SessionConfig) -> [Vec<u8>; 3] {
    let (mut alice, mut bob) = (begin(alice), begin(bob));
    let first = said(&mut alice).remove(0);
    bob.handle_message(&first, 0).unwrap();
    let second = said(&mut bob).remove(0);
    alice.handle_message(&second, 0).unwrap();
    let third = said(&mut alice).remove(0);
    bob.handle_message(&third, 0).unwrap();
    assert!(alice.is_established() && bob.is_established());
    [first, second, third]
}

/// Who hears message `number` of [`messages`], just before that.
fn before(number: usize, messages: &[Vec<u8>; 3]) -> PeerSession {
    let mut listener = begin(if number == 1 { alice() } else { bob() });
    let _ = said(&mut listener);
    if number == 2 {
        listener.handle_message(&messages[0], 0).unwrap();
        let _ = said(&mut listener);
    }
    listener
}

fn established(events: &[SessionEvent]) -> bool {
    events.iter().any(|event| matches!(event, SessionEvent::Established { .. }))
}

fn closed(reason: CloseReason) -> Vec<SessionEvent> {
    vec![SessionEvent::Closed { reason }]
}

// ---- Forgers -------------------------------------------------------------------------------------------------------------

/// A member who goes by the protocol, but shows another static key than its own.
struct Forger {
    suite: Suite,
    shown: [u8; 32],
    product: Option<[u8; 32]>,
    has_static: AtomicBool,
}

/// Its static key. What it makes of others' public keys is what its own private key gives, or `product`.
struct Shown {
    curve: Box<dyn Dh>,
    shown: [u8; 32],
    product: Option<[u8; 32]>,
}

impl Dh for Shown {
    fn name(&self) -> &'static str {
        self.curve.name()
    }

    fn pub_len(&self) -> usize {
        self.curve.pub_len()
    }

    fn priv_len(&self) -> usize {
        self.curve.priv_len()
    }

    fn set(&mut self, privkey: &[u8]) {
        self.curve.set(privkey);
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        self.curve.generate(rng)
    }

    fn pubkey(&self) -> &[u8] {
        &self.shown
    }

    fn privkey(&self) -> &[u8] {
        self.curve.privkey()
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        match self.product {
            Some(product) => out[..32].copy_from_slice(&product),
            None => self.curve.dh(pubkey, out)?,
        }
        Ok(())
    }
}

impl CryptoResolver for Forger {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        self.suite.resolve_rng()
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        let curve = self.suite.resolve_dh(choice)?;
        // The library asks for the static key first.
        if self.has_static.swap(true, Ordering::Relaxed) {
            return Some(curve);
        }
        Some(Box::new(Shown { curve, shown: self.shown, product: self.product }))
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        self.suite.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        self.suite.resolve_cipher(choice)
    }
}

fn forger(config: &SessionConfig, shown: [u8; 32], product: Option<[u8; 32]>) -> HandshakeState {
    let initiator = config.local < config.remote;
    let prologue = prologue(FORMAT_VERSION, config, initiator);
    let suite = Suite { ephemeral: config.ephemeral };
    let resolver = Forger { suite, shown, product, has_static: AtomicBool::new(false) };
    let builder = Builder::with_resolver(params(), Box::new(resolver));
    let builder = builder.psk(0, config.psks[0].expose()).unwrap().prologue(&prologue).unwrap();
    let builder = builder.local_private_key(config.key.expose()).unwrap();
    if initiator { builder.build_initiator() } else { builder.build_responder() }.unwrap()
}

fn write(state: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 1_000];
    let written = state.write_message(payload, &mut message).unwrap();
    [&[FORMAT_VERSION], &message[..written]].concat()
}

/// What an honest member makes of somebody who shows this key, as initiator and as responder.
fn shown_to_both(shown: [u8; 32], product: Option<[u8; 32]>, payload: &[u8]) -> [Result<(), SessionError>; 2] {
    let mut mallory = forger(&alice(), shown, product);
    let mut honest = begin(bob());
    honest.handle_message(&write(&mut mallory, &[]), 0).unwrap();
    mallory.read_message(&said(&mut honest)[0][1..], &mut [0; 100]).unwrap();
    let as_initiator = honest.handle_message(&write(&mut mallory, payload), 0);
    assert_eq!(as_initiator.is_ok(), established(&heard(&mut honest)));

    let mut mallory = forger(&bob(), shown, product);
    let mut honest = begin(alice());
    mallory.read_message(&said(&mut honest)[0][1..], &mut [0; 100]).unwrap();
    let as_responder = honest.handle_message(&write(&mut mallory, payload), 0);
    assert_eq!(as_responder.is_ok(), established(&heard(&mut honest)));
    [as_initiator, as_responder]
}

const RUN: &[u8] = &[7; 4];

/// Forgers are members who do everything right, but for what they forge.
#[test]
fn who_shows_its_own_key_is_let_in() {
    for (number, result) in [ALICE, BOB].into_iter().zip([0, 1]) {
        let own = *key(number).public().as_bytes();
        assert_eq!(shown_to_both(own, None, RUN)[result], Ok(()));
    }
}

#[test]
fn nobody_can_log_in_as_another() {
    // As a third one, as the one it talks to, and with a wild guess at what the private key would give.
    for victim in [3, ALICE, BOB] {
        let shown = *key(victim).public().as_bytes();
        for product in [None, Some([1; 32]), Some(shown)] {
            let results = shown_to_both(shown, product, RUN);
            for (forger, result) in [ALICE, BOB].into_iter().zip(results) {
                if forger != victim || product.is_some() {
                    assert_eq!(result, Err(SessionError::WrongSecret), "as {victim}");
                }
            }
        }
    }
}

/// Keys that are nobody's: what they give with any private key is known to everybody.
#[test]
fn nobody_can_log_in_with_a_key_that_has_no_private_half() {
    let mut below_prime = [0xff; 32];
    (below_prime[0], below_prime[31]) = (0xec, 0x7f);
    let mut one = [0; 32];
    one[0] = 1;
    let of_order_8 = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ]
    .map(|hex| std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()));
    for shown in [[0; 32], one, below_prime, of_order_8[0], of_order_8[1]] {
        assert!(DevicePublicKey::from_bytes(shown).is_ok(), "the form alone does not give it away");
        assert_eq!(shown_to_both(shown, Some([0; 32]), RUN), [Err(SessionError::WrongSecret); 2], "{shown:?}");
    }
}

/// The curve takes a key in more than one form; each would be another id.
#[test]
fn one_key_has_one_id() {
    for number in [ALICE, BOB] {
        let mut shown = *key(number).public().as_bytes();
        shown[31] |= 0x80;
        let results = shown_to_both(shown, None, RUN);
        assert!(results.contains(&Err(SessionError::MalformedHandshake)), "{results:?}");
        assert!(!results.contains(&Ok(())), "{results:?}");
    }
}

#[test]
fn the_id_follows_from_the_key_that_was_proved() {
    let [alices, bobs] = meet(alice(), bob());
    let expected =
        |number: u8| vec![SessionEvent::Established { device: key(number).device(), run: Run([number; 4]), psk: 0 }];
    assert_eq!((alices, bobs), (expected(BOB), expected(ALICE)));
}

#[test]
fn later_versions_may_say_more_about_themselves() {
    let own = *key(ALICE).public().as_bytes();
    for more in [1, 100, MAX_HANDSHAKE_PAYLOAD_BYTES - RUN.len()] {
        assert_eq!(shown_to_both(own, None, &[RUN, &vec![1; more]].concat())[0], Ok(()), "{more}");
    }
    for payload in [vec![0; MAX_HANDSHAKE_PAYLOAD_BYTES + 1], vec![0; RUN.len() - 1], vec![]] {
        let refused = shown_to_both(own, None, &payload);
        assert_eq!(refused, [Err(SessionError::MalformedHandshake); 2], "{}", payload.len());
    }
}

// ---- Copies --------------------------------------------------------------------------------------------------------------

#[test]
fn a_copied_profile_that_meets_itself_is_found_out_by_both() {
    let copy = SessionConfig { key: key(ALICE), ..bob() };
    let both = meet(alice(), copy);
    assert_eq!(both, [closed(CloseReason::SameDevice), closed(CloseReason::SameDevice)]);
}

// ---- Strangers -----------------------------------------------------------------------------------------------------------

/// All that a device says to somebody without its psk is the same whoever it is.
#[test]
fn a_stranger_learns_nothing_of_a_static_key() {
    let stranger = |config: SessionConfig| SessionConfig { psks: vec![psk(77)], key: key(200), ..config };
    let to_strangers = |number: u8| {
        let mut transcript = Vec::new();
        // As initiator, to one that refuses and to one that goes on.
        let goes_on = {
            let mut pair = [begin(stranger(alice())), begin(stranger(bob()))];
            let first = said(&mut pair[0]).remove(0);
            pair[1].handle_message(&first, 0).unwrap();
            said(&mut pair[1]).remove(0)
        };
        for answer in [vec![FORMAT_VERSION, 1], goes_on] {
            let mut honest = begin(SessionConfig { key: key(number), ..alice() });
            transcript.extend(said(&mut honest));
            assert_eq!(honest.handle_message(&answer, 0), Err(SessionError::WrongSecret));
            transcript.extend(said(&mut honest));
        }
        // As responder.
        let mut honest = begin(SessionConfig { key: key(number), ..bob() });
        let first = said(&mut begin(stranger(alice()))).remove(0);
        assert_eq!(honest.handle_message(&first, 0), Err(SessionError::WrongSecret));
        transcript.extend(said(&mut honest));
        transcript
    };
    let transcript = to_strangers(1);
    assert_eq!(transcript.len(), 4);
    assert_eq!(transcript, to_strangers(2));
}

/// Somebody has recorded Alice's first message. Bob answers it; nobody but Alice can read that.
#[test]
fn who_replays_a_message_learns_nothing_of_a_static_key() {
    let [first, second, _] = messages(alice(), bob());
    let public = *key(BOB).public().as_bytes();
    assert!(!second.windows(32).any(|bytes| bytes == public));
    for (psk_number, ephemeral, is_alice) in [(0, ALICE + 100, true), (0, 99, false), (77, ALICE + 100, false)] {
        let config = SessionConfig { psks: vec![psk(psk_number)], ephemeral: [ephemeral; 32], ..alice() };
        let mut reader = forger(&config, public, None);
        let own = write(&mut reader, &[]);
        assert_eq!(own == first, is_alice);
        assert_eq!(reader.read_message(&second[1..], &mut [0; 100]).is_ok(), is_alice);
    }
}

#[test]
fn recorded_messages_establish_nothing() {
    let [first, second, third] = messages(alice(), bob());
    // To Bob, who has another ephemeral key by now.
    let mut later = begin(SessionConfig { ephemeral: [77; 32], ..bob() });
    later.handle_message(&first, 0).unwrap();
    assert_eq!(heard(&mut later), []);
    assert_eq!(later.handle_message(&third, 0), Err(SessionError::WrongSecret));
    assert_eq!(heard(&mut later), closed(CloseReason::WrongSecret));
    // And to Alice.
    let mut later = begin(SessionConfig { ephemeral: [77; 32], ..alice() });
    assert_eq!(later.handle_message(&second, 0), Err(SessionError::WrongSecret));
    assert_eq!(heard(&mut later), closed(CloseReason::WrongSecret));
}

/// Whoever only has a recording of the first message keeps nobody waiting for long.
#[test]
fn who_does_not_say_who_it_is_is_given_up() {
    let [first, ..] = messages(alice(), bob());
    let mut honest = begin(bob());
    honest.handle_message(&first, 1_000).unwrap();
    let due = honest.poll_timeout().unwrap();
    assert_eq!(due, 1_000 + limits::TIMED_OUT_AFTER_MS);
    honest.handle_timeout(due - 1);
    assert_eq!(heard(&mut honest), []);
    honest.handle_timeout(due);
    assert_eq!(heard(&mut honest), closed(CloseReason::TimedOut));
}

#[test]
fn what_is_reflected_establishes_nothing() {
    // To the one who said it.
    let [first, second, _] = messages(alice(), bob());
    assert_eq!(
        before(1, &[first.clone(), second.clone(), vec![]]).handle_message(&first, 0),
        Err(SessionError::MalformedHandshake)
    );
    let mut honest = before(2, &[first.clone(), second.clone(), vec![]]);
    assert!(honest.handle_message(&second, 0).is_err());
    assert!(!established(&heard(&mut honest)));
    // Between two sessions of one device: somebody with two certificates has it talk to itself.
    let (mut calls, mut answers) = (begin(config(ALICE, BOB)), begin(config(ALICE, 1)));
    let first = said(&mut calls).remove(0);
    assert_eq!(answers.handle_message(&first, 0), Err(SessionError::WrongSecret));
    assert!(!established(&heard(&mut answers)));
}

/// The version byte is in the clear, and part of the prologue.
#[test]
fn a_newer_device_cannot_be_passed_off_as_an_older_one() {
    for (version, result) in [(FORMAT_VERSION, Ok(())), (FORMAT_VERSION + 1, Err(SessionError::WrongSecret))] {
        let newer = Handshake::new(version, &alice(), true).unwrap().call().unwrap();
        let forged = [&[FORMAT_VERSION], newer.as_slice()].concat();
        assert_eq!(begin(bob()).handle_message(&forged, 0), result);
    }
}

// ---- Several psks --------------------------------------------------------------------------------------------------------

fn with(config: SessionConfig, psks: impl IntoIterator<Item = u8>) -> SessionConfig {
    SessionConfig { psks: psks.into_iter().map(psk).collect(), ..config }
}

fn psks_used(events: [Vec<SessionEvent>; 2]) -> Option<[usize; 2]> {
    let used = events.map(|events| match events[..] {
        [SessionEvent::Established { psk, .. }] => Some(psk),
        _ => None,
    });
    Some([used[0]?, used[1]?])
}

#[test]
fn the_psk_that_both_know_is_found() {
    let most = MAX_PSKS as u8;
    // Alice's others are 100 and more, Bob's 200 and more; 0 is what they share.
    let list = |length: u8, at: u8, others: u8| (0..length).map(move |n| if n == at { 0 } else { others + n });
    let lengths = [(1, 1), (1, most), (most, 1), (most, most)];
    for (alices, bobs) in lengths {
        for at in [0, 1, most / 2, most - 1] {
            let (at_alice, at_bob) = (at.min(alices - 1), (bobs - 1).saturating_sub(at));
            let events = meet(with(alice(), list(alices, at_alice, 100)), with(bob(), list(bobs, at_bob, 200)));
            let expected = Some([usize::from(at_alice), usize::from(at_bob)]);
            assert_eq!(psks_used(events), expected, "{alices} and {bobs}, {at}");
        }
    }
}

#[test]
fn of_several_that_both_know_it_is_the_responders_first() {
    let events = meet(with(alice(), [1, 2, 3, 4]), with(bob(), [9, 4, 3, 8]));
    assert_eq!(psks_used(events), Some([3, 1]));
}

#[test]
fn who_shares_no_psk_is_refused_in_the_same_way_whatever_there_is() {
    for (alices, bobs) in [(1, 1), (1, 16), (16, 1), (16, 16)] {
        let (mut alice, mut bob) = (begin(with(alice(), 100..100 + alices)), begin(with(bob(), 200..200 + bobs)));
        let first = said(&mut alice).remove(0);
        assert_eq!(first.len(), 1 + 32 + usize::from(alices) * 16);
        assert_eq!(bob.handle_message(&first, 0), Err(SessionError::WrongSecret));
        assert_eq!(said(&mut bob), [[FORMAT_VERSION, 1]]);
        assert_eq!(alice.handle_message(&[FORMAT_VERSION, 1], 0), Err(SessionError::WrongSecret));
        assert_eq!(said(&mut alice), [[0; 0]; 0]);
    }
}

#[test]
fn psks_are_one_to_sixteen() {
    for count in [0, MAX_PSKS as u8 + 1] {
        assert_eq!(PeerSession::new(with(alice(), 0..count), 0).err(), Some(NewSessionError::Psks), "{count}");
    }
    let tag = [1; 16];
    let first = said(&mut begin(with(alice(), 0..MAX_PSKS as u8))).remove(0);
    let too_many = [first.as_slice(), &tag].concat();
    for malformed in [&too_many, &first[..33], &first[..first.len() - 1]] {
        assert_eq!(begin(bob()).handle_message(malformed, 0), Err(SessionError::MalformedHandshake));
    }
    assert_eq!(begin(bob()).handle_message(&first, 0), Ok(()));
}

/// So that a later version may hide how many psks there are.
#[test]
fn tags_may_stand_for_nothing() {
    let [first, ..] = messages(alice(), bob());
    let (head, tag) = first.split_at(33);
    let padded = [head, &[1; 16], &[2; 16], tag, &[3; 16]].concat();
    let (mut honest, mut bob) = (begin(alice()), begin(bob()));
    let _ = said(&mut honest);
    bob.handle_message(&padded, 0).unwrap();
    for message in said(&mut bob) {
        honest.handle_message(&message, 0).unwrap();
    }
    for message in said(&mut honest) {
        bob.handle_message(&message, 0).unwrap();
    }
    assert!(honest.is_established() && bob.is_established());
}

// ---- Garbage -------------------------------------------------------------------------------------------------------------

#[test]
fn cut_messages_establish_nothing() {
    let messages = messages(alice(), bob());
    for number in 0..3 {
        for length in 0..messages[number].len() {
            let mut listener = before(number, &messages);
            assert!(listener.handle_message(&messages[number][..length], 0).is_err(), "{number}, {length}");
            assert!(!established(&heard(&mut listener)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn garbage_in_place_of_any_message_establishes_nothing(
        number in 0_usize..3,
        garbage in vec(any::<u8>(), 0..400),
        fits: bool,
        named: bool,
    ) {
        let messages = messages(alice(), bob());
        let mut garbage = garbage;
        if fits {
            garbage.resize(messages[number].len(), 0xa5);
        }
        if let Some(version) = garbage.first_mut().filter(|_| named) {
            *version = FORMAT_VERSION;
        }
        let mut listener = before(number, &messages);
        prop_assert!(listener.handle_message(&garbage, 0).is_err());
        prop_assert!(listener.is_closed());
        prop_assert!(!established(&heard(&mut listener)));
        prop_assert!(said(&mut listener).iter().all(|refusal| refusal.len() == 2));
    }

    #[test]
    fn a_turned_bit_in_any_message_establishes_nothing(number in 0_usize..3, at: prop::sample::Index, bit in 0_u8..8) {
        let messages = messages(alice(), bob());
        let mut damaged = messages[number].clone();
        let at = at.index(damaged.len());
        damaged[at] ^= 1 << bit;
        let mut listener = before(number, &messages);
        let result = listener.handle_message(&damaged, 0);
        prop_assert!(result.is_err(), "byte {} of {}", at, number);
        prop_assert!(!established(&heard(&mut listener)));
    }
}
