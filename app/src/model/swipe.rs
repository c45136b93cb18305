/// So far a finger moves before it swipes, in CSS pixels.
const SLACK: f64 = 12.0;
/// So far it has to go for something to come of it.
const FAR: f64 = 80.0;

/// A finger on a row: it taps, rests, scrolls or swipes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Touch {
    began_at: (f64, f64),
    /// How far to the right it is; `None` until it swipes.
    swiped: Option<f64>,
}

/// What a swipe comes to when the finger lets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Swipe {
    /// To the right: the task is completed, or reopened.
    Done,
    /// To the left: what else can be done with it is shown.
    Actions,
}

impl Touch {
    /// A finger went down.
    pub(crate) fn at(x: f64, y: f64) -> Self {
        Self { began_at: (x, y), swiped: None }
    }

    /// It moved; what it is then. `None` when it is no concern of the row any more: the page may scroll.
    pub(crate) fn moved(self, x: f64, y: f64) -> Option<Self> {
        let (right, down) = (x - self.began_at.0, y - self.began_at.1);
        if self.swiped.is_some() || right.abs() > SLACK && right.abs() > 2.0 * down.abs() {
            return Some(Self { swiped: Some(right), ..self });
        }
        (down.abs() <= SLACK && right.abs() <= SLACK).then_some(self)
    }

    /// How far to the right the row is swiped.
    pub(crate) fn swiped(self) -> Option<f64> {
        self.swiped
    }

    /// What comes of it if the finger lets go now.
    pub(crate) fn outcome(self) -> Option<Swipe> {
        let right = self.swiped?;
        if right.abs() < FAR {
            return None;
        }
        Some(if right > 0.0 { Swipe::Done } else { Swipe::Actions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(path: &[(f64, f64)]) -> Option<Touch> {
        path.iter().try_fold(Touch::at(100.0, 100.0), |touch, (x, y)| touch.moved(*x, *y))
    }

    #[test]
    fn far_enough_to_a_side_something_comes_of_it() {
        let outcome = |path| after(path).unwrap().outcome();
        assert_eq!(outcome(&[(130.0, 102.0), (190.0, 110.0)]), Some(Swipe::Done));
        assert_eq!(outcome(&[(60.0, 100.0), (10.0, 100.0)]), Some(Swipe::Actions));
        // Not far, or back again.
        assert_eq!(outcome(&[(150.0, 100.0)]), None);
        assert_eq!(outcome(&[(250.0, 100.0), (120.0, 100.0)]), None);
        assert_eq!(outcome(&[(104.0, 103.0)]), None);
    }

    #[test]
    fn what_goes_up_or_down_scrolls() {
        assert_eq!(after(&[(100.0, 120.0)]), None);
        assert_eq!(after(&[(114.0, 113.0)]), None);
        // Once it swipes, it may go anywhere.
        assert!(after(&[(130.0, 100.0), (130.0, 180.0)]).is_some_and(|touch| touch.swiped() == Some(30.0)));
    }
}
