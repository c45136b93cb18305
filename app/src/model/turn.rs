/// Reading on behalf of announcements, or adding what a person typed: one turn at a time, and one more pass for all that
/// comes during one.
///
/// A page that was frozen, hidden or asleep may have missed announcements, and a request that was under way then may
/// never be answered. So on its return it begins a turn of its own, and whatever the turn before still does is over.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The number of the turn under way.
    busy: Option<u64>,
    /// How many were begun.
    begun: u64,
    /// Another announcement came meanwhile.
    again: bool,
}

impl Turn {
    /// An announcement came. Returns the turn to begin, if none is under way.
    pub(super) fn announced(&mut self) -> Option<u64> {
        if self.busy.is_some() {
            self.again = true;
            return None;
        }
        Some(self.begin())
    }

    /// Begins a turn in place of the one that may be under way.
    pub(super) fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.busy = Some(self.begun);
        self.again = false;
        self.begun
    }

    /// Whether no other turn was begun in place of this one.
    pub(super) fn is_under_way(&self, turn: u64) -> bool {
        self.busy == Some(turn)
    }

    /// A turn has read. Returns whether it is to read once more.
    pub(super) fn has_read(&mut self, turn: u64) -> bool {
        if !self.is_under_way(turn) {
            return false;
        }
        let again = std::mem::replace(&mut self.again, false);
        self.busy = self.busy.filter(|_| again);
        again
    }
}
