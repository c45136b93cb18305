//! What the connections of a room went through, for a report that may be shown to anybody.
//!
//! It is made of numbers and of this module's own words. There is no place in it for an address, an id, a name or a
//! secret.
//!
//! Any tab may ask for it, over a `BroadcastChannel`; the one that holds the room's connections answers.

use std::collections::VecDeque;
use std::fmt::Write as _;

use gloo_events::EventListener;
use js_sys::{Array, Map, Promise, Reflect};
use leptos::task::spawn_local;
use partyline_core::crew::{Effect, End, Input, MakeError};
use partyline_core::dial::{SlotId, Way};
use partyline_core::id::{Endpoint, EndpointHost, RoomId};
use partyline_core::session::CloseReason;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{BroadcastChannel, MessageEvent};

use super::event::{Event, Events};
use crate::platform;

const CHANNEL: &str = "partyline-diagnostics";
/// How long the tab that holds the connections may take.
const TIMEOUT_MS: i32 = 2_000;
/// Events that are kept.
const MAX_EVENTS: usize = 20;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Dialled,
    Reached,
    Secured,
    Open,
}

/// What became of a connection that was open.
fn of_open(end: End) -> &'static str {
    match end {
        End::GivenUp => "disconnected, given up here",
        End::Broken => "disconnected, the connection broke",
        End::Replaced => "disconnected, another connection took its place",
        End::Said(CloseReason::TimedOut) => "disconnected, no answer any more",
        End::Said(CloseReason::ByPeer) => "disconnected, by the other device",
        End::Said(CloseReason::Parted) => "disconnected, reached by way of others",
        End::Said(_) => "disconnected, something made no sense",
    }
}

/// What came in between. The numbers are places in [`FAILURES`].
const NO_ANSWER: usize = 0;
const ICE: usize = 1;
const DTLS: usize = 2;
const HANDSHAKE: usize = 3;
const FAILURES: [&str; 4] = ["no answer", "ICE", "DTLS", "handshake"];

/// The history of a room's connections. Times are those of [`now_ms`](platform::monotonic_ms).
#[derive(Debug, Default)]
pub(super) struct Log {
    stages: Vec<(SlotId, Stage)>,
    dials: u32,
    opened: u32,
    failures: [u32; 4],
    last_failure: Option<(usize, u64)>,
    /// How many of our endpoints are mDNS names, IPv4 and IPv6 addresses.
    endpoints: [usize; 3],
    /// Whether the phone book answered when it was asked last.
    listed: Option<bool>,
    events: VecDeque<(u64, &'static str, Option<Way>)>,
}

/// A peer, as the report has it.
#[derive(Clone, Copy, Debug)]
struct Peer {
    way: Way,
    for_ms: u64,
    /// The kinds of the two candidates, ours and theirs.
    kinds: Option<(&'static str, &'static str)>,
    round_trip_ms: Option<u64>,
}

impl Log {
    /// Takes note of what the crew is told.
    pub(super) fn note(&mut self, input: &Input, now: u64) {
        match input {
            Input::Described { description, .. } => self.endpoints = kinds(&description.endpoints),
            Input::NotMade { error: MakeError::CredentialsRefused, .. } => {
                self.push(now, "the browser refused changed credentials", None);
            }
            Input::NotMade { slot, error: MakeError::Other(_) } => {
                self.push(now, "a connection could not be made", Some(slot.way()));
            }
            Input::Knocked(slot) => self.push(now, "somebody knocked", Some(slot.way())),
            Input::Reached(slot) => self.come(*slot, Stage::Reached),
            Input::Secured(slot) => self.come(*slot, Stage::Secured),
            Input::Registered { taken, .. } => self.book(taken.is_ok(), now),
            Input::Listed(found) => self.book(found.is_ok(), now),
            Input::Shown => self.push(now, "page shown", None),
            Input::Hidden => self.push(now, "page hidden", None),
            Input::Online => self.push(now, "network back", None),
            Input::Offline => self.push(now, "network gone", None),
            _ => {}
        }
    }

    /// Takes note of what the crew wants done. Probes, and connections that wait for a call, are no dials.
    pub(super) fn note_effect(&mut self, effect: &Effect, now: u64) {
        match effect {
            Effect::Dial { slot, .. } => self.dialled(*slot, now),
            Effect::Await { slot, .. } if slot.way() != Way::Redial => self.dialled(*slot, now),
            Effect::AddCandidates { slot, .. } | Effect::Call { slot, .. } if slot.way() == Way::Redial => {
                self.dialled(*slot, now);
            }
            Effect::Established { slot, .. } => self.opened(*slot, now),
            Effect::Close { slot, end } => self.ended(*slot, *end, now),
            _ => {}
        }
    }

