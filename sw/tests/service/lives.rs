//! A device that has more lives than one: its storage is put back from a backup, or copied while
//! both go on.

use partyline_core::api::PROVED;

use super::*;

const HOUR: u64 = 60 * 60 * 1000;

/// Two that are in the same room.
async fn two() -> (Worker, Worker) {
    let (alice, bob) = (Worker::with_room().await, joined(1 << 32).await);
    alice.send("PUT", "/device", json!({ "name": "Alice's laptop" })).await;
    (alice, bob)
}

/// Another member.
async fn joined(random: u64) -> Worker {
    let worker = Worker::new();
    worker.host.random.set(random);
    assert_eq!(worker.send("PUT", "", json!({ "secret": SECRET })).await.status, 201);
    worker
}

/// What the storage is now, on a machine of its own.
fn copied(worker: &Worker, random: u64) -> Worker {
    let copy = Worker::on(&worker.store.copy(), &TestHost::default());
    copy.host.random.set(random);
    copy.host.now.set(worker.host.now.get());
    copy
}

/// How often the tabs were told that this device has taken another key.
fn renewals(worker: &Worker) -> usize {
    worker.heard().into_iter().filter(|heard| matches!(heard, Announcement::Renewed { .. })).count()
}

/// What a device calls itself, as another one sees it.
async fn name_of(seen_by: &Worker, device: DeviceId) -> Option<String> {
    let devices: Value = document(&seen_by.get("/devices").await);
    let mut devices = devices["devices"].as_array().unwrap().iter();
    let device = devices.find(|known| known["id"] == device.to_string())?;
    Some(device["name"].as_str().unwrap().to_owned())
}

/// What a member pushes by itself.
async fn push(to: &Worker, from: DeviceId, batch: &Batch) {
    let pushed = Request { device: Some(from.to_string()), ..cbor("/changes", batch.encode()) };
    let merged = to.ask(pushed).await;
    assert_eq!(merged.status, 200, "{}", text(&merged));
}

/// What a page says that has met somebody with this key, or has heard of one.
fn key(device: DeviceId, proved: bool) -> Request {
    let body = if proved { PROVED.to_vec() } else { Vec::new() };
    Request { asker: Some(device.to_string()), ..request("POST", "/key", body) }
}

async fn doubt(worker: &Worker, device: DeviceId, proved: bool) {
    let doubted = worker.ask(key(device, proved)).await;
    assert_eq!(doubted.status, 204, "{}", text(&doubted));
}

#[tokio::test]
async fn a_device_that_was_put_back_goes_on_as_another_one_of_the_same_name() {
    let (alice, bob) = two().await;
    alice.add("before").await;
    alice.exchange(&bob).await;
    let backup = copied(&alice, 1 << 40);
    let before = alice.device().await;
    alice.add("after the backup").await;
    alice.exchange(&bob).await;
    assert_eq!(renewals(&alice), 0);

    let alice = backup;
    alice.add("after it was put back").await;
    assert_eq!(renewals(&alice), 0, "it cannot know yet");
    alice.exchange(&bob).await;
    let after = alice.device().await;
    assert_ne!(after, before);
    assert_eq!(renewals(&alice), 1);
    assert_eq!(bob.titles().await.len(), 3);
    assert_eq!(name_of(&bob, after).await.as_deref(), Some("Alice's laptop"));
    assert_eq!(name_of(&bob, before).await, None, "there is one laptop");
    assert!(bob.vector().await.get(before) > 0, "what it wrote counts");

    // That is that, whatever is still written, and whoever of the two asks.
    alice.add("and on").await;
    bob.add("Bob's").await;
    alice.exchange(&bob).await;
    let alice = alice.successor();
    assert_eq!((alice.device().await, renewals(&alice), renewals(&bob)), (after, 0, 0));
    assert_eq!(alice.titles().await.len(), 5);
}

