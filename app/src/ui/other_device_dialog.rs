use leptos::prelude::*;
use leptos::task::spawn_local;

use super::live::part;
use super::modal::{Modal, ModalHandle};
use super::share_dialog::shown_link;
use crate::model::app::App;
use crate::text;

/// A link that brings all rooms to another device of the same person.
#[component]
pub(crate) fn OtherDeviceDialog() -> impl IntoView {
    let app = expect_context::<App>();
    let handle = ModalHandle::new();
    let link = RwSignal::new(None::<Result<String, String>>);
    spawn_local(async move {
        let made = app.link_to_all_rooms().await;
        link.set(Some(made.map_err(|error| error.to_string())));
    });
    let count = move || app.rooms.with(|rooms| rooms.as_ref().map_or(0, Vec::len));
    view! {
        <Modal handle=handle title="My other device" class="share-modal" light=true>
            <div class="modal-body">
                <p>{text::other_device(count())}</p>
                {part(move || match link.get() {
                    None => ().into_any(),
                    Some(Ok(link)) => shown_link(text::APP.to_owned(), link, "Link to all my rooms"),
                    Some(Err(why)) => view! { <p role="alert">{why}</p> }.into_any(),
                })}
            </div>
        </Modal>
    }
}
