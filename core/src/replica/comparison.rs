//! How replicas are compared: by a digest, and by ranges of objects where that differs.

use sha2::{Digest as _, Sha256};

use crate::replica::columns::ColumnWriter;
use crate::replica::digest::{BUCKETS, Buckets, Hash, bucket, first_of};
use crate::replica::gone::Fate;
use crate::replica::object_state::ObjectState;
use crate::replica::ranges::{
    FANOUT, FEW, Fingerprint, Look, MAX_KNOWN, MAX_PARTS, Part, Range, RangeAnswer, RangeRequest,
};
use crate::replica::work::step;
use crate::replica::{Digest, ObjectId, Replica, SyncAnswer};

impl Replica {
    /// The digest of what is kept here, without the values of what was deleted before that day
    /// (counted from 1970). Two replicas that drop values on different days are compared by the
    /// later one, at which both leave out the same.
    pub fn digest(&self, day: u64) -> Digest {
        let Buckets { day: of, hashes } = &self.buckets;
        let mut hashes = hashes.borrow_mut();
        if of.replace(day) != day || hashes.len() != BUCKETS {
            hashes.clear();
            hashes.resize(BUCKETS, None);
        }
        if hashes.iter().any(Option::is_none) {
            let mut objects = self.objects.range(first_of(0)..).peekable();
            for (number, slot) in hashes.iter_mut().enumerate() {
                if slot.is_some() {
                    continue;
                }
                // Objects are in the order of their buckets.
                if objects.peek().is_some_and(|(object, _)| bucket(**object) != number) {
                    objects = self.objects.range(first_of(number)..).peekable();
                }
                let mut hash = Sha256::new();
                let mut fate = Fate::of(day);
                while let Some((object, state)) = objects.next_if(|(object, _)| bucket(**object) == number) {
                    step(1);
                    if !fate.goes(self, *object) {
                        hash.update(self.hash_of(*object, state, day));
                    }
                }
                *slot = Some(hash.finalize().into());
            }
        }
        let mut root = Sha256::new();
        for hash in hashes.iter().flatten() {
            root.update(hash);
        }
        Digest(root.finalize().into())
    }

    /// Answers about ranges: how it looks there, and what the asking replica says that it lacks, as
    /// far as that fits.
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

/// Everything that is compared, in order.
struct Items(Vec<([u8; ObjectId::KEY], ObjectId, Hash)>);

impl Items {
    fn of(replica: &Replica, day: u64) -> Self {
        let mut fate = Fate::of(day);
        let stays = replica.objects.iter().filter(|(object, _)| !fate.goes(replica, **object));
        let hash = |(object, state): (&ObjectId, &ObjectState)| {
            (object.to_key(), *object, replica.hash_of(*object, state, day))
        };
        Self(stays.map(hash).collect())
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
