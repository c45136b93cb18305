//! The worker's global scope, and its requests and responses as plain values.

use js_sys::{ArrayBuffer, Uint8Array};
use partyline_core::api::{ASKER_HEADER, DEVICE_HEADER};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, ResponseInit, ServiceWorkerGlobalScope};

use crate::http::{Request, Response, STRICT_HEADERS};

/// The global object of the service worker.
pub(crate) fn scope() -> ServiceWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Reads a request completely.
///
/// # Errors
///
/// If the body breaks off.
pub(crate) async fn read_request(request: &web_sys::Request) -> Result<Request, JsValue> {
    let url = request.url();
    // Scheme and authority end at the third slash; a fragment never reaches a worker's API.
    let path = url.match_indices('/').nth(2).and_then(|(start, _)| url.get(start..)).unwrap_or("/");
    let path = path.split('#').next().unwrap_or(path);
    let headers = request.headers();
    let body: ArrayBuffer = JsFuture::from(request.array_buffer()?).await?.unchecked_into();
    Ok(Request {
        method: request.method(),
        path: path.to_owned(),
        accept: headers.get("accept")?,
        content_type: headers.get("content-type")?,
        device: headers.get(DEVICE_HEADER)?,
        asker: headers.get(ASKER_HEADER)?,
        if_match: headers.get("if-match")?,
        body: Uint8Array::new(&body).to_vec(),
    })
}

/// Makes the browser's response.
///
/// # Errors
///
/// If the browser refuses a header or the status.
pub(crate) fn write_response(response: &Response) -> Result<web_sys::Response, JsValue> {
    let init = write_head(response)?;
    // 204 must have no body, not an empty one.
    match response.status {
        204 => web_sys::Response::new_with_opt_str_and_init(None, &init),
        _ => web_sys::Response::new_with_opt_js_u8_array_and_init(
            Some(&Uint8Array::from(response.body.as_slice())),
            &init,
        ),
    }
}

/// Status and headers as the browser takes them.
pub(crate) fn write_head(response: &Response) -> Result<ResponseInit, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in STRICT_HEADERS {
        headers.set(name, value)?;
    }
    for (name, value) in &response.headers {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(response.status);
    init.set_headers(&headers);
    Ok(init)
}
