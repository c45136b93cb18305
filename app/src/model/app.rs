use leptos::prelude::*;
use leptos::task::spawn_local;
use litemap::LiteMap;
use partyline_core::api::RoomSummary;
use partyline_core::hand::Code;
use partyline_core::id::{RoomId, RoomLink, RoomSecret, RoomsLink, SectionId, TaskId, TaskLink};

use super::device_name::device_name;
use super::drafts;
use super::entry::{Entry, EntryError};
use super::listing::{filters_key, listing_key};
use super::news::News;
use super::notice::Notices;
use super::rest::Rest;
use super::room::{Room, membership, mended_key, seen_key};
use super::route::{Route, mended};
use crate::api::{self, ApiError};
use crate::day::Day;
use crate::net::{ANEW, HandWish, INVITE, Membership, Network};
use crate::text;
use crate::{net, platform};

/// Under this key the browser keeps which room was shown last.
const LAST_ROOM: &str = "partyline:last-room";
/// Under this key it keeps what the person called this device, for rooms to come.
const DEVICE_NAME: &str = "partyline:device-name";

/// Under this key it keeps that keys without Ctrl or Alt do nothing.
const SINGLE_KEYS: &str = "partyline:single-keys";

/// Under this key it keeps that lines are added as they are typed.
const QUICK_ADD: &str = "partyline:quick-add";

/// All that the page knows. A copyable handle, given to the components as context.
#[derive(Clone, Copy)]
pub(crate) struct App {
    /// The rooms on this device; `None` until they were read.
    pub(crate) rooms: RwSignal<Option<Vec<RoomSummary>>>,
    /// What the page shows.
    pub(crate) screen: RwSignal<Screen>,
    /// The dialog that is open.
    pub(crate) dialog: RwSignal<Option<Dialog>>,
    /// What dialogs are made of, which is loaded after the first screen.
    pub(crate) rest: Rest,
    /// Messages to the person.
    pub(crate) notices: Notices,
    /// Whether a new version waits.
    pub(crate) update_waits: RwSignal<bool>,
    /// Whether single keys do something, where nothing is being typed.
    pub(crate) single_keys: RwSignal<bool>,
    /// Whether the link in the address bar had lost its `#`.
    was_mended: StoredValue<bool>,
    /// Whether days, people and labels are understood in what is added.
    pub(crate) quick_add: RwSignal<bool>,
    /// How often a room was joined by the address bar.
    attempts: StoredValue<u32>,
    /// What is new in rooms that are not on show.
    pub(crate) news: News,
    /// The networks of all rooms.
    network: StoredValue<Option<Network>, LocalStorage>,
    /// What is to be done by hand in which room, once its network is there.
    wish: StoredValue<Option<(RoomId, HandWish)>>,
    /// The task that a link led to, until its room is loaded.
    sought: StoredValue<Option<TaskLink>>,
    /// Today, kept up to date for what is shown; what a person means by it now is [`App::day`].
    pub(crate) today: RwSignal<Day>,
    opened: StoredValue<LiteMap<RoomId, Room>>,
    owner: StoredValue<Owner>,
}

/// What the page shows.
#[derive(Clone, PartialEq)]
pub(crate) enum Screen {
    /// Nothing yet.
    Starting,
    /// The rooms could not be read.
    Failed(String),
    /// There is no room on this device.
    Welcome,
    /// A room.
    Room(Room),
    /// A room is being joined.
    Joining,
    /// A link that led nowhere, and why.
    BadLink(String),
}

impl Screen {
    /// Whether there is something for the person to see and do.
    pub(crate) fn is_drawn(&self) -> bool {
        !matches!(self, Self::Starting | Self::Joining)
    }

    /// The room on show.
    pub(crate) fn room(&self) -> Option<Room> {
        match self {
            Self::Room(room) => Some(*room),
            _ => None,
        }
    }

    /// Whether the rooms have been read. Until then the page waits for a first read, which may be lost.
    fn has_begun(&self) -> bool {
        !matches!(self, Self::Starting | Self::Failed(_))
    }
}

