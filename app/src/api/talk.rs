//! The requests about comments. They are loaded with what shows these.

use partyline_core::api::{CommentDocument, CommentPatch, Comments};
use partyline_core::id::{RoomId, TaskId};

use super::{ApiError, get, room_path, send_only};

/// `GET …/tasks/{id}/comments`, or `GET …/comments` for all tasks.
pub(crate) async fn comments(room: RoomId, task: Option<TaskId>) -> Result<Vec<CommentDocument>, ApiError> {
    let of = task.map(|task| format!("/tasks/{task}")).unwrap_or_default();
    let Comments { comments } = get(&room_path(room, &(of + "/comments"))).await?;
    Ok(comments)
}

/// `POST …/tasks/{id}/comments`, or `PATCH …/tasks/{id}/comments/{id}` of one that is there.
pub(crate) async fn send_comment(
    room: RoomId,
    task: TaskId,
    comment: Option<&str>,
    patch: &CommentPatch,
) -> Result<(), ApiError> {
    let (method, rest) = comment.map_or_else(|| ("POST", String::new()), |id| ("PATCH", format!("/{id}")));
    send_only(method, &room_path(room, &format!("/tasks/{task}/comments{rest}")), patch).await.map(drop)
}
