use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::connect::Contact;
use crate::id::readings::{Taker, is_base64url, readings};
use crate::id::{Endpoint, EndpointHost, RoomId, RoomLink, RoomSecret, base64url};

/// As many characters as a QR code of version 10 holds, at the lowest of its levels of correction (ISO/IEC 18004).
pub const QR_CHARS: usize = 271;

/// Longest code that is looked at, in characters.
const MAX_CHARS: usize = 1024;
/// Breaks that may stand within a code.
const GAPS: usize = 16;
/// Places of a text where a code may begin that are looked at: each costs a hash.
const MAX_PLACES: usize = 16;
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
    /// Longer than [`RoomLink::MAX_BYTES`].
    #[error("This text is too long to look for a code in it.")]
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
    /// Codes for different things.
    #[error("This text has different codes in it. Paste the one that you want.")]
    Several,
}

impl Code {
    /// Finds the code in a text that people paste: a whole URL of any host, or what stands behind its `#`, whatever is
    /// around it, and however mail programs, link trackers and messengers have encoded, wrapped or broken it. The same code
    /// may be there more than once.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one; see [`ParseCodeError`].
    pub fn parse(text: &str) -> Result<Self, ParseCodeError> {
        if text.len() > RoomLink::MAX_BYTES {
            return Err(ParseCodeError::TooLong);
        }
        let readings = readings(text);
        if readings.iter().all(|reading| reading.trim().is_empty()) {
            return Err(ParseCodeError::Empty);
        }
        let mut found = None::<Self>;
        let mut missed = None;
        for result in readings.iter().flat_map(|reading| all_in(reading).take(MAX_PLACES)) {
            match (result, &found) {
                (Ok(code), Some(other)) if code != *other => return Err(ParseCodeError::Several),
                (Ok(code), _) => found = Some(code),
                (Err(error), _) => missed = missed.or(Some(error)),
            }
        }
        let none = || if RoomLink::parse(text).is_ok() { ParseCodeError::RoomLink } else { ParseCodeError::NoCode };
        found.ok_or_else(|| missed.unwrap_or_else(none))
    }

