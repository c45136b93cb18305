//! Changes in columns: what is alike stands together, so that a general compressor finds it, and one edit by itself is
//! some thirty bytes.

use litemap::LiteMap;

use crate::clock::Stamp;
use crate::id::{DeviceId, TaskId};
use crate::replica::wire::DecodeError;
use crate::replica::{
    Change, Date, Dot, LabelOp, MAX_CHANGES, MAX_OPS, MAX_SEQ, ObjectId, Op, Position, Priority, Status, VersionVector,
};

const NAME: u8 = 0;
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
const FIELDS: usize = 13;

const ROOM: u64 = 0;
const TASK: u64 = 1;
const DEVICE: u64 = 2;
const SAME: u64 = 3;
/// And from here on, less this, the device of the dot that the object is named by.
const BY_DOT: u64 = 4;

/// Finds the object that a change is about, by its dot.
pub(crate) type Resolve<'a> = &'a dyn Fn(Dot) -> Option<ObjectId>;

/// Changes in their binary form, in two parts.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// What no compressor makes smaller: ids of tasks and devices.
    pub(crate) ids: Vec<u8>,
    /// Everything else.
    pub(crate) columns: Vec<u8>,
}

/// What a change is before its operations.
#[derive(Clone, Copy)]
pub(crate) struct ChangeHead {
    pub(crate) dot: Dot,
    pub(crate) stamp: Stamp,
    pub(crate) object: ObjectId,
    pub(crate) complete: bool,
}

impl ChangeHead {
    fn of(change: &Change) -> Self {
        Self { dot: change.dot, stamp: change.stamp, object: change.object, complete: change.complete }
    }
}

/// Writes changes in columns.
///
/// `ids` has 16 bytes for each task and each device that a change is about, or the number of another change about
/// it, in the order of the changes; and then the table of the devices that wrote or are mentioned. The columns are, all
/// numbers in LEB128:
///
/// 1. how many changes there are;
/// 2. on a page, the arrival numbers, each less the one before;
/// 3. a head each: the device's place in the table × 4, + 1 if incomplete, + 2 if the counter is another than expected:
///    one more than that of the change before, if that was in the same millisecond, otherwise 0;
/// 4. their numbers, less the last of that device, less 1 (zigzag);
/// 5. their times in milliseconds, less that of the change before (zigzag);
/// 6. the counters that are not as expected, less what was expected (zigzag);
/// 7. how many operations each has, less 1;
/// 8. the fields of all operations, a byte each;
/// 9. what each is about: the room, a task, a device, the same as the change before; or the place of the device whose
///    change about it has a number in `ids`;
/// 10. field by field, the values: lengths before texts.
#[derive(Default)]
pub(crate) struct ColumnWriter {
    devices: LiteMap<DeviceId, usize>,
    last_seq: Vec<u64>,
    last_millis: u64,
    last_counter: u32,
    last_arrival: u64,
    last_object: Option<ObjectId>,
    count: usize,
    ids: Vec<u8>,
    table: Vec<u8>,
    arrivals: Vec<u8>,
    heads: Vec<u8>,
    seqs: Vec<u8>,
    millis: Vec<u8>,
    counters: Vec<u8>,
    sizes: Vec<u8>,
    fields: Vec<u8>,
    objects: Vec<u8>,
    seen_sizes: Vec<u8>,
    seen: Vec<u8>,
    lengths: [Vec<u8>; FIELDS],
    values: [Vec<u8>; FIELDS],
}

impl ColumnWriter {
    /// How many changes there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Bytes of both parts.
    pub(crate) fn len(&self) -> usize {
        let columns = [
            &self.ids,
            &self.table,
            &self.arrivals,
            &self.heads,
            &self.seqs,
            &self.millis,
            &self.counters,
            &self.sizes,
            &self.fields,
            &self.objects,
            &self.seen_sizes,
            &self.seen,
        ];
        let values = self.lengths.iter().chain(&self.values);
        5 + columns.into_iter().chain(values).map(Vec::len).sum::<usize>()
    }

    /// More bytes than a change without operations adds to [`ColumnWriter::len`]: device and its place in the table, number,
    /// time, counter, size, arrival, object (at its longest a device and a number again).
    pub(crate) const HEAD_AT_MOST: usize = (16 + 5) + 10 + 10 + 5 + 2 + 10 + (16 + 5 + 8);

