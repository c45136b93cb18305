//! How a replica asks another one for what it lacks, and answers.

use crate::replica::columns::{ColumnWriter, Name};
use crate::replica::ranges::RangeRequest;
use crate::replica::sync::{End, Verdict};
use crate::replica::writes::Write;
use crate::replica::{Batch, MAX_CHANGES, ObjectId, Replica, SyncAnswer, SyncRequest};

impl Replica {
    /// The request that begins a sync: whether the other one has the same as this. Who has nothing
    /// asks for everything.
    pub fn opening(&self) -> SyncRequest {
        if self.objects.is_empty() && self.vector.is_empty() {
            return self.asking();
        }
        let day = self.dropped_before;
        SyncRequest { day, digest: Some(self.digest(day)), ..SyncRequest::default() }
    }

    /// The request for what the vector says is missing here.
    pub fn asking(&self) -> SyncRequest {
        SyncRequest {
            vector: self.vector.clone(),
            ahead: self.ahead.clone(),
            day: self.dropped_before,
            ..SyncRequest::default()
        }
    }

    /// What to ask the same replica next, once an answer without a [next chunk](SyncAnswer::next)
    /// was merged; `None` if the sync is over. `is_news` says whether anything in the answer was
    /// new. The salt has to be random.
    ///
    /// **Invariant:** a vector is never the truth. Where it says that the other one lacks nothing
    /// and the digests differ nevertheless, the two are compared by ranges of what they hold: so
    /// nothing that somebody claimed, and no mistake of ours, can hold a write back for good. As
    /// long as the vector says that the other one lacks something, it is the one to ask first; but
    /// for what no vector will ever say, such as a change that only a part is left of.
    pub fn following(&self, answer: &SyncAnswer, is_news: bool, salt: u64) -> Option<SyncRequest> {
        if let Some(verdict) = answer.verdict {
            return match verdict {
                Verdict::Same => None,
                Verdict::Differs(Some(day)) if day > self.dropped_before => {
                    Some(SyncRequest { day, digest: Some(self.digest(day)), ..SyncRequest::default() })
                }
                Verdict::Differs(_) => Some(self.asking()),
            };
        }
        let look_at_all = |day| SyncRequest {
            day,
            digest: Some(self.digest(day)),
            ranges: Some(RangeRequest::whole(salt)),
            ..SyncRequest::default()
        };
        if let (Some(end), Some(vector)) = (&answer.end, &answer.batch.vector) {
            let ahead = &answer.batch.ahead;
            // What the other one could never count it may have all the same: nobody would wait for that to change.
            let may_count = |write: &Write| write.complete && vector.has_room_for(write.dot.device) && !ahead.is_full();
            let lacks_nothing =
                || self.writes.missing(vector, 0).all(|write| ahead.includes(write.dot) || !may_count(write));
            return (self.is_apart(answer) && lacks_nothing()).then(|| look_at_all(end.day));
        }
        let ranges = answer.ranges.as_ref()?;
        let day = ranges.day.max(self.dropped_before);
        let next = self.compare(ranges, day);
        match next {
            Some(next) => Some(SyncRequest { day, ranges: Some(next), ..SyncRequest::default() }),
            // Something may be left for which there was no room.
            None => is_news.then(|| look_at_all(day)),
        }
    }

    /// Whether at the end of a sync the other one still had something else than this replica: as
    /// long as it lacks what this one has, the two cannot be compared by ranges. Then another sync
    /// is due once the other one has had its own. So it is where all that was found by ranges was
    /// here already: it came by another way meanwhile, and there may have been no room for the rest.
    pub fn is_apart(&self, answer: &SyncAnswer) -> bool {
        let has_come_before = answer.ranges.is_some() && !answer.batch.changes.is_empty();
        has_come_before
            || answer
                .end
                .as_ref()
                .is_some_and(|end| end.day >= self.dropped_before && self.digest(end.day) != end.digest)
    }

