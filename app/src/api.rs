//! The client of this device's own endpoint: requests to `/peer/v1/…`, answered by the service worker.
//!
//! A request is refused with [`CallError::NoServiceWorker`] while no service worker controls the page. Without one it
//! would travel to the web server, and a room's secret or a task's text must never leave the browser that way.

use gloo_net::http::{Headers, Method, RequestBuilder, Response};
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;

/// What the service worker answered, whatever its status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The HTTP status code.
    pub(crate) status: u16,
    /// The `Content-Type` header, empty when there is none.
    pub(crate) content_type: String,
    /// Every header that script may read, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The whole body.
    pub(crate) body: Vec<u8>,
}

/// Why a request got no answer at all.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CallError {
    /// No service worker controls this page, so nothing may be sent.
    #[error("The part of Partyline that keeps your tasks is not running. Reload the page.")]
    NoServiceWorker,
    /// The method or a header is not a legal one.
    #[error("The request could not be made: {0}")]
    Request(String),
    /// The service worker did not answer, or its answer broke off.
    #[error("The part of Partyline that keeps your tasks did not answer: {0}")]
    NoAnswer(String),
}

/// Sends one request to the service worker and reads the whole answer.
///
/// `path` starts with `/peer/v1/`. An answer with an error status is an [`Answer`], not a [`CallError`].
pub(crate) async fn call(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Result<Answer, CallError> {
    if !controlled() {
        return Err(CallError::NoServiceWorker);
    }
    let method: Method = method.parse().map_err(|_| CallError::Request(format!("no such method: {method}")))?;
    let sent = Headers::new();
    for (name, value) in headers {
        sent.append(name, value);
    }
    let builder = RequestBuilder::new(path).method(method).headers(sent);
    let request = match body {
        Some(bytes) => builder.body(JsValue::from(Uint8Array::from(bytes))),
        None => builder.build(),
    };
    let response = request
        .map_err(|error| CallError::Request(error.to_string()))?
        .send()
        .await
        .map_err(|error| CallError::NoAnswer(error.to_string()))?;
    read(response).await
}

async fn read(response: Response) -> Result<Answer, CallError> {
    let headers: Vec<(String, String)> = response.headers().entries().collect();
    let content_type = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.clone())
        .unwrap_or_default();
    let body = response.binary().await.map_err(|error| CallError::NoAnswer(error.to_string()))?;
    Ok(Answer { status: response.status(), content_type, headers, body })
}

/// Whether a service worker answers this page's requests.
fn controlled() -> bool {
    web_sys::window().is_some_and(|window| window.navigator().service_worker().controller().is_some())
}
