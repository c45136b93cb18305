//! Comments on a task.

use partyline_core::id::{CommentId, TaskId};
use partyline_core::replica::{Batch, Change, Comment, EditError, MAX_COMMENT, MalformedChange, ObjectId, Op, Replica};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::play::{Disk, NOON, Play, device, task, title};

fn id(task: TaskId, number: u8) -> CommentId {
    CommentId::on(task, [number; 16])
}

fn shown(replica: &Replica, tasks: &[TaskId]) -> Vec<Comment> {
    tasks.iter().flat_map(|task| replica.comments(*task)).collect()
}

#[test]
fn an_edit_that_meets_a_deletion_loses_nothing() {
    let (hull, on) = (task(1), id(task(1), 1));
    let (mut alice, mut bob) = (Replica::new(device("alice")), Replica::new(device("bob")));
    let made = alice.edit(ObjectId::comment(on), vec![Op::On(Box::new(hull)), Op::Text("Two".into())], NOON).unwrap();
    bob.apply(Batch::live(vec![made]), NOON).unwrap();
    let deleted = alice.edit(ObjectId::comment(on), vec![Op::Deleted], NOON + 1).unwrap();
    assert!(alice.comments(hull).is_empty());
    let edited = bob.edit(ObjectId::comment(on), vec![Op::Text("Three".into())], NOON + 2).unwrap();
    alice.apply(Batch::live(vec![edited]), NOON + 3).unwrap();
    bob.apply(Batch::live(vec![deleted]), NOON + 3).unwrap();
    let comments = alice.comments(hull);
    assert_eq!(comments, bob.comments(hull));
    assert_eq!(
        comments.iter().map(|comment| (&*comment.text, comment.author)).collect::<Vec<_>>(),
        [("Three", device("alice"))]
    );
}

#[test]
fn a_comment_is_of_one_task_only() {
    let mut alice = Replica::new(device("alice"));
    // Its id begins as that of another task.
    let ops = vec![Op::On(Box::new(task(2))), Op::Text("Two".into())];
    alice.edit(ObjectId::comment(id(task(1), 1)), ops, NOON).unwrap();
    assert!(shown(&alice, &[task(1), task(2)]).is_empty());
}

/// One of two devices writes, deletes or brings back one of a few comments, at one of a few times.
fn any_edits() -> impl Strategy<Value = Vec<(bool, u8, u8, u64)>> {
    vec((any::<bool>(), 1_u8..4, 0_u8..4, 0_u64..20), 1..20)
}

proptest! {
    #[test]
    fn any_order_and_any_batches_show_the_same(
        edits in any_edits(),
        order in any::<prop::sample::Index>(),
        cut in 1_usize..5,
    ) {
        let tasks = [task(1), task(2)];
        let (mut alice, mut bob) = (Replica::new(device("alice")), Replica::new(device("bob")));
        let mut changes: Vec<Change> = Vec::new();
        for (number, (by_alice, which, what, after)) in edits.into_iter().enumerate() {
            let on = tasks[usize::from(which) % 2];
            let ops = match what {
                0 => vec![Op::Deleted],
                1 => vec![Op::Alive],
                _ => vec![Op::On(Box::new(on)), Op::Text(number.to_string().into())],
            };
            let author = if by_alice { &mut alice } else { &mut bob };
            changes.push(author.edit(ObjectId::comment(id(on, which)), ops, NOON + after).unwrap());
        }
        let mut forth = Replica::new(device("carol"));
        forth.apply(Batch::live(changes.clone()), NOON + 99).unwrap();
        let start = order.index(changes.len());
        changes.rotate_left(start);
        changes.reverse();
        let mut back = Replica::new(device("dave"));
        for batch in changes.chunks(cut) {
            back.apply(Batch::live(batch.to_vec()), NOON + 99).unwrap();
        }
        prop_assert_eq!(shown(&forth, &tasks), shown(&back, &tasks));
        prop_assert_eq!(forth.digest(0), back.digest(0));
    }
}

const DAY: u64 = 24 * 60 * 60 * 1000;

