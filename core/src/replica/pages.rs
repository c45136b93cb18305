use std::collections::BTreeSet;

use crate::clock::{Clock, Stamp};
use crate::id::DeviceId;
use crate::replica::change::{ChangeReader, ChangeWriter};
use crate::replica::replica::MAX_AHEAD;
use crate::replica::wire::{self, DecodeError, Reader, Writer, checksum};
use crate::replica::{Change, MAX_SEQ, Replica, VersionVector};

/// Why pages could not be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A page is of a newer format or cannot be read.
    #[error(transparent)]
    Page(#[from] DecodeError),
    /// There are no pages, pages are missing, or pages of different states are mixed.
    #[error("the stored pages do not belong together")]
    Mixed,
    /// The pages belong together, but are not as they were written.
    #[error("the stored pages are damaged")]
    Damaged,
}

/// Bytes of a page that are not payload: version, array, four numbers, length, checksum.
const HEADER: usize = 1 + 1 + 9 + 5 + 5 + 9 + 5 + 4;
/// More pages than a room can have.
const MAX_PAGES: u64 = 1 << 32;
/// More changes than fit a page.
const MAX_PAGE_CHANGES: usize = 1 << 24;

/// A page's place in a set.
struct Page<'b> {
    epoch: u64,
    index: u64,
    total: u64,
    checksum: u64,
    payload: &'b [u8],
}

/// What a replica is besides its changes.
struct Head {
    device: DeviceId,
    seq: u64,
    last_arrival: u64,
    clock: Stamp,
    vector: VersionVector,
    ahead: BTreeSet<(DeviceId, u64)>,
}

impl Replica {
    /// The whole replica as pages for storage, each of at most `max_bytes` (unless a single change, or the head with its
    /// version vector, is larger). The same replica gives the same bytes.
    ///
    /// A page is a version byte and `[epoch, index, total, checksum, payload]`. The epoch is a checksum over those of the
    /// pages, so that pages of different states are told apart from a whole set. A payload is
    /// `[head or null, devices, [arrival number less that of the change before on the page, change, …]]`.
    pub fn to_pages(&self, max_bytes: usize) -> Vec<Vec<u8>> {
        let budget = max_bytes.saturating_sub(HEADER);
        let mut payloads = Vec::new();
        let mut page = PageWriter::new(Some(self.head()));
        for write in self.writes.since(0) {
            let change = self.change_of(write);
            if !page.is_empty() && page.len() + 9 + ChangeWriter::at_most(&change) > budget {
                payloads.push(std::mem::replace(&mut page, PageWriter::new(None)).finish());
            }
            page.push(write.arrival, &change);
        }
        payloads.push(page.finish());

        let checksums: Vec<u64> = payloads.iter().map(|payload| checksum(payload)).collect();
        let (epoch, total) = (epoch_of(checksums.iter().copied()), payloads.len() as u64);
        let pages = payloads.iter().zip(checksums).zip(0..);
        pages.map(|((payload, checksum), index)| Page { epoch, index, total, checksum, payload }.encode()).collect()
    }

    /// Loads pages that [`Replica::to_pages`] made, in any order. It goes on exactly where the replica was that made
    /// them: cursors given out before are good, and numbers and stamps go on rising.
    ///
    /// # Errors
    /// If the pages are of a newer format, are not one whole set, or are damaged.
    pub fn from_pages<P: AsRef<[u8]>>(pages: impl IntoIterator<Item = P>) -> Result<Self, LoadError> {
        let stored: Vec<P> = pages.into_iter().collect();
        let mut pages = stored.iter().map(|page| Page::decode(page.as_ref())).collect::<Result<Vec<_>, _>>()?;
        pages.sort_unstable_by_key(|page| page.index);
        let Some(&Page { epoch, total, .. }) = pages.first() else { return Err(LoadError::Mixed) };
        let one_set =
            pages.iter().zip(0..).all(|(page, index)| (page.epoch, page.index, page.total) == (epoch, index, total));
        if !one_set || pages.len() as u64 != total {
            return Err(LoadError::Mixed);
        }
        if epoch_of(pages.iter().map(|page| page.checksum)) != epoch {
            return Err(LoadError::Damaged);
        }

        let mut loaded: Option<(Self, Head)> = None;
        for page in pages {
            let mut input = Reader::part(page.payload);
            if input.array(3)? != 3 {
                return Err(LoadError::Damaged);
            }
            match (&loaded, input.null()?) {
                (None, false) => {
                    let head = Head::read(&mut input)?;
                    loaded = Some((Self::new(head.device), head));
                }
                (Some(_), true) => {}
                _ => return Err(LoadError::Damaged),
            }
            let Some((replica, head)) = &mut loaded else { return Err(LoadError::Damaged) };
            let mut changes = ChangeReader::new(input.bytes()?)?;
            let items = input.array(2 * MAX_PAGE_CHANGES)?;
            let mut arrival = 0_u64;
            for _ in 0..items / 2 {
                arrival = arrival.checked_add(input.uint()?).ok_or(LoadError::Damaged)?;
                let change = changes.change(&mut input)?;
                if arrival > head.last_arrival || !replica.writes.skip_to(arrival) || !replica.merge(&change) {
                    return Err(LoadError::Damaged);
                }
            }
            if !items.is_multiple_of(2) || input.remaining() > 0 {
                return Err(LoadError::Damaged);
            }
        }
        let (mut replica, head) = loaded.ok_or(LoadError::Mixed)?;
        replica.writes.finish_at(head.last_arrival);
        replica.clock = Clock::resume(head.device, head.clock);
        replica.seq = replica.seq.max(head.seq);
        replica.vector = head.vector;
        replica.ahead = head.ahead;
        Ok(replica)
    }

