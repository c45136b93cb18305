use std::collections::VecDeque;

use super::{Answer, SyncTrouble};
use crate::id::DeviceId;
use crate::replica::{SyncAnswer, SyncRequest};

/// Maximum questions in one pull, chunks apart. What they leave open is for the next one.
const MOST_QUESTIONS: u32 = 64;

/// What came of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The two have the same.
    Alike,
    /// All that the peer has was got, and yet the two have not the same: most likely the peer has still to get something.
    Apart,
    /// Not everything was got.
    BrokenOff,
}

/// Progress of a pull. An interrupted pull resumes when the peer reconnects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The device in whose name it was begun.
    pub asker: DeviceId,
    /// What to ask for next.
    pub request: SyncRequest,
    /// How many changes there were to get.
    pub total: u64,
    /// How many of them have come.
    pub got: u64,
}

/// What a [`Pull`] wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullAction {
    /// Ask the own service worker which device this is and tell [`Pull::handle_asker`].
    ReadAsker,
    /// Ask it for the first question to a peer and tell [`Pull::handle_opening`].
    ReadOpening,
    /// Ask the peer, in the place of what it was asked before, and tell [`Pull::handle_reply`].
    Ask(SyncRequest),
    /// Have the own service worker merge and keep what the peer answered, and tell [`Pull::handle_merged`].
    Merge {
        /// In whose name the peer was asked.
        asker: DeviceId,
        /// The peer's answer.
        answer: Answer,
    },
    /// The peer's clock said this and then our service worker's that, in milliseconds since 1970.
    Compare {
        /// The peer's.
        theirs: u64,
        /// Our service worker's.
        ours: u64,
    },
    /// It is over. Nothing follows.
    End(Outcome),
}

/// What a pull waits for.
#[derive(Debug)]
enum Phase {
    Asker,
    /// With the device that asks.
    Opening(DeviceId),
    Reply,
    /// An answer is being merged. What is asked for after it, if a chunk follows.
    Merged(Option<Following>),
    Over,
}

/// The next chunk, which is on its way while the one before is merged.
#[derive(Debug)]
struct Following {
    request: SyncRequest,
    /// What has come: an answer, or the news that there will be none.
    reply: Option<Option<Answer>>,
}

/// Gets everything that a peer has and this device lacks, chunk by chunk, or goes on getting it. While a chunk is merged,
/// the next is on its way.
///
/// The vector that comes with the last chunk is taken over only if all chunks before it were: one that is not merged ends
/// the pull.
///
/// Mutate, then drain: after any `handle_*` call, call [`poll_action`](Self::poll_action) until it gives `None`.
#[derive(Debug)]
pub struct Pull {
    phase: Phase,
    begun: Option<Begun>,
    questions: u32,
    /// What the peer's clock said with the answer that is being merged.
    replied_at: Option<u64>,
    trouble: Option<SyncTrouble>,
    actions: VecDeque<PullAction>,
}

impl Pull {
    /// Begins a pull, or goes on with one.
    pub fn new(begun: Option<Begun>) -> Self {
        // In this order: should another replica take this one's place in between, the vector at the end is not meant for it.
        let actions = VecDeque::from([PullAction::ReadAsker]);
        Self { phase: Phase::Asker, begun, questions: 0, replied_at: None, trouble: None, actions }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<PullAction> {
        self.actions.pop_front()
    }

    /// How many changes have come, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        self.begun.as_ref().map_or((0, 0), |begun| (begun.got, begun.total))
    }

    /// Why not everything was got, once it is over.
    pub fn trouble(&self) -> Option<SyncTrouble> {
        self.trouble
    }

    /// What it means if nothing comes of what it waits for.
    pub fn waits_for(&self) -> SyncTrouble {
        if matches!(self.phase, Phase::Reply) { SyncTrouble::Refused } else { SyncTrouble::NotKept }
    }

    /// What is left of it, for the next pull from the same device. Only chunks are gone on with: whatever else is asked is
    /// about what this device had by then, and costs little to ask anew.
    pub fn into_begun(self) -> Option<Begun> {
        self.begun.filter(|begun| begun.request.cursor.is_some())
    }

