//! Sections of the list: in which one a task is shown, whatever comes first and whatever is deleted meanwhile.

use std::collections::BTreeMap;

use partyline_core::id::{SectionId, TaskId};
use partyline_core::replica::{Batch, Change, ObjectId, Op, Placing, Position, Replica, Spot};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::play::{Disk, NOON, Play, device, milk, task, title};

fn id(number: u8) -> SectionId {
    SectionId::from_random_bytes([number; 16])
}

fn section(number: u8) -> ObjectId {
    ObjectId::section(id(number))
}

fn into(number: u8) -> Vec<Op> {
    vec![Op::section(Some(id(number))), Op::Position(Position::default())]
}

fn names(replica: &Replica) -> Vec<String> {
    replica.sections().into_iter().map(|section| section.name).collect()
}

/// Alice and Bob have a section with a task in it.
fn shared() -> Play {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", section(1), title("Garden"));
    play.edit("alice", milk(), title("Buy milk"));
    play.edit("alice", milk(), into(1));
    play.meet(["alice", "bob"]);
    play
}

#[test]
fn a_section_that_is_deleted_keeps_its_tasks_for_when_it_is_back() {
    let mut play = shared();
    play.edit("bob", section(1), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    for name in ["alice", "bob"] {
        let replica = play.replica(name);
        assert!(replica.sections().is_empty() && replica.section(id(1)).unwrap().deleted);
        assert_eq!((replica.section_of(task(1)), play.milk(name).deleted), (None, false));
        assert_eq!(play.milk(name).section, Some(id(1)));
    }
    play.edit("bob", section(1), vec![Op::Alive]);
    play.meet(["alice", "bob"]);
    assert_eq!(play.replica("alice").section_of(task(1)), Some(id(1)));
}

#[test]
fn a_task_that_is_put_into_a_section_while_that_is_deleted_elsewhere_is_not_lost() {
    for deleter_first in [true, false] {
        let mut play = shared();
        play.edit("alice", ObjectId::Task(task(2)), title("Weed"));
        play.meet(["alice", "bob"]);
        let put = |play: &mut Play| play.edit("alice", ObjectId::Task(task(2)), into(1));
        let delete = |play: &mut Play| play.edit("bob", section(1), vec![Op::Deleted]);
        if deleter_first {
            delete(&mut play);
            put(&mut play);
        } else {
            put(&mut play);
            delete(&mut play);
        }
        play.meet(["alice", "bob"]);
        for name in ["alice", "bob"] {
            assert!(play.replica(name).sections().is_empty(), "a place brings no section back");
            assert_eq!(play.replica(name).section_of(task(2)), None);
            assert_eq!(play.replica(name).tasks().len(), 2);
        }
        play.edit("bob", section(1), vec![Op::Alive]);
        play.meet(["alice", "bob"]);
        assert_eq!(play.replica("alice").section_of(task(2)), Some(id(1)));
    }
}

#[test]
fn a_later_name_brings_a_section_back_and_a_later_place_does_not() {
    let mut play = shared();
    play.edit("bob", section(1), vec![Op::Deleted]);
    play.edit("alice", section(1), vec![Op::Position(Position::default())]);
    play.edit("alice", milk(), into(1));
    play.meet(["alice", "bob"]);
    assert!(play.replica("bob").sections().is_empty());
    play.edit("bob", section(1), vec![Op::Alive]);
    play.meet(["alice", "bob"]);
    play.edit("bob", section(1), vec![Op::Deleted]);
    play.edit("alice", section(1), title("Yard"));
    play.meet(["alice", "bob"]);
    assert_eq!(names(play.replica("bob")), ["Yard"]);
    assert_eq!(play.replica("bob").section_of(task(1)), Some(id(1)));
}

#[test]
fn a_place_brings_no_task_back() {
    let mut play = shared();
    play.edit("alice", milk(), vec![Op::Deleted]);
    play.edit("bob", milk(), vec![Op::section(None), Op::Position(Position::default())]);
    play.meet(["alice", "bob"]);
    assert!(play.milk("alice").deleted && play.milk("alice").section.is_none());
}

#[test]
fn subtasks_are_where_their_parent_is() {
    let mut play = shared();
    play.edit("alice", section(2), title("Kitchen"));
    play.edit("alice", ObjectId::Task(task(2)), title("Fetch a can"));
    let below = [Op::parent(Some(task(1))), Op::section(Some(id(2)))];
    play.edit("alice", ObjectId::Task(task(2)), below.into());
    assert_eq!(play.replica("alice").section_of(task(2)), Some(id(1)));
    play.edit("alice", milk(), vec![Op::Deleted]);
    assert_eq!(play.replica("alice").section_of(task(2)), Some(id(2)), "its parent is gone");
}

#[test]
fn a_section_has_what_a_section_has() {
    let mut play = Play::with(["alice"]);
    for op in [Op::Name("Garden".into()), Op::Notes("Garden".into()), Op::section(None), Op::add_label("x")] {
        assert!(play.try_edit("alice", section(1), vec![op]).is_err());
    }
    assert!(play.try_edit("alice", section(1), title(&"x".repeat(129))).is_err());
    assert!(play.try_edit("alice", section(1), title(" ")).is_err());
    play.edit("alice", section(1), vec![Op::Position(Position::default())]);
    assert!(play.replica("alice").sections().is_empty(), "one of which the name has not come is not shown");
}

#[test]
fn what_older_versions_keep_of_sections_is_read() {
    let disk = Disk::of(shared().replica("alice"), 1000);
    let replica = disk.load().unwrap();
    assert_eq!((names(&replica), replica.section_of(task(1))), (vec!["Garden".to_owned()], Some(id(1))));
    let unknown = partyline_core::replica::Field::from_code(194).unwrap();
    assert_eq!(Op::section(None).field(), unknown, "the number that is written");
}

#[test]
fn sections_are_put_in_order() {
    let mut replica = Replica::new(device("alice"));
    let mut now = NOON;
    let mut put = |replica: &mut Replica, number: u8, spot| {
        now += 1;
        let Placing { position, moved } = replica.place_section(id(number), spot).unwrap();
        let name = format!("{number}");
        replica.edit(section(number), vec![Op::Title(name.into()), Op::Position(position)], now).unwrap();
        replica.make_room(&moved);
        names(replica).concat()
    };
    assert_eq!(put(&mut replica, 1, Spot::Last), "1");
    assert_eq!(put(&mut replica, 2, Spot::Last), "12");
    assert_eq!(put(&mut replica, 3, Spot::First), "312");
    assert_eq!(put(&mut replica, 4, Spot::After(id(1))), "3142");
    assert_eq!(put(&mut replica, 3, Spot::After(id(2))), "1423");
    assert_eq!(replica.place_section(id(1), Spot::After(id(9))), None);
    // However often: where no room is left, others move over.
    for turn in 0..400 {
        let (moved, anchor) = if turn % 2 == 0 { (4, 2) } else { (2, 4) };
        let spot = Spot::After(id(anchor));
        assert_eq!(put(&mut replica, moved, spot), format!("1{anchor}{moved}3"));
    }
}

/// What somebody does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Rename,
    Delete,
    Restore,
    MoveSection,
    PutTask,
    TakeOut,
    MoveOver,
}

