//! serf's messages, to its decoders and to a node that speaks serf.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag_fuzz::serf(data));
