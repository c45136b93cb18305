//! What Partyline keeps and merges tasks with, as a library of its own: to be measured beside the libraries that do the
//! same. It adds nothing to `core` and to the store of `sw` but the way into JavaScript.

use partyline_core::id::{DeviceId, RoomId, RoomSecret, TaskId};
use partyline_core::replica::{
    Batch, Change, Date, ObjectId, Op, Position, Priority, Replica, Status, SyncAnswer, SyncRequest,
};
use partyline_sw::store::{Head, IndexedStore, Outcome, Rewrite, RoomRecord, Store};
use wasm_bindgen::prelude::*;

/// Bytes of a page on disk, as in the service worker.
const PAGE: usize = 256 << 10;
/// The one room of a database.
const ROOM: &str = "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f";

/// One device's copy of a list.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    replica: Replica,
    last: Option<Position>,
}

/// Why is left out: the words for it are not the engine's to carry.
fn refused<E>(_: E) -> JsError {
    JsError::new("refused")
}

fn now() -> u64 {
    js_sys::Date::now() as u64
}

fn object(id: &str) -> Result<ObjectId, JsError> {
    Ok(ObjectId::Task(TaskId::parse(id).map_err(refused)?))
}

fn op(field: &str, value: String) -> Result<Op, JsError> {
    Ok(match field {
        "title" => Op::Title(value.into()),
        "notes" => Op::Notes(value.into()),
        "assignee" => Op::Assignee(value.into()),
        "done" => Op::Status(if value == "true" { Status::Done } else { Status::Open }),
        "due" => Op::Due(Some(Date::parse(&value).map_err(refused)?)),
        "priority" => {
            let level = value.bytes().next().unwrap_or_default().wrapping_sub(b'0');
            Op::Priority(Priority::new(level).ok_or_else(|| refused("a priority is 0 to 3"))?)
        }
        _ => return Err(refused("no such field")),
    })
}

/// Adds a text to JSON. What cannot stand in its quotes is escaped in the one way that fits all.
fn quote(json: &mut String, text: &str) {
    json.push('"');
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| matches!(byte, ..b' ' | b'"' | b'\\')) {
        json.push_str(text.get(written..at).unwrap_or_default());
        json.push_str("\\u00");
        json.extend([byte >> 4, byte & 15].into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)));
        written = at + 1;
    }
    json.push_str(text.get(written..).unwrap_or_default());
    json.push_str("\",");
}

fn device_id(number: u32) -> DeviceId {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    DeviceId::from_bytes(id)
}

#[wasm_bindgen]
impl Engine {
    /// An empty copy.
    #[wasm_bindgen(constructor)]
    pub fn new(device: u32) -> Self {
        Self { replica: Replica::new(device_id(device)), last: None }
    }

    /// The number that it was made with: whose edits these are.
    pub fn number(&self) -> u32 {
        self.replica.device().to_bytes().first_chunk().copied().map_or(0, u32::from_be_bytes)
    }

    fn edit(&mut self, object: ObjectId, ops: Vec<Op>) -> Result<Change, JsError> {
        self.replica.edit(object, ops, now()).map_err(refused)
    }

    /// Adds a task at the end.
    #[expect(clippy::too_many_arguments, reason = "what a task has")]
    pub fn add(
        &mut self,
        id: &str,
        title: String,
        notes: String,
        done: bool,
        assignee: String,
        due: &str,
        priority: u8,
    ) -> Result<(), JsError> {
        let position = Position::between(self.last.as_ref(), None, self.replica.device()).unwrap_or_default();
        self.last = Some(position.clone());
        let ops = vec![
            Op::Title(title.into()),
            Op::Notes(notes.into()),
            Op::Status(if done { Status::Done } else { Status::Open }),
            Op::Priority(Priority::new(priority).unwrap_or_default()),
            Op::Due(Some(Date::parse(due).map_err(refused)?)),
            Op::Assignee(assignee.into()),
            Op::Position(position),
            Op::CreatedAt(now()),
        ];
        self.edit(object(id)?, ops).map(drop)
    }

    /// Sets a field to what a text says, and answers the live change as it is sent to others.
    pub fn set(&mut self, id: &str, field: &str, value: String) -> Result<Vec<u8>, JsError> {
        let change = self.edit(object(id)?, vec![op(field, value)?])?;
        Ok(self.replica.encode_own(&Batch::live(vec![change])))
    }

