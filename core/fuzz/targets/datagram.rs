//! Datagrams in clear, to a node that knows a few members.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag_fuzz::datagram(data));
