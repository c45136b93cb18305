use crate::api::{CBOR, Merged, read};

/// The whole answer to a request: of a peer, or of this device's own service worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body; empty if there is none.
    pub content_type: String,
    /// What the clock of the device says that answered, in milliseconds since 1970.
    pub now_ms: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads an answer to changes, in either form: which one it has is up to whoever sent them.
    pub(super) fn merged(&self) -> Option<Merged> {
        if self.content_type == CBOR { Merged::from_cbor(&self.body) } else { read(&self.body).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::JSON;

    fn answer(content_type: &str, body: &[u8]) -> Answer {
        Answer { status: 200, content_type: content_type.to_owned(), now_ms: None, body: body.to_vec() }
    }

    #[test]
    fn changes_are_answered_in_two_forms() {
        let merged = Merged { gap: true, ..Merged::default() };
        for answer in [answer(CBOR, &merged.to_cbor()), answer(JSON, br#"{"gap":true}"#)] {
            assert_eq!(answer.merged(), Some(merged.clone()), "{answer:?}");
        }
        for answer in [answer(CBOR, b"nonsense"), answer(JSON, b"nonsense"), answer("", b"")] {
            assert_eq!(answer.merged(), None, "{answer:?}");
        }
    }
}
