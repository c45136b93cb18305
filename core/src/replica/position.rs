use std::fmt;

use crate::id::DeviceId;
use crate::replica::MAX_POSITION;
use crate::replica::wire::checksum;

/// The last byte of every position, so that there is a position between any two.
const TERMINATOR: u8 = 0x80;

/// Bytes of a run of positions that tell whose it is.
const TAG: usize = 3;

/// How far a position is from the one before in its run: so some runs find a place between the two
/// that is not longer.
const STEP: i64 = 16;

/// Where a task stands in the list: a fractional index, so that a task moves without touching its neighbours.
///
/// Positions compare bytewise, and so do their text forms (lower-case hexadecimal). Tasks at equal
/// positions are told apart by their ids.
///
/// A position that is made here is a place in a *run*: a prefix that says where the run stands,
/// three bytes that follow from the id of the device that began it, and a count. What one device
/// adds in a row continues its run, at either end of it. Two devices that add to one place at the
/// same time begin two runs there, which differ in the device's bytes: so when their lists meet,
/// each run stays together (Weidner and Kleppmann, "The Art of the Fugue", on why that is not so
/// without). Counts are short where they are small, so a list of ten thousand has positions of 8
/// bytes.
///
/// ```
/// use partyline_core::id::DeviceId;
/// use partyline_core::replica::Position;
///
/// let [alice, bob] = [b"alice...........", b"bob............."].map(|id| DeviceId::from_bytes(*id));
/// let first = Position::between(None, None, alice).unwrap();
/// let last = Position::between(Some(&first), None, alice).unwrap();
/// let middle = Position::between(Some(&first), Some(&last), bob).unwrap();
/// assert!(first < middle && middle < last);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(Box<[u8]>);

/// The text is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is at most {digits} lower-case hexadecimal digits that end in 80", digits = 2 * MAX_POSITION)]
#[non_exhaustive]
pub struct ParsePositionError;

impl Position {
    /// Returns a position after `lower` and before `upper` for a task that `author` puts there.
    /// `None` stands for the end of the list on that side.
    ///
    /// Returns `None` if there is no room: between equal neighbours, between neighbours in the
    /// wrong order, and where a position would be longer than [`MAX_POSITION`]. Then a neighbour
    /// has to move first, see [`Replica::place`](crate::replica::Replica::place).
    pub fn between(lower: Option<&Self>, upper: Option<&Self>, author: DeviceId) -> Option<Self> {
        let fits = |bytes: Vec<u8>| {
            let made = Self::from_bytes(bytes.into())?;
            let is_inside = lower.is_none_or(|lower| *lower < made) && upper.is_none_or(|upper| made < *upper);
            is_inside.then_some(made)
        };
        if lower.is_some_and(|lower| upper.is_some_and(|upper| lower >= upper)) {
            return None;
        }
        let tag = tag_of(author);
        let continued = |from: Option<&Self>, beyond: Option<&Self>, step: i64| {
            let (run, number) = from?.run_of(tag)?;
            // Inside the run, others would find the same place for theirs: there a new run begins.
            let is_end = beyond.is_none_or(|beyond| !beyond.0.starts_with(run));
            is_end.then_some(())?;
            fits([run, &*count(number + step)?, &[TERMINATOR]].concat())
        };
        continued(lower, upper, STEP).or_else(|| continued(upper, lower, -STEP)).or_else(|| {
            let place = gap(lower.map(Self::as_bytes), upper.map(Self::as_bytes))?;
            fits([&*place, &tag, &*count(0)?, &[TERMINATOR]].concat())
        })
    }

    /// The run that this position is in and its count there, if the run is one of the device.
    fn run_of(&self, tag: [u8; TAG]) -> Option<(&[u8], i64)> {
        let [digits @ .., TERMINATOR] = &*self.0 else { return None };
        let mut ends = (TAG..=digits.len()).rev().filter_map(|end| digits.split_at_checked(end));
        ends.find_map(|(run, rest)| {
            let (number, rest) = counted(rest)?;
            (run.ends_with(&tag) && rest.is_empty()).then_some((run, number))
        })
    }

