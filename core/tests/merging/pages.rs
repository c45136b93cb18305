//! A replica that is stored and loaded goes on where it was.

use partyline_core::replica::{Batch, LoadError, ObjectId, Op, Replica};

use crate::play::{Play, assert_same_state, device, milk, task, title, view};

fn some_play() -> Play {
    let mut play = Play::with(["alice", "bob"]);
    for number in 1..=30 {
        play.edit("alice", ObjectId::Task(task(number)), vec![Op::Title("Something".into()), Op::add_label("shop")]);
    }
    play.meet(["alice", "bob"]);
    for number in 10..=20 {
        play.edit("bob", ObjectId::Task(task(number)), vec![Op::remove_label("shop"), Op::Notes("no".into())]);
    }
    let ahead = play.edit("bob", milk(), title("Ahead"));
    play.deliver(&ahead, "alice");
    play
}

#[test]
fn pages_of_any_size_hold_everything() {
    let play = some_play();
    for max_bytes in [0, 1, 100, 1000, 100_000] {
        let pages = play.replica("alice").to_pages(max_bytes);
        for page in &pages {
            assert!(page.len() <= max_bytes.max(190), "{} bytes with a bound of {max_bytes}", page.len());
        }
        let mut loaded = Replica::from_pages(&pages).unwrap();
        assert_same_state(&loaded, play.replica("alice"));
        // And it goes on like the other: numbers, stamps, arrivals.
        let mut kept = play.replica("alice").clone();
        let edit = |replica: &mut Replica| replica.edit(milk(), title("Next"), 0).unwrap();
        assert_eq!(edit(&mut loaded), edit(&mut kept));
        assert_same_state(&loaded, &kept);
    }
}

#[test]
fn pages_come_in_any_order() {
    let play = some_play();
    let mut pages = play.replica("alice").to_pages(200);
    assert!(pages.len() > 5);
    pages.reverse();
    assert_same_state(&Replica::from_pages(&pages).unwrap(), play.replica("alice"));
}

#[test]
fn a_mixed_or_partial_set_is_noticed() {
    let mut play = some_play();
    let old = play.replica("alice").to_pages(200);
    play.edit("alice", milk(), title("Buy milk"));
    let new = play.replica("alice").to_pages(200);
    for at in 0..new.len() {
        let mut missing = new.clone();
        missing.remove(at);
        assert_eq!(Replica::from_pages(&missing).unwrap_err(), LoadError::Mixed);
        let mut twice = new.clone();
        twice.push(new[at].clone());
        assert_eq!(Replica::from_pages(&twice).unwrap_err(), LoadError::Mixed);
        if at < old.len() {
            let mut mixed = new.clone();
            mixed[at] = old[at].clone();
            assert_eq!(Replica::from_pages(&mixed).unwrap_err(), LoadError::Mixed);
        }
    }
    assert_eq!(Replica::from_pages(Vec::<Vec<u8>>::new()).unwrap_err(), LoadError::Mixed);
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
    let size = |play: &Play| play.replica("alice").to_pages(1 << 20).iter().map(Vec::len).sum::<usize>();
    let fresh = size(&play);
    for round in 0..5000_u32 {
        let number = u8::try_from(round % 10 + 1).unwrap();
        play.edit("alice", ObjectId::Task(task(number)), title(&format!("Round {round}")));
    }
    let worn = size(&play);
    assert!(worn < fresh + fresh / 5, "{fresh} bytes became {worn}");
}

#[test]
fn of_a_damaged_set_the_good_pages_can_be_saved() {
    let play = some_play();
    let alice = play.replica("alice");
    let pages = alice.to_pages(300);
    let mut saved = Replica::new(device("alice again"));
    for page in &pages {
        let mut torn = page.clone();
        *torn.last_mut().unwrap() ^= 1;
        assert!(Replica::changes_of_page(&torn).is_err(), "a changed value must not be taken for what was written");
        saved.replay(Batch::live(Replica::changes_of_page(page).unwrap())).unwrap();
    }
    assert_eq!(view(&saved), view(alice));
    assert!(alice.vector().dominates(saved.vector()), "nothing is claimed on the word of a page");
}
