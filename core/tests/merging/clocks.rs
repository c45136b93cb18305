//! Wrong clocks.

use partyline_core::clock::FOLLOW_MS;
use partyline_core::replica::{Batch, Dot, ObjectId, Op, Replica};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::play::{NOON, Play, device, milk, task, title, view};

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
            play.deliver(&edit, "alice");
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
    const FAR: i64 = 300 * DAY;
    for jumps in [[0, -DAY], [12 * HOUR, 0], [12 * HOUR, -DAY], [-DAY, 12 * HOUR], [FAR, -FAR], [FAR, 0], [-FAR, FAR]] {
        let mut play = Play::with(["alice", "bob"]);
        play.clock_error("alice", jumps[0]);
        let before = play.edit("alice", milk(), title("before"));
        play.clock_error("alice", jumps[1]);
        let after = play.edit("alice", milk(), title("after"));
        assert!(after.stamp > before.stamp && after.stamp.millis >= before.stamp.millis, "{jumps:?}");
        // In whichever order they arrive, and when their time has come.
        play.deliver(&after, "bob");
        play.deliver(&before, "bob");
        if jumps.contains(&FAR) {
            assert!(play.replica("bob").held().next().is_some());
            play.later(FAR as u64);
            play.edit("bob", ObjectId::Room, vec![Op::Name("Home".into())]);
        }
        assert_eq!((play.milk("alice").title, play.milk("bob").title), ("after".into(), "after".into()), "{jumps:?}");
        play.meet(["alice", "bob"]);
    }
}

#[test]
fn a_clock_that_was_hours_ahead_is_followed_until_they_are_over() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    play.clock_error("alice", 12 * HOUR);
    let ahead = play.edit("alice", milk(), title("12 hours ahead"));
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
    play.later(12 * HOUR as u64);
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

/// A change that is so far ahead waits alone, and no clock follows it: neither those of others, whoever brought them, nor
/// what comes after it.
#[test]
fn a_change_from_the_future_waits_alone() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    play.clock_error("alice", 400 * DAY);
    let seen = play.edit("bob", milk(), title("Bob's"));
    play.deliver(&seen, "alice");
    let ahead = play.edit("alice", milk(), title("from next year"));
    // Carol gets all that there is from the device whose clock is wrong.
    play.sync("carol", "alice");
    assert_eq!(play.replica("carol").held().map(|change| change.dot).collect::<Vec<_>>(), [ahead.dot]);
    play.sync("carol", "bob");
    assert_eq!(play.replica("carol").vector(), play.replica("alice").vector(), "it is counted");
    let carols = play.edit("carol", ObjectId::Task(task(2)), title("Carol's"));
    assert_eq!(carols.stamp.millis, play.now("carol"), "no clock follows it");
    play.sync("bob", "carol");
    assert_eq!(play.milk("bob").title, "Bob's");
    assert_eq!(play.replica("bob").task(task(2)).unwrap().title, "Carol's");
    assert!(play.replica("bob").held().eq([&ahead]), "it is passed on");
    // What is held back is in the digest, with those who merged it as with those who did not.
    for names in [["alice", "bob"], ["bob", "alice"], ["bob", "carol"], ["carol", "alice"]] {
        play.sync(names[0], names[1]);
        let day = play.now("alice") / DAY as u64;
        assert_eq!(play.replica(names[0]).digest(day), play.replica(names[1]).digest(day), "{names:?}");
    }
    assert!(play.at_rest("bob", "carol").is_some_and(|bytes| bytes < 100));
    for name in ["alice", "bob", "carol"] {
        play.restart(name);
        play.compact(name, 100);
        play.restart(name);
    }
    // A moment before its time, and when it has come.
    play.later(400 * DAY as u64 - FOLLOW_MS - 10);
    play.edit("bob", ObjectId::Task(task(3)), title("not yet"));
    assert_eq!(play.milk("bob").title, "Bob's");
    play.later(10);
    play.edit("bob", ObjectId::Task(task(3)), title("now"));
    assert_eq!(play.milk("bob").title, "from next year");
    assert_eq!(play.replica("bob").held().count(), 0);
    play.restart("bob");
    play.clock_error("alice", 0);
    play.meet(["alice", "bob", "carol"]);
}

