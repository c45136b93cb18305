use crate::id::{SectionId, TaskId};
use crate::replica::object_state::ObjectState;
use crate::replica::replaced::is_name;
use crate::replica::work::step;
use crate::replica::{ObjectId, Position, Replica, Tree};

/// A section of the list: a heading with tasks below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its id.
    pub id: SectionId,
    /// What it is called.
    pub name: String,
    /// Where it stands among the sections.
    pub position: Position,
    /// Whether it is deleted: nobody has renamed or restored it since.
    pub deleted: bool,
}

/// The section in which a task is shown. It follows from what is written alone, so that all devices that have the same
/// writes show the same:
/// - a subtask is where the task is that it is below, whatever section is written for itself;
/// - a task whose section is not there (deleted, or not known yet) is in none, until the section is back.
pub fn shown_section(
    task: TaskId,
    tree: &Tree,
    written: impl Fn(TaskId) -> Option<SectionId>,
    is_there: impl Fn(SectionId) -> bool,
) -> Option<SectionId> {
    let top = std::iter::successors(tree.parent(task), |above| tree.parent(*above)).last().unwrap_or(task);
    written(top).filter(|section| is_there(*section))
}

impl Replica {
    /// The sections that are not deleted, in order.
    pub fn sections(&self) -> Vec<Section> {
        step(self.objects.len());
        let sections = self.objects.keys().filter_map(|object| self.section(object.as_section()?));
        let mut sections: Vec<Section> = sections.filter(|section| !section.deleted).collect();
        sections.sort_unstable_by(|a, b| (&a.position, a.id).cmp(&(&b.position, b.id)));
        sections
    }

    /// A section, deleted or not, if its name is here.
    pub fn section(&self, id: SectionId) -> Option<Section> {
        let state = self.objects.get(&ObjectId::section(id))?;
        Some(Section {
            id,
            name: state.title(&self.writes)?.to_owned(),
            position: state.position(&self.writes).cloned().unwrap_or_default(),
            deleted: state.deletion(&self.writes).is_some(),
        })
    }

    /// Whether a section is there, and not deleted.
    pub fn has_section(&self, id: SectionId) -> bool {
        let is_alive = |state: &ObjectState| state.has_title(&self.writes) && state.deletion(&self.writes).is_none();
        self.objects.get(&ObjectId::section(id)).is_some_and(is_alive)
    }

    /// The section in which a task is shown, by [`shown_section`].
    pub fn section_of(&self, task: TaskId) -> Option<SectionId> {
        let written = |task| self.objects.get(&ObjectId::Task(task))?.section(&self.writes);
        shown_section(task, &self.tree(), written, |section| self.has_section(section))
    }

    /// Whether anything was written about a section since the replica's [cursor](Replica::cursor) was this. `true` if it
    /// never was.
    pub fn has_sections_since(&self, cursor: u64) -> bool {
        let is_known = self.is_cursor(cursor);
        let mut since = self.writes.since(self.known_cursor(Some(cursor)));
        !is_known || since.any(|write| write.object.as_section().is_some() || is_name(write.object))
    }
}
