//! The ring: what holds for every one, and the owners that others find too.
#![allow(clippy::unwrap_used)] // A test says what it expects by failing.

#[cfg(feature = "runtime")]
mod cluster;
mod defects;
mod input;
mod laws;
mod vectors;
