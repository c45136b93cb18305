use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::live::live;
use super::modal::{Modal, ModalHandle};
use super::text;
use crate::model::app::{App, Dialog};
use crate::model::field::one_line;
use crate::model::room::Room;

/// Makes a room.
#[component]
pub(crate) fn NewRoomDialog() -> impl IntoView {
    let app = expect_context::<App>();
    let handle = ModalHandle::new();
    let (name, busy, failure) = (RwSignal::new(String::new()), RwSignal::new(false), RwSignal::new(None::<String>));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let chosen = one_line(&name.get_untracked());
        if chosen.is_empty() {
            failure.set(Some("Give the room a name first.".to_owned()));
            return;
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let made = app.make_room(chosen).await;
            let _ = busy.try_set(false);
            match made {
                Ok(()) => handle.close(),
                Err(error) => drop(failure.try_set(Some(error.to_string()))),
            }
        });
    };
    view! {
        <Modal handle=handle title="New room" class="form-modal">
            <form on:submit=submit novalidate>
                <div class="modal-body">
                    <label class="field">
                        <span>"Room name"</span>
                        <input
                            type="text"
                            autofocus
                            autocomplete="off"
                            enterkeyhint="done"
                            placeholder="Household, Garage crew, …"
                            aria-invalid=live(move || failure.with(Option::is_some).to_string())
                            aria-describedby="form-problem"
                            prop:value=live(move || name.get())
                            on:input=move |event| name.set(event_target_value(&event))
                        />
                    </label>
                    <p id="form-problem" class="problem" role="alert">{live(move || failure.get())}</p>
                </div>
                <footer class="modal-foot">
                    <button type="button" on:click=move |_| handle.close()>"Cancel"</button>
                    <button type="submit" class="primary" aria-disabled=live(move || busy.get().to_string())>"Create"</button>
                </footer>
            </form>
        </Modal>
    }
}

/// Joins a room by its link.
#[component]
pub(crate) fn JoinDialog() -> impl IntoView {
    let app = expect_context::<App>();
    let handle = ModalHandle::new();
    let (link, busy, failure) = (RwSignal::new(String::new()), RwSignal::new(false), RwSignal::new(None::<String>));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let joined = app.join_pasted(&link.get_untracked()).await;
            let _ = busy.try_set(false);
            match joined {
                Ok(()) => handle.close(),
                Err(error) => drop(failure.try_set(Some(error.to_string()))),
            }
        });
    };
    view! {
        <Modal handle=handle title="Join a room" class="form-modal">
            <form on:submit=submit novalidate>
                <div class="modal-body">
                    <label class="field">
                        <span>"Room link"</span>
                        <input
                            type="text"
                            autofocus
                            autocomplete="off"
                            autocapitalize="none"
                            spellcheck="false"
                            enterkeyhint="go"
                            placeholder="https://…/#…"
                            aria-invalid=live(move || failure.with(Option::is_some).to_string())
                            aria-describedby="form-problem form-hint"
                            prop:value=live(move || link.get())
                            on:input=move |event| link.set(event_target_value(&event))
                        />
                    </label>
                    <p id="form-hint" class="hint">"Somebody who is in the room finds it under “Share”."</p>
                    <p id="form-problem" class="problem" role="alert">{live(move || failure.get())}</p>
                </div>
                <footer class="modal-foot">
                    <button type="button" on:click=move |_| handle.close()>"Cancel"</button>
                    <button type="submit" class="primary" aria-disabled=live(move || busy.get().to_string())>"Join"</button>
                </footer>
            </form>
        </Modal>
    }
}

/// Renames a room, or leads to leaving it.
#[component]
pub(crate) fn SettingsDialog(
    /// Which room.
    room: Room,
) -> impl IntoView {
    let handle = ModalHandle::new();
    let (draft, busy, failure) = (RwSignal::new(None::<String>), RwSignal::new(false), RwSignal::new(None::<String>));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let name = one_line(&draft.get_untracked().unwrap_or_else(|| room.name.get_untracked()));
        if name.is_empty() {
            failure.set(Some("A room needs a name.".to_owned()));
            return;
        }
        if name == room.name.get_untracked() {
            handle.close();
            return;
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let renamed = room.rename(name).await;
            let _ = busy.try_set(false);
            match renamed {
                Ok(()) => handle.close(),
                Err(error) => drop(failure.try_set(Some(text::not_saved(&error)))),
            }
        });
    };
    view! {
        <Modal handle=handle title="Room settings" class="form-modal">
            <form on:submit=submit novalidate>
                <div class="modal-body">
                    <label class="field">
                        <span>"Room name"</span>
                        <input
                            type="text"
                            autocomplete="off"
                            enterkeyhint="done"
                            aria-invalid=live(move || failure.with(Option::is_some).to_string())
                            aria-describedby="form-problem form-hint"
                            prop:value=live(move || draft.get().unwrap_or_else(|| room.name.get()))
                            on:input=move |event| draft.set(Some(event_target_value(&event)))
                        />
                    </label>
                    <p id="form-hint" class="hint">"Everybody in the room sees the new name."</p>
                    <p id="form-problem" class="problem" role="alert">{live(move || failure.get())}</p>
                </div>
                <footer class="modal-foot">
                    <button type="button" class="danger start" on:click=move |_| handle.close_then(Dialog::Leave)>
                        "Leave room"
                    </button>
                    <button type="submit" class="primary" aria-disabled=live(move || busy.get().to_string())>"Save"</button>
                </footer>
            </form>
        </Modal>
    }
}

/// Makes sure that leaving is meant.
#[component]
pub(crate) fn LeaveDialog(
    /// Which room.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let handle = ModalHandle::new();
    let (busy, failure) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let leave = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let left = app.leave(room).await;
            let _ = busy.try_set(false);
            match left {
                Ok(()) => handle.close(),
                Err(error) => drop(failure.try_set(Some(error.to_string()))),
            }
        });
    };
    view! {
        <Modal handle=handle title="Leave this room?" class="form-modal">
            <div class="modal-body">
                <p>{text::LEAVE_EXPLAINED}</p>
                <p class="problem" role="alert">{live(move || failure.get())}</p>
            </div>
            <footer class="modal-foot">
                <button type="button" autofocus on:click=move |_| handle.close()>"Cancel"</button>
                <button type="button" class="danger solid" aria-disabled=live(move || busy.get().to_string()) on:click=leave>
                    "Leave"
                </button>
            </footer>
        </Modal>
    }
}
