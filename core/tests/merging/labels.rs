//! Labels are an add-wins set.

use partyline_core::clock::Stamp;
use partyline_core::replica::{Change, Dot, LabelOp, Op, VersionVector};

use crate::play::{Disk, NOON, Play, device, milk, view};

fn labels(play: &Play, name: &str) -> Vec<String> {
    play.milk(name).labels
}

#[test]
fn labels_come_and_go() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), vec![Op::add_label("shop"), Op::add_label("urgent")]);
    play.meet(["alice", "bob"]);
    play.edit("bob", milk(), vec![Op::remove_label("urgent")]);
    play.meet(["alice", "bob"]);
    assert_eq!(labels(&play, "alice"), ["shop"]);
    play.edit("alice", milk(), vec![Op::add_label("urgent")]);
    play.meet(["alice", "bob"]);
    assert_eq!(labels(&play, "bob"), ["shop", "urgent"]);
}

#[test]
fn an_addition_that_the_remover_had_not_seen_stays() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), vec![Op::add_label("shop")]);
    play.meet(["alice", "bob"]);
    play.edit("bob", milk(), vec![Op::add_label("shop")]);
    // Later by the clock, but Alice had not seen Bob's.
    play.later(1000);
    play.edit("alice", milk(), vec![Op::remove_label("shop")]);
    assert!(labels(&play, "alice").is_empty());
    play.meet(["alice", "bob"]);
    assert_eq!(labels(&play, "alice"), ["shop"]);
    play.edit("alice", milk(), vec![Op::remove_label("shop")]);
    play.meet(["alice", "bob"]);
    assert!(labels(&play, "bob").is_empty(), "now she had");
}

#[test]
fn a_removal_that_overtakes_the_addition_still_undoes_it() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    let added = play.edit("alice", milk(), vec![Op::add_label("shop")]);
    play.deliver(&added, "bob");
    let removed = play.edit("bob", milk(), vec![Op::remove_label("shop")]);
    play.deliver(&removed, "carol");
    play.deliver(&added, "carol");
    assert!(labels(&play, "carol").is_empty());
    play.meet(["alice", "bob", "carol"]);
    assert!(labels(&play, "alice").is_empty());
}

#[test]
fn a_removal_undoes_what_others_had_removed_before() {
    // Alice adds; Bob sees it and adds; Carol sees Bob's only, and removes. What Bob had seen is undone as well.
    let mut play = Play::with(["alice", "bob", "carol", "dave"]);
    let first = play.edit("alice", milk(), vec![Op::add_label("shop")]);
    play.deliver(&first, "bob");
    let second = play.edit("bob", milk(), vec![Op::add_label("shop")]);
    play.deliver(&second, "carol");
    let third = play.edit("carol", milk(), vec![Op::remove_label("shop")]);
    for change in [&third, &first, &second] {
        play.deliver(change, "dave");
    }
    assert!(labels(&play, "dave").is_empty());
    play.meet(["alice", "bob", "carol", "dave"]);
}

#[test]
fn toggling_a_label_does_not_pile_up() {
    let mut play = Play::with(["alice", "bob"]);
    for _ in 0..200 {
        let added = play.edit("alice", milk(), vec![Op::add_label("shop")]);
        play.deliver(&added, "bob");
        let removed = play.edit("bob", milk(), vec![Op::remove_label("shop")]);
        play.deliver(&removed, "alice");
    }
    let bytes: usize = Disk::of(play.replica("alice"), 1 << 20).bytes() as usize;
    assert!(bytes < 200, "{bytes}");
}

#[test]
fn devices_that_lie_about_what_they_saw_do_not_split_the_room() {
    let change = |name, seq, present: bool, seen: &[(&str, u64)]| {
        let seen: VersionVector = seen.iter().map(|(name, seq)| (device(name), *seq)).collect();
        let op = Box::new(LabelOp { label: "shop".into(), seen });
        Change {
            dot: Dot { device: device(name), seq },
            stamp: Stamp { millis: NOON, counter: 0, device: device(name) },
            object: milk(),
            complete: true,
            ops: vec![if present { Op::AddLabel(op) } else { Op::RemoveLabel(op) }],
        }
    };
    // Mallory and Trudy claim to have seen each other's, and what Alice has not written yet.
    let lies = [
        change("mallory", 1, true, &[("trudy", 9), ("alice", 1)]),
        change("trudy", 1, true, &[("mallory", 9)]),
        change("trudy", 1, false, &[]),
        change("mallory", 2, true, &[("mallory", 3), ("trudy", 9)]),
        change("mallory", 3, true, &[("mallory", 3), ("trudy", 9)]),
    ];
    let orders = [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [1, 3, 5, 0, 2, 4], [4, 2, 0, 5, 3, 1]];
    let views = orders.map(|order| {
        let mut play = Play::with(["alice", "bob"]);
        let honest = play.edit("alice", milk(), vec![Op::add_label("shop")]);
        for at in order {
            let change = lies.get(at).unwrap_or(&honest);
            play.deliver(change, "bob");
        }
        let cursor = play.replica("bob").cursor();
        for change in &lies {
            assert!(!play.deliver(change, "bob").is_news(), "or the two would pass it to and fro for ever");
        }
        assert_eq!(play.replica("bob").cursor(), cursor);
        let mut late = Play::with(["carol"]);
        late.apply("carol", play.replica("bob").answer(&Default::default(), 10_000).batch);
        assert_eq!(view(late.replica("carol")), view(play.replica("bob")));
        view(play.replica("bob"))
    });
    assert!(views.iter().all(|view| *view == views[0]));
}
