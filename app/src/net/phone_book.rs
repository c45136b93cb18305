//! The client of the phone book: four requests, and nothing in them but an address.

use std::net::IpAddr;

use gloo_net::http::{Request, Response};
use partyline_core::api::read;
use partyline_core::dial::Unanswered;
use partyline_core::id::{Address, CertHash, Endpoint, RoomId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

/// How long the phone book may take.
const TIMEOUT_MS: u32 = 6_000;
/// How long it may take to make a room's id, while a person waits.
const NEW_ROOM_MS: u32 = 1_000;
/// The longest answer that is looked at: 64 listings stay far below.
const MAX_ANSWER: usize = 64 * 1024;

/// The body of a registration.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    room_id: String,
    endpoints: Vec<String>,
    cert_hash: String,
}

#[derive(Deserialize)]
struct Peers {
    peers: Vec<Peer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Peer {
    ip: String,
    endpoints: Vec<String>,
    cert_hash: String,
}

impl Peer {
    fn address(&self) -> Option<Address> {
        let endpoints = self.endpoints.iter().map(|endpoint| Endpoint::parse(endpoint).ok());
        Address::new(
            self.ip.parse().ok()?,
            endpoints.collect::<Option<Vec<_>>>()?,
            CertHash::parse(&self.cert_hash).ok()?,
        )
        .ok()
    }
}

fn listing(room: RoomId, local: &CertHash, endpoints: &[Endpoint]) -> String {
    let listing = Listing {
        room_id: room.to_string(),
        endpoints: endpoints.iter().take(Address::MAX_ENDPOINTS).map(ToString::to_string).collect(),
        cert_hash: local.to_string(),
    };
    serde_json::to_string(&listing).unwrap_or_default()
}

/// The answer to a registration, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    observed_ip: String,
}

/// Where the phone book saw a registration come from, if it could tell.
pub(super) type Observed = Option<IpAddr>;

/// Lists these endpoints. Also tells what the server's clock says, in milliseconds since 1970.
///
/// # Errors
///
/// The phone book did not take them.
pub(super) async fn register(
    room: RoomId,
    local: CertHash,
    endpoints: &[Endpoint],
) -> Result<(Observed, Option<u64>), Unanswered> {
    let signal = web_sys::AbortSignal::timeout_with_u32(TIMEOUT_MS);
    let request = Request::post("/discovery/register")
        .abort_signal(Some(&signal))
        .header("Content-Type", "application/json")
        .body(listing(room, &local, endpoints));
    let answer = answer(request).await?;
    let date = answer.headers().get("date").map(|date| js_sys::Date::parse(&date)).filter(|date| *date > 0.0);
    let body = answer.binary().await.map_err(|_| Unanswered::default())?;
    Ok((observed(&body), date.map(|date| date as u64)))
}

/// Sends a request, and reads what is answered to it.
async fn body(request: Result<Request, gloo_net::Error>) -> Result<Vec<u8>, Unanswered> {
    answer(request).await?.binary().await.map_err(|_| Unanswered::default())
}

/// Sends a request.
async fn answer(request: Result<Request, gloo_net::Error>) -> Result<Response, Unanswered> {
    let answer = match request {
        Ok(request) => request.send().await,
        Err(error) => Err(error),
    };
    let answer = answer.map_err(|_| Unanswered::default())?;
    if answer.ok() { Ok(answer) } else { Err(refused(&answer)) }
}

fn refused(answer: &Response) -> Unanswered {
    Unanswered { retry_after_ms: answer.headers().get("Retry-After").and_then(|text| milliseconds(&text)) }
}

/// Reads a `Retry-After` in seconds (RFC 9110, section 10.2.3). Our phone book gives no dates.
fn milliseconds(retry_after: &str) -> Option<u64> {
    Some(retry_after.parse::<u64>().ok()?.saturating_mul(1_000))
}

/// Asks for the id of a new room; `None` if nobody answers soon, as where there is no server.
pub(crate) async fn new_room() -> Option<RoomId> {
    let signal = web_sys::AbortSignal::timeout_with_u32(NEW_ROOM_MS);
    let answer = Request::post("/rooms").abort_signal(Some(&signal)).send().await.ok()?;
    if answer.status() != 201 {
        return None;
    }
    made(&answer.binary().await.ok()?)
}

/// The answer to the question for a room's id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    room_id: String,
}

fn made(body: &[u8]) -> Option<RoomId> {
    RoomId::parse(&parse::<Made>(body)?.room_id).ok()
}

fn observed(body: &[u8]) -> Observed {
    parse::<Registered>(body)?.observed_ip.parse().ok()
}

