//! Chinwag.
#![forbid(unsafe_code)]
