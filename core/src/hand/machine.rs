use std::collections::VecDeque;

use super::{Invitation, Reply};
use crate::connect::Contact;
use crate::dial::{SlotId, Way};
use crate::id::{CertHash, Endpoint, RoomLink};

/// How long a code stays good, in milliseconds: people carry it.
pub const PATIENCE: u64 = 10 * 60_000;
/// How long the dial may take once both codes are in.
const DIAL: u64 = 40_000;
/// The same where there seems to be a connection already: one whose other end is gone has ended by then.
const DIAL_AGAIN: u64 = 12_000;
/// How often a waiting connection is told where the other one is.
const TRY: u64 = 5_000;
/// How many tags of former invitations are remembered.
const FORMER: usize = 16;

/// What a [`Hand`] wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandAction {
    /// Make a connection with the browser's own credentials and tell [`Hand::handle_ready`].
    Make(SlotId),
    /// Close this connection and forget it. No [`Hand::handle_closed`] is expected for it.
    Drop(SlotId),
    /// Dial whoever waits there, as the client of DTLS.
    Dial {
        /// The connection to dial with.
        slot: SlotId,
        /// Whom.
        contact: Contact,
    },
    /// Be ready to be dialled by this contact, as the server of DTLS. That may take minutes: without an endpoint to try the
    /// browser has nothing to give up.
    Arm {
        /// The connection that waits.
        slot: SlotId,
        /// By whom.
        contact: Contact,
    },
    /// Have a waiting connection try these endpoints too.
    Try {
        /// The connection that waits.
        slot: SlotId,
        /// What to add.
        endpoints: Vec<Endpoint>,
    },
}

/// How far connecting by hand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandStep {
    /// Nobody asked for it.
    Idle,
    /// A connection is being made.
    Making,
    /// The invitation is there to be shown.
    Invited,
    /// The reply is there to be shown.
    Replied,
    /// Both codes are in.
    Connecting,
    /// It worked.
    Connected,
    /// It did not: [`Hand::problem`] says why.
    Failed,
}

/// One try, from the wish to the open connection.
#[derive(Debug)]
struct Attempt {
    slot: SlotId,
    tag: u32,
    part: Part,
    /// When it is given up.
    deadline: u64,
}

#[derive(Debug)]
enum Part {
    /// We made the invitation, and the reply is awaited.
    Inviting,
    /// The reply of this certificate was read.
    Dialling(CertHash),
    /// We answer this contact; once our connection is ready: when to tell it again where the other one is.
    Answering(Contact, Option<u64>),
}

/// The policy of connecting by hand of one device in one room. See the [module](super).
///
/// Mutate, then drain: after any `handle_*` call, call [`poll_action`](Self::poll_action) until it gives `None`, then
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Hand {
    link: RoomLink,
    local: CertHash,
    /// As many characters as a code may have.
    most: usize,
    step: HandStep,
    code: String,
    problem: Option<&'static str>,
    attempt: Option<Attempt>,
    /// The tags of invitations that led to a connection, and of those that were replaced or given up.
    spent: VecDeque<u32>,
    former: VecDeque<u32>,
    next_slot: u32,
    /// Whom there is a connection to, or was until a moment ago.
    peers: Vec<(SlotId, CertHash)>,
    actions: VecDeque<HandAction>,
}

const SPENT: &str = "This code was used already. Make a new invitation.";
const OTHER_ROOM: &str = "This code belongs to another room.";
const OTHER_INVITATION: &str =
    "This reply belongs to another invitation. Let the other device scan the one shown here, and take its new reply.";
const OUTDATED: &str = "This reply is outdated: its invitation is no longer open. Make a new invitation.";
const OWN: &str = "This device made this invitation. Open it on the other one.";
const TOO_LATE: &str = "Nobody came within 10 minutes. Start again with a new invitation.";
const UNREACHED: &str = "The other device cannot be reached. It no longer waits, or no way leads there. Are both in the \
     same Wi-Fi? Start again with a new invitation.";
const IMPOSSIBLE: &str = "This browser did not make a connection. Try again.";

