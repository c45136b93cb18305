//! A browser, as far as the phone book can tell.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use partyline_core::id::CertHash;
use serde_json::{Value, json};
use ureq::http::{Request, Response};
use ureq::{Agent, AsSendBody, Body};

use crate::documented;
use crate::workerd::Workerd;

/// Asks one phone book, each time over a new connection.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    origin: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl Client {
    pub(crate) fn of(workerd: &Workerd) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(60)))
            // workerd closes a connection on which it hears nothing for 5 s, and when it is busy it
            // hears late. So no connection is used twice.
            .max_idle_connections(0)
            .max_idle_connections_per_host(0);
        Self { agent: config.build().into(), origin: format!("http://{}", workerd.authority()) }
    }

    /// A request with these headers.
    pub(crate) fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: impl AsSendBody) -> Reply {
        let reply = self.reply(method, target, headers, body);
        documented::check(method, target, None, &reply);
        reply
    }

    fn reply(&self, method: &str, target: &str, headers: &[(&str, &str)], body: impl AsSendBody) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("{}{target}", self.origin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.agent.run(request.body(body).expect("a request")).expect("an answer");
        Reply::from(response)
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.send("GET", target, &[], ())
    }

    /// What is answered where the app's files are, which the phone book's document does not describe.
    pub(crate) fn file(&self, target: &str) -> Reply {
        self.reply("GET", target, &[], ())
    }

    /// A new room.
    pub(crate) fn room(&self) -> String {
        let reply = self.send("POST", "/rooms", &[], ());
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()["roomId"].as_str().expect("roomId").to_owned()
    }

    /// Registers whatever it is given, from an IP address.
    pub(crate) fn register(&self, ip: &str, body: &Value) -> Reply {
        self.register_text(ip, &body.to_string())
    }

    pub(crate) fn register_text(&self, ip: &str, body: &str) -> Reply {
        let reply = self.register_with(ip, &[("content-type", "application/json")], body);
        documented::check("POST", "/discovery/register", Some(("application/json", body.as_bytes())), &reply);
        reply
    }

    /// Registers with these headers.
    pub(crate) fn register_with(&self, ip: &str, headers: &[(&str, &str)], body: impl AsSendBody) -> Reply {
        let headers = [&[("cf-connecting-ip", ip)], headers].concat();
        self.send("POST", "/discovery/register", &headers, body)
    }

    /// Registers an address of the usual kind, which must be taken.
    pub(crate) fn list(&self, ip: &str, room: &str, hash: &str, endpoints: &[&str]) {
        let reply = self.register(ip, &registration(room, hash, endpoints));
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    /// The peers that somebody is told who is not listed.
    pub(crate) fn peers(&self, room: &str) -> Vec<Value> {
        self.peers_of(room, &hash())
    }

    /// The peers that the owner of this certificate is told.
    pub(crate) fn peers_of(&self, room: &str, hash: &str) -> Vec<Value> {
        let reply = self.get(&format!("/discovery/peers?roomId={room}&certHash={hash}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["peers"].as_array().expect("peers").clone()
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The reason that is given in an error's one shape: one line, and nothing beside it.
    pub(crate) fn error(&self) -> String {
        let json = self.json();
        let reason = json["error"].as_str().expect("error").to_owned();
        assert_eq!(json, json!({ "error": reason }));
        assert!(!reason.contains('\n'), "{reason}");
        reason
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl From<Response<Body>> for Reply {
    fn from(mut response: Response<Body>) -> Self {
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
            .collect();
        let text = response.body_mut().read_to_string().expect("a body of text");
        Self { status: response.status().as_u16(), headers, text }
    }
}

/// A certificate's hash that nobody else in this process has.
pub(crate) fn hash() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [0xa5; 32];
    bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    CertHash::from_bytes(bytes).to_string()
}

pub(crate) fn registration(room: &str, hash: &str, endpoints: &[&str]) -> Value {
    json!({"roomId": room, "endpoints": endpoints, "certHash": hash})
}
