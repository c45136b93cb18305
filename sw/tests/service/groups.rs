//! Edits that come together are stored together, and each is answered as if it had come alone.

use partyline_sw::store::{Addition, Head, Stored};
use tokio::task::{JoinHandle, LocalSet, yield_now};

use super::*;

/// Storage that takes its time, as that of a browser does: others come in between.
#[derive(Debug)]
struct Slow(MemoryStore);

impl Store for Slow {
    async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        self.0.rooms().await
    }

    async fn room(&self, room: RoomId) -> Result<Option<RoomRecord>, StoreError> {
        self.0.room(room).await
    }

    async fn create(&self, record: &RoomRecord, first: Option<&[u8]>) -> Result<bool, StoreError> {
        self.0.create(record, first).await
    }

    async fn remove(&self, room: RoomId) -> Result<bool, StoreError> {
        yield_now().await;
        self.0.remove(room).await
    }

    async fn read(&self, room: RoomId, known: Option<Head>) -> Result<Option<Stored>, StoreError> {
        yield_now().await;
        self.0.read(room, known).await
    }

    async fn append(&self, room: RoomId, on: Head, addition: Addition<'_>) -> Result<Outcome, StoreError> {
        yield_now().await;
        self.0.append(room, on, addition).await
    }

    async fn rewrite(&self, room: RoomId, on: Head, rewrite: &Rewrite) -> Result<Outcome, StoreError> {
        yield_now().await;
        self.0.rewrite(room, on, rewrite).await
    }

    async fn damaged(&self) -> Result<u32, StoreError> {
        self.0.damaged().await
    }

    async fn damaged_in(&self, room: RoomId) -> Result<u32, StoreError> {
        self.0.damaged_in(room).await
    }
}

/// A room on such storage, and another worker on the same, whose own is quick.
struct Slowly {
    service: Rc<Service<Slow, TestHost>>,
    other: Worker,
}

impl Slowly {
    async fn with_room() -> Self {
        let other = Worker::with_room().await;
        let service = Rc::new(Service::new(Slow(other.store.clone()), other.host.clone()));
        Self { service, other }
    }

    /// Begins to answer a request; it goes on whenever somebody waits.
    fn begin(&self, request: Request) -> JoinHandle<Response> {
        let service = Rc::clone(&self.service);
        tokio::task::spawn_local(async move { service.handle(&request).await })
    }

    fn post(&self, title: &str) -> JoinHandle<Response> {
        self.begin(request("POST", "/tasks", json!({ "title": title }).to_string().into_bytes()))
    }

    fn post_many(&self, count: usize) -> Vec<JoinHandle<Response>> {
        (0..count).map(|number| self.post(&format!("Task {number:02}"))).collect()
    }
}

/// Has requests to such a room come together.
async fn play(acts: impl AsyncFnOnce(Slowly)) {
    LocalSet::new().run_until(async { acts(Slowly::with_room().await).await }).await;
}

/// The titles of those that were acknowledged, in their order.
async fn acknowledged(posts: Vec<JoinHandle<Response>>) -> Vec<String> {
    let mut titles = Vec::new();
    for post in posts {
        let response = post.await.unwrap();
        assert_eq!(response.status, 201, "{}", text(&response));
        titles.push(document::<TaskDocument>(&response).title);
    }
    titles
}