#[tokio::test]
async fn one_that_has_written_nothing_since_it_was_put_back_notices_it_as_well() {
    let (alice, bob) = two().await;
    let backup = copied(&alice, 1 << 40);
    alice.add("after the backup").await;
    bob.pull(&alice).await;
    let before = backup.device().await;
    backup.pull(&bob).await;
    assert_ne!(backup.device().await, before);
    backup.exchange(&bob).await;
    assert_eq!((renewals(&backup), backup.titles().await.len()), (1, 1));
}

/// What it wrote after the backup is overwritten: only its numbers are used.
#[tokio::test]
async fn one_of_whose_last_edits_nothing_is_left_notices_it_as_well() {
    let (alice, bob) = two().await;
    let task = alice.add("Paint").await.id;
    alice.exchange(&bob).await;
    let (backup, before) = (copied(&alice, 1 << 40), alice.device().await);
    for (worker, notes) in [(&alice, "Blue"), (&bob, "Red")] {
        bob.pull(&alice).await;
        worker.send("PATCH", &format!("/tasks/{task}"), json!({ "notes": notes })).await;
    }
    backup.exchange(&bob).await;
    assert_ne!(backup.device().await, before);
    backup.add("after it was put back").await;
    backup.exchange(&bob).await;
    assert_eq!((renewals(&backup), renewals(&bob), bob.titles().await.len()), (1, 0, 2));
}

#[tokio::test]
async fn a_third_member_is_enough_to_notice_it() {
    let (alice, bob) = two().await;
    let carol = joined(1 << 33).await;
    let backup = copied(&alice, 1 << 40);
    alice.add("after the backup").await;
    bob.pull(&alice).await;
    carol.pull(&bob).await;
    let before = backup.device().await;
    backup.add("after it was put back").await;
    backup.exchange(&carol).await;
    assert_ne!(backup.device().await, before);
    carol.exchange(&bob).await;
    assert_eq!(bob.titles().await.len(), 2);
}

#[tokio::test]
async fn a_change_that_is_pushed_is_enough_to_notice_it() {
    let (alice, bob) = two().await;
    let before = alice.device().await;
    let mut other = Replica::new(before);
    let task = ObjectId::Task(TaskId::from_random_bytes([7; 16]));
    let change = other.edit(task, vec![Op::Title("of the other life".into())], NOW + 1).unwrap();
    push(&alice, bob.device().await, &Batch::live(vec![change])).await;
    assert_ne!(alice.device().await, before);
    assert_eq!((renewals(&alice), alice.titles().await), (1, vec!["of the other life".to_owned()]));
}

#[tokio::test]
async fn two_copies_and_a_third_member_have_everything_and_ids_of_their_own() {
    let (laptop, carol) = two().await;
    laptop.add("before").await;
    carol.pull(&laptop).await;
    let copy = copied(&laptop, 1 << 40);
    for number in 0..3 {
        laptop.add(&format!("on the old laptop {number}")).await;
        copy.add(&format!("on the new laptop {number}")).await;
    }
    for _ in 0..2 {
        laptop.exchange(&carol).await;
        copy.exchange(&carol).await;
    }
    laptop.exchange(&carol).await;
    let devices = [laptop.device().await, copy.device().await, carol.device().await];
    assert!(devices[0] != devices[1] && devices[1] != devices[2] && devices[0] != devices[2]);
    assert_eq!(carol.titles().await.len(), 7);
    // From here on they are three devices like any others.
    for worker in [&laptop, &copy, &carol] {
        worker.heard();
        worker.add("and on").await;
    }
    laptop.exchange(&copy).await;
    copy.exchange(&carol).await;
    laptop.exchange(&carol).await;
    assert_eq!((carol.titles().await.len(), laptop.titles().await.len()), (10, 10));
    assert_eq!([renewals(&laptop), renewals(&copy), renewals(&carol)], [0; 3]);
    for device in [laptop.device().await, copy.device().await] {
        assert_eq!(name_of(&carol, device).await.as_deref(), Some("Alice's laptop"));
    }
}