    /// More bytes than an operation adds.
    pub(crate) fn at_most(op: &Op) -> usize {
        match op {
            Op::AddLabel(op) | Op::RemoveLabel(op) => op.label.len() + 10 + op.seen.len() * (16 + 5 + 8),
            op => weight(op) + 10,
        }
    }

    /// Adds a change.
    pub(crate) fn push(&mut self, change: &Change, reference: Option<Dot>) {
        self.begin(ChangeHead::of(change), reference);
        for op in &change.ops {
            self.op(op);
        }
        self.end(change.ops.len());
    }

    /// Puts the arrival number of the next change.
    pub(crate) fn arrival(&mut self, arrival: u64) {
        put(&mut self.arrivals, arrival.saturating_sub(self.last_arrival));
        self.last_arrival = arrival;
    }

    /// Begins a change. Its object is named by `reference` if there is one: a change about it that the reader has.
    pub(crate) fn begin(&mut self, head: ChangeHead, reference: Option<Dot>) {
        let ChangeHead { dot, stamp, object, complete } = head;
        let place = self.place(dot.device);
        let expected = expected(self.count > 0 && stamp.millis == self.last_millis, self.last_counter);
        let counted = stamp.counter != expected;
        put(&mut self.heads, place as u64 * 4 + u64::from(!complete) + 2 * u64::from(counted));
        let last = self.last_seq.get_mut(place).map_or(0, |last| std::mem::replace(last, dot.seq));
        put_signed(&mut self.seqs, dot.seq.wrapping_sub(last).wrapping_sub(1));
        put_signed(&mut self.millis, stamp.millis.wrapping_sub(self.last_millis));
        self.last_millis = stamp.millis;
        self.last_counter = stamp.counter;
        if counted {
            put_signed(&mut self.counters, u64::from(stamp.counter).wrapping_sub(expected.into()));
        }
        if self.last_object == Some(object) {
            put(&mut self.objects, SAME);
        } else if let Some(dot) = reference {
            let place = self.place(dot.device);
            put(&mut self.objects, BY_DOT + place as u64);
            // As random as an id.
            put(&mut self.ids, dot.seq);
        } else {
            match object {
                ObjectId::Room => put(&mut self.objects, ROOM),
                ObjectId::Task(task) => {
                    put(&mut self.objects, TASK);
                    self.ids.extend_from_slice(task.as_bytes());
                }
                ObjectId::Device(device) => {
                    put(&mut self.objects, DEVICE);
                    self.ids.extend_from_slice(&device.to_bytes());
                }
            }
        }
        self.last_object = Some(object);
        self.count += 1;
    }

    /// Adds an operation to the change that was begun.
    pub(crate) fn op(&mut self, op: &Op) {
        match op {
            Op::Name(text) => self.text(NAME, text.as_bytes()),
            Op::Title(text) => self.text(TITLE, text.as_bytes()),
            Op::Notes(text) => self.text(NOTES, text.as_bytes()),
            Op::Status(status) => self.number(STATUS, status.to_code().into()),
            Op::Priority(priority) => self.number(PRIORITY, priority.get().into()),
            Op::Due(due) => self.number(DUE, due.map_or(0, |date| zigzag(date.to_code() as u64) + 1)),
            Op::Assignee(text) => self.text(ASSIGNEE, text.as_bytes()),
            Op::Position(position) => self.text(POSITION, position.as_bytes()),
            Op::Parent(None) => self.text(PARENT, &[]),
            Op::Parent(Some(task)) => self.text(PARENT, task.as_bytes()),
            // Nearly always the time of the change itself.
            Op::CreatedAt(created) => self.number(CREATED_AT, zigzag(created.wrapping_sub(self.last_millis))),
            Op::Deleted => self.fields.push(DELETED),
            Op::AddLabel(op) => self.label(ADD_LABEL, op),
            Op::RemoveLabel(op) => self.label(REMOVE_LABEL, op),
        }
    }

    /// Ends the change, which had so many operations.
    pub(crate) fn end(&mut self, ops: usize) {
        put(&mut self.sizes, (ops as u64).saturating_sub(1));
    }

