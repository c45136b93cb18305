use std::collections::HashMap;

use partyline_core::api::{TaskDocument, TaskStatus};
use partyline_core::id::TaskId;

use crate::day::Day;

/// Which due days are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DueFilter {
    /// Before today, and not done.
    Overdue,
    /// Today.
    Today,
    /// Today or within the six days after it.
    Week,
    /// No due day.
    None,
}

/// The due days that can be looked for: value and words.
pub(crate) const DUE_FILTERS: [(DueFilter, &str, &str); 4] = [
    (DueFilter::Overdue, "overdue", "Overdue"),
    (DueFilter::Today, "today", "Today"),
    (DueFilter::Week, "week", "Within 7 days"),
    (DueFilter::None, "none", "No due day"),
];

/// What is looked for in a room. All that is given has to fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Parts of words, in any order.
    pub(crate) words: String,
    /// The status.
    pub(crate) status: Option<TaskStatus>,
    /// Whose task; nobody's if it is empty.
    pub(crate) person: Option<String>,
    /// A label.
    pub(crate) label: Option<String>,
    /// The priority.
    pub(crate) priority: Option<u8>,
    /// The due day.
    pub(crate) due: Option<DueFilter>,
}

impl Query {
    /// Whether nothing is looked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.trim().is_empty() && !self.has_filters()
    }

    /// Whether there is more than words.
    pub(crate) fn has_filters(&self) -> bool {
        *self != Self { words: self.words.clone(), ..Self::default() }
    }

    /// Whether a task fits all but the words.
    pub(crate) fn fits(&self, task: &TaskDocument, today: Day) -> bool {
        let due = task.due.as_deref().and_then(Day::parse);
        let ahead = due.map(|due| due.days_after(today));
        let is_due = |wanted| match wanted {
            DueFilter::Overdue => task.status != TaskStatus::Done && ahead.is_some_and(|days| days < 0),
            DueFilter::Today => ahead == Some(0),
            DueFilter::Week => ahead.is_some_and(|days| (0..7).contains(&days)),
            DueFilter::None => due.is_none(),
        };
        self.status.is_none_or(|status| status == task.status)
            && self.person.as_ref().is_none_or(|person| *person == task.assignee)
            && self.label.as_ref().is_none_or(|label| task.labels.contains(label))
            && self.priority.is_none_or(|priority| priority == task.priority)
            && self.due.is_none_or(is_due)
    }
}

/// Makes texts alike that differ in case and accents only.
pub(crate) type Fold = fn(&str) -> String;

/// The folded texts of tasks: title, notes, person, labels and comments. A text is folded when it is searched for the first time.
#[derive(Debug, Default)]
pub(crate) struct Index {
    texts: HashMap<TaskId, String>,
    said: HashMap<TaskId, String>,
}

impl Index {
    /// The task has changed.
    pub(crate) fn forget(&mut self, id: TaskId) {
        self.texts.remove(&id);
    }

    /// This is what the comments on tasks say. Answers whether that is news.
    pub(crate) fn hear(&mut self, said: HashMap<TaskId, String>) -> bool {
        let is_news = said != self.said;
        if is_news {
            self.texts.clear();
            self.said = said;
        }
        is_news
    }

