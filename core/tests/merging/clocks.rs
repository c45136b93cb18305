//! Wrong clocks.

use partyline_core::clock::Skew;
use partyline_core::replica::{ApplyError, Batch, ObjectId, Op};

use crate::play::{Play, device, milk, task, title, view};

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

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
    let batch = Batch {
        changes: vec![good.clone(), bad],
        vector: Some(play.replica("bob").vector().clone()),
        ..Batch::default()
    };
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

#[test]
fn a_device_behind_never_shows_less_than_it_saw() {
    let mut play = Play::with(["alice", "bob"]);
    play.clock_error("bob", -5 * HOUR);
    for round in 0..5 {
        let seen = play.edit("alice", milk(), title(&format!("Alice's {round}")));
        play.deliver(&seen, "bob");
        for again in 0..2 {
            let text = format!("Bob's {round}.{again}");
            let edit = play.edit("bob", milk(), title(&text));
            assert_eq!((edit.stamp.millis, edit.stamp.counter), (seen.stamp.millis, again + 1), "counts on from there");
            assert_eq!(play.milk("bob").updated_at, seen.stamp.millis);
            assert_eq!(play.deliver(&edit, "alice").skew, None);
            assert_eq!((play.milk("alice").title, play.milk("bob").title), (text.clone(), text));
        }
        play.later(HOUR as u64);
    }
    // When his clock has caught up with the last thing that he saw, it goes by itself again.
    play.later(4 * HOUR as u64);
    let now = play.now("bob") + 1;
    let edit = play.edit("bob", milk(), title("on time"));
    assert_eq!((edit.stamp.millis, edit.stamp.counter), (now, 0));
    play.meet(["alice", "bob"]);
    assert_eq!(play.milk("alice").title, "on time");
}

#[test]
fn a_device_behind_that_saw_nothing_loses() {
    let mut play = Play::with(["alice", "bob"]);
    play.clock_error("bob", -5 * HOUR);
    play.edit("alice", milk(), title("Alice's, first"));
    play.later(HOUR as u64);
    let unseen = play.edit("bob", milk(), vec![Op::Title("Bob's, an hour later".into()), Op::Notes("Bob's".into())]);
    assert_eq!(unseen.stamp.millis, play.now("bob"), "nobody told him the time");
    play.meet(["alice", "bob"]);
    let both = play.milk("bob");
    assert_eq!((both.title.as_str(), both.notes.as_str()), ("Alice's, first", "Bob's"));
    // Now that he saw hers, his next one wins.
    play.edit("bob", milk(), title("Bob's, after hers"));
    play.meet(["alice", "bob"]);
    assert_eq!(play.milk("alice").title, "Bob's, after hers");
}

#[test]
fn between_two_edits_of_a_device_its_clock_may_jump_anywhere() {
    for jumps in [[0, -DAY], [DAY, 0], [DAY, -DAY], [-DAY, DAY], [300 * DAY, -300 * DAY]] {
        let mut play = Play::with(["alice", "bob"]);
        play.clock_error("alice", jumps[0]);
        let before = play.edit("alice", milk(), title("before"));
        play.clock_error("alice", jumps[1]);
        let after = play.edit("alice", milk(), title("after"));
        assert!(after.stamp > before.stamp && after.stamp.millis >= before.stamp.millis, "{jumps:?}");
        // In whichever order they arrive.
        play.deliver(&after, "bob");
        play.deliver(&before, "bob");
        assert_eq!((play.milk("alice").title, play.milk("bob").title), ("after".into(), "after".into()), "{jumps:?}");
        play.meet(["alice", "bob"]);
    }
}

#[test]
fn a_clock_that_was_a_day_ahead_is_followed_until_the_day_is_over() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    play.clock_error("alice", DAY);
    let ahead = play.edit("alice", milk(), title("a day ahead"));
    play.clock_error("alice", 0);
    let unseen = play.edit("carol", milk(), title("Carol's, who was not there"));
    let right = play.edit("alice", milk(), title("put right"));
    assert_eq!((right.stamp.millis, right.stamp.counter), (ahead.stamp.millis, 1));
    play.deliver(&ahead, "bob");
    play.deliver(&right, "bob");
    let bobs = play.edit("bob", milk(), title("Bob's, who saw it"));
    assert_eq!((bobs.stamp.millis, bobs.stamp.counter), (ahead.stamp.millis, 2));
    assert!(unseen.stamp < ahead.stamp);
    play.meet(["alice", "bob", "carol"]);
    assert_eq!(play.milk("carol").title, "Bob's, who saw it");
    play.edit("carol", milk(), title("Carol's, who saw it"));
    play.meet(["alice", "bob", "carol"]);
    assert_eq!(play.milk("alice").title, "Carol's, who saw it");
    play.later(DAY as u64);
    for name in ["alice", "bob", "carol"] {
        let now = play.now(name) + 1;
        let edit = play.edit(name, milk(), title(name));
        assert_eq!((edit.stamp.millis, edit.stamp.counter), (now, 0), "{name}");
        play.meet(["alice", "bob", "carol"]);
        assert_eq!(play.milk("alice").title, name);
    }
}

