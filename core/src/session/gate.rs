use crate::id::RoomId;

/// A request that a remote peer may not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a peer may not ask for this")]
#[non_exhaustive]
pub struct GateError {
    /// The HTTP status to answer with.
    pub status: u16,
}

/// Says whether a peer that proved to be a member of `room`, and of no other, may make this request.
///
/// Allowed are `GET /peer/v1/health`, and under `/peer/v1/rooms/<room>` `GET tasks` (with a query), `GET vector`,
/// `POST sync` and `POST changes`. The room's secret, the other rooms of this device, and single edits are not among them.
/// Paths are compared as they stand: one that would be the same after decoding or tidying up is refused.
///
/// # Errors
///
/// `403` for everything else.
pub fn peer_gate(room: RoomId, method: &str, path: &str) -> Result<(), GateError> {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let in_room = path.strip_prefix("/peer/v1/rooms/").and_then(|rest| rest.strip_prefix(room.to_string().as_str()));
    let allowed = match (method, query) {
        ("GET", None) => path == "/peer/v1/health" || matches!(in_room, Some("/tasks" | "/vector")),
        ("GET", Some(query)) => in_room == Some("/tasks") && query.bytes().all(is_plain),
        ("POST", None) => matches!(in_room, Some("/sync" | "/changes")),
        _ => false,
    };
    if allowed { Ok(()) } else { Err(GateError { status: 403 }) }
}

/// Characters of a query that mean the same to everybody.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"=&-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOM: &str = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f";
    const OTHER: &str = "00000000-4a5b-4c6d-8e7f-0a1b2c3d4e5f";

    fn gate(method: &str, path: &str) -> Result<(), GateError> {
        peer_gate(RoomId::parse(ROOM).unwrap(), method, &path.replace("ROOM", ROOM))
    }

    #[test]
    fn lets_through_what_syncing_takes() {
        for (method, path) in [
            ("GET", "/peer/v1/health"),
            ("GET", "/peer/v1/rooms/ROOM/tasks"),
            ("GET", "/peer/v1/rooms/ROOM/tasks?since=12"),
            ("GET", "/peer/v1/rooms/ROOM/vector"),
            ("POST", "/peer/v1/rooms/ROOM/sync"),
            ("POST", "/peer/v1/rooms/ROOM/changes"),
        ] {
            assert_eq!(gate(method, path), Ok(()), "{method} {path}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        let refused = Err(GateError { status: 403 });
        for (method, path) in [
            // What only this device's own pages may do.
            ("GET", "/peer/v1/rooms"),
            ("GET", "/peer/v1/rooms/ROOM"),
            ("PUT", "/peer/v1/rooms/ROOM"),
            ("DELETE", "/peer/v1/rooms/ROOM"),
            ("GET", "/peer/v1/rooms/ROOM/devices"),
            ("PUT", "/peer/v1/rooms/ROOM/device"),
            ("POST", "/peer/v1/rooms/ROOM/key"),
            ("POST", "/peer/v1/rooms/ROOM/tasks"),
            ("PATCH", "/peer/v1/rooms/ROOM/tasks/1"),
            ("DELETE", "/peer/v1/rooms/ROOM/tasks/1"),
            ("GET", "/peer/v1/rooms/ROOM/tasks/1"),
            // Other methods.
            ("POST", "/peer/v1/health"),
            ("HEAD", "/peer/v1/health"),
            ("get", "/peer/v1/health"),
            ("GET", "/peer/v1/rooms/ROOM/sync"),
            ("GET", "/peer/v1/rooms/ROOM/changes"),
            ("POST", "/peer/v1/rooms/ROOM/vector"),
            // Other spellings.
            ("GET", ""),
            ("GET", "/"),
            ("GET", "peer/v1/health"),
            ("GET", "/peer/v1/health/"),
            ("GET", "/peer/v1/health?x"),
            ("GET", "/peer//v1/health"),
            ("GET", "//other.example/peer/v1/health"),
            ("GET", "https://other.example/peer/v1/health"),
            ("GET", "/peer/v2/health"),
            ("GET", "/peer/v1/rooms/ROOM//tasks"),
            ("GET", "/peer/v1/rooms/ROOM/tasks/"),
            ("GET", "/peer/v1/rooms/ROOM/tasks/.."),
            ("GET", "/peer/v1/rooms/ROOM/%74asks"),
            ("GET", "/peer/v1/rooms/ROOM/tasks#x"),
            ("GET", "/peer/v1/rooms/ROOM/tasks?since=1#x"),
            ("GET", "/peer/v1/rooms/ROOM/tasks?since=1?"),
            ("GET", "/peer/v1/rooms/ROOM/tasks?/../.."),
            ("GET", "/peer/v1/rooms/x/../ROOM/tasks"),
            ("GET", "/peer/v1/rooms/ROOMx/tasks"),
            ("POST", "/peer/v1/rooms/ROOM/sync?x=1"),
        ] {
            assert_eq!(gate(method, path), refused, "{method} {path}");
        }
        for (method, end) in [("GET", "tasks"), ("GET", "vector"), ("POST", "sync"), ("POST", "changes")] {
            assert_eq!(gate(method, &format!("/peer/v1/rooms/{OTHER}/{end}")), refused);
            let shouted = format!("/peer/v1/rooms/{}/{end}", ROOM.to_uppercase());
            assert_eq!(gate(method, &shouted), refused);
        }
    }

    proptest! {
        #[test]
        fn survives_any_text(method in "\\PC{0,8}", path in "\\PC{0,80}") {
            prop_assert!(gate(&method, &path).is_err());
        }

        #[test]
        fn one_changed_character_is_refused(at: prop::sample::Index, char in "[ -~]") {
            let path = format!("/peer/v1/rooms/{ROOM}/vector");
            let at = at.index(path.len());
            let mut changed = path.clone();
            changed.replace_range(at..=at, &char);
            prop_assume!(changed != path);
            prop_assert!(gate("GET", &changed).is_err());
        }
    }
}
