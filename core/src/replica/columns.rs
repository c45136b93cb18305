//! Changes in columns: what is alike stands together, so that a general compressor finds it, and one edit by itself is
//! some thirty bytes.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::clock::Stamp;
use crate::id::{DeviceId, TaskId};
use crate::replica::op::{Shape, Value};
use crate::replica::wire::{DecodeError, unzigzag, zigzag};
use crate::replica::work::step;
use crate::replica::{
    Change, Dot, Field, MAX_BATCH_OPS, MAX_CHANGES, MAX_OPS, MAX_VALUE, ObjectId, Op, OtherObject, Removal,
};

const ROOM: u64 = 0;
const DEVICE: u64 = 1;
const TASK: u64 = 2;
const SAME: u64 = 3;
const BY_PREFIX: u64 = 4;
const OTHER: u64 = 5;
/// And from here on, less this, the device of the dot that the object is named by.
const BY_DOT: u64 = 6;

/// Bits of a head before the device's place.
const INCOMPLETE: u64 = 1;
const COUNTED: u64 = 2;
const FLAGGED: u64 = 4;
const HEAD_BITS: u32 = 3;

/// The flag of a change that no person made.
const MACHINE: u64 = 1;

/// Bytes of a task's id by which it can be named.
pub(crate) const PREFIX: usize = 5;

/// Bytes of the check of what short names stand for.
pub(crate) const CHECK: usize = 4;

/// A short name of a task, for replicas that know the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// A change about it.
    Dot(Dot),
    /// How its id begins, if no other does.
    Prefix([u8; PREFIX]),
}

/// Finds the object that a short name stands for.
pub(crate) type Resolve<'a> = &'a dyn Fn(Name) -> Option<ObjectId>;

/// Changes in their binary form, in two parts.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// What no compressor makes smaller: ids of tasks and devices.
    pub(crate) ids: Vec<u8>,
    /// Everything else.
    pub(crate) columns: Vec<u8>,
    /// What the short names stand for, if there are any.
    pub(crate) check: Option<[u8; CHECK]>,
}

/// What a change is before its operations.
#[derive(Clone, Copy)]
pub(crate) struct ChangeHead {
    pub(crate) dot: Dot,
    pub(crate) stamp: Stamp,
    pub(crate) object: ObjectId,
    pub(crate) complete: bool,
    pub(crate) machine: bool,
}

impl ChangeHead {
    pub(crate) fn of(change: &Change) -> Self {
        let Change { dot, stamp, object, complete, machine, .. } = *change;
        Self { dot, stamp, object, complete, machine }
    }
}

/// What short names stand for: a hash of which task each change with one is about, who made it, and when. A name that
/// stands for something else at the reader fails it. When a change will be made cannot be known in advance, so nobody can
/// prepare two tasks for which it is the same: a guess comes true once in 2^32 changes that are sent.
#[derive(Default)]
struct Check(Option<Sha256>);

impl Check {
    fn add(&mut self, head: &ChangeHead) {
        let ChangeHead { dot, stamp, object, .. } = head;
        let hash = self.0.get_or_insert_default();
        hash.update(object.to_key());
        hash.update(dot.device.to_bytes());
        hash.update(dot.seq.to_be_bytes());
        hash.update(stamp.millis.to_be_bytes());
        hash.update(stamp.counter.to_be_bytes());
    }

    fn finish(self) -> Option<[u8; CHECK]> {
        let hash: [u8; 32] = self.0?.finalize().into();
        hash.first_chunk().copied()
    }
}

/// The values of one field.
#[derive(Default)]
struct Column {
    field: u16,
    lengths: Vec<u8>,
    values: Vec<u8>,
}

/// Writes changes in columns.
///
/// `ids` has 16 bytes for each object that a change is about, or a short name of it, in the order of the changes; and then
/// the table of the devices that wrote or are mentioned, 16 bytes each. The columns are, all numbers in LEB128:
///
/// 1. how many changes there are × 2, + 1 if the table begins with the sender, whose id is left out;
/// 2. on a page, the arrival numbers, each less the one before;
/// 3. a head each: the device's place in the table × 8, + 1 if incomplete, + 2 if the counter is another than expected:
///    one more than that of the change before, if that was in the same millisecond, otherwise 0; + 4 if it has flags;
/// 4. their numbers, less the last of that device, less 1 (zigzag);
/// 5. their times in milliseconds, less that of the change before (zigzag);
/// 6. the counters that are not as expected, less what was expected (zigzag);
/// 7. the flags: 1 if a machine wrote it;
/// 8. how many operations each has, less 1;
/// 9. the fields of all operations;
/// 10. what each is about: 0 the room, 1 a device, 2 a task, 3 the same as the change before, 4 the task whose id begins
///     so, 5 an object of another kind, whose number follows; or + 6, the place of the device whose change about it has a
///     number in `ids`;
/// 11. field by field, in the order of their numbers, the values: nothing, numbers, lengths before bytes, or removals.
#[derive(Default)]
pub(crate) struct ColumnWriter {
    /// Each with its place in the table. (Two numbers, as in the other sets of the replica: they share one compiled form.)
    devices: BTreeSet<(DeviceId, u64, u64)>,
    sender: bool,
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
    flags: Vec<u8>,
    sizes: Vec<u8>,
    fields: Vec<u8>,
    objects: Vec<u8>,
    values: Vec<Column>,
    /// Bytes in `values`.
    value_bytes: usize,
    check: Check,
}

