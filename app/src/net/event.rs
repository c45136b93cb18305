//! What can happen to a room's network.

use std::rc::Rc;

use futures::channel::mpsc;
use partyline_core::crew::Input;

use super::proxy::Call;

/// Everything that the loop of a room reacts to.
#[derive(Debug)]
pub(super) enum Event {
    /// What the [`Crew`](partyline_core::crew::Crew) is told.
    Told(Input),
    /// A page of this browser asks some device for something.
    Called(Rc<Call>),
    /// Some tab wants the report on the connections.
    ReportWanted,
    /// Another tab wants to know how things stand.
    TellStatus,
}

/// Where events go. They outlive the loop: sending to one that has ended does nothing.
#[derive(Clone, Debug)]
pub(super) struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    /// A queue: where to put events, and where to take them from.
    pub(super) fn queue() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded();
        (Self(sender), receiver)
    }

    /// Queues an event.
    pub(super) fn send(&self, event: Event) {
        let _ = self.0.unbounded_send(event);
    }

    /// Queues what the crew is told.
    pub(super) fn tell(&self, input: Input) {
        self.send(Event::Told(input));
    }

    /// Whether nobody takes events from the queue any more.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_closed()
    }

    /// Whether both lead to the same queue.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.0.same_receiver(&other.0)
    }
}
