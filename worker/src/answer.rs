use std::net::IpAddr;

use partyline_core::id::{Address, RoomId};
use serde::Serialize;

use crate::listing::AddressJson;
use crate::{Refusal, Route, Ttl};

/// What a caller gets: a status, headers and a short text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

/// On every answer.
const ALWAYS: [(&str, &str); 2] = [("cache-control", "no-store"), ("x-content-type-options", "nosniff")];

/// On what any page may read, whatever its origin.
const FOR_ANY_PAGE: (&str, &str) = ("access-control-allow-origin", "*");

/// The header that says where the caller was seen.
const OBSERVED_IP: &str = "observed-ip";

impl Answer {
    /// `GET /health`. A header says where the caller was seen, if that is known: a page that registers
    /// over IPv6 asks so, at a name that has IPv4 only, how IPv4 sees it.
    pub fn health(observed: Option<IpAddr>) -> Self {
        let mut answer = Self::of(200).header("content-type", "text/plain; charset=utf-8");
        if let Some(ip) = observed {
            answer = answer.header(OBSERVED_IP, ip.to_string()).header("access-control-expose-headers", OBSERVED_IP);
        }
        answer.text("IP discovery only".to_owned()).read_on(Route::Health)
    }

    /// `POST /rooms`: the id of a room that nobody has used before.
    pub fn room(room: RoomId) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            room_id: String,
        }
        Self::of(201).json(&Body { room_id: room.to_string() })
    }

    /// `POST /discovery/register`: how long the listing lasts, and where the request was seen to
    /// come from. Without endpoints that is 0 s, whether there was a listing to be withdrawn or
    /// not.
    pub fn registered(ttl: Option<Ttl>, observed_ip: IpAddr) -> Self {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            ttl: u64,
            observed_ip: IpAddr,
        }
        Self::of(200).json(&Body { ttl: ttl.map_or(0, Ttl::seconds), observed_ip })
    }

    /// `GET /discovery/peers`.
    pub fn peers<'a>(peers: impl IntoIterator<Item = &'a Address>) -> Self {
        #[derive(Serialize)]
        struct Body {
            peers: Vec<AddressJson>,
        }
        Self::of(200).json(&Body { peers: peers.into_iter().map(AddressJson::from).collect() }).read_on(Route::Peers)
    }

    /// The room's object lets a request pass: [`RoomRequest::Admit`](crate::RoomRequest::Admit). No
    /// caller gets this.
    pub fn admitted() -> Self {
        Self::of(204)
    }

    /// The answer to `OPTIONS`, be it a browser's preflight or a curious person.
    ///
    /// Where other origins have nothing to do, it allows them nothing, and a browser sends no more.
    pub fn options(route: Route) -> Self {
        let answer = Self::of(204).header("allow", route.allow());
        if route.is_for_any_page() {
            answer
                .header("access-control-allow-methods", route.allow())
                .header("access-control-allow-headers", "content-type")
                .header("access-control-max-age", "86400")
                .read_on(route)
        } else {
            answer
        }
    }

    /// The same on its way to whoever asked this route. Any page may read what a GET answers: there
    /// are no cookies and no accounts here to protect from another site. What can be posted is for
    /// the pages of this origin.
    #[must_use]
    pub fn read_on(mut self, route: Route) -> Self {
        if route.is_for_any_page() && !self.headers.iter().any(|(name, _)| *name == FOR_ANY_PAGE.0) {
            self.headers.push((FOR_ANY_PAGE.0, FOR_ANY_PAGE.1.to_owned()));
        }
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers, their names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        ALWAYS.into_iter().chain(self.headers.iter().map(|(name, value)| (*name, value.as_str())))
    }

    /// The body, if there is one.
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// The same without its body, as `HEAD` wants it (RFC 9110, section 9.3.2).
    pub fn without_body(mut self) -> Self {
        self.body = None;
        self
    }

    fn of(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn text(mut self, body: String) -> Self {
        self.body = Some(body);
        self
    }

    fn json(self, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(text) => self.header("content-type", "application/json").text(text),
            // Only a map with keys that are not text, or a failing `Serialize`, gets here, and
            // there is neither.
            Err(_) => Self::of(500),
        }
    }
}