#[test]
fn what_waits_is_told_in_the_cursor_when_it_is_released() {
    let mut play = Play::with(["alice", "bob"]);
    play.clock_error("alice", 2 * DAY);
    let ahead = play.edit("alice", milk(), title("early"));
    play.deliver(&ahead, "bob");
    let bob = play.replica("bob");
    assert!(bob.task(task(1)).is_none() && bob.tasks().is_empty() && bob.deleted_tasks().is_empty());
    let cursor = bob.cursor();
    let mut bob = bob.clone();
    let now = ahead.stamp.millis - FOLLOW_MS;
    assert!(!bob.is_due(now - 1) && bob.is_due(now));
    assert_eq!(bob.tend(now), Ok(Batch::default().at(now)));
    assert!(!bob.is_due(now));
    let told = bob.tasks_since(cursor);
    assert_eq!(told.iter().map(|task| task.title.as_str()).collect::<Vec<_>>(), ["early"]);
}

/// The battery was empty, and the laptop came up in 2028. One edit later somebody sets the clock right.
#[test]
fn what_is_written_after_the_clock_was_put_right_is_taken() {
    let mut play = Play::with(["laptop", "bob"]);
    play.clock_error("laptop", 400 * DAY);
    play.edit("laptop", milk(), title("while the clock was wrong"));
    play.clock_error("laptop", 0);
    let right = play.edit("laptop", ObjectId::Task(task(2)), title("an hour later"));
    assert_eq!(right.stamp.millis, play.now("laptop"));
    play.sync("bob", "laptop");
    assert!(play.replica("bob").task(task(2)).is_some());
    assert_eq!(play.replica("bob").held().count(), 1);
    // An edit beats what its author sees, also of what was dated ahead.
    play.edit("laptop", milk(), title("put right"));
    assert_eq!(play.milk("laptop").title, "put right");
    play.restart("laptop");
}

/// Clocks that follow each other's are never further ahead than the bound, so one that is a little slow is not left out.
#[test]
fn a_clock_ahead_does_not_shut_out_a_clock_that_is_a_little_behind() {
    let mut play = Play::with(["ahead", "alice", "slow"]);
    play.clock_error("ahead", 364 * DAY);
    play.clock_error("slow", -10 * HOUR);
    let poison = play.edit("ahead", milk(), title("from next year"));
    play.deliver(&poison, "alice");
    let honest = play.edit("alice", ObjectId::Task(task(2)), title("Alice's"));
    play.deliver(&honest, "slow");
    assert_eq!(play.replica("slow").task(task(2)).unwrap().title, "Alice's");
}

#[test]
fn one_wrong_clock_does_not_date_everybodys_writes_for_a_year() {
    let mut play = Play::with(["ahead", "alice", "bob"]);
    play.clock_error("ahead", 364 * DAY);
    let poison = play.edit("ahead", milk(), title("from next year"));
    play.deliver(&poison, "alice");
    play.later(30 * DAY as u64);
    let honest = play.edit("alice", ObjectId::Task(task(2)), title("Alice's"));
    play.deliver(&honest, "bob");
    let shown = play.replica("bob").task(task(2)).unwrap().updated_at;
    assert!(shown <= play.now("alice"), "{shown}");
}

