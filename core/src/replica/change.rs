use litemap::LiteMap;

use minicbor::data::Type;

use crate::clock::Stamp;
use crate::id::{DeviceId, TaskId};
use crate::replica::wire::{DecodeError, Reader, Writer};
use crate::replica::{
    Date, Dot, LabelOp, MAX_ASSIGNEE, MAX_LABEL, MAX_NAME, MAX_NOTES, MAX_OPS, MAX_SEQ, MAX_TITLE, ObjectId, Op,
    Position, Priority, Status, VersionVector,
};

/// One edit: some fields of one object, set at once. The unit that is numbered, stamped, sent and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub dot: Dot,
    /// When it was made. `stamp.device` is `dot.device`.
    pub stamp: Stamp,
    /// What it is about.
    pub object: ObjectId,
    /// Whether these are all operations of the edit. In an answer to a sync, those that were overwritten are left out.
    /// Only a complete change may be counted in a version vector by itself.
    pub complete: bool,
    /// What it does; 1 to [`MAX_OPS`] operations.
    pub ops: Vec<Op>,
}

/// Why a change cannot be one of an honest device of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedChange {
    /// It does nothing.
    #[error("a change must set something")]
    Empty,
    /// It has more than [`MAX_OPS`] operations.
    #[error("a change may set at most {MAX_OPS} things")]
    TooManyOps,
    /// It sets a field that the object does not have.
    #[error("a room and a device have a name only, and a task has none")]
    ForeignField,
    /// A text is over its limit.
    #[error("the {what} is too long: the limit is {max} bytes")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// The limit in bytes.
        max: usize,
    },
    /// A label without text.
    #[error("a label must not be empty")]
    EmptyLabel,
    /// The change's number is 0 or over [`MAX_SEQ`].
    #[error("a change is numbered from 1 to {MAX_SEQ}")]
    Seq,
    /// The stamp is another device's, or a time is after the year 9999.
    #[error("a change is stamped by its device, before the year 10000")]
    Stamp,
}

impl Change {
    pub(crate) fn check(&self) -> Result<(), MalformedChange> {
        if self.dot.seq == 0 || self.dot.seq > MAX_SEQ {
            return Err(MalformedChange::Seq);
        }
        if self.stamp.device != self.dot.device || self.stamp.millis > Stamp::MAX_MILLIS {
            return Err(MalformedChange::Stamp);
        }
        match self.ops.len() {
            0 => return Err(MalformedChange::Empty),
            1..=MAX_OPS => {}
            _ => return Err(MalformedChange::TooManyOps),
        }
        self.ops.iter().try_for_each(|op| op.check(self.object))
    }
}

const NAME: u64 = 0;
const TITLE: u64 = 1;
const NOTES: u64 = 2;
const STATUS: u64 = 3;
const PRIORITY: u64 = 4;
const DUE: u64 = 5;
const ASSIGNEE: u64 = 6;
const POSITION: u64 = 7;
const PARENT: u64 = 8;
const CREATED_AT: u64 = 9;
const DELETED: u64 = 10;
const ADD_LABEL: u64 = 11;
const REMOVE_LABEL: u64 = 12;

/// Items of a change before its operations.
const HEAD_ITEMS: usize = 5;

/// Writes a run of changes compactly: a table names each device once, and numbers and times are differences from the
/// change before.
///
/// A change is an array: device's place in the table × 2 (+ 1 if incomplete), number less the last one of that device,
/// milliseconds less those of the change before, counter, object (0, 8 bytes of a device or 16 of a task), and then
/// field and value in turns.
pub(crate) struct ChangeWriter {
    devices: LiteMap<DeviceId, usize>,
    table: Vec<u8>,
    last_seq: Vec<i64>,
    last_millis: i64,
    out: Writer,
}

impl ChangeWriter {
    pub(crate) fn new() -> Self {
        Self {
            devices: LiteMap::new(),
            table: Vec::new(),
            last_seq: Vec::new(),
            last_millis: 0,
            out: Writer::for_part(),
        }
    }

    /// Bytes that table and changes take, with room for the lengths before them.
    pub(crate) fn len(&self) -> usize {
        self.table.len() + self.out.len() + 16
    }

    /// Puts a number before the next change.
    pub(crate) fn uint(&mut self, value: u64) {
        self.out.uint(value);
    }

    /// More bytes than [`ChangeWriter::push`] of the change will ever add to [`ChangeWriter::len`].
    pub(crate) fn at_most(change: &Change) -> usize {
        let ops = change.ops.iter().map(|op| match op {
            Op::Name(text) | Op::Title(text) | Op::Notes(text) | Op::Assignee(text) => text.len() + 6,
            Op::Position(position) => position.as_bytes().len() + 6,
            Op::Parent(_) => 18,
            Op::Status(_) | Op::Priority(_) | Op::Due(_) | Op::CreatedAt(_) | Op::Deleted(_) => 10,
            Op::AddLabel(op) | Op::RemoveLabel(op) => op.label.len() + 9 + op.seen.len() * (8 + 5 + 9),
        });
        // Array, device and its place in the table, number, time, counter, object.
        3 + (8 + 5) + 9 + 9 + 5 + 17 + ops.sum::<usize>()
    }

