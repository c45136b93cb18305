//! One `RTCPeerConnection` with its one data channel.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::{Interval, Timeout};
use js_sys::{ArrayBuffer, Uint8Array};
use leptos::task::spawn_local;
use partyline_core::connect::IceCredentials;
use partyline_core::connect::sdp::{LocalDescription, RemoteAnswer, Waiting, candidate_attribute, with_credentials};
use partyline_core::crew::{Input, MakeError};
use partyline_core::dial::{Dialler, SlotId};
use partyline_core::id::{Endpoint, EndpointHost};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DomException, MessageEvent, RtcDataChannel, RtcDataChannelInit, RtcDataChannelType, RtcIceCandidateInit,
    RtcIceConnectionState, RtcIceGatheringState, RtcPeerConnection, RtcPeerConnectionState, RtcSdpType,
    RtcSessionDescriptionInit,
};

use super::certificate::{Certificate, configuration};
use super::event::Events;
use super::phone_book_v4;
use crate::platform;

/// Above this many bytes in the channel's buffer nothing more is put into it.
const BUFFER_HIGH: u32 = 1024 * 1024;
/// Once it has drained to this, more is.
const BUFFER_LOW: u32 = 256 * 1024;
/// Milliseconds in which Firefox does not give up a candidate: it does after about 12 seconds.
const WARM_MS: u32 = 7_000;
/// A dial asks anew where it asked, so many milliseconds after the last time.
const ASK_AGAIN_MS: u32 = 1_000;
/// As many as one dial has candidates.
const RANKS: u16 = 64;
const _: () = assert!(RANKS as usize == Dialler::MAX_CANDIDATES);
/// So many ports, one after the other, until the first is new again.
const WARM_TURNS: u16 = 64;
/// So long the endpoints are waited for, in milliseconds. A browser has its own at once, and waits for seconds for a STUN
/// server that does not answer.
const GATHER_MS: u32 = 2_000;
/// No message that a peer may send is longer.
const MAX_MESSAGE: u32 = 64 * 1024;

/// One connection: a spare until it is dialled from. Dropping it closes it.
pub(super) struct Slot {
    connection: RtcPeerConnection,
    channel: RtcDataChannel,
    _listeners: Vec<EventListener>,
    /// Keeps one that waits from giving up, and one that dials asking.
    warm: Cell<Option<Interval>>,
    /// How often it was told where to dial: a browser passes over a candidate that it has been given before.
    turn: Rc<Cell<u16>>,
    /// Where a dial asks, those first that are to be asked next.
    asked: Rc<RefCell<Vec<Endpoint>>>,
}

impl Slot {
    /// Makes a connection and has it gather its endpoints under these credentials, or those that the browser makes;
    /// [`Input::Described`] or [`Input::NotMade`] follows.
    pub(super) fn make(
        id: SlotId,
        certificate: &Certificate,
        credentials: Option<IceCredentials>,
        events: &Events,
    ) -> Result<Self, JsValue> {
        let (slot, gathered) = Self::new(id, Some(certificate), events)?;
        spawn_local(async move { gathered.begin(credentials.as_ref()).await });
        Ok(slot)
    }

    /// Makes a connection that dials at once and is listed nowhere, to see whether anybody answers, under these credentials
    /// and this certificate, or those that the browser makes. No [`Input::Described`] follows.
    pub(super) fn probe(
        id: SlotId,
        certificate: Option<&Certificate>,
        credentials: Option<IceCredentials>,
        answer: &RemoteAnswer,
        events: &Events,
    ) -> Result<Self, JsValue> {
        let (slot, gathered) = Self::new(id, certificate, events)?;
        let answer = answer.to_sdp(waiting());
        spawn_local(async move { gathered.probe(credentials.as_ref(), &answer).await });
        Ok(slot)
    }

    /// Makes a connection that dials at once, as the side that answers: `offer` is what whoever is dialled would have
    /// offered.
    pub(super) fn call(
        id: SlotId,
        certificate: &Certificate,
        credentials: IceCredentials,
        offer: &RemoteAnswer,
        events: &Events,
    ) -> Result<Self, JsValue> {
        let (slot, gathered) = Self::new(id, Some(certificate), events)?;
        let offer = offer.to_sdp(waiting());
        spawn_local(async move { gathered.answer(&offer, &credentials).await });
        Ok(slot)
    }

