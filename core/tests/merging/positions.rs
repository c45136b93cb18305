//! Where tasks stand when lists meet, and that there is always room for one more.

use std::collections::BTreeSet;

use partyline_core::clock::Stamp;
use partyline_core::id::TaskId;
use partyline_core::replica::{
    Batch, Change, Dot, MAX_CHANGES, MAX_POSITION, ObjectId, Op, Placing, Position, Replica, Spot,
};
use proptest::prelude::*;

use crate::play::{NOON, Play, device, task, title};

/// Ids as good as random, so that nothing depends on their order.
fn scattered(author: u8, number: u8) -> TaskId {
    TaskId::from_random_bytes(
        [number.wrapping_mul(101) ^ author.wrapping_mul(59), author, number].repeat(6)[..16].try_into().unwrap(),
    )
}

/// A device adds tasks in a row, each after the one before, from `spot` on.
fn add_in_a_row(play: &mut Play, name: &'static str, mut spot: Spot, tasks: u8) {
    for number in 0..tasks {
        let id = scattered(name.as_bytes()[0], number);
        play.place(name, id, spot, title(&format!("{name} {number}")));
        if spot != Spot::Last {
            spot = Spot::After(id);
        }
    }
}

fn titles(play: &Play, name: &str) -> Vec<String> {
    play.replica(name).tasks().into_iter().map(|task| task.title).collect()
}

/// The authors of the tasks, as the list has them, neighbours of one author taken together.
fn blocks(play: &Play, name: &str) -> Vec<String> {
    let mut authors: Vec<String> =
        titles(play, name).into_iter().map(|title| title.split(' ').next().unwrap().to_owned()).collect();
    authors.dedup();
    authors
}

fn positions(play: &Play, name: &str) -> Vec<Position> {
    play.replica(name).tasks().into_iter().map(|task| task.position).collect()
}