    pub(crate) fn push(&mut self, change: &Change) {
        let device = self.place(change.dot.device);
        let seq = signed(change.dot.seq);
        let millis = signed(change.stamp.millis);
        let last_seq = self.last_seq.get_mut(device).map_or(0, |last| std::mem::replace(last, seq));
        self.out.array(HEAD_ITEMS + 2 * change.ops.len());
        self.out.uint(device as u64 * 2 + u64::from(!change.complete));
        self.out.int(seq.saturating_sub(last_seq));
        self.out.int(millis.saturating_sub(self.last_millis));
        self.last_millis = millis;
        self.out.uint(change.stamp.counter.into());
        match change.object {
            ObjectId::Room => self.out.uint(0),
            ObjectId::Device(device) => self.out.bytes(&device.to_bytes()),
            ObjectId::Task(task) => self.out.bytes(task.as_bytes()),
        }
        for op in &change.ops {
            self.op(op, millis);
        }
    }

    fn op(&mut self, op: &Op, millis: i64) {
        match op {
            Op::Name(text) => self.text(NAME, text),
            Op::Title(text) => self.text(TITLE, text),
            Op::Notes(text) => self.text(NOTES, text),
            Op::Status(status) => self.code(STATUS, status.to_code().into()),
            Op::Priority(priority) => self.code(PRIORITY, priority.get().into()),
            Op::Due(due) => {
                self.out.uint(DUE);
                match due {
                    Some(date) => self.out.int(date.to_code()),
                    None => self.out.null(),
                }
            }
            Op::Assignee(text) => self.text(ASSIGNEE, text),
            Op::Position(position) => {
                self.out.uint(POSITION);
                self.out.bytes(position.as_bytes());
            }
            Op::Parent(parent) => {
                self.out.uint(PARENT);
                match parent {
                    Some(task) => self.out.bytes(task.as_bytes()),
                    None => self.out.null(),
                }
            }
            Op::CreatedAt(created) => {
                // Nearly always the time of the change itself.
                self.out.uint(CREATED_AT);
                self.out.int(signed(*created).saturating_sub(millis));
            }
            Op::Deleted(deleted) => {
                self.out.uint(DELETED);
                self.out.bool(*deleted);
            }
            Op::AddLabel(op) => self.label(ADD_LABEL, op),
            Op::RemoveLabel(op) => self.label(REMOVE_LABEL, op),
        }
    }

    fn text(&mut self, field: u64, text: &str) {
        self.out.uint(field);
        self.out.text(text);
    }

    fn code(&mut self, field: u64, value: u64) {
        self.out.uint(field);
        self.out.uint(value);
    }

