use std::cmp::Reverse;

use partyline_core::api::{TaskDocument, TaskStatus};
use partyline_core::id::TaskId;

/// Behind all texts: what tasks are compared by that have nothing there.
pub(super) const LAST: &str = "\u{10ffff}";

/// By what the open tasks are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sorting {
    /// As people have put them.
    #[default]
    Own,
    /// The earliest due day on top, those without one last.
    Due,
    /// The highest priority on top.
    Priority,
    /// By the name of the person, those of nobody last.
    Person,
    /// By the labels, those without any last.
    Label,
    /// Those not begun on top.
    Status,
}

impl Sorting {
    /// Each with the word that stands for it in the browser's storage and in the markup, and the words for people.
    pub(crate) const ALL: [(Self, &str, &str); 6] = [
        (Self::Own, "own", "Own order"),
        (Self::Due, "due", "By due day"),
        (Self::Priority, "priority", "By priority"),
        (Self::Person, "person", "By person"),
        (Self::Label, "label", "By label"),
        (Self::Status, "status", "By status"),
    ];

    /// The one that a word stands for; own order for any other word.
    pub(crate) fn parse(word: &str) -> Self {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map_or(Self::Own, |(sorting, ..)| *sorting)
    }

    /// The word that stands for it.
    pub(crate) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(sorting, ..)| *sorting == self).map_or("own", |(_, word, _)| word)
    }

    /// What tasks are compared by, as text. Behind all others comes what has none.
    pub(super) fn key(self, task: &TaskDocument) -> String {
        match self {
            Self::Own => String::new(),
            Self::Due => task.due.clone().unwrap_or_else(|| LAST.to_owned()),
            Self::Priority => (3_u8.saturating_sub(task.priority)).to_string(),
            Self::Person if task.assignee.is_empty() => LAST.to_owned(),
            Self::Person => task.assignee.clone(),
            Self::Label if task.labels.is_empty() => LAST.to_owned(),
            Self::Label => task.labels.join(", "),
            Self::Status => (task.status as u8).to_string(),
        }
    }
}

/// Where a task stands in the list: open ones first, as they are sorted and then by position; then the completed ones, the
/// latest on top.
///
/// The list is sorted by this key, so that it need not compare whole tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OrderKey {
    done: bool,
    latest_first: Reverse<String>,
    sorted_by: String,
    position: String,
    id: String,
}

impl OrderKey {
    /// The key of a task.
    pub(crate) fn of(task: &TaskDocument, sorting: Sorting) -> Self {
        let done = task.status == TaskStatus::Done;
        // Moments are RFC 3339 text of one length, so their order is that of the text.
        let (latest, sorted_by, position) = if done {
            (task.updated_at.clone(), String::new(), String::new())
        } else {
            (String::new(), sorting.key(task), task.position.clone())
        };
        Self { done, latest_first: Reverse(latest), sorted_by, position, id: task.id.clone() }
    }

    /// The key of a task that stands among the open ones whether it is or not.
    pub(crate) fn of_open(task: &TaskDocument, sorting: Sorting) -> Self {
        Self::of(&TaskDocument { status: TaskStatus::Open, ..task.clone() }, sorting)
    }

    /// Whether the task is completed.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }
}

/// A task and where it stands.
pub(crate) type Place = (OrderKey, TaskId);

