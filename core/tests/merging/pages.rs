//! A replica that is stored and loaded goes on where it was.

use partyline_core::replica::{Batch, LoadError, ObjectId, Op, Replica};

use crate::play::{Disk, NOON, Play, assert_same_state, device, milk, task, title, view};

fn some_play() -> Play {
    let mut play = Play::with(["alice", "bob"]);
    for number in 1..=30 {
        play.edit("alice", ObjectId::Task(task(number)), vec![Op::Title("Something".into()), Op::add_label("shop")]);
    }
    play.meet(["alice", "bob"]);
    for number in 10..=20 {
        play.edit("bob", ObjectId::Task(task(number)), vec![Op::Notes("no".into()), Op::remove_label("shop")]);
    }
    let ahead = play.edit("bob", milk(), title("Ahead"));
    play.deliver(&ahead, "alice");
    play
}

#[test]
fn pages_of_any_size_hold_everything() {
    let play = some_play();
    for max_bytes in [0, 1, 100, 1000, 100_000] {
        let disk = Disk::of(play.replica("alice"), max_bytes);
        for page in disk.pages.values() {
            assert!(page.len() <= max_bytes.max(80), "{} bytes with a bound of {max_bytes}", page.len());
        }
        let mut loaded = disk.load().unwrap();
        assert_same_state(&loaded, play.replica("alice"));
        // And it goes on like the other: numbers, stamps, arrivals.
        let mut kept = play.replica("alice").clone();
        let edit = |replica: &mut Replica| replica.edit(milk(), title("Next"), 0).unwrap();
        assert_eq!(edit(&mut loaded), edit(&mut kept));
        assert_same_state(&loaded, &kept);
    }
}

#[test]
fn a_mixed_or_partial_set_is_noticed() {
    let mut play = some_play();
    let old = Disk::of(play.replica("alice"), 200);
    play.edit("alice", ObjectId::Task(task(2)), title("Buy milk"));
    let new = Disk::of(play.replica("alice"), 200);
    assert!(new.pages.len() > 5);
    let mut mixed = new.clone();
    mixed.manifest.clone_from(&old.manifest);
    assert_eq!(mixed.load().unwrap_err(), LoadError::Mixed);
    for number in new.pages.keys() {
        let mut missing = new.clone();
        missing.pages.remove(number);
        assert_eq!(missing.load().unwrap_err(), LoadError::Mixed);
        if let Some(page) = old.pages.get(number).filter(|page| **page != new.pages[number]) {
            let mut mixed = new.clone();
            mixed.pages.insert(*number, page.clone());
            assert_eq!(mixed.load().unwrap_err(), LoadError::Mixed);
        }
    }
}

#[test]
fn cursors_given_out_before_are_good_after() {
    let mut play = some_play();
    let cursor = play.replica("alice").cursor();
    // Overwritten everywhere, so that nothing is left that arrived last.
    play.compact("alice", 500);
    play.restart("alice");
    assert_eq!(play.replica("alice").cursor(), cursor);
    play.edit("alice", ObjectId::Task(task(3)), title("After"));
    play.restart("alice");
    let touched = play.replica("alice").tasks_since(cursor);
    assert_eq!(touched.iter().map(|task| task.id).collect::<Vec<_>>(), [task(3)]);
}

#[test]
fn overwritten_values_cost_nothing() {
    let mut play = Play::with(["alice"]);
    for number in 1..=10 {
        play.edit("alice", ObjectId::Task(task(number)), title("Something"));
    }
    let size = |play: &Play| Disk::of(play.replica("alice"), 1 << 20).bytes();
    let fresh = size(&play);
    for round in 0..5000_u32 {
        let number = u8::try_from(round % 10 + 1).unwrap();
        play.edit("alice", ObjectId::Task(task(number)), title(&format!("Round {round}")));
    }
    let worn = size(&play);
    assert!(worn < fresh + fresh / 5, "{fresh} bytes became {worn}");
}

/// A room of 2,000 tasks on pages of 4 kB, and what folding wrote.
struct Folded {
    replica: Replica,
    disk: Disk,
    written: u64,
}

impl Folded {
    const PAGE: usize = 4096;

    fn id(number: u32) -> ObjectId {
        let mut bytes = [1; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ObjectId::Task(partyline_core::id::TaskId::from_random_bytes(bytes))
    }

    fn new() -> Self {
        let mut replica = Replica::new(device("alice"));
        for number in 0..2_000 {
            replica.edit(Self::id(number), title(&format!("The task with the number {number}")), 0).unwrap();
        }
        let mut folded = Self { replica, disk: Disk::default(), written: 0 };
        while folded.fold() {}
        folded.written = 0;
        folded
    }

    /// Folds; answers whether anything was written.
    fn fold(&mut self) -> bool {
        let fold = self.replica.fold(Self::PAGE);
        let written: u64 = fold.added.iter().map(|page| page.bytes.len() as u64).sum();
        self.written += written;
        self.disk.fold(fold.clone());
        self.replica.folded(fold);
        written > 0
    }

    fn edit(&mut self, number: u32, round: u32) {
        self.replica.edit(Self::id(number), title(&format!("Task {number}, this time {round}")), 0).unwrap();
    }
}

#[test]
fn folding_costs_what_was_edited() {
    let mut room = Folded::new();
    let all = room.disk.bytes();
    assert!(all > 20 * Folded::PAGE as u64);
    room.edit(1_000, 1);
    room.fold();
    assert!(room.written <= 2 * Folded::PAGE as u64, "{} bytes written for one edit of {all}", room.written);
    assert_same_state(&room.disk.load().unwrap(), &room.replica);
    // Over a long time, each byte that was edited is written a few times.
    room.written = 0;
    let mut edited = 0;
    for round in 0..400_u32 {
        for step in 0..10 {
            room.edit((round * 7_919 + step * 131) % 2_000, round);
            edited += 40;
        }
        room.fold();
    }
    assert!(room.written < 20 * edited, "{} bytes written for {edited}", room.written);
    assert_same_state(&room.disk.load().unwrap(), &room.replica);
}

#[test]
fn what_was_overwritten_leaves_the_pages_with_time() {
    let mut room = Folded::new();
    for round in 0..2_000_u32 {
        for step in 0..20 {
            room.edit((round * 31 + step * 97) % 2_000, round);
        }
        room.fold();
    }
    let fresh = Disk::of(&room.replica, Folded::PAGE).bytes();
    let worn = room.disk.bytes();
    assert!(worn * 2 < fresh * 3, "{worn} bytes on disk, {fresh} in a fresh copy");
    assert_same_state(&room.disk.load().unwrap(), &room.replica);
}

#[test]
fn of_a_damaged_set_the_good_pages_can_be_saved() {
    let play = some_play();
    let alice = play.replica("alice");
    let disk = Disk::of(alice, 300);
    let mut saved = Replica::new(device("alice again"));
    for page in disk.pages.values() {
        let mut torn = page.clone();
        *torn.last_mut().unwrap() ^= 1;
        assert!(Replica::changes_of_page(&torn).is_err(), "a changed value must not be taken for what was written");
        saved.replay(Batch::live(Replica::changes_of_page(page).unwrap()).at(NOON)).unwrap();
    }
    assert_eq!(view(&saved), view(alice));
    assert!(alice.vector().dominates(saved.vector()), "nothing is claimed on the word of a page");
}
