//! What a peer says on a connection for messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag_fuzz::mesh(data));