impl ColumnWriter {
    /// Begins the table of devices with the one that sends this, and leaves its id out.
    pub(crate) fn sent_by(sender: DeviceId) -> Self {
        let mut writer = Self { sender: true, ..Self::default() };
        writer.place(sender);
        writer.table.clear();
        writer
    }

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
            &self.flags,
            &self.sizes,
            &self.fields,
            &self.objects,
        ];
        5 + self.value_bytes + columns.into_iter().map(Vec::len).sum::<usize>()
    }

    /// More bytes than a change without operations adds to [`ColumnWriter::len`]: device and its place in the table, number,
    /// time, counter, flags, size, arrival, object (at its longest a device and a number again).
    pub(crate) const HEAD_AT_MOST: usize = (16 + 5) + 10 + 10 + 5 + 1 + 2 + 10 + (16 + 5 + 8);

    /// More bytes than an operation adds.
    pub(crate) fn at_most(op: &Op) -> usize {
        let removal = if matches!(op.value(), Value::Removal(_)) { 16 + 5 + 8 + 10 + 5 } else { 0 };
        weight(op) + 16 + removal
    }

    /// Adds a change.
    pub(crate) fn push(&mut self, change: &Change, name: Option<Name>) {
        self.begin(ChangeHead::of(change), name);
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

    /// Begins a change. Its object goes by `name` if it has one.
    pub(crate) fn begin(&mut self, head: ChangeHead, name: Option<Name>) {
        let ChangeHead { dot, stamp, object, complete, machine } = head;
        let place = self.place(dot.device);
        let expected = expected(self.count > 0 && stamp.millis == self.last_millis, self.last_counter);
        let mut bits = if complete { 0 } else { INCOMPLETE };
        if stamp.counter != expected {
            bits |= COUNTED;
            put_signed(&mut self.counters, u64::from(stamp.counter).wrapping_sub(expected.into()));
        }
        if machine {
            bits |= FLAGGED;
            put(&mut self.flags, MACHINE);
        }
        put(&mut self.heads, (place as u64) << HEAD_BITS | bits);
        let last = self.last_seq.get_mut(place).map_or(0, |last| std::mem::replace(last, dot.seq));
        put_signed(&mut self.seqs, dot.seq.wrapping_sub(last).wrapping_sub(1));
        put_signed(&mut self.millis, stamp.millis.wrapping_sub(self.last_millis));
        self.last_millis = stamp.millis;
        self.last_counter = stamp.counter;
        let is_same = self.last_object == Some(object);
        if is_same {
            put(&mut self.objects, SAME);
        } else if let Some(name) = name {
            match name {
                Name::Dot(dot) => {
                    let place = self.place(dot.device);
                    put(&mut self.objects, BY_DOT + place as u64);
                    // As random as an id.
                    put(&mut self.ids, dot.seq);
                }
                Name::Prefix(prefix) => {
                    put(&mut self.objects, BY_PREFIX);
                    self.ids.extend_from_slice(&prefix);
                }
            }
        } else {
            let (tag, id) = match object {
                ObjectId::Room => (ROOM, None),
                ObjectId::Device(device) => (DEVICE, Some(device.to_bytes())),
                ObjectId::Task(task) => (TASK, Some(*task.as_bytes())),
                ObjectId::Other(other) => (OTHER, Some(other.id)),
            };
            put(&mut self.objects, tag);
            if let ObjectId::Other(other) = object {
                put(&mut self.objects, other.kind.into());
            }
            self.ids.extend_from_slice(id.as_ref().map_or(&[], |id| id.as_slice()));
        }
        self.last_object = Some(object);
        self.count += 1;
        if name.is_some() && !is_same || self.sender && place == 0 {
            self.check.add(&head);
        }
    }

    /// Adds an operation to the change that was begun.
    pub(crate) fn op(&mut self, op: &Op) {
        let field = op.field();
        match op.value() {
            // Nearly always the time of the change itself.
            Value::Number(millis) if field == Field::CREATED_AT => {
                self.value(field, Value::Number(zigzag(millis.wrapping_sub(self.last_millis))));
            }
            value => self.value(field, value),
        }
    }

    /// Adds an operation that writes `value`, as it stands in its column.
    pub(crate) fn value(&mut self, field: Field, value: Value<'_>) {
        put(&mut self.fields, field.code().into());
        let place = match value {
            Value::Unit => return,
            Value::Removal(removal) => self.place(removal.of.device),
            Value::Number(_) | Value::Bytes(_) => 0,
        };
        let at = self.values.binary_search_by_key(&field.code(), |column| column.field).unwrap_or_else(|at| {
            self.values.insert(at, Column { field: field.code(), ..Column::default() });
            at
        });
        let Some(column) = self.values.get_mut(at) else { return };
        let before = column.lengths.len() + column.values.len();
        match value {
            Value::Unit => {}
            Value::Number(number) => put(&mut column.values, number),
            Value::Bytes(bytes) => {
                put(&mut column.lengths, bytes.len() as u64);
                column.values.extend_from_slice(bytes);
            }
            Value::Removal(Removal { element, of }) => {
                column.values.extend_from_slice(&element.to_be_bytes());
                put(&mut column.values, place as u64);
                put_signed(&mut column.values, of.millis.wrapping_sub(self.last_millis));
                put(&mut column.values, of.counter.into());
            }
        }
        self.value_bytes += column.lengths.len() + column.values.len() - before;
    }

    /// Ends the change, which had so many operations.
    pub(crate) fn end(&mut self, ops: usize) {
        put(&mut self.sizes, (ops as u64).saturating_sub(1));
    }

    fn place(&mut self, device: DeviceId) -> usize {
        step(1);
        let known = self.devices.range((device, 0, 0)..).next().filter(|(known, ..)| *known == device);
        if let Some(place) = known.and_then(|(_, place, _)| usize::try_from(*place).ok()) {
            return place;
        }
        let next = self.devices.len();
        self.devices.insert((device, next as u64, 0));
        self.table.extend_from_slice(&device.to_bytes());
        self.last_seq.push(0);
        next
    }

    pub(crate) fn finish(mut self) -> Encoded {
        self.ids.append(&mut self.table);
        let mut columns = Vec::with_capacity(self.len());
        put(&mut columns, (self.count as u64) << 1 | u64::from(self.sender));
        for column in [
            &self.arrivals,
            &self.heads,
            &self.seqs,
            &self.millis,
            &self.counters,
            &self.flags,
            &self.sizes,
            &self.fields,
            &self.objects,
        ] {
            columns.extend_from_slice(column);
        }
        for column in &self.values {
            columns.extend_from_slice(&column.lengths);
            columns.extend_from_slice(&column.values);
        }
        Encoded { ids: self.ids, columns, check: self.check.finish() }
    }
}