/// Takes places out of a sorted list and puts others in, at a cost that is linear in the list.
pub(crate) fn replace(places: &mut Vec<Place>, mut gone: Vec<Place>, mut come: Vec<Place>) {
    gone.sort_unstable();
    come.sort_unstable();
    let mut merged = Vec::with_capacity(places.len() + come.len());
    let mut come = come.into_iter().peekable();
    for place in places.drain(..).filter(|place| gone.binary_search(place).is_err()) {
        while let Some(before) = come.next_if(|next| *next < place) {
            merged.push(before);
        }
        merged.push(place);
    }
    merged.extend(come);
    *places = merged;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;

    fn sorted(mut tasks: Vec<TaskDocument>) -> Vec<String> {
        tasks.sort_by_cached_key(|task| OrderKey::of(task, Sorting::Own));
        tasks.into_iter().map(|task| task.title).collect()
    }

    fn at(title: &str, position: &str) -> TaskDocument {
        TaskDocument { position: position.to_owned(), ..task(title) }
    }

    fn done(title: &str, updated_at: &str) -> TaskDocument {
        TaskDocument { status: TaskStatus::Done, updated_at: updated_at.to_owned(), ..task(title) }
    }

    #[test]
    fn open_tasks_stand_by_position() {
        assert_eq!(sorted(vec![at("c", "82"), at("a", "80"), at("b", "81")]), ["a", "b", "c"]);
    }

    #[test]
    fn completed_tasks_stand_below_the_latest_on_top() {
        let tasks = vec![
            done("older", "2026-11-22T08:00:00.000Z"),
            at("open", "99"),
            done("newer", "2026-11-22T09:00:00.000Z"),
        ];
        assert_eq!(sorted(tasks), ["open", "newer", "older"]);
    }

    #[test]
    fn open_tasks_are_sorted_by_what_was_chosen_and_then_by_position() {
        let made = |title: &str, position: &str, due: Option<&str>, priority, assignee: &str| TaskDocument {
            due: due.map(str::to_owned),
            priority,
            assignee: assignee.to_owned(),
            ..at(title, position)
        };
        let tasks = [
            made("a", "80", None, 0, "Zoe"),
            made("b", "81", Some("2026-12-01"), 1, ""),
            made("c", "82", Some("2026-11-30"), 3, "Ana"),
            made("d", "83", Some("2026-12-01"), 3, "Ana"),
            done("e", "2026-11-22T08:00:00.000Z"),
        ];
        let mut tasks = tasks;
        tasks[1].labels = vec!["van".to_owned()];
        tasks[3].labels = vec!["van".to_owned()];
        tasks[1].status = TaskStatus::Blocked;
        let by = |sorting| {
            let mut tasks = tasks.to_vec();
            tasks.sort_by_cached_key(|task| OrderKey::of(task, sorting));
            tasks.into_iter().map(|task| task.title).collect::<String>()
        };
        assert_eq!(
            Sorting::ALL.map(|(sorting, ..)| by(sorting)),
            ["abcde", "cbdae", "cdbae", "cdabe", "bdace", "acdbe"]
        );
        for (sorting, word, _) in Sorting::ALL {
            assert_eq!((Sorting::parse(word), sorting.word()), (sorting, word));
        }
        assert_eq!(Sorting::parse("shoe size"), Sorting::Own);
    }

    #[test]
    fn the_same_place_is_settled_by_id() {
        let one = TaskDocument { id: "1".to_owned(), ..at("one", "80") };
        let two = TaskDocument { id: "2".to_owned(), ..at("two", "80") };
        assert_eq!(sorted(vec![two.clone(), one.clone()]), sorted(vec![one, two]));
    }

    #[test]
    fn replacing_is_sorting_anew() {
        let place = |number: u64| {
            // Spread, and every fifth is done.
            let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let stamp = format!("{spread:08}");
            let document = if number.is_multiple_of(5) { done("done", &stamp) } else { at("open", &stamp) };
            (OrderKey::of(&document, Sorting::Own), TaskId::from_random_bytes(u128::from(number).to_le_bytes()))
        };
        for (many, out, put) in [(0, 0, 3), (0, 0, 50), (40, 0, 1), (40, 1, 1), (40, 4, 4), (40, 5, 4), (40, 30, 90)] {
            let mut places: Vec<Place> = (0..many).map(place).collect();
            places.sort_unstable();
            let mut wanted: Vec<Place> = (out..many + put).map(place).collect();
            wanted.sort_unstable();
            replace(&mut places, (0..out).map(place).collect(), (many..many + put).map(place).collect());
            assert_eq!(places, wanted, "{many} without {out}, with {put}");
        }
    }
}
