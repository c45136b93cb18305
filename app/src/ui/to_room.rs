use leptos::prelude::*;
use partyline_core::id::{RoomId, TaskId};

use super::modal::{Modal, ModalHandle};
use crate::model::app::App;
use crate::model::room::Room;
use crate::text;

/// Chooses the room that a task, or a copy of it, goes to.
#[component]
pub(crate) fn ToRoom(
    /// From which room.
    room: Room,
    /// Which task.
    id: TaskId,
    /// Whether it moves.
    is_move: bool,
) -> impl IntoView {
    let app = expect_context::<App>();
    let handle = ModalHandle::new();
    let others = app.rooms.get_untracked().unwrap_or_default().into_iter().filter_map(|summary| {
        let other = RoomId::parse(&summary.id).ok().filter(|other| *other != room.id)?;
        Some((other, if summary.name.is_empty() { text::UNNAMED_ROOM.to_owned() } else { summary.name }))
    });
    let choices: Vec<_> = others
        .map(|(other, name)| {
            let to = (other, name.clone());
            let choose = move |_| {
                handle.close();
                room.send_to(id, to.clone(), is_move);
            };
            view! { <button type="button" class="quiet" on:click=choose><bdi>{name}</bdi></button> }.into_any()
        })
        .collect();
    let title = if is_move { text::MOVE_TO_ROOM } else { text::COPY_TO_ROOM };
    view! {
        <Modal handle=handle title=title class="actions-modal" light=true>
            <div class="modal-body">
                <p class="actions-of" dir="auto">{room.title(id)}</p>
                {choices}
            </div>
        </Modal>
    }
}
