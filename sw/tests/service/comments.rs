//! Comments on a task, and why it is blocked.

use partyline_core::api::{CommentDocument, Comments};

use super::*;

async fn comments(worker: &Worker, task: &str) -> Vec<CommentDocument> {
    document::<Comments>(&worker.get(&format!("/tasks/{task}/comments")).await).comments
}

#[tokio::test]
async fn comments_are_made_changed_deleted_and_brought_back() {
    let worker = Worker::with_room().await;
    let task = worker.add("Hull").await.id;
    let part = format!("/tasks/{task}/comments");
    let made = worker.send("POST", &part, json!({ "text": "Two\ncoats" })).await;
    assert_eq!(made.status, 201, "{}", text(&made));
    let first: CommentDocument = document(&made);
    assert_eq!(first.author, worker.device().await.to_string());
    assert_eq!((first.edited_at.clone(), first.deleted), (None, false));
    worker.host.now.set(NOW + 5000);
    worker.send("POST", &part, json!({ "text": "And the keel" })).await;
    let texts = |all: Vec<CommentDocument>| all.into_iter().map(|comment| comment.text).collect::<Vec<_>>();
    assert_eq!(texts(comments(&worker, &task).await), ["Two\ncoats", "And the keel"]);
    let read: TaskDocument = document(&worker.get(&format!("/tasks/{task}")).await);
    assert_eq!(read.comments, 2);
    let other = worker.add("Keel").await.id;
    worker.send("POST", &format!("/tasks/{other}/comments"), json!({ "text": "Rusty" })).await;
    let of_all = document::<Comments>(&worker.get("/comments").await).comments;
    assert_eq!(of_all.iter().map(|comment| &*comment.task).collect::<Vec<_>>(), [&*task, &*task, &*other]);

    let one = format!("{part}/{}", first.id);
    let changed: CommentDocument = document(&worker.send("PATCH", &one, json!({ "text": "Three coats" })).await);
    assert!(changed.edited_at.is_some() && changed.made_at == first.made_at);
    assert_eq!(worker.send("PATCH", &one, json!({ "deleted": true })).await.status, 200);
    assert_eq!(texts(comments(&worker, &task).await), ["And the keel"]);
    let back: CommentDocument = document(&worker.send("PATCH", &one, json!({ "deleted": false })).await);
    assert!(!back.deleted);
    assert_eq!(texts(comments(&worker, &task).await), ["Three coats", "And the keel"]);
}

#[tokio::test]
async fn a_comment_tells_a_page_that_its_task_is_touched() {
    let worker = Worker::with_room().await;
    let task = worker.add("Hull").await.id;
    let before: Tasks = document(&worker.get("/tasks").await);
    worker.send("POST", &format!("/tasks/{task}/comments"), json!({ "text": "Done?" })).await;
    let after: Tasks = document(&worker.get(&format!("/tasks?since={}", before.cursor)).await);
    assert_eq!(after.tasks.iter().map(|task| task.comments).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn what_is_no_comment_is_refused() {
    let worker = Worker::with_room().await;
    let (task, other) = (worker.add("Hull").await.id, worker.add("Keel").await.id);
    let part = format!("/tasks/{task}/comments");
    for text in ["", " \n", "a\u{202e}b", "a\u{0}", &"x".repeat(4097), &"x\n".repeat(201)] {
        problem(&worker.send("POST", &part, json!({ "text": text })).await, 400);
    }
    problem(&worker.send("POST", &part, json!({ "id": other, "text": "a" })).await, 400);
    problem(&worker.send("POST", &format!("/tasks/{OTHER_ROOM}/comments"), json!({ "text": "a" })).await, 404);
    let made: CommentDocument = document(&worker.send("POST", &part, json!({ "text": "a" })).await);
    problem(&worker.send("POST", &part, json!({ "id": made.id, "text": "a" })).await, 409);
    problem(&worker.send("PATCH", &format!("/tasks/{other}/comments/{}", made.id), json!({ "text": "b" })).await, 404);
}

#[tokio::test]
async fn the_reason_stays_while_a_task_is_not_blocked() {
    let worker = Worker::with_room().await;
    let part = format!("/tasks/{}", worker.add("Hull").await.id);
    let patched = worker.send("PATCH", &part, json!({ "status": "blocked", "blockedReason": "No crane" })).await;
    assert_eq!(document::<TaskDocument>(&patched).blocked_reason, "No crane");
    let open: TaskDocument = document(&worker.send("PATCH", &part, json!({ "status": "open" })).await);
    assert_eq!(open.blocked_reason, "No crane");
    for reason in ["a\nb".to_owned(), "x".repeat(257)] {
        problem(&worker.send("PATCH", &part, json!({ "blockedReason": reason })).await, 400);
    }
    let none: TaskDocument = document(&worker.send("PATCH", &part, json!({ "blockedReason": null })).await);
    assert_eq!(none.blocked_reason, "");
}
