use std::net::IpAddr;

use super::{Side, SlotId};
use crate::id::CertHash;

/// How far a probe has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No sign of life.
    Asking,
    /// The peer answered. Should it be dialling us already, this connection is about to open.
    Reached,
    /// It has the peer's certificate.
    Secured,
}

/// A connection that asks one listing for a sign of life.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) slot: SlotId,
    pub(super) peer: CertHash,
    /// Which of the peer's listings.
    pub(super) ip: IpAddr,
    pub(super) since: u64,
    pub(super) deadline: u64,
    pub(super) stage: Stage,
    pub(super) side: Side,
    /// Whether the peer is likely to dial us.
    pub(super) is_expected: bool,
}

/// The probes that are under way, and how many more may be made.
#[derive(Debug)]
pub(super) struct Probes {
    pub(super) running: Vec<Probe>,
    allowed: u32,
    refill_at: u64,
    refill: u64,
    granted_at: Option<u64>,
}

/// Most probes at once, and most that may be saved up: as many as a phone book lists for a room. (One that goes both ways
/// may be one more.)
const MOST: usize = 64;
const SAVED: u32 = 64;
/// How many of both are kept for those that are vouched for.
const KEPT: usize = 32;
/// So many more for a knock, which only a member can bring about, and for a new beginning, and no more often than this.
const GRANT: u32 = 64;
const GRANT_EVERY: u64 = 30_000;
/// How long a probe that was answered waits for DTLS: so long, and three times as long as the answer took; five times if it
/// is on the answering side, on which it may open.
const GRACE: u64 = 50;
const SLOWEST: u64 = 150;
/// How much longer where the peer is the one who begins DTLS. It dials first, then, and should it have found this probe
/// and not the spare, it opens.
const COURTESY: u64 = 150;

impl Probes {
    pub(super) fn new(refill: u64, now_ms: u64) -> Self {
        Self { running: Vec::new(), allowed: SAVED, refill_at: now_ms + refill, refill, granted_at: None }
    }

    /// Whether any may be made of such a listing, now or once one has ended.
    pub(super) fn has_some(&self, is_vouched: bool) -> bool {
        self.allowed as usize > kept_from(is_vouched)
    }

    /// Whether one more may be made now.
    pub(super) fn may_begin(&self, is_vouched: bool) -> bool {
        self.has_some(is_vouched) && self.running.len() < MOST - kept_from(is_vouched)
    }

    pub(super) fn begin(&mut self, probe: Probe) {
        self.allowed = self.allowed.saturating_sub(1);
        self.running.push(probe);
    }

    /// Time has passed: more may be made.
    pub(super) fn advance(&mut self, now_ms: u64) {
        if now_ms >= self.refill_at {
            let more = 1 + (now_ms - self.refill_at) / self.refill.max(1);
            self.allowed = self.allowed.saturating_add(u32::try_from(more).unwrap_or(SAVED)).min(SAVED);
            self.refill_at += more * self.refill.max(1);
        }
    }

    /// When one more may be made, unless one has to end first.
    pub(super) fn next_at(&self, is_vouched: bool) -> Option<u64> {
        let at = if self.has_some(is_vouched) { 0 } else { self.refill_at };
        (self.running.len() < MOST - kept_from(is_vouched)).then_some(at)
    }

    /// A member is there, or the person or another network makes a new beginning.
    pub(super) fn grant(&mut self, now_ms: u64) {
        if self.granted_at.is_none_or(|at| now_ms.saturating_sub(at) >= GRANT_EVERY) {
            self.granted_at = Some(now_ms);
            self.allowed = (self.allowed + GRANT).min(SAVED);
        }
    }

    pub(super) fn of_slot(&mut self, slot: SlotId) -> Option<&mut Probe> {
        self.running.iter_mut().find(|probe| probe.slot == slot)
    }

    pub(super) fn take(&mut self, slot: SlotId) -> Option<Probe> {
        let at = self.running.iter().position(|probe| probe.slot == slot)?;
        Some(self.running.swap_remove(at))
    }
}

/// How many such a listing has to leave to others.
const fn kept_from(is_vouched: bool) -> usize {
    if is_vouched { 0 } else { KEPT }
}

impl Probe {
    /// It was answered: it has a little longer.
    pub(super) fn reached(&mut self, local: &CertHash, dtls: u64, now_ms: u64) {
        if self.stage != Stage::Asking {
            return;
        }
        let took = now_ms - self.since;
        let (begins, wait) = match self.side {
            // It opens on its own.
            Side::Answering => (self.is_expected, (5 * took).min(dtls)),
            Side::Offering => (self.peer < *local, 3 * took.min(SLOWEST)),
        };
        self.stage = Stage::Reached;
        self.deadline = now_ms + GRACE + wait + if begins { COURTESY } else { 0 };
    }
}
