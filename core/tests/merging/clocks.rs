//! Wrong clocks.

use partyline_core::clock::Skew;
use partyline_core::replica::{ApplyError, Batch, ObjectId};

use crate::play::{Play, device, milk, task, title, view};

const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;

#[test]
fn an_edit_beats_what_its_author_saw_however_wrong_the_clock() {
    for error in [-300 * DAY, -DAY, -1, 1, DAY, 300 * DAY] {
        let mut play = Play::with(["alice", "bob"]);
        play.clock_error("alice", error);
        let mut turn = ["alice", "bob"];
        for round in 0..6 {
            play.edit(turn[0], milk(), title(&format!("round {round}")));
            play.meet(["alice", "bob"]);
            assert_eq!(play.milk("alice").title, format!("round {round}"), "clock error {error}");
            turn.reverse();
        }
    }
}

#[test]
fn a_clock_that_jumps_back_a_day_still_writes_later() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("before"));
    play.clock_error("alice", -DAY);
    play.edit("alice", milk(), title("after"));
    play.restart("alice");
    play.edit("alice", milk(), title("after a restart"));
    play.meet(["alice", "bob"]);
    assert_eq!(play.milk("bob").title, "after a restart");
}

#[test]
fn a_clock_ahead_is_told_with_its_device() {
    let mut play = Play::with(["alice", "bob"]);
    play.clock_error("alice", 3 * MINUTE);
    let change = play.edit("alice", milk(), title("Buy milk"));
    let applied = play.deliver(&change, "bob");
    assert_eq!(applied.skew, Some(Skew { device: device("alice"), ahead_ms: 180_000 }));
    assert_eq!(play.milk("bob").title, "Buy milk", "merged all the same");
    play.clock_error("alice", MINUTE);
    play.later(4 * MINUTE as u64);
    let change = play.edit("alice", milk(), title("Buy oat milk"));
    assert_eq!(play.deliver(&change, "bob").skew, None);
}

#[test]
fn the_worst_skew_in_a_batch_is_told() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    play.clock_error("alice", 5 * MINUTE);
    play.clock_error("bob", 50 * MINUTE);
    let changes = ["alice", "bob", "alice"].map(|name| play.edit(name, milk(), title("Buy milk")));
    assert_eq!(play.apply("carol", Batch::live(changes.into())).skew.unwrap().device, device("bob"));
}

#[test]
fn a_year_ahead_refuses_the_whole_batch() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    play.clock_error("alice", 366 * DAY);
    let good = play.edit("bob", ObjectId::Task(task(2)), title("Mow the lawn"));
    let bad = play.edit("alice", milk(), title("Buy milk"));
    let now = play.now("carol");
    let mut carol = play.replica("carol").clone();
    let batch =
        Batch { changes: vec![good.clone(), bad], vector: Some(play.replica("bob").vector().clone()), asker: None };
    assert!(matches!(carol.apply(batch, now), Err(ApplyError::Clock(_))));
    assert_eq!(view(&carol), view(play.replica("carol")), "nothing was merged");
    assert!(carol.vector().is_empty());
    let stamp = carol.edit(milk(), title("Carol's"), now).unwrap().stamp;
    assert_eq!(stamp.millis, now, "nor was the clock moved");
    assert!(!carol.apply(Batch::live(vec![good]), now).unwrap().gap);
}

#[test]
fn the_log_is_not_judged_by_todays_clock() {
    let mut play = Play::with(["alice"]);
    play.edit("alice", milk(), title("Buy milk"));
    play.clock_error("alice", -1000 * DAY);
    play.restart("alice");
    assert_eq!(play.milk("alice").title, "Buy milk");
}
