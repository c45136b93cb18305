//! Two that were connected connect again, without the phone book.
//!
//! While two members are connected, each keeps a second connection ready for the other: a *standby*, which has its
//! endpoints and knows the other's credentials, and waits. Each tells the other its standby's [`Contact`], and both keep
//! what they were told ([`RedialAction::Keep`]). When their connection ends, whether the network failed, a page was loaded
//! again or a phone slept, whoever is there again dials the other's standby: it has all that is needed, and nothing has to
//! be asked of anybody.
//!
//! The credentials of a pair follow from the room's meeting key and both certificates
//! ([`IceCredentials::derive_for`](crate::connect::IceCredentials::derive_for)), so a page that was loaded again, and has
//! lost its connections with everything in them, is still the one that the other side's standby waits for. It calls with a
//! new connection.
//!
//! Where both pages live, both call, each from its standby: the two know each other's endpoints, so this gets through the
//! NATs that the first connection got through, and it can be tried again and again, because nothing of it is used up by
//! a failure. It needs no derived credentials either: a browser that refuses those ([`Redial::handle_refusal`]) redials for
//! as long as its page lives.
//!
//! A new connection has a port that nobody knows. So a page that was loaded again is back at once if the other's standby
//! can be reached without having sent anything first: in the same network, over IPv6, or through a NAT that lets it pass.
//!
//! [`Redial`] is the policy, sans-IO: `handle_*` methods take what happened and the time, [`Redial::poll_action`] gives what
//! is to be done, [`Redial::poll_timeout`] says when to call [`Redial::handle_timeout`].
//!
//! A page may be loaded again before it was told what there is in the place of the standby that it called last. So each
//! keeps [two of them](AHEAD) for every peer, and whoever calls one keeps, before anything comes of it, that the other is
//! next.
//!
//! The contacts travel as a request between the two pages: `POST /peer/v1/rooms/{room}/standby`, answered with
//! `204` or, for what cannot be read, `400`.
//!
//! [`Contact`]: crate::connect::Contact

mod kept;
mod machine;

pub use kept::{decode_kept, decode_told, encode_kept, encode_told};
pub use machine::{AHEAD, MOST, Redial, RedialAction};
