//! The field for finding, and its filters. What the rest of the page calls here is never inlined: the page's wasm loads it
//! later.

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};

use super::icon::Icon;
use super::live::live;
use crate::model::field::{PRIORITIES, STATUSES};
use crate::model::find::{DUE_FILTERS, Query};
use crate::model::group::Grouping;
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
                    placeholder="Title, notes, label or person"
                    autocomplete="off"
                    enterkeyhint="search"
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
            <div hidden=live(move || !with_filters.get())>{filters(room)}</div>
            <p class="hint" role="status" aria-label="Found">{live(found)}</p>
        </div>
    }
}

/// What a choice is about.
#[derive(Clone, Copy)]
enum Choice {
    Sorting,
    Grouping,
    Status,
    Person,
    Label,
    Priority,
    Due,
}

const CHOICES: [(Choice, &str, &str); 7] = [
    (Choice::Sorting, "Sort by", ""),
    (Choice::Grouping, "Group by", ""),
    (Choice::Status, "Filter by status", "Any status"),
    (Choice::Person, "Filter by person", "Anybody"),
    (Choice::Label, "Filter by label", "Any label"),
    (Choice::Priority, "Filter by priority", "Any priority"),
    (Choice::Due, "Filter by due day", "Any day"),
];

impl Choice {
    /// What can be chosen: values and words. A name is a value behind a sign, so that nobody's tasks are not those of all.
    fn options(self, room: Room) -> Vec<(String, String)> {
        let owned = |(value, words): (&str, &str)| (value.to_owned(), words.to_owned());
        let named = |names: Vec<String>| names.into_iter().map(|name| (format!("={name}"), name)).collect();
        match self {
            Self::Sorting => Sorting::ALL.iter().map(|(_, word, words)| owned((word, words))).collect(),
            Self::Grouping => Grouping::ALL.iter().map(|(_, word, words)| owned((word, words))).collect(),
            Self::Status => STATUSES.iter().map(|(value, _, words)| owned((value, words))).collect(),
            Self::Person => {
                let mut people: Vec<_> = named(room.assignees());
                people.push(owned(("=", "Nobody")));
                people
            }
            Self::Label => named(room.labels()),
            Self::Priority => PRIORITIES.iter().map(|choice| owned(*choice)).collect(),
            Self::Due => DUE_FILTERS.iter().map(|(_, value, words)| owned((value, words))).collect(),
        }
    }

    fn choose(self, room: Room, value: &str) {
        if let Self::Sorting = self {
            return room.sort(Sorting::parse(value));
        }
        if let Self::Grouping = self {
            return room.group(Grouping::parse(value));
        }
        let name = || value.strip_prefix('=').map(str::to_owned);
        room.find(|query| match self {
            Self::Sorting | Self::Grouping => {}
            Self::Status => query.status = STATUSES.iter().find(|(word, ..)| *word == value).map(|(_, it, _)| *it),
            Self::Person => query.person = name(),
            Self::Label => query.label = name(),
            Self::Priority => query.priority = value.parse().ok(),
            Self::Due => query.due = DUE_FILTERS.iter().find(|(_, word, _)| *word == value).map(|(it, ..)| *it),
        });
    }
}

/// The filters, each at "any" when they appear, and the order.
fn filters(room: Room) -> AnyView {
    let selects: Vec<_> = CHOICES.map(|choice| select(room, choice)).into_iter().collect();
    view! { <div class="filters">{selects}</div> }.into_any()
}

fn select(room: Room, (choice, name, any): (Choice, &'static str, &'static str)) -> AnyView {
    let mut options = choice.options(room);
    if !any.is_empty() {
        options.insert(0, (String::new(), any.to_owned()));
    }
    let listing = room.listing();
    let now = match choice {
        Choice::Sorting => listing.sorting.get_untracked().word(),
        Choice::Grouping => listing.headings.with_untracked(|headings| headings.grouping.word()),
        _ => "",
    };
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
