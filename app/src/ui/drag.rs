//! Tasks are dragged by the grip of their row, by mouse, pen or finger: the rest of the row scrolls as ever.
//!
//! The pointer is captured by the list and not by the row, which may be scrolled off the page, or be changed by somebody
//! else, while it is dragged.

use gloo_events::EventListener;
use leptos::prelude::*;
use partyline_core::id::{SectionId, TaskId};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent, PointerEvent};

use super::gestures::first;
use super::keys::task_at;
use crate::model::bulk::drop_chosen;
use crate::model::moves::Step;
use crate::model::room::Room;
use crate::model::shifts::shift;

/// So far the pointer moves before it drags and is not a tap, in CSS pixels.
const SLACK: f64 = 6.0;
/// So near an edge of the view the list scrolls, in CSS pixels: behind what sticks there.
const EDGE: f64 = 140.0;
/// So far it scrolls in a frame, in CSS pixels.
const SPEED: f64 = 10.0;

/// The attribute of rows that says what dragging makes of them.
const MARK: &str = "data-drag";

/// A pointer that has taken hold of a task.
#[derive(Clone, Copy)]
struct Hold {
    task: TaskId,
    pointer: i32,
    began_at: f64,
    now_at: f64,
    is_drag: bool,
}

/// The dragging of a list.
#[derive(Clone, Copy)]
struct Drag {
    room: Room,
    hold: StoredValue<Option<Hold>>,
}

/// Listens for a pointer on the grips of a list, until the listeners are dropped.
pub(super) fn listen(room: Room, list: &Element) -> Vec<EventListener> {
    let drag = Drag { room, hold: StoredValue::new(None) };
    let on = |name: &'static str, hear: fn(Drag, &PointerEvent)| {
        EventListener::new(list, name, move |event| {
            if let Some(event) = event.dyn_ref() {
                hear(drag, event);
            }
        })
    };
    vec![
        on("pointerdown", Drag::down),
        on("pointermove", Drag::moved),
        on("pointerup", Drag::up),
        on("pointercancel", |drag, _| _ = drag.cancel()),
        EventListener::new_with_options(&window(), "keydown", first(), move |event| {
            if event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.key() == "Escape") && drag.cancel() {
                event.prevent_default();
                event.stop_immediate_propagation();
            }
        }),
    ]
}

impl Drag {
    /// A pointer went down.
    fn down(self, event: &PointerEvent) {
        let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
        if event.button() != 0 || target.closest(".task-more").ok().flatten().is_none() {
            return;
        }
        let at = f64::from(event.client_y());
        if let Some(task) = task_at(&target).filter(|task| self.room.can_move(*task)) {
            let pointer = event.pointer_id();
            self.hold.set_value(Some(Hold { task, pointer, began_at: at, now_at: at, is_drag: false }));
        }
    }

    /// It moved.
    fn moved(self, event: &PointerEvent) {
        let Some(mut hold) = self.hold.get_value().filter(|hold| hold.pointer == event.pointer_id()) else { return };
        hold.now_at = f64::from(event.client_y());
        if !hold.is_drag && (hold.now_at - hold.began_at).abs() > SLACK {
            hold.is_drag = true;
            // A pointer that is gone by now drags nothing.
            let list = event.current_target().and_then(|list| list.dyn_into::<Element>().ok());
            if list.is_none_or(|list| list.set_pointer_capture(hold.pointer).is_err()) {
                self.hold.set_value(None);
                return;
            }
            self.scroll_at_edges();
        }
        self.hold.set_value(Some(hold));
        self.show();
    }

    /// It let go: here the task is to stand.
    fn up(self, event: &PointerEvent) {
        self.moved(event);
        let hold = self.take();
        if let Some(hold) = hold.filter(|hold| hold.is_drag)
            && let Some(target) = self.target(hold)
        {
            if self.room.listing().chosen.with_untracked(|chosen| chosen.contains(&hold.task)) {
                drop_chosen(self.room, hold.task, target.step);
            } else {
                shift(self.room, hold.task, target.step);
            }
        }
    }

