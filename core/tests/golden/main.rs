//! What version 2 writes to disk, to other devices and into links, byte for byte. It must be readable for ever: these
//! files are never written anew. A later format gets files of its own beside them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod session;

use std::collections::BTreeMap;

use partyline_core::connect::{Contact, IceCredentials};
use partyline_core::hand::{Code, Invitation, QR_CHARS, Reply};
use partyline_core::id::{CertHash, DeviceId, Endpoint, RoomId, RoomLink, RoomSecret, TaskId};
use partyline_core::mesh::{Card, Keeping, Neighbour, decode_links, encode_links};
use partyline_core::redial::{decode_kept, encode_kept};
use partyline_core::replica::{
    Batch, Date, DecodeError, Field, ObjectId, Op, OtherObject, Position, Priority, Record, Replica, Status,
    SyncAnswer, SyncRequest, Task, Unknown, UnknownValue, VersionVector,
};

/// 2026-09-21.
const NOON: u64 = 1_790_000_000_000;
const FORMAT_2: &str = include_str!("format-2.txt");

fn golden() -> BTreeMap<&'static str, Vec<u8>> {
    read(FORMAT_2)
}

/// What stands in a file of names and bytes.
fn read(file: &'static str) -> BTreeMap<&'static str, Vec<u8>> {
    let line = |line: &'static str| {
        let (name, hex) = line.split_once(' ').unwrap();
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        (name, bytes.collect())
    };
    file.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

fn task(number: u8) -> ObjectId {
    ObjectId::Task(TaskId::from_random_bytes([number; 16]))
}

/// What a later version may write.
fn unknown(field: u64, value: UnknownValue) -> Op {
    Op::Unknown(Box::new(Unknown { field: Field::from_code(field).unwrap(), value }))
}

/// Every kind of object and of operation, of two devices, some of it overwritten.
fn replicas() -> (Replica, Replica) {
    let mut alice = Replica::new(DeviceId::from_bytes(*b"alice..........."));
    let mut bob = Replica::new(DeviceId::from_bytes(*b"bob............."));
    let first = Position::default();
    let whole = vec![
        Op::Title("Buy milk".into()),
        Op::Notes("Zwei Liter, «haltbar» 🥛".into()),
        Op::Status(Status::Blocked),
        Op::Priority(Priority::HIGHEST),
        Op::Due(Some(Date::new(2026, 10, 25).unwrap())),
        Op::Assignee("Carol".into()),
        Op::Position(Position::parse("8180").unwrap()),
        Op::parent(Some(TaskId::from_random_bytes([2; 16]))),
        Op::CreatedAt(NOON),
        Op::add_label("shop"),
        Op::add_label("urgent"),
    ];
    let made = [
        alice.edit(ObjectId::Room, vec![Op::Name("Home".into())], NOON),
        alice.edit(ObjectId::Device(alice.device()), vec![Op::Name("Alice’s phone".into())], NOON),
        alice.edit(task(1), whole, NOON + 1),
        alice.edit(task(2), vec![Op::Title("Shopping".into()), Op::Position(first), Op::CreatedAt(NOON)], NOON + 2),
        alice.edit(task(3), vec![Op::Title("Sell milk".into()), Op::CreatedAt(NOON)], NOON + 3),
        alice.edit(task(2), vec![unknown(9, UnknownValue::Number(7)), unknown(0x708, UnknownValue::Unit)], NOON + 4),
        alice.edit_by_machine(
            ObjectId::Other(OtherObject::new(3, [7; 16]).unwrap()),
            vec![
                unknown(0x70a, UnknownValue::Bytes((*b"a comment").into())),
                unknown(0x706, UnknownValue::Bytes([1].into())),
            ],
            NOON + 5,
        ),
    ];
    let made = made.into_iter().map(Result::unwrap).collect();
    bob.apply(Batch::live(made), NOON).unwrap();
    bob.edit(task(1), vec![Op::Status(Status::Done), Op::Due(None)], NOON + 70_000).unwrap();
    bob.edit(task(1), vec![Op::remove_label("urgent")], NOON + 70_000).unwrap();
    bob.edit(task(3), vec![Op::Deleted], NOON + 80_000).unwrap();
    bob.edit(task(2), vec![Op::Deleted], NOON + 80_001).unwrap();
    bob.edit(task(2), vec![Op::Alive], NOON + 80_002).unwrap();
    let mut request = SyncRequest { vector: alice.vector().clone(), ..SyncRequest::default() };
    loop {
        let answer = bob.answer(&request, 64 << 10);
        alice.apply(Batch { asker: Some(alice.device()), ..answer.batch }, NOON + 90_000).unwrap();
        request.cursor = answer.next;
        if answer.next.is_none() {
            return (alice, bob);
        }
    }
}

fn contact() -> Contact {
    Contact {
        cert_hash: CertHash::from_bytes([9; 32]),
        credentials: IceCredentials::new("abcd", "0123456789abcdefghijklmn").unwrap(),
        endpoints: ["192.0.2.7:5000", "[2001:db8::7]:5001", "6f0c2a7e-3b1d-4c8e-9f00-112233445566.local:5002"]
            .map(|text| Endpoint::parse(text).unwrap())
            .into(),
    }
}

fn card(from: &Replica, to: &Replica) -> Card {
    Card { from: from.device(), to: to.device(), is_reply: true, links: 3, contact: contact() }
}

fn link() -> RoomLink {
    RoomLink { room: RoomId::from_random_bytes([3; 16]), secret: RoomSecret::from_bytes([4; 32]) }
}

/// A replica that holds back what a clock 400 days ahead has written, and knows its own to be behind; the record of its
/// having heard so; and what somebody sends who has decided about what is held back.
fn wrong_clocks() -> (Replica, Record, Batch) {
    let mut ahead = Replica::new(DeviceId::from_bytes(*b"ahead..........."));
    let early = ahead.edit(task(1), vec![Op::Title("Early".into())], NOON + 400 * 86_400_000).unwrap();
    let mut alice = Replica::new(DeviceId::from_bytes(*b"alice..........."));
    alice.apply(Batch::live(vec![early.clone()]), NOON).unwrap();
    let mut bob = alice.clone();
    let heard = alice.hear_clock(-86_400_000, NOON + 1).unwrap().unwrap();
    bob.go_on_as(DeviceId::from_bytes(*b"bob............."));
    (alice, heard, Batch::live(bob.settle(early.dot, true, NOON + 2).unwrap()))
}

/// What is written today.
fn written() -> BTreeMap<&'static str, Vec<u8>> {
    let (mut alice, bob) = replicas();
    let pages = alice.to_pages(300);
    assert!(pages.added.len() > 2);
    let mut written = BTreeMap::from([
        ("manifest", pages.manifest.clone()),
        ("vector", alice.vector().encode()),
        ("request", SyncRequest { cursor: Some(7), in_full: true, ..bob.asking() }.encode()),
        ("link", link().to_url("https://partyline.example").into_bytes()),
    ]);
    let names = ["page-0", "page-1", "page-2", "page-3", "page-4", "page-5", "page-6", "page-7"];
    assert!(pages.added.len() <= names.len());
    for (page, name) in pages.added.into_iter().zip(names) {
        written.insert(name, page.bytes);
    }
    let all = SyncRequest::default();
    written.insert("answer-first", alice.answer_encoded(&all, 200));
    written.insert("answer-whole", alice.answer_encoded(&all, 64 << 10));
    let from =
        SyncRequest { vector: [(alice.device(), 7)].into_iter().collect::<VersionVector>(), ..SyncRequest::default() };
    written.insert("answer-by-dot", alice.answer_encoded(&from, 64 << 10));
    let live = Batch::live(vec![alice.edit(task(1), vec![Op::Status(Status::Doing)], NOON + 95_000).unwrap()]);
    written.insert("opening", alice.opening().encode());
    written.insert("verdict", alice.answer_encoded(&alice.opening(), 1000));
    let claims = Batch { vector: Some(alice.vector().clone()), asker: Some(bob.device()), ..Batch::default() };
    let mut behind = Replica::new(bob.device());
    behind.apply(claims, NOON).unwrap();
    let mut end = alice.answer(&behind.asking(), 1000);
    for (question, answer) in [("question-1", "ranges-1"), ("question-2", "ranges-2")] {
        let next = behind.following(&end, false, 7).unwrap();
        end = alice.answer(&next, 64 << 10);
        written.insert(question, next.encode());
        written.insert(answer, end.encode());
    }
    written.insert("live", live.encode());
    written.insert("live-short", alice.encode_live(&live));
    written.insert("live-own", alice.encode_own(&live));
    written.insert("live-by-prefix", bob.encode_live(&live));
    let record = Batch { vector: Some(alice.vector().clone()), ..live };
    written.insert("record", record.at(NOON + 95_000).encode());
    let (holding, heard, settled) = wrong_clocks();
    let pages = holding.to_pages(64 << 10);
    written.insert("manifest-held", pages.manifest);
    written.insert("page-held", pages.added.into_iter().map(|page| page.bytes).next().unwrap());
    written.insert("record-clock", heard.encode());
    written.insert("replaced", settled.encode());

    let invitation = Invitation { link: link(), contact: contact(), tag: 77 };
    written.insert("invitation", invitation.to_fragment(QR_CHARS).into_bytes());
    let reply = Reply { room: link().room, tag: 77, contact: contact() };
    written.insert("reply", reply.to_fragment(QR_CHARS).into_bytes());
    written.insert("card", card(&alice, &bob).encode());
    let links = [Neighbour { device: bob.device(), cert_hash: contact().cert_hash, keeping: Keeping::default() }];
    written.insert("links", encode_links(&links));
    written.insert("kept", encode_kept(&[(bob.device(), vec![contact()])]));
    written
}

