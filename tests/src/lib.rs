//! End to end: real browsers, a real workerd, and nothing of Partyline linked in.
//!
//! The suite sees Partyline the way a crew does: through the accessible names of the page, through what reaches the
//! server, and through what is still there after something died. So this crate depends on no other crate of the
//! workspace, and its parts are about the world around the app:
//!
//! * [`Lab`] is the machine room. It runs phone books ([`PhoneBook`], workerd under `wrangler dev`) and opens a
//!   [`Site`] for each test: a [`Proxy`] with a port, and thereby an origin and a storage, of its own. The proxy keeps
//!   every byte that browsers sent, so a test can say what the server never saw, and it can be cut.
//! * [`Browser`] is one Chromium or Firefox process with its own profile, driven over WebDriver. It can be killed and
//!   started again on the same profile. A [`Tab`] is one page in it, which finds controls by role and accessible name.
//! * [`RoomPage`] speaks the language of the app: make a room, add a task, wait until connected.
//! * [`Play`] is what a test gets: it lends browsers (processes are reused, origins are not), and when a test fails it
//!   says what every browser showed at that moment.
//! * A [`Programme`] holds the tests, and says which of those that were asked for are not run, and why.
//! * [`Network`] puts sites, NATs and bad weather between browsers, where there is root.
//! * A [`Picture`] is a QR code as the page draws it, to be read, or to be held before a camera.
//! * A [`Film`] is made of [`Still`]s: screens as they follow each other.
//! * [`eventually()`] is the only way to wait: a probe, a deadline, and the probe's last complaint when time is up.
//!
//! Nothing here sleeps for a fixed time to let something happen, and nothing asserts how fast something is: the
//! `bench` binary measures that.
//!
//! Every process that the lab starts belongs to a [`Group`], which dies with the lab, however the lab dies.

mod axe;
mod browser;
mod browser_setup;
mod color_scheme;
mod courier;
mod eventually;
mod film;
mod group;
mod http;
mod kills;
mod lab;
mod network;
mod phone_book;
mod picture;
mod play;
mod programme;
mod proxy;
mod room_page;
mod site;
mod soak;
mod tab;
mod tools;

pub use axe::{Violation, violations};
pub use browser::{Browser, BrowserKind};
pub use browser_setup::{BrowserSetup, Camera};
pub use color_scheme::ColorScheme;
pub(crate) use eventually::again_if_it_fails;
pub use eventually::eventually;
pub use film::{Film, Still};
pub use group::Group;
pub use http::{HttpAnswer, http_get};
pub use kills::{Kills, KillsReport};
pub use lab::Lab;
pub use network::{Access, Family, Host, Network, Place, Weather};
pub use phone_book::PhoneBook;
pub use picture::Picture;
pub use play::Play;
pub use programme::Programme;
pub use proxy::{Proxy, SeenRequest};
pub use room_page::{Details, RoomLink, RoomPage, TaskLine};
pub use site::Site;
pub use soak::{Soak, SoakReport};
pub use tab::Tab;
pub use tools::Tools;
