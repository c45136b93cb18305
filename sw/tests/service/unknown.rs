//! What a later version writes: fields, values and kinds of objects that this one does not know.

use partyline_core::replica::{Field, OtherObject, Unknown, UnknownValue};

use super::*;

const TASK: [u8; 16] = [5; 16];
/// The number of a task's status; a later version has more of them.
const STATUS: u64 = 9;
const REGISTER: u64 = 100 << 4 | 8 | 1;
const ADD: u64 = 100 << 4 | 4 | 2;

fn unknown(field: u64, value: UnknownValue) -> Op {
    Op::Unknown(Box::new(Unknown { field: Field::from_code(field).unwrap(), value }))
}

fn bytes(text: &str) -> UnknownValue {
    UnknownValue::Bytes(text.as_bytes().into())
}

fn task() -> ObjectId {
    ObjectId::Task(TaskId::from_random_bytes(TASK))
}

fn part() -> String {
    format!("/tasks/{}", TaskId::from_random_bytes(TASK))
}

/// A device of a later version, and what it wrote.
fn later() -> (Replica, Batch) {
    let mut later = Replica::new(DeviceId::from_bytes(*b"a later version."));
    let comment = ObjectId::Other(OtherObject::new(9_000, [7; 16]).unwrap());
    let made = [
        later.edit(task(), vec![Op::Title("Buy milk".into()), Op::Notes("Oat".into()), Op::CreatedAt(NOW)], NOW),
        later.edit(task(), vec![unknown(STATUS, UnknownValue::Number(200))], NOW + 1),
        later.edit(task(), vec![unknown(REGISTER, UnknownValue::Number(12)), unknown(ADD, bytes("a photo"))], NOW + 2),
        later.edit(comment, vec![unknown(100 << 4 | 8 | 2, bytes("a comment"))], NOW + 3),
    ];
    let made = made.into_iter().map(Result::unwrap).collect();
    (later, Batch::live(made))
}

/// What a worker sends on to somebody who has nothing: the operations that it does not know, in the order of their fields.
async fn sent_on(worker: &Worker) -> Vec<(ObjectId, Op)> {
    let answers = worker.sync(&VersionVector::new()).await;
    let changes = answers.into_iter().flat_map(|answer| answer.batch.changes);
    let mut ops: Vec<_> =
        changes.flat_map(|change| change.ops.into_iter().map(move |op| (change.object, op))).collect();
    ops.retain(|(_, op)| matches!(op, Op::Unknown(_)));
    ops.sort();
    ops
}

async fn with_what_is_unknown() -> Worker {
    let worker = Worker::with_room().await;
    assert_eq!(worker.ask(cbor("/changes", later().1.encode())).await.status, 200);
    worker
}

#[tokio::test]
async fn it_is_stored_and_sent_on_from_the_log_and_from_pages() {
    let (_, batch) = later();
    let mut all: Vec<(ObjectId, Op)> =
        batch.changes.iter().flat_map(|change| change.ops.iter().map(|op| (change.object, op.clone()))).collect();
    all.retain(|(_, op)| matches!(op, Op::Unknown(_)));
    all.sort();
    assert_eq!(all.len(), 4);
    let worker = with_what_is_unknown().await;
    assert_eq!(sent_on(&worker).await, all);
    assert_eq!(sent_on(&worker.successor()).await, all, "from the log");

    let limits = Limits { log_records: 1, ..Limits::default() };
    let folding = || Worker {
        service: Service::with_limits(worker.store.clone(), worker.host.clone(), limits),
        store: worker.store.clone(),
        host: worker.host.clone(),
    };
    let folder = folding();
    folder.add("Another").await;
    folder.service.tidy().await;
    let stored = worker.store.read(room_id(), None).await.unwrap().unwrap();
    assert!(stored.log.is_empty() && !stored.pages.unwrap().pages.is_empty());
    assert_eq!(sent_on(&worker.successor()).await, all, "from pages");
    // And once more, from pages to pages.
    let folder = folding();
    folder.send("PATCH", &part(), json!({ "notes": "Soy" })).await;
    folder.service.tidy().await;
    assert_eq!(sent_on(&worker.successor()).await, all, "from pages of pages");

    // Another one of this version passes it on as well, and then they have the same.
    let second = Worker::new();
    second.host.random.set(1 << 32);
    second.send("PUT", "", json!({ "secret": SECRET })).await;
    second.exchange(&worker.successor()).await;
    assert_eq!(sent_on(&second).await, all);
}

