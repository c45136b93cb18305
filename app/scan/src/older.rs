use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

/// The fields of format 1, by their numbers.
const TITLE: u8 = 1;
const NOTES: u8 = 2;
const STATUS: u8 = 3;
const PRIORITY: u8 = 4;
const DUE: u8 = 5;
const ASSIGNEE: u8 = 6;
const POSITION: u8 = 7;
const PARENT: u8 = 8;
const CREATED_AT: u8 = 9;
const DELETED: u8 = 10;
const ADD_LABEL: u8 = 11;
const REMOVE_LABEL: u8 = 12;
const FIELDS: u8 = 13;

/// The version byte of format 1.
const VERSION: u8 = 1;
/// The last moment that has a year of four digits.
const MAX_MILLIS: u64 = 253_402_300_799_999;
/// Bytes of a checksum, which stands at the end of pages and records. Whoever saves takes what can be read, so it is not
/// looked at.
const CHECKSUM: usize = 4;

/// The tasks of a room in format 1, which was never released: read once, to be saved as JSON.
///
/// It is fed with the pages and the records of the log, in any order. What is damaged of them is left out.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Older {
    tasks: BTreeMap<Task, Vec<Op>>,
    unread: u32,
}

type Task = [u8; 16];
type Device = [u8; 8];

/// Milliseconds, counter, device: the order of writes.
type Stamp = (u64, u32, Device);

/// A write to one field, or to one label.
#[derive(Clone, Debug, Default)]
struct Op {
    stamp: Stamp,
    seq: u64,
    field: u8,
    number: u64,
    bytes: Vec<u8>,
    /// Of a label: the last number of each device whose writes to it this one undoes.
    seen: Vec<(Device, u64)>,
}

#[wasm_bindgen]
impl Older {
    /// Of no room yet.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a page.
    pub fn add_page(&mut self, page: &[u8]) {
        self.add(page, true);
    }

    /// Takes a record of the log.
    pub fn add_record(&mut self, record: &[u8]) {
        self.add(record, false);
    }

    /// All that was not deleted, in the order of the list, in the words of the peer API but for moments, which are in Unix
    /// milliseconds; and how many parts could not be read.
    #[must_use]
    pub fn tasks(&self) -> String {
        let mut tasks: Vec<Value> = self.tasks.iter().filter_map(|(id, ops)| task(*id, ops)).collect();
        let place = |task: &Value| [&task["position"], &task["id"]].map(ToString::to_string);
        tasks.sort_by_key(place);
        let all = json!({ "tasks": tasks, "partsThatCouldNotBeRead": self.unread });
        // Writing to memory cannot fail.
        serde_json::to_string(&all).unwrap_or_default()
    }

    fn add(&mut self, bytes: &[u8], is_page: bool) {
        match read(bytes, is_page) {
            Some(changes) => {
                for (task, ops) in changes {
                    self.tasks.entry(task).or_default().extend(ops);
                }
            }
            None => self.unread += 1,
        }
    }
}

/// What a page or record says of tasks; `None` if it cannot be read.
fn read(bytes: &[u8], is_page: bool) -> Option<Vec<(Task, Vec<Op>)>> {
    let (&VERSION, rest) = bytes.split_first()? else { return None };
    let (body, _) = rest.split_at_checked(rest.len().checked_sub(CHECKSUM)?)?;
    let mut cbor = Input(body);
    // An array of two, or of three: a record may have a vector behind these two.
    matches!(cbor.take(1)?, [0x82 | 0x83]).then_some(())?;
    let ids = cbor.cbor_bytes()?;
    columns(ids, cbor.cbor_bytes()?, is_page)
}

