//! What is looked for in a room, kept under names: on this device, as one entry of the browser's `localStorage` for a room.

use std::sync::Arc;

use leptos::prelude::*;
use partyline_core::id::RoomId;

use super::field::{PRIORITIES, STATUSES, status_text};
use super::find::{DUE_FILTERS, Query};
use super::listing::filters_key;
use super::room::Room;
use crate::{platform, text};

/// What stands between two entries, and between the parts of one: characters that no keyboard types.
const NEXT: &str = "\u{1e}";
const PART: &str = "\u{1f}";

/// One of the filters that combine.
#[derive(Clone, Copy)]
pub(crate) enum Filter {
    /// By status.
    Status,
    /// By person.
    Person,
    /// By label.
    Label,
    /// By priority.
    Priority,
    /// By due day.
    Due,
}

impl Filter {
    const ALL: [Self; 5] = [Self::Status, Self::Person, Self::Label, Self::Priority, Self::Due];

    /// What can be chosen: values and words. A name is a value behind a sign, so that nobody's tasks are not those of all.
    pub(crate) fn options(self, people: Vec<String>, labels: Vec<String>) -> Vec<(String, String)> {
        let owned = |(value, words): (&str, &str)| (value.to_owned(), words.to_owned());
        let named = |names: Vec<String>| names.into_iter().map(|name| (format!("={name}"), name)).collect();
        match self {
            Self::Status => STATUSES.iter().map(|(value, _, words)| owned((value, words))).collect(),
            Self::Person => {
                let mut people: Vec<_> = named(people);
                people.push(owned(("=", text::NOBODY)));
                people
            }
            Self::Label => named(labels),
            Self::Priority => PRIORITIES.iter().map(|choice| owned(*choice)).collect(),
            Self::Due => DUE_FILTERS.iter().map(|(_, value, words)| owned((value, words))).collect(),
        }
    }

    /// What is chosen; empty for "any".
    pub(crate) fn value(self, query: &Query) -> String {
        let named = |name: &Option<String>| name.as_ref().map(|name| format!("={name}"));
        let value = match self {
            Self::Status => query.status.map(|status| status_text(status).to_owned()),
            Self::Person => named(&query.person),
            Self::Label => named(&query.label),
            Self::Priority => query.priority.map(|priority| priority.to_string()),
            Self::Due => {
                let word = |due| DUE_FILTERS.iter().find(|(it, ..)| *it == due).map(|(_, word, _)| (*word).to_owned());
                query.due.and_then(word)
            }
        };
        value.unwrap_or_default()
    }

    /// Chooses what a value stands for.
    pub(crate) fn set(self, query: &mut Query, value: &str) {
        let name = || value.strip_prefix('=').map(str::to_owned);
        match self {
            Self::Status => query.status = STATUSES.iter().find(|(word, ..)| *word == value).map(|(_, it, _)| *it),
            Self::Person => query.person = name(),
            Self::Label => query.label = name(),
            Self::Priority => query.priority = value.parse().ok(),
            Self::Due => query.due = DUE_FILTERS.iter().find(|(_, word, _)| *word == value).map(|(it, ..)| *it),
        }
    }

    /// What is chosen, for people.
    fn words(self, query: &Query) -> Option<String> {
        let value = self.value(query);
        let name = value.strip_prefix('=').filter(|name| !name.is_empty()).map(str::to_owned);
        let options = self.options(Vec::new(), Vec::new()).into_iter();
        name.or_else(|| options.filter(|(known, _)| *known == value).map(|(_, words)| words).next())
            .map(|words| if matches!(self, Self::Priority) { text::priority(&words) } else { words })
    }
}

/// What people may call it: all that is looked for.
pub(crate) fn described(query: &Query) -> String {
    let words = Some(query.words.trim().to_owned()).filter(|words| !words.is_empty());
    let parts: Vec<_> = Filter::ALL.iter().filter_map(|filter| filter.words(query)).chain(words).collect();
    parts.join(", ")
}

/// What is looked for, under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// What people call it.
    pub(crate) name: String,
    /// What is looked for.
    pub(crate) query: Query,
}

impl Kept {
    fn to_text(&self) -> String {
        let Self { name, query } = self;
        let values = Filter::ALL.iter().map(|filter| filter.value(query));
        let parts = [name.clone(), query.words.clone()].into_iter().chain(values);
        parts.map(|part| part.replace(NEXT, "").replace(PART, "")).collect::<Vec<_>>().join(PART)
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(PART);
        let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
        let mut query = Query { words: parts.next()?.to_owned(), ..Query::default() };
        for (filter, value) in Filter::ALL.iter().zip(parts) {
            filter.set(&mut query, value);
        }
        Some(Self { name, query })
    }
}

fn parsed(text: &str) -> Vec<Kept> {
    text.split(NEXT).filter_map(Kept::parse).collect()
}

