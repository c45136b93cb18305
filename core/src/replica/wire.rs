//! The binary form of things: a format version byte, then CBOR (RFC 8949) in the least shape that the reader needs.
//!
//! Reading is strict and bounded: nothing is allocated for a count that the input is too short to hold, nesting is as
//! deep as the code that reads it, and nothing may follow the end.

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use crate::id::DeviceId;

/// The version of the binary format: the first byte of everything encoded here.
pub const FORMAT_VERSION: u8 = 2;

/// Why bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes come from a later version of Partyline. The text is meant for the user.
    #[error("This comes from a newer Partyline; update this one")]
    NewerFormat,
    /// The bytes come from a version of Partyline before the first release. The text is meant for the user.
    #[error(
        "This room was kept by a test version of Partyline, which this one cannot read; save its tasks, leave it and join it again"
    )]
    OlderFormat,
    /// The bytes are not what they should be, or something in them is over its limit.
    #[error("the data is damaged or not Partyline's")]
    Malformed,
    /// A task is named by a change that is not here, or not any more.
    #[error("unknown name of a task")]
    Unresolved,
}

/// Reads one whole value: the version byte, what `read` takes, and then the end.
pub(crate) fn whole<'b, T>(
    bytes: &'b [u8],
    read: impl FnOnce(&mut Reader<'b>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut input = Reader::new(bytes)?;
    let value = read(&mut input)?;
    if input.remaining() > 0 {
        return Err(DecodeError::Malformed);
    }
    Ok(value)
}

/// FNV-1a, 64 bits: against mixed and torn pages and records, not against an adversary, who could write whatever he likes.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A number in two's complement as one that is small if it is near 0 on either side.
pub(crate) fn zigzag(value: u64) -> u64 {
    value << 1 ^ ((value as i64) >> 63) as u64
}

pub(crate) fn unzigzag(value: u64) -> u64 {
    value >> 1 ^ (value & 1).wrapping_neg()
}

/// Puts a checksum of four bytes behind what goes to disk: disks fail, and damaged bytes may still mean something.
pub(crate) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(sum(&bytes));
    bytes
}

/// What was [sealed], if it is as it was. To be looked at before the version: damage must not pass for a newer format.
pub(crate) fn unsealed(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    match bytes.split_last_chunk() {
        Some((bytes, written)) if *written == sum(bytes) => Ok(bytes),
        _ => Err(DecodeError::Malformed),
    }
}

fn sum(bytes: &[u8]) -> [u8; 4] {
    let [.., a, b, c, d] = checksum(bytes).to_be_bytes();
    [a, b, c, d]
}

/// Writes CBOR after a version byte. Writing to memory cannot fail, so neither can these.
pub(crate) struct Writer {
    cbor: Encoder<Vec<u8>>,
}

/// Drops the result of an encoder over a `Vec`: its error type has no values.
fn infallible<T>(_: Result<T, minicbor::encode::Error<std::convert::Infallible>>) {}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { cbor: Encoder::new(vec![FORMAT_VERSION]) }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.cbor.into_writer()
    }

    pub(crate) fn array(&mut self, len: usize) {
        infallible(self.cbor.array(len as u64));
    }

    pub(crate) fn map(&mut self, len: usize) {
        infallible(self.cbor.map(len as u64));
    }

    pub(crate) fn uint(&mut self, value: u64) {
        infallible(self.cbor.u64(value));
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        infallible(self.cbor.bytes(value));
    }

    pub(crate) fn bool(&mut self, value: bool) {
        infallible(self.cbor.bool(value));
    }

    pub(crate) fn null(&mut self) {
        infallible(self.cbor.null());
    }

    /// A number that may be less than 0 (zigzag), or null.
    pub(crate) fn int_or_null(&mut self, value: Option<i64>) {
        match value {
            Some(value) => self.uint(zigzag(value as u64)),
            None => self.null(),
        }
    }
}

/// Reads what a [`Writer`] wrote, and makes no promise to whoever wrote it otherwise.
pub(crate) struct Reader<'b> {
    cbor: Decoder<'b>,
}

impl<'b> Reader<'b> {
    /// Begins after the version byte.
    pub(crate) fn new(bytes: &'b [u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            Some((&FORMAT_VERSION, rest)) => Ok(Self { cbor: Decoder::new(rest) }),
            Some((&version, _)) if version > FORMAT_VERSION => Err(DecodeError::NewerFormat),
            Some((1, _)) => Err(DecodeError::OlderFormat),
            _ => Err(DecodeError::Malformed),
        }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.cbor.input().len().saturating_sub(self.cbor.position())
    }

    /// A definite array's length, at most `max` and at most what the input can hold at a byte an item.
    pub(crate) fn array(&mut self, max: usize) -> Result<usize, DecodeError> {
        let len = self.cbor.array().map_err(malformed)?;
        self.bounded(len, max)
    }

    /// The head of an array of so many items, all of which need not be there.
    pub(crate) fn array_of(&mut self, len: usize) -> Result<(), DecodeError> {
        match self.cbor.array().map_err(malformed)? {
            Some(found) if found == len as u64 => Ok(()),
            _ => Err(DecodeError::Malformed),
        }
    }

    pub(crate) fn map(&mut self, max: usize) -> Result<usize, DecodeError> {
        let len = self.cbor.map().map_err(malformed)?;
        self.bounded(len, max)
    }

    pub(crate) fn uint(&mut self) -> Result<u64, DecodeError> {
        self.cbor.u64().map_err(malformed)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, DecodeError> {
        self.cbor.bool().map_err(malformed)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'b [u8], DecodeError> {
        self.cbor.bytes().map_err(malformed)
    }

    /// Takes a null if one is next.
    pub(crate) fn null(&mut self) -> Result<bool, DecodeError> {
        let is_null = self.next()? == Type::Null;
        if is_null {
            self.cbor.null().map_err(malformed)?;
        }
        Ok(is_null)
    }

    /// A number that may be less than 0, if one is next and not a null.
    pub(crate) fn int_or_null(&mut self) -> Result<Option<i64>, DecodeError> {
        Ok(if self.null()? { None } else { Some(unzigzag(self.uint()?) as i64) })
    }

    pub(crate) fn device(&mut self) -> Result<DeviceId, DecodeError> {
        let bytes = self.bytes()?.try_into().map_err(|_| DecodeError::Malformed)?;
        Ok(DeviceId::from_bytes(bytes))
    }

    /// The kind of the next item.
    pub(crate) fn next(&self) -> Result<Type, DecodeError> {
        self.cbor.datatype().map_err(malformed)
    }

    fn bounded(&self, len: Option<u64>, max: usize) -> Result<usize, DecodeError> {
        let len = len.and_then(|len| usize::try_from(len).ok());
        len.filter(|len| *len <= max && *len <= self.remaining()).ok_or(DecodeError::Malformed)
    }
}

fn malformed(_: minicbor::decode::Error) -> DecodeError {
    // What exactly is wrong with bytes from somewhere else helps nobody who can see the message.
    DecodeError::Malformed
}
