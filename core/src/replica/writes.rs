use std::collections::BTreeSet;

use crate::clock::Stamp;
use crate::id::DeviceId;
use crate::replica::columns::ChangeHead;
use crate::replica::work::step;
use crate::replica::{Change, Dot, ObjectId, VersionVector};

/// What surviving operations share: the head of the change that they came in.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    /// Local number of arrival: names the write here, and orders it.
    pub(crate) arrival: u64,
    pub(crate) dot: Dot,
    pub(crate) millis: u64,
    counter: u32,
    /// Operations that are still in the state.
    live: u16,
    /// No operation of the change is missing.
    pub(crate) complete: bool,
    /// No person made it.
    pub(crate) machine: bool,
    pub(crate) object: ObjectId,
}

impl Write {
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { millis: self.millis, counter: self.counter, device: self.dot.device }
    }

    pub(crate) fn head(&self) -> ChangeHead {
        ChangeHead {
            dot: self.dot,
            stamp: self.stamp(),
            object: self.object,
            complete: self.complete,
            machine: self.machine,
        }
    }
}

/// What is known of a page on disk: it has what arrived after the page before, up to its own last arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageTally {
    pub(crate) number: u64,
    pub(crate) last_arrival: u64,
    pub(crate) checksum: u64,
    pub(crate) bytes: u64,
    /// The weight of what was written on it.
    pub(crate) written: u64,
    /// The weight of what is still in the state.
    pub(crate) live: u64,
    /// It has what was deleted and must not stay.
    pub(crate) purge: bool,
}

/// Where it is kept account of which operations are in the state.
pub(crate) trait Tally {
    /// What the write is, if any of it is in the state.
    fn get(&self, arrival: u64) -> Option<&Write>;
    /// An operation of the write has come into the state.
    fn keep(&mut self, arrival: u64, weight: u64);
    /// An operation of the write has left the state.
    fn drop(&mut self, arrival: u64, weight: u64);
}

/// No account is kept: it is a state that nobody holds.
pub(crate) struct Dry<'a>(pub(crate) &'a Writes);

impl Tally for Dry<'_> {
    fn get(&self, arrival: u64) -> Option<&Write> {
        self.0.get(arrival)
    }

    fn keep(&mut self, _: u64, _: u64) {}

    fn drop(&mut self, _: u64, _: u64) {}
}

impl Tally for Writes {
    fn get(&self, arrival: u64) -> Option<&Write> {
        Self::get(self, arrival)
    }

    fn keep(&mut self, arrival: u64, weight: u64) {
        Self::keep(self, arrival, weight);
    }

    fn drop(&mut self, arrival: u64, weight: u64) {
        Self::drop(self, arrival, weight);
    }
}

/// About how many bytes a change takes besides its operations.
pub(crate) const HEAD_WEIGHT: u64 = 24;

/// The index of everything that is in the state, by arrival and by device and number.
///
/// A dot may be here more than once: when operations of a change come in two parts, the second part arrives later, and
/// whoever is in the middle of a sync must be sent it.
///
/// **Invariant:** arrival numbers depend only on the effective changes and their order, so that replaying a log gives the
/// numbers that were given before; a change without effect uses none up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writes {
    /// In order of arrival. Those without live operations are gone and wait to be swept out.
    list: Vec<Write>,
    gone: usize,
    /// Devices, numbers and arrivals; those that are gone wait like the others. A tree, in which
    /// whatever order they come in costs the same.
    by_device: BTreeSet<(DeviceId, u64, u64)>,
    last_arrival: u64,
    /// The pages on disk, in order. What arrived after the last one is not on a page yet.
    pages: Vec<PageTally>,
    /// The weight of what is not on a page.
    tail: u64,
    /// A write to which operations are being added: the last one, and not yet in `by_device`.
    open: bool,
}

impl Writes {
    pub(crate) fn last_arrival(&self) -> u64 {
        self.last_arrival
    }

    /// Makes `arrival` the number of the next write, for a replica that is being loaded. Numbers only rise: answers
    /// whether they do.
    pub(crate) fn skip_to(&mut self, arrival: u64) -> bool {
        let rises = arrival > self.last_arrival;
        if rises {
            self.last_arrival = arrival - 1;
        }
        rises
    }

