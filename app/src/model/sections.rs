//! Sections of the list: which there are, which tasks are below each, and which of them are folded away.

use leptos::prelude::*;
use partyline_core::api::SectionDocument;
use partyline_core::id::{SectionId, TaskId};
use partyline_core::replica::shown_section;

use super::group::{Grouping, Head, Headings, Part};
use super::listing::Listing;
use super::order::Sorting;
use super::room::Room;

impl Listing {
    /// Takes over which sections there are.
    pub(super) fn take_sections(self, read: Vec<SectionDocument>) {
        let known = |section: SectionDocument| Some((SectionId::parse(&section.id).ok()?, section.name));
        let sections = read.into_iter().filter_map(known).collect();
        self.headings.update(|headings| headings.sections = sections);
    }
}

impl Room {
    /// The section in which a task is shown.
    pub(crate) fn section(self, id: TaskId) -> Option<SectionId> {
        let listing = self.listing();
        let written = |task| self.task(task)?.with_untracked(|task| SectionId::parse(task.section.as_deref()?).ok());
        listing.headings.with_untracked(|headings| {
            let is_there = |section| headings.section_name(section).is_some();
            listing.tree.with_untracked(|tree| shown_section(id, tree, written, is_there))
        })
    }

    /// Whether there are any sections.
    pub(crate) fn has_sections(self) -> bool {
        self.listing().headings.with_untracked(|headings| !headings.sections.is_empty())
    }

    /// Whether the sections are the headings of the list.
    pub(crate) fn has_own_order(self) -> bool {
        let listing = self.listing();
        listing.sorting.get_untracked() == Sorting::Own
            && listing.headings.with_untracked(|headings| headings.grouping == Grouping::Section)
    }

    /// The parts of the list, each with the open tasks in it that are subtasks of none.
    pub(super) fn parts(self, open: Vec<TaskId>) -> Vec<Part> {
        let listing = self.listing();
        let mut parts = match listing.headings.with_untracked(|headings| headings.grouping) {
            Grouping::By(sorting) => self.fact_parts(open, sorting),
            Grouping::Section => self.section_parts(open),
        };
        listing.tree.with_untracked(|tree| {
            for part in &mut parts {
                if let Some(head) = &mut part.head {
                    head.count = part.tasks.iter().map(|top| 1 + tree.below(*top).len()).sum();
                }
            }
        });
        let heads: Vec<Head> = parts.iter().filter_map(|part| part.head.clone()).collect();
        if listing.headings.with_untracked(|known| known.heads != heads) {
            listing.headings.update(|headings| headings.heads = heads);
        }
        parts
    }

    fn section_parts(self, open: Vec<TaskId>) -> Vec<Part> {
        let known = || self.listing().headings.with_untracked(|headings| headings.sections.clone());
        let sections = if self.has_own_order() { known() } else { Vec::new() };
        if sections.is_empty() {
            return vec![Part { head: None, tasks: open }];
        }
        let mut parts = vec![Part::default()];
        parts.extend(sections.iter().map(|(id, name)| Part::new(&id.to_string(), name.clone(), Some(*id))));
        for task in open {
            let section = self.section(task);
            let at = sections.iter().position(|(id, _)| Some(*id) == section).map_or(0, |at| at + 1);
            if let Some(part) = parts.get_mut(at) {
                part.tasks.push(task);
            }
        }
        parts
    }

    /// Folds what is below a heading away or shows it, and remembers that.
    pub(crate) fn fold_head(self, key: u64, is_shut: bool) {
        self.listing().headings.update(|Headings { shut, .. }| {
            shut.retain(|other| *other != key);
            shut.extend(is_shut.then_some(key));
        });
        self.listing().keep(self.id);
        self.arrange();
    }

