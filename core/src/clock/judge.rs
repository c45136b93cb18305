use std::cmp::Reverse;

use crate::clock::EPOCH_MS;

/// How far clocks may differ and still be taken to agree, in milliseconds: the time that an answer was under way is in
/// what they tell.
pub const NOTICEABLE_MS: u64 = 2 * 60 * 1000;

/// What comes of comparing the clocks of those who are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Most of them agree: this device's clock is so far ahead of theirs, in milliseconds; less than 0 if it is behind,
    /// and near 0 if it is one of theirs.
    Ahead(i64),
    /// No time is that of more than half of them, so what one says is no more than a hint.
    Undecided,
}

/// Compares clocks: `now_ms` is this device's, and of each other one is known how far it is ahead of this one.
///
/// The time is what more than half of them agree on, so no single one that lies or is wrong decides if there are three.
/// A clock that stands before [`EPOCH_MS`] is wrong for certain, and has no say.
pub fn judge(now_ms: u64, others: &[i64]) -> Judgement {
    let is_time = |ahead: &i64| now_ms.saturating_add_signed(*ahead) >= EPOCH_MS;
    let clocks: Vec<i64> = [0].iter().chain(others).copied().filter(is_time).collect();
    let agreeing = |time: i64| clocks.iter().filter(move |clock| clock.abs_diff(time) <= NOTICEABLE_MS);
    let most = clocks.iter().copied().max_by_key(|time| (agreeing(*time).count(), Reverse(time.unsigned_abs())));
    match most {
        Some(time) if !others.is_empty() && 2 * agreeing(time).count() > clocks.len() => {
            Judgement::Ahead(time.saturating_neg())
        }
        _ => Judgement::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;
    const DAY: i64 = 86_400_000;

    #[test]
    fn the_time_is_what_most_say() {
        for (others, judgement) in [
            (&[][..], Judgement::Undecided),
            (&[1000], Judgement::Ahead(0)),
            (&[400 * DAY], Judgement::Undecided),
            (&[-400 * DAY], Judgement::Ahead(0)),
            (&[-DAY, -DAY - 1000], Judgement::Ahead(DAY)),
            (&[DAY, DAY], Judgement::Ahead(-DAY)),
            // One that is wrong, or lies, convinces nobody of anything.
            (&[10, 400 * DAY], Judgement::Ahead(0)),
            (&[DAY, -DAY], Judgement::Undecided),
            (&[0, 0, DAY, DAY], Judgement::Ahead(0)),
            (&[0, DAY, DAY], Judgement::Undecided),
            (&[DAY, DAY, DAY, 5 * DAY, -DAY], Judgement::Undecided),
            (&[i64::MAX, i64::MIN], Judgement::Undecided),
        ] {
            assert_eq!(judge(NOW, others), judgement, "{others:?}");
        }
    }

    #[test]
    fn a_clock_of_before_there_was_this_has_no_say() {
        let then = NOW as i64;
        assert_eq!(judge(5, &[then]), Judgement::Ahead(-then));
        assert_eq!(judge(NOW, &[-then]), Judgement::Ahead(0));
        assert_eq!(judge(5, &[0]), Judgement::Undecided);
        assert_eq!(judge(5, &[0, then]), Judgement::Ahead(-then));
    }
}
