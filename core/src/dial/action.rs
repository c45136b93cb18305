use super::{Side, SlotId};
use crate::id::{CertHash, Endpoint};

/// What the [`Dialler`](super::Dialler) wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a connection with our credentials set locally and tell [`handle_spare_ready`] its endpoints.
    ///
    /// [`handle_spare_ready`]: super::Dialler::handle_spare_ready
    MakeSpare(SlotId),
    /// Close this connection and forget it. No `handle_closed` is expected for it.
    Drop(SlotId),
    /// Dial from the spare: set the remote description of this peer.
    Dial {
        /// The spare to dial with.
        slot: SlotId,
        /// Certificate hash of the peer, from which its credentials follow.
        peer: CertHash,
        /// Where to try, best first: at most [`Dialler::MAX_CANDIDATES`](super::Dialler::MAX_CANDIDATES). None to wait for the
        /// peer to dial us.
        candidates: Vec<Endpoint>,
    },
    /// The device being dialled has moved: let this dial try its new endpoints too. Its credentials are the same.
    AddEndpoints {
        /// The connection that dials.
        slot: SlotId,
        /// Where to try as well.
        candidates: Vec<Endpoint>,
    },
    /// Make a connection that asks for a sign of life: it dials at once, is listed nowhere and has our credentials.
    /// [`handle_reached`] follows if the peer answers a connectivity check.
    ///
    /// [`handle_reached`]: super::Dialler::handle_reached
    Probe {
        /// The connection to make.
        slot: SlotId,
        /// Certificate hash of the peer, from which its credentials follow.
        peer: CertHash,
        /// Where to try, best first: at most [`Dialler::MAX_PROBED`](super::Dialler::MAX_PROBED).
        candidates: Vec<Endpoint>,
        /// Which side of ICE it takes.
        side: Side,
    },
    /// List these endpoints in the phone book and tell [`handle_registered`]; an empty list withdraws the listing.
    ///
    /// [`handle_registered`]: super::Dialler::handle_registered
    Register(Vec<Endpoint>),
    /// Ask the phone book for all addresses, this device's own among them, and tell [`handle_peers`].
    ///
    /// [`handle_peers`]: super::Dialler::handle_peers
    Poll,
    /// Somebody knocked whom we cannot tell from a peer that we believe connected: check now that every peer still answers.
    ProbePeers,
}
