//! Comments on a task.

use partyline_core::id::{CommentId, TaskId};
use partyline_core::replica::{Batch, Change, Comment, ObjectId, Op, Replica};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::play::{NOON, device, task};

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
