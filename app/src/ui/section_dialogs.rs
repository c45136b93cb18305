//! The menu of a section, and where a task chooses one.

use leptos::prelude::*;
use partyline_core::id::{SectionId, TaskId};

use super::modal::{Modal, ModalHandle};
use super::room_dialogs::{LineForm, Trying};
use crate::model::app::Dialog;
use crate::model::field::one_line;
use crate::model::moves::Step;
use crate::model::room::Room;
use crate::model::shifts::shift;
use crate::text;

/// What can be done with a section.
#[component]
pub(crate) fn SectionActions(
    /// In which room.
    room: Room,
    /// Which section.
    section: SectionId,
) -> impl IntoView {
    let handle = ModalHandle::new();
    let name = room.section_name(section);
    let tasks = room.tasks_in(section);
    let step = move |is_up: bool, words: &'static str| {
        let go = move |_| {
            handle.close();
            room.shift_section(section, is_up);
        };
        let can_go = room.beside_section(section, is_up).is_some();
        can_go.then(|| view! { <button type="button" class="quiet" on:click=go>{words}</button> })
    };
    let delete = {
        let name = name.clone();
        move |_| {
            handle.close();
            room.delete_section(section, name.clone(), tasks);
        }
    };
    view! {
        <Modal handle=handle title="Section" class="actions-modal" light=true>
            <div class="modal-body">
                <p class="actions-of" dir="auto">{name.clone()}</p>
                <button type="button" class="quiet" on:click=move |_| handle.close_then(Dialog::RenameSection(section))>
                    "Rename"
                </button>
                {step(true, "Move up")}
                {step(false, "Move down")}
                <button
                    type="button"
                    class="quiet"
                    on:click=move |_| handle.close_then(Dialog::NewSection(Some(section)))
                >
                    {text::ADD_SECTION}
                </button>
                <button type="button" class="danger" aria-label=text::delete(&name) on:click=delete>"Delete"</button>
            </div>
        </Modal>
    }
}

/// Makes a section, or gives one another name.
#[component]
pub(crate) fn NameSection(
    /// In which room.
    room: Room,
    /// The one to rename; otherwise one is made.
    renamed: Option<SectionId>,
    /// After which other one it is made; behind all otherwise.
    after: Option<SectionId>,
) -> impl IntoView {
    let act = move |name: String| -> Trying {
        Box::pin(async move {
            let name = one_line(&name);
            let done = match renamed {
                Some(section) => room.rename_section(section, name).await,
                None => room.add_section(name, after).await,
            };
            done.map(|()| None).map_err(|error| error.to_string())
        })
    };
    let given = renamed.map(|section| room.section_name(section)).unwrap_or_default();
    let form = LineForm {
        title: if renamed.is_some() { "Rename section" } else { "New section" },
        label: "Section name",
        hint: None,
        placeholder: "Dairy, Kitchen, Act one, …",
        is_link: false,
        given: Box::new(move || given.clone()),
        draft: None,
        submit: if renamed.is_some() { "Save" } else { "Create" },
        of_room: None,
        act: Box::new(act),
    };
    form.view()
}

/// Chooses the section that a task is moved to.
#[component]
pub(crate) fn ToSection(
    /// In which room.
    room: Room,
    /// Which task.
    id: TaskId,
) -> impl IntoView {
    let handle = ModalHandle::new();
    let now = room.section(id);
    let sections = room.listing().headings.with_untracked(|headings| headings.sections.clone());
    let all = std::iter::once((None, text::NO_SECTION.to_owned()))
        .chain(sections.into_iter().map(|(section, name)| (Some(section), name)));
    let choices: Vec<_> = all
        .filter(|(section, _)| *section != now)
        .map(|(section, name)| {
            let choose = move |_| {
                handle.close();
                shift(room, id, Step::Into(section));
            };
            view! { <button type="button" class="quiet" on:click=choose><bdi>{name}</bdi></button> }.into_any()
        })
        .collect();
    view! {
        <Modal handle=handle title=text::TO_SECTION class="actions-modal" light=true>
            <div class="modal-body">
                <p class="actions-of" dir="auto">{room.title(id)}</p>
                {choices}
            </div>
        </Modal>
    }
}
