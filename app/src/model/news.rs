use leptos::prelude::*;
use leptos::task::spawn_local;
use litemap::LiteMap;
use partyline_core::id::RoomId;

use super::turn::Turn;
use crate::{api, platform};

/// How many tasks of each room have changed since somebody looked at it on this device.
#[derive(Clone, Copy)]
pub(crate) struct News {
    counts: RwSignal<LiteMap<RoomId, usize>>,
    turns: StoredValue<LiteMap<RoomId, Turn>>,
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
        Self { counts: RwSignal::new(LiteMap::new()), turns: StoredValue::new(LiteMap::new()) }
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
        // What a cursor of another life of this room's copy was about is not known: nothing is told rather than all. A room
        // that nobody has opened here is new altogether.
        let count = api::tasks(room, looked.as_deref()).await.map_or(0, |tasks| tasks.tasks.len());
        if platform::remembered(&key(room)) != looked {
            return;
        }
        let is_known = self.counts.with_untracked(|counts| counts.get(&room).copied().unwrap_or_default() == count);
        if !is_known {
            self.counts.update(|counts| {
                counts.insert(room, count);
            });
        }
    }
}
