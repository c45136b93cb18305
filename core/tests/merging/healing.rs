//! Whatever a vector or a number says: what differs is found by what is held, and comes over.

use partyline_core::id::{DeviceId, TaskId};
use partyline_core::replica::{Batch, Change, Digest, ObjectId, Op, Replica, Status, SyncRequest, VersionVector};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::play::{NOON, Play, device, milk, task, title, view};

fn id(number: u32) -> ObjectId {
    let mut random = [0; 16];
    random[..8].copy_from_slice(&u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    random[12..].copy_from_slice(&number.to_be_bytes());
    ObjectId::Task(TaskId::from_random_bytes(random))
}

/// `to` gets what `from` has, as pages do it: changes that came, questions asked, and bytes both ways.
fn pull(to: &mut Replica, from: &Replica) -> (usize, usize, usize) {
    let (came, questions, bytes, _) = pull_and_see(to, from);
    (came, questions, bytes)
}

/// The same, and whether the two have not the same then.
fn pull_and_see(to: &mut Replica, from: &Replica) -> (usize, usize, usize, bool) {
    let (mut came, mut questions, mut bytes, mut is_apart) = (0, 0, 0, false);
    let mut next = Some(to.opening());
    while let Some(mut request) = next {
        questions += 1;
        assert!(questions < 1000, "a sync comes to an end");
        let asked = request.encode();
        let answered = from.answer_encoded(&SyncRequest::decode(&asked).unwrap(), 64 * 1024);
        bytes += asked.len() + answered.len();
        let Ok(answer) = to.decode_answer(&answered) else {
            assert!(!request.in_full, "what is named in full can be read");
            request.in_full = true;
            next = Some(request);
            continue;
        };
        came += answer.batch.changes.len();
        let is_news = to.apply(Batch { asker: Some(to.device()), ..answer.batch.clone() }, NOON).unwrap().is_news();
        next = match answer.next {
            Some(cursor) => Some(SyncRequest { cursor: Some(cursor), ..request }),
            None => to.following(&answer, is_news, 7),
        };
        is_apart = next.is_none() && to.is_apart(&answer);
    }
    (came, questions, bytes, is_apart)
}

fn assert_equal(one: &Replica, other: &Replica) {
    assert_eq!(view(one), view(other));
    assert_eq!(one.digest(0), other.digest(0));
}

/// Both pull from each other, twice, and have the same then.
fn exchange(one: &mut Replica, other: &mut Replica) {
    for _ in 0..2 {
        pull(one, other);
        pull(other, one);
    }
    assert_equal(one, other);
    assert_eq!((pull(one, other).0, pull(other, one).0), (0, 0));
    assert!(pull(one, other).2 < 100 && pull(other, one).2 < 100);
}

#[test]
fn a_vector_that_lies_hides_nothing() {
    let mut carol = Replica::new(device("carol"));
    carol.edit(milk(), title("Carol's"), NOON).unwrap();
    let mut alice = Replica::new(device("alice"));
    alice.edit(ObjectId::Task(task(2)), title("Alice's"), NOON).unwrap();
    // Somebody answers Alice that she will have all of Carol's changes, and then some.
    let lie: VersionVector = [(device("carol"), 1000)].into_iter().collect();
    alice.apply(Batch { vector: Some(lie), asker: Some(device("alice")), ..Batch::default() }, NOON).unwrap();
    assert_eq!(alice.vector().get(device("carol")), 1000);
    exchange(&mut alice, &mut carol);
    assert_eq!(alice.tasks().len(), 2);
    carol.edit(milk(), title("Carol's second"), NOON + 1).unwrap();
    exchange(&mut alice, &mut carol);
}

#[test]
fn a_vector_that_lies_hides_nothing_behind_what_nobody_can_count() {
    let mut carol = Replica::new(device("carol"));
    carol.edit(milk(), title("Carol's"), NOON).unwrap();
    let mut alice = Replica::new(device("alice"));
    alice.edit(ObjectId::Task(task(2)), title("Alice's"), NOON).unwrap();
    // All have a change that says of itself that it is not whole: no vector ever includes it.
    let mut mallory = Replica::new(device("mallory"));
    let part = mallory.edit(ObjectId::Task(task(3)), title("Mallory's"), NOON).unwrap();
    let part = Change { complete: false, ..part };
    for replica in [&mut alice, &mut carol] {
        replica.apply(Batch::live(vec![part.clone()]), NOON).unwrap();
        assert_eq!(replica.vector().get(device("mallory")), 0);
    }
    let lie: VersionVector = [(device("carol"), 1)].into_iter().collect();
    alice.apply(Batch { vector: Some(lie), asker: Some(device("alice")), ..Batch::default() }, NOON).unwrap();
    exchange(&mut alice, &mut carol);
    assert_eq!(alice.task(task(1)).unwrap().title, "Carol's");
}

#[test]
fn a_backup_that_is_put_back_loses_nothing_on_either_side() {
    let (mut alice, mut bob) = (Replica::new(device("alice")), Replica::new(device("bob")));
    alice.edit(id(1), title("one"), NOON).unwrap();
    let backup = alice.clone();
    alice.edit(id(2), title("after the backup"), NOON + 1).unwrap();
    alice.edit(id(3), title("and this"), NOON + 2).unwrap();
    exchange(&mut alice, &mut bob);
    let mut alice = backup;
    alice.edit(id(4), title("after it was put back"), NOON + 9).unwrap();
    exchange(&mut alice, &mut bob);
    assert_eq!(bob.tasks().len(), 4);
}

#[test]
fn whoever_asks_before_the_other_one_has_everything_is_told_to_ask_again() {
    let (mut alice, mut bob) = (Replica::new(device("alice")), Replica::new(device("bob")));
    alice.edit(id(1), title("one"), NOON).unwrap();
    let backup = alice.clone();
    alice.edit(id(2), title("after the backup"), NOON + 1).unwrap();
    exchange(&mut alice, &mut bob);
    let mut alice = backup;
    alice.edit(id(3), title("under a number that Bob knows"), NOON + 9).unwrap();
    bob.edit(id(4), title("what Alice lacks"), NOON + 9).unwrap();
    let (came, .., is_apart) = pull_and_see(&mut bob, &alice);
    assert_eq!((came, is_apart), (0, true));
    pull(&mut alice, &bob);
    let (.., is_apart) = pull_and_see(&mut bob, &alice);
    assert!(!is_apart);
    assert_equal(&alice, &bob);
}

#[test]
fn whoever_gets_by_another_way_just_what_was_found_asks_again() {
    let (mut alice, mut bob) = (Replica::new(device("alice")), Replica::new(device("bob")));
    for number in 0..100 {
        alice.edit(id(number), title("one of very many"), NOON).unwrap();
    }
    bob.edit(id(100), title("Bob's"), NOON).unwrap();
    let lie: VersionVector = [(device("alice"), 100)].into_iter().collect();
    bob.apply(Batch { vector: Some(lie), asker: Some(device("bob")), ..Batch::default() }, NOON).unwrap();
    pull(&mut alice, &bob);
    let (mut next, mut is_apart) = (Some(bob.opening()), false);
    while let Some(request) = next {
        let answer = alice.answer(&request, 512);
        // Carol has sent the same meanwhile, all that there was room for.
        bob.apply(Batch { vector: None, ..answer.batch.clone() }, NOON).unwrap();
        let is_news = bob.apply(answer.batch.clone(), NOON).unwrap().is_news();
        next = bob.following(&answer, is_news, 7);
        is_apart = bob.is_apart(&answer);
    }
    assert!((1..100).contains(&bob.tasks().len()), "{} tasks", bob.tasks().len());
    assert!(is_apart);
    exchange(&mut bob, &mut alice);
    assert_eq!(bob.tasks().len(), 101);
}

#[test]
fn two_copies_of_a_device_lose_nothing_by_each_other() {
    let (mut old, mut carol) = (Replica::new(device("laptop")), Replica::new(device("carol")));
    old.edit(id(1), title("before the copy"), NOON).unwrap();
    exchange(&mut carol, &mut old);
    let mut copy = old.clone();
    old.edit(id(2), title("on the old laptop"), NOON + 1).unwrap();
    copy.edit(id(3), title("on the new laptop"), NOON + 2).unwrap();
    for _ in 0..2 {
        exchange(&mut carol, &mut old);
        exchange(&mut carol, &mut copy);
    }
    exchange(&mut carol, &mut old);
    assert_eq!(carol.tasks().len(), 3);
    assert_equal(&old, &copy);
}

#[test]
fn under_one_number_used_twice_an_edit_does_not_land_on_another_task() {
    let (mut old, mut carol) = (Replica::new(device("laptop")), Replica::new(device("carol")));
    old.edit(id(1), title("before the copy"), NOON).unwrap();
    let mut copy = old.clone();
    let made = |text: &str| vec![Op::Title(text.into()), Op::CreatedAt(NOON)];
    old.edit(id(2), made("Cancel the newspaper"), NOON + 1).unwrap();
    copy.edit(id(3), made("Pay the rent"), NOON + 2).unwrap();
    exchange(&mut carol, &mut old);
    let tick = old.edit(id(2), vec![Op::Status(Status::Done)], NOON + 4).unwrap();
    let live = Batch::live(vec![tick]);
    assert_eq!(carol.decode(&carol.encode_live(&live), None), Ok(live.clone()));
    for bytes in [old.encode_live(&live), old.encode_own(&live)] {
        assert!(copy.decode(&bytes, Some(old.device())).is_err(), "it would tick off the rent");
    }
}

#[test]
fn after_a_backup_was_put_back_an_edit_of_another_lands_on_its_task() {
    let (mut alice, mut bob) = (Replica::new(device("alice")), Replica::new(device("bob")));
    let made = |text: &str| vec![Op::Title(text.into()), Op::CreatedAt(NOON)];
    alice.edit(id(1), made("one"), NOON).unwrap();
    let backup = alice.clone();
    alice.edit(id(2), made("Cancel the newspaper"), NOON + 1).unwrap();
    exchange(&mut bob, &mut alice);
    let mut alice = backup;
    alice.edit(id(3), made("Pay the rent"), NOON + 9).unwrap();
    // Whatever goes by a short name: Bob's live change, and his answer to what Alice asks for.
    let tick = bob.edit(id(2), vec![Op::Status(Status::Done)], NOON + 10).unwrap();
    let live = bob.encode_live(&Batch::live(vec![tick]));
    if let Ok(batch) = alice.decode(&live, Some(bob.device())) {
        alice.apply(batch, NOON + 11).unwrap();
    }
    let ObjectId::Task(rent) = id(3) else { panic!("a task") };
    assert_eq!(alice.task(rent).unwrap().status, Status::Open);
    exchange(&mut alice, &mut bob);
    assert_eq!(alice.task(rent).unwrap().status, Status::Open);
    assert_eq!(alice.tasks().into_iter().filter(|task| task.status == Status::Done).count(), 1);
}

#[test]
fn holes_that_nobody_can_fill_do_not_make_anything_go_over_again() {
    let [mut bob, mut carol, mut dave] = ["bob", "carol", "dave"].map(|name| Replica::new(device(name)));
    dave.edit(id(1), title("one"), NOON).unwrap();
    exchange(&mut bob, &mut dave);
    dave.edit(id(2), title("two"), NOON + 1).unwrap();
    for number in 3..100 {
        let change = dave.edit(id(number), title("more"), NOON + 2).unwrap();
        bob.apply(Batch::live(vec![change]), NOON + 3).unwrap();
    }
    exchange(&mut bob, &mut carol);
    // Not even when there is something new besides.
    bob.edit(id(200), title("new"), NOON + 4).unwrap();
    assert_eq!(pull(&mut carol, &bob).0, 1);
}

#[test]
fn at_rest_a_sync_costs_the_same_whatever_the_number_of_devices() {
    let cost = |devices: u8| {
        let mut alice = Replica::new(device("alice"));
        for number in 0..devices {
            let mut other = Replica::new(DeviceId::from_bytes([number; 16]));
            let made = other.edit(id(number.into()), title("something"), NOON).unwrap();
            alice.apply(Batch::live(vec![made]), NOON).unwrap();
        }
        let mut bob = Replica::new(device("bob"));
        pull(&mut bob, &alice);
        pull(&mut bob, &alice).2
    };
    assert_eq!(cost(2), cost(200));
    assert!(cost(200) < 100, "{}", cost(200));
}

#[test]
fn what_differs_is_found_at_a_cost_of_what_differs() {
    let mut alice = Replica::new(device("alice"));
    for number in 0..10_000 {
        alice.edit(id(number), title("something"), NOON).unwrap();
    }
    let mut bob = Replica::new(device("bob"));
    pull(&mut bob, &alice);
    for (differing, most) in [(1, 4_000), (10, 40_000)] {
        let mut bob = bob.clone();
        // Changes that Bob believes he has.
        for number in 0..differing {
            alice.edit(id(number * 997), title("something else"), NOON + 1).unwrap();
        }
        let vector = Some(alice.vector().clone());
        bob.apply(Batch { vector, asker: Some(bob.device()), ..Batch::default() }, NOON).unwrap();
        let (came, questions, bytes) = pull(&mut bob, &alice);
        assert_equal(&alice, &bob);
        assert!(bytes < most && questions <= 8, "{bytes} bytes in {questions} questions for {came} changes");
    }
}

#[test]
fn replicas_that_drop_values_at_different_times_are_at_rest() {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let mut play = Play::with(["alice", "bob"]);
    play.edit("alice", milk(), title("Buy milk"));
    play.edit("alice", ObjectId::Task(task(2)), title("Buy bread"));
    play.edit("alice", milk(), vec![Op::Deleted]);
    play.meet(["alice", "bob"]);
    // Bob drops the values on that day, and Alice's clock is some days behind.
    play.later(31 * DAY);
    play.clock_error("alice", -(2 * DAY as i64));
    play.apply("bob", Batch::default());
    assert_ne!(view(play.replica("alice")), view(play.replica("bob")));
    for (to, from) in [("alice", "bob"), ("bob", "alice")] {
        let before = view(play.replica(to));
        play.sync(to, from);
        assert_eq!(view(play.replica(to)), before, "nothing comes over");
    }
    let (alice, bob) = (play.replica("alice"), play.replica("bob"));
    let day = bob.opening().day;
    assert_eq!(alice.digest(day), bob.digest(day));
    assert_ne!(alice.digest(0), bob.digest(0));
    // What brings it back brings back what Alice still has.
    play.edit("alice", milk(), vec![Op::Status(Status::Done)]);
    play.sync("bob", "alice");
    assert_eq!(play.milk("bob").title, "Buy milk");
    play.meet(["alice", "bob"]);
}

/// Everything that two histories can differ in shows in the digest.
#[test]
fn no_two_states_have_one_digest() {
    let edits: [(ObjectId, Vec<Op>); 9] = [
        (milk(), title("a")),
        (milk(), title("b")),
        (ObjectId::Task(task(2)), title("a")),
        (milk(), vec![Op::Notes("a".into())]),
        (milk(), vec![Op::add_label("a")]),
        (milk(), vec![Op::Deleted]),
        (milk(), vec![Op::Alive]),
        (milk(), vec![Op::Title("a".into()), Op::Notes("a".into())]),
        (ObjectId::Room, vec![Op::Name("a".into())]),
    ];
    let mut digests: Vec<Digest> = vec![Replica::new(device("alice")).digest(0)];
    for (object, ops) in edits {
        for now in [NOON, NOON + 1] {
            for name in ["alice", "bob"] {
                let mut replica = Replica::new(device(name));
                replica.edit(object, ops.clone(), now).unwrap();
                digests.push(replica.digest(0));
                let mut replica = Replica::new(device(name));
                replica.edit_by_machine(object, ops.clone(), now).unwrap();
                digests.extend((ops != [Op::Alive]).then(|| replica.digest(0)));
            }
        }
    }
    let all = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), all);
}