    /// The fragment of the link, without the `#`.
    pub fn to_fragment(&self) -> String {
        match self {
            Self::Invitation(invitation) => invitation.to_fragment(usize::MAX),
            Self::Reply(reply) => reply.to_fragment(usize::MAX),
        }
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

/// All in a text that begins like a code: behind a `#`, or where no word goes on.
fn all_in(text: &str) -> impl Iterator<Item = Result<Code, ParseCodeError>> {
    let begins = |at: usize| !text.as_bytes().get(at.wrapping_sub(1)).is_some_and(u8::is_ascii_alphanumeric);
    (0..text.len()).filter(move |at| begins(*at)).filter_map(|at| {
        let rest = text.get(at..)?;
        let (kind, parts) = if rest.starts_with(INVITATION) {
            (INVITATION, Code::invitation as fn(&mut &[u8]) -> Option<Code>)
        } else if rest.starts_with(REPLY) {
            (REPLY, Code::reply as fn(&mut &[u8]) -> Option<Code>)
        } else {
            return None;
        };
        let code = rest.get(kind.len()..)?;
        // “i.e.” begins like a code, too.
        let is_meant = at == 0 || text.as_bytes().get(at - 1) == Some(&b'#');
        let read = read(kind, code, parts);
        (read.is_ok() || is_meant || code.bytes().take_while(|byte| is_base64url(*byte)).count() > 20).then_some(read)
    })
}

/// Reads a code at the front of a text, whatever follows it: a code tells itself where it ends.
fn read(kind: &str, text: &str, parts: fn(&mut &[u8]) -> Option<Code>) -> Result<Code, ParseCodeError> {
    let mut taker = Taker::new(text.as_bytes(), GAPS);
    let code: String = (0..MAX_CHARS).map_while(|_| taker.take(is_base64url)).collect();
    // Filled up to whole bytes, for it may end in the midst of a group.
    let filled = [&code, "AAAA".get(..4 - code.len() % 4).unwrap_or_default()].concat();
    let bytes = base64url::read(&filled).ok_or(ParseCodeError::Damaged)?;
    match bytes.first() {
        Some(&VERSION) => {}
        Some(_) if is_of_other_version(kind, text) => return Err(ParseCodeError::OtherVersion),
        _ => return Err(ParseCodeError::Damaged),
    }
    let mut rest = bytes.get(1..).unwrap_or_default();
    let parsed = parts(&mut rest).ok_or(ParseCodeError::Damaged)?;
    let length = bytes.len() - rest.len();
    let chars = ((length + CHECK_BYTES) * 4).div_ceil(3);
    let is_whole = rest.get(..CHECK_BYTES) == Some(&check(kind, bytes.get(..length).unwrap_or_default()))
        && code.get(..chars).is_some_and(|code| base64url::read(code).is_some());
    if is_whole { Ok(parsed) } else { Err(ParseCodeError::Damaged) }
}

/// Whether a text that no break is in is a code whose parts are not known here.
fn is_of_other_version(kind: &str, text: &str) -> bool {
    let length = text.bytes().take(MAX_CHARS).take_while(|byte| is_base64url(*byte)).count();
    let bytes = text.get(..length).and_then(base64url::read);
    let parts = bytes.as_ref().and_then(|bytes| bytes.split_last_chunk::<CHECK_BYTES>());
    parts.is_some_and(|(body, found)| *found == check(kind, body))
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
    fn is_found_however_it_is_pasted() {
        let (invitation, reply) = (invitation(contact(true, &["10.0.0.2:1"])), reply(contact(false, &["10.0.0.2:1"])));
        for (fragment, code) in [
            (invitation.to_fragment(QR_CHARS), Code::Invitation(invitation)),
            (reply.to_fragment(QR_CHARS), Code::Reply(reply)),
        ] {
            assert_eq!(code.to_fragment(), fragment);
            let link = format!("https://tasks.example/#{fragment}");
            let encoded = format!("https%3A%2F%2Ftasks.example%2F%23{fragment}");
            let lines = |between: &str| {
                let pieces: Vec<&str> =
                    fragment.as_bytes().chunks(40).map(|piece| str::from_utf8(piece).unwrap()).collect();
                pieces.join(between)
            };
            for text in [
                link.clone(),
                format!(" #{fragment}\n"),
                fragment.clone(),
                format!("{link}."),
                format!("<{link}>"),
                format!("[come in]({link})"),
                format!("_{link}_"),
                format!("i.e. this: {link} or {link}"),
                format!("{link}&utm_source=mail"),
                format!("{link}.more"),
                format!("{link}Best regards"),
                format!("{link} Best regards"),
                format!("\u{200b}{link}\u{200b}"),
                link.replace('#', "%23"),
                link.replace('#', "&#35;"),
                format!("https://tracker.example/?url={encoded}&id=7"),
                format!("https://tracker.example/?url={}", encoded.replace('%', "%25")),
                format!("{}\nBest regards", lines("\n")),
                lines("\r\n> "),
                lines("=\n"),
                lines(" "),
                lines("\u{200b}"),
            ] {
                assert_eq!(Code::parse(&text), Ok(code.clone()), "{text}");
            }
        }
    }

    #[test]
    fn says_what_is_wrong_with_it() {
        use ParseCodeError::*;
        let fragment = invitation(contact(true, &["10.0.0.2:1"])).to_fragment(QR_CHARS);
        let other = reply(contact(true, &["10.0.0.2:1"])).to_fragment(QR_CHARS);
        let link = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let newer = {
            let mut bytes = vec![VERSION + 1, 5];
            bytes.extend(check(REPLY, &bytes));
            format!("{REPLY}{}", base64url::write(&bytes))
        };
        for (text, error) in [
            (" ".to_owned(), Empty),
            ("x".repeat(crate::id::RoomLink::MAX_BYTES + 1), TooLong),
            (format!("https://tasks.example/#{link}"), RoomLink),
            (link.to_owned(), RoomLink),
            ("https://tasks.example/".to_owned(), NoCode),
            ("milk, i.e. no bread".to_owned(), NoCode),
            (newer.clone(), OtherVersion),
            (format!("https://tasks.example/#{newer}"), OtherVersion),
            ("i.".to_owned(), Damaged),
            ("r.AAAA".to_owned(), Damaged),
            (fragment[..fragment.len() - 3].to_owned(), Damaged),
            (format!("Come in: {}", &fragment[..60]), Damaged),
            (fragment.replace("i.", "r."), Damaged),
            (format!("#{fragment} #{other}"), Several),
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