/// Copies write under the same numbers: what each of them deletes, labels and moves is about the
/// tasks that it saw.
#[tokio::test]
async fn what_two_copies_wrote_under_the_same_numbers_lands_where_it_was_meant() {
    let (laptop, carol) = two().await;
    let task = laptop.add("shared").await.id;
    carol.pull(&laptop).await;
    let copy = copied(&laptop, 1 << 40);
    laptop.host.now.set(NOW + 1_000);
    copy.host.now.set(NOW + 2_000);
    let part = format!("/tasks/{task}");
    laptop.send("PATCH", &part, json!({ "addLabels": ["old"], "notes": "laptop" })).await;
    copy.send("PATCH", &part, json!({ "addLabels": ["new"], "assignee": "copy" })).await;
    let (one, two) = (laptop.add("laptop's").await.id, copy.add("copy's").await.id);
    laptop.send("PATCH", &format!("/tasks/{one}"), json!({ "status": "done" })).await;
    copy.send("PATCH", &format!("/tasks/{two}"), json!({ "priority": 3 })).await;
    for _ in 0..2 {
        copy.exchange(&carol).await;
        laptop.exchange(&carol).await;
    }
    copy.exchange(&carol).await;
    for worker in [&laptop, &copy, &carol] {
        let shared: Value = document(&worker.get(&part).await);
        assert_eq!((&shared["labels"], &shared["notes"]), (&json!(["new", "old"]), &json!("laptop")));
        assert_eq!(shared["assignee"], "copy");
        let one: Value = document(&worker.get(&format!("/tasks/{one}")).await);
        assert_eq!((&one["title"], &one["status"], &one["priority"]), (&json!("laptop's"), &json!("done"), &json!(0)));
        let two: Value = document(&worker.get(&format!("/tasks/{two}")).await);
        assert_eq!((&two["title"], &two["status"], &two["priority"]), (&json!("copy's"), &json!("open"), &json!(3)));
    }
}

#[tokio::test]
async fn who_meets_its_own_key_takes_another_one_once() {
    let (alice, bob) = two().await;
    alice.add("before").await;
    let before = alice.device().await;
    let vector = alice.vector().await;
    doubt(&alice, bob.device().await, true).await;
    assert_eq!((alice.device().await, renewals(&alice)), (before, 0), "it is not about this key");
    doubt(&alice, before, true).await;
    let after = alice.device().await;
    assert_ne!(after, before);
    // Another tab, which had met it as well; and one that says it of the key before.
    doubt(&alice, before, true).await;
    doubt(&alice, before, false).await;
    assert_eq!((alice.device().await, renewals(&alice)), (after, 1));
    assert_eq!(alice.vector().await.get(before), vector.get(before) + 1, "and it has no name any more");
    alice.add("after").await;
    assert_eq!(alice.vector().await.get(after), 2, "its name and a task");
    // What is proved needs no rest.
    doubt(&alice, after, true).await;
    assert_ne!(alice.device().await, after);
    alice.exchange(&bob).await;
    assert_eq!(bob.titles().await, ["before", "after"]);
    problem(&alice.ask(Request { asker: Some("nonsense".to_owned()), ..key(after, true) }).await, 400);
    let peer = Some(bob.device().await.to_string());
    problem(&alice.ask(Request { device: peer, ..request("POST", "/key", b"{}".to_vec()) }).await, 403);
}

