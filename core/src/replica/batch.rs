use crate::replica::change::{ChangeReader, ChangeWriter};
use crate::replica::wire::{self, DecodeError, Reader, Writer};
use crate::replica::{Change, MAX_CHANGES, VersionVector};

/// Changes on their way: live ones, a chunk of an answer to a sync, or a record of the log on disk. All the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// At most [`MAX_CHANGES`].
    pub changes: Vec<Change>,
    /// Only with the last chunk of an answer to a sync: whoever has merged all chunks has everything that this includes.
    /// See the invariant in the [module's](crate::replica) account.
    pub vector: Option<VersionVector>,
}

impl Batch {
    /// Changes that have just been made or received.
    pub fn live(changes: Vec<Change>) -> Self {
        Self { changes, vector: None }
    }

    /// The binary form: version, then `[devices, [change, …]]` or `[devices, [change, …], vector]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = ChangeWriter::new();
        for change in &self.changes {
            writer.push(change);
        }
        let (devices, changes) = writer.finish();
        let mut out = Writer::new();
        out.array(2 + usize::from(self.vector.is_some()));
        out.bytes(&devices);
        out.array(self.changes.len());
        out.part(&changes);
        if let Some(vector) = &self.vector {
            vector.write(&mut out);
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

    fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = input.array(3)?;
        let mut reader = ChangeReader::new(input.bytes()?)?;
        let count = input.array(MAX_CHANGES)?;
        let mut changes = Vec::new();
        for _ in 0..count {
            changes.push(reader.change(input)?);
        }
        let vector = match items {
            2 => None,
            3 => Some(VersionVector::read(input)?),
            _ => return Err(DecodeError::Malformed),
        };
        Ok(Self { changes, vector })
    }
}
