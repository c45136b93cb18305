use std::net::IpAddr;

use partyline_core::id::{Address, CertHash, RoomId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::listing::AddressJson;
use crate::{Answer, Book, Limiter, Network, Refusal};

/// What an object is asked, once the front has read the caller's request and noted where it came
/// from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomRequest {
    /// Of a room's object: list this address, or withdraw its owner's listing when the address has
    /// no endpoints.
    Register(Address),
    /// Of a room's object: name the peers of whoever has this certificate.
    Peers(CertHash),
    /// Of the object that stands in for a rate limiter: count one request from there, and say
    /// whether it is one too many.
    Admit(Network),
}

/// The form in which it travels, inside the worker only. The object reads it as strictly as the
/// front reads its callers.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum RoomRequestJson {
    Register(AddressJson),
    Peers(String),
    /// An address of the network.
    Admit(IpAddr),
}

/// The name of the object that counts requests where the platform has no rate limiter. No room's
/// object has it.
pub const LIMITER_OBJECT: &str = "limiter";

/// The name of a room's object: the SHA-256 of the room's id, in hexadecimal.
///
/// Not the id itself, because a platform may keep its objects' names: `wrangler dev` was seen to
/// write them to the disk. Whoever reads one there must not get to know the room's id, with which
/// its addresses can be asked for.
pub fn object_name(room: RoomId) -> String {
    format!("{:x}", Sha256::digest(room.as_bytes()))
}

impl RoomRequest {
    /// Looks it up, or writes it down.
    ///
    /// # Errors
    ///
    /// When the book is full, or the requests are too many.
    pub fn answer(self, book: &mut Book, limiter: &mut Limiter, now_ms: u64) -> Result<Answer, Refusal> {
        match self {
            Self::Admit(network) => {
                limiter.admit(network, now_ms)?;
                Ok(Answer::admitted())
            }
            Self::Register(address) if address.endpoints.is_empty() => {
                book.withdraw(address.cert_hash, address.ip);
                Ok(Answer::registered(None, address.ip))
            }
            Self::Register(address) => {
                let observed_ip = address.ip;
                book.register(address, now_ms)?;
                Ok(Answer::registered(Some(book.ttl()), observed_ip))
            }
            Self::Peers(caller) => Ok(Answer::peers(book.peers(&caller, now_ms))),
        }
    }

    /// Writes it for the room's object.
    ///
    /// # Errors
    ///
    /// Never in fact; JSON could refuse types that do not occur here.
    pub fn to_json(&self) -> Result<String, Refusal> {
        let json = match self {
            Self::Register(address) => RoomRequestJson::Register(address.into()),
            Self::Peers(caller) => RoomRequestJson::Peers(caller.to_string()),
            Self::Admit(network) => RoomRequestJson::Admit(network.first_address()),
        };
        serde_json::to_string(&json).map_err(|_| Refusal::Unavailable)
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// When it is anything else.
    pub fn from_json(json: &str) -> Result<Self, Refusal> {
        match serde_json::from_str(json).map_err(|_| Refusal::NotRegistration)? {
            RoomRequestJson::Register(address) => Ok(Self::Register(address.try_into()?)),
            RoomRequestJson::Peers(caller) => Ok(Self::Peers(CertHash::parse(&caller)?)),
            RoomRequestJson::Admit(address) => Ok(Self::Admit(Network::of(address))),
        }
    }
}

#[cfg(test)]
mod tests {
    use partyline_core::id::Endpoint;
    use serde_json::{Value, json};

    use super::*;
    use crate::Ttl;

    #[test]
    fn an_objects_name_is_the_rooms_alone_and_does_not_tell_its_id() {
        let (room, other) = (RoomId::from_random_bytes([1; 16]), RoomId::from_random_bytes([2; 16]));
        assert_eq!(object_name(room), object_name(room));
        assert_ne!(object_name(room), object_name(other));
        assert_eq!(object_name(room).len(), 64);
        assert!(!object_name(room).contains("0101"), "the id's bytes show through");
        assert_ne!(object_name(room).len(), LIMITER_OBJECT.len());
    }

