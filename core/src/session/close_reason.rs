/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// Nothing came from the peer for too long.
    #[error("The other device does not answer any more")]
    TimedOut,
    /// The peer closed the session.
    #[error("The other device closed the connection")]
    ByPeer,
    /// The peer has more connections than it needs, and reaches this side through others.
    #[error("The other device has enough connections")]
    Parted,
    /// The peer knows another secret, or none, or somebody stands in the middle.
    #[error("The other device does not have the secret of this room")]
    WrongSecret,
    /// The peer holds this device's own private key: the browser profile was copied, and both copies run.
    #[error("This profile is in use twice")]
    SameDevice,
    /// The peer met somebody else with this device's key, or its certificate, since this session
    /// began: the browser profile was copied, and both copies run. (The peer may also lie.)
    #[error("This profile is in use twice")]
    Replaced,
    /// The peer speaks a newer version of the format than this one.
    #[error("The other device runs a newer Partyline; update this one")]
    NewerVersion,
    /// The peer broke the protocol; [`SessionError`](super::SessionError) says how.
    #[error("The other device sent something that makes no sense")]
    Protocol,
    /// This side closed the session.
    #[error("The connection was closed here")]
    Local,
}
