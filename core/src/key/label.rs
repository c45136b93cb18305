use hkdf::Hkdf;
use sha2::Sha256;

const SALT: &[u8] = b"partyline/2";

/// What a derived key is for. See the [module](super) for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    DeviceId,
    NoisePsk,
    MeetingKey,
    Voucher,
    IceUfrag,
    IcePwd,
    RedialUfrag,
    RedialPwd,
}

impl Label {
    fn name(self) -> &'static str {
        match self {
            Self::DeviceId => "device-id",
            Self::NoisePsk => "noise-psk",
            Self::MeetingKey => "meeting-key",
            Self::Voucher => "voucher",
            Self::IceUfrag => "ice-ufrag",
            Self::IcePwd => "ice-pwd",
            Self::RedialUfrag => "redial-ufrag",
            Self::RedialPwd => "redial-pwd",
        }
    }

    /// Derives the key with this label. The parts of the context are joined, so each must be of fixed length.
    pub(crate) fn derive<const LEN: usize>(self, from: &[u8; 32], context: &[&[u8]]) -> [u8; LEN] {
        const { assert!(LEN <= 255 * 32, "HKDF gives at most 255 hashes") };
        let info = [self.name().as_bytes(), &[0], &context.concat()].concat();
        let mut key = [0; LEN];
        let expanded = Hkdf::<Sha256>::new(Some(SALT), from).expand(&info, &mut key);
        // A key of zeros would be worse than any panic; the check at compile time excludes both.
        assert!(expanded.is_ok(), "the length was checked at compile time");
        key
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ALL: [Label; 8] = [
        Label::DeviceId,
        Label::NoisePsk,
        Label::MeetingKey,
        Label::Voucher,
        Label::IceUfrag,
        Label::IcePwd,
        Label::RedialUfrag,
        Label::RedialPwd,
    ];

    #[test]
    fn labels_are_told_apart() {
        let names: BTreeSet<&str> = ALL.iter().map(|label| label.name()).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(names.iter().all(|name| !name.is_empty() && !name.contains('\0')));
    }

    #[test]
    fn label_key_and_context_count() {
        let key = |label: Label, from: u8, context: &[&[u8]]| -> [u8; 32] { label.derive(&[from; 32], context) };
        let keys: BTreeSet<[u8; 32]> = ALL
            .iter()
            .flat_map(|label| {
                [key(*label, 1, &[]), key(*label, 2, &[]), key(*label, 1, &[b"a"]), key(*label, 1, &[b"b"])]
            })
            .collect();
        assert_eq!(keys.len(), 4 * ALL.len());
        assert_eq!(key(Label::IcePwd, 1, &[b"a", b"b"]), key(Label::IcePwd, 1, &[b"ab"]));
    }
}
