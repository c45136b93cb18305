/// How far a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Not begun.
    #[default]
    Open,
    /// Somebody is at it.
    Doing,
    /// Waits for something.
    Blocked,
    /// Finished.
    Done,
    /// Somebody else is to look at it.
    #[cfg(feature = "next")]
    Review,
}

impl Status {
    pub(crate) fn to_code(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Doing => 1,
            Self::Blocked => 2,
            Self::Done => 3,
            #[cfg(feature = "next")]
            Self::Review => 250,
        }
    }

    pub(crate) fn from_code(code: u64) -> Option<Self> {
        match code {
            0 => Some(Self::Open),
            1 => Some(Self::Doing),
            2 => Some(Self::Blocked),
            3 => Some(Self::Done),
            #[cfg(feature = "next")]
            250 => Some(Self::Review),
            _ => None,
        }
    }
}
