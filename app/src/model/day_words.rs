//! Days in the words that people type: English ones, and the names of weekdays and months in the browser's language.

use crate::day::Day;
use crate::model::find::Fold;
use crate::platform;

/// Most words that a day is made of: `Fri, 4 de dez. de 2027`.
pub(crate) const MOST_WORDS: usize = 6;
/// How many years ahead a day of a leap year is at most.
const LEAP_YEARS: i32 = 8;
/// How far a year that is written is from this one at most: others are no years, but numbers.
const YEARS: i32 = 100;
/// The fewest bytes of a name from the browser: in German, `so` is Sunday, and a word of every other sentence.
const SHORTEST: usize = 3;

const WEEKDAYS: [&[&str]; 7] = [
    &["monday", "mon"],
    &["tuesday", "tue", "tues"],
    &["wednesday", "wed", "weds"],
    &["thursday", "thu", "thur", "thurs"],
    &["friday", "fri"],
    &["saturday", "sat"],
    &["sunday", "sun"],
];
const MONTHS: [&[&str]; 12] = [
    &["january", "jan"],
    &["february", "feb"],
    &["march", "mar"],
    &["april", "apr"],
    &["may"],
    &["june", "jun"],
    &["july", "jul"],
    &["august", "aug"],
    &["september", "sep", "sept"],
    &["october", "oct"],
    &["november", "nov"],
    &["december", "dec"],
];
/// What is written between two slashed numbers more often than a day.
const FRACTIONS: [(u32, u32); 5] = [(1, 2), (1, 3), (2, 3), (1, 4), (3, 4)];

/// How a language names days, and writes them in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayNames {
    /// Folded names, and the weekday: 0 is Monday.
    weekdays: Vec<(String, i32)>,
    /// Folded names, and the month from 1.
    months: Vec<(String, u32)>,
    /// Whether the month stands before the day.
    is_month_first: bool,
    /// Whether there is a slash between them.
    has_slashes: bool,
}

/// A style of writing a day: options of `Intl.DateTimeFormat`.
type Style = &'static [(&'static str, &'static str)];

impl DayNames {
    /// The names in the browser's language.
    pub(crate) fn of_browser() -> Self {
        thread_local! {
            static NAMES: DayNames = DayNames::of(platform::written_day, platform::fold);
        }
        NAMES.with(Self::clone)
    }

    /// The names in a language that days are written in so.
    pub(crate) fn of(write: impl Fn(Day, Style) -> String, fold: Fold) -> Self {
        let mut names = Self::english();
        for (weekday, monday) in (0..).zip([4; 7]) {
            // 1970-01-05 is a Monday.
            let day = Day::default().plus(monday + weekday);
            for style in [[("weekday", "long")].as_slice(), &[("weekday", "short")]] {
                names.weekdays.extend(name(&fold(&write(day, style))).map(|name| (name, weekday)));
            }
        }
        for month in 1..=12 {
            let Some(day) = Day::from_calendar(1970, month, 1) else { continue };
            // With the day: many languages inflect the name then.
            for style in [[("day", "numeric"), ("month", "long")].as_slice(), &[("day", "numeric"), ("month", "short")]]
            {
                names.months.extend(name(&fold(&write(day, style))).map(|name| (name, month)));
            }
        }
        let numbers =
            Day::from_calendar(1970, 11, 22).map(|day| write(day, &[("day", "numeric"), ("month", "numeric")]));
        let numbers = numbers.unwrap_or_default();
        names.is_month_first = numbers.trim_start().starts_with("11");
        names.has_slashes = numbers.contains('/');
        names
    }

    fn english() -> Self {
        let weekdays =
            (0..).zip(WEEKDAYS).flat_map(|(day, names)| names.iter().map(move |name| (name.to_string(), day)));
        let months =
            (1..).zip(MONTHS).flat_map(|(month, names)| names.iter().map(move |name| (name.to_string(), month)));
        Self { weekdays: weekdays.collect(), months: months.collect(), is_month_first: false, has_slashes: false }
    }

    /// The day that all of a text says.
    pub(crate) fn day(&self, text: &str, today: Day, fold: Fold) -> Option<Day> {
        let text = fold(text);
        let words: Vec<&str> = text.split_whitespace().take(MOST_WORDS + 1).collect();
        if words == ["yesterday"] {
            return Some(today.plus(-1));
        }
        self.read(&words, today).filter(|(_, read)| *read == words.len()).map(|(day, _)| day)
    }

