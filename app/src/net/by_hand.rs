//! Connecting by hand: what the person asks for, and how far it is.
//!
//! The policy is [`Hand`](partyline_core::hand::Hand), in the crew of the tab that holds the connections. Every tab may
//! ask.

use partyline_core::crew::{PairingRequest, PairingStatus};
use partyline_core::hand::{Code, HandStep, QR_CHARS};

use crate::platform;

/// What the person asks for: an invitation, [another one](ANEW), or to use this code.
pub(crate) type HandWish = String;

/// The wish for an invitation: the one that is open, or a first one.
pub(crate) const INVITE: &str = "";
/// The wish for another invitation. The one that is open is good no more.
pub(crate) const ANEW: &str = "+";

/// What the person wants in this tab, until it came to an end. The tab that has taken it may be frozen, closed or crash
/// before; then the next one that leads is told of it.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    wish: Option<HandWish>,
    is_taken: bool,
}

impl Wanted {
    /// The person wants this, and nothing else any more.
    pub(super) fn want(&mut self, wish: HandWish) {
        *self = Self { wish: Some(wish), is_taken: false };
    }

    /// What the tab that leads is to be told.
    pub(super) fn untaken(&self) -> Option<HandWish> {
        self.wish.clone().filter(|_| !self.is_taken)
    }

    /// The tab that leads will see to this.
    pub(super) fn taken(&mut self, wish: &str) {
        self.is_taken |= self.wish.as_deref() == Some(wish);
    }

    /// Another tab leads from now on, which knows of nothing.
    pub(super) fn lost(&mut self) {
        self.is_taken = false;
        // There is no invitation any more that another one could replace.
        if let Some(wish) = self.wish.as_mut().filter(|wish| *wish == ANEW) {
            INVITE.clone_into(wish);
        }
    }

    /// The tab that leads says how far it is.
    pub(super) fn is_at(&mut self, step: HandStep) {
        if self.is_taken && matches!(step, HandStep::Connected | HandStep::Failed) {
            *self = Self::default();
        }
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandStatus {
    /// The whole in a word.
    pub(crate) step: HandStep,
    /// The code to be shown, a link's fragment; empty when there is none.
    pub(crate) code: String,
    /// What is wrong, as a sentence; empty when nothing is.
    pub(crate) problem: String,
}

/// As they are numbered on the way to another tab.
const STEPS: [HandStep; 7] = [
    HandStep::Idle,
    HandStep::Making,
    HandStep::Invited,
    HandStep::Replied,
    HandStep::Connecting,
    HandStep::Connected,
    HandStep::Failed,
];

impl HandStatus {
    /// Nobody asked for it.
    pub(crate) fn idle() -> Self {
        Self { step: HandStep::Idle, code: String::new(), problem: String::new() }
    }

    /// How far this is.
    pub(super) fn of(pairing: &PairingStatus) -> Self {
        let PairingStatus { step, code, problem } = pairing;
        Self { step: *step, code: code.clone(), problem: problem.unwrap_or_default().to_owned() }
    }

    /// In a text, for another tab: a digit, the code, a line break, the problem. (Plain text, because each type that
    /// serde knows costs every first visit some hundred bytes.)
    pub(super) fn to_text(&self) -> String {
        [&self.head(), "\n", &self.problem].concat()
    }

    /// What changes when the person has something else to do: a digit for the step, and the code.
    pub(crate) fn head(&self) -> String {
        let step = (b'0'..).zip(STEPS).find(|(_, step)| *step == self.step).map_or('0', |(digit, _)| digit.into());
        let mut text = String::from(step);
        text.push_str(&self.code);
        text
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let (head, problem) = text.split_once('\n')?;
        let mut chars = head.chars();
        let step = STEPS.get(chars.next()?.to_digit(10)? as usize)?;
        Some(Self { step: *step, code: chars.as_str().to_owned(), problem: problem.to_owned() })
    }
}

/// As many characters as a code may have: as a link to this page it fits a QR code of version 10.
pub(super) fn most_code_chars() -> usize {
    QR_CHARS.saturating_sub(platform::origin().len() + "/#".len())
}

/// What the crew is to do. `None` if that is no code, which the page has told already, or without random bytes.
pub(super) fn request(wish: &str) -> Option<PairingRequest> {
    if wish != INVITE && wish != ANEW {
        return Code::parse(wish).ok().map(PairingRequest::Use);
    }
    let tag = u32::from_le_bytes(platform::random_bytes()?);
    Some(if wish == ANEW { PairingRequest::InviteAnew { tag } } else { PairingRequest::Invite { tag } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_survives_the_way_to_another_tab() {
        for step in STEPS {
            let status = HandStatus { step, code: "i.AAAA".to_owned(), problem: "It is\ndamaged.".to_owned() };
            assert_eq!(HandStatus::of_text(&status.to_text()), Some(status));
        }
        assert_eq!(HandStatus::of_text(&HandStatus::idle().to_text()), Some(HandStatus::idle()));
        for text in ["", "1", "9a\nb", "x\n"] {
            assert_eq!(HandStatus::of_text(text), None, "{text}");
        }
    }

    const UNDER_WAY: [HandStep; 5] =
        [HandStep::Idle, HandStep::Making, HandStep::Invited, HandStep::Replied, HandStep::Connecting];

    #[test]
    fn a_wish_is_told_until_a_leader_has_taken_it() {
        let mut wanted = Wanted::default();
        assert_eq!(wanted.untaken(), None);
        wanted.want("i.AAAA".to_owned());
        // How it went with another one before is not how it goes with this one.
        wanted.is_at(HandStep::Failed);
        wanted.taken("i.BBBB");
        assert_eq!(wanted.untaken().as_deref(), Some("i.AAAA"));
        wanted.taken("i.AAAA");
        assert_eq!(wanted.untaken(), None);
        wanted.want(INVITE.to_owned());
        assert_eq!(wanted.untaken().as_deref(), Some(INVITE));
    }

    #[test]
    fn a_wish_that_was_taken_outlives_the_leader_until_it_came_to_an_end() {
        for end in [HandStep::Connected, HandStep::Failed] {
            let mut wanted = Wanted::default();
            wanted.want("i.AAAA".to_owned());
            for step in UNDER_WAY {
                wanted.taken("i.AAAA");
                wanted.is_at(step);
                assert_eq!(wanted.untaken(), None);
                wanted.lost();
                assert_eq!(wanted.untaken().as_deref(), Some("i.AAAA"), "{step:?}");
            }
            wanted.taken("i.AAAA");
            wanted.is_at(end);
            wanted.lost();
            assert_eq!(wanted.untaken(), None);
        }
    }

    #[test]
    fn a_leader_that_knows_of_nothing_has_no_invitation_to_replace() {
        let mut wanted = Wanted::default();
        wanted.want(ANEW.to_owned());
        assert_eq!(wanted.untaken().as_deref(), Some(ANEW));
        wanted.taken(ANEW);
        wanted.lost();
        assert_eq!(wanted.untaken().as_deref(), Some(INVITE));
    }
}
