//! Every binary form comes back as it went, and bytes that are none are refused.

use partyline_core::id::DeviceId;
use partyline_core::replica::{
    Batch, DecodeError, FORMAT_VERSION, LoadError, ObjectId, Op, Record, Replica, Status, SyncAnswer, SyncProgress,
    SyncRequest, Verdict, VersionVector,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::play::{Disk, NOON, Play, device, milk, task};
use crate::strategies::{any_batch, any_vector, damaged};

#[test]
fn one_edit_is_less_than_thirty_bytes() {
    let mut play = Play::with(["alice", "bob"]);
    let made = play.edit("alice", milk(), vec![Op::Title("Buy milk".into()), Op::CreatedAt(NOON)]);
    let new = play.replica("alice").encode_live(&Batch::live(vec![made.clone()]));
    let done = Batch::live(vec![play.edit("alice", milk(), vec![Op::Status(Status::Done)])]);
    let bytes = play.replica("alice").encode_own(&done);
    assert!(bytes.len() <= 28, "{}", bytes.len());
    // Who does not know the task yet cannot read it, and asks.
    assert_eq!(play.replica("bob").decode(&bytes, Some(device("alice"))), Err(DecodeError::Unresolved));
    play.deliver(&made, "bob");
    assert_eq!(play.replica("bob").decode(&bytes, Some(device("alice"))), Ok(done.clone()));
    assert_eq!(Batch::decode(&bytes), Err(DecodeError::Unresolved));
    // A task that is new itself is named by its id.
    let made = Batch::live(vec![made]);
    assert_eq!(Batch::decode(&new), Ok(made));
}

#[test]
fn what_is_in_an_answer_shows_at_its_beginning() {
    let replica = Play::with(["alice"]).replica("alice").clone();
    let last = replica.answer(&SyncRequest::default(), 1000);
    let bytes = last.encode();
    let (progress, plain) = SyncAnswer::peek(&bytes).unwrap();
    assert_eq!(progress, SyncProgress { next: None, left: 0, is_last: true });
    assert_eq!(SyncAnswer::peek(&bytes[..plain]).unwrap(), (progress, plain));
    assert_eq!(Batch::decode(&bytes), Ok(last.batch));
    for len in 0..plain {
        assert_eq!(SyncAnswer::peek(&bytes[..len]), Err(DecodeError::Malformed));
    }
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
        assert_eq!(error.to_string(), "This comes from a newer Partyline; update this one");
    }
    // What is on disk has its FNV-1a behind it, so that damage does not pass for a newer format.
    let stored = [FORMAT_VERSION + 1, 0x80, 0xb4, 0xed, 0x79, 0x96];
    let none = Vec::<(u64, Vec<u8>)>::new;
    let of_manifest = Replica::from_pages(&stored, none()).unwrap_err();
    let of_page = Replica::changes_of_page(&stored).unwrap_err();
    for error in [of_manifest, of_page, Record::decode(&stored).unwrap_err().into()] {
        assert_eq!(error.to_string(), "This comes from a newer Partyline; update this one");
    }
    assert_eq!(Replica::from_pages(&bytes, none()).unwrap_err(), LoadError::Page(DecodeError::Malformed));
    assert_eq!(Record::decode(&bytes), Err(DecodeError::Malformed));
    assert_eq!(Batch::decode(&[0, 0x80]), Err(DecodeError::Malformed));
    assert_eq!(Batch::decode(&[]), Err(DecodeError::Malformed));
}

