//! Whom to dial, and when.
//!
//! A [`Dialler`] holds the policy of one room on one device: when to list itself in the phone book and when to look
//! into it, which of the listed devices to dial, how long to wait for an answer, and what to do when a connection ends.
//! It is sans-IO: `handle_*` methods take what happened and the time, [`Dialler::poll_action`] gives what is to be done,
//! [`Dialler::poll_timeout`] says when to call [`Dialler::handle_timeout`]. The browser side of it owns the
//! `RTCPeerConnection`s, which this module knows as [`SlotId`]s.
//!
//! # How two devices meet
//!
//! There is no signalling, so a connection comes about only when *both* sides dial each other within the same few
//! seconds, each with the one waiting connection (its *spare*) whose endpoints stand in the phone book. Two rules make
//! that happen:
//!
//! - **Everybody ranks pairs alike.** The score of a pair is the XOR of the two certificate hashes, which is the same
//!   seen from either end. Each device dials the listed device with the lowest score. The pair with the lowest score of
//!   all therefore always chooses each other, whoever else is about; once it is connected, the next pair is. Those that
//!   were listed before we looked, and may be gone, come after those that came since; those that did not answer come
//!   after both, most of the time.
//! - **A caller stays listed while it dials**, with the very endpoints that it dials from, so the other side can look
//!   it up. A knock ([`Dialler::handle_knock`]) makes the other side look at once; otherwise its next poll does.
//!
//! # Being led astray
//!
//! All of a device's connections have the same ICE credentials, since those follow from its certificate. So a connection
//! that is taken, or dials somebody else, answers whoever dials it too late: ICE finds a way, and DTLS never does. Such a
//! dial is spent. It ends when the other side's listing changes, or when DTLS takes too long, and then chance decides who
//! of the two waits to be dialled: two that both dial again at once can lead each other astray for ever.
//!
//! # Who asks the phone book
//!
//! A device with no peer. In a connected crew only the *doorkeepers*: those who see fewer than two members with a lower
//! certificate hash than their own, among their peers and those that these are connected to
//! ([`Dialler::handle_lower`]). Members whose browser refuses changed credentials do not count: nobody could call them. That needs no election message, and when a doorkeeper leaves, the next lowest finds
//! itself to be one. All others withdraw their listing and make no request at all.

mod action;
mod dialler;
mod jitter;
mod slot;

pub use action::Action;
pub use dialler::{Activity, BookState, Dialler, DiallerConfig};
pub(crate) use jitter::Jitter;
pub use slot::{SlotId, Way};
