use minicbor::{Decoder, Encoder, decode, encode};

use super::limits::{MAX_HEAD_BYTES, MAX_HEADERS, MAX_PATH_BYTES};

/// Method, path and headers of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// 1 to 16 capital letters.
    pub method: String,
    /// Path and query: begins with `/`, visible ASCII, at most [`MAX_PATH_BYTES`].
    pub path: String,
    /// Names and values, at most [`MAX_HEADERS`].
    pub headers: Vec<(String, String)>,
}

/// Status and headers of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// 200 to 599: what a browser's `Response` can have.
    pub status: u16,
    /// Names and values, at most [`MAX_HEADERS`].
    pub headers: Vec<(String, String)>,
}

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// More than [`MAX_HEAD_BYTES`].
    #[error("the head is too long")]
    TooLong,
    /// Not the CBOR that it should be.
    #[error("the head is malformed")]
    Malformed,
    /// Not 1 to 16 capital letters.
    #[error("the method is malformed")]
    Method,
    /// No slash first, or something else than visible ASCII, or too long.
    #[error("the path is malformed")]
    Path,
    /// Outside 200 to 599.
    #[error("the status is out of range")]
    Status,
    /// Too many headers, or one with characters that HTTP does not allow.
    #[error("a header is malformed, or there are too many")]
    Headers,
}

impl From<decode::Error> for HeadError {
    fn from(_: decode::Error) -> Self {
        Self::Malformed
    }
}

impl RequestHead {
    /// A request without headers.
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into(), headers: Vec::new() }
    }

    /// The value of a header, whose name is compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    fn check(&self) -> Result<(), HeadError> {
        if !(1..=16).contains(&self.method.len()) || !self.method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(HeadError::Method);
        }
        if self.path.len() > MAX_PATH_BYTES
            || !self.path.starts_with('/')
            || !self.path.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(HeadError::Path);
        }
        check_headers(&self.headers)
    }

    /// The head as a frame carries it.
    pub(super) fn encode(&self) -> Result<Vec<u8>, HeadError> {
        self.check()?;
        finish(|e| {
            e.map(3)?.u8(0)?.str(&self.method)?.u8(1)?.str(&self.path)?.u8(2)?;
            encode_headers(e, &self.headers)
        })
    }

    /// Reads what [`encode`](Self::encode) writes.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeadError> {
        let (mut method, mut path, mut headers) = (None, None, None);
        each_field(bytes, |field, d| {
            match field {
                0 => method = Some(d.str()?.to_owned()),
                1 => path = Some(d.str()?.to_owned()),
                2 => headers = Some(decode_headers(d)?),
                _ => skip(d)?,
            }
            Ok(())
        })?;
        let head = Self {
            method: method.ok_or(HeadError::Malformed)?,
            path: path.ok_or(HeadError::Malformed)?,
            headers: headers.ok_or(HeadError::Malformed)?,
        };
        head.check()?;
        Ok(head)
    }
}

impl ResponseHead {
    /// A response without headers.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new() }
    }

    /// The value of a header, whose name is compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    fn check(&self) -> Result<(), HeadError> {
        if !(200..=599).contains(&self.status) {
            return Err(HeadError::Status);
        }
        check_headers(&self.headers)
    }

    /// The head as a frame carries it.
    pub(super) fn encode(&self) -> Result<Vec<u8>, HeadError> {
        self.check()?;
        finish(|e| {
            e.map(2)?.u8(0)?.u16(self.status)?.u8(1)?;
            encode_headers(e, &self.headers)
        })
    }

    /// Reads what [`encode`](Self::encode) writes.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeadError> {
        let (mut status, mut headers) = (None, None);
        each_field(bytes, |field, d| {
            match field {
                0 => status = Some(d.u16()?),
                1 => headers = Some(decode_headers(d)?),
                _ => skip(d)?,
            }
            Ok(())
        })?;
        let head = Self { status: status.ok_or(HeadError::Malformed)?, headers: headers.ok_or(HeadError::Malformed)? };
        head.check()?;
        Ok(head)
    }
}

