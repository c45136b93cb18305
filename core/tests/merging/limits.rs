//! What is too large or senseless is refused as a whole, with a reason.

use partyline_core::clock::Stamp;
use partyline_core::id::DeviceId;
use partyline_core::replica::{
    ApplyError, Batch, Change, DecodeError, Dot, EditError, Field, MAX_DEVICES, MAX_LABEL, MAX_LABELS, MAX_NOTES,
    MAX_OPS, MAX_SEQ, MAX_TITLE, MAX_VALUE, MalformedChange, ObjectId, Op, Replica, Unknown, UnknownValue,
    VersionVector,
};

use crate::play::{NOON, Play, device, milk, task, title, view};

/// One of the 256 fields without a value.
fn number(n: usize) -> Field {
    Field::from_code((n / 2 * 16 + n % 2 * 8) as u64).unwrap()
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
    let unit = |n| Op::Unknown(Box::new(Unknown { field: number(n), value: UnknownValue::Unit }));
    let many = (0..MAX_OPS).map(unit).chain(title("one more"));
    assert_eq!(refused(many.collect()), EditError::Malformed(MalformedChange::TooManyOps));
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
fn what_others_claim_of_ones_own_numbers_is_not_believed() {
    let mut alice = Replica::new(device("alice"));
    let claim: VersionVector = [(device("alice"), MAX_SEQ)].into_iter().collect();
    for asker in [None, Some(device("alice"))] {
        let claim = Batch { vector: Some(claim.clone()), asker, ..Batch::default() };
        assert!(!alice.apply(claim, NOON).unwrap().advanced);
    }
    assert_eq!(alice.edit(milk(), title("Buy milk"), NOON).unwrap().dot.seq, 1);
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
fn devices_that_somebody_invents_keep_nobody_from_writing() {
    let crowd: VersionVector =
        (0..MAX_DEVICES as u32 + 9).map(|n| (DeviceId::from_bytes(u128::from(n).to_be_bytes()), 1)).collect();
    let mut alice = Replica::new(device("alice"));
    let asker = Some(device("alice"));
    alice.apply(Batch { vector: Some(crowd), asker, ..Batch::default() }, NOON).unwrap();
    assert_eq!(alice.vector().len(), MAX_DEVICES);
    // Those of whom nothing is kept give way: to this device and to others.
    alice.edit(milk(), title("Buy milk"), NOON).unwrap();
    let stranger = DeviceId::from_bytes([0xff; 16]);
    let change = Change {
        dot: Dot { device: stranger, seq: 1 },
        stamp: Stamp { millis: NOON, counter: 0, device: stranger },
        object: ObjectId::Task(task(2)),
        complete: true,
        machine: false,
        ops: title("Buy bread"),
    };
    alice.apply(Batch::live(vec![change]), NOON).unwrap();
    assert_eq!((alice.vector().get(device("alice")), alice.vector().get(stranger)), (1, 1));
    assert_eq!((alice.vector().len(), alice.tasks().len()), (MAX_DEVICES, 2));
}

#[test]
fn more_devices_than_a_vector_names_can_write() {
    let mut alice = Replica::new(device("alice"));
    let changes: Vec<Change> = (1..=MAX_DEVICES as u32 + 9)
        .map(|n| {
            let writer = DeviceId::from_bytes(u128::from(n).to_be_bytes());
            Change {
                dot: Dot { device: writer, seq: 1 },
                stamp: Stamp { millis: NOON, counter: 0, device: writer },
                object: ObjectId::Device(writer),
                complete: true,
                machine: false,
                ops: vec![Op::Name("Phone".into())],
            }
        })
        .collect();
    alice.apply(Batch::live(changes), NOON).unwrap();
    alice.edit(milk(), title("Buy milk"), NOON).unwrap();
    assert_eq!(alice.devices().count(), MAX_DEVICES + 9);
    // All of them reach another one, and then the two are at rest.
    let mut play = Play::with(["bob"]);
    let mut request = play.replica("bob").asking();
    loop {
        let answer = alice.answer(&request, 64 * 1024);
        play.apply("bob", Batch { asker: Some(device("bob")), ..answer.batch });
        request.cursor = answer.next;
        if answer.next.is_none() {
            break;
        }
    }
    assert_eq!(play.replica("bob").digest(0), alice.digest(0));
}
