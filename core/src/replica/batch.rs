use crate::id::DeviceId;
use crate::replica::columns::{self, CHECK, ColumnWriter, Context, Encoded, Name};
use crate::replica::runs::Runs;
use crate::replica::wire::{self, DecodeError, Reader, Writer};
use crate::replica::{Change, VersionVector};

/// Changes on their way: live ones, or a chunk of an answer to a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// At most [`MAX_CHANGES`](crate::replica::MAX_CHANGES).
    pub changes: Vec<Change>,
    /// Only with the last chunk of an answer to a sync: whoever has merged all chunks has everything that this includes.
    /// See the invariant in the [module's](crate::replica) account.
    pub vector: Option<VersionVector>,
    /// With the vector: what the sender has besides.
    pub ahead: Runs,
    /// The device whose replica asked, put in by whoever asks in its name, *before* it looks at the vector to ask with. The
    /// vector speaks for chunks that this replica has merged. While a sync is under way, another may take its place: one
    /// put together from what was left of damaged storage, or that of a room which was left and joined again. It has a
    /// new device id, and does not believe the vector. It is no part of the binary form: nobody but the one who asks
    /// knows it.
    pub asker: Option<DeviceId>,
}

/// A record of the log on disk: what was merged, and when. It is merged again with the same time, for the same outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The device's clock then, in milliseconds since 1970.
    pub now_ms: u64,
    /// What was merged.
    pub batch: Batch,
    /// What was heard of the device's clock then, if anything was: how far it is ahead, in milliseconds. See
    /// [`Replica::hear_clock`](crate::replica::Replica::hear_clock).
    pub clock: Option<i64>,
}

impl Batch {
    /// Changes that have just been made or received.
    pub fn live(changes: Vec<Change>) -> Self {
        Self { changes, ..Self::default() }
    }

    /// The record of its having been merged at that time.
    pub fn at(self, now_ms: u64) -> Record {
        Record { now_ms, batch: self, clock: None }
    }

    /// The binary form of live changes: version, then `[ids, columns]`. A vector is no part of it.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with(ColumnWriter::default(), |_| None)
    }

    pub(crate) fn encode_with(&self, mut writer: ColumnWriter, name: impl Fn(&Change) -> Option<Name>) -> Vec<u8> {
        for change in &self.changes {
            writer.push(change, name(change));
        }
        let mut out = Writer::new();
        let encoded = writer.finish();
        out.array(2 + usize::from(encoded.check.is_some()));
        if let Some(check) = &encoded.check {
            out.bytes(check);
        }
        out.changes(&encoded);
        out.finish()
    }

    pub(crate) fn read_changes(
        input: &mut Reader<'_>,
        check: Option<[u8; CHECK]>,
        context: &Context<'_>,
    ) -> Result<Vec<Change>, DecodeError> {
        let ids = input.bytes()?;
        columns::read((ids, input.bytes()?, check), None, context)
    }
}

impl Record {
    /// The binary form: version, `[time, vector or null, runs, clock, ids, columns]`, and a checksum. Of the clock it has
    /// null, or how far it was ahead (zigzag).
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = ColumnWriter::default();
        for change in &self.batch.changes {
            writer.push(change, None);
        }
        let mut out = Writer::new();
        out.array(6);
        out.uint(self.now_ms);
        match &self.batch.vector {
            Some(vector) => vector.write(&mut out),
            None => out.null(),
        }
        self.batch.ahead.write(&mut out);
        out.int_or_null(self.clock);
        out.changes(&writer.finish());
        wire::sealed(out.finish())
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// If the bytes are not as they were written, or of a newer format.
    pub fn decode(record: &[u8]) -> Result<Self, DecodeError> {
        wire::whole(wire::unsealed(record)?, |input| {
            if input.array(6)? != 6 {
                return Err(DecodeError::Malformed);
            }
            let now_ms = input.uint()?;
            let vector = if input.null()? { None } else { Some(VersionVector::read(input)?) };
            let ahead = Runs::read(input)?;
            let clock = input.int_or_null()?;
            let changes = Batch::read_changes(input, None, &Context::NONE)?;
            Ok(Self { now_ms, batch: Batch { changes, vector, ahead, asker: None }, clock })
        })
    }
}

impl Writer {
    /// Both parts of encoded changes.
    pub(crate) fn changes(&mut self, encoded: &Encoded) {
        self.bytes(&encoded.ids);
        self.bytes(&encoded.columns);
    }
}

impl Reader<'_> {
    /// The check of what short names stand for.
    pub(crate) fn check(&mut self) -> Result<[u8; CHECK], DecodeError> {
        self.bytes()?.try_into().map_err(|_| DecodeError::Malformed)
    }
}
