//! Devices that share a room: each with a disk, workers, a page and a clock of its own, and a bad network in between.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use partyline_core::api::{CBOR, Edited, Health, Merged, TaskDocument, Tasks, read};
use partyline_core::id::{DeviceId, RoomId, TaskId};
use partyline_core::replica::{Batch, ObjectId, Op, Replica, SyncAnswer, SyncRequest, Verdict};
use partyline_sw::host::{Announcement, Host};
use partyline_sw::http::{Request, Response};
use partyline_sw::service::Service;
use partyline_sw::store::Limits;
use tokio::sync::oneshot;

use crate::disk::{Content, Disk, Loss};
use crate::ledger::{Ledger, Registers};
use crate::members::Member;
use crate::net::{Connections, Net};
use crate::oracle::Oracle;
use crate::plan::{Edit, Lie, Plan, PutBack, Step};
use crate::runtime::{Group, Runtime};

const ROOM: &str = "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f";
pub(crate) const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// When the world begins, in Unix milliseconds.
pub(crate) const GENESIS: u64 = 1_790_000_000_000;
/// How long somebody waits for an answer of a peer.
const PATIENCE: u64 = 2_000;
/// How many questions a pull may take, chunks apart.
pub(crate) const MOST_QUESTIONS: usize = 64;
/// How long a crew may talk until everybody has everything.
const SETTLING: u64 = 20_000;
/// How long a crew may take to be whole again, and how long a part of that is.
const REUNION: u64 = 300_000;
/// So many times as long where some pages show other rooms and ask the phone book rarely.
const AWAY: u64 = 6;
const WHILE: u64 = 1_000;
/// Small, so that a few dozen edits fill logs, pages and chunks.
const LIMITS: Limits = Limits { log_records: 6, log_bytes: 400, page: 300, chunk: 250 };
/// What devices are called, and which tasks and labels there are.
const NAMES: [&str; 8] = ["Alice", "Bob", "Carol", "Dave", "Erin", "Frank", "Grace", "Heidi"];
pub(crate) const TASKS: u8 = 6;
const LABELS: [&str; 3] = ["red", "green", "blue"];

/// A clock, randomness and an ear.
#[derive(Clone)]
struct SimHost {
    device: Rc<Device>,
    world: World,
}

impl Host for SimHost {
    fn now_ms(&self) -> u64 {
        self.device.now(&self.world.runtime)
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.world.runtime.below(256) as u8;
        }
        bytes
    }

    fn normalize(&self, text: &str) -> String {
        text.to_owned()
    }

    fn announce(&self, announcement: Announcement) {
        let (from, batch) = match announcement {
            Announcement::Changed { from, batch, .. } => (from, batch),
            Announcement::Rooms => return,
            Announcement::Renewed { .. } => return self.world.renewed(&self.device),
        };
        let Some(page) = self.device.page.get() else { return };
        if self.world.net.is_some() {
            return self.world.changed(self.device.number, from, batch);
        }
        let from = from.map(|from| from.to_string());
        for (other, peer) in self.world.devices().into_iter().enumerate() {
            if Some(peer.id()) != from && self.world.is_linked(self.device.number, other) {
                let (world, number, batch) = (self.world.clone(), self.device.number, batch.clone());
                self.world.runtime.spawn(page, async move {
                    world.push(number, other, batch).await;
                });
            }
        }
    }
}

type Worker = Rc<Service<Disk, SimHost>>;

/// One device.
pub(crate) struct Device {
    number: usize,
    pub(crate) disk: Disk,
    /// The service workers that run: usually one, and two while an update takes place.
    workers: RefCell<Vec<(Group, Worker)>>,
    page: Cell<Option<Group>>,
    /// How far its clock is from the world's, in milliseconds, and how much it gains in a million.
    offset: Cell<i64>,
    drift: i64,
    backup: RefCell<Option<(Content, Option<Connections>)>>,
    /// A worker that is only asked to read, and what a page has from it.
    reader: RefCell<Option<(Group, Worker)>>,
    read: RefCell<Option<(String, BTreeMap<String, TaskDocument>)>>,
    /// Under which id it said what it is called.
    named: Cell<Option<DeviceId>>,
}

impl Device {
    fn new(world: &World, number: usize) -> Self {
        Self {
            number,
            disk: Disk::new(world.runtime.clone(), number, Rc::clone(&world.ledger)),
            workers: RefCell::default(),
            page: Cell::new(Some(world.runtime.group())),
            offset: Cell::new(world.runtime.below(2_000) as i64 - 1_000),
            drift: world.runtime.below(400) as i64 - 200,
            backup: RefCell::default(),
            reader: RefCell::default(),
            read: RefCell::default(),
            named: Cell::default(),
        }
    }

    fn now(&self, runtime: &Runtime) -> u64 {
        let passed = runtime.now() as i64;
        (GENESIS as i64 + passed + passed * self.drift / 1_000_000 + self.offset.get()).max(0) as u64
    }

    /// Its id in the room.
    pub(crate) fn device_id(&self) -> Option<DeviceId> {
        self.disk.kept(room()).map(|kept| kept.device)
    }

    /// The same, as peers know it.
    pub(crate) fn id(&self) -> String {
        self.device_id().map(|id| id.to_string()).unwrap_or_default()
    }

