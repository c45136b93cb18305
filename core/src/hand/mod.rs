//! Connecting by hand: two people carry two codes from one screen to the other, and no service is asked.
//!
//! The one device shows an [`Invitation`]: the room's link, and how to dial a connection that was made for it. The other
//! device reads it (as a link, a pasted text or a QR code), becomes a member, makes a connection of its own and shows its
//! [`Reply`]. Once the first device has read that, both know each other's credentials, as after an
//! [introduction](crate::mesh), with people in the place of the common peer. They are those that the browser made, so it
//! works in every browser.
//!
//! Who may join is decided as ever by the [session](crate::session): a code that somebody else reads or changes on its way
//! gives nobody more than the room link in it does.
//!
//! # Nobody is rushed
//!
//! ICE gives up after half a minute without an answer, and people take longer. So the device that replied waits *armed*,
//! as for a [redial](crate::redial): it knows the other's credentials and takes every check that comes in, and only the
//! device that invited, which acts last, starts. Every few seconds it tries the other's endpoints all the same
//! ([`HandAction::Try`]), so that a NAT or a firewall on its side lets the other's checks in; that it then finds nobody, or
//! finds the other too early, is no end of it ([`Hand::is_patient`]).
//!
//! # How long a code is
//!
//! As a link it fits a QR code of version 10 ([`QR_CHARS`]), for which endpoints are left out from the worst on.
//!
//! [`Hand`] is the policy, sans-IO, as in [`dial`](crate::dial) and [`mesh`](crate::mesh).

mod code;
mod machine;

pub use code::{Code, Invitation, ParseCodeError, QR_CHARS, Reply, best_first};
pub use machine::{Hand, HandAction, HandStep, PATIENCE};
