//! Where tasks come in the list.

use super::*;

async fn positions(worker: &Worker) -> Vec<String> {
    let tasks: Tasks = document(&worker.get("/tasks").await);
    tasks.tasks.into_iter().map(|task| task.position).collect()
}

#[tokio::test]
async fn a_task_goes_where_it_is_put() {
    let worker = Worker::with_room().await;
    let (first, second) = (worker.add("first").await, worker.add("second").await);
    for (title, after) in [("between", json!(first.id)), ("front", json!(null)), ("end", json!(second.id))] {
        let made = worker.send("POST", "/tasks", json!({ "title": title, "after": after })).await;
        assert_eq!(made.status, 201, "{}", text(&made));
    }
    assert_eq!(worker.titles().await, ["front", "first", "between", "second", "end"]);

    let part = format!("/tasks/{}", second.id);
    let moved: TaskDocument = document(&worker.send("PATCH", &part, json!({ "after": null })).await);
    assert_eq!(worker.titles().await, ["second", "front", "first", "between", "end"]);
    let writes = worker.store.writes();
    let again: TaskDocument = document(&worker.send("PATCH", &part, json!({ "after": null })).await);
    assert_eq!((again, worker.store.writes()), (moved, writes), "it stands there already");

    let third = format!("/tasks/{}", first.id);
    for (refused, why) in [
        (json!({ "after": first.id }), "`after`: the list has no such task."),
        (json!({ "after": "00000000-0000-4000-8000-000000000000" }), "`after`: the list has no such task."),
        (json!({ "after": null, "position": "80" }), "Either `position` or `after`, not both."),
    ] {
        let answer = worker.send("PATCH", &third, refused).await;
        assert_eq!(problem(&answer, 400).detail, why);
    }
    let unreadable = worker.send("PATCH", &third, json!({ "after": "first" })).await;
    assert!(problem(&unreadable, 400).detail.starts_with("`after`: "));
}

#[tokio::test]
async fn a_task_with_a_position_of_its_own_moves_nothing() {
    let worker = Worker::with_room().await;
    // Behind it there is no room.
    let last = format!("{}80", "ff".repeat(63));
    for (title, position) in [("last", last.as_str()), ("first", "80")] {
        let made = worker.send("POST", "/tasks", json!({ "title": title, "position": position })).await;
        assert_eq!(made.status, 201, "{}", text(&made));
    }
    assert_eq!(positions(&worker).await, ["80", &last]);
    // Whoever goes to the end has the other one move over.
    worker.add("end").await;
    assert_eq!(worker.titles().await, ["first", "last", "end"]);
    assert_ne!(positions(&worker).await[1], last);
}

#[tokio::test]
async fn a_deletion_moves_nothing() {
    let worker = Worker::with_room().await;
    let ids: Vec<String> = {
        let mut ids = Vec::new();
        for title in ["a", "b", "c"] {
            let made = worker.send("POST", "/tasks", json!({ "title": title, "position": "80" })).await;
            ids.push(document::<TaskDocument>(&made).id);
        }
        ids.sort_unstable();
        ids
    };
    let gone = json!({ "deleted": true, "after": ids[0] });
    assert_eq!(worker.send("PATCH", &format!("/tasks/{}", ids[2]), gone.clone()).await.status, 200);
    assert_eq!(positions(&worker).await, ["80", "80"]);
    let writes = worker.store.writes();
    assert_eq!(worker.send("PATCH", &format!("/tasks/{}", ids[2]), gone).await.status, 200);
    assert_eq!(worker.store.writes(), writes);
}

#[tokio::test]
async fn a_position_of_more_than_64_bytes_is_refused() {
    let worker = Worker::with_room().await;
    let id = worker.add("Buy milk").await.id;
    let longest = "ff".repeat(63) + "80";
    let part = format!("/tasks/{id}");
    assert_eq!(worker.send("PATCH", &part, json!({ "position": longest })).await.status, 200);
    let longer = worker.send("PATCH", &part, json!({ "position": format!("ff{longest}") })).await;
    assert!(problem(&longer, 400).detail.contains("at most 128"), "{}", text(&longer));
}

#[tokio::test]
async fn no_single_write_uses_up_the_space() {
    let worker = Worker::with_room().await;
    let pinned = worker.add("pinned to the bottom").await;
    let last = "ff".repeat(63) + "80";
    assert_eq!(worker.send("PATCH", &format!("/tasks/{}", pinned.id), json!({ "position": last })).await.status, 200);
    for title in ["1", "2", "3"] {
        worker.add(title).await;
    }
    assert_eq!(worker.titles().await, ["pinned to the bottom", "1", "2", "3"]);
    let mut positions = positions(&worker).await;
    positions.dedup();
    assert_eq!(positions.len(), 4);
    // What moved is on the disk, and with others.
    assert_eq!(worker.successor().titles().await, worker.titles().await);
    let bob = Worker::new();
    bob.host.random.set(1 << 32);
    assert_eq!(bob.send("PUT", "", json!({ "secret": SECRET })).await.status, 201);
    bob.exchange(&worker).await;
}

#[tokio::test]
async fn two_workers_do_not_add_at_one_place() {
    let old = Worker::with_room().await;
    old.add("a").await;
    let new = old.successor();
    new.add("b").await;
    // A read brings the old worker up to what is stored.
    assert_eq!(old.titles().await, ["a", "b"]);
    old.add("c").await;
    assert_eq!(new.titles().await, ["a", "b", "c"]);
    new.add("d").await;
    assert_eq!(old.titles().await, ["a", "b", "c", "d"]);
    let mut positions = positions(&old).await;
    positions.dedup();
    assert_eq!(positions.len(), 4, "{positions:?}");
}
