//! Whatever happens, in whatever order, the replicas end up equal and never claim too much.

use partyline_core::replica::{Batch, Change, ObjectId, Op, Position, Replica, Status};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::play::{Disk, NOON, Play, Sync, assert_same_state, device, task, view};
use crate::strategies::any_change;

const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Something that can happen to a crew.
#[derive(Clone, Debug)]
enum Event {
    Edit {
        who: usize,
        object: u8,
        what: Vec<u8>,
    },
    /// Some change ever made reaches a device: late, early, or once more.
    Deliver {
        change: prop::sample::Index,
        to: usize,
    },
    /// `to` begins to ask `from`, with chunks of such a size.
    Sync {
        to: usize,
        from: usize,
        max_bytes: usize,
    },
    /// Some sync under way gets another chunk.
    Chunk {
        sync: prop::sample::Index,
    },
    /// Some sync under way breaks off.
    BreakOff {
        sync: prop::sample::Index,
    },
    Restart {
        who: usize,
    },
    Compact {
        who: usize,
        max_bytes: usize,
    },
    ClockError {
        who: usize,
        ms: i64,
    },
}

fn any_event() -> impl Strategy<Value = Event> {
    let who = || 0..NAMES.len();
    prop_oneof![
        6 => (who(), 0_u8..4, vec(0_u8..12, 1..4)).prop_map(|(who, object, what)| Event::Edit { who, object, what }),
        6 => (any::<prop::sample::Index>(), who()).prop_map(|(change, to)| Event::Deliver { change, to }),
        4 => (who(), who(), prop_oneof![Just(1_usize), Just(120), Just(10_000)])
            .prop_map(|(to, from, max_bytes)| Event::Sync { to, from, max_bytes }),
        8 => any::<prop::sample::Index>().prop_map(|sync| Event::Chunk { sync }),
        1 => any::<prop::sample::Index>().prop_map(|sync| Event::BreakOff { sync }),
        1 => who().prop_map(|who| Event::Restart { who }),
        1 => (who(), prop_oneof![Just(1_usize), Just(200)]).prop_map(|(who, max_bytes)| Event::Compact { who, max_bytes }),
        1 => (who(), -200_000_000_i64..200_000_000).prop_map(|(who, ms)| Event::ClockError { who, ms }),
    ]
}

fn op(code: u8, salt: usize) -> Op {
    match code {
        0 | 1 => Op::Title(format!("title {salt}").into()),
        2 => Op::Notes(format!("notes {salt}").into()),
        3 => Op::Status(Status::Done),
        4 | 5 => Op::Deleted,
        6 | 7 => Op::add_label("x"),
        8 | 9 => Op::remove_label("x"),
        10 => Op::add_label("y"),
        _ => Op::Position(Position::default()),
    }
}

/// Acts it out, and holds every device to its claims all along. Answers the play and the syncs still under way.
fn act(events: Vec<Event>) -> (Play, Vec<Sync>) {
    let mut play = Play::with(NAMES);
    let mut syncs: Vec<Sync> = Vec::new();
    for event in events {
        let acted = match event {
            Event::Edit { who, object: 0, .. } => {
                let name = format!("Room {}", play.history.len());
                play.edit(NAMES[who], ObjectId::Room, vec![Op::Name(name.into())]);
                who
            }
            Event::Edit { who, object, what } => {
                let ops = what.into_iter().map(|code| op(code, play.history.len())).collect();
                play.edit(NAMES[who], ObjectId::Task(task(object)), ops);
                who
            }
            Event::Deliver { change, to } if !play.history.is_empty() => {
                let change = change.get(&play.history).clone();
                play.deliver(&change, NAMES[to]);
                to
            }
            Event::Sync { to, from, max_bytes } if to != from => {
                syncs.push(play.begin_sync(NAMES[to], NAMES[from], max_bytes));
                to
            }
            Event::Chunk { sync } if !syncs.is_empty() => {
                let at = sync.index(syncs.len());
                let to = NAMES.iter().position(|name| *name == syncs[at].to).unwrap();
                if !play.chunk(&mut syncs[at]) {
                    syncs.swap_remove(at);
                }
                to
            }
            Event::BreakOff { sync } if !syncs.is_empty() => {
                syncs.swap_remove(sync.index(syncs.len()));
                continue;
            }
            Event::Restart { who } => {
                play.restart(NAMES[who]);
                who
            }
            Event::Compact { who, max_bytes } => {
                play.compact(NAMES[who], max_bytes);
                play.restart(NAMES[who]);
                who
            }
            Event::ClockError { who, ms } => {
                play.clock_error(NAMES[who], ms);
                continue;
            }
            Event::Deliver { .. } | Event::Sync { .. } | Event::Chunk { .. } | Event::BreakOff { .. } => continue,
        };
        play.assert_honest(NAMES[acted]);
    }
    (play, syncs)
}

