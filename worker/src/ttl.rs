/// How long a listing lasts: 120 s, or less where a test sets the variable `LISTING_TTL_S`. Never
/// more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    seconds: u64,
}

impl Ttl {
    /// How long a listing lasts.
    pub const MAX: Self = Self { seconds: 120 };

    /// Reads the variable: a whole number of seconds, at least 1. It shortens the time to live;
    /// anything else leaves it at [`MAX`](Self::MAX).
    pub fn from_variable(text: Option<&str>) -> Self {
        match text.and_then(|text| text.parse().ok()) {
            Some(seconds @ 1..120) => Self { seconds },
            _ => Self::MAX,
        }
    }

    /// In seconds.
    pub fn seconds(self) -> u64 {
        self.seconds
    }

    /// In milliseconds.
    pub fn millis(self) -> u64 {
        self.seconds * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_shortens_it_and_never_lengthens_it() {
        for (variable, seconds) in [
            (None, 120),
            (Some("2"), 2),
            (Some("119"), 119),
            (Some("120"), 120),
            (Some("121"), 120),
            (Some("86400"), 120),
            (Some("0"), 120),
            (Some("-5"), 120),
            (Some("for ever"), 120),
        ] {
            assert_eq!(Ttl::from_variable(variable).seconds(), seconds, "{variable:?}");
        }
    }
}
