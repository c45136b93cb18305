//! Sync answers on their way, made smaller.
//!
//! The browser compresses (RFC 1951), which costs no byte of code. What stands before the columns of an answer, above all
//! the random ids, stays as it is: among texts it would cost more bytes, and a page has to read how far the sync is.
//! Only answers to a sync are worth it: live changes are shorter than what deflate adds.

use js_sys::Uint8Array;
use partyline_core::api::{CBOR, DEFLATED};
use partyline_core::replica::SyncAnswer;
use wasm_bindgen::prelude::*;

use crate::http::{Request, Response};
use crate::problem::Failure;
use crate::route::MAX_BATCH;

#[wasm_bindgen]
extern "C" {
    /// In `static/sw.js`, where it is a tenth of the bytes: sends bytes through a stream of the browser, and fails if what
    /// comes out is damaged or more than so many bytes.
    #[wasm_bindgen(catch, js_namespace = globalThis, js_name = partylineStream)]
    async fn stream(kind: &str, bytes: Uint8Array, max_bytes: u32) -> Result<JsValue, JsValue>;
}

/// What is shorter goes as it is.
const MIN_BYTES: usize = 1024;

/// Makes a sync answer smaller, if whoever asked can read that.
pub async fn deflate(request: &Request, response: &mut Response) {
    let takes_it = request.accept.as_deref().is_some_and(|accept| accept.contains(DEFLATED));
    if !takes_it || response.body.len() < MIN_BYTES || response.header("content-type") != Some(CBOR) {
        return;
    }
    let Ok((_, plain)) = SyncAnswer::peek(&response.body) else { return };
    let (head, columns) = response.body.split_at(plain);
    if let Ok(smaller) = stream("CompressionStream", columns.into(), u32::MAX).await {
        response.body = [head, &Uint8Array::from(smaller).to_vec()].concat();
        response.headers.retain(|(name, _)| *name != "content-type");
        response.headers.push(("content-type", DEFLATED.to_owned()));
    }
}

/// The other way round, for what is handed on to be merged.
///
/// # Errors
///
/// 422 if the body is not a deflated answer, or larger than a batch may be.
pub async fn inflate(request: &mut Request) -> Result<(), Failure> {
    if request.content_type.as_deref() != Some(DEFLATED) {
        return Ok(());
    }
    let (_, plain) = SyncAnswer::peek(&request.body).map_err(|error| Failure::undecodable(&error))?;
    let (head, smaller) = request.body.split_at(plain);
    let columns = stream("DecompressionStream", smaller.into(), MAX_BATCH as u32).await;
    let columns = columns.map_err(|_| Failure::undecodable(&"the compressed data is damaged"))?;
    request.body = [head, &Uint8Array::from(columns).to_vec()].concat();
    request.content_type = Some(CBOR.to_owned());
    Ok(())
}
