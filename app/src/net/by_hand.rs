//! Connecting by hand: what the person asks for, and how far it is.
//!
//! The policy is [`Hand`], which the tab that holds the connections feeds; every tab may ask.

use partyline_core::hand::{Code, Hand, HandStep, QR_CHARS};
use partyline_core::id::{CertHash, RoomLink};

use crate::platform;

/// What the person asks for: an invitation, [another one](ANEW), or to use this code.
pub(crate) type HandWish = String;

/// The wish for an invitation: the one that is open, or a first one.
pub(crate) const INVITE: &str = "";
/// The wish for another invitation. The one that is open is good no more.
pub(crate) const ANEW: &str = "+";

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
    pub(super) fn of(hand: &Hand) -> Self {
        Self { step: hand.step(), code: hand.code().to_owned(), problem: hand.problem().unwrap_or_default().to_owned() }
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

/// The policy for a room, whose codes fit a QR code of version 10 as links to this page.
pub(super) fn policy(link: RoomLink, local: CertHash) -> Hand {
    Hand::new(link, local, QR_CHARS.saturating_sub(platform::origin().len() + "/#".len()))
}

/// Tells the policy what the person asks for.
pub(super) fn handle(hand: &mut Hand, wish: &str, now: u64) {
    if wish == INVITE || wish == ANEW {
        let Some(number) = platform::random_bytes() else { return };
        return hand.handle_invite(wish == ANEW, u32::from_le_bytes(number), now);
    }
    match Code::parse(wish) {
        Ok(Code::Invitation(invitation)) => hand.handle_invitation(invitation, now),
        Ok(Code::Reply(reply)) => hand.handle_reply(reply, now),
        // What is no code the page has told already.
        Err(_) => {}
    }
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
}
