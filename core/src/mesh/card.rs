use minicbor::{Decoder, Encoder, decode};

use crate::connect::Contact;
use crate::id::{CertHash, DeviceId};

/// Longest card or list of links that is read, in bytes.
const MAX_BYTES: usize = 4 * 1024;
/// Most links that are read: as many as a phone book lists for a room.
const MAX_LINKS: u64 = 64;

/// What one member has a common peer carry to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Whose it is.
    pub from: DeviceId,
    /// Whom it is for.
    pub to: DeviceId,
    /// Whether it answers the other's card.
    pub is_reply: bool,
    /// How many links its sender has.
    pub links: u8,
    /// The connection that was made for the pair.
    pub contact: Contact,
}

/// A member that somebody is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Who it is.
    pub device: DeviceId,
    /// The hash of its certificate.
    pub cert_hash: CertHash,
    /// How well it can keep the crew's listing.
    pub keeping: Keeping,
}

/// How well a member can keep the crew's listing in the phone book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeping {
    /// Its page is visible, so its timers are on time.
    #[default]
    Visible,
    /// Its page is hidden: the browser may hold up its timers, or stop it.
    Hidden,
    /// Its page shows another room: it asks the phone book rarely, and keeps [few links](super::BACKGROUND).
    Background,
    /// Not at all: its browser refuses changed credentials, so nobody can call it by what the phone book says.
    Unlisted,
}

impl Keeping {
    /// How far behind the best: a hidden page and one that shows another room keep it equally well.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Visible => 0,
            Self::Hidden | Self::Background => 1,
            Self::Unlisted => 2,
        }
    }

    /// The number that is sent; none for the one that most have.
    const fn number(self) -> Option<u8> {
        match self {
            Self::Visible => None,
            Self::Hidden => Some(1),
            Self::Unlisted => Some(2),
            Self::Background => Some(3),
        }
    }

    /// A number that a later version has means nobody that this one would call.
    const fn of_number(number: u8) -> Self {
        match number {
            0 => Self::Visible,
            1 => Self::Hidden,
            3 => Self::Background,
            _ => Self::Unlisted,
        }
    }
}

/// The bytes are no card, or no list of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an introduction that cannot be read")]
#[non_exhaustive]
pub struct DecodeCardError;

impl From<decode::Error> for DecodeCardError {
    fn from(_: decode::Error) -> Self {
        Self
    }
}

impl Card {
    /// CBOR: `[from, to, is_reply, links, contact]`, the last as [packed](Contact::pack) bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new(Vec::new());
        let written: Result<(), minicbor::encode::Error<std::convert::Infallible>> = (|| {
            out.array(5)?.bytes(&self.from.to_bytes())?.bytes(&self.to.to_bytes())?;
            out.bool(self.is_reply)?.u8(self.links)?.bytes(&self.contact.pack()).map(drop)
        })();
        debug_assert!(written.is_ok(), "writing into memory does not fail");
        out.into_writer()
    }

    /// Reads what [`encode`](Self::encode) wrote. Items after those that are known here are left to later versions.
    ///
    /// # Errors
    ///
    /// If it is anything else, or longer than 4 KiB.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeCardError> {
        let mut input = decoder(bytes)?;
        if input.array()?.is_none_or(|items| items < 5) {
            return Err(DecodeCardError);
        }
        let (from, to) = (device(&mut input)?, device(&mut input)?);
        let (is_reply, links) = (input.bool()?, input.u8()?);
        let contact = Contact::unpack(&mut input.bytes()?).map_err(|_| DecodeCardError)?;
        Ok(Self { from, to, is_reply, links, contact })
    }
}

/// CBOR: `[[device, certificate hash], …]`, with a number at the end of those that are not visible: 1 is
/// [hidden](Keeping::Hidden), 2 [unlisted](Keeping::Unlisted), 3 in the [background](Keeping::Background).
pub fn encode_links(links: &[Neighbour]) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    let written: Result<(), minicbor::encode::Error<std::convert::Infallible>> = (|| {
        out.array(links.len() as u64)?;
        links.iter().try_for_each(|link| {
            let keeping = link.keeping.number();
            out.array(2 + u64::from(keeping.is_some()))?;
            out.bytes(&link.device.to_bytes())?.bytes(link.cert_hash.as_bytes())?;
            keeping.map_or(Ok(()), |number| out.u8(number).map(drop))
        })
    })();
    debug_assert!(written.is_ok(), "writing into memory does not fail");
    out.into_writer()
}

