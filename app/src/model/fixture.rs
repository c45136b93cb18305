use partyline_core::api::{TaskDocument, TaskStatus};

/// A task with a title and nothing else.
pub(crate) fn task(title: &str) -> TaskDocument {
    TaskDocument {
        id: "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f".to_owned(),
        title: title.to_owned(),
        notes: String::new(),
        status: TaskStatus::Open,
        priority: 0,
        due: None,
        assignee: String::new(),
        blocked_reason: String::new(),
        labels: Vec::new(),
        position: "80".to_owned(),
        parent: None,
        section: None,
        created_at: "2026-11-22T08:00:00.000Z".to_owned(),
        updated_at: "2026-11-22T08:00:00.000Z".to_owned(),
        deleted: false,
        comments: 0,
        #[cfg(feature = "next")]
        estimate: 0,
    }
}