    /// The own service worker said which device this is, or did not answer. What is asked in nobody's name is no answer to
    /// anything in the end: neither would the peer's vector count, nor a difference be followed.
    pub fn handle_asker(&mut self, asker: Option<DeviceId>) {
        if !matches!(self.phase, Phase::Asker) {
            return;
        }
        let Some(asker) = asker else { return self.break_off(SyncTrouble::NotKept) };
        if self.begun.as_ref().is_some_and(|begun| begun.asker == asker) {
            self.ask();
        } else {
            self.phase = Phase::Opening(asker);
            self.actions.push_back(PullAction::ReadOpening);
        }
    }

    /// The own service worker said what to ask a peer first, or did not answer.
    pub fn handle_opening(&mut self, opening: Option<SyncRequest>) {
        let Phase::Opening(asker) = self.phase else { return };
        match opening {
            Some(request) => {
                self.begun = Some(Begun { asker, request, total: 0, got: 0 });
                self.ask();
            }
            None => self.break_off(SyncTrouble::NotKept),
        }
    }

    /// The peer answered what it was asked last, or never will.
    pub fn handle_reply(&mut self, reply: Option<Answer>) {
        match &mut self.phase {
            Phase::Reply => self.take(reply),
            Phase::Merged(Some(following)) => {
                following.reply.get_or_insert(reply);
            }
            Phase::Asker | Phase::Opening(_) | Phase::Merged(None) | Phase::Over => {}
        }
    }

    /// The own service worker merged and kept an answer, or did not answer itself.
    pub fn handle_merged(&mut self, answer: Option<Answer>) {
        let Phase::Merged(following) = &mut self.phase else { return };
        let (following, theirs) = (following.take(), self.replied_at.take());
        let (Some(begun), Some(merged)) = (&mut self.begun, answer) else {
            return self.break_off(SyncTrouble::NotKept);
        };
        match (merged.status, following) {
            (200, Some(following)) => {
                begun.request = following.request;
                self.phase = Phase::Reply;
                if let Some(reply) = following.reply {
                    self.take(reply);
                }
            }
            (200, None) => {
                if let (Some(theirs), Some(ours)) = (theirs, merged.now_ms) {
                    self.actions.push_back(PullAction::Compare { theirs, ours });
                }
                self.questions += 1;
                // Our service worker says what to ask after that, until the two have the same.
                let merged = merged.merged().unwrap_or_default();
                let is_apart = merged.gap || merged.ask.is_some();
                let outcome = if is_apart { Outcome::Apart } else { Outcome::Alike };
                match merged.ask.filter(|_| self.questions < MOST_QUESTIONS) {
                    None => self.end(outcome),
                    Some(ask) => match SyncRequest::decode(&ask.0) {
                        Ok(request) => {
                            begun.request = request;
                            self.ask();
                        }
                        Err(_) => self.break_off(SyncTrouble::NotKept),
                    },
                }
            }
            // A task is known by another name here than it was when the sync began.
            (409, _) if !begun.request.in_full => {
                begun.request.in_full = true;
                self.ask();
            }
            (status, _) => self.break_off(SyncTrouble::of_merge(status)),
        }
    }

    /// Takes an answer of the peer: it is merged while the next chunk is on its way.
    fn take(&mut self, reply: Option<Answer>) {
        let Some((begun, answer)) = self.begun.as_mut().zip(reply.filter(|answer| answer.status == 200)) else {
            return self.break_off(SyncTrouble::Refused);
        };
        let Ok((progress, _)) = SyncAnswer::peek(&answer.body) else {
            return self.break_off(SyncTrouble::NotUnderstood);
        };
        begun.total = begun.total.max(progress.left);
        begun.got = begun.total - progress.left;
        // A cursor that does not move would go round for ever.
        if progress.next.is_some_and(|next| begun.request.cursor.is_some_and(|cursor| next <= cursor)) {
            return self.break_off(SyncTrouble::NotUnderstood);
        }
        let following = progress.next.map(|next| {
            let request = SyncRequest { cursor: Some(next), ..begun.request.clone() };
            self.actions.push_back(PullAction::Ask(request.clone()));
            Following { request, reply: None }
        });
        self.replied_at = answer.now_ms;
        self.actions.push_back(PullAction::Merge { asker: begun.asker, answer });
        self.phase = Phase::Merged(following);
    }

