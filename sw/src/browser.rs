//! Where the service meets the browser: what `static/sw.js` calls, and what the service asks of the worker's scope.

use std::cell::OnceCell;
use std::rc::Rc;

use js_sys::{Array, JsString, Object, Reflect, Uint8Array};
use partyline_core::api::CHANNEL;
use wasm_bindgen::prelude::*;
use web_sys::BroadcastChannel;

use crate::boundary::{Provenance, admit};
use crate::deflate::{deflate, inflate};
use crate::host::{Announcement, Host};
use crate::scope::{read_request, scope, write_response};
use crate::service::Service;
use crate::store::IndexedStore;

/// Name of the database.
const DATABASE: &str = "partyline";

thread_local! {
    /// Only a cache of what is in the database: the worker may be gone at any moment and comes back without it.
    static SERVICE: Rc<Service<IndexedStore, BrowserHost>> =
        Rc::new(Service::new(IndexedStore::new(DATABASE), BrowserHost::default()));
}

fn service() -> Rc<Service<IndexedStore, BrowserHost>> {
    SERVICE.with(Rc::clone)
}

/// Answers a request to `/peer/…` or `/peers/…`. `client` is the id of the page that asks; empty if none does.
///
/// # Errors
///
/// Only if the request cannot be read or the answer not be made; every other failure is an answer.
#[wasm_bindgen]
pub async fn answer(request: web_sys::Request, client: String) -> Result<web_sys::Response, JsValue> {
    // Of the words themselves: the bindings' enums do not know those that browsers may add.
    let word = |name: &str| Reflect::get(&request, &name.into()).ok().and_then(|word| word.as_string());
    let (mode, destination) = (word("mode").unwrap_or_default(), word("destination"));
    // A browser that does not say what the answer is for is not believed to want it for a script.
    let destination = destination.as_deref().unwrap_or("unknown");
    if let Err(failure) = admit(Provenance { mode: &mode, destination, client: &client }) {
        return write_response(&failure.into());
    }
    let signal = request.signal();
    let mut request = read_request(&request).await?;
    if !request.path.starts_with("/peers/") {
        let response = match inflate(&mut request).await {
            Ok(()) => {
                let mut response = service().handle(&request).await;
                deflate(&request, &mut response).await;
                response
            }
            Err(failure) => failure.into(),
        };
        return write_response(&response);
    }
    crate::peers::ask(request, &signal).await
}

/// Does what can wait until after the answer: compaction.
#[wasm_bindgen]
pub async fn tidy() {
    service().tidy().await;
}

/// Precaches the shell. `list` is an array of `{url, hash}`; `headers` stands for the headers that the files come with.
///
/// # Errors
///
/// If a file is missing or its hash differs, or the cache cannot be written.
#[wasm_bindgen]
pub async fn install(name: String, list: Array, headers: String) -> Result<(), JsValue> {
    crate::shell::install(name, list, headers).await
}

/// Deletes the shells of other versions.
///
/// # Errors
///
/// If the browser's cache fails.
#[wasm_bindgen]
pub async fn activate(name: String) -> Result<(), JsValue> {
    crate::shell::activate(name).await
}

/// The worker's scope: its clock, its randomness and its channel to the tabs.
#[derive(Debug, Default)]
pub struct BrowserHost {
    channel: OnceCell<Option<BroadcastChannel>>,
}

impl Host for BrowserHost {
    fn now_ms(&self) -> u64 {
        js_sys::Date::now() as u64
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        let filled = scope().crypto().and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes));
        match filled {
            Ok(_) => bytes,
            // Ids that are not random would mix up devices and tasks: better no answer than that.
            Err(error) => wasm_bindgen::throw_val(error),
        }
    }

    fn normalize(&self, text: &str) -> String {
        if text.is_ascii() { text.to_owned() } else { JsString::from(text).normalize("NFC").into() }
    }

    fn announce(&self, announcement: Announcement) {
        let Some(channel) = self.channel.get_or_init(|| BroadcastChannel::new(CHANNEL).ok()) else { return };
        let message = Object::new();
        let set = |name: &str, value: JsValue| {
            let _ = Reflect::set(&message, &name.into(), &value);
        };
        match announcement {
            Announcement::Changed { room, from, batch } => {
                set("type", "changed".into());
                set("room", room.to_string().into());
                set("from", from.map_or(JsValue::NULL, |device| device.to_string().into()));
                set("batch", Uint8Array::from(batch.as_slice()).into());
            }
            Announcement::Rooms => set("type", "rooms".into()),
            Announcement::Renewed { room } => {
                set("type", "renewed".into());
                set("room", room.to_string().into());
            }
        }
        // A tab that misses it shows the change with its next reading, and looks for another key every minute.
        let _ = channel.post_message(&message);
    }
}