/// Changes as format 1 has them: column by column, and the ids beside them.
fn columns(ids: &[u8], columns: &[u8], is_page: bool) -> Option<Vec<(Task, Vec<Op>)>> {
    let mut input = Input(columns);
    let count = input.size()?;
    if is_page {
        // The order of arrival does not matter.
        input.numbers(count)?;
    }
    let (heads, seqs, times) = (input.numbers(count)?, input.numbers(count)?, input.numbers(count)?);
    let mut counters = input.numbers(heads.iter().filter(|head| *head & 2 != 0).count())?.into_iter();
    let sizes = input.numbers(count)?;
    let total =
        sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(usize::try_from(*size).ok()?)?.checked_add(1));
    let fields = input.take(total?)?;
    let (objects, devices) = objects(&mut input, count, ids)?;

    let device = |place: u64| devices.get(usize::try_from(place).ok()?).copied();
    let mut last_seq: BTreeMap<Device, u64> = BTreeMap::new();
    let (mut millis, mut counter) = (0_u64, 0_u32);
    let mut fields = fields.iter();
    let mut changes = Vec::with_capacity(count);
    for (at, ((((head, seq), time), size), object)) in
        heads.into_iter().zip(seqs).zip(times).zip(sizes).zip(objects).enumerate()
    {
        let author = device(head >> 2)?;
        let last = last_seq.entry(author).or_default();
        *last = last.wrapping_add(unzigzag(seq)).wrapping_add(1);
        millis = millis.wrapping_add(unzigzag(time));
        let expected = if time == 0 && at > 0 { counter.saturating_add(1) } else { 0 };
        let off = if head & 2 == 0 { 0 } else { unzigzag(counters.next()?) };
        counter = u32::try_from(u64::from(expected).wrapping_add(off)).ok()?;
        let (stamp, seq) = ((millis, counter, author), *last);
        let of_change = fields.by_ref().take(usize::try_from(size).ok()?.checked_add(1)?);
        let ops: Vec<Op> = of_change.map(|field| Op { stamp, seq, field: *field, ..Op::default() }).collect();
        changes.push((object, ops));
    }

    let is_label = |op: &Op| matches!(op.field, ADD_LABEL | REMOVE_LABEL);
    let labels = changes.iter().flat_map(|(_, ops)| ops).filter(|op| is_label(op)).count();
    let seen_sizes = input.numbers(labels)?;
    for (op, size) in changes.iter_mut().flat_map(|(_, ops)| ops).filter(|op| is_label(op)).zip(seen_sizes) {
        for _ in 0..size {
            op.seen.push((device(input.number()?)?, input.number()?));
        }
    }
    for field in 0..FIELDS {
        let mut ops: Vec<&mut Op> =
            changes.iter_mut().flat_map(|(_, ops)| ops).filter(|op| op.field == field).collect();
        if field != DELETED {
            let numbers = input.numbers(ops.len())?;
            for (op, number) in ops.iter_mut().zip(numbers) {
                op.number = number;
            }
        }
        if !matches!(field, STATUS | PRIORITY | DUE | CREATED_AT | DELETED) {
            for op in ops {
                op.bytes = input.take(usize::try_from(op.number).ok()?)?.to_vec();
            }
        }
    }
    Some(changes.into_iter().filter_map(|(object, ops)| Some((object?, ops))).collect())
}

/// The tasks that changes are about, `None` for what is no task, and the table of devices.
fn objects(input: &mut Input<'_>, count: usize, ids: &[u8]) -> Option<(Vec<Option<Task>>, Vec<Device>)> {
    let mut ids = Input(ids);
    let mut objects: Vec<Option<Task>> = Vec::with_capacity(count);
    for _ in 0..count {
        let object = match input.number()? {
            0 => None,
            1 => Some(ids.take(16)?.try_into().ok()?),
            2 => {
                ids.take(8)?;
                None
            }
            3 => *objects.last()?,
            // By the number of a change: that is only how changes travel.
            _ => return None,
        };
        objects.push(object);
    }
    let (devices, rest) = ids.0.as_chunks::<8>();
    rest.is_empty().then(|| (objects, devices.to_vec()))
}

