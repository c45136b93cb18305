//! Tasks page by page.

use super::*;

async fn page(worker: &Worker, query: &str) -> Tasks {
    document(&worker.get(&format!("/tasks{query}")).await)
}

/// All pages, as a reader goes through them.
async fn pages(worker: &Worker, limit: usize, which: &str) -> Vec<Tasks> {
    let mut pages = vec![page(worker, &format!("?limit={limit}{which}")).await];
    while let Some(next) = pages.last().and_then(|page| page.next.clone()) {
        pages.push(page(worker, &format!("?next={next}&limit={limit}")).await);
    }
    pages
}

fn titles(pages: &[Tasks]) -> Vec<String> {
    pages.iter().flat_map(|page| &page.tasks).map(|task| task.title.clone()).collect()
}

#[tokio::test]
async fn a_list_comes_in_pages_and_in_its_order() {
    let worker = Worker::with_room().await;
    let wanted: Vec<String> = (0..7).map(|number| format!("task {number}")).collect();
    for title in &wanted {
        worker.add(title).await;
    }
    for (limit, count) in [(1, 7), (2, 4), (3, 3), (7, 1), (10_000, 1)] {
        let pages = pages(&worker, limit, "").await;
        assert_eq!(titles(&pages), wanted);
        assert_eq!(pages.len(), count, "pages of {limit}");
        assert!(pages.iter().all(|page| page.cursor == pages[0].cursor && page.tasks.len() <= limit));
    }
    assert_eq!(page(&worker, "").await, page(&worker, "?limit=7").await);
}

#[tokio::test]
async fn what_was_touched_and_what_was_deleted_come_in_pages_too() {
    let worker = Worker::with_room().await;
    let cursor = page(&worker, "").await.cursor;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(worker.add(&format!("task {number}")).await.id);
    }
    for id in &ids[2..] {
        worker.send("DELETE", &format!("/tasks/{id}"), Value::Null).await;
    }
    let mut touched = titles(&pages(&worker, 2, &format!("&since={cursor}")).await);
    touched.sort_unstable();
    assert_eq!(touched, ["task 0", "task 1", "task 2", "task 3", "task 4"]);
    assert_eq!(titles(&pages(&worker, 2, "&deleted=only").await), ["task 2", "task 3", "task 4"]);
}

/// Whoever reads the pages and then what changed since their cursor has what is there, whatever
/// happened meanwhile.
#[tokio::test]
async fn what_changes_between_two_pages_is_told_by_their_cursor() {
    let worker = Worker::with_room().await;
    let mut ids = Vec::new();
    for title in ["a", "b", "c", "d", "e", "f"] {
        ids.push(worker.add(title).await.id);
    }
    let first = page(&worker, "?limit=3").await;
    // The last comes to the front, one that was read is deleted, and one that was not moves among
    // those that were.
    worker.send("PATCH", &format!("/tasks/{}", ids[5]), json!({ "after": null })).await;
    worker.send("DELETE", &format!("/tasks/{}", ids[1]), Value::Null).await;
    worker.send("PATCH", &format!("/tasks/{}", ids[4]), json!({ "after": ids[0], "title": "e, moved" })).await;
    worker.add("g").await;
    let second = page(&worker, &format!("?next={}", first.next.clone().unwrap())).await;
    assert_eq!((titles(std::slice::from_ref(&second)), &second.next), (vec!["d".to_owned(), "g".to_owned()], &None));
    let changes = page(&worker, &format!("?since={}", second.cursor)).await;

    let mut known: std::collections::BTreeMap<String, TaskDocument> = std::collections::BTreeMap::new();
    for task in [first, second, changes].into_iter().flat_map(|page| page.tasks) {
        known.insert(task.id.clone(), task);
    }
    let mut known: Vec<TaskDocument> = known.into_values().filter(|task| !task.deleted).collect();
    known.sort_by(|a, b| (&a.position, &a.id).cmp(&(&b.position, &b.id)));
    assert_eq!(known, page(&worker, "").await.tasks);
    assert_eq!(worker.titles().await, ["f", "a", "e, moved", "c", "d", "g"]);
}

#[tokio::test]
async fn a_page_has_a_bound_in_bytes_and_makes_progress() {
    let worker = Worker::with_room().await;
    // Quotes and line breaks take two bytes in JSON each.
    let notes = "\"\n".repeat(8 * 1024);
    for number in 0..300 {
        let made = worker.send("POST", "/tasks", json!({ "title": format!("{number}"), "notes": notes })).await;
        assert_eq!(made.status, 201);
    }
    let mut query = String::new();
    let mut all = Vec::new();
    loop {
        let answer = worker.get(&format!("/tasks{query}")).await;
        assert!(answer.body.len() < 5 << 20, "{} bytes", answer.body.len());
        let page: Tasks = document(&answer);
        all.extend(page.tasks.into_iter().map(|task| task.title));
        let Some(next) = page.next else { break };
        query = format!("?next={next}");
    }
    assert_eq!(all, (0..300).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(!query.is_empty(), "one page is not enough for 10 MB");
}

#[tokio::test]
async fn a_reader_hears_that_the_room_is_kept_anew_in_the_midst_of_it() {
    let alice = Worker::with_room().await;
    for number in 0..5 {
        alice.add(&format!("task {number}")).await;
    }
    let next = page(&alice, "?limit=2").await.next.unwrap();
    alice.store.tear_log(room_id(), 3, b"torn");
    let alice = alice.successor();
    alice.host.random.set(1 << 40);
    problem(&alice.get(&format!("/tasks?next={next}")).await, 410);
    assert_eq!(titles(&pages(&alice, 2, "").await).len(), 4);
}

#[tokio::test]
async fn peers_read_pages_and_no_trash() {
    let worker = Worker::with_room().await;
    let mut ids = Vec::new();
    for title in ["a", "b", "c", "d"] {
        ids.push(worker.add(title).await.id);
    }
    for id in &ids[2..] {
        worker.send("DELETE", &format!("/tasks/{id}"), Value::Null).await;
    }
    let device = Some("00112233445566778899aabbccddeeff".to_owned());
    let asked = async |query: &str| {
        let request = Request { device: device.clone(), ..request("GET", &format!("/tasks{query}"), Vec::new()) };
        worker.ask(request).await
    };
    let first: Tasks = document(&asked("?limit=1").await);
    let second: Tasks = document(&asked(&format!("?limit=1&next={}", first.next.clone().unwrap())).await);
    assert_eq!(titles(&[first, second]), ["a", "b"]);
    let trash = page(&worker, "?deleted=only&limit=1").await;
    problem(&asked("?deleted=only").await, 403);
    problem(&asked(&format!("?next={}", trash.next.unwrap())).await, 403);
}