/// The dialogs, of which one is open at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialog {
    /// Make a room.
    NewRoom,
    /// Join one.
    Join,
    /// Go to another one (narrow screens; wide ones show the rooms at the side).
    Rooms,
    /// Pass the room's link on.
    Share,
    /// Bring all rooms to another device.
    OtherDevice,
    /// Connect by codes.
    ByHand,
    /// Who is connected.
    Devices,
    /// Rename or leave the room.
    Settings,
    /// Make sure that leaving is meant.
    Leave,
    /// A task's details.
    Task(TaskId),
    /// What can be done with a task in the list.
    Actions(TaskId),
    /// Make it a subtask of another task.
    PutUnder(TaskId),
    /// Put it into a section.
    ToSection(TaskId),
    /// Put it, or a copy of it, into another room: whether it moves.
    ToRoom(TaskId, bool),
    /// What can be done with a section.
    Section(SectionId),
    /// Give it another name.
    RenameSection(SectionId),
    /// Make a section after another one, or behind all.
    NewSection(Option<SectionId>),
    /// Change the fields of the chosen tasks.
    ChangeChosen,
    /// Move those.
    MoveChosen,
    /// Find commands, rooms and tasks.
    Palette,
    /// The keys that do something.
    Keys,
    /// Find in all rooms.
    Everywhere,
    /// What is deleted.
    Trash,
    /// Keep what is looked for under a name.
    KeepFilters,
    /// What can be done with the filters that are kept there.
    KeptFilters(usize),
    /// Give those another name.
    RenameFilters(usize),
}

impl App {
    /// Knows nothing yet. To be made under the root owner: rooms that are opened live as long as it does.
    pub(crate) fn new() -> Self {
        Self {
            rooms: RwSignal::new(None),
            screen: RwSignal::new(Screen::Starting),
            dialog: RwSignal::new(None),
            rest: Rest::new(),
            notices: Notices::new(),
            update_waits: RwSignal::new(false),
            single_keys: RwSignal::new(platform::remembered(SINGLE_KEYS).as_deref() != Some("off")),
            was_mended: StoredValue::new(false),
            quick_add: RwSignal::new(platform::remembered(QUICK_ADD).as_deref() != Some("off")),
            attempts: StoredValue::new(0),
            news: News::new(),
            network: StoredValue::new_local(None),
            wish: StoredValue::new(None),
            sought: StoredValue::new(None),
            today: RwSignal::new(platform::today()),
            opened: StoredValue::new(LiteMap::new()),
            owner: StoredValue::new(Owner::current().unwrap_or_default()),
        }
    }

    /// The room on show.
    pub(crate) fn room(self) -> Option<Room> {
        match self.screen.get() {
            Screen::Room(room) => Some(room),
            _ => None,
        }
    }

    fn room_untracked(self) -> Option<Room> {
        match self.screen.get_untracked() {
            Screen::Room(room) => Some(room),
            _ => None,
        }
    }

    /// Answers for the connections that this tab holds, reads the rooms, and goes where the address bar says.
    pub(crate) async fn start(self) {
        net::listen();
        self.begin().await;
    }

    /// Reads the rooms for the first time. Of several such reads the first that is answered counts.
    async fn begin(self) {
        let outcome = self.read_rooms().await;
        if self.screen.with_untracked(Screen::has_begun) {
            return;
        }
        match outcome {
            Ok(()) => self.follow_address().await,
            Err(error) => self.screen.set(Screen::Failed(error.to_string())),
        }
    }

    /// Reads the list of rooms.
    pub(crate) async fn read_rooms(self) -> Result<(), ApiError> {
        let rooms = api::rooms().await?;
        self.opened.with_value(|opened| {
            for summary in &rooms {
                let room = RoomId::parse(&summary.id).ok().and_then(|id| opened.get(&id).copied());
                if let Some(room) = room
                    && room.name.with_untracked(|name| *name != summary.name)
                {
                    room.name.set(summary.name.clone());
                }
            }
        });
        if self.rooms.with_untracked(|known| known.as_ref() != Some(&rooms)) {
            self.rooms.set(Some(rooms));
        }
        Ok(())
    }

    /// The list of rooms changed, here or in another tab.
    pub(crate) fn rooms_announced(self) {
        spawn_local(async move {
            if self.read_rooms().await.is_err() {
                return;
            }
            // The room on show was left in another tab.
            if let Screen::Room(room) = self.screen.get_untracked()
                && self.summary(room.id).is_none()
            {
                self.forget(room.id);
                self.go_home();
            }
        });
    }

    /// A room's tasks changed.
    pub(crate) fn changes_announced(self, room: RoomId) {
        match self.screen.get_untracked() {
            Screen::Room(shown) if shown.id == room => shown.announced(),
            _ => self.news.count(room),
        }
    }