/// A task as all that was written makes it; `None` if it was deleted, or nothing of it is there.
fn task(id: Task, ops: &[Op]) -> Option<Value> {
    let deletion = ops.iter().filter(|op| op.field == DELETED).map(|op| op.stamp).max();
    let ops: Vec<&Op> = ops.iter().filter(|op| deletion.is_none_or(|deletion| deletion < op.stamp)).collect();
    let last = |field: u8| {
        ops.iter()
            .filter(|op| op.field == field)
            .max_by(|a, b| (a.stamp, a.number, &a.bytes).cmp(&(b.stamp, b.number, &b.bytes)))
    };
    let text = |field: u8| last(field).map(|op| String::from_utf8_lossy(&op.bytes)).unwrap_or_default();
    let number = |field: u8| last(field).map_or(0, |op| op.number);
    let title = text(TITLE);
    if title.is_empty() {
        return None;
    }
    let times = || ops.iter().map(|op| op.stamp.0);
    let made = last(CREATED_AT).map(|op| op.stamp.0.wrapping_add(unzigzag(op.number))).or(times().min());
    let parent = last(PARENT).and_then(|op| Task::try_from(op.bytes.as_slice()).ok());
    let position = last(POSITION).map(|op| &*op.bytes).unwrap_or_default();
    Some(json!({
        "id": uuid(&id),
        "title": title,
        "notes": text(NOTES),
        "status": match number(STATUS) {
            1 => "doing",
            2 => "blocked",
            3 => "done",
            _ => "open",
        },
        "priority": number(PRIORITY),
        "due": due(number(DUE)),
        "assignee": text(ASSIGNEE),
        "labels": labels(&ops),
        "position": hex(position),
        "parent": parent.map(|parent| uuid(&parent)),
        "createdAt": made.map(|millis| millis.min(MAX_MILLIS)),
        "updatedAt": times().max().map(|millis| millis.min(MAX_MILLIS)),
    }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn uuid(bytes: &Task) -> String {
    let mut text = hex(bytes);
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}

/// The labels that are there: added, and by nobody removed or added again who had seen that.
fn labels(ops: &[&Op]) -> BTreeSet<String> {
    let is_label = |op: &&&Op| matches!(op.field, ADD_LABEL | REMOVE_LABEL);
    // Up to which number of each device writes to a label are undone.
    let mut undone: BTreeMap<(&[u8], Device), u64> = BTreeMap::new();
    for op in ops.iter().filter(is_label) {
        // A device has seen what it wrote before.
        let own = (op.stamp.2, op.seq.saturating_sub(1));
        for (device, seq) in op.seen.iter().copied().chain([own]) {
            let entry = undone.entry((&op.bytes, device)).or_default();
            *entry = seq.max(*entry);
        }
    }
    let is_there = |op: &&&Op| {
        op.field == ADD_LABEL && undone.get(&(op.bytes.as_slice(), op.stamp.2)).is_none_or(|undone| *undone < op.seq)
    };
    ops.iter().filter(is_there).map(|op| String::from_utf8_lossy(&op.bytes).into_owned()).collect()
}

/// A day: nothing, or 1 more than the months since 2000 times 31 and the day of the month less 1.
fn due(number: u64) -> Option<String> {
    let code = unzigzag(number.checked_sub(1)?) as i64;
    let (months, day) = (code.div_euclid(31), code.rem_euclid(31) + 1);
    let (year, month) = (months.div_euclid(12).checked_add(2000)?, months.rem_euclid(12) + 1);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

fn unzigzag(value: u64) -> u64 {
    value >> 1 ^ (value & 1).wrapping_neg()
}

/// Bytes that are being read.
struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// In LEB128.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A byte string of CBOR.
    fn cbor_bytes(&mut self) -> Option<&'b [u8]> {
        let head = *self.take(1)?.first()?;
        let len = match head {
            0x40..=0x57 => u64::from(head - 0x40),
            0x58..=0x5b => self.take(1 << (head - 0x58))?.iter().fold(0, |len, byte| len << 8 | u64::from(*byte)),
            _ => return None,
        };
        self.take(usize::try_from(len).ok()?)
    }

    /// A count, of what takes a byte at least.
    fn size(&mut self) -> Option<usize> {
        let size = usize::try_from(self.number()?).ok()?;
        (size <= self.0.len()).then_some(size)
    }

    fn numbers(&mut self, count: usize) -> Option<Vec<u64>> {
        if count > self.0.len() {
            return None;
        }
        (0..count).map(|_| self.number()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What format 1 looked like: name and bytes, as the last version that wrote it did.
    const FORMAT_1: &str = include_str!("../tests/format-1.txt");

    fn stored(name: &str) -> Vec<u8> {
        let hex = FORMAT_1.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn saved(older: &Older) -> Value {
        serde_json::from_str(&older.tasks()).unwrap()
    }

    #[test]
    fn what_format_1_kept_is_read() {
        let mut older = Older::new();
        for name in ["page-3", "page-0", "page-2", "page-1"] {
            older.add_page(&stored(name));
        }
        let milk = json!({
            "id": "01010101-0101-4101-8101-010101010101",
            "title": "Buy milk",
            "notes": "Zwei Liter, «haltbar» 🥛",
            "status": "done",
            "priority": 3,
            "due": null,
            "assignee": "Carol",
            "labels": ["shop"],
            "position": "8180",
            "parent": "02020202-0202-4202-8202-020202020202",
            "createdAt": 1_790_000_000_000_u64,
            "updatedAt": 1_790_000_070_000_u64,
        });
        let mut whole = saved(&older);
        assert_eq!(whole["partsThatCouldNotBeRead"], 0);
        let tasks = whole["tasks"].as_array_mut().unwrap();
        // The third one was deleted.
        assert_eq!(tasks.iter().map(|task| &task["title"]).collect::<Vec<_>>(), ["Shopping", "Buy milk"]);
        assert_eq!(tasks.pop().unwrap(), milk);
        // The log goes on from there.
        older.add_record(&stored("record"));
        assert_eq!(saved(&older)["tasks"][1]["status"], "doing");
    }

    #[test]
    fn what_is_damaged_or_of_another_format_is_left_out_and_counted() {
        let mut older = Older::new();
        let page = stored("page-1");
        older.add_page(&page[..page.len() / 2]);
        older.add_page(&[&[2], &page[1..]].concat());
        older.add_record(&[]);
        older.add_page(&stored("page-2"));
        let saved = saved(&older);
        assert_eq!(saved["partsThatCouldNotBeRead"], 3);
        assert_eq!(saved["tasks"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn days_are_read() {
        let code = |year: i64, month: i64, day: i64| {
            let code = ((year - 2000) * 12 + month - 1) * 31 + day - 1;
            (code << 1 ^ code >> 63) as u64 + 1
        };
        assert_eq!(due(0), None);
        for (year, month, day, text) in [(2026, 10, 25, "2026-10-25"), (1999, 12, 31, "1999-12-31")] {
            assert_eq!(due(code(year, month, day)).as_deref(), Some(text));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(
            name in prop::sample::select(vec!["page-0", "page-1", "page-2", "page-3", "record"]),
            changed in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            is_page: bool,
        ) {
            let mut bytes = stored(name);
            for (at, byte) in changed {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let mut older = Older::new();
            older.add(&bytes, is_page);
            prop_assert!(saved(&older)["tasks"].is_array());
        }
    }
}
