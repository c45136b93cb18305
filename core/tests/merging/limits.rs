//! What is too large or senseless is refused as a whole, with a reason.

use partyline_core::clock::Stamp;
use partyline_core::id::DeviceId;
use partyline_core::replica::{
    ApplyError, Batch, Change, DecodeError, Dot, EditError, Field, MAX_DEVICES, MAX_LABEL, MAX_LABELS, MAX_NOTES,
    MAX_OPS, MAX_SEQ, MAX_TITLE, MAX_VALUE, MalformedChange, ObjectId, Op, Replica, Unknown, UnknownValue,
    VersionVector,
};

use crate::play::{Disk, NOON, Play, device, milk, task, title, view};

fn number(n: usize) -> Field {
    Field::from_code(n as u64 * 16).unwrap()
}

fn refused(ops: Vec<Op>) -> EditError {
    let mut play = Play::with(["alice"]);
    play.edit("alice", milk(), title("Buy milk"));
    let before = play.replica("alice").clone();
    let error = play.try_edit("alice", milk(), ops).unwrap_err();
    crate::play::assert_same_state(&before, play.replica("alice"));
    error
}

#[test]
fn edits_are_held_to_the_limits() {
    let mut play = Play::with(["alice"]);
    let largest = vec![Op::Title("x".repeat(MAX_TITLE).into()), Op::Notes("x".repeat(MAX_NOTES).into())];
    play.edit("alice", milk(), largest);

    let too_long = |what, max| EditError::Malformed(MalformedChange::TooLong { what, max });
    assert_eq!(refused(title(&"x".repeat(MAX_TITLE + 1))), too_long("title", MAX_TITLE));
    assert_eq!(refused(vec![Op::Notes("x".repeat(MAX_NOTES + 1).into())]), too_long("notes", MAX_NOTES));
    assert_eq!(refused(vec![Op::add_label("x".repeat(MAX_LABEL + 1))]), too_long("label", MAX_LABEL));
    assert_eq!(refused(vec![Op::add_label("")]), EditError::Malformed(MalformedChange::EmptyLabel));
    assert_eq!(refused(vec![]), EditError::Malformed(MalformedChange::Empty));
    assert_eq!(refused(vec![Op::Name("Home".into())]), EditError::Malformed(MalformedChange::ForeignField));
    assert_eq!(refused(vec![Op::CreatedAt(u64::MAX)]), EditError::Malformed(MalformedChange::Stamp));
    assert_eq!(refused(title(" \t\n")), EditError::BlankTitle);
    assert_eq!(refused(vec![Op::parent(Some(task(1)))]), EditError::OwnParent);
    let many =
        (0..=MAX_OPS).map(|n| Op::Unknown(Box::new(Unknown { field: number(n), value: UnknownValue::Unit }))).collect();
    assert_eq!(refused(many), EditError::Malformed(MalformedChange::TooManyOps));
    let error = play.try_edit("alice", ObjectId::Room, title("Home")).unwrap_err();
    assert_eq!(error, EditError::Malformed(MalformedChange::ForeignField));
}

#[test]
fn a_task_has_at_most_64_labels_but_keeps_what_was_added_at_once() {
    let mut play = Play::with(["alice", "bob"]);
    let labels = |from: usize, to: usize| (from..to).map(|n| Op::add_label(format!("label {n}"))).collect::<Vec<_>>();
    play.edit("alice", milk(), labels(0, MAX_LABELS));
    play.edit("bob", milk(), labels(10, MAX_LABELS + 10));
    assert_eq!(play.try_edit("alice", milk(), labels(64, 65)).unwrap_err(), EditError::TooManyLabels);
    play.edit("alice", milk(), [vec![Op::remove_label("label 63")], labels(64, 65)].concat());
    play.edit("alice", milk(), labels(0, 10));
    play.meet(["alice", "bob"]);
    assert_eq!(play.milk("alice").labels.len(), MAX_LABELS + 10);
}

#[test]
fn blank_titles_of_others_are_accepted() {
    let mut play = Play::with(["alice", "bob"]);
    let mut change = play.edit("alice", milk(), title("Buy milk"));
    change.ops = title("");
    play.deliver(&change, "bob");
    assert_eq!(play.milk("bob").title, "");
}

