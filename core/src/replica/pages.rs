use crate::clock::{Clock, Stamp};
use crate::id::DeviceId;
use crate::replica::columns::{self, ColumnWriter, Context, Encoded};
use crate::replica::replaced::WrongClock;
use crate::replica::runs::Runs;
use crate::replica::wire::{self, DecodeError, Reader, Writer, checksum};
use crate::replica::work::step;
use crate::replica::writes::PageTally;
use crate::replica::{Change, MAX_HELD, MAX_SEQ, Replica, VersionVector};

/// Why pages could not be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The manifest or a page is of a newer format or cannot be read.
    #[error(transparent)]
    Page(#[from] DecodeError),
    /// Pages are missing, or not those that the manifest names.
    #[error("the stored pages do not belong together")]
    Mixed,
    /// Pages and manifest belong together, but say what cannot be.
    #[error("the stored pages are damaged")]
    Damaged,
}

/// A page on disk, and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its number in the room.
    pub number: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What has to be done to the pages on disk so that they hold the whole replica, all of it in one transaction. See
/// [`Replica::fold`].
#[derive(Clone, Debug)]
pub struct Fold {
    /// Pages whose place others take. To be deleted.
    pub removed: Vec<u64>,
    /// New pages. To be written; their numbers were never used before.
    pub added: Vec<Page>,
    /// The manifest. To be written in the place of the old one.
    pub manifest: Vec<u8>,
    /// How many bytes all pages have then.
    pub bytes: u64,
    tallies: Vec<PageTally>,
}

/// Bytes of a page besides its two parts: version, array, two lengths, checksum.
const ENVELOPE: usize = 1 + 1 + 5 + 5 + 4;
/// More pages than a room can have.
const MAX_PAGES: usize = 1 << 20;
/// A page of which less than this part is still in the state is written anew, in percent.
const MIN_LIVE: u64 = 75;
/// How many pages at most are written in a fold: it must not take long, and there will be another.
const MAX_FOLD: usize = 16;

/// What a replica is besides its changes.
struct Head {
    device: DeviceId,
    seq: u64,
    last_arrival: u64,
    clock: Stamp,
    dropped_before: u64,
    ever_dropped_before: u64,
    vector: VersionVector,
    ahead: Runs,
    settled: u64,
    wrong: Option<WrongClock>,
    /// The arrivals of what is held back.
    held: Vec<u64>,
}

impl Replica {
    /// How to bring the pages on disk up to this replica, in pages of at most `max_bytes` (unless a single change is
    /// larger). Pages hold changes in order of arrival, each a stretch of it. Only what is new is written, and pages much
    /// of which was overwritten since or which fit in one with their neighbour: so it costs what was edited, and all
    /// pages together are at most 4/3 of what a fresh copy would take, and half full.
    ///
    /// When it is durable, [`Replica::folded`] has to be told. A fold that was not carried out is of no consequence.
    pub fn fold(&self, max_bytes: usize) -> Fold {
        let tallies = self.writes.pages();
        let full = max_bytes as u64;
        let mut stale: Vec<bool> = tallies
            .iter()
            .map(|page| page.purge || page.live == 0 || page.live * 100 < page.written * MIN_LIVE)
            .collect();
        // What is on no page yet stands at the end, and is written in any case.
        let weights: Vec<u64> = tallies.iter().map(|page| page.live).chain([self.writes.tail()]).collect();
        stale.push(true);
        for (at, pair) in weights.windows(2).enumerate() {
            if let [one, next] = pair
                && one + next <= full
                && *next > 0
                && let Some(pair) = stale.get_mut(at..at + 2)
            {
                pair.fill(true);
            }
        }
        let mut budget = MAX_FOLD;
        for (stale, weight) in stale.iter_mut().zip(&weights).rev().skip(1) {
            let pages = usize::try_from(weight / full.max(1)).unwrap_or(MAX_FOLD) + 1;
            *stale &= budget >= pages;
            budget -= if *stale { pages } else { 0 };
        }

        let mut fold =
            Fold { removed: Vec::new(), added: Vec::new(), manifest: Vec::new(), bytes: 0, tallies: Vec::new() };
        let mut number = tallies.iter().map(|page| page.number + 1).max().unwrap_or(0).max(self.next_page);
        let mut begin = 0;
        let mut is_open = false;
        let mut end = 0;
        for (page, stale) in tallies.iter().map(Some).chain([None]).zip(stale) {
            match page {
                Some(page) if !stale => {
                    if is_open {
                        self.write_pages(begin, end, max_bytes, &mut number, &mut fold);
                        is_open = false;
                    }
                    begin = page.last_arrival;
                    fold.tallies.push(page.clone());
                }
                page => {
                    is_open = true;
                    fold.removed.extend(page.map(|page| page.number));
                }
            }
            end = page.map_or(self.writes.last_arrival(), |page| page.last_arrival);
        }
        self.write_pages(begin, end, max_bytes, &mut number, &mut fold);
        fold.bytes = fold.tallies.iter().map(|page| page.bytes).sum();
        fold.manifest = self.manifest(&fold.tallies, number);
        fold
    }