    /// The pointer is gone, or the person wants it back: nothing comes of it. Whether something was dragged.
    fn cancel(self) -> bool {
        self.take().is_some_and(|hold| hold.is_drag)
    }

    fn take(self) -> Option<Hold> {
        let hold = self.hold.try_update_value(Option::take).flatten();
        for line in lines() {
            unmark(&line);
        }
        hold
    }

    /// Marks the row that is dragged, and where it would stand.
    fn show(self) {
        let Some(hold) = self.hold.get_value().filter(|hold| hold.is_drag) else { return };
        let lines = lines();
        for line in &lines {
            unmark(line);
            if task_at(line) == Some(hold.task) {
                let _ = line.set_attribute(MARK, "held");
                let _ = line.style().set_property("translate", &format!("0 {}px", self.lifted(hold, line)));
            }
        }
        if let Some(Target { beside: Some((line, side)), .. }) = self.target(hold) {
            let _ = line.set_attribute(MARK, side);
        }
    }

    /// How far the row is from where it would be without being dragged, so that it is under the pointer.
    fn lifted(self, hold: Hold, row: &Element) -> f64 {
        let place = row.get_bounding_client_rect();
        hold.now_at - place.top() - place.height() / 2.0
    }

    /// Where the task would stand: before the first line whose middle is below the pointer. Before a heading is behind all
    /// that is above it.
    fn target(self, hold: Hold) -> Option<Target> {
        let beside = self.room.beside(hold.task);
        let is_subtask = self.room.parent(hold.task).is_some();
        let sections = self.room.listing().headings.with_untracked(|headings| headings.sections.clone());
        let mut last = None;
        for line in lines() {
            let task = task_at(&line);
            let section = if is_subtask { None } else { section_at(&line) };
            if task == Some(hold.task) || section.is_none() && task.is_none_or(|task| !beside.contains(&task)) {
                continue;
            }
            let place = line.get_bounding_client_rect();
            if place.top() + place.height() / 2.0 > hold.now_at {
                let above = |section| sections.iter().take_while(|(id, _)| *id != section).last().map(|(id, _)| *id);
                let step = match (task, section) {
                    (Some(task), _) => Step::Before(task),
                    (None, section) => Step::Into(section.and_then(above)),
                };
                return Some(Target { step, beside: Some((line, "above")) });
            }
            last = Some(line);
        }
        let step = match sections.last() {
            Some((section, _)) if !is_subtask => Step::Into(Some(*section)),
            _ => Step::Bottom,
        };
        (!beside.is_empty()).then(|| Target { step, beside: last.map(|line| (line, "below")) })
    }

    /// Scrolls, frame by frame, while the pointer is near an edge.
    fn scroll_at_edges(self) {
        request_animation_frame(move || {
            let Some(Some(hold)) = self.hold.try_get_value() else { return };
            let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default();
            if hold.now_at < EDGE {
                window().scroll_by_with_x_and_y(0.0, -SPEED);
                self.show();
            } else if hold.now_at > height - EDGE {
                window().scroll_by_with_x_and_y(0.0, SPEED);
                self.show();
            }
            self.scroll_at_edges();
        });
    }
}

/// Where a task that is dragged would stand, and on which side of which line that is shown.
struct Target {
    step: Step,
    beside: Option<(HtmlElement, &'static str)>,
}

/// The lines of the list that are on the page.
fn lines() -> Vec<HtmlElement> {
    let first = document().query_selector(".tasks > li").ok().flatten();
    std::iter::successors(first, Element::next_element_sibling).filter_map(|line| line.dyn_into().ok()).collect()
}

/// The section whose heading an element is.
fn section_at(element: &Element) -> Option<SectionId> {
    SectionId::parse(&element.get_attribute("data-section")?).ok()
}

fn unmark(row: &HtmlElement) {
    let _ = row.remove_attribute(MARK);
    let _ = row.style().set_property("translate", "none");
}
