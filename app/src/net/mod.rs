//! The connections of a room: this browser's half of a crew.
//!
//! [`join`] enters a room. One tab of a browser holds its connections ([`leader`]: a Web Lock decides which), the
//! others show what that tab tells them. In the tab that holds them, [`room`] is one loop over one queue of
//! [`Event`](event::Event)s. All that is decided about connections and syncs is decided by the
//! [`Crew`](partyline_core::crew::Crew) in the middle, which has no IO; the loop tells it what happened and carries out
//! what it wants:
//!
//! ```text
//!   RTCPeerConnection ──┐                  ┌── phone book (list, look up)
//!   data channels ──────┤  Input   Effect  ├── dial, close
//!   phone book answers ─┼───────► Crew ────┤
//!   service worker ─────┤  queue           ├── data channel messages
//!   timer, visibility ──┘                  └── requests to our own service worker
//! ```
//!
//! Requests of our own pages to another device come over the service worker ([`proxy`]) and go out over its session.
//!
//! No task is looked into here. A peer's request is handed to our service worker, what that announces is passed on to
//! the peers, and both are opaque bytes.

mod by_hand;
mod certificate;
mod diagnostics;
mod event;
mod kept;
mod leader;
mod phone_book;
mod phone_book_v4;
mod proxy;
mod room;
mod serve;
mod slot;
mod status;

use std::rc::Rc;

use partyline_core::id::{RoomId, RoomSecret};
use partyline_core::key::DeviceKey;

pub(crate) use by_hand::{ANEW, HandWish, INVITE};
pub(crate) use certificate::{stun_servers, use_stun_servers};
pub(crate) use diagnostics::ask as diagnostics;
pub(crate) use phone_book::new_room;
pub(crate) use proxy::listen;
#[cfg(test)]
pub(crate) use status::PeerStatus;
pub(crate) use status::{Clocks, Link, PhoneBook, Progress, RoomStatus};

/// A place in a room's network. Dropping it leaves: the listing is withdrawn and the connections end.
#[derive(Debug)]
pub(crate) struct NetHandle {
    candidacy: leader::Candidacy,
}

impl NetHandle {
    /// Has the tab that holds the connections do something by hand. What comes of it shows in the status.
    pub(crate) fn wish(&self, wish: HandWish) {
        self.candidacy.wish(wish);
    }
}

/// Forgets what the page itself keeps of a room: its certificate, and whom to call again.
pub(crate) async fn forget(room: RoomId) {
    kept::forget(room).await;
}

/// Enters the network of a room and keeps `on_status` told of how it stands.
pub(crate) fn join(
    room: RoomId,
    secret: RoomSecret,
    key: DeviceKey,
    on_status: impl Fn(RoomStatus) + 'static,
) -> NetHandle {
    NetHandle { candidacy: leader::stand(room, secret, key, Rc::new(on_status)) }
}
