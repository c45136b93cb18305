use snow::params::{
    BaseChoice, CipherChoice, DHChoice, HandshakeChoice, HandshakeModifier, HandshakeModifierList, HandshakePattern,
    HashChoice, NoiseParams,
};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState, TransportState};

use super::limits::{MAX_HANDSHAKE_PAYLOAD_BYTES, MAX_PSKS};
use super::{Run, SessionConfig, SessionError};
use crate::key::DevicePublicKey;

const PROTOCOL: &str = "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2s";
const DH: DHChoice = DHChoice::Curve25519;
const CIPHER: CipherChoice = CipherChoice::ChaChaPoly;
const HASH: HashChoice = HashChoice::Blake2s;

/// Bytes of a public key.
const KEY_BYTES: usize = 32;

/// Bytes of a Noise authentication tag.
pub(super) const TAG_BYTES: usize = 16;

/// Bytes of a payload's beginning, which is all that this version has to say: the run.
const RUN_BYTES: usize = 4;

/// Bytes that the second message takes besides its payload: ephemeral key, static key and tag, tag.
const SECOND_BYTES: usize = KEY_BYTES + KEY_BYTES + TAG_BYTES + TAG_BYTES;

/// Bytes that the third message takes besides its payload: static key and tag, tag.
const THIRD_BYTES: usize = KEY_BYTES + TAG_BYTES + TAG_BYTES;

/// The handshake of one side.
pub(super) struct Handshake {
    /// One for each psk, in the order in which they were given; of the one that both know, once that is clear.
    states: Vec<HandshakeState>,
    /// Which psk that is.
    psk: usize,
    run: Run,
}

/// Who the peer is, as the handshake has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// The key that it proved to hold.
    pub(super) key: DevicePublicKey,
    /// Its page's run.
    pub(super) run: Run,
    /// The position of the psk that both know among this side's.
    pub(super) psk: usize,
}

/// What is encrypted and decrypted with after the handshake.
pub(super) struct Transport(TransportState);

impl Handshake {
    /// Begins the handshake of this version of the format. There are at most [`MAX_PSKS`] psks.
    pub(super) fn new(version: u8, config: &SessionConfig, initiator: bool) -> Result<Self, snow::Error> {
        let prologue = prologue(version, config, initiator);
        let state = |psk| {
            let suite = Suite { ephemeral: config.ephemeral };
            let builder = Builder::with_resolver(params(), Box::new(suite))
                .psk(0, psk)?
                .local_private_key(config.key.expose())?
                .prologue(&prologue)?;
            if initiator { builder.build_initiator() } else { builder.build_responder() }
        };
        let states: Result<Vec<_>, _> = config.psks.iter().map(|psk| state(psk.expose())).collect();
        Ok(Self { states: states?, psk: 0, run: config.run })
    }

    /// Writes the initiator's first message: its ephemeral key, and a tag for each psk.
    ///
    /// With each psk, key and tag are the first message of a handshake of its own, and the peer answers one of them. They
    /// share the ephemeral key, but no other key follows from it alone: psk and ephemeral key are mixed into all of them.
    pub(super) fn call(&mut self) -> Result<Vec<u8>, snow::Error> {
        let mut message = Vec::with_capacity(KEY_BYTES + MAX_PSKS * TAG_BYTES);
        for state in &mut self.states {
            let whole = write(state, KEY_BYTES + TAG_BYTES, &[])?;
            let news = if message.is_empty() { whole.as_slice() } else { whole.get(KEY_BYTES..).unwrap_or_default() };
            message.extend(news);
        }
        Ok(message)
    }

    /// Reads the initiator's first message and writes the answer of the responder.
    ///
    /// Which psk the two have in common is found by trying. All of this side's are tried on all tags that the message has,
    /// whichever fits, so the time it takes tells nothing about those that the peer does not know itself.
    pub(super) fn answer(&mut self, first: &[u8]) -> Result<Vec<u8>, SessionError> {
        let (key, tags) = first.split_first_chunk::<KEY_BYTES>().ok_or(SessionError::MalformedHandshake)?;
        let (tags, rest) = tags.as_chunks::<TAG_BYTES>();
        if tags.is_empty() || tags.len() > MAX_PSKS || !rest.is_empty() {
            return Err(SessionError::MalformedHandshake);
        }
        let fits = |state: &mut HandshakeState| {
            tags.iter().any(|tag| state.read_message(&[key.as_slice(), tag.as_slice()].concat(), &mut []).is_ok())
        };
        let tried: Vec<bool> = self.states.iter_mut().map(fits).collect();
        let psk = tried.iter().position(|fits| *fits).ok_or(SessionError::WrongSecret)?;
        self.choose(psk);
        let state = self.states.first_mut().ok_or(SessionError::MalformedHandshake)?;
        write(state, SECOND_BYTES + RUN_BYTES, &self.run.0).map_err(|_| SessionError::MalformedHandshake)
    }

