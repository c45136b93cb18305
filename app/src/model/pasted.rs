//! Several pasted lines are several tasks.

use leptos::task::spawn_local;

use super::notice::NoticeAction;
use super::room::Room;
use crate::text;

/// The most tasks that one paste makes.
pub(crate) const MAX_LINES: usize = 1_000;

/// The titles that lines of text make: without blank lines, and without what marks a line as one of a list.
pub(crate) fn titles(text: &str) -> Vec<String> {
    let marks = ["- [ ] ", "- [x] ", "- ", "* ", "• "];
    let title = |line: &str| {
        let line = line.trim();
        marks.iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line).trim().to_owned()
    };
    text.lines().map(title).filter(|title| !title.is_empty()).take(MAX_LINES).collect()
}

impl Room {
    /// Adds a task a line, and offers to undo that.
    pub(crate) fn add_lines(self, titles: Vec<String>) {
        let words = text::added(titles.len());
        let tasks: Vec<_> = titles.into_iter().filter_map(|title| self.add(title)).collect();
        let undo = NoticeAction::new(text::UNDO, move || {
            let tasks = tasks.clone();
            spawn_local(async move { self.take_back(&tasks).await });
        });
        self.notices().tell(words, Some(undo));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_task() {
        assert_eq!(titles("Milk"), ["Milk"]);
        assert_eq!(
            titles("\n- Milk\r\n\n * Tea \n- [ ] Bread\n\u{2022} Jam - red\n-"),
            ["Milk", "Tea", "Bread", "Jam - red", "-"]
        );
        assert_eq!(titles(" \n\t"), Vec::<String>::new());
        assert_eq!(titles(&"a\n".repeat(MAX_LINES + 1)).len(), MAX_LINES);
    }
}