/// Everything ever made, merged in the order of making.
fn told_in_order(play: &Play) -> Replica {
    let mut replica = Replica::new(device("narrator"));
    for change in &play.history {
        // All of its times have come.
        replica.replay(Batch::live(vec![change.clone()]).at(NOON + 300_000_000)).unwrap();
    }
    replica
}

proptest! {
    #[test]
    fn a_crew_that_met_is_of_one_mind(events in vec(any_event(), 1..60)) {
        let (mut play, syncs) = act(events);
        for mut sync in syncs {
            while play.chunk(&mut sync) {}
            play.assert_honest(sync.to);
        }
        play.meet(NAMES);
        let told = told_in_order(&play);
        prop_assert_eq!(view(play.replica("alice")), view(&told));
        prop_assert_eq!(play.replica("alice").vector(), told.vector());
        for name in NAMES {
            play.restart(name);
        }
    }

    #[test]
    fn those_who_are_left_are_of_one_mind(events in vec(any_event(), 1..60), lost in 0..NAMES.len()) {
        // One device vanishes, with all the syncs it was part of in the middle. What nobody else got is lost with it;
        // the others agree on the rest.
        let (mut play, syncs) = act(events);
        for mut sync in syncs {
            if sync.from != NAMES[lost] && sync.to != NAMES[lost] {
                while play.chunk(&mut sync) {}
            }
        }
        let left: Vec<&str> = NAMES.into_iter().filter(|name| *name != NAMES[lost]).collect();
        play.meet::<3>(left.try_into().unwrap());
    }

    #[test]
    fn order_and_repetition_do_not_matter(
        changes in vec(any_change(), 1..12),
        shuffle in vec(any::<prop::sample::Index>(), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = |batches: &[&[Change]]| {
            let mut replica = Replica::new(device("alice"));
            for batch in batches {
                replica.replay(Batch::live(batch.to_vec()).at(NOON)).unwrap();
            }
            replica
        };
        let straight = whole(&[&changes]);

        // Commutative and idempotent: any order, some more than once.
        let mut shuffled: Vec<Change> = shuffle.iter().map(|at| at.get(&changes).clone()).collect();
        shuffled.extend(changes.iter().rev().cloned());
        let shuffled = whole(&[&shuffled]);
        prop_assert_eq!(view(&straight), view(&shuffled));
        prop_assert_eq!(straight.vector(), shuffled.vector());
        prop_assert_eq!(straight.digest(0), shuffled.digest(0));

        // Associative: in two parts, either first, or each merged elsewhere before.
        let (one, two) = changes.split_at(cut.index(changes.len()));
        prop_assert_eq!(view(&whole(&[two, one])), view(&straight));
        let mut joined = whole(&[one]);
        let other = whole(&[two]);
        joined.replay(other.answer(&Default::default(), 1 << 20).batch.at(NOON)).unwrap();
        prop_assert_eq!(view(&joined), view(&straight));

        // And nothing is lost in storing.
        assert_same_state(&Disk::of(&straight, 100).load().unwrap(), &straight);
        assert_same_state(&Disk::of(&joined, 100).load().unwrap(), &joined);

        // What is known already does nothing.
        let mut again = joined.clone();
        let applied = again.replay(Batch::live(changes.clone()).at(NOON)).unwrap();
        prop_assert!(applied.touched.is_empty());
        prop_assert_eq!(again.cursor(), joined.cursor());
    }

    #[test]
    fn whatever_peers_send_a_copy_looks_the_same(
        changes in vec(any_change(), 1..16),
        max_bytes in prop_oneof![Just(1_usize), Just(200)],
    ) {
        let mut alice = Replica::new(device("alice"));
        for change in changes {
            alice.apply(Batch::live(vec![change]), NOON).unwrap();
        }
        let mut bob = Replica::new(device("bob"));
        let mut request = partyline_core::replica::SyncRequest::default();
        loop {
            let answer = alice.answer(&request, max_bytes);
            bob.apply(Batch { asker: Some(bob.device()), ..answer.batch }, NOON).unwrap();
            request.cursor = answer.next;
            if request.cursor.is_none() {
                break;
            }
        }
        prop_assert_eq!(view(&bob), view(&alice));
        prop_assert_eq!(bob.vector(), alice.vector());
        prop_assert_eq!(bob.digest(0), alice.digest(0));
    }
}
