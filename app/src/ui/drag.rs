//! Tasks are dragged by the grip of their row, by mouse, pen or finger: the rest of the row scrolls as ever.
//!
//! The pointer is captured by the list and not by the row, which may be scrolled off the page, or be changed by somebody
//! else, while it is dragged.

use leptos::prelude::*;
use partyline_core::id::TaskId;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, PointerEvent};

use crate::model::bulk::drop_chosen;
use crate::model::moves::Step;
use crate::model::room::Room;

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
pub(super) struct Drag {
    room: Room,
    hold: StoredValue<Option<Hold>>,
}

impl Drag {
    /// Nothing is held.
    pub(super) fn of(room: Room) -> Self {
        Self { room, hold: StoredValue::new(None) }
    }

    /// A pointer went down.
    pub(super) fn down(self, event: &PointerEvent) {
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
    pub(super) fn moved(self, event: &PointerEvent) {
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
    pub(super) fn up(self, event: &PointerEvent) {
        self.moved(event);
        let hold = self.take();
        if let Some(hold) = hold.filter(|hold| hold.is_drag)
            && let Some(step) = self.target(hold)
        {
            if self.room.listing().chosen.with_untracked(|chosen| chosen.contains(&hold.task)) {
                drop_chosen(self.room, hold.task, step);
            } else {
                self.room.shift(hold.task, step);
            }
        }
    }

    /// The pointer is gone, or the person wants it back: nothing comes of it. Whether something was dragged.
    pub(super) fn cancel(self) -> bool {
        self.take().is_some_and(|hold| hold.is_drag)
    }

    fn take(self) -> Option<Hold> {
        let hold = self.hold.try_update_value(Option::take).flatten();
        for (row, _) in rows() {
            unmark(&row);
        }
        hold
    }

    /// Marks the row that is dragged, and where it would stand.
    fn show(self) {
        let Some(hold) = self.hold.get_value().filter(|hold| hold.is_drag) else { return };
        let step = self.target(hold);
        let beside = self.room.beside(hold.task);
        let open: Vec<_> = rows();
        let last = open.iter().rposition(|(_, task)| beside.contains(task));
        for (number, (row, task)) in open.iter().enumerate() {
            unmark(row);
            if *task == hold.task {
                let _ = row.set_attribute(MARK, "held");
                let _ = row.style().set_property("translate", &format!("0 {}px", self.lifted(hold, row)));
                continue;
            }
            match step {
                Some(Step::Before(before)) if before == *task => drop(row.set_attribute(MARK, "above")),
                Some(Step::Bottom) if Some(number) == last => drop(row.set_attribute(MARK, "below")),
                _ => {}
            }
        }
    }

    /// How far the row is from where it would be without being dragged, so that it is under the pointer.
    fn lifted(self, hold: Hold, row: &Element) -> f64 {
        let place = row.get_bounding_client_rect();
        hold.now_at - place.top() - place.height() / 2.0
    }

    /// Before which row the pointer is: before the first one whose middle is below it.
    fn target(self, hold: Hold) -> Option<Step> {
        let beside = self.room.beside(hold.task);
        let mut open = rows().into_iter().filter(|(_, task)| beside.contains(task)).peekable();
        open.peek()?;
        let below = open.find(|(row, task)| {
            let place = row.get_bounding_client_rect();
            *task != hold.task && place.top() + place.height() / 2.0 > hold.now_at
        });
        Some(below.map_or(Step::Bottom, |(_, task)| Step::Before(task)))
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

/// The rows of tasks that are on the page.
fn rows() -> Vec<(HtmlElement, TaskId)> {
    let mut rows = Vec::new();
    let mut next = document().query_selector(".tasks > li").ok().flatten();
    while let Some(row) = next {
        next = row.next_element_sibling();
        if let (Some(task), Ok(row)) = (task_at(&row), row.dyn_into()) {
            rows.push((row, task));
        }
    }
    rows
}

/// The task in whose row an element is.
pub(super) fn task_at(element: &Element) -> Option<TaskId> {
    let row = element.closest("[data-task]").ok().flatten()?;
    TaskId::parse(&row.get_attribute("data-task")?).ok()
}

fn unmark(row: &HtmlElement) {
    let _ = row.remove_attribute(MARK);
    let _ = row.style().set_property("translate", "none");
}