    /// Reads the responder's answer: who it is, and the initiator's last message, which says who this side is.
    pub(super) fn confirm(&mut self, second: &[u8]) -> Result<(Peer, Vec<u8>), SessionError> {
        let read = |state: &mut HandshakeState| read(state, second, SECOND_BYTES);
        let (psk, run) = self
            .states
            .iter_mut()
            .map(read)
            .enumerate()
            .find_map(|(at, run)| match run {
                Err(SessionError::WrongSecret) => None,
                run => Some((at, run)),
            })
            .ok_or(SessionError::WrongSecret)?;
        let run = run?;
        self.choose(psk);
        let peer = self.peer(run)?;
        let state = self.states.first_mut().ok_or(SessionError::MalformedHandshake)?;
        let third = write(state, THIRD_BYTES + RUN_BYTES, &self.run.0).map_err(|_| SessionError::MalformedHandshake)?;
        Ok((peer, third))
    }

    /// Reads the initiator's last message: who it is.
    pub(super) fn conclude(&mut self, third: &[u8]) -> Result<Peer, SessionError> {
        let state = self.states.first_mut().ok_or(SessionError::MalformedHandshake)?;
        let run = read(state, third, THIRD_BYTES)?;
        self.peer(run)
    }

    /// After the third message.
    pub(super) fn finish(self) -> Result<Transport, snow::Error> {
        let state = self.states.into_iter().next().ok_or(snow::Error::Input)?;
        state.into_transport_mode().map(Transport)
    }

    /// Goes on with the psk at this position.
    fn choose(&mut self, psk: usize) {
        self.psk = psk;
        if psk < self.states.len() {
            self.states.swap(0, psk);
            self.states.truncate(1);
        }
    }

    fn peer(&self, run: Run) -> Result<Peer, SessionError> {
        let shown = self.states.first().and_then(HandshakeState::get_remote_static);
        let key = shown.and_then(|key| DevicePublicKey::from_bytes(key.try_into().ok()?).ok());
        key.map(|key| Peer { key, run, psk: self.psk }).ok_or(SessionError::MalformedHandshake)
    }
}

/// What both sides must see alike, besides the psk. Whose hash comes first is the initiator.
pub(super) fn prologue(version: u8, config: &SessionConfig, initiator: bool) -> Vec<u8> {
    let (first, second) = if initiator { (&config.local, &config.remote) } else { (&config.remote, &config.local) };
    [b"partyline", [version].as_slice(), config.room.as_bytes(), first.as_bytes(), second.as_bytes()].concat()
}

fn write(state: &mut HandshakeState, bytes: usize, payload: &[u8]) -> Result<Vec<u8>, snow::Error> {
    let mut message = vec![0; bytes];
    let written = state.write_message(payload, &mut message)?;
    message.truncate(written);
    Ok(message)
}

/// Reads a message that takes so many bytes besides its payload. An error means that it was not made with our secret and
/// prologue. What the payload has behind the run is left to later versions.
fn read(state: &mut HandshakeState, message: &[u8], besides: usize) -> Result<Run, SessionError> {
    let length = message.len().checked_sub(besides).ok_or(SessionError::MalformedHandshake)?;
    if !(RUN_BYTES..=MAX_HANDSHAKE_PAYLOAD_BYTES).contains(&length) {
        return Err(SessionError::MalformedHandshake);
    }
    let mut payload = [0; MAX_HANDSHAKE_PAYLOAD_BYTES];
    state.read_message(message, &mut payload).map_err(|_| SessionError::WrongSecret)?;
    payload.first_chunk().map(|run| Run(*run)).ok_or(SessionError::MalformedHandshake)
}

impl Transport {
    pub(super) fn encrypt(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, snow::Error> {
        let mut message = vec![0; plaintext.len() + TAG_BYTES];
        let written = self.0.write_message(plaintext, &mut message)?;
        message.truncate(written);
        Ok(message)
    }

    pub(super) fn decrypt(&mut self, message: &[u8]) -> Result<Vec<u8>, snow::Error> {
        // Shorter ones are not left to the library.
        if message.len() < TAG_BYTES {
            return Err(snow::Error::Decrypt);
        }
        let mut plaintext = vec![0; message.len()];
        let read = self.0.read_message(message, &mut plaintext)?;
        plaintext.truncate(read);
        Ok(plaintext)
    }
}

/// What [`PROTOCOL`] says. Not parsed from it: the parser knows every pattern there is, and each browser would load it.
pub(super) fn params() -> NoiseParams {
    let modifiers = HandshakeModifierList { list: vec![HandshakeModifier::Psk(0)] };
    let handshake = HandshakeChoice { pattern: HandshakePattern::XX, modifiers };
    NoiseParams::new(PROTOCOL.to_owned(), BaseChoice::Noise, handshake, DH, CIPHER, HASH)
}

/// The one cipher suite of [`PROTOCOL`], whatever is asked for, so that no code of another is linked in; and in place of
/// the system's source of randomness, which this crate has not, the bytes of [`SessionConfig::ephemeral`].
pub(super) struct Suite {
    pub(super) ephemeral: [u8; 32],
}

impl CryptoResolver for Suite {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Once(Some(self.ephemeral))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        let curve = DefaultResolver.resolve_dh(&DH).filter(|_| *choice == DH)?;
        Some(Box::new(Contributory(curve)))
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(&HASH).filter(|_| *choice == HASH)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(&CIPHER).filter(|_| *choice == CIPHER)
    }
}