    /// The day that folded words begin with, and of how many words it is.
    pub(crate) fn read(&self, words: &[&str], today: Day) -> Option<(Day, usize)> {
        let first = words.first()?;
        match *first {
            "today" => return Some((today, 1)),
            "tomorrow" | "tmr" | "tmrw" => return Some((today.plus(1), 1)),
            "next" => return self.next_week(words.get(1)?, today).map(|day| (day, 2)),
            "in" => return ahead(words.get(1)?, words.get(2)?, today).map(|day| (day, 3)),
            _ => {}
        }
        if let Some(date) = self.date(words, today) {
            return Some((date.upcoming(today)?, date.words));
        }
        let weekday = self.weekday(first)?;
        let dated = self.date(words.get(1..)?, today).and_then(|date| Some((date.on(weekday, today)?, date.words + 1)));
        dated.or_else(|| {
            (!first.ends_with(',')).then(|| (today.plus(1 + (weekday - today.weekday() - 1).rem_euclid(7)), 1))
        })
    }

    /// `week` is the Monday of the week after this one, and a weekday is that of it.
    fn next_week(&self, word: &str, today: Day) -> Option<Day> {
        let weekday = if word == "week" { 0 } else { self.weekday(word)? };
        Some(today.next_week().plus(weekday))
    }

    fn weekday(&self, word: &str) -> Option<i32> {
        let word = word.trim_end_matches([',', '.']);
        self.weekdays.iter().find(|(name, _)| name == word).map(|(_, weekday)| *weekday)
    }

    fn month(&self, word: &str) -> Option<u32> {
        let word = word.trim_end_matches([',', '.']);
        self.months.iter().find(|(name, _)| name == word).map(|(_, month)| *month)
    }

    fn date(&self, words: &[&str], today: Day) -> Option<Date> {
        let first = words.first()?;
        if let Some(day) = Day::parse(first) {
            return Some(Date::of(day));
        }
        self.numbers(first, today).or_else(|| self.named(words, today))
    }

    /// `24.12.`, `24.12.2026`, and `12/24` where that is how days are written.
    fn numbers(&self, word: &str, today: Day) -> Option<Date> {
        let (mark, is_month_first) = if word.contains('.') { ('.', false) } else { ('/', self.is_month_first) };
        if mark == '/' && !self.has_slashes {
            return None;
        }
        let mut parts = word.split(mark);
        let (first, second, year) = (number(parts.next()?)?, number(parts.next()?)?, parts.next());
        if parts.next().is_some() {
            return None;
        }
        let year = match year {
            None if mark == '.' || FRACTIONS.contains(&(first, second)) => return None,
            None => None,
            Some("") if mark == '.' => None,
            Some(text) => Some(year_of(text, today)?),
        };
        let (day, month) = if is_month_first { (second, first) } else { (first, second) };
        Date { day, month, year, words: 1 }.checked()
    }

    /// `12 dec`, `12. december 2026`, `12 de dez. de 2026`, and `dec 12` where the month is first.
    fn named(&self, words: &[&str], today: Day) -> Option<Date> {
        let mut rest = words.iter().copied().enumerate().filter(|(at, word)| *at == 0 || !matches!(*word, "de" | "of"));
        let ((_, first), (at, second)) = (rest.next()?, rest.next()?);
        let (day, month) = match self.month(second) {
            Some(month) => (day_of_month(first)?, month),
            None if self.is_month_first => (day_of_month(second)?, self.month(first)?),
            None => return None,
        };
        let year = rest.next().and_then(|(at, word)| Some((year_of(word, today).filter(|_| word.len() == 4)?, at)));
        let last = year.map_or(at, |(_, at)| at);
        Date { day, month, year: year.map(|(year, _)| year), words: last + 1 }.checked()
    }
}

/// A day, perhaps without its year, and of how many words it is.
struct Date {
    day: u32,
    month: u32,
    year: Option<i32>,
    words: usize,
}

impl Date {
    fn of(day: Day) -> Self {
        let (year, month, number) = day.calendar();
        Self { day: number, month, year: Some(year), words: 1 }
    }

    /// If there is such a day in some year.
    fn checked(self) -> Option<Self> {
        self.in_year(self.year.unwrap_or(2000)).map(|_| self)
    }

    fn in_year(&self, year: i32) -> Option<Day> {
        Day::from_calendar(year, self.month, self.day)
    }

    /// In its year, or else the first one that is not over.
    fn upcoming(&self, today: Day) -> Option<Day> {
        let this = today.calendar().0;
        let coming = || (this..=this + LEAP_YEARS).find_map(|year| self.in_year(year).filter(|day| *day >= today));
        self.year.map_or_else(coming, |year| self.in_year(year))
    }

