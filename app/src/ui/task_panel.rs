//! A task's details, beside the list where the window is wide. There the list goes on: another task takes their place, and
//! its row says which one is shown.

use gloo_events::EventListener;
use js_sys::{Function, Reflect};
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use partyline_core::id::TaskId;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, EventTarget, HtmlDialogElement, HtmlElement, KeyboardEvent};

use super::keep_place::{focus_in_place, scroll_with};
use super::live::{effect, rows};
use super::modal::{self, ModalHandle};
use super::task_dialog::TaskDialog;
use crate::model::app::{App, Dialog, Screen};
use crate::model::room::Room;
use crate::model::task_place::{Turn, WIDE, is_over, turn};
use crate::platform;

/// The details.
const DETAILS: &str = ".task-modal";
/// What has the keyboard when they open.
const FIRST: &str = ".task-modal .modal-head button";

/// The task whose details are on show. A type of its own, so that what is generic in it is in the rest of the app.
#[derive(Clone, Copy)]
struct Shown {
    room: Room,
    id: TaskId,
}

/// The details that are on show, of one task at most.
#[derive(Clone, Copy)]
struct TaskPanel {
    app: App,
    shown: RwSignal<Option<Shown>>,
    /// How those are closed.
    handle: StoredValue<Option<ModalHandle>>,
    is_over: Memo<bool>,
}

/// The place for a task's details. There is one, for as long as the page is.
pub(super) fn panel(app: App) -> AnyView {
    let is_wide = is_wide();
    let panel = TaskPanel {
        app,
        shown: RwSignal::new(None),
        handle: StoredValue::new(None),
        is_over: Memo::new(move |_| is_over(is_wide.get(), app.dialog.get())),
    };
    let put_away = Callback::new(move |()| panel.put_away());
    effect(move || {
        if let Some(Dialog::Task(task)) = app.dialog.get() {
            app.dialog.set(None);
            untrack(|| panel.ask(task));
        }
    });
    effect(move || panel.leave_with(app.room()));
    effect(move || panel.mark());
    rows(
        move || panel.shown.get().into_iter().collect(),
        |shown| shown.id.to_string(),
        move |Shown { room, id }| {
            let handle = ModalHandle::of_panel(modal::Panel { is_over: panel.is_over, put_away });
            panel.handle.set_value(Some(handle));
            let keys = window_event_listener(leptos::ev::keydown, move |event| {
                if panel.pressed(&event) {
                    event.prevent_default();
                }
            });
            on_cleanup(move || keys.remove());
            room.task(id).map(|task| view! { <TaskDialog room=room id=id task=task handle=handle /> })
        },
    )
}

/// Whether there is room beside the list. By reflection: bindings are in the first part of the page.
fn is_wide() -> RwSignal<bool> {
    let is_wide = RwSignal::new(false);
    let ask = Reflect::get(&window(), &"matchMedia".into()).ok().and_then(|ask| ask.dyn_into::<Function>().ok());
    if let Some(query) = ask.and_then(|ask| ask.call1(&window(), &WIDE.into()).ok()) {
        is_wide.set(is(&query, "matches"));
        let changed = query.clone();
        // Lives as long as the page does.
        let listener = EventListener::new(query.unchecked_ref::<EventTarget>(), "change", move |_| {
            is_wide.set(is(&changed, "matches"));
        });
        listener.forget();
    }
    is_wide
}

fn is(object: &JsValue, property: &str) -> bool {
    Reflect::get(object, &property.into()).is_ok_and(|value| value.is_truthy())
}

impl TaskPanel {
    /// Somebody wants to see a task.
    fn ask(self, id: TaskId) {
        let room = self.app.screen.with_untracked(Screen::room).filter(|room| room.task(id).is_some());
        let Some(room) = room else { return };
        let shown = self.shown.get_untracked().map(|shown| shown.id);
        match turn(shown, id, || self.may_leave()) {
            Turn::Enter => drop(platform::focus(FIRST)),
            Turn::Stay => {}
            Turn::Show => {
                // Its row stays where it is, unless that is being brought into view.
                row_of(id).filter(is_in_view).into_iter().for_each(keep);
                // What had the keyboard before gets it once more, and then when these are closed.
                close();
                self.shown.set(Some(Shown { room, id }));
            }
        }
    }

