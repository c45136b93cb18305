use std::collections::BTreeSet;

use crate::id::DeviceId;
use crate::replica::work::step;

/// The order in which changes that wait are due. They stand with their objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// When each is dated, and its arrival. (Of no device; in this form the sets of the replica share one compiled code.)
    order: BTreeSet<(DeviceId, u64, u64)>,
}

const NOBODY: DeviceId = DeviceId::from_bytes([0; 16]);

impl Held {
    pub(crate) fn insert(&mut self, millis: u64, arrival: u64) {
        step(1);
        self.order.insert((NOBODY, millis, arrival));
    }

    pub(crate) fn remove(&mut self, millis: u64, arrival: u64) {
        self.order.remove(&(NOBODY, millis, arrival));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// When the first is dated.
    pub(crate) fn earliest(&self) -> Option<u64> {
        self.order.first().map(|(_, millis, _)| *millis)
    }

    /// The arrivals, those that are dated the earliest first.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = u64> {
        self.order.iter().map(|(.., arrival)| {
            step(1);
            *arrival
        })
    }
}
