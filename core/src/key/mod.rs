//! Keys, and how each follows from another: the key schedule.
//!
//! What lets a device be dialled, what lets it in, and who it is are three things. Each has a key of its own, so that one
//! can be replaced without the others.
//!
//! | key | says | comes from |
//! |---|---|---|
//! | [`DeviceKey`] | who a device is | 32 random bytes, made for one device in one room |
//! | [`DevicePublicKey`] | the same, to its peers | X25519 of the [`DeviceKey`] with the base point (RFC 7748) |
//! | [`DeviceId`](crate::id::DeviceId) | the same, in what devices write | the public key: `device-id` |
//! | [`Psk`] | who is let in | the room's secret: `noise-psk` |
//! | [`MeetingKey`] | what addresses follow from | the room's secret: `meeting-key` |
//! | [`IceCredentials`](crate::connect::IceCredentials) | who may dial | the meeting key: `ice-…`, `redial-…` |
//!
//! A room's secret and a device's private key never leave the device in any other form than these, but for the link that
//! a person shares. The device key of one room says nothing about that of another, so two rooms cannot tell that they
//! share a member.
//!
//! # Derivation
//!
//! Every derived value is HKDF-SHA-256 (RFC 5869) with the salt `partyline/2`, the key that it comes from as input keying
//! material, and this as `info`: a label, a zero byte, the context. No label holds a zero byte, and the context of a label
//! always has the same length, so two derivations never have the same `info`. All of them are here:
//!
//! | label | key material | context | bytes |
//! |---|---|---|---|
//! | `device-id` | device's public key | | 16 |
//! | `noise-psk` | room's secret | room id (16) | 32 |
//! | `meeting-key` | room's secret | | 32 |
//! | `voucher` | meeting key | certificate hash (32) | 1 |
//! | `ice-ufrag`, `ice-pwd` | meeting key | certificate hash (32) | 12, 24 |
//! | `redial-ufrag`, `redial-pwd` | meeting key | own certificate hash (32), the peer's (32) | 12, 24 |

mod device_key;
mod device_public_key;
mod label;
mod meeting_key;
mod psk;

pub use device_key::{DeviceKey, ParseDeviceKeyError};
pub use device_public_key::{DevicePublicKey, InvalidPublicKey};
pub(crate) use label::Label;
pub use meeting_key::MeetingKey;
pub use psk::Psk;
