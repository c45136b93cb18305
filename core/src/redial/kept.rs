use super::MOST;
use crate::connect::{Contact, UnpackContactError};
use crate::id::DeviceId;

/// Version of the form in which contacts are kept.
const VERSION: u8 = 1;

/// What a device keeps of those that it was connected to: the version in a byte, then for each its id (8 bytes) and its
/// [packed](Contact::pack) contact.
pub fn encode_kept(contacts: &[(DeviceId, Contact)]) -> Vec<u8> {
    let mut out = vec![VERSION];
    for (device, contact) in contacts.iter().take(MOST) {
        out.extend(device.to_bytes());
        out.extend(contact.pack());
    }
    out
}

/// Reads what [`encode_kept`] wrote.
///
/// # Errors
///
/// If it is anything else. What is lost then is a way to connect, which the next connection brings back.
pub fn decode_kept(bytes: &[u8]) -> Result<Vec<(DeviceId, Contact)>, UnpackContactError> {
    let Some((&VERSION, mut rest)) = bytes.split_first() else { return Err(UnpackContactError) };
    let mut contacts = Vec::new();
    while !rest.is_empty() {
        let device = rest.split_off(..8).and_then(|device| device.first_chunk()).ok_or(UnpackContactError)?;
        if contacts.len() == MOST {
            return Err(UnpackContactError);
        }
        contacts.push((DeviceId::from_bytes(*device), Contact::unpack(&mut rest)?));
    }
    Ok(contacts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connect::IceCredentials;
    use crate::id::{CertHash, Endpoint};

    fn contacts(count: usize) -> Vec<(DeviceId, Contact)> {
        let contact = |n: u8| Contact {
            cert_hash: CertHash::from_bytes([n; 32]),
            credentials: IceCredentials::new("abcd", "0123456789abcdefghijkl").unwrap(),
            endpoints: vec![Endpoint::parse("192.0.2.7:5000").unwrap(); usize::from(n % 3)],
        };
        (0..count as u8).map(|n| (DeviceId::from_bytes([n; 8]), contact(n))).collect()
    }

    #[test]
    fn come_out_as_they_went_in() {
        for count in 0..=MOST {
            assert_eq!(decode_kept(&encode_kept(&contacts(count))), Ok(contacts(count)));
        }
        assert_eq!(decode_kept(&encode_kept(&contacts(MOST + 3))), Ok(contacts(MOST)));
        let more = [encode_kept(&contacts(MOST)), encode_kept(&contacts(1)).split_off(1)].concat();
        assert!(decode_kept(&more).is_err());
        assert!(decode_kept(&[]).is_err());
        assert!(decode_kept(&[VERSION + 1]).is_err());
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_or_contacts_and_no_panic(mut bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = decode_kept(&bytes);
            bytes.insert(0, VERSION);
            let _ = decode_kept(&bytes);
            let mut damaged = encode_kept(&contacts(3));
            let at = at.index(damaged.len());
            damaged[at] = byte;
            let _ = decode_kept(&damaged);
        }
    }
}
