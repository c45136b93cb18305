/// The part of a long list that is on the page, while the rest is empty space above and below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    first: usize,
    of: usize,
}

/// How many rows are on the page at most: more than three screens full.
const ROWS: usize = 300;

/// How many of them are above what is in view.
const ABOVE: usize = 100;

/// By so many rows the view moves before the window follows.
const STEP: usize = 50;

/// The space that a row is given which is not on the page, in CSS pixels. None is lower.
const HEIGHT: usize = 44;

impl Window {
    /// A window onto so many rows that begins with this one, if it can.
    fn of(rows: usize, first: usize) -> Self {
        Self { first: first.min(rows.saturating_sub(ROWS)), of: rows }
    }

    /// The window when there are so many rows. One that goes to the end still does: what comes there is near what is in view.
    pub(crate) fn resized(self, rows: usize) -> Self {
        let is_at_end = self.first > 0 && self.end() == self.of;
        Self::of(rows, if is_at_end { rows.saturating_sub(ROWS) } else { self.first })
    }

    /// The number of its first row, from 0.
    pub(crate) fn first(self) -> usize {
        self.first
    }

    /// How many rows there are in all.
    pub(crate) fn rows_in_all(self) -> usize {
        self.of
    }

    /// Its rows.
    pub(crate) fn part<T>(self, all: &[T]) -> &[T] {
        all.get(self.first..self.end()).unwrap_or_default()
    }

    fn end(self) -> usize {
        self.of.min(self.first + ROWS)
    }

    /// The height of what is above it, in CSS pixels.
    pub(crate) fn above(self) -> usize {
        self.first * HEIGHT
    }

    /// The height of what is below it, in CSS pixels.
    pub(crate) fn below(self) -> usize {
        (self.of - self.end()) * HEIGHT
    }

    /// The window that holds this row: itself, if it does.
    pub(crate) fn showing(self, row: usize) -> Self {
        if (self.first..self.end()).contains(&row) { self } else { Self::of(self.of, row.saturating_sub(ABOVE)) }
    }

    /// The window for what is in view, when its own first row begins and its last one ends so far below the upper edge of
    /// the view (CSS pixels; negative above it).
    pub(crate) fn scrolled(self, top: f64, bottom: f64) -> Self {
        let rows = (self.end() - self.first) as f64;
        let seen = if top > 0.0 {
            self.first as f64 - top / HEIGHT as f64
        } else if bottom < 0.0 {
            self.end() as f64 - bottom / HEIGHT as f64
        } else {
            // Neither edge is in view: both are not 0 apart.
            self.first as f64 + rows * (-top / (bottom - top).max(1.0))
        };
        let ideal = Self::of(self.of, (seen.max(0.0) as usize).saturating_sub(ABOVE));
        let at_an_end = ideal.first == 0 || ideal.end() == ideal.of;
        if at_an_end || ideal.first.abs_diff(self.first) >= STEP { ideal } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_list_is_all_there() {
        for rows in [0, 1, 299, 300] {
            let window = Window::of(rows, 200);
            let all: Vec<usize> = (0..rows).collect();
            assert_eq!((window.part(&all), window.above(), window.below()), (all.as_slice(), 0, 0));
            assert_eq!(window.scrolled(-5_000.0, 10_000.0), window);
        }
    }

    #[test]
    fn what_comes_at_the_end_is_on_the_page_if_the_end_was() {
        assert_eq!(Window::of(900, 600).resized(902), Window { first: 602, of: 902 });
        assert_eq!(Window::of(900, 599).resized(902), Window { first: 599, of: 902 });
        assert_eq!(Window::of(900, 600).resized(899), Window { first: 599, of: 899 });
        assert_eq!(Window::of(200, 0).resized(400), Window { first: 0, of: 400 });
    }

    #[test]
    fn space_stands_for_the_rest() {
        let window = Window::of(1_000, 120);
        let all: Vec<usize> = (0..1_000).collect();
        assert_eq!(window.part(&all), (120..420).collect::<Vec<_>>());
        assert_eq!((window.above(), window.below()), (120 * HEIGHT, 580 * HEIGHT));
        assert_eq!(Window::of(1_000, 990), Window { first: 700, of: 1_000 });
    }

    #[test]
    fn follows_what_is_in_view() {
        let height = |rows: usize| (rows * HEIGHT) as f64;
        // A view in the middle of the window stays; one near its edge does not, whether its rows are low or high.
        for high in [1.0, 2.0] {
            let window = Window::of(10_000, 1_000);
            let at = |row: usize| window.scrolled(-high * height(row), high * (height(ROWS) - height(row)));
            assert_eq!(at(100), window);
            assert_eq!(at(60), window);
            assert_eq!(at(10).first(), 910);
            assert_eq!(at(240).first(), 1_140);
        }
        // Far away, both ways.
        let window = Window::of(10_000, 1_000);
        assert_eq!(window.scrolled(height(500), height(800)).first(), 400);
        assert_eq!(window.scrolled(-height(5_300), -height(5_000)).first(), 6_200);
        assert_eq!(window.scrolled(height(1_001), height(1_301)).first(), 0);
        assert_eq!(window.scrolled(-height(50_300), -height(50_000)).first(), 9_700);
    }

    #[test]
    fn both_ends_are_reached() {
        let window = Window::of(10_000, 30);
        assert_eq!(window.scrolled(-1.0, (300 * HEIGHT) as f64).first(), 0);
        let window = Window::of(10_000, 9_680);
        assert_eq!(window.scrolled(-(200.0 * HEIGHT as f64), 100.0 * HEIGHT as f64).first(), 9_700);
    }

    #[test]
    fn no_number_is_too_strange() {
        for rows in [0, 10, 10_000] {
            for (top, bottom) in
                [(f64::NAN, 0.0), (0.0, f64::NAN), (f64::MAX, f64::MAX), (f64::MIN, f64::MIN), (0.0, 0.0)]
            {
                let window = Window::of(rows, 77).scrolled(top, bottom);
                assert!(window.first() <= rows);
            }
        }
    }

    #[test]
    fn shows_a_row_that_is_asked_for() {
        let window = Window::of(10_000, 0);
        assert_eq!(window.showing(299), window);
        assert_eq!(window.showing(300).first(), 200);
        assert_eq!(window.showing(9_999).first(), 9_700);
    }
}
