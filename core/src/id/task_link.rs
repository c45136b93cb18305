use super::readings::{MAX_BYTES, Taker, readings};
use super::{RoomId, TaskId};

/// A task of a room: where whoever is in the room finds it.
///
/// As a link it is `https://HOST/#<room>/<task>`. It has no secret in it and lets nobody in, so it can stand in a chat or on a
/// sticker.
///
/// ```
/// use partyline_core::id::TaskLink;
///
/// let text = "https://tasks.example/#6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f/7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e";
/// let link = TaskLink::find(text).unwrap();
/// assert_eq!(link.to_url("https://tasks.example"), text);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskLink {
    /// Which room.
    pub room: RoomId,
    /// Which of its tasks.
    pub task: TaskId,
}

impl TaskLink {
    /// Breaks that may stand within each of the two ids.
    const GAPS: usize = 4;

    /// Finds the first such link in a text that people paste, whatever is around it, and however it was encoded, wrapped or
    /// broken on its way. `None` if there is none.
    pub fn find(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let find = |reading: String| (0..reading.len()).find_map(|at| Self::read(reading.as_bytes().get(at..)?));
        readings(text).into_iter().find_map(find)
    }

    /// Reads a link at the front of a text.
    fn read(text: &[u8]) -> Option<Self> {
        let mut taker = Taker::new(text, 0);
        let room = RoomId::parse(&taker.take_uuid(Self::GAPS)?).ok()?;
        taker.take(|byte| byte == b'/')?;
        let task = TaskId::parse(&taker.take_uuid(Self::GAPS)?).ok()?;
        Some(Self { room, task })
    }

    /// The link's fragment, `<room>/<task>`, without the `#`.
    pub fn to_fragment(&self) -> String {
        format!("{}/{}", self.room, self.task)
    }

    /// The link as a URL under an origin such as `https://tasks.example` (no slash at its end).
    pub fn to_url(&self, origin: &str) -> String {
        format!("{origin}/#{}", self.to_fragment())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOM: &str = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f";
    const TASK: &str = "7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e";

    #[test]
    fn is_found_in_what_people_paste() {
        let (start, end) = TASK.split_at(20);
        for text in [
            format!("https://tasks.example/#{ROOM}/{TASK}"),
            format!("#{ROOM}/{TASK}"),
            format!("{}/{}", ROOM.to_uppercase(), TASK.to_uppercase()),
            format!("Gate 3: <https://tasks.example/#{ROOM}/{TASK}>, please"),
            format!("[gate]({ROOM}/{TASK})"),
            format!("https://tracker.example/?to=https%3A%2F%2Ftasks.example%2F%23{ROOM}%2F{TASK}&id=7"),
            format!("> https://tasks.example/#{ROOM}/{start}\n> {end}"),
            format!("{ROOM} and {ROOM}/{TASK}/more"),
        ] {
            let link = TaskLink::find(&text);
            assert_eq!(link.map(|link| link.to_fragment()), Some(format!("{ROOM}/{TASK}")), "{text}");
        }
    }

    #[test]
    fn what_is_no_link_is_none() {
        for text in [
            String::new(),
            format!("#{ROOM}"),
            format!("#{ROOM}/"),
            format!("#{ROOM}/{}", &TASK[1..]),
            format!("#{ROOM}.{TASK}"),
            format!("#{ROOM}/{}", "0".repeat(36)),
            format!("{}#{ROOM}/{TASK}", " ".repeat(MAX_BYTES)),
        ] {
            assert_eq!(TaskLink::find(&text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(before in "\\PC{0,40}", after in "[^0-9a-f]\\PC{0,40}|") {
            let _ = TaskLink::find(&before);
            let text = format!("{} #{ROOM}/{TASK}{after}", before.replace(['/', '='], " "));
            prop_assert!(TaskLink::find(&text).is_some(), "{}", text);
        }
    }
}
