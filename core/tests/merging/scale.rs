//! Ten thousand tasks.

use partyline_core::id::TaskId;
use partyline_core::replica::{Batch, ObjectId, Op, Position, Priority, Replica, SyncRequest};

use crate::play::{Disk, NOON, device, title, view};

const TASKS: u32 = 10_000;
const CHUNK: usize = 64 * 1024;

fn id(number: u32) -> ObjectId {
    // Scattered, as random ids are.
    let mut random = [0; 16];
    let scattered = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    random[..8].copy_from_slice(&scattered.to_be_bytes());
    random[8..12].copy_from_slice(&number.to_be_bytes());
    ObjectId::Task(TaskId::from_random_bytes(random))
}

#[test]
fn ten_thousand_tasks() {
    let mut alice = Replica::new(device("alice"));
    let mut last: Option<Position> = None;
    for number in 0..TASKS {
        let position = Position::between(last.as_ref(), None, alice.device()).unwrap();
        let ops = vec![
            Op::Title(format!("Task number {number}, with a title like that").into()),
            Op::Notes(format!("Notes of task number {number}, which are a little longer than its title is").into()),
            Op::Assignee("somebody".into()),
            Op::Priority(Priority::HIGHEST),
            Op::Position(position.clone()),
            Op::CreatedAt(NOON),
        ];
        last = Some(position);
        alice.edit(id(number), ops, NOON + u64::from(number)).unwrap();
    }
    assert_eq!(alice.tasks().len(), TASKS as usize);

    let mut bob = Replica::new(device("bob"));
    let mut request = SyncRequest { vector: bob.vector().clone(), ..Default::default() };
    let mut chunks = 0;
    loop {
        let answer = alice.answer(&request, CHUNK);
        assert!(answer.encode().len() <= CHUNK);
        chunks += 1;
        request.cursor = answer.next;
        bob.apply(Batch { asker: Some(bob.device()), ..answer.batch }, NOON).unwrap();
        if request.cursor.is_none() {
            break;
        }
    }
    assert_eq!(view(&bob), view(&alice));
    assert_eq!(bob.vector(), alice.vector());
    assert!((20..40).contains(&chunks), "{chunks}");

    let mut bob = Disk::of(&bob, 256 * 1024).load().unwrap();
    assert_eq!(view(&bob), view(&alice));

    let edit = alice.edit(id(4711), title("Only this"), NOON).unwrap();
    request.vector = bob.vector().clone();
    let answer = alice.answer(&request, CHUNK);
    assert_eq!(answer.batch.changes, [edit]);
    let cursor = bob.cursor();
    bob.apply(Batch { asker: Some(bob.device()), ..answer.batch }, NOON).unwrap();
    assert_eq!(bob.tasks_since(cursor).len(), 1);
}
