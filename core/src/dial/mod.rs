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
//! # Who is there
//!
//! Whoever knows a room's id can list what he likes, so a listing is a hint. The spare is too dear to be spent on hints: while
//! it waits, *probes* ask all listings at once. A probe is a connection of its own that is listed nowhere and dials under
//! the same derived credentials. Whoever answers its connectivity check has the room's secret, for that is what the ICE
//! password follows from; the spare then dials one that has answered. A probe that offers answers DTLS and never
//! begins it. Should two connections of a pair open all the same, both ends keep the same one ([`SlotId::outlasts`]).
//!
//! Both sides of a dial offer, so both control ICE and one has to give in. Firefox gives in when a check of the other side
//! arrives, never for being told (RFC 8445, section 7.2.5.1), so that every second of its probes is not answered. So somebody
//! who seems to be dialling us is probed on both sides ([`Side`]): towards one that answers nobody has to give in, and if it
//! is us that the peer dials, it opens. If it is answered and does not open, the peer dials somebody else. A Firefox then lists
//! itself anew and has its spare wait for that peer instead of dialling a connection that is taken. Somebody who waits is
//! probed on both sides by a Firefox, too: in Chromium one that answers is a knock at least. Where few are listed, a Firefox
//! gives those that it found there more time to answer, and asks those that do not several times: whether they can is left to
//! chance, and a blind dial of one that is gone takes seconds.
//!
//! - All listings of one certificate hash are one device. They are probed side by side, and a dial takes the candidates of
//!   those that have answered, then a share of each of the others.
//! - A member takes a certificate whose hash vouches for it
//!   ([`MeetingKey::vouches_for`](crate::key::MeetingKey::vouches_for)). Nobody else can tell such hashes from others, so
//!   whoever is not vouched for comes after those who are, and is dialled only once a probe of it is answered.
//! - A NAT that lets in only whom it has sent to answers no probe. Those behind one are dialled *blindly*, and only if nobody
//!   has answered. Such a dial is a *call*: it begins with a new listing, for nothing else shows it to the other side. Whoever
//!   sees a silent device listed anew answers with a blind dial of its own, and with a call if that comes to nothing. A page
//!   that is hidden keeps a call up for as long as ICE tries, and looks once more meanwhile: the other one may be hidden too,
//!   and look as rarely. Calls that miss, and answers, become rarer and rarer; where many of the listed have never answered
//!   there are hardly any.
//! - Probes are bounded: 64 at once and 64 saved up, half of both for those that are vouched for, and anew for a knock,
//!   which only a member can bring about.
//!
//! # Being led astray
//!
//! All of a device's connections have the same ICE credentials, since those follow from its certificate. So a connection
//! that is taken, or dials somebody else, answers whoever dials it too late: ICE finds a way, and DTLS never does. Such a
//! dial is spent. It ends when the other side's listing changes, or when DTLS takes too long, and then chance decides who
//! of the two waits to be dialled: two that both dial again at once can lead each other astray for ever.
//!
//! Where a browser's profile was copied, two devices have one certificate. Each takes the other's listing for its own, and
//! whoever is connected to one answers the other's dials and takes it for that. A device that sees signs of it again and again
//! while it is alone ([`Dialler::has_double`]) has to take another certificate.
//!
//! # Who asks the phone book
//!
//! A device with no peer: each second when it has just come, and ever less as it waits. In a connected crew only the
//! *doorkeepers*: those before whom fewer than two members stand, among their peers and those that these are connected to
//! ([`Dialler::handle_keepers`]). Who stands before whom is for the [`mesh`](crate::mesh) to say: visible pages before hidden
//! ones, then lower certificate hashes before higher ones. That needs no election message, and when a doorkeeper leaves, the
//! next one finds itself to be one. All others withdraw their listing and make no request at all.
//!
//! The two doorkeepers take turns, counted from when the connection between them opened, which both know. A listing is
//! renewed in place of a look. The phone book keeps nothing but in memory, so everybody asks for its own listing as well,
//! and makes it again where it is missing. A phone book that refuses a look and asks to be left alone for a while is left
//! alone, whatever else happens, unless the network has changed: then the device has another address, of which that was not
//! said. One that refuses a registration may have no place: that puts off registrations and nothing else.

mod action;
mod book;
mod config;
mod dialler;
mod found;
mod jitter;
mod listed;
mod probes;
mod side;
mod slot;

pub use action::Action;
pub use book::{BookState, Unanswered};
pub use config::DiallerConfig;
pub use dialler::{Activity, Dialler};
pub use found::Found;
pub(crate) use jitter::Jitter;
pub use side::Side;
pub use slot::{SlotId, Way};