/// Reads an answer that is not too long.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    if body.len() > MAX_ANSWER { None } else { read(body).ok() }
}

/// A certificate hash that no certificate has: who asks in its name is told of everybody.
const NOBODY: [u8; 32] = [0; 32];

/// All addresses, our own among them: so we see if our listing is lost. A listing that does not parse is left out.
///
/// # Errors
///
/// There was no answer, or none that can be read.
pub(super) async fn peers(room: RoomId) -> Result<Vec<Address>, Unanswered> {
    let signal = web_sys::AbortSignal::timeout_with_u32(TIMEOUT_MS);
    let path = format!("/discovery/peers?roomId={room}&certHash={}", CertHash::from_bytes(NOBODY));
    let body = body(Request::get(&path).abort_signal(Some(&signal)).build()).await?;
    parse_peers(&body).ok_or(Unanswered::default())
}

fn parse_peers(body: &[u8]) -> Option<Vec<Address>> {
    let Peers { peers } = parse(body)?;
    Some(peers.iter().filter_map(Peer::address).collect())
}

/// Withdraws the listing of a page that is going away: sent by the browser even after the page is gone.
pub(super) fn withdraw_in_passing(room: RoomId, local: &CertHash) {
    let Some(window) = web_sys::window() else { return };
    let options = web_sys::BlobPropertyBag::new();
    options.set_type("application/json");
    let parts = js_sys::Array::of1(&JsValue::from_str(&listing(room, local, &[])));
    if let Ok(body) = web_sys::Blob::new_with_str_sequence_and_options(&parts, &options) {
        let _ = window.navigator().send_beacon_with_opt_blob("/discovery/register", Some(&body));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn where_we_were_seen_is_an_ip_or_nothing() {
        assert_eq!(observed(br#"{"ttl":120,"observedIp":"203.0.113.7"}"#), Some([203, 0, 113, 7].into()));
        for body in
            ["", "{}", "{\"observedIp\":\"\"}", "{\"observedIp\":\"203.0.113.7:80\"}", &" ".repeat(MAX_ANSWER + 1)]
        {
            assert_eq!(observed(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_new_room_has_an_id_of_the_right_form_or_is_none() {
        let id = "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f";
        let answer = |id: &str| made(format!(r#"{{"roomId":"{id}"}}"#).as_bytes());
        assert_eq!(answer(id).map(|room| room.to_string()).as_deref(), Some(id));
        for wrong in ["", "room", "3f2b8c1e-9d4a-1c6b-8e1f-0a2b3c4d5e6f", &id.to_uppercase(), &format!("{id}#")] {
            assert_eq!(answer(wrong), None, "{wrong}");
        }
        assert_eq!(made(b"<html>"), None);
        assert_eq!(made(" ".repeat(MAX_ANSWER + 1).as_bytes()), None);
    }

    #[test]
    fn a_wait_is_a_number_of_seconds_or_none() {
        assert_eq!(milliseconds("17"), Some(17_000));
        assert_eq!(milliseconds("18446744073709551615"), Some(u64::MAX));
        for text in ["", "-1", "1.5", "soon", "18446744073709551616", "Fri, 27 Nov 2026 20:00:00 GMT"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }

    #[test]
    fn takes_what_parses_and_leaves_the_rest() {
        let body = format!(
            r#"{{"peers":[
                {{"ip":"203.0.113.7","endpoints":["192.0.2.1:5000"],"certHash":"{HASH}"}},
                {{"ip":"203.0.113.7","endpoints":["127.0.0.1:5000"],"certHash":"{HASH}"}},
                {{"ip":"not an address","endpoints":[],"certHash":"{HASH}"}},
                {{"ip":"203.0.113.7","endpoints":[],"certHash":"short"}}
            ]}}"#
        );
        let found = parse_peers(body.as_bytes()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].endpoints[0].to_string(), "192.0.2.1:5000");
    }

    #[test]
    fn an_answer_that_is_none_is_no_answer() {
        assert!(parse_peers(b"<html>").is_none());
        assert!(parse_peers(br#"{"peers":7}"#).is_none());
        assert!(parse_peers(" ".repeat(MAX_ANSWER + 1).as_bytes()).is_none());
    }

    #[test]
    fn a_listing_holds_an_address_and_nothing_else() {
        let room = RoomId::from_random_bytes([7; 16]);
        let endpoint = Endpoint::parse("192.0.2.1:5000").unwrap();
        let text = listing(room, &CertHash::from_bytes([0; 32]), &[endpoint]);
        let expected = format!(r#"{{"roomId":"{room}","endpoints":["192.0.2.1:5000"],"certHash":"{HASH}"}}"#);
        assert_eq!(text, expected);
    }
}