#[tokio::test]
async fn fifty_at_once_are_one_write() {
    play(async |room| {
        let (before, _) = (room.other.store.writes(), room.other.heard());
        let titles = acknowledged(room.post_many(50)).await;
        assert_eq!(room.other.store.writes() - before, 1);
        assert_eq!(room.other.titles().await, titles, "stored, and in the order in which they came");
        let (heard, sender) = (room.other.heard(), room.other.device().await);
        let changes = heard.iter().map(|heard| match heard {
            Announcement::Changed { from: None, batch, .. } => {
                bob(&[]).0.decode(batch, Some(sender)).unwrap().changes.len()
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(changes.collect::<Vec<_>>(), [50]);
    })
    .await;
}

/// A request with several edits is one write too. What is refused is told, and the rest is made.
#[tokio::test]
async fn several_edits_in_one_request_are_one_write() {
    let worker = Worker::with_room().await;
    let known = worker.add("known").await;
    let (before, _) = (worker.store.writes(), worker.heard());
    let id = |number: u8| TaskId::from_random_bytes([number; 16]).to_string();
    let edits = json!({ "edits": [
        { "add": { "id": id(1), "title": "Stage" } },
        { "add": { "id": id(2), "title": "Lights", "parent": id(1) } },
        { "add": { "title": " " } },
        { "add": { "id": id(3), "title": "Bar" } },
        { "patch": { "id": known.id, "title": "known by now" } },
        { "patch": { "title": "of none" } },
        { "patch": { "id": id(9), "title": "unknown" } },
        { "patch": { "id": id(3), "after": id(1), "priority": 2 } },
        { "patch": { "id": id(2), "deleted": true } },
    ] });
    let answer = worker.send("POST", "/edits", edits.clone()).await;
    let refused = |answer: &Response| -> Vec<(u64, u64)> {
        let refused = document::<Value>(answer)["refused"].as_array().unwrap().clone();
        refused.iter().map(|one| (one["edit"].as_u64().unwrap(), one["problem"]["status"].as_u64().unwrap())).collect()
    };
    assert_eq!((answer.status, refused(&answer)), (200, vec![(2, 400), (5, 400), (6, 404)]));
    assert_eq!((worker.store.writes() - before, worker.heard().len()), (1, 1));
    for worker in [&worker, &worker.successor()] {
        assert_eq!(worker.titles().await, ["known by now", "Stage", "Bar"]);
    }
    // Sent once more, nothing is doubled: what was deleted stays so.
    let again = worker.send("POST", "/edits", edits).await;
    assert_eq!(refused(&again), [(2, 400), (5, 400), (6, 404)]);
    assert_eq!(worker.titles().await, ["known by now", "Stage", "Bar"]);
    let none = worker.send("POST", "/edits", json!({ "edits": [] })).await;
    assert_eq!((none.status, refused(&none)), (200, vec![]));
    for garbage in [json!({}), json!({ "edits": [{}] }), json!({ "edits": [{ "add": {}, "patch": {} }] }), json!([])] {
        problem(&worker.send("POST", "/edits", garbage).await, 400);
    }
}

/// What changes nothing that is shown is stored, and no tab reads anew for it.
#[tokio::test]
async fn what_changes_nothing_is_not_told() {
    let (alice, other) = (Worker::with_room().await, Worker::with_room().await);
    alice.pull(&other).await;
    alice.heard();
    let (mut writes, ahead) = (alice.store.writes(), 300 * 24 * 60 * 60 * 1000_i64);
    // Heard of the clock, and stored.
    alice.ask(request("PUT", "/clock", ahead.to_string().into_bytes())).await;
    writes += 1;
    assert_eq!((alice.store.writes(), alice.heard()), (writes, vec![]));
}

#[tokio::test]
async fn large_ones_are_not_put_together() {
    play(async |room| {
        let before = room.other.store.writes();
        let large = |number: u8| {
            let document = json!({ "title": number.to_string(), "notes": "x".repeat(10_000) });
            room.begin(request("POST", "/tasks", document.to_string().into_bytes()))
        };
        let titles = acknowledged((0..30).map(large).collect()).await;
        let writes = room.other.store.writes() - before;
        assert!((5..=7).contains(&writes), "{writes} writes of some 64 kB each");
        assert_eq!(room.other.titles().await, titles);
    })
    .await;
}

/// Whatever is wrong with one of them, the others do not feel it.
#[tokio::test]
async fn a_refusal_is_one_edits_own() {
    play(async |room| {
        let mut posts = room.post_many(10);
        posts.insert(5, room.post(" "));
        let refused = posts.remove(5);
        acknowledged(posts).await;
        assert_eq!(problem(&refused.await.unwrap(), 400).detail, "A task needs a title.");
        assert_eq!(room.other.titles().await.len(), 10);
    })
    .await;
}

#[tokio::test]
async fn a_write_that_fails_for_all_is_tried_again_by_each() {
    play(async |room| {
        let mut posts = room.post_many(1);
        yield_now().await;
        posts.extend(room.post_many(9));
        room.other.store.fail_next_write(StoreError::Failed("gone".to_owned()));
        let mut failed = 0;
        for post in posts {
            let response = post.await.unwrap();
            failed += usize::from(response.status != 201);
        }
        assert!(failed <= 1, "{failed} failed");
        assert_eq!(room.other.titles().await.len(), 10 - failed, "what was acknowledged is stored, and nothing else");
    })
    .await;
}

#[tokio::test]
async fn another_worker_in_between_costs_nothing() {
    play(async |room| {
        let posts = room.post_many(20);
        // By now the first one is on its way to the disk.
        yield_now().await;
        room.other.add("in between").await;
        let titles = acknowledged(posts).await;
        let mut stored = room.other.titles().await;
        assert!(stored.contains(&"in between".to_owned()));
        stored.retain(|title| title != "in between");
        stored.sort_unstable();
        assert_eq!(stored, titles);
    })
    .await;
}

/// What is read is what is stored: never an edit that may still be lost.
#[tokio::test]
async fn a_reader_sees_what_is_stored() {
    play(async |room| {
        let mut posts = room.post_many(5);
        let read = room.begin(request("GET", "/tasks", Vec::new()));
        posts.extend(room.post_many(5));
        let seen = document::<Tasks>(&read.await.unwrap()).tasks.len();
        assert!((5..=10).contains(&seen), "{seen}");
        assert!(room.other.titles().await.len() >= seen);
        acknowledged(posts).await;
        assert_eq!(room.other.titles().await.len(), 10);
    })
    .await;
}

#[tokio::test]
async fn a_room_that_is_left_meanwhile_takes_nothing_more() {
    play(async |room| {
        let posts = room.post_many(5);
        let left = room.begin(request("DELETE", "", Vec::new()));
        let late = room.post_many(5);
        assert_eq!(left.await.unwrap().status, 204);
        for post in posts.into_iter().chain(late) {
            let response = post.await.unwrap();
            assert!(response.status == 201 || response.status == 404, "{}", text(&response));
        }
        assert_eq!(room.other.get("/tasks").await.status, 404);
    })
    .await;
}