    /// Reads the form that `Display` writes.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn parse(text: &str) -> Result<Self, ParsePositionError> {
        let digits = text.as_bytes();
        let (pairs, rest) = digits.as_chunks::<2>();
        if !rest.is_empty() || pairs.len() > MAX_POSITION {
            return Err(ParsePositionError);
        }
        let bytes =
            pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<Box<[u8]>>>();
        bytes.and_then(Self::from_bytes).ok_or(ParsePositionError)
    }

    pub(crate) fn from_bytes(bytes: Box<[u8]>) -> Option<Self> {
        (bytes.len() <= MAX_POSITION && bytes.last() == Some(&TERMINATOR)).then_some(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The bytes that mark a device's runs: two devices have the same once in 16 million.
fn tag_of(device: DeviceId) -> [u8; TAG] {
    let [.., a, b, c] = checksum(&device.to_bytes()).to_be_bytes();
    [a, b, c]
}

/// How counts from 0 on are written: how many share a length, the first byte of the first of them,
/// and how many bytes follow it. Negative ones are the complements, byte by byte. So they compare
/// as numbers do, none is the beginning of another one, and what lies beyond all of them is left to
/// positions that somebody wrote by hand.
const COUNTS: [(u64, u8, usize); 4] = [(32, 0x80, 0), (64 << 8, 0xa0, 1), (16 << 16, 0xe0, 2), (1 << 32, 0xf0, 4)];

/// Writes a number so that the bytes compare as the number does.
fn count(number: i64) -> Option<Vec<u8>> {
    let complement = if number < 0 { 0xff } else { 0 };
    let mut rest = if number < 0 { !number } else { number } as u64;
    for (numbers, first, more) in COUNTS {
        if rest < numbers {
            let digits = rest.to_be_bytes();
            let (_, digits) = digits.split_at_checked(digits.len() - more - 1)?;
            let head = digits.first()?.wrapping_add(first);
            let digits = [head].into_iter().chain(digits.iter().skip(1).copied());
            return Some(digits.map(|byte| byte ^ complement).collect());
        }
        rest -= numbers;
    }
    None
}

/// Reads a number from the beginning of the bytes, and returns it with the rest of them.
fn counted(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let complement = if *bytes.first()? < TERMINATOR { 0xff } else { 0 };
    let mut before = 0;
    for (numbers, first, more) in COUNTS {
        let (written, rest) = bytes.split_at_checked(1 + more)?;
        let digits = written.iter().fold(0, |number, byte| number << 8 | u64::from(byte ^ complement));
        let offset = digits.checked_sub(u64::from(first) << (8 * more))?;
        if offset < numbers {
            let number = (before + offset) as i64;
            return Some((if complement == 0 { number } else { !number }, rest));
        }
        before += numbers;
    }
    None
}

/// Returns digits such that every position that begins with them is after `lower` and before
/// `upper`: as few as possible, and the same for everybody who asks.
fn gap(lower: Option<&[u8]>, upper: Option<&[u8]>) -> Option<Vec<u8>> {
    let beside = |end: &[u8], step| counted(end).and_then(|(number, _)| count(number + step));
    match (lower, upper) {
        (None, None) => count(0),
        (Some(lower), None) => beside(lower, 1).or_else(|| above(lower)),
        (None, Some(upper)) => beside(upper, -1).or_else(|| below(upper)),
        (Some(lower), Some(upper)) => inside(lower, upper),
    }
}

/// Digits after everything that begins with these.
fn above(digits: &[u8]) -> Option<Vec<u8>> {
    let edges = digits.iter().take_while(|digit| **digit == 0xff).count();
    let digit = digits.get(edges).map_or(TERMINATOR, |digit| digit + (0xff - digit).div_ceil(2));
    Some([digits.get(..edges)?, &[digit]].concat())
}

/// Digits before everything that begins with these, unless that is all there is.
fn below(digits: &[u8]) -> Option<Vec<u8>> {
    let edges = digits.iter().take_while(|digit| **digit == 0).count();
    let digit = digits.get(edges)? / 2;
    Some([digits.get(..edges)?, &[digit]].concat())
}

/// Digits strictly between two positions that are in order.
fn inside(lower: &[u8], upper: &[u8]) -> Option<Vec<u8>> {
    let shared = lower.iter().zip(upper).take_while(|(a, b)| a == b).count();
    let (prefix, upper) = upper.split_at_checked(shared)?;
    let (high, behind_high) = upper.split_first()?;
    let with_prefix = |digits: Vec<u8>| [prefix, &*digits].concat();
    let Some((low, behind_low)) = lower.get(shared..)?.split_first() else {
        return below(upper).map(with_prefix);
    };
    if high - low >= 2 {
        return Some(with_prefix(vec![low + (high - low) / 2]));
    }
    let beside_low = above(behind_low).map(|digits| with_prefix([&[*low], &*digits].concat()));
    let beside_high = below(behind_high).map(|digits| with_prefix([&[*high], &*digits].concat()));
    beside_low.into_iter().chain(beside_high).min_by_key(Vec::len)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl Default for Position {
    fn default() -> Self {
        Self(Box::new([TERMINATOR]))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// So much longer than its longer neighbour a new position is at most: two digits, a tag and a
    /// count.
    const GROWTH: usize = 2 + TAG + 1;

    fn device(number: u8) -> DeviceId {
        DeviceId::from_bytes([number; 16])
    }

    /// Positions of any origin, of up to so many bytes.
    fn any_position(max: usize) -> impl Strategy<Value = Position> {
        // Few distinct bytes, so that long shared beginnings and near misses are common.
        let byte = prop_oneof![
            Just(0_u8),
            Just(1),
            Just(0x7f),
            Just(0x80),
            Just(0x81),
            Just(0xfe),
            Just(0xff),
            Just(7),
            any::<u8>()
        ];
        vec(byte, 0..max).prop_map(|mut bytes| {
            bytes.push(TERMINATOR);
            Position::from_bytes(bytes.into()).unwrap()
        })
    }

    /// Two neighbours in order, or ends of the list.
    fn any_gap(max: usize) -> impl Strategy<Value = (Option<Position>, Option<Position>)> {
        (any_position(max), any_position(max), any::<[bool; 2]>()).prop_filter_map(
            "neighbours differ",
            |(a, b, [open_below, open_above])| {
                let (low, high) = if a < b { (a, b) } else { (b, a) };
                (low != high).then_some(((!open_below).then_some(low), (!open_above).then_some(high)))
            },
        )
    }

    /// The positions of so many tasks that are added in a row, each after the one before, or each
    /// in front of it.
    fn row(
        gap: &(Option<Position>, Option<Position>),
        author: DeviceId,
        forwards: bool,
        tasks: usize,
    ) -> Vec<Position> {
        let (mut low, mut high) = gap.clone();
        let mut row = Vec::new();
        for _ in 0..tasks {
            let made = Position::between(low.as_ref(), high.as_ref(), author).unwrap();
            row.push(made.clone());
            *(if forwards { &mut low } else { &mut high }) = Some(made);
        }
        row
    }

    #[test]
    fn counts_compare_as_numbers_and_none_begins_another() {
        let edges = [0, 32, 16_416, 1_064_992, 4_296_032_288_i64];
        let mut numbers: Vec<i64> = edges.into_iter().flat_map(|edge| (edge - 3)..(edge + 3)).collect();
        numbers.extend(numbers.clone().into_iter().map(|number| -number));
        numbers.sort_unstable();
        numbers.dedup();
        let written: Vec<(i64, Vec<u8>)> = numbers.iter().filter_map(|n| Some((*n, count(*n)?))).collect();
        assert_eq!(count(4_296_032_287).map(|bytes| bytes.len()), Some(5));
        assert_eq!((count(4_296_032_288), count(-4_296_032_289)), (None, None));
        for ((a, low), (b, high)) in written.iter().zip(&written[1..]) {
            assert!(a < b && low < high && !high.starts_with(low), "{a} {low:x?} {b} {high:x?}");
        }
        for (number, bytes) in &written {
            assert_eq!(counted(&[&**bytes, b"rest"].concat()), Some((*number, &b"rest"[..])));
        }
    }

    #[test]
    fn positions_stay_short_in_a_list_that_grows_at_one_end() {
        let open = (None, None);
        for (tasks, longest) in [(2, 6), (1_000, 7), (60_000, 8), (200_000, 10)] {
            for forwards in [true, false] {
                let row = row(&open, device(1), forwards, tasks);
                assert!(row.is_sorted_by(|a, b| (a < b) == forwards));
                assert_eq!(row.last().map(|last| last.0.len()), Some(longest), "{tasks}");
            }
        }
    }

    #[test]
    fn a_list_to_which_two_add_in_turns_stays_short() {
        let mut last = None;
        for turn in 0..10_000 {
            let next = Position::between(last.as_ref(), None, device(turn as u8 % 2));
            assert!(next > last);
            last = next;
        }
        assert!(last.unwrap().0.len() <= 8);
    }

    /// People who keep a short list in order: one task is dragged to another place, again and
    /// again.
    #[test]
    fn ten_tasks_can_be_put_in_order_ten_thousand_times() {
        let mut list = row(&(None, None), device(0), true, 10);
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % below as u64) as usize
        };
        let mut longest = 0;
        for moves in 0..10_000 {
            list.remove(draw(list.len()));
            let at = draw(list.len() + 1);
            let (low, high) = (at.checked_sub(1).map(|at| &list[at]), list.get(at));
            let made = Position::between(low, high, device(draw(3) as u8));
            let made = made.unwrap_or_else(|| panic!("stuck after {moves} moves"));
            longest = longest.max(made.0.len());
            list.insert(at, made);
        }
        assert!(list.is_sorted());
        assert!(longest <= 48, "{longest} bytes for a place among ten");
    }

    #[test]
    fn a_position_has_at_most_64_bytes() {
        let longest = "00".repeat(MAX_POSITION - 1) + "80";
        assert_eq!(Position::parse(&longest).map(|position| position.0.len()), Ok(64));
        assert_eq!(Position::parse(&format!("00{longest}")), Err(ParsePositionError));
        let first = Position::parse(&longest).unwrap();
        assert_eq!(Position::between(None, Some(&first), device(1)), None, "no room, and nothing longer");
        assert_eq!(ParsePositionError.to_string().split(' ').nth(5), Some("128"));
    }

    proptest! {
        #[test]
        fn there_is_room_between_any_two(gap in any_gap(MAX_POSITION - GROWTH), author in 0_u8..8) {
            let (low, high) = &gap;
            let made = Position::between(low.as_ref(), high.as_ref(), device(author)).unwrap();
            prop_assert!(low.as_ref().is_none_or(|low| *low < made) && high.as_ref().is_none_or(|high| made < *high));
            let longer = low.iter().chain(high).map(|end| end.0.len()).max().unwrap_or(1);
            prop_assert!(made.0.len() <= longer + GROWTH, "{made} between {low:?} and {high:?}");
        }

        #[test]
        fn what_is_made_is_inside_and_bounded_or_not_made(gap in any_gap(MAX_POSITION), author in 0_u8..8) {
            let (low, high) = &gap;
            if let Some(made) = Position::between(low.as_ref(), high.as_ref(), device(author)) {
                prop_assert!(low.as_ref().is_none_or(|low| *low < made) && high.as_ref().is_none_or(|high| made < *high));
                prop_assert!(made.0.len() <= MAX_POSITION);
                prop_assert_eq!(Position::parse(&made.to_string()), Ok(made));
            }
        }

        #[test]
        fn there_is_no_room_between_equal_or_swapped_ones(a in any_position(9), b in any_position(9)) {
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert_eq!(Position::between(Some(&high), Some(&low), device(1)), None);
            prop_assert_eq!(Position::between(Some(&low), Some(&low), device(1)), None);
        }

        /// Two devices that do not hear of each other add to one place, each in a row.
        #[test]
        fn what_two_devices_add_in_a_row_at_one_place_does_not_interleave(
            gap in any_gap(20),
            ways in any::<[bool; 2]>(),
            tasks in [1_usize..50, 1_usize..50],
        ) {
            let rows = [0, 1].map(|at| row(&gap, device(at as u8 + 10), ways[at], tasks[at]));
            let mut all: Vec<(Position, usize)> =
                rows.iter().enumerate().flat_map(|(at, row)| row.iter().map(move |made| (made.clone(), at))).collect();
            all.sort_unstable();
            let changes = all.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
            prop_assert_eq!(changes, 1, "{:?}", all);
        }

        #[test]
        fn text_round_trips_in_order(a in any_position(9), b in any_position(9)) {
            prop_assert_eq!(Position::parse(&a.to_string()), Ok(a.clone()));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn any_text_is_a_position_or_refused(text in "[0-9a-f]{0,10}|.{0,10}|[0-9a-f]{120,140}") {
            if let Ok(position) = Position::parse(&text) {
                prop_assert!(position.as_bytes().len() <= MAX_POSITION);
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }
}
