//! A page in which no connection can be made at all: every tab is told why, for as long as this one leads.

use std::pin::pin;
use std::rc::Rc;

use futures::channel::{mpsc, oneshot};
use futures::future::{Either, select};
use futures::stream::StreamExt;
use partyline_core::crew::Obstacle;

use super::event::Event;
use super::status::{Link, RoomStatus};

/// Says so, to whoever asks as well, until `resigned` resolves.
pub(super) async fn run(
    publish: Rc<dyn Fn(RoomStatus)>,
    mut queue: mpsc::UnboundedReceiver<Event>,
    mut resigned: oneshot::Receiver<()>,
) {
    let status = RoomStatus { obstacle: Some(Obstacle::NoConnections), ..RoomStatus::new(Link::Alone) };
    publish(status.clone());
    loop {
        match select(pin!(queue.next()), &mut resigned).await {
            Either::Left((Some(Event::TellStatus), _)) => publish(status.clone()),
            Either::Left((Some(_), _)) => {}
            Either::Left((None, _)) | Either::Right(_) => return,
        }
    }
}
