//! Members of the room that have other software than the devices: some of a later version, and one that lies.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use partyline_core::clock::Stamp;
use partyline_core::id::DeviceId;
use partyline_core::replica::{
    Batch, Change, Digest, Dot, End, Field, MAX_SEQ, ObjectId, Op, OtherObject, Removal, Replica, SyncAnswer,
    SyncRequest, Unknown, UnknownValue, Verdict, VersionVector, element_hash,
};
use partyline_sw::http::Response;

use crate::ledger::{LIAR, NEWER, Registers};
use crate::plan::{Lie, Newer, Plan};
use crate::world::{GENESIS, MOST_QUESTIONS, Source, World, cbor, object, task};

/// How long it takes to get to one.
const LATENCY: u64 = 10;
/// Stamps of a member that lies are at most this far ahead: further ahead is another matter than lying.
const AHEAD: u64 = 30_000;
/// More bytes than any answer to a sync has, in a world whose chunks are small and whose rooms are not large.
const MOST_BYTES: usize = 64 << 10;

/// A member that has no service, but speaks as one.
pub(crate) struct Member {
    by: usize,
    replica: RefCell<Replica>,
    /// What it said to somebody, to say something else to somebody else.
    said: RefCell<Option<Change>>,
    /// The digest of whoever asks it.
    asked: Cell<Option<Digest>>,
    /// How often it has answered in the midst of a lie.
    answers: Cell<u64>,
}

impl Member {
    fn new(by: usize, id: [u8; 16]) -> Self {
        Self {
            by,
            replica: RefCell::new(Replica::new(DeviceId::from_bytes(id))),
            said: RefCell::default(),
            asked: Cell::default(),
            answers: Cell::default(),
        }
    }

    pub(crate) fn id(&self) -> String {
        self.device().to_string()
    }

    fn device(&self) -> DeviceId {
        self.replica.borrow().device()
    }

    /// What it has.
    pub(crate) fn replica(&self) -> Replica {
        self.replica.borrow().clone()
    }

    /// All that it knows.
    fn known(&self) -> Vec<Change> {
        self.replica.borrow().answer(&SyncRequest::default(), usize::MAX).batch.changes
    }

    /// A vector that has everything, and more.
    fn boast(&self, world: &World) -> VersionVector {
        let replica = self.replica.borrow();
        let devices = replica.vector().iter().map(|(device, _)| device);
        let own = world.devices().into_iter().filter_map(|device| device.device_id());
        devices.chain(own).map(|device| (device, replica.vector().get(device) + 1 + world.runtime.below(40))).collect()
    }
}

fn register(code: u64, value: UnknownValue) -> Op {
    Op::Unknown(Box::new(Unknown { field: Field::from_code(code).unwrap(), value }))
}

/// The fields of a later version: a text that is content, a number that is not, and a set.
fn new_text(text: &str) -> Op {
    register(5 << 4 | 8 | 2, UnknownValue::Bytes(text.as_bytes().into()))
}

fn new_number(number: u64) -> Op {
    register(2 << 4 | 1, UnknownValue::Number(number))
}

fn new_element(text: &str) -> Op {
    register(1 << 4 | 4 | 2, UnknownValue::Bytes(text.as_bytes().into()))
}

fn new_removal(removal: Removal) -> Op {
    register(1 << 4 | 4 | 3, UnknownValue::Removal(removal))
}

fn other(number: u8) -> ObjectId {
    ObjectId::Other(OtherObject::new(7, [number; 16]).unwrap())
}

impl World {
    /// Those of a later version come into the room, and whoever lies.
    pub(crate) fn invite(&self, plan: &Plan) {
        let newer = (0..plan.newer).map(|number| (NEWER + number, [0x4e + number as u8; 16]));
        let liar = plan.has_liar.then_some((LIAR, [0x6d; 16]));
        let all = newer.chain(liar).map(|(by, id)| Rc::new(Member::new(by, id)));
        self.members.borrow_mut().extend(all);
    }

    /// The members that have a later version.
    pub(crate) fn newer(&self) -> Vec<Rc<Member>> {
        self.members.borrow().iter().filter(|member| member.by < LIAR).cloned().collect()
    }

    fn now_ms(&self) -> u64 {
        GENESIS + self.runtime.now()
    }

