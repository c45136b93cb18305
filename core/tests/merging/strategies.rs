//! Anything that a peer could send, honest or not. Few distinct values, so that they collide.

use partyline_core::clock::Stamp;
use partyline_core::id::{DeviceId, SectionId, TaskId};
use partyline_core::replica::{
    Batch, Change, Date, Dot, Field, ObjectId, Op, OtherObject, Position, Priority, Removal, Status, Unknown,
    UnknownValue, VersionVector, element_hash,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::play::{NOON, device, task};

pub(crate) fn any_device() -> impl Strategy<Value = DeviceId> {
    (0_u8..4).prop_map(|n| DeviceId::from_bytes([n; 16]))
}

pub(crate) fn any_vector() -> impl Strategy<Value = VersionVector> {
    vec((any_device(), prop_oneof![1_u64..8, Just(1 << 40)]), 0..4).prop_map(|entries| entries.into_iter().collect())
}

pub(crate) fn any_task() -> impl Strategy<Value = TaskId> {
    (1_u8..4).prop_map(task)
}

fn any_text() -> impl Strategy<Value = Box<str>> {
    prop_oneof!["[ab]{0,2}", "\\PC{0,40}"].prop_map(Box::from)
}

fn any_position() -> impl Strategy<Value = Position> {
    vec(any::<bool>(), 0..20).prop_map(|turns| {
        let (mut low, mut high) = (None, None);
        let mut at = Position::default();
        for up in turns {
            *(if up { &mut low } else { &mut high }) = Some(at.clone());
            at = Position::between(low.as_ref(), high.as_ref(), device("alice")).unwrap_or(at);
        }
        at
    })
}

fn any_date() -> impl Strategy<Value = Date> {
    (0_u16..=9999, 1_u8..=12, 1_u8..=28).prop_map(|(year, month, day)| Date::new(year, month, day).unwrap())
}

pub(crate) fn any_task_op() -> impl Strategy<Value = Op> {
    let status = prop_oneof![Just(Status::Open), Just(Status::Doing), Just(Status::Blocked), Just(Status::Done)];
    prop_oneof![
        any_text().prop_map(Op::Title),
        any_text().prop_map(Op::Notes),
        status.prop_map(Op::Status),
        (0_u8..4).prop_map(|level| Op::Priority(Priority::new(level).unwrap())),
        option::of(any_date()).prop_map(Op::Due),
        any_text().prop_map(Op::Assignee),
        any_text().prop_map(Op::BlockedReason),
        any_text().prop_map(Op::Text),
        any_task().prop_map(|task| Op::On(Box::new(task))),
        any_position().prop_map(Op::Position),
        option::of(any_task()).prop_map(Op::parent),
        option::of((1_u8..3).prop_map(|number| SectionId::from_random_bytes([number; 16]))).prop_map(Op::section),
        (0..=Stamp::MAX_MILLIS).prop_map(Op::CreatedAt),
        Just(Op::Deleted),
        Just(Op::Alive),
        Just(Op::Labelled),
        "[xy]".prop_map(Op::add_label),
        ("[xy]", any_stamp()).prop_map(|(label, of)| {
            Op::RemoveLabel(Box::new(Removal { element: element_hash(label.as_bytes()), of }))
        }),
        any_unknown(),
    ]
}

/// What a later version writes: other fields, and other values of the same.
fn any_unknown() -> impl Strategy<Value = Op> {
    let unknown =
        |field: u64, value| Field::from_code(field).map(|field| Op::Unknown(Box::new(Unknown { field, value })));
    let number = || prop_oneof![4_u64..9, Just(u64::MAX)];
    let index = || (100_u64..103).prop_map(|index| index << 4);
    prop_oneof![
        index().prop_map(move |index| unknown(index | 8, UnknownValue::Unit)),
        (index(), number()).prop_map(move |(index, number)| unknown(index | 1, UnknownValue::Number(number))),
        // A status, a priority and a life that nobody knows.
        (prop_oneof![Just(9_u64), Just(25), Just(17)], number())
            .prop_map(move |(field, number)| unknown(field, UnknownValue::Number(number))),
        (index(), vec(any::<u8>(), 0..3))
            .prop_map(move |(index, bytes)| unknown(index | 2, UnknownValue::Bytes(bytes.into()))),
        (index(), vec(0_u8..2, 1..2))
            .prop_map(move |(index, bytes)| unknown(index | 6, UnknownValue::Bytes(bytes.into()))),
        (index(), vec(0_u8..2, 1..2), any_stamp()).prop_map(move |(index, bytes, of)| {
            unknown(index | 7, UnknownValue::Removal(Removal { element: element_hash(&bytes), of }))
        }),
    ]
    .prop_map(Option::unwrap)
}

fn any_stamp() -> impl Strategy<Value = Stamp> {
    let millis = prop_oneof![NOON..NOON + 4, Just(NOON - 9), Just(NOON + 200 * 86_400_000)];
    (any_device(), millis, 0_u32..2).prop_map(|(device, millis, counter)| Stamp { millis, counter, device })
}

fn any_object_and_ops() -> impl Strategy<Value = (ObjectId, Vec<Op>)> {
    let name = || vec(any_text().prop_map(Op::Name), 1..2);
    prop_oneof![
        1 => (Just(ObjectId::Room), name()),
        1 => (any_device().prop_map(ObjectId::Device), name()),
        6 => (any_task().prop_map(ObjectId::Task), vec(any_task_op(), 1..4)),
        1 => ((3_u16..5).prop_map(|kind| ObjectId::Other(OtherObject::new(kind, [1; 16]).unwrap())), vec(any_task_op(), 1..4)),
    ]
}

pub(crate) fn any_change() -> impl Strategy<Value = Change> {
    let seq = prop_oneof![8 => 1_u64..7, 1 => Just((1 << 53) - 1)];
    (any_stamp(), seq, any::<bool>(), prop::bool::weighted(0.2), any_object_and_ops()).prop_map(
        |(stamp, seq, complete, machine, (object, mut ops))| {
            // As they are read: in the order of their fields, each register once.
            ops.sort_by_key(Op::field);
            ops.dedup_by(|b, a| a.field() == b.field() && !matches!(a.field().code() & 4, 4));
            Change { dot: Dot { device: stamp.device, seq }, stamp, object, complete, machine, ops }
        },
    )
}

pub(crate) fn any_batch() -> impl Strategy<Value = Batch> {
    vec(any_change(), 0..8).prop_map(Batch::live)
}

/// Bytes as they came off a bad line or out of a bad head.
pub(crate) fn damaged(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let damage = (any::<prop::sample::Index>(), any::<u8>(), 0_u8..4);
    vec(damage, 1..4).prop_map(move |damages| {
        let mut bytes = good.clone();
        for (at, byte, kind) in damages {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}