    /// Whether a page has values that were dropped 30 days after their deletion, and should be written anew soon.
    pub fn has_to_purge(&self) -> bool {
        self.writes.pages().iter().any(|page| page.purge)
    }

    /// The fold is durable.
    pub fn folded(&mut self, fold: Fold) {
        self.next_page = fold.added.iter().map(|page| page.number + 1).max().unwrap_or(0).max(self.next_page);
        self.writes.set_pages(fold.tallies);
    }

    /// The whole replica as a set of pages, numbered from 0, in the place of whatever there is on disk. The same replica
    /// gives the same bytes.
    pub fn to_pages(&self, max_bytes: usize) -> Fold {
        let mut fold =
            Fold { removed: Vec::new(), added: Vec::new(), manifest: Vec::new(), bytes: 0, tallies: Vec::new() };
        let mut number = 0;
        self.write_pages(0, self.writes.last_arrival(), max_bytes, &mut number, &mut fold);
        fold.bytes = fold.tallies.iter().map(|page| page.bytes).sum();
        fold.manifest = self.manifest(&fold.tallies, number);
        fold
    }

    /// Writes what arrived after `begin` and until `end`, and is still in the state, to new pages.
    fn write_pages(&self, begin: u64, end: u64, max_bytes: usize, number: &mut u64, fold: &mut Fold) {
        let budget = max_bytes.saturating_sub(ENVELOPE);
        let mut page = ColumnWriter::default();
        let mut written = 0;
        let mut last_arrival = begin;
        let mut finish = |page: ColumnWriter, last_arrival: u64, written: u64| {
            let bytes = encode(page.finish());
            fold.tallies.push(PageTally {
                number: *number,
                last_arrival,
                checksum: checksum(&bytes),
                bytes: bytes.len() as u64,
                written,
                live: written,
                purge: false,
            });
            fold.added.push(Page { number: *number, bytes });
            *number += 1;
        };
        for write in self.writes.since(begin).take_while(|write| write.arrival <= end) {
            if page.count() > 0 && page.len() + self.at_most(write) > budget {
                finish(std::mem::take(&mut page), last_arrival, std::mem::take(&mut written));
            }
            page.arrival(write.arrival);
            self.encode_write(write, None, &mut page);
            written += self.weight_of(write);
            last_arrival = write.arrival;
        }
        if page.count() > 0 {
            finish(page, end, written);
        }
    }

    /// `[head, next number, [number, arrivals since the page before, checksum, bytes, weight, …]]`
    fn manifest(&self, tallies: &[PageTally], next_page: u64) -> Vec<u8> {
        let mut out = Writer::new();
        out.array(3);
        self.head().write(&mut out);
        out.uint(next_page);
        out.array(5 * tallies.len());
        let mut last_arrival = 0;
        for page in tallies {
            out.uint(page.number);
            out.uint(page.last_arrival - last_arrival);
            out.uint(page.checksum);
            out.uint(page.bytes);
            out.uint(page.written);
            last_arrival = page.last_arrival;
        }
        wire::sealed(out.finish())
    }

