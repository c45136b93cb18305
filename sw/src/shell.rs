//! The application shell: the files that a page is made of, kept so that it opens without a network.
//!
//! Handing them out is done in `static/sw.js`, so that a page opens even if this wasm does not start. Here is what happens
//! once a version: fetching and verifying them, and removing those of the versions before.

use js_sys::{Array, ArrayBuffer, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{Cache, CacheStorage, Headers, Request, RequestCache, RequestInit, Response, ResponseInit};

use crate::scope::scope;

/// Caches with this prefix are ours to delete.
const PREFIX: &str = "partyline-shell-";

/// Headers that are added to kept files: what they were verified against, and the server's headers at that time.
const HASH: &str = "partyline-hash";
const HEADERS: &str = "partyline-headers";

/// One file of the shell.
#[derive(Debug, Clone)]
struct File {
    url: String,
    /// `sha256-…`, as Subresource Integrity writes it.
    hash: String,
    /// What the server's headers hash to. A policy that became stricter must reach those who have the file already.
    headers: String,
}

/// Puts every file of a version into the cache of this name, or fails: a version is complete or it is not installed.
pub(crate) async fn install(name: String, list: Array, headers: String) -> Result<(), JsValue> {
    let caches = scope().caches()?;
    let target: Cache = JsFuture::from(caches.open(&name)).await?.unchecked_into();
    let before = shells(&caches).await?;
    // All at once, as a page would fetch them.
    let puts: Array = list
        .iter()
        .map(|entry| {
            let (target, before, headers) = (target.clone(), before.clone(), headers.clone());
            future_to_promise(async move {
                let file =
                    File::read(&entry, headers).ok_or_else(|| JsValue::from_str("the precache list is malformed"))?;
                file.keep(&target, &before).await?;
                Ok(JsValue::UNDEFINED)
            })
        })
        .collect();
    JsFuture::from(Promise::all(&puts)).await?;
    Ok(())
}

/// Deletes the shells of other versions.
pub(crate) async fn activate(name: String) -> Result<(), JsValue> {
    let caches = scope().caches()?;
    for (other, _) in shells(&caches).await? {
        if other != name {
            JsFuture::from(caches.delete(&other)).await?;
        }
    }
    Ok(())
}

async fn shells(caches: &CacheStorage) -> Result<Vec<(String, Cache)>, JsValue> {
    let names: Array = JsFuture::from(caches.keys()).await?.unchecked_into();
    let mut shells = Vec::new();
    for name in names.iter().filter_map(|name| name.as_string()).filter(|name| name.starts_with(PREFIX)) {
        let cache = JsFuture::from(caches.open(&name)).await?.unchecked_into();
        shells.push((name, cache));
    }
    Ok(shells)
}

impl File {
    fn read(entry: &JsValue, headers: String) -> Option<Self> {
        let text = |name: &str| Reflect::get(entry, &name.into()).ok()?.as_string();
        Some(Self { url: text("url")?, hash: text("hash")?, headers })
    }

    async fn keep(&self, target: &Cache, before: &[(String, Cache)]) -> Result<(), JsValue> {
        let mut first = RequestCache::Default;
        for (_, cache) in before {
            let kept = JsFuture::from(cache.match_with_str(&self.url)).await?;
            let Ok(kept) = kept.dyn_into::<Response>() else { continue };
            let has = |name, value: &str| kept.headers().get(name).ok().flatten().as_deref() == Some(value);
            if has(HASH, &self.hash) && has(HEADERS, &self.headers) {
                return JsFuture::from(target.put_with_str(&self.url, &kept)).await.map(drop);
            }
            // The browser's HTTP cache may be of that time as well, and a name with a hash in it is kept there for ever.
            first = RequestCache::Reload;
        }
        // The browser's HTTP cache may have it from loading the page, which spares the first visit a second download. What
        // it has may also be old: then the hash differs, and the server is asked.
        let response = match self.fetch(first).await {
            Ok(response) => response,
            Err(_) => self.fetch(RequestCache::Reload).await?,
        };
        JsFuture::from(target.put_with_str(&self.url, &response)).await.map(drop)
    }

    /// Fetches and verifies the file. The answer is made anew: one that came by a redirection may not be given to a
    /// navigation, and the body is no longer encoded as the headers may say.
    async fn fetch(&self, cache: RequestCache) -> Result<Response, JsValue> {
        let init = RequestInit::new();
        init.set_cache(cache);
        init.set_integrity(&self.hash);
        let request = Request::new_with_str_and_init(&self.url, &init)?;
        let fetched = JsFuture::from(scope().fetch_with_request(&request));
        let response: Response = fetched.await.map_err(|error| self.failed(&error.into()))?.unchecked_into();
        if response.status() != 200 {
            return Err(self.failed(&js_sys::Error::new(&response.status_text())));
        }
        let body: ArrayBuffer = JsFuture::from(response.array_buffer()?).await?.unchecked_into();
        let headers = Headers::new_with_headers(&response.headers())?;
        headers.delete("content-encoding")?;
        headers.delete("content-length")?;
        headers.set(HASH, &self.hash)?;
        headers.set(HEADERS, &self.headers)?;
        let init = ResponseInit::new();
        init.set_headers(&headers);
        Response::new_with_opt_buffer_source_and_init(Some(&body), &init)
    }

    fn failed(&self, reason: &js_sys::Error) -> JsValue {
        let reason = String::from(reason.message());
        js_sys::Error::new(&format!("{} cannot be had in this version ({}): {reason}", self.url, self.hash)).into()
    }
}