/// What the counter of a change most likely is.
fn expected(is_same_time: bool, last_counter: u32) -> u32 {
    if is_same_time { last_counter.saturating_add(1) } else { 0 }
}

/// About how many bytes an operation takes.
pub(crate) fn weight(op: &Op) -> usize {
    match op.value() {
        Value::Unit => 1,
        Value::Number(_) => 3,
        Value::Bytes(bytes) => 2 + bytes.len(),
        Value::Removal(_) => REMOVAL_WEIGHT,
    }
}

/// About how many bytes the removal of an element takes.
pub(crate) const REMOVAL_WEIGHT: usize = 16;

/// What is known besides the bytes.
pub(crate) struct Context<'a> {
    /// Finds what short names stand for.
    pub(crate) resolve: Resolve<'a>,
    /// Whose session the bytes came over.
    pub(crate) sender: Option<DeviceId>,
}

impl Context<'_> {
    /// For bytes that can be read without knowing anything.
    pub(crate) const NONE: Context<'static> = Context { resolve: &|_| None, sender: None };
}

/// Reads what a [`ColumnWriter`] wrote: the changes, and on a page their arrival numbers. The operations of a change come in the
/// order of their fields.
pub(crate) fn read(
    encoded: (&[u8], &[u8], Option<[u8; CHECK]>),
    arrivals: Option<&mut Vec<u64>>,
    context: &Context<'_>,
) -> Result<Vec<Change>, DecodeError> {
    let (ids, columns, check) = encoded;
    let mut input = Input(columns);
    let count = input.number()?;
    let sender = if count & 1 == 0 { None } else { Some(context.sender.ok_or(DecodeError::Unresolved)?) };
    let count = input.bounded(count >> 1, MAX_CHANGES)?;
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
    let with = |bit: u64| heads.iter().filter(|head| *head & bit != 0).count();
    let mut counters = input.numbers(with(COUNTED))?.into_iter();
    let mut flags = input.numbers(with(FLAGGED))?.into_iter();
    let sizes = input.numbers(count)?;
    let total = sizes
        .iter()
        .try_fold(0_usize, |sum, size| if *size >= MAX_OPS as u64 { None } else { Some(sum + *size as usize + 1) });
    let total = total.filter(|total| *total <= MAX_BATCH_OPS).ok_or(DecodeError::Malformed)?;
    let fields = input.fields(total)?;
    let Objects { objects, is_named, devices } = objects(&mut input, count, ids, sender, context.resolve)?;

    let device =
        |place: u64| Input::size_of(place).and_then(|place| devices.get(place).copied().ok_or(DecodeError::Malformed));
    let mut last_seq: Vec<u64> = vec![0; devices.len()];
    let (mut millis, mut counter) = (0_u64, 0_u32);
    let mut changes = Vec::with_capacity(count);
    let mut named = Check::default();
    let rows = heads.into_iter().zip(seqs).zip(times).zip(&sizes).zip(objects.into_iter().zip(is_named));
    for ((((head, seq), time), size), (object, is_named)) in rows {
        let place = head >> HEAD_BITS;
        let author = device(place)?;
        let last = last_seq.get_mut(Input::size_of(place)?).ok_or(DecodeError::Malformed)?;
        let seq = last.wrapping_add(unzigzag(seq)).wrapping_add(1);
        *last = seq;
        millis = millis.wrapping_add(unzigzag(time));
        let off = if head & COUNTED == 0 { 0 } else { unzigzag(counters.next().unwrap_or_default()) };
        let is_same = time == 0 && !changes.is_empty();
        counter = u32::try_from(u64::from(expected(is_same, counter)).wrapping_add(off))
            .map_err(|_| DecodeError::Malformed)?;
        let flags = if head & FLAGGED == 0 { 0 } else { flags.next().unwrap_or_default() };
        step(1);
        let change = Change {
            dot: Dot { device: author, seq },
            stamp: Stamp { millis, counter, device: author },
            object,
            complete: head & INCOMPLETE == 0,
            machine: flags & MACHINE != 0,
            // All sizes were checked against what is there.
            ops: Vec::with_capacity(*size as usize + 1),
        };
        if is_named || sender.is_some() && place == 0 {
            named.add(&ChangeHead::of(&change));
        }
        changes.push(change);
    }
    if named.finish() != check {
        return Err(DecodeError::Unresolved);
    }

    // Which change each operation belongs to, field by field.
    let mut owners: Vec<(u16, u32)> = Vec::with_capacity(total);
    let mut each = fields.into_iter();
    for (at, size) in (0_u32..).zip(&sizes) {
        owners.extend(each.by_ref().take(*size as usize + 1).map(|field| (field, at)));
    }
    owners.sort_by_key(|(field, _)| *field);
    for group in owners.chunk_by(|a, b| a.0 == b.0) {
        let Some(field) = group.first().and_then(|(code, _)| Field::from_code((*code).into())) else {
            return Err(DecodeError::Malformed);
        };
        let lengths = if field.shape() == Shape::Bytes { input.numbers(group.len())? } else { Vec::new() };
        let mut lengths = lengths.into_iter();
        for (_, at) in group {
            let Some(change) = changes.get_mut(*at as usize) else { return Err(DecodeError::Malformed) };
            let op = match field.shape() {
                Shape::Unit => Op::of(field, Value::Unit),
                Shape::Number => {
                    let number = input.number()?;
                    let is_relative = field == Field::CREATED_AT;
                    let number = if is_relative { change.stamp.millis.wrapping_add(unzigzag(number)) } else { number };
                    Op::of(field, Value::Number(number))
                }
                Shape::Bytes => {
                    let length = Input::size_of(lengths.next().unwrap_or_default())?;
                    if length > MAX_VALUE {
                        return Err(DecodeError::Malformed);
                    }
                    Op::of(field, Value::Bytes(input.take(length)?))
                }
                Shape::Removal => {
                    let element = u64::from_be_bytes(*input.chunk()?);
                    let device = device(input.number()?)?;
                    let millis = change.stamp.millis.wrapping_add(unzigzag(input.number()?));
                    let counter = u32::try_from(input.number()?).map_err(|_| DecodeError::Malformed)?;
                    Op::of(field, Value::Removal(&Removal { element, of: Stamp { millis, counter, device } }))
                }
            };
            step(1);
            change.ops.push(op);
        }
    }
    if !input.0.is_empty() {
        return Err(DecodeError::Malformed);
    }
    changes.iter().try_for_each(Change::check).map_err(|_| DecodeError::Malformed)?;
    Ok(changes)
}