    /// This device has taken another key in a room.
    pub(crate) fn renewal_announced(self, room: RoomId) {
        match self.opened(room) {
            Some(room) => {
                self.notices.tell(text::RENEWED.to_owned(), None);
                self.check_key(room);
            }
            None => spawn_local(self.enter_network_of(room)),
        }
    }

    /// Has the room go on under the key that this device has now, and with its name.
    fn check_key(self, room: Room) {
        spawn_local(async move {
            room.check_key().await;
            self.introduce(room).await;
        });
    }

    /// The page is back: it was frozen, hidden, or in the browser's page cache, or the person looks at it again. What was
    /// missed meanwhile is read, whatever announcements came or did not come, and the day may be another.
    pub(crate) fn returned(self) {
        api::returned();
        if !self.screen.with_untracked(Screen::has_begun) {
            spawn_local(self.begin());
            return;
        }
        self.check_day();
        self.rooms_announced();
        self.recount();
        if self.screen.with_untracked(|screen| *screen == Screen::Joining) {
            spawn_local(self.follow_address());
        }
        if let Screen::Room(room) = self.screen.get_untracked() {
            if !room.is_open() {
                self.open(room);
            } else {
                self.check_key(room);
            }
            room.returned();
        }
    }

    /// Counts what is new in the rooms that are not on show.
    fn recount(self) {
        let shown = self.room_untracked().map(|room| room.id);
        let ids = |rooms: &Option<Vec<RoomSummary>>| {
            let ids = rooms.iter().flatten().filter_map(|room| RoomId::parse(&room.id).ok());
            ids.filter(|room| Some(*room) != shown).collect::<Vec<_>>()
        };
        self.news.returned(&self.rooms.with_untracked(ids));
    }

    /// Loads a room.
    fn open(self, room: Room) {
        spawn_local(async move {
            room.open().await;
            self.show_sought(room);
            self.introduce(room).await;
        });
    }

    /// A minute has passed. A service worker may end after an edit is on disk and before anybody was told of it.
    pub(crate) fn check_time(self) {
        self.check_day();
        if platform::is_shown()
            && let Screen::Room(room) = self.screen.get_untracked()
        {
            room.announced();
            self.check_key(room);
        }
    }

    /// Which day it is this moment. If midnight has passed, the page sees so too.
    pub(crate) fn day(self) -> Day {
        let today = platform::today();
        if self.today.get_untracked() != today {
            self.today.set(today);
        }
        today
    }

    /// Notices midnight, and keeps who is connected.
    fn check_day(self) {
        self.day();
        if let Screen::Room(room) = self.screen.get_untracked() {
            room.note_seen();
        }
    }

    /// The address bar says something else. Until the rooms have been read nobody knows what it means; then it is followed
    /// anyway.
    pub(crate) fn address_changed(self) {
        if self.screen.with_untracked(Screen::has_begun) {
            spawn_local(self.follow_address());
        }
    }

    /// Puts a link whose `#` was lost behind a `#` again, before anything is asked of a server: should the page be loaded
    /// again, none gets to see it.
    pub(crate) fn mend_address(self) {
        if let Some(fragment) = mended(&platform::path(), &platform::fragment()) {
            platform::replace_fragment(&fragment);
            self.was_mended.set_value(true);
        }
    }

    /// Goes where the address bar says.
    pub(crate) async fn follow_address(self) {
        match Route::of(&platform::fragment()) {
            Route::Home => self.go_home(),
            Route::Room(room) if self.summary(room).is_some() => self.show(room),
            Route::Room(_) => self.screen.set(Screen::BadLink(text::UNKNOWN_ROOM.to_owned())),
            // The link stays in the address bar until it was of use, so that loading the page again tries again.
            Route::Join(entry) => {
                if let Some(room) = self.joining(self.use_entry(&entry)).await {
                    platform::replace_fragment(&room.to_string());
                    if self.was_mended.try_update_value(std::mem::take) == Some(true) {
                        self.notices.tell(text::MENDED_LINK.to_owned(), None);
                    }
                    if let Some(dialog) = self.show_entered(room, &entry) {
                        self.dialog.set(Some(dialog));
                    }
                }
            }
            Route::Unreadable(error) => self.screen.set(Screen::BadLink(error.to_string())),
        }
    }

