//! Clocks that are wrong: this device's, and others'.

use partyline_core::api::{CLOCK_HEADER, Devices, HeldDocument, NOW_HEADER};
use partyline_core::replica::Change;

use super::*;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// What a device writes whose clock is so far ahead.
fn dated(name: &[u8; 16], number: u8, title: &str, ahead: i64) -> Change {
    let mut replica = Replica::new(DeviceId::from_bytes(*name));
    let task = ObjectId::Task(TaskId::from_random_bytes([number; 16]));
    replica.edit(task, vec![Op::Title(title.into())], NOW.saturating_add_signed(ahead)).unwrap()
}

async fn push(to: &Worker, changes: Vec<Change>) -> Merged {
    let pushed = to.ask(cbor("/changes", Batch::live(changes).encode())).await;
    assert_eq!(pushed.status, 200, "{}", text(&pushed));
    Merged::from_cbor(&pushed.body).unwrap()
}

async fn devices(worker: &Worker) -> Devices {
    document(&worker.get("/devices").await)
}

async fn hear(worker: &Worker, ahead_ms: i64) {
    assert_eq!(worker.send("PUT", "/clock", json!(ahead_ms)).await.status, 204);
}

async fn decide(worker: &Worker, held: &HeldDocument, is_wanted: bool) -> Response {
    let method = if is_wanted { "PUT" } else { "DELETE" };
    worker.ask(request(method, &format!("/held/{}/{}", held.device, held.seq), Vec::new())).await
}

/// Gets all that another one has.
async fn pull(to: &Worker, from: &Worker) {
    for answer in from.sync(&VersionVector::new()).await {
        assert_eq!(to.ask(cbor("/changes", answer.encode())).await.status, 200);
    }
}

#[tokio::test]
async fn a_change_from_the_future_is_held_back_alone() {
    let alice = Worker::with_room().await;
    let ahead = dated(b"fast one........", 5, "Early", 400 * DAY);
    let good = dated(b"good one........", 6, "In time", 600_000);
    assert_eq!(push(&alice, vec![ahead.clone(), good]).await, Merged::default());
    assert_eq!(alice.titles().await, ["In time"]);
    let told = devices(&alice.successor()).await;
    assert_eq!((told.waiting, told.clock), (1, None));
    let held = &told.held[0];
    assert_eq!((held.device.clone(), held.seq), (ahead.dot.device.to_string(), 1));
    assert_eq!((held.ahead_ms, held.title.as_str()), (400 * DAY as u64, "Early"));
    assert_eq!(held.fields, ["title"]);
    // It is passed on to others.
    assert!(alice.sync(&VersionVector::new()).await[0].batch.changes.contains(&ahead));
    // And shows when its time has come, also to those who have read before, and to a worker after this one.
    let before: Tasks = document(&alice.get("/tasks").await);
    alice.host.now.set(NOW + 390 * DAY as u64);
    assert_eq!(alice.titles().await, ["In time"]);
    alice.host.now.set(NOW + 400 * DAY as u64);
    alice.host.heard.borrow_mut().clear();
    let since: Tasks = document(&alice.get(&format!("/tasks?since={}", before.cursor)).await);
    assert_eq!(since.tasks.iter().map(|task| task.title.as_str()).collect::<Vec<_>>(), ["Early"]);
    assert!(alice.heard().iter().any(|heard| matches!(heard, Announcement::Changed { .. })), "other tabs are told");
    assert_eq!(alice.successor().titles().await, alice.titles().await);
    assert_eq!(devices(&alice).await.waiting, 0);
}

#[tokio::test]
async fn what_waits_is_taken_or_dropped_once() {
    let alice = Worker::with_room().await;
    let changes = (1..=3).map(|n| dated(&[n; 16], n, &format!("Early {n}"), 100 * DAY + i64::from(n)));
    push(&alice, changes.collect()).await;
    let held = devices(&alice).await.held;
    assert_eq!(held.iter().map(|held| held.title.as_str()).collect::<Vec<_>>(), ["Early 1", "Early 2", "Early 3"]);
    assert_eq!(decide(&alice, &held[0], true).await.status, 204);
    assert_eq!(decide(&alice, &held[1], false).await.status, 204);
    problem(&decide(&alice, &held[0], true).await, 404);
    problem(&alice.ask(request("PUT", "/held/nobody/1", Vec::new())).await, 404);
    let alice = alice.successor();
    assert_eq!(alice.titles().await, ["Early 1"]);
    assert_eq!(devices(&alice).await.held, [held[2].clone()]);
    // Others learn of it, and what they hold back of it goes as well.
    let bob = Worker::with_room().await;
    push(&bob, (1..=3).map(|n| dated(&[n; 16], n, &format!("Early {n}"), 100 * DAY + i64::from(n))).collect()).await;
    pull(&bob, &alice).await;
    assert_eq!((bob.titles().await, devices(&bob).await.held), (vec!["Early 1".to_owned()], vec![held[2].clone()]));
    bob.host.now.set(NOW + 200 * DAY as u64);
    assert_eq!(bob.titles().await, ["Early 1", "Early 3"]);
}

