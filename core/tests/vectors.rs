//! The formats that other implementations must agree on, against vectors that other implementations made (see
//! `vectors/README.md`). The same tests run natively and in a browser.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use partyline_core::connect::IceCredentials;
use partyline_core::connect::sdp::{
    LocalDescription, RemoteAnswer, Setup, Waiting, dial_candidates, setup_of_remote, with_credentials,
};
use partyline_core::id::{Address, CertHash, DeviceId, Endpoint, RoomId, RoomSecret};
use partyline_core::key::{DeviceKey, DevicePublicKey, MeetingKey, Psk};
use partyline_core::session::{PeerSession, RequestHead, ResponseHead, Run, SessionConfig, SessionEvent};
use serde_json::Value;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

const OFFERS: [(&str, &str); 4] = [
    ("chromium-mdns.sdp", include_str!("vectors/chromium-mdns.sdp")),
    ("chromium-plain.sdp", include_str!("vectors/chromium-plain.sdp")),
    ("firefox-mdns.sdp", include_str!("vectors/firefox-mdns.sdp")),
    ("firefox-plain.sdp", include_str!("vectors/firefox-plain.sdp")),
];

const ANSWERS: [(&str, &str); 2] = [
    ("answer-active.sdp", include_str!("vectors/answer-active.sdp")),
    ("answer-passive.sdp", include_str!("vectors/answer-passive.sdp")),
];

fn rows(json: &str) -> Vec<Value> {
    let rows: Vec<Value> = serde_json::from_str(json).unwrap();
    assert!(!rows.is_empty());
    rows
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_else(|| panic!("{field} is missing"))
}

fn file<'a>(files: &[(&str, &'a str)], row: &Value) -> &'a str {
    let name = text(row, "file");
    files.iter().find(|(other, _)| *other == name).unwrap().1
}

fn cert_hash(row: &Value, field: &str) -> CertHash {
    CertHash::parse(text(row, field)).unwrap()
}

fn secret(row: &Value) -> RoomSecret {
    RoomSecret::parse(text(row, "secret")).unwrap()
}

fn meeting_key(row: &Value) -> MeetingKey {
    MeetingKey::of(&secret(row))
}

fn endpoints(row: &Value) -> Vec<Endpoint> {
    let texts = row["endpoints"].as_array().unwrap().iter();
    texts.map(|text| Endpoint::parse(text.as_str().unwrap()).unwrap()).collect()
}

#[test]
fn ice_credentials_are_derived() {
    for row in rows(include_str!("vectors/ice.json")) {
        let cert_hash = cert_hash(&row, "certHash");
        assert_eq!(cert_hash.to_fingerprint(), text(&row, "fingerprint"));
        assert_eq!(CertHash::from_fingerprint(text(&row, "fingerprint")), Ok(cert_hash));
        let key = meeting_key(&row);
        let credentials = IceCredentials::derive(&key, &cert_hash);
        assert_eq!(credentials.ufrag(), text(&row, "ufrag"));
        assert_eq!(credentials.pwd(), text(&row, "pwd"));
        let peer = self::cert_hash(&row, "peer");
        let of_pair = IceCredentials::derive_for(&key, &cert_hash, &peer);
        assert_eq!(of_pair.ufrag(), text(&row, "redialUfrag"));
        assert_eq!(of_pair.pwd(), text(&row, "redialPwd"));
    }
}

#[test]
fn some_certificate_hashes_vouch_for_their_device() {
    for row in rows(include_str!("vectors/voucher.json")) {
        let key = meeting_key(&row);
        for (field, vouches) in [("vouched", true), ("others", false)] {
            let hashes = row[field].as_array().unwrap();
            assert_eq!(hashes.len(), 3, "{row}");
            for text in hashes {
                let cert_hash = CertHash::parse(text.as_str().unwrap()).unwrap();
                assert_eq!(key.vouches_for(&cert_hash), vouches, "{text}");
            }
        }
    }
}