/// Reads what [`encode_links`] wrote.
///
/// # Errors
///
/// If it is anything else, has more than 64 links, or is longer than 4 KiB.
pub fn decode_links(bytes: &[u8]) -> Result<Vec<Neighbour>, DecodeCardError> {
    let mut input = decoder(bytes)?;
    let count = input.array()?.filter(|count| *count <= MAX_LINKS).ok_or(DecodeCardError)?;
    let mut links = Vec::new();
    for _ in 0..count {
        let items = input.array()?.filter(|items| (2..=3).contains(items)).ok_or(DecodeCardError)?;
        let (device, cert_hash) = (device(&mut input)?, cert_hash(&mut input)?);
        let keeping = Keeping::of_number(if items == 3 { input.u8()? } else { 0 });
        links.push(Neighbour { device, cert_hash, keeping });
    }
    Ok(links)
}

fn decoder(bytes: &[u8]) -> Result<Decoder<'_>, DecodeCardError> {
    if bytes.len() > MAX_BYTES { Err(DecodeCardError) } else { Ok(Decoder::new(bytes)) }
}

fn device(input: &mut Decoder<'_>) -> Result<DeviceId, DecodeCardError> {
    let bytes = input.bytes()?.try_into().map_err(|_| DecodeCardError)?;
    Ok(DeviceId::from_bytes(bytes))
}

fn cert_hash(input: &mut Decoder<'_>) -> Result<CertHash, DecodeCardError> {
    let bytes = input.bytes()?.try_into().map_err(|_| DecodeCardError)?;
    Ok(CertHash::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connect::IceCredentials;
    use crate::id::Endpoint;

    fn card(endpoints: usize) -> Card {
        let endpoints = (0..endpoints).map(|port| Endpoint::parse(&format!("192.0.2.7:{}", 5_000 + port)).unwrap());
        Card {
            from: DeviceId::from_bytes([1; 16]),
            to: DeviceId::from_bytes([2; 16]),
            is_reply: true,
            links: 3,
            contact: Contact {
                cert_hash: CertHash::from_bytes([3; 32]),
                credentials: IceCredentials::new("abcd", "0123456789abcdefghijkl").unwrap(),
                endpoints: endpoints.collect(),
            },
        }
    }

    #[test]
    fn cards_and_links_come_out_as_they_went_in() {
        for endpoints in 0..=Contact::MAX_ENDPOINTS {
            assert_eq!(Card::decode(&card(endpoints).encode()), Ok(card(endpoints)));
        }
        let links: Vec<_> = (0..64)
            .map(|n| Neighbour {
                device: DeviceId::from_bytes([n; 16]),
                cert_hash: CertHash::from_bytes([n; 32]),
                keeping: Keeping::of_number(n % 4),
            })
            .collect();
        assert_eq!(decode_links(&encode_links(&links)), Ok(links.clone()));
        assert_eq!(decode_links(&encode_links(&[])), Ok(Vec::new()));
        let too_many = [links.as_slice(), &links[..1]].concat();
        assert_eq!(decode_links(&encode_links(&too_many)), Err(DecodeCardError));
    }

    #[test]
    fn what_is_too_long_or_too_much_is_refused() {
        let mut long = card(1).encode();
        long.resize(MAX_BYTES + 1, 0);
        assert_eq!(Card::decode(&long), Err(DecodeCardError));
        assert_eq!(decode_links(&long), Err(DecodeCardError));
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Card::decode(&bytes);
            let _ = decode_links(&bytes);
        }

        #[test]
        fn a_damaged_card_is_an_error_or_another_card(at in 0usize..100, byte in any::<u8>()) {
            let mut bytes = card(2).encode();
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
            let _ = Card::decode(&bytes);
        }
    }
}
