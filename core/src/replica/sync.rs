use crate::replica::columns::{ColumnWriter, Context};
use crate::replica::digest::Digest;
use crate::replica::ranges::{RangeAnswer, RangeRequest};
use crate::replica::runs::Runs;
use crate::replica::wire::{self, DecodeError, Reader, Writer};
use crate::replica::{Batch, VersionVector};

/// Maximum changes that may be said to come: people are shown how many, and no room has more.
const MAX_LEFT: u64 = 1 << 28;

/// Asks a replica for what one lacks, or whether one lacks anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncRequest {
    /// What one had when the sync began. It may be what one has by now as well; never more.
    pub vector: VersionVector,
    /// What one had besides.
    pub ahead: Runs,
    /// [`SyncAnswer::next`] of the chunk before; `None` to begin. Only the replica that gave it understands it.
    pub cursor: Option<u64>,
    /// Name every task by its id. Otherwise it may go by a short name, if the vector includes the change that made it; but
    /// that change may have been superseded here, and then nobody knows what it was about.
    pub in_full: bool,
    /// The day before which one has dropped values, counted from 1970.
    pub day: u64,
    /// The digest of what one has, at that day. If the other one has the same, it says so and nothing else.
    pub digest: Option<Digest>,
    /// Where to look for differences, in the place of what the vector says.
    pub ranges: Option<RangeRequest>,
}

/// One chunk of an answer.
///
/// It ends in one of four ways: with the cursor of the next chunk; with what the answering replica has, after the last
/// chunk; with ranges; or with a verdict on the digest that came with the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncAnswer {
    /// Changes, in the order in which the answering replica got them. The vector comes with the last chunk.
    pub batch: Batch,
    /// Where the next chunk begins; `None` after the last.
    pub next: Option<u64>,
    /// How many changes are to come, those of this chunk included.
    pub left: u64,
    /// Whether the digests are equal.
    pub verdict: Option<Verdict>,
    /// With the last chunk: what the answering replica has, besides the vector.
    pub end: Option<End>,
    /// How the answering replica looks in the ranges that were asked about.
    pub ranges: Option<RangeAnswer>,
}

/// What an answering replica says of the digest in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both have the same.
    Same,
    /// They do not, or cannot tell: the answering replica has dropped values before this later day, if it is one.
    Differs(Option<u64>),
}

/// What an answering replica has, at the end of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The later of the two days before which the two have dropped values.
    pub day: u64,
    /// The digest of what it has, at that day.
    pub digest: Digest,
}

/// What stands before the changes in the binary form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncProgress {
    /// See [`SyncAnswer::next`].
    pub next: Option<u64>,
    /// See [`SyncAnswer::left`].
    pub left: u64,
    /// Whether no chunk follows.
    pub is_last: bool,
}

impl SyncRequest {
    /// The binary form: version, then `[day, digest or null, vector, ahead, cursor or null, in full, ranges or null]`; of a
    /// request that asks by digest alone, the first two.
    pub fn encode(&self) -> Vec<u8> {
        let is_by_digest = self.is_by_digest();
        let mut out = Writer::new();
        out.array(if is_by_digest { 2 } else { 7 });
        out.uint(self.day);
        match &self.digest {
            Some(digest) => out.bytes(&digest.to_bytes()),
            None => out.null(),
        }
        if !is_by_digest {
            self.vector.write(&mut out);
            self.ahead.write(&mut out);
            write_number(&mut out, self.cursor);
            out.bool(self.in_full);
            match &self.ranges {
                Some(ranges) => ranges.write(&mut out),
                None => out.null(),
            }
        }
        out.finish()
    }

    /// Whether it asks for nothing if the digests differ, but to be told.
    pub(crate) fn is_by_digest(&self) -> bool {
        let asks = !self.vector.is_empty() || !self.ahead.is_empty() || self.cursor.is_some() || self.ranges.is_some();
        self.digest.is_some() && !asks
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// If the bytes are of a newer format or not a sync request.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::whole(bytes, |input| {
            let items = input.array(7)?;
            let day = input.uint()?;
            let digest = if input.null()? { None } else { Some(Digest::read(input)?) };
            match items {
                2 if digest.is_some() => Ok(Self { day, digest, ..Self::default() }),
                7 => Ok(Self {
                    day,
                    digest,
                    vector: VersionVector::read(input)?,
                    ahead: Runs::read(input)?,
                    cursor: read_number(input)?,
                    in_full: input.bool()?,
                    ranges: if input.null()? { None } else { Some(RangeRequest::read(input)?) },
                }),
                _ => Err(DecodeError::Malformed),
            }
        })
    }
}

impl SyncAnswer {
    /// Items of the binary form.
    pub(crate) const ITEMS: usize = 8;
    /// Bytes around the two parts of the changes, without an end: version, array, next, left, three nulls, check, two
    /// lengths.
    pub(crate) const ENVELOPE: usize = 1 + 1 + 9 + 9 + 3 + 5 + 5 + 5;

    /// A verdict on a digest, and nothing else.
    pub(crate) fn verdict(verdict: Verdict) -> Self {
        Self { verdict: Some(verdict), ..Self::default() }
    }

