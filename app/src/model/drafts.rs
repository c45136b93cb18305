//! Texts that are being typed, so that they survive the page: it may be reloaded, killed, or discarded while a phone is put
//! away. They stay on this device and are no part of the room.
//!
//! A room's drafts are one entry of the browser's `localStorage`, where a write is done when it returns. (A browser has it
//! on disk some seconds later, so one that is killed as a whole may lose the last words.) What is written often is kept,
//! and what was not touched for the longest time makes room for it.

use partyline_core::id::{RoomId, TaskId};

use super::field::{Field, one_line};
use crate::platform;

/// Maximum number of drafts of a room.
const MOST: usize = 24;
/// Maximum size of a room's drafts together, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// What stands between two drafts, and between the parts of one: characters that no keyboard types.
const NEXT: &str = "\u{1e}";
const PART: &str = "\u{1f}";

/// A place where text is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    /// Under which the browser keeps it.
    entry: String,
    /// Its name within the entry.
    place: String,
}

/// What was typed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    /// The text.
    pub(crate) text: String,
    /// A hash of what the field held when typing began.
    over: String,
}

impl Typed {
    /// Whether the field held something else when typing began.
    pub(crate) fn is_over_another(&self, value: &str) -> bool {
        self.over != hash(value)
    }
}

impl Draft {
    /// The name of a room that is to be made.
    pub(crate) fn of_new_room() -> Self {
        Self { entry: "partyline:drafts".to_owned(), place: "room".to_owned() }
    }

    /// A room's new name.
    pub(crate) fn of_name(room: RoomId) -> Self {
        Self { entry: entry(room), place: "name".to_owned() }
    }

    /// The title of a task that is to be added.
    pub(crate) fn of_addition(room: RoomId) -> Self {
        Self { entry: entry(room), place: "add".to_owned() }
    }

    /// A field of a task.
    pub(crate) fn of_field(room: RoomId, task: TaskId, field: Field) -> Self {
        Self { entry: entry(room), place: [&of_task(task), field.name()].concat() }
    }

    /// A label that a task is to have.
    pub(crate) fn of_label(room: RoomId, task: TaskId) -> Self {
        Self { entry: entry(room), place: of_task(task) + "label" }
    }

    /// The title of a subtask that is to be added to a task.
    pub(crate) fn of_subtask(room: RoomId, task: TaskId) -> Self {
        Self { entry: entry(room), place: of_task(task) + "subtask" }
    }

    /// What is said of a task that is signed off.
    #[cfg(feature = "next")]
    pub(crate) fn of_sign_off(room: RoomId, task: TaskId) -> Self {
        Self { entry: entry(room), place: of_task(task) + "signoff" }
    }

    /// A comment on a task.
    pub(crate) fn of_comment(room: RoomId, task: TaskId) -> Self {
        Self { entry: entry(room), place: of_task(task) + "comment" }
    }

    /// What was typed here before, if that is known.
    pub(crate) fn typed(&self) -> Option<Typed> {
        Drafts::parse(&platform::remembered(&self.entry)?)
            .0
            .into_iter()
            .find_map(|(place, typed)| (place == self.place).then_some(typed))
    }

    /// Keeps what is typed over a field's value.
    pub(crate) fn keep(&self, text: &str, value: &str) {
        self.change(Some((text, value)));
    }

    /// Keeps it as typed over this value, whatever the field held when typing began.
    pub(crate) fn keep_over(&self, text: &str, value: &str) {
        self.drop();
        self.keep(text, value);
    }

    /// Forgets it: the text is where it belongs, or was given up.
    pub(crate) fn drop(&self) {
        self.change(None);
    }

    /// Forgets it if this is what it says, in one line.
    pub(crate) fn drop_line(&self, line: &str) {
        if self.typed().is_some_and(|typed| one_line(&typed.text) == line) {
            self.drop();
        }
    }

    fn change(&self, kept: Option<(&str, &str)>) {
        let before = platform::remembered(&self.entry).unwrap_or_default();
        let mut drafts = Drafts::parse(&before);
        match kept {
            Some((text, value)) => drafts.keep(&self.place, text, value),
            None => drafts.drop(&self.place),
        }
        let text = drafts.to_text();
        if text.is_empty() {
            platform::forget(&self.entry);
        } else if text != before {
            platform::remember(&self.entry, &text);
        }
    }
}

/// Forgets what was typed in the fields of a task.
pub(crate) fn drop_task(room: RoomId, task: TaskId) {
    Draft { entry: entry(room), place: of_task(task) }.drop();
}

/// Forgets what was typed in a room.
pub(crate) fn forget(room: RoomId) {
    platform::forget(&entry(room));
}