/// Passes over one item that only later versions know. What an array or map holds is counted, not entered, so depth is of
/// no concern. (`Decoder::skip` also takes items of indefinite length, which nobody sends, in ten times the code.)
fn skip(d: &mut Decoder<'_>) -> Result<(), HeadError> {
    let mut items = 1_u64;
    while items > 0 {
        items -= 1;
        let bytes = d.input().get(d.position()..).unwrap_or_default();
        let (&first, rest) = bytes.split_first().ok_or(HeadError::Malformed)?;
        let wide = match first & 0x1f {
            0..24 => 0,
            info @ 24..28 => 1 << (info - 24),
            // Lengths that come later.
            _ => return Err(HeadError::Malformed),
        };
        let argument = rest.get(..wide).ok_or(HeadError::Malformed)?;
        let value = argument.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let value = if wide == 0 { u64::from(first & 0x1f) } else { value };
        let mut length = 0;
        match first >> 5 {
            2 | 3 => length = value,
            4 => items = items.saturating_add(value),
            5 => items = items.saturating_add(value).saturating_add(value),
            6 => items = items.saturating_add(1),
            _ => {}
        }
        let end = usize::try_from(length).ok().and_then(|length| (1 + wide).checked_add(length));
        let end = end.filter(|end| *end <= bytes.len()).ok_or(HeadError::Malformed)?;
        d.set_position(d.position() + end);
    }
    Ok(())
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// RFC 9110, sections 5.1 and 5.5, without the obsolete bytes above ASCII.
fn check_headers(headers: &[(String, String)]) -> Result<(), HeadError> {
    let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let valid = |(name, value): &(String, String)| {
        !name.is_empty() && name.bytes().all(tchar) && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
    };
    if headers.len() > MAX_HEADERS || !headers.iter().all(valid) {
        return Err(HeadError::Headers);
    }
    Ok(())
}

type EncodeError = encode::Error<std::convert::Infallible>;

fn finish(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), EncodeError>) -> Result<Vec<u8>, HeadError> {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail.
    write(&mut Encoder::new(&mut bytes)).map_err(|_| HeadError::Malformed)?;
    if bytes.len() > MAX_HEAD_BYTES { Err(HeadError::TooLong) } else { Ok(bytes) }
}

fn encode_headers(e: &mut Encoder<&mut Vec<u8>>, headers: &[(String, String)]) -> Result<(), EncodeError> {
    e.array(headers.len() as u64)?;
    for (name, value) in headers {
        e.array(2)?.str(name)?.str(value)?;
    }
    Ok(())
}