    fn new(id: SlotId, certificate: Option<&Certificate>, events: &Events) -> Result<(Self, Gathered), JsValue> {
        let connection = match certificate {
            Some(certificate) => RtcPeerConnection::new_with_configuration(&configuration(&certificate.certificate)),
            None => RtcPeerConnection::new(),
        }?;
        let init = RtcDataChannelInit::new();
        init.set_negotiated(true);
        init.set_id(0);
        let channel = connection.create_data_channel_with_data_channel_dict("partyline", &init);
        channel.set_binary_type(RtcDataChannelType::Arraybuffer);
        channel.set_buffered_amount_low_threshold(BUFFER_LOW);
        let gathered =
            Gathered { id, connection: connection.clone(), events: events.clone(), described: Rc::default() };
        let listeners = listeners(id, &connection, &channel, events, &gathered);
        let slot = Self {
            connection,
            channel,
            _listeners: listeners,
            warm: Cell::default(),
            turn: Rc::default(),
            asked: Rc::default(),
        };
        Ok((slot, gathered))
    }

    /// Dials: gives the browser the answer that we wrote for the other side.
    ///
    /// Firefox 153 asks at each candidate seven times, twice as long after the time before, so that after a second and a half
    /// it hardly asks any more. But it has to go on: where both sides control ICE, which in a dial they do, it is the question
    /// of the side with the greater tie-breaker that settles it, and whoever dials back later than that would never be heard.
    pub(super) fn dial(&self, id: SlotId, answer: &RemoteAnswer, events: &Events) {
        let taken = take_answer(&self.connection, &answer.to_sdp(waiting()));
        let events = events.clone();
        spawn_local(async move {
            if taken.await.is_err() {
                events.tell(Input::Closed(id));
            }
        });
        if platform::is_firefox() {
            self.asked.replace(answer.candidates.clone());
            let (connection, turn, asked) = (self.connection.clone(), Rc::clone(&self.turn), Rc::clone(&self.asked));
            self.warm.set(Some(Interval::new(ASK_AGAIN_MS, move || {
                if connection.ice_connection_state() == RtcIceConnectionState::Checking {
                    let mut asked = asked.borrow_mut();
                    let next: Vec<Endpoint> = asked.iter().take(Dialler::MAX_PROBED).copied().collect();
                    add_again(&connection, &next, &turn);
                    asked.rotate_left(next.len());
                }
            })));
        }
    }

    /// Has the connection wait for its peer, whose credentials these are, for as long as it takes.
    ///
    /// Where the browser cannot wait without a candidate (Firefox 153 gives up at once), it is given one that leads nowhere,
    /// and another before it gives those up.
    pub(super) fn arm(&self, id: SlotId, mut answer: RemoteAnswer, events: &Events) {
        answer.candidates = Vec::new();
        if !platform::is_firefox() {
            return self.dial(id, &answer, events);
        }
        answer.candidates.extend(nowhere(0));
        self.dial(id, &answer, events);
        let connection = self.connection.clone();
        let mut turn = 0;
        self.warm.set(Some(Interval::new(WARM_MS, move || {
            if connection.ice_connection_state() == RtcIceConnectionState::Checking {
                turn = (turn + 1) % WARM_TURNS;
                add(&connection, &nowhere(turn), u16::MAX - RANKS);
            }
        })));
    }

    /// Has a dial that is under way try these too.
    pub(super) fn add_candidates(&self, candidates: &[Endpoint]) {
        add_again(&self.connection, candidates, &self.turn);
        self.asked.borrow_mut().extend_from_slice(candidates);
    }

    /// It is open: nothing has to be waited for any more.
    pub(super) fn opened(&self) {
        self.warm.take();
    }

    /// The browser's statistics of the connection.
    pub(super) fn statistics(&self) -> js_sys::Promise {
        self.connection.get_stats()
    }

    /// Closes the connection at once, for a page that goes.
    pub(super) fn close(&self) {
        self.channel.close();
        self.connection.close();
    }

    /// Whether the channel's buffer takes more.
    pub(super) fn has_room(&self) -> bool {
        self.channel.buffered_amount() < BUFFER_HIGH
    }

    /// Sends one message; `false` when the channel is not open.
    pub(super) fn send(&self, message: &[u8]) -> bool {
        self.channel.send_with_u8_array(message).is_ok()
    }
}