    /// The changes on one page, whatever became of the others: to save what can be saved of a damaged set. What they are
    /// part of is not known, so no vector comes with them, and none of those on the other pages may be believed.
    ///
    /// # Errors
    /// If the page is of a newer format or cannot be read.
    pub fn changes_of_page(page: &[u8]) -> Result<Vec<Change>, LoadError> {
        let mut input = Reader::part(Page::decode(page)?.payload);
        if input.array(3)? != 3 {
            return Err(LoadError::Damaged);
        }
        if !input.null()? {
            Head::read(&mut input)?;
        }
        let mut reader = ChangeReader::new(input.bytes()?)?;
        let items = input.array(2 * MAX_PAGE_CHANGES)?;
        let mut changes = Vec::new();
        for _ in 0..items / 2 {
            input.uint()?;
            changes.push(reader.change(&mut input)?);
        }
        Ok(changes)
    }

    fn head(&self) -> Head {
        Head {
            device: self.device,
            seq: self.seq,
            last_arrival: self.writes.last_arrival(),
            clock: self.clock.last(),
            vector: self.vector.clone(),
            ahead: self.ahead.clone(),
        }
    }
}

impl Head {
    /// `[device, number, last arrival, milliseconds, counter, vector, [device, first, how many, …]]`
    fn write(&self, out: &mut Writer) {
        out.array(7);
        out.bytes(&self.device.to_bytes());
        out.uint(self.seq);
        out.uint(self.last_arrival);
        out.uint(self.clock.millis);
        out.uint(self.clock.counter.into());
        self.vector.write(out);
        let mut runs: Vec<(DeviceId, u64, u64)> = Vec::new();
        for &(device, seq) in &self.ahead {
            match runs.last_mut() {
                Some((last, first, count)) if *last == device && *first + *count == seq => *count += 1,
                _ => runs.push((device, seq, 1)),
            }
        }
        out.array(3 * runs.len());
        for (device, first, count) in runs {
            out.bytes(&device.to_bytes());
            out.uint(first);
            out.uint(count);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, LoadError> {
        if input.array(7)? != 7 {
            return Err(LoadError::Damaged);
        }
        let device = input.device()?;
        let seq = input.uint()?;
        let last_arrival = input.uint()?;
        let millis = input.uint()?;
        let counter = u32::try_from(input.uint()?).map_err(|_| LoadError::Damaged)?;
        let vector = VersionVector::read(input)?;
        let mut ahead = BTreeSet::new();
        let items = input.array(3 * MAX_AHEAD)?;
        for _ in 0..items / 3 {
            let (device, first, count) = (input.device()?, input.uint()?, input.uint()?);
            let end = first.checked_add(count).filter(|end| *end <= MAX_SEQ + 1).ok_or(LoadError::Damaged)?;
            if count > MAX_AHEAD as u64 || first <= vector.get(device) + 1 {
                return Err(LoadError::Damaged);
            }
            ahead.extend((first..end).map(|seq| (device, seq)));
        }
        if !items.is_multiple_of(3) || seq > MAX_SEQ || last_arrival > MAX_SEQ || millis > Stamp::MAX_MILLIS + MAX_SEQ {
            return Err(LoadError::Damaged);
        }
        Ok(Self { device, seq, last_arrival, clock: Stamp { millis, counter, device }, vector, ahead })
    }
}

impl<'b> Page<'b> {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(5);
        out.uint(self.epoch);
        out.uint(self.index);
        out.uint(self.total);
        out.uint(self.checksum);
        out.bytes(self.payload);
        wire::sealed(out.finish())
    }

    fn decode(bytes: &'b [u8]) -> Result<Self, DecodeError> {
        wire::whole(wire::unsealed(bytes)?, |input| {
            if input.array(5)? != 5 {
                return Err(DecodeError::Malformed);
            }
            let (epoch, index, total, sum) = (input.uint()?, input.uint()?, input.uint()?, input.uint()?);
            let payload = input.bytes()?;
            if index >= total || total > MAX_PAGES || checksum(payload) != sum {
                return Err(DecodeError::Malformed);
            }
            Ok(Self { epoch, index, total, checksum: sum, payload })
        })
    }
}

/// Fills the payload of a page.
struct PageWriter {
    head: Vec<u8>,
    changes: ChangeWriter,
    count: usize,
    last_arrival: u64,
}

impl PageWriter {
    fn new(head: Option<Head>) -> Self {
        let mut out = Writer::for_part();
        match &head {
            Some(head) => head.write(&mut out),
            None => out.null(),
        }
        Self { head: out.finish(), changes: ChangeWriter::new(), count: 0, last_arrival: 0 }
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn len(&self) -> usize {
        self.head.len() + self.changes.len()
    }

    fn push(&mut self, arrival: u64, change: &Change) {
        self.changes.uint(arrival - self.last_arrival);
        self.changes.push(change);
        self.last_arrival = arrival;
        self.count += 1;
    }

    fn finish(self) -> Vec<u8> {
        let (devices, changes) = self.changes.finish();
        let mut out = Writer::for_part();
        out.array(3);
        out.part(&self.head);
        out.bytes(&devices);
        out.array(2 * self.count);
        out.part(&changes);
        out.finish()
    }
}

fn epoch_of(checksums: impl Iterator<Item = u64>) -> u64 {
    checksum(&checksums.flat_map(u64::to_be_bytes).collect::<Vec<u8>>())
}