fn written(kept: &[Kept]) -> String {
    kept.iter().map(Kept::to_text).collect::<Vec<_>>().join(NEXT)
}

/// What this device keeps for a room, in the order in which it was kept.
pub(crate) fn kept(room: RoomId) -> Vec<Kept> {
    platform::remembered(&filters_key(room)).map(|text| parsed(&text)).unwrap_or_default()
}

fn change(room: Room, change: impl FnOnce(&mut Vec<Kept>)) {
    let mut all = kept(room.id);
    change(&mut all);
    platform::remember(&filters_key(room.id), &written(&all));
    changed(room);
}

fn changed(room: Room) {
    room.listing().filters_changed.update(|times| *times += 1);
}

/// Whether others have a name, or it is none.
fn check(room: Room, name: &str, but: Option<usize>) -> Result<(), String> {
    let is_taken = kept(room.id).iter().enumerate().any(|(place, kept)| Some(place) != but && kept.name == name);
    match (name.is_empty(), is_taken) {
        (true, _) => Err(text::NAMELESS_FILTERS.to_owned()),
        (_, true) => Err(text::FILTERS_NAMED_SO.to_owned()),
        _ => Ok(()),
    }
}

/// Keeps what is looked for under a name. Fails with the reason where the name cannot be had.
pub(crate) fn keep(room: Room, name: String) -> Result<(), String> {
    check(room, &name, None)?;
    let query = room.listing().query.get_untracked();
    change(room, |all| all.push(Kept { name, query }));
    Ok(())
}

/// Gives another name, which `Undo` takes back. Fails with the reason where the name cannot be had.
pub(crate) fn rename_kept(room: Room, place: usize, name: String) -> Result<(), String> {
    check(room, &name, Some(place))?;
    let Some(old) = kept(room.id).get(place).map(|kept| kept.name.clone()).filter(|old| *old != name) else {
        return Ok(());
    };
    let call = move |from: &str, to: &str| {
        change(room, |all| {
            if let Some(kept) = all.iter_mut().find(|kept| kept.name == from) {
                to.clone_into(&mut kept.name);
            }
        });
    };
    call(&old, &name);
    let told = text::renamed(&name);
    let (from, to) = (old.clone(), name.clone());
    let action =
        room.did_besides(told.clone(), (Arc::new(move || call(&name, &old)), Arc::new(move || call(&from, &to))));
    room.tell_done(told, action);
    Ok(())
}

/// Keeps it no longer, which `Undo` takes back.
pub(crate) fn delete_kept(room: Room, place: usize) {
    let Some(gone) = kept(room.id).into_iter().nth(place) else { return };
    change(room, |all| drop(all.remove(place)));
    let told = text::deleted(&gone.name, 0);
    let name = gone.name.clone();
    let undo = move || change(room, |all| all.insert(place.min(all.len()), gone.clone()));
    let redo = move || change(room, |all| all.retain(|kept| kept.name != name));
    let action = room.did_besides(told.clone(), (Arc::new(undo), Arc::new(redo)));
    room.tell_done(told, action);
}

/// Looks for what is kept there, or for nothing if that is looked for already.
pub(crate) fn choose_kept(room: Room, place: usize) {
    let Some(Kept { query, .. }) = kept(room.id).into_iter().nth(place) else { return };
    room.find(|now| *now = if *now == query { Query::default() } else { query });
    changed(room);
}

#[cfg(test)]
mod tests {
    use partyline_core::api::TaskStatus;

    use super::*;
    use crate::model::find::DueFilter;

    fn all() -> Query {
        Query {
            words: "crate".to_owned(),
            status: Some(TaskStatus::Blocked),
            person: Some("Ana".to_owned()),
            label: Some("van".to_owned()),
            priority: Some(3),
            due: Some(DueFilter::Week),
        }
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let nobodys = Query { person: Some(String::new()), ..Query::default() };
        let kept = [("All", all()), ("Nobody's", nobodys), ("Any", Query::default())]
            .map(|(name, query)| Kept { name: name.to_owned(), query });
        assert_eq!(parsed(&written(&kept)), kept);
        assert_eq!(parsed(""), []);
        assert_eq!(parsed("no parts\u{1e}\u{1f}no name"), []);
    }

    #[test]
    fn a_name_holds_no_more_than_itself() {
        let odd = Kept { name: "a\u{1e}b\u{1f}c".to_owned(), query: all() };
        assert_eq!(parsed(&written(&[odd])), [Kept { name: "abc".to_owned(), query: all() }]);
    }

    #[test]
    fn it_is_described_by_what_is_looked_for() {
        assert_eq!(described(&all()), "Blocked, Ana, van, High priority, Within 7 days, crate");
        assert_eq!(described(&Query { person: Some(String::new()), ..Query::default() }), "Nobody");
        assert_eq!(described(&Query::default()), "");
    }
}
