use crate::connect::sdp::dial_candidates;
use crate::id::{Address, Endpoint};

/// Most candidates of one dial, and of one probe. A dial has one for each listing of a phone book that is full.
pub(super) const MAX_CANDIDATES: usize = 64;
pub(super) const MAX_PROBED: usize = 8;

/// How long a new listing counts as new, in milliseconds.
const FRESH: u64 = 20_000;
/// How long a sign of life counts, in milliseconds.
const PROVEN: u64 = 10_000;

/// How long whoever lists itself anew is taken to be dialling, in milliseconds.
const CALL: u64 = 3_000;

/// What probing a listing has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It was not probed yet.
    Unknown,
    /// It is being probed, since then.
    Asked {
        /// When the probe began.
        at: u64,
    },
    /// A probe is answered; whether it opens shows in a moment.
    Answering,
    /// Nobody answered.
    Silent,
    /// Somebody with the device's ICE password answered lately.
    Answered {
        /// When.
        at: u64,
        /// Whether it dials somebody else from there: a probe was answered that would have opened otherwise.
        is_elsewhere: bool,
    },
}

/// One listing of a device. There may be several: those from the networks that it has been in, and those that somebody
/// else made in its name.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) address: Address,
    pub(super) proof: Proof,
    /// Its place in the phone book's last answer: those that are vouched for first, then the latest.
    pub(super) place: usize,
    /// Probes in a row that nobody answered.
    pub(super) silences: u32,
}

impl Listing {
    pub(super) fn new(address: Address, place: usize) -> Self {
        Self { address, proof: Proof::Unknown, place, silences: 0 }
    }

    pub(super) fn is_proven(&self) -> bool {
        matches!(self.proof, Proof::Answered { .. })
    }

    /// Whether it has answered, and dials somebody else from there.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self.proof, Proof::Answered { is_elsewhere: true, .. })
    }

    /// Nobody answered a probe.
    pub(super) fn note_silence(&mut self) {
        self.proof = Proof::Silent;
        self.silences = self.silences.saturating_add(1);
    }

    /// A sign of life that is too old is none.
    pub(super) fn expire(&mut self, now_ms: u64) {
        if matches!(self.proof, Proof::Answered { at, .. } if now_ms.saturating_sub(at) >= PROVEN) {
            self.proof = Proof::Unknown;
        }
    }

    /// The candidates of a probe.
    pub(super) fn candidates(&self) -> Vec<Endpoint> {
        let mut candidates = dial_candidates(&self.address);
        candidates.truncate(MAX_PROBED);
        candidates
    }
}

/// A listed device that is not this one: all listings of one certificate hash.
#[derive(Debug)]
pub(super) struct Listed {
    /// Whether its certificate hash is one that members take.
    pub(super) is_vouched: bool,
    pub(super) listings: Vec<Listing>,
    /// Since when it has stood in the phone book, as far as this device knows.
    pub(super) since: u64,
    /// Tries that ended without a connection since a listing last changed.
    pub(super) failures: u32,
    /// Tries that ended without a connection since the last one that did not, however often it was listed meanwhile.
    pub(super) misses: u32,
    /// Where it stands among those to be dialled: behind those with fewer misses, most of the time. If a miss always
    /// told, two devices could take turns for ever, each dialling the other while that dials a third. If a new listing
    /// wiped it out, somebody whose secret is wrong could keep a device busy by listing itself again and again.
    pub(super) rank: u32,
    /// When a listing was seen to be new. `None` for one that was there when we came, and whose device may be gone:
    /// a page that crashed, or a phone that was put away, stays listed for a while.
    pub(super) alive_at: Option<u64>,
    /// Whether it was listed before we came and has not been listed anew: then it waits, and dials when it looks.
    pub(super) was_there: bool,
    /// Whether a probe of it was not answered.
    pub(super) was_silent: bool,
    /// Whether somebody with its ICE password has ever answered.
    pub(super) has_answered: bool,
    /// Not to be dialled before.
    pub(super) not_before: u64,
    /// Nor, while no probe of it is answered, before this time.
    pub(super) blind_from: u64,
    /// When it was seen to be listed anew, unless it was dialled since.
    pub(super) moved_at: Option<u64>,
    /// Such a call is not answered before.
    pub(super) answer_from: u64,
    /// How many of them were answered since the last that came to something.
    pub(super) answers: u32,
    /// Whether it is to be dialled once more, from a new listing, which it may answer in turn.
    pub(super) is_owed: bool,
    /// Dials that were answered and came no further, since the last that did.
    pub(super) stalls: u32,
}

impl Listed {
    pub(super) fn new(is_vouched: bool, alive_at: Option<u64>, now_ms: u64) -> Self {
        Self {
            is_vouched,
            listings: Vec::new(),
            since: now_ms,
            failures: 0,
            misses: 0,
            rank: 0,
            alive_at,
            was_there: alive_at.is_none(),
            was_silent: false,
            has_answered: false,
            not_before: now_ms,
            blind_from: 0,
            moved_at: alive_at,
            answer_from: 0,
            answers: 0,
            is_owed: false,
            stalls: 0,
        }
    }

