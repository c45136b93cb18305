//! Deleting tasks, and what brings them back: computed from what was written, in whatever order it comes.

use std::collections::BTreeMap;

use partyline_core::replica::{Batch, Change, ObjectId, Op, Position, Priority, Replica, Status};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::play::{Disk, NOON, Play, device, milk, task, title, view};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

fn some_task() -> Vec<Op> {
    vec![Op::Title("Buy milk".into()), Op::Notes("Two litres".into()), Op::CreatedAt(7), Op::add_label("shop")]
}

#[test]
fn a_deleted_task_is_in_the_trash_with_all_that_it_had() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), some_task());
    play.meet(["alice", "bob"]);
    play.edit("bob", milk(), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    for name in ["alice", "bob"] {
        assert!(play.replica(name).tasks().is_empty());
        let trash = play.replica(name).deleted_tasks();
        assert_eq!(trash, [play.milk(name)]);
        assert!(trash[0].deleted);
        assert_eq!((trash[0].notes.as_str(), trash[0].labels.len()), ("Two litres", 1));
    }
    play.edit("alice", milk(), vec![Op::Alive]);
    play.meet(["alice", "bob"]);
    let task = &play.replica("bob").tasks()[0];
    assert_eq!((task.title.as_str(), task.notes.as_str(), task.labels.len()), ("Buy milk", "Two litres", 1));
    // And it can be deleted again.
    play.edit("bob", milk(), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    assert!(play.milk("alice").deleted);
}

#[test]
fn an_edit_after_the_deletion_by_another_device_brings_the_task_back_whole() {
    let edits = [
        title("Buy oat milk"),
        vec![Op::Status(Status::Doing)],
        vec![Op::add_label("urgent")],
        vec![Op::remove_label("shop")],
        vec![Op::Notes("Three litres".into()), Op::Priority(Priority::HIGHEST)],
    ];
    for edit in edits {
        let mut play = Play::with(["alice", "bob", "carol"]);
        play.edit("alice", milk(), some_task());
        play.meet(["alice", "bob", "carol"]);
        play.edit("alice", milk(), vec![Op::Deleted]);
        // Bob has not heard of it, and edits a second later.
        play.later(1000);
        play.edit("bob", milk(), edit);
        let bobs = play.milk("bob");
        let written = play.history.len();
        play.meet(["alice", "bob", "carol"]);
        for name in ["alice", "bob", "carol"] {
            assert_eq!(play.milk(name), bobs, "{name}");
        }
        assert_eq!(play.history.len(), written, "nobody writes to restore");
    }
}

#[test]
fn later_edits_and_later_deletions_stand() {
    // Deleted at ten past, ticked at twelve past, edited at a quarter past, each without knowing of the others.
    let mut play = Play::with(["alice", "bob", "erin", "frank"]);
    play.edit("alice", milk(), some_task());
    play.meet(["alice", "bob", "erin", "frank"]);
    play.later(10 * MINUTE);
    play.edit("alice", milk(), vec![Op::Deleted]);
    play.later(2 * MINUTE);
    let ticked = play.edit("bob", milk(), vec![Op::Status(Status::Done)]);
    play.later(3 * MINUTE);
    play.edit("erin", milk(), vec![Op::Title("Buy oat milk".into()), Op::Notes("The blue carton".into())]);
    let mut without_frank = play.clone();
    without_frank.meet(["alice", "bob", "erin", "frank"]);
    let task = without_frank.milk("alice");
    assert_eq!((task.title.as_str(), task.notes.as_str()), ("Buy oat milk", "The blue carton"));
    assert!(!task.deleted && task.status == Status::Done);
    // Frank has seen Bob's edit, and deletes later than all.
    play.deliver(&ticked, "frank");
    play.later(3 * MINUTE);
    play.edit("frank", milk(), vec![Op::Deleted]);
    play.meet(["alice", "bob", "erin", "frank"]);
    assert!(play.milk("alice").deleted);
    assert_eq!(play.milk("alice").title, "Buy oat milk", "and it is in the trash as it was");
}

#[test]
fn an_edit_before_the_deletion_goes_into_the_trash() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), some_task());
    play.meet(["alice", "bob"]);
    play.edit("bob", milk(), vec![Op::Status(Status::Doing)]);
    play.later(1000);
    play.edit("alice", milk(), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    assert!(play.milk("bob").deleted);
    assert_eq!(play.milk("alice").status, Status::Doing);
}

