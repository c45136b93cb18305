use leptos::prelude::*;
use partyline_core::api::{TaskDocument, TaskStatus};
use partyline_core::id::TaskId;

use super::icon::Icon;
use super::live::{live, maybe};
use super::task_check::TaskCheck;
use crate::day::Day;
use crate::model::app::{App, Dialog};
use crate::model::field::{PRIORITIES, STATUSES};
use crate::model::room::Room;
use crate::platform;
use crate::text;

/// A task in the list.
#[component]
pub(crate) fn TaskRow(
    /// In which room.
    room: Room,
    /// Which task.
    id: TaskId,
    /// Its signal: a change to the task renders this row and no other.
    task: ArcRwSignal<TaskDocument>,
) -> impl IntoView {
    let app = expect_context::<App>();
    let task = RwSignal::from(task);
    let title = Memo::new(move |_| task.with(|task| task.title.clone()));
    let done = Memo::new(move |_| task.with(|task| task.status == TaskStatus::Done));
    let level = Memo::new(move |_| room.level(id).to_string());
    view! {
        <li
            class="task"
            class:done=live(move || done.get())
            data-task=id.to_string()
            data-level=live(move || level.get())
        >
            <TaskCheck room=room id=id title=title done=done />
            <div class="task-main">
                <button
                    type="button"
                    class="task-title"
                    aria-label=live(move || format!("Open {}", title.get()))
                    on:click=move |_| app.dialog.set(Some(Dialog::Task(id)))
                >
                    <bdi>{live(move || title.get())}</bdi>
                </button>
                <TaskFacts room=room id=id task=task />
            </div>
            <Fold room=room id=id title=title />
            // A tap opens the menu and a drag moves the task: see `drag`.
            <button
                type="button"
                class="quiet round task-more"
                aria-label=live(move || text::more_actions(&title.get()))
                aria-haspopup="dialog"
                on:click=move |_| app.dialog.set(Some(Dialog::Actions(id)))
            >
                {Icon::Grip.draw()}
            </button>
        </li>
    }
}

/// How much of what is below a task is done. It folds that away, and shows it.
#[component]
fn Fold(
    /// In which room.
    room: Room,
    /// Below which task.
    id: TaskId,
    /// Its title.
    title: Memo<String>,
) -> impl IntoView {
    let is_there = Memo::new(move |_| room.is_closed(id).is_some());
    let is_closed = move || room.is_closed(id) == Some(true);
    let progress = move || room.progress(id).unwrap_or_default();
    view! {
        {maybe(move || is_there.get().then(|| view! {
            <button
                type="button"
                class="quiet task-fold"
                aria-expanded=live(move || (!is_closed()).to_string())
                aria-label=live(move || text::subtasks_of(&title.get(), progress()))
                on:click=move |_| room.fold_subtasks(id, !untrack(is_closed))
            >
                {live(move || text::progress(progress()))}
                {Icon::Fold.draw()}
            </button>
        }))}
    }
}

/// What is known of a task besides its title, each fact only where there is one.
#[component]
fn TaskFacts(
    /// In which room.
    room: Room,
    /// Of which task.
    id: TaskId,
    /// Its signal.
    task: RwSignal<TaskDocument>,
) -> impl IntoView {
    let app = expect_context::<App>();
    let part_of = Memo::new(move |_| room.part_of(id).unwrap_or_default());
    let facts = move || {
        let task = task.get();
        let done = task.status == TaskStatus::Done;
        let status = (!done && task.status != TaskStatus::Open).then(|| {
            let words = STATUSES.iter().find(|(_, status, _)| *status == task.status).map(|(.., words)| *words);
            let reason = Some(task.blocked_reason.as_str())
                .filter(|reason| task.status == TaskStatus::Blocked && !reason.is_empty());
            let why = reason.map_or_else(String::new, |reason| [": ", reason].concat());
            view! { <li class="fact" data-status=words.map(str::to_ascii_lowercase)>{words}{why}</li> }
        });
        let priority = (task.priority > 0 && !done).then(|| {
            let words = PRIORITIES.get(usize::from(task.priority)).map(|(_, words)| *words);
            view! {
                <li class="fact" data-priority=task.priority.to_string()>
                    {Icon::Flag.draw()}
                    {words}
                    <span class="for-ears">" priority"</span>
                </li>
            }
        });
        let due = task.due.as_deref().and_then(Day::parse).map(|due| {
            let today = app.today.get();
            let overdue = !done && due < today;
            view! {
                <li class="fact" class:overdue=overdue class:soon=!done && due == today>
                    {Icon::Calendar.draw()}
                    <span class="for-ears">{if overdue { "Overdue since " } else { "Due " }}</span>
                    {overdue.then_some(view! { <span aria-hidden="true">"Overdue: "</span> })}
                    {platform::spoken_day(due, today)}
                </li>
            }
        });
        let assignee = (!task.assignee.is_empty()).then(|| {
            view! { <li class="fact">{Icon::Person.draw()} <span class="for-ears">"Assigned to "</span> {task.assignee.clone()}</li> }
        });
        let notes = (!task.notes.trim().is_empty()).then(|| {
            view! { <li class="fact">{Icon::Notes.draw()} <span class="for-ears">"Has notes"</span></li> }
        });
        let comments = (task.comments > 0).then(|| {
            view! {
                <li class="fact">
                    {Icon::Comment.draw()}
                    {task.comments}
                    <span class="for-ears">{text::comments_word(task.comments)}</span>
                </li>
            }
        });
        let labels: Vec<_> = task
            .labels
            .iter()
            .map(|label| view! { <li class="fact label"><span class="for-ears">"Label "</span> {label.clone()}</li> })
            .collect();
        let part_of = Some(part_of.get()).filter(|title| !title.is_empty());
        let part_of = part_of.map(|title| view! { <li class="fact"><bdi>{text::part_of(&title)}</bdi></li> });
        let any = part_of.is_some()
            || status.is_some()
            || priority.is_some()
            || due.is_some()
            || assignee.is_some()
            || notes.is_some()
            || comments.is_some()
            || !labels.is_empty();
        any.then(
            || view! { <ul class="facts-row" role="list">{part_of} {status} {priority} {due} {assignee} {labels} {notes} {comments}</ul> },
        )
    };
    view! { {facts} }
}
