//! Who signed a task off, which the next version has. See `partyline_core`'s feature `next`.

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::id::TaskId;

use super::live::{live, rows};
use crate::model::drafts::Draft;
use crate::model::field::one_line;
use crate::model::room::Room;

/// Who signed a task off, as it was when its dialog was opened, and a field to do so.
#[component]
pub(crate) fn SignOffs(
    /// In which room.
    room: Room,
    /// Which task.
    id: TaskId,
) -> impl IntoView {
    let remarks = RwSignal::new(Vec::<String>::new());
    let problem = RwSignal::new(None::<String>);
    let read = move || async move {
        match room.sign_offs(id).await {
            Ok(texts) => drop(remarks.try_set(texts)),
            Err(error) => drop(problem.try_set(Some(error.to_string()))),
        }
    };
    spawn_local(read());
    let draft = StoredValue::new(Draft::of_sign_off(room.id, id));
    let typed = draft.with_value(Draft::typed).map(|typed| typed.text).unwrap_or_default();
    let add = move |text: String| {
        spawn_local(async move {
            match room.sign_off(id, text.clone()).await {
                Ok(()) => {
                    Draft::of_sign_off(room.id, id).drop_line(&one_line(&text));
                    read().await;
                }
                Err(error) => drop(problem.try_set(Some(error.to_string()))),
            }
        });
    };
    view! {
        <div class="field">
            <ul aria-label="Signed off">
                {rows(move || remarks.get(), Clone::clone, |text| view! { <li>{text}</li> })}
            </ul>
            <label for="field-SignOff">"Sign off"</label>
            <input
                id="field-SignOff"
                type="text"
                autocomplete="off"
                prop:value=typed
                on:input=move |event| draft.with_value(|draft| draft.keep(&event_target_value(&event), ""))
                on:change=move |event| add(event_target_value(&event))
            />
            <p class="problem" role="alert">{live(move || problem.get())}</p>
        </div>
    }
}
