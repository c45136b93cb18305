//! What an edit costs a crew, in messages and bytes: who sends it to whom in a simulation, with real sessions' bytes.
//!
//! Run by `cargo xtask bench`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(missing_docs, reason = "a program has none")]

#[path = "../tests/crew/mod.rs"]
mod crew;
#[path = "../tests/session/stage.rs"]
#[allow(dead_code, reason = "written for tests")]
mod stage;
#[path = "../tests/timeline/mod.rs"]
mod timeline;

use crew::World;
use partyline_core::id::{DeviceId, TaskId};
use partyline_core::replica::{Batch, ObjectId, Op, Replica};
use partyline_core::session::RequestHead;
use stage::{Stage, alices_config, bobs_config};

fn main() {
    let (messages, bytes) = push();
    println!("an edit of a task's title over one link: {messages} messages, {bytes} bytes with the answer");
    for size in [2, 8, 32] {
        let world = World::settled(size);
        let devices = usize::from(size);
        let links = (0..devices).map(|index| world.peers(index).len()).sum::<usize>() / 2;
        let pushes: Vec<usize> = (0..devices)
            .map(|origin| {
                let (reached, pushes) = world.spread(origin);
                assert_eq!(reached.len(), devices);
                pushes
            })
            .collect();
        let (most, mean) = (pushes.iter().max().unwrap(), pushes.iter().sum::<usize>() as f64 / devices as f64);
        println!(
            "{size:>2} devices, {links:>3} links: {mean:>5.1} pushes ({:.2} for each other device, {most} at most), {:>6.0} bytes",
            mean / (devices - 1) as f64,
            mean * bytes as f64
        );
        let (told, told_bytes) = world.told;
        println!("    until they were one crew: {told} lists of links and introductions, {told_bytes} bytes");
    }
}

/// One edit to one peer, and its answer.
fn push() -> (usize, usize) {
    let mut stage = Stage::new(alices_config(), bobs_config());
    stage.run();
    let mut replica = Replica::new(DeviceId::from_bytes([1; 16]));
    let task = ObjectId::Task(TaskId::from_random_bytes([5; 16]));
    let change =
        replica.edit(task, vec![Op::Title("Forty characters are a usual title, so..".into())], 1_790_000_000_000);
    let batch = Batch::live(vec![change.unwrap()]).encode();
    let head = RequestHead {
        method: "POST".into(),
        path: "/peer/v1/rooms/7d1c5a90-3f4e-4b7a-9c21-5e8f6a0b1c2d/changes".into(),
        headers: vec![("content-type".into(), "application/cbor".into())],
    };
    let (mut messages, mut bytes) = (0, 0);
    let mut count = |said: &std::collections::VecDeque<Vec<u8>>| {
        messages += said.len();
        bytes += said.iter().map(Vec::len).sum::<usize>();
    };
    let _ = stage.alice.events();
    let _ = stage.bob.events();
    stage.alice.session.request(&head, batch).unwrap();
    stage.alice.speak();
    count(&stage.alice.said);
    stage.run();
    let (stream, _) = stage.bob.request();
    stage.bob.ok(stream, br#"{"gap":false}"#.to_vec());
    stage.bob.speak();
    count(&stage.bob.said);
    (messages, bytes)
}