    pub(crate) fn page(&self) -> Option<Group> {
        self.page.get()
    }
}

/// Everything.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    devices: Rc<RefCell<Vec<Rc<Device>>>>,
    /// Each direction by itself: who is sent to, and how long that takes.
    links: Rc<RefCell<BTreeMap<(usize, usize), u64>>>,
    pulling: Rc<RefCell<BTreeSet<(usize, usize)>>>,
    pub(crate) ledger: Rc<RefCell<Ledger>>,
    /// What finds connections, where they do not come and go by themselves.
    pub(crate) net: Option<Rc<RefCell<Net>>>,
    marks: Rc<Cell<u32>>,
    /// Edits that are under way.
    editing: Rc<Cell<u32>>,
    /// How far a clock ever was from the world's, in milliseconds.
    furthest: Rc<Cell<u64>>,
    /// What becomes of the clocks at the end.
    ending: Ending,
    /// Who is in the room with something else than these devices' software.
    pub(crate) members: Rc<RefCell<Vec<Rc<Member>>>>,
}

pub(crate) fn room() -> RoomId {
    RoomId::parse(ROOM).unwrap()
}

pub(crate) fn task(number: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{:02x}", number % TASKS)
}

pub(crate) fn object(task: &str) -> ObjectId {
    ObjectId::Task(TaskId::parse(task).unwrap())
}

pub(crate) fn path(part: &str) -> String {
    format!("/peer/v1/rooms/{ROOM}{part}")
}

pub(crate) fn json(method: &str, part: &str, body: String) -> Request {
    Request { method: method.to_owned(), path: path(part), body: body.into_bytes(), ..Request::default() }
}

pub(crate) fn cbor(part: &str, body: Vec<u8>, device: Option<String>) -> Request {
    let media = Some(CBOR.to_owned());
    let accept = media.clone();
    Request {
        method: "POST".to_owned(),
        path: path(part),
        body,
        accept,
        content_type: media,
        device,
        asker: None,
        if_match: None,
    }
}

pub(crate) fn has_gap(answer: &Response) -> bool {
    answer.status == 200 && Merged::from_cbor(&answer.body).is_some_and(|merged| merged.gap)
}

