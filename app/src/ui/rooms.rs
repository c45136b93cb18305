use leptos::prelude::*;

use super::icon::{self, Icon};
use super::live::{live, rows};
use super::modal::{Modal, ModalHandle};
use super::text;
use crate::model::app::{App, Dialog};

/// The rooms at the side of a wide window.
#[component]
pub(crate) fn Sidebar() -> impl IntoView {
    let app = expect_context::<App>();
    view! {
        <aside class="sidebar" aria-label="Rooms on this device">
            <p class="brand">{icon::mark()} <span>{text::APP}</span></p>
            <RoomLinks followed=|| () />
            <p class="sidebar-foot">
                <button type="button" on:click=move |_| app.dialog.set(Some(Dialog::NewRoom))>
                    {Icon::Plus.draw()}
                    "New room"
                </button>
                <button type="button" on:click=move |_| app.dialog.set(Some(Dialog::Join))>
                    {Icon::Link.draw()}
                    "Join a room"
                </button>
            </p>
        </aside>
    }
}

/// The same in a dialog, for a narrow window.
#[component]
pub(crate) fn RoomsDialog() -> impl IntoView {
    let handle = ModalHandle::new();
    view! {
        <Modal handle=handle title="Rooms" class="rooms-modal" light=true>
            <RoomLinks followed=move || handle.close() />
            <footer class="modal-foot">
                <button type="button" on:click=move |_| handle.close_then(Dialog::NewRoom)>
                    {Icon::Plus.draw()}
                    "New room"
                </button>
                <button type="button" on:click=move |_| handle.close_then(Dialog::Join)>
                    {Icon::Link.draw()}
                    "Join a room"
                </button>
            </footer>
        </Modal>
    }
}

#[component]
fn RoomLinks(
    /// Called when a link is followed.
    followed: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let app = expect_context::<App>();
    let shown = Memo::new(move |_| app.room().map(|room| room.id.to_string()));
    view! {
        <nav aria-label="Rooms">
            <ul class="room-links" role="list">
                {rows(
                    move || app.rooms.get().unwrap_or_default(),
                    |room| format!("{} {}", room.id, room.name),
                    move |room| {
                        let id = room.id.clone();
                        let name = if room.name.is_empty() { text::UNNAMED_ROOM.to_owned() } else { room.name };
                        view! {
                            <li>
                                <a
                                    href=format!("#{}", room.id)
                                    aria-current=live(move || shown.with(|shown| shown.as_deref() == Some(&id)).then_some("page"))
                                    on:click=move |_| followed()
                                >
                                    {name}
                                </a>
                            </li>
                        }
                    },
                )}
            </ul>
        </nav>
    }
}
