use std::fmt;

use fractional_index::FractionalIndex;

use crate::replica::MAX_POSITION;

/// What every position ends with; see the `fractional_index` crate.
const TERMINATOR: u8 = 0x80;

/// Where a task stands in the list: a fractional index, so that a task moves without touching its neighbours.
///
/// Positions compare bytewise, and so do their text forms (lower-case hexadecimal). Two devices that put a task in the
/// same gap at once may choose equal positions; such tasks are told apart by their ids.
///
/// ```
/// use partyline_core::replica::Position;
///
/// let first = Position::between(None, None);
/// let last = Position::between(Some(&first), None);
/// let middle = Position::between(Some(&first), Some(&last));
/// assert!(first < middle && middle < last);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(Box<[u8]>);

/// The text is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is at most 512 lower-case hexadecimal digits that end in 80")]
#[non_exhaustive]
pub struct ParsePositionError;

impl Position {
    /// A position after `lower` and before `upper`; `None` stands for the end of the list on that side.
    ///
    /// Neighbours in the wrong order are swapped. Between equal neighbours there is no room, and the answer is just after
    /// them. If tens of thousands of moves into one spot have used up the length of a position, it is `lower` itself.
    pub fn between(lower: Option<&Self>, upper: Option<&Self>) -> Self {
        let made = match (lower, upper) {
            (None, None) => Some(FractionalIndex::default()),
            (Some(lower), None) => FractionalIndex::from_bytes(beyond(&lower.0, 0xff)).ok(),
            (None, Some(upper)) => FractionalIndex::from_bytes(beyond(&upper.0, 0)).ok(),
            (Some(a), Some(b)) if a == b => {
                let just_after = a.0.iter().copied().chain([TERMINATOR]).collect();
                FractionalIndex::from_bytes(just_after).ok()
            }
            (Some(a), Some(b)) if a > b => return Self::between(upper, lower),
            (Some(a), Some(b)) => inside(&a.0, &b.0),
        };
        let fits = made.map(|made| Box::from(made.as_bytes())).and_then(Self::from_bytes);
        fits.or_else(|| lower.or(upper).cloned()).unwrap_or_default()
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

/// An index after all that begin as this one does if `edge` is 255, and before them if it is 0.
///
/// So many bytes that are the edge, and one more that count: with every edge that a count runs into, the next has a byte more.
/// So a list that grows at its end has positions of 2 bytes, then of 4 for 65,000 tasks, then of 6 for millions.
/// (`fractional_index` takes a byte more for every 127.)
fn beyond(position: &[u8], edge: u8) -> Vec<u8> {
    // There is one that is not: the terminator.
    let edges = position.iter().take_while(|byte| **byte == edge).count();
    let digits = position.iter().skip(edges).copied().chain(std::iter::repeat(0));
    let mut count: Vec<u8> = digits.take(edges + 1).collect();
    for digit in count.iter_mut().rev() {
        let (next, carries) = if edge == 0 { digit.overflowing_sub(1) } else { digit.overflowing_add(1) };
        *digit = next;
        if !carries {
            break;
        }
    }
    let mut made = vec![edge; edges];
    if count.first() == Some(&edge) {
        made.push(edge);
        count = vec![!edge; edges + 2];
    }
    made.extend(count);
    made.push(TERMINATOR);
    made
}

/// An index strictly between two that are in order.
///
/// What both begin with is set aside first: `fractional_index` 2.0.2 subtracts one from the upper's byte before it knows
/// that the lower's is smaller, and overflows where both have a zero.
fn inside(lower: &[u8], upper: &[u8]) -> Option<FractionalIndex> {
    let longest = lower.len().min(upper.len()).saturating_sub(1);
    let shared = lower.iter().zip(upper).take(longest).take_while(|(a, b)| a == b).count();
    let (prefix, lower) = lower.split_at_checked(shared)?;
    let (_, upper) = upper.split_at_checked(shared)?;
    let lower = FractionalIndex::from_bytes(lower.to_vec()).ok()?;
    let upper = FractionalIndex::from_bytes(upper.to_vec()).ok()?;
    let made = FractionalIndex::new_between(&lower, &upper)?;
    FractionalIndex::from_bytes([prefix, made.as_bytes()].concat()).ok()
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

    fn any_position() -> impl Strategy<Value = Position> {
        // Few distinct bytes, so that long shared beginnings and near misses are common.
        let byte = prop_oneof![Just(0_u8), Just(1), Just(0x7f), Just(0x80), Just(0x81), Just(0xff), any::<u8>()];
        vec(byte, 0..6).prop_map(|mut bytes| {
            bytes.push(TERMINATOR);
            Position::from_bytes(bytes.into()).unwrap()
        })
    }

    #[test]
    fn positions_stay_short_in_a_list_that_grows_at_one_end() {
        for (count, longest) in [(126, 2), (10_000, 4), (65_000, 4), (200_000, 6)] {
            let (mut first, mut last) = (Position::default(), Position::default());
            for _ in 0..count {
                let (before, after) = (Position::between(None, Some(&first)), Position::between(Some(&last), None));
                assert!(before < first && last < after);
                (first, last) = (before, after);
            }
            assert_eq!((first.0.len(), last.0.len()), (longest, longest), "{count}");
        }
    }

    #[test]
    fn always_room_in_front_behind_and_between() {
        let mut first = Position::default();
        let mut last = Position::default();
        for _ in 0..1000 {
            let before = Position::between(None, Some(&first));
            assert!(before < first);
            let inside = Position::between(Some(&before), Some(&first));
            assert!(before < inside && inside < first);
            first = before;
            let after = Position::between(Some(&last), None);
            assert!(after > last);
            last = after;
        }
        assert!(last.as_bytes().len() < 16, "appending stays short");
    }

    #[test]
    fn a_crowded_gap_ends_in_ties_not_in_errors() {
        let lower = Position::default();
        let mut upper = Position::between(Some(&lower), None);
        for _ in 0..40_000 {
            let inside = Position::between(Some(&lower), Some(&upper));
            assert!(inside >= lower && inside < upper || upper == lower);
            assert!(inside.as_bytes().len() <= MAX_POSITION);
            if inside == lower {
                return;
            }
            upper = inside;
        }
        panic!("the length of a position is bounded, so the gap must be used up");
    }

    proptest! {
        #[test]
        fn between_any_two(a in any_position(), b in any_position()) {
            let made = Position::between(Some(&a), Some(&b));
            prop_assert_eq!(&made, &Position::between(Some(&b), Some(&a)));
            if a == b {
                prop_assert!(made > a);
            } else {
                prop_assert!(made > a.clone().min(b.clone()) && made < a.max(b));
            }
        }

        #[test]
        fn before_and_after_any(a in any_position()) {
            prop_assert!(Position::between(None, Some(&a)) < a);
            prop_assert!(Position::between(Some(&a), None) > a);
        }

        #[test]
        fn text_round_trips_in_order(a in any_position(), b in any_position()) {
            prop_assert_eq!(Position::parse(&a.to_string()), Ok(a.clone()));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn any_text_is_a_position_or_refused(text in "[0-9a-f]{0,10}|.{0,10}") {
            if let Ok(position) = Position::parse(&text) {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }
}