    fn text(&mut self, field: u8, text: &[u8]) {
        self.fields.push(field);
        let column = usize::from(field);
        if let (Some(lengths), Some(values)) = (self.lengths.get_mut(column), self.values.get_mut(column)) {
            put(lengths, text.len() as u64);
            values.extend_from_slice(text);
        }
    }

    fn number(&mut self, field: u8, value: u64) {
        self.fields.push(field);
        if let Some(values) = self.values.get_mut(usize::from(field)) {
            put(values, value);
        }
    }

    fn label(&mut self, field: u8, op: &LabelOp) {
        self.text(field, op.label.as_bytes());
        put(&mut self.seen_sizes, op.seen.len() as u64);
        for (device, seq) in op.seen.iter() {
            let place = self.place(device);
            put(&mut self.seen, place as u64);
            put(&mut self.seen, seq);
        }
    }

    fn place(&mut self, device: DeviceId) -> usize {
        let next = self.devices.len();
        let place = *self.devices.entry(device).or_insert(next);
        if place == next {
            self.table.extend_from_slice(&device.to_bytes());
            self.last_seq.push(0);
        }
        place
    }

    pub(crate) fn finish(mut self) -> Encoded {
        self.ids.append(&mut self.table);
        let mut columns = Vec::with_capacity(self.len());
        put(&mut columns, self.count as u64);
        for column in [
            &self.arrivals,
            &self.heads,
            &self.seqs,
            &self.millis,
            &self.counters,
            &self.sizes,
            &self.fields,
            &self.objects,
            &self.seen_sizes,
            &self.seen,
        ] {
            columns.extend_from_slice(column);
        }
        for (lengths, values) in self.lengths.iter().zip(&self.values) {
            columns.extend_from_slice(lengths);
            columns.extend_from_slice(values);
        }
        Encoded { ids: self.ids, columns }
    }
}

/// What the counter of a change most likely is.
fn expected(is_same_time: bool, last_counter: u32) -> u32 {
    if is_same_time { last_counter.saturating_add(1) } else { 0 }
}

/// About how many bytes an operation takes.
pub(crate) fn weight(op: &Op) -> usize {
    2 + match op {
        Op::Name(text) | Op::Title(text) | Op::Notes(text) | Op::Assignee(text) => text.len(),
        Op::Position(position) => position.as_bytes().len(),
        Op::Parent(Some(_)) => 16,
        Op::Status(_) | Op::Priority(_) | Op::Parent(None) | Op::CreatedAt(_) | Op::Deleted => 0,
        Op::Due(_) => 2,
        Op::AddLabel(op) | Op::RemoveLabel(op) => op.label.len() + 4 * op.seen.len(),
    }
}