/// What changes are about.
struct Objects {
    objects: Vec<ObjectId>,
    /// Which of them went by a short name.
    is_named: Vec<bool>,
    /// The table of devices, which is what is left of the ids.
    devices: Vec<DeviceId>,
}

fn objects(
    input: &mut Input<'_>,
    count: usize,
    ids: &[u8],
    sender: Option<DeviceId>,
    resolve: Resolve<'_>,
) -> Result<Objects, DecodeError> {
    let mut ids = Input(ids);
    let mut objects: Vec<ObjectId> = Vec::with_capacity(count);
    let mut is_named = vec![false; count];
    // The table comes after the ids, so how long it is shows at the end.
    let mut by_dot: Vec<(usize, u64, u64)> = Vec::new();
    for at in 0..count {
        let tag = input.number()?;
        let object = match tag {
            ROOM => ObjectId::Room,
            TASK => ObjectId::Task(TaskId::from_bytes(*ids.chunk()?).map_err(|_| DecodeError::Malformed)?),
            DEVICE => ObjectId::Device(DeviceId::from_bytes(*ids.chunk()?)),
            OTHER => {
                let kind = u16::try_from(input.number()?).map_err(|_| DecodeError::Malformed)?;
                ObjectId::Other(OtherObject::new(kind, *ids.chunk()?).ok_or(DecodeError::Malformed)?)
            }
            SAME => {
                if let Some((_, place, seq)) = by_dot.last().copied().filter(|(earlier, ..)| earlier + 1 == at) {
                    by_dot.push((at, place, seq));
                }
                *objects.last().ok_or(DecodeError::Malformed)?
            }
            BY_PREFIX => resolve(Name::Prefix(*ids.chunk()?)).ok_or(DecodeError::Unresolved)?,
            tag => {
                by_dot.push((at, tag - BY_DOT, ids.number()?));
                ObjectId::Room
            }
        };
        if let Some(is_named) = is_named.get_mut(at) {
            *is_named = tag == BY_PREFIX || tag >= BY_DOT;
        }
        objects.push(object);
    }
    let (table, rest) = ids.0.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(DecodeError::Malformed);
    }
    let devices: Vec<DeviceId> =
        sender.into_iter().chain(table.iter().map(|bytes| DeviceId::from_bytes(*bytes))).collect();
    for (at, place, seq) in by_dot {
        let device = devices.get(Input::size_of(place)?).copied();
        let dot = Dot { device: device.ok_or(DecodeError::Malformed)?, seq };
        if let Some(object) = objects.get_mut(at) {
            *object = resolve(Name::Dot(dot)).ok_or(DecodeError::Unresolved)?;
        }
    }
    Ok(Objects { objects, is_named, devices })
}