    /// The binary form: version, then `[next or null, left, verdict or null, end or null, ranges or null, check or null,
    /// ids, columns]`. A verdict is 0 for equal, 1 for not, and otherwise a day, plus 2. An end is `[vector, ahead, day,
    /// digest]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = ColumnWriter::default();
        for change in &self.batch.changes {
            writer.push(change, None);
        }
        self.encode_with(writer)
    }

    /// The same with these changes in the place of its own.
    pub(crate) fn encode_with(&self, changes: ColumnWriter) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(Self::ITEMS);
        write_number(&mut out, self.next);
        out.uint(self.left);
        let verdict = self.verdict.map(|verdict| match verdict {
            Verdict::Same => 0,
            Verdict::Differs(day) => day.map_or(1, |day| day.saturating_add(2)),
        });
        write_number(&mut out, verdict);
        match &self.end {
            Some(end) => {
                out.array(4);
                self.batch.vector.as_ref().unwrap_or(&VersionVector::new()).write(&mut out);
                self.batch.ahead.write(&mut out);
                out.uint(end.day);
                out.bytes(&end.digest.to_bytes());
            }
            None => out.null(),
        }
        match &self.ranges {
            Some(ranges) => ranges.write(&mut out),
            None => out.null(),
        }
        let encoded = changes.finish();
        match &encoded.check {
            Some(check) => out.bytes(check),
            None => out.null(),
        }
        out.changes(&encoded);
        out.finish()
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// If the bytes are of a newer format or not a sync answer: it must end in one of the four ways.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_with(bytes, &Context::NONE)
    }

    pub(crate) fn decode_with(bytes: &[u8], context: &Context<'_>) -> Result<Self, DecodeError> {
        wire::whole(bytes, |input| match input.array(Self::ITEMS)? {
            Self::ITEMS => Self::read(input, context),
            _ => Err(DecodeError::Malformed),
        })
    }

    pub(crate) fn read(input: &mut Reader<'_>, context: &Context<'_>) -> Result<Self, DecodeError> {
        let mut answer = Self::read_head(input)?;
        let check = if input.null()? { None } else { Some(input.check()?) };
        answer.batch.changes = Batch::read_changes(input, check, context)?;
        Ok(answer)
    }

    /// Reads everything before the changes.
    fn read_head(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let next = read_number(input)?;
        let left = input.uint()?;
        if left > MAX_LEFT {
            return Err(DecodeError::Malformed);
        }
        let verdict = read_number(input)?.map(|verdict| match verdict {
            0 => Verdict::Same,
            day => Verdict::Differs(day.checked_sub(2)),
        });
        let mut batch = Batch::default();
        let end = if input.null()? {
            None
        } else {
            input.array_of(4)?;
            batch.vector = Some(VersionVector::read(input)?);
            batch.ahead = Runs::read(input)?;
            Some(End { day: input.uint()?, digest: Digest::read(input)? })
        };
        let ranges = if input.null()? { None } else { Some(RangeAnswer::read(input)?) };
        let ends = [next.is_some(), verdict.is_some(), end.is_some(), ranges.is_some()];
        if ends.into_iter().filter(|end| *end).count() != 1 {
            return Err(DecodeError::Malformed);
        }
        Ok(Self { batch, next, left, verdict, end, ranges })
    }

    /// Reads only how far the answer is, and of how many bytes it is no use to compress them: those at its beginning, up
    /// to the ids. The rest of the bytes need not be there.
    ///
    /// # Errors
    /// If the bytes are of a newer format or not the beginning of a sync answer.
    pub fn peek(bytes: &[u8]) -> Result<(SyncProgress, usize), DecodeError> {
        let mut input = Reader::new(bytes)?;
        input.array_of(Self::ITEMS)?;
        let Self { next, left, .. } = Self::read_head(&mut input)?;
        if !input.null()? {
            input.check()?;
        }
        input.bytes()?;
        Ok((SyncProgress { next, left, is_last: next.is_none() }, bytes.len() - input.remaining()))
    }
}

impl Batch {
    /// Reads the binary form, also that of a [`SyncAnswer`], of which it takes the changes and the
    /// vector.
    ///
    /// # Errors
    /// If the bytes are of a newer format, or not a batch, or anything in it is over its limit; and
    /// if it has short names, which take a replica to read.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_with(bytes, &Context::NONE)
    }

    pub(crate) fn decode_with(bytes: &[u8], context: &Context<'_>) -> Result<Self, DecodeError> {
        wire::whole(bytes, |input| match input.array(SyncAnswer::ITEMS)? {
            SyncAnswer::ITEMS => Ok(SyncAnswer::read(input, context)?.batch),
            items @ (2 | 3) => {
                let check = if items == 3 { Some(input.check()?) } else { None };
                Ok(Self::live(Self::read_changes(input, check, context)?))
            }
            _ => Err(DecodeError::Malformed),
        })
    }
}

impl End {
    /// More bytes than it takes, with the vector.
    pub(crate) fn at_most(vector: &VersionVector, ahead: &Runs) -> usize {
        3 + vector.len() * (17 + 9) + 3 + ahead.len() * (17 + 9 + 9) + 9 + 34
    }
}

impl Digest {
    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(input.bytes()?.try_into().map_err(|_| DecodeError::Malformed)?))
    }
}

fn write_number(out: &mut Writer, number: Option<u64>) {
    match number {
        Some(number) => out.uint(number),
        None => out.null(),
    }
}

fn read_number(input: &mut Reader<'_>) -> Result<Option<u64>, DecodeError> {
    Ok(if input.null()? { None } else { Some(input.uint()?) })
}
