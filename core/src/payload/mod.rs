//! What users say to each other: values as bytes that every language reads alike.
//!
//! A payload is one MessagePack value. It is written by this module whatever the language, so that
//! the same value has the same bytes everywhere: each number, text and container in the smallest
//! form that holds it, floats always in 64 bits. It is read by value and not by width: any valid
//! form is accepted. The order of a map's keys is kept; two orders are two payloads.
//!
//! Nothing is lost in silence. What has no encoding, and bytes that are no payload, are a `codec`
//! error that names the place: `no encoding for an integer of 70 bits at $.items[3].price`.
//!
//! | A payload has | and has not |
//! |---|---|
//! | integers from -2^63 to 2^64 - 1 | larger ones |
//! | floats of 64 bits, with one NaN | |
//! | text in UTF-8, and bytes | |
//! | lists, and maps whose keys are texts that differ | other keys, the same key twice |
//! | points in time, to the nanosecond | other extensions of MessagePack |
//! | [`DEPTH_MAX`] containers within each other | more |
//!
//! [`Value`] is a tree of values for Rust; with the feature `serde`, types of the user's are
//! written and read by [`to_vec`] and [`from_slice`]; with `json`, texts are by [`json`]. Bindings
//! go from [`Writer`] and [`Reader`] to the objects of their language directly.

#[cfg(feature = "json")]
pub mod json;
mod path;
mod reader;
#[cfg(feature = "serde")]
mod typed;
mod value;
mod writer;

pub use reader::{Reader, Token};
#[cfg(feature = "serde")]
pub use typed::{from_slice, to_vec};
pub use value::Value;
pub use writer::Writer;

use crate::error::{Error, ErrorKind, Result};

/// Containers within each other at most.
pub const DEPTH_MAX: usize = 64;

/// Bytes that a [`Writer`] writes at most, unless told otherwise: 64 MiB.
pub const SIZE_MAX: usize = 64 * 1_024 * 1_024;

/// Nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;

/// The type of MessagePack's extension for points in time.
const TIMESTAMP: i8 = -1;

/// Reads a payload once, and keeps nothing. Errors: `codec` for bytes that are none.
pub fn check(bytes: &[u8]) -> Result<()> {
    let mut reader = Reader::new(bytes);
    while !reader.is_done() {
        reader.token()?;
    }
    Ok(())
}

/// The error of what cannot be at this place.
fn wrong_at(why: &str, path: &str) -> Error {
    Error::new(ErrorKind::Codec, format!("{why} at {path}"))
}

/// Why a container cannot be there.
fn too_deep() -> String {
    format!("more than {DEPTH_MAX} containers within each other")
}

#[cfg(test)]
mod tests;
