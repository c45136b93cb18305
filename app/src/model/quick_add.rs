//! What is understood in a line that is added: `gate 3 fri @Ana #van !2`.
//!
//! A *token* stands at the beginning of a word. One day, one person and one priority count, the first of each; labels may be
//! several. A backslash before a token keeps it as text. What is left is the title; a text of nothing but tokens is a title.

use std::ops::Range;

use partyline_core::api::NewTask;

use super::day_words::{DayNames, MOST_WORDS};
use super::field::one_line;
use super::find::Fold;
use super::room::Room;
use crate::day::Day;
use crate::platform;

/// The longest text in which something is understood, in bytes.
const MAX_BYTES: usize = 2_000;
/// The most labels of a line.
const MAX_LABELS: usize = 20;
/// The most known names that a name is compared with.
const MAX_NAMES: usize = 1_000;
/// What a sentence has after a name, and no name ends with.
const PUNCTUATION: [char; 7] = ['.', ',', ';', ':', '!', '?', ')'];
const QUOTES: [char; 3] = ['"', '“', '”'];

/// What a token means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The due day.
    Due(Day),
    /// Whose task it is.
    Person(String),
    /// A label.
    Label(String),
    /// The priority, 1 to 3.
    Priority(u8),
}

/// A part of the text that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Where it is, in bytes.
    pub(crate) place: Range<usize>,
    /// What it means.
    pub(crate) meaning: Meaning,
}

/// What a line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Understood {
    /// What is left without the tokens.
    pub(crate) title: String,
    /// The tokens, from left to right.
    pub(crate) tokens: Vec<Token>,
}

impl Understood {
    /// The task that it makes.
    pub(crate) fn task(self) -> NewTask {
        let mut task = NewTask { title: self.title, ..NewTask::default() };
        for token in self.tokens {
            match token.meaning {
                Meaning::Due(day) => task.due = Some(day.to_string()),
                Meaning::Person(name) => task.assignee = Some(name),
                Meaning::Label(label) => {
                    let labels = task.labels.get_or_insert_default();
                    if !labels.contains(&label) {
                        labels.push(label);
                    }
                }
                Meaning::Priority(priority) => task.priority = Some(priority),
            }
        }
        task
    }
}

/// The text with one of its tokens kept as text.
pub(crate) fn without(text: &str, token: &Token) -> String {
    let (before, after) = text.split_at_checked(token.place.start).unwrap_or((text, ""));
    [before, "\\", after].concat()
}

/// What the words of a line are compared with.
pub(crate) struct Grammar<'a> {
    /// The names of days.
    pub(crate) days: &'a DayNames,
    /// Today.
    pub(crate) today: Day,
    /// The people of the room.
    pub(crate) people: &'a [String],
    /// Its labels.
    pub(crate) labels: &'a [String],
    /// How case and accents are left aside.
    pub(crate) fold: Fold,
}

