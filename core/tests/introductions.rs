//! Members that share a peer find each other through it, in virtual time and with no phone book.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod crew;
mod timeline;

use partyline_core::mesh::{FEW, MOST};

use crew::World;

#[test]
fn those_who_know_one_member_come_to_know_all() {
    for size in 3..=8 {
        let mut world = World::of(size);
        for newcomer in 1..size {
            world.connect(0, newcomer.into());
        }
        world.run_for(1_000);
        assert!(world.is_full_mesh(), "{size} devices");
        // A card each way, over two links.
        let pairs = usize::from(size - 1) * usize::from(size - 2) / 2;
        assert_eq!(world.cards, 4 * pairs, "{size} devices");
    }
}

#[test]
fn a_chain_becomes_a_mesh() {
    let mut world = World::of(6);
    for index in 0..5 {
        world.connect(index, index + 1);
    }
    world.run_for(5_000);
    assert!(world.is_full_mesh());
}

#[test]
fn it_goes_on_when_the_introducer_is_gone() {
    let mut world = World::of(5);
    for newcomer in 1..5 {
        world.connect(0, newcomer);
    }
    world.run_for(1_000);
    world.crash(0);
    world.run_for(1_000);
    assert!(world.is_full_mesh());
    // In the middle of an introduction nothing is left behind but what the others bring about.
    let mut world = World::of(4);
    world.connect(0, 1);
    world.connect(0, 2);
    world.run_for(100);
    world.crash(0);
    world.run_for(60_000);
    assert_eq!(world.devices[1].slots.len() + world.devices[2].slots.len(), 0, "half a connection stays");
}

#[test]
fn a_pair_that_cannot_connect_is_tried_again_and_ever_more_rarely() {
    let mut world = World::of(3);
    world.walls.insert((1, 2));
    world.connect(0, 1);
    world.connect(0, 2);
    world.run_for(60_000);
    let (after_one_minute, _) = (world.cards, ());
    world.run_for(600_000);
    assert!(after_one_minute >= 8 && world.cards - after_one_minute <= 30, "{after_one_minute}, {}", world.cards);
    let (reached, _) = world.spread(1);
    assert_eq!(reached.len(), 3, "by way of the third");
    let device = |index: usize| world.devices[index].me.device;
    let through: Vec<_> = world.devices[1].mesh.reached().into_iter().collect();
    assert_eq!(through, [(device(2), device(0))]);
    world.walls.clear();
    world.run_for(600_000);
    assert!(world.is_full_mesh());
}

#[test]
fn in_a_full_mesh_a_change_crosses_each_link_at_most_once() {
    let mut world = World::of(8);
    for newcomer in 1..8 {
        world.connect(0, newcomer);
    }
    world.run_for(2_000);
    for origin in 0..8 {
        let (reached, sent) = world.spread(origin);
        assert_eq!((reached.len(), sent), (8, 7));
    }
}

#[test]
fn whoever_cannot_be_called_leaves_the_listing_to_others() {
    for size in [3u8, 5, 8, 20] {
        let mut world = World::of(size);
        // The lowest of all but one refuse changed credentials, some before they come and some when they have.
        let mut order: Vec<usize> = (0..size.into()).collect();
        order.sort_by_key(|index| world.devices[*index].me.cert_hash);
        let (refusing, others) = order.split_at(usize::from(size) - 2);
        let (early, late) = refusing.split_at(refusing.len() / 2);
        early.iter().for_each(|index| world.refuse(*index));
        for newcomer in 1..size {
            world.connect(0, newcomer.into());
            world.run_for(300);
        }
        world.run_for(120_000);
        late.iter().for_each(|index| world.refuse(*index));
        world.run_for(1_000);
        for index in others {
            assert!(world.devices[*index].mesh.lower() < 2, "{size} devices: {index} takes others for doorkeepers");
        }
    }
}

#[test]
fn visible_pages_keep_the_listing() {
    let keepers = |world: &World| -> Vec<usize> {
        (0..world.devices.len()).filter(|index| world.devices[*index].mesh.lower() < 2).collect()
    };
    for size in [2u8, 3, 5, 8] {
        let mut world = World::settled(size);
        let mut order: Vec<usize> = (0..size.into()).collect();
        order.sort_by_key(|index| world.devices[*index].me.cert_hash);
        // One after the other is hidden, those who keep the listing first, until nobody is visible.
        for hidden in 0..usize::from(size) {
            world.show(order[hidden], false);
            world.run_for(1_000);
            let mut expected = order[hidden + 1..].iter().copied().take(2).collect::<Vec<_>>();
            if expected.is_empty() {
                expected = order[..2].to_vec();
            }
            expected.sort_unstable();
            assert_eq!(keepers(&world), expected, "{size} devices, {hidden} and those before are hidden");
            for keeper in &expected {
                let other = expected.iter().find(|other| *other != keeper);
                let other = other.map(|other| world.devices[*other].me.cert_hash);
                assert_eq!(world.devices[*keeper].mesh.other_keeper(), other);
            }
        }
        world.show(order[usize::from(size) - 1], true);
        world.run_for(1_000);
        assert_eq!(keepers(&world), [order[usize::from(size) - 1]], "{size} devices");
    }
}

#[test]
fn a_large_crew_stays_connected_with_a_bounded_number_of_links() {
    for size in [12u8, 20, 32] {
        let world = World::settled(size);
        for index in 0..usize::from(size) {
            let links = world.peers(index).len();
            assert!((FEW..=MOST).contains(&links), "{size} devices: {index} has {links} links");
        }
        // Two keep the listing fresh, though not everybody is connected to them.
        let keepers = (0..usize::from(size)).filter(|index| world.devices[*index].mesh.lower() < 2);
        let keepers = keepers.count();
        println!("{size} devices: {keepers} keep the listing fresh");
        assert!((2..=3).contains(&keepers), "{size} devices: {keepers} keep the listing fresh");
        for origin in 0..usize::from(size) {
            let (reached, sent) = world.spread(origin);
            assert_eq!(reached.len(), usize::from(size), "{size} devices, news from {origin}");
            assert!(sent <= usize::from(size) * MOST);
        }
    }
}
