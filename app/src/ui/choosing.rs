//! Several tasks are chosen, by mouse, finger or keyboard, and changed together. The first part of the page's wasm calls
//! [`hands`] when the rest is there.

use std::cell::RefCell;
use std::sync::Arc;

use gloo_events::EventListener;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use partyline_core::api::TaskStatus;
use partyline_core::id::TaskId;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent, MouseEvent};

use super::gestures::{first, target};
use super::icon::Icon;
use super::keys::{ANY_DIALOG, are_taken, go, is_typing, task_at};
use super::live::{effect, live, maybe};
use super::modal::{Modal, ModalHandle};
use super::subtask_editor::ParentField;
use super::{drag, gestures, palette, undo_keys};
use crate::model::app::{App, Dialog};
use crate::model::bulk::{Change, change, chosen, end, roots};
use crate::model::choice::{Choice, choice, choose, shown};
use crate::model::day_words::DayNames;
use crate::model::field::{FieldError, PRIORITIES, one_line};
use crate::model::moves::Step;
use crate::model::room::Room;
use crate::platform;
use crate::text;

/// A dialog over all else, which no key leads out of. From one beside the list the palette does.
const OVER_ALL: &str = "dialog:modal";

/// The id of the word before the title in the names of the rows' buttons.
const CHOOSE_ID: &str = "choose-word";

thread_local! {
    /// What listens in the list that is on show, of which there is one.
    static LISTENING: RefCell<Vec<EventListener>> = const { RefCell::new(Vec::new()) };
}

/// Listens for what fast hands do in the list, and shows the bar of what is chosen.
#[inline(never)]
pub(super) fn hands(app: App, room: Room) -> AnyView {
    let chosen = room.listing().chosen;
    effect(move || {
        let Some(list) = document().query_selector(".tasks").ok().flatten() else { return };
        let mut listeners = gestures::listen(app, room, &list);
        listeners.extend(drag::listen(room, &list));
        listeners.push(EventListener::new_with_options(&list, "click", first(), move |event| clicked(room, event)));
        listeners.push(EventListener::new_with_options(&window(), "keydown", first(), move |event| {
            if let Some(key) = event.dyn_ref::<KeyboardEvent>()
                && !key.is_composing()
                && (!are_taken(app, ANY_DIALOG) && (pressed(room, key) || undo_keys::pressed(room, key))
                    || !are_taken(app, OVER_ALL) && palette::pressed(app, key))
            {
                event.prevent_default();
                event.stop_propagation();
            }
        }));
        listeners.extend(undo_keys::listen(&window()));
        LISTENING.replace(listeners);
    });
    undo_keys::follow(app);
    // What others delete, or the list stops showing, is not chosen any more.
    effect(move || {
        room.order.track();
        if chosen.with_untracked(|chosen| !chosen.is_empty()) {
            choose(room, |choice| choice.keep(&shown(room)));
        }
    });
    mark_rows(room);
    on_cleanup(move || {
        LISTENING.take();
        end(room);
    });
    let is_any = Memo::new(move |_| chosen.with(|chosen| !chosen.is_empty()));
    maybe(move || is_any.get().then(|| bar(app, room))).into_any()
}

/// A click on a row: whether it chooses is a matter of keys, or of what is chosen already.
fn clicked(room: Room, event: &Event) {
    let (Some(mouse), Some(target)) = (event.dyn_ref::<MouseEvent>(), target(event)) else { return };
    let Some(task) = task_at(&target).filter(|_| target.closest(".task-title").is_ok_and(|title| title.is_some()))
    else {
        return;
    };
    if mouse.shift_key() {
        choose(room, |choice| choice.reach(task, &shown(room)));
    } else if mouse.ctrl_key() || mouse.meta_key() || !choice(room).is_empty() {
        choose(room, |choice| choice.toggle(task));
    } else {
        return;
    }
    event.prevent_default();
    event.stop_propagation();
}

