//! What is understood of a line that is being typed, as chips. What the rest of the page calls here is never inlined: the
//! page's wasm loads it later.

use leptos::prelude::*;
use partyline_core::api::NewTask;

use super::icon::Icon;
use super::live::{live, maybe, rows};
use crate::model::app::App;
use crate::model::drafts::Draft;
use crate::model::field::PRIORITIES;
use crate::model::pasted;
use crate::model::quick_add::{Meaning, Token, without};
use crate::model::room::Room;
use crate::platform;
use crate::text;

/// The field in which a line is typed.
const FIELD: &str = ".add input";

/// The chips of what is being typed.
#[inline(never)]
pub(super) fn chips(room: Room, typed: RwSignal<String>) -> AnyView {
    let app = expect_context::<App>();
    let tokens = Memo::new(move |_| typed.with(|text| tokens(room, text)));
    let words = move |token: &Token| meaning(&token.meaning, app);
    view! {
        {maybe(move || tokens.with(|tokens| !tokens.is_empty()).then(|| view! {
            <ul class="labels" role="list" aria-label=text::UNDERSTOOD>
                {rows(
                    move || tokens.get(),
                    |token| format!("{token:?}"),
                    move |token| view! { <Chip words=words(&token) room=room token=token typed=typed /> },
                )}
            </ul>
        }))}
        <p class="for-ears" aria-live="polite">
            {live(move || tokens.with(|tokens| tokens.iter().map(words).collect::<Vec<_>>().join(", ")))}
        </p>
    }
    .into_any()
}

fn tokens(room: Room, text: &str) -> Vec<Token> {
    room.understand(text).tokens
}

#[component]
fn Chip(
    /// What it says.
    words: String,
    /// In which room.
    room: Room,
    /// What it stands for.
    token: Token,
    /// The line.
    typed: RwSignal<String>,
) -> impl IntoView {
    let name = text::keep_as_text(typed.read_untracked().get(token.place.clone()).unwrap_or_default());
    let keep = move |_| {
        keep_as_text(room, typed, &token);
        platform::focus(FIELD);
    };
    view! {
        <li class="label-chip">
            <bdi>{words}</bdi>
            <button type="button" class="quiet round" aria-label=name on:click=keep>{Icon::Close.draw()}</button>
        </li>
    }
}

fn meaning(meaning: &Meaning, app: App) -> String {
    match meaning {
        Meaning::Due(day) => text::due(&platform::spoken_day(*day, app.today.get())),
        Meaning::Person(name) => text::for_person(name),
        Meaning::Label(label) => format!("#{label}"),
        Meaning::Priority(priority) => {
            PRIORITIES.get(usize::from(*priority)).map(|(_, word)| text::priority(word)).unwrap_or_default()
        }
    }
}

/// Keeps the last token of what is being typed as text. Whether there was one.
#[inline(never)]
pub(super) fn keep_last(room: Room, typed: RwSignal<String>) -> bool {
    let last = typed.with_untracked(|text| tokens(room, text).pop());
    if let Some(token) = &last {
        keep_as_text(room, typed, token);
    }
    last.is_some()
}

fn keep_as_text(room: Room, typed: RwSignal<String>, token: &Token) {
    let text = typed.with_untracked(|text| without(text, token));
    Draft::of_addition(room.id).keep(&text, "");
    typed.set(text);
}

/// The task that a line makes.
#[inline(never)]
pub(super) fn task(room: Room, line: &str) -> NewTask {
    room.understand(line).task()
}

/// Adds the tasks that pasted lines make.
#[inline(never)]
pub(super) fn paste(app: App, room: Room, text: &str) {
    let quick_add = app.quick_add.get_untracked();
    let understand = move |line: &str| {
        if quick_add { task(room, line) } else { NewTask { title: line.to_owned(), ..NewTask::default() } }
    };
    room.add_lines(pasted::lines(text), understand);
}
