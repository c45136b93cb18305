//! The palette: one field that finds commands, rooms and tasks; and the dialog that tells all keys. By the combobox pattern
//! of the ARIA Authoring Practices Guide: <https://www.w3.org/WAI/ARIA/apg/patterns/combobox/>.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use partyline_core::id::RoomId;
use web_sys::{KeyboardEvent, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::find_bar;
use super::keys::is_typing;
use super::live::{effect, live, rows};
use super::modal::{Modal, ModalHandle};
use crate::model::app::{App, Dialog, Screen};
use crate::model::choice::Choice;
use crate::model::order::Sorting;
use crate::model::palette::fitting;
use crate::model::room::Room;
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
        add("New task", Arc::new(|| {
            let _ = platform::focus(".add input");
        }));
        add("Find", Arc::new(move || find_bar::find(room)));
        add("Share", open(Dialog::Share));
        add("Devices", open(Dialog::Devices));
        add("Room settings", open(Dialog::Settings));
        add(
            text::CHOOSE_ALL,
            Arc::new(move || {
                let shown = room.shown();
                room.listing().choice.update(|choice: &mut Choice| choice.take(&shown));
            }),
        );
        for (sorting, _, words) in Sorting::ALL {
            add(&text::sort(words), Arc::new(move || room.sort(sorting)));
        }
    }
    add(text::UNDO, Arc::new(move || {
        let _ = app.undo();
    }));
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
    let tasks = room.filter(|_| !typed.trim().is_empty()).into_iter().flat_map(|room| {
        room.titles().into_iter().map(move |(task, title)| -> (String, Act) {
            let act = move || {
                room.reveal(task);
                app.dialog.set(Some(Dialog::Task(task)));
            };
            (title, Arc::new(act))
        })
    });
    fitting(typed, lines(app, room).into_iter().chain(tasks), MOST)
}

/// Finds commands, rooms and tasks.
#[component]
pub(crate) fn Palette() -> impl IntoView {
    let app = expect_context::<App>();
    let room = app.screen.with_untracked(Screen::room);
    let handle = ModalHandle::new();
    let offered = RwSignal::new(found(app, room, ""));
    let at = RwSignal::new(0_usize);
    let run = move |place: usize| {
        if let Some((_, act)) = offered.with_untracked(|offered| offered.get(place).cloned()) {
            handle.close();
            // The keyboard is back where it was by then, from where the line may take it.
            spawn_local(async move {
                tick().await;
                act();
            });
        }
    };
    let key = move |event: KeyboardEvent| {
        let last = offered.with_untracked(Vec::len).saturating_sub(1);
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
        offered.set(found(app, room, &event_target_value(&event)));
        at.set(0);
    };
    let each = move || offered.with(|offered| (0..).zip(offered.iter().map(|(words, _)| words.clone())).collect());
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
                    {live(move || offered.with(Vec::is_empty).then_some(text::NOTHING_FITS))}
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
    let line = |(keys, what): (&'static str, &'static str)| {
        view! { <div><dt>{keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view()}</dt><dd>{what}</dd></div> }
    };
    view! {
        <Modal handle=handle title=text::KEYS class="keys-modal" light=true>
            <div class="modal-body">
                <dl class="keys">{text::ALL_KEYS.map(line)}</dl>
                <p class="hint">{text::KEYS_HINT}</p>
            </div>
        </Modal>
    }
}
