//! One direction of a connection, in pieces of any size.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag_fuzz::stream(data));
