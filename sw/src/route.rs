//! Which resource a request is about.

use partyline_core::id::{CommentId, DeviceId, RoomId, SectionId, TaskId};
use partyline_core::replica::{Dot, Listing};

use crate::problem::Failure;
use crate::task_query::TaskQuery;

/// Longest path with query that is looked at.
pub(crate) const MAX_PATH: usize = 512;
/// Largest JSON document with one task, name or the like.
const MAX_DOCUMENT: usize = 1 << 20;
/// Largest batch of changes; as much as a session carries in one body.
pub(crate) const MAX_BATCH: usize = 16 << 20;

/// A resource of the peer API and what to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET /peer/v1/health`
    Health,
    /// `GET /peer/v1/rooms`
    Rooms,
    /// `GET /peer/v1/rooms/{room}`
    Room(RoomId),
    /// `PUT /peer/v1/rooms/{room}`
    PutRoom(RoomId),
    /// `DELETE /peer/v1/rooms/{room}`
    DeleteRoom(RoomId),
    /// `GET …/devices`
    Devices(RoomId),
    /// `PUT …/device`
    PutDevice(RoomId),
    /// `POST …/key`
    PostKey(RoomId),
    /// `PUT …/clock`
    PutClock(RoomId),
    /// `PUT …/held/{device}/{number}` to take a change, or `DELETE …` to drop it
    Held(RoomId, Dot, bool),
    /// `GET …/tasks`, perhaps with a query
    Tasks(RoomId, TaskQuery),
    /// `POST …/tasks`
    PostTask(RoomId),
    /// `GET …/tasks/{id}`
    Task(RoomId, TaskId),
    /// `PATCH …/tasks/{id}`
    PatchTask(RoomId, TaskId),
    /// `DELETE …/tasks/{id}`
    DeleteTask(RoomId, TaskId),
    /// `POST …/edits`
    PostEdits(RoomId),
    /// `GET …/sections`
    Sections(RoomId),
    /// `POST …/sections`
    PostSection(RoomId),
    /// `PATCH …/sections/{id}`
    PatchSection(RoomId, SectionId),
    /// `DELETE …/sections/{id}`
    DeleteSection(RoomId, SectionId),
    /// `GET …/tasks/{id}/comments`, or `GET …/comments`
    Comments(RoomId, Option<TaskId>),
    /// `POST …/tasks/{id}/comments`
    PostComment(RoomId, TaskId),
    /// `PATCH …/tasks/{id}/comments/{id}`
    PatchComment(RoomId, TaskId, CommentId),
    /// `GET …/vector`
    Vector(RoomId),
    /// `GET …/sync`
    Opening(RoomId),
    /// `POST …/sync`
    Sync(RoomId),
    /// `POST …/changes`
    Changes(RoomId),
    /// `GET …/signoffs`
    #[cfg(feature = "next")]
    SignOffs(RoomId),
    /// `POST …/signoffs`
    #[cfg(feature = "next")]
    PostSignOff(RoomId),
}

