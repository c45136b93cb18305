use crate::id::DeviceId;
use crate::replica::columns::{self, ColumnWriter, Encoded, Resolve};
use crate::replica::wire::{self, DecodeError, Reader, Writer};
use crate::replica::{Change, Replica, SyncAnswer, VersionVector};

/// Changes on their way: live ones, a chunk of an answer to a sync, or a record of the log on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// At most [`MAX_CHANGES`](crate::replica::MAX_CHANGES).
    pub changes: Vec<Change>,
    /// Only with the last chunk of an answer to a sync: whoever has merged all chunks has everything that this includes.
    /// See the invariant in the [module's](crate::replica) account.
    pub vector: Option<VersionVector>,
    /// The device whose replica asked, put in by whoever asks in its name, *before* it looks at the vector to ask with. The
    /// vector speaks for chunks that this replica has merged. While a sync is under way, another may take its place: one
    /// put together from what was left of damaged storage, or that of a room which was left and joined again. It has a
    /// new device id, and does not believe the vector. It is no part of the binary form: nobody but the one who asks
    /// knows it.
    pub asker: Option<DeviceId>,
}

impl Batch {
    /// Changes that have just been made or received.
    pub fn live(changes: Vec<Change>) -> Self {
        Self { changes, vector: None, asker: None }
    }

    /// The binary form: version, then `[ids, columns]`, which a vector may follow.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with(|_| None)
    }

    /// The binary form of live changes, in which an object may be named by a change about it instead of its id. Only a
    /// replica that has that change can read it; see [`Replica::decode`].
    pub(crate) fn encode_with(&self, reference: impl Fn(&Change) -> Option<crate::replica::Dot>) -> Vec<u8> {
        let mut writer = ColumnWriter::default();
        for change in &self.changes {
            writer.push(change, reference(change));
        }
        let Encoded { ids, columns } = writer.finish();
        let mut out = Writer::new();
        out.array(2 + usize::from(self.vector.is_some()));
        out.bytes(&ids);
        out.bytes(&columns);
        if let Some(vector) = &self.vector {
            vector.write(&mut out);
        }
        out.finish()
    }

    /// Reads the binary form, also that of a [`SyncAnswer`], of which it takes the changes and the vector.
    ///
    /// # Errors
    /// If the bytes are of a newer format, or not a batch, or anything in it is over its limit; and if an object is named
    /// by a change, which takes a replica to read.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_with(bytes, &|_| None)
    }

    pub(crate) fn decode_with(bytes: &[u8], resolve: Resolve<'_>) -> Result<Self, DecodeError> {
        wire::whole(bytes, |input| match input.array(SyncAnswer::ITEMS)? {
            SyncAnswer::ITEMS => Ok(SyncAnswer::read(input, resolve)?.batch),
            items @ (2 | 3) => {
                let changes = Self::read_changes(input, resolve)?;
                let vector = if items == 3 { Some(VersionVector::read(input)?) } else { None };
                Ok(Self { changes, vector, asker: None })
            }
            _ => Err(DecodeError::Malformed),
        })
    }

    pub(crate) fn read_changes(input: &mut Reader<'_>, resolve: Resolve<'_>) -> Result<Vec<Change>, DecodeError> {
        let ids = input.bytes()?;
        columns::read(ids, input.bytes()?, None, resolve)
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
}

impl Replica {
    /// The binary form of live changes for replicas that most likely have what was there before: a task is named by the
    /// change that made it, which is shorter than its id.
    pub fn encode_live(&self, batch: &Batch) -> Vec<u8> {
        // Of many, some are likely to be new tasks and what was done to them.
        const FEW: usize = 16;
        if batch.changes.len() > FEW {
            return batch.encode();
        }
        let news = |dot| batch.changes.iter().any(|change| change.dot == dot);
        batch.encode_with(|change| self.reference(change.object).filter(|dot| !news(*dot)))
    }

    /// Reads the binary form of a batch or of a [`SyncAnswer`], in which tasks may be named by changes that are here.
    ///
    /// # Errors
    /// [`DecodeError::Unresolved`] if such a change is not here, or not any more: then what it is part of has to be asked
    /// for, [in full](crate::replica::SyncRequest::in_full). Otherwise as [`Batch::decode`].
    pub fn decode(&self, bytes: &[u8]) -> Result<Batch, DecodeError> {
        Batch::decode_with(bytes, &|dot| self.object_of(dot))
    }
}