    fn ask(&mut self) {
        self.phase = Phase::Reply;
        self.actions.extend(self.begun.as_ref().map(|begun| PullAction::Ask(begun.request.clone())));
    }

    fn break_off(&mut self, trouble: SyncTrouble) {
        self.trouble = Some(trouble);
        self.end(Outcome::BrokenOff);
    }

    fn end(&mut self, outcome: Outcome) {
        self.phase = Phase::Over;
        self.actions.push_back(PullAction::End(outcome));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Base64, CBOR, Merged};
    use crate::replica::Verdict;

    fn me() -> DeviceId {
        DeviceId::from_bytes([1; 16])
    }

    fn at(cursor: u64) -> SyncRequest {
        SyncRequest { cursor: Some(cursor), ..SyncRequest::default() }
    }

    fn chunk(next: Option<u64>, left: u64) -> Option<Answer> {
        let verdict = next.is_none().then_some(Verdict::Same);
        let body = SyncAnswer { next, left, verdict, ..SyncAnswer::default() }.encode();
        Some(Answer { status: 200, now_ms: Some(7), body, ..Answer::default() })
    }

    fn merged(status: u16, merged: &Merged) -> Option<Answer> {
        Some(Answer { status, content_type: CBOR.to_owned(), now_ms: Some(5), body: merged.to_cbor() })
    }

    fn stored() -> Option<Answer> {
        merged(200, &Merged::default())
    }

    fn actions(pull: &mut Pull) -> Vec<PullAction> {
        std::iter::from_fn(|| pull.poll_action()).collect()
    }

    /// A pull whose first question is under way.
    fn asking() -> Pull {
        let mut pull = Pull::new(None);
        assert_eq!(actions(&mut pull), [PullAction::ReadAsker]);
        pull.handle_asker(Some(me()));
        assert_eq!(actions(&mut pull), [PullAction::ReadOpening]);
        pull.handle_opening(Some(SyncRequest::default()));
        assert_eq!(actions(&mut pull), [PullAction::Ask(SyncRequest::default())]);
        pull
    }

    fn merge(answer: Option<Answer>) -> PullAction {
        PullAction::Merge { asker: me(), answer: answer.unwrap() }
    }

    #[test]
    fn the_next_chunk_is_asked_for_while_one_is_merged() {
        let mut pull = asking();
        pull.handle_reply(chunk(Some(1), 600));
        assert_eq!(actions(&mut pull), [PullAction::Ask(at(1)), merge(chunk(Some(1), 600))]);
        pull.handle_reply(chunk(None, 200));
        assert_eq!(actions(&mut pull), [], "one after the other is merged");
        assert_eq!(pull.progress(), (0, 600));
        pull.handle_merged(stored());
        assert_eq!(actions(&mut pull), [merge(chunk(None, 200))]);
        assert_eq!(pull.progress(), (400, 600));
        pull.handle_merged(stored());
        let clocks = PullAction::Compare { theirs: 7, ours: 5 };
        assert_eq!(actions(&mut pull), [clocks, PullAction::End(Outcome::Alike)]);
    }

    #[test]
    fn what_broke_off_resumes_behind_the_last_chunk_that_was_kept() {
        let mut pull = asking();
        pull.handle_reply(chunk(Some(1), 600));
        // The connection ends, and then the chunk is kept.
        pull.handle_reply(None);
        let _ = actions(&mut pull);
        pull.handle_merged(stored());
        assert_eq!(actions(&mut pull), [PullAction::End(Outcome::BrokenOff)]);
        assert_eq!(pull.progress(), (0, 600));
        let begun = pull.into_begun().map(|begun| Begun { got: 200, ..begun });
        let mut pull = Pull::new(begun.clone());
        assert_eq!(pull.progress(), (200, 600), "what has come is not told to have gone");
        let _ = actions(&mut pull);
        pull.handle_asker(Some(me()));
        assert_eq!(actions(&mut pull), [PullAction::Ask(at(1))]);
        // Whoever has another key since begins anew.
        let mut pull = Pull::new(begun.clone());
        let _ = actions(&mut pull);
        pull.handle_asker(Some(DeviceId::from_bytes([2; 16])));
        assert_eq!(actions(&mut pull), [PullAction::ReadOpening]);
        // Where that is not to be had, nothing is lost.
        pull.handle_opening(None);
        assert_eq!(actions(&mut pull), [PullAction::End(Outcome::BrokenOff)]);
        assert_eq!(pull.into_begun(), begun);
    }

