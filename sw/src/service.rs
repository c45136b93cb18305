//! Answers the peer API from a [`Store`].

mod comments;
mod edits;
#[cfg(feature = "next")]
mod next;
mod sections;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use partyline_core::api::{
    Base64, CLOCK_HEADER, DeviceDocument, Devices, Health, MAX_LISTED, Merged, NOW_HEADER, NewDevice, NewRoom, NewTask,
    PROVED, RoomDocument, RoomSummary, Rooms, SecretText, SectionDocument, StorageState, SyncDocument, TaskPatch,
    Tasks,
};
use partyline_core::clock::EPOCH_MS;
use partyline_core::id::{DeviceId, RoomId, RoomSecret, TaskId};
use partyline_core::key::DeviceKey;
use partyline_core::replica::{
    Batch, DecodeError, Dot, FORMAT_VERSION, Listing, ObjectId, Op, Position, Record, Replica, Spot, SyncAnswer,
    SyncRequest, Task, element_hash,
};
use tokio::sync::Mutex;

use crate::convert;
use crate::host::{Announcement, Host};
use crate::http::{Media, Request, Response};
use crate::problem::{Failure, sentence};
use crate::room::{OpenRoom, is_fresh};
use crate::route::Route;
use crate::store::{Addition, Durability, Limits, Outcome, RoomRecord, Store, StoreError};
use crate::task_query::{Next, TaskQuery};

/// Rooms that stay in memory while nobody asks for them.
const MAX_OPEN_ROOMS: usize = 8;
/// How often a write is tried when another worker keeps getting in between.
const MAX_ATTEMPTS: usize = 8;
/// Bytes of a page of tasks, after which it ends with the task that it has come to.
const MAX_PAGE_BYTES: usize = 4 << 20;

/// The peer API over a store.
///
/// Requests for one room are queued, so what is answered is what is stored. A room in memory is only ever a copy: one
/// whose write did not succeed is dropped and read again.
#[derive(Debug)]
pub struct Service<S, H> {
    store: S,
    host: H,
    limits: Limits,
    slots: RefCell<Vec<Slot>>,
    uses: Cell<u64>,
    /// Rooms whose log has grown long.
    due: RefCell<Vec<RoomId>>,
}

/// The place of a room in memory, and the queue for it.
#[derive(Debug)]
struct Slot {
    id: RoomId,
    room: Rc<Mutex<Option<Box<OpenRoom>>>>,
    last_use: u64,
}

/// What a request wants to write.
#[derive(Debug)]
enum Effect {
    /// Nothing; answer this.
    Nothing(Response),
    /// These changes, already applied to the replica; then answer this.
    Write {
        /// What is new here.
        record: Record,
        /// Who sent it.
        from: Option<DeviceId>,
        /// What to answer.
        answer: Response,
    },
    /// The same, but somebody has written under this device's id: unless it took a new key lately
    /// it is to take one first, and then to look at the request again.
    ///
    /// Whether it is proved that somebody has the key too: then it takes another one in any case.
    Renew(Box<Effect>, bool),
}

/// Answers from a room.
type Reading<'a> = Box<dyn Fn(&mut OpenRoom) -> Result<Response, Failure> + 'a>;
/// Changes a room.
type Writing<'a> = Box<dyn Fn(&mut OpenRoom) -> Result<Effect, Failure> + 'a>;