#[test]
fn equal_milliseconds_are_settled_alike_in_every_order() {
    let text = |name: &str, field: &str| -> Box<str> { format!("{name}'s {field}").into() };
    let mut play = Play::with(["alice", "bob", "carol"]);
    let mut edits = Vec::new();
    for (name, error) in [("alice", 0), ("bob", -1), ("carol", -2)] {
        play.clock_error(name, error);
        let mut ops = vec![Op::Title(text(name, "title")), Op::Assignee(text(name, "assignee"))];
        if name != "carol" {
            ops.push(Op::Notes(text(name, "notes")));
        }
        edits.push(play.edit(name, milk(), ops));
    }
    assert!(edits.iter().all(|edit| (edit.stamp.millis, edit.stamp.counter) == (edits[0].stamp.millis, 0)));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut play = play.clone();
        for to in ["alice", "bob", "carol"] {
            for edit in order {
                play.deliver(&edits[edit], to);
            }
            let task = play.milk(to);
            assert_eq!(
                (task.title.into(), task.assignee.into(), task.notes.into()),
                (text("carol", "title"), text("carol", "assignee"), text("bob", "notes")),
                "{to}, {order:?}"
            );
            play.compact(to, 1000);
            play.restart(to);
        }
        play.meet(["alice", "bob", "carol"]);
    }
}

#[test]
fn within_a_millisecond_the_counter_comes_before_the_device() {
    let mut play = Play::with(["alice", "bob"]);
    let first = play.edit("alice", milk(), title("Alice's first"));
    play.clock_error("alice", -1);
    let second = play.edit("alice", milk(), title("Alice's second"));
    play.clock_error("bob", -2);
    let bobs = play.edit("bob", milk(), title("Bob's"));
    assert!([first.stamp, second.stamp].iter().all(|stamp| stamp.millis == bobs.stamp.millis));
    assert!(first.stamp < bobs.stamp && bobs.stamp < second.stamp);
    play.deliver(&second, "bob");
    play.deliver(&first, "bob");
    play.deliver(&bobs, "alice");
    assert_eq!((play.milk("alice").title, play.milk("bob").title), ("Alice's second".into(), "Alice's second".into()));
    play.meet(["alice", "bob"]);
}

/// The highest stamp that it gave or saw is in the log or, once that is folded, in the manifest, whoever wrote with it.
#[test]
fn a_device_restarts_behind_what_it_keeps() {
    for (of, ops) in [("alice", title("the latest")), ("bob", title("the latest")), ("bob", vec![Op::Deleted])] {
        for folded in [false, true] {
            let mut play = Play::with(["alice", "bob"]);
            play.clock_error("bob", HOUR);
            play.edit("alice", milk(), title("Buy milk"));
            play.edit(of, ObjectId::Task(task(2)), title("before"));
            let latest = play.edit(of, ObjectId::Task(task(2)), ops.clone());
            if of == "bob" {
                play.meet(["alice", "bob"]);
            }
            if folded {
                play.compact("alice", 1000);
            }
            play.clock_error("alice", -400 * DAY);
            play.restart("alice");
            let edit = play.edit("alice", milk(), title("after the restart"));
            assert!(edit.stamp > latest.stamp, "{of}, folded: {folded}");
            assert_eq!(edit.stamp.millis, latest.stamp.millis, "{of}, folded: {folded}");
            // It restarts once more before it could tell anybody.
            play.restart("alice");
            let next = play.edit("alice", milk(), title("after another"));
            assert!(next.stamp > edit.stamp, "{of}, folded: {folded}");
            play.meet(["alice", "bob"]);
            assert_eq!(play.milk("bob").title, "after another");
        }
    }
}

/// To a clock that is so far behind, everybody is too far ahead. Nothing is lost by that.
#[test]
fn a_clock_more_than_a_year_behind_merges_nothing_until_it_is_put_right() {
    let mut play = Play::with(["alice", "bob"]);
    let good = play.edit("alice", milk(), title("Buy milk"));
    play.clock_error("bob", -366 * DAY);
    let now = play.now("bob");
    let mut bob = play.replica("bob").clone();
    assert!(matches!(bob.apply(Batch::live(vec![good.clone()]), now), Err(ApplyError::Clock(_))));
    assert!(bob.vector().is_empty());
    let own = play.edit("bob", ObjectId::Task(task(2)), title("Mow the lawn"));
    assert_eq!(own.stamp.millis, play.now("bob"));
    play.deliver(&own, "alice");
    play.clock_error("bob", 0);
    play.meet(["alice", "bob"]);
    assert_eq!(play.milk("bob").title, "Buy milk");
}
