use std::fmt;

/// A calendar day, without a time or a time zone: the same day for everyone who reads it.
///
/// The text form is RFC 3339's `full-date` (section 5.6), years 0000 to 9999.
///
/// ```
/// use partyline_core::replica::Date;
///
/// let due = Date::parse("2028-02-29").unwrap();
/// assert_eq!((due.year(), due.month(), due.day()), (2028, 2, 29));
/// assert!(Date::parse("2027-02-29").is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// The text is not a calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a date is written as year-month-day, like 2027-03-09")]
#[non_exhaustive]
pub struct ParseDateError;

impl Date {
    /// A day of the Gregorian calendar; `None` if there is no such day in the years 0 to 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let exists = year <= 9999 && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// If the text has another form or names no existing day.
    pub fn parse(text: &str) -> Result<Self, ParseDateError> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else {
            return Err(ParseDateError);
        };
        let year = number(&[y1, y2, y3, y4])?;
        let month = u8::try_from(number(&[m1, m2])?).map_err(|_| ParseDateError)?;
        let day = u8::try_from(number(&[d1, d2])?).map_err(|_| ParseDateError)?;
        Self::new(year, month, day).ok_or(ParseDateError)
    }

    /// The year, 0 to 9999.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub fn day(self) -> u8 {
        self.day
    }

    /// A small number for days near 2000, rising with the date: months of 31 days, so that it needs no calendar.
    pub(crate) fn to_code(self) -> i64 {
        let months = (i64::from(self.year) - 2000) * 12 + i64::from(self.month) - 1;
        months * 31 + i64::from(self.day) - 1
    }

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        let months = code.div_euclid(31);
        let year = u16::try_from(months.div_euclid(12).checked_add(2000)?).ok()?;
        let month = u8::try_from(months.rem_euclid(12) + 1).ok()?;
        let day = u8::try_from(code.rem_euclid(31) + 1).ok()?;
        Self::new(year, month, day)
    }
}

fn number(digits: &[u8]) -> Result<u16, ParseDateError> {
    digits.iter().try_fold(0_u16, |number, digit| {
        if digit.is_ascii_digit() { Ok(number * 10 + u16::from(digit - b'0')) } else { Err(ParseDateError) }
    })
}

fn days_in(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_the_calendar() {
        for good in ["0000-02-29", "2000-02-29", "2024-02-29", "2026-11-30", "1999-12-31", "9999-12-31"] {
            assert_eq!(Date::parse(good).unwrap().to_string(), good);
        }
        for bad in ["1900-02-29", "2100-02-29", "2026-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00"] {
            assert_eq!(Date::parse(bad), Err(ParseDateError), "{bad}");
        }
    }

    #[test]
    fn reads_one_form_only() {
        for bad in [
            "",
            "2026-1-01",
            "2026-11-22T00:00:00Z",
            "20261122",
            "+026-11-22",
            "2026/11/22",
            " 2026-11-22",
            "२०२६-११-२२",
        ] {
            assert_eq!(Date::parse(bad), Err(ParseDateError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_and_code_round_trip_in_order(
            a in (0_u16..=9999, 1_u8..=12, 1_u8..=31), b in (0_u16..=9999, 1_u8..=12, 1_u8..=31)
        ) {
            let (Some(a), Some(b)) = (Date::new(a.0, a.1, a.2), Date::new(b.0, b.1, b.2)) else { return Ok(()) };
            prop_assert_eq!(Date::parse(&a.to_string()), Ok(a));
            prop_assert_eq!(Date::from_code(a.to_code()), Some(a));
            prop_assert_eq!(a.cmp(&b), a.to_code().cmp(&b.to_code()));
        }

        #[test]
        fn any_text_or_code_is_a_day_or_refused(text in ".{0,12}", code: i64) {
            if let Ok(date) = Date::parse(&text) {
                prop_assert_eq!(date.to_string(), text);
            }
            if let Some(date) = Date::from_code(code) {
                prop_assert_eq!(date.to_code(), code);
            }
        }
    }
}
