//! Every binary form comes back as it went, and bytes that are none are refused.

use partyline_core::id::DeviceId;
use partyline_core::replica::{
    Batch, DecodeError, FORMAT_VERSION, LoadError, ObjectId, Op, Replica, Status, SyncAnswer, SyncRequest,
    VersionVector,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::play::{NOON, Play, milk, task, title};
use crate::strategies::{any_batch, any_vector, damaged};

#[test]
fn one_edit_is_some_tens_of_bytes() {
    let mut play = Play::with(["alice"]);
    play.edit("alice", milk(), title("Buy milk"));
    let done = play.edit("alice", milk(), vec![Op::Status(Status::Done)]);
    let bytes = Batch::live(vec![done]).encode();
    assert!(bytes.len() <= 44, "{}", bytes.len());
}

#[test]
fn a_newer_format_says_what_to_do() {
    let bytes = [FORMAT_VERSION + 1, 0x80];
    let errors = [
        Batch::decode(&bytes).unwrap_err(),
        VersionVector::decode(&bytes).unwrap_err(),
        SyncRequest::decode(&bytes).unwrap_err(),
        SyncAnswer::decode(&bytes).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), "This device runs a newer Partyline; update this one");
    }
    // What is on disk has its FNV-1a behind it, so that damage does not pass for a newer format.
    let stored = [FORMAT_VERSION + 1, 0x80, 0xb4, 0xf2, 0x0f, 0xbf];
    for error in [Replica::from_pages([stored]).unwrap_err(), Batch::of_record(&stored).unwrap_err().into()] {
        assert_eq!(error.to_string(), "This device runs a newer Partyline; update this one");
    }
    assert_eq!(Replica::from_pages([bytes]).unwrap_err(), LoadError::Page(DecodeError::Malformed));
    assert_eq!(Batch::of_record(&bytes), Err(DecodeError::Malformed));
    assert_eq!(Batch::decode(&[0, 0x80]), Err(DecodeError::Malformed));
    assert_eq!(Batch::decode(&[]), Err(DecodeError::Malformed));
}