/// What this browser's waiting connections do.
fn waiting() -> Waiting {
    if platform::is_firefox() { Waiting::IsSilent } else { Waiting::Answers }
}

fn take_answer(connection: &RtcPeerConnection, sdp: &str) -> JsFuture {
    let description = RtcSessionDescriptionInit::new(RtcSdpType::Answer);
    description.set_sdp(sdp);
    JsFuture::from(connection.set_remote_description(&description))
}

fn add(connection: &RtcPeerConnection, candidates: &[Endpoint], first_rank: u16) {
    for (rank, candidate) in (first_rank..).zip(candidates) {
        let init = RtcIceCandidateInit::new(&candidate_attribute(candidate, rank, waiting()));
        init.set_sdp_mid(Some("0"));
        let taken = connection.add_ice_candidate_with_opt_rtc_ice_candidate_init(Some(&init));
        // One that the browser does not take is one way less, no more.
        spawn_local(async move { drop(JsFuture::from(taken).await) });
    }
}

/// Tells a browser candidates that it may have been told before.
fn add_again(connection: &RtcPeerConnection, candidates: &[Endpoint], turn: &Cell<u16>) {
    turn.set(turn.get().wrapping_add(1));
    add(connection, candidates, turn.get().wrapping_mul(RANKS));
}

/// Candidates that no packet arrives at: the IPv4 dummy address (RFC 7600) and one of the IPv6 discard prefix (RFC 6666).
fn nowhere(turn: u16) -> Vec<Endpoint> {
    let hosts =
        [EndpointHost::V4(Ipv4Addr::new(192, 0, 0, 8)), EndpointHost::V6(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 8))];
    hosts.into_iter().filter_map(|host| Endpoint::new(host, 9 + turn).ok()).collect()
}

impl Drop for Slot {
    /// Closes the connection, a moment later.
    ///
    /// It can take a browser seconds, and Firefox 153 ends a script that takes over ten. So nothing of ours is on the stack
    /// then, that would be left half done.
    fn drop(&mut self) {
        platform::call_later(&self.channel, "close");
        platform::call_later(&self.connection, "close");
    }
}

/// The way of a spare to its endpoints.
#[derive(Clone)]
struct Gathered {
    id: SlotId,
    connection: RtcPeerConnection,
    events: Events,
    /// Set once the local description is, so that a state change before it says nothing.
    described: Rc<Cell<bool>>,
}

impl Gathered {
    async fn begin(&self, credentials: Option<&IceCredentials>) {
        match self.describe(credentials).await {
            Ok(()) => {
                self.described.set(true);
                self.check();
                let late = self.clone();
                Timeout::new(GATHER_MS, move || late.tell()).forget();
            }
            Err(error) => self.events.tell(Input::NotMade { slot: self.id, error: make_error(&error) }),
        }
    }

    /// Offers and, without waiting for endpoints that nobody is told, takes the answer that we wrote.
    async fn probe(&self, credentials: Option<&IceCredentials>, answer: &str) {
        let taken = async {
            self.describe(credentials).await?;
            take_answer(&self.connection, answer).await
        };
        if taken.await.is_err() {
            self.events.tell(Input::Closed(self.id));
        }
    }

    /// Sets the offer as local description, with our credentials in the place of the browser's if there are any.
    async fn describe(&self, credentials: Option<&IceCredentials>) -> Result<(), JsValue> {
        let offer: RtcSessionDescriptionInit = JsFuture::from(self.connection.create_offer()).await?.unchecked_into();
        let description = RtcSessionDescriptionInit::new(RtcSdpType::Offer);
        let sdp = offer.get_sdp().unwrap_or_default();
        description.set_sdp(&credentials.map_or(sdp.clone(), |credentials| with_credentials(&sdp, credentials)));
        JsFuture::from(self.connection.set_local_description(&description)).await?;
        Ok(())
    }

    /// Sets what the other side would have offered, and the answer with our credentials. Its candidates are of no use: nobody
    /// is there who could be told.
    async fn answer(&self, offer: &str, credentials: &IceCredentials) {
        let answered = async {
            let description = RtcSessionDescriptionInit::new(RtcSdpType::Offer);
            description.set_sdp(offer);
            JsFuture::from(self.connection.set_remote_description(&description)).await?;
            let answer: RtcSessionDescriptionInit =
                JsFuture::from(self.connection.create_answer()).await?.unchecked_into();
            let description = RtcSessionDescriptionInit::new(RtcSdpType::Answer);
            description.set_sdp(&with_credentials(&answer.get_sdp().unwrap_or_default(), credentials));
            JsFuture::from(self.connection.set_local_description(&description)).await
        };
        if let Err(error) = answered.await {
            self.events.tell(Input::NotMade { slot: self.id, error: make_error(&error) });
        }
    }

