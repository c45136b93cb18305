use crate::id::DeviceId;
use crate::replica::wire::{DecodeError, Reader, Writer};
use crate::replica::{Dot, MAX_SEQ};

/// Runs of numbers that are remembered. Past that they are forgotten, and a sync accounts for them.
const MAX_RUNS: usize = 4096;

/// Changes that a replica has besides those in its version vector, as runs of numbers of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// In order, and neither overlapping nor adjacent.
    runs: Vec<Run>,
}

/// From the first to the last number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    device: DeviceId,
    first: u64,
    last: u64,
}

impl Runs {
    /// Whether the change is in one of them.
    pub fn includes(&self, dot: Dot) -> bool {
        self.at_or_before(dot).is_some_and(|run| run.device == dot.device && dot.seq <= run.last)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    fn at_or_before(&self, dot: Dot) -> Option<&Run> {
        let at = self.runs.partition_point(|run| (run.device, run.first) <= (dot.device, dot.seq));
        at.checked_sub(1).and_then(|at| self.runs.get(at))
    }

    /// Remembers a change. Answers whether it is new, and there was room.
    pub(crate) fn insert(&mut self, dot: Dot) -> bool {
        self.insert_run(dot.device, dot.seq, dot.seq)
    }

    /// The same for those with numbers from the first to the last.
    pub(crate) fn insert_run(&mut self, device: DeviceId, first: u64, last: u64) -> bool {
        // Those that overlap it or join it without a gap.
        let begin = self.runs.partition_point(|run| (run.device, run.last + 1) < (device, first));
        let end = self.runs.partition_point(|run| (run.device, run.first) <= (device, last + 1));
        let joined = self.runs.get(begin..end).unwrap_or_default();
        if joined.iter().any(|run| run.first <= first && last <= run.last) {
            return false;
        }
        if joined.is_empty() && self.runs.len() >= MAX_RUNS {
            return false;
        }
        let first = joined.first().map_or(first, |run| run.first.min(first));
        let last = joined.last().map_or(last, |run| run.last.max(last));
        self.runs.splice(begin..end, [Run { device, first, last }]);
        true
    }

    /// The devices, and the first and last number of each run.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (DeviceId, u64, u64)> {
        self.runs.iter().map(|run| (run.device, run.first, run.last))
    }

    /// Forgets the numbers of the device that `has` includes, and those that follow it without a gap: answers the last of
    /// these, or `has`.
    pub(crate) fn catch_up(&mut self, device: DeviceId, has: u64) -> u64 {
        let mut has = has;
        self.runs.retain_mut(|run| {
            if run.device != device || run.first > has + 1 {
                return true;
            }
            has = has.max(run.last);
            false
        });
        has
    }

    /// `[device, first, how many, …]`
    pub(crate) fn write(&self, out: &mut Writer) {
        out.array(3 * self.runs.len());
        for run in &self.runs {
            out.bytes(&run.device.to_bytes());
            out.uint(run.first);
            out.uint(run.last - run.first + 1);
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = input.array(3 * MAX_RUNS)?;
        let mut runs: Vec<Run> = Vec::new();
        for _ in 0..items / 3 {
            let (device, first, count) = (input.device()?, input.uint()?, input.uint()?);
            let last = first.checked_add(count).and_then(|end| end.checked_sub(1)).ok_or(DecodeError::Malformed)?;
            let follows = |run: &Run| run.device < device || run.device == device && run.last + 1 < first;
            if first == 0 || count == 0 || last > MAX_SEQ || !runs.last().is_none_or(follows) {
                return Err(DecodeError::Malformed);
            }
            runs.push(Run { device, first, last });
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
