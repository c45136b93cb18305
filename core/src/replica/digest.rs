//! What a replica holds, in 32 bytes; and by ranges of objects, to find where two differ.
//!
//! Each object has a SHA-256 of its id and of all that is kept of it: each write with its stamp and value, in one order. It
//! is computed when it is asked for, and again after the object changed. The objects are in 258 buckets: the room and its
//! devices, the tasks by the first byte of their ids, and everything else. A bucket's hash is that of the hashes of its
//! objects, in the order of their keys, and the digest is the hash of the buckets' hashes. So keeping it costs a bucket for
//! each object that changed.
//!
//! It is a hash of hashes and not their sum, so that two different states with one digest are a collision of SHA-256: some
//! 2^128 hashes, for whoever wrote both. (A sum of 128-bit hashes takes 2^23, of 256-bit ones 2^32, by Wagner's generalised
//! birthday attack; and an exclusive or no more than solving linear equations.) What goes over the wire of a range is
//! shorter, but salted by whoever asks: nobody can prepare two ranges that look the same to it.

use std::cell::{Cell, RefCell};
use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::id::TaskId;
use crate::replica::columns::put;
use crate::replica::{ObjectId, OtherObject};

/// A hash of what is kept of an object, or of several.
pub(crate) type Hash = [u8; 32];

/// What a replica holds, as far as another one can be told that it holds the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub(crate) [u8; 32]);

impl Digest {
    /// Its bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Digest({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// Buckets: of the room and devices, of tasks by their first byte, and of all other objects.
pub(crate) const BUCKETS: usize = 1 + 256 + 1;

/// The hashes of buckets that are still good, for a day before which values are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets {
    pub(crate) day: Cell<u64>,
    pub(crate) hashes: RefCell<Vec<Option<Hash>>>,
}

impl Buckets {
    /// Something about the object is different.
    pub(crate) fn touch(&self, object: ObjectId) {
        if let Some(hash) = self.hashes.borrow_mut().get_mut(bucket(object)) {
            *hash = None;
        }
    }
}

pub(crate) fn bucket(object: ObjectId) -> usize {
    match object {
        ObjectId::Room | ObjectId::Device(_) => 0,
        ObjectId::Task(task) => 1 + usize::from(task.as_bytes().first().copied().unwrap_or_default()),
        ObjectId::Other(_) => BUCKETS - 1,
    }
}

/// The least object that a bucket may have.
pub(crate) fn first_of(bucket: usize) -> ObjectId {
    let mut id = [0; 16];
    match (bucket.checked_sub(1).map(u8::try_from), id.first_mut()) {
        (None, _) => ObjectId::Room,
        (Some(Ok(byte)), Some(first)) => {
            *first = byte;
            ObjectId::Task(TaskId::from_random_bytes(id))
        }
        _ => ObjectId::Other(OtherObject { kind: 0, id }),
    }
}

/// Writes what is hashed, each part so that it cannot be taken for another.
#[derive(Default)]
pub(crate) struct Canonical(Vec<u8>);

impl Canonical {
    pub(crate) fn number(&mut self, number: u64) {
        put(&mut self.0, number);
    }

    pub(crate) fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.fixed(bytes);
    }

    pub(crate) fn hash(&self) -> Hash {
        Sha256::digest(&self.0).into()
    }
}
