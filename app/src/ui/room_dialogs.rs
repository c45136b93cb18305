use std::pin::Pin;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::icon::Icon;
use super::live::live;
use super::modal::{Modal, ModalHandle};
use crate::model::app::{App, Dialog};
use crate::model::drafts::Draft;
use crate::model::field::one_line;
use crate::model::room::Room;
use crate::model::undo::{Want, want};
use crate::text;

/// What is being tried: the dialog that follows comes back, or what to tell the person.
pub(super) type Trying = Pin<Box<dyn Future<Output = Result<Option<Dialog>, String>>>>;

/// Makes a room.
#[component]
pub(crate) fn NewRoomDialog() -> impl IntoView {
    let app = expect_context::<App>();
    let form = LineForm {
        title: "New room",
        label: "Room name",
        hint: None,
        placeholder: "Household, Garage crew, …",
        is_link: false,
        given: Box::new(String::new),
        draft: Some(Draft::of_new_room()),
        submit: "Create",
        of_room: None,
        act: Box::new(move |name| {
            Box::pin(async move {
                let name = one_line(&name);
                if name.is_empty() {
                    return Err("Give the room a name first.".to_owned());
                }
                app.make_room(name).await.map(|()| None).map_err(|error| error.to_string())
            })
        }),
    };
    form.view()
}

/// Joins a room by its link.
#[component]
pub(crate) fn JoinDialog() -> impl IntoView {
    let app = expect_context::<App>();
    let form = LineForm {
        title: "Join a room",
        label: "Room link",
        hint: Some("Somebody who is in the room finds it under “Share”. An invitation code is good here, too."),
        placeholder: "https://…/#…",
        is_link: true,
        given: Box::new(String::new),
        draft: None,
        submit: "Join",
        of_room: None,
        act: Box::new(move |link| {
            Box::pin(async move { app.join_pasted(&link).await.map_err(|error| error.to_string()) })
        }),
    };
    form.view()
}

/// Renames a room, or leads to leaving it.
#[component]
pub(crate) fn SettingsDialog(
    /// Which room.
    room: Room,
) -> impl IntoView {
    let form = LineForm {
        title: "Room settings",
        label: "Room name",
        hint: Some("Everybody in the room sees the new name."),
        placeholder: "",
        is_link: false,
        given: Box::new(move || room.name.get()),
        draft: Some(Draft::of_name(room.id)),
        submit: "Save",
        of_room: Some(room),
        act: Box::new(move |name| {
            Box::pin(async move {
                let name = one_line(&name);
                if name.is_empty() {
                    return Err("A room needs a name.".to_owned());
                }
                if name == room.name.get_untracked() {
                    return Ok(None);
                }
                room.rename(name).await.map(|()| None).map_err(|error| text::not_saved(&error))
            })
        }),
    };
    form.view()
}

/// Makes sure that leaving is meant.
#[component]
pub(crate) fn LeaveDialog(
    /// Which room.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let handle = ModalHandle::new();
    let attempt = Attempt::new(handle);
    let leave = move |_| {
        attempt.start(move || {
            Box::pin(async move { app.leave(room).await.map(|()| None).map_err(|error| error.to_string()) })
        });
    };
    view! {
        <Modal handle=handle title="Leave this room?" class="form-modal">
            <div class="modal-body">
                <p>{text::LEAVE_EXPLAINED}</p>
                {attempt.problem()}
            </div>
            <footer class="modal-foot">
                <button type="button" autofocus on:click=move |_| handle.close()>"Cancel"</button>
                <button type="button" class="danger solid" aria-disabled=live(move || attempt.is_busy()) on:click=leave>
                    "Leave"
                </button>
            </footer>
        </Modal>
    }
}

/// Something that a dialog does before it closes; until then a second press does nothing.
#[derive(Clone, Copy)]
struct Attempt {
    handle: ModalHandle,
    busy: RwSignal<bool>,
    failure: RwSignal<Option<String>>,
}

impl Attempt {
    fn new(handle: ModalHandle) -> Self {
        Self { handle, busy: RwSignal::new(false), failure: RwSignal::new(None) }
    }

    fn start(self, act: impl FnOnce() -> Trying) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        let trying = act();
        spawn_local(async move {
            let done = trying.await;
            // Closed meanwhile: the dialog's signals are gone, and nobody is there to be told.
            if self.busy.try_set(false).is_some() {
                return;
            }
            match done {
                Ok(None) => self.handle.close(),
                Ok(Some(next)) => self.handle.close_then(next),
                Err(why) => self.failure.set(Some(why)),
            }
        });
    }

    fn is_busy(self) -> String {
        self.busy.get().to_string()
    }

    fn problem(self) -> impl IntoView {
        view! { <p id="form-problem" class="problem" role="alert">{live(move || self.failure.get())}</p> }
    }
}

/// Has a camera fill in the form that it stands in and send it off. That is done by `static/camera.js`.
pub(super) fn scan_button(label: &'static str) -> AnyView {
    view! {
        <p class="ways"><button type="button" data-scan="">{Icon::Camera.draw()} {label}</button></p>
        <p class="problem" role="alert" data-scan-problem=""></p>
    }
    .into_any()
}

