//! Finding in all rooms of this device. What they hold is read from the service worker, so it takes no network. Each room
//! is read once, when the search begins; what is typed is looked for in what has arrived, so no answer can be outdated.

use std::collections::HashMap;

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::{TaskDocument, TaskStatus};
use partyline_core::id::{RoomId, TaskId};

use super::app::App;
use super::find::{Fold, Index, words};
use super::room::Room;
use crate::{platform, text};

/// Maximum number of tasks shown of a room.
const MOST: usize = 20;

/// What was found in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which room.
    pub(crate) room: RoomId,
    /// Its name.
    pub(crate) name: String,
    /// The first tasks, with their titles and whether they are done.
    pub(crate) tasks: Vec<(TaskId, String, bool)>,
    /// How many more there are.
    pub(crate) more: usize,
    /// Why the room cannot be read.
    pub(crate) failure: Option<String>,
}

/// A room that is looked through.
#[derive(Debug)]
struct Searched {
    id: RoomId,
    name: String,
    /// `None` until it was read.
    tasks: Option<Result<HashMap<TaskId, TaskDocument>, String>>,
    index: Index,
}

impl Searched {
    fn new(id: RoomId, name: String) -> Self {
        let name = if name.is_empty() { text::UNNAMED_ROOM.to_owned() } else { name };
        Self { id, name, tasks: None, index: Index::default() }
    }

    fn take(&mut self, read: Result<Vec<TaskDocument>, String>) {
        let by_id = |task: TaskDocument| TaskId::parse(&task.id).ok().map(|id| (id, task));
        self.tasks = Some(read.map(|tasks| tasks.into_iter().filter(|task| !task.deleted).filter_map(by_id).collect()));
    }

    /// The tasks with these words, open ones first; the reason where the room cannot be read. `None` for nothing at all.
    fn find(&mut self, words: &[String], fold: Fold) -> Option<Found> {
        let Self { id, name, tasks, index } = self;
        let found = |tasks, more, failure| Found { room: *id, name: name.clone(), tasks, more, failure };
        let tasks = match tasks.as_ref()? {
            Ok(tasks) => tasks,
            Err(why) => return Some(found(Vec::new(), 0, Some(why.clone()))),
        };
        let mut fitting: Vec<_> = tasks
            .iter()
            .filter(|(id, task)| !words.is_empty() && index.has(**id, task, words, fold))
            .map(|(id, task)| (task.status == TaskStatus::Done, task.position.as_str(), *id, task.title.as_str()))
            .collect();
        fitting.sort_unstable();
        let more = fitting.len().saturating_sub(MOST);
        let first: Vec<_> =
            fitting.iter().take(MOST).map(|(is_done, _, id, title)| (*id, (*title).to_owned(), *is_done)).collect();
        (!first.is_empty()).then(|| found(first, more, None))
    }
}

/// What is looked for in all rooms. A copyable handle.
#[derive(Clone, Copy)]
pub(crate) struct Everywhere {
    /// What was typed.
    typed: RwSignal<String>,
    /// What was found so far in the rooms in which something was, and those that cannot be read.
    pub(crate) found: RwSignal<Vec<Found>>,
    rooms: StoredValue<Vec<Searched>>,
    /// How many rooms were read, well or not.
    read: RwSignal<usize>,
}

impl Everywhere {
    /// Begins to read all rooms.
    pub(crate) fn new(app: App, typed: String) -> Self {
        let rooms = app.rooms.get_untracked().unwrap_or_default();
        let rooms: Vec<_> = rooms
            .into_iter()
            .filter_map(|room| Some(Searched::new(RoomId::parse(&room.id).ok()?, room.name)))
            .collect();
        let ids: Vec<_> = rooms.iter().map(|room| room.id).collect();
        let this = Self {
            typed: RwSignal::new(typed),
            found: RwSignal::new(Vec::new()),
            rooms: StoredValue::new(rooms),
            read: RwSignal::new(0),
        };
        for id in ids {
            // None waits for another one that does not answer.
            spawn_local(async move {
                let read = Room::read_pages(id, None).await;
                this.take(id, read.map(|pages| pages.finish().0).map_err(|error| error.to_string()));
            });
        }
        this
    }

