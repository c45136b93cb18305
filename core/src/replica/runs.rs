use std::collections::BTreeSet;

use crate::id::DeviceId;
use crate::replica::wire::{DecodeError, Reader, Writer};
use crate::replica::work::step;
use crate::replica::{Dot, MAX_SEQ};

/// Runs of numbers that are remembered. Past that they are forgotten, and a sync accounts for them.
const MAX_RUNS: usize = 4096;

/// Changes that a replica has besides those in its version vector, as runs of numbers of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Devices, and the first and the last number of each run. They neither overlap nor join.
    runs: BTreeSet<(DeviceId, u64, u64)>,
}

impl Runs {
    /// Whether the change is in one of them.
    pub fn includes(&self, dot: Dot) -> bool {
        self.at_or_before(dot.device, dot.seq).is_some_and(|(_, last)| dot.seq <= last)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there is no room for another one.
    pub(crate) fn is_full(&self) -> bool {
        self.runs.len() >= MAX_RUNS
    }

    /// The last run of the device that begins at or before the number.
    fn at_or_before(&self, device: DeviceId, seq: u64) -> Option<(u64, u64)> {
        step(1);
        self.runs.range((device, 0, 0)..=(device, seq, u64::MAX)).next_back().map(|(_, first, last)| (*first, *last))
    }

    /// Remembers a change. Answers whether it is new, and there was room.
    pub(crate) fn insert(&mut self, dot: Dot) -> bool {
        self.insert_run(dot.device, dot.seq, dot.seq)
    }

    /// The same for those with numbers from the first to the last.
    pub(crate) fn insert_run(&mut self, device: DeviceId, first: u64, last: u64) -> bool {
        // Those that overlap it or join it without a gap, from the back.
        let joins = |(_, end): &(u64, u64)| end.saturating_add(1) >= first;
        let (mut begin, mut end) = (first, last);
        let mut next = self.at_or_before(device, last.saturating_add(1)).filter(joins);
        if next.is_some_and(|run| run.0 <= first && last <= run.1) || next.is_none() && self.is_full() {
            return false;
        }
        while let Some(run) = next {
            self.runs.remove(&(device, run.0, run.1));
            (begin, end) = (begin.min(run.0), end.max(run.1));
            next = self.at_or_before(device, last.saturating_add(1)).filter(joins);
        }
        self.runs.insert((device, begin, end));
        true
    }

    /// The devices, and the first and last number of each run.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (DeviceId, u64, u64)> {
        self.runs.iter().copied()
    }

    /// Forgets the numbers of the device that `has` includes, and those that follow it without a gap: answers the last of
    /// these, or `has`.
    pub(crate) fn catch_up(&mut self, device: DeviceId, has: u64) -> u64 {
        let mut has = has;
        while let Some((first, last)) = self.at_or_before(device, has.saturating_add(1)) {
            self.runs.remove(&(device, first, last));
            has = has.max(last);
        }
        has
    }

    /// `[device, first, how many, …]`
    pub(crate) fn write(&self, out: &mut Writer) {
        out.array(3 * self.runs.len());
        for (device, first, last) in &self.runs {
            out.bytes(&device.to_bytes());
            out.uint(*first);
            out.uint(last - first + 1);
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = input.array(3 * MAX_RUNS)?;
        let mut runs = BTreeSet::new();
        for _ in 0..items / 3 {
            let (device, first, count) = (input.device()?, input.uint()?, input.uint()?);
            let last = first.checked_add(count).and_then(|end| end.checked_sub(1)).ok_or(DecodeError::Malformed)?;
            let follows = |run: &(DeviceId, u64, u64)| run.0 < device || run.0 == device && run.2 + 1 < first;
            if first == 0 || count == 0 || last > MAX_SEQ || !runs.last().is_none_or(follows) {
                return Err(DecodeError::Malformed);
            }
            runs.insert((device, first, last));
        }
        if items.is_multiple_of(3) { Ok(Self { runs }) } else { Err(DecodeError::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_numbers(numbers in vec((0_u8..3, 1_u64..20), 0..60), has in 0_u64..20) {
            let mut runs = Runs::default();
            let mut set = BTreeSet::new();
            let dot = |(device, seq): (u8, u64)| Dot { device: DeviceId::from_bytes([device; 16]), seq };
            for number in numbers {
                prop_assert_eq!(runs.insert(dot(number)), set.insert(number));
            }
            for device in 0..3 {
                for seq in 1..21 {
                    prop_assert_eq!(runs.includes(dot((device, seq))), set.contains(&(device, seq)));
                }
            }
            let mut out = Writer::new();
            runs.write(&mut out);
            let bytes = out.finish();
            let mut input = Reader::new(&bytes).unwrap();
            prop_assert_eq!(Runs::read(&mut input), Ok(runs.clone()));

            let mut last = has;
            while set.contains(&(1, last + 1)) {
                last += 1;
            }
            prop_assert_eq!(runs.catch_up(DeviceId::from_bytes([1; 16]), has), last);
            for seq in 1..21 {
                prop_assert_eq!(runs.includes(dot((1, seq))), seq > last && set.contains(&(1, seq)));
            }
        }
    }
}
