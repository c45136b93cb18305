use partyline_core::id::{AddressError, ParseCertHashError, ParseEndpointError, ParseIdError};

use crate::Route;
use crate::limits::{MAX_BODY_BYTES, MAX_LISTINGS, MAX_LISTINGS_PER_NETWORK};

/// Why a request got no answer. Its `Display` is the one line that the caller is told; nothing that
/// the caller sent is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No route has this path.
    #[error("not found")]
    NotFound,
    /// The path has a route, but not for this method.
    #[error("this method is not allowed here")]
    MethodNotAllowed(Route),
    /// A query where none, or another one, belongs.
    #[error("the query must be exactly {expected}")]
    Query {
        /// What belongs there.
        expected: &'static str,
    },
    /// A body that is too large, by its own account or in fact.
    #[error("the body is larger than {} bytes", MAX_BODY_BYTES)]
    BodyTooLarge,
    /// The body broke off.
    #[error("the body could not be read")]
    BodyUnreadable,
    /// A page of another origin wants to register.
    #[error("a page of another origin may not register")]
    ForeignPage,
    /// The content type is another one, or there is none.
    #[error("the content type must be application/json")]
    NotJsonType,
    /// The body is not JSON at all.
    #[error("the body is not JSON")]
    NotJson,
    /// The body is JSON, but of another shape.
    #[error(
        "the body must be an object of exactly roomId (string), endpoints (array of strings) and certHash (string)"
    )]
    NotRegistration,
    /// `roomId` is no room's id.
    #[error("roomId: {0}")]
    RoomId(#[from] ParseIdError),
    /// `certHash` is no certificate's hash.
    #[error("certHash: {0}")]
    CertHash(#[from] ParseCertHashError),
    /// One of `endpoints` is no endpoint.
    #[error("endpoints: {0}")]
    Endpoint(#[from] ParseEndpointError),
    /// There are too many `endpoints`.
    #[error("endpoints: {0}")]
    Address(#[from] AddressError),
    /// The room has as many listings as it may have.
    #[error("the room has {} listings already", MAX_LISTINGS)]
    RoomFull {
        /// Seconds until a place is free, if nobody takes it.
        retry_after_s: u64,
    },
    /// The caller's [`Network`](crate::Network) has as many listings in the room as it may have.
    #[error("your address has {} listings in this room already", MAX_LISTINGS_PER_NETWORK)]
    IpFull {
        /// Seconds until a place is free, if nobody takes it.
        retry_after_s: u64,
    },
    /// The caller's [`Network`](crate::Network) makes more requests than it may.
    #[error("too many requests from your address")]
    TooManyRequests {
        /// Seconds until the next one may be taken.
        retry_after_s: u64,
    },
    /// The platform did not say where the request came from, and nobody else may.
    #[error("the caller's IP address is unknown here")]
    CallerUnknown,
    /// The room's object did not answer.
    #[error("the phone book cannot answer at the moment")]
    Unavailable,
}

impl Refusal {
    /// Seconds after which it is worth the while to ask again.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::RoomFull { retry_after_s }
            | Self::IpFull { retry_after_s }
            | Self::TooManyRequests { retry_after_s } => Some(*retry_after_s),
            _ => None,
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::ForeignPage => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::NotJsonType => 415,
            Self::RoomFull { .. } | Self::IpFull { .. } | Self::TooManyRequests { .. } => 429,
            Self::CallerUnknown => 500,
            Self::Unavailable => 503,
            Self::Query { .. }
            | Self::BodyTooLarge
            | Self::BodyUnreadable
            | Self::NotJson
            | Self::NotRegistration
            | Self::RoomId(_)
            | Self::CertHash(_)
            | Self::Endpoint(_)
            | Self::Address(_) => 400,
        }
    }
}