    /// Lets the numbers go on from `last_arrival`, for a replica that has been loaded.
    pub(crate) fn finish_at(&mut self, last_arrival: u64) {
        debug_assert!(last_arrival >= self.last_arrival);
        self.last_arrival = last_arrival;
    }

    /// Begins a write with the next arrival number, to which operations can be [added](Self::keep) until it is
    /// [closed](Self::close).
    pub(crate) fn open(&mut self, change: &Change) -> u64 {
        debug_assert!(!self.open);
        self.open = true;
        self.last_arrival += 1;
        self.list.push(Write {
            arrival: self.last_arrival,
            dot: change.dot,
            millis: change.stamp.millis,
            counter: change.stamp.counter,
            live: 0,
            complete: change.complete,
            machine: change.machine,
            object: change.object,
        });
        self.last_arrival
    }

    /// Ends the write that is open. It stays if any of its `ops` operations did; answers whether.
    pub(crate) fn close(&mut self, ops: usize) -> bool {
        debug_assert!(self.open);
        self.open = false;
        let Some(write) = self.list.last_mut() else { return false };
        if write.live == 0 {
            self.list.pop();
            self.last_arrival -= 1;
            return false;
        }
        write.complete &= usize::from(write.live) == ops;
        let arrival = write.arrival;
        *self.live_weight(arrival) += HEAD_WEIGHT;
        let Some(write) = self.list.last() else { return false };
        step(1);
        self.by_device.insert((write.dot.device, write.dot.seq, write.arrival));
        true
    }

    /// The write, if any of it is in the state.
    pub(crate) fn get(&self, arrival: u64) -> Option<&Write> {
        let is_open = self.open && arrival == self.last_arrival;
        self.find(arrival).and_then(|at| self.list.get(at)).filter(|write| write.live > 0 || is_open)
    }

    /// An operation of the write has come into the state.
    pub(crate) fn keep(&mut self, arrival: u64, weight: u64) {
        let write = self.find(arrival).and_then(|at| self.list.get_mut(at));
        debug_assert!(write.is_some());
        if let Some(write) = write {
            write.live += 1;
            *self.live_weight(arrival) += weight;
        }
    }

    /// An operation of the write has left the state.
    pub(crate) fn drop(&mut self, arrival: u64, weight: u64) {
        let open = self.open && arrival == self.last_arrival;
        let write = self.find(arrival).and_then(|at| self.list.get_mut(at));
        debug_assert!(write.as_ref().is_some_and(|write| write.live > 0));
        let Some(write) = write else { return };
        write.live = write.live.saturating_sub(1);
        write.complete = false;
        let is_gone = write.live == 0 && !open;
        let lost = weight + if is_gone { HEAD_WEIGHT } else { 0 };
        let live = self.live_weight(arrival);
        debug_assert!(*live >= lost);
        *live = live.saturating_sub(lost);
        if is_gone {
            self.gone += 1;
            self.sweep();
        }
    }

    /// What an operation of the write said must not stay on a page.
    pub(crate) fn purge(&mut self, arrival: u64) {
        let at = self.pages.partition_point(|page| page.last_arrival < arrival);
        if let Some(page) = self.pages.get_mut(at) {
            page.purge = true;
        }
    }

    /// A write with this dot, if any of it is in the state.
    pub(crate) fn of_dot(&self, dot: Dot) -> Option<&Write> {
        self.parts(dot).next()
    }

    /// The writes with this dot of which any is in the state.
    pub(crate) fn parts(&self, dot: Dot) -> impl Iterator<Item = &Write> {
        /// More parts than a change of an honest device ever comes in.
        const MAX_PARTS: usize = 64;
        let parts = self.by_device.range((dot.device, dot.seq, 0)..=(dot.device, dot.seq, u64::MAX));
        parts.take(MAX_PARTS).filter_map(|(.., arrival)| {
            step(1);
            self.get(*arrival)
        })
    }

    /// What there is of a device.
    pub(crate) fn of_device(&self, device: DeviceId) -> impl Iterator<Item = &Write> {
        self.by_device.range((device, 0, 0)..=(device, u64::MAX, u64::MAX)).filter_map(|(.., arrival)| {
            step(1);
            self.get(*arrival)
        })
    }