/// What to do with a room for a route. A function for each route that awaits nothing, and one place that does: a state machine
/// for each of them is a tenth of the code of the service worker.
enum Work<'a> {
    /// Ask it.
    Read(Reading<'a>),
    /// Change it.
    Write(Writing<'a>),
    /// Change it as this device: such writes that come together are stored together.
    Edit(Writing<'a>),
}

impl<S: Store, H: Host> Service<S, H> {
    /// A service with no room in memory.
    pub fn new(store: S, host: H) -> Self {
        Self::with_limits(store, host, Limits::default())
    }

    /// The same with other limits: in a simulation nothing grows as large as in a browser.
    pub fn with_limits(store: S, host: H, limits: Limits) -> Self {
        Self { store, host, limits, slots: RefCell::default(), uses: Cell::default(), due: RefCell::default() }
    }

    /// Answers a request. Every failure is an answer too.
    pub async fn handle(&self, request: &Request) -> Response {
        self.answer(request).await.unwrap_or_else(Response::from)
    }

    /// Compacts the rooms that are due. To be called after an answer; being stopped in the middle costs nothing, the
    /// next write of the room makes it due again.
    pub async fn tidy(&self) {
        loop {
            let Some(room) = self.due.borrow_mut().pop() else { return };
            // Whatever goes wrong, the room is as it was.
            let _ = self.compact(room).await;
        }
    }

    async fn answer(&self, request: &Request) -> Result<Response, Failure> {
        if request.path.starts_with("/peers/") {
            return Err(Failure::unknown_peer());
        }
        let route = Route::find(&request.method, &request.path)?;
        let from = request.from()?;
        if from.is_some() && !route.is_for_peers() {
            return Err(Failure::not_for_peers());
        }
        let limit = route.max_body();
        if limit > 0 && request.body.len() > limit {
            return Err(Failure::too_large(limit));
        }
        let is_exchange = matches!(route, Route::Sync(_) | Route::Changes(_));
        let (room, work) = match route {
            Route::Health => return Ok(self.health().await),
            Route::Rooms => return self.rooms().await,
            Route::Room(room) => return self.room(room).await,
            Route::PutRoom(room) => return self.put_room(room, request).await,
            Route::DeleteRoom(room) => return self.delete_room(room).await,
            Route::Devices(room) => (room, self.devices(self.store.damaged_in(room).await?)),
            Route::PostKey(room) => (room, self.doubt_key(request)?),
            Route::PutClock(room) => (room, self.hear_clock(request)?),
            Route::Held(room, dot, is_wanted) => (room, self.decide(dot, is_wanted)),
            Route::PutDevice(room) => (room, self.put_device(request.document()?)),
            Route::Tasks(room, query) => (room, self.tasks(query)),
            Route::PostTask(room) => (room, self.post_task(room, request.document()?)?),
            Route::Task(room, task) => (room, self.task(task)),
            Route::PatchTask(room, task) => (room, self.patch_task(task, request)?),
            Route::DeleteTask(room, task) => (room, self.delete_task(task, request)),
            Route::PostEdits(room) => (room, self.post_edits(request)?),
            Route::Sections(room) => (room, self.sections()),
            Route::PostSection(room) => (room, self.post_section(request.document()?)?),
            Route::PatchSection(room, section) => (room, self.patch_section(section, request)?),
            Route::DeleteSection(room, section) => (room, self.delete_section(section)),
            Route::Comments(room, task) => (room, self.comments(task)),
            Route::PostComment(room, task) => (room, self.post_comment(room, task, request.document()?)?),
            Route::PatchComment(room, task, comment) => (room, self.patch_comment((task, comment), request)?),
            Route::Vector(room) => (room, self.vector(request)),
            Route::Opening(room) => (room, self.opening()),
            Route::Sync(room) => (room, self.sync(request)?),
            Route::Changes(room) => (room, self.changes(request, from)?),
            #[cfg(feature = "next")]
            Route::SignOffs(room) => (room, self.sign_offs()),
            #[cfg(feature = "next")]
            Route::PostSignOff(room) => (room, self.post_sign_off(request.document()?)?),
        };
        let answer = match work {
            Work::Read(answer) => self.read(room, &*answer).await?,
            Work::Write(change) => self.write(room, &*change, false).await?,
            Work::Edit(change) => self.write(room, &*change, true).await?,
        };
        Ok(if is_exchange { self.with_now(answer) } else { answer })
    }

    async fn health(&self) -> Response {
        let (storage, damaged) = match self.store.damaged().await {
            Ok(damaged) => (StorageState::Ready, damaged),
            Err(_) => (StorageState::Unavailable, 0),
        };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Response::json(200, &Health { version, format: FORMAT_VERSION, storage, damaged })
    }

    async fn rooms(&self) -> Result<Response, Failure> {
        let rooms = self.store.rooms().await?;
        let rooms = rooms.into_iter().map(|record| RoomSummary { id: record.room.to_string(), name: record.name });
        Ok(Response::json(200, &Rooms { rooms: rooms.collect() }))
    }

    async fn room(&self, room: RoomId) -> Result<Response, Failure> {
        // Opened before: where something is damaged, this device has another key afterwards. What only a later version can
        // open can still be shared.
        let unreadable = match self.read(room, &|_| Ok(Response::no_content())).await {
            Ok(_) => None,
            Err(failure) if failure.is_unreadable_room() => Some(failure),
            Err(failure) => return Err(failure),
        };
        let record = self.store.room(room).await?.ok_or_else(Failure::unknown_room)?;
        // What can be read has one.
        let Some(key) = record.key else {
            return Err(unreadable.unwrap_or_else(Failure::contention));
        };
        let document = RoomDocument {
            id: room.to_string(),
            name: record.name,
            secret: SecretText(record.secret.to_base64url()),
            device: key.device().to_string(),
            key: SecretText(key.to_base64url()),
            fresh: is_fresh(record.renewed_at, self.host.now_ms()),
        };
        Ok(Response::json(200, &document))
    }

    async fn put_room(&self, room: RoomId, request: &Request) -> Result<Response, Failure> {
        let document: NewRoom = if request.body.is_empty() { NewRoom::default() } else { request.document()? };
        let secret = document
            .secret
            .as_ref()
            .map(|text| RoomSecret::parse(&text.0))
            .transpose()
            .map_err(|error| Failure::invalid(&sentence(&error)))?;
        // The second round is for a room that another worker makes between our looking and our making it.
        for _ in 0..2 {
            match (self.store.room(room).await?, &secret) {
                (Some(record), Some(secret)) if record.secret != *secret => return Err(Failure::other_secret()),
                (Some(record), _) => return self.rename_room(record, document.name.as_deref()).await,
                (None, None) => return Err(Failure::secret_needed()),
                (None, Some(secret)) => {
                    if let Some(response) = self.create_room(room, secret, &document).await? {
                        return Ok(response);
                    }
                }
            }
        }
        Err(Failure::contention())
    }

    async fn create_room(
        &self,
        room: RoomId,
        secret: &RoomSecret,
        document: &NewRoom,
    ) -> Result<Option<Response>, Failure> {
        let normalized = |name: &Option<String>| name.as_deref().map(|name| self.host.normalize(name));
        let name = normalized(&document.name);
        // It is a hint: what is no name is left out.
        let alias = normalized(&document.alias).filter(|alias| convert::name(alias).is_ok());
        let slot = self.slot(room);
        let mut slot = slot.lock().await;
        *slot = None;
        let now = self.host.now_ms();
        let key = self.new_key();
        let mut replica = Replica::new(key.device());
        let first = match &name {
            Some(name) => {
                let change = convert::edit(&mut replica, ObjectId::Room, vec![convert::name(name)?], now)?;
                Some(Batch::live(vec![change]).at(now).encode())
            }
            None => None,
        };
        let name = name.or(alias).unwrap_or_default();
        let record = RoomRecord {
            room,
            secret: secret.clone(),
            key: Some(key),
            joined_at: now,
            renewed_at: 0,
            name: name.clone(),
        };
        if !self.store.create(&record, first.as_deref()).await? {
            return Ok(None);
        }
        self.host.announce(Announcement::Rooms);
        let response = Response::json(201, &RoomSummary { id: room.to_string(), name })
            .with_header("location", format!("/peer/v1/rooms/{room}"));
        Ok(Some(response))
    }

    async fn rename_room(&self, record: RoomRecord, name: Option<&str>) -> Result<Response, Failure> {
        let name = name.map(|name| self.host.normalize(name));
        let Some(name) = name.as_deref() else {
            return Ok(Response::json(200, &RoomSummary { id: record.room.to_string(), name: record.name }));
        };
        let summary = Response::json(200, &RoomSummary { id: record.room.to_string(), name: name.to_owned() });
        let rename = |open: &mut OpenRoom| {
            if open.replica.room_name() == Some(name) {
                return Ok(Effect::Nothing(summary.clone()));
            }
            self.edit(open, ObjectId::Room, vec![convert::name(name)?], &|_| summary.clone())
        };
        self.write(record.room, &rename, true).await
    }

    async fn delete_room(&self, room: RoomId) -> Result<Response, Failure> {
        let slot = self.slot(room);
        let mut slot = slot.lock().await;
        *slot = None;
        if !self.store.remove(room).await? {
            return Err(Failure::unknown_room());
        }
        self.due.borrow_mut().retain(|due| *due != room);
        self.host.announce(Announcement::Rooms);
        Ok(Response::no_content())
    }

    fn devices(&self, damaged: u32) -> Work<'_> {
        Work::Read(Box::new(move |open| {
            let devices =
                open.replica.devices().map(|(id, name)| DeviceDocument { id: id.to_string(), name: name.to_owned() });
            let now = self.host.now_ms();
            let held = open.replica.held();
            let waiting = held.len() as u32;
            let listed = held.take(MAX_LISTED).map(|change| convert::held_document(&open.replica, change, now));
            let document = Devices {
                devices: devices.collect(),
                clock: open.replica.clock_error(now),
                waiting,
                held: listed.collect(),
                damaged,
            };
            Ok(Response::json(200, &document))
        }))
    }

    /// Takes in what most of those that are connected say of this device's clock.
    fn hear_clock(&self, request: &Request) -> Result<Work<'_>, Failure> {
        let number = std::str::from_utf8(&request.body).ok().and_then(|text| text.parse().ok());
        let ahead_ms: i64 = number.ok_or_else(|| Failure::malformed("A whole number of milliseconds is expected."))?;
        Ok(Work::Write(Box::new(move |open| {
            let heard = open.replica.hear_clock(ahead_ms, self.host.now_ms());
            let heard = heard.map_err(|error| Failure::invalid(&sentence(&error)))?;
            let answer = Response::no_content();
            Ok(match heard {
                Some(record) => Effect::Write { record, from: None, answer },
                None => Effect::Nothing(answer),
            })
        })))
    }

    /// Takes or drops a change that is held back.
    fn decide(&self, dot: Dot, is_wanted: bool) -> Work<'_> {
        Work::Write(Box::new(move |open| {
            let now = self.host.now_ms();
            if now < EPOCH_MS || open.replica.clock_error(now).is_some() {
                return Err(Failure::wrong_clock());
            }
            let settled = open.replica.settle(dot, is_wanted, now);
            let changes = settled.map_err(|error| Failure::invalid(&sentence(&error)))?;
            if changes.is_empty() {
                return Err(Failure::unknown_change());
            }
            Ok(Effect::Write { record: Batch::live(changes).at(now), from: None, answer: Response::no_content() })
        }))
    }

    fn put_device(&self, document: NewDevice) -> Work<'_> {
        let document = NewDevice { name: self.host.normalize(&document.name) };
        Work::Edit(Box::new(move |open| {
            let device = open.replica.device();
            let answer = Response::json(200, &DeviceDocument { id: device.to_string(), name: document.name.clone() });
            if open.replica.devices().any(|(id, name)| id == device && name == document.name) {
                return Ok(Effect::Nothing(answer));
            }
            self.edit(open, ObjectId::Device(device), vec![convert::name(&document.name)?], &|_| answer.clone())
        }))
    }

    /// Takes another key if this device still has the one that somebody else is said, or proved, to hold.
    fn doubt_key(&self, request: &Request) -> Result<Work<'_>, Failure> {
        let (asker, proved) = (request.asker()?, request.body == PROVED);
        Ok(Work::Write(Box::new(move |open| {
            let nothing = Effect::Nothing(Response::no_content());
            let is_it = asker == Some(open.replica.device());
            Ok(if is_it { Effect::Renew(Box::new(nothing), proved) } else { nothing })
        })))
    }

    fn tasks(&self, query: TaskQuery) -> Work<'_> {
        Work::Read(Box::new(move |open| {
            // All there is would pass for what changed, and what is gone would stay on the screen.
            if query.cursors().any(|cursor| !open.replica.is_cursor(cursor)) {
                return Err(Failure::stale_cursor());
            }
            Ok(Response::json(200, &page(&open.replica, &query)))
        }))
    }

    fn task(&self, task: TaskId) -> Work<'_> {
        Work::Read(Box::new(move |open| Ok(task_response(200, open.replica.task(task)))))
    }

    fn post_task(&self, room: RoomId, mut document: NewTask) -> Result<Work<'_>, Failure> {
        convert::normalize_new(&mut document, &|text| self.host.normalize(text));
        let id = self.new_task_id(&document)?;
        Ok(Work::Edit(Box::new(move |open| {
            if open.replica.task(id).is_some() {
                return Err(Failure::task_exists());
            }
            self.add_task(open, id, &document, &|replica| {
                let created = task_response(201, replica.task(id));
                created.with_header("location", format!("/peer/v1/rooms/{room}/tasks/{id}"))
            })
        })))
    }

    fn new_task_id(&self, document: &NewTask) -> Result<TaskId, Failure> {
        match &document.id {
            Some(text) => TaskId::parse(text).map_err(|error| Failure::invalid(&format!("`id`: {error}"))),
            None => Ok(TaskId::from_random_bytes(self.host.random())),
        }
    }

    fn add_task(
        &self,
        open: &mut OpenRoom,
        id: TaskId,
        document: &NewTask,
        answer: &dyn Fn(&Replica) -> Response,
    ) -> Result<Effect, Failure> {
        let (position, after) = (document.position.as_deref(), document.after.as_ref());
        let placing = open.place(id, convert::spot(position, after, Some(Spot::Last))?)?;
        let (place, moved) = placing.map(|placing| (placing.position, placing.moved)).unzip();
        let ops = convert::new_task(document, place, self.host.now_ms())?;
        convert::check_parent(&open.replica, id, &ops)?;
        convert::check_section(&open.replica, &ops)?;
        self.place(open, ObjectId::Task(id), (ops, &moved.unwrap_or_default()), answer)
    }

    fn patch_task<'a>(&'a self, id: TaskId, request: &'a Request) -> Result<Work<'a>, Failure> {
        let mut patch: TaskPatch = request.document()?;
        convert::normalize_patch(&mut patch, &|text| self.host.normalize(text));
        Ok(Work::Edit(Box::new(move |open| {
            let task = open.replica.task(id).ok_or_else(Failure::unknown_task)?;
            check_match(request, &task)?;
            self.change_task(open, task, &patch, &|replica| task_response(200, replica.task(id)))
        })))
    }

    fn change_task(
        &self,
        open: &mut OpenRoom,
        task: Task,
        patch: &TaskPatch,
        answer: &dyn Fn(&Replica) -> Response,
    ) -> Result<Effect, Failure> {
        let id = task.id;
        if task.deleted && task.title.is_empty() && patch.title.is_none() && patch.deleted != Some(true) {
            return Err(Failure::deleted_task());
        }
        let placing = open.place(id, convert::spot(patch.position.as_deref(), patch.after.as_ref(), None)?)?;
        let (place, moved) = placing.map(|placing| (placing.position, placing.moved)).unzip();
        let ops = convert::patch(patch, place, &task)?;
        convert::check_parent(&open.replica, id, &ops)?;
        convert::check_section(&open.replica, &ops)?;
        if ops.is_empty() {
            return Ok(Effect::Nothing(answer(&open.replica)));
        }
        let moved = moved.filter(|_| patch.deleted != Some(true)).unwrap_or_default();
        self.place(open, ObjectId::Task(id), (ops, &moved), answer)
    }

    fn delete_task<'a>(&'a self, id: TaskId, request: &'a Request) -> Work<'a> {
        Work::Edit(Box::new(move |open| {
            let task = open.replica.task(id).ok_or_else(Failure::unknown_task)?;
            check_match(request, &task)?;
            if task.deleted {
                return Ok(Effect::Nothing(Response::no_content()));
            }
            self.edit(open, ObjectId::Task(id), vec![Op::Deleted], &|_| Response::no_content())
        }))
    }

    fn vector<'a>(&self, request: &'a Request) -> Work<'a> {
        Work::Read(Box::new(move |open| {
            let vector = open.replica.vector();
            Ok(match request.accepted() {
                Media::Json => Response::json(200, &convert::vector_document(vector)),
                Media::Cbor => Response::cbor(200, vector.encode()),
            })
        }))
    }

    /// With what a page begins to ask a peer.
    fn opening(&self) -> Work<'_> {
        Work::Read(Box::new(|open| Ok(Response::cbor(200, open.replica.opening().encode()))))
    }

    fn sync<'a>(&'a self, request: &'a Request) -> Result<Work<'a>, Failure> {
        let asked = match request.media()? {
            Media::Json => convert::sync_request(&request.document::<SyncDocument>()?)?,
            Media::Cbor => SyncRequest::decode(&request.body).map_err(|error| Failure::undecodable(&error))?,
        };
        Ok(Work::Read(Box::new(move |open| {
            Ok(match request.accepted() {
                Media::Json => {
                    let answer = open.replica.answer(&asked, self.limits.chunk);
                    Response::json(200, &convert::sync_answer_document(&answer))
                }
                Media::Cbor => Response::cbor(200, open.replica.answer_encoded(&asked, self.limits.chunk)),
            })
        })))
    }

    /// The same answer, with what the clock says.
    fn with_now(&self, answer: Response) -> Response {
        answer.with_header(NOW_HEADER, self.host.now_ms().to_string())
    }

    fn changes<'a>(&'a self, request: &'a Request, from: Option<DeviceId>) -> Result<Work<'a>, Failure> {
        if request.media()? != Media::Cbor {
            return Err(Failure::media_type());
        }
        let asker = request.asker()?;
        Ok(Work::Write(Box::new(move |open| {
            let answer = |merged: &Merged| match request.accepted() {
                Media::Json => Response::json(200, merged),
                Media::Cbor => Response::cbor(200, merged.to_cbor()),
            };
            let is_answer = SyncAnswer::peek(&request.body).is_ok();
            let decoded = if is_answer {
                open.replica.decode_answer(&request.body)
            } else {
                open.replica.decode(&request.body, from).map(|batch| SyncAnswer { batch, ..SyncAnswer::default() })
            };
            let sent = match decoded {
                Ok(sent) => sent,
                // A live change about something that is not here: it will be asked for. What was asked for has to be
                // asked for in other words.
                Err(DecodeError::Unresolved) if !is_answer => {
                    return Ok(Effect::Nothing(answer(&Merged { gap: true, ..Merged::default() })));
                }
                Err(DecodeError::Unresolved) => return Err(Failure::unresolved()),
                Err(error) => return Err(Failure::undecodable(&error)),
            };
            let now = self.host.now_ms();
            let applied = open
                .replica
                .apply(Batch { asker, ..sent.batch.clone() }, now)
                .map_err(|error| Failure::undecodable(&error))?;
            let is_news = applied.is_news();
            // What a peer pushes by itself is no answer to be gone on from.
            let is_asked = is_answer && sent.next.is_none() && asker == Some(open.replica.device());
            let next = if is_asked { open.replica.following(&sent, is_news, self.salt()) } else { None };
            // Nor does it end a sync that began under another id of this device: it is to begin again.
            let is_void = is_answer && asker.is_some_and(|asker| asker != open.replica.device());
            let is_apart = is_void || is_asked && next.is_none() && open.replica.is_apart(&sent);
            let answer = answer(&Merged { gap: applied.gap || is_apart, ask: next.map(|next| Base64(next.encode())) });
            let fresh = Batch { changes: applied.fresh, vector: applied.vector, ahead: applied.ahead, asker: None };
            let effect = match is_news {
                true => Effect::Write { record: fresh.at(now), from, answer },
                false => Effect::Nothing(answer),
            };
            Ok(if applied.has_namesake { Effect::Renew(Box::new(effect), false) } else { effect })
        })))
    }

    fn salt(&self) -> u64 {
        u64::from_be_bytes(self.host.random())
    }

    /// Makes a local edit, and the answer from the replica after it.
    fn edit(
        &self,
        open: &mut OpenRoom,
        object: ObjectId,
        ops: Vec<Op>,
        answer: &dyn Fn(&Replica) -> Response,
    ) -> Result<Effect, Failure> {
        let now = self.host.now_ms();
        let change = convert::edit(&mut open.replica, object, ops, now)?;
        Ok(Effect::Write { record: Batch::live(vec![change]).at(now), from: None, answer: answer(&open.replica) })
    }

    /// The same of a task or section for which others move over.
    fn place(
        &self,
        open: &mut OpenRoom,
        object: ObjectId,
        (ops, moved): (Vec<Op>, &[(ObjectId, Position)]),
        answer: &dyn Fn(&Replica) -> Response,
    ) -> Result<Effect, Failure> {
        let mut effect = self.edit(open, object, ops, answer)?;
        // After the edit, which may be refused.
        if let Effect::Write { record, .. } = &mut effect {
            record.batch.changes.extend(open.replica.make_room(moved));
        }
        Ok(effect)
    }

    /// What a room has waited for.
    fn tend(&self, open: &mut OpenRoom) -> Result<Effect, Failure> {
        let record = open.replica.tend(self.host.now_ms()).map_err(|error| Failure::invalid(&sentence(&error)))?;
        Ok(Effect::Write { record, from: None, answer: Response::no_content() })
    }

    /// Answers from the room as it is stored now.
    // Not generic over the closure, and neither is `write`: a state machine is large, and there would be one for each route.
    async fn read(
        &self,
        room: RoomId,
        answer: &dyn Fn(&mut OpenRoom) -> Result<Response, Failure>,
    ) -> Result<Response, Failure> {
        let place = self.slot(room);
        let mut slot = place.lock().await;
        let mut open = self.current(slot.take(), room).await?;
        if open.replica.is_due(self.host.now_ms()) {
            *slot = Some(open);
            drop(slot);
            // Where it cannot be stored, what had to wait goes on waiting.
            let _ = self.write(room, &|_| Ok(Effect::Nothing(Response::no_content())), false).await;
            slot = place.lock().await;
            open = self.current(slot.take(), room).await?;
        }
        let result = answer(&mut open);
        *slot = Some(open);
        result
    }

    /// Lets `change` change the replica, and makes durable what it did. If it fails, it must have changed nothing.
    ///
    /// The room in memory is trusted at first: if it is not what is stored, the write is refused by the store. What would
    /// be answered without writing is decided on what is stored now.
    ///
    /// Edits are stored in groups ([`OpenRoom::enlist`]): whoever has made his in memory goes back to the end of the queue, and
    /// stores those of all who made theirs by the time it is his turn again, unless somebody else has. An edit alone waits for
    /// nobody.
    async fn write(
        &self,
        room: RoomId,
        change: &dyn Fn(&mut OpenRoom) -> Result<Effect, Failure>,
        is_edit: bool,
    ) -> Result<Response, Failure> {
        let place = self.slot(room);
        let mut slot = place.lock().await;
        let (mut is_current, mut is_alone) = (false, !is_edit);
        for _ in 0..MAX_ATTEMPTS {
            let is_due = |open: &OpenRoom| open.replica.is_due(self.host.now_ms());
            // The room leaves its slot: whichever way this ends early, what is not stored is not kept.
            let mut open = match slot.take() {
                Some(open) if !is_current && (!open.has_group() || !is_alone && !is_due(&open)) => open,
                open => {
                    is_current = true;
                    self.current(open, room).await?
                }
            };
            // Before anything else: it is dated when its time came, and what comes may be later.
            let is_due = is_due(&open);
            let mut effect = if is_due { self.tend(&mut open) } else { change(&mut open) };
            if let Ok(Effect::Renew(write, proved)) = effect {
                if proved || open.may_renew(self.host.now_ms()) {
                    // As it is stored: what was in memory may lack what another worker has written, who
                    // may have taken another key too.
                    let stored = self.current(None, room).await?;
                    // And without what came. Should this worker end before it has merged that, a
                    // sync brings it again, and the new key is in no doubt.
                    *slot = if stored.head == open.head { self.renew(stored, room).await? } else { Some(stored) };
                    is_current = true;
                    continue;
                }
                effect = Ok(*write);
            }
            let (record, from, answer) = match effect {
                Ok(Effect::Write { record, from, answer }) => (record, from, answer),
                unchanged => {
                    *slot = Some(open);
                    match unchanged {
                        Ok(Effect::Nothing(answer)) if is_current => return Ok(answer),
                        Err(failure) if is_current => return Err(failure),
                        _ => {}
                    }
                    is_current = true;
                    continue;
                }
            };
            let wrong = open.replica.clock_error(self.host.now_ms()).filter(|_| from.is_none());
            let is_stored = open.enlist(record);
            if !is_alone && !is_due && !open.is_group_full(&self.limits) {
                *slot = Some(open);
                drop(slot);
                slot = place.lock().await;
                open = match slot.take() {
                    Some(room) if room.is_in_group(&is_stored) => room,
                    other => {
                        *slot = other;
                        if is_stored.get() {
                            return Ok(with_clock(answer, wrong));
                        }
                        // Nobody else's edit is to fail this one.
                        is_alone = true;
                        continue;
                    }
                };
            }
            let is_shared = open.is_group_shared();
            match self.store_group(&mut open, room, from, is_due).await {
                Ok(true) => *slot = Some(open),
                Ok(false) => {
                    is_current = true;
                    continue;
                }
                Err(_) if is_shared => {
                    is_alone = true;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            if !is_due {
                return Ok(with_clock(answer, wrong));
            }
        }
        Err(Failure::contention())
    }

    /// Makes durable what is in the room's memory only, and tells of it, if it changes anything that is shown. `false` if
    /// another worker wrote meanwhile: then the room has to be read again, as after a failure.
    async fn store_group(
        &self,
        open: &mut OpenRoom,
        room: RoomId,
        from: Option<DeviceId>,
        is_due: bool,
    ) -> Result<bool, StoreError> {
        let Some(mut group) = open.take_group() else { return Ok(true) };
        let renamed = open.replica.room_name().filter(|name| *name != open.name).map(str::to_owned);
        let bytes = group.encode();
        let addition = Addition { record: &bytes, name: renamed.as_deref(), durability: Durability::Strict };
        let Outcome::Written(head) = self.store.append(room, open.head, addition).await? else { return Ok(false) };
        open.wrote(head, renamed.as_deref());
        group.is_stored.set(true);
        if head.is_compaction_due(&self.limits) || open.replica.has_to_purge() {
            self.compact_later(room);
        }
        let batch = &group.record.batch;
        if !batch.changes.is_empty() || is_due {
            let batch = match from {
                _ if batch.changes.is_empty() => Vec::new(),
                // A page may not know of the new key yet, and its sessions not prove the new
                // id.
                None if open.may_renew(self.host.now_ms()) => open.replica.encode_own(batch),
                _ => open.replica.encode_live(batch),
            };
            self.host.announce(Announcement::Changed { room, from, batch });
        }
        if renamed.is_some() {
            self.host.announce(Announcement::Rooms);
        }
        Ok(true)
    }

    fn compact_later(&self, room: RoomId) {
        let mut due = self.due.borrow_mut();
        if !due.contains(&room) {
            due.push(room);
        }
    }

    async fn compact(&self, room: RoomId) -> Result<(), Failure> {
        let slot = self.slot(room);
        let mut slot = slot.lock().await;
        let mut open = self.current(slot.take(), room).await?;
        let rewrite = open.rewrite(&self.limits);
        if let Outcome::Written(head) = self.store.rewrite(room, open.head, &rewrite).await? {
            open.rewrote(head, rewrite);
            *slot = Some(open);
        }
        Ok(())
    }

    /// Brings a room in memory up to what is stored, or reads it.
    async fn current(&self, open: Option<Box<OpenRoom>>, room: RoomId) -> Result<Box<OpenRoom>, Failure> {
        if let Some(mut open) = open
            // Where they cannot be stored, it is for those whose edits they are to try again.
            && let Ok(true) = self.store_group(&mut open, room, None, false).await
        {
            match self.store.read(room, Some(open.head)).await? {
                None => return Ok(open),
                Some(stored) if stored.pages.is_none() => {
                    if open.catch_up(&stored) {
                        return Ok(open);
                    }
                }
                Some(_) => {}
            }
        }
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.store.read(room, None).await?.ok_or(StoreError::NoRoom)?;
            // Read after the content: if another worker gives the device a new key in between, our head is the old one,
            // and nothing can be written on it.
            let record = self.store.room(room).await?.ok_or(StoreError::NoRoom)?;
            let (open, damage) =
                OpenRoom::load(&record, &stored, &|| (self.new_key(), self.host.now_ms()), &self.limits)?;
            let mut open = Box::new(open);
            let Some(damage) = damage else {
                if open.head.is_compaction_due(&self.limits) {
                    self.compact_later(room);
                }
                return Ok(open);
            };
            if let Outcome::Written(head) = self.store.rewrite(room, open.head, &damage).await? {
                open.rewrote(head, damage);
                return Ok(open);
            }
        }
        Err(Failure::contention())
    }

    /// Takes another key in a room, and gives back the room as it is then; `None` if another worker
    /// wrote meanwhile.
    async fn renew(&self, mut open: Box<OpenRoom>, room: RoomId) -> Result<Option<Box<OpenRoom>>, Failure> {
        let renewed = open.renew(self.new_key(), self.host.now_ms(), &self.limits);
        let rewrite = renewed.map_err(|error| Failure::invalid(&sentence(&error)))?;
        let Outcome::Written(head) = self.store.rewrite(room, open.head, &rewrite).await? else { return Ok(None) };
        open.rewrote(head, rewrite);
        self.host.announce(Announcement::Renewed { room });
        Ok(Some(open))
    }

    /// A key for this device in a room. The one place where an identity begins.
    fn new_key(&self) -> DeviceKey {
        DeviceKey::from_random_bytes(self.host.random())
    }

    /// The slot of a room. Makes room for it if necessary: rooms that nobody waits for go, the longest unused first.
    fn slot(&self, room: RoomId) -> Rc<Mutex<Option<Box<OpenRoom>>>> {
        let last_use = self.uses.get() + 1;
        self.uses.set(last_use);
        let mut slots = self.slots.borrow_mut();
        if let Some(slot) = slots.iter_mut().find(|slot| slot.id == room) {
            slot.last_use = last_use;
            return Rc::clone(&slot.room);
        }
        while slots.len() >= MAX_OPEN_ROOMS {
            let idle = slots.iter().enumerate().filter(|(_, slot)| Rc::strong_count(&slot.room) == 1);
            let Some((oldest, _)) = idle.min_by_key(|(_, slot)| slot.last_use) else { break };
            slots.swap_remove(oldest);
        }
        let slot = Slot { id: room, room: Rc::default(), last_use };
        let room = Rc::clone(&slot.room);
        slots.push(slot);
        room
    }
}

