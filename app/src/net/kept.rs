//! What the page itself keeps of a room, apart from the service worker's data: the certificate, whom to call again, and
//! where others can reach it.
//!
//! An `RTCCertificate` is a thing of pages, and who is where concerns nobody but the page that holds the connections.

use std::cell::Cell;
use std::net::IpAddr;

use futures::channel::oneshot;
use futures::future::{Either, LocalBoxFuture, select};
use gloo_timers::callback::Timeout;
use indexed_db_futures::internals::SystemRepr;
use indexed_db_futures::prelude::*;
use indexed_db_futures::{database::Database, transaction::TransactionMode};
use js_sys::Uint8Array;
use leptos::task::spawn_local;
use partyline_core::connect::Contact;
use partyline_core::id::{DeviceId, RoomId};
use partyline_core::redial::{decode_kept, encode_kept};
use partyline_sw::store::lay_out;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::RtcCertificate;

use super::phone_book::Observed;
use crate::platform;

const DATABASE: &str = "partyline-page";
const STORE: &str = "kept";
/// The keys below the room's, which is that of the certificate.
const CONTACTS: &str = "/contacts";
const OBSERVED: &str = "/observed";
const FORGOTTEN: &str = "/forgotten";
/// How long after a certificate was forgotten the next one may be, in milliseconds.
const FORGET_MS: f64 = 3_600_000.0;

/// The certificate of this device in the room, if there is one.
pub(super) async fn certificate(room: RoomId) -> Option<RtcCertificate> {
    read(room.to_string()).await??.dyn_into().ok()
}

/// Keeps a certificate. Failing to is no failure to have it.
pub(super) async fn keep_certificate(room: RoomId, certificate: &RtcCertificate) {
    let _ = write(room.to_string(), Some(certificate.clone().into())).await;
}

/// Deletes the certificate, so that the next page makes another one: once an hour at most, since what speaks against it are
/// others' words. `false` if it has to stay.
pub(super) async fn forget_certificate(room: RoomId) -> bool {
    let now = platform::unix_ms();
    let at = read(key(room, FORGOTTEN)).await.flatten().and_then(|at| at.as_f64());
    // A clock that was put back does not keep it for ever.
    if at.is_some_and(|at| at <= now && now < at + FORGET_MS) {
        return false;
    }
    // What could not be written would be done again and again.
    write(key(room, FORGOTTEN), Some(now.into())).await.is_some() && write(room.to_string(), None).await.is_some()
}

/// Whom this device was connected to in the room, the last one first.
pub(super) async fn contacts(room: RoomId) -> Vec<(DeviceId, Vec<Contact>)> {
    let bytes = read(key(room, CONTACTS)).await.flatten().and_then(|kept| kept.dyn_into::<Uint8Array>().ok());
    bytes.and_then(|bytes| decode_kept(&bytes.to_vec()).ok()).unwrap_or_default()
}

/// Keeps these, in the place of those before. That it failed costs a way to connect again, no more.
pub(super) async fn keep_contacts(room: RoomId, contacts: Vec<(DeviceId, Vec<Contact>)>) {
    let bytes = Uint8Array::from(encode_kept(&contacts).as_slice());
    let _ = write(key(room, CONTACTS), Some(bytes.into())).await;
}

/// Where the phone book saw this device last. A page that is loaded when the phone book is gone has no other way to know.
pub(super) async fn observed(room: RoomId) -> Observed {
    read(key(room, OBSERVED)).await??.as_string()?.parse().ok()
}

/// Keeps where the phone book sees this device.
pub(super) async fn keep_observed(room: RoomId, ip: IpAddr) {
    let _ = write(key(room, OBSERVED), Some(ip.to_string().into())).await;
}

/// Deletes all that is kept of a room.
pub(super) async fn forget(room: RoomId) {
    for key in [room.to_string(), key(room, CONTACTS), key(room, OBSERVED), key(room, FORGOTTEN)] {
        let _ = write(key, None).await;
    }
}

fn key(room: RoomId, what: &str) -> String {
    let mut key = room.to_string();
    key.push_str(what);
    key
}

// Why something could not be read or written, nobody asks; and the texts that say so are larger than this file.

/// How long the database may take to open, in milliseconds. Whoever deletes it may wait for another page that does not let
/// go of it, and whoever opens it waits behind that.
const OPEN_MS: u32 = 2_000;

thread_local! {
    /// An opening was not over in time, and is not over yet.
    static IS_BLOCKED: Cell<bool> = const { Cell::new(false) };
}

/// Opens the database. One that is blocked is as good as none, until it is open after all.
async fn open() -> Option<Database> {
    if IS_BLOCKED.get() {
        return None;
    }
    let opening: LocalBoxFuture<'static, Option<Database>> = Box::pin(async {
        let request = Database::open(DATABASE).with_version(1u8).build().ok()?;
        let _laid_out = lay_out(request.as_sys(), &[STORE]);
        request.await.ok()
    });
    let (end, late) = oneshot::channel::<()>();
    // The end of the sender is heard as well as what it sends.
    let _timer = Timeout::new(OPEN_MS, move || drop(end));
    match select(opening, late).await {
        Either::Left((database, _)) => database,
        Either::Right((_, opening)) => {
            IS_BLOCKED.set(true);
            spawn_local(async move {
                drop(opening.await);
                IS_BLOCKED.set(false);
            });
            None
        }
    }
}

async fn read(key: String) -> Option<Option<JsValue>> {
    let database = open().await?;
    let transaction = database.transaction(STORE).with_mode(TransactionMode::Readonly).build().ok()?;
    let store = transaction.object_store(STORE).ok()?;
    store.get(key).primitive().ok()?.await.ok()
}

/// Puts the value under the key, or deletes what is there.
async fn write(key: String, value: Option<JsValue>) -> Option<()> {
    let database = open().await?;
    let transaction = database.transaction(STORE).with_mode(TransactionMode::Readwrite).build().ok()?;
    let store = transaction.object_store(STORE).ok()?;
    match value {
        Some(value) => drop(store.put(value).with_key(key).primitive().ok()?.await.ok()?),
        None => store.delete(key).primitive().ok()?.await.ok()?,
    }
    drop(store);
    transaction.commit().await.ok()
}