    /// Whether anything of the device is in the state, or was until recently.
    pub(crate) fn has_device(&self, device: DeviceId) -> bool {
        step(1);
        self.by_device.range((device, 0, 0)..=(device, u64::MAX, u64::MAX)).next().is_some()
    }

    /// The pages on disk.
    pub(crate) fn pages(&self) -> &[PageTally] {
        &self.pages
    }

    /// The weight of what is not on a page.
    pub(crate) fn tail(&self) -> u64 {
        self.tail
    }

    /// The pages on disk are these now, and everything is on them, of the weights that they say.
    pub(crate) fn set_pages(&mut self, pages: Vec<PageTally>) {
        self.pages = pages;
        self.tail = 0;
    }

    /// The weight that the write counts to.
    fn live_weight(&mut self, arrival: u64) -> &mut u64 {
        let at = self.pages.partition_point(|page| page.last_arrival < arrival);
        match self.pages.get_mut(at) {
            Some(page) => &mut page.live,
            None => &mut self.tail,
        }
    }

    /// All, in order of arrival, from behind `after`.
    pub(crate) fn since(&self, after: u64) -> impl Iterator<Item = &Write> {
        let start = self.list.partition_point(|write| write.arrival <= after);
        self.list.get(start..).unwrap_or_default().iter().filter(|write| {
            step(1);
            write.live > 0
        })
    }

    /// What `vector` does not include, in order of arrival, from behind `after`.
    ///
    /// Costs what is missing, as long as that is little; a receiver that lacks much is served by going through all from
    /// `after` on, of which the caller takes as much as fits a chunk.
    pub(crate) fn missing<'a>(
        &'a self,
        vector: &'a VersionVector,
        after: u64,
    ) -> Box<dyn Iterator<Item = &'a Write> + 'a> {
        const LITTLE: usize = 4096;
        let mut few: Vec<u64> = self.lacked(vector).take(LITTLE + 1).collect();
        if few.len() > LITTLE {
            return Box::new(self.since(after).filter(|write| !vector.includes(write.dot)));
        }
        few.retain(|arrival| *arrival > after);
        few.sort_unstable();
        Box::new(few.into_iter().filter_map(|arrival| self.get(arrival)))
    }

    /// The arrivals of what `vector` does not include, device by device.
    fn lacked<'a>(&'a self, vector: &'a VersionVector) -> impl Iterator<Item = u64> + 'a {
        let of = move |device: DeviceId| {
            let above = vector.get(device).saturating_add(1);
            self.by_device.range((device, above, 0)..=(device, u64::MAX, u64::MAX))
        };
        let next = move |after: Option<DeviceId>| {
            step(1);
            let mut rest = match after {
                Some(device) => self.by_device.range((device, u64::MAX, u64::MAX)..),
                None => self.by_device.range(..),
            };
            rest.next().map(|(device, ..)| *device)
        };
        std::iter::successors(next(None), move |device| next(Some(*device))).flat_map(of).map(|(.., arrival)| {
            step(1);
            *arrival
        })
    }

    fn find(&self, arrival: u64) -> Option<usize> {
        // Where nothing was overwritten since the list was swept, the numbers are without gaps.
        let first = self.list.first()?.arrival;
        let guess = usize::try_from(arrival.checked_sub(first)?).ok()?;
        match self.list.get(guess) {
            Some(write) if write.arrival == arrival => Some(guess),
            _ => self.list.binary_search_by_key(&arrival, |write| write.arrival).ok(),
        }
    }

    fn sweep(&mut self) {
        if self.gone > 32 && self.gone > self.list.len() / 2 {
            let last = self.list.last().map(|write| write.arrival);
            let open = self.open;
            self.list.retain(|write| write.live > 0 || (open && Some(write.arrival) == last));
            self.gone = 0;
            let Self { list, by_device, .. } = self;
            step(list.len() + by_device.len());
            by_device.retain(|(.., arrival)| list.binary_search_by_key(arrival, |write| write.arrival).is_ok());
        }
    }
}
