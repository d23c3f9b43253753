//! What clocks look like outside of a process: one form for each value, and bounds on what is read.
//! `docs/CLOCKS.md` has every bit.

mod codec;
mod dense;
mod folded;
#[cfg(feature = "serde")]
mod formats;
#[cfg(feature = "json")]
mod json;
mod packed;
mod retired;
mod siblings;
mod vector;
mod walk;

pub use dense::ActorTable;
#[cfg(feature = "json")]
pub use json::JSON_MAX;
pub use packed::PackedClock;
