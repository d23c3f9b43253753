//! Payloads, and the JSON that they are made of.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag_fuzz::payload(data));