#[tokio::test]
async fn an_edit_under_a_wrong_clock_is_kept_told_and_dated_anew() {
    for (error, is_told) in [(400 * DAY, false), (400 * DAY, true), (-400 * DAY, true), (5000 - NOW as i64, false)] {
        let (alice, bob) = (Worker::with_room().await, Worker::new());
        bob.host.random.set(1 << 32);
        assert_eq!(bob.send("PUT", "", json!({ "secret": SECRET })).await.status, 201);
        alice.host.now.set(NOW.saturating_add_signed(error));
        let first = alice.send("POST", "/tasks", json!({ "title": "Before anybody said so" })).await;
        assert_eq!(first.status, 201);
        if is_told {
            hear(&alice, error).await;
            let told = alice.send("POST", "/tasks", json!({ "title": "After" })).await;
            assert_eq!((told.status, told.header(CLOCK_HEADER)), (201, Some(error.to_string().as_str())));
            assert_eq!(devices(&alice.successor()).await.clock, Some(error));
            let held = dated(b"somebody........", 9, "Somebody's", 0);
            push(&alice, vec![held]).await;
            if error < 0 {
                let held = &devices(&alice).await.held[0];
                assert_eq!(problem(&decide(&alice, held, false).await, 409).kind, "urn:partyline:wrong-clock");
            }
        }
        pull(&bob, &alice).await;
        let shown = bob.titles().await;
        assert_eq!(shown.iter().any(|title| title != "Somebody's"), error < 0, "{error}: {shown:?}");
        // The clock is put right.
        let alice = alice.successor();
        alice.host.now.set(NOW + 60_000);
        assert_eq!(devices(&alice).await.clock, None);
        hear(&alice, 100).await;
        let now = alice.send("POST", "/tasks", json!({ "title": "Now" })).await;
        assert_eq!(now.header(CLOCK_HEADER), None);
        bob.host.now.set(NOW + 60_000);
        pull(&bob, &alice.successor()).await;
        let tasks: Tasks = document(&bob.get("/tasks").await);
        let mut titles: Vec<&str> = tasks.tasks.iter().map(|task| task.title.as_str()).collect();
        titles.sort_unstable();
        let expected: &[&str] = if is_told {
            &["After", "Before anybody said so", "Now", "Somebody's"]
        } else {
            &["Before anybody said so", "Now"]
        };
        assert_eq!(titles, expected, "{error}");
        assert!(tasks.tasks.iter().all(|task| task.updated_at.starts_with("2026-09-21")), "{error}: {tasks:?}");
        assert_eq!(devices(&bob).await.waiting, 0);
        let written = alice.store.writes();
        hear(&alice, 100).await;
        assert_eq!(alice.store.writes(), written, "there is nothing more to do");
    }
}

#[tokio::test]
async fn peers_are_told_what_the_clock_says_and_cannot_set_it() {
    let alice = Worker::with_room().await;
    let synced = alice.ask(cbor("/sync", SyncRequest::default().encode())).await;
    let pushed = alice.ask(cbor("/changes", Batch::default().encode())).await;
    for answer in [synced, pushed] {
        assert_eq!(answer.header(NOW_HEADER), Some(NOW.to_string().as_str()));
    }
    let peer = Some("00112233445566778899aabbccddeeff".to_owned());
    let held = "/held/000102030405060708090a0b0c0d0e0f/7";
    for (method, part) in [("PUT", "/clock"), ("PUT", held), ("DELETE", held)] {
        let asked = Request { device: peer.clone(), ..request(method, part, b"0".to_vec()) };
        problem(&alice.ask(asked).await, 403);
        problem(&alice.get(part).await, 405);
    }
    for body in [json!("soon"), json!({}), json!(1.5), json!(null)] {
        problem(&alice.send("PUT", "/clock", body).await, 400);
    }
}
