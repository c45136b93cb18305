//! Subtasks in a task's details, and the dialog that makes a task one.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use partyline_core::api::{TaskDocument, TaskStatus};
use partyline_core::id::TaskId;

use super::live::{live, maybe, rows};
use super::modal::{Modal, ModalHandle};
use super::task_check::TaskCheck;
use crate::model::app::Dialog;
use crate::model::drafts::Draft;
use crate::model::field::one_line;
use crate::model::room::Room;
use crate::text;

/// How many tasks are offered at once.
const MOST: usize = 30;

/// The way to the task that this one is a subtask of.
#[component]
pub(crate) fn PartOf(
    /// In which room.
    room: Room,
    /// Which task.
    id: TaskId,
    /// How its details are closed.
    handle: ModalHandle,
) -> impl IntoView {
    view! {
        {maybe(move || room.parent(id).and_then(|parent| Some((parent, room.task(parent)?))).map(|(parent, task)| view! {
            <button type="button" class="quiet part-of" on:click=move |_| handle.leave(Some(Dialog::Task(parent)))>
                <bdi>{live(move || task.with(|task| text::part_of(&task.title)))}</bdi>
            </button>
        }))}
    }
}

/// The subtasks of a task, and a field for another one.
#[component]
pub(crate) fn Subtasks(
    /// In which room.
    room: Room,
    /// Of which task.
    id: TaskId,
    /// How its details are closed.
    handle: ModalHandle,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let draft = StoredValue::new(Draft::of_subtask(room.id, id));
    let typed = draft.with_value(Draft::typed).map(|typed| typed.text).unwrap_or_default();
    let add = move || {
        let Some(field) = field.get_untracked() else { return };
        let title = one_line(&field.value());
        if !title.is_empty() {
            let _ = room.add_to(Some(id), title);
            field.set_value("");
        }
    };
    let keep = move |text: String| {
        draft.with_value(|draft| if text.is_empty() { draft.drop() } else { draft.keep(&text, "") });
    };
    let can_have = Memo::new(move |_| room.can_have_subtasks(id));
    let has_any = Memo::new(move |_| room.progress(id).is_some());
    view! {
        {maybe(move || has_any.get().then(|| view! {
            <div class="field">
                <h3>{text::SUBTASKS} " " {live(move || room.progress(id).map(text::progress))}</h3>
                <ul class="subtasks" role="list" aria-label=text::SUBTASKS>
                    {rows(
                        move || room.subtasks(id),
                        TaskId::to_string,
                        move |id| room.task(id).map(|task| view! { <Subtask room=room id=id task=task handle=handle /> }),
                    )}
                </ul>
            </div>
        }))}
        <input
            type="text"
            node_ref=field
            hidden=live(move || !can_have.get())
            aria-label=text::ADD_SUBTASK
            placeholder=text::ADD_SUBTASK
            autocomplete="off"
            enterkeyhint="enter"
            prop:value=typed
            on:input=move |event| keep(event_target_value(&event))
            on:keydown=move |event| {
                if event.key() == "Enter" && !event.is_composing() {
                    event.prevent_default();
                    add();
                }
            }
        />
    }
}

/// A subtask in the details of the task that it is in.
#[component]
fn Subtask(
    /// In which room.
    room: Room,
    /// Which one.
    id: TaskId,
    /// Its signal.
    task: ArcRwSignal<TaskDocument>,
    /// How the details are closed.
    handle: ModalHandle,
) -> impl IntoView {
    let task = RwSignal::from(task);
    let title = Memo::new(move |_| task.with(|task| task.title.clone()));
    let done = Memo::new(move |_| task.with(|task| task.status == TaskStatus::Done));
    view! {
        <li class="task" class:done=live(move || done.get())>
            <TaskCheck room=room id=id title=title done=done />
            <div class="task-main">
                <button
                    type="button"
                    class="task-title"
                    aria-label=live(move || format!("Open {}", title.get()))
                    on:click=move |_| handle.leave(Some(Dialog::Task(id)))
                >
                    <bdi>{live(move || title.get())}</bdi>
                </button>
            </div>
            <span class="muted">{live(move || room.progress(id).map(text::progress))}</span>
        </li>
    }
}

/// Deletes a task together with its subtasks, if it has any.
#[component]
pub(crate) fn DeleteWith(
    /// In which room.
    room: Room,
    /// Which task.
    id: TaskId,
    /// How the dialog is closed in which the button is.
    handle: ModalHandle,
) -> impl IntoView {
    let has_any = Memo::new(move |_| !room.below(id).is_empty());
    let delete = move |_| {
        handle.close();
        room.delete_with_subtasks(id);
    };
    view! {
        {maybe(move || has_any.get().then(|| view! {
            <button type="button" class="danger" on:click=delete>{live(move || text::delete_with(room.below(id).len()))}</button>
        }))}
    }
}

/// Chooses the task that another one is made a subtask of.
#[component]
pub(crate) fn PutUnder(
    /// In which room.
    room: Room,
    /// Which task is made a subtask.
    id: TaskId,
) -> impl IntoView {
    let handle = ModalHandle::new();
    let choose = Arc::new(move |parent: TaskId| {
        handle.close();
        room.put_under(id, parent);
    });
    view! {
        <Modal handle=handle title=text::PUT_UNDER class="actions-modal" light=true>
            <div class="modal-body">
                <p class="actions-of" dir="auto">{room.title(id)}</p>
                <ParentField room=room tasks=vec![id] choose=choose />
            </div>
        </Modal>
    }
}

/// Finds a task that others can be made subtasks of.
#[component]
pub(crate) fn ParentField(
    /// In which room.
    room: Room,
    /// Which ones are made subtasks.
    tasks: Vec<TaskId>,
    /// Called with the task that was chosen.
    choose: Arc<dyn Fn(TaskId) + Send + Sync>,
) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    view! {
        <input
            type="text"
            aria-label=text::PARENT_TITLE
            placeholder=text::PARENT_TITLE
            autocomplete="off"
            enterkeyhint="search"
            on:input=move |event| typed.set(event_target_value(&event))
        />
        <div class="possible">{rows(
            move || room.possible_parents(&tasks, &typed.get(), MOST),
            |(task, _)| task.to_string(),
            move |(task, title)| {
                let choose = Arc::clone(&choose);
                view! { <button type="button" class="quiet" on:click=move |_| choose(task)><bdi>{title}</bdi></button> }
            },
        )}</div>
        <p class="hint">{text::NO_PARENT}</p>
    }
}