    /// A member of a later version writes what these devices do not know.
    pub(crate) fn write_newer(&self, member: usize, number: u8, what: Newer) {
        let newer = self.newer();
        let Some(member) = newer.get(member % newer.len().max(1)) else { return };
        let mark = format!("n{}", self.runtime.now());
        let about = object(&task(number));
        let (object, ops) = match what {
            Newer::Content => (about, vec![new_text(&mark)]),
            Newer::Number => (about, vec![new_number(self.runtime.below(1 << 40)), new_text(&mark)]),
            Newer::Status => (about, vec![new_status(4 + self.runtime.below(3))]),
            Newer::Add => (about, vec![new_element(["one", "two", "three"][usize::from(number) % 3])]),
            Newer::Remove => {
                let there = Registers::of(&member.replica());
                let of_task = there.elements.iter().filter(|((object, ..), _)| *object == about);
                let removals = of_task.flat_map(|((.., op), stamps)| {
                    let element = match op {
                        Op::Unknown(unknown) => match &unknown.value {
                            UnknownValue::Bytes(bytes) => Some(element_hash(bytes)),
                            _ => None,
                        },
                        _ => None,
                    };
                    let each = stamps.iter().map(move |of| element.map(|element| Removal { element, of: *of }));
                    each.flatten().map(new_removal)
                });
                (about, removals.collect())
            }
            Newer::Object => (other(number % 3), vec![new_text(&mark), new_number(number.into())]),
            Newer::Title => (about, vec![Op::Title(mark.into())]),
        };
        if ops.is_empty() {
            return;
        }
        let change = member.replica.borrow_mut().edit(object, ops, self.now_ms()).unwrap();
        self.ledger.borrow_mut().wrote(member.by, change);
    }

    /// A member of a later version and a device get each what the other one has.
    pub(crate) fn meet(&self, member: usize, device: usize) {
        let newer = self.newer();
        let Some(member) = newer.get(member % newer.len().max(1)).cloned() else { return };
        let Some(page) = self.device(device).page() else { return };
        let world = self.clone();
        self.runtime.spawn(page, async move {
            world.pull(device, &Source::Member(Rc::clone(&member), None)).await;
            world.pull_by(&member, device).await;
        });
    }

    /// A member gets what a device has.
    async fn pull_by(&self, member: &Member, device: usize) -> Option<()> {
        let mut asked = Some(member.replica.borrow().opening());
        let mut questions = 0;
        while let Some(mut request) = asked {
            self.runtime.sleep(LATENCY).await;
            let body = self.question(member, device, request.encode()).await?;
            let Ok(answer) = member.replica.borrow().decode_answer(&body) else {
                if request.in_full {
                    return None;
                }
                request.in_full = true;
                asked = Some(request);
                continue;
            };
            let batch = Batch { asker: Some(member.device()), ..answer.batch.clone() };
            // It may be about a time that has not come yet.
            let is_news = member.replica.borrow_mut().apply(batch, self.now_ms()).ok()?.is_news();
            asked = match answer.next {
                Some(cursor) => Some(SyncRequest { cursor: Some(cursor), ..request }),
                None => member.replica.borrow().following(&answer, is_news, self.runtime.below(u64::MAX)),
            };
            questions += 1;
            if questions > 4 * MOST_QUESTIONS {
                self.ledger.borrow_mut().wrong.push("a member asks without end".to_owned());
                return None;
            }
        }
        Some(())
    }

    /// What a device answers to a question of a member; nothing if it refuses.
    async fn question(&self, member: &Member, device: usize, body: Vec<u8>) -> Option<Vec<u8>> {
        let answer = self.ask(device, cbor("/sync", body, Some(member.id()))).await?;
        if answer.body.len() > MOST_BYTES {
            let what = format!("a question is answered with {} bytes", answer.body.len());
            self.ledger.borrow_mut().wrong.push(what);
        }
        (answer.status == 200).then_some(answer.body)
    }

    /// What a member answers to the question of a device.
    pub(crate) async fn ask_member(&self, member: &Member, request: &SyncRequest, lie: Option<Lie>) -> Response {
        self.runtime.sleep(LATENCY).await;
        let request = SyncRequest::decode(&request.encode()).unwrap();
        let body = match lie {
            None => member.replica.borrow().answer_encoded(&request, 250),
            Some(lie) => self.lying_answer(member, &request, lie),
        };
        Response { status: 200, headers: Vec::new(), body }
    }

