use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::{
    Devices, HeldDocument, NewTask, RoomDocument, TaskDocument, TaskEdit, TaskPatch, TaskStatus,
};
use partyline_core::id::{RoomId, RoomLink, RoomSecret, SectionId, TaskId};
use partyline_core::key::DeviceKey;

use super::did::{History, Written};
use super::drafts::Draft;
use super::group::Headings;
use super::listing::{Listing, Row};
use super::news;
use super::notice::{NoticeAction, Notices};
use super::order::{OrderKey, Place, replace};
use super::pages::Pages;
use super::seen::Seen;
use super::turn::Turn;
use super::window::Window;
use crate::api::{self, ApiError};
use crate::model::connection::connection_text;
use crate::net::{Link, Membership, RoomStatus};
use crate::platform;
use crate::text;

/// A room as this page knows it. A copyable handle: all copies are the same room.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// Which room.
    pub(crate) id: RoomId,
    /// The shared name; empty while unknown.
    pub(crate) name: RwSignal<String>,
    /// How far loading is.
    pub(crate) loading: RwSignal<Loading>,
    /// What the list shows.
    pub(crate) order: RwSignal<Order>,
    /// Tasks that are being added, or could not be.
    pub(crate) additions: RwSignal<Vec<Addition>>,
    /// What it takes to connect: known once the room is loaded.
    pub(crate) membership: RwSignal<Option<Membership>>,
    /// The devices that gave their name, and what there is to be said of clocks; `None` until they were read.
    pub(crate) devices: RwSignal<Option<Devices>>,
    /// The task that was added last from this page.
    pub(crate) added: RwSignal<Option<TaskId>>,
    /// The state of the connections.
    pub(crate) status: RwSignal<RoomStatus>,
    listing: StoredValue<Listing>,
    tasks: StoredValue<HashMap<TaskId, ArcRwSignal<TaskDocument>>>,
    reading: StoredValue<Reading>,
    notices: Notices,
}

/// How far a room's tasks are loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Loading {
    /// Not yet.
    Pending,
    /// They are here.
    Ready,
    /// They could not be read.
    Failed {
        /// Why.
        why: String,
        /// Whether they are those of a test version, and can be saved as a file.
        is_older: bool,
    },
}

impl From<ApiError> for Loading {
    fn from(error: ApiError) -> Self {
        Self::Failed { why: error.to_string(), is_older: error.is_older_room() }
    }
}

/// A task on its way into the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addition {
    /// The id it will have, chosen here so that a second attempt cannot make a second task.
    pub(crate) id: TaskId,
    /// Its title.
    pub(crate) title: String,
    /// All that is known of it.
    task: Arc<NewTask>,
    /// What was typed.
    typed: String,
    /// The task that it is to be a subtask of.
    pub(crate) parent: Option<TaskId>,
    /// The section that it goes to.
    pub(crate) section: Option<SectionId>,
    /// The number of the action that it is a part of.
    pub(super) action: u64,
    /// Why the attempt failed; `None` while it is under way.
    pub(crate) failure: Option<String>,
}

impl Addition {
    /// Where it was typed.
    fn draft(&self, room: RoomId) -> Draft {
        self.parent.map_or_else(|| Draft::of_addition(room), |parent| Draft::of_subtask(room, parent))
    }
}

/// The order of the list, and the part of it that is on the page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// Its lines, from top to bottom.
    pub(crate) rows: Vec<Row>,
    /// Which of them are on the page.
    pub(crate) window: Window,
}

/// Where reading from the service worker stands, and writing.
#[derive(Default)]
struct Reading {
    /// What was read, in order.
    places: Vec<Place>,
    /// From where the next read goes on.
    cursor: Option<String>,
    /// The number of the read that was started last.
    started: u64,
    /// The number of the latest read whose answer was taken over.
    applied: u64,
    /// Which turn of reading on behalf of announcements is under way.
    turn: Turn,
    /// Which turn of adding what the person typed is.
    adding: Turn,
    /// How many states of the connections were told.
    told: u64,
    /// What the person did.
    history: History,
}