    fn label(&mut self, field: u64, op: &LabelOp) {
        self.out.uint(field);
        if op.seen.is_empty() {
            self.out.text(&op.label);
            return;
        }
        self.out.array(1 + 2 * op.seen.len());
        self.out.text(&op.label);
        for (device, seq) in op.seen.iter() {
            let device = self.place(device);
            self.out.uint(device as u64);
            self.out.uint(seq);
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

    /// The table of devices, and the changes.
    pub(crate) fn finish(self) -> (Vec<u8>, Vec<u8>) {
        (self.table, self.out.finish())
    }
}

/// Reads what a [`ChangeWriter`] wrote.
pub(crate) struct ChangeReader {
    devices: Vec<DeviceId>,
    last_seq: Vec<i64>,
    last_millis: i64,
}

impl ChangeReader {
    pub(crate) fn new(table: &[u8]) -> Result<Self, DecodeError> {
        let (devices, rest) = table.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(DecodeError::Malformed);
        }
        let devices: Vec<_> = devices.iter().map(|bytes| DeviceId::from_bytes(*bytes)).collect();
        Ok(Self { last_seq: vec![0; devices.len()], devices, last_millis: 0 })
    }

    pub(crate) fn change(&mut self, input: &mut Reader<'_>) -> Result<Change, DecodeError> {
        let items = input.array(HEAD_ITEMS + 2 * MAX_OPS)?;
        let ops = items
            .checked_sub(HEAD_ITEMS)
            .filter(|ops| *ops > 0 && ops.is_multiple_of(2))
            .ok_or(DecodeError::Malformed)?
            / 2;
        let head = input.uint()?;
        let (place, complete) = (head / 2, head.is_multiple_of(2));
        let device = self.device(place)?;
        let last_seq =
            usize::try_from(place).ok().and_then(|place| self.last_seq.get_mut(place)).ok_or(DecodeError::Malformed)?;
        let seq = last_seq.checked_add(input.int()?).ok_or(DecodeError::Malformed)?;
        *last_seq = seq;
        let millis = self.last_millis.checked_add(input.int()?).ok_or(DecodeError::Malformed)?;
        self.last_millis = millis;
        let counter = u32::try_from(input.uint()?).map_err(|_| DecodeError::Malformed)?;
        let object = match input.next()? {
            Type::Bytes => match input.bytes()? {
                bytes if bytes.len() == 16 => ObjectId::Task(task(bytes)?),
                bytes => {
                    let bytes = bytes.try_into().map_err(|_| DecodeError::Malformed)?;
                    ObjectId::Device(DeviceId::from_bytes(bytes))
                }
            },
            _ if input.uint()? == 0 => ObjectId::Room,
            _ => return Err(DecodeError::Malformed),
        };
        let mut change = Change {
            dot: Dot { device, seq: unsigned(seq)? },
            stamp: Stamp { millis: unsigned(millis)?, counter, device },
            object,
            complete,
            ops: Vec::with_capacity(ops),
        };
        for _ in 0..ops {
            change.ops.push(self.op(input, millis)?);
        }
        change.check().map_err(|_| DecodeError::Malformed)?;
        Ok(change)
    }

    fn op(&self, input: &mut Reader<'_>, millis: i64) -> Result<Op, DecodeError> {
        Ok(match input.uint()? {
            NAME => Op::Name(input.text(MAX_NAME)?.into()),
            TITLE => Op::Title(input.text(MAX_TITLE)?.into()),
            NOTES => Op::Notes(input.text(MAX_NOTES)?.into()),
            STATUS => Op::Status(Status::from_code(input.uint()?).ok_or(DecodeError::Malformed)?),
            PRIORITY => {
                let level = u8::try_from(input.uint()?).ok();
                Op::Priority(level.and_then(Priority::new).ok_or(DecodeError::Malformed)?)
            }
            DUE if input.null()? => Op::Due(None),
            DUE => Op::Due(Some(Date::from_code(input.int()?).ok_or(DecodeError::Malformed)?)),
            ASSIGNEE => Op::Assignee(input.text(MAX_ASSIGNEE)?.into()),
            POSITION => Op::Position(Position::from_bytes(input.bytes()?.into()).ok_or(DecodeError::Malformed)?),
            PARENT if input.null()? => Op::Parent(None),
            PARENT => Op::parent(Some(task(input.bytes()?)?)),
            CREATED_AT => {
                let created = millis.checked_add(input.int()?).ok_or(DecodeError::Malformed)?;
                Op::CreatedAt(unsigned(created)?)
            }
            DELETED => Op::Deleted(input.bool()?),
            ADD_LABEL => Op::AddLabel(Box::new(self.label(input)?)),
            REMOVE_LABEL => Op::RemoveLabel(Box::new(self.label(input)?)),
            _ => return Err(DecodeError::Malformed),
        })
    }

    fn label(&self, input: &mut Reader<'_>) -> Result<LabelOp, DecodeError> {
        if input.next()? == Type::String {
            return Ok(LabelOp { label: input.text(MAX_LABEL)?.into(), seen: VersionVector::new() });
        }
        let items = input.array(1 + 2 * self.devices.len())?;
        if items < 3 || items.is_multiple_of(2) {
            return Err(DecodeError::Malformed);
        }
        let label = input.text(MAX_LABEL)?.into();
        let mut seen = VersionVector::new();
        for _ in 0..items / 2 {
            let device = self.device(input.uint()?)?;
            let seq = input.uint()?;
            if seq == 0 || seq > MAX_SEQ || seen.get(device) > 0 {
                return Err(DecodeError::Malformed);
            }
            seen.raise(device, seq).map_err(|_| DecodeError::Malformed)?;
        }
        Ok(LabelOp { label, seen })
    }

    fn device(&self, place: u64) -> Result<DeviceId, DecodeError> {
        let place = usize::try_from(place).ok();
        place.and_then(|place| self.devices.get(place)).copied().ok_or(DecodeError::Malformed)
    }
}

fn task(bytes: &[u8]) -> Result<TaskId, DecodeError> {
    let bytes = bytes.try_into().map_err(|_| DecodeError::Malformed)?;
    TaskId::from_bytes(bytes).map_err(|_| DecodeError::Malformed)
}

/// Numbers and times are far below the limit of `i64` wherever they were checked; elsewhere this keeps them there.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> Result<u64, DecodeError> {
    u64::try_from(value).map_err(|_| DecodeError::Malformed)
}