    /// Loads pages in any order, and their manifest. It goes on exactly where the replica was that made them: cursors
    /// given out before are good, and numbers and stamps go on rising.
    ///
    /// # Errors
    /// If something is of a newer format, the pages are not those that the manifest names, or anything is damaged.
    pub fn from_pages<P: AsRef<[u8]>>(
        manifest: &[u8],
        pages: impl IntoIterator<Item = (u64, P)>,
    ) -> Result<Self, LoadError> {
        let (head, next_page, tallies) = read_manifest(manifest)?;
        let mut pages: Vec<(u64, P)> = pages.into_iter().collect();
        pages.sort_unstable_by_key(|(number, _)| *number);
        if pages.len() != tallies.len() {
            return Err(LoadError::Mixed);
        }

        let mut replica = Self::new(head.device);
        replica.next_page = next_page;
        replica.dropped_before = head.dropped_before;
        replica.ever_dropped_before = head.ever_dropped_before;
        let places: Vec<(u64, u64)> = tallies.iter().map(|page| (page.number, page.checksum)).collect();
        replica.writes.set_pages(tallies);
        for (number, sum) in places {
            step(1);
            let page = pages.binary_search_by_key(&number, |(other, _)| *other).ok().and_then(|at| pages.get(at));
            let Some((_, bytes)) = page else { return Err(LoadError::Mixed) };
            let bytes = bytes.as_ref();
            if checksum(bytes) != sum {
                // The seal tells a page that is damaged from one of another set.
                wire::unsealed(bytes)?;
                return Err(LoadError::Mixed);
            }
            let mut arrivals = Vec::new();
            let changes = decode(bytes, &mut arrivals)?;
            for (change, arrival) in changes.into_iter().zip(arrivals) {
                if arrival > head.last_arrival || !replica.writes.skip_to(arrival) {
                    return Err(LoadError::Damaged);
                }
                if head.held.binary_search(&arrival).is_ok() {
                    replica.put_back(change);
                } else {
                    // What was overwritten by now may be still on its page; so may what it overwrote.
                    replica.forget_earlier(&change);
                    replica.merge(change, false);
                }
            }
        }
        replica.drop_all_values();
        replica.writes.finish_at(head.last_arrival);
        replica.clock = Clock::resume(head.device, head.clock);
        replica.seq = replica.seq.max(head.seq);
        replica.settled = head.settled;
        replica.wrong = head.wrong;
        replica.vector = head.vector;
        replica.ahead = head.ahead;
        Ok(replica)
    }

    /// Takes out what an earlier write of the same change left that says the same. What was held back and is on a page came
    /// once more when its time had come, and counts from then, as it did before: whoever has read up to there has not seen it.
    fn forget_earlier(&mut self, change: &Change) {
        if self.writes.of_dot(change.dot).is_some_and(|earlier| earlier.stamp() == change.stamp)
            && let Some(state) = self.objects.get_mut(&change.object)
        {
            state.remove_same(change, &mut self.writes);
        }
    }

    /// The numbers of the pages that a manifest names.
    ///
    /// # Errors
    /// If the manifest is of a newer format or cannot be read.
    pub fn pages_named(manifest: &[u8]) -> Result<Vec<u64>, LoadError> {
        let (_, _, tallies) = read_manifest(manifest)?;
        Ok(tallies.iter().map(|page| page.number).collect())
    }

    /// The changes on one page, whatever became of the others: to save what can be saved of a damaged set. What they are
    /// part of is not known, so no vector comes with them.
    ///
    /// # Errors
    /// If the page is of a newer format or cannot be read.
    pub fn changes_of_page(page: &[u8]) -> Result<Vec<Change>, LoadError> {
        Ok(decode(page, &mut Vec::new())?)
    }

    fn weight_of(&self, write: &crate::replica::writes::Write) -> u64 {
        let mut weight = crate::replica::writes::HEAD_WEIGHT;
        self.ops_of(write, &mut |op| weight += columns::weight(op) as u64);
        weight
    }

    fn head(&self) -> Head {
        let mut held: Vec<u64> = self.held.arrivals().collect();
        held.sort_unstable();
        Head {
            device: self.device,
            seq: self.seq,
            last_arrival: self.writes.last_arrival(),
            clock: self.clock.last(),
            dropped_before: self.dropped_before,
            ever_dropped_before: self.ever_dropped_before,
            vector: self.vector.clone(),
            ahead: self.ahead.clone(),
            settled: self.settled,
            wrong: self.wrong,
            held,
        }
    }
}