    /// Has new tasks go to a section, and shows what is in it; or has them go to none.
    pub(crate) fn add_to_section(self, section: Option<SectionId>) {
        self.listing().headings.update(|headings| headings.adding_to = section);
        let key = self.listing().headings.with_untracked(|headings| {
            headings.heads.iter().find(|head| section.is_some() && head.section == section).map(|head| head.key)
        });
        if let Some(key) = key {
            self.fold_head(key, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use leptos::reactive::owner::Owner;
    use partyline_core::api::{TaskDocument, TaskStatus};
    use partyline_core::id::RoomId;

    use super::*;
    use crate::model::fixture::task;
    use crate::model::listing::Row;
    use crate::model::notice::Notices;

    fn id(number: u8) -> TaskId {
        TaskId::from_random_bytes([number; 16])
    }

    fn section(number: u8) -> SectionId {
        SectionId::from_random_bytes([number; 16])
    }

    fn numbered(number: u8, in_section: Option<u8>) -> TaskDocument {
        TaskDocument {
            id: id(number).to_string(),
            position: format!("{:02x}80", 0x40 + number),
            section: in_section.map(|number| section(number).to_string()),
            ..task(&number.to_string())
        }
    }

    fn documents(numbers: &[u8]) -> Vec<SectionDocument> {
        let document = |number: &u8| SectionDocument {
            id: section(*number).to_string(),
            name: format!("section {number}"),
            deleted: false,
        };
        numbers.iter().map(document).collect()
    }

    fn lines(room: Room) -> Vec<String> {
        let line = |row: &Row| match row {
            Row::Done => "done".to_owned(),
            Row::Head(key) => room.listing().headings.with_untracked(|headings| {
                headings.head(*key).map_or_else(String::new, |head| format!("{} ({})", head.words, head.count))
            }),
            Row::Task(id) => room.title(*id),
        };
        untrack(|| room.order.with_untracked(|order| order.rows.iter().map(line).collect()))
    }

    #[test]
    fn tasks_stand_below_their_section_and_those_of_none_on_top() {
        let owner = Owner::new();
        owner.set();
        let room = Room::new(RoomId::from_random_bytes([7; 16]), String::new(), Notices::new());
        room.listing().take_sections(documents(&[2, 1]));
        let subtask = TaskDocument { parent: Some(id(3).to_string()), ..numbered(6, Some(1)) };
        let done = TaskDocument { status: TaskStatus::Done, ..numbered(7, Some(1)) };
        let tasks = vec![
            numbered(1, Some(1)),
            numbered(2, None),
            numbered(3, Some(2)),
            numbered(4, Some(9)),
            numbered(5, Some(1)),
            subtask,
            done,
        ];
        room.show(tasks, true);
        let all = ["2", "4", "section 2 (2)", "3", "6", "section 1 (2)", "1", "5", "done", "7"];
        assert_eq!(lines(room), all);
        // Folded, and shown again.
        let key = room.listing().headings.with_untracked(|headings| headings.heads[0].key);
        room.listing().headings.update(|headings| headings.shut.push(key));
        room.arrange();
        assert_eq!(lines(room), ["2", "4", "section 2 (2)", "section 1 (2)", "1", "5", "done", "7"]);
        room.listing().headings.update(|headings| headings.shut.clear());
        room.listing().headings.update(|headings| headings.adding_to = Some(section(2)));
        room.arrange();
        assert_eq!(lines(room), all);
        assert_eq!(room.listing().headings.with_untracked(Headings::adding_to), Some(section(2)));
        // A section that is gone leaves its tasks, and has them again when it is back.
        room.listing().take_sections(documents(&[1]));
        room.show(Vec::new(), false);
        assert_eq!(lines(room), ["2", "3", "6", "4", "section 1 (2)", "1", "5", "done", "7"]);
        assert_eq!(room.listing().headings.with_untracked(Headings::adding_to), None);
        room.listing().take_sections(documents(&[2, 1]));
        room.show(Vec::new(), false);
        assert_eq!(lines(room), all);
        // Sorted otherwise they are not there; and other headings take their place.
        room.listing().sorting.set(Sorting::Due);
        room.arrange();
        assert_eq!(lines(room), ["1", "2", "3", "6", "4", "5", "done", "7"]);
        room.listing().headings.update(|headings| headings.grouping = Grouping::By(Sorting::Priority));
        room.arrange();
        assert_eq!(lines(room), ["No priority (6)", "1", "2", "3", "6", "4", "5", "done", "7"]);
    }
}
