use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::id::TaskId;
use web_sys::HtmlInputElement;

use super::live::live;
use crate::model::room::Room;

/// The checkbox that completes a task. It goes back if that fails.
#[component]
pub(crate) fn TaskCheck(
    /// In which room.
    room: Room,
    /// Which task.
    id: TaskId,
    /// Its title.
    title: Memo<String>,
    /// Whether it is done.
    done: Memo<bool>,
) -> impl IntoView {
    let toggle = move |event: web_sys::Event| {
        let checkbox: HtmlInputElement = event_target(&event);
        let wanted = checkbox.checked();
        spawn_local(async move {
            if !room.set_done(id, wanted).await {
                checkbox.set_checked(!wanted);
            }
        });
    };
    view! {
        <input
            type="checkbox"
            class="check"
            aria-label=live(move || title.get())
            prop:checked=live(move || done.get())
            on:change=toggle
        />
    }
}