/// The curve, which refuses points whose product with any private key is zero (RFC 7748, section 6.1).
///
/// A peer that shows such a point as its static key holds no private key, and proves nothing: several could pass for one
/// device.
struct Contributory(Box<dyn Dh>);

impl Dh for Contributory {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn pub_len(&self) -> usize {
        self.0.pub_len()
    }

    fn priv_len(&self) -> usize {
        self.0.priv_len()
    }

    fn set(&mut self, privkey: &[u8]) {
        self.0.set(privkey);
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        self.0.generate(rng)
    }

    fn pubkey(&self) -> &[u8] {
        self.0.pubkey()
    }

    fn privkey(&self) -> &[u8] {
        self.0.privkey()
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        self.0.dh(pubkey, out)?;
        let some = out.iter().fold(0, |some, byte| some | byte);
        if some == 0 { Err(snow::Error::Dh) } else { Ok(()) }
    }
}

/// A side of this handshake draws exactly one key. Were it ever to draw another, it would get an error, not the same bytes.
struct Once(Option<[u8; 32]>);

impl Random for Once {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        let random = self.0.take().ok_or(snow::Error::Rng)?;
        if dest.len() != random.len() {
            return Err(snow::Error::Rng);
        }
        dest.copy_from_slice(&random);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_protocol_is_what_its_name_says() {
        assert_eq!(params(), PROTOCOL.parse().unwrap());
    }

    #[test]
    fn randomness_is_given_out_once() {
        let mut random = Once(Some([7; 32]));
        let mut key = [0; 32];
        assert_eq!(random.try_fill_bytes(&mut key), Ok(()));
        assert_eq!(key, [7; 32]);
        assert_eq!(random.try_fill_bytes(&mut key), Err(snow::Error::Rng));
        assert_eq!(Once(Some([7; 32])).try_fill_bytes(&mut [0; 16]), Err(snow::Error::Rng));
    }

    /// The handshake by the book, without what this format adds to it.
    #[test]
    fn the_published_vectors_of_the_protocol_hold() {
        let rows: Vec<Value> = serde_json::from_str(include_str!("../../tests/vectors/noise.json")).unwrap();
        assert_eq!(rows.len(), 4);
        for row in rows {
            let bytes = |value: &Value| -> Vec<u8> {
                let hex = value.as_str().unwrap();
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
            };
            let key = |name: &str| -> [u8; 32] { bytes(&row[name]).try_into().unwrap() };
            let (psk, prologue) = (key("psk"), bytes(&row["prologue"]));
            let side = |name: &str| {
                let suite = Suite { ephemeral: key(&format!("{name}Ephemeral")) };
                let own = key(&format!("{name}Static"));
                let builder = Builder::with_resolver(params(), Box::new(suite));
                let builder = builder.psk(0, &psk).unwrap().prologue(&prologue).unwrap();
                let builder = builder.local_private_key(&own).unwrap();
                if name == "initiator" { builder.build_initiator() } else { builder.build_responder() }.unwrap()
            };
            let (mut initiator, mut responder) = (side("initiator"), side("responder"));
            let said: Vec<(Vec<u8>, Vec<u8>)> = row["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|message| (bytes(&message["payload"]), bytes(&message["ciphertext"])))
                .collect();
            let (handshake, after) = said.split_at(3);
            for (at, (payload, ciphertext)) in handshake.iter().enumerate() {
                let (from, to) =
                    if at % 2 == 0 { (&mut initiator, &mut responder) } else { (&mut responder, &mut initiator) };
                assert_eq!(write(from, ciphertext.len(), payload), Ok(ciphertext.clone()));
                let mut heard = vec![0; payload.len()];
                assert_eq!(to.read_message(ciphertext, &mut heard), Ok(payload.len()));
                assert_eq!(heard, *payload);
            }
            let [mut initiator, mut responder] =
                [initiator, responder].map(|state| Transport(state.into_transport_mode().unwrap()));
            let [one, other] = after else { panic!("{after:?}") };
            assert_eq!(initiator.encrypt(&one.0), Ok(one.1.clone()));
            assert_eq!(responder.decrypt(&one.1), Ok(one.0.clone()));
            assert_eq!(responder.encrypt(&other.0), Ok(other.1.clone()));
            assert_eq!(initiator.decrypt(&other.1), Ok(other.0.clone()));
        }
    }
}