#[test]
fn a_count_that_the_bytes_cannot_hold_allocates_nothing() {
    // version, array of 2, empty table, array of 2^64-1.
    let endless = [1, 0x82, 0x40, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(Batch::decode(&endless), Err(DecodeError::Malformed));
    let vector = [1, 0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(VersionVector::decode(&vector), Err(DecodeError::Malformed));
    let indefinite = [1, 0x9f, 0x40, 0x9f, 0xff, 0xff];
    assert_eq!(Batch::decode(&indefinite), Err(DecodeError::Malformed));
    let deep = [&[1_u8][..], &[0x81; 100_000]].concat();
    assert_eq!(Batch::decode(&deep), Err(DecodeError::Malformed));
}

#[test]
fn an_answer_ends_with_either_a_cursor_or_a_vector() {
    let neither = SyncAnswer { batch: Batch::default(), next: None };
    assert_eq!(SyncAnswer::decode(&neither.encode()), Err(DecodeError::Malformed));
    let both = SyncAnswer { batch: Batch { vector: Some(VersionVector::new()), ..Batch::default() }, next: Some(1) };
    assert_eq!(SyncAnswer::decode(&both.encode()), Err(DecodeError::Malformed));
}

#[test]
fn a_vector_has_one_binary_form() {
    let vector: VersionVector =
        [(DeviceId::from_bytes([1; 8]), 5), (DeviceId::from_bytes([2; 8]), 6)].into_iter().collect();
    let mut bytes = vector.encode();
    assert_eq!(VersionVector::decode(&bytes), Ok(vector));
    // The same device twice.
    bytes[3 + 8 + 1 + 1..][..8].copy_from_slice(&[1; 8]);
    assert_eq!(VersionVector::decode(&bytes), Err(DecodeError::Malformed));
}

fn some_pages() -> Vec<Vec<u8>> {
    let mut play = Play::with(["alice", "bob"]);
    for number in 1..=5 {
        let ops = vec![Op::Title("Something".into()), Op::add_label("shop"), Op::CreatedAt(NOON)];
        play.edit("alice", ObjectId::Task(task(number)), ops);
        play.meet(["alice", "bob"]);
        play.edit("bob", ObjectId::Task(task(number)), vec![Op::remove_label("shop")]);
    }
    play.meet(["alice", "bob"]);
    play.replica("alice").to_pages(150)
}

/// Whatever can be read is written so that it can be read again. (Not the same bytes: damage may leave a number in a
/// longer form than we write.)
fn reads_or_refuses(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(batch) = Batch::decode(bytes) {
        prop_assert_eq!(Batch::decode(&batch.encode()), Ok(batch.clone()));
        let mut replica = Replica::new(DeviceId::from_bytes([9; 8]));
        if replica.apply(batch, NOON).is_ok() {
            prop_assert!(Replica::from_pages(replica.to_pages(100)).is_ok());
        }
    }
    if let Ok(vector) = VersionVector::decode(bytes) {
        prop_assert_eq!(VersionVector::decode(&vector.encode()), Ok(vector));
    }
    if let Ok(request) = SyncRequest::decode(bytes) {
        prop_assert_eq!(SyncRequest::decode(&request.encode()), Ok(request));
    }
    if let Ok(answer) = SyncAnswer::decode(bytes) {
        prop_assert_eq!(SyncAnswer::decode(&answer.encode()), Ok(answer));
    }
    if let Ok(replica) = Replica::from_pages([bytes]) {
        prop_assert!(Replica::from_pages(replica.to_pages(100)).is_ok());
    }
    Ok(())
}

proptest! {
    #[test]
    fn round_trips(batch in any_batch(), vector in any_vector(), cursor in option::of(any::<u64>()), next: u64) {
        prop_assert_eq!(Batch::decode(&batch.encode()), Ok(batch.clone()));
        prop_assert_eq!(VersionVector::decode(&vector.encode()), Ok(vector.clone()));
        let request = SyncRequest { vector, cursor };
        prop_assert_eq!(SyncRequest::decode(&request.encode()), Ok(request));
        let answer = SyncAnswer { next: batch.vector.is_none().then_some(next), batch };
        prop_assert_eq!(SyncAnswer::decode(&answer.encode()), Ok(answer));
    }

    #[test]
    fn arbitrary_bytes(mut bytes in vec(any::<u8>(), 0..200)) {
        reads_or_refuses(&bytes)?;
        if let Some(version) = bytes.first_mut() {
            *version = FORMAT_VERSION;
        }
        reads_or_refuses(&bytes)?;
    }

    #[test]
    fn damaged_batches(bytes in any_batch().prop_flat_map(|batch| damaged(batch.encode()))) {
        reads_or_refuses(&bytes)?;
    }

    #[test]
    fn damaged_vectors(bytes in any_vector().prop_flat_map(|vector| damaged(vector.encode()))) {
        reads_or_refuses(&bytes)?;
    }

    #[test]
    fn damaged_syncs(bytes in (any_batch(), any_vector()).prop_flat_map(|(batch, vector)| {
        let request = SyncRequest { vector, cursor: Some(77) };
        let answer = SyncAnswer { next: batch.vector.is_none().then_some(5), batch };
        prop_oneof![damaged(request.encode()), damaged(answer.encode())]
    })) {
        reads_or_refuses(&bytes)?;
    }

    #[test]
    fn damaged_pages((at, page) in {
        let pages = some_pages();
        assert!(pages.len() > 3);
        (0..pages.len()).prop_flat_map(move |at| (Just(at), damaged(pages[at].clone())))
    }) {
        let mut pages = some_pages();
        if pages[at] != page {
            pages[at] = page;
            prop_assert!(Replica::from_pages(&pages).is_err(), "damage is noticed");
        }
    }
}
