//! Syncs in chunks, and what happens meanwhile.

use partyline_core::replica::{Batch, ObjectId, Op, Replica, SyncRequest};

use crate::play::{NOON, Play, device, milk, task, title, view};

/// So small that each change is a chunk of its own.
const TINY: usize = 1;

#[test]
fn a_chunked_sync_ends_with_everything() {
    let mut play = Play::with(["alice", "bob"]);
    for number in 1..=20 {
        play.edit("alice", ObjectId::Task(task(number)), title("Something"));
    }
    let mut sync = play.begin_sync("bob", "alice", TINY);
    let mut chunks = 1;
    while play.chunk(&mut sync) {
        chunks += 1;
    }
    assert_eq!(chunks, 21, "one a change, and one for the vector, for which there was no room");
    assert_eq!(view(play.replica("bob")), view(play.replica("alice")));
    assert_eq!(play.replica("bob").vector(), play.replica("alice").vector());
}

#[test]
fn a_sync_costs_what_differs() {
    let mut play = Play::with(["alice", "bob"]);
    for number in 1..=50 {
        play.edit("alice", ObjectId::Task(task(number)), title("Something"));
    }
    play.meet(["alice", "bob"]);
    let request = play.replica("bob").asking();
    assert!(play.replica("alice").answer(&request, 1000).batch.changes.is_empty());
    for n in 0..30 {
        play.edit("alice", milk(), title(&format!("draft {n}")));
    }
    let answer = play.replica("alice").answer(&request, 1000);
    assert_eq!(answer.batch.changes.len(), 1, "29 drafts were overwritten and cost nothing");
    assert!(answer.encode().len() < 140, "{}", answer.encode().len());
}

#[test]
fn a_vector_is_not_believed_by_a_replica_that_did_not_ask() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("Buy milk"));
    play.edit("alice", ObjectId::Task(task(2)), title("Buy bread"));
    let mut request = play.replica("bob").asking();
    let first = play.replica("alice").answer(&request, TINY);
    let mut bob = play.replica("bob").clone();
    bob.apply(first.batch, NOON).unwrap();

    // The room is left and joined again, under a new device id, while the rest is on its way.
    let mut anew = Replica::new(device("robert"));
    request.cursor = first.next;
    let rest = play.replica("alice").answer(&request, 1000);
    let batch = Batch { asker: Some(device("bob")), ..rest.batch };
    let applied = anew.apply(batch.clone(), NOON).unwrap();
    assert!(applied.gap && applied.vector.is_none(), "{applied:?}");
    assert!(anew.vector().is_empty(), "the milk would never be asked for");
    assert!(!bob.apply(batch, NOON).unwrap().gap);
    assert_eq!(bob.vector(), play.replica("alice").vector());
}

#[test]
fn an_overwritten_change_claims_nothing_until_what_overwrote_it_is_here() {
    // Alice's first change sets two fields; Bob overwrites one. Carol gets the rest of the first change in a chunk of its
    // own, and then the sync breaks off. She must not claim to have that change: were its other field, or Bob's, lost
    // with the chunk that never came, nobody would send them again.
    let mut play = Play::with(["alice", "bob", "carol"]);
    let made = play.edit("alice", milk(), vec![Op::Title("Buy milk".into()), Op::Notes("Oat".into())]);
    play.deliver(&made, "bob");
    play.edit("bob", milk(), title("Buy soy milk"));

    let mut sync = play.begin_sync("carol", "bob", TINY);
    assert!(play.chunk(&mut sync));
    assert_eq!(play.milk("carol").notes, "Oat", "values count at once");
    assert!(play.replica("carol").vector().is_empty(), "claims do not");
    play.assert_honest("carol");

    // Bob is gone for good. Alice still has her change as she made it.
    play.meet(["alice", "carol"]);
    assert_eq!(play.milk("carol").title, "Buy milk");
}