/// Reads what a [`ColumnWriter`] wrote: the changes, and on a page their arrival numbers. The operations of a change come
/// in the order of their fields.
pub(crate) fn read(
    ids: &[u8],
    columns: &[u8],
    arrivals: Option<&mut Vec<u64>>,
    resolve: Resolve<'_>,
) -> Result<Vec<Change>, DecodeError> {
    let mut input = Input(columns);
    let count = input.size(MAX_CHANGES)?;
    if let Some(arrivals) = arrivals {
        let mut arrival = 0_u64;
        for _ in 0..count {
            arrival = arrival.checked_add(input.number()?).ok_or(DecodeError::Malformed)?;
            arrivals.push(arrival);
        }
    }
    let heads = input.numbers(count)?;
    let seqs = input.numbers(count)?;
    let times = input.numbers(count)?;
    let counted = heads.iter().filter(|head| *head & 2 != 0).count();
    let mut counters = input.numbers(counted)?.into_iter();
    let sizes = input.numbers(count)?;
    let total = sizes.iter().try_fold(0_usize, |sum, size| {
        if *size >= MAX_OPS as u64 { None } else { sum.checked_add(*size as usize + 1) }
    });
    let fields = input.take(total.ok_or(DecodeError::Malformed)?)?;
    let (objects, devices) = objects(&mut input, count, ids, resolve)?;

    let device = |place: u64| {
        usize::try_from(place).ok().and_then(|place| devices.get(place)).copied().ok_or(DecodeError::Malformed)
    };
    let mut last_seq: Vec<u64> = vec![0; devices.len()];
    let (mut millis, mut counter) = (0_u64, 0_u32);
    let mut changes = Vec::with_capacity(count);
    for ((((head, seq), time), size), object) in heads.into_iter().zip(seqs).zip(times).zip(&sizes).zip(objects) {
        let place = head >> 2;
        let author = device(place)?;
        let last = usize::try_from(place).ok().and_then(|place| last_seq.get_mut(place));
        let last = last.ok_or(DecodeError::Malformed)?;
        let seq = last.wrapping_add(unzigzag(seq)).wrapping_add(1);
        *last = seq;
        millis = millis.wrapping_add(unzigzag(time));
        let off = if head & 2 == 0 { 0 } else { unzigzag(counters.next().unwrap_or_default()) };
        let is_same = time == 0 && !changes.is_empty();
        counter = u32::try_from(u64::from(expected(is_same, counter)).wrapping_add(off))
            .map_err(|_| DecodeError::Malformed)?;
        let size = usize::try_from(*size).map_err(|_| DecodeError::Malformed)?;
        changes.push(Change {
            dot: Dot { device: author, seq },
            stamp: Stamp { millis, counter, device: author },
            object,
            complete: head & 1 == 0,
            ops: Vec::with_capacity(size + 1),
        });
    }

    let is_label = |field: &u8| matches!(*field, ADD_LABEL | REMOVE_LABEL);
    let seen_sizes = input.numbers(fields.iter().filter(|field| is_label(field)).count())?;
    let mut seen = Vec::with_capacity(seen_sizes.len());
    for size in seen_sizes {
        let mut vector = VersionVector::new();
        for _ in 0..size {
            let (device, seq) = (device(input.number()?)?, input.number()?);
            if seq == 0 || seq > MAX_SEQ || vector.get(device) > 0 {
                return Err(DecodeError::Malformed);
            }
            vector.raise(device, seq).map_err(|_| DecodeError::Malformed)?;
        }
        seen.push(vector);
    }
    for field in 0..FIELDS as u8 {
        let count = fields.iter().filter(|other| **other == field).count();
        if count == 0 {
            continue;
        }
        let numbers = if field == DELETED { Vec::new() } else { input.numbers(count)? };
        let is_text = !matches!(field, STATUS | PRIORITY | DUE | CREATED_AT);
        let bytes =
            if is_text { numbers.iter().try_fold(0_usize, |sum, len| sum.checked_add(*len as usize)) } else { Some(0) };
        let mut texts = Input(input.take(bytes.ok_or(DecodeError::Malformed)?)?);
        let (mut numbers, mut seen) = (numbers.into_iter(), seen.iter_mut());
        let mut fields = fields.iter();
        for (change, size) in changes.iter_mut().zip(&sizes) {
            for other in fields.by_ref().take(*size as usize + 1) {
                let seen = if is_label(other) { seen.next() } else { None };
                if *other == field {
                    let number = numbers.next().unwrap_or_default();
                    let bytes = if is_text { texts.take(number as usize)? } else { &[] };
                    let seen = seen.map(std::mem::take).unwrap_or_default();
                    change.ops.push(op(field, number, bytes, seen, change.stamp.millis)?);
                }
            }
        }
    }
    if !input.0.is_empty() || fields.iter().any(|field| usize::from(*field) >= FIELDS) {
        return Err(DecodeError::Malformed);
    }
    changes.iter().try_for_each(Change::check).map_err(|_| DecodeError::Malformed)?;
    Ok(changes)
}

