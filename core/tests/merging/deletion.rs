//! Deletion is a field: an edit made after it brings the task back.

use partyline_core::replica::{Op, Status};

use crate::play::{Play, milk, title};

#[test]
fn a_deleted_task_is_gone_everywhere_and_can_be_had_back() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("Buy milk"));
    play.meet(["alice", "bob"]);
    play.edit("bob", milk(), vec![Op::Deleted(true)]);
    play.meet(["alice", "bob"]);
    assert!(play.replica("alice").tasks().is_empty());
    assert!(play.milk("alice").deleted, "still there for those who ask for it");
    play.edit("alice", milk(), vec![Op::Deleted(false)]);
    play.meet(["alice", "bob"]);
    assert_eq!(play.replica("bob").tasks()[0].title, "Buy milk");
}

#[test]
fn an_edit_after_the_deletion_by_another_device_revives_the_task() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("Buy milk"));
    play.meet(["alice", "bob"]);
    play.edit("alice", milk(), vec![Op::Deleted(true)]);
    // Bob has not heard of it, and edits a second later.
    play.later(1000);
    play.edit("bob", milk(), vec![Op::Status(Status::Doing)]);
    play.meet(["alice", "bob"]);
    let task = play.milk("alice");
    assert!(!task.deleted);
    assert_eq!((task.title.as_str(), task.status), ("Buy milk", Status::Doing));
}

#[test]
fn a_label_added_after_the_deletion_revives_the_task_too() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("Buy milk"));
    play.meet(["alice", "bob"]);
    play.edit("alice", milk(), vec![Op::Deleted(true)]);
    play.later(1000);
    play.edit("bob", milk(), vec![Op::add_label("shop")]);
    play.meet(["alice", "bob"]);
    assert!(!play.milk("alice").deleted);
}

#[test]
fn an_edit_before_the_deletion_does_not_revive_it() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("Buy milk"));
    play.meet(["alice", "bob"]);
    play.edit("bob", milk(), vec![Op::Status(Status::Doing)]);
    play.later(1000);
    play.edit("alice", milk(), vec![Op::Deleted(true)]);
    play.meet(["alice", "bob"]);
    assert!(play.milk("bob").deleted);
    assert_eq!(play.milk("bob").status, Status::Doing, "kept, should the deletion be undone");
}

#[test]
fn what_is_written_together_with_the_deletion_does_not_revive() {
    let mut play = Play::with(["alice"]);
    play.edit("alice", milk(), title("Buy milk"));
    play.edit("alice", milk(), vec![Op::Deleted(true), Op::Status(Status::Done)]);
    assert!(play.milk("alice").deleted);
}
