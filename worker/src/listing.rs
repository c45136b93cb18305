use std::net::IpAddr;

use partyline_core::id::{Address, CertHash, Endpoint, RoomId};
use serde::{Deserialize, Serialize};

use crate::Refusal;

/// The body of `POST /discovery/register`, read: `{"roomId":"…","endpoints":["…"],"certHash":"…"}`.
///
/// `Debug` shows no endpoint, as [`Endpoint`] shows nothing of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    room: RoomId,
    endpoints: Vec<Endpoint>,
    cert_hash: CertHash,
}

/// The query of `GET /discovery/peers`, read: `roomId=…&certHash=…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeersQuery {
    /// The room that is asked about.
    pub room: RoomId,
    /// Who asks, and so is not told about itself.
    pub cert_hash: CertHash,
}

/// An address as JSON has it: in the answer with the peers, and on the way to the room's object.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct AddressJson {
    ip: IpAddr,
    endpoints: Vec<String>,
    cert_hash: String,
}

impl Registration {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// When it is not an object of exactly the three fields, or one of them is not in its canonical
    /// form.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        struct Body {
            room_id: String,
            endpoints: Vec<String>,
            cert_hash: String,
        }
        // Serde would also take the array of the three values for the object.
        if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
            return Err(Refusal::NotRegistration);
        }
        let body: Body = serde_json::from_slice(body)
            .map_err(|error| if error.is_data() { Refusal::NotRegistration } else { Refusal::NotJson })?;
        Ok(Self {
            room: RoomId::parse(&body.room_id)?,
            endpoints: parse_endpoints(&body.endpoints)?,
            cert_hash: CertHash::parse(&body.cert_hash)?,
        })
    }

    /// The room to be listed in.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// The address to list: what the caller said, and where it was seen.
    ///
    /// # Errors
    ///
    /// When there are too many endpoints.
    pub fn seen_from(self, ip: IpAddr) -> Result<Address, Refusal> {
        Ok(Address::new(ip, self.endpoints, self.cert_hash)?)
    }
}

impl PeersQuery {
    const EXPECTED: &str = "roomId=…&certHash=…";

    /// Reads a query: the two fields, each once. Neither has a character that would have to be
    /// percent-encoded.
    ///
    /// # Errors
    ///
    /// When it is anything else.
    pub fn parse(query: &str) -> Result<Self, Refusal> {
        let wrong = Refusal::Query { expected: Self::EXPECTED };
        let (mut room, mut cert_hash) = (None, None);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').ok_or(wrong)?;
            let field = match name {
                "roomId" => &mut room,
                "certHash" => &mut cert_hash,
                _ => return Err(wrong),
            };
            if field.replace(value).is_some() {
                return Err(wrong);
            }
        }
        Ok(Self { room: RoomId::parse(room.ok_or(wrong)?)?, cert_hash: CertHash::parse(cert_hash.ok_or(wrong)?)? })
    }
}

impl From<&Address> for AddressJson {
    fn from(address: &Address) -> Self {
        Self {
            ip: address.ip,
            endpoints: address.endpoints.iter().map(Endpoint::to_string).collect(),
            cert_hash: address.cert_hash.to_string(),
        }
    }
}

impl TryFrom<AddressJson> for Address {
    type Error = Refusal;

    fn try_from(json: AddressJson) -> Result<Self, Refusal> {
        Ok(Self::new(json.ip, parse_endpoints(&json.endpoints)?, CertHash::parse(&json.cert_hash)?)?)
    }
}

fn parse_endpoints(texts: &[String]) -> Result<Vec<Endpoint>, Refusal> {
    texts.iter().map(|text| Ok(Endpoint::parse(text)?)).collect()
}

#[cfg(test)]
mod tests {
    use partyline_core::id::{AddressError, ParseCertHashError, ParseEndpointError, ParseIdError};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const ROOM: &str = "6f1c2d3e-4a5b-4c6d-8e7f-0a1b2c3d4e5f";
    const HASH: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const SDP: &str = "v=0\r\no=- 4611 2 IN IP4 127.0.0.1\r\ns=-\r\na=ice-ufrag:x\r\n";

    fn ip() -> IpAddr {
        "203.0.113.7".parse().unwrap()
    }

