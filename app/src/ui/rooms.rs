use leptos::prelude::*;
use partyline_core::id::RoomId;

use super::icon::{self, Icon};
use super::live::{live, rows};
use super::modal::{Modal, ModalHandle};
use crate::model::app::{App, Dialog};
use crate::text;

/// The rooms at the side of a wide window.
#[component]
pub(crate) fn Sidebar() -> impl IntoView {
    let app = expect_context::<App>();
    view! {
        <aside class="sidebar" aria-label="Rooms on this device">
            <p class="brand">{icon::mark()} <span>{text::APP}</span></p>
            <RoomLinks followed=|()| () />
            <p class="sidebar-foot">
                {new_and_join(None, Box::new(move |dialog| app.dialog.set(Some(dialog))))}
                {other_device(Box::new(move |dialog| app.dialog.set(Some(dialog))))}
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
            <RoomLinks followed=move |()| handle.close() />
            <footer class="modal-foot">
                {new_and_join(None, Box::new(move |dialog| handle.close_then(dialog)))}
                {other_device(Box::new(move |dialog| handle.close_then(dialog)))}
            </footer>
        </Modal>
    }
}

/// The two ways to get into a room. `class` is that of the first button.
pub(crate) fn new_and_join(class: Option<&'static str>, open: Box<dyn Fn(Dialog) + Send + Sync>) -> impl IntoView {
    let open = Callback::new(open);
    view! {
        <button type="button" class=class on:click=move |_| open.run(Dialog::NewRoom)>
            {Icon::Plus.draw()}
            "New room"
        </button>
        <button type="button" on:click=move |_| open.run(Dialog::Join)>
            {Icon::Link.draw()}
            "Join a room"
        </button>
    }
}

/// The way to bring the rooms to another device.
fn other_device(open: Box<dyn Fn(Dialog) + Send + Sync>) -> impl IntoView {
    view! { <button type="button" on:click=move |_| open(Dialog::OtherDevice)>{Icon::Devices.draw()} "My other device"</button> }
}

#[component]
fn RoomLinks(
    /// Called when a link is followed.
    #[prop(into)]
    followed: Callback<()>,
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
                        let news = RoomId::parse(&room.id).ok();
                        let name = if room.name.is_empty() { text::UNNAMED_ROOM.to_owned() } else { room.name };
                        view! {
                            <li>
                                <a
                                    href=format!("#{}", room.id)
                                    aria-current=live(move || shown.with(|shown| shown.as_deref() == Some(&id)).then_some("page"))
                                    on:click=move |_| followed.run(())
                                >
                                    {name}
                                </a>
                                <span class="room-news">
                                    {live(move || text::news(news.map_or(0, |room| app.news.of(room))))}
                                </span>
                            </li>
                        }
                    },
                )}
            </ul>
        </nav>
    }
}
