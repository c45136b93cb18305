//! What was said of a task, and a field to say more.

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use partyline_core::api::TaskDocument;
use partyline_core::id::TaskId;

use super::live::{effect, live, maybe, part, rows};
use super::markdown;
use super::when::When;
use crate::model::app::App;
use crate::model::room::Room;
use crate::model::talk::{Remark, Talk};
use crate::platform;
use crate::text;

/// The field for another comment.
const ADD: &str = ".comments .add-comment";

/// What was said of a task, and a field to say more.
#[component]
pub(crate) fn Comments(
    /// In which room.
    room: Room,
    /// On which task.
    id: TaskId,
    /// Its signal, which tells of what was said since.
    task: RwSignal<TaskDocument>,
) -> impl IntoView {
    let talk = Talk::new(expect_context::<App>(), room, id);
    effect(move || {
        task.track();
        talk.read();
    });
    let typed = RwSignal::new(talk.typed());
    let send = move || {
        let words = typed.get_untracked();
        if words.trim().is_empty() {
            return;
        }
        spawn_local(async move {
            if talk.add(words.clone()).await && typed.try_get_untracked() == Some(words) {
                typed.set(String::new());
            }
        });
    };
    // What was done took the button away that had the keyboard.
    effect(move || {
        if talk.done.with(Option::is_some) {
            focus(".comments .undo");
        }
    });
    let take_back = move |_| {
        talk.undo();
        focus(ADD);
    };
    let has_any = Memo::new(move |_| talk.comments.with(|comments| !comments.is_empty()));
    view! {
        <div class="field comments">
            {maybe(move || has_any.get().then(|| view! {
                <h3>{text::COMMENTS}</h3>
                <ul role="list" aria-label=text::COMMENTS>
                    {rows(
                        move || talk.comments.get(),
                        |Remark(comment)| [&*comment.id, comment.edited_at.as_deref().unwrap_or_default()].concat(),
                        move |comment| view! { <Said talk=talk comment=comment /> },
                    )}
                </ul>
            }))}
            <p class="for-ears" role="status">{live(move || talk.news.get())}</p>
            <div role="status">
                {maybe(move || talk.done.get().map(|done| view! {
                    <p class="said-by">
                        <span>{done.words}</span>
                        <button type="button" class="undo" on:click=take_back>{text::UNDO}</button>
                    </p>
                }))}
            </div>
            <textarea
                class="add-comment"
                rows="2"
                aria-label=text::ADD_COMMENT
                placeholder=text::ADD_COMMENT
                dir="auto"
                prop:value=live(move || typed.get())
                on:input=move |event| {
                    let words = event_target_value(&event);
                    talk.keep(&words);
                    typed.set(words);
                }
                on:keydown=move |event| {
                    if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) && !event.is_composing() {
                        event.prevent_default();
                        send();
                    }
                }
            ></textarea>
            <button type="button" hidden=live(move || typed.with(|typed| typed.trim().is_empty())) on:click=move |_| send()>{text::SEND}</button>
            <p class="problem" role="alert">{live(move || talk.problem.get())}</p>
        </div>
    }
}

/// One comment; who made it can change it and take it away.
#[component]
fn Said(
    /// Among which.
    talk: Talk,
    /// Which one.
    comment: Remark,
) -> impl IntoView {
    let comment = StoredValue::new(comment);
    let is_open = RwSignal::new(false);
    let words = move || Some(comment.with_value(|comment| comment.0.text.clone()));
    let (made, edited) = comment.with_value(|Remark(comment)| {
        (When::of(&comment.made_at, talk.app), comment.edited_at.as_deref().map(|at| When::of(at, talk.app).whole))
    });
    let tools = comment.with_value(|comment| talk.is_own(comment)).then(|| {
        let delete = move |_| talk.delete(comment.with_value(|comment| comment.0.id.clone()));
        view! {
            <button type="button" class="quiet" aria-label=text::EDIT_COMMENT on:click=move |_| is_open.set(true)>
                {text::EDIT}
            </button>
            <button type="button" class="quiet" aria-label=text::DELETE_COMMENT on:click=delete>{text::DELETE}</button>
        }
    });
    view! {
        <li>
            <div class="said-by">
                <p>
                    <bdi>{live(move || comment.with_value(|comment| talk.author(comment)))}</bdi>
                    " "
                    <time datetime=made.written title=made.whole>{made.spoken}</time>
                    {edited.map(|edited| view! { " " <span title=edited>{text::EDITED}</span> })}
                </p>
                {tools}
            </div>
            {part(move || if is_open.get() {
                view! { <Reword talk=talk comment=comment is_open=is_open /> }.into_any()
            } else {
                markdown::shown("notes", Box::new(words))
            })}
        </li>
    }
}

/// The field in which a comment is given other words.
#[component]
fn Reword(
    /// Among which.
    talk: Talk,
    /// Which one.
    comment: StoredValue<Remark>,
    /// Whether it is there.
    is_open: RwSignal<bool>,
) -> impl IntoView {
    let typed = RwSignal::new(comment.with_value(|comment| comment.0.text.clone()));
    focus(".comments .reword");
    let save = move |_| {
        let words = typed.get_untracked();
        is_open.set(false);
        comment.with_value(|comment| {
            if !words.trim().is_empty() && words != comment.0.text {
                talk.reword(comment, words);
            }
        });
    };
    view! {
        <textarea
            class="reword"
            rows="3"
            dir="auto"
            aria-label=text::EDIT_COMMENT
            prop:value=live(move || typed.get())
            on:input=move |event| typed.set(event_target_value(&event))
        ></textarea>
        <div class="with-buttons">
            <button type="button" on:click=save>{text::SAVE}</button>
            <button type="button" class="quiet" on:click=move |_| is_open.set(false)>{text::CANCEL}</button>
        </div>
    }
}

/// Gives the keyboard to what is there in a moment.
fn focus(selector: &'static str) {
    spawn_local(async move {
        tick().await;
        platform::focus(selector);
    });
}