/// Calls `field` with each field's number and the decoder at its value. A field must not stand twice.
fn each_field(
    bytes: &[u8],
    mut field: impl FnMut(u32, &mut Decoder<'_>) -> Result<(), HeadError>,
) -> Result<(), HeadError> {
    if bytes.len() > MAX_HEAD_BYTES {
        return Err(HeadError::TooLong);
    }
    let mut d = Decoder::new(bytes);
    let fields = d.map()?.ok_or(HeadError::Malformed)?;
    let mut last = None;
    for _ in 0..fields {
        let number = d.u32()?;
        if last.is_some_and(|last| number <= last) {
            return Err(HeadError::Malformed);
        }
        last = Some(number);
        field(number, &mut d)?;
    }
    if d.position() == bytes.len() { Ok(()) } else { Err(HeadError::Malformed) }
}

fn decode_headers(d: &mut Decoder<'_>) -> Result<Vec<(String, String)>, HeadError> {
    let count = d.array()?.ok_or(HeadError::Malformed)?;
    if count > MAX_HEADERS as u64 {
        return Err(HeadError::Headers);
    }
    let mut headers = Vec::new();
    for _ in 0..count {
        if d.array()? != Some(2) {
            return Err(HeadError::Malformed);
        }
        headers.push((d.str()?.to_owned(), d.str()?.to_owned()));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    pub(super) fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
        vec(("[A-Za-z][A-Za-z0-9-]{0,20}", "[ -~]{0,60}"), 0..=MAX_HEADERS)
    }

    fn request() -> impl Strategy<Value = RequestHead> {
        ("[A-Z]{1,16}", "/[!-~]{0,511}", headers()).prop_map(|(method, path, headers)| RequestHead {
            method,
            path,
            headers,
        })
    }

    #[test]
    fn limits_are_kept_on_both_sides() {
        let with = |change: fn(&mut RequestHead)| {
            let mut head = RequestHead::new("GET", "/peer/v1/health");
            change(&mut head);
            head.encode().err()
        };
        assert_eq!(with(|_| ()), None);
        assert_eq!(with(|head| head.method = "get".into()), Some(HeadError::Method));
        assert_eq!(with(|head| head.method = String::new()), Some(HeadError::Method));
        assert_eq!(with(|head| head.method = "A".repeat(17)), Some(HeadError::Method));
        assert_eq!(with(|head| head.path = "peer".into()), Some(HeadError::Path));
        assert_eq!(with(|head| head.path = "/a b".into()), Some(HeadError::Path));
        assert_eq!(with(|head| head.path = "/\r\n".into()), Some(HeadError::Path));
        assert_eq!(with(|head| head.path = "/ä".into()), Some(HeadError::Path));
        assert_eq!(with(|head| head.path = format!("/{}", "a".repeat(511))), None);
        assert_eq!(with(|head| head.path = format!("/{}", "a".repeat(512))), Some(HeadError::Path));
        assert_eq!(with(|head| head.headers = vec![("a".into(), "b".into()); 16]), None);
        assert_eq!(with(|head| head.headers = vec![("a".into(), "b".into()); 17]), Some(HeadError::Headers));
        assert_eq!(with(|head| head.headers.push(("a".into(), "b\r\nc: d".into()))), Some(HeadError::Headers));
        assert_eq!(with(|head| head.headers.push((String::new(), "b".into()))), Some(HeadError::Headers));
        assert_eq!(with(|head| head.headers.push(("a".into(), "b".repeat(MAX_HEAD_BYTES)))), Some(HeadError::TooLong));
        assert_eq!(ResponseHead::new(199).encode(), Err(HeadError::Status));
        assert_eq!(ResponseHead::new(600).encode(), Err(HeadError::Status));
        assert_eq!(RequestHead::decode(&[0; MAX_HEAD_BYTES + 1]), Err(HeadError::TooLong));
    }

    #[test]
    fn fields_of_later_versions_are_skipped() {
        let mut bytes = Vec::new();
        let mut e = Encoder::new(&mut bytes);
        e.map(3).unwrap().u8(0).unwrap().u16(204).unwrap().u8(1).unwrap().array(0).unwrap();
        e.u8(9).unwrap().array(1).unwrap().str("new").unwrap();
        assert_eq!(ResponseHead::decode(&bytes), Ok(ResponseHead::new(204)));
    }

    #[test]
    fn fields_stand_once_and_nothing_stands_after_them() {
        let twice = |bytes: &mut Vec<u8>| {
            let mut e = Encoder::new(bytes);
            e.map(3).unwrap().u8(0).unwrap().u16(204).unwrap().u8(0).unwrap().u16(200).unwrap();
            e.u8(1).unwrap().array(0).unwrap();
        };
        let mut bytes = Vec::new();
        twice(&mut bytes);
        assert_eq!(ResponseHead::decode(&bytes), Err(HeadError::Malformed));
        let mut bytes = ResponseHead::new(204).encode().unwrap();
        bytes.push(0);
        assert_eq!(ResponseHead::decode(&bytes), Err(HeadError::Malformed));
    }

    #[test]
    fn header_names_have_no_case() {
        let head = ResponseHead { status: 200, headers: vec![("Content-Type".into(), "x/y".into())] };
        assert_eq!(head.header("content-type"), Some("x/y"));
        assert_eq!(head.header("content"), None);
    }

    proptest! {
        #[test]
        fn request_heads_round_trip(head in request()) {
            prop_assert_eq!(RequestHead::decode(&head.encode().unwrap()), Ok(head));
        }

        #[test]
        fn response_heads_round_trip(status in 200_u16..600, headers in headers()) {
            let head = ResponseHead { status, headers };
            prop_assert_eq!(ResponseHead::decode(&head.encode().unwrap()), Ok(head));
        }

        #[test]
        fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..600)) {
            let _ = RequestHead::decode(&bytes);
            let _ = ResponseHead::decode(&bytes);
        }

        #[test]
        fn damage_is_survived(head in request(), at: prop::sample::Index, byte: u8) {
            let mut bytes = head.encode().unwrap();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(head) = RequestHead::decode(&bytes) {
                prop_assert!(head.check().is_ok());
            }
            let _ = RequestHead::decode(&bytes[..at]);
        }
    }
}
