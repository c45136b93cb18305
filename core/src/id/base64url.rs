//! base64url without padding (RFC 4648, section 5). The crate `base64` has an engine for every dialect: 2 kB in brotli more.

/// Characters that 32 bytes take in base64url without padding.
pub(super) const CHARS_OF_32_BYTES: usize = 43;

/// Writes 32 bytes as 43 base64url characters.
pub(crate) fn encode(bytes: &[u8; 32]) -> String {
    write(bytes)
}

/// Reads what [`encode`] writes, and nothing else: left-over bits must be zero.
pub(crate) fn decode(text: &str) -> Option<[u8; 32]> {
    if text.len() != CHARS_OF_32_BYTES {
        return None;
    }
    read(text)?.try_into().ok()
}

/// Writes any number of bytes.
pub(crate) fn write(bytes: &[u8]) -> String {
    let mut text = String::with_capacity((bytes.len() * 4).div_ceil(3));
    for part in bytes.chunks(3) {
        let bits = part.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        // One character more than there are bytes.
        for place in 0..=part.len() {
            text.push(char::from(digit((bits >> (18 - 6 * place)) as u8 & 63)));
        }
    }
    text
}

/// Reads what [`write()`] writes, and nothing else.
pub(crate) fn read(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for part in text.as_bytes().chunks(4) {
        let mut bits = 0;
        for digit in part {
            bits = bits << 6 | u32::from(value(*digit)?);
        }
        let (whole, left_over) = (part.len() * 6 / 8, part.len() * 6 % 8);
        // Six bits are no byte.
        if whole == 0 || bits & ((1 << left_over) - 1) != 0 {
            return None;
        }
        bytes.extend((bits >> left_over).to_be_bytes().iter().skip(4 - whole));
    }
    Some(bytes)
}

fn digit(value: u8) -> u8 {
    match value {
        0..26 => b'A' + value,
        26..52 => b'a' + (value - 26),
        52..62 => b'0' + (value - 52),
        62 => b'-',
        _ => b'_',
    }
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_the_test_vectors() {
        // RFC 4648, section 10, and the two characters that differ from base64.
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"fooba", "Zm9vYmE"),
            (b"foobar", "Zm9vYmFy"),
            (b"\xfb\xef\xff", "--__"),
        ] {
            assert_eq!(write(bytes), text);
            assert_eq!(read(text).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["Z", "Zm9vY", "Zh", "Zm9", "Zg==", "Zm8=", "++//", "Zm 9", "Zm9v\n", "Zmé"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod any {
        use super::*;
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        use proptest::prelude::*;

        proptest! {
            #[test]
            fn bytes_are_written_as_by_another(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
                let text = write(&bytes);
                prop_assert_eq!(&text, &URL_SAFE_NO_PAD.encode(&bytes));
                prop_assert_eq!(read(&text), Some(bytes));
            }

            #[test]
            fn text_is_read_or_refused_as_by_another(text in "[A-Za-z0-9_=+/-]{0,20}|\\PC{0,20}") {
                prop_assert_eq!(read(&text), URL_SAFE_NO_PAD.decode(&text).ok());
            }
        }
    }
}
