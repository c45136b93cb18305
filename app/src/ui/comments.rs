//! What was said of a task, and a field to say more.

use js_sys::Date;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::{CommentDocument, CommentPatch, NewComment, TaskDocument};
use partyline_core::id::{CommentId, TaskId};
use wasm_bindgen::JsValue;

use super::live::{effect, live, maybe, rows};
use super::markdown;
use crate::api::{self, ApiError};
use crate::model::app::App;
use crate::model::drafts::Draft;
use crate::model::notice::NoticeAction;
use crate::model::room::Room;
use crate::platform;
use crate::text;

/// The comments on a task, as they are known here.
#[derive(Clone, Copy)]
struct Talk {
    app: App,
    room: Room,
    task: TaskId,
    comments: RwSignal<Vec<CommentDocument>>,
    problem: RwSignal<Option<String>>,
    /// Who said something while the details were open.
    news: RwSignal<String>,
    /// Which reading was begun last: an answer that a later one has overtaken is dropped.
    reading: StoredValue<u64>,
}

impl Talk {
    fn read(self) {
        let Some(number) = self.reading.try_update_value(|number| {
            *number += 1;
            *number
        }) else {
            return;
        };
        spawn_local(async move {
            let answer = api::comments(self.room.id, self.task).await;
            if self.reading.try_get_value() != Some(number) {
                return;
            }
            match answer {
                Ok(comments) => self.show(comments, number == 1),
                Err(error) => self.fail(&error),
            }
        });
    }

    fn show(self, comments: Vec<CommentDocument>, is_first: bool) {
        let known = self.comments.get_untracked();
        let is_new = |comment: &&CommentDocument| known.iter().all(|other| other.id != comment.id);
        if let Some(new) = comments.iter().rfind(is_new).filter(|new| !is_first && !self.is_own(new)) {
            self.news.set(text::new_comment(&untrack(|| self.author(new))));
        }
        if known != comments {
            self.comments.set(comments);
        }
    }

    fn fail(self, error: &ApiError) {
        let _ = self.problem.try_set(Some(text::not_saved(error)));
    }

    fn is_own(self, comment: &CommentDocument) -> bool {
        self.room
            .membership
            .with_untracked(|own| own.as_ref().is_some_and(|own| own.device.to_string() == comment.author))
    }

    fn author(self, comment: &CommentDocument) -> String {
        text::device_name(self.room.device_name(&comment.author))
    }

    fn draft(self) -> Draft {
        Draft::of_comment(self.room.id, self.task)
    }

    /// Adds a comment. What was typed is given up only once it is kept.
    fn add(self, words: String, added: impl Fn() + 'static) {
        let Some(random) = platform::random_bytes() else { return };
        let new = NewComment { id: Some(CommentId::on(self.task, random).to_string()), text: words };
        spawn_local(async move {
            match api::add_comment(self.room.id, self.task, &new).await {
                Ok(()) => {
                    self.draft().drop();
                    let _ = self.problem.try_set(None);
                    added();
                    self.read();
                }
                Err(error) => self.fail(&error),
            }
        });
    }

    fn edit(self, comment: String, patch: CommentPatch) {
        spawn_local(async move {
            match api::edit_comment(self.room.id, self.task, &comment, &patch).await {
                Ok(()) => self.read(),
                Err(error) => self.app.notices.fail(text::not_saved(&error), None),
            }
        });
    }

    fn delete(self, comment: String) {
        spawn_local(async move {
            let deletion = CommentPatch { deleted: Some(true), ..CommentPatch::default() };
            match api::edit_comment(self.room.id, self.task, &comment, &deletion).await {
                Ok(()) => {
                    self.read();
                    let back = CommentPatch { deleted: Some(false), ..CommentPatch::default() };
                    let undo = NoticeAction::new(text::UNDO, move || self.edit(comment.clone(), back.clone()));
                    self.app.notices.tell(text::COMMENT_DELETED.to_owned(), Some(undo));
                }
                Err(error) => self.app.notices.fail(text::not_saved(&error), None),
            }
        });
    }
}