impl Hand {
    /// Nobody is to be connected yet. Codes get at most `most` characters, if leaving out endpoints can do it.
    pub fn new(link: RoomLink, local: CertHash, most: usize) -> Self {
        Self {
            link,
            local,
            most,
            step: HandStep::Idle,
            code: String::new(),
            problem: None,
            attempt: None,
            spent: VecDeque::new(),
            former: VecDeque::new(),
            next_slot: 0,
            peers: Vec::new(),
            actions: VecDeque::new(),
        }
    }

    /// How far it is.
    pub fn step(&self) -> HandStep {
        self.step
    }

    /// The code to be shown, a link's fragment; empty when there is none.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What is wrong, as a sentence: with the last code that came in, or why nothing came of it.
    pub fn problem(&self) -> Option<&'static str> {
        self.problem
    }

    /// Whether both codes were in and nobody was reached.
    pub fn is_unreached(&self) -> bool {
        self.problem == Some(UNREACHED)
    }

    /// Whether ICE may fail on this connection without an end to it: whoever it waits for may be minutes away.
    pub fn is_patient(&self, slot: SlotId) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.slot == slot && !matches!(attempt.part, Part::Dialling(_)))
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<HandAction> {
        self.actions.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, in milliseconds of the same clock.
    pub fn poll_timeout(&self) -> Option<u64> {
        debug_assert!(self.actions.is_empty(), "drain the actions before asking for the deadline");
        let attempt = self.attempt.as_ref()?;
        match &attempt.part {
            Part::Answering(_, Some(next)) => Some(attempt.deadline.min(*next)),
            _ => Some(attempt.deadline),
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        let Some(attempt) = &mut self.attempt else { return };
        if attempt.deadline <= now_ms {
            let why = if matches!(attempt.part, Part::Dialling(_)) { UNREACHED } else { TOO_LATE };
            self.end(why);
        } else if let Part::Answering(contact, Some(next)) = &mut attempt.part
            && *next <= now_ms
        {
            *next = now_ms + TRY;
            self.actions.push_back(HandAction::Try { slot: attempt.slot, endpoints: contact.endpoints.clone() });
        }
    }

    /// The person wants an invitation: the one that is open, unless it is to be a new one. `tag` is random.
    pub fn handle_invite(&mut self, anew: bool, tag: u32, now_ms: u64) {
        let is_open = matches!(&self.attempt, Some(Attempt { part: Part::Inviting, .. }));
        if is_open && !anew {
            self.problem = None;
            return;
        }
        self.begin(tag, Part::Inviting, now_ms);
    }

    /// The person gave an invitation.
    pub fn handle_invitation(&mut self, invitation: Invitation, now_ms: u64) {
        self.problem = None;
        let is_answered =
            matches!(&self.attempt, Some(Attempt { tag, part: Part::Answering(..), .. }) if *tag == invitation.tag);
        if invitation.link != self.link {
            self.problem = Some(OTHER_ROOM);
        } else if invitation.contact.cert_hash == self.local {
            self.problem = Some(OWN);
        } else if self.spent.contains(&invitation.tag) {
            self.give_up();
            self.fail(SPENT);
        } else if !is_answered {
            self.begin(invitation.tag, Part::Answering(invitation.contact, None), now_ms);
        }
    }

    /// The person gave a reply. Its sender is called even if there seems to be a connection: it may be that of a page that
    /// is gone without a word, and what is one too many is closed as soon as both know.
    pub fn handle_reply(&mut self, reply: Reply, now_ms: u64) {
        self.problem = None;
        let attempt = self.attempt.as_mut().filter(|attempt| !matches!(attempt.part, Part::Answering(..)));
        let why = match attempt {
            _ if reply.room != self.link.room => OTHER_ROOM,
            _ if self.spent.contains(&reply.tag) => SPENT,
            _ if self.former.contains(&reply.tag) => OUTDATED,
            None => OUTDATED,
            Some(attempt) if attempt.tag != reply.tag => OTHER_INVITATION,
            Some(Attempt { part: Part::Dialling(_), .. }) => SPENT,
            Some(attempt) => {
                let remote = reply.contact.cert_hash;
                let is_connected = self.peers.iter().any(|(_, peer)| *peer == remote);
                attempt.part = Part::Dialling(remote);
                attempt.deadline = now_ms + if is_connected { DIAL_AGAIN } else { DIAL };
                self.actions.push_back(HandAction::Dial { slot: attempt.slot, contact: reply.contact });
                self.show(HandStep::Connecting, String::new());
                return;
            }
        };
        if self.attempt.is_some() {
            // What is open stays open.
            self.problem = Some(why);
        } else {
            self.fail(why);
        }
    }

    /// A connection that was asked for knows its credentials and endpoints, the latter best first.
    pub fn handle_ready(&mut self, slot: SlotId, contact: Contact, now_ms: u64) {
        let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.slot == slot) else {
            self.actions.push_back(HandAction::Drop(slot));
            return;
        };
        let tag = attempt.tag;
        match &mut attempt.part {
            Part::Answering(theirs, tries) => {
                *tries = Some(now_ms + TRY);
                self.actions.push_back(HandAction::Arm { slot, contact: theirs.clone() });
                let reply = Reply { room: self.link.room, tag, contact };
                self.show(HandStep::Replied, reply.to_fragment(self.most));
            }
            Part::Inviting => {
                let invitation = Invitation { link: self.link.clone(), tag, contact };
                self.show(HandStep::Invited, invitation.to_fragment(self.most));
            }
            Part::Dialling(_) => {}
        }
    }

    /// A connection to this certificate is open, however it came about.
    pub fn handle_open(&mut self, slot: SlotId, remote: CertHash) {
        self.peers.retain(|(known, _)| *known != slot);
        self.peers.push((slot, remote));
        if self.wanted() == Some(remote) {
            if self.attempt.as_ref().is_some_and(|attempt| attempt.slot == slot) {
                self.keep();
            }
            self.done();
        }
    }

    /// A connection ended or failed.
    pub fn handle_closed(&mut self, slot: SlotId) {
        self.peers.retain(|(known, _)| *known != slot);
        if self.attempt.as_ref().is_some_and(|attempt| attempt.slot == slot) {
            self.end(if self.step == HandStep::Making { IMPOSSIBLE } else { UNREACHED });
        }
    }

    /// Whom the attempt is to connect to, as far as that is known.
    fn wanted(&self) -> Option<CertHash> {
        match &self.attempt.as_ref()?.part {
            Part::Inviting => None,
            Part::Dialling(cert_hash) => Some(*cert_hash),
            Part::Answering(contact, _) => Some(contact.cert_hash),
        }
    }

    /// Nothing came of the attempt. That is no failure if the two are connected otherwise.
    fn end(&mut self, why: &'static str) {
        let wanted = self.wanted();
        if self.peers.iter().any(|(_, peer)| Some(*peer) == wanted) {
            return self.done();
        }
        self.give_up();
        self.fail(why);
    }

    fn begin(&mut self, tag: u32, part: Part, now_ms: u64) {
        self.give_up();
        let slot = SlotId::new(Way::ByHand, self.next_slot);
        self.next_slot += 1;
        self.attempt = Some(Attempt { slot, tag, part, deadline: now_ms + PATIENCE });
        self.actions.push_back(HandAction::Make(slot));
        self.problem = None;
        self.show(HandStep::Making, String::new());
    }

    fn show(&mut self, step: HandStep, code: String) {
        self.step = step;
        self.code = code;
    }

    fn fail(&mut self, why: &'static str) {
        self.show(HandStep::Failed, String::new());
        self.problem = Some(why);
    }

    fn give_up(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            push(&mut self.former, attempt.tag);
            self.actions.push_back(HandAction::Drop(attempt.slot));
        }
    }

    /// The attempt's connection is a peer's now.
    fn keep(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            push(&mut self.spent, attempt.tag);
        }
    }

    fn done(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            push(&mut self.spent, attempt.tag);
            self.actions.push_back(HandAction::Drop(attempt.slot));
        }
        self.show(HandStep::Connected, String::new());
    }
}

fn push(tags: &mut VecDeque<u32>, tag: u32) {
    tags.truncate(FORMER - 1);
    tags.push_front(tag);
}