    /// Whether all of these folded words are in the task's texts.
    pub(crate) fn has(&mut self, id: TaskId, task: &TaskDocument, words: &[String], fold: Fold) -> bool {
        if words.is_empty() {
            return true;
        }
        let text = self.texts.entry(id).or_insert_with(|| {
            // No word goes over a line.
            let texts = [&task.title, &task.notes, &task.assignee].into_iter().chain(&task.labels);
            let texts = texts.chain(self.said.get(&id));
            fold(&texts.map(String::as_str).collect::<Vec<_>>().join("\n"))
        });
        words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// The folded words of what was typed.
pub(crate) fn words(typed: &str, fold: Fold) -> Vec<String> {
    fold(typed).split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;

    /// Enough of folding for these tests; the page has the browser's.
    fn fold(text: &str) -> String {
        text.to_lowercase().replace('é', "e")
    }

    fn id(number: u8) -> TaskId {
        TaskId::from_random_bytes([number; 16])
    }

    #[test]
    fn every_word_is_looked_for_in_all_texts() {
        let mut index = Index::default();
        let cafe = TaskDocument {
            notes: "behind the Stage".to_owned(),
            assignee: "Ana".to_owned(),
            labels: vec!["van".to_owned()],
            ..task("Café crates")
        };
        let mut finds = |typed| index.has(id(1), &cafe, &words(typed, fold), fold);
        for typed in ["", "  ", "CAFE", "crat caf", "stage ana van", "café"] {
            assert!(finds(typed), "{typed}");
        }
        for typed in ["tea", "cafe tea", "crates behind the van stage door", "cratesbehind"] {
            assert!(!finds(typed), "{typed}");
        }
    }

    #[test]
    fn what_changed_is_folded_anew() {
        let mut index = Index::default();
        let tea = words("tea", fold);
        assert!(!index.has(id(1), &task("Coffee"), &tea, fold));
        index.forget(id(1));
        assert!(index.has(id(1), &task("Tea"), &tea, fold));
    }

    #[test]
    fn what_was_said_is_found() {
        let mut index = Index::default();
        let rain = words("rain coffee", fold);
        assert!(!index.has(id(1), &task("Coffee"), &rain, fold));
        let said = HashMap::from([(id(1), "\nNot in the RAIN".to_owned())]);
        assert!(index.hear(said.clone()) && !index.hear(said));
        assert!(index.has(id(1), &task("Coffee"), &rain, fold));
        assert!(!index.has(id(2), &task("Coffee"), &rain, fold));
    }

    #[test]
    fn filters_combine() {
        let today = Day::parse("2026-11-28").unwrap();
        let crates = TaskDocument {
            due: Some("2026-11-27".to_owned()),
            assignee: "Ana".to_owned(),
            labels: vec!["van".to_owned()],
            priority: 3,
            ..task("Crates")
        };
        let of_ana = Query { person: Some("Ana".to_owned()), ..Query::default() };
        assert!(of_ana.fits(&crates, today) && of_ana.has_filters() && !of_ana.is_empty());
        let all = Query {
            label: Some("van".to_owned()),
            priority: Some(3),
            due: Some(DueFilter::Overdue),
            status: Some(TaskStatus::Open),
            ..of_ana.clone()
        };
        assert!(all.fits(&crates, today));
        assert!(!Query { priority: Some(2), ..all.clone() }.fits(&crates, today));
        assert!(!Query { person: Some(String::new()), ..all.clone() }.fits(&crates, today));
        assert!(!Query { status: Some(TaskStatus::Done), ..all }.fits(&crates, today));
    }

    #[test]
    fn a_week_is_today_and_six_days() {
        let today = Day::parse("2026-11-28").unwrap();
        let fits = |due: Option<&str>, wanted| {
            let task = TaskDocument { due: due.map(str::to_owned), ..task("t") };
            Query { due: Some(wanted), ..Query::default() }.fits(&task, today)
        };
        let days = [Some("2026-11-27"), Some("2026-11-28"), Some("2026-12-04"), Some("2026-12-05"), None];
        let found = DUE_FILTERS.map(|(wanted, ..)| days.map(|day| fits(day, wanted)));
        assert_eq!(found[0], [true, false, false, false, false]);
        assert_eq!(found[1], [false, true, false, false, false]);
        assert_eq!(found[2], [false, true, true, false, false]);
        assert_eq!(found[3], [false, false, false, false, true]);
        let done = TaskDocument { due: Some("2026-11-01".to_owned()), status: TaskStatus::Done, ..task("t") };
        assert!(!Query { due: Some(DueFilter::Overdue), ..Query::default() }.fits(&done, today));
    }
}
