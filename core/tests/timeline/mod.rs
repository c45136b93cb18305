//! Virtual time for tests that play several devices: what is on its way to whom, and what happens next.

use std::collections::BTreeMap;

/// A clock in milliseconds, and all deliveries that are under way.
pub(crate) struct Timeline<D> {
    pub(crate) now: u64,
    /// By when it arrives; of two that arrive at once, the one sent first comes first.
    queue: BTreeMap<(u64, u64), (usize, D)>,
    sent: u64,
}

/// What happens next, and to which device.
pub(crate) enum Next<D> {
    /// Something arrives.
    Delivery(usize, D),
    /// A deadline has come.
    Deadline(usize),
}

impl<D> Default for Timeline<D> {
    fn default() -> Self {
        Self { now: 0, queue: BTreeMap::new(), sent: 0 }
    }
}

impl<D> Timeline<D> {
    pub(crate) fn send(&mut self, delay: u64, to: usize, delivery: D) {
        self.sent += 1;
        self.queue.insert((self.now + delay, self.sent), (to, delivery));
    }

    /// What is on its way to this device never arrives.
    #[allow(dead_code, reason = "not every test has devices that are replaced")]
    pub(crate) fn forget(&mut self, device: usize) {
        self.queue.retain(|_, (to, _)| *to != device);
    }

    /// Moves on to the next delivery, or to the earliest of the devices' deadlines; where there is neither, a second
    /// passes.
    pub(crate) fn next(&mut self, deadlines: impl Iterator<Item = (u64, usize)>) -> Option<Next<D>> {
        let deadline = deadlines.min();
        if let Some(entry) = self.queue.first_entry()
            && deadline.is_none_or(|(due, _)| entry.key().0 <= due)
        {
            self.now = self.now.max(entry.key().0);
            let (to, delivery) = entry.remove();
            return Some(Next::Delivery(to, delivery));
        }
        match deadline {
            Some((due, device)) => {
                self.now = self.now.max(due);
                Some(Next::Deadline(device))
            }
            None => {
                self.now += 1_000;
                None
            }
        }
    }
}
