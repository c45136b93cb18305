use crate::id::DeviceId;
use crate::replica::wire::{self, DecodeError, Reader, Writer};
use crate::replica::{Dot, MAX_DEVICES, MAX_SEQ};

/// What a replica has: for each device, that it has the device's changes 1 to n (and not a claim about later ones).
///
/// What "has" means exactly, and why it must never be claimed too early, is in the [module's](crate::replica) account.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionVector {
    /// Sorted by device, without zeros. A sorted list: small in memory, and a room has few devices.
    entries: Vec<(DeviceId, u64)>,
}

impl VersionVector {
    /// The vector of a replica that has nothing.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// The number of the last change of `device` that is included; 0 if none is.
    pub fn get(&self, device: DeviceId) -> u64 {
        match self.find(device) {
            Ok(at) => self.entries.get(at).map_or(0, |entry| entry.1),
            Err(_) => 0,
        }
    }

    /// Includes the changes of `device` up to `seq`. A lower number than is there already changes nothing, nor does a device
    /// for which there is no room: it names at most [`MAX_DEVICES`]. Answers whether anything changed.
    pub fn raise(&mut self, device: DeviceId, seq: u64) -> bool {
        match self.find(device) {
            Ok(at) => match self.entries.get_mut(at) {
                Some((_, had)) if *had < seq => {
                    *had = seq;
                    true
                }
                _ => false,
            },
            Err(at) if seq > 0 && self.entries.len() < MAX_DEVICES => {
                self.entries.insert(at, (device, seq));
                true
            }
            Err(_) => false,
        }
    }

    /// Whether it names the device, or has room to.
    pub(crate) fn has_room_for(&self, device: DeviceId) -> bool {
        self.entries.len() < MAX_DEVICES || self.find(device).is_ok()
    }

    /// Forgets a device.
    pub(crate) fn remove(&mut self, device: DeviceId) {
        if let Ok(at) = self.find(device) {
            self.entries.remove(at);
        }
    }

    /// Whether the change is included.
    pub fn includes(&self, dot: Dot) -> bool {
        dot.seq <= self.get(dot.device)
    }

    /// Whether everything in `other` is included.
    pub fn dominates(&self, other: &Self) -> bool {
        other.iter().all(|(device, seq)| seq <= self.get(device))
    }

    /// The devices and the numbers of their last included changes, in the order of the devices' ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (DeviceId, u64)> {
        self.entries.iter().copied()
    }

    /// How many devices it names.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is included.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The binary form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        self.write(&mut out);
        out.finish()
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// If the bytes are of a newer format, or not a version vector.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::whole(bytes, Self::read)
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.map(self.entries.len());
        for (device, seq) in &self.entries {
            out.bytes(&device.to_bytes());
            out.uint(*seq);
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut vector = Self::new();
        for _ in 0..input.map(MAX_DEVICES)? {
            let device = input.device()?;
            let seq = input.uint()?;
            if seq == 0 || seq > MAX_SEQ || vector.entries.last().is_some_and(|(last, _)| *last >= device) {
                return Err(DecodeError::Malformed);
            }
            vector.entries.push((device, seq));
        }
        Ok(vector)
    }

    fn find(&self, device: DeviceId) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&device, |entry| entry.0)
    }
}

impl FromIterator<(DeviceId, u64)> for VersionVector {
    /// Collects at most [`MAX_DEVICES`] devices; for one named twice the higher number counts.
    fn from_iter<I: IntoIterator<Item = (DeviceId, u64)>>(entries: I) -> Self {
        let mut vector = Self::new();
        for (device, seq) in entries {
            vector.raise(device, seq);
        }
        vector
    }
}