#[test]
fn device_ids_are_derived() {
    for row in rows(include_str!("vectors/device.json")) {
        let key = DeviceKey::parse(text(&row, "private")).unwrap();
        let public: [u8; 32] = hex(&row, "public").try_into().unwrap();
        assert_eq!(DevicePublicKey::from_bytes(public), Ok(key.public()));
        assert_eq!(key.public().device().to_string(), text(&row, "device"));
    }
}

#[test]
fn offers_of_browsers_are_read() {
    for row in rows(include_str!("vectors/offers.json")) {
        let sdp = file(&OFFERS, &row);
        let expected = LocalDescription {
            credentials: IceCredentials::new(text(&row, "ufrag"), text(&row, "pwd")).unwrap(),
            cert_hash: cert_hash(&row, "certHash"),
            endpoints: endpoints(&row),
        };
        assert!(sdp.contains("\r\n"), "{row}");
        assert_eq!(LocalDescription::parse(sdp).as_ref(), Ok(&expected), "{row}");
        let with_lf = sdp.replace("\r\n", "\n");
        assert_eq!(LocalDescription::parse(&with_lf).as_ref(), Ok(&expected), "{row}");
        let small =
            sdp.replace(&expected.cert_hash.to_fingerprint(), &{ expected.cert_hash.to_fingerprint().to_lowercase() });
        assert_eq!(LocalDescription::parse(&small).as_ref(), Ok(&expected), "{row}");
    }
}

#[test]
fn credentials_are_put_into_offers_of_browsers() {
    for row in rows(include_str!("vectors/offers.json")) {
        let sdp = file(&OFFERS, &row);
        let (ufrag, pwd) = ("0123456789abcdef", "0123456789abcdef0123456789abcdef");
        let changed = with_credentials(sdp, &IceCredentials::new(ufrag, pwd).unwrap());
        let expected = sdp
            .replace(&format!("a=ice-ufrag:{}\r\n", text(&row, "ufrag")), &format!("a=ice-ufrag:{ufrag}\r\n"))
            .replace(&format!("a=ice-pwd:{}\r\n", text(&row, "pwd")), &format!("a=ice-pwd:{pwd}\r\n"));
        assert_ne!(changed, sdp);
        assert_eq!(changed, expected);
    }
}

#[test]
fn answers_are_written() {
    for row in rows(include_str!("vectors/answers.json")) {
        let expected = file(&ANSWERS, &row);
        let listing = &row["address"];
        let address =
            Address::new(text(listing, "ip").parse().unwrap(), endpoints(listing), cert_hash(listing, "certHash"))
                .unwrap();
        let setup = setup_of_remote(&cert_hash(&row, "localCertHash"), &address.cert_hash);
        let answer = RemoteAnswer {
            credentials: IceCredentials::derive(&meeting_key(&row), &address.cert_hash),
            cert_hash: address.cert_hash,
            setup,
            candidates: dial_candidates(&address),
        };
        assert_eq!(answer.to_sdp(Waiting::Answers), expected);
        let name = if setup == Setup::Active { "answer-active.sdp" } else { "answer-passive.sdp" };
        assert_eq!(text(&row, "file"), name);
    }
}

fn hex(row: &Value, field: &str) -> Vec<u8> {
    let text = text(row, field);
    let pairs = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn run(row: &Value) -> Run {
    Run(hex(row, "run").try_into().unwrap())
}

fn psk(all: &Value, secret: &str) -> Psk {
    Psk::of_room(&RoomSecret::parse(secret).unwrap(), RoomId::parse(text(all, "room")).unwrap())
}

fn config(all: &Value, local: &Value, remote: &Value) -> SessionConfig {
    SessionConfig {
        room: RoomId::parse(text(all, "room")).unwrap(),
        psks: vec![psk(all, text(all, "secret"))],
        local: cert_hash(local, "certHash"),
        remote: cert_hash(remote, "certHash"),
        key: DeviceKey::parse(text(local, "key")).unwrap(),
        run: run(local),
        ephemeral: hex(local, "ephemeral").try_into().unwrap(),
    }
}

fn messages(session: &mut PeerSession) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| session.poll_message()).collect()
}

fn events(session: &mut PeerSession) -> Vec<SessionEvent> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

