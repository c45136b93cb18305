use std::fmt;

/// A day of the calendar, as due dates name it. Without a time or a time zone.
///
/// The text form is RFC 3339's full-date, `2026-11-22`, for the years 0 to 9999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day {
    /// Days since 1970-01-01.
    since_epoch: i32,
}

impl Day {
    /// The day of a year, month (1 to 12) and day of the month; `None` when there is no such day.
    pub(crate) fn from_calendar(year: i32, month: u32, day: u32) -> Option<Self> {
        if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
            return None;
        }
        // Years that start in March put the leap day last: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let shifted = if month <= 2 { year - 1 } else { year };
        let era = shifted.div_euclid(400);
        let year_of_era = shifted.rem_euclid(400);
        let month_from_march = i32::try_from((month + 9) % 12).ok()?;
        let day_of_year = (153 * month_from_march + 2) / 5 + i32::try_from(day).ok()? - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(Self { since_epoch: era * 146_097 + day_of_era - 719_468 })
    }

    /// Reads `2026-11-22`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |part: &str, digits: usize| {
            (part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse::<u32>().ok())?
        };
        let (year, rest) = text.split_once('-')?;
        let (month, day) = rest.split_once('-')?;
        Self::from_calendar(i32::try_from(number(year, 4)?).ok()?, number(month, 2)?, number(day, 2)?)
    }

    /// So many days after this one.
    pub(crate) fn plus(self, days: i32) -> Self {
        Self { since_epoch: self.since_epoch.saturating_add(days) }
    }

    /// The day of the week, 0 for Monday.
    pub(crate) fn weekday(self) -> i32 {
        // 1970-01-01 was a Thursday.
        (self.since_epoch.rem_euclid(7) + 3) % 7
    }

    /// The Monday of the week after.
    pub(crate) fn next_week(self) -> Self {
        self.plus(7 - self.weekday())
    }

    /// How many days after `other` this is; negative before it.
    pub(crate) fn days_after(self, other: Self) -> i32 {
        self.since_epoch.saturating_sub(other.since_epoch)
    }

    /// The word for it, if there is one.
    pub(crate) fn word(self, today: Self) -> Option<&'static str> {
        match self.days_after(today) {
            -1 => Some("Yesterday"),
            0 => Some("Today"),
            1 => Some("Tomorrow"),
            _ => None,
        }
    }

    /// Whether both are in one year.
    pub(crate) fn is_in_year_of(self, other: Self) -> bool {
        self.calendar().0 == other.calendar().0
    }

    /// Its beginning in UTC, in milliseconds of Unix time.
    pub(crate) fn unix_ms(self) -> f64 {
        f64::from(self.since_epoch) * 86_400_000.0
    }

    /// Year, month (1 to 12) and day of the month.
    pub(crate) fn calendar(self) -> (i32, u32, u32) {
        let shifted = self.since_epoch + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i32::from(month <= 2);
        (year, u32::try_from(month).unwrap_or_default(), u32::try_from(day).unwrap_or_default())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.calendar();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

fn days_in(year: i32, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn every_day_of_400_years_is_written_as_it_is_read() {
        let mut expected = day("1900-01-01");
        for year in 1900..2300 {
            for month in 1..=12 {
                for number in 1..=days_in(year, month) {
                    let here = Day::from_calendar(year, month, number).unwrap();
                    assert_eq!(here, expected);
                    assert_eq!(here.to_string(), format!("{year:04}-{month:02}-{number:02}"));
                    expected = expected.plus(1);
                }
            }
        }
    }

    #[test]
    fn counts_from_the_epoch() {
        assert_eq!(day("1970-01-01"), Day::default());
        assert_eq!(day("2026-11-22").days_after(Day::default()), 20_779);
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "2026-11-31",
            "2026-1-1",
            "26-11-22",
            "2026-11-22 ",
            "+026-11-22",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
        assert!(Day::parse("2024-02-29").is_some());
    }

    #[test]
    fn the_days_around_today_have_words() {
        let today = day("2026-12-31");
        for (text, word, same_year) in [
            ("2026-12-29", None, true),
            ("2026-12-30", Some("Yesterday"), true),
            ("2026-12-31", Some("Today"), true),
            ("2027-01-01", Some("Tomorrow"), false),
            ("2027-01-02", None, false),
        ] {
            assert_eq!((day(text).word(today), day(text).is_in_year_of(today)), (word, same_year), "{text}");
        }
        assert_eq!(day("2026-11-22").unix_ms(), 1_795_305_600_000.0);
    }
}
