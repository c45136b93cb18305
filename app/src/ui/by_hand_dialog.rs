use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use partyline_core::hand::{Code, HandStep};

use super::live::{live, part};
use super::modal::{Modal, ModalHandle};
use super::room_dialogs::scan_button;
use super::share_dialog::shown_link;
use crate::model::app::App;
use crate::model::room::Room;
use crate::model::trouble::obstacle_text;
use crate::platform;
use crate::text;

/// Connects two devices by codes that people carry from one screen to the other: either end of it.
#[component]
pub(crate) fn ByHandDialog(
    /// In which room.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let handle = ModalHandle::new();
    let head = Memo::new(move |_| room.status.with(|status| status.hand.head()));
    let failure = RwSignal::new(None::<String>);
    let unable =
        Memo::new(move |_| room.status.with(|status| status.obstacle.filter(|obstacle| obstacle.is_of_all_ways())));
    let stage = move || {
        head.with(|_| ());
        let unable = || unable.get();
        failure.set(None);
        let (step, code) = room.status.with_untracked(|status| (status.hand.step, status.hand.code.clone()));
        let link = |label| shown_link(room.name.get_untracked(), [&platform::origin(), "/#", &code].concat(), label);
        let anew = || button("New invitation", "", Box::new(move || app.invite_anew(room.id)));
        match step {
            HandStep::Idle | HandStep::Making => match unable() {
                Some(obstacle) => said(obstacle_text(obstacle)),
                None => said("One moment…"),
            },
            HandStep::Connecting => said("Connecting…"),
            HandStep::Connected => {
                let done = button("Done", "primary", Box::new(move || handle.close()));
                view! { {said("Connected. Changes go both ways now.")} {done} }.into_any()
            }
            HandStep::Failed => anew(),
            HandStep::Invited => view! {
                {paragraph(text::BY_HAND_EXPLAINED)}
                {heading("1. Show this to the other device")}
                {paragraph("There, scan it under “Join a room”, or open the link.")}
                {link("Invitation")}
                {anew()}
                {heading("2. Read the reply that it shows")}
                {reply_form(app, room, failure)}
            }
            .into_any(),
            HandStep::Replied => view! {
                {paragraph("You are in the room. The device that invited you has to read this reply now:")}
                {link("Reply")}
                {said("Waiting for the other device. Keep this page open.")}
            }
            .into_any(),
        }
    };
    view! {
        <Modal handle=handle title="Connect by code" class="share-modal">
            <div class="modal-body">
                {part(stage)}
                <p class="problem" role="alert">
                    {live(move || failure.get().or_else(|| room.status.with(|status| Some(status.hand.problem.clone()))))}
                </p>
            </div>
        </Modal>
    }
}

fn paragraph(words: &'static str) -> AnyView {
    view! { <p>{words}</p> }.into_any()
}

fn heading(words: &'static str) -> AnyView {
    view! { <h3>{words}</h3> }.into_any()
}

/// Words that are told when they come.
fn said(words: &'static str) -> AnyView {
    view! { <p role="status">{words}</p> }.into_any()
}

fn button(name: &'static str, class: &'static str, act: Box<dyn Fn() + Send>) -> AnyView {
    view! { <p class="ways"><button type="button" class=class on:click=move |_| act()>{name}</button></p> }.into_any()
}

/// Where the reply is scanned or pasted.
fn reply_form(app: App, room: Room, failure: RwSignal<Option<String>>) -> AnyView {
    let typed = RwSignal::new(None::<String>);
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let text = typed.get_untracked().unwrap_or_default();
        failure.set(match Code::parse(&text) {
            Ok(Code::Reply(_)) => {
                app.use_reply(room.id, text);
                None
            }
            Ok(Code::Invitation(_)) => Some(text::NOT_THE_REPLY.to_owned()),
            Err(error) => Some(error.to_string()),
        });
    };
    view! {
        <form class="by-hand" on:submit=on_submit novalidate>
            {scan_button("Scan the reply")}
            <label class="field">
                <span>"Reply"</span>
                <input
                    type="text"
                    autocomplete="off"
                    prop:value=live(move || typed.get().unwrap_or_default())
                    on:input=move |event| typed.set(Some(event_target_value(&event)))
                />
            </label>
            <p class="ways"><button type="submit" class="primary">"Connect"</button></p>
        </form>
    }
    .into_any()
}
