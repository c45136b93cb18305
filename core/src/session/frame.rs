use super::{FrameError, ResetCode, StreamId};

/// Bytes of a frame of type `Body` before the piece of the body: type, stream, end.
pub(super) const BODY_OVERHEAD: usize = 1 + 4 + 1;

const PING: u8 = 0;
const PONG: u8 = 1;
const REQUEST: u8 = 2;
const RESPONSE: u8 = 3;
const BODY: u8 = 4;
const RESET: u8 = 5;
const CLOSE: u8 = 6;

/// What one message after the handshake carries. Heads are still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    Ping,
    Pong,
    Request { stream: StreamId, end: bool, head: &'a [u8] },
    Response { stream: StreamId, end: bool, head: &'a [u8] },
    Body { stream: StreamId, end: bool, bytes: &'a [u8] },
    Reset { stream: StreamId, code: ResetCode },
    Close { code: u8 },
}

impl<'a> Frame<'a> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let streamed = |kind: u8, stream: StreamId, end: bool, rest: &[u8]| {
            let mut bytes = Vec::with_capacity(BODY_OVERHEAD + rest.len());
            bytes.push(kind);
            bytes.extend(stream.0.to_be_bytes());
            bytes.push(end.into());
            bytes.extend(rest);
            bytes
        };
        match *self {
            Self::Ping => vec![PING],
            Self::Pong => vec![PONG],
            Self::Request { stream, end, head } => streamed(REQUEST, stream, end, head),
            Self::Response { stream, end, head } => streamed(RESPONSE, stream, end, head),
            Self::Body { stream, end, bytes } => streamed(BODY, stream, end, bytes),
            Self::Reset { stream, code } => {
                let mut bytes = vec![RESET];
                bytes.extend(stream.0.to_be_bytes());
                bytes.extend(code.0.to_be_bytes());
                bytes
            }
            Self::Close { code } => vec![CLOSE, code],
        }
    }

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (&kind, mut rest) = bytes.split_first().ok_or(FrameError::CutShort)?;
        let rest = &mut rest;
        let frame = match kind {
            PING => Self::Ping,
            PONG => Self::Pong,
            REQUEST => Self::Request { stream: take_stream(rest)?, end: take_flag(rest)?, head: std::mem::take(rest) },
            RESPONSE => {
                Self::Response { stream: take_stream(rest)?, end: take_flag(rest)?, head: std::mem::take(rest) }
            }
            BODY => Self::Body { stream: take_stream(rest)?, end: take_flag(rest)?, bytes: std::mem::take(rest) },
            RESET => Self::Reset { stream: take_stream(rest)?, code: ResetCode(take_u32(rest)?) },
            CLOSE => Self::Close { code: take_u8(rest)? },
            unknown => return Err(FrameError::UnknownType(unknown)),
        };
        if rest.is_empty() { Ok(frame) } else { Err(FrameError::LeftOver) }
    }
}

fn take_u8(bytes: &mut &[u8]) -> Result<u8, FrameError> {
    let (&first, rest) = bytes.split_first().ok_or(FrameError::CutShort)?;
    *bytes = rest;
    Ok(first)
}

fn take_u32(bytes: &mut &[u8]) -> Result<u32, FrameError> {
    let (first, rest) = bytes.split_first_chunk().ok_or(FrameError::CutShort)?;
    *bytes = rest;
    Ok(u32::from_be_bytes(*first))
}

fn take_stream(bytes: &mut &[u8]) -> Result<StreamId, FrameError> {
    take_u32(bytes).map(StreamId)
}

fn take_flag(bytes: &mut &[u8]) -> Result<bool, FrameError> {
    match take_u8(bytes)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(FrameError::NoFlag(other)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_taken_whole() {
        assert_eq!(Frame::decode(&[]), Err(FrameError::CutShort));
        assert_eq!(Frame::decode(&[PING, 0]), Err(FrameError::LeftOver));
        assert_eq!(Frame::decode(&[BODY, 0, 0, 0]), Err(FrameError::CutShort));
        assert_eq!(Frame::decode(&[BODY, 0, 0, 0, 1]), Err(FrameError::CutShort));
        assert_eq!(Frame::decode(&[BODY, 0, 0, 0, 1, 2]), Err(FrameError::NoFlag(2)));
        assert_eq!(Frame::decode(&[RESET, 0, 0, 0, 1, 0, 0, 0]), Err(FrameError::CutShort));
        assert_eq!(Frame::decode(&[RESET, 0, 0, 0, 1, 0, 0, 0, 0, 0]), Err(FrameError::LeftOver));
        assert_eq!(Frame::decode(&[CLOSE]), Err(FrameError::CutShort));
        assert_eq!(Frame::decode(&[7]), Err(FrameError::UnknownType(7)));
    }

    proptest! {
        #[test]
        fn frames_round_trip(kind in 0_u8..7, number: u32, end: bool, rest in vec(any::<u8>(), 0..40), code: u32) {
            let stream = StreamId(number);
            let frame = match kind {
                0 => Frame::Ping,
                1 => Frame::Pong,
                2 => Frame::Request { stream, end, head: &rest },
                3 => Frame::Response { stream, end, head: &rest },
                4 => Frame::Body { stream, end, bytes: &rest },
                5 => Frame::Reset { stream, code: ResetCode(code) },
                _ => Frame::Close { code: code as u8 },
            };
            let bytes = frame.encode();
            prop_assert_eq!(bytes[0], kind);
            prop_assert_eq!(Frame::decode(&bytes), Ok(frame));
        }

        #[test]
        fn whatever_is_read_is_written_alike(bytes in vec(any::<u8>(), 0..40), kind in 0_u8..9) {
            let bytes = [&[kind], bytes.as_slice()].concat();
            if let Ok(frame) = Frame::decode(&bytes) {
                prop_assert_eq!(frame.encode(), bytes);
            }
        }
    }
}
