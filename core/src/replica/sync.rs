use crate::replica::columns::{ColumnWriter, Context};
use crate::replica::wire::{self, DecodeError, Reader, Writer};
use crate::replica::{Batch, VersionVector};

/// Asks a replica for what one lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncRequest {
    /// What one had when the sync began. It may be what one has by now as well; never more.
    pub vector: VersionVector,
    /// [`SyncAnswer::next`] of the chunk before; `None` to begin. Only the replica that gave it understands it.
    pub cursor: Option<u64>,
    /// Name every task by its id. Otherwise it may be named by a change that the vector includes, which is shorter; but
    /// that change may have been superseded here, and then nobody knows what it was about.
    pub in_full: bool,
}

/// One chunk of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncAnswer {
    /// Changes, in the order in which the answering replica got them. The vector comes with the last chunk.
    pub batch: Batch,
    /// Where the next chunk begins; `None` after the last.
    pub next: Option<u64>,
    /// How many changes are to come, those of this chunk included.
    pub left: u64,
}

/// What stands before the changes in the binary form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncProgress {
    /// See [`SyncAnswer::next`].
    pub next: Option<u64>,
    /// See [`SyncAnswer::left`].
    pub left: u64,
    /// Whether a vector comes with it.
    pub is_last: bool,
}

impl SyncRequest {
    /// The binary form: version, then `[vector, cursor or null, in full]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(3);
        self.vector.write(&mut out);
        write_cursor(&mut out, self.cursor);
        out.bool(self.in_full);
        out.finish()
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// If the bytes are of a newer format or not a sync request.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::whole(bytes, |input| {
            if input.array(3)? != 3 {
                return Err(DecodeError::Malformed);
            }
            let vector = VersionVector::read(input)?;
            let cursor = read_cursor(input)?;
            Ok(Self { vector, cursor, in_full: input.bool()? })
        })
    }
}

impl SyncAnswer {
    /// Items of the binary form.
    pub(crate) const ITEMS: usize = 6;
    /// Bytes around the two parts of the changes, without a vector: version, array, next, left, null, check, two lengths.
    pub(crate) const ENVELOPE: usize = 1 + 1 + 9 + 9 + 1 + 5 + 5 + 5;

    /// The binary form: version, then `[next or null, left, vector or null, check or null, ids, columns]`.
    pub fn encode(&self) -> Vec<u8> {
        // The two ends of a batch are the two ends of this: its parts, and its vector.
        let mut writer = ColumnWriter::default();
        for change in &self.batch.changes {
            writer.push(change, None);
        }
        Self::assemble(self.next, self.left, self.batch.vector.as_ref(), writer)
    }

    pub(crate) fn assemble(
        next: Option<u64>,
        left: u64,
        vector: Option<&VersionVector>,
        changes: ColumnWriter,
    ) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(Self::ITEMS);
        write_cursor(&mut out, next);
        out.uint(left);
        match vector {
            Some(vector) => vector.write(&mut out),
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
    /// If the bytes are of a newer format or not a sync answer: it must have either a next chunk or a vector.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::whole(bytes, |input| match input.array(Self::ITEMS)? {
            Self::ITEMS => Self::read(input, &Context::NONE),
            _ => Err(DecodeError::Malformed),
        })
    }

    pub(crate) fn read(input: &mut Reader<'_>, context: &Context<'_>) -> Result<Self, DecodeError> {
        let (SyncProgress { next, left, .. }, vector) = Self::read_progress(input)?;
        let check = if input.null()? { None } else { Some(input.check()?) };
        let changes = Batch::read_changes(input, check, context)?;
        Ok(Self { batch: Batch { changes, vector, asker: None }, next, left })
    }

    fn read_progress(input: &mut Reader<'_>) -> Result<(SyncProgress, Option<VersionVector>), DecodeError> {
        let next = read_cursor(input)?;
        let left = input.uint()?;
        let vector = if input.null()? { None } else { Some(VersionVector::read(input)?) };
        if next.is_some() == vector.is_some() {
            return Err(DecodeError::Malformed);
        }
        Ok((SyncProgress { next, left, is_last: vector.is_some() }, vector))
    }

    /// Reads only how far the answer is, and of how many bytes it is no use to compress them: those at its beginning, up
    /// to the ids. The rest of the bytes need not be there.
    ///
    /// # Errors
    /// If the bytes are of a newer format or not the beginning of a sync answer.
    pub fn peek(bytes: &[u8]) -> Result<(SyncProgress, usize), DecodeError> {
        let mut input = Reader::new(bytes)?;
        input.array_of(Self::ITEMS)?;
        let (progress, _) = Self::read_progress(&mut input)?;
        if !input.null()? {
            input.check()?;
        }
        input.bytes()?;
        Ok((progress, bytes.len() - input.remaining()))
    }
}

fn write_cursor(out: &mut Writer, cursor: Option<u64>) {
    match cursor {
        Some(cursor) => out.uint(cursor),
        None => out.null(),
    }
}

fn read_cursor(input: &mut Reader<'_>) -> Result<Option<u64>, DecodeError> {
    Ok(if input.null()? { None } else { Some(input.uint()?) })
}