impl World {
    /// A world of so many devices that are in the room and know nothing of each other. They have to find each other if they
    /// are a crew `at_large`; otherwise links come and go.
    pub(crate) fn new(plan: &Plan) -> Self {
        let Plan { seed, devices, at_large, .. } = *plan;
        let mut world = Self {
            runtime: Runtime::new(seed),
            devices: Rc::default(),
            links: Rc::default(),
            pulling: Rc::default(),
            ledger: Rc::default(),
            marks: Rc::default(),
            editing: Rc::default(),
            furthest: Rc::default(),
            ending: if at_large { Ending::TimePasses } else { Ending::of(seed) },
            net: None,
            members: Rc::default(),
        };
        world.ledger.borrow_mut().has_liar = plan.has_liar;
        if at_large {
            world.runtime.allow_more();
            world.net = Some(Rc::new(RefCell::new(Net::new(&world, devices, plan.refusing))));
        }
        for number in 0..devices {
            let device = Rc::new(Device::new(&world, number));
            let name = NAMES[device.number];
            world.devices.borrow_mut().push(Rc::clone(&device));
            let begin = world.clone();
            world.runtime.spawn(0, async move {
                let body = format!(r#"{{"secret":"{SECRET}"}}"#);
                begin.ask(number, json("PUT", "", body)).await;
                begin.ask(number, json("PUT", "/device", format!(r#"{{"name":"{name}"}}"#))).await;
            });
        }
        world.runtime.run_for(200);
        for device in world.devices() {
            device.named.set(device.disk.kept(room()).map(|kept| kept.device));
        }
        world.invite(plan);
        for device in world.devices() {
            if let Some(page) = device.page.get() {
                world.open_net(device.number, page);
            }
        }
        world
    }

    pub(crate) fn devices(&self) -> Vec<Rc<Device>> {
        self.devices.borrow().clone()
    }

    pub(crate) fn device(&self, number: usize) -> Rc<Device> {
        Rc::clone(&self.devices.borrow()[number % self.devices.borrow().len()])
    }

    fn is_linked(&self, from: usize, to: usize) -> bool {
        self.links.borrow().contains_key(&(from, to))
    }

    /// A fetch on a device: any of its workers answers, and one is started if none runs. `None` if it is killed before.
    pub(crate) async fn ask(&self, number: usize, request: Request) -> Option<Response> {
        let device = self.device(number);
        if device.workers.borrow().is_empty() {
            self.start_worker(&device);
        }
        let (group, worker) = {
            let workers = device.workers.borrow();
            workers[self.runtime.below(workers.len() as u64) as usize].clone()
        };
        let (sender, answer) = oneshot::channel();
        self.runtime.spawn(group, async move {
            let answer = worker.handle(&request).await;
            let _ = sender.send(answer);
            worker.tidy().await;
        });
        answer.await.ok()
    }

    fn start_worker(&self, device: &Rc<Device>) {
        let host = SimHost { device: Rc::clone(device), world: self.clone() };
        let service = Rc::new(Service::with_limits(device.disk.clone(), host, LIMITS));
        device.workers.borrow_mut().push((self.runtime.group(), service));
    }

    fn kill_workers(&self, device: &Device) {
        for (group, _) in device.workers.take() {
            self.runtime.kill(group);
        }
    }

    /// With those that only read.
    fn kill_all_workers(&self, device: &Device) {
        self.kill_workers(device);
        // The browser begins anew, and so does every page.
        device.read.replace(None);
        if let Some((group, _)) = device.reader.take() {
            self.runtime.kill(group);
        }
    }

    /// A page reads by a worker that does nothing else: what nobody writes meanwhile, it shows.
    fn read(&self, device: &Rc<Device>, task: String) {
        let (group, worker) = device
            .reader
            .borrow_mut()
            .get_or_insert_with(|| {
                let host = SimHost { device: Rc::clone(device), world: self.clone() };
                let service = Service::with_limits(device.disk.reader(), host, LIMITS);
                (self.runtime.group(), Rc::new(service))
            })
            .clone();
        let (world, device) = (self.clone(), Rc::clone(device));
        self.runtime.spawn(group, async move {
            let head = device.disk.kept(room()).map(|kept| kept.head);
            let one = worker.handle(&json("GET", &format!("/tasks/{task}"), String::new())).await;
            let cursor = device.read.borrow().as_ref().map(|(cursor, _)| cursor.clone());
            let query = cursor.map(|cursor| format!("?since={cursor}")).unwrap_or_default();
            let all = worker.handle(&json("GET", &format!("/tasks{query}"), String::new())).await;
            if all.status == 410 {
                device.read.replace(None);
            }
            if let Ok(Tasks { tasks, cursor, .. }) = read::<Tasks>(&all.body) {
                let mut read = device.read.borrow_mut();
                let (at, seen) = read.get_or_insert_default();
                *at = cursor;
                seen.extend(tasks.into_iter().map(|task| (task.id.clone(), task)));
            }
            // Nobody knows which of the two it is to be while somebody writes.
            let kept = device.disk.kept(room()).filter(|kept| Some(kept.head) == head);
            if let Some(Ok(there)) = kept.map(|kept| kept.replica())
                && all.status == 200
                && one.status < 500
            {
                world.compare(&device, &there, &task, &one);
            }
            worker.tidy().await;
        });
    }

    /// Whether a page has what is there from a worker that only reads.
    fn compare(&self, device: &Device, there: &Replica, task: &str, one: &Response) {
        let expected = there.task(TaskId::parse(task).unwrap());
        let expected = expected.map(|task| (task.title, task.notes, task.deleted));
        let read = read::<TaskDocument>(&one.body).ok().filter(|_| one.status == 200);
        if read.map(|task| (task.title, task.notes, task.deleted)) != expected {
            self.ledger.borrow_mut().wrong.push(format!("a worker that only reads shows another {task}"));
        }
        let of = |id: String, title: String, notes: String| (id, title, notes);
        let expected = there.tasks().into_iter().map(|task| of(task.id.to_string(), task.title, task.notes));
        let expected: BTreeSet<_> = expected.collect();
        let seen = device.read.borrow();
        let seen = seen.iter().flat_map(|(_, seen)| seen.values()).filter(|task| !task.deleted);
        let seen: BTreeSet<_> = seen.map(|task| of(task.id.clone(), task.title.clone(), task.notes.clone())).collect();
        if seen != expected {
            self.ledger.borrow_mut().wrong.push(format!("a page that reads has {seen:?}, where {expected:?} is"));
        }
    }

    /// A request to a peer over whatever lies in between. `None` if it, or its answer, does not arrive.
    async fn ask_peer(&self, from: usize, to: usize, request: Request) -> Option<Response> {
        let world = self.clone();
        let (sender, answer) = oneshot::channel();
        let latency = *self.links.borrow().get(&(from, to))?;
        let page = self.device(to).page.get()?;
        // Twice, now and then: a peer may ask again for what it got.
        let copies = 1 + u64::from(self.runtime.below(20) == 0);
        let sender = Rc::new(Cell::new(Some(sender)));
        for _ in 0..copies {
            let (world, request, sender) = (world.clone(), request.clone(), Rc::clone(&sender));
            self.runtime.spawn(page, async move {
                world.runtime.sleep(latency + world.runtime.below(20)).await;
                if !world.is_linked(from, to) {
                    return;
                }
                let is_push = request.path.ends_with("/changes");
                let Some(answer) = world.ask(to, request).await else { return };
                if is_push && has_gap(&answer) {
                    world.pull_soon(to, from);
                }
                world.runtime.sleep(latency + world.runtime.below(20)).await;
                if world.is_linked(to, from)
                    && let Some(sender) = sender.take()
                {
                    let _ = sender.send(answer);
                }
            });
        }
        self.runtime.within(PATIENCE, answer).await?.ok()
    }

    async fn push(&self, from: usize, to: usize, batch: Vec<u8>) {
        let device = Some(self.device(from).id());
        self.ask_peer(from, to, cbor("/changes", batch, device)).await;
    }

    /// Has a device get what another has, unless it is at it.
    pub(crate) fn pull_soon(&self, to: usize, from: usize) {
        let Some(page) = self.device(to).page.get() else { return };
        if !self.is_linked(to, from) || !self.pulling.borrow_mut().insert((to, from)) {
            return;
        }
        let world = self.clone();
        self.runtime.spawn(page, async move {
            for times in 0..3 {
                if world.pull(to, &Source::Device(from)).await.is_some() || !world.is_linked(to, from) {
                    break;
                }
                world.runtime.sleep(300 << times).await;
            }
            world.pulling.borrow_mut().remove(&(to, from));
        });
    }

    /// Chunk by chunk, each stored before the next is asked for. (Pages ask for the next while one is stored: see `net`.)
    pub(crate) async fn pull(&self, to: usize, from: &Source) -> Option<()> {
        let mut asked = cbor("/sync", Vec::new(), None);
        "GET".clone_into(&mut asked.method);
        let asker = self.device(to).disk.kept(room())?.device;
        let opening = self.ask(to, asked).await.filter(|answer| answer.status == 200)?;
        let mut request = SyncRequest::decode(&opening.body).ok()?;
        let mut questions = 0;
        let losses = || {
            let ledger = self.ledger.borrow();
            (ledger.losses(to), from.device().map(|from| ledger.losses(from)))
        };
        let other = from.device().map(|from| self.device(from));
        let had = other.as_ref().and_then(|other| replica(other).map(|had| Registers::of(&had)));
        let before = losses();
        loop {
            let own = self.device(to).id();
            let theirs = match from {
                Source::Device(from) => self.device(*from).id(),
                Source::Member(member, _) => member.id(),
            };
            let answer = match from {
                Source::Device(from) => self.ask_peer(to, *from, cbor("/sync", request.encode(), Some(own))).await?,
                Source::Member(member, lie) => self.ask_member(member, &request, *lie).await,
            };
            let (progress, _) = SyncAnswer::peek(&answer.body).ok().filter(|_| answer.status == 200)?;
            let merge = Request { asker: Some(asker.to_string()), ..cbor("/changes", answer.body, Some(theirs)) };
            let merged = self.ask(to, merge).await?;
            match merged.status {
                200 => {}
                // A task has another name by now.
                409 if !request.in_full => {
                    request.in_full = true;
                    continue;
                }
                _ => return None,
            }
            match progress.next {
                None => {
                    let Merged { gap, ask, .. } = Merged::from_cbor(&merged.body)?;
                    let Some(ask) = ask else {
                        // Otherwise they are to sync again.
                        let has_all = !gap && losses() == before;
                        if let (true, Some(had), Some(has), Some(from)) =
                            (has_all, &had, replica(&self.device(to)), from.device())
                        {
                            self.ledger.borrow_mut().met(NAMES[to], &has, NAMES[from], had);
                        }
                        return Some(());
                    };
                    questions += 1;
                    if questions > MOST_QUESTIONS {
                        // With whoever lies, it gives up.
                        if !matches!(from, Source::Member(_, Some(_))) {
                            self.ledger.borrow_mut().wrong.push("a pull never ends".to_owned());
                        }
                        return None;
                    }
                    request = SyncRequest::decode(&ask.0).ok()?;
                }
                Some(next) if request.cursor.is_some_and(|cursor| next <= cursor) => return None,
                next => request.cursor = next,
            }
        }
    }

    /// How often storage was lost on either of two.
    pub(crate) fn losses(&self, one: usize, other: usize) -> (usize, usize) {
        let ledger = self.ledger.borrow();
        (ledger.losses(one), ledger.losses(other))
    }

    /// What a device has on its disk; `None` if that is damaged, or nothing.
    pub(crate) fn replica_of(&self, number: usize) -> Option<Replica> {
        replica(&self.device(number))
    }

    /// One has got from another what was missing, which had all this when it was asked.
    pub(crate) fn note_meeting(&self, one: usize, has: &Replica, other: usize, had: &Registers) {
        self.ledger.borrow_mut().met(NAMES[one], has, NAMES[other], had);
    }

    fn link(&self, one: usize, other: usize, latency: u64) {
        for pair in [(one, other), (other, one)] {
            self.links.borrow_mut().insert(pair, latency);
        }
        self.pull_soon(one, other);
        self.pull_soon(other, one);
    }

    fn cut(&self, one: usize, other: usize) {
        self.links.borrow_mut().remove(&(one, other));
    }

    /// One thing happens.
    pub(crate) fn act(&self, step: &Step) {
        self.runtime.shake(step.entropy());
        let count = self.devices.borrow().len();
        let pair = |one: u8, other: u8| {
            let one = usize::from(one) % count;
            (one, (one + 1 + usize::from(other) % (count - 1)) % count)
        };
        match *step {
            Step::Edit { device, edit, .. } => self.edit(usize::from(device) % count, edit),
            Step::Link { one, other, latency, .. } => {
                let (one, other) = pair(one, other);
                match &self.net {
                    Some(net) => {
                        self.wall(net, one, other, false);
                        self.wall(net, other, one, false);
                    }
                    None => self.link(one, other, latency.into()),
                }
            }
            Step::Cut { one, other, one_way, .. } => {
                let (one, other) = pair(one, other);
                for (from, to) in [(one, other), (other, one)].into_iter().take(if one_way { 1 } else { 2 }) {
                    match &self.net {
                        Some(net) => self.wall(net, from, to, true),
                        None => self.cut(from, to),
                    }
                }
            }
            Step::Travel { device, site, .. } => self.travel(usize::from(device) % count, site.into()),
            Step::PhoneBook { is_alive, .. } => self.phone_book(is_alive),
            Step::Show { device, is_visible, .. } => self.show(usize::from(device) % count, is_visible),
            Step::Turn { device, is_away, .. } => self.turn(usize::from(device) % count, is_away),
            Step::Network { device, is_there, .. } => self.network(usize::from(device) % count, is_there),
            Step::Sleep { device, seconds, .. } => self.nap(usize::from(device) % count, u64::from(seconds) * 1_000),
            Step::Pair { one, other, .. } => {
                let (one, other) = pair(one, other);
                self.pair(one, other);
            }
            Step::KillWorker { device, .. } => self.kill_workers(&self.device(device.into())),
            Step::UpdateWorker { device, .. } => {
                let device = self.device(device.into());
                if device.workers.borrow().len() < 2 {
                    self.start_worker(&device);
                }
            }
            Step::ClosePage { device, .. } => self.close_page(&self.device(device.into())),
            Step::OpenPage { device, .. } => self.open_page(&self.device(device.into())),
            Step::JumpClock { device, seconds, .. } => {
                let device = self.device(device.into());
                device.offset.set(device.offset.get() + i64::from(seconds) * 1_000);
                if device.offset.get() > 29 * 86_400_000 {
                    self.ledger.borrow_mut().is_trash_emptied = true;
                }
                self.furthest.set(self.furthest.get().max(device.offset.get().unsigned_abs()));
            }
            Step::FailDisk { device, count, .. } => self.device(device.into()).disk.fail(count.into()),
            Step::LosePower { device, .. } => {
                let device = self.device(device.into());
                self.close_page(&device);
                self.kill_all_workers(&device);
                device.disk.lose_power();
            }
            Step::TearDisk { device, .. } => self.lose(&self.device(device.into()), false, Loss::Torn),
            Step::BackUp { device, .. } => {
                let device = self.device(device.into());
                device.backup.replace(Some((device.disk.content(), self.connections(device.number))));
            }
            Step::PutBack { device, what, .. } => self.put_back(&self.device(device.into()), what),
            Step::Copy { device, .. } => self.copy(&self.device(device.into())),
            Step::LoseRecord { device, is_open, .. } => self.lose(&self.device(device.into()), is_open, Loss::Gone),
            Step::Read { device, task: number, .. } => self.read(&self.device(device.into()), task(number)),
            Step::Newer { member, task, what, .. } => self.write_newer(member.into(), task, what),
            Step::Meet { member, device, .. } => self.meet(member.into(), usize::from(device) % count),
            Step::Lie { device, victim, task, lie, .. } => {
                self.lie(usize::from(device) % count, usize::from(victim) % count, task, lie);
            }
            Step::Wait { .. } => {}
        }
        self.runtime.run_for(step.lasts());
        self.check(false);
    }

    fn close_page(&self, device: &Device) {
        if let Some(page) = device.page.take() {
            self.runtime.kill(page);
            self.close_net(device.number);
        }
        self.pulling.borrow_mut().retain(|(to, _)| *to != device.number);
        self.links.borrow_mut().retain(|(one, other), _| *one != device.number && *other != device.number);
    }

    fn open_page(&self, device: &Device) {
        if device.page.get().is_none() {
            let page = self.runtime.group();
            device.page.set(Some(page));
            self.open_net(device.number, page);
        }
    }

    /// A device's disk, or a part of it, is as it was when it was backed up.
    fn put_back(&self, device: &Rc<Device>, what: PutBack) {
        let Some((content, connections)) = device.backup.borrow().clone() else { return };
        self.close_page(device);
        self.kill_all_workers(device);
        if what != PutBack::Connections {
            let others = self.others(device);
            device.named.set(None);
            device.disk.put_back(&content);
            let mut ledger = self.ledger.borrow_mut();
            match replica(device) {
                Some(left) => ledger.went_back(device.number, &others, &left),
                // It was damaged when it was backed up.
                None => ledger.damaged(device.number, &others),
            }
        }
        if let (PutBack::Everything | PutBack::Connections, Some(connections)) = (what, connections) {
            self.put_back_connections(device.number, &connections);
        }
        self.open_page(device);
    }

    /// There is one more device, with all that this one has on its disk.
    fn copy(&self, device: &Rc<Device>) {
        let number = self.devices.borrow().len();
        let Some(replica) = replica(device).filter(|_| number < NAMES.len()) else { return };
        for owner in [device.number, number] {
            self.ledger.borrow_mut().relives(owner, &replica);
        }
        let copy = Device::new(self, number);
        copy.disk.put_back(&device.disk.content());
        copy.named.set(device.named.get());
        self.devices.borrow_mut().push(Rc::new(copy));
    }

    /// A device has taken another key: its page begins anew with it.
    fn renewed(&self, device: &Rc<Device>) {
        self.ledger.borrow_mut().renewed(device.number, device.named.get());
        device.named.set(device.named.get().and_then(|_| device.disk.kept(room()).map(|kept| kept.device)));
        if self.net.is_some() && device.page.get().is_some() {
            let (world, device) = (self.clone(), Rc::clone(device));
            // Not at once: it is in the midst of an answer to this page.
            self.runtime.spawn(0, async move {
                world.close_page(&device);
                world.open_page(&device);
            });
        }
    }

    /// What every other member has.
    fn others(&self, device: &Device) -> Vec<Replica> {
        let devices = self.devices();
        let others = devices.iter().filter(|other| other.number != device.number).filter_map(replica);
        others.chain(self.newer().iter().map(|member| member.replica())).collect()
    }

    /// Something on a disk is damaged, or gone.
    fn lose(&self, device: &Rc<Device>, is_open: bool, loss: Loss) {
        // Browsers find damage when they open a database, not while they have it open. What is gone another worker may find
        // that begins meanwhile.
        if !is_open {
            self.kill_all_workers(device);
        }
        if self.net.is_some() {
            // The page of a room that is set up anew is loaded anew.
            self.close_page(device);
        }
        let others = self.others(device);
        if device.disk.lose_part(room(), loss, is_open) {
            device.named.set(None);
            self.ledger.borrow_mut().damaged(device.number, &others);
        }
    }

    fn edit(&self, number: usize, edit: Edit) {
        self.marks.set(self.marks.get() + 1);
        let mark = format!("m{}", self.marks.get());
        let written = || vec![Op::Title(format!("t{mark}").into()), Op::Notes(mark.as_str().into())];
        let noted = || vec![Op::Notes(mark.as_str().into())];
        let place = |to: u8| match to {
            0..60 => r#""position":"80""#.to_owned(),
            60..80 => r#""after":null"#.to_owned(),
            _ => format!(r#""after":"{}""#, task(to)),
        };
        // Half of the tasks begin at one position, where others have to make room.
        let new = |at: u8| {
            let place = if at.is_multiple_of(2) { r#","position":"80""# } else { "" };
            format!(r#"{{"id":"{}","title":"t{mark}","notes":"{mark}"{place}}}"#, task(at))
        };
        let (request, said, chosen) = match edit {
            // Every other time as several edits in one request: the task is changed, or added if it is not there.
            Edit::Write { task: at } if self.marks.get().is_multiple_of(2) => {
                let patch = format!(r#"{{"id":"{}","title":"t{mark}","notes":"{mark}"}}"#, task(at));
                let body = format!(r#"{{"edits":[{{"patch":{patch}}},{{"add":{}}}]}}"#, new(at));
                (json("POST", "/edits", body), written(), at)
            }
            Edit::Write { task: at } => {
                let body = format!(r#"{{"title":"t{mark}","notes":"{mark}"}}"#);
                (json("PATCH", &format!("/tasks/{}", task(at)), body), written(), at)
            }
            Edit::Delete { task: at, deleted: true } => {
                (json("DELETE", &format!("/tasks/{}", task(at)), String::new()), Vec::new(), at)
            }
            Edit::Delete { task: at, .. } => {
                let body = format!(r#"{{"deleted":false,"title":"t{mark}","notes":"{mark}"}}"#);
                (json("PATCH", &format!("/tasks/{}", task(at)), body), written(), at)
            }
            Edit::Label { task: at, labels } => {
                let named = LABELS.iter().enumerate().filter(|(bit, _)| labels >> bit & 1 == 1);
                let named: Vec<String> = named.map(|(_, label)| format!("\"{label}\"")).collect();
                let body = format!(r#"{{"labels":[{}],"notes":"{mark}"}}"#, named.join(","));
                (json("PATCH", &format!("/tasks/{}", task(at)), body), noted(), at)
            }
            Edit::Move { task: at, to } => {
                let body = format!(r#"{{{},"notes":"{mark}"}}"#, place(to));
                (json("PATCH", &format!("/tasks/{}", task(at)), body), noted(), at)
            }
            Edit::Place { task: at, to } => {
                (json("PATCH", &format!("/tasks/{}", task(at)), format!("{{{}}}", place(to))), Vec::new(), at)
            }
            Edit::Status { task: at, status } => {
                let status = ["open", "doing", "blocked", "done"][usize::from(status) % 4];
                let body = format!(r#"{{"status":"{status}","notes":"{mark}"}}"#);
                (json("PATCH", &format!("/tasks/{}", task(at)), body), noted(), at)
            }
        };
        let has_mark = !matches!(edit, Edit::Place { .. });
        let create = json("POST", "/tasks", new(chosen));
        let world = self.clone();
        self.editing.set(self.editing.get() + 1);
        let created = written();
        // Whoever edits is in a tab: what it was told before it closed, it was told.
        self.runtime.spawn(0, async move {
            let mut answer = world.ask(number, request).await;
            if answer.as_ref().is_some_and(|answer| answer.status == 404) {
                answer = world.ask(number, create).await;
            }
            // Of several edits one was made, or they count for none.
            let is_made =
                |answer: &Response| read::<Edited>(&answer.body).map_or(true, |edited| edited.refused.len() < 2);
            match answer.filter(is_made).map(|answer| answer.status) {
                Some(201) => world.ledger.borrow_mut().acknowledge(&mark, &created),
                Some(200) if has_mark => world.ledger.borrow_mut().acknowledge(&mark, &said),
                Some(204) => world.ledger.borrow_mut().acknowledge_deletion(number, object(&task(chosen))),
                _ => {}
            }
            world.editing.set(world.editing.get() - 1);
        });
    }

    /// Looks at every disk as a worker that starts now would.
    fn check(&self, everything: bool) {
        for device in self.devices() {
            if (device.disk.was_touched() || everything)
                && let Some(replica) = replica(&device)
            {
                self.ledger.borrow_mut().check(NAMES[device.number], device.number, &replica, everything);
            }
        }
    }

    /// Tells a device how far its clock is ahead.
    fn tell_clock(&self, number: usize, ahead_ms: i64) {
        let world = self.clone();
        self.runtime.spawn(0, async move {
            let answer = world.ask(number, json("PUT", "/clock", ahead_ms.to_string())).await;
            if answer.is_none_or(|answer| answer.status != 204) {
                world.ledger.borrow_mut().wrong.push(format!("{} is not told of its clock", NAMES[number]));
            }
        });
        self.runtime.run_for(200);
    }

    /// Whoever lost something was told, or is when the room is opened.
    fn check_reports(&self) {
        let world = self.clone();
        self.runtime.spawn(0, async move {
            for device in world.devices() {
                let health = Request { path: "/peer/v1/health".to_owned(), ..json("GET", "", String::new()) };
                let health = world.ask(device.number, health).await.map(|answer| read::<Health>(&answer.body));
                let is_told = matches!(health, Some(Ok(health)) if health.damaged > 0 || !device.disk.has_lost());
                if !is_told {
                    world.ledger.borrow_mut().wrong.push(format!("{} was not told of a loss", NAMES[device.number]));
                }
            }
        });
        self.runtime.run_for(200);
    }

    /// Nobody holds on to anybody any more.
    pub(crate) fn end(&self) {
        self.runtime.end();
        for device in self.devices.take() {
            device.workers.take();
        }
    }

    /// Whether all have the same, and one more sync would bring nothing to anybody.
    fn is_even(&self) -> bool {
        let replicas: Vec<_> = self.devices().iter().filter_map(replica).collect();
        replicas.len() == self.devices().len() && are_at_rest(&replicas)
    }

    /// All trouble ends, and everybody gets to everybody: then all are equal, and nothing is missing. What was wrong is in the
    /// ledger.
    pub(crate) fn settle(&self) -> Ledger {
        let devices = self.devices();
        for device in &devices {
            device.disk.fail(0);
            if replica(device).is_none() {
                // Whoever begins anew puts it together.
                self.kill_all_workers(device);
            }
            self.open_page(device);
            if matches!(self.ending, Ending::Told | Ending::Known) {
                // Others say so, or the person has noticed.
                if self.ending == Ending::Told {
                    self.tell_clock(device.number, device.offset.get());
                }
                device.offset.set(0);
                self.tell_clock(device.number, 0);
            }
        }
        if self.ending == Ending::TimePasses {
            devices.iter().for_each(|device| device.offset.set(0));
            // What was written far ahead waits until its time comes.
            self.runtime.run_for(self.furthest.get());
        }
        if let Some(net) = &self.net {
            self.peace(net);
            let until = self.runtime.now() + REUNION * if self.is_anybody_away(net) { AWAY } else { 1 };
            while self.editing.get() > 0 || !(self.is_mesh(net) && self.is_even()) {
                self.help(net);
                self.runtime.run_for(WHILE);
                if self.runtime.now() > until {
                    let missing = if self.is_mesh(net) { "talk" } else { "connect" };
                    self.ledger.borrow_mut().wrong.push(format!("they do not {missing}"));
                    break;
                }
            }
            self.ledger.borrow_mut().wrong.extend(self.wrong_with_net());
        }
        for round in 0..if self.net.is_some() { 0 } else { 2 * devices.len() } {
            for (one, other) in (0..devices.len()).flat_map(|one| (0..one).map(move |other| (one, other))) {
                self.link(one, other, 5);
            }
            for device in 0..devices.len() {
                if matches!(self.ending, Ending::Told | Ending::Known) {
                    self.tell_clock(device, 0);
                }
                for member in 0..self.newer().len() {
                    self.meet(member, device);
                }
                // It may go on with that, as long as it says in the end what it has to say.
                if round < devices.len() {
                    self.lie(device, round, round as u8, Lie::draw(&self.runtime));
                }
            }
            if !self.runtime.run_out(SETTLING) {
                self.ledger.borrow_mut().wrong.push("they never stop talking".to_owned());
                break;
            }
        }
        self.check(true);
        self.check_reports();
        // Nothing may have been stored for long. What was in the trash is dropped when that is read.
        let now = |device: &Rc<Device>| {
            let mut replica = replica(device)?;
            replica.apply(Batch::default(), device.now(&self.runtime)).ok().map(|_| replica)
        };
        let mut replicas: Vec<Replica> = devices.iter().filter_map(now).collect();
        let mut ledger = std::mem::take(&mut *self.ledger.borrow_mut());
        if replicas.len() != devices.len() {
            ledger.wrong.push("a room cannot be read at the end".to_owned());
        }
        replicas.extend(self.newer().iter().map(|member| member.replica()));
        if !are_at_rest(&replicas) {
            ledger.wrong.push("another sync brings something".to_owned());
        }
        let oracle = Oracle::new(&ledger);
        let judged = replicas.iter().enumerate().flat_map(|(number, replica)| {
            let name = if number < devices.len() { NAMES[number].to_owned() } else { format!("member {number}") };
            let ids = devices.iter().filter_map(|device| device.disk.kept(room())).map(|kept| kept.device);
            let mut wrong = oracle.judge(&name, replica);
            wrong.extend(names(&ids.collect::<Vec<_>>(), &devices, &ledger, replica));
            wrong
        });
        let judged: Vec<String> = judged.collect();
        ledger.wrong.extend(judged);
        if let Some((first, others)) = replicas.split_first() {
            for other in others {
                // Of what was deleted some have dropped the values, who were ahead in time.
                // Of what waits by one's clock, each shows what it has got besides.
                let waiting: BTreeSet<ObjectId> =
                    first.held().chain(other.held()).map(|change| change.object).collect();
                let shown = |replica: &Replica| -> Vec<_> {
                    let tasks = replica.tasks_since(0).into_iter();
                    let tasks = tasks.filter(|task| !waiting.contains(&ObjectId::Task(task.id)));
                    tasks.map(|task| (task.id, task.deleted, Some(task).filter(|task| !task.deleted))).collect()
                };
                if shown(other) != shown(first) {
                    ledger.wrong.push(format!(
                        "lists differ: {:?} and {:?}",
                        first.tasks_since(0),
                        other.tasks_since(0)
                    ));
                }
            }
        }
        for device in &devices {
            if let Some(kept) = device.disk.kept(room())
                && kept.log.len() > 3 * LIMITS.log_records as usize
            {
                ledger.wrong.push(format!("{} has {} log records", NAMES[device.number], kept.log.len()));
            }
        }
        ledger
    }
}

/// Whether those are in the list who took other keys, and what they were is not. Whoever lies may call anybody anything.
fn names(ids: &[DeviceId], devices: &[Rc<Device>], ledger: &Ledger, replica: &Replica) -> Vec<String> {
    if ledger.has_liar {
        return Vec::new();
    }
    let listed: BTreeSet<DeviceId> = replica.devices().map(|(device, _)| device).collect();
    // That it is given up waits where it was said under a clock that was far ahead.
    let waits = |id: &DeviceId| replica.held().any(|change| change.object == ObjectId::Device(*id));
    let named = devices.iter().filter_map(|device| device.named.get());
    let lacks = named.filter(|id| !listed.contains(id)).map(|id| format!("{id:?} has no name"));
    let retired = devices.iter().flat_map(|device| ledger.retired(device.number));
    let stays = retired.filter(|id| listed.contains(id) && !ids.contains(id) && !waits(id));
    lacks.chain(stays.map(|id| format!("{id:?} is given up, and still in the list"))).collect()
}

/// What becomes of the clocks at the end of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// They are put right, and time passes until they had been.
    TimePasses,
    /// They stay as they are.
    Wrong,
    /// Their devices hear that they are wrong, and then that they are right.
    Told,
    /// Their devices hear only that they are right.
    Known,
}

impl Ending {
    fn of(seed: u64) -> Self {
        match seed % 8 {
            0 | 4 => Self::Wrong,
            2 => Self::Told,
            6 => Self::Known,
            _ => Self::TimePasses,
        }
    }
}

/// Whom a device asks for what it lacks.
pub(crate) enum Source {
    Device(usize),
    /// A member with other software, and how it lies if it does.
    Member(Rc<Member>, Option<Lie>),
}

impl Source {
    fn device(&self) -> Option<usize> {
        match self {
            Self::Device(number) => Some(*number),
            Self::Member(..) => None,
        }
    }
}

/// Whether another sync brings nothing to any of them, and costs next to nothing.
fn are_at_rest(replicas: &[Replica]) -> bool {
    replicas.iter().all(|one| replicas.iter().all(|other| is_at_rest(one, other)))
}

/// Whether the second says to the first that they have the same: at once, or on the later day up to which it has dropped
/// values.
fn is_at_rest(one: &Replica, other: &Replica) -> bool {
    const MOST_BYTES: usize = 100;
    let mut asked = one.opening();
    for _ in 0..2 {
        let question = asked.encode();
        let answer = other.answer_encoded(&asked, 1 << 20);
        let read = SyncAnswer::decode(&answer).unwrap();
        match read.verdict {
            Some(Verdict::Same) => return question.len() + answer.len() < MOST_BYTES,
            // Of an empty room there is nothing to say.
            None if one.vector().is_empty() => return read.batch.changes.is_empty(),
            _ => {}
        }
        let Some(next) = one.following(&read, false, 0).filter(|next| next.day > asked.day) else { return false };
        asked = next;
    }
    false
}

/// What a device has on its disk; `None` if that is damaged, or nothing.
fn replica(device: &Rc<Device>) -> Option<Replica> {
    device.disk.kept(room())?.replica().ok()
}