    /// Saves what was typed. Whether all of it could be.
    fn may_leave(self) -> bool {
        self.handle.get_value().is_none_or(ModalHandle::may_close)
    }

    /// Has the details go with the room that they are of. What cannot be saved is there again when they are.
    fn leave_with(self, room: Option<Room>) {
        if self.shown.with_untracked(|shown| shown.is_some_and(|shown| Some(shown.room) != room)) {
            let _ = untrack(|| self.may_leave());
            self.shown.set(None);
        }
    }

    /// Takes the details away. The keyboard goes back to the row if it was in them.
    fn put_away(self) {
        let Some(Shown { id, .. }) = self.shown.get_untracked() else { return };
        let is_over = self.is_over.get_untracked();
        let has_keyboard =
            platform::focused().is_none_or(|held| held.closest(DETAILS).is_ok_and(|held| held.is_some()));
        if !is_over {
            row_of(id).filter(is_in_view).or_else(first_in_view).into_iter().for_each(keep);
        }
        // Over the list, the browser gives the keyboard back.
        close();
        self.shown.set(None);
        if has_keyboard && !is_over && !focus_title(id) {
            platform::focus(".add input");
        }
    }

    /// A key was pressed, and meant nothing else. Whether it meant something here.
    fn pressed(self, event: &KeyboardEvent) -> bool {
        let is_free = !is(event, "defaultPrevented")
            && !event.is_composing()
            && !self.is_over.get_untracked()
            && self.app.dialog.with_untracked(Option::is_none);
        let Some(Shown { id, .. }) = self.shown.get_untracked().filter(|_| is_free) else { return false };
        match event.key().as_str() {
            "Escape" => self.handle.get_value().map(ModalHandle::close).is_some(),
            // Back to the list from where the details begin.
            "Tab" if event.shift_key() && platform::focused().is_some_and(|held| held.matches(FIRST) == Ok(true)) => {
                platform::focus(&title_of(id))
            }
            _ => false,
        }
    }

    /// Says of its row that a task is shown.
    fn mark(self) {
        let shown = self.shown.get();
        if let Some(Shown { room, .. }) = shown {
            room.order.track();
        }
        spawn_local(async move {
            tick().await;
            let find = |selector: &str| document().query_selector(selector).ok().flatten();
            if let Some(before) = find(".task-title[aria-current]") {
                let _ = before.remove_attribute("aria-current");
            }
            if let Some(title) = shown.and_then(|shown| find(&title_of(shown.id))) {
                let _ = title.set_attribute("aria-current", "true");
            }
        });
    }
}

/// Closes the dialog that is there.
fn close() {
    let details = document().query_selector(DETAILS).ok().flatten();
    if let Some(dialog) = details.and_then(|details| details.dyn_into::<HtmlDialogElement>().ok()) {
        dialog.close();
    }
}

fn title_of(id: TaskId) -> String {
    format!("[data-task='{id}'] .task-title")
}

fn row_of(id: TaskId) -> Option<Element> {
    document().query_selector(&format!("[data-task='{id}']")).ok().flatten()
}

fn is_in_view(row: &Element) -> bool {
    let place = row.get_bounding_client_rect();
    let below = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default();
    place.bottom() > 0.0 && place.top() < below
}

fn first_in_view() -> Option<Element> {
    let mut next = document().query_selector(".tasks > li").ok().flatten();
    while let Some(row) = next {
        if is_in_view(&row) {
            return Some(row);
        }
        next = row.next_element_sibling();
    }
    None
}

/// Lets a row keep its place in the view while the list gets narrower or wider.
fn keep(row: Element) {
    let before = row.get_bounding_client_rect().top();
    request_animation_frame(move || {
        scroll_with(&row, before);
    });
}

/// Gives the keyboard to a task's row, and does not scroll there. Whether it is on the page.
fn focus_title(id: TaskId) -> bool {
    let title = document().query_selector(&title_of(id)).ok().flatten();
    title.and_then(|title| title.dyn_into::<HtmlElement>().ok()).is_some_and(|title| focus_in_place(&title))
}
