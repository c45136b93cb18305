//! What people do with sections. It is loaded with the dialogs that do it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::SectionPatch;
use partyline_core::id::SectionId;

use super::group::{Head, Headings};
use super::notice::NoticeAction;
use super::room::Room;
use crate::api::{self, ApiError};
use crate::platform;
use crate::text;

impl Room {
    /// Makes a section, after another one or behind all, to which new tasks go from now on.
    pub(crate) async fn add_section(self, name: String, after: Option<SectionId>) -> Result<(), ApiError> {
        let id = platform::random_bytes().map(SectionId::from_random_bytes);
        let after = after.map(|after| Some(after.to_string()));
        let made = SectionPatch { id: id.map(|id| id.to_string()), name: Some(name), after, deleted: None };
        api::add_section(self.id, &made).await?;
        self.announced();
        self.listing().headings.update(|headings| headings.adding_to = id);
        Ok(())
    }

    /// How many tasks stand below the heading of a section.
    pub(crate) fn tasks_in(self, section: SectionId) -> usize {
        let of_section = |head: &&Head| head.section == Some(section);
        self.listing()
            .headings
            .with_untracked(|headings| headings.heads.iter().find(of_section).map_or(0, |head| head.count))
    }

    /// Gives a section another name.
    pub(crate) async fn rename_section(self, section: SectionId, name: String) -> Result<(), ApiError> {
        api::edit_section(self.id, section, &SectionPatch { name: Some(name), ..SectionPatch::default() }).await?;
        self.announced();
        Ok(())
    }

    /// The section before which one comes if it goes up, or behind which if it goes down: `None` at an end.
    pub(crate) fn beside_section(self, section: SectionId, is_up: bool) -> Option<Option<SectionId>> {
        self.listing().headings.with_untracked(|Headings { sections, .. }| {
            let at = sections.iter().position(|(id, _)| *id == section)?;
            let id = |at: usize| sections.get(at).map(|(id, _)| *id);
            if is_up { at.checked_sub(1).map(|above| above.checked_sub(1).and_then(id)) } else { id(at + 1).map(Some) }
        })
    }

    /// Moves a section up or down by one.
    pub(crate) fn shift_section(self, section: SectionId, is_up: bool) {
        if let Some(after) = self.beside_section(section, is_up) {
            let after = Some(after.map(|after| after.to_string()));
            self.edit_section_later(section, SectionPatch { after, ..SectionPatch::default() });
        }
    }

    /// Deletes a section and none of its tasks, and offers to undo that.
    pub(crate) fn delete_section(self, section: SectionId, name: String, tasks: usize) {
        spawn_local(async move {
            match api::delete_section(self.id, section).await {
                Ok(()) => {
                    self.announced();
                    let restored = SectionPatch { deleted: Some(false), ..SectionPatch::default() };
                    let undo =
                        NoticeAction::new(text::UNDO, move || self.edit_section_later(section, restored.clone()));
                    self.notices().tell(text::section_deleted(&name, tasks), Some(undo));
                }
                Err(error) => self.notices().fail(text::delete_failed(&name, &error), None),
            }
        });
    }

    /// Writes the fields of a patch; what fails is told, and can be tried again.
    fn edit_section_later(self, section: SectionId, patch: SectionPatch) {
        spawn_local(async move {
            match api::edit_section(self.id, section, &patch).await {
                Ok(()) => self.announced(),
                Err(error) => {
                    let retry = NoticeAction::new(text::RETRY, move || self.edit_section_later(section, patch.clone()));
                    self.notices().fail(text::not_saved(&error), Some(retry));
                }
            }
        });
    }
}