    /// The one that is this weekday: the next, or that of this year.
    fn on(&self, weekday: i32, today: Day) -> Option<Day> {
        let past = || self.in_year(self.year.unwrap_or(today.calendar().0));
        let days = [self.upcoming(today), past()];
        days.into_iter().flatten().find(|day| day.weekday() == weekday)
    }
}

/// `3 days`, `2 weeks`.
fn ahead(count: &str, unit: &str, today: Day) -> Option<Day> {
    let days = match unit {
        "day" | "days" => 1,
        "week" | "weeks" => 7,
        _ => return None,
    };
    Some(today.plus(days * i32::try_from(number(count)?).ok()?))
}

/// `12`, `12.`, `12th`, `12,`.
fn day_of_month(word: &str) -> Option<u32> {
    let word = word.trim_end_matches([',', '.']);
    number(["st", "nd", "rd", "th"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word))
}

/// A number of at most three digits.
fn number(text: &str) -> Option<u32> {
    ((1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `2026`, or `26` for that.
fn year_of(text: &str, today: Day) -> Option<i32> {
    let is_year = matches!(text.len(), 2 | 4) && text.bytes().all(|byte| byte.is_ascii_digit());
    let year = text.parse::<i32>().ok().filter(|_| is_year)?;
    let year = if text.len() == 2 { 2000 + year } else { year };
    ((year - today.calendar().0).abs() <= YEARS).then_some(year)
}

/// The name in what was written: the longest of its words that have no digit.
fn name(written: &str) -> Option<String> {
    let words = written.split_whitespace().filter(|word| !word.contains(char::is_numeric));
    let longest = words.map(|word| word.trim_matches(['.', ','])).max_by_key(|word| word.chars().count())?;
    (longest.len() >= SHORTEST).then(|| longest.to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::{Date as Oracle, Weekday};
    use proptest::prelude::*;

    use super::*;

    const TODAY: &str = "2026-11-29";

    fn fold(text: &str) -> String {
        text.to_lowercase().replace('é', "e").replace('ä', "a")
    }

    fn today() -> Day {
        Day::parse(TODAY).unwrap()
    }

    /// A language as browsers write it.
    fn names(numbers: &'static str, weekdays: &'static str, months: &'static str) -> DayNames {
        let write = |day: Day, style: Style| match style {
            [("weekday", _)] => weekdays.split(' ').nth(day.weekday() as usize).unwrap().to_owned(),
            [_, ("month", "numeric")] => numbers.to_owned(),
            _ => format!("1{}", months.split('|').nth(day.calendar().1 as usize - 1).unwrap()),
        };
        DayNames::of(write, fold)
    }

    fn american() -> DayNames {
        DayNames { is_month_first: true, has_slashes: true, ..DayNames::english() }
    }

    fn german() -> DayNames {
        let months = ". Januar|. Februar|. März|. April|. Mai|. Juni|. Juli|. August|. September|. Oktober|. November|. Dezember";
        names("22.11.", "Montag Dienstag Mittwoch Donnerstag Freitag Samstag So", months)
    }

    fn day(names: &DayNames, text: &str) -> Option<String> {
        names.day(text, today(), fold).map(|day| day.to_string())
    }

    #[test]
    fn people_write_days_in_words() {
        // A Sunday.
        for (text, wanted) in [
            ("Today", TODAY),
            ("yesterday", "2026-11-28"),
            (" tomorrow ", "2026-11-30"),
            ("TMR", "2026-11-30"),
            ("sun", "2026-12-06"),
            ("Monday", "2026-11-30"),
            ("fri", "2026-12-04"),
            ("sat.", "2026-12-05"),
            ("next week", "2026-11-30"),
            ("next fri", "2026-12-04"),
            ("in 3 days", "2026-12-02"),
            ("in 1 week", "2026-12-06"),
            ("12 dec", "2026-12-12"),
            ("12th of December", "2026-12-12"),
            ("12 dec 2028", "2028-12-12"),
            ("28 nov", "2027-11-28"),
            ("29 feb", "2028-02-29"),
            ("2026-12-24", "2026-12-24"),
            ("24.12.", "2026-12-24"),
            ("24.12.2027", "2027-12-24"),
            ("1.2.27", "2027-02-01"),
            ("Fri 4 Dec", "2026-12-04"),
            ("Fri, 4 dec", "2026-12-04"),
            ("Mon 2 Nov", "2026-11-02"),
            ("4 Dec 2027", "2027-12-04"),
        ] {
            assert_eq!(day(&DayNames::english(), text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_none() {
        for text in [
            "",
            "soon",
            "fri dec",
            "dec",
            "12",
            "32 dec",
            "30 feb",
            "24.12",
            "1.2.3.4",
            "12/24",
            "in three days",
            "in 3",
            "in 1000 days",
            "next",
            "next year",
            "friday night",
            "Fri 5 Dec 2026",
            "0 dec",
            "12 dec 1",
            "2026-02-30",
            "4 dec 9999",
            "fri,",
            "tod",
            "..",
            ". .",
            "/",
        ] {
            assert_eq!(day(&DayNames::english(), text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_read_as_the_language_writes_them() {
        let british = DayNames { is_month_first: false, ..american() };
        assert_eq!(day(&american(), "12/24").as_deref(), Some("2026-12-24"));
        assert_eq!(day(&american(), "12/24/27").as_deref(), Some("2027-12-24"));
        assert_eq!(day(&british, "24/12").as_deref(), Some("2026-12-24"));
        assert_eq!((day(&american(), "24/12"), day(&british, "12/24"), day(&american(), "1/2")), (None, None, None));
        assert_eq!(day(&american(), "Dec 12").as_deref(), Some("2026-12-12"));
        assert_eq!(day(&american(), "Sun, Mar 28").as_deref(), Some("2027-03-28"));
        assert_eq!(day(&american(), "Mar 28, 2028").as_deref(), Some("2028-03-28"));
        assert_eq!(day(&DayNames::english(), "dec 12"), None);
    }

    #[test]
    fn the_browsers_names_are_known() {
        let german = german();
        assert_eq!(day(&german, "Freitag").as_deref(), Some("2026-12-04"));
        assert_eq!(day(&german, "1. März").as_deref(), Some("2027-03-01"));
        assert_eq!(day(&german, "fri").as_deref(), Some("2026-12-04"));
        // Too short to be meant.
        assert_eq!(day(&german, "so"), None);
        let spanish =
            names("22/11", "lunes martes miercoles jueves viernes sabado domingo", " de enero|".repeat(12).leak());
        assert_eq!(day(&spanish, "4 de enero").as_deref(), Some("2027-01-04"));
        assert_eq!(day(&spanish, "4/12").as_deref(), Some("2026-12-04"));
    }

    fn oracle(day: Day) -> Oracle {
        day.to_string().parse().unwrap()
    }

    proptest! {
        #[test]
        fn days_are_reckoned_as_by_jiff(since_epoch in 0_i32..100_000, ahead in 0_i64..1000, weekday in 0_usize..7) {
            let today = Day::default().plus(since_epoch);
            let (names, civil) = (DayNames::english(), oracle(today));
            let read = |text: &str| oracle(names.day(text, today, fold).unwrap());
            prop_assert_eq!(read(&format!("in {ahead} days")), civil.checked_add(ahead.days()).unwrap());
            prop_assert_eq!(read(&format!("in {ahead} weeks")), civil.checked_add(ahead.weeks()).unwrap());
            let wanted = Weekday::from_monday_zero_offset(weekday as i8).unwrap();
            prop_assert_eq!(read(WEEKDAYS[weekday][0]), civil.nth_weekday(1, wanted).unwrap());
            prop_assert_eq!(read("next week"), civil.nth_weekday(1, Weekday::Monday).unwrap());
            let later = civil.checked_add(ahead.min(364).days()).unwrap();
            if (later.month(), later.day()) != (2, 29) {
                prop_assert_eq!(read(&later.strftime("%-d %b").to_string()), later);
                prop_assert_eq!(read(&later.strftime("%a %-d %B").to_string()), later);
                prop_assert_eq!(read(&later.strftime("%-d.%-m.").to_string()), later);
            }
            prop_assert_eq!(read(&later.strftime("%-d %b %Y").to_string()), later);
        }

        #[test]
        fn any_text_is_a_day_or_none(text in "(?s).{0,24}", since_epoch in 0_i32..100_000) {
            let _ = american().day(&text, Day::default().plus(since_epoch), fold);
        }

        #[test]
        fn words_in_any_order_are_a_day_or_none(
            words in proptest::collection::vec("(next|in|de|of|fri,?|dec\\.?|[0-9]{1,5}\\.?|week|[0-9]{1,2}/[0-9]{1,2})", 0..8)
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if let Some((_, read)) = american().read(&words, today()) {
                prop_assert!((1..=words.len().min(MOST_WORDS)).contains(&read), "{words:?}: {read}");
            }
        }
    }
}