/// Its last answer ends nothing: what was asked for in the name of the old id was not for the new one.
#[tokio::test]
async fn a_sync_that_began_under_another_id_is_to_begin_again() {
    let (alice, bob) = two().await;
    bob.add("Bob's").await;
    let before = alice.device().await;
    let opening = SyncRequest::decode(&alice.get("/sync").await.body).unwrap();
    let differs = bob.ask(cbor("/sync", opening.encode())).await;
    let merge = |asker: DeviceId| Request { asker: Some(asker.to_string()), ..cbor("/changes", differs.body.clone()) };
    let merged = Merged::from_cbor(&alice.ask(merge(before)).await.body).unwrap();
    assert!(!merged.gap && merged.ask.is_some());
    doubt(&alice, before, true).await;
    let merged = Merged::from_cbor(&alice.ask(merge(before)).await.body).unwrap();
    assert!(merged.gap && merged.ask.is_none());
    let merged = Merged::from_cbor(&alice.ask(merge(alice.device().await)).await.body).unwrap();
    assert!(!merged.gap && merged.ask.is_some());
}

/// Two copies of which neither has written anything, and only one of which has heard of it.
#[tokio::test]
async fn a_copy_finds_out_of_the_other_one_by_its_new_id() {
    let (laptop, carol) = two().await;
    laptop.add("before").await;
    laptop.exchange(&carol).await;
    let copy = copied(&laptop, 1 << 40);
    let before = laptop.device().await;
    doubt(&laptop, before, true).await;
    laptop.exchange(&carol).await;
    copy.exchange(&carol).await;
    assert_ne!(copy.device().await, before);
    for worker in [&laptop, &copy] {
        assert_eq!(name_of(&carol, worker.device().await).await.as_deref(), Some("Alice's laptop"));
    }
    assert_eq!((name_of(&carol, before).await, renewals(&laptop), renewals(&copy)), (None, 1, 1));
}

/// Who says in another's name that it is retired hides it until it says its name again.
#[tokio::test]
async fn nobody_is_retired_away() {
    let (alice, bob) = two().await;
    alice.add("before").await;
    bob.pull(&alice).await;
    let device = alice.device().await;
    let mut lie = Replica::new(DeviceId::from_bytes(*b"mallory........."));
    let change = lie.edit(ObjectId::Device(device), vec![Op::Name("".into())], NOW + 10).unwrap();
    push(&bob, bob.device().await, &Batch::live(vec![change])).await;
    assert_eq!(name_of(&bob, device).await, None);
    alice.exchange(&bob).await;
    assert_eq!((alice.device().await, name_of(&alice, device).await), (device, None));
    alice.send("PUT", "/device", json!({ "name": "Alice's laptop" })).await;
    alice.add("after").await;
    alice.exchange(&bob).await;
    assert_eq!(name_of(&bob, device).await.as_deref(), Some("Alice's laptop"));
    assert_eq!(bob.titles().await, ["before", "after"]);
}

#[tokio::test]
async fn a_member_that_lies_makes_a_device_take_one_key_an_hour() {
    let (alice, bob) = two().await;
    alice.add("Alice's").await;
    let (liar, mut taken) = (DeviceId::from_bytes(*b"mallory........."), Vec::new());
    for number in 0..40_u8 {
        let victim = alice.device().await;
        if taken.last() != Some(&victim) {
            taken.push(victim);
        }
        alice.host.now.set(NOW + u64::from(number) * HOUR / 10);
        let mut lie = Replica::new(victim);
        let task = ObjectId::Task(TaskId::from_random_bytes([number; 16]));
        let change = lie.edit(task, vec![Op::Title("lie".into())], alice.host.now.get()).unwrap();
        push(&alice, liar, &Batch::live(vec![change])).await;
        // The page asks whether to believe it, and leaves its certificate alone if not.
        assert_eq!(document::<Value>(&alice.get("").await)["fresh"], true);
        doubt(&alice, alice.device().await, false).await;
        alice.add("and on").await;
    }
    assert!((2..=5).contains(&taken.len()), "{} keys in four hours", taken.len());
    assert_eq!(renewals(&alice), 4);
    assert!(alice.store.full_reads() <= 10, "{}", alice.store.full_reads());
    bob.host.now.set(alice.host.now.get());
    alice.exchange(&bob).await;
    assert_eq!(bob.titles().await.iter().filter(|title| *title != "lie").count(), 41);
}