    /// Tells the endpoints once they are all known.
    fn check(&self) {
        if self.connection.ice_gathering_state() == RtcIceGatheringState::Complete {
            self.tell();
        }
    }

    /// Tells the endpoints that are known, once.
    fn tell(&self) {
        if !self.described.replace(false) {
            return;
        }
        let text = self.connection.local_description().map(|description| description.sdp()).unwrap_or_default();
        self.events.tell(match LocalDescription::parse(&text) {
            Ok(mut description) => {
                if let Some(ip) = phone_book_v4::seen() {
                    description.see_from(ip);
                }
                // For the next connection: the device may be in another network by then.
                spawn_local(phone_book_v4::ask());
                Input::Described { slot: self.id, description: Box::new(description) }
            }
            Err(error) => Input::NotMade { slot: self.id, error: MakeError::Other(error.to_string()) },
        });
    }
}

fn make_error(error: &JsValue) -> MakeError {
    match error.dyn_ref::<DomException>() {
        Some(exception) if exception.name() == "InvalidModificationError" => MakeError::CredentialsRefused,
        Some(exception) => MakeError::Other(exception.message()),
        None => MakeError::Other(format!("{error:?}")),
    }
}

/// A channel is open. Without random bytes there is no handshake that keeps a secret.
fn opened(slot: SlotId) -> Input {
    match platform::random_bytes() {
        Some(ephemeral) => Input::Opened { slot, ephemeral },
        None => Input::Closed(slot),
    }
}

fn listeners(
    id: SlotId,
    connection: &RtcPeerConnection,
    channel: &RtcDataChannel,
    events: &Events,
    gathered: &Gathered,
) -> Vec<EventListener> {
    let gathering = {
        let gathered = gathered.clone();
        EventListener::new(connection, "icegatheringstatechange", move |_| gathered.check())
    };
    let ice = {
        let (connection, events) = (connection.clone(), events.clone());
        EventListener::new(&connection.clone(), "iceconnectionstatechange", move |_| {
            match connection.ice_connection_state() {
                // Chromium shows so that a connectivity check came in before anybody was dialled.
                RtcIceConnectionState::Checking if connection.remote_description().is_none() => {
                    events.tell(Input::Knocked(id));
                }
                RtcIceConnectionState::Connected | RtcIceConnectionState::Completed => {
                    events.tell(Input::Reached(id));
                }
                RtcIceConnectionState::Failed => events.tell(Input::Failed(id)),
                _ => {}
            }
        })
    };
    let state = {
        let (connection, events) = (connection.clone(), events.clone());
        EventListener::new(&connection.clone(), "connectionstatechange", move |_| match connection.connection_state() {
            RtcPeerConnectionState::Connected => events.tell(Input::Secured(id)),
            RtcPeerConnectionState::Failed => events.tell(Input::Failed(id)),
            RtcPeerConnectionState::Closed => events.tell(Input::Closed(id)),
            _ => {}
        })
    };
    let on_channel = |name: &'static str, make: fn(SlotId) -> Input| {
        let events = events.clone();
        EventListener::new(channel, name, move |_| events.tell(make(id)))
    };
    let message = {
        let events = events.clone();
        EventListener::new(channel, "message", move |event| {
            let data = event.dyn_ref::<MessageEvent>().map(MessageEvent::data);
            // Text, or more than any peer may send, ends the connection: the session would refuse it anyway.
            match data.and_then(|data| data.dyn_into::<ArrayBuffer>().ok()) {
                Some(bytes) if bytes.byte_length() <= MAX_MESSAGE => {
                    events.tell(Input::Message { slot: id, message: Uint8Array::new(&bytes).to_vec() });
                }
                _ => events.tell(Input::Closed(id)),
            }
        })
    };
    vec![
        gathering,
        ice,
        state,
        message,
        on_channel("open", opened),
        on_channel("close", Input::Closed),
        on_channel("bufferedamountlow", Input::Drained),
    ]
}
