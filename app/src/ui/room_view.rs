use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use partyline_core::id::TaskId;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::add_task::AddTask;
use super::choosing;
use super::find_bar;
use super::icon::Icon;
use super::keep_place::{keep_focus, keep_view};
use super::live::{effect, live, maybe, part, rows};
use super::section_heading::SectionHeading;
use super::task_row::TaskRow;
use super::warning::warning;
use crate::model::app::{App, Dialog};
use crate::model::listing::Row;
use crate::model::network::link_word;
use crate::model::room::{Loading, Room};
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
                        class="quiet round find-button"
                        aria-label="Find"
                        aria-expanded=live(move || room.listing().finding.get().to_string())
                        aria-keyshortcuts="/"
                        on:click=move |_| app.with_rest(move || find_bar::toggle(room))
                    >
                        {Icon::Find.draw()}
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
                {maybe(move || room.listing().finding.get().then(|| find_bar::bar(room)))}
            </header>
            <AddTask room=room />
            <div class="room-body">
                {rows(
                    move || warnings.get(),
                    Clone::clone,
                    |words| view! { <p class="skew" role="alert">{warning(words)}</p> },
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
            {maybe(move || app.rest.is_here().then(|| choosing::hands(app, room)))}
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
            keep_view(order);
            order.window.part(&order.rows).to_vec()
        })
    };
    let line = move |row: Row| match row {
        Row::Task(id) => room.task(id).map(|task| view! { <TaskRow room=room id=id task=task /> }.into_any()),
        Row::Head(key) => Some(view! { <SectionHeading room=room key=key /> }.into_any()),
        Row::Done => Some(view! { <DoneHeading room=room /> }.into_any()),
    };
    lay_out(room);
    view! {
        <div></div>
        <ul
            class="tasks"
            role="list"
            aria-label="Tasks"
        >
            {rows(each, |row| row.key(), line)}
        </ul>
        <div></div>
        <p class="for-ears" aria-live="polite">{live(move || {
            room.listing().moved.get().map(|(id, place, of)| text::moved(&room.title(id), place, of))
        })}</p>
    }
}

/// Folds the completed tasks away, and shows them.
#[component]
fn DoneHeading(
    /// Of which room.
    room: Room,
) -> impl IntoView {
    let folded = room.listing().folded;
    view! {
        <li class="done-heading">
            <button
                type="button"
                class="quiet"
                aria-expanded=live(move || (!folded.get()).to_string())
                on:click=move |_| room.fold_done(!folded.get_untracked())
            >
                {Icon::Fold.draw()}
                {live(move || text::done(room.listing().completed.get()))}
            </button>
        </li>
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
        room.listing().tree.track();
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
                let level = shown.get_attribute("data-level").and_then(|level| level.parse::<usize>().ok());
                let _ = shown.set_attribute("aria-level", &(level.unwrap_or(0) + 1).to_string());
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
    view! {
        <p class="muted">
            {maybe(move || {
                let (open, done) = room.listing().counts.get();
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
    let empty = Memo::new(move |_| room.listing().counts.get() == (0, 0));
    let nothing_found = Memo::new(move |_| {
        !empty.get() && room.listing().found.get() == 0 && room.listing().query.with(|query| !query.is_empty())
    });
    view! {
        {maybe(move || nothing_found.get().then(|| view! {
            <div class="empty">
                <p class="empty-lead">"No task is like that."</p>
                <button type="button" class="quiet" on:click=move |_| find_bar::clear(room)>"Show all tasks"</button>
            </div>
        }))}
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

/// Brings a task that was just added or moved into view.
fn follow_new_tasks(room: Room) {
    Effect::new(move |before: Option<Option<_>>| {
        let added = room.added.get();
        if let Some(id) = added
            && before.is_some_and(|before| before != added)
        {
            bring_into_view(room, id);
        }
        added
    });
    effect(move || {
        if let Some((id, ..)) = room.listing().moved.get() {
            bring_into_view(room, id);
        }
    });
}

fn bring_into_view(room: Room, id: TaskId) {
    room.look(|order| {
        let row = order.rows.iter().position(|other| *other == Row::Task(id));
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
