use crate::replica::wire::{self, DecodeError, Writer};
use crate::replica::{Batch, VersionVector};

/// Asks a replica for what one lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncRequest {
    /// What one had when the sync began. It may be what one has by now as well; never more.
    pub vector: VersionVector,
    /// [`SyncAnswer::next`] of the chunk before; `None` to begin. Only the replica that gave it understands it.
    pub cursor: Option<u64>,
}

/// One chunk of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncAnswer {
    /// Changes, in the order in which the answering replica got them. The vector comes with the last chunk.
    pub batch: Batch,
    /// Where the next chunk begins; `None` after the last.
    pub next: Option<u64>,
}

impl SyncRequest {
    /// The binary form: version, then `[vector, cursor or null]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(2);
        self.vector.write(&mut out);
        write_cursor(&mut out, self.cursor);
        out.finish()
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// If the bytes are of a newer format or not a sync request.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::whole(bytes, |input| {
            if input.array(2)? != 2 {
                return Err(DecodeError::Malformed);
            }
            let vector = VersionVector::read(input)?;
            let cursor = if input.null()? { None } else { Some(input.uint()?) };
            Ok(Self { vector, cursor })
        })
    }
}

impl SyncAnswer {
    /// The binary form: version, then `[the batch in its binary form, next or null]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(2);
        out.bytes(&self.batch.encode());
        write_cursor(&mut out, self.next);
        out.finish()
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// If the bytes are of a newer format or not a sync answer: it must have either a next chunk or a vector.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::whole(bytes, |input| {
            if input.array(2)? != 2 {
                return Err(DecodeError::Malformed);
            }
            let batch = Batch::decode(input.bytes()?)?;
            let next = if input.null()? { None } else { Some(input.uint()?) };
            if next.is_some() == batch.vector.is_some() {
                return Err(DecodeError::Malformed);
            }
            Ok(Self { batch, next })
        })
    }
}

fn write_cursor(out: &mut Writer, cursor: Option<u64>) {
    match cursor {
        Some(cursor) => out.uint(cursor),
        None => out.null(),
    }
}
