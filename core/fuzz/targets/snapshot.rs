//! The file in which a node remembers its cluster.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag_fuzz::snapshot(data));
