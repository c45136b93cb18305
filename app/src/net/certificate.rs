//! The DTLS certificate of this device in a room: made once, [kept], renewed before it expires.
//!
//! Keeping it keeps the certificate hash, by which other devices know how to dial this one again. Of the many that are made
//! one is taken whose hash [vouches](MeetingKey::vouches_for) for this device: 512 take Chromium 156 68 ms on a laptop, and
//! Firefox 153 a second.

use js_sys::{Array, Function, Object, Promise, Reflect};
use partyline_core::connect::sdp::LocalDescription;
use partyline_core::connect::{ParseStunError, parse_stun_servers};
use partyline_core::id::{CertHash, RoomId};
use partyline_core::key::MeetingKey;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RtcCertificate, RtcConfiguration, RtcPeerConnection, RtcSessionDescriptionInit};

use super::kept;
use crate::platform;

/// As long as a browser makes them.
const LIFETIME_MS: f64 = 365.0 * 86_400_000.0;
/// A certificate with less than this left is replaced.
const RENEW_MS: f64 = 30.0 * 86_400_000.0;

/// So many certificates are made at once, and so many times: that none of them vouches is as good as impossible.
const BATCH: usize = 32;
const BATCHES: usize = 16 * MeetingKey::ODDS / BATCH;

/// Under this name in `localStorage`: the STUN servers that this browser uses, in place of those of the build.
const STUN: &str = "partyline:stun";

/// A certificate and its hash.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) certificate: RtcCertificate,
    pub(super) hash: CertHash,
    /// Whether an earlier page made it.
    pub(super) is_kept: bool,
}

/// The certificate of this device in the room: the kept one, or a new one.
///
/// A browser that cannot keep it (private windows of some) gets a new one each time, which costs it nothing but being
/// known again.
pub(super) async fn of_room(room: RoomId, meeting_key: &MeetingKey) -> Result<Certificate, JsValue> {
    if let Some(kept) = kept::certificate(room).await
        && kept.expires() > platform::unix_ms() + RENEW_MS
    {
        match fingerprint(&kept) {
            Some(hash) if meeting_key.vouches_for(&hash) => {
                return Ok(Certificate { certificate: kept, hash, is_kept: true });
            }
            Some(_) => {}
            None => {
                if let Ok(hash) = hash_of(&kept).await {
                    return Ok(Certificate { certificate: kept, hash, is_kept: true });
                }
            }
        }
    }
    let made = make(meeting_key).await?;
    kept::keep_certificate(room, &made.certificate).await;
    Ok(made)
}

/// Makes certificates until the hash of one vouches for this device. Where a browser does not tell the hash of a
/// certificate by itself, the first has to do: then others dial this device only once it has answered.
async fn make(meeting_key: &MeetingKey) -> Result<Certificate, JsValue> {
    for _ in 0..BATCHES {
        let batch = (0..BATCH).map(|_| generate()).collect::<Result<Array, _>>()?;
        for certificate in Array::from(&JsFuture::from(Promise::all(&batch)).await?) {
            let certificate: RtcCertificate = certificate.dyn_into()?;
            let Some(hash) = fingerprint(&certificate) else {
                let hash = hash_of(&certificate).await?;
                return Ok(Certificate { certificate, hash, is_kept: false });
            };
            if meeting_key.vouches_for(&hash) {
                return Ok(Certificate { certificate, hash, is_kept: false });
            }
        }
    }
    Err(JsValue::from_str("no certificate vouches for this device"))
}

/// The certificate's hash as `getFingerprints()` tells it.
fn fingerprint(certificate: &RtcCertificate) -> Option<CertHash> {
    let tell: Function = Reflect::get(certificate, &"getFingerprints".into()).ok()?.dyn_into().ok()?;
    let all: Array = tell.call0(certificate).ok()?.dyn_into().ok()?;
    let field = |one: &JsValue, name: &str| Reflect::get(one, &name.into()).ok()?.as_string();
    let sha256 = all.iter().find(|one| field(one, "algorithm").as_deref() == Some("sha-256"))?;
    CertHash::from_fingerprint(&field(&sha256, "value")?).ok()
}

fn generate() -> Result<Promise, JsValue> {
    let algorithm = Object::new();
    Reflect::set(&algorithm, &"name".into(), &"ECDSA".into())?;
    Reflect::set(&algorithm, &"namedCurve".into(), &"P-256".into())?;
    Reflect::set(&algorithm, &"expires".into(), &LIFETIME_MS.into())?;
    RtcPeerConnection::generate_certificate_with_object(&algorithm)
}

/// Reads the hash out of an offer, where a browser does not tell it otherwise.
async fn hash_of(certificate: &RtcCertificate) -> Result<CertHash, JsValue> {
    let connection = RtcPeerConnection::new_with_configuration(&configuration(certificate))?;
    connection.create_data_channel("");
    let offer = JsFuture::from(connection.create_offer()).await;
    platform::call_later(&connection, "close");
    let offer: RtcSessionDescriptionInit = offer?.unchecked_into();
    let description = offer.get_sdp().unwrap_or_default();
    LocalDescription::parse(&description)
        .map(|description| description.cert_hash)
        .map_err(|error| JsValue::from_str(&error.to_string()))
}

/// The STUN servers in use: those of this browser, or those that the build was given in `PARTYLINE_STUN`, which is none by
/// default.
pub(crate) fn stun_servers() -> String {
    platform::remembered(STUN).unwrap_or_else(|| option_env!("PARTYLINE_STUN").unwrap_or_default().to_owned())
}

/// Has this browser use these STUN servers for every connection that is made from now on.
pub(crate) fn use_stun_servers(servers: &str) -> Result<(), ParseStunError> {
    parse_stun_servers(servers)?;
    platform::remember(STUN, servers);
    Ok(())
}

/// The configuration of every connection of a room: its certificate, and the STUN servers if any are configured.
pub(super) fn configuration(certificate: &RtcCertificate) -> RtcConfiguration {
    let configuration = RtcConfiguration::new();
    configuration.set_certificates(&Array::of1(certificate));
    if let Ok(urls) = parse_stun_servers(&stun_servers())
        && !urls.is_empty()
    {
        let server = Object::new();
        let urls: Array = urls.iter().map(|url| JsValue::from_str(url)).collect();
        let _ = Reflect::set(&server, &"urls".into(), &urls);
        configuration.set_ice_servers(&Array::of1(&server));
    }
    configuration
}