    /// Answers a sync: the next chunk of what the asking replica lacks, encoded in at most
    /// `max_bytes`.
    ///
    /// A chunk has at least one change while there are any, so a change (or a vector) larger than
    /// `max_bytes` is a chunk of its own. A cursor that this replica never gave out begins from the
    /// start.
    pub fn answer(&self, request: &SyncRequest, max_bytes: usize) -> SyncAnswer {
        let in_full = SyncRequest { in_full: true, ..request.clone() };
        let answer = SyncAnswer::decode(&self.answer_encoded(&in_full, max_bytes));
        debug_assert!(answer.is_ok(), "what is written can be read");
        answer.unwrap_or_default()
    }

    /// The same in its binary form, in which tasks may go by short names.
    pub fn answer_encoded(&self, request: &SyncRequest, max_bytes: usize) -> Vec<u8> {
        let day = request.day.max(self.dropped_before);
        if let Some(digest) = request.digest {
            if request.day == day && self.digest(day) == digest {
                return SyncAnswer::verdict(Verdict::Same).encode();
            }
            if request.is_by_digest() {
                return SyncAnswer::verdict(Verdict::Differs((day > request.day).then_some(day))).encode();
            }
        }
        if let Some(ranges) = &request.ranges {
            return self.answer_ranges(ranges, day, max_bytes.saturating_sub(SyncAnswer::ENVELOPE));
        }
        let budget = max_bytes.saturating_sub(SyncAnswer::ENVELOPE);
        let cursor = self.known_cursor(request.cursor);
        let mut missing =
            self.writes.missing(&request.vector, cursor).filter(|write| !request.ahead.includes(write.dot));
        let mut chunk = ColumnWriter::default();
        let mut last = None;
        for write in missing.by_ref() {
            if last.is_some() && (chunk.len() + self.at_most(write) > budget || chunk.count() >= MAX_CHANGES) {
                let left = (chunk.count() + 1 + missing.count()) as u64;
                return SyncAnswer { next: last, left, ..SyncAnswer::default() }.encode_with(chunk);
            }
            let name = || self.maker(write.object).filter(|dot| request.vector.includes(*dot)).map(Name::Dot);
            self.encode_write(write, if request.in_full { None } else { name() }, &mut chunk);
            last = Some(self.cursor_at(write.arrival));
        }
        // After the last change, or in a chunk of its own.
        let left = chunk.count() as u64;
        if let Some(next) = last.filter(|_| chunk.len() + End::at_most(&self.vector, &self.ahead) > budget) {
            return SyncAnswer { next: Some(next), left, ..SyncAnswer::default() }.encode_with(chunk);
        }
        let end = End { day, digest: self.digest(day) };
        let batch = Batch { vector: Some(self.vector.clone()), ahead: self.ahead.clone(), ..Batch::default() };
        SyncAnswer { batch, left, end: Some(end), ..SyncAnswer::default() }.encode_with(chunk)
    }

    /// More bytes than [`Replica::encode_write`] adds.
    pub(crate) fn at_most(&self, write: &Write) -> usize {
        let mut bytes = ColumnWriter::HEAD_AT_MOST;
        self.ops_of(write, &mut |op| bytes += ColumnWriter::at_most(op));
        bytes
    }

    /// Encodes what is kept of an object.
    pub(crate) fn encode_object(&self, object: ObjectId, day: u64, out: &mut ColumnWriter) {
        let Some(state) = self.objects.get(&object) else { return };
        let held = state.held.iter().map(|(arrival, _)| *arrival);
        let mut writes: Vec<u64> = if state.held.is_empty() && state.is_gone(day, &self.writes) {
            state.deletions().collect()
        } else {
            state.writes().chain(held).collect()
        };
        writes.sort_unstable();
        writes.dedup();
        for write in writes.into_iter().filter_map(|arrival| self.writes.get(arrival)) {
            self.encode_write(write, None, out);
        }
    }

    /// Encodes what is left of a change.
    pub(crate) fn encode_write(&self, write: &Write, name: Option<Name>, out: &mut ColumnWriter) {
        out.begin(write.head(), name);
        let ops = self.ops_of(write, &mut |op| out.op(op));
        debug_assert!(ops > 0, "a write without operations is not in the index");
        out.end(ops);
    }
}