impl Grammar<'_> {
    /// Understands a line.
    pub(crate) fn read(&self, text: &str) -> Understood {
        let (mut tokens, mut escapes) = (Vec::<Token>::new(), Vec::new());
        let words = if text.len() > MAX_BYTES { Vec::new() } else { words(text, self.fold) };
        let mut rest = words.as_slice();
        while let Some((word, others)) = rest.split_first() {
            let is_kept = word.folded.starts_with('\\');
            let begin = word.place.start + usize::from(is_kept);
            let Some((meaning, end)) = self.token(text, begin, rest) else {
                rest = others;
                continue;
            };
            if is_kept {
                escapes.push(word.place.start..begin);
            } else if is_taken(&meaning, &tokens) {
                tokens.push(Token { place: begin..end, meaning });
            }
            let passed = rest.iter().take_while(|word| word.place.start < end).count();
            rest = rest.get(passed.max(1)..).unwrap_or_default();
        }
        match title(text, &tokens, &escapes) {
            title if title.is_empty() => Understood { title: one_line(text), tokens: Vec::new() },
            title => Understood { title, tokens },
        }
    }

    /// The token that begins here, with the first of these words, and where it ends.
    fn token(&self, text: &str, begin: usize, words: &[Word]) -> Option<(Meaning, usize)> {
        let mut letters = text.get(begin..)?.chars();
        match letters.next()? {
            '@' => self.name(text, begin + 1, words, self.people).map(|(name, end)| (Meaning::Person(name), end)),
            '#' => {
                let (label, end) = self.name(text, begin + 1, words, self.labels)?;
                // A number of something.
                (!label.chars().all(char::is_numeric)).then_some((Meaning::Label(label), end))
            }
            '!' => priority(words.first()?),
            _ => self.day(words),
        }
    }

    fn day(&self, words: &[Word]) -> Option<(Meaning, usize)> {
        let folded: Vec<&str> =
            words.iter().take(MOST_WORDS).map(|word| word.folded.trim_start_matches('\\')).collect();
        let (day, read) = self.days.read(&folded, self.today)?;
        Some((Meaning::Due(day), words.get(read.checked_sub(1)?)?.place.end))
    }

    /// A name that begins here: in quotes, or a known one, which may be several words, or one word.
    fn name(&self, text: &str, begin: usize, words: &[Word], known: &[String]) -> Option<(String, usize)> {
        let rest = text.get(begin..)?;
        if let Some(quoted) = rest.strip_prefix(QUOTES)
            && let Some((name, _)) = quoted.split_once(QUOTES)
            && !name.trim().is_empty()
        {
            let quotes = rest.len() - quoted.len();
            let closing = quoted.get(name.len()..)?.chars().next()?.len_utf8();
            return Some((one_line(name), begin + quotes + name.len() + closing));
        }
        if let Some(found) = self.known_name(text, begin, words, known) {
            return Some(found);
        }
        let end = named_end(text, begin, words.first()?.place.end)?;
        let name = text.get(begin..end)?;
        name.starts_with(char::is_alphanumeric).then(|| (name.to_owned(), end))
    }

    /// The longest of the known names that begins here.
    fn known_name(&self, text: &str, begin: usize, words: &[Word], known: &[String]) -> Option<(String, usize)> {
        let mut best = None;
        for name in known.iter().take(MAX_NAMES) {
            let count = name.split_whitespace().count();
            let Some(last) = count.checked_sub(1).and_then(|last| words.get(last)) else { continue };
            let Some(end) = named_end(text, begin, last.place.end) else { continue };
            let is_longer = best.as_ref().is_none_or(|(_, before)| end > *before);
            if is_longer && (self.fold)(text.get(begin..end)?) == (self.fold)(name) {
                best = Some((name.clone(), end));
            }
        }
        best
    }
}

/// Where a name ends that ends with a word: without what a sentence has after it.
fn named_end(text: &str, begin: usize, end: usize) -> Option<usize> {
    let name = text.get(begin..end)?.trim_end_matches(PUNCTUATION);
    (!name.is_empty()).then_some(begin + name.len())
}

fn priority(word: &Word) -> Option<(Meaning, usize)> {
    let priority = match word.folded.trim_start_matches('\\') {
        "!1" | "!low" => 1,
        "!2" | "!medium" => 2,
        "!3" | "!high" => 3,
        _ => return None,
    };
    Some((Meaning::Priority(priority), word.place.end))
}

/// Whether this counts beside those before it.
fn is_taken(meaning: &Meaning, before: &[Token]) -> bool {
    let like = |kind: fn(&Meaning) -> bool| before.iter().filter(|token| kind(&token.meaning)).count();
    match meaning {
        Meaning::Due(_) => like(|other| matches!(other, Meaning::Due(_))) == 0,
        Meaning::Person(_) => like(|other| matches!(other, Meaning::Person(_))) == 0,
        Meaning::Priority(_) => like(|other| matches!(other, Meaning::Priority(_))) == 0,
        Meaning::Label(_) => like(|other| matches!(other, Meaning::Label(_))) < MAX_LABELS,
    }
}