    fn lying_answer(&self, member: &Member, request: &SyncRequest, lie: Lie) -> Vec<u8> {
        member.asked.set(request.digest.or(member.asked.get()));
        let answers = member.answers.replace(member.answers.get() + 1);
        let digest = member.replica.borrow().digest(request.day);
        let end = |digest| Some(End { day: request.day, digest });
        let vector = Some(member.boast(self));
        let answer = match lie {
            Lie::Vector => {
                SyncAnswer { batch: Batch { vector, ..Batch::default() }, end: end(digest), ..SyncAnswer::default() }
            }
            Lie::Generous => {
                let batch = Batch { changes: member.known(), vector, ..Batch::default() };
                SyncAnswer { batch, end: end(digest), ..SyncAnswer::default() }
            }
            Lie::Digest => {
                let mut changes = member.known();
                changes.retain(|_| self.runtime.below(2) == 0);
                let batch = Batch { changes, vector, ..Batch::default() };
                SyncAnswer { batch, end: end(member.asked.get().unwrap_or(digest)), ..SyncAnswer::default() }
            }
            // There is no end to what it says it has.
            Lie::Ranges => {
                let mut decoy = Replica::new(member.device());
                let mut asked = request.clone();
                for number in 0..3 + answers % 20 {
                    let id = ObjectId::Other(OtherObject::new(9, [number as u8; 16]).unwrap());
                    let change = decoy.edit(id, vec![new_number(answers)], self.now_ms()).unwrap();
                    self.ledger.borrow_mut().wrote(LIAR, change);
                }
                if asked.ranges.is_some() {
                    asked.digest = None;
                    return decoy.answer_encoded(&asked, 250);
                }
                SyncAnswer {
                    batch: Batch { vector, ..Batch::default() },
                    end: end(decoy.digest(request.day)),
                    ..SyncAnswer::default()
                }
            }
            Lie::Cursor if answers % 8 != 7 => {
                SyncAnswer { next: Some(request.cursor.unwrap_or(0) + 1), left: 1 << 27, ..SyncAnswer::default() }
            }
            _ => SyncAnswer { verdict: Some(Verdict::Same), ..SyncAnswer::default() },
        };
        answer.encode()
    }

    /// The member that lies does so to a device, and first it looks at what there is.
    pub(crate) fn lie(&self, device: usize, victim: usize, number: u8, lie: Lie) {
        let Some(member) = self.members.borrow().iter().find(|member| member.by >= LIAR).cloned() else { return };
        let Some(page) = self.device(device).page() else { return };
        let world = self.clone();
        self.runtime.spawn(page, async move {
            world.pull_by(&member, device).await;
            match lie {
                Lie::Same | Lie::Vector | Lie::Generous | Lie::Digest | Lie::Ranges | Lie::Cursor => {
                    member.answers.set(0);
                    world.pull(device, &Source::Member(member, Some(lie))).await;
                }
                Lie::Questions => world.ask_nonsense(&member, device).await,
                _ => {
                    let Some(victim) = world.device(victim).device_id() else { return };
                    for body in world.lies(&member, victim, object(&task(number)), lie) {
                        world.ask(device, cbor("/changes", body, Some(member.id()))).await;
                    }
                }
            }
        });
    }

    async fn ask_nonsense(&self, member: &Member, device: usize) {
        let request = SyncRequest {
            vector: member.boast(self),
            cursor: Some(self.runtime.below(u64::MAX)),
            day: self.runtime.below(1 << 20),
            ..member.replica.borrow().asking()
        };
        let opening = member.replica.borrow().opening();
        let both =
            [request.encode(), SyncRequest { vector: VersionVector::new(), ..request }.encode(), opening.encode()];
        for body in both {
            self.question(member, device, self.garbled(body.clone())).await;
            self.question(member, device, body).await;
        }
    }

    fn garbled(&self, mut body: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.runtime.below(4) {
            let at = self.runtime.below(body.len() as u64) as usize;
            match self.runtime.below(3) {
                0 => body.truncate(at.max(1)),
                1 => body[at] ^= 1 << self.runtime.below(8),
                _ => body[at] = self.runtime.below(256) as u8,
            }
        }
        body
    }

