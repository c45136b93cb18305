//! What was said of a task, and a field to say more.

use js_sys::Date;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::{CommentDocument, TaskDocument};
use partyline_core::id::TaskId;
use wasm_bindgen::JsValue;

use super::live::{effect, live, maybe, rows};
use super::markdown;
use crate::model::app::App;
use crate::model::room::Room;
use crate::model::talk::Talk;
use crate::platform;
use crate::text;

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
    let field = NodeRef::<html::Textarea>::new();
    let typed = talk.typed();
    let is_empty = RwSignal::new(typed.trim().is_empty());
    let send = move || {
        let Some(field) = field.get_untracked() else { return };
        let words = field.value();
        if words.trim().is_empty() {
            return;
        }
        spawn_local(async move {
            if talk.add(words.clone()).await && field.value() == words {
                field.set_value("");
                let _ = is_empty.try_set(true);
            }
        });
    };
    let has_any = Memo::new(move |_| talk.comments.with(|comments| !comments.is_empty()));
    view! {
        <div class="field comments">
            {maybe(move || has_any.get().then(|| view! {
                <h3>{text::COMMENTS}</h3>
                <ul role="list" aria-label=text::COMMENTS>
                    {rows(
                        move || talk.comments.get(),
                        |comment| [comment.id.as_str(), comment.edited_at.as_deref().unwrap_or_default()].concat(),
                        move |comment| view! { <Said talk=talk comment=comment /> },
                    )}
                </ul>
            }))}
            <p class="for-ears" role="status">{live(move || talk.news.get())}</p>
            <textarea
                node_ref=field
                rows="2"
                aria-label=text::ADD_COMMENT
                placeholder=text::ADD_COMMENT
                dir="auto"
                prop:value=typed
                on:input=move |event| {
                    let typed = event_target_value(&event);
                    is_empty.set(typed.trim().is_empty());
                    talk.keep(&typed);
                }
                on:keydown=move |event| {
                    if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) && !event.is_composing() {
                        event.prevent_default();
                        send();
                    }
                }
            ></textarea>
            <button type="button" hidden=live(move || is_empty.get()) on:click=move |_| send()>{text::SEND}</button>
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
    comment: CommentDocument,
) -> impl IntoView {
    let comment = StoredValue::new(comment);
    let is_open = RwSignal::new(false);
    let shown = NodeRef::<html::Div>::new();
    effect(move || {
        if let Some(within) = shown.get() {
            comment.with_value(|comment| markdown::show(&comment.text, &within));
        }
    });
    let (made, edited) = comment.with_value(|comment| {
        (When::of(&comment.made_at, talk.app), comment.edited_at.as_deref().map(|at| When::of(at, talk.app).whole))
    });
    let tools = comment.with_value(|comment| talk.is_own(comment)).then(|| {
        let delete = move |_| talk.delete(comment.with_value(|comment| comment.id.clone()));
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
                <bdi class="author">{live(move || comment.with_value(|comment| talk.author(comment)))}</bdi>
                <time datetime=made.written title=made.whole>{made.spoken}</time>
                {edited.map(|edited| view! { <span title=edited>{text::EDITED}</span> })}
                {tools}
            </div>
            <div class="said" dir="auto" node_ref=shown hidden=live(move || is_open.get())></div>
            {maybe(move || is_open.get().then(|| view! { <Reword talk=talk comment=comment is_open=is_open /> }))}
        </li>
    }
}

/// The field in which a comment is given other words.
#[component]
fn Reword(
    /// Among which.
    talk: Talk,
    /// Which one.
    comment: StoredValue<CommentDocument>,
    /// Whether it is there.
    is_open: RwSignal<bool>,
) -> impl IntoView {
    let field = NodeRef::<html::Textarea>::new();
    effect(move || {
        if let Some(field) = field.get() {
            let _ = field.focus();
        }
    });
    let before = comment.with_value(|comment| comment.text.clone());
    let save = move |_| {
        let words = field.get_untracked().map(|field| field.value()).unwrap_or_default();
        is_open.set(false);
        comment.with_value(|comment| {
            if !words.trim().is_empty() && words != comment.text {
                talk.reword(comment, words);
            }
        });
    };
    view! {
        <textarea node_ref=field rows="3" dir="auto" aria-label=text::EDIT_COMMENT prop:value=before></textarea>
        <div class="said-by">
            <button type="button" on:click=save>{text::SAVE}</button>
            <button type="button" class="quiet" on:click=move |_| is_open.set(false)>{text::CANCEL}</button>
        </div>
    }
}

/// A moment as it is written in a document, as people write it, and in full.
struct When {
    written: String,
    spoken: String,
    whole: String,
}

impl When {
    fn of(moment: &str, app: App) -> Self {
        let unix_ms = Date::parse(moment);
        let day = platform::spoken_day(platform::day_of(unix_ms), app.day());
        let whole = Date::new(&JsValue::from_f64(unix_ms)).to_locale_string("default", &JsValue::UNDEFINED);
        Self {
            written: moment.to_owned(),
            spoken: [day.as_str(), " ", &platform::time_of_day(unix_ms)].concat(),
            whole: whole.into(),
        }
    }
}
