//! The connections of this device's rooms: this browser's half of each crew.
//!
//! A page has one [`Network`]. One tab of a browser holds the connections of all rooms ([`leader`]: a Web Lock decides
//! which), the others show what that tab tells them. In the tab that holds them, [`room`] is one loop for each over one queue of
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
mod local_network;
mod phone_book;
mod phone_book_v4;
mod proxy;
mod room;
mod serve;
mod slot;
mod status;
mod turns;
mod unable;

use std::rc::Rc;

use partyline_core::id::RoomId;

pub(crate) use by_hand::{ANEW, HandWish, INVITE};
pub(crate) use certificate::{stun_servers, use_stun_servers};
pub(crate) use diagnostics::ask as diagnostics;
pub(crate) use local_network::ask as ask_for_local_network;
pub(crate) use phone_book::new_room;
pub(crate) use proxy::listen;
pub(crate) use room::Membership;
#[cfg(test)]
pub(crate) use status::PeerStatus;
pub(crate) use status::{Clocks, Link, PhoneBook, Progress, RoomStatus};

/// A page's part in the networks of all rooms of this device. Dropping it leaves: listings are withdrawn and connections
/// end, unless another tab holds them.
#[derive(Debug)]
pub(crate) struct Network {
    candidacy: leader::Candidacy,
}

impl Network {
    /// Of no room yet. `on_status` is told how each stands.
    pub(crate) fn new(on_status: impl Fn(RoomId, RoomStatus) + 'static) -> Self {
        Self { candidacy: leader::stand(Rc::new(on_status)) }
    }

    /// This device is a member of this room; or goes on in it under another key.
    pub(crate) fn enter(&self, membership: Membership) {
        self.candidacy.enter(membership);
    }

    /// Whether it is, as far as it was told.
    pub(crate) fn has(&self, room: RoomId) -> bool {
        self.candidacy.has(room)
    }

    /// It is one of these rooms only.
    pub(crate) fn keep_only(&self, is_kept: impl Fn(RoomId) -> bool) {
        self.candidacy.keep_only(is_kept);
    }

    /// The page shows this room, or none. The others are held in the background.
    pub(crate) fn show(&self, room: Option<RoomId>) {
        self.candidacy.show(room);
    }

    /// Has the tab that holds the connections do something by hand. What comes of it shows in the status.
    pub(crate) fn wish(&self, room: RoomId, wish: HandWish) {
        self.candidacy.wish(room, wish);
    }
}

/// Forgets what the page itself keeps of a room: its certificate, and whom to call again.
pub(crate) async fn forget(room: RoomId) {
    kept::forget(room).await;
}