    /// Whether its device showed so lately that it is listening that it surely still is.
    pub(super) fn is_fresh(&self, now_ms: u64) -> bool {
        self.alive_at.is_some_and(|at| now_ms.saturating_sub(at) < FRESH)
    }

    /// Whether its listing has changed so lately that it may be dialling from there.
    pub(super) fn is_calling(&self, now_ms: u64) -> bool {
        self.moved_at.is_some_and(|at| now_ms < at + CALL)
    }

    /// Whether somebody with its ICE password has answered lately.
    pub(super) fn is_proven(&self) -> bool {
        self.listings.iter().any(Listing::is_proven)
    }

    /// Whether it dials somebody else from wherever it has answered.
    pub(super) fn is_elsewhere(&self) -> bool {
        let mut proven = self.listings.iter().filter(|listing| listing.is_proven());
        self.is_proven() && proven.all(Listing::is_elsewhere)
    }

    /// Whether a probe was answered that may still open.
    pub(super) fn is_answering(&self) -> bool {
        self.listings.iter().any(|listing| listing.proof == Proof::Answering)
    }

    /// Whether it was probed at all its addresses and has not answered.
    pub(super) fn is_silent(&self) -> bool {
        self.listings.iter().all(|listing| listing.proof == Proof::Silent)
    }

    /// When all its listings have been probed for `wait` without an answer; `None` while one was not probed yet, or is just
    /// answering.
    pub(super) fn quiet_at(&self, wait: u64) -> Option<u64> {
        let quiet_at = |listing: &Listing| match listing.proof {
            Proof::Unknown | Proof::Answering => None,
            Proof::Asked { at } => Some(at + wait),
            Proof::Silent | Proof::Answered { .. } => Some(0),
        };
        self.listings.iter().map(quiet_at).try_fold(0, |latest, at| Some(latest.max(at?)))
    }

    /// Whether it is vouched for, and is as silent as somebody who lists what a member once had.
    pub(super) fn may_be_stranger(&self) -> bool {
        self.is_vouched && self.was_silent && !self.has_answered
    }

    /// When the last of the probes that are not answered yet began.
    pub(super) fn asked_at(&self) -> Option<u64> {
        let at = |listing: &Listing| match listing.proof {
            Proof::Asked { at } => Some(at),
            Proof::Unknown | Proof::Answering | Proof::Silent | Proof::Answered { .. } => None,
        };
        self.listings.iter().filter_map(at).max()
    }

    /// Forgets what probes have shown, so that all is probed anew.
    pub(super) fn doubt(&mut self) {
        for listing in &mut self.listings {
            if listing.is_proven() {
                listing.proof = Proof::Unknown;
            }
        }
    }

    /// Forgets that it was silent, and that it was dialled in vain.
    pub(super) fn forget_misses(&mut self, now_ms: u64) {
        for listing in self.listings.iter_mut().filter(|listing| !listing.is_proven()) {
            (listing.proof, listing.silences) = (Proof::Unknown, 0);
        }
        (self.failures, self.misses, self.rank, self.was_silent) = (0, 0, 0, false);
        (self.not_before, self.blind_from, self.answer_from) = (now_ms, 0, 0);
    }

    /// The candidates of a dial: of the listings that have answered, then an equal share of each of the others. From where
    /// somebody else is dialled is left out if it has answered elsewhere too.
    pub(super) fn candidates(&self) -> Vec<Endpoint> {
        let is_elsewhere = self.is_elsewhere();
        let is_free = |listing: &&Listing| is_elsewhere || !listing.is_elsewhere();
        let free = self.listings.iter().filter(is_free);
        let (proven, others): (Vec<_>, Vec<_>) = free.partition(|listing| listing.is_proven());
        let mut candidates = Vec::new();
        share_out(&proven, &mut candidates);
        share_out(&others, &mut candidates);
        candidates
    }
}

/// Takes as many candidates of each listing as there is room for. If that is a single one, it is the one behind a NAT:
/// elsewhere, probes are answered.
fn share_out(listings: &[&Listing], candidates: &mut Vec<Endpoint>) {
    let share = MAX_CANDIDATES.saturating_sub(candidates.len()) / listings.len().max(1);
    for listing in listings {
        let all = dial_candidates(&listing.address);
        let (said, seen) = all.split_at(listing.address.endpoints.len().min(all.len()));
        let seen = seen.get(..seen.len().min(share.div_ceil(2))).unwrap_or_default();
        let said = said.get(..said.len().min(share - seen.len())).unwrap_or_default();
        for candidate in said.iter().chain(seen) {
            if !candidates.contains(candidate) {
                candidates.push(*candidate);
            }
        }
    }
}