#[test]
fn two_shopping_lists_made_offline_do_not_interleave() {
    let mut play = Play::with(["alice", "bob"]);
    add_in_a_row(&mut play, "alice", Spot::Last, 10);
    add_in_a_row(&mut play, "bob", Spot::Last, 10);
    play.meet(["alice", "bob"]);
    assert_eq!(blocks(&play, "alice").len(), 2, "{:?}", titles(&play, "alice"));
    let alices: Vec<String> = titles(&play, "bob").into_iter().filter(|title| title.starts_with("alice")).collect();
    assert_eq!(alices, (0..10).map(|number| format!("alice {number}")).collect::<Vec<_>>());
    // What comes later comes last.
    play.place("alice", task(1), Spot::Last, title("later"));
    assert_eq!(titles(&play, "alice").last().map(String::as_str), Some("later"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_each_adds_in_a_row_stays_together(
        counts in [1_u8..20, 1_u8..20, 1_u8..20],
        spot in prop_oneof![Just(Spot::First), Just(Spot::Last), Just(Spot::After(task(1))), Just(Spot::After(task(2)))],
        again in any::<bool>(),
        hole in any::<bool>(),
    ) {
        let mut play = Play::with(["alice", "bob", "carol"]);
        for (number, spot) in [(2, Spot::Last), (3, Spot::Last), (1, Spot::First), (4, Spot::Last)] {
            play.place("alice", task(number), spot, title("there before"));
        }
        // In the midst of her run a place is free, which the others find too.
        play.place("alice", task(2), if hole { Spot::Last } else { Spot::After(task(1)) }, title("there before"));
        play.meet(["alice", "bob", "carol"]);
        for (name, tasks) in ["alice", "bob", "carol"].into_iter().zip(counts) {
            add_in_a_row(&mut play, name, spot, tasks);
        }
        play.meet(["alice", "bob", "carol"]);
        let is_there_before = |block: &String| block == "there";
        let added = |play: &Play| blocks(play, "bob").into_iter().filter(|block| !is_there_before(block)).count();
        prop_assert_eq!(added(&play), 3, "{:?}", titles(&play, "bob"));
        if again {
            // Bob goes on behind his own last one, which others stand behind by now.
            let last = scattered(b'b', counts[1] - 1);
            play.place("bob", scattered(b'b', 200), Spot::After(last), title("bob goes on"));
            prop_assert_eq!(added(&play), 3, "{:?}", titles(&play, "bob"));
        }
    }

    /// Two devices that move tasks at the same time, the same ones too, agree in the end: each task is there once.
    #[test]
    fn moves_at_the_same_time_converge(
        moves in proptest::collection::vec((any::<bool>(), 1_u8..8, 0_u8..8, 0_u8..8), 1..30),
    ) {
        let mut play = Play::with(["alice", "bob"]);
        for number in 1..8 {
            play.place("alice", task(number), Spot::Last, title(&format!("{number}")));
        }
        play.meet(["alice", "bob"]);
        for (is_alice, moved, after, meet) in moves {
            let name = if is_alice { "alice" } else { "bob" };
            let spot = if after == 0 || after == moved { Spot::First } else { Spot::After(task(after)) };
            play.place(name, task(moved), spot, vec![]);
            if meet == 0 {
                play.meet(["alice", "bob"]);
            }
        }
        play.meet(["alice", "bob"]);
        let list = titles(&play, "alice");
        prop_assert_eq!(&list, &titles(&play, "bob"));
        let all: BTreeSet<String> = list.iter().cloned().collect();
        prop_assert_eq!((list.len(), all), (7, (1..8).map(|number| number.to_string()).collect()));
    }

    /// Wherever one is put, it stands there, and all others stand as they did.
    #[test]
    fn a_task_stands_where_it_was_put(
        keys in proptest::collection::vec("(00|01|7f|80|81|fe|ff){0,63}80", 1..12),
        at in any::<prop::sample::Index>(),
    ) {
        let mut play = Play::with(["alice", "bob"]);
        for (number, key) in (1..).zip(&keys) {
            let position = Position::parse(key).unwrap();
            play.edit("bob", ObjectId::Task(task(number)), vec![Op::Title("there before".into()), Op::Position(position)]);
        }
        play.meet(["alice", "bob"]);
        let before: Vec<TaskId> = play.replica("alice").tasks().into_iter().map(|task| task.id).collect();
        let at = at.index(before.len() + 1);
        let spot = at.checked_sub(1).map_or(Spot::First, |before_it| Spot::After(before[before_it]));
        play.place("alice", task(99), spot, title("new"));
        let mut wanted = before;
        wanted.insert(at, task(99));
        let now: Vec<TaskId> = play.replica("alice").tasks().into_iter().map(|task| task.id).collect();
        prop_assert_eq!(&now, &wanted);
        play.meet(["alice", "bob"]);
        let at_bob: Vec<TaskId> = play.replica("bob").tasks().into_iter().map(|task| task.id).collect();
        prop_assert_eq!(at_bob, wanted);
    }
}

#[test]
fn between_two_tasks_at_one_position_there_is_room() {
    let mut play = Play::with(["alice"]);
    for (number, text) in [(1, "first"), (2, "second"), (3, "third")] {
        play.edit(
            "alice",
            ObjectId::Task(task(number)),
            vec![Op::Title(text.into()), Op::Position(Position::default())],
        );
    }
    let changes = play.place("alice", task(9), Spot::After(task(2)), title("between"));
    assert_eq!(titles(&play, "alice"), ["first", "second", "between", "third"]);
    assert_eq!(changes.len(), 2, "one of the two neighbours moves");
    assert!(changes[1].machine && changes[1].object == ObjectId::Task(task(3)));
}

#[test]
fn moving_over_is_nobodys_edit() {
    let mut play = Play::with(["alice", "bob"]);
    for number in [1, 2, 3] {
        let ops = vec![Op::Title(format!("{number}").into()), Op::Position(Position::default())];
        play.edit("alice", ObjectId::Task(task(number)), ops);
    }
    play.meet(["alice", "bob"]);
    let before = play.replica("alice").task(task(3)).unwrap();
    // Bob drags it to the front before Alice's device moves it over, and she hears of that later.
    play.place("bob", task(3), Spot::First, vec![]);
    play.edit("bob", ObjectId::Task(task(2)), vec![Op::Deleted]);
    play.later(1000);
    let changes = play.place("alice", task(9), Spot::After(task(2)), title("between"));
    assert_eq!(changes.len(), 2);
    let moved = play.replica("alice").task(task(3)).unwrap();
    assert_eq!(moved.updated_at, before.updated_at);
    assert_ne!(moved.position, before.position);
    play.meet(["alice", "bob"]);
    assert_eq!(titles(&play, "alice"), ["3", "1", "between"], "Bob's place counts, and what he deleted stays deleted");
    play.restart("alice");
}

#[test]
fn one_position_at_the_very_end_does_not_use_up_the_space_behind_it() {
    let mut play = Play::with(["alice"]);
    let last = Position::parse(&("ff".repeat(MAX_POSITION - 1) + "80")).unwrap();
    for number in 1..4 {
        let ops = vec![Op::Title(format!("pinned {number}").into()), Op::Position(last.clone())];
        play.edit("alice", ObjectId::Task(task(number)), ops);
    }
    for number in 0..100 {
        let changes = play.place("alice", scattered(1, number), Spot::Last, title(&format!("later {number}")));
        assert_eq!(changes.len(), if number == 0 { 4 } else { 1 }, "they move once");
    }
    let wanted: Vec<String> =
        (1..4).map(|n| format!("pinned {n}")).chain((0..100).map(|n| format!("later {n}"))).collect();
    assert_eq!(titles(&play, "alice"), wanted);
    let places: BTreeSet<Position> = positions(&play, "alice").into_iter().collect();
    assert_eq!(places.len(), 103);
}

/// So many tasks at the very end that not all of them can move in one batch: then nothing moves, and
/// the new one shares their place.
#[test]
fn what_moves_is_bounded() {
    let mut alice = Replica::new(device("alice"));
    let last = Position::parse(&("ff".repeat(MAX_POSITION - 1) + "80")).unwrap();
    let mallory = device("mallory");
    let change = |seq: u64| Change {
        dot: Dot { device: mallory, seq },
        stamp: Stamp { millis: NOON, counter: 0, device: mallory },
        object: ObjectId::Task(TaskId::from_random_bytes(u128::from(seq).to_be_bytes())),
        complete: true,
        machine: false,
        ops: vec![Op::Title("t".into()), Op::Position(last.clone())],
    };
    let half = MAX_CHANGES as u64 / 2;
    alice.apply(Batch::live((1..half).map(change).collect()), NOON).unwrap();
    let placing = alice.place(task(1), Spot::Last).unwrap();
    assert_eq!(placing.moved.len() as u64, half - 1);
    assert!(placing.moved.iter().all(|(_, moved)| *moved < placing.position));
    alice.apply(Batch::live((half..=2 * half).map(change).collect()), NOON).unwrap();
    let placing = alice.place(task(1), Spot::Last).unwrap();
    assert_eq!(placing, Placing { position: last.clone(), moved: vec![] });
}

#[test]
fn there_is_always_room_in_front() {
    let mut play = Play::with(["alice"]);
    let first = Position::parse(&("00".repeat(MAX_POSITION - 1) + "80")).unwrap();
    play.edit("alice", ObjectId::Task(task(1)), vec![Op::Title("pinned".into()), Op::Position(first)]);
    for number in 0..50 {
        play.place("alice", scattered(1, number), Spot::First, title(&format!("{number}")));
    }
    let wanted: Vec<String> = (0..50).rev().map(|n| format!("{n}")).chain(["pinned".to_owned()]).collect();
    assert_eq!(titles(&play, "alice"), wanted);
}

/// Of three tasks, an outer one is dragged between the other two, without end: each time into the
/// gap that the last move left, from both sides in turn, and later from either at random.
#[test]
fn a_gap_lasts_for_ten_thousand_moves() {
    let mut replica = Replica::new(device("alice"));
    let mut moved = 0;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut order: Vec<TaskId> = Vec::new();
    for moves in 0..10_000_u16 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let is_from_above = if moves < 5000 { moves % 2 == 0 } else { random & 1 == 0 };
        let (id, spot) = match order[..] {
            [first, _, last] if is_from_above => (last, Spot::After(first)),
            [first, second, _] => (first, Spot::After(second)),
            _ => (task(moves as u8), Spot::Last),
        };
        let Placing { position, moved: others } = replica.place(id, spot).unwrap();
        replica.edit(ObjectId::Task(id), vec![Op::Title("t".into()), Op::Position(position)], NOON).unwrap();
        moved += replica.make_room(&others).len();
        order.retain(|other| *other != id);
        order.insert(if moves < 3 { order.len() } else { 1 }, id);
        let tasks = replica.tasks();
        assert_eq!(tasks.iter().map(|task| task.id).collect::<Vec<_>>(), order, "after {moves} moves");
        assert!(tasks.iter().all(|task| task.position.to_string().len() <= 2 * MAX_POSITION));
    }
    assert!(moved < 2_000, "{moved} tasks moved over for ten thousand moves");
}