    /// Shows that a room is being joined. A page that was frozen meanwhile joins anew, as the first time may never be
    /// answered: the first of several that joins counts, and of those that fail the last.
    async fn joining<T>(self, join: impl Future<Output = Result<T, JoinError>>) -> Option<T> {
        self.screen.set(Screen::Joining);
        let attempt = self.attempts.try_update_value(|attempts| {
            *attempts += 1;
            *attempts
        });
        let outcome = join.await;
        if self.screen.with_untracked(|screen| *screen != Screen::Joining) {
            return None;
        }
        match outcome {
            Ok(joined) => return Some(joined),
            Err(error) if attempt == self.attempts.try_get_value() => {
                self.screen.set(Screen::BadLink(error.to_string()));
            }
            Err(_) => {}
        }
        None
    }

    /// Shows the room that was shown last, or any, or the welcome when there is none.
    pub(crate) fn go_home(self) {
        let last = platform::remembered(LAST_ROOM).and_then(|room| RoomId::parse(&room).ok());
        let known = last.filter(|room| self.summary(*room).is_some());
        let first = || {
            self.rooms.with_untracked(|rooms| {
                rooms.as_ref().and_then(|rooms| rooms.first()).and_then(|room| RoomId::parse(&room.id).ok())
            })
        };
        match known.or_else(first) {
            Some(room) => {
                platform::replace_fragment(&room.to_string());
                self.show(room);
            }
            None => {
                platform::replace_fragment("");
                self.screen.set(Screen::Welcome);
            }
        }
    }

    /// Makes a room and shows it.
    pub(crate) async fn make_room(self, name: String) -> Result<(), ApiError> {
        let (Some(room), Some(secret)) = (platform::random_bytes(), platform::random_bytes()) else {
            return Err(ApiError::Unreadable(String::new()));
        };
        let given = if platform::is_online() { net::new_room().await } else { None };
        let link = new_link(given, room, secret);
        self.enter(&link, Some(name)).await?;
        self.go(link.room);
        Ok(())
    }

    /// Joins the room of the link or invitation in a pasted text and shows it; gives the dialog that goes on with the latter.
    pub(crate) async fn join_pasted(self, text: &str) -> Result<Option<Dialog>, JoinError> {
        let entry = Entry::find(text)?;
        let room = self.use_entry(&entry).await?;
        platform::push_fragment(&room.to_string());
        Ok(self.show_entered(room, &entry))
    }

    /// Joins what an entry leads to; gives the room to show.
    async fn use_entry(self, entry: &Entry) -> Result<RoomId, JoinError> {
        match entry {
            Entry::Link(link) => {
                self.enter(link, None).await?;
                Ok(link.room)
            }
            Entry::Code(code) => self.use_code(code).await,
            Entry::Rooms(link) => Ok(self.enter_all(link).await?),
            Entry::Task(link) if self.summary(link.room).is_some() => {
                self.seek(*link);
                Ok(link.room)
            }
            Entry::Task(_) => Err(JoinError::ForeignTask),
        }
    }

    /// Shows the room that an entry led to; gives the dialog that goes on with a code.
    fn show_entered(self, room: RoomId, entry: &Entry) -> Option<Dialog> {
        self.show(room);
        let Entry::Code(code) = entry else { return None };
        self.wish(room, code.to_fragment());
        Some(Dialog::ByHand)
    }

    /// Shows the task that a link led to, now that its room is loaded.
    fn show_sought(self, room: Room) {
        let is_it = |link: &mut TaskLink| link.room == room.id;
        let Some(Some(link)) = self.sought.try_update_value(|sought| sought.take_if(is_it)) else { return };
        if room.reveal(link.task) {
            self.dialog.set(Some(Dialog::Task(link.task)));
        } else {
            self.notices.tell(text::NO_SUCH_TASK.to_owned(), None);
        }
    }

    /// Joins all rooms of another device of this person; gives the first.
    async fn enter_all(self, link: &RoomsLink) -> Result<RoomId, ApiError> {
        let rooms = link.rooms();
        for (link, name) in rooms {
            api::keep_room_as(link, name).await?;
        }
        self.read_rooms().await?;
        spawn_local(platform::persist_storage());
        self.notices.tell(text::rooms_brought(rooms.len()), None);
        rooms.first().map(|(link, _)| link.room).ok_or_else(|| ApiError::Unreadable(String::new()))
    }

    /// A link that brings all rooms to another device, which becomes a member of each under a key of its own.
    pub(crate) async fn link_to_all_rooms(self) -> Result<String, ApiError> {
        let mut links = Vec::new();
        for summary in self.rooms.get_untracked().unwrap_or_default() {
            let room = RoomId::parse(&summary.id).map_err(|error| ApiError::Unreadable(error.to_string()))?;
            let document = api::room(room).await?;
            let Membership { secret, .. } = membership(room, &document)?;
            links.push((RoomLink { room, secret }, summary.name));
        }
        Ok(RoomsLink::to(links).to_url(&platform::origin()))
    }

