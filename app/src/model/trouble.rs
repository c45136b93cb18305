//! What is wrong with a room, in words: what it is, and what to do.

use leptos::prelude::With;
use partyline_core::crew::{Obstacle, SyncTrouble};
use partyline_core::id::DeviceId;

use super::connection::clock_texts;
use super::room::Room;
use crate::net::RoomStatus;
use crate::text;

/// All that is wrong, the worst first; empty if nothing is.
pub(crate) fn troubles(room: Room) -> Vec<String> {
    let name = |device: &DeviceId| text::device_name(room.device_name(&device.to_string()));
    room.status.with(|status| {
        let obstacle = status.obstacle.map(obstacle_text);
        let outdated = status.outdated.then_some(text::OUTDATED);
        let damaged = room.is_damaged().then_some(text::DAMAGED);
        let fixed = [obstacle, outdated, damaged].into_iter().flatten().map(str::to_owned);
        fixed.chain(sync_texts(status, name)).chain(clock_texts(&status.clocks, room.clock(), name)).collect()
    })
}

/// What keeps this device from being connected, and what to do.
pub(crate) fn obstacle_text(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::NoConnections => text::NO_CONNECTIONS,
        Obstacle::NoAddress => text::NO_ADDRESS,
        Obstacle::NotListed => text::NOT_LISTED,
        Obstacle::OutOfReach => text::OUT_OF_REACH,
        Obstacle::LocalNetworkGuarded => text::LOCAL_NETWORK_GUARDED,
        Obstacle::LocalNetworkRefused => text::LOCAL_NETWORK_REFUSED,
    }
}

/// Why changes of others do not get here. What is wrong with this device is said once, whoever its peers are.
fn sync_texts(status: &RoomStatus, name: impl Fn(&DeviceId) -> String) -> Vec<String> {
    let mut texts = Vec::new();
    for (device, trouble) in &status.sync_troubles {
        let text = match trouble {
            SyncTrouble::NoSpace => text::NO_SPACE.to_owned(),
            SyncTrouble::NotKept => text::NOT_KEPT.to_owned(),
            SyncTrouble::NotUnderstood => text::not_understood(&name(device)),
            SyncTrouble::Refused => text::sync_refused(&name(device)),
        };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Link;

    #[test]
    fn what_is_wrong_with_this_device_is_said_once() {
        let device = |n: u8| DeviceId::from_bytes([n; 16]);
        let sync_troubles = vec![
            (device(1), SyncTrouble::NoSpace),
            (device(2), SyncTrouble::NoSpace),
            (device(3), SyncTrouble::Refused),
            (device(4), SyncTrouble::Refused),
        ];
        let status = RoomStatus { sync_troubles, ..RoomStatus::new(Link::Connected) };
        let texts = sync_texts(&status, |device| device.to_string());
        assert_eq!(texts[0], text::NO_SPACE);
        assert!(texts[1].contains(&device(3).to_string()) && texts[2].contains(&device(4).to_string()), "{texts:?}");
        assert_eq!(texts.len(), 3);
    }
}
