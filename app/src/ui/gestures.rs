//! What a finger does on a row: it rests to choose the task, and swipes to complete it or to show what else can be done.
//! Up and down the page scrolls as ever: `touch-action` leaves that to the browser.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::{EventListener, EventListenerOptions, EventListenerPhase};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use partyline_core::api::TaskStatus;
use partyline_core::id::TaskId;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, PointerEvent};

use super::keys::task_at;
use crate::model::app::{App, Dialog};
use crate::model::bulk::{Change, change};
use crate::model::choice::choose;
use crate::model::room::Room;
use crate::model::swipe::{Swipe, Touch};
use crate::text;

/// So long a finger rests on a row to choose it, in milliseconds.
const REST_MS: u32 = 500;
/// The attribute of a row that is swiped.
const MARK: &str = "data-swipe";
/// The attribute for what comes of that.
const WORD: &str = "data-word";

/// A finger that is down.
struct Finger {
    pointer: i32,
    task: TaskId,
    row: HtmlElement,
    touch: Touch,
    /// Ends with the finger: then nothing is chosen.
    _rest: Timeout,
}

/// Shared by the listeners.
#[derive(Clone)]
struct Fingers {
    app: App,
    room: Room,
    finger: Rc<RefCell<Option<Finger>>>,
    /// Whether a click that comes now is what is left of a gesture.
    is_spent: Rc<Cell<bool>>,
}

/// Listens for fingers on the rows of a list, until the listeners are dropped.
pub(super) fn listen(app: App, room: Room, list: &Element) -> Vec<EventListener> {
    let fingers = Fingers { app, room, finger: Rc::default(), is_spent: Rc::default() };
    let on = |name: &'static str, hear: fn(&Fingers, &Event)| {
        let fingers = fingers.clone();
        EventListener::new_with_options(list, name, first(), move |event| hear(&fingers, event))
    };
    vec![
        on("pointerdown", Fingers::down),
        on("pointermove", Fingers::moved),
        on("pointerup", Fingers::up),
        on("pointercancel", |fingers, _| fingers.gone()),
        on("contextmenu", Fingers::menu),
        on("click", Fingers::click),
    ]
}

impl Fingers {
    fn down(&self, event: &Event) {
        self.gone();
        self.is_spent.set(false);
        let (Some(pointer), Some(target)) = (event.dyn_ref::<PointerEvent>(), target(event)) else { return };
        let is_on_control = target.closest(".task-more, .check, .task-fold").is_ok_and(|control| control.is_some());
        if pointer.pointer_type() == "mouse" || !pointer.is_primary() || is_on_control {
            return;
        }
        let row = target.closest("li.task").ok().flatten().and_then(|row| row.dyn_into::<HtmlElement>().ok());
        if let (Some(task), Some(row)) = (task_at(&target), row) {
            let fingers = self.clone();
            self.finger.replace(Some(Finger {
                pointer: pointer.pointer_id(),
                task,
                row,
                touch: Touch::at(pointer.client_x().into(), pointer.client_y().into()),
                _rest: Timeout::new(REST_MS, move || fingers.rested(task)),
            }));
        }
    }

    /// It did nothing else for a while.
    fn rested(&self, task: TaskId) {
        let is_resting = self.finger.borrow().as_ref().is_some_and(|finger| finger.touch.swiped().is_none());
        if is_resting {
            choose(self.room, |choice| choice.toggle(task));
            self.is_spent.set(true);
            self.gone();
        }
    }

    fn moved(&self, event: &Event) {
        let Some(pointer) = event.dyn_ref::<PointerEvent>() else { return };
        let (x, y) = (pointer.client_x().into(), pointer.client_y().into());
        let is_on = match self.finger.borrow_mut().as_mut().filter(|finger| finger.pointer == pointer.pointer_id()) {
            Some(finger) => finger.touch.moved(x, y).map(|touch| finger.touch = touch).is_some(),
            None => true,
        };
        if !is_on {
            self.gone();
        }
        self.show();
    }

    /// Has the row follow the finger, and say what comes of it.
    fn show(&self) {
        let finger = self.finger.borrow();
        let Some((finger, right)) = finger.as_ref().and_then(|finger| Some((finger, finger.touch.swiped()?))) else {
            return;
        };
        let word = if right < 0.0 {
            text::ACTIONS
        } else if self.is_done(finger.task) {
            text::REOPEN
        } else {
            text::COMPLETE
        };
        let mark = if finger.touch.outcome().is_some() { "far" } else { "near" };
        let _ = finger.row.set_attribute(MARK, mark);
        let _ = finger.row.set_attribute(WORD, word);
        let _ = finger.row.style().set_property("translate", &format!("{right}px 0"));
    }

    fn is_done(&self, task: TaskId) -> bool {
        self.room.task(task).is_some_and(|task| task.with_untracked(|task| task.status == TaskStatus::Done))
    }

    fn up(&self, event: &Event) {
        self.moved(event);
        let Some(finger) = self.finger.take() else { return };
        put_back(&finger.row);
        let (task, is_swipe, outcome) = (finger.task, finger.touch.swiped().is_some(), finger.touch.outcome());
        self.is_spent.set(is_swipe);
        match outcome {
            Some(Swipe::Done) => {
                let what = if self.is_done(task) { Change::Reopen } else { Change::Complete };
                change(self.room, &[task], what);
            }
            Some(Swipe::Actions) => self.app.dialog.set(Some(Dialog::Actions(task))),
            None => {}
        }
    }

    /// The finger is gone: the row goes back to where it was.
    fn gone(&self) {
        if let Some(finger) = self.finger.take() {
            put_back(&finger.row);
        }
    }

    /// A finger that rests chooses, and needs no other menu.
    fn menu(&self, event: &Event) {
        if self.finger.borrow().is_some() || self.is_spent.get() {
            event.prevent_default();
        }
    }

    fn click(&self, event: &Event) {
        if self.is_spent.get() {
            self.is_spent.set(false);
            event.prevent_default();
            event.stop_immediate_propagation();
        }
    }
}

/// Has a row back where it was.
fn put_back(row: &HtmlElement) {
    let _ = row.remove_attribute(MARK);
    let _ = row.remove_attribute(WORD);
    let _ = row.style().remove_property("translate");
}

/// Before the row hears of it.
pub(super) fn first() -> EventListenerOptions {
    EventListenerOptions { phase: EventListenerPhase::Capture, passive: false }
}

/// What was clicked or pressed.
pub(super) fn target(event: &Event) -> Option<Element> {
    event.target().and_then(|target| target.dyn_into().ok())
}
