use super::{AHEAD, MOST};
use crate::connect::{Contact, UnpackContactError};
use crate::id::DeviceId;

/// Version of the form in which contacts are kept.
const VERSION: u8 = 2;

/// What a device keeps of those that it was connected to: the version in a byte, then for each its id (16 bytes), the
/// number of its standbys in a byte, and the [packed](Contact::pack) contact of each.
pub fn encode_kept(kept: &[(DeviceId, Vec<Contact>)]) -> Vec<u8> {
    let mut out = vec![VERSION];
    for (device, contacts) in kept.iter().take(MOST) {
        out.extend(device.to_bytes());
        out.push(contacts.len().min(AHEAD) as u8);
        out.extend(encode_told(contacts));
    }
    out
}

/// Reads what [`encode_kept`] wrote.
///
/// # Errors
///
/// If it is anything else. What is lost then is a way to connect, which the next connection brings back.
pub fn decode_kept(bytes: &[u8]) -> Result<Vec<(DeviceId, Vec<Contact>)>, UnpackContactError> {
    let Some((&VERSION, mut rest)) = bytes.split_first() else { return Err(UnpackContactError) };
    let mut kept = Vec::new();
    while let Some((device, (&count, after))) =
        rest.split_first_chunk().and_then(|(device, after)| Some((device, after.split_first()?)))
    {
        rest = after;
        if kept.len() == MOST || usize::from(count) > AHEAD {
            return Err(UnpackContactError);
        }
        let contacts: Result<_, _> = (0..count).map(|_| Contact::unpack(&mut rest)).collect();
        kept.push((DeviceId::from_bytes(*device), contacts?));
    }
    if rest.is_empty() { Ok(kept) } else { Err(UnpackContactError) }
}

/// What a device tells its peer: the [packed](Contact::pack) contact of each of its standbys, at most [`AHEAD`].
pub fn encode_told(contacts: &[Contact]) -> Vec<u8> {
    contacts.iter().take(AHEAD).flat_map(Contact::pack).collect()
}

/// Reads what [`encode_told`] wrote.
///
/// # Errors
///
/// If it is anything else.
pub fn decode_told(mut bytes: &[u8]) -> Result<Vec<Contact>, UnpackContactError> {
    let mut contacts = Vec::new();
    while !bytes.is_empty() {
        if contacts.len() == AHEAD {
            return Err(UnpackContactError);
        }
        contacts.push(Contact::unpack(&mut bytes)?);
    }
    Ok(contacts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connect::IceCredentials;
    use crate::id::{CertHash, Endpoint};

    fn contact(n: u8) -> Contact {
        Contact {
            cert_hash: CertHash::from_bytes([n; 32]),
            credentials: IceCredentials::new("abcd", "0123456789abcdefghijkl").unwrap(),
            endpoints: vec![Endpoint::parse("192.0.2.7:5000").unwrap(); usize::from(n % 3)],
        }
    }

    fn kept(count: usize) -> Vec<(DeviceId, Vec<Contact>)> {
        (0..count as u8)
            .map(|n| (DeviceId::from_bytes([n; 16]), vec![contact(n); usize::from(n) % (AHEAD + 1)]))
            .collect()
    }

    #[test]
    fn come_out_as_they_went_in() {
        for count in 0..=MOST {
            assert_eq!(decode_kept(&encode_kept(&kept(count))), Ok(kept(count)));
        }
        assert_eq!(decode_kept(&encode_kept(&kept(MOST + 3))), Ok(kept(MOST)));
        let more = [encode_kept(&kept(MOST)), encode_kept(&kept(1)).split_off(1)].concat();
        assert!(decode_kept(&more).is_err());
        assert!(decode_kept(&[]).is_err());
        assert!(decode_kept(&[VERSION + 1]).is_err());
        for count in 0..=AHEAD {
            assert_eq!(decode_told(&encode_told(&vec![contact(7); count])), Ok(vec![contact(7); count]));
        }
        assert!(decode_told(&contact(7).pack().repeat(AHEAD + 1)).is_err());
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_or_contacts_and_no_panic(mut bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = (decode_kept(&bytes), decode_told(&bytes));
            bytes.insert(0, VERSION);
            let _ = decode_kept(&bytes);
            let mut damaged = encode_kept(&kept(3));
            let at = at.index(damaged.len());
            damaged[at] = byte;
            let _ = (decode_kept(&damaged), decode_told(&damaged));
            damaged.truncate(at);
            let _ = decode_kept(&damaged);
        }
    }
}
