use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::app::App;
use super::connection::has_text;
use super::room::{Membership, Room};
use crate::api;
use crate::net::{self, Link, RoomStatus};

/// A loss that is made good within this time is not told: it would only be noise.
const SETTLE: Duration = Duration::from_millis(700);

/// How often the connected devices are asked what they have, while somebody looks.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Keeps this page in the room's network for as long as the room is on show.
pub(crate) fn connect(app: App, room: Room) {
    let latest = StoredValue::new(0_u64);
    Effect::new(Box::new(move || {
        let Some(Membership { secret, key, .. }) = room.membership.get() else { return };
        let network = net::join(room.id, secret, key, move |status| settle(room, latest, status));
        app.set_network(Some((room.id, network)));
    }) as Box<dyn FnMut()>);
    on_cleanup(move || app.set_network(None));
}

/// Shows a state of the connections: good news at once, a loss only when it lasts.
fn settle(room: Room, latest: StoredValue<u64>, status: RoomStatus) {
    // `None`: the room is no longer on show, and a late word about it has nowhere to go.
    let Some(number) = latest.try_update_value(|latest| {
        *latest += 1;
        *latest
    }) else {
        return;
    };
    // Who was there until now, and below who is.
    room.note_seen();
    let is_loss = room.status.with_untracked(|shown| shown.peers.len() > status.peers.len());
    if !is_loss {
        room.status.set(status);
        room.note_seen();
        room.note_mended();
        return;
    }
    let later = move || {
        if latest.try_get_value() == Some(number) {
            room.status.set(status);
        }
    };
    set_timeout(later, SETTLE);
}

/// The connection in one word, for the page's styles.
pub(crate) fn link_word(status: &RoomStatus) -> &'static str {
    match status.link {
        Link::Connected => "connected",
        Link::Connecting => "connecting",
        Link::Alone => "alone",
        Link::Offline => "offline",
    }
}

/// The STUN servers in use, as text.
pub(crate) fn stun_servers() -> String {
    net::stun_servers()
}

/// Has this browser use these STUN servers from the next connection on; `false` if the text is no list of them.
pub(crate) fn use_stun_servers(servers: &str) -> bool {
    net::use_stun_servers(servers).is_ok()
}

/// What each connected device has in words, by device id, asked of the devices themselves until the owner is cleaned up.
pub(crate) fn follow_holdings(room: Room) -> RwSignal<Vec<(String, String)>> {
    let holdings = RwSignal::new(Vec::new());
    let look = move || {
        let peers =
            room.status.with_untracked(|status| status.peers.iter().map(|peer| peer.device).collect::<Vec<_>>());
        spawn_local(async move {
            let mut known = Vec::new();
            for device in peers {
                if let Some(own) = api::vector(room.id, None).await
                    && let Some(theirs) = api::vector(room.id, Some(device)).await
                {
                    known.push((device.to_string(), has_text(&own, &theirs)));
                }
            }
            // `None`: whoever looked is gone meanwhile.
            if holdings.try_with_untracked(|before| *before != known) == Some(true) {
                holdings.set(known);
            }
        });
    };
    Effect::new(Box::new(move || {
        room.status.track();
        look();
    }) as Box<dyn FnMut()>);
    if let Ok(timer) = set_interval_with_handle(look, LOOK_AGAIN) {
        on_cleanup(move || timer.clear());
    }
    holdings
}
