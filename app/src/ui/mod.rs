//! The markup. The accessible names in here are an interface: tests and assistive technology rely on them.

// What `#[component]` derives from a function is `pub` whatever the function is.
#![allow(unreachable_pub)]

mod add_task;
mod by_hand_dialog;
mod choosing;
mod comment_list;
mod copy_task_link;
mod devices_dialog;
mod dialogs;
mod drag;
mod everywhere_dialog;
mod filter_chips;
mod find_bar;
mod gestures;
mod icon;
mod keep_place;
mod keys;
mod live;
mod markdown;
mod modal;
mod notices;
mod other_device_dialog;
mod palette;
mod qr;
mod quick_chips;
mod room_dialogs;
mod room_view;
mod rooms;
mod section_dialogs;
mod section_heading;
mod share_dialog;
#[cfg(feature = "next")]
mod sign_offs;
mod subtask_editor;
mod task_actions;
mod task_check;
mod task_dialog;
mod task_panel;
mod task_row;
mod to_room;
mod trash_dialog;
mod trouble;
mod undo_keys;
mod warning;
mod welcome;
mod when;

use std::time::Duration;

use gloo_events::EventListener;
use js_sys::Reflect;
use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::CHANNEL;
use partyline_core::id::RoomId;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

use crate::model::app::{App, Dialog, Screen};
use crate::model::network::connect;
use crate::platform;
use crate::shell::{self, ShellError};
use crate::text;
use live::{effect, maybe, part};

/// How often the page looks whether midnight has passed, and whether it missed an announcement.
const TIME_CHECK: Duration = Duration::from_secs(60);

/// Puts the app into the page, in place of the page's own "starting" message.
pub(crate) fn mount() {
    if let Some(starting) = document().get_element_by_id("starting") {
        starting.remove();
    }
    leptos::mount::mount_to_body(Root);
    platform::mark("partyline:shell");
}

#[component]
fn Root() -> impl IntoView {
    let app = App::new();
    app.mend_address();
    provide_context(app);
    let trouble = RwSignal::new(None::<ShellError>);
    let owner = Owner::current().unwrap_or_default();
    spawn_local(async move {
        if let Err(error) = shell::start().await {
            trouble.set(Some(error));
            return;
        }
        listen(app);
        owner.with(|| connect(app));
        // Not waited for: should the first read be lost, updates come all the same.
        spawn_local(app.start());
        shell::watch_updates(move || app.update_waits.set(true)).await;
    });
    let screen = Memo::new(move |_| app.screen.get());
    effect(move || {
        if screen.with(Screen::is_drawn) {
            request_animation_frame(move || app.rest.load());
        }
    });
    view! {
        {part(move || match trouble.get() {
            Some(error) => trouble::trouble(&error).into_any(),
            None => match screen.get() {
                Screen::Starting => view! { <p class="starting" role="status">"Starting…"</p> }.into_any(),
                Screen::Joining => view! { <p class="starting" role="status">"Joining the room…"</p> }.into_any(),
                Screen::Failed(why) => trouble::failed(why).into_any(),
                Screen::BadLink(why) => welcome::bad_link(app, why).into_any(),
                Screen::Welcome => welcome::welcome(app).into_any(),
                Screen::Room(room) => view! {
                    <div class="layout">
                        <rooms::Sidebar />
                        <room_view::RoomView room=room />
                    </div>
                }.into_any(),
            },
        })}
        <notices::NoticeList />
        {maybe(move || Some(if app.rest.is_here() { dialogs::show(app) } else { waiting(app, app.dialog.get()?) }))}
    }
}

/// A dialog is to open whose code is not here yet.
fn waiting(app: App, dialog: Dialog) -> AnyView {
    app.bring(dialog);
    view! { <p class="waiting-modal" role="status">{text::LOADING}</p> }.into_any()
}

/// Listens for what concerns the whole page: announcements of the service worker, the address bar, the person's return.
fn listen(app: App) {
    if let Ok(channel) = BroadcastChannel::new(CHANNEL) {
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| announced(app, &event.data()));
        channel.set_onmessage(Some(heard.into_js_value().unchecked_ref()));
        // Lives as long as the page does.
        std::mem::forget(channel);
    }
    let _ = window_event_listener(leptos::ev::hashchange, move |_| app.address_changed());
    let _ = window_event_listener_untyped("pageshow", move |event| {
        // Without that it is a page that is there for the first time.
        if Reflect::get(&event, &JsValue::from_str("persisted")).is_ok_and(|persisted| persisted.is_truthy()) {
            app.returned();
        }
    });
    let _ = window_event_listener_untyped("visibilitychange", move |_| {
        if platform::is_shown() {
            app.returned();
        }
    });
    // The page lifecycle, which Chromium has: a frozen page need not be hidden. <https://wicg.github.io/page-lifecycle/>
    EventListener::new(&document(), "resume", move |_| app.returned()).forget();
    let _ = window_event_listener_untyped("scroll", move |_| {
        if let Some(room) = app.screen.with_untracked(Screen::room) {
            room_view::follow_scrolling(room);
        }
    });
    let _ = window_event_listener(leptos::ev::keydown, move |event| {
        let is_meant = !keys::are_taken(app, keys::ANY_DIALOG)
            && app.screen.with_untracked(Screen::room).is_some_and(|room| keys::pressed(app, room, &event));
        if is_meant {
            event.prevent_default();
        }
    });
    set_interval(move || app.check_time(), TIME_CHECK);
}

fn announced(app: App, message: &JsValue) {
    match platform::text_entry(message, "type").as_deref() {
        Some("rooms") => app.rooms_announced(),
        Some(kind @ ("changed" | "renewed")) => {
            let room = platform::text_entry(message, "room").and_then(|room| RoomId::parse(&room).ok());
            match room {
                Some(room) if kind == "changed" => app.changes_announced(room),
                Some(room) => app.renewal_announced(room),
                None => {}
            }
        }
        _ => {}
    }
}
