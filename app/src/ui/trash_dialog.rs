//! What is deleted, each with a way back.

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};

use super::live::{effect, live, maybe, rows};
use super::modal::{Modal, ModalHandle};
use super::when::When;
use crate::model::app::App;
use crate::model::room::Room;
use crate::model::trash::{Deleted, Trash};
use crate::platform;
use crate::text;

/// The deleted tasks of a room.
#[component]
pub(crate) fn TrashDialog(
    /// Which room.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let handle = ModalHandle::new();
    let trash = Trash::new(room);
    // What others delete and restore meanwhile.
    effect(move || {
        room.listing().counts.track();
        trash.read();
    });
    // What was done took the button away that had the keyboard.
    effect(move || {
        if trash.done.with(Option::is_some) {
            focus(".trash .undo");
        }
    });
    let take_back = move |_| {
        trash.undo();
        focus(".trash-modal .modal-head button");
    };
    let is_any = Memo::new(move |_| trash.tasks.with(|tasks| !tasks.is_empty()));
    view! {
        <Modal handle=handle title=text::TRASH class="trash-modal" light=true>
            <div class="modal-body trash">
                <div>
                    <div role="status">
                        {maybe(move || trash.done.get().map(|words| view! {
                            <p class="said-by">
                                <span>{words}</span>
                                <button type="button" class="undo" on:click=take_back>{text::UNDO}</button>
                            </p>
                        }))}
                    </div>
                    <p class="problem" role="alert">
                        {maybe(move || trash.problem.get().map(|problem| view! {
                            {problem}
                            " "
                            <button type="button" on:click=move |_| trash.read()>{text::RETRY}</button>
                        }))}
                    </p>
                    <p role="status">{live(move || match (trash.is_read.get(), is_any.get()) {
                        (true, false) => text::NOTHING_DELETED,
                        (false, _) if trash.problem.with(Option::is_none) => text::LOADING,
                        _ => "",
                    })}</p>
                </div>
                {maybe(move || is_any.get().then(|| view! {
                    <ul role="list" aria-label=text::DELETED_TASKS>
                        {rows(
                            move || trash.tasks.get(),
                            |task| format!("{} {} {}", task.id, task.written, task.with.len()),
                            move |task| line(app, trash, task),
                        )}
                    </ul>
                }))}
                <p class="hint">{text::TRASH_EXPLAINED}</p>
            </div>
        </Modal>
    }
}

fn line(app: App, trash: Trash, task: Deleted) -> AnyView {
    let When { written, spoken, whole } = When::of(&task.written, app);
    let (title, name) = (task.title.clone(), text::restore(&task.title));
    let with = (!task.with.is_empty()).then(|| text::and_subtasks(task.with.len()));
    let restore = move |_| trash.restore(task.clone());
    view! {
        <li class="said-by">
            <p>
                <bdi>{title}</bdi>
                {text::DELETED_AT}
                " "
                <time datetime=written title=whole>{spoken}</time>
                {with}
            </p>
            <button type="button" aria-label=name on:click=restore>{text::RESTORE}</button>
        </li>
    }
    .into_any()
}

/// Gives the keyboard to what is there in a moment.
fn focus(selector: &'static str) {
    spawn_local(async move {
        tick().await;
        platform::focus(selector);
    });
}