/// What the room looks like.
fn assert_whole(replica: &Replica) {
    let (alice, _) = replicas();
    assert_eq!(replica.vector(), alice.vector());
    assert_eq!(replica.tasks_since(0), alice.tasks_since(0));
    assert_eq!(replica.devices().collect::<Vec<_>>(), [(alice.device(), "Alice’s phone")]);
    assert_eq!(replica.room_name(), Some("Home"));
    let milk: Task = replica.task(TaskId::from_random_bytes([1; 16])).unwrap();
    assert_eq!((milk.title.as_str(), milk.notes.as_str()), ("Buy milk", "Zwei Liter, «haltbar» 🥛"));
    assert_eq!((milk.status, milk.priority, milk.due), (Status::Done, Priority::HIGHEST, None));
    assert_eq!((milk.assignee.as_str(), milk.labels), ("Carol", vec!["shop".to_owned()]));
    assert_eq!((milk.created_at, milk.updated_at), (NOON, NOON + 70_000));
    assert_eq!(milk.parent, Some(TaskId::from_random_bytes([2; 16])));
    assert!(replica.task(TaskId::from_random_bytes([3; 16])).unwrap().deleted);
}

#[test]
fn what_version_2_stored_is_read() {
    let golden = golden();
    let pages: Vec<(u64, &Vec<u8>)> =
        (0..).map_while(|number| Some((number, golden.get(format!("page-{number}").as_str())?))).collect();
    let mut replica = Replica::from_pages(&golden["manifest"], pages.clone()).unwrap();
    assert_whole(&replica);
    let changes: usize = pages.iter().map(|(_, page)| Replica::changes_of_page(page).unwrap().len()).sum();
    let whole = SyncAnswer::decode(&golden["answer-whole"]).unwrap().batch.changes.len();
    assert_eq!(changes, whole, "also one by one, should the manifest be lost");
    replica.replay(Record::decode(&golden["record"]).unwrap()).unwrap();
    assert_eq!(replica.task(TaskId::from_random_bytes([1; 16])).unwrap().status, Status::Doing);
}

