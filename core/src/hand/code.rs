use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::connect::Contact;
use crate::id::{Endpoint, EndpointHost, RoomId, RoomLink, RoomSecret, base64url};

/// As many characters as a QR code of version 10 holds, at the lowest of its levels of correction (ISO/IEC 18004).
pub const QR_CHARS: usize = 271;

/// Longest text that is looked at, in characters.
const MAX_CHARS: usize = RoomLink::MAX_CHARS;
/// More endpoints than this are not worth the room.
const MAX_ENDPOINTS: usize = 6;
/// How a code is laid out.
const VERSION: u8 = 1;
/// What stands before a code, to tell the two apart.
const INVITATION: &str = "i.";
const REPLY: &str = "r.";
/// Bytes of a hash over all before them.
const CHECK_BYTES: usize = 3;

/// What one screen shows and another device reads.
///
/// As a link it is `https://HOST/#i.<…>` or `https://HOST/#r.<…>`: a version byte, what follows in the order of the
/// fields, and three bytes of a hash, in base64url. `Debug` tells neither secret nor endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// The first: come in.
    Invitation(Invitation),
    /// The second: here I am.
    Reply(Reply),
}

/// A room, and a connection of one of its members that waits for whoever reads this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The room and its secret: 16 and 32 bytes.
    pub link: RoomLink,
    /// Tells invitations apart: 4 bytes, random.
    pub tag: u32,
    /// The waiting connection, [packed](Contact::pack).
    pub contact: Contact,
}

/// The answer to an [`Invitation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The room that the invitation was for: 16 bytes.
    pub room: RoomId,
    /// The invitation's tag: 4 bytes.
    pub tag: u32,
    /// The connection that was made for it, [packed](Contact::pack).
    pub contact: Contact,
}

/// Why text is no code. Each `Display` is a sentence for the person who scanned or pasted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseCodeError {
    /// Nothing but white space.
    #[error("Scan or paste a code first.")]
    Empty,
    /// Longer than any code.
    #[error("This text is too long to be a code.")]
    TooLong,
    /// A link to a room.
    #[error("This is a link to a room. What is needed here is the code that the other device shows.")]
    RoomLink,
    /// Something else.
    #[error("This is no code of Partyline.")]
    NoCode,
    /// Cut off or changed on its way.
    #[error("This code is damaged: a part of it is missing or changed. Take the whole code again.")]
    Damaged,
    /// Of a version that is not known here.
    #[error("This code is of another version of Partyline. Load the page again on both devices.")]
    OtherVersion,
}

impl Code {
    /// Whether a fragment, without its `#`, means to be a code, readable or not.
    pub fn is_meant_by(fragment: &str) -> bool {
        fragment.starts_with(INVITATION) || fragment.starts_with(REPLY)
    }

    /// Reads a code as people paste it: a whole URL of any host, or what stands behind its `#`, with white space around it.
    ///
    /// # Errors
    ///
    /// When the text is none; see [`ParseCodeError`].
    pub fn parse(text: &str) -> Result<Self, ParseCodeError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseCodeError::Empty);
        }
        if text.len() > MAX_CHARS {
            return Err(ParseCodeError::TooLong);
        }
        let fragment = text.split_once('#').map_or(text, |(_, fragment)| fragment);
        if let Some(code) = fragment.strip_prefix(INVITATION) {
            return read(INVITATION, code, Self::invitation);
        }
        if let Some(code) = fragment.strip_prefix(REPLY) {
            return read(REPLY, code, Self::reply);
        }
        Err(if RoomLink::parse(text).is_ok() { ParseCodeError::RoomLink } else { ParseCodeError::NoCode })
    }

    fn invitation(bytes: &mut &[u8]) -> Option<Self> {
        let room = RoomId::from_bytes(array(bytes)?).ok()?;
        let secret = RoomSecret::from_bytes(array(bytes)?);
        let tag = u32::from_be_bytes(array(bytes)?);
        let contact = Contact::unpack(bytes).ok()?;
        Some(Self::Invitation(Invitation { link: RoomLink { room, secret }, tag, contact }))
    }

    fn reply(bytes: &mut &[u8]) -> Option<Self> {
        let room = RoomId::from_bytes(array(bytes)?).ok()?;
        let tag = u32::from_be_bytes(array(bytes)?);
        Some(Self::Reply(Reply { room, tag, contact: Contact::unpack(bytes).ok()? }))
    }
}