impl Route {
    /// Finds the route of a method and a path with query.
    ///
    /// Paths are taken literally: no percent-encoding, no doubled or trailing slashes, ids in their one text form.
    ///
    /// # Errors
    ///
    /// 404 for a path that does not exist, 405 for a method that it does not have, 414 for a path that is too long and
    /// 400 for a query that is not understood.
    pub fn find(method: &str, path: &str) -> Result<Self, Failure> {
        if path.len() > MAX_PATH {
            return Err(Failure::path_too_long());
        }
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let rest = path.strip_prefix("/peer/v1/").ok_or_else(Failure::no_route)?;
        let mut segments = rest.split('/');
        let mut next = || segments.next();
        let path = (next(), next(), next(), next(), next());
        let route = match path {
            (Some("health"), None, ..) => match method {
                "GET" => Self::Health,
                _ => return Err(Failure::method("GET")),
            },
            (Some("rooms"), None, ..) => match method {
                "GET" => Self::Rooms,
                _ => return Err(Failure::method("GET")),
            },
            (Some("rooms"), Some(room), None, ..) => {
                let room = room_id(room)?;
                match method {
                    "GET" => Self::Room(room),
                    "PUT" => Self::PutRoom(room),
                    "DELETE" => Self::DeleteRoom(room),
                    _ => return Err(Failure::method("GET, PUT, DELETE")),
                }
            }
            (Some("rooms"), Some(room), Some(part), None, _) => {
                let room = room_id(room)?;
                match (part, method) {
                    ("devices", "GET") => Self::Devices(room),
                    ("device", "PUT") => Self::PutDevice(room),
                    ("key", "POST") => Self::PostKey(room),
                    ("clock", "PUT") => Self::PutClock(room),
                    ("tasks", "GET") => return Ok(Self::Tasks(room, TaskQuery::parse(query)?)),
                    ("tasks", "POST") => Self::PostTask(room),
                    ("edits", "POST") => Self::PostEdits(room),
                    ("sections", "GET") => Self::Sections(room),
                    ("sections", "POST") => Self::PostSection(room),
                    ("comments", "GET") => Self::Comments(room, None),
                    ("vector", "GET") => Self::Vector(room),
                    ("sync", "GET") => Self::Opening(room),
                    ("sync", "POST") => Self::Sync(room),
                    ("changes", "POST") => Self::Changes(room),
                    #[cfg(feature = "next")]
                    ("signoffs", "GET") => Self::SignOffs(room),
                    #[cfg(feature = "next")]
                    ("signoffs", "POST") => Self::PostSignOff(room),
                    ("devices" | "comments" | "vector", _) => return Err(Failure::method("GET")),
                    ("device" | "clock", _) => return Err(Failure::method("PUT")),
                    ("tasks" | "sections", _) => return Err(Failure::method("GET, POST")),
                    ("sync", _) => return Err(Failure::method("GET, POST")),
                    ("changes" | "edits" | "key", _) => return Err(Failure::method("POST")),
                    _ => return Err(Failure::no_route()),
                }
            }
            (Some("rooms"), Some(room), Some("held"), Some(device), Some(seq)) => {
                let room = room_id(room)?;
                let device = DeviceId::parse(device).map_err(|_| Failure::unknown_change())?;
                let dot = Dot { device, seq: seq.parse().map_err(|_| Failure::unknown_change())? };
                match method {
                    "PUT" => Self::Held(room, dot, true),
                    "DELETE" => Self::Held(room, dot, false),
                    _ => return Err(Failure::method("PUT, DELETE")),
                }
            }
            (Some("rooms"), Some(room), Some("tasks"), Some(task), None) => {
                let room = room_id(room)?;
                let task = TaskId::parse(task).map_err(|_| Failure::unknown_task())?;
                match method {
                    "GET" => Self::Task(room, task),
                    "PATCH" => Self::PatchTask(room, task),
                    "DELETE" => Self::DeleteTask(room, task),
                    _ => return Err(Failure::method("GET, PATCH, DELETE")),
                }
            }
            (Some("rooms"), Some(room), Some("sections"), Some(section), None) => {
                let room = room_id(room)?;
                let section = SectionId::parse(section).map_err(|_| Failure::unknown_section())?;
                match method {
                    "PATCH" => Self::PatchSection(room, section),
                    "DELETE" => Self::DeleteSection(room, section),
                    _ => return Err(Failure::method("PATCH, DELETE")),
                }
            }
            (Some("rooms"), Some(room), Some("tasks"), Some(task), Some("comments")) => {
                let room = room_id(room)?;
                let task = TaskId::parse(task).map_err(|_| Failure::unknown_task())?;
                match (next(), next(), method) {
                    (None, _, "GET") => Self::Comments(room, Some(task)),
                    (None, _, "POST") => Self::PostComment(room, task),
                    (None, ..) => return Err(Failure::method("GET, POST")),
                    (Some(comment), None, _) => {
                        let comment = CommentId::parse(comment).map_err(|_| Failure::unknown_comment())?;
                        match method {
                            "PATCH" => Self::PatchComment(room, task, comment),
                            _ => return Err(Failure::method("PATCH")),
                        }
                    }
                    _ => return Err(Failure::no_route()),
                }
            }
            _ => return Err(Failure::no_route()),
        };
        match query {
            None => Ok(route),
            Some(_) => Err(Failure::malformed("This resource takes no query.")),
        }
    }

    /// Whether a remote peer may ask for it. The page that holds the connection lets nothing else through; this is
    /// the second lock on the same door.
    pub fn is_for_peers(&self) -> bool {
        match self {
            Self::Tasks(_, query) => query.listing != Listing::Deleted,
            Self::Health | Self::Vector(_) | Self::Sync(_) | Self::Changes(_) => true,
            _ => false,
        }
    }

    /// The largest body that is read for it.
    pub fn max_body(&self) -> usize {
        match self {
            Self::Changes(_) => MAX_BATCH,
            Self::PutRoom(_)
            | Self::PutDevice(_)
            | Self::PostKey(_)
            | Self::PutClock(_)
            | Self::PostTask(_)
            | Self::PatchTask(..)
            | Self::PostEdits(_)
            | Self::PostSection(_)
            | Self::PatchSection(..)
            | Self::PostComment(..)
            | Self::PatchComment(..)
            | Self::Sync(_) => MAX_DOCUMENT,
            #[cfg(feature = "next")]
            Self::PostSignOff(_) => MAX_DOCUMENT,
            _ => 0,
        }
    }
}

