//! What a browser needs to be dialled: ICE credentials and session descriptions.
//!
//! Two browsers connect with no signalling: neither an offer nor an answer travels between them. Each makes an offer, puts
//! credentials into it that every member of the room can compute, and then sets as its remote description an *answer that
//! it wrote itself* from the other's [`Address`](crate::id::Address). This module has the parts of that which are no IO:
//!
//! - [`IceCredentials::derive`]: the credentials of any member, from the room's meeting key and the member's certificate;
//! - [`sdp::LocalDescription`]: what there is to know from the browser's own offer, to be listed in a phone book;
//! - [`sdp::with_credentials`]: the offer with the derived credentials in place of the browser's;
//! - [`sdp::dial_candidates`], [`sdp::setup_of_remote`] and [`sdp::RemoteAnswer`]: the answer that the dialler writes;
//! - [`Contact`]: all that is needed to dial one connection, when it does not follow from an address.
//!
//! It knows the few lines of SDP (RFC 8866, RFC 8839, RFC 8122, RFC 8841) that a connection with one data channel needs,
//! and nothing of the rest.

mod contact;
mod ice_credentials;
pub mod sdp;
mod stun;

pub use contact::{Contact, UnpackContactError};
pub use ice_credentials::{IceCredentials, InvalidIceCredentials};
pub use stun::{ParseStunError, parse_stun_servers};
