//! The page: the user interface, and the connections to other devices.
//!
//! The page holds no data of its own. Every read and write is a request to the service worker ([`api`]), which answers
//! from this device's storage; what it announces on the broadcast channel is read again and shown. So all tabs show the
//! same, and a page can go away at any moment without losing anything that was shown as saved.
//!
//! ```text
//!   ui ──────► model ──────► api ──► service worker ──► IndexedDB
//!    ▲           ▲                        │
//!    │ signals   └── "changed", "rooms" ──┘ (BroadcastChannel)
//!    └─ status ── net ◄──► other devices
//! ```
//!
//! - [`shell`] registers the service worker and waits until it answers; without it nothing else starts.
//! - [`model`] knows the rooms and tasks, and does what the person asks for. Its pure parts are tested natively.
//! - [`ui`] is the markup. The accessible names in it are an interface: tests and assistive technology rely on them.
//! - [`net`] finds the other devices of the rooms of this device and talks to them.
//! - [`platform`] is what the rest needs of the browser; [`text`] has the words, [`day`] the calendar.
//!
//! Each of these imports only what stands below it, and nobody imports the markup:
//! `ui → model → net → api → platform`, where `ui` reaches neither `net` nor `api` itself. A native test holds that
//! (`worker/tests/layers.rs`).

mod api;
mod day;
mod model;
mod net;
mod platform;
mod shell;
mod text;
mod ui;

// Not called from here: the page's wasm is the service worker's too, see `static/sw.js`.
use partyline_sw as _;

fn main() {
    if platform::is_page() {
        ui::mount();
    }
}
