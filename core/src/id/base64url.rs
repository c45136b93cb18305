use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Characters that 32 bytes take in base64url without padding.
pub(super) const CHARS_OF_32_BYTES: usize = 43;

/// Writes 32 bytes as 43 base64url characters (RFC 4648, section 5, without padding).
pub(crate) fn encode(bytes: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads what [`encode`] writes, and nothing else: left-over bits must be zero.
pub(crate) fn decode(text: &str) -> Option<[u8; 32]> {
    if text.len() != CHARS_OF_32_BYTES {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}