#[tokio::test]
async fn an_unknown_status_is_open_and_stays() {
    let worker = with_what_is_unknown().await;
    let before = sent_on(&worker).await;
    let read: Value = document(&worker.get(&part()).await);
    assert_eq!((&read["title"], &read["status"]), (&json!("Buy milk"), &json!("open")));
    let listed: Value = document(&worker.get("/tasks").await);
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 1, "another kind of object is no task: {listed}");
    assert_eq!(listed["tasks"][0]["status"], "open");

    // Other fields are written beside it, and whoever puts back what was read claims nothing about it.
    for patch in [
        json!({ "notes": "Soy", "priority": 3 }),
        json!({ "addLabels": ["shop"] }),
        json!({ "title": "Buy soy milk", "status": "open" }),
        json!({ "status": null }),
        Value::Object({
            let mut whole = read.as_object().unwrap().clone();
            whole.retain(|field, _| !["updatedAt", "labels"].contains(&field.as_str()));
            whole.insert("notes".to_owned(), json!("Almond"));
            whole
        }),
    ] {
        let answer = worker.send("PATCH", &part(), patch.clone()).await;
        assert_eq!(answer.status, 200, "{patch}: {}", text(&answer));
        assert_eq!(sent_on(&worker).await, before, "{patch}");
    }
    let after: Value = document(&worker.successor().get(&part()).await);
    assert_eq!(
        (&after["notes"], &after["title"], &after["status"]),
        (&json!("Almond"), &json!("Buy milk"), &json!("open"))
    );

    // Deleted and brought back it is as it was.
    worker.send("DELETE", &part(), Value::Null).await;
    worker.send("PATCH", &part(), json!({ "deleted": false })).await;
    assert_eq!(sent_on(&worker).await, before);
    // A person who says how far the task is has the last word.
    let done: Value = document(&worker.send("PATCH", &part(), json!({ "status": "done" })).await);
    assert_eq!(done["status"], "done");
    let is_status = |op: &Op| matches!(op, Op::Unknown(unknown) if u64::from(unknown.field.code()) == STATUS);
    let now = sent_on(&worker).await;
    assert_eq!(now.len(), before.len() - 1);
    assert!(!now.iter().any(|(_, op)| is_status(op)));
}

#[tokio::test]
async fn it_is_merged_by_what_its_number_says() {
    let worker = with_what_is_unknown().await;
    // A third device overwrites the register, and adds to the set without having seen the other one's addition.
    let mut third = Replica::new(DeviceId::from_bytes(*b"another later..."));
    let ops = vec![unknown(REGISTER, UnknownValue::Number(3)), unknown(ADD, bytes("a drawing"))];
    let change = third.edit(task(), ops, NOW + 60_000).unwrap();
    worker.ask(cbor("/changes", Batch::live(vec![change]).encode())).await;
    let has = sent_on(&worker.successor()).await;
    let values = |field: u64| -> Vec<&UnknownValue> {
        has.iter()
            .filter_map(|(_, op)| match op {
                Op::Unknown(unknown) if u64::from(unknown.field.code()) == field => Some(&unknown.value),
                _ => None,
            })
            .collect()
    };
    assert_eq!(values(REGISTER), [&UnknownValue::Number(3)], "the later write to a register");
    assert_eq!(values(ADD), [&bytes("a drawing"), &bytes("a photo")], "both elements of a set");
}

#[tokio::test]
async fn people_who_look_at_changes_see_that_there_is_more() {
    let worker = with_what_is_unknown().await;
    let answer = worker.send("POST", "/sync", json!({ "vector": {} })).await;
    let answer: Value = document(&answer);
    let changes = answer["batch"]["changes"].as_array().unwrap();
    let ops: Vec<&Value> = changes.iter().flat_map(|change| change["ops"].as_array().unwrap()).collect();
    assert!(ops.contains(&&json!({ "field": "unknown", "value": STATUS.to_string() })), "{answer}");
    assert!(changes.iter().any(|change| change["object"] == "other"), "{answer}");
}
