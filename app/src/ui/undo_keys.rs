//! The keys and buttons that take back what was done last, and do it again.

use std::cell::Cell;

use gloo_events::EventListener;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{EventTarget, HtmlInputElement, KeyboardEvent};

use crate::model::app::App;
use crate::model::room::Room;
use crate::model::undo::{Want, want};
use crate::platform;

thread_local! {
    /// Whether the person types in the field that has the keyboard: what was typed there is the browser's to undo, also
    /// where nothing is left of it.
    static IS_TYPED: Cell<bool> = const { Cell::new(false) };
}

/// A key that takes something back, or does it again. Whether it was one.
pub(super) fn pressed(room: Room, event: &KeyboardEvent) -> bool {
    let is_command = (event.ctrl_key() || event.meta_key()) && !event.alt_key();
    let key = event.key();
    let is_z = key.eq_ignore_ascii_case("z");
    let what = match event.shift_key() {
        false if is_z => Want::Undo,
        true if is_z => Want::Redo,
        // On a Mac it shows the browser's history.
        false if key.eq_ignore_ascii_case("y") && !event.meta_key() => Want::Redo,
        _ => return false,
    };
    let is_meant = is_command && !is_in_text();
    if is_meant {
        want(room, what);
    }
    is_meant
}

/// Whether the keyboard is in a text, which has an undo of its own.
fn is_in_text() -> bool {
    platform::focused().is_some_and(|element| match element.dyn_ref::<HtmlInputElement>() {
        Some(input) => input.type_() != "checkbox" && (IS_TYPED.get() || !input.value().is_empty()),
        None => element.matches("textarea, [contenteditable]") != Ok(false),
    })
}

/// Listens for typing.
pub(super) fn listen(window: &EventTarget) -> [EventListener; 3] {
    let on = |name, is_typed| EventListener::new(window, name, move |_| IS_TYPED.set(is_typed));
    // A line that is sent off is typed no more.
    [on("input", true), on("submit", false), on("focusin", false)]
}

/// Has the buttons of messages do what they say, whichever room they are of.
pub(super) fn follow(app: App) {
    super::live::effect(move || {
        let action = app.notices.wanted.get();
        if action > 0 {
            app.notices.wanted.set(0);
            if let Some(room) = app.room_of(action) {
                want(room, Want::Step(action));
            }
        }
    });
}