    /// The search may be over by then.
    fn take(self, id: RoomId, read: Result<Vec<TaskDocument>, String>) {
        let taken = self.rooms.try_update_value(|rooms| {
            if let Some(room) = rooms.iter_mut().find(|room| room.id == id) {
                room.take(read);
            }
        });
        if taken.is_some() {
            let _ = self.read.try_update(|read| *read += 1);
            self.search();
        }
    }

    /// Whether all rooms were read.
    pub(crate) fn is_complete(self) -> bool {
        let all = self.rooms.try_with_value(Vec::len);
        self.read.try_get().is_none_or(|read| all.is_none_or(|all| read >= all))
    }

    /// The words that are looked for.
    pub(crate) fn words(self) -> String {
        self.typed.get_untracked()
    }

    /// Whether any are.
    pub(crate) fn is_asked(self) -> bool {
        self.typed.with(|typed| !typed.trim().is_empty())
    }

    /// Looks for other words.
    pub(crate) fn look_for(self, typed: String) {
        self.typed.set(typed);
        self.search();
    }

    fn search(self) {
        let words = self.typed.with_untracked(|typed| words(typed, platform::fold));
        let find = |rooms: &mut Vec<Searched>| {
            rooms.iter_mut().filter_map(|room| room.find(&words, platform::fold)).collect::<Vec<_>>()
        };
        if let Some(found) = self.rooms.try_update_value(find) {
            self.found.set(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;

    fn fold(text: &str) -> String {
        text.to_lowercase().replace('é', "e")
    }

    fn numbered(number: u8, title: &str) -> TaskDocument {
        let id = TaskId::from_random_bytes([number; 16]).to_string();
        TaskDocument { id, position: format!("{number:02x}"), ..task(title) }
    }

    fn room() -> Searched {
        Searched::new(RoomId::from_random_bytes([7; 16]), String::new())
    }

    fn titles(room: &mut Searched, typed: &str) -> Vec<String> {
        let found = room.find(&words(typed, fold), fold);
        found.into_iter().flat_map(|found| found.tasks).map(|(_, title, _)| title).collect()
    }

    #[test]
    fn open_ones_are_first_and_the_rest_is_counted() {
        let mut room = room();
        let done = TaskDocument { status: TaskStatus::Done, ..numbered(1, "Café chairs") };
        let gone = TaskDocument { deleted: true, ..numbered(5, "Cafe sign") };
        room.take(Ok(vec![done, numbered(3, "cafe tables"), numbered(2, "CAFÉ"), numbered(4, "Tea"), gone]));
        assert_eq!(titles(&mut room, "cafe"), ["CAFÉ", "cafe tables", "Café chairs"]);
        assert_eq!(titles(&mut room, "tea cafe"), Vec::<String>::new());
        assert_eq!(titles(&mut room, " "), Vec::<String>::new());
        room.take(Ok((0..60).map(|number| numbered(100 + number, "Crate")).collect()));
        let found = room.find(&words("crate", fold), fold).unwrap();
        assert_eq!((found.tasks.len(), found.more, found.name.as_str()), (MOST, 60 - MOST, text::UNNAMED_ROOM));
    }

    #[test]
    fn a_room_that_cannot_be_read_says_so_and_one_that_is_being_read_says_nothing() {
        let mut room = room();
        assert_eq!(room.find(&words("tea", fold), fold), None);
        room.take(Err("No answer.".to_owned()));
        let found = room.find(&words("tea", fold), fold).unwrap();
        assert_eq!((found.failure.as_deref(), found.tasks.len()), (Some("No answer."), 0));
    }
}