/// What else can be done with a room.
fn ways(room: Room, handle: ModalHandle) -> impl IntoView {
    let lead = |words: &'static str, dialog: Dialog| {
        view! { <button type="button" on:click=move |_| handle.close_then(dialog)>{words}</button> }.into_any()
    };
    // Where there is no keyboard.
    let step = |words: &'static str, what: Want| {
        let go = move |_| {
            handle.close();
            want(room, what);
        };
        view! { <button type="button" on:click=go>{words}</button> }.into_any()
    };
    view! {
        <p class="ways">
            {step(text::UNDO, Want::Undo)}
            {step(text::REDO, Want::Redo)}
            {lead(text::TRASH, Dialog::Trash)}
            {lead(text::ADD_SECTION, Dialog::NewSection(None))}
        </p>
    }
}

/// Whether single keys do something on this device (WCAG 2.2, 2.1.4).
fn single_keys() -> impl IntoView {
    let app = expect_context::<App>();
    let set = move |is_on| app.set_single_keys(is_on);
    switch("Single keys on this device: ", text::SINGLE_KEYS, app.single_keys, Box::new(set))
}

/// Whether more than a title is understood in what is added on this device.
fn quick_add() -> impl IntoView {
    let app = expect_context::<App>();
    let set = move |is_on| app.set_quick_add(is_on);
    switch("Quick-add on this device: ", text::QUICK_ADD, app.quick_add, Box::new(set))
}

/// Something that is on or off on this device, with words that say what it does.
fn switch(name: &'static str, words: &'static str, is_on: RwSignal<bool>, set: Box<dyn Fn(bool)>) -> impl IntoView {
    view! {
        <label class="switch">
            <input
                type="checkbox"
                class="check"
                prop:checked=live(move || is_on.get())
                on:change=move |event| set(event_target_checked(&event))
            />
            <span>{name} <span class="muted">{words}</span></span>
        </label>
    }
}

/// A dialog with one line to fill in.
pub(super) struct LineForm {
    pub(super) title: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: Option<&'static str>,
    pub(super) placeholder: &'static str,
    /// Not words: nothing in it is to be corrected or capitalised.
    pub(super) is_link: bool,
    /// What stands in the line until it is typed into.
    pub(super) given: Box<dyn Fn() -> String + Send + Sync>,
    /// Where it is kept while it is typed; not a link, which is a secret.
    pub(super) draft: Option<Draft>,
    pub(super) submit: &'static str,
    /// Of which room it shows the settings, with the ways to what else can be done there.
    pub(super) of_room: Option<Room>,
    pub(super) act: Box<dyn Fn(String) -> Trying + Send + Sync>,
}

impl LineForm {
    pub(super) fn view(self) -> impl IntoView {
        let Self { title, label, hint, placeholder, is_link, given, draft, submit, of_room, act } = self;
        let typed = RwSignal::new(draft.as_ref().and_then(Draft::typed).map(|typed| typed.text));
        let kept = draft.clone();
        // Closed by what it did, or because the person gave it up.
        let handle = ModalHandle::new().guarded(move || {
            if let Some(draft) = &kept {
                draft.drop();
            }
            true
        });
        let attempt = Attempt::new(handle);
        let line = Signal::derive(move || typed.get().unwrap_or_else(&given));
        let on_submit = move |event: SubmitEvent| {
            event.prevent_default();
            attempt.start(|| act(line.get_untracked()));
        };
        let on_input = move |event| {
            let text = event_target_value(&event);
            if let Some(draft) = &draft {
                draft.keep(&text, "");
            }
            typed.set(Some(text));
        };
        let described_by = if hint.is_some() { "form-problem form-hint" } else { "form-problem" };
        let other = if of_room.is_some() {
            view! {
                <button type="button" class="danger start" on:click=move |_| handle.close_then(Dialog::Leave)>
                    "Leave room"
                </button>
            }
            .into_any()
        } else {
            view! { <button type="button" on:click=move |_| handle.close()>"Cancel"</button> }.into_any()
        };
        view! {
            <Modal handle=handle title=title class="form-modal">
                <form on:submit=on_submit novalidate>
                    <div class="modal-body">
                        <label class="field">
                            <span>{label}</span>
                            <input
                                type="text"
                                // A name that is there already is not in the way of who came to leave.
                                autofocus=of_room.is_none()
                                autocomplete="off"
                                autocapitalize=is_link.then_some("none")
                                spellcheck=is_link.then_some("false")
                                enterkeyhint=if is_link { "go" } else { "done" }
                                placeholder=placeholder
                                aria-invalid=live(move || attempt.failure.with(Option::is_some).to_string())
                                aria-describedby=described_by
                                prop:value=live(move || line.get())
                                on:input=on_input
                            />
                        </label>
                        {hint.map(|hint| view! { <p id="form-hint" class="hint">{hint}</p> })}
                        {attempt.problem()}
                        {of_room.map(|room| ways(room, handle))}
                        {of_room.map(|_| single_keys())}
                        {of_room.map(|_| quick_add())}
                        {is_link.then(|| scan_button("Scan a code"))}
                    </div>
                    <footer class="modal-foot">
                        {other}
                        <button type="submit" class="primary" aria-disabled=live(move || attempt.is_busy())>{submit}</button>
                    </footer>
                </form>
            </Modal>
        }
    }
}
