/// How urgent a task is: from 0 (none given) to 3 (most urgent).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u8);

impl Priority {
    /// The most urgent.
    pub const HIGHEST: Self = Self(3);

    /// A priority from its number; `None` above 3.
    pub fn new(level: u8) -> Option<Self> {
        (level <= Self::HIGHEST.0).then_some(Self(level))
    }

    /// The number, 0 to 3.
    pub fn get(self) -> u8 {
        self.0
    }
}
