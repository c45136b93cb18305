use crate::Refusal;
use crate::limits::MAX_BODY_BYTES;

/// A request's body as it comes in, piece by piece, of which no more than
/// [`MAX_BYTES`](Self::MAX_BYTES) are ever kept.
#[derive(Debug, Default)]
pub struct BoundedBody {
    bytes: Vec<u8>,
}

impl BoundedBody {
    /// Most bytes that a body may have. A registration with 8 of the longest endpoints needs some
    /// 600.
    pub const MAX_BYTES: usize = MAX_BODY_BYTES;

    /// Begins a body with the request's `Content-Length`, if it has one, so that a large body is
    /// refused before a byte of it is read.
    ///
    /// # Errors
    ///
    /// When the length is over the limit, or no number.
    pub fn announced(content_length: Option<&str>) -> Result<Self, Refusal> {
        match content_length.map(str::parse::<usize>) {
            None => Ok(Self::default()),
            Some(Ok(length)) if length <= Self::MAX_BYTES => Ok(Self::default()),
            Some(_) => Err(Refusal::BodyTooLarge),
        }
    }

    /// Takes the next piece. After an error the rest must not be read.
    ///
    /// # Errors
    ///
    /// When the body would get over the limit.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        if piece.len() > Self::MAX_BYTES - self.bytes.len() {
            return Err(Refusal::BodyTooLarge);
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// All that came.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn believes_a_length_only_to_refuse_it() {
        assert!(BoundedBody::announced(None).is_ok());
        assert!(BoundedBody::announced(Some("1024")).is_ok());
        for length in ["1025", "99999999999999999999999", "-1", "many"] {
            assert_eq!(BoundedBody::announced(Some(length)).unwrap_err(), Refusal::BodyTooLarge, "{length}");
        }
        let mut body = BoundedBody::announced(Some("3")).unwrap();
        assert_eq!(body.push(&[0; 1025]), Err(Refusal::BodyTooLarge));
    }

    proptest! {
        #[test]
        fn keeps_a_body_whole_or_refuses_it(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..8)) {
            let whole = pieces.concat();
            let mut body = BoundedBody::default();
            let outcome = pieces.iter().try_for_each(|piece| body.push(piece));
            prop_assert_eq!(outcome.is_ok(), whole.len() <= BoundedBody::MAX_BYTES);
            let kept = body.into_bytes();
            prop_assert!(kept.len() <= BoundedBody::MAX_BYTES);
            if outcome.is_ok() {
                prop_assert_eq!(kept, whole);
            }
        }
    }
}