fn entry(room: RoomId) -> String {
    ["partyline:drafts:", &room.to_string()].concat()
}

/// How the names of a task's places begin.
fn of_task(task: TaskId) -> String {
    [&task.to_string(), "/"].concat()
}

/// The drafts of an entry, the one that was touched last at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Drafts(Vec<(String, Typed)>);

impl Drafts {
    /// Reads what [`to_text`](Self::to_text) wrote. What is not that is left out.
    fn parse(text: &str) -> Self {
        let draft = |draft: &str| {
            let mut parts = draft.splitn(3, PART).map(str::to_owned);
            Some((parts.next()?, Typed { over: parts.next()?, text: parts.next()? }))
        };
        Self(text.split(NEXT).filter_map(draft).collect())
    }

    fn to_text(&self) -> String {
        let drafts = self.0.iter().map(|(place, typed)| [place, &*typed.over, &*typed.text].join(PART));
        drafts.collect::<Vec<_>>().join(NEXT)
    }

    /// Keeps what is typed over a value. It goes on from what was typed there before, over the value of then.
    fn keep(&mut self, place: &str, text: &str, value: &str) {
        let before = self.0.iter().find(|(known, _)| known == place);
        let over = before.map_or_else(|| hash(value), |(_, typed)| typed.over.clone());
        self.drop(place);
        self.0.push((place.to_owned(), Typed { text: text.replace(NEXT, "").replace(PART, ""), over }));
        while self.0.len() > MOST || self.to_text().len() > MAX_BYTES {
            self.0.remove(0);
        }
    }

    /// Forgets those whose name begins so. None begins with all of another's.
    fn drop(&mut self, place: &str) {
        self.0.retain(|(known, _)| !known.starts_with(place));
    }
}

/// FNV-1a with 32 bits: tells that a text changed, to whoever changed none to deceive.
fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(drafts: &Drafts) -> Vec<(&str, &str)> {
        drafts.0.iter().map(|(place, typed)| (place.as_str(), typed.text.as_str())).collect()
    }

    #[test]
    fn what_was_touched_last_is_at_the_end() {
        let mut drafts = Drafts::default();
        drafts.keep("add", "Mil", "");
        drafts.keep("name", "Hous", "Home");
        drafts.keep("add", "Milk", "");
        assert_eq!(texts(&drafts), [("name", "Hous"), ("add", "Milk")]);
        drafts.drop("name");
        assert_eq!(texts(&drafts), [("add", "Milk")]);
        drafts.drop("add");
        assert_eq!(drafts.to_text(), "");
    }

    #[test]
    fn a_draft_knows_what_it_was_begun_over() {
        let mut drafts = Drafts::default();
        drafts.keep("notes", "old and", "old");
        // Somebody changes it meanwhile, and typing goes on.
        drafts.keep("notes", "old and new", "changed");
        let typed = &Drafts::parse(&drafts.to_text()).0[0].1;
        assert!(!typed.is_over_another("old"));
        assert!(typed.is_over_another("changed"));
    }

    #[test]
    fn number_and_size_are_bounded() {
        let mut drafts = Drafts::default();
        for number in 0..MOST + 2 {
            drafts.keep(&format!("{number:02}"), "text", "");
        }
        assert_eq!(drafts.0.len(), MOST);
        assert_eq!(texts(&drafts)[0].0, "02");
        drafts.keep("long", &"x".repeat(MAX_BYTES - 100), "");
        assert!(drafts.0.len() < MOST && drafts.to_text().len() <= MAX_BYTES);
        assert_eq!(drafts.0.last().unwrap().0, "long");
        // What is too long by itself is not kept, nor is an older state of it.
        drafts.keep("long", &"x".repeat(MAX_BYTES), "");
        assert_eq!(texts(&drafts), []);
    }

    #[test]
    fn any_text_is_read() {
        for text in [
            "",
            "milk",
            "\u{1e}",
            "\u{1f}\u{1f}",
            "add\u{1f}",
            "\u{1e}\u{1e}add\u{1f}1\u{1f}a\u{1f}b\u{1e}x",
            "ä\n\u{1f}1\u{1f}ö",
        ] {
            let read = Drafts::parse(text);
            assert_eq!(Drafts::parse(&read.to_text()), read, "{text:?}");
        }
        let mut drafts = Drafts::default();
        drafts.keep("notes", "two\nlines, \u{1e}\u{1f}and “more”\n", "");
        assert_eq!(Drafts::parse(&drafts.to_text()), drafts);
        assert_eq!(texts(&drafts), [("notes", "two\nlines, and “more”\n")]);
    }
}
