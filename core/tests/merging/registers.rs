//! Last-writer-wins fields.

use partyline_core::clock::Stamp;
use partyline_core::replica::{Batch, Change, Dot, ObjectId, Op, Position, Priority, Status};

use crate::play::{NOON, Play, device, milk, task, title, view};

#[test]
fn an_edit_is_there_at_once_and_elsewhere_when_it_arrives() {
    let mut play = Play::with(["alice", "bob"]);
    let ops = vec![
        Op::Title("Buy milk".into()),
        Op::Notes("Oat".into()),
        Op::Status(Status::Doing),
        Op::Priority(Priority::HIGHEST),
        Op::Due(Some("2026-12-24".parse_date())),
        Op::Assignee("Bob".into()),
        Op::Position(Position::default()),
        Op::parent(Some(task(2))),
        Op::CreatedAt(NOON),
        Op::add_label("shop"),
    ];
    let change = play.edit("alice", milk(), ops);
    assert_eq!(change.dot, Dot { device: device("alice"), seq: 1 });
    let applied = play.deliver(&change, "bob");
    assert_eq!(applied.fresh, [change]);
    assert!(!applied.gap);

    let seen = play.milk("bob");
    assert_eq!(seen, play.milk("alice"));
    assert_eq!((seen.title.as_str(), seen.notes.as_str(), seen.status), ("Buy milk", "Oat", Status::Doing));
    assert_eq!((seen.priority.get(), seen.due), (3, Some("2026-12-24".parse_date())));
    assert_eq!((seen.assignee.as_str(), seen.parent, seen.labels), ("Bob", Some(task(2)), vec!["shop".into()]));
    assert_eq!((seen.created_at, seen.updated_at, seen.deleted), (NOON, NOON + 1, false));
    assert_eq!(play.replica("bob").tasks(), play.replica("alice").tasks());
}

trait ParseDate {
    fn parse_date(self) -> partyline_core::replica::Date;
}

impl ParseDate for &str {
    fn parse_date(self) -> partyline_core::replica::Date {
        partyline_core::replica::Date::parse(self).unwrap()
    }
}

#[test]
fn the_later_write_wins_on_both_sides() {
    let mut play = Play::with(["alice", "bob"]);
    let earlier = play.edit("alice", milk(), title("Buy milk"));
    let later = play.edit("bob", milk(), title("Buy oat milk"));
    play.deliver(&later, "alice");
    let late = play.deliver(&earlier, "bob");
    assert!(late.touched.is_empty(), "it lost, and nothing looks different");
    assert_eq!(play.milk("alice").title, "Buy oat milk");
    assert_eq!(play.milk("bob").title, "Buy oat milk");
    play.meet(["alice", "bob"]);
}

#[test]
fn edits_of_different_fields_both_stay() {
    let mut play = Play::with(["alice", "bob"]);
    let made = play.edit("alice", milk(), title("Buy milk"));
    play.deliver(&made, "bob");
    play.edit("alice", milk(), vec![Op::Status(Status::Done)]);
    play.edit("bob", milk(), vec![Op::Notes("Oat".into())]);
    play.meet(["alice", "bob"]);
    let both = play.milk("alice");
    assert_eq!((both.status, both.notes.as_str()), (Status::Done, "Oat"));
}

#[test]
fn simultaneous_writes_are_settled_by_device() {
    let mut play = Play::with(["alice", "bob"]);
    play.clock_error("bob", -1);
    let a = play.edit("alice", milk(), title("A"));
    let b = play.edit("bob", milk(), title("B"));
    assert_eq!((a.stamp.millis, a.stamp.counter), (b.stamp.millis, b.stamp.counter));
    play.deliver(&a, "bob");
    play.deliver(&b, "alice");
    assert_eq!(play.milk("alice").title, "B");
    assert_eq!(play.milk("bob").title, "B");
}

#[test]
fn one_stamp_with_two_values_ends_the_same_everywhere() {
    let stamp = Stamp { millis: NOON, counter: 0, device: device("mallory") };
    let change = |seq, text: &str| Change {
        dot: Dot { device: device("mallory"), seq },
        stamp,
        object: milk(),
        complete: true,
        machine: false,
        ops: title(text),
    };
    // Once under the same dot, once under another.
    for other_seq in [1, 2] {
        let (one, other) = (change(1, "pay Mallory"), change(other_seq, "pay nobody"));
        let mut play = Play::with(["alice", "bob", "carol"]);
        play.deliver(&one, "alice");
        play.deliver(&other, "alice");
        play.deliver(&other, "bob");
        play.deliver(&one, "bob");
        assert_eq!(view(play.replica("alice")), view(play.replica("bob")));
        play.sync("carol", "alice");
        assert_eq!(view(play.replica("carol")), view(play.replica("bob")));
    }
}