/// What makes this device a member of a room, by what its service worker says.
pub(super) fn membership(room: RoomId, document: &RoomDocument) -> Result<Membership, ApiError> {
    match (RoomSecret::parse(&document.secret.0), DeviceKey::parse(&document.key.0)) {
        (Ok(secret), Ok(key)) => Ok(Membership { room, secret, device: key.device(), key }),
        _ => Err(ApiError::Unreadable("secret or key".to_owned())),
    }
}

/// Under this key the browser keeps when a room's devices were connected last.
pub(crate) fn seen_key(room: RoomId) -> String {
    format!("partyline:seen:{room}")
}

/// Under this key the browser keeps how much of a room was damaged when other devices had last brought back what they have.
pub(crate) fn mended_key(room: RoomId) -> String {
    format!("partyline:mended:{room}")
}

impl PartialEq for Room {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Room {
    /// The words for the state of its connections.
    pub(crate) fn connection(&self) -> String {
        let is_unread = self.loading.with(|loading| matches!(loading, Loading::Failed { .. }));
        self.status.with(|status| match status.link {
            Link::Connecting | Link::Alone if is_unread => text::NOT_CONNECTED.to_owned(),
            _ => connection_text(status),
        })
    }

    /// A room of which nothing but id and name is known yet.
    pub(crate) fn new(id: RoomId, name: String, notices: Notices) -> Self {
        Self {
            id,
            name: RwSignal::new(name),
            loading: RwSignal::new(Loading::Pending),
            order: RwSignal::new(Order::default()),
            listing: StoredValue::new(Listing::new()),
            additions: RwSignal::new(Vec::new()),
            membership: RwSignal::new(None),
            devices: RwSignal::new(None),
            added: RwSignal::new(None),
            status: RwSignal::new(RoomStatus::new(Link::Connecting)),
            tasks: StoredValue::new(HashMap::new()),
            reading: StoredValue::new(Reading::default()),
            notices,
        }
    }

    /// Loads what is not loaded yet, and reads what changed since otherwise.
    pub(crate) async fn open(self) {
        if self.membership.with_untracked(Option::is_none) {
            match self.read_membership().await {
                // Another read of it was faster, and the room is connected already.
                Ok(_) if self.membership.with_untracked(Option::is_some) => {}
                Ok(membership) => {
                    self.recall_listing();
                    self.membership.set(Some(membership));
                }
                Err(error) => {
                    self.loading.set(error.into());
                    return;
                }
            }
        }
        match self.read().await {
            Ok(()) => self.loading.set(Loading::Ready),
            Err(error) => self.loading.set(error.into()),
        }
        self.read_devices().await;
    }

    /// Whether all that [`open`](Self::open) reads was read. A page that was frozen meanwhile may wait for it in vain.
    pub(crate) fn is_open(self) -> bool {
        self.loading.with_untracked(|loading| *loading == Loading::Ready)
            && self.devices.with_untracked(Option::is_some)
    }

    /// Enters the room's network anew if this device has taken another key, of which an announcement may be missed.
    pub(crate) async fn check_key(self) {
        let Some(known) = self.membership.with_untracked(|own| own.as_ref().map(|own| own.device)) else { return };
        if let Ok(membership) = self.read_membership().await
            && membership.device != known
        {
            self.membership.set(Some(membership));
            self.read_devices().await;
        }
    }

    /// Another state of the connections is told: its number. `None` if the room is gone.
    pub(super) fn count_told(self) -> Option<u64> {
        self.reading.try_update_value(|reading| {
            reading.told += 1;
            reading.told
        })
    }

    /// Whether no other state was told since.
    pub(super) fn is_told_last(self, number: u64) -> bool {
        self.reading.try_with_value(|reading| reading.told == number) == Some(true)
    }

    async fn read_membership(self) -> Result<Membership, ApiError> {
        let document = api::room(self.id).await?;
        let membership = membership(self.id, &document);
        self.name.set(document.name);
        membership
    }

    /// How the list is shown on this device, and what is looked for.
    pub(crate) fn listing(self) -> Listing {
        self.listing.get_value()
    }

    /// The link that makes others members.
    pub(crate) fn link(self) -> Option<String> {
        let secret = self.membership.get()?.secret;
        Some(RoomLink { room: self.id, secret }.to_url(&platform::origin()))
    }

