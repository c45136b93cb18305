use std::fmt;

use crate::id::{CertHash, base64url};
use crate::key::{Label, MeetingKey};

/// The user name fragment and password with which a browser's ICE agent knows its callers (RFC 8839, section 5.4).
///
/// Those of a room are derived, so that nobody has to send them: [`derive`](Self::derive). A browser's own ones, met in
/// its offer, are taken with [`new`](Self::new). `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    ufrag: String,
    pwd: String,
}

/// The texts are no ICE credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIceCredentials {
    /// The fragment is not 4 to 256 letters, digits, `+` or `/`.
    #[error("an ICE user name fragment is 4 to 256 letters, digits, plus signs and slashes")]
    Ufrag,
    /// The password is not 22 to 256 letters, digits, `+` or `/`.
    #[error("an ICE password is 22 to 256 letters, digits, plus signs and slashes")]
    Pwd,
}

impl IceCredentials {
    /// The credentials of the member whose certificate is `cert_hash`, in the room of this meeting key.
    ///
    /// Derived as [`key`](crate::key) says, `ice-ufrag` gives 12 bytes for the fragment and `ice-pwd` 24 for the password,
    /// with the 32 bytes of the hash as context. In standard base64 these are 16 and 32 characters without padding, all of
    /// them *ice-chars*.
    pub fn derive(key: &MeetingKey, cert_hash: &CertHash) -> Self {
        Self::derive_with(key, (Label::IceUfrag, Label::IcePwd), &[cert_hash.as_bytes()])
    }

    /// The credentials under which the member with the certificate `local` calls the one with `remote`, and waits for it to
    /// call, after the two have been connected.
    ///
    /// As [`derive`](Self::derive), with `redial-ufrag` and `redial-pwd` and both hashes as context.
    pub fn derive_for(key: &MeetingKey, local: &CertHash, remote: &CertHash) -> Self {
        let context: [&[u8]; 2] = [local.as_bytes(), remote.as_bytes()];
        Self::derive_with(key, (Label::RedialUfrag, Label::RedialPwd), &context)
    }

    fn derive_with(key: &MeetingKey, (ufrag, pwd): (Label, Label), context: &[&[u8]]) -> Self {
        let ufrag: [u8; 12] = ufrag.derive(key.expose(), context);
        let pwd: [u8; 24] = pwd.derive(key.expose(), context);
        // Of any three bytes, so without padding.
        let text = |bytes: &[u8]| base64url::write(bytes).replace('-', "+").replace('_', "/");
        Self { ufrag: text(&ufrag), pwd: text(&pwd) }
    }

    /// Takes credentials that a browser made.
    ///
    /// # Errors
    ///
    /// When they are not what RFC 8839 allows. So they hold no line break, and can be written into SDP as they are.
    pub fn new(ufrag: impl Into<String>, pwd: impl Into<String>) -> Result<Self, InvalidIceCredentials> {
        let (ufrag, pwd) = (ufrag.into(), pwd.into());
        let ice_chars =
            |text: &str| text.bytes().all(|char| char.is_ascii_alphanumeric() || matches!(char, b'+' | b'/'));
        if !(4..=256).contains(&ufrag.len()) || !ice_chars(&ufrag) {
            return Err(InvalidIceCredentials::Ufrag);
        }
        if !(22..=256).contains(&pwd.len()) || !ice_chars(&pwd) {
            return Err(InvalidIceCredentials::Pwd);
        }
        Ok(Self { ufrag, pwd })
    }

    /// The user name fragment.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// The password.
    pub fn pwd(&self) -> &str {
        &self.pwd
    }
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::RoomSecret;

    #[test]
    fn differ_by_certificate_and_by_room() {
        let [key, other_key] = [1, 2].map(|n| MeetingKey::of(&RoomSecret::from_bytes([n; 32])));
        let (cert, other_cert) = (CertHash::from_bytes([3; 32]), CertHash::from_bytes([4; 32]));
        let credentials = IceCredentials::derive(&key, &cert);
        for other in [IceCredentials::derive(&key, &other_cert), IceCredentials::derive(&other_key, &cert)] {
            assert_ne!(credentials.ufrag(), other.ufrag());
            assert_ne!(credentials.pwd(), other.pwd());
        }
    }

    #[test]
    fn of_other_makes_are_checked() {
        let pwd = "0123456789abcdefghijkl";
        assert!(IceCredentials::new("abcd", pwd).is_ok());
        for ufrag in ["abc", "ab cd", "abcd\r\na=x", "abc-", &"a".repeat(257)] {
            assert_eq!(IceCredentials::new(ufrag, pwd), Err(InvalidIceCredentials::Ufrag), "{ufrag}");
        }
        for pwd in [&pwd[1..], "0123456789abcdefghijk=", &"a".repeat(257)] {
            assert_eq!(IceCredentials::new("abcd", pwd), Err(InvalidIceCredentials::Pwd), "{pwd}");
        }
    }

    #[test]
    fn keep_quiet_about_the_password() {
        let credentials = IceCredentials::new("abcd", "0123456789abcdefghijkl").unwrap();
        assert_eq!(format!("{credentials:?}"), "IceCredentials { ufrag: \"abcd\", .. }");
    }

    proptest! {
        #[test]
        fn are_what_an_ice_agent_takes(secret: [u8; 32], cert: [u8; 32]) {
            let key = MeetingKey::of(&RoomSecret::from_bytes(secret));
            let credentials = IceCredentials::derive(&key, &CertHash::from_bytes(cert));
            prop_assert_eq!(credentials.ufrag().len(), 16);
            prop_assert_eq!(credentials.pwd().len(), 32);
            prop_assert_eq!(
                IceCredentials::new(credentials.ufrag(), credentials.pwd()),
                Ok(credentials)
            );
        }
    }
}