/// `{"error":"one line"}`.
impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        #[derive(Serialize)]
        struct Body {
            error: String,
        }
        let answer = Self::of(refusal.status()).json(&Body { error: refusal.to_string() });
        let answer = match refusal {
            Refusal::MethodNotAllowed(route) => answer.header("allow", route.allow()),
            _ => answer,
        };
        match refusal.retry_after_s() {
            Some(seconds) => answer.header("retry-after", seconds.to_string()),
            None => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use partyline_core::id::{ParseCertHashError, ParseEndpointError, ParseIdError};

    use super::*;

    fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
        answer.headers().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    #[test]
    fn bodies_are_as_documented() {
        let room = RoomId::from_random_bytes([7; 16]);
        assert_eq!(Answer::room(room).body(), Some(format!(r#"{{"roomId":"{room}"}}"#).as_str()));
        assert_eq!(
            Answer::registered(Some(Ttl::MAX), "203.0.113.7".parse().unwrap()).body(),
            Some(r#"{"ttl":120,"observedIp":"203.0.113.7"}"#)
        );
        assert_eq!(
            Answer::registered(None, "2001:db8::1".parse().unwrap()).body(),
            Some(r#"{"ttl":0,"observedIp":"2001:db8::1"}"#)
        );
        assert_eq!(Answer::peers([]).body(), Some(r#"{"peers":[]}"#));
        assert_eq!(Answer::health(None).body(), Some("IP discovery only"));
        assert_eq!(Answer::from(Refusal::NotFound).body(), Some(r#"{"error":"not found"}"#));
    }

    #[test]
    fn every_answer_is_kept_by_nobody() {
        for answer in [Answer::health(None), Answer::peers([]), Answer::options(Route::Rooms), Refusal::NotFound.into()]
        {
            assert_eq!(header(&answer, "cache-control"), Some("no-store"));
            assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
        }
    }

    #[test]
    fn any_page_may_read_what_can_be_got_and_nothing_else() {
        let refused = |route| Answer::from(Refusal::BodyUnreadable).read_on(route);
        let registered = Answer::registered(Some(Ttl::MAX), "203.0.113.7".parse().unwrap());
        for (answer, origin) in [
            (Answer::health(None), Some("*")),
            (Answer::peers([]), Some("*")),
            (refused(Route::Peers), Some("*")),
            (Answer::options(Route::Peers), Some("*")),
            (Answer::options(Route::Register), None),
            (Answer::options(Route::Rooms), None),
            (Answer::room(RoomId::from_random_bytes([7; 16])), None),
            (registered.clone(), None),
            (registered.read_on(Route::Register), None),
            (refused(Route::Register), None),
            (Refusal::NotFound.into(), None),
        ] {
            assert_eq!(header(&answer, "access-control-allow-origin"), origin, "{answer:?}");
        }
        let twice = Answer::health(None).read_on(Route::Health);
        assert_eq!(twice.headers().filter(|(name, _)| *name == "access-control-allow-origin").count(), 1);
    }

    #[test]
    fn a_preflight_allows_what_can_be_got() {
        let answer = Answer::options(Route::Peers);
        assert_eq!((answer.status(), answer.body()), (204, None));
        assert_eq!(header(&answer, "access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
        assert_eq!(header(&answer, "access-control-allow-headers"), Some("content-type"));
        for route in [Route::Register, Route::Rooms] {
            let answer = Answer::options(route);
            assert_eq!((answer.status(), answer.body()), (204, None));
            assert_eq!(header(&answer, "allow"), Some("POST, OPTIONS"));
            assert!(answer.headers().all(|(name, _)| !name.starts_with("access-control")), "{answer:?}");
        }
    }

    #[test]
    fn refusals_say_what_else_to_do() {
        let answer = Answer::from(Refusal::MethodNotAllowed(Route::Peers));
        assert_eq!((answer.status(), header(&answer, "allow")), (405, Some("GET, HEAD, OPTIONS")));
        let answer = Answer::from(Refusal::RoomFull { retry_after_s: 17 });
        assert_eq!((answer.status(), header(&answer, "retry-after")), (429, Some("17")));
        let answer = Answer::from(Refusal::IpFull { retry_after_s: 3 });
        assert_eq!((answer.status(), header(&answer, "retry-after")), (429, Some("3")));
        let answer = Answer::from(Refusal::TooManyRequests { retry_after_s: 60 });
        assert_eq!((answer.status(), header(&answer, "retry-after")), (429, Some("60")));
        assert_eq!(header(&Answer::from(Refusal::NotJsonType), "retry-after"), None);
    }

    #[test]
    fn every_reason_is_one_line() {
        for refusal in [
            Refusal::Query { expected: "nothing" },
            Refusal::BodyTooLarge,
            Refusal::BodyUnreadable,
            Refusal::ForeignPage,
            Refusal::NotJsonType,
            Refusal::NotJson,
            Refusal::NotRegistration,
            Refusal::TooManyRequests { retry_after_s: 1 },
            Refusal::RoomId(ParseIdError::NotUuid),
            Refusal::CertHash(ParseCertHashError::NotBase64Url),
            Refusal::Endpoint(ParseEndpointError::Unreachable),
            Refusal::CallerUnknown,
            Refusal::Unavailable,
        ] {
            let reason = refusal.to_string();
            assert!(!reason.is_empty() && !reason.contains('\n'), "{reason:?}");
        }
    }
}