#[test]
fn a_change_that_came_twice_does_nothing() {
    let mut play = Play::with(["alice", "bob"]);
    let change = play.edit("alice", milk(), title("Buy milk"));
    play.deliver(&change, "bob");
    let cursor = play.replica("bob").cursor();
    let again = play.deliver(&change, "bob");
    assert!(!again.is_news() && !again.gap && again.touched.is_empty());
    assert_eq!(play.replica("bob").cursor(), cursor);
}

#[test]
fn the_room_and_the_devices_have_names() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", ObjectId::Room, vec![Op::Name("Home".into())]);
    play.edit("bob", ObjectId::Device(device("bob")), vec![Op::Name("Firefox on Linux".into())]);
    play.meet(["alice", "bob"]);
    assert_eq!(play.replica("bob").room_name(), Some("Home"));
    let devices: Vec<_> = play.replica("alice").devices().collect();
    assert_eq!(devices, [(device("bob"), "Firefox on Linux")]);
    assert!(play.replica("alice").tasks().is_empty());
}

#[test]
fn tasks_stand_in_the_order_of_their_positions() {
    let mut play = Play::with(["alice"]);
    let between = |low, high| Position::between(low, high, device("alice")).unwrap();
    let first = between(None, None);
    let last = between(Some(&first), None);
    let middle = between(Some(&first), Some(&last));
    for (number, position) in [(3, &last), (1, &first), (2, &middle), (4, &last)] {
        play.edit("alice", ObjectId::Task(task(number)), vec![Op::Position(position.clone())]);
    }
    let order: Vec<_> = play.replica("alice").tasks().iter().map(|task| task.id).collect();
    assert_eq!(order, [1, 2, 3, 4].map(task));
    assert_eq!(play.replica("alice").last_position(), Some(last.clone()));
    for number in [3, 4] {
        play.edit("alice", ObjectId::Task(task(number)), vec![Op::Deleted]);
    }
    assert_eq!(play.replica("alice").last_position(), Some(middle), "of those that are there");
    play.edit("alice", ObjectId::Task(task(4)), vec![Op::Title("Back".into()), Op::Position(last.clone())]);
    assert_eq!(play.replica("alice").last_position(), Some(last));
}

#[test]
fn a_cursor_tells_what_was_touched_since() {
    let mut play = Play::with(["alice", "bob"]);
    for number in 1..=5 {
        play.edit("alice", ObjectId::Task(task(number)), title("Something"));
    }
    let cursor = play.replica("alice").cursor();
    assert!(play.replica("alice").tasks_since(cursor).is_empty());
    play.edit("alice", ObjectId::Task(task(2)), vec![Op::Deleted]);
    let from_bob = play.edit("bob", ObjectId::Task(task(4)), title("Something else"));
    play.deliver(&from_bob, "alice");
    let touched = play.replica("alice").tasks_since(cursor);
    assert_eq!(
        touched.iter().map(|task| (task.id, task.deleted)).collect::<Vec<_>>(),
        [(task(2), true), (task(4), false)]
    );
    assert_eq!(play.replica("alice").tasks_since(u64::MAX).len(), 5, "a cursor of somebody else's begins anew");
}

#[test]
fn of_two_operations_on_one_field_in_an_edit_the_last_counts() {
    let mut play = Play::with(["alice"]);
    let ops = vec![Op::Title("one".into()), Op::add_label("x"), Op::Title("two".into()), Op::remove_label("x")];
    let change = play.edit("alice", milk(), ops);
    assert_eq!(change.ops, [Op::Labelled, Op::Title("two".into())]);
    assert_eq!(play.milk("alice").title, "two");
    assert!(play.milk("alice").labels.is_empty());
}

#[test]
fn a_batch_in_the_wrong_order_leaves_no_gap() {
    let mut play = Play::with(["alice", "bob"]);
    let mut changes: Vec<_> = (0..4).map(|_| play.edit("alice", milk(), title("again"))).collect();
    changes.reverse();
    assert!(!play.apply("bob", Batch::live(changes)).gap);
    assert_eq!(play.replica("bob").vector(), play.replica("alice").vector());
}