/// Writes a number, seven bits a byte, the lowest first.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
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

/// Bytes that are being read.
pub(crate) struct Input<'b>(pub(crate) &'b [u8]);

impl<'b> Input<'b> {
    pub(crate) fn take(&mut self, len: usize) -> Result<&'b [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn chunk<const N: usize>(&mut self) -> Result<&'b [u8; N], DecodeError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(DecodeError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn number(&mut self) -> Result<u64, DecodeError> {
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

    /// A number as a length. On wasm a size has 32 bits: nothing is cut.
    fn size_of(number: u64) -> Result<usize, DecodeError> {
        usize::try_from(number).map_err(|_| DecodeError::Malformed)
    }

    /// A count: at most `max`, and at most what is left at a byte an item.
    pub(crate) fn bounded(&self, number: u64, max: usize) -> Result<usize, DecodeError> {
        let size = Self::size_of(number)?;
        if size <= max && size <= self.0.len() { Ok(size) } else { Err(DecodeError::Malformed) }
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<u64>, DecodeError> {
        if count > self.0.len() {
            return Err(DecodeError::Malformed);
        }
        (0..count).map(|_| self.number()).collect()
    }

    fn fields(&mut self, count: usize) -> Result<Vec<u16>, DecodeError> {
        if count > self.0.len() {
            return Err(DecodeError::Malformed);
        }
        (0..count).map(|_| u16::try_from(self.number()?).map_err(|_| DecodeError::Malformed)).collect()
    }
}
