//! The few lines of SDP that a connection with one data channel needs.
//!
//! Lines end with CRLF or LF when read, and with CRLF when written. A value at the level of the media counts before one at
//! the level of the session; Chromium writes credentials and fingerprint at the former, Firefox the fingerprint at the latter.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::IceCredentials;
use crate::id::{Address, CertHash, Endpoint, EndpointHost};

/// Longest description that is looked at, in bytes. Browsers write some 1 to 4 KiB.
pub const MAX_SDP_BYTES: usize = 64 * 1024;

/// What there is to know from a browser's own description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalDescription {
    /// The credentials in it.
    pub credentials: IceCredentials,
    /// The hash of the certificate that the browser will show.
    pub cert_hash: CertHash,
    /// The candidates for UDP that can be dialled, those of the host and those that a STUN server saw, in the browser's
    /// order: at most [`Address::MAX_ENDPOINTS`], each once.
    pub endpoints: Vec<Endpoint>,
}

/// Why a description could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseSdpError {
    /// Longer than [`MAX_SDP_BYTES`].
    #[error("the session description is too long")]
    TooLong,
    /// No line `m=`.
    #[error("the session description has no media")]
    NoMedia,
    /// No usable `a=ice-ufrag` and `a=ice-pwd`.
    #[error("the session description has no ICE credentials")]
    NoCredentials,
    /// No usable `a=fingerprint` with `sha-256`.
    #[error("the session description has no SHA-256 fingerprint")]
    NoFingerprint,
}

/// The attributes of one level of a description.
#[derive(Default)]
struct Level<'a> {
    ufrag: Option<&'a str>,
    pwd: Option<&'a str>,
    fingerprint: Option<&'a str>,
}

impl<'a> Level<'a> {
    fn take(&mut self, line: &'a str) {
        if let Some(ufrag) = line.strip_prefix(UFRAG) {
            self.ufrag.get_or_insert(ufrag);
        } else if let Some(pwd) = line.strip_prefix(PWD) {
            self.pwd.get_or_insert(pwd);
        } else if let Some((algorithm, value)) =
            line.strip_prefix("a=fingerprint:").and_then(|value| value.split_once(' '))
            && algorithm.eq_ignore_ascii_case("sha-256")
        {
            self.fingerprint.get_or_insert(value);
        }
    }
}

const UFRAG: &str = "a=ice-ufrag:";
const PWD: &str = "a=ice-pwd:";

impl LocalDescription {
    /// Adds where this device was seen from outside, with the port of each endpoint: most NATs keep it.
    pub fn see_from(&mut self, ip: IpAddr) {
        let ports: Vec<u16> = self.endpoints.iter().map(Endpoint::port).collect();
        for port in ports {
            if self.endpoints.len() < Address::MAX_ENDPOINTS
                && let Ok(endpoint) = Endpoint::new(EndpointHost::from_ip(ip), port)
                && !self.endpoints.contains(&endpoint)
            {
                self.endpoints.push(endpoint);
            }
        }
    }

    /// Reads a browser's description of its only media, the data channel.
    ///
    /// Candidates that cannot be dialled (TCP, other components, relayed ones, hosts that no [`Endpoint`] may have) are
    /// ignored.
    ///
    /// # Errors
    ///
    /// When there is no media, or the credentials or the fingerprint are missing or malformed.
    pub fn parse(sdp: &str) -> Result<Self, ParseSdpError> {
        if sdp.len() > MAX_SDP_BYTES {
            return Err(ParseSdpError::TooLong);
        }
        let mut session = Level::default();
        let mut media: Option<Level<'_>> = None;
        let mut endpoints = Vec::new();
        for line in sdp.lines() {
            let line = line.trim_end();
            if line.starts_with("m=") {
                if media.is_some() {
                    break;
                }
                media = Some(Level::default());
                continue;
            }
            match &mut media {
                None => session.take(line),
                Some(media) => {
                    media.take(line);
                    if endpoints.len() < Address::MAX_ENDPOINTS
                        && let Some(endpoint) = parse_candidate(line)
                        && !endpoints.contains(&endpoint)
                    {
                        endpoints.push(endpoint);
                    }
                }
            }
        }
        let media = media.ok_or(ParseSdpError::NoMedia)?;
        let ufrag = media.ufrag.or(session.ufrag).ok_or(ParseSdpError::NoCredentials)?;
        let pwd = media.pwd.or(session.pwd).ok_or(ParseSdpError::NoCredentials)?;
        let fingerprint = media.fingerprint.or(session.fingerprint).ok_or(ParseSdpError::NoFingerprint)?;
        Ok(Self {
            credentials: IceCredentials::new(ufrag, pwd).map_err(|_| ParseSdpError::NoCredentials)?,
            cert_hash: CertHash::from_fingerprint(fingerprint).map_err(|_| ParseSdpError::NoFingerprint)?,
            endpoints,
        })
    }
}