#[test]
fn a_count_that_the_bytes_cannot_hold_allocates_nothing() {
    // Version, array of 2, no ids, columns of 2^64-1 bytes; and columns of 2^35-1 changes.
    let endless = [FORMAT_VERSION, 0x82, 0x40, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(Batch::decode(&endless), Err(DecodeError::Malformed));
    let many = [FORMAT_VERSION, 0x82, 0x40, 0x45, 0xfe, 0xff, 0xff, 0xff, 0x7f];
    assert_eq!(Batch::decode(&many), Err(DecodeError::Malformed));
    let vector = [FORMAT_VERSION, 0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(VersionVector::decode(&vector), Err(DecodeError::Malformed));
    let indefinite = [FORMAT_VERSION, 0x9f, 0x40, 0x9f, 0xff, 0xff];
    assert_eq!(Batch::decode(&indefinite), Err(DecodeError::Malformed));
    let deep = [&[FORMAT_VERSION][..], &[0x81; 100_000]].concat();
    assert_eq!(Batch::decode(&deep), Err(DecodeError::Malformed));
}

#[test]
fn an_answer_ends_with_either_a_cursor_or_a_vector() {
    let neither = SyncAnswer::default();
    assert_eq!(SyncAnswer::decode(&neither.encode()), Err(DecodeError::Malformed));
    let end = Play::with(["alice"]).replica("alice").answer(&SyncRequest::default(), 1000);
    for both in [SyncAnswer { next: Some(1), ..end.clone() }, SyncAnswer { verdict: Some(Verdict::Same), ..end }] {
        assert_eq!(SyncAnswer::decode(&both.encode()), Err(DecodeError::Malformed));
    }
}

#[test]
fn a_vector_has_one_binary_form() {
    let vector: VersionVector =
        [(DeviceId::from_bytes([1; 16]), 5), (DeviceId::from_bytes([2; 16]), 6)].into_iter().collect();
    let mut bytes = vector.encode();
    assert_eq!(VersionVector::decode(&bytes), Ok(vector));
    // The same device twice.
    bytes[3 + 16 + 1 + 1..][..16].copy_from_slice(&[1; 16]);
    assert_eq!(VersionVector::decode(&bytes), Err(DecodeError::Malformed));
}

fn some_pages() -> Disk {
    let mut play = Play::with(["alice", "bob"]);
    for number in 1..=5 {
        let ops = vec![Op::Title("Something".into()), Op::add_label("shop"), Op::CreatedAt(NOON)];
        play.edit("alice", ObjectId::Task(task(number)), ops);
        play.meet(["alice", "bob"]);
        play.edit("bob", ObjectId::Task(task(number)), vec![Op::remove_label("shop")]);
    }
    play.meet(["alice", "bob"]);
    Disk::of(play.replica("alice"), 150)
}

fn two_that_differ() -> (Replica, Replica) {
    let mut play = Play::with(["alice", "bob"]);
    for number in 1..=100 {
        play.edit("alice", ObjectId::Task(task(number)), vec![Op::Title("Something".into())]);
    }
    (play.replica("alice").clone(), play.replica("bob").clone())
}

/// What is said when ranges are compared.
fn ranges() -> impl Strategy<Value = Vec<u8>> {
    let (alice, bob) = two_that_differ();
    let mut claims = alice.answer(&SyncRequest::default(), 1 << 20);
    claims.batch.changes.clear();
    let mut said = Vec::new();
    let mut bob = bob;
    let asker = Some(bob.device());
    bob.apply(Batch { asker, ..claims.batch.clone() }, NOON).unwrap();
    let mut next = bob.following(&claims, false, 7);
    while let Some(request) = next {
        let answer = alice.answer(&request, 1000);
        said.extend([request.encode(), answer.encode()]);
        let is_news = bob.apply(answer.batch.clone(), NOON).unwrap().is_news();
        next = bob.following(&answer, is_news, 7);
    }
    assert!(said.len() > 4 && bob.digest(0) == alice.digest(0));
    prop::sample::select(said)
}

fn sealed(bytes: &[u8]) -> Vec<u8> {
    let sum = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    [bytes, &sum.to_be_bytes()[4..]].concat()
}

/// Whatever can be read is written so that it can be read again. (Not the same bytes: damage may leave a number in a
/// longer form than we write.)
fn reads_or_refuses(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(batch) = Batch::decode(bytes) {
        prop_assert_eq!(Batch::decode(&batch.encode()), Ok(batch.clone()));
        let mut replica = Replica::new(DeviceId::from_bytes([9; 16]));
        if replica.apply(batch, NOON).is_ok() {
            prop_assert!(Disk::of(&replica, 100).load().is_ok());
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
    let _ = SyncAnswer::peek(bytes);
    let _ = Replica::changes_of_page(bytes);
    // Even if somebody took the trouble to seal it.
    let _ = Replica::from_pages(&sealed(bytes), [(0, sealed(bytes))]);
    let _ = Replica::changes_of_page(&sealed(bytes));
    Ok(())
}

proptest! {
    #[test]
    fn round_trips(batch in any_batch(), vector in any_vector(), cursor in option::of(any::<u64>()), next: u64) {
        prop_assert_eq!(Batch::decode(&batch.encode()), Ok(batch.clone()));
        prop_assert_eq!(VersionVector::decode(&vector.encode()), Ok(vector.clone()));
        let request = SyncRequest { vector, cursor, in_full: next % 2 == 0, day: next, ..SyncRequest::default() };
        prop_assert_eq!(SyncRequest::decode(&request.encode()), Ok(request));
        let answer = SyncAnswer { next: Some(next), left: next >> 36, batch, ..SyncAnswer::default() };
        prop_assert_eq!(SyncAnswer::decode(&answer.encode()), Ok(answer.clone()));
        let endless = SyncAnswer { left: u64::MAX, ..answer };
        prop_assert_eq!(SyncAnswer::decode(&endless.encode()), Err(DecodeError::Malformed));
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
        let request = SyncRequest { vector, cursor: Some(77), ..SyncRequest::default() };
        let answer = SyncAnswer { next: Some(5), left: 8, batch, ..SyncAnswer::default() };
        prop_oneof![damaged(request.encode()), damaged(answer.encode())]
    })) {
        reads_or_refuses(&bytes)?;
    }

    #[test]
    fn damaged_ranges(bytes in ranges().prop_flat_map(damaged), at in 0_usize..2) {
        reads_or_refuses(&bytes)?;
        let (alice, bob) = two_that_differ();
        if at == 0 && let Ok(request) = SyncRequest::decode(&bytes) {
            let answer = alice.answer_encoded(&request, 1000);
            prop_assert!(SyncAnswer::decode(&answer).is_ok());
        }
        if let Ok(answer) = SyncAnswer::decode(&bytes) {
            bob.following(&answer, true, 7);
        }
    }

    #[test]
    fn damaged_pages((number, page) in {
        let disk = some_pages();
        assert!(disk.pages.len() > 3);
        (0..disk.pages.len() as u64).prop_flat_map(move |number| (Just(number), damaged(disk.pages[&number].clone())))
    }) {
        let mut disk = some_pages();
        reads_or_refuses(&page)?;
        if disk.pages[&number] != page {
            disk.pages.insert(number, page);
            prop_assert!(disk.load().is_err(), "damage is noticed");
        }
    }

    #[test]
    fn damaged_manifests(manifest in damaged(some_pages().manifest)) {
        let mut disk = some_pages();
        // Without its seal, which would tell.
        let (bytes, _) = manifest.split_at(manifest.len().saturating_sub(4));
        reads_or_refuses(bytes)?;
        if disk.manifest != manifest {
            disk.manifest = manifest;
            prop_assert!(disk.load().is_err(), "damage is noticed");
        }
    }
}
