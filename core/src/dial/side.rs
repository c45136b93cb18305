/// A side of ICE (RFC 8839): both of a dial offer, a probe may do either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It controls ICE. A probe on this side answers DTLS and never begins it.
    Offering,
    /// It is controlled, and nobody has to give in. In DTLS it does what the certificate hashes say, so that it opens if
    /// the peer is dialling us.
    Answering,
}