    /// What it sends without having been asked.
    fn lies(&self, member: &Member, victim: DeviceId, about: ObjectId, lie: Lie) -> Vec<Vec<u8>> {
        let dice = &self.runtime;
        let known = member.known();
        let stamp = |device| Stamp { millis: self.now_ms() + dice.below(AHEAD), counter: 0, device };
        let mark = format!("l{}", dice.below(1 << 40));
        let forged = |device, seq, complete, ops| Change {
            dot: Dot { device, seq },
            stamp: stamp(device),
            object: about,
            complete,
            machine: false,
            ops,
        };
        let next = member.replica.borrow().vector().get(victim) + dice.below(3);
        let text = || vec![Op::Title(mark.as_str().into()), Op::Notes(mark.as_str().into())];
        let by_victim = || {
            let of_victim: Vec<_> = known.iter().filter(|change| change.dot.device == victim).collect();
            of_victim.get(dice.below(of_victim.len().max(1) as u64) as usize).map(|change| (*change).clone())
        };
        let own = member.device();
        let mut is_echo = false;
        let changes = match lie {
            Lie::Number => vec![forged(victim, next.max(1), dice.below(2) == 0, text())],
            Lie::Stamp => {
                let value = if dice.below(2) == 0 { format!("~{mark}") } else { format!(" {mark}") };
                let with = |change: Change| Change { object: about, ops: vec![Op::Title(value.into())], ..change };
                by_victim().map(with).into_iter().collect()
            }
            Lie::TwoFaced => {
                let before = member.said.take().unwrap_or_else(|| forged(own, 1 + dice.below(9), true, text()));
                let object = if dice.below(2) == 0 { before.object } else { about };
                let change = Change { object, ops: text(), ..before };
                member.said.replace(Some(change.clone()));
                vec![change]
            }
            Lie::Part => {
                is_echo = true;
                let part = |change: Change| {
                    let ops = change.ops.into_iter().take(1).collect();
                    Change { ops, complete: true, ..change }
                };
                by_victim().map(part).into_iter().collect()
            }
            Lie::Pieces => {
                is_echo = true;
                known.iter().map(|change| Change { complete: false, ..change.clone() }).collect()
            }
            Lie::Uncounted => vec![forged(own, 1 + dice.below(1 << 40), false, text())],
            Lie::LastNumber => vec![forged(victim, MAX_SEQ - dice.below(2), true, text())],
            Lie::Deletion => vec![forged(victim, next.max(1), true, vec![Op::Deleted])],
            Lie::Removal => {
                let there = Registers::of(&member.replica());
                let removals = there.elements.iter().filter_map(|((object, _, op), stamps)| match op {
                    Op::AddLabel(label) if *object == about => Some((element_hash(label.as_bytes()), stamps.clone())),
                    _ => None,
                });
                let ops = removals.flat_map(|(element, stamps)| {
                    stamps.into_iter().map(move |of| Op::RemoveLabel(Box::new(Removal { element, of })))
                });
                let ops: Vec<Op> = ops.collect();
                if ops.is_empty() { Vec::new() } else { vec![forged(own, 20 + dice.below(9), true, ops)] }
            }
            Lie::Again => {
                is_echo = true;
                known.iter().rev().chain(&known).cloned().collect()
            }
            _ => {
                is_echo = true;
                known.iter().filter(|_| dice.below(2) == 0).cloned().collect()
            }
        };
        if !is_echo {
            changes.iter().for_each(|change| self.ledger.borrow_mut().wrote(LIAR, change.clone()));
        }
        match lie {
            Lie::Unasked => {
                let end = Some(End { day: 0, digest: member.replica.borrow().digest(0) });
                let batch = Batch { changes, vector: Some(member.boast(self)), ..Batch::default() };
                vec![SyncAnswer { batch, end, ..SyncAnswer::default() }.encode()]
            }
            Lie::Garbage => {
                let whole = Batch::live(changes).encode();
                let garbled = (0..6).map(|_| self.garbled(whole.clone()));
                garbled.filter(|body| self.is_on_record(body)).collect()
            }
            _ => vec![Batch::live(changes).encode()],
        }
    }

    /// Notes what bytes say that came about by chance, if anything. `false` if what they say depends on who reads them, or
    /// is about another time.
    fn is_on_record(&self, body: &[u8]) -> bool {
        use partyline_core::replica::DecodeError;
        match Batch::decode(body) {
            Ok(batch) => {
                let latest = self.now_ms() + AHEAD;
                let is_now = batch.changes.iter().all(|change| change.stamp.millis <= latest);
                if is_now {
                    batch.changes.into_iter().for_each(|change| self.ledger.borrow_mut().wrote(LIAR, change));
                }
                is_now
            }
            Err(DecodeError::Unresolved) => false,
            Err(_) => true,
        }
    }
}

fn new_status(number: u64) -> Op {
    register(8 | 1, UnknownValue::Number(number))
}
