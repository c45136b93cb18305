use std::collections::HashSet;

use partyline_core::api::{SectionDocument, TaskDocument, Tasks};

/// The tasks of a room, page by page.
///
/// What changed while the pages were read is read after them, from the cursor of the first one on.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    tasks: Vec<TaskDocument>,
    cursor: String,
    next: Option<String>,
    sections: Option<Vec<SectionDocument>>,
}

impl Pages {
    /// Begins with the first page.
    pub(crate) fn begin(first: Tasks) -> Self {
        Self { tasks: first.tasks, cursor: first.cursor, next: first.next, sections: first.sections }
    }

    /// The sections of the room, if they are news.
    pub(crate) fn sections(&mut self) -> Option<Vec<SectionDocument>> {
        self.sections.take()
    }

    /// Which page comes next, if one does.
    pub(crate) fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// Adds the next page.
    pub(crate) fn add(&mut self, page: Tasks) {
        self.tasks.extend(page.tasks);
        self.next = page.next;
    }

    /// All tasks, each once, and the cursor to go on from. Of one that moved from page to page, the
    /// later state counts.
    pub(crate) fn finish(self) -> (Vec<TaskDocument>, String) {
        let mut later = HashSet::new();
        let is_last: Vec<bool> = self.tasks.iter().rev().map(|task| later.insert(task.id.as_str())).collect();
        let tasks = self.tasks.into_iter().zip(is_last.into_iter().rev());
        (tasks.filter_map(|(task, is_last)| is_last.then_some(task)).collect(), self.cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;

    fn page(titles: &[&str], cursor: &str, next: Option<&str>) -> Tasks {
        let tasks = titles.iter().map(|title| TaskDocument { id: title.replace('!', ""), ..task(title) }).collect();
        Tasks { tasks, cursor: cursor.to_owned(), next: next.map(str::to_owned), sections: None }
    }

    #[test]
    fn pages_make_a_list_with_the_cursor_of_the_first() {
        let mut pages = Pages::begin(page(&["a", "b"], "7", Some("b")));
        assert_eq!(pages.next(), Some("b"));
        pages.add(page(&["c"], "9", None));
        assert_eq!(pages.next(), None);
        let (tasks, cursor) = pages.finish();
        let titles: Vec<&str> = tasks.iter().map(|task| task.title.as_str()).collect();
        assert_eq!((titles, cursor.as_str()), (vec!["a", "b", "c"], "7"));
    }

    #[test]
    fn a_task_that_moved_between_pages_is_there_once() {
        let mut pages = Pages::begin(page(&["a", "b"], "7", Some("b")));
        pages.add(page(&["c", "a!"], "7", None));
        let titles: Vec<String> = pages.finish().0.into_iter().map(|task| task.title).collect();
        assert_eq!(titles, ["b", "c", "a!"]);
    }
}
