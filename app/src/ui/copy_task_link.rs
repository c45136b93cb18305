//! The link to one task.

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::id::{TaskId, TaskLink};

use super::icon::Icon;
use super::live::live;
use crate::model::room::Room;
use crate::platform;
use crate::text;

/// Copies the link to a task, and says so. Where the browser refuses, the link is there to be copied by hand.
#[component]
pub(crate) fn CopyTaskLink(
    /// In which room.
    room: Room,
    /// To which task.
    id: TaskId,
) -> impl IntoView {
    let said = RwSignal::new(String::new());
    let copy = move |_| {
        let url = TaskLink { room: room.id, task: id }.to_url(&platform::origin());
        spawn_local(async move {
            let is_copied = platform::copy(&url).await;
            let _ = said.try_set(if is_copied { text::TASK_LINK_COPIED.to_owned() } else { url });
        });
    };
    view! {
        <button type="button" class="quiet copy-task-link" on:click=copy>{Icon::Link.draw()} {text::COPY_TASK_LINK}</button>
        <p class="said hint" role="status">{live(move || said.get())}</p>
    }
}