    /// A connection is dialled.
    fn dialled(&mut self, slot: SlotId, now: u64) {
        self.dials += 1;
        self.stages.retain(|(other, _)| *other != slot);
        self.stages.push((slot, Stage::Dialled));
        self.push(now, "dialled", Some(slot.way()));
    }

    /// Its peer proved membership.
    fn opened(&mut self, slot: SlotId, now: u64) {
        self.opened += 1;
        // It may be one that the other side dialled.
        self.stages.retain(|(other, _)| *other != slot);
        self.stages.push((slot, Stage::Open));
        self.push(now, "connected", Some(slot.way()));
    }

    /// It ended.
    fn ended(&mut self, slot: SlotId, end: End, now: u64) {
        let Some(at) = self.stages.iter().position(|(other, _)| *other == slot) else { return };
        let (failure, what) = match self.stages.swap_remove(at).1 {
            Stage::Open => return self.push(now, of_open(end), Some(slot.way())),
            Stage::Dialled if end == End::GivenUp => (NO_ANSWER, "no answer"),
            Stage::Dialled => (ICE, "ICE failed"),
            Stage::Reached => (DTLS, "DTLS failed"),
            Stage::Secured => (HANDSHAKE, "the handshake failed"),
        };
        if let Some(count) = self.failures.get_mut(failure) {
            *count += 1;
        }
        self.last_failure = Some((failure, now));
        self.push(now, what, Some(slot.way()));
    }

    fn come(&mut self, slot: SlotId, stage: Stage) {
        if let Some((_, known)) = self.stages.iter_mut().find(|(other, _)| *other == slot) {
            *known = stage;
        }
    }

    fn book(&mut self, answers: bool, now: u64) {
        if self.listed.replace(answers) != Some(answers) {
            let what = if answers { "the phone book answers" } else { "the phone book does not answer" };
            self.push(now, what, None);
        }
    }

    fn push(&mut self, now: u64, what: &'static str, way: Option<Way>) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back((now, what, way));
    }

    /// The report as far as it is about the history.
    fn text(&self, now: u64) -> String {
        let ago = |then: u64| span(now.saturating_sub(then));
        let mut text = String::new();
        let [mdns, v4, v6] = self.endpoints;
        let _ = writeln!(text, "Own endpoints: {mdns} mDNS, {v4} IPv4, {v6} IPv6");
        let failed: u32 = self.failures.iter().sum();
        let _ = write!(text, "Dials: {}, connected {}, failed {failed}", self.dials, self.opened);
        for (name, count) in FAILURES.iter().zip(self.failures).filter(|(_, count)| *count > 0) {
            let _ = write!(text, ", {name} {count}");
        }
        if let Some((failure, then)) = self.last_failure {
            let _ = write!(text, "\nLast failure: {}, {} ago", FAILURES.get(failure).unwrap_or(&""), ago(then));
        }
        text.push_str("\nLast events:\n");
        for (then, what, way) in &self.events {
            let _ = write!(text, "- {} ago: {what}", ago(*then));
            if let Some(way) = way {
                let _ = write!(text, " ({})", way_word(*way));
            }
            text.push('\n');
        }
        text
    }
}

/// The report as far as it is about who is connected.
fn peers_text(peers: &[Peer]) -> String {
    let mut text = String::new();
    for peer in peers {
        let _ = write!(text, "Peer: {}, for {}", way_word(peer.way), span(peer.for_ms));
        if let Some((ours, theirs)) = peer.kinds {
            let _ = write!(text, ", {ours} to {theirs}");
        }
        if let Some(ms) = peer.round_trip_ms {
            let _ = write!(text, ", round trip {ms} ms");
        }
        text.push('\n');
    }
    text
}

fn way_word(way: Way) -> &'static str {
    match way {
        Way::PhoneBook => "by phone book",
        Way::Introduction => "by introduction",
        Way::Redial => "by redial",
        Way::ByHand => "by code",
    }
}

fn kinds(endpoints: &[Endpoint]) -> [usize; 3] {
    let mut counts = [0; 3];
    for endpoint in endpoints {
        let [mdns, v4, v6] = &mut counts;
        *match endpoint.host() {
            EndpointHost::Mdns(_) => mdns,
            EndpointHost::V4(_) => v4,
            EndpointHost::V6(_) => v6,
        } += 1;
    }
    counts
}

