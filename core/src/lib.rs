//! Chinwag.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod wire;