fn has_namesake(replica: &Replica, change: &Change, now: u64) -> bool {
    replica.clone().apply(Batch::live(vec![change.clone()]), now).unwrap().has_namesake
}

/// What a device wrote itself is nothing new to it, whatever became of it; what another life of it
/// wrote is.
#[test]
fn a_device_knows_its_own_changes_from_those_of_another_life() {
    let mut alice = Replica::new(device("alice"));
    let first = alice.edit(milk(), title("Milk"), NOON).unwrap();
    let backup = alice.clone();
    let second = alice.edit(milk(), title("Oat milk"), NOON + 1).unwrap();
    let label = alice.edit(milk(), vec![Op::add_label("shop")], NOON + 2).unwrap();
    let moved = alice.edit(id(2), title("Bread"), NOON + 3).unwrap();
    for change in [&first, &second, &label, &moved] {
        assert!(!has_namesake(&alice, change, NOON));
        assert_eq!(has_namesake(&backup, change, NOON), *change != first);
    }
    // The backup goes on, under the same numbers, and those of the other life are still another's.
    let mut backup = backup;
    for number in 3..9 {
        backup.edit(id(number), title("other"), NOON + 10).unwrap();
        for change in [&second, &label, &moved] {
            assert!(has_namesake(&backup, change, NOON + 20));
        }
        assert!(!has_namesake(&backup, &first, NOON + 20));
    }
    // Overwritten, its number counts only where it was never given.
    let mut carol = Replica::new(device("carol"));
    carol.apply(Batch::live(vec![first, second.clone()]), NOON).unwrap();
    let over = carol.edit(milk(), title("Rice milk"), NOON + 30).unwrap();
    backup.apply(Batch::live(vec![over]), NOON + 30).unwrap();
    assert!(has_namesake(&backup, &second, NOON + 30), "its number is another change's here");
    let mut forgetful = backup.clone();
    forgetful.edit(id(3), title("over"), NOON + 30).unwrap();
    assert!(!has_namesake(&forgetful, &second, NOON + 30), "nothing of it is new");
    // That numbers were used is said with what was asked for, whatever has become of the changes.
    let vector: VersionVector = [(device("alice"), moved.dot.seq)].into_iter().collect();
    let claim = |replica: &Replica, asker| {
        let batch = Batch { vector: Some(vector.clone()), asker, ..Batch::default() };
        replica.clone().apply(batch, NOON).unwrap().has_namesake
    };
    let young = Replica::new(device("alice"));
    assert!(claim(&young, Some(device("alice"))) && !claim(&young, None) && !claim(&young, Some(device("bob"))));
    assert!(!claim(&alice, Some(device("alice"))) && !claim(&carol, Some(device("carol"))));
    backup.go_on_as(device("alice again"));
    assert!(!has_namesake(&backup, &moved, NOON + 30), "it is somebody else now");
    assert!(!has_namesake(&carol, &second, NOON + 30));
}