/// Somebody else's repair of what a clock has done: exchanged, and of one mind at once.
fn repaired(play: &mut Play, names: [&'static str; 3]) {
    for _ in 0..2 {
        for to in names {
            for from in names {
                play.sync(to, from);
            }
        }
    }
    for name in names {
        assert_eq!(view(play.replica(name)), view(play.replica(names[0])), "{name}");
        assert_eq!(play.replica(name).held().count(), 0, "{name}");
        for other in names {
            assert!(play.at_rest(name, other).is_some(), "{name} asks {other}");
        }
    }
}

#[test]
fn a_clock_that_was_ahead_writes_anew_when_it_is_right() {
    for knows in [false, true] {
        for is_first in [false, true] {
            let mut play = Play::with(["alice", "bob", "carol"]);
            play.edit("bob", milk(), title("Bob's"));
            play.sync("alice", "bob");
            play.clock_error("alice", 400 * DAY);
            play.edit("alice", milk(), title("first draft"));
            let made = play.now("alice") - 400 * DAY as u64;
            let superseded = play.edit("alice", milk(), [title("second"), vec![Op::add_label("x")]].concat());
            play.sync("bob", "alice");
            play.edit("alice", milk(), [title("Alice's"), vec![Op::remove_label("x")]].concat());
            play.edit(
                "alice",
                ObjectId::Task(task(2)),
                vec![Op::Title("new".into()), Op::CreatedAt(play.now("alice"))],
            );
            if knows {
                play.hear_clock("alice", 400 * DAY);
                play.restart("alice");
                let now = play.now("alice");
                assert_eq!(play.replica("alice").clock_error(now), Some(400 * DAY));
            }
            play.sync("carol", "bob");
            play.clock_error("alice", 0);
            play.later(HOUR as u64);
            let now = play.now("alice");
            assert_eq!(play.replica("alice").clock_error(now), None, "it was put right");
            let changes = play.hear_clock("alice", 3000);
            assert!(!changes.is_empty() && changes.iter().all(|change| change.stamp.millis <= now + 100));
            let anew = changes.iter().find(|change| change.ops.contains(&title("Alice's")[0])).unwrap();
            let is_then = anew.stamp.millis.abs_diff(made) < 100;
            assert_eq!(is_then, knows, "dated when it was made, as far as that is known");
            play.restart("alice");
            // A copy of what is replaced may come before or after.
            if is_first {
                play.deliver(&superseded, "carol");
            }
            play.sync("carol", "alice");
            play.deliver(&superseded, "carol");
            play.sync("bob", "alice");
            play.sync("alice", "bob");
            // What was superseded there before it came back is not to come alive either.
            play.hear_clock("alice", 0);
            assert!(play.hear_clock("alice", 0).is_empty());
            repaired(&mut play, ["alice", "bob", "carol"]);
            assert_eq!(play.milk("carol").title, "Alice's");
            assert!(play.milk("carol").labels.is_empty());
            assert!(play.replica("bob").task(task(2)).unwrap().created_at <= play.now("bob"));
            play.later(500 * DAY as u64);
            play.meet(["alice", "bob", "carol"]);
            assert_eq!(play.milk("bob").title, "Alice's", "not even then");
            play.edit("alice", milk(), vec![Op::add_label("x")]);
            assert_eq!(play.milk("alice").labels, ["x"]);
            for name in ["alice", "bob", "carol"] {
                play.restart(name);
            }
        }
    }
}

#[test]
fn a_label_that_came_and_went_under_a_clock_ahead_can_be_put_on_again() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("Buy milk"));
    play.clock_error("alice", 400 * DAY);
    play.edit("alice", milk(), vec![Op::add_label("x")]);
    play.edit("alice", milk(), vec![Op::remove_label("x")]);
    play.clock_error("alice", 0);
    play.hear_clock("alice", 0);
    play.edit("alice", milk(), vec![Op::add_label("x")]);
    assert_eq!(play.milk("alice").labels, ["x"]);
    play.meet(["alice", "bob"]);
    assert_eq!(play.milk("bob").labels, ["x"]);
}

#[test]
fn a_clock_that_was_behind_writes_anew_when_it_is_right() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    play.edit("bob", milk(), title("Bob's"));
    let right = play.now("alice") as i64;
    play.clock_error("alice", 1000 - right);
    play.sync("alice", "bob");
    assert_eq!(play.replica("alice").held().count(), 1, "to it, all others are ahead");
    play.edit("alice", milk(), title("Alice's"));
    play.later(MINUTE as u64);
    play.hear_clock("alice", 1000 - right);
    assert_eq!(play.replica("alice").clock_error(play.now("alice")), Some(1000 - right));
    let during = play.edit("alice", ObjectId::Task(task(2)), title("in 1970"));
    assert!(during.stamp.millis < 200_000);
    play.sync("bob", "alice");
    assert_eq!(play.milk("bob").title, "Bob's", "it loses to everything");
    play.later(HOUR as u64);
    play.clock_error("alice", 0);
    assert_eq!(play.replica("alice").clock_error(play.now("alice")), None);
    let changes = play.tend("alice");
    assert_eq!(changes.len(), 2);
    assert!(play.hear_clock("alice", -500).is_empty());
    assert!(
        changes.iter().all(|change| change.stamp.millis.abs_diff(right as u64 + MINUTE as u64) < 2 * MINUTE as u64)
    );
    play.restart("alice");
    repaired(&mut play, ["alice", "bob", "carol"]);
    assert_eq!(play.milk("carol").title, "Alice's");
}