impl Head {
    /// `[device, number, last arrival, milliseconds, counter, day, latest day, vector, [device, first, how many, …], settled number,
    /// null or how far the clock is ahead (zigzag), until when × 2 + 1 if others said so, [arrival held back, less the one before, …]]`
    fn write(&self, out: &mut Writer) {
        out.array(13);
        out.bytes(&self.device.to_bytes());
        out.uint(self.seq);
        out.uint(self.last_arrival);
        out.uint(self.clock.millis);
        out.uint(self.clock.counter.into());
        out.uint(self.dropped_before);
        out.uint(self.ever_dropped_before);
        self.vector.write(out);
        self.ahead.write(out);
        out.uint(self.settled);
        out.int_or_null(self.wrong.map(|wrong| wrong.ahead_ms));
        out.uint(self.wrong.map_or(0, |wrong| wrong.until << 1 | u64::from(wrong.is_heard)));
        out.array(self.held.len());
        let mut last = 0;
        for arrival in &self.held {
            out.uint(arrival - std::mem::replace(&mut last, *arrival));
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, LoadError> {
        if input.array(13)? != 13 {
            return Err(LoadError::Damaged);
        }
        let device = input.device()?;
        let seq = input.uint()?;
        let last_arrival = input.uint()?;
        let millis = input.uint()?;
        let counter = u32::try_from(input.uint()?).map_err(|_| LoadError::Damaged)?;
        let (dropped_before, ever_dropped_before) = (input.uint()?, input.uint()?);
        let vector = VersionVector::read(input)?;
        let ahead = Runs::read(input)?;
        let settled = input.uint()?;
        let wrong = input.int_or_null()?;
        let until = input.uint()?;
        let wrong = wrong.map(|ahead_ms| WrongClock { ahead_ms, until: until >> 1, is_heard: until & 1 != 0 });
        let mut held = Vec::new();
        for _ in 0..input.array(MAX_HELD)? {
            let last: u64 = held.last().copied().unwrap_or_default();
            held.push(last.checked_add(input.uint()?).ok_or(LoadError::Damaged)?);
        }
        if seq > MAX_SEQ || last_arrival > MAX_SEQ || millis > Stamp::MAX_MILLIS + MAX_SEQ {
            return Err(LoadError::Damaged);
        }
        let clock = Stamp { millis, counter, device };
        Ok(Self {
            device,
            seq,
            last_arrival,
            clock,
            dropped_before,
            ever_dropped_before,
            vector,
            ahead,
            settled,
            wrong,
            held,
        })
    }
}

/// A page is a version byte, `[ids, columns]` and a checksum.
fn encode(changes: Encoded) -> Vec<u8> {
    let mut out = Writer::new();
    out.array(2);
    out.changes(&changes);
    wire::sealed(out.finish())
}

fn decode(bytes: &[u8], arrivals: &mut Vec<u64>) -> Result<Vec<Change>, DecodeError> {
    wire::whole(wire::unsealed(bytes)?, |input| {
        if input.array(2)? != 2 {
            return Err(DecodeError::Malformed);
        }
        let ids = input.bytes()?;
        columns::read((ids, input.bytes()?, None), Some(arrivals), &Context::NONE)
    })
}

/// The head, the number of the next page, and the pages.
type Manifest = (Head, u64, Vec<PageTally>);

fn read_manifest(manifest: &[u8]) -> Result<Manifest, LoadError> {
    wire::whole(wire::unsealed(manifest)?, |input| Ok(read_unsealed_manifest(input)))?
}

fn read_unsealed_manifest(input: &mut Reader<'_>) -> Result<Manifest, LoadError> {
    if input.array(3)? != 3 {
        return Err(LoadError::Damaged);
    }
    let head = Head::read(input)?;
    let next_page = input.uint()?;
    let items = input.array(5 * MAX_PAGES)?;
    let mut tallies: Vec<PageTally> = Vec::new();
    let mut last_arrival = 0_u64;
    for _ in 0..items / 5 {
        let number = input.uint()?;
        last_arrival = last_arrival.checked_add(input.uint()?).ok_or(LoadError::Damaged)?;
        let (checksum, bytes, written) = (input.uint()?, input.uint()?, input.uint()?);
        if number >= next_page || last_arrival > head.last_arrival {
            return Err(LoadError::Damaged);
        }
        // Nothing of it is in the state yet.
        tallies.push(PageTally { number, last_arrival, checksum, bytes, written, live: 0, purge: false });
    }
    let mut numbers: Vec<u64> = tallies.iter().map(|page| page.number).collect();
    numbers.sort_unstable();
    let is_each_once = numbers.windows(2).all(|pair| matches!(pair, [a, b] if a != b));
    if items.is_multiple_of(5) && is_each_once && next_page < MAX_SEQ {
        Ok((head, next_page, tallies))
    } else {
        Err(LoadError::Damaged)
    }
}