/// A page of the tasks of a room: as many as were asked for, or as fit.
fn page(replica: &Replica, query: &TaskQuery) -> Tasks {
    let after = query.next.as_ref().map(|next| (&next.position, next.task));
    let cursor = query.next.as_ref().map_or_else(|| replica.cursor(), |next| next.cursor);
    // One more says whether there is another page.
    let mut listed = replica.list(query.listing, after, query.limit + 1).into_iter();
    let (mut tasks, mut bytes, mut last) = (Vec::new(), 0, None);
    for task in listed.by_ref().take(query.limit).filter_map(|id| replica.task(id)) {
        last = Some((task.position.clone(), task.id));
        let document = convert::task_document(task);
        bytes += convert::json_len(&document);
        tasks.push(document);
        if bytes > MAX_PAGE_BYTES {
            break;
        }
    }
    let last = last.filter(|_| listed.next().is_some());
    let next = last.map(|(position, task)| Next { cursor, listing: query.listing, position, task }.to_string());
    Tasks { tasks, cursor: cursor.to_string(), next, sections: sections_of(replica, query) }
}

/// The sections, where whoever reads the tasks does not know them yet.
fn sections_of(replica: &Replica, query: &TaskQuery) -> Option<Vec<SectionDocument>> {
    let are_news = match query.listing {
        Listing::Since(cursor) => replica.has_sections_since(cursor),
        Listing::Alive => true,
        Listing::Deleted => false,
    };
    if query.next.is_some() || !are_news {
        return None;
    }
    let sections: Vec<_> = replica.sections().into_iter().map(convert::section_document).collect();
    (!sections.is_empty() || query.listing != Listing::Alive).then_some(sections)
}

/// The same answer, with how far the clock is ahead if that is wrong.
fn with_clock(answer: Response, wrong: Option<i64>) -> Response {
    match wrong {
        Some(ahead_ms) => answer.with_header(CLOCK_HEADER, ahead_ms.to_string()),
        None => answer,
    }
}

/// What tells two states of a resource apart.
fn etag(response: &Response) -> String {
    format!("\"{}\"", element_hash(&response.body))
}

/// Refuses to write to a task that is not as the caller has seen it, if the caller cares.
fn check_match(request: &Request, task: &Task) -> Result<(), Failure> {
    let is_seen = request.if_match.is_none() || request.matches(&etag(&task_response(200, Some(task.clone()))));
    if is_seen { Ok(()) } else { Err(Failure::changed_meanwhile()) }
}

fn task_response(status: u16, task: Option<Task>) -> Response {
    match task {
        Some(task) => {
            let response = Response::json(status, &convert::task_document(task));
            let etag = etag(&response);
            response.with_header("etag", etag)
        }
        None => Failure::unknown_task().into(),
    }
}