/// Nobody was there to say how late it is.
#[test]
fn what_was_written_in_1970_all_alone_is_dated_when_the_clock_is_right() {
    let mut play = Play::with(["alice", "bob"]);
    let right = play.now("alice") as i64;
    play.edit("bob", milk(), title("Bob's"));
    play.clock_error("alice", -right);
    play.sync("alice", "bob");
    play.edit("alice", milk(), title("Alice's"));
    play.restart("alice");
    play.clock_error("alice", 0);
    let changes = play.tend("alice");
    assert_eq!(changes.len(), 1);
    assert!(changes.iter().all(|change| change.stamp.millis.abs_diff(play.now("alice")) < 10));
    play.restart("alice");
    play.meet(["alice", "bob"]);
    assert_eq!(play.milk("bob").title, "Alice's");
}

/// What a device wrote long ago and rightly stays as it was dated.
#[test]
fn only_what_was_written_under_the_wrong_clock_is_written_anew() {
    let mut play = Play::with(["alice", "bob"]);
    play.later(400 * DAY as u64);
    play.edit("alice", milk(), title("last year"));
    play.later(380 * DAY as u64);
    play.clock_error("alice", -300 * DAY);
    play.edit("alice", ObjectId::Task(task(2)), title("300 days behind"));
    play.hear_clock("alice", -300 * DAY);
    play.clock_error("alice", 0);
    assert_eq!(play.hear_clock("alice", 0).len(), 1);
    assert!(play.hear_clock("alice", 0).is_empty() && !play.replica("alice").is_due(play.now("alice")));
    play.meet(["alice", "bob"]);
}

#[test]
fn a_person_takes_or_drops_what_waits() {
    for is_wanted in [true, false] {
        let mut play = Play::with(["laptop", "bob", "carol"]);
        play.edit("bob", milk(), title("Bob's"));
        play.sync("carol", "bob");
        play.sync("laptop", "bob");
        play.clock_error("laptop", 400 * DAY);
        let title_of = play.edit("laptop", milk(), [title("laptop's"), vec![Op::add_label("x")]].concat());
        let deletion = play.edit("laptop", ObjectId::Task(task(2)), vec![Op::Deleted]);
        play.sync("bob", "laptop");
        play.sync("carol", "bob");
        // The laptop is gone for good.
        for dot in [title_of.dot, deletion.dot] {
            assert!(!play.settle("bob", dot, is_wanted).is_empty());
            assert!(play.settle("bob", dot, is_wanted).is_empty(), "once");
        }
        let nobody = Dot { device: device("nobody"), seq: 1 };
        assert!(play.settle("bob", nobody, is_wanted).is_empty());
        play.restart("bob");
        assert_eq!(play.milk("bob").title, if is_wanted { "laptop's" } else { "Bob's" });
        assert_eq!(play.milk("bob").labels.len(), usize::from(is_wanted));
        play.deliver(&title_of, "bob");
        play.sync("carol", "bob");
        assert_eq!(view(play.replica("carol")), view(play.replica("bob")));
        play.compact("carol", 100);
        play.restart("carol");
        // It is back after all, and has merged it: what it had superseded comes from those who have it.
        play.clock_error("laptop", 0);
        play.sync("laptop", "carol");
        play.sync("laptop", "carol");
        repaired(&mut play, ["laptop", "bob", "carol"]);
        play.later(500 * DAY as u64);
        play.meet(["laptop", "bob", "carol"]);
        assert_eq!(play.milk("laptop").title, if is_wanted { "laptop's" } else { "Bob's" });
    }
}

/// What others hold of this device's own, from before its storage was put back, is another life's: it is not dropped.
#[test]
fn what_another_life_wrote_ahead_is_not_taken_for_this_ones() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("Alice's"));
    let backup = play.replica("alice").clone();
    play.clock_error("alice", 400 * DAY);
    let lost = play.edit("alice", milk(), title("of the other life"));
    play.deliver(&lost, "bob");
    let mut alice = backup;
    let applied = alice.apply(Batch::live(vec![lost]), NOON).unwrap();
    assert!(applied.has_namesake);
    assert_eq!(alice.held().count(), 1);
    assert_eq!(alice.hear_clock(0, NOON + 1), Ok(None));
    assert_eq!(alice.held().count(), 1);
}

