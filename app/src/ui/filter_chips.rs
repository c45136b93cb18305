//! Filters that are kept under a name: a chip each below the field for finding, and their dialogs.

use leptos::prelude::*;

use super::icon::Icon;
use super::live::{Live, live, maybe};
use super::modal::{Modal, ModalHandle};
use super::room_dialogs::{LineForm, Trying};
use crate::model::app::{App, Dialog};
use crate::model::field::one_line;
use crate::model::find::Query;
use crate::model::kept_filters::{Kept, choose_kept, delete_kept, described, keep, kept, rename_kept};
use crate::model::room::Room;
use crate::platform;
use crate::text;

/// The filters that are kept in a room, if there are any.
pub(super) fn chips(room: Room) -> AnyView {
    maybe(move || {
        room.listing().filters_changed.track();
        let mut chips = Vec::new();
        for (place, Kept { name, query }) in kept(room.id).into_iter().enumerate() {
            let is_chosen = live(move || room.listing().query.with(|now| *now == query).to_string());
            chips.push(chip(room, place, name, is_chosen));
        }
        let is_there = !chips.is_empty();
        is_there.then(|| view! { <ul class="kept" role="list" aria-label=text::KEPT_FILTERS>{chips}</ul> })
    })
    .into_any()
}

fn chip(room: Room, place: usize, name: String, is_chosen: Live<String>) -> AnyView {
    let app = expect_context::<App>();
    let more = text::more_actions(&name);
    view! {
        <li>
            <button type="button" class="quiet" aria-pressed=is_chosen on:click=move |_| choose_kept(room, place)>
                <bdi>{name}</bdi>
            </button>
            <button
                type="button"
                class="quiet round"
                aria-label=more
                on:click=move |_| app.dialog.set(Some(Dialog::KeptFilters(place)))
            >
                {Icon::Grip.draw()}
            </button>
        </li>
    }
    .into_any()
}

/// Keeps what is looked for, and looks for it in all rooms.
pub(super) fn tools(room: Room) -> AnyView {
    let app = expect_context::<App>();
    let has_others = Memo::new(move |_| app.rooms.with(|rooms| rooms.as_ref().is_some_and(|rooms| rooms.len() > 1)));
    let has_filters = Memo::new(move |_| room.listing().query.with(Query::has_filters));
    view! {
        {maybe(move || has_filters.get().then(|| view! {
            <button type="button" class="quiet" on:click=move |_| app.dialog.set(Some(Dialog::KeepFilters))>
                {text::KEEP_FILTERS}
            </button>
        }))}
        {maybe(move || has_others.get().then(|| view! {
            <button
                type="button"
                class="quiet"
                aria-label=text::FIND_EVERYWHERE
                on:click=move |_| app.dialog.set(Some(Dialog::Everywhere))
            >
                {text::ALL_ROOMS}
            </button>
        }))}
    }
    .into_any()
}

/// Keeps what is looked for under a name, or gives what is kept another one.
#[component]
pub(crate) fn NameFilters(
    /// In which room.
    room: Room,
    /// What is kept there is renamed; otherwise what is looked for is kept.
    renamed: Option<usize>,
) -> impl IntoView {
    let act = move |name: String| -> Trying {
        Box::pin(async move {
            let name = one_line(&name);
            match renamed {
                Some(place) => rename_kept(room, place, name),
                None => keep(room, name),
            }
            .map(|()| None)
        })
    };
    let given = match renamed {
        Some(place) => name_of(room, place),
        None => room.listing().query.with_untracked(described),
    };
    let form = LineForm {
        title: if renamed.is_some() { text::RENAME_FILTERS } else { text::KEEP_FILTERS },
        label: text::FILTERS_NAME,
        hint: None,
        placeholder: "",
        is_link: false,
        given: Box::new(move || given.clone()),
        draft: None,
        submit: "Save",
        of_room: None,
        act: Box::new(act),
    };
    form.view()
}

fn name_of(room: Room, place: usize) -> String {
    kept(room.id).into_iter().nth(place).map(|kept| kept.name).unwrap_or_default()
}

/// What can be done with filters that are kept.
#[component]
pub(crate) fn FiltersActions(
    /// In which room.
    room: Room,
    /// Which.
    place: usize,
) -> impl IntoView {
    let handle = ModalHandle::new();
    let name = name_of(room, place);
    let delete_name = text::delete(&name);
    let delete = move |_| {
        handle.close();
        delete_kept(room, place);
        platform::focus(".find-line button");
    };
    view! {
        <Modal handle=handle title=text::KEPT_FILTERS class="actions-modal" light=true>
            <div class="modal-body">
                <p class="actions-of" dir="auto">{name}</p>
                <button type="button" class="quiet" on:click=move |_| handle.close_then(Dialog::RenameFilters(place))>
                    "Rename"
                </button>
                <button type="button" class="danger" aria-label=delete_name on:click=delete>{text::DELETE}</button>
            </div>
        </Modal>
    }
}