    /// Asks for what is not here, from where the answer before ended.
    pub fn request(&self, vector_of: Option<Vec<u8>>, cursor: Option<u64>) -> Result<Vec<u8>, JsError> {
        let request = match vector_of {
            Some(earlier) => SyncRequest { cursor, ..SyncRequest::decode(&earlier).map_err(refused)? },
            None => SyncRequest { cursor, ..self.replica.asking() },
        };
        Ok(request.encode())
    }

    /// Answers such a request.
    pub fn answer(&self, request: &[u8], max_bytes: usize) -> Result<Vec<u8>, JsError> {
        Ok(self.replica.answer_encoded(&SyncRequest::decode(request).map_err(refused)?, max_bytes))
    }

    /// Merges an answer, or a live change of the device that is known to send it.
    pub fn apply(&mut self, bytes: &[u8], sender: Option<u32>) -> Result<(), JsError> {
        let asker = Some(self.replica.device());
        if SyncAnswer::peek(bytes).is_err() {
            let batch = self.replica.decode(bytes, sender.map(device_id)).map_err(refused)?;
            return self.replica.apply(batch, now()).map(drop).map_err(refused);
        }
        let answer = self.replica.decode_answer(bytes).map_err(refused)?;
        let batch = Batch { asker, ..answer.batch.clone() };
        self.replica.apply(batch, now()).map_err(refused)?;
        // The digests are compared, as in the service worker.
        self.replica.following(&answer, true, 0);
        Ok(())
    }

    /// All tasks, as JSON: an array with an array for each, of its texts (of a date that is not there an empty one), whether
    /// it is done, and its priority.
    pub fn all(&self) -> String {
        let mut json = String::from("[");
        for task in self.replica.tasks() {
            json.push_str(if json.len() > 1 { ",[" } else { "[" });
            quote(&mut json, &task.id.to_string());
            quote(&mut json, &task.title);
            quote(&mut json, &task.notes);
            quote(&mut json, &task.assignee);
            quote(&mut json, &task.due.map(|date| date.to_string()).unwrap_or_default());
            quote(&mut json, &task.position.to_string());
            json.push_str(if task.status == Status::Done { "true," } else { "false," });
            json.push(char::from(b'0' + task.priority.get()));
            json.push(']');
        }
        json.push(']');
        json
    }

    /// Keeps everything in a new database of this name. Resolved when it is on the disk.
    pub async fn save(&self, name: String) -> Result<(), JsError> {
        let store = IndexedStore::new(&name);
        let room = RoomId::parse(ROOM).map_err(refused)?;
        let record = RoomRecord {
            room,
            secret: RoomSecret::from_bytes([7; 32]),
            key: None,
            joined_at: 0,
            renewed_at: 0,
            name: String::new(),
        };
        store.create(&record, None).await.map_err(refused)?;
        let head = Head::of_new_room(record.joined_at);
        let written = store.rewrite(room, head, &Rewrite::of(self.replica.to_pages(PAGE))).await;
        store.close();
        match written.map_err(refused)? {
            Outcome::Written(_) => Ok(()),
            Outcome::Behind => Err(refused("somebody else writes")),
        }
    }

    /// Opens what was kept.
    pub async fn load(name: String) -> Result<Engine, JsError> {
        let store = IndexedStore::new(&name);
        let room = RoomId::parse(ROOM).map_err(refused)?;
        let stored = store.read(room, None).await.map_err(refused)?;
        store.close();
        let pages = stored.and_then(|stored| stored.pages).ok_or_else(|| refused("not there"))?;
        let pages = (&pages.manifest, pages.pages.iter().map(|page| (page.number, &page.bytes)));
        let replica = Replica::from_pages(pages.0, pages.1).map_err(refused)?;
        Ok(Self { replica, last: None })
    }
}

/// How much of an answer stands before what a compressor makes smaller.
#[wasm_bindgen]
pub fn plain(answer: &[u8]) -> Result<usize, JsError> {
    Ok(SyncAnswer::peek(answer).map_err(refused)?.1)
}

/// Where the chunk after this one begins.
#[wasm_bindgen]
pub fn next(answer: &[u8]) -> Result<Option<u64>, JsError> {
    Ok(SyncAnswer::peek(answer).map_err(refused)?.0.next)
}
