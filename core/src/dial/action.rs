use super::SlotId;
use crate::id::{Address, Endpoint};

/// What the [`Dialler`](super::Dialler) wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a connection with our credentials set locally and tell [`handle_spare_ready`] its endpoints.
    ///
    /// [`handle_spare_ready`]: super::Dialler::handle_spare_ready
    MakeSpare(SlotId),
    /// Close this connection and forget it. No `handle_closed` is expected for it.
    Drop(SlotId),
    /// Dial: set the remote description that follows from the address.
    Dial {
        /// The spare to dial with.
        slot: SlotId,
        /// Whom.
        address: Address,
    },
    /// The device being dialled has moved: let this dial try its new endpoints too. Its credentials are the same.
    AddEndpoints {
        /// The connection that dials.
        slot: SlotId,
        /// Where the device is now.
        address: Address,
    },
    /// List these endpoints in the phone book and tell [`handle_registered`]; an empty list withdraws the listing.
    ///
    /// [`handle_registered`]: super::Dialler::handle_registered
    Register(Vec<Endpoint>),
    /// Ask the phone book for the other addresses and tell [`handle_peers`].
    ///
    /// [`handle_peers`]: super::Dialler::handle_peers
    Poll,
    /// Somebody knocked whom we cannot tell from a peer that we believe connected: check now that every peer still answers.
    ProbePeers,
}
