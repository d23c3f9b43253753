//! Rings, as bytes and as JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag_fuzz::ring(data));