impl Invitation {
    /// The fragment of the link, without the `#`, in at most so many characters if leaving out endpoints can do it.
    pub fn to_fragment(&self, most: usize) -> String {
        let Self { link: RoomLink { room, secret }, tag, contact } = self;
        write(INVITATION, &[room.as_bytes(), secret.expose(), &tag.to_be_bytes()], contact, most)
    }
}

impl Reply {
    /// The fragment of the link, without the `#`, in at most so many characters if leaving out endpoints can do it.
    pub fn to_fragment(&self, most: usize) -> String {
        write(REPLY, &[self.room.as_bytes(), &self.tag.to_be_bytes()], &self.contact, most)
    }
}

/// The endpoints of a connection as they should stand in a code, the best first: each followed by the address at which a
/// phone book saw this device, if it ever did, with the endpoint's port, since most NATs keep that.
pub fn best_first(endpoints: &[Endpoint], observed: Option<IpAddr>) -> Vec<Endpoint> {
    let mut best = Vec::new();
    for endpoint in endpoints {
        let seen =
            observed.and_then(|ip| Endpoint::new(EndpointHost::from_ip(ip.to_canonical()), endpoint.port()).ok());
        for endpoint in [Some(*endpoint), seen].into_iter().flatten() {
            if best.len() < MAX_ENDPOINTS && !best.contains(&endpoint) {
                best.push(endpoint);
            }
        }
    }
    best
}

fn write(kind: &str, fields: &[&[u8]], contact: &Contact, most: usize) -> String {
    let mut contact = contact.clone();
    contact.endpoints.truncate(MAX_ENDPOINTS);
    loop {
        let mut bytes = vec![VERSION];
        bytes.extend(fields.concat());
        bytes.extend(contact.pack());
        bytes.extend(check(kind, &bytes));
        let text = [kind, &base64url::write(&bytes)].concat();
        if text.len() <= most || contact.endpoints.len() < 2 {
            return text;
        }
        contact.endpoints.pop();
    }
}

fn read(kind: &str, code: &str, parts: impl Fn(&mut &[u8]) -> Option<Code>) -> Result<Code, ParseCodeError> {
    let bytes = base64url::read(code).ok_or(ParseCodeError::Damaged)?;
    let at = bytes.len().checked_sub(CHECK_BYTES).ok_or(ParseCodeError::Damaged)?;
    let (body, found) = bytes.split_at_checked(at).ok_or(ParseCodeError::Damaged)?;
    if found != check(kind, body) {
        return Err(ParseCodeError::Damaged);
    }
    let (version, mut rest) = body.split_first().ok_or(ParseCodeError::Damaged)?;
    if *version != VERSION {
        return Err(ParseCodeError::OtherVersion);
    }
    parts(&mut rest).filter(|_| rest.is_empty()).ok_or(ParseCodeError::Damaged)
}