/// A key was pressed in a room. Whether it meant something here.
fn pressed(room: Room, event: &KeyboardEvent) -> bool {
    let is_choosing = !choice(room).is_empty();
    let focused = platform::focused();
    if event.alt_key() || is_typing(focused.as_ref()) {
        return false;
    }
    let row = || platform::focused().and_then(|element| task_at(&element));
    let is_command = event.ctrl_key() || event.meta_key();
    match (event.key().as_str(), row()) {
        ("Escape", _) if is_choosing => stop(room),
        ("a", row) if is_command && (is_choosing || row.is_some()) => {
            choose(room, |choice| choice.take(&shown(room)));
        }
        (key @ ("ArrowUp" | "ArrowDown"), Some(task)) if event.shift_key() && !is_command => {
            let step = if key == "ArrowUp" { Element::previous_element_sibling } else { Element::next_element_sibling };
            if !choice(room).has(task) {
                choose(room, |choice| choice.toggle(task));
            }
            if go(focused, step)
                && let Some(next) = row()
            {
                choose(room, |choice| choice.reach(next, &shown(room)));
            }
        }
        _ => return false,
    }
    true
}

/// Ends choosing, with the keyboard on the first row that was chosen.
fn stop(room: Room) {
    let row = chosen(room).first().map(|task| format!("[data-task='{task}'] .task-title"));
    end(room);
    if !row.is_some_and(|row| platform::focus(&row)) {
        platform::focus(".find-button");
    }
}

/// Says of each row on the page whether it is chosen, while anything is.
fn mark_rows(room: Room) {
    let is_marked = StoredValue::new(false);
    effect(move || {
        room.listing().chosen.track();
        room.order.track();
        let choice = choice(room);
        let was_marked = is_marked.try_update_value(|is_marked| std::mem::replace(is_marked, !choice.is_empty()));
        if choice.is_empty() && was_marked != Some(true) {
            return;
        }
        spawn_local(async move {
            tick().await;
            let mut next = document().query_selector(".tasks > li").ok().flatten();
            while let Some(row) = next {
                next = row.next_element_sibling();
                if let (Some(task), Ok(Some(button))) = (task_at(&row), row.query_selector(".task-title")) {
                    mark(&row, &button, task, &choice);
                }
            }
        });
    });
}

fn mark(row: &Element, button: &Element, task: TaskId, choice: &Choice) {
    let is_chosen = choice.has(task);
    let _ = row.toggle_attribute_with_force("data-chosen", is_chosen);
    if choice.is_empty() {
        let _ = button.remove_attribute("aria-pressed");
        let _ = button.remove_attribute("aria-labelledby");
    } else if let Some(title) = button.first_element_child() {
        let id = format!("title-{task}");
        title.set_id(&id);
        let _ = button.set_attribute("aria-pressed", if is_chosen { "true" } else { "false" });
        let _ = button.set_attribute("aria-labelledby", &format!("{CHOOSE_ID} {id}"));
    }
}

/// What is done with all that is chosen at once.
fn bar(app: App, room: Room) -> impl IntoView {
    let count = move || room.listing().chosen.with(|chosen| text::chosen(chosen.len()));
    let is_done = move || {
        room.listing().chosen.track();
        chosen(room)
            .iter()
            .all(|task| room.task(*task).is_some_and(|task| task.with(|task| task.status == TaskStatus::Done)))
    };
    let act = move |what: Change| {
        change(room, &chosen(room), what);
        stop(room);
    };
    let complete = move |_| act(if untrack(is_done) { Change::Reopen } else { Change::Complete });
    view! {
        <div class="chosen-bar" role="region" aria-label=text::CHOSEN>
            <p role="status">{live(count)}</p>
            <span id=CHOOSE_ID hidden>{text::CHOOSE}</span>
            <button type="button" class="quiet round" aria-label=text::STOP_CHOOSING on:click=move |_| stop(room)>
                {Icon::Close.draw()}
            </button>
            <div class="chosen-tools">
                <button type="button" class="quiet" on:click=complete>
                    {live(move || if is_done() { text::REOPEN } else { text::COMPLETE })}
                </button>
                <button type="button" class="quiet" on:click=move |_| app.dialog.set(Some(Dialog::ChangeChosen))>
                    {text::CHANGE}
                </button>
                <button type="button" class="quiet" on:click=move |_| app.dialog.set(Some(Dialog::MoveChosen))>
                    {text::MOVE}
                </button>
                <button type="button" class="danger" on:click=move |_| act(Change::Delete)>{text::DELETE}</button>
            </div>
        </div>
    }
}

