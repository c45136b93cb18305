//! A deletion leaves a tombstone: an edit that another device made after it brings the task back, whole.

use partyline_core::replica::{Batch, ObjectId, Op, Priority, Status};

use crate::play::{Disk, Play, milk, task, title};

fn some_task() -> Vec<Op> {
    vec![Op::Title("Buy milk".into()), Op::Notes("Two litres".into()), Op::CreatedAt(7), Op::add_label("shop")]
}

#[test]
fn a_deleted_task_is_gone_everywhere_and_can_be_had_back() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), some_task());
    play.meet(["alice", "bob"]);
    play.edit("bob", milk(), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    assert!(play.replica("alice").tasks().is_empty());
    assert!(play.milk("alice").deleted, "still there for those who ask for it");
    assert_eq!((play.milk("alice").notes.as_str(), play.milk("alice").labels.len()), ("", 0));
    // Whoever wants it back writes what was in it.
    play.edit("alice", milk(), some_task());
    play.meet(["alice", "bob"]);
    let task = &play.replica("bob").tasks()[0];
    assert_eq!((task.title.as_str(), task.notes.as_str(), task.labels.len()), ("Buy milk", "Two litres", 1));
}

#[test]
fn what_is_deleted_takes_next_to_no_room() {
    // A label leaves who had set it: another device may have set it at the same time.
    for (label, most) in [(false, 30), (true, 60)] {
        let mut play = Play::with(["alice", "bob"]);
        for number in 1..=100 {
            let mut ops =
                vec![Op::Title("Buy milk".into()), Op::Notes("Lorem ipsum dolor sit amet, ".repeat(10).into())];
            ops.extend(label.then(|| Op::add_label("shop")));
            play.edit("alice", ObjectId::Task(task(number)), ops);
        }
        play.meet(["alice", "bob"]);
        for number in 1..=100 {
            play.edit("bob", ObjectId::Task(task(number)), vec![Op::Deleted]);
        }
        play.meet(["alice", "bob"]);
        for name in ["alice", "bob"] {
            let bytes = Disk::of(play.replica(name), 1 << 20).bytes();
            assert!(bytes < most * 100, "{bytes} bytes for 100 tombstones");
        }
    }
}

#[test]
fn an_edit_after_the_deletion_by_another_device_revives_the_task() {
    let edits = [
        vec![Op::Status(Status::Doing)],
        vec![Op::add_label("urgent")],
        vec![Op::Notes("Three litres".into()), Op::Priority(Priority::HIGHEST)],
    ];
    for edit in edits {
        let mut play = Play::with(["alice", "bob", "carol"]);
        play.edit("alice", milk(), some_task());
        play.meet(["alice", "bob", "carol"]);
        play.edit("alice", milk(), vec![Op::Deleted]);
        // Bob has not heard of it, and edits a second later.
        play.later(1000);
        play.edit("bob", milk(), edit.clone());
        let bobs = play.milk("bob");
        play.meet(["alice", "bob", "carol"]);
        for name in ["alice", "bob", "carol"] {
            let task = play.milk(name);
            assert_eq!(
                (&task.title, &task.notes, task.status, task.priority, &task.labels, task.created_at),
                (&bobs.title, &bobs.notes, bobs.status, bobs.priority, &bobs.labels, 7),
            );
            assert!(!task.deleted);
        }
    }
}

#[test]
fn who_knows_only_the_tombstone_waits_for_whoever_has_the_task() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    play.edit("alice", milk(), some_task());
    play.meet(["alice", "bob", "carol"]);
    let deletion = play.edit("alice", milk(), vec![Op::Deleted]);
    play.later(1000);
    let edit = play.edit("bob", milk(), vec![Op::Status(Status::Doing)]);
    play.deliver(&deletion, "carol");
    play.deliver(&edit, "carol");
    assert!(play.milk("carol").deleted, "no title, no task");
    let restored = play.deliver(&deletion, "bob").restored;
    assert_eq!(restored.len(), 1);
    play.apply("carol", Batch::live(restored));
    assert!(!play.milk("carol").deleted);
    assert_eq!(play.milk("carol").notes, "Two litres");
    // The same again is no reason to write again.
    assert!(play.deliver(&deletion, "bob").restored.is_empty());
}

#[test]
fn an_edit_before_the_deletion_does_not_revive_it() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), some_task());
    play.meet(["alice", "bob"]);
    play.edit("bob", milk(), vec![Op::Status(Status::Doing)]);
    play.later(1000);
    play.edit("alice", milk(), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    assert!(play.milk("bob").deleted);
    assert_eq!(play.milk("bob").status, Status::Open);
}

#[test]
fn what_is_written_together_with_the_deletion_does_not_revive() {
    let mut play = Play::with(["alice"]);
    play.edit("alice", milk(), title("Buy milk"));
    let change = play.edit("alice", milk(), vec![Op::Title("Gone".into()), Op::Deleted, Op::Status(Status::Done)]);
    assert_eq!(change.ops, [Op::Deleted]);
    assert!(play.milk("alice").deleted);
}

#[test]
fn deleting_what_was_brought_back_deletes_it() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), some_task());
    play.meet(["alice", "bob"]);
    play.edit("alice", milk(), vec![Op::Deleted]);
    play.edit("bob", milk(), vec![Op::Status(Status::Doing)]);
    play.meet(["alice", "bob"]);
    assert!(!play.milk("alice").deleted);
    play.edit("alice", milk(), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    assert!(play.milk("bob").deleted);
}
