//! The palette: one field that finds commands, rooms and tasks; and the dialog that tells all keys. By the combobox pattern
//! of the ARIA Authoring Practices Guide: <https://www.w3.org/WAI/ARIA/apg/patterns/combobox/>.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use partyline_core::id::{RoomId, TaskId};
use web_sys::{KeyboardEvent, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::find_bar;
use super::keys::is_typing;
use super::live::{effect, live, rows};
use super::modal::{Modal, ModalHandle};
use crate::model::app::{App, Dialog, Screen};
use crate::model::choice::{choose, shown};
use crate::model::kept_filters::{choose_kept, kept};
use crate::model::order::Sorting;
use crate::model::palette::fitting;
use crate::model::room::Room;
use crate::model::undo::{Want, want};
use crate::platform;
use crate::text;

/// How many lines are offered at once.
const MOST: usize = 30;

/// What a line does.
type Act = Arc<dyn Fn() + Send + Sync>;

/// A key that opens the palette or the list of keys. Whether it was one.
pub(super) fn pressed(app: App, event: &KeyboardEvent) -> bool {
    let is_command = (event.ctrl_key() || event.meta_key()) && !event.alt_key() && !event.shift_key();
    if is_command && event.key().eq_ignore_ascii_case("k") {
        app.dialog.set(Some(Dialog::Palette));
    } else if event.key() == "?"
        && app.single_keys.get_untracked()
        && !event.ctrl_key()
        && !event.meta_key()
        && !is_typing(platform::focused().as_ref())
    {
        app.dialog.set(Some(Dialog::Keys));
    } else {
        return false;
    }
    true
}

/// All that can be done from here, in the order in which it is offered.
fn lines(app: App, room: Option<Room>) -> Vec<(String, Act)> {
    let mut lines: Vec<(String, Act)> = Vec::new();
    let mut add = |words: &str, act: Act| lines.push((words.to_owned(), act));
    let open = |dialog: Dialog| -> Act { Arc::new(move || app.dialog.set(Some(dialog))) };
    if let Some(room) = room {
        add(
            "New task",
            Arc::new(|| {
                let _ = platform::focus(".add input");
            }),
        );
        add("Find", Arc::new(move || find_bar::find(room)));
        if app.rooms.with_untracked(|rooms| rooms.as_ref().is_some_and(|rooms| rooms.len() > 1)) {
            add(text::FIND_EVERYWHERE, open(Dialog::Everywhere));
        }
        for (place, kept) in kept(room.id).into_iter().enumerate() {
            let choose = move || {
                find_bar::find(room);
                choose_kept(room, place);
            };
            add(&text::filter_by(&kept.name), Arc::new(choose));
        }
        add("Share", open(Dialog::Share));
        add("Devices", open(Dialog::Devices));
        add("Room settings", open(Dialog::Settings));
        add(text::TRASH, open(Dialog::Trash));
        add(text::UNDO, Arc::new(move || want(room, Want::Undo)));
        add(text::REDO, Arc::new(move || want(room, Want::Redo)));
        add(text::CHOOSE_ALL, Arc::new(move || choose(room, |choice| choice.take(&shown(room)))));
        for (sorting, _, words) in Sorting::ALL {
            add(&text::sort(words), Arc::new(move || room.sort(sorting)));
        }
    }
    add("New room", open(Dialog::NewRoom));
    add("Join a room", open(Dialog::Join));
    add("My other device", open(Dialog::OtherDevice));
    add(text::KEYS, open(Dialog::Keys));
    for summary in app.rooms.get_untracked().unwrap_or_default() {
        if let Ok(id) = RoomId::parse(&summary.id)
            && room.is_none_or(|room| room.id != id)
        {
            let name = if summary.name.is_empty() { text::UNNAMED_ROOM } else { summary.name.as_str() };
            add(&text::go_to(name), Arc::new(move || app.go(id)));
        }
    }
    lines
}

/// What fits: commands and rooms, and the tasks of the room once something is typed.
fn found(app: App, room: Option<Room>, typed: &str) -> Vec<(String, Act)> {
    let lines = lines(app, room);
    let mut words = Vec::new();
    for (line, _) in &lines {
        words.push(line.clone());
    }
    let mut tasks = Vec::new();
    if let Some(room) = room.filter(|_| !typed.trim().is_empty()) {
        for (task, title) in room.titles() {
            tasks.push(task);
            words.push(title);
        }
    }
    let mut found = Vec::new();
    for place in fitting(typed, &words, MOST) {
        let Some(words) = words.get(place).cloned() else { continue };
        let act = match lines.get(place) {
            Some((_, act)) => Arc::clone(act),
            None => to_task(app, room, place.checked_sub(lines.len()).and_then(|place| tasks.get(place).copied())),
        };
        found.push((words, act));
    }
    found
}

fn to_task(app: App, room: Option<Room>, task: Option<TaskId>) -> Act {
    Arc::new(move || {
        if let Some((room, task)) = room.zip(task) {
            room.reveal(task);
            app.dialog.set(Some(Dialog::Task(task)));
        }
    })
}

/// Finds commands, rooms and tasks.
#[component]
pub(crate) fn Palette() -> impl IntoView {
    let app = expect_context::<App>();
    let room = app.screen.with_untracked(Screen::room);
    let handle = ModalHandle::new();
    let typed = RwSignal::new(String::new());
    let count = RwSignal::new(0_usize);
    let at = RwSignal::new(0_usize);
    let run = move |place: usize| {
        if let Some((_, act)) = typed.with_untracked(|typed| found(app, room, typed)).into_iter().nth(place) {
            handle.close();
            // The keyboard is back where it was by then, from where the line may take it.
            spawn_local(async move {
                tick().await;
                act();
            });
        }
    };
    let key = move |event: KeyboardEvent| {
        let last = count.get_untracked().saturating_sub(1);
        let place = at.get_untracked();
        // Enter and the arrows belong to the input method while it composes a word.
        if event.is_composing() {
            return;
        }
        match event.key().as_str() {
            "ArrowDown" => at.set(if place >= last { 0 } else { place + 1 }),
            "ArrowUp" => at.set(place.checked_sub(1).unwrap_or(last)),
            "Enter" => run(place),
            _ => return,
        }
        event.prevent_default();
    };
    effect(move || {
        let id = option_id(at.get());
        spawn_local(async move {
            tick().await;
            if let Some(option) = document().get_element_by_id(&id) {
                let options = ScrollIntoViewOptions::new();
                options.set_block(ScrollLogicalPosition::Nearest);
                option.scroll_into_view_with_scroll_into_view_options(&options);
            }
        });
    });
    let type_in = move |event| {
        at.set(0);
        typed.set(event_target_value(&event));
    };
    let each = move || -> Vec<(usize, String)> {
        let offered = typed.with(|typed| found(app, room, typed));
        count.set(offered.len());
        offered.into_iter().map(|(words, _)| words).enumerate().collect()
    };
    view! {
        <Modal handle=handle title=text::PALETTE class="palette-modal" light=true>
            <div class="modal-body">
                <input
                    type="text"
                    role="combobox"
                    aria-label=text::PALETTE
                    placeholder=text::PALETTE_HINT
                    aria-expanded="true"
                    aria-autocomplete="list"
                    aria-controls="palette-list"
                    aria-activedescendant=live(move || option_id(at.get()))
                    autocomplete="off"
                    enterkeyhint="go"
                    autofocus
                    on:input=type_in
                    on:keydown=key
                />
                <ul id="palette-list" role="listbox" aria-label=text::FITTING>
                    {rows(
                        each,
                        |(place, words): &(usize, String)| format!("{place} {words}"),
                        move |(place, words)| view! {
                            <li
                                id=option_id(place)
                                role="option"
                                aria-selected=live(move || (at.get() == place).to_string())
                                on:click=move |_| run(place)
                            >
                                <bdi>{words}</bdi>
                            </li>
                        },
                    )}
                </ul>
                <p class="hint" role="status">
                    {live(move || (count.get() == 0).then_some(text::NOTHING_FITS))}
                </p>
            </div>
        </Modal>
    }
}

fn option_id(place: usize) -> String {
    format!("palette-{place}")
}

/// Tells all keys.
#[component]
pub(crate) fn Keys() -> impl IntoView {
    let handle = ModalHandle::new();
    let mut lines = Vec::new();
    for (keys, what) in text::ALL_KEYS {
        lines.push(view! { <li><span class="key">{keys}</span> <span>{what}</span></li> }.into_any());
    }
    view! {
        <Modal handle=handle title=text::KEYS class="keys-modal" light=true>
            <div class="modal-body">
                <ul class="keys" role="list">{lines}</ul>
                <p class="hint">{text::KEYS_HINT}</p>
            </div>
        </Modal>
    }
}
