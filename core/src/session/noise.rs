use snow::params::{
    BaseChoice, CipherChoice, DHChoice, HandshakeChoice, HandshakeModifier, HandshakeModifierList, HandshakePattern,
    HashChoice, NoiseParams,
};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState, TransportState};

use super::{Run, SessionConfig};
use crate::id::{CertHash, DeviceId};

const PROTOCOL: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
const DH: DHChoice = DHChoice::Curve25519;
const CIPHER: CipherChoice = CipherChoice::ChaChaPoly;
const HASH: HashChoice = HashChoice::Blake2s;

/// Bytes of a Noise authentication tag.
pub(super) const TAG_BYTES: usize = 16;

/// Bytes of a handshake message's payload: device id, run.
const PAYLOAD_BYTES: usize = 16 + 4;

/// Bytes of either handshake message: ephemeral key, payload, tag.
pub(super) const HANDSHAKE_BYTES: usize = 32 + PAYLOAD_BYTES + TAG_BYTES;

/// The handshake of one side.
pub(super) struct Handshake(HandshakeState);

/// What is encrypted and decrypted with after the handshake.
pub(super) struct Transport(TransportState);

impl Handshake {
    pub(super) fn new(config: &SessionConfig, initiator: bool) -> Result<Self, snow::Error> {
        let psk: [u8; 32] = config.secret.derive(&[b"noise-psk", config.room.as_bytes()]);
        let (first, second): (&CertHash, &CertHash) =
            if initiator { (&config.local, &config.remote) } else { (&config.remote, &config.local) };
        let prologue =
            [b"partyline/1", config.room.as_bytes().as_slice(), first.as_bytes(), second.as_bytes()].concat();
        let suite = Suite { ephemeral: config.ephemeral };
        let builder = Builder::with_resolver(params(), Box::new(suite)).psk(0, &psk)?.prologue(&prologue)?;
        let state = if initiator { builder.build_initiator() } else { builder.build_responder() };
        Ok(Self(state?))
    }

    /// Writes this side's message.
    pub(super) fn write(&mut self, (device, run): (DeviceId, Run)) -> Result<Vec<u8>, snow::Error> {
        let mut message = vec![0; HANDSHAKE_BYTES];
        let payload = [device.to_bytes().as_slice(), &run.0].concat();
        let written = self.0.write_message(&payload, &mut message)?;
        message.truncate(written);
        Ok(message)
    }

    /// Reads the other side's message. An error means that it was not made with our secret and prologue.
    pub(super) fn read(&mut self, message: &[u8]) -> Result<(DeviceId, Run), snow::Error> {
        if message.len() != HANDSHAKE_BYTES {
            return Err(snow::Error::Input);
        }
        let mut payload = [0; PAYLOAD_BYTES];
        let read = self.0.read_message(message, &mut payload)?;
        match (payload.first_chunk(), payload.last_chunk()) {
            (Some(device), Some(run)) if read == PAYLOAD_BYTES => Ok((DeviceId::from_bytes(*device), Run(*run))),
            _ => Err(snow::Error::Input),
        }
    }

    pub(super) fn finish(self) -> Result<Transport, snow::Error> {
        self.0.into_transport_mode().map(Transport)
    }
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
fn params() -> NoiseParams {
    let modifiers = HandshakeModifierList { list: vec![HandshakeModifier::Psk(0)] };
    let handshake = HandshakeChoice { pattern: HandshakePattern::NN, modifiers };
    NoiseParams::new(PROTOCOL.to_owned(), BaseChoice::Noise, handshake, DH, CIPHER, HASH)
}

/// The one cipher suite of [`PROTOCOL`], whatever is asked for, so that no code of another is linked in; and in place of
/// the system's source of randomness, which this crate has not, the bytes of [`SessionConfig::ephemeral`].
struct Suite {
    ephemeral: [u8; 32],
}

impl CryptoResolver for Suite {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Once(Some(self.ephemeral))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(&DH).filter(|_| *choice == DH)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(&HASH).filter(|_| *choice == HASH)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(&CIPHER).filter(|_| *choice == CIPHER)
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
}
