//! The service worker: the only owner of the data, and this device's own HTTP endpoint.
//!
//! Everything that a page reads or writes, and everything that a remote peer asks for, is a fetch of `/peer/v1/…` that
//! is answered here, from IndexedDB. The worker also keeps the files that the application is made of, so that it opens
//! without a network.
//!
//! What it deliberately lacks: connections. A worker cannot hold an `RTCPeerConnection`; pages do that, and hand the
//! requests of their peers on to here. And state: a worker is stopped whenever the browser likes, so all that is in memory
//! is a copy of what is on disk.
//!
//! Requests to other devices, `/peers/{device}/peer/v1/…`, go the other way: out through the tab that is connected to the
//! device ([`peers`]).
//!
//! # A request on its way
//!
//! 1. `static/sw.js` gets the fetch event and passes the request to [`browser::answer`], which lets in what a page of this
//!    app asked by `fetch` ([`boundary`]).
//! 2. [`http::Request`] holds it as plain values; from here on nothing knows about JavaScript but the store. What was
//!    compressed is so no more.
//! 3. [`route::Route`] says what it is about, or why it is about nothing.
//! 4. [`service::Service`] queues it behind other requests for the same room, brings the replica in memory up to what is
//!    stored, and reads it or lets it be edited.
//! 5. A write is appended to the room's log by [`store::Store::append`], in a transaction that is complete only when the
//!    data has reached the disk. Not until then is it answered and are the tabs told (see [`host::Announcement`]).
//! 6. When the log has grown long it is folded into pages, after the answer ([`browser::tidy`]).
//!
//! All but [`browser`] and [`store::IndexedStore`] runs natively too, and is tested there over [`store::Store`] in memory;
//! `tests/service_worker.rs` runs the rest in a real service worker.

pub mod boundary;
#[cfg(feature = "worker")]
pub mod browser;
mod convert;
#[cfg(feature = "worker")]
pub mod deflate;
pub mod host;
pub mod http;
#[cfg(feature = "worker")]
pub mod peers;
pub mod problem;
mod room;
pub mod route;
#[cfg(feature = "worker")]
mod scope;
pub mod service;
#[cfg(feature = "worker")]
mod shell;
pub mod store;
pub mod task_query;
mod text;