/// Reads a candidate, as a line of SDP (`a=candidate:…`) or as an `RTCIceCandidate` gives it (`candidate:…`).
///
/// Returns an endpoint for a candidate of component 1 over UDP that is the host's own (`host`) or the host's as a STUN
/// server saw it (`srflx`). Returns `None` for every other candidate, for a host that no [`Endpoint`] may have, and for
/// any other line.
pub fn parse_candidate(line: &str) -> Option<Endpoint> {
    let line = line.strip_prefix("a=").unwrap_or(line);
    // RFC 8839, section 5.1: foundation component transport priority address port "typ" type …
    let mut fields = line.strip_prefix("candidate:")?.split_ascii_whitespace();
    let _foundation = fields.next()?;
    let component = fields.next()?;
    let transport = fields.next()?;
    let _priority = fields.next()?;
    let address = fields.next()?;
    let port = fields.next()?;
    if component != "1" || !transport.eq_ignore_ascii_case("udp") || fields.next()? != "typ" {
        return None;
    }
    if !matches!(fields.next()?, "host" | "srflx") {
        return None;
    }
    // Hosts are compared without regard to case; ours have one form.
    let host = EndpointHost::parse(&address.to_ascii_lowercase()).ok()?;
    Endpoint::new(host, port.parse().ok()?).ok()
}

/// A description with other ICE credentials in place of those it had, wherever they stood. All other lines stay as they are.
pub fn with_credentials(sdp: &str, credentials: &IceCredentials) -> String {
    let mut changed = String::with_capacity(sdp.len() + 64);
    for line in sdp.split_inclusive('\n') {
        let text = line.trim_end_matches(['\r', '\n']);
        let end = line.strip_prefix(text).unwrap_or_default();
        if text.starts_with(UFRAG) {
            changed.extend([UFRAG, credentials.ufrag(), end]);
        } else if text.starts_with(PWD) {
            changed.extend([PWD, credentials.pwd(), end]);
        } else {
            changed.push_str(line);
        }
    }
    changed
}

/// Who opens the DTLS connection (RFC 8842).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// The client: it opens.
    Active,
    /// The server: it waits.
    Passive,
}

impl Setup {
    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }
}

/// The part that the remote peer plays, agreed without a word: the lower certificate hash is active.
pub fn setup_of_remote(local: &CertHash, remote: &CertHash) -> Setup {
    if remote < local { Setup::Active } else { Setup::Passive }
}

/// The candidates under which a dialler tries an address: each of its endpoints, and the observed IP address with the port
/// of each endpoint, because most NATs keep the port. Each stands there once, the endpoints first.
pub fn dial_candidates(address: &Address) -> Vec<Endpoint> {
    let endpoints = address.endpoints.iter().take(Address::MAX_ENDPOINTS);
    let observed = EndpointHost::from_ip(address.ip.to_canonical());
    // On one's own machine the observed address is a loopback one, which is no endpoint.
    let behind_nat = endpoints.clone().filter_map(|endpoint| Endpoint::new(observed, endpoint.port()).ok());
    let mut candidates = Vec::with_capacity(2 * Address::MAX_ENDPOINTS);
    for candidate in endpoints.copied().chain(behind_nat) {
        if !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    }
    candidates
}

/// The highest cost that Chromium has for a network, an extension of its own (RFC 8839, section 5.1, allows them).
const MOST_NETWORK_COST: u16 = 999;

/// What a connection that waits to be dialled does in this browser with the connectivity checks that come to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It answers them though it was given nobody to talk to (Chromium).
    Answers,
    /// It keeps silent until it dials (Firefox).
    IsSilent,
}