    fn address(cert: u8, endpoints: &[&str]) -> Address {
        let endpoints = endpoints.iter().map(|text| Endpoint::parse(text).unwrap()).collect();
        Address::new("203.0.113.7".parse().unwrap(), endpoints, CertHash::from_bytes([cert; 32])).unwrap()
    }

    fn ask(book: &mut Book, request: RoomRequest, now_ms: u64) -> Value {
        let request = RoomRequest::from_json(&request.to_json().unwrap()).unwrap();
        let answer = request.answer(book, &mut Limiter::default(), now_ms).unwrap();
        serde_json::from_str(answer.body().unwrap()).unwrap()
    }

    #[test]
    fn a_browser_lists_itself_is_found_and_withdraws() {
        let mut book = Book::new(Ttl::MAX);
        let caller = CertHash::from_bytes([2; 32]);
        let listed = ask(&mut book, RoomRequest::Register(address(1, &["10.0.0.1:5000"])), 0);
        assert_eq!(listed, json!({"ttl": 120, "observedIp": "203.0.113.7"}));

        let found = ask(&mut book, RoomRequest::Peers(caller), 1);
        let hash = CertHash::from_bytes([1; 32]).to_string();
        assert_eq!(found, json!({"peers": [{"ip": "203.0.113.7", "endpoints": ["10.0.0.1:5000"], "certHash": hash}]}));

        let withdrawn = ask(&mut book, RoomRequest::Register(address(1, &[])), 2);
        assert_eq!(withdrawn, json!({"ttl": 0, "observedIp": "203.0.113.7"}));
        assert_eq!(ask(&mut book, RoomRequest::Peers(caller), 3), json!({"peers": []}));
    }

    #[test]
    fn who_has_no_listing_may_still_ask_where_it_was_seen() {
        let mut book = Book::new(Ttl::MAX);
        let seen = ask(&mut book, RoomRequest::Register(address(1, &[])), 0);
        assert_eq!(seen, json!({"ttl": 0, "observedIp": "203.0.113.7"}));
        assert_eq!(ask(&mut book, RoomRequest::Peers(CertHash::from_bytes([2; 32])), 1), json!({"peers": []}));
    }

    #[test]
    fn a_network_is_admitted_until_it_asks_too_often() {
        let (mut book, mut limiter) = (Book::new(Ttl::MAX), Limiter::default());
        let mut admit = |ip: &str| {
            let request = RoomRequest::Admit(Network::of(ip.parse().unwrap()));
            let request = RoomRequest::from_json(&request.to_json().unwrap()).unwrap();
            request.answer(&mut book, &mut limiter, 0).map(|answer| answer.status())
        };
        for _ in 0..Limiter::REQUESTS {
            assert_eq!(admit("2001:db8::1"), Ok(204));
        }
        assert_eq!(admit("2001:db8::2"), Err(Refusal::TooManyRequests { retry_after_s: 1 }));
        assert_eq!(admit("2001:db8:0:1::1"), Ok(204));
        assert_eq!(admit("203.0.113.7"), Ok(204));
    }

    #[test]
    fn the_object_trusts_no_text_either() {
        let hash = CertHash::from_bytes([1; 32]).to_string();
        for body in [
            json!({"peers": "milk"}),
            json!({"peers": hash, "task": "milk"}),
            json!({"tasks": []}),
            json!({"admit": "milk"}),
            json!({"admit": "203.0.113.7", "task": "milk"}),
            json!({"register": {"ip": "203.0.113.7", "endpoints": ["milk"], "certHash": hash}}),
            json!({"register": {"ip": "203.0.113.7", "endpoints": [], "certHash": hash, "sdp": "v=0"}}),
            json!({"register": {"ip": "here", "endpoints": [], "certHash": hash}}),
        ] {
            assert!(RoomRequest::from_json(&body.to_string()).is_err(), "{body}");
        }
    }
}
