//! Syncs, and the clocks that are compared in them.

use super::super::effect::Effect;
use super::super::link::Peer;
use super::super::pull::{Outcome, Pull, PullAction};
use super::{Crew, Running};
use crate::api::{CBOR, DEFLATED};
use crate::clock::{Judgement, judge};
use crate::dial::SlotId;
use crate::id::DeviceId;

/// Delay before a failed pull is retried, in milliseconds, doubled each time up to [`PULL_AGAIN`]: a storage that takes
/// changes again is to have them soon.
const PULL_RETRY: u64 = 1_000;
/// Interval between successful pulls, in milliseconds: a service worker may end after it has kept an edit and before it has
/// told of it.
const PULL_AGAIN: u64 = 60_000;
/// The same in a room that is not on show.
const PULL_BACKGROUND: u64 = 300_000;

impl Crew {
    /// Gets what the peer has and this device lacks; once more afterwards if it was asked for meanwhile.
    pub(super) fn pull(&mut self, slot: SlotId) {
        let Some(link) = self.links.get_mut(&slot) else { return };
        let Some(Peer { device, .. }) = link.peer else { return };
        link.pull_at = None;
        if let Some(running) = self.pulls.get_mut(&slot) {
            running.again = true;
            return;
        }
        // One over a connection that is gone has an answer to keep yet. Once it has, this one goes on with it.
        if self.pulls.iter().any(|(other, running)| running.device == device && !self.links.contains_key(other)) {
            return;
        }
        let pull = Pull::new(self.broken_off.remove(&device));
        self.pulls.insert(slot, Running { device, pull, since_ms: 0, again: false });
    }

    pub(super) fn with_pull(&mut self, slot: SlotId, handle: impl FnOnce(&mut Pull)) {
        if let Some(running) = self.pulls.get_mut(&slot) {
            handle(&mut running.pull);
        }
    }

    pub(super) fn drain_pulls(&mut self, now_ms: u64) -> bool {
        let mut any = false;
        while let Some((slot, action)) =
            self.pulls.iter_mut().find_map(|(slot, running)| Some((*slot, running.pull.poll_action()?)))
        {
            any = true;
            if let Some(running) = self.pulls.get_mut(&slot) {
                running.since_ms = now_ms;
            }
            match action {
                PullAction::ReadAsker => self.effects.push_back(Effect::ReadAsker(slot)),
                PullAction::ReadOpening => self.effects.push_back(Effect::ReadOpening(slot)),
                PullAction::Ask(request) => {
                    let mut head = self.head("sync");
                    head.headers.extend([CBOR, DEFLATED].map(|media| ("accept".to_owned(), media.to_owned())));
                    let link = self.links.get_mut(&slot);
                    if !link.is_some_and(|link| link.sync(&head, request.encode())) {
                        self.with_pull(slot, |pull| pull.handle_reply(None));
                    }
                }
                PullAction::Merge { asker, answer } => {
                    if let Some(Running { device, .. }) = self.pulls.get(&slot) {
                        let device = *device;
                        self.effects.push_back(Effect::Merge { slot, device, asker, answer });
                    }
                }
                PullAction::Compare { theirs, ours } => self.compare_clocks(slot, theirs, ours, now_ms),
                PullAction::End(outcome) => self.pulled(slot, outcome, now_ms),
            }
        }
        any
    }

    fn pulled(&mut self, slot: SlotId, outcome: Outcome, now_ms: u64) {
        let Some(Running { device, pull, again, .. }) = self.pulls.remove(&slot) else { return };
        let trouble = pull.trouble();
        if let Some(begun) = pull.into_begun().filter(|_| outcome == Outcome::BrokenOff) {
            self.broken_off.insert(device, begun);
        }
        self.is_synced |= outcome != Outcome::BrokenOff;
        let Some(link) = self.links.get_mut(&slot) else {
            if let Some(slot) = self.link_to(device) {
                self.pull(slot);
            }
            return;
        };
        let retry = (PULL_RETRY << link.failures.min(8)).min(PULL_AGAIN);
        link.trouble = trouble;
        let wait = match outcome {
            Outcome::Alike if self.is_background => PULL_BACKGROUND,
            Outcome::Alike => PULL_AGAIN,
            // Storage that fails may be mended: nobody else would ask for what was not kept.
            Outcome::Apart | Outcome::BrokenOff => retry,
        };
        link.failures = if outcome == Outcome::Alike { 0 } else { link.failures + 1 };
        link.pull_at = Some(now_ms + wait);
        if again {
            self.pull(slot);
        }
    }

    fn compare_clocks(&mut self, slot: SlotId, theirs: u64, ours: u64, now_ms: u64) {
        self.clock = Some((ours, now_ms));
        if let Some(link) = self.links.get_mut(&slot) {
            link.ahead_ms = Some(theirs as i64).and_then(|theirs| theirs.checked_sub(ours as i64));
        }
        if let Some(Judgement::Ahead(ahead_ms)) = self.judge_clocks(now_ms) {
            self.effects.push_back(Effect::TellClock(ahead_ms));
        }
    }

    /// How far the clocks of the peers are ahead of ours.
    pub(super) fn peer_clocks(&self) -> impl Iterator<Item = (DeviceId, i64)> {
        self.links.values().filter_map(|link| Some((link.peer?.device, link.ahead_ms?)))
    }

    /// What comes of comparing all clocks that are known: the server's is one of them, and has no more to say than others.
    pub(super) fn judge_clocks(&self, now_ms: u64) -> Option<Judgement> {
        let by_now = |(said, at): (u64, u64)| said.saturating_add(now_ms.saturating_sub(at));
        let ours = by_now(self.clock?);
        let server = self.server.map(|server| (by_now(server) as i64).saturating_sub(ours as i64));
        let others: Vec<i64> = self.peer_clocks().map(|(_, ahead_ms)| ahead_ms).chain(server).collect();
        Some(judge(ours, &others))
    }
}