/// Alice makes a task and comments on it, and all hear of that.
fn with_comment<const N: usize>(names: [&'static str; N]) -> (Play, ObjectId) {
    let mut play = Play::with(names);
    let comment = ObjectId::comment(id(task(1), 1));
    play.edit(names[0], ObjectId::Task(task(1)), title("Paint the hull"));
    play.edit(names[0], comment, said("Two coats"));
    for name in &names[1..] {
        play.meet([names[0], name]);
    }
    (play, comment)
}

fn said(text: &str) -> Vec<Op> {
    vec![Op::On(Box::new(task(1))), Op::Text(text.into())]
}

fn texts(play: &Play, name: &'static str) -> Vec<String> {
    play.replica(name).comments(task(1)).into_iter().map(|comment| comment.text).collect()
}

/// What passes before a device looks at what is to be dropped.
fn pass(play: &mut Play, names: &[&'static str]) {
    for name in names {
        play.edit(name, ObjectId::Device(device(name)), vec![Op::Name((*name).into())]);
    }
}

#[test]
fn a_comment_is_in_the_trash_with_its_task_and_back_with_it() {
    let (mut play, _) = with_comment(["alice", "bob"]);
    play.edit("alice", ObjectId::Task(task(1)), vec![Op::Deleted]);
    // Bob has not heard of it.
    play.later(1000);
    play.edit("bob", ObjectId::comment(id(task(1), 2)), said("Three"));
    play.meet(["alice", "bob"]);
    play.later(29 * DAY);
    pass(&mut play, &["alice", "bob"]);
    play.restart("alice");
    play.edit("alice", ObjectId::Task(task(1)), vec![Op::Alive]);
    play.meet(["alice", "bob"]);
    for name in ["alice", "bob"] {
        assert_eq!(texts(&play, name), ["Two coats", "Three"], "{name}");
        assert_eq!(play.replica(name).task(task(1)).unwrap().comments, 2);
    }
}

#[test]
fn comments_go_with_their_task_thirty_days_after_its_deletion() {
    let (mut play, comment) = with_comment(["alice", "bob", "carol"]);
    play.edit("bob", comment, vec![Op::Text("Three confidential coats".into())]);
    play.edit("bob", ObjectId::comment(id(task(1), 2)), said("A confidential remark"));
    play.edit("bob", ObjectId::comment(id(task(1), 2)), vec![Op::Deleted]);
    play.edit("bob", ObjectId::comment(id(task(2), 3)), vec![Op::On(Box::new(task(2))), Op::Text("Stays".into())]);
    play.meet(["alice", "bob"]);
    let (alice, bob) = (play.replica("alice").clone(), play.replica("bob").clone());
    play.edit("alice", ObjectId::Task(task(1)), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    play.later(31 * DAY);
    pass(&mut play, &["alice"]);
    let day = play.now("alice") / DAY - 30;
    play.meet(["alice", "bob"]);
    let is_there = |play: &Play, name| {
        let pages = Disk::of(play.replica(name), 1000).pages;
        pages.values().any(|page| page.windows(12).any(|part| part == b"confidential"))
    };
    assert!(!is_there(&play, "alice"));
    assert_eq!(
        play.replica("alice").digest(day),
        play.replica("bob").digest(day),
        "whoever has dropped it and who not"
    );
    pass(&mut play, &["bob"]);
    assert!(!is_there(&play, "bob"));
    // What somebody still has, or says of it afterwards, comes to nothing.
    for replica in [alice, bob] {
        let all = replica.answer(&Default::default(), 10_000).batch;
        let applied = play.apply("alice", all);
        assert_eq!(applied.fresh, [], "it is not handed on");
        assert!(!applied.has_namesake, "nobody else writes under this id");
    }
    play.edit("carol", comment, vec![Op::Text("Late".into())]);
    play.meet(["alice", "carol"]);
    play.meet(["alice", "bob"]);
    play.meet(["alice", "carol"]);
    assert!(texts(&play, "alice").is_empty() && !is_there(&play, "alice"));
    assert_eq!(play.replica("alice").digest(day), play.replica("carol").digest(day));
    assert_eq!(play.replica("alice").comments(task(2)).len(), 1);
    play.restart("alice");
    play.compact("alice", 1000);
    play.restart("alice");
    assert_eq!(play.replica("alice").digest(day), play.replica("bob").digest(day));
}

#[test]
fn what_was_dropped_is_back_from_whoever_has_it_if_its_task_is() {
    let (mut play, _) = with_comment(["alice", "bob"]);
    play.edit("alice", ObjectId::Task(task(1)), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    play.clock_error("bob", -(3 * DAY as i64));
    play.later(31 * DAY);
    pass(&mut play, &["alice"]);
    assert!(texts(&play, "alice").is_empty());
    play.edit("bob", ObjectId::Task(task(1)), vec![Op::Alive]);
    assert_eq!(texts(&play, "bob"), ["Two coats"]);
    play.meet(["alice", "bob"]);
    assert_eq!(texts(&play, "alice"), ["Two coats"]);
}

#[test]
fn two_at_once_are_both_kept_in_one_order() {
    let (mut play, _) = with_comment(["alice", "bob", "carol"]);
    // At the same millisecond.
    play.edit("bob", ObjectId::comment(id(task(1), 9)), said("From Bob"));
    play.edit("alice", ObjectId::comment(id(task(1), 8)), said("From Alice"));
    play.meet(["carol", "bob"]);
    play.meet(["carol", "alice"]);
    play.meet(["carol", "bob"]);
    let shown = texts(&play, "alice");
    assert_eq!(shown.len(), 3);
    assert_eq!([texts(&play, "bob"), texts(&play, "carol")], [shown.clone(), shown]);
}

#[test]
fn who_wrote_a_comment_is_its_author_whoever_changes_it_or_hands_it_on() {
    let (mut play, comment) = with_comment(["alice", "bob", "carol"]);
    play.edit("bob", comment, vec![Op::Text("Three coats".into())]);
    play.meet(["bob", "carol"]);
    let at_carol = play.replica("carol").comments(task(1)).remove(0);
    assert_eq!((at_carol.author, at_carol.text.as_str()), (device("alice"), "Three coats"));
    assert!(at_carol.edited_at.is_some());
    // There is no field to claim it in: it is the device that gave the change its number.
    let mut forged = play.history[1].clone();
    forged.dot.device = device("bob");
    let refused = play.replica("carol").clone().apply(Batch::live(vec![forged]), NOON);
    assert!(refused.is_err(), "a stamp is of the device whose change it is");
}

#[test]
fn a_comment_has_a_limit_that_is_said() {
    let mut alice = Replica::new(device("alice"));
    let mut say = |bytes| alice.edit(ObjectId::comment(id(task(1), 1)), said(&"x".repeat(bytes)), NOON);
    assert!(say(MAX_COMMENT).is_ok());
    let refused = say(MAX_COMMENT + 1).unwrap_err();
    assert_eq!(EditError::from(MalformedChange::TooLong { what: "comment", max: MAX_COMMENT }), refused);
    // What belongs to a task is not said of a comment, and the other way round.
    for op in [title("a").remove(0), Op::Notes("a".into()), Op::Name("a".into()), Op::CreatedAt(1)] {
        assert!(alice.edit(ObjectId::comment(id(task(1), 1)), vec![op], NOON).is_err());
    }
    assert!(alice.edit(ObjectId::Task(task(1)), said("a"), NOON).is_err());
}
