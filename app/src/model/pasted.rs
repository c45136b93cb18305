//! Several pasted lines are several tasks, and what is indented is a subtask.

use partyline_core::api::{NewTask, TaskStatus};
use partyline_core::id::TaskId;
use partyline_core::replica::MAX_SUBTASK_LEVELS;

use super::room::Room;
use crate::text;

/// The most tasks that one paste makes.
pub(crate) const MAX_LINES: usize = 1_000;
/// As many columns is a tab.
const TAB: usize = 4;
/// The most digits of a line's number in a list.
const DIGITS: usize = 3;

/// A line that is to be a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// How many tasks it is below.
    pub(crate) level: usize,
    /// What it says, without what marks it as one of a list.
    pub(crate) text: String,
    /// Whether its box is ticked.
    pub(crate) is_done: bool,
}

/// The tasks that lines of text make: without blank lines, each below the line before it that is indented less.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    let mut above: Vec<usize> = Vec::new();
    let line = |line: &str| {
        let words = line.trim_start();
        let (text, is_done) = unmarked(words.trim_end());
        if text.is_empty() {
            return None;
        }
        let columns = line.strip_suffix(words).unwrap_or_default();
        let columns = columns.chars().map(|blank| if blank == '\t' { TAB } else { 1 }).sum();
        while above.last().is_some_and(|above| *above >= columns) {
            above.pop();
        }
        let level = above.len().min(MAX_SUBTASK_LEVELS);
        above.push(columns);
        Some(Line { level, text: text.to_owned(), is_done })
    };
    text.lines().filter_map(line).take(MAX_LINES).collect()
}

/// A line without the mark of a list and without a box, and whether that is ticked.
fn unmarked(line: &str) -> (&str, bool) {
    let bullet = ["- ", "* ", "+ ", "• ", "– "].iter().find_map(|mark| line.strip_prefix(mark));
    let line = bullet.or_else(|| unnumbered(line)).unwrap_or(line).trim_start();
    let boxes = [("[ ]", false), ("[]", false), ("☐", false), ("[x]", true), ("[X]", true), ("☑", true), ("✓", true)];
    let ticked = boxes.iter().find_map(|(mark, is_done)| {
        let rest = line.strip_prefix(mark)?;
        (rest.is_empty() || rest.starts_with(' ')).then(|| (rest.trim_start(), *is_done))
    });
    ticked.unwrap_or((line, false))
}

/// A line without its number: `1. ` or `1) `.
fn unnumbered(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let digits = line.len() - rest.len();
    (1..=DIGITS).contains(&digits).then(|| rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") ")))?
}

impl Room {
    /// Adds a task a line, as `understand` says, and offers to undo that.
    pub(crate) fn add_lines(self, lines: Vec<Line>, understand: impl Fn(&str) -> NewTask) {
        let words = text::added(lines.len());
        let action = self.begin(None);
        let mut above: Vec<Option<TaskId>> = Vec::new();
        for Line { level, text, is_done } in lines {
            above.truncate(level);
            let status = is_done.then_some(TaskStatus::Done);
            let task = NewTask { status, ..understand(&text) };
            above.push(self.add_in(action, above.last().copied().flatten(), task, text));
        }
        self.tell_done(words, action);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `· · Lamp`, and ` ✓` after what is done.
    fn outline(text: &str) -> Vec<String> {
        let outlined =
            |line: Line| format!("{}{}{}", "· ".repeat(line.level), line.text, if line.is_done { " ✓" } else { "" });
        lines(text).into_iter().map(outlined).collect()
    }

    #[test]
    fn a_line_is_a_task() {
        assert_eq!(outline("Milk"), ["Milk"]);
        assert_eq!(
            outline("\n- Milk\r\n\n* Tea \n- [ ] Bread\n\u{2022} Jam - red\n-"),
            ["Milk", "Tea", "Bread", "Jam - red", "-"]
        );
        assert_eq!(outline(" \n\t"), Vec::<String>::new());
        assert_eq!(lines(&"a\n".repeat(MAX_LINES + 1)).len(), MAX_LINES);
    }

    #[test]
    fn marks_of_lists_are_left_out() {
        assert_eq!(
            outline("1. One\n2) Two\n[ ] Three\n[x] Four\n- [X] Five\n10. [x] Six\n☑ Seven"),
            ["One", "Two", "Three", "Four ✓", "Five ✓", "Six ✓", "Seven ✓"]
        );
        assert_eq!(
            outline("2.5 m rope\n1234. street\n[xy] z\n-5 degrees\n3 crates"),
            ["2.5 m rope", "1234. street", "[xy] z", "-5 degrees", "3 crates"]
        );
        // A box alone is no task.
        assert_eq!(outline("- [ ] \nMilk"), ["Milk"]);
    }

    #[test]
    fn what_is_indented_is_a_subtask() {
        let stage = "- Stage\n  - Lights\n    - Lamp\n  - Sound\n- Bar";
        assert_eq!(outline(stage), ["Stage", "· Lights", "· · Lamp", "· Sound", "Bar"]);
        assert_eq!(
            outline("Stage\n\tLights\n\t\tLamp\n\t\t\tFuse\nBar"),
            ["Stage", "· Lights", "· · Lamp", "· · Fuse", "Bar"]
        );
        // All of it may be indented, and by any number of columns.
        assert_eq!(outline("    a\n     b\n    c\n  d\n      e"), ["a", "· b", "c", "d", "· e"]);
    }

    proptest! {
        #[test]
        fn no_line_is_further_below_than_one(text in "([ \t]{0,6}(- |1\\. |\\[x\\] |é)?[a-z]{0,3}\r?\n){0,40}") {
            let mut before = None;
            for line in lines(&text) {
                prop_assert!(line.level <= before.map_or(0, |before: usize| (before + 1).min(MAX_SUBTASK_LEVELS)));
                prop_assert!(!line.text.is_empty());
                before = Some(line.level);
            }
        }
    }
}
