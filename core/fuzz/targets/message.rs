//! The bodies of memberlist's messages, and what hides in them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag_fuzz::message(data));