fn room_id(text: &str) -> Result<RoomId, Failure> {
    RoomId::parse(text).map_err(|_| Failure::unknown_room())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOM: &str = "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f";
    const TASK: &str = "7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e";

    fn find(method: &str, path: &str) -> Result<Route, (u16, Option<&'static str>)> {
        let path = path.replace("ROOM", ROOM).replace("TASK", TASK);
        Route::find(method, &path).map_err(|failure| (failure.problem.status, failure.allow))
    }

    #[test]
    fn every_route_is_found() {
        let room = RoomId::parse(ROOM).unwrap();
        let task = TaskId::parse(TASK).unwrap();
        let section = SectionId::parse(TASK).unwrap();
        let comment = CommentId::parse(TASK).unwrap();
        let dot = Dot { device: DeviceId::parse("000102030405060708090a0b0c0d0e0f").unwrap(), seq: 7 };
        let touched = TaskQuery { listing: Listing::Since(123), ..TaskQuery::default() };
        for (method, path, route) in [
            ("GET", "/peer/v1/health", Route::Health),
            ("GET", "/peer/v1/rooms", Route::Rooms),
            ("GET", "/peer/v1/rooms/ROOM", Route::Room(room)),
            ("PUT", "/peer/v1/rooms/ROOM", Route::PutRoom(room)),
            ("DELETE", "/peer/v1/rooms/ROOM", Route::DeleteRoom(room)),
            ("GET", "/peer/v1/rooms/ROOM/devices", Route::Devices(room)),
            ("PUT", "/peer/v1/rooms/ROOM/device", Route::PutDevice(room)),
            ("POST", "/peer/v1/rooms/ROOM/key", Route::PostKey(room)),
            ("PUT", "/peer/v1/rooms/ROOM/clock", Route::PutClock(room)),
            ("PUT", "/peer/v1/rooms/ROOM/held/000102030405060708090a0b0c0d0e0f/7", Route::Held(room, dot, true)),
            ("DELETE", "/peer/v1/rooms/ROOM/held/000102030405060708090a0b0c0d0e0f/7", Route::Held(room, dot, false)),
            ("GET", "/peer/v1/rooms/ROOM/tasks", Route::Tasks(room, TaskQuery::default())),
            ("GET", "/peer/v1/rooms/ROOM/tasks?since=123", Route::Tasks(room, touched)),
            ("POST", "/peer/v1/rooms/ROOM/tasks", Route::PostTask(room)),
            ("GET", "/peer/v1/rooms/ROOM/tasks/TASK", Route::Task(room, task)),
            ("PATCH", "/peer/v1/rooms/ROOM/tasks/TASK", Route::PatchTask(room, task)),
            ("DELETE", "/peer/v1/rooms/ROOM/tasks/TASK", Route::DeleteTask(room, task)),
            ("POST", "/peer/v1/rooms/ROOM/edits", Route::PostEdits(room)),
            ("GET", "/peer/v1/rooms/ROOM/sections", Route::Sections(room)),
            ("POST", "/peer/v1/rooms/ROOM/sections", Route::PostSection(room)),
            ("PATCH", "/peer/v1/rooms/ROOM/sections/TASK", Route::PatchSection(room, section)),
            ("DELETE", "/peer/v1/rooms/ROOM/sections/TASK", Route::DeleteSection(room, section)),
            ("GET", "/peer/v1/rooms/ROOM/comments", Route::Comments(room, None)),
            ("GET", "/peer/v1/rooms/ROOM/tasks/TASK/comments", Route::Comments(room, Some(task))),
            ("POST", "/peer/v1/rooms/ROOM/tasks/TASK/comments", Route::PostComment(room, task)),
            ("PATCH", "/peer/v1/rooms/ROOM/tasks/TASK/comments/TASK", Route::PatchComment(room, task, comment)),
            ("GET", "/peer/v1/rooms/ROOM/vector", Route::Vector(room)),
            ("GET", "/peer/v1/rooms/ROOM/sync", Route::Opening(room)),
            ("POST", "/peer/v1/rooms/ROOM/sync", Route::Sync(room)),
            ("POST", "/peer/v1/rooms/ROOM/changes", Route::Changes(room)),
        ] {
            assert_eq!(find(method, path), Ok(route), "{method} {path}");
        }
    }

    #[test]
    fn a_known_path_names_its_methods() {
        for (path, allow) in [
            ("/peer/v1/health", "GET"),
            ("/peer/v1/rooms", "GET"),
            ("/peer/v1/rooms/ROOM", "GET, PUT, DELETE"),
            ("/peer/v1/rooms/ROOM/devices", "GET"),
            ("/peer/v1/rooms/ROOM/device", "PUT"),
            ("/peer/v1/rooms/ROOM/key", "POST"),
            ("/peer/v1/rooms/ROOM/tasks", "GET, POST"),
            ("/peer/v1/rooms/ROOM/tasks/TASK", "GET, PATCH, DELETE"),
            ("/peer/v1/rooms/ROOM/edits", "POST"),
            ("/peer/v1/rooms/ROOM/sections", "GET, POST"),
            ("/peer/v1/rooms/ROOM/sections/TASK", "PATCH, DELETE"),
            ("/peer/v1/rooms/ROOM/comments", "GET"),
            ("/peer/v1/rooms/ROOM/tasks/TASK/comments", "GET, POST"),
            ("/peer/v1/rooms/ROOM/tasks/TASK/comments/TASK", "PATCH"),
            ("/peer/v1/rooms/ROOM/vector", "GET"),
            ("/peer/v1/rooms/ROOM/sync", "GET, POST"),
            ("/peer/v1/rooms/ROOM/changes", "POST"),
        ] {
            for method in ["HEAD", "OPTIONS", "TRACE", "get", ""] {
                assert_eq!(find(method, path), Err((405, Some(allow))), "{method} {path}");
            }
        }
    }

    #[test]
    fn near_misses_are_not_found() {
        for path in [
            "",
            "/",
            "/peer",
            "/peer/v1",
            "/peer/v1/",
            "/peer/v2/rooms",
            "/peer/v1/rooms/",
            "/peer/v1//rooms",
            "/peer/v1/health/",
            "/peer/v1/rooms/nonsense",
            "/peer/v1/rooms/ROOM/",
            "/peer/v1/rooms/ROOM/task",
            "/peer/v1/rooms/ROOM/tasks/",
            "/peer/v1/rooms/ROOM/tasks/TASK/",
            "/peer/v1/rooms/ROOM/tasks/TASK/notes",
            "/peer/v1/rooms/ROOM/tasks/TASK/comments/",
            "/peer/v1/rooms/ROOM/tasks/TASK/comments/TASK/text",
            "/peer/v1/rooms/ROOM/tasks/nonsense",
            "/peer/v1/rooms/3F2B8C1E-9D4A-4C6B-8E1F-0A2B3C4D5E6F",
        ] {
            assert_eq!(find("GET", path), Err((404, None)), "{path}");
        }
    }

    #[test]
    fn queries_are_strict() {
        for path in [
            "/peer/v1/health?",
            "/peer/v1/rooms?since=1",
            "/peer/v1/rooms/ROOM/tasks?",
            "/peer/v1/rooms/ROOM/tasks?until=1",
            "/peer/v1/rooms/ROOM/tasks/TASK?limit=1",
        ] {
            assert_eq!(find("GET", path), Err((400, None)), "{path}");
        }
        assert_eq!(find("GET", &format!("/peer/v1/{}", "a".repeat(600))), Err((414, None)));
    }

    #[test]
    fn peers_reach_only_what_syncs() {
        let open: Vec<_> = ["GET", "PUT", "POST", "PATCH", "DELETE"]
            .into_iter()
            .flat_map(|method| {
                [
                    "",
                    "/devices",
                    "/device",
                    "/key",
                    "/tasks",
                    "/tasks?deleted=only",
                    "/tasks/TASK",
                    "/edits",
                    "/sections",
                    "/sections/TASK",
                    "/comments",
                    "/tasks/TASK/comments",
                    "/tasks/TASK/comments/TASK",
                    "/vector",
                    "/sync",
                    "/changes",
                ]
                .map(|part| (method, part))
            })
            .filter(|(method, part)| {
                find(method, &format!("/peer/v1/rooms/ROOM{part}")).is_ok_and(|route| route.is_for_peers())
            })
            .collect();
        assert_eq!(open, [("GET", "/tasks"), ("GET", "/vector"), ("POST", "/sync"), ("POST", "/changes")]);
        assert!(!Route::Rooms.is_for_peers());
    }

    proptest! {
        #[test]
        fn any_text_finds_a_route_or_a_4xx(method in "\\PC{0,8}", path in "(/peer/v1/)?(rooms/)?(\\PC{0,40}/?){0,6}") {
            if let Err(failure) = Route::find(&method, &path) {
                prop_assert!((400..500).contains(&failure.problem.status));
            }
        }
    }
}