    /// Joins the room of an invitation; a reply's room has to be here.
    async fn use_code(self, code: &Code) -> Result<RoomId, JoinError> {
        match code {
            Code::Invitation(invitation) => {
                self.enter(&invitation.link, None).await?;
                Ok(invitation.link.room)
            }
            Code::Reply(reply) if self.summary(reply.room).is_some() => Ok(reply.room),
            Code::Reply(_) => Err(JoinError::ForeignReply),
        }
    }

    /// Makes an invitation to connect by code, or shows the one that is open.
    pub(crate) fn invite(self, room: RoomId) {
        self.wish(room, INVITE.to_owned());
    }

    /// Makes another invitation in place of the one that is open.
    pub(crate) fn invite_anew(self, room: RoomId) {
        self.wish(room, ANEW.to_owned());
    }

    /// Goes on with a reply to the invitation.
    pub(crate) fn use_reply(self, room: RoomId, code: String) {
        self.wish(room, code);
    }

    /// Has something done by hand in a room, now or once its network is there.
    fn wish(self, room: RoomId, wish: HandWish) {
        self.wish.set_value(Some((room, wish)));
        self.pass_wish_on();
    }

    /// A room that was opened in this page.
    pub(crate) fn opened(self, room: RoomId) -> Option<Room> {
        self.opened.with_value(|opened| opened.get(&room).copied())
    }

    /// The room in which an action was done, or took something back, that can be taken back.
    pub(crate) fn room_of(self, action: u64) -> Option<Room> {
        self.opened.with_value(|opened| opened.values().copied().find(|room| room.has_done(action)))
    }

    /// The networks of this device's rooms, from now on.
    pub(super) fn set_network(self, network: Network) {
        self.network.set_value(Some(network));
    }

    /// Enters a room's network, under the key that this device has now. A room that cannot be read is tried again when the
    /// rooms are read again.
    pub(super) async fn enter_network_of(self, room: RoomId) {
        let membership = api::room(room).await.and_then(|document| membership(room, &document));
        if let Some(membership) = membership.ok().filter(|_| self.summary(room).is_some()) {
            self.enter_network(membership);
        }
    }

    /// Has connections of this device in a room made, and kept for as long as it is a member.
    pub(crate) fn enter_network(self, membership: Membership) {
        self.with_network(|network| network.enter(membership));
        self.pass_wish_on();
    }

    /// Whether that is done.
    pub(crate) fn is_in_network(self, room: RoomId) -> bool {
        self.with_network(|network| network.has(room)) == Some(true)
    }

    /// There are no other rooms than these.
    pub(crate) fn keep_networks(self, rooms: &[RoomId]) {
        self.with_network(|network| network.keep_only(|room| rooms.contains(&room)));
    }

    /// This room is on show, or none.
    pub(crate) fn show_network(self, room: Option<RoomId>) {
        self.with_network(|network| network.show(room));
    }

    fn with_network<T>(self, act: impl FnOnce(&Network) -> T) -> Option<T> {
        self.network.try_with_value(|network| network.as_ref().map(act)).flatten()
    }

    fn pass_wish_on(self) {
        let is_there = |(room, _): &mut (RoomId, HandWish)| self.is_in_network(*room);
        if let Some(Some((room, wish))) = self.wish.try_update_value(|wish| wish.take_if(is_there)) {
            self.with_network(|network| network.wish(room, wish));
        }
    }

    async fn enter(self, link: &RoomLink, name: Option<String>) -> Result<(), ApiError> {
        api::keep_room(link, name).await?;
        self.read_rooms().await?;
        spawn_local(platform::persist_storage());
        Ok(())
    }

    /// Leaves a room: this device forgets it.
    pub(crate) async fn leave(self, room: Room) -> Result<(), ApiError> {
        api::leave_room(room.id).await?;
        self.forget(room.id);
        net::forget(room.id).await;
        self.read_rooms().await?;
        self.go_home();
        Ok(())
    }

    /// Renames this device in a room, and in those that are joined later.
    pub(crate) async fn name_device(self, room: Room, name: String) -> Result<(), ApiError> {
        room.name_device(name.clone()).await?;
        platform::remember(DEVICE_NAME, &name);
        Ok(())
    }

