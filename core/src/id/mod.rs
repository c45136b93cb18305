//! Identifiers, secrets and addresses, and their text forms.
//!
//! Every identifier is a type of its own, so that a task's id cannot be passed where a room's is meant, and each has one
//! text form that is written by `Display` (or a method named after the form) and read by `parse`. Parsing is strict: text
//! that would be written in another way than it was read is refused, so one thing never has two names. A [`RoomLink`] alone is
//! looked for in whatever people paste.
//!
//! | type | names | text form |
//! |---|---|---|
//! | [`RoomId`], [`TaskId`], [`SectionId`], [`CommentId`] | a room, a task, a section of its list, a comment | UUID version 4, hyphenated, lower case |
//! | [`DeviceId`] | a device in a room | 32 lower-case hexadecimal digits |
//! | [`RoomSecret`] | what a member knows | 43 base64url characters |
//! | [`RoomLink`] | a room and its secret | `https://HOST/#<room>.<secret>` |
//! | [`CertHash`] | a DTLS certificate | 43 base64url characters, or a fingerprint as SDP writes it |
//! | [`Endpoint`] | a transport address | `192.0.2.1:5000`, `[2001:db8::1]:5000`, `<uuid>.local:5000` |
//! | [`Address`] | all that it takes to dial a browser | (JSON, written by those who send it) |
//!
//! What opens a room or tells where a person is ([`RoomSecret`], [`RoomLink`], [`Endpoint`], [`Address`]) says nothing of
//! it in its `Debug` form, so that it cannot reach a log by accident.

mod address;
pub(crate) mod base64url;
mod cert_hash;
mod comment_id;
mod device_id;
mod endpoint;
pub(crate) mod readings;
mod room_id;
mod room_link;
mod room_secret;
mod rooms_link;
mod section_id;
mod task_id;
mod task_link;
mod uuid_text;

pub use address::{Address, AddressError};
pub use cert_hash::{CertHash, ParseCertHashError};
pub use comment_id::CommentId;
pub use device_id::{DeviceId, ParseDeviceIdError};
pub use endpoint::{Endpoint, EndpointHost, ParseEndpointError};
pub use room_id::RoomId;
pub use room_link::{ParseRoomLinkError, RoomLink};
pub use room_secret::{ParseRoomSecretError, RoomSecret};
pub use rooms_link::{ParseRoomsLinkError, RoomsLink};
pub use section_id::SectionId;
pub use task_id::TaskId;
pub use task_link::TaskLink;
pub use uuid_text::ParseIdError;