#[test]
fn what_version_2_sends_is_understood() {
    let golden = golden();
    let (alice, bob) = replicas();
    assert_eq!(VersionVector::decode(&golden["vector"]), Ok(alice.vector().clone()));
    let request = SyncRequest::decode(&golden["request"]).unwrap();
    assert_eq!((request.vector, request.cursor, request.in_full), (bob.vector().clone(), Some(7), true));
    let mut carol = Replica::new(DeviceId::from_bytes(*b"carol..........."));
    let first = SyncAnswer::decode(&golden["answer-first"]).unwrap();
    let whole = SyncAnswer::decode(&golden["answer-whole"]).unwrap().batch;
    assert!(first.next.is_some() && first.left == whole.changes.len() as u64);
    carol.apply(first.batch, NOON).unwrap();
    carol.apply(Batch { asker: Some(carol.device()), ..whole }, NOON + 90_000).unwrap();
    assert_whole(&carol);
    let live = Batch::decode(&golden["live"]).unwrap();
    assert_eq!(carol.decode(&golden["live-short"], None).as_ref(), Ok(&live));
    assert_eq!(carol.decode(&golden["live-own"], Some(alice.device())).as_ref(), Ok(&live));
    assert_eq!(carol.decode(&golden["live-own"], Some(bob.device())), Err(DecodeError::Unresolved));
    assert_eq!(carol.decode(&golden["answer-by-dot"], None).unwrap().changes.len(), 4);
    carol.apply(live, NOON + 95_000).unwrap();
    assert_eq!(carol.task(TaskId::from_random_bytes([1; 16])).unwrap().status, Status::Doing);
}