/// An operation, from its number or its bytes.
fn op(field: u8, number: u64, bytes: &[u8], seen: VersionVector, millis: u64) -> Result<Op, DecodeError> {
    let malformed = DecodeError::Malformed;
    let text = || std::str::from_utf8(bytes).map(Box::from).map_err(|_| malformed);
    let label = || text().map(|label| Box::new(LabelOp { label, seen }));
    Ok(match field {
        NAME => Op::Name(text()?),
        TITLE => Op::Title(text()?),
        NOTES => Op::Notes(text()?),
        ASSIGNEE => Op::Assignee(text()?),
        STATUS => Op::Status(Status::from_code(number).ok_or(malformed)?),
        PRIORITY => Op::Priority(u8::try_from(number).ok().and_then(Priority::new).ok_or(malformed)?),
        DUE => Op::Due(match number {
            0 => None,
            code => Some(Date::from_code(unzigzag(code - 1) as i64).ok_or(malformed)?),
        }),
        POSITION => Op::Position(Position::from_bytes(bytes.into()).ok_or(malformed)?),
        PARENT if bytes.is_empty() => Op::Parent(None),
        PARENT => Op::parent(Some(task(bytes)?)),
        CREATED_AT => Op::CreatedAt(millis.wrapping_add(unzigzag(number))),
        ADD_LABEL => Op::AddLabel(label()?),
        REMOVE_LABEL => Op::RemoveLabel(label()?),
        _ => Op::Deleted,
    })
}

/// Reads the objects, and the table of devices that is left of the ids.
fn objects(
    input: &mut Input<'_>,
    count: usize,
    ids: &[u8],
    resolve: Resolve<'_>,
) -> Result<(Vec<ObjectId>, Vec<DeviceId>), DecodeError> {
    let mut ids = Input(ids);
    let mut objects: Vec<ObjectId> = Vec::with_capacity(count);
    // The table comes after the ids, so how long it is shows at the end.
    let mut by_dot: Vec<(usize, u64, u64)> = Vec::new();
    for at in 0..count {
        let object = match input.number()? {
            ROOM => ObjectId::Room,
            TASK => ObjectId::Task(task(ids.take(16)?)?),
            DEVICE => ObjectId::Device(DeviceId::from_bytes(*ids.chunk()?)),
            SAME => {
                if let Some((_, place, seq)) = by_dot.last().copied().filter(|(earlier, ..)| earlier + 1 == at) {
                    by_dot.push((at, place, seq));
                }
                *objects.last().ok_or(DecodeError::Malformed)?
            }
            tag => {
                by_dot.push((at, tag - BY_DOT, ids.number()?));
                ObjectId::Room
            }
        };
        objects.push(object);
    }
    let (table, rest) = ids.0.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(DecodeError::Malformed);
    }
    let devices: Vec<DeviceId> = table.iter().map(|bytes| DeviceId::from_bytes(*bytes)).collect();
    for (at, place, seq) in by_dot {
        let device = usize::try_from(place).ok().and_then(|place| devices.get(place)).copied();
        let dot = Dot { device: device.ok_or(DecodeError::Malformed)?, seq };
        if let Some(object) = objects.get_mut(at) {
            *object = resolve(dot).ok_or(DecodeError::Unresolved)?;
        }
    }
    Ok((objects, devices))
}

fn task(bytes: &[u8]) -> Result<TaskId, DecodeError> {
    let bytes = bytes.try_into().map_err(|_| DecodeError::Malformed)?;
    TaskId::from_bytes(bytes).map_err(|_| DecodeError::Malformed)
}

/// Writes a number, seven bits a byte, the lowest first.
fn put(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a number in two's complement, small if it is near 0 on either side.
fn put_signed(out: &mut Vec<u8>, value: u64) {
    put(out, zigzag(value));
}

fn zigzag(value: u64) -> u64 {
    value << 1 ^ ((value as i64) >> 63) as u64
}

fn unzigzag(value: u64) -> u64 {
    value >> 1 ^ (value & 1).wrapping_neg()
}

/// Bytes that are being read.
struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    fn take(&mut self, len: usize) -> Result<&'b [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Result<&'b [u8; N], DecodeError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(DecodeError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(DecodeError::Malformed)?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(DecodeError::Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Malformed)
    }

    /// A count or length: at most `max`, and at most what is left at a byte an item.
    fn size(&mut self, max: usize) -> Result<usize, DecodeError> {
        let size = usize::try_from(self.number()?).map_err(|_| DecodeError::Malformed)?;
        if size <= max && size <= self.0.len() { Ok(size) } else { Err(DecodeError::Malformed) }
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<u64>, DecodeError> {
        if count > self.0.len() {
            return Err(DecodeError::Malformed);
        }
        (0..count).map(|_| self.number()).collect()
    }
}