const ACTS: [Act; 7] =
    [Act::Rename, Act::Delete, Act::Restore, Act::MoveSection, Act::PutTask, Act::TakeOut, Act::MoveOver];

type Shown = (Vec<(SectionId, String)>, BTreeMap<TaskId, Option<SectionId>>);

/// What is shown: sections in order, and where each task stands.
fn shown(replica: &Replica) -> Shown {
    let sections = replica.sections().into_iter().map(|section| (section.id, section.name)).collect();
    (sections, replica.tasks().into_iter().map(|task| (task.id, replica.section_of(task.id))).collect())
}

proptest! {
    /// Three people who have not heard of each other write to two sections and three tasks. Whatever the order and the
    /// batches in which it reaches others, they show the same; and no task is lost.
    #[test]
    fn what_is_shown_follows_from_what_was_written_alone(
        acts in vec((0..ACTS.len(), 0..3_usize, 1..3_u8, 1..4_u8), 1..16),
        order in Just((0..32_usize).collect::<Vec<_>>()).prop_shuffle(),
        cuts in vec(1..5_usize, 32),
    ) {
        let people = ["alice", "bob", "carol"];
        let mut writers = people.map(|name| Replica::new(device(name)));
        let mut made: Vec<Change> = Vec::new();
        let first: Vec<(ObjectId, Vec<Op>)> = (1..3).map(|number| (section(number), title(&format!("{number}"))))
            .chain((1..4).map(|number| (ObjectId::Task(task(number)), title("task"))))
            .collect();
        for (object, ops) in first {
            made.push(writers[0].edit(object, ops, NOON).unwrap());
        }
        for writer in &mut writers[1..] {
            writer.apply(Batch::live(made.clone()), NOON).unwrap();
        }
        // Per section, the last deletion and the last that brings it back; per task, the last section.
        let mut lives: BTreeMap<u8, bool> = BTreeMap::new();
        let mut stands: BTreeMap<u8, Option<u8>> = BTreeMap::new();
        for (at, (act, who, number, which)) in acts.into_iter().enumerate() {
            let now = NOON + 1 + at as u64;
            let put = |section: Option<u8>| vec![Op::section(section.map(id)), Op::Position(Position::default())];
            let (object, ops, machine) = match ACTS[act] {
                Act::Rename => (section(number), title(&format!("{number} {at}")), false),
                Act::Delete => (section(number), vec![Op::Deleted], false),
                Act::Restore => (section(number), vec![Op::Alive], false),
                Act::MoveSection => {
                    let Placing { position, .. } = writers[who].place_section(id(number), Spot::First).unwrap();
                    (section(number), vec![Op::Position(position)], false)
                }
                Act::PutTask => (ObjectId::Task(task(which)), put(Some(number)), false),
                Act::TakeOut => (ObjectId::Task(task(which)), put(None), false),
                Act::MoveOver => (section(number), vec![Op::Position(Position::default())], true),
            };
            match ACTS[act] {
                Act::Rename | Act::Restore => drop(lives.insert(number, true)),
                Act::Delete => drop(lives.insert(number, false)),
                Act::PutTask => drop(stands.insert(which, Some(number))),
                Act::TakeOut => drop(stands.insert(which, None)),
                Act::MoveSection | Act::MoveOver => {}
            }
            let writer = &mut writers[who];
            let change =
                if machine { writer.edit_by_machine(object, ops, now) } else { writer.edit(object, ops, now) };
            made.push(change.unwrap());
        }
        let mut dave = Replica::new(device("dave"));
        let mut left: Vec<Change> = order.into_iter().filter_map(|at| made.get(at).cloned()).collect();
        for cut in cuts {
            let batch = left.drain(..cut.min(left.len())).collect();
            dave.apply(Batch::live(batch), NOON + 99).unwrap();
        }
        for writer in &mut writers {
            writer.apply(Batch::live(made.clone()), NOON + 99).unwrap();
            prop_assert_eq!(shown(writer), shown(&dave));
        }
        let is_alive = |number: u8| lives.get(&number).copied().unwrap_or(true);
        let (sections, tasks) = shown(&dave);
        let alive: Vec<SectionId> = (1..3).filter(|number| is_alive(*number)).map(id).collect();
        let mut there: Vec<SectionId> = sections.iter().map(|(section, _)| *section).collect();
        there.sort_unstable();
        prop_assert_eq!(there, alive);
        let wanted: BTreeMap<TaskId, Option<SectionId>> = (1..4)
            .map(|number| {
                let section = stands.get(&number).copied().flatten().filter(|section| is_alive(*section));
                (task(number), section.map(id))
            })
            .collect();
        prop_assert_eq!(tasks, wanted);
    }
}
