use std::collections::VecDeque;

use super::frame::Frame;
use super::limits::MAX_BODY_BYTES;
use super::{CommandError, StreamId};

/// One request and its response, as one side sees it.
pub(super) struct Stream {
    /// Whether this side made the request.
    pub(super) ours: bool,
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
}

/// How far the peer's part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    AwaitsHead,
    Body { received: usize },
    Ended,
}

impl Incoming {
    /// What a head begins.
    pub(super) fn after_head(end: bool) -> Self {
        if end { Self::Ended } else { Self::Body { received: 0 } }
    }

    /// Bytes of a body that has not ended.
    pub(super) fn underway(self) -> usize {
        match self {
            Self::Body { received } => received,
            Self::AwaitsHead | Self::Ended => 0,
        }
    }
}

/// How far this side's part is: a head, then a body in pieces.
#[derive(Default)]
pub(super) struct Outgoing {
    head: Option<Vec<u8>>,
    pieces: VecDeque<Vec<u8>>,
    /// Bytes of the first piece that were sent already.
    taken: usize,
    /// Bytes in `pieces` that were not sent.
    queued: usize,
    /// Bytes of the body so far, sent or not.
    total: usize,
    begun: bool,
    /// The caller gave the last piece.
    ended: bool,
    /// The frame with the end was sent.
    end_sent: bool,
}

impl Outgoing {
    pub(super) fn begin(&mut self, head: Vec<u8>) -> Result<(), CommandError> {
        if self.begun {
            return Err(CommandError::OutOfTurn);
        }
        self.begun = true;
        self.head = Some(head);
        Ok(())
    }

    pub(super) fn push(&mut self, bytes: Vec<u8>, end: bool) -> Result<(), CommandError> {
        if !self.begun || self.ended {
            return Err(CommandError::OutOfTurn);
        }
        if bytes.len() > MAX_BODY_BYTES - self.total {
            return Err(CommandError::BodyTooLong);
        }
        self.total += bytes.len();
        self.queued += bytes.len();
        self.ended = end;
        if !bytes.is_empty() {
            self.pieces.push_back(bytes);
        }
        Ok(())
    }

    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    pub(super) fn is_head_sent(&self) -> bool {
        self.begun && self.head.is_none()
    }

    /// Whether everything was sent, the end included.
    pub(super) fn is_sent(&self) -> bool {
        self.end_sent
    }

    /// Whether [`next`](Self::next) has a frame.
    pub(super) fn is_ready(&self) -> bool {
        !self.end_sent && (self.head.is_some() || self.queued > 0 || self.ended)
    }

    /// The next frame, encoded, with at most `max` bytes of the body.
    pub(super) fn next(&mut self, stream: StreamId, ours: bool, max: usize) -> Option<Vec<u8>> {
        if !self.is_ready() {
            return None;
        }
        if let Some(head) = self.head.take() {
            let end = self.ended && self.queued == 0;
            self.end_sent = end;
            let frame = if ours {
                Frame::Request { stream, end, head: &head }
            } else {
                Frame::Response { stream, end, head: &head }
            };
            return Some(frame.encode());
        }
        let bytes = self.take(max);
        let end = self.ended && self.queued == 0;
        self.end_sent = end;
        Some(Frame::Body { stream, end, bytes: &bytes }.encode())
    }

    fn take(&mut self, max: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.queued.min(max));
        while bytes.len() < max
            && let Some(piece) = self.pieces.front()
        {
            let rest = piece.get(self.taken..).unwrap_or_default();
            let fits = rest.len().min(max - bytes.len());
            bytes.extend(rest.iter().take(fits));
            if fits == rest.len() {
                self.pieces.pop_front();
                self.taken = 0;
            } else {
                self.taken += fits;
            }
        }
        self.queued -= bytes.len();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn body_of(outgoing: &mut Outgoing, max: usize) -> (Vec<u8>, usize, bool) {
        let (mut body, mut frames, mut ended) = (Vec::new(), 0, false);
        while let Some(frame) = outgoing.next(StreamId(0), true, max) {
            assert!(!ended, "nothing follows the end");
            match Frame::decode(&frame).unwrap() {
                Frame::Request { end, head, .. } => {
                    assert_eq!((head, frames), (b"head".as_slice(), 0));
                    ended = end;
                }
                Frame::Body { end, bytes, .. } => {
                    assert!(bytes.len() <= max && (end || !bytes.is_empty()));
                    body.extend(bytes);
                    ended = end;
                }
                other => panic!("{other:?}"),
            }
            frames += 1;
        }
        (body, frames, ended)
    }

    #[test]
    fn an_empty_body_costs_no_frame() {
        let mut outgoing = Outgoing::default();
        outgoing.begin(b"head".to_vec()).unwrap();
        outgoing.push(Vec::new(), true).unwrap();
        assert_eq!(body_of(&mut outgoing, 10), (Vec::new(), 1, true));
        assert!(outgoing.is_sent());
    }

    #[test]
    fn an_end_may_come_late() {
        let mut outgoing = Outgoing::default();
        outgoing.begin(b"head".to_vec()).unwrap();
        assert_eq!(body_of(&mut outgoing, 10), (Vec::new(), 1, false));
        assert!(!outgoing.is_ready());
        outgoing.push(Vec::new(), true).unwrap();
        assert_eq!(body_of(&mut outgoing, 10), (Vec::new(), 1, true));
        assert_eq!(outgoing.push(Vec::new(), true), Err(CommandError::OutOfTurn));
    }

    #[test]
    fn a_body_has_a_head_before_it_and_a_limit() {
        let mut outgoing = Outgoing::default();
        assert_eq!(outgoing.push(vec![1], true), Err(CommandError::OutOfTurn));
        outgoing.begin(Vec::new()).unwrap();
        assert_eq!(outgoing.begin(Vec::new()), Err(CommandError::OutOfTurn));
        outgoing.push(vec![0; MAX_BODY_BYTES - 1], false).unwrap();
        assert_eq!(outgoing.push(vec![0; 2], true), Err(CommandError::BodyTooLong));
        assert_eq!(outgoing.push(vec![0; 1], true), Ok(()));
    }

    proptest! {
        #[test]
        fn pieces_come_out_as_they_went_in(pieces in vec(vec(any::<u8>(), 0..30), 0..10), max in 1_usize..20) {
            let mut outgoing = Outgoing::default();
            outgoing.begin(b"head".to_vec()).unwrap();
            for piece in &pieces {
                outgoing.push(piece.clone(), false).unwrap();
            }
            let whole = pieces.concat();
            prop_assert_eq!(outgoing.queued(), whole.len());
            outgoing.push(Vec::new(), true).unwrap();
            let frames = 1 + whole.len().div_ceil(max);
            prop_assert_eq!(body_of(&mut outgoing, max), (whole, frames, true));
            prop_assert_eq!(outgoing.queued(), 0);
        }
    }
}