    fn good() -> Value {
        json!({"roomId": ROOM, "endpoints": ["10.0.0.1:5000", "[2001:db8::1]:5000"], "certHash": HASH})
    }

    fn parse(body: &Value) -> Result<Registration, Refusal> {
        Registration::parse(body.to_string().as_bytes())
    }

    #[test]
    fn reads_a_registration() {
        let registration = parse(&good()).unwrap();
        assert_eq!(registration.room().to_string(), ROOM);
        let address = registration.seen_from(ip()).unwrap();
        assert_eq!(address.cert_hash.to_string(), HASH);
        let endpoints: Vec<String> = address.endpoints.iter().map(Endpoint::to_string).collect();
        assert_eq!(endpoints, ["10.0.0.1:5000", "[2001:db8::1]:5000"]);
    }

    #[test]
    fn the_largest_registration_fits_into_the_largest_body() {
        let longest = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535";
        let body =
            json!({"roomId": ROOM, "endpoints": vec![longest; Address::MAX_ENDPOINTS], "certHash": HASH}).to_string();
        assert!(body.len() <= crate::BoundedBody::MAX_BYTES, "{}", body.len());
        assert!(Registration::parse(body.as_bytes()).unwrap().seen_from(ip()).is_ok());
    }

    #[test]
    fn refuses_other_shapes() {
        for body in [
            json!([ROOM, [], HASH]),
            json!({}),
            json!(null),
            json!("text"),
            json!({"roomId": ROOM, "endpoints": []}),
            json!({"roomId": ROOM, "endpoints": "10.0.0.1:5000", "certHash": HASH}),
            json!({"roomId": 7, "endpoints": [], "certHash": HASH}),
            json!({"roomId": ROOM, "endpoints": [["10.0.0.1:5000"]], "certHash": HASH}),
            json!({"roomId": ROOM, "endpoints": [], "certHash": null}),
        ] {
            assert_eq!(parse(&body), Err(Refusal::NotRegistration), "{body}");
        }
        let twice = format!(r#"{{"roomId":"{ROOM}","roomId":"{ROOM}","endpoints":[],"certHash":"{HASH}"}}"#);
        assert_eq!(Registration::parse(twice.as_bytes()), Err(Refusal::NotRegistration));
        let followed = format!("{} {}", good(), good());
        for text in ["", "{", "room", "{\"roomId\":}", "\u{feff}{}", followed.as_str()] {
            assert!(Registration::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(Registration::parse(b"{\"roomId\":\"\xff\"}"), Err(Refusal::NotJson));
    }

    #[test]
    fn refuses_unknown_fields() {
        for field in ["sdp", "task", "title", "message", "offer", "ttl", "ip", "observedIp", "RoomId", "cert_hash", ""]
        {
            let mut body = good();
            body[field] = json!("");
            assert_eq!(parse(&body), Err(Refusal::NotRegistration), "{field}");
        }
    }

    #[test]
    fn refuses_sdp_and_task_text_in_every_field() {
        for text in [SDP, "buy milk", "candidate:1 1 udp 2122 10.0.0.1 5000 typ host", "https://example/#x", "", " "] {
            let mut body = good();
            body["roomId"] = json!(text);
            assert_eq!(parse(&body), Err(Refusal::RoomId(ParseIdError::NotUuid)), "{text}");
            let mut body = good();
            body["certHash"] = json!(text);
            assert_eq!(parse(&body), Err(Refusal::CertHash(ParseCertHashError::NotBase64Url)), "{text}");
            let mut body = good();
            body["endpoints"] = json!([text]);
            assert!(matches!(parse(&body), Err(Refusal::Endpoint(_))), "{text}");
        }
    }

    #[test]
    fn refuses_endpoints_that_lead_nowhere() {
        let mut body = good();
        body["endpoints"] = json!(["10.0.0.1:5000", "127.0.0.1:5000"]);
        assert_eq!(parse(&body), Err(Refusal::Endpoint(ParseEndpointError::Unreachable)));
        body["endpoints"] = json!(vec!["10.0.0.1:5000"; 9]);
        assert_eq!(parse(&body).unwrap().seen_from(ip()), Err(Refusal::Address(AddressError::TooManyEndpoints)));
    }

    #[test]
    fn reads_a_query_in_either_order() {
        let expected = PeersQuery { room: RoomId::parse(ROOM).unwrap(), cert_hash: CertHash::parse(HASH).unwrap() };
        assert_eq!(PeersQuery::parse(&format!("roomId={ROOM}&certHash={HASH}")), Ok(expected));
        assert_eq!(PeersQuery::parse(&format!("certHash={HASH}&roomId={ROOM}")), Ok(expected));
    }

    #[test]
    fn refuses_other_queries() {
        for query in [
            String::new(),
            format!("roomId={ROOM}"),
            format!("certHash={HASH}"),
            format!("roomId={ROOM}&certHash={HASH}&task=milk"),
            format!("roomId={ROOM}&certHash={HASH}&"),
            format!("roomId={ROOM}&roomId={ROOM}&certHash={HASH}"),
            format!("roomid={ROOM}&certHash={HASH}"),
        ] {
            assert_eq!(PeersQuery::parse(&query), Err(Refusal::Query { expected: PeersQuery::EXPECTED }), "{query}");
        }
        assert!(matches!(PeersQuery::parse(&format!("roomId=&certHash={HASH}")), Err(Refusal::RoomId(_))));
        assert!(matches!(PeersQuery::parse(&format!("roomId={ROOM}&certHash=milk")), Err(Refusal::CertHash(_))));
    }

    /// Values that are nearly right now and then.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => Just(ROOM.to_owned()),
            3 => Just(HASH.to_owned()),
            3 => Just("10.0.0.1:5000".to_owned()),
            1 => Just(SDP.to_owned()),
            2 => "\\PC{0,60}",
            2 => "[0-9.:a-f\\[\\]]{5,40}",
            2 => "[A-Za-z0-9_-]{43}",
        ]
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        let fields =
            (text(), prop::collection::vec(text(), 0..10), text(), prop::option::of(("[a-zA-Z]{1,9}", text())));
        let json = fields.prop_map(|(room, endpoints, hash, extra)| {
            let mut body = json!({"roomId": room, "endpoints": endpoints, "certHash": hash});
            if let Some((name, value)) = extra {
                body[name] = json!(value);
            }
            body.to_string().into_bytes()
        });
        prop_oneof![4 => json, 1 => prop::collection::vec(any::<u8>(), 0..200)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// What gets through can be rebuilt, byte for byte, from parsed parts alone: nothing else
        /// came with it.
        #[test]
        fn whatever_the_body_an_address_comes_of_it_or_nothing(body in body()) {
            let Ok(registration) = Registration::parse(&body) else { return Ok(()) };
            let sent: Value = serde_json::from_slice(&body).unwrap();
            let room = registration.room();
            let Ok(address) = registration.seen_from(ip()) else { return Ok(()) };
            let endpoints: Vec<String> = address.endpoints.iter().map(Endpoint::to_string).collect();
            let rebuilt = json!({"roomId": room.to_string(), "endpoints": endpoints, "certHash": address.cert_hash.to_string()});
            prop_assert_eq!(rebuilt, sent);
            prop_assert!(address.endpoints.len() <= Address::MAX_ENDPOINTS);
            for endpoint in endpoints {
                prop_assert!(endpoint.len() <= Endpoint::MAX_CHARS);
                prop_assert!(Endpoint::parse(&endpoint).is_ok());
            }
        }

        #[test]
        fn a_query_is_exactly_what_was_asked_for_or_refused(query in "\\PC{0,80}|(roomId|certHash|x)=[a-z0-9-]{0,40}(&(roomId|certHash)=[A-Za-z0-9_-]{0,45}){0,2}") {
            if let Ok(PeersQuery { room, cert_hash }) = PeersQuery::parse(&query) {
                let (one, other) = (format!("roomId={room}"), format!("certHash={cert_hash}"));
                let either = [format!("{one}&{other}"), format!("{other}&{one}")];
                prop_assert!(either.contains(&query));
            }
        }

        #[test]
        fn survives_the_way_to_the_rooms_object(ip: IpAddr, port in 1u16.., hash: [u8; 32]) {
            let endpoint = Endpoint::parse(&format!("10.0.0.1:{port}")).unwrap();
            let address = Address::new(ip, vec![endpoint], CertHash::from_bytes(hash)).unwrap();
            let json = serde_json::to_string(&AddressJson::from(&address)).unwrap();
            let back: AddressJson = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(Address::try_from(back), Ok(address));
        }
    }
}