    /// The signal of a task that is or was in the list.
    pub(crate) fn task(self, id: TaskId) -> Option<ArcRwSignal<TaskDocument>> {
        self.tasks.with_value(|tasks| tasks.get(&id).cloned())
    }

    /// When the devices were connected last.
    pub(crate) fn seen(self) -> Seen {
        platform::remembered(&seen_key(self.id)).map(|text| Seen::parse(&text)).unwrap_or_default()
    }

    /// Keeps that these devices are connected now, or were until now.
    pub(crate) fn note_seen(self) {
        let devices = self.status.with_untracked(RoomStatus::devices);
        if devices.is_empty() {
            return;
        }
        let mut seen = self.seen();
        for device in devices {
            seen.note(&device.to_string(), platform::unix_ms());
        }
        platform::remember(&seen_key(self.id), &seen.to_text());
    }

    /// Whether something stored was damaged, and no sync since can have brought back what others have of it.
    pub(crate) fn is_damaged(self) -> bool {
        let mended = platform::remembered(&mended_key(self.id)).and_then(|text| text.parse().ok()).unwrap_or_default();
        self.damaged() > mended && self.status.with(|status| !status.synced)
    }

    fn damaged(self) -> u32 {
        self.devices.with(|known| known.as_ref().map_or(0, |known| known.damaged))
    }

    /// Keeps that other devices have brought back what they have, once they have.
    pub(crate) fn note_mended(self) {
        let damaged = untrack(|| self.damaged());
        if damaged > 0 && self.status.with_untracked(|status| status.synced) {
            platform::remember(&mended_key(self.id), &damaged.to_string());
        }
    }

    /// What a device calls itself, if that is known here.
    pub(crate) fn device_name(self, id: &str) -> Option<String> {
        self.devices.with(|known| {
            known.as_ref()?.devices.iter().find(|device| device.id == id).map(|device| device.name.clone())
        })
    }

