use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;

use super::icon::Icon;
use super::live::rows;
use super::section_heading::AddingTo;
use crate::model::drafts::Draft;
use crate::model::field::one_line;
use crate::model::pasted::titles;
use crate::model::room::{Addition, Room};
use crate::platform;
use crate::text;

/// Where tasks are written down. Enter adds, and the field is free for the next one at once.
#[component]
pub(crate) fn AddTask(
    /// To which room.
    room: Room,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let draft = Draft::of_addition(room.id);
    let typed = draft.typed().map(|typed| typed.text).unwrap_or_default();
    let keep = move |event: web_sys::Event| match event_target_value(&event) {
        text if text.is_empty() => draft.drop(),
        text => draft.keep(&text, ""),
    };
    // What was typed stays a draft until it is in the room.
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(field) = field.get_untracked() else { return };
        let title = one_line(&field.value());
        if !title.is_empty() {
            let _ = room.add(title);
            field.set_value("");
        }
        let _ = field.focus();
    };
    let paste = move |event: web_sys::Event| {
        let titles = titles(&platform::pasted(&event).unwrap_or_default());
        if titles.len() > 1 {
            event.prevent_default();
            room.add_lines(titles);
        }
    };
    view! {
        <form class="add" on:submit=submit>
            <AddingTo room=room />
            <input
                type="text"
                node_ref=field
                aria-label="Add a task"
                aria-describedby="adding-to"
                placeholder="Add a task"
                autocomplete="off"
                enterkeyhint="enter"
                prop:value=typed
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
                            <button type="button" class="notice-action" on:click=move |_| room.drop_addition(id)>
                                "Discard"
                            </button>
                        </li>
                    }
                },
            )}
        </ul>
    }
}