#[test]
fn nor_does_a_change_of_which_a_part_lost_on_arrival() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    let made = play.edit("alice", milk(), vec![Op::Title("Buy milk".into()), Op::Notes("Oat".into())]);
    play.edit("bob", milk(), title("Buy soy milk"));
    play.deliver(&made, "bob");
    play.edit("bob", milk(), title("Buy rice milk"));
    let mut sync = play.begin_sync("carol", "bob", TINY);
    assert!(play.chunk(&mut sync));
    assert_eq!(play.milk("carol").notes, "Oat");
    play.assert_honest("carol");
    play.meet(["alice", "carol"]);
}

#[test]
fn the_lost_relay() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    for number in 1..=10 {
        play.edit("alice", ObjectId::Task(task(number)), vec![Op::Title("Something".into()), Op::Notes("More".into())]);
    }
    play.meet(["alice", "bob"]);
    for number in 1..=5 {
        play.edit("bob", ObjectId::Task(task(number)), title("Something else"));
    }
    // Carol stops in the middle of a sync from Bob, wherever that is, and Bob vanishes.
    for stop in 1..14 {
        let mut play = play.clone();
        let mut sync = play.begin_sync("carol", "bob", TINY);
        for _ in 0..stop {
            assert!(play.chunk(&mut sync));
            play.assert_honest("carol");
        }
        play.meet(["alice", "carol"]);
        play.edit("alice", milk(), vec![Op::Deleted]);
        play.meet(["alice", "carol"]);
    }
}

#[test]
fn a_sync_that_broke_off_goes_on_where_it_stopped() {
    let mut play = Play::with(["alice", "bob"]);
    for number in 1..=10 {
        play.edit("alice", ObjectId::Task(task(number)), title("Something"));
    }
    let mut sync = play.begin_sync("bob", "alice", TINY);
    for _ in 0..4 {
        play.chunk(&mut sync);
    }
    // Both restart, Alice from pages; Bob asks with the vector and cursor he had noted.
    play.compact("alice", 200);
    play.restart("alice");
    play.restart("bob");
    let rest = play.replica("alice").answer(&sync.request, 10_000);
    assert_eq!(rest.batch.changes.len(), 6);
    while play.chunk(&mut sync) {}
    assert_eq!(play.replica("bob").vector(), play.replica("alice").vector());
    assert_eq!(view(play.replica("bob")), view(play.replica("alice")));
}

#[test]
fn edits_made_during_a_sync_are_in_it() {
    let mut play = Play::with(["alice", "bob"]);
    for number in 1..=6 {
        play.edit("alice", ObjectId::Task(task(number)), title("Something"));
    }
    let mut sync = play.begin_sync("bob", "alice", TINY);
    play.chunk(&mut sync);
    play.chunk(&mut sync);
    // One that was sent, one that was not, one that is new.
    for number in [1, 5, 7] {
        play.edit("alice", ObjectId::Task(task(number)), title("Something else"));
    }
    let mine = play.edit("bob", ObjectId::Task(task(6)), title("Mine"));
    while play.chunk(&mut sync) {
        play.assert_honest("bob");
    }
    play.assert_honest("bob");
    assert!(play.replica("bob").vector().dominates(play.replica("alice").vector()));
    play.deliver(&mine, "alice");
    assert_eq!(view(play.replica("bob")), view(play.replica("alice")));
}

#[test]
fn live_changes_during_a_sync_do_not_make_it_lose_anything() {
    let mut play = Play::with(["alice", "bob", "carol"]);
    let older: Vec<_> = (1..=6).map(|n| play.edit("carol", ObjectId::Task(task(n)), title("Something"))).collect();
    play.sync("alice", "carol");
    let mut sync = play.begin_sync("bob", "alice", TINY);
    play.chunk(&mut sync);
    let live = play.edit("carol", ObjectId::Task(task(9)), title("Live"));
    assert!(play.deliver(&live, "bob").gap, "the ones before it are not all here yet");
    play.deliver(&older[1], "bob");
    play.assert_honest("bob");
    while play.chunk(&mut sync) {
        play.assert_honest("bob");
    }
    // 7 came live and was remembered, so it counts as soon as 1 to 6 do.
    assert_eq!(play.replica("bob").vector(), play.replica("carol").vector());
    assert_eq!(view(play.replica("bob")), view(play.replica("carol")));
}