/// Each write anew has to be dated right, also where another one about the same task is not made anew yet.
#[test]
fn what_nobody_said_was_ahead_is_dated_now() {
    let mut alice = Replica::new(device("alice"));
    let ahead = NOON + 400 * DAY as u64;
    alice.edit(milk(), title("Buy milk"), ahead).unwrap();
    alice.edit(milk(), vec![Op::Notes("2 l".into())], ahead + 1).unwrap();
    let anew = alice.hear_clock(0, NOON).unwrap().unwrap();
    assert!(anew.batch.changes.iter().all(|change| change.stamp.millis <= NOON + FOLLOW_MS), "{anew:?}");
    assert_eq!(alice.hear_clock(0, NOON + 1), Ok(None));
    let shown = view(&alice).tasks.remove(0);
    assert_eq!((shown.title.as_str(), shown.notes.as_str()), ("Buy milk", "2 l"));
}

/// By how much it was off when it was noticed need not be by how much it was off when something was written.
#[test]
fn a_clock_that_was_put_on_twice_loses_nothing_to_what_it_wrote_before() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), vec![Op::Title("Buy milk".into()), Op::Notes("1 l".into())]);
    play.sync("bob", "alice");
    play.later(MINUTE as u64);
    play.clock_error("alice", DAY);
    play.edit("alice", milk(), vec![Op::Notes("2 l".into())]);
    play.clock_error("alice", 2 * DAY);
    play.hear_clock("alice", 2 * DAY);
    play.clock_error("alice", 0);
    play.hear_clock("alice", 0);
    play.meet(["alice", "bob"]);
    for name in ["alice", "bob"] {
        assert_eq!(play.milk(name).notes, "2 l", "{name}");
    }
}

/// What it wrote while its clock was ahead may be overwritten here and wait elsewhere. When it comes back, nobody else has
/// written it.
#[test]
fn what_it_wrote_ahead_itself_is_not_taken_for_another_lifes() {
    for is_heard in [true, false] {
        let (mut alice, mut bob) = (Replica::new(device("alice")), Replica::new(device("bob")));
        let ahead = NOON + 400 * DAY as u64;
        let own = alice.edit(milk(), title("Alice's"), ahead).unwrap();
        bob.apply(Batch::live(vec![own.clone()]), ahead).unwrap();
        let over = bob.edit(milk(), title("Bob's"), ahead + 1).unwrap();
        alice.apply(Batch::live(vec![over]), ahead + 1).unwrap();
        if is_heard {
            assert_eq!(alice.hear_clock(0, NOON).unwrap().map(|record| record.clock), Some(Some(0)));
            assert_eq!(alice.hear_clock(0, NOON), Ok(None));
        } else {
            alice.edit(ObjectId::Room, vec![Op::Name("Attic".into())], NOON).unwrap();
        }
        let applied = alice.apply(Batch::live(vec![own]), NOON + 1).unwrap();
        assert!(!applied.has_namesake);
    }
}

#[test]
fn no_more_waits_than_there_is_room_for_whoever_came_first() {
    use partyline_core::replica::{Change, MAX_HELD};
    let mut play = Play::with(["alice"]);
    let change = play.edit("alice", milk(), title("x"));
    let ahead = |n: u64| Change {
        dot: Dot { device: device("mallory"), seq: n + 1 },
        stamp: partyline_core::clock::Stamp {
            millis: NOON + 100 * DAY as u64 + n,
            counter: 0,
            device: device("mallory"),
        },
        ..change.clone()
    };
    let all: Vec<Change> = (0..MAX_HELD as u64 + 100).map(ahead).collect();
    let mut forth = Replica::new(device("bob"));
    for some in all.chunks(1000) {
        forth.apply(Batch::live(some.to_vec()), NOON).unwrap();
    }
    let mut back = Replica::new(device("bob"));
    back.apply(Batch::live(all.iter().rev().cloned().collect()), NOON).unwrap();
    assert_eq!(forth.held().count(), MAX_HELD);
    assert_eq!(forth.digest(0), back.digest(0));
    let latest = forth.held().map(|change| change.stamp.millis).max();
    assert_eq!(latest, Some(NOON + 100 * DAY as u64 + MAX_HELD as u64 - 1));
}

/// One of a few changes, of which some are dated ahead.
fn any_dated() -> impl Strategy<Value = (usize, u8, u8, bool)> {
    (0_usize..3, 0_u8..4, 0_u8..6, any::<bool>())
}

