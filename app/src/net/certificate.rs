//! The DTLS certificate of this device in a room: made once, kept in IndexedDB, renewed before it expires.
//!
//! It is the page's own store: an `RTCCertificate` is a thing of pages, and a service worker cannot make or use one.
//! Keeping it keeps the certificate hash, by which other devices know how to dial this one again.

use indexed_db_futures::prelude::*;
use indexed_db_futures::{database::Database, transaction::TransactionMode};
use js_sys::{Array, Object, Reflect};
use partyline_core::connect::sdp::LocalDescription;
use partyline_core::id::{CertHash, RoomId};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RtcCertificate, RtcConfiguration, RtcPeerConnection, RtcSessionDescriptionInit};

const DATABASE: &str = "partyline-certificates";
const STORE: &str = "certificates";
/// As long as a browser makes them.
const LIFETIME_MS: f64 = 365.0 * 86_400_000.0;
/// A certificate with less than this left is replaced.
const RENEW_MS: f64 = 30.0 * 86_400_000.0;

/// A certificate and its hash.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) certificate: RtcCertificate,
    pub(super) hash: CertHash,
}

/// The certificate of this device in the room: the kept one, or a new one.
///
/// A browser that cannot keep it (private windows of some) gets a new one each time, which costs it nothing but being
/// known again.
pub(super) async fn of_room(room: RoomId) -> Result<Certificate, JsValue> {
    if let Ok(Some(kept)) = load(room).await
        && kept.expires() > js_sys::Date::now() + RENEW_MS
        && let Ok(hash) = hash_of(&kept).await
    {
        return Ok(Certificate { certificate: kept, hash });
    }
    let certificate = generate().await?;
    let hash = hash_of(&certificate).await?;
    // Failing to keep it is no failure to have it.
    let _ = keep(room, &certificate).await;
    Ok(Certificate { certificate, hash })
}

async fn generate() -> Result<RtcCertificate, JsValue> {
    let algorithm = Object::new();
    Reflect::set(&algorithm, &"name".into(), &"ECDSA".into())?;
    Reflect::set(&algorithm, &"namedCurve".into(), &"P-256".into())?;
    Reflect::set(&algorithm, &"expires".into(), &LIFETIME_MS.into())?;
    let made = JsFuture::from(RtcPeerConnection::generate_certificate_with_object(&algorithm)?).await?;
    made.dyn_into()
}

/// Reads the hash out of an offer: `getFingerprints()` exists in Chromium only.
async fn hash_of(certificate: &RtcCertificate) -> Result<CertHash, JsValue> {
    let connection = RtcPeerConnection::new_with_configuration(&configuration(certificate))?;
    connection.create_data_channel("");
    let offer = JsFuture::from(connection.create_offer()).await;
    connection.close();
    let offer: RtcSessionDescriptionInit = offer?.unchecked_into();
    let description = offer.get_sdp().unwrap_or_default();
    LocalDescription::parse(&description)
        .map(|description| description.cert_hash)
        .map_err(|error| JsValue::from_str(&error.to_string()))
}

/// The configuration of every connection of a room: its certificate, and no server of any kind.
pub(super) fn configuration(certificate: &RtcCertificate) -> RtcConfiguration {
    let configuration = RtcConfiguration::new();
    configuration.set_certificates(&Array::of1(certificate));
    configuration
}

async fn open() -> Result<Database, JsValue> {
    Database::open(DATABASE)
        .with_version(1u8)
        .with_on_upgrade_needed(|_, database| {
            database.create_object_store(STORE).build()?;
            Ok(())
        })
        .await
        .map_err(|error| JsValue::from_str(&error.to_string()))
}

async fn load(room: RoomId) -> Result<Option<RtcCertificate>, JsValue> {
    let text = |error: indexed_db_futures::error::Error| JsValue::from_str(&error.to_string());
    let database = open().await?;
    let transaction = database.transaction(STORE).with_mode(TransactionMode::Readonly).build().map_err(text)?;
    let store = transaction.object_store(STORE).map_err(text)?;
    let found: Option<JsValue> = store.get(room.to_string()).primitive().map_err(text)?.await.map_err(text)?;
    Ok(found.and_then(|found| found.dyn_into().ok()))
}

async fn keep(room: RoomId, certificate: &RtcCertificate) -> Result<(), JsValue> {
    let text = |error: indexed_db_futures::error::Error| JsValue::from_str(&error.to_string());
    let database = open().await?;
    let transaction = database.transaction(STORE).with_mode(TransactionMode::Readwrite).build().map_err(text)?;
    let store = transaction.object_store(STORE).map_err(text)?;
    let value: JsValue = certificate.clone().into();
    store.put(value).with_key(room.to_string()).primitive().map_err(text)?.await.map_err(text)?;
    drop(store);
    transaction.commit().await.map_err(text)
}