/// A word, and where it is.
struct Word {
    place: Range<usize>,
    folded: String,
}

fn words(text: &str, fold: Fold) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    for part in text.split_inclusive(char::is_whitespace) {
        let word = part.trim_end();
        if !word.is_empty() {
            words.push(Word { place: at..at + word.len(), folded: fold(word) });
        }
        at += part.len();
    }
    words
}

/// The text without tokens, the white space before them, and backslashes that kept something.
fn title(text: &str, tokens: &[Token], escapes: &[Range<usize>]) -> String {
    let mut cuts: Vec<(Range<usize>, bool)> = escapes.iter().map(|escape| (escape.clone(), false)).collect();
    cuts.extend(tokens.iter().map(|token| (token.place.clone(), true)));
    cuts.sort_unstable_by_key(|(cut, _)| cut.start);
    let (mut title, mut at) = (String::new(), 0);
    for (cut, is_token) in cuts {
        let before = text.get(at..cut.start).unwrap_or_default();
        title.push_str(if is_token { before.trim_end() } else { before });
        at = cut.end;
    }
    title.push_str(text.get(at..).unwrap_or_default());
    one_line(title.trim_start_matches([',', ';', '.']))
}

impl Room {
    /// What a line says that is to be added to this room.
    pub(crate) fn understand(self, text: &str) -> Understood {
        let known = |sign: char, names: fn(Self) -> Vec<String>| {
            if text.contains(sign) { names(self) } else { Vec::new() }
        };
        let (people, labels) = (known('@', Self::assignees), known('#', Self::labels));
        let days = DayNames::of_browser();
        let today = platform::today();
        Grammar { days: &days, today, people: &people, labels: &labels, fold: platform::fold }.read(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fold(text: &str) -> String {
        text.to_lowercase().replace('é', "e")
    }

    fn read(text: &str) -> Understood {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (people, labels) = (names(&["Ana", "Ana Maria", "Zoé"]), names(&["Van", "stage left"]));
        let days = DayNames::of(|_, _| String::new(), fold);
        // A Sunday.
        let today = Day::parse("2026-11-29").unwrap();
        Grammar { days: &days, today, people: &people, labels: &labels, fold }.read(text)
    }

    /// Title, due day, person, labels and priority.
    fn told(text: &str) -> (String, String, String, String, u8) {
        let task = read(text).task();
        let labels = task.labels.unwrap_or_default().join("|");
        (
            task.title,
            task.due.unwrap_or_default(),
            task.assignee.unwrap_or_default(),
            labels,
            task.priority.unwrap_or(0),
        )
    }

    fn is(text: &str, title: &str, due: &str, person: &str, labels: &str, priority: u8) {
        let wanted = (title.to_owned(), due.to_owned(), person.to_owned(), labels.to_owned(), priority);
        assert_eq!(told(text), wanted, "{text}");
    }

    #[test]
    fn a_line_says_what_is_to_be_done_by_whom_and_when() {
        is("gate 3 fri @Ana #van !2", "gate 3", "2026-12-04", "Ana", "Van", 2);
        is("gate 3 fri 9:00 @Ana", "gate 3 9:00", "2026-12-04", "Ana", "", 0);
        is("fri gate 3", "gate 3", "2026-12-04", "", "", 0);
        is("Paint in 3 days !high #blue #red", "Paint", "2026-12-02", "", "blue|red", 3);
        is("12 dec tree @bo", "tree", "2026-12-12", "bo", "", 0);
        is("call @ana maria, then @Bo", "call, then @Bo", "", "Ana Maria", "", 0);
        is("call @zoe: now", "call: now", "", "Zoé", "", 0);
        is("call @Ana then", "call then", "", "Ana", "", 0);
        is("rope @\"Jo Ann\" #“two words” #stage left", "rope", "", "Jo Ann", "two words|stage left", 0);
        is("a #x #x #van #Van", "a", "", "", "x|Van", 0);
    }

    #[test]
    fn the_first_day_person_and_priority_count() {
        is("move fri to sat", "move to sat", "2026-12-04", "", "", 0);
        is("@Ana for @Bo !1 !2 x", "for @Bo !2 x", "", "Ana", "", 1);
    }

    #[test]
    fn what_is_no_token_stays() {
        for text in [
            "gate 3",
            "friday's bread",
            "sun-dried",
            "Friday: bread",
            "me@home.org",
            "C#",
            "a@b",
            "wow!",
            "9:00",
            "! @ #",
            "@ Ana",
            "# van",
            "!4",
            "!!2",
            "locker #12",
            "24.12",
            "12/24",
            "x \\o/ y",
            "C:\\fri",
            "free on Friday, and more",
            "@\"Ana",
            "#\"\"",
        ] {
            let understood = read(text);
            let expected = if text == "@\"Ana" { text.to_owned() } else { one_line(text) };
            assert_eq!((understood.title, understood.tokens), (expected, Vec::new()), "{text}");
        }
    }

    #[test]
    fn a_text_of_tokens_alone_is_a_title() {
        for text in ["fri", "tomorrow", "@Ana", "#van !2", "fri @Ana", ""] {
            is(text, text, "", "", "", 0);
        }
        is("\\fri", "fri", "", "", "", 0);
    }

    #[test]
    fn a_backslash_keeps_a_token_as_text() {
        is("gate \\fri", "gate fri", "", "", "", 0);
        is("gate \\next fri", "gate next fri", "", "", "", 0);
        is("gate \\fri sat", "gate fri", "2026-12-05", "", "", 0);
        is("\\@Ana Maria is here \\#van \\!2", "@Ana Maria is here #van !2", "", "", "", 0);
        // Whatever a token is turned back into, it is text then, and the rest stays what it was.
        let mut text = "gate 3 in 2 weeks @\"Jo Ann\" #van !2".to_owned();
        for left in (0..4).rev() {
            let token = read(&text).tokens.last().unwrap().clone();
            text = without(&text, &token);
            assert_eq!(read(&text).tokens.len(), left, "{text}");
        }
        is(&text, "gate 3 in 2 weeks @\"Jo Ann\" #van !2", "", "", "", 0);
    }

    #[test]
    fn work_is_bounded() {
        let long = "fri @a #b !1 ".repeat(MAX_BYTES / 13 + 1);
        assert_eq!(read(&long).tokens, []);
        let labels: String = (0..60).map(|number| format!(" #l{number}")).collect();
        assert_eq!(read(&format!("a{labels}")).tokens.len(), MAX_LABELS);
    }

    proptest! {
        #[test]
        fn any_text_is_understood(text in "(?s).{0,60}") {
            let understood = read(&text);
            prop_assert!(understood.title.is_empty() == one_line(&text).is_empty());
        }

        #[test]
        fn tokens_stand_in_order_and_each_can_be_taken_back(
            parts in proptest::collection::vec(r#"[\\]{0,2}(fri|in 3 days|12 dec|@ana|@"x y"|#van|#“é”|!2|gate|é|,|\.|"|  )"#, 0..12)
        ) {
            let text = parts.join(" ");
            let understood = read(&text);
            let mut end = 0;
            for token in &understood.tokens {
                prop_assert!(end <= token.place.start && token.place.start < token.place.end);
                prop_assert!(text.get(token.place.clone()).is_some());
                end = token.place.end;
                let kept = read(&without(&text, token));
                prop_assert!(!kept.tokens.iter().any(|other| other.place.start == token.place.start + 1), "{text}");
            }
        }
    }
}
