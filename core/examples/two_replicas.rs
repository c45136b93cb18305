//! Two replicas edit one task offline, then merge.
//!
//! `cargo run -p partyline-core --example two_replicas`

use std::error::Error;

use partyline_core::id::TaskId;
use partyline_core::key::DeviceKey;
use partyline_core::replica::{ObjectId, Op, Replica, Status, SyncRequest};

/// Maximum bytes of one chunk of an answer.
const CHUNK: usize = 64 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    // A device's id follows from its key; an application draws the 32 bytes at random.
    let mut alice = Replica::new(DeviceKey::from_random_bytes([1; 32]).device());
    let mut bob = Replica::new(DeviceKey::from_random_bytes([2; 32]).device());

    let noon = 1_790_000_000_000;
    let sails = ObjectId::Task(TaskId::from_random_bytes([7; 16]));
    alice.edit(sails, vec![Op::Title("Mend the sails".into()), Op::add_label("boat")], noon)?;
    println!("Bob's first pull: {} questions", pull(&mut bob, &alice, noon)?);

    // Offline. Both write the title, and each writes something that the other does not touch.
    alice.edit(sails, vec![Op::Title("Mend the main sail".into()), Op::Status(Status::Doing)], noon + 1_000)?;
    bob.edit(sails, vec![Op::Title("Buy new sails".into()), Op::add_label("shopping")], noon + 2_000)?;

    // Each side asks for itself: a pull teaches only the one who asks.
    println!("Alice pulls: {} questions", pull(&mut alice, &bob, noon + 3_000)?);
    println!("Bob pulls: {} questions", pull(&mut bob, &alice, noon + 3_000)?);

    assert_eq!(alice.tasks(), bob.tasks());
    for task in alice.tasks() {
        println!("{} [{:?}] {:?}", task.title, task.status, task.labels);
    }
    Ok(())
}

/// Has `to` ask `from` for what it lacks until the sync is over, as bytes. Returns the number of questions.
fn pull(to: &mut Replica, from: &Replica, now_ms: u64) -> Result<u32, Box<dyn Error>> {
    let mut questions = 0;
    let mut next = Some(to.opening());
    while let Some(request) = next {
        questions += 1;
        let bytes = from.answer_encoded(&request, CHUNK);
        let answer = to.decode_answer(&bytes)?;
        let mut batch = answer.batch.clone();
        // The vector in the last chunk is believed only by the replica that asked.
        batch.asker = Some(to.device());
        let applied = to.apply(batch, now_ms)?;
        next = match answer.next {
            Some(cursor) => Some(SyncRequest { cursor: Some(cursor), ..request }),
            // The salt would be random.
            None => to.following(&answer, applied.is_news(), 42),
        };
    }
    Ok(questions)
}
