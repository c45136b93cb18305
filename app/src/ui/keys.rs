//! What single keys do in a room, where nothing is being typed.

use leptos::prelude::*;
use partyline_core::id::TaskId;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

use super::find_bar;
use crate::model::app::{App, Dialog};
use crate::model::moves::Step;
use crate::model::room::Room;
use crate::model::shifts::shift;
use crate::platform;

/// Dialogs to which keys belong: one that is over all else, and one beside the list that has the keyboard.
pub(super) const ANY_DIALOG: &str = "dialog:modal, dialog:focus-within";

/// Whether keys belong to a dialog, which may be here in a moment.
pub(super) fn are_taken(app: App, by: &str) -> bool {
    app.dialog.with_untracked(Option::is_some) || matches!(document().query_selector(by), Ok(Some(_)))
}

/// A key was pressed in a room. Whether it meant something.
pub(super) fn pressed(app: App, room: Room, event: &KeyboardEvent) -> bool {
    if event.is_composing() || event.ctrl_key() || event.meta_key() {
        return false;
    }
    let focused = platform::focused();
    let row = focused.as_ref().and_then(|element| task_at(element));
    if event.alt_key() {
        let step = match event.key().as_str() {
            "ArrowUp" => Step::Up,
            "ArrowDown" => Step::Down,
            _ => return false,
        };
        return row.map(|task| app.with_rest(move || shift(room, task, step))).is_some();
    }
    match event.key().as_str() {
        // An arrow is no letter: it is there whether single keys are switched off or not.
        "ArrowUp" if row.is_some() => go(focused, Element::previous_element_sibling),
        "ArrowDown" if row.is_some() => go(focused, Element::next_element_sibling),
        "ArrowLeft" | "ArrowRight" => row.is_some_and(|task| fold(room, task, event.key() == "ArrowLeft")),
        "Escape" if room.listing().finding.get_untracked() => {
            find_bar::clear(room);
            true
        }
        key if app.single_keys.get_untracked() && !is_typing(focused.as_ref()) => letter(app, room, row, key),
        _ => false,
    }
}

fn letter(app: App, room: Room, row: Option<TaskId>, key: &str) -> bool {
    match (key, row) {
        ("/", _) => app.with_rest(move || find_bar::find(room)),
        ("n", _) => drop(platform::focus(".add input")),
        ("e", Some(task)) => app.dialog.set(Some(Dialog::Task(task))),
        ("x", Some(task)) => drop(platform::click(&format!("[data-task='{task}'] input"))),
        _ => return false,
    }
    true
}

/// Folds the subtasks of a task away or shows them. Whether it has any.
fn fold(room: Room, task: TaskId, is_closed: bool) -> bool {
    let has_any = untrack(|| room.is_closed(task).is_some());
    if has_any {
        room.fold_subtasks(task, is_closed);
    }
    has_any
}

/// The task in whose row an element is.
pub(super) fn task_at(element: &Element) -> Option<TaskId> {
    let row = element.closest("[data-task]").ok().flatten()?;
    TaskId::parse(&row.get_attribute("data-task")?).ok()
}

/// Gives the keyboard to the like control of the row beside this one.
pub(super) fn go(from: Option<HtmlElement>, beside: fn(&Element) -> Option<Element>) -> bool {
    let target = from.and_then(|control| {
        let like = ["input", ".task-title", ".task-more"].into_iter().find(|one| control.matches(one) == Ok(true))?;
        let mut row = beside(&control.closest("li").ok().flatten()?)?;
        loop {
            if let Some(found) = row.query_selector(like).ok().flatten() {
                return found.dyn_into::<HtmlElement>().ok();
            }
            row = beside(&row)?;
        }
    });
    target.is_some_and(|target| target.focus().is_ok())
}

pub(super) fn is_typing(focused: Option<&HtmlElement>) -> bool {
    focused.is_some_and(|element| {
        element.matches("textarea, select, input:not([type=checkbox]), [contenteditable]").unwrap_or(true)
    })
}