fn established(remote: &Value, psk: usize) -> SessionEvent {
    SessionEvent::Established { device: DeviceId::parse(text(remote, "device")).unwrap(), run: run(remote), psk }
}

#[test]
fn a_session_is_the_same_to_the_byte() {
    let all: Value = serde_json::from_str(include_str!("vectors/session.json")).unwrap();
    let (initiator, responder) = (&all["initiator"], &all["responder"]);
    let mut alice = PeerSession::new(config(&all, initiator, responder), 0).unwrap();
    let mut bob = PeerSession::new(config(&all, responder, initiator), 0).unwrap();

    // The handshake.
    assert_eq!(messages(&mut alice), [hex(initiator, "first")]);
    assert_eq!(messages(&mut bob), [[0_u8; 0]; 0]);
    bob.handle_message(&hex(initiator, "first"), 0).unwrap();
    assert_eq!(messages(&mut bob), [hex(responder, "second")]);
    assert_eq!(events(&mut bob), []);
    alice.handle_message(&hex(responder, "second"), 0).unwrap();
    assert_eq!(events(&mut alice), [established(responder, 0)]);
    assert_eq!(messages(&mut alice), [hex(initiator, "third")]);
    bob.handle_message(&hex(initiator, "third"), 0).unwrap();
    assert_eq!(events(&mut bob), [established(initiator, 0)]);
    assert_eq!(messages(&mut bob), [[0_u8; 0]; 0]);

    // A request and its response.
    alice.request(&RequestHead::new("GET", "/peer/v1/health"), Vec::new()).unwrap();
    assert_eq!(messages(&mut alice), [hex(initiator, "request")]);
    bob.handle_message(&hex(initiator, "request"), 0).unwrap();
    let request = events(&mut bob);
    let Some(SessionEvent::Request { stream, .. }) = request.first() else { panic!("{request:?}") };
    let head = ResponseHead { status: 200, headers: vec![("content-type".into(), "application/json".into())] };
    bob.respond(*stream, &head, b"{}".to_vec()).unwrap();
    assert_eq!(messages(&mut bob), [hex(responder, "responseHead"), hex(responder, "responseBody")]);
    alice.handle_message(&hex(responder, "responseHead"), 0).unwrap();
    alice.handle_message(&hex(responder, "responseBody"), 0).unwrap();
    assert_eq!(
        events(&mut alice),
        [
            SessionEvent::Response { stream: *stream, head },
            SessionEvent::Body { stream: *stream, bytes: b"{}".to_vec(), end: true },
        ]
    );

    // The end.
    alice.close();
    assert_eq!(messages(&mut alice), [hex(initiator, "close")]);
}

/// The last of sixteen is the one that the responder knows; it goes on as if it were the only one.
#[test]
fn a_session_with_sixteen_psks_is_the_same_to_the_byte() {
    let all: Value = serde_json::from_str(include_str!("vectors/session.json")).unwrap();
    let (initiator, responder, sixteen) = (&all["initiator"], &all["responder"], &all["sixteen"]);
    let mut config_of_alice = config(&all, initiator, responder);
    let others = sixteen["others"].as_array().unwrap().iter();
    config_of_alice.psks =
        others.map(|secret| psk(&all, secret.as_str().unwrap())).chain(config_of_alice.psks).collect();
    let mut alice = PeerSession::new(config_of_alice, 0).unwrap();
    let mut bob = PeerSession::new(config(&all, responder, initiator), 0).unwrap();
    assert_eq!(messages(&mut alice), [hex(sixteen, "first")]);
    bob.handle_message(&hex(sixteen, "first"), 0).unwrap();
    assert_eq!(messages(&mut bob), [hex(responder, "second")]);
    alice.handle_message(&hex(responder, "second"), 0).unwrap();
    assert_eq!(events(&mut alice), [established(responder, 15)]);
    assert_eq!(messages(&mut alice), [hex(initiator, "third")]);
    bob.handle_message(&hex(initiator, "third"), 0).unwrap();
    assert_eq!(events(&mut bob), [established(initiator, 0)]);
}
