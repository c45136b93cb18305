use std::fmt;

use super::base64url;

/// The SHA-256 hash of a browser's DTLS certificate (over its DER form, as RFC 8122 says).
///
/// It names one certificate of one device in one room. Its order is that of its bytes; two peers compare their hashes to
/// agree on who plays which part without a word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertHash([u8; 32]);

/// Why text is not a certificate's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseCertHashError {
    /// Not 43 base64url characters.
    #[error("a certificate's hash is 43 base64url characters")]
    NotBase64Url,
    /// Not 32 pairs of hexadecimal digits with colons between them.
    #[error("a certificate's fingerprint is 32 pairs of hexadecimal digits with colons between them")]
    NotFingerprint,
}

impl CertHash {
    /// Takes the 32 bytes of a hash.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the form that `Display` writes: 43 base64url characters.
    ///
    /// # Errors
    ///
    /// [`ParseCertHashError::NotBase64Url`] when the text is anything but that.
    pub fn parse(text: &str) -> Result<Self, ParseCertHashError> {
        base64url::decode(text).map(Self).ok_or(ParseCertHashError::NotBase64Url)
    }

    /// Reads the value of a `sha-256` fingerprint as SDP writes it, `AB:CD:…` (RFC 8122, section 5).
    ///
    /// The RFC wants capitals; small letters are taken too, because `RTCDtlsTransport` and older browsers write them.
    ///
    /// # Errors
    ///
    /// [`ParseCertHashError::NotFingerprint`] when the text is anything else.
    pub fn from_fingerprint(text: &str) -> Result<Self, ParseCertHashError> {
        let mut bytes = [0; 32];
        let mut pairs = text.split(':');
        for byte in &mut bytes {
            let pair = pairs.next().ok_or(ParseCertHashError::NotFingerprint)?;
            if pair.len() != 2 || !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(ParseCertHashError::NotFingerprint);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| ParseCertHashError::NotFingerprint)?;
        }
        match pairs.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(ParseCertHashError::NotFingerprint),
        }
    }

    /// The hash as the value of a `sha-256` fingerprint in SDP: `AB:CD:…`.
    pub fn to_fingerprint(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }
}

impl fmt::Display for CertHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for CertHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_no_fingerprint() {
        let good = CertHash::from_bytes([0xab; 32]).to_fingerprint();
        assert!(good.starts_with("AB:AB:"));
        assert_eq!(good.len(), 95);
        for bad in [
            "",
            "AB",
            &good[3..],
            &format!("{good}:AB"),
            &format!("{good}:"),
            &good.replace(':', ""),
            &good.replacen("AB", "+B", 1),
        ] {
            assert_eq!(CertHash::from_fingerprint(bad), Err(ParseCertHashError::NotFingerprint), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(bytes: [u8; 32]) {
            let hash = CertHash::from_bytes(bytes);
            prop_assert_eq!(hash.as_bytes(), &bytes);
            prop_assert_eq!(CertHash::parse(&hash.to_string()), Ok(hash));
            prop_assert_eq!(CertHash::from_fingerprint(&hash.to_fingerprint()), Ok(hash));
            prop_assert_eq!(CertHash::from_fingerprint(&hash.to_fingerprint().to_lowercase()), Ok(hash));
        }

        #[test]
        fn survives_any_text(text in "\\PC{0,100}") {
            let _ = CertHash::parse(&text);
            let _ = CertHash::from_fingerprint(&text);
        }
    }
}
