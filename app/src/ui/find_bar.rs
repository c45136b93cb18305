//! The field for finding, and its filters. What the rest of the page calls here is never inlined: the page's wasm loads it
//! later.

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};

use super::filter_chips::{chips, tools};
use super::icon::Icon;
use super::live::{live, part};
use crate::model::find::Query;
use crate::model::group::Grouping;
use crate::model::kept_filters::Filter;
use crate::model::order::Sorting;
use crate::model::room::Room;
use crate::platform;
use crate::text;

/// Has the field for finding there, with the keyboard in it.
#[inline(never)]
pub(super) fn find(room: Room) {
    room.listing().finding.set(true);
    spawn_local(async {
        tick().await;
        platform::focus(".find input");
    });
}

/// Has the field there, or takes it away.
#[inline(never)]
pub(super) fn toggle(room: Room) {
    if room.listing().finding.get_untracked() {
        room.stop_finding();
    } else {
        find(room);
    }
}

/// Takes back what is looked for; if that is nothing, the field goes away.
#[inline(never)]
pub(super) fn clear(room: Room) {
    if room.listing().query.with_untracked(Query::is_empty) {
        close(room);
    } else {
        room.find(|query| *query = Query::default());
        // The field is made anew, and empty.
        find(room);
    }
}

fn close(room: Room) {
    room.stop_finding();
    platform::focus(".find-button");
}

/// The field for finding.
#[inline(never)]
pub(super) fn bar(room: Room) -> AnyView {
    view! { <Finding room=room /> }.into_any()
}

#[component]
fn Finding(
    /// In which room.
    room: Room,
) -> impl IntoView {
    let with_filters = RwSignal::new(false);
    let found = move || {
        let found = room.listing().found.get();
        room.listing().query.with(|query| (!query.is_empty()).then(|| text::found(found)))
    };
    let type_in = move |event| {
        let words = event_target_value(&event);
        room.find(|query| query.words = words);
        window().scroll_to_with_x_and_y(0.0, 0.0);
    };
    view! {
        <div class="find" role="search" on:keydown=move |event| {
            if event.key() == "Escape" {
                event.prevent_default();
                event.stop_propagation();
                clear(room);
            }
        }>
            <div class="find-line">
                <input
                    type="text"
                    aria-label="Find tasks"
                    placeholder=text::FIND_HINT
                    autocomplete="off"
                    enterkeyhint="search"
                    prop:value=live(move || room.listing().query.with(|query| query.words.clone()))
                    on:input=type_in
                    on:focus=move |_| room.find_in_comments()
                />
                <button
                    type="button"
                    class="quiet round"
                    aria-label="Filters and order"
                    aria-expanded=live(move || with_filters.get().to_string())
                    on:click=move |_| with_filters.update(|shown| *shown = !*shown)
                >
                    {Icon::Filter.draw()}
                </button>
                <button
                    type="button"
                    class="quiet round"
                    aria-label="Stop finding"
                    on:click=move |_| close(room)
                >
                    {Icon::Close.draw()}
                </button>
            </div>
            {chips(room)}
            <div hidden=live(move || !with_filters.get())>{part(move || {
                // They show what other filters were chosen.
                room.listing().filters_changed.track();
                filters(room)
            })}</div>
            <div class="find-foot">
                <p class="hint" role="status" aria-label="Found">{live(found)}</p>
                {tools(room)}
            </div>
        </div>
    }
}

/// What a choice is about.
#[derive(Clone, Copy)]
enum Choice {
    Sorting,
    Grouping,
    Filter(Filter),
}

const CHOICES: [(Choice, &str, &str); 7] = [
    (Choice::Sorting, "Sort by", ""),
    (Choice::Grouping, "Group by", ""),
    (Choice::Filter(Filter::Status), "Filter by status", "Any status"),
    (Choice::Filter(Filter::Person), "Filter by person", "Anybody"),
    (Choice::Filter(Filter::Label), "Filter by label", "Any label"),
    (Choice::Filter(Filter::Priority), "Filter by priority", "Any priority"),
    (Choice::Filter(Filter::Due), "Filter by due day", "Any day"),
];

impl Choice {
    /// What can be chosen: values and words.
    fn options(self, room: Room) -> Vec<(String, String)> {
        let owned = |(value, words): (&str, &str)| (value.to_owned(), words.to_owned());
        match self {
            Self::Sorting => Sorting::ALL.iter().map(|(_, word, words)| owned((word, words))).collect(),
            Self::Grouping => Grouping::ALL.iter().map(|(_, word, words)| owned((word, words))).collect(),
            Self::Filter(filter) => filter.options(room.assignees(), room.labels()),
        }
    }

    /// What is chosen.
    fn value(self, room: Room) -> String {
        let listing = room.listing();
        match self {
            Self::Sorting => listing.sorting.get_untracked().word().to_owned(),
            Self::Grouping => listing.headings.with_untracked(|headings| headings.grouping.word()).to_owned(),
            Self::Filter(filter) => listing.query.with_untracked(|query| filter.value(query)),
        }
    }

    fn choose(self, room: Room, value: &str) {
        match self {
            Self::Sorting => room.sort(Sorting::parse(value)),
            Self::Grouping => room.group(Grouping::parse(value)),
            Self::Filter(filter) => room.find(|query| filter.set(query, value)),
        }
    }
}

/// The filters and the order.
fn filters(room: Room) -> AnyView {
    let selects: Vec<_> = CHOICES.map(|choice| select(room, choice)).into_iter().collect();
    view! { <div class="filters">{selects}</div> }.into_any()
}

fn select(room: Room, (choice, name, any): (Choice, &'static str, &'static str)) -> AnyView {
    let mut options = choice.options(room);
    if !any.is_empty() {
        options.insert(0, (String::new(), any.to_owned()));
    }
    let now = choice.value(room);
    // A person or label that no task has any more.
    if options.iter().all(|(value, _)| *value != now) {
        options.push((now.clone(), now.trim_start_matches('=').to_owned()));
    }
    let options: Vec<_> = options
        .into_iter()
        .map(|(value, words)| {
            let selected = value == now;
            view! { <option value=value selected=selected>{words}</option> }
        })
        .collect();
    view! {
        <select aria-label=name on:change=move |event| choice.choose(room, &event_target_value(&event))>{options}</select>
    }
    .into_any()
}