    /// The people that tasks are given to, in order and each once.
    pub(crate) fn assignees(self) -> Vec<String> {
        let mut names: Vec<String> = self
            .tasks
            .with_value(|tasks| tasks.values().map(|task| task.with_untracked(|task| task.assignee.clone())).collect());
        names.retain(|name| !name.is_empty());
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The labels in use, in order and each once.
    pub(crate) fn labels(self) -> Vec<String> {
        let mut labels: Vec<String> = self.tasks.with_value(|tasks| {
            tasks.values().flat_map(|task| task.with_untracked(|task| task.labels.clone())).collect()
        });
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// Reads what changed because somebody said so. Announcements that come meanwhile are answered by one more read.
    pub(crate) fn announced(self) {
        if let Some(Some(turn)) = self.reading.try_update_value(|reading| reading.turn.announced()) {
            self.take_turn(turn);
        }
    }

    /// Reads what changed while the page may have heard nothing, whatever is under way.
    pub(crate) fn returned(self) {
        if let Some(turn) = self.reading.try_update_value(|reading| reading.turn.begin()) {
            self.take_turn(turn);
        }
        if let Some(turn) = self.reading.try_update_value(|reading| reading.adding.begin()) {
            self.work_off_additions_in(turn);
        }
    }

    fn take_turn(self, turn: u64) {
        spawn_local(async move {
            loop {
                // A failure is not reported: the next announcement, or looking at the page again, reads all the same.
                let _ = self.read().await;
                self.read_devices().await;
                if self.reading.try_update_value(|reading| reading.turn.has_read(turn)) != Some(true) {
                    break;
                }
            }
        });
    }

    /// Reads what changed since the last read and shows it.
    ///
    /// Reads may overlap. The answer of an earlier one is dropped when a later one was faster: the later one was asked
    /// from the same cursor or an earlier one, so it holds all that the earlier one does.
    pub(super) async fn read(self) -> Result<(), ApiError> {
        let started = self.reading.try_update_value(|reading| {
            reading.started += 1;
            (reading.started, reading.cursor.clone())
        });
        let Some((number, since)) = started else { return Ok(()) };
        let (mut pages, whole) = match Self::read_pages(self.id, since.as_deref()).await {
            // The service worker keeps the room anew, in the midst of it perhaps: from the
            // beginning, then.
            Err(ApiError::Refused(problem)) if matches!(problem.status, 400 | 410) => {
                (Self::read_pages(self.id, None).await?, true)
            }
            pages => (pages?, since.is_none()),
        };
        let sections = pages.sections().or_else(|| whole.then(Vec::new));
        let (tasks, cursor) = pages.finish();
        let latest = self.reading.try_update_value(|reading| {
            if number < reading.applied {
                return false;
            }
            reading.applied = number;
            news::note_looked(self.id, &cursor);
            reading.cursor = Some(cursor);
            true
        });
        if latest == Some(true) {
            if let Some(sections) = sections {
                self.listing().take_sections(sections);
            }
            self.show(tasks, whole);
        }
        Ok(())
    }

    /// Reads all pages of what changed since a cursor, or of all there is.
    pub(super) async fn read_pages(room: RoomId, since: Option<&str>) -> Result<Pages, ApiError> {
        let mut pages = Pages::begin(api::tasks(room, since).await?);
        while let Some(next) = pages.next() {
            let page = api::more_tasks(room, next).await?;
            pages.add(page);
        }
        Ok(pages)
    }

    /// Shows what was read: what changed, or all there is if it is `whole`.
    ///
    /// A task keeps its signal for as long as it is here: its row listens to that one.
    pub(super) fn show(self, read: Vec<TaskDocument>, whole: bool) {
        let (mut changed, mut gone, mut come) = (Vec::new(), Vec::new(), Vec::new());
        let has_subtasks = self.listing().has_subtasks(&read);
        // Whether it can be another tree than before.
        let mut has_moved = false;
        let sorting = self.listing().sorting.get_untracked();
        let place = |task: &TaskDocument, id: TaskId| (!task.deleted).then(|| (OrderKey::of(task, sorting), id));
        self.tasks.update_value(|tasks| {
            let mut unlisted: HashSet<TaskId> = if whole { tasks.keys().copied().collect() } else { HashSet::new() };
            for document in read {
                let Ok(id) = TaskId::parse(&document.id) else { continue };
                unlisted.remove(&id);
                let Some(task) = tasks.get(&id) else {
                    come.extend(place(&document, id));
                    tasks.insert(id, ArcRwSignal::new(document));
                    has_moved = true;
                    continue;
                };
                let known = task.get_untracked();
                let old = place(&known, id);
                // What it was is known here and nowhere else: should it be wanted back.
                let new = if document.deleted { TaskDocument { deleted: true, ..known.clone() } } else { document };
                // Other words of a comment are no other number of them.
                if known != new || !whole && new.comments > 0 {
                    gone.extend(old);
                    come.extend(place(&new, id));
                    has_moved |=
                        (&known.parent, &known.position, known.deleted) != (&new.parent, &new.position, new.deleted);
                    self.listing().index.update_value(|index| index.forget(id));
                    changed.push((task.clone(), new));
                }
            }
            has_moved |= !unlisted.is_empty();
            for id in unlisted {
                gone.extend(tasks.remove(&id).and_then(|task| task.with_untracked(|task| place(task, id))));
            }
        });
        self.reading.update_value(|reading| replace(&mut reading.places, gone, come));
        // Only now: what listens to a task may ask this room for another one.
        for (task, document) in changed {
            task.set(document);
        }
        if has_subtasks && has_moved {
            self.grow_tree();
        }
        self.arrange();
    }

    /// Reads all tasks.
    pub(super) fn with_tasks<T>(self, read: impl FnOnce(&HashMap<TaskId, ArcRwSignal<TaskDocument>>) -> T) -> T {
        self.tasks.with_value(read)
    }

    /// Reads where the tasks that are not deleted stand.
    pub(super) fn with_places<T>(self, read: impl FnOnce(&[Place]) -> T) -> T {
        self.reading.with_value(|reading| read(&reading.places))
    }

    /// Has the tasks stand elsewhere.
    pub(super) fn change_places(self, change: impl FnOnce(&mut [Place])) {
        self.reading.update_value(|reading| change(&mut reading.places));
    }

    /// Has another part of the list on the page.
    pub(crate) fn look(self, at: impl Fn(&Order) -> Window) {
        let (old, new) = self.order.with_untracked(|order| (order.window, at(order)));
        if new != old {
            self.order.update(|order| order.window = new);
        }
    }

    /// Who signed a task off, and how it was found.
    #[cfg(feature = "next")]
    pub(crate) async fn sign_offs(self, task: TaskId) -> Result<Vec<String>, ApiError> {
        let (all, task) = (api::sign_offs(self.id).await?, task.to_string());
        Ok(all.into_iter().filter(|sign_off| sign_off.task == task).map(|sign_off| sign_off.remark).collect())
    }

    /// Signs a task off.
    #[cfg(feature = "next")]
    pub(crate) async fn sign_off(self, task: TaskId, remark: String) -> Result<(), ApiError> {
        api::sign_off(self.id, &partyline_core::api::SignOffDocument { task: task.to_string(), remark }).await
    }

    /// Reads the names of the devices, and what there is to be said of clocks.
    pub(crate) async fn read_devices(self) {
        if let Ok(devices) = api::devices(self.id).await
            && self.devices.with_untracked(|known| known.as_ref() != Some(&devices))
        {
            self.devices.set(Some(devices));
            self.note_mended();
        }
    }

    /// How far this device's clock is ahead, in milliseconds, if its service worker knows it to be wrong.
    pub(crate) fn clock(self) -> Option<i64> {
        self.devices.with(|known| known.as_ref()?.clock)
    }

    /// How many changes are held back because they are dated too far ahead.
    pub(crate) fn waiting(self) -> u32 {
        self.devices.with(|known| known.as_ref().map_or(0, |known| known.waiting))
    }

    /// The first of those.
    pub(crate) fn held(self) -> Vec<HeldDocument> {
        self.devices.with(|known| known.as_ref().map(|known| known.held.clone())).unwrap_or_default()
    }

    /// Takes or drops a change that is held back.
    pub(crate) fn decide(self, held: HeldDocument, is_wanted: bool) {
        spawn_local(async move {
            if let Err(error) = api::decide(self.id, &held, is_wanted).await {
                self.notices.fail(text::not_saved(&error), None);
            }
            let _ = self.read().await;
            self.read_devices().await;
        });
    }

    /// Gives this device its name in the room.
    pub(crate) async fn name_device(self, name: String) -> Result<(), ApiError> {
        api::name_device(self.id, name).await?;
        self.read_devices().await;
        Ok(())
    }

    /// Gives the room another name, for everybody.
    pub(crate) async fn rename(self, name: String) -> Result<(), ApiError> {
        let room = api::rename_room(self.id, name).await?;
        self.name.set(room.name);
        Ok(())
    }

    /// Adds a task, or a subtask of one. Tasks that are added in quick succession are added one after the other, in that
    /// order. Returns the id that it will have; `None` in a browser without random numbers.
    pub(crate) fn add_to(self, parent: Option<TaskId>, title: String) -> Option<TaskId> {
        self.add_new(parent, NewTask { title: title.clone(), ..NewTask::default() }, title)
    }

    /// Adds a task of which more than the title is known, in the same manner. `typed` is the line that said so.
    pub(crate) fn add_new(self, parent: Option<TaskId>, task: NewTask, typed: String) -> Option<TaskId> {
        self.add_in(self.begin(None), parent, task, typed)
    }

    /// The same, as a part of an action with this number.
    pub(super) fn add_in(
        self,
        action: u64,
        parent: Option<TaskId>,
        mut task: NewTask,
        typed: String,
    ) -> Option<TaskId> {
        let id = TaskId::from_random_bytes(platform::random_bytes()?);
        let section = self.listing().headings.with_untracked(Headings::adding_to).filter(|_| parent.is_none());
        task.id = Some(id.to_string());
        task.parent = parent.map(|parent| parent.to_string());
        task.section = section.map(|section| section.to_string());
        let (title, task) = (task.title.clone(), Arc::new(task));
        let addition = Addition { id, title, task, typed, parent, section, action, failure: None };
        self.additions.update(|additions| additions.push(addition));
        self.work_off_additions();
        Some(id)
    }

    /// Reads or changes what the person did here. `None` if the room is gone.
    pub(super) fn change_history<T>(self, change: impl FnOnce(&mut History) -> T) -> Option<T> {
        self.reading.try_update_value(|reading| change(&mut reading.history))
    }

    /// A task as it is known here, also if it is deleted.
    pub(super) fn document(self, id: TaskId) -> Option<TaskDocument> {
        self.task(id).map(|task| task.get_untracked())
    }

    /// Begins an action; gives its number.
    pub(super) fn begin(self, under_way: Option<oneshot::Receiver<()>>) -> u64 {
        let number = self.notices.next();
        self.change_history(|history| history.begin(number, under_way));
        number
    }

    /// Writes patches together, shows what became of the tasks, and notes what it takes to undo that. Gives the number of the
    /// action, and which patches were not written.
    pub(super) fn act(self, writes: Vec<Write>) -> LocalBoxFuture<'static, (u64, Vec<NotWritten>)> {
        Box::pin(async move {
            // Whoever is to undo it waits until it is written.
            let (end, ended) = oneshot::channel();
            let number = self.begin(Some(ended));
            let before: Vec<_> = writes.iter().map(|(id, _)| self.document(*id)).collect();
            let mut failed = api::patch_tasks(self.id, &writes).await.into_iter().peekable();
            // What is written is written. Should this read fail, its announcement brings the next one.
            let _ = self.read().await;
            let mut left = Vec::new();
            for (at, (write, before)) in writes.into_iter().zip(before).enumerate() {
                match failed.next_if(|(failed, _)| *failed == at) {
                    Some((_, error)) => left.push((write, error)),
                    None => self.note(number, before, write),
                }
            }
            drop(end);
            (number, left)
        })
    }

    /// What was written to a task is a part of an action.
    fn note(self, action: u64, before: Option<TaskDocument>, (id, patch): Write) {
        if let (Some(before), Some(after)) = (before, self.document(id)) {
            let written = Written { before, patch, after };
            self.change_history(|history| history.find(action).map(|did| did.tasks.push(written)));
        }
    }

    /// A task that was added as a part of an action is there.
    pub(super) fn note_added(self, action: u64, id: TaskId) {
        let before = self.document(id).map(|task| TaskDocument { deleted: true, ..task });
        let title = Some(String::new());
        self.note(action, before, (id, TaskPatch { title, ..restoration(id).1 }));
    }

    /// Tells of the first patch that was not written, and keeps all of them for another attempt. What is not in the room any
    /// more, or never was, needs none.
    pub(super) fn tell_failed(self, mut failed: Vec<NotWritten>, words: fn(&str, &ApiError) -> String) {
        failed.retain(|(_, error)| error.status() != Some(404));
        if let Some(((task, _), error)) = failed.first() {
            let words = words(&self.title(*task), error);
            let left: Vec<_> = failed.into_iter().map(|(write, _)| write).collect();
            let retry = NoticeAction::new(text::RETRY, move || {
                let left = left.clone();
                spawn_local(async move { self.tell_failed(self.act(left).await.1, text::edit_failed) });
            });
            self.notices.fail(words, Some(retry));
        }
    }

    /// Tells what was done, and offers to undo it.
    pub(super) fn tell_done(self, words: String, action: u64) {
        self.notices.tell(words, Some(self.notices.step(text::UNDO, action)));
    }

    /// Where the person is told of what happens here.
    pub(super) fn notices(self) -> Notices {
        self.notices
    }

    /// Tries again to add a task that could not be added.
    pub(crate) fn retry_addition(self, id: TaskId) {
        self.additions.update(|additions| {
            for addition in additions.iter_mut().filter(|addition| addition.id == id) {
                addition.failure = None;
            }
        });
        self.work_off_additions();
    }

    /// Forgets a task that is in the room now, or is given up. Whether it was known.
    pub(crate) fn drop_addition(self, id: TaskId) -> bool {
        let addition =
            self.additions.with_untracked(|additions| additions.iter().find(|addition| addition.id == id).cloned());
        let Some(addition) = addition else { return false };
        addition.draft(self.id).drop_line(&addition.typed);
        self.additions.update(|additions| additions.retain(|addition| addition.id != id));
        true
    }

    fn fail_addition(self, id: TaskId, error: &ApiError) {
        self.additions.update(|additions| {
            for failed in additions.iter_mut().filter(|failed| failed.id == id) {
                failed.failure = Some(error.to_string());
            }
        });
    }

    fn work_off_additions(self) {
        if let Some(Some(turn)) = self.reading.try_update_value(|reading| reading.adding.announced()) {
            self.work_off_additions_in(turn);
        }
    }

    fn work_off_additions_in(self, turn: u64) {
        let next = move || -> Vec<Addition> {
            self.additions.with_untracked(|all| all.iter().filter(|one| one.failure.is_none()).cloned().collect())
        };
        spawn_local(async move {
            loop {
                let additions = next();
                if additions.is_empty() {
                    if self.reading.try_update_value(|reading| reading.adding.has_read(turn)) == Some(true) {
                        continue;
                    }
                    return;
                }
                // In their order, and by as few transactions as it takes.
                let edits = additions.iter().map(|one| TaskEdit::Add(Box::new((*one.task).clone()))).collect();
                let failed = api::edit_tasks(self.id, edits).await;
                // A page that was frozen while it waited has begun anew since.
                if self.reading.try_with_value(|reading| reading.adding.is_under_way(turn)) != Some(true) {
                    return;
                }
                let mut made = Vec::new();
                for (number, addition) in additions.into_iter().enumerate() {
                    match failed.iter().find(|(edit, _)| *edit == number) {
                        Some((_, error)) => self.fail_addition(addition.id, error),
                        None => made.push(addition),
                    }
                }
                if !made.is_empty() {
                    let _ = self.read().await;
                }
                for addition in made {
                    // Unless it was taken back meanwhile.
                    if self.drop_addition(addition.id) {
                        self.note_added(addition.action, addition.id);
                    }
                    // A subtask is added in the details, and seen there.
                    if addition.parent.is_none() {
                        self.added.set(Some(addition.id));
                    }
                }
            }
        });
    }

    /// Writes the fields of a patch and shows what became of the task; gives the number of the action. What is open below a
    /// task that is completed is completed with it.
    ///
    /// A change to a deleted task brings it back.
    pub(crate) async fn edit(self, id: TaskId, mut patch: TaskPatch) -> Result<u64, ApiError> {
        if self.task(id).is_some_and(|task| task.with_untracked(|task| task.deleted)) {
            patch.deleted = patch.deleted.or(Some(false));
        }
        let done = TaskPatch { status: Some(TaskStatus::Done), ..TaskPatch::default() };
        let below = if patch.status == done.status { self.open_below(id) } else { Vec::new() };
        let mut writes = vec![(id, patch)];
        writes.extend(below.iter().map(|task| (*task, done.clone())));
        let (number, failed) = self.act(writes).await;
        if let Some((_, error)) = failed.iter().find(|((task, _), _)| *task == id) {
            return Err(error.clone());
        }
        self.tell_failed(failed, text::edit_failed);
        if !below.is_empty() {
            self.tell_done(text::completed_with(&self.title(id), below.len()), number);
        }
        Ok(number)
    }

    /// Writes the fields of a patch when nobody is there to see it fail: the notice keeps the patch for another attempt.
    pub(crate) fn edit_later(self, id: TaskId, patch: TaskPatch) {
        spawn_local(async move {
            if let Err(error) = self.edit(id, patch.clone()).await {
                self.edit_failed(id, patch, &error);
            }
        });
    }

    /// Reports a patch that could not be written, and keeps it for another attempt.
    pub(crate) fn edit_failed(self, id: TaskId, patch: TaskPatch, error: &ApiError) {
        let retry = NoticeAction::new(text::RETRY, move || self.edit_later(id, patch.clone()));
        self.notices.fail(text::edit_failed(&self.title(id), error), Some(retry));
    }

    /// The title of a task.
    pub(crate) fn title(self, id: TaskId) -> String {
        self.task(id).map(|task| task.with_untracked(|task| task.title.clone())).unwrap_or_default()
    }

    /// Completes a task, or reopens it. `false` when that failed.
    pub(crate) async fn set_done(self, id: TaskId, done: bool) -> bool {
        let status = if done { TaskStatus::Done } else { TaskStatus::Open };
        let patch = TaskPatch { status: Some(status), ..TaskPatch::default() };
        match self.edit(id, patch.clone()).await {
            Ok(_) => true,
            Err(error) => {
                self.edit_failed(id, patch, &error);
                false
            }
        }
    }
}

/// A task, and what is written to it.
pub(super) type Write = (TaskId, TaskPatch);

/// A patch that was not written, and why.
pub(super) type NotWritten = (Write, ApiError);

/// What deletes a task.
pub(super) fn deletion(task: TaskId) -> Write {
    (task, TaskPatch { deleted: Some(true), ..TaskPatch::default() })
}

/// What takes a deletion back.
pub(super) fn restoration(task: TaskId) -> Write {
    (task, TaskPatch { deleted: Some(false), ..TaskPatch::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;
    use leptos::reactive::owner::Owner;

    #[test]
    fn a_list_that_is_read_whole_twice_changes_the_tasks_that_its_rows_listen_to() {
        let owner = Owner::new();
        owner.set();
        let room = Room::new(RoomId::from_random_bytes([7; 16]), String::new(), Notices::new());
        let other = TaskDocument { id: "0c52c43a-64f5-4f0b-9d5b-6b7d3f5f9a11".to_owned(), ..task("Sweep") };
        room.show(vec![task("Paint"), other.clone()], true);
        let id = TaskId::parse(&task("").id).unwrap();
        let gone = TaskId::parse(&other.id).unwrap();
        let row = room.task(id).unwrap();
        // Two reads that began before either was answered are both whole.
        room.show(vec![task("Paint"), other.clone()], true);
        room.show(vec![TaskDocument { status: TaskStatus::Done, ..task("Paint") }], false);
        assert_eq!(row.with_untracked(|task| task.status), TaskStatus::Done);
        let rows = move || room.order.with_untracked(|order| order.rows.clone());
        assert_eq!(rows(), [Row::Task(gone), Row::Done, Row::Task(id)]);
        // What a whole list no longer has is gone.
        room.show(vec![task("Paint")], true);
        assert_eq!(rows(), [Row::Task(id)]);
        assert!(room.task(gone).is_none());
        assert_eq!(row.with_untracked(|task| task.status), TaskStatus::Open);
    }

    #[test]
    fn a_room_whose_first_read_is_lost_or_failed_is_not_open() {
        let owner = Owner::new();
        owner.set();
        let room = Room::new(RoomId::from_random_bytes([7; 16]), String::new(), Notices::new());
        assert!(!room.is_open());
        // What an announcement had it read meanwhile is not all of it: nobody is a member yet.
        room.show(vec![task("Paint")], true);
        assert!(!room.is_open());
        room.loading.set(ApiError::Unreadable(String::new()).into());
        assert!(!room.is_open());
        room.loading.set(Loading::Ready);
        assert!(!room.is_open());
        room.devices.set(Some(Devices::default()));
        assert!(room.is_open());
    }

    #[test]
    fn announcements_during_a_read_are_answered_by_one_more() {
        let mut turn = Turn::default();
        let first = turn.announced().unwrap();
        assert_eq!((turn.announced(), turn.announced()), (None, None));
        assert!(turn.has_read(first));
        assert!(!turn.has_read(first));
        assert!(turn.announced().is_some_and(|second| second != first));
    }

    #[test]
    fn a_read_that_is_never_answered_keeps_no_page_from_reading() {
        let mut turn = Turn::default();
        let lost = turn.announced().unwrap();
        assert_eq!(turn.announced(), None);
        // The page is back.
        let fresh = turn.begin();
        assert_eq!(turn.announced(), None);
        // Should the lost one be answered after all, it neither goes on nor ends what is under way.
        assert!(!turn.has_read(lost));
        assert!(turn.has_read(fresh));
        assert!(!turn.has_read(fresh));
        assert!(turn.announced().is_some());
    }
}
