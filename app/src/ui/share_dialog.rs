use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::icon::Icon;
use super::live::{live, part};
use super::modal::{Modal, ModalHandle};
use super::qr::qr_drawing;
use super::text;
use crate::model::room::Room;
use crate::platform;

/// The room's link, to be copied, sent or scanned.
#[component]
pub(crate) fn ShareDialog(
    /// Whose link.
    room: Room,
) -> impl IntoView {
    let handle = ModalHandle::new();
    let link = Memo::new(move |_| room.link().unwrap_or_default());
    let field = NodeRef::<html::Input>::new();
    let said = RwSignal::new("");
    let select = move || {
        if let Some(field) = field.get_untracked() {
            field.select();
        }
    };
    let copy = move |_| {
        spawn_local(async move {
            if platform::copy(&link.get_untracked()).await {
                said.set("Copied");
            } else {
                select();
                said.set("The browser did not let the page copy. The link is selected: copy it with Ctrl+C.");
            }
        });
    };
    let send = move |_| {
        let name = room.name.get_untracked();
        spawn_local(async move { platform::share(&name, &link.get_untracked()).await });
    };
    view! {
        <Modal handle=handle title="Share this room" class="share-modal" light=true>
            <div class="modal-body">
                <p>{text::SHARE_EXPLAINED}</p>
                {part(move || qr_drawing(&link.get()).map(|drawing| view! {
                    <svg
                        class="qr"
                        role="img"
                        aria-label="QR code"
                        viewBox=format!("0 0 {0} {0}", drawing.size)
                        shape-rendering="crispEdges"
                    >
                        <rect class="qr-light" width="100%" height="100%"></rect>
                        <path class="qr-dark" d=drawing.path></path>
                    </svg>
                }))}
                <label class="field">
                    <span>"Room link"</span>
                    <input type="text" readonly node_ref=field prop:value=live(move || link.get()) on:focus=move |_| select() />
                </label>
                <p class="said" role="status">{live(move || said.get())}</p>
            </div>
            <footer class="modal-foot">
                {platform::can_share().then(|| view! {
                    <button type="button" on:click=send>{Icon::Share.draw()} "Send link"</button>
                })}
                <button type="button" class="primary" on:click=copy>
                    {part(move || if said.get() == "Copied" { Icon::Tick } else { Icon::Copy }.draw())}
                    "Copy link"
                </button>
            </footer>
        </Modal>
    }
}