/// Finds slips, not forgeries: whoever can write codes can write this too.
fn check(kind: &str, bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let [a, b, c, ..] = <[u8; 32]>::from(Sha256::new().chain_update(kind).chain_update(bytes).finalize());
    [a, b, c]
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    bytes.split_off(..N)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connect::IceCredentials;
    use crate::id::CertHash;

    const MDNS: &str = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f.local";

    fn contact(firefox: bool, endpoints: &[&str]) -> Contact {
        let credentials = if firefox {
            IceCredentials::new("0123abcd", "0123456789abcdef0123456789abcdef")
        } else {
            IceCredentials::new("aB3+", "0123456789abcdefghijkl+/")
        };
        Contact {
            cert_hash: CertHash::from_bytes([3; 32]),
            credentials: credentials.unwrap(),
            endpoints: endpoints.iter().map(|text| Endpoint::parse(text).unwrap()).collect(),
        }
    }

    fn invitation(contact: Contact) -> Invitation {
        let link = RoomLink { room: RoomId::from_random_bytes([1; 16]), secret: RoomSecret::from_bytes([2; 32]) };
        Invitation { link, tag: 7, contact }
    }

    fn reply(contact: Contact) -> Reply {
        Reply { room: RoomId::from_random_bytes([1; 16]), tag: 7, contact }
    }

    #[test]
    fn what_browsers_give_fits_a_qr_code_of_version_10() {
        // Names for IPv4 and IPv6 and one for a second network, or two names and what a phone book saw.
        let names = [1, 2, 3].map(|port| format!("{MDNS}:{port}"));
        let seen = [&names[0], "203.0.113.7:1", &names[1], "203.0.113.7:2"];
        for firefox in [false, true] {
            // Chromium gives one name for each kind of IP address, Firefox one for each address.
            for endpoints in [&names.each_ref().map(String::as_str)[..if firefox { 3 } else { 2 }], &seen[..]] {
                let invitation = invitation(contact(firefox, endpoints));
                let text = invitation.to_fragment(usize::MAX);
                // As many characters are left for the host.
                assert!(text.len() + "https://".len() + 31 + "/#".len() <= QR_CHARS, "{}", text.len());
                assert_eq!(Code::parse(&text), Ok(Code::Invitation(invitation)));
            }
        }
    }

    #[test]
    fn endpoints_make_room_from_the_worst_on() {
        let endpoints: Vec<String> = (1..=9).map(|port| format!("{MDNS}:{port}")).collect();
        let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
        let contact = contact(true, &endpoints);
        for (most, kept) in [(usize::MAX, 6), (252, 4), (251, 3), (0, 1)] {
            let Ok(Code::Invitation(read)) = Code::parse(&invitation(contact.clone()).to_fragment(most)) else {
                panic!()
            };
            assert_eq!(read.contact.endpoints, contact.endpoints[..kept], "{most}");
        }
        let fragment = reply(contact).to_fragment(QR_CHARS);
        assert!(fragment.len() <= QR_CHARS);
    }

    #[test]
    fn the_endpoint_that_is_seen_from_outside_stands_behind_its_own() {
        let contact = contact(true, &["10.0.0.2:1", &format!("{MDNS}:2"), "[2001:db8::1]:3"]);
        let text = |observed: Option<&str>| -> String {
            let best = best_first(&contact.endpoints, observed.map(|ip| ip.parse().unwrap()));
            best.iter().map(Endpoint::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text(None), format!("10.0.0.2:1 {MDNS}:2 [2001:db8::1]:3"));
        let seen = format!("10.0.0.2:1 203.0.113.7:1 {MDNS}:2 203.0.113.7:2 [2001:db8::1]:3 203.0.113.7:3");
        assert_eq!(text(Some("::ffff:203.0.113.7")), seen);
        // From one's own machine.
        assert_eq!(text(Some("127.0.0.1")), text(None));
    }

    #[test]
    fn is_read_however_it_is_pasted() {
        let (invitation, reply) = (invitation(contact(true, &["10.0.0.2:1"])), reply(contact(false, &["10.0.0.2:1"])));
        for (fragment, code) in [
            (invitation.to_fragment(QR_CHARS), Code::Invitation(invitation)),
            (reply.to_fragment(QR_CHARS), Code::Reply(reply)),
        ] {
            assert!(Code::is_meant_by(&fragment));
            for text in [format!("https://tasks.example/#{fragment}"), format!(" #{fragment}\n"), fragment.clone()] {
                assert_eq!(Code::parse(&text), Ok(code.clone()), "{text}");
            }
        }
    }

    #[test]
    fn says_what_is_wrong_with_it() {
        use ParseCodeError::*;
        let fragment = invitation(contact(true, &["10.0.0.2:1"])).to_fragment(QR_CHARS);
        let link = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let newer = {
            let mut bytes = vec![VERSION + 1, 5];
            bytes.extend(check(REPLY, &bytes));
            format!("{REPLY}{}", base64url::write(&bytes))
        };
        for (text, error) in [
            (" ".to_owned(), Empty),
            ("x".repeat(2049), TooLong),
            (format!("https://tasks.example/#{link}"), RoomLink),
            (link.to_owned(), RoomLink),
            ("https://tasks.example/".to_owned(), NoCode),
            ("milk and bread".to_owned(), NoCode),
            (newer, OtherVersion),
            ("i.".to_owned(), Damaged),
            ("r.AAAA".to_owned(), Damaged),
            (fragment[..fragment.len() - 3].to_owned(), Damaged),
            (fragment.replace("i.", "r."), Damaged),
            (format!("{fragment}.more"), Damaged),
            (format!("{fragment}AAAA"), Damaged),
        ] {
            assert_eq!(Code::parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn keeps_quiet_about_itself() {
        let code = Code::Invitation(invitation(contact(true, &["10.0.0.2:1"])));
        let text = format!("{code:?}");
        assert!(!text.contains("10.0.0.2") && !text.contains("0123456789abcdef"), "{text}");
    }

    fn contacts() -> impl Strategy<Value = Contact> {
        let endpoint = (any::<IpAddr>(), any::<u16>())
            .prop_filter_map("dialable", |(ip, port)| Endpoint::new(EndpointHost::from_ip(ip), port).ok());
        (any::<[u8; 32]>(), "[a-zA-Z0-9+/]{4,20}", "[a-zA-Z0-9+/]{22,32}", proptest::collection::vec(endpoint, 0..=6))
            .prop_map(|(hash, ufrag, pwd, endpoints)| Contact {
                cert_hash: CertHash::from_bytes(hash),
                credentials: IceCredentials::new(ufrag, pwd).unwrap(),
                endpoints,
            })
    }

    proptest! {
        #[test]
        fn comes_out_as_it_went_in(room: [u8; 16], secret: [u8; 32], tag: u32, contact in contacts()) {
            let link = RoomLink { room: RoomId::from_random_bytes(room), secret: RoomSecret::from_bytes(secret) };
            let reply = Reply { room: link.room, tag, contact: contact.clone() };
            prop_assert_eq!(Code::parse(&reply.to_fragment(usize::MAX)), Ok(Code::Reply(reply)));
            let invitation = Invitation { link, tag, contact };
            prop_assert_eq!(Code::parse(&invitation.to_fragment(usize::MAX)), Ok(Code::Invitation(invitation)));
        }

        #[test]
        fn a_slip_is_found(contact in contacts(), at: prop::sample::Index, other in "[a-zA-Z0-9_-]") {
            let whole = invitation(contact).to_fragment(QR_CHARS);
            let at = 2 + at.index(whole.len() - 2);
            let slipped = format!("{}{other}{}", &whole[..at], &whole[at + 1..]);
            if slipped != whole {
                prop_assert_eq!(Code::parse(&slipped), Err(ParseCodeError::Damaged));
            }
        }

        #[test]
        fn survives_any_text(text in "\\PC{0,300}|[ir]\\.[a-zA-Z0-9_-]{0,300}") {
            let _ = Code::parse(&text);
        }

        #[test]
        fn survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), is_reply: bool) {
            // With a check that is right, so that what is behind it is reached.
            let kind = if is_reply { REPLY } else { INVITATION };
            let mut all = vec![VERSION];
            all.extend(bytes);
            all.extend(check(kind, &all));
            let _ = Code::parse(&format!("{kind}{}", base64url::write(&all)));
        }
    }
}