#[test]
fn neither_a_place_nor_a_machine_brings_a_task_back() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), some_task());
    play.meet(["alice", "bob"]);
    play.edit("alice", milk(), vec![Op::Deleted]);
    play.edit("bob", milk(), vec![Op::Position(Position::default()), Op::parent(Some(task(2)))]);
    for ops in [title("Buy milk again"), vec![Op::Alive], vec![Op::add_label("weekly")]] {
        play.edit_by_machine("bob", milk(), ops);
    }
    assert!(!play.milk("bob").deleted);
    play.meet(["alice", "bob"]);
    assert!(play.milk("bob").deleted);
    // What a person wrote after the deletion counts, whatever a machine has written over it since.
    play.edit("bob", milk(), vec![Op::Notes("by hand".into())]);
    play.edit_by_machine("bob", milk(), vec![Op::Notes("by a machine".into())]);
    play.meet(["alice", "bob"]);
    for name in ["alice", "bob"] {
        assert!(!play.milk(name).deleted);
        assert_eq!(play.milk(name).notes, "by a machine");
    }
    let mut late = Play::with(["carol"]);
    late.apply("carol", play.replica("bob").answer(&Default::default(), 10_000).batch);
    assert_eq!(view(late.replica("carol")), view(play.replica("bob")));
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
fn values_go_thirty_days_after_the_deletion_by_its_stamp() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), some_task());
    play.meet(["alice", "bob"]);
    play.edit("bob", milk(), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    // Bob's clock is some days behind.
    play.clock_error("bob", -(3 * DAY as i64));
    play.later(30 * DAY);
    play.edit("alice", ObjectId::Room, vec![Op::Name("Home".into())]);
    assert_eq!(play.milk("alice").title, "Buy milk", "not before the day is over");
    play.later(DAY);
    play.edit("alice", ObjectId::Room, vec![Op::Name("Kitchen".into())]);
    let task = play.milk("alice");
    assert!(task.deleted && play.replica("alice").deleted_tasks().is_empty());
    assert_eq!((task.title.as_str(), task.notes.as_str(), task.labels.len()), ("", "", 0));
    play.restart("alice");
    play.compact("alice", 1000);
    play.restart("alice");
    let bytes = Disk::of(play.replica("alice"), 1000).pages.into_values().collect::<Vec<_>>().concat();
    assert!(!bytes.windows(4).any(|part| part == b"shop" || part == b"milk"), "words stay");
    // Bob edits it after all: what he still has comes back on every device that hears it from him.
    play.edit("bob", milk(), vec![Op::Status(Status::Done)]);
    assert_eq!(play.milk("bob").notes, "Two litres");
    let all = play.replica("bob").answer(&Default::default(), 10_000).batch;
    play.apply("alice", all);
    assert_eq!(play.milk("alice"), play.milk("bob"));
}

#[test]
fn what_was_dropped_does_not_come_back_by_itself() {
    let mut play = Play::with(["alice", "bob"]);
    let made = play.edit("alice", milk(), some_task());
    let deleted = play.edit("alice", milk(), vec![Op::Deleted]);
    play.later(31 * DAY);
    play.edit("bob", ObjectId::Room, vec![Op::Name("Home".into())]);
    play.deliver(&deleted, "bob");
    play.deliver(&made, "bob");
    assert_eq!(play.milk("bob").title, "");
    let written = Disk::of(play.replica("bob"), 1000).bytes();
    assert!(written < 120, "{written} bytes for a tombstone and a name");
}

