use crate::id::DeviceId;
use crate::replica::change::{ChangeReader, ChangeWriter};
use crate::replica::wire::{self, DecodeError, Reader, Writer};
use crate::replica::{Change, MAX_CHANGES, VersionVector};

/// Changes on their way: live ones, a chunk of an answer to a sync, or a record of the log on disk. All the same bytes,
/// but for the checksum of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// At most [`MAX_CHANGES`].
    pub changes: Vec<Change>,
    /// Only with the last chunk of an answer to a sync: whoever has merged all chunks has everything that this includes.
    /// See the invariant in the [module's](crate::replica) account.
    pub vector: Option<VersionVector>,
    /// The device whose replica asked, put in by whoever asks in its name, *before* it looks at the vector to ask with. The
    /// vector speaks for chunks that this replica has merged. While a sync is under way, another may take its place: one
    /// put together from what was left of damaged storage, or that of a room which was left and joined again. It has a
    /// new device id, and does not believe the vector.
    pub asker: Option<DeviceId>,
}

impl Batch {
    /// Changes that have just been made or received.
    pub fn live(changes: Vec<Change>) -> Self {
        Self { changes, vector: None, asker: None }
    }

    /// The binary form: version, then `[devices, [change, …]]`, which a vector may follow, and that the asker.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = ChangeWriter::new();
        for change in &self.changes {
            writer.push(change);
        }
        let (devices, changes) = writer.finish();
        let mut out = Writer::new();
        let asker = self.asker.filter(|_| self.vector.is_some());
        out.array(2 + usize::from(self.vector.is_some()) + usize::from(asker.is_some()));
        out.bytes(&devices);
        out.array(self.changes.len());
        out.part(&changes);
        if let Some(vector) = &self.vector {
            vector.write(&mut out);
        }
        if let Some(asker) = asker {
            out.bytes(&asker.to_bytes());
        }
        out.finish()
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// If the bytes are of a newer format, or not a batch, or anything in it is over its limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::whole(bytes, Self::read)
    }

    /// The form of a record on disk: the binary form and a checksum.
    pub fn to_record(&self) -> Vec<u8> {
        wire::sealed(self.encode())
    }

    /// Reads the form of a record.
    ///
    /// # Errors
    /// If the bytes are not as they were written, or of a newer format.
    pub fn of_record(record: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(wire::unsealed(record)?)
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = input.array(4)?;
        let mut reader = ChangeReader::new(input.bytes()?)?;
        let count = input.array(MAX_CHANGES)?;
        let mut changes = Vec::new();
        for _ in 0..count {
            changes.push(reader.change(input)?);
        }
        if items < 2 {
            return Err(DecodeError::Malformed);
        }
        let vector = if items > 2 { Some(VersionVector::read(input)?) } else { None };
        let asker = if items > 3 { Some(input.device()?) } else { None };
        Ok(Self { changes, vector, asker })
    }
}
