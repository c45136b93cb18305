//! The request for what is deleted. It is loaded with what shows that.

use partyline_core::api::Tasks;
use partyline_core::id::RoomId;

use super::{ApiError, get, room_path};

/// `GET …/tasks?deleted=only`: the first page of the tasks that are deleted and can be restored.
pub(crate) async fn deleted_tasks(room: RoomId) -> Result<Tasks, ApiError> {
    get(&room_path(room, "/tasks?deleted=only")).await
}
