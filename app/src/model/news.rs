use std::collections::HashSet;

use leptos::prelude::*;
use leptos::task::spawn_local;
use litemap::LiteMap;
use partyline_core::api::Tasks;
use partyline_core::id::{RoomId, TaskId};

use super::turn::Turn;
use crate::{api, platform};

/// How many tasks of each room have changed since somebody looked at it on this device.
#[derive(Clone, Copy)]
pub(crate) struct News {
    counts: RwSignal<LiteMap<RoomId, usize>>,
    counted: StoredValue<LiteMap<RoomId, Counted>>,
    turns: StoredValue<LiteMap<RoomId, Turn>>,
}

/// What has changed in a room since somebody looked, as far as it was read.
#[derive(Debug)]
struct Counted {
    /// The cursor at which somebody looked.
    looked: Option<String>,
    /// The cursor up to which it was read.
    read: Option<String>,
    tasks: HashSet<TaskId>,
}

impl Counted {
    /// Nothing is read yet.
    fn since(looked: Option<String>) -> Self {
        Self { read: looked.clone(), looked, tasks: HashSet::new() }
    }

    /// Takes in a page of what changed after [`read`](Self::read).
    fn add(&mut self, page: Tasks) {
        for task in page.tasks {
            let Ok(id) = TaskId::parse(&task.id) else { continue };
            // Nobody misses what came and went before anybody had opened the room here.
            if self.looked.is_none() && task.deleted {
                self.tasks.remove(&id);
            } else {
                self.tasks.insert(id);
            }
        }
        if page.next.is_none() {
            self.read = Some(page.cursor);
        }
    }
}

/// Under this key the browser keeps up to which cursor a room was looked at.
fn key(room: RoomId) -> String {
    format!("partyline:looked:{room}")
}

/// Keeps that somebody has seen the room as it is at this cursor.
pub(crate) fn note_looked(room: RoomId, cursor: &str) {
    if platform::is_shown() {
        platform::remember(&key(room), cursor);
    }
}

impl News {
    /// Nothing is known yet.
    pub(crate) fn new() -> Self {
        Self {
            counts: RwSignal::new(LiteMap::new()),
            counted: StoredValue::new(LiteMap::new()),
            turns: StoredValue::new(LiteMap::new()),
        }
    }

    /// How many tasks have changed in a room.
    pub(crate) fn of(self, room: RoomId) -> usize {
        self.counts.with(|counts| counts.get(&room).copied().unwrap_or_default())
    }

    /// How many have in all rooms but one.
    pub(crate) fn elsewhere(self, shown: Option<RoomId>) -> usize {
        self.counts
            .with(|counts| counts.iter().filter(|(room, _)| Some(**room) != shown).map(|(_, count)| *count).sum())
    }

    /// Somebody looks at the room.
    pub(crate) fn clear(self, room: RoomId) {
        if self.counts.with_untracked(|counts| counts.contains_key(&room)) {
            self.counts.update(|counts| {
                counts.remove(&room);
            });
        }
    }

    /// The room is not on this device any more.
    pub(crate) fn forget(self, room: RoomId) {
        platform::forget(&key(room));
        self.clear(room);
    }

    /// The page is back: a count that was under way may never end.
    pub(crate) fn returned(self, rooms: &[RoomId]) {
        self.turns.set_value(LiteMap::new());
        rooms.iter().for_each(|room| self.count(*room));
    }

    /// Counts again: something changed in a room that is not on show. Announcements that come meanwhile are answered by one
    /// more count.
    pub(crate) fn count(self, room: RoomId) {
        let begin = |turns: &mut LiteMap<RoomId, Turn>| turns.entry(room).or_default().announced();
        let Some(Some(turn)) = self.turns.try_update_value(begin) else { return };
        spawn_local(async move {
            loop {
                self.read(room).await;
                let again = |turns: &mut LiteMap<RoomId, Turn>| turns.get_mut(&room).map(|known| known.has_read(turn));
                if self.turns.try_update_value(again).flatten() != Some(true) {
                    break;
                }
            }
        });
    }

    async fn read(self, room: RoomId) {
        let looked = platform::remembered(&key(room));
        let known = self.counted.try_update_value(|counted| counted.remove(&room)).flatten();
        let known = known.filter(|counted| counted.looked == looked);
        let counted = read_on(room, known.unwrap_or_else(|| Counted::since(looked))).await;
        if platform::remembered(&key(room)) != counted.looked {
            return;
        }
        let count = counted.tasks.len();
        self.counted.update_value(|all| drop(all.insert(room, counted)));
        let is_known = self.counts.with_untracked(|counts| counts.get(&room).copied().unwrap_or_default() == count);
        if !is_known {
            self.counts.update(|counts| {
                counts.insert(room, count);
            });
        }
    }
}

/// Reads what has changed since. What a cursor of another life of this room's copy was about is not known: then nothing is
/// told rather than all. A room that nobody has opened here is new altogether.
async fn read_on(room: RoomId, mut counted: Counted) -> Counted {
    let mut answer = api::tasks(room, counted.read.as_deref()).await;
    loop {
        match answer {
            Ok(page) => {
                let next = page.next.clone();
                counted.add(page);
                let Some(next) = next else { return counted };
                answer = api::more_tasks(room, &next).await;
            }
            Err(error) if error.status().is_some() => return Counted::since(counted.looked),
            Err(_) => return counted,
        }
    }
}

#[cfg(test)]
mod tests {
    use partyline_core::api::TaskDocument;

    use super::*;
    use crate::model::fixture::task;

    fn page(numbers: &[u8], deleted: bool, cursor: &str, next: Option<&str>) -> Tasks {
        let id = |number| format!("6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e{number:02x}");
        let tasks = numbers.iter().map(|number| TaskDocument { id: id(number), deleted, ..task("Saw") }).collect();
        Tasks { tasks, cursor: cursor.to_owned(), next: next.map(str::to_owned), sections: None }
    }

    #[test]
    fn a_task_counts_once_however_often_it_changes() {
        let mut counted = Counted::since(Some("a".to_owned()));
        counted.add(page(&[1, 2], false, "b", Some("more")));
        // A list that was read halfway is read again from where it began.
        assert_eq!(counted.read.as_deref(), Some("a"));
        counted.add(page(&[3], false, "b", None));
        counted.add(page(&[2, 3, 4], false, "c", None));
        counted.add(page(&[4], true, "d", None));
        assert_eq!((counted.tasks.len(), counted.read.as_deref()), (4, Some("d")));
    }

    #[test]
    fn in_a_room_that_nobody_has_opened_all_that_is_there_is_new() {
        let mut counted = Counted::since(None);
        counted.add(page(&[1, 2, 3], false, "b", None));
        counted.add(page(&[2, 4], true, "c", None));
        assert_eq!(counted.tasks.len(), 2);
    }
}
