//! Holds what an HTTP API answers against the document that describes it (OpenAPI 3.1).
//!
//! A contract test makes a [`Document`] of the text once and gives it every [`Exchange`], in the one place where answers
//! come in. [`Document::check`] refuses what the document does not list: a path, a method, a status, a header, a content
//! type, a field of a body. What is the other way round, listed but never answered, shows in a test that plays what
//! reaches all of it: [`Document::reached_by`] and [`Document::listed`].
//!
//! Two things that OpenAPI has no place for stand in extensions at the document's top:
//!
//! - `x-every-answer`: headers of every answer.
//! - `x-otherwise`: the answers to a `path` or a `method` that is not listed, and those that are added on the way to
//!   another server than the first (`server`).
//!
//! # Examples
//!
//! ```
//! use partyline_openapi::{Document, Exchange};
//!
//! let text = r#"{ "openapi": "3.1.0", "paths": { "/health": { "get": { "responses": {
//!     "200": { "content": { "text/plain": {} } } } } } } }"#;
//! let document = Document::parse(text).unwrap();
//! let answer = Exchange {
//!     method: "GET",
//!     target: "/health",
//!     sent: None,
//!     status: 200,
//!     headers: vec![("content-type", "text/plain")],
//!     body: b"fine",
//! };
//! assert!(document.check(&answer).is_ok());
//! let teapot = Exchange { status: 418, ..answer };
//! assert!(document.check(&teapot).unwrap_err().to_string().contains("418"));
//! ```

mod answer;
mod document;
mod exchange;
mod fields;
mod operation;

pub use document::{Document, DocumentError};
pub use exchange::{Deviation, Exchange};