/// The fields that are changed together. Each is written at once.
#[component]
pub(crate) fn ChangeChosen(
    /// In which room.
    room: Room,
) -> impl IntoView {
    let handle = ModalHandle::new();
    let problem = RwSignal::new(String::new());
    let act = move |what: Change| {
        handle.close();
        change(room, &chosen(room), what);
    };
    let today = platform::today();
    let days = [("Today", Some(today)), ("Tomorrow", Some(today.plus(1))), ("No day", None)];
    let (mut due, mut people, mut priorities, mut labels) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (words, day) in days {
        due.push(pick(words.to_owned(), Change::Due(day), act));
    }
    for name in untrack(|| room.assignees()) {
        people.push(pick(name.clone(), Change::Assign(name), act));
    }
    people.push(pick("Nobody".to_owned(), Change::Assign(String::new()), act));
    for (number, (_, words)) in (0..).zip(PRIORITIES) {
        priorities.push(pick(words.to_owned(), Change::Priority(number), act));
    }
    for label in untrack(|| room.labels()) {
        labels.push(pick(label.clone(), Change::Label(label), act));
    }
    view! {
        <Modal handle=handle title=text::CHANGE_CHOSEN class="chosen-modal" light=true>
            <div class="modal-body">
                <p class="muted">{text::chosen(choice(room).len())}</p>
                {group("Due", due, typed("Day", "fri", move |text| match DayNames::of_browser().day(&text, today, platform::fold) {
                    Some(day) => act(Change::Due(Some(day))),
                    None => problem.set(FieldError::BadDay.to_string()),
                }))}
                <p class="problem" role="alert">{live(move || problem.get())}</p>
                {group("Assign to", people, typed("Person", "Name", move |name| act(Change::Assign(name))))}
                {group("Priority", priorities, ().into_any())}
                {group("Add a label", labels, typed("Label to add", "Label", move |label| act(Change::Label(label))))}
            </div>
        </Modal>
    }
}

fn pick(words: String, what: Change, act: impl Fn(Change) + 'static) -> AnyView {
    view! { <button type="button" on:click=move |_| act(what.clone())><bdi>{words}</bdi></button> }.into_any()
}

fn group(name: &'static str, choices: Vec<AnyView>, other: AnyView) -> AnyView {
    view! {
        <div class="field" role="group" aria-label=name>
            <h3>{name}</h3>
            <div class="quick">{choices}</div>
            {other}
        </div>
    }
    .into_any()
}

/// A line for what is none of the choices.
fn typed(name: &'static str, hint: &'static str, choose: impl Fn(String) + 'static) -> AnyView {
    let choose: Box<dyn Fn(String)> = Box::new(choose);
    view! {
        <input
            type="text"
            aria-label=name
            placeholder=hint
            autocomplete="off"
            enterkeyhint="done"
            on:keydown=move |event| {
                let text = one_line(&event_target_value(&event));
                if event.key() == "Enter" && !event.is_composing() && !text.is_empty() {
                    event.prevent_default();
                    choose(text);
                }
            }
        />
    }
    .into_any()
}

/// Where what is chosen can go.
#[component]
pub(crate) fn MoveChosen(
    /// In which room.
    room: Room,
) -> impl IntoView {
    let handle = ModalHandle::new();
    let act = move |what: Change| {
        handle.close();
        change(room, &chosen(room), what);
        end(room);
    };
    let steps = [(Step::Top, "Move to the top"), (Step::Bottom, "Move to the bottom")];
    let can_move = untrack(|| chosen(room).into_iter().any(|task| room.can_move(task)));
    let steps = steps.map(|(step, words)| {
        view! { <button type="button" class="quiet" on:click=move |_| act(Change::Move(step))>{words}</button> }
    });
    view! {
        <Modal handle=handle title=text::MOVE_CHOSEN class="actions-modal" light=true>
            <div class="modal-body">
                {can_move.then_some(steps)}
                <h3 class="actions-of">{text::PUT_UNDER}</h3>
                <ParentField
                    room=room
                    tasks=roots(room, &chosen(room))
                    choose=Arc::new(move |parent| act(Change::Under(parent)))
                />
            </div>
        </Modal>
    }
}
