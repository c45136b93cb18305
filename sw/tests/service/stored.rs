//! What is stored is what counts, whatever a worker remembers; and what was answered can be read
//! again.

use partyline_core::replica::{MAX_CHANGES, MAX_OPS};

use super::*;

fn some_task(number: u8) -> ObjectId {
    ObjectId::Task(TaskId::from_random_bytes([number; 16]))
}

#[tokio::test]
async fn a_value_back_to_what_an_old_worker_remembers_is_written() {
    let old = Worker::with_room().await;
    let part = format!("/tasks/{}", old.add("a").await.id);
    let new = old.successor();
    new.send("PATCH", &part, json!({ "title": "b" })).await;
    // In the old worker's memory it is "a" still.
    assert_eq!(old.send("PATCH", &part, json!({ "title": "a" })).await.status, 200);
    assert_eq!(new.successor().titles().await, ["a"]);
    // And deleted still, although the other one brought it back.
    old.send("DELETE", &part, Value::Null).await;
    new.send("PATCH", &part, json!({ "title": "c" })).await;
    assert_eq!(old.send("DELETE", &part, Value::Null).await.status, 204);
    assert!(new.successor().titles().await.is_empty());
}

#[tokio::test]
async fn a_log_of_another_length_than_the_head_says_is_damage() {
    let alice = Worker::with_room().await;
    alice.add("a").await;
    let device = alice.device().await;
    let mut stray = Replica::new(DeviceId::from_bytes(*b"a stray........."));
    let change = stray.edit(some_task(7), vec![Op::Title("stray".into())], NOW).unwrap();
    alice.store.tear_log(room_id(), 9, &Batch::live(vec![change]).at(NOW).encode());
    let alice = alice.successor();
    assert_ne!(alice.device().await, device, "a device id of its own for what was put together");
    assert_eq!(alice.titles().await.len(), 2, "nothing that can be read is thrown away");
}

#[tokio::test]
async fn a_log_record_that_is_gone_is_told_and_its_number_not_given_again() {
    let old = Worker::with_room().await;
    old.add("a").await;
    let device = old.device().await;
    let new = old.successor();
    new.host.random.set(1 << 40);
    assert_eq!(new.titles().await, ["a"]);
    old.add("b").await;
    let bobs = old.sync(&VersionVector::new()).await.remove(0).batch;
    // The name of the room is record 1.
    old.store.lose_log(room_id(), 3);
    // The new worker has what was there before in memory, and reads on from there.
    assert_eq!(new.titles().await, ["a"]);
    assert_ne!(new.device().await, device, "a number that was given is not given again");
    assert_eq!(document::<Value>(&new.get("/peer/v1/health").await)["damaged"], 1);
    assert_eq!(document::<Value>(&new.get("/devices").await)["damaged"], 1, "the room’s pages tell");
    new.add("c").await;
    assert_eq!(new.ask(cbor("/changes", bobs.encode())).await.status, 200);
    let mut titles = old.titles().await;
    titles.sort();
    assert_eq!(titles, ["a", "b", "c"], "what another one has comes back");
}

#[tokio::test]
async fn a_page_that_is_gone_is_told() {
    let worker = Worker::with_room().await;
    for number in 0..700 {
        worker.send("POST", "/tasks", json!({ "title": number.to_string(), "notes": "x".repeat(1000) })).await;
        worker.service.tidy().await;
    }
    assert!(worker.store.pages(room_id()).len() >= 2);
    worker.store.lose_page(room_id());
    let worker = worker.successor();
    assert!((1..700).contains(&worker.titles().await.len()));
    assert_eq!(document::<Value>(&worker.get("/peer/v1/health").await)["damaged"], 1);
}

/// Bob's tasks come in chunks, a record each; the one with the first is damaged, the one with his
/// vector is not.
#[tokio::test]
async fn what_was_lost_is_asked_for_again_although_a_later_record_claims_it() {
    let alice = Worker::with_room().await;
    let mut bob = Replica::new(DeviceId::from_bytes(*b"bob............."));
    // His third change overwrites the first: so only the vector says that all is there.
    for (number, title) in [(0, "Bob's"), (1, "Bob's other"), (0, "Bob's, again")] {
        bob.edit(some_task(number), vec![Op::Title(title.into())], NOW).unwrap();
    }
    let asker = Some(alice.device().await.to_string());
    let mut asked = SyncRequest { vector: alice.vector().await, ..SyncRequest::default() };
    loop {
        let answer = bob.answer(&asked, 1);
        let merged = Request { asker: asker.clone(), ..cbor("/changes", answer.encode()) };
        assert_eq!(alice.ask(merged).await.status, 200);
        asked.cursor = answer.next;
        if asked.cursor.is_none() {
            break;
        }
    }
    assert_eq!(alice.vector().await.get(bob.device()), 3);
    // The name of the room is record 1.
    alice.store.tear_log(room_id(), 2, b"torn");
    let alice = alice.successor();
    alice.host.random.set(1 << 40);
    assert_eq!(alice.titles().await.len(), 1);
    assert!(alice.vector().await.get(bob.device()) < 3);
    let asked = SyncRequest { vector: alice.vector().await, ..SyncRequest::default() };
    let missing = bob.answer(&asked, 10_000);
    alice.ask(cbor("/changes", missing.batch.encode())).await;
    assert_eq!(alice.titles().await.len(), 2, "Bob's other task is back");
}