    /// Switches single keys on or off, on this device.
    pub(crate) fn set_single_keys(self, are_on: bool) {
        self.single_keys.set(are_on);
        platform::remember(SINGLE_KEYS, if are_on { "on" } else { "off" });
    }

    /// Has days, people and labels understood in what is added on this device, or not.
    pub(crate) fn set_quick_add(self, is_on: bool) {
        self.quick_add.set(is_on);
        platform::remember(QUICK_ADD, if is_on { "on" } else { "off" });
    }

    /// Shows a room and puts it into the history, as following a link to it does.
    pub(crate) fn go(self, room: RoomId) {
        platform::push_fragment(&room.to_string());
        self.show(room);
    }

    /// Goes to a room of this device and shows a task of it.
    pub(crate) fn go_to_task(self, link: TaskLink) {
        self.seek(link);
        self.go(link.room);
    }

    /// Has a task shown once its room is.
    fn seek(self, link: TaskLink) {
        self.sought.set_value(Some(link));
        // Should it be the one that was brought into view last.
        if let Some(room) = self.opened(link.room) {
            room.added.set(None);
        }
    }

    fn show(self, id: RoomId) {
        self.news.clear(id);
        let room = self.opened(id).unwrap_or_else(|| {
            let name = self.summary(id).map(|summary| summary.name).unwrap_or_default();
            let room = self.owner.with_value(|owner| owner.with(|| Room::new(id, name, self.notices)));
            self.opened.update_value(|opened| {
                opened.insert(id, room);
            });
            room
        });
        platform::remember(LAST_ROOM, &id.to_string());
        if self.screen.with_untracked(|screen| *screen != Screen::Room(room)) {
            self.screen.set(Screen::Room(room));
        }
        self.open(room);
    }

    /// Gives this device a name in the room if it has none there yet.
    async fn introduce(self, room: Room) {
        let Some(own) = room.membership.with_untracked(|own| own.as_ref().map(|own| own.device.to_string())) else {
            return;
        };
        let named = room
            .devices
            .with_untracked(|known| known.as_ref().map(|known| known.devices.iter().any(|device| device.id == own)));
        if named == Some(false) {
            let name = platform::remembered(DEVICE_NAME).unwrap_or_else(|| device_name(&platform::user_agent()));
            // Without a name the device is shown by its id; the next visit tries again.
            let _ = room.name_device(name).await;
        }
    }

    fn forget(self, room: RoomId) {
        platform::forget(&seen_key(room));
        self.news.forget(room);
        platform::forget(&mended_key(room));
        drafts::forget(room);
        platform::forget(&listing_key(room));
        platform::forget(&filters_key(room));
        self.opened.update_value(|opened| {
            opened.remove(&room);
        });
    }

    fn summary(self, room: RoomId) -> Option<RoomSummary> {
        let id = room.to_string();
        self.rooms.with_untracked(|rooms| rooms.as_ref()?.iter().find(|summary| summary.id == id).cloned())
    }
}

/// The link of a new room: its id is the one that the phone book gave. A crew can begin with no server, too; then the id is
/// made of these random bytes.
fn new_link(given: Option<RoomId>, room: [u8; 16], secret: [u8; 32]) -> RoomLink {
    RoomLink { room: given.unwrap_or_else(|| RoomId::from_random_bytes(room)), secret: RoomSecret::from_bytes(secret) }
}

/// Why a pasted link did not lead into a room.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum JoinError {
    /// There is none in it.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// It is a reply, and the room is not here.
    #[error("This is a reply to an invitation of another device. Show it to the device that made the invitation.")]
    ForeignReply,
    /// It is to a task, and the room is not here.
    #[error("{}", text::FOREIGN_TASK)]
    ForeignTask,
    /// The service worker refused.
    #[error(transparent)]
    Api(#[from] ApiError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_room_has_the_id_that_the_phone_book_gave() {
        let given = RoomId::from_random_bytes([1; 16]);
        assert_eq!(new_link(Some(given), [2; 16], [3; 32]).room, given);
        assert_eq!(new_link(None, [2; 16], [3; 32]).room, RoomId::from_random_bytes([2; 16]));
    }

    #[test]
    fn a_page_whose_first_read_is_lost_or_failed_has_not_begun() {
        assert!(!Screen::Starting.has_begun());
        assert!(!Screen::Failed("The storage is blocked".to_owned()).has_begun());
        for screen in [Screen::Welcome, Screen::Joining, Screen::BadLink("no link".to_owned())] {
            assert!(screen.has_begun());
        }
    }
}
