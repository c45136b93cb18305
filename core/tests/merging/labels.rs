//! Labels are an add-wins set.

use partyline_core::clock::Stamp;
use partyline_core::id::DeviceId;
use partyline_core::replica::{
    Batch, Change, Dot, MAX_ELEMENTS, MAX_LABELS, Op, Removal, Replica, Status, element_hash,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::play::{Disk, NOON, Play, device, milk, title, view};

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
fn devices_that_lie_about_additions_do_not_split_the_room() {
    let change = |name, seq, counter, op| Change {
        dot: Dot { device: device(name), seq },
        stamp: Stamp { millis: NOON, counter, device: device(name) },
        object: milk(),
        complete: true,
        machine: false,
        ops: vec![op],
    };
    let removal = |name, counter| {
        let of = Stamp { millis: NOON, counter, device: device(name) };
        Op::RemoveLabel(Box::new(Removal { element: element_hash(b"shop"), of }))
    };
    // Mallory and Trudy remove what the other has not added yet, and each other's under one stamp.
    let lies = [
        change("mallory", 1, 0, Op::add_label("shop")),
        change("trudy", 1, 0, removal("mallory", 3)),
        change("trudy", 2, 0, Op::add_label("shop")),
        change("mallory", 2, 0, removal("trudy", 0)),
        change("mallory", 3, 2, Op::add_label("shop")),
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

#[test]
fn labels_that_come_and_go_cost_no_more_after_thousands_than_after_hundreds() {
    let toggled = |times: usize| {
        let mut alice = Replica::new(device("alice"));
        alice.edit(milk(), vec![Op::Title("Buy milk".into()), Op::add_label("shop")], NOON).unwrap();
        for n in 0..times {
            alice.edit(milk(), vec![Op::add_label(format!("label {n}"))], NOON).unwrap();
            alice.edit(milk(), vec![Op::remove_label(format!("label {n}"))], NOON).unwrap();
        }
        assert_eq!(
            alice.task(crate::play::task(1)).unwrap().labels,
            ["shop"],
            "what is there is not dropped for those"
        );
        Disk::of(&alice, 1 << 20).bytes()
    };
    let (hundreds, thousands) = (toggled(300), toggled(3_000));
    assert!(thousands < hundreds + 1_000 && thousands < 10_000, "{hundreds} bytes, then {thousands}");
}

/// More labels than an edit may leave, by edits at the same time, keep nobody from editing,
/// deleting or restoring it.
#[test]
fn a_task_with_many_labels_can_be_brought_back() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("Buy milk"));
    play.meet(["alice", "bob"]);
    for name in ["alice", "bob"] {
        play.edit(name, milk(), (0..40).map(|number| Op::add_label(format!("{name} {number}"))).collect());
    }
    play.meet(["alice", "bob"]);
    let all = labels(&play, "alice");
    assert!(all.len() > MAX_LABELS);
    play.edit("alice", milk(), vec![Op::Deleted]);
    play.edit("bob", milk(), vec![Op::Status(Status::Done)]);
    play.meet(["alice", "bob"]);
    assert!(!play.milk("alice").deleted);
    assert_eq!(labels(&play, "alice"), all);
    play.edit("alice", milk(), vec![Op::remove_label("alice 0")]);
    assert_eq!(labels(&play, "alice").len(), all.len() - 1);
}

#[test]
fn of_what_was_taken_off_the_words_do_not_stay() {
    let mut alice = Replica::new(device("alice"));
    alice.edit(milk(), vec![Op::Title("Buy milk".into()), Op::add_label("confidential")], NOON).unwrap();
    alice.edit(milk(), vec![Op::remove_label("confidential")], NOON).unwrap();
    let pages = Disk::of(&alice, 1 << 20).pages.into_values().collect::<Vec<_>>().concat();
    assert!(!pages.windows(12).any(|part| part == b"confidential"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// More labels, and more devices on one label, than are kept: every replica keeps the same ones, whatever the order and
    /// the batches, and what the bound dropped does not come back.
    #[test]
    fn bounds_keep_the_same_whatever_the_order(
        ops in vec((0_u8..150, 0_u64..8, 0_u32..4, any::<bool>(), prop::bool::weighted(0.3)), 300..500),
        order in any::<u64>(),
    ) {
        let made: Vec<Change> = ops
            .iter()
            .enumerate()
            .map(|(at, (who, millis, counter, removes, is_crowded))| {
                let writer = DeviceId::from_bytes([*who; 16]);
                let label = if *is_crowded { "crowded".to_owned() } else { format!("{}", at % 200) };
                let stamp = Stamp { millis: NOON + millis, counter: *counter, device: writer };
                let op = if *removes {
                    let of = Stamp { device: DeviceId::from_bytes([who.wrapping_mul(7) % 150; 16]), ..stamp };
                    Op::RemoveLabel(Box::new(Removal { element: element_hash(label.as_bytes()), of }))
                } else {
                    Op::add_label(label)
                };
                let dot = Dot { device: writer, seq: at as u64 + 1 };
                Change { dot, stamp, object: milk(), complete: true, machine: false, ops: vec![op] }
            })
            .collect();
        let merged = |changes: &[Change], size: usize| {
            let mut replica = Replica::new(device("alice"));
            for batch in changes.chunks(size) {
                replica.apply(Batch::live(batch.to_vec()), NOON).unwrap();
            }
            replica
        };
        let mut shuffled = made.clone();
        let mut random = order | 1;
        for at in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            shuffled.swap(at, (random >> 33) as usize % (at + 1));
        }
        let elements = |replica: &Replica| {
            let all = replica.answer(&Default::default(), 1 << 20).batch.changes;
            let mut ops: Vec<(Stamp, Op)> =
                all.into_iter().flat_map(|change| change.ops.into_iter().map(move |op| (change.stamp, op))).collect();
            ops.sort();
            // Of two who removed the same, either may be named.
            ops.into_iter().map(|(stamp, op)| if matches!(op, Op::RemoveLabel(_)) { (None, op) } else { (Some(stamp), op) }).collect::<std::collections::BTreeSet<_>>()
        };
        let straight = merged(&made, made.len());
        let mut other = merged(&shuffled, 7);
        prop_assert_eq!(elements(&straight), elements(&other));
        prop_assert!(elements(&straight).len() <= MAX_ELEMENTS);
        let again = other.apply(Batch::live(made), NOON).unwrap();
        prop_assert!(again.touched.is_empty(), "what was dropped came back");
    }
}
