//! By what the open tasks stand together below headings.

use partyline_core::api::TaskDocument;
use partyline_core::id::{SectionId, TaskId};
use partyline_core::replica::element_hash;

use super::field::{PRIORITIES, STATUSES};
use super::order::{LAST, Sorting};
use crate::day::Day;
use crate::platform;
use crate::text;

/// What the headings of the list are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// The sections that people have made. They are not there while the list is sorted by anything else than its own order.
    #[default]
    Section,
    /// Something that is known of the tasks.
    By(Sorting),
}

impl Grouping {
    /// Each with the word that stands for it in the browser's storage and in the markup, and the words for people.
    pub(crate) const ALL: [(Self, &str, &str); 6] = [
        (Self::Section, "section", "Sections"),
        (Self::By(Sorting::Due), "due", "By due day"),
        (Self::By(Sorting::Priority), "priority", "By priority"),
        (Self::By(Sorting::Person), "person", "By person"),
        (Self::By(Sorting::Label), "label", "By label"),
        (Self::By(Sorting::Status), "status", "By status"),
    ];

    /// The one that a word stands for; sections for any other word.
    pub(crate) fn parse(word: &str) -> Self {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map_or(Self::Section, |(grouping, ..)| *grouping)
    }

    /// The word that stands for it.
    pub(crate) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(grouping, ..)| *grouping == self).map_or("section", |(_, word, _)| word)
    }
}

/// A heading in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// What tells it from the others, also the next time that the page is loaded.
    pub(crate) key: u64,
    /// What it says.
    pub(crate) words: String,
    /// The section, if it is of one.
    pub(crate) section: Option<SectionId>,
    /// How many tasks are below it, subtasks included.
    pub(crate) count: usize,
}

/// What the headings of the list are, and what else there is to be known of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headings {
    /// By what.
    pub(crate) grouping: Grouping,
    /// They, from top to bottom.
    pub(crate) heads: Vec<Head>,
    /// Those below which all is folded away, by their keys.
    pub(crate) shut: Vec<u64>,
    /// The sections that there are, in order, with their names.
    pub(crate) sections: Vec<(SectionId, String)>,
    /// The section that new tasks go to, which may be gone.
    pub(crate) adding_to: Option<SectionId>,
}

impl Headings {
    /// What a section is called, if it is there.
    pub(crate) fn section_name(&self, section: SectionId) -> Option<&str> {
        self.sections.iter().find(|(id, _)| *id == section).map(|(_, name)| name.as_str())
    }

    /// A heading.
    pub(crate) fn head(&self, key: u64) -> Option<&Head> {
        self.heads.iter().find(|head| head.key == key)
    }

    /// The section that new tasks go to, if it is there.
    pub(crate) fn adding_to(&self) -> Option<SectionId> {
        self.adding_to.filter(|section| self.section_name(*section).is_some())
    }
}

/// A part of the list: a heading, or none above the first of the sections, and the tasks below it that are subtasks of none.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) head: Option<Head>,
    pub(super) tasks: Vec<TaskId>,
}

impl Part {
    pub(super) fn new(name: &str, words: String, section: Option<SectionId>) -> Self {
        let head = Head { key: element_hash(name.as_bytes()), words, section, count: 0 };
        Self { head: Some(head), tasks: Vec::new() }
    }
}

/// What is known of a task, as the text by which groups are in order, and in words.
pub(super) fn fact(sorting: Sorting, task: &TaskDocument, today: Day) -> (String, String) {
    let key = sorting.key(task);
    let is_none = key == LAST;
    let words = match sorting {
        Sorting::Due => match task.due.as_deref().and_then(Day::parse) {
            Some(due) if due < today => return (String::new(), text::OVERDUE.to_owned()),
            Some(due) => platform::spoken_day(due, today),
            None => text::NO_DUE_DAY.to_owned(),
        },
        Sorting::Priority => {
            let words = PRIORITIES.get(usize::from(task.priority)).map_or("", |(_, words)| *words);
            text::of_priority(words)
        }
        Sorting::Person if is_none => text::NOBODY.to_owned(),
        Sorting::Label if is_none => text::NO_LABEL.to_owned(),
        Sorting::Status => {
            STATUSES.iter().find(|(_, status, _)| *status == task.status).map_or("", |(.., words)| *words).to_owned()
        }
        Sorting::Own | Sorting::Person | Sorting::Label => key.clone(),
    };
    (key, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;

    #[test]
    fn what_is_known_is_a_heading() {
        let today = Day::parse("2026-11-29").unwrap();
        let of = |sorting, change: &dyn Fn(&mut TaskDocument)| {
            let mut task = task("Paint");
            change(&mut task);
            fact(sorting, &task, today)
        };
        let words = |sorting, change: &dyn Fn(&mut TaskDocument)| of(sorting, change).1;
        assert_eq!(words(Sorting::Due, &|task| task.due = Some("2026-11-28".to_owned())), "Overdue");
        assert_eq!(words(Sorting::Due, &|task| task.due = Some("2026-11-29".to_owned())), "Today");
        assert_eq!(words(Sorting::Due, &|_| {}), "No due day");
        assert_eq!(words(Sorting::Priority, &|task| task.priority = 3), "High priority");
        assert_eq!(words(Sorting::Priority, &|_| {}), "No priority");
        assert_eq!(words(Sorting::Person, &|task| task.assignee = "Ana".to_owned()), "Ana");
        assert_eq!(words(Sorting::Person, &|_| {}), "Nobody");
        assert_eq!(words(Sorting::Label, &|task| task.labels = vec!["van".to_owned(), "yard".to_owned()]), "van, yard");
        assert_eq!(words(Sorting::Label, &|_| {}), "No label");
        assert_eq!(words(Sorting::Status, &|_| {}), "Open");
        let overdue = of(Sorting::Due, &|task| task.due = Some("2026-11-28".to_owned()));
        assert!(overdue < of(Sorting::Due, &|task| task.due = Some("2026-11-29".to_owned())));
        assert!(of(Sorting::Priority, &|task| task.priority = 3) < of(Sorting::Priority, &|_| {}));
        for (grouping, word, _) in Grouping::ALL {
            assert_eq!((Grouping::parse(word), grouping.word()), (grouping, word));
        }
    }
}
