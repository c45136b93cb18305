//! Sections of the list, over the peer API.

use partyline_core::api::{SectionDocument, Sections};

use super::*;

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

async fn made(worker: &Worker, document: Value) -> String {
    let answer = worker.send("POST", "/sections", document).await;
    assert_eq!(answer.status, 201, "{}", text(&answer));
    self::document::<SectionDocument>(&answer).id
}

async fn names(worker: &Worker) -> Vec<String> {
    let Sections { sections } = document(&worker.get("/sections").await);
    sections.into_iter().map(|section| section.name).collect()
}

#[tokio::test]
async fn sections_are_made_renamed_ordered_and_deleted() {
    let worker = Worker::with_room().await;
    assert!(names(&worker).await.is_empty());
    let kitchen = made(&worker, json!({ "name": "Kitchen" })).await;
    let garden = made(&worker, json!({ "name": "Garden" })).await;
    made(&worker, json!({ "name": "Bath", "after": kitchen })).await;
    made(&worker, json!({ "name": "Cellar", "after": null })).await;
    assert_eq!(names(&worker).await, ["Cellar", "Kitchen", "Bath", "Garden"]);
    let part = format!("/sections/{garden}");
    let patched: SectionDocument =
        document(&worker.send("PATCH", &part, json!({ "name": "cafe\u{301}", "after": null })).await);
    assert_eq!(patched.name, "caf\u{e9}", "equal in either normal form is equal");
    assert_eq!(names(&worker).await, ["caf\u{e9}", "Cellar", "Kitchen", "Bath"]);
    let writes = worker.store.writes();
    worker.send("PATCH", &part, json!({ "name": "caf\u{e9}", "after": null, "deleted": false })).await;
    assert_eq!(worker.store.writes(), writes, "what is so already is not written");
    assert_eq!(worker.send("DELETE", &part, Value::Null).await.status, 204);
    assert_eq!(worker.send("DELETE", &part, Value::Null).await.status, 204);
    assert_eq!(names(&worker).await, ["Cellar", "Kitchen", "Bath"]);
    // To rename it brings it back, to where it was; a place does not.
    worker.send("PATCH", &part, json!({ "after": kitchen })).await;
    assert_eq!(names(&worker).await.len(), 3);
    worker.send("PATCH", &part, json!({ "name": "Garden" })).await;
    assert_eq!(names(&worker).await, ["Cellar", "Kitchen", "Garden", "Bath"]);
}

#[tokio::test]
async fn what_is_no_section_is_refused() {
    let worker = Worker::with_room().await;
    let garden = made(&worker, json!({ "name": "Garden" })).await;
    let part = format!("/sections/{garden}");
    for name in ["", " ", "\u{200b}", "a\nb", "\u{202e}abc", &"x".repeat(129)] {
        problem(&worker.send("POST", "/sections", json!({ "name": name })).await, 400);
        problem(&worker.send("PATCH", &part, json!({ "name": name })).await, 400);
    }
    let exists = problem(&worker.send("POST", "/sections", json!({ "id": garden, "name": "x" })).await, 409);
    assert_eq!(exists.kind, "urn:partyline:section-exists");
    for patch in
        [json!({ "name": null }), json!({ "deleted": null }), json!({ "after": NOBODY }), json!({ "due": "x" })]
    {
        problem(&worker.send("PATCH", &part, patch).await, 400);
    }
    let unknown = problem(&worker.send("DELETE", &format!("/sections/{NOBODY}"), Value::Null).await, 404);
    assert_eq!(unknown.kind, "urn:partyline:unknown-section");
    assert_eq!(names(&worker).await, ["Garden"]);
}

#[tokio::test]
async fn a_task_is_put_into_a_section_that_is_there() {
    let worker = Worker::with_room().await;
    let garden = made(&worker, json!({ "name": "Garden" })).await;
    let made: TaskDocument =
        document(&worker.send("POST", "/tasks", json!({ "title": "Weed", "section": garden })).await);
    assert_eq!(made.section.as_deref(), Some(garden.as_str()));
    let part = format!("/tasks/{}", made.id);
    let out: TaskDocument = document(&worker.send("PATCH", &part, json!({ "section": null })).await);
    assert_eq!(out.section, None);
    let other = worker.add("Water").await.id;
    let moved: TaskDocument =
        document(&worker.send("PATCH", &part, json!({ "section": garden, "after": other })).await);
    assert_eq!(moved.section.as_deref(), Some(garden.as_str()));
    for section in [json!(NOBODY), json!("garden")] {
        problem(&worker.send("PATCH", &part, json!({ "section": section })).await, 400);
        problem(&worker.send("POST", "/tasks", json!({ "title": "x", "section": section })).await, 400);
    }
    worker.send("DELETE", &format!("/sections/{garden}"), Value::Null).await;
    let kept: TaskDocument = document(&worker.get(&part).await);
    assert_eq!((kept.deleted, kept.section.as_deref()), (false, Some(garden.as_str())), "it is there for an undo");
    problem(&worker.send("POST", "/tasks", json!({ "title": "x", "section": garden })).await, 400);
}

#[tokio::test]
async fn who_reads_tasks_reads_the_sections_that_are_news() {
    let worker = Worker::with_room().await;
    let first: Tasks = document(&worker.get("/tasks").await);
    assert_eq!(first.sections, None);
    let since = async |before: &Tasks| document::<Tasks>(&worker.get(&format!("/tasks?since={}", before.cursor)).await);
    worker.add("Weed").await;
    let second = since(&first).await;
    assert_eq!((second.tasks.len(), &second.sections), (1, &None));
    let garden = made(&worker, json!({ "name": "Garden" })).await;
    let third = since(&second).await;
    assert_eq!(third.sections.as_ref().map(Vec::len), Some(1));
    assert_eq!(document::<Tasks>(&worker.get("/tasks").await).sections, third.sections);
    assert_eq!(since(&third).await.sections, None);
    // That there are none any more is news as well.
    worker.send("DELETE", &format!("/sections/{garden}"), Value::Null).await;
    assert_eq!(since(&third).await.sections, Some(Vec::new()));
    assert_eq!(document::<Tasks>(&worker.get("/tasks?deleted=only").await).sections, None);
}