/// What was said of a task, and a field to say more.
#[component]
pub(crate) fn Comments(
    /// In which room.
    room: Room,
    /// On which task.
    id: TaskId,
    /// Its signal, which tells of another number of comments.
    task: RwSignal<TaskDocument>,
) -> impl IntoView {
    let talk = Talk {
        app: expect_context::<App>(),
        room,
        task: id,
        comments: RwSignal::new(Vec::new()),
        problem: RwSignal::new(None),
        news: RwSignal::new(String::new()),
        reading: StoredValue::new(0),
    };
    effect(move || {
        task.track();
        talk.read();
    });
    let field = NodeRef::<html::Textarea>::new();
    let typed = talk.draft().typed().map(|typed| typed.text).unwrap_or_default();
    let send = move || {
        let Some(field) = field.get_untracked() else { return };
        let words = field.value();
        if !words.trim().is_empty() {
            talk.add(words.clone(), move || {
                if field.value() == words {
                    field.set_value("");
                }
            });
        }
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
                on:input=move |event| talk.draft().keep(&event_target_value(&event), "")
                on:keydown=move |event| {
                    if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) && !event.is_composing() {
                        event.prevent_default();
                        send();
                    }
                }
            ></textarea>
            <button type="button" on:click=move |_| send()>{text::SEND}</button>
            <p class="problem" role="alert">{live(move || talk.problem.get())}</p>
        </div>
    }
}

/// One comment; its author can change it and take it away.
#[component]
fn Said(
    /// Among which.
    talk: Talk,
    /// Which one.
    comment: CommentDocument,
) -> impl IntoView {
    let comment = StoredValue::new(comment);
    let is_edited = comment.with_value(|comment| comment.edited_at.is_some());
    let (made, spoken, whole) = comment.with_value(|comment| when(&comment.made_at, talk.app));
    let is_open = RwSignal::new(false);
    let shown = NodeRef::<html::Div>::new();
    effect(move || {
        if let Some(within) = shown.get() {
            comment.with_value(|comment| markdown::show(&comment.text, &within));
        }
    });
    let field = NodeRef::<html::Textarea>::new();
    let save = move || {
        let words = field.get_untracked().map(|field| field.value()).unwrap_or_default();
        is_open.set(false);
        if !words.trim().is_empty() {
            let patch = CommentPatch { text: Some(words), ..CommentPatch::default() };
            talk.edit(comment.with_value(|comment| comment.id.clone()), patch);
        }
    };
    let own = comment.with_value(|comment| talk.is_own(comment));
    let tools = own.then(|| {
        view! {
            <button type="button" class="quiet" aria-label=text::EDIT_COMMENT on:click=move |_| is_open.set(true)>
                "Edit"
            </button>
            <button
                type="button"
                class="quiet"
                aria-label=text::DELETE_COMMENT
                on:click=move |_| talk.delete(comment.with_value(|comment| comment.id.clone()))
            >
                "Delete"
            </button>
        }
    });
    view! {
        <li>
            <div class="said-by">
                <bdi>{live(move || comment.with_value(|comment| talk.author(comment)))}</bdi>
                " "
                <time datetime=made title=whole>{spoken}</time>
                {is_edited.then_some(view! { " " <span>{text::EDITED}</span> })}
                {tools}
            </div>
            <div class="notes" dir="auto" node_ref=shown hidden=live(move || is_open.get())></div>
            {maybe(move || is_open.get().then(|| view! {
                <textarea
                    node_ref=field
                    rows="3"
                    dir="auto"
                    aria-label=text::EDIT_COMMENT
                    prop:value=comment.with_value(|comment| comment.text.clone())
                ></textarea>
                <button type="button" on:click=move |_| save()>"Save"</button>
                <button type="button" class="quiet" on:click=move |_| is_open.set(false)>"Cancel"</button>
            }))}
        </li>
    }
}

/// A moment as it is written in a document, as people write it, and in full.
fn when(moment: &str, app: App) -> (String, String, String) {
    let unix_ms = Date::parse(moment);
    let day = platform::spoken_day(platform::day_of(unix_ms), app.day());
    let spoken = [day.as_str(), " ", &platform::time_of_day(unix_ms)].concat();
    let whole = Date::new(&JsValue::from_f64(unix_ms)).to_locale_string("default", &JsValue::UNDEFINED);
    (moment.to_owned(), spoken, whole.into())
}
