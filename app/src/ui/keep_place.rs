//! What a person looks at or types into stays where it is while others add, move and delete.

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use wasm_bindgen::JsCast;
use web_sys::{Element, FocusOptions, HtmlElement};

use super::keys::task_at;
use crate::model::listing::Row;
use crate::model::room::Order;
use crate::platform;

/// Lets the first row in view that is still there afterwards keep its place in the view.
///
/// Browsers do so by themselves ("scroll anchoring"), but not where the row that they held on to is taken out of the
/// document for a moment, and Safari not at all. At the top of the list what is new shows.
pub(super) fn keep_view(order: &Order) {
    if window().scroll_y().is_ok_and(|scrolled| scrolled <= 0.0) {
        return;
    }
    let rows = order.window.part(&order.rows);
    let below = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default();
    let top = |row: &Element| row.get_bounding_client_rect().top();
    let mut next = document().query_selector(".tasks > li").ok().flatten();
    while let Some(row) = next {
        next = row.next_element_sibling();
        let is_kept = || task_at(&row).is_some_and(|task| rows.contains(&Row::Task(task)));
        if top(&row) >= below {
            // What is in view is all new: somebody has scrolled far.
            return;
        }
        if row.get_bounding_client_rect().bottom() > covered() && is_kept() {
            let before = top(&row);
            spawn_local(async move {
                tick().await;
                scroll_with(&row, before);
            });
            return;
        }
    }
}

/// Scrolls as far as a row has moved since its top was there in the view.
pub(super) fn scroll_with(row: &Element, before: f64) {
    let moved = row.get_bounding_client_rect().top() - before;
    if row.is_connected() && moved.abs() >= 1.0 {
        window().scroll_by_with_x_and_y(0.0, moved);
    }
}

/// Gives an element the keyboard without scrolling to it. Whether it took that.
pub(super) fn focus_in_place(element: &HtmlElement) -> bool {
    let without_scrolling = FocusOptions::new();
    without_scrolling.set_prevent_scroll(true);
    element.focus_with_options(&without_scrolling).is_ok()
}

/// How much of the view is covered by what sticks to its upper edge, in CSS pixels.
fn covered() -> f64 {
    let head = document().query_selector(".room-head").ok().flatten();
    head.map_or(0.0, |head| head.get_bounding_client_rect().bottom())
}

/// Lets the keyboard stay where it is while rows move or go away.
///
/// A row that moves is taken out of the document for a moment, and what it holds loses the keyboard. A row that goes
/// away hands it to the row that takes its place.
pub(super) fn keep_focus(order: &Order) {
    let Some(before) = platform::focused() else { return };
    let Some(row) = before.closest("[data-task]").ok().flatten() else { return };
    let is_gone = task_at(&row).is_none_or(|id| !order.rows.contains(&Row::Task(id)));
    let heir = row.next_element_sibling().or_else(|| row.previous_element_sibling()).filter(|_| is_gone);
    spawn_local(async move {
        tick().await;
        if platform::focused().is_some() {
            return;
        }
        let heir =
            || heir.and_then(|row| row.query_selector("input, button").ok().flatten()?.dyn_into::<HtmlElement>().ok());
        let target = if before.is_connected() { Some(before) } else { heir().filter(|target| target.is_connected()) };
        match target {
            Some(target) => _ = focus_in_place(&target),
            None if is_gone => drop(platform::focus(".add input")),
            // It was scrolled away.
            None => {}
        }
    });
}
