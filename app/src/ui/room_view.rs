use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use partyline_core::api::TaskStatus;
use partyline_core::id::TaskId;
use wasm_bindgen::JsCast;
use web_sys::{FocusOptions, HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::add_task::AddTask;
use super::icon::Icon;
use super::live::{effect, live, maybe, part, rows};
use super::task_row::TaskRow;
use crate::model::app::{App, Dialog};
use crate::model::network::link_word;
use crate::model::room::{Loading, Order, Room};
use crate::model::trouble::troubles;
use crate::platform;
use crate::text;

/// The list of tasks.
const TASKS: &str = ".tasks";

/// A room: its name, its connections, its tasks.
#[component]
pub(crate) fn RoomView(
    /// Which room.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let name =
        move || room.name.with(|name| if name.is_empty() { text::UNNAMED_ROOM.to_owned() } else { name.clone() });
    effect(move || document().set_title(&format!("{} · {}", name(), text::APP)));
    follow_new_tasks(room);

    let listed = StoredValue::new(false);
    effect(move || {
        if room.loading.get() == Loading::Ready && !listed.get_value() {
            listed.set_value(true);
            spawn_local(async {
                tick().await;
                platform::mark("partyline:list");
            });
        }
    });
    let warnings = Memo::new(move |_| troubles(room));
    // Under a clock that is wrong itself, all others' changes may be among them.
    let waiting = Memo::new(move |_| {
        let is_wrong = room.clock().is_some() || room.status.with(|status| status.clocks.own.is_some());
        if is_wrong { 0 } else { room.waiting() }
    });
    view! {
        <main class="room">
            <header class="room-head">
                <button
                    type="button"
                    class="quiet round rooms-button"
                    aria-label="Rooms"
                    aria-describedby="rooms-news"
                    on:click=move |_| app.dialog.set(Some(Dialog::Rooms))
                >
                    {Icon::Menu.draw()}
                    <span id="rooms-news" class="rooms-news">
                        {live(move || text::news_elsewhere(app.news.elsewhere(Some(room.id))))}
                    </span>
                </button>
                <div class="room-name">
                    <h1>{name}</h1>
                    <TaskCounts room=room />
                </div>
                <Connection room=room />
                <div class="room-tools">
                    <button type="button" class="share-button" on:click=move |_| app.dialog.set(Some(Dialog::Share))>
                        {Icon::Share.draw()}
                        "Share"
                    </button>
                    <button
                        type="button"
                        class="quiet round"
                        aria-label="Room settings"
                        on:click=move |_| app.dialog.set(Some(Dialog::Settings))
                    >
                        {Icon::Settings.draw()}
                    </button>
                </div>
            </header>
            <AddTask room=room />
            <div class="room-body">
                {rows(
                    move || warnings.get(),
                    Clone::clone,
                    |words| view! { <p class="skew" role="alert">{words}</p> },
                )}
                {maybe(move || Some(waiting.get()).filter(|waiting| *waiting > 0).map(|waiting| view! {
                    <p class="skew" role="status">
                        {text::waiting(waiting)}
                        " "
                        <button type="button" on:click=move |_| app.dialog.set(Some(Dialog::Devices))>
                            "Show"
                        </button>
                    </p>
                }))}
                <TaskList room=room />
                {part(move || match room.loading.get() {
                    Loading::Pending => view! { <p class="empty muted" role="status">"Reading your tasks…"</p> }.into_any(),
                    Loading::Failed { why, is_older } => view! {
                        <div class="empty">
                            <p class="problem" role="alert">"The tasks cannot be read. " {why}</p>
                            // By `static/camera.js`.
                            {is_older.then(|| view! {
                                <button type="button" data-save=room.id.to_string()>"Save the tasks"</button>
                            })}
                            <button type="button" on:click=move |_| spawn_local(room.open())>{text::RETRY}</button>
                        </div>
                    }.into_any(),
                    Loading::Ready => view! { <NoTasks room=room /> }.into_any(),
                })}
            </div>
        </main>
    }
}

#[component]
fn TaskList(
    /// Of which room.
    room: Room,
) -> impl IntoView {
    let each = move || {
        room.order.with(|order| {
            keep_focus(order);
            order.window.part(&order.ids).to_vec()
        })
    };
    lay_out(room);
    view! {
        <div></div>
        <ul class="tasks" role="list" aria-label="Tasks">
            {rows(
                each,
                ToString::to_string,
                move |id| room.task(id).map(|task| view! { <TaskRow room=room id=id task=task /> }),
            )}
        </ul>
        <div></div>
    }
}

/// Keeps the rows that are in view, and some around them, on the page.
pub(crate) fn follow_scrolling(room: Room) {
    if let Some(list) = document().query_selector(TASKS).ok().flatten() {
        let place = list.get_bounding_client_rect();
        room.look(|order| order.window.scrolled(place.top(), place.bottom()));
    }
}

/// Gives a long list its whole height, and says to those who do not see it where in it a row is.
fn lay_out(room: Room) {
    effect(move || {
        let window = room.order.with(|order| order.window);
        let Some(list) = document().query_selector(TASKS).ok().flatten() else { return };
        let spaces = [list.previous_element_sibling(), list.next_element_sibling()];
        for (space, height) in spaces.into_iter().zip([window.above(), window.below()]) {
            if let Some(space) = space.and_then(|space| space.dyn_into::<HtmlElement>().ok()) {
                let _ = space.style().set_property("height", &format!("{height}px"));
            }
        }
        spawn_local(async move {
            tick().await;
            let (mut row, mut number) = (list.first_element_child(), window.first());
            while let Some(shown) = row {
                number += 1;
                let _ = shown.set_attribute("aria-posinset", &number.to_string());
                let _ = shown.set_attribute("aria-setsize", &window.rows_in_all().to_string());
                row = shown.next_element_sibling();
            }
        });
    });
}

#[component]
fn TaskCounts(
    /// Of which room.
    room: Room,
) -> impl IntoView {
    let counts = Memo::new(move |_| {
        let is_open = |id: &TaskId| {
            room.task(*id).is_some_and(|task| task.with_untracked(|task| task.status != TaskStatus::Done))
        };
        // The open ones come first.
        room.order.with(|order| {
            let open = order.ids.partition_point(is_open);
            (open, order.ids.len() - open)
        })
    });
    view! {
        <p class="muted">
            {maybe(move || {
                let (open, done) = counts.get();
                (room.loading.get() == Loading::Ready).then(|| text::counts(open, done))
            })}
        </p>
    }
}

#[component]
fn NoTasks(
    /// In which room.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let empty = Memo::new(move |_| room.order.with(|order| order.ids.is_empty()));
    view! {
        {maybe(move || empty.get().then(|| view! {
            <div class="empty">
                <p class="empty-lead">"Nothing to do yet."</p>
                <p class="muted">"Write down the first task, or let others in:"</p>
                <button type="button" class="quiet" on:click=move |_| app.dialog.set(Some(Dialog::Share))>
                    {Icon::Link.draw()}
                    "Get the room link"
                </button>
            </div>
        }))}
    }
}

#[component]
fn Connection(
    /// Of which room.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let words = Memo::new(move |_| room.connection());
    let link = Memo::new(move |_| room.status.with(link_word));
    view! {
        <div class="connection" data-link=live(move || link.get())>
            <span class="dot" aria-hidden="true"></span>
            <div role="status" aria-label="Connection">{live(move || words.get())}</div>
            <button
                type="button"
                class="quiet round"
                aria-label="Devices"
                on:click=move |_| app.dialog.set(Some(Dialog::Devices))
            >
                {Icon::Devices.draw()}
            </button>
        </div>
    }
}

/// Brings a task that was just added into view.
fn follow_new_tasks(room: Room) {
    Effect::new(move |before: Option<Option<_>>| {
        let added = room.added.get();
        if let Some(id) = added
            && before.is_some_and(|before| before != added)
        {
            room.look(|order| {
                let row = order.ids.iter().position(|other| *other == id);
                row.map_or(order.window, |row| order.window.showing(row))
            });
            spawn_local(async move {
                tick().await;
                let row = document().query_selector(&format!("[data-task='{id}']")).ok().flatten();
                if let Some(row) = row {
                    let options = ScrollIntoViewOptions::new();
                    options.set_block(ScrollLogicalPosition::Nearest);
                    row.scroll_into_view_with_scroll_into_view_options(&options);
                }
            });
        }
        added
    });
}

/// Lets the keyboard stay where it is while rows move or go away.
///
/// A row that moves is taken out of the document for a moment, and what it holds loses the keyboard. A row that goes
/// away hands it to the row that takes its place.
fn keep_focus(order: &Order) {
    let Some(before) = platform::focused() else { return };
    let Some(row) = before.closest("[data-task]").ok().flatten() else { return };
    let id = row.get_attribute("data-task").and_then(|id| TaskId::parse(&id).ok());
    let is_gone = id.is_none_or(|id| !order.ids.contains(&id));
    let heir = row.next_element_sibling().or_else(|| row.previous_element_sibling()).filter(|_| is_gone);
    spawn_local(async move {
        tick().await;
        if platform::focused().is_some() {
            return;
        }
        let without_scrolling = FocusOptions::new();
        without_scrolling.set_prevent_scroll(true);
        let heir = || heir.and_then(|row| row.query_selector("input").ok().flatten()?.dyn_into::<HtmlElement>().ok());
        let target = if before.is_connected() { Some(before) } else { heir().filter(|target| target.is_connected()) };
        match target {
            Some(target) => drop(target.focus_with_options(&without_scrolling)),
            None if is_gone => drop(platform::focus(".add input")),
            // It was scrolled away.
            None => {}
        }
    });
}
