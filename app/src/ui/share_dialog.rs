use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::icon::Icon;
use super::live::{live, part};
use super::modal::{Modal, ModalHandle};
use super::qr::qr_drawing;
use crate::model::app::{App, Dialog};
use crate::model::room::Room;
use crate::platform;
use crate::text;

/// The room's link, to be copied, sent or scanned.
#[component]
pub(crate) fn ShareDialog(
    /// Whose link.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let handle = ModalHandle::new();
    let by_hand = move |_| {
        app.invite(room.id);
        handle.close_then(Dialog::ByHand);
    };
    view! {
        <Modal handle=handle title="Share this room" class="share-modal" light=true>
            <div class="modal-body">
                <p>{text::SHARE_EXPLAINED}</p>
                {part(move || shown_link(room.name.get_untracked(), room.link().unwrap_or_default(), "Room link"))}
                <p class="ways hint">
                    "No internet?"
                    <button type="button" on:click=by_hand>"Connect by code"</button>
                </p>
            </div>
        </Modal>
    }
}

/// A link on its way to another device: as a QR code, as text, and by the system's own ways, under a name.
pub(crate) fn shown_link(name: String, link: String, label: &'static str) -> AnyView {
    let field = NodeRef::<html::Input>::new();
    let said = RwSignal::new("");
    let select = move || {
        if let Some(field) = field.get_untracked() {
            field.select();
        }
    };
    let link = StoredValue::new(link);
    let copy = move |_| {
        spawn_local(async move {
            if platform::copy(&link.get_value()).await {
                said.set("Copied");
            } else {
                select();
                said.set("The browser did not let the page copy. The link is selected: copy it with Ctrl+C.");
            }
        });
    };
    let send = move |_| {
        let name = name.clone();
        spawn_local(async move { platform::share(&name, &link.get_value()).await });
    };
    let drawing = qr_drawing(&link.get_value()).map(|drawing| {
        let class = if drawing.size > 50 { "qr large" } else { "qr" };
        let view_box = format!("0 0 {0} {0}", drawing.size);
        view! {
            <svg class=class role="img" aria-label="QR code" viewBox=view_box shape-rendering="crispEdges">
                <rect class="qr-light" width="100%" height="100%"></rect>
                <path class="qr-dark" d=drawing.path></path>
            </svg>
        }
        .into_any()
    });
    view! {
        {drawing}
        <label class="field">
            <span>{label}</span>
            <input type="text" readonly node_ref=field prop:value=live(move || link.get_value()) on:focus=move |_| select() />
        </label>
        <p class="said" role="status">{live(move || said.get())}</p>
        <p class="ways">
            {platform::can_share().then(|| view! {
                <button type="button" on:click=send>{Icon::Share.draw()} "Send link"</button>
            })}
            <button type="button" class="primary" on:click=copy>
                {part(move || if said.get() == "Copied" { Icon::Tick } else { Icon::Copy }.draw())}
                "Copy link"
            </button>
        </p>
    }
    .into_any()
}
