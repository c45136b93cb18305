//! Requests and responses as plain values, so that everything that answers them runs without a browser.

use partyline_core::api::{self, CBOR, JSON, MERGE_PATCH, PROBLEM_JSON};
use partyline_core::id::DeviceId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Failure;

/// A request to the peer API, read completely.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method, in upper case.
    pub method: String,
    /// Path and query, from the first `/` on.
    pub path: String,
    /// The `Accept` header.
    pub accept: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `Partyline-Device` header: the peer from which a page handed this on.
    pub device: Option<String>,
    /// The `Partyline-Asker` header: the device in whose name the page asked for what it hands on.
    pub asker: Option<String>,
    /// The `If-Match` header: what the resource has to be still.
    pub if_match: Option<String>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

/// An answer of the peer API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for 204.
    pub body: Vec<u8>,
}

/// On every answer, whatever it is, as strict as those of the files that the web server sends: data is kept by no cache and
/// is no document of this origin, even if something shows it as one.
pub const STRICT_HEADERS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// The two forms in which vector, sync and changes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// For people and tools.
    Json,
    /// For peers.
    Cbor,
}

impl Request {
    /// The form that the caller wants the answer in. JSON unless it names CBOR: whoever asks with a browser or `curl`
    /// shall be able to read the answer.
    pub fn accepted(&self) -> Media {
        let named = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let refused =
                || range.split(';').skip(1).any(|p| matches!(p.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            parts.next().is_some_and(|media| media.eq_ignore_ascii_case(CBOR)) && !refused()
        };
        match &self.accept {
            Some(accept) if accept.split(',').any(named) => Media::Cbor,
            _ => Media::Json,
        }
    }

    /// The form of the body. JSON if the caller does not say.
    ///
    /// # Errors
    ///
    /// 415 for any other media type.
    pub fn media(&self) -> Result<Media, Failure> {
        let Some(content_type) = self.content_type.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(Media::Json);
        };
        match content_type.split(';').next().map(str::trim) {
            Some(media) if media.eq_ignore_ascii_case(JSON) => Ok(Media::Json),
            Some(media) if media.eq_ignore_ascii_case(MERGE_PATCH) && self.method == "PATCH" => Ok(Media::Json),
            Some(media) if media.eq_ignore_ascii_case(CBOR) => Ok(Media::Cbor),
            // What fetch says by itself of a body that is a string.
            Some(media) if media.eq_ignore_ascii_case("text/plain") => Ok(Media::Json),
            _ => Err(Failure::media_type()),
        }
    }

    /// The body as a JSON document.
    ///
    /// # Errors
    ///
    /// 415 if it is declared as something else, 400 with the place and the reason if it is not such a document.
    pub fn document<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        match self.media()? {
            Media::Json => api::read(&self.body).map_err(|error| Failure::malformed(&error.to_string())),
            Media::Cbor => Err(Failure::media_type()),
        }
    }

    /// Whether the resource is as the caller has seen it (RFC 9110, section 13.1.1), if the caller cares.
    pub(crate) fn matches(&self, etag: &str) -> bool {
        let Some(tags) = &self.if_match else { return true };
        tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag)
    }

    /// The peer that this request was handed on from.
    ///
    /// # Errors
    ///
    /// 400 if the header is there but names no device.
    pub fn from(&self) -> Result<Option<DeviceId>, Failure> {
        device_in(self.device.as_deref())
    }

    /// The device that asked for what this request brings.
    ///
    /// # Errors
    ///
    /// 400 if the header is there but names no device.
    pub fn asker(&self) -> Result<Option<DeviceId>, Failure> {
        device_in(self.asker.as_deref())
    }
}

fn device_in(header: Option<&str>) -> Result<Option<DeviceId>, Failure> {
    header.map(|text| DeviceId::parse(text).map_err(|_| Failure::malformed("A header names no device."))).transpose()
}

impl Response {
    /// 204.
    pub fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), body: Vec::new() }
    }

    /// A JSON document.
    pub fn json(status: u16, document: &impl Serialize) -> Self {
        Self::written(status, JSON, document)
    }

    /// Bytes that are CBOR.
    pub fn cbor(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("content-type", CBOR.to_owned())], body }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    fn written(status: u16, media: &str, document: &impl Serialize) -> Self {
        match serde_json::to_vec(document) {
            Ok(body) => Self { status, headers: vec![("content-type", media.to_owned())], body },
            // Cannot happen with documents of strings and numbers; still no reason to panic.
            Err(_) => Self { status: 500, headers: Vec::new(), body: Vec::new() },
        }
    }
}

impl From<Failure> for Response {
    fn from(failure: Failure) -> Self {
        let mut response = Self::written(failure.problem.status, PROBLEM_JSON, &failure.problem);
        if let Some(allow) = failure.allow {
            response = response.with_header("allow", allow.to_owned());
        }
        response
    }
}