#[tokio::test]
async fn what_another_worker_wrote_is_no_other_life() {
    let (old, bob) = two().await;
    old.add("a").await;
    let (device, new) = (old.device().await, old.successor());
    new.add("b").await;
    bob.pull(&new).await;
    // In the old worker's memory its number is free.
    let echo = bob.sync(&VersionVector::new()).await.remove(0).batch;
    push(&old, bob.device().await, &Batch::live(echo.changes)).await;
    assert_eq!((old.device().await, renewals(&old)), (device, 0));
}

/// What is dropped 30 days after a deletion comes back when somebody brings the task back, and it
/// may be one's own.
#[tokio::test]
async fn what_comes_back_from_the_trash_is_no_other_life() {
    let (alice, bob) = two().await;
    let task = alice.add("Paint").await.id;
    alice.send("PATCH", &format!("/tasks/{task}"), json!({ "notes": "Blue" })).await;
    bob.pull(&alice).await;
    let device = alice.device().await;
    alice.send("DELETE", &format!("/tasks/{task}"), Value::Null).await;
    for worker in [&alice, &bob] {
        worker.host.now.set(NOW + 40 * 24 * HOUR);
    }
    alice.add("Sweep").await;
    bob.send("PATCH", &format!("/tasks/{task}"), json!({ "title": "Paint it" })).await;
    alice.exchange(&bob).await;
    let back: Value = document(&alice.get(&format!("/tasks/{task}")).await);
    assert_eq!((&back["title"], &back["notes"]), (&json!("Paint it"), &json!("Blue")));
    assert_eq!((alice.device().await, renewals(&alice)), (device, 0));
}

#[tokio::test]
async fn a_key_that_could_not_be_stored_was_not_taken() {
    let (alice, bob) = two().await;
    let backup = copied(&alice, 1 << 40);
    alice.add("after the backup").await;
    bob.pull(&alice).await;
    let before = backup.device().await;
    backup.store.fail_next_write(StoreError::Quota);
    doubt_fails(&backup, before).await;
    let echo = bob.sync(&VersionVector::new()).await.remove(0).batch;
    backup.store.fail_next_write(StoreError::Quota);
    problem(&backup.ask(cbor("/changes", Batch::live(echo.changes).encode())).await, 507);
    assert_eq!((backup.device().await, backup.titles().await.len(), renewals(&backup)), (before, 0, 0));
    backup.exchange(&bob).await;
    assert_ne!(backup.device().await, before);
}

async fn doubt_fails(worker: &Worker, device: DeviceId) {
    let doubted = worker.ask(key(device, true)).await;
    assert_eq!(problem(&doubted, 507).kind, "urn:partyline:storage-full");
}

/// A page that has not heard of the new key yet sends over sessions that prove the old one.
#[tokio::test]
async fn what_is_written_after_a_renewal_names_its_author() {
    let (alice, bob) = two().await;
    let before = alice.device().await;
    let batch_of = |heard: Vec<Announcement>| {
        heard.into_iter().find_map(|heard| match heard {
            Announcement::Changed { batch, .. } => Some(batch),
            Announcement::Rooms | Announcement::Renewed { .. } => None,
        })
    };
    doubt(&alice, before, true).await;
    alice.heard();
    alice.add("after").await;
    let pushed = Request { device: Some(before.to_string()), ..cbor("/changes", batch_of(alice.heard()).unwrap()) };
    assert_eq!(bob.ask(pushed).await.status, 200);
    let has = |vector: VersionVector, device| vector.iter().any(|(other, _)| other == device);
    assert!(!has(bob.vector().await, before));
    assert_eq!(bob.titles().await, ["after"]);
    alice.exchange(&bob).await;
    // Later the session says who it is.
    alice.host.now.set(NOW + 2 * HOUR);
    alice.add("later").await;
    assert!(Batch::decode(&batch_of(alice.heard()).unwrap()).is_err());
}
