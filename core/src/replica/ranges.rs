use crate::replica::ObjectId;
use crate::replica::wire::{DecodeError, Reader, Writer};

/// Bytes of a fingerprint.
const FINGERPRINT: usize = 12;
/// Into how many parts a range is split.
pub(crate) const FANOUT: usize = 16;
/// A range with at most so many objects is not split, but sent as far as it differs.
pub(crate) const FEW: usize = 16;
/// Of a range with more objects than this at the asking side, and few at the other, all are sent.
pub(crate) const MAX_KNOWN: usize = 256;
/// Maximum ranges that are asked about at once. The rest is asked about when those are the same.
pub(crate) const MAX_PARTS: usize = 1024;
/// Maximum ranges in an answer.
const MAX_RANGES: usize = MAX_PARTS * FANOUT;

/// The beginning of a hash over a salt and what is in a range.
pub(crate) type Fingerprint = [u8; FINGERPRINT];

/// A range of objects by their [keys](ObjectId::to_key), from `from` up to but without `to`; both may be the beginning of a
/// key, and an empty `to` is the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: Vec<u8>,
    pub(crate) to: Vec<u8>,
}

/// Asks where two replicas differ that should be equal: range-based set reconciliation (Aljoscha Meyer, 2022).
///
/// Whoever asks names ranges in which the two differ. The other one answers of each how it looks there, in smaller ranges;
/// of those that differ, the next question is about. Where few objects are left, whoever asks says what it has, and gets
/// the rest. So it costs what differs, times the logarithm of what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeRequest {
    /// Random, and new for each sync: nobody can prepare two ranges that look the same.
    pub(crate) salt: u64,
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) range: Range,
    /// The fingerprints of the objects that whoever asks has there, to get all others; `None` to have the range split.
    pub(crate) known: Option<Vec<Fingerprint>>,
}

/// How a replica looks in smaller ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeAnswer {
    pub(crate) salt: u64,
    /// The day before which values were left out.
    pub(crate) day: u64,
    pub(crate) ranges: Vec<Look>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) range: Range,
    /// How many objects there are.
    pub(crate) count: u64,
    pub(crate) fingerprint: Fingerprint,
}

impl RangeRequest {
    /// Asks about everything.
    pub(crate) fn whole(salt: u64) -> Self {
        Self { salt, parts: vec![Part { range: Range::default(), known: None }] }
    }

    /// `[salt, [from, to, known or null, …]]`
    pub(crate) fn write(&self, out: &mut Writer) {
        out.array(2);
        out.uint(self.salt);
        out.array(3 * self.parts.len());
        for Part { range, known } in &self.parts {
            out.bytes(&range.from);
            out.bytes(&range.to);
            match known {
                Some(known) => out.bytes(&known.concat()),
                None => out.null(),
            }
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        input.array_of(2)?;
        let salt = input.uint()?;
        let items = input.array(3 * MAX_PARTS)?;
        let mut parts = Vec::new();
        for _ in 0..items / 3 {
            let range = Range::read(input)?;
            let known = if input.null()? {
                None
            } else {
                let (known, rest) = input.bytes()?.as_chunks::<FINGERPRINT>();
                if !rest.is_empty() || known.len() > MAX_KNOWN {
                    return Err(DecodeError::Malformed);
                }
                Some(known.to_vec())
            };
            parts.push(Part { range, known });
        }
        let is_in_order = is_in_order(parts.iter().map(|part| &part.range));
        if items.is_multiple_of(3) && is_in_order { Ok(Self { salt, parts }) } else { Err(DecodeError::Malformed) }
    }
}

/// Whether ranges follow each other, so that nothing is gone through twice.
fn is_in_order<'a>(ranges: impl Iterator<Item = &'a Range>) -> bool {
    let mut end: Option<&[u8]> = None;
    for range in ranges {
        let is_backwards = !range.to.is_empty() && range.to < range.from;
        if is_backwards || end.is_some_and(|end| end.is_empty() || end > range.from.as_slice()) {
            return false;
        }
        end = Some(&range.to);
    }
    true
}

impl Range {
    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut bound = || {
            let bytes = input.bytes()?;
            if bytes.len() > ObjectId::KEY { Err(DecodeError::Malformed) } else { Ok(bytes.to_vec()) }
        };
        Ok(Self { from: bound()?, to: bound()? })
    }
}

impl RangeAnswer {
    /// `[salt, day, [from, to, count, fingerprint, …]]`
    pub(crate) fn write(&self, out: &mut Writer) {
        out.array(3);
        out.uint(self.salt);
        out.uint(self.day);
        out.array(4 * self.ranges.len());
        for Look { range, count, fingerprint } in &self.ranges {
            out.bytes(&range.from);
            out.bytes(&range.to);
            out.uint(*count);
            out.bytes(fingerprint);
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        input.array_of(3)?;
        let (salt, day) = (input.uint()?, input.uint()?);
        let items = input.array(4 * MAX_RANGES)?;
        let mut ranges = Vec::new();
        for _ in 0..items / 4 {
            let range = Range::read(input)?;
            let count = input.uint()?;
            let fingerprint = input.bytes()?.try_into().map_err(|_| DecodeError::Malformed)?;
            ranges.push(Look { range, count, fingerprint });
        }
        let is_in_order = is_in_order(ranges.iter().map(|look| &look.range));
        if items.is_multiple_of(4) && is_in_order {
            Ok(Self { salt, day, ranges })
        } else {
            Err(DecodeError::Malformed)
        }
    }
}
