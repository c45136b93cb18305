use sha2::{Digest as _, Sha256};

use crate::replica::columns::ColumnWriter;
use crate::replica::digest::Hash;
use crate::replica::wire::{DecodeError, Reader, Writer};
use crate::replica::work::step;
use crate::replica::{ObjectId, Replica, SyncAnswer};

/// Bytes of a fingerprint.
const FINGERPRINT: usize = 12;
/// Into how many parts a range is split.
const FANOUT: usize = 16;
/// A range with at most so many objects is not split, but sent as far as it differs.
const FEW: usize = 16;
/// Of a range with more objects than this at the asking side, and few at the other, all are sent.
const MAX_KNOWN: usize = 256;
/// Maximum ranges that are asked about at once. The rest is asked about when those are the same.
const MAX_PARTS: usize = 1024;
/// Maximum ranges in an answer.
const MAX_RANGES: usize = MAX_PARTS * FANOUT;

/// The beginning of a hash over a salt and what is in a range.
type Fingerprint = [u8; FINGERPRINT];

/// A range of objects by their [keys](ObjectId::to_key), from `from` up to but without `to`; both may be the beginning of a
/// key, and an empty `to` is the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    from: Vec<u8>,
    to: Vec<u8>,
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
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    range: Range,
    /// The fingerprints of the objects that whoever asks has there, to get all others; `None` to have the range split.
    known: Option<Vec<Fingerprint>>,
}

/// How a replica looks in smaller ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeAnswer {
    salt: u64,
    /// The day before which values were left out.
    pub(crate) day: u64,
    ranges: Vec<Look>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    range: Range,
    /// How many objects there are.
    count: u64,
    fingerprint: Fingerprint,
}

/// Everything that is compared, in order.
struct Items(Vec<([u8; ObjectId::KEY], ObjectId, Hash)>);

impl Items {
    fn of(replica: &Replica, day: u64) -> Self {
        let hash = |(object, state): (&ObjectId, &crate::replica::object_state::ObjectState)| {
            (object.to_key(), *object, state.hash(*object, day, &replica.writes))
        };
        Self(replica.objects.iter().map(hash).collect())
    }

    fn within(&self, range: &Range) -> &[([u8; ObjectId::KEY], ObjectId, Hash)] {
        let begin = self.0.partition_point(|(key, ..)| key.as_slice() < range.from.as_slice());
        let end = match range.to.as_slice() {
            [] => self.0.len(),
            to => self.0.partition_point(|(key, ..)| key.as_slice() < to),
        };
        step(1 + end.saturating_sub(begin));
        self.0.get(begin..end).unwrap_or_default()
    }
}

fn fingerprint<'a>(salt: u64, hashes: impl IntoIterator<Item = &'a Hash>) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(salt.to_be_bytes());
    for item in hashes {
        hash.update(item);
    }
    let hash: Hash = hash.finalize().into();
    hash.first_chunk().copied().unwrap_or_default()
}

/// The shortest beginning of `next` that is above `last`.
fn separator(last: &[u8], next: &[u8]) -> Vec<u8> {
    let shared = last.iter().zip(next).take_while(|(a, b)| a == b).count();
    next.iter().take(shared + 1).copied().collect()
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

impl Replica {
    /// Answers about ranges: how it looks there, and what the asking replica says that it lacks, as far as that fits.
    pub(crate) fn answer_ranges(&self, request: &RangeRequest, day: u64, max_bytes: usize) -> Vec<u8> {
        let items = Items::of(self, day);
        let mut answer = RangeAnswer { salt: request.salt, day, ranges: Vec::new() };
        let mut changes = ColumnWriter::default();
        for Part { range, known } in &request.parts {
            let there = items.within(range);
            let Some(known) = known else {
                answer.split(range, there);
                continue;
            };
            let mut known = known.clone();
            known.sort_unstable();
            for (_, object, hash) in there {
                let is_known = known.binary_search(&fingerprint(request.salt, [hash])).is_ok();
                if !is_known && (changes.count() == 0 || changes.len() < max_bytes) {
                    self.encode_object(*object, day, &mut changes);
                }
            }
        }
        let left = changes.count() as u64;
        SyncAnswer { ranges: Some(answer), left, ..SyncAnswer::default() }.encode_with(changes)
    }

    /// What to ask about next, after an answer: the ranges that look different here.
    pub(crate) fn compare(&self, answer: &RangeAnswer, day: u64) -> Option<RangeRequest> {
        let items = Items::of(self, day);
        let mut next = RangeRequest { salt: answer.salt, parts: Vec::new() };
        for Look { range, count, fingerprint: look } in &answer.ranges {
            let here = items.within(range);
            if next.parts.len() == MAX_PARTS || fingerprint(answer.salt, here.iter().map(|(.., hash)| hash)) == *look {
                continue;
            }
            let known = (*count <= FEW as u64).then(|| {
                let known = if here.len() > MAX_KNOWN { 0 } else { here.len() };
                here.iter().take(known).map(|(.., hash)| fingerprint(answer.salt, [hash])).collect()
            });
            next.parts.push(Part { range: range.clone(), known });
        }
        (!next.parts.is_empty()).then_some(next)
    }
}

impl RangeAnswer {
    fn split(&mut self, range: &Range, there: &[([u8; ObjectId::KEY], ObjectId, Hash)]) {
        let size = if there.len() <= FEW { FEW } else { there.len().div_ceil(FANOUT) };
        let mut from = range.from.clone();
        let mut groups = there.chunks(size).peekable();
        while let Some(group) = groups.next() {
            let next = groups.peek().and_then(|next| next.first());
            let to = match (group.last(), next) {
                (Some((last, ..)), Some((next, ..))) => separator(last, next),
                _ => range.to.clone(),
            };
            self.ranges.push(Look {
                range: Range { from: std::mem::replace(&mut from, to.clone()), to },
                count: group.len() as u64,
                fingerprint: fingerprint(self.salt, group.iter().map(|(.., hash)| hash)),
            });
        }
    }
}
