/// Why one stream was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResetCode(pub u32);

impl ResetCode {
    /// Whoever wanted it does not want it any more.
    pub const CANCELLED: Self = Self(0);
    /// Not answered on purpose.
    pub const REFUSED: Self = Self(1);
    /// Too many bytes of bodies underway at once.
    pub const TOO_LARGE: Self = Self(2);
    /// An answer was begun and cannot be finished.
    pub const FAILED: Self = Self(3);
}
