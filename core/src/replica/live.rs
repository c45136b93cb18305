//! How changes go to replicas that most likely have what was there before.

use crate::id::DeviceId;
use crate::replica::columns::{ColumnWriter, Context};
use crate::replica::wire::DecodeError;
use crate::replica::{Batch, Replica, SyncAnswer};

impl Replica {
    /// The binary form of live changes for replicas that most likely have what was there before: a
    /// task goes by a short name.
    pub fn encode_live(&self, batch: &Batch) -> Vec<u8> {
        self.encode_short(batch, ColumnWriter::default())
    }

    /// The same for a session that has proven that this device sends it, whose id is left out.
    pub fn encode_own(&self, batch: &Batch) -> Vec<u8> {
        self.encode_short(batch, ColumnWriter::sent_by(self.device()))
    }

    fn encode_short(&self, batch: &Batch, writer: ColumnWriter) -> Vec<u8> {
        // Of many, some are likely to be new tasks and what was done to them.
        const FEW: usize = 16;
        let is_few = batch.changes.len() <= FEW;
        let is_news = |dot| batch.changes.iter().any(|change| change.dot == dot);
        batch.encode_with(writer, |change| {
            // A task that is new itself is named by its id.
            let is_known = is_few && self.is_written_besides(change.object, &is_news);
            if is_known { self.short_name(change.object, change.dot.device) } else { None }
        })
    }

    /// Reads the binary form of a batch or of a [`SyncAnswer`], in which tasks may go by short
    /// names. `sender` is the device that the session over which it came belongs to.
    ///
    /// # Errors
    /// [`DecodeError::Unresolved`] if a short name stands for nothing here, or for something else:
    /// then what it is part of has to be asked for, [in
    /// full](crate::replica::SyncRequest::in_full). Otherwise as [`Batch::decode`].
    pub fn decode(&self, bytes: &[u8], sender: Option<DeviceId>) -> Result<Batch, DecodeError> {
        Batch::decode_with(bytes, &Context { resolve: &|name| self.resolve(name), sender })
    }

    /// Reads the binary form of a [`SyncAnswer`], in which tasks may go by short names.
    ///
    /// # Errors
    /// As [`Replica::decode`].
    pub fn decode_answer(&self, bytes: &[u8]) -> Result<SyncAnswer, DecodeError> {
        SyncAnswer::decode_with(bytes, &Context { resolve: &|name| self.resolve(name), sender: None })
    }
}