/// A host candidate as a candidate attribute (RFC 8839, section 5.1), which is also what an `RTCIceCandidate` takes. `rank`
/// counts from the best, 0; a browser takes the same endpoint again under another one.
///
/// Of several connections of a peer the best is to be one that knows of us. Where those that wait answer, whatever has shown
/// itself by a check of its own is better than what was listed: an open connection that changed over to one that waits would
/// be deaf from then on. (Chromium looks at the cost of the network first, which such a check tells, and then at the
/// priority.) Where they are silent it is the other way round: who is listed answers only once it dials, and a probe of it
/// that came in before is not to stand in its way.
pub fn candidate_attribute(candidate: &Endpoint, rank: u16, waiting: Waiting) -> String {
    // RFC 8445, section 5.1.2: the highest local preference, less one for each rank, and the type preference of a host
    // candidate (126) or of a server-reflexive one (100). That of a peer-reflexive one is between (110).
    let best = match waiting {
        Waiting::Answers => 1_694_498_815,
        Waiting::IsSilent => 2_130_706_431,
    };
    let priority = best - u32::from(rank);
    let (host, port) = (candidate.host(), candidate.port());
    let foundation = u32::from(rank) + 1;
    format!("candidate:{foundation} 1 udp {priority} {host} {port} typ host network-cost {MOST_NETWORK_COST}")
}

/// The answer that a dialler writes in the name of the peer that it dials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteAnswer {
    /// The peer's ICE credentials.
    pub credentials: IceCredentials,
    /// The hash of the peer's certificate.
    pub cert_hash: CertHash,
    /// The peer's part in the DTLS connection.
    pub setup: Setup,
    /// Where to try to reach the peer, best first; none for a connection that waits to be dialled.
    pub candidates: Vec<Endpoint>,
}

impl RemoteAnswer {
    /// The answer as SDP, for `setRemoteDescription`.
    pub fn to_sdp(&self, waiting: Waiting) -> String {
        let mut sdp = String::from(
            "v=0\r\n\
             o=- 1 2 IN IP4 127.0.0.1\r\n\
             s=-\r\n\
             t=0 0\r\n\
             a=group:BUNDLE 0\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
             c=IN IP4 0.0.0.0\r\n",
        );
        // Writing to a String cannot fail.
        for (rank, candidate) in (0..).zip(&self.candidates) {
            let _ = write!(sdp, "a={}\r\n", candidate_attribute(candidate, rank, waiting));
        }
        let _ = write!(
            sdp,
            "a=ice-ufrag:{}\r\n\
             a=ice-pwd:{}\r\n\
             a=fingerprint:sha-256 {}\r\n\
             a=setup:{}\r\n\
             a=mid:0\r\n\
             a=sctp-port:5000\r\n\
             a=max-message-size:262144\r\n",
            self.credentials.ufrag(),
            self.credentials.pwd(),
            self.cert_hash.to_fingerprint(),
            self.setup.as_str(),
        );
        sdp
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::RoomSecret;
    use crate::key::MeetingKey;

    fn credentials() -> IceCredentials {
        IceCredentials::new("0123456789abcdef", "0123456789abcdef0123456789abcdef").unwrap()
    }

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::parse(text).unwrap()
    }

    #[test]
    fn what_was_told_ranks_below_what_has_called_where_those_that_wait_answer() {
        let priority = |rank, waiting| {
            let line = candidate_attribute(&endpoint("192.0.2.7:51234"), rank, waiting);
            line.split(' ').nth(3).unwrap().parse::<u32>().unwrap()
        };
        // Of a peer-reflexive candidate: type preference 110, local preference 0 to 65535, component 1.
        let (lowest, highest) = ((110 << 24) + 255, (110 << 24) + (65_535 << 8) + 255);
        assert!((0..=u16::MAX).all(|rank| priority(rank, Waiting::Answers) < lowest));
        assert!((0..=u16::MAX).all(|rank| priority(rank, Waiting::IsSilent) > highest));
        for waiting in [Waiting::Answers, Waiting::IsSilent] {
            assert!((1..=u16::MAX).all(|rank| priority(rank, waiting) < priority(rank - 1, waiting)));
        }
    }

    #[test]
    fn where_it_was_seen_is_an_endpoint_more_for_each_port() {
        let text = |endpoints: &[Endpoint]| endpoints.iter().map(Endpoint::to_string).collect::<Vec<_>>().join(" ");
        let mut description = LocalDescription {
            credentials: credentials(),
            cert_hash: CertHash::from_bytes([0; 32]),
            endpoints: ["192.0.2.7:1", "[2001:db8::7]:2", "203.0.113.7:1"].map(endpoint).to_vec(),
        };
        description.see_from("203.0.113.7".parse().unwrap());
        assert_eq!(text(&description.endpoints), "192.0.2.7:1 [2001:db8::7]:2 203.0.113.7:1 203.0.113.7:2");
        // An address that nobody can dial adds none, and there is room for eight.
        description.see_from("127.0.0.1".parse().unwrap());
        assert_eq!(description.endpoints.len(), 4);
        for last in 1..9 {
            description.see_from(std::net::Ipv4Addr::new(198, 51, 100, last).into());
        }
        assert_eq!(description.endpoints.len(), Address::MAX_ENDPOINTS);
    }

