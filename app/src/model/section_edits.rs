//! What people do with sections. It is loaded with the dialogs that do it.

use std::sync::Arc;

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
        let made = SectionPatch { id: id.map(|id| id.to_string()), name: Some(name.clone()), after, deleted: None };
        api::add_section(self.id, &made).await?;
        self.announced();
        self.listing().headings.update(|headings| headings.adding_to = id);
        if let Some(section) = id {
            self.did_to_section(section, text::of_section("Added", &name), [life(true), life(false)]);
        }
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
        let old = self.section_name(section);
        let named = |name: &str| SectionPatch { name: Some(name.to_owned()), ..SectionPatch::default() };
        api::edit_section(self.id, section, &named(&name)).await?;
        self.announced();
        self.did_to_section(section, text::of_section("Renamed", &name), [named(&old), named(&name)]);
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
            let before = self.listing().headings.with_untracked(|Headings { sections, .. }| {
                let others = sections.iter().map(|(id, _)| *id).take_while(|id| *id != section);
                others.last()
            });
            let behind = |after: Option<SectionId>| {
                let after = Some(after.map(|after| after.to_string()));
                SectionPatch { after, ..SectionPatch::default() }
            };
            self.edit_section_later(section, behind(after));
            let words = text::of_section("Moved", &self.section_name(section));
            self.did_to_section(section, words, [behind(before), behind(after)]);
        }
    }

    /// Deletes a section and none of its tasks, and offers to undo that.
    pub(crate) fn delete_section(self, section: SectionId, name: String, tasks: usize) {
        spawn_local(async move {
            match api::delete_section(self.id, section).await {
                Ok(()) => {
                    self.announced();
                    let words = text::of_section("Deleted", &name);
                    let action = self.did_to_section(section, words, [life(false), life(true)]);
                    self.tell_done(text::section_deleted(&name, tasks), action);
                }
                Err(error) => self.notices().fail(text::delete_failed(&name, &error), None),
            }
        });
    }

    /// What a section is called.
    pub(crate) fn section_name(self, section: SectionId) -> String {
        self.listing().headings.with_untracked(|headings| headings.section_name(section).unwrap_or_default().to_owned())
    }

    /// Notes what takes back what was done to a section, and what does it again.
    fn did_to_section(self, section: SectionId, words: String, patches: [SectionPatch; 2]) -> u64 {
        let [undo, redo] = patches;
        let (old, new) = (undo.name.clone(), redo.name.clone());
        let write = move |patch: &SectionPatch, name: &Option<String>| {
            // Somebody gave it another name meanwhile, or deleted it.
            if let Some(name) = name.as_ref().filter(|name| **name != self.section_name(section)) {
                return self.notices().tell(text::section_stays(name), None);
            }
            self.edit_section_later(section, patch.clone());
        };
        self.did_besides(words, (Arc::new(move || write(&undo, &new)), Arc::new(move || write(&redo, &old))))
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

/// What deletes a section, or restores it.
fn life(deleted: bool) -> SectionPatch {
    SectionPatch { deleted: Some(deleted), ..SectionPatch::default() }
}
