//! The frames of version 2, byte for byte, and that they are what the recorded session has in its messages.

use std::collections::BTreeMap;

use super::frame::Frame;
use super::noise::{Handshake, Peer};
use super::*;
use crate::id::{CertHash, RoomId, RoomSecret};
use crate::key::{DeviceKey, Psk};

/// What `tests/golden/session.rs` plays. Never written anew.
const SESSION_2: &str = include_str!("../../tests/golden/session-2.txt");

fn golden() -> BTreeMap<&'static str, Vec<u8>> {
    let line = |line: &'static str| {
        let (name, hex) = line.split_once(' ').unwrap();
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        (name, bytes.collect())
    };
    SESSION_2.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a frame says, its head read.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Plain(Frame<'static>),
    Request(u32, bool, RequestHead),
    Response(u32, bool, ResponseHead),
}

impl Meaning {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Plain(frame) => frame.encode(),
            Self::Request(id, end, head) => {
                Frame::Request { stream: StreamId(*id), end: *end, head: &head.encode().unwrap() }.encode()
            }
            Self::Response(id, end, head) => {
                Frame::Response { stream: StreamId(*id), end: *end, head: &head.encode().unwrap() }.encode()
            }
        }
    }

    fn decode(bytes: &'static [u8]) -> Result<Self, SessionError> {
        Ok(match Frame::decode(bytes)? {
            Frame::Request { stream, end, head } => Self::Request(stream.0, end, RequestHead::decode(head)?),
            Frame::Response { stream, end, head } => Self::Response(stream.0, end, ResponseHead::decode(head)?),
            plain => Self::Plain(plain),
        })
    }
}

/// The frames by name: those with a number are in the message with that number.
fn frames() -> [(&'static str, Meaning); 18] {
    let headers = || vec![("content-type".to_owned(), "text/plain".to_owned())];
    let ask = |id, end, method: &str, path: &str| {
        Meaning::Request(id, end, RequestHead { headers: headers(), ..RequestHead::new(method, path) })
    };
    let answer = |id, end, status| Meaning::Response(id, end, ResponseHead { status, headers: headers() });
    let body =
        |id, end, text: &'static str| Meaning::Plain(Frame::Body { stream: StreamId(id), end, bytes: text.as_bytes() });
    let close = |code| Meaning::Plain(Frame::Close { code });
    [
        ("04-frame", ask(0, false, "POST", "/peer/v1/sync")),
        ("05-frame", body(0, true, "what I have")),
        ("06-frame", answer(0, false, 200)),
        ("07-frame", body(0, false, "some of it, ")),
        ("08-frame", body(0, false, "more, ")),
        ("09-frame", body(0, true, "the rest")),
        ("10-frame", ask(1, true, "GET", "/peer/v1/health")),
        ("11-frame", answer(1, true, 204)),
        ("12-frame", ask(2, true, "GET", "/peer/v1/tasks?since=3")),
        ("13-frame", answer(2, false, 200)),
        ("14-frame", body(2, false, "too much")),
        ("15-frame", Meaning::Plain(Frame::Reset { stream: StreamId(2), code: ResetCode::CANCELLED })),
        ("16-frame", Meaning::Plain(Frame::Ping)),
        ("17-frame", Meaning::Plain(Frame::Pong)),
        ("18-frame", close(0)),
        ("frame-close-violation", close(1)),
        ("frame-close-timed-out", close(2)),
        ("frame-close-not-needed", close(3)),
    ]
}

#[test]
fn frames_of_version_2_are_read_and_still_written() {
    let golden = golden();
    for (name, meaning) in frames() {
        assert_eq!(golden.get(name).map(|bytes| hex(bytes)), Some(hex(&meaning.encode())), "{name}");
        assert_eq!(Meaning::decode(golden[name].clone().leak()), Ok(meaning), "{name}");
    }
    assert_eq!(golden.keys().filter(|name| name.contains("frame")).count(), frames().len());
}

/// Bytes of a body are anything, so within them damage is found by the cipher alone; everywhere else a cut, or a byte too
/// many, is an error. What can be read in spite of damage is nothing that could be written in another way.
#[test]
fn damaged_frames_of_version_2_are_refused() {
    let golden = golden();
    for (name, meaning) in frames() {
        let bytes = &golden[name];
        let fixed =
            if matches!(meaning, Meaning::Plain(Frame::Body { .. })) { frame::BODY_OVERHEAD } else { bytes.len() };
        for length in 0..fixed {
            assert!(Meaning::decode(bytes[..length].to_vec().leak()).is_err(), "{name}, cut to {length}");
        }
        if fixed == bytes.len() {
            assert!(Meaning::decode([bytes.as_slice(), &[0]].concat().leak()).is_err(), "{name}, with a byte too many");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut copy = bytes.clone();
                copy[at] ^= 1 << bit;
                if let Ok(other) = Meaning::decode(copy.clone().leak()) {
                    assert_ne!(other, meaning, "{name}, bit {bit} of byte {at}");
                    assert_eq!(other.encode(), copy, "{name}, bit {bit} of byte {at}");
                }
            }
        }
    }
}

#[test]
fn the_recorded_messages_have_the_recorded_frames_in_them() {
    let golden = golden();
    let room = RoomId::from_random_bytes([3; 16]);
    let handshake = |number: u8, local: u8, remote: u8, key: &[u8; 32]| {
        let config = SessionConfig {
            room,
            psks: vec![Psk::of_room(&RoomSecret::from_bytes([4; 32]), room)],
            local: CertHash::from_bytes([local; 32]),
            remote: CertHash::from_bytes([remote; 32]),
            key: DeviceKey::from_random_bytes(*key),
            run: Run([number; 4]),
            ephemeral: [number; 32],
        };
        let peer = Peer { key: config.key.public(), run: config.run, psk: 0 };
        (Handshake::new(FORMAT_VERSION, &config, local < remote).unwrap(), peer)
    };
    let (mut alice, alices) = handshake(1, 5, 9, b"alice...........................");
    let (mut bob, bobs) = handshake(2, 9, 5, b"bob.............................");
    let version = [FORMAT_VERSION].as_slice();
    assert_eq!([version, &alice.call().unwrap()].concat(), golden["01-alice"]);
    assert_eq!([version, &bob.answer(&golden["01-alice"][1..]).unwrap()].concat(), golden["02-bob"]);
    let (heard, third) = alice.confirm(&golden["02-bob"][1..]).unwrap();
    assert_eq!((heard, [version, &third].concat()), (bobs, golden["03-alice"].clone()));
    assert_eq!(bob.conclude(&golden["03-alice"][1..]), Ok(alices));
    let (mut alice, mut bob) = (alice.finish().unwrap(), bob.finish().unwrap());
    for line in 4..=18 {
        let frame = match golden.get(format!("{line:02}-alice").as_str()) {
            Some(message) => bob.decrypt(message),
            None => alice.decrypt(&golden[format!("{line:02}-bob").as_str()]),
        };
        assert_eq!(frame, Ok(golden[format!("{line:02}-frame").as_str()].clone()), "line {line}");
    }
}