proptest! {
    /// What is shown at a time depends on what there is and on the time: not on how it came, nor on when each device
    /// merged what had waited; and those who looked at other times hold the same.
    #[test]
    fn it_does_not_matter_how_what_waits_came_nor_when_it_was_released(
        edits in vec(any_dated(), 1..12),
        settled in vec((any::<prop::sample::Index>(), any::<bool>()), 0..3),
        shuffle in vec(any::<prop::sample::Index>(), 0..12),
        moments in vec((any::<prop::sample::Index>(), 0_u64..8), 0..6),
        cut in 1_usize..5,
    ) {
        const STEP: u64 = 10 * DAY as u64;
        let mut authors = ["alice", "bob", "carol"].map(|name| Replica::new(device(name)));
        let mut changes = Vec::new();
        for (who, ahead, what, is_second) in edits {
            let object = ObjectId::Task(task(1 + u8::from(is_second)));
            let text = format!("{}", changes.len());
            let op = match what {
                0 => Op::Deleted,
                1 => Op::add_label("x"),
                2 => Op::remove_label("x"),
                3 => Op::Notes(text.into()),
                _ => Op::Title(text.into()),
            };
            let now = NOON + changes.len() as u64 + u64::from(ahead) * STEP;
            let replica = &mut authors[who];
            if let Ok(change) = replica.edit(object, vec![op], now) {
                changes.push(change);
            }
        }
        // Somebody whose clock is right decides about some of what waits.
        let mut dave = Replica::new(device("dave"));
        dave.apply(Batch::live(changes.clone()), NOON + 100).unwrap();
        for (at, is_wanted) in settled {
            let held: Vec<Dot> = dave.held().map(|change| change.dot).collect();
            if !held.is_empty() {
                changes.extend(dave.settle(*at.get(&held), is_wanted, NOON + 200).unwrap());
            }
        }
        let mut shuffled: Vec<_> = shuffle.iter().map(|at| at.get(&changes).clone()).collect();
        shuffled.extend(changes.iter().rev().cloned());
        let end = NOON + 300;
        let mut straight = Replica::new(device("eve"));
        straight.apply(Batch::live(changes.clone()), end).unwrap();
        let mut pieces = Replica::new(device("eve"));
        for some in shuffled.chunks(cut) {
            pieces.apply(Batch::live(some.to_vec()), end).unwrap();
        }
        for time in 0..5 {
            let now = end + time * STEP;
            straight.tend(now).unwrap();
            pieces.tend(now).unwrap();
            prop_assert_eq!(view(&straight).tasks, view(&pieces).tasks, "at {}", time);
            prop_assert_eq!(straight.digest(0), pieces.digest(0));
            let disk = crate::play::Disk::of(&pieces, 100);
            crate::play::assert_same_state(&disk.load().unwrap(), &pieces);
        }

        // One whose clock goes to and fro while it comes; afterwards the two make up for what was missed.
        let mut restless = Replica::new(device("frank"));
        for (at, change) in shuffled.iter().enumerate() {
            let moment = moments.iter().find(|(index, _)| index.index(shuffled.len()) == at).map_or(0, |moment| moment.1);
            restless.apply(Batch::live(vec![change.clone()]), end + moment * STEP).unwrap();
        }
        for replica in [&mut straight, &mut restless] {
            replica.apply(Batch::default(), end + 9 * STEP).unwrap();
        }
        for _ in 0..2 {
            exchange(&mut restless, &mut straight, end + 9 * STEP);
            exchange(&mut straight, &mut restless, end + 9 * STEP);
        }
        prop_assert_eq!(view(&restless).tasks, view(&straight).tasks);
        prop_assert_eq!(restless.digest(0), straight.digest(0));
        prop_assert_eq!(straight.held().count(), 0);
    }
}

/// One gets what the other has.
fn exchange(to: &mut Replica, from: &mut Replica, now: u64) {
    let mut request = Some(to.opening());
    let mut questions = 0;
    while let Some(asked) = request {
        questions += 1;
        assert!(questions < 64, "a sync comes to an end");
        let answer = from.answer(&asked, 64 << 10);
        let batch = Batch { asker: Some(to.device()), ..answer.batch.clone() };
        let is_news = to.apply(batch, now).unwrap().is_news();
        request = to.following(&answer, is_news, 7);
    }
}
