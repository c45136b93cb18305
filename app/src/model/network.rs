use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::id::RoomId;

use super::app::App;
use super::connection::has_text;
use super::room::{Loading, Room};
use crate::api;
use crate::net::{self, Link, Network, RoomStatus};

/// A loss that is made good within this time is not told: it would only be noise.
const SETTLE: Duration = Duration::from_millis(700);

/// How often the connected devices are asked what they have, while somebody looks.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Keeps this device in the networks of all its rooms: that of the room on show first, the others once that is loaded.
pub(crate) fn connect(app: App) {
    app.set_network(Network::new(move |room, status| {
        if let Some(room) = app.opened(room) {
            settle(room, status);
        }
    }));
    Effect::new(Box::new(move || app.show_network(app.room().map(|room| room.id))) as Box<dyn FnMut()>);
    Effect::new(Box::new(move || {
        if let Some(membership) = app.room().and_then(|room| room.membership.get()) {
            app.enter_network(membership);
        }
    }) as Box<dyn FnMut()>);
    Effect::new(Box::new(move || {
        let rooms: Option<Vec<RoomId>> = app
            .rooms
            .with(|rooms| Some(rooms.as_ref()?.iter().filter_map(|room| RoomId::parse(&room.id).ok()).collect()));
        let is_loading = app.room().is_some_and(|room| room.loading.with(|loading| *loading == Loading::Pending));
        if let Some(rooms) = rooms {
            app.keep_networks(&rooms);
            if !is_loading {
                spawn_local(enter(app, rooms));
            }
        }
    }) as Box<dyn FnMut()>);
}

/// Enters the networks of these rooms, but for those that are entered already, and counts what is new in them.
async fn enter(app: App, rooms: Vec<RoomId>) {
    for room in rooms.into_iter().filter(|room| !app.is_in_network(*room)) {
        app.enter_network_of(room).await;
        app.news.count(room);
    }
}

/// Shows a state of the connections: good news at once, a loss only when it lasts.
fn settle(room: Room, status: RoomStatus) {
    // `None`: the room is gone, and a late word about it has nowhere to go.
    let Some(number) = room.count_told() else {
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
        if room.is_told_last(number) {
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

/// Has the browser ask whether this page may find devices in its own network.
pub(crate) fn ask_for_local_network() {
    net::ask_for_local_network();
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