#[test]
fn what_version_2_knows_of_wrong_clocks_is_read() {
    let golden = golden();
    let mut replica = Replica::from_pages(&golden["manifest-held"], [(0, &golden["page-held"])]).unwrap();
    assert_eq!(replica.held().count(), 1);
    assert!(replica.tasks().is_empty());
    assert_eq!(replica.clock_error(NOON + 1), Some(-86_400_000));
    assert_eq!(Record::decode(&golden["record-clock"]).unwrap().clock, Some(-86_400_000));
    replica.apply(Batch::decode(&golden["replaced"]).unwrap(), NOON + 3).unwrap();
    assert_eq!(replica.held().count(), 0);
    assert_eq!(replica.tasks()[0].title, "Early");
}

#[test]
fn links_codes_and_cards_of_version_2_are_read() {
    let golden = golden();
    let text = |name: &str| std::str::from_utf8(&golden[name]).unwrap();
    let (alice, bob) = replicas();
    assert_eq!(RoomLink::parse(text("link")).unwrap(), link());
    let invitation = Invitation { link: link(), tag: 77, contact: contact() };
    assert_eq!(Code::parse(text("invitation")), Ok(Code::Invitation(invitation)));
    let reply = Reply { room: link().room, tag: 77, contact: contact() };
    assert_eq!(Code::parse(text("reply")), Ok(Code::Reply(reply)));
    assert_eq!(Card::decode(&golden["card"]), Ok(card(&alice, &bob)));
    let links = [Neighbour { device: bob.device(), cert_hash: contact().cert_hash, keeping: Keeping::default() }];
    assert_eq!(decode_links(&golden["links"]).unwrap(), links);
    assert_eq!(decode_kept(&golden["kept"]).unwrap(), [(bob.device(), vec![contact()])]);
}

/// Others of version 2 must understand what is written today; it is the same bytes, for there is no reason to write
/// anything else. (Where there is one, this test is what has to change, and the files stay.)
#[test]
fn what_is_written_is_still_version_2() {
    let (golden, written) = (golden(), written());
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (name, bytes) in &written {
        assert_eq!(golden.get(name).map(|golden| hex(golden)), Some(hex(bytes)), "{name}");
    }
    assert_eq!(golden.len(), written.len());
}