    #[test]
    fn reads_only_candidates_that_can_be_dialled() {
        for (line, text) in [
            ("a=candidate:1 1 udp 2113937151 192.168.1.7 51234 typ host", Some("192.168.1.7:51234")),
            ("candidate:1 1 UDP 2113937151 192.168.1.7 51234 typ host", Some("192.168.1.7:51234")),
            ("a=candidate:2 1 udp 2113939711 2001:DB8::1 51235 typ host generation 0", Some("[2001:db8::1]:51235")),
            ("a=candidate:2 2 udp 2113939711 192.168.1.7 51235 typ host", None),
            ("a=candidate:3 1 tcp 1518280447 192.168.1.7 9 typ host tcptype active", None),
            (
                "a=candidate:4 1 udp 1677729535 203.0.113.7 51234 typ srflx raddr 0.0.0.0 rport 0",
                Some("203.0.113.7:51234"),
            ),
            ("a=candidate:4 1 udp 1677729535 203.0.113.7 51234 typ relay raddr 0.0.0.0 rport 0", None),
            ("a=candidate:4 1 udp 1677729535 203.0.113.7 51234 typ prflx raddr 0.0.0.0 rport 0", None),
            ("a=candidate:5 1 udp 2113937151 127.0.0.1 51234 typ host", None),
            ("a=candidate:5 1 udp 2113937151 192.168.1.7 0 typ host", None),
            ("a=candidate:5 1 udp 2113937151 192.168.1.7 65536 typ host", None),
            ("a=candidate:6 1 udp 2113937151 printer.local 51234 typ host", None),
            ("a=candidate:6 1 udp 2113937151 192.168.1.7 51234", None),
            ("a=candidate:", None),
            ("a=end-of-candidates", None),
        ] {
            assert_eq!(parse_candidate(line).map(|endpoint| endpoint.to_string()).as_deref(), text, "{line}");
        }
    }

    #[test]
    fn says_what_is_missing() {
        let whole = RemoteAnswer {
            credentials: credentials(),
            cert_hash: CertHash::from_bytes([7; 32]),
            setup: Setup::Active,
            candidates: Vec::new(),
        }
        .to_sdp(Waiting::Answers);
        let without = |prefix: &str| {
            let lines = whole.split_inclusive('\n').filter(|line| !line.starts_with(prefix));
            LocalDescription::parse(&lines.collect::<String>())
        };
        assert!(LocalDescription::parse(&whole).is_ok());
        assert_eq!(without("m="), Err(ParseSdpError::NoMedia));
        assert_eq!(without("a=ice-ufrag"), Err(ParseSdpError::NoCredentials));
        assert_eq!(without("a=ice-pwd"), Err(ParseSdpError::NoCredentials));
        assert_eq!(without("a=fingerprint"), Err(ParseSdpError::NoFingerprint));
        assert_eq!(LocalDescription::parse(&"a".repeat(MAX_SDP_BYTES + 1)), Err(ParseSdpError::TooLong));
        assert_eq!(LocalDescription::parse(&whole.replace("sha-256", "sha-512")), Err(ParseSdpError::NoFingerprint));
    }

    #[test]
    fn a_level_of_its_own_counts_first() {
        let sdp = "v=0\na=ice-ufrag:session0\na=fingerprint:sha-1 00\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\n\
            a=ice-ufrag:media000\na=ice-pwd:0123456789abcdefghijkl\n";
        let fingerprint = CertHash::from_bytes([7; 32]).to_fingerprint();
        let sdp = format!("{sdp}a=fingerprint:SHA-256 {fingerprint}\nm=audio 9 X 0\na=ice-ufrag:second00\n");
        assert_eq!(LocalDescription::parse(&sdp).unwrap().credentials.ufrag(), "media000");
    }

    #[test]
    fn takes_no_more_endpoints_than_an_address_has() {
        let answer = RemoteAnswer {
            credentials: credentials(),
            cert_hash: CertHash::from_bytes([7; 32]),
            setup: Setup::Active,
            candidates: (1..=20).map(|port| endpoint(&format!("10.0.0.1:{port}"))).collect(),
        };
        let description = LocalDescription::parse(&answer.to_sdp(Waiting::Answers)).unwrap();
        assert_eq!(description.endpoints, answer.candidates[..Address::MAX_ENDPOINTS]);
    }

