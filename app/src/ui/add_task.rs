use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use partyline_core::api::NewTask;

use super::icon::Icon;
use super::live::{live, maybe, rows};
use super::quick_chips;
use super::section_heading::AddingTo;
use crate::model::app::App;
use crate::model::drafts::Draft;
use crate::model::field::one_line;
use crate::model::room::{Addition, Room};
use crate::platform;
use crate::text;

/// Where tasks are written down. Enter adds, and the field is free for the next one at once.
#[component]
pub(crate) fn AddTask(
    /// To which room.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let draft = Draft::of_addition(room.id);
    let typed = RwSignal::new(draft.typed().map(|typed| typed.text).unwrap_or_default());
    let keep = move |event: web_sys::Event| {
        let text = event_target_value(&event);
        if text.is_empty() {
            draft.drop()
        } else {
            draft.keep(&text, "")
        }
        typed.set(text);
    };
    // Until the grammar is there, text is added as it is typed.
    let is_understood = move || app.quick_add.get() && app.rest.is_here();
    // What was typed stays a draft until it is in the room.
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let line = one_line(&typed.get_untracked());
        if !line.is_empty() {
            let task = if untrack(is_understood) {
                quick_chips::task(room, &line)
            } else {
                NewTask { title: line.clone(), ..NewTask::default() }
            };
            let _ = room.add_new(None, task, line);
            typed.set(String::new());
        }
        platform::focus(".add input");
    };
    let paste = move |event: web_sys::Event| {
        let text = platform::pasted(&event).unwrap_or_default();
        if text.trim().contains('\n') {
            event.prevent_default();
            let text = StoredValue::new(text);
            app.with_rest(move || quick_chips::paste(app, room, &text.get_value()));
        }
    };
    view! {
        <form class="add" on:submit=submit on:keydown=move |event| {
            if event.key() == "Escape" && untrack(is_understood) && quick_chips::keep_last(room, typed) {
                event.prevent_default();
                event.stop_propagation();
            }
        }>
            <AddingTo room=room />
            {maybe(move || is_understood().then(|| quick_chips::chips(room, typed)))}
            <input
                type="text"
                aria-label="Add a task"
                aria-describedby="adding-to"
                placeholder="Add a task"
                autocomplete="off"
                enterkeyhint="enter"
                prop:value=live(move || typed.get())
                on:input=keep
                on:paste=move |event| paste(event.into())
            />
            <button type="submit" class="primary" aria-label="Add">{Icon::Plus.draw()}</button>
        </form>
    }
}

/// Tasks that are not in the room yet: on their way, or refused by something, in which case they wait for a decision.
#[component]
pub(crate) fn Additions(
    /// To which room.
    room: Room,
) -> impl IntoView {
    // The usual addition takes a few milliseconds and is not worth a flicker: only failures are listed.
    let failed = move || {
        room.additions.with(|additions| {
            additions.iter().filter(|addition| addition.failure.is_some()).cloned().collect::<Vec<_>>()
        })
    };
    view! {
        <ul class="additions" role="list" aria-label="Not saved">
            {rows(
                failed,
                |addition| addition.id.to_string(),
                move |Addition { id, title, failure, .. }| {
                    view! {
                        <li class="notice failure">
                            <p role="alert">
                                <strong>{title}</strong>
                                " is not saved. "
                                {failure}
                            </p>
                            <button type="button" class="notice-action" on:click=move |_| room.retry_addition(id)>
                                {text::RETRY}
                            </button>
                            <button type="button" class="notice-action" on:click=move |_| {
                                let _ = room.drop_addition(id);
                            }>
                                "Discard"
                            </button>
                        </li>
                    }
                },
            )}
        </ul>
    }
}