/// As many changes as a batch can have, and as many operations.
#[tokio::test]
async fn the_largest_batch_that_is_taken_can_be_read_again() {
    let alice = Worker::with_room().await;
    let device = alice.device().await;
    let mut bob = Replica::new(DeviceId::from_bytes(*b"bob............."));
    let mut changes = Vec::with_capacity(MAX_CHANGES);
    let labels = (0..64).map(|label| Op::add_label(format!("{label}")));
    changes.push(bob.edit(some_task(1), labels.chain([Op::Title("last".into())]).collect(), NOW).unwrap());
    assert!(changes[0].ops.len() <= MAX_OPS);
    for number in 1..MAX_CHANGES {
        changes.push(bob.edit(ObjectId::Room, vec![Op::Name(number.to_string().into())], NOW).unwrap());
    }
    let merged = alice.ask(cbor("/changes", Batch::live(changes.clone()).encode())).await;
    assert_eq!(merged.status, 200, "{}", text(&merged));
    changes.push(bob.edit(ObjectId::Room, vec![Op::Name("one more".into())], NOW).unwrap());
    problem(&alice.ask(cbor("/changes", Batch::live(changes).encode())).await, 422);

    let alice = alice.successor();
    assert_eq!(alice.device().await, device, "it is not taken for damaged");
    assert_eq!(document::<Value>(&alice.get("").await)["name"], (MAX_CHANGES - 1).to_string());
    assert_eq!(document::<Value>(&alice.get("/peer/v1/health").await).get("damaged"), None);
}

/// A compaction that was due when a worker ended is made by the next one, even if that only reads.
#[tokio::test]
async fn a_compaction_that_was_due_is_not_forgotten() {
    let worker = Worker::with_room().await;
    for number in 0..200 {
        worker.send("POST", "/tasks", json!({ "title": number.to_string(), "notes": "x".repeat(2000) })).await;
    }
    let before = worker.store.head(room_id()).unwrap();
    assert!(before.is_compaction_due(&Limits::default()), "{before:?}");
    let next = worker.successor();
    assert_eq!(next.titles().await.len(), 200);
    next.service.tidy().await;
    let after = next.store.head(room_id()).unwrap();
    assert!(after.records == 0 && after.page_bytes > 0, "{after:?}");
}

#[tokio::test]
async fn text_comes_back_as_it_was_or_is_refused() {
    let worker = Worker::with_room().await;
    for body in [r#"{"title":"\ud800"}"#, r#"{"title":"a\udc00b"}"#, r#"{"title":"\ud83d\ud83d"}"#] {
        problem(&worker.ask(request("POST", "/tasks", body.as_bytes().to_vec())).await, 400);
    }
    for title in ["\u{e9}", "שלום", "\u{1f469}\u{200d}\u{1f467}", "\"quoted\" \\ slashed"] {
        let made =
            worker.send("POST", "/tasks", json!({ "title": title, "notes": format!("{title}\n\t{title}") })).await;
        let made: TaskDocument = document(&made);
        let read: TaskDocument = document(&worker.successor().get(&format!("/tasks/{}", made.id)).await);
        assert_eq!((read.title.as_str(), read.notes), (title, format!("{title}\n\t{title}")));
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_writes_nothing() {
    let worker = Worker::with_room().await;
    let task = worker.add("Buy milk").await;
    let part = format!("/tasks/{}", task.id);
    let writes = worker.store.writes();
    for patch in [json!({}), json!({ "title": "Buy milk", "deleted": false }), json!({ "position": task.position })] {
        let answer = worker.send("PATCH", &part, patch).await;
        assert_eq!((answer.status, worker.store.writes()), (200, writes));
    }
    // The name of the room and the task.
    let vector: Vector = document(&worker.get("/vector").await);
    assert_eq!(vector.values().copied().collect::<Vec<_>>(), [2]);
}
