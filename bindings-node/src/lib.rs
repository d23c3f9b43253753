//! The native half of the npm package: a [`chinwag::host::Host`] behind a few small classes. What a
//! JavaScript program sees is in `lib/`; nothing here is public.
//!
//! Nothing here waits, but for binding the address: what takes its time is submitted, and its
//! outcome fetched once the wake function was called. A panic becomes an exception.

pub mod answer;
pub mod clock;
mod config;
pub mod error;
pub mod events;
pub mod member;
pub mod messages;
pub mod node;
pub mod payload;
pub mod ring;
pub mod state;

use napi_derive::napi;

/// The version of the core and of everything beside it.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