    #[test]
    fn changes_credentials_at_any_level_and_nothing_else() {
        let sdp = "v=0\r\na=ice-ufrag:old0\r\nm=x\na=ice-pwd:old\na=ice-options:trickle\r\na=ice-ufrag:old1";
        assert_eq!(
            with_credentials(sdp, &credentials()),
            "v=0\r\na=ice-ufrag:0123456789abcdef\r\nm=x\na=ice-pwd:0123456789abcdef0123456789abcdef\n\
             a=ice-options:trickle\r\na=ice-ufrag:0123456789abcdef"
        );
    }

    #[test]
    fn the_two_sides_play_different_parts() {
        let (low, high) = (CertHash::from_bytes([1; 32]), CertHash::from_bytes([2; 32]));
        assert_eq!(setup_of_remote(&low, &high), Setup::Passive);
        assert_eq!(setup_of_remote(&high, &low), Setup::Active);
    }

    #[test]
    fn dials_the_observed_address_on_every_port_once() {
        let dial = |ip: &str, endpoints: &[&str]| {
            let endpoints = endpoints.iter().map(|text| endpoint(text)).collect();
            let address = Address::new(ip.parse().unwrap(), endpoints, CertHash::from_bytes([7; 32])).unwrap();
            let candidates: Vec<String> = dial_candidates(&address).iter().map(Endpoint::to_string).collect();
            candidates.join(" ")
        };
        let name = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f.local";
        assert_eq!(
            dial("203.0.113.7", &["10.0.0.1:1", &format!("{name}:2"), "203.0.113.7:1", "10.0.0.1:1"]),
            format!("10.0.0.1:1 {name}:2 203.0.113.7:1 203.0.113.7:2")
        );
        assert_eq!(dial("::ffff:203.0.113.7", &["10.0.0.1:1"]), "10.0.0.1:1 203.0.113.7:1");
        assert_eq!(dial("2001:db8::7", &["10.0.0.1:1"]), "10.0.0.1:1 [2001:db8::7]:1");
        assert_eq!(dial("127.0.0.1", &["10.0.0.1:1"]), "10.0.0.1:1");
        assert_eq!(dial("203.0.113.7", &[]), "");
    }

    fn endpoints() -> impl Strategy<Value = Vec<Endpoint>> {
        let endpoint = (any::<std::net::IpAddr>(), any::<u16>())
            .prop_filter_map("dialable", |(ip, port)| Endpoint::new(EndpointHost::from_ip(ip), port).ok());
        proptest::collection::vec(endpoint, 0..=Address::MAX_ENDPOINTS)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            secret: [u8; 32],
            cert: [u8; 32],
            active: bool,
            candidates in endpoints(),
            lf: bool,
        ) {
            let cert_hash = CertHash::from_bytes(cert);
            let credentials = IceCredentials::derive(&MeetingKey::of(&RoomSecret::from_bytes(secret)), &cert_hash);
            let setup = if active { Setup::Active } else { Setup::Passive };
            let answer = RemoteAnswer { credentials: credentials.clone(), cert_hash, setup, candidates: candidates.clone() };
            let sdp = if lf { answer.to_sdp(Waiting::Answers).replace("\r\n", "\n") } else { answer.to_sdp(Waiting::Answers) };
            let mut endpoints = Vec::new();
            for candidate in candidates {
                if !endpoints.contains(&candidate) {
                    endpoints.push(candidate);
                }
            }
            prop_assert_eq!(
                LocalDescription::parse(&sdp),
                Ok(LocalDescription { credentials, cert_hash, endpoints })
            );
        }

        #[test]
        fn survives_any_text(text in "(\\PC{0,40}\r?\n){0,20}|(a=(candidate:|fingerprint:|ice-ufrag:)[ -~]{0,60}\n){0,20}") {
            let _ = LocalDescription::parse(&text);
            let _ = with_credentials(&text, &credentials());
            let _ = parse_candidate(&text);
        }

        #[test]
        fn survives_damage(at in 0_usize..800, byte in 0_u8..128) {
            let sdp = RemoteAnswer {
                credentials: credentials(),
                cert_hash: CertHash::from_bytes([7; 32]),
                setup: Setup::Active,
                candidates: vec![endpoint("10.0.0.1:1"), endpoint("[2001:db8::1]:2")],
            }
            .to_sdp(Waiting::Answers);
            let mut bytes = sdp.into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = LocalDescription::parse(&String::from_utf8(bytes).unwrap());
        }
    }
}