    #[test]
    fn a_chunk_that_is_not_kept_ends_it_where_it_was() {
        for answer in [None, merged(500, &Merged::default())] {
            let mut pull = asking();
            pull.handle_reply(chunk(Some(1), 600));
            pull.handle_reply(chunk(None, 200));
            let _ = actions(&mut pull);
            pull.handle_merged(answer);
            assert_eq!(actions(&mut pull), [PullAction::End(Outcome::BrokenOff)]);
            assert_eq!(pull.into_begun(), None, "there is nothing to go on with");
        }
    }

    /// Between the two halves of it the peer may have got what is in none of the ranges.
    #[test]
    fn a_comparison_that_broke_off_begins_anew() {
        let ranges = SyncRequest { day: 3, ..SyncRequest::default() };
        let mut pull = asking();
        pull.handle_reply(chunk(Some(1), 2));
        pull.handle_reply(chunk(None, 1));
        pull.handle_merged(stored());
        pull.handle_merged(merged(200, &Merged { gap: false, ask: Some(Base64(ranges.encode())) }));
        assert_eq!(actions(&mut pull).last(), Some(&PullAction::Ask(ranges)));
        pull.handle_reply(None);
        assert_eq!(actions(&mut pull), [PullAction::End(Outcome::BrokenOff)]);
        assert_eq!(pull.into_begun(), None);
    }

    #[test]
    fn tasks_are_asked_for_in_full_once() {
        let mut pull = asking();
        pull.handle_reply(chunk(Some(1), 600));
        let _ = actions(&mut pull);
        pull.handle_merged(merged(409, &Merged::default()));
        let in_full = SyncRequest { in_full: true, ..SyncRequest::default() };
        assert_eq!(actions(&mut pull), [PullAction::Ask(in_full)]);
        pull.handle_reply(chunk(None, 600));
        let _ = actions(&mut pull);
        pull.handle_merged(merged(409, &Merged::default()));
        assert_eq!(actions(&mut pull), [PullAction::End(Outcome::BrokenOff)]);
    }

    #[test]
    fn a_cursor_that_does_not_move_ends_it() {
        let mut pull = asking();
        pull.handle_reply(chunk(Some(1), 600));
        pull.handle_reply(chunk(Some(1), 600));
        let _ = actions(&mut pull);
        pull.handle_merged(stored());
        assert_eq!(actions(&mut pull), [PullAction::End(Outcome::BrokenOff)]);
    }

    #[test]
    fn questions_follow_until_the_two_have_the_same_but_not_for_ever() {
        let ask = Merged { gap: false, ask: Some(Base64(at(9).encode())) };
        let mut pull = asking();
        for _ in 1..MOST_QUESTIONS {
            pull.handle_reply(chunk(None, 0));
            let _ = actions(&mut pull);
            pull.handle_merged(merged(200, &ask));
            assert_eq!(actions(&mut pull).last(), Some(&PullAction::Ask(at(9))));
        }
        pull.handle_reply(chunk(None, 0));
        let _ = actions(&mut pull);
        pull.handle_merged(merged(200, &ask));
        assert_eq!(actions(&mut pull).last(), Some(&PullAction::End(Outcome::Apart)));
    }

    #[test]
    fn nothing_is_asked_in_nobodys_name() {
        let mut pull = Pull::new(None);
        let _ = actions(&mut pull);
        pull.handle_asker(None);
        assert_eq!(actions(&mut pull), [PullAction::End(Outcome::BrokenOff)]);
    }

    #[test]
    fn what_was_not_asked_for_is_ignored() {
        let mut pull = Pull::new(None);
        let _ = actions(&mut pull);
        pull.handle_reply(chunk(None, 0));
        pull.handle_merged(stored());
        pull.handle_opening(Some(SyncRequest::default()));
        assert_eq!(actions(&mut pull), []);
    }
}