#[test]
fn what_was_dropped_leaves_long_lived_pages() {
    let mut alice = Replica::new(device("alice"));
    for number in 0..100 {
        let text = if number == 50 { "a confidential matter" } else { "nothing to hide" };
        alice.edit(ObjectId::Task(task(number)), title(text), NOON).unwrap();
    }
    let mut disk = Disk::default();
    let fold = |alice: &mut Replica, disk: &mut Disk| {
        let fold = alice.fold(2_000);
        disk.fold(fold.clone());
        alice.folded(fold);
    };
    fold(&mut alice, &mut disk);
    alice.edit(ObjectId::Task(task(50)), vec![Op::Deleted], NOON + 1).unwrap();
    fold(&mut alice, &mut disk);
    let is_there = |disk: &Disk| disk.pages.values().any(|page| page.windows(12).any(|part| part == b"confidential"));
    assert!(is_there(&disk), "it is in the trash");
    assert!(!alice.has_to_purge());
    alice.edit(ObjectId::Task(task(99)), title("other work"), NOON + 32 * DAY).unwrap();
    assert!(alice.has_to_purge());
    // Also after a restart in between.
    let mut alice = disk.load().unwrap();
    alice.edit(ObjectId::Task(task(99)), title("other work"), NOON + 32 * DAY).unwrap();
    fold(&mut alice, &mut disk);
    assert!(!is_there(&disk) && !alice.has_to_purge());
    assert_eq!(view(&disk.load().unwrap()), view(&alice));
}

#[test]
fn tombstones_are_small() {
    let mut alice = Replica::new(device("alice"));
    for number in 0..100 {
        let ops = vec![Op::Title("x".repeat(500).into()), Op::add_label("a label")];
        alice.edit(ObjectId::Task(task(number)), ops, NOON).unwrap();
        alice.edit(ObjectId::Task(task(number)), vec![Op::Deleted], NOON).unwrap();
    }
    alice.edit(ObjectId::Room, vec![Op::Name("Home".into())], NOON + 32 * DAY).unwrap();
    let bytes = Disk::of(&alice, 1 << 20).bytes();
    assert!(bytes < 30 * 100, "{bytes} bytes for 100 tombstones");
}

/// What some write does to the task.
#[derive(Clone, Copy, Debug)]
enum Write {
    Title,
    Tick,
    Label,
    Place,
    Delete,
    Restore,
}

proptest! {
    /// Per field the last write, and deleted if no person wrote to the content after the last deletion: whatever the order
    /// and the batches in which the writes of three people and a machine reach a device.
    #[test]
    fn whether_a_task_is_deleted_depends_on_what_was_written_alone(
        writes in vec((0..6_usize, 0..3_usize, prop::bool::weighted(0.2)), 1..12),
        order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
        cuts in vec(1..4_usize, 12),
    ) {
        const WRITES: [Write; 6] =
            [Write::Title, Write::Tick, Write::Label, Write::Place, Write::Delete, Write::Restore];
        let names = ["alice", "bob", "carol"];
        let mut writers = names.map(|name| Replica::new(device(name)));
        let mut made: Vec<Change> = Vec::new();
        let (mut deleted, mut revived): (Option<u64>, Option<u64>) = (None, None);
        let mut titles = BTreeMap::new();
        for (at, (write, who, machine)) in writes.into_iter().enumerate() {
            let now = NOON + at as u64;
            let write = WRITES[write];
            let ops = match write {
                Write::Title => {
                    titles.insert(now, format!("title {at}"));
                    title(&format!("title {at}"))
                }
                Write::Tick => vec![Op::Status(Status::Done)],
                Write::Label => vec![Op::add_label("x")],
                Write::Place => vec![Op::Position(Position::default())],
                Write::Delete => vec![Op::Deleted],
                Write::Restore => vec![Op::Alive],
            };
            match write {
                Write::Delete => deleted = Some(now),
                Write::Place => {}
                _ if machine => {}
                _ => revived = Some(now),
            }
            let writer = &mut writers[who];
            let edited = if machine {
                writer.edit_by_machine(milk(), ops, now)
            } else {
                writer.edit(milk(), ops, now)
            };
            made.push(edited.unwrap());
        }
        let mut replica = Replica::new(device("dave"));
        let mut left: Vec<Change> = order.into_iter().filter_map(|at| made.get(at).cloned()).collect();
        for cut in cuts {
            let batch = left.drain(..cut.min(left.len())).collect();
            replica.apply(Batch::live(batch), NOON).unwrap();
        }
        replica.apply(Batch::live(left), NOON).unwrap();
        let (is_deleted, title) =
            replica.task(task(1)).map(|task| (task.deleted, task.title)).unwrap_or_default();
        prop_assert_eq!(is_deleted, deleted.is_some() && revived < deleted);
        prop_assert_eq!(title, titles.into_values().last().unwrap_or_default());
    }
}