#[test]
fn one_malformed_change_refuses_the_batch() {
    let mut play = Play::with(["alice", "bob"]);
    let good = play.edit("alice", milk(), title("Buy milk"));
    let with = |edit: &dyn Fn(&mut Change)| {
        let mut bad = good.clone();
        edit(&mut bad);
        bad
    };
    let malformed = [
        (with(&|c| c.ops.clear()), MalformedChange::Empty),
        (with(&|c| c.ops = [title("a"), title("b")].concat()), MalformedChange::Repeated),
        (
            with(&|c| c.ops = title(&"x".repeat(MAX_VALUE + 1))),
            MalformedChange::TooLong { what: "value", max: MAX_VALUE },
        ),
        (with(&|c| c.dot.seq = 0), MalformedChange::Seq),
        (with(&|c| c.dot.seq = MAX_SEQ + 1), MalformedChange::Seq),
        (with(&|c| c.dot.seq = u64::MAX), MalformedChange::Seq),
        (with(&|c| c.stamp.device = device("mallory")), MalformedChange::Stamp),
        (with(&|c| c.ops = vec![Op::Deleted; MAX_OPS + 1]), MalformedChange::TooManyOps),
    ];
    for (bad, reason) in malformed {
        let mut bob = play.replica("bob").clone();
        let batch = Batch::live(vec![good.clone(), bad]);
        assert_eq!(bob.apply(batch.clone(), NOON), Err(ApplyError::Malformed(reason)));
        assert_eq!(view(&bob), view(play.replica("bob")));
        if batch.changes[1].stamp.device == device("alice") {
            assert_eq!(Batch::decode(&batch.encode()), Err(DecodeError::Malformed), "{reason}");
        }
    }
    let far_future = with(&|c| c.stamp.millis = Stamp::MAX_MILLIS + 1);
    let mut bob = play.replica("bob").clone();
    assert_eq!(bob.replay(Batch::live(vec![far_future]).at(NOON)), Err(ApplyError::Malformed(MalformedChange::Stamp)));
}

#[test]
fn numbers_claimed_for_this_device_are_never_used_again() {
    // Bob's disk was set back, but others remember what he wrote.
    let mut play = Play::with(["alice", "bob"]);
    for n in 0..5 {
        play.edit("bob", milk(), title(&format!("round {n}")));
    }
    play.sync("alice", "bob");
    let mut bob = Replica::new(device("bob"));
    let answer = play.replica("alice").answer(&Default::default(), 10_000);

    let seventh = bob.edit(milk(), title("too early"), NOON).unwrap();
    assert_eq!(seventh.dot.seq, 1, "he cannot know");
    bob.apply(answer.batch, NOON).unwrap();
    let next = bob.edit(milk(), title("after"), NOON).unwrap();
    assert_eq!(next.dot.seq, 6);
    assert_eq!(bob.vector().get(device("bob")), 6);
}

#[test]
fn an_edit_above_a_hole_in_ones_own_numbers_is_counted_when_the_hole_is_filled() {
    let mut play = Play::with(["alice", "bob"]);
    let old: Vec<_> = (0..5).map(|n| play.edit("bob", milk(), title(&format!("round {n}")))).collect();
    play.sync("alice", "bob");
    let mut bob = Replica::new(device("bob"));
    bob.apply(Batch::live(vec![old[4].clone()]), NOON).unwrap();
    let next = bob.edit(milk(), title("after"), NOON).unwrap();
    assert_eq!(next.dot.seq, 6);
    assert_eq!(bob.vector().get(device("bob")), 0);
    let mut bob = Disk::of(&bob, 1000).load().unwrap();
    bob.apply(play.replica("alice").answer(&Default::default(), 10_000).batch, NOON).unwrap();
    assert_eq!(bob.vector().get(device("bob")), 6, "5 from Alice, and 6 had been here all along");
}

#[test]
fn a_device_whose_numbers_are_used_up_says_so() {
    let mut alice = Replica::new(device("alice"));
    let claim: VersionVector = [(device("alice"), MAX_SEQ)].into_iter().collect();
    alice.apply(Batch { vector: Some(claim), ..Batch::default() }, NOON).unwrap();
    assert_eq!(alice.edit(milk(), title("Buy milk"), NOON), Err(EditError::OutOfNumbers));
    assert!(alice.tasks().is_empty());
}

#[test]
fn a_change_far_ahead_is_merged_but_not_claimed() {
    let mut play = Play::with(["alice", "bob"]);
    let mut change = play.edit("alice", milk(), title("Buy milk"));
    change.dot.seq = MAX_SEQ;
    assert!(play.deliver(&change, "bob").gap);
    assert_eq!(play.milk("bob").title, "Buy milk");
    assert!(play.replica("bob").vector().is_empty());
    play.restart("bob");
    play.compact("bob", 1000);
    play.restart("bob");
}

#[test]
fn one_device_too_many_is_refused() {
    let crowd = |from: u32, to: u32| -> VersionVector {
        (from..to).map(|n| (DeviceId::from_bytes(u128::from(n).to_be_bytes()), 1)).collect()
    };
    let full = crowd(0, MAX_DEVICES as u32);
    let mut alice = Replica::new(device("alice"));
    alice.apply(Batch { vector: Some(full.clone()), ..Batch::default() }, NOON).unwrap();
    assert!(matches!(alice.edit(milk(), title("Buy milk"), NOON), Err(EditError::TooManyDevices(_))));

    let stranger = DeviceId::from_bytes([0xff; 16]);
    let change = Change {
        dot: Dot { device: stranger, seq: 1 },
        stamp: Stamp { millis: NOON, counter: 0, device: stranger },
        object: milk(),
        complete: true,
        machine: false,
        ops: title("Buy milk"),
    };
    assert!(matches!(alice.apply(Batch::live(vec![change]), NOON), Err(ApplyError::TooManyDevices(_))));
    let one_more = Batch { vector: Some(crowd(1, MAX_DEVICES as u32 + 1)), ..Batch::default() };
    assert!(matches!(alice.apply(one_more, NOON), Err(ApplyError::TooManyDevices(_))));
    assert_eq!(alice.vector(), &full);
    assert!(alice.tasks().is_empty());
}