#[test]
fn a_device_goes_on_under_another_id_with_all_that_it_has() {
    let mut alice = Replica::new(device("alice"));
    for number in 0..40 {
        alice.edit(id(number), title(&format!("task {number}")), NOON + u64::from(number)).unwrap();
    }
    let (digest, vector) = (alice.digest(0), alice.vector().clone());
    alice.go_on_as(device("alice again"));
    assert_eq!((alice.digest(0), alice.vector()), (digest, &vector));
    let next = alice.edit(id(0), title("after"), NOON).unwrap();
    assert_eq!((next.dot.device, next.dot.seq), (device("alice again"), 1));
    assert!(next.stamp.millis >= NOON + 39, "its clock goes on");
    let pages = alice.to_pages(1 << 10);
    let mut loaded =
        Replica::from_pages(&pages.manifest, pages.added.iter().map(|page| (page.number, &page.bytes))).unwrap();
    assert_eq!(loaded.device(), device("alice again"));
    assert_eq!(loaded.edit(id(1), title("after"), NOON).unwrap().dot.seq, 2);
    let mut bob = Replica::new(device("bob"));
    pull(&mut bob, &loaded);
    assert_equal(&bob, &loaded);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Two lives of one device and a third member, whoever meets whom: nobody lacks anything, and
    /// each life of a device finds out of the other at most once.
    #[test]
    fn two_lives_of_one_device_become_two_devices_and_lose_nothing(
        edits in vec((0_usize..3, 0_u32..12, any::<bool>()), 1..40),
        meetings in vec((0_usize..3, 1_usize..3), 0..12),
    ) {
        let mut alice = Replica::new(device("alice"));
        alice.edit(id(0), title("before"), NOON).unwrap();
        let mut crew = [alice.clone(), alice, Replica::new(device("bob"))];
        let mut written = Vec::new();
        for (at, (who, number, is_note)) in edits.into_iter().enumerate() {
            let text = format!("text {at}");
            let ops = if is_note { vec![Op::Notes(text.as_str().into())] } else { title(&text) };
            // No two in one millisecond: of two lives that write at the very same time one would
            // win, as ever.
            let made = crew[who].edit(id(number), ops, NOON + 10 * (1 + at as u64)).unwrap();
            written.push(made);
        }
        let mut renewals = [0; 3];
        let rounds = [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2)].repeat(3);
        for (one, step) in meetings.into_iter().chain(rounds) {
            let other = (one + step) % 3;
            let there = crew[other].clone();
            let mut next = Some(crew[one].opening());
            for _ in 0..64 {
                let Some(request) = next else { break };
                let answer = there.answer(&request, 64 * 1024);
                let batch = Batch { asker: Some(crew[one].device()), ..answer.batch.clone() };
                let mut merged = crew[one].clone();
                let applied = merged.apply(batch, NOON + 1000).unwrap();
                if applied.has_namesake {
                    // As a device does it: first the new id, and then what came.
                    renewals[one] += 1;
                    crew[one].go_on_as(DeviceId::from_bytes([100 + 10 * one as u8 + renewals[one]; 16]));
                    next = Some(crew[one].opening());
                    continue;
                }
                crew[one] = merged;
                next = crew[one].following(&answer, applied.is_news(), 7);
            }
        }
        let [one, other, third] = &crew;
        assert_equal(one, other);
        assert_equal(one, third);
        prop_assert!(renewals[0] <= 1 && renewals[1] <= 1 && renewals[2] == 0, "{renewals:?}");
        for change in written {
            let later = |held: &Change| held.object == change.object && held.stamp >= change.stamp;
            let held = one.answer(&SyncRequest::default(), usize::MAX).batch.changes;
            let field = |of: &Change| of.ops.iter().map(Op::field).collect::<Vec<_>>();
            prop_assert!(held.iter().any(|held| later(held) && field(held).iter().any(|f| field(&change).contains(f))));
        }
    }

    /// Whatever two of them have, and whatever their vectors say they have: after a pull each way they have the same.
    #[test]
    fn any_two_replicas_become_equal(
        edits in vec((0_u32..40, any::<bool>(), any::<bool>(), prop::option::of(0_u8..5)), 0..120),
        lies in vec((0_u8..3, 0_u64..200), 0..4),
    ) {
        let names = ["alice", "bob", "carol"];
        let mut writer = Replica::new(device("carol"));
        let (mut alice, mut bob) = (Replica::new(device("alice")), Replica::new(device("bob")));
        for (at, (number, to_alice, to_bob, what)) in edits.into_iter().enumerate() {
            let ops = match what {
                Some(0) => vec![Op::Deleted],
                Some(1) => vec![Op::add_label("x")],
                Some(2) => vec![Op::remove_label("x")],
                _ => title(&format!("title {at}")),
            };
            let made: Change = writer.edit(id(number), ops, NOON + at as u64).unwrap();
            for (to, gets) in [(&mut alice, to_alice), (&mut bob, to_bob)] {
                if gets {
                    to.apply(Batch::live(vec![made.clone()]), NOON).unwrap();
                }
            }
        }
        let lie: VersionVector = lies.into_iter().map(|(who, seq)| (device(names[usize::from(who)]), seq)).collect();
        for replica in [&mut alice, &mut bob] {
            let asker = Some(replica.device());
            replica.apply(Batch { vector: Some(lie.clone()), asker, ..Batch::default() }, NOON).unwrap();
        }
        exchange(&mut alice, &mut bob);
    }
}