#[test]
fn the_second_part_of_a_change_is_passed_on_too() {
    // Dave is in the middle of a sync from Carol when the other half of a change reaches her.
    let mut play = Play::with(["alice", "bob", "carol", "dave"]);
    let made = play.edit("alice", milk(), vec![Op::Title("Buy milk".into()), Op::Notes("Oat".into())]);
    play.deliver(&made, "bob");
    play.edit("bob", milk(), title("Buy soy milk"));
    let mut half = play.begin_sync("carol", "bob", TINY);
    play.chunk(&mut half);
    let mut sync = play.begin_sync("dave", "carol", TINY);
    play.chunk(&mut sync);
    play.deliver(&made, "carol");
    while play.chunk(&mut sync) {}
    play.assert_honest("dave");
    assert_eq!(play.milk("dave").title, "Buy milk");
}

#[test]
fn a_gap_is_told_and_a_sync_closes_it() {
    let mut play = Play::with(["alice", "bob"]);
    let first = play.edit("alice", milk(), title("Buy milk"));
    play.deliver(&first, "bob");
    play.edit("alice", milk(), vec![Op::Notes("lost on the way".into())]);
    let third = play.edit("alice", ObjectId::Task(task(2)), title("Mow the lawn"));
    let applied = play.deliver(&third, "bob");
    assert!(applied.gap);
    assert_eq!(applied.fresh, [third]);
    assert_eq!(play.replica("bob").vector().iter().next().unwrap().1, 1);
    play.sync("bob", "alice");
    assert_eq!(view(play.replica("bob")), view(play.replica("alice")));
}

#[test]
fn what_was_news_can_be_handed_on_as_it_is() {
    // Part of Alice's change loses at Bob. Carol, to whom Bob hands it on, has nothing it could lose to.
    let mut play = Play::with(["alice", "bob", "carol"]);
    let made = play.edit("alice", milk(), vec![Op::Title("Buy milk".into()), Op::Notes("Oat".into())]);
    play.edit("bob", milk(), title("Buy soy milk"));
    let fresh = play.deliver(&made, "bob").fresh;
    assert_eq!(fresh, [made]);
    play.apply("carol", Batch::live(fresh));
    play.assert_honest("carol");
    assert_eq!(play.milk("carol").title, "Buy milk");
}

#[test]
fn a_cursor_from_elsewhere_begins_anew() {
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("Buy milk"));
    let request = SyncRequest { cursor: Some(u64::MAX), ..Default::default() };
    let answer = play.replica("alice").answer(&request, 1000);
    assert_eq!(answer.batch.changes.len(), 1);
    play.apply("bob", answer.batch);
    assert_eq!(view(play.replica("bob")), view(play.replica("alice")));
}

/// Such as one that was given out before the storage was put back.
#[test]
fn a_cursor_from_beyond_the_end_begins_anew() {
    let mut play = Play::with(["alice"]);
    play.edit("alice", milk(), title("Buy milk"));
    let before = play.replica("alice").clone();
    play.edit("alice", ObjectId::Task(task(2)), title("Buy bread"));
    let cursor = play.replica("alice").cursor();
    assert!(play.replica("alice").is_cursor(cursor) && !before.is_cursor(cursor));
    assert_eq!(before.tasks_since(cursor).len(), 1);
    let request = SyncRequest { cursor: Some(cursor), ..Default::default() };
    assert_eq!(before.answer(&request, 1000).batch.changes.len(), 1);
}