/// A length of time: `12 s`, `3 min`, `5 h`.
fn span(ms: u64) -> String {
    match ms / 1_000 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

/// Has the loop told of questions for this room's report.
pub(super) fn listen(events: &Events, room: RoomId) -> Option<EventListener> {
    let channel = BroadcastChannel::new(CHANNEL).ok()?;
    let (events, room) = (events.clone(), room.to_string());
    Some(EventListener::new(&channel, "message", move |event| {
        if message(event).is_some_and(|(asked, text)| asked == room && text.is_none()) {
            events.send(Event::ReportWanted);
        }
    }))
}

/// Answers the question. Of each peer: how it is connected, since when, and its connection's statistics.
pub(super) fn answer(room: RoomId, log: &Log, peers: Vec<(Way, u64, Promise)>, now: u64) {
    let log = log.text(now);
    spawn_local(async move {
        let mut told = Vec::new();
        for (way, opened_ms, statistics) in peers {
            let for_ms = now.saturating_sub(opened_ms);
            let mut peer = Peer { way, for_ms, kinds: None, round_trip_ms: None };
            if let Ok(report) = JsFuture::from(statistics).await {
                peer.look(&report.unchecked_into());
            }
            told.push(peer);
        }
        if let Ok(channel) = BroadcastChannel::new(CHANNEL) {
            let text = peers_text(&told) + &log;
            let _ = channel.post_message(&Array::of2(&room.to_string().into(), &text.into()));
            channel.close();
        }
    });
}

impl Peer {
    /// Reads the statistics (an `RTCStatsReport`, which is used like a map) of the pair of candidates in use. The transport
    /// says which that is; where a browser has no such entry it is the one that was nominated.
    fn look(&mut self, report: &Map) {
        let get = |entry: &JsValue, name: &str| Reflect::get(entry, &name.into()).unwrap_or_default();
        let is = |entry: &JsValue, name: &str, value: &str| get(entry, name).as_string().as_deref() == Some(value);
        let mut selected = JsValue::UNDEFINED;
        report.for_each(&mut |entry, _| {
            if is(&entry, "type", "transport") {
                selected = get(&entry, "selectedCandidatePairId");
            }
        });
        report.for_each(&mut |entry, id| {
            let is_used = match selected.is_string() {
                true => id == selected,
                false => is(&entry, "state", "succeeded") && get(&entry, "nominated").is_truthy(),
            };
            if is_used && is(&entry, "type", "candidate-pair") {
                let kind = |name: &str| {
                    let candidate = report.get(&get(&entry, name));
                    let kind = get(&candidate, "candidateType").as_string().unwrap_or_default();
                    ["host", "srflx", "prflx", "relay"].into_iter().find(|known| *known == kind).unwrap_or("unknown")
                };
                self.kinds = Some((kind("localCandidateId"), kind("remoteCandidateId")));
                let seconds = get(&entry, "currentRoundTripTime").as_f64();
                self.round_trip_ms = seconds.map(|seconds| (seconds * 1_000.0) as u64);
            }
        });
    }
}

/// Asks the tab that holds a room's connections for its part of the report; `None` if none answers.
pub(crate) async fn ask(room: RoomId) -> Option<String> {
    let channel = BroadcastChannel::new(CHANNEL).ok()?;
    let room = room.to_string();
    let answered = Promise::new(&mut |resolve, _| {
        let room = room.clone();
        let heard = Closure::<dyn Fn(web_sys::Event)>::new(move |event| {
            if let Some((asked, Some(text))) = message(&event)
                && asked == room
            {
                let _ = resolve.call1(&JsValue::NULL, &text.into());
            }
        });
        channel.set_onmessage(Some(heard.into_js_value().unchecked_ref()));
    });
    channel.post_message(&Array::of1(&room.into())).ok()?;
    let ends = Array::of2(&answered, &platform::after_ms(TIMEOUT_MS, &JsValue::NULL));
    let answer = JsFuture::from(Promise::race(&ends)).await.ok()?.as_string();
    channel.close();
    answer
}

/// A question names a room, an answer has a text as well.
fn message(event: &web_sys::Event) -> Option<(String, Option<String>)> {
    let message: Array = event.dyn_ref::<MessageEvent>()?.data().dyn_into().ok()?;
    Some((message.get(0).as_string()?, message.get(1).as_string()))
}

#[cfg(test)]
mod tests {
    use partyline_core::connect::IceCredentials;
    use partyline_core::connect::sdp::{LocalDescription, RemoteAnswer, Setup};
    use partyline_core::dial::Unanswered;
    use partyline_core::id::{CertHash, RoomSecret};
    use partyline_core::key::MeetingKey;

    use super::*;

    const ENDPOINTS: [&str; 4] = [
        "192.0.2.17:50001",
        "198.51.100.9:50002",
        "[2001:db8::42]:50003",
        "3f2b8c1e-9d4a-4c6b-8e1f-0a2b3c4d5e6f.local:50004",
    ];

    fn slot(way: Way, number: u32) -> SlotId {
        SlotId::new(way, number)
    }

    #[test]
    fn tells_what_happened_and_nothing_about_whom() {
        let mut log = Log::default();
        let cert_hash = CertHash::from_bytes([7; 32]);
        let credentials = IceCredentials::derive(&MeetingKey::of(&RoomSecret::from_bytes([9; 32])), &cert_hash);
        let endpoints = ENDPOINTS.iter().map(|text| Endpoint::parse(text).unwrap()).collect();
        let description = LocalDescription { credentials, cert_hash, endpoints };
        let (first, second) = (slot(Way::PhoneBook, 1), slot(Way::ByHand, 1));
        log.note(&Input::Described { slot: first, description: Box::new(description) }, 1_000);
        log.note(&Input::Listed(Err(Unanswered::default())), 1_500);
        log.note(&Input::Listed(Err(Unanswered::default())), 1_600);
        log.dialled(first, 2_000);
        log.note(&Input::Reached(first), 2_500);
        log.ended(first, End::GivenUp, 3_000);
        log.dialled(first, 4_000);
        log.ended(first, End::GivenUp, 5_000);
        log.dialled(second, 6_000);
        log.note(&Input::Reached(second), 6_100);
        log.note(&Input::Secured(second), 6_200);
        log.opened(second, 6_300);
        log.ended(second, End::Said(CloseReason::TimedOut), 130_000);
        let peer = Peer { way: Way::ByHand, for_ms: 180_000, kinds: Some(("host", "prflx")), round_trip_ms: Some(12) };
        let text = peers_text(&[peer]) + &log.text(140_000);
        let expected = "Peer: by code, for 3 min, host to prflx, round trip 12 ms
Own endpoints: 1 mDNS, 2 IPv4, 1 IPv6
Dials: 3, connected 1, failed 2, no answer 1, DTLS 1
Last failure: no answer, 2 min ago
Last events:
- 2 min ago: the phone book does not answer
- 2 min ago: dialled (by phone book)
- 2 min ago: DTLS failed (by phone book)
- 2 min ago: dialled (by phone book)
- 2 min ago: no answer (by phone book)
- 2 min ago: dialled (by code)
- 2 min ago: connected (by code)
- 10 s ago: disconnected, no answer any more (by code)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_failure_is_of_the_stage_that_was_not_passed() {
        let end_after = |stages: &[fn(SlotId) -> Input], end: End| {
            let mut log = Log::default();
            let slot = slot(Way::Introduction, 3);
            log.dialled(slot, 0);
            for stage in stages {
                log.note(&stage(slot), 0);
            }
            log.ended(slot, end, 0);
            log.ended(slot, end, 0);
            log.failures
        };
        assert_eq!(end_after(&[], End::GivenUp), [1, 0, 0, 0]);
        assert_eq!(end_after(&[], End::Broken), [0, 1, 0, 0]);
        assert_eq!(end_after(&[Input::Reached], End::GivenUp), [0, 0, 1, 0]);
        assert_eq!(end_after(&[Input::Reached, Input::Secured], End::Broken), [0, 0, 0, 1]);
    }

    /// Of a connection that waits, what it is given later is the dial.
    #[test]
    fn probes_and_what_waits_for_a_call_are_no_dials() {
        let cert_hash = CertHash::from_bytes([7; 32]);
        let credentials = IceCredentials::derive(&MeetingKey::of(&RoomSecret::from_bytes([9; 32])), &cert_hash);
        let remote =
            RemoteAnswer { credentials: credentials.clone(), cert_hash, setup: Setup::Active, candidates: Vec::new() };
        for way in [Way::PhoneBook, Way::Introduction, Way::Redial, Way::ByHand] {
            let slot = slot(way, 1);
            let dials = |effect: Effect| {
                let mut log = Log::default();
                log.note_effect(&effect, 0);
                log.dials
            };
            let is_redial = u32::from(way == Way::Redial);
            assert_eq!(dials(Effect::Dial { slot, remote: remote.clone() }), 1, "{way:?}");
            assert_eq!(dials(Effect::Await { slot, remote: remote.clone() }), 1 - is_redial, "{way:?}");
            assert_eq!(dials(Effect::AddCandidates { slot, candidates: Vec::new() }), is_redial, "{way:?}");
            let (credentials, remote) = (credentials.clone(), remote.clone());
            assert_eq!(dials(Effect::Call { slot, credentials, remote }), is_redial, "{way:?}");
        }
    }

    #[test]
    fn only_the_latest_events_are_kept() {
        let mut log = Log::default();
        for number in 0..100 {
            log.note(if number % 2 == 0 { &Input::Shown } else { &Input::Hidden }, number);
        }
        assert_eq!(log.events.len(), MAX_EVENTS);
        assert_eq!(log.events.back().map(|(then, ..)| *then), Some(99));
    }

    #[test]
    fn lengths_of_time_are_short() {
        for (ms, words) in
            [(0, "0 s"), (119_999, "119 s"), (120_000, "2 min"), (7_200_000, "2 h"), (u64::MAX, "5124095576030 h")]
        {
            assert_eq!(span(ms), words);
        }
    }
}
